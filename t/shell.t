#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The shell scripts are clean, and conf/deploy-notify and conf/buildspec.yml
# tell a gateway what they should.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Buildspec;


my $root = "$FindBin::Bin/..";
my $notify = "$root/conf/deploy-notify";

my $t = Test::Deploy->new()->has('deploy');


sub slurp {
    my ($file) = @_;

    open(my $fh, '<', $file) or die "$file: $!";
    local $/;

    return scalar <$fh>;
}


###############################################################################
# shellcheck


my $spec = Test::Deploy::Buildspec->new(slurp("$root/conf/buildspec.yml"));
my %env = %{ $spec->env() };

is_deeply([sort(keys(%{ $spec->phases() }))],
          [sort(@Test::Deploy::Buildspec::ORDER)], 'the four phases');

SKIP: {
    my ($code) = $t->capture('shellcheck', '--version');
    skip 'no shellcheck', 3 if $code;

    my @scripts = grep { -f $_ && slurp($_) =~ m{^#!/bin/(?:ba)?sh\b} }
                  glob("$root/{.ci,conf,demo,util,t,t/bench}/*");

    cmp_ok(scalar @scripts, '>=', 4, 'scripts');

    ($code, my $out) = $t->capture('shellcheck', @scripts);
    is($code, 0, 'shellcheck') or diag($out);

    # variables are set by "env" of the file, or by CodeBuild
    my $text = "#!/bin/sh\n# shellcheck disable=SC2153,SC2154\n"
               . join('', $spec->commands());

    ($code, $out) = $t->capture('shellcheck',
                                $t->write_file('buildspec.sh', $text));
    is($code, 0, 'shellcheck of the buildspec') or diag($out);
}


###############################################################################
# a gateway that takes what has the right token, and writes it down


my $token = 'a "token\\" of the build';

$t->write_file('token.secret', "$token\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    log_format report escape=none '$content_type $request_body';

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /builds {
            deploy_verify token %%TESTDIR%%/token.secret;
            proxy_pass    http://127.0.0.1:%%PORT_8081%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;

        location / {
            access_log %%TESTDIR%%/reports report;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/end;
        }

        location /end {
            access_log off;
            return 200;
        }
    }
}
EOF

my $url = 'http://127.0.0.1:' . port(8080) . '/builds';
my $id = 'api-prod:0c5c3d6e-1f5a-4c1b-9d38-5a1b7c2d3e4f';

mkdir($t->path('tmp.notify'));
mkdir($t->path('source'));


# (exit code, output) of a command with the variables of a build

sub build {
    my ($env, @cmd) = @_;

    my %env = (DEPLOY_URL => $url, DEPLOY_TOKEN => $token,
               CODEBUILD_BUILD_ID => $id, TMPDIR => $t->path('tmp.notify'),
               PATH => $ENV{PATH}, %$env);

    return $t->capture('env', '-i', '-C', $t->path('source'),
                       map({ "$_=$env{$_}" } grep { defined $env{$_} }
                           sort(keys(%env))), @cmd);
}


sub notify { return build({}, 'sh', $notify, @_) }


# the fields of the reports that came since the last call

my $seen = 0;

sub reports {
    my ($n) = @_;

    my @lines;

    wait_for(sub {
        @lines = split(/\n/, $t->read_file('reports'));
        return @lines >= $seen + $n;
    }, "$n reports");

    my @new = splice(@lines, $seen);
    my @reports;

    is(scalar @new, $n, "$n reports");
    $seen += @new;

    for (@new) {
        my ($type, $body) = split(/ /, $_, 2);
        my %fields;

        $fields{type} = $type
            if $type ne 'application/x-www-form-urlencoded';

        for my $pair (split(/&/, $body)) {
            my ($name, $value) = split(/=/, $pair, 2);

            $value =~ tr/+/ /;
            $value =~ s/%([0-9a-fA-F]{2})/chr(hex($1))/eg;
            $fields{$name} = $value;
        }

        push(@reports, \%fields);
    }

    return @reports;
}


sub told { return map { "$_->{phase} $_->{status}" } reports(@_) }


my ($code, $out) = notify('install', 'in_progress');

is($code, 0, 'a phase begins');
is($out, '', 'silently');
is_deeply([reports(1)], [{ project => 'api-prod', build_id => $id,
                           phase => 'install', status => 'in_progress' }],
          'it is told');

($code, $out) = build({ CODEBUILD_PUBLIC_BUILD_URL => 'https://b/?a=1&b' },
                      'sh', $notify, 'install', 'succeeded',
                      "50% & <more>\n\"caf\xc3\xa9\"");

is($code, 0, 'it ends');
is($out, '', 'silently');

my ($report) = reports(1);

like(delete $report->{duration}, qr/^\d{1,2}$/, 'duration');
is_deeply($report, { project => 'api-prod', build_id => $id,
                     phase => 'install', status => 'succeeded',
                     message => "50% & <more>\n\"caf\xc3\xa9\"",
                     url => 'https://b/?a=1&b' }, 'message and url');

# "finally" after an end that was told, and before

is(join('', notify('install')), '0', 'nothing is left to tell');

notify('build', 'in_progress');
is(join('', notify('build')), '0', 'a phase that did not end');

(undef, $report) = reports(2);

is($report->{phase}, 'build', 'its phase');
is($report->{status}, 'failed', 'it has failed');
ok(defined $report->{duration}, 'its duration');

# an end without a beginning has no duration

build({}, 'sh', '-c', "seq 1000 | sh '$notify' test failed -");
($report) = reports(1);

is($report->{status}, 'failed', 'the end alone');
ok(!defined $report->{duration}, 'no duration');
like($report->{message}, qr/\A.{1,1024}\z/s, 'not all of stdin');
like($report->{message}, qr/999\n1000\z/, 'its last lines');

# a build does not fail because of this

($code, $out) = build({ DEPLOY_TOKEN => 'not it' }, 'sh', $notify, 'build',
                      'succeeded');
is($code, 0, 'a wrong token');
like($out, qr/403.*build succeeded was not told/s, 'is said');
unlike($out, qr/not it/, 'but not the token');

($code, $out) = build({ DEPLOY_URL => 'http://127.0.0.1:1/' }, 'sh', $notify,
                      'build', 'succeeded');
is($code, 0, 'an address that is none');
like($out, qr/was not told/, 'is said');

for my $name (qw(DEPLOY_URL DEPLOY_TOKEN CODEBUILD_BUILD_ID)) {
    ($code, $out) = build({ $name => undef }, 'sh', $notify, 'build',
                          'succeeded');
    is($code, 0, "no $name");
    like($out, qr/not set/, 'is said');
}

for my $args ([], ['a b'], ['build', 'done'], ['', 'failed'], ['../x'],
              ['build', 'failed', 'x', 'y'], ['build', '', 'x'])
{
    ($code, $out) = notify(@$args);
    is($code, 2, "usage: @$args");
    like($out, qr/usage/, 'is said');
}

# what others see of it while it runs

$t->write_file('bin/curl', "#!/bin/sh\necho \"\$@\" >&2\ncat >/dev/null\n",
               0755);

($code, $out) = build({ PATH => $t->path('bin') . ":$ENV{PATH}" }, 'sh',
                      $notify, 'build', 'succeeded');
like($out, qr/status=succeeded/, 'arguments of curl');
unlike($out, qr/token/, 'the token is not among them');

unlink($t->path('bin/curl'));

reports(0);


###############################################################################
# the buildspec, as CodeBuild runs it, with stand-ins of the tools


$t->write_file('source/deploy-notify', slurp($notify));

# each call is a line; a call with the word FAIL fails

my $tool = <<'EOF';
#!/bin/sh
echo "${0##*/} $*" >>"$CALLS"
case " $* " in
    *" $FAIL "*)  echo "$FAIL did not work"; exit 1 ;;
esac
case "$1 $2" in
    "ecr get-login-password")  echo password ;;
    "ecs describe-task-definition")
        echo '{"family":"api","revision":7,"taskDefinitionArn":"arn:7",
               "status":"ACTIVE","cpu":"256","containerDefinitions":[
               {"name":"api","image":"old","memory":512},
               {"name":"log","image":"log:1"}]}' ;;
    "ecs register-task-definition")
        cp "${4#file://}" "$CALLS.task"; echo arn:8 ;;
esac
exit 0
EOF

$t->write_file("bin/$_", $tool, 0755) for qw(docker aws);


# (exit code, calls)

sub buildspec {
    my ($fail) = @_;

    unlink($t->path('calls'));

    $t->write_file('run.sh', $spec->script());

    my ($code, $out) = build({ %env, CALLS => $t->path('calls'),
        FAIL => $fail, PATH => $t->path('bin') . ":$ENV{PATH}",
        CODEBUILD_RESOLVED_SOURCE_VERSION => 'abc' },
        'sh', $t->path('run.sh'));

    note($out);

    return ($code, grep { !/--version/ } split(/\n/, $t->read_file('calls')));
}


SKIP: {
    skip 'no jq', 12 if ($t->capture('jq', '--version'))[0];

    my ($code, @calls) = buildspec('-none-');

    my ($registry) = $env{IMAGE} =~ m{^([^/]+)/};

    is($code, 0, 'the build succeeds');

    is_deeply(\@calls, [
        'aws ecr get-login-password',
        "docker login --username AWS --password-stdin $registry",
        "docker build --tag $env{IMAGE}:abc .",
        "docker run --rm $env{IMAGE}:abc sh -c $env{TESTS}",
        "docker push $env{IMAGE}:abc",
        "aws ecs describe-task-definition --task-definition $env{TASK}"
            . ' --query taskDefinition',
        'aws ecs register-task-definition --cli-input-json file://new.json'
            . ' --query taskDefinition.taskDefinitionArn --output text',
        "aws ecs update-service --cluster $env{CLUSTER}"
            . " --service $env{SERVICE} --task-definition arn:8",
        "aws ecs wait services-stable --cluster $env{CLUSTER}"
            . " --services $env{SERVICE}",
    ], 'what it calls');

    is_deeply(JSON::PP->new->decode($t->read_file('calls.task') || 'null'), {
        family => 'api', cpu => '256', containerDefinitions => [
            { name => 'api', image => "$env{IMAGE}:abc", memory => 512 },
            { name => 'log', image => 'log:1' }] }, 'the new task');

    is_deeply([told(9)],
              ['install in_progress', 'install succeeded',
               'pre_build in_progress', 'pre_build succeeded',
               'build in_progress', 'build succeeded',
               'post_build in_progress', 'post_build in_progress',
               'post_build succeeded'], 'what it tells');

    # the tests fail: nothing is deployed, and both are told

    ($code, @calls) = buildspec('run');

    is($code, 1, 'the tests fail');
    ok(!(grep { /push|ecs/ } @calls), 'nothing is deployed');

    my @reports = reports(7);

    is_deeply([map { "$_->{phase} $_->{status}" } @reports[4 .. 6]],
              ['build in_progress', 'build failed', 'post_build failed'],
              'what it tells');
    is($reports[5]{message}, 'run did not work', 'what the tests said');

    ($code, @calls) = buildspec('login');

    is($code, 1, 'no login');
    is_deeply([(told(4))[2, 3]],
              ['pre_build in_progress', 'pre_build failed'],
              'what it tells');

    ($code, @calls) = buildspec('wait');

    is($code, 1, 'the service does not become stable');
    is((told(9))[8], 'post_build failed', 'what it tells');
}

$t->done();
