#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# A worker, or all of nginx, is killed while deliveries are at every step of
# their way.  Those that got no answer before they were stored are not
# started; all others are, once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket qw(CRLF);
use Test::More;

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
    deploy_timeout 2s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location ~ ^/(?<project>\w+)$ {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build $project;
        }
    }
}
EOC

$t->run($conf);
$t->expect(qr/exited on signal 9/);

my $store = Test::Deploy::Store->new($t->path('store'));
my $n = 0;

sub pull_request {
    return merge(number => ++$n, commit => sprintf('%040x', $n));
}

sub start {
    my ($project) = @_;

    return deliver("/$project", 'pull_request', pull_request(),
                   { start => 1 });
}

sub kill_workers { kill('KILL', $t->worker_pids(all => 1)) }

sub kill_all {
    kill('KILL', $t->pid(), $t->worker_pids(all => 1));
    wait_for(sub { $t->reap() });
    delete $t->{exit};
    wait_for(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1:'
                                          . port(8080)) });
    $t->run($conf);
}


for (['a worker', \&kill_workers], ['everything', \&kill_all]) {
    my ($what, $disturb) = @$_;

    my %before = map { my $p = $_; $p => scalar(() = $cb->builds($p)) }
                 qw(body storing hang taken late queue);

    $cb->fault('hang', { fault => 'hang', seconds => 30 });
    $cb->fault('taken', { fault => 'started-hang', seconds => 30 });
    $cb->fault('late', { fault => 'late', seconds => 1 });
    $cb->fault('queue', 'AccountLimitExceededException');

    my %s = map { $_ => start($_) } qw(hang taken late queue);

    is(http_response($s{queue})->status, 202, "$what: one is queued");

    ok(wait_for(sub {
        my $waiting = 0;

        for my $project (qw(hang taken late)) {
            $waiting++ if $store->value('SELECT count(*) FROM builds WHERE'
                . ' project = ? AND state = 1', $project);
        }

        $waiting == 3;
    }), "$what: three are being started");

    wait_for(sub { $cb->builds('taken') > $before{taken} });
    wait_for(sub { $cb->requests('hang') });

    # from now on the worker can store nothing

    my $lock = $store->lock();

    $s{storing} = start('storing');

    my $body = pull_request();
    my %headers = github($SECRET, 'pull_request', $body);

    $s{body} = http("POST /body HTTP/1.1" . CRLF . 'Host: localhost' . CRLF
                    . join('', map { "$_: $headers{$_}" . CRLF }
                               keys %headers)
                    . 'Content-Length: ' . length($body) . CRLF . CRLF
                    . substr($body, 0, 100), start => 1);

    is(http_response($s{late})->status, 200,
       "$what: one is started, which is not recorded");

    $disturb->();

    $store->unlock($lock);

    for my $project (qw(storing body hang taken)) {
        ok(!http_response($s{$project}, timeout => 5),
           "$what: no answer, $project");
    }

    # leases end after seven seconds, the queue would wait for ten to twenty

    $store->do('UPDATE builds SET due = since WHERE state = 0');

    ok(wait_for(sub {
        $store->value('SELECT count(*) FROM builds WHERE state < 2') == 0;
    }, undef, 40), "$what: all ends");

    for my $project (sort keys %before) {
        my $want = ($project eq 'body' || $project eq 'storing') ? 0 : 1;

        is($cb->builds($project) - $before{$project}, $want,
           "$what: $want of $project");
    }

    is($store->value('SELECT count(*) FROM builds WHERE state = 2'),
       scalar(() = $cb->builds()), "$what: each is known");
}


# what was not stored may be sent again, what was is a duplicate

my %builds = map { $_->{project} . $_->{request}{sourceVersion} => 1 }
             $cb->builds();

is(scalar(keys %builds), scalar(() = $cb->builds()), 'no commit twice');


###############################################################################
# a worker that sleeps longer than its lease


$t->restart($conf =~ s/events/worker_processes 2;\nevents/r);

my $before = () = $cb->builds('slow');

$cb->fault('slow', { fault => 'late', seconds => 0.5 });

my $s = start('slow');

wait_for(sub { $store->value("SELECT count(*) FROM builds WHERE project ="
                             . " 'slow' AND state = 1") });

my ($pid) = $store->value("SELECT owner FROM builds WHERE project = 'slow'")
            =~ /(\d+)$/;

kill('STOP', $pid);

ok(wait_for(sub { $store->value("SELECT state FROM builds WHERE project ="
                                . " 'slow'") == 2 }, undef, 20),
   'another worker took it');

my $build = $store->value("SELECT build FROM builds WHERE project = 'slow'");

kill('CONT', $pid);

like(http_response($s)->status, qr/^20[02]$/, 'the late one answers');
is($cb->builds('slow') - $before, 1, 'one build');
is($store->value("SELECT build FROM builds WHERE project = 'slow'"), $build,
   'which stays');

$t->done();
