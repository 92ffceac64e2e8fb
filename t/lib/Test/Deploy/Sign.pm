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
use MIME::Base64 qw(decode_base64 encode_base64);

our @EXPORT = qw(sign_github sign_bitbucket sign_slack sign_token sign_hmac
                 sign_gitea sign_azure sign_standard sign_gitlab
                 standard_entry form_of github);


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


# of the JSON, also where it is sent in a form; name: Gitea, Forgejo, Gogs

sub sign_gitea {
    my ($secret, $json, $name) = @_;

    return ('X-' . ($name || 'Gitea') . '-Signature'
            => hmac_sha256_hex($json, $secret));
}


# application/x-www-form-urlencoded: the field payload

sub form_of {
    my ($json) = @_;

    $json =~ s/([^A-Za-z0-9*._-])/sprintf('%%%02X', ord($1))/ge;

    return "payload=$json";
}


sub sign_azure {
    my ($pair) = @_;

    return ('Authorization' => 'Basic ' . encode_base64($pair, ''));
}


# one entry of webhook-signature; the secret with or without whsec_

sub standard_entry {
    my ($secret, $id, $time, $body) = @_;

    (my $key = $secret) =~ s/^whsec_//;

    return 'v1,' . encode_base64(hmac_sha256("$id.$time.$body",
                                             decode_base64($key)), '');
}


# id, time, and family of the names of the headers (webhook)

sub sign_standard {
    my ($secret, $body, %opts) = @_;

    my $id = defined $opts{id} ? $opts{id} : 'msg_0123456789';
    my $time = defined $opts{time} ? $opts{time} : time();
    my $family = $opts{family} || 'webhook';

    return ("$family-id" => $id, "$family-timestamp" => $time,
            "$family-signature" => standard_entry($secret, $id, $time,
                                                  $body));
}


# what GitLab 19 sends: id and time with every delivery, a token and a
# signature if there are such

sub sign_gitlab {
    my ($token, $signing, $body, %opts) = @_;

    my %headers = sign_standard($signing || '', $body, %opts);

    delete $headers{'webhook-signature'} unless defined $signing;

    $headers{'Idempotency-Key'} = $headers{'webhook-id'};
    $headers{'X-Gitlab-Event'} = 'Push Hook';
    $headers{'X-Gitlab-Token'} = $token if defined $token;

    return %headers;
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
