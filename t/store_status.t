#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The history in the store, and its action: a delivery once more.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_build web branch=main;
        }

        location /deploys { deploy_status; }
        location /private { deploy_status; deny all; }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));

my $r = http_get('/deploys');

is($r->status, 200, 'empty');
is($r->header('content-type'), 'application/json', 'type');
is($r->json->{active}, 0, 'nothing is under way');
is_deeply($r->json->{$_}, [], "no $_") for qw(deliveries projects queue);

$cb->fault('web', 'ResourceNotFoundException');

my $first = deliver('/hook', 'pull_request', merge(number => 1));
my $id = $first->json->{delivery};

wait_for(sub { $store->value('SELECT count(*) FROM builds WHERE state < 2')
               == 0 });

deliver('/hook', 'pull_request', merge(number => 2, branch => 'dev'));

my $list;

ok(wait_for(sub {
    $list = http_get('/deploys')->json;
    @{ $list->{deliveries} } == 2;
}), 'two deliveries');

my ($ignored, $d) = @{ $list->{deliveries} };

is($list->{active}, 0, 'nothing under way');
is($d->{delivery}, $id, 'delivery');
is($d->{provider}, 'github', 'provider');
is($d->{location}, '/hook', 'location');
is($d->{events}[0]{repo}, 'acme/api', 'event');
like($d->{received}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'time');

my %builds = map { $_->{project} => $_ } @{ $d->{builds} };

is($builds{api}{status}, 'started', 'started');
is($builds{api}{id}, ($cb->builds('api'))[0]{id}, 'its id');
is($builds{api}{attempts}, 1, 'attempts');
is($builds{web}{status}, 'failed', 'failed');
is($builds{web}{error}, 'ResourceNotFoundException', 'its error');
like($builds{web}{message}, qr/cannot be found/, 'and message');

is_deeply($ignored->{builds}, [], 'no builds');
is($ignored->{rules}[0]{failed}, 'branch', 'and why not');
is($ignored->{rules}[0]{got}, 'dev', 'what it got');

is(@{ http_get('/deploys?limit=1')->json->{deliveries} }, 1, 'limit');
is(http_get("/deploys?delivery=$id")->json->{deliveries}[0]{delivery}, $id,
   'by delivery');
is(http_get("/deploys?build=" . $builds{api}{id})->json->{deliveries}[0]
   {delivery}, $id, 'by build');
is_deeply(http_get("/deploys?delivery=none")->json->{deliveries}, [],
          'an unknown one');
is(http_get('/deploys?limit=x')->status, 400, 'bad limit');
is(http_get('/deploys?limit=0')->status, 400, 'no limit');
is(http_get('/deploys?limit=101')->status, 400, 'too much');


###############################################################################
# once more


sub redeliver {
    my ($query, @headers) = @_;

    return http_post("/deploys/redeliver$query", '', @headers);
}

is(http_get("/deploys/redeliver?delivery=$id")->status, 405, 'not by GET');
is(http_post('/deploys', '{}')->status, 405, 'no POST elsewhere');
is(http_post("/private/redeliver?delivery=$id", '')->status, 403,
   'access rules');
is(redeliver("?delivery=$id", Origin => 'https://evil.example')->status, 403,
   'from another site');
is(redeliver("?delivery=$id", Origin => 'null')->status, 403, 'from nowhere');
is(redeliver("?delivery=$id", 'Sec-Fetch-Site' => 'cross-site')->status, 403,
   'a browser that says so');
is(redeliver('')->status, 400, 'no delivery');
is(redeliver('?delivery=none')->status, 404, 'an unknown one');
is(redeliver("?delivery=$ignored->{delivery}")->status, 409, 'no builds');
is(scalar(() = $cb->builds()), 1, 'nothing was started');

$r = redeliver("?delivery=$id", Origin => 'http://localhost');

is($r->status, 202, 'accepted');
is($r->json->{status}, 'queued', 'queued');
is(join(' ', map { "$_->{project} $_->{run} $_->{status}" }
             @{ $r->json->{builds} }), 'api 2 queued web 2 queued', 'builds');

ok(wait_for(sub { $cb->builds('api') == 2 && $cb->builds('web') == 1 }),
   'started');

my @api = $cb->builds('api');

isnt($api[0]{token}, $api[1]{token}, 'another token');
is($api[0]{request}{sourceVersion}, $api[1]{request}{sourceVersion},
   'the same commit');

ok(wait_for(sub {
    $d = http_get("/deploys?delivery=$id")->json->{deliveries}[0];
    4 == grep { $_->{status} ne 'queued' && $_->{status} ne 'starting' }
         @{ $d->{builds} };
}), 'four builds in the history');

$r = deliver('/hook', 'pull_request', merge(number => 1));

is($r->json->{status}, 'duplicate', 'for the sender it is a duplicate');

# what is under way is not started twice

$cb->fault('api', { fault => 'late', seconds => 1 });
redeliver("?delivery=$id");

my $word = '';

wait_for(sub {
    $r = redeliver("?delivery=$id");
    $word = $r->json->{status};
    $r->json->{builds}[1]{status} ne 'queued'
});

ok(wait_for(sub { $store->value('SELECT count(*) FROM builds'
                                . ' WHERE state < 2') == 0 }), 'ends');
is(scalar(() = $cb->builds('api')),
   $store->value("SELECT max(run) FROM builds WHERE project = 'api'"),
   'one build for each run');

ok($t->find_in_log(qr/\[notice\].*deploy redelivers "\Q$id\E", 2 builds/),
   'logged');

$t->done();
