
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_recall.h"
#include "ngx_http_deploy_board.h"


#define NGX_HTTP_DEPLOY_RECALL_MAX  16     /* builds of a delivery */


/* questions to the store, which outlive the request that asks */

struct ngx_http_deploy_recall_s {
    ngx_pool_t                  *pool;
    ngx_http_deploy_ctx_t       *waiter;   /* NULL: it has gone */
    ngx_uint_t                   pending;
    ngx_int_t                    rc;
    ngx_event_t                  timer;
    ngx_uint_t                   n;
    ngx_http_deploy_store_op_t   ops[NGX_HTTP_DEPLOY_RECALL_MAX];
};


static ngx_uint_t ngx_http_deploy_recall_about(ngx_http_deploy_ctx_t *ctx,
    ngx_uint_t index);
static ngx_int_t ngx_http_deploy_recall_prepare(
    ngx_http_deploy_recall_t *recall, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_recall_add(ngx_http_deploy_recall_t *recall,
    ngx_str_t *build, ngx_str_t *token);
static void ngx_http_deploy_recall_done(ngx_http_deploy_store_op_t *op);
static ngx_int_t ngx_http_deploy_recall_known(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_store_build_t *build);
static void ngx_http_deploy_recall_timer(ngx_event_t *ev);


ngx_int_t
ngx_http_deploy_recall(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                    i, n;
    ngx_pool_t                   *pool;
    ngx_http_deploy_recall_t     *recall;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    n = (ctx->token.len != 0);

    for (i = 0; i < ctx->nevents; i++) {
        n += ngx_http_deploy_recall_about(ctx, i);
    }

    if (dmcf->store == NULL || n == 0) {
        return NGX_OK;
    }

    pool = ngx_create_pool(8192, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    recall = ngx_pcalloc(pool, sizeof(ngx_http_deploy_recall_t));
    if (recall == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    recall->pool = pool;

    if (ngx_http_deploy_recall_prepare(recall, ctx) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    for (i = 0; i < recall->n; i++) {
        if (ngx_http_deploy_store_post(&recall->ops[i]) != NGX_OK) {
            recall->rc = NGX_BUSY;
            break;
        }

        recall->pending++;
    }

    if (recall->pending == 0) {
        ngx_destroy_pool(pool);
        return NGX_BUSY;
    }

    recall->waiter = ctx;
    ctx->recall = recall;

    recall->timer.handler = ngx_http_deploy_recall_timer;
    recall->timer.data = r->connection;
    recall->timer.log = r->connection->log;

    ngx_add_timer(&recall->timer, dlcf->timeout);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_AGAIN;
}


/* 1 when an event is about a build that may be known */

static ngx_uint_t
ngx_http_deploy_recall_about(ngx_http_deploy_ctx_t *ctx, ngx_uint_t index)
{
    ngx_deploy_event_t           *event;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(ctx->request,
                                         ngx_http_deploy_module);

    event = &ctx->events[index];

    return dmcf->board && !dlcf->dry_run
           && (ngx_deploy_event_on(event) & NGX_DEPLOY_ON_BUILD)
           && event->facts[NGX_DEPLOY_BUILD_ID].len
           && event->facts[NGX_DEPLOY_PROJECT].len;
}


static ngx_int_t
ngx_http_deploy_recall_prepare(ngx_http_deploy_recall_t *recall,
    ngx_http_deploy_ctx_t *ctx)
{
    size_t      i;
    ngx_str_t  *token, none;

    ngx_str_null(&none);
    token = ctx->token.len ? &ctx->token : &none;

    for (i = 0; i < ctx->nevents; i++) {

        if (!ngx_http_deploy_recall_about(ctx, i)) {
            continue;
        }

        if (ngx_http_deploy_recall_add(recall,
                              &ctx->events[i].facts[NGX_DEPLOY_BUILD_ID],
                              token)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        token = &none;
    }

    return token->len ? ngx_http_deploy_recall_add(recall, &none, token)
                      : NGX_OK;
}


static ngx_int_t
ngx_http_deploy_recall_add(ngx_http_deploy_recall_t *recall, ngx_str_t *build,
    ngx_str_t *token)
{
    ngx_http_deploy_store_op_t  *op;
    ngx_deploy_store_recall_t   *u;

    if (recall->n == NGX_HTTP_DEPLOY_RECALL_MAX) {
        return NGX_ERROR;
    }

    op = &recall->ops[recall->n++];
    u = &op->op.u.recall;

    op->op.type = NGX_DEPLOY_STORE_RECALL;
    op->handler = ngx_http_deploy_recall_done;
    op->data = recall;

    if (ngx_http_deploy_copy(recall->pool, &u->record.build, build) != NGX_OK
        || ngx_http_deploy_copy(recall->pool, &u->token, token) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_deploy_recall_done(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_ctx_t      *ctx;
    ngx_http_deploy_recall_t   *recall;
    ngx_deploy_store_recall_t  *u;

    recall = op->data;
    recall->pending--;

    ctx = recall->waiter;
    u = &op->op.u.recall;

    if (op->op.rc != NGX_DEPLOY_OK) {
        recall->rc = NGX_BUSY;

    } else if (u->record.data.data
               && ngx_http_deploy_board_fill(recall->pool, &u->record, 0, 3)
                  != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "deploy has no room for build \"%V\"",
                      &u->record.build);
        recall->rc = NGX_BUSY;
    }

    if (ctx && u->build && op->op.rc == NGX_DEPLOY_OK
        && ngx_http_deploy_recall_known(ctx, u->build) != NGX_OK)
    {
        recall->rc = NGX_ERROR;
    }

    if (recall->pending) {
        return;
    }

    /* the log of the timer goes with the connection */

    if (ctx) {
        ngx_http_deploy_recall_detach(ctx);
        ngx_http_deploy_recalled(ctx, recall->rc);
    }

    ngx_destroy_pool(recall->pool);
}


static ngx_int_t
ngx_http_deploy_recall_known(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_store_build_t *build)
{
    ngx_pool_t               *pool;
    ngx_http_deploy_known_t  *known;

    pool = ctx->request->pool;

    known = ngx_pcalloc(pool, sizeof(ngx_http_deploy_known_t));
    if (known == NULL) {
        return NGX_ERROR;
    }

    known->state = build->state;
    known->status = ngx_deploy_build_status_find(&build->status);
    known->final = build->final;

    if (ngx_http_deploy_copy(pool, &known->project, &build->project) != NGX_OK
        || ngx_http_deploy_copy(pool, &known->id, &build->id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->known = known;

    return NGX_OK;
}


static void
ngx_http_deploy_recall_timer(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_deploy_ctx_t  *ctx;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_deploy_get_ctx(r->main);

    ngx_http_deploy_recall_detach(ctx);
    ngx_http_deploy_recalled(ctx, NGX_BUSY);
}


void
ngx_http_deploy_recall_detach(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_recall_t  *recall;

    recall = ctx->recall;

    ctx->recall = NULL;
    recall->waiter = NULL;

    if (recall->timer.timer_set) {
        ngx_del_timer(&recall->timer);
    }
}
