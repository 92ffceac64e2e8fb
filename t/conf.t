#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# What "nginx -t" refuses and warns of, naming file and line, and that it
# does nothing else.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Select;
use IO::Socket::INET;
use POSIX qw(mkfifo);
use Test::More;

use Test::Deploy;

my $t = Test::Deploy->new();

$t->write_file('secret', "0123456789abcdef0123456789abcdef\n", 0640);

my $n = 0;

# the configuration is a list of lines; "!" marks the one to be named

sub check {
    my ($want, $pattern, $name, @lines) = @_;

    my ($marked) = map { substr($_, 1) } grep { /^!/ } @lines;

    s/^!// for @lines;

    my ($code, $out) = nginx_t(join("\n", @lines));

    $n++;

    is($code, $want eq 'refused' ? 1 : 0, "$name: $want");

    if (defined $pattern) {
        like($out, $pattern, "$name: told");

    } else {
        unlike($out, qr/\[(?:warn|error|emerg|alert)\]/, "$name: quiet");
    }

    return unless defined $marked;

    my @file = split(/\n/, $t->read_file("t$n.conf"));
    my ($line) = grep { $file[$_ - 1] eq $t->expand($marked) } (1 .. @file);

    like($out, qr/t$n\.conf:$line\b/, "$name: line $line");
}


# in a location with a secret and a rule, the last line is the one to be named

sub location {
    my ($want, $pattern, $name, @lines) = @_;

    check($want, $pattern, $name, 'deploy_region us-east-1;',
          'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
          'deploy_verify github %%TESTDIR%%/secret;', @lines, '} }');
}

sub main {
    my ($want, $pattern, $name, @lines) = @_;

    check($want, $pattern, $name, @lines,
          'server { listen 127.0.0.1:%%PORT_8080%%; }');
}


location('taken', undef, 'a rule', 'deploy_build api branch=main;');


###############################################################################
# secret files


$t->write_file('empty', '', 0600);
$t->write_file('comments', "# old\n\n# older\n", 0600);
$t->write_file('world', "0123456789abcdef\n", 0644);
$t->write_file('bom', "\xef\xbb\xbf0123456789abcdef\n", 0600);
$t->write_file('nul', "0123456789abcdef\0x\n", 0600);
$t->write_file('short', "0123456789abcde\n", 0600);
$t->write_file('crlf', "0123456789abcdef\r\n\r\nfedcba9876543210\r\n", 0600);
mkfifo($t->path('fifo'), 0600) or die "mkfifo: $!";
mkdir($t->path('directory')) or die "mkdir: $!";

for (['missing', qr/No such file/], ['empty', qr/is empty/],
     ['comments', qr/no secret/], ['world', qr/readable by everybody/],
     ['bom', qr/byte order mark/], ['nul', qr/NUL/],
     ['fifo', qr/not a regular file/], ['directory', qr/not a regular file/])
{
    my ($file, $pattern) = @$_;

    check('refused', $pattern, "secret file: $file",
          'server { listen 127.0.0.1:%%PORT_8080%%;',
          "!deploy_verify github %%TESTDIR%%/$file;", '}');
}

check('taken', qr/\[warn\].*under 16 bytes/, 'short secret',
      'server { listen 127.0.0.1:%%PORT_8080%%;',
      '!deploy_verify github %%TESTDIR%%/short;', '}');

check('taken', undef, 'CR LF', 'server { listen 127.0.0.1:%%PORT_8080%%;',
      'deploy_verify github %%TESTDIR%%/crlf;', '}');


###############################################################################
# deploy_verify


for (['scheme', 'deploy_verify gihub %%TESTDIR%%/secret;', qr/"gihub"/],
     ['parameter', 'deploy_verify github %%TESTDIR%%/secret salt=1;',
      qr/"salt=1"/],
     ['tolerance', 'deploy_verify slack %%TESTDIR%%/secret tolerance=x;',
      qr/"tolerance=x"/],
     ['hmac', 'deploy_verify hmac %%TESTDIR%%/secret;', qr/"header="/],
     ['no file', 'deploy_verify github;', qr/needs a file/])
{
    my ($name, $line, $pattern) = @$_;

    main('refused', $pattern, "verify: $name", "!$line");
}

for my $directive ('deploy_build api;', 'deploy_receive;') {
    check('refused', qr/no "deploy_verify".*"\/hook"/, "no gate: $directive",
          'deploy_region us-east-1;',
          'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
          "!$directive", '} }');
}

check('taken', undef, 'deploy_verify off', 'deploy_region us-east-1;',
      'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
      'deploy_verify off; deploy_receive;', '} }');

location('taken', qr/\[warn\].*"return".*"\/hook"/, 'return', 'return 200;');
location('taken', undef, 'return under if', 'if ($arg_x) { return 200; }',
         'deploy_receive;');
location('refused', qr/handler/, 'another handler',
         'proxy_pass http://127.0.0.1:1;', '!deploy_build api;');


###############################################################################
# rules


for (['unknown condition', 'brunch=main', qr/"brunch=main".*unknown/],
     ['no condition', 'main', qr/"main"/],
     ['empty value', 'branch=', qr/empty/],
     ['empty alternative', 'branch=main,,dev', qr/empty/],
     ['on', 'on=merges', qr/merge, push/],
     ['on twice', "on=push on=tag", qr/duplicate/],
     ['bad regex', '"branch=~a(b"', qr/"branch=~a\(b"/],
     ['bad anchors', '"branch=~a)(b"', qr/"branch=~a\)\(b"/],
     ['if without variable', 'if=1', qr/variable/])
{
    my ($name, $condition, $pattern) = @$_;

    location('refused', $pattern, "rule: $name",
             "!deploy_build api $condition;");
}

location('refused', qr/"nosuch"/, 'variable of a name',
         '!deploy_build $nosuch-x;');
location('refused', qr/"nosuch"/, 'variable of if',
         '!deploy_build api if=$nosuch;');
location('refused', qr/project name/, 'name', '!deploy_build a/b;');
location('taken', qr/\[warn\].*never/, 'the same rule',
         'deploy_build api branch=main repo=acme/api;', 'deploy_build web;',
         '!deploy_build api repo=acme/api branch=main;');
location('taken', undef, 'another rule', 'deploy_build api branch=main;',
         'deploy_build api branch!=main;', 'deploy_build web branch=main;');
location('taken', qr/\[warn\].*on=any/, 'event without on',
         '!deploy_build api event=deployment;');


###############################################################################
# regions, endpoints, projects


check('refused', qr/no region.*"?deploy_build api/, 'no region',
      'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
      'deploy_verify github %%TESTDIR%%/secret;', '!deploy_build api;', '} }');

check('taken', undef, 'region of the project',
      'deploy_project api { region eu-central-1; }',
      'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
      'deploy_verify github %%TESTDIR%%/secret;', 'deploy_build api;', '} }');

main('refused', qr/"$_"/, "region $_", "!deploy_region $_;")
    for qw(US-EAST-1 evil.example.com us/east);

main('refused', qr/\Q"$_"\E/, "endpoint $_", "!deploy_endpoint $_;")
    for qw(http://example.com http://localhost.evil.com http://127.0.0.1.nip.io
           http://127.0.0.1@evil.com https://example.com/path https://
           https://user@example.com https://example.com?x ftp://localhost
           localhost:9000);

main('taken', undef, "endpoint $_", "deploy_endpoint $_;")
    for qw(http://127.0.0.1:9000 http://localhost https://[::1]:8443
           https://vpce-1.codebuild.us-east-1.vpce.amazonaws.com/);

for (['member', 'override nameOverride x;', qr/"nameOverride"/],
     ['no override', 'override projectName x;', qr/"projectName"/],
     ['number', 'override timeoutInMinutesOverride soon;', qr/Minutes/],
     ['range', 'override timeoutInMinutesOverride 4;', qr/Minutes/],
     ['bool', 'override privilegedModeOverride maybe;', qr/privileged/],
     ['env name', 'env 1X y;', qr/"1X"/],
     ['env reserved', 'env CODEBUILD_X y;', qr/"CODEBUILD_X"/],
     ['env type', 'env X y plain;', qr/"plain"/],
     ['endpoint', 'endpoint http://example.com;', qr/example\.com/],
     ['region', 'region nowhere/x;', qr/nowhere/],
     ['unknown', 'secret x;', qr/"secret"/])
{
    my ($name, $line, $pattern) = @$_;

    main('refused', $pattern, "project: $name", 'deploy_project api {',
         "!$line", '}');
}

main('refused', qr/"nosuch"/, "project: variable of $_",
     'deploy_project api {', "!$_ \$nosuch;", '}')
    for ('env X', 'source_version');

main('refused', qr/duplicate/, 'project twice', 'deploy_project api { }',
     '!deploy_project api {', '}');


###############################################################################
# the transport


for ('proxy_set_body x', 'proxy_cache off', 'proxy_cache_valid 200 1m',
     'proxy_pass http://127.0.0.1', 'proxy_method GET', 'proxy_store on',
     'proxy_pass_request_body off', 'root /tmp', 'include x')
{
    my ($directive) = split(/ /);

    main('refused', qr/"$directive"/, "transport: $directive",
         'deploy_transport {', "!$_;", '}');
}

check('refused', qr/proxy_read_timeout/, 'transport: value',
      'deploy_region us-east-1;', 'deploy_transport {',
      '!proxy_read_timeout soon;', '}',
      'server { listen 127.0.0.1:%%PORT_8080%%; location /hook {',
      'deploy_verify github %%TESTDIR%%/secret;', 'deploy_build api;', '} }');


###############################################################################
# no side effects, and nothing where nothing is configured


my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
                                   LocalPort => 0, Proto => 'tcp');
my $port = $listen->sockport();

$t->env(AWS_ENDPOINT_URL_CODEBUILD => "http://127.0.0.1:$port");

my %before = map { $_ => 1 } glob($t->dir() . '/*');

location('taken', undef, 'no side effects',
         "deploy_endpoint http://127.0.0.1:$port;",
         'deploy_build api branch=main;');

ok(!IO::Select->new($listen)->can_read(0), 'no connection');
is(join(' ', grep { !$before{$_} && !m!/t\d+\.(?:conf|log)\z! }
             glob($t->dir() . '/*')), '', 'no file');

$t->env(AWS_ACCESS_KEY_ID => 'half', AWS_PROFILE => 'nosuch');

$t->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location / { return 204; }
    }
}
EOC

is(http_get('/')->status, 204, 'a plain server');
is(join("\n", $t->find_in_log(qr/deploy|\[(?:warn|error)\]/)), '', 'quiet');

$t->done();
