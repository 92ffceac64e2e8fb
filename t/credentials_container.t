#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Credentials from the endpoint of a container: ECS, EKS Pod Identity.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::AWS qw(chain);
use Test::Deploy::ContainerCredentials;

my $t = Test::Deploy->new();

my $FULL = 'AWS_CONTAINER_CREDENTIALS_FULL_URI';
my $RELATIVE = 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI';
my $FILE = 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE';

my $box = $t->helper(Test::Deploy::ContainerCredentials->new($t));

sub walk {
    my ($env, %args) = @_;

    return chain($t, { $FULL => $box->url(), %{ $env || {} } },
                 kind => 'container', %args);
}


# with too little time for a second attempt, a busy machine gets several

sub once {
    my ($env) = @_;

    for (1 .. 9) {
        my $r = walk($env, limit => 1000);
        return $r if $r->{reason} !~ /no time is left|timed out/ || $_ == 9;
    }
}


my $now = time();
my $r = walk();

is($r->{rc}, 'ok', 'found');
is($r->{id}, 'ASIACONTAINER', 'key id');
is($r->{secret}, 'container/secret+0123456789', 'secret');
is($r->{token}, 'container/token+0123456789==', 'token');
is($r->{source}, 'container ' . $box->url(), 'source');
is($r->{stable}, 0, 'no static stability');
cmp_ok(abs($r->{expires} - $now - 3600), '<', 5, 'expires');
is($r->{fds}, 0, 'no descriptor is left');

is(walk({}, kind => 'chain')->{kind}, 'container', 'in the chain');
is(walk({ http_proxy => 'http://127.0.0.1:1' })->{rc}, 'ok',
   'no proxy is asked');

my $localhost = $box->url();
$localhost =~ s/127\.0\.0\.1/localhost/;

is(walk({ $FULL => $localhost })->{rc}, 'ok', 'localhost');

$r = walk({ $FULL => undef }, kind => 'container');

is($r->{rc}, 'declined', 'not configured');
is($r->{retry}, 0, 'the environment does not change');

$r = walk({}, plain => 1, find => [$box->{secret}, $box->{token}]);

is($r->{rc} . $r->{found}, 'ok0', 'nothing of the keys is left in memory');


###############################################################################
# who may be asked


$box->forget();

for my $url ('http://169.254.170.3/v1', 'http://10.0.0.1/', 'http://a.example',
             'http://localhost.example/', 'http://127.0.0.1.example/',
             'http://169.254.170.2@evil.example/', 'http://128.0.0.1/',
             'http://169.254.170.2.example/', 'http://[fd00:ec2::24]/',
             'http://2852039166/', 'ftp://127.0.0.1/', 'file:///etc/passwd',
             '//127.0.0.1/', "http://127.0.0.1/\r\nx: y", 'https://',
             'http://user@127.0.0.1/', 'http://127.0.0.1/#x',
             'http://169.254.170.2:80@127.0.0.1/', 'http://' . 'x' x 5000)
{
    $r = walk({ $FULL => $url });

    is($r->{rc}, 'error', 'refused: ' . substr($url, 0, 40));
    like($r->{reason}, qr/^$FULL /, 'reason');
    is($r->{retry}, 0, 'for good');
}

for my $path ('x', '@127.0.0.1/', 'http://127.0.0.1/', "/a\nb", '/a b') {
    $r = walk({ $RELATIVE => $path });

    is($r->{rc}, 'error', 'a relative URI that is none');
    like($r->{reason}, qr/^$RELATIVE /, 'reason');
}

is(scalar($box->log()), 0, 'nothing was sent');


###############################################################################
# the authorization


my $token = 'eyJhbGciOi.abc-123';
my $auth = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                          path => '/v2/credentials/x?y=z',
                          authorization => $token));
my %auth = ($FULL => $auth->url());

$t->write_file('token', $token);

is(walk({ %auth, AWS_CONTAINER_AUTHORIZATION_TOKEN => $token })->{rc}, 'ok',
   'token of the environment');

$r = walk({ %auth, $FILE => $t->path('token'),
            AWS_CONTAINER_AUTHORIZATION_TOKEN => 'other' });

is($r->{rc}, 'ok', 'the file wins');
is($r->{source}, "container http://127.0.0.1:$auth->{port}/v2/credentials/x",
   'no query in the source');

$r = walk({ %auth, AWS_CONTAINER_AUTHORIZATION_TOKEN => 'wrong-token-1' });

is($r->{rc}, 'error', 'a wrong token');
like($r->{reason}, qr/x: status 401, InvalidToken: Not authorized: \z/,
     'reason');
unlike($r->{reason}, qr/wrong-token/, 'without the token');
is(scalar(grep { $_->{status} == 401 } $auth->requests()), 3,
   'three attempts');

$auth->forget();

for my $text ("$token\n", "$token\r\n", "a\r\nHost: b", "a\0b", "\x80") {
    $t->write_file('token', $text);

    $r = walk({ %auth, $FILE => $t->path('token') });

    is($r->{rc}, 'error', 'a token that no header can have');
    like($r->{reason}, qr/token" holds a line feed or another/, 'reason');
}

is(scalar($auth->log()), 0, 'nothing was sent');

$t->write_file('token', 'x' x 20001);
like(walk({ %auth, $FILE => $t->path('token') })->{reason},
     qr/is over 20000 bytes/, 'a token file that is too long');
like(walk({ %auth, $FILE => $t->dir() })->{reason},
     qr/is not a regular file/, 'a directory');

# a token that comes while it is tried

$t->write_file('token', 'old-token-1');
my $pid = fork();

if ($pid == 0) {
    $auth->wait_requests(4);
    $t->write_file('token.new', $token);
    rename($t->path('token.new'), $t->path('token'));
    POSIX::_exit(0);
}

$r = walk({ %auth, $FILE => $t->path('token') });
waitpid($pid, 0);

is($r->{rc}, 'ok', 'the file is read at each attempt');

$r = walk({ %auth, $FILE => $t->path('none') });

like($r->{reason}, qr/none" does not exist\z/, 'no token file');

# a message that quotes the token

$auth->fault_always('get', { status => 403, body =>
                             '{"code":"X","message":"bad ' . $token . '"}' });
$t->write_file('token', $token);

$r = once({ %auth, $FILE => $t->path('token') });

like($r->{reason}, qr/status 403, X\z/, 'a message that quotes the token');


###############################################################################
# faults


for my $faults (['reset', 500], ['truncated', 404]) {
    $box->forget();
    $box->fault('get', @$faults);

    $r = walk();

    is($r->{rc}, 'ok', "@$faults");
    cmp_ok($r->{ms}, '>=', 1900, 'a second between');
    is(scalar($box->log()), 3, 'three attempts');
}

$box->forget();

for my $case (
    [404, qr/: status 404\z/],
    ['reset', qr/container: GET http:\S+: [A-Z]/],
    ['close', qr/container: GET http:\S+: [A-Z]/],
    ['truncated', qr/container: GET http:\S+: [a-zA-Z]/],
    ['huge', qr/: the answer is too long/],
    [{ status => 200, body => 'x' }, qr/status 200, but .*expected/],
    [{ status => 200, body => '{}' }, qr/status 200, but there is no access/],
    [{ status => 400, body => '{"code":"E.1","message":"m"}' },
     qr/: status 400, E\.1: m\z/],
    [{ status => 400, body => '{"code":"E 1","message":"m\u000a\u00e9"}' },
     qr/: status 400: m\?\?\?\z/],
    [{ status => 500, body => 'no JSON' }, qr/: status 500\z/],
    [{ status => 200, body => '[]' }, qr/status 200, but there is no access/],
    [{ status => 200, body => '{"AccessKeyId":"A","SecretAccessKey":"s",'
       . '"Token":"t","Expiration":null}' }, qr/there is no Expiration/],
    [{ status => 200, body => '{"AccessKeyId":1}' }, qr/is not a string/],
    [{ status => 200, body => '{"a":1,"a":2}' }, qr/duplicate key/],
    [{ status => 200, body => '{"x":"' . 'y' x 70000 . '"}' },
     qr/: the answer is too long/],
    [{ status => 302, headers => ['Location: /v1/credentials'] },
     qr/: status 302\z/],
    ['garbage', qr/: Received HTTP\/0\.9/],
) {
    my ($fault, $reason) = @$case;

    $box->fault_always('get', $fault);

    $r = once();

    is($r->{rc}, 'error', 'an error');
    like($r->{reason}, $reason, 'reason');
    is($r->{retry}, 1, 'try again');
}

$box->fault_always('get', 'hang');

$r = walk({}, limit => 2500);

is($r->{rc}, 'error', 'no answer');
like($r->{reason}, qr/timed out/, 'reason');
cmp_ok($r->{ms}, '<', 7000, 'in time');

$r = walk({}, stop => 200);

is($r->{rc}, 'error', 'told to stop');
cmp_ok($r->{ms}, '<', 5000, 'at once');

$box->fault_always('get', 500);
$r = walk({}, stop => 500);

cmp_ok($r->{ms}, '<', 1900, 'also between attempts');

{
    my $old = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                             lifetime => -5));

    $r = walk({ $FULL => $old->url() });

    is($r->{rc}, 'error', 'expired already');
    like($r->{reason}, qr/have expired already/, 'reason');
    is($r->{retry}, 1, 'try again');
}

$t->done();
