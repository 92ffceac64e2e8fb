package Test::Deploy::Gate;

# Copyright (C) ngx_deploy_module authors

# What the gate said of a request.  The configuration has
#
#     add_header X-Verify "$deploy_verify" always;
#     add_header X-Line "$deploy_verify_secret" always;
#
# and a backend that adds X-Backend.

use warnings;
use strict;

use Exporter qw(import);

use Test::More ();
use Test::Deploy;

our @EXPORT = qw(verdict passes refused);


# "200 backend SUCCESS 1", "403 refused FAILED:missing"

sub verdict {
    my ($uri, $body, @headers) = @_;

    my $r = http_post($uri, $body, @headers);

    return join(' ', grep { defined && length } $r->status,
                $r->header('x-backend') ? 'backend' : 'refused',
                $r->header('x-verify'), $r->header('x-line'));
}


# line: of the secret

sub passes {
    my ($uri, $body, $headers, $line, $name) = @_;

    Test::More::is(verdict($uri, $body, @$headers), "200 backend SUCCESS $line",
                   $name);
}


sub refused {
    my ($uri, $body, $headers, $reason, $name) = @_;

    Test::More::is(verdict($uri, $body, @$headers),
                   "403 refused FAILED:$reason", $name);
}


1;
