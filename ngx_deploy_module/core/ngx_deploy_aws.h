
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_AWS_H_INCLUDED_
#define _NGX_DEPLOY_AWS_H_INCLUDED_


#include "ngx_deploy_sender.h"


/* events of EventBridge, plain or in messages of SNS (providers.md, 11) */

#define NGX_DEPLOY_AWS_MAX_MESSAGE  262144      /* bytes, SNS's own limit */


/* payload->kind */

#define NGX_DEPLOY_AWS_INNER        1           /* it was in a message */


enum {
    NGX_DEPLOY_AWS_SOURCE = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_AWS_DETAIL_TYPE,
    NGX_DEPLOY_AWS_ID,
    NGX_DEPLOY_AWS_DETAIL,

    NGX_DEPLOY_AWS_PROJECT,
    NGX_DEPLOY_AWS_BUILD_ID,
    NGX_DEPLOY_AWS_STATUS,
    NGX_DEPLOY_AWS_CURRENT,
    NGX_DEPLOY_AWS_CURRENT_CONTEXT,
    NGX_DEPLOY_AWS_COMPLETED,
    NGX_DEPLOY_AWS_COMPLETED_STATUS,
    NGX_DEPLOY_AWS_COMPLETED_CONTEXT,
    NGX_DEPLOY_AWS_COMPLETED_DURATION,
    NGX_DEPLOY_AWS_INITIATOR,
    NGX_DEPLOY_AWS_SOURCE_VERSION,
    NGX_DEPLOY_AWS_LOG,

    /* of one phase */

    NGX_DEPLOY_AWS_PHASE,
    NGX_DEPLOY_AWS_PHASE_STATUS,
    NGX_DEPLOY_AWS_PHASE_CONTEXT,
    NGX_DEPLOY_AWS_PHASE_DURATION,

    /* the context of the first phase that failed: no path of its own */

    NGX_DEPLOY_AWS_FAILED_CONTEXT,

    NGX_DEPLOY_AWS_SNS_TYPE,
    NGX_DEPLOY_AWS_SNS_ID,
    NGX_DEPLOY_AWS_SNS_TOPIC,
    NGX_DEPLOY_AWS_SNS_MESSAGE,

    NGX_DEPLOY_AWS_FACTS
};


/* 1 for an event of EventBridge */
unsigned ngx_deploy_aws_is_event(ngx_deploy_payload_t *payload);

/*
 * The event of EventBridge and the id of its delivery; what is not of
 * CodeBuild has no facts, and is none at all in a message of SNS.  Codes as
 * of the sender's finishing function.
 */
int ngx_deploy_aws_event(ngx_deploy_payload_t *payload);

/* the end of one of the phases of a build */
int ngx_deploy_aws_phase(ngx_deploy_payload_t *payload);

/* 1 when a context says something: not "", ": ", "[]" or "[: ]" */
unsigned ngx_deploy_aws_context(ngx_deploy_str_t *context);


#endif /* _NGX_DEPLOY_AWS_H_INCLUDED_ */
