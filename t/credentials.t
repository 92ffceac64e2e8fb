#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Where the keys come from, and whom they are shown to: TLS.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

BEGIN {
    plan(skip_all => 'no IO::Socket::SSL')
        unless eval { require IO::Socket::SSL; 1 };
}

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::STS;

my $secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

my $t = Test::Deploy->new();
my $cb = $t->codebuild(tls => 1, no_env => 1, credentials => [
    { id => 'AKIDENVIRONMENT', secret => $secret, token => 'session/+=' },
    { id => 'AKIDFILE', secret => 'x' . $secret },
    { id => 'AKIDOTHER', secret => 'y' . $secret, token => 'other' },
    { id => 'ASIASTS', secret => 'sts/secret+0123456789',
      token => 'sts/token&<+0123456789==' },
]);
my $sts = $t->helper(Test::Deploy::STS->new($t, credentials => [
    { id => 'AKIDFILE', secret => 'x' . $secret },
]));

$t->write_file('secret', "$SECRET\n", 0600);
$t->var(CA => $cb->ca_file());
$t->var(TLS_PORT => $cb->{tls_port});

$t->write_file('credentials', <<"EOC", 0600);
[default]
aws_access_key_id = AKIDFILE
aws_secret_access_key = x$secret

[other]
aws_access_key_id = AKIDOTHER
aws_secret_access_key = y$secret
aws_session_token = other

[half]
aws_access_key_id = AKIDFILE
EOC

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_timeout 3s;
    deploy_verify github %%TESTDIR%%/secret;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /plain { deploy_endpoint %%CODEBUILD%%;
                            deploy_build plain; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_endpoint https://127.0.0.1:%%TLS_PORT%%;

        deploy_transport {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_name localhost;
        }

        location = /tls { deploy_build api; }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        deploy_endpoint https://127.0.0.1:%%TLS_PORT%%;

        location = /tls { deploy_build api; }
    }

    server {
        listen 127.0.0.1:%%PORT_8083%%;
        deploy_endpoint https://127.0.0.1:%%TLS_PORT%%;

        deploy_transport {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_name codebuild.example.com;
        }

        location = /tls { deploy_build api; }
    }
}
EOC


my $n = 0;

# a new delivery to /plain: its answer and the id of the key it was signed by

sub plain {
    my $before = () = $cb->requests();
    my $r = deliver('/plain', 'pull_request', merge(number => ++$n));
    my @requests = $cb->requests();

    return ($r, '') if @requests == $before;

    my %headers = map { lc $_->[0] => $_->[1] } @{ $requests[-1]{headers} };

    return ($r, $headers{authorization} =~ m!Credential=([^/]+)/! ? $1 : '',
            $headers{'x-amz-security-token'});
}


###############################################################################
# the environment


$t->env(AWS_ACCESS_KEY_ID => 'AKIDENVIRONMENT',
        AWS_SECRET_ACCESS_KEY => $secret,
        AWS_SESSION_TOKEN => 'session/+=',
        AWS_SHARED_CREDENTIALS_FILE => $t->path('credentials'));

$t->run($conf);

my ($r, $id, $token) = plain();

is($r->status, 200, 'environment');
is($id, 'AKIDENVIRONMENT', 'its key');
is($token, 'session/+=', 'session token');

$t->reload();

($r, $id) = plain();

is($r->status, 200, 'after a reload');
is($id, 'AKIDENVIRONMENT', 'the same key');


###############################################################################
# TLS


# the answer of a server with its own deploy_transport, and what was started

sub tls {
    my ($port) = @_;

    my $before = () = $cb->builds('api');
    my $r = deliver('/tls', 'pull_request', merge(number => ++$n),
                    { port => $port });
    my $after = () = $cb->builds('api');

    return $r->status . ' ' . ($after - $before);
}

is(tls(8081), '200 1', 'TLS');

my ($request) = grep { $_->{tls} } $cb->requests();

is($request->{sni}, 'localhost', 'SNI');

is(tls(8082), '503 0', 'unknown authority');
is(tls(8083), '503 0', 'another name');

is(scalar(grep { $_->{tls} } $cb->requests()), 1,
   'nothing is sent to a stranger');


###############################################################################
# the shared credentials file


my $none = undef;
my @no_keys = (AWS_ACCESS_KEY_ID => $none, AWS_SECRET_ACCESS_KEY => $none,
               AWS_SESSION_TOKEN => $none);

$t->env(@no_keys);
$t->restart($conf);

($r, $id, $token) = plain();

is($r->status, 200, 'file');
is($id, 'AKIDFILE', 'the default profile');
is($token, undef, 'no session token');

$t->env(AWS_PROFILE => 'other');
$t->restart($conf);

($r, $id, $token) = plain();

is($r->status, 200, 'AWS_PROFILE');
is($id, 'AKIDOTHER', 'its key');
is($token, 'other', 'its token');

# a file that was changed is read by new workers

my $text = $t->read_file('credentials');
$text =~ s/AKIDOTHER/AKIDNEW/;
$t->write_file('credentials', $text, 0600);
$t->reload();

$cb->expect(qr/security token included/);

($r, $id) = plain();

is($r->status, 502, 'another key');
is($id, 'AKIDNEW', 'of the changed file');


# a role, and a program that prints keys

$t->write_file('process', "#!/bin/sh\necho '{\"Version\":1,"
               . '"AccessKeyId":"AKIDFILE","SecretAccessKey":"x' . $secret
               . "\"}'\n", 0755);
$t->write_file('config', <<"EOC");
[profile role]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = process

[profile process]
credential_process = @{[$t->path('process')]}
EOC

$t->env(AWS_PROFILE => 'role', AWS_CONFIG_FILE => $t->path('config'),
        AWS_REGION => 'us-east-1', AWS_ENDPOINT_URL_STS => $sts->endpoint());
$t->restart($conf);

($r, $id, $token) = plain();

is($r->status, 200, 'role');
is($id, 'ASIASTS', 'its key');
is($token, $sts->{token}, 'its token');

$sts->fault_always('assume', { code => 'AccessDenied' });
$t->restart($conf);

is((plain())[0]->status, 503, 'no role');
like($t->error_log(), qr/\[warn\].*deploy\ has\ no\ AWS\ credentials\ for\ "plain":\ profile\ "role":
                         \ assuming\ role\ "arn:\S+role\/deploy":\ POST
                         \ \S+\ status\ 403,\ AccessDenied/x, 'reason');

$t->env(AWS_CONFIG_FILE => undef, AWS_REGION => undef);


###############################################################################
# no credentials


for my $profile ('half', 'nosuch') {
    $t->env(AWS_PROFILE => $profile);
    $t->restart($conf);

    ($r, $id) = plain();

    is($r->status, 503, "profile $profile");
    is($id, '', "profile $profile: nothing is sent");
}

$t->env(AWS_PROFILE => undef, HOME => $t->path('home'),
        AWS_SHARED_CREDENTIALS_FILE => $t->path('none'));
$t->restart($conf);

($r, $id) = plain();

is($r->status, 503, 'no credentials');
like($r->header('retry-after'), qr/^\d+\z/, 'Retry-After');
like($r->json->{reason}, qr/credentials/, 'reason');
is($id, '', 'nothing is sent');

$t->env(AWS_ACCESS_KEY_ID => 'AKIDENVIRONMENT');
$t->restart($conf);

is((plain())[0]->status, 503, 'half of the environment');

unlike($t->error_log(), qr/\Q$secret\E/, 'no key in the log');

$t->done();
