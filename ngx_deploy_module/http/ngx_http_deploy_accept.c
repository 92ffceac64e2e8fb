
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_accept.h"
#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_response.h"
#include "ngx_http_deploy_retry.h"


#define NGX_HTTP_DEPLOY_ACCEPT_LEASE   5000      /* ms, over deploy_timeout */
#define NGX_HTTP_DEPLOY_ACCEPT_EVENTS  65536     /* bytes of JSON */
#define NGX_HTTP_DEPLOY_ACCEPT_RULES   32        /* of too many */
#define NGX_HTTP_DEPLOY_ACCEPT_SIZE    1024      /* of most texts */
#define NGX_HTTP_DEPLOY_JOIN_FIRST     50        /* ms */
#define NGX_HTTP_DEPLOY_JOIN_MAX       400


struct ngx_http_deploy_accept_s {
    ngx_pool_t                    *pool;
    ngx_http_deploy_ctx_t         *waiter;       /* NULL: it has gone */
    ngx_http_deploy_store_op_t     op;
    ngx_uint_t                     posted;       /* op is the store's */
    ngx_deploy_store_delivery_t    delivery;
    ngx_http_deploy_dispatch_t   **dispatches;   /* of its builds, or NULL */

    ngx_event_t                    timer;        /* of a join */
    ngx_msec_t                     interval;
};


static ngx_http_deploy_accept_t *ngx_http_deploy_accept_create(
    ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_accept_build(
    ngx_http_deploy_accept_t *accept, ngx_http_deploy_build_t *build,
    ngx_deploy_store_build_t *b);
static ngx_int_t ngx_http_deploy_accept_notice(ngx_pool_t *pool,
    ngx_http_deploy_notice_t *notice, ngx_deploy_store_build_t *b);
static ngx_int_t ngx_http_deploy_accept_events(
    ngx_http_deploy_accept_t *accept, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_accept_rules(
    ngx_http_deploy_accept_t *accept, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_accept_copy(ngx_pool_t *pool,
    ngx_deploy_str_t *dst, ngx_str_t *src);
static void ngx_http_deploy_accept_done(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_accept_begin(ngx_http_deploy_accept_t *accept);
static void ngx_http_deploy_accept_refused(ngx_http_deploy_accept_t *accept,
    ngx_deploy_store_build_t *b, ngx_uint_t index);
static ngx_int_t ngx_http_deploy_accept_known(
    ngx_http_deploy_accept_t *accept);
static void ngx_http_deploy_accept_state(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_build_t *build, ngx_deploy_store_build_t *b);
static void ngx_http_deploy_accept_failed(ngx_http_deploy_accept_t *accept,
    const char *reason);
static void ngx_http_deploy_accept_lost(ngx_http_deploy_accept_t *accept);
static void ngx_http_deploy_accept_free(ngx_http_deploy_accept_t *accept);
static ngx_uint_t ngx_http_deploy_accept_join(
    ngx_http_deploy_accept_t *accept);
static void ngx_http_deploy_accept_ask(ngx_event_t *ev);
static void ngx_http_deploy_accept_asked(ngx_http_deploy_store_op_t *op);


static ngx_connection_t  ngx_http_deploy_accept_ident;


ngx_int_t
ngx_http_deploy_accept(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                   i;
    ngx_http_deploy_build_t     *build;
    ngx_http_deploy_accept_t    *accept;
    ngx_http_deploy_loc_conf_t  *dlcf;

    if (ngx_http_deploy_identity(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    accept = ngx_http_deploy_accept_create(r, ctx);
    if (accept == NULL) {
        return NGX_ERROR;
    }

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    accept->op.op.type = NGX_DEPLOY_STORE_ACCEPT;
    accept->op.op.u.accept.delivery = &accept->delivery;
    accept->op.op.u.accept.owner = *ngx_http_deploy_retry_owner();
    accept->op.op.u.accept.lease = dlcf->timeout
                                   + NGX_HTTP_DEPLOY_ACCEPT_LEASE;
    accept->op.handler = ngx_http_deploy_accept_done;
    accept->op.data = accept;

    build = ctx->builds.elts;

    for (i = 0; i < accept->delivery.nbuilds; i++) {
        accept->dispatches[i] = build[i].dispatch;
        build[i].dispatch = NULL;
    }

    if (accept->delivery.nbuilds) {
        accept->waiter = ctx;
        ctx->accept = accept;
        ctx->pending++;

        /* refused late it could not be, so it is not accepted late */

        accept->op.op.u.accept.expires = ngx_current_msec
                                         + dlcf->timeout / 4 * 3;
    }

    if (ngx_http_deploy_store_post(&accept->op) == NGX_OK) {
        accept->posted = 1;
        return NGX_OK;
    }

    if (accept->waiter) {
        ngx_http_deploy_accept_failed(accept, "too many events are waiting "
                                      "for the store");
        ctx->accept = NULL;
        ctx->pending--;
    }

    ngx_http_deploy_accept_free(accept);

    return NGX_OK;
}


static ngx_http_deploy_accept_t *
ngx_http_deploy_accept_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    u_char                        dry[128];
    size_t                        n;
    ngx_str_t                     identity;
    ngx_uint_t                    i;
    ngx_pool_t                   *pool;
    ngx_http_deploy_build_t      *build;
    ngx_http_deploy_accept_t     *accept;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_deploy_store_delivery_t  *delivery;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    pool = ngx_create_pool(4096, clcf->error_log);
    if (pool == NULL) {
        return NULL;
    }

    /* the builds of a dry run are not to be started, ever */

    n = dlcf->dry_run ? 0 : ctx->builds.nelts;

    accept = ngx_pcalloc(pool, sizeof(ngx_http_deploy_accept_t));
    if (accept == NULL) {
        goto failed;
    }

    delivery = &accept->delivery;

    accept->pool = pool;
    accept->dispatches = ngx_pcalloc(pool, (n + 1)
                                     * sizeof(ngx_http_deploy_dispatch_t *));
    delivery->builds = ngx_pcalloc(pool, (n + 1)
                                         * sizeof(ngx_deploy_store_build_t));

    if (accept->dispatches == NULL || delivery->builds == NULL) {
        goto failed;
    }

    delivery->location = dlcf->name;
    delivery->server = cscf->server_name;
    delivery->scheme.data = (u_char *) (ctx->verifier ? ctx->verifier->name
                                                      : "off");
    delivery->scheme.len = ngx_strlen(delivery->scheme.data);
    delivery->received = ngx_http_deploy_store_now();
    delivery->nbuilds = n;

    identity = ctx->identity;

    /* a dry run is never the same delivery as another one */

    if (dlcf->dry_run) {
        identity.len = ngx_snprintf(dry, sizeof(dry), "dry_run:%V",
                                    &ctx->identity)
                       - dry;
        identity.data = dry;
    }

    if (ngx_http_deploy_accept_copy(pool, &delivery->identity, &identity)
        != NGX_OK
        || ngx_http_deploy_accept_copy(pool, &delivery->provider,
                                       &ctx->provider)
           != NGX_OK
        || ngx_http_deploy_accept_copy(pool, &delivery->id, &ctx->delivery)
           != NGX_OK
        || ngx_http_deploy_accept_events(accept, ctx) != NGX_OK
        || ngx_http_deploy_accept_rules(accept, ctx) != NGX_OK)
    {
        goto failed;
    }

    build = ctx->builds.elts;

    for (i = 0; i < n; i++) {
        if (ngx_http_deploy_accept_build(accept, &build[i],
                                         &delivery->builds[i])
            != NGX_OK)
        {
            goto failed;
        }
    }

    return accept;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


/* one that was refused before any dispatch has no body */

static ngx_int_t
ngx_http_deploy_accept_build(ngx_http_deploy_accept_t *accept,
    ngx_http_deploy_build_t *build, ngx_deploy_store_build_t *b)
{
    ngx_http_deploy_call_t    *call;
    ngx_http_deploy_source_t  *source;

    b->event = build->event;
    b->paths_unknown = build->paths_unknown;
    b->number = -1;

    b->region.data = (u_char *) "";
    b->token.data = (u_char *) "";
    b->body.data = (u_char *) "";

    if (build->dispatch) {
        call = &build->dispatch->call;

        b->region = call->region;
        b->endpoint = call->url;
        b->body = call->body;

        source = ngx_http_deploy_set_source(call->set);

        b->role = source->role;

        if (build->dispatch->notice
            && ngx_http_deploy_accept_notice(accept->pool,
                                             build->dispatch->notice, b)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_deploy_aws_source_text(accept->pool, source,
                                            &b->credentials)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_deploy_accept_copy(accept->pool, &b->project,
                                    &build->project)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return build->token.len ? ngx_http_deploy_accept_copy(accept->pool,
                                                          &b->token,
                                                          &build->token)
                            : NGX_OK;
}


/* what is told of it later, by whoever brings it to its end */

static ngx_int_t
ngx_http_deploy_accept_notice(ngx_pool_t *pool,
    ngx_http_deploy_notice_t *notice, ngx_deploy_store_build_t *b)
{
    if (ngx_http_deploy_notice_dump(notice, pool, &b->notice) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_copy(pool, &b->response, &notice->response_url);
}


/* paths are the first to go, then all events but the first one */

static ngx_int_t
ngx_http_deploy_accept_events(ngx_http_deploy_accept_t *accept,
    ngx_http_deploy_ctx_t *ctx)
{
    size_t                  i, n;
    ngx_uint_t              cut;
    ngx_deploy_pool_t       pool;
    ngx_deploy_event_t      event;
    ngx_deploy_json_out_t   out;

    pool = ngx_http_deploy_pool(accept->pool);
    n = ctx->nevents;

    for (cut = 0; cut < 3; cut++) {

        if (cut == 2 && n > 1) {
            n = 1;
        }

        ngx_deploy_json_out_begin(&out, &pool, NGX_HTTP_DEPLOY_ACCEPT_SIZE);
        ngx_deploy_json_out_array(&out, NULL);

        for (i = 0; i < n; i++) {
            event = ctx->events[i];

            if (cut && event.npaths) {
                event.npaths = 0;
                event.paths_complete = 0;
            }

            ngx_deploy_event_json(&event, &out);
        }

        ngx_deploy_json_out_close(&out, ']');

        if (ngx_deploy_json_out_end(&out, &accept->delivery.events)
            != NGX_DEPLOY_OK)
        {
            return NGX_ERROR;
        }

        if (accept->delivery.events.len <= NGX_HTTP_DEPLOY_ACCEPT_EVENTS) {
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_accept_rules(ngx_http_deploy_accept_t *accept,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t             max;
    ngx_deploy_pool_t      pool;
    ngx_deploy_json_out_t  out;

    pool = ngx_http_deploy_pool(accept->pool);

    for (max = ctx->misses.nelts; /* void */ ;
         max = NGX_HTTP_DEPLOY_ACCEPT_RULES)
    {
        ngx_deploy_json_out_begin(&out, &pool, NGX_HTTP_DEPLOY_ACCEPT_SIZE);

        ngx_deploy_json_out_array(&out, NULL);
        ngx_http_deploy_answer_rules(ctx, max, &out);
        ngx_http_deploy_answer_matched(ctx, &out);
        ngx_deploy_json_out_close(&out, ']');

        if (ngx_deploy_json_out_end(&out, &accept->delivery.rules)
            != NGX_DEPLOY_OK)
        {
            return NGX_ERROR;
        }

        if (max <= NGX_HTTP_DEPLOY_ACCEPT_RULES
            || accept->delivery.rules.len <= NGX_HTTP_DEPLOY_ACCEPT_EVENTS)
        {
            return NGX_OK;
        }
    }
}


static ngx_int_t
ngx_http_deploy_accept_copy(ngx_pool_t *pool, ngx_deploy_str_t *dst,
    ngx_str_t *src)
{
    if (src->len == 0) {
        dst->len = 0;
        dst->data = (u_char *) "";
        return NGX_OK;
    }

    dst->len = src->len;
    dst->data = ngx_pstrdup(pool, src);

    return dst->data ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_deploy_accept_done(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_ctx_t     *ctx;
    ngx_http_deploy_accept_t  *accept;

    accept = op->data;
    accept->posted = 0;

    ctx = accept->waiter;

    if (op->op.rc == NGX_DEPLOY_OK) {

        if (ctx == NULL && accept->delivery.nbuilds
            && op->op.u.accept.outcome != NGX_DEPLOY_STORE_DUPLICATE)
        {
            ngx_log_error(NGX_LOG_NOTICE, accept->pool->log, 0,
                          "deploy stored delivery \"%V\", nobody waits for it",
                          &accept->delivery.id);
        }

        ngx_http_deploy_accept_begin(accept);

        if (ctx && ngx_http_deploy_accept_known(accept) == NGX_OK
            && ngx_http_deploy_accept_join(accept))
        {
            return;
        }

    } else if (ctx) {
        ngx_http_deploy_accept_failed(accept,
                                      (op->op.rc == NGX_DEPLOY_DECLINED)
                                      ? "the event was not stored in time"
                                      : "the event cannot be stored");

    } else {
        ngx_http_deploy_accept_lost(accept);
    }

    ngx_http_deploy_accept_free(accept);

    if (ctx == NULL) {
        return;
    }

    ctx->accept = NULL;

    if (--ctx->pending == 0) {
        ngx_http_deploy_finish(ctx);
    }
}


/* what is leased begins, the other dispatches are freed later */

static void
ngx_http_deploy_accept_begin(ngx_http_deploy_accept_t *accept)
{
    ngx_uint_t                   i;
    ngx_http_deploy_ctx_t       *ctx;
    ngx_http_deploy_build_t     *build;
    ngx_deploy_store_build_t    *b;
    ngx_http_deploy_dispatch_t  *d;

    ctx = accept->waiter;
    build = ctx ? ctx->builds.elts : NULL;

    for (i = 0; i < accept->delivery.nbuilds; i++) {
        b = &accept->delivery.builds[i];
        d = accept->dispatches[i];

        if (b->row == 0) {
            continue;
        }

        if (d == NULL) {
            ngx_http_deploy_accept_refused(accept, b, i);
            continue;
        }

        accept->dispatches[i] = NULL;

        d->waiter = ctx;
        d->index = i;

        if (ctx) {
            build[i].dispatch = d;
            ctx->pending++;
        }

        if (ngx_http_deploy_retry_begin(d, b) != NGX_OK) {

            /* it is leased: somebody takes it up when that is over */

            if (ctx) {
                build[i].dispatch = NULL;
                build[i].state = NGX_HTTP_DEPLOY_BUILD_QUEUED;
                ctx->pending--;
            }

            ngx_destroy_pool(d->pool);
        }
    }
}


/* there was no dispatch, and will not be one */

static void
ngx_http_deploy_accept_refused(ngx_http_deploy_accept_t *accept,
    ngx_deploy_store_build_t *b, ngx_uint_t index)
{
    const char               *reason;
    ngx_http_deploy_build_t  *build;

    reason = "InvalidInput";

    if (accept->waiter) {
        build = accept->waiter->builds.elts;
        reason = build[index].reply.reason;
    }

    ngx_http_deploy_retry_refused(b, reason);
}


/* of what is not leased the answer tells what is known */

static ngx_int_t
ngx_http_deploy_accept_known(ngx_http_deploy_accept_t *accept)
{
    ngx_uint_t                  i, n;
    ngx_array_t                 builds;
    ngx_http_deploy_ctx_t      *ctx;
    ngx_http_deploy_build_t    *build;
    ngx_deploy_store_accept_t  *op;

    ctx = accept->waiter;
    op = &accept->op.op.u.accept;

    if (op->outcome == NGX_DEPLOY_STORE_NEW) {
        return NGX_OK;
    }

    if (op->outcome == NGX_DEPLOY_STORE_DUPLICATE) {

        if (ngx_array_init(&builds, ctx->request->pool, op->nknown,
                           sizeof(ngx_http_deploy_build_t))
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        build = ngx_array_push_n(&builds, op->nknown);
        if (build == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(build, op->nknown * sizeof(ngx_http_deploy_build_t));

        for (i = 0; i < op->nknown; i++) {
            build[i].event = op->known[i].event;
            build[i].paths_unknown = op->known[i].paths_unknown;

            if (ngx_http_deploy_accept_copy(ctx->request->pool,
                                            &build[i].project,
                                            &op->known[i].project)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        ctx->builds = builds;
        ctx->duplicate = 1;
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        for (n = 0; n < op->nknown; n++) {
            if (op->known[n].event == (int64_t) build[i].event
                && ngx_deploy_str_eq(&op->known[n].project,
                                     &build[i].project))
            {
                ngx_http_deploy_accept_state(ctx, &build[i], &op->known[n]);
            }
        }
    }

    return NGX_OK;
}


static void
ngx_http_deploy_accept_state(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_build_t *build, ngx_deploy_store_build_t *b)
{
    ngx_uint_t           i;
    ngx_pool_t          *pool;
    ngx_deploy_str_t    *to[5], *from[5];
    ngx_deploy_reply_t  *reply;

    switch (b->state) {

    case NGX_DEPLOY_STORE_STARTED:
        build->state = NGX_HTTP_DEPLOY_BUILD_STARTED;
        break;

    case NGX_DEPLOY_STORE_FAILED:
        build->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
        break;

    case NGX_DEPLOY_STORE_STARTING:
        build->state = NGX_HTTP_DEPLOY_BUILD_STARTING;
        break;

    default:
        build->state = NGX_HTTP_DEPLOY_BUILD_QUEUED;
    }

    reply = &build->reply;

    ngx_memzero(reply, sizeof(ngx_deploy_reply_t));

    reply->number = b->number;

    to[0] = &reply->id;
    to[1] = &reply->arn;
    to[2] = &reply->url;
    to[3] = &reply->error;
    to[4] = &reply->message;

    from[0] = &b->id;
    from[1] = &b->arn;
    from[2] = &b->url;
    from[3] = &b->error;
    from[4] = &b->message;

    pool = ctx->request->pool;

    for (i = 0; i < 5; i++) {
        if (from[i]->len
            && ngx_http_deploy_accept_copy(pool, to[i], from[i]) != NGX_OK)
        {
            ngx_str_null(to[i]);
        }
    }
}


static void
ngx_http_deploy_accept_failed(ngx_http_deploy_accept_t *accept,
    const char *reason)
{
    ngx_uint_t                i;
    ngx_http_deploy_ctx_t    *ctx;
    ngx_http_deploy_build_t  *build;

    ctx = accept->waiter;
    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        if (build[i].state == NGX_HTTP_DEPLOY_BUILD_NEW) {
            build[i].state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;
            build[i].reply.reason = reason;
        }
    }

    ngx_log_error(NGX_LOG_ERR, accept->pool->log, 0,
                  "deploy did not accept delivery \"%V\": %s",
                  &accept->delivery.id, reason);
}


/* nobody waits, but a user of Slack may wait for a word */

static void
ngx_http_deploy_accept_lost(ngx_http_deploy_accept_t *accept)
{
    ngx_uint_t                   i;
    ngx_http_deploy_dispatch_t  *d;

    for (i = 0; i < accept->delivery.nbuilds; i++) {
        d = accept->dispatches[i];

        if (d) {
            d->state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;
            d->call.reply.reason = "the event was not stored";

            ngx_http_deploy_response_build(d);
        }
    }
}


static void
ngx_http_deploy_accept_free(ngx_http_deploy_accept_t *accept)
{
    ngx_uint_t  i;

    for (i = 0; i < accept->delivery.nbuilds; i++) {
        if (accept->dispatches[i]) {
            ngx_destroy_pool(accept->dispatches[i]->pool);
        }
    }

    if (accept->timer.timer_set) {
        ngx_del_timer(&accept->timer);
    }

    ngx_destroy_pool(accept->pool);
}


/*
 * Builds that another request or another worker starts right now: this one
 * waits, too, and gets the same answer.  1 when there are any.
 */

static ngx_uint_t
ngx_http_deploy_accept_join(ngx_http_deploy_accept_t *accept)
{
    ngx_uint_t                i, n;
    ngx_http_deploy_ctx_t    *ctx;
    ngx_http_deploy_build_t  *build;

    ctx = accept->waiter;
    build = ctx->builds.elts;
    n = 0;

    for (i = 0; i < ctx->builds.nelts; i++) {
        n += (build[i].state == NGX_HTTP_DEPLOY_BUILD_STARTING);
    }

    if (n == 0) {
        return 0;
    }

    ctx->duplicate = 0;
    accept->op.op.type = NGX_DEPLOY_STORE_FIND;

    ngx_http_deploy_accept_ident.fd = (ngx_socket_t) -1;

    accept->timer.handler = ngx_http_deploy_accept_ask;
    accept->timer.data = &ngx_http_deploy_accept_ident;
    accept->timer.log = accept->pool->log;

    accept->interval = accept->interval
                       ? ngx_min(accept->interval * 2,
                                 NGX_HTTP_DEPLOY_JOIN_MAX)
                       : NGX_HTTP_DEPLOY_JOIN_FIRST;

    ngx_add_timer(&accept->timer, accept->interval);

    return 1;
}


static void
ngx_http_deploy_accept_ask(ngx_event_t *ev)
{
    ngx_deploy_store_find_t   *find;
    ngx_http_deploy_accept_t  *accept;

    accept = (ngx_http_deploy_accept_t *)
                 ((u_char *) ev - offsetof(ngx_http_deploy_accept_t, timer));

    accept->op.handler = ngx_http_deploy_accept_asked;

    find = &accept->op.op.u.find;

    ngx_memzero(find, sizeof(ngx_deploy_store_find_t));

    find->row = accept->delivery.row;

    if (ngx_http_deploy_store_post(&accept->op) == NGX_OK) {
        accept->posted = 1;
        return;
    }

    ngx_add_timer(&accept->timer, accept->interval);
}


static void
ngx_http_deploy_accept_asked(ngx_http_deploy_store_op_t *op)
{
    size_t                        n;
    ngx_uint_t                    i;
    ngx_http_deploy_ctx_t        *ctx;
    ngx_http_deploy_build_t      *build;
    ngx_http_deploy_accept_t     *accept;
    ngx_deploy_store_delivery_t  *d;

    accept = op->data;
    accept->posted = 0;

    ctx = accept->waiter;

    if (ctx == NULL) {
        ngx_http_deploy_accept_free(accept);
        return;
    }

    if (op->op.rc == NGX_DEPLOY_OK) {
        d = op->op.u.find.deliveries;
        build = ctx->builds.elts;

        for (i = 0; i < ctx->builds.nelts; i++) {

            if (build[i].state != NGX_HTTP_DEPLOY_BUILD_STARTING) {
                continue;
            }

            /* the last one is of the newest run */

            for (n = 0; n < d->nbuilds; n++) {
                if (d->builds[n].event == (int64_t) build[i].event
                    && ngx_deploy_str_eq(&d->builds[n].project,
                                         &build[i].project))
                {
                    ngx_http_deploy_accept_state(ctx, &build[i],
                                                 &d->builds[n]);
                }
            }
        }
    }

    if (ngx_http_deploy_accept_join(accept)) {
        return;
    }

    ngx_http_deploy_accept_free(accept);

    ctx->accept = NULL;

    if (--ctx->pending == 0) {
        ngx_http_deploy_finish(ctx);
    }
}


void
ngx_http_deploy_accept_detach(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_accept_t  *accept;

    accept = ctx->accept;

    ctx->accept = NULL;
    accept->waiter = NULL;

    if (!accept->posted) {
        ngx_http_deploy_accept_free(accept);
    }
}


void
ngx_http_deploy_accept_timeout(ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    if (ctx->accept->op.op.type == NGX_DEPLOY_STORE_ACCEPT) {
        ngx_http_deploy_accept_failed(ctx->accept,
                                      "the event was not stored in time");
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        if (build[i].state == NGX_HTTP_DEPLOY_BUILD_STARTING) {
            build[i].state = NGX_HTTP_DEPLOY_BUILD_QUEUED;
        }

        if (build[i].state == NGX_HTTP_DEPLOY_BUILD_UNREACHED) {
            build[i].later = 1;
        }
    }

    ngx_http_deploy_accept_detach(ctx);
}
