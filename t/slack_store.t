#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What is to be told of builds outlives nginx: builds that the queue starts or
# gives up, reports before and after a crash, messages while Slack is down.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Store;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

my $token = 'a token of the builds';

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "$token\n", 0600);

my $conf = <<'EOF';
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store     %%TESTDIR%%/store retry=6s;
    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;
    deploy_timeout   2s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location ~ ^/hooks/(?<project>[\w-]+)$ {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  $project;
            deploy_notify slack;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_build   api-smoke on=build project=api-prod
                           status=succeeded;
            deploy_notify  slack;
        }

        location /deploys {
            deploy_status;
        }
    }
}
EOF

$t->run($conf);

my $store = Test::Deploy::Store->new($t->path('store'));
my $n = 0;


sub start_build {
    my ($project) = @_;

    return deliver("/hooks/$project", 'pull_request',
                   merge(number => ++$n, commit => sprintf('%040x', $n)));
}


sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    return http_post('/builds', JSON::PP::encode_json({
                         project => $project, build_id => $id, %fields }),
                     Authorization => "Bearer $token");
}


sub of_build {
    my ($id) = @_;

    return grep { JSON::PP::encode_json($_->{attachments} || []) =~ /`\Q$id\E`/ }
           $slack->messages();
}


sub wait_text {
    my ($id, $pattern) = @_;

    my $found;

    ok(wait_for(sub {
        ($found) = grep { $_->{text} =~ $pattern } of_build($id);
        return $found;
    }, undef, 30), "a message: $pattern")
        or diag(map { "$_->{text}\n" } $slack->messages());

    return $found || {};
}


sub crash {
    kill('KILL', $t->pid(), $t->worker_pids(all => 1));
    wait_for(sub { $t->reap() });
    delete $t->{exit};
    wait_for(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                          . port(8080)) });
}


# nothing is left to be told

sub all_told {
    my ($name) = @_;

    ok(wait_for(sub {
        !$store->value('SELECT count(*) FROM records WHERE behind')
        && !$store->value('SELECT count(*) FROM builds WHERE state < 2');
    }, undef, 40), "$name: all is told");
}


###############################################################################
# builds that the queue starts, or gives up


my $r = start_build('now');
my $id = $r->json->{builds}[0]{id};

is($r->json->{status}, 'started', 'started at once');
wait_text($id, qr/started/);

$cb->fault('later', ('throttle') x 3);

is(start_build('later')->status, 202, 'queued');
ok(wait_for(sub { $cb->builds('later') }, undef, 20), 'started later');

($id) = map { $_->{id} } $cb->builds('later');

my $message = wait_text($id, qr/started/);

like(JSON::PP::encode_json($message->{attachments}), qr/ann/,
     'who asked for it');

$cb->fault_always('never', 'throttle');
is(start_build('never')->status, 202, 'queued');

$cb->fault_always('refused', 'throttle');
is(start_build('refused')->status, 202, 'queued, too');
$cb->fault_always('refused', 'AccessDeniedException');

for my $project (qw(never refused)) {
    ok($slack->wait_message(sub {
        $_[0]{text} =~ /\b$project\b.*(?:not started|rejected|refused)/
    }, 30), "$project: given up is told")
        or diag(map { "$_->{text}\n" } $slack->messages());
}

$t->expect(qr/deploy gave up "never"/, qr/deploy did not start "refused"/);

all_told('queue');

is(scalar(grep { $_->{text} =~ /\bnever\b/ } $slack->messages()), 1, 'once');
is(scalar(of_build($id)), 1, 'once');


###############################################################################
# a crash while Slack is down


my $prod = start_build('api-prod')->json->{builds}[0]{id};
my $running = start_build('api-web')->json->{builds}[0]{id};

report($prod, phase => 'build', status => 'in_progress');
report($running, phase => 'build', status => 'in_progress');

my $ts = wait_text($prod, qr/in progress/)->{ts};
wait_text($running, qr/in progress/);
all_told('before');

my $sent = () = $slack->messages();

$slack->stop();

is(report($prod, phase => 'post_build', status => 'succeeded')->status, 200,
   'the last report');
my $unseen = start_build('unseen')->json->{builds}[0]{id};

crash();
$t->run($conf);

is(report($running, phase => 'build', status => 'succeeded')->status, 200,
   'a report after it');

$slack->start();

$message = wait_text($prod, qr/succeeded/);
is($message->{ts}, $ts, 'the same message');
like(JSON::PP::encode_json($message->{attachments}), qr/ann/,
     'with what was known');

wait_text($unseen, qr/started/);
wait_text($running, qr/in progress/);

all_told('after a crash');

# the build after it, and its own message

is(scalar $cb->builds('api-smoke'), 1, 'the next build was started');
my ($smoke) = map { $_->{id} } $cb->builds('api-smoke');
wait_text($smoke, qr/started/);

is(scalar $slack->messages(), $sent + 2, 'no message was sent twice');


###############################################################################
# reports after another crash: what is final stays, and starts nothing again


crash();
$t->run($conf);

report($prod, phase => 'build', status => 'in_progress');
is(report($prod, status => 'failed')->status, 200, 'late reports');
$r = report($prod, phase => 'post_build', status => 'succeeded');
is($r->json->{builds}[0]{id}, $smoke, 'the same again, the same build');

report($smoke, status => 'succeeded');
wait_text($smoke, qr/succeeded/);

$message = $slack->wait_message(sub {
    $_[0]{ts} eq $ts && JSON::PP::encode_json($_[0]{attachments})
                        =~ /api-smoke> succeeded/
}, 20);
ok($message, 'told in the message of the first one');
like($message->{text}, qr/succeeded/, 'which has succeeded');

is(scalar $cb->builds('api-smoke'), 1, 'one build in all');
is(scalar $slack->messages(), $sent + 2, 'no new message');

# the history knows it all

$r = http_get("/deploys?build=$prod");

my ($build) = @{ $r->json->{deliveries}[0]{builds} };

is($build->{build_status}, 'succeeded', 'the status');
is_deeply([ map { "$_->{phase} $_->{status}" } @{ $build->{phases} } ],
          ['build in_progress', 'post_build succeeded'], 'its phases')
    or diag(explain($build));


###############################################################################
# the memory of builds is no more than a cache


all_told('at the end');

my %records = map { $_->{build} => $_ } $store->rows('SELECT * FROM records');

is($records{$prod}{status}, 'succeeded', 'the record of a build');
cmp_ok($records{$prod}{final}, '>', 0, 'since when it is final');
is($records{$running}{final}, 0, 'another one is not');
is($store->value('SELECT count(*) FROM builds WHERE notice IS NULL'), 0,
   'all builds have a notice');

$t->expect(qr/deploy did not tell Slack/, qr/exited on signal 9/);

$t->done();
