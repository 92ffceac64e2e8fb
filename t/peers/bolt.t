#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The same requests for nginx and for Bolt, Slack's own framework: what Bolt
# refuses "deploy_verify slack" refuses, what Slack sends both accept, and both
# read the same from it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib", $FindBin::Bin;

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

use Peer;


binmode(Test::More->builder->$_, ':encoding(UTF-8)')
    for qw(output failure_output todo_output);

needs_node();

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

my $secret = '8f742231b10e8888abcd99yyyzzz85a5';
my $seen = $t->path('bolt.jsonl');
my %ports = (http => Test::Deploy::free_port(),
             express => Test::Deploy::free_port());

$t->write_file('slack.secret', "$secret\n", 0600);
$t->write_file('github.secret', "$SECRET\n", 0600);
$t->helper(Peer->start($t, 'bolt.js', $seen, $secret, @ports{qw(http
                                                               express)}));

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region   us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_slack    token_file=%%TESTDIR%%/slack.token channel=C1
                    endpoint=%%SLACK%%;

    log_format facts escape=json
        '{"event":"$deploy_event","action":"$deploy_action",'
        '"target":"$deploy_target","user":"$deploy_user",'
        '"channel":"$deploy_channel","sender":"$deploy_sender",'
        '"branch":"$deploy_branch","commit":"$deploy_commit"}';

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify slack %%TESTDIR%%/slack.secret;

        location = /gate {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /slack {
            access_log     %%TESTDIR%%/facts.log facts;
            deploy_build   $deploy_target on=command team=T1;
            deploy_dry_run on;
        }

        location = /actions {
            deploy_build   api-prod on=command user=U1;
        }

        location = /hooks {
            deploy_verify  github %%TESTDIR%%/github.secret;
            deploy_build   api-prod;
            deploy_notify  slack;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        return 200;
    }
}
EOF

wait_for(sub { -s $seen }, 'Bolt', 30);


# 1: the signature is accepted, whatever is made of the request then

sub nginx {
    my ($body, @headers) = @_;

    my $status = http_post('/gate', $body, @headers)->status;

    BAIL_OUT("nginx answered $status") if $status !~ /^(?:200|403)\z/;

    return $status == 200 ? 1 : 0;
}


sub bolt {
    my ($receiver, $body, @headers) = @_;

    my $r = http_post('/slack', $body, @headers,
                      { port => $ports{$receiver} });

    BAIL_OUT('Bolt did not answer') if !$r->status;

    return $r->status == 401 ? 0 : 1;
}


my @form = ('Content-Type' => 'application/x-www-form-urlencoded');

sub verdicts {
    my ($body, @headers) = @_;

    return join(' ', nginx($body, @form, @headers),
                map { bolt($_, $body, @form, @headers) } qw(http express));
}


my $body = form(command => '/deploy', text => 'api', user_id => 'U1',
                user_name => 'ada', team_id => 'T1', channel_id => 'C1',
                response_url => 'https://hooks.slack.com/commands/T1/2/x',
                trigger_id => '1.2.3');
my $now = time();

my %good = sign_slack($secret, $body, $now);
my ($stamp, $mac) = @good{qw(X-Slack-Request-Timestamp X-Slack-Signature)};


sub signed {
    my ($time, $signature) = @_;

    return ((defined $time ? ('X-Slack-Request-Timestamp' => $time) : ()),
            (defined $signature ? ('X-Slack-Signature' => $signature) : ()));
}


###############################################################################
# what Slack sends, and what others could


is(verdicts($body, %good), '1 1 1', 'signed');
is(verdicts($body, sign_slack($secret, $body, $now - 280)), '1 1 1',
   'signed a while ago');

for (
    ['another body', "${body}x", %good],
    ['an empty body', '', %good],
    ['another secret', $body, sign_slack('another secret of 16', $body)],
    ['another time', $body, signed($now - 1, $mac)],
    ['too old', $body, sign_slack($secret, $body, $now - 320)],
    ['no signature', $body, signed($stamp, undef)],
    ['no time', $body, signed(undef, $mac)],
    ['neither', $body],
    ['an empty signature', $body, signed($stamp, '')],
    ['an empty MAC', $body, signed($stamp, 'v0=')],
    ['half of it', $body, signed($stamp, substr($mac, 0, 35))],
    ['more of it', $body, signed($stamp, $mac . '0')],
    ['another version', $body, signed($stamp, 'v1' . substr($mac, 2))],
    ['a time that is no number', $body,
     sign_slack($secret, $body, "${now}x")],
    ['no version', $body, signed($stamp, substr($mac, 3))],
    ['twice', $body, %good, 'X-Slack-Signature' => $mac],
) {
    my ($name, @request) = @$_;

    is(verdicts(@request), '0 0 0', $name);
}

# digits of either case are the same MAC to nginx

is(verdicts($body, signed($stamp, 'v0=' . uc(substr($mac, 3)))), '1 0 0',
   'in upper case, refused by Bolt alone');

# where nginx is stricter

for (
    ['of the future', $body, sign_slack($secret, $body, $now + 600)],
    ['a time with a fraction', $body, sign_slack($secret, $body, "$now.5")],
) {
    my ($name, @request) = @$_;

    is(verdicts(@request), '0 1 1', "$name, refused by nginx alone");
}

# any bytes of a form; then one of them is another one

srand(42);

my ($same, $changed) = (0, 0);

for my $n (1 .. 24) {
    my $text = join('', map { chr(int(rand(0x7ff)) || 1) }
                            1 .. int(rand(300)));
    my $random = form(command => '/deploy', text => $text, user_id => "U$n");

    my @headers = sign_slack($secret, $random);

    $same++ if verdicts($random, @headers) eq '1 1 1';

    my $at = int(rand(length($random)));

    substr($random, $at, 1) = substr($random, $at, 1) eq 'x' ? 'y' : 'x';
    $changed++ if verdicts($random, @headers) eq '0 0 0';
}

is($same, 24, 'texts of any characters');
is($changed, 24, 'one character is another one');


# a look at the certificate, which Slack does not sign; the receiver of Express
# checks the signature first

$body = 'ssl_check=1&token=x';

for my $port (8080, $ports{http}) {
    my $r = http_post('/slack', $body, @form, { port => $port });

    is($r->status . $r->body, '200', 'ssl_check');
}


###############################################################################
# what is read from a command


# the records of both receivers for a request that both accept

my $lines = 0;

sub both {
    my ($request_body, @type) = @_;

    my @headers = (@type, sign_slack($secret, $request_body));
    my $before = () = $t->read_file('facts.log') =~ /\n/g;

    $lines = () = $t->read_file('bolt.jsonl') =~ /\n/g;

    my $r = http_post('/slack', $request_body, @headers);
    is($r->status, 200, 'nginx takes it');

    for my $receiver (qw(http express)) {
        is(http_post('/slack', $request_body, @headers,
                     { port => $ports{$receiver} })->status, 200,
           "Bolt takes it, $receiver");
    }

    wait_for(sub { $before < (() = $t->read_file('facts.log') =~ /\n/g) },
             'a line of the log');

    my @bolt = map { JSON::PP::decode_json($_) }
                   split(/\n/, $t->read_file('bolt.jsonl'));

    return (JSON::PP::decode_json((split(/\n/, $t->read_file('facts.log')))
                                  [-1]), @bolt[$lines .. $#bolt]);
}


for my $text ('api', 'api main', ' api  release/2 ', "api caf\x{e9}-\x{20ac}",
              'api feature/a+b', 'a_b-c.d v1.0%20', '')
{
    my %form = (token => 'gIkuvaNzQIHg97ATvDxqgjtO', command => '/deploy',
                team_id => 'T1', team_domain => 'acme', channel_id => 'C1',
                channel_name => 'deploys', user_id => 'U1',
                user_name => 'ada', text => $text, api_app_id => 'A1',
                is_enterprise_install => 'false',
                response_url => 'https://hooks.slack.com/commands/T1/2/x',
                trigger_id => '13345224609.738474920.8088930838d88f008e0');

    my ($facts, @bolt) = both(form(%form), @form);

    is(scalar @bolt, 2, 'a command for both apps');

    for my $seen (map { $_->{command} } @bolt) {
        is_deeply($seen, \%form, "Bolt: \"$form{text}\"");

        my ($target, $ref) = split(' ', $seen->{text});

        is($facts->{event}, 'slack_command', 'the event');
        is($facts->{target}, defined $target ? $target : '', 'the target');
        is($facts->{branch}, defined $ref ? $ref : '', 'the branch')
            if !defined $ref || $ref =~ /^[\w\/.-]+\z/;
        is($facts->{user}, $seen->{user_id}, 'the user');
        is($facts->{channel}, $seen->{channel_id}, 'the channel');
    }
}


###############################################################################
# a button of a message of ours, as Slack sends it when it is pressed


my $id = deliver('/hooks', 'pull_request', merge())->json->{builds}[0]{id};
my $message = $slack->wait_message(sub { $_[0]{text} =~ /started/ }) || {};
my ($button) = map { @{ $_->{elements} || [] } }
               grep { $_->{type} eq 'actions' }
                    @{ $message->{attachments}[0]{blocks} };

is($button->{action_id}, 'deploy_stop', 'a button') or $button = {};

my %action = (
    type => 'block_actions', api_app_id => 'A1', token => 'x',
    user => { id => 'U1', username => 'ada', name => 'ada',
              team_id => 'T1' },
    container => { type => 'message_attachment', channel_id => 'C1',
                   message_ts => $message->{ts}, attachment_id => 1,
                   is_ephemeral => JSON::PP::false,
                   is_app_unfurl => JSON::PP::false },
    trigger_id => '12466734323.1395872398', team => { id => 'T1',
                                                      domain => 'acme' },
    enterprise => undef, is_enterprise_install => JSON::PP::false,
    channel => { id => 'C1', name => 'deploys' },
    state => { values => {} },
    response_url => 'https://hooks.slack.com/actions/T1/2/x',
    message => { %{ $message->{body} || {} }, type => 'message',
                 ts => $message->{ts}, bot_id => 'B1' },
    actions => [{ %$button, block_id => 'b1',
                  action_ts => '1700000001.000200' }],
);

my $pressed = form(payload => JSON::PP::encode_json(\%action));
my ($facts, @bolt) = both($pressed, @form);

is(scalar @bolt, 2, 'a pressed button for both apps');

for my $seen (@bolt) {
    is($seen->{action}{value}, $id, 'Bolt: its value is the build');
    is($seen->{action}{text}{text}, 'Stop', 'Bolt: its words');
    is($facts->{event}, "slack_$seen->{body}{type}", 'the event');
    is($facts->{action}, $seen->{action}{action_id}, 'the action');
    is($facts->{user}, $seen->{body}{user}{id}, 'the user');
    is($facts->{channel}, $seen->{body}{channel}{id}, 'the channel');
}

# what it is for

is(http_post('/actions', $pressed, sign_slack($secret, $pressed), @form)
   ->status, 200, 'pressed');
ok(wait_for(sub { grep { $_ eq $id } $cb->stopped() }, 'the end of it'),
   'the build is stopped');

$t->done();
