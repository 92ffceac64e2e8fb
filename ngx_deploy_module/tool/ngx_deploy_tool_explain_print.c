
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_answer.h"
#include "ngx_deploy_tool_explain.h"


void
ngx_deploy_tool_explain_text(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    size_t                              i, n;
    ngx_deploy_str_t                    s;
    const ngx_deploy_tool_directive_t  *d;

    for (i = 1; i < explain->place.n; i++) {
        d = explain->place.levels[i];

        for (n = 0; n < d->nargs; n++) {
            printf("%s", n ? " " : "");
            ngx_deploy_tool_put(stdout, &d->args[n]);
        }

        printf(", %s:%u\n", d->file, d->line);
    }

    if (!explain->off) {
        printf("deploy_verify %s: %s",
               explain->nverifiers ? explain->verifiers[explain->verifier].name
                                   : "",
               ngx_deploy_verify_name(explain->verdict));

        if (explain->secret) {
            printf(", by %s, line %u", explain->files[explain->verifier],
                   explain->secret);
        }

        fputc('\n', stdout);
    }

    printf("%s%s%s", result->status, result->reason ? ": " : "",
           result->reason ? result->reason : "");

    if (explain->delivery.len) {
        printf(", delivery ");
        ngx_deploy_tool_put(stdout, &explain->delivery);
    }

    fputc('\n', stdout);

    if (explain->events) {
        ngx_deploy_tool_put_events(result->events);
    }

    ngx_deploy_tool_put_builds(explain->tool, result->builds);
    ngx_deploy_tool_put_rules(result->rules);

    for (i = 0; i < explain->unknown.n; i++) {
        s = ngx_deploy_tool_str(explain->unknown.elts[i]);

        printf("not evaluated: ");
        ngx_deploy_tool_put(stdout, &s);
        fputc('\n', stdout);
    }
}


void
ngx_deploy_tool_explain_json(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    size_t                              i;
    ngx_deploy_str_t                    s;
    ngx_deploy_json_t                  *json, *unknown;
    const ngx_deploy_tool_directive_t  *d;

    json = ngx_deploy_json_object();
    unknown = ngx_deploy_json_array();
    d = explain->place.levels[explain->place.n - 1];

    s = ngx_deploy_tool_str(d->file);

    (void) ngx_deploy_json_set(json, "status",
                               ngx_deploy_json_text(result->status));
    (void) ngx_deploy_json_set_str(json, "file", &s);
    (void) ngx_deploy_json_set(json, "line", ngx_deploy_json_int(d->line));

    if (result->reason) {
        (void) ngx_deploy_json_set(json, "reason",
                                   ngx_deploy_json_text(result->reason));
    }

    if (!explain->off && explain->nverifiers) {
        (void) ngx_deploy_json_set(json, "verdict", ngx_deploy_json_text(
                                   ngx_deploy_verify_name(explain->verdict)));
        (void) ngx_deploy_json_set(json, "scheme", ngx_deploy_json_text(
                             explain->verifiers[explain->verifier].name));
        s = ngx_deploy_tool_str(explain->files[explain->verifier]);
        (void) ngx_deploy_json_set_str(json, "secret_file", &s);
    }

    if (explain->secret) {
        (void) ngx_deploy_json_set(json, "secret_line",
                                   ngx_deploy_json_int(explain->secret));
    }

    if (explain->delivery.len) {
        (void) ngx_deploy_json_set_str(json, "delivery", &explain->delivery);
    }

    (void) ngx_deploy_json_set(json, "events", result->events);
    (void) ngx_deploy_json_set(json, "builds", result->builds);
    (void) ngx_deploy_json_set(json, "rules", result->rules);

    result->events = NULL;
    result->builds = NULL;
    result->rules = NULL;

    for (i = 0; i < explain->unknown.n; i++) {
        s = ngx_deploy_tool_str(explain->unknown.elts[i]);
        (void) ngx_deploy_json_append(unknown, ngx_deploy_json_str(&s));
    }

    (void) ngx_deploy_json_set(json, "not_evaluated", unknown);

    ngx_deploy_tool_print(explain->tool, json);
}
