#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify and connections: what follows a refused request, and clients
# that wait for a word before they send.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket qw(CRLF);
use Test::More;

use Test::Deploy;
use Test::Deploy::Sign;

my $SECRET = 'secret-0123456789-abcdef';

my $t = Test::Deploy->new();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('html/ok', 'static');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/secret;

        location = /proxy {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /receive {
            deploy_receive;
        }

        location /html/ {
            deploy_verify off;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        return 200;
    }
}
EOC

my @CHUNKED = ('Transfer-Encoding' => 'chunked');

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


###############################################################################
# the next request


my $get = 'GET /html/ok HTTP/1.1' . CRLF . 'Host: localhost' . CRLF
          . 'Connection: close' . CRLF . CRLF;
my $smuggled = "GET /html/smuggled HTTP/1.1" . CRLF . 'Host: a' . CRLF . CRLF;

for my $uri ('/proxy', '/receive') {
    for ([missing => []], [mismatch => [sign_github($SECRET, 'other')]]) {
        my ($name, $headers) = @$_;

        my $raw = http(request($uri, $smuggled, @$headers) . $get);
        is_deeply([$raw =~ /^HTTP\S+ (\d+)/mg], [403, 200],
                  "$uri: the next request after $name");

        $raw = http(request($uri, chunked($smuggled, 9), @$headers, @CHUNKED)
                    . $get);
        is_deeply([$raw =~ /^HTTP\S+ (\d+)/mg], [403, 200],
                  "$uri: the next request after $name, chunks");
    }
}

is(scalar $t->find_in_log(qr/smuggled/, 'access.log'), 0, 'not smuggled');

{
    my $bad = request('/proxy', 'two', sign_github($SECRET, 'one'));
    my $raw = http(request('/proxy', 'one', sign_github($SECRET, 'one'))
                   . $bad . request('/proxy', 'two',
                                    sign_github($SECRET, 'two')) . $get);

    is_deeply([$raw =~ /HTTP\S+ (\d+) /g], [200, 403, 200, 200],
              'each request has its verdict');
}


###############################################################################
# Expect


for ([good => 200, sign_github($SECRET, 'body')], [none => 403],
     [bad => 403, sign_github($SECRET, 'another')])
{
    my ($name, $status, @sig) = @$_;

    my $s = http(request('/proxy', '', 'Content-Length' => 4, @sig,
                         Expect => '100-continue', Connection => 'close'),
                 start => 1);

    my $r = http_response($s);

    if (@sig) {
        is($r->status, 100, "expect, $name: continue");
        $r = Test::Deploy::Response->parse(http('body', socket => $s));
    }

    is($r->status, $status, "expect, $name: answer");
}

$t->done();
