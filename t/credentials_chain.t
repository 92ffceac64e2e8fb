#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The order of the chain, and profiles: keys, roles, sources, processes.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::AWS qw(chain iso);
use Test::Deploy::ContainerCredentials;
use Test::Deploy::IMDS;
use Test::Deploy::STS;

my $t = Test::Deploy->new();
my $dir = $t->dir();

my $ARN = 'arn:aws:iam::123456789012:role/';
my %keys = map { lc($_) => { id => "AKID$_", secret => "secret-of-$_" } }
           qw(ENV ONE TWO PROCESS);

my $imds = $t->helper(Test::Deploy::IMDS->new($t));
my $box = $t->helper(Test::Deploy::ContainerCredentials->new($t));
my $sts = $t->helper(Test::Deploy::STS->new($t, web => 'web-identity-token',
    credentials => [values %keys,
        { id => 'ASIAIMDS', secret => $imds->{secret},
          token => $imds->{token} },
        { id => 'ASIACONTAINER', secret => $box->{secret},
          token => $box->{token} },
        map { { id => $_, secret => 'sts/secret+0123456789',
                token => 'sts/token&<+0123456789==' } }
            qw(ASIASTS ASIAFIRST)],
    roles => {
        map({ $ARN . $_ => {} } qw(plain env imds box web second process)),
        "${ARN}first" => { id => 'ASIAFIRST' },
        "${ARN}external" => { external_id => 'ext-1' },
    }));

$t->write_file('token', 'web-identity-token');


# the files of the next walks

sub files {
    my ($config, $credentials) = @_;

    $t->write_file('config', $config);
    $t->write_file('credentials', defined $credentials ? $credentials : '');
}


sub walk {
    my ($env, %args) = @_;

    return chain($t, {
        AWS_CONFIG_FILE => "$dir/config",
        AWS_SHARED_CREDENTIALS_FILE => "$dir/credentials",
        AWS_ENDPOINT_URL_STS => $sts->endpoint(),
        AWS_REGION => 'us-east-1',
        %{ $env || {} },
    }, %args);
}


sub profile {
    my ($name, %env) = @_;

    return walk({ AWS_PROFILE => $name, %env }, kind => 'profile');
}


###############################################################################
# the order


my @links = (
    [environment => AWS_ACCESS_KEY_ID => 'AKIDENV',
                    AWS_SECRET_ACCESS_KEY => 'secret-of-ENV'],
    [web_identity => AWS_WEB_IDENTITY_TOKEN_FILE => "$dir/token",
                     AWS_ROLE_ARN => "${ARN}web"],
    [profile => AWS_PROFILE => 'one'],
    [container => AWS_CONTAINER_CREDENTIALS_FULL_URI => $box->url()],
    [imds => AWS_EC2_METADATA_DISABLED => 'false',
             AWS_METADATA_SERVICE_TIMEOUT => 8,
             AWS_EC2_METADATA_SERVICE_ENDPOINT => $imds->endpoint()],
);

files("[profile one]\nregion = us-east-1\n",
      "[one]\naws_access_key_id = AKIDONE\n"
      . "aws_secret_access_key = secret-of-ONE\n");

for my $first (0 .. $#links) {
    my ($kind) = @{ $links[$first] };
    my %env = map { @$_[1 .. $#$_] } @links[$first .. $#links];

    is(walk({ %env })->{kind}, $kind, "$kind before what follows");
}

my $r = walk();

is($r->{rc}, 'declined', 'nothing');
is($r->{kind}, 'chain', 'of all');
is($r->{reason}, 'no credentials: no AWS_ACCESS_KEY_ID;'
   . " no AWS_WEB_IDENTITY_TOKEN_FILE; no profile \"default\" in"
   . " \"$dir/credentials\" and \"$dir/config\"; no AWS_CONTAINER_CREDENTIALS"
   . '_RELATIVE_URI or _FULL_URI; IMDS: AWS_EC2_METADATA_DISABLED', 'reason');

# what is configured and fails ends the chain

my %all = map { @$_[1 .. $#$_] } @links;

for my $case (
    [environment => AWS_SECRET_ACCESS_KEY => undef],
    [environment => AWS_ACCESS_KEY_ID => undef],
    [web_identity => AWS_ACCESS_KEY_ID => undef,
                     AWS_SECRET_ACCESS_KEY => undef,
                     AWS_WEB_IDENTITY_TOKEN_FILE => "$dir/none"],
    [profile => AWS_ACCESS_KEY_ID => undef, AWS_SECRET_ACCESS_KEY => undef,
                AWS_WEB_IDENTITY_TOKEN_FILE => undef, AWS_PROFILE => 'none'],
    [container => AWS_ACCESS_KEY_ID => undef, AWS_SECRET_ACCESS_KEY => undef,
                  AWS_WEB_IDENTITY_TOKEN_FILE => undef, AWS_PROFILE => undef,
                  AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://10.0.0.1/'],
) {
    my ($kind, %env) = @$case;

    $r = walk({ %all, %env });

    is($r->{rc}, 'error', "$kind ends the chain");
    is($r->{kind}, $kind, 'it is named');
}

# one link alone

is(walk({ %all }, kind => $links[$_][0])->{kind}, $links[$_][0],
   "$links[$_][0] alone") for 0 .. $#links;

is(walk({}, kind => 'container')->{rc}, 'declined', 'not configured');


###############################################################################
# keys


$r = profile('one');

is($r->{id}, 'AKIDONE', 'keys');
is($r->{source}, 'profile "one"', 'source');
is($r->{expires}, 0, 'never expire');

is(walk({ AWS_PROFILE => 'none' }, kind => 'profile', profile => 'one')->{id},
   'AKIDONE', 'the caller chooses');

files("[default]\nsso_session = x\nsso_account_id = 1\n");
$r = profile('default');

is($r->{rc}, 'error', 'sso');
like($r->{reason}, qr/sso_session of the profile "default" is not/, 'reason');

# role_arn alone makes a role

files("[default]\nsource_profile = x\ncredential_source = y\n"
      . "external_id = z\n",
      "[default]\naws_access_key_id = AKIDTWO\n"
      . "aws_secret_access_key = secret-of-TWO\n");
is(profile('default')->{id}, 'AKIDTWO', 'no role');


###############################################################################
# roles


my $users = "[one]\naws_access_key_id = AKIDONE\n"
            . "aws_secret_access_key = secret-of-ONE\n"
            . "[two]\naws_access_key_id = AKIDTWO\n"
            . "aws_secret_access_key = secret-of-TWO\n";

files(<<"EOC", $users);
[profile plain]
role_arn = ${ARN}plain
source_profile = one

[profile external]
role_arn = ${ARN}external
source_profile = one
external_id = ext-1
role_session_name = gw\@x
duration_seconds = 1800

[profile own]
role_arn = ${ARN}plain
source_profile = own
aws_access_key_id = AKIDTWO
aws_secret_access_key = secret-of-TWO

[profile second]
role_arn = ${ARN}second
source_profile = first

[profile first]
role_arn = ${ARN}first
source_profile = two

[profile keysfirst]
role_arn = ${ARN}second
source_profile = both

[profile both]
role_arn = ${ARN}first
source_profile = one
aws_access_key_id = AKIDTWO
aws_secret_access_key = secret-of-TWO

[profile env]
role_arn = ${ARN}env
credential_source = Environment

[profile imds]
role_arn = ${ARN}imds
credential_source = Ec2InstanceMetadata

[profile box]
role_arn = ${ARN}box
credential_source = EcsContainer

[profile web]
role_arn = ${ARN}web
web_identity_token_file = $dir/token
source_profile = nobody
role_session_name = from-profile

[profile fromweb]
role_arn = ${ARN}second
source_profile = web

[profile loop1]
role_arn = ${ARN}plain
source_profile = loop2

[profile loop2]
role_arn = ${ARN}plain
source_profile = loop3

[profile loop3]
role_arn = ${ARN}plain
source_profile = loop2

[profile selfless]
role_arn = ${ARN}plain
source_profile = selfless

[profile two_sources]
role_arn = ${ARN}plain
source_profile = one
credential_source = Environment

[profile no_source]
role_arn = ${ARN}plain

[profile odd_source]
role_arn = ${ARN}plain
credential_source = environment

[profile gone]
role_arn = ${ARN}plain
source_profile = nobody

[profile empty]
role_arn = ${ARN}plain
source_profile = region

[profile region]
region = us-east-1

[profile mfa]
role_arn = ${ARN}plain
source_profile = one
mfa_serial = arn:aws:iam::123456789012:mfa/x

[profile short]
role_arn = ${ARN}plain
source_profile = one
duration_seconds = 60

[profile tokenonly]
web_identity_token_file = $dir/token

[profile denied]
role_arn = ${ARN}denied
source_profile = one
EOC

$r = profile('plain');

is($r->{id}, 'ASIASTS', 'source_profile');
is($r->{source}, "role ${ARN}plain with profile \"one\"", 'source');
is($r->{kind}, 'profile', 'kind');
cmp_ok(abs($r->{expires} - time() - 3600), '<', 10, 'expires');

$r = profile('external');

is($r->{rc}, 'ok', 'external id');
is_deeply(($sts->requests())[-1]{form},
          { Action => 'AssumeRole', Version => '2011-06-15',
            RoleArn => "${ARN}external", RoleSessionName => 'gw@x',
            ExternalId => 'ext-1', DurationSeconds => 1800 }, 'parameters');
cmp_ok(abs($r->{expires} - time() - 1800), '<', 10, 'expires');

is(profile('own')->{rc}, 'ok', 'a profile is its own source');

$sts->forget();
$r = profile('second');

is($r->{source}, "role ${ARN}second with role ${ARN}first with profile"
                 . ' "two"', 'a role of a role');
is(scalar($sts->log()), 2, 'both are assumed');

$sts->forget();
$r = profile('keysfirst');

is($r->{source}, "role ${ARN}second with profile \"both\"",
   'of a source, keys come before its role');
is(scalar($sts->log()), 1, 'one is assumed');

$r = profile('both');
is($r->{source}, "role ${ARN}first with profile \"one\"",
   'of the profile itself, the role does');

$r = profile('env', AWS_ACCESS_KEY_ID => 'AKIDENV',
             AWS_SECRET_ACCESS_KEY => 'secret-of-ENV');
is($r->{source}, "role ${ARN}env with environment", 'Environment');

$r = profile('imds', @{ $links[4] }[1 .. 6]);
is($r->{source}, "role ${ARN}imds with imds role gateway",
   'Ec2InstanceMetadata');
is($r->{stable}, 0, 'of a role there is no static stability');

$r = profile('box', @{ $links[3] }[1 .. 2]);
is($r->{source}, "role ${ARN}box with container " . $box->url(),
   'EcsContainer');

$r = profile('web');
is($r->{source}, "role ${ARN}web with web identity \"$dir/token\"",
   'web identity, whatever source_profile says');
is(($sts->requests())[-1]{form}{RoleSessionName}, 'from-profile',
   'session name');
is(profile('fromweb')->{rc}, 'ok', 'a role of a web identity');

$sts->forget();

for my $case (
    ['loop1', qr/source_profile of the profile "loop3" leads back to "loop2"/],
    ['selfless', qr/no credentials in the profile "selfless"/],
    ['two_sources', qr/has role_arn and both of/],
    ['no_source', qr/has role_arn and neither of/],
    ['odd_source', qr/"environment" is none of Environment,/],
    ['env', qr/credential_source of the profile "env": no AWS_ACCESS_KEY_ID/],
    ['box', qr/"box": no AWS_CONTAINER_CREDENTIALS/],
    ['imds', qr/"imds": IMDS: AWS_EC2_METADATA_DISABLED/],
    ['gone', qr/no profile "nobody" in/],
    ['empty', qr/no credentials in the profile "region"/],
    ['mfa', qr/has mfa_serial/],
    ['short', qr/duration_seconds of the profile "short"/],
    ['tokenonly', qr/web_identity_token_file, but no role_arn/],
) {
    my ($name, $reason) = @$case;

    $r = profile($name);

    is($r->{rc}, 'error', "profile $name");
    like($r->{reason}, $reason, 'reason');
    is($r->{retry}, 1, 'a file can be mended');
}

is(scalar($sts->log()), 0, 'nothing was asked');

$r = profile('denied');

like($r->{reason}, qr/^profile "denied": assuming role "${ARN}denied": POST/,
     'denied');
like($r->{reason}, qr/: status 403, AccessDenied: User/, 'code');

# on top of a profile, a role of the caller

$r = walk({ AWS_PROFILE => 'first' }, role => "${ARN}second");
is($r->{source}, "role ${ARN}second with role ${ARN}first with profile"
                 . ' "two"', 'on top');

# a region of the profile

files("[default]\nregion = us-east-1\n", "[default]\n"
      . "aws_access_key_id = AKIDONE\naws_secret_access_key = secret-of-ONE");
is(walk({ AWS_REGION => undef }, role => "${ARN}plain")->{rc}, 'ok',
   'region of the profile');

# a long way

files(join('', map { "[profile p$_]\nrole_arn = ${ARN}plain\nsource_profile = p"
                     . ($_ + 1) . "\n" } 0 .. 20));
like(profile('p0')->{reason}, qr/over 8 profiles lead to "p8"/, 'too long');

# nothing of the files is left

files('', "[default]\naws_access_key_id = AKIDONE\n"
      . "aws_secret_access_key = secret-of-ONE\naws_session_token = tok-en-1\n");
$r = walk({}, plain => 1, find => ['secret-of-ONE', 'tok-en-1']);
is($r->{rc} . $r->{found}, 'ok0', 'nothing of the files is left in memory');


###############################################################################
# credential_process


sub process {
    my ($script, %args) = @_;

    $t->write_file('process', "#!/bin/sh\n$script\n", 0755);
    files("[default]\ncredential_process = $dir/process"
          . (delete $args{args} || '') . "\n");

    my $env = delete $args{env} || {};

    return walk($env, kind => 'profile', %args);
}

my $keys = '"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"secret-of-PROCESS"';
my $later = iso(time() + 1000);
my $print = "echo '{\"Version\":1,$keys";

$r = process("$print}'");

is($r->{id}, 'AKIDPROCESS', 'a process');
is($r->{secret}, 'secret-of-PROCESS', 'secret');
is($r->{token}, undef, 'no token');
is($r->{expires}, 0, 'never expires');
is($r->{source}, 'process of profile "default"', 'source');
is($r->{fds}, 0, 'no descriptor is left');

$r = process("$print,\"SessionToken\":\"t\",\"Expiration\":\"$later\"}'");

is($r->{token}, 't', 'token');
cmp_ok(abs($r->{expires} - time() - 1000), '<', 10, 'expires');

$r = process("$print,\"Expiration\":\"2020-01-01T00:00:00Z\"}'");
like($r->{reason}, qr/have expired already/, 'expired already');

$r = process("$print}'", plain => 1, find => ['secret-of-PROCESS']);
is($r->{rc} . $r->{found}, 'ok0', 'nothing is left in memory');

# what the program gets

$r = process('exec 2>&1; { for a; do echo "[$a]"; done; env; pwd;'
             . ' ls -l /proc/self/fd; cat; trap; grep Sig /proc/self/status;'
             . " } > $dir/seen; $print}'",
             args => q( a "b c" 'd $HOME' e\ f "" "\"g\\\\"),
             env => { HOME => '/home/x', AWS_CA_BUNDLE => '/ca',
                      AWS_CONTAINER_AUTHORIZATION_TOKEN => 'hidden-token',
                      OTHER => 'other' });

is($r->{rc}, 'ok', 'what the program gets');

my $seen = $t->read_file('seen');

like($seen, qr/^\[a\]\n\[b c\]\n\[d \$HOME\]\n\[e f\]\n\[\]\n\["g\\\]\n/,
     'arguments, without a shell');
like($seen, qr/^HOME=\/home\/x$/m, 'HOME');
like($seen, qr/^PATH=\/usr\/local\/sbin:/m, 'PATH');
like($seen, qr/^AWS_CA_BUNDLE=\/ca$/m, 'AWS_CA_BUNDLE');
like($seen, qr/^AWS_CONFIG_FILE=\Q$dir\E\/config$/m, 'AWS_CONFIG_FILE');
unlike($seen, qr/OTHER|hidden-token|AWS_PROFILE/, 'nothing else');
like($seen, qr/^\/$/m, 'in the root');
unlike($seen, qr/ [4-9] -> | \d\d -> /, 'no descriptor but the usual');
like($seen, qr/^SigBlk:\s*0+$/m, 'no signal is blocked');

# 32 and 33 are the C library's own, it lets nobody change them

like($seen, qr/^SigIgn:\s*0*(?:0|180000000)$/m, 'or ignored');

is(process('sh -c "echo x" > /dev/null; echo noise >&2;' . " $print}'")->{rc},
   'ok', 'standard error is of no interest');

for my $case (
    ['exit 3', qr/process": its exit status is 3\z/],
    ["echo secret-text >&2; $print}'; exit 1", qr/its exit status is 1\z/],
    ['kill -9 $$', qr/process": it was ended by signal 9\z/],
    ['true', qr/its output: /],
    ["echo '{}'", qr/its output: Version is not the number 1\z/],
    ["echo '{\"Version\":2,$keys}'", qr/Version is not the number 1\z/],
    ["echo '{\"Version\":\"1\",$keys}'", qr/Version is not the number 1\z/],
    ["echo '{\"Version\":1}'", qr/its output: there is no access key id\z/],
    ["$print} x'", qr/its output: /],
    ['while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done',
     qr/its output is too long\z/],
) {
    my ($script, $reason) = @$case;

    $r = process($script);

    is($r->{rc}, 'error', "process: $script");
    like($r->{reason}, $reason, 'reason');
    unlike($r->{reason}, qr/secret/, 'no secret');
    is($r->{fds}, 0, 'no descriptor is left');
    cmp_ok($r->{ms}, '<', 10000, 'soon');
}

# one that does not end, with a child

$r = process("echo \$\$ > $dir/pid; sleep 60 & sleep 60", limit => 700);

is($r->{rc}, 'error', 'a process that does not end');
like($r->{reason}, qr/it did not end in time\z/, 'reason');
cmp_ok($r->{ms}, '<', 10000, 'in time');

my ($pid) = $t->read_file('pid') =~ /(\d+)/;

ok(Test::Deploy::wait_for(sub { !kill(0, -$pid) }, undef, 5),
   'it and its child are killed');

$r = process("echo \$\$ > $dir/pid; exec sleep 60", stop => 300);

cmp_ok($r->{ms}, '<', 10000, 'told to stop');

# one that leaves a child behind with its output

$r = process("sleep 15 & $print}'");

is($r->{rc}, 'ok', 'a child left behind');
cmp_ok($r->{ms}, '<', 10000, 'is not waited for');

for my $case (
    ['/nonexistent/program', qr/"\/nonexistent\/program": it could not be/],
    ['nosuchprogram x', qr/no program "nosuchprogram"/],
    ['"unclosed', qr/the command has a quote/],
    ['x\\', qr/the command has a quote or a backslash/],
    ['""', qr/no program ""/],
    ['x ' x 70, qr/has too many words/],
    ["$dir/config", qr/config": it could not be run/],
) {
    my ($command, $reason) = @$case;

    files("[default]\ncredential_process = $command\n");

    $r = walk({}, kind => 'profile');

    is($r->{rc}, 'error', 'a command');
    like($r->{reason}, $reason, 'reason');
}

# of a program without a path, the usual places

files("[default]\ncredential_process = printf "
      . "'{\"Version\":1,\"AccessKeyId\":\"AKIDPROCESS\","
      . "\"SecretAccessKey\":\"secret-of-PROCESS\"}'\n");
is(walk({}, kind => 'profile')->{rc}, 'ok', 'a program of the system');

# the order of botocore: keys of credentials, process, keys of config

files("[default]\ncredential_process = $dir/process\n"
      . "aws_access_key_id = AKIDONE\naws_secret_access_key = secret-of-ONE\n");
$t->write_file('process', "#!/bin/sh\n$print}'\n", 0755);
is(walk({}, kind => 'profile')->{id}, 'AKIDPROCESS', 'before keys of config');

files("[default]\ncredential_process = $dir/process\n", "[default]\n"
      . "aws_access_key_id = AKIDONE\naws_secret_access_key = secret-of-ONE\n");
is(walk({}, kind => 'profile')->{id}, 'AKIDONE', 'after keys of credentials');

# as a source of a role

files("[default]\nrole_arn = ${ARN}process\nsource_profile = p\n"
      . "[profile p]\ncredential_process = $dir/process\n");
is(walk({}, kind => 'profile')->{source},
   "role ${ARN}process with process of profile \"p\"", 'a role of a process');

$t->done();
