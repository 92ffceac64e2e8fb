
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_accept.h"
#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_recall.h"
#include "ngx_http_deploy_replay.h"
#include "ngx_http_deploy_sns.h"
#include "ngx_http_deploy_token.h"

#include "ngx_deploy_media.h"


static ngx_int_t ngx_http_deploy_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_content_type(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_process(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_http_deploy_proceed(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_int_t rc);
static void ngx_http_deploy_wait(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_timer(ngx_event_t *ev);


ngx_int_t
ngx_http_deploy_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_deploy_ctx_t       *ctx;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (r == r->main && r->method != NGX_HTTP_POST) {
        return ngx_http_deploy_method(r);
    }

    ctx = ngx_http_deploy_get_ctx(r);

    /* phases are skipped by subrequests: this request must be the verified */

    if (r != r->main
        || (!dlcf->off
            && (ctx == NULL || !ctx->verified
                || ctx->verdict != NGX_DEPLOY_VERIFY_SUCCESS)))
    {
        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy refused: the request was not verified");

        if (r != r->main) {
            return NGX_HTTP_FORBIDDEN;
        }

        return ngx_http_deploy_answer_text(r, NGX_HTTP_FORBIDDEN, "refused",
                                           NULL);
    }

    ctx = ngx_http_deploy_make_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_deploy_content_type(r, ctx) != NGX_OK) {
        ctx->result = "failed";

        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy refused: content type or encoding");

        return ngx_http_deploy_answer_text(r,
                                           NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                           "failed",
                                           "unsupported content type");
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_deploy_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_deploy_method(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    ngx_str_set(&h->key, "Allow");
    ngx_str_set(&h->value, "POST");

    return ngx_http_deploy_answer_text(r, NGX_HTTP_NOT_ALLOWED, "failed",
                                       "method is not POST");
}


/* JSON, which SNS calls a text, or a form, in UTF-8, not compressed */

static ngx_int_t
ngx_http_deploy_content_type(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_deploy_str_t    value;
    ngx_deploy_media_e  media;

    static ngx_deploy_str_t  content_type = ngx_deploy_string("content-type");
    static ngx_deploy_str_t  encoding = ngx_deploy_string("content-encoding");

    if (ngx_http_deploy_get_header(r, &encoding, &value)
        && !ngx_deploy_str_is_nocase(&value, "identity"))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_deploy_get_header(r, &content_type, &value) != 1) {
        return NGX_DECLINED;
    }

    media = ngx_deploy_media_type(&value);

    /* what is parsed has to be what was verified */

    ctx->form = (ctx->verifier
                 && ctx->verifier->type == NGX_DEPLOY_SCHEME_PAYLOAD)
                ? ctx->payload : (media == NGX_DEPLOY_MEDIA_FORM);

    /* SNS says of its JSON that it is a text */

    if (media == NGX_DEPLOY_MEDIA_TEXT
        && ctx->verifier && ctx->verifier->type == NGX_DEPLOY_SCHEME_SNS)
    {
        media = NGX_DEPLOY_MEDIA_JSON;
    }

    return (media == NGX_DEPLOY_MEDIA_JSON || media == NGX_DEPLOY_MEDIA_FORM)
           ? NGX_OK : NGX_DECLINED;
}


static void
ngx_http_deploy_body_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r);

    if (ngx_http_deploy_sns_handshake(ctx)) {
        rc = ngx_http_deploy_sns_confirm(r, ctx);

        if (rc != NGX_AGAIN) {
            ngx_http_finalize_request(r, rc);
        }

        return;
    }

    rc = ngx_http_deploy_parse(r, ctx);

    if (rc != NGX_AGAIN) {
        ngx_http_deploy_parsed(r, ctx, rc);
    }
}


void
ngx_http_deploy_parsed(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_int_t rc)
{
    rc = ngx_http_deploy_process(r, ctx, rc);

    if (!ctx->waiting && ctx->recall == NULL) {
        ngx_http_finalize_request(r, rc);
    }
}


/*
 * What the request is finished with, unless it waits: ctx->recall or
 * ctx->waiting is set then
 */

static ngx_int_t
ngx_http_deploy_process(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_int_t rc)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (rc == NGX_BUSY) {
        return ngx_http_deploy_answer_busy(r, ctx);
    }

    if (rc == NGX_DECLINED) {
        ctx->result = "failed";

        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy refused payload: %s", ctx->reason);

        return ngx_http_deploy_answer_text(r, NGX_HTTP_BAD_REQUEST, "failed",
                                           ctx->reason);
    }

    if (rc != NGX_OK
        || ngx_array_init(&ctx->builds, r->pool, 4,
                          sizeof(ngx_http_deploy_build_t))
           != NGX_OK
        || ngx_array_init(&ctx->misses, r->pool, 8,
                          sizeof(ngx_http_deploy_miss_t))
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_deploy_recall(r, ctx);

    return (rc == NGX_AGAIN) ? NGX_DONE : ngx_http_deploy_proceed(r, ctx, rc);
}


void
ngx_http_deploy_recalled(ngx_http_deploy_ctx_t *ctx, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_deploy_proceed(r, ctx, rc);

    if (!ctx->waiting) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/* the same, with a code of ngx_http_deploy_recalled() */

static ngx_int_t
ngx_http_deploy_proceed(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_int_t rc)
{
    if (rc == NGX_BUSY) {
        ctx->result = "failed";

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "deploy did not accept delivery \"%V\": the store did "
                      "not tell what is known of it", &ctx->delivery);

        return ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "failed",
                                           "the store did not answer in time");
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_deploy_token_check(ctx) != NGX_OK) {
        return ngx_http_deploy_token_refuse(r, ctx);
    }

    rc = ngx_http_deploy_command(r, ctx);

    if (rc == NGX_AGAIN) {
        ngx_http_deploy_wait(r, ctx);
        return NGX_DONE;
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_deploy_match_events(r, ctx);

    if (rc == NGX_OK) {
        rc = ngx_http_deploy_begin(r, ctx);
    }

    ngx_http_deploy_replay_matched(ctx, rc);

    ctx->event = ctx->nevents ? ctx->events : NULL;

    switch (rc) {

    case NGX_OK:
        if (ctx->pending) {
            ngx_http_deploy_wait(r, ctx);
            return NGX_DONE;
        }

        return ngx_http_deploy_answer(r, ctx);

    case NGX_BUSY:
        ngx_http_deploy_replay_join(r, ctx);
        return NGX_DONE;

    case NGX_DONE:
        return (ngx_http_deploy_replay_builds(ctx) == NGX_OK)
               ? ngx_http_deploy_answer(r, ctx)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* what was prepared is stored first, where there is a store */

ngx_int_t
ngx_http_deploy_begin(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                    i;
    ngx_http_deploy_build_t      *build;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);
    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    /* that of a dry run is seen in the history */

    if (dmcf->store) {
        return ngx_http_deploy_accept(r, ctx);
    }

    if (dlcf->dry_run) {
        return NGX_OK;
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        if (build[i].dispatch) {
            ctx->pending++;
            ctx->claim->pending++;

            build[i].dispatch->claim = ctx->claim;

            ngx_http_deploy_dispatch(build[i].dispatch);
        }
    }

    return NGX_OK;
}


/*
 * The client only waits: its leaving touches no build, and one that closed
 * its side after the request still gets the answer.
 */

static void
ngx_http_deploy_wait(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ctx->timer.handler = ngx_http_deploy_timer;
    ctx->timer.data = r->connection;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, ngx_http_deploy_patience(r, ctx));

    ctx->waiting = 1;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


ngx_msec_t
ngx_http_deploy_patience(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if ((ctx->command || ctx->click)
        && dlcf->timeout > NGX_HTTP_DEPLOY_COMMAND_WAIT)
    {
        return NGX_HTTP_DEPLOY_COMMAND_WAIT;
    }

    return dlcf->timeout;
}


static void
ngx_http_deploy_timer(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_deploy_ctx_t       *ctx;
    ngx_http_deploy_build_t     *build;
    ngx_http_deploy_dispatch_t  *d;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx->keep) {
        ctx->unsaved = 1;
        ngx_http_deploy_keep_detach(ctx);
    }

    if (ctx->accept) {
        ngx_http_deploy_accept_timeout(ctx);
    }

    if (ctx->task) {
        ngx_http_deploy_task_timeout(ctx);
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        d = build[i].dispatch;

        if (d == NULL) {
            continue;
        }

        /* it goes on, its result is logged */

        d->waiter = NULL;
        build[i].dispatch = NULL;
        build[i].later = 1;

        if (d->stored) {
            build[i].state = NGX_HTTP_DEPLOY_BUILD_QUEUED;
            build[i].reply.reason = d->call.reply.reason
                                        ? d->call.reply.reason
                                        : "CodeBuild did not answer in time";

        } else if (ngx_http_deploy_call_sent(&d->call)) {
            build[i].state = NGX_HTTP_DEPLOY_BUILD_TIMEDOUT;
            build[i].reply.reason = "CodeBuild did not answer in time";

        } else {
            build[i].state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;
            build[i].reply.reason = d->call.reply.reason
                                        ? d->call.reply.reason
                                        : "CodeBuild was not reached in time";
        }
    }

    ctx->pending = 0;

    ngx_http_deploy_replay_timeout(ctx);
    ngx_http_deploy_finish(ctx);
}


void
ngx_http_deploy_wake(ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_dispatch_t *d)
{
    ngx_uint_t                i;
    ngx_deploy_str_t         *s[5];
    ngx_deploy_pool_t         pool;
    ngx_http_deploy_build_t  *build;

    build = ctx->builds.elts;
    build = &build[d->index];

    build->state = d->state;
    build->reply = d->call.reply;
    build->retry_after = d->call.retry_after;
    build->dispatch = NULL;

    /* the texts go with the pool of the dispatch */

    s[0] = &build->reply.id;
    s[1] = &build->reply.arn;
    s[2] = &build->reply.url;
    s[3] = &build->reply.error;
    s[4] = &build->reply.message;

    pool = ngx_http_deploy_pool(ctx->request->pool);

    for (i = 0; i < 5; i++) {
        if (s[i]->data
            && ngx_deploy_pstrdup(&pool, s[i], s[i]->data, s[i]->len)
               != NGX_DEPLOY_OK)
        {
            s[i]->len = 0;
            s[i]->data = NULL;
        }
    }

    if (--ctx->pending == 0) {
        ngx_http_deploy_finish(ctx);
    }
}


void
ngx_http_deploy_finish(ngx_http_deploy_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ngx_http_deploy_answer(r, ctx));

    ngx_http_run_posted_requests(c);
}
