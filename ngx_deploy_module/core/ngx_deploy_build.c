
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build.h"


static unsigned ngx_deploy_build_advances(ngx_deploy_build_status_e from,
    unsigned from_told, ngx_deploy_build_status_e to, unsigned to_told);
static int ngx_deploy_build_status(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report);
static int ngx_deploy_build_phase(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report);
static ngx_deploy_build_phase_t *ngx_deploy_build_phase_find(
    ngx_deploy_build_t *build, const ngx_deploy_str_t *name);
static int ngx_deploy_build_merge_facts(ngx_deploy_build_t *build,
    const ngx_deploy_build_t *other);
static int ngx_deploy_build_text(ngx_deploy_str_t *dst,
    const ngx_deploy_str_t *src, size_t max);
static unsigned ngx_deploy_build_same(const ngx_deploy_str_t *a,
    const ngx_deploy_str_t *b);
static u_char ngx_deploy_build_lower(u_char ch);


static const char *const
    ngx_deploy_build_statuses[NGX_DEPLOY_BUILD_STATUSES] = {
    "", "queued", "started", "in_progress", "succeeded", "failed", "stopped",
    "timed_out", "fault", "rejected"
};


void
ngx_deploy_build_init(ngx_deploy_build_t *build)
{
    memset(build, 0, sizeof(ngx_deploy_build_t));

    build->number = -1;
    build->started = -1;
    build->finished = -1;

    ngx_deploy_event_init(&build->event);
}


void
ngx_deploy_build_report_init(ngx_deploy_build_report_t *report)
{
    memset(report, 0, sizeof(ngx_deploy_build_report_t));

    report->number = -1;
    report->time = -1;
    report->phase.duration = -1;
}


const char *
ngx_deploy_build_status_name(ngx_deploy_build_status_e status)
{
    return ngx_deploy_build_statuses[status];
}


ngx_deploy_build_status_e
ngx_deploy_build_status_find(const ngx_deploy_str_t *word)
{
    unsigned  i;

    for (i = 1; i < NGX_DEPLOY_BUILD_STATUSES; i++) {
        if (ngx_deploy_str_is_nocase(word, ngx_deploy_build_statuses[i])) {
            return i;
        }
    }

    return NGX_DEPLOY_BUILD_UNKNOWN;
}


int
ngx_deploy_build_report(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report)
{
    int  rc;

    if (build->id.data != NULL && report->id.data != NULL
        && !ngx_deploy_str_eq(&build->id, &report->id))
    {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_build_status(build, report);

    if (report->phase.name.len
        && ngx_deploy_build_phase(build, report) == NGX_DEPLOY_OK)
    {
        rc = NGX_DEPLOY_OK;
    }

    if (build->id.data == NULL && report->id.data != NULL) {
        build->id = report->id;
        rc = NGX_DEPLOY_OK;
    }

    if (build->number == -1 && report->number != -1) {
        build->number = report->number;
        rc = NGX_DEPLOY_OK;
    }

    if (build->url.len == 0 && report->url.len) {
        build->url = report->url;
        rc = NGX_DEPLOY_OK;
    }

    /* at the start the link leads to no stream */

    if (report->log.len && !ngx_deploy_str_eq(&build->log, &report->log)
        && (build->log.len == 0 || report->told))
    {
        build->log = report->log;
        rc = NGX_DEPLOY_OK;
    }

    return rc;
}


static unsigned
ngx_deploy_build_advances(ngx_deploy_build_status_e from, unsigned from_told,
    ngx_deploy_build_status_e to, unsigned to_told)
{
    if (ngx_deploy_build_final(from)) {
        return ngx_deploy_build_final(to) && from != to && to_told
               && !from_told;
    }

    return to > from;
}


static int
ngx_deploy_build_status(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report)
{
    int       rc;
    unsigned  advances;

    advances = ngx_deploy_build_advances(build->status, build->told,
                                         report->status, report->told);
    rc = NGX_DEPLOY_DECLINED;

    if (advances) {
        build->status = report->status;
        build->message.len = 0;
        build->message.data = NULL;
        rc = NGX_DEPLOY_OK;

        if (build->started == -1 && !ngx_deploy_build_final(report->status)
            && report->status > NGX_DEPLOY_BUILD_QUEUED)
        {
            build->started = report->time;
        }

        if (build->finished == -1 && ngx_deploy_build_final(report->status)) {
            build->finished = report->time;
        }
    }

    if (build->status == report->status && report->told) {
        build->told = 1;
    }

    /* of two reports with one status the first that says something counts */

    if (report->phase.name.len == 0 && report->status == build->status
        && build->message.len == 0)
    {
        if (ngx_deploy_build_text(&build->message, &report->message,
                                  NGX_DEPLOY_BUILD_MAX_TEXT)
            == NGX_DEPLOY_OK)
        {
            rc = NGX_DEPLOY_OK;
        }
    }

    return rc;
}


static int
ngx_deploy_build_phase(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report)
{
    int                              rc;
    ngx_deploy_build_phase_t        *phase;
    const ngx_deploy_build_phase_t  *told;

    told = &report->phase;
    rc = NGX_DEPLOY_DECLINED;

    phase = ngx_deploy_build_phase_find(build, &told->name);

    if (phase == NULL) {

        if (build->nphases == NGX_DEPLOY_BUILD_MAX_PHASES) {
            return NGX_DEPLOY_DECLINED;
        }

        phase = &build->phases[build->nphases++];

        memset(phase, 0, sizeof(ngx_deploy_build_phase_t));
        phase->name = told->name;
        phase->duration = -1;

        rc = NGX_DEPLOY_OK;
    }

    if (ngx_deploy_build_advances(phase->status, 0, told->status,
                                  report->told))
    {
        /* what was said of its beginning says nothing of its end */

        if (!ngx_deploy_build_final(phase->status)) {
            phase->message.len = 0;
            phase->message.data = NULL;
        }

        phase->status = told->status;
        rc = NGX_DEPLOY_OK;
    }

    if (told->duration >= 0 && phase->duration == -1) {
        phase->duration = told->duration;
        rc = NGX_DEPLOY_OK;
    }

    /* at the end the first word counts: a script's says more than AWS's */

    if (told->message.len
        && (phase->message.len == 0
            || !ngx_deploy_build_final(phase->status))
        && (told->status == phase->status
            || (told->status == NGX_DEPLOY_BUILD_UNKNOWN
                && phase->message.len == 0)))
    {
        if (ngx_deploy_build_text(&phase->message, &told->message,
                                  NGX_DEPLOY_BUILD_MAX_TEXT)
            == NGX_DEPLOY_OK)
        {
            rc = NGX_DEPLOY_OK;
        }
    }

    return rc;
}


/* AWS says "PRE_BUILD", scripts say "pre_build" */

static ngx_deploy_build_phase_t *
ngx_deploy_build_phase_find(ngx_deploy_build_t *build,
    const ngx_deploy_str_t *name)
{
    size_t  i;

    for (i = 0; i < build->nphases; i++) {
        if (ngx_deploy_build_same(&build->phases[i].name, name)) {
            return &build->phases[i];
        }
    }

    return NULL;
}


int
ngx_deploy_build_downstream(ngx_deploy_build_t *build,
    const ngx_deploy_build_link_t *link)
{
    int                       rc;
    size_t                    i;
    ngx_deploy_build_link_t  *down;

    for (i = 0; i < build->ndownstream; i++) {
        down = &build->downstream[i];

        if (!ngx_deploy_str_eq(&down->project, &link->project)
            || (down->id.len && link->id.len
                && !ngx_deploy_str_eq(&down->id, &link->id)))
        {
            continue;
        }

        rc = NGX_DEPLOY_DECLINED;

        if (down->id.len == 0 && link->id.len) {
            down->id = link->id;
            rc = NGX_DEPLOY_OK;
        }

        if (down->url.len == 0 && link->url.len) {
            down->url = link->url;
            rc = NGX_DEPLOY_OK;
        }

        if (ngx_deploy_build_advances(down->status, 0, link->status, 1)) {
            down->status = link->status;
            rc = NGX_DEPLOY_OK;
        }

        return rc;
    }

    if (build->ndownstream == NGX_DEPLOY_BUILD_MAX_DOWN) {
        return NGX_DEPLOY_DECLINED;
    }

    build->downstream[build->ndownstream++] = *link;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_build_merge(ngx_deploy_build_t *build,
    const ngx_deploy_build_t *other)
{
    int                        rc;
    size_t                     i;
    ngx_deploy_build_report_t  report;

    rc = ngx_deploy_build_merge_facts(build, other);

    ngx_deploy_build_report_init(&report);

    report.id = other->id;
    report.number = other->number;
    report.status = other->status;
    report.told = other->told;
    report.url = other->url;
    report.log = other->log;
    report.message = other->message;
    report.time = ngx_deploy_build_final(other->status) ? other->finished
                                                        : other->started;

    if (ngx_deploy_build_report(build, &report) == NGX_DEPLOY_OK) {
        rc = NGX_DEPLOY_OK;
    }

    for (i = 0; i < other->nphases; i++) {
        ngx_deploy_build_report_init(&report);
        report.phase = other->phases[i];

        if (ngx_deploy_build_report(build, &report) == NGX_DEPLOY_OK) {
            rc = NGX_DEPLOY_OK;
        }
    }

    for (i = 0; i < other->ndownstream; i++) {
        if (ngx_deploy_build_downstream(build, &other->downstream[i])
            == NGX_DEPLOY_OK)
        {
            rc = NGX_DEPLOY_OK;
        }
    }

    return rc;
}


/* what no report tells: the cause, and the builds above */

static int
ngx_deploy_build_merge_facts(ngx_deploy_build_t *build,
    const ngx_deploy_build_t *other)
{
    int  rc;

    rc = NGX_DEPLOY_DECLINED;

    if (build->event.facts[NGX_DEPLOY_EVENT].len == 0
        && other->event.facts[NGX_DEPLOY_EVENT].len)
    {
        build->event = other->event;
        rc = NGX_DEPLOY_OK;
    }

    if (build->delivery.len == 0 && other->delivery.len) {
        build->delivery = other->delivery;
        rc = NGX_DEPLOY_OK;
    }

    if (build->region.len == 0 && other->region.len) {
        build->region = other->region;
        build->endpoint = other->endpoint;
        build->credentials = other->credentials;
        rc = NGX_DEPLOY_OK;
    }

    if (build->upstream.project.len == 0 && other->upstream.project.len) {
        build->upstream = other->upstream;
        build->depth = other->depth;
        build->chain = other->chain;
        rc = NGX_DEPLOY_OK;
    }

    if (other->started != -1
        && (build->started == -1 || other->started < build->started))
    {
        build->started = other->started;
        rc = NGX_DEPLOY_OK;
    }

    return rc;
}


static int
ngx_deploy_build_text(ngx_deploy_str_t *dst, const ngx_deploy_str_t *src,
    size_t max)
{
    size_t  len;

    len = ngx_deploy_utf8_cut(src->data, src->len, max);

    if (len == 0
        || (dst->len == len && memcmp(dst->data, src->data, len) == 0))
    {
        return NGX_DEPLOY_DECLINED;
    }

    dst->len = len;
    dst->data = src->data;

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_build_same(const ngx_deploy_str_t *a, const ngx_deploy_str_t *b)
{
    size_t  i;

    if (a->len != b->len) {
        return 0;
    }

    for (i = 0; i < a->len; i++) {
        if (ngx_deploy_build_lower(a->data[i])
            != ngx_deploy_build_lower(b->data[i]))
        {
            return 0;
        }
    }

    return 1;
}


static u_char
ngx_deploy_build_lower(u_char ch)
{
    return (ch >= 'A' && ch <= 'Z') ? (u_char) (ch | 0x20) : ch;
}
