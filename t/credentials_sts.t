#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Roles: AssumeRole on top of the chain and in profiles,
# AssumeRoleWithWebIdentity.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::AWS qw(chain);
use Test::Deploy::STS;

my $t = Test::Deploy->new();

my $ROLE = 'arn:aws:iam::123456789012:role/service/deploy+x';
my %key = (id => 'AKIDSTS', secret => 'user/secret+0123456789');
my %temporary = (id => 'ASIDSTS', secret => 'temp/secret+0123456789',
                 token => 'temp/token+0123456789==');

my $sts = $t->helper(Test::Deploy::STS->new($t, region => 'eu-central-1',
              credentials => [{ %key }, { %temporary }],
              web => 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'));

my %env = (AWS_ENDPOINT_URL_STS => $sts->endpoint(),
           AWS_REGION => 'eu-central-1',
           AWS_ACCESS_KEY_ID => $key{id},
           AWS_SECRET_ACCESS_KEY => $key{secret});

sub walk {
    my ($env, %args) = @_;

    return chain($t, { %env, %{ $env || {} } }, role => $ROLE, %args);
}

sub last_form { return ($sts->requests())[-1]{form} }


###############################################################################
# on top of the chain


my $now = time();
my $r = walk();

is($r->{rc}, 'ok', 'assumed');
is($r->{id}, 'ASIASTS', 'key id');
is($r->{secret}, 'sts/secret+0123456789', 'secret');
is($r->{token}, 'sts/token&<+0123456789==', 'token');
is($r->{kind}, 'environment', 'kind');
is($r->{source}, "role $ROLE with environment", 'source');
cmp_ok(abs($r->{expires} - $now - 3600), '<', 5, 'expires');
is($r->{fds}, 0, 'no descriptor is left');
is_deeply(last_form(), { Action => 'AssumeRole', Version => '2011-06-15',
                         RoleArn => $ROLE, RoleSessionName => 'ngx_deploy' },
          'parameters');

$r = walk({}, external_id => 'ext:a/b=c,@+-_.', session_name => 'gw@x=y,z+1',
          duration => 900);

is($r->{rc}, 'error', 'an external id that the role does not ask for');
is_deeply(last_form(), { Action => 'AssumeRole', Version => '2011-06-15',
                         RoleArn => $ROLE, RoleSessionName => 'gw@x=y,z+1',
                         ExternalId => 'ext:a/b=c,@+-_.',
                         DurationSeconds => 900 }, 'all parameters');

is(walk({ AWS_ACCESS_KEY_ID => $temporary{id},
          AWS_SECRET_ACCESS_KEY => $temporary{secret},
          AWS_SESSION_TOKEN => $temporary{token} })->{rc}, 'ok',
   'with temporary credentials');

$r = walk({ AWS_ACCESS_KEY_ID => $temporary{id},
            AWS_SECRET_ACCESS_KEY => $temporary{secret},
            AWS_SESSION_TOKEN => $temporary{token} }, plain => 1,
          find => [$sts->{secret}, $sts->{token}]);

is($r->{rc} . $r->{found}, 'ok0', 'nothing of the keys is left in memory');

my $xml = $t->helper(Test::Deploy::STS->new($t, xml => 1,
              region => 'eu-central-1', credentials => [{ %key }]));

$r = walk({ AWS_ENDPOINT_URL_STS => $xml->endpoint() });

is($r->{rc}, 'ok', 'XML');
is($r->{token}, 'sts/token&<+0123456789==', 'token of XML');
cmp_ok(abs($r->{expires} - $now - 3600), '<', 20, 'expires of XML');

$xml->fails({ code => 'AccessDenied', message => 'a & b < c' });
$r = walk({ AWS_ENDPOINT_URL_STS => $xml->endpoint() });

like($r->{reason}, qr/: status 403, AccessDenied: a & b < c\z/,
     'error of XML');


###############################################################################
# what is wrong before anything is sent


$sts->forget();

for my $case (
    [{}, { role => 'deploy' }, qr/the role is not an ARN/],
    [{}, { role => "$ROLE&Action=x" }, qr/the role is not an ARN/],
    [{}, { session_name => 'a b' }, qr/the session name is not of/],
    [{}, { session_name => 'x' x 65 }, qr/the session name is not of/],
    [{}, { external_id => 'x' }, qr/the external id is not of/],
    [{}, { external_id => "a\nb" }, qr/the external id is not of/],
    [{}, { duration => 899 }, qr/the duration is not of/],
    [{ AWS_REGION => undef }, {}, qr/no region for STS/],
    [{ AWS_ENDPOINT_URL_STS => undef, AWS_REGION => 'x' }, {},
     qr/STS has no such endpoint in the region "x"/],
    [{ AWS_ENDPOINT_URL_STS => 'http://10.0.0.1/' }, {},
     qr/AWS_ENDPOINT_URL_STS /],
    [{ AWS_ENDPOINT_URL_STS => $sts->endpoint() . '/x' }, {},
     qr/AWS_ENDPOINT_URL_STS has a path/],
    [{ AWS_ACCESS_KEY_ID => "a\rb" }, {}, qr/^environment: a key is/],
) {
    my ($env, $args, $reason) = @$case;

    $r = walk($env, %$args);

    is($r->{rc}, 'error', 'refused');
    like($r->{reason}, $reason, 'reason');
    is($r->{retry}, 0, 'for good');
}

is(walk({ AWS_REGION => undef }, region => 'eu-central-1')->{rc}, 'ok',
   'region of the caller');

is(scalar($sts->log()), 1, 'nothing else was sent');


###############################################################################
# errors


for my $code (qw(AccessDenied InvalidClientTokenId ExpiredToken
                 RegionDisabledException ValidationError
                 PackedPolicyTooLarge ExpiredTokenException))
{
    $sts->forget();
    $sts->fails($code);

    $r = walk();

    is($r->{rc}, 'error', $code);
    like($r->{reason}, qr!^assuming\ role\ "\Q$ROLE\E":\ POST\ http://\S+:
                          \ status\ \d+,\ $code:\ $code\ of\ the\ test\z!x,
         'reason');
    is($r->{retry}, 1, 'may be mended');
    is(scalar($sts->log()), 1, 'one attempt');
}

for my $code (qw(IDPCommunicationError Throttling)) {
    $sts->forget();
    $sts->fails($code, $code);

    is(walk()->{rc}, 'ok', "twice $code");
    is(scalar($sts->log()), 3, 'three attempts');
}

for my $fault (500, 502, 503, 504, 'truncated', 'garbage', 'huge',
               { status => 200, body => '' }, { status => 200, body => '{}' },
               { status => 200, body => '<html>' },
               { status => 429 })
{
    $sts->forget();
    $sts->fault('assume', $fault, $fault);

    is(walk()->{rc}, 'ok', 'twice ' . (ref($fault) ? "$fault->{status} "
                           . ($fault->{body} || '') : $fault));
    is(scalar($sts->log()), 3, 'three attempts');
}

for my $fault (400, 404, 405, 501, 505, 302) {
    $sts->forget();
    $sts->fault('assume', $fault);

    $r = walk();

    is($r->{rc}, 'error', "$fault: an error");
    like($r->{reason}, qr/: status $fault\z/, 'reason');
    is(scalar($sts->log()), 1, 'one attempt');
}

$sts->forget();
$sts->fault_always('assume', 500);

$r = walk();

is($r->{rc}, 'error', '500 and no end');
like($r->{reason}, qr/: status 500\z/, 'reason');
is(scalar($sts->log()), 3, 'three attempts');
is($r->{retry}, 1, 'try again');

$sts->forget();
$sts->fault_always('assume', { status => 200, body =>
    '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{'
    . '"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t"}}}}' });

like(walk()->{reason}, qr/status 200, but there is no Expiration\z/,
     'no expiration');

$sts->fault_always('assume', { status => 200, body =>
    '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{'
    . '"AccessKeyId":"A","SecretAccessKey":"s","SessionToken":"t",'
    . '"Expiration":1.6E9}}}}' });

like(walk()->{reason}, qr/have expired already\z/, 'expired already');

# what quotes secrets is not handed on

for my $secret ($key{secret}, $temporary{token}) {
    $sts->forget();
    $sts->fails({ code => 'AccessDenied', message => "x $secret y" });

    $r = walk($secret eq $key{secret} ? {}
              : { AWS_ACCESS_KEY_ID => $temporary{id},
                  AWS_SECRET_ACCESS_KEY => $temporary{secret},
                  AWS_SESSION_TOKEN => $temporary{token} });

    like($r->{reason}, qr/status 403, AccessDenied\z/, 'no secret');
}

$sts->forget();
$sts->fails({ code => 'SignatureDoesNotMatch',
              message => "should have been 'POST / x-amz-security-token:x'" });

$r = walk();

like($r->{reason}, qr/status 403, SignatureDoesNotMatch\z/,
     'no canonical request');
is(scalar($sts->log()), 1, 'the clock is right: one attempt');

# time limit and stop flag

$sts->fault_always('assume', 'hang');

$r = walk({}, limit => 700);

is($r->{rc}, 'error', 'no answer');
cmp_ok($r->{ms}, '<', 5000, 'in time');

$r = walk({}, stop => 200);

like($r->{reason}, qr/no time is left/, 'told to stop');
cmp_ok($r->{ms}, '<', 5000, 'at once');

$sts->stop();
$r = walk();

is($r->{rc}, 'error', 'nobody there');
like($r->{reason}, qr/: Failed to connect|: Couldn't connect/i, 'reason');
$sts->start();
$sts->forget();


###############################################################################
# a clock that is wrong


for my $skew (-900, 900) {
    my $sts = $t->helper(Test::Deploy::STS->new($t, region => 'eu-central-1',
                  credentials => [{ %key }], skew => $skew));

    $r = walk({ AWS_ENDPOINT_URL_STS => $sts->endpoint() });

    is($r->{rc}, 'ok', "clock $skew s off");
    is(scalar($sts->log()), 2, 'signed anew');
}

$sts->fails('SignatureDoesNotMatch', 'SignatureDoesNotMatch');
$sts->fault('assume', {});

{
    my $sts = $t->helper(Test::Deploy::STS->new($t, region => 'eu-central-1',
                  credentials => [{ %key }]));

    $sts->fault_always('assume', { code => 'RequestExpired',
                                   date => time() - 1000 });

    $r = walk({ AWS_ENDPOINT_URL_STS => $sts->endpoint() });

    is($r->{rc}, 'error', 'refused all the same');
    is(scalar($sts->log()), 2, 'once more only');
    $sts->expect(qr/Signature (?:expired|not yet)/);
}

$sts->forget();


###############################################################################
# TLS


SKIP: {
    skip 'no IO::Socket::SSL', 4 unless eval { require IO::Socket::SSL; 1 };

    my $tls = $t->helper(Test::Deploy::STS->new($t, tls => 1,
                  region => 'eu-central-1', credentials => [{ %key }]));
    my %tls = (AWS_ENDPOINT_URL_STS => $tls->endpoint_tls());

    is(walk({ %tls, AWS_CA_BUNDLE => $tls->ca_file() })->{rc}, 'ok', 'TLS');

    $r = walk({ %tls });

    is($r->{rc}, 'error', 'unknown authority');
    like($r->{reason}, qr/certificate/, 'reason');
    is(scalar($tls->log()), 1, 'nothing is sent to a stranger');
}


###############################################################################
# web identity


my %web = (AWS_ACCESS_KEY_ID => undef, AWS_SECRET_ACCESS_KEY => undef,
           AWS_WEB_IDENTITY_TOKEN_FILE => $t->path('token'),
           AWS_ROLE_ARN => $ROLE);

sub web {
    my ($env, %args) = @_;

    return chain($t, { %env, %web, %{ $env || {} } }, %args);
}

$t->write_file('token', "$sts->{web}\n");

$r = web();

is($r->{rc}, 'ok', 'web identity');
is($r->{kind}, 'web_identity', 'kind');
is($r->{id}, 'ASIASTS', 'key id');
is($r->{source}, "role $ROLE with web identity \"" . $t->path('token') . '"',
   'source');
is_deeply(last_form(), { Action => 'AssumeRoleWithWebIdentity',
                         Version => '2011-06-15', RoleArn => $ROLE,
                         RoleSessionName => 'ngx_deploy',
                         WebIdentityToken => $sts->{web} }, 'parameters');

web({ AWS_ROLE_SESSION_NAME => 'pod-1' });

is(last_form()->{RoleSessionName}, 'pod-1', 'session name');

# another role on top

$r = web({}, role => 'arn:aws:iam::123456789012:role/second');

is($r->{rc}, 'error', 'a role that these may not assume');
$sts->expect(qr/^request \d+: .*security token included/);

$r = web({}, plain => 1, find => [$sts->{secret}, $sts->{token}, $sts->{web}]);

is($r->{rc} . $r->{found}, 'ok0', 'nothing is left in memory');

$sts->forget();

like(web({ AWS_ROLE_ARN => undef })->{reason}, qr/not AWS_ROLE_ARN/,
     'no role');
is(web({ AWS_ROLE_ARN => undef })->{rc}, 'error', 'ends the chain');
like(web({ AWS_WEB_IDENTITY_TOKEN_FILE => $t->path('none') })->{reason},
     qr/none" does not exist\z/, 'no file');

for my $text ('', "\n", "a b", "a\nb", "\xe9t\xe9") {
    $t->write_file('token', $text);
    like(web()->{reason}, qr/token" holds no token\z/, 'no token');
}

$t->write_file('token', 'abc');
like(web()->{reason}, qr/is not of 4 to 20000 bytes/, 'too short');
is(scalar($sts->log()), 0, 'nothing was sent');

# a stale token is read again, once

for my $code (qw(ExpiredTokenException InvalidIdentityToken)) {
    $t->write_file('token', "old-token-of-$code");
    $sts->forget();
    $sts->fault('assume', { code => $code, fault => 'late', seconds => 2 });

    my $n = () = $sts->requests();
    my $pid = fork();

    if ($pid == 0) {
        $sts->wait_requests($n + 1);
        $t->write_file('token.new', $sts->{web});
        rename($t->path('token.new'), $t->path('token'));
        POSIX::_exit(0);
    }

    $r = web();
    waitpid($pid, 0);

    is($r->{rc}, 'ok', "$code: the file is read again");
    is(scalar($sts->log()), 2, 'two requests');

    $sts->fails($code, $code);

    $r = web();

    is($r->{rc}, 'error', "$code: the same token");
    like($r->{reason}, qr/$code/, 'reason');
    unlike($r->{reason}, qr/\Q$sts->{web}\E/, 'no token');

    $sts->forget();
}

$sts->fails('IDPCommunicationError', 'IDPCommunicationError');
is(web()->{rc}, 'ok', 'the identity provider could not be reached, twice');

$sts->fails({ code => 'IDPRejectedClaim', message => "no: $sts->{web}" });
like(web()->{reason}, qr/status 403, IDPRejectedClaim\z/,
     'a message that quotes the token');

$t->done();
