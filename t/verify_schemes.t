#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify: the schemes slack, token and hmac.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Time::HiRes ();

use Test::Deploy;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();

my $SECRET = 'secret-0123456789-first';
my $SECOND = 'secret-0123456789-second';
my $TOKEN = 'token-0123456789-abcdef';

$t->write_file('secret', "# of 2026\n\n$SECRET\n$SECOND\r\n#off-0123456789abc",
               0600);
$t->write_file('token', "$TOKEN\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    add_header X-Verify "$deploy_verify" always;
    add_header X-Line "$deploy_verify_secret" always;

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        access_log %%TESTDIR%%/backend.log;
        add_header X-Backend yes;
        return 200 "backend";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /slack {
            deploy_verify slack %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /slack-minute {
            deploy_verify slack %%TESTDIR%%/secret tolerance=1m;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /token {
            deploy_verify token %%TESTDIR%%/token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /token-header {
            deploy_verify token %%TESTDIR%%/token header=X-Token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /hmac {
            deploy_verify hmac %%TESTDIR%%/secret header=X-Signature;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /hmac512 {
            deploy_verify hmac %%TESTDIR%%/secret header=X-Sig-512
                               algorithm=sha512 encoding=base64 prefix=s5=;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /hmac1 {
            deploy_verify hmac %%TESTDIR%%/secret header=X-Sig
                               algorithm=sha1 prefix=sha1=;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC

my $body = '{"text":"PLANTED-IN-BODY"}';
my $good = hmac_sha256_hex($body, $SECRET);

sub verdict {
    my ($uri, $data, @headers) = @_;

    my $r = http_post($uri, $data, @headers);
    my $through = $r->header('x-backend') ? 'backend' : 'refused';

    return $r->status . " $through " . ($r->header('x-verify') || '');
}

sub passes {
    my ($uri, $data, $headers, $name) = @_;

    is(verdict($uri, $data, @$headers), '200 backend SUCCESS', $name);
}

sub refused {
    my ($uri, $reason, $headers, $name) = @_;

    is(verdict($uri, $body, @$headers), "403 refused FAILED:$reason", $name);
}


###############################################################################
# slack


# requests are sent early in a second, so that nginx sees the same one

sub now {
    wait_for(sub { Time::HiRes::time() - time() < 0.3 });
    return time();
}

passes('/slack', $body, [sign_slack($SECRET, $body)], 'slack: good');
passes('/slack', '', [sign_slack($SECOND, '')], 'slack: second secret');

for (-299, 299) {
    passes('/slack', $body, [sign_slack($SECRET, $body, now() + $_)],
           "slack: $_ s");
}

for (-301, 301, -86400, 86400) {
    refused('/slack', 'stale', [sign_slack($SECRET, $body, now() + $_)],
            "slack: $_ s");
}

passes('/slack-minute', $body, [sign_slack($SECRET, $body, now() - 59)],
       'slack: tolerance, inside');
refused('/slack-minute', 'stale', [sign_slack($SECRET, $body, now() - 61)],
        'slack: tolerance, outside');

for ('abc', '-1', '+' . time(), time() . '.0', '0x6', '1e9', '9' x 20,
     substr(time(), 0, 5) . ' ' . substr(time(), 5), '18446744073709551617')
{
    refused('/slack', 'malformed', [sign_slack($SECRET, $body, $_)],
            "slack: time $_");
}

{
    my %h = sign_slack($SECRET, $body);
    my @time = ('X-Slack-Request-Timestamp' => time());
    my @sig = ('X-Slack-Signature' => $h{'X-Slack-Signature'});

    refused('/slack', 'missing', \@sig, 'slack: no time');
    refused('/slack', 'missing', \@time, 'slack: no signature');
    refused('/slack', 'doubled', [%h, @time], 'slack: two times');
    refused('/slack', 'doubled', [%h, @sig], 'slack: two signatures');
    refused('/slack', 'mismatch', [@sig, $time[0], time() - 30],
            'slack: the time is signed');
    refused('/slack', 'malformed', [@time, $sig[0], "v1=$good"], 'slack: v1');
}


###############################################################################
# token


passes('/token', $body, ['Authorization' => "Bearer $TOKEN"], 'token: good');
passes('/token', $body, ['Authorization' => "bearer $TOKEN"], 'token: bearer');
passes('/token-header', $body, ['X-Token' => $TOKEN], 'token: header');

refused('/token', 'missing', ['X-Token' => $TOKEN], 'token: other header');
refused('/token', 'mismatch', ['Authorization' => "Bearer $_"], "token: $_")
    for "${TOKEN}0", substr($TOKEN, 0, -1), uc $TOKEN, "$TOKEN $TOKEN";
refused('/token', 'malformed', ['Authorization' => $_], "token: $_")
    for $TOKEN, "Basic $TOKEN", 'Bearer', "Bearer$TOKEN";
refused('/token', 'empty', ['Authorization' => ''], 'token: empty');
refused('/token-header', 'doubled', [('X-Token' => $TOKEN) x 2],
        'token: doubled');
refused('/token-header', 'mismatch', ['X-Token' => "Bearer $TOKEN"],
        'token: a scheme in the header');

# nginx may refuse this itself

like(verdict('/token', $body, ('Authorization' => "Bearer $TOKEN") x 2),
     qr/^40[03] refused/, 'token: two Authorization');


###############################################################################
# hmac


my %h512 = (header => 'X-Sig-512', algorithm => 'sha512',
            encoding => 'base64', prefix => 's5=');
my %h1 = (header => 'X-Sig', algorithm => 'sha1', prefix => 'sha1=');

passes('/hmac', $body, [sign_hmac($SECRET, $body)], 'hmac');
passes('/hmac512', $body, [sign_hmac($SECRET, $body, %h512)], 'hmac: sha512');
passes('/hmac1', $body, [sign_hmac($SECRET, $body, %h1)], 'hmac: sha1');

refused('/hmac', 'malformed', [sign_hmac($SECRET, $body, prefix => 'v0=')],
        'hmac: a prefix');
refused('/hmac512', 'malformed',
        [sign_hmac($SECRET, $body, %h512, prefix => '')], 'hmac: no prefix');
refused('/hmac512', 'malformed',
        [sign_hmac($SECRET, $body, %h512, encoding => 'hex')], 'hmac: hex');
refused('/hmac512', 'malformed',
        [sign_hmac($SECRET, $body, %h512, algorithm => 'sha256')],
        'hmac: shorter');
refused('/hmac512', 'mismatch', [sign_hmac($TOKEN, $body, %h512)],
        'hmac: wrong');


###############################################################################


$t->stop();

# nginx itself logs header lines that it does not like

my $log = join("\n", $t->find_in_log(qr/^(?!.*client sent .* header line)/));

unlike($log . $t->read_file('access.log'),
       qr/PLANTED|\Q$SECRET\E|\Q$SECOND\E|\Q$TOKEN\E|\Q$good\E/,
       'no body, secret or signature in the logs');
like($t->error_log, qr/\[notice\].*deploy refused: signature stale, scheme/,
     'refusals are logged');

$t->done();
