#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Commands of Slack: what they start, and what their users are told.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Time::HiRes qw(time);

use Test::More;
use Test::Deploy;
use Test::Deploy::Command;
use Test::Deploy::Payload;
use Test::Deploy::Sign;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

$t->write_file('slack.secret', "$SECRET\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;

    deploy_transport {
        proxy_read_timeout 4s;
    }

    deploy_project api-docs {
        notify slack channel=C0DOCS;
    }

    deploy_project api-main {
        notify off;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /slack {
            deploy_verify slack %%TESTDIR%%/slack.secret;

            deploy_build  api-prod on=command target=api user=U1,U2;
            deploy_build  api-docs on=command target=api channel=C2;
            deploy_build  api-main on=command target=web branch=main;
            deploy_build  $deploy_target on=command target=fault-*;

            deploy_notify slack;
        }

        location = /events {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            deploy_build  api-event on=any event=slack_event_callback;
        }

        location = /both {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            deploy_verify token %%TESTDIR%%/slack.secret;
            deploy_build  api-both on=any;
        }

        location = /page {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            empty_gif;
        }

        location = /other {
            deploy_verify token %%TESTDIR%%/slack.secret;
            deploy_build  api-both on=any;
        }

        location = /dry {
            deploy_verify  slack %%TESTDIR%%/slack.secret;
            deploy_build   api-prod on=command target=api;
            deploy_dry_run on;
        }
    }
}
EOF


like(answer(command('api'), 'in_channel'),
     qr/^:rocket: \*<https:\S+\|api-prod>\* started\z/, 'a target');

my ($build) = $cb->builds('api-prod');
ok(!exists $build->{request}{sourceVersion}, 'the default version');

my ($message) = $slack->wait_messages(1) ? $slack->messages() : ();
like(JSON::PP::encode_json($message->{attachments}),
     qr/command of <\@U1>/, 'what started it');

# again: two equal commands are two builds

answer(command('api'), 'in_channel');
is(scalar $cb->builds('api-prod'), 2, 'another build');

answer(command('api release/2'), 'in_channel');
is(($cb->builds('api-prod'))[-1]{request}{sourceVersion}, 'release/2',
   'a branch');

answer(command("api $COMMIT"), 'in_channel');
is(($cb->builds('api-prod'))[-1]{request}{sourceVersion}, $COMMIT,
   'a commit');

like(answer(command('api main', channel_id => 'C2'), 'in_channel'),
     qr/api-prod.*\n.*api-docs/, 'two builds');

# "notify" of the projects

ok($slack->wait_message(sub { $_[0]{channel} eq 'C0DOCS' }),
   'a channel of the project');
is(scalar(grep { JSON::PP::encode_json($_->{attachments}) =~ /api-docs/ }
          $slack->messages('C0DEPLOYS')), 0, 'and no other one');

answer(command('web main'), 'in_channel');
is(scalar $cb->builds('api-main'), 1, 'a rule for a branch');

# who may not, or mistypes

my $builds = $cb->builds();
my $refused = 'There is no deployment `%s` here that you may start.';

is(answer(command('api', user_id => 'U3')), sprintf($refused, 'api'),
   'another user');
is(answer(command('web other')), sprintf($refused, 'web'), 'another branch');
is(answer(command('none')), sprintf($refused, 'none'), 'no such target');
like(answer(command('api main now')), qr/^Too many words/, 'too many words');
like(answer(command('api --upload-pack=x')), qr/^That is no branch/, 'no ref');
like(answer(command('<!channel> `*x*`')), qr/^That is no name of a target/,
     'no target');
like(answer(command('')), qr/^`TARGET \[REF\]` starts/, 'nothing');
like(answer(command('Help')), qr/^`TARGET \[REF\]` starts/, 'help');
like(answer(command('stop')), qr/^Which build shall be stopped/, 'stop');
like(answer(command('status web')), qr/^:rocket: [^\n]*api-main[^\n]*\z/,
     'status');

is(scalar $cb->builds(), $builds, 'nothing was started');

# AWS says no, or nothing

like(answer(command('fault-AccessDeniedException')),
     qr/^:no_entry:\ \*fault-AccessDeniedException\*\ was\ not\ started:
        \ User:\ arn/x, 'denied');

my $start = time();
like(answer(command('fault-hang')),
     qr/may be started yet: CodeBuild has not answered so far/, 'too slow');
cmp_ok(time() - $start, '<', 2.9, 'within three seconds');

like(answer(command('api', uri => '/dry')), qr/this is a dry run/, 'dry run');

# a signature is wanted

my $r = http_post('/slack', 'command=/deploy&text=api&user_id=U1',
                  'Content-Type' => 'application/x-www-form-urlencoded');
is($r->status, 403, 'no signature');

# handshakes

my $body = '{"type":"url_verification","token":"x","challenge":"3eZbrw<>"}';
$r = http_post('/slack', $body, sign_slack($SECRET, $body));
is($r->status, 200, 'url_verification');
is_deeply($r->json, { challenge => '3eZbrw<>' }, 'the challenge');

# a look at the certificate, signed or not: nothing else is looked at

$builds = $cb->builds();

my %form = ('Content-Type' => 'application/x-www-form-urlencoded');

for my $body ('ssl_check=1&token=x&command=/deploy&text=api&user_id=U1',
              'ssl_check=1', 'token=x&ssl_check=%31',
              'ssl_check=1&payload={"type":"event_callback"}')
{
    my $unsigned = http_post('/slack', $body, %form);

    is($unsigned->status, 200, "unsigned: $body");
    is($unsigned->body, '', 'an empty answer');
    is(http_post('/both', $body, %form)->status, 200, 'one of two schemes');

    next if $body =~ /payload/;

    $r = http_post('/slack', $body, sign_slack($SECRET, $body), %form);
    is($r->status, 200, 'signed');
    is($r->body, '', 'an empty answer');
}

my $check = 'ssl_check=1&token=x';

for (
    ['no check', '/slack', 'token=x'],
    ['another value', '/slack', 'ssl_check=0'],
    ['a longer value', '/slack', 'ssl_check=11'],
    ['an empty value', '/slack', 'ssl_check='],
    ['twice', '/slack', 'ssl_check=1&ssl_check=1'],
    ['a broken form', '/slack', 'ssl_check=1&x=%4'],
    ['JSON', '/slack', '{"ssl_check":1}', 'Content-Type' => 'application/json'],
    ['no form', '/slack', $check, 'Content-Type' => 'text/plain'],
    ['too long', '/slack', $check . '&x=' . 'x' x 5000],
    ['a wrong signature', '/slack', $check,
     sign_slack('another secret that is long', $check)],
    ['another handler', '/page', $check],
    ['another scheme', '/other', $check],
) {
    my ($name, $uri, $body, %headers) = @$_;

    is(http_post($uri, $body, %form, %headers)->status, 403, $name);
}

is(scalar $cb->builds(), $builds, 'nothing was started');

# an event that Slack sends again is a duplicate

$body = JSON::PP::encode_json({
    type => 'event_callback', token => 'x', team_id => 'T1', api_app_id => 'A1',
    event_id => 'Ev0RETRY', event_time => 1700000000,
    event => { type => 'app_mention', user => 'U1', text => 'deploy',
               channel => 'C1', ts => '1700000000.000100' } });

$r = http_post('/events', $body, sign_slack($SECRET, $body));
is($r->json->{status}, 'started', 'an event');

$r = http_post('/events', $body, sign_slack($SECRET, $body),
               'X-Slack-Retry-Num' => '1',
               'X-Slack-Retry-Reason' => 'http_timeout');
is($r->json->{status}, 'duplicate', 'the same again');

http_post('/events', $body, sign_slack($SECRET, $body),
          'X-Slack-Retry-Num' => '2x', 'X-Slack-Retry-Reason' => 'a"b');

is(scalar $cb->builds('api-event'), 1, 'one build');

my $again = qr/deploy\ event\ "Ev0RETRY"\ of\ Slack\ comes\ again:\ retry/x;

like($t->error_log(), qr/$again 1, reason "http_timeout"/, 'logged');
like($t->error_log(), qr/$again -1, reason "unknown"/, 'no words of others');

$t->expect(qr/did not start/);

$t->done();
