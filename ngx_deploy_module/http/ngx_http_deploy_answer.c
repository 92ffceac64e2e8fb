
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"


#define NGX_HTTP_DEPLOY_ANSWER_SIZE  2048        /* of most answers */


typedef struct {
    ngx_uint_t       code;
    const char      *status;
    const char      *reason;
    ngx_uint_t       retry_after;
} ngx_http_deploy_outcome_t;


static void ngx_http_deploy_outcome(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_outcome_t *outcome);
static void ngx_http_deploy_answer_builds(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_json_out_t *out);
static void ngx_http_deploy_answer_build(ngx_http_deploy_build_t *build,
    ngx_deploy_json_out_t *out);
static void ngx_http_deploy_answer_begin(ngx_http_request_t *r,
    ngx_deploy_json_out_t *out);
static ngx_int_t ngx_http_deploy_answer_end(ngx_http_request_t *r,
    ngx_uint_t code, ngx_deploy_json_out_t *out);


ngx_int_t
ngx_http_deploy_answer(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    size_t                     i;
    ngx_deploy_json_out_t      out;
    ngx_http_deploy_outcome_t  outcome;

    if (ctx->click) {
        return ngx_http_deploy_command_answer(r, ctx);
    }

    ngx_http_deploy_outcome(ctx, &outcome);

    ctx->result = outcome.status;

    if (ctx->command) {
        return ngx_http_deploy_command_answer(r, ctx);
    }

    ngx_http_deploy_answer_begin(r, &out);

    ngx_deploy_json_out_text(&out, "status", outcome.status);

    if (outcome.reason) {
        ngx_deploy_json_out_text(&out, "reason", outcome.reason);
    }

    if (ctx->delivery.len) {
        ngx_deploy_json_out_str(&out, "delivery", &ctx->delivery);
    }

    ngx_deploy_json_out_array(&out, "events");

    for (i = 0; i < ctx->nevents; i++) {
        ngx_deploy_event_json(&ctx->events[i], &out);
    }

    ngx_deploy_json_out_close(&out, ']');

    if (ctx->builds.nelts) {
        ngx_http_deploy_answer_builds(ctx, &out);
    }

    if ((ctx->builds.nelts == 0 && !ctx->duplicate)
        || ngx_strcmp(outcome.status, "dry_run") == 0)
    {
        ngx_deploy_json_out_array(&out, "rules");
        ngx_http_deploy_answer_rules(ctx, ctx->misses.nelts, &out);
        ngx_deploy_json_out_close(&out, ']');
    }

    if (outcome.retry_after
        && ngx_http_deploy_retry_after(r, outcome.retry_after) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_answer_end(r, outcome.code, &out);
}


static void
ngx_http_deploy_answer_begin(ngx_http_request_t *r, ngx_deploy_json_out_t *out)
{
    ngx_deploy_pool_t  pool;

    pool = ngx_http_deploy_pool(r->pool);

    ngx_deploy_json_out_begin(out, &pool, NGX_HTTP_DEPLOY_ANSWER_SIZE);
    ngx_deploy_json_out_object(out, NULL);
}


static ngx_int_t
ngx_http_deploy_answer_end(ngx_http_request_t *r, ngx_uint_t code,
    ngx_deploy_json_out_t *out)
{
    ngx_str_t  text;

    ngx_deploy_json_out_close(out, '}');

    if (ngx_deploy_json_out_end(out, &text) != NGX_DEPLOY_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = code;

    return ngx_http_deploy_answer_body(r, &text);
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


static void
ngx_http_deploy_answer_builds(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_json_out_t *out)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    ngx_deploy_json_out_array(out, "builds");

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        ngx_http_deploy_answer_build(&build[i], out);
    }

    ngx_deploy_json_out_close(out, ']');
}


static void
ngx_http_deploy_answer_build(ngx_http_deploy_build_t *build,
    ngx_deploy_json_out_t *out)
{
    const char          *status, *error;
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

    ngx_deploy_json_out_object(out, NULL);
    ngx_deploy_json_out_str(out, "project", &build->project);
    ngx_deploy_json_out_text(out, "status", status);
    ngx_deploy_json_out_int(out, "event", build->event);

    if (build->state == NGX_HTTP_DEPLOY_BUILD_STARTED) {
        ngx_deploy_json_out_str(out, "id", &reply->id);

        if (reply->number >= 0) {
            ngx_deploy_json_out_int(out, "number", reply->number);
        }

        ngx_deploy_json_out_str(out, "url", &reply->url);

    } else if (build->state == NGX_HTTP_DEPLOY_BUILD_DRY_RUN) {
        ngx_deploy_json_out_raw(out, "request", &build->request);

    } else {
        if (error) {
            ngx_deploy_json_out_text(out, "error", error);

        } else {
            ngx_deploy_json_out_str(out, "error", &reply->error);
        }

        if (reply->message.len == 0 && reply->reason) {
            ngx_deploy_json_out_text(out, "message", reply->reason);

        } else {
            ngx_deploy_json_out_str(out, "message", &reply->message);
        }
    }

    if (build->paths_unknown) {
        ngx_deploy_json_out_bool(out, "paths_unknown", 1);
    }

    ngx_deploy_json_out_close(out, '}');
}


/* the first failing condition of every rule, for every event */

void
ngx_http_deploy_answer_rules(ngx_http_deploy_ctx_t *ctx, ngx_uint_t max,
    ngx_deploy_json_out_t *out)
{
    ngx_uint_t                     i;
    ngx_http_deploy_miss_t        *miss;
    const ngx_deploy_condition_t  *failed;

    miss = ctx->misses.elts;

    for (i = 0; i < ctx->misses.nelts && i < max; i++) {

        failed = miss[i].match.failed;

        ngx_deploy_json_out_object(out, NULL);
        ngx_deploy_json_out_str(out, "project", &miss[i].rule->text);
        ngx_deploy_json_out_int(out, "line", miss[i].rule->line);
        ngx_deploy_json_out_int(out, "event", miss[i].event);
        ngx_deploy_json_out_str(out, "failed", &failed->key);
        ngx_deploy_json_out_str(out, failed->negate ? "want_not" : "want",
                                &failed->want);
        ngx_deploy_json_out_str(out, "got", &miss[i].match.got);

        if (miss[i].match.paths_unknown) {
            ngx_deploy_json_out_bool(out, "paths_unknown", 1);
        }

        ngx_deploy_json_out_close(out, '}');
    }
}


void
ngx_http_deploy_answer_matched(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_json_out_t *out)
{
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        if (build[i].rule == NULL) {
            continue;
        }

        ngx_deploy_json_out_object(out, NULL);
        ngx_deploy_json_out_str(out, "project", &build[i].rule->text);
        ngx_deploy_json_out_int(out, "line", build[i].rule->line);
        ngx_deploy_json_out_int(out, "event", build[i].event);
        ngx_deploy_json_out_bool(out, "matched", 1);
        ngx_deploy_json_out_close(out, '}');
    }
}


ngx_int_t
ngx_http_deploy_answer_text(ngx_http_request_t *r, ngx_uint_t code,
    const char *status, const char *reason)
{
    ngx_int_t              rc;
    ngx_deploy_json_out_t  out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (code == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_deploy_retry_after(r, NGX_HTTP_DEPLOY_RETRY_AFTER)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_deploy_answer_begin(r, &out);

    ngx_deploy_json_out_text(&out, "status", status);

    if (reason) {
        ngx_deploy_json_out_text(&out, "reason", reason);
    }

    return ngx_http_deploy_answer_end(r, code, &out);
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
    ngx_deploy_json_out_t  out;

    ngx_http_deploy_answer_begin(r, &out);

    ngx_deploy_json_out_str(&out, "challenge", challenge);

    return ngx_http_deploy_answer_end(r, NGX_HTTP_OK, &out);
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

    /* what happened is told, whatever If-None-Match and If-Match ask for */

    r->disable_not_modified = 1;

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
