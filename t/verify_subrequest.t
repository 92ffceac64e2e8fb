#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify and subrequests: nobody signed them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new()->has('http_auth_request_module');
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('gated.html', 'GATED');
$t->write_file('ssi.html', 'a<!--#include virtual="/gated.html" -->'
                           . '<!--#include virtual="/build" -->z');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    upstream backend {
        server 127.0.0.1:%%PORT_8081%%;
    }

    log_format backend "$request_method $uri $http_content_length";

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log %%TESTDIR%%/backend.log backend;

        location / {
            return 200 "backend $http_content_length";
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        add_header X-Verify "$deploy_verify" always;

        location = /build {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
        }

        location = /gated.html {
            deploy_verify github %%TESTDIR%%/secret;
        }

        location = /auth {
            auth_request /gated.html;
            proxy_pass http://backend;
        }

        location = /auth-build {
            auth_request /build;
            proxy_pass http://backend;
        }

        location = /mirror-build {
            mirror /build;
            proxy_pass http://backend;
        }

        location = /mirror {
            deploy_verify github %%TESTDIR%%/secret;
            mirror /copy;
            proxy_pass http://backend;
        }

        location = /copy {
            internal;
            proxy_pass http://backend;
        }

        location = /ssi.html {
            ssi on;
        }
    }
}
EOC

my $body = merge();
my @good = github($SECRET, 'pull_request', $body);
my @bad = github('bad', 'pull_request', $body);
my $passed = '200 SUCCESS backend ' . length($body);

sub result {
    my ($uri, @headers) = @_;

    my $r = http_post($uri, $body, @headers);

    return join(' ', $r->status, $r->header('x-verify') || '',
                $r->body =~ /^(backend.*)/ ? $1 : '-');
}

sub backend { return $t->find_in_log($_[0], 'backend.log') }


###############################################################################
# subrequests


is(http_post('/auth', $body, @good)->status, 403, 'auth_request');
is(http_post('/auth-build', $body, @good)->status, 403, 'auth_request, build');
is(http_post('/mirror-build', $body, @good)->status, 200, 'mirror to a build');

my $r = http_get('/ssi.html', @good);
is($r->status, 200, 'ssi');
like($r->body, qr/^a.*z/s, 'ssi, around');
unlike($r->body, qr/GATED|started/, 'ssi, nothing of the gated');

ok(wait_for(sub { $t->find_in_log(qr/deploy refused subrequest/) == 5 }),
   'subrequests are refused');
is(scalar $cb->requests(), 0, 'no subrequest starts a build');

is(result('/mirror', @bad), '403 FAILED:mismatch -', 'mirror, bad');
is(result('/mirror'), '403 FAILED:missing -', 'mirror, none');
is(result('/mirror', @good), $passed, 'mirror, good');
ok(wait_for(sub { backend(qr!^POST /copy \d!) }), 'the good one is copied');
is(scalar backend(qr!/copy!), 1, 'no other one is');

$t->done();
