package Test::Deploy::Slack;

# Copyright (C) ngx_deploy_module authors

# A stand-in of Slack: chat.postMessage, chat.update, incoming webhooks,
# response_url.  What Slack would refuse, or would show otherwise than meant,
# fails the test at its end: a wrong token or content type, members and
# lengths that are not allowed, markup in words of strangers, more messages
# for a channel than it takes, a message before Retry-After is over.
#
#     my $slack = $t->slack();               # %%SLACK%% is its endpoint
#     $slack->fault('chat.update', 429, 'ok', 'error:fatal_error');
#     ...
#     my ($message) = $slack->messages('C0DEPLOYS');
#     like($message->{text}, qr/succeeded/);
#
# Options: token (of the bot), webhook (the path of the webhook).
#
# Faults, for "chat.postMessage", "chat.update", "webhook", "response" or "*":
#
#     302, 429, 500, 503
#                     that status; 429 has Retry-After: 1, 302 a Location
#     error:NAME      {"ok":false,"error":NAME}; of a webhook the status 400
#                     and NAME
#     reset, close    nothing is answered, nothing is done
#     hang            no answer for a minute, nothing is done
#     badjson         it is done, the answer is cut
#     nots            it is done, the answer has no ts
#     late            it is done, the answer comes after a second
#     ok              no fault
#
# or a hash: { fault => 429, retry_after => 3 }, { fault => 'late', seconds =>
# 2 }.

use warnings;
use strict;

use JSON::PP ();
use Test::More ();
use Time::HiRes qw(sleep time);

use Test::Deploy::CodeBuild;

our @ISA = ('Test::Deploy::CodeBuild');

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

# more than these in so many seconds is no burst
my $BURST = 12;
my $WINDOW = 10;

my %MEMBERS = (
    'chat.postMessage' => [qw(channel text attachments blocks thread_ts
                              unfurl_links unfurl_media reply_broadcast)],
    'chat.update' => [qw(channel ts text attachments blocks)],
    webhook => [qw(text attachments blocks unfurl_links unfurl_media
                   thread_ts)],
    response => [qw(text attachments blocks response_type replace_original
                    delete_original thread_ts)],
);

my %HEADERS = map { $_ => 1 } qw(host content-length content-type
                                 authorization user-agent connection);


###############################################################################
# the test's side


sub new {
    my ($class, $t, %opts) = @_;

    my $n = ++$t->{nslack};

    my $self = bless {
        token => 'xoxb-1234567890-abcdefghijklmnop',
        webhook => '/services/T0ACME/B0HOOK/abcdefghijklmnopqrstuvwx',
        %opts,
        dir => $t->path("slack$n"),
        port => Test::Deploy::free_port(),
        expected => [],
    }, $class;

    mkdir($self->{dir}) or die "can't create $self->{dir}: $!";

    $self->save({ faults => {}, requests => 0, messages => [], sent => {},
                  paused => {} });

    $self->start();

    return $self;
}


sub token { return $_[0]{token} }

sub webhook { return "$_[0]{webhook}" }


# the messages as they are now, in the order they were posted: channel, ts,
# text, attachments, versions (how often they were written), body (the last
# one as data), replies (of the thread)

sub messages {
    my ($self, $channel) = @_;

    return grep { !defined $channel || $_->{channel} eq $channel }
           @{ $self->update(sub { $_[0]{messages} }) };
}


sub wait_messages {
    my ($self, $n, $timeout) = @_;

    return Test::Deploy::wait_for(sub { $self->messages() >= $n },
                                  "$n messages at Slack", $timeout);
}


# waits until one of the messages satisfies a function, and returns it

sub wait_message {
    my ($self, $code, $timeout) = @_;

    my $found;

    Test::Deploy::wait_for(sub {
        ($found) = grep { $code->($_) } $self->messages();
        return $found;
    }, 'a message at Slack', $timeout);

    return $found;
}


sub check {
    my ($self) = @_;

    my @violations = $self->violations();

    Test::More::ok(!@violations, 'Slack: no violation')
        or Test::More::diag(join("\n", @violations));
}


###############################################################################
# what is checked


# the method, and a refusal as [status, body] or nothing

sub check_request {
    my ($self, $request) = @_;

    my $violations = $request->{violations};
    my (%header, %count);

    for (@{ $request->{headers} }) {
        $header{lc $_->[0]} = $_->[1];
        $count{lc $_->[0]}++;
    }

    for my $name (sort(keys(%count))) {
        push(@$violations, "unexpected header $name") if !$HEADERS{$name};
        push(@$violations, "header $name $count{$name} times")
            if $count{$name} > 1;
    }

    push(@$violations, "method $request->{method}")
        if $request->{method} ne 'POST';

    my $host = defined $header{host} ? $header{host} : 'none';

    push(@$violations, "Host: $host") if $host ne "127.0.0.1:$self->{port}";

    my $target = $request->{target};
    my $api = ($target =~ m{^/api/(chat\.(?:postMessage|update))\z});

    my $method = $api ? $1
                 : $target eq $self->{webhook} ? 'webhook'
                 : $target =~ m{^/(?:commands|actions)/[\w/\-]+\z} ? 'response'
                 : undef;

    if (!defined $method) {
        push(@$violations, "target $target");
        return (undef, [404, 'no_service']);
    }

    my $type = defined $header{'content-type'} ? $header{'content-type'} : '';
    my $want = $api ? qr/^application\/json; charset=utf-8\z/
                    : qr/^application\/json(?:; charset=utf-8)?\z/;

    push(@$violations, "Content-Type: $type") if $type !~ $want;

    my $auth = $header{authorization};

    if ($api && (!defined $auth || $auth ne "Bearer $self->{token}")) {
        push(@$violations, 'authorization');
        return ($method, [200, '{"ok":false,"error":"invalid_auth"}']);
    }

    push(@$violations, 'authorization where there is none')
        if !$api && defined $auth;

    my $json = eval { $JSON->decode($request->{body}) };

    if (ref($json) ne 'HASH') {
        push(@$violations, 'the body is not JSON');
        return ($method, $api ? [200, '{"ok":false,"error":"invalid_json"}']
                              : [400, 'invalid_payload']);
    }

    $request->{json} = $json;

    push(@$violations, check_message($method, $json));

    # a new message instead of the one that has the button is not meant
    push(@$violations, 'replace_original')
        if $target =~ m{^/actions/}
           && (!JSON::PP::is_bool($json->{replace_original})
               || $json->{replace_original});

    if ($api && ($json->{channel} || '') !~ /^[CDG][A-Z0-9]+\z/) {
        push(@$violations, 'channel');
        return ($method, [200, '{"ok":false,"error":"channel_not_found"}']);
    }

    $request->{channel} = $api ? $json->{channel} : $method;

    return ($method);
}


sub check_message {
    my ($method, $json) = @_;

    my @found;
    my %known = map { $_ => 1 } @{ $MEMBERS{$method} };

    push(@found, map { "unknown member $_" }
                 grep { !$known{$_} } sort(keys(%$json)));

    push(@found, check_text($json->{text}, 'text', 4000));

    for my $name (qw(ts thread_ts)) {
        push(@found, $name)
            if defined $json->{$name}
               && (!is_string($json->{$name})
                   || $json->{$name} !~ /^\d{10}\.\d{6}\z/);
    }

    push(@found, 'no ts') if $method eq 'chat.update' && !defined $json->{ts};

    push(@found, 'response_type')
        if defined $json->{response_type}
           && $json->{response_type} !~ /^(?:ephemeral|in_channel)\z/;

    for my $name (qw(unfurl_links unfurl_media replace_original)) {
        push(@found, $name) if defined $json->{$name}
                               && !JSON::PP::is_bool($json->{$name});
    }

    for my $attachment (@{ $json->{attachments} || [] }) {
        push(@found, map { "unknown member attachments.$_" }
                     grep { !/^(?:color|fallback|blocks)\z/ }
                     sort(keys(%$attachment)));
        push(@found, 'color')
            if ($attachment->{color} || '') !~ /^#[0-9a-f]{6}\z/;
        push(@found, check_text($attachment->{fallback}, 'fallback', 3000));
        push(@found, check_blocks($attachment->{blocks}));
    }

    push(@found, check_blocks($json->{blocks})) if $json->{blocks};

    return @found;
}


sub check_blocks {
    my ($blocks) = @_;

    return 'blocks are no list' if ref($blocks) ne 'ARRAY';

    my @found;

    push(@found, 'more than 50 blocks') if @$blocks > 50;

    for my $block (@$blocks) {
        my $type = $block->{type} || '';

        if ($type eq 'section') {
            push(@found, 'an empty section')
                if !$block->{text} && !@{ $block->{fields} || [] };
            push(@found, 'more than 10 fields')
                if @{ $block->{fields} || [] } > 10;
            push(@found, check_object($block->{text}, 3000)) if $block->{text};
            push(@found, map { check_object($_, 2000) }
                         @{ $block->{fields} || [] });

        } elsif ($type eq 'context') {
            push(@found, 'elements of a context')
                if !@{ $block->{elements} || [] }
                   || @{ $block->{elements} } > 10;
            push(@found, map { check_object($_, 3000) }
                         @{ $block->{elements} || [] });

        } elsif ($type eq 'actions') {
            push(@found, 'elements of actions')
                if !@{ $block->{elements} || [] }
                   || @{ $block->{elements} } > 25;
            push(@found, map { check_button($_) }
                         @{ $block->{elements} || [] });

        } else {
            push(@found, "block \"$type\"");
        }
    }

    return @found;
}


sub check_object {
    my ($object, $max, $want) = @_;

    return 'no text object' if ref($object) ne 'HASH';

    my $type = $object->{type} || '';

    return "text object \"$type\""
        if defined $want ? $type ne $want
                         : $type !~ /^(?:mrkdwn|plain_text)\z/;

    return check_text($object->{text}, $type, $max);
}


sub check_button {
    my ($button) = @_;

    my @found;

    push(@found, 'no button') if ($button->{type} || '') ne 'button';
    push(@found, check_object($button->{text}, 75, 'plain_text'));
    push(@found, 'action_id')
        if ($button->{action_id} || '') !~ /^.{1,255}\z/;
    push(@found, 'value') if ($button->{value} || '') !~ /^.{1,2000}\z/;

    if (my $confirm = $button->{confirm}) {
        push(@found, check_object($confirm->{title}, 100, 'plain_text'),
                     check_object($confirm->{text}, 300),
                     check_object($confirm->{confirm}, 30, 'plain_text'),
                     check_object($confirm->{deny}, 30, 'plain_text'));
    }

    return @found;
}


# what is left when entities, links and users of ours are taken out must not
# have a character that means something to Slack

sub check_text {
    my ($text, $name, $max) = @_;

    return "$name is no text" if !is_string($text);
    return "$name is empty" if $text eq '';
    return "$name is too long" if utf16($text) > $max;

    my $rest = $text;

    $rest =~ s/&(?:amp|lt|gt);//g;
    $rest =~ s/<https?:\/\/[\x21-\x7b}~]+\|[^<>|]+>//g;
    $rest =~ s/<\@[UW][A-Z0-9]+>//g;

    return "$name has markup of a stranger: $text" if $rest =~ /[<>&]/;

    return ();
}


sub utf16 {
    my ($text) = @_;

    return length($text) + ($text =~ tr/\x{10000}-\x{10ffff}//);
}


sub is_string {
    return defined $_[0] && !ref($_[0])
           && !Test::Deploy::CodeBuild::is_number($_[0]);
}


# the limits of a channel

sub check_rate {
    my ($state, $request, $method) = @_;

    my $channel = $request->{channel};
    my $now = time();

    push(@{ $request->{violations} },
         "$method for $channel before Retry-After is over")
        if ($state->{paused}{"$method $channel"} || 0) > $now + 0.05;

    my $sent = $state->{sent}{$channel} ||= [];

    push(@$sent, $now);
    shift(@$sent) while $sent->[0] < $now - $WINDOW;

    push(@{ $request->{violations} },
         scalar(@$sent) . " messages for $channel in $WINDOW seconds")
        if @$sent > $BURST;
}


###############################################################################
# what is answered


sub handle {
    my ($self, $s, $request) = @_;

    my ($method, $refused) = $self->check_request($request);

    my $answer = $self->update(sub {
        my ($state) = @_;

        $request->{n} = ++$state->{requests};
        $request->{api} = $method;

        return { status => $refused->[0], body => $refused->[1] } if $refused;

        if ($method eq 'response') {
            push(@{ $request->{violations} }, 'more than five responses')
                if ++$state->{responses}{$request->{target}} > 5;

        } else {
            check_rate($state, $request, $method);
        }

        return $self->decide($state, $request, $method);
    });

    $request->{fault} = $answer->{name} if defined $answer->{name};
    $request->{status} = $answer->{status};

    $self->append('requests', $request);

    my @headers = ('Content-Type: ' . ($answer->{body} =~ /^\{/
                   ? 'application/json; charset=utf-8' : 'text/html'));

    push(@headers, "Retry-After: $answer->{retry_after}")
        if defined $answer->{retry_after};

    # whoever follows it sends what has an unknown target
    push(@headers, 'Location: ' . $self->endpoint() . '/elsewhere')
        if $answer->{status} =~ /^3/;

    return $self->reply($s, $request, $answer, $answer->{status}, \@headers,
                        $answer->{body});
}


sub decide {
    my ($self, $state, $request, $method) = @_;

    my $f = $state->{faults}{$method} || {};
    $f = $state->{faults}{'*'} || {} if !@{ $f->{queue} || [] }
                                        && !defined $f->{always};

    my $fault = @{ $f->{queue} || [] } ? shift(@{ $f->{queue} })
                                       : $f->{always};
    my %answer = ref($fault) ? %$fault : (fault => $fault);
    my $name = $answer{fault};
    my $api = ($method =~ /^chat/);

    delete $answer{fault};

    $name = undef if defined $name && $name eq 'ok';
    $answer{name} = $name if defined $name;

    if (defined $name) {
        if ($name eq '429') {
            $answer{retry_after} = 1 if !defined $answer{retry_after};
            $state->{paused}{"$method $request->{channel}"} =
                                              time() + $answer{retry_after};
        }

        return { %answer, status => $name,
                 body => ($api && $name eq '429')
                         ? '{"ok":false,"error":"ratelimited"}' : $name }
            if $name =~ /^\d{3}\z/;

        return { %answer, status => $api ? 200 : 400,
                 body => $api ? qq({"ok":false,"error":"$1"}) : $1 }
            if $name =~ /^error:(\w+)\z/;

        return { %answer, status => 200, body => '' }
            if $name =~ /^(?:reset|close|hang)\z/;

        push(@{ $request->{violations} }, "unknown fault $name")
            if $name !~ /^(?:badjson|nots|late)\z/;
    }

    return { %answer, status => 200, body => $method eq 'webhook' ? 'ok' : '',
             %{ $self->write_message($state, $request, $method) } } if !$api;

    my $done = $self->write_message($state, $request, $method);

    return { %answer, %$done } if $done->{status};

    my %body = (ok => JSON::PP::true, channel => $done->{channel},
                ts => $done->{ts}, message => $request->{json});

    delete $body{ts} if defined $name && $name eq 'nots';

    my $body = $JSON->encode(\%body);

    $body = substr($body, 0, 10) if defined $name && $name eq 'badjson';

    return { %answer, status => 200, body => $body };
}


sub write_message {
    my ($self, $state, $request, $method) = @_;

    my $json = $request->{json};
    my $channel = $request->{channel};
    my $messages = $state->{messages};

    if ($method eq 'chat.update' || defined $json->{thread_ts}) {
        my $ts = defined $json->{ts} ? $json->{ts} : $json->{thread_ts};
        my ($old) = grep { $_->{channel} eq $channel && $_->{ts} eq $ts }
                    @$messages;

        return { status => 200, body => '{"ok":false,"error":"'
                 . ($method eq 'chat.update' ? 'message_not_found'
                                             : 'thread_not_found') . '"}' }
            if !$old;

        if ($method eq 'chat.update') {
            $old->{versions}++;
            $old->{body} = $json;
            $old->{$_} = $json->{$_} for qw(text attachments);

            return { channel => $channel, ts => $ts };
        }

        push(@{ $old->{replies} }, $json);

        return { channel => $channel, ts => sprintf('%.6f', time()) };
    }

    my $ts = sprintf('%010d.%06d', 1700000000 + $request->{n},
                     $request->{n});

    push(@$messages, {
        channel => $channel, ts => $ts, versions => 1, body => $json,
        replies => [], time => time(), target => $request->{target},
        map { $_ => $json->{$_} } qw(text attachments),
    });

    return { channel => $channel, ts => $ts };
}


1;
