package Demo::Agent;

# Copyright (C) ngx_deploy_module authors

# What runs the builds that CodeBuild's stand-in has started: conf/buildspec.yml
# with conf/deploy-notify, as CodeBuild would, in a directory for each build.
# docker and aws are stand-ins that take their time.
#
#     my $agent = Demo::Agent->new($t, $cb, key => ..., page => ..., pace => 0.5,
#                                  fail => { 'web-prod' => 1 });
#
# key: of EventBridge; page: where the logs are.
# fail: so many builds of the project do not pass their tests, then they do.

use warnings;
use strict;

use Digest::SHA qw(sha1_hex);
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep);

use Test::Deploy;
use Test::Deploy::Buildspec;

# a call takes a moment; "run" is that of the tests

my $TOOL = <<'EOF';
#!/bin/sh
sleep "$DEMO_PACE"
echo "+ ${0##*/} $*" >>"$DEMO_LOG"
case "$1 $2" in
    "run --rm")
        if [ "$DEMO_FAIL" = 1 ]; then
            echo "ok 1 - log in"
            echo "not ok 2 - pay <with> a \`coupon\` & *tax*"
            echo "# expected 200, got 500"
            exit 1
        fi
        echo "ok 1 - log in"
        echo "ok 2 - pay"
        ;;
    "ecs describe-task-definition")
        echo '{"family":"api","containerDefinitions":[{"name":"api"}]}' ;;
    "ecs register-task-definition")
        echo arn:aws:ecs:us-east-1:123456789012:task-definition/api:8 ;;
esac
exit 0
EOF


sub new {
    my ($class, $t, $cb, %opts) = @_;

    my $self = bless {
        %opts, t => $t, cb => $cb, count => 0, running => {},
        specs => { map { $_ => read_spec($_) } 'conf/buildspec.yml',
                                               'demo/smoke.yml' },
    }, $class;

    $t->write_file("agent/bin/$_", $TOOL, 0755) for qw(docker aws);

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        setpgrp(0, 0);
        $SIG{INT} = 'IGNORE';
        $SIG{CHLD} = 'IGNORE';

        $SIG{TERM} = sub {
            kill('KILL', map { -$_->[0] } values(%{ $self->{running} }));
            POSIX::_exit(0);
        };

        eval { $self->watch() };
        print STDERR $@ if $@;
        POSIX::_exit(0);
    }

    # in both, whoever is first
    POSIX::setpgid($pid, $pid);

    $self->{pid} = $pid;

    return $self;
}


sub read_spec {
    my ($name) = @_;

    open(my $fh, '<', "$Test::Deploy::ROOT/$name") or die "$name: $!";
    local $/;

    return Test::Deploy::Buildspec->new(scalar <$fh>);
}


sub stop {
    my ($self) = @_;

    return unless $self->{pid};

    # it kills what it has begun
    kill('TERM', $self->{pid});
    waitpid($self->{pid}, 0);

    $self->{pid} = 0;
}


sub check { }


# what the n-th build has written

sub log {
    my ($self, $n) = @_;

    return $self->{t}->read_file("agent/$n/log");
}


sub watch {
    my ($self) = @_;

    my $parent = getppid();
    my ($stopped, %nth) = (0);

    while (getppid() == $parent) {
        my @builds = $self->{cb}->builds();

        for my $build (@builds[$self->{count} .. $#builds]) {
            $self->run($build, ++$self->{count},
                       ++$nth{$build->{project}}
                       <= ($self->{fail}{$build->{project}} || 0));
        }

        my @stopped = $self->{cb}->stopped();

        $self->kill_build($_) for @stopped[$stopped .. $#stopped];
        $stopped = @stopped;

        sleep(0.05);
    }
}


sub run {
    my ($self, $build, $n, $fail) = @_;

    my $t = $self->{t};
    my $dir = $t->path("agent/$n");
    my $spec = $self->{specs}{$build->{project} =~ /-smoke\z/
                              ? 'demo/smoke.yml' : 'conf/buildspec.yml'};

    mkdir($dir);
    mkdir("$dir/source");
    mkdir("$dir/tmp");

    symlink("$Test::Deploy::ROOT/conf/deploy-notify",
            "$dir/source/deploy-notify") or die "symlink: $!";

    $t->write_file("agent/$n/run.sh", $spec->script());

    my $version = $build->{request}{sourceVersion};
    $version = 'main' unless defined $version;
    $version = sha1_hex($version) unless $version =~ /^[0-9a-f]{40}\z/;

    my %env = (
        %{ $spec->env() }, %{ $build->{env} },
        CODEBUILD_BUILD_ID => $build->{id},
        CODEBUILD_RESOLVED_SOURCE_VERSION => $version,
        TMPDIR => "$dir/tmp", DEMO_PACE => $self->{pace},
        DEMO_FAIL => $fail ? 1 : 0, DEMO_LOG => "$dir/log",
        PATH => $t->path('agent/bin') . ":$ENV{PATH}",
    );

    my $pid = fork();
    return if !defined $pid;

    if ($pid) {
        POSIX::setpgid($pid, $pid);
        $self->{running}{$build->{id}} = [$pid, $build, $n];
        return;
    }

    setpgrp(0, 0);
    $SIG{CHLD} = 'DEFAULT';

    open(STDIN, '<', '/dev/null');
    open(STDOUT, '>>', "$dir/log");
    open(STDERR, '>&', \*STDOUT);

    my $rc = system('env', '-i', '-C', "$dir/source",
                    map({ "$_=$env{$_}" } sort(keys(%env))),
                    'sh', "$dir/run.sh");

    $self->end($build, $n, $rc ? 'FAILED' : 'SUCCEEDED');
    POSIX::_exit(0);
}


# somebody has stopped it

sub kill_build {
    my ($self, $id) = @_;

    my ($pid, $build, $n) = @{ delete($self->{running}{$id}) || [] };

    return if !defined $pid;

    kill('KILL', -$pid);

    $self->end($build, $n, 'STOPPED');
}


sub end {
    my ($self, $build, $n, $status) = @_;

    $self->{cb}->over($build->{id}, $status);

    eval { $self->event($build, $n, $status) };
    print STDERR $@ if $@;
}


# what EventBridge sends at the end, which has the link to the log

sub event {
    my ($self, $build, $n, $status) = @_;

    my $arn = 'arn:aws:codebuild:us-east-1:123456789012:build/' . $build->{id};

    http_post('/events', JSON::PP::encode_json({
        version => '0', id => sprintf('%08x-0000-4000-8000-%012x', $$, $n),
        'detail-type' => 'CodeBuild Build State Change',
        source => 'aws.codebuild', account => '123456789012',
        time => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime()),
        region => 'us-east-1', resources => [$arn],
        detail => {
            'build-status' => $status, 'project-name' => $build->{project},
            'build-id' => $arn, 'current-phase' => 'COMPLETED',
            version => '1', 'additional-information' => {
                initiator => 'gateway', 'build-complete' => JSON::PP::true,
                logs => { 'deep-link' => "$self->{page}builds/$n" },
            },
        },
    }), 'X-Api-Key' => $self->{key},
        'User-Agent' => 'Amazon/EventBridge/ApiDestinations');
}


1;
