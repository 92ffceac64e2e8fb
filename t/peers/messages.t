#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What nginx posts to Slack, held against Slack's own packages: the types of
# @slack/types and their like, by the TypeScript compiler, and the bodies that
# their clients send for the same messages.

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


needs_node();

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();

my %slack = (api => $t->slack(), webhook => $t->slack());
my $token = 'a token of the builds';

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "$token\n", 0600);

my $conf = <<'EOF';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     %%WHERE%%;
    deploy_notify    slack;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  api-prod branch=main;
            deploy_build  fault-AccessDeniedException branch=denied;
        }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/github.secret;
            deploy_build  api-prod on=command target=api;
            deploy_build  fault-AccessDeniedException on=command target=no;
        }

        location = /builds {
            deploy_verify token %%TESTDIR%%/builds.secret;
            deploy_build  api-smoke on=build project=api-prod
                          status=succeeded;
        }
    }
}
EOF

my @posted;


sub start_build {
    my (%facts) = @_;

    my $r = deliver('/hooks', 'pull_request', merge(%facts));

    return $r->json->{builds}[0]{id};
}


sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    is(http_post('/builds', JSON::PP::encode_json({
           project => $project, build_id => $id, %fields }),
                 Authorization => "Bearer $token")->status, 200, 'a report');
}


# a build that is told of until a text of the pattern is there

sub wait_text {
    my ($slack, $pattern) = @_;

    ok($slack->wait_message(sub {
        return $_[0]{text} =~ $pattern;
    }, 20), "a message: $pattern");
}


# all kinds of messages

sub all_of {
    my ($kind) = @_;

    my $slack = $slack{$kind};
    my $where = ($kind eq 'api') ? "token_file=$t->{dir}/slack.token"
                                   . ' channel=C0DEPLOYS'
                                 : "webhook_file=$t->{dir}/slack.webhook";

    $t->var(WHERE => "$where endpoint=" . $slack->endpoint());

    $kind eq 'api' ? $t->run($conf) : $t->restart($conf);

    my $id = start_build(title => 'A <b> & *c* `d` "e" ' . "\x{20ac}");

    wait_text($slack, qr/api-prod>\* started/);
    report($id, phase => 'install', status => 'in_progress',
           message => 'a <b> & *c*');
    wait_text($slack, qr/api-prod>\* is in progress in `install`/);
    report($id, phase => 'install', status => 'succeeded', duration => 3,
           message => "done\n\twell");
    report($id, phase => 'post_build', status => 'succeeded');
    wait_text($slack, qr/api-prod>\* succeeded/);
    wait_text($slack, qr/api-smoke>\* started/);

    my $smoke = (grep { $_->{project} eq 'api-smoke' } $cb->builds())[-1];

    report($smoke->{id}, phase => 'build', status => 'failed',
           message => '<!channel> 3 of 9 failed');
    wait_text($slack, qr/api-smoke>\* failed in `build`/);

    start_build(branch => 'denied', number => 8);
    wait_text($slack, qr/fault-AccessDeniedException\* was not started/);

    if ($kind eq 'api') {
        ok(wait_for(sub { grep { @{ $_->{replies} } } $slack->messages() },
                    'a reply', 20), 'a reply');
    }

    push(@posted, grep { $_->{json} } $slack->requests());
}


all_of('api');
all_of('webhook');


# answers to commands

for my $text ('api', 'help', 'none', 'no', 'status', 'why x', 'stop api:1') {
    my $body = form(command => '/deploy', text => $text, user_id => 'U1',
                    channel_id => 'C1', team_id => 'T1', user_name => 'ann',
                    trigger_id => "1.$text", response_url =>
                    'https://hooks.slack.com/commands/T1/2/x');

    my $r = http_post('/slack', $body, sign_slack($SECRET, $body),
                      'Content-Type' => 'application/x-www-form-urlencoded');

    push(@posted, { api => 'response', json => $r->json });
}


for my $action ('deploy_stop', 'deploy_retry') {
    ok((grep { JSON::PP::encode_json($_->{json}) =~ /"action_id":"$action"/ }
             @posted), "a button: $action");
}

my %count;
$count{$_->{api} . (defined $_->{json}{thread_ts} ? ' reply' : '')}++
    for @posted;

for my $api ('chat.postMessage', 'chat.postMessage reply', 'chat.update',
             'webhook', 'response')
{
    cmp_ok($count{$api} || 0, '>', 0, "$api: messages");
}


###############################################################################
# types


my @records = map { { api => $_->{api}, json => $_->{json} } } @posted;
my @verdicts = node_filter($t, 'types.js', @records);

is(scalar @verdicts, scalar @records, 'a verdict for each');

for my $i (0 .. $#records) {
    is_deeply($verdicts[$i]{errors}, [], "$records[$i]{api}: of its type")
        or diag(JSON::PP::encode_json($records[$i]{json}));
}

# the types are no formality: each change of a message is found

my ($sample) = grep { $_->{api} eq 'chat.postMessage'
                      && $_->{json}{attachments} } @records;

sub changed {
    my ($code) = @_;

    my $copy = JSON::PP::decode_json(JSON::PP::encode_json($sample));

    $code->($copy->{json}, $copy->{json}{attachments}[0]{blocks});

    return $copy;
}

my @bad = (
    changed(sub { $_[0]{color} = '#123456' }),
    changed(sub { delete $_[0]{channel} }),
    changed(sub { $_[0]{unfurl_links} = 'false' }),
    changed(sub { $_[0]{attachments}[0]{colour} = '#123456' }),
    changed(sub { $_[1][0]{type} = 'sections' }),
    changed(sub { $_[1][0]{fields}[0]{type} = 'markdown' }),
    changed(sub { $_[1][0]{fields}[0]{emoji} = JSON::PP::true }),
    changed(sub { $_[1][0]{field} = delete $_[1][0]{fields} }),
    changed(sub { delete $_[1][0]{fields}[0]{text} }),
);

my @found = node_filter($t, 'types.js', @bad);

cmp_ok(scalar @{ ($found[$_] || {})->{errors} || [] }, '>', 0,
       "a wrong message, $_") for 0 .. $#bad;


###############################################################################
# what the clients of Slack send for the same messages


my @sent = grep { $_->{api} ne 'response' } @posted;
my @arrived = node_filter($t, 'clients.js', map { { api => $_->{api},
                                                    json => $_->{json} } }
                                                @sent);

is(scalar @arrived, scalar @sent, 'all are sent');

for my $i (0 .. $#arrived) {
    my ($ours, $theirs) = ($sent[$i], $arrived[$i]);
    my %headers = map { lc $_->[0] => $_->[1] } @{ $ours->{headers} };

    is($ours->{method}, $theirs->{method}, "$ours->{api}: method");
    is($ours->{target}, $theirs->{path}, "$ours->{api}: path")
        if $ours->{api} ne 'webhook';
    is($headers{authorization}, $theirs->{headers}{authorization},
       "$ours->{api}: authorization");
    is_deeply($ours->{json}, $theirs->{json}, "$ours->{api}: body");
}

my ($webhook) = grep { $_->{path} =~ /services/ } @arrived;

is($webhook->{headers}{'content-type'}, 'application/json',
   'a webhook takes JSON');

$_->expect(qr/messages for/) for values(%slack);
$t->expect(qr/did not start/);
$t->done();
