#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# GitLab through nginx: its events start builds, whatever the header says.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    log_format facts '$deploy_provider|$deploy_delivery|$deploy_event|'
                     '$deploy_action|$deploy_repo|$deploy_branch|'
                     '$deploy_source_branch|$deploy_tag|$deploy_commit|'
                     '$deploy_sender|$deploy_number|$deploy_title|'
                     '$deploy_url|$deploy_message|$deploy_status';

    deploy_verify gitlab %%TESTDIR%%/secret;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            access_log %%TESTDIR%%/facts.log facts;
            deploy_build api branch=main repo=acme/group/api;
        }

        location = /on {
            deploy_dry_run on;

            deploy_build merge on=merge;
            deploy_build push on=push;
            deploy_build tag on=tag;
            deploy_build release on=release;
            deploy_build pull on=pull_request;
            deploy_build delete on=delete;
            deploy_build build on=build;
            deploy_build command on=command;
            deploy_build docs on=push path=docs/**;
            deploy_build failed on=any event=pipeline action=failed;
        }
    }
}
EOC


my $OTHER = 'b' x 40;
my $NONE = '0' x 40;

my %project = (project => { path_with_namespace => 'acme/group/api' },
               user => { username => 'ann', name => 'Ann' });


sub gitlab {
    my ($uri, $header, $body, @more) = @_;

    return http_post($uri, ref($body) ? json($body) : $body,
                     (defined $header ? ('X-Gitlab-Event' => $header) : ()),
                     'Content-Type' => 'application/json',
                     sign_token($SECRET, 'X-Gitlab-Token'), @more);
}

sub merge_request {
    my (%p) = (action => 'merge', state => 'merged', branch => 'main', @_);

    return {
        object_kind => 'merge_request', %project,
        object_attributes => {
            iid => 42, title => 'Fix it', url => 'https://example.com/mr/42',
            source_branch => 'fix', target_branch => $p{branch},
            state => $p{state}, action => $p{action},
            oldrev => $p{oldrev}, merge_commit_sha => $COMMIT,
            last_commit => { id => $OTHER, message => "Fix\n" },
        },
    };
}

sub push_hook {
    my (%p) = (kind => 'push', ref => 'refs/heads/main', before => $OTHER,
               after => $COMMIT, paths => ['docs/a'], total => 1, @_);

    return {
        object_kind => $p{kind}, %project, user_username => 'ann',
        ref => $p{ref}, before => $p{before}, after => $p{after},
        checkout_sha => $p{after} eq $NONE ? undef : $COMMIT,
        total_commits_count => $p{total},
        commits => [{ id => $COMMIT, message => "Add\n\nit",
                      url => 'https://example.com/c', added => $p{paths},
                      modified => [], removed => [] }],
    };
}

sub fires {
    my $r = gitlab('/on', @_);

    return $r->status unless $r->status == 200;
    return join(' ', sort map { $_->{project} } @{ $r->json->{builds} || [] });
}


###############################################################################
# a merge starts a build of the merge commit


my $r = gitlab('/hook', 'Merge Request Hook', merge_request(),
               'X-Gitlab-Event-UUID' => 'shared', 'Idempotency-Key' => 'own');
my $j = $r->json;

is($r->status, 200, 'merge');
is($j->{status}, 'started', 'started');
is($j->{delivery}, 'own', 'delivery');

is_deeply($j->{events}, [{
    provider => 'gitlab', event => 'pull_request', action => 'merged',
    repo => 'acme/group/api', branch => 'main', source_branch => 'fix',
    commit => $COMMIT, sender => 'ann', number => 42, title => 'Fix it',
    url => 'https://example.com/mr/42', merged => JSON::PP::true,
    paths_complete => JSON::PP::false,
}], 'the event');

my ($build) = $cb->builds('api');

is($build->{request}{sourceVersion}, $COMMIT, 'source version');

ok(wait_for(sub { $t->read_file('facts.log') =~ /\n/ }), 'logged');
is($t->read_file('facts.log'),
   "gitlab|own|pull_request|merged|acme/group/api|main|fix||$COMMIT|ann|42|"
   . "Fix it|https://example.com/mr/42|Fix\\x0A|started\n", 'variables');

$r = gitlab('/hook', 'Merge Request Hook', merge_request(branch => 'dev'),
            'X-Gitlab-Event-UUID' => 'shared');

is($r->json->{status}, 'ignored', 'another branch');
is($r->json->{delivery}, 'shared', 'the other id of a delivery');
is($r->json->{rules}[0]{got}, 'dev', 'what failed');


###############################################################################
# on


my $MR = 'Merge Request Hook';

is(fires($MR, merge_request()), 'merge', 'merged');
is(fires($MR, merge_request(action => 'close')), '', 'closed');
is(fires($MR, merge_request(action => 'open', state => 'opened')), 'pull',
   'opened');
is(fires($MR, merge_request(action => 'update', state => 'opened',
                            oldrev => $OTHER)), 'pull', 'new commits');
is(fires($MR, merge_request(action => 'update', state => 'opened')), '',
   'a new title');
is(fires($MR, merge_request(action => 'approved')), '', 'approved');

is(fires('Push Hook', push_hook()), 'docs push', 'push');
is(fires('Push Hook', push_hook(paths => ['src/a'])), 'push',
   'push of other files');
is(fires('Push Hook', push_hook(paths => ['src/a'], total => 21)),
   'docs push', 'push of more commits than are listed');
is(fires('Push Hook', push_hook(after => $NONE)), 'delete', 'delete');
is(fires('Tag Push Hook', push_hook(kind => 'tag_push', before => $NONE,
                                    ref => 'refs/tags/v1')), 'tag', 'tag');
is(fires('System Hook', push_hook()), 'docs push', 'system hook');
is(fires(undef, push_hook()), 'docs push', 'a push without a header');

is(fires('Release Hook', { object_kind => 'release', action => 'create',
                           tag => 'v1', %project }), 'release', 'release');
is(fires('Release Hook', { object_kind => 'release', action => 'update',
                           tag => 'v1', %project }), '', 'release changed');
is(fires('Pipeline Hook',
         { object_kind => 'pipeline', %project,
           object_attributes => { status => 'failed', ref => 'main' } }),
   'failed', 'pipeline');
is(fires('Job Hook', { object_kind => 'build', build_status => 'success',
                       ref => 'main', %project }), '', 'no build of ours');


###############################################################################
# what must not be refused, as GitLab would disable the hook for good


for (['Push Hook', { text => 'Ann pushed' }, 'push'],
     ['Push Hook', { object_kind => 'push', text => 'Ann pushed' }, 'push'],
     ['Wiki Page Hook', { object_kind => 'wiki_page' }, 'wiki_page'],
     ['Some Day Hook', {}, 'some_day'],
     ['Issue Hook', { object_kind => 'work_item' }, 'work_item'])
{
    my ($header, $body, $event) = @$_;

    $r = gitlab('/on', $header, $body);

    is($r->status, 200, "$header: status");
    is_deeply($r->json->{events}, [{ provider => 'gitlab', event => $event }],
              "$header: its event");
    is($r->json->{builds}, undef, "$header: no build");
}


###############################################################################
# refused


is(fires('Note Hook', push_hook()), 400, 'a push as a note');
is(fires('Push Hook', merge_request()), 400, 'a merge as a push');
like(gitlab('/on', 'Push Hook', merge_request())->json->{reason}, qr/agree/,
     'its reason');
is(fires('Push Hook', '[]'), 400, 'no object');
is(fires("P\xfcsh Hook", {}), 400, 'no word');

$r = http_post('/hook', json(push_hook()), 'X-Gitlab-Event' => 'Push Hook',
               'X-Gitlab-Token' => 'wrong');

is($r->status, 403, 'a wrong token');

$r = gitlab('/hook', 'Push Hook', push_hook(), 'X-Gitlab-Event' => 'Job Hook');

is($r->status, 400, 'two headers');

is(scalar $cb->builds('api'), 1, 'one build after all');

unlike($t->error_log(), qr/\Q$SECRET\E/, 'no secret in the log');

$t->done();
