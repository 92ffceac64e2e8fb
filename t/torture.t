#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Each allocation of a request fails in turn, alone, then with all that
# follow it: the worker lives, what is answered is true, nothing is started
# twice, and the same request works when there is memory again.
#
# TEST_NGINX_TORTURE=all: each one, as "make torture" does; otherwise some,
# without a store; a number is the seed of that choice.
# TEST_NGINX_TORTURE_ONLY: the scenarios whose names match.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Command;
use Test::Deploy::Payload;
use Test::Deploy::SNS;
use Test::Deploy::Sign;
use Test::Deploy::Torture;

plan(skip_all => 'needs a module that is loaded')
    unless Test::Deploy::Torture->usable();

$Test::Deploy::Payload::SAME = 1;

my $how = $ENV{TEST_NGINX_TORTURE} || '';
my $all = ($how eq 'all');
my $only = $ENV{TEST_NGINX_TORTURE_ONLY} || ($all ? '.' : '^stateless');

# how many of the allocations of a scenario fail, in both modes together

my $SOME = 6;

# a build whose result is not known waits for the end of its lease

my $patience = 30;

srand($how =~ /^\d+\z/ ? $how : 1);

my $t = Test::Deploy->new()->has('http_ssl_module');
my $cb = $t->codebuild();
my $slack = $t->slack();
my $sns = $t->helper(Test::Deploy::SNS->new($t));
my $torture = $t->helper(Test::Deploy::Torture->new($t));

$t->var(TOPIC => $Test::Deploy::SNS::TOPIC);
$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('other', "0123456789abcdef0123456789abcdee\n", 0600);

# memory that nginx itself does not get, and nothing else

$t->expect(qr/\[emerg\] .*(?:malloc|memalign)\(.*\)\ failed
              \ \(12:\ Cannot\ allocate\ memory\)/x,
           qr/\[crit\] .*(?:SSL|OPENSSL)\w*.*malloc failure/i);

my $STORE = 'deploy_store %%TESTDIR%%/store;';

sub conf {
    my ($http) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $http

    deploy_zone      deploy:1m;
    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_timeout   3s;
    deploy_slack     token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                     endpoint=%%SLACK%%;

    client_max_body_size 4m;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        deploy_verify github %%TESTDIR%%/other;
        deploy_verify github %%TESTDIR%%/secret;

        location = /hook { deploy_build api; }
        location = /two {
            deploy_build api branch=~(main)|dev;
            deploy_build web-\$deploy_branch;
        }
        location = /told { deploy_build api; deploy_notify slack; }
        location = /none { deploy_build api branch=dev; }
        location = /large { deploy_build api on=push; }
        location = /page { proxy_pass http://127.0.0.1:%%PORT_8081%%; }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/secret;
            deploy_build  api on=command target=api;
        }

        location = /builds {
            deploy_verify  token %%TESTDIR%%/secret;
            deploy_build   api on=build status=succeeded;
            deploy_notify  slack;
        }

        location = /sns {
            deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS%%;
            deploy_build  api on=build status=succeeded;
        }

        location = /status { deploy_status; deploy_verify off; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / { return 200 "behind\\n"; }
    }
}
EOC
}


my $id = 0;
my $pid;
my $builds = 0;


# the commits of the builds since the last call

sub built {
    open(my $fh, '<', "$cb->{dir}/builds.jsonl") or return ();
    local $/ = "\n";

    seek($fh, $builds, 0);

    my @lines = <$fh>;

    $builds += length($_) for @lines;

    return map { /"sourceVersion":"(\w+)"/ ? $1 : '' } @lines;
}

sub commit { return sprintf('%040x', 1 + $id) }

# 1 when the connection was closed, or the answer says that it did not work

sub failed {
    my ($r) = @_;

    return $r->raw eq '' || $r->status =~ /^50[0234]\z/;
}


# name, send: a request for the present $id; good: what is true about the
# answer to it without a failure; built: how many builds it starts

sub torture {
    my ($name, %s) = @_;

    return if $name !~ /$only/;

    my $want = $s{built} || 0;
    my (@wrong, %seen);
    my ($tries, $fails) = (0, 0);

    ($pid) = $t->worker_pids();

    # what is made once only is made before

    for (1 .. 3) {
        $id++;
        $torture->arm(2 ** 40);
        $s{send}->();
        $torture->idle();
    }

    my ($count) = $torture->disarm();

    built();

    for my $mode (0, 1) {
        my $step = $all ? 1 : 2 * $count / $SOME;
        my $n = $all ? 1 : 1 + int(rand($step));

        $step = 1 if $step < 1;

        for ( ;; $n += $step) {

            my $nth = int($n);
            my $complain = sub {
                push(@wrong, ($mode ? "from $nth on" : "$nth") . ": @_, "
                     . $torture->where($pid)) if @wrong < 20;
            };

            $id++;
            $torture->arm($nth, all => $mode);

            my $start = time();
            my $r = $s{send}->();

            $torture->idle($s{idle} || 0.004);

            my ($counted, $failed) = $torture->disarm();

            if (!kill(0, $pid) || $t->worker_pids() != 1) {
                $complain->('the worker is gone');
                ($pid) = $t->worker_pids();
            }

            $tries++;
            $fails++ if $failed;

            my $bad = failed($r) ? '' : $s{good}->($r);
            my @built = built();

            $complain->('took ' . int(time() - $start))
                if time() - $start > 5;
            $complain->("$bad: " . substr($r->raw, 0, 400)) if $bad;
            my $told = () = $r->raw =~ /"project":"[^"]*","status":"started"/g;

            $complain->('answered ' . $r->status . ' without a build')
                if $want && !failed($r) && @built < $told;

            # the same again

            $r = undef;

            my $ok = wait_for(sub {
                $r = $s{send}->();
                return $s{again} ? !$s{again}->($r) : !$s{good}->($r);
            }, undef, $patience);

            $complain->('again: ' . ($r ? substr($r->raw, 0, 400) : ''))
                if !$ok;

            # what is queued is started later

            wait_for(sub {
                push(@built, built());
                return !$s{once} || @built >= $want;
            }, undef, $patience);

            # of the store those of the last time may come now

            $complain->(@built . ' builds') if $s{once} && !@built;

            for my $commit (grep { length } @built) {
                $complain->("twice: $commit") if ++$seen{$commit} > $want;
            }

            last if !$failed;
            last if @wrong >= 20;
        }
    }

    ok(!@wrong, "$name: $tries times, $fails with failures")
        or diag(join("\n", @wrong));
}


sub status {
    my ($status, $word) = @_;

    return sub {
        my ($r) = @_;

        return 'status' if $r->status != $status
                           && ($r->status != 202 || $r->body !~ /"queued"/);
        return 'word' if defined $word
                         && $r->body !~ /"status":"(?:$word)"/;
        return '';
    };
}

sub hook {
    my ($uri, @more) = @_;

    return deliver($uri, 'pull_request',
                   merge(number => $id, commit => commit(), @more));
}


sub scenarios {
    my ($kind, $status) = @_;

    torture("$kind: refused", good => status(403, 'refused'), send => sub {
        return http_post('/hook', merge(number => $id),
                         'X-GitHub-Event' => 'pull_request',
                         'X-Hub-Signature-256' => 'sha256=' . '0' x 64);
    });

    torture("$kind: ignored", good => status(200, 'ignored|duplicate'),
            send => sub { hook('/none') });

    torture("$kind: ping", good => status(200, 'ignored|duplicate'),
            send => sub { deliver('/hook', 'ping', ping()) });

    torture("$kind: started", good => status(200, $status),
            again => status(200, 'started|duplicate'),
            built => 1, once => 1, send => sub { hook('/hook') });

    torture("$kind: two builds", good => status(200, $status),
            again => status(200, 'started|duplicate'),
            built => 2, once => 1, send => sub { hook('/two') });

    torture("$kind: told", good => status(200, $status),
            again => status(200, 'started|duplicate'),
            built => 1, once => 1, send => sub { hook('/told') });

    torture("$kind: large", good => status(200, $status),
            again => status(200, 'started|duplicate'),
            built => 1, once => 1, send => sub {
        my $body = push_branch(commit => commit());

        return deliver('/large', 'push', $body . ' ' x 1100000);
    });

    torture("$kind: in front of a proxy", good => sub {
        return $_[0]->body eq "behind\n" ? '' : 'body';
    }, send => sub { hook('/page') });

    torture("$kind: command", built => 1, good => sub {
        my ($r) = @_;

        return 'status' if $r->status != 200;

        # words for the user, whatever they are
        return $r->body =~ /"text":/ ? '' : 'text';
    }, send => sub { command('api', trigger_id => "1.2.$id") });

    torture("$kind: help", send => sub {
        return command('help', trigger_id => "1.2.$id");
    }, good => sub { return $_[0]->body =~ /"text":/ ? '' : 'text' });

    torture("$kind: report", built => 1, once => 1,
            good => status(200, $status),
            again => status(200, 'started|duplicate'), send => sub {
        return http_post('/builds', "project=prod&status=succeeded"
                         . "&build_id=prod:$id",
                         'Content-Type' => 'application/x-www-form-urlencoded',
                         sign_token($SECRET));
    });

    my %messages;

    torture("$kind: SNS", built => 1, once => 1,
            good => status(200, $status),
            again => status(200, 'started|duplicate'), send => sub {

        # the same message for the same event
        $messages{$id} ||= [$sns->message(Message => json({
            version => '0', id => "event-$id", source => 'aws.codebuild',
            'detail-type' => 'CodeBuild Build State Change',
            detail => { 'build-status' => 'SUCCEEDED',
                        'project-name' => 'prod',
                        'build-id' => "arn:aws:codebuild:us-east-1:1:build/"
                                      . "prod:$id" },
        }))];

        return http_post('/sns', @{ $messages{$id} });
    });

    my %pages = (html => qr/<\/html>/, json => qr/\}\s*\z/,
                 prometheus => qr/\n\z/);

    for my $format (sort keys %pages) {
        torture("$kind: status, $format", good => sub {
            my ($r) = @_;

            return $r->status == 200 && $r->body =~ $pages{$format} ? ''
                                                                 : 'page';
        }, send => sub { http_get("/status?format=$format") });
    }
}


$t->run(conf(''));
scenarios('stateless', 'started');

$t->restart(conf($STORE));
scenarios('store', 'started|queued|duplicate');

$t->done();
