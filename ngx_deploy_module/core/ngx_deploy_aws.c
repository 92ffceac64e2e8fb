
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_aws.h"


static void ngx_deploy_aws_header(ngx_deploy_payload_t *payload);
static int ngx_deploy_aws_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static unsigned ngx_deploy_aws_is_message(ngx_deploy_payload_t *payload);
static unsigned ngx_deploy_aws_claims(ngx_deploy_payload_t *payload);
static int ngx_deploy_aws_finish(ngx_deploy_payload_t *payload);
static int ngx_deploy_aws_message(ngx_deploy_payload_t *payload);
static int ngx_deploy_aws_inner(ngx_deploy_payload_t *payload,
    ngx_deploy_str_t *message);
static unsigned ngx_deploy_aws_no_header(void *data,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);


#define NGX_DEPLOY_AWS_INFO  "detail.additional-information."


static const ngx_deploy_scan_path_t  ngx_deploy_aws_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "source", NGX_DEPLOY_AWS_SOURCE, NGX_DEPLOY_SENDER_NAME },
    { "detail-type", NGX_DEPLOY_AWS_DETAIL_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "id", NGX_DEPLOY_AWS_ID, NGX_DEPLOY_SENDER_NAME },
    { "detail", NGX_DEPLOY_AWS_DETAIL, NGX_DEPLOY_SENDER_NODE },

    { "detail.project-name", NGX_DEPLOY_AWS_PROJECT, NGX_DEPLOY_SENDER_NAME },
    { "detail.build-id", NGX_DEPLOY_AWS_BUILD_ID, NGX_DEPLOY_SENDER_NAME },
    { "detail.build-status", NGX_DEPLOY_AWS_STATUS, NGX_DEPLOY_SENDER_NAME },
    { "detail.current-phase", NGX_DEPLOY_AWS_CURRENT, NGX_DEPLOY_SENDER_NAME },
    { "detail.current-phase-context", NGX_DEPLOY_AWS_CURRENT_CONTEXT,
      NGX_DEPLOY_SENDER_TEXT },
    { "detail.completed-phase", NGX_DEPLOY_AWS_COMPLETED,
      NGX_DEPLOY_SENDER_NAME },
    { "detail.completed-phase-status", NGX_DEPLOY_AWS_COMPLETED_STATUS,
      NGX_DEPLOY_SENDER_NAME },
    { "detail.completed-phase-context", NGX_DEPLOY_AWS_COMPLETED_CONTEXT,
      NGX_DEPLOY_SENDER_TEXT },
    { "detail.completed-phase-duration-seconds",
      NGX_DEPLOY_AWS_COMPLETED_DURATION, NGX_DEPLOY_SENDER_NODE },
    { NGX_DEPLOY_AWS_INFO "initiator", NGX_DEPLOY_AWS_INITIATOR,
      NGX_DEPLOY_SENDER_NAME },
    { NGX_DEPLOY_AWS_INFO "source-version", NGX_DEPLOY_AWS_SOURCE_VERSION,
      NGX_DEPLOY_SENDER_NAME },
    { NGX_DEPLOY_AWS_INFO "logs.deep-link", NGX_DEPLOY_AWS_LOG,
      NGX_DEPLOY_SENDER_TEXT },

    { NGX_DEPLOY_AWS_INFO "phases[]", NGX_DEPLOY_AWS_PHASE,
      NGX_DEPLOY_SENDER_NODE },
    { NGX_DEPLOY_AWS_INFO "phases[].phase-status",
      NGX_DEPLOY_AWS_PHASE_STATUS, NGX_DEPLOY_SENDER_NAME },
    { NGX_DEPLOY_AWS_INFO "phases[].phase-context[]",
      NGX_DEPLOY_AWS_PHASE_CONTEXT, NGX_DEPLOY_SENDER_TEXT },
    { NGX_DEPLOY_AWS_INFO "phases[].duration-in-seconds",
      NGX_DEPLOY_AWS_PHASE_DURATION, NGX_DEPLOY_SENDER_NODE },

    { "Type", NGX_DEPLOY_AWS_SNS_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "MessageId", NGX_DEPLOY_AWS_SNS_ID, NGX_DEPLOY_SENDER_NAME },
    { "TopicArn", NGX_DEPLOY_AWS_SNS_TOPIC, NGX_DEPLOY_SENDER_NAME },
    { "Message", NGX_DEPLOY_AWS_SNS_MESSAGE,
      NGX_DEPLOY_AWS_MAX_MESSAGE + 4, 1 },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_aws = {
    ngx_deploy_string("aws"),
    ngx_deploy_string("x-amz-sns-message-type"),
    ngx_deploy_null_string,
    { ngx_deploy_string("x-amz-sns-message-id"), ngx_deploy_null_string },
    NULL,
    NULL,
    ngx_deploy_aws_paths,
    NULL,
    ngx_deploy_aws_header,
    ngx_deploy_aws_value,
    ngx_deploy_aws_finish,
    ngx_deploy_aws_claims
};


/* "SubscriptionConfirmation": as words of headers are */

static void
ngx_deploy_aws_header(ngx_deploy_payload_t *payload)
{
    ngx_deploy_sender_lower(&payload->word);
}


static int
ngx_deploy_aws_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_str_t  context;

    switch (fact) {

    case NGX_DEPLOY_AWS_PHASE:
        if (type == NGX_DEPLOY_SCAN_OBJECT) {
            ngx_deploy_sender_clear(payload, NGX_DEPLOY_AWS_PHASE_STATUS,
                                    NGX_DEPLOY_AWS_PHASE_DURATION);

        } else if (type == NGX_DEPLOY_SCAN_OBJECT_END) {
            return ngx_deploy_aws_phase(payload);
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_AWS_PHASE_CONTEXT:

        /* the first of the list that says something */

        if (type != NGX_DEPLOY_SCAN_STRING) {
            return NGX_DEPLOY_OK;
        }

        context = *value;

        if (!ngx_deploy_aws_context(&context)) {
            return NGX_DEPLOY_OK;
        }

        break;
    }

    return ngx_deploy_sender_keep(payload, fact, type, value);
}


/* all of them are signed by SNS */

static unsigned
ngx_deploy_aws_is_message(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_TYPE).data
           && ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_ID).data
           && ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_TOPIC).data;
}


static unsigned
ngx_deploy_aws_claims(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_aws_is_message(payload)
           || ngx_deploy_aws_is_event(payload);
}


/* a message comes first: only its own members are signed */

static int
ngx_deploy_aws_finish(ngx_deploy_payload_t *payload)
{
    if (payload->kind != NGX_DEPLOY_AWS_INNER
        && ngx_deploy_aws_is_message(payload))
    {
        return ngx_deploy_aws_message(payload);
    }

    /* the type of a raw delivery is in the header only */

    if (!ngx_deploy_aws_is_event(payload)) {
        return ngx_deploy_sender_decline(payload,
                              "neither a message of SNS nor an event of AWS");
    }

    if (payload->word.data != NULL
        && !ngx_deploy_str_is(&payload->word, "notification"))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    return ngx_deploy_aws_event(payload);
}


static int
ngx_deploy_aws_message(ngx_deploy_payload_t *payload)
{
    int                  rc;
    size_t               i;
    ngx_deploy_str_t     type, id, message;
    ngx_deploy_event_t  *event;

    static const struct {
        const char         *type;
        const char         *header;
        ngx_deploy_str_t    word;
    } types[] = {
        { "Notification", "notification",
          ngx_deploy_string("sns_Notification") },
        { "SubscriptionConfirmation", "subscriptionconfirmation",
          ngx_deploy_string("sns_SubscriptionConfirmation") },
        { "UnsubscribeConfirmation", "unsubscribeconfirmation",
          ngx_deploy_string("sns_UnsubscribeConfirmation") }
    };

    type = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_TYPE);

    for (i = 0; i < 3; i++) {
        if (ngx_deploy_str_is(&type, types[i].type)) {
            break;
        }
    }

    if (i == 3) {
        return ngx_deploy_sender_decline(payload, "Type is unknown");
    }

    if (payload->word.data != NULL
        && !ngx_deploy_str_is(&payload->word, types[i].header))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_ID);

    rc = ngx_deploy_sender_delivery(payload, &id);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    message = ngx_deploy_sender_text(payload, NGX_DEPLOY_AWS_SNS_MESSAGE);

    if (i == 0 && message.len && message.len <= NGX_DEPLOY_AWS_MAX_MESSAGE) {

        rc = ngx_deploy_aws_inner(payload, &message);
        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_EVENT] = types[i].word;

    if (message.data != NULL) {
        event->facts[NGX_DEPLOY_MESSAGE].data = message.data;
        event->facts[NGX_DEPLOY_MESSAGE].len =
                             ngx_deploy_utf8_cut(message.data, message.len,
                                                 NGX_DEPLOY_PAYLOAD_MAX_TEXT);
    }

    return NGX_DEPLOY_OK;
}


/*
 * The events in a message, NGX_DEPLOY_DECLINED if it is any other text: a
 * topic may be used for other things, too
 */

static int
ngx_deploy_aws_inner(ngx_deploy_payload_t *payload, ngx_deploy_str_t *message)
{
    int                     rc;
    size_t                  n;
    const char             *reason;
    ngx_deploy_event_t     *events;
    ngx_deploy_payload_t   *inner;
    ngx_deploy_delivery_t   delivery;

    delivery.scheme = "sns";
    delivery.get_header = ngx_deploy_aws_no_header;
    delivery.data = NULL;
    delivery.form = 0;
    delivery.seed = payload->seed;

    rc = ngx_deploy_payload_create(&inner, payload->pool, payload->senders,
                                   &delivery, &reason);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    inner->kind = NGX_DEPLOY_AWS_INNER;

    (void) ngx_deploy_payload_feed(inner, message->data, message->len);

    rc = ngx_deploy_payload_end(inner, &events, &n);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    payload->events = events;
    payload->nevents = n;

    if (inner->delivery.data != NULL) {
        payload->delivery = inner->delivery;
    }

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_aws_no_header(void *data, const ngx_deploy_str_t *name,
    ngx_deploy_str_t *value)
{
    (void) data;
    (void) name;
    (void) value;

    return 0;
}
