#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Reports of builds ask the store what is known: what becomes of them when it
# does not tell.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Socket qw(CRLF);
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Store;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $token = 'a token of the builds';

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "$token\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store     %%TESTDIR%%/store;
    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;

    # a connection is freed with its last answer

    lingering_close  off;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify  github %%TESTDIR%%/secret;
            deploy_build   api;
            deploy_timeout 2s;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
            deploy_timeout 500ms;
        }

        location = /dry {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
            deploy_dry_run on;
        }
    }
}
EOF

my $dir = $t->path('store');
my $store = Test::Deploy::Store->new($dir);


sub report {
    my ($status, $uri) = @_;

    return http_post($uri || '/builds', JSON::PP::encode_json({
                         project => 'api', build_id => 'api:1',
                         status => $status }),
                     Authorization => "Bearer $token");
}


is(report('in_progress')->status, 200, 'a report');
is(report('in_progress', '/dry')->status, 200, 'a dry run');

# a writer that waits for the lock keeps the store busy

my $lock = $store->lock();
my $s = deliver('/hooks', 'pull_request', merge(), { start => 1 });
my $r;

ok(wait_for(sub { $r = report('failed'); $r->status != 200 }),
   'the store is busy');
is($r->status, 503, 'a report has to come again');
is($r->json->{status}, 'failed', 'failed');
is($r->json->{reason}, 'the store did not answer in time', 'the reason');
ok($r->header('Retry-After'), 'try again');

# a client that does not wait for it

my $body = '{"project":"api","build_id":"api:1","status":"failed"}';

http('POST /builds HTTP/1.1' . CRLF . 'Host: localhost' . CRLF
     . 'Content-Type: application/json' . CRLF
     . "Authorization: Bearer $token" . CRLF
     . 'Content-Length: ' . length($body) . CRLF . CRLF . $body, abort => 1);

$store->unlock($lock);
http_response($s);

is(report('failed')->status, 200, 'later it is not');

# a store that does not work

$t->stop();
rename("$dir/deploy.db", "$dir/deploy.old");
$t->write_file('store/deploy.db', 'no store, but so many words of a text' x 99,
               0666);
$t->run();

$r = report('failed');
is($r->status, 503, 'a broken store');
ok($r->header('Retry-After'), 'try again');
is(report('failed', '/dry')->status, 200, 'a dry run asks nobody');

rename("$dir/deploy.old", "$dir/deploy.db");

ok(wait_for(sub { report('failed')->status == 200 }), 'it is there again');

$t->expect(qr/deploy did not accept delivery/,
           qr/deploy store .* (?:is locked|is corrupt)/);

$t->done();
