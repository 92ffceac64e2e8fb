#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Bodies of 1 to 25 megabytes: started right, however they were sent and
# kept, without memory that grows with them, and refused in words when they
# are hostile.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use POSIX ();
use Socket qw(CRLF);
use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my $h2 = `@{[$t->binary()]} -V 2>&1` =~ /--with-http_v2_module/
         && `curl -V 2>&1` =~ /^Features:.*\bHTTP2\b/m;

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('static', 'static');
$t->var(HTTP2 => $h2 ? 'listen 127.0.0.1:%%PORT_8082%% http2;' : '');
$t->var(HTTP2 => $t->expand($t->var('HTTP2')));

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    client_max_body_size 40m;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        %%HTTP2%%

        deploy_verify github %%TESTDIR%%/secret;
        deploy_verify bitbucket %%TESTDIR%%/secret;

        location = /file {
            deploy_build api on=push;
        }

        location = /memory {
            client_body_buffer_size 40m;
            deploy_build api on=push;
        }

        location = /ignored {
            deploy_build api on=push branch=other;
        }

        location = /dry {
            deploy_dry_run on;
            deploy_build api on=push;
        }

        # the body is there before the gate is

        location = /read {
            deploy_verify off;
            proxy_pass http://127.0.0.1:%%PORT_8089%%;
            error_page 502 = @read;
        }

        location @read {
            deploy_build api on=push;
        }

        location = /static {
            deploy_verify off;
        }
    }
}
EOC

# a push of about that many bytes, with a path in every commit

sub push_of {
    my ($size) = @_;

    my $head = qq!{"ref":"refs/heads/main","before":"${\('b' x 40)}",!
               . qq!"after":"$COMMIT","created":false,"deleted":false,!
               . qq!"forced":false,"repository":{"full_name":"acme/api"},!
               . qq!"sender":{"login":"ann"},"head_commit":{"id":"$COMMIT",!
               . qq!"message":"Fix it","url":"https://example.com/c"},!
               . qq!"commits":[!;

    my $message = 'A commit message of some length, \u00e9. ' x 20;
    my $n = 0;

    my $commit = sub {
        my $id = sprintf('%040x', ++$n);
        return qq!{"id":"$id","message":"$message","added":[],"modified":!
               . qq!["src/dir$n/file$n.c"],"removed":[]}!;
    };

    my $left = $size - length($head) - 2;
    my @commits;

    while (1) {
        my $text = $commit->();
        last if $left < length($text) + 1 && @commits;
        $left -= length($text) + 1;
        push(@commits, $text);
    }

    my $body = $head . join(',', @commits) . ' ' x ($left + 1) . ']}';

    length($body) == $size or die "made " . length($body) . ", not $size";

    return ($body, scalar @commits);
}

sub chunked {
    my ($data, $size) = @_;

    my $text = '';

    for (my $i = 0; $i < length($data); $i += $size) {
        my $piece = substr($data, $i, $size);
        $text .= sprintf("%x%s", length($piece), CRLF) . $piece . CRLF;
    }

    return $text . '0' . CRLF . CRLF;
}

# the mark of the last build: the identity of its delivery

sub mark {
    my $json = JSON::PP::decode_json(($cb->requests())[-1]{body});

    my ($mark) = grep { $_->{name} eq 'DEPLOY_DELIVERY' }
                 @{ $json->{environmentVariablesOverride} };

    return $mark->{value};
}

sub memory {
    my ($pid) = $t->worker_pids();

    my ($peak) = $t->read_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m;

    return $peak;
}


###############################################################################
# pushes


my $M = 1048576;
my %opts = (timeout => 60);
my ($growth, $body, @headers);

for my $size ($M, $M + 1, 5 * $M, 25 * $M) {

    my $before = memory();
    my $n;

    ($body, $n) = push_of($size);
    @headers = github($SECRET, 'push', $body);

    for my $uri ('/file', '/read', '/memory') {

        my $name = "$uri, $size";
        my $location = ($uri eq '/read') ? '@read' : $uri;
        my $identity = sha256_hex("github\0$location\0$body");

        my $r = http_post($uri, $body, @headers, \%opts);

        is($r->status, 200, $name) or diag($r->body);

        my $event = $r->json()->{events}[0];

        is($event->{branch}, 'main', "$name: branch");
        is($event->{commit}, $COMMIT, "$name: commit");
        is(scalar @{ $event->{paths} }, $n > 1000 ? 1000 : $n,
           "$name: paths");
        is(mark(), $identity, "$name: identity");

        if ($size == 25 * $M) {
            $growth = memory() - $before;
            next if $uri eq '/file';
            last;
        }

        $r = http_post($uri, chunked($body, 70000), @headers,
                       'Transfer-Encoding' => 'chunked', \%opts);

        is($r->json()->{status}, 'duplicate', "$name, chunks: the same");

        my $bad = $body;
        vec($bad, $size * 8 - 9, 1) ^= 1;

        is(http_post($uri, $bad, @headers, \%opts)->status, 403,
           "$name: a bit");

        substr($bad, -2) = ']]';

        $r = http_post($uri, $bad, github($SECRET, 'push', $bad), \%opts);

        is($r->status, 400, "$name: no JSON at its end");
    }

    last if $size == 25 * $M;

    is(http_post('/ignored', $body, @headers, \%opts)->json()->{status},
       'ignored', "$size, ignored");
    is(http_post('/dry', $body, @headers, \%opts)->json()->{status},
       'dry_run', "$size, dry run");

    next unless $h2;

    $t->write_file('body', $body);

    for my $uri ('/file', '/read') {
        my %headers = @headers;
        my ($code, $out) = curl('--http2-prior-knowledge', '--data-binary',
            '@' . $t->path('body'),
            (map { ('-H', "$_: $headers{$_}") } keys %headers),
            'http://127.0.0.1:' . port(8082) . $uri);

        like("$code $out", qr/^0 \{"status":"duplicate",/,
             "HTTP/2, $uri, $size: the same");
    }
}

SKIP: {
    skip 'no plain memory', 1 if $t->module() eq 'static';

    cmp_ok($growth, '<', 16 * 1024,
           'a body of 25 MB takes less than 16 MB');
}


###############################################################################
# hostile bodies, large and small


sub changes {
    my ($n, $message) = @_;

    my $change = json({ new => { type => 'branch', name => 'main',
                                 target => { hash => $COMMIT,
                                             message => $message } } });

    return '{"repository":{"full_name":"acme/api"},"push":{"changes":['
           . join(',', ($change) x $n) . ']}}';
}

my $pad = ' ' x (2 * $M);

my @hostile = (
    [ 'depth', push => '{"a":' . '[' x 1000000, qr/^too deep$/ ],
    [ 'name', push => push_branch(branch => 'x' x $M), qr/^ref too long$/ ],
    [ 'keys', push => '{' . join(',', map { qq!"k$_":1! } 1 .. 100000) . '}',
      qr/^too many keys$/ ],
    [ 'key', push => '{"' . 'k' x $M . '":1}', qr/^key too long$/ ],
    [ 'refs', 'repo:push' => changes(5000, 'Fix it'), qr/^too many refs$/ ],
    [ 'facts', 'repo:push' => changes(400, 'x' x 65000),
      qr/^too many facts in one delivery$/ ],
);

for my $case (@hostile) {
    my ($name, $word, $text, $reason) = @$case;

    my @bodies = ($name eq 'facts') ? ($text) : ($text, $pad . $text);

    for my $body (@bodies) {
        my @headers = ($word eq 'push')
            ? github($SECRET, $word, $body)
            : ('X-Event-Key' => $word, 'X-Hook-UUID' => 'u',
               sign_bitbucket($SECRET, $body));

        my $r = http_post('/file', $body, @headers, \%opts);

        is($r->status, 400, "$name of " . length($body));
        like($r->json()->{reason}, $reason, "$name: in words");
    }
}

# many long paths: too many for the list, not for the build

my $paths = join(',', map { '"' . ('p' x 4000) . $_ . '"' } 1 .. 5000);
my ($long) = push_of(10000);

$long =~ s/"modified":\[/"modified":[$paths,/;

my $r = http_post('/file', $long, github($SECRET, 'push', $long), \%opts);

is($r->status, 200, 'long paths');
like($r->body, qr/"paths_complete":false/, 'long paths: not all of them');


###############################################################################
# a static file of the same worker


my @pids;

for (1 .. 4) {
    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        my $text = fresh($body) . ' ' x $_;
        my $r = http_post('/file', $text, github($SECRET, 'push', $text),
                          \%opts);
        POSIX::_exit($r->status == 200 ? 0 : 1);
    }

    push(@pids, $pid);
}

my ($answers, $failed) = (0, 0);

while (@pids) {
    http_get('/static')->status == 200 or $failed++;
    $answers++;

    @pids = grep {
        my $rc = waitpid($_, POSIX::WNOHANG());
        $failed++ if $rc && $?;
        !$rc;
    } @pids;
}

is($failed, 0, 'all answered');
cmp_ok($answers, '>', 20, "static files meanwhile, $answers");

$t->done();
