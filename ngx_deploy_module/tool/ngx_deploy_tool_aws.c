
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdlib.h>

#include "ngx_deploy_region.h"
#include "ngx_deploy_tool_aws.h"


int
ngx_deploy_tool_aws(ngx_deploy_tool_t *tool, ngx_deploy_tool_aws_t *aws)
{
    int                        i, kind;
    ngx_deploy_str_t           s;
    ngx_deploy_work_source_t  *work;

    work = &aws->work;

    for (i = 0; i < NGX_DEPLOY_WORK_NENV; i++) {
        work->env[i] = getenv(ngx_deploy_work_env_names[i]);
    }

    if (aws->region == NULL) {
        aws->region = work->env[NGX_DEPLOY_WORK_REGION];
    }

    s = ngx_deploy_tool_str(aws->region ? aws->region : "");

    if (s.len && ngx_deploy_region_check(&s) != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "invalid region \"%s\"",
                                     aws->region);
    }

    kind = NGX_DEPLOY_WORK_CHAIN;

    if (aws->source) {
        s = ngx_deploy_tool_str(aws->source);

        /* as in deploy_credentials */

        if (ngx_deploy_str_starts(&s, "profile=")) {
            aws->profile = aws->source + 8;
            s.len = 7;
        }

        kind = ngx_deploy_work_kind(&s);

        if (kind == -1) {
            return ngx_deploy_tool_error(tool, "invalid source \"%s\"",
                                         aws->source);
        }
    }

    work->kind = kind;
    work->profile = aws->profile;
    work->region = aws->region;
    work->role = aws->role;
    work->external_id = aws->external_id;
    work->session_name = aws->session_name;
    work->now = time(NULL);
    work->limit = (aws->timeout < 3600) ? aws->timeout * 1000 : 3600000;

    aws->links = ngx_deploy_json_array();
    if (aws->links == NULL) {
        ngx_deploy_tool_no_memory();
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_tool_aws_find(ngx_deploy_tool_t *tool, ngx_deploy_tool_aws_t *aws,
    ngx_deploy_work_set_t *set)
{
    int                        rc, kind, last;
    ngx_deploy_json_t         *json;
    ngx_deploy_work_source_t   work;

    work = aws->work;

    kind = work.kind ? (int) work.kind : NGX_DEPLOY_WORK_ENVIRONMENT;
    last = work.kind ? (int) work.kind : NGX_DEPLOY_WORK_IMDS;

    for ( ;; ) {

        work.kind = kind;
        rc = ngx_deploy_work_credentials(&tool->pool, &work, set);

        if (rc == NGX_DEPLOY_OK) {
            return NGX_DEPLOY_OK;
        }

        json = ngx_deploy_json_object();

        (void) ngx_deploy_json_set(json, "kind", ngx_deploy_json_text(
                                       ngx_deploy_work_kind_name(work.kind)));
        (void) ngx_deploy_json_set(json, "reason",
                                   ngx_deploy_json_text(set->reason));
        (void) ngx_deploy_json_append(aws->links, json);

        if (rc != NGX_DEPLOY_DECLINED || kind++ == last) {
            return rc;
        }
    }
}
