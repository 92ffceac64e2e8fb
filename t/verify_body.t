#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify in front of a backend: the checked body, however it was sent
# and kept, and nothing else reaches it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256 sha256_hex);
use POSIX ();
use Socket qw(IPPROTO_TCP TCP_NODELAY CRLF);
use Test::More;

use Test::Deploy;
use Test::Deploy::Sign;

my $SECRET = 'secret-0123456789-abcdef';

my $t = Test::Deploy->new();

$t->write_file('secret', "$SECRET\n", 0600);
$t->helper(Backend->new($t));

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/secret;

        proxy_http_version 1.1;

        location /memory {
            client_body_buffer_size 2m;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location /small {
            client_body_buffer_size 128;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location /file {
            client_body_in_file_only clean;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location /single {
            client_body_in_single_buffer on;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location /stream {
            client_body_buffer_size 4k;
            proxy_request_buffering off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location /limit {
            client_max_body_size 1k;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC

my $ALL = join('', map { sha256($_) } 1 .. 32768);

sub body { return substr($ALL, 0, $_[0]) }

sub chunked {
    my ($data, $size) = @_;

    my $text = join('', map { sprintf("%x%s", length, CRLF) . $_ . CRLF }
                        $data =~ /(.{1,$size})/gs);

    return $text . '0' . CRLF . CRLF;
}

sub request {
    my ($uri, $body, @headers) = @_;

    my $head = "POST $uri HTTP/1.1" . CRLF . 'Host: localhost' . CRLF;

    while (my ($name, $value) = splice(@headers, 0, 2)) {
        $head .= "$name: $value" . CRLF;
    }

    $head .= 'Content-Length: ' . length($body) . CRLF
        if $head !~ /^(?:transfer-encoding|content-length):/im;

    return $head . CRLF . $body;
}

sub backend { return scalar $t->find_in_log(qr/./, 'backend.log') }


###############################################################################
# sizes


my @CHUNKED = ('Transfer-Encoding' => 'chunked');

for my $kind (qw(memory small file single stream)) {
    for my $n (0, 1, 127, 128, 129, 1023, 4096, 16384, 16385, 65537, 1048576) {
        my $data = body($n);
        my @sig = sign_github($SECRET, $data);
        my $want = $n . ' ' . sha256_hex($data);

        my $r = http_post("/$kind", $data, @sig);
        is($r->status . ' ' . $r->body, "200 $want", "$kind $n");

        $r = http_post("/$kind", chunked($data, $n < 2000 ? 7 : 20000), @sig,
                       @CHUNKED);
        is($r->status . ' ' . $r->body, "200 $want", "$kind $n in chunks");
    }

    my $n = backend();

    for my $size (1, 129, 65537, 1048576) {
        my $data = body($size);
        my @sig = sign_github($SECRET, $data);

        vec($data, $size * 8 - 1, 1) ^= 1;

        is(http_post("/$kind", $data, @sig)->status, 403, "$kind $size: bit");
        is(http_post("/$kind", chunked($data, 4096), @sig, @CHUNKED)->status,
           403, "$kind $size: bit, chunks");
    }

    is(http_post("/$kind", body(999), sign_github($SECRET, body(1000)))->status,
       403, "$kind: shorter");
    is(http_post("/$kind", body(65537))->status, 403, "$kind: no signature");

    is(backend(), $n, "$kind: nothing passed");
}


###############################################################################
# segments, a client that leaves


for my $headers ([], \@CHUNKED) {
    my $data = body(50);
    my $sent = @$headers ? chunked($data, 1) : $data;
    my $s = http_connect();

    setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);

    my $raw = http([split(//, request('/small', $sent, Connection => 'close',
                                      sign_github($SECRET, $data),
                                      @$headers))],
                   socket => $s, pause => 0.0005);

    like($raw, qr/^HTTP\S+ 200 .*\b\Q${\sha256_hex($data)}\E/s, 'byte by byte');
}

my $n = backend();

http(request('/small', body(200), 'Content-Length' => 201,
             sign_github($SECRET, body(200))), abort => 1);

ok($t->wait_log(qr/client prematurely closed/), 'closed too early');
is(backend(), $n, 'nothing passed');


###############################################################################
# 413


$n = backend();

for my $size (1024, 1025) {
    my $data = body($size);
    my @sig = sign_github($SECRET, $data);
    my $status = ($size == 1024) ? 200 : 413;

    is(http_post('/limit', $data, @sig)->status, $status, "limit, $size");
    is(http_post('/limit', chunked($data, 100), @sig, @CHUNKED)->status,
       $status, "limit, $size in chunks");
}

is(http_post('/limit', chunked(body(2000), 100), @CHUNKED)->status, 403,
   'limit, no signature');
is(backend(), $n + 2, 'only those passed');

$t->done();


###############################################################################
# answers the length and the digest of a body


package Backend;

sub new {
    my ($class, $t) = @_;

    my $listen = IO::Socket::INET->new(
        LocalAddr => '127.0.0.1:' . $t->port(8081), Listen => 16) or die "can't listen: $!";

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        serve($_, $t->path('backend.log')) while $_ = $listen->accept();
        POSIX::_exit(0);
    }

    return bless { pid => $pid }, $class;
}

sub serve {
    my ($s, $log) = @_;

    my $in = '';
    sysread($s, $in, 65536, length($in)) or return
        while $in !~ /\x0d\x0a\x0d\x0a/;

    my ($head, $body) = split(/\x0d\x0a\x0d\x0a/, $in, 2);
    my $n = ($head =~ /^content-length: (\d+)/im) ? $1 : 0;

    sysread($s, $body, 65536, length($body)) or return
        while length($body) < $n;

    open(my $fh, '>>', $log);
    print $fh "$n\n";
    close($fh);

    $body = length($body) . ' ' . Digest::SHA::sha256_hex($body);

    print $s "HTTP/1.1 200 OK\x0d\x0aConnection: close\x0d\x0aContent-Length: "
             . length($body) . "\x0d\x0a\x0d\x0a$body";
}

sub stop { kill('KILL', $_[0]{pid}) && waitpid($_[0]{pid}, 0) if $_[0]{pid} }

sub check { }
