#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# nginx takes each configuration of the README, and its text of the built-in
# deploy_transport is the one of the module.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::Deploy;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $root = "$FindBin::Bin/..";

mkdir($t->dir() . '/deploy', 0700);


sub slurp {
    my ($file) = @_;

    open(my $fh, '<', "$root/$file") or die "$file: $!";
    local $/;

    return scalar <$fh>;
}


# what a block is to be put into, told by its first directive

my %level = (
    load_module => 'main', deploy_region => 'http', deploy_project => 'http',
    deploy_endpoint => 'http', deploy_transport => 'http',
    deploy_zone => 'http', deploy_timeout => 'http', deploy_dry_run => 'http',
    deploy_store => 'http', deploy_log_level => 'http', deploy_slack => 'http',
    limit_req_zone => 'http', map => 'http',
    log_format => 'http', location => 'server',
    access_log => 'transport', thread_pool => 'core',
);

my $readme = slurp('README.md');
my $n = 0;

while ($readme =~ /^```nginx\n(.*?)^```\n/msg) {

    my $text = $1;
    my ($name) = $text =~ /^(\w+)/;
    my $level = $level{$name} || 'unknown';

    $n++;

    if ($level eq 'transport') {
        my ($table) = slurp('ngx_deploy_module/http/ngx_http_deploy_transport.c')
                      =~ /ngx_http_deploy_built_in\[\]\[2\] = \{(.*?)\n\};/s;

        my $want = join('', map { "$_\n" } $table =~ /"([^"]*;)"/g);

        is($text, $want, 'the built-in deploy_transport');
        next;
    }

    for my $file ($text =~ m!/etc/nginx/deploy/(\w+\.secret)!g) {
        $t->write_file("deploy/$file", "a secret of the readme\n", 0600);
    }

    for my $file ($text =~ m!/etc/nginx/deploy/(\w+\.token)!g) {
        $t->write_file("deploy/$file", "xoxb-token-of-the-readme\n", 0600);
    }

    my $rule = "deploy_verify off; deploy_build api-prod;";

    if ($level eq 'main') {
        $text =~ s/^load_module .*\n/%%TEST_GLOBALS%%\n/;
        $text =~ s/server \{/server { listen 127.0.0.1:%%PORT_8080%%;/;

    } elsif ($level eq 'core') {
        $text = "%%TEST_GLOBALS%%\n$text\nevents {}\nhttp {\n"
                . "%%TEST_GLOBALS_HTTP%%\ndeploy_region us-east-1;\n"
                . "server { listen 127.0.0.1:%%PORT_8080%%; "
                . "location / { $rule } } }\n";

    } elsif ($level eq 'http') {
        $text = "deploy_region us-east-1;\n$text"
            unless $name eq 'deploy_region';
        $text .= "server { listen 127.0.0.1:%%PORT_8080%%; "
                 . "location / { $rule } }\n";

    } else {
        $text = "deploy_region us-east-1;\n"
                . ($text =~ /deploy_verify\s+build\b/
                   ? "deploy_store %%TESTDIR%%/deploy;\n" : '')
                . "server { listen 127.0.0.1:%%PORT_8080%%;\n$text\n}\n";
    }

    $text =~ s!/etc/nginx/deploy/!%%TESTDIR%%/deploy/!g;
    $text =~ s!/var/lib/nginx/!%%TESTDIR%%/!g;

    my ($code, $out) = $t->nginx_t($text);

    is($code, 0, "example $n, $name, in $level") or diag($text, $out);
    unlike($out, qr/\[(?:warn|error|emerg)\]/, "example $n, no warning");
}

cmp_ok($n, '>', 10, 'examples');

$t->done();
