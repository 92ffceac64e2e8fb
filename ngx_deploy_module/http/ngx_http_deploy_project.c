
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_notify.h"


static char *ngx_http_deploy_project_member(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_deploy_project_env(ngx_conf_t *cf,
    ngx_http_deploy_project_t *project);
static char *ngx_http_deploy_project_override(ngx_conf_t *cf,
    ngx_http_deploy_project_t *project);


char *
ngx_http_deploy_project(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_main_conf_t *dmcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_http_deploy_project_t  *project;

    value = cf->args->elts;

    if (ngx_deploy_codebuild_project_name(&value[1])
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid project name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_deploy_find_project(dmcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate \"deploy_project %V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    project = ngx_array_push(&dmcf->projects);
    if (project == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(project, sizeof(ngx_http_deploy_project_t));

    project->name = value[1];
    project->notify = NGX_CONF_UNSET_PTR;

    if (ngx_array_init(&project->env, cf->pool, 4,
                       sizeof(ngx_http_deploy_env_t))
        != NGX_OK
        || ngx_array_init(&project->overrides, cf->pool, 4,
                          sizeof(ngx_deploy_override_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_deploy_project_member;
    cf->handler_conf = (char *) project;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


static char *
ngx_http_deploy_project_member(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    char                       *rv;
    ngx_int_t                   rc;
    ngx_str_t                  *value;
    ngx_uint_t                  nelts;
    ngx_http_deploy_project_t  *project;

    project = (ngx_http_deploy_project_t *) conf;

    value = cf->args->elts;
    nelts = cf->args->nelts;

    if (ngx_strcmp(value[0].data, "env") == 0 && (nelts == 3 || nelts == 4)) {
        return ngx_http_deploy_project_env(cf, project);
    }

    if (ngx_strcmp(value[0].data, "override") == 0 && nelts == 3) {
        return ngx_http_deploy_project_override(cf, project);
    }

    if (ngx_strcmp(value[0].data, "source_version") == 0 && nelts == 2) {

        if (project->source_version) {
            goto duplicate;
        }

        project->source_version = ngx_palloc(cf->pool,
                                             sizeof(ngx_http_complex_value_t));
        if (project->source_version == NULL) {
            return NGX_CONF_ERROR;
        }

        return (ngx_http_deploy_compile(cf, &value[1], project->source_version)
                == NGX_OK)
               ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[0].data, "notify") == 0 && nelts >= 2) {

        rv = ngx_http_deploy_notify_line(cf, &project->notify);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            goto duplicate;
        }

        return rv;
    }

    rc = ngx_http_deploy_aws_member(cf, project);

    if (rc != NGX_DECLINED) {
        return (rc == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown or malformed \"%V\" in \"deploy_project %V\"",
                       &value[0], &project->name);
    return NGX_CONF_ERROR;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is duplicate in \"deploy_project %V\"",
                       &value[0], &project->name);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_deploy_project_env(ngx_conf_t *cf, ngx_http_deploy_project_t *project)
{
    ngx_str_t              *value;
    const char             *reason;
    ngx_http_deploy_env_t  *env;

    value = cf->args->elts;

    env = ngx_array_push(&project->env);
    if (env == NULL) {
        return NGX_CONF_ERROR;
    }

    env->name = value[1];

    if (ngx_deploy_codebuild_env_name(&value[1],
                                      &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "environment variable \"%V\" %s", &value[1],
                           reason);
        return NGX_CONF_ERROR;
    }

    env->type = ngx_deploy_codebuild_env_type(cf->args->nelts == 4 ? &value[3]
                                                                  : NULL);

    if (env->type == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid type \"%V\" of environment variable, "
                           "it must be \"plaintext\", \"parameter_store\" "
                           "or \"secrets_manager\"", &value[3]);
        return NGX_CONF_ERROR;
    }

    return (ngx_http_deploy_compile(cf, &value[2], &env->value) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_deploy_project_override(ngx_conf_t *cf,
    ngx_http_deploy_project_t *project)
{
    ngx_str_t              *value;
    ngx_uint_t              i;
    const char             *reason;
    ngx_deploy_override_t  *override;

    value = cf->args->elts;

    if (ngx_deploy_codebuild_override(&value[1],
                                      &value[2],
                                      &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "override \"%V\" %s",
                           &value[1], reason);
        return NGX_CONF_ERROR;
    }

    override = project->overrides.elts;

    for (i = 0; i < project->overrides.nelts; i++) {
        if (ngx_deploy_str_eq(&override[i].member,
                              &value[1]))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "override \"%V\" is duplicate", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    override = ngx_array_push(&project->overrides);
    if (override == NULL) {
        return NGX_CONF_ERROR;
    }

    override->member = value[1];
    override->value = value[2];

    return NGX_CONF_OK;
}


ngx_http_deploy_project_t *
ngx_http_deploy_find_project(ngx_http_deploy_main_conf_t *dmcf,
    ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_deploy_project_t  *project;

    project = dmcf->projects.elts;

    for (i = 0; i < dmcf->projects.nelts; i++) {
        if (project[i].name.len == name->len
            && ngx_memcmp(project[i].name.data, name->data, name->len) == 0)
        {
            return &project[i];
        }
    }

    return NULL;
}
