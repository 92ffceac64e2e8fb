#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The commands "status" and "why": what is told of builds and deliveries, from
# memory and from the store.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Time::HiRes qw(time);

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

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  api-prod branch=main;
            deploy_build  web-prod branch=web;
            deploy_build  api-tags on=tag tag=v*;
            deploy_build  api-else branch!=main if=$arg_never;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
        }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/slack.secret;
            deploy_build  api-prod on=command target=api user=U1 branch=main;
            deploy_build  $1-docs on=command target=~(api) user=U1;
            deploy_build  api-ops on=command user=U2 channel!=C1;
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


sub told {
    my ($path) = @_;

    wait_for(sub {
        grep { $_->{target} eq "/commands/$path" } $slack->messages('response')
    }, "a message to $path", 15);

    my ($message) = grep { $_->{target} eq "/commands/$path" }
                    $slack->messages('response');

    return $message ? $message->{text} : '';
}


is(answer(command('status')), 'No build is known.', 'nothing yet');

# builds, from memory

my $r = deliver('/hooks', 'pull_request', merge());
my $id = $r->json->{builds}[0]{id};
my $delivery = $r->json->{delivery};

like(answer(command('status')),
     qr/^:rocket:\ \*<https:\S+\|api-prod>\*\ started:\ acme\/api,\ `main`,
        \ `[0-9a-f]{10}`,\ by\ ann,\ \d\ s\ ago,\ `\Q$id\E`\z/x, 'a build');

report($id, phase => 'build', status => 'in_progress');
like(answer(command('status')), qr/is in progress in `build`: acme/,
     'its phase');

report($id, status => 'succeeded');
like(answer(command('STATUS')), qr/^:white_check_mark: .* succeeded: .* ago\z/,
     'its end');

$cb->fault('web-prod', 'ResourceNotFoundException');
$r = deliver('/hooks', 'pull_request', merge(branch => 'web', number => 2,
                                             title => '<!channel> *x*'));

like(answer(command('status')),
     qr/\A:no_entry:\ \*web-prod\*\ was\ not\ started.*\n
        :white_check_mark:/x, 'the newest first');

# of a target, of a project

unlike(answer(command('status api')), qr/web-prod/, 'a target');
unlike(answer(command('status api-prod')), qr/web-prod/, 'a project');
like(answer(command('status web-prod')), qr/^:no_entry: [^\n]*\z/, 'another');
is(answer(command('status none')), 'No such build is known.', 'none');

answer(command('api'), 'in_channel');
like(answer(command('status api')),
     qr/\A:rocket: \*<\S+\|api-docs>\*.*, by <\@U1>, .*\n:white_check_mark:/,
     'what a target yields');

# those who may start nothing are told nothing

my $no = 'There is nothing here that you may start, so there is nothing to'
         . ' tell you.';

is(answer(command('status', user_id => 'U3')), $no, 'another user');
is(answer(command('status', user_id => 'U2')), $no, 'another channel');
is(answer(command("why $delivery", user_id => 'U3')), $no, 'why, too');
like(answer(command('status', user_id => 'U2', channel_id => 'C2')),
     qr/api-prod/, 'one who may');

# why

my $text = answer(command("why $delivery"));

like($text, qr/\ADelivery\ `\Q$delivery\E`\ of\ github,\ \d+\ s\ ago,
               \ accepted\ at\ `\/hooks`\ by\ `github`\n
               Event\ `pull_request`\ `merged`:\ acme\/api,\ `main`,
               \ `[0-9a-f]{10}`,\ by\ ann\n/x, 'the event');
like($text, qr/\n:\w+: \*<\S+\|api-prod>\* \w+, `\Q$id\E`\n/, 'the build');
like($text, qr/\nRules\ that\ did\ not\ match:\n
               `web-prod`,\ line\ \d+:\ `branch`\ is\ `main`,\ it\ wants
               \ `web`\n
               `api-tags`,\ line\ \d+:\ `on`\ is\ `merge`,\ it\ wants\ `tag`\n
               `api-else`,\ line\ \d+:\ `branch`\ is\ `main`,\ it\ wants
               \ anything\ but\ `main`\z/x, 'the rules');

$text = answer(command('why ' . $r->json->{delivery}));
like($text, qr/\n:no_entry:\ \*web-prod\*\ was\ not\ started:
               \ ResourceNotFoundException:\ Project\ cannot/x, 'an error');
like($text, qr/`api-else`, line \d+: `if` is empty, it wants `\$arg_never`/,
     'a variable');

my $ignored = deliver('/hooks', 'pull_request',
                      merge(branch => 'none', number => 3));
$text = answer(command('why ' . $ignored->json->{delivery}));
like($text, qr/\nIt started nothing\.\nRules that did not match:\n/,
     'nothing started');

like(answer(command('why none')),
     qr/^There is no delivery `none` in the store: it did not come/, 'none');

# after a restart there is the store alone

$t->restart();

$text = answer(command('status'));
like($text, qr/\*<\S+\|api-prod>\* \w+: acme\/api, `main`, `\w+`, by ann/,
     'from the store');
like($text, qr/:no_entry: \*web-prod\* was not started: acme\/api, `web`/,
     'what was refused');
like($text, qr/\|api-docs>\* started, by <\@U1>/, 'a command');
unlike(answer(command('status web-prod')), qr/api-/, 'one project');

# what started a build is known from the store, too

$cb->over($id, 'SUCCEEDED');
is(answer(command("stop $id")), "`$id` is over already: it succeeded",
   'stop, for a branch that the store knows');

my ($docs) = $cb->builds('api-docs');
is(answer(command("stop $docs->{id}")), "`$docs->{id}` was stopped.",
   'stop, for a target that the store knows');
like(answer(command("stop $docs->{id}", user_id => 'U2', channel_id => 'C2')),
     qr/you may not stop it\.\z/, 'another user may not');

# a store that does not answer

my $lock = $store->lock();
my $start = time();

# what has to be written waits for the lock, and whoever comes next for it;
# an event without builds is answered before

my $blocks = 0;

sub block {
    deliver('/hooks', 'pull_request',
            merge(branch => 'none', number => 100 + ++$blocks));
}

block();

is(answer(command('status', response => 'T1/status')),
   'This takes longer, the result follows.', 'status, later');
cmp_ok(time() - $start, '<', 2.9, 'within three seconds');

block();
is(answer(command("why $delivery", response => 'T1/why')),
   'This takes longer, the result follows.', 'why, later');
block();
is(answer(command("why $delivery")),
   'This takes longer than you can be told of.', 'nowhere to tell it');

block();
is(answer(command("stop api-prod:0c5c3d6e", response => 'T1/stop')),
   'This takes longer, the result follows.', 'stop, later');

$store->unlock($lock);

like(told('T1/status'), qr/api-prod/, 'status was told');
like(told('T1/why'), qr/^Delivery `\Q$delivery\E`/, 'why was told');
is(told('T1/stop'), 'Nothing was done, the store was too slow: try again.',
   'stop was not done');

$t->expect(qr/did not start/);

$t->done();
