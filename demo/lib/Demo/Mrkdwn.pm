package Demo::Mrkdwn;

# Copyright (C) ngx_deploy_module authors

# Slack's markup as HTML: bold, italic, struck out, code, quotes, links, users,
# channels, emoji.  Whatever else a text has is shown as it is.

use warnings;
use strict;

use Exporter qw(import);

our @EXPORT_OK = qw(mrkdwn plain escape words);

# the states of a build, and a few more

my %EMOJI = (
    alarm_clock => "\x{23f0}", boom => "\x{1f4a5}",
    grey_question => "\x{2754}", hourglass => "\x{231b}",
    hourglass_flowing_sand => "\x{23f3}", information_source => "\x{2139}",
    lock => "\x{1f512}", mag => "\x{1f50d}", no_entry => "\x{26d4}",
    octagonal_sign => "\x{1f6d1}", repeat => "\x{1f501}",
    rocket => "\x{1f680}", tada => "\x{1f389}", warning => "\x{26a0}",
    white_check_mark => "\x{2705}", x => "\x{274c}",
);

# what is done already, while the rest of a text is looked at: no text may
# have these characters

my ($OPEN, $CLOSE) = ("\x{f0000}", "\x{f0001}");


sub escape {
    my ($text) = @_;

    my %entities = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;',
                    '"' => '&quot;', "'" => '&#39;');

    $text =~ s/([&<>"'])/$entities{$1}/g;

    return $text;
}


# of Slack there are three entities, all else is as it is written

sub literal {
    my ($text) = @_;

    my %chars = (amp => '&', lt => '<', gt => '>');

    $text =~ s/&(amp|lt|gt);/$chars{$1}/g;

    return escape($text);
}


sub emoji {
    my ($html) = @_;

    $html =~ s{:([a-z0-9_+-]+):}{
        $EMOJI{$1} ? qq(<span class="emoji" title=":$1:">$EMOJI{$1}</span>)
                   : ":$1:"
    }gex;

    return $html;
}


# a text that is no markup: emoji are shown

sub plain {
    my ($text) = @_;

    return emoji(escape($text));
}


# names: { U... => ..., C... => ... }

sub mrkdwn {
    my ($text, $names) = @_;

    my @kept;

    my $keep = sub {
        push(@kept, $_[0]);
        return $OPEN . $#kept . $CLOSE;
    };

    $text =~ s/[$OPEN$CLOSE]/\x{fffd}/g;

    $text =~ s{```\n?(.+?)\n?```}
              {$keep->('<pre>' . literal($1) . '</pre>')}gse;
    $text =~ s{`([^`\n]+)`}{$keep->('<code>' . literal($1) . '</code>')}ge;
    $text =~ s{<([^<>\n]+)>}{$keep->(reference($1, $names || {}))}ge;

    $text = emoji(literal($text));

    for (['*', 'b'], ['_', 'i'], ['~', 's']) {
        my ($mark, $tag) = @$_;

        $text =~ s{(?<![\w\Q$mark\E])\Q$mark\E(?=[^\s\Q$mark\E])
                   ([^\n\Q$mark\E]*[^\s\Q$mark\E])\Q$mark\E(?![\w\Q$mark\E])}
                  {<$tag>$1</$tag>}gx;
    }

    $text =~ s{^&gt;[ ]?(.*)$}{<blockquote>$1</blockquote>}mg;

    # a block begins and ends a line by itself

    $text =~ s{\n?(<blockquote>)}{$1}g;
    $text =~ s{(</blockquote>)\n}{$1}g;
    $text =~ s{(\n?)($OPEN(\d+)$CLOSE)(\n?)}
              {index($kept[$3], '<pre>') == 0 ? $2 : "$1$2$4"}ge;
    $text =~ s{\n}{<br>}g;
    $text =~ s{$OPEN(\d+)$CLOSE}{$kept[$1]}g;

    return $text;
}


# the same for a terminal: words alone

sub words {
    my ($text, $names) = @_;

    my %chars = (amp => '&', lt => '<', gt => '>');

    $text =~ s/:([a-z0-9_+-]+):/$EMOJI{$1} || ":$1:"/ge;
    $text =~ s/<(?:[^<>|]*)\|([^<>]*)>/$1/g;
    $text =~ s/<\@([A-Z0-9]+)>/'@' . ($names->{$1} || $1)/ge;
    $text =~ s/[*`]//g;
    $text =~ s/&(amp|lt|gt);/$chars{$1}/g;

    return $text;
}


# what is between "<" and ">"

sub reference {
    my ($text, $names) = @_;

    my ($what, $label) = split(/\|/, $text, 2);

    if ($what =~ m{^https?://}) {
        $label = $what if !defined $label;

        return '<a href="' . literal($what) . '" rel="noreferrer">'
               . emoji(literal($label)) . '</a>';
    }

    if ($what =~ /^([@#])([A-Z][A-Z0-9]+)\z/) {
        my $name = defined $names->{$2} ? $names->{$2}
                   : defined $label ? $label : $2;

        return '<span class="mention">' . $1 . literal($name) . '</span>';
    }

    if ($what =~ /^!(here|channel|everyone)\z/) {
        return qq(<span class="mention loud">\@$1</span>);
    }

    return literal("<$text>");
}


1;
