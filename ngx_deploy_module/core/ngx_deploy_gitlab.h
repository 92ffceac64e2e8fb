
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_GITLAB_H_INCLUDED_
#define _NGX_DEPLOY_GITLAB_H_INCLUDED_


#include "ngx_deploy_sender.h"


/* GitLab (providers.md, section 5) */

enum {
    NGX_DEPLOY_GITLAB_KIND = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_GITLAB_NAME,
    NGX_DEPLOY_GITLAB_REPO,
    NGX_DEPLOY_GITLAB_USERNAME,
    NGX_DEPLOY_GITLAB_USER,

    /* at the root: push and tag_push */

    NGX_DEPLOY_GITLAB_PUSHER,
    NGX_DEPLOY_GITLAB_PUSHER_NAME,
    NGX_DEPLOY_GITLAB_REF,
    NGX_DEPLOY_GITLAB_BEFORE,
    NGX_DEPLOY_GITLAB_AFTER,
    NGX_DEPLOY_GITLAB_CHECKOUT,
    NGX_DEPLOY_GITLAB_MESSAGE,
    NGX_DEPLOY_GITLAB_TOTAL,
    NGX_DEPLOY_GITLAB_COMMIT,
    NGX_DEPLOY_GITLAB_COMMIT_ID,
    NGX_DEPLOY_GITLAB_COMMIT_MESSAGE,
    NGX_DEPLOY_GITLAB_COMMIT_URL,
    NGX_DEPLOY_GITLAB_LIST,
    NGX_DEPLOY_GITLAB_PATH,

    /* at the root: release, deployment, build */

    NGX_DEPLOY_GITLAB_ACTION,
    NGX_DEPLOY_GITLAB_TAG,
    NGX_DEPLOY_GITLAB_DESCRIPTION,
    NGX_DEPLOY_GITLAB_RELEASE_COMMIT,
    NGX_DEPLOY_GITLAB_STATUS,
    NGX_DEPLOY_GITLAB_DEPLOYMENT_URL,
    NGX_DEPLOY_GITLAB_SHORT_SHA,
    NGX_DEPLOY_GITLAB_DEPLOYMENT_TITLE,
    NGX_DEPLOY_GITLAB_BUILD_STATUS,
    NGX_DEPLOY_GITLAB_SHA,

    /* object_attributes: merge_request, pipeline and others */

    NGX_DEPLOY_GITLAB_ATTR_ACTION,
    NGX_DEPLOY_GITLAB_ATTR_STATUS,
    NGX_DEPLOY_GITLAB_ATTR_REF,
    NGX_DEPLOY_GITLAB_ATTR_TAG,
    NGX_DEPLOY_GITLAB_ATTR_SHA,
    NGX_DEPLOY_GITLAB_ATTR_OLDREV,
    NGX_DEPLOY_GITLAB_ATTR_STATE,
    NGX_DEPLOY_GITLAB_ATTR_IID,
    NGX_DEPLOY_GITLAB_ATTR_TITLE,
    NGX_DEPLOY_GITLAB_ATTR_URL,
    NGX_DEPLOY_GITLAB_ATTR_SOURCE,
    NGX_DEPLOY_GITLAB_ATTR_TARGET,
    NGX_DEPLOY_GITLAB_ATTR_COMMIT,
    NGX_DEPLOY_GITLAB_ATTR_MESSAGE,
    NGX_DEPLOY_GITLAB_ATTR_MERGE_SHA,
    NGX_DEPLOY_GITLAB_ATTR_SQUASH_SHA,

    NGX_DEPLOY_GITLAB_FACTS
};


/*
 * From the values kept to the facts of an event, by its kind: provider,
 * word, repository and sender are there.  Codes as of the sender's finishing
 * function.
 */

int ngx_deploy_gitlab_push(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_merge_request(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_release(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_deployment(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_pipeline(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_build(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_gitlab_note(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


#endif /* _NGX_DEPLOY_GITLAB_H_INCLUDED_ */
