
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>


typedef struct {
    char           file[4096];
    char           temp[4096];
    const char    *path;
    const char    *reason;
    int            err;
} ngx_deploy_work_key_t;


static int ngx_deploy_work_key_read(ngx_deploy_work_key_t *w,
    ngx_deploy_build_key_t *key);
static const char *ngx_deploy_work_key_check(int fd);
static int ngx_deploy_work_key_make(ngx_deploy_work_key_t *w);
static int ngx_deploy_work_key_write(ngx_deploy_work_key_t *w);
static int ngx_deploy_work_key_sync(ngx_deploy_work_key_t *w);
static int ngx_deploy_work_key_fail(ngx_deploy_work_key_t *w,
    const char *reason, int err);


int
ngx_deploy_work_key(const char *path, ngx_deploy_build_key_t *key,
    const char **reason, int *err)
{
    int                    rc, n;
    ngx_deploy_work_key_t  w;

    w.path = path;
    w.reason = NULL;
    w.err = 0;

    key->set = 0;

    n = snprintf(w.file, sizeof(w.file), "%s/" NGX_DEPLOY_WORK_KEY_FILE, path);

    if (n < 0 || n >= (int) sizeof(w.file)) {
        rc = ngx_deploy_work_key_fail(&w, "has too long a name", 0);

    } else {
        rc = ngx_deploy_work_key_read(&w, key);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        rc = ngx_deploy_work_key_make(&w);

        if (rc == NGX_DEPLOY_OK) {
            rc = ngx_deploy_work_key_read(&w, key);
        }
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        rc = ngx_deploy_work_key_fail(&w, "was removed", 0);
    }

    *reason = w.reason;
    *err = w.err;

    return rc;
}


/* NGX_DEPLOY_DECLINED: there is no such file */

static int
ngx_deploy_work_key_read(ngx_deploy_work_key_t *w, ngx_deploy_build_key_t *key)
{
    int          fd;
    ssize_t      n;
    const char  *reason;

    /* opening a FIFO must not hang */

    fd = open(w->file, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1 && errno == ENOENT) {
        return NGX_DEPLOY_DECLINED;
    }

    if (fd == -1) {
        return (errno == ELOOP)
               ? ngx_deploy_work_key_fail(w, "is a symbolic link", 0)
               : ngx_deploy_work_key_fail(w, "cannot be opened", errno);
    }

    reason = ngx_deploy_work_key_check(fd);

    if (reason) {
        (void) close(fd);
        return ngx_deploy_work_key_fail(w, reason, 0);
    }

    n = read(fd, key->data, sizeof(key->data));

    if (n != (ssize_t) sizeof(key->data)) {
        (void) ngx_deploy_work_key_fail(w, "cannot be read",
                                        (n == -1) ? errno : 0);
        (void) close(fd);
        return NGX_DEPLOY_ERROR;
    }

    (void) close(fd);

    key->set = 1;

    return NGX_DEPLOY_OK;
}


/* what is wrong with the file, or NULL */

static const char *
ngx_deploy_work_key_check(int fd)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return "cannot be read";
    }

    if (!S_ISREG(st.st_mode)) {
        return "is not a regular file";
    }

    if (st.st_uid != geteuid()) {
        return "belongs to another user";
    }

    if ((st.st_mode & 07777) != 0600) {
        return "is not of mode 0600";
    }

    if (st.st_size != NGX_DEPLOY_BUILD_TOKEN_KEY) {
        return "is not of 32 bytes";
    }

    return NULL;
}


/* link() does not replace what another process was faster with */

static int
ngx_deploy_work_key_make(ngx_deploy_work_key_t *w)
{
    int       rc, n;
    uint64_t  random;

    if (RAND_bytes((u_char *) &random, sizeof(random)) != 1) {
        ERR_clear_error();
        return ngx_deploy_work_key_fail(w, "cannot be made: no random bytes",
                                        0);
    }

    n = snprintf(w->temp, sizeof(w->temp), "%s.%016llx", w->file,
                 (unsigned long long) random);

    if (n < 0 || n >= (int) sizeof(w->temp)) {
        return ngx_deploy_work_key_fail(w, "has too long a name", 0);
    }

    rc = ngx_deploy_work_key_write(w);

    if (rc == NGX_DEPLOY_OK
        && link(w->temp, w->file) == -1 && errno != EEXIST)
    {
        rc = ngx_deploy_work_key_fail(w, "cannot be made", errno);
    }

    (void) unlink(w->temp);

    return (rc == NGX_DEPLOY_OK) ? ngx_deploy_work_key_sync(w) : rc;
}


static int
ngx_deploy_work_key_write(ngx_deploy_work_key_t *w)
{
    int      fd;
    u_char   data[NGX_DEPLOY_BUILD_TOKEN_KEY];
    ssize_t  n;

    fd = open(w->temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ngx_deploy_work_key_fail(w, "cannot be made", errno);
    }

    if (RAND_priv_bytes(data, sizeof(data)) != 1) {
        ERR_clear_error();
        (void) close(fd);

        return ngx_deploy_work_key_fail(w, "cannot be made: no random bytes",
                                        0);
    }

    /* whatever the umask is */

    n = (fchmod(fd, 0600) == -1) ? -1 : write(fd, data, sizeof(data));

    OPENSSL_cleanse(data, sizeof(data));

    if (n != (ssize_t) sizeof(data)) {
        (void) ngx_deploy_work_key_fail(w, "cannot be written",
                                        (n == -1) ? errno : ENOSPC);

    } else if (fsync(fd) == -1) {
        (void) ngx_deploy_work_key_fail(w, "cannot be written", errno);
    }

    if (close(fd) == -1 && w->reason == NULL) {
        (void) ngx_deploy_work_key_fail(w, "cannot be written", errno);
    }

    return w->reason ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


/* its name is to be durable, too */

static int
ngx_deploy_work_key_sync(ngx_deploy_work_key_t *w)
{
    int  fd, rc;

    fd = open(w->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    rc = (fd == -1) ? -1 : fsync(fd);

    if (rc == -1) {
        (void) ngx_deploy_work_key_fail(w, "is not safe: the directory was "
                                        "not synced", errno);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return (rc == -1) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_key_fail(ngx_deploy_work_key_t *w, const char *reason,
    int err)
{
    w->reason = reason;
    w->err = err;

    return NGX_DEPLOY_ERROR;
}
