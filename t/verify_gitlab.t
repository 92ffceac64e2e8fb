#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify gitlab: the secret token, the signing token, and both.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Gate;
use Test::Deploy::Sign;

my $t = Test::Deploy->new();

my $TOKEN = 'glpat-plain-0123456789';
my $SECOND = 'glpat-plain-9876543210';
my $KEY = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';
my $OTHER = 'whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItMg==';

$t->write_file('token', "# of 2026\n$TOKEN\n$SECOND\n", 0600);
$t->write_file('signing', "$KEY\n", 0600);
$t->write_file('both', "$TOKEN\n$KEY\n", 0600);

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
        add_header X-Backend yes;
        return 200 "backend";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        proxy_set_header Host localhost;

        deploy_verify gitlab %%TESTDIR%%/token;

        location = /token {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /signing {
            deploy_verify gitlab %%TESTDIR%%/signing tolerance=1m;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /both {
            deploy_verify gitlab %%TESTDIR%%/both;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /files {
            deploy_verify gitlab %%TESTDIR%%/token;
            deploy_verify gitlab %%TESTDIR%%/signing;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /files-reversed {
            deploy_verify gitlab %%TESTDIR%%/signing;
            deploy_verify gitlab %%TESTDIR%%/token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /others {
            deploy_verify gitlab %%TESTDIR%%/signing;
            deploy_verify token %%TESTDIR%%/token header=X-Gitlab-Token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC

my $body = '{"object_kind":"push","text":"PLANTED-IN-BODY"}';


###############################################################################
# the secret token


passes('/token', $body, ['X-Gitlab-Token' => $TOKEN], 2, 'token: GitLab 18');
passes('/token', $body, [sign_gitlab($TOKEN, undef, $body)], 2,
       'token: GitLab 19 sends id and time, too');
passes('/token', $body, [sign_gitlab($SECOND, undef, $body, time => 1)], 3,
       'token: nobody asks for the time');
passes('/token', $body, [sign_gitlab($TOKEN, $OTHER, $body)], 2,
       'token: a signature unasked for');

refused('/token', $body, [sign_gitlab(undef, undef, $body)], 'missing',
        'token: missing');
refused('/token', $body, [sign_gitlab('', undef, $body)], 'empty',
        'token: empty');
refused('/token', $body, [sign_gitlab(undef, $KEY, $body)], 'missing',
        'token: a signature in its place');
refused('/token', $body, [sign_gitlab($_, undef, $body)], 'mismatch',
        "token: $_") for "${TOKEN}0", substr($TOKEN, 0, -1), uc $TOKEN,
                         "Bearer $TOKEN", '# of 2026';
refused('/token', $body, [sign_gitlab($TOKEN, undef, $body),
                          'X-Gitlab-Token' => $TOKEN], 'doubled',
        'token: doubled');
refused('/token', $body, ['Authorization' => "Bearer $TOKEN"], 'missing',
        'token: another header');

is(http_post("/token?private_token=$TOKEN", $body)->status, 403,
   'token: in the query');


###############################################################################
# the signing token: nothing else counts


for ([signing => 1], [both => 2], [files => 1], ['files-reversed' => 1]) {
    my ($name, $line) = @$_;
    my $uri = "/$name";

    passes($uri, $body, [sign_gitlab(undef, $KEY, $body)], $line,
           "$name: signed");
    passes($uri, $body, [sign_gitlab($TOKEN, $KEY, $body)], $line,
           "$name: signed, with a token");
    passes($uri, $body, [sign_gitlab('wrong', $KEY, $body)], $line,
           "$name: signed, with another token");

    refused($uri, $body, ['X-Gitlab-Token' => $TOKEN], 'missing',
            "$name: the token alone");
    refused($uri, $body, [sign_gitlab($TOKEN, undef, $body)], 'missing',
            "$name: token, id and time");
    refused($uri, $body, [sign_gitlab(undef, undef, $body)], 'missing',
            "$name: id and time alone");
    refused($uri, $body, [sign_gitlab($TOKEN, $OTHER, $body)], 'mismatch',
            "$name: the token and a wrong signature");
    refused($uri, $body, [sign_gitlab($TOKEN, undef, $body),
                          'webhook-signature' => ''], 'empty',
            "$name: the token and an empty signature");
    refused($uri, "$body ", [sign_gitlab($TOKEN, $KEY, $body)], 'mismatch',
            "$name: the token and a signature of another body");
    refused($uri, $body, [sign_gitlab($KEY, undef, $body)], 'missing',
            "$name: the signing token as a token");
    refused($uri, $body,
            [sign_gitlab($TOKEN, $KEY, $body, time => time() - 3600)],
            'stale', "$name: late");
}

refused('/signing', $body,
        [sign_gitlab(undef, $KEY, $body, time => time() - 90)], 'stale',
        'signing: tolerance');
passes('/both', $body,
       [sign_gitlab(undef, $KEY, $body, time => time() - 90)], 2,
       'both: tolerance');

# another scheme is another alternative

passes('/others', $body, ['X-Gitlab-Token' => $TOKEN], 2, 'others: token');
passes('/others', $body, [sign_gitlab(undef, $KEY, $body)], 1,
       'others: signed');


###############################################################################
# nginx -t


my ($code, $out) = nginx_t(<<'EOC');
server {
    listen 127.0.0.1:%%PORT_8080%%;
    deploy_verify gitlab %%TESTDIR%%/both;
}
EOC

is($code, 0, 'both in a file');
like($out, qr/\[warn\].*both", line 1 is not used, as there is a signing/,
     'is warned of');

for my $files ("token;\ndeploy_verify gitlab %%TESTDIR%%/signing",
               "signing;\ndeploy_verify gitlab %%TESTDIR%%/token")
{
    ($code, $out) = nginx_t("server { listen 127.0.0.1:%%PORT_8080%%;\n"
                            . "deploy_verify gitlab %%TESTDIR%%/$files; }");

    is($code, 0, 'two files');
    like($out, qr/\[warn\].*is not used, as another one has a signing token/,
         'is warned of');
}

for (['gitlab', "$TOKEN\nwhsec_?\n", 'line 2 is not base64'],
     ['gitlab', "#\n\nwhsec_\n", 'line 3 is an empty key'],
     ['standard', "$KEY\nwhsec_?\n", 'line 2 is not base64'],
     ['standard', "$KEY\n#\n$TOKEN\n", 'line 3 is not base64'],
     ['azure', "a:b\n\nhook\n", 'line 3 is not "user:password"'])
{
    my ($scheme, $text, $reason) = @$_;

    $t->write_file('broken', $text, 0600);

    ($code, $out) = nginx_t("server { listen 127.0.0.1:%%PORT_8080%%;\n"
                            . "deploy_verify $scheme %%TESTDIR%%/broken; }");

    is($code, 1, "$scheme: $reason");
    like($out, qr/\[emerg\].*broken", $reason in .*:\d+$/m, 'is refused');
}


###############################################################################


$t->stop();

my $log = join("\n", $t->find_in_log(qr/^(?!.*private_token)/));

unlike($log, qr/PLANTED|\Q$TOKEN\E|\Q$SECOND\E|AAECAwQF|client sent/,
       'no body or secret in the log');
like($log, qr/refused: signature missing, scheme "gitlab", header "webhook-si/,
     'refusals are logged');

$t->done();
