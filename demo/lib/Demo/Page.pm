package Demo::Page;

# Copyright (C) ngx_deploy_module authors

# Messages as Slack shows them, in one page of HTML that loads nothing else.
#
#     print Demo::Page::page(
#         title => '...', about => '...', refresh => 2,
#         names => { U1 => 'ada' }, key => '...',
#         channels => [{ name => 'deploys', items => [
#             { time => ..., channel => 'C1', ts => '1.2', edited => 1,
#               body => { text => ..., attachments => [...] },
#               replies => [{ text => ... }] },
#             { time => ..., user => 'U1', command => '/deploy api',
#               body => { response_type => 'ephemeral', text => ... } },
#         ] }]);
#
# With a key buttons can be pressed and commands be given: forms that carry it
# are sent to /press and /command.  A page that refreshes itself leads to one
# that does not: /compose with the form for a command, /confirm with the
# question of a button, which is that of asked (action_id, value, channel, ts).

use warnings;
use strict;

use File::Basename qw(dirname);
use POSIX qw(strftime);

use Demo::Mrkdwn qw(mrkdwn plain escape);

my $COLOR = qr/^#[0-9a-fA-F]{6}\z/;

my $CSS = do {
    open(my $fh, '<', dirname(__FILE__) . '/../../page.css')
        or die "page.css: $!";
    local $/;
    <$fh>;
};


sub page {
    my (%opts) = @_;

    my $channels = join('', map { channel($_, \%opts) }
                            @{ $opts{channels} });

    return document(%opts, html => "<main>\n$channels</main>\n"
                    . (defined $opts{key} ? compose(\%opts) : ''));
}


# the output of a build

sub log_page {
    my (%opts) = @_;

    return document(%opts, html => '<div class="log"><pre>'
                    . escape($opts{log}) . '</pre><a href="/">Messages</a>'
                    . "</div>\n");
}


sub document {
    my (%opts) = @_;

    my $refresh = $opts{refresh}
        ? qq(<meta http-equiv="refresh" content="$opts{refresh}">\n) : '';
    my $title = escape($opts{title});
    my $about = $opts{about} ? '<p>' . escape($opts{about}) . '</p>' : '';

    return <<"EOF";
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
$refresh<title>$title</title>
<style>
$CSS</style>
</head>
<body>
<header class="top"><h1>$title</h1>$about</header>
$opts{html}</body>
</html>
EOF
}


sub channel {
    my ($channel, $opts) = @_;

    my $name = escape($channel->{name});
    my $items = join('', map { item($_, $opts) } @{ $channel->{items} });

    $items = qq(<p class="nothing">Nothing here yet.</p>\n)
        if $items eq '';

    # where to look after a command
    my $end = $channel == $opts->{channels}[0] ? qq(<a id="end"></a>\n) : '';

    return <<"EOF";
<section class="channel" id="$name">
<h2><span>#</span> $name</h2>
$items$end</section>
EOF
}


# a message of the bot; a command of a user, or a button that was pressed, and
# the answer

sub item {
    my ($item, $opts) = @_;

    my $html = '';

    if (defined $item->{user}) {
        my $name = $opts->{names}{$item->{user}};
        my $what = defined $item->{command}
            ? '<code>' . escape($item->{command}) . '</code>'
            : 'pressed <b>' . plain($item->{pressed}) . '</b>';

        $html = message(name => defined $name ? $name : $item->{user},
                        time => $item->{time},
                        html => qq(<div class="text">$what</div>));
    }

    my $body = $item->{body} or return $html;

    my $note = ($body->{response_type} || '') eq 'ephemeral'
               ? 'Only visible to the one who asked' : '';

    return $html . message(bot => 1, time => $item->{time}, note => $note,
                           html => content($body, $opts, $item)
                                   . thread($item->{replies}, $opts));
}


sub thread {
    my ($replies, $opts) = @_;

    return '' if !@{ $replies || [] };

    my $count = @$replies == 1 ? '1 reply' : @$replies . ' replies';
    my $html = join('', map { message(bot => 1,
                                      html => content($_, $opts, {})) }
                        @$replies);

    return qq(<div class="thread"><p class="count">$count</p>\n$html</div>);
}


sub message {
    my (%m) = @_;

    my $name = $m{bot} ? 'deploy' : escape($m{name});
    my $letter = $m{bot} ? "\x{1f680}" : uc(substr($m{name}, 0, 1));
    my $class = 'message' . ($m{bot} ? ' bot' : '')
                . ($m{note} ? ' only' : '');
    my $app = $m{bot} ? '<span class="app">APP</span>' : '';
    my $time = defined $m{time}
        ? '<time>' . strftime('%H:%M:%S', localtime($m{time})) . '</time>'
        : '';
    my $note = $m{note} ? qq(<p class="note">$m{note}</p>\n) : '';

    $letter = escape($letter);

    return <<"EOF";
<article class="$class">
<div class="avatar" aria-hidden="true">$letter</div>
<div class="content">
$note<p class="head"><b>$name</b>$app$time</p>
$m{html}
</div>
</article>
EOF
}


# text, blocks and attachments of a body: a text is not shown beside blocks

sub content {
    my ($body, $opts, $item) = @_;

    my $html = '';

    if ($body->{blocks}) {
        $html .= blocks($body->{blocks}, $opts, $item);

    } elsif (defined $body->{text}) {
        my $edited = $item->{edited}
                     ? ' <span class="edited">(edited)</span>' : '';

        $html .= '<div class="text">' . mrkdwn($body->{text}, $opts->{names})
                 . "$edited</div>\n";
    }

    return $html . join('', map { attachment($_, $opts, $item) }
                                @{ $body->{attachments} || [] });
}


sub attachment {
    my ($attachment, $opts, $item) = @_;

    my $color = ($attachment->{color} || '') =~ $COLOR
                ? $attachment->{color} : '#dddddd';
    my $inner;

    if ($attachment->{blocks}) {
        $inner = blocks($attachment->{blocks}, $opts, $item);

    } else {
        $inner = '<div class="text">'
                 . mrkdwn($attachment->{fallback} || '', $opts->{names})
                 . "</div>\n";
    }

    return <<"EOF";
<div class="attachment">
<div class="bar" style="background: $color"></div>
<div class="inner">
$inner</div>
</div>
EOF
}


###############################################################################
# blocks


my %BLOCKS = (section => \&section, context => \&context,
              actions => \&actions, divider => sub { return "<hr>\n" });

sub blocks {
    my ($blocks, $opts, $item) = @_;

    my $html = '';

    for my $block (@$blocks) {
        my $type = $block->{type} || 'none';
        my $code = $BLOCKS{$type};

        $html .= $code ? $code->($block, $opts, $item)
                       : '<p class="unknown">A block of the type '
                         . escape($type) . "</p>\n";
    }

    return $html;
}


sub object {
    my ($object, $opts) = @_;

    return $object->{type} eq 'mrkdwn' ? mrkdwn($object->{text},
                                                $opts->{names})
                                       : plain($object->{text});
}


sub section {
    my ($block, $opts) = @_;

    my $html = '';

    $html .= '<div class="text">' . object($block->{text}, $opts) . "</div>\n"
        if $block->{text};

    $html .= qq(<div class="fields">\n)
             . join('', map { '<div>' . object($_, $opts) . "</div>\n" }
                            @{ $block->{fields} }) . "</div>\n"
        if @{ $block->{fields} || [] };

    return $html;
}


sub context {
    my ($block, $opts) = @_;

    return '<div class="context">'
           . join('', map { '<span>' . object($_, $opts) . '</span>' }
                          @{ $block->{elements} }) . "</div>\n";
}


sub actions {
    my ($block, $opts, $item) = @_;

    return '<div class="actions">'
           . join('', map { button($_, $opts, $item) }
                          @{ $block->{elements} }) . "</div>\n";
}


# one that wants to be confirmed leads to a page that does not refresh itself,
# where its question is open

sub button {
    my ($button, $opts, $item) = @_;

    my $class = style($button);
    my $label = plain($button->{text}{text});
    my $confirm = $button->{confirm};

    return qq(<button type="button" class="$class" disabled>$label</button>)
        if !defined $opts->{key} || !defined $item->{ts};

    my %fields = (map({ $_ => $button->{$_} } qw(action_id value)),
                  map({ $_ => $item->{$_} } qw(channel ts)));

    return '<form action="/confirm#asked">' . hidden(%fields)
           . qq(<button class="$class">$label</button></form>)
        if $confirm && $opts->{refresh};

    my $form = '<form method="post" action="/press">'
               . hidden(%fields, key => $opts->{key},
                        label => $button->{text}{text});

    return qq($form<button class="$class">$label</button></form>)
        if !$confirm;

    my $asked = $opts->{asked} || {};
    my $open = (grep { ($asked->{$_} || '') ne $fields{$_} }
                     qw(action_id value channel ts))
               ? '' : ' open id="asked"';
    my $yes = style($confirm);

    return qq(<details$open><summary class="$class">$label</summary>)
           . '<div class="confirm"><b>' . plain($confirm->{title}{text})
           . '</b><p>' . object($confirm->{text}, $opts) . '</p>'
           . qq($form<button class="$yes">)
           . plain($confirm->{confirm}{text}) . '</button></form><a href="/">'
           . plain($confirm->{deny}{text}) . '</a></div></details>';
}


sub hidden {
    my (%fields) = @_;

    return join('', map { qq(<input type="hidden" name="$_" value=")
                          . escape($fields{$_}) . '">' }
                        grep { defined $fields{$_} } sort(keys(%fields)));
}


sub style {
    my ($element) = @_;

    return ($element->{style} || '') =~ /^(primary|danger)\z/ ? $1 : '';
}


sub compose {
    my ($opts) = @_;

    return '<footer><a class="compose" href="/compose">Type a command:'
           . " <code>/deploy status</code></a></footer>\n"
        if $opts->{refresh};

    my $key = escape($opts->{key});
    my $focus = $opts->{asked} ? '' : ' autofocus';

    return <<"EOF";
<footer><form class="compose" method="post" action="/command">
<input type="hidden" name="key" value="$key">
<label>/deploy <input name="text" value="status"$focus autocomplete="off"
spellcheck="false" maxlength="200"></label>
<button class="primary">Send</button> <a href="/">Back</a>
</form></footer>
EOF
}


1;
