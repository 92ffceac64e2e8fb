#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# An event of CodeBuild in a signed message of SNS starts another build.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::SNS;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $sns = $t->helper(Test::Deploy::SNS->new($t));

$t->var('TOPIC', $Test::Deploy::SNS::TOPIC);

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

        location = /builds {
            deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS%%;
            deploy_build api-smoke on=build project=api-prod status=succeeded;
        }
    }
}
EOC


my $ID = 'api-prod:12345678-1234-4234-8234-123456789012';


sub event {
    my ($status) = @_;

    return json({
        version => '0', id => "event-$status", source => 'aws.codebuild',
        'detail-type' => 'CodeBuild Build State Change',
        detail => {
            'build-status' => $status, 'project-name' => 'api-prod',
            'build-id' => "arn:aws:codebuild:us-east-1:1:build/$ID",
        },
    });
}

sub post { return http_post('/builds', $sns->message(@_)) }


my $r = post(Message => event('SUCCEEDED'));
my $j = $r->json;

is($r->status, 200, 'a build that succeeded');
is($j->{status}, 'started', 'started');
is($j->{delivery}, 'event-SUCCEEDED', 'the id of the event');
is_deeply($j->{events}, [{
    provider => 'aws', event => 'codebuild_state', action => 'SUCCEEDED',
    repo => 'api-prod', project => 'api-prod', status => 'succeeded',
    build_id => $ID,
}], 'the event');
is(scalar(() = $cb->builds('api-smoke')), 1, 'the build');

is(post(Message => event('FAILED'))->json->{rules}[0]{got}, 'failed',
   'a build that failed');

$r = post(Message => 'Hello');

is($r->json->{status}, 'ignored', 'any other text');
is($r->json->{events}[0]{event}, 'sns_Notification', 'its event');

is(post(Message => event('SUCCEEDED'),
        changed => { Message => event('FAILED') })->status, 403,
   'an event that was not signed');

is(scalar(() = $cb->builds('api-smoke')), 1, 'one build after all');

$t->done();
