
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_notify.h"


/*
 * Builds that start builds: what can be seen of it in the configuration.  The
 * projects that are written there are the nodes of a graph; a rule with
 * "on=build" is an edge from each project that its conditions allow.
 */

typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    state;     /* 1: on the way, 2: done */
} ngx_http_deploy_node_t;


static ngx_int_t ngx_http_deploy_chain_node(ngx_array_t *nodes,
    ngx_str_t *name);
static ngx_int_t ngx_http_deploy_chain_walk(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf, ngx_array_t *nodes, ngx_uint_t n);
static ngx_uint_t ngx_http_deploy_chain_edge(ngx_http_deploy_rule_t *rule,
    ngx_str_t *project);
static ngx_uint_t ngx_http_deploy_chain_holds(ngx_deploy_condition_t *c,
    ngx_str_t *project);


ngx_int_t
ngx_http_deploy_chain_add(ngx_conf_t *cf, ngx_http_deploy_rule_t *rule)
{
    ngx_deploy_condition_t       *on;
    ngx_http_deploy_rule_t       *copy;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    copy = ngx_array_push(&dmcf->rules);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *rule;

    on = rule->conditions.elts;

    if ((on->on & NGX_DEPLOY_ON_BUILD) && !on->negate) {
        dmcf->chains = 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_chain_init(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_array_t                   nodes;
    ngx_http_deploy_rule_t       *rule;
    ngx_http_deploy_node_t       *node;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (ngx_array_init(&nodes, cf->temp_pool, 16,
                       sizeof(ngx_http_deploy_node_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rule = dmcf->rules.elts;

    for (i = 0; i < dmcf->rules.nelts; i++) {

        if (rule[i].project.lengths == NULL
            && ngx_http_deploy_chain_node(&nodes, &rule[i].text) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    node = nodes.elts;

    for (i = 0; i < nodes.nelts; i++) {

        if (node[i].state == 0
            && ngx_http_deploy_chain_walk(cf, dmcf, &nodes, i) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_chain_node(ngx_array_t *nodes, ngx_str_t *name)
{
    ngx_uint_t               i;
    ngx_http_deploy_node_t  *node;

    node = nodes->elts;

    for (i = 0; i < nodes->nelts; i++) {
        if (ngx_deploy_str_eq(&node[i].name, name)) {
            return NGX_OK;
        }
    }

    node = ngx_array_push(nodes);
    if (node == NULL) {
        return NGX_ERROR;
    }

    node->name = *name;
    node->state = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_chain_walk(ngx_conf_t *cf, ngx_http_deploy_main_conf_t *dmcf,
    ngx_array_t *nodes, ngx_uint_t n)
{
    ngx_uint_t               i, k;
    ngx_http_deploy_rule_t  *rule;
    ngx_http_deploy_node_t  *node;

    node = nodes->elts;
    rule = dmcf->rules.elts;

    node[n].state = 1;

    for (i = 0; i < dmcf->rules.nelts; i++) {

        if (rule[i].project.lengths != NULL
            || !ngx_http_deploy_chain_edge(&rule[i], &node[n].name))
        {
            continue;
        }

        for (k = 0; !ngx_deploy_str_eq(&node[k].name, &rule[i].text); k++) {
            /* void */
        }

        if (node[k].state == 1) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "builds would start each other in a circle: "
                          "\"deploy_build %V\" in %s:%ui holds after a build "
                          "of \"%V\"", &rule[i].text, rule[i].file,
                          rule[i].line, &node[n].name);
            return NGX_ERROR;
        }

        if (node[k].state == 0
            && ngx_http_deploy_chain_walk(cf, dmcf, nodes, k)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    node[n].state = 2;

    return NGX_OK;
}


/*
 * 1 when the end of a build of the project may fire the rule.  One that names
 * no project is told by other facts: its circles show at run time.
 */

static ngx_uint_t
ngx_http_deploy_chain_edge(ngx_http_deploy_rule_t *rule, ngx_str_t *project)
{
    ngx_uint_t               i, named;
    ngx_deploy_condition_t  *c;

    c = rule->conditions.elts;

    if (!(c[0].on & NGX_DEPLOY_ON_BUILD) || c[0].negate) {
        return 0;
    }

    named = 0;

    for (i = 1; i < rule->conditions.nelts; i++) {

        if (c[i].type != NGX_DEPLOY_KEY_FACT
            || c[i].fact != NGX_DEPLOY_PROJECT)
        {
            continue;
        }

        named = 1;

        if (ngx_http_deploy_chain_holds(&c[i], project) == c[i].negate) {
            return 0;
        }
    }

    return named;
}


static ngx_uint_t
ngx_http_deploy_chain_holds(ngx_deploy_condition_t *c, ngx_str_t *project)
{
    size_t                 i;
    ngx_http_regex_t      *re;
    ngx_deploy_pattern_t  *pattern;

    for (i = 0; i < c->npatterns; i++) {
        pattern = &c->patterns[i];

        switch (pattern->type) {

        case NGX_DEPLOY_PATTERN_REGEX:
            re = pattern->regex;

            if (ngx_regex_exec(re->regex, project, NULL, 0) >= 0) {
                return 1;
            }

            break;

        case NGX_DEPLOY_PATTERN_GLOB:
            if (ngx_deploy_glob_match(&pattern->text, project)) {
                return 1;
            }

            break;

        default: /* NGX_DEPLOY_PATTERN_EXACT */
            if (ngx_deploy_str_eq(&pattern->text, project)) {
                return 1;
            }
        }
    }

    return 0;
}
