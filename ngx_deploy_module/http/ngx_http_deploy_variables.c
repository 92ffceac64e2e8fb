
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"
#include "ngx_http_deploy_outbound.h"


static unsigned ngx_http_deploy_known_variable(
    ngx_http_core_main_conf_t *cmcf, ngx_str_t *name);
static ngx_int_t ngx_http_deploy_verify_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_secret_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_fact_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_ctx_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_builds_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_transport_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_deploy_set_variable(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


/* not cacheable: a push of several refs has several events */

static ngx_http_variable_t  ngx_http_deploy_vars[] = {

    { ngx_string("deploy_verify"), NULL, ngx_http_deploy_verify_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_verify_secret"), NULL,
      ngx_http_deploy_secret_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_provider"), NULL, ngx_http_deploy_ctx_variable,
      offsetof(ngx_http_deploy_ctx_t, provider), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_delivery"), NULL, ngx_http_deploy_ctx_variable,
      offsetof(ngx_http_deploy_ctx_t, delivery), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_event"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_EVENT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_action"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_ACTION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_repo"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_REPO, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_branch"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_BRANCH, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_source_branch"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_SOURCE_BRANCH, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_tag"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_TAG, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_commit"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_COMMIT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_sender"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_SENDER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_number"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_NUMBER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_title"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_TITLE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_url"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_URL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_message"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_MESSAGE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_target"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_TARGET, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_user"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_USER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_channel"), NULL, ngx_http_deploy_fact_variable,
      NGX_DEPLOY_CHANNEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_status"), NULL, ngx_http_deploy_status_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_project"), NULL, ngx_http_deploy_builds_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_build_id"), NULL, ngx_http_deploy_builds_variable,
      1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    /* of the built-in deploy_transport, empty anywhere else */

    { ngx_string("deploy_transport_url"), NULL,
      ngx_http_deploy_transport_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_transport_host"), NULL,
      ngx_http_deploy_transport_variable, 1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("deploy_transport_name"), NULL,
      ngx_http_deploy_transport_variable, 2, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_deploy_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_deploy_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value)
{
    ngx_uint_t                         first;
    ngx_http_deploy_use_t             *use;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_deploy_main_conf_t       *dmcf;
    ngx_http_compile_complex_value_t   ccv;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    first = cmcf->variables.nelts;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_ERROR;
    }

    if (cmcf->variables.nelts == first) {
        return NGX_OK;
    }

    use = ngx_array_push(&dmcf->uses);
    if (use == NULL) {
        return NGX_ERROR;
    }

    use->first = first;
    use->last = cmcf->variables.nelts;
    use->file = cf->conf_file->file.name.data;
    use->line = cf->conf_file->line;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_check_variables(ngx_conf_t *cf)
{
    ngx_uint_t                    i, n;
    ngx_http_variable_t          *v;
    ngx_http_deploy_use_t        *use;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    v = cmcf->variables.elts;
    use = dmcf->uses.elts;

    for (i = 0; i < dmcf->uses.nelts; i++) {

        for (n = use[i].first; n < use[i].last; n++) {

            if (!ngx_http_deploy_known_variable(cmcf, &v[n].name)) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "unknown \"%V\" variable in %s:%ui",
                              &v[n].name, use[i].file, use[i].line);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static unsigned
ngx_http_deploy_known_variable(ngx_http_core_main_conf_t *cmcf,
    ngx_str_t *name)
{
    ngx_uint_t            i;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *prefix;

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {
        if (key[i].key.len == name->len
            && ngx_strncmp(key[i].key.data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    prefix = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {
        if (prefix[i].name.len <= name->len
            && ngx_strncmp(prefix[i].name.data, name->data,
                           prefix[i].name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_deploy_verify_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    const char             *name;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx == NULL || !ctx->verified) {
        return ngx_http_deploy_set_variable(v, (u_char *) "NONE", 4);
    }

    if (ctx->verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
        return ngx_http_deploy_set_variable(v, (u_char *) "SUCCESS", 7);
    }

    name = ngx_deploy_verify_name(ctx->verdict);

    p = ngx_pnalloc(r->pool, sizeof("FAILED:") + ngx_strlen(name));
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_set_variable(v, p,
                                        ngx_sprintf(p, "FAILED:%s", name) - p);
}


static ngx_int_t
ngx_http_deploy_secret_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx == NULL || ctx->secret == 0) {
        return ngx_http_deploy_set_variable(v, (u_char *) "", 0);
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_set_variable(v, p,
                                        ngx_sprintf(p, "%ui", ctx->secret)
                                        - p);
}


static ngx_int_t
ngx_http_deploy_fact_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_deploy_str_t       *fact;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx == NULL || ctx->event == NULL) {
        return ngx_http_deploy_set_variable(v, (u_char *) "", 0);
    }

    fact = &ctx->event->facts[data];

    return ngx_http_deploy_set_variable(v, fact->data, fact->len);
}


static ngx_int_t
ngx_http_deploy_ctx_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t              *s;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx == NULL) {
        return ngx_http_deploy_set_variable(v, (u_char *) "", 0);
    }

    s = (ngx_str_t *) (void *) ((u_char *) ctx + data);

    return ngx_http_deploy_set_variable(v, s->data, s->len);
}


static ngx_int_t
ngx_http_deploy_status_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx == NULL || ctx->result == NULL) {
        return ngx_http_deploy_set_variable(v, (u_char *) "", 0);
    }

    return ngx_http_deploy_set_variable(v, (u_char *) ctx->result,
                                        ngx_strlen(ctx->result));
}


/*
 * As $upstream_addr: the values of several builds are joined by ", ".  Before
 * they are all known, and where there is none, it is the build that the event
 * is about.
 */

static ngx_int_t
ngx_http_deploy_builds_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    size_t                    len;
    u_char                   *p, *start;
    ngx_str_t                *s;
    ngx_uint_t                i;
    ngx_http_deploy_ctx_t    *ctx;
    ngx_http_deploy_build_t  *build;

    ctx = ngx_http_deploy_get_ctx(r->main);

    if (ctx && ctx->project && data == 0) {
        return ngx_http_deploy_set_variable(v, ctx->project->data,
                                            ctx->project->len);
    }

    if (ctx == NULL || ctx->result == NULL || ctx->builds.nelts == 0) {
        return ngx_http_deploy_fact_variable(r, v,
                             data ? NGX_DEPLOY_BUILD_ID : NGX_DEPLOY_PROJECT);
    }

    build = ctx->builds.elts;

    for (len = 0, i = 0; i < ctx->builds.nelts; i++) {
        s = data ? &build[i].reply.id : &build[i].project;
        len += s->len + 3;
    }

    start = ngx_pnalloc(r->pool, len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    for (p = start, i = 0; i < ctx->builds.nelts; i++) {

        s = data ? &build[i].reply.id : &build[i].project;

        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }

        if (s->len == 0) {
            *p++ = '-';
            continue;
        }

        p = ngx_cpymem(p, s->data, s->len);
    }

    return ngx_http_deploy_set_variable(v, start, p - start);
}


static ngx_int_t
ngx_http_deploy_transport_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   *s;
    ngx_http_deploy_outbound_t  *out;

    out = ngx_http_deploy_outbound_of(r);

    if (out == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = (data == 0) ? &out->url
        : (data == 1) ? &out->parts.authority
                      : &out->parts.host;

    return ngx_http_deploy_set_variable(v, s->data, s->len);
}


static ngx_int_t
ngx_http_deploy_set_variable(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->len = len;
    v->data = data ? data : (u_char *) "";
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
