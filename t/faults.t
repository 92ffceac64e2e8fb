#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Faults of CodeBuild and of clients: the answer, the number of attempts, one
# build at most, and a connection that can be used again.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

my $h2 = `${\ $t->binary() } -V 2>&1` =~ /--with-http_v2_module/;

$t->var(HTTP2 => $h2 ? 'http2' : '');

# a port that refuses

$t->var(CLOSED => Test::Deploy::free_port());

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 5s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;
        deploy_transport { proxy_read_timeout 3s; }

        location = /hook { deploy_build api; }
        location = /short { deploy_build api; deploy_timeout 1s; }
        location = /closed {
            deploy_build api;
            deploy_endpoint http://127.0.0.1:%%CLOSED%%;
        }
        location = /static { return 204; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_verify github %%TESTDIR%%/secret;
        deploy_transport {
            proxy_read_timeout 1s;
            proxy_buffering off;
        }

        location = /hook { deploy_build api; }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%% %%HTTP2%%;
        deploy_verify github %%TESTDIR%%/secret;

        location = /hook { deploy_build api; }
    }
}
EOC

$t->run($conf);

# all of it on one connection

my $s = http_connect();
my ($n, $attempts, $builds) = (0, 0, 0);

# the answer to a delivery that meets these faults; counts attempts and builds

sub meet {
    my ($uri, @faults) = @_;

    my $before = () = $cb->requests();
    my $built = () = $cb->builds();

    $cb->fault('api', @faults);

    my $r = deliver($uri, 'pull_request', merge(number => ++$n),
                    { socket => $s, keep => 1 });

    $attempts = (() = $cb->requests()) - $before;
    $builds = (() = $cb->builds()) - $built;

    return $r;
}

# a row: status, attempts and builds

sub row {
    my ($want, $name, @faults) = @_;

    my $r = meet('/hook', @faults);

    is($r->status . " $attempts $builds", $want, $name);

    return $r;
}


###############################################################################
# errors of AWS: refused for good, or tried again


row('200 1 1', 'no fault');

for my $error (qw(InvalidInputException ResourceNotFoundException
                  AccountSuspendedException OAuthProviderException
                  UnrecognizedClientException AccessDeniedException
                  AccessDenied NotAuthorized OptInRequired
                  MissingAuthenticationTokenException
                  IncompleteSignatureException SerializationException
                  UnknownOperationException ValidationException))
{
    my $r = row('502 1 0', $error, $error);

    is($r->json->{builds}[0]{error}, $error, "$error is told");
}

for my $error (qw(InternalFailure InternalServerError ServiceUnavailable
                  ServiceUnavailableException RequestTimeout 500 502 503 504))
{
    row('200 2 1', "$error once", $error);
    row('503 3 0', "$error to the last", ($error) x 3);
}

row('200 2 1', "$_ once", $_)
    for qw(ThrottlingException TooManyRequestsException 429 namespaced
           header);

my $r = row('503 1 0', 'no capacity', 'AccountLimitExceededException');

like($r->header('retry-after'), qr/^[1-9]\d*\z/, 'Retry-After');

row('200 3 1', 'throttled twice', 'throttle', 'throttle');

my @last = ($cb->requests())[-3 .. -1];

is($last[0]{json}{idempotencyToken}, $last[2]{json}{idempotencyToken},
   'the same token');
is($last[0]{body}, $last[2]{body}, 'the same body');

$r = row('503 1 0', 'told to wait longer than the client waits',
         { fault => 'throttle', retry_after => 60 });

is($r->header('retry-after'), 60, 'which is passed on');

my $start = time();

row('200 2 1', 'Retry-After', { fault => 'throttle', retry_after => 1 });

cmp_ok(time() - $start, '>', 0.9, 'is waited for');


###############################################################################
# replies


row('200 1 1', $_, $_) for qw(noclose chunked);
row('200 1 1', 'slow', { fault => 'slow', seconds => 0.0002 });

row('200 2 1', "$_ is an unknown outcome", $_)
    for qw(reset close started-reset truncated badjson empty);

row('200 2 1', 'oversized: not read to its end', 'oversized');

$r = meet('/hook', ('noid') x 3);

isnt($r->status, 200, 'a reply without an id is no build');

$r = meet('/hook', ('nobuild') x 3);

isnt($r->status, 200, 'without a build neither');

$r = meet('/hook', ('null') x 3);

isnt($r->status, 200, 'nor with null');

row('200 1 1', 'and all is well');


###############################################################################
# no answer, nobody there


$start = time();
$r = meet('/short', { fault => 'hang', seconds => 6 });

is($r->status, 504, 'hang');
cmp_ok(time() - $start, '<', 4, 'not longer than deploy_timeout');

$r = meet('/closed');

is($r->status . " $attempts", '503 0', 'connection refused');
like($r->header('retry-after'), qr/^[1-9]\d*\z/, 'with Retry-After');

# the hanging call is given up and tried again by the transport's time-out

$cb->fault('api', 'started-hang');

$r = deliver('/hook', 'pull_request', merge(number => ++$n), { port => 8081 });

is($r->status, 200, 'started, but not told: the second attempt learns it');

$cb->stop();
$r = meet('/hook');

is($r->status, 503, 'an outage');

$cb->start();
row('200 1 1', 'its end');

is(http_get('/static', { socket => $s, keep => 1 })->status, 204,
   'the connection of the client is in order');


###############################################################################
# the client goes away


sub gone {
    my ($name, $send) = @_;

    my $before = () = $t->find_in_log(qr/deploy started build/);
    my $built = () = $cb->builds();

    $cb->fault('api', { fault => 'late', seconds => 0.5 });
    $send->(merge(number => ++$n));

    ok(wait_for(sub {
        $before < (() = $t->find_in_log(qr/deploy started build/))
    }), "$name: logged");

    is((() = $cb->builds()) - $built, 1, "$name: started");
}

gone('closed', sub {
    deliver('/hook', 'pull_request', $_[0], { abort => 1 });
});

gone('closed while it waits', sub {
    my $before = () = $cb->requests();
    my $c = deliver('/hook', 'pull_request', $_[0], { start => 1 });

    wait_for(sub { $before < (() = $cb->requests()) });
    close($c);
});

SKIP: {
    skip 'no HTTP/2', 3 unless $h2;

    gone('HTTP/2', sub {
        my ($body) = @_;

        $t->write_file('body', $body);

        my %headers = github($SECRET, 'pull_request', $body);

        my ($code) = curl('--http2-prior-knowledge', '--max-time', '0.2',
                          (map { ('-H', "$_: $headers{$_}") } keys %headers),
                          '--data-binary', '@' . $t->path('body'),
                          'http://127.0.0.1:' . port(8082) . '/hook');

        is($code, 28, 'HTTP/2: gave up');
    });
}

gone('reload', sub {
    my $before = () = $cb->requests();
    my $c = deliver('/hook', 'pull_request', $_[0], { start => 1 });

    wait_for(sub { $before < (() = $cb->requests()) });
    $t->reload(undef, nowait => 1);

    is(http_response($c)->status, 200, 'reload: answered');
});

$t->done();
