#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# The page of the demonstration: Slack's markup as HTML, words of strangers,
# blocks, buttons.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../demo/lib";

use Test::More;

use Demo::Mrkdwn qw(mrkdwn plain words);
use Demo::Page;


binmode(Test::More->builder->$_, ':encoding(UTF-8)')
    for qw(output failure_output todo_output);

my %names = (U1 => 'ada', C1 => 'deploys');


###############################################################################
# markup


for (
    ['a *b c* d', 'a <b>b c</b> d', 'bold'],
    ['_i_ ~s~', '<i>i</i> <s>s</s>', 'italic, struck out'],
    ['a*b*c a_b_c 2 * 3 * 4', 'a*b*c a_b_c 2 * 3 * 4', 'not within words'],
    ["*a\nb*", '*a<br>b*', 'not over lines'],
    ['`*x* <b> &amp;`', '<code>*x* &lt;b&gt; &amp;</code>', 'code'],
    ["a\n```<i>\n*x*\n:x:```\nb", "a<pre>&lt;i&gt;\n*x*\n:x:</pre>b",
     'a block of code'],
    ['&lt;b&gt; &amp;amp; "q" &quot;',
     '&lt;b&gt; &amp;amp; &quot;q&quot; &amp;quot;', 'three entities'],
    ['<https://x.example/?a=1&amp;b=2|L &lt;1&gt;>',
     '<a href="https://x.example/?a=1&amp;b=2" rel="noreferrer">'
     . 'L &lt;1&gt;</a>', 'a link'],
    ['*<https://x.example/|x>*', '<b><a href="https://x.example/"'
     . ' rel="noreferrer">x</a></b>', 'a bold link'],
    ['<https://x.example/>', '<a href="https://x.example/"'
     . ' rel="noreferrer">https://x.example/</a>', 'without a label'],
    ['<javascript:alert(1)|x>', '&lt;javascript:alert(1)|x&gt;',
     'no other link'],
    ['<https://x/"onclick="a|x>', '<a href="https://x/&quot;onclick=&quot;a"'
     . ' rel="noreferrer">x</a>', 'quoted'],
    ['<@U1> <@U2> <#C1|x>', '<span class="mention">@ada</span> '
     . '<span class="mention">@U2</span> '
     . '<span class="mention">#deploys</span>', 'users and channels'],
    ['<!here> <!subteam>', '<span class="mention loud">@here</span> '
     . '&lt;!subteam&gt;', 'all'],
    ["&gt; q\nb", '<blockquote>q</blockquote>b', 'a quote'],
    [':x: :none: 1:2:3', "<span class=\"emoji\" title=\":x:\">\x{274c}</span>"
     . ' :none: 1:2:3', 'emoji'],
    ["\x{f0000}0\x{f0001}", "\x{fffd}0\x{fffd}", 'characters of our own'],
) {
    is(mrkdwn($_->[0], \%names), $_->[1], $_->[2]);
}

is(plain('*a* <b> :x:'), '*a* &lt;b&gt; <span class="emoji" title=":x:">'
   . "\x{274c}</span>", 'a plain text');
is(words(':x: *<https://x/|a>* of <@U1>: `b` &lt;', \%names),
   "\x{274c} a of \@ada: b <", 'words for a terminal');


###############################################################################
# the page


my %message = (
    time => 1000, channel => 'C1', ts => '1.2', edited => 1,
    body => {
        text => ':x: *api* failed',
        attachments => [{
            color => '#e01e5a', fallback => 'api failed',
            blocks => [
                { type => 'section', fields => [
                    { type => 'mrkdwn', text => "*Branch*\nmain" },
                    { type => 'plain_text', text => '*no*' } ] },
                { type => 'section', text => { type => 'mrkdwn',
                                               text => '```out```' } },
                { type => 'context', elements => [
                    { type => 'mrkdwn', text => '`api:1`' } ] },
                { type => 'actions', elements => [
                    { type => 'button', action_id => 'deploy_stop',
                      value => 'api:1"<', style => 'danger',
                      text => { type => 'plain_text', text => 'Stop' },
                      confirm => {
                          title => { type => 'plain_text', text => 'Sure?' },
                          text => { type => 'plain_text', text => 'It is.' },
                          confirm => { type => 'plain_text', text => 'Yes' },
                          deny => { type => 'plain_text', text => 'No' },
                          style => 'danger' } } ] },
                { type => 'video<' },
            ],
        }],
    },
    replies => [{ text => 'more' }, { text => 'and `more`' }],
);

sub page {
    my (%more) = @_;

    return Demo::Page::page(title => 'T <1>', names => \%names,
        channels => [{ name => 'deploys', items => [\%message, {
            time => 1001, user => 'U1', command => '/deploy <x>',
            body => { response_type => 'ephemeral', text => 'No `x`.' } }] },
                     { name => 'oncall', items => [] }], %more);
}

my $html = page(refresh => 2);

for (
    ['<title>T &lt;1&gt;</title>', 'title'],
    ['<meta http-equiv="refresh" content="2">', 'refresh'],
    ['<h2><span>#</span> deploys</h2>', 'channel'],
    ['Nothing here yet', 'an empty channel'],
    ['<b>api</b> failed <span class="edited">(edited)</span>', 'text'],
    ['<div class="bar" style="background: #e01e5a"></div>', 'colour'],
    ['<div><b>Branch</b><br>main</div>', 'a field'],
    ['<div>*no*</div>', 'a plain field'],
    ['<pre>out</pre>', 'a section'],
    ['<div class="context"><span><code>api:1</code></span></div>', 'context'],
    ['<p class="count">2 replies</p>', 'a thread'],
    ['and <code>more</code>', 'a reply'],
    ['<code>/deploy &lt;x&gt;</code>', 'a command'],
    ['<b>ada</b>', 'its user'],
    ['Only visible to the one who asked', 'an ephemeral answer'],
    ['A block of the type video&lt;', 'an unknown block'],
    ['<button type="button" class="danger" disabled>Stop</button>',
     'a button that nobody hears'],
) {
    ok(index($html, $_->[0]) >= 0, $_->[1]) or diag($_->[0]);
}

unlike($html, qr/\b(?:src|script|\@import|url\()/, 'nothing else is loaded');
unlike($html, qr/<form/, 'no form');

# every element is closed, in the order of its opening

my @open;

while ($html =~ m{<(/?)([a-z][a-z0-9]*)}g) {
    my ($end, $name) = ($1, $2);

    next if $name =~ /^(?:meta|br|hr|input)\z/;

    if (!$end) {
        push(@open, $name);
        next;
    }

    my $last = pop(@open);

    if (!defined $last || $last ne $name) {
        push(@open, "$name!");
        last;
    }
}

is("@open", '', 'elements are closed');

$html = page(key => 'k"1', refresh => 2);

like($html, qr{<form\ action="/confirm\#asked">
               <input[^>]*name="action_id"\ value="deploy_stop">.*
               <button\ class="danger">Stop</button></form>}x,
     'a button with a question');
like($html, qr/name="value" value="api:1&quot;&lt;"/, 'its value');
like($html, qr/name="ts" value="1.2"/, 'its message');
unlike($html, qr{Sure\?|name="key"}, 'which is not asked here');
like($html, qr{href="/compose"}, 'a link to the form');

my %asked = (action_id => 'deploy_stop', value => 'api:1"<', ts => '1.2',
             channel => 'C1');

$html = page(key => 'k"1', asked => \%asked);

like($html, qr{<details\ open\ id="asked"><summary\ class="danger">Stop
               </summary><div\ class="confirm"><b>Sure\?</b><p>It\ is\.</p>
               <form\ method="post"\ action="/press">.*
               name="key"\ value="k&quot;1">.*
               <button\ class="danger">Yes</button></form>
               <a\ href="/">No</a>}x, 'the question');

$html = page(key => 'k', asked => { %asked, ts => '1.3' });
like($html, qr/<details><summary/, 'of another message');

$html = page(key => 'k');

unlike($html, qr/http-equiv="refresh"/, 'no refresh');
like($html, qr{action="/command"}, 'the form for a command');

like(Demo::Page::log_page(title => 'b', log => "<x>\n"), qr/<pre>&lt;x&gt;/,
     'a log');

done_testing();
