#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# ngx-deploy send: what all senders send, to a running nginx.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Tool;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $cb = $t->codebuild();

my $KEY = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

$t->write_file('secret', "# of 2026\n$SECRET\r\nsecond-0123456789abc\n", 0600);
$t->write_file('pair', "ann:pass:word-0123456789\n", 0600);
$t->write_file('key', "$KEY\n", 0600);
$t->write_file('other', "fedcba9876543210fedcba98\n", 0600);
$t->write_file('open', "$SECRET\n", 0644);

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region    us-east-1;
    deploy_endpoint  %%CODEBUILD%%;
    deploy_zone      deploy:1m;

    add_header X-Line "$deploy_verify_secret" always;
    log_format l "$deploy_verify $deploy_verify_secret $deploy_delivery "
                 "$deploy_provider $deploy_event";

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        access_log %%TESTDIR%%/access.log l;

        deploy_dry_run on;

        location = /github {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build  api-prod repo=acme/api branch=main;
            deploy_build  api-docs on=push branch=main path=docs/**;
            deploy_build  api-none on=push branch!=main;
        }

        location = /gitlab {
            deploy_verify gitlab %%TESTDIR%%/secret;
            deploy_build  any on=any;
        }

        location = /gitlab-key {
            deploy_verify gitlab %%TESTDIR%%/key;
            deploy_build  any on=any;
        }

        location = /bitbucket {
            deploy_verify bitbucket %%TESTDIR%%/secret;
            deploy_build  any on=any;
        }

        location = /gitea {
            deploy_verify gitea %%TESTDIR%%/secret;
            deploy_build  any on=any;
        }

        location = /forgejo {
            deploy_verify forgejo %%TESTDIR%%/secret;
            deploy_build  any on=any;
        }

        location = /gogs {
            deploy_verify gogs %%TESTDIR%%/secret;
            deploy_build  any on=any;
        }

        location = /azure {
            deploy_verify azure %%TESTDIR%%/pair;
            deploy_build  any on=any;
        }

        location = /slack {
            deploy_verify slack %%TESTDIR%%/secret;
            deploy_build  api-prod on=command target=api user=U1;
        }

        location = /standard {
            deploy_verify standard %%TESTDIR%%/key;
            deploy_build  any on=any;
        }

        location = /svix {
            deploy_verify standard %%TESTDIR%%/key header=svix-signature;
            deploy_build  any on=any;
        }

        location = /token {
            deploy_verify token %%TESTDIR%%/secret;
            deploy_receive;
        }

        location = /token-header {
            deploy_verify token %%TESTDIR%%/secret header=X-Token;
            deploy_build  any on=any;
        }

        location = /hmac {
            deploy_verify hmac %%TESTDIR%%/secret header=X-Sig
                               algorithm=sha512 encoding=base64 prefix=s5=;
            deploy_build  any on=any;
        }

        location = /start {
            deploy_dry_run off;
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build  api-prod repo=acme/api branch=main;
        }

        location = /later {
            deploy_dry_run off;
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build  api-late repo=acme/api branch=main;
        }
    }
}
EOF

my $URL = 'http://127.0.0.1:%%PORT_8080%%';
my $DIR = '%%TESTDIR%%';

$t->write_file('merge.json', merge());
$t->write_file('push.json', push_branch());
$t->write_file('dev.json', push_branch(branch => 'dev'));
$t->write_file('ping.json', ping());


sub send_to {
    my ($uri, @args) = @_;

    return tool($t, 'send', @args, "$URL$uri");
}

# with the payload behind the URL

sub send_file {
    my ($uri, $file, @args) = @_;

    return tool($t, 'send', @args, "$URL$uri", "$DIR/$file");
}


###############################################################################
# answers in words, exit codes


my @github = ('github', '--secret-file', "$DIR/secret");

my ($code, $out, $err) = send_file('/start', 'merge.json', @github,
                                   '--delivery', 'd-1');

is($code, 0, 'started');
is($err, '', 'silent');
like($out, qr/^200 started, delivery d-1\n/, 'status and delivery');
like($out, qr/^event 0: github pull_request merged, repo acme\/api, /m,
     'event');
like($out, qr/, branch main from fix, commit $COMMIT, by ann$/m, 'its facts');
like($out, qr/^build api-prod: started, api-prod:[0-9a-f-]{36}\n  https:/m,
     'build with id and url');

($code, $out) = send_file('/start', 'merge.json', @github,
                          '--delivery', 'd-1');
is($code, 0, 'duplicate');
like($out, qr/^200 duplicate/, 'duplicate in words');

$cb->fault('api-late', ('throttle') x 3);

($code, $out) = send_file('/later', 'merge.json', @github);
is($code, 4, 'try later');
like($out, qr/^503 failed: /, 'with the reason');

($code, $out) = send_file('/github', 'dev.json', @github);
is($code, 0, 'ignored');
like($out, qr/^rule api-prod, line \d+: wants on=merge, it is "push"$/m,
     'first failing condition');
like($out, qr/^rule api-docs, line \d+: wants branch=main, it is "dev"$/m,
     'the next rule');

($code, $out) = send_file('/github', 'push.json', @github);
like($out, qr/^200 ignored/, 'ignored in words');
like($out, qr/^rule api-docs, line \d+: wants path=docs\/\*\*, (.*)$/m,
     'a path');
like($out, qr/^rule api-none, .*: wants branch!=main, it is "main"$/m,
     'a negated condition');
like($out, qr/, 1 path$/m, 'paths are counted');

($code, $out) = send_file('/github', 'merge.json', @github);
is($code, 0, 'dry run');
like($out, qr/^200 dry_run/, 'dry run in words');
like($out, qr/^  StartBuild \{"projectName":"api-prod"/m, 'its request');

($code, $out) = send_file('/github', 'merge.json', 'github',
                          '--secret-file', "$DIR/other");
is("$code $out", "2 403 refused\n", 'refused');

($code, $out) = send_file('/none', 'merge.json', @github);
is("$code $out", "1 404, the answer is not JSON\n", 'not of the module');

($code, $out, $err) = tool($t, 'send', @github, 'http://127.0.0.1:1/x',
                           "$DIR/merge.json");
is("$code $out", '3 ', 'no answer');
like($err, qr/^ngx-deploy send: http:\/\/127.0.0.1:1\/x: .*onnect.*\n$/,
     'one line');

($code, $out) = send_file('/github', 'merge.json', @github, '--json');
is($code, 0, 'as it came');
is(eval { JSON::PP::decode_json($out)->{status} }, 'dry_run', 'JSON');


###############################################################################
# senders


# line of the secret and delivery, as nginx sees them, provider and event

my $nlog = () = $t->read_file('access.log') =~ /\n/g;

sub seen {
    my ($name, $want, $uri, $scheme, $file, @args) = @_;

    my @payload = $file ? ("$DIR/$file") : ();
    my ($code, $out, $err) = tool($t, 'send', $scheme, @args, '--delivery',
                                  'd-2', '--json', "$URL$uri", @payload);

    is("$code $err", '0 ', $name) or diag($out);

    my $json = eval { JSON::PP::decode_json($out) } || {};
    my $event = $json->{events}[0] || {};
    my @lines;

    wait_for(sub {
        @lines = split(/\n/, $t->read_file('access.log'));
        return @lines > $nlog;
    });

    $nlog = @lines;

    my ($verdict, $line, $id) = split(/ /, $lines[-1]);

    is(join(' ', map { defined $_ ? $_ : '-' } $verdict, $line, $id,
            $event->{provider}, $event->{event}), "SUCCESS $want",
       "$name, seen");

    return $json;
}

my @secret = ('--secret-file', "$DIR/secret");
my @key = ('--secret-file', "$DIR/key");

$t->write_file('gitlab.json', json({
    object_kind => 'push', ref => 'refs/heads/main', before => 'b' x 40,
    after => $COMMIT, checkout_sha => $COMMIT, user_username => 'ann',
    project => { path_with_namespace => 'acme/api' }, commits => [],
    total_commits_count => 0 }));

$t->write_file('bitbucket.json', json({
    actor => { nickname => 'ann' },
    repository => { full_name => 'acme/api' },
    push => { changes => [{ new => { type => 'branch', name => 'main',
                                     target => { hash => $COMMIT } },
                            old => undef, created => JSON::PP::true,
                            closed => JSON::PP::false,
                            forced => JSON::PP::false }] } }));

$t->write_file('server.json', json({
    eventKey => 'repo:refs_changed', actor => { name => 'ann' },
    repository => { slug => 'api', project => { key => 'ACME' } },
    changes => [{ ref => { displayId => 'main', type => 'BRANCH',
                           id => 'refs/heads/main' },
                  refId => 'refs/heads/main', type => 'UPDATE',
                  fromHash => 'b' x 40, toHash => $COMMIT }] }));

$t->write_file('azure.json', json({
    id => 'd-3', publisherId => 'tfs', eventType => 'git.push', resource => {
        refUpdates => [{ name => 'refs/heads/main', oldObjectId => 'b' x 40,
                         newObjectId => $COMMIT }],
        repository => { name => 'api', project => { name => 'acme' } } } }));

$t->write_file('standard.json',
               '{"type":"user.created","timestamp":"2026-01-01T00:00:00Z",'
               . '"data":{}}');

seen('github, ping', '2 d-2 github ping', '/github', 'github', 'ping.json',
     @secret);
seen('github, form', '2 d-2 github push', '/github', 'github', 'push.json',
     @secret, '--form');
seen('github, second secret', '3 d-2 github push', '/github', 'github',
     'push.json', @secret, '--line', '3');
seen('gitlab, token', '2 d-2 gitlab push', '/gitlab', 'gitlab', 'gitlab.json',
     @secret);
seen('gitlab, signing token', '1 d-2 gitlab push', '/gitlab-key', 'gitlab',
     'gitlab.json', @key);
seen('gitlab, a word of the payload', '2 d-2 gitlab push', '/gitlab',
     'gitlab', 'gitlab.json', @secret, '--event', 'push');
seen('bitbucket', '2 d-2 bitbucket push', '/bitbucket', 'bitbucket',
     'bitbucket.json', @secret);
seen('bitbucket, server', '2 d-2 bitbucket-server push', '/bitbucket',
     'bitbucket', 'server.json', @secret);

for my $scheme (qw(gitea forgejo gogs)) {
    seen($scheme, "2 d-2 $scheme push", "/$scheme", $scheme, 'push.json',
         @secret);
    seen("$scheme, form", "2 d-2 $scheme push", "/$scheme", $scheme,
         'push.json', @secret, '--form');
}

seen('azure', '1 d-3 azure-devops push', '/azure', 'azure', 'azure.json',
     '--secret-file', "$DIR/pair");
seen('standard', '1 d-2 standard user.created', '/standard', 'standard',
     'standard.json', @key);
seen('standard, other names', '1 d-2 standard user.created', '/svix',
     'standard', 'standard.json', @key, '-p', 'header=svix-signature');
seen('token, header of a sender', '2 d-4 github push', '/token-header',
     'token', 'push.json', @secret, '--param', 'header=X-Token',
     '-H', 'X-GitHub-Event: push', '-H', 'X-GitHub-Delivery: d-4');
seen('hmac', '2 d-5 github push', '/hmac', 'hmac', 'push.json', @secret,
     '-p', 'header=X-Sig', '-p', 'algorithm=sha512', '-p', 'encoding=base64',
     '-p', 'prefix=s5=', '-H', 'X-GitHub-Event: push',
     '-H', 'X-GitHub-Delivery: d-5');

my $json = seen('token, fields of a report', '2  build build_report',
                '/token', 'token', undef, @secret, '-F', 'project=api',
                '-F', 'build_id=api:00000000-0000-4000-8000-000000000001',
                '-F', 'phase=BUILD', '-F', 'status=SUCCEEDED',
                '-F', 'url=https://example.com/log?a=50%&b=c%20d');

is($json->{events}[0]{url}, 'https://example.com/log?a=50%&b=c%20d',
   'fields are encoded');

($code, $out) = send_to('/slack', 'slack', @secret, '-F', 'text=api v1',
                        '-F', 'user_id=U1');
is($code, 0, 'slack');
like($out, qr/api-prod/, 'slack, a message in words');

$t->write_file('challenge.json',
               '{"type":"url_verification","token":"x","challenge":"c-1"}');

($code, $out) = send_file('/slack', 'challenge.json', 'slack', @secret);
is($out, "200 challenge c-1\n", 'slack, URL verification');

($code, $out) = send_file('/slack', 'challenge.json', 'slack', @secret,
                          '--time', time() - 400);
is("$code $out", "2 403 refused\n", 'slack, stale');


###############################################################################
# the command that is printed does what it says


for my $c (['github', 'push.json', '/github', @secret],
           ['github', 'push.json', '/github', @secret, '--form'],
           ['gitlab', 'gitlab.json', '/gitlab', @secret],
           ['azure', 'azure.json', '/azure', '--secret-file', "$DIR/pair"],
           ['token', 'push.json', '/token-header', @secret,
            '-p', 'header=X-Token', '-H', 'X-GitHub-Event: push'],
           ['slack', undef, '/slack', @secret, '-F', "text=it's"])
{
    my ($scheme, $file, $uri, @args) = @$c;
    my $shell = tool_ok($t, 'send', $scheme, @args, '--dry-run', "$URL$uri",
                        $file ? "$DIR/$file" : ());

    unlike($shell, qr/$SECRET|pass:word|YW5uOnBhc3M/, "$scheme, no secret");

    my ($code, $out) = $t->capture('/bin/sh', '-c', $shell);

    like($out, qr/ 200 OK/, "$scheme, by curl");
}

$out = tool_ok($t, 'send', @github, '--dry-run', '--json', "$URL/github",
               "$DIR/merge.json");
$json = eval { JSON::PP::decode_json($out) } || {};
is($json->{body}, merge(), 'dry run, the body');
ok((grep { $_ eq 'x-github-event: pull_request' } @{ $json->{headers} }),
   'dry run, headers');


###############################################################################
# errors


sub fails {
    my ($pattern, @args) = @_;

    my ($code, $out, $err) = tool($t, 'send', @args);

    is("$code $out", '3 ', "error: $pattern");
    like($err, qr/^ngx-deploy send: .*$pattern.*\n\z/, 'on stderr');
}

$t->write_file('what.json', '{"a":1}');
$t->write_file('bad.json', '{"a":');

fails('unknown scheme "x"', 'x', @secret, 'http://x/', "$DIR/push.json");
fails('nobody but SNS can', 'sns', @secret, 'http://x/', "$DIR/push.json");
fails('nobody but the module can', 'build', @secret, 'http://x/',
      "$DIR/push.json");
fails('"--secret-file" is missing', 'github', 'http://x/', 'x');
fails('something is missing', 'github', @secret);
fails('too many words', @github, 'http://x/', 'a', 'b');
fails('no option "--nix"', @github, '--nix', 'http://x/', 'a');
fails('"--event" needs a value', @github, 'http://x/', 'a', '--event');
fails('is given twice', @github, @secret, 'http://x/', 'a');
fails('"--line x" is not a number', @github, '--line=x', 'http://x/', 'a');
fails('"--dry-run" takes no value', @github, '--dry-run=1', 'http://x/', 'a');
fails('line 1 is not a secret', @github, '--line', 1, 'http://x/', 'a');
fails('open" is readable by everybody', 'github', '--secret-file',
      "$DIR/open", 'http://x/', 'a');
fails('none" cannot be opened: No such', 'github', '--secret-file',
      "$DIR/none", 'http://x/', 'a');
fails('key", line 1 is not "user:password"', 'azure', '--secret-file',
      "$DIR/key", 'http://x/', 'a');
fails('none.json: No such file', @github, 'http://x/', "$DIR/none.json");
fails('what.json: the payload does not tell its event, say it with', @github,
      'http://x/', "$DIR/what.json");
fails('bad.json: ', @github, 'http://x/', "$DIR/bad.json");
fails('the payload is missing', @github, 'http://x/');
fails('either "--field" or a payload', @github, '-F', 'a=b', 'http://x/',
      "$DIR/push.json");
fails('invalid parameter "header=x"', @github, '-p', 'header=x', 'http://x/',
      'a');
fails('"hmac" needs "--param header="', 'hmac', @secret, 'http://x/', 'a');
fails('"token" has no header for', 'token', @secret, '--event', 'push',
      'http://x/', "$DIR/push.json");
fails('is not "name=value"', 'token', @secret, '-F', 'ab', 'http://x/');


###############################################################################
# the program


($code, $out) = tool($t, '--version');

my ($version) = do {
    open(my $fh, '<', "$FindBin::Bin/../CHANGES") or die "CHANGES: $!";
    map { /^Changes with ngx_deploy_module (\S+)/ ? $1 : () } <$fh>;
};

is($out, "ngx-deploy $version\n", 'version');

like(tool_ok($t, '--help'), qr/^usage: .*^  send /ms, 'help');
like(tool_ok($t, 'send', '--help'), qr/^usage: ngx-deploy send SCHEME/,
     'help of a command');

($code, $out, $err) = tool($t, 'nix');
is("$code $out", '3 ', 'no such command');
like($err, qr/^ngx-deploy: there is no command "nix"/, 'told');

$t->done();
