#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Bad input at a location of GitHub: signatures, headers, framing, bodies.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1_hex hmac_sha256_hex hmac_sha512_hex);
use MIME::Base64 qw(encode_base64);
use Socket qw(CRLF);
use Test::More;

use Test::Deploy;
use Test::Deploy::Abuse;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('static', 'static');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    server_tokens    off;

    client_max_body_size  256k;

    deploy_project api {
        source_version $deploy_commit;
        env BRANCH  $deploy_branch;
        env MESSAGE $deploy_message;
        env SENDER  $deploy_sender;
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name localhost;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
        }

        location = /satisfy {
            satisfy any;
            allow all;
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
        }

        location = /loop {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
            error_page 403 405 = /loop;
        }

        location = /if {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;

            if ($arg_x) {
                set $x 1;
            }
        }

        location = /try {
            try_files /none /hook;
        }

        location = /rewrite {
            rewrite ^ /hook last;
        }

        location = /slow {
            client_body_timeout 300ms;
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api on=any;
        }

        location = /static { }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name other;
        return 404;
    }
}
EOC

my $body = push_branch();
my $good = hmac_sha256_hex($body, $SECRET);
my $name = 'X-Hub-Signature-256';
my @push = ('X-GitHub-Event' => 'push');

my $abuse = Test::Deploy::Abuse->new($t, $cb, secrets => [$SECRET]);

# signed with this header, or these

sub forged {
    my ($what, $reason, @headers) = @_;

    $abuse->row($what, raw_post('/hook', $body, @push, @headers), 403,
                "notice deploy refused: signature $reason, scheme \"github\"");
}

sub sent {
    my ($data, @headers) = @_;

    return raw_post('/hook', $data, @push, sign_github($SECRET, $data),
                    @headers);
}


###############################################################################
# signatures


forged('no signature', 'missing');
forged('an empty signature', 'empty', $name => '');
forged('the prefix alone', 'malformed', $name => 'sha256=');
forged('half of the prefix', 'malformed', $name => 'sha');
forged('one byte', 'malformed', $name => 's');
forged('no prefix', 'malformed', $name => $good);
forged('not a digit', 'malformed', $name => 'sha256=' . 'z' x 64);
forged('63 digits', 'malformed', $name => 'sha256=' . substr($good, 1));
forged('65 digits', 'malformed', $name => "sha256=${good}0");
forged('a signature of 6000 digits', 'malformed',
       $name => 'sha256=' . 'a' x 6000);
forged('a comma after it', 'malformed', $name => "sha256=$good,");
forged('an escaped NUL after it', 'malformed', $name => "sha256=$good%00");
forged('a control byte in it', 'malformed',
       $name => "sha256=\x1b" . substr($good, 1));
forged('8-bit bytes', 'malformed', $name => 'sha256=' . "\xc3\xa9" x 32);
forged('prefix in capitals', 'malformed', $name => "SHA256=$good");
forged('a blank after the prefix', 'malformed', $name => "sha256= $good");
forged('sha1 in the header of sha256', 'malformed',
       $name => 'sha1=' . hmac_sha1_hex($body, $SECRET));
forged('sha1 in its own header', 'missing',
       'X-Hub-Signature' => 'sha1=' . hmac_sha1_hex($body, $SECRET));
forged('sha256 wrong, sha1 right', 'mismatch', $name => 'sha256=' . '0' x 64,
       'X-Hub-Signature' => 'sha1=' . hmac_sha1_hex($body, $SECRET));
forged('sha512', 'malformed',
       $name => 'sha512=' . hmac_sha512_hex($body, $SECRET));
forged("prefix $_=", 'malformed', $name => "$_=$good")
    for qw(md5 none hmac-sha256);
forged('base64 instead of digits', 'malformed',
       $name => 'sha256=' . encode_base64(pack('H*', $good), ''));
forged('the MAC of an empty key', 'mismatch', sign_github('', $body));
forged('zeros', 'mismatch', $name => 'sha256=' . '0' x 64);
forged('the key with its newline', 'mismatch',
       sign_github("$SECRET\n", $body));
forged('half of the key', 'mismatch',
       sign_github(substr($SECRET, 0, 16), $body));
forged('of the body without its last byte', 'mismatch',
       sign_github($SECRET, substr($body, 0, -1)));
forged('of the body and a newline', 'mismatch',
       sign_github($SECRET, "$body\n"));
forged('of the body with another space', 'mismatch',
       sign_github($SECRET, $body =~ s/:/: /r));
forged('of an empty body', 'mismatch', sign_github($SECRET, ''));
forged('twice, good and bad', 'doubled', $name => "sha256=$good",
       $name => 'sha256=' . '0' x 64);
forged('twice, bad and good', 'doubled', $name => 'sha256=' . '0' x 64,
       $name => "sha256=$good");
forged('twice, both good', 'doubled', ($name => "sha256=$good") x 2);
forged('twice, empty and good', 'doubled', $name => '',
       $name => "sha256=$good");
forged('twice, other case of the name', 'doubled', $name => "sha256=$good",
       lc $name => "sha256=$good");
forged('underscores in the name', 'missing',
       'X_Hub_Signature_256' => "sha256=$good");
forged('of Gitea', 'missing', sign_gitea($SECRET, $body));
forged('of Bitbucket', 'missing', sign_bitbucket($SECRET, $body));
forged('of Slack', 'missing', sign_slack($SECRET, $body));
forged('of hmac', 'missing', sign_hmac($SECRET, $body));
forged('the secret as a token', 'missing', sign_token('x' x 32));
forged('a token of GitLab', 'missing', 'X-Gitlab-Token' => 'x' x 32);
forged('Standard Webhooks', 'missing',
       sign_standard('MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0', $body));
forged('a cookie', 'missing', Cookie => "$name=sha256=$good");
forged('in front of the name', 'missing', "X-$name" => "sha256=$good");

$abuse->row('in the query', raw_post("/hook?$name=sha256=$good", $body, @push),
            403, 'notice signature missing');
$abuse->row('one bit of the body', raw_post('/hook', $body =~ s/main/mahn/r,
            @push, sign_github($SECRET, $body)), 403,
            'notice signature mismatch');


###############################################################################
# framing, methods, places


my $chunked = sprintf('%x', length($body)) . CRLF . $body . CRLF;
my @sign = (@push, sign_github($SECRET, $body));

$abuse->row("method $_", raw_request($_, '/hook', $body, @sign), 405, undef,
            body => qr/\x0d\x0aAllow: POST\x0d\x0a/)
    for qw(GET PUT DELETE OPTIONS PATCH);
$abuse->row('an overridden method', raw_request('GET', '/hook', $body, @sign,
            'X-HTTP-Method-Override' => 'POST'), 405);
$abuse->row('method HEAD', raw_request('HEAD', '/hook', $body, @sign), 405);
$abuse->row('method TRACE', raw_request('TRACE', '/hook', '', @sign), 405,
            'info TRACE');
$abuse->row('a method in small letters', raw_request('post', '/hook', $body,
            @sign), 400, 'info invalid method');
$abuse->row('two lengths', raw_post('/hook', $body, @sign,
            ('Content-Length' => length($body)) x 2), 400,
            'info Content-Length');
$abuse->row('two different lengths', raw_post('/hook', $body, @sign,
            'Content-Length' => length($body), 'Content-Length' => 1), 400,
            'info Content-Length');
$abuse->row("length \"$_\"", raw_post('/hook', $body, @sign,
            'Content-Length' => $_), 400, 'info Content-Length')
    for '-1', '+5', '0x10', '1e3', '5 5', '99999999999999999999';
$abuse->row('length and chunks', raw_post('/hook', $chunked . '0' . CRLF
            . CRLF, @sign, 'Content-Length' => 5,
            'Transfer-Encoding' => 'chunked'), 400,
            'info Content-Length" and "Transfer-Encoding');
$abuse->row("encoding \"$_\"", raw_post('/hook', $chunked . '0' . CRLF . CRLF,
            @sign, 'Transfer-Encoding' => $_), 501,
            'info unknown "Transfer-Encoding"')
    for 'gzip, chunked', 'xchunked', 'identity';
$abuse->row('a chunk without a size', raw_post('/hook', 'x' . CRLF, @sign,
            'Transfer-Encoding' => 'chunked'), 400,
            'error invalid chunked body');
$abuse->row('a chunk of 17 digits', raw_post('/hook', 'f' x 17 . CRLF . $body,
            @sign, 'Transfer-Encoding' => 'chunked'), 400,
            'error invalid chunked body');
$abuse->row('a huge chunk', raw_post('/hook', '7fffffff' . CRLF . $body,
            @sign, 'Transfer-Encoding' => 'chunked'), 413,
            'error too large chunked body');
$abuse->row('chunks without an end', raw_post('/hook', $chunked, @sign,
            'Transfer-Encoding' => 'chunked'), 'closed',
            'info prematurely closed', access => 400, end => 1);
$abuse->row('a longer length', raw_post('/hook', $body, @sign,
            'Content-Length' => length($body) + 1), 'closed',
            'info prematurely closed', access => 400, end => 1);
$abuse->row('a shorter length', raw_post('/hook', $body, @sign,
            'Content-Length' => length($body) - 1), 403,
            'notice signature mismatch');
$abuse->row('length zero', raw_post('/hook', '', @sign), 403,
            'notice signature mismatch');
$abuse->row('over the limit', raw_post('/hook', $body, @sign,
            'Content-Length' => 9999999999), 413,
            'error too large body', end => 1);
$abuse->row('a body that stops', raw_post('/slow', $body, @sign,
            'Content-Length' => length($body) + 1), 'closed', undef, access => 408);
$abuse->row('a name with a blank', raw_post('/hook', $body, @push,
            "$name " => "sha256=$good"), 400, 'info invalid header line');
$abuse->row('a NUL in a value', raw_post('/hook', $body, @sign,
            'X-Any' => "a\0b"), 400, 'info invalid header line');
$abuse->row('a line that is no header', raw_post('/hook', $body, @sign,
            "X\x01Y" => 'z'), 400, 'info invalid header line');
$abuse->row('no Host', raw_post('/hook', $body, @sign, Host => undef), 400,
            'info without "Host"');
$abuse->row('two Hosts', raw_post('/hook', $body, @sign, Host => 'localhost',
            Host => 'other'), 400, 'info duplicate host header');
$abuse->row('a Host with a slash', raw_post('/hook', $body, @sign,
            Host => 'a/b'), 400, 'info invalid host');
$abuse->row('the Host of another server', raw_post('/hook', $body, @sign,
            Host => 'other'), 404);
$abuse->row('the server of an absolute URI', raw_post('http://other/hook',
            $body, @sign), 404);
$abuse->row("path $_", raw_post($_, $body, @sign), 404, 'error No such file')
    for '/hook/', '/HOOK', '/hook;x', '/hook%00x' =~ s/%00/%2ex/r,
        '/hook%2f', '/x/hook', '/hook%252e';
$abuse->row('a NUL in the path', raw_post('/hook%00', $body, @sign), 400,
            'info invalid request');
$abuse->row('above the root', raw_post('/../../hook', $body, @sign), 400,
            'info invalid request');
$abuse->row('a path of 9000 bytes', raw_post('/hook' . 'x' x 9000, $body,
            @sign), 414, 'info too long URI');
$abuse->row("unsigned, $_", raw_post($_, $body, @push), 403,
            'notice signature missing')
    for '/satisfy', '/if?x=1', '/try', '/rewrite', '/loop', '/x/../hook',
        '/hook?', '//hook', '/%68ook', 'http://localhost/hook';
$abuse->row('a second request in the body of one refused',
            raw_post('/hook', sent(push_branch(branch => 'evil')), @push,
                     $name => 'sha256=' . '0' x 64), 403,
            'notice signature mismatch');
$abuse->row('one refused, one unsigned after it', raw_post('/hook', $body,
            @push, Connection => 'keep-alive', $name => 'x')
            . raw_post('/hook', $body, @push), '403 403',
            'notice signature missing');


###############################################################################
# what is signed, but not JSON, or not in a type that is taken


sub broken {
    my ($what, $data, $reason) = @_;

    $abuse->row($what, sent($data), 400,
                'notice deploy refused payload: ' . ($reason || ''),
                body => qr/"status":"failed","reason":"/);
}

broken('an empty body', '');
broken("the document $_", $_) for 'null', '"x"', '42', '[]', 'true';
broken('half of the document', substr($body, 0, -20));
broken('bytes after it', "${body}x");
broken('two documents', "$body$body");
broken('a byte order mark', "\xef\xbb\xbf$body");
broken('UTF-16', join('', map { "$_\0" } split(//, $body)));
broken('a key twice', $body =~ s/\{/{"ref":"refs\/heads\/evil",/r);
broken('a key twice, one escaped',
       $body =~ s/\{/{"\\u0072ef":"refs\/heads\/evil",/r);
broken('a trailing comma', $body =~ s/\}\z/,}/r);
broken('a comment', $body =~ s/\{/{\/**\//r);
broken('single quotes', "{'a':1}");
broken("the number $_", $body =~ s/\{/{"n":$_,/r)
    for '01', '+1', '.5', '1.', '1e', '-', '0x1', 'NaN', 'Infinity', '1e9999';
broken('100000 levels of arrays', '{"a":' . '[' x 100000);
broken('100000 levels of objects', '{"a":' x 20000);
broken('an escaped NUL in the branch', $body =~ s/main"/main\\u0000x"/r);
broken('a NUL in the branch', $body =~ s/main"/main\0"/r);
broken('a control byte in the branch', $body =~ s/main"/main\x1b[31m"/r);
broken('a newline in a string', $body =~ s/main"/main\n"/r);
broken('a lone high surrogate', $body =~ s/main"/main\\ud800"/r);
broken('a lone low surrogate', $body =~ s/main"/main\\udc00"/r);
broken('surrogates in the wrong order', $body =~ s/main"/main\\udc00\\ud800"/r);
broken('an overlong slash', $body =~ s/main"/main\xc0\xaf"/r);
broken('Latin-1', $body =~ s/main"/m\xe4in"/r);
broken('an encoded surrogate', $body =~ s/main"/main\xed\xa0\x80"/r);
broken('over the last character', $body =~ s/main"/main\xf4\x90\x80\x80"/r);
broken('an unknown escape', $body =~ s/main"/main\\x41"/r);
broken('half an escape', $body =~ s/main"/main\\u00"/r);

$abuse->row("type \"$_\"", sent($body, 'Content-Type' => $_), 415,
            'notice content type or encoding')
    for 'text/plain', 'multipart/form-data; boundary=x', 'text/json',
        'application/json; charset=utf-16', 'application/jsonx', '',
        'application/json, text/plain', 'application/json;' . 'x' x 4096;
$abuse->row('two types', sent($body, 'Content-Type' => 'application/json',
            'Content-Type' => 'application/json'), 415,
            'notice content type or encoding');
$abuse->row("coding \"$_\"", sent($body, 'Content-Encoding' => $_), 415,
            'notice content type or encoding')
    for 'gzip', 'deflate', 'br', 'gzip, identity';

# the type is not signed: a message that looks like a form is none

my @form = ('Content-Type' => 'application/x-www-form-urlencoded');
my $evil = push_branch(message => '&' . form_of(push_branch(
                                            branch => 'evil')) . '&a=');

$abuse->row('JSON sent again as a form', sent($evil, @form), 400,
            'notice the form does not begin with "payload="');
$abuse->row("a form $_->[0]", sent($_->[1], @form), 400,
            'notice deploy refused payload')
    for ['without its field', 'a=b'], ['with two', form_of($body) . '&'
         . form_of($body)], ['with payload[]', 'payload[]=x'],
        ['with half an escape', form_of($body) . '%4'],
        ['with a NUL', 'payload=%00' . form_of($body)],
        ['that is empty', ''], ['with an empty field', 'payload='];
$abuse->row('a form sent again as JSON', sent(form_of($body)), 400,
            'notice deploy refused payload');


###############################################################################
# what is taken, byte by byte


sub taken {
    my ($what, $env, $data, @headers) = @_;

    $abuse->row($what, sent($data, @headers), 200, 'notice deploy started build',
                env => { version => $COMMIT, %$env });
}

taken('headers for AWS', { BRANCH => 'main' }, fresh($body),
      'X-Amz-Target' => 'CodeBuild_20161006.DeleteProject',
      'X-Amz-Security-Token' => 'x', 'X-Amz-Date' => '20200101T000000Z',
      Authorization => 'AWS4-HMAC-SHA256 x', Range => 'bytes=0-1',
      'If-None-Match' => '*', 'X-Forwarded-Host' => 'evil',
      'Accept-Encoding' => 'gzip', Upgrade => 'h2c', TE => 'trailers');
for (['If-None-Match' => '*'], ['If-Match' => '"x"'],
     ['If-Unmodified-Since' => 'Thu, 01 Jan 1970 00:00:00 GMT'])
{
    taken("condition $_->[0]", { BRANCH => 'main' }, fresh($body), @$_);
}

taken('members for CodeBuild', { BRANCH => 'main' },
      $body =~ s/\{/{"buildspec":"x","projectName":"evil","sourceVersion":"e",/r);
taken("a branch $_", { BRANCH => $_ }, push_branch(branch => $_))
    for 'a;id', '$(id)', '`id`', 'a|b', 'a%0ab', '--upload-pack=x', '${HOME}',
        "a'b", '../../x';
taken('a message that is hostile', { MESSAGE => "a\r\nb\t\"<!channel>&\\" },
      push_branch(message => "a\r\nb\t\"<!channel>&\\"));
taken('a message with ESC', { MESSAGE => "\x1b[31m\x7f\x08" },
      push_branch(message => "\x1b[31m\x7f\x08"));
taken('upper-case digits', { BRANCH => 'main' }, push_branch(before => '1' x 40));
taken('ESC in the delivery id', { BRANCH => 'main' }, fresh($body),
      'X-GitHub-Delivery' => "a\x1b[31m\"b");

$abuse->row('sent again with all that is not signed changed',
            do {
                my $data = push_branch(branch => 'again');
                taken('sent once', { BRANCH => 'again' }, $data);
                raw_post('/hook?x=1', $data, @push, lc $name => 'sha256='
                         . uc hmac_sha256_hex($data, $SECRET),
                         'X-GitHub-Delivery' => 'other', 'User-Agent' => 'x')
            }, 200, undef, body => qr/"status":"duplicate"/);

cmp_ok($abuse->rows(), '>=', 100, 'a hundred cases');

$abuse->done();
