
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_tool_explain.h"


static const ngx_deploy_tool_directive_t *ngx_deploy_tool_find_project(
    ngx_deploy_tool_explain_t *explain, const ngx_deploy_str_t *name);
static const char *ngx_deploy_tool_member(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_start_build_t *start);


ngx_deploy_json_t *
ngx_deploy_tool_start_body(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *project, const char **reason)
{
    size_t                              n;
    ngx_deploy_str_t                    body;
    ngx_deploy_start_build_t            start;
    const ngx_deploy_tool_directive_t  *p, *d;

    memset(&start, 0, sizeof(ngx_deploy_start_build_t));

    if (ngx_deploy_codebuild_project_name(project) != NGX_DEPLOY_OK) {
        *reason = "not a name of a CodeBuild project";
        return NULL;
    }

    start.project = *project;

    p = ngx_deploy_tool_find_project(explain, project);

    for (n = 0, d = p ? p->block : NULL; d; d = d->next) {
        n++;
    }

    start.env = ngx_deploy_tool_alloc(explain->tool, (n + 1)
                                               * sizeof(ngx_deploy_env_t));
    start.overrides = ngx_deploy_tool_alloc(explain->tool, (n + 1)
                                          * sizeof(ngx_deploy_override_t));

    for (d = p ? p->block : NULL; d; d = d->next) {

        *reason = ngx_deploy_tool_member(explain, d, &start);

        if (*reason) {
            return NULL;
        }
    }

    if (start.source_version.len == 0) {
        start.source_version = ngx_deploy_codebuild_version(explain->event);
    }

    *reason = NULL;

    switch (ngx_deploy_codebuild_start_build(&start, &explain->tool->pool,
                                             &body, reason))
    {
    case NGX_DEPLOY_OK:
        return ngx_deploy_tool_json(&body);

    case NGX_DEPLOY_DECLINED:
        return NULL;

    default:
        ngx_deploy_tool_no_memory();
    }
}


static const ngx_deploy_tool_directive_t *
ngx_deploy_tool_find_project(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name)
{
    const ngx_deploy_tool_directive_t  *d;

    for (d = ngx_deploy_tool_conf_find(explain->http->block, "deploy_project");
         d;
         d = ngx_deploy_tool_conf_find(d->next, "deploy_project"))
    {
        if (d->nargs == 2 && ngx_deploy_str_eq(&d->args[1], name)) {
            return d;
        }
    }

    return NULL;
}


/* a reason why it does not suit; region and the like are not in the body */

static const char *
ngx_deploy_tool_member(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_start_build_t *start)
{
    const char        *reason;
    ngx_deploy_env_t  *env;
    ngx_deploy_str_t  *args, value;

    args = d->args;

    if (ngx_deploy_str_is(&args[0], "source_version") && d->nargs == 2) {

        (void) ngx_deploy_tool_value(explain, &args[1], &value);

        if (value.len) {
            start->source_version = value;
        }

        return NULL;
    }

    if (ngx_deploy_str_is(&args[0], "env")
        && (d->nargs == 3 || d->nargs == 4))
    {
        env = &start->env[start->nenv++];

        (void) ngx_deploy_tool_value(explain, &args[2], &env->value);

        env->name = args[1];
        env->type = ngx_deploy_codebuild_env_type(d->nargs == 4 ? &args[3]
                                                                : NULL);

        if (env->type == NULL) {
            return "the type of an environment variable is invalid";
        }

        return (ngx_deploy_codebuild_env_name(&env->name, &reason)
                == NGX_DEPLOY_OK) ? NULL : reason;
    }

    if (ngx_deploy_str_is(&args[0], "override") && d->nargs == 3) {

        if (ngx_deploy_codebuild_override(&args[1], &args[2], &reason)
            != NGX_DEPLOY_OK)
        {
            return reason;
        }

        start->overrides[start->noverrides].member = args[1];
        start->overrides[start->noverrides++].value = args[2];
    }

    return NULL;
}
