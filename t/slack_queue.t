#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Commands and buttons of Slack with a store: what is queued is told when it
# was started or given up, by whatever process, and what started a build is
# known after a restart.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Command;
use Test::Deploy::Payload;
use Test::Deploy::Store;


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

    deploy_store     %%TESTDIR%%/store;
    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;
    deploy_notify    slack;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  hook-prod branch=main;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
        }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            deploy_build  $deploy_target on=command target=api-*;
            deploy_build  hook-prod on=command target=hook user=U1 branch=main;
        }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));


sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    return http_post('/builds', JSON::PP::encode_json({
                         project => $project, build_id => $id, %fields }),
                     Authorization => 'Bearer a token of the builds');
}


sub all_told {
    my ($path) = @_;

    return map { $_->{body} } grep { $_->{target} =~ m{^/\w+/\Q$path\E\z} }
           $slack->messages('response');
}


sub told {
    my ($path) = @_;

    wait_for(sub { all_told($path) }, "a message to $path", 30);

    return (all_told($path))[0] || {};
}


my $queued = qr/^:hourglass:\ \*api-\w+\*\ waits\ to\ be\ started:\ .+
                \nThe\ result\ follows\.\z/x;

# queued, then started

$cb->fault('api-later', (503) x 4);

like(answer(command('api-later', response => 'T1/later')), $queued, 'queued');

my $told = told('T1/later');

like($told->{text}, qr/^:rocket: \*<https:\S+\|api-later>\* started\z/,
     'told that it was started');
is($told->{response_type}, 'in_channel', 'all are told');

# queued, then refused

$cb->fault('api-denied', (503) x 4, 'AccessDeniedException');

like(answer(command('api-denied', response => 'T1/denied')), $queued, 'queued');

$told = told('T1/denied');

like($told->{text}, qr/^:no_entry: \*api-denied\* was not started: User: arn/,
     'told that it was refused');
is($told->{response_type}, 'ephemeral', 'the user alone');

# told by another process

$cb->fault_always('api-restart', 503);

like(answer(command('api-restart', response => 'T1/restart')), $queued,
     'queued');

$t->restart();
is(scalar(all_told('T1/restart')), 0, 'nothing is told yet');
$cb->fault_always('api-restart', undef);

like(told('T1/restart')->{text}, qr/api-restart>\* started\z/,
     'told after a restart');

# the store takes longer, but it does take it

my $lock = $store->lock();

is(answer(command('api-slow', response => 'T1/slow')),
   ':hourglass: *api-slow* waits to be started: the event was not stored in'
   . " time\nThe result follows.", 'not stored yet');

$store->unlock($lock);

like(told('T1/slow')->{text}, qr/api-slow/, 'told what became of it');
is(scalar $cb->builds('api-slow'),
   told('T1/slow')->{text} =~ /started\z/ && told('T1/slow')->{text} !~ /not/
   ? 1 : 0, 'and it is true');

# "Retry" after a restart

my $id = deliver('/hooks', 'pull_request', merge())->json->{builds}[0]{id};

report($id, phase => 'build', status => 'failed');

ok($slack->wait_message(sub {
    return JSON::PP::encode_json($_[0]{attachments}) =~ /deploy_retry/;
}, 15), 'a button');

$t->restart();

is(click('deploy_retry', $id, response => 'T1/retry')->body, '', 'Retry');

like(told('T1/retry')->{text}, qr/^:rocket: \*<\S+\|hook-prod>\* started\z/,
     'started again');

my ($old, $new) = $cb->builds('hook-prod');

is($new->{request}{sourceVersion}, $old->{request}{sourceVersion},
   'the same commit');

click('deploy_retry', $id, response => 'T1/other', user_id => 'U2');
like(told('T1/other')->{text}, qr/you may not start it here\.\z/,
     'not by another');

# a URL is kept no longer than it is needed, and told once

is($store->value("SELECT count(*) FROM builds WHERE response != ''"), 0,
   'no URL in the store');

is(scalar(all_told($_)), 1, "$_ once")
    for qw(T1/later T1/denied T1/restart T1/slow T1/retry);

unlike($t->error_log(), qr{T1/}, 'no URL in the log');

$t->expect(qr/deploy (?:did not start|did not accept)/);

$t->done();
