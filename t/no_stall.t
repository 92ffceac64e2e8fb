#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Everything that can be asked hangs: CodeBuild, STS, a container's endpoint,
# instance metadata, the name server.  The one worker goes on serving files.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time sleep);

use IO::Socket::INET;

use Test::Deploy;
use Test::Deploy::ContainerCredentials;
use Test::Deploy::IMDS;
use Test::Deploy::Payload;
use Test::Deploy::STS;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $task = $t->helper(Test::Deploy::ContainerCredentials->new($t));
my $imds = $t->helper(Test::Deploy::IMDS->new($t));
my $sts = $t->helper(Test::Deploy::STS->new($t, region => 'us-east-1',
              credentials => [{ id => 'AKIDEXAMPLE',
                  secret => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }]));

# a name server that reads and says nothing

my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
    or die "udp: $!";

$t->var(DNS => $dns->sockport());
$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('file', 'x' x 10000);

$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url(),
        AWS_EC2_METADATA_DISABLED => undef,
        AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds->endpoint(),
        AWS_ENDPOINT_URL_STS => $sts->endpoint());

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 3s;
    deploy_verify github %%TESTDIR%%/secret;

    deploy_project sts { role arn:aws:iam::123456789012:role/deploy; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_transport {
            resolver 127.0.0.1:%%DNS%%;
            resolver_timeout 2s;
            proxy_read_timeout 5s;
        }

        location = /codebuild { deploy_build api; }
        location = /sts { deploy_build sts; }
        location = /container { deploy_credentials container;
                                deploy_build api; }
        location = /imds { deploy_credentials imds; deploy_build api; }
        location = /dns { deploy_endpoint https://codebuild.example;
                          deploy_build api; }

        location / { deploy_verify off; }
    }
}
EOC

my @hang = qw(codebuild sts container imds dns);
my $s;

# how long a file takes, once, on a connection that is kept

sub file {
    my $start = time();

    $s ||= http_connect();

    my $r = http_get('/file', { socket => $s, keep => 1 });

    die 'no file' if $r->status != 200 || length($r->body) != 10000;

    return time() - $start;
}

sub median { return (sort { $a <=> $b } @_)[@_ / 2] }

$cb->fault_always('api', 'hang');
$task->fault_always('get', 'hang');
$imds->fault_always($_, 'hang') for qw(token list role);
$sts->fault_always('assume', 'hang');

$t->run($conf);

# the first fetches hang by now: what is normal is measured later

my $n = 0;
my $start = time();

my %waiting = map { my $uri = $_;
    ($uri => [map { deliver("/$uri", 'pull_request', merge(number => ++$n),
                            { start => 1 }) } 1 .. 4]) } @hang;

my @times;

while (time() - $start < 4) {
    push(@times, file());
    sleep(0.01);
}

for my $uri (@hang) {
    my @status = map { http_response($_)->status } @{ $waiting{$uri} };

    is("@status", $uri eq 'codebuild' ? '504 504 504 504' : '503 503 503 503',
       "$uri: answered in time");
}

ok((grep { $_->{step} eq 'get' } $task->requests()), 'the container was asked');
ok((grep { $_->{step} eq 'token' } $imds->requests()), 'and the instance');
ok((grep { $_->{step} eq 'assume' } $sts->requests()), 'and STS');
is(scalar($cb->requests()), 4, 'and CodeBuild');
my $query;

ok(defined recv($dns, $query, 512, 0) && length($query),
   'and the name server');

# nothing hangs

$cb->fault_always('api', undef);
$task->fault_always('get', undef);
$imds->forget();
$sts->fault_always('assume', undef);

$t->restart($conf);
undef $s;

my @normal = map { sleep(0.01); file() } 1 .. scalar(@times);

my $median = median(@times);
my $limit = 5 * median(@normal) + 0.01;

cmp_ok(scalar(@times), '>', 20, 'files');
cmp_ok($median, '<', $limit, 'as fast as ever');
cmp_ok((sort { $b <=> $a } @times)[0], '<', 1, 'each of them');

note(sprintf('%d files, median %.2f ms, longest %.2f ms; normal %.2f, %.2f',
             scalar(@times), $median * 1000,
             (sort { $b <=> $a } @times)[0] * 1000, median(@normal) * 1000,
             (sort { $b <=> $a } @normal)[0] * 1000));

$t->done();
