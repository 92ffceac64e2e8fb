package Test::Deploy::Strace;

# Copyright (C) ngx_deploy_module authors

# System calls of a running process and all its threads, and faults of them:
#
#     my $strace = Test::Deploy::Strace->new($t, $pid)
#         or skip($Test::Deploy::Strace::WHY, 7);
#
#     $strace->inject('fsync,fdatasync:error=EIO');
#     ...
#     $strace->detach();
#
#     $strace->trace('all');
#     ...
#     $strace->detach();
#     my @lines = $strace->calls();
#
# A call that is being delayed goes on when it is detached.

use warnings;
use strict;

use POSIX ();

use Test::Deploy;

our $WHY;


# undef, and $WHY, where that is forbidden

sub new {
    my ($class, $t, $pid) = @_;

    my $self = bless { out => $t->path('strace.log'), pid => $pid }, $class;

    if (!grep { -x "$_/strace" } split(/:/, $ENV{PATH})) {
        $WHY = 'no strace';
        return undef;
    }

    return undef unless $self->inject('fsync:delay_enter=0');

    $self->detach();

    return $self;
}


# what is traced has to be there in "what" too: calls:how

sub inject {
    my ($self, $what) = @_;

    my ($calls) = $what =~ /^([\w,]+):/;

    return $self->trace($calls, '-e', "inject=$what");
}


# 1 when it is there

sub trace {
    my ($self, $calls, @more) = @_;

    $self->detach();

    my $pid = fork();

    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', "$self->{out}.stdout");
        open(STDERR, '>&', \*STDOUT);
        exec('strace', '-f', '-o', $self->{out}, '-e', "trace=$calls",
             @more, '-p', $self->{pid}) or POSIX::_exit(127);
    }

    $self->{strace} = $pid;

    my $rc = wait_for(sub {
        return 'gone' if waitpid($pid, POSIX::WNOHANG()) == $pid;
        return $self->traced();
    });

    return 1 if $rc && $rc ne 'gone';

    delete $self->{strace} if $rc;
    $self->detach();

    open(my $fh, '<', "$self->{out}.stdout") or die "strace: $!";
    chomp($WHY = <$fh> || 'strace does not work');

    return 0;
}


# 1 when each thread is

sub traced {
    my ($self) = @_;

    for my $status (glob("/proc/$self->{pid}/task/*/status")) {
        open(my $fh, '<', $status) or next;
        local $/;

        return 0 if <$fh> !~ /^TracerPid:\s*$self->{strace}$/m;
    }

    return 1;
}


# the calls it met, as lines

sub calls {
    my ($self) = @_;

    open(my $fh, '<', $self->{out}) or return ();

    return <$fh>;
}


sub detach {
    my ($self) = @_;

    my $pid = delete $self->{strace} or return;

    kill('TERM', $pid);
    waitpid($pid, 0);
}


sub DESTROY { $_[0]->detach() }


1;
