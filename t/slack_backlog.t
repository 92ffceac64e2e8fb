#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# More builds are to be told while Slack is down than the memory of builds has
# room for: all of them are, once, even if nginx is killed meanwhile.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET ();
use JSON::PP ();
use Socket qw(CRLF);

use Test::More;
use Test::Deploy;
use Test::Deploy::Payload;
use Test::Deploy::Store;

my $BUILDS = 300;
my $CHANNELS = 60;

my $t = Test::Deploy->new()->has('deploy', 'http_ssl_module');

# of hundreds of messages the real stand-in would take too long

my $port = Test::Deploy::free_port();
my $pid;

$t->var(SLACK => "http://127.0.0.1:$port");
$t->write_file('slack.token', "xoxb-1234567890-abcdefghijklmnop\n", 0600);
$t->write_file('builds.secret', "a token of the builds\n", 0600);

my $lines = join("\n", map { "deploy_notify slack channel=C$_ project=p$_;" }
                       1 .. $CHANNELS);

my $conf = <<"EOF";
%%TEST_GLOBALS%%

worker_processes 2;

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    deploy_store  %%TESTDIR%%/store;
    deploy_slack  token_file=%%TESTDIR%%/slack.token channel=C0DEPLOYS
                  endpoint=%%SLACK%%;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /builds {
            deploy_verify  token %%TESTDIR%%/builds.secret;
            deploy_receive;
            $lines
        }
    }
}
EOF

$t->run($conf);

my $store = Test::Deploy::Store->new($t->path('store'));


# a line for each request: method, ts, build, "failed" or not

sub slack_start {
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $port, Listen => 256,
                                       ReuseAddr => 1)
        or die "can't listen: $!";

    $pid = fork();
    die "can't fork: $!" if !defined $pid;

    return if $pid;

    $SIG{PIPE} = 'IGNORE';

    open(my $log, '>>', $t->path('slack.log')) or die "slack.log: $!";
    $log->autoflush();

    for (my $n = 1; my $s = $listen->accept(); $n++) {
        my ($head, $body) = ('', '');

        while ($head !~ /\r\n\r\n/ && sysread($s, $head, 8192,
                                             length($head)))
        {
        }

        ($head, $body) = split(/\r\n\r\n/, $head, 2);
        my ($length) = ($head || '') =~ /Content-Length: (\d+)/i;

        next if !$length;

        while (length($body) < $length && sysread($s, $body, 8192,
                                                  length($body)))
        {
        }

        my ($method) = $head =~ m{^POST /api/chat\.(\w+) };
        my ($ts) = $body =~ /"ts":"([\d.]+)"/;
        my ($id) = $body =~ /`(p\d+:\d+)`/;

        $ts = sprintf('17%08d.%06d', $$, $n) if !$ts;

        print $log "$method $ts $id " . ($body =~ /"text":"[^"]*failed/
                                         ? 'failed' : '-') . "\n";

        my $answer = qq({"ok":true,"channel":"C1","ts":"$ts"});

        print $s 'HTTP/1.1 200 OK' . CRLF . 'Connection: close' . CRLF
                 . 'Content-Type: application/json; charset=utf-8' . CRLF
                 . 'Content-Length: ' . length($answer) . CRLF . CRLF
                 . $answer;
    }

    exit(0);
}


sub slack_stop {
    kill('KILL', $pid);
    waitpid($pid, 0);
    $pid = undef;
}


END { local $?; slack_stop() if $pid }


sub messages { return map { [ split ] } split(/\n/, $t->read_file('slack.log')) }


# the number of builds whose report was taken

sub reports {
    my ($status, @numbers) = @_;

    return scalar(grep {
        my $project = 'p' . (1 + $_ % $CHANNELS);

        http_post('/builds', JSON::PP::encode_json({
                      project => $project, build_id => "$project:$_",
                      status => $status }),
                  Authorization => 'Bearer a token of the builds')->status
        == 200;
    } @numbers);
}


# one that is told before gets its end in the same message

slack_start();

is(reports('in_progress', 0), 1, 'a build begins');
ok(wait_for(sub { messages() }), 'it is told');
ok(wait_for(sub {
    !$store->value('SELECT count(*) FROM records WHERE behind')
}), 'and that is known');

slack_stop();

is(reports('failed', 0 .. $BUILDS - 1), $BUILDS, 'all reports are taken');

is($store->value('SELECT count(*) FROM records WHERE behind'), $BUILDS,
   'all are to be told');

kill('KILL', $t->pid(), $t->worker_pids(all => 1));
wait_for(sub { $t->reap() });
delete $t->{exit};

slack_start();
$t->run($conf);

ok(wait_for(sub {
    !$store->value('SELECT count(*) FROM records WHERE behind')
}, undef, 90), 'all are told')
    or diag($store->value('SELECT count(*) FROM records WHERE behind'));

my @messages = messages();
my ($first, @last) = @messages;
my %told;

$told{$_->[2]}++ for @last;

is(scalar(keys %told), $BUILDS, 'each build');
is(scalar(@last), $BUILDS, 'once');
is(scalar(grep { $_->[3] eq 'failed' } @last), $BUILDS, 'its end');

my ($update) = grep { $_->[2] eq $first->[2] } @last;

is("$update->[0] $update->[1]", "update $first->[1]",
   'in the message that there was');
is(scalar(grep { $_->[0] eq 'postMessage' } @last), $BUILDS - 1,
   'the others in their own');

$t->expect(qr/deploy did not tell Slack/, qr/exited on signal 9/);

$t->done();
