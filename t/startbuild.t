#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What CodeBuild is sent; the stand-in refuses any header that is not ours.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $eu = $t->codebuild(region => 'eu-central-1');

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    map $deploy_commit $commit_or_branch {
        default  $deploy_branch;
    }

    deploy_project full {
        source_version $deploy_branch;
        env PLAIN "$deploy_repo by $deploy_sender";
        env TITLE $deploy_title;
        env EMPTY $arg_none;
        env PROJECT $deploy_project;
        env PARAMETER /deploy/key parameter_store;
        env SECRET deploy:key secrets_manager;
        override timeoutInMinutesOverride 30;
        override gitCloneDepthOverride 0;
        override privilegedModeOverride true;
        override reportBuildStatusOverride off;
        override imageOverride 'aws/codebuild/standard:7.0';
        override computeTypeOverride 123;
    }

    deploy_project europe {
        region eu-central-1;
        endpoint %%CODEBUILD2%%/;
    }

    deploy_project empty-version {
        source_version $arg_none;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_verify github %%TESTDIR%%/secret;

        # nothing of this is for CodeBuild

        proxy_set_header X-Secret server;
        proxy_set_header Host $host;
        proxy_set_body "not signed";
        proxy_pass_request_headers off;
        proxy_method PUT;
        proxy_intercept_errors on;
        proxy_http_version 1.0;
        proxy_ignore_client_abort on;
        proxy_hide_header x-amzn-RequestId;
        error_page 400 403 404 500 502 503 504 =200 /error;
        add_header X-Server yes;
        gzip on;

        location = /error { return 200 "error page"; }

        location = /hook { deploy_build api on=any; }
        location = /again { deploy_build api on=any; }
        location = /full { deploy_build full; }
        location = /europe { deploy_build europe; deploy_build api; }
        location = /empty { deploy_build empty-version; }
        location = /refused { deploy_build fault-AccessDeniedException; }
        location = /large {
            client_max_body_size 1m;
            client_body_buffer_size 1k;
            deploy_build large on=push;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_verify github %%TESTDIR%%/secret;

        deploy_transport {
            proxy_set_header User-Agent "tests \"of\" ours";
            proxy_set_header Amz-Sdk-Request attempt=1;
            proxy_buffer_size 8k;
        }

        location = /hook { deploy_build other on=any; }
    }
}
EOC


# the StartBuild body of the last build of a project

sub last_build { return ($cb->builds($_[0]))[-1]{request} }

# what was sent for the commit and branch of a push

sub version {
    my (%push) = @_;

    is(deliver('/hook', 'push', push_branch(%push))->status, 200, 'pushed');

    return last_build('api')->{sourceVersion};
}


###############################################################################
# sourceVersion


is(version(), $COMMIT, 'the commit');
is(version(commit => 'd' x 64), 'd' x 64, 'SHA-256');
is(version(commit => 'd' x 12), 'main', 'a short hash: the branch');
is(version(ref => 'refs/tags/v1', commit => 'd' x 12), 'v1', 'or the tag');

is(deliver('/empty', 'pull_request', merge())->status, 200, 'empty version');
is(last_build('empty-version')->{sourceVersion}, $COMMIT, 'is the default');


###############################################################################
# deploy_project


my $title = "\x{dc}ber \"alles\" \$(id)\\\n";

utf8::encode(my $bytes = $title);

my $body = merge(title => $title);

is(deliver('/full', 'pull_request', $body)->status, 200, 'all members');

my $request = last_build('full');
my ($build) = $cb->builds('full');

is($request->{projectName}, 'full', 'projectName');
is($request->{sourceVersion}, 'main', 'source_version');
is($request->{timeoutInMinutesOverride}, 30, 'a number');
is($request->{gitCloneDepthOverride}, 0, 'zero');
ok(JSON::PP::is_bool($request->{privilegedModeOverride}), 'a boolean');
ok($request->{privilegedModeOverride}, 'true');
ok(!$request->{reportBuildStatusOverride}, 'false');
is($request->{imageOverride}, 'aws/codebuild/standard:7.0', 'a string');

my ($raw) = $cb->requests('full');

like($raw->{body}, qr/"timeoutInMinutesOverride":\s*30[,}]/, 'as a number');
like($raw->{body}, qr/"computeTypeOverride":\s*"123"/, 'as a string');

is($build->{env}{PLAIN}, 'acme/api by ann', 'variables');
is($build->{env}{TITLE}, $title, 'any text');
is($build->{env}{EMPTY}, '', 'empty');
is($build->{env}{PROJECT}, 'full', '$deploy_project');
is($build->{env_types}{PLAIN}, 'PLAINTEXT', 'PLAINTEXT');
is($build->{env_types}{PARAMETER}, 'PARAMETER_STORE', 'PARAMETER_STORE');
is($build->{env_types}{SECRET}, 'SECRETS_MANAGER', 'SECRETS_MANAGER');
like($build->{env}{DEPLOY_DELIVERY}, qr/^[0-9a-f]{64}\z/, 'DEPLOY_DELIVERY');
like($build->{token}, qr/^[0-9a-f]{64}\z/, 'idempotencyToken');


###############################################################################
# the token: one for one delivery


sub token {
    my ($uri, $text) = @_;

    my $r = deliver($uri, 'pull_request', $text, { same => 1 });

    is($r->json->{status}, 'started', "$uri: started");

    return ($cb->requests('api'))[-1]{json}{idempotencyToken},
           $r->json->{builds}[-1]{id};
}

my ($token, $id) = token('/hook', merge());

# a new worker does not know of it

$t->reload();

my ($same, $same_id) = token('/hook', merge());
my ($other) = token('/hook', merge(number => 8));
my ($elsewhere) = token('/again', merge());

is($same, $token, 'a redelivery has the same token');
is($same_id, $id, 'and the same build');
isnt($other, $token, 'another body');
isnt($elsewhere, $token, 'another location');

my ($full) = map { $_->{token} } $cb->builds('full');

isnt($full, $token, 'another project');


###############################################################################
# region and endpoint of a project


my $r = deliver('/europe', 'pull_request', merge());

is($r->status, 200, 'two regions');
is(scalar $eu->builds('europe'), 1, 'one in Europe');
like($r->json->{builds}[0]{url}, qr/eu-central-1/, 'its url');
like($r->json->{builds}[1]{url}, qr/us-east-1/, 'the other one');

my ($europe) = $eu->requests('europe');
my %headers = map { lc $_->[0] => $_->[1] } @{ $europe->{headers} };

like($headers{authorization}, qr!/eu-central-1/codebuild/aws4_request!,
     'scope');


###############################################################################
# nothing of the client or the server gets there, and nothing else is needed


$r = deliver('/hook', 'pull_request', merge(number => 9),
             'X-Amz-Target' => 'CodeBuild_20161006.DeleteProject',
             'X-Amz-Date' => '20200101T000000Z', 'X-Amz-Security-Token' => 'x',
             'Authorization' => 'AWS4-HMAC-SHA256 x', 'Cookie' => 'a=b',
             'X-Forwarded-For' => '10.0.0.1', 'Expect' => '100-continue',
             'TE' => 'trailers', 'Range' => 'bytes=0-1', 'Accept' => '*/*',
             'Referer' => 'http://example.com/', 'Traceparent' => '00-0-0-0');

like($r->raw, qr/^HTTP\S+ 200 OK.*"status":\s*"started"/ms, 'headers');

($raw) = ($cb->requests('api'))[-1];
%headers = map { lc $_->[0] => $_->[1] } @{ $raw->{headers} };

is(join(' ', sort keys %headers), 'authorization connection content-length'
   . ' content-type host user-agent x-amz-date x-amz-target', 'no other ones');
is($headers{'user-agent'}, 'ngx_deploy_module', 'User-Agent');
is($raw->{target}, '/', 'target');

$r = deliver('/refused', 'pull_request', merge());

is($r->json->{builds}[0]{error}, 'AccessDeniedException',
   'error_page is none of ours');

# a body in a temporary file is hashed the same

$r = deliver('/large', 'push',
             push_branch(paths => [map { "src/$_" } (1 .. 5000)]));

is($r->status, 200, 'large body');
is(scalar @{ $r->json->{events}[0]{paths} }, 1000, 'paths are cut');

is(deliver('/hook', 'pull_request', merge(), { port => 8081 })->status, 200,
   'deploy_transport');

($raw) = $cb->requests('other');
%headers = map { lc $_->[0] => $_->[1] } @{ $raw->{headers} };

is($headers{'user-agent'}, 'tests "of" ours', 'its User-Agent');
is($headers{'amz-sdk-request'}, 'attempt=1', 'its other header');

$t->done();
