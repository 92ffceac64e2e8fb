#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify sns: subscriptions are confirmed, and what waits for SNS.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);

use Test::Deploy;
use Test::Deploy::Gate;
use Test::Deploy::SNS;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

plan(skip_all => 'no IO::Socket::SSL') unless eval { require IO::Socket::SSL };

my $sns = $t->helper(Test::Deploy::SNS->new($t, tls => 1));
my $cb = $t->codebuild();

my $TOPIC = $Test::Deploy::SNS::TOPIC;

$t->var('TOPIC', $TOPIC);
$t->var('CA', $sns->ca_file());

my $conf = <<'EOC';
%%TEST_GLOBALS%%

worker_shutdown_timeout 10s;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 4s;

    deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS%%;

    add_header X-Verify "$deploy_verify" always;
    add_header X-Status "$deploy_status" always;
    add_header X-Event "$deploy_provider $deploy_event $deploy_delivery"
               always;

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_verify off;
        add_header X-Backend yes;
        return 200 "backend";
    }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /build {
            deploy_build api on=any;
        }

        location = /smoke {
            deploy_build smoke on=build project=web status=succeeded;
        }

        location = /short {
            deploy_timeout 1s;
            deploy_receive;
        }

        location = /dry {
            deploy_dry_run on;
            deploy_build api on=any;
        }

        location = /backend {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;

        deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS_TLS%%;

        deploy_transport {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_name localhost;
        }

        location = /receive {
            deploy_receive;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8083%%;

        deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS_TLS%%;

        deploy_transport {
            proxy_ssl_verify off;
        }

        location = /receive {
            deploy_receive;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8085%%%%HTTP2%%;

        location / {
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8084%%;

        deploy_verify sns topic=%%TOPIC%% endpoint=%%SNS_TLS%%;

        location = /receive {
            deploy_receive;
        }
    }
}
EOC

my $nginx = Test::Deploy::binary();

$t->var('HTTP2', `$nginx -V 2>&1` =~ /http_v2_module/ ? ' http2' : '');

# a number needs no resolver

$t->var('SNS_TLS', "https://127.0.0.1:$sns->{tls_port}");

$t->run($conf);

my $serial = 0;


# messages signed by a key whose certificate is not known yet

sub fresh {
    my ($fault) = @_;

    my $name = 'fresh' . ++$serial;

    $sns->make($name);
    $sns->fault('certificate', $fault) if defined $fault;

    return $name;
}


sub confirmed { return scalar grep { $_->{token} } $sns->requests('confirm') }


# sends a request, its answer is read later

sub start {
    my ($uri, $body, @headers) = @_;

    return http_request('POST', $uri, $body, @headers, { start => 1 });
}


sub answer { return http_response($_[0], timeout => 10) }


###############################################################################
# subscriptions


my ($body, %h) = $sns->subscription();
my $r = http_post('/build', $body, %h);
my $id = $h{'x-amz-sns-message-id'};

is($r->status, 200, 'subscription') or diag($r->raw);
is($r->body, qq!{"status":"ignored","delivery":"$id","events":[{"provider":! .
             qq!"aws","event":"sns_SubscriptionConfirmation"}],"rules":[]}\n!,
   'its answer');
is($r->header('x-verify') . ' ' . $r->header('x-status'), 'SUCCESS ignored',
   'variables');
is($r->header('x-event'), "aws sns_SubscriptionConfirmation $id", 'event');
is(confirmed(), 1, 'confirmed');
like($t->error_log, qr/\[notice\].*deploy confirmed the subscription to (?#
                      )"\Q$TOPIC\E"/, 'logged');

$r = http_post('/build', $body, %h);

is($r->status, 200, 'the same again');
is(confirmed(), 2, 'confirmed again');

$r = $sns->post('/build', Type => 'UnsubscribeConfirmation');

is($r->status, 200, 'unsubscription');
like($r->body, qr/"ignored".*"sns_UnsubscribeConfirmation"/, 'is ignored');
is(confirmed(), 2, 'is not confirmed');
like($t->error_log, qr/\[notice\].*is not subscribed to "\Q$TOPIC\E" any more/,
     'is logged');

$r = http_post('/dry', $sns->subscription());

is($r->status, 200, 'dry run');
is(confirmed(), 2, 'is not confirmed');
like($t->error_log, qr/dry run: the subscription .* is not confirmed/,
     'is logged');

is(verdict('/backend', $sns->subscription()), '200 backend SUCCESS',
   'another handler has to confirm it');
is(confirmed(), 2, 'nothing is done for it');

for (['another topic', TopicArn => "${TOPIC}s"],
     ['another signature', changed => { Token => 'x' }],
     ['no signature', sign => 0],
     ['another type', changed => { Type => 'UnsubscribeConfirmation' },
      header => 'UnsubscribeConfirmation'],
     (map { ["confirmed at $_", SubscribeURL => $_] }
          'http://127.0.0.1/?Action=ConfirmSubscription&Token=1',
          'https://example.com/?Action=ConfirmSubscription&Token=1',
          'https://sns.us-east-1.amazonaws.com/',
          'https://sns.us-east-1.amazonaws.com:1/?Action=Confirm'
          . 'Subscription&Token=1',
          "https://sns.us-east-1.amazonaws.com/?Action=Confirm"
          . "Subscription&Token=1 HTTP/1.1\r\nX: y"))
{
    my ($name, %m) = @$_;

    $r = http_post('/build', $sns->subscription(%m));
    is($r->status . $r->body, qq!403{"status":"refused"}\n!, $name);
}

{
    my ($text, %type) = $sns->subscription();

    for ('application/json', 'text/plain') {
        $type{'Content-Type'} = $_;
        is(http_post('/build', $text, %type)->status, 200, $_);
    }

    for ('text/html', 'application/x-www-form-urlencoded;charset=x', '') {
        $type{'Content-Type'} = $_;
        is(http_post('/build', $text, %type)->status, 415, "type \"$_\"");
    }
}

is(confirmed(), 4, 'two more were confirmed');

for (403, 500, 'reset', 'close', { fault => 'hang', seconds => 3 }) {
    my $name = ref($_) ? $_->{fault} : $_;

    $sns->fault('confirm', $_);
    $r = http_post('/short', $sns->subscription());

    is($r->status, 503, "confirm: $name");
    like($r->header('retry-after'), qr/^\d+$/, "confirm: $name, retry");
    like($r->body, qr/"failed","reason":"the subscription is not confirmed"/,
         "confirm: $name, reason");
    is($r->header('x-status'), 'failed', "confirm: $name, status");
}

like($t->error_log, qr/\[error\].*did not confirm the subscription to (?#
                      )"\Q$TOPIC\E": status 403/, 'is logged');

is(confirmed(), 4, 'none was confirmed');
is(scalar $cb->requests(), 0, 'no rule is asked');


###############################################################################
# notifications: an event of CodeBuild in a message


sub event {
    my (%m) = @_;

    return (Message => '{"version":"0","id":"' . ($m{id} || 'event-1') . '",'
            . '"detail-type":"CodeBuild Build State Change",'
            . '"source":"aws.codebuild","account":"123456789012",'
            . '"time":"2026-11-22T22:00:00Z","region":"us-east-1",'
            . '"resources":[],"detail":{"build-status":"SUCCEEDED",'
            . '"project-name":"web","build-id":"arn:aws:codebuild:us-east-1:'
            . '123456789012:build/web:' . ($m{build} || 1) . '","current-phase":"COMPLETED",'
            . '"additional-information":{},"version":"1"}}');
}

($body, %h) = $sns->message(event());
$r = http_post('/smoke', $body, %h);

is($r->status, 200, 'notification') or diag($r->raw);
like($r->body, qr/^\{"status":"started","delivery":"event-1",/,
     'a build is started');
like($r->header('x-event'), qr/^aws /, 'variables');

my $token = ($cb->requests('smoke'))[-1]{json}{idempotencyToken};

http_post('/smoke', $body, %h);
is(($cb->requests('smoke'))[-1]{json}{idempotencyToken}, $token,
   'the same message is the same delivery');

$sns->post('/smoke', event(build => 2));
isnt(($cb->requests('smoke'))[-1]{json}{idempotencyToken}, $token,
     'another message is another one');

$r = $sns->post('/smoke', Message => 'not JSON');
is($r->status, 200, 'a message that is no event');
like($r->body, qr/"ignored".*"event":"sns_Notification"/, 'is ignored');


###############################################################################
# a certificate that takes its time


my $key = fresh('late');
my $before = $sns->requests('certificate');
my @waiting = map { start('/backend', $sns->message(key => $key)) } 1 .. 8;
my @answers = map { answer($_) } @waiting;

is(join(' ', map { $_ ? $_->status : 0 } @answers), join(' ', (200) x 8),
   'eight messages');
is($sns->requests('certificate') - $before, 1, 'wait for one certificate');

$key = fresh({ fault => 'late', seconds => 0.5 });
@waiting = map { start('/backend', $sns->message(key => $key)) } 1 .. 3;
$_->close() for @waiting[0, 2];
$r = answer($waiting[1]);

is($r && $r->status, 200, 'one of three whose clients stayed');

$key = fresh({ fault => 'late', seconds => 0.5 });
$before = $sns->requests('certificate');
start('/backend', $sns->message(key => $key))->close();
wait_for(sub { $sns->requests('certificate') > $before }, 'the call');

is(verdict('/backend', $sns->message(key => $key)), '200 backend SUCCESS',
   'the certificate comes without its client');
is($sns->requests('certificate') - $before, 1, 'and once');

# the next request of the connection waits

{
    my ($text, %headers) = $sns->message(key => fresh('late'));
    my $raw = http('POST /backend HTTP/1.1' . "\x0d\x0aHost: a\x0d\x0a"
                   . join('', map { "$_: $headers{$_}\x0d\x0a" }
                                  sort keys %headers)
                   . 'Content-Length: ' . length($text)
                   . "\x0d\x0a\x0d\x0a${text}GET /backend HTTP/1.1\x0d\x0a"
                   . "Host: a\x0d\x0aConnection: close\x0d\x0a\x0d\x0a");

    is(join(' ', $raw =~ /HTTP\/1\.1 (\d+)/g), '200 403', 'pipelined');
}

# not for ever

my @message = $sns->message(key => fresh({ fault => 'hang', seconds => 4 }));
my $start = time();

$r = http_post('/short', @message);

is($r->status, 503, 'a call that hangs');
like($r->header('retry-after'), qr/^\d+$/, 'retry');
like($r->body, qr/"failed","reason":"the signing certificate was not to be/,
     'reason');
is($r->header('x-verify') . ' ' . $r->header('x-status'),
   'FAILED:certificate failed', 'variables');
cmp_ok(time() - $start, '<', 3.5, 'deploy_timeout');

is(verdict('/backend', $sns->message(key => "fresh$serial")),
   '200 backend SUCCESS', 'is not waited for');

# four calls at a time, strangers may choose their URLs

my $hanging = Test::Deploy::SNS::path("fresh$serial");

$t->wait_log(qr/cannot have the certificate "[^"]*\Q$hanging\E"/);

my @keys = map { fresh() } 1 .. 6;

my @messages = map { [$sns->message(key => $_)] } @keys;

$sns->fault('certificate', ({ fault => 'hang', seconds => 2 }) x 4);
$before = $sns->requests('certificate');
@waiting = map { start('/short', @$_) } @messages[0 .. 3];
ok(wait_for(sub { $sns->requests('certificate') >= $before + 4 }),
   'four calls');

$start = time();
is(verdict('/backend', @{ $messages[4] }),
   '503 refused FAILED:certificate', 'no fifth call');
cmp_ok(time() - $start, '<', 3, 'at once');
is(verdict('/backend', $sns->message()), '200 backend SUCCESS',
   'what is known is');

is(join(' ', map { my $r = answer($_); $r ? $r->status : 0 } @waiting),
   '503 503 503 503', 'four calls that hang');

ok(wait_for(sub {
    return verdict('/backend', $sns->message(key => $keys[5]))
           eq '200 backend SUCCESS';
}), 'later there is room again');


###############################################################################
# HTTP/2


SKIP: {
    skip 'no HTTP/2', 3 if `curl -V 2>&1` !~ /^Features:.*\bHTTP2\b/m
                           || `$nginx -V 2>&1` !~ /http_v2_module/;

    my $late = fresh({ fault => 'late', seconds => 0.7 });
    my ($text, %headers) = $sns->message(key => $late);

    my @curl = ('--http2-prior-knowledge', '-w', '%{http_code}', '-o',
                '/dev/null', '--data-binary', $text,
                map({ ('-H', "$_: $headers{$_}") } sort keys %headers),
                'http://127.0.0.1:' . port(8085) . '/');

    $before = $sns->requests('certificate');

    my ($code) = curl('--max-time', '0.3', @curl);
    is($code, 28, 'a stream that is reset while it waits');

    is((curl(@curl))[1], 200, 'a stream that waits');
    is($sns->requests('certificate') - $before, 1, 'for the same call');
}


###############################################################################
# TLS vouches for a certificate


$r = http_post('/receive', $sns->subscription(), { port => 8082 });
is($r->status, 200, 'TLS') or diag($r->raw);
is(scalar(grep { $_->{tls} } $sns->requests()), 2, 'both calls over TLS');

for my $port (8083, 8084) {
    $r = http_post('/receive', $sns->subscription(), { port => $port });
    is($r->status, 503, "TLS that is not trusted, $port");
}

like($t->error_log, qr/certificate "[^"]*": it may be anybody's, TLS is not/,
     'is logged');
is(scalar(grep { $_->{tls} } $sns->requests('confirm')), 1,
   'nothing is confirmed');


###############################################################################
# reload, quit


$key = fresh('late');
my $s = start('/backend', $sns->message(key => $key));

wait_for(sub { scalar $sns->requests('certificate') }, 'the call');
$t->reload(undef, nowait => 1);
$r = answer($s);

is($r && $r->status, 200, 'a message that waits over a reload');
is(verdict('/backend', $sns->message()), '200 backend SUCCESS',
   'the new worker fetches it again');

$s = start('/build', $sns->subscription(key => fresh('late')));
$before = $sns->requests('certificate');
wait_for(sub { $sns->requests('certificate') >= $before }, 'the call');
$t->signal('QUIT');
$r = answer($s);

is($r && $r->status, 200, 'a subscription that waits over a quit');

$t->stop();

my $log = $t->error_log . $t->read_file('access.log');

unlike($log, qr/PLANTED|planted-token/, 'no body or token in the logs');

$t->done();
