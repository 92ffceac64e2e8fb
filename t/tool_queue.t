#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# ngx-deploy queue: the store of a running nginx.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Store;
use Test::Deploy::Tool;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_timeout   1s;
    deploy_store     %%TESTDIR%%/store;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build  api repo=acme/api;
            deploy_build  web repo=acme/api;
        }
    }
}
EOF

my $STORE = $t->path('store');
my $store = Test::Deploy::Store->new($STORE);

sub queue {
    my (@args) = @_;

    return tool($t, 'queue', $STORE, @args);
}

sub states {
    return join(' ', map { "$_->{project}:$_->{state}" }
                $store->rows('SELECT project, state FROM builds ORDER BY id'));
}

# a worker makes the file when it first looks for work

wait_for(sub { (queue())[0] == 1 }, "the store");

my ($code, $out, $err) = queue();

is("$code $out$err", "1 0 builds waiting\n", 'nothing yet');


###############################################################################
# what waits


$cb->fault_always('api', 'throttle');

my $body = merge();
my $r = http_post('/hook', $body, Test::Deploy::Sign::github($SECRET,
                  'pull_request', $body, 'd-1'));

is($r->status, 202, 'accepted');

ok(wait_for(sub { states() eq 'api:0 web:2' }), 'one waits');

($code, $out, $err) = queue();

is("$code $err", '0 ', 'list');
like($out, qr/^1,\ delivery\ d-1,\ github\ to\ \/hook,\ 20\S+Z\n
              \ \ api:\ queued,\ \d+\ attempts?,\ the\ next\ .*,
              \ ThrottlingException:\ Rate\ exceeded\n
              1\ build\ waiting\n\z/x, 'its words');

($code, $out) = queue('--all');
like($out, qr/^  web: started, 1 attempt, web:[0-9a-f-]{36}$/m,
     'what is done, too');

($code, $out) = queue('--json');

my $json = eval { JSON::PP::decode_json($out) } || {};
my $d = $json->{deliveries}[0];

is("$json->{waiting} $d->{row} $d->{delivery} "
   . join(' ', map { "$_->{project}:$_->{state}" } @{ $d->{builds} }),
   '1 1 d-1 api:queued', 'JSON');


###############################################################################
# drop, retry


# the worker may have it just now

ok(wait_for(sub { (queue('drop', 'd-1'))[0] == 0 }), 'drop');
is(states(), 'api:3 web:2', 'it has failed');
is($store->value('SELECT error || message FROM builds WHERE id = 1'),
   'Droppeddropped by the operator', 'the history tells why');

($code, $out) = queue('drop', 'd-1');
is("$code $out", "1 0 builds dropped\n", 'nothing is left');

$cb->fault_always('api', undef);

my $n = $cb->builds();

($code, $out, $err) = queue('retry', '1');
is("$code $out$err", "0 2 builds queued\n", 'retry, by its row');

ok(wait_for(sub { states() eq 'api:3 web:2 api:2 web:2' }),
   'nginx starts them');
is($cb->builds(), $n + 2, 'two builds');


###############################################################################
# errors


sub fails {
    my ($pattern, $want, @args) = @_;

    my ($code, $out, $err) = tool($t, 'queue', @args);

    is("$code $out", "$want ", "error: $pattern");
    like($err, qr/^ngx-deploy queue: .*$pattern.*\n\z/, 'on stderr');
}

fails('there is no delivery "d-9"', 1, $STORE, 'retry', 'd-9');
fails('drop of which delivery', 3, $STORE, 'drop');
fails('"nix" is none of', 3, $STORE, 'nix');
fails('"x" is none of', 3, $STORE, 'list', 'x');
fails('none/deploy.db: No such file', 3, $t->path('none'));
fails('something is missing', 3);

my $lock = $store->lock();

like((queue())[1], qr/^0 builds waiting/, 'a list while others write');

$store->unlock($lock);

$t->stop();

my $version = $store->value('PRAGMA user_version');

$store->do('PRAGMA user_version = ' . ($version - 1));
fails('of an older version, nginx has to open it first', 3, $STORE);
is($store->value('PRAGMA user_version'), $version - 1, 'not migrated');

$store->do('PRAGMA user_version = ' . ($version + 1));
fails('newer', 3, $STORE);

$store->do("PRAGMA user_version = $version");
is((queue())[1], "0 builds waiting\n", 'and back');

my $owner = (stat("$STORE/deploy.db"))[4];

is(join(' ', map { (stat($_))[4] } glob("$STORE/*")),
   join(' ', map { $owner } glob("$STORE/*")), 'no file of another user');

SKIP: {
    my ($uid) = (getpwnam('nobody'))[2];
    my ($runuser) = grep { -x } '/sbin/runuser', '/usr/sbin/runuser';

    skip 'not root', 2 unless $> == 0 && $runuser && $uid && $uid != $owner;

    # one that this user can reach

    my $copy = $t->path('ngx-deploy');

    system('cp', $Test::Deploy::Tool::TOOL, $copy);
    chmod(0755, $copy, $STORE);

    ($code, $out) = $t->capture($runuser, '-u', 'nobody', '--', $copy, 'queue',
                                $STORE);

    is($code, 3, 'another user');
    like($out, qr/^ngx-deploy queue: .*it belongs to the user \S+, run this /,
         'is told which');
}

$t->done();
