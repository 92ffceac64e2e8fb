#!/usr/bin/perl

# Copyright (C) ngx_deploy_module authors

# Loaded and not used, and used by another server, the module does nothing to
# the rest of nginx: the same answers by the same system calls, no thread, no
# file, no memory more, reloads that leave nothing behind.  "make harm"
# measures time and memory.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use Test::Deploy;
use Test::Deploy::Process;
use Test::Deploy::Strace;

my $MODULE = $ENV{TEST_NGINX_MODULE} || "$Test::Deploy::ROOT/build/"
             . 'ngx_deploy_module.so';
my %reloads = (unused => 10, elsewhere => 50);

my %known = map { $_ => 1 } qw(libjansson libcurl libsqlite3 libssl libcrypto
                               libpthread libm libc);


###############################################################################
# the object


sub run {
    my ($cmd) = @_;

    my @lines = split(/\n/, `$cmd`);
    die "$cmd: exit code $?" if $?;

    return @lines;
}


# names, without versions

sub symbols {
    my ($options, $file) = @_;

    return map { s/@.*//r } map { (split)[-1] }
           grep { !/ [wv] / } run("nm $options $file");
}


sub ours {
    return $_[0] =~ /^ngx_(?:http_)?deploy_/
           || $_[0] =~ /^(?:_init|_fini|_edata|_end|__bss_start)$/;
}


SKIP: {
    skip 'no module object', 8 unless -f $MODULE;

    my @exported = symbols('-D --defined-only', $MODULE);

    cmp_ok(scalar @exported, '>', 100, 'symbols');

    my @foreign = grep { !ours($_)
                         && !/^ngx_module(?:s|_names|_order)$/ } @exported;

    is("@foreign", '', 'exported symbols carry the prefix');

    # what stands between a module and a name that it takes from elsewhere

    my %there;
    my @libs = map { m!(/\S+) \(0x! ? $1 : () }
               run('ldd ' . Test::Deploy::binary() . " $MODULE");

    $there{$_} = 1 for map { symbols('-D --defined-only', $_) }
                       Test::Deploy::binary(), @libs;

    my @missing = grep { !$there{$_} } symbols('-D --undefined-only', $MODULE);

    is("@missing", '', 'undefined symbols are those of nginx and libraries');

    my @twice = grep { $there{$_} && ours($_) && !/^_/ } @exported;

    is("@twice", '', 'no symbol is that of another');

    my @needed = map { /NEEDED.*\[(.*?)\.so/ ? $1 : () }
                 run("readelf -dW $MODULE");

    is_deeply([grep { !$known{$_} } @needed], [], 'no other library');

    my @segments = run("readelf -lW $MODULE");

    is_deeply([grep { / RWE /  } @segments], [],
              'nothing is writable and executable');
    is(scalar(grep { /^\s*GNU_RELRO / } @segments), 1,
       'relocations are read-only');
    is(scalar(grep { /TEXTREL/ } run("readelf -dW $MODULE")), 0,
       'no relocation of code');
}


###############################################################################
# four nginx: what is proxied to; without it, not using it, using it elsewhere


if ($MODULE !~ m!/!) {
    note('built in, there is no nginx without it');
    done_testing();
    exit;
}

my $backend = Test::Deploy->new(plain => 1);
my %nginx = map { $_ => Test::Deploy->new(plain => $_ eq 'without') }
            qw(without unused elsewhere);

my $root = $backend->dir();

my $cb = $nginx{elsewhere}->codebuild();
my $slack = $nginx{elsewhere}->slack();

$nginx{elsewhere}->write_file('secret', '0' x 32 . "\n", 0600);

$backend->write_file('file.txt', "file\n" x 200);
$backend->write_file('sub/index.html', "index\n");

$backend->run(<<'EOC');
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /proxy {
            return 200 "$request_method $http_x_forwarded_for\n";
        }
    }
}
EOC

my $conf = <<'EOC';
%%TEST_GLOBALS%%

events {
}

http {
    %%TEST_GLOBALS_HTTP%%
    %%LOG%%

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        root %%ROOT%%;

        location / { }

        location /proxy {
            proxy_pass http://127.0.0.1:%%BACKEND%%;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }

        location /moved { return 301 /; }
        location /pid { return 200 $pid; }
    }

%%ELSEWHERE%%
}
EOC

my $elsewhere = <<'EOC';
    deploy_store %%TESTDIR%%/store;
    deploy_zone deploy:1m;
    deploy_region us-east-1;
    deploy_endpoint %%CODEBUILD%%;
    deploy_slack token_file=%%TESTDIR%%/slack.token channel=C0
                 endpoint=%%SLACK%%;

    server {
        listen 127.0.0.1:%%PORT_8081%%;

        location = /hook {
            deploy_verify github %%TESTDIR%%/secret;
            deploy_build api-prod on=push;
            deploy_notify slack;
        }

        location = /status { deploy_status; }
    }
EOC

for my $name (keys %nginx) {
    my $t = $nginx{$name};
    my $here = ($name eq 'elsewhere') ? $elsewhere : '';

    $t->var(ROOT => $root)->var(BACKEND => $backend->port(8080));
    $t->var(LOG => '');
    ($t->{conf} = $conf) =~ s/%%ELSEWHERE%%/$here/;
    $t->run($t->{conf});
}


sub worker {
    my ($name) = @_;

    return Test::Deploy::Process->new(($nginx{$name}->worker_pids())[0]);
}


###############################################################################
# answers


my @requests = (
    "GET /file.txt HTTP/1.1\nHost: localhost\n",
    "GET /file.txt HTTP/1.1\nHost: localhost\nRange: bytes=5-9\n",
    "GET /file.txt HTTP/1.1\nHost: localhost\nIf-None-Match: *\n",
    "HEAD /file.txt HTTP/1.1\nHost: localhost\n",
    "POST /file.txt HTTP/1.1\nHost: localhost\nContent-Length: 0\n",
    "GET /sub/ HTTP/1.0\n",
    "GET /sub HTTP/1.1\nHost: localhost\n",
    "GET /nothing HTTP/1.1\nHost: localhost\n",
    "GET /moved HTTP/1.1\nHost: localhost\n",
    "GET /proxy HTTP/1.1\nHost: localhost\n",
    "POST /proxy HTTP/1.1\nHost: localhost\nContent-Length: 0\n",
    "GET / HTTP/1.1\n",
    "BAD\n",
);

sub answer {
    my ($name, $request) = @_;

    (my $text = "$request\n") =~ s/\n/\r\n/g;
    $text =~ s/(HTTP.*\r\n)/$1Connection: close\r\n/;

    my $answer = http($text, port => $nginx{$name}->port(8080));
    my $port = $nginx{$name}->port(8080);

    $answer =~ s/\r\nDate: .*//;
    $answer =~ s/:$port\b/:PORT/;

    return $answer;
}

for my $request (@requests) {
    my ($line) = $request =~ /^(.*)/;
    my $want = answer('without', $request);

    is(answer($_, $request), $want, "$_: $line") for qw(unused elsewhere);
}

like(answer('without', $requests[0]), qr/200 OK.*file\nfile/s, 'served');
like(answer('without', $requests[9]), qr/200 OK.*GET 127/s, 'proxied');


###############################################################################
# what a worker has


is(scalar(worker($_)->threads()), 1, "$_: no thread") for qw(without unused);

is_deeply([worker('unused')->shared()], [worker('without')->shared()],
          'unused: no shared memory more');

is_deeply([sort values %{ files('unused') }],
          [sort values %{ files('without') }], 'unused: the same files');

{
    my %few = map { $_ => 1 } values %{ files('without') };
    my @own = grep { !$few{$_} && !m!^DIR/store/! && !/eventfd/ }
              values %{ files('elsewhere') };

    is("@own", '', 'elsewhere: its files are those of its store');
}


sub files {
    my ($name) = @_;

    my $files = worker($name)->files();
    my $dir = $nginx{$name}->dir();

    s/^\Q$dir\E/DIR/ for values %$files;

    return $files;
}


###############################################################################
# nginx -t, and system calls of a request


sub configtest {
    my ($name) = @_;

    my $t = $nginx{$name};
    my $dir = $t->dir();
    my $out = $t->path('t.strace');
    my @nginx = (Test::Deploy::binary(), '-t', '-p', "$dir/", '-c',
                 'nginx.conf', '-e', "$dir/error.log");

    my ($code, $text) = $t->capture('strace', '-f', '-o', $out, @nginx);

    die $text if $code;

    # a library is looked for in several places

    return grep { !m!ENOENT! && !m!\.so[."]|/ld\.so\.cache"! }
           map { s/^\d+ +//r =~ s/\Q$dir\E/DIR/gr =~ s/ = .*//sr }
           grep { /^\d+ +(?:openat|open|creat|socket|clone3?|fork|vfork
                           |shmget|shm_open|memfd_create|mkdir|unlink)\(/x }
           split(/^/, $t->read_file('t.strace'));
}


# of the event loop; what threads wake it up for aside

sub calls {
    my ($name, $strace) = @_;

    my $pid = $strace->{pid};

    $strace->trace('all') or die $Test::Deploy::Strace::WHY;

    answer($name, $requests[0]) for 1 .. 3;

    $strace->detach();

    return [ grep { !/^(?:epoll_wait|read|futex|restart_syscall)$/ }
             map { /^$pid +(\w+)\(/ ? $1 : () } $strace->calls() ];
}


SKIP: {
    my %strace;

    for my $name (keys %nginx) {
        $strace{$name} = Test::Deploy::Strace->new($nginx{$name},
                                                   worker($name)->pid())
            or skip($Test::Deploy::Strace::WHY, 4);
    }

    is_deeply([configtest('unused')], [configtest('without')],
              'nginx -t: nothing is opened, made or started');

    for my $name (qw(unused elsewhere)) {
        my ($got, $want);

        # a request may be there when the connection is taken, or later

        wait_for(sub {
            $got = calls($name, $strace{$name});
            $want = calls('without', $strace{without});

            return "@$got" eq "@$want";
        });

        is_deeply($got, $want, "$name: system calls of a request");
        cmp_ok(scalar @$got, '>', 9, "$name: system calls") if $got;
    }
}


###############################################################################
# phases: what the log for debugging tells


sub phases {
    my ($name) = @_;

    my $t = $nginx{$name};

    $t->write_file('debug.log', '');
    $t->var(LOG => 'error_log ' . $t->path('debug.log') . ' debug;');
    $t->reload($t->{conf});

    answer($name, $requests[0]);

    wait_for(sub { $t->find_in_log(qr/http log handler/, 'debug.log') });

    my @lines = map { s/.*\d#\d+: (?:\*\d+ )?//r =~ s/\b[0-9A-F]{8,}\b/P/gr }
                $t->find_in_log(qr/ phase: \d|filter|http log handler/,
                                'debug.log');

    return grep { !/size|limit/ } @lines;
}


SKIP: {
    skip 'no log for debugging', 3
        if `@{[Test::Deploy::binary()]} -V 2>&1` !~ /--with-debug/;

    my @without = phases('without');
    my $generic = grep { /^generic phase/ } @without;

    cmp_ok($generic, '>', 2, 'phases are told');
    is_deeply([phases('unused')], \@without, 'unused: the same phases');

    # one function, that looks at one pointer

    is(scalar(grep { /^generic phase/ } phases('elsewhere')), $generic + 1,
       'elsewhere: a phase more');
}


###############################################################################
# reloads


# files, shared memory, threads of the master and of all workers; some are
# closed late, and the store is opened late

sub has {
    my ($name) = @_;

    my ($last, $same) = ('', 0);

    wait_for(sub {
        my @has = map {
            my $p = Test::Deploy::Process->new($_);
            ((sort values %{ $p->files() }), $p->shared(),
             scalar(@{[ $p->threads() ]}) . ' threads')

        } $nginx{$name}->pid(), $nginx{$name}->worker_pids(all => 1);

        $same = ("@has" eq "@$last") ? $same + 1 : 0 if ref($last);
        $last = \@has;

        return $same >= 20
               && ($name ne 'elsewhere' || "@has" =~ /deploy\.db-wal/);
    });

    return $last;
}


for my $name (keys %reloads) {
    my $t = $nginx{$name};
    my $master = Test::Deploy::Process->new($t->pid());
    my ($want, $rss);

    $t->var(LOG => '');
    $t->reload($t->{conf});

    for my $n (1 .. $reloads{$name}) {
        $t->reload() or last;

        next if $n != 5;

        $want = has($name);
        $rss = $master->memory()->{Rss};
    }

    is(answer($name, $requests[0]), answer('without', $requests[0]),
       "$name: answer after $reloads{$name} reloads");
    is_deeply(has($name), $want, "$name: the same files, threads, zones");
    cmp_ok($master->memory()->{Rss} - $rss, '<', 512,
           "$name: KB of the master");
}


$_->finish() for $backend, values %nginx;

done_testing();
