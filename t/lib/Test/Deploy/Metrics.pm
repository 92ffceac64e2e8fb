package Test::Deploy::Metrics;

# Copyright (C) ngx_deploy_module authors

# A strict reader of the text format of Prometheus, version 0.0.4, and of
# OpenMetrics: what promtool would complain of is an error here.
#
#     my $m = Test::Deploy::Metrics->new($r->body);
#
#     is_deeply($m->errors, [], 'well-formed');
#     is($m->value('ngx_deploy_events_total', matched => 'yes'), 1, 'matched');

use warnings;
use strict;

use Encode ();

my $NAME = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $NUMBER = qr/-?(?:[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?)|\+Inf|NaN/;
my %TYPES = map { $_ => 1 } qw(counter gauge histogram);


sub new {
    my ($class, $text, %opts) = @_;

    my $self = bless {
        errors => [], samples => {}, order => [], families => {},
        open => $opts{open},
    }, $class;

    $self->parse($text);

    return $self;
}


sub errors { return $_[0]{errors} }

sub families { return $_[0]{order} }


# the value of the one sample with these labels, undef if there is none

sub value {
    my ($self, $name, %labels) = @_;

    return $self->{samples}{key($name, %labels)};
}


# the values of a label that samples of a name have

sub labels {
    my ($self, $name, $label) = @_;

    my %seen;

    for (keys %{ $self->{samples} }) {
        my ($n, @rest) = split(/\0/, $_);
        my %l = @rest;

        $seen{$l{$label}} = 1 if $n eq $name && defined $l{$label};
    }

    return sort keys %seen;
}


sub key {
    my ($name, %labels) = @_;

    return join("\0", $name, map { $_ => $labels{$_} } sort keys %labels);
}


sub complain { push(@{ $_[0]{errors} }, $_[1]); return }


sub parse {
    my ($self, $text) = @_;

    my $copy = $text;

    $self->complain('not UTF-8')
        unless eval { Encode::decode('UTF-8', $copy, Encode::FB_CROAK()); 1 };
    $self->complain('no line feed at the end') unless $text =~ /\n\z/;

    my @lines = split(/\n/, $text);
    my $family;

    if ($self->{open}) {
        $self->complain('no EOF') unless @lines && pop(@lines) eq '# EOF';
    }

    for my $line (@lines) {

        if ($line =~ /^# HELP ($NAME) (\S.*)$/) {
            my ($name, $help) = ($1, $2);

            $self->complain("$name again") if $self->{families}{$name};
            $self->complain("$name: $help") unless $help =~ /\.$/;

            $family = $self->{families}{$name} = { name => $name };
            push(@{ $self->{order} }, $name);

        } elsif ($line =~ /^# TYPE ($NAME) (\w+)$/) {
            my ($name, $type) = ($1, $2);

            $self->complain("TYPE of $name without its HELP")
                unless $family && $family->{name} eq $name && !$family->{type};
            $self->complain("type $type") unless $TYPES{$type};

            $family->{type} = $type;
            $self->lint($family);

        } elsif ($line =~ /^#/) {
            $self->complain("comment: $line");

        } else {
            $self->sample($line, $family);
        }
    }

    $self->histograms();

    return;
}


# the conventions of names

sub lint {
    my ($self, $family) = @_;

    my ($name, $type) = @$family{qw(name type)};
    my $total = $name =~ /_total$/;

    $self->complain("$name: not ours") unless $name =~ /^ngx_deploy_[a-z_]+$/;

    if ($type eq 'counter' && !$self->{open}) {
        $self->complain("counter $name without _total") unless $total;

    } else {
        $self->complain("$type $name with _total") if $total;
    }

    $self->complain("$name: unit") if $name =~ /_(?:ms|milliseconds|kb|mb)/
                                      || $name =~ /_(?:count|sum|bucket)$/;
    $self->complain("$name: its type")
        if $name =~ /_(?:counter|gauge|histogram)(?:_|$)/;

    return;
}


sub sample {
    my ($self, $line, $family) = @_;

    my ($name, $labels, $value) = $line =~ /^($NAME)(?:\{(.*)\})? ($NUMBER)$/
        or return $self->complain("sample: $line");

    my $of = $name;

    if ($family) {
        my $type = $family->{type} || '';

        $of =~ s/_(?:bucket|sum|count)$// if $type eq 'histogram';
        $of =~ s/_total$// if $type eq 'counter' && $self->{open};
    }

    return $self->complain("$name is not of the family above")
        unless $family && $family->{type} && $family->{name} eq $of;

    my %labels;

    while (defined $labels && length($labels)) {
        $labels =~ s/^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)//
            or return $self->complain("labels: $line");

        my ($label, $text) = ($1, $2);

        $self->complain("label $label again: $line")
            if exists $labels{$label};

        $text =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ge;
        $labels{$label} = $text;
    }

    my $key = key($name, %labels);

    $self->complain("again: $line") if exists $self->{samples}{$key};
    $self->complain("negative: $line") if $value =~ /^-/;

    $self->{samples}{$key} = $value;

    return;
}


# buckets grow, the last one is +Inf and has the count

sub histograms {
    my ($self) = @_;

    for my $family (values %{ $self->{families} }) {

        next if ($family->{type} || '') ne 'histogram';

        my $name = $family->{name};
        my @le = sort { $a <=> $b } grep { $_ ne '+Inf' }
                 $self->labels("${name}_bucket", 'le');
        my $last = 0;

        for my $le (@le, '+Inf') {
            my $n = $self->value("${name}_bucket", le => $le);

            return $self->complain("$name: no bucket $le") unless defined $n;
            $self->complain("$name: bucket $le is less") if $n < $last;
            $last = $n;
        }

        my $count = $self->value("${name}_count");

        $self->complain("$name: count")
            unless defined $count && $count == $last;
        $self->complain("$name: sum")
            unless defined $self->value("${name}_sum");
    }

    return;
}


1;
