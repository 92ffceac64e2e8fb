#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What is answered when AWS refuses, is busy or does not answer; dry runs.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

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
    deploy_transport { proxy_read_timeout 6s; }

    deploy_project dry {
        env WHO $deploy_sender;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /several {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build one;
            deploy_build fault-ResourceNotFoundException;
            deploy_build two;
            deploy_build fault-AccessDeniedException;
        }

        location = /busy {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build busy;
            deploy_build one;
        }

        location = /hang {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_timeout 500ms;
            deploy_build fault-hang;
        }

        location = /worst {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build busy;
            deploy_build fault-AccessDeniedException;
        }

        location = /dry {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_dry_run on;
            deploy_build dry;
            deploy_build never branch=none;
        }

        location = /name {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build $deploy_source_branch-x;
        }
    }
}
EOC


my ($r, $j);


###############################################################################
# AWS refuses, is busy, does not answer


$r = deliver('/several', 'pull_request', merge(number => 1));
$j = $r->json;

is($r->status, 502, 'refused by AWS');
is($j->{status}, 'failed', 'refused status');
like($j->{reason}, qr/./, 'refused reason');
is(scalar @{ $j->{builds} }, 4, 'all builds are listed');
is($j->{builds}[0]{status}, 'started', 'the first is started');
is($j->{builds}[2]{status}, 'started', 'the third is started');
like($j->{builds}[2]{id}, qr/^two:/, 'with its id');
is($j->{builds}[1]{status}, 'failed', 'the second failed');
is($j->{builds}[1]{error}, 'ResourceNotFoundException', 'not found');
like($j->{builds}[1]{message}, qr/cannot be found/, 'message');
is($j->{builds}[3]{error}, 'AccessDeniedException', 'denied');
is($r->header('retry-after'), undef, 'no Retry-After of 502');
is(scalar $cb->requests('fault-AccessDeniedException'), 1, 'not repeated');

$cb->fault_always('busy', { fault => 'throttle', retry_after => 30 });

$r = deliver('/busy', 'pull_request', merge(number => 2));
$j = $r->json;

is($r->status, 503, 'throttled');
is($r->header('retry-after'), 30, 'Retry-After');
is($j->{status}, 'failed', 'throttled status');
is($j->{builds}[0]{error}, 'ThrottlingException', 'throttled error');
is($j->{builds}[1]{status}, 'started', 'the other is started');

$r = deliver('/worst', 'pull_request', merge(number => 3));

is($r->status, 502, 'the worst decides');
is($r->header('retry-after'), undef, 'worst: no Retry-After');

$r = deliver('/hang', 'pull_request', merge(number => 4));

is($r->status, 504, 'timed out');
is($r->json->{status}, 'failed', 'timed out status');
like($r->json->{reason}, qr/time/, 'timed out reason');
is($r->json->{builds}[0]{status}, 'failed', 'timed out build');

$r = deliver('/name', 'pull_request', merge(source => 'a/b'));

is($r->status, 502, 'no name of a project');
like($r->json->{builds}[0]{message}, qr/name/, 'told so');


###############################################################################
# dry run


my $n = scalar $cb->requests();

$r = deliver('/dry', 'pull_request', merge());
$j = $r->json;

is($r->status, 200, 'dry run');
is($j->{status}, 'dry_run', 'dry run status');
is($j->{builds}[0]{project}, 'dry', 'dry run project');
is($j->{builds}[0]{request}{projectName}, 'dry', 'request');
is($j->{builds}[0]{request}{sourceVersion}, $COMMIT, 'request version');
is($j->{builds}[0]{request}{environmentVariablesOverride}[0]{value}, 'ann',
   'request env');
is($j->{builds}[0]{id}, undef, 'no id');
is(scalar $cb->requests(), $n, 'nothing is sent');

$t->done();
