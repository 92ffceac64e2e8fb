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
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Slack;


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

        location = /dry {
            deploy_verify  slack %%TESTDIR%%/slack.secret;
            deploy_build   api-prod on=command target=api;
            deploy_dry_run on;
        }
    }
}
EOF


my $n = 0;

sub command {
    my ($text, %more) = (@_);

    my $uri = delete $more{uri} || '/slack';
    my %form = (token => 'x', team_id => 'T1', channel_id => 'C1',
                user_id => 'U1', user_name => 'ann', command => '/deploy',
                text => $text, trigger_id => '13.37.' . ++$n, %more);

    my $body = join('&', map {
        my $value = $form{$_};
        utf8::encode($value) if utf8::is_utf8($value);
        $value =~ s/([^A-Za-z0-9.])/sprintf('%%%02X', ord($1))/ge;
        "$_=$value";
    } sort keys %form);

    my $r = http_post($uri, $body, sign_slack($SECRET, $body),
                      'Content-Type' => 'application/x-www-form-urlencoded');

    return $r;
}


# the text that is shown, after checks that Slack would make

sub answer {
    my ($r, $type) = @_;

    my $json = $r->json;

    is($r->status, 200, 'always 200');
    is($r->header('content-type'), 'application/json', 'JSON');
    is_deeply([Test::Deploy::Slack::check_message('response', $json)], [],
              'as Slack takes it');
    is($json->{response_type}, $type || 'ephemeral', 'who is shown it');

    return $json->{text};
}


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
like(answer(command('status')), qr/^This gateway cannot do that yet/,
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

$body = 'ssl_check=1&token=x&command=/deploy&text=api&user_id=U1';
$builds = $cb->builds();
$r = http_post('/slack', $body, sign_slack($SECRET, $body),
               'Content-Type' => 'application/x-www-form-urlencoded');
is($r->status, 200, 'ssl_check');
is($r->body, '', 'an empty answer');
is(scalar $cb->builds(), $builds, 'no command');

$t->expect(qr/did not start/);

$t->done();
