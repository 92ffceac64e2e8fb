#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The configurations in conf/: nginx -t takes each of them without a warning,
# and they do what they say.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Basename qw(basename);

use Test::More;
use Test::Deploy;
use Test::Deploy::Sign;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

my $secret = 'a secret of the examples';

my %secrets = (
    azure => "hook:$secret",
    standard => 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3',
);

mkdir($t->dir() . '/deploy', 0700);

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
       . " -days 2 -subj /CN=deploy.example.com -batch -keyout "
       . $t->path('deploy/example.key') . ' -out '
       . $t->path('deploy/example.crt') . ' 2>/dev/null') == 0
    or BAIL_OUT('openssl req failed');


my %text;

for my $file (sort(glob("$FindBin::Bin/../conf/*.conf"))) {

    my $conf = do {
        open(my $fh, '<', $file) or die "$file: $!";
        local $/;
        <$fh>;
    };

    my $name = basename($file);

    while ($conf =~ m!deploy_verify\s+(\w+)\s
                      +/etc/nginx/deploy/(\w+\.secret)!gx)
    {
        $t->write_file("deploy/$2", ($secrets{$1} || $secret) . "\n", 0600);
    }

    $conf =~ s!/etc/nginx/deploy/!%%TESTDIR%%/deploy/!g;
    $conf =~ s!/var/lib/nginx/deploy!%%TESTDIR%%/store!g;
    $conf =~ s!/var/log/nginx/!%%TESTDIR%%/!g;
    $conf =~ s!listen 443!listen 127.0.0.1:%%PORT_8080%%!g;

    unlike($conf, qr!^[^#\n]*\s/(?:etc|var)/!m, "$name, all paths replaced");

    my ($code, $out) = $t->nginx_t($conf);

    is($code, 0, "$name, nginx -t") or diag($out);
    unlike($out, qr/\[(?:warn|error|emerg)\]/, "$name, no warning");

    $text{$name} = $conf;
}

is(join(' ', sort(keys(%text))),
   'azure.conf bitbucket.conf deploy.conf edge.conf gitea.conf github.conf '
   . 'gitlab.conf sns.conf', 'all examples');


# an example without TLS, with the stand-in, which is of one region

my $cb = $t->codebuild();

sub at_work {
    my ($name) = @_;

    my $conf = $text{$name};

    $conf =~ s/ ssl;/;/;
    $conf =~ s/^    ssl_\w+ .*\n//mg;
    $conf =~ s/deploy\.example\.com/localhost/;
    $conf =~ s/eu-central-1/us-east-1/;
    $conf =~ s/^\s*deploy_region.*$/$&\ndeploy_endpoint %%CODEBUILD%%;/m;

    return "%%TEST_GLOBALS%%\nevents {}\nhttp {\n%%TEST_GLOBALS_HTTP%%\n"
           . "$conf\n}\n";
}


# the largest one

$t->run(at_work('deploy.conf'));

my $body = '{"action":"closed","number":7,"pull_request":{"merged":true,'
           . '"number":7,"title":"T","merge_commit_sha":"' . ('a' x 40) . '",'
           . '"base":{"ref":"main","repo":{"full_name":"acme/api"}},'
           . '"head":{"ref":"topic","sha":"' . ('b' x 40) . '",'
           . '"repo":{"full_name":"acme/api"}}},'
           . '"repository":{"full_name":"acme/api"},'
           . '"sender":{"login":"octocat"}}';

my $r = http_post('/hooks/github', $body, github($secret, 'pull_request',
                                                 $body));

is($r->status, 200, 'a merge') or diag($r->body);
like($r->body, qr/"status":"started"/, 'started');
is(scalar $cb->builds('api-prod'), 1, 'api-prod');
is(scalar $cb->builds('api-frankfurt'), 1, 'api-frankfurt');

is(http_get('/')->status, 404, 'anything else');

$t->stop();

like($t->read_file($t->path('deploy.log')),
     qr/verify=SUCCESS[ ]secret=1[ ]github[ ].*repo=acme\/api[ ]branch="main"
        .*status=started[ ]project="api-prod,[ ]api-frankfurt"/x,
     'log_format');


# a form of Gitea

$t->run(at_work('gitea.conf'));

$r = http_post('/hooks/gitea', form_of($body), sign_gitea($secret, $body),
               'Content-Type' => 'application/x-www-form-urlencoded',
               'X-Gitea-Event' => 'pull_request');

is($r->status, 200, 'a merge in Gitea') or diag($r->body);
is(scalar $cb->builds('api-prod'), 2, 'api-prod again');

$t->done();
