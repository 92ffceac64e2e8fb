
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_status.h"
#include "ngx_deploy_board.h"
#include "ngx_deploy_text.h"
#include "ngx_deploy_version.h"


#define NGX_HTTP_DEPLOY_STATUS_ONE   (1024 * 1024)   /* bytes to be parsed */
#define NGX_HTTP_DEPLOY_STATUS_LIST  (512 * 1024)


/* of an answer in the making */

typedef struct {
    ngx_deploy_pool_t            pool;
    size_t                       budget;     /* bytes of JSON to be parsed */
    ngx_deploy_store_status_t   *op;
} ngx_http_deploy_writer_t;


static int ngx_http_deploy_status_store(ngx_http_deploy_writer_t *w,
    ngx_deploy_json_t *json);
static ngx_deploy_json_t *ngx_http_deploy_status_numbers(
    ngx_http_deploy_writer_t *w);
static ngx_deploy_json_t *ngx_http_deploy_status_filter(
    ngx_deploy_store_status_t *op);
static ngx_deploy_json_t *ngx_http_deploy_status_delivery(
    ngx_http_deploy_writer_t *w, ngx_deploy_store_delivery_t *d);
static const char *ngx_http_deploy_status_word(
    ngx_deploy_store_delivery_t *d);
static ngx_deploy_json_t *ngx_http_deploy_status_builds(
    ngx_http_deploy_writer_t *w, ngx_deploy_store_build_t *b, size_t n,
    ngx_deploy_store_delivery_t *d);
static ngx_deploy_json_t *ngx_http_deploy_status_build(
    ngx_http_deploy_writer_t *w, ngx_deploy_store_build_t *b,
    ngx_deploy_store_delivery_t *d);
static ngx_deploy_json_t *ngx_http_deploy_status_phases(
    ngx_http_deploy_writer_t *w, ngx_deploy_store_build_t *b);
static ngx_deploy_json_t *ngx_http_deploy_status_phase(
    ngx_deploy_build_phase_t *phase);
static ngx_deploy_json_t *ngx_http_deploy_status_tries(
    ngx_http_deploy_writer_t *w, int64_t build);
static ngx_deploy_json_t *ngx_http_deploy_status_text(
    ngx_http_deploy_writer_t *w, ngx_str_t *text);
static ngx_deploy_json_t *ngx_http_deploy_status_time(
    ngx_http_deploy_writer_t *w, int64_t msec);


ngx_deploy_json_t *
ngx_http_deploy_status_json(ngx_pool_t *pool, ngx_deploy_store_status_t *op,
    ngx_deploy_metrics_t *metrics, ngx_deploy_gauges_t *gauges)
{
    int                        rc;
    ngx_deploy_json_t         *json, *store;
    ngx_http_deploy_writer_t   w;

    w.pool = ngx_http_deploy_pool(pool);
    w.op = op;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set(json, "version",
                             ngx_deploy_json_text(NGX_DEPLOY_VERSION));
    rc |= ngx_deploy_json_set_str(json, "nginx", &gauges->nginx);

    if (gauges->store != -1) {
        store = ngx_deploy_json_object();

        rc |= ngx_deploy_json_set(store, "works",
                                  ngx_deploy_json_bool(gauges->store));

        if (op) {
            rc |= ngx_deploy_json_set(store, "queued",
                                      ngx_deploy_json_int(op->queued));
            rc |= ngx_deploy_json_set(store, "starting",
                                      ngx_deploy_json_int(op->starting));
            rc |= ngx_deploy_json_set(store, "oldest_ms",
                                      ngx_deploy_json_int(op->oldest));
            rc |= ngx_deploy_json_set(store, "size_bytes",
                                      ngx_deploy_json_int(op->size));
        }

        rc |= ngx_deploy_json_set(json, "store", store);
    }

    if (op) {
        rc |= ngx_http_deploy_status_store(&w, json);
    }

    rc |= ngx_deploy_json_set(json, "credentials",
                              ngx_deploy_credentials_json(&w.pool, gauges));
    rc |= ngx_deploy_json_set(json, "counters",
                              ngx_deploy_metrics_json(&w.pool, metrics,
                                                      gauges));

    return ngx_deploy_json_done(json, rc);
}


static int
ngx_http_deploy_status_store(ngx_http_deploy_writer_t *w,
    ngx_deploy_json_t *json)
{
    int                         rc;
    size_t                      i;
    ngx_deploy_json_t          *array;
    ngx_deploy_store_find_t    *find;
    ngx_deploy_store_status_t  *op;

    op = w->op;
    find = &op->find;
    array = ngx_deploy_json_array();

    /* what takes too long to be read is for the page of the delivery */

    w->budget = op->details ? NGX_HTTP_DEPLOY_STATUS_ONE
                            : NGX_HTTP_DEPLOY_STATUS_LIST;

    rc = ngx_deploy_json_set(json, "active",
                             ngx_deploy_json_int(op->queued + op->starting));
    rc |= ngx_deploy_json_set(json, "filter",
                              ngx_http_deploy_status_filter(op));

    for (i = 0; i < find->n; i++) {
        rc |= ngx_deploy_json_append(array,
                    ngx_http_deploy_status_delivery(w, &find->deliveries[i]));
    }

    rc |= ngx_deploy_json_set(json, "deliveries", array);
    rc |= ngx_deploy_json_set(json, "projects",
                              ngx_http_deploy_status_builds(w, op->projects,
                                                            op->nprojects,
                                                            NULL));
    rc |= ngx_deploy_json_set(json, "queue",
                              ngx_http_deploy_status_builds(w, op->queue,
                                                            op->nqueue,
                                                            NULL));
    if (!op->details) {
        rc |= ngx_deploy_json_set(json, "numbers",
                                  ngx_http_deploy_status_numbers(w));
    }

    return rc;
}


/* those of a project that is not failing have no "failing_since" */

static ngx_deploy_json_t *
ngx_http_deploy_status_numbers(ngx_http_deploy_writer_t *w)
{
    int                          rc;
    size_t                       i;
    ngx_deploy_json_t           *array, *json;
    ngx_deploy_store_numbers_t  *n;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < w->op->nnumbers; i++) {

        n = &w->op->numbers[i];
        json = ngx_deploy_json_object();

        rc |= ngx_deploy_json_set_str(json, "project", &n->project);
        rc |= ngx_deploy_json_set(json, "days",
                                  ngx_deploy_json_int(NGX_DEPLOY_STORE_DAYS));
        rc |= ngx_deploy_json_set(json, "deployments",
                                  ngx_deploy_json_int(n->deployments));
        rc |= ngx_deploy_json_set(json, "failures",
                                  ngx_deploy_json_int(n->failures));
        rc |= ngx_deploy_json_set(json, "failure_percent",
                                  ngx_deploy_json_int(n->failures * 100
                                       / (n->failures + n->deployments)));

        if (n->lead >= 0) {
            rc |= ngx_deploy_json_set(json, "lead_ms",
                                      ngx_deploy_json_int(n->lead));
        }

        if (n->restored) {
            rc |= ngx_deploy_json_set(json, "restore_ms",
                                      ngx_deploy_json_int(n->restore));
        }

        rc |= ngx_deploy_json_set(json, "restored",
                                  ngx_deploy_json_int(n->restored));

        if (n->failing) {
            rc |= ngx_deploy_json_set(json, "failing_since",
                                  ngx_http_deploy_status_time(w, n->failing));
        }

        rc |= ngx_deploy_json_append(array, json);
    }

    return ngx_deploy_json_done(array, rc);
}


static ngx_deploy_json_t *
ngx_http_deploy_status_filter(ngx_deploy_store_status_t *op)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set(json, "limit",
                             ngx_deploy_json_int((int64_t) op->find.max));

    rc |= ngx_deploy_json_set_str(json, "delivery", &op->find.id);
    rc |= ngx_deploy_json_set_str(json, "build", &op->find.build);
    rc |= ngx_deploy_json_set_str(json, "project", &op->project);
    rc |= ngx_deploy_json_set_str(json, "status", &op->status);

    return ngx_deploy_json_done(json, rc);
}


ngx_deploy_json_t *
ngx_http_deploy_status_redelivered_json(ngx_pool_t *pool,
    ngx_deploy_store_redeliver_t *redeliver)
{
    int                           rc;
    ngx_deploy_json_t            *json;
    ngx_http_deploy_writer_t      w;
    ngx_deploy_store_delivery_t  *d;

    ngx_memzero(&w, sizeof(ngx_http_deploy_writer_t));

    w.pool = ngx_http_deploy_pool(pool);

    d = redeliver->delivery;
    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                 redeliver->queued ? "queued" : "duplicate"));
    rc |= ngx_deploy_json_set_str(json, "delivery", &d->id);
    rc |= ngx_deploy_json_set(json, "builds",
                              ngx_http_deploy_status_builds(&w, d->builds,
                                                            d->nbuilds, d));

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_http_deploy_status_delivery(ngx_http_deploy_writer_t *w,
    ngx_deploy_store_delivery_t *d)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "delivery", &d->id);
    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                          ngx_http_deploy_status_word(d)));
    rc |= ngx_deploy_json_set(json, "received",
                              ngx_http_deploy_status_time(w, d->received));
    rc |= ngx_deploy_json_set_str(json, "provider", &d->provider);
    rc |= ngx_deploy_json_set_str(json, "scheme", &d->scheme);
    rc |= ngx_deploy_json_set_str(json, "server", &d->server);
    rc |= ngx_deploy_json_set_str(json, "location", &d->location);

    if (d->events.len + d->rules.len > w->budget) {
        rc |= ngx_deploy_json_set(json, "omitted", ngx_deploy_json_bool(1));
        d->events.len = 0;
        d->rules.len = 0;
    }

    rc |= ngx_deploy_json_set(json, "events",
                              ngx_http_deploy_status_text(w, &d->events));
    rc |= ngx_deploy_json_set(json, "builds",
                              ngx_http_deploy_status_builds(w, d->builds,
                                                            d->nbuilds, d));
    rc |= ngx_deploy_json_set(json, "rules",
                              ngx_http_deploy_status_text(w, &d->rules));

    return ngx_deploy_json_done(json, rc);
}


/* of several builds the worst decides */

static const char *
ngx_http_deploy_status_word(ngx_deploy_store_delivery_t *d)
{
    size_t       i;
    const char  *word;

    if (d->nbuilds == 0) {
        return (ngx_deploy_str_starts(&d->identity, "dry_run:")) ? "dry_run"
                                                                 : "ignored";
    }

    word = "started";

    for (i = 0; i < d->nbuilds; i++) {

        if (d->builds[i].state == NGX_DEPLOY_STORE_FAILED) {
            return "failed";
        }

        if (d->builds[i].state != NGX_DEPLOY_STORE_STARTED) {
            word = "queued";
        }
    }

    return word;
}


static ngx_deploy_json_t *
ngx_http_deploy_status_builds(ngx_http_deploy_writer_t *w,
    ngx_deploy_store_build_t *b, size_t n, ngx_deploy_store_delivery_t *d)
{
    size_t              i;
    ngx_deploy_json_t  *array;

    array = ngx_deploy_json_array();

    for (i = 0; i < n; i++) {
        if (ngx_deploy_json_append(array,
                                   ngx_http_deploy_status_build(w, &b[i], d))
            != NGX_DEPLOY_OK)
        {
            ngx_deploy_json_free(array);
            return NULL;
        }
    }

    return array;
}


/* a build of a list of its own, d being NULL, has its delivery's id */

static ngx_deploy_json_t *
ngx_http_deploy_status_build(ngx_http_deploy_writer_t *w,
    ngx_deploy_store_build_t *b, ngx_deploy_store_delivery_t *d)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    static const char  *states[] = {
        "queued", "starting", "started", "failed"
    };

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "project", &b->project);

    if (d == NULL) {
        rc |= ngx_deploy_json_set_str(json, "delivery", &b->body);
    }

    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                  (b->state <= NGX_DEPLOY_STORE_FAILED)
                                  ? states[b->state] : "unknown"));
    rc |= ngx_deploy_json_set(json, "event", ngx_deploy_json_int(b->event));
    rc |= ngx_deploy_json_set(json, "run", ngx_deploy_json_int(b->run));
    rc |= ngx_deploy_json_set(json, "since",
                              ngx_http_deploy_status_time(w, b->since));

    if (d && b->due == 0) {
        rc |= ngx_deploy_json_set(json, "after_ms", ngx_deploy_json_int(
                                      ngx_max(b->since - d->received, 0)));
    }

    rc |= ngx_deploy_json_set(json, "attempts",
                              ngx_deploy_json_int(b->attempts));

    if (b->due) {
        rc |= ngx_deploy_json_set(json, "due",
                                  ngx_http_deploy_status_time(w, b->due));
    }

    rc |= ngx_deploy_json_set_str(json, "error", &b->error);
    rc |= ngx_deploy_json_set_str(json, "message", &b->message);
    rc |= ngx_deploy_json_set_str(json, "id", &b->id);

    if (b->number >= 0) {
        rc |= ngx_deploy_json_set(json, "number",
                                  ngx_deploy_json_int(b->number));
    }

    rc |= ngx_deploy_json_set_str(json, "url", &b->url);
    rc |= ngx_deploy_json_set_str(json, "build_status", &b->status);

    if (b->record.len) {
        rc |= ngx_deploy_json_set(json, "phases",
                                  ngx_http_deploy_status_phases(w, b));
    }

    if (b->paths_unknown) {
        rc |= ngx_deploy_json_set(json, "paths_unknown",
                                  ngx_deploy_json_bool(1));
    }

    if (w->op && w->op->details && d) {
        rc |= ngx_deploy_json_set(json, "tries",
                                  ngx_http_deploy_status_tries(w, b->row));
    }

    return ngx_deploy_json_done(json, rc);
}


/* what was reported of the build, an empty array when it cannot be read */

static ngx_deploy_json_t *
ngx_http_deploy_status_phases(ngx_http_deploy_writer_t *w,
    ngx_deploy_store_build_t *b)
{
    int                  rc;
    size_t               i;
    ngx_deploy_json_t   *array;
    ngx_deploy_build_t  *build;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    build = ngx_deploy_palloc(&w->pool, sizeof(ngx_deploy_build_t));

    if (build == NULL
        || ngx_deploy_board_read(&w->pool, &b->record, build)
           != NGX_DEPLOY_OK)
    {
        return array;
    }

    for (i = 0; i < build->nphases; i++) {
        rc |= ngx_deploy_json_append(array,
                           ngx_http_deploy_status_phase(&build->phases[i]));
    }

    return ngx_deploy_json_done(array, rc);
}


static ngx_deploy_json_t *
ngx_http_deploy_status_phase(ngx_deploy_build_phase_t *phase)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "phase", &phase->name);
    rc |= ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                ngx_deploy_build_status_name(phase->status)));

    if (phase->duration >= 0) {
        rc |= ngx_deploy_json_set(json, "duration",
                                  ngx_deploy_json_int(phase->duration));
    }

    rc |= ngx_deploy_json_set_str(json, "message", &phase->message);

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_http_deploy_status_tries(ngx_http_deploy_writer_t *w, int64_t build)
{
    int                          rc;
    size_t                       i;
    ngx_deploy_json_t           *array, *json;
    ngx_deploy_store_attempt_t  *a;

    array = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < w->op->nattempts; i++) {

        a = &w->op->attempts[i];

        if (a->build != build) {
            continue;
        }

        json = ngx_deploy_json_object();

        rc |= ngx_deploy_json_set(json, "n", ngx_deploy_json_int(a->n));
        rc |= ngx_deploy_json_set(json, "at",
                                  ngx_http_deploy_status_time(w, a->at));
        rc |= ngx_deploy_json_set(json, "ms",
                                  ngx_deploy_json_int(a->duration));

        if (a->status) {
            rc |= ngx_deploy_json_set(json, "status",
                                      ngx_deploy_json_int(a->status));
        }

        rc |= ngx_deploy_json_set_str(json, "error", &a->error);
        rc |= ngx_deploy_json_set_str(json, "message", &a->message);
        rc |= ngx_deploy_json_append(array, json);
    }

    return ngx_deploy_json_done(array, rc);
}


/* what was written as JSON, an empty array when it cannot be read */

static ngx_deploy_json_t *
ngx_http_deploy_status_text(ngx_http_deploy_writer_t *w, ngx_str_t *text)
{
    const char         *reason;
    ngx_deploy_json_t  *json;

    if (text->len == 0) {
        return ngx_deploy_json_array();
    }

    json = ngx_deploy_json_parse(text->data, text->len, w->budget, &reason);

    w->budget -= text->len;

    return json ? json : ngx_deploy_json_array();
}


static ngx_deploy_json_t *
ngx_http_deploy_status_time(ngx_http_deploy_writer_t *w, int64_t msec)
{
    ngx_str_t          s;
    ngx_deploy_text_t  text;

    ngx_deploy_text_init(&text, &w->pool);
    ngx_deploy_text_time(&text, msec, 1);

    return (ngx_deploy_text_end(&text, &s) == NGX_DEPLOY_OK)
           ? ngx_deploy_json_str(&s) : NULL;
}
