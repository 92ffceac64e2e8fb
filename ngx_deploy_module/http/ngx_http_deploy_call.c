
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_call.h"


/*
 * What a worker knows of an endpoint.  There are as many as the
 * configuration has: no request can name one.
 */

struct ngx_http_deploy_endpoint_s {
    ngx_queue_t                  queue;
    ngx_str_t                    host;
    ngx_deploy_retry_bucket_t    bucket;
    int64_t                      offset;      /* its clock's, seconds */
};


static void ngx_http_deploy_call_event(ngx_event_t *ev);
static void ngx_http_deploy_call_begin(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_call_without(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_call_wait(ngx_http_deploy_call_t *call);
static void ngx_http_deploy_call_ready(void *data);
static ngx_int_t ngx_http_deploy_call_attempt(ngx_http_deploy_call_t *call);
static ngx_int_t ngx_http_deploy_call_sign(ngx_http_deploy_call_t *call,
    ngx_deploy_credentials_t *credentials);
static void ngx_http_deploy_call_reply(ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_call_read(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out);
static ngx_uint_t ngx_http_deploy_call_skew(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out);
static ngx_int_t ngx_http_deploy_call_retry(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out);
static ngx_int_t ngx_http_deploy_call_later(ngx_http_deploy_call_t *call,
    int64_t after);
static ngx_http_deploy_endpoint_t *ngx_http_deploy_endpoint(ngx_str_t *host);


static ngx_queue_t  ngx_http_deploy_endpoints;


void
ngx_http_deploy_call(ngx_http_deploy_call_t *call)
{
    call->ident = -1;
    call->event.handler = ngx_http_deploy_call_event;
    call->event.data = call;
    call->event.log = call->log;
    call->wait.handler = ngx_http_deploy_call_ready;
    call->wait.data = call;

    /* from the event loop, when whoever calls has begun to wait */

    ngx_post_event(&call->event, &ngx_posted_events);
}


ngx_uint_t
ngx_http_deploy_call_sent(ngx_http_deploy_call_t *call)
{
    return call->out && ngx_http_deploy_outbound_sent(call->out);
}


static void
ngx_http_deploy_call_event(ngx_event_t *ev)
{
    ngx_http_deploy_call_t  *call;

    call = ev->data;

    if (!call->wait.waiting) {
        ngx_http_deploy_call_begin(call);
        return;
    }

    /* the deadline; what AWS said of refused ones stands */

    ngx_http_deploy_credentials_cancel(&call->wait);

    ngx_http_deploy_call_without(call);
}


static void
ngx_http_deploy_call_begin(ngx_http_deploy_call_t *call)
{
    ngx_int_t  rc;

    rc = ngx_http_deploy_call_attempt(call);

    if (rc == NGX_OK) {
        return;
    }

    ngx_memzero(&call->reply, sizeof(ngx_deploy_reply_t));

    call->reply.class = NGX_DEPLOY_REPLY_TRANSIENT;
    call->reply.number = -1;

    if (rc == NGX_ERROR) {
        call->reply.reason = "out of memory or connections";
        call->handler(call);
        return;
    }

    call->reply.reason = "no AWS credentials";

    if (rc == NGX_DECLINED) {
        ngx_http_deploy_call_without(call);
        return;
    }

    ngx_http_deploy_call_wait(call);
}


static void
ngx_http_deploy_call_without(ngx_http_deploy_call_t *call)
{
    ngx_log_error(NGX_LOG_WARN, call->log, 0,
                  "deploy has no AWS credentials for \"%V\": %s",
                  &call->project,
                  ngx_http_deploy_credentials_reason(call->set));

    call->handler(call);
}


static void
ngx_http_deploy_call_wait(ngx_http_deploy_call_t *call)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    ngx_add_timer(&call->event, (ngx_msec_t) ngx_max(left, 1));
}


/* the wait is over, for better or worse */

static void
ngx_http_deploy_call_ready(void *data)
{
    ngx_http_deploy_call_t *call = data;

    if (call->event.timer_set) {
        ngx_del_timer(&call->event);
    }

    if (!call->refused) {
        ngx_http_deploy_call_begin(call);
        return;
    }

    call->refused = 0;

    if (ngx_http_deploy_credentials_generation(call->set) == call->generation
        || ngx_http_deploy_call_later(call, -1) != NGX_OK)
    {
        call->handler(call);
    }
}


static ngx_int_t
ngx_http_deploy_call_attempt(ngx_http_deploy_call_t *call)
{
    ngx_int_t                    rc;
    ngx_deploy_credentials_t    *credentials;
    ngx_http_deploy_outbound_t  *out;

    rc = ngx_http_deploy_credentials_get(call->set, &call->wait, &credentials);

    if (rc != NGX_OK) {
        return rc;
    }

    call->generation = ngx_http_deploy_credentials_generation(call->set);

    out = ngx_pcalloc(call->pool, sizeof(ngx_http_deploy_outbound_t));
    if (out == NULL) {
        return NGX_ERROR;
    }

    out->pool = call->pool;
    out->log = call->log;
    out->dscf = call->dscf;
    out->method = NGX_HTTP_POST;
    out->url = call->url;
    out->body = call->body;
    out->max = NGX_DEPLOY_CODEBUILD_MAX_REPLY;
    out->handler = ngx_http_deploy_call_reply;
    out->data = call;

    call->out = out;

    if ((call->seal && call->seal(call, &out->body) != NGX_OK)
        || ngx_http_deploy_call_sign(call, credentials) != NGX_OK
        || ngx_http_deploy_outbound(out) != NGX_OK)
    {
        call->out = NULL;
        return NGX_ERROR;
    }

    call->retry.attempts++;

    return NGX_OK;
}


/* signed anew for every attempt: the date is part of it */

static ngx_int_t
ngx_http_deploy_call_sign(ngx_http_deploy_call_t *call,
    ngx_deploy_credentials_t *credentials)
{
    u_char                      *date, *p;
    ngx_str_t                    target;
    ngx_uint_t                   n;
    const char                  *reason;
    ngx_deploy_url_t             url;
    ngx_deploy_pool_t            pool;
    ngx_deploy_str_t             authorization;
    ngx_deploy_header_t         *h;
    ngx_deploy_sigv4_request_t   request;

    static ngx_deploy_header_t  names[] = {
        { ngx_deploy_string("Content-Type"),
          ngx_deploy_string("application/x-amz-json-1.1") },
        { ngx_deploy_string("X-Amz-Target"), ngx_deploy_null_string },
        { ngx_deploy_string("X-Amz-Date"), ngx_deploy_null_string },
        { ngx_deploy_string("X-Amz-Security-Token"), ngx_deploy_null_string },
        { ngx_deploy_string("Host"), ngx_deploy_null_string },
        { ngx_deploy_string("Authorization"), ngx_deploy_null_string }
    };

    static ngx_deploy_str_t  post = ngx_deploy_string("POST");
    static ngx_deploy_str_t  path = ngx_deploy_string("/");
    static ngx_deploy_str_t  service = ngx_deploy_string("codebuild");

    if (ngx_deploy_url_parse(&call->url, &url, &reason) != NGX_DEPLOY_OK) {
        return NGX_ERROR;
    }

    call->endpoint = ngx_http_deploy_endpoint(&url.authority);
    if (call->endpoint == NULL) {
        return NGX_ERROR;
    }

    pool = ngx_http_deploy_pool(call->pool);

    h = ngx_pcalloc(call->pool, sizeof(names));
    date = ngx_pnalloc(call->pool, NGX_DEPLOY_SIGV4_DATE_LEN);
    p = ngx_pnalloc(call->pool, sizeof("CodeBuild_20161006.")
                                + call->operation.len);

    if (h == NULL || date == NULL || p == NULL) {
        return NGX_ERROR;
    }

    target.data = p;
    target.len = ngx_sprintf(p, "CodeBuild_20161006.%V", &call->operation)
                 - p;

    call->offset = call->endpoint->offset;

    ngx_deploy_sigv4_date(date, ngx_time() + call->offset);

    n = 0;
    h[n++] = names[0];

    h[n] = names[1];
    h[n++].value = target;

    h[n] = names[2];
    h[n].value.len = NGX_DEPLOY_SIGV4_DATE_LEN;
    h[n++].value.data = date;

    if (credentials->session_token.len) {
        h[n] = names[3];

        if (ngx_deploy_pstrdup(&pool, &h[n++].value,
                               credentials->session_token.data,
                               credentials->session_token.len)
            != NGX_DEPLOY_OK)
        {
            return NGX_ERROR;
        }
    }

    /* Host is signed here and sent by the transport */

    h[n] = names[4];
    h[n].value = url.authority;

    ngx_memzero(&request, sizeof(ngx_deploy_sigv4_request_t));

    request.method = post;
    request.path = path;
    request.headers = h;
    request.nheaders = n + 1;
    request.body = call->out->body;
    request.region = call->region;
    request.service = service;

    if (ngx_deploy_sigv4_authorization(&pool, &request, credentials,
                                       ngx_http_deploy_credentials_key(
                                           call->set, &call->region),
                                       date, &authorization)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    h[n] = names[5];
    h[n++].value = authorization;

    call->out->headers = h;
    call->out->nheaders = n;

    return NGX_OK;
}


static void
ngx_http_deploy_call_reply(ngx_http_deploy_outbound_t *out)
{
    ngx_http_deploy_call_t  *call;

    call = out->data;
    call->out = NULL;

    ngx_http_deploy_call_read(call, out);

    if (call->reply.class == NGX_DEPLOY_REPLY_STARTED) {
        (void) ngx_http_deploy_call_skew(call, out);
        ngx_deploy_retry_succeeded(&call->retry, &call->endpoint->bucket);

        call->handler(call);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, call->log, 0,
                  "deploy %V of \"%V\" failed, attempt %ui: status %ui, "
                  "error \"%V\", %s%sdelivery \"%V\", request \"%V\"",
                  &call->operation, &call->project,
                  (ngx_uint_t) call->retry.attempts, out->status,
                  &call->reply.error,
                  call->reply.reason ? call->reply.reason : "",
                  call->reply.reason ? ", " : "",
                  &call->delivery, &out->request_id);

    if (ngx_http_deploy_call_retry(call, out) != NGX_OK) {
        call->handler(call);
    }
}


static void
ngx_http_deploy_call_read(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out)
{
    ngx_deploy_pool_t   pool;
    ngx_deploy_reply_t  *reply;

    reply = &call->reply;

    ngx_memzero(reply, sizeof(ngx_deploy_reply_t));

    call->status = out->status;
    call->timedout = out->timedout;
    call->retry_after = 0;

    if (out->amz_retry_after >= 0) {
        call->retry_after = (out->amz_retry_after + 999) / 1000;

    } else if (out->retry_after > 0) {
        call->retry_after = out->retry_after;
    }

    pool = ngx_http_deploy_pool(call->pool);

    if (out->status == 0) {
        reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
        reply->number = -1;

        reply->reason = out->timedout ? "CodeBuild did not answer in time"
                        : out->sent ? "the connection to CodeBuild broke"
                                    : "CodeBuild was not reached";

    } else if (call->read(&pool, out->status, &out->error_type,
                          out->reply.data, out->reply.len, out->whole, reply)
               != NGX_DEPLOY_OK)
    {
        reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
        reply->reason = "out of memory";
    }

    if (reply->class == NGX_DEPLOY_REPLY_TRANSIENT && out->sent) {
        call->unknown = 1;
    }
}


/* 1 when another time of the clock may help */

static ngx_uint_t
ngx_http_deploy_call_skew(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out)
{
    int64_t                      before, after;
    ngx_uint_t                   again;
    ngx_http_deploy_endpoint_t  *endpoint;

    if (!out->trusted || out->date == (time_t) NGX_ERROR) {
        return 0;
    }

    endpoint = call->endpoint;
    before = endpoint->offset;

    again = ngx_deploy_retry_skew(&endpoint->offset, call->offset, ngx_time(),
                                  out->date,
                                  call->reply.class == NGX_DEPLOY_REPLY_SKEW);
    after = endpoint->offset;

    /* a second more or less is the time of the call */

    if (after - before >= NGX_DEPLOY_RETRY_SKEW / 4
        || before - after >= NGX_DEPLOY_RETRY_SKEW / 4)
    {
        ngx_log_error(NGX_LOG_WARN, call->log, 0,
                      "deploy clock differs by %L s from that of \"%V\"%s",
                      after, &endpoint->host,
                      after ? ", which is signed with" : "");
    }

    return again;
}


static ngx_int_t
ngx_http_deploy_call_retry(ngx_http_deploy_call_t *call,
    ngx_http_deploy_outbound_t *out)
{
    int64_t     after;
    ngx_int_t   rc;
    ngx_uint_t  again;

    again = ngx_http_deploy_call_skew(call, out);

    if (call->reply.class == NGX_DEPLOY_REPLY_SKEW && !again) {
        return NGX_DECLINED;
    }

    if (call->reply.class == NGX_DEPLOY_REPLY_CREDENTIALS) {

        if (call->retry.credentials) {
            return NGX_DECLINED;
        }

        rc = ngx_http_deploy_credentials_refused(call->set, call->generation,
                                                 &call->wait);
        if (rc == NGX_AGAIN) {
            call->refused = 1;
            ngx_http_deploy_call_wait(call);
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    after = (out->amz_retry_after >= 0) ? out->amz_retry_after
            : (out->retry_after > 0) ? (int64_t) out->retry_after * 1000 : -1;

    return ngx_http_deploy_call_later(call, after);
}


static ngx_int_t
ngx_http_deploy_call_later(ngx_http_deploy_call_t *call, int64_t after)
{
    int64_t  left, delay;

    left = (ngx_msec_int_t) (call->deadline - ngx_current_msec);

    delay = ngx_deploy_retry_next(&call->retry, &call->endpoint->bucket,
                                  call->reply.class, after, left,
                                  ngx_random() & 0xffff);
    if (delay < 0) {
        return NGX_DECLINED;
    }

    ngx_add_timer(&call->event, (ngx_msec_t) delay);

    return NGX_OK;
}


static ngx_http_deploy_endpoint_t *
ngx_http_deploy_endpoint(ngx_str_t *host)
{
    ngx_queue_t                 *q;
    ngx_http_deploy_endpoint_t  *endpoint;

    if (ngx_http_deploy_endpoints.next == NULL) {
        ngx_queue_init(&ngx_http_deploy_endpoints);
    }

    for (q = ngx_queue_head(&ngx_http_deploy_endpoints);
         q != ngx_queue_sentinel(&ngx_http_deploy_endpoints);
         q = ngx_queue_next(q))
    {
        endpoint = ngx_queue_data(q, ngx_http_deploy_endpoint_t, queue);

        if (endpoint->host.len == host->len
            && ngx_strncmp(endpoint->host.data, host->data, host->len) == 0)
        {
            return endpoint;
        }
    }

    /* kept as long as the worker lives */

    endpoint = ngx_calloc(sizeof(ngx_http_deploy_endpoint_t) + host->len,
                          ngx_cycle->log);
    if (endpoint == NULL) {
        return NULL;
    }

    endpoint->host.len = host->len;
    endpoint->host.data = (u_char *) &endpoint[1];

    ngx_memcpy(endpoint->host.data, host->data, host->len);

    ngx_queue_insert_tail(&ngx_http_deploy_endpoints, &endpoint->queue);

    return endpoint;
}
