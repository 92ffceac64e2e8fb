
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_sns.h"
#include "ngx_http_deploy_outbound.h"


#define NGX_HTTP_DEPLOY_CERTIFICATES  16
#define NGX_HTTP_DEPLOY_FETCHES       4      /* at a time */


struct ngx_http_deploy_certificate_s {
    ngx_str_t                       url;     /* empty: a free place */
    ngx_http_deploy_srv_conf_t     *dscf;    /* whose transport it came by */
    ngx_deploy_sns_certificate_t    certificate;
    ngx_msec_t                      used;

    ngx_queue_t                     queue;   /* that wait for it */
    ngx_http_deploy_outbound_t     *out;     /* while it is fetched */
    ngx_msec_t                      deadline;    /* for who waits */
};


static ngx_http_deploy_certificate_t *ngx_http_deploy_certificate_place(void);
static ngx_int_t ngx_http_deploy_certificate_fetch(ngx_http_request_t *r,
    ngx_http_deploy_certificate_t *c, ngx_str_t *url);
static void ngx_http_deploy_certificate_fetched(
    ngx_http_deploy_outbound_t *out);
static const char *ngx_http_deploy_certificate_read(
    ngx_http_deploy_certificate_t *c, ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_certificate_clear(
    ngx_http_deploy_certificate_t *c);


/*
 * SNS has one certificate for a region and a year or so; what strangers make
 * us fetch is no certificate and stays for no longer than the call
 */

static ngx_http_deploy_certificate_t
    ngx_http_deploy_certificates[NGX_HTTP_DEPLOY_CERTIFICATES];


const ngx_deploy_sns_certificate_t *
ngx_http_deploy_certificate_get(ngx_http_request_t *r, ngx_str_t *url,
    ngx_http_deploy_certificate_t **fetch)
{
    ngx_uint_t                      i;
    ngx_http_deploy_srv_conf_t     *dscf;
    ngx_http_deploy_certificate_t  *c;

    dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);

    *fetch = NULL;

    for (i = 0; i < NGX_HTTP_DEPLOY_CERTIFICATES; i++) {

        c = &ngx_http_deploy_certificates[i];

        if (c->url.len != url->len || c->dscf != dscf
            || ngx_memcmp(c->url.data, url->data, url->len) != 0)
        {
            continue;
        }

        if (c->out) {

            /* a call that hangs is not to be waited for */

            if ((ngx_msec_int_t) (c->deadline - ngx_current_msec) > 0) {
                *fetch = c;
                return NULL;
            }

            continue;
        }

        if (ngx_deploy_sns_certificate_valid(&c->certificate, ngx_time())) {
            c->used = ngx_current_msec;
            return &c->certificate;
        }

        ngx_http_deploy_certificate_clear(c);
    }

    c = ngx_http_deploy_certificate_place();

    if (c && ngx_http_deploy_certificate_fetch(r, c, url) == NGX_OK) {
        *fetch = c;
    }

    return NULL;
}


/* a free one, else the one that was not used for the longest time */

static ngx_http_deploy_certificate_t *
ngx_http_deploy_certificate_place(void)
{
    ngx_uint_t                      i, fetches;
    ngx_http_deploy_certificate_t  *c, *place;

    place = NULL;
    fetches = 0;

    for (i = 0; i < NGX_HTTP_DEPLOY_CERTIFICATES; i++) {

        c = &ngx_http_deploy_certificates[i];

        if (c->out) {
            fetches++;
            continue;
        }

        if (place == NULL
            || (place->url.len
                && (c->url.len == 0
                    || (ngx_msec_int_t) (c->used - place->used) < 0)))
        {
            place = c;
        }
    }

    return (fetches < NGX_HTTP_DEPLOY_FETCHES) ? place : NULL;
}


static ngx_int_t
ngx_http_deploy_certificate_fetch(ngx_http_request_t *r,
    ngx_http_deploy_certificate_t *c, ngx_str_t *url)
{
    ngx_pool_t                  *pool;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_deploy_loc_conf_t  *dlcf;
    ngx_http_deploy_outbound_t  *out;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    pool = ngx_create_pool(4096, clcf->error_log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    out = ngx_pcalloc(pool, sizeof(ngx_http_deploy_outbound_t));
    if (out == NULL) {
        goto failed;
    }

    out->pool = pool;
    out->log = clcf->error_log;
    out->dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);
    out->method = NGX_HTTP_GET;
    out->max = NGX_DEPLOY_SNS_MAX_CERTIFICATE;
    out->handler = ngx_http_deploy_certificate_fetched;
    out->data = c;

    out->url.len = url->len;
    out->url.data = ngx_pstrdup(pool, url);
    if (out->url.data == NULL) {
        goto failed;
    }

    /* a place is taken over when nothing can fail any more */

    if (ngx_http_deploy_outbound(out) != NGX_OK) {
        goto failed;
    }

    ngx_http_deploy_certificate_clear(c);

    c->url = out->url;
    c->dscf = out->dscf;
    c->out = out;
    c->deadline = ngx_current_msec + dlcf->timeout;

    ngx_queue_init(&c->queue);

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


void
ngx_http_deploy_certificate_wait(ngx_http_deploy_certificate_t *fetch,
    ngx_http_deploy_sns_t *sns)
{
    ngx_queue_insert_tail(&fetch->queue, &sns->queue);
}


static void
ngx_http_deploy_certificate_fetched(ngx_http_deploy_outbound_t *out)
{
    const char                     *reason;
    ngx_queue_t                     queue, *q;
    ngx_http_deploy_sns_t          *sns;
    ngx_http_deploy_certificate_t  *c;

    c = out->data;
    c->out = NULL;

    ngx_str_null(&c->url);

    reason = ngx_http_deploy_certificate_read(c, out);

    if (reason) {
        ngx_log_error(NGX_LOG_ERR, out->log, 0,
                      "deploy cannot have the certificate \"%V\": it %s, "
                      "status %ui", &out->url, reason, out->status);

        ngx_http_deploy_certificate_clear(c);
    }

    /* a request that goes on may take its certificate's place */

    ngx_queue_init(&queue);

    if (!ngx_queue_empty(&c->queue)) {
        ngx_queue_add(&queue, &c->queue);
    }

    for (q = ngx_queue_head(&queue);
         q != ngx_queue_sentinel(&queue);
         q = ngx_queue_next(q))
    {
        sns = ngx_queue_data(q, ngx_http_deploy_sns_t, queue);

        ngx_http_deploy_sns_verify(sns, reason ? NULL : &c->certificate);
    }

    ngx_destroy_pool(out->pool);

    /* and may close the connection of others that wait */

    while (!ngx_queue_empty(&queue)) {
        q = ngx_queue_head(&queue);
        sns = ngx_queue_data(q, ngx_http_deploy_sns_t, queue);

        ngx_queue_remove(q);
        sns->waiting = 0;

        ngx_http_deploy_gate_resume(sns->ctx);
    }
}


/* NULL, or what continues a sentence about the certificate */

static const char *
ngx_http_deploy_certificate_read(ngx_http_deploy_certificate_t *c,
    ngx_http_deploy_outbound_t *out)
{
    u_char      *p;
    const char  *reason;

    if (out->status == 0) {
        return out->timedout ? "did not come in time" : "was not reached";
    }

    if (out->status != NGX_HTTP_OK || !out->whole) {
        return "did not come";
    }

    if (!out->trusted) {
        return "may be anybody's, TLS is not verified";
    }

    if (ngx_deploy_sns_certificate(&c->certificate, out->reply.data,
                                   out->reply.len, &reason)
        != NGX_DEPLOY_OK)
    {
        return reason;
    }

    if (!ngx_deploy_sns_certificate_valid(&c->certificate, ngx_time())) {
        return "is not valid at this time";
    }

    p = ngx_alloc(out->url.len, out->log);
    if (p == NULL) {
        return "cannot be kept";
    }

    ngx_memcpy(p, out->url.data, out->url.len);

    c->url.data = p;
    c->url.len = out->url.len;
    c->used = ngx_current_msec;

    return NULL;
}


static void
ngx_http_deploy_certificate_clear(ngx_http_deploy_certificate_t *c)
{
    if (c->url.len) {
        ngx_free(c->url.data);
        ngx_str_null(&c->url);
    }

    ngx_deploy_sns_certificate_free(&c->certificate);
}


void
ngx_http_deploy_certificate_free(void)
{
    ngx_uint_t                      i;
    ngx_http_deploy_certificate_t  *c;

    for (i = 0; i < NGX_HTTP_DEPLOY_CERTIFICATES; i++) {

        c = &ngx_http_deploy_certificates[i];

        if (c->out == NULL) {
            ngx_http_deploy_certificate_clear(c);
        }
    }
}
