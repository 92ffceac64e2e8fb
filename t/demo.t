#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The demonstration runs through, and does what it says.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp qw(tempdir);
use JSON::PP ();

use Test::More;
use Test::Deploy;


Test::Deploy->new()->has('deploy', 'http_ssl_module');

for my $tool (qw(curl jq)) {
    plan(skip_all => "no $tool") if system("command -v $tool >/dev/null");
}

my $dir = tempdir(CLEANUP => 1);
my $port = Test::Deploy::free_port();
my $page_port = Test::Deploy::free_port();


sub slurp {
    my ($name) = @_;

    open(my $fh, '<', "$dir/$name") or return '';
    local $/;

    return scalar <$fh>;
}


$ENV{DEMO_ONCE} = 1;
$ENV{DEMO_PORT} = $port;
$ENV{DEMO_PAGE_PORT} = $page_port;
$ENV{DEMO_KEEP} = $dir;

my $out = `'$FindBin::Bin/../demo/demo' 2>'$dir/errors'`;

is($?, 0, 'exit code');
is(slurp('errors'), '', 'nothing is complained of');

diag($out, slurp('errors')) if $?;

unlike($out, qr/^FAILED/m, 'all that it checks');
like($out, qr/signature of somebody else -> 403 refused/, 'forged');
like($out, qr/main, signed -> 200 started: api-prod #1/, 'a merge');
like($out, qr/the same again -> 200 duplicate: api-prod #1/, 'once more');
like($out, qr/CodeBuild StartBuild api-prod, source 5f0b2c1de3 -> 200 /,
     'StartBuild');
like($out, qr/api-prod #1 +deploy-notify $_ -> 200 /, "a report: $_")
    for 'install in_progress', 'pre_build succeeded', 'build in_progress',
        'post_build succeeded';
like($out, qr/says that web-prod:1 has failed -> 403/, 'another build');
like($out, qr/#deploys new message: \S+ api-prod/, 'a new message');
like($out, qr/#deploys message changed: \S+ api-prod succeeded/, 'changed');
like($out, qr/#deploys reply in thread: /, 'a reply');


###############################################################################
# what CodeBuild and Slack have been told


my @builds = @{ JSON::PP::decode_json(slurp('builds.json') || '[]') };

is(join(' ', map { $_->{project} } @builds),
   'api-prod api-smoke web-prod web-prod', 'builds');
is($_->{request}{sourceVersion}, '5f0b2c1de3a4958677c8d9e0f1a2b3c4d5e6f708',
   "the commit that was merged: $_->{project}") for @builds[0, 1];
is($builds[0]{env}{DEPLOYED_BY}, 'ada', 'the sender');

my %tokens = map { ($_->{env}{DEPLOY_TOKEN} || '') => 1 } @builds;

is(scalar(grep { length > 20 } keys(%tokens)), 4, 'a token for each build');
ok(!(grep { index($out . slurp('page.html') . slurp('messages.json'), $_)
            >= 0 } keys(%tokens)), 'which nobody else is told');

my @all = @{ JSON::PP::decode_json(slurp('messages.json') || '[]') };
my @messages = grep { $_->{channel} ne 'response' } @all;

is_deeply([map { my ($name) = $_->{text} =~ /\|([\w-]+)>\*/;
                 "$_->{channel} $name $_->{attachments}[0]{color}" }
               sort { $a->{channel} cmp $b->{channel}
                      || $a->{ts} cmp $b->{ts} } @messages],
          ['C0DEPLOYS api-prod #2eb886', 'C0DEPLOYS api-smoke #2eb886',
           'C0DEPLOYS web-prod #e01e5a', 'C0DEPLOYS web-prod #2eb886',
           'C0ONCALL web-prod #e01e5a'], 'messages');
is(join(' ', map { $_->{body}{response_type} }
             grep { $_->{channel} eq 'response' } @all), 'ephemeral',
   'the answer to a button');

my ($prod) = grep { $_->{text} =~ /api-prod/ } @messages;
my ($web) = grep { $_->{text} =~ /web-prod/ && $_->{channel} eq 'C0DEPLOYS' }
                 @messages;

cmp_ok($prod->{versions}, '>', 2, 'a message that changes in place');
like($web->{text}, qr/failed in `build`/, 'where it failed');
ok((grep { $_->{text} =~ /not ok 2 - pay &lt;with&gt;/ }
         @{ $web->{replies} }), 'what the tests said');


###############################################################################
# the page


my ($head, $html) = split(/\x0d\x0a\x0d\x0a/, slurp('page.html'), 2);

like($head, qr{^HTTP/1\.1 200 OK\x0d}, 'the page');
like($head, qr/^Content-Security-Policy: default-src 'none';/m,
     'loads nothing');
like($html, qr{<h2><span>#</span> $_</h2>}, "channel $_")
    for qw(deploys oncall);
like($html, qr{>api-prod</a></b>\ succeeded:\ acme/api,\ <code>main</code>
               \ <span\ class="edited">}x, 'a build that succeeded');
like($html, qr{<b>Commit</b><br><a\ href="https://github.com/acme/api/commit
               /5f0b2c1de3a4958677c8d9e0f1a2b3c4d5e6f708"[^>]*>5f0b2c1de3<
               }x, 'its commit');
like($html, qr{<b>Downstream</b><br>.*>api-smoke</a> succeeded}, 'the next');
like($html, qr{>web-prod</a></b> failed in <code>build</code>}, 'a failed one');
like($html, qr/ok 2 - pay &lt;with&gt; a \S+ &amp; \*tax\*/, 'its tests');
like($html, qr{<code>/deploy web</code>}, 'a command');
like($html, qr/There is no deployment <code>web<\/code> here/, 'refused');
like($html, qr{<code>/deploy status</code>}, 'another one');
like($html, qr{pressed <b>Retry</b>}, 'a button that was pressed');
like($html, qr{<form method="post" action="/press">.*value="deploy_retry"},
     'a button to press');
like($html, qr{href="http://127\.0\.0\.1:$page_port/builds/1"[^>]*>Log<},
     'the log');

done_testing();
