#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What nginx -t says of deploy_slack and deploy_notify.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::Deploy;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

my $token = 'xoxb-secret-of-the-bot-0123456789';
my $hook = 'https://hooks.slack.com/services/T0/B0/secret0123456789';

$t->write_file('token', "# the bot\n$token\nanother\n", 0600);
$t->write_file('hook', "$hook\n", 0600);
$t->write_file('open', "$token\n", 0644);
$t->write_file('empty', "# nothing\n", 0600);
$t->write_file('blank', "xoxb and more\n", 0600);
$t->write_file('plain', "http://hooks.slack.com/services/T0/B0/x\n", 0600);
$t->write_file('nourl', "secret0123456789\n", 0600);


# http {} with these directives, and a location with those

sub conf {
    my ($http, $location) = @_;

    $location = '' unless defined $location;

    return <<"EOF";
deploy_region us-east-1;
$http

server {
    listen 127.0.0.1:%%PORT_8080%%;

    location / {
        deploy_verify off;
        deploy_build api-prod;
        $location
    }
}
EOF
}


sub good {
    my ($name, @conf) = @_;

    my ($code, $out) = $t->nginx_t(conf(@conf));

    is($code, 0, $name) or diag($out);
    unlike($out, qr/\[(?:warn|error|emerg)\]/, "$name, no warning");
}


sub bad {
    my ($name, $pattern, @conf) = @_;

    my ($code, $out) = $t->nginx_t(conf(@conf));

    isnt($code, 0, $name);
    like($out, $pattern, "$name, said");
    unlike($out, qr/secret0123456789|secret-of-the-bot/,
           "$name, no secret in it");
}


my $dir = $t->dir();
my $bot = "deploy_slack token_file=$dir/token channel=C0DEPLOYS;";

good('a bot', $bot, 'deploy_notify slack;');
good('channels of rules', "deploy_slack token_file=$dir/token;",
     'deploy_notify slack channel=C1 status=failed; '
     . 'deploy_notify slack channel=G2 on=merge,command branch!=main;');
good('a webhook', "deploy_slack webhook_file=$dir/hook; deploy_notify slack;");
good('an endpoint', "deploy_slack webhook_file=$dir/hook"
     . ' endpoint=http://127.0.0.1:9000; deploy_notify slack;');
good('off', "$bot deploy_notify slack;", 'deploy_notify off;');
good('a relative path', 'deploy_slack token_file=token channel=D1;',
     'deploy_notify slack;');

my ($code, $out) = $t->nginx_t(conf($bot));
is($code, 0, 'nothing to be told');
like($out, qr/\[warn\].*"deploy_slack" in .*:\d+ is not used/, 'a warning');

bad('no slack', qr/"deploy_notify slack" needs "deploy_slack" in \S+:\d+/,
    '', 'deploy_notify slack;');
bad('no channel', qr/needs a "channel", here or in "deploy_slack"/,
    "deploy_slack token_file=$dir/token;", 'deploy_notify slack;');
bad('a channel of a webhook', qr/but a webhook has one of its own in \S+:\d+/,
    "deploy_slack webhook_file=$dir/hook;",
    'deploy_notify slack channel=C1;');
bad('a channel with a webhook', qr/a webhook has a channel of its own/,
    "deploy_slack webhook_file=$dir/hook channel=C1;");
bad('a name', qr/"channel=#general" is no id of a channel/,
    "deploy_slack token_file=$dir/token channel=#general;");
bad('a name', qr/"channel=general" is no id of a channel/, $bot,
    'deploy_notify slack channel=general;');
bad('two channels', qr/"channel=C2" is duplicate/, $bot,
    'deploy_notify slack channel=C1 channel=C2;');
bad('twice', qr/"deploy_slack" directive is duplicate/, "$bot $bot");
bad('both', qr/needs either "token_file=" or "webhook_file="/,
    "deploy_slack token_file=$dir/token webhook_file=$dir/hook;");
bad('neither', qr/needs either "token_file=" or "webhook_file="/,
    'deploy_slack channel=C1;');
bad('a parameter', qr/invalid parameter "token=x" of "deploy_slack"/,
    'deploy_slack token=x;');
bad('no file', qr/secret file .* cannot be opened/,
    "deploy_slack token_file=$dir/none channel=C1;");
bad('an open file', qr/is readable by everybody/,
    "deploy_slack token_file=$dir/open channel=C1;");
bad('an empty file', qr/is empty/,
    "deploy_slack token_file=$dir/empty channel=C1;");
bad('a blank', qr/has a character that is not allowed/,
    "deploy_slack token_file=$dir/blank channel=C1;");
bad('http', qr/the URL in "\S+plain" /,
    "deploy_slack webhook_file=$dir/plain;");
bad('no URL', qr/the URL in "\S+nourl" /,
    "deploy_slack webhook_file=$dir/nourl;");
bad('an endpoint over http', qr/endpoint "http:\/\/slack.com" /,
    "deploy_slack webhook_file=$dir/hook endpoint=http://slack.com;");
bad('an endpoint with a path', qr/must be scheme, host and port alone/,
    "deploy_slack webhook_file=$dir/hook endpoint=https://slack.com/x;");
bad('another target', qr/unknown target "mail" of "deploy_notify"/, $bot,
    'deploy_notify mail;');
bad('a condition', qr/condition "colour=red" /, $bot,
    'deploy_notify slack colour=red;');
bad('off and on', qr/"deploy_notify" directive is duplicate/, $bot,
    'deploy_notify off; deploy_notify slack;');
bad('on and off', qr/"deploy_notify" directive is duplicate/, $bot,
    'deploy_notify slack; deploy_notify off;');
bad('in a location', qr/"deploy_slack" directive is not allowed here/, '',
    $bot);

# "notify" of projects

good('a project', "$bot deploy_project api-prod { notify slack channel=C1 "
     . 'status=failed; notify slack; }');
good('a project that is silent', "$bot deploy_notify slack; "
     . 'deploy_project api-prod { notify off; }');

bad('no slack for a project', qr/"notify slack" needs "deploy_slack" in \S+:/,
    'deploy_project api-prod { notify slack; }');
bad('no channel of a project', qr/"notify slack" needs a "channel", here or/,
    "deploy_slack token_file=$dir/token; "
    . 'deploy_project api-prod { notify slack; }');
bad('another target of a project', qr/unknown target "mail" of "notify"/,
    "$bot deploy_project api-prod { notify mail; }");
bad('a condition of a project', qr/condition "colour=red" /,
    "$bot deploy_project api-prod { notify slack colour=red; }");
bad('a channel of a project', qr/"channel=x" is no id of a channel/,
    "$bot deploy_project api-prod { notify slack channel=x; }");
bad('off and on in a project',
    qr/"notify" is duplicate in "deploy_project api-prod"/,
    "$bot deploy_project api-prod { notify off; notify slack; }");
bad('nothing', qr/unknown or malformed "notify" in "deploy_project api-prod"/,
    "$bot deploy_project api-prod { notify; }");

done_testing();
