
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_replay.h"
#include "ngx_http_deploy_response.h"
#include "ngx_http_deploy_retry.h"
#include "ngx_http_deploy_token.h"


static ngx_int_t ngx_http_deploy_dispatch_seal(ngx_http_deploy_call_t *call,
    ngx_str_t *body);
static void ngx_http_deploy_dispatch_handler(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_dispatch_state(ngx_http_deploy_dispatch_t *d);
static void ngx_http_deploy_dispatch_count(ngx_http_deploy_dispatch_t *d);


void
ngx_http_deploy_dispatch(ngx_http_deploy_dispatch_t *d)
{
    ngx_http_deploy_call_t  *call;

    d->begun = 1;
    d->at = ngx_current_msec;

    call = &d->call;

    call->pool = d->pool;
    ngx_str_set(&call->operation, "StartBuild");
    call->seal = ngx_http_deploy_dispatch_seal;
    call->read = ngx_deploy_codebuild_reply;
    call->handler = ngx_http_deploy_dispatch_handler;
    call->data = d;

    ngx_http_deploy_call(call);
}


static ngx_int_t
ngx_http_deploy_dispatch_seal(ngx_http_deploy_call_t *call, ngx_str_t *body)
{
    ngx_http_deploy_dispatch_t  *d;

    d = call->data;

    return ngx_http_deploy_token_seal(d->pool, &call->project, &d->token,
                                      &call->body, body);
}


static void
ngx_http_deploy_dispatch_handler(ngx_http_deploy_call_t *call)
{
    ngx_http_deploy_dispatch_done(call->data);
}


void
ngx_http_deploy_dispatch_done(ngx_http_deploy_dispatch_t *d)
{
    ngx_uint_t               queued, waited;
    ngx_deploy_reply_t      *reply;
    ngx_http_deploy_call_t  *call;

    call = &d->call;
    reply = &call->reply;

    ngx_http_deploy_dispatch_state(d);
    ngx_http_deploy_dispatch_count(d);

    queued = (d->state == NGX_HTTP_DEPLOY_BUILD_QUEUED);

    if (d->state == NGX_HTTP_DEPLOY_BUILD_STARTED) {
        ngx_log_error(NGX_LOG_NOTICE, call->log, 0,
                      "deploy started build \"%V\" of \"%V\", "
                      "delivery \"%V\"%s",
                      &reply->id, &call->project, &call->delivery,
                      d->waiter ? "" : ", nobody waits for it");

    } else {
        ngx_log_error((ngx_uint_t) (queued ? NGX_LOG_WARN : NGX_LOG_ERR),
                      call->log, 0,
                      "deploy %s \"%V\", delivery \"%V\": %s%s%V%s%V",
                      queued ? "queued" : "did not start",
                      &call->project, &call->delivery,
                      reply->reason ? reply->reason : "",
                      reply->reason && reply->error.len ? ", " : "",
                      &reply->error,
                      reply->message.len ? ": " : "",
                      &reply->message);
    }

    ngx_http_deploy_replay_done(d);

    waited = (d->waiter != NULL);

    if (d->waiter) {
        ngx_http_deploy_wake(d->waiter, d);
    }

    /* of what is stored others are told when the store knows of it */

    if (d->stored) {
        d->stored->waited_for = waited;
        ngx_http_deploy_retry_result(d);
        return;
    }

    if (d->notice) {
        ngx_http_deploy_notice_tell(d->notice, d->pool, reply,
                                 d->state == NGX_HTTP_DEPLOY_BUILD_STARTED);

        if (!waited) {
            ngx_http_deploy_response_build(d);
        }
    }

    ngx_destroy_pool(d->pool);
}


static void
ngx_http_deploy_dispatch_state(ngx_http_deploy_dispatch_t *d)
{
    switch (d->call.reply.class) {

    case NGX_DEPLOY_REPLY_STARTED:
        d->state = NGX_HTTP_DEPLOY_BUILD_STARTED;
        return;

    case NGX_DEPLOY_REPLY_THROTTLED:
    case NGX_DEPLOY_REPLY_CAPACITY:
        d->state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;
        break;

    case NGX_DEPLOY_REPLY_TRANSIENT:
        d->state = d->call.timedout ? NGX_HTTP_DEPLOY_BUILD_TIMEDOUT
                                    : NGX_HTTP_DEPLOY_BUILD_UNREACHED;
        break;

    case NGX_DEPLOY_REPLY_REFUSED:
        d->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
        return;

    case NGX_DEPLOY_REPLY_CREDENTIALS:

        /* of what expires there will be others */

        d->state = ngx_deploy_str_is(&d->call.reply.error,
                                     "ExpiredTokenException")
                   ? NGX_HTTP_DEPLOY_BUILD_UNREACHED
                   : NGX_HTTP_DEPLOY_BUILD_REFUSED;
        break;

    default:

        /* other keys or the right time may do, for who can wait for them */

        d->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
    }

    if (d->stored) {
        d->state = NGX_HTTP_DEPLOY_BUILD_QUEUED;
    }
}


static void
ngx_http_deploy_dispatch_count(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_metrics_build_e  build;

    switch (d->state) {

    case NGX_HTTP_DEPLOY_BUILD_STARTED:
        build = NGX_DEPLOY_METRICS_BUILD_STARTED;
        break;

    case NGX_HTTP_DEPLOY_BUILD_QUEUED:
        build = NGX_DEPLOY_METRICS_BUILD_QUEUED;
        break;

    case NGX_HTTP_DEPLOY_BUILD_REFUSED:
        build = NGX_DEPLOY_METRICS_BUILD_REFUSED;
        break;

    default:
        build = NGX_DEPLOY_METRICS_BUILD_FAILED;
    }

    ngx_http_deploy_count_build(build);

    /* a lookup that failed has not begun one */

    if (d->begun) {
        ngx_http_deploy_count_start_build(ngx_current_msec - d->at);
    }
}
