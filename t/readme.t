#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Holds the reference of the README against the tables of the module: each
# directive and variable is documented, with its contexts, and nothing else.
#
# A directive is "### deploy_verify" and a list or table with lines that begin
# with "Syntax:", "Default:" and "Context:"; a variable is written as
# "`$deploy_status`" at the beginning of a line, list item or table row of the
# section whose heading has the word "variables".

use warnings;
use strict;

use FindBin;

use Test::More;

chdir("$FindBin::Bin/..") or die "chdir: $!";

plan(skip_all => 'no README.md') unless -f 'README.md';


sub slurp {
    my ($file) = @_;

    open(my $fh, '<', $file) or die "$file: $!";
    local $/;

    return scalar <$fh>;
}


###############################################################################
# the module


my %context = (
    NGX_HTTP_MAIN_CONF => 'http',
    NGX_HTTP_SRV_CONF => 'server',
    NGX_HTTP_LOC_CONF => 'location',
    NGX_HTTP_SIF_CONF => 'if in server',
    NGX_HTTP_LIF_CONF => 'if in location',
    NGX_HTTP_LMT_CONF => 'limit_except',
);

my (%directives, %variables);

for my $file (glob('ngx_deploy_module/http/*.c')) {
    my $text = slurp($file);

    while ($text =~ /\{\s*ngx_string\("(\w+)"\),\s*((?:NGX_\w+\s*\|?\s*)+),/g)
    {
        my ($name, $flags) = ($1, $2);

        next unless $flags =~ /NGX_CONF_/;

        $directives{$name} = join(', ', map { $context{$_} }
            grep { $flags =~ /\b$_\b/ }
            qw(NGX_HTTP_MAIN_CONF NGX_HTTP_SRV_CONF NGX_HTTP_LOC_CONF
               NGX_HTTP_SIF_CONF NGX_HTTP_LIF_CONF NGX_HTTP_LMT_CONF));
    }

    while ($text =~ /\{\s*ngx_string\("(deploy_\w+)"\),\s*NULL,/g) {
        $variables{$1} = 1;
    }
}

cmp_ok(scalar keys %directives, '>', 0, 'directives in the module');


###############################################################################
# the README


my (%documented, %vars);

{
    my ($name, $in_variables, %d);

    for my $line (split(/\n/, slurp('README.md'))) {
        if ($line =~ /^(#+)\s+(.*?)\s*$/) {
            my ($level, $title) = (length($1), $2);

            $title =~ s/`//g;
            $name = undef;

            if ($level == 3 && $title =~ /^(deploy_\w+)(?:\s.*)?$/) {
                $name = $1;
                $documented{$name} ||= {};
            }

            $in_variables = $title =~ /\bvariables\b/i if $level <= 3;
            next;
        }

        if (defined $name
            && $line =~ /^[\s|>*-]*\**(Syntax|Default|Context)\**:?\**[\s:|]*
                         (.*?)[\s|]*$/x)
        {
            my ($key, $value) = ($1, $2);

            $value =~ s/<[^>]*>|[`*]//g;
            $documented{$name}{$key} = $value unless
                exists $documented{$name}{$key};
        }

        if ($in_variables && $line =~ /^[\s|*-]*((?:`\$\w+`(?:,\s*)?)+)/) {
            my $list = $1;
            $vars{$1} = 1 while $list =~ /\$(\w+)/g;
        }
    }
}


for my $name (sort keys %directives) {
    my $d = $documented{$name};

    ok($d, "$name documented") or next;

    ok(exists $d->{Syntax} && $d->{Syntax} =~ /\b$name\b/, "$name, syntax");
    ok(exists $d->{Default} && length($d->{Default}), "$name, default");
    is($d->{Context}, $directives{$name}, "$name, context");
}

for my $name (sort keys %documented) {
    ok($directives{$name}, "$name exists");
}

for my $name (sort keys %variables) {
    # those of the built-in transport are for it alone
    next if $name =~ /^deploy_transport_/;

    ok($vars{$name}, "\$$name documented");
}

for my $name (sort keys %vars) {
    ok($variables{$name}, "\$$name exists");
}


done_testing();
