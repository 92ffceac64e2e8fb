#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The counters, as Prometheus reads them: what is counted where, over reloads
# and by several workers.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Metrics;
use Test::Deploy::Payload;
use Test::Deploy::Sign;

my $t = Test::Deploy->new(workers => 2);
my $cb = $t->codebuild();
my $slack = $t->slack();

my $OLD = 'an older secret of the same file';

$t->write_file('secret', "# current\n$SECRET\n$OLD\n", 0600);

sub conf {
    my ($zone, $more) = @_;

    return <<"EOC";
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    $zone

    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_slack token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                 endpoint=%%SLACK%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        server_name localhost;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_notify slack;
        }

        location = /dry {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api branch=main;
            deploy_dry_run on;
        }

        location = /off { deploy_verify off; deploy_receive; }

        location = /proxied {
            deploy_verify github %%TESTDIR%%/secret;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }

        location = /plain { return 204; }

        location = /deploys { deploy_status; }

        $more
    }

    server {
        listen 127.0.0.1:%%PORT_8081%%;
        return 200;
    }
}
EOC
}

my $M = '/deploys?format=prometheus';

sub metrics { return Test::Deploy::Metrics->new(http_get($M)->body) }

sub sent { return deliver($_[0], 'pull_request', $_[1], { same => 1 }) }

$t->run(conf('deploy_zone deploy:256k;', ''));


###############################################################################
# nothing yet


my $r = http_get($M);

is($r->status, 200, 'answered');
is($r->header('content-type'), 'text/plain; version=0.0.4; charset=utf-8',
   'type');
is($r->header('cache-control'), 'no-store', 'not cached');
is($r->header('x-content-type-options'), 'nosniff', 'not guessed');

my $m = Test::Deploy::Metrics->new($r->body);

is_deeply($m->errors, [], 'well-formed');
is($m->value('ngx_deploy_counters_shared'), 1, 'shared');
is($m->value('ngx_deploy_deliveries_total', status => 'started'), 0,
   'nothing was delivered');
is($m->value('ngx_deploy_store_up'), undef, 'no store');
is_deeply([ $m->labels('ngx_deploy_info', 'version') ], ['0.1.0'],
          'version');
cmp_ok(abs(time() - $m->value('ngx_deploy_counters_start_timestamp_seconds')),
       '<', 60, 'since when');

is(http_get('/plain')->status, 204, 'what is not ours');
is(metrics()->value('ngx_deploy_answer_duration_seconds_count'), 0,
   'is not counted');


###############################################################################
# by Accept


sub type {
    my ($accept, $query) = @_;

    return http_get('/deploys' . ($query || ''), Accept => $accept)
           ->header('content-type');
}

my $OPEN = 'application/openmetrics-text';

is(type('text/plain;version=0.0.4'),
   'text/plain; version=0.0.4; charset=utf-8', 'text');
is(type("$OPEN;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"),
   "$OPEN; version=1.0.0; charset=utf-8", 'what Prometheus sends');
is(type('*/*'), 'application/json', 'what curl sends');
is(type('application/json'), 'application/json', 'JSON');
is(type('application/json', '?format=prometheus'),
   'text/plain; version=0.0.4; charset=utf-8', 'the argument decides');
is(http_get('/deploys?format=xml')->status, 400, 'an unknown format');

$m = Test::Deploy::Metrics->new(
    http_get('/deploys', Accept => "$OPEN; version=1.0.0")->body, open => 1);

is_deeply($m->errors, [], 'well-formed OpenMetrics');
is($m->value('ngx_deploy_build_retries_total'), 0, 'a counter of it');

like(http("HEAD $M HTTP/1.0\r\nHost: localhost\r\n\r\n"),
     qr/200 OK.*Content-Length: [1-9].*\r\n\r\n\z/s, 'HEAD');


###############################################################################
# everything once


is(sent('/hook', merge(number => 1))->status, 200, 'started');
is(sent('/hook', merge(number => 1))->json->{status}, 'duplicate',
   'a duplicate');
is(sent('/hook', merge(number => 2, branch => 'dev'))->json->{status},
   'ignored', 'ignored');
is(sent('/dry', merge(number => 3))->json->{status}, 'dry_run', 'a dry run');

$cb->fault('api', 'ResourceNotFoundException');
is(sent('/hook', merge(number => 4))->status, 502, 'refused by AWS');

my $body = merge(number => 5);

is(http_post('/hook', $body, 'Content-Type' => 'application/json',
             'X-GitHub-Event' => 'pull_request')->status, 403, 'unsigned');
is(http_post('/hook', $body, 'Content-Type' => 'application/json',
             'X-GitHub-Event' => 'pull_request',
             sign_github('another secret, not known here', $body))->status,
   403, 'a wrong signature');
is(http_post('/proxied', $body, 'Content-Type' => 'application/json',
             sign_github($OLD, $body))->status, 200, 'an older secret');
is(http_post('/off', push_branch(), 'Content-Type' => 'application/json',
             'X-GitHub-Event' => 'push')->status, 200, 'not verified');

ok(wait_for(sub {
    $m = metrics();

    # what is counted after an answer may be counted a little later

    return $m->value('ngx_deploy_slack_messages_total', result => 'sent')
           && $m->value('ngx_deploy_answer_duration_seconds_count') >= 9;
}), 'Slack was told');

is_deeply($m->errors, [], 'well-formed');

my %want = (started => 1, queued => 0, ignored => 2, duplicate => 1,
            dry_run => 1, refused => 2, failed => 1, none => 1);

for my $status (sort keys %want) {
    is($m->value('ngx_deploy_deliveries_total', status => $status),
       $want{$status}, "deliveries: $status");
}

sub requests {
    return $_[0]->value('ngx_deploy_requests_total', provider => $_[1],
                        verify => $_[2]);
}

is(requests($m, 'github', 'success'), 6, 'requests that were verified');
is(requests($m, 'github', 'missing'), 1, 'unsigned ones');
is(requests($m, 'github', 'mismatch'), 1, 'with a wrong signature');
is(requests($m, 'github', 'none'), 1, 'not verified');
is(requests($m, 'gitlab', 'success'), undef, 'none of another sender');

is($m->value('ngx_deploy_events_total', matched => 'yes'), 4,
   'events that matched');
is($m->value('ngx_deploy_events_total', matched => 'no'), 1,
   'events that did not');

is($m->value('ngx_deploy_builds_total', result => 'started'), 1,
   'builds started');
is($m->value('ngx_deploy_builds_total', result => 'refused'), 1,
   'builds refused');
is($m->value('ngx_deploy_builds_total', result => 'queued'), 0,
   'no queue without a store');

is($m->value('ngx_deploy_answer_duration_seconds_count'), 9, 'answers');
is($m->value('ngx_deploy_startbuild_duration_seconds_count'), 2,
   'calls of StartBuild');


is($m->value('ngx_deploy_credentials_valid', source => 'chain', role => '',
             set => 1), 1, 'credentials');
is($m->value('ngx_deploy_credentials_expiry_timestamp_seconds',
             source => 'chain', role => '', set => 1), undef,
   'which do not expire');


###############################################################################
# secrets: line 2 is the current one, line 3 is not forgotten yet


sub used {
    my ($location, $line) = @_;

    return metrics()->value('ngx_deploy_secret_last_used_timestamp_seconds',
                            server => 'localhost', location => $location,
                            scheme => 'github', line => $line);
}

cmp_ok(abs(time() - used('/hook', 2)), '<', 60, 'the current one');
is(used('/hook', 3), undef, 'there no other one');
ok(used('/proxied', 3), 'the older one, elsewhere');

unlike(http_get($M)->body, qr/\Q$SECRET\E|\Q$OLD\E/, 'no secret');


###############################################################################
# all workers, and after a reload, with another configuration


$t->reload(conf('deploy_zone deploy:256k;', 'location = /new {'
                . ' deploy_verify github %%TESTDIR%%/secret;'
                . ' deploy_build other; }'));

is(sent('/new', merge(number => 6))->status, 200, 'a new location');

# it is counted after the answer, and other workers may be asked

sub deliveries {
    my ($status, $n) = @_;
    my $value;

    wait_for(sub {
        $value = metrics()->value('ngx_deploy_deliveries_total',
                                  status => $status);
        return ($value // 0) == $n;
    });

    return $value;
}

is(deliveries(started => 2), 2, 'goes on after a reload');
ok(used('/new', 2), 'with a new location');

for my $n (1 .. 40) {
    sent('/hook', merge(number => 100 + $n, branch => 'dev'));
}

is(deliveries(ignored => 42), 42, 'of all workers');

my $json = http_get('/deploys')->json;

is($json->{counters}{scope}, 'zone', 'JSON: whose');
is($json->{counters}{deliveries}{ignored}, 42, 'JSON: deliveries');
is($json->{counters}{builds}{started}, 2, 'JSON: builds');
is($json->{counters}{answer}{count}, 50, 'JSON: answers');
is($json->{credentials}[0]{source}, 'chain', 'JSON: credentials');
is_deeply([ grep { $_->{line} == 3 } @{ $json->{counters}{secrets} } ],
          [ { server => 'localhost', location => '/proxied', line => 3,
              scheme => 'github', count => 1,
              last_used => (grep { $_->{line} == 3 }
                            @{ $json->{counters}{secrets} })[0]{last_used} } ],
          'JSON: secrets');
is($json->{store}, undef, 'JSON: no store');

# locations of strangers' making: they are bounded, and no label is broken

$t->reload(conf('deploy_zone deploy:256k;',
                join("\n", map { "location = '/l\"\\\\$_" . ('x' x 80) . "' {"
                                 . ' deploy_verify github %%TESTDIR%%/secret;'
                                 . ' deploy_receive; }' } 10 .. 99)));

for my $n (10 .. 99) {
    sent('/l%22%5C' . $n . ('x' x 80), push_branch());
}

$m = metrics();
is_deeply($m->errors, [], 'well-formed with any location');

my @locations = $m->labels('ngx_deploy_secret_last_used_timestamp_seconds',
                           'location');

cmp_ok(scalar @locations, '<=', 64, 'not all of too many');
cmp_ok(scalar @locations, '>=', 50, 'but many');

# of one worker

$t->reload(conf('', ''));

$m = metrics();
is($m->value('ngx_deploy_counters_shared'), 0, 'of one worker');
is($m->value('ngx_deploy_deliveries_total', status => 'started'), 0,
   'which has begun anew');

$t->done();
