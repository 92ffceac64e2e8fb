
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"


typedef struct {
    ngx_uint_t       code;
    const char      *status;
    const char      *reason;
    ngx_uint_t       retry_after;
} ngx_http_deploy_outcome_t;


static void ngx_http_deploy_outcome(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_outcome_t *outcome);
static ngx_deploy_json_t *ngx_http_deploy_answer_builds(
    ngx_http_deploy_ctx_t *ctx);
static ngx_deploy_json_t *ngx_http_deploy_answer_build(
    ngx_http_deploy_build_t *build);


ngx_int_t
ngx_http_deploy_answer(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    size_t                      i;
    ngx_deploy_json_t          *json, *events;
    ngx_http_deploy_outcome_t   outcome;

    if (ctx->click) {
        return ngx_http_deploy_command_answer(r, ctx);
    }

    ngx_http_deploy_outcome(ctx, &outcome);

    ctx->result = outcome.status;

    if (ctx->command) {
        return ngx_http_deploy_command_answer(r, ctx);
    }

    json = ngx_deploy_json_object();
    events = ngx_deploy_json_array();

    for (i = 0; i < ctx->nevents; i++) {
        if (ngx_deploy_json_append(events,
                                   ngx_deploy_event_json(&ctx->events[i]))
            != NGX_DEPLOY_OK)
        {
            goto failed;
        }
    }

    if (ngx_deploy_json_set(json, "status",
                            ngx_deploy_json_text(outcome.status))
        != NGX_DEPLOY_OK
        || (outcome.reason
            && ngx_deploy_json_set(json, "reason",
                                   ngx_deploy_json_text(outcome.reason))
               != NGX_DEPLOY_OK)
        || (ctx->delivery.len
            && ngx_deploy_json_set_str(json, "delivery",
                                  &ctx->delivery)
               != NGX_DEPLOY_OK))
    {
        goto failed;
    }

    if (ngx_deploy_json_set(json, "events", events) != NGX_DEPLOY_OK) {
        events = NULL;
        goto failed;
    }

    events = NULL;

    if (ctx->builds.nelts
        && ngx_deploy_json_set(json, "builds",
                               ngx_http_deploy_answer_builds(ctx))
           != NGX_DEPLOY_OK)
    {
        goto failed;
    }

    if (((ctx->builds.nelts == 0 && !ctx->duplicate)
         || ngx_strcmp(outcome.status, "dry_run") == 0)
        && ngx_deploy_json_set(json, "rules",
                               ngx_http_deploy_answer_rules(ctx,
                                                        ctx->misses.nelts))
           != NGX_DEPLOY_OK)
    {
        goto failed;
    }

    if (outcome.retry_after
        && ngx_http_deploy_retry_after(r, outcome.retry_after) != NGX_OK)
    {
        goto failed;
    }

    return ngx_http_deploy_send(r, outcome.code, json);

failed:

    ngx_deploy_json_free(events);
    ngx_deploy_json_free(json);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* of several builds the worst decides */

static void
ngx_http_deploy_outcome(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_outcome_t *outcome)
{
    ngx_uint_t                i, code;
    ngx_http_deploy_build_t  *build;

    outcome->code = NGX_HTTP_OK;
    outcome->status = "ignored";
    outcome->reason = NULL;
    outcome->retry_after = 0;

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        switch (build[i].state) {

        case NGX_HTTP_DEPLOY_BUILD_STARTED:
            if (outcome->code == NGX_HTTP_OK) {
                outcome->status = "started";
            }

            continue;

        case NGX_HTTP_DEPLOY_BUILD_DRY_RUN:
            if (outcome->code == NGX_HTTP_OK) {
                outcome->status = "dry_run";
            }

            continue;

        case NGX_HTTP_DEPLOY_BUILD_QUEUED:
        case NGX_HTTP_DEPLOY_BUILD_STARTING:
            if (outcome->code == NGX_HTTP_OK) {
                outcome->code = NGX_HTTP_ACCEPTED;
                outcome->status = "queued";
                outcome->reason = build[i].reply.reason;
            }

            continue;

        case NGX_HTTP_DEPLOY_BUILD_REFUSED:
            code = NGX_HTTP_BAD_GATEWAY;
            break;

        case NGX_HTTP_DEPLOY_BUILD_TIMEDOUT:
            code = NGX_HTTP_GATEWAY_TIME_OUT;
            break;

        default:
            code = NGX_HTTP_SERVICE_UNAVAILABLE;

            if (build[i].retry_after == 0) {
                build[i].retry_after = NGX_HTTP_DEPLOY_RETRY_AFTER;
            }

            outcome->retry_after = ngx_max(outcome->retry_after,
                                           build[i].retry_after);
        }

        /* 502 before 504 before 503 before 202 */

        if (outcome->code < NGX_HTTP_SPECIAL_RESPONSE
            || code == NGX_HTTP_BAD_GATEWAY
            || (code == NGX_HTTP_GATEWAY_TIME_OUT
                && outcome->code == NGX_HTTP_SERVICE_UNAVAILABLE))
        {
            if (outcome->code != NGX_HTTP_BAD_GATEWAY) {
                outcome->code = code;
                outcome->reason = build[i].reply.reason
                                  ? build[i].reply.reason
                                  : "CodeBuild refused a build";
            }
        }

        outcome->status = "failed";
    }

    if (outcome->code != NGX_HTTP_SERVICE_UNAVAILABLE) {
        outcome->retry_after = 0;
    }

    /* what is to come again has to */

    if (ctx->unsaved) {
        outcome->code = NGX_HTTP_SERVICE_UNAVAILABLE;
        outcome->status = "failed";
        outcome->reason = "the report was not stored in time";
        outcome->retry_after = NGX_HTTP_DEPLOY_RETRY_AFTER;
        return;
    }

    if (ctx->duplicate && outcome->code < NGX_HTTP_SPECIAL_RESPONSE) {
        outcome->code = NGX_HTTP_OK;
        outcome->status = "duplicate";
        outcome->reason = NULL;
    }
}


static ngx_deploy_json_t *
ngx_http_deploy_answer_builds(ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                i;
    ngx_deploy_json_t        *array;
    ngx_http_deploy_build_t  *build;

    array = ngx_deploy_json_array();
    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        if (ngx_deploy_json_append(array,
                                   ngx_http_deploy_answer_build(&build[i]))
            != NGX_DEPLOY_OK)
        {
            ngx_deploy_json_free(array);
            return NULL;
        }
    }

    return array;
}


static ngx_deploy_json_t *
ngx_http_deploy_answer_build(ngx_http_deploy_build_t *build)
{
    int                  rc;
    const char          *status, *error;
    ngx_deploy_json_t   *json;
    ngx_deploy_reply_t  *reply;

    reply = &build->reply;
    error = NULL;

    switch (build->state) {

    case NGX_HTTP_DEPLOY_BUILD_STARTED:
        status = "started";
        break;

    case NGX_HTTP_DEPLOY_BUILD_DRY_RUN:
        status = "dry_run";
        break;

    case NGX_HTTP_DEPLOY_BUILD_QUEUED:
    case NGX_HTTP_DEPLOY_BUILD_STARTING:
        status = "queued";
        break;

    default:
        status = "failed";
        error = reply->error.len ? NULL
                : (build->state == NGX_HTTP_DEPLOY_BUILD_TIMEDOUT) ? "Timeout"
                : (build->state == NGX_HTTP_DEPLOY_BUILD_REFUSED)
                      ? "InvalidInputException" : "Unavailable";
    }

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "project",
                                 &build->project);
    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(status));
    rc |= ngx_deploy_json_set(json, "event",
                              ngx_deploy_json_int(build->event));

    if (build->state == NGX_HTTP_DEPLOY_BUILD_STARTED) {
        rc |= ngx_deploy_json_set_str(json, "id", &reply->id);

        if (reply->number >= 0) {
            rc |= ngx_deploy_json_set(json, "number",
                                      ngx_deploy_json_int(reply->number));
        }

        rc |= ngx_deploy_json_set_str(json, "url", &reply->url);

    } else if (build->state == NGX_HTTP_DEPLOY_BUILD_DRY_RUN) {
        rc |= ngx_deploy_json_set(json, "request", build->request);
        build->request = NULL;

    } else {
        rc |= error ? ngx_deploy_json_set(json, "error",
                                          ngx_deploy_json_text(error))
                    : ngx_deploy_json_set_str(json, "error", &reply->error);

        rc |= (reply->message.len == 0 && reply->reason)
              ? ngx_deploy_json_set(json, "message",
                                    ngx_deploy_json_text(reply->reason))
              : ngx_deploy_json_set_str(json, "message", &reply->message);
    }

    if (build->paths_unknown) {
        rc |= ngx_deploy_json_set(json, "paths_unknown",
                                  ngx_deploy_json_bool(1));
    }

    return ngx_deploy_json_done(json, rc);
}


/* the first failing condition of every rule, for every event */

ngx_deploy_json_t *
ngx_http_deploy_answer_rules(ngx_http_deploy_ctx_t *ctx, ngx_uint_t max)
{
    int                            rc;
    ngx_uint_t                     i;
    ngx_deploy_json_t             *array, *json;
    ngx_http_deploy_miss_t        *miss;
    const ngx_deploy_condition_t  *failed;

    array = ngx_deploy_json_array();
    miss = ctx->misses.elts;

    for (i = 0; i < ctx->misses.nelts && i < max; i++) {

        failed = miss[i].match.failed;

        json = ngx_deploy_json_object();

        rc = ngx_deploy_json_set_str(json, "project",
                                 &miss[i].rule->text);
        rc |= ngx_deploy_json_set(json, "line",
                                  ngx_deploy_json_int(miss[i].rule->line));
        rc |= ngx_deploy_json_set(json, "event",
                                  ngx_deploy_json_int(miss[i].event));
        rc |= ngx_deploy_json_set_str(json, "failed", &failed->key);
        rc |= ngx_deploy_json_set_str(json, failed->negate ? "want_not"
                                                           : "want",
                                      &failed->want);
        rc |= ngx_deploy_json_set_str(json, "got", &miss[i].match.got);

        if (miss[i].match.paths_unknown) {
            rc |= ngx_deploy_json_set(json, "paths_unknown",
                                      ngx_deploy_json_bool(1));
        }

        if (rc != NGX_DEPLOY_OK) {
            ngx_deploy_json_free(json);
            json = NULL;
        }

        if (ngx_deploy_json_append(array, json) != NGX_DEPLOY_OK) {
            ngx_deploy_json_free(array);
            return NULL;
        }
    }

    return array;
}


void
ngx_http_deploy_answer_matched(ngx_deploy_json_t *array,
    ngx_http_deploy_ctx_t *ctx)
{
    int                       rc;
    ngx_uint_t                i;
    ngx_deploy_json_t        *json;
    ngx_http_deploy_build_t  *build;

    build = ctx->builds.elts;

    for (i = 0; array && i < ctx->builds.nelts; i++) {

        if (build[i].rule == NULL) {
            continue;
        }

        json = ngx_deploy_json_object();

        rc = ngx_deploy_json_set_str(json, "project", &build[i].rule->text);
        rc |= ngx_deploy_json_set(json, "line",
                             ngx_deploy_json_int(build[i].rule->line));
        rc |= ngx_deploy_json_set(json, "event",
                                  ngx_deploy_json_int(build[i].event));
        rc |= ngx_deploy_json_set(json, "matched", ngx_deploy_json_bool(1));

        if (rc != NGX_DEPLOY_OK) {
            ngx_deploy_json_free(json);
            return;
        }

        (void) ngx_deploy_json_append(array, json);
    }
}


ngx_int_t
ngx_http_deploy_answer_text(ngx_http_request_t *r, ngx_uint_t code,
    const char *status, const char *reason)
{
    ngx_int_t           rc;
    ngx_deploy_json_t  *json;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    json = ngx_deploy_json_object();

    if (ngx_deploy_json_set(json, "status", ngx_deploy_json_text(status))
        != NGX_DEPLOY_OK
        || (reason
            && ngx_deploy_json_set(json, "reason",
                                   ngx_deploy_json_text(reason))
               != NGX_DEPLOY_OK))
    {
        ngx_deploy_json_free(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (code == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_deploy_retry_after(r, NGX_HTTP_DEPLOY_RETRY_AFTER)
           != NGX_OK)
    {
        ngx_deploy_json_free(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_send(r, code, json);
}


ngx_int_t
ngx_http_deploy_answer_busy(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ctx->result = "failed";

    return ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "failed",
                                       "too many large bodies at once");
}


ngx_int_t
ngx_http_deploy_retry_after(ngx_http_request_t *r, ngx_uint_t seconds)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    ngx_str_set(&h->key, "Retry-After");

    h->value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (h->value.data == NULL) {
        return NGX_ERROR;
    }

    h->value.len = ngx_sprintf(h->value.data, "%ui", seconds) - h->value.data;
    h->hash = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_send(ngx_http_request_t *r, ngx_uint_t code,
    ngx_deploy_json_t *json)
{
    int                 rc;
    ngx_str_t           text;
    ngx_deploy_pool_t   pool;

    pool = ngx_http_deploy_pool(r->pool);

    rc = ngx_deploy_json_dump(json, &pool, &text);

    ngx_deploy_json_free(json);

    if (rc != NGX_DEPLOY_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = code;

    return ngx_http_deploy_answer_body(r, &text);
}


ngx_int_t
ngx_http_deploy_answer_challenge(ngx_http_request_t *r, ngx_str_t *challenge)
{
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    if (ngx_deploy_json_set_str(json, "challenge", challenge)
        != NGX_DEPLOY_OK)
    {
        ngx_deploy_json_free(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_send(r, NGX_HTTP_OK, json);
}


ngx_int_t
ngx_http_deploy_answer_body(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    if (r->headers_out.status == 0) {
        r->headers_out.status = NGX_HTTP_OK;
    }

    r->headers_out.content_length_n = text ? text->len + 1 : 0;

    if (text == NULL) {
        r->header_only = 1;
        return ngx_http_send_header(r);
    }

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, text->len + 1);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, text->data, text->len);
    *b->last++ = '\n';

    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
