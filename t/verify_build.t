#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# deploy_verify build: a build reports about itself, with the token that it
# was started with, and about nothing else.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Sign;
use Test::Deploy::Store;


my $notify = "$FindBin::Bin/../conf/deploy-notify";

my $t = Test::Deploy->new(workers => 2);
my $cb = $t->codebuild();

$t->write_file('secret', "$SECRET\n", 0600);

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store %%TESTDIR%%/store;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_timeout 3s;

    log_format verify '$deploy_verify|$deploy_verify_secret|$deploy_status|'
                      '$deploy_project|$deploy_build_id|$deploy_provider';

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name localhost;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api;
        }

        location = /web {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build web;
        }

        location = /builds {
            access_log %%TESTDIR%%/builds.log verify;

            deploy_verify build;
            deploy_verify token %%TESTDIR%%/secret;
            deploy_build smoke on=build project=api status=succeeded;
        }

        location = /dry {
            deploy_verify build;
            deploy_receive;
            deploy_dry_run on;
        }

        location /deploys { deploy_status; }
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        deploy_verify build url=http://localhost/;

        location / { proxy_pass http://127.0.0.1:%%PORT_8080%%/deploys; }
    }
}
EOC

$t->run($conf);

my $store = Test::Deploy::Store->new($t->path('store'));
my $log = 0;


# the build that a delivery starts

sub start {
    my ($uri) = @_;

    my $n = () = $cb->builds();
    my $r = deliver($uri || '/hook', 'pull_request', merge());

    is($r->json->{status}, 'started', 'a build') or diag($r->body);

    return ($cb->builds())[$n];
}


# (status, line of the access log) of a report

sub report {
    my ($token, %fields) = @_;

    my $uri = delete $fields{uri} || '/builds';
    my @auth = ref($token) ? @$token
               : defined $token ? (Authorization => "Bearer $token") : ();

    my $r = http_post($uri, json(\%fields), @auth);

    return ($r, '') if $uri ne '/builds';

    my @lines;

    wait_for(sub {
        @lines = split(/\n/, $t->read_file('builds.log'));
        return @lines > $log;
    }, 'the access log');

    $log = @lines;

    return ($r, (split(/\|/, $lines[-1]))[0]);
}

sub about {
    my ($build, @more) = @_;

    return (project => $build->{project}, build_id => $build->{id},
            status => 'in_progress', @more);
}

sub taken {
    my ($name, $token, @fields) = @_;

    my ($r, $verify) = report($token, @fields);

    is($r->status, 200, "$name: taken") or diag($r->body);
    is($verify, 'SUCCESS', "$name: verified");

    return $r;
}

sub refused {
    my ($name, $why, $token, @fields) = @_;

    my ($r, $verify) = report($token, @fields);

    is($r->status, 403, "$name: refused");
    is($r->body =~ s/\s+\z//r, '{"status":"refused"}', "$name: without a word");
    is($verify, "FAILED:$why", "$name: $why");
}


###############################################################################
# a build of its own


my $api = start();
my $other = start();
my $web = start('/web');

my $token = $api->{env}{DEPLOY_TOKEN};

like($token, qr/^deploy1\.api\.$api->{token}\.[0-9a-f]{64}$/, 'a token');
isnt($other->{env}{DEPLOY_TOKEN}, $token, 'another build, another token');
like($web->{env}{DEPLOY_TOKEN}, qr/^deploy1\.web\./, 'another project');
is($api->{env}{DEPLOY_URL}, 'http://localhost:' . port(8080) . '/builds',
   'where to report to');

# the script, as it is run by the build

sub notify {
    my ($build, @args) = @_;

    mkdir($t->path('tmp.notify'));

    my ($code, $out) = $t->capture('env', '-i', "PATH=$ENV{PATH}",
        "DEPLOY_URL=$build->{env}{DEPLOY_URL}",
        "DEPLOY_TOKEN=$build->{env}{DEPLOY_TOKEN}",
        "CODEBUILD_BUILD_ID=$build->{id}", 'TMPDIR=' . $t->path('tmp.notify'),
        'sh', $notify, @args);

    return $code ? "code $code" : $out;
}

is(notify($api, 'install', 'in_progress'), '', 'deploy-notify');
is(notify($api, 'install', 'succeeded'), '', 'and again');
is(notify({ %$api, id => $other->{id} }, 'install', 'in_progress') =~
   s/.*install in_progress was not told\s*/-/sr, '-',
   'of another build it is not told');

$log += 3;

wait_for(sub { split(/\n/, $t->read_file('builds.log')) >= $log });

is($t->read_file('builds.log'),
   "SUCCESS||ignored|api|$api->{id}|build\n" x 2
   . "FAILED:other||refused|api|$other->{id}|build\n", 'in the access log');

my ($line) = $t->find_in_log(qr/deploy refused/);

like($line, qr/refused:\ signature\ other,\ scheme\ "build",\ the\ token\ is
               \ that\ of\ build\ "\Q$api->{id}\E"\ of\ "api",\ the\ report
               \ about\ "\Q$other->{id}\E"/x, 'and in the error log');


###############################################################################
# nobody else


taken('itself', $token, about($api));
taken('by its ARN', $token, about($api, build_id =>
      "arn:aws:codebuild:us-east-1:123456789012:build/$api->{id}"));

refused('another build', 'other', $token, about($other));
refused('another project', 'other', $token, about($web));
refused('its id in another project', 'other', $token,
        about($api, project => 'web'));
refused('a build that does not exist', 'other', $token,
        about($api, build_id => 'api:1'));
refused('a token of another project', 'other', $web->{env}{DEPLOY_TOKEN},
        about($api));

# what is not verified is told from what is not true

(my $forged = $token) =~ s/(.)$/$1 eq '0' ? '1' : '0'/e;

refused('another MAC', 'mismatch', $forged, about($api));
refused('a token cut and pasted', 'mismatch',
        $token =~ s/\.\Q$api->{token}\E\./.$other->{token}./r, about($other));
refused('another project in it', 'mismatch', $token =~ s/\.api\./.web./r,
        about($web));
refused('half of it', 'mismatch', substr($token, 0, 60), about($api));
refused('nothing', 'missing', undef, about($api));
refused('empty', 'empty', [Authorization => ''], about($api));
refused('Basic', 'malformed', [Authorization => "Basic $token"], about($api));

# the alternative

taken('the secret of all', $SECRET, about($web));
is((split(/\n/, $t->read_file('builds.log')))[-1],
   "SUCCESS|1|ignored|web|$web->{id}|build", 'its line');

# of two headers nginx itself will have none

is(http_post('/builds', json({ about($api) }),
             (Authorization => 'Bearer deploy1') x 2)->status, 400,
   'doubled');

# other payloads are no reports of builds

my ($r) = report($token, 'detail-type' => 'CodeBuild Build State Change',
                 source => 'aws.codebuild', detail => {
                     'build-status' => 'SUCCEEDED', 'project-name' => 'web',
                     'build-id' => "arn:aws:codebuild:us-east-1:123456789012"
                                   . ":build/$web->{id}" });
is($r->status, 400, 'an event of AWS');

is((report($token, about($api), uri => '/dry'))[0]->status, 200, 'a dry run');
is((report($token, about($other), uri => '/dry'))[0]->status, 403,
   'of another build');

is(http_post('/', json({ about($api) }), Authorization => "Bearer $token",
             { port => 8081 })->status, 403, 'in front of another handler');

# a build starts what comes after it, and only that

my $builds = () = $cb->builds();

refused('the success of another one', 'other', $token,
        about($other, status => 'succeeded'));
refused('a forged success', 'mismatch', $forged,
        about($api, status => 'succeeded'));
is(scalar(() = $cb->builds()), $builds, 'nothing was started');

$r = taken('its success', $token, about($api, status => 'succeeded'));
is($r->json->{status}, 'started', 'starts the next one');

my ($smoke) = $cb->builds('smoke');

is(scalar(() = $cb->builds()), $builds + 1, 'one build');
like($smoke->{env}{DEPLOY_TOKEN}, qr/^deploy1\.smoke\./,
     'with a token of its own');
taken('the next one', $smoke->{env}{DEPLOY_TOKEN}, about($smoke));

# it ended just now: what is late may still come

taken('after the end', $token, about($api, phase => 'cleanup'));

sub age {
    my ($seconds) = @_;

    $store->do('UPDATE records SET final = final - ? WHERE build = ?',
               $seconds * 1000, $api->{id});
}

ok(wait_for(sub { $store->value('SELECT final FROM records WHERE build = ?',
                                $api->{id}) }), 'its end is in the store');
age(570);
taken('nine minutes later', $token, about($api, phase => 'cleanup'));
age(40);
refused('ten minutes later', 'expired', $token, about($api));
refused('of another build', 'other', $token, about($other));


###############################################################################
# not known yet: the answer of StartBuild was lost


$builds = () = $cb->builds();

$cb->fault('api', ('started-reset') x 3);
$cb->fault_always('api', '503');

is(deliver('/hook', 'pull_request', merge())->status, 202, 'a lost answer');

my $lost = ($cb->builds())[$builds];

my ($early, $verify) = report($lost->{env}{DEPLOY_TOKEN}, about($lost));

is($early->status, 503, 'too early');
is($early->json->{reason}, 'the build is not known yet', 'the reason');
like($early->header('Retry-After'), qr/^\d+$/, 'come again');
is($verify, 'FAILED:unknown', 'unknown');

# tried again from the queue, by any worker, with the same bytes

$cb->fault_always('api', undef);

ok(wait_for(sub {
    (report($lost->{env}{DEPLOY_TOKEN}, about($lost)))[0]->status == 200;
}, undef, 20), 'later it is known');

my %bodies = map { $_->{body} => 1 }
             grep { ($_->{json}{idempotencyToken} || '') eq $lost->{token} }
             $cb->requests();

is(scalar(keys %bodies), 1, 'the same bytes each time');
like((keys %bodies)[0], qr/"\Q$lost->{env}{DEPLOY_TOKEN}\E"/, 'its token');


###############################################################################
# again, and again after a restart


my $first = start('/web');
my $id = wait_for(sub {
    $store->value('SELECT d.delivery FROM deliveries d JOIN builds b'
                  . ' ON b.delivery = d.id WHERE b.build = ?', $first->{id});
}, 'the result in the store');

# a report has the id of the delivery, too, but is not what is meant

ok(wait_for(sub {
    (report($first->{env}{DEPLOY_TOKEN}, about($first)))[0]->status == 200;
}), 'a report');

is(http_post("/deploys/redeliver?delivery=$id", '')->status, 202,
   'delivered again');
ok(wait_for(sub { $cb->builds('web') == 3 }), 'another build');

my $again = ($cb->builds('web'))[-1];

isnt($again->{env}{DEPLOY_TOKEN}, $first->{env}{DEPLOY_TOKEN},
     'with another token');
ok(wait_for(sub {
    (report($again->{env}{DEPLOY_TOKEN}, about($again)))[0]->status == 200;
}), 'that is taken');
refused('for the first build', 'other', $again->{env}{DEPLOY_TOKEN},
        about($first));

my $key = $t->path('store/deploy.key');

is((stat($key))[2] & 07777, 0600, 'the key');
is(-s $key, 32, 'its size');
is(join(' ', glob($t->path('store/deploy.key*'))), $key, 'and nothing else');

$t->restart($conf);
taken('after a restart', $other->{env}{DEPLOY_TOKEN}, about($other));


###############################################################################
# the key


# (env of a build, answer to its report)

sub without {
    my ($name, $why) = @_;

    $t->restart($conf);

    my $build = start();

    is($build->{env}{DEPLOY_TOKEN}, undef, "$name: no token");
    is($build->{env}{DEPLOY_URL}, $api->{env}{DEPLOY_URL}, "$name: the URL");
    isnt($build->{env}{DEPLOY_DELIVERY}, undef, "$name: the mark");
    refused($name, 'error', $other->{env}{DEPLOY_TOKEN}, about($other));
    taken("$name, the secret", $SECRET, about($other));
    like(join("\n", $t->find_in_log(qr/deploy key/)),
         qr/\[error\].*deploy\ key\ "\Q$key\E"\ \Q$why\E:\ builds\ get\ no\ token,
            \ "deploy_verify\ build"\ refuses\ everything/x, "$name: told");
}

chmod(0640, $key);
without('readable by others', 'is not of mode 0600');

rename($key, "$key.old");
$t->write_file('store/deploy.key', 'x' x 31, 0600);
chown((stat("$key.old"))[4, 5], $key);
without('of another size', 'is not of 32 bytes');

unlink($key);
mkdir($key);
without('a directory', 'is not a regular file');

rmdir($key);
$t->restart($conf);
refused('a new key', 'mismatch', $other->{env}{DEPLOY_TOKEN}, about($other));

unlink($key);
rename("$key.old", $key);
chmod(0600, $key);
$t->restart($conf);
taken('the old key', $other->{env}{DEPLOY_TOKEN}, about($other));


###############################################################################
# nowhere else


my $answers = http_get('/deploys?limit=100')->raw
              . deliver('/hook', 'pull_request', merge(number => 9))->raw;

$t->stop();

my @macs = map { ($_->{env}{DEPLOY_TOKEN} || '') =~ /([0-9a-f]{64})$/ }
           $cb->builds();

cmp_ok(scalar @macs, '>=', 7, 'tokens');

my $pattern = join('|', @macs);
my $secret = $t->read_file('store/deploy.key');

for my $name ('error.log', 'stderr.log', 'builds.log',
              map { s!.*/!store/!r } glob($t->path('store/deploy.db*')))
{
    my $text = $t->read_file($name);

    ok($text !~ /$pattern/, "no token in $name");
    ok(index($text, $secret) < 0, "no key in $name");
}

ok($answers !~ /$pattern/, 'no token in an answer');
like($store->value("SELECT body FROM builds WHERE build = ?", $api->{id}),
     qr/\{"name":"DEPLOY_TOKEN","value":"\*\*\*","type":"PLAINTEXT"\}/,
     'a mask in the store');

$t->done();
