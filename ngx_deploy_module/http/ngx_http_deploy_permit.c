
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_task.h"


static void ngx_http_deploy_permit_event(ngx_http_deploy_permit_t *permit,
    ngx_deploy_event_t *event, ngx_deploy_event_t *request);
static ngx_int_t ngx_http_deploy_permit_rule(ngx_http_request_t *r,
    ngx_http_deploy_permit_t *permit, ngx_deploy_event_t *event,
    ngx_http_deploy_rule_t *rule);
static ngx_uint_t ngx_http_deploy_permit_tests(
    ngx_http_deploy_permit_t *permit, ngx_deploy_event_t *event,
    ngx_deploy_condition_t *condition);
static ngx_int_t ngx_http_deploy_permit_project(ngx_http_request_t *r,
    ngx_http_deploy_permit_t *permit, ngx_http_deploy_rule_t *rule);


/*
 * What a user may do with builds is what he may start: a rule of the location
 * has to let in a command of his.  What is not known satisfies no condition.
 */

ngx_int_t
ngx_http_deploy_permit(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_permit_t *permit)
{
    int                         *captures;
    u_char                      *known, *data;
    ngx_int_t                    rc;
    ngx_uint_t                   i, n, allowed;
    ngx_deploy_event_t           event, *saved;
    ngx_http_deploy_rule_t      *rule;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (dlcf->rules == NULL) {
        return NGX_DECLINED;
    }

    known = ngx_http_deploy_variables_known(r);
    if (known == NULL) {
        return NGX_ERROR;
    }

    ngx_http_deploy_permit_event(permit, &event, ctx->events);

    saved = ctx->event;
    ctx->event = &event;

    captures = r->captures;
    data = r->captures_data;
    n = r->ncaptures;

    rule = dlcf->rules->elts;
    rc = NGX_DECLINED;
    allowed = 0;

    for (i = 0; i < dlcf->rules->nelts; i++) {

        rc = ngx_http_deploy_permit_rule(r, permit, &event, &rule[i]);

        /* of one rule nothing is left for the next */

        ngx_http_deploy_variables_forget(r, known);

        r->captures = captures;
        r->captures_data = data;
        r->ncaptures = n;

        if (rc == NGX_ERROR) {
            break;
        }

        allowed |= (rc == NGX_OK);
    }

    ctx->event = saved;

    return (rc == NGX_ERROR) ? NGX_ERROR : allowed ? NGX_OK : NGX_DECLINED;
}


/* a command of this user, about what started the build */

static void
ngx_http_deploy_permit_event(ngx_http_deploy_permit_t *permit,
    ngx_deploy_event_t *event, ngx_deploy_event_t *request)
{
    ngx_uint_t  i;

    static ngx_uint_t  who[] = {
        NGX_DEPLOY_PROVIDER, NGX_DEPLOY_SENDER, NGX_DEPLOY_USER,
        NGX_DEPLOY_CHANNEL, NGX_DEPLOY_TEAM
    };

    if (permit->cause) {
        *event = *permit->cause;

    } else {
        ngx_deploy_event_init(event);
    }

    if (!ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT], "slack_command")) {
        ngx_str_null(&event->facts[NGX_DEPLOY_TARGET]);
        ngx_str_null(&event->facts[NGX_DEPLOY_COMMAND]);
    }

    for (i = 0; i < sizeof(who) / sizeof(ngx_uint_t); i++) {
        event->facts[who[i]] = request->facts[who[i]];
    }

    if (request->facts[NGX_DEPLOY_COMMAND].len) {
        event->facts[NGX_DEPLOY_COMMAND] = request->facts[NGX_DEPLOY_COMMAND];
    }

    if (permit->target) {
        event->facts[NGX_DEPLOY_TARGET] = *permit->target;
    }

    ngx_str_set(&event->facts[NGX_DEPLOY_EVENT], "slack_command");
    ngx_str_null(&event->facts[NGX_DEPLOY_ACTION]);
    ngx_str_null(&event->facts[NGX_DEPLOY_PROJECT]);
    ngx_str_null(&event->facts[NGX_DEPLOY_STATUS]);
    ngx_str_null(&event->facts[NGX_DEPLOY_PHASE]);
    ngx_str_null(&event->facts[NGX_DEPLOY_BUILD_ID]);
}


static ngx_int_t
ngx_http_deploy_permit_rule(ngx_http_request_t *r,
    ngx_http_deploy_permit_t *permit, ngx_deploy_event_t *event,
    ngx_http_deploy_rule_t *rule)
{
    ngx_uint_t               i, n;
    ngx_deploy_match_t       match;
    ngx_deploy_matcher_t     matcher;
    ngx_deploy_condition_t  *c, *tested;

    c = rule->conditions.elts;

    tested = ngx_palloc(r->pool, rule->conditions.nelts
                                 * sizeof(ngx_deploy_condition_t));
    if (tested == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, n = 0; i < rule->conditions.nelts; i++) {
        if (ngx_http_deploy_permit_tests(permit, event, &c[i])) {
            tested[n++] = c[i];
        }
    }

    matcher = ngx_http_deploy_matcher(r);

    if (ngx_deploy_conditions_match(tested, n, event, &matcher, &match)
        != NGX_DEPLOY_OK)
    {
        return NGX_DECLINED;
    }

    return (permit->project || permit->projects)
           ? ngx_http_deploy_permit_project(r, permit, rule) : NGX_OK;
}


static ngx_uint_t
ngx_http_deploy_permit_tests(ngx_http_deploy_permit_t *permit,
    ngx_deploy_event_t *event, ngx_deploy_condition_t *condition)
{
    if (condition->type == NGX_DEPLOY_KEY_ON
        || condition->type == NGX_DEPLOY_KEY_IF)
    {
        return 1;
    }

    if (condition->type == NGX_DEPLOY_KEY_PATH) {
        return !permit->who;
    }

    switch (condition->fact) {

    case NGX_DEPLOY_PROVIDER:
    case NGX_DEPLOY_EVENT:
    case NGX_DEPLOY_SENDER:
    case NGX_DEPLOY_USER:
    case NGX_DEPLOY_CHANNEL:
    case NGX_DEPLOY_TEAM:
        return 1;

    case NGX_DEPLOY_TARGET:
    case NGX_DEPLOY_COMMAND:

        /* no part of what a build is: a name that users have for it */

        return event->facts[condition->fact].data != NULL;

    default:
        return !permit->who;
    }
}


static ngx_int_t
ngx_http_deploy_permit_project(ngx_http_request_t *r,
    ngx_http_deploy_permit_t *permit, ngx_http_deploy_rule_t *rule)
{
    ngx_str_t  project, *name;

    if (ngx_http_complex_value(r, &rule->project, &project) != NGX_OK) {
        return NGX_ERROR;
    }

    if (permit->project) {
        return ngx_deploy_str_eq(&project, permit->project) ? NGX_OK
                                                            : NGX_DECLINED;
    }

    if (ngx_deploy_codebuild_project_name(&project) != NGX_DEPLOY_OK) {
        return NGX_DECLINED;
    }

    name = ngx_array_push(permit->projects);
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = project;

    return NGX_OK;
}
