
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_status.h"
#include "ngx_http_deploy_retry.h"


#define NGX_HTTP_DEPLOY_STATUS_LIMIT  20
#define NGX_HTTP_DEPLOY_STATUS_MAX    100
#define NGX_HTTP_DEPLOY_STATUS_JSON   (1024 * 1024)


/* a question to the store, which outlives the request that asks */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_http_request_t          *request;    /* NULL: it has gone */
    ngx_http_deploy_store_op_t   op;
} ngx_http_deploy_status_t;


static ngx_int_t ngx_http_deploy_status_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_deploy_status_action(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_status_origin(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_status_find(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status);
static ngx_int_t ngx_http_deploy_status_redeliver(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status);
static ngx_int_t ngx_http_deploy_status_arg(ngx_http_request_t *r,
    ngx_pool_t *pool, const char *name, ngx_str_t *value);
static void ngx_http_deploy_status_cleanup(void *data);
static void ngx_http_deploy_status_done(ngx_http_deploy_store_op_t *op);
static ngx_int_t ngx_http_deploy_status_list(ngx_http_request_t *r,
    ngx_deploy_store_find_t *find);
static ngx_int_t ngx_http_deploy_status_redelivered(ngx_http_request_t *r,
    ngx_deploy_store_redeliver_t *redeliver);
static ngx_deploy_json_t *ngx_http_deploy_status_delivery(
    ngx_deploy_store_delivery_t *d);
static ngx_deploy_json_t *ngx_http_deploy_status_build(
    ngx_deploy_store_build_t *b);
static ngx_deploy_json_t *ngx_http_deploy_status_text(ngx_str_t *text);
static ngx_deploy_json_t *ngx_http_deploy_status_time(int64_t msec);


char *
ngx_http_deploy_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (clcf->handler) {
        return "is in a location that has another handler";
    }

    clcf->handler = ngx_http_deploy_status_handler;

    dmcf->used = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_deploy_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                     rc;
    ngx_uint_t                    action;
    ngx_pool_t                   *pool;
    ngx_pool_cleanup_t           *cln;
    ngx_http_deploy_status_t     *status;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);
    action = ngx_http_deploy_status_action(r);

    if (action ? r->method != NGX_HTTP_POST
               : !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)))
    {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (action && ngx_http_deploy_status_origin(r) != NGX_OK) {
        return NGX_HTTP_FORBIDDEN;
    }

    if (dmcf->store == NULL || r != r->main) {
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status = ngx_pcalloc(pool, sizeof(ngx_http_deploy_status_t));
    if (status == NULL) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        goto failed;
    }

    status->pool = pool;
    status->op.handler = ngx_http_deploy_status_done;
    status->op.data = status;

    rc = action ? ngx_http_deploy_status_redeliver(r, status)
                : ngx_http_deploy_status_find(r, status);

    if (rc != NGX_OK) {
        goto failed;
    }

    if (ngx_http_deploy_store_post(&status->op) != NGX_OK) {
        rc = NGX_HTTP_SERVICE_UNAVAILABLE;
        goto failed;
    }

    status->request = r;

    cln->handler = ngx_http_deploy_status_cleanup;
    cln->data = status;

    r->main->count++;

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;

failed:

    ngx_destroy_pool(pool);

    return rc;
}


/* 1 when the last part of the URI is an action */

static ngx_uint_t
ngx_http_deploy_status_action(ngx_http_request_t *r)
{
    size_t  len;

    len = sizeof("/redeliver") - 1;

    return r->uri.len >= len
           && ngx_strncmp(r->uri.data + r->uri.len - len, "/redeliver", len)
              == 0;
}


/* a page of another site may make a browser send a form, but it tells so */

static ngx_int_t
ngx_http_deploy_status_origin(ngx_http_request_t *r)
{
    u_char            *p;
    ngx_str_t          host;
    ngx_deploy_str_t   origin, site;

    static ngx_deploy_str_t  origin_name = ngx_deploy_string("origin");
    static ngx_deploy_str_t  site_name = ngx_deploy_string("sec-fetch-site");

    if (ngx_http_deploy_get_header(r, &site_name, &site)
        && !ngx_deploy_str_is_nocase(&site, "same-origin")
        && !ngx_deploy_str_is_nocase(&site, "none"))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_deploy_get_header(r, &origin_name, &origin) == 0) {
        return NGX_OK;
    }

    p = ngx_strlchr(origin.data, origin.data + origin.len, ':');

    if (p == NULL || r->headers_in.host == NULL
        || origin.data + origin.len - p < 3)
    {
        return NGX_DECLINED;
    }

    p += 3;

    host.data = p;
    host.len = origin.data + origin.len - p;

    return (host.len == r->headers_in.host->value.len
            && ngx_strncasecmp(host.data, r->headers_in.host->value.data,
                               host.len)
               == 0)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_deploy_status_find(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status)
{
    ngx_int_t                 n;
    ngx_str_t                 value;
    ngx_deploy_store_find_t  *find;

    status->op.op.type = NGX_DEPLOY_STORE_FIND;

    find = &status->op.op.u.find;
    find->max = NGX_HTTP_DEPLOY_STATUS_LIMIT;

    if (ngx_http_deploy_status_arg(r, status->pool, "delivery", &find->id)
        == NGX_ERROR
        || ngx_http_deploy_status_arg(r, status->pool, "build", &find->build)
           == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n < 1 || n > NGX_HTTP_DEPLOY_STATUS_MAX) {
            return NGX_HTTP_BAD_REQUEST;
        }

        find->max = n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_status_redeliver(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status)
{
    ngx_int_t                      rc;
    ngx_deploy_store_redeliver_t  *redeliver;

    status->op.op.type = NGX_DEPLOY_STORE_REDELIVER;

    redeliver = &status->op.op.u.redeliver;

    rc = ngx_http_deploy_status_arg(r, status->pool, "delivery",
                                    &redeliver->id);

    return (rc == NGX_OK) ? NGX_OK
           : (rc == NGX_DECLINED) ? NGX_HTTP_BAD_REQUEST
                                  : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* an argument, not empty, decoded: NGX_OK, NGX_DECLINED, NGX_ERROR */

static ngx_int_t
ngx_http_deploy_status_arg(ngx_http_request_t *r, ngx_pool_t *pool,
    const char *name, ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   arg;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) != NGX_OK
        || arg.len == 0)
    {
        return NGX_DECLINED;
    }

    value->data = ngx_pstrdup(pool, &arg);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    dst = value->data;
    src = value->data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


static void
ngx_http_deploy_status_cleanup(void *data)
{
    ngx_http_deploy_status_t *status = data;

    status->request = NULL;
}


static void
ngx_http_deploy_status_done(ngx_http_deploy_store_op_t *op)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_pool_cleanup_t        *cln;
    ngx_http_deploy_status_t  *status;

    status = op->data;
    r = status->request;

    if (op->op.type == NGX_DEPLOY_STORE_REDELIVER
        && op->op.rc == NGX_DEPLOY_OK && op->op.u.redeliver.queued)
    {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "deploy redelivers \"%V\", %ui builds",
                      &op->op.u.redeliver.id,
                      (ngx_uint_t) op->op.u.redeliver.queued);

        ngx_http_deploy_retry_soon(0);
    }

    if (r == NULL) {
        ngx_destroy_pool(status->pool);
        return;
    }

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (op->op.rc == NGX_DEPLOY_ERROR) {
        rc = ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "failed", "the store does not work");

    } else {
        rc = (op->op.type == NGX_DEPLOY_STORE_FIND)
             ? ngx_http_deploy_status_list(r, &op->op.u.find)
             : ngx_http_deploy_status_redelivered(r, &op->op.u.redeliver);
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->data == status) {
            cln->handler = NULL;
        }
    }

    ngx_destroy_pool(status->pool);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_deploy_status_list(ngx_http_request_t *r,
    ngx_deploy_store_find_t *find)
{
    int                 rc;
    size_t              i;
    ngx_deploy_json_t  *json, *array;

    json = ngx_deploy_json_object();
    array = ngx_deploy_json_array();

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < find->n; i++) {
        rc |= ngx_deploy_json_append(array,
                       ngx_http_deploy_status_delivery(&find->deliveries[i]));
    }

    rc |= ngx_deploy_json_set(json, "active",
                              ngx_deploy_json_int(find->active));
    rc |= ngx_deploy_json_set(json, "deliveries", array);

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_send(r, NGX_HTTP_OK, json);
}


static ngx_int_t
ngx_http_deploy_status_redelivered(ngx_http_request_t *r,
    ngx_deploy_store_redeliver_t *redeliver)
{
    int                           rc;
    size_t                        i;
    ngx_deploy_json_t            *json, *array;
    ngx_deploy_store_delivery_t  *d;

    d = redeliver->delivery;

    if (d == NULL) {
        return ngx_http_deploy_answer_text(r, NGX_HTTP_NOT_FOUND, "failed",
                                           "no such delivery");
    }

    if (d->nbuilds == 0) {
        return ngx_http_deploy_answer_text(r, NGX_HTTP_CONFLICT, "failed",
                                           "the delivery has no builds");
    }

    json = ngx_deploy_json_object();
    array = ngx_deploy_json_array();

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < d->nbuilds; i++) {
        rc |= ngx_deploy_json_append(array,
                                  ngx_http_deploy_status_build(&d->builds[i]));
    }

    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                   redeliver->queued ? "queued"
                                                     : "duplicate"));
    rc |= ngx_deploy_json_set_str(json, "delivery", &d->id);
    rc |= ngx_deploy_json_set(json, "builds", array);

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_send(r, redeliver->queued ? NGX_HTTP_ACCEPTED
                                                     : NGX_HTTP_OK,
                                json);
}


static ngx_deploy_json_t *
ngx_http_deploy_status_delivery(ngx_deploy_store_delivery_t *d)
{
    int                 rc;
    size_t              i;
    ngx_deploy_json_t  *json, *array;

    json = ngx_deploy_json_object();
    array = ngx_deploy_json_array();

    rc = ngx_deploy_json_set_str(json, "delivery", &d->id);
    rc |= ngx_deploy_json_set(json, "received",
                              ngx_http_deploy_status_time(d->received));
    rc |= ngx_deploy_json_set_str(json, "provider", &d->provider);
    rc |= ngx_deploy_json_set_str(json, "scheme", &d->scheme);
    rc |= ngx_deploy_json_set_str(json, "server", &d->server);
    rc |= ngx_deploy_json_set_str(json, "location", &d->location);
    rc |= ngx_deploy_json_set(json, "events",
                              ngx_http_deploy_status_text(&d->events));

    for (i = 0; i < d->nbuilds; i++) {
        rc |= ngx_deploy_json_append(array,
                                  ngx_http_deploy_status_build(&d->builds[i]));
    }

    rc |= ngx_deploy_json_set(json, "builds", array);

    rc |= ngx_deploy_json_set(json, "rules",
                              ngx_http_deploy_status_text(&d->rules));

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NULL;
    }

    return json;
}


static ngx_deploy_json_t *
ngx_http_deploy_status_build(ngx_deploy_store_build_t *b)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    static const char  *states[] = {
        "queued", "starting", "started", "failed"
    };

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "project", &b->project);
    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                  (b->state <= NGX_DEPLOY_STORE_FAILED)
                                  ? states[b->state] : "unknown"));
    rc |= ngx_deploy_json_set(json, "event", ngx_deploy_json_int(b->event));
    rc |= ngx_deploy_json_set(json, "run", ngx_deploy_json_int(b->run));
    rc |= ngx_deploy_json_set(json, "since",
                              ngx_http_deploy_status_time(b->since));
    rc |= ngx_deploy_json_set(json, "attempts",
                              ngx_deploy_json_int(b->attempts));

    if (b->due) {
        rc |= ngx_deploy_json_set(json, "due",
                                  ngx_http_deploy_status_time(b->due));
    }

    rc |= ngx_deploy_json_set_str(json, "error", &b->error);
    rc |= ngx_deploy_json_set_str(json, "message", &b->message);
    rc |= ngx_deploy_json_set_str(json, "id", &b->id);

    if (b->number >= 0) {
        rc |= ngx_deploy_json_set(json, "number",
                                  ngx_deploy_json_int(b->number));
    }

    rc |= ngx_deploy_json_set_str(json, "url", &b->url);
    rc |= ngx_deploy_json_set_str(json, "build_status", &b->status);

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NULL;
    }

    return json;
}


/* what was written as JSON, an empty array when it cannot be read */

static ngx_deploy_json_t *
ngx_http_deploy_status_text(ngx_str_t *text)
{
    const char         *reason;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(text->data, text->len,
                                 NGX_HTTP_DEPLOY_STATUS_JSON, &reason);

    return json ? json : ngx_deploy_json_array();
}


/* as RFC 3339 has it */

static ngx_deploy_json_t *
ngx_http_deploy_status_time(int64_t msec)
{
    ngx_tm_t   tm;
    ngx_str_t  s;
    u_char     buf[sizeof("9999999999-12-31T23:59:59.999Z")];

    ngx_gmtime((time_t) (msec / 1000), &tm);

    s.data = buf;
    s.len = ngx_snprintf(buf, sizeof(buf),
                         "%4d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                         tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                         tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                         (int) (msec % 1000))
            - buf;

    return ngx_deploy_json_str(&s);
}
