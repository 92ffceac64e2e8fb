#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# How a StartBuild is repeated: what the service asks for is waited for, the
# body stays the same, a bucket of tokens ends it, nginx repeats nothing.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $other = $t->codebuild(host => 'localhost');

$t->write_file('secret', "$SECRET\n", 0600);

$t->var(PEER => $other->{port});
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
    deploy_verify github %%TESTDIR%%/secret;
    deploy_transport { proxy_next_upstream_tries 0; }

    upstream localhost {
        server 127.0.0.1:%%PEER%% max_fails=0;
        server 127.0.0.1:%%CLOSED%% max_fails=0;
        server 127.0.0.1:%%PEER%% max_fails=0;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { deploy_build api; }
        location = /short { deploy_timeout 4s; deploy_build api; }
        location = /other { deploy_endpoint %%CODEBUILD2%%; deploy_build api; }
        location = /peers { deploy_endpoint http://localhost;
                            deploy_build api; }
    }
}
EOC

$t->run($conf);

my $n = 0;
my (@sent, $took);

# the answer to a delivery that meets these faults; @sent is what was sent

sub meet {
    my ($uri, $stand_in, @faults) = @_;

    my $before = () = $stand_in->requests();
    my $start = time();

    $stand_in->fault('api', @faults) if @faults;

    my $r = deliver($uri, 'pull_request', merge(number => ++$n));

    $took = time() - $start;
    @sent = $stand_in->requests();
    splice(@sent, 0, $before);

    return $r;
}

sub header {
    my ($request, $name) = @_;

    my ($value) = map { $_->[1] } grep { lc $_->[0] eq $name }
                  @{ $request->{headers} };

    return $value;
}


###############################################################################
# what is repeated


my $r = meet('/hook', $cb,
             { fault => 'throttle', amz_retry_after => 1100 }, '500');

is($r->status, 200, 'throttled, failed, started');
is(scalar @sent, 3, 'three attempts');
is($sent[1]{body}, $sent[0]{body}, 'the same body');
is($sent[2]{body}, $sent[0]{body}, 'and again');
is($sent[1]{json}{idempotencyToken}, $sent[0]{json}{idempotencyToken},
   'the same token');
isnt(header($sent[1], 'x-amz-date'), header($sent[0], 'x-amz-date'),
     'another time');
isnt(header($sent[1], 'authorization'), header($sent[0], 'authorization'),
     'signed anew');

is(meet('/hook', $cb, 'reset', 'truncated', '503')->status, 503,
   'three failures');
is(scalar @sent, 3, 'no fourth attempt');
is(scalar($cb->builds()), 2, 'the cut reply was of a build');

is(meet('/hook', $cb, 'AccountLimitExceededException')->status, 503,
   'no capacity');
is(scalar @sent, 1, 'is not asked for again');
is(meet('/hook', $cb, 'AccessDeniedException')->status, 502, 'denied');
is(scalar @sent, 1, 'for good');


###############################################################################
# when


is(meet('/hook', $cb, { fault => '503', amz_retry_after => 400 })->status,
   200, 'x-amz-retry-after');
cmp_ok($took, '>', 0.39, 'is waited for');

is(meet('/hook', $cb, { fault => '503', retry_after => 1 })->status, 200,
   'Retry-After');
cmp_ok($took, '>', 0.99, 'is waited for');

my $now = time();

is(meet('/hook', $cb,
        { fault => '503', date => $now,
          retry_after => Test::Deploy::CodeBuild::http_date($now + 1) })
   ->status, 200, 'Retry-After with a date');
cmp_ok($took, '>', 0.99, 'is waited for');

is(meet('/hook', $cb, { fault => '503', amz_retry_after => 300,
                        retry_after => 4 })->status, 200, 'both');
cmp_ok($took, '<', 3, 'x-amz-retry-after counts');

for my $value ('soon', '-1', '1.5', '9999999999999999999999') {
    $r = meet('/hook', $cb, { fault => '503', amz_retry_after => $value });

    is($r->status, 200, "x-amz-retry-after: $value");
    cmp_ok($took, '<', 2, "x-amz-retry-after: $value does not count");
}

$r = meet('/short', $cb, { fault => 'throttle', amz_retry_after => 20000 });

is($r->status, 503, 'longer than the client waits');
is(scalar @sent, 1, 'is not waited for');
cmp_ok($took, '<', 3, 'but told at once');
is($r->header('retry-after'), 20, 'and passed on');

$r = meet('/hook', $cb, { fault => '503', retry_after => 86400 });

is($r->header('retry-after'), 3600, 'an hour at most');


###############################################################################
# the bucket: 500 tokens, 14 for a retry


my @attempts;

$other->fault_always('api', '500');

while (@attempts < 40) {
    meet('/other', $other);
    push(@attempts, scalar @sent);
    last if @sent == 1;
}

is(scalar(grep { $_ == 3 } @attempts), 17, 'three attempts, 17 times');
is($attempts[-2], 2, 'then a last retry');
is($attempts[-1], 1, 'then none');

meet('/other', $other);

is(scalar @sent, 1, 'nor later');

$r = meet('/hook', $cb, '500');

is($r->status, 200, 'another endpoint');
is(scalar @sent, 2, 'has its own');

$other->fault_always('api', undef);

is(meet('/other', $other)->status, 200, 'success') for 1 .. 10;
is(meet('/other', $other, '500')->status, 200, 'gives tokens back');
is(scalar @sent, 2, 'for a retry');


###############################################################################
# nginx repeats nothing that was sent, but finds a peer that listens


is(meet('/peers', $other, 'close', 'close', 'close')->status, 503, 'peers');
is(scalar @sent, 3, 'one attempt is one request');
is(meet('/peers', $other)->status, 200, 'one that listens');

for my $text ('error timeout non_idempotent', 'non_idempotent') {
    my ($code, $out) = nginx_t("deploy_transport { proxy_next_upstream"
                               . " $text; }");

    isnt($code, 0, "proxy_next_upstream $text");
    like($out, qr/"non_idempotent" is not allowed in "deploy_transport"/,
         "proxy_next_upstream $text: refused");
}

$t->done();
