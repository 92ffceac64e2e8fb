
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/*
 * Anyone's webhooks in the form of Standard Webhooks (providers.md, section
 * 8): the type of the event and the id of the message, no more is specified
 */

enum {
    NGX_DEPLOY_STANDARD_TYPE = NGX_DEPLOY_SENDER_ROOT + 1
};


static unsigned ngx_deploy_standard_claims(ngx_deploy_payload_t *payload);
static int ngx_deploy_standard_finish(ngx_deploy_payload_t *payload);


static const ngx_deploy_scan_path_t  ngx_deploy_standard_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },
    { "type", NGX_DEPLOY_STANDARD_TYPE, NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_standard = {
    ngx_deploy_string("standard"),
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    { ngx_deploy_string("webhook-id"), ngx_deploy_null_string },
    NULL,
    NULL,
    ngx_deploy_standard_paths,
    NULL,
    NULL,
    ngx_deploy_sender_keep,
    ngx_deploy_standard_finish,
    ngx_deploy_standard_claims
};


static unsigned
ngx_deploy_standard_claims(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_sender_text(payload, NGX_DEPLOY_STANDARD_TYPE).data
           != NULL;
}


static int
ngx_deploy_standard_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_sender_name(payload, NGX_DEPLOY_STANDARD_TYPE, "type",
                                  &event->facts[NGX_DEPLOY_EVENT]);
}
