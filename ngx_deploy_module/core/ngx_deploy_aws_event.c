
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_aws.h"


static int ngx_deploy_aws_state(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_aws_phase_change(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_aws_build(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_aws_source(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_aws_lower(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *word);


unsigned
ngx_deploy_aws_is_event(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SOURCE).data
           && ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_DETAIL_TYPE).data
           && ngx_deploy_sender_object(payload, NGX_DEPLOY_AWS_DETAIL);
}


int
ngx_deploy_aws_event(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_str_t     source, type, id;
    ngx_deploy_event_t  *event;

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_ID);

    rc = ngx_deploy_sender_delivery(payload, &id);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    source = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SOURCE);
    type = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_DETAIL_TYPE);

    if (ngx_deploy_str_is(&source, "aws.codebuild")) {

        if (ngx_deploy_str_is(&type, "CodeBuild Build State Change")) {
            return ngx_deploy_aws_state(payload, event);
        }

        if (ngx_deploy_str_is(&type, "CodeBuild Build Phase Change")) {
            return ngx_deploy_aws_phase_change(payload, event);
        }
    }

    if (payload->kind == NGX_DEPLOY_AWS_INNER) {
        return NGX_DEPLOY_DECLINED;
    }

    event->facts[NGX_DEPLOY_EVENT] =
                           (ngx_deploy_str_t) ngx_deploy_string("eventbridge");

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_aws_state(ngx_deploy_payload_t *payload, ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   context, *action;

    event->facts[NGX_DEPLOY_EVENT] =
                       (ngx_deploy_str_t) ngx_deploy_string("codebuild_state");

    action = &event->facts[NGX_DEPLOY_ACTION];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AWS_STATUS,
                                "detail.build-status", action);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (action->data == NULL) {
        return ngx_deploy_sender_decline(payload,
                                         "detail.build-status is missing");
    }

    (void) ngx_deploy_sender_status(action, &event->facts[NGX_DEPLOY_STATUS]);

    rc = ngx_deploy_aws_lower(payload, NGX_DEPLOY_AWS_CURRENT,
                              &event->facts[NGX_DEPLOY_PHASE]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    context = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_FAILED_CONTEXT);

    if (context.data == NULL) {
        context = ngx_deploy_sender_text(payload,
                                         NGX_DEPLOY_AWS_CURRENT_CONTEXT);
    }

    if (ngx_deploy_aws_context(&context)) {
        event->facts[NGX_DEPLOY_MESSAGE] = context;
    }

    if (payload->timed) {
        event->duration = payload->seconds;
    }

    return ngx_deploy_aws_build(payload, event);
}


/*
 * What ended is the phase, whatever became of it: how the build ends is told
 * by a change of its state
 */

static int
ngx_deploy_aws_phase_change(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   context, *action, *phase;

    event->facts[NGX_DEPLOY_EVENT] =
                       (ngx_deploy_str_t) ngx_deploy_string("codebuild_phase");

    action = &event->facts[NGX_DEPLOY_ACTION];
    phase = &event->facts[NGX_DEPLOY_PHASE];

    rc = ngx_deploy_aws_lower(payload, NGX_DEPLOY_AWS_COMPLETED, phase);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (phase->data == NULL) {
        return ngx_deploy_sender_decline(payload,
                                         "detail.completed-phase is missing");
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AWS_COMPLETED_STATUS,
                                "detail.completed-phase-status", action);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->of_phase = 1;

    (void) ngx_deploy_sender_status(action, &event->facts[NGX_DEPLOY_STATUS]);

    context = ngx_deploy_sender_text(payload,
                                     NGX_DEPLOY_AWS_COMPLETED_CONTEXT);

    if (ngx_deploy_aws_context(&context)) {
        event->facts[NGX_DEPLOY_MESSAGE] = context;
    }

    event->duration = ngx_deploy_sender_seconds(payload,
                                         NGX_DEPLOY_AWS_COMPLETED_DURATION);

    return ngx_deploy_aws_build(payload, event);
}


static int
ngx_deploy_aws_build(ngx_deploy_payload_t *payload, ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t  *project, *id;

    project = &event->facts[NGX_DEPLOY_PROJECT];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AWS_PROJECT,
                                "detail.project-name", project);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (project->data == NULL) {
        return ngx_deploy_sender_decline(payload,
                                         "detail.project-name is missing");
    }

    id = &event->facts[NGX_DEPLOY_BUILD_ID];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AWS_BUILD_ID,
                                "detail.build-id", id);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_build_id(id);

    if (id->data == NULL) {
        return ngx_deploy_sender_decline(payload,
                                         "detail.build-id is missing");
    }

    event->facts[NGX_DEPLOY_REPO] = *project;
    event->facts[NGX_DEPLOY_SENDER] =
                     ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_INITIATOR);
    event->log = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_LOG);

    return ngx_deploy_aws_source(payload, event);
}


/* "refs/heads/main^{1234...}", "refs/heads/main", "1234...", "v1", "pr/7" */

static int
ngx_deploy_aws_source(ngx_deploy_payload_t *payload, ngx_deploy_event_t *event)
{
    int                rc;
    size_t             n;
    u_char             hash[32];
    ngx_deploy_str_t   version, ref, *commit;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AWS_SOURCE_VERSION,
                                "source-version", &version);
    if (rc != NGX_DEPLOY_OK || version.data == NULL) {
        return rc;
    }

    commit = &event->facts[NGX_DEPLOY_COMMIT];
    ref = version;

    for (n = 0; n < version.len && version.data[n] != '^'; n++) { /* void */ }

    if (version.len - n > 3
        && version.data[n + 1] == '{'
        && version.data[version.len - 1] == '}')
    {
        commit->data = version.data + n + 2;
        commit->len = version.len - n - 3;

        if (ngx_deploy_hex_decode(hash, 20, commit->data, commit->len)
            == NGX_DEPLOY_OK
            || ngx_deploy_hex_decode(hash, 32, commit->data, commit->len)
               == NGX_DEPLOY_OK)
        {
            ref.len = n;

        } else {
            *commit = (ngx_deploy_str_t) ngx_deploy_null_string;
        }
    }

    ngx_deploy_sender_ref(event, &ref);

    if (commit->data == NULL
        && event->facts[NGX_DEPLOY_BRANCH].data == NULL
        && event->facts[NGX_DEPLOY_TAG].data == NULL)
    {
        *commit = version;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_aws_phase(ngx_deploy_payload_t *payload)
{
    int64_t            seconds;
    ngx_deploy_str_t   status;
    ngx_deploy_raw_t  *failed;

    seconds = ngx_deploy_sender_seconds(payload,
                                        NGX_DEPLOY_AWS_PHASE_DURATION);

    if (seconds >= 0) {
        payload->seconds += seconds;
        payload->timed++;
    }

    status = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_PHASE_STATUS);
    failed = &payload->raw[NGX_DEPLOY_AWS_FAILED_CONTEXT];

    /* the last one has no status */

    if (failed->type == 0
        && status.data != NULL
        && !ngx_deploy_str_is(&status, "SUCCEEDED"))
    {
        *failed = payload->raw[NGX_DEPLOY_AWS_PHASE_CONTEXT];
    }

    return NGX_DEPLOY_OK;
}


unsigned
ngx_deploy_aws_context(ngx_deploy_str_t *context)
{
    if (context->len >= 2
        && context->data[0] == '['
        && context->data[context->len - 1] == ']')
    {
        context->data++;
        context->len -= 2;
    }

    while (context->len && context->data[context->len - 1] == ' ') {
        context->len--;
    }

    return context->len != 0 && !ngx_deploy_str_is(context, ":");
}


/* a phase as in conditions: "pre_build" */

static int
ngx_deploy_aws_lower(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *word)
{
    int  rc;

    rc = ngx_deploy_sender_name(payload, fact, "the phase", word);

    if (rc == NGX_DEPLOY_OK) {
        ngx_deploy_sender_lower(word);
    }

    return rc;
}
