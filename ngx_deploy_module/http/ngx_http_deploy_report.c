
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_keep.h"

#include <openssl/err.h>
#include <openssl/sha.h>


#define NGX_HTTP_DEPLOY_MAX_CHAIN  8       /* builds, one after the other */


static void ngx_http_deploy_report_read(ngx_deploy_event_t *event,
    ngx_deploy_build_report_t *report);
static void ngx_http_deploy_report_facts(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_event_t *event, ngx_deploy_build_t *build);
static ngx_int_t ngx_http_deploy_report_identity(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_event_t *event);
static ngx_int_t ngx_http_deploy_report_tell(ngx_http_request_t *r,
    ngx_deploy_event_t *event, ngx_deploy_build_t *build,
    ngx_uint_t changed, ngx_uint_t before);
static ngx_int_t ngx_http_deploy_in_chain(ngx_deploy_build_t *build,
    ngx_str_t *project);


ngx_int_t
ngx_http_deploy_report(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_event_t *event)
{
    ngx_uint_t                    changed, before;
    ngx_deploy_build_t           *build;
    ngx_deploy_build_report_t     report;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    ctx->upstream = NULL;
    ctx->stale = 0;

    if (dmcf->board == NULL
        || !(ngx_deploy_event_on(event) & NGX_DEPLOY_ON_BUILD)
        || event->facts[NGX_DEPLOY_BUILD_ID].len == 0
        || event->facts[NGX_DEPLOY_PROJECT].len == 0
        || dlcf->dry_run)
    {
        return NGX_OK;
    }

    build = ngx_palloc(r->pool, sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return NGX_ERROR;
    }

    ngx_http_deploy_report_read(event, &report);

    if (ngx_http_deploy_board_report(r->pool,
                                     &event->facts[NGX_DEPLOY_PROJECT],
                                     &report, build, &changed, &before)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->upstream = build;

    /* what is late starts nothing; what comes again may have to */

    if (report.status != NGX_DEPLOY_BUILD_UNKNOWN
        && report.status != build->status)
    {
        ctx->stale = 1;

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "deploy report of build \"%V\" is late: it is %s",
                      &report.id, ngx_deploy_build_status_name(build->status));
    }

    ngx_http_deploy_report_facts(ctx, event, build);

    if (ngx_http_deploy_report_identity(r, ctx, event) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_report_tell(r, event, build, changed, before);
}


static void
ngx_http_deploy_report_read(ngx_deploy_event_t *event,
    ngx_deploy_build_report_t *report)
{
    ngx_str_t  status;

    ngx_deploy_build_report_init(report);

    status = ngx_deploy_event_status(event);

    report->id = event->facts[NGX_DEPLOY_BUILD_ID];
    report->status = ngx_deploy_build_status_find(&status);
    report->told = ngx_deploy_str_is(&event->facts[NGX_DEPLOY_PROVIDER],
                                     "aws");
    report->url = event->facts[NGX_DEPLOY_URL];
    report->log = event->log;
    report->time = ngx_time();

    if (event->facts[NGX_DEPLOY_NUMBER].len) {
        report->number = ngx_deploy_atoi64(
                                        event->facts[NGX_DEPLOY_NUMBER].data,
                                        event->facts[NGX_DEPLOY_NUMBER].len);
    }

    /* a change of the state tells where the build is by then, of no phase */

    if (event->facts[NGX_DEPLOY_PHASE].len == 0
        || ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT],
                             "codebuild_state"))
    {
        report->message = event->facts[NGX_DEPLOY_MESSAGE];
        return;
    }

    report->phase.name = event->facts[NGX_DEPLOY_PHASE];
    report->phase.status = ngx_deploy_build_status_find(
                                         &event->facts[NGX_DEPLOY_STATUS]);
    report->phase.duration = event->duration;
    report->phase.message = event->facts[NGX_DEPLOY_MESSAGE];
}


/* what started the build is handed on: to rules, variables, the next build */

static void
ngx_http_deploy_report_facts(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_event_t *event, ngx_deploy_build_t *build)
{
    ngx_uint_t  i;

    static ngx_uint_t  handed[] = {
        NGX_DEPLOY_BRANCH, NGX_DEPLOY_SOURCE_BRANCH, NGX_DEPLOY_TAG,
        NGX_DEPLOY_COMMIT, NGX_DEPLOY_SENDER, NGX_DEPLOY_NUMBER,
        NGX_DEPLOY_TITLE, NGX_DEPLOY_USER
    };

    for (i = 0; i < sizeof(handed) / sizeof(ngx_uint_t); i++) {
        if (event->facts[handed[i]].data == NULL) {
            event->facts[handed[i]] = build->event.facts[handed[i]];
        }
    }

    if (ctx->delivery.len == 0 && build->delivery.len) {
        ctx->delivery = build->delivery;
    }
}


/*
 * A status of a build starts the next one once, whoever tells of it, in
 * whatever words
 */

static ngx_int_t
ngx_http_deploy_report_identity(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_event_t *event)
{
    u_char      *p, *buf, digest[32];
    size_t       len;
    ngx_str_t   *id, *phase, status;

    id = &event->facts[NGX_DEPLOY_BUILD_ID];
    phase = &event->facts[NGX_DEPLOY_PHASE];
    status = ngx_deploy_event_status(event);

    len = sizeof("build\n\n\n\n") + id->len + status.len + phase->len
          + event->facts[NGX_DEPLOY_STATUS].len;

    buf = ngx_pnalloc(r->pool, len + 64);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(buf, "build\n%V\n%V\n", id, &status);

    if (!ngx_deploy_build_final(ngx_deploy_build_status_find(&status))) {
        p = ngx_sprintf(p, "%V\n%V", phase, &event->facts[NGX_DEPLOY_STATUS]);
    }

    if (SHA256(buf, p - buf, digest) == NULL) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    ctx->identity.data = buf + len;
    ctx->identity.len = 64;

    ngx_deploy_hex_encode(ctx->identity.data, digest, sizeof(digest));

    return NGX_OK;
}


/* "on" of deploy_notify is what started the build */

static ngx_int_t
ngx_http_deploy_report_tell(ngx_http_request_t *r, ngx_deploy_event_t *event,
    ngx_deploy_build_t *build, ngx_uint_t changed, ngx_uint_t before)
{
    ngx_uint_t                    i;
    ngx_array_t                   channels;
    ngx_deploy_event_t            cause;
    ngx_http_deploy_ctx_t        *ctx;
    ngx_http_deploy_main_conf_t  *dmcf;

    static ngx_uint_t  facts[] = {
        NGX_DEPLOY_PROJECT, NGX_DEPLOY_STATUS, NGX_DEPLOY_PHASE,
        NGX_DEPLOY_BUILD_ID
    };

    ctx = ngx_http_deploy_get_ctx(r);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (ngx_array_init(&channels, r->pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    cause = *event;

    if (build->event.facts[NGX_DEPLOY_EVENT].len) {
        cause = build->event;
        cause.of_phase = event->of_phase;

        for (i = 0; i < sizeof(facts) / sizeof(ngx_uint_t); i++) {
            cause.facts[facts[i]] = event->facts[facts[i]];
        }
    }

    /* of a webhook each message is a new one */

    if (!ctx->stale && dmcf->slack
        && (dmcf->slack->authorization.len || before != build->status)
        && ngx_http_deploy_notify_channels(r, &cause, &channels) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (changed || channels.nelts) {
        ngx_http_deploy_board_want(&build->id, &channels);
        ngx_http_deploy_keep(&build->id, ctx);
    }

    if (changed && build->upstream.id.len) {
        ngx_http_deploy_board_link(&build->upstream.id, build);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_report_next(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_build_t *next)
{
    ngx_uint_t                i;
    const char               *reason;
    ngx_deploy_build_t       *build;
    ngx_deploy_build_link_t  *down;

    build = ctx->upstream;

    for (i = 0; i < build->ndownstream; i++) {
        down = &build->downstream[i];

        if (ngx_deploy_str_eq(&down->project, &next->project)
            && down->id.len)
        {
            next->state = NGX_HTTP_DEPLOY_BUILD_STARTED;
            next->reply.id = down->id;
            next->reply.url = down->url;

            return NGX_DONE;
        }
    }

    if (ngx_http_deploy_in_chain(build, &next->project)) {
        reason = "it is in the chain of builds already";

    } else if (build->depth + 1 >= NGX_HTTP_DEPLOY_MAX_CHAIN) {
        reason = "the chain of builds is too long";

    } else {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "deploy cannot start \"%V\" after \"%V\": %s",
                  &next->project, &build->id, reason);

    next->state = NGX_HTTP_DEPLOY_BUILD_REFUSED;
    next->reply.reason = reason;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_deploy_in_chain(ngx_deploy_build_t *build, ngx_str_t *project)
{
    u_char  *p, *last, *end;

    if (ngx_deploy_str_eq(&build->project, project)) {
        return 1;
    }

    /* names of projects, each followed by "," */

    p = build->chain.data;
    last = p + build->chain.len;

    while (p < last) {
        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            break;
        }

        if ((size_t) (end - p) == project->len
            && ngx_memcmp(p, project->data, project->len) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


ngx_int_t
ngx_http_deploy_report_chain(ngx_deploy_build_t *build,
    ngx_deploy_build_t *upstream, ngx_pool_t *pool)
{
    ngx_str_t  chain;

    build->depth = upstream->depth + 1;
    build->upstream.status = upstream->status;

    chain.len = upstream->chain.len + upstream->project.len + 1;
    chain.data = ngx_pnalloc(pool, chain.len);

    if (chain.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(chain.data, "%V%V,", &upstream->chain, &upstream->project);

    build->chain = chain;

    if (ngx_http_deploy_copy(pool, &build->upstream.project,
                             &upstream->project)
        != NGX_OK
        || ngx_http_deploy_copy(pool, &build->upstream.id, &upstream->id)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &build->upstream.url, &upstream->url)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
