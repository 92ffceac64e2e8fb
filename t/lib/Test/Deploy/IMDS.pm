package Test::Deploy::IMDS;

# Copyright (C) ngx_deploy_module authors

# Instance metadata of EC2.  Options: role (name), id, secret, token,
# lifetime (seconds), extended (1: has the newer tree), v1 (1: answers
# without a token, too), ttl (of tokens, seconds).  Steps for faults: token,
# list, role.

use warnings;
use strict;

use JSON::PP ();
use Time::HiRes qw(time);

use Test::Deploy::AWS qw(iso);

our @ISA = ('Test::Deploy::AWS');

my $JSON = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $t, %opts) = @_;

    return $class->SUPER::new($t, role => 'gateway', id => 'ASIAIMDS',
                              secret => 'imds/secret+0123456789',
                              token => 'imds/token+0123456789==',
                              lifetime => 21600, extended => 1, v1 => 1,
                              %opts);
}


sub step {
    my ($self, $request) = @_;

    my $tree = $self->{extended} ? 'security-credentials(?:-extended)?'
                                 : 'security-credentials';

    return 'token' if $request->{target} eq '/latest/api/token';

    $request->{role} = $1
        if $request->{target} =~ m!^/latest/meta-data/iam/$tree/(.*)\z!;

    return undef if $request->{target} !~
        m!^/latest/meta-data/iam/security-credentials(?:-extended)?/!;

    $request->{missing} = !defined $request->{role};

    return $request->{target} =~ m!/\z! ? 'list' : 'role';
}


sub answer {
    my ($self, $state, $request, $step) = @_;

    my $violations = $request->{violations};
    my $token = Test::Deploy::AWS::header($request,
                                          'x-aws-ec2-metadata-token');

    if ($step eq 'token') {
        my $ttl = Test::Deploy::AWS::header($request,
                      'x-aws-ec2-metadata-token-ttl-seconds');

        Test::Deploy::AWS::check_headers($request, 'accept',
            'x-aws-ec2-metadata-token-ttl-seconds');

        return (400, 'text/html', '')
            if $request->{method} ne 'PUT' || length($request->{body})
               || !defined $ttl || $ttl !~ /^\d+\z/ || $ttl < 1
               || $ttl > 21600;

        my $new = sprintf('AQAE%012d==', int(rand(10 ** 12)));
        $state->{session}{$new} = time();

        return (200, 'text/plain', $new);
    }

    push(@$violations, "method $request->{method}")
        if $request->{method} ne 'GET';

    Test::Deploy::AWS::check_headers($request, 'accept',
                                     'x-aws-ec2-metadata-token');

    if (!defined $token) {
        return (401, 'text/html', '') if !$self->{v1};

    } elsif (!defined $state->{session}{$token}) {
        push(@$violations, "unknown token $token");
        return (401, 'text/html', '');

    } elsif ($self->{ttl}
             && $state->{session}{$token} + $self->{ttl} < time())
    {
        return (401, 'text/html', '');
    }

    return (404, 'text/html', '') if $request->{missing} || !$self->{role};

    return (200, 'text/plain', $self->{role}) if $step eq 'list';

    return (404, 'text/html', '') if $request->{role} ne $self->{role};

    my $key = $self->key($state);

    return (200, 'text/plain', $JSON->encode({
        Code => 'Success', LastUpdated => iso(time()), Type => 'AWS-HMAC',
        AccessKeyId => $key->{id}, SecretAccessKey => $key->{secret},
        Token => $key->{token}, Expiration => iso($key->{expires}),
    }));
}


1;
