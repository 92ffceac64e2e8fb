package Demo::Web;

# Copyright (C) ngx_deploy_module authors

# The page of the messages on the loopback, for a browser: GET /, /compose,
# /confirm, /builds/N (output of a build), POST /command and /press.  What is posted
# needs the key that the page has, so that no other site can do it.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(CRLF);

my $MAX_HEAD = 16384;
my $MAX_BODY = 65536;

my %REASON = (200 => 'OK', 303 => 'See Other', 400 => 'Bad Request',
              403 => 'Forbidden', 404 => 'Not Found',
              405 => 'Method Not Allowed');


sub new {
    my ($class, $port, $stage) = @_;

    my $self = bless { port => $port, stage => $stage }, $class;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $port, Proto => 'tcp',
                                       Listen => 64, ReuseAddr => 1)
        or die "can't listen on $port: $!";

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        setpgrp(0, 0);
        $SIG{$_} = 'DEFAULT' for qw(INT TERM);
        $SIG{CHLD} = $SIG{PIPE} = 'IGNORE';

        eval { $self->serve($listen) };
        print STDERR $@ if $@;
        POSIX::_exit(0);
    }

    # in both, whoever is first
    POSIX::setpgid($pid, $pid);

    $self->{pid} = $pid;

    return $self;
}


sub stop {
    my ($self) = @_;

    return unless $self->{pid};

    kill('KILL', -$self->{pid});
    waitpid($self->{pid}, 0);

    $self->{pid} = 0;
}


sub check { }


# a process for each connection, as browsers open some that they do not use

sub serve {
    my ($self, $listen) = @_;

    my $select = IO::Select->new($listen);
    my $parent = getppid();

    while (getppid() == $parent) {
        next if !$select->can_read(1);

        my $s = $listen->accept() or next;

        my $pid = fork();
        next if !defined $pid || $pid;

        alarm(30);
        eval { $self->connection($s) };
        print STDERR $@ if $@;
        POSIX::_exit(0);
    }
}


sub connection {
    my ($self, $s) = @_;

    my $buf = '';

    while ($buf !~ /\x0d\x0a\x0d\x0a/) {
        return if length($buf) > $MAX_HEAD;
        sysread($s, $buf, 4096, length($buf)) or return;
    }

    my ($head, $body) = split(/\x0d\x0a\x0d\x0a/, $buf, 2);
    my ($line, @lines) = split(/\x0d\x0a/, $head);
    my %headers = map { /^([^:]+):\s*(.*?)\s*\z/ ? (lc($1) => $2) : () }
                      @lines;

    my ($method, $uri) = $line =~ m{^([A-Z]+) (\S+) HTTP/1\.[01]\z};
    return if !defined $method;

    my $length = $headers{'content-length'} || 0;
    return if $length !~ /^\d+\z/ || $length > $MAX_BODY;

    while (length($body) < $length) {
        sysread($s, $body, 4096, length($body)) or return;
    }

    my ($status, $html, @more) = $self->answer($method, $uri, \%headers,
                                               $body);

    utf8::encode($html);

    syswrite($s, join(CRLF, "HTTP/1.1 $status $REASON{$status}",
        'Content-Type: text/html; charset=utf-8',
        'Content-Length: ' . length($html), 'Connection: close',
        'Cache-Control: no-store', 'X-Content-Type-Options: nosniff',
        'Referrer-Policy: no-referrer',
        "Content-Security-Policy: default-src 'none'; style-src"
        . " 'unsafe-inline'; form-action 'self'; base-uri 'none';"
        . " frame-ancestors 'none'", @more, '', '')
        . ($method eq 'HEAD' ? '' : $html));
}


# (status, HTML, headers)

sub answer {
    my ($self, $method, $uri, $headers, $body) = @_;

    my $stage = $self->{stage};
    my $host = $headers->{host} || '';

    # another name could be that of a site which was made to lead here

    return (403, 'This is 127.0.0.1 only.')
        if $host !~ /^(?:127\.0\.0\.1|localhost):$self->{port}\z/;

    if ($method eq 'GET' || $method eq 'HEAD') {
        return (200, $stage->page(refresh => 2)) if $uri eq '/';
        return (200, $stage->page()) if $uri eq '/compose';
        return (200, $stage->page(asked => { form($1) }))
            if $uri =~ m{^/confirm\?(.*)}s;

        my $log = $uri =~ m{^/builds/(\d{1,6})\z} ? $stage->log($1) : undef;

        return defined $log ? (200, $log) : (404, 'There is no such page.');
    }

    return (405, 'GET or POST', 'Allow: GET, HEAD, POST')
        if $method ne 'POST';

    my %form = form($body);

    return (403, 'The key of the page is missing.')
        if ($form{key} || '') ne $stage->{key};

    if ($uri eq '/command') {
        $stage->command('U024BE7LH', defined $form{text} ? $form{text} : '');

        return (303, '', 'Location: /#end');
    }

    if ($uri eq '/press') {
        return (400, 'Something is missing.')
            if grep { !defined $form{$_} } qw(action_id value label channel
                                              ts);

        $stage->press('U024BE7LH', %form);

        return (303, '', 'Location: /#end');
    }

    return (404, 'There is no such page.');
}


sub form {
    my ($body) = @_;

    my %form;

    for my $pair (split(/&/, $body)) {
        my ($name, $value) = split(/=/, $pair, 2);

        next if !defined $value;

        $value =~ tr/+/ /;
        $value =~ s/%([0-9a-fA-F]{2})/chr(hex($1))/eg;
        utf8::decode($value);

        $form{$name} = $value;
    }

    return %form;
}


1;
