
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_outbound.h"


#define NGX_HTTP_DEPLOY_MAX_RETRY_AFTER  3600    /* seconds */


typedef struct {
    ngx_http_log_ctx_t            http;      /* what nginx expects there */
    ngx_http_deploy_outbound_t   *out;
} ngx_http_deploy_outbound_log_t;


typedef struct {
    ngx_str_t                     name;
    size_t                        offset;
} ngx_http_deploy_outbound_header_t;


static ngx_http_request_t *ngx_http_deploy_outbound_request(
    ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_outbound_close(ngx_event_t *ev);
static u_char *ngx_http_deploy_outbound_log(ngx_log_t *log, u_char *buf,
    size_t len);
static ngx_int_t ngx_http_deploy_outbound_subrequest(ngx_http_request_t *r,
    ngx_http_deploy_outbound_t *out);
static ngx_int_t ngx_http_deploy_outbound_header(ngx_http_request_t *sr,
    ngx_deploy_header_t *header);
static ngx_int_t ngx_http_deploy_outbound_body(ngx_http_request_t *sr,
    ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_outbound_start(ngx_http_request_t *sr);
static ngx_int_t ngx_http_deploy_outbound_done(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_deploy_outbound_headers(ngx_http_deploy_outbound_t *out,
    ngx_http_request_t *sr);
static void ngx_http_deploy_outbound_times(ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_outbound_cleanup(void *data);
static void ngx_http_deploy_outbound_event(ngx_event_t *ev);
static ngx_int_t ngx_http_deploy_outbound_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_body_filter_pt  ngx_http_next_body_filter;


/* the headers of a reply that are kept */

static ngx_http_deploy_outbound_header_t
    ngx_http_deploy_outbound_kept[] = {

    { ngx_string("content-type"),
      offsetof(ngx_http_deploy_outbound_t, content_type) },

    { ngx_string("x-amzn-errortype"),
      offsetof(ngx_http_deploy_outbound_t, error_type) },

    { ngx_string("x-amzn-requestid"),
      offsetof(ngx_http_deploy_outbound_t, request_id) },

    { ngx_string("date"),
      offsetof(ngx_http_deploy_outbound_t, dates[0]) },

    { ngx_string("retry-after"),
      offsetof(ngx_http_deploy_outbound_t, dates[1]) },

    { ngx_string("x-amz-retry-after"),
      offsetof(ngx_http_deploy_outbound_t, dates[2]) },

    { ngx_null_string, 0 }
};


/*
 * The call is a subrequest, so that the stock proxy module does the work,
 * of a request that has no client: nobody's abort can touch it.
 */

ngx_int_t
ngx_http_deploy_outbound(ngx_http_deploy_outbound_t *out)
{
    const char          *reason;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (ngx_deploy_url_parse(&out->url, &out->parts, &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_log_error(NGX_LOG_ERR, out->log, 0,
                      "deploy cannot call \"%V\": the URL %s", &out->url,
                      reason);
        return NGX_ERROR;
    }

    if (out->dscf->loc_conf == NULL) {
        ngx_log_error(NGX_LOG_ALERT, out->log, 0,
                      "deploy cannot call \"%V\": no transport", &out->url);
        return NGX_ERROR;
    }

    out->date = -1;
    out->retry_after = -1;
    out->amz_retry_after = -1;
    out->event.handler = ngx_http_deploy_outbound_event;
    out->event.data = out;
    out->event.log = out->log;

    r = ngx_http_deploy_outbound_request(out);
    if (r == NULL) {
        return NGX_ERROR;
    }

    c = r->connection;

    if (ngx_http_deploy_outbound_subrequest(r, out) != NGX_OK) {
        out->request = NULL;
        out->done = 1;
        ngx_http_free_request(r, 0);
        ngx_http_close_connection(c);
        return NGX_ERROR;
    }

    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


static ngx_http_request_t *
ngx_http_deploy_outbound_request(ngx_http_deploy_outbound_t *out)
{
    ngx_log_t              *log;
    ngx_pool_t             *pool;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_pool_cleanup_t     *cln;
    struct sockaddr_in     *sin;
    ngx_http_connection_t  *hc;

    ngx_http_deploy_outbound_log_t  *ctx;

    c = ngx_get_connection(0, out->log);
    if (c == NULL) {
        return NULL;
    }

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    /* no descriptor: nothing is added to or deleted from epoll */

    c->fd = (ngx_socket_t) -2;
    c->shared = 1;
    c->read->active = 1;
    c->write->active = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? 1 : 0;
    c->write->ready = 1;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->read->handler = ngx_http_deploy_outbound_close;
    c->write->handler = ngx_http_deploy_outbound_close;

    pool = ngx_create_pool(1024, out->log);
    if (pool == NULL) {
        goto failed;
    }

    c->pool = pool;

    log = ngx_palloc(pool, sizeof(ngx_log_t));
    ctx = ngx_pcalloc(pool, sizeof(ngx_http_deploy_outbound_log_t));
    hc = ngx_pcalloc(pool, sizeof(ngx_http_connection_t));
    sin = ngx_pcalloc(pool, sizeof(struct sockaddr_in));
    c->buffer = ngx_create_temp_buf(pool, 1);

    if (log == NULL || ctx == NULL || hc == NULL || sin == NULL
        || c->buffer == NULL)
    {
        goto failed;
    }

    ctx->http.connection = c;
    ctx->out = out;

    *log = *out->log;
    log->connection = c->number;
    log->handler = ngx_http_deploy_outbound_log;
    log->data = ctx;
    log->action = "calling a service";

    c->log = log;
    c->pool->log = log;
    c->read->log = log;
    c->write->log = log;
    c->log_error = NGX_ERROR_INFO;

    sin->sin_family = AF_INET;

    c->sockaddr = (struct sockaddr *) sin;
    c->socklen = sizeof(struct sockaddr_in);
    c->local_sockaddr = c->sockaddr;
    c->local_socklen = c->socklen;
    ngx_str_set(&c->addr_text, "0.0.0.0");

    hc->conf_ctx = out->dscf->ctx;
    c->data = hc;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        goto failed;
    }

    c->data = r;
    r->logged = 1;
    r->valid_location = 1;
    r->uri_changes = 1;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        ngx_http_free_request(r, 0);
        goto failed;
    }

    cln->handler = ngx_http_deploy_outbound_cleanup;
    cln->data = out;

    out->request = r;

    return r;

failed:

    if (c->pool == NULL) {
        ngx_close_connection(c);

#if (NGX_STAT_STUB)
        (void) ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif

        return NULL;
    }

    ngx_http_close_connection(c);

    return NULL;
}


/* worker_shutdown_timeout is over: every connection is told to go */

static void
ngx_http_deploy_outbound_close(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        ngx_http_finalize_request(c->data, NGX_ERROR);
        ngx_http_run_posted_requests(c);
    }
}


static u_char *
ngx_http_deploy_outbound_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char                          *p;
    ngx_http_deploy_outbound_log_t  *ctx;

    ctx = log->data;
    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
    }

    return ngx_snprintf(p, len, ", calling \"%V\"",
                        &ctx->out->parts.authority);
}


static ngx_int_t
ngx_http_deploy_outbound_subrequest(ngx_http_request_t *r,
    ngx_http_deploy_outbound_t *out)
{
    ngx_uint_t                   i;
    ngx_http_request_t          *sr;
    ngx_http_post_subrequest_t  *ps;

    static ngx_str_t  uri = ngx_string("/");
    static ngx_str_t  get = ngx_string("GET");
    static ngx_str_t  post = ngx_string("POST");

    if (ngx_list_init(&r->headers_in.headers, r->pool, 8,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_deploy_outbound_done;
    ps->data = out;

    if (ngx_http_subrequest(r, &uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_IN_MEMORY
                            |NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out->subrequest = sr;

    /* a buffered reply is passed on to the request of the connection only */

    r->connection->data = sr;

    sr->method = out->method;
    sr->method_name = (out->method == NGX_HTTP_GET) ? get : post;
    sr->header_only = 0;

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    if (ngx_list_init(&sr->headers_in.headers, r->pool, 8,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < out->nheaders; i++) {
        if (ngx_http_deploy_outbound_header(sr, &out->headers[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    sr->headers_in.keep_alive_n = -1;

    if (ngx_http_deploy_outbound_body(sr, out) != NGX_OK) {
        return NGX_ERROR;
    }

    sr->loc_conf = out->dscf->loc_conf;
    ngx_http_update_location_config(sr);

    sr->write_event_handler = ngx_http_deploy_outbound_start;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_outbound_body(ngx_http_request_t *sr,
    ngx_http_deploy_outbound_t *out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    sr->headers_in.content_length_n = (out->method == NGX_HTTP_GET)
                                      ? -1 : (off_t) out->body.len;

    sr->request_body = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));
    if (sr->request_body == NULL) {
        return NGX_ERROR;
    }

    if (out->body.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(sr->pool);
    cl = ngx_alloc_chain_link(sr->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    /* a repeated send rewinds to start */

    b->memory = 1;
    b->start = out->body.data;
    b->pos = out->body.data;
    b->last = out->body.data + out->body.len;
    b->end = b->last;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    sr->request_body->bufs = cl;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_outbound_header(ngx_http_request_t *sr,
    ngx_deploy_header_t *header)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&sr->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.len = header->name.len;
    h->key.data = header->name.data;
    h->value.len = header->value.len;
    h->value.data = header->value.data;

    h->lowcase_key = ngx_pnalloc(sr->pool, h->key.len);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    /* the proxy module finds what it replaces by the hash */

    h->hash = ngx_hash_strlow(h->lowcase_key, h->key.data, h->key.len);

    return NGX_OK;
}


static void
ngx_http_deploy_outbound_start(ngx_http_request_t *sr)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(sr, ngx_http_core_module);

    sr->content_handler = clcf->handler;
    sr->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(sr, clcf->handler(sr));
}


/* may be called more than once, or never: then there is the cleanup */

static ngx_int_t
ngx_http_deploy_outbound_done(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_deploy_outbound_t *out = data;

    off_t                 length;
    ngx_http_upstream_t  *u;

    if (out->done) {
        return NGX_OK;
    }

    out->done = 1;

    u = sr->upstream;

    if (u) {
        out->sent = u->request_sent;
    }

    if (rc == NGX_HTTP_GATEWAY_TIME_OUT) {
        out->timedout = 1;

    } else if (rc == NGX_OK && u && u->headers_in.status_n) {

        out->status = u->headers_in.status_n;
        out->trusted = out->parts.https ? (u->ssl && u->conf->ssl_verify) : 1;

        length = u->headers_in.content_length_n;

        out->whole = (out->received <= out->max
                      && (length < 0 || (off_t) out->received == length)
                      && !sr->connection->error);

        ngx_http_deploy_outbound_headers(out, sr);
    }

    ngx_post_event(&out->event, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_http_deploy_outbound_headers(ngx_http_deploy_outbound_t *out,
    ngx_http_request_t *sr)
{
    ngx_str_t                          *dst;
    ngx_uint_t                          i;
    ngx_list_part_t                    *part;
    ngx_table_elt_t                    *h;
    ngx_http_deploy_outbound_header_t  *kept;

    part = &sr->upstream->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        for (kept = ngx_http_deploy_outbound_kept; kept->name.len; kept++) {

            if (h[i].key.len != kept->name.len
                || h[i].value.len > 256
                || ngx_strncasecmp(h[i].key.data, kept->name.data,
                                   kept->name.len)
                   != 0)
            {
                continue;
            }

            /* of several the first */

            dst = (ngx_str_t *) (void *) ((u_char *) out + kept->offset);

            if (dst->data == NULL) {
                dst->data = ngx_pstrdup(out->pool, &h[i].value);
                dst->len = dst->data ? h[i].value.len : 0;
            }
        }
    }

    ngx_http_deploy_outbound_times(out);
}


static void
ngx_http_deploy_outbound_times(ngx_http_deploy_outbound_t *out)
{
    time_t      at;
    ngx_int_t   n;
    ngx_str_t  *date, *after, *amz;

    date = &out->dates[0];
    after = &out->dates[1];
    amz = &out->dates[2];

    if (date->len) {
        out->date = ngx_parse_http_time(date->data, date->len);
    }

    if (amz->len) {
        out->amz_retry_after = ngx_atoi(amz->data, amz->len);
    }

    if (after->len == 0) {
        return;
    }

    n = ngx_atoi(after->data, after->len);

    if (n == NGX_ERROR) {

        /* a time of the clock that wrote Date */

        at = ngx_parse_http_time(after->data, after->len);

        if (at == (time_t) NGX_ERROR) {
            return;
        }

        n = at - ((out->date == (time_t) NGX_ERROR) ? ngx_time() : out->date);
    }

    if (n > 0) {
        out->retry_after = ngx_min(n, NGX_HTTP_DEPLOY_MAX_RETRY_AFTER);
    }
}


static void
ngx_http_deploy_outbound_cleanup(void *data)
{
    ngx_http_deploy_outbound_t *out = data;

    out->request = NULL;

    if (!out->done) {
        out->done = 1;

        /* terminated before the end: the outcome is unknown */

        out->sent = 1;
        ngx_post_event(&out->event, &ngx_posted_events);
    }
}


static void
ngx_http_deploy_outbound_event(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r;
    ngx_http_deploy_outbound_t  *out;

    out = ev->data;
    r = out->request;

    if (r) {
        c = r->connection;
        ngx_http_free_request(r, 0);
        ngx_http_close_connection(c);
    }

    out->handler(out);
}


ngx_uint_t
ngx_http_deploy_outbound_sent(ngx_http_deploy_outbound_t *out)
{
    if (out->done || out->subrequest == NULL) {
        return out->sent;
    }

    return out->subrequest->upstream
           && out->subrequest->upstream->request_sent;
}


ngx_http_deploy_outbound_t *
ngx_http_deploy_outbound_of(ngx_http_request_t *r)
{
    if (r == r->main
        || r->post_subrequest == NULL
        || r->post_subrequest->handler != ngx_http_deploy_outbound_done)
    {
        return NULL;
    }

    return r->post_subrequest->data;
}


/*
 * Takes the reply before it reaches the buffer of in-memory subrequests:
 * that one fails on an excess and takes the whole request with it.
 */

static ngx_int_t
ngx_http_deploy_outbound_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                       size, room;
    u_char                      *p;
    ngx_buf_t                   *b;
    ngx_http_deploy_outbound_t  *out;

    out = ngx_http_deploy_outbound_of(r);

    if (out == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {

        b = in->buf;

        if (!ngx_buf_in_memory(b)) {
            continue;
        }

        size = b->last - b->pos;
        room = (out->reply.len < out->max) ? out->max - out->reply.len : 0;

        out->received += size;

        if (room && size && !out->done) {
            size = ngx_min(size, room);

            /* replies come in a few pieces, most of them in one */

            p = ngx_pnalloc(out->pool, out->reply.len + size);
            if (p == NULL) {
                return NGX_ERROR;
            }

            if (out->reply.len) {
                ngx_memcpy(p, out->reply.data, out->reply.len);
            }

            ngx_memcpy(p + out->reply.len, b->pos, size);

            out->reply.data = p;
            out->reply.len += size;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


void
ngx_http_deploy_outbound_use(ngx_conf_t *cf)
{
    ngx_http_deploy_srv_conf_t  *dscf;

    dscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_deploy_module);
    dscf->used = 1;
}


ngx_int_t
ngx_http_deploy_outbound_init(ngx_conf_t *cf)
{
    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_deploy_outbound_filter;

    return NGX_OK;
}
