
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"
#include "ngx_http_deploy_outbound.h"


#define NGX_HTTP_DEPLOY_HEADERS  6


static void ngx_http_deploy_dispatch_event(ngx_event_t *ev);
static ngx_int_t ngx_http_deploy_dispatch_attempt(
    ngx_http_deploy_dispatch_t *d);
static ngx_int_t ngx_http_deploy_dispatch_sign(ngx_http_deploy_dispatch_t *d,
    ngx_deploy_credentials_t *credentials, ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_dispatch_reply(ngx_http_deploy_outbound_t *out);
static ngx_int_t ngx_http_deploy_dispatch_retry(ngx_http_deploy_dispatch_t *d);
static void ngx_http_deploy_dispatch_done(ngx_http_deploy_dispatch_t *d);


void
ngx_http_deploy_dispatch(ngx_http_deploy_dispatch_t *d)
{
    d->ident = -1;
    d->event.handler = ngx_http_deploy_dispatch_event;
    d->event.data = d;
    d->event.log = d->log;

    /* from the event loop, when the request has begun to wait */

    ngx_post_event(&d->event, &ngx_posted_events);
}


static void
ngx_http_deploy_dispatch_event(ngx_event_t *ev)
{
    ngx_http_deploy_dispatch_t  *d;

    d = ev->data;

    if (ngx_http_deploy_dispatch_attempt(d) == NGX_OK) {
        return;
    }

    d->state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;

    if (d->reply.reason == NULL) {
        d->reply.reason = "out of memory or connections";
    }

    ngx_http_deploy_dispatch_done(d);
}


static ngx_int_t
ngx_http_deploy_dispatch_attempt(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_credentials_t    *credentials;
    ngx_http_deploy_outbound_t  *out;

    credentials = ngx_http_deploy_credentials_get();

    if (credentials == NULL) {
        d->reply.reason = "no AWS credentials";
        return NGX_ERROR;
    }

    out = ngx_pcalloc(d->pool, sizeof(ngx_http_deploy_outbound_t));
    if (out == NULL) {
        return NGX_ERROR;
    }

    out->pool = d->pool;
    out->log = d->log;
    out->dscf = d->dscf;
    out->method = NGX_HTTP_POST;
    out->url = d->url;
    out->body = d->body;
    out->max = NGX_DEPLOY_CODEBUILD_MAX_REPLY;
    out->handler = ngx_http_deploy_dispatch_reply;
    out->data = d;

    if (ngx_http_deploy_dispatch_sign(d, credentials, out) != NGX_OK) {
        return NGX_ERROR;
    }

    d->attempt++;
    d->out = out;

    if (ngx_http_deploy_outbound(out) != NGX_OK) {
        d->out = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* signed anew for every attempt: the date is part of it */

static ngx_int_t
ngx_http_deploy_dispatch_sign(ngx_http_deploy_dispatch_t *d,
    ngx_deploy_credentials_t *credentials, ngx_http_deploy_outbound_t *out)
{
    ngx_uint_t                   n;
    ngx_deploy_pool_t            pool;
    ngx_deploy_str_t             authorization;
    ngx_deploy_header_t         *h;
    ngx_deploy_sigv4_request_t   request;

    static ngx_deploy_header_t  content_type = {
        ngx_deploy_string("Content-Type"),
        ngx_deploy_string("application/x-amz-json-1.1")
    };

    static ngx_deploy_header_t  target = {
        ngx_deploy_string("X-Amz-Target"),
        ngx_deploy_string("CodeBuild_20161006.StartBuild")
    };

    static ngx_deploy_str_t  post = ngx_deploy_string("POST");
    static ngx_deploy_str_t  path = ngx_deploy_string("/");
    static ngx_deploy_str_t  service = ngx_deploy_string("codebuild");
    static ngx_deploy_str_t  date_name = ngx_deploy_string("X-Amz-Date");
    static ngx_deploy_str_t  host_name = ngx_deploy_string("Host");
    static ngx_deploy_str_t  token_name =
                                  ngx_deploy_string("X-Amz-Security-Token");
    static ngx_deploy_str_t  authorization_name =
                                  ngx_deploy_string("Authorization");

    h = ngx_pcalloc(d->pool, NGX_HTTP_DEPLOY_HEADERS
                             * sizeof(ngx_deploy_header_t));
    if (h == NULL) {
        return NGX_ERROR;
    }

    n = 0;
    h[n++] = content_type;
    h[n++] = target;

    h[n].name = date_name;
    h[n].value.len = NGX_DEPLOY_SIGV4_DATE_LEN;
    h[n].value.data = ngx_pnalloc(d->pool, NGX_DEPLOY_SIGV4_DATE_LEN);
    if (h[n].value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_sigv4_date(h[n].value.data, ngx_time());

    ngx_memzero(&request, sizeof(ngx_deploy_sigv4_request_t));

    request.method = post;
    request.path = path;
    request.headers = h;
    request.body = d->body;
    request.region = d->region;
    request.service = service;

    n++;

    if (credentials->session_token.len) {
        h[n].name = token_name;
        h[n++].value = credentials->session_token;
    }

    /* Host is signed here and sent by the transport */

    h[n].name = host_name;
    h[n].value = d->host;

    request.nheaders = n + 1;

    pool = ngx_http_deploy_pool(d->pool);

    if (ngx_deploy_sigv4_authorization(&pool, &request, credentials,
                                       ngx_http_deploy_signing_key(&d->region),
                                       h[2].value.data, &authorization)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    h[n].name = authorization_name;
    h[n++].value = authorization;

    out->headers = h;
    out->nheaders = n;

    return NGX_OK;
}


static void
ngx_http_deploy_dispatch_reply(ngx_http_deploy_outbound_t *out)
{
    ngx_deploy_pool_t            pool;
    ngx_http_deploy_dispatch_t  *d;

    d = out->data;
    d->out = NULL;

    pool = ngx_http_deploy_pool(d->pool);

    ngx_memzero(&d->reply, sizeof(ngx_deploy_reply_t));

    d->retry_after = (out->retry_after > 0) ? out->retry_after : 0;

    if (out->status == 0) {
        d->reply.class = NGX_DEPLOY_REPLY_TRANSIENT;
        d->reply.number = -1;

        d->reply.reason = out->timedout ? "CodeBuild did not answer in time"
                          : out->sent ? "the connection to CodeBuild broke"
                                      : "CodeBuild was not reached";

    } else if (ngx_deploy_codebuild_reply(&pool, out->status,
                               &out->error_type,
                               out->reply.data, out->reply.len, out->whole,
                               &d->reply)
               != NGX_DEPLOY_OK)
    {
        d->reply.class = NGX_DEPLOY_REPLY_TRANSIENT;
        d->reply.reason = "out of memory";
    }

    switch (d->reply.class) {

    case NGX_DEPLOY_REPLY_STARTED:
        d->state = NGX_HTTP_DEPLOY_BUILD_STARTED;
        break;

    case NGX_DEPLOY_REPLY_THROTTLED:
    case NGX_DEPLOY_REPLY_CAPACITY:
        d->state = NGX_HTTP_DEPLOY_BUILD_UNREACHED;
        break;

    case NGX_DEPLOY_REPLY_TRANSIENT:
        d->state = out->timedout ? NGX_HTTP_DEPLOY_BUILD_TIMEDOUT
                                 : NGX_HTTP_DEPLOY_BUILD_UNREACHED;
        break;

    default:
        d->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
    }

    if (d->state != NGX_HTTP_DEPLOY_BUILD_STARTED) {
        ngx_log_error(NGX_LOG_WARN, d->log, 0,
                      "deploy StartBuild of \"%V\" failed, attempt %ui: "
                      "status %ui, error \"%V\", %s%sdelivery \"%V\", "
                      "request \"%V\"",
                      &d->project, d->attempt, out->status,
                      &d->reply.error,
                      d->reply.reason ? d->reply.reason : "",
                      d->reply.reason ? ", " : "",
                      &d->delivery, &out->request_id);
    }

    if (ngx_http_deploy_dispatch_retry(d) == NGX_OK) {
        return;
    }

    ngx_http_deploy_dispatch_done(d);
}


/* full jitter, the same token, within the time that the client is told of */

static ngx_int_t
ngx_http_deploy_dispatch_retry(ngx_http_deploy_dispatch_t *d)
{
    ngx_msec_t      base, delay;
    ngx_msec_int_t  left;

    if (d->state != NGX_HTTP_DEPLOY_BUILD_UNREACHED
        && d->state != NGX_HTTP_DEPLOY_BUILD_TIMEDOUT)
    {
        return NGX_DECLINED;
    }

    if (d->attempt >= NGX_HTTP_DEPLOY_ATTEMPTS
        || d->reply.class == NGX_DEPLOY_REPLY_CAPACITY)
    {
        return NGX_DECLINED;
    }

    base = (d->reply.class == NGX_DEPLOY_REPLY_THROTTLED) ? 1000 : 50;
    delay = ngx_random() % (base << (d->attempt - 1)) + 1;

    if (d->retry_after) {
        delay = ngx_max(delay, d->retry_after * 1000);
    }

    left = (ngx_msec_int_t) (d->deadline - ngx_current_msec);

    if (left <= 0 || delay >= (ngx_msec_t) left) {
        return NGX_DECLINED;
    }

    ngx_add_timer(&d->event, delay);

    return NGX_OK;
}


static void
ngx_http_deploy_dispatch_done(ngx_http_deploy_dispatch_t *d)
{
    if (d->state == NGX_HTTP_DEPLOY_BUILD_STARTED) {
        ngx_log_error(NGX_LOG_NOTICE, d->log, 0,
                      "deploy started build \"%V\" of \"%V\", "
                      "delivery \"%V\"%s",
                      &d->reply.id, &d->project,
                      &d->delivery,
                      d->waiter ? "" : ", nobody waits for it");

    } else {
        ngx_log_error(NGX_LOG_ERR, d->log, 0,
                      "deploy did not start \"%V\", delivery \"%V\": "
                      "%s%s%V%s%V",
                      &d->project, &d->delivery,
                      d->reply.reason ? d->reply.reason : "",
                      d->reply.reason && d->reply.error.len ? ", " : "",
                      &d->reply.error,
                      d->reply.message.len ? ": " : "",
                      &d->reply.message);
    }

    if (d->waiter) {
        ngx_http_deploy_wake(d->waiter, d);
    }

    ngx_destroy_pool(d->pool);
}
