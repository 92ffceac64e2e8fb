#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Two nginx with one store: reports of a build come to either of them, its
# message is written by one at a time, and by the other when that is gone.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Store;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');
my $t2 = Test::Deploy->new();
my $slack = $t->slack();

$t->write_file('builds.secret', "a token of the builds\n", 0600);

my $conf = <<'EOF';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store  %%STORE%%;
    deploy_slack  token_file=%%DIR%%/slack.token channel=C0DEPLOYS
                  endpoint=%%SLACK%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /builds {
            deploy_verify  token %%DIR%%/builds.secret;
            deploy_receive;
            deploy_notify  slack;
        }
    }
}
EOF

for my $nginx ($t, $t2) {
    $nginx->var(STORE => $t->path('store'));
    $nginx->var(DIR => $t->dir());
    $nginx->var(SLACK => $slack->endpoint());
}

$t->run($conf);
$t2->run($conf);

my $store = Test::Deploy::Store->new($t->path('store'));


sub report {
    my ($nginx, $id, %fields) = @_;

    return http_post('/builds', JSON::PP::encode_json({
                         project => 'api', build_id => $id, %fields }),
                     Authorization => 'Bearer a token of the builds',
                     { port => $nginx->port(8080) });
}


sub told {
    my ($id, $pattern, $name) = @_;

    my ($found, @all);

    ok(wait_for(sub {
        @all = grep { JSON::PP::encode_json($_->{attachments}) =~ /`\Q$id\E`/ }
               $slack->messages();
        ($found) = grep { $_->{text} =~ $pattern } @all;
        return $found
               && !$store->value('SELECT count(*) FROM records WHERE behind');
    }, undef, 40), $name);

    is(scalar(@all), 1, "$name: in one message");
}


# one after the other

is(report($t, 'api:1', phase => 'install', status => 'in_progress')->status,
   200, 'a report to one');
told('api:1', qr/in `install`/, 'told by one');

report($t2, 'api:1', phase => 'build', status => 'in_progress');
told('api:1', qr/in `build`/, 'told by the other');

report($t, 'api:1', phase => 'post_build', status => 'succeeded');
told('api:1', qr/succeeded/, 'and by the first one again');

report($t2, 'api:1', phase => 'build', status => 'failed');
is($store->value("SELECT status FROM records WHERE build = 'api:1'"),
   'succeeded', 'its end stays');

# both have something to tell while Slack is down

$slack->stop();

report($t, 'api:2', phase => 'install', status => 'in_progress');
report($t2, 'api:2', phase => 'build', status => 'failed', message => 'no');
report($t2, 'api:3', phase => 'build', status => 'in_progress');
report($t, 'api:3', phase => 'post_build', status => 'succeeded');

$slack->start();

told('api:2', qr/failed in `build`/, 'the last state, told by the first');
told('api:3', qr/succeeded/, 'and the other way round');

# the one that had begun goes away

$slack->stop();

report($t, 'api:4', phase => 'build', status => 'in_progress');
report($t2, 'api:4', phase => 'build', status => 'succeeded');

kill('KILL', $t->pid(), $t->worker_pids(all => 1));
wait_for(sub { $t->reap() });
delete $t->{exit};

$slack->start();

told('api:4', qr/in progress/, 'taken over');

$_->expect(qr/deploy did not tell Slack/, qr/exited on signal 9/) for $t, $t2;

$t2->finish();
$t->run($conf);
$t->done();
