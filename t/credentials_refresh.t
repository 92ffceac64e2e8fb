#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Credentials that expire: fetched ahead of time by a thread, kept while a
# fetch fails, waited for only when there are none.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::ContainerCredentials;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild(no_env => 1, minted => 1);
my $task = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                          mint => 1, lifetime => 3600));

$t->write_file('secret', "$SECRET\n", 0600);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_verify github %%TESTDIR%%/secret;
    deploy_timeout 20s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { deploy_build api; }
        location = /short { deploy_timeout 2s; deploy_build api; }
        location = /static { deploy_verify off; return 204; }
    }
}
EOC

my $n = 0;
my ($reply, $took);

# ("STATUS ATTEMPTS", key id of the last attempt) of a new delivery

sub row {
    my ($uri) = @_;

    my $before = () = $cb->requests();
    my $start = time();

    $reply = deliver($uri || '/hook', 'pull_request', merge(number => ++$n),
                     { timeout => 30 });
    $took = time() - $start;

    my @sent = $cb->requests();
    splice(@sent, 0, $before);

    return ($reply->status . ' ' . @sent, @sent ? $sent[-1]{key} : undef);
}

sub fetches { return scalar(() = grep { $_->{step} eq 'get' }
                                 $task->requests()) }

sub fetched {
    my ($n, $timeout) = @_;

    return wait_for(sub { fetches() >= $n }, "$n fetches", $timeout);
}

# lines of the log of this test that tell of credentials

sub told { return $t->find_in_log(qr/\[$_[0]\].* deploy credentials/) }


###############################################################################
# before anybody asks


$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url());

$t->run($conf);

ok($t->wait_log(qr/notice.* deploy credentials of container.* in 3[56]\d\d s/),
   'fetched at the start');
is(fetches(), 1, 'once');

my ($status, $key) = row();

is($status, '200 1', 'used');
is(fetches(), 1, 'nothing else is fetched');

# a short life: renewed in time, by nobody's request

$task->lifetime(4);
$t->restart($conf);

fetched(2);

my $before = () = $cb->requests();

ok(fetched(4, 20), 'renewed, and again');
is(scalar(() = $cb->requests()), $before, 'in the background');

($status, my $other) = row();

is($status, '200 1', 'used');
isnt($other, $key, 'another key');
is(scalar(told('notice')), 2, 'the log is quiet about it');


###############################################################################
# a fetch fails


$t->restart($conf);

is((row())[0], '200 1', 'a set of four seconds');

$task->fault_always('get', '500');

ok(wait_for(sub { told('error') }, 'the end', 20), 'its end is told');

($status) = row('/short');

is($status, '503 0', 'no credentials');
cmp_ok($took, '>', 1.9, 'after having waited');
is($reply->json->{reason}, 'no AWS credentials', 'reason');
like($reply->header('retry-after'), qr/^[1-9]\d*\z/, 'Retry-After');
is(scalar(told('error')), 1, 'one line of the log');

# a request waits no longer than there is something to wait for

my $waiting = deliver('/hook', 'pull_request', merge(number => ++$n),
                      { start => 1 });

is(http_get('/static')->status, 204, 'nothing else waits');

$task->fault_always('get', undef);

is(http_response($waiting)->status, 200, 'served as soon as there are some');
is((row())[0], '200 1', 'and so are the next');

# nothing is configured: no need to wait

$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => undef,
        AWS_EC2_METADATA_DISABLED => 'true',
        AWS_SHARED_CREDENTIALS_FILE => $t->path('none'));
$t->restart($conf);

($status) = row();

is($status, '503 0', 'nothing configured');
cmp_ok($took, '<', 5, 'told at once');

row();

like(join("\n", $t->find_in_log(qr/no AWS credentials for "api"/)),
     qr/: no credentials: no AWS_ACCESS_KEY_ID; /, 'with the reason');


###############################################################################
# nobody answers


$task->fault_always('get', 'hang');
$task->lifetime(3600);

$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url(),
        AWS_SHARED_CREDENTIALS_FILE => undef);
$t->restart($conf);

my @waiting = map { deliver('/short', 'pull_request', merge(number => ++$n),
                            { start => 1 }) } 1 .. 3;

my $start = time();

is(http_get('/static')->status, 204, 'nothing else waits');
cmp_ok(time() - $start, '<', 1, 'nothing at all');

is(http_response($_)->status, 503, 'waited for deploy_timeout') for @waiting;
cmp_ok(time() - $start, '<', 6, 'not longer');

# with a fetch under way

$start = time();

ok($t->reload(undef, timeout => 30), 'an old worker goes');

$task->fault_always('get', undef);

is((row())[0], '200 1', 'a new one works');

my $fetches = fetches();

$task->fault_always('get', 'hang');
$t->reload(undef, nowait => 1);
fetched($fetches + 1);

# a sanitizer takes longer than the master waits before it kills

if (($ENV{TEST_NGINX_MODULE} || '') ne 'static') {
    $start = time();

    $t->stop('TERM');
    cmp_ok(time() - $start, '<', 5, 'TERM does not wait for it');
}

$t->done();
