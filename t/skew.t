#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# A clock that is wrong: signatures follow the Date of CodeBuild, endpoint by
# endpoint, if it can be believed, and the secret is not to blame.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;

my $tls = eval { require IO::Socket::SSL; 1 };

my $t = Test::Deploy->new();
my $cb = $t->codebuild();
my $other = $t->codebuild(credentials => [{ id => 'AKIDEXAMPLE',
                                            secret => 'another' }]);
my $far = $t->codebuild($tls ? (tls => 1, skew => 900, host => 'localhost')
                             : ());

$t->write_file('secret', "$SECRET\n", 0600);
$t->var(CA => $tls ? $far->ca_file() : '/dev/null');

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region us-east-1;
    deploy_verify github %%TESTDIR%%/secret;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook { deploy_endpoint %%CODEBUILD%%; deploy_build api; }
        location = /other { deploy_endpoint %%CODEBUILD2%%; deploy_build api; }
    }
EOC

# the same endpoint, its name not checked, then checked

$conf .= <<'EOC' if $tls;
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_endpoint https://localhost;
        deploy_transport {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_session_reuse off;
            proxy_ssl_verify off;
        }

        location = /tls { deploy_build api; }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        deploy_endpoint https://localhost;
        deploy_transport {
            proxy_ssl_trusted_certificate %%CA%%;
            proxy_ssl_session_reuse off;
        }

        location = /tls { deploy_build api; }
    }
EOC

$conf .= <<'EOC' if $tls;

    # "localhost" has to have an address without a resolver

    upstream localhost { server 127.0.0.1:%%TLS_PORT%%; }
EOC

$conf .= "}\n";

$t->var(TLS_PORT => $far->{tls_port} || 0);

$t->run($conf);

my $n = 0;

# status and number of attempts of a delivery that meets these faults

sub meet {
    my ($uri, $stand_in, $port, @faults) = @_;

    my $before = () = $stand_in->requests();

    $stand_in->fault('api', @faults) if @faults;

    my $r = deliver($uri, 'pull_request', merge(number => ++$n),
                    { port => $port });

    return $r->status . ' ' . ((() = $stand_in->requests()) - $before);
}

sub row { return meet('/hook', $cb, 8080, @_) }


###############################################################################
# ahead, behind, and right again


is(row(), '200 1', 'the same time');

for my $skew (900, -900) {
    my $about = $skew < 0 ? qr/-(?:899|900|901)/ : qr/(?:899|900|901)/;

    $cb->skew($skew);

    is(row(), '200 2', "$skew s: learnt");
    is(row(), '200 1', "$skew s: remembered");

    # what has nothing to do with it is as always

    is(row('ThrottlingException'), '200 2', "$skew s: throttled");
    is(row('AccessDeniedException'), '502 1', "$skew s: denied");

    like(join("\n", $t->find_in_log(qr/deploy clock differs/)),
         qr/\[warn\] .* differs by $about s from that of "127\.0\.0\.1:\d+"/,
         "$skew s: logged");
}

# -900 is still added when the clocks agree again

$cb->skew(0);

is(row(), '200 2', 'the same time again');
is(row(), '200 1', 'remembered');

is(scalar $t->find_in_log(qr/deploy clock differs/), 3, 'logged once each');

# a later reply pulls it back before anything is refused: 260 s is believed
# for want of better, and does not hurt

$cb->skew(260);

is(row('SignatureDoesNotMatch'), '200 2', '260 s: learnt');

$cb->skew(0);

is(row(), '200 1', '260 s: signed with, taken');
is(row('RequestExpired'), '502 1', '260 s: forgotten by then');


###############################################################################
# the six codes, and no other


for my $code (qw(RequestTimeTooSkewed RequestExpired RequestInTheFuture
                 InvalidSignatureException SignatureDoesNotMatch AuthFailure))
{
    is(row($code), '502 1', "$code, the clock is right");

    $cb->skew(-260);
    is(row($code), '200 2', "$code, four minutes off");

    $cb->skew(0);
    is(row($code), '200 2', "$code, the clock is right again");
}

$cb->skew(-120);

is(row('RequestExpired'), '502 1', 'two minutes off');

$cb->skew(260);

is(row('AccessDeniedException'), '502 1', 'another code');
is(row('ValidationException'), '502 1', 'and another');
is(row(), '200 1', 'teach nothing');

is(row('SignatureDoesNotMatch', 'SignatureDoesNotMatch'), '502 2', 'once');

$cb->skew(0);
row();


###############################################################################
# no Date, a wrong secret, another endpoint


is(row({ fault => 'SignatureDoesNotMatch', date => -1e15 }), '502 1',
   'a Date that is none');

$other->expect(qr/./);

is(meet('/other', $other, 8080), '502 1', 'a wrong secret');

$cb->skew(900);
row();

$other->skew(900);

is(meet('/other', $other, 8080), '502 2', 'each endpoint has its own clock');


###############################################################################
# who is not verified is not believed


SKIP: {
    skip 'no TLS', 3 unless $tls;

    is(meet('/tls', $far, 8081), '502 1', 'not verified');
    is(meet('/tls', $far, 8082), '200 2', 'verified');
    is(meet('/tls', $far, 8081), '200 1', 'what was learnt is for all');
}

$t->done();
