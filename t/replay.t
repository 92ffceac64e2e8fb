#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# A delivery is started once: redeliveries, those under way, those that
# failed, and the ends of the worker that has it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('static', 'static');
$t->write_file('standard', 'whsec_' . 'MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0' . "\n",
               0600);
$t->var(ZONE => '');
$t->var(WORKERS => 1);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_processes %%WORKERS%%;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%ZONE%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    log_format status "$deploy_status $deploy_build_id";
    access_log %%TESTDIR%%/status.log status;

    server {
        listen 127.0.0.1:%%PORT_8080%% reuseport;

        deploy_verify github %%TESTDIR%%/secret;

        location = /hook {
            deploy_build api;
            deploy_build web;
        }

        location = /other {
            deploy_build api;
        }

        location = /dry {
            deploy_dry_run on;
            deploy_build api;
        }

        location = /short {
            deploy_timeout 1500ms;
            deploy_build api;
        }

        location = /slow {
            deploy_timeout 2s;
            deploy_build api;
        }

        location = /bad {
            deploy_build $deploy_title;
        }

        location = /many {
            deploy_build api-0123456789-$deploy_tag on=tag;
            deploy_build web-0123456789-$deploy_tag on=tag;
        }

        location = /static {
            deploy_verify off;
        }
    }
}
EOC

$t->run($conf);

my $n = 0;

# a merge that is like no other

sub fresh_merge { return merge(number => ++$n + 100) }

sub send_to {
    my ($uri, $body, %opts) = @_;

    return deliver($uri, 'pull_request', $body, { same => 1, %opts });
}

# "status started-builds", or the code of a failure

sub told {
    my ($r) = @_;

    return 'none' unless ref($r) && $r->status;

    my $json = $r->json();

    return $json->{status} . ' '
           . join(' ', map { "$_->{project}:$_->{status}" }
                       @{ $json->{builds} || [] });
}

sub ids { return join(' ', map { $_->{id} } @{ $_[0]->json()->{builds} }) }

sub requests { return scalar(() = $cb->requests()) }


###############################################################################
# the same again


my $body = fresh_merge();
my $first = send_to('/hook', $body);

is(told($first), 'started api:started web:started', 'started');

my $sent = requests();

for my $try (1 .. 3) {
    my $r = send_to('/hook', $body);

    is($r->status, 200, "again, $try");
    is(told($r), 'duplicate api:started web:started', "again, $try: told");
    is(ids($r), ids($first), "again, $try: the same builds");
    is($r->json()->{events}[0]{action}, 'merged', "again, $try: its event");
    is($r->json()->{rules}, undef, "again, $try: no rules");
    is($r->json()->{builds}[0]{number},
       $first->json()->{builds}[0]{number}, "again, $try: the number");
}

is(requests(), $sent, 'nothing was sent');

my $id = $first->json()->{builds}[0]{id};

wait_for(sub {
    my @lines = $t->find_in_log(qr/^duplicate \Q$id\E/, 'status.log');
    return @lines >= 3;
}, 'three lines in the access log');

is(scalar $t->find_in_log(qr/^duplicate \Q$id\E/, 'status.log'), 3,
   '$deploy_status and $deploy_build_id');

# what no signature covers is not looked at

my $r = http_post('/hook', $body, github($SECRET, 'pull_request', $body, 'new'),
                  'X-Request-Id' => 'new');

is(told($r), 'duplicate api:started web:started', 'another delivery id');
is($r->json()->{delivery}, 'new', 'which is told');

is(told(send_to('/other', $body)), 'started api:started', 'another location');
is(told(send_to('/hook', "$body ")), 'started api:started web:started',
   'another body');


###############################################################################
# what is not remembered


$body = fresh_merge();

is(told(send_to('/dry', $body)), 'dry_run api:dry_run', 'dry run');
is(told(send_to('/dry', $body)), 'dry_run api:dry_run', 'dry run again');

my $ping = ping();

is(told(deliver('/hook', 'ping', $ping, { same => 1 })), 'ignored ', 'a ping');
is(told(deliver('/hook', 'ping', $ping, { same => 1 })), 'ignored ',
   'a ping again');

$t->expect(qr/deploy (?:did not start|cannot start)/);

$body = fresh_merge();
$cb->fault('api', 'ResourceNotFoundException');
$r = send_to('/hook', $body);

is($r->status, 502, 'one of two refused');

$sent = requests();
$r = send_to('/hook', $body);

is(told($r), 'started api:started web:started', 'sent again: both started');
is(requests(), $sent + 2, 'both were asked for');

$body = merge(title => 'no name', number => ++$n + 100);

is(send_to('/bad', $body)->status, 502, 'no project name');
is(send_to('/bad', $body)->status, 502, 'again');

$body = fresh_merge();
$cb->stop();

is(send_to('/short', $body)->status, 503, 'CodeBuild is down');
is(send_to('/short', $body)->status, 503, 'and again');

$cb->start();

is(told(send_to('/short', $body)), 'started api:started', 'it is back');

$body = fresh_merge();
$cb->fault('api', { fault => 'late', seconds => 4 });
$r = send_to('/short', $body);

is($r->status, 504, 'too late');
is(told(send_to('/short', $body)), 'started api:started', 'sent again');


###############################################################################
# one that is under way


sub join_them {
    my ($name, $want, @faults) = @_;

    my $body = fresh_merge();
    my $before = requests();

    $cb->fault('api', $_) for @faults;

    my @s = map { send_to('/hook', $body, start => 1) } 1 .. 5;
    my @told = map { told(http_response($_, timeout => 15)) } @s;

    is(join(', ', @told), join(', ', ($want) x 5), "$name: all the same");

    return requests() - $before;
}

is(join_them('slow', 'started api:started web:started',
             { fault => 'late', seconds => 0.5 }), 2, 'slow: started once');
is(join_them('refused', 'failed api:failed web:started',
             { fault => 'AccessDeniedException', seconds => 0.5 }), 2,
   'refused: asked once');

# the client that came first goes away

$body = fresh_merge();
$cb->fault('api', { fault => 'late', seconds => 0.5 });
$sent = requests();

my $s = send_to('/hook', $body, start => 1);

wait_for(sub { requests() == $sent + 2 });

my $joined = send_to('/hook', $body, start => 1);

close($s);
is(told(http_response($joined)), 'started api:started web:started',
   'the first client is gone');

# and when both do

$body = fresh_merge();
$cb->fault('api', { fault => 'late', seconds => 0.3 });
$sent = requests();

close(send_to('/hook', $body, start => 1)) for 1 .. 2;

ok(wait_for(sub { told(send_to('/hook', $body)) =~ /^duplicate/ }),
   'both clients are gone');
is(requests(), $sent + 2, 'started once');


###############################################################################
# two workers


$t->stop();
$t->var(ZONE => 'deploy_zone deploy:1m;');
$t->var(WORKERS => 2);
$t->run($conf);

# connections until both workers have one; a worker keeps its connection

my %socket;

sub workers {
    %socket = ();

    for (1 .. 200) {
        my $s = http_connect();
        my $before = http("GET /static HTTP/1.1\x0d\x0aHost: a\x0d\x0a\x0d\x0a",
                          socket => $s, keep => 1);
        my ($port) = ($s->sockport());

        my $inode = inode($s);
        next unless defined $inode && !$socket{$inode};

        $socket{$inode} = $s;
        last if keys %socket == 2;
    }

    return values %socket;
}

# the worker that has the other end of a socket

sub inode {
    my ($s) = @_;

    my ($local, $remote) = map { sprintf('%04X', $_) }
                           ($s->peerport(), $s->sockport());

    for my $pid ($t->worker_pids()) {
        my ($line) = grep { /:$local [0-9A-F]+:$remote / }
                     split(/\n/, $t->read_file("/proc/$pid/net/tcp"));
        next unless defined $line;

        my $inode = (split(' ', $line))[9];

        for my $fd (glob("/proc/$pid/fd/*")) {
            my $link = readlink($fd);
            return $pid if defined $link && $link eq "socket:[$inode]";
        }
    }

    return undef;
}

my @sockets = workers();

is(scalar @sockets, 2, 'a connection to each worker');

my ($started, $same) = (0, 0);

for (1 .. 20) {
    my $body = fresh_merge();
    my @headers = github($SECRET, 'pull_request', $body);
    my $before = requests();

    http_post('/other', $body, @headers,
              { socket => $_, start => 1, keep => 1 }) for @sockets;

    my @r = map { http_response($_) } @sockets;

    $started++ if requests() - $before == 1;
    $same++ if ids($r[0]) eq ids($r[1]);
}

is($started, 20, 'each of 20 deliveries to both is started once');
is($same, 20, 'both are told the same builds');

$body = fresh_merge();
my @headers = github($SECRET, 'pull_request', $body);

http_post('/other', $body, @headers, { socket => $sockets[0], keep => 1 });
$r = http_post('/other', $body, @headers, { socket => $sockets[1], keep => 1 });

is(told($r), 'duplicate api:started', 'the other worker knows of it');

close($_) for @sockets;


###############################################################################
# kill -9 in mid dispatch


@sockets = workers();

my ($pid) = keys %socket;
my $killed = $socket{$pid};
my ($other) = grep { $_ != $killed } @sockets;

$t->expect(qr/worker process \d+ exited on signal 9/);

$body = fresh_merge();
@headers = github($SECRET, 'pull_request', $body);
$cb->fault('api', { fault => 'late', seconds => 5 });
$sent = requests();

http_post('/slow', $body, @headers, { socket => $killed, start => 1 });
wait_for(sub { requests() == $sent + 1 });
kill('KILL', $pid);

$r = http_post('/slow', $body, @headers, { socket => $other, keep => 1 });

is($r->status, 504, 'its owner is dead: no answer in time');

# deploy_timeout and five seconds

$r = wait_for(sub {
    my $r = send_to('/slow', $body);
    return $r->status == 200 ? $r : undef;
}, 'the lease', 15);

like(told($r), qr/^started api:started/, 'started when the lease is over');

my ($one, $two) = ($cb->requests())[-1, $sent];

is($one->{json}{idempotencyToken}, $two->{json}{idempotencyToken},
   'with the same token');

is(told(send_to('/hook', fresh_merge())), 'started api:started web:started',
   'all others are started');


###############################################################################
# many builds: as many as there is room for


my $tag = 't' x 180;

$body = push_tag($tag);
$r = deliver('/many', 'push', $body, { same => 1 });
is(scalar @{ $r->json()->{builds} }, 2, 'long names');
$r = deliver('/many', 'push', $body, { same => 1 });
is($r->json()->{status}, 'duplicate', 'long names again');
is(ids($r), join(' ', map { $_->{id} } @{ $r->json()->{builds} }),
   'their builds');

$t->done();
