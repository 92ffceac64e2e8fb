package Peer;

# Copyright (C) ngx_deploy_module authors

# Programs of Node.js beside a test: needs_node() skips it where there is no
# Node.js or "make peers" has not installed the packages.

use warnings;
use strict;

use Exporter qw(import);
use FindBin;
use JSON::PP ();
use POSIX ();

use Test::More;
use Test::Deploy;

our @EXPORT = qw(needs_node node_filter form);

my $JSON = JSON::PP->new->utf8->canonical;


sub needs_node {
    my $version = `node --version 2>/dev/null`;

    plan(skip_all => 'no Node.js, 20 or later')
        if $version !~ /^v(\d+)\./ || $1 < 20;
    plan(skip_all => 'the packages are not installed')
        if !-d "$FindBin::Bin/node_modules/\@slack/bolt";
}


# what a program writes for these records, a line each

sub node_filter {
    my ($t, $program, @records) = @_;

    my $in = $t->write_file("$program.in", join('', map { $JSON->encode($_)
                                                          . "\n" } @records));
    my $out = `cd '$FindBin::Bin' && node $program <'$in'`;

    is($?, 0, $program) or return ();

    return map { $JSON->decode($_) } split(/\n/, $out);
}


# application/x-www-form-urlencoded; values are characters

sub form {
    my (%form) = @_;

    return join('&', map {
        my $value = $form{$_};
        utf8::encode($value);
        $value =~ s/([^A-Za-z0-9 *._-])/sprintf('%%%02X', ord($1))/ge;
        $value =~ tr/ /+/;
        "$_=$value";
    } sort(keys(%form)));
}


###############################################################################
# a program that runs beside: $t->helper(Peer->start($t, 'bolt.js', ...))


sub start {
    my ($class, $t, @command) = @_;

    my $out = $t->path('node.out');
    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        chdir($FindBin::Bin);
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', $out);
        open(STDERR, '>&', \*STDOUT);

        exec('node', @command) or POSIX::_exit(127);
    }

    return bless { pid => $pid, t => $t }, $class;
}


sub stop {
    my ($self) = @_;

    return unless $self->{pid};

    kill('TERM', $self->{pid});
    waitpid($self->{pid}, 0);

    $self->{pid} = 0;
}


sub check {
    my ($self) = @_;

    is($self->{t}->read_file('node.out'), '', 'node: no complaint');
}


1;
