#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The command "stop" and the buttons of messages: who may stop and repeat which
# build, what AWS says, and what is told of it.

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

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('slack.secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "a token of the builds\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;
    deploy_notify    slack;

    map $deploy_user $operator {
        U7  1;
    }

    deploy_project api-prod {
        env OF_COMMIT $deploy_commit;
        env OF_USER   $deploy_user;
        env OF_SENDER $deploy_sender;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  api-prod branch=main;
            deploy_build  api-prod branch=dev;
            deploy_build  web-prod branch=web;
            deploy_build  ops-prod branch=ops;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
        }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/slack.secret;

            deploy_build  api-prod on=command target=api user=U1 branch=main;
            deploy_build  api-prod on=command target=api user=U2 channel=C2;
            deploy_build  web-prod on=command target=web team=T1 user=U1,U4;
            deploy_build  $1-prod  on=command target=~(.+) user=U5;
            deploy_build  $deploy_target on=command user=U6;
            deploy_build  api-prod on=command if=$operator;
            deploy_build  api-prod on=push user=U8;
            deploy_build  free     on=command user=U1;
            deploy_build  gone     on=command user=U1;
        }

        location = /dry {
            deploy_verify  slack %%TESTDIR%%/slack.secret;
            deploy_build   web-prod on=command;
            deploy_dry_run on;
        }
    }
}
EOC


my $number = 0;

sub start_build {
    my ($branch) = @_;

    my $r = deliver('/hooks', 'pull_request',
                    merge(branch => $branch, number => ++$number));

    return $r->json->{builds}[0]{id};
}


sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    return http_post('/builds', JSON::PP::encode_json({
                         project => $project, build_id => $id, %fields }),
                     Authorization => 'Bearer a token of the builds');
}


sub told {
    my ($path) = @_;

    my @found;

    wait_for(sub {
        @found = grep { $_->{target} =~ m{^/\w+/\Q$path\E\z} }
                 $slack->messages('response');
    }, "a message to $path", 15);

    return @found ? $found[0]{body} : {};
}


sub stopped {
    my ($id) = @_;

    return scalar(grep { $_ eq $id } $cb->stopped());
}


# the message of a build when it satisfies a pattern

sub wait_text {
    my ($id, $pattern) = @_;

    my $found = $slack->wait_message(sub {
        return JSON::PP::encode_json($_[0]{attachments} || []) =~ /\Q$id\E/
               && $_[0]{text} =~ $pattern;
    }, 15);

    ok($found, "a message: $pattern");

    return JSON::PP::encode_json($found ? $found->{attachments} : []);
}


# a build is stopped

my $id = start_build('main');

like(wait_text($id, qr/started/), qr/"action_id":"deploy_stop"/, 'a button');

is(answer(command("stop $id")), "`$id` was stopped.", 'stop');
is(stopped($id), 1, 'it was stopped');

my $message = wait_text($id, qr/was stopped: acme/);

like($message, qr/"action_id":"deploy_retry"/, 'its message has "Retry"');
unlike($message, qr/deploy_stop/, 'and no "Stop"');

is(answer(command("stop $id")), "`$id` is over already: it was stopped",
   'once more');
is(stopped($id), 1, 'AWS was not asked again');

my ($request) = grep { ($_->{operation} || '') eq 'StopBuild' }
                $cb->requests();
is($request->{body}, qq({"id":"$id"}), 'the request');

# who may not

my $main = start_build('main');
my $dev = start_build('dev');
my $web = start_build('web');
my $ops = start_build('ops');

sub refused {
    my ($name, $build, %who) = @_;

    is(answer(command("stop $build", %who)),
       "`$build` was not stopped: you may not start it here, so you may not"
       . ' stop it.', $name);
}

refused('another branch than the rule has', $dev);
refused('another user', $main, user_id => 'U3');
refused('another channel', $main, user_id => 'U2');
refused('another team', $web, user_id => 'U4', team_id => 'T2');
refused('no rule for the project', $ops);
refused('a rule whose project is a capture', $main, user_id => 'U5');
refused('a rule whose project is a variable', $main, user_id => 'U6');
refused('a rule for pushes', $main, user_id => 'U8');
refused('an unknown build of a branch', 'api-prod:0c5c3d6e-1f5a');
refused('an unknown project', 'none:0c5c3d6e-1f5a');

is(scalar $cb->stopped(), 1, 'none of them was');

# who may

is(answer(command("stop $main", user_id => 'U7')), "`$main` was stopped.",
   'a condition on a variable');
is(answer(command("stop $dev", user_id => 'U2', channel_id => 'C2')),
   "`$dev` was stopped.", 'any branch');

# what a command started is known by its target, so captures yield it

my $r = command('deploy-x', user_id => 'U5');
my ($build) = $cb->builds('deploy-x-prod');

is(answer(command("stop $build->{id}", user_id => 'U5')),
   "`$build->{id}` was stopped.", 'what he started himself');

# what AWS says

is(answer(command('stop free:0c5c3d6e-1f5a')),
   '`free:0c5c3d6e-1f5a` was not stopped: CodeBuild knows no such build',
   'an unknown build');

$cb->fault('StopBuild', 'AccessDeniedException');
like(answer(command("stop $web")), qr/^`\Q$web\E` was not stopped: User: arn/,
     'denied');

$cb->over($web, 'SUCCEEDED');
is(answer(command("stop $web")), "`$web` is over already: it succeeded",
   'too late');
wait_text($web, qr/succeeded/);

$web = start_build('web');

is(answer(command("stop $web", uri => '/dry')),
   "`$web` would be stopped: this is a dry run.", 'a dry run');

$cb->fault('StopBuild', { fault => 'late', seconds => 2.5 });

my $start = time();

is(answer(command("stop $web", response => 'T1/late')),
   'This takes longer, the result follows.', 'slow');
cmp_ok(time() - $start, '<', 2.9, 'within three seconds');
is(told('T1/late')->{text}, "`$web` was stopped.", 'told later');
wait_text($web, qr/was stopped/);

is(answer(command('why x')), 'Nothing is kept of deliveries here: the'
   . ' configuration has no `deploy_store`.', 'why without a store');
like(answer(command('status web')), qr/web-prod>\* was stopped/,
     'status without a store');


###############################################################################
# buttons


sub clicked {
    my ($name, @click) = @_;

    my $r = click(@click);

    is($r->status, 200, $name);
    is($r->body, '', 'an empty answer');
}

$id = start_build('main');

clicked('Stop', 'deploy_stop', $id, response => 'T1/stop');
is(told('T1/stop')->{text}, "`$id` was stopped.", 'told to the user');
is(told('T1/stop')->{response_type}, 'ephemeral', 'alone');
is(stopped($id), 1, 'stopped');

clicked('Stop again', 'deploy_stop', $id, response => 'T1/again');
is(told('T1/again')->{text}, "`$id` is over already: it was stopped",
   'told so');
is(stopped($id), 1, 'once');

clicked('by another', 'deploy_stop', $ops, response => 'T1/other');
like(told('T1/other')->{text}, qr/you may not stop it\.\z/, 'refused');

clicked('an unknown action', 'deploy_explode', $ops) if 0;

is(click('deploy_explode', $ops, response => 'T1/none')->status, 200,
   'an unknown action');
clicked('no value', 'deploy_stop', undef, response => 'T1/none');
clicked('no id', 'deploy_stop', 'x', response => 'T1/none');
clicked('nowhere to tell it', 'deploy_stop', $ops);
is(stopped($ops), 0, 'nothing was stopped');

is(http_post('/slack', 'payload=%7B%7D', 'Content-Type' =>
             'application/x-www-form-urlencoded')->status, 403,
   'no signature');

# the same build again, by somebody else

my $builds = $cb->builds('api-prod');

clicked('Retry', 'deploy_retry', $id, response => 'T1/retry');
like(told('T1/retry')->{text}, qr/^:rocket: \*<\S+\|api-prod>\* started\z/,
     'told to the user');
is(told('T1/retry')->{response_type}, 'ephemeral', 'alone');

is(scalar $cb->builds('api-prod'), $builds + 1, 'a new build');

my ($old) = grep { $_->{id} eq $id } $cb->builds('api-prod');
my $new = ($cb->builds('api-prod'))[-1];

is($new->{request}{sourceVersion}, $old->{request}{sourceVersion},
   'the same commit');
is($new->{env}{OF_COMMIT}, $COMMIT, 'the same facts');
is($new->{env}{OF_SENDER}, 'ann', 'the same author');
is($new->{env}{OF_USER}, 'U1', 'by whom');
isnt($new->{token}, $old->{token}, 'another token');

like(wait_text($new->{id}, qr/started: acme\/api, `main`/),
     qr/merge, again by <\@U1>/, 'its message');

is(told("T1/retry")->{replace_original}, JSON::PP::false, 'the old one stays');

clicked('Retry of what runs', 'deploy_retry', $new->{id},
        response => 'T1/runs');
is(told('T1/runs')->{text},
   "`$new->{id}` was not started again: it has not ended.", 'refused');

report($new->{id}, status => 'failed');

clicked('Retry by another', 'deploy_retry', $new->{id}, user_id => 'U3',
        response => 'T1/who');
is(told('T1/who')->{text}, "`$new->{id}` was not started again: you may not"
   . ' start it here.', 'refused');

clicked('Retry of what is not known', 'deploy_retry', 'free:0c5c3d6e',
        response => 'T1/free');
like(told('T1/free')->{text}, qr/what started it is not known any more/,
     'refused');

# AWS says no

$cb->fault('api-prod', 'AccessDeniedException');
clicked('Retry', 'deploy_retry', $new->{id}, response => 'T1/denied');
like(told('T1/denied')->{text}, qr/^:no_entry: \*api-prod\* was not started: U/,
     'told so');

is(scalar $cb->builds('api-prod'), $builds + 1, 'one new build in all');

# the same request once more, as Slack sends it when the answer is lost

{
    my @sent;
    my $post = \&Test::Deploy::http_post;

    no warnings 'redefine';
    local *Test::Deploy::Command::http_post = sub {
        @sent = @_;
        return $post->(@_);
    };

    clicked('Retry', 'deploy_retry', $new->{id}, response => 'T1/twice');
    like(told('T1/twice')->{text}, qr/started/, 'started');
    is($post->(@sent)->body, '', 'the same once more');
}

is(scalar $cb->builds('api-prod'), $builds + 2, 'one build');

$t->expect(qr/deploy did not (?:start|stop)/);

$t->done();
