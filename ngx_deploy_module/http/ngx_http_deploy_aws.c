
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_deploy_region.h"
#include "ngx_deploy_sts.h"


static ngx_int_t ngx_http_deploy_getenv(ngx_conf_t *cf, const char *name,
    ngx_str_t *value);
static char *ngx_http_deploy_check_region(ngx_conf_t *cf, ngx_str_t *region);
static char *ngx_http_deploy_aws_endpoint(ngx_conf_t *cf, ngx_str_t *url);
static char *ngx_http_deploy_parse_source(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_deploy_source_t **source);
static char *ngx_http_deploy_parse_role(ngx_conf_t *cf,
    ngx_http_deploy_project_t *project);
static ngx_int_t ngx_http_deploy_add_source(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_project_t *project);


ngx_int_t
ngx_http_deploy_aws_environment(ngx_conf_t *cf,
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

        switch (i) {

        case NGX_DEPLOY_WORK_REGION:
            dmcf->region = value;
            break;

        case NGX_DEPLOY_WORK_ENDPOINT_CODEBUILD:
            dmcf->endpoint = value;
            break;

        case NGX_DEPLOY_WORK_USE_FIPS:
        case NGX_DEPLOY_WORK_USE_DUALSTACK:
            if (value.len == 4
                && ngx_strcasecmp(value.data, (u_char *) "true") == 0)
            {
                dmcf->variant |= (i == NGX_DEPLOY_WORK_USE_FIPS)
                                 ? NGX_DEPLOY_REGION_FIPS
                                 : NGX_DEPLOY_REGION_DUALSTACK;
            }

            break;
        }
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


char *
ngx_http_deploy_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_deploy_check_region(cf, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_http_deploy_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_http_deploy_aws_endpoint(cf, &value[1]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_http_deploy_credentials_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    ngx_str_t  *value;

    if (dlcf->credentials != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    return ngx_http_deploy_parse_source(cf, &value[1], &dlcf->credentials);
}


ngx_int_t
ngx_http_deploy_aws_member(ngx_conf_t *cf, ngx_http_deploy_project_t *project)
{
    char       *rv;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "role") == 0 && cf->args->nelts > 1) {

        if (project->role.len) {
            goto duplicate;
        }

        rv = ngx_http_deploy_parse_role(cf, project);

        return (rv == NGX_CONF_OK) ? NGX_OK : NGX_ERROR;
    }

    if (cf->args->nelts != 2) {
        return NGX_DECLINED;
    }

    if (ngx_strcmp(value[0].data, "region") == 0) {

        if (project->region.len) {
            goto duplicate;
        }

        project->region = value[1];

        rv = ngx_http_deploy_check_region(cf, &project->region);

    } else if (ngx_strcmp(value[0].data, "endpoint") == 0) {

        if (project->endpoint.len) {
            goto duplicate;
        }

        project->endpoint = value[1];

        rv = ngx_http_deploy_aws_endpoint(cf, &project->endpoint);

    } else if (ngx_strcmp(value[0].data, "credentials") == 0) {

        if (project->credentials) {
            goto duplicate;
        }

        rv = ngx_http_deploy_parse_source(cf, &value[1],
                                          &project->credentials);

    } else {
        return NGX_DECLINED;
    }

    return (rv == NGX_CONF_OK) ? NGX_OK : NGX_ERROR;

duplicate:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is duplicate in \"deploy_project %V\"",
                       &value[0], &project->name);
    return NGX_ERROR;
}


static char *
ngx_http_deploy_check_region(ngx_conf_t *cf, ngx_str_t *region)
{
    ngx_deploy_str_t              host;
    ngx_deploy_pool_t             pool;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (ngx_deploy_region_check(region) != NGX_DEPLOY_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid region \"%V\"",
                           region);
        return NGX_CONF_ERROR;
    }

    pool = ngx_http_deploy_pool(cf->temp_pool);

    if (ngx_deploy_region_host(&pool, "codebuild", region, dmcf->variant,
                               &host)
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "region \"%V\" has no endpoint as "
                           "AWS_USE_FIPS_ENDPOINT and "
                           "AWS_USE_DUALSTACK_ENDPOINT want it", region);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_deploy_aws_endpoint(ngx_conf_t *cf, ngx_str_t *url)
{
    char                         *reason;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    reason = ngx_http_deploy_check_endpoint(url);

    if (reason == NGX_CONF_OK && dmcf->variant) {
        reason = (dmcf->variant & NGX_DEPLOY_REGION_FIPS)
                 ? "cannot be combined with AWS_USE_FIPS_ENDPOINT"
                 : "cannot be combined with AWS_USE_DUALSTACK_ENDPOINT";
    }

    if (reason == NGX_CONF_OK) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "endpoint \"%V\" %s", url,
                       reason);
    return NGX_CONF_ERROR;
}


char *
ngx_http_deploy_check_endpoint(ngx_str_t *url)
{
    const char        *reason;
    ngx_deploy_url_t   parts;

    if (ngx_deploy_url_parse(url, &parts, &reason) != NGX_DEPLOY_OK) {
        return (char *) reason;
    }

    if (parts.target.len && !ngx_deploy_str_is(&parts.target, "/")) {
        return "must be scheme, host and port alone";
    }

    url->len -= parts.target.len;

    return NGX_CONF_OK;
}


/* a link of the chain, "profile=NAME", or "chain" for all */

static char *
ngx_http_deploy_parse_source(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_deploy_source_t **source)
{
    int                        kind;
    ngx_str_t                  word, profile;
    ngx_http_deploy_source_t  *s;

    word = *text;
    ngx_str_null(&profile);

    if (ngx_strncmp(text->data, "profile=", 8) == 0) {
        word.len = 7;
        profile.data = text->data + 8;
        profile.len = text->len - 8;
    }

    kind = ngx_deploy_work_kind(&word);

    if (kind < 0 || (profile.data && profile.len == 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid source of credentials \"%V\", it must be "
                           "\"environment\", \"web_identity\", \"profile\", "
                           "\"profile=NAME\", \"container\", \"imds\" or "
                           "\"chain\"", text);
        return NGX_CONF_ERROR;
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_source_t));
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    s->kind = kind;
    s->profile = profile;

    *source = s;

    return NGX_CONF_OK;
}


static char *
ngx_http_deploy_parse_role(ngx_conf_t *cf, ngx_http_deploy_project_t *project)
{
    ngx_str_t                *value;
    ngx_uint_t                i;
    const char               *reason;
    ngx_deploy_str_t          body;
    ngx_deploy_pool_t         pool;
    ngx_deploy_sts_request_t  request;

    value = cf->args->elts;

    project->role = value[1];

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "external_id=", 12) == 0
            && value[i].len > 12 && project->external_id.len == 0)
        {
            project->external_id.data = value[i].data + 12;
            project->external_id.len = value[i].len - 12;
            continue;
        }

        if (ngx_strncmp(value[i].data, "session_name=", 13) == 0
            && value[i].len > 13 && project->session_name.len == 0)
        {
            project->session_name.data = value[i].data + 13;
            project->session_name.len = value[i].len - 13;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid or duplicate parameter \"%V\" of a role",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&request, sizeof(ngx_deploy_sts_request_t));

    request.role = project->role;
    request.external_id = project->external_id;
    request.session_name = project->session_name;

    if (request.session_name.len == 0) {
        ngx_str_set(&request.session_name, "ngx_deploy");
    }

    pool = ngx_http_deploy_pool(cf->temp_pool);

    reason = "needs memory";

    if (ngx_deploy_sts_body(&pool, &request, &body, &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "role \"%V\": %s", &value[1],
                           reason);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_deploy_aws_location(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf)
{
    ngx_uint_t                    i;
    ngx_http_deploy_rule_t       *rule;
    ngx_http_deploy_project_t    *project;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (!dlcf->handler || dlcf->rules == NULL) {
        return NGX_OK;
    }

    /* what directives say has been checked where they are */

    if (dlcf->region.len == 0 && dmcf->region.len) {
        dlcf->region = dmcf->region;

        if (ngx_http_deploy_check_region(cf, &dlcf->region) != NGX_CONF_OK) {
            return NGX_ERROR;
        }
    }

    if (dlcf->endpoint.len == 0 && dmcf->endpoint.len) {
        dlcf->endpoint = dmcf->endpoint;

        if (ngx_http_deploy_aws_endpoint(cf, &dlcf->endpoint)
            != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    rule = dlcf->rules->elts;

    for (i = 0; i < dlcf->rules->nelts; i++) {

        project = ngx_http_deploy_find_project(dmcf, &rule[i].text);

        if (ngx_http_deploy_aws_region(dlcf, project)->len == 0) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "no region for \"deploy_build %V\" in %s:%ui, "
                          "set \"deploy_region\" or AWS_REGION",
                          &rule[i].text, rule[i].file, rule[i].line);
            return NGX_ERROR;
        }

        if (!dlcf->dry_run
            && ngx_http_deploy_add_source(cf, dlcf, project) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* workers fetch it when they start */

static ngx_int_t
ngx_http_deploy_add_source(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_http_deploy_project_t *project)
{
    ngx_uint_t                    i;
    ngx_http_deploy_source_t     *known, source;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    ngx_http_deploy_aws_source(dmcf, dlcf, project, &source);

    known = dmcf->sources.elts;

    for (i = 0; i < dmcf->sources.nelts; i++) {
        if (ngx_http_deploy_same_source(&known[i], &source)) {
            return NGX_OK;
        }
    }

    known = ngx_array_push(&dmcf->sources);
    if (known == NULL) {
        return NGX_ERROR;
    }

    *known = source;

    return NGX_OK;
}


ngx_str_t *
ngx_http_deploy_aws_region(ngx_http_deploy_loc_conf_t *dlcf,
    ngx_http_deploy_project_t *project)
{
    return (project && project->region.len) ? &project->region
                                            : &dlcf->region;
}


ngx_int_t
ngx_http_deploy_aws_url(ngx_pool_t *pool, ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_project_t *project,
    ngx_str_t *url)
{
    u_char             *p;
    ngx_str_t          *endpoint, host;
    ngx_deploy_pool_t   dpool;

    endpoint = (project && project->endpoint.len) ? &project->endpoint
                                                  : &dlcf->endpoint;

    if (endpoint->len) {
        p = ngx_pnalloc(pool, endpoint->len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        url->data = p;
        url->len = ngx_sprintf(p, "%V/", endpoint) - p;

        return NGX_OK;
    }

    dpool = ngx_http_deploy_pool(pool);

    if (ngx_deploy_region_host(&dpool, "codebuild",
                               ngx_http_deploy_aws_region(dlcf, project),
                               dmcf->variant, &host)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, sizeof("https:///") + host.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    url->len = ngx_sprintf(p, "https://%V/", &host) - p;

    return NGX_OK;
}


void
ngx_http_deploy_aws_source(ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_project_t *project,
    ngx_http_deploy_source_t *source)
{
    ngx_memzero(source, sizeof(ngx_http_deploy_source_t));

    if (project && project->credentials) {
        *source = *project->credentials;

    } else if (dlcf->credentials) {
        *source = *dlcf->credentials;
    }

    if (project) {
        source->role = project->role;
        source->external_id = project->external_id;
        source->session_name = project->session_name;
    }

    /* STS is asked where the build is, unless AWS_REGION says otherwise */

    if (source->role.len || dmcf->region.len == 0) {
        source->region = *ngx_http_deploy_aws_region(dlcf, project);
    }
}


ngx_int_t
ngx_http_deploy_aws_source_text(ngx_pool_t *pool,
    ngx_http_deploy_source_t *source, ngx_str_t *text)
{
    const char  *kind;

    kind = ngx_deploy_work_kind_name(source->kind);

    text->data = ngx_pnalloc(pool, ngx_strlen(kind) + 1 + source->profile.len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data, "%s%s%V", kind,
                            source->profile.len ? "=" : "", &source->profile)
                - text->data;

    return NGX_OK;
}


void
ngx_http_deploy_aws_stored_source(ngx_http_deploy_main_conf_t *dmcf,
    ngx_str_t *project, ngx_str_t *text, ngx_str_t *region,
    ngx_http_deploy_source_t *source)
{
    int                         kind;
    u_char                     *p;
    ngx_str_t                   word;
    ngx_http_deploy_project_t  *conf;

    ngx_memzero(source, sizeof(ngx_http_deploy_source_t));

    word = *text;

    p = text->len ? ngx_strlchr(text->data, text->data + text->len, '=')
                  : NULL;

    if (p) {
        word.len = p - text->data;
        source->profile.data = p + 1;
        source->profile.len = text->len - word.len - 1;
    }

    kind = ngx_deploy_work_kind(&word);

    if (kind >= 0) {
        source->kind = kind;

    } else {
        ngx_str_null(&source->profile);
    }

    conf = ngx_http_deploy_find_project(dmcf, project);

    if (conf) {
        source->role = conf->role;
        source->external_id = conf->external_id;
        source->session_name = conf->session_name;
    }

    if (source->role.len || dmcf->region.len == 0) {
        source->region = *region;
    }
}
