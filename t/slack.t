#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_slack and deploy_notify: messages of builds that were started, or
# were not, with the token of a bot.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Time::HiRes qw(time);


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('static.txt', 'static');

$t->run(<<'EOF');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;
    deploy_notify    slack;

    deploy_transport {
        proxy_read_timeout 2s;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/github.secret;

        location = /hooks {
            deploy_build  api-prod repo=acme/api branch=main;
            deploy_build  api-two  repo=acme/api branch=two;
            deploy_build  api-2    repo=acme/api branch=two;
            deploy_build  api-tag  on=tag;
        }

        location = /oncall {
            deploy_build   api-main branch=main;
            deploy_build   fault-AccessDeniedException branch=denied;
            deploy_build   fault-500 branch=down;

            deploy_notify  slack channel=C0ONCALL status=rejected;
            deploy_notify  slack channel=C0ONCALL status=rejected project=f**;
            deploy_notify  slack on=merge branch!=main;
            deploy_notify  slack channel=C0NEVER on=push;
            deploy_notify  slack channel=C0NEVER on=tag,release;
            deploy_notify  slack channel=C0NEVER on!=merge;
            deploy_notify  slack channel=C0NEVER branch=other;
            deploy_notify  slack channel=C0NEVER project=api-other;
            deploy_notify  slack channel=C0NEVER if=$arg_never;
            deploy_notify  slack channel=C0BUILD on=build status=started
                           branch=~(m)ain if=$arg_told;
        }

        # a channel of its own for each of them, so that none waits

        location = /trouble {
            deploy_build   api-prod;

            deploy_notify  slack channel=C0T1 branch=t1;
            deploy_notify  slack channel=C0T2 branch=t2;
            deploy_notify  slack channel=C0T3 branch=t3;
            deploy_notify  slack channel=C0T4 branch=t4;
            deploy_notify  slack channel=C0T5 branch=t5;
            deploy_notify  slack channel=C0T6 branch=t6;
            deploy_notify  slack channel=C0T7 branch=t7;
        }

        location = /silent {
            deploy_build   api-silent branch=main;
            deploy_notify  off;
        }

        location /static {
            deploy_verify off;
            alias %%TESTDIR%%/;
        }
    }
}
EOF


sub deliver_merge {
    my ($uri, %facts) = @_;

    my $r = deliver($uri, 'pull_request', merge(%facts));

    return $r;
}


sub fields {
    my ($message) = @_;

    my %fields;

    for my $block (@{ $message->{attachments}[0]{blocks} }) {
        for my $field (@{ $block->{fields} || [] }) {
            $fields{$1} = $2 if $field->{text} =~ /^\*(.+?)\*\n(.*)\z/s;
        }
    }

    return \%fields;
}


# a build that is started

my $r = deliver_merge('/hooks', title => 'Fix <it> & *that*',
                      sender => 'ann_b');

is($r->status, 200, 'a merge');

my ($build) = $cb->builds('api-prod');
my $message = $slack->wait_message(sub { 1 });

is($message->{channel}, 'C0DEPLOYS', 'channel');
like($message->{text}, qr/^:rocket:[ ]\*<https:\/\/us-east-1[^|]+\|api-prod>\*
                          [ ]started:[ ]acme\/api,[ ]`main`\z/x, 'headline');
is($message->{attachments}[0]{color}, '#3aa3e3', 'color');

my $fields = fields($message);

is($fields->{Repository}, '<https://example.com/acme/api|acme/api>',
   'repository');
is($fields->{Branch}, '<https://example.com/acme/api/tree/main|main>',
   'branch');
is($fields->{Commit}, "<https://example.com/acme/api/commit/$COMMIT|"
   . substr($COMMIT, 0, 10) . '>', 'commit');
is($fields->{Author}, '<https://example.com/ann_b|ann_b>', 'author');
is($fields->{'Pull request'}, '<https://example.com/acme/api/pull/7|#7> '
   . "Fix &lt;it&gt; &amp; \x{2217}that\x{2217}", 'pull request');
is($fields->{'Started by'}, 'merge', 'what started it');
like($fields->{Build}, qr/\|#1>\z/, 'number');
like($message->{attachments}[0]{blocks}[-1]{elements}[0]{text},
     qr/^`\Q$build->{id}\E`/, 'id');

# two at once, one after the other

deliver_merge('/hooks', branch => 'two');
$slack->wait_messages(3);

my ($one, $two) = grep { $_->{text} =~ /`two`/ } $slack->messages();

isnt($one->{ts}, $two->{ts}, 'two builds, two messages');
cmp_ok($two->{time} - $one->{time}, '>=', 0.5, 'not at once');

# a tag has no branch

deliver('/hooks', 'push', push_tag('v1.0'));
$message = $slack->wait_message(sub { $_[0]{text} =~ /api-tag/ });
is(fields($message)->{Tag}, 'v1.0', 'a tag');

# a build that CodeBuild refuses, told in the channels that want it

my $n = $slack->messages();

$r = deliver_merge('/oncall', branch => 'denied');
is($r->status, 502, 'refused');

$message = $slack->wait_message(sub { $_[0]{channel} eq 'C0ONCALL' });
like($message->{text}, qr/^:no_entry:[ ]\*fault-AccessDeniedException\*
                          [ ]was[ ]not[ ]started/x, 'headline');
is($message->{attachments}[0]{color}, '#e01e5a', 'color');
like($message->{attachments}[0]{blocks}[1]{text}{text},
     qr/^```User: arn.*not authorized/, 'why');
unlike(JSON::PP::encode_json($message->{body}), qr/"button"/, 'no button');

$slack->wait_messages($n + 2);
is(scalar $slack->messages('C0ONCALL'), 1, 'once in a channel');

# not reached counts, too: without a store nobody tries again

$r = deliver_merge('/oncall', branch => 'down');
is($r->status, 503, 'CodeBuild is down');

$message = $slack->wait_message(sub { $_[0]{text} =~ /fault-500/ });
like($message->{text}, qr/was not started/, 'told');

# "on" of the build's cause, "on=build", captures, variables

deliver_merge('/oncall?told=1', branch => 'main', number => 8);
$message = $slack->wait_message(sub { $_[0]{channel} eq 'C0BUILD' });
like($message->{text}, qr/api-main/, 'on=build');

deliver_merge('/silent');
deliver_merge('/hooks', number => 9);
$slack->wait_message(sub { (fields($_[0])->{'Pull request'} || '')
                           =~ /#9/ });

is(scalar(grep { $_->{text} =~ /api-silent/ } $slack->messages()), 0,
   'deploy_notify off');
is(scalar $slack->messages('C0NEVER'), 0, 'conditions that do not hold');


###############################################################################
# Slack in trouble


sub trouble {
    my ($n, @faults) = @_;

    $slack->fault('chat.postMessage', @faults);

    my $r = deliver_merge('/trouble', branch => "t$n");
    is($r->json->{status}, 'started', "build $n is started");
}


sub told {
    my ($n) = @_;

    return $slack->wait_message(sub { $_[0]{channel} eq "C0T$n" }, 15);
}


trouble(1, { fault => 429, retry_after => 2 });
my $start = time();
ok(told(1), 'too many messages');
cmp_ok(time() - $start, '>', 1.5, 'Retry-After');

trouble(2, 'error:fatal_error', 'reset');
ok(told(2), 'several failures');

trouble(3, 'error:channel_not_found');
ok($t->wait_log(qr/\[error\].*did[ ]not[ ]tell[ ]Slack.*channel[ ]"C0T3":
                   [ ]status[ ]200,[ ]refused[ ]by[ ]Slack,
                   [ ]channel_not_found,[ ]given[ ]up/x), 'given up');

# an answer that is lost: told twice is better than not at all

trouble(4, 'badjson');
ok(wait_for(sub { $slack->messages('C0T4') == 2 }, 'a repetition', 15),
   'an answer is lost');

# all of this touches nothing else

trouble(5, 'hang');
wait_for(sub { grep { ($_->{fault} || '') eq 'hang' } $slack->requests() },
         'the message that hangs');
$start = time();
is(http_get('/static/static.txt')->body, 'static', 'a static file');
cmp_ok(time() - $start, '<', 1, 'at once');

$slack->stop();
trouble(6);
ok($t->wait_log(qr/did not tell Slack.*channel "C0T6": status 0, no reply/),
   'no Slack at all');

$slack->start();
ok(told(6), 'it is told afterwards');
ok(told(5), 'as is what hung');

# a reload repeats nothing, and what is to be told yet is told

trouble(7, 500);
ok($t->reload(), 'reload');
ok(told(7), 'told after the reload');

# the answer of one was lost

my %seen;

for my $message ($slack->messages()) {
    my $context = $message->{attachments}[0]{blocks}[-1]{elements}[0]{text};
    $seen{$1}++ if $context =~ /^`(.*?)`/;
}

is(scalar(grep { $seen{$_} > 1 } keys(%seen)), 1, 'each build is told once');

$t->stop();

my $log = $t->error_log();
my $token = $slack->token();

unlike($log, qr/\Q$token\E/, 'no token in the log');

$t->done();
