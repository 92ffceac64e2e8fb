#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# ngx-deploy credentials and start.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::STS;
use Test::Deploy::Tool;


my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my %keys = %{ $cb->env() };
my $NOTHING = $t->path('nothing');

# the environment of the tool

sub with {
    my ($env, @args) = @_;

    my %clean = (AWS_ACCESS_KEY_ID => '', AWS_SECRET_ACCESS_KEY => '',
                 AWS_SESSION_TOKEN => '', AWS_CREDENTIAL_EXPIRATION => '',
                 AWS_REGION => '', AWS_ENDPOINT_URL_STS => '',
                 AWS_ENDPOINT_URL_CODEBUILD => '', AWS_PROFILE => '',
                 AWS_CONFIG_FILE => $NOTHING,
                 AWS_SHARED_CREDENTIALS_FILE => $NOTHING,
                 AWS_EC2_METADATA_DISABLED => 'true', %$env);

    local $t->{env} = \%clean;

    return tool($t, @args);
}


###############################################################################
# credentials


my ($code, $out, $err) = with({}, 'credentials');

is("$code $err", '1 ', 'nowhere');
like($out, qr/^environment:\ no\ AWS_ACCESS_KEY_ID\n
              web_identity:\ no\ AWS_WEB_IDENTITY_TOKEN_FILE\n
              profile:\ .*\n container:\ .*\n imds:\ .*\n
              no\ credentials\n\z/x, 'each source is told');

($code, $out, $err) = with(\%keys, 'credentials');

is("$code $err", '0 ', 'environment');
is($out, "environment: found, environment\nthey do not expire\n", 'its words');

($code, $out) = with({ %keys, AWS_CREDENTIAL_EXPIRATION
                              => '2099-01-02T03:04:05Z' }, 'credentials');

like($out, qr/^expire at 2099-01-02T03:04:05Z, \d+ hours from now$/m,
     'they expire');

($code, $out) = with({ %keys, AWS_CREDENTIAL_EXPIRATION
                              => '2020-01-02T03:04:05Z' }, 'credentials');

is($code, 2, 'expired');
like($out, qr/^environment: .*expired at 2020-01-02.*\nfailed\n\z/,
     'the chain ends there');

$t->write_file('shared', "[default]\naws_access_key_id = AKIDFILE\n"
               . "aws_secret_access_key = secret-of-the-file-0123456789\n"
               . "[half]\naws_access_key_id = AKIDHALF\n", 0600);

my %shared = (AWS_SHARED_CREDENTIALS_FILE => $t->path('shared'));

($code, $out) = with(\%shared, 'credentials');
is($code, 0, 'profile');
like($out, qr/^environment: no .*\n(?:.*\n)?profile: found, profile "default"/,
     'profile, its name is told');
unlike($out, qr/secret-of|AKIDFILE/, 'no secret');

($code, $out) = with(\%shared, 'credentials', '--profile', 'half');
is($code, 2, 'half a profile');
like($out, qr/^profile: .*half/m, 'half a profile is told');

($code, $out) = with({ %keys, %shared }, 'credentials', '--source',
                     'profile=default');
like($out, qr/^profile: found/, 'one source');

($code, $out) = with({ %keys, %shared }, 'credentials', '--source', 'imds');
is($code, 1, 'another one');
like($out, qr/^imds: .*\nno credentials\n\z/, 'alone');

my $ROLE = 'arn:aws:iam::123456789012:role/deployer';

my $sts = $t->helper(Test::Deploy::STS->new($t, region => 'us-east-1',
              credentials => [{ id => $keys{AWS_ACCESS_KEY_ID},
                                secret => $keys{AWS_SECRET_ACCESS_KEY},
                                token => $keys{AWS_SESSION_TOKEN} }]));

my %sts = (%keys, AWS_REGION => 'us-east-1',
           AWS_ENDPOINT_URL_STS => $sts->endpoint());

($code, $out, $err) = with(\%sts, 'credentials', '--role', $ROLE);
is("$code $err", '0 ', 'a role');
like($out, qr/^environment: found, .*deployer.*\nexpire at \S+, \d+ minutes /,
     'the role is told');

$sts->fails('AccessDenied');
($code, $out) = with(\%sts, 'credentials', '--role', $ROLE);
is($code, 2, 'a role that is refused');
like($out, qr/^environment: .*AccessDenied.*\nfailed\n\z/, 'with the code');

($code, $out) = with({ %shared, AWS_REGION => 'us-east-1',
                       AWS_ENDPOINT_URL_STS => 'http://127.0.0.1:1' },
                     'credentials', '--role', $ROLE, '--timeout', '2');
is($code, 2, 'a role, STS is down');
like($out, qr/^profile: .*127\.0\.0\.1.*\nfailed\n\z/m,
     'what was asked is told');

($code, $out) = with(\%keys, 'credentials', '--json');
is_deeply(eval { JSON::PP::decode_json($out) },
          { status => 'found', kind => 'environment', source => 'environment',
            links => [] }, 'JSON');

($code, $out) = with({}, 'credentials', '--json');

my $json = eval { JSON::PP::decode_json($out) } || {};

is($json->{status}, 'none', 'JSON, none');
is(join(' ', map { $_->{kind} } @{ $json->{links} }),
   'environment web_identity profile container imds', 'JSON, all links');

for (['invalid source "x"', '--source', 'x'],
     ['invalid region "a/b"', '--region', 'a/b'], ['too many words', 'x'])
{
    my ($pattern, @args) = @$_;

    ($code, $out, $err) = with({}, 'credentials', @args);
    is("$code $out", '3 ', "error: $pattern");
    like($err, qr/^ngx-deploy credentials: .*$pattern/, 'on stderr');
}


###############################################################################
# start


my %env = (%keys, AWS_REGION => 'us-east-1',
           AWS_ENDPOINT_URL_CODEBUILD => $cb->endpoint());

($code, $out, $err) = with(\%env, 'start', 'api-prod', '--source-version',
                           'v1.2', '--env', 'A=b=c', '--env', 'EMPTY=',
                           '--override', 'timeoutInMinutesOverride=30',
                           '--token', 'token-1');

is("$code $err", '0 ', 'started');
like($out, qr/^started api-prod:[0-9a-f-]{36}\nhttps:.*\n\z/,
     'id and page');

my ($request) = $cb->requests();

is_deeply($request->{json}, {
    projectName => 'api-prod', sourceVersion => 'v1.2',
    environmentVariablesOverride => [
        { name => 'A', value => 'b=c', type => 'PLAINTEXT' },
        { name => 'EMPTY', value => '', type => 'PLAINTEXT' } ],
    timeoutInMinutesOverride => 30, idempotencyToken => 'token-1' },
    'request');

my ($id) = $out =~ /^started (\S+)/;

($code, $out) = with(\%env, 'start', 'api-prod', '--source-version', 'v1.2',
                     '--env', 'A=b=c', '--env', 'EMPTY=', '--override',
                     'timeoutInMinutesOverride=30', '--token', 'token-1');
like($out, qr/^started \Q$id\E$/m, 'the same token, the same build');

($code, $out) = with({ %keys }, 'start', 'api-prod', '--json', '--region',
                     'us-east-1', '--endpoint', $cb->endpoint());
$json = eval { JSON::PP::decode_json($out) } || {};
is("$json->{status} $json->{project}", 'started api-prod', 'JSON');

($code, $out) = with({}, 'start', 'api-prod', '--dry-run', '--token', 'x');
is("$code $out", qq(0 {"projectName":"api-prod","idempotencyToken":"x"}\n),
   'dry run');

for (['ResourceNotFoundException', 2, 'ResourceNotFoundException'],
     ['AccessDeniedException', 2, 'AccessDeniedException'],
     ['throttle', 4, 'ThrottlingException'], ['500', 4, '500'])
{
    my ($fault, $want, $pattern) = @$_;

    $cb->fault('api-fault', $fault);

    ($code, $out, $err) = with(\%env, 'start', 'api-fault');
    is("$code $out", "$want ", "fault: $fault");
    like($err, qr/^ngx-deploy start: .*$pattern.*\n\z/, 'one line');
}

for (['no region', {}, 'api-prod'],
     ['invalid project name "a b"', \%env, 'a b'],
     ['"--env x" is not "name=value"', \%env, 'api-prod', '--env', 'x'],
     ['"--env 1=x" ', \%env, 'api-prod', '--env', '1=x'],
     ['"--override a=x" ', \%env, 'api-prod', '--override', 'a=x'],
     ['endpoint "http://example.com" ', \%env, 'api-prod', '--endpoint',
      'http://example.com'],
     ['endpoint "https://a/b" has a path', \%env, 'api-prod', '--endpoint',
      'https://a/b'],
     ['no credentials, environment: no AWS_ACCESS_KEY_ID',
      { AWS_REGION => 'us-east-1' }, 'api-prod'])
{
    my ($pattern, $env, @args) = @$_;

    ($code, $out, $err) = with($env, 'start', @args);
    is("$code $out", '3 ', "error: $pattern");
    like($err, qr/^ngx-deploy start: .*$pattern/, 'on stderr');
}

($code, $out, $err) = with({ %env, AWS_ENDPOINT_URL_CODEBUILD
                                   => 'http://127.0.0.1:1' }, 'start', 'api');
is("$code $out", '4 ', 'CodeBuild is not there');
like($err, qr/^ngx-deploy start: http:\/\/127.0.0.1:1\/: /, 'told');

$t->done();
