package Test::Deploy::Sign;

# Copyright (C) ngx_deploy_module authors

# Signatures of webhooks as lists of headers, made with core modules only:
#
#     http_post('/hook', $body, sign_github($secret, $body));

use warnings;
use strict;

use Digest::SHA qw(hmac_sha1 hmac_sha1_hex hmac_sha256 hmac_sha256_hex
                   hmac_sha512 hmac_sha512_hex);
use Exporter qw(import);
use MIME::Base64 qw(encode_base64);

our @EXPORT = qw(sign_github sign_bitbucket sign_slack sign_token sign_hmac
                 github);


sub sign_github {
    my ($secret, $body) = @_;

    return ('X-Hub-Signature-256' => 'sha256='
            . hmac_sha256_hex($body, $secret));
}


# all headers of a GitHub delivery

sub github {
    my ($secret, $event, $body, $delivery) = @_;

    return ('User-Agent' => 'GitHub-Hookshot/0000000',
            'Content-Type' => 'application/json',
            'X-GitHub-Event' => $event,
            'X-GitHub-Delivery' => $delivery
                || '00000000-0000-4000-8000-000000000001',
            sign_github($secret, $body));
}


sub sign_bitbucket {
    my ($secret, $body) = @_;

    return ('X-Hub-Signature' => 'sha256=' . hmac_sha256_hex($body, $secret));
}


sub sign_slack {
    my ($secret, $body, $time) = @_;

    $time = time() unless defined $time;

    return ('X-Slack-Request-Timestamp' => $time,
            'X-Slack-Signature' => 'v0='
                . hmac_sha256_hex("v0:$time:$body", $secret));
}


sub sign_token {
    my ($secret, $header) = @_;

    return ($header => $secret) if defined $header;
    return ('Authorization' => "Bearer $secret");
}


# header, algorithm (sha256), encoding (hex), prefix as in deploy_verify

sub sign_hmac {
    my ($secret, $body, %opts) = @_;

    my %raw = (sha1 => \&hmac_sha1, sha256 => \&hmac_sha256,
               sha512 => \&hmac_sha512);

    my $mac = $raw{ $opts{algorithm} || 'sha256' }->($body, $secret);

    $mac = (($opts{encoding} || 'hex') eq 'base64') ? encode_base64($mac, '')
                                                    : unpack('H*', $mac);

    return (($opts{header} || 'X-Signature') => ($opts{prefix} || '') . $mac);
}


1;
