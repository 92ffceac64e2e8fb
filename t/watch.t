#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Builds that nobody reports of are asked for, and their messages come to
# their ends.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;


my $t = Test::Deploy->new(workers => 2)->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $eu = $t->codebuild(region => 'eu-central-1');
my $slack = $t->slack();

my $token = 'a token of the builds';

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "$token\n", 0600);

for my $bad ('watch=', 'watch=0', 'watch=x', 'watch=on') {
    my ($code, $out) = nginx_t('deploy_slack channel=C0DEPLOYS '
                               . "token_file=%%TESTDIR%%/slack.token $bad;");

    is($code, 1, $bad);
    like($out, qr/invalid parameter "\Q$bad\E" of "deploy_slack"/,
         "$bad: told");
}


my $conf = <<'EOF';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%STORE%%
    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     %%WHERE%% endpoint=%%SLACK%% watch=%%WATCH%%;

    deploy_project eu {
        region    eu-central-1;
        endpoint  %%CODEBUILD2%%;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_notify slack;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  api branch=main;
            deploy_build  eu branch=eu;
        }

        location = /builds {
            deploy_verify token %%TESTDIR%%/builds.secret;
            deploy_build  next on=build project=api status=succeeded;
            deploy_build  undo on=build project=api status=failed,fault;
        }
    }
}
EOF

$t->var(WHERE => 'token_file=' . $t->path('slack.token')
                 . ' channel=C0DEPLOYS');
$t->var(WATCH => '1500ms');
$t->var(STORE => '');

$t->run($conf);


sub start_build {
    my (%facts) = @_;

    my $r = deliver('/hooks', 'pull_request', merge(%facts));

    return $r->json->{builds}[0]{id};
}

sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    return http_post('/builds', JSON::PP::encode_json({
                         project => $project, build_id => $id, %fields }),
                     Authorization => "Bearer $token");
}

# the calls that asked for a build

sub asked {
    my ($of, $id) = @_;

    return grep { ($_->{operation} || '') eq 'BatchGetBuilds'
                  && grep { $_ eq $id } @{ $_->{json}{ids} } }
           $of->requests();
}

# the message about a build, as soon as its text is like that

sub wait_text {
    my ($id, $pattern, $name) = @_;

    my $found = $slack->wait_message(sub {
        return $_[0]{attachments}[0]{blocks} && $_[0]{text} =~ $pattern
               && JSON::PP::encode_json($_[0]{attachments}) =~ /`\Q$id\E`/;
    }, 20);

    ok($found, $name) or diag(map { "$_->{text}\n" } $slack->messages());

    return JSON::PP::encode_json($found || {});
}


###############################################################################
# what CodeBuild tells


my $died = start_build();
my $gone = start_build();
my $far = start_build(branch => 'eu');
my $slow = start_build();

report($died, phase => 'build', status => 'in_progress');

$cb->change($died, buildStatus => 'FAILED', currentPhase => 'COMPLETED',
    buildComplete => JSON::PP::true, endTime => time(), phases => [
        { phaseType => 'SUBMITTED', phaseStatus => 'SUCCEEDED',
          durationInSeconds => 0 },
        { phaseType => 'BUILD', phaseStatus => 'FAILED',
          durationInSeconds => 61, contexts => [
              { statusCode => 'COMMAND_EXECUTION_ERROR',
                message => 'the machine was out of memory' }] },
        { phaseType => 'COMPLETED' },
    ], logs => { streamName => 's', groupName => 'g',
                 deepLink => 'https://logs.example.com/died' });
$cb->change($gone);
$cb->change($slow, buildStatus => 'IN_PROGRESS', currentPhase => 'BUILD',
    phases => [{ phaseType => 'INSTALL', phaseStatus => 'SUCCEEDED',
                 durationInSeconds => 3 }, { phaseType => 'BUILD' }]);
$eu->change($far, buildStatus => 'SUCCEEDED', currentPhase => 'COMPLETED',
            endTime => time());

my $text = wait_text($died, qr/failed/, 'one that died silently');

like($text, qr/out of memory/, 'what CodeBuild says of it');
like($text, qr/logs\.example\.com/, 'its log');

$text = wait_text($gone, qr/fault/, 'one that CodeBuild has forgotten');
like($text, qr/CodeBuild does not know this build any more/, 'words');

wait_text($far, qr/succeeded/, 'one of another region');

is(scalar(() = $t->find_in_log(qr/\[notice\].*deploy\ asked\ for\ build
                                  \ "\Q$died\E",\ which\ nobody\ had\ reported
                                  \ the\ end\ of:\ it\ is\ failed/x)), 1,
   'in the log');
is(scalar(() = asked($eu, $died)), 0, 'each is asked for where it is');
is((() = $cb->builds('next')) + (() = $cb->builds('undo')), 0,
   'no rule is asked');

# one that goes on is asked for again, until it ends

ok(wait_for(sub { 2 <= (() = asked($cb, $slow)) }, undef, 20),
   'one that goes on');

my $n = () = asked($cb, $died);

$cb->change($slow, buildStatus => 'SUCCEEDED', currentPhase => 'COMPLETED',
            endTime => time());
wait_text($slow, qr/succeeded/, 'it ends');

is(report($died, phase => 'post_build', status => 'succeeded')->status, 200,
   'a late report');
is(scalar(() = $cb->builds('next')), 0, 'starts nothing');
is(scalar(() = asked($cb, $died)), $n, 'what has ended is not asked for');

# not allowed, then allowed

$cb->fault_always('BatchGetBuilds', 'AccessDeniedException');

my $denied = start_build();

ok($t->wait_log(qr/\[error\].*deploy\ cannot\ ask\ for\ "\Q$denied\E"\ and\ 0
                   \ other\ builds\ that\ nobody\ reports\ of:\ refused,
                   \ AccessDeniedException/x, 20), 'denied');

$cb->change($denied, buildStatus => 'STOPPED', currentPhase => 'COMPLETED');
$cb->fault_always('BatchGetBuilds', undef);

wait_text($denied, qr/stopped/, 'allowed');


###############################################################################
# the store knows builds that were started before nginx was


$t->var(STORE => 'deploy_store ' . $t->path('store') . ';');
$t->restart($conf);

my $asleep = start_build();

wait_text($asleep, qr/started/, 'a build that is in the store');
$t->stop();

$cb->change($asleep, buildStatus => 'STOPPED', currentPhase => 'COMPLETED');

$t->run($conf);
wait_text($asleep, qr/stopped/, 'is asked for after a restart');

is(scalar(grep { JSON::PP::encode_json($_->{attachments} || [])
                 =~ /`\Q$asleep\E`/ } $slack->messages()), 1,
   'in the same message');

$t->var(STORE => '');


###############################################################################
# a webhook has a message for the end


$t->var(WHERE => 'webhook_file=' . $t->path('slack.webhook'));
$t->restart($conf);

my $hooked = start_build();

$cb->change($hooked, buildStatus => 'TIMED_OUT', currentPhase => 'COMPLETED');
wait_text($hooked, qr/timed out/, 'a message of a webhook');


###############################################################################
# off


$t->var(WATCH => 'off');
$t->restart($conf);

my $off = start_build();

$cb->change($off, buildStatus => 'FAILED', currentPhase => 'COMPLETED');

# longer than it took before

is(wait_for(sub { scalar(() = asked($cb, $off)) }, undef, 4), undef, 'off');

$t->done();
