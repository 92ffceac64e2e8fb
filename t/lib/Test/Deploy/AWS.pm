package Test::Deploy::AWS;

# Copyright (C) ngx_deploy_module authors

# What the stand-ins of the sources of credentials have in common, and the
# program that walks the chain.  A request that a careful client would not
# send is a violation that fails the test at its end.
#
#     my $imds = $t->helper(Test::Deploy::IMDS->new($t));
#     $imds->fault('token', 403);
#     my $r = chain($t, { AWS_EC2_METADATA_SERVICE_ENDPOINT =>
#                         $imds->endpoint() }, kind => 'imds');
#     is($r->{id}, 'ASIAIMDS', 'key');
#
# A fault, for a step of the stand-in's protocol, is a status, a word of
# Test::Deploy::CodeBuild (hang, reset, close, truncated, slow, chunked,
# noclose), "huge" (an endless body), "garbage" (no HTTP), or a hash with
# status, body, fault and headers.  The option "mint" is of all stand-ins.

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();
use Socket qw(CRLF);
use Time::HiRes qw(time);

use Test::Deploy ();
use Test::Deploy::CodeBuild ();
use Test::Deploy::Mint ();

our @ISA = ('Test::Deploy::CodeBuild');
our @EXPORT_OK = qw(chain iso);

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;


# the result of one walk, in an environment of these variables alone; keys
# of %args are arguments of t/tool/credentials.c; sanitized when nginx is,
# unless "plain" is given

sub chain {
    my ($t, $env, %args) = @_;

    my $dir = $ENV{TEST_NGINX_TOOLS} || "$Test::Deploy::ROOT/build/t";
    my $tool = "$dir/credentials"
               . (!delete $args{plain}
                  && ($ENV{TEST_NGINX_MODULE} || '') eq 'static'
                  ? '-asan' : '');

    my $find = delete $args{find} || [];
    my @args = map { "$_=$args{$_}" } sort keys %args;

    # not to be found in the arguments
    push(@args, map { 'find=' . unpack('H*', $_ ^ ("\x55" x length($_))) }
                @$find);

    my $pid = open(my $out, '-|');
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        %ENV = (AWS_EC2_METADATA_DISABLED => 'true',
                map({ $_ => $ENV{$_} } grep { /SAN_OPTIONS/ } keys %ENV),
                %$env);

        # late binding saves vector registers, and what was copied with them
        $ENV{LD_BIND_NOW} = 1;

        delete $ENV{$_} for grep { !defined $ENV{$_} } keys %ENV;

        open(STDERR, '>&', \*STDOUT);
        exec($tool, @args) or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> };
    close($out);

    my $r = eval { $JSON->decode($text) };

    if ($? || ref($r) ne 'HASH') {
        Test::More::fail("$tool: status $?");
        Test::More::diag($text);
        return {};
    }

    return $r;
}


sub iso {
    my ($time) = @_;

    my @t = gmtime($time);

    return sprintf('%04d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1,
                   @t[3, 2, 1, 0]);
}


sub env { return {} }


# what is given out: id, secret, token, expires; with the option mint
# others each time, which live as long as lifetime() says

sub key {
    my ($self, $state) = @_;

    my $lifetime = defined $state->{lifetime} ? $state->{lifetime}
                                              : $self->{lifetime};

    return Test::Deploy::Mint::mint($state, $lifetime) if $self->{mint};

    return { id => $self->{id}, secret => $self->{secret},
             token => $self->{token}, expires => int(time() + $lifetime) };
}


sub lifetime {
    my ($self, $seconds) = @_;

    $self->update(sub { $_[0]{lifetime} = $seconds });
}


# the option address: another one than 127.0.0.1, also of IPv6

sub listen_on {
    my ($self, $port) = @_;

    return $self->SUPER::listen_on($port) unless defined $self->{address};

    require IO::Socket::IP;

    return IO::Socket::IP->new(LocalHost => $self->{address},
                               LocalPort => $port, Listen => 511,
                               ReuseAddr => 1)
           || die "can't listen on $self->{address}: $!";
}


sub check {
    my ($self) = @_;

    my @violations = $self->violations();
    my ($name) = ref($self) =~ /(\w+)\z/;

    Test::More::ok(!@violations, "$name: no violation")
        or Test::More::diag(join("\n", @violations));
}


# "PUT /latest/api/token", ...; what came before forget() is left out

sub log {
    my ($self) = @_;

    my @requests = $self->requests();

    return map { "$_->{method} $_->{target}" }
           @requests[($self->{forgotten} || 0) .. $#requests];
}


# no faults any more, no requests yet

sub forget {
    my ($self) = @_;

    $self->update(sub { $_[0]{faults} = {} });
    $self->{forgotten} = () = $self->requests();

    return $self;
}


sub header {
    my ($request, $name) = @_;

    my @values = map { $_->[1] } grep { lc $_->[0] eq $name }
                 @{ $request->{headers} };

    return $values[0];
}


# as the parent's, but GET has no body

sub read_request {
    my ($self, $s, $buf) = @_;

    while ($$buf !~ /\x0d\x0a\x0d\x0a/) {
        my $n = Test::Deploy::CodeBuild::read_more($s, $buf, 75);
        return undef unless $n;
        last if length($$buf) > 131072;
    }

    my ($head, $rest) = split(/\x0d\x0a\x0d\x0a/, $$buf, 2);
    my ($line, @lines) = split(/\x0d\x0a/, $head);
    my (@violations, %count);

    my $request = { headers => [], violations => \@violations, body => '' };

    if ($line =~ m{^([A-Z]+) (/[!-~]*) HTTP/1\.1\z}) {
        @$request{qw(method target)} = ($1, $2);

    } else {
        @$request{qw(method target)} = ('', '');
        push(@violations, "request line \"$line\"");
    }

    for (@lines) {
        if (/^([A-Za-z0-9\-]+): (.*)\z/) {
            push(@{ $request->{headers} }, [$1, $2]);
            push(@violations, "header $1 twice") if $count{lc $1}++;

        } else {
            push(@violations, "malformed header \"$_\"");
        }
    }

    my $length = header($request, 'content-length');

    if ($request->{method} eq 'GET') {
        push(@violations, 'Content-Length of GET') if defined $length;
        $length = 0;

    } elsif (!defined $length || $length !~ /^\d{1,6}\z/) {
        push(@violations, 'no Content-Length');
        $length = 0;
    }

    $$buf = defined $rest ? $rest : '';

    while (length($$buf) < $length) {
        my $n = Test::Deploy::CodeBuild::read_more($s, $buf, 10);
        return undef unless $n;
    }

    $request->{body} = substr($$buf, 0, $length, '');

    push(@violations, 'more bytes than Content-Length') if length($$buf);

    return $request;
}


# headers a request may have, besides Host, User-Agent and Content-Length

sub check_headers {
    my ($request, @names) = @_;

    my %known = map { $_ => 1 } qw(host user-agent content-length), @names;

    for (@{ $request->{headers} }) {
        push(@{ $request->{violations} }, "unexpected header $_->[0]")
            if !$known{lc $_->[0]};
    }

    push(@{ $request->{violations} }, "Accept is not */* or JSON")
        if defined header($request, 'accept')
           && header($request, 'accept') !~ m!^(?:\*/\*|application/json)\z!;
}


# A stand-in's part: step($request) names the step of a request, undef for
# none; answer($state, $request, $step) gives status, content type, body.

sub handle {
    my ($self, $s, $request) = @_;

    my $step = $self->step($request);

    my ($fault, @answer);

    $self->update(sub {
        my ($state) = @_;

        $request->{n} = ++$state->{requests};
        $request->{step} = $step;

        if (!defined $step) {
            push(@{ $request->{violations} },
                 "unexpected $request->{method} $request->{target}");
            @answer = (404, 'text/plain', '');
            $fault = {};
            return;
        }

        $fault = $self->next_fault($state, $step);

        if (defined $fault->{fault} && $fault->{fault} =~ /^\d{3}\z/) {
            $fault = { status => $fault->{fault} };
        }

        @answer = $self->answer($state, $request, $step);
    });

    my ($status, $type, $body) = @answer;

    if (defined $fault->{status}) {
        $status = $fault->{status};
        $body = '' if $status != 200;
    }

    $body = $fault->{body} if defined $fault->{body};

    $request->{status} = $status;
    $self->append('requests', $request);

    my $date = defined $fault->{date} ? $fault->{date}
                                      : time() + $self->{skew};

    my @headers = ("Content-Type: $type", @{ $fault->{headers} || [] },
                   'Date: ' . Test::Deploy::CodeBuild::http_date($date));

    my $name = defined $fault->{fault} ? $fault->{fault} : '';

    if ($name eq 'garbage') {
        Test::Deploy::CodeBuild::put($s, "SSH-2.0-x\r\n");
        return 0;
    }

    if ($name eq 'huge') {
        Test::Deploy::CodeBuild::put($s, "HTTP/1.1 200 OK" . CRLF . CRLF);
        1 while Test::Deploy::CodeBuild::put($s, '{' . ' ' x 16383);
        return 0;
    }

    return $self->reply($s, $request, { %$fault, name => $name }, $status,
                        \@headers, $body);
}


1;
