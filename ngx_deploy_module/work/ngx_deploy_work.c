
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>


#define NGX_DEPLOY_WORK_TICK        50     /* ms between looks at the flag */
#define NGX_DEPLOY_WORK_MIN_SECRET  8


struct ngx_deploy_work_block_s {
    ngx_deploy_work_block_t  *next;
    size_t                    size;
    max_align_t               data[];
};


static void *ngx_deploy_work_alloc(void *data, size_t size);


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


void
ngx_deploy_work_fail_reply(ngx_deploy_work_ctx_t *ctx, unsigned status,
    const ngx_deploy_credentials_reply_t *reply, const char *reason)
{
    char                     *message;
    const ngx_deploy_str_t   *code;

    code = &reply->code;

    message = ngx_deploy_work_printf(ctx, "%s%.*s",
                                     reply->message.len ? ": " : "",
                                     (int) reply->message.len,
                                     reply->message.len
                                     ? (char *) reply->message.data : "");

    if (code->len) {
        (void) ngx_deploy_work_fail(ctx, 1, "status %u, %.*s%s", status,
                                    (int) code->len, (char *) code->data,
                                    message ? message : "");

    } else if (status != 200) {
        (void) ngx_deploy_work_fail(ctx, 1, "status %u%s", status,
                                    message ? message : "");

    } else {
        (void) ngx_deploy_work_fail(ctx, 1, "status 200, but %s", reason);
    }
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


ngx_deploy_str_t
ngx_deploy_work_str(const char *text)
{
    ngx_deploy_str_t  s;

    s.data = (u_char *) text;
    s.len = text ? strlen(text) : 0;

    return s;
}


const char *
ngx_deploy_work_setting(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e name, const char *key)
{
    const char        *value;
    ngx_deploy_str_t   text;

    value = ngx_deploy_work_env(ctx, name);

    if (value) {
        return value;
    }

    text = ngx_deploy_work_profile_value(ctx, key);

    return text.len ? ngx_deploy_work_cstring(ctx, &text) : NULL;
}


unsigned
ngx_deploy_work_true(ngx_deploy_work_ctx_t *ctx, ngx_deploy_work_env_e name,
    const char *key)
{
    const char  *value;

    value = ngx_deploy_work_setting(ctx, name, key);

    return value && strcasecmp(value, "true") == 0;
}


unsigned
ngx_deploy_work_holds(const ngx_deploy_str_t *text,
    const ngx_deploy_str_t *secret)
{
    size_t  i;

    /* so short a secret would be found anywhere */

    if (secret->len < NGX_DEPLOY_WORK_MIN_SECRET) {
        return 0;
    }

    for (i = 0; i + secret->len <= text->len; i++) {

        if (memcmp(text->data + i, secret->data, secret->len) == 0) {
            return 1;
        }
    }

    return 0;
}


unsigned
ngx_deploy_work_random(void)
{
    uint16_t  n;

    if (RAND_bytes((u_char *) &n, sizeof(uint16_t)) != 1) {
        ERR_clear_error();
        n = (uint16_t) ngx_deploy_work_ms();
    }

    return n;
}
