#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Holds the table of senders of the README against the module: the senders
# and the schemes are those of its tables, and each word of on= in a row is
# what small deliveries of that sender fire, and no other.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $ROOT = "$FindBin::Bin/..";

plan(skip_all => 'no README.md') unless -f "$ROOT/README.md";


sub slurp {
    my ($file) = @_;

    open(my $fh, '<', "$ROOT/$file") or die "$file: $!";
    local $/;

    return scalar <$fh>;
}


###############################################################################
# the README


my ($section) = slurp('README.md') =~ /^## Senders\n(.*?)^## /ms;

my (%table, %named);

for my $line (split(/\n/, $section || '')) {
    my (undef, undef, $provider, $schemes, $on) = split(/\s*\|\s*/, $line);

    next unless defined $on && $provider =~ /^`([\w-]+)`/;

    $provider = $1;

    next if $provider eq 'provider';

    $table{$provider} = {
        schemes => [ $schemes =~ /`([\w-]+)`/g ],
        on => [ $on =~ /`(\w+)`/g ],
    };

    $named{$_} = 1 for $schemes =~ /`([\w-]+)`/g;
}

my ($any) = ($section || '') =~ /^With (.*?), the sender/ms;

my %any = map { $_ => 1 } (defined $any ? $any : '') =~ /`(\w+)`/g;

ok(%table && %any, 'a table of senders');


###############################################################################
# the code


my $core = join('', map { slurp($_) } map { s!^\Q$ROOT\E/!!r }
                    glob("$ROOT/ngx_deploy_module/core/*.c"));

# the symbols of the senders

my %provider = $core =~ /^const\ ngx_deploy_sender_t\s+(\w+)\ =\ \{
                         \s*ngx_deploy_string\("([\w-]+)"\)/mgx;

my ($schemes) = $core =~ /ngx_deploy_schemes\[\] = \{(.*?)^\};/ms;
my @schemes = $schemes =~ /^    \{ "(\w+)",/mg;

my ($told) = $core =~ /ngx_deploy_told_schemes\[\] = \{(.*?)^\};/ms;
my %told = $told =~ /\{ "(\w+)", &(\w+) \}/g;

is(join(' ', sort keys %table), join(' ', sort values %provider),
   'the senders');
is(join(' ', sort(keys %named, grep { !$named{$_} } keys %any)),
   join(' ', sort(@schemes, 'off')), 'the schemes');

for my $scheme (sort keys %told) {
    my $provider = $provider{ $told{$scheme} };

    next unless defined $provider && grep { $_ eq $scheme } @schemes;

    ok((grep { $_ eq $scheme } @{ $table{$provider}{schemes} }),
       "$scheme is for $provider");
}

for my $provider (sort keys %table) {
    for my $scheme (@{ $table{$provider}{schemes} }) {

        next unless $told{$scheme} && $provider{ $told{$scheme} };

        is($provider{ $told{$scheme} } =~ s/-.*//r, $provider =~ s/-.*//r,
           "$provider has $scheme");
    }
}


###############################################################################
# deliveries


my $NONE = '0' x 40;
my $OTHER = 'b' x 40;

my %repo = (repository => { full_name => 'acme/api' });
my %project = (project => { path_with_namespace => 'acme/api' });

sub shifted { return { ref => 'refs/heads/main', before => $OTHER,
                       after => $COMMIT, @_ } }

# those of GitHub's format: event, body

my @github = (
    ['pull_request', merge()],
    ['pull_request', pull()],
    ['push', push_branch()],
    ['push', json(shifted(%repo))],
    ['push', push_tag('v1')],
    ['release', release('published', 'v1')],
    ['create', ref_event('create', 'tag', 'v1')],
    ['delete', ref_event('delete', 'branch', 'x')],
    ['ping', ping()],
    ['star', json({ action => 'created', %repo })],
);

# without a push for tags, as Gogs

my @gogs = grep { $_->[1] !~ m!refs/tags! && $_->[0] ne 'ping' } @github;

my $CLOUD = '{11111111-2222-4333-8444-555555555555}';

sub cloud {
    my ($state) = @_;

    return json({ pullrequest => { id => 7, state => $state }, %repo });
}

my @bitbucket = (
    ['pullrequest:fulfilled', cloud('MERGED')],
    ['pullrequest:created', cloud('OPEN')],
    ['repo:push', bitbucket([branch => 'main'], [tag => 'v1'],
                            [branch => '-x'])],
    ['repo:fork', json({ %repo })],
);

sub stash {
    my ($state) = @_;

    return json({ pullRequest => { id => 7, state => $state } });
}

my @stash = (
    ['pr:merged', stash('MERGED')],
    ['pr:opened', stash('OPEN')],
    ['repo:refs_changed', json({ changes => [
        map { { ref => { id => $_->[0] }, fromHash => $_->[1],
                toHash => $_->[2] } } ['refs/heads/main', $OTHER, $COMMIT],
                                      ['refs/tags/v1', $NONE, $COMMIT],
                                      ['refs/heads/x', $OTHER, $NONE] ] })],
    ['diagnostics:ping', json({ test => \1 })],
);

sub gitlab_merge {
    my ($action, $state) = @_;

    return json({ object_kind => 'merge_request', %project,
                  object_attributes => { iid => 7, action => $action,
                                         state => $state,
                                         target_branch => 'main' } });
}

my @gitlab = (
    ['Merge Request Hook', gitlab_merge('merge', 'merged')],
    ['Merge Request Hook', gitlab_merge('open', 'opened')],
    ['Push Hook', json(shifted(object_kind => 'push', %project))],
    ['Push Hook', json(shifted(object_kind => 'push', %project,
                               after => $NONE))],
    ['Tag Push Hook', json(shifted(object_kind => 'tag_push', %project,
                                   ref => 'refs/tags/v1'))],
    ['Release Hook', json({ object_kind => 'release', %project,
                            action => 'create', tag => 'v1' })],
    ['Pipeline Hook', json({ object_kind => 'pipeline', %project })],
);

sub azure {
    my ($type, %resource) = @_;

    return json({ eventType => $type, publisherId => 'tfs',
                  resource => \%resource });
}

my @azure = (
    [undef, azure('git.pullrequest.merged', status => 'completed',
                  mergeStatus => 'succeeded')],
    [undef, azure('git.pullrequest.created', status => 'active')],
    [undef, azure('git.push', refUpdates => [
        map { { name => $_->[0], oldObjectId => $_->[1],
                newObjectId => $_->[2] } }
        ['refs/heads/main', $OTHER, $COMMIT], ['refs/tags/v1', $NONE, $COMMIT],
        ['refs/heads/x', $OTHER, $NONE] ])],
    [undef, azure('build.complete')],
);

my $form = 'application/x-www-form-urlencoded';

my @slack = (
    [undef, 'command=%2Fdeploy&text=api&user_id=U1&channel_id=C1&team_id=T1'
            . '&trigger_id=1.2', $form],
    [undef, 'command=%2Fdeploy&text=help&user_id=U1&trigger_id=1.3', $form],
);

my @aws = map {
    [undef, json({ id => '1', source => 'aws.codebuild',
                   'detail-type' => "CodeBuild Build $_ Change",
                   detail => { 'project-name' => 'api',
                               'build-status' => 'SUCCEEDED',
                               'completed-phase' => 'BUILD',
                               'completed-phase-status' => 'SUCCEEDED',
                               'build-id' => 'arn:aws:codebuild:us-east-1:'
                                             . '123456789012:build/api:1' } })]
} qw(State Phase);

push(@aws, [undef, json({ Type => 'Notification', MessageId => '1',
                          TopicArn => 'arn:aws:sns:us-east-1:1:t',
                          Message => $aws[0][1] })]);

my @build = (
    [undef, 'project=api&build_id=api%3A1&status=succeeded', $form],
    [undef, json({ project => 'api', build_id => 'api:1', phase => 'test',
                   status => 'in_progress' })],
);

my @standard = map { [undef, json({ type => $_ })] } qw(push delete release);

# by provider: the header of the event, other headers, the deliveries, each
# the event, the body, and its type if that is not JSON

my %deliveries = (
    'github' => ['X-GitHub-Event', {}, @github],
    'gitea' => ['X-Gitea-Event', {}, grep { $_->[0] ne 'ping' } @github],
    'forgejo' => ['X-Forgejo-Event', {}, grep { $_->[0] ne 'ping' } @github],
    'gogs' => ['X-Gogs-Event', {}, @gogs],
    'bitbucket' => ['X-Event-Key', { 'X-Hook-UUID' => $CLOUD }, @bitbucket],
    'bitbucket-server' => ['X-Event-Key', { 'X-Request-Id' => 'id' }, @stash],
    'gitlab' => ['X-Gitlab-Event', {}, @gitlab],
    'azure-devops' => [undef, {}, @azure],
    'slack' => [undef, { 'X-Slack-Signature' => 'v0=0' }, @slack],
    'aws' => [undef, {}, @aws],
    'build' => [undef, {}, @build],
    'standard' => [undef, { 'Webhook-Id' => 'msg_1' }, @standard],
);


###############################################################################
# what they fire


my @words = qw(merge push tag release pull_request delete command build);

my $t = Test::Deploy->new();

$t->run(<<EOC);
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_dry_run on;

    add_header X-Provider \$deploy_provider always;
    add_header X-Fired "\$deploy_project" always;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /on {
            deploy_verify off;
            @{[ join("\n            ",
                     map { "deploy_build $_ on=$_;" } @words) ]}
        }
    }
}
EOC

for my $provider (sort values %provider) {

    my ($header, $more, @list) = @{ $deliveries{$provider} || [] };

    my (%on, @bad);

    for (@list) {
        my ($event, $body, $type) = @$_;

        my $r = http_post('/on', $body,
                          'Content-Type' => $type || 'application/json',
                          (defined $header ? ($header => $event) : ()),
                          %$more);

        push(@bad, $r->status . ' ' . $r->body)
            if $r->status != 200 || $r->header('X-Provider') ne $provider;

        $on{$_} = 1 for split(/, /, $r->header('X-Fired') || '');
    }

    ok(@list && !@bad, "deliveries of $provider") or diag("@bad");

    is(join(' ', @{ $table{$provider}{on} || [] }),
       join(' ', grep { $on{$_} } @words), "on= of $provider");
}

$t->done();
