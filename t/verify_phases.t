#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify among the other modules: access, locations, redirects.

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
$t->write_file('other', "other-0123456789-abcdef\n", 0600);
$t->write_file('gated.html', 'GATED');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    limit_req_zone $uri zone=one:1m rate=1r/m;

    upstream backend {
        server 127.0.0.1:%%PORT_8081%%;
    }

    upstream dead {
        server 127.0.0.1:%%PORT_8082%%;
    }

    log_format backend "$request_method $uri $http_content_length";

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log %%TESTDIR%%/backend.log backend;

        location / {
            return 200 "backend $http_content_length";
        }

        location /accel {
            add_header X-Accel-Redirect $http_x_to;
            return 200;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        add_header X-Verify "$deploy_verify" always;

        location = /build {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;

            if ($arg_if) {
                set $any 1;
            }
        }

        location = /gated.html {
            deploy_verify github %%TESTDIR%%/secret;
        }

        location = /satisfy {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;
        }

        location = /deny {
            deny all;
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;
        }

        location = /limit {
            limit_req zone=one;
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;
        }

        location = /if {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;

            if ($arg_if) {
                set $any 1;
            }
        }

        location /outer/ {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;

            location /outer/open {
                deploy_verify off;
                proxy_pass http://backend;
            }

            location /outer/inner {
                proxy_pass http://backend;
            }
        }

        location = /try {
            deploy_verify github %%TESTDIR%%/secret;
            try_files /none @named;
        }

        location = /dead {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://dead;
            error_page 502 = @named;
        }

        location = /dead-same {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://dead;
            error_page 502 = @same;
        }

        location = /dead-other {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://dead;
            error_page 502 = @other;
        }

        location @named {
            proxy_pass http://backend;
        }

        location @same {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://backend;
        }

        location @other {
            deploy_verify github %%TESTDIR%%/other;
            proxy_pass http://backend;
        }

        location = /accel {
            proxy_pass http://backend;
        }
    }
}
EOC

my $body = merge();
my @good = github($SECRET, 'pull_request', $body);
my @bad = github('bad', 'pull_request', $body);
my @other = github('other-0123456789-abcdef', 'pull_request', $body);
my $passed = '200 SUCCESS backend ' . length($body);

sub result {
    my ($uri, @headers) = @_;

    my $r = http_post($uri, $body, @headers);

    return join(' ', $r->status, $r->header('x-verify') || '',
                $r->body =~ /^(backend.*)/ ? $1 : '-');
}


###############################################################################
# access, locations


is(result('/satisfy', @good), $passed, 'satisfy any, good');
is(result('/satisfy', @bad), '403 FAILED:mismatch -', 'satisfy any, bad');
is(result('/satisfy'), '403 FAILED:missing -', 'satisfy any, none');

like(result('/deny', @good), qr/^403 .*-$/, 'denied before the gate');
unlike(result('/deny', @bad), qr/mismatch/, 'nothing is checked');

is(result('/limit', @good), $passed, 'limit, first');
like(result('/limit', @bad), qr/^503/, 'limited before the gate');

is(result('/if?if=1', @good), $passed, 'if, good');
is(result('/if?if=1', @bad), '403 FAILED:mismatch -', 'if, bad');
is(result('/outer/', @good), $passed, 'outer, good');
is(result('/outer/', @bad), '403 FAILED:mismatch -', 'outer, bad');
is(result('/outer/inner', @good), $passed, 'inherited, good');
is(result('/outer/inner', @bad), '403 FAILED:mismatch -', 'inherited, bad');
like(result('/outer/open', @bad), qr/^200 NONE backend/, 'off');

for my $uri ('/build', '/build?if=1') {
    is(http_post($uri, $body, @bad)->status, 403, "$uri, bad");
    is(http_post($uri, $body, @good)->status, 200, "$uri, good");
}


###############################################################################
# redirects


for my $uri ('/try', '/dead', '/dead-same') {
    is(result($uri, @good), $passed, "$uri, good");
    is(result($uri, @bad), '403 FAILED:mismatch -', "$uri, bad");
    is(result($uri), '403 FAILED:missing -', "$uri, none");
}

like(result('/accel', @good, 'X-To' => '/gated.html'), qr/SUCCESS/,
     'redirected to a gate, good');
is(result('/accel', @bad, 'X-To' => '/gated.html'), '403 FAILED:mismatch -',
   'redirected to a gate, bad');

# a verdict holds for the redirects of its request

is(result('/dead-other', @good), $passed, 'to another gate, good');
is(result('/dead-other', @other), '403 FAILED:mismatch -', 'to it, bad');

$t->done();
