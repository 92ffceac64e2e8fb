
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_watch.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_sender.h"


static int ngx_deploy_watch_build(ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json, ngx_deploy_build_t *build);
static int ngx_deploy_watch_phases(ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json, ngx_deploy_build_t *build);
static ngx_deploy_str_t ngx_deploy_watch_context(ngx_deploy_json_t *json);
static ngx_deploy_build_status_e ngx_deploy_watch_status(
    ngx_deploy_json_t *json, const char *key);


static const ngx_deploy_str_t  ngx_deploy_watch_gone =
    ngx_deploy_string("CodeBuild does not know this build any more");


int
ngx_deploy_watch_body(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *ids,
    size_t n, ngx_deploy_str_t *body)
{
    int                 rc;
    size_t              i;
    ngx_deploy_json_t  *json, *list;

    json = ngx_deploy_json_object();
    list = ngx_deploy_json_array();
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < n; i++) {
        rc |= ngx_deploy_json_append(list, ngx_deploy_json_str(&ids[i]));
    }

    rc |= ngx_deploy_json_set(json, "ids", list);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, pool, body);
    }

    ngx_deploy_json_free(json);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_watch_reply(ngx_deploy_pool_t *pool, const u_char *p, size_t len,
    ngx_deploy_watch_pt handler, void *data, const char **reason)
{
    int                  rc;
    size_t               i;
    ngx_deploy_json_t   *json, *builds, *gone, *item;
    ngx_deploy_build_t  *build;

    build = ngx_deploy_palloc(pool, sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    json = ngx_deploy_json_parse(p, len, NGX_DEPLOY_CODEBUILD_MAX_REPLY,
                                 reason);
    if (json == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    builds = ngx_deploy_json_get(json, "builds");
    gone = ngx_deploy_json_get(json, "buildsNotFound");

    if (builds == NULL) {
        *reason = "reply has no builds";
        ngx_deploy_json_free(json);
        return NGX_DEPLOY_DECLINED;
    }

    rc = NGX_DEPLOY_OK;

    for (i = 0;
         rc == NGX_DEPLOY_OK && (item = ngx_deploy_json_at(builds, i)) != NULL;
         i++)
    {
        rc = ngx_deploy_watch_build(pool, item, build);

        if (rc == NGX_DEPLOY_OK && build->id.len) {
            rc = handler(data, build);
        }
    }

    for (i = 0;
         rc == NGX_DEPLOY_OK && (item = ngx_deploy_json_at(gone, i)) != NULL;
         i++)
    {
        ngx_deploy_build_init(build);

        build->id = ngx_deploy_json_get_str(item, NULL);
        build->status = NGX_DEPLOY_BUILD_FAULT;
        build->message = ngx_deploy_watch_gone;

        if (build->id.len) {
            rc = handler(data, build);
        }
    }

    ngx_deploy_json_free(json);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_watch_build(ngx_deploy_pool_t *pool, ngx_deploy_json_t *json,
    ngx_deploy_build_t *build)
{
    ngx_deploy_str_t    phase, stream;
    ngx_deploy_json_t  *logs;

    ngx_deploy_build_init(build);

    build->id = ngx_deploy_json_get_str(json, "id");
    build->project = ngx_deploy_json_get_str(json, "projectName");
    build->number = ngx_deploy_json_get_int(json, "buildNumber", -1);
    build->started = ngx_deploy_json_get_int(json, "startTime", -1);
    build->finished = ngx_deploy_json_get_int(json, "endTime", -1);
    build->status = ngx_deploy_watch_status(json, "buildStatus");
    build->told = 1;

    /* one that waits is said to be in progress, too */

    phase = ngx_deploy_json_get_str(json, "currentPhase");

    if (build->status == NGX_DEPLOY_BUILD_IN_PROGRESS
        && (ngx_deploy_str_is(&phase, "QUEUED")
            || ngx_deploy_str_is(&phase, "SUBMITTED")))
    {
        build->status = NGX_DEPLOY_BUILD_STARTED;
    }

    /* as long as there is none the link leads to a stream called null */

    logs = ngx_deploy_json_get(json, "logs");
    stream = ngx_deploy_json_get_str(logs, "streamName");

    if (stream.len) {
        build->log = ngx_deploy_json_get_str(logs, "deepLink");
    }

    return ngx_deploy_watch_phases(pool, ngx_deploy_json_get(json, "phases"),
                                   build);
}


static int
ngx_deploy_watch_phases(ngx_deploy_pool_t *pool, ngx_deploy_json_t *json,
    ngx_deploy_build_t *build)
{
    size_t                     i;
    ngx_deploy_str_t           name;
    ngx_deploy_json_t         *item;
    ngx_deploy_build_phase_t  *phase;

    for (i = 0; (item = ngx_deploy_json_at(json, i)) != NULL; i++) {

        name = ngx_deploy_json_get_str(item, "phaseType");

        /* the last one is no phase */

        if (name.len == 0 || ngx_deploy_str_is(&name, "COMPLETED")
            || build->nphases == NGX_DEPLOY_BUILD_MAX_PHASES)
        {
            continue;
        }

        phase = &build->phases[build->nphases++];

        if (ngx_deploy_pstrdup(pool, &phase->name, name.data, name.len)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        ngx_deploy_sender_lower(&phase->name);

        phase->status = ngx_deploy_watch_status(item, "phaseStatus");
        phase->duration = ngx_deploy_json_get_int(item, "durationInSeconds",
                                                  -1);
        phase->message = ngx_deploy_watch_context(item);

        if (phase->status == NGX_DEPLOY_BUILD_UNKNOWN) {
            phase->status = NGX_DEPLOY_BUILD_IN_PROGRESS;
        }
    }

    return NGX_DEPLOY_OK;
}


/* the first thing that is said of a phase */

static ngx_deploy_str_t
ngx_deploy_watch_context(ngx_deploy_json_t *json)
{
    size_t              i;
    ngx_deploy_str_t    text;
    ngx_deploy_json_t  *list, *item;

    memset(&text, 0, sizeof(ngx_deploy_str_t));

    list = ngx_deploy_json_get(json, "contexts");

    for (i = 0;
         text.len == 0 && (item = ngx_deploy_json_at(list, i)) != NULL;
         i++)
    {
        text = ngx_deploy_json_get_str(item, "message");
    }

    return text;
}


static ngx_deploy_build_status_e
ngx_deploy_watch_status(ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_str_t  sent, word;

    sent = ngx_deploy_json_get_str(json, key);

    (void) ngx_deploy_sender_status(&sent, &word);

    return ngx_deploy_build_status_find(&word);
}
