
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_key.h"
#include "ngx_deploy_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define PROCESSES  8


static char  dir[] = "/tmp/ngx-deploy-key-XXXXXX";
static char  file[256];


static void
is_refused(const char *want, const char *name)
{
    int                      err;
    const char              *reason;
    ngx_deploy_build_key_t   key;

    key.set = 1;
    reason = "";

    is_int(ngx_deploy_work_key(dir, &key, &reason, &err), NGX_DEPLOY_ERROR,
           "%s", name);
    is_str(tap_str(reason), want, "%s: reason", name);
    is_int(key.set, 0, "%s: no key", name);
}


/* the only file that there is, of a size and mode */

static void
place(size_t size, int mode)
{
    int     fd;
    u_char  data[64];

    memset(data, 'k', sizeof(data));

    (void) unlink(file);

    fd = open(file, O_WRONLY|O_CREAT|O_EXCL, 0600);

    ok(fd != -1 && write(fd, data, size) == (ssize_t) size
       && fchmod(fd, mode) == 0 && close(fd) == 0, "%zu bytes, mode %o",
       size, mode);
}


static void
test_made(void)
{
    int                      err;
    const char              *reason;
    struct stat              st;
    ngx_deploy_build_key_t   key, again;

    umask(0277);

    is_int(ngx_deploy_work_key(dir, &key, &reason, &err), NGX_DEPLOY_OK,
           "made");
    umask(022);

    ok(key.set && reason == NULL && err == 0, "a key");

    is_int(ngx_deploy_work_key(dir, &again, &reason, &err), NGX_DEPLOY_OK,
           "read");
    ok(memcmp(key.data, again.data, sizeof(key.data)) == 0, "the same key");

    ok(stat(file, &st) == 0 && S_ISREG(st.st_mode)
       && (st.st_mode & 07777) == 0600 && st.st_size == 32
       && st.st_nlink == 1, "the file");

    (void) unlink(file);

    is_int(ngx_deploy_work_key(dir, &again, &reason, &err), NGX_DEPLOY_OK,
           "another one");
    ok(memcmp(key.data, again.data, sizeof(key.data)) != 0, "another key");
}


static void
test_race(void)
{
    int                      i, err, fds[2], status, failed;
    u_char                   data[PROCESSES][NGX_DEPLOY_BUILD_TOKEN_KEY];
    const char              *reason;
    ngx_deploy_build_key_t   key;

    (void) unlink(file);

    if (pipe(fds) == -1) {
        printf("Bail out! no pipe\n");
        exit(1);
    }

    fflush(stdout);

    for (i = 0; i < PROCESSES; i++) {

        if (fork() == 0) {
            status = ngx_deploy_work_key(dir, &key, &reason, &err);
            _exit(status != NGX_DEPLOY_OK
                  || write(fds[1], key.data, sizeof(key.data))
                     != (ssize_t) sizeof(key.data));
        }
    }

    failed = 0;

    for (i = 0; i < PROCESSES; i++) {
        failed |= (wait(&status) == -1 || status != 0
                   || read(fds[0], data[i], sizeof(data[i]))
                      != (ssize_t) sizeof(data[i])
                   || memcmp(data[0], data[i], sizeof(data[0])) != 0);
    }

    ok(!failed, "%d processes at once have one key", PROCESSES);

    is_int(rmdir(dir), -1, "a file is left");
    (void) unlink(file);
    is_int(rmdir(dir), 0, "and nothing else");
    is_int(mkdir(dir, 0700), 0, "the directory");

    (void) close(fds[0]);
    (void) close(fds[1]);
}


static void
test_refused(void)
{
    char  long_name[5000];
    int   err;

    const char              *reason;
    ngx_deploy_build_key_t   key;

    place(32, 0644);
    is_refused("is not of mode 0600", "readable by others");
    place(32, 0400);
    is_refused("is not of mode 0600", "read only");
    place(31, 0600);
    is_refused("is not of 32 bytes", "too short");
    place(33, 0600);
    is_refused("is not of 32 bytes", "too long");
    place(0, 0600);
    is_refused("is not of 32 bytes", "empty");

    if (geteuid() == 0) {
        place(32, 0600);
        is_int(chown(file, 1, 1), 0, "another owner");
        is_refused("belongs to another user", "another owner");
    }

    (void) unlink(file);
    is_int(symlink("/etc/hostname", file), 0, "a link");
    is_refused("is a symbolic link", "a link");

    (void) unlink(file);
    is_int(mkdir(file, 0700), 0, "a directory");
    is_refused("is not a regular file", "a directory");
    (void) rmdir(file);

    is_int(mkfifo(file, 0600), 0, "a FIFO");
    is_refused("is not a regular file", "a FIFO");
    (void) unlink(file);

    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';

    is_int(ngx_deploy_work_key(long_name, &key, &reason, &err),
           NGX_DEPLOY_ERROR, "a long name");
    is_str(tap_str(reason), "has too long a name", "its reason");

    is_int(rmdir(dir), 0, "no directory");
    is_refused("cannot be made", "no directory");
}


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        printf("Bail out! no directory\n");
        return 1;
    }

    snprintf(file, sizeof(file), "%s/" NGX_DEPLOY_WORK_KEY_FILE, dir);

    test_made();
    test_race();
    test_refused();

    return plan_done();
}
