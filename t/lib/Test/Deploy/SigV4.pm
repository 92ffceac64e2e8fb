package Test::Deploy::SigV4;

# Copyright (C) ngx_deploy_module authors

# Verifies AWS Signature Version 4 of a request that was received, written
# apart from the module, with core modules only.

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_hex);
use Exporter qw(import);
use Time::Local qw(timegm);

our @EXPORT_OK = qw(verify sign amz_time signature);


# x-amz-date as Unix time, or undef

sub amz_time {
    my ($text) = @_;

    return undef unless defined $text
        && $text =~ /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\z/;

    return eval { timegm($6, $5, $4, $3, $2 - 1, $1) };
}


sub canonical_query {
    my ($query) = @_;

    my @pairs;

    for my $pair (split(/&/, $query)) {
        my ($name, $value) = split(/=/, $pair, 2);

        for ($name, $value) {
            $_ = '' unless defined $_;
            s/%([0-9a-fA-F]{2})/chr(hex($1))/eg;
            s/([^A-Za-z0-9\-._~])/sprintf('%%%02X', ord($1))/eg;
        }

        push(@pairs, [$name, $value]);
    }

    return join('&', map { "$_->[0]=$_->[1]" }
                     sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] }
                     @pairs);
}


# request: method, target, headers as [name, value] pairs, body

sub signature {
    my ($request, $signed, $date, $scope, $secret) = @_;

    my ($path, $query) = split(/\?/, $request->{target}, 2);

    $path =~ s/([^A-Za-z0-9\-._~\/])/sprintf('%%%02X', ord($1))/eg;

    my $text = "$request->{method}\n$path\n"
               . canonical_query(defined $query ? $query : '') . "\n";

    for my $name (@$signed) {
        my @values = map { $_->[1] } grep { lc $_->[0] eq $name }
                     @{ $request->{headers} };

        for (@values) {
            s/^\s+//;
            s/\s+$//;
            s/ +/ /g;
        }

        $text .= "$name:" . join(',', @values) . "\n";
    }

    $text .= "\n" . join(';', @$signed) . "\n" . sha256_hex($request->{body});

    my $string = "AWS4-HMAC-SHA256\n$date\n$scope\n" . sha256_hex($text);

    my $key = "AWS4$secret";
    $key = hmac_sha256($_, $key) for split(/\//, $scope);

    return hmac_sha256_hex($string, $key);
}


# The error of a request, (code, text), or nothing when it is signed well.
# Options: credentials => { id => secret }, tokens => { id => token },
# region, service, now

sub verify {
    my ($request, %opts) = @_;

    my (%headers, %count);

    for (@{ $request->{headers} }) {
        $headers{lc $_->[0]} = $_->[1];
        $count{lc $_->[0]}++;
    }

    my $auth = $headers{authorization};

    return ('MissingAuthenticationTokenException', 'no Authorization')
        unless defined $auth;

    return ('IncompleteSignatureException', 'Authorization twice')
        if $count{authorization} > 1;

    $auth =~ m{^AWS4-HMAC-SHA256\ Credential=([^/,\s]+)/([^,\s]+),
               \ SignedHeaders=([^,\s]+),\ Signature=([0-9a-f]{64})\z}x
        or return ('IncompleteSignatureException',
                   'Authorization is malformed');

    my ($id, $scope, $list, $signature) = ($1, $2, $3, $4);

    my $date = $headers{'x-amz-date'};
    my $time = amz_time($date);

    return ('IncompleteSignatureException', 'X-Amz-Date is malformed')
        unless defined $time;

    my $want = substr($date, 0, 8) . "/$opts{region}/$opts{service}"
               . '/aws4_request';

    return ('InvalidSignatureException',
            "Credential should be scoped to $want, not $scope")
        unless $scope eq $want;

    my @signed = split(/;/, $list);

    return ('IncompleteSignatureException', 'SignedHeaders are not sorted')
        unless join(';', sort @signed) eq $list && $list eq lc $list;

    my %signed = map { $_ => 1 } @signed;

    return ('IncompleteSignatureException', 'a header is signed twice')
        if keys %signed != @signed;

    for my $name (@signed) {
        return ('IncompleteSignatureException', "no header $name")
            unless defined $headers{$name};

        return ('IncompleteSignatureException', "$name must not be signed")
            if $name =~ /^(?:connection|expect|keep-alive|te|trailer|upgrade
                            |proxy-.*|transfer-encoding|user-agent
                            |authorization|x-amzn-trace-id)$/x;
    }

    for my $name ('host', grep { /^x-amz-|^content-type$/ } keys %headers) {
        return ('IncompleteSignatureException', "$name is not signed")
            unless $signed{$name};
    }

    my $secret = $opts{credentials}{$id};

    return ('UnrecognizedClientException',
            'The security token included in the request is invalid.')
        unless defined $secret;

    my $token = $opts{tokens}{$id};
    my $given = $headers{'x-amz-security-token'};

    return ('UnrecognizedClientException',
            'The security token included in the request is invalid.')
        if defined $token ? !defined $given || $given ne $token
                          : defined $given;

    my $hash = $headers{'x-amz-content-sha256'};

    return ('InvalidSignatureException', 'x-amz-content-sha256 is wrong')
        if defined $hash && $hash ne sha256_hex($request->{body});

    return ('InvalidSignatureException', 'The request signature we calculated'
            . ' does not match the signature you provided.')
        if signature($request, \@signed, $date, $scope, $secret)
           ne $signature;

    my $now = defined $opts{now} ? $opts{now} : time();

    return ('InvalidSignatureException', "Signature expired: $date is now"
            . ' earlier than the time of the service (- 5 min.)')
        if $time < $now - 300;

    return ('InvalidSignatureException', "Signature not yet current: $date is"
            . ' still later than the time of the service (+ 5 min.)')
        if $time > $now + 300;

    return ();
}


# signs a request for tests of the verifier itself: the Authorization value

sub sign {
    my ($request, %opts) = @_;

    my %headers = map { lc $_->[0] => $_->[1] } @{ $request->{headers} };
    my @signed = sort grep { /^(?:host|content-type|x-amz-.*)$/ }
                 keys %headers;
    my $scope = substr($headers{'x-amz-date'}, 0, 8)
                . "/$opts{region}/$opts{service}/aws4_request";

    return "AWS4-HMAC-SHA256 Credential=$opts{id}/$scope, SignedHeaders="
           . join(';', @signed) . ', Signature='
           . signature($request, \@signed, $headers{'x-amz-date'}, $scope,
                       $opts{secret});
}


1;
