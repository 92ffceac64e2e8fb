#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify standard: several signatures, keys, the window, the signed id.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes ();

use Test::Deploy;
use Test::Deploy::Gate;
use Test::Deploy::Payload qw(push_branch);
use Test::Deploy::Sign;

my $t = Test::Deploy->new();
my $cb = $t->codebuild();

my $KEY = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3';
my $SECOND = 'whsec_c2Vjb25kLXNlY29uZC1zZWNvbmQtc2Vjb25k';
my $OTHER = 'whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItMg==';

(my $bare = $SECOND) =~ s/^whsec_//;

$t->write_file('keys', "# newest first\n$KEY\n$bare\n", 0600);

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

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

        location = /standard {
            deploy_verify standard %%TESTDIR%%/keys;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /svix {
            deploy_verify standard %%TESTDIR%%/keys header=Svix-Signature
                                   tolerance=1m;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /build {
            deploy_verify standard %%TESTDIR%%/keys;
            deploy_build api on=push;
        }

        location = /another {
            deploy_verify standard %%TESTDIR%%/keys;
            deploy_build api on=push;
        }
    }
}
EOC

my $body = '{"text":"PLANTED-IN-BODY"}';
my $uri = '/standard';

# requests are sent early in a second, so that nginx sees the same one

sub now {
    wait_for(sub { Time::HiRes::time() - time() < 0.3 });
    return time();
}


# the headers with others in place of some

sub with {
    my (%change) = @_;

    my %h = (sign_standard($KEY, $body), %change);

    return [map { ($_ => $h{$_}) } grep { defined $h{$_} } sort keys %h];
}


###############################################################################
# keys, headers


passes($uri, $body, with(), 2, 'good');
passes($uri, '', [sign_standard($KEY, '')], 2, 'no body');
passes($uri, $body, [sign_standard($SECOND, $body)], 3, 'second key');
passes($uri, $body, [sign_standard($KEY, $body, id => 'x' x 256)], 2,
       'a long id');

refused($uri, $body, [sign_standard($OTHER, $body)], 'mismatch', 'other key');
refused($uri, $body, [sign_standard('', $body)], 'mismatch', 'empty key');
refused($uri, "$body ", with(), 'mismatch', 'a byte more');
refused($uri, $body, with('webhook-id' => 'msg_0'), 'mismatch',
        'the id is signed');
refused($uri, $body, with('webhook-timestamp' => time() - 20), 'mismatch',
        'the time is signed');

for my $name (qw(webhook-id webhook-timestamp webhook-signature)) {
    refused($uri, $body, with($name => undef), 'missing', "no $name");
    refused($uri, $body, [@{ with() }, $name => { @{ with() } }->{$name}],
            'doubled', "two $name");
}

refused($uri, $body, with('webhook-id' => ''), 'empty', 'empty id');
refused($uri, $body, with('webhook-signature' => ''), 'empty',
        'empty signature');
refused($uri, $body, [sign_standard($KEY, $body, id => $_)], 'malformed',
        "id $_") for 'a.b', '.', 'a b', "a\xc3\xa9", 'x' x 257;
refused($uri, $body, [sign_standard($KEY, $body, time => $_)], 'malformed',
        "time $_") for 'abc', '-1', '+' . time(), time() . '.0', '1e9', '';
refused($uri, $body, [sign_standard($KEY, $body, family => 'svix')],
        'missing', 'names of svix');


###############################################################################
# the list


{
    my %h = sign_standard($KEY, $body);
    my $good = delete $h{'webhook-signature'};
    my $bad = standard_entry($OTHER, $h{'webhook-id'},
                             $h{'webhook-timestamp'}, $body);
    my ($mac) = $good =~ /^v1,(.*)/;

    my $list = sub { return [%h, 'webhook-signature' => join(' ', @_)] };

    for my $place (0, 7, 15) {
        passes($uri, $body, $list->(($bad) x $place, $good,
                                    ($bad) x (15 - $place)), 2,
               "good one of 16, at $place");
    }

    passes($uri, $body, $list->("v2,$mac", "v1a,$mac", 'v1', 'x', '', $good),
           2, 'among others');

    refused($uri, $body, $list->($good, ($bad) x 16), 'malformed', 'list of 17');
    refused($uri, $body, $list->(('x') x 1000), 'malformed', 'list of 1000');
    refused($uri, $body, $list->(($bad) x 16), 'mismatch', 'none of 16');

    (my $twisted = $good) =~ tr!+/!-_!;
    my %refused = (
        'other versions' => "v2,$mac v1a,$mac", 'no version' => $mac,
        'empty' => 'v1,', 'cut' => substr($good, 0, 20),
        'no padding' => substr($good, 0, -1), 'more padding' => "$good=",
        'hex' => 'v1,' . ('ab' x 32), 'tab' => "$bad\t$good",
        'comma' => "$bad,$good", 'upper case' => "V1,$mac",
    );

    $refused{'URL-safe'} = $twisted if $twisted ne $good;

    refused($uri, $body, $list->($refused{$_}), 'malformed', "list: $_")
        for sort keys %refused;
}


###############################################################################
# the window


for (-299, 299) {
    passes($uri, $body, [sign_standard($KEY, $body, time => now() + $_)], 2,
           "$_ s");
}

for (-301, 301, -86400) {
    refused($uri, $body, [sign_standard($KEY, $body, time => now() + $_)],
            'stale', "$_ s");
}

my %svix = (family => 'svix');

passes('/svix', $body, [sign_standard($KEY, $body, %svix, time => now() - 59)],
       2, 'svix: inside');
refused('/svix', $body,
        [sign_standard($KEY, $body, %svix, time => now() - 61)], 'stale',
        'svix: outside');
refused('/svix', $body, [sign_standard($KEY, $body)], 'missing',
        'svix: names of webhook');
refused('/svix', $body, [sign_standard($KEY, $body, %svix),
                         sign_standard($KEY, $body, %svix)], 'doubled',
        'svix: doubled');


###############################################################################
# the id is the identity


my $push = push_branch();

sub build {
    my ($where, %opts) = @_;

    my $data = delete $opts{body} || $push;
    my $r = http_post($where, $data, 'X-GitHub-Event' => 'push',
                      'X-GitHub-Delivery' => $opts{id} ? "github-$opts{id}"
                                                       : 'github',
                      sign_standard($KEY, $data, %opts));

    is($r->status, 200, 'started') or diag($r->raw);
    is($r->json->{delivery}, $opts{id}, 'delivery');

    return ($cb->requests('api'))[-1]{json}{idempotencyToken};
}

my $first = build('/build', id => 'msg_1');

is(build('/build', id => 'msg_1', time => time() - 100), $first,
   'sent again later');
isnt(build('/build', id => 'msg_2'), $first, 'another id');
isnt(build('/another', id => 'msg_1'), $first,
     'the same id in another location');
is(scalar $cb->builds('api'), 3, 'three builds');

my $r = http_post('/build', $push, 'X-GitHub-Event' => 'push',
                  sign_standard($OTHER, $push, id => 'msg_3'));

is($r->status . $r->body, qq!403{"status":"refused"}\n!, 'refused');
is(scalar $cb->requests('api'), 3, 'nothing was sent');


###############################################################################


$t->stop();

my $log = join("\n", $t->find_in_log(qr/^(?!.*client sent .* header line)/));

unlike($log . $t->read_file('access.log'),
       qr/PLANTED|MDEyMzQ1Njc4|c2Vjb25kLXNl/,
       'no body or secret in the logs');
like($log, qr/\[notice\].*refused: signature mismatch, scheme "standard"/,
     'refusals are logged');
like($log, qr/refused: signature missing, .* header "svix-signature"/,
     'with the name of the header');

$t->done();
