#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify over HTTP/2 in clear text.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

plan(skip_all => 'no curl with HTTP/2')
    if `curl -V 2>&1` !~ /^Features:.*\bHTTP2\b/m;

my $t = Test::Deploy->new()->has('http_v2_module');
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    log_format v "$server_protocol $status $deploy_verify";

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log %%TESTDIR%%/backend.log;
        return 200 "backend $http_content_length $http_transfer_encoding";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%% http2;
        access_log %%TESTDIR%%/verdicts.log v;

        deploy_verify github %%TESTDIR%%/secret;

        client_max_body_size 1m;

        location = /build {
            deploy_build api on=any;
        }

        location = /proxy {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC

# "code body" of an answer

sub post {
    my ($uri, $body, @headers) = @_;

    $t->write_file('body', $body);

    my @args = ('--http2-prior-knowledge', '-X', 'POST', '--data-binary',
                '@' . $t->path('body'), '-o', $t->path('answer'),
                '-w', '%{http_code} %{http_version}');

    while (my ($name, $value) = splice(@headers, 0, 2)) {
        push(@args, '-H', defined $value ? "$name: $value" : "$name:");
    }

    unlink($t->path('answer'));

    my ($code, $out) = $t->curl(@args, 'http://127.0.0.1:' . port(8080) . $uri);

    return "curl $code: $out" if $code || $out !~ s/ 2$//;
    return "$out " . $t->read_file('answer');
}

my @no_length = ('Content-Length' => undef, 'Expect' => undef);


###############################################################################


my $body = merge();
my @good = github($SECRET, 'pull_request', $body);
my @bad = github('bad', 'pull_request', $body);
my @form = ('Content-Type' => 'application/octet-stream', 'Expect' => undef);

like(post('/build', $body, @good), qr/^200 \{"status":"started"/, 'good');
like(post('/build', $body, @good, @no_length), qr/^200 \{"status":/,
     'good, no length');
my $n = $cb->requests();

for my $headers ([], \@no_length) {
    my $name = @$headers ? 'no length' : 'length';

    is(post('/build', $body, @bad, @$headers), qq!403 {"status":"refused"}\n!,
       "bad, $name");
    is(post('/build', $body, @form, @$headers),
       qq!403 {"status":"refused"}\n!, "none, $name");
}

is(scalar $cb->requests(), $n, 'refusals start nothing');

for my $size (0, 1, 16384, 65535, 65536, 1048576) {
    my $data = 'x' x $size;
    my @sig = (@form, sign_github($SECRET, $data));

    like(post('/proxy', $data, @sig), qr/^200 backend $size /, "$size, good");
    like(post('/proxy', $data, @sig, @no_length), qr/^200 backend $size /,
         "$size, good, no length");
    like(post('/proxy', $data, @form, sign_github('bad', $data)),
         qr/^403 .*403 Forbidden/s, "$size, bad");
    like(post('/proxy', $data, @form), qr/^403 .*403 Forbidden/s,
         "$size, none");
    like(post('/proxy', $data, @form, @no_length), qr/^403 .*403 Forbidden/s,
         "$size, none, no length");
}

is(scalar $t->find_in_log(qr/./, 'backend.log'), 12, 'only good ones passed');

# no signature over the limit: any answer but no success

unlike(post('/proxy', 'x' x 1048577, @form, sign_github($SECRET,
                                                        'x' x 1048577)),
       qr/^200/, 'over the limit');
is(scalar $t->find_in_log(qr/./, 'backend.log'), 12, 'it did not pass');

ok($t->find_in_log(qr!^HTTP/2.0 403 FAILED:missing!, 'verdicts.log'),
   'verdicts in the log');
ok($t->find_in_log(qr!^HTTP/2.0 200 SUCCESS!, 'verdicts.log'),
   'successes in the log');

$t->done();
