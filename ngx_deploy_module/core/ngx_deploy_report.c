
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/*
 * Reports of build scripts by curl: a form or a flat object, unknown fields
 * are ignored (DESIGN, section 10: "Events")
 */

enum {
    NGX_DEPLOY_REPORT_PROJECT = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_REPORT_BUILD_ID,
    NGX_DEPLOY_REPORT_PHASE,
    NGX_DEPLOY_REPORT_STATUS,
    NGX_DEPLOY_REPORT_MESSAGE,
    NGX_DEPLOY_REPORT_DURATION,
    NGX_DEPLOY_REPORT_URL
};


static unsigned ngx_deploy_report_claims(ngx_deploy_payload_t *payload);
static int ngx_deploy_report_finish(ngx_deploy_payload_t *payload);
static int ngx_deploy_report_status(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_report_texts(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static unsigned ngx_deploy_report_url(const ngx_deploy_str_t *url);


static const ngx_deploy_scan_path_t  ngx_deploy_report_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "project", NGX_DEPLOY_REPORT_PROJECT, NGX_DEPLOY_SENDER_NAME },
    { "build_id", NGX_DEPLOY_REPORT_BUILD_ID, NGX_DEPLOY_SENDER_NAME },
    { "phase", NGX_DEPLOY_REPORT_PHASE, NGX_DEPLOY_SENDER_NAME },
    { "status", NGX_DEPLOY_REPORT_STATUS, NGX_DEPLOY_SENDER_NAME },
    { "message", NGX_DEPLOY_REPORT_MESSAGE, NGX_DEPLOY_SENDER_TEXT },
    { "duration", NGX_DEPLOY_REPORT_DURATION, NGX_DEPLOY_SENDER_NAME },
    { "url", NGX_DEPLOY_REPORT_URL, NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


/* in the order of the facts */

static const char *const  ngx_deploy_report_fields[] = {
    "project", "build_id", "phase", "status", "message", "duration", "url",
    NULL
};


const ngx_deploy_sender_t  ngx_deploy_report = {
    ngx_deploy_string("build"),
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    { ngx_deploy_null_string, ngx_deploy_null_string },
    NULL,
    ngx_deploy_report_fields,
    ngx_deploy_report_paths,
    NULL,
    NULL,
    ngx_deploy_sender_keep,
    ngx_deploy_report_finish,
    ngx_deploy_report_claims
};


static unsigned
ngx_deploy_report_claims(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_sender_text(payload, NGX_DEPLOY_REPORT_BUILD_ID).data
           || (ngx_deploy_sender_text(payload, NGX_DEPLOY_REPORT_PROJECT).data
               && (ngx_deploy_sender_has(payload, NGX_DEPLOY_REPORT_STATUS)
                   || ngx_deploy_sender_has(payload,
                                            NGX_DEPLOY_REPORT_PHASE)));
}


static int
ngx_deploy_report_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_str_t    *project, *id;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_EVENT] =
                          (ngx_deploy_str_t) ngx_deploy_string("build_report");

    project = &event->facts[NGX_DEPLOY_PROJECT];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_REPORT_PROJECT, "project",
                                project);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_REPO] = *project;

    id = &event->facts[NGX_DEPLOY_BUILD_ID];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_REPORT_BUILD_ID,
                                "build_id", id);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_build_id(id);

    if (project->data == NULL) {
        return ngx_deploy_sender_decline(payload,
                                         id->data ? "project is missing"
                                             : "neither project nor build_id");
    }

    if (id->data == NULL) {
        return ngx_deploy_sender_decline(payload, "build_id is missing");
    }

    rc = ngx_deploy_report_status(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_report_texts(payload, event);
}


/*
 * Both words in lower case, as in conditions.  A phase that failed is the end
 * of its build, one that succeeded is not, but for those that come last.
 */

static int
ngx_deploy_report_status(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                 rc;
    ngx_deploy_str_t    sent, *phase;
    const char *const  *last;

    static const char *const  lasts[] = {
        "post_build", "upload_artifacts", "finalizing", "completed", NULL
    };

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_REPORT_STATUS, "status",
                                &sent);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (sent.data != NULL
        && ngx_deploy_sender_status(&sent, &event->facts[NGX_DEPLOY_STATUS])
           != NGX_DEPLOY_OK)
    {
        return ngx_deploy_sender_decline(payload,
                           "status is none of started, in_progress, "
                           "succeeded, failed, stopped, timed_out, fault, "
                           "rejected");
    }

    phase = &event->facts[NGX_DEPLOY_PHASE];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_REPORT_PHASE, "phase",
                                phase);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_lower(phase);

    if (phase->data != NULL && !ngx_deploy_sender_word(phase)) {
        return ngx_deploy_sender_decline(payload, "phase is not a word");
    }

    event->of_phase = (phase->data != NULL
                       && ngx_deploy_str_is(&event->facts[NGX_DEPLOY_STATUS],
                                            "succeeded"));

    for (last = lasts; event->of_phase && *last; last++) {
        if (ngx_deploy_str_is(phase, *last)) {
            event->of_phase = 0;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_report_texts(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_raw_t  *raw;
    ngx_deploy_str_t  *url;

    raw = &payload->raw[NGX_DEPLOY_REPORT_DURATION];

    event->duration = ngx_deploy_sender_seconds(payload,
                                                NGX_DEPLOY_REPORT_DURATION);

    if (event->duration < 0
        && ngx_deploy_sender_has(payload, NGX_DEPLOY_REPORT_DURATION)
        && (raw->type != NGX_DEPLOY_SCAN_STRING || raw->value.len))
    {
        return ngx_deploy_sender_decline(payload,
                                       "duration is not a number of seconds");
    }

    url = &event->facts[NGX_DEPLOY_URL];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_REPORT_URL, "url", url);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (url->data != NULL && !ngx_deploy_report_url(url)) {
        return ngx_deploy_sender_decline(payload, "url is not a URL");
    }

    event->facts[NGX_DEPLOY_MESSAGE] =
                   ngx_deploy_sender_text(payload, NGX_DEPLOY_REPORT_MESSAGE);

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_report_url(const ngx_deploy_str_t *url)
{
    size_t  i;

    for (i = 0; i < url->len; i++) {
        if (url->data[i] <= 0x20 || url->data[i] == 0x7f) {
            return 0;
        }
    }

    return ngx_deploy_str_starts(url, "https://")
           || ngx_deploy_str_starts(url, "http://");
}
