package Test::Deploy::Torture;

# Copyright (C) ngx_deploy_module authors

# Makes the Nth allocation, or another call, of a running nginx fail: through
# a preloaded library, build/t/torture.so.
#
#     my $torture = $t->helper(Test::Deploy::Torture->new($t));
#     $t->run(...);
#
#     $torture->arm(7);                     # the 7th allocation from now on
#     ...
#     my ($counted, $failed) = $torture->disarm();
#
# arm() takes all => 1 (the Nth and each one after it) and kinds: "alloc",
# "crypto" (OpenSSL's digests and MACs), "random", "thread" (pthread_create()),
# "post" (a task for threads, as if their queue were full).

use warnings;
use strict;
no warnings "portable";

use Time::HiRes qw(sleep time);

use Test::Deploy;

my %KINDS = (alloc => 1, crypto => 2, random => 4, thread => 8, post => 16);

my $HEAD = 6;
my $TRACE = 24;


sub library { return "$Test::Deploy::ROOT/build/t/torture.so" }


# undef where it cannot work: the functions of nginx are those of a module
# that is loaded, a sanitizer has allocations of its own

sub usable {
    return $ENV{TEST_NGINX_MODULE} && $ENV{TEST_NGINX_MODULE} !~ m!/! ? undef
                                                                      : 1;
}


sub new {
    my ($class, $t) = @_;

    my $file = $t->write_file('torture', "\0" x 4096);
    my $lib = library();

    die "no $lib, make it first" unless -f $lib;

    open(my $fh, '+<', $file) or die "$file: $!";

    # memory that was given back has other bytes
    $t->env(LD_PRELOAD => $lib, TEST_DEPLOY_TORTURE => $file,
            MALLOC_PERTURB_ => 165);

    return bless { t => $t, fh => $fh }, $class;
}


sub put {
    my ($self, @values) = @_;

    my $data = pack('Q*', @values);

    sysseek($self->{fh}, 0, 0);
    syswrite($self->{fh}, $data) == length($data) or die "torture: $!";
}


sub get {
    my ($self) = @_;

    sysseek($self->{fh}, 0, 0);
    sysread($self->{fh}, my $data, 8 * ($HEAD + $TRACE));

    return unpack('Q*', $data);
}


sub arm {
    my ($self, $n, %opts) = @_;

    my $kinds = 0;

    $kinds |= $KINDS{$_} || die "no kind $_"
        for @{ $opts{kinds} || ['alloc'] };

    $self->put(0, $opts{all} ? 1 : 0, $kinds, (0) x (3 + $TRACE));
    $self->put($n);
}


# how many calls were counted, and how many of them failed

sub disarm {
    my ($self) = @_;

    $self->put(0);

    return ($self->get())[3, 4];
}


sub counted { return ($_[0]->get())[3] }

sub failed { return ($_[0]->get())[4] }


# waits until nothing is counted for a while

sub idle {
    my ($self, $while) = @_;

    my ($last, $since) = (-1, time());

    $while ||= 0.02;

    wait_for(sub {
        my $n = $self->counted();

        if ($n != $last) {
            ($last, $since) = ($n, time());
        }

        return time() - $since > $while;
    }, 'an idle nginx');
}


# where it failed: the names of the functions

sub where {
    my ($self, $pid) = @_;

    my @state = $self->get();
    my @maps = split(/\n/, $self->{t}->read_file("/proc/$pid/maps"));
    my @names;

    for my $address (@state[$HEAD + 2 .. $HEAD + $state[5] - 1]) {
        my $name = sprintf('%x', $address);

        for my $map (@maps) {
            $map =~ m!^(\w+)-(\w+) \S+ (\w+) \S+ \S+\s+(/\S+)! or next;
            next if $address < hex($1) || $address >= hex($2);

            my ($file, $at) = ($4, $address - hex($1) + hex($3) - 1);

            ($name) = split(/\n/, `addr2line -f -e $file @{[
                                   sprintf('%x', $at)]} 2>/dev/null`);
            $name = $file . sprintf('+%x', $at)
                if !defined $name || $name eq '??';
            $name =~ s!^.*/!!;
        }

        push(@names, $name);
    }

    return join(' < ', @names);
}


sub stop { $_[0]->put(0) }

sub check { }


1;
