
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_replay.h"
#include "ngx_http_deploy_token.h"


static ngx_int_t ngx_http_deploy_start_request(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_http_deploy_project_t *project, ngx_str_t *region,
    const char **reason);
static ngx_int_t ngx_http_deploy_start_env(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_project_t *project,
    ngx_deploy_start_build_t *start);
static ngx_int_t ngx_http_deploy_start_dispatch(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index, ngx_http_deploy_project_t *project, ngx_str_t *region);


ngx_int_t
ngx_http_deploy_start(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_build_t *build, ngx_uint_t index)
{
    ngx_int_t                     rc;
    ngx_str_t                    *region;
    const char                   *reason;
    ngx_http_deploy_project_t    *project;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (ngx_deploy_codebuild_project_name(
                                   &build->project)
        != NGX_DEPLOY_OK)
    {
        reason = "not a name of a CodeBuild project";
        goto refused;
    }

    project = ngx_http_deploy_find_project(dmcf, &build->project);

    region = ngx_http_deploy_aws_region(dlcf, project);

    if (region->len == 0) {
        reason = "no region";
        goto refused;
    }

    if (!dlcf->dry_run) {

        if (ngx_http_deploy_identity(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = dmcf->store ? NGX_OK : ngx_http_deploy_replay_claim(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ctx->project = &build->project;

    rc = ngx_http_deploy_start_request(r, ctx, build, project, region,
                                       &reason);
    ctx->project = NULL;

    if (rc == NGX_DECLINED) {
        goto refused;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (dlcf->dry_run) {
        build->state = NGX_HTTP_DEPLOY_BUILD_DRY_RUN;
        return NGX_OK;
    }

    return ngx_http_deploy_start_dispatch(r, ctx, build, index, project,
                                          region);

refused:

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "deploy cannot start \"%V\": %s", &build->project, reason);

    ngx_http_deploy_count_build(NGX_DEPLOY_METRICS_BUILD_REFUSED);

    build->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
    build->reply.reason = reason;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_start_request(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_http_deploy_project_t *project, ngx_str_t *region,
    const char **reason)
{
    ngx_str_t                  version;
    ngx_deploy_pool_t          pool;
    ngx_deploy_start_build_t   start;

    /* whoever tells of a build, what comes after it is the same */

    static ngx_str_t  reports = ngx_string("build");

    ngx_memzero(&start, sizeof(ngx_deploy_start_build_t));

    pool = ngx_http_deploy_pool(r->pool);

    start.project = build->project;

    if (project && project->source_version) {

        if (ngx_http_complex_value(r, project->source_version, &version)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (version.len) {
            start.source_version = version;
        }
    }

    if (start.source_version.len == 0) {
        start.source_version = ngx_deploy_codebuild_version(ctx->event);
    }

    if (ngx_http_deploy_start_env(r, ctx, project, &start) != NGX_OK) {
        return NGX_ERROR;
    }

    if (project) {
        start.overrides = project->overrides.elts;
        start.noverrides = project->overrides.nelts;
    }

    if (ctx->identity.len
        && ngx_deploy_codebuild_token(&pool,
                                      ctx->upstream ? &reports
                                                    : &ctx->provider,
                                      &ctx->identity,
                                      build->event, &start.project,
                                      region,
                                      &start.idempotency_token)
           != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    build->token = start.idempotency_token;

    switch (ngx_deploy_codebuild_start_build(&start, &pool, &build->request,
                                             reason))
    {
    case NGX_DEPLOY_OK:
        return NGX_OK;

    case NGX_DEPLOY_DECLINED:
        return NGX_DECLINED;

    default:
        return NGX_ERROR;
    }
}


/*
 * DEPLOY_DELIVERY marks every build as ours; it is the identity, which a
 * redelivery shares, not the id that anybody may write in a header.
 */

static ngx_int_t
ngx_http_deploy_start_env(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_project_t *project, ngx_deploy_start_build_t *start)
{
    ngx_str_t               value, *url;
    ngx_uint_t              i, n;
    ngx_deploy_env_t       *to;
    ngx_http_deploy_env_t  *from;

    static ngx_deploy_env_t  report[] = {
        { ngx_deploy_string(NGX_DEPLOY_BUILD_TOKEN_URL),
          ngx_deploy_null_string, "PLAINTEXT" },
        { ngx_deploy_string(NGX_DEPLOY_BUILD_TOKEN_ENV),
          ngx_deploy_string(NGX_DEPLOY_BUILD_TOKEN_MASK), "PLAINTEXT" }
    };

    static ngx_deploy_str_t  name = ngx_deploy_string("DEPLOY_DELIVERY");

    n = project ? project->env.nelts : 0;

    to = ngx_pcalloc(r->pool, (n + 3) * sizeof(ngx_deploy_env_t));
    if (to == NULL) {
        return NGX_ERROR;
    }

    start->env = to;

    /* those of the same names in deploy_project take their places */

    url = ngx_http_deploy_token_url(r);

    if (url) {
        *to = report[0];
        to->value = *url;
        to[1] = report[1];
        to += 2;
    }

    from = project ? project->env.elts : NULL;

    for (i = 0; i < n; i++) {

        if (ngx_http_complex_value(r, &from[i].value, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        to->name = from[i].name;
        to->value = value;
        to->type = from[i].type;

        if (to->value.data == NULL) {
            to->value.data = (u_char *) "";
        }

        to++;
    }

    if (ctx->identity.len) {
        to->name = name;
        to->value = ctx->identity;
        to->type = "PLAINTEXT";
        to++;
    }

    start->nenv = to - start->env;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_start_dispatch(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index, ngx_http_deploy_project_t *project, ngx_str_t *region)
{
    ngx_pool_t                   *pool;
    ngx_http_deploy_call_t       *call;
    ngx_http_deploy_source_t      source;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_deploy_dispatch_t   *d;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    pool = ngx_create_pool(4096, clcf->error_log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    d = ngx_pcalloc(pool, sizeof(ngx_http_deploy_dispatch_t));
    if (d == NULL) {
        goto failed;
    }

    d->pool = pool;
    d->waiter = ctx;
    d->index = index;
    d->event = build->event;

    call = &d->call;

    call->log = clcf->error_log;
    call->dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);

    /* of what comes late a user of Slack is told */

    call->deadline = ngx_current_msec
                     + (ctx->response_url.len
                        ? dlcf->timeout : ngx_http_deploy_patience(r, ctx));

    ngx_http_deploy_aws_source(dmcf, dlcf, project, &source);

    call->set = ngx_http_deploy_credentials(dmcf, &source);

    if (call->set == NULL
        || ngx_http_deploy_copy(pool, &call->project, &build->project)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &call->delivery, &ctx->delivery)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &d->token, &build->token) != NGX_OK
        || ngx_http_deploy_copy(pool, &call->region, region) != NGX_OK
        || ngx_http_deploy_copy(pool, &call->body, &build->request) != NGX_OK
        || ngx_http_deploy_aws_url(pool, dmcf, dlcf, project, &call->url)
           != NGX_OK
        || ngx_http_deploy_notice_create(r, ctx, build, index, pool,
                                         &d->notice)
           != NGX_OK)
    {
        goto failed;
    }

    if (d->notice) {
        d->notice->build.region = call->region;
        d->notice->build.endpoint = call->url;

        if (ngx_http_deploy_aws_source_text(pool, &source,
                                            &d->notice->build.credentials)
            != NGX_OK)
        {
            goto failed;
        }
    }

    build->dispatch = d;

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_deploy_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;

    if (src->len == 0) {
        return NGX_OK;
    }

    dst->data = ngx_pstrdup(pool, src);

    return dst->data ? NGX_OK : NGX_ERROR;
}
