
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_media.h"
#include "ngx_deploy_tool_explain.h"


typedef struct {
    const ngx_deploy_tool_directive_t  *d;
    ngx_deploy_condition_t             *conditions;
    size_t                              nconditions;
} ngx_deploy_tool_rule_t;


static int ngx_deploy_tool_rule(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_rule_t *rule);
static int ngx_deploy_tool_rule_regexes(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule);
static void ngx_deploy_tool_rule_try(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule, size_t event, ngx_deploy_json_t *builds,
    ngx_deploy_json_t *rules);
static void ngx_deploy_tool_rule_fires(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule, size_t event, ngx_deploy_json_t *builds,
    unsigned paths_unknown);
static void ngx_deploy_tool_rule_missed(ngx_deploy_tool_rule_t *rule,
    size_t event, const ngx_deploy_match_t *match, ngx_deploy_json_t *rules);
static int ngx_deploy_tool_rule_regex(void *data, void *regex,
    const ngx_deploy_str_t *s);
static int ngx_deploy_tool_rule_value(void *data, void *value,
    ngx_deploy_str_t *s);


int
ngx_deploy_tool_payload(ngx_deploy_tool_explain_t *explain,
    const char **reason)
{
    int                      rc;
    ngx_deploy_str_t        *body;
    ngx_deploy_pool_t       *pool;
    ngx_deploy_payload_t    *payload;
    ngx_deploy_senders_t    *senders;
    ngx_deploy_delivery_t    delivery;

    pool = &explain->tool->pool;
    body = &explain->message.body;

    senders = ngx_deploy_senders_create(pool);
    if (senders == NULL) {
        ngx_deploy_tool_no_memory();
    }

    memset(&delivery, 0, sizeof(ngx_deploy_delivery_t));

    delivery.scheme = explain->off
                          ? NULL : explain->verifiers[explain->verifier].name;
    delivery.get_header = ngx_deploy_tool_message_header;
    delivery.data = &explain->message;
    delivery.form = explain->form;

    rc = ngx_deploy_payload_create(&payload, pool, senders, &delivery, reason);

    if (rc == NGX_DEPLOY_OK) {

        rc = body->len ? ngx_deploy_payload_feed(payload, body->data,
                                                 body->len)
                       : NGX_DEPLOY_OK;

        if (rc == NGX_DEPLOY_OK) {
            rc = ngx_deploy_payload_end(payload, &explain->events,
                                        &explain->nevents);
        }

        *reason = ngx_deploy_payload_reason(payload);

        explain->provider = *ngx_deploy_payload_provider(payload);
        explain->delivery = explain->id.len ? explain->id
                                 : *ngx_deploy_payload_delivery(payload);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        ngx_deploy_tool_no_memory();
    }

    return rc;
}


int
ngx_deploy_tool_rules(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_json_t *builds, ngx_deploy_json_t *rules)
{
    size_t                              i, n, event;
    ngx_deploy_tool_rule_t             *rule;
    const ngx_deploy_tool_directive_t  *d, *first;

    first = explain->place.levels[explain->place.n - 1]->block;

    for (n = 0, d = ngx_deploy_tool_conf_find(first, "deploy_build");
         d;
         d = ngx_deploy_tool_conf_find(d->next, "deploy_build"))
    {
        n++;
    }

    rule = ngx_deploy_tool_alloc(explain->tool, (n + 1)
                                          * sizeof(ngx_deploy_tool_rule_t));

    for (n = 0, d = ngx_deploy_tool_conf_find(first, "deploy_build");
         d;
         d = ngx_deploy_tool_conf_find(d->next, "deploy_build"))
    {
        if (ngx_deploy_tool_rule(explain, d, &rule[n++]) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }
    }

    for (event = 0; event < explain->nevents; event++) {

        explain->event = &explain->events[event];

        for (i = 0; i < n; i++) {
            ngx_deploy_tool_rule_try(explain, &rule[i], event, builds, rules);
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_rule(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_rule_t *rule)
{
    int          rc;
    size_t       bad;
    const char  *reason;

    if (d->nargs < 2) {
        return ngx_deploy_tool_error(explain->tool, "%s:%u: \"deploy_build\" "
                                     "has no project", d->file, d->line);
    }

    rule->d = d;

    rc = ngx_deploy_conditions_parse(&explain->tool->pool, d->args + 2,
                                     d->nargs - 2, NGX_DEPLOY_ON_MERGE,
                                     &rule->conditions, &rule->nconditions,
                                     &bad, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        ngx_deploy_tool_no_memory();
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(explain->tool, "%s:%u: condition \"%s\" "
                                     "%s", d->file, d->line,
                                     (char *) d->args[2 + bad].data, reason);
    }

    return ngx_deploy_tool_rule_regexes(explain, rule);
}


static int
ngx_deploy_tool_rule_regexes(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule)
{
    size_t                     i, n;
    const char                *reason;
    ngx_deploy_pattern_t      *pattern;
    ngx_deploy_condition_t    *c;
    ngx_deploy_tool_regex_t   *regex;

    for (i = 0; i < rule->nconditions; i++) {

        c = &rule->conditions[i];

        if (c->type == NGX_DEPLOY_KEY_IF) {
            c->value = &c->want;
        }

        for (n = 0; n < c->npatterns; n++) {

            pattern = &c->patterns[n];

            if (pattern->type != NGX_DEPLOY_PATTERN_REGEX) {
                continue;
            }

            if (ngx_deploy_tool_regex(explain->tool, &pattern->text,
                                      pattern->caseless, 1, &regex, &reason)
                != NGX_DEPLOY_OK)
            {
                return ngx_deploy_tool_error(explain->tool, "%s:%u: "
                                             "condition \"%.*s\": %s",
                                             rule->d->file, rule->d->line,
                                             (int) c->key.len,
                                             (char *) c->key.data, reason);
            }

            pattern->regex = regex;
        }
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_rule_try(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule, size_t event, ngx_deploy_json_t *builds,
    ngx_deploy_json_t *rules)
{
    ngx_deploy_match_t    match;
    ngx_deploy_matcher_t  matcher;

    matcher.regex = ngx_deploy_tool_rule_regex;
    matcher.value = ngx_deploy_tool_rule_value;
    matcher.data = explain;

    if (ngx_deploy_conditions_match(rule->conditions, rule->nconditions,
                                    explain->event, &matcher, &match)
        == NGX_DEPLOY_OK)
    {
        ngx_deploy_tool_rule_fires(explain, rule, event, builds,
                                   match.paths_unknown);
        return;
    }

    ngx_deploy_tool_rule_missed(rule, event, &match, rules);
}


/* a project at most once per event */

static void
ngx_deploy_tool_rule_fires(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_rule_t *rule, size_t event, ngx_deploy_json_t *builds,
    unsigned paths_unknown)
{
    size_t              i;
    const char         *reason;
    ngx_deploy_str_t    project, s;
    ngx_deploy_json_t  *build, *request;

    (void) ngx_deploy_tool_value(explain, &rule->d->args[1], &project);

    for (i = 0; (build = ngx_deploy_json_at(builds, i)) != NULL; i++) {

        s = ngx_deploy_json_get_str(build, "project");

        if (ngx_deploy_str_eq(&s, &project)
            && ngx_deploy_json_get_int(build, "event", 0) == (int64_t) event)
        {
            return;
        }
    }

    build = ngx_deploy_json_object();

    s = ngx_deploy_tool_str(rule->d->file);

    (void) ngx_deploy_json_set_str(build, "project", &project);
    (void) ngx_deploy_json_set_str(build, "file", &s);
    (void) ngx_deploy_json_set(build, "line",
                               ngx_deploy_json_int(rule->d->line));
    (void) ngx_deploy_json_set(build, "event", ngx_deploy_json_int(event));

    explain->project = &project;
    request = ngx_deploy_tool_start_body(explain, &project, &reason);
    explain->project = NULL;

    s = ngx_deploy_tool_str(request ? "dry_run" : "failed");
    (void) ngx_deploy_json_set_str(build, "status", &s);

    if (paths_unknown) {
        (void) ngx_deploy_json_set(build, "paths_unknown",
                                   ngx_deploy_json_bool(1));
    }

    if (request) {
        (void) ngx_deploy_json_set(build, "request", request);

    } else {
        s = ngx_deploy_tool_str(reason);
        (void) ngx_deploy_json_set(build, "error",
                               ngx_deploy_json_text("InvalidInputException"));
        (void) ngx_deploy_json_set_str(build, "message", &s);
    }

    (void) ngx_deploy_json_append(builds, build);
}


/* as in "rules" of answers, and the file */

static void
ngx_deploy_tool_rule_missed(ngx_deploy_tool_rule_t *rule, size_t event,
    const ngx_deploy_match_t *match, ngx_deploy_json_t *rules)
{
    ngx_deploy_str_t               file;
    ngx_deploy_json_t             *json;
    const ngx_deploy_condition_t  *failed;

    json = ngx_deploy_json_object();
    failed = match->failed;

    file = ngx_deploy_tool_str(rule->d->file);

    (void) ngx_deploy_json_set_str(json, "project", &rule->d->args[1]);
    (void) ngx_deploy_json_set_str(json, "file", &file);
    (void) ngx_deploy_json_set(json, "line",
                               ngx_deploy_json_int(rule->d->line));
    (void) ngx_deploy_json_set(json, "event", ngx_deploy_json_int(event));
    (void) ngx_deploy_json_set_str(json, "failed", &failed->key);
    (void) ngx_deploy_json_set_str(json, failed->negate ? "want_not" : "want",
                                   &failed->want);
    (void) ngx_deploy_json_set_str(json, "got", &match->got);

    if (match->paths_unknown) {
        (void) ngx_deploy_json_set(json, "paths_unknown",
                                   ngx_deploy_json_bool(1));
    }

    (void) ngx_deploy_json_append(rules, json);
}


static int
ngx_deploy_tool_rule_regex(void *data, void *regex, const ngx_deploy_str_t *s)
{
    return ngx_deploy_tool_regex_match(data, regex, s);
}


/* what is not evaluated is taken as empty, and is noted */

static int
ngx_deploy_tool_rule_value(void *data, void *value, ngx_deploy_str_t *s)
{
    if (ngx_deploy_tool_value(data, value, s) != NGX_DEPLOY_OK) {
        s->len = 0;
    }

    return NGX_DEPLOY_OK;
}
