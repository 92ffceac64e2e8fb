package Demo::Stage;

# Copyright (C) ngx_deploy_module authors

# The scene of the demonstration: nginx with the module, stand-ins of CodeBuild
# and Slack, what runs the builds, the page of the messages; and what people
# do: merge, give a command, press a button.

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256_hex);
use Fcntl qw(:flock);
use JSON::PP ();
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Sign;

use Demo::Agent;
use Demo::Page;
use Demo::Web;

my $JSON = JSON::PP->new->utf8->canonical;

our %NAMES = (U024BE7LH => 'ada', U024BE7LJ => 'grace',
              C0DEPLOYS => 'deploys', C0ONCALL => 'oncall');

our %SECRET = (github => 'the secret that GitHub has, too',
               slack => 'the signing secret of the Slack app',
               events => 'the key of EventBridge');

our $CONF = <<'EOF';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_zone      deploy:1m;
    deploy_store     %%TESTDIR%%/store;

    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;

    deploy_notify    slack;
    deploy_notify    slack channel=C0ONCALL status=failed,timed_out,rejected;

    deploy_project api-prod {
        source_version  $deploy_commit;
        env             DEPLOYED_BY $deploy_sender;
    }

    log_format  demo escape=json
                '{"time":$msec,"uri":"$uri","status":$status,'
                '"verify":"$deploy_verify","answer":"$deploy_status",'
                '"event":"$deploy_event","action":"$deploy_action",'
                '"repo":"$deploy_repo","branch":"$deploy_branch",'
                '"body":"$request_body"}';

    access_log  %%TESTDIR%%/requests.log demo;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks/github {
            deploy_verify  github %%TESTDIR%%/github.secret;
            deploy_build   api-prod repo=acme/api branch=main;
        }

        location = /slack/deploy {
            deploy_verify  slack %%TESTDIR%%/slack.secret;
            deploy_build   api-prod on=command target=api user=U024BE7LH;
            deploy_build   web-prod on=command target=web user=U024BE7LH;
        }

        location = /builds {
            deploy_verify  build url=%%BUILDS%%;
            deploy_build   api-smoke on=build project=api-prod
                           status=succeeded;
        }

        location = /events {
            deploy_verify  token %%TESTDIR%%/events.secret header=X-Api-Key;
            deploy_receive;
        }

        location = /deploys {
            deploy_status;
            access_log off;
        }
    }
}
EOF


# port and page_port: of nginx and of the page; pace: seconds that a step of a
# build takes

sub new {
    my ($class, %opts) = @_;

    my $t = Test::Deploy->new();
    my $self = bless { %opts, t => $t, deliveries => 0 }, $class;

    $self->{key} = hmac_sha256_hex(join(' ', time(), $$, rand()), rand());

    $t->{ports}{8080} = $opts{port};
    $t->write_file("$_.secret", "$SECRET{$_}\n", 0600) for keys(%SECRET);
    $t->write_file($_, '') for qw(requests.log people.jsonl);

    $self->{cb} = $t->codebuild();
    $self->{slack} = $t->slack();

    $t->var(BUILDS => $self->url('/builds'));
    $t->run($CONF);

    $self->{agent} = $t->helper(Demo::Agent->new($t, $self->{cb},
        key => $SECRET{events}, page => $self->page_url(), pace => $opts{pace},
        fail => { 'web-prod' => 1 }));

    $self->{web} = $t->helper(Demo::Web->new($opts{page_port}, $self));

    return $self;
}


sub url { return "http://127.0.0.1:$_[0]{port}$_[1]" }

sub page_url { return "http://127.0.0.1:$_[0]{page_port}/" }


###############################################################################
# what people do


sub delivery {
    my ($self) = @_;

    return sprintf('00000000-0000-4000-8000-%08x%04x', $$,
                   ++$self->{deliveries});
}


# a delivery of GitHub; with another secret than ours it is a forged one

sub merge {
    my ($self, $body, $secret) = @_;

    return http_post('/hooks/github', $body,
                     github($secret || $SECRET{github}, 'pull_request',
                            $body, $self->delivery()));
}


# a request of Slack: fields of a form

sub slack_request {
    my ($self, %form) = @_;

    my $body = join('&', map {
        my $value = $form{$_};
        utf8::encode($value);
        $value =~ s/([^A-Za-z0-9._-])/sprintf('%%%02X', ord($1))/ge;
        "$_=$value";
    } sort(keys(%form)));

    return http_post('/slack/deploy', $body, sign_slack($SECRET{slack}, $body),
                     'User-Agent' => 'Slackbot 1.0',
                     'Content-Type' => 'application/x-www-form-urlencoded');
}


# "api" for "/deploy api"; what is answered is shown to the people

sub command {
    my ($self, $user, $text) = @_;

    my $time = time();
    my $id = $self->delivery();
    my $response = "/commands/T024BE7LD/$id/answer";

    my $r = $self->slack_request(
        team_id => 'T024BE7LD', team_domain => 'acme',
        channel_id => 'C0DEPLOYS', channel_name => 'deploys',
        user_id => $user, user_name => $NAMES{$user}, command => '/deploy',
        text => $text, api_app_id => 'A024BE7LK', trigger_id => $id,
        is_enterprise_install => 'false',
        response_url => "https://hooks.slack.com$response");

    $self->said({ time => $time, user => $user, command => "/deploy $text",
                  channel => 'C0DEPLOYS', response => $response,
                  body => eval { $JSON->decode($r->body) } });

    return $r;
}


# a button of a message: action_id, value, label; channel and ts of the message

sub press {
    my ($self, $user, %button) = @_;

    my $time = time();
    my $id = $self->delivery();
    my $response = "/actions/T024BE7LD/$id/answer";
    my ($channel, $ts) = @button{qw(channel ts)};

    my $r = $self->slack_request(payload => JSON::PP::encode_json({
        type => 'block_actions', api_app_id => 'A024BE7LK', token => 'x',
        trigger_id => $id, response_url => "https://hooks.slack.com$response",
        user => { id => $user, username => $NAMES{$user},
                  name => $NAMES{$user}, team_id => 'T024BE7LD' },
        team => { id => 'T024BE7LD', domain => 'acme' },
        channel => { id => $channel, name => $NAMES{$channel} },
        container => { type => 'message_attachment', message_ts => $ts,
                       channel_id => $channel, attachment_id => 1,
                       is_ephemeral => JSON::PP::false },
        message => { type => 'message', ts => $ts },
        actions => [{ type => 'button', block_id => 'b1',
                      action_id => $button{action_id},
                      value => $button{value}, action_ts => "$time",
                      text => { type => 'plain_text',
                                text => $button{label} } }],
    }));

    $self->said({ time => $time, user => $user, pressed => $button{label},
                  channel => $channel, response => $response });

    return $r;
}


sub said {
    my ($self, $record) = @_;

    open(my $fh, '>>', $self->{t}->path('people.jsonl'))
        or die "people.jsonl: $!";
    flock($fh, LOCK_EX);
    syswrite($fh, $JSON->encode($record) . "\n");
    close($fh);
}


###############################################################################
# what they see


sub channels {
    my ($self) = @_;

    my (%items, %later);

    for my $message ($self->{slack}->messages()) {

        # to a response_url
        if ($message->{channel} eq 'response') {
            $later{$message->{target}} = $message->{body};
            next;
        }

        push(@{ $items{$message->{channel}} }, {
            map({ $_ => $message->{$_} } qw(time channel ts body replies)),
            edited => $message->{versions} > 1,
        });
    }

    for (split(/\n/, $self->{t}->read_file('people.jsonl'))) {
        my $said = $JSON->decode($_);
        my $later = $later{$said->{response}};

        $said->{body} = $later if $later;
        push(@{ $items{$said->{channel}} }, $said);
    }

    return [map { { name => $NAMES{$_},
                    items => [sort { $a->{time} <=> $b->{time} }
                                   @{ $items{$_} || [] }] } }
                qw(C0DEPLOYS C0ONCALL)];
}


sub page {
    my ($self, %opts) = @_;

    return Demo::Page::page(
        title => 'Slack, as the demonstration plays it',
        about => 'What nginx has posted. Nothing leaves this machine.',
        names => \%NAMES, key => $self->{key},
        channels => $self->channels(), %opts);
}


# the output of the n-th build, undef when there is none

sub log {
    my ($self, $n) = @_;

    my @builds = $self->{cb}->builds();

    return undef if $n < 1 || $n > @builds;

    return Demo::Page::log_page(title => $builds[$n - 1]{id}, refresh => 2,
                                log => $self->{agent}->log($n));
}


1;
