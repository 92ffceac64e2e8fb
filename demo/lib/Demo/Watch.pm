package Demo::Watch;

# Copyright (C) ngx_deploy_module authors

# What happens behind the scene, a line for each request: to CodeBuild, of
# builds, to Slack.

use warnings;
use strict;

use JSON::PP ();
use Time::HiRes qw(sleep time);

use Demo::Mrkdwn qw(words);

my $JSON = JSON::PP->new->utf8;


sub new {
    my ($class, $stage) = @_;

    return bless {
        stage => $stage, start => time(), all => 0, seen => {}, names => {},
        color => -t STDOUT && !defined $ENV{NO_COLOR},
    }, $class;
}


# also the requests of people: they are those of the reader now

sub all { $_[0]{all} = 1 }


sub say {
    my ($self, $who, $text, $time) = @_;

    $text =~ s/\s+/ /g;
    $text = substr($text, 0, 197) . '...' if length($text) > 200;

    my $line = sprintf('%6.1f s  %-12s %s', ($time || time())
                                            - $self->{start}, $who, $text);

    utf8::encode($line);
    print "$line\n";
}


sub title {
    my ($self, $text) = @_;

    print $self->{color} ? "\n\e[1m$text\e[0m\n" : "\n$text\n";
}


# shows what is new while it waits, at most so many seconds, for something

sub until {
    my ($self, $code, $seconds) = @_;

    my $end = time() + $seconds;

    while (1) {
        my $done = $code->();

        $self->show();

        return $done if $done || time() > $end;

        sleep(0.05);
    }
}


sub show {
    my ($self) = @_;

    my ($stage, @new) = ($self->{stage});

    push(@new, map { [$_->{time}, \&codebuild, $_] }
                   $self->unseen('codebuild', $stage->{cb}->requests()));
    push(@new, map { [$_->{time}, \&slack, $_] }
                   $self->unseen('slack', $stage->{slack}->requests()));
    push(@new, map { [$_->{time}, \&request, $_] }
                   map { $JSON->decode($_) }
                       $self->unseen('requests',
                            split(/\n/, $stage->{t}
                                              ->read_file('requests.log'))));

    for (sort { $a->[0] <=> $b->[0] } @new) {
        my ($time, $code, $request) = @$_;

        $code->($self, $request, $time);
    }
}


sub unseen {
    my ($self, $name, @all) = @_;

    my $seen = $self->{seen}{$name} || 0;

    $self->{seen}{$name} = @all;

    return splice(@all, $seen);
}


# "api-prod #1" of the id of a build

sub build_name {
    my ($self, $id) = @_;

    if (!$self->{names}{$id}) {
        $self->{names}{$_->{id}} = "$_->{project} #$_->{number}"
            for $self->{stage}{cb}->builds();
    }

    return $self->{names}{$id} || $id;
}


sub codebuild {
    my ($self, $request, $time) = @_;

    my $json = $request->{json} || {};
    my $version = $json->{sourceVersion};

    my ($id) = grep { defined } $json->{id}, @{ $json->{ids} || [] };

    $self->say('-> CodeBuild', ($request->{operation} || '') . ' '
               . (defined $id ? $self->build_name($id)
                              : $request->{project} || '')
               . (defined $version ? ', source ' . substr($version, 0, 10)
                                   : '')
               . " -> $request->{status} "
               . (defined $request->{build}
                  ? $self->build_name($request->{build})
                  : $request->{error} || ''), $time);
}


sub slack {
    my ($self, $request, $time) = @_;

    my $json = $request->{json} || {};
    my $names = \%Demo::Stage::NAMES;
    my $channel = $json->{channel};
    my $what = ($request->{api} || '') eq 'response' ? 'answer'
               : defined $json->{thread_ts} ? 'reply in thread'
               : ($request->{api} || '') eq 'chat.update' ? 'message changed'
               : 'new message';

    $self->say('-> Slack', (defined $channel ? "#$names->{$channel} " : '')
               . "$what: " . words($json->{text}, $names), $time);
}


# what has come to nginx

sub request {
    my ($self, $request, $time) = @_;

    my %form = Demo::Web::form($request->{body});
    my $answer = "-> $request->{status} $request->{answer}";

    if ($request->{uri} eq '/builds' && defined $form{build_id}) {
        $self->say($self->build_name($form{build_id}), 'deploy-notify '
                   . join(' ', grep { defined } @form{qw(phase status)})
                   . " $answer", $time);
        return;
    }

    if ($request->{uri} eq '/events') {
        $self->say('EventBridge', "$request->{repo}: $request->{action} "
                   . $answer, $time);
        return;
    }

    return if !$self->{all};

    $self->say($request->{uri}, ($request->{uri} =~ /slack/
               ? join(' ', defined $form{payload} ? 'button'
                           : grep { defined } @form{qw(command text)})
               : join(' ', grep { length } @$request{qw(event action repo
                                                        branch)}))
               . " ($request->{verify}) $answer", $time);
}


1;
