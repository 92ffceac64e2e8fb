#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify sns: signatures, certificates, topics.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use Test::More;

use Test::Deploy;
use Test::Deploy::Gate;
use Test::Deploy::Sign;
use Test::Deploy::SNS;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $sns = $t->helper(Test::Deploy::SNS->new($t));

my $TOPIC = $Test::Deploy::SNS::TOPIC;
my $HOST = $Test::Deploy::SNS::HOST;
my $TOKEN = 'token-0123456789-abcdef';

$t->write_file('token', "$TOKEN\n", 0600);
$t->var('TOPIC', $TOPIC);

$sns->make('other', bits => 2048);
$sns->make('another', cn => 'sns.example.com');
$sns->make('expired', from => '20200101', to => '20200201');
$sns->make('future', from => '20980101', to => '20990101');
$sns->make('small', bits => 1024);
$sns->make('signing', cn => 'x', san => 'DNS:sns-signing.me-south-1.'
                                        . 'amazonaws.com');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    client_body_buffer_size 8k;
    deploy_timeout 2s;

    add_header X-Verify "$deploy_verify" always;
    add_header X-Line "$deploy_verify_secret" always;

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        client_max_body_size 2m;

        location / {
            add_header X-Backend yes;
            return 200 "backend";
        }

        location = /accel {
            add_header X-Accel-Redirect /sns;
            return 200;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        proxy_set_header Host localhost;
        client_max_body_size 2m;

        location = /sns {
            deploy_verify sns topic=%%TOPIC%%,arn:aws:sns:eu-west-1:1:other
                              endpoint=%%SNS%%;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /hour {
            deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS%%/ tolerance=1h;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /accel {
            client_body_buffer_size 4m;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /any {
            deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS%%;
            deploy_verify token %%TESTDIR%%/token;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC

sub says {
    my ($m, $want, $name, $uri) = @_;

    is(verdict($uri || '/sns', $sns->message(%$m)), $want, $name);
}

sub passes_sns { says($_[0], '200 backend SUCCESS', $_[1], $_[2]) }

sub refuses_sns { says($_[0], "403 refused FAILED:$_[1]", $_[2], $_[3]) }


###############################################################################
# nothing is fetched before the rules hold


refuses_sns({ TopicArn => "${TOPIC}s" }, 'topic', 'another topic');
refuses_sns({ changed => { TopicArn => "${TOPIC}s" } }, 'topic',
            'another topic in the body alone');
refuses_sns({ header => '' }, 'empty', 'no type in the header');
refuses_sns({ header => 'SubscriptionConfirmation' }, 'malformed',
            'another type in the header');
refuses_sns({ SignatureVersion => '3' }, 'malformed', 'version 3');
refuses_sns({ sign => 0 }, 'malformed', 'no signature');
refuses_sns({ Signature => 'AA=A' }, 'malformed', 'not base64');
refuses_sns({ Type => 'Other', sign => 0 }, 'malformed', 'another type');
refuses_sns({ MessageId => "a\nb" }, 'malformed', 'a newline in the id');
refuses_sns({ Timestamp => 'now' }, 'malformed', 'no time');
refuses_sns({ Message => { a => 1 }, sign => 0 }, 'malformed',
            'the message is an object');

my $pem = Test::Deploy::SNS::path('good');

refuses_sns({ SigningCertURL => $_ }, 'malformed', "certificate at $_")
    for "http://sns.us-east-1.amazonaws.com$pem",
        "https://sns.us-east-1.amazonaws.com:443$pem",
        "https://u\@sns.us-east-1.amazonaws.com$pem",
        "https://sns.us-east-1.amazonaws.com.example.com$pem",
        "https://sns.us-east-1.amazonaws.com\@127.0.0.1$pem",
        "https://example.com$pem", "$HOST/a$pem", "$HOST$pem?a=b", $HOST,
        "$HOST/SimpleNotificationService-a.pem", "$HOST/../../x$pem",
        "https://127.0.0.1$pem", '';

{
    my ($body, %h) = $sns->message();

    for my $name (qw(x-amz-sns-topic-arn x-amz-sns-message-type)) {
        my %less = %h;
        delete $less{$name};

        refused('/sns', $body, [%less], 'missing', "no $name");
    }

    refused('/sns', $body, [%h, 'X-Amz-Sns-Message-Type' => 'Notification'],
            'doubled', 'two types');
    refused('/sns', $_, [%h], 'malformed', 'body ' . substr($_, 0, 20))
        for '', '{', '[]', '"x"', "${body}x", 'a' x 100000,
            '{"Type":"Notification",' . substr($body, 1), "\xff", "$body\0";
    refused('/sns', '{"message":"raw delivery"}',
            [%h, 'x-amz-sns-rawdelivery' => 'true'], 'malformed', 'raw');

    # 1 MB is enough for 256 KB and their escapes

    my $r = http_request('POST', '/sns', undef, %h,
                         'Content-Length' => 1024 * 1024 + 1);

    is($r->status . $r->header('x-verify'), '403FAILED:malformed',
       'a large body is not read');
    refused('/sns', ' ' x (1024 * 1024), [%h], 'malformed', 'blanks');

    my $chunk = sprintf('%x', 0x10000) . "\x0d\x0a" . (' ' x 0x10000)
                . "\x0d\x0a";

    like(http("POST /sns HTTP/1.1\x0d\x0aHost: localhost\x0d\x0a"
              . "Connection: close\x0d\x0a"
              . join('', map { "$_: $h{$_}\x0d\x0a" } sort keys %h)
              . "Transfer-Encoding: chunked\x0d\x0a\x0d\x0a" . ($chunk x 17)
              . "0\x0d\x0a\x0d\x0a"), qr/^HTTP\/1.1 403/,
         'a large body in chunks');
}

is(scalar $sns->requests(), 0, 'nothing was fetched');


###############################################################################
# signatures


passes_sns({}, 'version 2');
passes_sns({ SignatureVersion => '1' }, 'version 1');
passes_sns({ Subject => 'Build failed' }, 'a subject');
passes_sns({ Subject => '' }, 'an empty subject');
passes_sns({ Message => '' }, 'an empty message');
passes_sns({ Message => "\x{e9}\x{1f600}\n\t\"\\/" }, 'escapes');
passes_sns({ Timestamp => '2012-04-25T21:49:25.719Z' }, 'any time');
passes_sns({ Message => '"\\' x 60000 }, 'a large message');

is(scalar $sns->requests('certificate'), 1, 'one certificate');

my %time = map { $_ => strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime(time() + $_)) }
           (-3700, -3500, 3500, 3700);

for (-3500, 3500) {
    passes_sns({ Timestamp => $time{$_} }, "$_ s", '/hour');
}

for (-3700, 3700) {
    refuses_sns({ Timestamp => $time{$_} }, 'stale', "$_ s", '/hour');
}

for (['the message', Message => 'x'], ['the id', MessageId => 'x'],
     ['a subject', Subject => 'x'],
     ['the time', Timestamp => '2012-04-25T21:49:25.719Z'],
     ['the version', SignatureVersion => '1'])
{
    my ($name, %changed) = @$_;

    refuses_sns({ changed => \%changed }, 'mismatch', "another: $name");
}

refuses_sns({ Signature => 'AAAA' }, 'mismatch', 'a short signature');
refuses_sns({ key => 'other', SigningCertURL => "$HOST$pem" }, 'mismatch',
            'signed by another key');
refuses_sns({ changed => { SigningCertURL =>
                               $HOST . Test::Deploy::SNS::path('other') } },
            'mismatch', 'the certificate of another key');
passes_sns({ key => 'other' }, 'both keys are known');

is(scalar $sns->requests('certificate'), 2, 'two certificates');

# with a topic of the list, by another path of the request

{
    my ($body, @headers) = $sns->message();
    my %h = @headers;
    my $head = join('', map { "$_: $h{$_}\x0d\x0a" } sort keys %h);
    my $begin = "POST /sns HTTP/1.1\x0d\x0aHost: localhost\x0d\x0a"
                . "Connection: close\x0d\x0a$head";

    my $raw = http([$begin . 'Content-Length: ' . length($body)
                    . "\x0d\x0a\x0d\x0a", split(//, $body)]);
    like($raw, qr/^HTTP\/1.1 200/, 'byte by byte');

    $raw = http($begin . "Transfer-Encoding: chunked\x0d\x0a\x0d\x0a"
                . join('', map { "1\x0d\x0a$_\x0d\x0a" } split(//, $body))
                . "0\x0d\x0a\x0d\x0a");
    like($raw, qr/^HTTP\/1.1 200/, 'in chunks');
}

# read by another handler before

passes_sns({ Message => '"\\' x 60000 }, 'a body that was read', '/accel');
refuses_sns({ Message => 'x' x 1100000, sign => 0 }, 'malformed',
            'a large body that was read', '/accel');

# alternatives

passes_sns({}, 'one of two', '/any');
is(verdict('/any', '{}', sign_token($TOKEN)), '200 backend SUCCESS 1',
   'the other of two');
is(verdict('/any', $sns->message(changed => { Message => 'x' }),
           sign_token($TOKEN)), '200 backend SUCCESS 1', 'one is enough');
refuses_sns({ changed => { Message => 'x' } }, 'mismatch', 'none of two',
            '/any');


###############################################################################
# certificates that are none, or cannot be had


my @before;

sub failure {
    my ($key, $fault, $log, $name) = @_;

    $sns->fault('certificate', $fault) if defined $fault;
    @before = $sns->requests('certificate');

    says({ key => $key }, '503 refused FAILED:certificate', $name);
    is(scalar $sns->requests('certificate'), @before + 1, "$name, fetched");
    like($t->error_log, qr/\[error\].*deploy[ ]cannot[ ]have[ ]the[ ]certificate
                           [ ]"[^"]*":[ ]$log/x, "$name, logged");
}

failure('another', undef, qr/it is not issued for SNS/, 'of another name');
failure('expired', undef, qr/it is not valid at this time/, 'expired');
failure('future', undef, qr/it is not valid at this time/, 'not yet valid');
failure('small', undef, qr/it has a key of another size/, 'a small key');

$sns->make('late');

for (['reset', qr/it was not reached/], ['close', qr/it was not reached/],
     [404, qr/it did not come, status 404/], [500, qr/it did not come, status 500/],
     [302, qr/it did not come, status 302/],
     ['html', qr/it is not a certificate in PEM/],
     ['empty', qr/it is empty or too large/],
     ['oversized', qr/it did not come, status 200/],
     ['truncated', qr/it did not come, status 200/],
     ['expired.pem', qr/it is not valid/])
{
    failure('late', $_->[0], $_->[1], "certificate: $_->[0]");
}

failure('late', { fault => 'hang', seconds => 4 }, qr/.*/, 'hang');

passes_sns({ key => 'late' }, 'then it is there') for 1 .. 2;

@before = $sns->requests('certificate');

passes_sns({ key => 'signing' }, 'the name of a newer region');
passes_sns({ key => 'good' }, 'the first one is still known');

is(scalar $sns->requests('certificate'), @before + 1, 'one more was fetched');


###############################################################################
# nginx -t


my $file = 'deploy_verify token %%TESTDIR%%/token;';
my $arn = "deploy_verify sns topic=$TOPIC";

for (['deploy_verify sns;', qr/"deploy_verify sns" needs "topic="/],
     ['deploy_verify sns tolerance=1h;', qr/needs "topic="/],
     ['deploy_verify sns %%TESTDIR%%/token;', qr/takes no file: ".*token"/],
     ["$arn %%TESTDIR%%/token;", qr/takes no file/],
     ['deploy_verify sns topic=;', qr/"topic=" is not a list of ARNs/],
     ["$arn,;", qr/is not a list of ARNs/],
     ['deploy_verify sns topic=builds;', qr/is not a list of ARNs/],
     ["$arn; $arn;", qr/"deploy_verify sns" is duplicate/],
     ["$arn; deploy_verify off;", qr/is duplicate/],
     ["$arn header=x;", qr/invalid parameter "header=x"/],
     ["$arn tolerance=0;", qr/invalid parameter "tolerance=0"/],
     ["$arn endpoint=http://example.com;", qr!endpoint "http://exam.*" must!],
     ["$arn endpoint=https://example.com/x;", qr!endpoint "https://exam.*/x"!],
     ["$arn endpoint=x;", qr/endpoint "x"/],
     ['deploy_verify token %%TESTDIR%%/token topic=a;', qr/"topic=a"/],
     ['deploy_verify standard;', qr/"deploy_verify standard" needs a file/])
{
    my ($text, $pattern) = @$_;

    my ($code, $out) = nginx_t("server { listen 127.0.0.1:%%PORT_8080%%;\n"
                               . "$text }");

    is($code, 1, "refused: $text");
    like($out, qr/\[emerg\].*$pattern.*:\d+$/m, 'with a reason');
}

my ($code, $out) = nginx_t("$arn; $file server { listen "
                           . "127.0.0.1:%%PORT_8080%%; }");

is($code, 0, 'in http, with another scheme') or diag($out);


###############################################################################


$t->stop();

my $log = join("\n", $t->find_in_log(qr/^(?!.*client sent .* header line)/));

unlike($log . $t->read_file('access.log'), qr/PLANTED/,
       'no body in the logs');
like($log, qr/\[notice\].*refused: signature malformed, scheme "sns", .*: the (?#
             )certificate is not at SNS/, 'refusals are logged');
like($log, qr/: the body is too large/, 'and why');

$t->done();
