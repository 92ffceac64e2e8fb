#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Whose rights a project is built with, and where: roles, sources of
# credentials, regions, and the names of CodeBuild in all of them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

BEGIN {
    plan(skip_all => 'no IO::Socket::SSL')
        unless eval { require IO::Socket::SSL; 1 };
}

use Test::Deploy;
use Test::Deploy::ContainerCredentials;
use Test::Deploy::Mint;
use Test::Deploy::Payload;
use Test::Deploy::STS;

my $ROLE = 'arn:aws:iam::123456789012:role/deploy';
my %user = (id => 'AKIDUSER', secret => 'user/secret+0123456789');

my %hosts = (
    'us-gov-west-1' => ['codebuild.us-gov-west-1.amazonaws.com',
                        'codebuild-fips.us-gov-west-1.api.aws'],
    'cn-north-1' => ['codebuild.cn-north-1.amazonaws.com.cn',
        'codebuild-fips.cn-north-1.api.amazonwebservices.com.cn'],
    'eusc-de-east-1' => ['codebuild.eusc-de-east-1.amazonaws.eu'],
    'us-iso-east-1' => ['codebuild.us-iso-east-1.c2s.ic.gov'],
    'eu-central-1' => ['codebuild.eu-central-1.amazonaws.com',
                       'codebuild-fips.eu-central-1.api.aws'],
);

my $t = Test::Deploy->new();
my $cb = $t->codebuild(no_env => 1, minted => 1, credentials => [
    { %user }, { id => 'AKIDCI', secret => 'ci/secret+0123456789' } ]);

my $sts = $t->helper(Test::Deploy::STS->new($t, mint => 1,
    region => ['us-east-1', 'eu-central-1'], credentials => [{ %user }],
    roles => { $ROLE => {}, "$ROLE-ext" => { external_id => 'tenant-7' } }));

my $task = $t->helper(Test::Deploy::ContainerCredentials->new($t,
                                                              mint => 1));

my (%regions, $upstreams, $cas);

for my $region (sort keys %hosts) {
    my $stand_in = $t->codebuild(no_env => 1, minted => 1, tls => 1,
        region => $region, credentials => [{ %user }],
        names => $hosts{$region}, host => $hosts{$region});

    $regions{$region} = $stand_in;
    $cas .= $t->read_file($stand_in->ca_file());

    $upstreams .= "upstream $_ { server 127.0.0.1:$stand_in->{tls_port}; }\n"
        for @{ $hosts{$region} };
}

$t->write_file('ca.pem', $cas);
$t->write_file('secret', "$SECRET\n", 0600);
$t->write_file('credentials', "[default]\naws_access_key_id = NONE\n"
    . "aws_secret_access_key = none\n[ci]\naws_access_key_id = AKIDCI\n"
    . "aws_secret_access_key = ci/secret+0123456789\n", 0600);

$t->var(ROLE => $ROLE);
$t->var(UPSTREAMS => $upstreams);
$t->var(BUILDS => join("\n", map { "deploy_build b-$_;" } sort keys %hosts));
$t->var(PROJECTS => join("\n", map { "deploy_project b-$_ { region $_; }" }
                               sort keys %hosts));

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_verify github %%TESTDIR%%/secret;
    deploy_transport {
        proxy_ssl_trusted_certificate %%TESTDIR%%/ca.pem;
        proxy_ssl_session_reuse off;
    }

    %%UPSTREAMS%%
    %%PROJECTS%%

    deploy_project plain { }
    deploy_project assumed { role %%ROLE%%; }
    deploy_project assumed-too { role %%ROLE%%; }
    deploy_project external {
        role %%ROLE%%-ext external_id=tenant-7 session_name=gw@east;
    }
    deploy_project denied { role %%ROLE%%-ext external_id=other; }
    deploy_project task { credentials container; }
    deploy_project ci { credentials profile=ci; }
    deploy_project far { region eu-central-1; role %%ROLE%%; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        deploy_region us-east-1;

        %%LOCATIONS%%

        location = /hosts {
            %%BUILDS%%
        }
    }
}
EOC

my $locations = <<'EOC';
        location = /plain {
            deploy_endpoint %%CODEBUILD%%;
            deploy_build plain;
        }

        location = /roles {
            deploy_endpoint %%CODEBUILD%%;
            deploy_build plain;
            deploy_build assumed;
            deploy_build assumed-too;
            deploy_build external;
            deploy_build denied;
        }

        location = /sources {
            deploy_endpoint %%CODEBUILD%%;
            deploy_credentials profile=ci;
            deploy_build plain;
            deploy_build task;
        }

        location = /variable {
            deploy_endpoint %%CODEBUILD%%;
            deploy_build $deploy_source_branch;
        }

        location = /far { deploy_build far; }
EOC

$t->env(AWS_ACCESS_KEY_ID => $user{id}, AWS_SECRET_ACCESS_KEY => $user{secret},
        AWS_EC2_METADATA_DISABLED => 'true',
        AWS_ENDPOINT_URL_STS => $sts->endpoint(),
        AWS_CONTAINER_CREDENTIALS_FULL_URI => $task->url(),
        AWS_SHARED_CREDENTIALS_FILE => $t->path('credentials'));

$t->var(LOCATIONS => $t->expand($locations));
$t->run($conf);

my $n = 0;

# status, and the state of each build of a delivery: project => status

sub builds {
    my ($uri, %merge) = @_;

    my $r = deliver($uri, 'pull_request', merge(number => ++$n, %merge));

    return ($r->status, map { $_->{project} => $_->{status} }
                        @{ $r->json->{builds} });
}

# the key that the last request for a project was signed with

sub key {
    my ($project) = @_;

    return (($cb->requests($project))[-1] || {})->{key};
}

sub forms {
    return grep { defined } map { $_->{form} } $sts->requests();
}


###############################################################################
# roles


# what the configuration names is there before anybody asks for it

ok(wait_for(sub { forms() >= 4 }, 'STS', 20), 'fetched at the start');

is_deeply([builds('/plain')], [200, plain => 'started'], 'no role');
is(key('plain'), $user{id}, 'the key of the gateway');

my ($status, %builds) = builds('/roles');

is($status, 503, 'one of five has no credentials');
is_deeply(\%builds, { plain => 'started', assumed => 'started',
                      'assumed-too' => 'started', external => 'started',
                      denied => 'failed' }, 'the others are started');

is(key('plain'), $user{id}, 'no role: its key');
like(key('assumed'), qr/^ASIAM/, 'a role: of STS');
is(key('assumed-too'), key('assumed'), 'one role, one set');
isnt(key('external'), key('assumed'), 'another role, another one');

my ($form) = grep { $_->{RoleArn} eq "$ROLE-ext"
                    && $_->{ExternalId} eq 'tenant-7' } forms();

is($form->{RoleSessionName}, 'gw@east', 'session name');

($form) = grep { $_->{RoleArn} eq $ROLE } forms();

is($form->{RoleSessionName}, 'ngx_deploy', 'the default one');
ok(!exists $form->{ExternalId}, 'no external id');

my $calls = () = grep { $_->{RoleArn} eq $ROLE } forms();

is($calls, 2, 'the role is assumed once in each region');

builds('/roles');

is(scalar(() = grep { $_->{RoleArn} eq $ROLE } forms()), $calls,
   'and kept');

like(join("\n", $t->find_in_log(qr/no AWS credentials for "denied"/)),
     qr/AccessDenied/, 'the reason is in the log');


###############################################################################
# sources


is_deeply([builds('/sources')], [200, plain => 'started', task => 'started'],
          'sources');
is(key('plain'), 'AKIDCI', 'of the location');
like(key('task'), qr/^ASIAM/, 'of the project');

is_deeply([builds('/variable', source => 'ci')], [200, ci => 'started'],
          'a project that only the request names');
is(key('ci'), 'AKIDCI', 'its credentials');


###############################################################################
# regions


my $far = $regions{'eu-central-1'};

is_deeply([builds("/far")], [200, far => 'started'], 'another region');

my ($request) = $far->requests('far');

like($request->{key}, qr/^ASIAM/, 'with the role');
is($request->{sni}, 'codebuild.eu-central-1.amazonaws.com', 'its name');
is(scalar($far->builds('far')), 1, 'started there');

# the names, standard and as AWS_USE_FIPS_ENDPOINT wants them

for my $i (0, 1) {
    my @all = grep { defined $hosts{$_}[$i] } sort keys %hosts;

    if ($i) {
        $t->env(AWS_USE_FIPS_ENDPOINT => 'true',
                AWS_USE_DUALSTACK_ENDPOINT => 'TRUE');
        $t->var(LOCATIONS => '');
        $t->var(BUILDS => join("\n", map { "deploy_build b-$_;" } @all));
        $t->var(PROJECTS => join("\n", map { "deploy_project b-$_"
                                             . " { region $_; }" } @all));
        $t->restart($conf);
    }

    my ($status, %builds) = builds('/hosts');

    is($status, 200, $i ? 'FIPS, dual stack' : 'standard names');

    for my $region (@all) {
        my ($request) = ($regions{$region}->requests("b-$region"))[-1];

        is($request->{sni}, $hosts{$region}[$i], $hosts{$region}[$i]);
    }
}


###############################################################################
# refused by nginx -t


my $location = 'server { location / { deploy_verify off; %s } }';

sub refused {
    my ($name, $conf, $want) = @_;

    my ($code, $out) = nginx_t($conf);

    isnt($code, 0, "$name: refused");
    like($out, qr/\[emerg\].*$want/, "$name: told");
}

my $fips = 'cannot be combined with AWS_USE_FIPS_ENDPOINT';

refused('FIPS and an endpoint', 'deploy_endpoint https://a.example;', $fips);
refused('FIPS and an endpoint of a project',
        'deploy_project api { endpoint https://a.example; }', $fips);
refused('dual stack', 'deploy_region eusc-de-east-1;',
        'region "eusc-de-east-1" has no endpoint');

$t->env(AWS_ENDPOINT_URL_CODEBUILD => 'https://a.example');

refused('FIPS and an endpoint of the environment',
        sprintf($location, 'deploy_region us-east-1; deploy_build api;'),
        $fips);

is((nginx_t('server { }'))[0], 0, 'which hurts nobody else');

$t->env(AWS_USE_FIPS_ENDPOINT => 'false', AWS_USE_DUALSTACK_ENDPOINT => undef,
        AWS_ENDPOINT_URL_CODEBUILD => undef, AWS_REGION => 'nowhere');

refused('AWS_REGION', sprintf($location, 'deploy_build api;'),
        'invalid region "nowhere"');

$t->env(AWS_REGION => undef);

refused('a source', 'deploy_credentials instance;',
        'invalid source of credentials "instance"');
refused('no name of a profile', 'deploy_credentials profile=;',
        'invalid source of credentials "profile="');
refused('two sources', 'deploy_credentials imds; deploy_credentials imds;',
        'is duplicate');
refused('two sources of a project',
        'deploy_project api { credentials imds; credentials imds; }',
        '"credentials" is duplicate in "deploy_project api"');
refused('a role', 'deploy_project api { role deploy; }',
        'role "deploy": the role is not an ARN');
refused('two roles', "deploy_project api { role $ROLE; role $ROLE; }",
        '"role" is duplicate');
refused('an external id',
        "deploy_project api { role $ROLE external_id=x; }", 'external id');
refused('a session name',
        "deploy_project api { role $ROLE \"session_name=a b\"; }",
        'session name');
refused('a parameter of a role', "deploy_project api { role $ROLE name=x; }",
        'parameter "name=x"');
refused('a parameter twice',
        "deploy_project api { role $ROLE external_id=ab external_id=cd; }",
        'duplicate parameter "external_id=cd"');

for my $source (qw(environment web_identity profile profile=x container imds
                   chain))
{
    is((nginx_t("deploy_credentials $source;"))[0], 0, "source $source");
}

$t->done();
