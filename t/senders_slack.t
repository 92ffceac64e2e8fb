#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What the rules get to see of requests of Slack.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_dry_run on;

    log_format facts '$deploy_provider|$deploy_delivery|$deploy_event|'
                     '$deploy_action|$deploy_sender|$deploy_target|'
                     '$deploy_user|$deploy_channel|$deploy_project';

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /slack {
            access_log %%TESTDIR%%/facts.log facts;

            deploy_verify slack %%TESTDIR%%/secret;

            deploy_build ann on=command target=api user=U1,U2;
            deploy_build ops on=command channel=C1 command=/deploy;
            deploy_build acme on=command team=T1 target=web;
        }
    }
}
EOC


my $logged = 0;

# the line of the access log

sub facts {
    my ($body, $type) = @_;

    http_post('/slack', $body, sign_slack($SECRET, $body), 'Content-Type'
              => $type || 'application/x-www-form-urlencoded');

    my @lines;

    wait_for(sub {
        @lines = split(/\n/, $t->read_file('facts.log'));
        return @lines > $logged;
    });

    $logged = @lines;

    return $lines[-1];
}

sub command {
    my ($text, %more) = (@_);
    my %form = (token => 'x', team_id => 'T1', channel_id => 'C2',
                user_id => 'U1', user_name => 'ann', command => '/deploy',
                text => $text, trigger_id => '13.37.aa', %more);

    return join('&', map {
        my $value = $form{$_};
        $value =~ s/([^A-Za-z0-9.])/sprintf('%%%02X', ord($1))/ge;
        "$_=$value";
    } sort keys %form);
}


my $begin = 'slack|13.37.aa|slack_command||ann';

is(facts(command('api release/2')), "$begin|api|U1|C2|ann", 'a target');
is(facts(command('api', user_id => 'U3')), "$begin|api|U3|C2|", 'a user');
is(facts(command(' web ', channel_id => 'C1')), "$begin|web|U1|C1|ops, acme",
   'two rules');
is(facts(command('web', channel_id => 'C1', command => '/undo')),
   "$begin|web|U1|C1|acme", 'a command');
is(facts(command('web', team_id => 'T2')), "$begin|web|U1|C2|", 'a team');
is(facts(command('help', channel_id => 'C1')), "$begin||U1|C1|",
   'help is no target');
is(facts(command('status api', channel_id => 'C1')), "$begin||U1|C1|",
   'nor is status');

is(facts(command('api') . '&text=web'), 'slack||||||||', 'two texts');
is(facts('{"type":"command","command":"/deploy","user_id":"U1"}',
         'application/json'), 'slack||||||||', 'no command in JSON');

is(facts('payload=%7B%22type%22%3A%22block_actions%22%2C%22user%22%3A%7B%22id'
         . '%22%3A%22U1%22%7D%2C%22channel%22%3A%7B%22id%22%3A%22C1%22%7D%2C'
         . '%22actions%22%3A%5B%7B%22action_id%22%3A%22stop%22%7D%5D%7D'),
   'slack||slack_block_actions|stop|U1||U1|C1|', 'a click');

is(facts('{"type":"event_callback","event_id":"Ev1","event":{"type":'
         . '"app_mention","user":"U1","channel":"C1"}}', 'application/json'),
   'slack|Ev1|slack_event_callback|app_mention|U1||U1|C1|', 'an event');

$t->done();
