
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"
#include "ngx_deploy_work.h"


#define NGX_HTTP_DEPLOY_KEYS  8
#define NGX_HTTP_DEPLOY_CREDENTIALS_LIMIT  10000     /* ms */


typedef struct {
    ngx_str_t                region;
    ngx_deploy_sigv4_key_t   key;
} ngx_http_deploy_key_t;


static ngx_int_t ngx_http_deploy_getenv(ngx_conf_t *cf, const char *name,
    ngx_str_t *value);


/* the worker's, not the configuration's: nothing of it outlives a worker */

static ngx_pool_t                *ngx_http_deploy_credentials_pool;
static ngx_deploy_work_set_t      ngx_http_deploy_credentials;
static ngx_uint_t                 ngx_http_deploy_credentials_valid;

static ngx_http_deploy_key_t      ngx_http_deploy_keys[NGX_HTTP_DEPLOY_KEYS];
static ngx_uint_t                 ngx_http_deploy_nkeys;


ngx_int_t
ngx_http_deploy_credentials_environment(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 0; i < NGX_DEPLOY_WORK_NENV; i++) {

        if (ngx_http_deploy_getenv(cf, ngx_deploy_work_env_names[i], &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        dmcf->aws[i] = (char *) value.data;

        if (i == NGX_DEPLOY_WORK_REGION) {
            dmcf->region = value;
        }

        if (i == NGX_DEPLOY_WORK_ENDPOINT_CODEBUILD) {
            dmcf->endpoint = value;
        }
    }

    if (dmcf->endpoint.len
        && ngx_http_deploy_check_endpoint(&dmcf->endpoint) != NGX_CONF_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "AWS_ENDPOINT_URL_CODEBUILD \"%V\" is ignored: it is "
                      "not https://host", &dmcf->endpoint);
        dmcf->endpoint.len = 0;
    }

    return NGX_OK;
}


/* a copy: workers get an environment without these; empty is unset */

static ngx_int_t
ngx_http_deploy_getenv(ngx_conf_t *cf, const char *name, ngx_str_t *value)
{
    char  *s;

    ngx_str_null(value);

    s = getenv(name);

    if (s == NULL || *s == '\0') {
        return NGX_OK;
    }

    value->len = ngx_strlen(s);
    value->data = ngx_pnalloc(cf->pool, value->len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, s, value->len + 1);

    return NGX_OK;
}


/* before the worker's first event, so that a read may block */

void
ngx_http_deploy_credentials_load(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_deploy_pool_t          pool;
    ngx_deploy_work_source_t   source;

    ngx_http_deploy_credentials_valid = 0;

    if (ngx_deploy_work_init() != NGX_DEPLOY_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "deploy credentials: libcurl cannot be initialized");
        return;
    }

    ngx_http_deploy_credentials_pool = ngx_create_pool(4096, cycle->log);
    if (ngx_http_deploy_credentials_pool == NULL) {
        return;
    }

    pool = ngx_http_deploy_pool(ngx_http_deploy_credentials_pool);

    ngx_memzero(&source, sizeof(ngx_deploy_work_source_t));
    ngx_memcpy(source.env, dmcf->aws, sizeof(dmcf->aws));

    source.kind = (source.env[NGX_DEPLOY_WORK_ACCESS_KEY_ID]
                   || source.env[NGX_DEPLOY_WORK_SECRET_ACCESS_KEY])
                  ? NGX_DEPLOY_WORK_ENVIRONMENT : NGX_DEPLOY_WORK_PROFILE;
    source.now = ngx_time();
    source.limit = NGX_HTTP_DEPLOY_CREDENTIALS_LIMIT;

    if (ngx_deploy_work_credentials(&pool, &source,
                                    &ngx_http_deploy_credentials)
        != NGX_DEPLOY_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "deploy credentials: %s",
                      ngx_http_deploy_credentials.reason);
        return;
    }

    ngx_http_deploy_credentials_valid = 1;
}


void
ngx_http_deploy_credentials_free(void)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_deploy_nkeys; i++) {
        ngx_free(ngx_http_deploy_keys[i].region.data);
    }

    ngx_http_deploy_nkeys = 0;

    ngx_deploy_work_wipe(&ngx_http_deploy_credentials);
    ngx_explicit_memzero(ngx_http_deploy_keys, sizeof(ngx_http_deploy_keys));

    if (ngx_http_deploy_credentials_pool) {
        ngx_destroy_pool(ngx_http_deploy_credentials_pool);
        ngx_http_deploy_credentials_pool = NULL;

        ngx_deploy_work_exit();
    }
}


ngx_deploy_credentials_t *
ngx_http_deploy_credentials_get(void)
{
    return ngx_http_deploy_credentials_valid
           ? &ngx_http_deploy_credentials.credentials : NULL;
}


ngx_deploy_sigv4_key_t *
ngx_http_deploy_signing_key(ngx_str_t *region)
{
    ngx_uint_t              i;
    ngx_http_deploy_key_t  *key;

    for (i = 0; i < ngx_http_deploy_nkeys; i++) {

        key = &ngx_http_deploy_keys[i];

        if (key->region.len == region->len
            && ngx_strncmp(key->region.data, region->data, region->len) == 0)
        {
            return &key->key;
        }
    }

    /* over a handful of regions the last slot is made anew each time */

    if (ngx_http_deploy_nkeys < NGX_HTTP_DEPLOY_KEYS) {
        key = &ngx_http_deploy_keys[ngx_http_deploy_nkeys];

        key->region.data = ngx_alloc(region->len, ngx_cycle->log);

        if (key->region.data) {
            ngx_memcpy(key->region.data, region->data, region->len);
            key->region.len = region->len;
            ngx_http_deploy_nkeys++;
        }

        return &key->key;
    }

    return &ngx_http_deploy_keys[NGX_HTTP_DEPLOY_KEYS - 1].key;
}
