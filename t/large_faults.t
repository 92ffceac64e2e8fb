#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What happens while threads read large bodies: other requests, too many of
# them, clients that leave, and the ways that a worker ends.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use POSIX ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Hold;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $hold = $t->helper(Test::Deploy::Hold->new($t));

my $h2 = `@{[$t->binary()]} -V 2>&1` =~ /--with-http_v2_module/
         && `curl -V 2>&1` =~ /^Features:.*\bHTTP2\b/m;

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('static', 'static');
$t->var(HTTP2 => $h2 ? 'listen 127.0.0.1:' . port(8082) . ' http2;' : '');
$t->var(MAIN => '');

my $conf = <<'EOC';
%%TEST_GLOBALS%%

%%MAIN%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    client_max_body_size 40m;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        %%HTTP2%%

        deploy_verify github %%TESTDIR%%/secret;

        location = /hook {
            deploy_build api on=push;
        }

        location = /memory {
            client_body_buffer_size 4m;
            deploy_build api on=push;
        }

        # the body is there before the gate is

        location /read {
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8089%%;
            error_page 502 = @read;
        }

        location @read {
            deploy_build api on=push;
        }

        location = /read-proxy {
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8089%%;
            error_page 502 = @proxy;
        }

        location @proxy {
            proxy_pass http://127.0.0.1:%%PORT_8089%%;
        }

        location = /ignored {
            deploy_build api on=push branch=other;
        }

        location = /read-ignored {
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8089%%;
            error_page 502 = @read-ignored;
        }

        location @read-ignored {
            deploy_build api on=push branch=other;
        }

        location = /static {
            deploy_verify off;
        }
    }
}
EOC

$t->run($conf);

my $n = 0;

# a push of 2 MB that is like no other

sub body { return push_branch(message => 'm' x 2000000, sender => 's' . ++$n) }

# begins a delivery, its socket

sub begin {
    my ($uri, $body, @headers) = @_;

    $body = body() unless defined $body;

    return http_post($uri, $body, github($SECRET, 'push', $body), @headers,
                     { start => 1, timeout => 30 });
}

sub status {
    my ($s) = @_;

    my $r = http_response($s, timeout => 20);
    close($s);

    return $r ? $r->status : 'none';
}

# sends a signal and waits for another line of the log

sub signal {
    my ($signal, $pattern) = @_;

    my $before = () = $t->find_in_log($pattern);

    $t->signal($signal);
    wait_for(sub { $before < (() = $t->find_in_log($pattern)) }, $signal);
}

sub builds { return scalar(() = $cb->builds()) }


###############################################################################
# the worker is there for others, and no more than so many bodies are read


my @kinds = qw(/hook /memory /read);

for my $uri (@kinds) {
    $hold->hold();

    my @sockets = map { begin($uri) } 1 .. 4;

    ok($hold->wait_held(4), "$uri: four threads are held");
    is(http_get('/static')->status, 200, "$uri: a static file meanwhile");

    $hold->release();

    is(join(' ', map { status($_) } @sockets), '200 200 200 200',
       "$uri: all are answered");
}

for my $uri ('/ignored', '/read-ignored', '/read-proxy') {
    $hold->hold();

    my @sockets = map { begin($uri) } 1 .. 35;
    my $select = IO::Select->new(@sockets);

    ok(wait_for(sub { $select->count() - (() = $select->can_read(0)) <= 32 }),
       "$uri: some are answered");

    my @answers = map { http_response($_) } $select->can_read(0);

    is(join(' ', map { $_->status } @answers), '503 503 503', "$uri: 503");
    is($answers[0]->header('retry-after'), 10, "$uri: Retry-After");
    like($answers[0]->body, $uri eq '/read-proxy' ? qr/503 Service/
                            : qr/"too many large bodies at once"/,
         "$uri: in words");

    $hold->wait_held(16);
    is($hold->held(), 16, "$uri: all threads are held");
    is(deliver('/ignored', 'push', push_branch())->status, 200,
       "$uri: a small one is no matter");

    $hold->release();

    my $want = ($uri eq '/read-proxy') ? 502 : 200;

    is(join(' ', sort map { status($_) } @sockets),
       join(' ', ($want) x 32, ('none') x 3), "$uri: the others");
}


###############################################################################
# clients that leave


sub gone {
    my ($name, $uri, $leave) = @_;

    my $before = builds();

    $hold->hold();
    $leave->($uri);
    $hold->release();

    ok(wait_for(sub { builds() > $before }), "$name: started");
    is(http_get('/static')->status, 200, "$name: the worker is alive");
}

for my $uri (@kinds) {
    gone("closed, $uri", $uri, sub {
        my $s = begin($_[0]);

        $hold->wait_held(1);
        close($s);
        is(http_get('/static')->status, 200, "closed, $uri: noticed or not");
    });

    next unless $h2;

    gone("HTTP/2, $uri", $uri, sub {
        my ($uri) = @_;

        my $body = body();
        my %headers = github($SECRET, 'push', $body);

        $t->write_file('body', $body);

        my $pid = fork();
        die "fork() failed: $!" unless defined $pid;

        if ($pid == 0) {
            exec('curl', '-s', '-o', '/dev/null', '--http2-prior-knowledge',
                 (map { ('-H', "$_: $headers{$_}") } keys %headers),
                 '--data-binary', '@' . $t->path('body'),
                 'http://127.0.0.1:' . port(8082) . $uri)
                or POSIX::_exit(127);
        }

        $hold->wait_held(1);
        kill('KILL', $pid);
        waitpid($pid, 0);
        is(http_get('/static')->status, 200, "HTTP/2, $uri: noticed or not");
    });
}

my @s = map { begin('/hook') } 1 .. 3;

close($s[1]);
is(status($s[0]) . status($s[2]), '200200', 'without a pause');


###############################################################################
# reload, QUIT, TERM


for my $uri (@kinds) {
    $hold->hold();

    my $s = begin($uri);
    my ($old) = $t->worker_pids();

    $hold->wait_held(1);

    ok($t->reload(undef, nowait => 1), "$uri: reload");
    is(http_get('/static')->status, 200, "$uri: the new worker");

    $hold->release();

    is(status($s), 200, "$uri: the old one answers");
    ok(wait_for(sub { !kill(0, $old) }), "$uri: and goes");
}

for my $uri (@kinds) {
    $hold->hold();

    my $s = begin($uri);

    $hold->wait_held(1);
    signal('QUIT', qr/gracefully shutting down/);
    $hold->release();

    is(status($s), 200, "$uri: answered after QUIT");
    ok(wait_for(sub { $t->reap() }), "$uri: ended");

    $t->run();
}

# the time for it is over: no answer, but the thread is waited for

$t->stop();
$t->var(MAIN => 'worker_shutdown_timeout 50ms;');
$t->run($conf);

for my $uri (@kinds) {
    $hold->hold();

    # its close tells that the time is over

    my $half = begin($uri, body(), 'Content-Length' => 3000000);
    my $before = builds();
    my $s = begin($uri);

    $hold->wait_held(1);
    $t->signal('QUIT');

    is(http_response($half), undef, "$uri: worker_shutdown_timeout");
    ok(!$t->reap(), "$uri: not ended yet");

    $hold->release();

    is(status($s), 'none', "$uri: no answer");
    ok(wait_for(sub { $t->reap() }), "$uri: ended then");
    is(builds(), $before, "$uri: no build");

    $t->run();
}

# jobs that only wait for a thread are not begun any more; the search for
# leaks at the end may take longer than the master waits after TERM

$t->expect(qr/exited on signal 9/) if $t->module() eq 'static';

$t->stop();
$t->var(MAIN => 'thread_pool deploy threads=1;');
$t->run($conf);

for my $uri (@kinds) {
    $hold->hold();

    my @sockets = map { begin($uri) } 1 .. 5;
    my $before = builds();

    $hold->wait_held(1);
    signal('TERM', qr/\[notice\] \d+#\d+: exiting$/);

    my $held = $hold->held();
    $hold->release();

    ok(wait_for(sub { $t->reap() }), "$uri: ended after TERM");
    is($held, 1, "$uri: one job only");
    is(join(' ', map { status($_) } @sockets), 'none none none none none',
       "$uri: no answer");
    is(builds(), $before, "$uri: no build");

    $t->run();
}


###############################################################################
# a file that cannot be read


$t->stop();
$t->var(MAIN => '');
$t->run($conf);
$t->expect(qr/deploy cannot read the file of a request body/);

$hold->hold();

my $s = begin('/hook');

$hold->wait_held(1);

my ($pid) = $t->worker_pids();

for my $fd (glob("/proc/$pid/fd/*")) {
    my $file = readlink($fd);

    truncate($fd, 1000) if defined $file && $file =~ m!/tmp/client_body/!;
}

$hold->release();

is(status($s), 500, 'a file that was cut');

$t->done();
