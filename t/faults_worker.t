#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What fails inside of a worker: OpenSSL, random numbers, the queue of the
# threads, descriptors; and the other modules of a location.  Nothing is
# started unless it is said so, the same delivery works afterwards, once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Socket qw(CRLF SHUT_WR);
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

$Test::Deploy::Payload::SAME = 1;
use Test::Deploy::Sign;
use Test::Deploy::Torture;

plan(skip_all => 'needs a module that is loaded')
    unless Test::Deploy::Torture->usable();

my $t = Test::Deploy->new()->has('http_auth_request_module',
                                 'http_sub_module');
my $cb = $t->codebuild();
my $torture = $t->helper(Test::Deploy::Torture->new($t));

$t->write_file('secret', "$SECRET\n", 0600);

# nginx's own words about descriptors

$t->expect(qr/\(24: Too many open files\)/);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    %%STORE%%
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 3s;
    deploy_verify github %%TESTDIR%%/secret;

    client_max_body_size 4m;
    limit_req_zone $server_name zone=all:1m rate=1000r/s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { deploy_build api on=push; }

        location = /page {
            error_page 403 503 = @page;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location @page {
            deploy_verify off;
            return 403 "not for you\n";
        }

        location = /modules {
            auth_request /allowed;
            mirror /mirror;
            limit_req zone=all burst=100;
            ssi on;
            ssi_types application/json;
            sub_filter_types application/json;
            sub_filter '"started"' '"begun"';
            gzip on;
            gzip_types application/json;
            gzip_min_length 1;
            error_page 403 /forbidden;
            deploy_build api on=push;
        }

        location = /allowed {
            internal;
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }

        location = /mirror {
            internal;
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /forbidden { deploy_verify off; return 204; }
        location = /static { deploy_verify off; return 204; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_verify off;
        location / { return 200 "behind\n"; }
    }
}
EOC

my $n = 0;
my $pid;

sub commit { return sprintf('%040x', $n) }

sub large { return push_branch(commit => commit()) . ' ' x 1100000 }

sub small { return push_branch(commit => commit()) }

sub built {
    return scalar grep { ($_->{request}{sourceVersion} || '') eq commit() }
                  $cb->builds();
}

# a delivery while something fails, and once more when it does not

sub refused {
    my ($name, $body, $status, $stop, $uri) = @_;

    my $r = deliver($uri || '/hook', 'push', $body);

    like($r->status, $status, "$name: refused") or diag($r->raw);
    is(built(), 0, "$name: nothing is started");
    is(http_get('/static')->status, 204, "$name: nginx serves");

    $stop->();
}

sub works {
    my ($name, $body) = @_;

    my $r = deliver('/hook', 'push', $body, 'X-Again' => 1);

    is($r->status, 200, "$name: works again") or diag($r->raw);
    ok(wait_for(sub { built() == 1 }), "$name: started once");
    is(join(' ', $t->worker_pids()), $pid, "$name: the same worker");
}

my $disarm = sub { $torture->disarm() };

sub faults {
    my ($kind) = @_;

    ($pid) = $t->worker_pids();

    for my $call (1 .. 4) {
        $n++;
        $torture->arm($call, all => 1, kinds => ['crypto']);
        refused("$kind, OpenSSL from call $call on", small(), qr/^50[03]\z/,
                $disarm);
        works("$kind, OpenSSL from call $call on", small());
    }

    # two deliveries that fail alike are two deliveries

    for my $call (1 .. 32) {
        my @wrong;

        for (1 .. 2) {
            $n++;
            $torture->arm($call, kinds => ['crypto']);

            my $r = deliver('/hook', 'push', small());

            $torture->disarm();

            my $ok = ($r->status == 200) ? built() == 1
                                         : $r->status =~ /^(?:202|50[03])\z/;

            push(@wrong, $r->raw) if !$ok;
        }

        is(join("\n", @wrong), '', "$kind, OpenSSL at call $call alone");
    }

    # a wrong signature does not become a right one

    $n++;
    $torture->arm(1, all => 1, kinds => ['crypto']);

    my $r = http_post('/hook', small(), 'X-GitHub-Event' => 'push',
                      'X-Hub-Signature-256' => 'sha256=' . '0' x 64);

    $torture->disarm();

    like($r->status, qr/^50[03]\z/, "$kind, OpenSSL: zeros are no signature");
    is(built(), 0, "$kind, OpenSSL: zeros start nothing");

    # behind the gate of another handler

    $torture->arm(1, all => 1, kinds => ['crypto']);
    $r = deliver('/page', 'push', small());
    $torture->disarm();

    is($r->status . $r->body, "403not for you\n",
       "$kind, OpenSSL: the other handler is not reached");

    # jitter, boundaries of retries and the like

    $n++;
    $torture->arm(1, all => 1, kinds => ['random']);
    $r = deliver('/hook', 'push', small());
    $torture->disarm();

    like($r->status, qr/^(?:200|202|50[03])\z/,
         "$kind, random numbers: answered");
    works("$kind, random numbers", small());

    # the queue of the threads is full

    $n++;
    $torture->arm(1, all => 1, kinds => ['post']);
    refused("$kind, the queue of threads", large(), qr/^50[03]\z/, $disarm);
    works("$kind, the queue of threads", large());
}


$t->var(STORE => '');
$t->run($conf);

faults('stateless');


###############################################################################
# other modules of the location: one body, read once, as it was signed


$n++;

my $r = deliver('/modules', 'push', small(), 'Accept-Encoding' => 'identity');

is($r->status, 200, 'modules: started');
like($r->body, qr/"status":"begun"/, 'modules: the filters are in use');
is(built(), 1, 'modules: once');

$r = http_post('/modules', small(), 'X-GitHub-Event' => 'push',
               'X-Hub-Signature-256' => 'sha256=' . '0' x 64);

isnt($r->status, 200, 'modules: a wrong signature');

$r = deliver('/modules', 'push', large(), 'Accept-Encoding' => 'gzip');

is($r->header('content-encoding'), 'gzip', 'modules: gzip');


###############################################################################
# the client closes its side when it has sent everything


$n++;

my %headers = github($SECRET, 'push', small());
my $s = http_connect();

$s->syswrite('POST /hook HTTP/1.1' . CRLF . 'Host: localhost' . CRLF
             . 'Connection: close' . CRLF
             . join('', map { "$_: $headers{$_}" . CRLF } keys %headers)
             . 'Content-Length: ' . length(small()) . CRLF . CRLF . small());
shutdown($s, SHUT_WR);

is(http_response($s)->status, 200, 'half closed: answered');
is(built(), 1, 'half closed: started once');


###############################################################################
# descriptors


SKIP: {
    skip 'no prlimit', 6 if system('prlimit --version > /dev/null 2>&1') != 0;

    $n++;
    $s = http_connect();

    # this connection was accepted, nothing else can be opened

    is(http_get('/static', { socket => $s, keep => 1 })->status, 204,
       'descriptors: a connection');
    system('prlimit', "--pid=$pid", '--nofile=8:1024');

    $r = deliver('/hook', 'push', small(), { socket => $s, keep => 1 });

    like($r->status, qr/^50[03]\z/, 'descriptors: refused');
    is(built(), 0, 'descriptors: nothing is started');

    system('prlimit', "--pid=$pid", '--nofile=1024:1024');

    works('descriptors', small());
}


###############################################################################
# the same with a store


$t->var(STORE => 'deploy_store ' . $t->path('store') . ';');
$t->restart($conf);

faults('store');

$t->done();
