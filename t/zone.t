#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_zone: the shared memory of deliveries over reloads and the deaths of
# workers, when it is full, and what nginx -t refuses.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

sub conf {
    my ($zone) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $zone

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api;
        }

        location = /fast {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_endpoint http://127.0.0.1:%%PORT_8081%%;
            deploy_build api;
        }
    }

    # a CodeBuild that remembers nothing

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        return 200 '{"build":{"id":"api:1","buildNumber":1}}';
    }
}
EOC
}

sub told {
    my ($body, $uri) = @_;

    return deliver($uri || '/hook', 'pull_request', $body,
                   { same => 1 })->json()->{status};
}

sub body { return merge(number => $_[0]) }


###############################################################################
# reload


$t->run(conf('deploy_zone deploy:64k;'));

is(told(body(1)), 'started', 'started');
is(told(body(1)), 'duplicate', 'again');

$t->reload();
is(told(body(1)), 'duplicate', 'after a reload');

my ($pid) = $t->worker_pids();

$t->expect(qr/worker process \d+ exited on signal 9/);
kill('KILL', $pid);
wait_for(sub {
    my @pids = $t->worker_pids();
    return @pids && $pids[0] != $pid;
}, 'another worker');

is(told(body(1)), 'duplicate', 'after the death of a worker');

$t->reload(conf('deploy_zone deploy:128k;'));
is(told(body(1)), 'started', 'forgotten with another size');

$t->reload(conf('deploy_zone another:128k;'));
is(told(body(1)), 'started', 'and with another name');

$t->reload(conf(''));
is(told(body(1)), 'started', 'and without a zone');
is(told(body(1)), 'duplicate', 'again, without a zone');

$t->reload();
is(told(body(1)), 'started', 'forgotten by a reload without a zone');
is(told(body(1)), 'duplicate', 'not by a failed one');

$t->reload(conf('deploy_zone deploy:64k;'));
is(told(body(1)), 'started', 'a zone again');

is(scalar $cb->builds('api'), 1, 'CodeBuild knows it by its token');


###############################################################################
# full: 64k have room for less than 60


my $started = 0;

for my $n (1 .. 200) {
    $started++ if told(body($n), '/fast') eq 'started';
}

is($started, 200, 'started though it is full');
is(told(body(200), '/fast'), 'duplicate', 'the last one is known');
is(told(body(1), '/fast'), 'started', 'the first one is not any more');


###############################################################################
# nginx -t


sub refused {
    my ($zone, $want) = @_;

    my ($code, $out) = nginx_t("$zone\nserver { }");

    is($code, 1, "$zone refused");
    like($out, $want, "$zone: told");
    like($out, qr/t\d+\.conf:\d+/, "$zone: file and line");
}

refused('deploy_zone deploy;', qr/invalid zone "deploy", it should be NAME/);
refused('deploy_zone :1m;', qr/invalid zone ":1m"/);
refused('deploy_zone deploy:;', qr/invalid zone "deploy:"/);
refused('deploy_zone deploy:1x;', qr/invalid zone "deploy:1x"/);
refused('deploy_zone deploy:-1;', qr/invalid zone/);
refused('deploy_zone deploy:32k;', qr/zone "deploy:32k" is too small/);
refused("deploy_zone deploy:1m;\ndeploy_zone other:1m;",
        qr/"deploy_zone" directive is duplicate/);

my ($code, $out) = nginx_t("deploy_zone deploy:1m;\nserver { }");

is($code, 0, 'a zone that nobody uses');

$t->done();
