#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Limits and surroundings: connections of a worker, the disk of bodies, a name
# server that talks nonsense, rotated logs, a foreign time zone and locale.
# What is refused is not started and works afterwards, once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use POSIX ();
use Socket qw(CRLF);
use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

$Test::Deploy::Payload::SAME = 1;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->env(TZ => 'Pacific/Kiritimati', LC_ALL => 'tr_TR.UTF-8');
$t->expect(qr/worker_connections are not enough/,
           qr/\[crit\].*\(28: No space left on device\)/);


###############################################################################
# the name server: what it says is in a file


my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
    or die "udp: $!";

$t->var(DNS => $dns->sockport());
$t->write_file('dns', 'garbage');

my $server = fork();
die "fork() failed: $!" unless defined $server;

if ($server == 0) {
    my $parent = getppid();

    while (getppid() == $parent) {
        my $peer = $dns->recv(my $query, 512) or next;
        my $how = $t->read_file('dns');
        my ($id) = unpack('n', $query);
        my $question = substr($query, 12);

        my %replies = (
            garbage => pack('n', $id) . 'x' x 40,
            short => pack('n', $id),
            nxdomain => pack('n6', $id, 0x8183, 1, 0, 0, 0) . $question,
            servfail => pack('n6', $id, 0x8182, 1, 0, 0, 0) . $question,
            empty => pack('n6', $id, 0x8180, 1, 0, 0, 0) . $question,
            # a name that is its own alias
            loop => pack('n6', $id, 0x8180, 1, 1, 0, 0) . $question
                    . pack('n3Nnn', 0xc00c, 5, 1, 60, 2, 0xc00c),
        );

        $dns->send($replies{$how}, 0, $peer);
    }

    POSIX::_exit(0);
}

END { kill('KILL', $server) if $server }


my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
    worker_connections 16;
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%STORE%%
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 2s;
    deploy_verify github %%TESTDIR%%/secret;

    client_body_temp_path %%TESTDIR%%/bodies;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_transport {
            resolver 127.0.0.1:%%DNS%%;
            resolver_timeout 1s;
        }

        location = /hook { deploy_build api on=push; }

        location = /file {
            client_body_in_file_only clean;
            deploy_build api on=push;
        }

        location = /dns {
            deploy_endpoint https://codebuild.example;
            deploy_build api on=push;
        }

        location = /static { deploy_verify off; return 204; }
    }
}
EOC

# the stock line goes, this test has its own

$conf =~ s/%%TEST_GLOBALS_HTTP%%/root %%TESTDIR%%;/;

my $n = 0;

sub commit { return sprintf('%040x', $n) }

sub send_it {
    my ($uri, @more) = @_;

    return deliver($uri, 'push', push_branch(commit => commit()), @more);
}

sub built {
    return scalar grep { ($_->{request}{sourceVersion} || '') eq commit() }
                  $cb->builds();
}

sub refused {
    my ($name, $uri, @more) = @_;

    my $start = time();
    my $r = send_it($uri, @more);

    like($r->status, qr/^50[034]\z/, "$name: refused") or diag($r->raw);
    is(built(), 0, "$name: nothing is started");
    cmp_ok(time() - $start, '<', 5, "$name: in time");
}

sub works {
    my ($name, $uri) = @_;

    my $r = send_it($uri || '/hook');

    is($r->status, 200, "$name: works again") or diag($r->raw);
    is(built(), 1, "$name: once");
}


$t->var(STORE => '');
$t->run($conf);


###############################################################################
# the connections of the worker: one is left for the client, none for the call


$n++;

my $s = http_connect();
my $body = push_branch(commit => commit());
my %headers = github($SECRET, 'push', $body);
my @held;

# what has begun a request is not closed for others

$s->syswrite('POST /hook HTTP/1.1' . CRLF . 'Host: localhost' . CRLF);

for (1 .. 20) {
    my $held = http_connect();
    $held->syswrite("GET /static HTTP/1.1\r\nHost:");
    push(@held, $held);
}

$t->wait_log(qr/worker_connections are not enough/);

$s->syswrite(join('', map { "$_: $headers{$_}" . CRLF } keys %headers)
             . 'Content-Length: ' . length($body) . CRLF . CRLF . $body);

my $r = http_response($s);

ok($r, 'connections: answered');
like($r ? $r->status : 0, qr/^50[034]\z/, 'connections: refused');
is(built(), 0, 'connections: nothing is started');

close($_) for @held;

ok(wait_for(sub { eval { http_get('/static')->status == 204 } }),
   'connections: nginx serves');
works('connections');


###############################################################################
# the name server


for my $how (qw(garbage short nxdomain servfail empty loop)) {
    $n++;
    $t->write_file('dns', $how);

    refused("DNS, $how", '/dns');
    is(http_get('/static')->status, 204, "DNS, $how: nginx serves");
}


###############################################################################
# logs are rotated


$t->restart($conf) if $t->var(STORE => 'deploy_store ' . $t->path('store')
                                       . ';');

$n++;
is(send_it('/hook')->json->{status}, 'started', 'logs: before');

rename($t->path('error.log'), $t->path('error.log.1'));
$t->signal('USR1');

ok(wait_for(sub { -e $t->path('error.log') }), 'logs: a new one');
is(send_it('/hook')->json->{status}, 'duplicate', 'logs: known afterwards');

$n++;
is(send_it('/hook')->json->{status}, 'started', 'logs: another one');
is(built(), 1, 'logs: once');
ok($t->wait_log(qr/deploy started build/), 'logs: in the new one');


###############################################################################
# the disk of bodies


SKIP: {
    skip 'needs root', 7 if $> != 0;

    my $dir = $t->path('bodies');

    system('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'none', $dir)
        == 0 or skip 'no tmpfs', 7;

    open(my $fh, '>', "$dir/ballast") or die "ballast: $!";
    1 while syswrite($fh, 'x' x 4096);
    close($fh);

    $n++;
    refused('bodies', '/file');
    is(http_get('/static')->status, 204, 'bodies: nginx serves');

    unlink("$dir/ballast");
    works('bodies', '/file');

    is(scalar(() = glob("$dir/*")), 0, 'bodies: no file is left');

    $t->stop();
    system('umount', $dir);
}

$t->done();
