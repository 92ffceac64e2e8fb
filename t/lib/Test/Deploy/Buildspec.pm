package Test::Deploy::Buildspec;

# Copyright (C) ngx_deploy_module authors

# A buildspec as CodeBuild runs it.  Of YAML it understands what our own files
# have: variables, and commands that are plain values or blocks after "|".
#
#     my $spec = Test::Deploy::Buildspec->new($text);
#     $spec->env()->{IMAGE};
#     $t->write_file('run.sh', $spec->script());

use warnings;
use strict;

our @ORDER = qw(install pre_build build post_build);


sub new {
    my ($class, $text) = @_;

    my %env = $text =~ /^    ([A-Z]+): (.*)$/mg;

    return bless { env => \%env, phases => parse($text) }, $class;
}


sub env { return $_[0]{env} }


# phase => { commands => [...], finally => [...] }

sub phases { return $_[0]{phases} }


sub parse {
    my ($text) = @_;

    my (%phases, $phase, $list, $block);

    for (split(/\n/, $text)) {
        if ($block && /^ {8}(.*)/) {
            $list->[-1] .= "$1\n";
            next;
        }

        $block = 0;

        if (/^  (\w+):$/) {
            $phase = $1;

        } elsif (/^    (commands|finally):$/) {
            $list = $phases{$phase}{$1} = [];

        } elsif (/^      - \|$/) {
            push(@$list, '');
            $block = 1;

        } elsif (/^      - ([^"'|>&*!%#`@](?!.*(?:: | #)).*)$/) {
            push(@$list, "$1\n");

        } elsif (/^      - /) {
            die "not a plain value: $_";
        }
    }

    return \%phases;
}


# all commands, to be checked

sub commands {
    my ($self) = @_;

    return map { @{ $self->{phases}{$_}{commands} || [] },
                 @{ $self->{phases}{$_}{finally} || [] } } @ORDER;
}


# A script for sh: a phase ends at the first command that fails; after that of
# install or pre_build comes nothing, after that of build post_build.

sub script {
    my ($self) = @_;

    my $text = "CODEBUILD_BUILD_SUCCEEDING=1\nlast=\n";

    for my $name (@ORDER) {
        my $phase = $self->{phases}{$name} or next;
        my $start = ($name eq 'post_build')
                    ? "[ \$CODEBUILD_BUILD_SUCCEEDING = 1 ] || [ \$last = build ]"
                    : '[ $CODEBUILD_BUILD_SUCCEEDING = 1 ]';

        $text .= "if $start; then\nlast=$name\nfailed=0\n"
                 . join('', map { "[ \$failed = 1 ] || {\n$_} || failed=1\n" }
                            @{ $phase->{commands} })
                 . join('', @{ $phase->{finally} || [] })
                 . "[ \$failed = 0 ] || CODEBUILD_BUILD_SUCCEEDING=0\nfi\n";
    }

    return $text . "exit \$((1 - CODEBUILD_BUILD_SUCCEEDING))\n";
}


1;
