
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_metrics.h"


static ngx_int_t ngx_http_deploy_metrics_handler(ngx_http_request_t *r);
static void ngx_http_deploy_metrics_secret(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static ngx_deploy_secret_use_t *ngx_http_deploy_metrics_find(
    ngx_deploy_count_t key);
static void ngx_http_deploy_metrics_observe(ngx_deploy_histogram_t *h,
    ngx_msec_int_t msec);
static void ngx_http_deploy_metrics_name(char *dst, size_t size,
    ngx_str_t *name);

/* a counter is what atomic operations work on */

#define ngx_http_deploy_count(c, n)                                           \
    (void) ngx_atomic_fetch_add((ngx_atomic_t *) (c), n)


static ngx_uint_t             ngx_http_deploy_metrics_shared;
static ngx_deploy_metrics_t  *ngx_http_deploy_counters;


ngx_int_t
ngx_http_deploy_metrics_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_deploy_metrics_handler;

    return NGX_OK;
}


void
ngx_http_deploy_metrics_init_process(ngx_deploy_metrics_t *metrics,
    ngx_uint_t shared)
{
    ngx_http_deploy_counters = metrics;
    ngx_http_deploy_metrics_shared = shared;
}


ngx_deploy_metrics_t *
ngx_http_deploy_metrics(ngx_uint_t *shared)
{
    *shared = ngx_http_deploy_metrics_shared;

    return ngx_http_deploy_counters;
}


static ngx_int_t
ngx_http_deploy_metrics_handler(ngx_http_request_t *r)
{
    ngx_uint_t              verdict, provider;
    ngx_time_t             *tp;
    ngx_msec_int_t          msec;
    ngx_http_deploy_ctx_t  *ctx;
    ngx_deploy_metrics_t   *metrics;

    metrics = ngx_http_deploy_counters;
    ctx = ngx_http_deploy_get_ctx(r);

    if (metrics == NULL || ctx == NULL) {
        return NGX_OK;
    }

    /* the words of $deploy_verify: none, then those of the verdict */

    verdict = 0;

    if (ctx->verified) {
        verdict = 1 + ngx_min((ngx_uint_t) ctx->verdict,
                              NGX_DEPLOY_VERIFY_ERROR);
    }

    provider = ngx_deploy_metrics_provider(&ctx->provider,
                                           ctx->verifier ? ctx->verifier->name
                                                         : NULL);

    ngx_http_deploy_count(&metrics->requests[provider][verdict], 1);
    ngx_http_deploy_count(&metrics->deliveries[
                              ngx_deploy_metrics_status(ctx->result)], 1);

    tp = ngx_timeofday();
    msec = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                             + (tp->msec - r->start_msec));

    ngx_http_deploy_metrics_observe(&metrics->answer, msec);

    if (ctx->secret) {
        ngx_http_deploy_metrics_secret(r, ctx);
    }

    return NGX_OK;
}


static void
ngx_http_deploy_metrics_secret(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                  scheme, server, location;
    ngx_deploy_count_t         key;
    ngx_deploy_secret_use_t   *use;
    ngx_http_core_srv_conf_t  *cscf;
    ngx_http_core_loc_conf_t  *clcf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* what is shown the same is counted as the same */

    server = cscf->server_name;
    server.len = ngx_deploy_utf8_cut(server.data, server.len,
                                     NGX_DEPLOY_METRICS_NAME - 1);
    location = clcf->name;
    location.len = ngx_deploy_utf8_cut(location.data, location.len,
                                       NGX_DEPLOY_METRICS_NAME - 1);

    key = ngx_deploy_metrics_key(&server, &location, ctx->verifier->name,
                                 ctx->secret);

    use = ngx_http_deploy_metrics_find(key);
    if (use == NULL) {
        return;
    }

    /* written anew if who took the slot died before; all write the same */

    if (!use->named) {
        scheme.data = (u_char *) ctx->verifier->name;
        scheme.len = ngx_strlen(scheme.data);

        ngx_http_deploy_metrics_name(use->server, sizeof(use->server),
                                     &server);
        ngx_http_deploy_metrics_name(use->location, sizeof(use->location),
                                     &location);
        ngx_http_deploy_metrics_name(use->scheme, sizeof(use->scheme),
                                     &scheme);
        use->line = ctx->secret;
        use->used = ngx_time();

        ngx_memory_barrier();
        use->named = 1;
    }

    use->used = ngx_time();
    ngx_http_deploy_count(&use->count, 1);
}


/* a slot, taken when it is free; NULL: all of them are others' */

static ngx_deploy_secret_use_t *
ngx_http_deploy_metrics_find(ngx_deploy_count_t key)
{
    ngx_uint_t                i, n;
    ngx_deploy_count_t        found;
    ngx_deploy_secret_use_t  *use;

    n = key % NGX_DEPLOY_METRICS_SECRETS;

    for (i = 0; i < NGX_DEPLOY_METRICS_SECRETS; i++) {

        use = &ngx_http_deploy_counters->secrets[n];
        found = *(ngx_atomic_t *) &use->key;

        if (found == key
            || (found == 0
                && ngx_atomic_cmp_set((ngx_atomic_t *) &use->key, 0, key))
            || *(ngx_atomic_t *) &use->key == key)
        {
            return use;
        }

        n = (n + 1) % NGX_DEPLOY_METRICS_SECRETS;
    }

    return NULL;
}


static void
ngx_http_deploy_metrics_name(char *dst, size_t size, ngx_str_t *name)
{
    size_t  len;

    len = ngx_min(name->len, size - 1);

    ngx_memcpy(dst, name->data, len);
    dst[len] = '\0';
}


static void
ngx_http_deploy_metrics_observe(ngx_deploy_histogram_t *h, ngx_msec_int_t msec)
{
    /* the clock went back */

    msec = ngx_max(msec, 0);

    ngx_http_deploy_count(&h->buckets[ngx_deploy_metrics_bucket(msec)], 1);
    ngx_http_deploy_count(&h->sum, msec);
}


void
ngx_http_deploy_count_event(ngx_uint_t matched)
{
    if (ngx_http_deploy_counters) {
        ngx_http_deploy_count(&ngx_http_deploy_counters->events[matched], 1);
    }
}


void
ngx_http_deploy_count_build(ngx_deploy_metrics_build_e build)
{
    if (ngx_http_deploy_counters) {
        ngx_http_deploy_count(&ngx_http_deploy_counters->builds[build], 1);
    }
}


void
ngx_http_deploy_count_retry(void)
{
    if (ngx_http_deploy_counters) {
        ngx_http_deploy_count(&ngx_http_deploy_counters->retries, 1);
    }
}


void
ngx_http_deploy_count_start_build(ngx_msec_t msec)
{
    if (ngx_http_deploy_counters) {
        ngx_http_deploy_metrics_observe(
                                     &ngx_http_deploy_counters->start_build,
                                     (ngx_msec_int_t) msec);
    }
}


void
ngx_http_deploy_count_message(ngx_uint_t sent)
{
    if (ngx_http_deploy_counters) {
        ngx_http_deploy_count(&ngx_http_deploy_counters->messages[sent], 1);
    }
}
