
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build.h"
#include "ngx_deploy_json.h"


static ngx_deploy_json_t *ngx_deploy_build_dump_event(
    const ngx_deploy_event_t *event);
static ngx_deploy_json_t *ngx_deploy_build_dump_link(
    const ngx_deploy_build_link_t *link);
static ngx_deploy_json_t *ngx_deploy_build_dump_phase(
    const ngx_deploy_build_phase_t *phase);
static int ngx_deploy_build_dump_status(ngx_deploy_json_t *json,
    ngx_deploy_build_status_e status);
static int ngx_deploy_build_dump_int(ngx_deploy_json_t *json,
    const char *key, int64_t n);
static int ngx_deploy_build_read(ngx_deploy_build_t *build,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);
static int ngx_deploy_build_read_event(ngx_deploy_event_t *event,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);
static int ngx_deploy_build_read_link(ngx_deploy_build_link_t *link,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);
static int ngx_deploy_build_read_phase(ngx_deploy_build_phase_t *phase,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);
static ngx_deploy_build_status_e ngx_deploy_build_read_status(
    ngx_deploy_json_t *json);
static int ngx_deploy_build_read_str(ngx_deploy_str_t *s,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json, const char *key);


int
ngx_deploy_build_dump(const ngx_deploy_build_t *build,
    ngx_deploy_pool_t *pool, ngx_deploy_str_t *out)
{
    int                 rc;
    size_t              i;
    ngx_deploy_json_t  *json, *list;

    json = ngx_deploy_json_object();
    if (json == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_json_set_str(json, "project", &build->project);
    rc |= ngx_deploy_json_set_str(json, "id", &build->id);
    rc |= ngx_deploy_build_dump_int(json, "number", build->number);
    rc |= ngx_deploy_build_dump_status(json, build->status);
    rc |= ngx_deploy_json_set(json, "told", ngx_deploy_json_bool(build->told));
    rc |= ngx_deploy_json_set_str(json, "url", &build->url);
    rc |= ngx_deploy_json_set_str(json, "log", &build->log);
    rc |= ngx_deploy_json_set_str(json, "message", &build->message);
    rc |= ngx_deploy_build_dump_int(json, "started", build->started);
    rc |= ngx_deploy_build_dump_int(json, "finished", build->finished);
    rc |= ngx_deploy_json_set_str(json, "delivery", &build->delivery);
    rc |= ngx_deploy_build_dump_int(json, "depth", build->depth);
    rc |= ngx_deploy_json_set_str(json, "chain", &build->chain);
    rc |= ngx_deploy_json_set_str(json, "region", &build->region);
    rc |= ngx_deploy_json_set_str(json, "endpoint", &build->endpoint);
    rc |= ngx_deploy_json_set_str(json, "credentials", &build->credentials);
    rc |= ngx_deploy_json_set(json, "event",
                              ngx_deploy_build_dump_event(&build->event));

    if (build->upstream.project.data != NULL) {
        rc |= ngx_deploy_json_set(json, "upstream",
                                  ngx_deploy_build_dump_link(&build->upstream));
    }

    list = ngx_deploy_json_array();

    for (i = 0; i < build->ndownstream; i++) {
        rc |= ngx_deploy_json_append(list,
                           ngx_deploy_build_dump_link(&build->downstream[i]));
    }

    rc |= ngx_deploy_json_set(json, "downstream", list);

    list = ngx_deploy_json_array();

    for (i = 0; i < build->nphases; i++) {
        rc |= ngx_deploy_json_append(list,
                           ngx_deploy_build_dump_phase(&build->phases[i]));
    }

    rc |= ngx_deploy_json_set(json, "phases", list);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, pool, out);
    }

    ngx_deploy_json_free(json);

    return rc == NGX_DEPLOY_OK ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static ngx_deploy_json_t *
ngx_deploy_build_dump_event(const ngx_deploy_event_t *event)
{
    int                 i, rc;
    ngx_deploy_str_t    fact;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();
    if (json == NULL) {
        return NULL;
    }

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {

        if (i == NGX_DEPLOY_MESSAGE) {
            continue;
        }

        fact = event->facts[i];
        fact.len = ngx_deploy_utf8_cut(fact.data, fact.len,
                                       NGX_DEPLOY_BUILD_MAX_TEXT);

        rc |= ngx_deploy_json_set_str(json,
                               (const char *) ngx_deploy_fact_name(i)->data,
                               &fact);
    }

    rc |= ngx_deploy_build_dump_int(json, "merged", event->merged);
    rc |= ngx_deploy_build_dump_int(json, "deleted", event->deleted);

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_deploy_build_dump_link(const ngx_deploy_build_link_t *link)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();
    if (json == NULL) {
        return NULL;
    }

    rc = ngx_deploy_json_set_str(json, "project", &link->project);
    rc |= ngx_deploy_json_set_str(json, "id", &link->id);
    rc |= ngx_deploy_json_set_str(json, "url", &link->url);
    rc |= ngx_deploy_build_dump_status(json, link->status);

    return ngx_deploy_json_done(json, rc);
}


static ngx_deploy_json_t *
ngx_deploy_build_dump_phase(const ngx_deploy_build_phase_t *phase)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();
    if (json == NULL) {
        return NULL;
    }

    rc = ngx_deploy_json_set_str(json, "name", &phase->name);
    rc |= ngx_deploy_build_dump_status(json, phase->status);
    rc |= ngx_deploy_build_dump_int(json, "duration", phase->duration);
    rc |= ngx_deploy_json_set_str(json, "message", &phase->message);

    return ngx_deploy_json_done(json, rc);
}


static int
ngx_deploy_build_dump_status(ngx_deploy_json_t *json,
    ngx_deploy_build_status_e status)
{
    return ngx_deploy_json_set(json, "status",
                   ngx_deploy_json_text(ngx_deploy_build_status_name(status)));
}


static int
ngx_deploy_build_dump_int(ngx_deploy_json_t *json, const char *key, int64_t n)
{
    if (n == -1) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_json_set(json, key, ngx_deploy_json_int(n));
}


int
ngx_deploy_build_load(ngx_deploy_build_t *build, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(text->data, text->len,
                                 NGX_DEPLOY_BUILD_MAX_DUMP, &reason);
    if (json == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_build_of_json(build, pool, json);

    ngx_deploy_json_free(json);

    return rc;
}


int
ngx_deploy_build_of_json(ngx_deploy_build_t *build, ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json)
{
    int  rc;

    ngx_deploy_build_init(build);

    rc = ngx_deploy_build_read(build, pool, json);

    if (rc == NGX_DEPLOY_OK && build->project.len == 0) {
        return NGX_DEPLOY_DECLINED;
    }

    return rc;
}


static int
ngx_deploy_build_read(ngx_deploy_build_t *build, ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json)
{
    int                 rc;
    int64_t             depth;
    ngx_deploy_json_t  *list, *item;

    rc = ngx_deploy_build_read_str(&build->project, pool, json, "project");
    rc |= ngx_deploy_build_read_str(&build->id, pool, json, "id");
    rc |= ngx_deploy_build_read_str(&build->url, pool, json, "url");
    rc |= ngx_deploy_build_read_str(&build->log, pool, json, "log");
    rc |= ngx_deploy_build_read_str(&build->message, pool, json, "message");
    rc |= ngx_deploy_build_read_str(&build->delivery, pool, json, "delivery");
    rc |= ngx_deploy_build_read_str(&build->chain, pool, json, "chain");
    rc |= ngx_deploy_build_read_str(&build->region, pool, json, "region");
    rc |= ngx_deploy_build_read_str(&build->endpoint, pool, json, "endpoint");
    rc |= ngx_deploy_build_read_str(&build->credentials, pool, json,
                                    "credentials");

    build->number = ngx_deploy_json_get_int(json, "number", -1);
    build->status = ngx_deploy_build_read_status(json);
    build->told = ngx_deploy_json_get_bool(json, "told", 0);
    build->started = ngx_deploy_json_get_int(json, "started", -1);
    build->finished = ngx_deploy_json_get_int(json, "finished", -1);

    depth = ngx_deploy_json_get_int(json, "depth", 0);
    build->depth = (depth >= 0 && depth <= 1000) ? (unsigned) depth : 1000;

    rc |= ngx_deploy_build_read_event(&build->event, pool,
                                      ngx_deploy_json_get(json, "event"));
    rc |= ngx_deploy_build_read_link(&build->upstream, pool,
                                     ngx_deploy_json_get(json, "upstream"));

    list = ngx_deploy_json_get(json, "downstream");

    while (build->ndownstream < NGX_DEPLOY_BUILD_MAX_DOWN) {
        item = ngx_deploy_json_at(list, build->ndownstream);
        if (item == NULL) {
            break;
        }

        rc |= ngx_deploy_build_read_link(
                     &build->downstream[build->ndownstream++], pool, item);
    }

    list = ngx_deploy_json_get(json, "phases");

    while (build->nphases < NGX_DEPLOY_BUILD_MAX_PHASES) {
        item = ngx_deploy_json_at(list, build->nphases);
        if (item == NULL) {
            break;
        }

        rc |= ngx_deploy_build_read_phase(
                     &build->phases[build->nphases++], pool, item);
    }

    return rc == NGX_DEPLOY_OK ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_build_read_event(ngx_deploy_event_t *event,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json)
{
    int  i, rc;

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        rc |= ngx_deploy_build_read_str(&event->facts[i], pool, json,
                              (const char *) ngx_deploy_fact_name(i)->data);
    }

    event->merged = (int) ngx_deploy_json_get_int(json, "merged", -1);
    event->deleted = (int) ngx_deploy_json_get_int(json, "deleted", -1);

    return rc;
}


static int
ngx_deploy_build_read_link(ngx_deploy_build_link_t *link,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json)
{
    int  rc;

    rc = ngx_deploy_build_read_str(&link->project, pool, json, "project");
    rc |= ngx_deploy_build_read_str(&link->id, pool, json, "id");
    rc |= ngx_deploy_build_read_str(&link->url, pool, json, "url");

    link->status = ngx_deploy_build_read_status(json);

    return rc;
}


static int
ngx_deploy_build_read_phase(ngx_deploy_build_phase_t *phase,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json)
{
    int  rc;

    rc = ngx_deploy_build_read_str(&phase->name, pool, json, "name");
    rc |= ngx_deploy_build_read_str(&phase->message, pool, json, "message");

    phase->status = ngx_deploy_build_read_status(json);
    phase->duration = ngx_deploy_json_get_int(json, "duration", -1);

    return rc;
}


static ngx_deploy_build_status_e
ngx_deploy_build_read_status(ngx_deploy_json_t *json)
{
    ngx_deploy_str_t  word;

    word = ngx_deploy_json_get_str(json, "status");

    return ngx_deploy_build_status_find(&word);
}


static int
ngx_deploy_build_read_str(ngx_deploy_str_t *s, ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_str_t  value;

    value = ngx_deploy_json_get_str(json, key);

    if (value.data == NULL) {
        s->len = 0;
        s->data = NULL;

        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_pstrdup(pool, s, value.data, value.len);
}
