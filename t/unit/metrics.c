
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_media.h"
#include "ngx_deploy_metrics.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_metrics_t     metrics;
static ngx_deploy_gauges_t      gauges;
static ngx_deploy_credential_t  credentials[2];


static void
fill(void)
{
    ngx_deploy_secret_use_t  *use;

    memset(&metrics, 0, sizeof(metrics));
    memset(&gauges, 0, sizeof(gauges));
    memset(credentials, 0, sizeof(credentials));

    metrics.since = 1764032461;
    metrics.requests[0][1] = 3;
    metrics.deliveries[NGX_DEPLOY_METRICS_STARTED] = 2;
    metrics.answer.buckets[0] = 1;
    metrics.answer.buckets[NGX_DEPLOY_METRICS_BUCKETS - 1] = 2;
    metrics.answer.sum = 24003;

    use = &metrics.secrets[5];

    use->key = 1;
    use->named = 1;
    use->line = 2;
    use->used = 1764032461;
    strncpy(use->location, "/a\"b", sizeof(use->location) - 1);
    strncpy(use->scheme, "github", sizeof(use->scheme) - 1);

    metrics.secrets[6].key = 2;

    gauges.nginx = tap_str("1.22.1");
    gauges.shared = 1;
    gauges.store = 1;
    gauges.queued = 4;
    gauges.oldest = 1500;
    gauges.size = 4096;
    gauges.credentials = credentials;
    gauges.ncredentials = 2;

    credentials[0].source = tap_str("chain");
    credentials[0].valid = 1;
    credentials[1].source = tap_str("profile=x");
    credentials[1].role = tap_str("arn:aws:iam::111122223333:role/r");
    credentials[1].expires = 1764032999;
}


static void
has(ngx_deploy_str_t text, const char *line, int want)
{
    int    found;
    char  *p, *all;

    all = malloc(text.len + 1);
    memcpy(all, text.data, text.len);
    all[text.len] = '\0';

    p = strstr(all, line);
    found = (p && (p == all || p[-1] == '\n') && p[strlen(line)] == '\n');

    ok(found == want, "%s %s", want ? "has" : "has no", line);

    free(all);
}


static void
test_text(void)
{
    ngx_deploy_str_t  text;

    fill();

    ok(ngx_deploy_metrics_text(tap_pool(), &metrics, &gauges, 0, &text)
       == NGX_DEPLOY_OK, "text");

    has(text, "# TYPE ngx_deploy_requests_total counter", 1);
    has(text, "ngx_deploy_requests_total{provider=\"github\","
        "verify=\"success\"} 3", 1);
    has(text, "ngx_deploy_deliveries_total{status=\"started\"} 2", 1);
    has(text, "ngx_deploy_answer_duration_seconds_bucket{le=\"0.005\"} 1", 1);
    has(text, "ngx_deploy_answer_duration_seconds_bucket{le=\"10\"} 1", 1);
    has(text, "ngx_deploy_answer_duration_seconds_bucket{le=\"+Inf\"} 3", 1);
    has(text, "ngx_deploy_answer_duration_seconds_sum 24.003", 1);
    has(text, "ngx_deploy_answer_duration_seconds_count 3", 1);
    has(text, "ngx_deploy_secret_last_used_timestamp_seconds{server=\"\","
        "location=\"/a\\\"b\",scheme=\"github\",line=\"2\"} 1764032461", 1);
    has(text, "ngx_deploy_queue_builds{state=\"queued\"} 4", 1);
    has(text, "ngx_deploy_queue_oldest_age_seconds 1.5", 1);
    has(text, "ngx_deploy_store_size_bytes 4096", 1);
    has(text, "ngx_deploy_credentials_valid{source=\"chain\",role=\"\","
        "set=\"1\"} 1", 1);
    has(text, "ngx_deploy_credentials_expiry_timestamp_seconds"
        "{source=\"profile=x\",role=\"arn:aws:iam::111122223333:role/r\","
        "set=\"2\"} 1764032999", 1);
    has(text, "# EOF", 0);

    ok(ngx_deploy_metrics_text(tap_pool(), &metrics, &gauges, 1, &text)
       == NGX_DEPLOY_OK, "OpenMetrics");

    has(text, "# TYPE ngx_deploy_requests counter", 1);
    has(text, "ngx_deploy_answer_duration_seconds_bucket{le=\"10.0\"} 1", 1);
    has(text, "# EOF", 1);

    gauges.store = 0;
    gauges.ncredentials = 0;

    ok(ngx_deploy_metrics_text(tap_pool(), &metrics, &gauges, 0, &text)
       == NGX_DEPLOY_OK, "a store that fails");

    has(text, "ngx_deploy_store_up 0", 1);
    has(text, "ngx_deploy_store_size_bytes 4096", 0);
    has(text, "# TYPE ngx_deploy_credentials_valid gauge", 0);

    tap_alloc_left = 0;

    ok(ngx_deploy_metrics_text(tap_pool(), &metrics, &gauges, 0, &text)
       == NGX_DEPLOY_ERROR, "memory is short");

    tap_alloc_left = -1;
}


static void
test_json(void)
{
    ngx_deploy_json_t  *json, *secrets, *c;

    fill();

    json = ngx_deploy_metrics_json(tap_pool(), &metrics, &gauges);

    ok(json != NULL, "json");

    is_str(ngx_deploy_json_get_str(json, "scope"), "zone", "scope");
    is_str(ngx_deploy_json_get_str(json, "since"), "2025-11-25T01:01:01Z",
           "since");

    secrets = ngx_deploy_json_get(json, "secrets");

    is_int(ngx_deploy_json_get_int(ngx_deploy_json_at(secrets, 0), "line", 0),
           2, "the line of a secret");
    ok(ngx_deploy_json_at(secrets, 1) == NULL, "none without a name");

    is_int(ngx_deploy_json_get_int(ngx_deploy_json_get(json, "answer"),
                                   "count", 0), 3, "answers");

    ngx_deploy_json_free(json);

    json = ngx_deploy_credentials_json(tap_pool(), &gauges);
    c = ngx_deploy_json_at(json, 1);

    is_str(ngx_deploy_json_get_str(c, "expires"), "2025-11-25T01:09:59Z",
           "credentials: expiry");
    is_int(ngx_deploy_json_get_bool(c, "valid", -1), 0, "credentials: valid");

    ngx_deploy_json_free(json);
}


static void
test_names(void)
{
    unsigned          i;
    ngx_deploy_str_t  none, server, location;

    none = tap_str("");
    server = tap_str("a");
    location = tap_str("/b");

    for (i = 0; ngx_deploy_metrics_provider_name(i); i++) { /* void */ }
    is_int(i, NGX_DEPLOY_METRICS_PROVIDERS, "providers have names");

    for (i = 0; ngx_deploy_metrics_verdict_name(i); i++) { /* void */ }
    is_int(i, NGX_DEPLOY_METRICS_VERDICTS, "verdicts have names");

    for (i = 0; ngx_deploy_metrics_status_name(i); i++) { /* void */ }
    is_int(i, NGX_DEPLOY_METRICS_STATUSES, "statuses have names");

    for (i = 0; ngx_deploy_metrics_build_name(i); i++) { /* void */ }
    is_int(i, NGX_DEPLOY_METRICS_BUILDS, "results of builds have names");

    server = tap_str("azure-devops");
    is_str(tap_str(ngx_deploy_metrics_provider_name(
                       ngx_deploy_metrics_provider(&server, "token"))),
           "azure-devops", "the sender, not the scheme");
    is_str(tap_str(ngx_deploy_metrics_provider_name(
                       ngx_deploy_metrics_provider(&none, "azure"))),
           "azure-devops", "the scheme, while there is no sender");
    is_str(tap_str(ngx_deploy_metrics_provider_name(
                       ngx_deploy_metrics_provider(&none, "hmac"))),
           "other", "a scheme of anybody");
    is_str(tap_str(ngx_deploy_metrics_provider_name(
                       ngx_deploy_metrics_provider(&none, NULL))),
           "other", "neither");

    is_int(ngx_deploy_metrics_status("dry_run"), NGX_DEPLOY_METRICS_DRY_RUN,
           "a status");
    is_int(ngx_deploy_metrics_status(NULL), NGX_DEPLOY_METRICS_NONE,
           "no status");
    is_int(ngx_deploy_metrics_status("none"), NGX_DEPLOY_METRICS_NONE,
           "another one");

    is_int(ngx_deploy_metrics_bucket(0), 0, "the first bucket");
    is_int(ngx_deploy_metrics_bucket(5), 0, "its bound");
    is_int(ngx_deploy_metrics_bucket(6), 1, "the next one");
    is_int(ngx_deploy_metrics_bucket(INT64_MAX),
           NGX_DEPLOY_METRICS_BUCKETS - 1, "the last one");

    server = tap_str("a");
    ok(ngx_deploy_metrics_key(&server, &location, "github", 1)
       != ngx_deploy_metrics_key(&server, &location, "github", 2),
       "keys of lines");
    location = tap_str("b");
    server = tap_str("a/");
    ok(ngx_deploy_metrics_key(&server, &location, "github", 1)
       != ngx_deploy_metrics_key(&none, &location, "github", 1),
       "keys of servers");
}


static void
test_accept(void)
{
    size_t            i;
    ngx_deploy_str_t  value;

    static const struct {
        const char             *accept;
        ngx_deploy_media_as_e   want;
    } tests[] = {
        { "", NGX_DEPLOY_MEDIA_AS_JSON },
        { "*/*", NGX_DEPLOY_MEDIA_AS_JSON },
        { "application/json", NGX_DEPLOY_MEDIA_AS_JSON },
        { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
          NGX_DEPLOY_MEDIA_AS_HTML },
        { "TEXT/HTML", NGX_DEPLOY_MEDIA_AS_HTML },
        { "text/*;q=0.3, application/json;q=0.2", NGX_DEPLOY_MEDIA_AS_HTML },
        { "text/html;q=0.1, application/json ; q=0.25",
          NGX_DEPLOY_MEDIA_AS_JSON },
        { "text/html;q=0, application/json;q=0.001",
          NGX_DEPLOY_MEDIA_AS_JSON },
        { "text/html;q=0", NGX_DEPLOY_MEDIA_AS_JSON },
        { "text/html;q=x, text/plain;q=0.1",
          NGX_DEPLOY_MEDIA_AS_PROMETHEUS },
        { "text/html;q=0.1234, text/plain;q=0.001",
          NGX_DEPLOY_MEDIA_AS_PROMETHEUS },
        { "text/html;q=, text/plain;q=0.5", NGX_DEPLOY_MEDIA_AS_HTML },
        { "text/plain; version=0.0.4", NGX_DEPLOY_MEDIA_AS_PROMETHEUS },
        { "application/openmetrics-text;version=1.0.0;q=0.5,"
          "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
          NGX_DEPLOY_MEDIA_AS_OPENMETRICS },
        { "image/png, ;;,,=,q=1", NGX_DEPLOY_MEDIA_AS_JSON }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        value = tap_copy(tests[i].accept, strlen(tests[i].accept));
        is_int(ngx_deploy_media_accept(&value), tests[i].want, "Accept: %s",
               tests[i].accept);
    }

    value.len = 0;
    value.data = NULL;
    is_int(ngx_deploy_media_accept(&value), NGX_DEPLOY_MEDIA_AS_JSON,
           "no Accept");
}


int
main(void)
{
    test_text();
    test_json();
    test_names();
    test_accept();

    return plan_done();
}
