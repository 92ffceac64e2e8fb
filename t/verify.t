#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify: signatures of GitHub and Bitbucket, secrets, handlers.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1_hex hmac_sha256_hex);
use Test::More;

use Test::Deploy;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my $SECRET = 'secret-0123456789-first';
my $SECOND = 'secret-0123456789-second';
my $TOKEN = 'token-0123456789-abcdef';

$t->write_file('secret', "# of 2026\n\n$SECRET\n$SECOND\r\n#off-0123456789abc",
               0600);
$t->write_file('token', "$TOKEN\n", 0600);
$t->write_file('html/page.html', 'the page');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    add_header X-Verify "$deploy_verify" always;
    add_header X-Line "$deploy_verify_secret" always;

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log %%TESTDIR%%/backend.log;
        add_header X-Backend yes;
        return 200 "backend";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /github {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /bitbucket {
            deploy_verify bitbucket %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /any {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_verify token %%TESTDIR%%/token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /none {
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /html/page.html {
            deploy_verify token %%TESTDIR%%/token;
        }

        location = /custom {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
            error_page 403 =404 @hidden;
        }

        location @hidden {
            return 200 "nothing here";
        }

        location = /build {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
        }
    }
}
EOC

my $body = '{"text":"PLANTED-IN-BODY"}';
my $good = hmac_sha256_hex($body, $SECRET);
my $bad = hmac_sha256_hex($body, 'another-0123456789abcdef');

sub verdict {
    my ($uri, $data, @headers) = @_;

    my $r = http_post($uri, $data, @headers);
    my $through = $r->header('x-backend') ? 'backend' : 'refused';

    return $r->status . " $through " . ($r->header('x-verify') || '');
}

sub passes {
    my ($uri, $data, $headers, $name) = @_;

    is(verdict($uri, $data, @$headers), '200 backend SUCCESS', $name);
}

sub refused {
    my ($uri, $reason, $headers, $name) = @_;

    is(verdict($uri, $body, @$headers), "403 refused FAILED:$reason", $name);
}


###############################################################################
# github, bitbucket


for ([github => 'X-Hub-Signature-256'], [bitbucket => 'X-Hub-Signature']) {
    my ($scheme, $header) = @$_;
    my $uri = "/$scheme";
    my $sha1 = hmac_sha1_hex($body, $SECRET);

    passes($uri, $body, [$header => "sha256=$good"], "$scheme: good");
    passes($uri, $body, [$header => 'sha256=' . uc $good],
           "$scheme: upper-case digits");
    passes($uri, $body, [lc $header => "sha256=$good"],
           "$scheme: lower-case name");
    passes($uri, '', [$header => 'sha256=' . hmac_sha256_hex('', $SECRET)],
           "$scheme: empty body");

    refused($uri, 'mismatch', [$header => "sha256=$bad"], "$scheme: wrong");
    refused($uri, 'missing', [], "$scheme: missing");
    refused($uri, 'empty', [$header => ''], "$scheme: empty");

    for my $pair ([$good, $bad], [$bad, $good], [$good, $good]) {
        refused($uri, 'doubled', [map { ($header => "sha256=$_") } @$pair],
                "$scheme: doubled");
    }

    refused($uri, 'malformed', [$header => $_], "$scheme: $_")
        for 'sha256=' . substr($good, 1), "sha256=${good}0", "sha256=",
            'sha256=' . substr($good, 1) . 'g', $good, "sha512=$good",
            "SHA256=$good", "sha1=$sha1", "sha256=$sha1", "sha256= $good",
            "sha256=$good,sha256=$good";
}

refused('/github', 'missing', ['X-Hub-Signature' => "sha256=$good"],
        'github: another header');
refused('/github', 'missing', ['X_Hub_Signature_256' => "sha256=$good"],
        'github: underscores');
refused('/github', 'mismatch',
        [sign_github($SECRET, "$body "), 'X-Hub-Signature' => "sha1=$good"],
        'github: one byte more was signed');


###############################################################################
# secrets


is(http_post('/github', $body, sign_github($SECRET, $body))->header('x-line'),
   3, 'line of the first secret');
is(http_post('/github', $body, sign_github($SECOND, $body))->header('x-line'),
   4, 'line of the second secret');
refused('/github', 'mismatch', [sign_github($_, $body)], 'no secret')
    for '# of 2026', 'off-0123456789abc', '#off-0123456789abc', '',
        "$SECOND\r", "$SECRET\n";


###############################################################################
# alternatives, off, other handlers


passes('/any', $body, [sign_github($SECOND, $body)], 'any: first');
passes('/any', $body, [sign_token($TOKEN)], 'any: second');
passes('/any', $body, [sign_token($TOKEN), sign_github($TOKEN, $body)],
       'any: one is enough');
refused('/any', 'missing', [], 'any: none');
refused('/any', 'mismatch', [sign_token($SECRET), sign_github($TOKEN, $body)],
        'any: both wrong');
refused('/any', 'malformed', ['X-Hub-Signature-256' => 'x'], 'any: malformed');

is(verdict('/none', $body), '200 backend NONE', 'off');

my $r = http_get('/html/page.html', sign_token($TOKEN));
is($r->status . $r->body, '200the page', 'static file');

$r = http_get('/html/page.html');
is($r->status, 403, 'static file refused');
like($r->body, qr/403 Forbidden/, 'the page of nginx');

$r = http_post('/custom', $body);
is($r->status . $r->body, '404nothing here', 'error_page');

$r = http_post('/build', $body, sign_github($TOKEN, $body),
               'X-GitHub-Event' => 'push');
is($r->status, 403, 'build refused');
is($r->header('content-type'), 'application/json', 'type of the refusal');
is($r->body, qq!{"status":"refused"}\n!, 'body of the refusal');


###############################################################################


is(scalar $cb->requests(), 0, 'nothing was built');

$t->stop();

# nginx itself logs header lines that it does not like

my $log = join("\n", $t->find_in_log(qr/^(?!.*client sent .* header line)/));

unlike($log . $t->read_file('access.log'),
       qr/PLANTED|\Q$SECRET\E|\Q$SECOND\E|\Q$TOKEN\E|\Q$good\E/,
       'no body, secret or signature in the logs');
like($t->error_log, qr/\[notice\].*deploy refused: signature mismatch, scheme/,
     'refusals are logged');

$t->done();
