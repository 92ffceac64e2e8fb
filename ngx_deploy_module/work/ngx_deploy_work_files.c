
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


static int ngx_deploy_work_file(ngx_deploy_work_ctx_t *ctx, unsigned config);
static int ngx_deploy_work_open(ngx_deploy_work_ctx_t *ctx, const char *path,
    unsigned implicit);
static int ngx_deploy_work_null_device(const struct stat *st);


int
ngx_deploy_work_files(ngx_deploy_work_ctx_t *ctx)
{
    int       rc;
    unsigned  config;

    if (ctx->files.loaded) {
        return NGX_DEPLOY_OK;
    }

    for (config = 0; config < 2; config++) {
        rc = ngx_deploy_work_file(ctx, config);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    ctx->files.loaded = 1;

    return NGX_DEPLOY_OK;
}


/* a file that is missing gives an empty text */

static int
ngx_deploy_work_file(ngx_deploy_work_ctx_t *ctx, unsigned config)
{
    int          rc;
    char        *path;
    unsigned     implicit;
    const char  *name, *home;

    name = ngx_deploy_work_env(ctx, config
                               ? NGX_DEPLOY_WORK_CONFIG_FILE
                               : NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE);
    home = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_HOME);

    implicit = (name == NULL);

    if (name) {
        path = ngx_deploy_work_printf(ctx, "%s", name);

    } else {
        path = ngx_deploy_work_printf(ctx, "%s/.aws/%s", home ? home : "",
                                      config ? "config" : "credentials");
    }

    if (path == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    ctx->files.paths[config] = path;

    if (implicit && home == NULL) {
        return NGX_DEPLOY_OK;
    }

    /* the worker's user has no business in the home of root: implicit */

    rc = ngx_deploy_work_read(ctx, path, NGX_DEPLOY_WORK_MAX_FILE, implicit,
                              &ctx->files.texts[config]);

    return rc == NGX_DEPLOY_DECLINED ? NGX_DEPLOY_OK : rc;
}


int
ngx_deploy_work_read(ngx_deploy_work_ctx_t *ctx, const char *path, size_t max,
    unsigned implicit, ngx_deploy_str_t *text)
{
    int      fd;
    ssize_t  n;

    memset(text, 0, sizeof(ngx_deploy_str_t));

    fd = ngx_deploy_work_open(ctx, path, implicit);

    if (fd < 0) {
        return fd;
    }

    /* one byte more tells a file that is too long */

    text->data = ngx_deploy_palloc(&ctx->pool, max + 1);

    if (text->data == NULL) {
        (void) close(fd);
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    while (text->len <= max) {
        n = read(fd, text->data + text->len, max + 1 - text->len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            (void) close(fd);
            return ngx_deploy_work_fail(ctx, 1, "reading \"%s\" failed", path);
        }

        if (n == 0) {
            break;
        }

        text->len += n;
    }

    (void) close(fd);

    if (text->len > max) {
        return ngx_deploy_work_fail(ctx, 1, "\"%s\" is over %zu bytes", path,
                                    max);
    }

    return NGX_DEPLOY_OK;
}


/* a descriptor, NGX_DEPLOY_DECLINED or, with a reason, NGX_DEPLOY_ERROR */

static int
ngx_deploy_work_open(ngx_deploy_work_ctx_t *ctx, const char *path,
    unsigned implicit)
{
    int          fd;
    struct stat  st;

    /* of a FIFO neither this nor a read would ever return */

    do {
        fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOCTTY);
    } while (fd == -1 && errno == EINTR);

    if (fd == -1) {

        if (errno == ENOENT || errno == ENOTDIR
            || (implicit && (errno == EACCES || errno == EPERM)))
        {
            return NGX_DEPLOY_DECLINED;
        }

        return ngx_deploy_work_fail(ctx, 1, "\"%s\" cannot be opened: %m",
                                    path);
    }

    if (fstat(fd, &st) == -1
        || (!S_ISREG(st.st_mode) && !ngx_deploy_work_null_device(&st)))
    {
        (void) close(fd);
        return ngx_deploy_work_fail(ctx, 1, "\"%s\" is not a regular file",
                                    path);
    }

    return fd;
}


/* AWS_CONFIG_FILE=/dev/null is the common way to say "none" */

static int
ngx_deploy_work_null_device(const struct stat *st)
{
    struct stat  null;

    return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0
           && S_ISCHR(null.st_mode) && null.st_rdev == st->st_rdev;
}
