
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_notify.h"


#define NGX_HTTP_DEPLOY_MAX_MISSES  256


static ngx_int_t ngx_http_deploy_match_event(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_uint_t index);
static ngx_int_t ngx_http_deploy_fire(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_uint_t index, ngx_http_deploy_rule_t *rule,
    ngx_deploy_match_t *match);
static int ngx_http_deploy_match_regex(void *data, void *regex,
    const ngx_deploy_str_t *s);
static int ngx_http_deploy_match_value(void *data, void *value,
    ngx_deploy_str_t *s);


u_char *
ngx_http_deploy_variables_known(ngx_http_request_t *r)
{
    u_char                     *known;
    ngx_uint_t                  i, n;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    n = cmcf->variables.nelts;

    known = ngx_pnalloc(r->pool, n + 1);
    if (known == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        known[i] = r->variables[i].valid || r->variables[i].not_found;
    }

    return known;
}


void
ngx_http_deploy_variables_forget(ngx_http_request_t *r, u_char *known)
{
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (!known[i]) {
            r->variables[i].valid = 0;
            r->variables[i].not_found = 0;
        }
    }
}


ngx_int_t
ngx_http_deploy_match_events(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    u_char      *known;
    ngx_int_t    rc;
    ngx_uint_t   i;

    known = ngx_http_deploy_variables_known(r);
    if (known == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < ctx->nevents; i++) {

        ctx->event = &ctx->events[i];

        rc = ngx_http_deploy_match_event(r, ctx, i);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_http_deploy_variables_forget(r, known);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_match_event(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_uint_t index)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i, matched;
    ngx_deploy_match_t           match;
    ngx_deploy_matcher_t         matcher;
    ngx_http_deploy_miss_t      *miss;
    ngx_http_deploy_rule_t      *rule;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (ngx_http_deploy_report(r, ctx, ctx->event) != NGX_OK) {
        return NGX_ERROR;
    }

    if (dlcf->rules == NULL) {
        return NGX_OK;
    }

    matcher = ngx_http_deploy_matcher(r);

    rule = dlcf->rules->elts;
    matched = 0;

    for (i = 0; i < dlcf->rules->nelts; i++) {

        if (ngx_deploy_conditions_match(rule[i].conditions.elts,
                                        rule[i].conditions.nelts, ctx->event,
                                        &matcher, &match)
            == NGX_DEPLOY_OK)
        {
            if (matched++ == 0) {
                ngx_http_deploy_count_event(1);
            }

            rc = ngx_http_deploy_fire(r, ctx, index, &rule[i], &match);

            if (rc != NGX_OK) {
                return rc;
            }

            continue;
        }

        if (ctx->misses.nelts >= NGX_HTTP_DEPLOY_MAX_MISSES) {
            continue;
        }

        miss = ngx_array_push(&ctx->misses);
        if (miss == NULL) {
            return NGX_ERROR;
        }

        miss->rule = &rule[i];
        miss->event = index;
        miss->match = match;
    }

    if (matched == 0) {
        ngx_http_deploy_count_event(0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_fire(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_uint_t index, ngx_http_deploy_rule_t *rule, ngx_deploy_match_t *match)
{
    ngx_int_t                 rc;
    ngx_str_t                 project;
    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    if (ctx->stale) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, &rule->project, &project) != NGX_OK) {
        return NGX_ERROR;
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {
        if (build[i].event == index
            && build[i].project.len == project.len
            && ngx_strncmp(build[i].project.data, project.data, project.len)
               == 0)
        {
            return NGX_OK;
        }
    }

    if (ctx->builds.nelts >= NGX_HTTP_DEPLOY_MAX_BUILDS) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "deploy drops build of \"%V\": over %d builds in one "
                      "delivery", &project, NGX_HTTP_DEPLOY_MAX_BUILDS);
        return NGX_OK;
    }

    build = ngx_array_push(&ctx->builds);
    if (build == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(build, sizeof(ngx_http_deploy_build_t));

    build->project = project;
    build->event = index;
    build->rule = rule;
    build->paths_unknown = match->paths_unknown;
    build->reply.number = -1;

    if (ctx->upstream
        && ngx_http_deploy_report_next(r, ctx, build) == NGX_DONE)
    {
        return NGX_OK;
    }

    rc = ngx_http_deploy_start(r, ctx, build, ctx->builds.nelts - 1);

    if (rc == NGX_DONE || rc == NGX_BUSY) {

        /* the builds are those of the delivery that came before */

        ctx->joined = project;
        ctx->builds.nelts = 0;
    }

    return rc;
}


ngx_deploy_matcher_t
ngx_http_deploy_matcher(ngx_http_request_t *r)
{
    ngx_deploy_matcher_t  matcher;

    matcher.regex = ngx_http_deploy_match_regex;
    matcher.value = ngx_http_deploy_match_value;
    matcher.data = r;

    return matcher;
}


/*
 * ngx_http_regex_exec() makes an alert of a match limit that a stranger's
 * branch name can reach; here it is an error that matches nothing.
 */

static int
ngx_http_deploy_match_regex(void *data, void *regex, const ngx_deploy_str_t *s)
{
    ngx_http_request_t *r = data;
    ngx_http_regex_t   *re = regex;

    int                         *captures;
    ngx_int_t                    rc;
    ngx_str_t                    str;
    ngx_uint_t                   i, n, len;
    ngx_http_variable_value_t   *vv;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    len = ngx_max(cmcf->ncaptures, 3);

    captures = ngx_palloc(r->pool, len * sizeof(int));
    if (captures == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    str = *s;

    rc = ngx_regex_exec(re->regex, &str, captures, len);

    if (rc == NGX_REGEX_NO_MATCHED) {
        return NGX_DEPLOY_DECLINED;
    }

    if (rc < 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "deploy regex \"%V\" failed: %i, the rule does not "
                      "match", &re->name, rc);
        return NGX_DEPLOY_ERROR;
    }

    if (captures[0] != 0 || captures[1] != (int) s->len) {
        return NGX_DEPLOY_DECLINED;
    }

    if (re->ncaptures == 0) {
        return NGX_DEPLOY_OK;
    }

    r->captures = captures;
    r->captures_data = s->data;
    r->ncaptures = rc * 2;
    r->realloc_captures = 1;

    for (i = 0; i < re->nvariables; i++) {

        n = re->variables[i].capture;
        vv = &r->variables[re->variables[i].index];

        vv->len = captures[n + 1] - captures[n];
        vv->valid = 1;
        vv->no_cacheable = 0;
        vv->not_found = 0;
        vv->data = &s->data[captures[n]];
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_http_deploy_match_value(void *data, void *value, ngx_deploy_str_t *s)
{
    ngx_str_t  v;

    if (ngx_http_complex_value(data, value, &v) != NGX_OK) {
        return NGX_DEPLOY_ERROR;
    }

    s->len = v.len;
    s->data = v.data;

    return NGX_DEPLOY_OK;
}
