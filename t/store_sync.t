#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The disk does not sync, for long or at all: what was refused is started
# when it is sent again, what was accepted late is a duplicate then, and a file
# of the same worker comes meanwhile.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep time);

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;
use Test::Deploy::Strace;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('file', 'x' x 10000);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

worker_processes 1;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;

        location = /hook { deploy_build api; deploy_timeout 1s; }
        location = /slow { deploy_build api; deploy_timeout 8s; }
        location / { deploy_verify off; }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));

my ($pid) = $t->worker_pids();
my $strace = Test::Deploy::Strace->new($t, $pid);

if (!$strace) {
    $t->finish();
    plan(skip_all => "a process may not be traced: $Test::Deploy::Strace::WHY");
}

my $n = 0;

sub body {
    my ($n) = @_;

    return merge(number => $n, commit => sprintf('%040x', $n));
}

sub delivery { return deliver($_[1] || '/hook', 'pull_request', body($_[0])) }

sub start {
    my ($uri) = @_;

    return deliver($uri, 'pull_request', body(++$n), { start => 1 });
}

sub built {
    my ($n) = @_;

    return scalar grep { $_->{request}{sourceVersion} eq sprintf('%040x', $n) }
                  $cb->builds();
}

# of a delivery that is known: its build is not under way any more

sub settled {
    my ($name, $n) = @_;

    ok(wait_for(sub { delivery($n)->json->{status} eq 'duplicate' }),
       "$name: known");
}

# how long files take, until a time is over

sub files {
    my ($seconds) = @_;

    my $end = time() + $seconds;
    my $s = http_connect();
    my @times;

    while (time() < $end) {
        my $start = time();
        my $r = http_get('/file', { socket => $s, keep => 1 });

        die 'no file' if !$r || length($r->body) != 10000;

        push(@times, time() - $start);
        sleep(0.005);
    }

    return sort { $a <=> $b } @times;
}

sub refused {
    my ($name, $r) = @_;

    is($r->status, 503, "$name: refused");
    like($r->header('retry-after'), qr/^[1-9]\d*$/, "$name: Retry-After");
}


is(delivery(++$n)->json->{status}, 'started', 'a disk that works');


###############################################################################
# it hangs


$strace->inject('fsync,fdatasync:delay_enter=60000000') or die;

my $begin = time();
my @waiting = start('/hook');

# it is in the thread, so that the others wait for it

ok(wait_for(sub { scalar $strace->calls() }), 'hangs: a sync is under way');

push(@waiting, map { start('/hook') } 1 .. 3);

my @times = files(2);

refused('hangs', http_response($_)) for @waiting;
cmp_ok(time() - $begin, '<', 10, 'hangs: answered in time');

cmp_ok(scalar(@times), '>', 20, 'hangs: files');
cmp_ok($times[@times / 2], '<', 0.25, 'hangs: not delayed');
cmp_ok($times[-1], '<', 1.5, 'hangs: none of them');

note(sprintf('%d files, median %.1f ms, longest %.1f ms', scalar(@times),
             $times[@times / 2] * 1000, $times[-1] * 1000));

refused('still hangs', delivery(++$n));
is($cb->builds(), 1, 'hangs: nothing is started');

# one with more patience is stored when the disk goes on

my $s = start('/slow');

$strace->detach();

like(http_response($s)->json->{status}, qr/^(?:started|queued)$/,
     'goes on: accepted');

ok(wait_for(sub { built(2) }), 'goes on: the first one is started late');
ok($t->find_in_log(qr/stored delivery .*, nobody waits for it/), 'logged');
settled('goes on', 2);

is($store->value('SELECT count(*) FROM deliveries'), 3,
   'goes on: what was refused in the queue is not stored');

for (3 .. $n - 1) {
    like(delivery($_)->json->{status}, qr/^(?:started|queued)$/,
         'goes on: sent again');
    settled('sent again', $_);
}

is(built($_), 1, "delivery $_ once") for 1 .. $n;


###############################################################################
# it fails


my $from = $n + 1;

$strace->inject('fsync,fdatasync:error=EIO') or die;

for (1 .. 3) {
    refused('fails', delivery(++$n));
    is(http_get('/file')->status, 200, 'fails: a file');
}

is(built($_), 0, 'fails: not started') for $from .. $n;
is(scalar($t->find_in_log(qr/\[error\].*deploy\ store\ ".*"\ cannot\ be
                             \ synced:\ disk\ I\/O\ error/x)), 1,
   'fails: logged once');

$strace->detach();

is(delivery($from)->json->{status}, 'started', 'works again: started');
ok($t->find_in_log(qr/deploy store works again/), 'works again: logged');

# what was refused and not sent again is not there, now or after a crash

ok(wait_for(sub {
    $store->value('SELECT count(*) FROM builds WHERE state < 2') == 0;
}), 'works again: nothing is left of the others');

$t->expect(qr/exited on signal 9/);
kill('KILL', $pid);

ok(wait_for(sub { grep { $_ != $pid } $t->worker_pids() }), 'a new worker');

is(delivery($from)->json->{status}, 'duplicate', 'a new worker: duplicate');

for ($from + 1 .. $n) {
    is(built($_), 0, 'a new worker: not started');
    is(delivery($_)->json->{status}, 'started', 'a new worker: sent again');
}


###############################################################################
# it fails when the build is started already


($pid) = $t->worker_pids();
$strace = Test::Deploy::Strace->new($t, $pid) or die;

$cb->fault('api', { fault => 'late', seconds => 1 });

$s = start('/slow');

ok(wait_for(sub { built($n) }), 'late: a build');

$strace->inject('fsync,fdatasync:error=EIO') or die;

is(http_response($s)->json->{status}, 'started', 'late: answered');

is($store->value('SELECT state FROM builds ORDER BY id DESC LIMIT 1'), 1,
   'late: not recorded');

$strace->detach();

ok(wait_for(sub {
    $store->value('SELECT state FROM builds ORDER BY id DESC LIMIT 1') == 2;
}), 'late: recorded when the disk works');

is(delivery($n, '/slow')->json->{status}, 'duplicate', 'late: duplicate');

is(built($_), 1, "delivery $_ once") for 1 .. $n;
is($cb->builds(), $n, 'nothing else');

$t->done();
