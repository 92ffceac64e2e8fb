package Test::Deploy::Tool;

# Copyright (C) ngx_deploy_module authors

# The command line tool in the directory of a test:
#
#     my ($code, $out, $err) = tool($t, 'send', 'github', ...);

use warnings;
use strict;

use Exporter qw(import);

use Test::Deploy;

our @EXPORT = qw(tool tool_ok);

our $TOOL = $ENV{TEST_NGX_DEPLOY}
            || "$Test::Deploy::ROOT/build/ngx-deploy";


sub tool {
    my ($t, @args) = @_;

    die "no $TOOL, run \"make tool\"\n" unless -x $TOOL;

    my $stderr = $t->path("stderr.$$");

    my ($code, $out) = $t->capture('/bin/sh', '-c',
                                   'err=$1; shift; exec "$@" 2>"$err"', 'sh',
                                   $stderr, $TOOL,
                                   map { $t->expand($_) } @args);

    my $err = $t->read_file("stderr.$$");

    unlink($stderr);

    Test::More::unlike($err, qr/Sanitizer|runtime error:/, "sane: @args")
        if $err =~ /Sanitizer|runtime error:/;

    return ($code, $out, $err);
}


# what it printed, the exit code being 0 and stderr being empty

sub tool_ok {
    my ($t, @args) = @_;

    my ($code, $out, $err) = tool($t, @args);

    Test::More::is("$code $err", '0 ', "$args[0] succeeds")
        or Test::More::diag($out);

    return $out;
}


1;
