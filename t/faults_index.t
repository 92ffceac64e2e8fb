#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# t/FAULTS names a test for each fault, and a text where that test checks it.

use warnings;
use strict;

use FindBin;

use Test::More;

my (%text, %seen);
my $faults = 0;

open(my $fh, '<', "$FindBin::Bin/FAULTS") or die "FAULTS: $!";

while (my $line = <$fh>) {
    chomp($line);

    next if $line =~ /^#|^$/;

    my ($fault, $hold, $file, $words, @more) = split(/ \| /, $line);

    if (!defined $words || @more || $seen{$fault}++) {
        fail("line $.: not four columns, or twice");
        next;
    }

    if (!defined $text{$file}) {
        $text{$file} = '';

        if (open(my $test, '<', "$FindBin::Bin/$file")) {
            local $/;
            $text{$file} = <$test>;
        }

        # a comment checks nothing
        $text{$file} =~ s/^\s*#.*$//mg;
    }

    $faults++;
    ok(index($text{$file}, $words) >= 0, "$fault: $file")
        or diag("line $.: no \"$words\" in $file");
}

cmp_ok($faults, '>=', 40, 'at least 40 faults');

done_testing();
