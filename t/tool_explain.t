#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# ngx-deploy verify and explain: what they say of a saved request is what
# nginx does with it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Tool;


my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

my $KEY = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';

$t->write_file('secret', "# of 2026\n$SECRET\nsecond-0123456789abc\n", 0600);
$t->write_file('key', "$KEY\n", 0600);

mkdir($t->path('conf.d')) or die "mkdir: $!";

$t->write_file('conf.d/10-map.conf', <<'EOF');
map $time_iso8601 $open {
    default        0;
    "~^2026-01-01" 1;
}

map $deploy_repo $team {
    default     nobody;
    ACME/API    api-team;
    ~^acme/(.+) $1-team;
}
EOF

$t->write_file('conf.d/20-project.conf', <<'EOF');
deploy_project api-prod {
    source_version $deploy_branch;
    env            TEAM $team;
    env            TITLE "$deploy_title of ${deploy_sender}";
    env            KEY /x/y parameter_store;
    override       timeoutInMinutesOverride 30;
}
EOF

$t->run(<<'EOF');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_region  us-east-1;
    deploy_dry_run on;

    include conf.d/*.conf;

    server {
        listen      127.0.0.1:%%PORT_8080%%;
        server_name www.example.com;

        deploy_verify github secret;

        location / {
            deploy_build  other on=any;
        }

        location = /exact {
            deploy_build  api-prod repo=acme/api branch=main;
            deploy_build  api-docs on=push branch=main path=docs/**;
            deploy_build  $1-$2    repo=~(\w+)/(?<name>\w+) on=push
                                   branch!=main;
            deploy_build  $name-n  repo=~*ACME/(?<name>.*) on=push,tag;
            deploy_build  api-prod on=push branch=main,dev;
        }

        location /prefix/ {
            deploy_build  prefix on=any;

            location /prefix/in/ {
                deploy_build  inner on=any;
            }

            location ~ /in/(rege.)$ {
                deploy_build  by-$1 on=any;
            }
        }

        location ^~ /hard/ {
            deploy_build  hard on=any;
        }

        location ~* \.HOOK$ {
            deploy_build  regex on=any;
        }

        location /form {
            deploy_verify hmac secret header=X-Sig;
            deploy_build  form-$deploy_provider on=any event=push;
        }

        location /two {
            deploy_verify hmac secret header=X-Sig;
            deploy_verify standard key;
            deploy_build  two on=any;
        }

        location /gitlab {
            deploy_verify gitlab secret;
            deploy_verify gitlab key;
            deploy_build  lab on=push;
        }

        location /gitea {
            deploy_verify gitea secret;
            deploy_build  tea on=push;
        }

        location /arg {
            deploy_build  arg-$arg_x on=any if=$arg_x;
        }

        location /open {
            deploy_build  api-open on=any if=$open;
        }

        location /unknown {
            set $mine 1;
            deploy_build  mine on=any if=$mine;
        }

        location /off {
            deploy_verify off;
            deploy_receive;
        }
    }

    server {
        listen      127.0.0.1:%%PORT_8080%%;
        server_name *.example.com ~^(?<who>.+)\.example\.org$;

        location / {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build  wild-$deploy_branch on=any;
            deploy_build  who-$who on=any repo=acme/who;
        }
    }
}
EOF

my $CONF = $t->path('nginx.conf');


# the same request to nginx and, as a file, to the tool

my $n = 0;

sub saved {
    my ($uri, $body, @headers) = @_;

    my $text = "POST $uri HTTP/1.1\r\n";
    my %headers = ('Content-Type' => 'application/json', @headers);

    $text .= "$_: $headers{$_}\r\n" for sort keys %headers;

    my $file = 'request' . ++$n;

    $t->write_file($file, "$text\r\n$body");

    return $t->path($file);
}

sub explained {
    my ($command, $file, @args) = @_;

    my ($code, $out, $err) = tool($t, $command, '-c', $CONF, '--json', $file,
                                  @args);

    diag($err) if $err ne '';

    return ($code, eval { JSON::PP::decode_json($out) } || {});
}

sub same {
    my ($name, $code, $uri, $body, @headers) = @_;

    my %h = ('Content-Type' => 'application/json', Host => 'www.example.com',
             @headers);
    my @h = map { $_ => $h{$_} } sort keys %h;

    my $r = http_post($uri, $body, @h);
    my $want = $r->json || {};

    my ($got_code, $got) = explained('explain', saved($uri, $body, @h));

    is($got_code, $code, "$name, exit code");

    for my $entry (@{ $got->{builds} || [] }, @{ $got->{rules} || [] }) {
        delete $entry->{file};
    }

    for my $build (@{ $got->{builds} || [] }) {
        delete @$build{'line', 'event'};
    }

    delete $_->{event} for @{ $want->{builds} || [] };

    is($got->{status}, $want->{status}, "$name, status") unless $code == 2;
    is_deeply($got->{events}, $want->{events} || [], "$name, events");
    is_deeply($got->{builds}, $want->{builds} || [], "$name, builds");
    is_deeply($got->{rules}, $want->{rules} || [], "$name, rules")
        unless $got->{status} eq 'failed';

    return $got;
}

sub github_headers {
    my ($event, $body, $secret) = @_;

    return Test::Deploy::Sign::github($secret || $SECRET, $event, $body);
}

sub push_to {
    my ($name, $code, $uri, %p) = @_;

    my $host = delete $p{host};
    my $body = push_branch(%p);

    return same($name, $code, $uri, $body, github_headers('push', $body),
                $host ? (Host => $host) : ());
}


###############################################################################
# rules, variables, projects


my $body = merge();

same('merge', 0, '/exact', $body, github_headers('pull_request', $body));
push_to('push', 0, '/exact');
push_to('push, dev', 0, '/exact', branch => 'dev', repo => 'acme/web');
push_to('push, other', 0, '/exact', branch => 'x', repo => 'Acme/Web');
push_to('docs', 0, '/exact', paths => ['docs/a/b.md', 'x']);

$body = ping();
same('ping', 1, '/exact', $body, github_headers('ping', $body));

$body = release('published', 'v1');
same('release', 1, '/exact', $body, github_headers('release', $body));

push_to('an argument', 0, '/arg?a=b&x=y');
push_to('no argument', 1, '/arg');


###############################################################################
# locations and servers


push_to('root', 0, '/');
push_to('prefix', 0, '/prefix/x');
push_to('nested', 0, '/prefix/in/x');
push_to('nested regex', 0, '/prefix/in/regex');
push_to('regex', 0, '/x.hook');
push_to('regex over prefix', 0, '/prefix/x.Hook');
push_to('no regex', 0, '/hard/x.hook');
push_to('decoded', 0, '/a/..//%65xact');
push_to('wildcard', 0, '/x', host => 'a.example.com');
push_to('wildcard, port', 0, '/x', host => 'a.example.com:8443');
push_to('regex of a name', 0, '/x', host => 'b.example.org',
        repo => 'acme/who');
push_to('no name of a project', 1, '/x', host => 'b-.c.example.org',
        branch => 'a/b');
push_to('default', 0, '/x', host => 'example.net');


###############################################################################
# signatures


my ($code, $json) = explained('verify', saved('/exact', $body, Host => 'x',
                                 github_headers('release', $body)));

is($code, 0, 'verified');
is("$json->{status} $json->{verdict} $json->{scheme} $json->{secret_line}",
   'verified success github 2', 'verdict');
is($json->{secret_file}, $t->path('secret'), 'file of the secret');

($code, $json) = explained('verify', saved('/exact', $body,
    github_headers('release', $body, 'second-0123456789abc')));
is($json->{secret_line}, 3, 'the second secret');

($code, $json) = explained('verify', saved('/exact', "$body ",
                                 github_headers('release', $body)));
is("$code $json->{status} $json->{verdict}", '2 refused mismatch', 'changed');

($code, $json) = explained('verify', saved('/exact', $body, A => 'b'));
is("$code $json->{verdict}", '2 missing', 'missing');

($code, $json) = explained('verify', saved('/off', $body));
is("$code $json->{status}", '1 not verified', 'off');

my $form = form_of(push_branch());

same('github, form', 0, '/', $form, github_headers('push', $form),
     'Content-Type' => 'application/x-www-form-urlencoded');
same('gitea, form', 0, '/gitea', $form, sign_gitea($SECRET, push_branch()),
     'X-Gitea-Event' => 'push',
     'Content-Type' => 'application/x-www-form-urlencoded');
same('gitea', 0, '/gitea', push_branch(), sign_gitea($SECRET, push_branch()),
     'X-Gitea-Event' => 'push');
same('hmac', 0, '/form', push_branch(), 'X-GitHub-Event' => 'push',
     sign_hmac($SECRET, push_branch(), header => 'X-Sig'));
same('an alternative', 0, '/two', '{"type":"a.b","data":{}}',
     sign_standard($KEY, '{"type":"a.b","data":{}}'));
same('gitlab, a token does not rescue', 2, '/gitlab', '{}',
     'X-Gitlab-Event' => 'Push Hook', 'X-Gitlab-Token' => $SECRET);
same('not JSON', 2, '/', '{', github_headers('push', '{'));
same('no such type', 2, '/', $body, github_headers('release', $body),
     'Content-Type' => 'text/html');

my $at = time() - 3600;
my @old = (Host => 'x', 'Content-Type' => 'application/json',
           sign_standard($KEY, '{"type":"a.b","data":{}}', time => $at));

($code, $json) = explained('verify', saved('/two', '{"type":"a.b","data":{}}',
                                         @old));
is("$code $json->{verdict}", '2 stale', 'stale now');

($code, $json) = explained('verify', saved('/two', '{"type":"a.b","data":{}}',
                                         @old), '--at', $at);
is("$code $json->{verdict}", '0 success', 'but not then');


###############################################################################
# time windows, what is not evaluated


$body = push_branch();

my $open = saved('/open', $body,
                 github_headers('push', $body));

($code) = explained('explain', $open);
is($code, 1, 'closed');
($code) = explained('explain', $open, '--at', '2026-01-01T12:00:00Z');
is($code, 0, 'open');

my $mine = saved('/unknown', $body,
                 github_headers('push', $body));

($code, $json) = explained('explain', $mine);
is($code, 1, 'a variable of another module');
like(join('|', @{ $json->{not_evaluated} }),
     qr/^"set" in \S+nginx.conf:\d+\|\$mine$/, 'is told');
($code) = explained('explain', $mine, '--set', 'mine=1');
is($code, 0, 'is given');


###############################################################################
# words


my ($rc, $out, $err) = tool($t, 'explain', '-c', $CONF,
                            saved('/exact', $body,
                                  github_headers('push', $body)));

like($out, qr/^server, \Q$CONF\E:\d+\nlocation = \/exact, \Q$CONF\E:\d+\n/,
     'where');
like($out, qr/^deploy_verify github: success, by \S+secret, line 2$/m,
     'verdict');
like($out, qr/^dry_run, delivery 0/m, 'outcome');
like($out, qr/^event 0: github push updated, repo acme\/api/m, 'event');
like($out, qr/^build api-n, \S+:\d+: dry_run\n  StartBuild \{"proj/m,
     'build');
like($out, qr/^rule api-docs, \S+:\d+: wants path=docs\/\*\*, it is "src/m,
     'rule');
unlike($out, qr/$SECRET/, 'no secret');

my $n1 = () = $t->read_file('nginx.conf') =~ /\n/g;
my ($line) = $out =~ /^rule api-docs, \S+:(\d+):/m;

like((split(/\n/, $t->read_file('nginx.conf')))[$line - 1], qr/ api-docs /,
     'line');


###############################################################################
# other forms of a request


my $headers = "Request URL: https://www.example.com/exact\n"
              . "Request method: POST\nContent-Type: application/json\n"
              . "X-GitHub-Event: push\nX-Hub-Signature-256: "
              . (sign_github($SECRET, $body))[1] . "\n";

$t->write_file('shown', $headers);
$t->write_file('body', $body);

($code, $json) = explained('explain', $t->path('shown'), $t->path('body'));
is("$code $json->{status}", '0 dry_run', 'headers and body');

$headers =~ s/^Request.*\n//mg;
$t->write_file('shown', $headers);

($code) = explained('explain', $t->path('shown'), $t->path('body'),
                  '--uri', '/exact', '--host', 'www.example.com',
                  '--port', '%%PORT_8080%%');
is($code, 0, 'a path and a host');

my ($shell) = tool_ok($t, 'send', 'github', '--secret-file', $t->path('secret'),
                      '--dry-run', 'http://127.0.0.1:%%PORT_8080%%/exact',
                      $t->path('body'));

$shell =~ s/curl -i/curl -v -s/;

(undef, $out) = $t->capture('/bin/sh', '-c', $shell);
$t->write_file('verbose', $out);

($code, $json) = explained('explain', $t->path('verbose'), $t->path('body'));
is("$code $json->{status}", '0 dry_run', 'curl -v');


###############################################################################
# errors


sub fails {
    my ($pattern, $conf, @args) = @_;

    $t->write_file('bad.conf', $conf);

    my ($code, $out, $err) = tool($t, 'explain', '-c', $t->path('bad.conf'),
                                  @args ? @args : $t->path('request1'));

    is("$code $out", '3 ', "error: $pattern");
    like($err, qr/^ngx-deploy explain: .*$pattern.*\n\z/, 'on stderr');
}

my $in = "http { server { location / {\n";

fails('bad.conf:2: unexpected end of file', "http {\n");
fails('bad.conf:1: unexpected "}"', 'http { } }');
fails('no "http" block', 'events { }');
fails('no server in it', 'http { }');
fails('none.conf: No such file', 'include none.conf;');
fails('bad.conf:2: unknown scheme "x"', "$in deploy_verify x y; } } }");
fails('bad.conf:2: .* needs a file', "$in deploy_verify github; } } }");
fails('none" cannot be opened', "$in deploy_verify github none; } } }");
fails('bad.conf:3: condition "brunch=x" ',
      "$in deploy_verify github secret;\n deploy_build a brunch=x; } } }");
fails('bad.conf:3: condition "repo": .*parenthesis',
      "$in deploy_verify github secret;\n deploy_build a repo=~( on=any; } } }");
fails('request1: it has a body already', "$in } } }", $t->path('request1'),
      $t->path('body'));
fails('body:1: not a header', "$in } } }", $t->path('body'));
fails('no request line, say the path', "$in } } }", $t->path('shown'));
fails('"--at x" is not a time', "$in } } }", $t->path('request1'), '--at',
      'x');
fails('no server listens on port 9', "$in } } }", $t->path('request1'),
      '--port', '9');

($rc, $out) = tool($t, 'explain', '-c', $CONF, saved('/off', '{}',
                                                     'Content-Type' => 'a/b'));
is($rc, 2, 'no such content type');
like($out, qr/^refused: unsupported content type$/m, 'is told');

$t->done();
