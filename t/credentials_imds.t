#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Credentials from the instance metadata of EC2.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::AWS qw(chain);
use Test::Deploy::IMDS;

my $t = Test::Deploy->new();

my $IAM = '/latest/meta-data/iam';
my $TREE = "$IAM/security-credentials-extended/";
my $OLD = "$IAM/security-credentials/";
my $TOKEN = 'PUT /latest/api/token';


# a stand-in and a function that walks to it

sub imds {
    my (%opts) = @_;

    my $imds = $t->helper(Test::Deploy::IMDS->new($t, %opts));

    return ($imds, sub {
        my ($env, %args) = @_;

        return chain($t, {
            AWS_EC2_METADATA_DISABLED => 'false',
            AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds->endpoint(),
            AWS_METADATA_SERVICE_TIMEOUT => 8,
            %{ $env || {} },
        }, kind => 'imds', %args);
    });
}


my $now = time();
my ($imds, $walk) = imds();

my $r = $walk->();

is($r->{rc}, 'ok', 'found');
is($r->{id}, 'ASIAIMDS', 'key id');
is($r->{secret}, 'imds/secret+0123456789', 'secret');
is($r->{token}, 'imds/token+0123456789==', 'token');
is($r->{source}, 'imds role gateway', 'source');
is($r->{stable}, 1, 'static stability');
cmp_ok(abs($r->{expires} - $now - 21600), '<', 5, 'expires');
is($r->{fds}, 0, 'no descriptor is left');
is_deeply([$imds->log()], [$TOKEN, "GET $TREE", "GET ${TREE}gateway"],
          'three requests');

my ($put) = $imds->requests();

is(Test::Deploy::AWS::header($put, 'x-aws-ec2-metadata-token-ttl-seconds'),
   21600, 'lifetime of the token');
is(scalar(keys %{{ map { $_->{conn} => 1 } $imds->requests() }}), 1,
   'one connection');

# in the chain, last

is($walk->({}, kind => 'chain')->{kind}, 'imds', 'the chain ends here');

is($walk->({ AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds->endpoint() . '/' })
       ->{rc}, 'ok', 'an endpoint with a slash');

# no proxy

is($walk->({ http_proxy => 'http://127.0.0.1:1', HTTP_PROXY =>
             'http://127.0.0.1:1', all_proxy => 'http://127.0.0.1:1' })->{rc},
   'ok', 'no proxy is asked');

# secrets are gone from memory

$r = $walk->({}, plain => 1, find => [$imds->{secret}, $imds->{token}]);

is($r->{rc}, 'ok', 'without a sanitizer');
is($r->{found}, 0, 'nothing of the keys is left in memory');


###############################################################################
# configuration


$r = $walk->({ AWS_EC2_INSTANCE_PROFILE_NAME => 'gateway' });

is($r->{id}, 'ASIAIMDS', 'a name that is configured');
is(($imds->log())[-2], $TOKEN, 'is not asked for');

$r = $walk->({ AWS_EC2_INSTANCE_PROFILE_NAME => 'other' });

is($r->{rc}, 'error', 'a role that is not there');
like($r->{reason}, qr/there is no role "other"\z/, 'reason');

$r = $walk->({ AWS_EC2_METADATA_DISABLED => 'TRUE' });

is($r->{rc}, 'declined', 'disabled');
like($r->{reason}, qr/AWS_EC2_METADATA_DISABLED/, 'reason');

for my $case (
    ['http://127.0.0.1/x', qr/has a path/],
    ['http://a@127.0.0.1', qr/AWS_EC2_METADATA_SERVICE_ENDPOINT /],
    ['ftp://127.0.0.1', qr/AWS_EC2_METADATA_SERVICE_ENDPOINT /],
    ["http://127.0.0.1\n", qr/AWS_EC2_METADATA_SERVICE_ENDPOINT /],
) {
    my ($url, $reason) = @$case;

    $r = $walk->({ AWS_EC2_METADATA_SERVICE_ENDPOINT => $url });

    is($r->{rc}, 'error', 'endpoint');
    like($r->{reason}, $reason, "reason: $url");
    is($r->{retry}, 0, 'no use to try again');
}

$r = $walk->({ AWS_EC2_METADATA_SERVICE_ENDPOINT => undef,
               AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE => 'IPv5' });

like($r->{reason}, qr/_MODE is neither IPv4 nor IPv6/, 'mode');

# the same from the profile

$t->write_file('config', "[profile p]\n"
               . "ec2_metadata_service_endpoint = ${\$imds->endpoint()}\n"
               . "ec2_instance_profile_name = gateway\n"
               . "ec2_metadata_v1_disabled = true\n");

my %profile = (AWS_EC2_METADATA_SERVICE_ENDPOINT => undef,
               AWS_CONFIG_FILE => $t->path('config'), AWS_PROFILE => 'p');

is($walk->({ %profile })->{rc}, 'ok', 'settings of the profile');

$imds->fault('token', 403);
$r = $walk->({ %profile });

like($r->{reason}, qr/status 403, and version 1 is disabled/,
     'version 1 is disabled in the profile');


###############################################################################
# the token


for my $status (403, 404, 405) {
    $imds->forget();

    $imds->fault('token', $status, $status);

    is($walk->()->{rc}, 'ok', "$status: version 1");
    is_deeply([$imds->log()], [$TOKEN, "GET $TREE", "GET ${TREE}gateway"],
              "$status: requests");
    ok(!defined Test::Deploy::AWS::header(($imds->requests())[-1],
                                          'x-aws-ec2-metadata-token'),
       'without a token');

    $r = $walk->({ AWS_EC2_METADATA_V1_DISABLED => 'true' });

    is($r->{rc}, 'declined', "$status: version 1 is disabled");
    like($r->{reason}, qr/status $status, and version 1 is disabled/,
         'reason');
}

for my $status (400, 401, 500, 503) {
    $imds->forget();

    $imds->fault('token', $status);

    $r = $walk->();

    is($r->{rc}, 'error', "$status: an error");
    like($r->{reason}, qr!/latest/api/token: status $status\z!, 'reason');
    is(scalar($imds->log()), 1, "$status: no fallback");
}

{
    # the answer to the PUT does not arrive in a container

    $imds->forget();

    $imds->fault_always('token', 'hang');

    my %usual = (AWS_METADATA_SERVICE_TIMEOUT => undef);

    # a second for the rest, too, is little on a busy machine
    for (1 .. 5) {
        $r = $walk->({ %usual });
        last if $r->{rc} eq 'ok';
    }

    is($r->{rc}, 'ok', 'hop limit: version 1');
    cmp_ok($r->{ms}, '>=', 900, 'after a second');
    cmp_ok($r->{ms}, '<', 7000, 'not more');

    $r = $walk->({ %usual, AWS_EC2_METADATA_V1_DISABLED => 'true' });

    is($r->{rc}, 'declined', 'version 1 is disabled');
    like($r->{reason}, qr/no answer, and version 1 is disabled/, 'reason');
}

{
    my ($imds, $walk) = imds(v1 => 0);

    $imds->fault_always('token', 'hang');

    for (1 .. 5) {
        $r = $walk->({ AWS_METADATA_SERVICE_TIMEOUT => undef });
        last if $r->{rc} eq 'error';
    }

    is($r->{rc}, 'error', 'hop limit: version 2 is obligatory');
    like($r->{reason}, qr/hop limit/, 'a hint');
}

{
    # nobody there

    my ($imds, $walk) = imds();

    $imds->stop();

    $r = $walk->();

    is($r->{rc}, 'declined', 'refused: no metadata here');
    is($r->{retry}, 1, 'may come');
    cmp_ok($r->{ms}, '<', 5000, 'at once');
}

for my $case (
    ['empty', { status => 200, body => '' }, qr/is not a token/],
    ['two lines', { status => 200, body => "a\nb" }, qr/is not a token/],
    ['too long', { status => 200, body => 'x' x 2000 }, qr/is not a token/],
    ['huge', 'huge', qr/too long/],
    ['garbage', 'garbage', qr!/latest/api/token: .!],
    ['reset', 'reset', qr!/latest/api/token: .!],
    ['redirect', { status => 302, headers => ['Location: /x'] },
     qr/status 302/],
) {
    my ($name, $fault, $reason) = @$case;

    $imds->forget();

    $imds->fault('token', $fault);

    $r = $walk->();

    is($r->{rc}, 'error', "token: $name");
    like($r->{reason}, $reason, 'reason');
    is(scalar($imds->log()), 1, 'no other request');
}

{
    # a token that has become stale is replaced once

    $imds->forget();

    $imds->fault('role', 401);

    is($walk->()->{rc}, 'ok', 'stale token');
    is_deeply([$imds->log()], [$TOKEN, "GET $TREE", "GET ${TREE}gateway",
                               $TOKEN, "GET ${TREE}gateway"], 'is replaced');

    $imds->fault('list', 401);
    $imds->fault('role', 401);

    $r = $walk->();

    is($r->{rc}, 'error', 'stale twice');
    like($r->{reason}, qr/status 401/, 'reason');
}


###############################################################################
# the role


{
    my ($imds, $walk) = imds(extended => 0);

    is($walk->()->{rc}, 'ok', 'without the extended tree');
    is_deeply([$imds->log()], [$TOKEN, "GET $TREE", "GET $OLD",
                               "GET ${OLD}gateway"], 'the old one');

    is($walk->({ AWS_EC2_INSTANCE_PROFILE_NAME => 'gateway' })->{rc}, 'ok',
       'a name');
}

{
    my ($imds, $walk) = imds(role => '');

    $r = $walk->();

    is($r->{rc}, 'declined', 'no role');
    like($r->{reason}, qr/no role is attached/, 'reason');
    is($r->{retry}, 1, 'may be attached later');
}

for my $case (
    ['list', 403, 'declined', qr/status 403/],
    ['list', 500, 'error', qr/status 500/],
    # once more on another connection is libcurl's right
    ['list', ['reset', 'reset'], 'error', qr!extended/: .!],
    ['list', { status => 200, body => "a/../b" }, 'error', qr/not the name/],
    ['list', { status => 200, body => "a\nb" }, 'error', qr/not the name/],
    ['list', { status => 200, body => '' }, 'error', qr/not the name/],
    ['list', { status => 200, body => 'x' x 200 }, 'error', qr/not the name/],
    ['role', 500, 'error', qr/status 500/],
    ['role', 'truncated', 'error', qr!extended/gateway: .!],
    ['role', 'huge', 'error', qr/too long/],
    ['role', { status => 200, body => '<html>' }, 'error', qr/200, but .*expected/],
    ['role', { status => 200, body => '{"Code":"AssumeRoleUnauthorizedAccess",'
               . '"Message":"EC2 cannot assume the role"}' }, 'error',
     qr/AssumeRoleUnauthorizedAccess: EC2 cannot assume the role\z/],
    ['role', { status => 200, body => '{"Code":"Success"}' }, 'error',
     qr/no access key id/],
    ['role', { status => 200, body => '{"Code":"Success","AccessKeyId":"A",'
               . '"SecretAccessKey":"s","Token":"t","Expiration":"soon"}' },
     'error', qr/Expiration is not a time/],
    ['role', { status => 200, body => '{"Code":"Success","AccessKeyId":"A",'
               . '"SecretAccessKey":"s","Expiration":"2030-01-01T00:00:00Z"}' },
     'error', qr/no session token/],
    ['role', { status => 200, body => '{"Code":"Success","AccessKeyId":"A",'
               . '"SecretAccessKey":"s","Token":"a\nb: c",'
               . '"Expiration":"2030-01-01T00:00:00Z"}' },
     'error', qr/a character that no key has/],
) {
    my ($step, $fault, $rc, $reason) = @$case;

    $imds->forget();
    $imds->fault($step, ref($fault) eq 'ARRAY' ? @$fault : $fault);

    $r = $walk->();

    is($r->{rc}, $rc, "$step: $rc");
    like($r->{reason}, $reason, 'reason');
    unlike($r->{reason}, qr/secret|token\+/, 'no secret');
}

{
    # whole and byte by byte

    $imds->forget();

    $imds->fault('role', 'chunked', 'noclose', 'slow',
                 { fault => 'slow', seconds => 0.05 });

    is($walk->()->{rc}, 'ok', $_) for qw(chunked noclose slow);

    $r = $walk->({ AWS_METADATA_SERVICE_TIMEOUT => 2 });

    is($r->{rc}, 'error', 'too slow');
    like($r->{reason}, qr/timed out/i, 'reason');
    cmp_ok($r->{ms}, '<', 10000, 'in time');
}

{
    # more attempts, longer ones

    $imds->forget();

    $imds->fault('token', 500, 'reset');
    $imds->fault('role', 503);

    is($walk->({ AWS_METADATA_SERVICE_NUM_ATTEMPTS => 3 })->{rc}, 'ok',
       'attempts');

    $imds->fault('role', { fault => 'late', seconds => 1.4 });

    is($walk->()->{rc}, 'ok', 'patience');
}

{
    # static stability: what has expired is still given

    my ($imds, $walk) = imds(lifetime => -60);

    $r = $walk->();

    is($r->{rc}, 'ok', 'an expired set');
    is($r->{stable}, 1, 'may be used on');
    cmp_ok($r->{expires}, '<', time(), 'as the caller sees');
}

{
    # time limit and stop flag

    $imds->forget();

    $imds->fault_always('list', 'hang');

    $r = $walk->({}, limit => 500);

    is($r->{rc}, 'error', 'time limit');
    cmp_ok($r->{ms}, '<', 5000, 'in time');

    $r = $walk->({}, stop => 300);

    is($r->{rc}, 'error', 'told to stop');
    like($r->{reason}, qr/no time is left/, 'reason');
    cmp_ok($r->{ms}, '<', 5000, 'at once');
    is($r->{fds}, 0, 'no descriptor is left');
}

$t->done();
