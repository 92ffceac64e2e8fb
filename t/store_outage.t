#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# CodeBuild is down for hours: the first retry comes within two seconds, they
# are no more than 20 seconds apart in the first five minutes, and in the end
# each build is started once.  Time passes by moving what is planned in the
# store.

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
use Test::Deploy::Store;

my $N = 8;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store retry=6h;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;

        location = /hook { deploy_build api; }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));

sub delivery {
    my ($n) = @_;

    return deliver('/hook', 'pull_request',
                   merge(number => $n, commit => sprintf('%040x', $n)));
}

sub built {
    my ($n) = @_;

    return scalar grep { $_->{request}{sourceVersion} eq sprintf('%040x', $n) }
                  $cb->builds();
}

# all wait for their next attempt, after so many; how long, in ms, as shares
# of the longest time that is allowed then, or of another

sub delays {
    my ($attempts, $max) = @_;

    ok(wait_for(sub {
        $store->value('SELECT count(*) FROM builds WHERE state = 0'
                      . ' AND attempts >= ?', $attempts) == $N;
    }, undef, 20), "attempt $attempts");

    return map {
        my $limit = 2000 * 2 ** ($_->{attempts} - 1);

        $limit = 20000 if $limit > 20000;

        ($_->{due} - $_->{since}) / ($max || $limit);
    } $store->rows('SELECT due, since, attempts FROM builds ORDER BY id');
}

# the time that is left passes; a new worker looks at once

sub later {
    my (%set) = @_;

    my $now = int(time() * 1000);

    $store->do('UPDATE builds SET since = since - max(due - ?1, 0),'
               . ' due = due - max(due - ?1, 0) WHERE state = 0', $now);

    $store->do('UPDATE builds SET '
               . join(', ', map { "$_ = $set{$_}" } sort keys %set)
               . ' WHERE state < 2') if %set;

    $t->reload();
}

sub max { return (sort { $b <=> $a } @_)[0] }
sub min { return (sort { $a <=> $b } @_)[0] }


###############################################################################
# it goes down


$cb->stop();

my @s = map {
    deliver('/hook', 'pull_request',
            merge(number => $_, commit => sprintf('%040x', $_)),
            { start => 1 })
} 1 .. $N;

for (@s) {
    my $r = http_response($_);

    is($r->status, 202, 'down: accepted');
    is($r->json->{status}, 'queued', 'down: queued');
}

# the first retry is not hurried by the test

ok(wait_for(sub {
    $store->value('SELECT count(DISTINCT build) FROM attempts'
                  . ' WHERE n = 2') == $N;
}, undef, 20), 'down: retried');

my @first = map { $_->{after} }
            $store->rows('SELECT b.at - b.duration - a.at after'
                         . ' FROM attempts a, attempts b WHERE a.n = 1'
                         . ' AND b.n = 2 AND a.build = b.build');

# within two seconds, and what a busy machine needs

cmp_ok(max(@first), '<', 2000 + 1500, 'first retry: within 2 seconds');

note("first retries after @first ms");

my @all;

for my $attempt (2 .. 6) {
    my @delays = delays($attempt);

    cmp_ok(max(@delays), '<=', 1, "attempt $attempt: in time");
    cmp_ok(min(@delays), '>', 0, "attempt $attempt: later");
    push(@all, @delays);

    later();
}

cmp_ok(max(@all), '>', 0.6, 'not all soon');
cmp_ok(min(@all), '<', 0.4, 'not all late');

# nearly five minutes

later(waited => 299000 - 60000, attempts => 20);
cmp_ok(max(delays(21, 20000)), '<=', 1, 'five minutes: 20 s at most');

# an hour

later(waited => 3600000, attempts => 30);

my @hour = delays(31, 300000);

cmp_ok(max(@hour), '>', 20 / 300, 'an hour: less often');
cmp_ok(max(@hour), '<=', 1, 'an hour: 5 minutes at most');

is(delivery(1)->json->{status}, 'duplicate', 'an hour: a duplicate');
is($cb->builds(), 0, 'an hour: nothing is started');

# one of them waits for too long

$store->do('UPDATE builds SET waited = 6 * 3600000 WHERE id ='
           . ' (SELECT max(id) FROM builds)');
later();

ok(wait_for(sub {
    $store->value('SELECT count(*) FROM builds WHERE state = 3') == 1;
}, undef, 20), 'six hours: one has failed');

ok($t->wait_log(qr/\[error\].*deploy gave up "api"/), 'six hours: logged');


###############################################################################
# it is back


$cb->start();
later();

ok(wait_for(sub {
    $store->value('SELECT count(*) FROM builds WHERE state = 2') == $N - 1;
}, undef, 30), 'back: all others are started');

is($cb->builds(), $N - 1, 'back: once');

# what was given up is started when it is sent again

my ($gone) = grep { !built($_) } 1 .. $N;

is(delivery($gone)->json->{status}, 'started', 'sent again: started');

for (1 .. $N) {
    is(delivery($_)->json->{status}, 'duplicate', "delivery $_: duplicate");
    is(built($_), 1, "delivery $_: once");
}

is($cb->builds(), $N, 'no other builds');

$t->done();
