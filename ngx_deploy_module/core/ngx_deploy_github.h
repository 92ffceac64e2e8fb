
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_GITHUB_H_INCLUDED_
#define _NGX_DEPLOY_GITHUB_H_INCLUDED_


#include "ngx_deploy_sender.h"


/*
 * GitHub and its Enterprise Server (providers.md, section 2), and those who
 * send in its format: Gitea, Forgejo, Gogs (section 6)
 */

#define NGX_DEPLOY_GITHUB_MAX_COMMITS  2048     /* GitHub's own limit */


enum {
    NGX_DEPLOY_GITHUB_ACTION = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_GITHUB_REPO,
    NGX_DEPLOY_GITHUB_REPO_NAME,
    NGX_DEPLOY_GITHUB_OWNER_NAME,
    NGX_DEPLOY_GITHUB_OWNER_LOGIN,
    NGX_DEPLOY_GITHUB_SENDER,
    NGX_DEPLOY_GITHUB_SENDER_NAME,
    NGX_DEPLOY_GITHUB_PUSHER,

    NGX_DEPLOY_GITHUB_REF,
    NGX_DEPLOY_GITHUB_BEFORE,
    NGX_DEPLOY_GITHUB_AFTER,
    NGX_DEPLOY_GITHUB_CREATED,
    NGX_DEPLOY_GITHUB_DELETED,
    NGX_DEPLOY_GITHUB_FORCED,
    NGX_DEPLOY_GITHUB_HEAD_ID,
    NGX_DEPLOY_GITHUB_HEAD_MESSAGE,
    NGX_DEPLOY_GITHUB_HEAD_URL,
    NGX_DEPLOY_GITHUB_COMMIT,
    NGX_DEPLOY_GITHUB_LIST,
    NGX_DEPLOY_GITHUB_PATH,

    NGX_DEPLOY_GITHUB_NUMBER,
    NGX_DEPLOY_GITHUB_PR,
    NGX_DEPLOY_GITHUB_PR_NUMBER,
    NGX_DEPLOY_GITHUB_PR_TITLE,
    NGX_DEPLOY_GITHUB_PR_URL,
    NGX_DEPLOY_GITHUB_PR_MERGED,
    NGX_DEPLOY_GITHUB_PR_BASE,
    NGX_DEPLOY_GITHUB_PR_HEAD,
    NGX_DEPLOY_GITHUB_PR_SHA,
    NGX_DEPLOY_GITHUB_PR_MERGE_SHA,

    NGX_DEPLOY_GITHUB_REF_TYPE,
    NGX_DEPLOY_GITHUB_MASTER,
    NGX_DEPLOY_GITHUB_RELEASE,
    NGX_DEPLOY_GITHUB_RELEASE_TAG,
    NGX_DEPLOY_GITHUB_RELEASE_BODY,
    NGX_DEPLOY_GITHUB_ZEN,
    NGX_DEPLOY_GITHUB_HOOK_ID,

    NGX_DEPLOY_GITHUB_DEPLOYMENT,
    NGX_DEPLOY_GITHUB_DEPLOYMENT_REF,
    NGX_DEPLOY_GITHUB_DEPLOYMENT_SHA,
    NGX_DEPLOY_GITHUB_DEPLOYMENT_STATUS,
    NGX_DEPLOY_GITHUB_CHECK_RUN,
    NGX_DEPLOY_GITHUB_CHECK_RUN_SHA,
    NGX_DEPLOY_GITHUB_CHECK_RUN_BRANCH,
    NGX_DEPLOY_GITHUB_CHECK_SUITE,
    NGX_DEPLOY_GITHUB_CHECK_SUITE_SHA,
    NGX_DEPLOY_GITHUB_CHECK_SUITE_BRANCH,
    NGX_DEPLOY_GITHUB_RUN,
    NGX_DEPLOY_GITHUB_RUN_SHA,
    NGX_DEPLOY_GITHUB_RUN_BRANCH,
    NGX_DEPLOY_GITHUB_GROUP,
    NGX_DEPLOY_GITHUB_GROUP_SHA,
    NGX_DEPLOY_GITHUB_GROUP_REF,
    NGX_DEPLOY_GITHUB_SHA,

    /* of others than GitHub */

    NGX_DEPLOY_GITHUB_TOTAL,
    NGX_DEPLOY_GITHUB_REVIEW,

    NGX_DEPLOY_GITHUB_COMMIT_ID,
    NGX_DEPLOY_GITHUB_COMMIT_MESSAGE,
    NGX_DEPLOY_GITHUB_COMMIT_URL,

    NGX_DEPLOY_GITHUB_FOUND_ID,
    NGX_DEPLOY_GITHUB_FOUND_MESSAGE,
    NGX_DEPLOY_GITHUB_FOUND_URL,

    NGX_DEPLOY_GITHUB_FACTS
};


/* 1 for GitHub, whose pushes tell what the others leave to be found out */
#define ngx_deploy_github_itself(payload)                                     \
    ((payload)->sender == &ngx_deploy_github)


extern const ngx_deploy_scan_path_t  ngx_deploy_github_paths[];


/* the functions of the senders, as in ngx_deploy_sender_t */

void ngx_deploy_github_kind(ngx_deploy_payload_t *payload);
int ngx_deploy_github_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
int ngx_deploy_github_finish(ngx_deploy_payload_t *payload);

/*
 * From the values kept to the facts of an event, by its kind: what all have
 * is there, the body agrees with the kind.  Codes as of the sender's
 * finishing function.
 */

int ngx_deploy_github_push(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_release(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_ping(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_deployment(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
int ngx_deploy_github_group(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


#endif /* _NGX_DEPLOY_GITHUB_H_INCLUDED_ */
