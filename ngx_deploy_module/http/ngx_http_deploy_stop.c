
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_accept.h"
#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_replay.h"
#include "ngx_http_deploy_task.h"

#include "ngx_deploy_command.h"


static ngx_int_t ngx_http_deploy_stop_begin(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task);
static void ngx_http_deploy_stop_found(ngx_http_deploy_task_t *task);
static ngx_int_t ngx_http_deploy_stop_kept(ngx_http_deploy_task_t *task);
static ngx_int_t ngx_http_deploy_stop_decide(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task);
static ngx_int_t ngx_http_deploy_stop_permit(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task);
static void ngx_http_deploy_stop_name(ngx_http_deploy_task_t *task,
    const char *words);
static ngx_int_t ngx_http_deploy_stop_call(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task);
static int ngx_http_deploy_stop_read(ngx_deploy_pool_t *pool,
    unsigned status, const ngx_deploy_str_t *error_type, const u_char *body,
    size_t len, unsigned whole, ngx_deploy_reply_t *reply);
static void ngx_http_deploy_stop_handler(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_stop_board(ngx_http_deploy_task_t *task,
    ngx_deploy_build_status_e status);
static ngx_int_t ngx_http_deploy_retry_start(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task);
static void ngx_http_deploy_retry_leave(ngx_http_deploy_ctx_t *ctx);


ngx_int_t
ngx_http_deploy_command_stop(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *build)
{
    ngx_http_deploy_task_t  *task;

    task = ngx_http_deploy_task_create(r, ctx);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->task = task;

    if (ngx_http_deploy_copy(task->pool, &task->build, build) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_stop_begin(r, ctx, task);
}


/* a button has the id of its build and nothing else, which anybody may send */

ngx_int_t
ngx_http_deploy_command_click(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                   *action;
    ngx_uint_t                   again;
    ngx_deploy_str_t             project;
    ngx_deploy_event_t          *event;
    ngx_http_deploy_task_t      *task;
    ngx_http_deploy_loc_conf_t  *dlcf;

    event = ctx->events;
    action = &event->facts[NGX_DEPLOY_ACTION];

    again = ngx_deploy_str_is(action, NGX_DEPLOY_SLACK_RETRY);

    if (!ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT],
                           "slack_block_actions")
        || (!again && !ngx_deploy_str_is(action, NGX_DEPLOY_SLACK_STOP)))
    {
        return NGX_DECLINED;
    }

    ctx->event = event;
    ctx->click = 1;
    ctx->result = "ignored";

    if (ngx_deploy_command_build(&ctx->value, &project) != NGX_DEPLOY_OK) {
        dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy ignores a button of Slack without a build");

        return ngx_http_deploy_command_answer(r, ctx);
    }

    task = ngx_http_deploy_task_create(r, ctx);
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->task = task;
    task->again = again;

    if (ngx_http_deploy_copy(task->pool, &task->build, &ctx->value)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_stop_begin(r, ctx, task);
}


/* what started the build decides on who may stop it */

static ngx_int_t
ngx_http_deploy_stop_begin(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task)
{
    ngx_int_t                     rc;
    ngx_deploy_build_t           *known;
    ngx_deploy_store_find_t      *find;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    (void) ngx_deploy_command_build(&task->build, &task->project);

    known = ngx_palloc(r->pool, sizeof(ngx_deploy_build_t));
    if (known == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_deploy_board_find(r->pool, &task->build, known);

    if (rc == NGX_OK && known->event.facts[NGX_DEPLOY_EVENT].len) {
        task->known = known;

    } else if (dmcf->store) {
        find = &task->op.op.u.find;

        find->max = 1;
        find->build = task->build;

        if (ngx_http_deploy_task_find(task, ngx_http_deploy_stop_found)
            == NGX_OK)
        {
            return ngx_http_deploy_task_wait(ctx, task);
        }

        ngx_http_deploy_task_say(task, "Nothing was done, too much waits for "
                                 "the store: try again.");

        return ngx_http_deploy_command_answer(r, ctx);
    }

    rc = ngx_http_deploy_stop_decide(r, ctx, task);

    switch (rc) {

    case NGX_OK:
        return ngx_http_deploy_command_answer(r, ctx);

    case NGX_AGAIN:

        if (!ctx->click) {
            return ngx_http_deploy_task_wait(ctx, task);
        }

        ctx->task = NULL;

        return ngx_http_deploy_command_answer(r, ctx);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_deploy_stop_found(ngx_http_deploy_task_t *task)
{
    ngx_int_t               rc;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = task->waiter;

    /* whether he may is a question to the request */

    if (ctx == NULL) {
        ngx_http_deploy_task_say(task, "Nothing was done, the store was too "
                                 "slow: try again.");
        ngx_http_deploy_task_done(task);
        return;
    }

    rc = NGX_ERROR;

    if (task->op.op.rc != NGX_DEPLOY_ERROR) {
        rc = ngx_http_deploy_stop_kept(task);

        if (rc == NGX_OK) {
            rc = ngx_http_deploy_stop_decide(ctx->request, ctx, task);
        }

    } else {
        ngx_http_deploy_task_say(task, "Nothing was done, the store cannot "
                                 "be read: the log has the reason.");
    }

    if (rc == NGX_AGAIN) {

        if (!ctx->click) {
            return;
        }

        ctx->task = NULL;
        task->waiter = NULL;

        ngx_http_deploy_finish(ctx);
        return;
    }

    if (rc == NGX_ERROR && task->text.len == 0) {
        ngx_http_deploy_task_say(task, "Nothing was done, memory is short: "
                                 "try again.");
    }

    ngx_http_deploy_task_done(task);
}


static ngx_int_t
ngx_http_deploy_stop_kept(ngx_http_deploy_task_t *task)
{
    size_t                        i;
    ngx_pool_t                   *pool;
    ngx_deploy_build_t           *known;
    ngx_deploy_store_delivery_t  *d;

    if (task->op.op.rc != NGX_DEPLOY_OK) {
        return NGX_OK;
    }

    pool = task->waiter->request->pool;
    d = task->op.op.u.find.deliveries;

    for (i = 0; i < d->nbuilds; i++) {

        if (!ngx_deploy_str_eq(&d->builds[i].id, &task->build)) {
            continue;
        }

        known = ngx_palloc(pool, sizeof(ngx_deploy_build_t));
        if (known == NULL) {
            return NGX_ERROR;
        }

        task->known = known;

        return ngx_http_deploy_task_stored(pool, d, &d->builds[i], known);
    }

    return NGX_OK;
}


/* NGX_OK: the text tells all; NGX_AGAIN: it is under way; NGX_ERROR */

static ngx_int_t
ngx_http_deploy_stop_decide(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task)
{
    ngx_int_t                    rc;
    ngx_uint_t                   final;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    rc = ngx_http_deploy_stop_permit(r, ctx, task);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy refused to %s build \"%V\" for user \"%V\"",
                      task->again ? "repeat" : "stop", &task->build,
                      &ctx->events->facts[NGX_DEPLOY_USER]);

        ngx_http_deploy_stop_name(task, task->again
                       ? " was not started again: you may not start it here."
                       : " was not stopped: you may not start it here, so you "
                         "may not stop it.");
        return NGX_OK;
    }

    final = task->known && ngx_deploy_build_final(task->known->status);

    if (task->again) {

        if (task->known == NULL) {
            ngx_http_deploy_stop_name(task, " was not started again: what "
                                      "started it is not known any more.");
            return NGX_OK;
        }

        if (!final) {
            ngx_http_deploy_stop_name(task, " was not started again: it has "
                                      "not ended.");
            return NGX_OK;
        }

        return ngx_http_deploy_retry_start(r, ctx, task);
    }

    if (final) {
        ngx_http_deploy_stop_name(task, " is over already: it ");
        ngx_http_deploy_task_say(task,
                      ngx_deploy_slack_state(task->known->status)->words);
        return NGX_OK;
    }

    if (dlcf->dry_run) {
        ngx_http_deploy_stop_name(task, " would be stopped: this is a dry "
                                  "run.");
        return NGX_OK;
    }

    return ngx_http_deploy_stop_call(r, ctx, task);
}


static ngx_int_t
ngx_http_deploy_stop_permit(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task)
{
    ngx_http_deploy_permit_t  permit;

    ngx_memzero(&permit, sizeof(ngx_http_deploy_permit_t));

    permit.cause = task->known ? &task->known->event : NULL;
    permit.project = &task->project;

    return ngx_http_deploy_permit(r, ctx, &permit);
}


static void
ngx_http_deploy_stop_name(ngx_http_deploy_task_t *task, const char *words)
{
    ngx_deploy_slack_code(&task->text, &task->build,
                          NGX_DEPLOY_SLACK_MAX_FALLBACK);
    ngx_http_deploy_task_say(task, words);
}


static ngx_int_t
ngx_http_deploy_stop_call(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task)
{
    ngx_str_t                    *region;
    ngx_deploy_pool_t             pool;
    ngx_http_deploy_call_t       *call;
    ngx_http_deploy_source_t      source;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_deploy_project_t    *project;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    project = ngx_http_deploy_find_project(dmcf, &task->project);
    region = ngx_http_deploy_aws_region(dlcf, project);

    if (region->len == 0) {
        ngx_http_deploy_stop_name(task, " was not stopped: its region is not "
                                  "configured.");
        return NGX_OK;
    }

    pool = ngx_http_deploy_pool(task->pool);
    call = &task->call;

    ngx_http_deploy_aws_source(dmcf, dlcf, project, &source);

    call->pool = task->pool;
    call->log = clcf->error_log;
    call->dscf = task->dscf;
    ngx_str_set(&call->operation, "StopBuild");
    call->project = task->project;
    call->deadline = ngx_current_msec + dlcf->timeout;
    call->set = ngx_http_deploy_credentials(dmcf, &source);
    call->read = ngx_http_deploy_stop_read;
    call->handler = ngx_http_deploy_stop_handler;
    call->data = task;

    if (call->set == NULL
        || ngx_http_deploy_copy(task->pool, &call->delivery, &ctx->delivery)
           != NGX_OK
        || ngx_http_deploy_copy(task->pool, &call->region, region) != NGX_OK
        || ngx_http_deploy_aws_url(task->pool, dmcf, dlcf, project,
                                   &call->url)
           != NGX_OK
        || ngx_http_deploy_copy(task->pool, &task->user,
                                &ctx->events->facts[NGX_DEPLOY_USER])
           != NGX_OK
        || ngx_deploy_stop_build_body(&pool, &task->build, &call->body)
           != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    task->busy = 1;

    ngx_http_deploy_call(call);

    return NGX_AGAIN;
}


static int
ngx_http_deploy_stop_read(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, const u_char *body, size_t len,
    unsigned whole, ngx_deploy_reply_t *reply)
{
    int                      rc;
    ngx_http_deploy_call_t  *call;
    ngx_http_deploy_task_t  *task;

    rc = ngx_deploy_codebuild_reply(pool, status, error_type, body, len,
                                    whole, reply);

    if (rc != NGX_DEPLOY_OK || reply->class != NGX_DEPLOY_REPLY_STARTED) {
        return rc;
    }

    call = (ngx_http_deploy_call_t *)
               ((u_char *) reply - offsetof(ngx_http_deploy_call_t, reply));
    task = call->data;

    return ngx_deploy_stop_build_status(pool, body, len, &task->status);
}


static void
ngx_http_deploy_stop_handler(ngx_http_deploy_call_t *call)
{
    ngx_str_t                  said;
    ngx_deploy_reply_t        *reply;
    ngx_http_deploy_task_t    *task;
    ngx_deploy_build_status_e  status;

    task = call->data;
    task->busy = 0;

    reply = &call->reply;

    if (reply->class == NGX_DEPLOY_REPLY_STARTED) {
        status = ngx_deploy_build_status_find(&task->status);

        ngx_log_error(NGX_LOG_NOTICE, call->log, 0,
                      "deploy stopped build \"%V\" for user \"%V\", it is %s",
                      &task->build, &task->user,
                      ngx_deploy_build_status_name(status));

        ngx_http_deploy_stop_board(task, status);

        if (status == NGX_DEPLOY_BUILD_STOPPED) {
            ngx_http_deploy_stop_name(task, " was stopped.");

        } else if (ngx_deploy_build_final(status)) {
            ngx_http_deploy_stop_name(task, " is over already: it ");
            ngx_http_deploy_task_say(task,
                                     ngx_deploy_slack_state(status)->words);

        } else {
            ngx_http_deploy_stop_name(task, " is being stopped.");
        }

        ngx_http_deploy_task_done(task);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, call->log, 0,
                  "deploy did not stop build \"%V\" for user \"%V\": "
                  "%s%s%V%s%V", &task->build, &task->user,
                  reply->reason ? reply->reason : "",
                  reply->reason && reply->error.len ? ", " : "",
                  &reply->error, reply->message.len ? ": " : "",
                  &reply->message);

    if (call->unknown) {
        ngx_http_deploy_stop_name(task, " may have been stopped: CodeBuild "
                                  "did not answer.");
        ngx_http_deploy_task_done(task);
        return;
    }

    ngx_http_deploy_stop_name(task, " was not stopped: ");

    said = reply->message.len ? reply->message : reply->error;

    if (said.len == 0 && reply->reason) {
        said.len = ngx_strlen(reply->reason);
        said.data = (u_char *) reply->reason;
    }

    if (ngx_deploy_str_is(&reply->error, "ResourceNotFoundException")) {
        ngx_str_set(&said, "CodeBuild knows no such build");
    }

    ngx_deploy_slack_put(&task->text, &said, NGX_DEPLOY_SLACK_MAX_FALLBACK,
                         0);

    ngx_http_deploy_task_done(task);
}


/* the message of the build follows what AWS says of it */

static void
ngx_http_deploy_stop_board(ngx_http_deploy_task_t *task,
    ngx_deploy_build_status_e status)
{
    ngx_uint_t                  changed, before;
    ngx_array_t                 channels;
    ngx_deploy_build_t         *build;
    ngx_deploy_build_report_t   report;

    if (!ngx_deploy_build_final(status)) {
        return;
    }

    build = ngx_palloc(task->pool, sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return;
    }

    ngx_deploy_build_report_init(&report);

    report.id = task->build;
    report.status = status;
    report.told = 1;
    report.time = ngx_time();

    if (ngx_http_deploy_board_report(task->pool, &task->project, &report,
                                     build, &changed, &before)
        != NGX_OK
        || !changed)
    {
        return;
    }

    ngx_memzero(&channels, sizeof(ngx_array_t));

    ngx_http_deploy_board_want(&task->build, &channels);
    ngx_http_deploy_keep(&task->build, NULL);

    if (build->upstream.id.len) {
        ngx_http_deploy_board_link(&build->upstream.id, build);
    }
}


/* the same project, for the same event, by somebody else: a new build */

static ngx_int_t
ngx_http_deploy_retry_start(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_deploy_event_t        event;
    ngx_http_deploy_build_t  *build;

    static ngx_uint_t  who[] = {
        NGX_DEPLOY_USER, NGX_DEPLOY_CHANNEL, NGX_DEPLOY_TEAM
    };

    event = task->known->event;

    for (i = 0; i < sizeof(who) / sizeof(ngx_uint_t); i++) {
        event.facts[who[i]] = ctx->events->facts[who[i]];
    }

    ctx->events[0] = event;

    build = ngx_array_push(&ctx->builds);
    if (build == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(build, sizeof(ngx_http_deploy_build_t));

    build->reply.number = -1;

    if (ngx_http_deploy_copy(r->pool, &build->project, &task->project)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "deploy repeats build \"%V\" for user \"%V\"",
                  &task->build, &event.facts[NGX_DEPLOY_USER]);

    rc = ngx_http_deploy_start(r, ctx, build, 0);

    if (rc == NGX_OK) {
        rc = ngx_http_deploy_begin(r, ctx);
    }

    /* what will not be dispatched has its result */

    if (rc == NGX_OK && build->state != NGX_HTTP_DEPLOY_BUILD_NEW) {
        ngx_http_deploy_command_build(&task->text, build);
    }

    ngx_http_deploy_replay_matched(ctx, rc);

    /* the same request once more is no second build, and nothing to tell */

    if (rc == NGX_DONE || rc == NGX_BUSY) {
        ctx->builds.nelts = 0;
        rc = NGX_OK;
    }

    ngx_http_deploy_retry_leave(ctx);

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* the answer to a button does not wait */

static void
ngx_http_deploy_retry_leave(ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    if (ctx->accept) {
        ngx_http_deploy_accept_detach(ctx);
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        if (build[i].dispatch && build[i].dispatch->begun) {
            build[i].dispatch->waiter = NULL;
            build[i].dispatch = NULL;
        }
    }

    ctx->pending = 0;
}
