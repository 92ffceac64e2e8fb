#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What users of Slack are told after the answer, at the response_url of their
# command.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Time::HiRes qw(time);

use Test::More;
use Test::Deploy;
use Test::Deploy::Command;
use Test::Deploy::Payload;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

$t->write_file('slack.secret', "$SECRET\n", 0600);

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

    deploy_transport {
        proxy_read_timeout 3s;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /slack {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            deploy_build  $deploy_target on=command target=api-*;
            deploy_build  two-$1 on=command target=~two-(.+);
            deploy_build  tow-$1 on=command target=~two-(.+);
        }

        location = /short {
            deploy_verify  slack %%TESTDIR%%/slack.secret;
            deploy_build   $deploy_target on=command;
            deploy_timeout 300ms;
        }
    }
}
EOC


sub told {
    my ($path) = @_;

    return map { $_->{body} }
           grep { $_->{target} eq "/commands/$path" }
           $slack->messages('response');
}


sub wait_told {
    my ($path) = @_;

    wait_for(sub { told($path) }, "a message to $path", 15);

    return (told($path))[0] || {};
}


# what is known at once is not told again

like(answer(command('api-fast', response => 'T1/fast'), 'in_channel'),
     qr/started\z/, 'at once');

# a build that takes longer

$cb->fault('api-late', { fault => 'late', seconds => 2.5 });

my $start = time();

is(answer(command('api-late', response => 'T1/late')),
   ":hourglass: *api-late* may be started yet: CodeBuild has not answered so"
   . " far\nThe result follows.", 'not known yet');
cmp_ok(time() - $start, '<', 2.9, 'within three seconds');

my $told = wait_told('T1/late');

like($told->{text}, qr/^:rocket: \*<https:\S+\|api-late>\* started\z/,
     'started');
is($told->{response_type}, 'in_channel', 'all are told');
ok(!exists $told->{replace_original}, 'nothing is replaced');

# without a response_url, and with those that are none

for my $url (undef, 'https://hooks.slack.com/commands/',
             'http://hooks.slack.com/commands/T1/x',
             'https://hooks.slack.com.evil.example/commands/T1/x',
             'https://evil.example/commands/T1/x',
             'https://hooks.slack.com@evil.example/commands/T1/x',
             'https://u:p@hooks.slack.com/commands/T1/x',
             'https://hooks.slack.com:443/commands/T1/x',
             'https://hooks.slack.com/services/T1/B1/x',
             'https://hooks.slack.com/commands/../services/T1/x',
             'https://hooks.slack.com/commands/T1/x?y',
             'https://127.0.0.1/commands/T1/x')
{
    $cb->fault('api-none', { fault => 'late', seconds => 0.6 });

    is(answer(command('api-none', uri => '/short', response_url => $url)),
       ':hourglass: *api-none* may be started yet: CodeBuild has not answered'
       . ' so far', defined $url ? $url : 'no response_url');
}

wait_for(sub { $cb->builds('api-none') == 12 }, 'all builds', 15);
is(scalar $cb->builds('api-none'), 12, 'all of them started');

# no answer at all: nobody knows

$cb->fault_always('api-hang', 'hang');
command('api-hang', uri => '/short', response => 'T1/hang');

$told = wait_told('T1/hang');
like($told->{text}, qr/^:hourglass: \*api-hang\* may have been started: Code/,
     'not known');
is($told->{response_type}, 'ephemeral', 'the user alone');

# two builds, two results

$cb->fault('two-x', { fault => 'late', seconds => 2.5 });
$cb->fault('tow-x', { fault => 'late', seconds => 2.6 });
command('two-x', response => 'T1/two');

wait_for(sub { told('T1/two') == 2 }, 'two messages', 15);
like(join(' ', sort(map { $_->{text} } told('T1/two'))), qr/tow-x.* .*two-x/,
     'two builds');

# trouble at Slack: what cannot have come is sent again, a redirect is not
# followed

$slack->fault('response', 503, 429, 'ok', 302, 'hang');
$cb->fault('api-again', { fault => 'late', seconds => 0.6 });
command('api-again', uri => '/short', response => 'T1/again');
like(wait_told('T1/again')->{text}, qr/api-again/, 'sent again');

for my $name (qw(redirect hang)) {
    $cb->fault("api-$name", { fault => 'late', seconds => 0.6 });
    command("api-$name", uri => '/short', response => "T1/$name");

    my $want = $name eq 'hang' ? qr/what became of a command: status 0/
                               : qr/what became of a command: status 302/;

    ok($t->wait_log($want, 15), "$name is logged");
}

is(scalar(told('T1/redirect')), 0, 'refused');

# the URL is a secret

unlike($t->error_log(), qr{T1/(?:late|hang|two|again|redirect|x)},
       'no URL in the log');
is(scalar(() = $t->error_log() =~ /deploy ignores the response_url/g), 11,
   'those that are none');
is(scalar(told('T1/fast')), 0, 'told once');
is(scalar(told('T1/late')), 1, 'told once');
is(scalar(told('T1/x')), 0, 'nothing to others');

$t->expect(qr/did not start/, qr/upstream timed out/);

$t->done();
