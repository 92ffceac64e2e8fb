
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_github.h"


/* what the members at the root say that the body is */

#define NGX_DEPLOY_GITHUB_IS_PUSH     0x01
#define NGX_DEPLOY_GITHUB_IS_PULL     0x02
#define NGX_DEPLOY_GITHUB_IS_CREATE   0x04
#define NGX_DEPLOY_GITHUB_IS_DELETE   0x08
#define NGX_DEPLOY_GITHUB_IS_RELEASE  0x10
#define NGX_DEPLOY_GITHUB_IS_PING     0x20
#define NGX_DEPLOY_GITHUB_IS_REVIEW   0x40      /* of Gitea and Forgejo */


typedef struct {
    ngx_deploy_str_t      word;
    unsigned              shape;
    unsigned              member;        /* an object that has to be there */
    int                 (*event)(ngx_deploy_payload_t *payload,
                                 ngx_deploy_event_t *event);

    /* how an event that is told by a hash and a branch alone names them */
    unsigned              branch;
    unsigned              commit;
} ngx_deploy_github_kind_t;


static unsigned ngx_deploy_github_shape(ngx_deploy_payload_t *payload);
static int ngx_deploy_github_other(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_github_common(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


const ngx_deploy_scan_path_t  ngx_deploy_github_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "action", NGX_DEPLOY_GITHUB_ACTION, NGX_DEPLOY_SENDER_NAME },
    { "repository.full_name", NGX_DEPLOY_GITHUB_REPO,
      NGX_DEPLOY_SENDER_NAME },
    { "repository.name", NGX_DEPLOY_GITHUB_REPO_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "repository.owner.name", NGX_DEPLOY_GITHUB_OWNER_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "repository.owner.login", NGX_DEPLOY_GITHUB_OWNER_LOGIN,
      NGX_DEPLOY_SENDER_NAME },
    { "sender.login", NGX_DEPLOY_GITHUB_SENDER, NGX_DEPLOY_SENDER_NAME },
    { "pusher.name", NGX_DEPLOY_GITHUB_PUSHER, NGX_DEPLOY_SENDER_NAME },

    { "ref", NGX_DEPLOY_GITHUB_REF, NGX_DEPLOY_SENDER_NAME },
    { "before", NGX_DEPLOY_GITHUB_BEFORE, NGX_DEPLOY_SENDER_NAME },
    { "after", NGX_DEPLOY_GITHUB_AFTER, NGX_DEPLOY_SENDER_NAME },
    { "created", NGX_DEPLOY_GITHUB_CREATED, NGX_DEPLOY_SENDER_NODE },
    { "deleted", NGX_DEPLOY_GITHUB_DELETED, NGX_DEPLOY_SENDER_NODE },
    { "forced", NGX_DEPLOY_GITHUB_FORCED, NGX_DEPLOY_SENDER_NODE },
    { "head_commit.id", NGX_DEPLOY_GITHUB_HEAD_ID, NGX_DEPLOY_SENDER_NAME },
    { "head_commit.message", NGX_DEPLOY_GITHUB_HEAD_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "head_commit.url", NGX_DEPLOY_GITHUB_HEAD_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "commits[]", NGX_DEPLOY_GITHUB_COMMIT, NGX_DEPLOY_SENDER_NODE },
    { "commits[].added", NGX_DEPLOY_GITHUB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].modified", NGX_DEPLOY_GITHUB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].removed", NGX_DEPLOY_GITHUB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].added[]", NGX_DEPLOY_GITHUB_PATH, NGX_DEPLOY_SENDER_NAME },
    { "commits[].modified[]", NGX_DEPLOY_GITHUB_PATH,
      NGX_DEPLOY_SENDER_NAME },
    { "commits[].removed[]", NGX_DEPLOY_GITHUB_PATH, NGX_DEPLOY_SENDER_NAME },

    { "number", NGX_DEPLOY_GITHUB_NUMBER, NGX_DEPLOY_SENDER_NODE },
    { "pull_request", NGX_DEPLOY_GITHUB_PR, NGX_DEPLOY_SENDER_NODE },
    { "pull_request.number", NGX_DEPLOY_GITHUB_PR_NUMBER,
      NGX_DEPLOY_SENDER_NODE },
    { "pull_request.title", NGX_DEPLOY_GITHUB_PR_TITLE,
      NGX_DEPLOY_SENDER_TEXT },
    { "pull_request.html_url", NGX_DEPLOY_GITHUB_PR_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "pull_request.merged", NGX_DEPLOY_GITHUB_PR_MERGED,
      NGX_DEPLOY_SENDER_NODE },
    { "pull_request.base.ref", NGX_DEPLOY_GITHUB_PR_BASE,
      NGX_DEPLOY_SENDER_NAME },
    { "pull_request.head.ref", NGX_DEPLOY_GITHUB_PR_HEAD,
      NGX_DEPLOY_SENDER_NAME },
    { "pull_request.head.sha", NGX_DEPLOY_GITHUB_PR_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "pull_request.merge_commit_sha", NGX_DEPLOY_GITHUB_PR_MERGE_SHA,
      NGX_DEPLOY_SENDER_NAME },

    { "ref_type", NGX_DEPLOY_GITHUB_REF_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "master_branch", NGX_DEPLOY_GITHUB_MASTER, NGX_DEPLOY_SENDER_NODE },
    { "release", NGX_DEPLOY_GITHUB_RELEASE, NGX_DEPLOY_SENDER_NODE },
    { "release.tag_name", NGX_DEPLOY_GITHUB_RELEASE_TAG,
      NGX_DEPLOY_SENDER_NAME },
    { "release.body", NGX_DEPLOY_GITHUB_RELEASE_BODY,
      NGX_DEPLOY_SENDER_TEXT },
    { "zen", NGX_DEPLOY_GITHUB_ZEN, NGX_DEPLOY_SENDER_NODE },
    { "hook_id", NGX_DEPLOY_GITHUB_HOOK_ID, NGX_DEPLOY_SENDER_NODE },

    { "deployment", NGX_DEPLOY_GITHUB_DEPLOYMENT, NGX_DEPLOY_SENDER_NODE },
    { "deployment.ref", NGX_DEPLOY_GITHUB_DEPLOYMENT_REF,
      NGX_DEPLOY_SENDER_NAME },
    { "deployment.sha", NGX_DEPLOY_GITHUB_DEPLOYMENT_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "deployment_status", NGX_DEPLOY_GITHUB_DEPLOYMENT_STATUS,
      NGX_DEPLOY_SENDER_NODE },
    { "check_run", NGX_DEPLOY_GITHUB_CHECK_RUN, NGX_DEPLOY_SENDER_NODE },
    { "check_run.head_sha", NGX_DEPLOY_GITHUB_CHECK_RUN_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "check_run.check_suite.head_branch", NGX_DEPLOY_GITHUB_CHECK_RUN_BRANCH,
      NGX_DEPLOY_SENDER_NAME },
    { "check_suite", NGX_DEPLOY_GITHUB_CHECK_SUITE, NGX_DEPLOY_SENDER_NODE },
    { "check_suite.head_sha", NGX_DEPLOY_GITHUB_CHECK_SUITE_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "check_suite.head_branch", NGX_DEPLOY_GITHUB_CHECK_SUITE_BRANCH,
      NGX_DEPLOY_SENDER_NAME },
    { "workflow_run", NGX_DEPLOY_GITHUB_RUN, NGX_DEPLOY_SENDER_NODE },
    { "workflow_run.head_sha", NGX_DEPLOY_GITHUB_RUN_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "workflow_run.head_branch", NGX_DEPLOY_GITHUB_RUN_BRANCH,
      NGX_DEPLOY_SENDER_NAME },
    { "merge_group", NGX_DEPLOY_GITHUB_GROUP, NGX_DEPLOY_SENDER_NODE },
    { "merge_group.head_sha", NGX_DEPLOY_GITHUB_GROUP_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "merge_group.base_ref", NGX_DEPLOY_GITHUB_GROUP_REF,
      NGX_DEPLOY_SENDER_NAME },
    { "sha", NGX_DEPLOY_GITHUB_SHA, NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


static const ngx_deploy_github_kind_t  ngx_deploy_github_kinds[] = {
    { ngx_deploy_null_string, 0, 0, ngx_deploy_github_other, 0, 0 },

    { ngx_deploy_string("push"), NGX_DEPLOY_GITHUB_IS_PUSH, 0,
      ngx_deploy_github_push, 0, 0 },

    { ngx_deploy_string("pull_request"), NGX_DEPLOY_GITHUB_IS_PULL,
      NGX_DEPLOY_GITHUB_PR, ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("pull_request_review"), 0, NGX_DEPLOY_GITHUB_PR,
      ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("pull_request_review_comment"), 0,
      NGX_DEPLOY_GITHUB_PR, ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("pull_request_approved"), NGX_DEPLOY_GITHUB_IS_REVIEW,
      NGX_DEPLOY_GITHUB_PR, ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("pull_request_rejected"), NGX_DEPLOY_GITHUB_IS_REVIEW,
      NGX_DEPLOY_GITHUB_PR, ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("pull_request_comment"), NGX_DEPLOY_GITHUB_IS_REVIEW,
      NGX_DEPLOY_GITHUB_PR, ngx_deploy_github_pull, 0, 0 },

    { ngx_deploy_string("create"), NGX_DEPLOY_GITHUB_IS_CREATE, 0,
      ngx_deploy_github_ref, 0, 0 },

    { ngx_deploy_string("delete"), NGX_DEPLOY_GITHUB_IS_DELETE, 0,
      ngx_deploy_github_ref, 0, 0 },

    { ngx_deploy_string("release"), NGX_DEPLOY_GITHUB_IS_RELEASE,
      NGX_DEPLOY_GITHUB_RELEASE, ngx_deploy_github_release, 0, 0 },

    { ngx_deploy_string("ping"), NGX_DEPLOY_GITHUB_IS_PING, 0,
      ngx_deploy_github_ping, 0, 0 },

    { ngx_deploy_string("deployment"), 0, NGX_DEPLOY_GITHUB_DEPLOYMENT,
      ngx_deploy_github_deployment, 0, 0 },

    { ngx_deploy_string("deployment_status"), 0,
      NGX_DEPLOY_GITHUB_DEPLOYMENT_STATUS, ngx_deploy_github_deployment,
      0, 0 },

    { ngx_deploy_string("merge_group"), 0, NGX_DEPLOY_GITHUB_GROUP,
      ngx_deploy_github_group, 0, 0 },

    { ngx_deploy_string("check_run"), 0, NGX_DEPLOY_GITHUB_CHECK_RUN,
      ngx_deploy_github_other, NGX_DEPLOY_GITHUB_CHECK_RUN_BRANCH,
      NGX_DEPLOY_GITHUB_CHECK_RUN_SHA },

    { ngx_deploy_string("check_suite"), 0, NGX_DEPLOY_GITHUB_CHECK_SUITE,
      ngx_deploy_github_other, NGX_DEPLOY_GITHUB_CHECK_SUITE_BRANCH,
      NGX_DEPLOY_GITHUB_CHECK_SUITE_SHA },

    { ngx_deploy_string("workflow_run"), 0, NGX_DEPLOY_GITHUB_RUN,
      ngx_deploy_github_other, NGX_DEPLOY_GITHUB_RUN_BRANCH,
      NGX_DEPLOY_GITHUB_RUN_SHA },

    { ngx_deploy_string("status"), 0, 0,
      ngx_deploy_github_other, 0, NGX_DEPLOY_GITHUB_SHA }
};

#define NGX_DEPLOY_GITHUB_NKINDS                                              \
    (sizeof(ngx_deploy_github_kinds) / sizeof(ngx_deploy_github_kinds[0]))


const ngx_deploy_sender_t  ngx_deploy_github = {
    ngx_deploy_string("github"),
    ngx_deploy_string("x-github-event"),
    ngx_deploy_null_string,
    { ngx_deploy_string("x-github-delivery"), ngx_deploy_null_string },
    "no X-GitHub-Event header",
    ngx_deploy_sender_document,
    ngx_deploy_github_paths,
    NULL,
    ngx_deploy_github_kind,
    ngx_deploy_github_value,
    ngx_deploy_github_finish,
    NULL
};


void
ngx_deploy_github_kind(ngx_deploy_payload_t *payload)
{
    unsigned  i;

    /* other words are of kind 0, no error */

    for (i = 1; i < NGX_DEPLOY_GITHUB_NKINDS; i++) {
        if (ngx_deploy_str_eq(&payload->word, &ngx_deploy_github_kinds[i].word))
        {
            payload->kind = i;
            break;
        }
    }
}


int
ngx_deploy_github_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    switch (fact) {

    case NGX_DEPLOY_GITHUB_COMMIT:
        if (type != NGX_DEPLOY_SCAN_OBJECT_END) {
            payload->commits++;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_GITHUB_LIST:
        if (type == NGX_DEPLOY_SCAN_ARRAY) {
            payload->lists++;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_GITHUB_PATH:
        if (ngx_deploy_github_kinds[payload->kind].shape
            != NGX_DEPLOY_GITHUB_IS_PUSH)
        {
            return NGX_DEPLOY_OK;
        }

        if (type != NGX_DEPLOY_SCAN_STRING) {
            payload->set.truncated = 1;
            return NGX_DEPLOY_OK;
        }

        return ngx_deploy_sender_path(payload, value);

    default:
        return ngx_deploy_sender_keep(payload, fact, type, value);
    }
}


int
ngx_deploy_github_finish(ngx_deploy_payload_t *payload)
{
    int                              rc;
    ngx_deploy_event_t              *event;
    const ngx_deploy_github_kind_t  *kind;

    kind = &ngx_deploy_github_kinds[payload->kind];

    /* the header is not signed: it must not make a push look like a ping */

    if (ngx_deploy_github_shape(payload) != kind->shape
        || (kind->member && !ngx_deploy_sender_object(payload, kind->member)))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_EVENT] = payload->word;

    rc = ngx_deploy_github_common(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return kind->event(payload, event);
}


static unsigned
ngx_deploy_github_shape(ngx_deploy_payload_t *payload)
{
    unsigned  shape;

    shape = 0;

    if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_REF)
        && (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_BEFORE)
            || ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_AFTER)))
    {
        shape |= NGX_DEPLOY_GITHUB_IS_PUSH;
    }

    if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_PR)
        && ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_NUMBER))
    {
        shape |= ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_REVIEW)
                 ? NGX_DEPLOY_GITHUB_IS_REVIEW : NGX_DEPLOY_GITHUB_IS_PULL;
    }

    if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_REF_TYPE)) {

        /* only the creation of a ref names the default branch or a commit */

        shape |= (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_MASTER)
                  || ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_SHA))
                 ? NGX_DEPLOY_GITHUB_IS_CREATE : NGX_DEPLOY_GITHUB_IS_DELETE;
    }

    if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_RELEASE)) {
        shape |= NGX_DEPLOY_GITHUB_IS_RELEASE;
    }

    if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_ZEN)
        && ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_HOOK_ID))
    {
        shape |= NGX_DEPLOY_GITHUB_IS_PING;
    }

    return shape;
}


static int
ngx_deploy_github_common(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  owner, name, *repo, *sender;

    repo = &event->facts[NGX_DEPLOY_REPO];
    sender = &event->facts[NGX_DEPLOY_SENDER];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_REPO,
                                "repository.full_name", repo);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (repo->data == NULL) {

        /* payloads before 2015 */

        name = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_REPO_NAME);
        owner = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_OWNER_LOGIN);

        if (owner.data == NULL) {
            owner = ngx_deploy_sender_text(payload,
                                           NGX_DEPLOY_GITHUB_OWNER_NAME);
        }

        rc = ngx_deploy_sender_join(payload, &owner, &name, repo);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    *sender = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_SENDER);

    if (sender->data == NULL) {
        *sender = ngx_deploy_sender_text(payload,
                                         NGX_DEPLOY_GITHUB_SENDER_NAME);
    }

    if (sender->data == NULL) {
        *sender = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_PUSHER);
    }

    return ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_ACTION, "action",
                                  &event->facts[NGX_DEPLOY_ACTION]);
}


/* a hash and a branch at most; nothing of a word that is not known here */

static int
ngx_deploy_github_other(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    const ngx_deploy_github_kind_t  *kind;

    kind = &ngx_deploy_github_kinds[payload->kind];

    if (kind->branch) {
        event->facts[NGX_DEPLOY_BRANCH] =
                                 ngx_deploy_sender_text(payload, kind->branch);
    }

    if (kind->commit) {
        return ngx_deploy_sender_hash(payload, kind->commit,
                                      "the hash of the commit",
                                      &event->facts[NGX_DEPLOY_COMMIT]);
    }

    return NGX_DEPLOY_OK;
}
