
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"


int
ngx_deploy_stop_build_body(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, ngx_deploy_str_t *body)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "id", id);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, pool, body);
    }

    ngx_deploy_json_free(json);

    return rc;
}


int
ngx_deploy_stop_build_status(ngx_deploy_pool_t *pool, const u_char *body,
    size_t len, ngx_deploy_str_t *status)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_str_t    word;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(body, len, NGX_DEPLOY_CODEBUILD_MAX_REPLY,
                                 &reason);

    word = ngx_deploy_json_get_str(ngx_deploy_json_get(json, "build"),
                                   "buildStatus");

    rc = ngx_deploy_pstrdup(pool, status, word.data, word.len);

    ngx_deploy_json_free(json);

    return rc;
}
