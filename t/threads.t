#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The module's own thread pool: declared without a directive, only when it
# is used, with the size that the operator gave it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;

my $t = Test::Deploy->new();

$t->write_file('secret', "0123456789abcdef0123456789abcdef\n", 0640);

my $used = 'deploy_verify github %%TESTDIR%%/secret;';

sub conf {
    my ($main, $location, $end) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%
$main
http {
    %%TEST_GLOBALS_HTTP%%
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location / { $location }
    }
}
@{[$end || '']}
EOC
}

# how many threads the only worker has besides its own

sub threads {
    my ($pid) = $t->worker_pids();

    return scalar(() = glob("/proc/$pid/task/*")) - 1;
}


$t->run(conf('events {}', ''));
is(threads(), 0, 'no thread when the module is not used');

ok($t->reload(conf('events {}', $used)), 'reload');
is(threads(), 16, 'threads when it is');

my ($old) = $t->worker_pids();
ok($t->reload(), 'reload with a pool');
isnt(($t->worker_pids())[0], $old, 'another worker');
is(threads(), 16, 'threads after a reload');

ok($t->reload(conf("thread_pool deploy threads=3;\nevents {}", $used)),
   'reload with a pool of the operator');
is(threads(), 3, 'as many threads as the operator says');

$t->stop();

my ($code, $out) = nginx_t(conf('events {}', $used,
                                'thread_pool deploy threads=3;'));

is($code, 1, 'a pool after the block "http" is refused');
like($out, qr/duplicate thread pool "deploy" in .*\bt1.conf:\d+$/m,
     'file and line are told');


SKIP: {
    my $v = `@{[$t->binary()]} -V 2>&1`;

    skip 'no poll module', 3 if $v !~ /--with-poll_module/;

    ($code, $out) = nginx_t(conf('events { use poll; }', $used));

    is($code, 1, 'an event method without notifications is refused');
    like($out, qr/needs threads.*the event method "poll"/, 'it is told');

    ($code) = nginx_t(conf('events { use poll; }', ''));
    is($code, 0, 'any event method when the module is not used');
}

$t->done();
