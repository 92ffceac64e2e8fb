#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Builds that wait in the store are started with the rights they were accepted
# with: a forced source of credentials is kept with them, a role is that of the
# configuration as it is by then.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::ContainerCredentials;
use Test::Deploy::Mint;
use Test::Deploy::Payload;
use Test::Deploy::STS;
use Test::Deploy::Store;

my $ROLE = 'arn:aws:iam::123456789012:role/deploy';
my %user = (id => 'AKIDUSER', secret => 'user/secret+0123456789');
my %ci = (id => 'AKIDCI', secret => 'ci/secret+0123456789');

my $t = Test::Deploy->new();
my $cb = $t->codebuild(no_env => 1, minted => 1,
                       credentials => [{ %user }, { %ci }]);
my $sts = $t->helper(Test::Deploy::STS->new($t, mint => 1,
    region => 'us-east-1', credentials => [{ %user }], roles => {
        $ROLE => {}, "$ROLE-new" => { external_id => 'tenant-7' } }));
my $task = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                                                              mint => 1));

# its keys are told from those of STS

$task->update(sub { $_[0]{numbers}{mint} = 1000 });

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('credentials', "[default]\naws_access_key_id = NONE\n"
    . "aws_secret_access_key = none\n[ci]\naws_access_key_id = $ci{id}\n"
    . "aws_secret_access_key = $ci{secret}\n", 0600);

$t->env(AWS_ACCESS_KEY_ID => $user{id}, AWS_SECRET_ACCESS_KEY => $user{secret},
        AWS_EC2_METADATA_DISABLED => 'true',
        AWS_ENDPOINT_URL_STS => $sts->endpoint(),
        AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url(),
        AWS_SHARED_CREDENTIALS_FILE => $t->path('credentials'));

$t->var(ROLE => $ROLE);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_verify github %%TESTDIR%%/secret;

    deploy_project assumed { role %%ROLE%%; }
    deploy_project task { credentials container; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_build plain;
            deploy_build assumed;
            deploy_build task;
        }

        location = /ci {
            deploy_credentials profile=ci;
            deploy_build ci;
        }
    }
}
EOC

$t->run($conf);

my @projects = qw(plain assumed task ci);
my $store = Test::Deploy::Store->new($t->path('store'));
my $n = 0;

# the keys that builds were started with, since the last call

my %seen;

sub keys_of {
    return map {
        my $project = $_;
        my @started = grep { ($_->{status} || 0) == 200 }
                      $cb->requests($project);
        my @new = @started[($seen{$project} || 0) .. $#started];

        $seen{$project} = @started;

        ($project => join(' ', map { $_->{key} } @new));
    } @projects;
}

sub assumed { return grep { $_->{RoleArn} eq $_[0] }
                     grep { defined } map { $_->{form} } $sts->requests() }

# a delivery while CodeBuild is down, a reload, CodeBuild is up again

sub outage {
    my ($name, $conf) = @_;

    $cb->stop();

    my @s = map { deliver($_, 'pull_request', merge(number => ++$n),
                          { start => 1 }) } qw(/hook /ci);

    is(http_response($_)->status, 202, "$name: accepted") for @s;

    ok($t->reload($conf), "$name: reloaded");

    $cb->start();
    $store->do('UPDATE builds SET due = since WHERE state = 0');

    ok(wait_for(sub {
        $store->value('SELECT count(*) FROM builds WHERE state < 2') == 0;
    }, undef, 40), "$name: nothing waits");

    is($store->value('SELECT count(*) FROM builds WHERE state = 2'),
       4 * $n / 2, "$name: all are started");
    is($cb->builds($_), $n / 2, "$name: $_ once") for @projects;

    return keys_of();
}


# as it is

my %key = outage('same', $conf);

is($key{plain}, $user{id}, 'the chain');
like($key{assumed}, qr/^ASIAM\d+N\d\d?$/, 'the role');
like($key{task}, qr/^ASIAM\d+N10\d\d$/, 'the container');
is($key{ci}, $ci{id}, 'the profile');

ok(scalar(assumed($ROLE)), 'the role was assumed');

my %stored = map { $_->{project} => $_ }
             $store->rows('SELECT project, role, credentials FROM builds');

is($stored{assumed}{role}, $ROLE, 'the role is told in the store');
is($stored{ci}{credentials}, 'profile=ci', 'the profile, too');
is($stored{task}{credentials}, 'container', 'and the container');
is($stored{plain}{credentials}, 'chain', 'and the chain');

# no secret is

for my $secret ($user{secret}, $ci{secret}, $SECRET) {
    is(scalar(grep { index($t->read_file("store/$_"), $secret) >= 0 }
                   qw(deploy.db deploy.db-wal)), 0, 'no secret is');
}

# another role, and locations that force other sources

my %new = outage('changed', $conf
    =~ s/role %%ROLE%%;/role %%ROLE%%-new external_id=tenant-7;/r
    =~ s/credentials container/credentials profile=ci/r
    =~ s/deploy_credentials profile=ci/deploy_credentials environment/r);

is($new{plain}, $user{id}, 'changed: the chain');
is($new{ci}, $ci{id}, 'changed: the profile it was accepted with');
like($new{task}, qr/^ASIAM\d+N10\d\d$/,
     'changed: the container it was accepted with');
like($new{assumed}, qr/^ASIAM\d+N\d\d?$/, 'changed: a role');
isnt($new{assumed}, $key{assumed}, 'changed: another one');

my ($form) = assumed("$ROLE-new");

is($form->{ExternalId}, 'tenant-7', 'changed: with its external id');

# STS is down, too: the build waits for credentials

$sts->fault_always('assume', { status => 500 });
$t->restart($conf);

my $r = deliver('/hook', 'pull_request', merge(number => ++$n));
my %status = map { $_->{project} => $_->{status} } @{ $r->json->{builds} };

is($r->status, 202, 'no STS: accepted');
is_deeply(\%status, { plain => 'started', task => 'started',
                      assumed => 'queued' }, 'no STS: one waits');

$sts->fault_always('assume', undef);

ok(wait_for(sub {
    $store->do('UPDATE builds SET due = since WHERE state = 0');
    $store->value('SELECT count(*) FROM builds WHERE state < 2') == 0;
}, undef, 40), 'STS is back: nothing waits');

my %last = keys_of();

like($last{assumed}, qr/^ASIAM\d+N\d\d?$/, 'STS is back: started with the role');
is($cb->builds('assumed'), 3, 'STS is back: once');

$t->done();
