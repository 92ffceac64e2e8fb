
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_scan.h"


#define NGX_DEPLOY_CODEBUILD_SCAN_MAX  1024


typedef enum {
    NGX_DEPLOY_CODEBUILD_SCAN_ID = 1,
    NGX_DEPLOY_CODEBUILD_SCAN_ARN,
    NGX_DEPLOY_CODEBUILD_SCAN_NUMBER
} ngx_deploy_codebuild_scan_e;


typedef struct {
    ngx_deploy_pool_t   *pool;
    ngx_deploy_str_t    *id;
    ngx_deploy_str_t    *arn;
    int64_t             *number;
} ngx_deploy_codebuild_scan_t;


static int ngx_deploy_codebuild_scan_value(ngx_deploy_scan_t *scan,
    void *data, unsigned fact, ngx_deploy_scan_type_e type,
    ngx_deploy_str_t *value);


static const ngx_deploy_scan_path_t  ngx_deploy_codebuild_scan_paths[] = {
    { "build.id", NGX_DEPLOY_CODEBUILD_SCAN_ID,
      NGX_DEPLOY_CODEBUILD_SCAN_MAX, 0 },
    { "build.arn", NGX_DEPLOY_CODEBUILD_SCAN_ARN,
      NGX_DEPLOY_CODEBUILD_SCAN_MAX, 0 },
    { "build.buildNumber", NGX_DEPLOY_CODEBUILD_SCAN_NUMBER, 0, 0 },
    ngx_deploy_scan_null_path
};


/* the seed need not be a secret: what a collision refuses goes to jansson */

int
ngx_deploy_codebuild_scan(ngx_deploy_pool_t *pool, const u_char *p, size_t len,
    ngx_deploy_str_t *id, ngx_deploy_str_t *arn, int64_t *number)
{
    int                           rc;
    ngx_deploy_scan_t            *scan;
    ngx_deploy_scan_table_t      *table;
    ngx_deploy_codebuild_scan_t   ctx;

    memset(id, 0, sizeof(ngx_deploy_str_t));
    memset(arn, 0, sizeof(ngx_deploy_str_t));

    *number = -1;

    if (p == NULL || len == 0 || len > NGX_DEPLOY_CODEBUILD_MAX_REPLY) {
        return NGX_DEPLOY_DECLINED;
    }

    ctx.pool = pool;
    ctx.id = id;
    ctx.arn = arn;
    ctx.number = number;

    table = ngx_deploy_scan_compile(pool, ngx_deploy_codebuild_scan_paths);
    if (table == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    scan = ngx_deploy_scan_create(pool, table, ngx_deploy_codebuild_scan_value,
                                  &ctx, (uintptr_t) pool->data ^ len);
    if (scan == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_scan_feed(scan, p, len);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_scan_end(scan);
    }

    if (rc == NGX_DEPLOY_OK && id->len == 0) {
        rc = NGX_DEPLOY_DECLINED;
    }

    return rc;
}


static int
ngx_deploy_codebuild_scan_value(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_codebuild_scan_t *ctx = data;

    ngx_deploy_str_t  *s;

    if (fact == NGX_DEPLOY_CODEBUILD_SCAN_NUMBER) {

        if (type == NGX_DEPLOY_SCAN_INTEGER) {
            *ctx->number = ngx_deploy_atoi64(value->data, value->len);

            if (*ctx->number >= 0) {
                return NGX_DEPLOY_OK;
            }
        }

    } else if (type == NGX_DEPLOY_SCAN_STRING) {
        s = (fact == NGX_DEPLOY_CODEBUILD_SCAN_ID) ? ctx->id : ctx->arn;

        return ngx_deploy_pstrdup(ctx->pool, s, value->data, value->len);
    }

    /* not what CodeBuild writes */

    ngx_deploy_scan_set_reason(scan, "unusual reply");

    return NGX_DEPLOY_DECLINED;
}
