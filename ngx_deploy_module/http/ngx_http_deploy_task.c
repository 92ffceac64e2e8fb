
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_task.h"


#define NGX_HTTP_DEPLOY_TASK_TRIES  10     /* of the store, a second each */


static void ngx_http_deploy_task_found(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_task_free(ngx_http_deploy_task_t *task);


ngx_http_deploy_task_t *
ngx_http_deploy_task_create(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_pool_t                *pool;
    ngx_deploy_pool_t          dpool;
    ngx_http_deploy_task_t    *task;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    pool = ngx_create_pool(4096, clcf->error_log);
    if (pool == NULL) {
        return NULL;
    }

    task = ngx_pcalloc(pool, sizeof(ngx_http_deploy_task_t));
    if (task == NULL) {
        goto failed;
    }

    task->pool = pool;
    task->dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);
    task->until = ngx_time() + NGX_HTTP_DEPLOY_RESPONSE_TIME;

    dpool = ngx_http_deploy_pool(pool);

    if (ngx_deploy_slack_text(&task->text, &dpool, NGX_DEPLOY_SLACK_MAX_TOLD)
        != NGX_DEPLOY_OK
        || ngx_http_deploy_copy(pool, &task->response_url,
                                &ctx->response_url)
           != NGX_OK)
    {
        goto failed;
    }

    return task;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
ngx_http_deploy_task_say(ngx_http_deploy_task_t *task, const char *words)
{
    (void) ngx_deploy_slack_markup(&task->text, words);
}


ngx_int_t
ngx_http_deploy_task_wait(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task)
{
    task->waiter = ctx;
    ctx->task = task;
    ctx->result = "ignored";

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_deploy_task_find(ngx_http_deploy_task_t *task,
    ngx_http_deploy_task_pt found)
{
    task->op.op.type = NGX_DEPLOY_STORE_FIND;
    task->op.handler = ngx_http_deploy_task_found;
    task->op.data = task;
    task->found = found;

    if (ngx_http_deploy_store_post(&task->op) != NGX_OK) {
        return NGX_DECLINED;
    }

    task->busy = 1;

    return NGX_OK;
}


static void
ngx_http_deploy_task_found(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_task_t  *task;

    task = op->data;

    /* a store that is locked may be read in a moment */

    if (op->op.rc == NGX_DEPLOY_ERROR
        && ++task->tries < NGX_HTTP_DEPLOY_TASK_TRIES
        && ngx_http_deploy_store_again(op) == NGX_OK)
    {
        return;
    }

    task->busy = 0;

    task->found(task);
}


void
ngx_http_deploy_task_done(ngx_http_deploy_task_t *task)
{
    ngx_http_deploy_ctx_t  *ctx;

    ctx = task->waiter;

    if (ctx == NULL) {
        ngx_http_deploy_response(task->dscf, &task->response_url, task->until,
                                 &task->text, 0);
        ngx_http_deploy_task_free(task);
        return;
    }

    /* the answer is made of its text */

    ngx_http_deploy_finish(ctx);
}


ngx_int_t
ngx_http_deploy_task_answer(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_http_deploy_task_t  *task;

    task = ctx->task;

    ctx->task = NULL;

    if (!ctx->click) {
        rc = ngx_http_deploy_command_send(r, &task->text, 0);

    } else {

        /* what was started is told by who started it */

        if (task->text.len) {
            ngx_http_deploy_response(task->dscf, &task->response_url,
                                     task->until, &task->text, 0);
        }

        rc = ngx_http_deploy_answer_body(r, NULL);
    }

    ngx_http_deploy_task_free(task);

    return rc;
}


void
ngx_http_deploy_task_timeout(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_task_t  *task;

    task = ctx->task;

    ctx->task = NULL;
    ctx->slow = 1;

    task->waiter = NULL;
}


void
ngx_http_deploy_task_detach(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_task_t  *task;

    task = ctx->task;

    ctx->task = NULL;
    task->waiter = NULL;

    if (!task->busy) {
        ngx_http_deploy_task_free(task);
    }
}


static void
ngx_http_deploy_task_free(ngx_http_deploy_task_t *task)
{
    ngx_destroy_pool(task->pool);
}


ngx_int_t
ngx_http_deploy_task_stored(ngx_pool_t *pool,
    ngx_deploy_store_delivery_t *delivery, ngx_deploy_store_build_t *b,
    ngx_deploy_build_t *build)
{
    int                rc;
    size_t             i;
    ngx_deploy_str_t  *to[5], *from[5];
    ngx_deploy_pool_t  dpool;

    ngx_deploy_build_init(build);

    dpool = ngx_http_deploy_pool(pool);

    rc = ngx_deploy_event_load(&build->event, &dpool, &delivery->events,
                               b->event);

    if (rc == NGX_DEPLOY_DECLINED) {
        ngx_deploy_event_init(&build->event);
    }

    build->number = b->number;
    build->status = ngx_deploy_build_status_find(&b->status);

    if (build->status == NGX_DEPLOY_BUILD_UNKNOWN) {
        build->status = (b->state == NGX_DEPLOY_STORE_STARTED)
                            ? NGX_DEPLOY_BUILD_STARTED
                            : (b->state == NGX_DEPLOY_STORE_FAILED)
                                  ? NGX_DEPLOY_BUILD_REJECTED
                                  : NGX_DEPLOY_BUILD_QUEUED;
    }

    build->started = b->since / 1000;

    if (b->final) {
        build->finished = b->final / 1000;
    }

    to[0] = &build->project;
    to[1] = &build->id;
    to[2] = &build->url;
    to[3] = &build->message;
    to[4] = &build->delivery;

    from[0] = &b->project;
    from[1] = &b->id;
    from[2] = &b->url;
    from[3] = &b->message;
    from[4] = &delivery->id;

    for (i = 0; i < 5 && rc != NGX_DEPLOY_ERROR; i++) {
        if (from[i]->len) {
            rc = ngx_deploy_pstrdup(&dpool, to[i], from[i]->data,
                                    from[i]->len);
        }
    }

    return (rc == NGX_DEPLOY_ERROR) ? NGX_ERROR : NGX_OK;
}
