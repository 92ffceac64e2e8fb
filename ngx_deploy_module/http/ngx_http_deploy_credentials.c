
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"
#include "ngx_deploy_work_credentials.h"


#define NGX_HTTP_DEPLOY_KEYS  8


typedef struct {
    ngx_str_t                region;
    ngx_deploy_sigv4_key_t   key;
} ngx_http_deploy_key_t;


static ngx_int_t ngx_http_deploy_getenv(ngx_conf_t *cf, const char *name,
    ngx_str_t *value);


/* the worker's, not the configuration's: nothing of it outlives a worker */

static ngx_pool_t                *ngx_http_deploy_credentials_pool;
static ngx_deploy_credentials_t   ngx_http_deploy_credentials;
static ngx_uint_t                 ngx_http_deploy_credentials_valid;

static ngx_http_deploy_key_t      ngx_http_deploy_keys[NGX_HTTP_DEPLOY_KEYS];
static ngx_uint_t                 ngx_http_deploy_nkeys;


ngx_int_t
ngx_http_deploy_credentials_environment(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_str_t                  home;
    ngx_deploy_credentials_t  *env;

    env = &dmcf->environment;

    rc = ngx_http_deploy_getenv(cf, "AWS_ACCESS_KEY_ID",
                                &env->access_key_id);
    rc |= ngx_http_deploy_getenv(cf, "AWS_SECRET_ACCESS_KEY",
                                 &env->secret_access_key);
    rc |= ngx_http_deploy_getenv(cf, "AWS_SESSION_TOKEN",
                                 &env->session_token);
    rc |= ngx_http_deploy_getenv(cf, "AWS_PROFILE", &dmcf->profile);
    rc |= ngx_http_deploy_getenv(cf, "AWS_SHARED_CREDENTIALS_FILE",
                                 &dmcf->credentials_file);
    rc |= ngx_http_deploy_getenv(cf, "AWS_CONFIG_FILE", &dmcf->config_file);
    rc |= ngx_http_deploy_getenv(cf, "AWS_REGION", &dmcf->region);
    rc |= ngx_http_deploy_getenv(cf, "AWS_ENDPOINT_URL_CODEBUILD",
                                 &dmcf->endpoint);
    rc |= ngx_http_deploy_getenv(cf, "HOME", &home);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (dmcf->endpoint.len
        && ngx_http_deploy_check_endpoint(&dmcf->endpoint) != NGX_CONF_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "AWS_ENDPOINT_URL_CODEBUILD \"%V\" is ignored: it is "
                      "not https://host", &dmcf->endpoint);
        dmcf->endpoint.len = 0;
    }

    /* the worker's user has no business in the home of root: see implicit */

    if (home.len == 0 || dmcf->credentials_file.len || dmcf->config_file.len) {
        return NGX_OK;
    }

    dmcf->implicit = 1;

    p = ngx_pnalloc(cf->pool, home.len + sizeof("/.aws/credentials"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    dmcf->credentials_file.data = p;
    dmcf->credentials_file.len = ngx_sprintf(p, "%V/.aws/credentials%Z", &home)
                                 - p - 1;

    p = ngx_pnalloc(cf->pool, home.len + sizeof("/.aws/config"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    dmcf->config_file.data = p;
    dmcf->config_file.len = ngx_sprintf(p, "%V/.aws/config%Z", &home) - p - 1;

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
    const char                *reason;
    ngx_deploy_pool_t          pool;
    ngx_deploy_work_files_t    files;
    ngx_deploy_credentials_t  *env, *set;

    env = &dmcf->environment;
    set = &ngx_http_deploy_credentials;

    ngx_http_deploy_credentials_valid = 0;

    if (env->access_key_id.len || env->secret_access_key.len) {

        if (env->access_key_id.len == 0 || env->secret_access_key.len == 0) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "deploy credentials: AWS_ACCESS_KEY_ID and "
                          "AWS_SECRET_ACCESS_KEY must both be set");
            return;
        }

        *set = *env;
        ngx_http_deploy_credentials_valid = 1;
        return;
    }

    ngx_http_deploy_credentials_pool = ngx_create_pool(4096, cycle->log);
    if (ngx_http_deploy_credentials_pool == NULL) {
        return;
    }

    pool = ngx_http_deploy_pool(ngx_http_deploy_credentials_pool);

    ngx_memzero(&files, sizeof(ngx_deploy_work_files_t));

    files.credentials = (char *) dmcf->credentials_file.data;
    files.config = (char *) dmcf->config_file.data;
    files.profile = (char *) dmcf->profile.data;
    files.implicit = dmcf->implicit;

    reason = "out of memory";

    if (ngx_deploy_work_credentials_file(&pool, &files, set, &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "deploy credentials: %s", reason);
        return;
    }

    ngx_http_deploy_credentials_valid = 1;
}


void
ngx_http_deploy_credentials_free(void)
{
    ngx_uint_t                 i;
    ngx_deploy_credentials_t  *set;

    set = &ngx_http_deploy_credentials;

    for (i = 0; i < ngx_http_deploy_nkeys; i++) {
        ngx_free(ngx_http_deploy_keys[i].region.data);
    }

    ngx_http_deploy_nkeys = 0;

    if (set->secret_access_key.len) {
        ngx_explicit_memzero(set->secret_access_key.data,
                             set->secret_access_key.len);
    }

    ngx_memzero(set, sizeof(ngx_deploy_credentials_t));
    ngx_explicit_memzero(ngx_http_deploy_keys, sizeof(ngx_http_deploy_keys));

    if (ngx_http_deploy_credentials_pool) {
        ngx_destroy_pool(ngx_http_deploy_credentials_pool);
        ngx_http_deploy_credentials_pool = NULL;
    }
}


ngx_deploy_credentials_t *
ngx_http_deploy_credentials_get(void)
{
    return ngx_http_deploy_credentials_valid ? &ngx_http_deploy_credentials
                                             : NULL;
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
