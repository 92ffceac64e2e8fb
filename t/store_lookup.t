#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# CodeBuild forgets a token after five minutes: a build whose outcome is not
# known is looked for before it is started again.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Store;

my $t = Test::Deploy->new(workers => 2);
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
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
            deploy_build api;
        }

        location = /bitbucket {
            deploy_verify bitbucket %%TESTDIR%%/secret;
            deploy_build two on=push;
        }
    }
}
EOC

my $store = Test::Deploy::Store->new($t->path('store'));
my $n = 0;

sub calls {
    my ($operation) = @_;

    return grep { ($_->{operation} || '') eq $operation } $cb->requests();
}

# the state of the newest build in the store

sub newest {
    return ($store->rows('SELECT * FROM builds ORDER BY id DESC LIMIT 1'))[0];
}

sub wait_started {
    my ($name) = @_;

    ok(wait_for(sub { newest()->{state} == 2 }, undef, 20),
       "$name: started");
}

# a delivery that meets the faults, then five minutes go by

sub old {
    my ($name, $status, @faults) = @_;

    # a retry that comes early changes nothing
    $cb->fault('api', @faults);
    $cb->fault_always('api', $faults[-1] eq 'throttle' ? 'throttle' : 'close');
    $cb->fault_always('ListBuildsForProject', 'close');

    is(deliver('/hook', 'pull_request', merge(number => ++$n))->status,
       $status, "$name: answer");

    # its result is in the store
    wait_for(sub { newest()->{state} == 0 }, undef, 20);

    $store->do('UPDATE builds SET unknown = unknown - 300000'
               . ' WHERE unknown != 0');
    $cb->forget();
    $cb->fault_always('api', undef);
}


###############################################################################


old('started', 202, ('started-reset') x 3);

ok($t->wait_log(qr/cannot tell .* was started: ListBuildsForProject failed/),
   'no answer: not started again');

is(scalar(() = $cb->builds()), 1, 'one build');

$cb->fault_always('ListBuildsForProject', undef);

wait_started('started');

is(scalar(() = $cb->builds()), 1, 'one build');
is(newest()->{build}, ($cb->builds())[0]{id}, 'which was found');
is(newest()->{number}, 1, 'its number');
like(newest()->{url}, qr/codebuild/, 'its page');
is(scalar $t->find_in_log(qr/found build "api:.* earlier attempt started/), 1,
   'logged');
is(scalar calls('BatchGetBuilds'), 1, 'builds were read');

# it never got there

my $calls = calls('ListBuildsForProject');

old('not started', 202, ('reset') x 3);
$cb->fault_always('ListBuildsForProject', undef);
wait_started('not started');

is(scalar(() = $cb->builds()), 2, 'it is started');
cmp_ok(scalar calls('ListBuildsForProject'), '>', $calls, 'after a look');
isnt(newest()->{build}, ($cb->builds())[0]{id}, 'as a build of its own');

# known not to be started: nothing to look for

$calls = calls('ListBuildsForProject');

old('throttled', 202, ('throttle') x 3);
wait_started('throttled');

is(scalar calls('ListBuildsForProject'), $calls, 'not looked for');
is(scalar(() = $cb->builds()), 3, 'started');

# not allowed to look

old('denied', 202, ('started-reset') x 3);
$cb->fault_always('ListBuildsForProject', undef);
$cb->fault_always('BatchGetBuilds', 'AccessDeniedException');

ok(wait_for(sub { newest()->{error}
                  && newest()->{error} eq 'AccessDeniedException' },
            undef, 20), 'denied: recorded');
is(scalar(() = $cb->builds()), 4, 'denied: not started again');

$cb->fault_always('BatchGetBuilds', undef);
wait_started('denied');
is(scalar(() = $cb->builds()), 4, 'denied: found');

# the mark is that of the delivery: one event has it, the other has not

$cb->fault('two', 'ok');
$cb->fault_always('two', 'reset');
$cb->fault_always('ListBuildsForProject', 'close');

my $r = deliver_bitbucket('/bitbucket', 'repo:push',
                          bitbucket(['branch', 'a'], ['branch', 'b']));

is($r->status, 202, 'two events of one commit');

ok(wait_for(sub {
    $store->value('SELECT count(*) FROM builds WHERE project = ?'
                  . ' AND state = 2', 'two') == 1
    && $store->value('SELECT count(*) FROM builds WHERE project = ?'
                     . ' AND state = 0', 'two') == 1;
}), 'one is started');

$store->do('UPDATE builds SET unknown = unknown - 300000'
           . ' WHERE unknown != 0');
$cb->forget();
$cb->fault_always('two', undef);
$cb->fault_always('ListBuildsForProject', undef);

ok(wait_for(sub {
    $store->value('SELECT count(*) FROM builds WHERE project = ?'
                  . ' AND state = 2', 'two') == 2;
}, undef, 20), 'then both');

my @two = $cb->builds('two');

is(scalar @two, 2, 'two builds');
is(join(' ', sort map { $_->{build} }
             $store->rows('SELECT build FROM builds WHERE project = ?',
                          'two')),
   join(' ', sort map { $_->{id} } @two), 'of one event each');
is($two[0]{env}{DEPLOY_DELIVERY}, $two[1]{env}{DEPLOY_DELIVERY},
   'with one mark');

$t->done();
