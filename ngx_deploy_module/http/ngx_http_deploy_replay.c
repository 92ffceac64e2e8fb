
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_replay.h"

#include "ngx_deploy_memo.h"


#define NGX_HTTP_DEPLOY_REMEMBER  600        /* seconds, what was started */
#define NGX_HTTP_DEPLOY_FAILED    10         /* for those who joined */
#define NGX_HTTP_DEPLOY_LEASE     5          /* over deploy_timeout */
#define NGX_HTTP_DEPLOY_POLL      20         /* milliseconds */


static void ngx_http_deploy_claim_add(ngx_http_deploy_claim_t *claim,
    ngx_uint_t index, ngx_deploy_memo_t *memo);
static void ngx_http_deploy_claim_build(ngx_http_deploy_claim_t *claim,
    ngx_uint_t index, ngx_http_deploy_build_t *build);
static void ngx_http_deploy_claim_release(ngx_http_deploy_claim_t *claim);
static void ngx_http_deploy_claim_settle(ngx_http_deploy_claim_t *claim);
static ngx_int_t ngx_http_deploy_replay_read(ngx_http_deploy_ctx_t *ctx,
    u_char *data, size_t len);
static void ngx_http_deploy_replay_timer(ngx_event_t *ev);
static ngx_str_t ngx_http_deploy_replay_text(const char *text);


ngx_int_t
ngx_http_deploy_replay_claim(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_pool_t                    *pool;
    ngx_http_deploy_claim_t       *claim;
    ngx_http_deploy_loc_conf_t    *dlcf;
    ngx_http_deploy_zone_state_e   state;

    if (ctx->claim) {
        return NGX_OK;
    }

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    claim = ngx_pcalloc(pool, sizeof(ngx_http_deploy_claim_t));
    if (claim == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    claim->pool = pool;
    claim->pending = 1;

    if (ngx_http_deploy_zone_claim(&ctx->identity,
                                   dlcf->timeout / 1000
                                   + NGX_HTTP_DEPLOY_LEASE,
                                   &claim->place, &state)
        != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    if (state == NGX_HTTP_DEPLOY_ZONE_FREE) {
        ctx->claim = claim;
        return NGX_OK;
    }

    ctx->place = ngx_palloc(r->pool, sizeof(ngx_http_deploy_place_t));

    if (ctx->place) {
        *ctx->place = claim->place;
    }

    ngx_destroy_pool(pool);

    if (ctx->place == NULL) {
        return NGX_ERROR;
    }

    return (state == NGX_HTTP_DEPLOY_ZONE_STARTED) ? NGX_DONE : NGX_BUSY;
}


void
ngx_http_deploy_replay_matched(ngx_http_deploy_ctx_t *ctx, ngx_int_t rc)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;
    ngx_http_deploy_claim_t  *claim;

    if (ctx->claim == NULL) {
        return;
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        if (build[i].dispatch == NULL) {
            ngx_http_deploy_claim_build(ctx->claim, i, &build[i]);
        }
    }

    if (rc != NGX_OK) {
        ctx->claim->failed = 1;
    }

    claim = ctx->claim;

    if (ctx->pending == 0) {
        ctx->claim = NULL;
    }

    ngx_http_deploy_claim_release(claim);
}


void
ngx_http_deploy_replay_done(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_memo_t         memo;
    ngx_http_deploy_claim_t  *claim;

    claim = d->claim;

    if (claim == NULL) {
        return;
    }

    ngx_memzero(&memo, sizeof(ngx_deploy_memo_t));

    memo.state = d->state;
    memo.event = d->event;
    memo.retry_after = d->call.retry_after;
    memo.number = d->call.reply.number;
    memo.project = d->call.project;
    memo.id = d->call.reply.id;
    memo.error = d->call.reply.error;
    memo.message = d->call.reply.message;
    memo.reason = ngx_http_deploy_replay_text(d->call.reply.reason);

    ngx_http_deploy_claim_add(claim, d->index, &memo);
    ngx_http_deploy_claim_release(claim);
}


static void
ngx_http_deploy_claim_build(ngx_http_deploy_claim_t *claim, ngx_uint_t index,
    ngx_http_deploy_build_t *build)
{
    ngx_deploy_memo_t  memo;

    ngx_memzero(&memo, sizeof(ngx_deploy_memo_t));

    memo.state = build->state;
    memo.event = build->event;
    memo.retry_after = build->retry_after;
    memo.number = build->reply.number;
    memo.project = build->project;
    memo.id = build->reply.id;
    memo.error = build->reply.error;
    memo.message = build->reply.message;
    memo.reason = ngx_http_deploy_replay_text(build->reply.reason);

    ngx_http_deploy_claim_add(claim, index, &memo);
}


static void
ngx_http_deploy_claim_add(ngx_http_deploy_claim_t *claim, ngx_uint_t index,
    ngx_deploy_memo_t *memo)
{
    u_char      buf[NGX_HTTP_DEPLOY_ZONE_DATA];
    ngx_str_t  *s;

    if (memo->state != NGX_HTTP_DEPLOY_BUILD_STARTED) {
        claim->failed = 1;
    }

    s = &claim->memos[index];

    s->len = ngx_deploy_memo_write(buf, sizeof(buf), memo);

    s->data = ngx_pnalloc(claim->pool, s->len + 1);
    if (s->data == NULL) {
        s->len = 0;
        return;
    }

    ngx_memcpy(s->data, buf, s->len);
}


static void
ngx_http_deploy_claim_release(ngx_http_deploy_claim_t *claim)
{
    if (--claim->pending) {
        return;
    }

    ngx_http_deploy_claim_settle(claim);

    ngx_destroy_pool(claim->pool);
}


static void
ngx_http_deploy_claim_settle(ngx_http_deploy_claim_t *claim)
{
    u_char      *p, *last, data[NGX_HTTP_DEPLOY_ZONE_DATA];
    ngx_str_t   *s;
    ngx_uint_t   i;

    if (claim->settled) {
        return;
    }

    claim->settled = 1;

    p = data;
    last = p + sizeof(data);

    /* of many builds the first ones, as many as fit */

    for (i = 0; i < NGX_HTTP_DEPLOY_MAX_BUILDS; i++) {

        s = &claim->memos[i];

        if (s->len > (size_t) (last - p)) {
            break;
        }

        if (s->len) {
            p = ngx_cpymem(p, s->data, s->len);
        }
    }

    ngx_http_deploy_zone_settle(&claim->place,
                                claim->failed ? NGX_HTTP_DEPLOY_ZONE_FAILED
                                              : NGX_HTTP_DEPLOY_ZONE_STARTED,
                                data, p - data,
                                claim->failed ? NGX_HTTP_DEPLOY_FAILED
                                              : NGX_HTTP_DEPLOY_REMEMBER);
}


void
ngx_http_deploy_replay_timeout(ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    if (ctx->claim == NULL || ctx->claim->settled) {
        return;
    }

    /* with what the request is answered, that of others too */

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        ngx_http_deploy_claim_build(ctx->claim, i, &build[i]);
    }

    ngx_http_deploy_claim_settle(ctx->claim);
}


ngx_int_t
ngx_http_deploy_replay_builds(ngx_http_deploy_ctx_t *ctx)
{
    size_t  len;
    u_char  data[NGX_HTTP_DEPLOY_ZONE_DATA];

    ctx->duplicate = 1;

    (void) ngx_http_deploy_zone_look(ctx->place, data, &len);

    return ngx_http_deploy_replay_read(ctx, data, len);
}


static ngx_int_t
ngx_http_deploy_replay_read(ngx_http_deploy_ctx_t *ctx, u_char *data,
    size_t len)
{
    size_t                    n;
    u_char                   *p, *last, *reason;
    ngx_deploy_memo_t         memo;
    ngx_http_deploy_build_t  *build;

    p = ngx_pnalloc(ctx->request->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, data, len);

    for (last = p + len; p < last; p += n) {

        n = ngx_deploy_memo_read(p, last - p, &memo);

        if (n == 0) {
            break;
        }

        build = ngx_array_push(&ctx->builds);
        if (build == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(build, sizeof(ngx_http_deploy_build_t));

        build->state = memo.state;
        build->event = memo.event;
        build->retry_after = memo.retry_after;
        build->project = memo.project;
        build->reply.number = memo.number;
        build->reply.id = memo.id;
        build->reply.error = memo.error;
        build->reply.message = memo.message;

        if (memo.reason.len) {
            reason = ngx_pnalloc(ctx->request->pool, memo.reason.len + 1);
            if (reason == NULL) {
                return NGX_ERROR;
            }

            ngx_cpystrn(reason, memo.reason.data, memo.reason.len + 1);
            build->reply.reason = (char *) reason;
        }
    }

    return NGX_OK;
}


/*
 * Whoever dispatches it, in this worker or another, writes the end to the
 * table; an owner that died does not, and its lease outlives our wait.
 */

void
ngx_http_deploy_replay_join(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    ctx->deadline = ngx_current_msec + dlcf->timeout;

    ctx->timer.handler = ngx_http_deploy_replay_timer;
    ctx->timer.data = r->connection;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, NGX_HTTP_DEPLOY_POLL);

    ctx->waiting = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


static void
ngx_http_deploy_replay_timer(ngx_event_t *ev)
{
    size_t                         len;
    u_char                         data[NGX_HTTP_DEPLOY_ZONE_DATA];
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_deploy_ctx_t         *ctx;
    ngx_http_deploy_build_t       *build;
    ngx_http_deploy_zone_state_e   state;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_deploy_get_ctx(r->main);

    state = ngx_http_deploy_zone_look(ctx->place, data, &len);

    if (state == NGX_HTTP_DEPLOY_ZONE_PENDING
        && (ngx_msec_int_t) (ctx->deadline - ngx_current_msec) > 0)
    {
        ngx_add_timer(ev, NGX_HTTP_DEPLOY_POLL);
        return;
    }

    if (state == NGX_HTTP_DEPLOY_ZONE_PENDING
        || state == NGX_HTTP_DEPLOY_ZONE_FREE
        || ngx_http_deploy_replay_read(ctx, data, len) != NGX_OK
        || ctx->builds.nelts == 0)
    {
        build = ngx_array_push(&ctx->builds);

        if (build) {
            ngx_memzero(build, sizeof(ngx_http_deploy_build_t));
            build->project = ctx->joined;
            build->reply.number = -1;
            build->state = (state == NGX_HTTP_DEPLOY_ZONE_PENDING)
                           ? NGX_HTTP_DEPLOY_BUILD_TIMEDOUT
                           : NGX_HTTP_DEPLOY_BUILD_UNREACHED;
            build->reply.reason = "the same delivery has no result";
        }
    }

    ngx_http_deploy_finish(ctx);
}


static ngx_str_t
ngx_http_deploy_replay_text(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = text ? ngx_strlen(text) : 0;

    return s;
}
