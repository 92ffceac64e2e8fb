package Test::Deploy::Abuse;

# Copyright (C) ngx_deploy_module authors

# Rows of bad input: what each is answered, what is logged, and that nothing
# else happened.
#
#     my $abuse = Test::Deploy::Abuse->new($t, $cb, port => 8080);
#
#     $abuse->row('no signature', raw_post('/hook', $body), 403,
#                 'notice signature missing');
#     $abuse->row('a branch', raw_post(...), 200, 'notice deploy started',
#                 env => { BRANCH => 'main' });
#     $abuse->done();
#
# The request is the bytes to be sent; the status is what is answered, or
# several separated by blanks, or "closed" for no answer.  The log is a level
# and a regex of one line; without it there is none at warn or above.  With
# env exactly one build is started, with these variables and version; without
# it no request comes to CodeBuild.  Other options: end (nothing more is sent:
# the client shuts down its side), body (a regex of the answer), access (the
# status in the access log).
#
# One row is one test, which names everything that is wrong.  There has to be
# one worker, a location /static, and no log but error.log and access.log.

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();
use Socket qw(CRLF SHUT_WR);
use Test::More ();

use Test::Deploy;

our @EXPORT = qw(raw_post raw_request);

my @LEVELS = qw(debug info notice warn error crit alert emerg);
my %LEVEL = map { $LEVELS[$_] => $_ } 0 .. $#LEVELS;

my $INTERNAL = qr/ngx_|\.c:\d|0x[0-9a-f]{6}|nginx\/\d|AKIDEXAMPLE|ngx-deploy-/;


# bytes of a request; a value that is undef leaves out what would be added

sub raw_request {
    my ($method, $uri, $body, @headers) = @_;

    my ($head, %seen) = ('');

    while (my ($name, $value) = splice(@headers, 0, 2)) {
        $seen{lc $name} = 1;
        $head .= "$name: $value" . CRLF if defined $value;
    }

    $head .= 'Host: localhost' . CRLF unless $seen{host};
    $head .= 'Connection: close' . CRLF unless $seen{connection};
    $head .= 'Content-Length: ' . length($body) . CRLF
        unless $seen{'content-length'} || $seen{'transfer-encoding'};

    return "$method $uri HTTP/1.1" . CRLF . $head . CRLF . $body;
}


sub raw_post {
    my ($uri, $body, @headers) = @_;

    push(@headers, 'Content-Type' => 'application/json')
        unless grep { !($_ % 2) && lc($headers[$_]) eq 'content-type' }
               0 .. $#headers;

    return raw_request('POST', $uri, $body, @headers);
}


sub new {
    my ($class, $t, $cb, %opts) = @_;

    my $self = bless { t => $t, cb => $cb, port => 8080, secrets => [],
                       rows => 0, builds => 0, names => {}, %opts }, $class;

    ($self->{worker}) = $t->worker_pids();
    $self->{static} = http_connect(port => $self->{port});
    $self->still_serves();

    return $self;
}


sub rows { return $_[0]{rows} }


# a location that has nothing to do with it, on a connection that is kept

sub still_serves {
    my ($self) = @_;

    my $r = http('GET /static HTTP/1.1' . CRLF . 'Host: a' . CRLF . CRLF,
                 socket => $self->{static}, keep => 1, timeout => 5);

    return $r =~ m!^HTTP/1\.1 200 .*static!s;
}


# the connections that the worker has of clients

sub connections {
    my ($self) = @_;

    my $port = sprintf('%04X', $self->{t}->port($self->{port}));

    return scalar grep { /^\s*\d+: 0100007F:$port [0-9A-F:]+ (?:01|08) / }
                  split(/\n/, $self->{t}->read_file('/proc/net/tcp'));
}


sub since {
    my ($self, $name) = @_;

    return substr($self->{t}->read_file($name), $self->{at}{$name} || 0);
}


sub requests {
    my ($self) = @_;

    my @lines = split(/\n/, $self->{t}->read_file("$self->{cb}{dir}"
                                                  . '/requests.jsonl'));
    return scalar @lines;
}


sub send_row {
    my ($self, $request, $opts) = @_;

    my $s = http_connect(port => $self->{port});

    if ($opts->{end}) {
        http($request, socket => $s, start => 1);
        shutdown($s, SHUT_WR);
        $request = '';
    }

    my $raw = http($request, socket => $s, timeout => $opts->{timeout} || 8);

    close($s);

    return $raw;
}


sub row {
    my ($self, $name, $request, $status, $log, %opts) = @_;

    my $t = $self->{t};

    die "row \"$name\" is there twice" if $self->{names}{$name}++;

    $self->{rows}++;
    $self->{at} = { map { $_ => length($t->read_file($_)) }
                    qw(error.log access.log) };

    my $before = $self->requests();
    my $raw = $self->send_row($request, \%opts);
    my $told = join(' ', $raw =~ m!^HTTP/1\.1 (\d{3}) !mg) || 'closed';
    my @wrong;

    push(@wrong, "answered $told, not $status") if $told ne $status;
    push(@wrong, "no $opts{access} in the access log")
        if $opts{access} && !wait_for(sub {
            return $self->since('access.log') =~ /" $opts{access} /;
        }, undef, 3);
    push(@wrong, 'static location') unless $self->still_serves();
    push(@wrong, $self->wrong_log($log));
    push(@wrong, $self->wrong_answer($raw, \%opts));
    push(@wrong, $self->wrong_builds($before, \%opts));
    push(@wrong, 'another worker')
        if join(' ', $t->worker_pids()) ne $self->{worker};
    push(@wrong, 'connections are left: ' . $self->connections())
        unless wait_for(sub { $self->connections() == 1 }, undef, 5);

    Test::More::ok(!@wrong, $name)
        or Test::More::diag(join("\n", @wrong, "answer: $raw", 'log:',
                                 $self->since('error.log')));
}


# the line, none that is worse, and nothing that breaks a line or a terminal

sub wrong_log {
    my ($self, $log) = @_;

    my @wrong;
    my ($level, $pattern) = split(/ /, $log || 'notice', 2);

    if (defined $pattern) {
        wait_for(sub {
            return $self->since('error.log') =~ /\[$level\] .*(?:$pattern)/;
        }, undef, 3) or push(@wrong, "no [$level] line: $pattern");
    }

    my $text = $self->since('error.log');

    for my $line (split(/\n/, $text)) {
        if ($line !~ m!^\d{4}/\d\d/\d\d [\d:]+ \[(\w+)\] \d+#\d+: !) {
            push(@wrong, "a line that nginx did not begin: $line");

        } elsif ($LEVEL{$1} > $LEVEL{$level}) {
            push(@wrong, "worse than [$level]: $line");
        }
    }

    my $access = $self->since('access.log');

    for my $line (split(/\n/, $access)) {
        push(@wrong, "access log: $line") if $line !~ /^127\.0\.0\.1 - /;
    }

    push(@wrong, 'control bytes in a log')
        if "$text$access" =~ /[\x00-\x09\x0b-\x1f\x7f]/;
    push(@wrong, map { "\"$_\" in a log" }
                 grep { index("$text$access", $_) >= 0 }
                 @{ $self->{secrets} });

    return @wrong;
}


sub wrong_answer {
    my ($self, $raw, $opts) = @_;

    my @wrong;

    push(@wrong, map { "\"$_\" in the answer" }
                 grep { index($raw, $_) >= 0 } @{ $self->{secrets} });
    push(@wrong, "internals in the answer: $&") if $raw =~ $INTERNAL;
    push(@wrong, 'control bytes in the answer')
        if $raw =~ /[\x00-\x08\x0b\x0c\x0e-\x1f]|\x0d(?!\x0a)/;

    if ($raw =~ m!content-type: application/json!i && $raw !~ /HTTP.*HTTP/s) {
        my ($json) = $raw =~ /\x0d\x0a\x0d\x0a(.*)\z/s;

        push(@wrong, 'the answer is no JSON in one line')
            unless $json eq '' || $json =~ /^\{[^\n]*\}\n\z/
                   && eval { JSON::PP->new->utf8->decode($json) };
    }

    push(@wrong, "the answer is not $opts->{body}")
        if defined $opts->{body} && $raw !~ $opts->{body};

    return @wrong;
}


sub wrong_builds {
    my ($self, $before, $opts) = @_;

    my $n = $self->requests() - $before;

    return $n ? ("$n requests to CodeBuild") : () unless $opts->{env};
    return "$n requests to CodeBuild, not one" if $n != 1;

    my $build = ($self->{cb}->builds())[-1];
    my ($env, @wrong) = ($opts->{env});

    $self->{builds}++;

    for my $name (sort keys %$env) {
        my $got = $name eq 'version' ? $build->{request}{sourceVersion}
                                     : $build->{env}{$name};

        push(@wrong, "$name is " . (defined $got ? "\"$got\"" : 'not set'))
            if !defined $got || $got ne $env->{$name};
    }

    return @wrong;
}


# what came later than its row would be seen here

sub done {
    my ($self) = @_;

    close($self->{static});

    my @ids = map { $_->{id} } $self->{cb}->builds();

    Test::More::is(scalar @ids, $self->{builds}, 'no other build was started');

    $self->{t}->done();
}


1;
