
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_html_writer.h"


static void ngx_deploy_html_options(ngx_deploy_html_t *h,
    const ngx_deploy_str_t *chosen);
static void ngx_deploy_html_delivery_row(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery);
static void ngx_deploy_html_event(ngx_deploy_html_t *h,
    ngx_deploy_json_t *event);
static void ngx_deploy_html_builds(ngx_deploy_html_t *h,
    ngx_deploy_json_t *builds);
static void ngx_deploy_html_median(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key);
static void ngx_deploy_html_of_delivery(ngx_deploy_html_t *h,
    ngx_deploy_json_t *build);


static const char *const  ngx_deploy_html_delivery_columns[] = {
    "Received", "Sender", "Event", "Repository", "Branch or tag", "Status",
    "Builds", "Took", NULL
};

static const char *const  ngx_deploy_html_project_columns[] = {
    "Project", "Newest build", "Since", "Delivery", NULL
};

static const char *const  ngx_deploy_html_number_columns[] = {
    "Project", "Deployments", "Lead time", "Failed", "Time to restore",
    "Failing since", NULL
};

static const char *const  ngx_deploy_html_queue_columns[] = {
    "Project", "Status", "Attempts", "Next try", "Last error", "Delivery",
    NULL
};


void
ngx_deploy_html_filter(ngx_deploy_html_t *h)
{
    size_t              i;
    ngx_deploy_str_t    project, status, name;
    ngx_deploy_json_t  *filter, *projects, *build;

    filter = ngx_deploy_json_get(h->json, "filter");
    projects = ngx_deploy_json_get(h->json, "projects");

    project = ngx_deploy_json_get_str(filter, "project");
    status = ngx_deploy_json_get_str(filter, "status");

    ngx_deploy_html_put(h, "<form method=\"get\" aria-label=\"Filter\">\n"
                        "<div><label for=\"project\">Project</label>"
                        "<input id=\"project\" name=\"project\" "
                        "list=\"names\" value=\"");
    ngx_deploy_text_html(&h->text, &project);
    ngx_deploy_html_put(h, "\"><datalist id=\"names\">");

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(projects, i);

        if (build == NULL) {
            break;
        }

        name = ngx_deploy_json_get_str(build, "project");

        ngx_deploy_html_put(h, "<option value=\"");
        ngx_deploy_text_html(&h->text, &name);
        ngx_deploy_html_put(h, "\"></option>");
    }

    ngx_deploy_html_put(h, "</datalist></div>\n<div><label for=\"status\">"
                        "Status</label><select id=\"status\" "
                        "name=\"status\">");
    ngx_deploy_html_options(h, &status);
    ngx_deploy_html_put(h, "</select></div>\n"
                        "<button type=\"submit\">Show</button>\n");

    if (project.len || status.len) {
        ngx_deploy_html_put(h, "<a href=\"?\">Show all</a>\n");
    }

    ngx_deploy_html_put(h, "</form>\n");
}


static void
ngx_deploy_html_options(ngx_deploy_html_t *h, const ngx_deploy_str_t *chosen)
{
    size_t  i;

    static const struct {
        const char  *word, *text;
    } options[] = {
        { "", "all" },
        { "queued", "queued" },
        { "starting", "starting" },
        { "started", "started" },
        { "in_progress", "in progress" },
        { "succeeded", "succeeded" },
        { "failed", "failed" },
        { "stopped", "stopped" },
        { "timed_out", "timed out" },
        { "fault", "fault" },
        { "ignored", "ignored" },
        { "dry_run", "dry run" }
    };

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        ngx_deploy_html_put(h, "<option value=\"");
        ngx_deploy_html_put(h, options[i].word);
        ngx_deploy_html_put(h, ngx_deploy_str_is(chosen, options[i].word)
                               ? "\" selected>" : "\">");
        ngx_deploy_html_put(h, options[i].text);
        ngx_deploy_html_put(h, "</option>");
    }
}


void
ngx_deploy_html_deliveries(ngx_deploy_html_t *h)
{
    size_t              i;
    ngx_deploy_json_t  *deliveries, *delivery;

    deliveries = ngx_deploy_json_get(h->json, "deliveries");

    ngx_deploy_html_section(h, "deliveries", "Deliveries");

    if (ngx_deploy_html_empty(deliveries)) {
        ngx_deploy_html_put(h, "<p>There are none.</p>\n</section>\n");
        return;
    }

    ngx_deploy_html_table(h, "The newest ones, the time leads to all of a "
                          "delivery", ngx_deploy_html_delivery_columns);

    for (i = 0; /* void */ ; i++) {
        delivery = ngx_deploy_json_at(deliveries, i);

        if (delivery == NULL) {
            break;
        }

        ngx_deploy_html_delivery_row(h, delivery);
    }

    ngx_deploy_html_put(h, "</tbody></table>\n</section>\n");
}


static void
ngx_deploy_html_delivery_row(ngx_deploy_html_t *h, ngx_deploy_json_t *delivery)
{
    size_t              i;
    int64_t             after, ms;
    unsigned            linked;
    ngx_deploy_str_t    id;
    ngx_deploy_json_t  *events, *event, *builds, *build;

    events = ngx_deploy_json_get(delivery, "events");
    event = ngx_deploy_json_at(events, 0);
    builds = ngx_deploy_json_get(delivery, "builds");

    ngx_deploy_html_row(h);

    ngx_deploy_html_head(h);
    id = ngx_deploy_json_get_str(delivery, "delivery");
    linked = ngx_deploy_html_page_link(h, "delivery", &id);
    ngx_deploy_html_time(h, delivery, "received");
    ngx_deploy_html_put(h, linked ? "</a></th>" : "</th>");

    ngx_deploy_html_cell_member(h, "Sender", delivery, "provider");

    ngx_deploy_html_cell(h, "Event");

    if (event) {
        ngx_deploy_html_event(h, event);

    } else {
        ngx_deploy_html_put(h, ngx_deploy_json_get(delivery, "omitted")
                               ? "too long for the list" : "no event");
    }

    if (ngx_deploy_json_at(events, 1)) {
        ngx_deploy_html_put(h, ", and more");
    }

    ngx_deploy_html_cell_end(h);

    ngx_deploy_html_cell_member(h, "Repository", event, "repo");
    ngx_deploy_html_cell_member(h, "Branch or tag", event,
                                ngx_deploy_json_get(event, "branch")
                                ? "branch" : "tag");
    ngx_deploy_html_cell_badge(h, "Status", delivery, "status");

    ngx_deploy_html_cell(h, "Builds");
    ngx_deploy_html_builds(h, builds);
    ngx_deploy_html_cell_end(h);

    after = -1;

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(builds, i);

        if (build == NULL) {
            break;
        }

        ms = ngx_deploy_json_get_int(build, "after_ms", -1);
        after = (ms > after) ? ms : after;
    }

    ngx_deploy_html_cell(h, "Took");

    if (after >= 0) {
        ngx_deploy_html_span(h, after);

    } else {
        ngx_deploy_html_put(h, "<span class=\"mute\">&ndash;</span>");
    }

    ngx_deploy_html_cell_end(h);

    ngx_deploy_html_put(h, "</tr>\n");
}


static void
ngx_deploy_html_event(ngx_deploy_html_t *h, ngx_deploy_json_t *event)
{
    ngx_deploy_str_t  s;

    ngx_deploy_html_member(h, event, "event");

    s = ngx_deploy_json_get_str(event, "action");

    if (s.len) {
        ngx_deploy_html_put(h, " ");
        ngx_deploy_html_str(h, &s);
    }

    s = ngx_deploy_json_get_str(event, "number");

    if (s.len) {
        ngx_deploy_html_put(h, " #");
        ngx_deploy_html_str(h, &s);

    } else if (ngx_deploy_json_get_int(event, "number", 0)) {
        ngx_deploy_html_put(h, " #");
        ngx_deploy_html_number(h, event, "number");
    }
}


/* of those that were done again only the newest */

static void
ngx_deploy_html_builds(ngx_deploy_html_t *h, ngx_deploy_json_t *builds)
{
    size_t              i, n;
    ngx_deploy_str_t    project, other;
    ngx_deploy_json_t  *build, *later;

    if (ngx_deploy_html_empty(builds)) {
        ngx_deploy_html_put(h, "<span class=\"mute\">none</span>");
        return;
    }

    ngx_deploy_html_put(h, "<ul>");

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(builds, i);

        if (build == NULL) {
            break;
        }

        project = ngx_deploy_json_get_str(build, "project");

        for (n = i + 1; /* void */ ; n++) {
            later = ngx_deploy_json_at(builds, n);

            if (later == NULL) {
                break;
            }

            other = ngx_deploy_json_get_str(later, "project");

            if (ngx_deploy_str_eq(&project, &other)
                && ngx_deploy_json_get_int(build, "event", 0)
                   == ngx_deploy_json_get_int(later, "event", 0))
            {
                break;
            }
        }

        if (later == NULL) {
            ngx_deploy_html_put(h, "<li>");
            ngx_deploy_html_build(h, build);
            ngx_deploy_html_put(h, "</li>");
        }
    }

    ngx_deploy_html_put(h, "</ul>");
}


void
ngx_deploy_html_projects(ngx_deploy_html_t *h)
{
    size_t              i;
    unsigned            linked;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *projects, *build;

    projects = ngx_deploy_json_get(h->json, "projects");

    ngx_deploy_html_section(h, "projects", "Projects");

    if (ngx_deploy_html_empty(projects)) {
        ngx_deploy_html_put(h, "<p>No build was asked for yet.</p>\n"
                            "</section>\n");
        return;
    }

    ngx_deploy_html_table(h, "The newest build of each project, linked to "
                          "CodeBuild", ngx_deploy_html_project_columns);

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(projects, i);

        if (build == NULL) {
            break;
        }

        ngx_deploy_html_row(h);

        s = ngx_deploy_json_get_str(build, "project");

        ngx_deploy_html_head(h);
        linked = ngx_deploy_html_page_link(h, "project", &s);
        ngx_deploy_html_str(h, &s);
        ngx_deploy_html_put(h, linked ? "</a></th>" : "</th>");

        ngx_deploy_html_cell(h, "Newest build");
        ngx_deploy_html_build(h, build);
        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_cell_time(h, "Since", build, "since");

        ngx_deploy_html_of_delivery(h, build);

        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n</section>\n");
}


/* the four of DORA, as far as events and reports tell them */

void
ngx_deploy_html_numbers(ngx_deploy_html_t *h)
{
    size_t              i;
    int64_t             n;
    ngx_deploy_json_t  *numbers, *json;

    numbers = ngx_deploy_json_get(h->json, "numbers");

    ngx_deploy_html_section(h, "numbers", "Numbers");

    if (ngx_deploy_html_empty(numbers)) {
        ngx_deploy_html_put(h, "<p>No build was reported to have ended in "
                            "the last 30 days.</p>\n</section>\n");
        return;
    }

    ngx_deploy_html_table(h, "The last 30 days; lead time from the delivery "
                          "to its success, medians",
                          ngx_deploy_html_number_columns);

    for (i = 0; /* void */ ; i++) {
        json = ngx_deploy_json_at(numbers, i);

        if (json == NULL) {
            break;
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_member(h, json, "project");
        ngx_deploy_html_put(h, "</th>");

        /* in tenths */

        n = ngx_deploy_json_get_int(json, "deployments", 0);

        ngx_deploy_html_cell(h, "Deployments");
        ngx_deploy_text_int(&h->text, n);
        ngx_deploy_html_put(h, ", ");
        ngx_deploy_text_msec(&h->text, (n * 10 / 30) * 100);
        ngx_deploy_html_put(h, " a day");
        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_median(h, "Lead time", json, "lead_ms");

        ngx_deploy_html_cell(h, "Failed");
        ngx_deploy_html_number(h, json, "failures");
        ngx_deploy_html_put(h, ", ");
        ngx_deploy_html_number(h, json, "failure_percent");
        ngx_deploy_html_put(h, "%");
        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_median(h, "Time to restore", json, "restore_ms");
        ngx_deploy_html_cell_time(h, "Failing since", json, "failing_since");

        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n</section>\n");
}


static void
ngx_deploy_html_median(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key)
{
    int64_t  msec;

    msec = ngx_deploy_json_get_int(json, key, -1);

    ngx_deploy_html_cell(h, column);

    if (msec >= 0) {
        ngx_deploy_html_span(h, msec);

    } else {
        ngx_deploy_html_put(h, "<span class=\"mute\">&ndash;</span>");
    }

    ngx_deploy_html_cell_end(h);
}


static void
ngx_deploy_html_of_delivery(ngx_deploy_html_t *h, ngx_deploy_json_t *build)
{
    unsigned          linked;
    ngx_deploy_str_t  id;

    id = ngx_deploy_json_get_str(build, "delivery");

    ngx_deploy_html_cell(h, "Delivery");
    linked = ngx_deploy_html_page_link(h, "delivery", &id);
    ngx_deploy_html_member(h, build, "delivery");
    ngx_deploy_html_put(h, linked ? "</a>" : "");
    ngx_deploy_html_cell_end(h);
}


void
ngx_deploy_html_queue(ngx_deploy_html_t *h)
{
    size_t              i;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *queue, *build, *store;

    queue = ngx_deploy_json_get(h->json, "queue");
    store = ngx_deploy_json_get(h->json, "store");

    ngx_deploy_html_section(h, "queue", "Queue");

    if (ngx_deploy_html_empty(queue)) {
        ngx_deploy_html_put(h, "<p>Nothing is waiting.</p>\n</section>\n");
        return;
    }

    ngx_deploy_html_put(h, "<p>");
    ngx_deploy_html_number(h, store, "queued");
    ngx_deploy_html_put(h, " queued, ");
    ngx_deploy_html_number(h, store, "starting");
    ngx_deploy_html_put(h, " being started, the oldest waits for ");
    ngx_deploy_html_span(h, ngx_deploy_json_get_int(store, "oldest_ms", 0));
    ngx_deploy_html_put(h, ".</p>\n");

    ngx_deploy_html_table(h, "Builds that are not started yet, the next one "
                          "first", ngx_deploy_html_queue_columns);

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(queue, i);

        if (build == NULL) {
            break;
        }

        ngx_deploy_html_row(h);

        ngx_deploy_html_head(h);
        ngx_deploy_html_member(h, build, "project");
        ngx_deploy_html_put(h, "</th>");

        ngx_deploy_html_cell_badge(h, "Status", build, "status");
        ngx_deploy_html_cell_number(h, "Attempts", build, "attempts");
        ngx_deploy_html_cell_time(h, "Next try", build, "due");

        ngx_deploy_html_cell(h, "Last error");
        ngx_deploy_html_member(h, build, "error");
        s = ngx_deploy_json_get_str(build, "message");

        if (s.len) {
            ngx_deploy_html_put(h, " ");
            ngx_deploy_html_str(h, &s);
        }

        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_of_delivery(h, build);

        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n</section>\n");
}
