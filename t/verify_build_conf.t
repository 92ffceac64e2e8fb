#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify build: what "nginx -t" refuses, and the DEPLOY_URL that builds
# are given.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

$t->write_file('secret', "$SECRET\n", 0600);

$t->write_file('openssl.log', '');
system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
       . ' -days 2 -subj /CN=localhost -batch -keyout ' . $t->path('key.pem')
       . ' -out ' . $t->path('cert.pem') . ' 2>' . $t->path('openssl.log'))
    == 0 or BAIL_OUT('openssl req failed');


###############################################################################
# nginx -t


my $STORE = "deploy_region us-east-1;\ndeploy_store %%TESTDIR%%/store;\n";

sub server {
    my ($names, @lines) = @_;

    return $STORE . "server { listen 127.0.0.1:%%PORT_8080%%;\n"
           . join("\n", defined $names ? "server_name $names;" : (), @lines)
           . "\n}\n";
}

sub check {
    my ($pattern, $name, $conf) = @_;

    my ($code, $out) = nginx_t($conf);

    is($code, $pattern ? 1 : 0, $name) or diag($out);
    like($out, $pattern || qr/test is successful/, "$name: told");
}

sub place { return "location = /builds { $_[0] deploy_receive; }" }


check(qr/"deploy_verify build" in \S+:\d+ needs "deploy_store"/, 'no store',
      "server { server_name localhost; listen 127.0.0.1:%%PORT_8080%%;\n"
      . place('deploy_verify build;') . "\n}\n");

check(qr/takes no file: "\S+secret"/, 'a file',
      server('localhost', place('deploy_verify build %%TESTDIR%%/secret;')));
check(qr/invalid parameter "tolerance=5m" of "deploy_verify build"/,
      'another parameter',
      server('localhost', place('deploy_verify build tolerance=5m;')));
check(qr/invalid parameter "url=http:\/\/localhost\/b" of/, 'two URLs',
      server('localhost', place('deploy_verify build url=http://localhost/a'
                                . ' url=http://localhost/b;')));
check(qr/"deploy_verify build" is duplicate/, 'twice',
      server('localhost', place('deploy_verify build; deploy_verify build;')));

for my $bad ('http://example.com/', 'ftp://localhost/', 'builds', '') {
    check(qr/URL "\Q$bad\E" \w+/, "url=$bad",
          server('localhost', place("deploy_verify build url=$bad;")));
}

check(qr/build" in \S+:\d+ needs "deploy_receive" or "deploy_build" in the /,
      'another handler',
      server('localhost', 'location = /builds { deploy_verify build; '
                          . 'proxy_pass http://127.0.0.1:%%PORT_8081%%; }'));

my $tell = qr/"deploy_verify build" in \S+:\d+ needs "url=".*: the /;

check(qr/${tell}server has no "server_name" without wildcards/, 'no name',
      server(undef, place('deploy_verify build;')));
check(qr/${tell}server has no "server_name" without wildcards/, 'no plain name',
      server('_ *.example.com .example.org ~^a www.*',
             place('deploy_verify build;')));
check(qr/${tell}server does not listen with "ssl"/, 'no TLS',
      server('example.com', place('deploy_verify build;')));
check(qr/${tell}location is not a plain path/, 'a regex',
      server('localhost',
             'location ~ ^/b { deploy_verify build; deploy_receive; }'));
check(qr/${tell}location is not a plain path/, 'a path to be escaped',
      server('localhost',
             'location "/a b" { deploy_verify build; deploy_receive; }'));
check(qr/${tell}server listens on no port/, 'a socket alone',
      "$STORE server { server_name localhost; listen unix:%%TESTDIR%%/s;\n"
      . place('deploy_verify build;') . "\n}\n");

check(undef, 'a URL', server('_', place('deploy_verify build'
                                        . ' url=https://example.com/b;')));
check(undef, 'a loopback', server('_ localhost', place('deploy_verify build;')));
check(undef, 'inherited, with a URL',
      "deploy_verify build url=https://example.com/builds;\n"
      . server(undef, 'location = /b { deploy_receive; }',
               'location = /p { return 200; }'));

ok(!-e $t->path('store/deploy.key'), 'no key was made');


###############################################################################
# what builds are given


my $cb = $t->codebuild();

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;

    ssl_certificate %%TESTDIR%%/cert.pem;
    ssl_certificate_key %%TESTDIR%%/key.pem;

    deploy_project mine {
        env DEPLOY_TOKEN my-token;
        env DEPLOY_URL https://example.com/mine;
    }

    deploy_project stored {
        env DEPLOY_TOKEN /stored/token parameter_store;
    }

    deploy_project both {
        env DEPLOY_TOKEN first;
        env DEPLOY_TOKEN last;
    }

    deploy_verify github %%TESTDIR%%/secret;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name none;

        location = /hook { deploy_build api; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        listen 127.0.0.1:%%PORT_8082%% ssl;
        server_name *.example.com Hooks.Example.com other.example.com;

        location = /hook {
            deploy_build api;
            deploy_build mine;
            deploy_build stored;
            deploy_build both;
        }

        location = /dry { deploy_build api; deploy_dry_run on; }

        location /builds/v1_~ { deploy_verify build; deploy_receive; }
        location /second/ { deploy_verify build url=https://x/; deploy_receive; }
    }

    server {
        listen 127.0.0.1:%%PORT_8083%%;

        location = /hook { deploy_build api; }
        location ~ b { deploy_verify build url=https://example.com/b?c=d;
                       deploy_receive; }
    }
}
EOC

my $first = 'https://hooks.example.com:' . port(8082) . '/builds/v1_~';

sub env {
    my ($port, $project) = @_;

    my $n = () = $cb->builds($project);
    my $r = deliver('/hook', 'pull_request', merge(), { port => $port });

    is($r->status, 200, "$project at $port") or diag($r->body);

    return ($cb->builds($project))[$n]{env};
}


is(env(8080, 'api')->{DEPLOY_URL}, $first, 'the first location');
is(env(8081, 'api')->{DEPLOY_URL}, $first, 'that of the server');
is(env(8083, 'api')->{DEPLOY_URL}, 'https://example.com/b?c=d', 'its url=');
like(env(8083, 'api')->{DEPLOY_TOKEN},
     qr/^deploy1\.api\.[0-9a-f]{64}\.[0-9a-f]{64}$/, 'a token');

my $env = env(8081, 'mine');

is($env->{DEPLOY_TOKEN}, 'my-token', "the operator's token");
is($env->{DEPLOY_URL}, 'https://example.com/mine', 'and URL');

$env = ($cb->builds('stored'))[-1];

is($env->{env}{DEPLOY_TOKEN}, '/stored/token', 'a stored one');
is($env->{env_types}{DEPLOY_TOKEN}, 'PARAMETER_STORE', 'its type');
is($env->{env}{DEPLOY_URL}, $first, 'with our URL');

is(($cb->builds('both'))[-1]{env}{DEPLOY_TOKEN}, 'last', 'the last of two');

my $r = deliver('/dry', 'pull_request', merge(), { port => 8081 });
my %dry = map { $_->{name} => $_->{value} }
          @{ $r->json->{builds}[0]{request}{environmentVariablesOverride} };

is($dry{DEPLOY_TOKEN}, '***', 'a dry run tells no token');
is($dry{DEPLOY_URL}, $first, 'but the URL');

$t->done();
