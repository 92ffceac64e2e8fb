
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_metrics.h"
#include "ngx_deploy_text.h"


static ngx_deploy_json_t *ngx_deploy_metrics_requests(
    const ngx_deploy_metrics_t *metrics);
static ngx_deploy_json_t *ngx_deploy_metrics_histogram(
    ngx_deploy_pool_t *pool, const ngx_deploy_histogram_t *h);
static ngx_deploy_json_t *ngx_deploy_metrics_secrets(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics);
static ngx_deploy_json_t *ngx_deploy_metrics_time(ngx_deploy_pool_t *pool,
    int64_t sec);


/* the words of senders, with the scheme that tells of one before it is read */

static const struct {
    const char  *name;
    const char  *scheme;
} ngx_deploy_metrics_providers[NGX_DEPLOY_METRICS_PROVIDERS + 1] = {
    { "github", "github" },
    { "gitlab", "gitlab" },
    { "bitbucket", "bitbucket" },
    { "bitbucket-server", NULL },
    { "gitea", "gitea" },
    { "forgejo", "forgejo" },
    { "gogs", "gogs" },
    { "azure-devops", "azure" },
    { "slack", "slack" },
    { "aws", "sns" },
    { "other", NULL },
    { NULL, NULL }
};


static const char  *ngx_deploy_metrics_statuses[] = {
    "started", "queued", "ignored", "duplicate", "dry_run", "refused",
    "failed", "none", NULL
};


static const char  *ngx_deploy_metrics_builds[] = {
    "started", "queued", "refused", "failed", NULL
};


static const int64_t  ngx_deploy_metrics_bounds[] = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, -1
};


unsigned
ngx_deploy_metrics_provider(const ngx_deploy_str_t *provider,
    const char *scheme)
{
    unsigned     i;
    const char  *s;

    for (i = 0; i < NGX_DEPLOY_METRICS_PROVIDERS - 1; i++) {

        if (provider->len) {
            if (ngx_deploy_str_is(provider,
                                  ngx_deploy_metrics_providers[i].name))
            {
                break;
            }

            continue;
        }

        s = ngx_deploy_metrics_providers[i].scheme;

        if (s && scheme && strcmp(s, scheme) == 0) {
            break;
        }
    }

    return i;
}


ngx_deploy_metrics_status_e
ngx_deploy_metrics_status(const char *result)
{
    unsigned  i;

    for (i = 0; i < NGX_DEPLOY_METRICS_NONE; i++) {
        if (result && strcmp(result, ngx_deploy_metrics_statuses[i]) == 0) {
            break;
        }
    }

    return i;
}


unsigned
ngx_deploy_metrics_bucket(int64_t msec)
{
    unsigned  i;

    for (i = 0; i < NGX_DEPLOY_METRICS_BUCKETS - 1; i++) {
        if (msec <= ngx_deploy_metrics_bounds[i]) {
            break;
        }
    }

    return i;
}


ngx_deploy_count_t
ngx_deploy_metrics_key(const ngx_deploy_str_t *server,
    const ngx_deploy_str_t *location, const char *scheme, unsigned line)
{
    size_t              i, n;
    uint64_t            hash;
    ngx_deploy_str_t    parts[4];
    ngx_deploy_count_t  key;

    parts[0] = *server;
    parts[1] = *location;
    parts[2].data = (u_char *) scheme;
    parts[2].len = strlen(scheme);
    parts[3].data = (u_char *) &line;
    parts[3].len = sizeof(line);

    hash = 0xcbf29ce484222325ULL;

    for (n = 0; n < 4; n++) {

        for (i = 0; i < parts[n].len; i++) {
            hash = (hash ^ parts[n].data[i]) * 0x100000001b3ULL;
        }

        /* what no part holds ends it */

        hash = (hash ^ 0x100) * 0x100000001b3ULL;
    }

    key = (ngx_deploy_count_t) (hash ^ (hash >> 32));

    return key ? key : 1;
}


const char *
ngx_deploy_metrics_provider_name(unsigned i)
{
    return ngx_deploy_metrics_providers[i].name;
}


const char *
ngx_deploy_metrics_verdict_name(unsigned i)
{
    if (i == NGX_DEPLOY_METRICS_VERDICTS) {
        return NULL;
    }

    return i ? ngx_deploy_verify_name((ngx_deploy_verify_e) (i - 1)) : "none";
}


const char *
ngx_deploy_metrics_status_name(unsigned i)
{
    return ngx_deploy_metrics_statuses[i];
}


const char *
ngx_deploy_metrics_build_name(unsigned i)
{
    return ngx_deploy_metrics_builds[i];
}


int64_t
ngx_deploy_metrics_bound(unsigned i)
{
    return ngx_deploy_metrics_bounds[i];
}


ngx_deploy_json_t *
ngx_deploy_metrics_json(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics, const ngx_deploy_gauges_t *gauges)
{
    int                 rc;
    unsigned            i;
    ngx_deploy_json_t  *json, *deliveries, *events, *builds, *messages;

    json = ngx_deploy_json_object();
    deliveries = ngx_deploy_json_object();
    events = ngx_deploy_json_object();
    builds = ngx_deploy_json_object();
    messages = ngx_deploy_json_object();

    rc = ngx_deploy_json_set(json, "scope", ngx_deploy_json_text(
                                       gauges->shared ? "zone" : "worker"));
    rc |= ngx_deploy_json_set(json, "since",
                   ngx_deploy_metrics_time(pool, (int64_t) metrics->since));
    rc |= ngx_deploy_json_set(json, "requests",
                              ngx_deploy_metrics_requests(metrics));

    for (i = 0; i < NGX_DEPLOY_METRICS_STATUSES; i++) {
        rc |= ngx_deploy_json_set(deliveries, ngx_deploy_metrics_statuses[i],
                       ngx_deploy_json_int((int64_t) metrics->deliveries[i]));
    }

    rc |= ngx_deploy_json_set(events, "matched",
                       ngx_deploy_json_int((int64_t) metrics->events[1]));
    rc |= ngx_deploy_json_set(events, "unmatched",
                       ngx_deploy_json_int((int64_t) metrics->events[0]));

    for (i = 0; i < NGX_DEPLOY_METRICS_BUILDS; i++) {
        rc |= ngx_deploy_json_set(builds, ngx_deploy_metrics_builds[i],
                       ngx_deploy_json_int((int64_t) metrics->builds[i]));
    }

    rc |= ngx_deploy_json_set(builds, "retries",
                       ngx_deploy_json_int((int64_t) metrics->retries));

    rc |= ngx_deploy_json_set(messages, "sent",
                       ngx_deploy_json_int((int64_t) metrics->messages[1]));
    rc |= ngx_deploy_json_set(messages, "failed",
                       ngx_deploy_json_int((int64_t) metrics->messages[0]));

    rc |= ngx_deploy_json_set(json, "deliveries", deliveries);
    rc |= ngx_deploy_json_set(json, "events", events);
    rc |= ngx_deploy_json_set(json, "builds", builds);
    rc |= ngx_deploy_json_set(json, "slack_messages", messages);
    rc |= ngx_deploy_json_set(json, "answer",
                      ngx_deploy_metrics_histogram(pool, &metrics->answer));
    rc |= ngx_deploy_json_set(json, "startbuild",
                 ngx_deploy_metrics_histogram(pool, &metrics->start_build));
    rc |= ngx_deploy_json_set(json, "secrets",
                              ngx_deploy_metrics_secrets(pool, metrics));

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_deploy_metrics_requests(const ngx_deploy_metrics_t *metrics)
{
    int                  rc;
    unsigned             i, n;
    ngx_deploy_json_t   *array, *json;
    ngx_deploy_count_t   count;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < NGX_DEPLOY_METRICS_PROVIDERS; i++) {

        for (n = 0; n < NGX_DEPLOY_METRICS_VERDICTS; n++) {

            count = metrics->requests[i][n];

            if (count == 0) {
                continue;
            }

            json = ngx_deploy_json_object();

            rc |= ngx_deploy_json_set(json, "provider", ngx_deploy_json_text(
                                     ngx_deploy_metrics_provider_name(i)));
            rc |= ngx_deploy_json_set(json, "verify", ngx_deploy_json_text(
                                      ngx_deploy_metrics_verdict_name(n)));
            rc |= ngx_deploy_json_set(json, "count",
                                      ngx_deploy_json_int((int64_t) count));
            rc |= ngx_deploy_json_append(array, json);
        }
    }

    return ngx_deploy_json_done(array, rc);
}


static ngx_deploy_json_t *
ngx_deploy_metrics_histogram(ngx_deploy_pool_t *pool,
    const ngx_deploy_histogram_t *h)
{
    int                  rc;
    unsigned             i;
    ngx_deploy_str_t     s;
    ngx_deploy_json_t   *json, *buckets;
    ngx_deploy_text_t    text;
    ngx_deploy_count_t   count;

    json = ngx_deploy_json_object();
    buckets = ngx_deploy_json_object();
    rc = NGX_DEPLOY_OK;
    count = 0;

    for (i = 0; i < NGX_DEPLOY_METRICS_BUCKETS; i++) {

        count += h->buckets[i];

        ngx_deploy_text_init(&text, pool);

        if (ngx_deploy_metrics_bounds[i] == -1) {
            ngx_deploy_text_put(&text, "+Inf");

        } else {
            ngx_deploy_text_msec(&text, ngx_deploy_metrics_bounds[i]);
        }

        ngx_deploy_text_add(&text, (u_char *) "", 1);

        if (ngx_deploy_text_end(&text, &s) != NGX_DEPLOY_OK) {
            rc = NGX_DEPLOY_ERROR;
            break;
        }

        rc |= ngx_deploy_json_set(buckets, (char *) s.data,
                                  ngx_deploy_json_int((int64_t) count));
    }

    rc |= ngx_deploy_json_set(json, "count",
                              ngx_deploy_json_int((int64_t) count));
    rc |= ngx_deploy_json_set(json, "sum_ms",
                              ngx_deploy_json_int((int64_t) h->sum));
    rc |= ngx_deploy_json_set(json, "buckets", buckets);

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_deploy_metrics_secrets(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics)
{
    int                             rc;
    unsigned                        i;
    ngx_deploy_json_t              *array, *json;
    const ngx_deploy_secret_use_t  *use;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < NGX_DEPLOY_METRICS_SECRETS; i++) {

        use = &metrics->secrets[i];

        if (!use->named) {
            continue;
        }

        json = ngx_deploy_json_object();

        rc |= ngx_deploy_json_set(json, "server",
                                  ngx_deploy_json_text(use->server));
        rc |= ngx_deploy_json_set(json, "location",
                                  ngx_deploy_json_text(use->location));
        rc |= ngx_deploy_json_set(json, "scheme",
                                  ngx_deploy_json_text(use->scheme));
        rc |= ngx_deploy_json_set(json, "line",
                                  ngx_deploy_json_int((int64_t) use->line));
        rc |= ngx_deploy_json_set(json, "count",
                                  ngx_deploy_json_int((int64_t) use->count));
        rc |= ngx_deploy_json_set(json, "last_used",
                       ngx_deploy_metrics_time(pool, (int64_t) use->used));
        rc |= ngx_deploy_json_append(array, json);
    }

    return ngx_deploy_json_done(array, rc);
}


ngx_deploy_json_t *
ngx_deploy_credentials_json(ngx_deploy_pool_t *pool,
    const ngx_deploy_gauges_t *gauges)
{
    int                             rc;
    size_t                          i;
    ngx_deploy_json_t              *array, *json;
    const ngx_deploy_credential_t  *c;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < gauges->ncredentials; i++) {

        c = &gauges->credentials[i];
        json = ngx_deploy_json_object();

        rc |= ngx_deploy_json_set_str(json, "source", &c->source);

        if (c->role.len) {
            rc |= ngx_deploy_json_set_str(json, "role", &c->role);
        }

        rc |= ngx_deploy_json_set(json, "valid",
                                  ngx_deploy_json_bool(c->valid));

        if (c->found.len) {
            rc |= ngx_deploy_json_set_str(json, "found", &c->found);
        }

        if (c->expires) {
            rc |= ngx_deploy_json_set(json, "expires",
                                 ngx_deploy_metrics_time(pool, c->expires));
        }

        if (c->reason.len) {
            rc |= ngx_deploy_json_set_str(json, "reason", &c->reason);
        }

        rc |= ngx_deploy_json_append(array, json);
    }

    return ngx_deploy_json_done(array, rc);
}


static ngx_deploy_json_t *
ngx_deploy_metrics_time(ngx_deploy_pool_t *pool, int64_t sec)
{
    ngx_deploy_str_t   s;
    ngx_deploy_text_t  text;

    ngx_deploy_text_init(&text, pool);
    ngx_deploy_text_time(&text, sec * 1000, 0);

    return (ngx_deploy_text_end(&text, &s) == NGX_DEPLOY_OK)
           ? ngx_deploy_json_str(&s) : NULL;
}
