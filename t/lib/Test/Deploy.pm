package Test::Deploy;

# Copyright (C) ngx_deploy_module authors

# A harness for tests of the module: a temporary directory, nginx in it, and
# a test that fails when nginx complains.
#
#     my $t = Test::Deploy->new();
#     my $cb = $t->codebuild();
#
#     $t->write_file('secret', "0123456789abcdef\n", 0600);
#     $t->run(<<'EOF');
#     %%TEST_GLOBALS%%
#     events {}
#     http {
#         %%TEST_GLOBALS_HTTP%%
#         server {
#             listen 127.0.0.1:%%PORT_8080%%;
#             ...
#
#     my $r = http_post('/hook', $body, sign_github($secret, $body));
#     is($r->status, 200, 'started');
#
#     $t->done();
#
# Environment: TEST_NGINX_BINARY (/usr/sbin/nginx), TEST_NGINX_MODULE (the
# path of the .so, build/ngx_deploy_module.so; "static": built in; "none":
# a plain nginx), TEST_NGINX_GLOBALS, TEST_NGINX_GLOBALS_HTTP,
# TEST_NGINX_LOG (info), TEST_NGINX_LEAVE (keep the directory),
# TEST_NGINX_VERBOSE (print requests and answers).

use warnings;
use strict;

use Cwd qw(abs_path);
use Errno qw(EINTR);
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Socket qw(CRLF);
use Test::More ();
use Time::HiRes qw(sleep time);

our @EXPORT = qw(http http_get http_post http_request http_connect
                 http_response port wait_for fixture nginx_t curl);

our $ROOT = dirname(dirname(dirname(dirname(abs_path(__FILE__)))));

my $current;
my %locks;
my @instances;

my $NGINX = $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
my $MODULE = $ENV{TEST_NGINX_MODULE} || "$ROOT/build/ngx_deploy_module.so";

my $BAD_LINE = qr/\[(?:alert|crit|emerg)\]|open socket .* left/;
my $SANITIZER = qr/(?:Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer
                   |runtime\ error:/x;


###############################################################################
# life


# workers: how many, 1; plain: a module that is loaded is not

sub new {
    my ($class, %opts) = @_;

    my $self = bless {
        dir => tempdir('ngx-deploy-XXXXXXXX', TMPDIR => 1),
        pid => 0,
        owner => $$,
        ports => {},
        vars => {},
        env => {},
        expected => [],
        helpers => [],
        nconf => 0,
        started => 0,
        finished => 0,
        workers => $opts{workers} || 1,
        plain => $opts{plain},
    }, $class;

    chmod(0755, $self->{dir});

    $current = $self;
    push(@instances, $self);

    return $self;
}


sub dir { return $_[0]{dir} }

sub binary { return $NGINX }

# "" when the tests run with a plain nginx

sub module { return ($MODULE eq 'none') ? '' : $MODULE }


# skips the whole test unless nginx was built with what it needs:
# "http_v2_module", "debug"

sub has {
    my ($self, @features) = @_;

    my $v = `$NGINX -V 2>&1`;

    for my $feature (@features) {
        if ($feature eq 'deploy') {
            next if $MODULE ne 'none';

        } elsif ($v =~ /--with-\Q$feature\E\b/) {
            next;
        }

        Test::More::plan(skip_all => "no $feature");
    }

    return $self;
}


# a value for %%NAME%% in configurations

sub var {
    my ($self, $name, $value) = @_;

    if (@_ > 2) {
        $self->{vars}{$name} = $value;
        return $self;
    }

    return $self->{vars}{$name};
}


# the environment of nginx: everything that begins with AWS_ is taken out
# first; undef takes a variable out

sub env {
    my ($self, %env) = @_;

    $self->{env} = { %{ $self->{env} }, %env };

    return $self;
}


# declares lines of the error log that would fail the test otherwise

sub expect {
    my ($self, @patterns) = @_;

    push(@{ $self->{expected} }, @patterns);

    return $self;
}


# the stand-in of CodeBuild: %%CODEBUILD%% is its endpoint, %%CODEBUILD_TLS%%
# the other one, credentials are put into nginx's environment

sub codebuild {
    my ($self, %opts) = @_;

    require Test::Deploy::CodeBuild;

    my $cb = Test::Deploy::CodeBuild->new($self, %opts);

    push(@{ $self->{helpers} }, $cb);

    my $n = grep { ref($_) eq 'Test::Deploy::CodeBuild' }
            @{ $self->{helpers} };
    $n = ($n == 1) ? '' : $n;

    $self->var("CODEBUILD$n", $cb->endpoint());
    $self->var("CODEBUILD_TLS$n", $cb->endpoint_tls()) if $cb->{tls_port};
    $self->env(%{ $cb->env() }) if $n eq '' && !$opts{no_env};

    return $cb;
}


# the stand-in of Slack: %%SLACK%% is its endpoint, slack.token and
# slack.webhook are the files of its secrets

sub slack {
    my ($self, %opts) = @_;

    require Test::Deploy::Slack;

    my $slack = $self->helper(Test::Deploy::Slack->new($self, %opts));

    $self->var(SLACK => $slack->endpoint());
    $self->write_file('slack.token', $slack->token() . "\n", 0600);
    $self->write_file('slack.webhook',
                      'https://hooks.slack.com' . $slack->webhook() . "\n",
                      0600);

    return $slack;
}


# something with stop() and check() that ends with the test

sub helper {
    my ($self, $helper) = @_;

    push(@{ $self->{helpers} }, $helper);

    return $helper;
}


###############################################################################
# files and ports


sub path {
    my ($self, $name) = @_;

    return ($name =~ m!^/!) ? $name : "$self->{dir}/$name";
}


sub write_file {
    my ($self, $name, $content, $mode) = @_;

    my $path = $self->path($name);

    make_path(dirname($path));

    open(my $fh, '>', $path) or die "can't create $path: $!";
    binmode($fh);
    print $fh $content;
    close($fh) or die "can't write $path: $!";

    chmod($mode, $path) if defined $mode;

    return $path;
}


sub write_conf {
    my ($self, $name, $content, $mode) = @_;

    return $self->write_file($name, $self->expand($content), $mode);
}


sub read_file {
    my ($self, $name) = @_;

    my $path = $self->path($name);

    open(my $fh, '<', $path) or return '';
    binmode($fh);
    local $/;

    my $content = <$fh>;

    return defined $content ? $content : '';
}


sub fixture {
    my ($name) = @_;

    my $path = "$ROOT/t/data/$name";

    open(my $fh, '<', $path) or die "can't open $path: $!";
    binmode($fh);
    local $/;

    return scalar <$fh>;
}


# Ports below the range of outgoing connections, each held by a lock on a
# file for as long as the process lives, so that parallel tests differ.

sub free_port {
    my $locks = "/tmp/ngx-deploy-ports.$>";

    mkdir($locks, 0700);

    for (1 .. 1000) {
        my $port = 12000 + int(rand(20000));

        next if $locks{$port};

        open(my $fh, '>', "$locks/$port") or next;
        flock($fh, LOCK_EX | LOCK_NB) or next;

        IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                              Proto => 'tcp', Listen => 1, ReuseAddr => 1)
            or next;

        $locks{$port} = $fh;

        return $port;
    }

    die 'no free port';
}


# port(8080): the real port behind %%PORT_8080%%

sub port {
    my $self = ref($_[0]) ? shift : $current;
    my ($name) = @_;

    $self->{ports}{$name} ||= free_port();

    return $self->{ports}{$name};
}


sub expand {
    my ($self, $conf, %opts) = @_;

    my $globals = '';

    $globals .= "user root;\n" if $> == 0;
    $globals .= "daemon off;\npid $self->{dir}/nginx.pid;\n";
    $globals .= 'error_log ' . $self->path($opts{log} || 'error.log') . ' '
                . ($ENV{TEST_NGINX_LOG} || 'info') . ";\n";
    $globals .= "load_module $MODULE;\n"
        if $MODULE =~ m!/! && !$self->{plain};
    $globals .= "worker_processes $self->{workers};\n"
        if $conf !~ /^\s*worker_processes\s/m;
    $globals .= ($ENV{TEST_NGINX_GLOBALS} || '');

    my $http = "root $self->{dir};\naccess_log $self->{dir}/access.log;\n";

    for my $name (qw(client_body proxy fastcgi uwsgi scgi)) {
        $http .= "${name}_temp_path $self->{dir}/tmp/$name;\n";
    }

    $http .= ($ENV{TEST_NGINX_GLOBALS_HTTP} || '');

    if ($conf !~ /%%TEST_GLOBALS%%/ && $opts{wrap}) {
        $conf = "%%TEST_GLOBALS%%\nevents {}\nhttp {\n"
                . "%%TEST_GLOBALS_HTTP%%\n$conf\n}\n";
    }

    $conf =~ s/%%TEST_GLOBALS%%/$globals/g;
    $conf =~ s/%%TEST_GLOBALS_HTTP%%/$http/g;
    $conf =~ s/%%TESTDIR%%/$self->{dir}/g;
    $conf =~ s/%%PORT_(\d+)%%/$self->port($1)/eg;
    $conf =~ s/%%([A-Z][A-Z0-9_]*)%%/
               defined $self->{vars}{$1} ? $self->{vars}{$1}
                                         : die "unknown %%$1%%"/egx;

    return $conf;
}


###############################################################################
# nginx


sub child_env {
    my ($self) = @_;

    delete $ENV{$_} for grep { /^(?:AWS_|NGINX$|https?_proxy$)/i } keys %ENV;

    for my $name (keys %{ $self->{env} }) {
        if (defined $self->{env}{$name}) {
            $ENV{$name} = $self->{env}{$name};

        } else {
            delete $ENV{$name};
        }
    }
}


# starts nginx, with a new configuration if one is given; dies with the log
# when it does not come up

sub run {
    my ($self, $conf) = @_;

    die 'already running' if $self->{pid};

    mkdir("$self->{dir}/tmp");
    mkdir("$self->{dir}/logs");

    $self->write_file('nginx.conf', $self->expand($conf)) if defined $conf;
    $self->write_file('error.log', '') unless -e $self->path('error.log');

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        $self->child_env();

        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', "$self->{dir}/stderr.log");
        open(STDERR, '>>', "$self->{dir}/stderr.log");

        exec($NGINX, '-p', "$self->{dir}/", '-c', 'nginx.conf',
             '-e', "$self->{dir}/error.log")
            or POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $self->{started} = 1;

    my @ports = $self->listening();

    my $up = wait_for(sub {
        return 'dead' if $self->reap();
        return 0 unless -s "$self->{dir}/nginx.pid" && $self->worker_pids();

        for my $port (@ports) {
            IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return 0;
        }

        return 'up';
    }, undef, 20);

    return $self if $up && $up eq 'up';

    my $log = $self->read_file('stderr.log') . $self->read_file('error.log');

    $self->stop();
    $self->{finished} = 1;

    die "nginx did not start:\n$log\n";
}


# the TCP ports of plain listen directives: what run() waits for

sub listening {
    my ($self) = @_;

    my %ports;

    for my $line (split(/\n/, $self->read_file('nginx.conf'))) {
        $ports{$1} = 1
            if $line =~ /^\s*listen\s+127\.0\.0\.1:(\d+)(?!.*\bquic\b)/;
    }

    return keys %ports;
}


# 1 when the master is gone; its status is kept

sub reap {
    my ($self) = @_;

    return 1 unless $self->{pid};

    my $rc = waitpid($self->{pid}, WNOHANG);

    return 0 if $rc == 0;

    $self->{exit} = $? if $rc == $self->{pid};
    $self->{pid} = 0;

    return 1;
}


sub pid { return $_[0]{pid} }

sub signal {
    my ($self, $signal) = @_;

    return $self->{pid} ? kill($signal, $self->{pid}) : 0;
}


# QUIT, or another signal; what does not end in time is killed and counted
# as a failure

sub stop {
    my ($self, $signal) = @_;

    return $self unless $self->{pid};

    $self->signal($signal || 'QUIT');

    return $self if wait_for(sub { $self->reap() }, undef, 20);

    push(@{ $self->{trouble} }, 'nginx did not stop in 20 seconds');

    kill('KILL', $self->worker_pids(all => 1), $self->{pid});
    wait_for(sub { $self->reap() }, undef, 5);

    return $self;
}


sub restart {
    my ($self, $conf) = @_;

    return $self->stop()->run($conf);
}


# a new configuration, if given, and HUP: waits for new workers, and for the
# old ones to go unless nowait is set; 1 when it was taken

sub reload {
    my ($self, $conf, %opts) = @_;

    $self->write_file('nginx.conf', $self->expand($conf)) if defined $conf;

    my %old = map { $_ => 1 } $self->worker_pids(all => 1);

    $self->signal('HUP');

    return wait_for(sub {
        my @all = $self->worker_pids(all => 1);

        return 0 unless grep { !$old{$_} } @all;
        return 0 if !$opts{nowait} && grep { $old{$_} } @all;

        return 1;
    }, 'reload', $opts{timeout} || 20);
}


# the workers, with all => 1 those that are shutting down too

sub worker_pids {
    my ($self, %opts) = @_;

    return () unless $self->{pid};

    my @pids;
    local $/ = "\n";

    for my $dir (glob('/proc/[0-9]*')) {
        open(my $fh, '<', "$dir/stat") or next;
        my $stat = <$fh>;
        next unless defined $stat && $stat =~ /^(\d+) \(.*\) (\S) (\d+) /s;

        my ($pid, $state, $ppid) = ($1, $2, $3);
        next if $ppid != $self->{pid} || $state eq 'Z';

        open($fh, '<', "$dir/cmdline") or next;
        my $cmd = <$fh>;
        next unless defined $cmd && $cmd =~ /worker process/;
        next if !$opts{all} && $cmd =~ /shutting down/;

        push(@pids, $pid);
    }

    @pids = sort { $a <=> $b } @pids;

    return @pids;
}


# nginx -t: (exit code, output); without %%TEST_GLOBALS%% the text is the
# content of http {}

sub nginx_t {
    my $self = ref($_[0]) ? shift : $current;
    my ($conf) = @_;

    my $name = 't' . ++$self->{nconf};

    mkdir("$self->{dir}/tmp");
    mkdir("$self->{dir}/logs");

    $self->write_file("$name.conf",
                      $self->expand($conf, log => "$name.log", wrap => 1));

    # nginx -t leaves its memory to the system
    local $ENV{ASAN_OPTIONS} = join(':', grep { defined && length }
                                         $ENV{ASAN_OPTIONS},
                                         'detect_leaks=0');

    return $self->capture($NGINX, '-t', '-p', "$self->{dir}/",
                          '-c', "$name.conf", '-e', "$self->{dir}/$name.log");
}


sub capture {
    my ($self, @cmd) = @_;

    my $out = $self->path('capture.' . $$);

    my $pid = fork();
    die "fork() failed: $!" unless defined $pid;

    if ($pid == 0) {
        $self->child_env();

        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>', $out);
        open(STDERR, '>&', \*STDOUT);

        exec(@cmd) or POSIX::_exit(127);
    }

    waitpid($pid, 0);

    my $code = ($? & 127) ? 128 + ($? & 127) : $? >> 8;
    my $output = $self->read_file($out);

    unlink($out);

    push(@{ $self->{trouble} }, "@cmd: sanitizer report:\n$output")
        if $output =~ $SANITIZER;

    return ($code, $output);
}


sub error_log { return $_[0]->read_file('error.log') }

# the lines of the error log, or of another file, that match

sub find_in_log {
    my ($self, $pattern, $name) = @_;

    return grep { $_ =~ $pattern }
           split(/\n/, $self->read_file($name || 'error.log'));
}


sub wait_log {
    my ($self, $pattern, $timeout) = @_;

    return wait_for(sub { scalar $self->find_in_log($pattern) },
                    "$pattern in the log", $timeout);
}


# calls a function until it returns something true, at most 10 seconds

sub wait_for {
    my ($code, $what, $timeout) = @_;

    my $end = time() + ($timeout || 10);

    while (1) {
        my $rc = $code->();
        return $rc if $rc;

        last if time() > $end;

        sleep(0.01);
    }

    Test::More::diag("waited in vain for $what") if defined $what;

    return undef;
}


###############################################################################
# end


# what is wrong with the run, as texts

sub troubles {
    my ($self) = @_;

    my @troubles = @{ $self->{trouble} || [] };

    if ($self->{exit}) {
        push(@troubles, 'master: '
             . (($self->{exit} & 127) ? 'signal ' . ($self->{exit} & 127)
                                      : 'exit code ' . ($self->{exit} >> 8)));
    }

    for my $name (qw(error.log stderr.log)) {
        my $log = $self->read_file($name);

        if ($log =~ $SANITIZER) {
            my $from = $-[0] > 200 ? $-[0] - 200 : 0;

            push(@troubles, "sanitizer report in $name:\n"
                 . substr($log, $from, 6000));
        }

        next if $name eq 'stderr.log';

        for my $line (split(/\n/, $log)) {
            next unless $line =~ $BAD_LINE
                        || $line =~ /exited (?:on signal|with code [1-9])/;
            next if grep { $line =~ $_ } @{ $self->{expected} };

            push(@troubles, $line);
        }
    }

    return @troubles;
}


# stops everything, adds a test that nothing complained, ends the plan

sub finish {
    my ($self) = @_;

    return if $self->{finished}++;

    $self->stop();
    $_->stop() for @{ $self->{helpers} };

    my @troubles = $self->troubles();

    Test::More::ok(!@troubles, 'nginx: no alert, no sanitizer report')
        or Test::More::diag(join("\n", @troubles));

    $_->check() for @{ $self->{helpers} };
}


sub done {
    my ($self) = @_;

    $self->finish();
    Test::More::done_testing();
}


END {
    my $status = $?;

    for my $self (@instances) {
        next if $self->{owner} != $$;

        my $failed = $status || !Test::More->builder->is_passing();

        if (!$self->{finished} && $self->{started}) {
            $self->stop('TERM');
            Test::More::diag('done() was not called');
            $status ||= 1;
        }

        $_->stop() for @{ $self->{helpers} };

        if ($failed && $self->{started}) {
            my @log = split(/\n/, $self->read_file('error.log'));
            @log = @log[-60 .. -1] if @log > 60;
            Test::More::diag(join("\n", "error.log:", @log));
        }

        if ($ENV{TEST_NGINX_LEAVE}) {
            Test::More::diag("left $self->{dir}");

        } else {
            File::Path::remove_tree($self->{dir}, { safe => 0 });
        }
    }

    $? = $status;
}


###############################################################################
# HTTP


# port => 8080 is the port of %%PORT_8080%%, a number above 10000 a real one

sub http_connect {
    my (%opts) = @_;

    my $port = $opts{port} || 8080;
    $port = $current->port($port) if $port <= 10000;

    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                  Proto => 'tcp',
                                  Timeout => $opts{timeout} || 10)
        or die "can't connect to port $port: $!";

    if ($opts{ssl}) {
        require IO::Socket::SSL;

        IO::Socket::SSL->start_SSL($s,
            SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE(),
            SSL_hostname => $opts{sni} || 'localhost')
            or die 'TLS: ' . $IO::Socket::SSL::SSL_ERROR;
    }

    $s->autoflush(1);
    binmode($s);

    return $s;
}


sub _write {
    my ($s, $data, $end) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length($data)) {
        return 0 if time() > $end;

        my $n = syswrite($s, $data, 65536);

        if (!defined $n) {
            next if $! == EINTR;
            return 0;
        }

        substr($data, 0, $n) = '';
    }

    return 1;
}


# the next bytes, '' at the end, undef when time is out

sub _read {
    my ($s, $end) = @_;

    my $pending = ref($s) eq 'IO::Socket::SSL' && $s->pending();

    if (!$pending) {
        my $left = $end - time();

        return undef if $left <= 0 || !IO::Select->new($s)->can_read($left);
    }

    my $n = sysread($s, my $buf, 65536);

    return $n ? $buf : '';
}


# Sends a raw request, a text or a list of texts, and returns what is
# answered, until the connection is closed or the time is out.
# Options: port, ssl, timeout, pause (seconds between the texts), keep (do
# not wait for the close, read one answer), abort (close right after sending)

sub http {
    my ($request, %opts) = @_;

    my $end = time() + ($opts{timeout} || 10);
    my $s = $opts{socket} || http_connect(%opts);
    my @parts = ref($request) ? @$request : ($request);

    while (@parts) {
        my $part = shift(@parts);

        Test::More::note(">> $part") if $ENV{TEST_NGINX_VERBOSE};

        _write($s, $part, $end) or last;

        sleep($opts{pause}) if @parts && $opts{pause};
    }

    return $s if $opts{start};

    if ($opts{abort}) {
        $s->close();
        return '';
    }

    my $reply = '';

    if ($opts{keep}) {
        my $r = http_response($s, timeout => $end - time());
        $reply = $r ? $r->{raw} : '';

    } else {
        while (1) {
            my $data = _read($s, $end);
            last if !defined $data || $data eq '';
            $reply .= $data;
        }
    }

    Test::More::note("<< $reply") if $ENV{TEST_NGINX_VERBOSE};

    return $reply;
}


# one answer from an open connection, or undef

sub http_response {
    my ($s, %opts) = @_;

    my $end = time() + ($opts{timeout} || 10);
    my $raw = '';

    while ($raw !~ /\x0d\x0a\x0d\x0a/) {
        my $data = _read($s, $end);
        return undef if !defined $data || $data eq '';
        $raw .= $data;
    }

    my ($head) = $raw =~ /^(.*?\x0d\x0a\x0d\x0a)/s;

    return undef if length($raw) > 67108864;

    if ($head =~ /^HTTP\/\S+ (?:204|304|1\d\d)/) {
        return Test::Deploy::Response->parse($raw);
    }

    while (1) {
        my $body = substr($raw, length($head));

        if ($head =~ /^content-length:\s*(\d+)/im) {
            last if length($body) >= $1;

        } elsif ($head =~ /^transfer-encoding:\s*chunked/im) {
            last if $body =~ /(?:^|\x0d\x0a)0\x0d\x0a\x0d\x0a$/;
        }

        my $data = _read($s, $end);
        last if !defined $data || $data eq '';
        $raw .= $data;
    }

    return Test::Deploy::Response->parse($raw);
}


# http_request('POST', '/uri', $body, name => value, ..., { options })

sub http_request {
    my ($method, $uri, $body, @headers) = @_;

    my $opts = (@headers && ref($headers[-1])) ? pop(@headers) : {};
    my $head = '';
    my %seen;

    while (@headers) {
        my ($name, $value) = splice(@headers, 0, 2);

        $seen{lc $name} = 1;
        $head .= "$name: $value" . CRLF if defined $value;
    }

    $head .= 'Host: localhost' . CRLF unless $seen{host};
    $head .= 'Connection: close' . CRLF
        unless $seen{connection} || $opts->{keep};
    $head .= 'Content-Length: ' . length($body) . CRLF
        if defined $body && !$seen{'content-length'}
           && !$seen{'transfer-encoding'};

    my $raw = http("$method $uri HTTP/1.1" . CRLF . $head . CRLF
                   . (defined $body ? $body : ''), %$opts);

    return $raw if ref($raw);

    return Test::Deploy::Response->parse($raw);
}


sub http_get {
    my ($uri, @headers) = @_;

    return http_request('GET', $uri, undef, @headers);
}


# JSON unless a Content-Type is given

sub http_post {
    my ($uri, $body, @headers) = @_;

    my $opts = (@headers && ref($headers[-1])) ? pop(@headers) : {};
    my %headers = @headers;

    if (!grep { lc $_ eq 'content-type' } keys %headers) {
        push(@headers, 'Content-Type' => 'application/json');
    }

    return http_request('POST', $uri, $body, @headers, $opts);
}


# (exit code, output) of curl, for HTTP/2 and TLS

sub curl {
    my $self = ref($_[0]) ? shift : $current;

    return $self->capture('curl', '-sS', '--max-time', '20', @_);
}


###############################################################################


package Test::Deploy::Response;

use warnings;
use strict;


sub parse {
    my ($class, $raw) = @_;

    my $self = bless { raw => $raw, status => 0, headers => [], body => '' },
                     $class;

    my ($head, $body) = split(/\x0d\x0a\x0d\x0a/, $raw, 2);

    return $self unless defined $head;

    my ($line, @lines) = split(/\x0d\x0a/, $head);

    return $self unless defined $line && $line =~ m!^HTTP/\S+ (\d{3})!;

    $self->{status} = $1;
    $self->{body} = defined $body ? $body : '';

    for (@lines) {
        push(@{ $self->{headers} }, [lc $1, $2]) if /^([^:]+):\s*(.*)$/;
    }

    if (lc($self->header('transfer-encoding') || '') eq 'chunked') {
        my ($rest, $text) = ($self->{body}, '');

        while ($rest =~ s/^([0-9a-fA-F]+)[^\x0d]*\x0d\x0a//) {
            my $len = hex($1);
            last if $len == 0 || length($rest) < $len;
            $text .= substr($rest, 0, $len);
            $rest = substr($rest, $len + 2);
        }

        $self->{body} = $text;
    }

    return $self;
}


sub raw { return $_[0]{raw} }

sub status { return $_[0]{status} }

sub body { return $_[0]{body} }

sub header {
    my ($self, $name) = @_;

    my @values = map { $_->[1] } grep { $_->[0] eq lc $name }
                 @{ $self->{headers} };

    return @values ? join(', ', @values) : undef;
}


# the body as data, {} when it is not JSON

sub json {
    my ($self) = @_;

    require JSON::PP;

    my $json = eval { JSON::PP->new->utf8->decode($self->{body}) };

    if (!defined $json) {
        Test::More::diag("not JSON: $self->{body}");
        return {};
    }

    return $json;
}


1;
