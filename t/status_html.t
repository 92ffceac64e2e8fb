#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The pages of deploy_status: what they show, what they are protected by, and
# the form that delivers again.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_base64);
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

sub conf {
    my ($store) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $store
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 2s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name ci.example.com;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_build web branch=main repo=acme/web;
        }

        location /deploys { deploy_status; }
        location /dir/ { deploy_status; }
        location = /exact { deploy_status; }
    }
}
EOC
}

$t->run(conf('deploy_store %%TESTDIR%%/store;'));

my $BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,'
              . 'image/avif,image/webp,*/*;q=0.8';

sub page { return http_get($_[0], Accept => $BROWSER) }

# tags are closed in the order that they are opened in, attributes are quoted

sub well_formed {
    my ($html, $name) = @_;

    my @open;
    my @wrong;
    my %void = map { $_ => 1 } qw(meta input br);

    $html =~ s/^<!DOCTYPE html>\n//;
    $html =~ s!<style>.*?</style>!!s;

    while ($html =~ /<([^>]*)>/g) {
        my $tag = $1;

        if ($tag =~ m!^/(\w+)$!) {
            my $want = pop(@open) || '';
            push(@wrong, "</$1> of <$want>") if $1 ne $want;
            next;
        }

        push(@wrong, "<$tag>"), next
            unless $tag =~ m!^(\w+)((?: [a-z-]+(?:="[^"<>]*")?)*)$!;

        push(@open, $1) unless $void{$1};
        push(@wrong, "handler: <$tag>") if $2 =~ / (?:on|style)/;
    }

    $html =~ s/<[^>]*>//g;

    push(@wrong, "open: @open") if @open;
    push(@wrong, "text: $1") if $html =~ /(.{0,9}[<>"].{0,9})/;
    push(@wrong, "reference: $1")
        if $html =~ /(&(?!amp;|lt;|gt;|quot;|#39;|ndash;).{0,9})/;

    is_deeply(\@wrong, [], "$name: well-formed");
}


###############################################################################
# the page by itself


my $r = page('/deploys');

is($r->status, 200, 'page');
is($r->header('content-type'), 'text/html; charset=utf-8', 'type');
is($r->header('cache-control'), 'no-store', 'not cached');
is($r->header('x-content-type-options'), 'nosniff', 'not guessed');
is($r->header('referrer-policy'), 'same-origin', 'no address for others');
is($r->header('vary'), 'Accept', 'depends on Accept');

my ($style) = $r->body =~ m!<style>(.*?)</style>!s;

is($r->header('content-security-policy'),
   "default-src 'none'; style-src 'sha256-" . sha256_base64($style) . "='; "
   . "form-action 'self'; base-uri 'none'; frame-ancestors 'none'", 'policy');

well_formed($r->body, 'empty');
like($r->body, qr/There are none\./, 'no deliveries');
like($r->body, qr/Nothing is waiting\./, 'no queue');
unlike($r->body, qr/<(?:script|link|img|iframe|object)|\@import|url\(/,
       'nothing from elsewhere');

like(page('/deploys?format=json')->header('content-type'), qr/json/,
     'the argument decides');
like(http_get('/deploys?format=html')->header('content-type'), qr/html/,
     'also for HTML');


###############################################################################
# deliveries


my $EVIL = "feature/<script>alert(1)</script>\"onload='x'&amp;"
           . "\x{1b}[31m\x{202e}\x{2066}\x{61c}";
my $SHOWN = 'feature/&lt;script&gt;alert(1)&lt;/script&gt;&quot;onload=&#39;'
            . "x&#39;&amp;amp;\xef\xbf\xbd[31m" . ("\xef\xbf\xbd" x 3);

my $id = deliver('/hook', 'pull_request', merge(number => 1))
         ->json->{delivery};
my $ignored = deliver('/hook', 'pull_request',
                      merge(number => 2, branch => $EVIL))->json->{delivery};

$cb->fault('api', 'AccessDeniedException');
my $failed = deliver('/hook', 'pull_request',
                     merge(number => 3, repo => 'acme/web'))
             ->json->{delivery};

$cb->fault_always('api', 'ThrottlingException');
my $queued = deliver('/hook', 'pull_request', merge(number => 4));
is($queued->status, 202, 'queued');
$queued = $queued->json->{delivery};

my $store = Test::Deploy::Store->new($t->path('store'));

wait_for(sub {
    page('/deploys')->body =~ /\Q$ignored\E/
    && $store->value("SELECT count(*) FROM attempts") >= 4
}, 'stored');

$r = page('/deploys');

well_formed($r->body, 'overview');
like($r->body, qr/\Q$SHOWN\E/, 'escaped');
unlike($r->body, qr/\xe2\x80\xae|\xe2\x81\xa6|\xd8\x9c|\x1b/,
       'nothing that hides');

my $build = ($cb->builds('api'))[0];

like($r->body, qr!<a href="\?delivery=$id">!, 'a link to a delivery');
like($r->body, qr!class="badge ok">started<!, 'started');
like($r->body, qr!class="badge">ignored<!, 'ignored');
like($r->body, qr!class="badge bad">failed<!, 'failed');
like($r->body, qr!class="badge wait">queued<!, 'queued');
like($r->body, qr!href="https://[^"]*codebuild[^"]*"><bdi>web</bdi> #\d+</a>!,
     'a link to AWS');
like($r->body, qr!1 queued, 0 being started|0 queued, 1 being started!,
     'the queue');
like($r->body, qr!ThrottlingException!, 'its error');
like($r->body, qr!the environment|environment!, 'where credentials are from');
unlike($r->body, qr/\Q$SECRET\E/, 'no secret');

# by project and status

sub ids {
    my ($query) = @_;

    return join(' ', map { { $id => 'started', $ignored => 'ignored',
                             $failed => 'failed',
                             $queued => 'queued' }->{$_} || '?' }
                     page("/deploys?$query")->body
                     =~ m!<th [^>]*><a href="\?delivery=([^"]+)"><time!g);
}

is(ids('status=started'), 'failed started', 'by status');
is(ids('status=failed'), 'failed', 'failed');
is(ids('project=web'), 'failed', 'by project');
is(ids('project=api&status=started'), 'started', 'by both');
is(ids('project=web&status=ignored'), 'ignored', 'ignored of a project');
is(ids('project=none&status=ignored'), '', 'of none');
is(ids('status=dry_run'), '', 'no dry run');
is(ids('status=succeeded'), '', 'not reported');
is(http_get('/deploys?status=whatever')->status, 400, 'no such status');
is(ids('limit=1'), 'queued', 'limit');
is(http_get("/deploys?project=web&status=started")->json->{filter}{project},
   'web', 'the filter in JSON');

$r = page('/deploys?project=%22%3E%3Cscript%3E&status=failed');
well_formed($r->body, 'filter');
like($r->body, qr/value="&quot;&gt;&lt;script&gt;"/, 'the filter is escaped');
like($r->body, qr/<option value="failed" selected>/, 'and remembered');


###############################################################################
# a delivery


$r = page("/deploys?delivery=$ignored");

well_formed($r->body, 'ignored');
like($r->body, qr/Nothing was started: no rule of its location matched/,
     'in words');
like($r->body, qr!line \d+</th>.*?<bdi>api</bdi>.*?<bdi>branch</bdi></code>!s,
     'the first condition');
like($r->body, qr!is <code><bdi>\Q$SHOWN\E</bdi></code>, the rule wants <code>!,
     'what it is');
like($r->body, qr!the rule wants <code><bdi>main</bdi></code>!,
     'what it should be');
unlike($r->body, qr/<form/, 'nothing to be done again');

$r = page("/deploys?delivery=$failed");

well_formed($r->body, 'failed');
like($r->body, qr/AccessDeniedException/, 'its error');
like($r->body, qr/<bdi>web<\/bdi> #\d+<\/a> <span class="badge ok">started/,
     'the other build');
like($r->body,
     qr!<form method="post" action="/deploys/redeliver\?delivery=\Q$failed\E">!,
     'the form');

my $json = http_get("/deploys?delivery=$queued")->json->{deliveries}[0];

cmp_ok(scalar @{ $json->{builds}[0]{tries} }, '>=', 1, 'attempts');
is($json->{builds}[0]{tries}[0]{error}, 'ThrottlingException', 'with errors');
is($json->{builds}[0]{tries}[0]{status}, 400, 'and status');

like(page("/deploys?delivery=$queued")->body, qr/Each call of StartBuild/,
     'attempts of a build that is queued');
like(page('/deploys?delivery=nobody')->body, qr/No such delivery/,
     'no such delivery');
like(page("/dir/?delivery=$failed")->body,
     qr!action="/dir/redeliver\?delivery=!, 'a location with a slash');
unlike(page("/exact?delivery=$failed")->body, qr/<form/,
       'no form where there is no action');


###############################################################################
# the form


$cb->fault_always('api', undef);

sub press {
    my ($uri, @headers) = @_;

    return http_post($uri, '', Accept => $BROWSER,
                     'Content-Type' => 'application/x-www-form-urlencoded',
                     Host => 'localhost', @headers);
}

is(press("/deploys/redeliver?delivery=$failed",
         Origin => 'https://evil.example')->status, 403, 'another site');
is(press("/deploys/redeliver?delivery=$failed", Origin => 'null')->status,
   403, 'no site');
is(press("/deploys/redeliver?delivery=$failed",
         'Sec-Fetch-Site' => 'same-site')->status, 403, 'a sister site');

$r = press("/deploys/redeliver?delivery=$failed",
           Origin => 'http://localhost', 'Sec-Fetch-Site' => 'same-origin');

is($r->status, 303, 'back to the page');
is($r->header('location'), "/deploys?delivery=$failed", 'of the delivery');
is(page($r->header('location'))->status, 200, 'which is there');
is(press("/dir/redeliver?delivery=$failed")->header('location'),
   "/dir/?delivery=$failed", 'also with a slash');
is(press('/deploys/redeliver?delivery=nobody')->status, 404,
   'no such delivery');

ok(wait_for(sub { 2 <= grep { $_->{status} eq 'started' }
                       map { @{ $_->{builds} } }
                       @{ http_get("/deploys?delivery=$failed")
                          ->json->{deliveries} } }), 'started again');


###############################################################################
# without a store, and with one that does not work


$t->reload(conf(''));

$r = page('/deploys');

is($r->status, 200, 'without a store');
well_formed($r->body, 'without a store');
like($r->body, qr/There is no <code>deploy_store<\/code>/, 'which is said');
like($r->body, qr/id="counters"/, 'counters');
is(press("/deploys/redeliver?delivery=$failed")->status, 404, 'no action');

$t->write_file('broken/deploy.db', 'not a database at all' x 100);
$t->expect(qr/deploy store/);
chown((stat($t->path('store')))[4, 5], $t->path('broken'),
      $t->path('broken/deploy.db'));
$t->reload(conf('deploy_store %%TESTDIR%%/broken;'));

$r = page('/deploys');

is($r->status, 503, 'a store that does not work');
well_formed($r->body, 'a store that does not work');
like($r->body, qr/The store does not work/, 'which is said');
is(http_get('/deploys')->json->{store}{works}, JSON::PP::false(),
   'also in JSON');
like(http_get('/deploys?format=prometheus')->body,
     qr/^ngx_deploy_store_up 0$/m, 'and to Prometheus');

$t->done();
