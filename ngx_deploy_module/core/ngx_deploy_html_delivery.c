
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_html_writer.h"
#include "ngx_deploy_event.h"


#define NGX_DEPLOY_HTML_PATHS  50


static void ngx_deploy_html_fact(ngx_deploy_html_t *h, const char *name,
    ngx_deploy_json_t *json, const char *key);
static void ngx_deploy_html_verdict(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery);
static void ngx_deploy_html_events(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery);
static void ngx_deploy_html_event_facts(ngx_deploy_html_t *h,
    ngx_deploy_json_t *event);
static void ngx_deploy_html_paths(ngx_deploy_html_t *h,
    ngx_deploy_json_t *event);
static void ngx_deploy_html_rules(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery, int64_t event);
static void ngx_deploy_html_rule(ngx_deploy_html_t *h,
    ngx_deploy_json_t *rule);
static void ngx_deploy_html_all_builds(ngx_deploy_html_t *h,
    ngx_deploy_json_t *builds);
static void ngx_deploy_html_tries(ngx_deploy_html_t *h,
    ngx_deploy_json_t *build);
static void ngx_deploy_html_redeliver(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery);
static size_t ngx_deploy_html_count(ngx_deploy_json_t *array);


static const char *const  ngx_deploy_html_rule_columns[] = {
    "Line", "Project", "Result", "Why", NULL
};

static const char *const  ngx_deploy_html_build_columns[] = {
    "Build", "Event", "Run", "State", "Since", "Next try", "Attempts",
    "Error", NULL
};

static const char *const  ngx_deploy_html_try_columns[] = {
    "Attempt", "At", "Took", "HTTP status", "Error", NULL
};


void
ngx_deploy_html_delivery(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery)
{
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *builds;

    builds = ngx_deploy_json_get(delivery, "builds");

    ngx_deploy_html_put(h, "<article>\n<h1>Delivery ");
    ngx_deploy_html_member(h, delivery, "delivery");
    ngx_deploy_html_put(h, "</h1>\n");

    ngx_deploy_html_verdict(h, delivery);

    ngx_deploy_html_put(h, "<dl>");

    s = ngx_deploy_json_get_str(delivery, "status");

    ngx_deploy_html_put(h, "<dt>Status</dt><dd>");
    ngx_deploy_html_badge(h, &s);
    ngx_deploy_html_put(h, "</dd><dt>Received</dt><dd>");
    ngx_deploy_html_time(h, delivery, "received");
    ngx_deploy_html_put(h, "</dd>");

    ngx_deploy_html_fact(h, "Sender", delivery, "provider");
    ngx_deploy_html_fact(h, "Verified by", delivery, "scheme");
    ngx_deploy_html_fact(h, "Location", delivery, "location");
    ngx_deploy_html_fact(h, "Server", delivery, "server");
    ngx_deploy_html_put(h, "</dl>\n");

    ngx_deploy_html_redeliver(h, delivery);

    if (!ngx_deploy_html_empty(builds)) {
        ngx_deploy_html_all_builds(h, builds);
    }

    ngx_deploy_html_events(h, delivery);

    ngx_deploy_html_put(h, "</article>\n");
}


static void
ngx_deploy_html_fact(ngx_deploy_html_t *h, const char *name,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_str_t  s;

    s = ngx_deploy_json_get_str(json, key);

    if (s.len == 0) {
        return;
    }

    ngx_deploy_html_put(h, "<dt>");
    ngx_deploy_html_put(h, name);
    ngx_deploy_html_put(h, "</dt><dd>");
    ngx_deploy_html_str(h, &s);
    ngx_deploy_html_put(h, "</dd>");
}


/* the whole of it in a sentence */

static void
ngx_deploy_html_verdict(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery)
{
    ngx_deploy_str_t    status;
    ngx_deploy_json_t  *events, *rules;

    events = ngx_deploy_json_get(delivery, "events");
    rules = ngx_deploy_json_get(delivery, "rules");
    status = ngx_deploy_json_get_str(delivery, "status");

    ngx_deploy_html_put(h, "<p class=\"note\">");

    if (ngx_deploy_str_is(&status, "dry_run")) {
        ngx_deploy_html_put(h, "It was a dry run: nothing was started.");

    } else if (ngx_deploy_str_is(&status, "failed")) {
        ngx_deploy_html_put(h, "A build was not started, its error is "
                            "below.");

    } else if (ngx_deploy_str_is(&status, "queued")) {
        ngx_deploy_html_put(h, "Not everything is started yet, it is tried "
                            "again.");

    } else if (ngx_deploy_str_is(&status, "started")) {
        ngx_deploy_html_put(h, "All of its builds were started.");

    } else if (ngx_deploy_html_empty(events)) {
        ngx_deploy_html_put(h, "Nothing was started: it holds no event.");

    } else if (ngx_deploy_html_empty(rules)) {
        ngx_deploy_html_put(h, "Nothing was started: its location has no "
                            "rules, or it was a ping or a late report.");

    } else {
        ngx_deploy_html_put(h, "Nothing was started: no rule of its location "
                            "matched. The first condition of each that did "
                            "not hold is below.");
    }

    ngx_deploy_html_put(h, "</p>\n");
}


static void
ngx_deploy_html_events(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery)
{
    size_t              i;
    ngx_deploy_json_t  *events, *event;

    events = ngx_deploy_json_get(delivery, "events");

    for (i = 0; /* void */ ; i++) {
        event = ngx_deploy_json_at(events, i);

        if (event == NULL) {
            return;
        }

        ngx_deploy_html_put(h, "<section>\n<h2>Event");

        if (ngx_deploy_json_at(events, 1)) {
            ngx_deploy_html_put(h, " ");
            ngx_deploy_text_int(&h->text, (int64_t) i);
        }

        ngx_deploy_html_put(h, "</h2>\n");

        ngx_deploy_html_rules(h, delivery, (int64_t) i);
        ngx_deploy_html_event_facts(h, event);

        ngx_deploy_html_put(h, "</section>\n");
    }
}


static void
ngx_deploy_html_event_facts(ngx_deploy_html_t *h, ngx_deploy_json_t *event)
{
    int                 flag;
    size_t              i;
    ngx_deploy_str_t    s;
    const char         *name;

    static const char  *flags[] = { "merged", "created", "deleted", "forced" };

    ngx_deploy_html_put(h, "<dl>");

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {

        name = (const char *) ngx_deploy_fact_name(i)->data;
        s = ngx_deploy_json_get_str(ngx_deploy_json_get(event, name), NULL);

        if (s.len == 0 && ngx_deploy_json_get_int(event, name, 0) == 0) {
            continue;
        }

        ngx_deploy_html_put(h, "<dt>");
        ngx_deploy_html_put(h, name);
        ngx_deploy_html_put(h, "</dt><dd>");

        if (s.len == 0) {
            ngx_deploy_html_number(h, event, name);

        } else if (i == NGX_DEPLOY_URL && ngx_deploy_html_link(h, &s)) {
            ngx_deploy_html_str(h, &s);
            ngx_deploy_html_put(h, "</a>");

        } else {
            ngx_deploy_html_str(h, &s);
        }

        ngx_deploy_html_put(h, "</dd>");
    }

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {

        flag = ngx_deploy_json_get_bool(event, flags[i], -1);

        if (flag != -1) {
            ngx_deploy_html_put(h, "<dt>");
            ngx_deploy_html_put(h, flags[i]);
            ngx_deploy_html_put(h, flag ? "</dt><dd>yes</dd>"
                                        : "</dt><dd>no</dd>");
        }
    }

    ngx_deploy_html_paths(h, event);

    ngx_deploy_html_put(h, "</dl>\n");
}


static void
ngx_deploy_html_paths(ngx_deploy_html_t *h, ngx_deploy_json_t *event)
{
    size_t              i, n;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *paths, *path;

    paths = ngx_deploy_json_get(event, "paths");
    n = ngx_deploy_html_count(paths);

    if (n == 0) {
        return;
    }

    ngx_deploy_html_put(h, "<dt>paths</dt><dd>");

    for (i = 0; i < n && i < NGX_DEPLOY_HTML_PATHS; i++) {
        path = ngx_deploy_json_at(paths, i);
        s = ngx_deploy_json_get_str(path, NULL);

        ngx_deploy_html_put(h, i ? ", <code>" : "<code>");
        ngx_deploy_html_str(h, &s);
        ngx_deploy_html_put(h, "</code>");
    }

    if (n > i) {
        ngx_deploy_html_put(h, " and ");
        ngx_deploy_text_int(&h->text, (int64_t) (n - i));
        ngx_deploy_html_put(h, " more");
    }

    if (!ngx_deploy_json_get_bool(event, "paths_complete", 1)) {
        ngx_deploy_html_put(h, "; the list is not complete");
    }

    ngx_deploy_html_put(h, "</dd>");
}


static void
ngx_deploy_html_rules(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery,
    int64_t event)
{
    size_t              i, n;
    ngx_deploy_json_t  *rules, *rule;

    rules = ngx_deploy_json_get(delivery, "rules");

    for (i = 0, n = 0; /* void */ ; i++) {
        rule = ngx_deploy_json_at(rules, i);

        if (rule == NULL) {
            break;
        }

        if (ngx_deploy_json_get_int(rule, "event", 0) != event) {
            continue;
        }

        if (n++ == 0) {
            ngx_deploy_html_table(h, "Rules of the location for this event",
                                  ngx_deploy_html_rule_columns);
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_put(h, "line ");
        ngx_deploy_html_number(h, rule, "line");
        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_member(h, "Project", rule, "project");
        ngx_deploy_html_rule(h, rule);
        ngx_deploy_html_put(h, "</tr>\n");
    }

    if (n) {
        ngx_deploy_html_put(h, "</tbody></table>\n");
    }
}


static void
ngx_deploy_html_rule(ngx_deploy_html_t *h, ngx_deploy_json_t *rule)
{
    unsigned                 negated;
    ngx_deploy_str_t         failed, want, got;
    static ngx_deploy_str_t  matched = ngx_deploy_string("matched");
    static ngx_deploy_str_t  missed = ngx_deploy_string("no match");

    failed = ngx_deploy_json_get_str(rule, "failed");

    ngx_deploy_html_cell(h, "Result");
    ngx_deploy_html_badge(h, failed.len ? &missed : &matched);
    ngx_deploy_html_cell_end(h);

    ngx_deploy_html_cell(h, "Why");

    if (failed.len == 0) {
        ngx_deploy_html_put(h, "all conditions hold");
        ngx_deploy_html_cell_end(h);
        return;
    }

    want = ngx_deploy_json_get_str(rule, "want");
    negated = (want.data == NULL);

    if (negated) {
        want = ngx_deploy_json_get_str(rule, "want_not");
    }

    got = ngx_deploy_json_get_str(rule, "got");

    /* "branch is dev, the rule wants main" */

    ngx_deploy_html_put(h, "<code>");
    ngx_deploy_html_str(h, &failed);
    ngx_deploy_html_put(h, "</code> ");

    if (got.len) {
        ngx_deploy_html_put(h, "is <code>");
        ngx_deploy_html_str(h, &got);
        ngx_deploy_html_put(h, "</code>");

    } else {
        ngx_deploy_html_put(h, "is not told by the event");
    }

    ngx_deploy_html_put(h, negated ? ", the rule wants anything but <code>"
                                   : ", the rule wants <code>");
    ngx_deploy_html_str(h, &want);
    ngx_deploy_html_put(h, "</code>");

    ngx_deploy_html_cell_end(h);
}


static void
ngx_deploy_html_all_builds(ngx_deploy_html_t *h, ngx_deploy_json_t *builds)
{
    size_t              i;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *build;

    ngx_deploy_html_section(h, "builds", "Builds");
    ngx_deploy_html_table(h, "Every build, also of earlier runs",
                          ngx_deploy_html_build_columns);

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(builds, i);

        if (build == NULL) {
            break;
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_build(h, build);
        s = ngx_deploy_json_get_str(build, "id");

        if (s.len) {
            ngx_deploy_html_put(h, "<br><code>");
            ngx_deploy_html_str(h, &s);
            ngx_deploy_html_put(h, "</code>");
        }

        ngx_deploy_html_put(h, "</th>");

        ngx_deploy_html_cell_number(h, "Event", build, "event");
        ngx_deploy_html_cell_number(h, "Run", build, "run");
        ngx_deploy_html_cell_badge(h, "State", build, "status");
        ngx_deploy_html_cell_time(h, "Since", build, "since");
        ngx_deploy_html_cell_time(h, "Next try", build, "due");
        ngx_deploy_html_cell_number(h, "Attempts", build, "attempts");

        ngx_deploy_html_cell(h, "Error");
        ngx_deploy_html_member(h, build, "error");
        s = ngx_deploy_json_get_str(build, "message");

        if (s.len) {
            ngx_deploy_html_put(h, ": ");
            ngx_deploy_html_str(h, &s);
        }

        if (ngx_deploy_json_get_bool(build, "paths_unknown", 0)) {
            ngx_deploy_html_put(h, " (not all changed paths were known)");
        }

        ngx_deploy_html_cell_end(h);
        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(builds, i);

        if (build == NULL) {
            break;
        }

        ngx_deploy_html_tries(h, build);
    }

    ngx_deploy_html_put(h, "</section>\n");
}


/* those of one that succeeded at once say nothing more */

static void
ngx_deploy_html_tries(ngx_deploy_html_t *h, ngx_deploy_json_t *build)
{
    size_t              i;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *tries, *try;

    tries = ngx_deploy_json_get(build, "tries");
    try = ngx_deploy_json_at(tries, 0);
    s = ngx_deploy_json_get_str(try, "error");

    if (try == NULL || (ngx_deploy_json_at(tries, 1) == NULL && s.len == 0)) {
        return;
    }

    ngx_deploy_html_put(h, "<h3>Attempts at ");
    ngx_deploy_html_member(h, build, "project");
    ngx_deploy_html_put(h, ", run ");
    ngx_deploy_html_number(h, build, "run");
    ngx_deploy_html_put(h, "</h3>\n");

    ngx_deploy_html_table(h, "Each call of StartBuild",
                          ngx_deploy_html_try_columns);

    for (i = 0; /* void */ ; i++) {
        try = ngx_deploy_json_at(tries, i);

        if (try == NULL) {
            break;
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_number(h, try, "n");
        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_time(h, "At", try, "at");

        ngx_deploy_html_cell(h, "Took");
        ngx_deploy_html_span(h, ngx_deploy_json_get_int(try, "ms", 0));
        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_cell(h, "HTTP status");

        if (ngx_deploy_json_get(try, "status")) {
            ngx_deploy_html_number(h, try, "status");

        } else {
            ngx_deploy_html_put(h, "no answer");
        }

        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_cell(h, "Error");
        ngx_deploy_html_member(h, try, "error");
        s = ngx_deploy_json_get_str(try, "message");

        if (s.len) {
            ngx_deploy_html_put(h, ": ");
            ngx_deploy_html_str(h, &s);
        }

        ngx_deploy_html_cell_end(h);
        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");
}


static void
ngx_deploy_html_redeliver(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery)
{
    ngx_deploy_str_t  id;

    id = ngx_deploy_json_get_str(delivery, "delivery");

    if (h->view->action.len == 0 || id.len == 0
        || ngx_deploy_html_empty(ngx_deploy_json_get(delivery, "builds")))
    {
        return;
    }

    ngx_deploy_html_put(h, "<form method=\"post\" action=\"");
    ngx_deploy_text_html(&h->text, &h->view->action);
    ngx_deploy_html_put(h, "?delivery=");
    ngx_deploy_text_uri(&h->text, &id);
    ngx_deploy_html_put(h, "\"><button type=\"submit\">Deliver again"
                        "</button><span class=\"mute\">starts all of its "
                        "builds once more</span></form>\n");
}


static size_t
ngx_deploy_html_count(ngx_deploy_json_t *array)
{
    size_t  n;

    for (n = 0; ngx_deploy_json_at(array, n); n++) { /* void */ }

    return n;
}
