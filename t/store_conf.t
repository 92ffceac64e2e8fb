#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The deploy_store directive: what "nginx -t" refuses, and what it leaves.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;

my $t = Test::Deploy->new();

$t->write_file('file', 'x');

# the whole configuration, as a thread_pool is outside of http {}

sub check {
    my ($pattern, $name, @lines) = @_;

    my ($pool) = grep { /^thread_pool/ } @lines;
    @lines = grep { !/^thread_pool/ } @lines;

    my ($code, $out) = nginx_t("%%TEST_GLOBALS%%\n" . ($pool || '')
        . "\nevents {}\nhttp {\n%%TEST_GLOBALS_HTTP%%\n"
        . join("\n", @lines)
        . "\nserver { listen 127.0.0.1:%%PORT_8080%%; }\n}\n");

    is($code, $pattern ? 1 : 0, $name);
    like($out, $pattern || qr/test is successful/, "$name: told");

    return $out;
}


for my $bad (qw(retry= retry=0 retry=x retry=-1s retry=5y5 keep= keep=0 keep=x
                keep=1.5d thread_pool= what=x x keep))
{
    check(qr/invalid parameter "\Q$bad\E" in/, $bad,
          "deploy_store %%TESTDIR%%/s $bad;");
}

check(qr/unknown thread pool "nope"/, 'thread_pool=nope',
      'deploy_store %%TESTDIR%%/s thread_pool=nope;');
check(qr/"deploy_store" directive is duplicate/, 'twice',
      'deploy_store %%TESTDIR%%/s;', 'deploy_store %%TESTDIR%%/s2;');
check(qr/invalid number of arguments in "deploy_store"/, 'no path',
      'deploy_store;');
check(qr/"deploy_store" directive is not allowed here/, 'in a server',
      'server { listen 127.0.0.1:%%PORT_8081%%;',
      'deploy_store %%TESTDIR%%/s; }');

# nginx itself does not mind a file, the worker will

check(qr/mkdir\(\) ".*none\/s" failed/, 'no parent directory',
      'deploy_store %%TESTDIR%%/none/s;');

check(undef, 'no parameter', 'deploy_store %%TESTDIR%%/s;');
check(undef, 'all parameters', 'thread_pool mine threads=2;',
      'deploy_store %%TESTDIR%%/s/ retry=30s keep=7d thread_pool=mine;');
check(undef, 'relative', 'deploy_store relative;');

ok(-d $t->path('relative'), 'relative to the prefix');
ok(-d $t->path('s'), 'the directory is made');
is((stat(_))[2] & 07777, 0700, 'for nobody else');
ok(!-e $t->path('s/deploy.db'), 'but no file in it');

done_testing();
