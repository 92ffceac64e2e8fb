#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_slack with an incoming webhook: a message for each state.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

$t->write_file('github.secret', "$SECRET\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     webhook_file=%%TESTDIR%%/slack.webhook
                     endpoint=%%SLACK%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify  github %%TESTDIR%%/github.secret;
            deploy_build   api-prod repo=acme/api branch=main;
            deploy_build   api-none repo=acme/api branch=none;
            deploy_notify  slack branch=main;
            deploy_notify  slack branch=main project=api-prod;
        }
    }
}
EOF


sub deliver_merge { return deliver('/hooks', 'pull_request', merge(@_)) }


deliver_merge(branch => 'none');
deliver_merge(number => 1);

$slack->wait_messages(1);

my ($message) = $slack->messages();

like($message->{text}, qr/^:rocket: \*<\S+\|api-prod>\* started/, 'a message');
is($message->{target}, $slack->webhook(), 'at the webhook');
ok(!exists $message->{body}{channel}, 'no channel');

# faults are told by statuses, with a word

$slack->fault('webhook', 500, { fault => 429, retry_after => 1 });
deliver_merge(number => 2);
ok($slack->wait_messages(2, 15), 'after two failures');

$slack->fault('webhook', 'error:channel_is_archived');
deliver_merge(number => 3);
$t->wait_log(qr/\[error\].*status 400, refused by Slack, channel_is_archived/);

deliver_merge(number => 4);
ok($slack->wait_messages(3), 'the next one');

is(scalar $slack->messages(), 3, 'each once');
is(scalar(grep { $_->{text} !~ /`main`/ } $slack->messages()), 0,
   'conditions');

$t->stop();

my $webhook = $slack->webhook();

unlike($t->error_log(), qr/\Q$webhook\E/, 'no webhook in the log');

$t->done();
