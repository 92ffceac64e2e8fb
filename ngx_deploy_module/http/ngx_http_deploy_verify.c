
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_outbound.h"
#include "ngx_http_deploy_sns.h"
#include "ngx_http_deploy_token.h"

#include "ngx_deploy_work_secret.h"


static ngx_deploy_verifier_t *ngx_http_deploy_verify_push(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf);
static char *ngx_http_deploy_verify_file(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_deploy_verifier_t *v);
static char *ngx_http_deploy_verify_sns(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_deploy_verifier_t *v);
static void ngx_http_deploy_verify_gitlab(ngx_conf_t *cf, ngx_array_t *verify);
static char *ngx_http_deploy_verify_param(ngx_conf_t *cf,
    ngx_deploy_verifier_t *v, ngx_str_t *value);
static char *ngx_http_deploy_verify_secrets(ngx_conf_t *cf,
    ngx_deploy_verifier_t *v, ngx_str_t *file);
static void ngx_http_deploy_verify_cleanup(void *data);


char *
ngx_http_deploy_verify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    ngx_str_t              *value;
    ngx_deploy_verifier_t  *v;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (dlcf->verify != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        dlcf->verify = NULL;
        dlcf->off = 1;

        return NGX_CONF_OK;
    }

    if (dlcf->off == 1) {
        return "is duplicate";
    }

    dlcf->off = 0;

    v = ngx_http_deploy_verify_push(cf, dlcf);
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_deploy_verifier_init(v, &value[1])
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown scheme \"%V\" in \"deploy_verify\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    switch (v->type) {

    case NGX_DEPLOY_SCHEME_SNS:
        return ngx_http_deploy_verify_sns(cf, dlcf, v);

    case NGX_DEPLOY_SCHEME_BUILD:
        return ngx_http_deploy_token_verify(cf, dlcf, v);

    default:
        return ngx_http_deploy_verify_file(cf, dlcf, v);
    }
}


static ngx_deploy_verifier_t *
ngx_http_deploy_verify_push(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf)
{
    ngx_pool_cleanup_t  *cln;

    if (dlcf->verify == NGX_CONF_UNSET_PTR) {

        dlcf->verify = ngx_array_create(cf->pool, 2,
                                        sizeof(ngx_deploy_verifier_t));
        if (dlcf->verify == NULL) {
            return NULL;
        }

        cln = ngx_pool_cleanup_add(cf->pool, 0);
        if (cln == NULL) {
            return NULL;
        }

        cln->handler = ngx_http_deploy_verify_cleanup;
        cln->data = dlcf->verify;

        dlcf->verify_file = cf->conf_file->file.name.data;
        dlcf->verify_line = cf->conf_file->line;
    }

    return ngx_array_push(dlcf->verify);
}


/* SCHEME FILE [param=value]... */

static char *
ngx_http_deploy_verify_file(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_deploy_verifier_t *v)
{
    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"deploy_verify %V\" needs a file of secrets",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        rv = ngx_http_deploy_verify_param(cf, v, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (v->header.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"deploy_verify %V\" needs \"header=\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_deploy_verify_secrets(cf, v, &value[2]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_deploy_verify_gitlab(cf, dlcf->verify);

    return NGX_CONF_OK;
}


/* sns topic=ARN[,ARN] [param=value]... */

static char *
ngx_http_deploy_verify_sns(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_deploy_verifier_t *v)
{
    char                         *rv;
    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_deploy_pool_t             pool;
    ngx_deploy_verifier_t        *others;
    ngx_http_deploy_main_conf_t  *dmcf;

    value = cf->args->elts;
    others = dlcf->verify->elts;

    for (i = 0; i < dlcf->verify->nelts - 1; i++) {
        if (others[i].type == NGX_DEPLOY_SCHEME_SNS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"deploy_verify sns\" is duplicate, \"topic=\" "
                               "takes a list");
            return NGX_CONF_ERROR;
        }
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strchr(value[i].data, '=') == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"deploy_verify sns\" takes no file: \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "endpoint=", 9) == 0) {
            dlcf->sns_endpoint.len = value[i].len - 9;
            dlcf->sns_endpoint.data = value[i].data + 9;

            rv = ngx_http_deploy_check_endpoint(&dlcf->sns_endpoint);

            if (rv != NGX_CONF_OK) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "endpoint \"%V\" %s",
                                   &dlcf->sns_endpoint, rv);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        rv = ngx_http_deploy_verify_param(cf, v, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (v->ntopics == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"deploy_verify sns\" needs \"topic=\"");
        return NGX_CONF_ERROR;
    }

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (dmcf->sns == NULL) {
        pool = ngx_http_deploy_pool(cf->pool);

        dmcf->sns = ngx_deploy_sns_table(&pool);
        if (dmcf->sns == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_deploy_outbound_use(cf);

    return NGX_CONF_OK;
}


/*
 * With a signing token the signature is obligatory, whichever of the files
 * has it
 */

static void
ngx_http_deploy_verify_gitlab(ngx_conf_t *cf, ngx_array_t *verify)
{
    ngx_uint_t              i, n;
    ngx_deploy_verifier_t  *v;

    v = verify->elts;

    for (i = 0, n = 0; i < verify->nelts; i++) {

        /* those that are gone were no signing tokens */

        if (ngx_deploy_verifier_unused(v, verify->nelts, i)) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "a file of \"deploy_verify gitlab\" is not "
                               "used, as another one has a signing token");

            ngx_deploy_verifier_free(&v[i]);
            continue;
        }

        v[n++] = v[i];
    }

    verify->nelts = n;
}


static char *
ngx_http_deploy_verify_param(ngx_conf_t *cf, ngx_deploy_verifier_t *v,
    ngx_str_t *value)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_pool_t   pool;

    pool = ngx_http_deploy_pool(cf->pool);

    rc = ngx_deploy_verifier_param(v, &pool, value, &reason);

    if (rc == NGX_DEPLOY_OK) {
        return NGX_CONF_OK;
    }

    if (rc == NGX_DEPLOY_DECLINED && reason) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" %s", value, reason);

    } else if (rc == NGX_DEPLOY_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"deploy_verify %s\"",
                           value, v->name);
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_deploy_verify_secrets(ngx_conf_t *cf, ngx_deploy_verifier_t *v,
    ngx_str_t *file)
{
    int                    rc;
    ngx_deploy_str_t       text;
    ngx_deploy_pool_t      pool;
    ngx_deploy_secrets_t   report;

    if (ngx_http_deploy_read_secrets(cf, file, &text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    pool = ngx_http_deploy_pool(cf->pool);

    rc = ngx_deploy_verifier_secrets(v, &pool, &text, &report);

    ngx_explicit_memzero(text.data, text.len);

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_DEPLOY_OK && report.line == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "secret file \"%V\" %s",
                           file, report.reason);
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_DEPLOY_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\", line %ui %s",
                           file, (ngx_uint_t) report.line, report.reason);
        return NGX_CONF_ERROR;
    }

    if (report.weak) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "secret file \"%V\", line %ui holds a secret "
                           "under %uz bytes",
                           file, (ngx_uint_t) report.weak, report.min);
    }

    if (report.unused) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "secret file \"%V\", line %ui is not used, as "
                           "there is a signing token",
                           file, (ngx_uint_t) report.unused);
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_deploy_read_secrets(ngx_conf_t *cf, ngx_str_t *file,
    ngx_deploy_str_t *text)
{
    int                 rc, err;
    const char         *reason;
    ngx_deploy_pool_t   pool;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    pool = ngx_http_deploy_pool(cf->pool);

    rc = ngx_deploy_work_secret(&pool, (char *) file->data, text, &reason,
                                &err);

    if (rc == NGX_DEPLOY_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "secret file \"%V\" %s",
                           file, reason);
    }

    return (rc == NGX_DEPLOY_OK) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_deploy_verify_cleanup(void *data)
{
    ngx_array_t *verify = data;

    ngx_uint_t              i;
    ngx_deploy_verifier_t  *v;

    v = verify->elts;

    for (i = 0; i < verify->nelts; i++) {
        ngx_deploy_verifier_free(&v[i]);
    }
}
