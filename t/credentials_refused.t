#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Credentials that AWS refuses are fetched once for all who were told so, and
# once more is all that is tried; changed files; instance metadata.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::ContainerCredentials;
use Test::Deploy::IMDS;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild(no_env => 1, minted => 1);
my $task = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                          mint => 1, lifetime => 3600));
my $imds = $t->helper(Test::Deploy::IMDS->new($t, mint => 1,
                                              lifetime => 3600));

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
    }
}
EOC

my $n = 0;
my $reply;

# ("STATUS ATTEMPTS", key id of the last attempt) of a new delivery

sub row {
    my ($uri) = @_;

    my $before = () = $cb->requests();

    $reply = deliver($uri || '/hook', 'pull_request', merge(number => ++$n),
                     { timeout => 30 });

    my @sent = $cb->requests();
    splice(@sent, 0, $before);

    return ($reply->status . ' ' . @sent, @sent ? $sent[-1]{key} : undef);
}

sub fetches { return scalar(() = grep { $_->{step} eq 'get' }
                                 $task->requests()) }

# lines of the log of this test that tell of credentials

sub told { return $t->find_in_log(qr/\[$_[0]\].* deploy credentials/) }


###############################################################################
# refused by AWS


$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url());

$t->run($conf);

my (undef, $key) = row();
my $fetches = fetches();

$cb->fault('api', 'ExpiredTokenException');

my ($status, $other) = row();

is($status, '200 2', 'expired: tried again');
isnt($other, $key, 'with other credentials');
is(fetches(), $fetches + 1, 'fetched once');

# for all that have been refused, and those that come meanwhile

$fetches = fetches();

$cb->fault('api', ('ExpiredTokenException') x 6);
$task->fault('get', { fault => 'late', seconds => 1 });

my @waiting = map { deliver('/hook', 'pull_request', merge(number => ++$n),
                         { start => 1 }) } 1 .. 6;

is(http_response($_)->status, 200, 'refused, waited, started') for @waiting;
is(fetches(), $fetches + 1, 'fetched once for all');

# once

$cb->fault('api', 'ExpiredTokenException', 'UnrecognizedClientException');

is((row())[0], '502 2', 'refused again');

$cb->fault('api', 'UnrecognizedClientException', 'ExpiredTokenException');

is((row())[0], '503 2', 'expired again: a matter of time');

# the source is of no help

$cb->fault('api', 'ExpiredTokenException');
$task->fault_always('get', '500');

($status) = row('/short');

is($status, '503 1', 'nothing else to try');

wait_for(sub { told('warn') }, 'a warning');

is((row())[0], '200 1', 'what there was is still used');
is(scalar(told('warn')), 1, 'one warning');
like((told('warn'))[0], qr/the old ones are used/, 'which says so');

$task->fault_always('get', undef);


###############################################################################
# of a file: what is static there may be changed


my $file = sub {
    my ($id) = @_;

    my $key = Test::Deploy::Mint::minted($id);

    $t->write_file('credentials', "[default]\naws_access_key_id = $id\n"
                   . "aws_secret_access_key = $key->{secret}\n"
                   . "aws_session_token = $key->{token}\n", 0600);
};

my $now = int(time());

$file->('ASIAM' . ($now + 6) . 'N1');

$t->env(AWS_CONTAINER_CREDENTIALS_FULL_URI => undef,
        AWS_EC2_METADATA_DISABLED => 'true',
        AWS_SHARED_CREDENTIALS_FILE => $t->path('credentials'));
$t->restart($conf);

is((row())[0], '200 1', 'a file');

# the test's own key, which says when it expires, to the stand-in alone

wait_for(sub { time() > $now + 6.5 }, undef, 10);

is((row())[0], '503 1', 'its token expired');

($status) = row();

is($status, '503 1', 'the file was read again, once');

$file->('ASIAM' . ($now + 3600) . 'N2');
$t->restart($conf);

($status, $key) = row();

is($status, '200 1', 'another one');

$file->('ASIAM' . ($now + 3600) . 'N3');

$cb->fault('api', 'UnrecognizedClientException');

($status, $other) = row();

is($status, '200 2', 'changed: read again');
is($other, 'ASIAM' . ($now + 3600) . 'N3', 'without a reload');


###############################################################################
# instance metadata: what has expired is better than nothing


$imds->lifetime(-60);

$t->env(AWS_SHARED_CREDENTIALS_FILE => undef,
        AWS_EC2_METADATA_DISABLED => undef,
        AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds->endpoint());
$t->restart($conf);
$t->wait_log(qr/deploy credentials of/);

($status, $key) = row();

ok($t->find_in_log(qr/imds.* have expired, but are used/), 'told');
like($key, qr/^ASIAM/, 'expired, but used');
is($status, '503 2', 'AWS has the last word');

$imds->lifetime(3600);

is((row())[0], '200 2', 'as soon as there are others');

unlike($t->error_log(), qr/of the mint|\Q@{[
           Test::Deploy::Mint::minted($key)->{secret}]}\E/, 'no key in the log');

$t->done();
