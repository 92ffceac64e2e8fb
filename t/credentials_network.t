#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The addresses that AWS's endpoints have, in a network of the test's own.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

if (!$ENV{TEST_NETWORK}) {
    plan(skip_all => 'no network namespaces')
        if system('unshare -n sh -c "ip link set lo up" >/dev/null 2>&1');

    $ENV{TEST_NETWORK} = 1;
    exec('unshare', '-n', $^X, $0) or die "unshare: $!";
}

for my $address (qw(169.254.169.254/32 169.254.170.2/32 169.254.170.23/32)) {
    system("ip addr add $address dev lo") == 0 or die "ip $address";
}

# of no use where there is no IPv6
my $v6 = !grep { system("ip addr add $_ dev lo nodad 2>/dev/null") }
         qw(fd00:ec2::254/128 fd00:ec2::23/128);

system('ip link set lo up') == 0 or die 'ip link';

use Test::Deploy;
use Test::Deploy::AWS qw(chain);
use Test::Deploy::ContainerCredentials;
use Test::Deploy::IMDS;

my $t = Test::Deploy->new();


# a stand-in on port 80 of an address

sub on {
    my ($address, $class, %opts) = @_;

    no warnings 'redefine';
    local *Test::Deploy::free_port = sub { 80 };

    return $t->helper("Test::Deploy::$class"->new($t, address => $address,
                                                  %opts));
}

my %on = (AWS_EC2_METADATA_DISABLED => 'false',
          AWS_METADATA_SERVICE_TIMEOUT => 8);

my $r = chain($t, { %on });

is($r->{rc}, 'declined', 'nobody there');
cmp_ok($r->{ms}, '<', 5000, 'at once');
like($r->{reason}, qr!IMDS http://169\.254\.169\.254/latest/api/token: Fail!,
     'reason');

my $imds = on('169.254.169.254', 'IMDS');

is(chain($t, { %on })->{id}, 'ASIAIMDS', 'metadata');

$imds->stop();

my $ecs = on('169.254.170.2', 'ContainerCredentials', path => '/v2/x?a=b');

is(chain($t, { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI => '/v2/x?a=b',
               AWS_CONTAINER_CREDENTIALS_FULL_URI => 'http://10.0.0.1/' })
       ->{id}, 'ASIACONTAINER', 'ECS, the relative URI wins');

my $eks = on('169.254.170.23', 'ContainerCredentials',
             authorization => 'token-1');

$t->write_file('token', 'token-1');

is(chain($t, {
    AWS_CONTAINER_CREDENTIALS_FULL_URI =>
        'http://169.254.170.23/v1/credentials',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE => $t->path('token'),
})->{id}, 'ASIACONTAINER', 'EKS Pod Identity');

SKIP: {
    skip 'no IPv6', 2 unless $v6 && eval { require IO::Socket::IP; 1 };

    my $six = on('fd00:ec2::254', 'IMDS');

    is(chain($t, { %on, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE => 'IPv6' })
           ->{id}, 'ASIAIMDS', 'metadata, IPv6');

    my $pod = on('fd00:ec2::23', 'ContainerCredentials');

    is(chain($t, { AWS_CONTAINER_CREDENTIALS_FULL_URI =>
                   'http://[fd00:ec2::23]/v1/credentials' })->{id},
       'ASIACONTAINER', 'EKS Pod Identity, IPv6');
}

$t->done();
