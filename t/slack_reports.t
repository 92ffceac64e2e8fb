#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Reports of builds: the message that follows a build to its end, reports in
# any order, and the builds that come after it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();

my $token = 'a token of the builds';

$t->write_file('github.secret', "$SECRET\n", 0600);
$t->write_file('builds.secret', "$token\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;

    deploy_project api-smoke {
        env OF_COMMIT   $deploy_commit;
        env OF_BRANCH   $deploy_branch;
        env OF_DELIVERY $deploy_delivery;
        env OF_BUILD    $deploy_build_id;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hooks {
            deploy_verify github %%TESTDIR%%/github.secret;
            deploy_build  api-prod  branch=main;
            deploy_build  api-chain branch=chain;
            deploy_build  api-other branch=other;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_build   api-smoke on=build project=api-prod
                           status=succeeded branch=main;
            deploy_build   api-alert on=build project=api-prod status=failed;
            deploy_build   $arg_next on=build project=api-chain
                           if=$arg_next;

            deploy_notify  slack;
            deploy_notify  slack channel=C0ONCALL status=failed branch=main;
        }
    }
}
EOF


sub start_build {
    my (%facts) = @_;

    my $r = deliver('/hooks', 'pull_request', merge(%facts));

    return $r->json->{builds}[0]{id};
}


sub report {
    my ($id, %fields) = @_;

    my ($project) = $id =~ /^([^:]+):/;
    my $uri = delete $fields{uri} || '/builds';

    return http_post($uri, JSON::PP::encode_json({
                         project => $project, build_id => $id, %fields }),
                     Authorization => "Bearer $token");
}


# an event of EventBridge

sub event {
    my ($id, $status, %p) = @_;

    my ($project) = $id =~ /^([^:]+):/;

    return http_post('/builds', JSON::PP::encode_json({
        version => '0', id => sprintf('%08x-0000', rand(2 ** 32)),
        'detail-type' => 'CodeBuild Build State Change',
        source => 'aws.codebuild', account => '123456789012',
        time => '2026-11-24T10:00:00Z', region => 'us-east-1',
        resources => ["arn:aws:codebuild:us-east-1:123456789012:build/$id"],
        detail => {
            'build-status' => $status, 'project-name' => $project,
            'build-id' => "arn:aws:codebuild:us-east-1:123456789012:build/$id",
            'current-phase' => 'COMPLETED', version => '1',
            'additional-information' => {
                initiator => 'gateway', 'build-complete' => JSON::PP::true,
                logs => { 'deep-link' => 'https://logs.example.com/x' },
            },
        },
    }), Authorization => "Bearer $token");
}


sub of_build {
    my ($id) = @_;

    return sub {
        return $_[0]{attachments}[0]{blocks}
               && JSON::PP::encode_json($_[0]{attachments}) =~ /`\Q$id\E`/;
    };
}


sub wait_text {
    my ($id, $pattern, $channel) = @_;

    my $found = $slack->wait_message(sub {
        return of_build($id)->($_[0]) && $_[0]{text} =~ $pattern
               && $_[0]{channel} eq ($channel || 'C0DEPLOYS');
    }, 15);

    ok($found, "a message: $pattern") or diag(map { "$_->{text}\n" }
                                              $slack->messages());

    return $found || {};
}


sub text {
    my ($message) = @_;

    return JSON::PP->new->canonical->encode($message->{attachments} || []);
}


# a build from its start to its end

my $id = start_build(title => 'Fix it');

is(scalar $slack->messages(), 0, 'nobody is told at /hooks');

my $r = report($id, phase => 'install', status => 'in_progress');
is($r->status, 200, 'a report');

my $message = wait_text($id, qr/is in progress in `install`: acme\/api/);
my $ts = $message->{ts};

like(text($message), qr/"\*Author\*\\n<[^|]+\|ann>"/, 'the author is known');
like(text($message), qr/"\*Started by\*\\nmerge"/, 'the cause is known');

report($id, phase => 'install', status => 'succeeded', duration => 12);
report($id, phase => 'build', status => 'in_progress', message => 'tests');
$message = wait_text($id, qr/in `build`/);

is($message->{ts}, $ts, 'the same message');
like(text($message), qr/:white_check_mark: `install` 12 s/, 'a phase');
like(text($message), qr/_sand: `build` tests"/, 'what a phase does');

is(scalar $cb->builds('api-smoke'), 0, 'a phase starts no build');

report($id, phase => 'build', status => 'succeeded', duration => 61);
$r = report($id, phase => 'post_build', status => 'succeeded');

is($r->json->{status}, 'started', 'the next build is started');

$message = wait_text($id, qr/:white_check_mark: \*\S+ succeeded: acme/);
is($message->{ts}, $ts, 'the same message');
is($message->{attachments}[0]{color}, '#2eb886', 'green');

# what is handed on

my ($smoke) = $cb->builds('api-smoke');

is($smoke->{request}{sourceVersion}, $COMMIT, 'the commit');
is($smoke->{env}{OF_COMMIT}, $COMMIT, 'the commit in a variable');
is($smoke->{env}{OF_BRANCH}, 'main', 'the branch');
like($smoke->{env}{OF_DELIVERY}, qr/^0000/, 'the delivery');
is($smoke->{env}{OF_BUILD}, $id, 'the build');

# the same again, late ones, by another way

$r = report($id, phase => 'post_build', status => 'succeeded');
is($r->json->{builds}[0]{id}, $smoke->{id}, 'the same again, the same build');

$r = event($id, 'SUCCEEDED');
is($r->json->{builds}[0]{id}, $smoke->{id}, 'EventBridge, the same build');

$r = report($id, phase => 'build', status => 'in_progress');
is($r->json->{status}, 'ignored', 'a late report');
report($id, status => 'failed');
event($id, 'FAILED');
event($id, 'IN_PROGRESS');

is(scalar $cb->builds('api-smoke'), 1, 'one build in all');
is(scalar $cb->builds('api-alert'), 0, 'and no other one');

ok($slack->wait_message(sub {
    return of_build($id)->($_[0])
           && text($_[0]) =~ /<https:\/\/logs.example.com\/x\|Log>/;
}, 15), 'the log');

$message = wait_text($id, qr/succeeded/);
unlike(text($message), qr/`build` 1 min 1 s tests/, 'not after its end');
unlike(text($message), qr/`completed`/, 'the end is no phase');
like(text($message), qr/\*Downstream\*\\n:rocket: <\S+\|api-smoke> started/,
     'the next build beneath');

# what follows is told in both messages

report($smoke->{id}, phase => 'build', status => 'failed',
       message => "3 of 9 failed\n<!here>");

$message = wait_text($smoke->{id}, qr/:x: \*\S+ failed in `build`/);
like(text($message), qr/\*Started by\*\\nbuild of <[^|]+\|api-prod>/,
     'what started it');
like(text($message), qr/```3 of 9 failed\\n&lt;!here&gt;```/, 'why');
wait_text($smoke->{id}, qr/failed/, 'C0ONCALL');

$message = $slack->wait_message(sub {
    return of_build($id)->($_[0])
           && text($_[0]) =~ /:x: <\S+\|api-smoke> failed/;
}, 15);
ok($message, 'in the message of the first one');

ok($slack->wait_message(sub {
    return of_build($smoke->{id})->($_[0]) && @{ $_[0]{replies} };
}), 'a detail in the thread');

# what follows a phase that failed fails because of it; what was said of a
# phase before its end says nothing of that

report($smoke->{id}, phase => 'post_build', status => 'failed');
event($smoke->{id}, 'FAILED');

$message = $slack->wait_message(sub {
    return of_build($smoke->{id})->($_[0])
           && text($_[0]) =~ /:x: `post_build`/ && text($_[0]) =~ /\|Log>/;
}, 15);
like($message->{text}, qr/failed in `build`/, 'where it failed');

# the word of AWS counts more than that of a script

my $other = start_build(branch => 'other', number => 8);

report($other, status => 'succeeded');
wait_text($other, qr/succeeded/);
event($other, 'FAILED');
wait_text($other, qr/failed/);
report($other, status => 'succeeded');
is(scalar(grep { of_build($other)->($_) && $_->{text} =~ /succeeded/ }
          $slack->messages('C0DEPLOYS')), 0, 'it stays so');

# a build that nobody here has started

$r = report('foreign:0c5c3d6e', status => 'started',
            url => 'https://example.com/b');
is($r->status, 200, 'a foreign build');
$message = wait_text('foreign:0c5c3d6e',
                     qr/^:rocket: \*<https:\/\/example.com\/b\|foreign>\*/);

# circles that only show at run time

my $chain = start_build(branch => 'chain', number => 9);

$r = report($chain, status => 'succeeded', uri => '/builds?next=api-chain');
is($r->status, 502, 'a build after itself');
like($r->body, qr/in the chain of builds already/, 'is refused');

$r = report($chain, status => 'succeeded', uri => '/builds?next=api-next');
is($r->json->{status}, 'started', 'another one is not');

is(scalar $cb->builds('api-chain'), 1, 'one build');


###############################################################################
# circles that nginx -t sees


sub conf {
    my ($rules) = @_;

    my ($code, $out) = $t->nginx_t(<<"EOF");
deploy_region us-east-1;
server {
    listen 127.0.0.1:%%PORT_8081%%;
    location / { deploy_verify off; $rules }
}
EOF

    return ($code, $out);
}

my ($code, $out) = conf('deploy_build a-b on=build project=a-a;'
                        . 'deploy_build a-c on=build project=a-b,a-a;'
                        . 'deploy_build a-d on=build project!=a-d;');
is($code, 0, 'no circle') or diag($out);

my %circles = (
    'deploy_build a-a on=build project=a-a;' => qr/of "a-a"/,
    'deploy_build a-a on=push,build project=a-*;' => qr/of "a-a"/,
    'deploy_build a-a on=build project=~a-[ab];' => qr/of "a-a"/,
    'deploy_build a-a on=build project!=a-b;' => qr/of "a-a"/,
    'deploy_build a-a on=build project=a-b;'
    . 'deploy_build a-b on=build project=a-c;'
    . 'deploy_build a-c on=build project=a-a status=failed;' => qr/of "a-/,
);

for my $rules (sort(keys(%circles))) {
    ($code, $out) = conf($rules);
    isnt($code, 0, $rules);
    like($out, qr/in a circle: "deploy_build a-\w" in \S+:\d+ holds/, 'said');
    like($out, $circles{$rules}, 'after which');
}

$t->expect(qr/deploy cannot start "api-chain"/);

$t->done();
