
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_status.h"
#include "ngx_http_deploy_credentials.h"
#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_retry.h"
#include "ngx_deploy_html.h"
#include "ngx_deploy_text.h"


#define NGX_HTTP_DEPLOY_STATUS_LIMIT  50
#define NGX_HTTP_DEPLOY_STATUS_MAX    100


/* a question to the store, which outlives the request that asks */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_http_request_t          *request;    /* NULL: it has gone */
    ngx_deploy_media_as_e        as;
    ngx_http_deploy_store_op_t   op;
} ngx_http_deploy_status_t;


static ngx_int_t ngx_http_deploy_status_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_deploy_status_action(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_status_origin(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_status_ask(ngx_http_request_t *r,
    ngx_uint_t action, ngx_deploy_media_as_e as);
static ngx_int_t ngx_http_deploy_status_format(ngx_http_request_t *r,
    ngx_deploy_media_as_e *as);
static ngx_int_t ngx_http_deploy_status_find(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status);
static ngx_uint_t ngx_http_deploy_status_word(ngx_str_t *word);
static ngx_int_t ngx_http_deploy_status_redeliver(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status);
static ngx_int_t ngx_http_deploy_status_arg(ngx_http_request_t *r,
    ngx_pool_t *pool, const char *name, ngx_str_t *value);
static void ngx_http_deploy_status_cleanup(void *data);
static void ngx_http_deploy_status_done(ngx_http_deploy_store_op_t *op);
static ngx_int_t ngx_http_deploy_status_answer(ngx_http_request_t *r,
    ngx_deploy_media_as_e as, ngx_deploy_store_status_t *op);
static int ngx_http_deploy_status_page(ngx_http_request_t *r,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json, ngx_str_t *text);
static int ngx_http_deploy_status_uri(ngx_http_request_t *r,
    ngx_deploy_pool_t *pool, const char *path, ngx_str_t *uri);
static ngx_int_t ngx_http_deploy_status_redelivered(ngx_http_request_t *r,
    ngx_deploy_media_as_e as, ngx_deploy_store_redeliver_t *redeliver);
static ngx_int_t ngx_http_deploy_status_back(ngx_http_request_t *r,
    ngx_str_t *id);
static ngx_int_t ngx_http_deploy_status_send(ngx_http_request_t *r,
    ngx_deploy_media_as_e as, ngx_str_t *text);
static ngx_int_t ngx_http_deploy_status_header(ngx_http_request_t *r,
    const char *name, const char *value);


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
    ngx_deploy_media_as_e         as;
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

    if (r != r->main || (action && dmcf->store == NULL)) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (ngx_http_deploy_status_format(r, &as) != NGX_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (dmcf->store == NULL) {
        return ngx_http_deploy_status_answer(r, as, NULL);
    }

    rc = ngx_http_deploy_status_ask(r, action, as);

    if (rc == NGX_BUSY) {
        return action ? NGX_HTTP_SERVICE_UNAVAILABLE
                      : ngx_http_deploy_status_answer(r, as, NULL);
    }

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


/* NGX_DONE, NGX_BUSY or what the request is to be finalized with */

static ngx_int_t
ngx_http_deploy_status_ask(ngx_http_request_t *r, ngx_uint_t action,
    ngx_deploy_media_as_e as)
{
    ngx_int_t                  rc;
    ngx_pool_t                *pool;
    ngx_pool_cleanup_t        *cln;
    ngx_http_deploy_status_t  *status;

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
    status->as = as;
    status->op.handler = ngx_http_deploy_status_done;
    status->op.data = status;

    rc = action ? ngx_http_deploy_status_redeliver(r, status)
                : ngx_http_deploy_status_find(r, status);

    if (rc != NGX_OK) {
        goto failed;
    }

    if (ngx_http_deploy_store_post(&status->op) != NGX_OK) {
        rc = NGX_BUSY;
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


/* the argument, else what the client likes best */

static ngx_int_t
ngx_http_deploy_status_format(ngx_http_request_t *r, ngx_deploy_media_as_e *as)
{
    ngx_str_t         value;
    ngx_deploy_str_t  accept;

    static ngx_deploy_str_t  name = ngx_deploy_string("accept");

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        if (ngx_deploy_str_is(&value, "json")) {
            *as = NGX_DEPLOY_MEDIA_AS_JSON;
            return NGX_OK;
        }

        if (ngx_deploy_str_is(&value, "html")) {
            *as = NGX_DEPLOY_MEDIA_AS_HTML;
            return NGX_OK;
        }

        if (ngx_deploy_str_is(&value, "prometheus")) {
            *as = NGX_DEPLOY_MEDIA_AS_PROMETHEUS;
            return NGX_OK;
        }

        return NGX_DECLINED;
    }

    ngx_str_null(&accept);

    (void) ngx_http_deploy_get_header(r, &name, &accept);

    *as = ngx_deploy_media_accept(&accept);

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_status_find(ngx_http_request_t *r,
    ngx_http_deploy_status_t *status)
{
    ngx_int_t                   n;
    ngx_str_t                   value;
    ngx_deploy_store_status_t  *op;

    status->op.op.type = NGX_DEPLOY_STORE_STATUS;

    /* metrics are numbers alone */

    if (status->as == NGX_DEPLOY_MEDIA_AS_PROMETHEUS
        || status->as == NGX_DEPLOY_MEDIA_AS_OPENMETRICS)
    {
        return NGX_OK;
    }

    op = &status->op.op.u.status;
    op->find.max = NGX_HTTP_DEPLOY_STATUS_LIMIT;

    if (ngx_http_deploy_status_arg(r, status->pool, "delivery", &op->find.id)
        == NGX_ERROR
        || ngx_http_deploy_status_arg(r, status->pool, "build",
                                      &op->find.build)
           == NGX_ERROR
        || ngx_http_deploy_status_arg(r, status->pool, "project",
                                      &op->project)
           == NGX_ERROR
        || ngx_http_deploy_status_arg(r, status->pool, "status", &op->status)
           == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (op->status.data && !ngx_http_deploy_status_word(&op->status)) {
        return NGX_HTTP_BAD_REQUEST;
    }

    /* an id finds what it finds */

    if (op->find.id.data || op->find.build.data) {
        op->details = 1;
        ngx_str_null(&op->project);
        ngx_str_null(&op->status);
    }

    if (ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK) {
        n = ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n < 1 || n > NGX_HTTP_DEPLOY_STATUS_MAX) {
            return NGX_HTTP_BAD_REQUEST;
        }

        op->find.max = n;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_deploy_status_word(ngx_str_t *word)
{
    const char  **w;

    static const char  *words[] = {
        "queued", "starting", "started", "failed", "ignored", "dry_run",
        "in_progress", "succeeded", "stopped", "timed_out", "fault", NULL
    };

    for (w = words; *w; w++) {
        if (ngx_deploy_str_is(word, *w)) {
            return 1;
        }
    }

    return 0;
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

    if (op->op.type == NGX_DEPLOY_STORE_STATUS) {
        rc = ngx_http_deploy_status_answer(r, status->as,
                                           (op->op.rc == NGX_DEPLOY_ERROR)
                                           ? NULL : &op->op.u.status);

    } else {
        rc = (op->op.rc == NGX_DEPLOY_ERROR)
             ? ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "failed",
                                           "the store does not work")
             : ngx_http_deploy_status_redelivered(r, status->as,
                                                  &op->op.u.redeliver);
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


/* with a store that does not work all else is told, with 503 for people */

static ngx_int_t
ngx_http_deploy_status_answer(ngx_http_request_t *r, ngx_deploy_media_as_e as,
    ngx_deploy_store_status_t *op)
{
    int                           rc;
    ngx_str_t                     text;
    ngx_uint_t                    shared;
    ngx_array_t                   credentials;
    ngx_deploy_pool_t             pool;
    ngx_deploy_json_t            *json;
    ngx_deploy_gauges_t           gauges;
    ngx_deploy_metrics_t         *metrics;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (ngx_array_init(&credentials, r->pool, 4,
                       sizeof(ngx_deploy_credential_t))
        != NGX_OK
        || ngx_http_deploy_credentials_list(r->pool, &credentials) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    metrics = ngx_http_deploy_metrics(&shared);
    pool = ngx_http_deploy_pool(r->pool);

    ngx_memzero(&gauges, sizeof(ngx_deploy_gauges_t));

    ngx_str_set(&gauges.nginx, NGINX_VERSION);
    gauges.shared = shared;
    gauges.credentials = credentials.elts;
    gauges.ncredentials = credentials.nelts;
    gauges.store = (dmcf->store == NULL) ? -1 : (op != NULL);

    if (op) {
        gauges.queued = op->queued;
        gauges.starting = op->starting;
        gauges.oldest = op->oldest;
        gauges.size = op->size;
    }

    r->headers_out.status = NGX_HTTP_OK;

    if (as == NGX_DEPLOY_MEDIA_AS_PROMETHEUS
        || as == NGX_DEPLOY_MEDIA_AS_OPENMETRICS)
    {
        rc = ngx_deploy_metrics_text(&pool, metrics, &gauges,
                                     as == NGX_DEPLOY_MEDIA_AS_OPENMETRICS,
                                     &text);
        return (rc == NGX_DEPLOY_OK)
               ? ngx_http_deploy_status_send(r, as, &text)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (gauges.store == 0) {
        r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    json = ngx_http_deploy_status_json(r->pool, op, metrics, &gauges);

    rc = (json == NULL) ? NGX_DEPLOY_ERROR
         : (as == NGX_DEPLOY_MEDIA_AS_HTML)
               ? ngx_http_deploy_status_page(r, &pool, json, &text)
               : ngx_deploy_json_dump(json, &pool, &text);

    ngx_deploy_json_free(json);

    return (rc == NGX_DEPLOY_OK)
           ? ngx_http_deploy_status_send(r, as, &text)
           : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the page, with the headers that keep it to itself */

static int
ngx_http_deploy_status_page(ngx_http_request_t *r, ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json, ngx_str_t *text)
{
    ngx_str_t               policy;
    ngx_time_t             *tp;
    ngx_deploy_html_view_t  view;

    tp = ngx_timeofday();

    view.now = (int64_t) tp->sec * 1000 + tp->msec;

    /* with "no-referrer" a browser would not tell the origin of a form */

    if (ngx_http_deploy_status_uri(r, pool, "/redeliver", &view.action)
        == NGX_DEPLOY_ERROR
        || ngx_deploy_html_policy(pool, &policy) != NGX_DEPLOY_OK
        || ngx_http_deploy_status_header(r, "Content-Security-Policy",
                                         (char *) policy.data)
           != NGX_OK
        || ngx_http_deploy_status_header(r, "Referrer-Policy", "same-origin")
           != NGX_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_html_page(pool, json, &view, text);
}


/*
 * What is below the location, escaped, with its NUL not counted; absent when
 * that is no prefix.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */

static int
ngx_http_deploy_status_uri(ngx_http_request_t *r, ngx_deploy_pool_t *pool,
    const char *path, ngx_str_t *uri)
{
    ngx_str_t                  part;
    ngx_uint_t                 i, first;
    ngx_deploy_text_t          text;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_str_null(uri);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->exact_match || clcf->noname || clcf->named || clcf->regex
        || clcf->name.len == 0 || clcf->name.data[0] != '/')
    {
        return NGX_DEPLOY_OK;
    }

    ngx_deploy_text_init(&text, pool);

    for (i = 1, first = 1; i <= clcf->name.len; i++) {

        if (i < clcf->name.len && clcf->name.data[i] != '/') {
            continue;
        }

        part.data = clcf->name.data + first;
        part.len = i - first;

        if (part.len) {
            ngx_deploy_text_put(&text, "/");
            ngx_deploy_text_uri(&text, &part);
        }

        first = i + 1;
    }

    /* the slash of "/deploys/" is a part of the location */

    if (path[0] == '?' && clcf->name.data[clcf->name.len - 1] == '/') {
        ngx_deploy_text_put(&text, "/");
    }

    ngx_deploy_text_put(&text, path);

    return ngx_deploy_text_end(&text, uri);
}


static ngx_int_t
ngx_http_deploy_status_redelivered(ngx_http_request_t *r,
    ngx_deploy_media_as_e as, ngx_deploy_store_redeliver_t *redeliver)
{
    ngx_deploy_json_t  *json;

    if (redeliver->delivery == NULL) {
        return ngx_http_deploy_answer_text(r, NGX_HTTP_NOT_FOUND, "failed",
                                           "no such delivery");
    }

    if (redeliver->delivery->nbuilds == 0) {
        return ngx_http_deploy_answer_text(r, NGX_HTTP_CONFLICT, "failed",
                                           "the delivery has no builds");
    }

    if (as == NGX_DEPLOY_MEDIA_AS_HTML) {
        return ngx_http_deploy_status_back(r, &redeliver->id);
    }

    json = ngx_http_deploy_status_redelivered_json(r->pool, redeliver);

    if (json == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_send(r, redeliver->queued ? NGX_HTTP_ACCEPTED
                                                     : NGX_HTTP_OK,
                                json);
}


/* a form is followed by the page that it was on */

static ngx_int_t
ngx_http_deploy_status_back(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_str_t          uri;
    ngx_deploy_pool_t  pool;
    ngx_deploy_text_t  text;

    pool = ngx_http_deploy_pool(r->pool);

    if (ngx_http_deploy_status_uri(r, &pool, "?delivery=", &uri)
        != NGX_DEPLOY_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_deploy_text_init(&text, &pool);

    /* a location that is no prefix has the action nonetheless */

    if (uri.len == 0) {
        ngx_deploy_text_put(&text, "?delivery=");
    }

    ngx_deploy_text_add(&text, uri.data, uri.len);
    ngx_deploy_text_uri(&text, id);
    ngx_deploy_text_add(&text, (u_char *) "", 1);

    if (ngx_deploy_text_end(&text, &uri) != NGX_DEPLOY_OK
        || ngx_http_deploy_status_header(r, "Location", (char *) uri.data)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_SEE_OTHER;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


/* r->headers_out.status is set */

static ngx_int_t
ngx_http_deploy_status_send(ngx_http_request_t *r, ngx_deploy_media_as_e as,
    ngx_str_t *text)
{
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t   out;

    static ngx_str_t  types[] = {
        ngx_string("application/json"),
        ngx_string("text/html; charset=utf-8"),
        ngx_string("text/plain; version=0.0.4; charset=utf-8"),
        ngx_string("application/openmetrics-text; version=1.0.0; "
                   "charset=utf-8")
    };

    if (ngx_http_deploy_status_header(r, "Cache-Control", "no-store")
        != NGX_OK
        || ngx_http_deploy_status_header(r, "Vary", "Accept") != NGX_OK
        || ngx_http_deploy_status_header(r, "X-Content-Type-Options",
                                         "nosniff")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (as == NGX_DEPLOY_MEDIA_AS_JSON) {
        return ngx_http_deploy_answer_body(r, text);
    }

    r->headers_out.content_type = types[as];
    r->headers_out.content_type_len = ngx_strchr(types[as].data, ';')
                                      - (char *) types[as].data;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.content_length_n = text->len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_deploy_status_header(ngx_http_request_t *r, const char *name,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = ngx_strlen(value);
    h->value.data = (u_char *) value;

    return NGX_OK;
}
