#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The tests of the tests: the CodeBuild stand-in refuses what the service
# would refuse, and the harness notices what goes wrong.  No module needed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA ();
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::SigV4;
use Test::Deploy::Sign;

my $JSON = JSON::PP->new->utf8->canonical;

my $t = Test::Deploy->new();
my $cb = $t->codebuild(tls => eval { require IO::Socket::SSL; 1 } || 0);

my $id = 'AKIDEXAMPLE';
my $secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';


###############################################################################
# the signature of a worked example: a fixed point apart from our own code


my %example = (
    method => 'POST', target => '/', body => '{"projectName":"deploy-web"}',
    headers => [
        [Host => 'codebuild.us-east-1.amazonaws.com'],
        ['Content-Type' => 'application/x-amz-json-1.1'],
        ['X-Amz-Date' => '20260102T030405Z'],
        ['X-Amz-Target' => 'CodeBuild_20161006.StartBuild'],
    ],
);

# AWS's own published example of a signing key: kSigning of 20150830,
# us-east-1, iam

{
    my $key = 'AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
    $key = Digest::SHA::hmac_sha256($_, $key)
        for qw(20150830 us-east-1 iam aws4_request);

    is(unpack('H*', $key),
       'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9',
       'signing key');
}

# AWS's published example of a whole request

{
    my %request = (
        method => 'GET', body => '',
        target => '/?Action=ListUsers&Version=2010-05-08',
        headers => [
            [Host => 'iam.amazonaws.com'],
            ['Content-Type' =>
             'application/x-www-form-urlencoded; charset=utf-8'],
            ['X-Amz-Date' => '20150830T123600Z'],
        ],
    );

    my $auth = Test::Deploy::SigV4::sign(\%request, id => $id,
        secret => 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        region => 'us-east-1', service => 'iam');

    is(substr($auth, -64), '5d672d79c15b13162d9279b0855cfba6'
       . '789a8edb4c82c400e06b5924a6f2b5d7', 'whole request');
}

{
    my %opts = (id => $id, secret => $secret, region => 'us-east-1',
                service => 'codebuild');

    push(@{ $example{headers} },
         [Authorization => Test::Deploy::SigV4::sign(\%example, %opts)]);

    my %verify = (credentials => { $id => $secret }, region => 'us-east-1',
                  service => 'codebuild', now => 1767323045);

    is_deeply([Test::Deploy::SigV4::verify(\%example, %verify)], [],
              'verified');

    is((Test::Deploy::SigV4::verify({ %example, body => '{}' },
                                    %verify))[0],
       'InvalidSignatureException', 'other body');

    is((Test::Deploy::SigV4::verify({ %example, method => 'PUT' },
                                    %verify))[0],
       'InvalidSignatureException', 'other method');

    is((Test::Deploy::SigV4::verify(\%example, %verify,
                                    region => 'eu-west-1'))[0],
       'InvalidSignatureException', 'other region');

    for my $off (-301, 301) {
        like((Test::Deploy::SigV4::verify(\%example, %verify,
                                          now => 1767323045 + $off))[1],
             $off > 0 ? qr/expired/ : qr/not yet/, "clock $off");
    }

    is((Test::Deploy::SigV4::verify(\%example, %verify,
                                    tokens => { $id => 'x' }))[0],
       'UnrecognizedClientException', 'no session token');
}


###############################################################################
# the stand-in


# a request as a careful client sends it, but for what %change says

sub start_build {
    my ($body, %change) = @_;

    $body = $JSON->encode($body) if ref($body);

    my @t = gmtime($change{time} || time());
    my $date = sprintf('%04d%02d%02dT%02d%02d%02dZ', $t[5] + 1900, $t[4] + 1,
                       @t[3, 2, 1, 0]);
    my $port = $change{ssl} ? $cb->{tls_port} : $cb->{port};

    my %request = (
        method => 'POST', target => '/', body => $body,
        headers => [
            [Host => ($change{ssl} ? 'localhost' : '127.0.0.1') . ":$port"],
            ['Content-Type' => $change{type} || 'application/x-amz-json-1.1'],
            ['X-Amz-Date' => $date],
            ['X-Amz-Target' => $change{operation}
                               || 'CodeBuild_20161006.StartBuild'],
        ],
    );

    push(@{ $request{headers} }, [Authorization =>
         Test::Deploy::SigV4::sign(\%request, id => $change{id} || $id,
             secret => $change{secret} || $secret, region => 'us-east-1',
             service => 'codebuild')]);

    my @headers = map { @$_ } @{ $request{headers} };

    return http_request($change{method} || 'POST', $change{uri} || '/', $body,
                        @headers, @{ $change{headers} || [] },
                        { port => $port, ssl => $change{ssl},
                          keep => $change{keep},
                          timeout => $change{timeout} || 10 });
}


my %good = (projectName => 'api', idempotencyToken => 'a' x 64,
            sourceVersion => 'c0ffee',
            environmentVariablesOverride => [
                { name => 'A', value => '1', type => 'PLAINTEXT' },
                { name => 'B', value => '' },
            ]);

my $r = start_build(\%good);

is($r->status, 200, 'started');
like($r->json->{build}{id}, qr/^api:[0-9a-f-]{36}\z/, 'id');
is($r->json->{build}{buildNumber}, 1, 'number');
is($r->json->{build}{environment}{environmentVariables}[0]{value}, '1',
   'environment echoed');
like($r->header('x-amzn-requestid'), qr/./, 'request id');

is(scalar $cb->builds('api'), 1, 'recorded');
is(($cb->builds())[0]{env}{A}, '1', 'its environment');
is(scalar $cb->violations(), 0, 'no violation')
    or diag(join("\n", $cb->violations()));

my $again = start_build(\%good);

is($again->json->{build}{id}, $r->json->{build}{id}, 'same token, same build');
is(scalar $cb->builds(), 1, 'still one');

$r = start_build({ %good, sourceVersion => 'other' });

like($r->body, qr/InvalidInputException/, 'same token, other parameters');

$r = start_build({ %good, idempotencyToken => 'b' });

is($r->json->{build}{buildNumber}, 2, 'other token');

SKIP: {
    skip 'no IO::Socket::SSL', 1 unless $cb->{tls};

    $r = start_build({ %good, idempotencyToken => 'tls' }, ssl => 1);
    is($r->status, 200, 'TLS');
}


# each of these is refused and is a violation

my $n = scalar $cb->violations();

is($n, 1, 'violations so far');

my @bad = (
    ['wrong secret', 'InvalidSignatureException', {}, { secret => 'x' }],
    ['unknown key', 'UnrecognizedClientException', {}, { id => 'AKIDOTHER' }],
    ['old', 'InvalidSignatureException', {}, { time => time() - 400 }],
    ['future', 'InvalidSignatureException', {}, { time => time() + 400 }],
    ['GET', 'UnknownOperationException', {}, { method => 'GET' }],
    ['path', 'UnknownOperationException', {}, { uri => '/x' }],
    ['query', 'UnknownOperationException', {}, { uri => '/?x=1' }],
    ['content type', 'UnknownOperationException', {},
     { type => 'application/json' }],
    ['operation', 'UnknownOperationException', {},
     { operation => 'CodeBuild_20161006.DeleteBuild' }],
    ['integer as string', 'SerializationException',
     { timeoutInMinutesOverride => '30' }],
    ['string as integer', 'SerializationException', { sourceVersion => 1 }],
    ['bool as string', 'SerializationException',
     { privilegedModeOverride => 'true' }],
    ['real', 'SerializationException', { gitCloneDepthOverride => 1.5 }],
    ['range', 'ValidationException', { timeoutInMinutesOverride => 4 }],
    ['enumeration', 'ValidationException', { sourceTypeOverride => 'GIT' }],
    ['unknown member', 'ValidationException', { sourceVersoin => 'x' }],
    ['no project', 'ValidationException', { projectName => undef }],
    ['long token', 'ValidationException', { idempotencyToken => 'x' x 65 }],
    ['variables as object', 'SerializationException',
     { environmentVariablesOverride => {} }],
    ['variable without value', 'ValidationException',
     { environmentVariablesOverride => [{ name => 'A' }] }],
    ['variable of unknown type', 'ValidationException',
     { environmentVariablesOverride =>
       [{ name => 'A', value => '', type => 'X' }] }],
    ['variable twice', 'InvalidInputException',
     { environmentVariablesOverride =>
       [{ name => 'A', value => '' }, { name => 'A', value => '' }] }],
    ['reserved variable', 'InvalidInputException',
     { environmentVariablesOverride =>
       [{ name => 'CODEBUILD_X', value => '' }] }],
    ['project name', 'InvalidInputException', { projectName => 'a/b' }],
);

for my $case (@bad) {
    my ($name, $code, $members, $change) = @$case;
    my %body = (%good, %$members);

    delete $body{projectName} unless defined $body{projectName};

    $r = start_build(\%body, %{ $change || {} });

    like($r->body, qr/"__type":"$code"/, "$name refused");
    is(scalar $cb->violations(), ++$n, "$name is a violation")
        or $n = scalar $cb->violations();
}

# these are answered, but are violations

for my $case (['cookie', { headers => [Cookie => 'a=b'] }],
              ['webhook header', { headers =>
                                   ['X-Hub-Signature' => 'sha1=0'] }],
              ['accept-encoding', { headers =>
                                    ['Accept-Encoding' => 'gzip'] }],
              ['two user agents', { headers => ['User-Agent' => 'a',
                                                'User-Agent' => 'b'] }])
{
    start_build({ %good, idempotencyToken => $case->[0] }, %{ $case->[1] });
    is(scalar $cb->violations(), ++$n, "$case->[0] is a violation")
        or $n = scalar $cb->violations();
}

is(scalar $cb->builds(), $cb->{tls} ? 7 : 6, 'no build by a refused request');

$cb->expect(qr/./);


###############################################################################
# faults


my $token = 0;

sub fault {
    my ($fault, %change) = @_;

    $cb->fault('web', ref($fault) eq 'ARRAY' ? @$fault : $fault);

    return start_build({ projectName => 'web',
                         idempotencyToken => 'web' . ++$token }, %change);
}

for my $code (qw(InvalidInputException ResourceNotFoundException
                 AccountLimitExceededException AccessDeniedException
                 ThrottlingException ExpiredTokenException
                 InternalFailure))
{
    like(fault($code)->body, qr/"__type":"$code"/, $code);
}

is(fault('InternalFailure')->status, 500, 'status of an error');
is(fault('502')->header('content-type'), 'text/html', 'status 502');
is(fault({ fault => '429', retry_after => 7 })->header('retry-after'), 7,
   'Retry-After');
like(fault('namespaced')->body, qr/com\.amazonaws\.codebuild#Thrott/,
     'namespaced');

$r = fault('header');
like($r->header('x-amzn-errortype'), qr/^ThrottlingException:/, 'header');
unlike($r->body, qr/__type/, 'no __type');

is(fault('reset')->raw, '', 'reset');
is(fault('close')->raw, '', 'close');
is(fault('hang', timeout => 0.3)->raw, '', 'hang');
is(scalar $cb->builds('web'), 0, 'nothing started');

is(fault('started-reset')->raw, '', 'started, reset');
is(scalar $cb->builds('web'), 1, 'started');

$r = fault('truncated');
cmp_ok(length($r->body), '<', $r->header('content-length'), 'truncated');

ok(!eval { JSON::PP->new->decode(fault('badjson')->body) }, 'bad JSON');
is(fault('empty')->header('content-length'), 0, 'empty');
ok(!defined fault('noid')->json->{build}{id}, 'no id');
is(fault('nobuild')->body, '{}', 'no build');
is(fault('null')->body, '{"build":null}', 'null');

$r = fault('noclose');
ok(!defined $r->header('content-length'), 'no Content-Length');
like($r->json->{build}{id}, qr/^web:/, 'whole');

$r = fault('chunked');
is($r->header('transfer-encoding'), 'chunked', 'chunked');
like($r->json->{build}{id}, qr/^web:/, 'whole in chunks');

cmp_ok(length(fault('oversized')->body), '>', 1048576, 'oversized');
like(fault({ fault => 'slow', seconds => 0 })->json->{build}{id}, qr/^web:/,
     'slow');

my $start = time();
fault({ fault => 'late', seconds => 0.3 });
cmp_ok(time() - $start, '>=', 0.3, 'late');

like(fault(['throttle', 'throttle'])->body, qr/Throttling/, 'sequence, 1');
like(start_build({ projectName => 'web', idempotencyToken => 's' })->body,
     qr/Throttling/, 'sequence, 2');
is(start_build({ projectName => 'web', idempotencyToken => 's' })->status,
   200, 'sequence, 3');

for (1 .. 2) {
    is(start_build({ projectName => 'fault-throttle-x2',
                     idempotencyToken => 'n' })->status, 400, 'by name');
}

is(start_build({ projectName => 'fault-throttle-x2',
                 idempotencyToken => 'n' })->status, 200, 'then none');

$cb->fault_always('*', '503');
is(start_build({ projectName => 'any', idempotencyToken => 'n1' })->status,
   503, 'always');
$cb->fault_always('*', undef);
is(start_build({ projectName => 'any', idempotencyToken => 'n1' })->status,
   200, 'no longer');

# an outage

$cb->stop();
ok(!eval { start_build(\%good); 1 }, 'stopped');
$cb->start();
is(start_build({ %good, idempotencyToken => 'up' })->status, 200, 'up again');

# concurrency

{
    my @pids;

    for (1 .. 8) {
        my $pid = fork();
        if ($pid == 0) {
            start_build({ projectName => 'par', idempotencyToken => 'one' });
            POSIX::_exit(0);
        }
        push(@pids, $pid);
    }

    waitpid($_, 0) for @pids;

    is(scalar $cb->builds('par'), 1, 'eight at a time, one build');
    is(scalar $cb->requests('par'), 8, 'eight requests');
}


###############################################################################
# the harness: a plain nginx


$t->run(<<'EOF');

%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location / {
            return 200 "$request_method\n";
        }
    }
}

EOF

is(http_get('/')->body, "GET\n", 'get');
is(http_post('/', 'x')->body, "POST\n", 'post');
like(http("GET / HTTP/1.0\r\n\r\n"), qr/^HTTP\/1\.1 200/, 'raw');

my $s = http_connect();
http("GET / HTTP/1.1\r\nHost: a\r\n\r\n", socket => $s, start => 1);
is(http_response($s)->body, "GET\n", 'keepalive, 1');
http("GET / HTTP/1.1\r\nHost: a\r\n\r\n", socket => $s, start => 1);
is(http_response($s)->body, "GET\n", 'keepalive, 2');
close($s);

my @old = $t->worker_pids();
is(scalar @old, 1, 'one worker');
ok($t->reload(), 'reload');
isnt(($t->worker_pids())[0], $old[0], 'another worker');

my ($code, $output) = nginx_t('server { listen 127.0.0.1:%%PORT_8081%%; }');
is($code, 0, 'nginx -t') or diag($output);

($code, $output) = nginx_t('server { nonsense; }');
is($code, 1, 'nginx -t fails');
like($output, qr/unknown directive "nonsense"/, 'and says why');

is(scalar $t->troubles(), 0, 'no trouble');

# a worker that crashes does not go unnoticed

kill('KILL', $t->worker_pids());
ok($t->wait_log(qr/exited on signal 9/), 'killed');
is(scalar(grep { /signal 9/ } $t->troubles()), 1, 'noticed');

$t->expect(qr/exited on signal 9/);
is(scalar $t->troubles(), 0, 'expected');

isnt(Test::Deploy::free_port(), Test::Deploy::free_port(), 'ports differ');

$t->done();
