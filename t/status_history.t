#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What deploy_status tells of the past: why rules did not match, for every
# kind of event, dry runs, and the numbers of the last 30 days.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

my @kinds = qw(merge push tag release pull_request delete command build);

sub conf {
    my ($dry) = @_;

    my $rules = join("\n", map { "deploy_build $_ on=$_;" } @kinds);

    return <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_verify slack %%TESTDIR%%/secret;
            deploy_verify token %%TESTDIR%%/secret;
            $rules
        }

        location = /dry {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_build web branch=dev;
            deploy_dry_run $dry;
        }

        location = /builds {
            client_max_body_size 4m;
            deploy_verify token %%TESTDIR%%/secret;
            deploy_receive;
        }

        location /deploys { deploy_status; }
    }
}
EOC
}

$t->run(conf('on'));

my $store = Test::Deploy::Store->new($t->path('store'));

sub listed {
    my ($query) = @_;

    return http_get("/deploys?$query")->json;
}


###############################################################################
# every kind of event: the rules that did not match, and the one that did


my $command = 'token=x&team_id=T1&channel_id=C1&user_id=U1&command=%2Fdeploy'
              . '&text=api&trigger_id=1.2.3&response_url=';

my %event = (
    merge => [ 'pull_request', merge(number => 1) ],
    push => [ 'push', push_branch(branch => 'main') ],
    tag => [ 'push', push_tag('v1') ],
    release => [ 'release', release('published', 'v2') ],
    pull_request => [ 'pull_request', pull(number => 2) ],
    delete => [ 'delete', ref_event('delete', 'branch', 'old') ],
);

# events may be of two kinds: of those that a kind goes with one alone

for my $kind (@kinds) {
    my $r;

    if ($event{$kind}) {
        $r = deliver('/hook', @{ $event{$kind} });

    } elsif ($kind eq 'command') {
        $r = http_post('/hook', $command, 'Content-Type' =>
                       'application/x-www-form-urlencoded',
                       sign_slack($SECRET, $command));

    } else {
        $r = http_post('/hook', JSON::PP::encode_json({
                           project => 'other', build_id => 'other:1',
                           status => 'succeeded' }),
                       Authorization => "Bearer $SECRET");
    }

    is($r->status, 200, "$kind: delivered");

    my ($d, %rules);

    ok(wait_for(sub {
        ($d) = grep { ($_->{builds}[0]{project} || '') eq $kind }
               @{ listed('limit=10')->{deliveries} };
        $d
    }), "$kind: in the history") or next;

    $rules{$_->{project}} = $_ for @{ $d->{rules} };

    is(scalar keys %rules, scalar @kinds, "$kind: all rules");
    is($rules{$kind}{matched}, JSON::PP::true(), "$kind: matched");

    my @wrong = grep { my $rule = $rules{$_};
                       $_ ne $kind
                       && ($rule->{failed} ne 'on' || $rule->{want} ne $_
                           || !$rule->{got} || !$rule->{line}) } @kinds;

    is("@wrong", '', "$kind: why the others did not");
}


###############################################################################
# dry runs


my $merge = merge(number => 7);
my $r = deliver('/dry', 'pull_request', $merge, { same => 1 });

is($r->json->{status}, 'dry_run', 'a dry run');

my $dry;

ok(wait_for(sub {
    ($dry) = @{ listed('status=dry_run')->{deliveries} };
    $dry
}), 'in the history');

is($dry->{status}, 'dry_run', 'as what it is');
is_deeply($dry->{builds}, [], 'no builds');
is(join(' ', map { "$_->{project} " . ($_->{failed} || 'matched') }
        @{ $dry->{rules} }), 'web branch api matched', 'its rules');
is(scalar @{ listed('status=dry_run&project=api')->{deliveries} }, 1,
   'by project');
is(scalar(() = grep { $_->{delivery} eq $dry->{delivery} }
          @{ listed('status=ignored')->{deliveries} }), 0, 'not ignored');
like(http_get("/deploys?format=html&delivery=$dry->{delivery}")->body,
     qr/It was a dry run: nothing was started/, 'in words');

is(deliver('/dry', 'pull_request', $merge, { same => 1 })->json->{status},
   'dry_run', 'again');

my $builds = () = $cb->builds('api');

is($builds, 0, 'nothing was started');

# what was tried dry is no duplicate

$t->reload(conf('off'));

is(deliver('/dry', 'pull_request', $merge, { same => 1 })->json->{status},
   'started', 'then started');
is(scalar(() = $cb->builds('api')), 1, 'one build');


# a report that is read by a thread, where there is no rule

is(http_post('/builds', (' ' x 1500000) . JSON::PP::encode_json({
                 project => 'large', build_id => 'large:1',
                 status => 'in_progress' }),
             Authorization => "Bearer $SECRET")->status, 200,
   'a large report');


###############################################################################
# numbers


is_deeply(listed('')->{numbers}, [], 'no numbers yet');

sub report {
    my ($build, $status) = @_;

    is(http_post('/builds', JSON::PP::encode_json({
                     project => 'api', build_id => $build,
                     status => $status }),
                 Authorization => "Bearer $SECRET")->status, 200,
       "$build is $status");

    ok(wait_for(sub { $store->value('SELECT count(*) FROM records WHERE'
                                    . ' build = ? AND status = ?', $build,
                                    $status) }), 'recorded');
}

sub start {
    my ($n) = @_;

    return deliver('/dry', 'pull_request', merge(number => $n))
           ->json->{builds}[0]{id};
}

my @builds = (($cb->builds('api'))[0]{id}, map { start($_) } 11 .. 14);

report($builds[0], 'succeeded');
report($builds[1], 'failed');
report($builds[2], 'timed_out');
report($builds[3], 'stopped');
report($builds[4], 'succeeded');

# in hours: 100, 90, 80, 75, 70 before now; deliveries one hour before

my $now = int(time() * 1000);
my @hours = (100, 90, 80, 75, 70);

for my $i (0 .. $#builds) {
    my $final = $now - $hours[$i] * 3600000;

    $store->do('UPDATE records SET final = ? WHERE build = ?', $final,
               $builds[$i]);
    $store->do('UPDATE deliveries SET received = ? WHERE id ='
               . ' (SELECT delivery FROM builds WHERE build = ?)',
               $final - 3600000, $builds[$i]);
}

is_deeply(listed('')->{numbers}, [ {
    project => 'api', days => 30, deployments => 2, failures => 2,
    failure_percent => 50, lead_ms => 3600000, restore_ms => 20 * 3600000,
    restored => 1
} ], 'two of four succeeded, restored after 20 hours');

my $html = http_get('/deploys?format=html')->body;

like($html, qr/data-label="Lead time"><div>1 h</, 'page: lead time');
like($html, qr/data-label="Failed"><div>2, 50%</, 'page: failures');
like($html, qr/data-label="Time to restore"><div>20 h</, 'page: restore');

$store->do('UPDATE records SET final = ? WHERE build = ?',
           $now - 3600000, $builds[2]);

my ($n) = @{ listed('')->{numbers} };

is($n->{restore_ms}, 20 * 3600000, 'restored from the first failure');
like($n->{failing_since}, qr/^20\d\d-.*Z$/, 'failing again');

$store->do('UPDATE records SET final = ? WHERE build = ?',
           $now - 31 * 86400000, $builds[$_]) for 0 .. 1;

($n) = @{ listed('')->{numbers} };

is($n->{deployments}, 1, 'of 30 days');
is($n->{failures}, 1, 'no more');
is($n->{restored}, 0, 'nothing to be restored');

$t->done();
