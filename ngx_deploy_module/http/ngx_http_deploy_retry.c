
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_response.h"
#include "ngx_http_deploy_retry.h"


#define NGX_HTTP_DEPLOY_RETRY_LEASE   13000      /* ms */
#define NGX_HTTP_DEPLOY_RETRY_POLL    4000       /* ms, others may have died */
#define NGX_HTTP_DEPLOY_RETRY_MAX     32         /* at once, of a worker */
#define NGX_HTTP_DEPLOY_RETRY_PARK    20000      /* ms, no way to dispatch */
#define NGX_HTTP_DEPLOY_RETRY_OLD     240000     /* ms, of a token's 5 min */
#define NGX_HTTP_DEPLOY_RETRY_TELL    600000     /* ms, to store a result */
#define NGX_HTTP_DEPLOY_RETRY_AHEAD   15000      /* ms, of another process */

#define NGX_HTTP_DEPLOY_PRUNE_TIME    600        /* s */
#define NGX_HTTP_DEPLOY_PRUNE_MAX     500


static void ngx_http_deploy_retry_handler(ngx_event_t *ev);
static void ngx_http_deploy_retry_prune(void);
static void ngx_http_deploy_retry_pruned(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_retry_taken(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_retry_take(ngx_deploy_store_delivery_t *delivery);
static ngx_http_deploy_dispatch_t *ngx_http_deploy_retry_dispatch(
    ngx_deploy_store_delivery_t *delivery, ngx_http_deploy_srv_conf_t *dscf);
static ngx_http_deploy_srv_conf_t *ngx_http_deploy_retry_server(
    ngx_deploy_str_t *name);
static ngx_deploy_store_record_t *ngx_http_deploy_retry_record(
    ngx_http_deploy_dispatch_t *d);
static void ngx_http_deploy_retry_recorded(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_retry_tell(ngx_http_deploy_dispatch_t *d);
static void ngx_http_deploy_retry_end(ngx_http_deploy_dispatch_t *d);
static void ngx_http_deploy_retry_post(ngx_deploy_store_build_t *b,
    ngx_deploy_store_result_e kind, const char *reason);
static void ngx_http_deploy_retry_posted(ngx_http_deploy_store_op_t *op);


/* of the worker */

static ngx_http_conf_ctx_t         *ngx_http_deploy_retry_ctx;
static ngx_http_deploy_store_op_t   ngx_http_deploy_retry_op;
static ngx_http_deploy_store_op_t   ngx_http_deploy_prune_op;
static ngx_uint_t                   ngx_http_deploy_retry_taking;
static ngx_uint_t                   ngx_http_deploy_retry_n;
static ngx_uint_t                   ngx_http_deploy_retry_alone;
static ngx_uint_t                   ngx_http_deploy_prune_busy;
static time_t                       ngx_http_deploy_prune_next;
static ngx_event_t                  ngx_http_deploy_retry_timer;
static ngx_connection_t             ngx_http_deploy_retry_ident;

static u_char                       ngx_http_deploy_retry_name[
                                        NGX_MAXHOSTNAMELEN + NGX_INT64_LEN];
static ngx_str_t                    ngx_http_deploy_retry_me;


void
ngx_http_deploy_retry_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_event_t  *ev;

    ngx_http_deploy_retry_ctx = (ngx_http_conf_ctx_t *)
                                 ngx_get_conf(cycle->conf_ctx,
                                              ngx_http_module);

    ngx_http_deploy_retry_me.data = ngx_http_deploy_retry_name;
    ngx_http_deploy_retry_me.len = ngx_snprintf(ngx_http_deploy_retry_name,
                                       sizeof(ngx_http_deploy_retry_name),
                                       "%V %P", &cycle->hostname, ngx_pid)
                                   - ngx_http_deploy_retry_name;

    ngx_http_deploy_retry_ident.fd = (ngx_socket_t) -1;

    ev = &ngx_http_deploy_retry_timer;

    ev->handler = ngx_http_deploy_retry_handler;
    ev->data = &ngx_http_deploy_retry_ident;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_http_deploy_prune_next = ngx_time() + 10
                                 + ngx_random() % NGX_HTTP_DEPLOY_PRUNE_TIME;

    ngx_http_deploy_retry_soon(ngx_random() % 500);
}


ngx_str_t *
ngx_http_deploy_retry_owner(void)
{
    return &ngx_http_deploy_retry_me;
}


void
ngx_http_deploy_retry_soon(ngx_msec_t msec)
{
    ngx_event_t  *ev;

    ev = &ngx_http_deploy_retry_timer;

    if (ngx_exiting || ngx_http_deploy_retry_taking
        || ngx_http_deploy_retry_alone
        || ngx_http_deploy_retry_n >= NGX_HTTP_DEPLOY_RETRY_MAX
        || (ev->timer_set
            && (ngx_msec_int_t) (ev->timer.key - ngx_current_msec)
               <= (ngx_msec_int_t) msec))
    {
        return;
    }

    /* nginx does not move a timer by less than 300 ms */

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_add_timer(ev, msec);
}


static void
ngx_http_deploy_retry_handler(ngx_event_t *ev)
{
    ngx_deploy_store_take_t     *take;
    ngx_http_deploy_store_op_t  *op;

    if (ngx_exiting || ngx_http_deploy_retry_taking
        || ngx_http_deploy_retry_alone
        || ngx_http_deploy_retry_n >= NGX_HTTP_DEPLOY_RETRY_MAX)
    {
        return;
    }

    ngx_http_deploy_retry_prune();

    op = &ngx_http_deploy_retry_op;
    take = &op->op.u.take;

    op->op.type = NGX_DEPLOY_STORE_TAKE;
    op->handler = ngx_http_deploy_retry_taken;

    take->owner = ngx_http_deploy_retry_me;
    take->lease = NGX_HTTP_DEPLOY_RETRY_LEASE;
    take->max = NGX_HTTP_DEPLOY_RETRY_MAX - ngx_http_deploy_retry_n;
    take->busy = (ngx_http_deploy_retry_n != 0);

    if (ngx_http_deploy_store_post(op) == NGX_OK) {
        ngx_http_deploy_retry_taking = 1;
        return;
    }

    ngx_http_deploy_retry_soon(NGX_HTTP_DEPLOY_RETRY_POLL);
}


static void
ngx_http_deploy_retry_prune(void)
{
    ngx_http_deploy_store_op_t   *op;
    ngx_http_deploy_main_conf_t  *dmcf;

    if (ngx_http_deploy_prune_busy
        || ngx_time() < ngx_http_deploy_prune_next)
    {
        return;
    }

    dmcf = ngx_http_deploy_retry_ctx->main_conf[
                                           ngx_http_deploy_module.ctx_index];

    op = &ngx_http_deploy_prune_op;

    op->op.type = NGX_DEPLOY_STORE_PRUNE;
    op->handler = ngx_http_deploy_retry_pruned;

    op->op.u.prune.keep = (int64_t) dmcf->store->keep * 1000;
    op->op.u.prune.max = NGX_HTTP_DEPLOY_PRUNE_MAX;

    if (ngx_http_deploy_store_post(op) == NGX_OK) {
        ngx_http_deploy_prune_busy = 1;
    }
}


static void
ngx_http_deploy_retry_pruned(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_prune_busy = 0;

    /* there may be more */

    ngx_http_deploy_prune_next = ngx_time()
                    + ((op->op.rc == NGX_DEPLOY_OK
                        && op->op.u.prune.n == NGX_HTTP_DEPLOY_PRUNE_MAX)
                       ? 1 : NGX_HTTP_DEPLOY_PRUNE_TIME);
}


static void
ngx_http_deploy_retry_taken(ngx_http_deploy_store_op_t *op)
{
    size_t                    i;
    int64_t                   next;
    ngx_deploy_store_take_t  *take;

    ngx_http_deploy_retry_taking = 0;

    take = &op->op.u.take;

    next = NGX_HTTP_DEPLOY_RETRY_POLL * 3 / 4
           + ngx_random() % (NGX_HTTP_DEPLOY_RETRY_POLL / 2);

    if (op->op.rc == NGX_DEPLOY_OK) {

        for (i = 0; i < take->n; i++) {
            ngx_http_deploy_retry_take(&take->deliveries[i]);
        }

        if (take->alone) {
            ngx_http_deploy_retry_alone = (take->n && ngx_http_deploy_retry_n);

        } else if (take->next >= 0 && take->next < next) {
            next = take->next;
        }
    }

    ngx_http_deploy_retry_soon((ngx_msec_t) next);
}


static void
ngx_http_deploy_retry_take(ngx_deploy_store_delivery_t *delivery)
{
    ngx_deploy_store_build_t     *b;
    ngx_http_deploy_dispatch_t   *d;
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_http_deploy_main_conf_t  *dmcf;

    b = delivery->builds;

    /* the worker that accepted it died before it could say so */

    if (b->body.len == 0) {
        ngx_http_deploy_retry_refused(b, "InvalidInput");
        return;
    }

    dmcf = ngx_http_deploy_retry_ctx->main_conf[
                                           ngx_http_deploy_module.ctx_index];

    /* leased now, and twice before without a result */

    if (b->fence - b->attempts > 2
        && b->waited >= (int64_t) dmcf->store->retry)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "deploy gave up \"%V\", delivery \"%V\": workers that "
                      "took it ended", &b->project, &delivery->id);

        ngx_http_deploy_retry_refused(b, "workers that took it ended");
        return;
    }

    dscf = ngx_http_deploy_retry_server(&delivery->server);

    if (dscf == NULL) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "deploy cannot retry \"%V\", delivery \"%V\": no server "
                      "has a location with \"deploy_build\"",
                      &b->project, &delivery->id);

        ngx_http_deploy_retry_post(b, NGX_DEPLOY_STORE_RESULT_RELEASE, NULL);
        return;
    }

    /* short of memory it is left to the end of its lease */

    d = ngx_http_deploy_retry_dispatch(delivery, dscf);
    if (d == NULL) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, d->call.log, 0,
                  "deploy retries \"%V\", delivery \"%V\", attempt %L",
                  &d->call.project, &d->call.delivery, b->attempts + 1);

    if (ngx_http_deploy_retry_begin(d, b) != NGX_OK) {
        ngx_destroy_pool(d->pool);
        return;
    }

    d->stored->taken = 1;
    ngx_http_deploy_retry_n++;

    ngx_http_deploy_count_retry();
}


/* the strings of the store go when its job does */

static ngx_http_deploy_dispatch_t *
ngx_http_deploy_retry_dispatch(ngx_deploy_store_delivery_t *delivery,
    ngx_http_deploy_srv_conf_t *dscf)
{
    ngx_uint_t                    i;
    ngx_pool_t                   *pool;
    ngx_deploy_str_t             *to[6], *from[6];
    ngx_deploy_pool_t             dpool;
    ngx_http_deploy_call_t       *call;
    ngx_deploy_store_build_t     *b;
    ngx_http_deploy_source_t      source;
    ngx_http_deploy_dispatch_t   *d;
    ngx_http_deploy_main_conf_t  *dmcf;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    d = ngx_pcalloc(pool, sizeof(ngx_http_deploy_dispatch_t));
    if (d == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    d->pool = pool;

    call = &d->call;
    b = delivery->builds;

    call->log = ngx_cycle->log;
    call->dscf = dscf;
    call->deadline = ngx_current_msec;

    to[0] = &call->project;
    to[1] = &call->delivery;
    to[2] = &call->region;
    to[3] = &call->url;
    to[4] = &call->body;
    to[5] = &d->token;

    from[0] = &b->project;
    from[1] = &delivery->id;
    from[2] = &b->region;
    from[3] = &b->endpoint;
    from[4] = &b->body;
    from[5] = &b->token;

    dpool = ngx_http_deploy_pool(pool);

    for (i = 0; i < 6; i++) {
        if (ngx_deploy_pstrdup(&dpool, to[i], from[i]->data, from[i]->len)
            != NGX_DEPLOY_OK)
        {
            ngx_destroy_pool(pool);
            return NULL;
        }
    }

    dmcf = ngx_http_deploy_retry_ctx->main_conf[
                                            ngx_http_deploy_module.ctx_index];

    ngx_http_deploy_aws_stored_source(dmcf, &call->project, &b->credentials,
                                      &call->region, &source);

    call->set = ngx_http_deploy_credentials(dmcf, &source);

    if (call->set == NULL
        || ngx_http_deploy_notice_load(pool, &b->notice, &b->response,
                                       &d->notice)
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return d;
}


/* the server that accepted it, or any other that dispatches */

static ngx_http_deploy_srv_conf_t *
ngx_http_deploy_retry_server(ngx_deploy_str_t *name)
{
    ngx_uint_t                    i;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_deploy_srv_conf_t   *dscf, *any;

    cmcf = ngx_http_deploy_retry_ctx->main_conf[
                                             ngx_http_core_module.ctx_index];
    cscfp = cmcf->servers.elts;
    any = NULL;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        dscf = cscfp[i]->ctx->srv_conf[ngx_http_deploy_module.ctx_index];

        if (dscf->loc_conf == NULL) {
            continue;
        }

        if (ngx_deploy_str_eq(&cscfp[i]->server_name, name)) {
            return dscf;
        }

        if (any == NULL) {
            any = dscf;
        }
    }

    return any;
}


ngx_int_t
ngx_http_deploy_retry_begin(ngx_http_deploy_dispatch_t *d,
    ngx_deploy_store_build_t *b)
{
    int64_t                    age;
    ngx_http_deploy_stored_t  *stored;

    stored = ngx_pcalloc(d->pool, sizeof(ngx_http_deploy_stored_t));
    if (stored == NULL) {
        return NGX_ERROR;
    }

    stored->row = b->row;
    stored->fence = b->fence;
    stored->unknown = b->unknown;
    stored->waited = b->waited;
    stored->attempts = b->attempts;
    stored->begun = ngx_current_msec;

    d->stored = stored;

    age = ngx_http_deploy_store_now() - b->unknown;

    if (b->unknown
        && (age >= NGX_HTTP_DEPLOY_RETRY_OLD
            || age < -NGX_HTTP_DEPLOY_RETRY_AHEAD))
    {
        return ngx_http_deploy_lookup(d);
    }

    ngx_http_deploy_dispatch(d);

    return NGX_OK;
}


void
ngx_http_deploy_retry_result(ngx_http_deploy_dispatch_t *d)
{
    int64_t                       after;
    ngx_http_deploy_call_t       *call;
    ngx_http_deploy_stored_t     *stored;
    ngx_deploy_store_started_t   *result;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_deploy_retry_ctx->main_conf[
                                           ngx_http_deploy_module.ctx_index];
    stored = d->stored;
    call = &d->call;

    stored->op.op.type = NGX_DEPLOY_STORE_RESULT;
    stored->op.handler = ngx_http_deploy_retry_recorded;
    stored->op.data = d;

    result = &stored->op.op.u.result;

    ngx_memzero(result, sizeof(ngx_deploy_store_started_t));

    result->build.row = stored->row;
    result->build.fence = stored->fence;
    result->build.id = call->reply.id;
    result->build.arn = call->reply.arn;
    result->build.url = call->reply.url;
    result->build.number = call->reply.number;
    result->build.error = call->reply.error;
    result->build.message = call->reply.message;

    if (call->reply.message.len == 0 && call->reply.reason) {
        result->build.message.data = (u_char *) call->reply.reason;
        result->build.message.len = ngx_strlen(call->reply.reason);
    }

    result->kind = (d->state == NGX_HTTP_DEPLOY_BUILD_STARTED)
                   ? NGX_DEPLOY_STORE_RESULT_STARTED
                   : (d->state == NGX_HTTP_DEPLOY_BUILD_QUEUED)
                         ? NGX_DEPLOY_STORE_RESULT_RETRY
                         : NGX_DEPLOY_STORE_RESULT_FAILED;

    result->unknown = call->unknown;
    result->asked = stored->asked || stored->found;
    result->status = call->status;
    result->duration = ngx_current_msec - stored->begun;
    result->retry = dmcf->store->retry;
    result->record = ngx_http_deploy_retry_record(d);

    after = call->retry_after ? (int64_t) call->retry_after * 1000 : -1;

    result->delay = ngx_deploy_retry_queue(stored->attempts + 1,
                                           stored->waited,
                                           call->reply.class, after,
                                           ngx_random() & 0xffff);

    if (ngx_http_deploy_store_post(&stored->op) != NGX_OK) {
        stored->op.op.rc = NGX_DEPLOY_ERROR;
        ngx_http_deploy_retry_recorded(&stored->op);
    }
}


/* what others are told, if this result is the last one; NULL: nothing */

static ngx_deploy_store_record_t *
ngx_http_deploy_retry_record(ngx_http_deploy_dispatch_t *d)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_str_t                  suffix;
    ngx_http_deploy_stored_t  *stored;
    u_char                     buf[2 * NGX_INT64_LEN + sizeof("!.")];

    if (d->notice == NULL) {
        return NULL;
    }

    stored = d->stored;

    /* it may fail more than once, when it is done again */

    p = ngx_sprintf(buf, "!%L.%L", stored->row, stored->fence);

    suffix.data = buf;
    suffix.len = p - buf;

    rc = ngx_http_deploy_notice_record(d->notice, d->pool, &d->call.reply,
                                d->state == NGX_HTTP_DEPLOY_BUILD_STARTED,
                                &suffix, &stored->record);
    if (rc == NGX_OK) {
        return &stored->record;
    }

    ngx_log_error(NGX_LOG_ERR, d->call.log, 0,
                  "deploy cannot keep what is to be told of \"%V\", delivery "
                  "\"%V\"", &d->call.project, &d->call.delivery);

    return NULL;
}


static void
ngx_http_deploy_retry_recorded(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_call_t      *call;
    ngx_http_deploy_dispatch_t  *d;
    ngx_deploy_store_started_t  *result;

    d = op->data;
    call = &d->call;
    result = &op->op.u.result;

    switch (op->op.rc) {

    case NGX_DEPLOY_OK:

        if (d->stored->found) {
            d->stored->waited_for = (d->waiter != NULL);
            ngx_http_deploy_lookup_done(d);

        } else if (result->state == NGX_DEPLOY_STORE_QUEUED) {
            ngx_http_deploy_retry_soon((ngx_msec_t) result->delay);

        } else if (result->state == NGX_DEPLOY_STORE_FAILED
                   && result->kind == NGX_DEPLOY_STORE_RESULT_RETRY)
        {
            ngx_http_deploy_count_build(NGX_DEPLOY_METRICS_BUILD_FAILED);

            ngx_log_error(NGX_LOG_ERR, call->log, 0,
                          "deploy gave up \"%V\", delivery \"%V\", after %L "
                          "attempts",
                          &call->project, &call->delivery,
                          d->stored->attempts + 1);

            d->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
        }

        if (result->first) {
            ngx_http_deploy_retry_tell(d);
        }

        break;

    case NGX_DEPLOY_DECLINED:

        if (d->stored->found && result->id.len == 0) {

            if (ngx_http_deploy_lookup_on(d) == NGX_OK) {
                return;
            }

        } else if (result->kind == NGX_DEPLOY_STORE_RESULT_STARTED) {
            ngx_log_error(NGX_LOG_ERR, call->log, 0,
                          "deploy started build \"%V\" of \"%V\", delivery "
                          "\"%V\", but also \"%V\"",
                          &call->reply.id, &call->project, &call->delivery,
                          &result->id);
        }

        break;

    default:

        if (ngx_current_msec - d->stored->begun < NGX_HTTP_DEPLOY_RETRY_TELL
            && ngx_http_deploy_store_again(op) == NGX_OK)
        {
            return;
        }

        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "deploy result of \"%V\", delivery \"%V\", is not "
                      "stored, its build is \"%V\"",
                      &call->project, &call->delivery, &call->reply.id);

        if (d->notice && result->kind != NGX_DEPLOY_STORE_RESULT_RETRY) {
            ngx_http_deploy_notice_tell(d->notice, d->pool, &call->reply,
                                        result->kind
                                        == NGX_DEPLOY_STORE_RESULT_STARTED);
        }
    }

    ngx_http_deploy_retry_end(d);
}


/* whoever it was that brought it to its end, once */

static void
ngx_http_deploy_retry_tell(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_store_started_t  *result;

    result = &d->stored->op.op.u.result;

    if (result->record) {
        ngx_http_deploy_notice_kept(d->notice, d->pool, result->record,
                                    result->known);
    }

    if (!d->stored->waited_for) {
        ngx_http_deploy_response_build(d);
    }
}


static void
ngx_http_deploy_retry_end(ngx_http_deploy_dispatch_t *d)
{
    if (d->stored->taken) {
        ngx_http_deploy_retry_n--;
        ngx_http_deploy_retry_alone = 0;

        /* more may be due than could be taken */

        ngx_http_deploy_retry_soon(NGX_HTTP_DEPLOY_RETRY_POLL / 40);
    }

    ngx_destroy_pool(d->pool);
}


void
ngx_http_deploy_retry_refused(ngx_deploy_store_build_t *b, const char *reason)
{
    ngx_http_deploy_retry_post(b, NGX_DEPLOY_STORE_RESULT_FAILED, reason);
}


/* a result without a dispatch; a lease that is not ended here ends itself */

static void
ngx_http_deploy_retry_post(ngx_deploy_store_build_t *b,
    ngx_deploy_store_result_e kind, const char *reason)
{
    ngx_http_deploy_store_op_t  *op;
    ngx_deploy_store_started_t  *result;

    op = ngx_calloc(sizeof(ngx_http_deploy_store_op_t), ngx_cycle->log);
    if (op == NULL) {
        return;
    }

    op->op.type = NGX_DEPLOY_STORE_RESULT;
    op->handler = ngx_http_deploy_retry_posted;

    result = &op->op.u.result;

    result->build.row = b->row;
    result->build.fence = b->fence;
    result->build.number = -1;
    result->kind = kind;
    result->delay = NGX_HTTP_DEPLOY_RETRY_PARK;

    if (reason) {
        ngx_str_set(&result->build.error, "InvalidInputException");
        result->build.message.data = (u_char *) reason;
        result->build.message.len = ngx_strlen(reason);
    }

    if (ngx_http_deploy_store_post(op) != NGX_OK) {
        ngx_free(op);
    }
}


static void
ngx_http_deploy_retry_posted(ngx_http_deploy_store_op_t *op)
{
    ngx_free(op);
}
