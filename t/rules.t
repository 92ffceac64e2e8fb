#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The conditions of deploy_build, one project per rule: what fires is what a
# dry run lists.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_dry_run on;

    map $deploy_branch $live {
        main     1;
        next     0;
    }

    map $deploy_branch $target {
        main     prod;
        default  stage-$deploy_branch;
    }

    deploy_project mapped {
        env TARGET $target;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/secret;
        deploy_verify bitbucket %%TESTDIR%%/secret;

        location = /on {
            deploy_build default;
            deploy_build merge on=merge;
            deploy_build push on=push;
            deploy_build tag on=tag;
            deploy_build release on=release;
            deploy_build pull on=pull_request;
            deploy_build delete on=delete;
            deploy_build two on=tag,release;
            deploy_build not on!=merge,push;
            deploy_build any on=any;
        }

        location = /facts {
            deploy_build event on=any event=pull_request;
            deploy_build action on=any action=closed,labeled;
            deploy_build repo repo=acme/api;
            deploy_build repo-glob repo=acme/*;
            deploy_build branch branch=main;
            deploy_build branch-not branch!=main;
            deploy_build list branch=one,main,two;
            deploy_build list-not branch!=one,two;
            deploy_build source source_branch=fix/*;
            deploy_build source-deep source_branch=fix/**;
            deploy_build question branch=mai?;
            deploy_build sender sender=ann,bob;
            deploy_build title title=~.*\[deploy\].*;
            deploy_build provider provider=github;
            deploy_build other provider=bitbucket;
            deploy_build case branch=~*MAIN;
            deploy_build regex branch=~main|dev;
            deploy_build tagged tag!=v1;
            deploy_build message on=push message=~(?s).*\[deploy\].*;
        }

        location = /path {
            deploy_build docs on=any path=docs/**;
            deploy_build flat on=any path=docs/*;
            deploy_build not-docs on=any path!=docs/**;
            deploy_build csrc on=any path=~.*\.c;
        }

        location = /if {
            deploy_build live on=any if=$live;
            deploy_build dead on=any if!=$live;
            deploy_build arg on=any if=$arg_go;
        }

        location = /name {
            deploy_build $1-docs on=push repo=~acme/(.+);
            deploy_build ${kind}-b on=push branch=~(?<kind>[a-z]+)-.*;
            deploy_build mapped on=push;
        }

        location = /once {
            deploy_build api on=push;
            deploy_build api on=any;
            deploy_build $deploy_sender on=push;
            deploy_build ann on=push branch=main;
        }

        location = /limit {
            deploy_build slow on=push branch=~(a+)+$;
            deploy_build fast on=push;
        }
    }
}
EOC


sub fires {
    my ($uri, $event, $body, $key) = @_;

    my $r = $key ? deliver_bitbucket($uri, $event, $body)
                 : deliver($uri, $event, $body);

    return $r->status unless $r->status == 200;

    return join(' ', sort map { $_->{project} }
                          @{ $r->json->{builds} || [] });
}

sub fired {
    my ($project, @args) = @_;

    return scalar grep { $_ eq $project } split(/ /, fires(@args));
}


###############################################################################
# on


my $PR = 'pull_request';

is(fires('/on', $PR, merge()), 'any default merge', 'merge');
is(fires('/on', $PR, pull(action => 'closed')), 'any not', 'closed');
is(fires('/on', $PR, pull()), 'any not pull', 'opened');
is(fires('/on', $PR, pull(action => 'reopened')), 'any not pull', 'reopened');
is(fires('/on', $PR, pull(action => 'synchronize')), 'any not pull',
   'updated');
is(fires('/on', $PR, pull(action => 'labeled')), 'any not', 'labeled');
is(fires('/on', $PR, pull(action => 'merged', merged => 1)), 'any not',
   'a word that is not of the sender');
is(fires('/on', 'push', push_branch()), 'any push', 'push');
is(fires('/on', 'push', push_branch(deleted => 1)), 'any not',
   'deleting push, told again by delete');
is(fires('/on', 'push', push_tag('v1')), 'any not tag two', 'tag');
is(fires('/on', 'push', push_branch(ref => 'refs/notes/x')), 'any not',
   'neither branch nor tag');
is(fires('/on', 'create', ref_event('create', 'tag', 'v1')), 'any not',
   'create, told before by push');
is(fires('/on', 'delete', ref_event('delete', 'branch', 'x')),
   'any delete not', 'delete');
is(fires('/on', 'release', release('published', 'v1')), 'any not release two',
   'release');
is(fires('/on', 'release', release('created', 'v1')), 'any not',
   'release created');
is(fires('/on', 'ping', ping()), 'any not', 'ping');
is(fires('/on', 'repo:push', bitbucket([branch => '-x']), 1),
   'any delete not', 'a deleting push that is told once');


###############################################################################
# facts


is(fires('/facts', $PR, merge(title => 'x [deploy] y', source => 'fix/a')),
   'branch case event list list-not provider question regex repo repo-glob'
   . ' sender source source-deep title', 'facts of a merge');

ok(fired('branch-not', '/facts', $PR, merge(branch => 'dev')), 'not main');
ok(fired('regex', '/facts', $PR, merge(branch => 'dev')), 'second of a regex');
ok(!fired('list-not', '/facts', $PR, merge(branch => 'two')), 'not in a list');
ok(!fired('source', '/facts', $PR, merge(source => 'fix/a/b')), '* and /');
ok(fired('source-deep', '/facts', $PR, merge(source => 'fix/a/b')), '**');
ok(!fired('source-deep', '/facts', $PR, merge(source => 'prefix/a')),
   'a glob is anchored');
ok(!fired('sender', '/facts', $PR, merge(sender => 'annie')), 'sender');
ok(fired('action', '/facts', $PR, pull(action => 'labeled')), 'action');
ok(fired('message', '/facts', 'push',
         push_branch(message => "x\n\n[deploy]\n")), 'message');
ok(!fired('message', '/facts', 'push', push_branch()), 'no message');
ok(!fired('repo', '/facts', $PR, merge(repo => 'acme/api2')), 'other repo');
ok(!fired('repo-glob', '/facts', $PR, merge(repo => 'evil-acme/api')),
   'other owner');

for my $branch ('not-main', 'main2', 'MAIN', "main\n", "main\nx", 'Main',
                'feature/main', ' main', "main\r")
{
    my %fires = map { $_ => 1 }
                split(/ /, fires('/facts', $PR, merge(branch => $branch)));
    my $name = $branch =~ s/\n/\\n/r =~ s/\r/\\r/r;

    is(join(' ', grep { $fires{$_} } qw(branch list regex)), '', "\"$name\"");
}

is(fires('/facts', 'push', push_tag('main')), '', 'a tag called main');


###############################################################################
# path


sub paths {
    my ($got, $name, %push) = @_;

    is(fires('/path', 'push', push_branch(%push)), $got, $name);
}

paths('docs flat', 'docs alone', paths => ['docs/a.md']);
paths('docs', 'deeper', paths => ['docs/a/b.md']);
paths('csrc not-docs', 'source alone', paths => ['src/a.c']);
paths('csrc docs flat', 'both', paths => ['src/a.c', 'docs/a']);
paths('not-docs', 'neither', paths => ['README']);
paths('csrc docs flat not-docs', 'forced: unknown', paths => ['README'],
      forced => 1);
paths('csrc docs flat not-docs', 'no commits: unknown', commits => 0);

my $r = deliver('/path', $PR, merge());
is(scalar @{ $r->json->{builds} }, 4, 'a merge has no list');
ok($r->json->{builds}[0]{paths_unknown}, 'paths_unknown');

$r = deliver('/path', 'push', push_branch(paths => ['docs/a']));

ok(!$r->json->{builds}[0]{paths_unknown}, 'not with a list');
is($r->json->{rules}[0]{failed}, 'path', 'path failed');
is($r->json->{rules}[0]{want_not}, 'docs/**', 'what it must not be');


###############################################################################
# if, names, variables of an event


is(fires('/if', 'push', push_branch()), 'live', 'if: 1');
is(fires('/if', 'push', push_branch(branch => 'next')), 'dead', 'if: 0');
is(fires('/if', 'push', push_branch(branch => 'x')), 'dead', 'if: empty');
is(fires('/if?go=yes', 'push', push_branch()), 'arg live', 'argument');
is(fires('/if?go=0', 'push', push_branch()), 'live', 'argument 0');

is(fires('/name', 'push', push_branch(branch => 'x-1')),
   'api-docs mapped x-b', 'captures');
is(fires('/name', 'push', push_branch(branch => 'X-1')), 'api-docs mapped',
   'no capture, no rule');

is(fires('/once', 'push', push_branch()), 'ann api', 'once per event');

$r = deliver_bitbucket('/name', 'repo:push',
                       bitbucket([branch => 'main'], [branch => 'ab-1'],
                                 [tag => 'v1']));
my $j = $r->json;

is(join(' ', map { defined $_->{branch} ? $_->{branch} : "tag $_->{tag}" }
             @{ $j->{events} }), 'main ab-1 tag v1', 'three events');

is(join(' ', map { "$_->{event}:$_->{project}" } @{ $j->{builds} }),
   '0:api-docs 0:mapped 1:api-docs 1:ab-b 1:mapped', 'builds of each');

is(join(' ', map { $_->{request}{environmentVariablesOverride}[0]{value} }
             grep { $_->{project} eq 'mapped' } @{ $j->{builds} }),
   'prod stage-ab-1', 'a map for each event');

is(scalar(grep { $_->{event} == 2 } @{ $j->{rules} }), 3,
   'rules that failed for the tag');

$r = deliver_bitbucket('/if', 'repo:push',
                       bitbucket([branch => 'next'], [branch => 'main']));

is(join(' ', map { "$_->{event}:$_->{project}" }
             @{ $r->json->{builds} || [] }), '0:dead 1:live',
   'if= for each event');


###############################################################################
# a branch that takes a regex to its limit matches nothing


is(fires('/limit', 'push', push_branch(branch => 'a' x 40)), 'fast slow',
   'a regex');

is(fires('/limit', 'push', push_branch(branch => 'a' x 200 . 'b')), 'fast',
   'its limit');

ok($t->find_in_log(qr/regex .* failed/), 'told in the log');

$t->done();
