#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify gitea, forgejo, gogs: the JSON is signed, in forms, too; and
# azure: user and password.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;

use Test::Deploy;
use Test::Deploy::Gate;
use Test::Deploy::Payload qw(push_branch);
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my $SECRET = 'secret-0123456789-first';
my $SECOND = 'secret-0123456789-second';
my $PAIR = 'hook:pass:word-0123456789';

$t->write_file('secret', "# of 2026\n$SECRET\n$SECOND\n", 0600);
$t->write_file('azure', "$PAIR\n:no-user-0123456789\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    client_body_buffer_size 8k;

    add_header X-Verify "$deploy_verify" always;
    add_header X-Line "$deploy_verify_secret" always;

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        add_header X-Backend yes;
        return 200 "backend";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        proxy_set_header Host localhost;

        location = /gitea {
            deploy_verify gitea %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /forgejo {
            deploy_verify forgejo %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /gogs {
            deploy_verify gogs %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /azure {
            deploy_verify azure %%TESTDIR%%/azure;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /build {
            deploy_verify gitea %%TESTDIR%%/secret;
            deploy_build api on=push;
        }
    }
}
EOC

my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
my $json = '{"text":"a+b&payload={}\u00e9","x":"PLANTED-IN-BODY"}';
my $form = form_of($json);


###############################################################################
# gitea, forgejo, gogs


for my $name (qw(Gitea Forgejo Gogs)) {
    my $uri = '/' . lc $name;
    my %good = sign_gitea($SECRET, $json, $name);
    my ($header) = keys %good;
    my $mac = $good{$header};

    passes($uri, $json, [%good], 2, "$name: JSON");
    passes($uri, $json, [sign_gitea($SECOND, $json, $name)], 3,
           "$name: second secret");
    passes($uri, $form, [%good, @form], 2, "$name: a form");
    passes($uri, $form, [$header => uc $mac, @form], 2,
           "$name: upper-case digits");

    refused($uri, "$json ", [%good], 'mismatch', "$name: a byte more");
    refused($uri, $json, [], 'missing', "$name: missing");
    refused($uri, $json, [$header => ''], 'empty', "$name: without a secret");
    refused($uri, $json, [%good, %good], 'doubled', "$name: doubled");
    refused($uri, $json, [$header => "sha256=$mac"], 'malformed',
            "$name: a prefix");
    refused($uri, $json, [sign_github($SECRET, $json),
                          'X-Hub-Signature' => 'sha256='], 'missing',
            "$name: the signature of GitHub");
    refused($uri, $json, [$header => hmac_sha256_hex($json, '')], 'mismatch',
            "$name: empty key");
}

refused('/gitea', $json, [sign_gitea($SECRET, $json, 'Gogs')], 'missing',
        'another header');
refused('/gogs', $json, [sign_gitea($SECRET, $json)], 'missing',
        'another header');

# what is in a form besides the payload is signed by nobody

my @good = sign_gitea($SECRET, $json);

for (["$form&a=b", 'malformed', 'another field'],
     ["a=b&$form", 'malformed', 'a field before'],
     ["$form&$form", 'malformed', 'twice'],
     [$json, 'malformed', 'JSON'],
     ['', 'malformed', 'nothing'],
     ["$form%", 'malformed', 'cut'],
     ["$form%00", 'malformed', 'NUL'],
     ["${form}x", 'mismatch', 'a byte more'])
{
    refused('/gitea', $_->[0], [@good, @form], $_->[1], "a form: $_->[2]");
}

refused('/gitea', $form, [@good], 'mismatch', 'a form sent as JSON');
refused('/gitea', $form, [sign_gitea($SECRET, $form), @form], 'mismatch',
        'the form was signed');
refused('/gitea', $form, [@good, @form, 'Content-Type' => 'application/json'],
        'doubled', 'two content types');

# in memory, in a file, in pieces

for my $size (100, 8191, 8192, 8193, 100000) {
    my $big = '{"a":"' . ('%&=+"\\"' x ($size / 6)) . '"}';

    passes('/gitea', form_of($big), [sign_gitea($SECRET, $big), @form], 2,
           "a form of $size");
}

{
    my %h = (@good, @form);
    my $head = join('', map { "$_: $h{$_}\x0d\x0a" } keys %h);
    my $raw = http(["POST /gitea HTTP/1.1\x0d\x0aHost: localhost\x0d\x0a"
                    . "Connection: close\x0d\x0a$head"
                    . 'Content-Length: ' . length($form) . "\x0d\x0a\x0d\x0a",
                    map { substr($form, $_, 1) } 0 .. length($form) - 1]);

    like($raw, qr/^HTTP\/1.1 200/, 'a form byte by byte');
}


###############################################################################
# what was verified is what is parsed, and is one delivery


my $push = push_branch();
my @event = ('X-Gitea-Event' => 'push', 'X-GitHub-Event' => 'push',
             'X-Gogs-Event' => 'push', sign_gitea($SECRET, $push));

sub build {
    my ($body, @headers) = @_;

    my $r = http_post('/build', $body, @event, @headers);

    is($r->status, 200, 'started') or diag($r->raw);

    return ($cb->requests('api'))[-1]{json}{idempotencyToken};
}

my $token = build($push);

is(build(form_of($push), @form), $token, 'the same in a form');

(my $again = form_of($push)) =~ s/%([0-9A-F]{2})/'%' . lc $1/ge;

is(build($again, @form), $token, 'the same in another form');
is(scalar $cb->builds('api'), 1, 'one build');

my $r = http_post('/build', form_of($push), @event,
                  'Content-Type' => 'application/json');

is($r->status, 403, 'a form sent as JSON');

$r = http_post('/build', $push, @event, @form);
is($r->status, 403, 'JSON sent as a form');

$r = http_post('/build', $push, @event, 'Content-Type' => 'text/plain');
is($r->status, 415, 'another type');

is(scalar $cb->requests('api'), 1, 'nothing else was sent');


###############################################################################
# azure


passes('/azure', $json, [sign_azure($PAIR)], 1, 'azure: good');
passes('/azure', $json, [sign_azure(':no-user-0123456789')], 2,
       'azure: no user');
passes('/azure', $json,
       ['Authorization' => 'basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ=='], 1,
       'azure: the scheme in lower case');

refused('/azure', $json, [sign_azure($_)], 'mismatch', "azure: $_")
    for "${PAIR}0", substr($PAIR, 0, -1), 'hook:', ':', "x$PAIR", uc $PAIR,
        'hook:pass', 'hook:pass:word-0123456789:';
refused('/azure', $json, ['Authorization' => $_], 'malformed', "azure: $_")
    for 'Basic', 'Basic ====', "Basic $PAIR", 'Bearer aG9vazpw', 'aG9vazpw',
        'Basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ',
        'Basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OR==', 'Basic aG9vaw==',
        'Basic ' . ('QUFB' x 400);
refused('/azure', $json, [], 'missing', 'azure: missing');
refused('/azure', $json, ['Authorization' => ''], 'empty', 'azure: empty');


###############################################################################


$t->stop();

# nginx itself logs header lines that it does not like

my $log = join("\n", $t->find_in_log(qr/^(?!.*client sent .* header line)/));

unlike($log . $t->read_file('access.log'),
       qr/PLANTED|\Q$SECRET\E|\Q$SECOND\E|\Q$PAIR\E|aG9vazpw/,
       'no body, secret or signature in the logs');
like($log, qr/\[notice\].*deploy refused: signature mismatch, scheme "gitea"/,
     'refusals are logged');
like($log, qr/deploy refused: signature mismatch, scheme "azure", header "auth/,
     'by name');

$t->done();
