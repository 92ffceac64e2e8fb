#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# A hundred thousand builds wait in the store when nginx starts: it serves at
# once and stays small, they are started a few at a time, and new deliveries
# do not wait for them.

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

my $N = 100000;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('file', 'x' x 10000);

my $conf = <<'EOC';
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

        location = /hook { deploy_build api; }
        location / { deploy_verify off; }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));
my $n = 0;

sub delivery {
    my ($n) = @_;

    return deliver('/hook', 'pull_request',
                   merge(number => $n, commit => sprintf('%040x', $n)));
}

# memory of the worker, KB

sub rss {
    my ($pid) = $t->worker_pids();

    open(my $fh, '<', "/proc/$pid/status") or die "status: $!";
    local $/;

    return (<$fh> =~ /^VmRSS:\s+(\d+)/m)[0];
}

# how long files take, until something is true

sub files {
    my ($until) = @_;

    my $s = http_connect();
    my @times;

    while (!$until->()) {
        for (1 .. 20) {
            my $start = time();
            my $r = http_get('/file', { socket => $s, keep => 1 });

            die 'no file' if !$r || length($r->body) != 10000;

            push(@times, time() - $start);
            sleep(0.005);
        }
    }

    return sort { $a <=> $b } @times;
}

sub start {
    my $start = time();

    $t->run($conf);
    is(http_get('/file')->status, 200, 'a file');

    return time() - $start;
}


###############################################################################
# a store with one delivery, then with many that are as this one


my $normal = start();

is(delivery(++$n)->json->{status}, 'started', 'a delivery');

my $end = time() + 1;
my @normal = files(sub { time() > $end });
my $small = rss();

$t->stop();

my ($project, $token, $commit) = ('api', $store->value('SELECT token'
    . ' FROM builds'), sprintf('%040x', 1));

my $now = int(time() * 1000);

my $db = $store->connect();

$db->do("CREATE TEMP TABLE t AS WITH RECURSIVE t(n) AS (SELECT 2 UNION ALL"
        . " SELECT n + 1 FROM t WHERE n <= $N) SELECT n FROM t");

for my $table (qw(deliveries builds)) {
    my %value = map { $_->[1] => "x.$_->[1]" }
                @{ $db->selectall_arrayref("PRAGMA table_info($table)") };
    my $new = "printf('%064x', t.n)";

    $value{id} = 't.n';

    if ($table eq 'deliveries') {
        $value{identity} = $new;

    } else {
        $value{delivery} = 't.n';
        $value{token} = $new;
        $value{state} = 0;
        $value{due} = $now - $N . ' + t.n';
        $value{$_} = 'NULL' for qw(build arn url number);
        $value{body} = "replace(replace(x.body, x.token, $new), '$commit',"
                       . " printf('%040x', t.n + 1000000))";
    }

    my @names = sort keys %value;

    is($db->do("INSERT INTO $table (" . join(', ', @names) . ') SELECT '
               . join(', ', @value{@names}) . " FROM $table x, t"
               . ' WHERE x.id = 1'), $N, "$N $table");
}

$db->disconnect();


###############################################################################
# they are in it when nginx starts


my $before = $cb->builds();
my $took = start();

cmp_ok($took, '<', $normal + 2, 'it starts as soon as ever');

my @active;

my @times = files(sub {
    push(@active, $store->value('SELECT count(*) FROM builds'
                                . ' WHERE state = 1'));
    return $cb->builds() > $before + 50;
});

my $large = rss();

cmp_ok((sort { $b <=> $a } @active)[0], '<=', 32, 'a few at a time');
cmp_ok(scalar(@times), '>', 20, 'files');
cmp_ok($times[@times / 2], '<', 5 * $normal[@normal / 2] + 0.02,
       'files come as ever');
cmp_ok($times[-1], '<', 1, 'each of them');
cmp_ok($large, '<', $small + 16384, 'little memory');

note(sprintf('start %.2f s, %.2f s before; files: median %.2f ms, longest'
             . ' %.2f ms, %.2f and %.2f before; %d KB, %d before', $took,
             $normal, $times[@times / 2] * 1000, $times[-1] * 1000,
             $normal[@normal / 2] * 1000, $normal[-1] * 1000, $large, $small));

for (1 .. 3) {
    like(delivery(++$n)->json->{status}, qr/^(?:started|queued)$/,
         'a new delivery: accepted');
    ok(wait_for(sub { delivery($n)->json->{status} eq 'duplicate' }),
       'a new delivery: known');
}

# it quits in time

$t->stop();

my %times;

$times{$_->{request}{sourceVersion}}++ for $cb->builds();

is(scalar(grep { $_ > 1 } values %times), 0, 'nothing twice');
is($store->value('SELECT count(*) FROM builds WHERE state < 2'
                 . ' OR state = 3') + keys(%times), $N + $n,
   'and none is lost');

$t->done();
