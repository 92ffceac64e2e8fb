
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_metrics.h"
#include "ngx_deploy_text.h"
#include "ngx_deploy_version.h"


/*
 * The text format of Prometheus: of each family its HELP, its TYPE and then
 * all of its samples.  OpenMetrics has the family of a counter without the
 * "_total" of its samples, and an end.
 */

typedef struct {
    ngx_deploy_text_t    text;
    unsigned             open;
    const char          *name;
} ngx_deploy_exposition_t;


static void ngx_deploy_metrics_family(ngx_deploy_exposition_t *e,
    const char *name, const char *type, const char *help);
static void ngx_deploy_metrics_sample(ngx_deploy_exposition_t *e,
    const char *suffix);
static void ngx_deploy_metrics_labels(ngx_deploy_exposition_t *e,
    const char *label, const ngx_deploy_str_t *value, unsigned first);
static void ngx_deploy_metrics_word(ngx_deploy_exposition_t *e,
    const char *label, const char *value, unsigned first);
static void ngx_deploy_metrics_value(ngx_deploy_exposition_t *e, int64_t n);
static void ngx_deploy_metrics_one(ngx_deploy_exposition_t *e,
    const char *label, const char *value, ngx_deploy_count_t n);
static void ngx_deploy_metrics_text_counters(ngx_deploy_exposition_t *e,
    const ngx_deploy_metrics_t *metrics);
static void ngx_deploy_metrics_text_histogram(ngx_deploy_exposition_t *e,
    const ngx_deploy_histogram_t *h);
static void ngx_deploy_metrics_text_secrets(ngx_deploy_exposition_t *e,
    const ngx_deploy_metrics_t *metrics);
static void ngx_deploy_metrics_text_store(ngx_deploy_exposition_t *e,
    const ngx_deploy_gauges_t *gauges);
static void ngx_deploy_metrics_text_credentials(ngx_deploy_exposition_t *e,
    const ngx_deploy_gauges_t *gauges);


int
ngx_deploy_metrics_text(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics, const ngx_deploy_gauges_t *gauges,
    unsigned open, ngx_deploy_str_t *out)
{
    ngx_deploy_exposition_t  e;

    ngx_deploy_text_init(&e.text, pool);

    e.open = open;

    ngx_deploy_metrics_family(&e, "ngx_deploy_info", "gauge",
                              "Versions of the module and of nginx.");
    ngx_deploy_metrics_sample(&e, "");
    ngx_deploy_metrics_word(&e, "version", NGX_DEPLOY_VERSION, 1);
    ngx_deploy_metrics_labels(&e, "nginx", &gauges->nginx, 0);
    ngx_deploy_text_put(&e.text, "}");
    ngx_deploy_metrics_value(&e, 1);

    ngx_deploy_metrics_family(&e, "ngx_deploy_counters_shared", "gauge",
                              "1 when counters are those of all workers "
                              "(deploy_zone), 0 when of one.");
    ngx_deploy_metrics_sample(&e, "");
    ngx_deploy_metrics_value(&e, gauges->shared ? 1 : 0);

    ngx_deploy_metrics_family(&e,
                              "ngx_deploy_counters_start_timestamp_seconds",
                              "gauge", "Since when is counted, Unix time.");
    ngx_deploy_metrics_sample(&e, "");
    ngx_deploy_metrics_value(&e, (int64_t) metrics->since);

    ngx_deploy_metrics_text_counters(&e, metrics);

    ngx_deploy_metrics_family(&e, "ngx_deploy_answer_duration_seconds",
                              "histogram", "Time from a request's first "
                              "bytes to its answer.");
    ngx_deploy_metrics_text_histogram(&e, &metrics->answer);

    ngx_deploy_metrics_family(&e, "ngx_deploy_startbuild_duration_seconds",
                              "histogram", "Time of StartBuild with its "
                              "repetitions.");
    ngx_deploy_metrics_text_histogram(&e, &metrics->start_build);

    ngx_deploy_metrics_text_secrets(&e, metrics);
    ngx_deploy_metrics_text_store(&e, gauges);
    ngx_deploy_metrics_text_credentials(&e, gauges);

    if (open) {
        ngx_deploy_text_put(&e.text, "# EOF\n");
    }

    return ngx_deploy_text_end(&e.text, out);
}


static void
ngx_deploy_metrics_family(ngx_deploy_exposition_t *e, const char *name,
    const char *type, const char *help)
{
    const char  *total;

    e->name = name;

    total = (!e->open && strcmp(type, "counter") == 0) ? "_total " : " ";

    ngx_deploy_text_put(&e->text, "# HELP ");
    ngx_deploy_text_put(&e->text, name);
    ngx_deploy_text_put(&e->text, total);
    ngx_deploy_text_put(&e->text, help);
    ngx_deploy_text_put(&e->text, "\n# TYPE ");
    ngx_deploy_text_put(&e->text, name);
    ngx_deploy_text_put(&e->text, total);
    ngx_deploy_text_put(&e->text, type);
    ngx_deploy_text_put(&e->text, "\n");
}


static void
ngx_deploy_metrics_sample(ngx_deploy_exposition_t *e, const char *suffix)
{
    ngx_deploy_text_put(&e->text, e->name);
    ngx_deploy_text_put(&e->text, suffix);
}


static void
ngx_deploy_metrics_labels(ngx_deploy_exposition_t *e, const char *label,
    const ngx_deploy_str_t *value, unsigned first)
{
    ngx_deploy_text_put(&e->text, first ? "{" : ",");
    ngx_deploy_text_put(&e->text, label);
    ngx_deploy_text_put(&e->text, "=\"");
    ngx_deploy_text_label(&e->text, value);
    ngx_deploy_text_put(&e->text, "\"");
}


static void
ngx_deploy_metrics_word(ngx_deploy_exposition_t *e, const char *label,
    const char *value, unsigned first)
{
    ngx_deploy_str_t  s;

    s.data = (u_char *) value;
    s.len = strlen(value);

    ngx_deploy_metrics_labels(e, label, &s, first);
}


static void
ngx_deploy_metrics_value(ngx_deploy_exposition_t *e, int64_t n)
{
    ngx_deploy_text_put(&e->text, " ");
    ngx_deploy_text_int(&e->text, n);
    ngx_deploy_text_put(&e->text, "\n");
}


/* a sample of a counter, with one label or, that being NULL, with none */

static void
ngx_deploy_metrics_one(ngx_deploy_exposition_t *e, const char *label,
    const char *value, ngx_deploy_count_t n)
{
    ngx_deploy_metrics_sample(e, "_total");

    if (label) {
        ngx_deploy_metrics_word(e, label, value, 1);
        ngx_deploy_text_put(&e->text, "}");
    }

    ngx_deploy_metrics_value(e, (int64_t) n);
}


static void
ngx_deploy_metrics_text_counters(ngx_deploy_exposition_t *e,
    const ngx_deploy_metrics_t *metrics)
{
    unsigned  i, n;

    ngx_deploy_metrics_family(e, "ngx_deploy_requests", "counter",
                              "Requests, by sender and by the word of "
                              "$deploy_verify.");

    /* what never was is left out */

    for (i = 0; i < NGX_DEPLOY_METRICS_PROVIDERS; i++) {
        for (n = 0; n < NGX_DEPLOY_METRICS_VERDICTS; n++) {

            if (metrics->requests[i][n] == 0) {
                continue;
            }

            ngx_deploy_metrics_sample(e, "_total");
            ngx_deploy_metrics_word(e, "provider",
                                    ngx_deploy_metrics_provider_name(i), 1);
            ngx_deploy_metrics_word(e, "verify",
                                    ngx_deploy_metrics_verdict_name(n), 0);
            ngx_deploy_text_put(&e->text, "}");
            ngx_deploy_metrics_value(e, (int64_t) metrics->requests[i][n]);
        }
    }

    ngx_deploy_metrics_family(e, "ngx_deploy_deliveries", "counter",
                              "Requests, by the word of $deploy_status.");

    for (i = 0; i < NGX_DEPLOY_METRICS_STATUSES; i++) {
        ngx_deploy_metrics_one(e, "status", ngx_deploy_metrics_status_name(i),
                               metrics->deliveries[i]);
    }

    ngx_deploy_metrics_family(e, "ngx_deploy_events", "counter",
                              "Events that matched a rule, and that did "
                              "not.");
    ngx_deploy_metrics_one(e, "matched", "no", metrics->events[0]);
    ngx_deploy_metrics_one(e, "matched", "yes", metrics->events[1]);

    ngx_deploy_metrics_family(e, "ngx_deploy_builds", "counter",
                              "Builds, by what became of them.");

    for (i = 0; i < NGX_DEPLOY_METRICS_BUILDS; i++) {
        ngx_deploy_metrics_one(e, "result", ngx_deploy_metrics_build_name(i),
                               metrics->builds[i]);
    }

    ngx_deploy_metrics_family(e, "ngx_deploy_build_retries", "counter",
                              "Attempts of builds that were queued.");
    ngx_deploy_metrics_one(e, NULL, NULL, metrics->retries);

    ngx_deploy_metrics_family(e, "ngx_deploy_slack_messages", "counter",
                              "Messages to Slack.");
    ngx_deploy_metrics_one(e, "result", "sent", metrics->messages[1]);
    ngx_deploy_metrics_one(e, "result", "failed", metrics->messages[0]);
}


static void
ngx_deploy_metrics_text_histogram(ngx_deploy_exposition_t *e,
    const ngx_deploy_histogram_t *h)
{
    unsigned             i;
    ngx_deploy_count_t   count;

    count = 0;

    for (i = 0; i < NGX_DEPLOY_METRICS_BUCKETS; i++) {

        count += h->buckets[i];

        ngx_deploy_metrics_sample(e, "_bucket{le=\"");

        if (ngx_deploy_metrics_bound(i) == -1) {
            ngx_deploy_text_put(&e->text, "+Inf");

        } else {
            ngx_deploy_text_msec(&e->text, ngx_deploy_metrics_bound(i));

            if (e->open && ngx_deploy_metrics_bound(i) % 1000 == 0) {
                ngx_deploy_text_put(&e->text, ".0");
            }
        }

        ngx_deploy_text_put(&e->text, "\"}");
        ngx_deploy_metrics_value(e, (int64_t) count);
    }

    ngx_deploy_metrics_sample(e, "_sum ");
    ngx_deploy_text_msec(&e->text, (int64_t) h->sum);
    ngx_deploy_text_put(&e->text, "\n");

    ngx_deploy_metrics_sample(e, "_count");
    ngx_deploy_metrics_value(e, (int64_t) count);
}


static void
ngx_deploy_metrics_text_secrets(ngx_deploy_exposition_t *e,
    const ngx_deploy_metrics_t *metrics)
{
    unsigned                        i;
    ngx_deploy_str_t                line;
    ngx_deploy_text_t               text;
    const ngx_deploy_secret_use_t  *use;

    ngx_deploy_metrics_family(e,
                              "ngx_deploy_secret_last_used_timestamp_seconds",
                              "gauge", "When a line of a secret file last "
                              "matched, Unix time.");

    for (i = 0; i < NGX_DEPLOY_METRICS_SECRETS; i++) {

        use = &metrics->secrets[i];

        if (!use->named) {
            continue;
        }

        ngx_deploy_text_init(&text, e->text.pool);
        ngx_deploy_text_int(&text, (int64_t) use->line);

        if (ngx_deploy_text_end(&text, &line) != NGX_DEPLOY_OK) {
            e->text.failed = 1;
            return;
        }

        ngx_deploy_metrics_sample(e, "");
        ngx_deploy_metrics_word(e, "server", use->server, 1);
        ngx_deploy_metrics_word(e, "location", use->location, 0);
        ngx_deploy_metrics_word(e, "scheme", use->scheme, 0);
        ngx_deploy_metrics_labels(e, "line", &line, 0);
        ngx_deploy_text_put(&e->text, "}");
        ngx_deploy_metrics_value(e, (int64_t) use->used);
    }
}


static void
ngx_deploy_metrics_text_store(ngx_deploy_exposition_t *e,
    const ngx_deploy_gauges_t *gauges)
{
    if (gauges->store == -1) {
        return;
    }

    ngx_deploy_metrics_family(e, "ngx_deploy_store_up", "gauge",
                              "1 when deploy_store works, 0 when it does "
                              "not.");
    ngx_deploy_metrics_sample(e, "");
    ngx_deploy_metrics_value(e, gauges->store);

    if (gauges->store == 0) {
        return;
    }

    ngx_deploy_metrics_family(e, "ngx_deploy_store_size_bytes", "gauge",
                              "Size of the files of the store.");
    ngx_deploy_metrics_sample(e, "");
    ngx_deploy_metrics_value(e, gauges->size);

    ngx_deploy_metrics_family(e, "ngx_deploy_queue_builds", "gauge",
                              "Builds that are queued, or are being "
                              "started.");
    ngx_deploy_metrics_sample(e, "{state=\"queued\"}");
    ngx_deploy_metrics_value(e, gauges->queued);
    ngx_deploy_metrics_sample(e, "{state=\"starting\"}");
    ngx_deploy_metrics_value(e, gauges->starting);

    ngx_deploy_metrics_family(e, "ngx_deploy_queue_oldest_age_seconds",
                              "gauge", "Age of the oldest of them, 0 when "
                              "there is none.");
    ngx_deploy_metrics_sample(e, " ");
    ngx_deploy_text_msec(&e->text, gauges->oldest);
    ngx_deploy_text_put(&e->text, "\n");
}


static void
ngx_deploy_metrics_text_credentials(ngx_deploy_exposition_t *e,
    const ngx_deploy_gauges_t *gauges)
{
    size_t                          i;
    unsigned                        expiry;
    const ngx_deploy_credential_t  *c;

    if (gauges->ncredentials == 0) {
        return;
    }

    for (expiry = 0; expiry < 2; expiry++) {

        ngx_deploy_metrics_family(e, expiry
                          ? "ngx_deploy_credentials_expiry_timestamp_seconds"
                          : "ngx_deploy_credentials_valid",
                          "gauge",
                          expiry ? "When credentials expire, Unix time; none "
                                   "of those that do not."
                                 : "1 when there are valid AWS credentials "
                                   "of the source, 0 when not.");

        for (i = 0; i < gauges->ncredentials; i++) {

            c = &gauges->credentials[i];

            if (expiry && c->expires == 0) {
                continue;
            }

            ngx_deploy_metrics_sample(e, "");
            ngx_deploy_metrics_labels(e, "source", &c->source, 1);
            ngx_deploy_metrics_labels(e, "role", &c->role, 0);

            /* sets may differ in what is not told */

            ngx_deploy_text_put(&e->text, ",set=\"");
            ngx_deploy_text_int(&e->text, (int64_t) i + 1);
            ngx_deploy_text_put(&e->text, "\"}");
            ngx_deploy_metrics_value(e, expiry ? c->expires
                                               : (int64_t) c->valid);
        }
    }
}
