#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# One store for several at once: workers old and new while nginx reloads, two
# masters of a binary upgrade, two nginx.  One build for each delivery.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new(workers => 2);
my $cb = $t->codebuild();
my $t2 = Test::Deploy->new(workers => 2);

$t->write_file('secret', "$SECRET\n", 0600);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%STORE%%;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 4s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_verify github %%SECRET%%;
            deploy_build api;
        }
    }
}
EOC

for my $nginx ($t, $t2) {
    $nginx->var(STORE => $t->path('store'));
    $nginx->var(SECRET => $t->path('secret'));
    $nginx->var(CODEBUILD => $cb->endpoint());
    $nginx->env(%{ $cb->env() });
}

$t->run($conf);

my $store = Test::Deploy::Store->new($t->path('store'));
my @ports = map { $_->port(8080) } $t, $t2;

sub body {
    my ($n) = @_;

    return merge(number => $n, commit => sprintf('%040x', $n));
}

# the masters of the upgrade are nobody's children

my @masters;

END { kill('TERM', @masters) if @masters }

# the number of builds of each delivery from one to another

sub built {
    my ($from, $to) = @_;

    my %times = map { sprintf('%040x', $_) => 0 } $from .. $to;

    for my $build ($cb->builds()) {
        my $version = $build->{request}{sourceVersion};
        $times{$version}++ if defined $times{$version};
    }

    my %count;
    $count{$_}++ for values %times;

    return join(', ', map { "$count{$_} built $_ times" } sort keys %count);
}

sub all_end {
    my ($name) = @_;

    ok(wait_for(sub {
        $store->value('SELECT count(*) FROM builds WHERE state < 2') == 0;
    }, undef, 60), "$name: all ends");
}


###############################################################################
# reloads under load, CodeBuild is slow and fails now and then


$cb->fault('api', map { ({ fault => 'late', seconds => 0.2 }, 'reset',
                         'started-reset', 'ok') } 1 .. 15);

my @answers;
my $n = 0;

for my $round (1 .. 5) {
    my @s = map { deliver('/hook', 'pull_request', body(++$n),
                          { start => 1, port => $ports[0] }) } 1 .. 6;

    $t->reload(undef, nowait => 1);

    push(@answers, map { my $r = http_response($_);
                         $r ? $r->status : 0 } @s);
}

is(scalar(grep { $_ == 200 || $_ == 202 } @answers), 30,
   'reload: all are answered') or diag("@answers");

all_end('reload');
is(built(1, 30), '30 built 1 times', 'reload: each is started once');

ok(wait_for(sub { $t->worker_pids(all => 1) == 2 }, undef, 20),
   'reload: no old worker stays');


###############################################################################
# two nginx; each delivery to both


$t2->run($conf);

my %words;

for (31 .. 50) {
    my $body = body($_);
    my @s = map { deliver('/hook', 'pull_request', $body,
                          { start => 1, port => $_ }) } @ports;

    $words{$_->json->{status}}++ for map { http_response($_) } @s;
}

is(join(' ', sort keys %words), 'started', 'two nginx: the same answer')
    or diag(explain(\%words)) if !$words{duplicate};

all_end('two nginx');
is(built(31, 50), '20 built 1 times', 'two nginx: each is started once');

# what one has queued the other takes, when that is gone

$cb->stop();

is(deliver('/hook', 'pull_request', body(51), { port => $ports[0] })->status,
   202, 'queued by one');

$t->stop();
$cb->start();

all_end('taken by the other');
is(built(51, 51), '1 built 1 times', 'started once');

$t2->stop();


###############################################################################
# a binary upgrade, and back


SKIP: {
    skip 'the module is a file', 8 if $t->binary() !~ m!/sbin/nginx$!;

    my $dir = $t->path('upgrade');
    my $text = $t->expand($conf);
    my $pid_file = $t->path('nginx.pid');

    $text =~ s/daemon off;//;
    $text =~ s/^(events)/worker_shutdown_timeout 10s;\n$1/m;
    $text =~ s/^/env $_;\n/ for grep { defined $cb->env()->{$_} }
                                keys %{ $cb->env() };

    $t->write_file('upgrade.conf', $text);

    my $read = sub {
        my ($name) = @_;
        my ($pid) = $t->read_file($name) =~ /(\d+)/;
        return $pid || 0;
    };

    my ($code, $out) = $t->capture($t->binary(), '-p', $t->dir() . '/',
                                   '-c', 'upgrade.conf',
                                   '-e', $t->path('error.log'));

    is($code, 0, 'upgrade: begins') or diag($out);
    ok(wait_for(sub { $read->('nginx.pid') }), 'upgrade: runs');

    my $old = $read->('nginx.pid');

    push(@masters, $old);

    kill('USR2', $old);

    ok(wait_for(sub { my $new = $read->('nginx.pid');
                      $new && $new != $old }), 'upgrade: two masters');

    my $new = $read->('nginx.pid');

    push(@masters, $new);

    $cb->fault('api', map { ('ok', 'reset', 'started-reset') } 1 .. 2);

    my @s = map { deliver('/hook', 'pull_request', body($_),
                          { start => 1, port => $ports[0] }) } 61 .. 70;

    kill('QUIT', $old);

    push(@s, map { deliver('/hook', 'pull_request', body($_),
                           { start => 1, port => $ports[0] }) } 71 .. 80);

    my @codes = map { my $r = http_response($_); $r ? $r->status : 0 } @s;

    is(scalar(grep { $_ == 200 || $_ == 202 } @codes), 20,
       'upgrade: all are answered') or diag("@codes");

    all_end('upgrade');
    is(built(61, 80), '20 built 1 times', 'upgrade: each is started once');

    ok(wait_for(sub { !kill(0, $old) }, undef, 15), 'upgrade: the old ends');

    kill('QUIT', $new);
    ok(wait_for(sub { !kill(0, $new) }, undef, 15), 'upgrade: the new, too');
    @masters = ();
}

$t2->finish();
$t->done();
