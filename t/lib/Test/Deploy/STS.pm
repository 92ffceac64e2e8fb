package Test::Deploy::STS;

# Copyright (C) ngx_deploy_module authors

# AWS STS: AssumeRole, whose signature is verified, and AssumeRoleWith-
# WebIdentity.  Options: region (or a list), credentials ([{ id, secret, token }]) of
# those that may assume, roles ({ ARN => { external_id, id, ... } }; default:
# any ARN), web (the token of the identity provider), lifetime, xml (1: does
# not know of JSON).  The step for faults is assume; a fault with code is an
# error of STS.

use warnings;
use strict;

use JSON::PP ();
use Time::HiRes qw(time);

use Test::Deploy::AWS qw(iso);
use Test::Deploy::SigV4 ();

our @ISA = ('Test::Deploy::AWS');

my $JSON = JSON::PP->new->utf8->canonical;

my %STATUS = map { $_ => 403 } qw(AccessDenied InvalidClientTokenId
    SignatureDoesNotMatch ExpiredToken RegionDisabledException
    IDPRejectedClaim RequestExpired MissingAuthenticationToken);


sub new {
    my ($class, $t, %opts) = @_;

    return $class->SUPER::new($t, lifetime => 3600, id => 'ASIASTS',
                              secret => 'sts/secret+0123456789',
                              token => 'sts/token&<+0123456789==', %opts);
}


sub step { return $_[1]{target} eq '/' ? 'assume' : undef }


# queues errors of STS

sub fails {
    my ($self, @codes) = @_;

    $self->fault('assume', map { ref($_) ? $_ : { code => $_ } } @codes);
}


sub next_fault {
    my ($self, $state, $step) = @_;

    my $fault = $self->SUPER::next_fault($state, $step);

    if (defined $fault->{code}) {
        my ($status, $type, $body) = $self->failure($self->{accept},
                                     $fault->{code}, $fault->{message});

        return { status => $status, body => $body, %$fault };
    }

    return $fault;
}


sub failure {
    my ($self, $json, $code, $message) = @_;

    my $status = $STATUS{$code} || 400;
    $message = "$code of the test" unless defined $message;

    return ($status, 'application/json', $JSON->encode({
        Error => { Type => 'Sender', Code => $code, Message => $message },
        RequestId => 'r-1' })) if $json;

    $message =~ s/&/&amp;/g;
    $message =~ s/</&lt;/g;

    return ($status, 'text/xml', '<ErrorResponse'
            . ' xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
            . "<Type>Sender</Type><Code>$code</Code>"
            . "<Message>$message</Message></Error>"
            . '<RequestId>r-1</RequestId></ErrorResponse>');
}


sub handle {
    my ($self, $s, $request) = @_;

    # one process per connection: of this request
    $self->{accept} = !$self->{xml}
        && (Test::Deploy::AWS::header($request, 'accept') || '')
           eq 'application/json';

    return $self->SUPER::handle($s, $request);
}


# the parameters; a body that is not written the one way is a violation

sub form {
    my ($request) = @_;

    my (%form, @names);

    for my $pair (split(/&/, $request->{body}, -1)) {
        my ($name, $value) = $pair =~ /^([A-Za-z]+)=((?:[A-Za-z0-9\-._~]
                                       |%[0-9A-F]{2})+)\z/x
            or push(@{ $request->{violations} }, "parameter \"$pair\""),
               next;

        push(@{ $request->{violations} }, "$name twice")
            if defined $form{$name};

        $value =~ s/%([0-9A-F]{2})/chr(hex($1))/eg;

        push(@{ $request->{violations} }, "$name is encoded oddly")
            if $pair ne "$name=" . join('', map { /[A-Za-z0-9\-._~]/ ? $_
                                     : sprintf('%%%02X', ord($_)) }
                                     split(//, $value));

        $form{$name} = $value;
        push(@names, $name);
    }

    return (\%form, join(' ', @names));
}


sub answer {
    my ($self, $state, $request, $step) = @_;

    my $violations = $request->{violations};
    my ($form, $names) = form($request);

    $request->{form} = $form;

    push(@$violations, "method $request->{method}")
        if $request->{method} ne 'POST';

    push(@$violations, 'Content-Type')
        if (Test::Deploy::AWS::header($request, 'content-type') || '')
           ne 'application/x-www-form-urlencoded; charset=utf-8';

    push(@$violations, 'Version')
        if ($form->{Version} || '') ne '2011-06-15';

    my $web = ($form->{Action} || '') eq 'AssumeRoleWithWebIdentity';

    push(@$violations, "parameters $names")
        if $names !~ ($web
            ? qr/^Action\ Version\ RoleArn\ RoleSessionName
                 \ WebIdentityToken(?:\ DurationSeconds)?\z/x
            : qr/^Action\ Version\ RoleArn\ RoleSessionName
                 (?:\ ExternalId)?(?:\ DurationSeconds)?\z/x);

    if ($web) {
        # unsigned
        Test::Deploy::AWS::check_headers($request, 'accept', 'content-type');

        return $self->failure($self->{accept}, 'InvalidIdentityToken')
            if !defined $self->{web}
               || $form->{WebIdentityToken} ne $self->{web};

    } else {
        Test::Deploy::AWS::check_headers($request, qw(accept content-type
            authorization x-amz-date x-amz-security-token));

        my @regions = ref($self->{region}) ? @{ $self->{region} }
                                           : ($self->{region});

        my ($scope) = (Test::Deploy::AWS::header($request, 'authorization')
                       || '') =~ m!Credential=[^/]+/\d+/([^/]+)/!;

        my ($region) = grep { $_ eq ($scope || '') } @regions;

        my ($code, $text) = Test::Deploy::SigV4::verify($request,
            credentials => { map { $_->{id} => $_->{secret} }
                             @{ $self->{credentials} } },
            tokens => { map { $_->{id} => $_->{token} }
                        @{ $self->{credentials} } },
            region => $region || $regions[0], service => 'sts',
            now => time() + $self->{skew});

        if (defined $code) {
            push(@$violations, $text)
                if !($self->{skew} && $text =~ /expired|not yet current/);

            return $self->failure($self->{accept}, 'SignatureDoesNotMatch',
                                  $text);
        }
    }

    my $role = $self->{roles} ? $self->{roles}{$form->{RoleArn} || ''} : {};

    return $self->failure($self->{accept}, 'AccessDenied', 'User: arn:aws:'
               . 'iam::123456789012:user/gw is not authorized to perform:'
               . " sts:AssumeRole on resource: $form->{RoleArn}")
        if !$role || ($role->{external_id} || '')
                     ne ($form->{ExternalId} || '');

    my $key = $self->key($state);

    $key->{id} = $role->{id} if defined $role->{id};
    $key->{expires} = int(time() + $form->{DurationSeconds})
        if $form->{DurationSeconds};

    return $self->success($form, {
        AccessKeyId => $key->{id}, SecretAccessKey => $key->{secret},
        SessionToken => $key->{token}, Expiration => $key->{expires},
    });
}


sub success {
    my ($self, $form, $credentials) = @_;

    my $action = $form->{Action};

    if ($self->{accept}) {
        # the number as STS writes it
        my $text = $JSON->encode({ "${action}Response" => {
            "${action}Result" => {
                AssumedRoleUser => { Arn => 'arn', AssumedRoleId => 'id' },
                Credentials => $credentials,
            }, ResponseMetadata => { RequestId => 'r-1' } } });

        my $number = sprintf('%.9E', $credentials->{Expiration});
        $number =~ s/E\+0?/E/;
        $text =~ s/("Expiration":)\d+/$1$number/;

        return (200, 'application/json', $text);
    }

    my %text = (%$credentials, Expiration => iso($credentials->{Expiration}));

    for (values %text) {
        s/&/&amp;/g;
        s/</&lt;/g;
    }

    return (200, 'text/xml', "<${action}Response xmlns="
            . "\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
            . "  <${action}Result>\n    <AssumedRoleUser><Arn>arn</Arn>"
            . "</AssumedRoleUser>\n    <Credentials>\n"
            . join('', map { "      <$_>$text{$_}</$_>\n" } sort keys %text)
            . "    </Credentials>\n  </${action}Result>\n"
            . "</${action}Response>\n");
}


1;
