package Test::Deploy::Command;

# Copyright (C) ngx_deploy_module authors

# Requests of Slack as its users make them: commands, and buttons pressed.
#
#     my $r = command('api main', user_id => 'U2');
#     like(answer($r), qr/is no deployment/);
#
#     $r = click('deploy_stop', $id, user_id => 'U1');
#
# uri is where to; response is the path of the response_url, or undef for
# none; response_url is all of it.

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Slack;

our @EXPORT = qw(command answer click form_post);

my $n = 0;


# a signed form

sub form_post {
    my ($uri, $form, %headers) = @_;

    my $body = join('&', map {
        my $value = $form->{$_};
        utf8::encode($value) if utf8::is_utf8($value);
        $value =~ s/([^A-Za-z0-9.])/sprintf('%%%02X', ord($1))/ge;
        "$_=$value";
    } grep { defined $form->{$_} } sort keys %$form);

    return http_post($uri, $body, sign_slack($SECRET, $body), %headers,
                     'Content-Type' => 'application/x-www-form-urlencoded');
}


sub command {
    my ($text, %more) = (@_);

    my $uri = delete $more{uri} || '/slack';
    my $response = delete $more{response};

    $more{response_url} = "https://hooks.slack.com/commands/$response"
        if defined $response;

    return form_post($uri, {
        token => 'x', team_id => 'T1', channel_id => 'C1', user_id => 'U1',
        user_name => 'ann', command => '/deploy', text => $text,
        trigger_id => '13.37.' . ++$n, %more });
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


sub click {
    my ($action, $value, %more) = @_;

    my $uri = delete $more{uri} || '/slack';
    my $response = delete $more{response};
    my $user = delete $more{user_id} || 'U1';
    my $channel = delete $more{channel_id} || 'C1';
    my $team = delete $more{team_id} || 'T1';
    my $url = delete $more{response_url};

    $url = "https://hooks.slack.com/actions/$response" if defined $response;

    my %payload = (
        type => 'block_actions',
        user => { id => $user, username => 'ann', name => 'ann',
                  team_id => $team },
        api_app_id => 'A1', token => 'x',
        container => { type => 'message_attachment',
                       message_ts => '1700000001.000001', attachment_id => 1,
                       channel_id => $channel, is_ephemeral => JSON::PP::false },
        trigger_id => '42.1.' . ++$n,
        team => { id => $team, domain => 'acme' },
        channel => { id => $channel, name => 'deploys' },
        message => { type => 'message', ts => '1700000001.000001',
                     text => 'a build' },
        (defined $url ? (response_url => $url) : ()),
        actions => [{ action_id => $action, block_id => 'b1',
                      type => 'button', action_ts => '1700000002.000002',
                      text => { type => 'plain_text', text => 'x' },
                      (defined $value ? (value => $value) : ()) }],
        %more,
    );

    return form_post($uri, { payload => JSON::PP::encode_json(\%payload) });
}


1;
