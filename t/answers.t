#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What is answered to what arrives: codes, statuses and members.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        client_max_body_size 8k;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_build api-staging on=push branch=main;
        }

        location = /bitbucket {
            deploy_verify bitbucket %%TESTDIR%%/secret;
            deploy_build api on=push branch=main;
        }

        location = /receive {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_receive;
        }
    }
}
EOC


###############################################################################
# 200: started


my $body = merge(number => 42, title => 'Über "alles"');
my $r = deliver('/hook', 'pull_request', $body);
my $j = $r->json;

is($r->status, 200, 'started');
is($r->header('content-type'), 'application/json', 'type');
like($r->body, qr/^\{.*\}\n\z/, 'one line');
is($j->{status}, 'started', 'status');
is($j->{delivery}, '00000000-0000-4000-8000-000000000001', 'delivery');

is_deeply($j->{events}, [{
    provider => 'github', event => 'pull_request', action => 'merged',
    repo => 'acme/api', branch => 'main', source_branch => 'fix',
    commit => $COMMIT, sender => 'ann', number => 42,
    title => JSON::PP->new->utf8->decode($body)->{pull_request}{title},
    url => 'https://example.com/acme/api/pull/42',
    merged => JSON::PP::true, paths_complete => JSON::PP::false,
}], 'members of the event');

my ($build) = $cb->builds('api');

is(scalar @{ $j->{builds} }, 1, 'one build');
is($j->{builds}[0]{project}, 'api', 'project');
is($j->{builds}[0]{status}, 'started', 'its status');
is($j->{builds}[0]{id}, $build->{id}, 'id');
is($j->{builds}[0]{number}, 1, 'number');
like($j->{builds}[0]{url}, qr!^https://.*console.*us-east-1!, 'url');

# a form

$body =~ s/([^A-Za-z0-9])/sprintf('%%%02X', ord($1))/eg;

$r = deliver('/hook', 'pull_request', "payload=$body",
             'Content-Type' => 'application/x-www-form-urlencoded');

is($r->status, 415, 'two content types');

$r = http_post('/hook', "payload=$body", 'X-GitHub-Event' => 'pull_request',
               'Content-Type' => 'application/x-www-form-urlencoded',
               sign_github($SECRET, "payload=$body"));

is($r->status, 200, 'form');
is($r->json->{status}, 'started', 'form started');
is($r->json->{delivery}, undef, 'no delivery without its header');
is($r->json->{events}[0]{number}, 42, 'form event');


###############################################################################
# 200: ignored


$r = deliver('/hook', 'pull_request', merge(branch => 'dev'));
$j = $r->json;

is($r->status, 200, 'ignored');
is($j->{status}, 'ignored', 'status');
is($j->{events}[0]{branch}, 'dev', 'event of ignored');
is($j->{builds}, undef, 'no builds');
is(scalar @{ $j->{rules} }, 2, 'both rules');
is($j->{rules}[0]{project}, 'api', 'project of a rule');
is($j->{rules}[0]{failed}, 'branch', 'failed');
is($j->{rules}[0]{want}, 'main', 'want');
is($j->{rules}[0]{got}, 'dev', 'got');
is($j->{rules}[0]{event}, 0, 'event of a rule');
is($j->{rules}[1]{failed}, 'on', 'on is the first');
is($j->{rules}[1]{got}, 'merge', 'got merge');

my @lines = split(/\n/, $t->read_file('nginx.conf'));

like($lines[$j->{rules}[0]{line} - 1], qr/deploy_build api branch=main/,
     'line');

$r = deliver('/hook', 'ping', ping());

is($r->status, 200, 'ping');
is($r->json->{status}, 'ignored', 'ping status');
is($r->json->{events}[0]{event}, 'ping', 'ping event');

$r = deliver_bitbucket('/bitbucket', 'repo:push', bitbucket());

is($r->status, 200, 'empty push');
is($r->json->{status}, 'ignored', 'empty push status');
is_deeply($r->json->{events}, [], 'empty push events');

$r = deliver('/receive', 'pull_request', merge());

is($r->json->{status}, 'ignored', 'nothing but receive');
is_deeply($r->json->{rules}, [], 'no rules');


###############################################################################
# refused


$r = http_post('/hook', $body, 'X-GitHub-Event' => 'push');

is($r->status, 403, 'unsigned');
is_deeply($r->json, { status => 'refused' }, 'refused says no more');

for my $method (qw(GET HEAD PUT DELETE PATCH OPTIONS)) {
    $r = http_request($method, '/hook', undef);

    is($r->status, 405, $method);
    is($r->header('allow'), 'POST', "$method Allow");
}

is(http_get('/hook')->json->{status}, 'failed', '405 body');

$r = deliver('/hook', 'ping', '{"a":"' . 'x' x 8192 . '"}');
is($r->status, 413, 'too large');

$body = merge();

for (['text/plain', 415], ['application/xml', 415], ['', 415],
     ['multipart/form-data; boundary=x', 415],
     ['application/jsonp', 415], ['application/json-patch+json', 415],
     ['application/json; charset=iso-8859-1', 415],
     ['application/json; charset=utf-16', 415],
     ['application/json; charset=utf-8', 200],
     ['application/json;charset=UTF-8', 200],
     ['APPLICATION/JSON', 200])
{
    my ($type, $status) = @$_;

    $r = http_post('/hook', $body, 'X-GitHub-Event' => 'pull_request',
                   'Content-Type' => $type, sign_github($SECRET, $body));

    is($r->status, $status, "type \"$type\"");
}

$r = deliver('/hook', 'pull_request', $body, 'Content-Encoding' => 'gzip');
is($r->status, 415, 'gzip');

for (['bad JSON', 'push', '{"a":', qr/./],
     ['no JSON', 'push', '', qr/./],
     ['array', 'push', '[]', qr/object/],
     ['trailing', 'ping', ping() . 'x', qr/./],
     ['NUL', 'ping', '{"zen":"\u0000"}', qr/./],
     ['duplicate', 'ping', '{"a":1,"a":2}', qr/dupl|twice/i],
     ['disagrees', 'push', merge(), qr/agree/],
     ['disagrees, ping', 'ping', push_branch(), qr/agree/],
     ['malformed', 'p u s h', ping(), qr/header/],
     ['no text', 'push', push_branch(ref => { a => 1 }), qr/ref/])
{
    my ($name, $event, $text, $reason) = @$_;

    $r = deliver('/hook', $event, $text);

    is($r->status, 400, $name);
    is($r->json->{status}, 'failed', "$name: status");
    like($r->json->{reason}, $reason, "$name: reason");
}

$r = http_post('/hook', $body, sign_github($SECRET, $body));

is($r->status, 400, 'no event header');
like($r->json->{reason}, qr/X-GitHub-Event/, 'no event header, reason');

$r = deliver('/hook', 'pull_request', $body, 'X-GitHub-EVENT' => 'ping');
is($r->status, 400, 'two event headers');

unlike($t->error_log(), qr/\Q$SECRET\E/, 'no secret in the log');

$t->done();
