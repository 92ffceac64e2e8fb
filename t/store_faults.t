#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Faults of the disk, of the file, of the clock, of clients: what is refused
# is not started, what is accepted is started once, and all else goes on.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket qw(CRLF);
use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new();
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

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;

        location = /hook { deploy_build api; }
        location = /short { deploy_build api; deploy_timeout 1500ms; }
        location = /static {
            deploy_verify off;
            return 204;
        }
    }
}
EOC

my $dir = $t->path('store');
my $file = "$dir/deploy.db";
my $store = Test::Deploy::Store->new($dir);
my $n = 0;

mkdir($dir, 0700);

sub again {
    my ($uri) = @_;

    return deliver($uri, 'pull_request',
                   merge(number => $n, commit => sprintf('%040x', $n)));
}

sub fresh_merge { $n++; return again(@_) }

# how often the newest delivery was started

sub built {
    return scalar grep { $_->{request}{sourceVersion} eq sprintf('%040x', $n) }
                  $cb->builds();
}

# a delivery that is refused and does nothing; nginx serves

sub refused {
    my ($name, $uri) = @_;

    my $r = fresh_merge($uri || '/hook');

    is($r->status, 503, "$name: refused");
    like($r->header('retry-after'), qr/^[1-9]\d*$/, "$name: Retry-After");
    is($r->json->{status}, 'failed', "$name: failed");
    is(built(), 0, "$name: nothing is started");
    is(http_get('/static')->status, 204, "$name: nginx serves");
}

# the refused delivery is sent again

sub works {
    my ($name) = @_;

    is(again('/hook')->json->{status}, 'started', "$name: started");
    is(again('/hook')->json->{status}, 'duplicate', "$name: duplicate");
    is(built(), 1, "$name: once");
}


###############################################################################
# the file


$t->write_file($file, "not a database, and long enough to be looked at\n" x 9,
               0600);
$t->run($conf);

refused('garbage');
ok($t->wait_log(qr/is corrupt: file is not a database, it needs an operator/),
   'garbage: logged');

is((-s $file), 48 * 9, 'garbage: left as it is');

rename($file, "$file.old");
works('garbage moved away');
ok($t->wait_log(qr/\[notice\].*deploy store works again/), 'logged');

# the file is removed while it is in use

unlink($file);
refused('removed');
works('removed: a new one');

# of a newer version

$store->do('PRAGMA user_version = 3');
$t->restart();
refused('newer');
ok($t->wait_log(qr/is of a newer version of the module: schema 3/), 'logged');
$store->do('PRAGMA user_version = 2');
works('newer: set back');

# a page of it

$t->stop();

{
    open(my $fh, '+<', $file) or die "$file: $!";
    seek($fh, 4096 * 2, 0);
    syswrite($fh, "\xff" x 64);
}

$t->run();
refused('a broken page');
ok($t->find_in_log(qr/is corrupt/), 'a broken page: logged');

$t->stop();
unlink(glob("$file*"));
$t->run();
works('a new one');


###############################################################################
# somebody has the lock


my $lock = $store->lock();
my $start = time();

refused('locked', '/short');
cmp_ok(time() - $start, '<', 6, 'locked: no longer than deploy_timeout');

# refused late it is not stored late

$store->unlock($lock);

ok(wait_for(sub { $t->find_in_log(qr/did not accept delivery/) }), 'logged');
is($store->value('SELECT count(*) FROM deliveries WHERE location = ?',
                 '/short'), 0, 'locked: not stored afterwards');

is(again('/short')->json->{status}, 'started', 'unlocked: started');
is(built(), 1, 'unlocked: once');

# for long

$lock = $store->lock();
refused('locked for long');
ok($t->wait_log(qr/is locked by another process/), 'logged');
$store->unlock($lock);
works('unlocked');


###############################################################################
# the disk


SKIP: {
    skip 'needs root', 23 if $> != 0;

    $t->stop();

    system('mount', '-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'none', $dir)
        == 0 or skip 'no tmpfs', 23;

    $t->run();

    fresh_merge('/hook');
    is(built(), 1, 'a small disk');

    open(my $fh, '>', "$dir/ballast") or die "ballast: $!";
    1 while syswrite($fh, 'x' x 65536);
    close($fh);

    my $r;

    for (1 .. 200) {
        $r = fresh_merge('/hook');
        last if $r->status != 200;
    }

    is($r->status, 503, 'full');
    is(built(), 0, 'full: nothing is started');
    refused('full');
    ok($t->find_in_log(qr/cannot grow, the disk is full/), 'full: logged');

    unlink("$dir/ballast");
    works('room again');

    $t->stop();
    system('mount', '-o', 'remount,ro', $dir);
    $t->run();

    refused('read-only');
    system('mount', '-o', 'remount,rw', $dir);
    works('writable again');

    $t->stop();
    system('umount', $dir);
    $t->run();
}


###############################################################################
# the clock: times of the store are moved instead


for (['an hour back', 3600000], ['a year on', -31536000000]) {
    my ($name, $by) = @$_;

    $cb->fault('api', ('throttle') x 3);
    $cb->fault_always('api', 'throttle');

    is(fresh_merge('/hook')->status, 202, "$name: queued");

    $store->do('UPDATE builds SET since = since + ?, due = due + ?,'
               . ' unknown = iif(unknown > 1, unknown + ?, unknown)'
               . ' WHERE state < 2', $by, $by, $by);

    $cb->fault_always('api', undef);

    ok(wait_for(sub { built() }, undef, 40), "$name: started");
    ok(wait_for(sub { again('/hook')->json->{builds}[0]{status}
                      eq 'started' }), "$name: recorded");
    is(built(), 1, "$name: once");
}


###############################################################################
# the client goes away


my $body = merge(number => ++$n, commit => sprintf('%040x', $n));
my %headers = github($SECRET, 'pull_request', $body);
my $head = 'POST /hook HTTP/1.1' . CRLF . 'Host: localhost' . CRLF
           . join('', map { "$_: $headers{$_}" . CRLF } keys %headers)
           . 'Content-Length: ' . length($body) . CRLF . CRLF;

http($head, abort => 1);
http($head . substr($body, 0, 200), abort => 1);

ok($t->wait_log(qr/client prematurely closed|client closed/), 'gone');
is(built(), 0, 'before its end: not started');

http($head . $body, abort => 1);

ok(wait_for(sub { built() }), 'after its end: started');
works_again('after its end');

# while it is stored

$n++;
$lock = $store->lock();

my $s = deliver('/hook', 'pull_request',
                merge(number => $n, commit => sprintf('%040x', $n)),
                { start => 1 });

select(undef, undef, undef, 0.3);
close($s);
$store->unlock($lock);

ok(wait_for(sub { built() }), 'while it is stored: started');
works_again('while it is stored');

sub works_again {
    my ($name) = @_;

    ok(wait_for(sub { again('/hook')->json->{status} eq 'duplicate' }),
       "$name: duplicate");
    is(built(), 1, "$name: once");
}

$t->done();
