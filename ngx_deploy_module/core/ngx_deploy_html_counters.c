
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_html_writer.h"
#include "ngx_deploy_metrics.h"


static void ngx_deploy_html_words(ngx_deploy_html_t *h, const char *caption,
    const char *head, ngx_deploy_json_t *counts, const char *const *words);
static void ngx_deploy_html_requests(ngx_deploy_html_t *h,
    ngx_deploy_json_t *requests);
static void ngx_deploy_html_latency(ngx_deploy_html_t *h,
    ngx_deploy_json_t *counters);
static void ngx_deploy_html_quantile(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *histogram, unsigned percent);
static void ngx_deploy_html_secrets(ngx_deploy_html_t *h,
    ngx_deploy_json_t *secrets);


static const char *const  ngx_deploy_html_credential_columns[] = {
    "Source", "Role", "State", "Found", "Expires", "Last failure", NULL
};

static const char *const  ngx_deploy_html_request_columns[] = {
    "Sender", "Verified", "Requests", NULL
};

static const char *const  ngx_deploy_html_latency_columns[] = {
    "What", "Count", "Mean", "Half within", "95% within", "99% within", NULL
};

static const char *const  ngx_deploy_html_secret_columns[] = {
    "Location", "Server", "Scheme", "Line", "Requests", "Last used", NULL
};


void
ngx_deploy_html_credentials(ngx_deploy_html_t *h)
{
    size_t                   i;
    ngx_deploy_json_t       *array, *json;
    static ngx_deploy_str_t  valid = ngx_deploy_string("valid");
    static ngx_deploy_str_t  none = ngx_deploy_string("none");

    array = ngx_deploy_json_get(h->json, "credentials");

    ngx_deploy_html_section(h, "credentials", "Credentials");

    if (ngx_deploy_html_empty(array)) {
        ngx_deploy_html_put(h, "<p>Nothing needs any.</p>\n</section>\n");
        return;
    }

    ngx_deploy_html_table(h, "AWS credentials by source, of the worker that "
                          "answers", ngx_deploy_html_credential_columns);

    for (i = 0; /* void */ ; i++) {
        json = ngx_deploy_json_at(array, i);

        if (json == NULL) {
            break;
        }

        ngx_deploy_html_row(h);

        ngx_deploy_html_head(h);
        ngx_deploy_html_member(h, json, "source");
        ngx_deploy_html_put(h, "</th>");

        ngx_deploy_html_cell_member(h, "Role", json, "role");

        ngx_deploy_html_cell(h, "State");
        ngx_deploy_html_badge(h, ngx_deploy_json_get_bool(json, "valid", 0)
                                 ? &valid : &none);
        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_cell_member(h, "Found", json, "found");

        if (ngx_deploy_json_get(json, "expires")) {
            ngx_deploy_html_cell_time(h, "Expires", json, "expires");

        } else {
            ngx_deploy_html_cell(h, "Expires");
            ngx_deploy_html_put(h, ngx_deploy_json_get_bool(json, "valid", 0)
                                   ? "never" : "&ndash;");
            ngx_deploy_html_cell_end(h);
        }

        ngx_deploy_html_cell_member(h, "Last failure", json, "reason");

        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n</section>\n");
}


void
ngx_deploy_html_counters(ngx_deploy_html_t *h)
{
    ngx_deploy_str_t    scope;
    ngx_deploy_json_t  *counters;

    static const char *const  deliveries[] = {
        "started", "queued", "ignored", "duplicate", "dry_run", "refused",
        "failed", "none", NULL
    };

    static const char *const  builds[] = {
        "started", "queued", "retries", "refused", "failed", NULL
    };

    static const char *const  events[] = { "matched", "unmatched", NULL };
    static const char *const  messages[] = { "sent", "failed", NULL };

    counters = ngx_deploy_json_get(h->json, "counters");
    scope = ngx_deploy_json_get_str(counters, "scope");

    ngx_deploy_html_section(h, "counters", "Counters");

    ngx_deploy_html_put(h, "<p>Since ");
    ngx_deploy_html_time(h, counters, "since");
    ngx_deploy_html_put(h, ngx_deploy_str_is(&scope, "zone")
                           ? ", of all workers.</p>\n"
                           : ", of the worker that answers alone: there is "
                             "no <code>deploy_zone</code>.</p>\n");

    ngx_deploy_html_put(h, "<div class=\"grid\">\n<div>");
    ngx_deploy_html_words(h, "Requests by what became of them", "Status",
                          ngx_deploy_json_get(counters, "deliveries"),
                          deliveries);
    ngx_deploy_html_put(h, "</div>\n<div>");
    ngx_deploy_html_requests(h, ngx_deploy_json_get(counters, "requests"));
    ngx_deploy_html_put(h, "</div>\n<div>");
    ngx_deploy_html_words(h, "Builds", "Result",
                          ngx_deploy_json_get(counters, "builds"), builds);
    ngx_deploy_html_put(h, "</div>\n<div>");
    ngx_deploy_html_words(h, "Events by the rules", "Result",
                          ngx_deploy_json_get(counters, "events"), events);
    ngx_deploy_html_words(h, "Messages to Slack", "Result",
                          ngx_deploy_json_get(counters, "slack_messages"),
                          messages);
    ngx_deploy_html_put(h, "</div>\n</div>\n");

    ngx_deploy_html_latency(h, counters);
    ngx_deploy_html_secrets(h, ngx_deploy_json_get(counters, "secrets"));

    ngx_deploy_html_put(h, "</section>\n");
}


static void
ngx_deploy_html_words(ngx_deploy_html_t *h, const char *caption,
    const char *head, ngx_deploy_json_t *counts, const char *const *words)
{
    ngx_deploy_str_t  word;
    const char       *columns[3];

    columns[0] = head;
    columns[1] = "Count";
    columns[2] = NULL;

    ngx_deploy_html_table(h, caption, columns);

    for ( /* void */ ; *words; words++) {

        word.data = (u_char *) *words;
        word.len = strlen(*words);

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);

        if (ngx_deploy_str_is(&word, "none")) {
            ngx_deploy_html_put(h, "others");

        } else if (ngx_deploy_str_is(&word, "dry_run")) {
            ngx_deploy_html_put(h, "dry run");

        } else {
            ngx_deploy_text_html(&h->text, &word);
        }

        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_number(h, "Count", counts, *words);
        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");
}


static void
ngx_deploy_html_requests(ngx_deploy_html_t *h, ngx_deploy_json_t *requests)
{
    size_t              i;
    ngx_deploy_json_t  *json;

    if (ngx_deploy_html_empty(requests)) {
        ngx_deploy_html_put(h, "<p class=\"mute\">No requests yet.</p>");
        return;
    }

    ngx_deploy_html_table(h, "Requests by sender and signature",
                          ngx_deploy_html_request_columns);

    for (i = 0; /* void */ ; i++) {
        json = ngx_deploy_json_at(requests, i);

        if (json == NULL) {
            break;
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_member(h, json, "provider");
        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_badge(h, "Verified", json, "verify");
        ngx_deploy_html_cell_number(h, "Requests", json, "count");
        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");
}


static void
ngx_deploy_html_latency(ngx_deploy_html_t *h, ngx_deploy_json_t *counters)
{
    size_t              i;
    int64_t             count;
    ngx_deploy_json_t  *json;

    static const struct {
        const char  *key, *name;
    } rows[] = {
        { "answer", "Answers" },
        { "startbuild", "StartBuild" }
    };

    ngx_deploy_html_table(h, "Times", ngx_deploy_html_latency_columns);

    for (i = 0; i < 2; i++) {

        json = ngx_deploy_json_get(counters, rows[i].key);
        count = ngx_deploy_json_get_int(json, "count", 0);

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_put(h, rows[i].name);
        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_number(h, "Count", json, "count");

        ngx_deploy_html_cell(h, "Mean");

        if (count) {
            ngx_deploy_html_span(h, ngx_deploy_json_get_int(json, "sum_ms", 0)
                                    / count);

        } else {
            ngx_deploy_html_put(h, "&ndash;");
        }

        ngx_deploy_html_cell_end(h);

        ngx_deploy_html_quantile(h, "Half within", json, 50);
        ngx_deploy_html_quantile(h, "95% within", json, 95);
        ngx_deploy_html_quantile(h, "99% within", json, 99);

        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");
}


/* the bound of the bucket that so many percent are within */

static void
ngx_deploy_html_quantile(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *histogram, unsigned percent)
{
    unsigned            i;
    int64_t             count, bound;
    ngx_deploy_str_t    key;
    ngx_deploy_text_t   text;
    ngx_deploy_json_t  *buckets;

    buckets = ngx_deploy_json_get(histogram, "buckets");
    count = ngx_deploy_json_get_int(histogram, "count", 0);

    ngx_deploy_html_cell(h, column);

    for (i = 0; count && i < NGX_DEPLOY_METRICS_BUCKETS; i++) {

        bound = ngx_deploy_metrics_bound(i);

        if (bound == -1) {
            ngx_deploy_html_put(h, "over ");
            ngx_deploy_html_span(h, ngx_deploy_metrics_bound(i - 1));
            break;
        }

        ngx_deploy_text_init(&text, h->text.pool);
        ngx_deploy_text_msec(&text, bound);
        ngx_deploy_text_add(&text, (u_char *) "", 1);

        if (ngx_deploy_text_end(&text, &key) != NGX_DEPLOY_OK) {
            h->text.failed = 1;
            return;
        }

        if (ngx_deploy_json_get_int(buckets, (char *) key.data, 0) * 100
            >= count * (int64_t) percent)
        {
            ngx_deploy_html_span(h, bound);
            break;
        }
    }

    if (count == 0) {
        ngx_deploy_html_put(h, "&ndash;");
    }

    ngx_deploy_html_cell_end(h);
}


static void
ngx_deploy_html_secrets(ngx_deploy_html_t *h, ngx_deploy_json_t *secrets)
{
    size_t              i;
    ngx_deploy_json_t  *json;

    if (ngx_deploy_html_empty(secrets)) {
        return;
    }

    ngx_deploy_html_table(h, "Lines of secret files in use: a rotation is "
                          "complete when the old line is not used any more",
                          ngx_deploy_html_secret_columns);

    for (i = 0; /* void */ ; i++) {
        json = ngx_deploy_json_at(secrets, i);

        if (json == NULL) {
            break;
        }

        ngx_deploy_html_row(h);
        ngx_deploy_html_head(h);
        ngx_deploy_html_member(h, json, "location");
        ngx_deploy_html_put(h, "</th>");
        ngx_deploy_html_cell_member(h, "Server", json, "server");
        ngx_deploy_html_cell_member(h, "Scheme", json, "scheme");
        ngx_deploy_html_cell_number(h, "Line", json, "line");
        ngx_deploy_html_cell_number(h, "Requests", json, "count");
        ngx_deploy_html_cell_time(h, "Last used", json, "last_used");
        ngx_deploy_html_put(h, "</tr>\n");
    }

    ngx_deploy_html_put(h, "</tbody></table>\n");
}
