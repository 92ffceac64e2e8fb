package Test::Deploy::Mint;

# Copyright (C) ngx_deploy_module authors

# Temporary credentials that one stand-in issues and another one knows: the
# key id tells when they expire, the secret and the token follow from it.

use warnings;
use strict;

use Digest::SHA qw(hmac_sha256_base64);


# the hash of a key: id, secret, token, expires; undef for an id of others

sub minted {
    my ($id) = @_;

    return undef unless defined $id && $id =~ /^ASIAM(\d{1,12})N\d+\z/;

    return { id => $id, expires => $1 + 0,
             secret => hmac_sha256_base64($id, 'secret of the mint'),
             token => hmac_sha256_base64($id, 'token of the mint') . '==' };
}


# a new one; state: of the stand-in

sub mint {
    my ($state, $lifetime) = @_;

    return minted(sprintf('ASIAM%dN%d', time() + $lifetime,
                          ++$state->{numbers}{mint}));
}


1;
