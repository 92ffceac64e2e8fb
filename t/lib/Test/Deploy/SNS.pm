package Test::Deploy::SNS;

# Copyright (C) ngx_deploy_module authors

# A stand-in of Amazon SNS: signs messages, has the certificates that they
# name, and confirms subscriptions.  A request that a careful client would
# not send is a violation that fails the test at its end.
#
#     my $sns = $t->helper(Test::Deploy::SNS->new($t));
#     my $r = $sns->post('/sns', message => '{"a":1}');
#     is($sns->requests('certificate'), 1, 'fetched');
#
# The endpoint is %%SNS%%, with the option tls also %%SNS_TLS%%.
#
# Faults, for "certificate" and "confirm", are those of
# Test::Deploy::CodeBuild that are about the connection, or a status; or
#
#     html            200 with a page
#     empty           200 with nothing
#     oversized       200 with 100 KB before the certificate
#     NAME.pem        the certificate of another name

use warnings;
use strict;

use Digest::MD5 qw(md5_hex);
use Encode qw(encode_utf8);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);

use Test::Deploy ();
use Test::Deploy::CodeBuild ();

our @ISA = ('Test::Deploy::CodeBuild');

our $TOPIC = 'arn:aws:sns:us-east-1:123456789012:builds';
our $HOST = 'https://sns.us-east-1.amazonaws.com';

my $JSON = JSON::PP->new->utf8->allow_nonref;

my %HEADERS = map { $_ => 1 } qw(host connection user-agent);

# the order of the signed text

my %SIGNED = (
    Notification => [qw(Message MessageId Subject Timestamp TopicArn Type)],
    SubscriptionConfirmation => [qw(Message MessageId SubscribeURL Timestamp
                                    Token TopicArn Type)],
);

$SIGNED{UnsubscribeConfirmation} = $SIGNED{SubscriptionConfirmation};


###############################################################################
# the test's side


sub new {
    my ($class, $t, %opts) = @_;

    my $self = $class->SUPER::new($t, %opts);

    $self->{messages} = 0;

    $self->make('good', bits => 2048);

    $t->var('SNS', $self->endpoint());
    $t->var('SNS_TLS', $self->endpoint_tls()) if $self->{tls_port};

    return $self;
}


# a certificate: cn, san, from and to (YYYYMMDD); of the first one's key unless
# bits are given

sub make {
    my ($self, $name, %opts) = @_;

    my $dir = "$self->{dir}/$name";
    my $cn = $opts{cn} || 'sns.amazonaws.com';
    my $key = $opts{bits} ? "-newkey rsa:$opts{bits} -nodes"
                          : "-key $self->{dir}/good/key.pem";
    my $from = $opts{from} || strftime('%Y%m%d', gmtime(time() - 86400));
    my $to = $opts{to} || strftime('%Y%m%d', gmtime(time() + 172800));

    mkdir($dir);

    open(my $fh, '>', "$dir/ca.conf") or die "$dir: $!";
    print $fh <<"EOF";
[ca]
default_ca = this
[this]
database = $dir/index
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = policy
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = $cn
[ext]
EOF
    print $fh "subjectAltName = $opts{san}\n" if $opts{san};
    close($fh);

    open($fh, '>', "$dir/index") && close($fh);
    open($fh, '>', "$dir/serial") && print($fh "01\n") && close($fh);

    link("$self->{dir}/good/key.pem", "$dir/key.pem") if !$opts{bits};
    $key .= " -keyout $dir/key.pem" if $opts{bits};

    my $out = `openssl req -new $key -config $dir/ca.conf \\
        -out $dir/csr.pem 2>&1 && \\
        openssl ca -batch -notext -config $dir/ca.conf -selfsign \\
        -keyfile $dir/key.pem -in $dir/csr.pem -out $dir/made.pem \\
        -extensions ext -startdate ${from}000000Z -enddate ${to}000000Z 2>&1 \\
        && mv $dir/made.pem $dir/cert.pem`;

    die "openssl: $out" if $?;

    return $self;
}


# what a certificate is called by SNS

sub path {
    my ($name) = @_;

    return '/SimpleNotificationService-' . md5_hex($name) . '.pem';
}


# (body, headers) of a message.  Its members, NAME => value, undef: not there;
# key: the name of what signs it; sign => 0: not at all; changed: members that
# are other than what was signed; header: x-amz-sns-message-type

sub message {
    my ($self, %m) = @_;

    my $key = delete $m{key} || 'good';
    my $sign = exists $m{sign} ? delete $m{sign} : 1;
    my %changed = %{ delete $m{changed} || {} };
    my $header = delete $m{header};
    my $type = $m{Type} || 'Notification';
    my $id = sprintf('22b80b92-fdea-4c2c-8f9d-%012x', ++$self->{messages});
    my $topic = exists $m{TopicArn} ? $m{TopicArn} : $TOPIC;

    my %message = (
        Type => $type, MessageId => $id, TopicArn => $TOPIC,
        Message => '{"text":"PLANTED-IN-BODY"}',
        Timestamp => strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime()),
        SignatureVersion => '2', SigningCertURL => $HOST . path($key),
        $type eq 'Notification'
            ? (UnsubscribeURL => "$HOST/?Action=Unsubscribe&a=b")
            : (Token => "planted-token-$self->{messages}",
               SubscribeURL => "$HOST/?Action=ConfirmSubscription"
                   . "&TopicArn=$TOPIC"
                   . "&Token=planted-token-$self->{messages}"),
        %m
    );

    $message{Signature} = $self->sign($key, \%message)
        if $sign && !exists $m{Signature};

    %message = (%message, %changed);

    my @names = grep { defined $message{$_} }
                qw(Type MessageId Token TopicArn Subject Message SubscribeURL
                   Timestamp SignatureVersion Signature SigningCertURL
                   UnsubscribeURL);

    my $body = "{\n"
               . join(",\n", map { "  \"$_\" : " . $JSON->encode($message{$_}) }
                             @names) . "\n}";

    return ($body, 'Content-Type' => 'text/plain; charset=UTF-8',
            'User-Agent' => 'Amazon Simple Notification Service Agent',
            'x-amz-sns-message-type' => defined $header ? $header : $type,
            'x-amz-sns-message-id' => $message{MessageId} || '',
            'x-amz-sns-topic-arn' => $topic);
}


sub subscription {
    my ($self, %m) = @_;

    return $self->message(Type => 'SubscriptionConfirmation',
                          Message => "You have chosen to subscribe.\nVisit.",
                          %m);
}


sub sign {
    my ($self, $key, $message) = @_;

    my $text = join('', map { "$_\n$message->{$_}\n" }
                        grep { defined $message->{$_} }
                        @{ $SIGNED{$message->{Type}} || [] });
    my $digest = $message->{SignatureVersion} eq '1' ? '-sha1' : '-sha256';
    my $dir = "$self->{dir}/$key";

    open(my $fh, '>', "$dir/text") or die "$dir: $!";
    binmode($fh);
    print $fh encode_utf8($text);
    close($fh);

    my $raw = `openssl dgst $digest -sign $dir/key.pem $dir/text`;

    die 'openssl dgst' if $? || !length($raw);

    return encode_base64($raw, '');
}


sub post {
    my ($self, $uri, @message) = @_;

    return Test::Deploy::http_post($uri, $self->message(@message));
}


# all requests, or those for "certificate" or "confirm"

sub requests {
    my ($self, $step) = @_;

    return grep { !defined $step || $_->{step} eq $step }
           $self->lines('requests');
}


sub check {
    my ($self) = @_;

    my @violations = $self->violations();

    Test::More::ok(!@violations, 'SNS: no violation')
        or Test::More::diag(join("\n", @violations));
}


###############################################################################
# the server's


sub handle {
    my ($self, $s, $request) = @_;

    my @violations = grep { $_ ne 'one Content-Length is expected' }
                     @{ $request->{violations} };
    my %seen;

    for (@{ $request->{headers} }) {
        my ($name, $value) = (lc $_->[0], $_->[1]);

        push(@violations, "unexpected header $name") if !$HEADERS{$name};
        push(@violations, "header $name twice") if $seen{$name}++;
        push(@violations, "Host: $value")
            if $name eq 'host'
               && $value !~ /^(?:127\.0\.0\.1|localhost):\d+\z/;
    }

    push(@violations, 'no Host') if !$seen{host};
    push(@violations, "$request->{method}, not GET")
        if $request->{method} ne 'GET';
    push(@violations, "$request->{version}, not HTTP/1.1")
        if $request->{version} ne 'HTTP/1.1';

    my ($name, $token);

    if ($request->{target} =~ m!^/SimpleNotificationService-!) {
        $request->{step} = 'certificate';
        ($name) = grep { path($_) eq $request->{target} }
                  map { m!/([^/]+)/cert\.pem$! ? $1 : () }
                  glob("$self->{dir}/*/cert.pem");

    } elsif ($request->{target} =~ m!^/\?Action=ConfirmSubscription
                                     &TopicArn=\Q$TOPIC\E
                                     &Token=(planted-token-\d+)\z!x)
    {
        $request->{step} = 'confirm';
        $token = $1;

    } else {
        $request->{step} = 'none';
        push(@violations, "target $request->{target}");
    }

    my $fault = $self->update(sub {
        my ($state) = @_;

        $request->{n} = ++$state->{requests};

        return $self->next_fault($state, $request->{step});
    });

    my $word = defined $fault->{fault} ? $fault->{fault} : '';
    my ($status, $type, $body) = (403, 'text/xml', '<ErrorResponse/>');

    if (defined $name) {
        $name = $1 if $word =~ /^(\w+)\.pem\z/;
        ($status, $type) = (200, 'binary/octet-stream');
        $body = $self->certificate($name);

    } elsif (defined $token) {
        $status = 200;
        $body = '<ConfirmSubscriptionResponse/>';
    }

    $status = $word if $word =~ /^\d{3}\z/;
    $body = '<html>please log in</html>' if $word eq 'html';
    $body = '' if $word eq 'empty';
    $body = ('#' x 99 . "\n") x 1000 . $body if $word eq 'oversized';

    $request->{violations} = \@violations;
    $request->{status} = $status;
    $request->{token} = $token if $word eq '' || $word eq 'late';

    $self->append('requests', $request);

    return $self->reply($s, $request, { %$fault, name => $word }, $status,
                        ["Content-Type: $type"], $body);
}


sub certificate {
    my ($self, $name) = @_;

    open(my $fh, '<', "$self->{dir}/$name/cert.pem") or die "$name: $!";
    local $/;

    return scalar <$fh>;
}


1;
