package Test::Deploy::ContainerCredentials;

# Copyright (C) ngx_deploy_module authors

# The endpoint of ECS or EKS Pod Identity.  Options: path, authorization (the
# header's value, undef: none), id, secret, token, lifetime.  The step for
# faults is get.

use warnings;
use strict;

use JSON::PP ();
use Time::HiRes qw(time);

use Test::Deploy::AWS qw(iso);

our @ISA = ('Test::Deploy::AWS');

my $JSON = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $t, %opts) = @_;

    return $class->SUPER::new($t, path => '/v1/credentials',
                              id => 'ASIACONTAINER',
                              secret => 'container/secret+0123456789',
                              token => 'container/token+0123456789==',
                              lifetime => 3600, %opts);
}


sub url { return "http://127.0.0.1:$_[0]{port}$_[0]{path}" }


sub step {
    my ($self, $request) = @_;

    return $request->{target} eq $self->{path} ? 'get' : undef;
}


sub answer {
    my ($self, $state, $request, $step) = @_;

    push(@{ $request->{violations} }, "method $request->{method}")
        if $request->{method} ne 'GET';

    Test::Deploy::AWS::check_headers($request, 'accept', 'authorization');

    push(@{ $request->{violations} }, 'no Accept: application/json')
        if (Test::Deploy::AWS::header($request, 'accept') || '')
           ne 'application/json';

    my $given = Test::Deploy::AWS::header($request, 'authorization');

    my $want = $self->{authorization};

    return (401, 'application/json',
            '{"code":"InvalidToken","message":"Not authorized: "}')
        if defined $want ? !defined $given || $given ne $want
                         : defined $given;

    my $key = $self->key($state);

    return (200, 'application/json', $JSON->encode({
        AccessKeyId => $key->{id}, SecretAccessKey => $key->{secret},
        Token => $key->{token}, AccountId => '123456789012',
        RoleArn => 'arn:aws:iam::123456789012:role/task',
        Expiration => iso($key->{expires}),
    }));
}


1;
