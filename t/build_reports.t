#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Reports of builds, by curl and by EventBridge, start other builds.

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

    log_format facts '$deploy_provider|$deploy_delivery|$deploy_event|'
                     '$deploy_action|$deploy_repo|$deploy_branch|'
                     '$deploy_commit|$deploy_sender|$deploy_url|'
                     '$deploy_message|$deploy_status|$deploy_project|'
                     '$deploy_build_id';

    deploy_project api-smoke {
        env UPSTREAM_ID $deploy_build_id;
    }

    deploy_verify token %%TESTDIR%%/secret;
    deploy_verify token %%TESTDIR%%/secret header=X-Api-Key;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /builds {
            access_log %%TESTDIR%%/facts.log facts;

            deploy_build api-smoke on=build project=api-prod status=succeeded;
        }

        location = /rules {
            deploy_dry_run on;

            deploy_build done on=build project=api status=succeeded;
            deploy_build $deploy_project-undo on=build status=failed,fault;
            deploy_build $deploy_project-log on=build status=failed;
            deploy_build tested on=build phase=test status=succeeded;
            deploy_build begun on=build status=in_progress,started;
            deploy_build main on=build branch=main;
            deploy_build script on=any provider=build event=build_report;
            deploy_build not on!=build;
        }

        location = /receive {
            deploy_receive;
        }

        location = /hmac {
            deploy_verify hmac %%TESTDIR%%/secret header=X-Signature;
            deploy_dry_run on;
            deploy_build done on=build status=succeeded;
        }
    }
}
EOC


my $ID = 'api-prod:12345678-1234-4234-8234-123456789012';
my $ARN = "arn:aws:codebuild:us-east-1:123456789012:build/$ID";


sub report {
    my ($uri, $body, @more) = @_;

    return http_post($uri, ref($body) ? json($body) : $body,
                     'Content-Type' => ref($body) ? 'application/json'
                         : 'application/x-www-form-urlencoded',
                     sign_token($SECRET), @more);
}

sub state_event {
    my ($status, %more) = @_;

    return {
        version => '0', id => 'event-1', source => 'aws.codebuild',
        'detail-type' => 'CodeBuild Build State Change',
        detail => {
            'build-status' => $status, 'project-name' => 'api-prod',
            'build-id' => $ARN, 'current-phase' => 'COMPLETED',
            'additional-information' => { initiator => 'ann', %more },
        },
    };
}

sub phase_event {
    my ($phase, $status) = @_;

    return {
        version => '0', id => 'event-2', source => 'aws.codebuild',
        'detail-type' => 'CodeBuild Build Phase Change',
        detail => {
            'completed-phase' => $phase, 'completed-phase-status' => $status,
            'project-name' => 'api', 'build-id' => $ARN,
        },
    };
}

sub fires {
    my $r = report('/rules', @_);

    return $r->status unless $r->status == 200;
    return join(' ', sort map { $_->{project} } @{ $r->json->{builds} || [] });
}

sub refused {
    my ($body, $reason, $name) = @_;

    my $r = report('/builds', $body);

    is($r->status, 400, $name);
    like($r->json->{reason}, $reason, "$name, reason");
}


###############################################################################
# a form, as curl sends it


my ($code, $out) = curl('-H', "Authorization: Bearer $SECRET",
                        '-d', 'project=api-prod', '-d', "build_id=$ID",
                        '-d', 'status=succeeded', '-d', 'duration=61',
                        '--data-urlencode', "message=all &\nsundry",
                        '-d', 'url=https://example.com/1',
                        'http://127.0.0.1:' . port(8080) . '/builds');

is($code, 0, 'a report') or diag($out);

my $j = JSON::PP::decode_json($out);

is($j->{status}, 'started', 'started');
is_deeply($j->{events}, [{
    provider => 'build', event => 'build_report', repo => 'api-prod',
    url => 'https://example.com/1', project => 'api-prod',
    status => 'succeeded', build_id => $ID,
}], 'the event');

my ($build) = $cb->builds('api-smoke');

is($j->{builds}[0]{id}, $build->{id}, 'the build that follows');

my %env = map { $_->{name} => $_->{value} }
          @{ $build->{request}{environmentVariablesOverride} };

is($env{UPSTREAM_ID}, $ID, 'knows the one that was before');

ok(wait_for(sub { $t->read_file('facts.log') =~ /\n/ }), 'logged');
is($t->read_file('facts.log'),
   'build||build_report||api-prod||||https://example.com/1|'
   . "all &\\x0Asundry|started|api-smoke|$build->{id}\n", 'variables');

my $r = report('/receive', { project => 'api-prod', build_id => $ARN,
                          phase => 'PRE_BUILD', status => 'IN_PROGRESS',
                          message => 'tests', duration => 2.5 });

is($r->status, 200, 'a report in JSON');
is_deeply($r->json->{events}, [{
    provider => 'build', event => 'build_report', repo => 'api-prod',
    project => 'api-prod', status => 'in_progress', phase => 'pre_build',
    build_id => $ID,
}], 'its event');


###############################################################################
# events of EventBridge


$r = http_post('/builds', json(state_event('SUCCEEDED',
                   'source-version' => "refs/heads/main^{$COMMIT}")),
               'Content-Type' => 'application/json; charset=utf-8',
               'User-Agent' => 'Amazon/EventBridge/ApiDestinations',
               'Range' => 'bytes=0-1048575', 'X-Api-Key' => $SECRET);
$j = $r->json;

is($r->status, 200, 'a state');
is($j->{status}, 'started', 'started');
is($j->{delivery}, 'event-1', 'delivery');
is_deeply($j->{events}, [{
    provider => 'aws', event => 'codebuild_state', action => 'SUCCEEDED',
    repo => 'api-prod', branch => 'main', commit => $COMMIT, sender => 'ann',
    project => 'api-prod', status => 'succeeded', phase => 'completed',
    build_id => $ID,
}], 'the event');

is(scalar(() = $cb->builds('api-smoke')), 1,
   'the build that was started before');

$r = report('/builds', state_event('IN_PROGRESS'));

is($r->json->{status}, 'ignored', 'a build that began');
is($r->json->{rules}[0]{failed}, 'status', 'what failed');
is($r->json->{rules}[0]{got}, 'in_progress', 'its value');

ok(wait_for(sub { $t->read_file('facts.log') =~ /ignored/ }), 'logged');
like($t->read_file('facts.log'), qr/\|ignored\|api-prod\|\Q$ID\E$/m,
     'the build of the event, where none was started');

# a message of SNS: the event is in it

my $sns = { Type => 'Notification', MessageId => 'message-1',
            TopicArn => 'arn:aws:sns:us-east-1:123456789012:builds',
            Message => json(state_event('STOPPED')) };

$r = report('/receive', $sns);

is($r->json->{delivery}, 'event-1', 'delivery of a message');
is($r->json->{events}[0]{event}, 'codebuild_state', 'its event');
is($r->json->{events}[0]{status}, 'stopped', 'its status');

$sns->{Message} = 'Hello';
$r = report('/receive', $sns);

is($r->json->{delivery}, 'message-1', 'delivery of another message');
is_deeply($r->json->{events}, [{ provider => 'aws',
                                 event => 'sns_Notification' }], 'its event');

$r = report('/receive', $sns, 'X-Amz-Sns-Message-Type'
            => 'SubscriptionConfirmation');

is($r->status, 400, 'a header that disagrees');

$r = http_post('/receive', json($sns),
               'Content-Type' => 'text/plain; charset=UTF-8',
               sign_token($SECRET));

is($r->status, 415, 'a text is for the scheme of SNS alone');


###############################################################################
# rules


my %api = (project => 'api', build_id => 'api:1');

is(fires({ %api, status => 'succeeded' }), 'done script', 'a build');
is(fires({ %api, status => 'SUCCEEDED', phase => 'POST_BUILD' }),
   'done script', 'its last phase');
is(fires({ %api, status => 'succeeded', phase => 'install' }),
   'begun script', 'a phase is no build');
is(fires({ %api, status => 'succeeded', phase => 'test' }),
   'begun script tested', 'a phase of a rule');
is(fires({ %api, status => 'failed', phase => 'test' }),
   'api-log api-undo script', 'a phase that failed');
is(fires({ %api, status => 'started' }), 'begun script', 'a build began');
is(fires({ %api }), 'script', 'nothing said');

is(fires(state_event('FAULT')), 'api-prod-undo', 'a fault');
is(fires(state_event('STOPPED', 'source-version' => 'refs/heads/main')),
   'main', 'a branch');
is(fires(phase_event('BUILD', 'SUCCEEDED')), 'begun', 'a phase of AWS');
is(fires(phase_event('TEST', 'SUCCEEDED')), 'begun tested',
   'a phase of AWS that a rule names');
is(fires(phase_event('BUILD', 'FAILED')), 'begun',
   'a phase that failed: its build will be told of');

is(fires({ 'detail-type' => 'X', source => 'aws.ecs', detail => {} }), 'not',
   'another service');


###############################################################################
# refused


my $begin = 'project=api-prod&build_id=1';

refused('build_id=1&status=failed', qr/^project is missing/, 'no project');
refused('project=a&status=failed', qr/^build_id is missing/, 'no build_id');
refused({ project => 'a', status => 'failed' }, qr/^build_id is missing/,
        'no build_id in JSON');
refused("$begin&status=great", qr/^status is none of/, 'no status');
refused("$begin&phase=a+b", qr/^phase is not/, 'no phase');
refused("$begin&duration=long", qr/^duration is not/, 'no duration');
refused("$begin&url=file:///etc", qr/^url is not/, 'no URL');
refused("$begin&build_id=2", qr/twice/, 'twice');
refused("$begin&message=%ff", qr/UTF-8/, 'not in UTF-8');
refused("$begin&message=%zz", qr/escape/, 'a bad escape');
refused('a=1', qr/neither/, 'another form');
refused({ project => 'a', build_id => 1, status => 'failed' },
        qr/^build_id is not a string/, 'a number');

is(http_post('/builds', $begin, sign_token('wrong'), 'Content-Type'
             => 'application/x-www-form-urlencoded')->status, 403,
   'another token');

# JSON that was signed is no form, whatever the unsigned content type

my $json = push_branch(message => 'x&project=api&build_id=1'
                       . '&status=succeeded&');

$r = http_post('/hmac', $json, sign_hmac($SECRET, $json),
               'Content-Type' => 'application/x-www-form-urlencoded');

is($r->status, 400, 'JSON as a form');
like($r->json->{reason}, qr/begin/, 'JSON as a form, reason');

is(scalar(() = $cb->builds('api-smoke')), 1, 'no build of what was refused');

unlike($t->error_log(), qr/\Q$SECRET\E/, 'no secret in the log');

$t->done();
