#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What bites with senders in production: each case with its answer and with
# what CodeBuild was asked for.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my $AZURE = 'hooks:0123456789abcdef';

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('azure', "$AZURE\n", 0600);

# the same table for each sender

$t->write_file('rules.conf', <<'EOC');
deploy_build merged;
deploy_build pushed on=push;
deploy_build tagged on=tag;
deploy_build released on=release;
deploy_build pulled on=pull_request;
deploy_build deleted on=delete;
EOC

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        root %%TESTDIR%%;

        location = /github {
            deploy_verify github secret;
            include rules.conf;
        }

        location = /bitbucket {
            deploy_verify bitbucket secret;
            include rules.conf;
        }

        location = /gitea {
            deploy_verify gitea secret;
            include rules.conf;
        }

        location = /forgejo {
            deploy_verify forgejo secret;
            include rules.conf;
        }

        location = /gogs {
            deploy_verify gogs secret;
            include rules.conf;
        }

        location = /azure {
            deploy_verify azure azure;
            include rules.conf;
        }

        location = /token {
            deploy_verify token secret;
            include rules.conf;
        }

        location = /off {
            deploy_verify off;
            include rules.conf;
        }

        location = /paths {
            deploy_verify token secret;
            deploy_build docs on=push path=docs/**;
            deploy_build rest on=push path!=docs/**;
        }

        location = /any {
            deploy_verify token secret;
            deploy_build any on=any event=invoice.paid;
        }
    }
}
EOC


my $NONE = '0' x 40;
my $TAG = 'f' x 40;                # the object of an annotated tag
my $seen = 0;


# what was asked for since the last time: "pushed@main tagged@v1"

sub started {
    my @builds = $cb->builds();

    my @new = @builds[$seen .. $#builds];
    $seen = @builds;

    return join(' ', sort map {
        my $v = $_->{request}{sourceVersion};
        $_->{project} . (defined $v ? "\@$v" : '')
    } @new);
}


# the answer in short, and what was started

sub got {
    my ($r) = @_;

    my $j = $r->json;

    return join(' ', $r->status, $j->{status}, $j->{reason} || (),
                map {
                    my $e = $_;
                    '[' . join(' ', map { defined $e->{$_} ? $e->{$_} : '-' }
                                    qw(provider event action)) . ']'
                } @{ $j->{events} || [] })
           . ' = ' . started();
}


sub post {
    my ($uri, $body, %headers) = @_;

    $headers{'Content-Type'} ||= 'application/json';

    return http_post($uri, $body, %headers);
}


sub github_got {
    my ($event, $body, %headers) = @_;

    return got(post('/github', $body, github($SECRET, $event, $body),
                    %headers));
}


# Gitea and Forgejo send all the headers of those whose they took the format

sub gitea_headers {
    my ($name, $event, $json) = @_;

    my @names = ($name eq 'Gogs') ? qw(Gogs GitHub)
              : ($name eq 'Gitea') ? qw(Gitea Gogs GitHub)
              : qw(Forgejo Gitea Gogs GitHub);

    my %headers = map { ("X-$_-Event" => $event,
                         "X-$_-Event-Type" => $event,
                         "X-$_-Delivery" => "id-of-$_") } @names;

    return (%headers, sign_gitea($SECRET, $json, $name),
            ($name eq 'Gogs' ? ()
                             : (sign_gitea($SECRET, $json, 'Gogs'),
                                sign_github($SECRET, $json))));
}


sub gitea_got {
    my ($name, $event, $json) = @_;

    return got(post('/' . lc($name), $json,
                    gitea_headers($name, $event, $json)));
}


# Gitea's push: ref, before, after, head, paths, commits, total

sub gitea_push {
    my (%p) = (ref => 'refs/heads/main', before => 'b' x 40,
               after => $COMMIT, paths => ['docs/a'], commits => 1, @_);

    $p{head} = $p{after} unless exists $p{head};
    $p{total} = $p{commits} unless exists $p{total};

    return json({
        ref => $p{ref}, before => $p{before}, after => $p{after},
        commits => [ map { { id => $p{after}, message => 'Fix it',
                             added => $p{paths}, removed => [],
                             modified => [] } } 1 .. $p{commits} ],
        defined $p{total} ? (total_commits => $p{total}) : (),
        head_commit => defined $p{head} ? { id => $p{head} } : undef,
        repository => { full_name => 'acme/api' },
        sender => { login => 'ann' },
    });
}


# create and delete of all three

sub gitea_ref {
    my ($event, $type, $name) = @_;

    return json({
        ref => $name, ref_type => $type,
        ($event eq 'create' ? (sha => $COMMIT) : (pusher_type => 'user')),
        repository => { full_name => 'acme/api' },
        sender => { login => 'ann' },
    });
}


sub azure {
    my ($type, $resource) = @_;

    return json({
        id => '03c164c2-8912-4d5e-8009-3707d5f83734',
        eventType => $type, publisherId => 'tfs',
        defined $resource ? (resource => {
            repository => { name => 'api', project => { name => 'acme' } },
            %$resource,
        }) : (),
    });
}


# refs as [name, old, new]

sub azure_push {
    return azure('git.push', {
        refUpdates => [ map { { name => $_->[0], oldObjectId => $_->[1],
                                newObjectId => $_->[2] } } @_ ],
        pushedBy => { uniqueName => 'ann' },
    });
}


sub azure_pull {
    my ($type, $status) = @_;

    return azure("git.pullrequest.$type", {
        pullRequestId => 7, status => $status, mergeStatus => 'succeeded',
        sourceRefName => 'refs/heads/fix', targetRefName => 'refs/heads/main',
        lastMergeSourceCommit => { commitId => 'b' x 40 },
        lastMergeCommit => { commitId => $COMMIT },
    });
}


sub azure_got {
    my ($body) = @_;

    return got(post('/azure', $body, sign_azure($AZURE)));
}


###############################################################################
# headers of others


my $json = gitea_push();

for my $name (qw(Forgejo Gitea Gogs)) {
    my $provider = lc($name);

    $json = fresh($json);

    my $r = post('/token', $json, gitea_headers($name, 'push', $json),
                 sign_token($SECRET));

    is($r->json->{delivery}, "id-of-$name", "$name: its own delivery");
    is(got($r), "200 started [$provider push updated] = pushed\@$COMMIT",
       "$name is not taken for GitHub");

    is(gitea_got($name, 'push', $json),
       "200 started [$provider push updated] = pushed\@$COMMIT",
       "$name by its scheme");
}

is(got(post('/token', fresh($json), 'X-GitHub-Event' => 'push',
            sign_token($SECRET))),
   "200 started [github push updated] = pushed\@$COMMIT",
   'the header of GitHub alone');

is(got(post('/gogs', $json, sign_gitea($SECRET, $json, 'Gogs'),
            'X-GitHub-Event' => 'push')),
   '400 failed no X-Gogs-Event header = ', 'nothing else for Gogs');

is(got(post('/off', $json, gitea_headers('Gitea', 'push', $json))),
   "200 started [gitea push updated] = pushed\@$COMMIT",
   'not verified, but told');


###############################################################################
# tag objects and commits


is(github_got('push', push_tag('v1', commit => $COMMIT)),
   "200 started [github push created] = tagged\@$COMMIT", 'GitHub: a tag');

my $annotated = push_tag('v2');
$annotated =~ s/"after":"$COMMIT"/"after":"$TAG"/ or die;

is(github_got('push', $annotated),
   "200 started [github push created] = tagged\@$COMMIT",
   'GitHub: the commit of an annotated tag');

is(gitea_got('Gitea', 'push', gitea_push(ref => 'refs/tags/v2', after => $TAG,
                                         before => $NONE, commits => 0,
                                         head => $COMMIT)),
   "200 started [gitea push created] = tagged\@$COMMIT",
   'Gitea: the commit of an annotated tag');


###############################################################################
# created, deleted, merged: once, however many deliveries


# GitHub: a new ref twice, a deleted ref twice

is(github_got('create', ref_event('create', 'tag', 'v1')),
   '200 ignored [github create created] = ', 'GitHub: a tag, the second time');
is(github_got('push', push_branch(before => $NONE)),
   "200 started [github push created] = pushed\@$COMMIT",
   'GitHub: a new branch');
is(github_got('create', ref_event('create', 'branch', 'main')),
   '200 ignored [github create created] = ', 'GitHub: the second time');
is(github_got('push', push_branch(deleted => 1)),
   '200 ignored [github push deleted] = ', 'GitHub: a deleted branch');
is(github_got('delete', ref_event('delete', 'branch', 'main')),
   '200 started [github delete deleted] = deleted', 'GitHub: and its event');

# Gitea: the same, but a deleted branch comes once

is(gitea_got('Gitea', 'create', gitea_ref('create', 'tag', 'v2')),
   '200 ignored [gitea create created] = ', 'Gitea: a tag, the second time');
is(gitea_got('Gitea', 'push', gitea_push(before => $NONE)),
   "200 started [gitea push created] = pushed\@$COMMIT",
   'Gitea: a new branch');
is(gitea_got('Gitea', 'create', gitea_ref('create', 'branch', 'main')),
   '200 ignored [gitea create created] = ', 'Gitea: the second time');
is(gitea_got('Gitea', 'push', gitea_push(ref => 'refs/tags/v2', commits => 0,
                                         after => $NONE, head => undef)),
   '200 ignored [gitea push deleted] = ', 'Gitea: a deleted tag');
is(gitea_got('Gitea', 'delete', gitea_ref('delete', 'tag', 'v2')),
   '200 started [gitea delete deleted] = deleted', 'Gitea: and its event');
is(gitea_got('Forgejo', 'delete', gitea_ref('delete', 'branch', 'x')),
   '200 started [forgejo delete deleted] = deleted',
   'Forgejo: a deleted branch');

# Gogs sends no push for a tag

is(gitea_got('Gogs', 'create', gitea_ref('create', 'tag', 'v1')),
   "200 started [gogs create created] = tagged\@$COMMIT", 'Gogs: a tag');
is(gitea_got('Gogs', 'create', gitea_ref('create', 'branch', 'x')),
   '200 ignored [gogs create created] = ', 'Gogs: a branch, told by push');
is(gitea_got('Gogs', 'delete', gitea_ref('delete', 'tag', 'v1')),
   '200 started [gogs delete deleted] = deleted', 'Gogs: a deleted tag');

# Bitbucket and Azure tell by pushes only

is(got(deliver_bitbucket('/bitbucket', 'repo:push',
                         bitbucket([branch => '-x']))),
   '200 started [bitbucket push deleted] = deleted',
   'Bitbucket: a deleted branch');
is(azure_got(azure_push(['refs/heads/x', $COMMIT, $NONE])),
   '200 started [azure-devops push deleted] = deleted',
   'Azure: a deleted branch');

# a merge is a push, too

is(github_got('pull_request', merge()),
   "200 started [github pull_request merged] = merged\@$COMMIT",
   'GitHub: a merge');
is(github_got('push', push_branch()),
   "200 started [github push updated] = pushed\@$COMMIT",
   'GitHub: its push, for rules of pushes');
is(github_got('pull_request', pull(action => 'closed')),
   '200 ignored [github pull_request closed] = ', 'GitHub: no merge');

my $merge = merge();

is(gitea_got('Gitea', 'pull_request', $merge),
   "200 started [gitea pull_request merged] = merged\@$COMMIT",
   'Gitea: a merge');
is(gitea_got('Gogs', 'pull_request',
             json({ action => 'closed', number => 1,
                    pull_request => { merged => \1, head_branch => 'fix',
                                      base_branch => 'main',
                                      merged_commit_id => $COMMIT },
                    repository => { full_name => 'acme/api' } })),
   "200 started [gogs pull_request merged] = merged\@$COMMIT",
   'Gogs: a merge');
is(gitea_got('Gogs', 'pull_request',
             json({ action => 'opened', number => 1,
                    pull_request => { merged => \0, head_branch => 'fix',
                                      base_branch => 'main' },
                    repository => { full_name => 'acme/api' } })),
   '200 started [gogs pull_request opened] = pulled@main',
   'Gogs: no hash, so the branch');

is(azure_got(azure_pull('merged', 'active')),
   '200 ignored [azure-devops pull_request -] = ', 'Azure: a test merge');
is(azure_got(azure_pull('updated', 'completed')),
   '200 ignored [azure-devops pull_request completed] = ',
   'Azure: the end of a pull request');
is(azure_got(azure_pull('merged', 'completed')),
   "200 started [azure-devops pull_request merged] = merged\@$COMMIT",
   'Azure: its merge');
is(azure_got(azure_pull('created', 'active')),
   '200 started [azure-devops pull_request opened] = pulled@' . 'b' x 40,
   'Azure: the test merge is not the commit');
is(azure_got(azure_pull('updated', 'abandoned')),
   '200 ignored [azure-devops pull_request closed] = ', 'Azure: no merge');


###############################################################################
# hashes: zeros, short ones


is(github_got('push', push_branch(before => '0' x 64, commit => 'a' x 64)),
   '200 started [github push updated] = pushed@' . 'a' x 64,
   'GitHub: a repository of SHA-256');

my $zeros = push_branch(commit => $NONE);

is(github_got('push', $zeros), '200 ignored [github push deleted] = ',
   'GitHub: zeros are no commit');
is(gitea_got('Forgejo', 'push', gitea_push(after => '0' x 64, head => undef,
                                           commits => 0)),
   '200 ignored [forgejo push deleted] = ', 'Forgejo: 64 zeros');
is(azure_got(azure_push(['refs/heads/a', $NONE, $COMMIT],
                        ['refs/tags/v1', $COMMIT, $NONE],
                        ['refs/tags/v2', $NONE, $TAG])),
   '200 started [azure-devops push created] [azure-devops push deleted]'
   . " [azure-devops push created] = deleted pushed\@$COMMIT tagged\@$TAG",
   'Azure: several refs');

sub bitbucket_pull {
    my ($state) = @_;

    return json({
        pullrequest => {
            id => 7, state => $state, title => 'Fix it',
            destination => { branch => { name => 'main' } },
            source => { branch => { name => 'fix' },
                        commit => { hash => 'b' x 12 } },
            merge_commit => { hash => 'a' x 12 },
        },
        repository => { full_name => 'acme/api' },
    });
}

my $r = deliver_bitbucket('/bitbucket', 'pullrequest:fulfilled',
                          bitbucket_pull('MERGED'));

is($r->json->{events}[0]{commit}, 'a' x 12, 'Bitbucket: 12 digits');
is(got($r), '200 started [bitbucket pull_request merged] = merged@main',
   'Bitbucket: the branch is built instead');
is(got(deliver_bitbucket('/bitbucket', 'repo:push',
                         bitbucket([branch => 'main']))),
   "200 started [bitbucket push updated] = pushed\@$COMMIT",
   'Bitbucket: a push has all digits');


###############################################################################
# lists of paths that are not complete


sub paths {
    my ($event, $body, @headers) = @_;

    my $r = post('/paths', fresh($body), @headers, "X-$event-Event" => 'push',
                 sign_token($SECRET));

    started();

    return join(' ', map { $_->{project} . ($_->{paths_unknown} ? '?' : '') }
                         @{ $r->json->{builds} || [] });
}


is(paths('Gitea', gitea_push()), 'docs', 'Gitea: all commits are listed');
is(paths('Gitea', gitea_push(total => 2)), 'docs? rest?',
   'Gitea: more commits than are listed');
is(paths('Gitea', gitea_push(total => undef)), 'docs? rest?',
   'Gitea: how many commits is not told');
is(paths('Gitea', gitea_push(before => $NONE)), 'docs? rest?',
   'Gitea: a new branch');
is(paths('Gitea', gitea_push(paths => undef)), 'docs? rest?',
   'Gitea: no list');
is(paths('GitHub', push_branch(paths => ['docs/a'])), 'docs',
   'GitHub: all commits are listed');
is(paths('GitHub', gitea_push()), 'docs? rest?',
   'GitHub: who does not tell of force is not GitHub');
is(paths('GitHub', push_branch(paths => ['docs/a'], forced => 1)),
   'docs? rest?', 'GitHub: a forced push');


###############################################################################
# what happened may be left out


is(azure_got(azure('git.push')),
   '200 ignored [azure-devops push -] = ', 'Azure: a push without resource');
is(azure_got(azure('git.pullrequest.created')),
   '200 ignored [azure-devops pull_request -] = ',
   'Azure: a pull request without resource');
is(azure_got(azure('git.push', { refUpdates => [] })),
   '200 ignored = ', 'Azure: a push of nothing');


###############################################################################
# pings, unknown events and actions


is(github_got('ping', ping()), '200 ignored [github ping -] = ',
   'GitHub: ping');

my $ping = json({ test => \1 });

is(got(post('/bitbucket', $ping, 'X-Event-Key' => 'diagnostics:ping',
            'X-Request-Id' => 'id', sign_bitbucket($SECRET, $ping))),
   '200 ignored [bitbucket-server ping -] = ', 'Bitbucket Server: ping');

is(github_got('star', json({ action => 'created',
                             repository => { full_name => 'acme/api' } })),
   '200 ignored [github star created] = ', 'GitHub: an unknown event');
is(github_got('pull_request', pull(action => 'blessed')),
   '200 ignored [github pull_request blessed] = ',
   'GitHub: an unknown action');
is(gitea_got('Gitea', 'pull_request', pull(action => 'milestoned')),
   '200 ignored [gitea pull_request milestoned] = ',
   'Gitea: an action of its own');
is(gitea_got('Gitea', '', json({ action => 'created', package => {} })),
   '200 ignored [gitea - created] = ', 'Gitea: an event without a name');

my $package = json({ action => 'created', package => {} });

is(got(post('/gitea', $package, gitea_headers('Gitea', '', $package),
            'X-Gitea-Event-Type' => 'package')),
   '200 ignored [gitea package created] = ', 'Gitea: its exact kind');
is(got(deliver_bitbucket('/bitbucket', 'repo:imported',
                         json({ repository => { full_name => 'a/b' } }))),
   '200 ignored [bitbucket repo:imported -] = ', 'Bitbucket: unknown');
is(azure_got(azure('workitem.created', { id => 5 })),
   '200 ignored [azure-devops workitem.created -] = ', 'Azure: unknown');

$r = post('/azure', azure_pull('updated', 'completed'), sign_azure($AZURE));

is($r->json->{delivery}, '03c164c2-8912-4d5e-8009-3707d5f83734',
   'Azure: the delivery is in the body');
is($r->json->{rules}[0]{failed} . ' ' . $r->json->{rules}[0]{got}, 'on any',
   'the answer says why nothing was done');


###############################################################################
# senders that the body tells


is(got(post('/token', azure_pull('merged', 'completed'),
            sign_token($SECRET))),
   "200 started [azure-devops pull_request merged] = merged\@$COMMIT",
   'Azure behind a token');
is(got(post('/any', json({ type => 'invoice.paid', data => {} }),
            sign_token($SECRET), 'Webhook-Id' => 'msg_1')),
   '200 started [standard invoice.paid -] = any', 'Standard Webhooks');
is(got(post('/token', json({ type => 'delete' }), sign_token($SECRET))),
   '200 ignored [standard delete -] = ', 'whose words are anyone\'s');
is(got(post('/token', json({ hello => 'world' }), sign_token($SECRET))),
   '400 failed the sender cannot be told from headers or body = ',
   'a body of nobody');


###############################################################################
# forms


my %form = ('Content-Type' => 'application/x-www-form-urlencoded');
my $form = form_of($merge = merge(number => 8));

is(got(post('/github', $form, github($SECRET, 'pull_request', $form), %form)),
   "200 started [github pull_request merged] = merged\@$COMMIT",
   'GitHub: the form is signed');

for my $name (qw(Gitea Forgejo Gogs)) {
    my $provider = lc($name);

    is(got(post("/$provider", $form,
                gitea_headers($name, 'pull_request', $merge), %form)),
       "200 started [$provider pull_request merged] = merged\@$COMMIT",
       "$name: the JSON in the form is signed");
}

is(got(post('/github', $form, github($SECRET, 'pull_request', $form))),
   '400 failed object or array expected = ', 'a form as JSON');

my $evil = push_branch(message => '&payload=' . form_of(merge()));

is(github_got('push', $evil, %form),
   '400 failed the form does not begin with "payload=" = ', 'JSON as a form');
is(got(post('/bitbucket', $form, 'X-Event-Key' => 'repo:push',
            sign_bitbucket($SECRET, $form), %form)),
   '400 failed the sender sends no forms = ', 'a form of Bitbucket');
is(got(post('/azure', $form, sign_azure($AZURE), %form)),
   '400 failed neither project nor build_id = ', 'a form of Azure');


###############################################################################
# bytes


is(github_got('push', "\xef\xbb\xbf" . push_branch()),
   '400 failed object or array expected = ', 'a byte order mark is signed');
is(github_got('push', push_branch() . "\0"),
   '400 failed bytes after the document = ', 'a NUL at the end');
is(github_got('push', "\0" . push_branch()),
   '400 failed object or array expected = ', 'a NUL at the beginning');
is(github_got('push', push_branch(branch => "main\0evil")),
   '400 failed NUL in a string = ', 'a NUL in a name');

my $raw = push_branch(branch => 'mainXevil');
$raw =~ s/mainXevil/main\0evil/;

is(github_got('push', $raw), '400 failed control character = ', 'a NUL byte in a name');
is(azure_got("\xef\xbb\xbf" . azure_pull('merged', 'completed')),
   '400 failed object or array expected = ', 'Azure: a byte order mark');

$t->done();
