#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Hundreds of deliveries that are nearly those of a rule, all of them signed:
# none starts anything.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(decode_utf8);
use JSON::PP ();
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/secret;

        location = /push {
            deploy_build exact  on=push repo=acme/api branch=main;
            deploy_build regex  on=push repo=~acme/api branch=~main;
            deploy_build either on=push repo=~acme/api branch=~main|master;
            deploy_build glob   on=push repo=acme/ap? branch=mai?
                                sender=ann;
        }

        location = /release {
            deploy_build glob  on=push repo=acme/api branch=release/?*;
            deploy_build regex on=push repo=acme/api branch=~release/[0-9.]+;
        }

        location = /merge {
            deploy_build exact on=merge repo=acme/api branch=main;
        }

        location = /tag {
            deploy_build exact on=tag repo=acme/api tag=v1;
            deploy_build regex on=tag repo=acme/api tag=~v[0-9];
        }
    }
}
EOC

my $JSON = JSON::PP->new->utf8;
my (%seen, $rows);


# each is sent once; nothing is started, and that is the answer

sub misses {
    my ($uri, $event, $body, $name) = @_;

    return if $seen{"$uri $event $body"}++;

    $rows++;

    my $r = deliver($uri, $event, $body);
    my $json = eval { $JSON->decode($r->body) } || {};

    ok($r->status == 200 && ($json->{status} || '') eq 'ignored'
       && !@{ $json->{builds} || [] }, $name) or diag($r->raw);
}


# texts that are nearly this one

sub near {
    my ($text) = @_;

    my @near;
    my $n = length($text);

    for my $i (0 .. $n) {
        my ($head, $tail) = (substr($text, 0, $i), substr($text, $i));

        push(@near, map { "$head$_$tail" } ' ', 'x', '/', '.', "\n", '%00');
        push(@near, $head . substr($tail, 1)) if $i < $n && $n > 1;
        push(@near, $head . uc(substr($tail, 0, 1)) . substr($tail, 1))
            if $i < $n;
    }

    push(@near, "$text\r", "$text\t", "\t$text", "$text\r\n", "$text\nx",
         "x\n$text", "$text,$text", "$text|x", "~$text", "^$text\$", "$text*",
         '*', '**', '~.*', "refs/heads/$text", "heads/$text", "refs/$text",
         "refs/heads/refs/heads/$text", "origin/$text", "not-$text-x",
         "$text^{}", "$text\@{1}", "$text~1", "$text:x", "$text.git",
         "$text.lock", "./$text", "../$text", "$text/..", reverse($text) . '',
         decode_utf8("$text\xe2\x80\x8b"), decode_utf8("\xef\xbb\xbf$text"),
         decode_utf8("\xe2\x80\xae$text"), decode_utf8("$text\xcc\x81"),
         map({ my $s = $text; $s =~ s/a/$_/r }
             "\x{430}", "\x{ff41}", "\x{251}", "\x{e1}", '%61', '\\u0061'));

    # another last letter is what "?" of a pattern stands for

    return grep { $_ ne $text
                  && !(length($_) == $n
                       && substr($_, 0, $n - 1) eq substr($text, 0, $n - 1)) }
                @near;
}


sub shown {
    my ($text) = @_;

    return $text =~ s/([^\x20-\x7e])/sprintf('\\x{%x}', ord($1))/ger;
}


# the rules do hold

for (['/push', 'push', push_branch()], ['/merge', 'pull_request', merge()],
     ['/tag', 'push', push_tag('v1')],
     ['/release', 'push', push_branch(branch => 'release/1')])
{
    my ($uri, $event, $body) = @$_;

    is(deliver($uri, $event, $body)->json->{status}, 'started',
       "$uri: what is meant");
}

my $started = () = $cb->requests();


###############################################################################


for my $name (near('main')) {
    misses('/push', 'push', push_branch(branch => $name),
           'branch ' . shown($name));
    misses('/merge', 'pull_request', merge(branch => $name),
           'merged into ' . shown($name));
}

for my $name (near('acme/api')) {
    misses('/push', 'push', push_branch(repo => $name), 'repo ' . shown($name));
    misses('/merge', 'pull_request', merge(repo => $name),
           'merge in ' . shown($name));
}

misses('/push', 'push', push_branch(repo => $_), "repo $_")
    for 'evil/acme/api', 'acme/api-evil', 'evil/api', 'acme/evil', 'api',
        'acme', '', '/', 'acme//api', 'acme\\api', 'acme:api',
        'github.com/acme/api', 'https://github.com/acme/api', 'acme/api#x',
        'acme/api?x', 'acme%2fapi', 'acme/ap', 'acme/api/api';

for my $name (near('v1')) {
    misses('/tag', 'push', push_tag($name), 'tag ' . shown($name));
}

misses('/release', 'push', push_branch(branch => $_), "branch $_")
    for 'release', 'release/', 'release/1/2', 'xrelease/1', 'Release/1',
        'x/release/1', 'release/1/', 'release-1', 'release//1';

misses('/push', 'push', push_branch(ref => $_), "ref $_")
    for 'refs/tags/main', 'refs/pull/1/head', 'refs/heads/', 'refs/heads',
        'REFS/HEADS/main', 'refs/heads//main', 'refs/heads/main/',
        'refs/remotes/origin/main', 'refs/notes/main', 'refs/stash/main',
        'refs/for/main';
misses('/tag', 'push', push_branch(ref => $_), "ref $_")
    for 'refs/heads/v1', 'refs/tags/', 'refs/tags//v1', 'refs/tags/tags/v1',
        'refs/TAGS/v1';
misses('/tag', 'push', push_tag('v1', deleted => 1), 'the tag deleted');
misses('/push', 'push', push_branch(deleted => 1), 'the branch deleted');
misses('/merge', 'pull_request', pull(action => $_), "a request $_")
    for qw(opened reopened closed synchronize labeled merged MERGED);
misses('/merge', 'pull_request', pull(branch => 'dev', source => 'main',
       action => 'closed', merged => 1), 'merged from main');
misses('/push', 'create', ref_event('create', 'branch', 'main'),
       'the branch created');
misses('/push', 'delete', ref_event('delete', 'branch', 'main'),
       'the branch deleted, told otherwise');
misses('/tag', 'delete', ref_event('delete', 'tag', 'v1'),
       'the tag deleted, told otherwise');
misses('/merge', 'push', push_branch(), 'a push is no merge');
misses('/push', 'pull_request', merge(), 'a merge is no push');
misses('/tag', 'push', push_branch(), 'a branch is no tag');
misses('/tag', 'release', release('published', 'v1'), 'a release is no tag');
misses('/push', 'ping', ping(), 'a ping');

cmp_ok($rows, '>=', 300, "$rows near misses");
is(scalar(() = $cb->requests()), $started, 'not one request to CodeBuild');

$t->done();
