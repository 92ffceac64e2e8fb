#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The durable store: what is accepted is started once, at once or later.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;

my $t = Test::Deploy->new(workers => 2);
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 4s;

    log_format deploy '$deploy_status|$deploy_project|$deploy_build_id';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;
        access_log %%TESTDIR%%/deploy.log deploy;

        location = /hook {
            deploy_build api repo=acme/api branch=main;
            deploy_build web repo=acme/api branch=main;
        }

        location = /one { deploy_build api; }
        location = /other { deploy_build api; }
        location = /short { deploy_build api; deploy_timeout 1500ms; }
        location = /bad { deploy_build $deploy_title; deploy_build api; }
        location = /dry { deploy_build api; deploy_dry_run on; }
    }
}
EOC

$t->run($conf);

my $n = 0;

# the same delivery as often as it is sent

sub again { return deliver($_[0], 'pull_request', merge(number => $n)) }

sub fresh_merge { $n++; return again(@_) }

# "status code, word, attempts, builds" of a delivery

sub counts {
    my ($send, @args) = @_;

    my ($requests, $builds) = (scalar(() = $cb->requests()),
                               scalar(() = $cb->builds()));

    my $r = $send->(@args);

    return ($r, join(' ', $r->status, $r->json->{status} || '-',
                     (() = $cb->requests()) - $requests,
                     (() = $cb->builds()) - $builds));
}

sub row {
    my ($want, $name, $send, $uri, @faults) = @_;

    $cb->fault('api', @faults) if @faults;

    my ($r, $got) = counts($send, $uri);

    is($got, $want, $name);

    return $r;
}


###############################################################################
# accepted and started; then again


my $r = row('200 started 2 2', 'started', \&fresh_merge, '/hook');
my @first = @{ $r->json->{builds} };

is(join(' ', map { $_->{project} } @first), 'api web', 'both projects');
isnt($first[0]{id}, $first[1]{id}, 'two builds');

$r = row('200 duplicate 0 0', 'again: duplicate', \&again, '/hook');

is($r->json->{builds}[0]{id}, $first[0]{id}, 'with the build as known');
is($r->json->{builds}[0]{number}, $first[0]{number}, 'its number');
is($r->json->{builds}[0]{url}, $first[0]{url}, 'its page');
is($r->json->{builds}[0]{status}, 'started', 'its status');
is($r->json->{builds}[1]{id}, $first[1]{id}, 'and the other one');
is(scalar @{ $r->json->{events} }, 1, 'the event');

wait_for(sub { $t->find_in_log(qr/^duplicate/, 'deploy.log') },
         'a line in the access log');

like(($t->find_in_log(qr/^duplicate/, 'deploy.log'))[0],
     qr/^duplicate\|api, web\|\Q$first[0]{id}, $first[1]{id}\E$/,
     'in the access log');

is((stat($t->path('store')))[2] & 07777, 0700, 'directory');
is((stat($t->path('store/deploy.db')))[2] & 07777, 0600, 'file');

row('200 started 1 1', 'another location, another delivery', \&again,
    '/other');

$r = row('200 ignored 0 0', 'ignored', sub {
    deliver('/hook', 'pull_request', merge(number => $n, branch => 'x'));
});
$r = row('200 ignored 0 0', 'ignored again', sub {
    deliver('/hook', 'pull_request', merge(number => $n, branch => 'x'));
});
is(scalar @{ $r->json->{rules} }, 2, 'with the reasons');

$n++;
row('200 dry_run 0 0', 'a dry run', \&again, '/dry');
row('200 dry_run 0 0', 'a dry run again', \&again, '/dry');

# restarts forget nothing

$t->restart($conf);

$n -= 1;
$r = row('200 duplicate 0 0', 'after a restart', \&again, '/hook');
is($r->json->{builds}[0]{id}, $first[0]{id}, 'with its build');


###############################################################################
# joined: the same delivery twice at once


$n++;
$cb->fault('api', { fault => 'late', seconds => 0.7 });

{
    my $requests = () = $cb->requests();
    my $body = merge(number => $n);
    my @s = map { deliver('/one', 'pull_request', $body, { start => 1 }) }
            1 .. 3;
    my @r = map { http_response($_) } @s;

    is(join(' ', map { $_->status } @r), '200 200 200', 'three at once');
    is(join(' ', map { $_->json->{status} } @r), 'started started started',
       'the same answer');
    is(join(' ', map { $_->json->{builds}[0]{id} } @r),
       join(' ', ($r[0]->json->{builds}[0]{id}) x 3), 'of one build');
    is((() = $cb->requests()) - $requests, 1, 'one attempt');
}


###############################################################################
# CodeBuild does not take it: queued, and started later


sub later {
    my ($want, $name, @faults) = @_;

    my $builds = () = $cb->builds();

    $r = row($want, $name, \&fresh_merge, '/one', @faults);

    is($r->json->{builds}[0]{status}, 'queued', "$name: status");

    ok(wait_for(sub { $builds < (() = $cb->builds()) }, undef, 15),
       "$name: started later");

    my $answer;

    wait_for(sub {
        $answer = again('/one');
        $answer->json->{status} eq 'duplicate'
            && $answer->json->{builds}[0]{status} eq 'started';
    }, undef, 20);

    is($answer->json->{status}, 'duplicate', "$name: then a duplicate");
    is($answer->json->{builds}[0]{id}, ($cb->builds())[-1]{id},
       "$name: with the build");
    is((() = $cb->builds()) - $builds, 1, "$name: one build");
}

later('202 queued 3 0', 'throttled', ('throttle') x 3);
later('202 queued 3 0', 'failing', ('500') x 3);
later('202 queued 3 0', 'resetting', ('reset') x 3);
later('202 queued 1 0', 'keys that do not work',
      'UnrecognizedClientException');

# it took the request each time

{
    my $builds = () = $cb->builds();

    $r = row('202 queued 3 1', 'reset after it took the request', \&fresh_merge,
             '/one', ('started-reset') x 3);

    ok(wait_for(sub {
        again('/one')->json->{builds}[0]{status} eq 'started';
    }), 'learnt later');

    is((() = $cb->builds()) - $builds, 1, 'one build');
}

# an outage

$cb->stop();

my @queued = map { fresh_merge('/one') } 1 .. 3;

is(join(' ', map { $_->status } @queued), '202 202 202', 'an outage');
is(again('/one')->json->{status}, 'duplicate', 'sent again');
is(again('/one')->json->{builds}[0]{status}, 'queued', 'queued still');

my $builds = () = $cb->builds();

$cb->start();

ok(wait_for(sub { $builds + 3 == (() = $cb->builds()) }, undef, 30),
   'its end');

# too slow

$r = row('202 queued 1 0', 'not in time', \&fresh_merge, '/short',
         { fault => 'hang', seconds => 3 });
ok(wait_for(sub { again('/short')->json->{builds}[0]{status} eq 'started' },
            undef, 20), 'started later');


###############################################################################
# refused for good: the sender may try again



$cb->fault('api', 'ResourceNotFoundException');
$n++;
$r = again('/hook');

is($r->status, 502, 'refused for one project');
is(join(' ', map { $_->{status} } @{ $r->json->{builds} }),
   'failed started', 'the other one is started');

wait_for(sub { $t->find_in_log(qr/did not start "api"/) });

$r = row('200 started 1 1', 'sent again', \&again, '/hook');
is(join(' ', map { $_->{status} } @{ $r->json->{builds} }),
   'started started', 'both are started');
row('200 duplicate 0 0', 'and again', \&again, '/hook');

# refused by the module

$r = row('502 failed 1 1', 'not a name of a project', \&fresh_merge, '/bad');
is(join(' ', map { $_->{status} } @{ $r->json->{builds} }),
   'failed started', 'the other one is started');
$r = row('502 failed 0 0', 'sent again', \&again, '/bad');
is(join(' ', map { $_->{status} } @{ $r->json->{builds} }),
   'failed started', 'as it was');


###############################################################################
# a worker dies, a reload, a restart: started once


sub hanging {
    my ($name, $fault, $disturb, %p) = @_;

    my $requests = () = $cb->requests();
    my $before = () = $cb->builds();

    $cb->fault('api', { fault => $fault, seconds => 1.5 });
    $n++;

    my $s = deliver('/one', 'pull_request', merge(number => $n),
                    { start => 1 });

    wait_for(sub { $requests < (() = $cb->requests()) });

    $disturb->();

    my $answer = http_response($s, timeout => 5);

    is($answer ? $answer->status : 0, $p{status} || 0, "$name: answer");

    my $word = '';

    ok(wait_for(sub {
        $word = again('/one')->json->{builds}[0]{status} || '';
        $word eq 'started';
    }, undef, 25), "$name: started") or diag($word);

    is((() = $cb->builds()) - $before, 1, "$name: once");
}

hanging('kill', 'hang', sub { kill('KILL', $t->worker_pids()) });
hanging('kill after it was started', 'started-hang',
        sub { kill('KILL', $t->worker_pids()) });
hanging('reload', 'late', sub { $t->reload(undef, nowait => 1) },
        status => 200);

$t->expect(qr/exited on signal 9/);

$t->done();
