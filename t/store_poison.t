#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# A build that kills each worker that takes it: the others get through, and
# the more often it did the longer it is left alone.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $N = 12;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

# where the build is to be started there is somebody with a gun

my $gun = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp',
                                Listen => 511) or die "listen: $!";

$t->var(GUN => 'http://127.0.0.1:' . $gun->sockport());
$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('shots', '');

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
    deploy_timeout 3s;
    deploy_verify github %%TESTDIR%%/secret;

    deploy_project poison { endpoint %%GUN%%; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { deploy_build api; }
        location = /poison { deploy_build poison; }
    }
}
EOC

$t->run($conf);
$t->expect(qr/exited on signal 9/);

my $store = Test::Deploy::Store->new($t->path('store'));
my $gunman = fork();

die "fork: $!" unless defined $gunman;

if ($gunman == 0) {
    my @workers;

    while (getppid() == $t->{owner}) {
        @workers = $t->worker_pids(all => 1);

        IO::Select->new($gun)->can_read(0.05) or next;

        open(my $fh, '>>', $t->path('shots'));
        syswrite($fh, '.');

        kill('KILL', @workers);
        close($gun->accept());
    }

    POSIX::_exit(0);
}

END { kill('KILL', $gunman) if $gunman }

sub delivery {
    my ($uri, $n, @more) = @_;

    return deliver($uri, 'pull_request',
                   merge(number => $n, commit => sprintf('%040x', $n)), @more);
}

sub shots { return length($t->read_file('shots')) }

# each shot worker has a successor

sub alive {
    return $t->find_in_log(qr/exited on signal 9/) >= shots()
           && $t->worker_pids() == 1;
}

sub count {
    my ($where) = @_;

    return $store->value("SELECT count(*) FROM builds WHERE $where");
}

# when nothing is under way time passes until something is due

sub time_passes {
    my ($pid) = $t->worker_pids();
    my $fence = $store->value('SELECT sum(fence) FROM builds');

    return if !$pid || !alive()
              || $store->value('SELECT count(*) FROM builds WHERE state = 1'
                               . ' AND owner LIKE ?', "% $pid");

    my $due = $store->value('SELECT min(due) FROM builds WHERE state < 2');
    my $by = (defined $due ? $due : 0) - int(time() * 1000);

    return if $by <= 0;

    $store->do('UPDATE builds SET since = since - ?1, due = due - ?1'
               . ' WHERE state < 2 AND (SELECT sum(fence) FROM builds) = '
               . $fence, $by);
}


###############################################################################
# it is accepted, and others are


ok(!eval { delivery('/poison', 1)->status }, 'poison: no answer');
ok(wait_for(sub { shots() == 1 && alive() }), 'poison: killed it');

is(count('state = 1'), 1, 'poison: accepted');

$cb->stop();

my @s = map { delivery('/hook', $_, { start => 1 }) } 2 .. $N;

is(http_response($_)->json->{status}, 'queued', 'others: queued') for @s;

$cb->start();

# all are due, poison is the first

$store->do('UPDATE builds SET due = ? + id', int(time() * 1000) - 1000);

my ($begin, $new, $most) = (time(), $N, 0);

ok(wait_for(sub {
    my $n = shots();

    time_passes();

    # somebody delivers all the time

    if (time() - $begin > 0.5 * ($new - $N + 1)) {
        $new++;
        eval { delivery('/hook', $new) };
    }

    return count("project = 'api' AND state < 2") == 0;
}, undef, 60), 'others: they get through');

my $shots = shots();

cmp_ok($shots, '<=', 5, "others: after $shots shots");
cmp_ok($new, '>', $N, 'others: new ones');

is($cb->builds('api'), count("project = 'api'"), 'others: each once');


###############################################################################
# it is left alone for longer and longer


my @leases;

for my $n (1 .. 6) {
    my $before = shots();

    ok(wait_for(sub {
        return 1 if shots() > $before && alive();
        time_passes();
        return 0;
    }, undef, 20), 'poison: again');

    push(@leases, $store->value("SELECT due - since FROM builds WHERE"
                                . " project = 'poison'"));
}

note("leases: @leases");

cmp_ok($leases[$_], '>=', $leases[$_ - 1], 'poison: not sooner') for 1 .. 5;
cmp_ok($leases[5], '>', 4 * 13000, 'poison: later');
cmp_ok($leases[5], '<=', 300000, 'poison: every five minutes');

is(delivery('/poison', 1)->status, 202, 'poison: sent again');
is(count("project = 'poison'"), 1, 'poison: known');

# one that waited for long enough is given up, and works when sent again

$store->do('UPDATE builds SET waited = 6 * 3600000'
           . " WHERE project = 'poison'");

ok(wait_for(sub {
    time_passes();
    return count("project = 'poison' AND state = 3");
}, undef, 20), 'poison: given up');

ok($t->find_in_log(qr/\[error\].*deploy gave up "poison".*workers that took/),
   'poison: logged');

# somebody mends it

kill('KILL', $gunman);
waitpid($gunman, 0);
$gunman = 0;

$t->reload($conf =~ s/%%GUN%%/%%CODEBUILD%%/r);

is(delivery('/poison', 1)->json->{status}, 'started', 'mended: started');

is($cb->builds('poison'), 1, 'mended: once');
is(delivery('/poison', 1)->json->{status}, 'duplicate', 'mended: duplicate');

is($cb->builds(), count('state = 2'), 'each once');
is(count('state != 2'), 0, 'nothing is left');

$t->done();
