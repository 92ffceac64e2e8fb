
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_notify.h"
#include "ngx_http_deploy_outbound.h"


static char *ngx_http_deploy_set_handler(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_str_t *name);
static char *ngx_http_deploy_rule_regex(ngx_conf_t *cf,
    ngx_deploy_pattern_t *pattern, ngx_str_t *arg);
static void ngx_http_deploy_rule_same(ngx_conf_t *cf, ngx_array_t *rules);
static unsigned ngx_http_deploy_same_conditions(ngx_array_t *a,
    ngx_array_t *b);


char *
ngx_http_deploy_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    return ngx_http_deploy_set_handler(cf, conf, &value[0]);
}


static char *
ngx_http_deploy_set_handler(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_str_t *name)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_deploy_main_conf_t *dmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler && clcf->handler != ngx_http_deploy_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in a location that has another handler",
                           name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_deploy_handler;

    if (dlcf->handler != 1) {
        dlcf->handler = 1;
        dlcf->file = cf->conf_file->file.name.data;
        dlcf->line = cf->conf_file->line;
        dlcf->name = clcf->name;
    }

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);
    dmcf->used = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_deploy_build(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    char                    *rv;
    ngx_str_t               *value;
    ngx_http_deploy_rule_t  *rule;

    value = cf->args->elts;

    rv = ngx_http_deploy_set_handler(cf, dlcf, &value[0]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (dlcf->rules == NULL) {
        dlcf->rules = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_deploy_rule_t));
        if (dlcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rule = ngx_array_push(dlcf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, sizeof(ngx_http_deploy_rule_t));

    rule->text = value[1];
    rule->file = cf->conf_file->file.name.data;
    rule->line = cf->conf_file->line;

    if (ngx_http_deploy_compile(cf, &value[1], &rule->project) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (rule->project.lengths == NULL
        && ngx_deploy_codebuild_project_name(
                                      &value[1])
           != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid project name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_deploy_conditions(cf, &rule->conditions, &value[2],
                                    cf->args->nelts - 2, NGX_DEPLOY_ON_MERGE);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_deploy_rule_same(cf, dlcf->rules);

    if (ngx_http_deploy_chain_add(cf, rule) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_deploy_outbound_use(cf);

    return NGX_CONF_OK;
}


char *
ngx_http_deploy_conditions(ngx_conf_t *cf, ngx_array_t *conditions,
    ngx_str_t *value, ngx_uint_t n, ngx_uint_t dflt)
{
    int                      rc;
    char                    *rv;
    size_t                   k, bad;
    ngx_str_t                text;
    ngx_uint_t               i, event;
    const char              *reason;
    ngx_deploy_pool_t        pool;
    ngx_deploy_condition_t  *c;

    pool = ngx_http_deploy_pool(cf->pool);

    ngx_memzero(conditions, sizeof(ngx_array_t));

    rc = ngx_deploy_conditions_parse(&pool, value, n, dflt, &c,
                                     &conditions->nelts, &bad, &reason);

    if (rc == NGX_DEPLOY_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "condition \"%V\" %s",
                           &value[bad], reason);
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_CONF_ERROR;
    }

    conditions->elts = c;
    conditions->size = sizeof(ngx_deploy_condition_t);
    conditions->nalloc = conditions->nelts;
    conditions->pool = cf->pool;

    event = 0;

    for (i = 1; i < conditions->nelts; i++) {

        event |= (c[i].type == NGX_DEPLOY_KEY_FACT
                  && c[i].fact == NGX_DEPLOY_EVENT);

        text.data = c[i].key.data;
        text.len = c[i].want.data + c[i].want.len - text.data;

        for (k = 0; k < c[i].npatterns; k++) {
            if (c[i].patterns[k].type != NGX_DEPLOY_PATTERN_REGEX) {
                continue;
            }

            rv = ngx_http_deploy_rule_regex(cf, &c[i].patterns[k], &text);
            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }

        if (c[i].type == NGX_DEPLOY_KEY_IF) {

            c[i].value = ngx_palloc(cf->pool,
                                    sizeof(ngx_http_complex_value_t));
            if (c[i].value == NULL) {
                return NGX_CONF_ERROR;
            }

            if (ngx_http_deploy_compile(cf, &c[i].want, c[i].value)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    /* the default one has no text of an argument */

    for (k = 0; k < n && dflt == NGX_DEPLOY_ON_MERGE; k++) {
        if (ngx_strncmp(value[k].data, "on=", 3) == 0
            || ngx_strncmp(value[k].data, "on!=", 4) == 0)
        {
            event = 0;
        }
    }

    if (event && dflt == NGX_DEPLOY_ON_MERGE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"event=\" without \"on=\": only merges match, "
                           "write \"on=any\"");
    }

    return NGX_CONF_OK;
}


/*
 * Anchored by the text and checked again when it matched, so that neither
 * "|" nor a verb can get around it.
 */

static char *
ngx_http_deploy_rule_regex(ngx_conf_t *cf, ngx_deploy_pattern_t *pattern,
    ngx_str_t *arg)
{
    u_char                err[NGX_MAX_CONF_ERRSTR];
    ngx_http_regex_t     *re;
    ngx_regex_compile_t   rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.len = pattern->text.len;
    rc.pattern.data = pattern->text.data;
    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = err;
    rc.options = pattern->caseless ? NGX_REGEX_CASELESS : 0;

    /* as written first: "a)(b" is no regex, "(?:a)(b)" is */

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "condition \"%V\": %V",
                           arg, &rc.err);
        return NGX_CONF_ERROR;
    }

    rc.pattern.len = pattern->text.len + sizeof("\\A(?:)\\z") - 1;
    rc.pattern.data = ngx_pnalloc(cf->pool, rc.pattern.len + 1);
    if (rc.pattern.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(rc.pattern.data, "\\A(?:%V)\\z%Z",
                &pattern->text);

    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = err;

    re = ngx_http_regex_compile(cf, &rc);
    if (re == NULL) {
        return NGX_CONF_ERROR;
    }

    pattern->regex = re;

    return NGX_CONF_OK;
}


static void
ngx_http_deploy_rule_same(ngx_conf_t *cf, ngx_array_t *rules)
{
    ngx_uint_t               i;
    ngx_http_deploy_rule_t  *rule, *last;

    rule = rules->elts;
    last = &rule[rules->nelts - 1];

    for (i = 0; i < rules->nelts - 1; i++) {

        if (rule[i].text.len == last->text.len
            && ngx_memcmp(rule[i].text.data, last->text.data, last->text.len)
               == 0
            && ngx_http_deploy_same_conditions(&rule[i].conditions,
                                               &last->conditions))
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "this rule never matches: the one in %s:%ui "
                               "is the same", rule[i].file, rule[i].line);
            return;
        }
    }
}


static unsigned
ngx_http_deploy_same_conditions(ngx_array_t *a, ngx_array_t *b)
{
    ngx_uint_t               i, j;
    ngx_deploy_condition_t  *ca, *cb;

    if (a->nelts != b->nelts) {
        return 0;
    }

    ca = a->elts;
    cb = b->elts;

    for (i = 0; i < a->nelts; i++) {

        for (j = 0; j < b->nelts; j++) {
            if (ca[i].negate == cb[j].negate
                && ngx_deploy_str_eq(&ca[i].key, &cb[j].key)
                && ngx_deploy_str_eq(&ca[i].want, &cb[j].want))
            {
                break;
            }
        }

        if (j == b->nelts) {
            return 0;
        }
    }

    return 1;
}
