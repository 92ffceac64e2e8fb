package Test::Deploy::Process;

# Copyright (C) ngx_deploy_module authors

# What a running process has and uses, as /proc tells:
#
#     my $p = Test::Deploy::Process->new($pid);
#
#     my $before = $p->cpu();
#     ...
#     printf "%d us\n", ($p->cpu() - $before) / 1000;
#
# Of a process that is gone everything is 0 or empty.

use warnings;
use strict;


sub new {
    my ($class, $pid) = @_;

    return bless { pid => $pid }, $class;
}


sub pid { return $_[0]{pid} }


sub read {
    my ($self, $name) = @_;

    open(my $fh, '<', "/proc/$self->{pid}/$name") or return '';
    local $/;

    my $text = <$fh>;

    return defined $text ? $text : '';
}


# ns on a processor, of all threads

sub cpu {
    my ($self) = @_;

    my $ns = 0;

    for my $tid ($self->threads()) {
        my ($n) = $self->read("task/$tid/schedstat") =~ /^(\d+)/;
        $ns += $n || 0;
    }

    return $ns;
}


sub threads {
    my ($self) = @_;

    return map { m!(\d+)$! } glob("/proc/$self->{pid}/task/[0-9]*");
}


# number => what it is, ids of sockets and pipes taken off

sub files {
    my ($self) = @_;

    my %files;

    for my $fd (glob("/proc/$self->{pid}/fd/[0-9]*")) {
        my $what = readlink($fd);
        next unless defined $what;

        $what =~ s/:\[\d+\]$//;
        $files{($fd =~ m!(\d+)$!)[0]} = $what;
    }

    return \%files;
}


# KB: Rss, Pss, Private (clean and dirty together)

sub memory {
    my ($self) = @_;

    my %kb = (Rss => 0, Pss => 0, Private => 0);

    for (split(/\n/, $self->read('smaps_rollup'))) {
        next unless /^(Rss|Pss|Private)(?:_Clean|_Dirty)?:\s+(\d+) kB/;

        $kb{$1} += $2;
    }

    return \%kb;
}


# the sizes of what it shares with others, System V, POSIX and nginx's zones

sub shared {
    my ($self) = @_;

    no warnings 'portable';

    return map { /^([0-9a-f]+)-([0-9a-f]+) / ? hex($2) - hex($1) : () }
           grep { m!^\S+ ...s .*(?:/dev/zero|/SYSV|/dev/shm/|/memfd:)! }
           split(/\n/, $self->read('maps'));
}


1;
