
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>


#define NGX_DEPLOY_WORK_TICK  50      /* ms between looks at the stop flag */


struct ngx_deploy_work_block_s {
    ngx_deploy_work_block_t  *next;
    size_t                    size;
    max_align_t               data[];
};


static void *ngx_deploy_work_alloc(void *data, size_t size);
static int ngx_deploy_work_open(ngx_deploy_work_ctx_t *ctx, const char *path,
    unsigned implicit);
static int ngx_deploy_work_null_device(const struct stat *st);


void
ngx_deploy_work_pool_init(ngx_deploy_work_ctx_t *ctx)
{
    ctx->pool.alloc = ngx_deploy_work_alloc;
    ctx->pool.data = ctx;
    ctx->blocks = NULL;
}


static void *
ngx_deploy_work_alloc(void *data, size_t size)
{
    ngx_deploy_work_ctx_t *ctx = data;

    ngx_deploy_work_block_t  *block;

    if (size > SIZE_MAX - sizeof(ngx_deploy_work_block_t)) {
        return NULL;
    }

    block = malloc(sizeof(ngx_deploy_work_block_t) + size);
    if (block == NULL) {
        return NULL;
    }

    block->size = size;
    block->next = ctx->blocks;
    ctx->blocks = block;

    return block->data;
}


void
ngx_deploy_work_pool_wipe(ngx_deploy_work_ctx_t *ctx)
{
    ngx_deploy_work_block_t  *block;

    while (ctx->blocks) {
        block = ctx->blocks;
        ctx->blocks = block->next;

        OPENSSL_cleanse(block->data, block->size);
        free(block);
    }
}


int64_t
ngx_deploy_work_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


time_t
ngx_deploy_work_now(ngx_deploy_work_ctx_t *ctx)
{
    return ctx->source->now + (ngx_deploy_work_ms() - ctx->started) / 1000;
}


int64_t
ngx_deploy_work_left(ngx_deploy_work_ctx_t *ctx)
{
    int64_t  left;

    if (ctx->source->stop && *ctx->source->stop) {
        return 0;
    }

    left = ctx->started + ctx->source->limit - ngx_deploy_work_ms();

    return left > 0 ? left : 0;
}


int
ngx_deploy_work_sleep(ngx_deploy_work_ctx_t *ctx, int64_t ms)
{
    int64_t          end, left;
    struct timespec  ts;

    end = ngx_deploy_work_ms() + ms;

    for ( ;; ) {
        left = end - ngx_deploy_work_ms();

        if (left <= 0) {
            return NGX_DEPLOY_OK;
        }

        /* a time-out ahead is not waited for */

        if (ngx_deploy_work_left(ctx) <= left) {
            return ngx_deploy_work_fail(ctx, 1, "no time is left");
        }

        ts.tv_sec = 0;
        ts.tv_nsec = (left < NGX_DEPLOY_WORK_TICK ? left
                                                  : NGX_DEPLOY_WORK_TICK)
                     * 1000000;

        (void) nanosleep(&ts, NULL);
    }
}


int
ngx_deploy_work_fail(ngx_deploy_work_ctx_t *ctx, unsigned retry,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(ctx->set->reason, NGX_DEPLOY_WORK_MAX_REASON, fmt, args);
    va_end(args);

    ctx->set->retry = retry;

    return NGX_DEPLOY_ERROR;
}


int
ngx_deploy_work_blame(ngx_deploy_work_ctx_t *ctx, const char *fmt, ...)
{
    char     what[NGX_DEPLOY_WORK_MAX_REASON];
    char     reason[NGX_DEPLOY_WORK_MAX_REASON];
    va_list  args;

    memcpy(reason, ctx->set->reason, NGX_DEPLOY_WORK_MAX_REASON);

    va_start(args, fmt);
    (void) vsnprintf(what, NGX_DEPLOY_WORK_MAX_REASON, fmt, args);
    va_end(args);

    return ngx_deploy_work_fail(ctx, ctx->set->retry, "%s: %s", what, reason);
}


char *
ngx_deploy_work_printf(ngx_deploy_work_ctx_t *ctx, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0) {
        return NULL;
    }

    p = ngx_deploy_palloc(&ctx->pool, (size_t) n + 1);
    if (p == NULL) {
        return NULL;
    }

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    return p;
}


char *
ngx_deploy_work_cstring(ngx_deploy_work_ctx_t *ctx, const ngx_deploy_str_t *s)
{
    return ngx_deploy_work_printf(ctx, "%.*s", (int) s->len,
                                  s->len ? (char *) s->data : "");
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
        return ngx_deploy_work_fail(ctx, 0, "\"%s\" is over %zu bytes", path,
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
        return ngx_deploy_work_fail(ctx, 0, "\"%s\" is not a regular file",
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
