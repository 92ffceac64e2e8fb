package Test::Deploy::Hold;

# Copyright (C) ngx_deploy_module authors

# Makes the threads of nginx wait, as a slow disk would: a preloaded library
# stops every thread but the first one in pread() and EVP_DigestUpdate() for
# as long as a file is there.
#
#     my $hold = $t->helper(Test::Deploy::Hold->new($t));
#     $t->run(...);
#
#     $hold->hold();
#     ...
#     $hold->wait_held(1);          # one thread has been stopped by now
#     $hold->release();

use warnings;
use strict;

use Test::Deploy;

my $SOURCE = <<'EOC';
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char      hold[1024], held[1024];
static ssize_t (*next_pread)(int, void *, size_t, off_t);
static int     (*next_update)(void *, const void *, size_t);

/* nginx clears the environment of its workers */

__attribute__((constructor)) static void
begin(void)
{
    const char  *dir;

    dir = getenv("TEST_DEPLOY_HOLD");

    if (dir && strlen(dir) < 1000) {
        strcat(strcpy(hold, dir), "/hold");
        strcat(strcpy(held, dir), "/held");
    }

    next_pread = dlsym(RTLD_NEXT, "pread64");
}

static void
stop(void)
{
    int          fd;
    struct stat  st;

    if (syscall(SYS_gettid) == getpid() || stat(hold, &st) != 0) {
        return;
    }

    fd = open(held, O_WRONLY|O_CREAT|O_APPEND, 0666);

    if (fd != -1) {
        if (write(fd, "x", 1) != 1) {
            abort();
        }

        close(fd);
    }

    while (stat(hold, &st) == 0) {
        usleep(2000);
    }
}

ssize_t
pread64(int fd, void *buf, size_t size, off_t offset)
{
    stop();

    return next_pread(fd, buf, size, offset);
}

int
EVP_DigestUpdate(void *md, const void *data, size_t len)
{
    if (next_update == NULL) {
        next_update = dlsym(RTLD_NEXT, "EVP_DigestUpdate");
    }

    stop();

    return next_update(md, data, len);
}
EOC


sub new {
    my ($class, $t) = @_;

    my $source = $t->write_file('hold.c', $SOURCE);
    my $lib = $t->path('hold.so');

    system($ENV{CC} || 'cc', '-shared', '-fPIC', '-O1', '-o', $lib, $source,
           '-ldl') == 0 or die "can't compile $source";

    $t->env(LD_PRELOAD => $lib, TEST_DEPLOY_HOLD => $t->dir());

    return bless { t => $t }, $class;
}


sub hold {
    my ($self) = @_;

    unlink($self->{t}->path('held'));
    $self->{t}->write_file('hold', '');
}


sub release { unlink($_[0]{t}->path('hold')) }


# how many threads have been stopped since hold()

sub held { return -s $_[0]{t}->path('held') || 0 }

sub wait_held {
    my ($self, $n) = @_;

    return wait_for(sub { $self->held() >= $n }, "$n threads to be held");
}


sub stop { $_[0]->release() }

sub check { }


1;
