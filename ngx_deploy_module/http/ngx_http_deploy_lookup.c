
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_retry.h"
#include "ngx_deploy_lookup.h"


/*
 * Before a build is tried again whose token CodeBuild has forgotten: an
 * earlier attempt may have started it (DESIGN, section 10).
 */

typedef struct {
    ngx_http_deploy_dispatch_t  *dispatch;
    ngx_deploy_lookup_t          lookup;
    ngx_http_deploy_call_t       call;
    int                          rc;        /* of the last reply */
} ngx_http_deploy_lookup_t;


static ngx_int_t ngx_http_deploy_lookup_call(ngx_http_deploy_lookup_t *l);
static int ngx_http_deploy_lookup_read(ngx_deploy_pool_t *pool,
    unsigned status, const ngx_deploy_str_t *error_type, const u_char *body,
    size_t len, unsigned whole, ngx_deploy_reply_t *reply);
static void ngx_http_deploy_lookup_handler(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_lookup_failed(ngx_http_deploy_lookup_t *l);


ngx_int_t
ngx_http_deploy_lookup(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_pool_t          pool;
    ngx_http_deploy_lookup_t  *l;

    l = ngx_pcalloc(d->pool, sizeof(ngx_http_deploy_lookup_t));
    if (l == NULL) {
        return NGX_ERROR;
    }

    l->dispatch = d;
    l->lookup.project = d->call.project;

    /* of a clock that jumped the time tells nothing */

    if (d->stored->unknown > 1) {
        l->lookup.since = d->stored->unknown / 1000;
    }

    pool = ngx_http_deploy_pool(d->pool);

    if (ngx_deploy_lookup_body(&pool, &l->lookup, &d->call.body)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    d->stored->lookup = l;
    d->begun = 1;

    return ngx_http_deploy_lookup_call(l);
}


ngx_int_t
ngx_http_deploy_lookup_on(ngx_http_deploy_dispatch_t *d)
{
    ngx_http_deploy_lookup_t  *l;

    l = d->stored->lookup;

    d->stored->found = 0;

    if (ngx_deploy_lookup_other(&l->lookup, &d->call.reply.id)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_deploy_lookup_call(l);
}


/* the next call, or the dispatch when there is no such build */

static ngx_int_t
ngx_http_deploy_lookup_call(ngx_http_deploy_lookup_t *l)
{
    int                          rc;
    const char                  *operation;
    ngx_deploy_pool_t            pool;
    ngx_http_deploy_call_t      *call;
    ngx_http_deploy_dispatch_t  *d;

    d = l->dispatch;
    call = &l->call;

    ngx_memzero(call, sizeof(ngx_http_deploy_call_t));

    pool = ngx_http_deploy_pool(d->pool);

    rc = ngx_deploy_lookup_next(&pool, &l->lookup, &operation, &call->body);

    if (rc == NGX_DEPLOY_DECLINED) {
        d->stored->asked = 1;
        ngx_memzero(&d->call.reply, sizeof(ngx_deploy_reply_t));

        ngx_http_deploy_dispatch(d);

        return NGX_OK;
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_ERROR;
    }

    call->pool = d->pool;
    call->log = d->call.log;
    call->dscf = d->call.dscf;
    call->operation.data = (u_char *) operation;
    call->operation.len = ngx_strlen(operation);
    call->project = d->call.project;
    call->delivery = d->call.delivery;
    call->set = d->call.set;
    call->region = d->call.region;
    call->url = d->call.url;
    call->deadline = ngx_current_msec;
    call->read = ngx_http_deploy_lookup_read;
    call->handler = ngx_http_deploy_lookup_handler;
    call->data = l;

    l->rc = NGX_DEPLOY_ERROR;

    ngx_http_deploy_call(call);

    return NGX_OK;
}


static int
ngx_http_deploy_lookup_read(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, const u_char *body, size_t len,
    unsigned whole, ngx_deploy_reply_t *reply)
{
    ngx_http_deploy_call_t    *call;
    ngx_http_deploy_lookup_t  *l;

    if (status != 200 || !whole) {
        return ngx_deploy_codebuild_reply(pool, status, error_type, body, len,
                                          whole, reply);
    }

    call = (ngx_http_deploy_call_t *)
               ((u_char *) reply - offsetof(ngx_http_deploy_call_t, reply));
    l = call->data;

    l->rc = ngx_deploy_lookup_reply(pool, &l->lookup, body, len, reply);

    /* to the call it is a success */

    if (l->rc == NGX_DEPLOY_AGAIN) {
        reply->class = NGX_DEPLOY_REPLY_STARTED;
    }

    return (l->rc == NGX_DEPLOY_ERROR) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static void
ngx_http_deploy_lookup_handler(ngx_http_deploy_call_t *call)
{
    ngx_http_deploy_lookup_t    *l;
    ngx_http_deploy_dispatch_t  *d;

    l = call->data;
    d = l->dispatch;

    switch (l->rc) {

    case NGX_DEPLOY_OK:

        /* it may be that of another row, as the store knows */

        d->call.reply = call->reply;
        d->state = NGX_HTTP_DEPLOY_BUILD_STARTED;
        d->stored->found = 1;

        ngx_http_deploy_retry_result(d);
        return;

    case NGX_DEPLOY_AGAIN:

        if (ngx_http_deploy_lookup_call(l) == NGX_OK) {
            return;
        }
    }

    ngx_http_deploy_lookup_failed(l);
}


/* as long as it is not known whether there is a build none is started */

static void
ngx_http_deploy_lookup_failed(ngx_http_deploy_lookup_t *l)
{
    ngx_http_deploy_dispatch_t  *d;

    d = l->dispatch;

    ngx_log_error(NGX_LOG_ERR, d->call.log, 0,
                  "deploy cannot tell whether \"%V\", delivery \"%V\", was "
                  "started: %V failed",
                  &d->call.project, &d->call.delivery, &l->call.operation);

    d->call.reply = l->call.reply;
    d->call.status = l->call.status;
    d->call.retry_after = l->call.retry_after;

    if (d->call.reply.class == NGX_DEPLOY_REPLY_STARTED
        || d->call.reply.class == NGX_DEPLOY_REPLY_REFUSED)
    {
        d->call.reply.class = NGX_DEPLOY_REPLY_TRANSIENT;
    }

    ngx_http_deploy_dispatch_done(d);
}


void
ngx_http_deploy_lookup_done(ngx_http_deploy_dispatch_t *d)
{
    ngx_http_deploy_count_build(NGX_DEPLOY_METRICS_BUILD_STARTED);

    ngx_log_error(NGX_LOG_NOTICE, d->call.log, 0,
                  "deploy found build \"%V\" of \"%V\", delivery \"%V\", "
                  "which an earlier attempt started",
                  &d->call.reply.id, &d->call.project, &d->call.delivery);

    if (d->waiter) {
        ngx_http_deploy_wake(d->waiter, d);
    }
}
