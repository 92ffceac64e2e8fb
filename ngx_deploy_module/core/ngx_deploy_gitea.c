
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_github.h"


/* Gitea, Forgejo and Gogs send in GitHub's format, with some differences */


static int ngx_deploy_gitea_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static void ngx_deploy_gitea_commit(ngx_deploy_payload_t *payload);
static int ngx_deploy_gitea_finish(ngx_deploy_payload_t *payload);


static const ngx_deploy_scan_path_t  ngx_deploy_gitea_paths[] = {
    { "sender.username", NGX_DEPLOY_GITHUB_SENDER_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "pusher.login", NGX_DEPLOY_GITHUB_PUSHER, NGX_DEPLOY_SENDER_NAME },
    { "pusher.username", NGX_DEPLOY_GITHUB_PUSHER, NGX_DEPLOY_SENDER_NAME },

    { "total_commits", NGX_DEPLOY_GITHUB_TOTAL, NGX_DEPLOY_SENDER_NODE },
    { "commits[].id", NGX_DEPLOY_GITHUB_COMMIT_ID, NGX_DEPLOY_SENDER_NAME },
    { "commits[].message", NGX_DEPLOY_GITHUB_COMMIT_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "commits[].url", NGX_DEPLOY_GITHUB_COMMIT_URL, NGX_DEPLOY_SENDER_TEXT },

    { "default_branch", NGX_DEPLOY_GITHUB_MASTER, NGX_DEPLOY_SENDER_NODE },
    { "review", NGX_DEPLOY_GITHUB_REVIEW, NGX_DEPLOY_SENDER_NODE },

    /* of Gogs */

    { "pull_request.base_branch", NGX_DEPLOY_GITHUB_PR_BASE,
      NGX_DEPLOY_SENDER_NAME },
    { "pull_request.head_branch", NGX_DEPLOY_GITHUB_PR_HEAD,
      NGX_DEPLOY_SENDER_NAME },
    { "pull_request.merged_commit_id", NGX_DEPLOY_GITHUB_PR_MERGE_SHA,
      NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_gitea = {
    ngx_deploy_string("gitea"),
    ngx_deploy_string("x-gitea-event"),
    ngx_deploy_string("x-gitea-event-type"),
    { ngx_deploy_string("x-gitea-delivery"), ngx_deploy_null_string },
    "no X-Gitea-Event header",
    ngx_deploy_sender_document,
    ngx_deploy_github_paths,
    ngx_deploy_gitea_paths,
    ngx_deploy_github_kind,
    ngx_deploy_gitea_value,
    ngx_deploy_gitea_finish,
    NULL
};


const ngx_deploy_sender_t  ngx_deploy_forgejo = {
    ngx_deploy_string("forgejo"),
    ngx_deploy_string("x-forgejo-event"),
    ngx_deploy_string("x-forgejo-event-type"),
    { ngx_deploy_string("x-forgejo-delivery"), ngx_deploy_null_string },
    "no X-Forgejo-Event header",
    ngx_deploy_sender_document,
    ngx_deploy_github_paths,
    ngx_deploy_gitea_paths,
    ngx_deploy_github_kind,
    ngx_deploy_gitea_value,
    ngx_deploy_gitea_finish,
    NULL
};


const ngx_deploy_sender_t  ngx_deploy_gogs = {
    ngx_deploy_string("gogs"),
    ngx_deploy_string("x-gogs-event"),
    ngx_deploy_string("x-gogs-event-type"),
    { ngx_deploy_string("x-gogs-delivery"), ngx_deploy_null_string },
    "no X-Gogs-Event header",
    ngx_deploy_sender_document,
    ngx_deploy_github_paths,
    ngx_deploy_gitea_paths,
    ngx_deploy_github_kind,
    ngx_deploy_gitea_value,
    ngx_deploy_gitea_finish,
    NULL
};


static int
ngx_deploy_gitea_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_raw_t  *id, *after;

    switch (fact) {

    case NGX_DEPLOY_GITHUB_COMMIT:

        if (type == NGX_DEPLOY_SCAN_OBJECT) {
            ngx_deploy_sender_clear(payload, NGX_DEPLOY_GITHUB_COMMIT_ID,
                                    NGX_DEPLOY_GITHUB_COMMIT_URL);

        } else if (type == NGX_DEPLOY_SCAN_OBJECT_END) {
            ngx_deploy_gitea_commit(payload);
        }

        break;

    case NGX_DEPLOY_GITHUB_COMMIT_MESSAGE:
    case NGX_DEPLOY_GITHUB_COMMIT_URL:

        id = &payload->raw[NGX_DEPLOY_GITHUB_COMMIT_ID];
        after = &payload->raw[NGX_DEPLOY_GITHUB_AFTER];

        if (id->type && after->type
            && !ngx_deploy_str_eq(&id->value, &after->value))
        {
            return NGX_DEPLOY_OK;
        }

        break;
    }

    return ngx_deploy_github_value(payload, fact, type, value);
}


/* keeps the commit that was pushed, or the first while it is not known */

static void
ngx_deploy_gitea_commit(ngx_deploy_payload_t *payload)
{
    ngx_deploy_raw_t  *commit, *found, *after;

    commit = &payload->raw[NGX_DEPLOY_GITHUB_COMMIT_ID];
    found = &payload->raw[NGX_DEPLOY_GITHUB_FOUND_ID];
    after = &payload->raw[NGX_DEPLOY_GITHUB_AFTER];

    if (after->type ? ngx_deploy_str_eq(&commit->value, &after->value)
                    : found->type == 0)
    {
        memcpy(found, commit,
               (NGX_DEPLOY_GITHUB_COMMIT_URL - NGX_DEPLOY_GITHUB_COMMIT_ID + 1)
               * sizeof(ngx_deploy_raw_t));
    }
}


/* older releases and Gogs have no head_commit: it is one of the commits */

static int
ngx_deploy_gitea_finish(ngx_deploy_payload_t *payload)
{
    ngx_deploy_raw_t  *head, *found;

    head = &payload->raw[NGX_DEPLOY_GITHUB_HEAD_ID];
    found = &payload->raw[NGX_DEPLOY_GITHUB_FOUND_ID];

    if (!ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_HEAD_ID)
        && found->type == NGX_DEPLOY_SCAN_STRING
        && ngx_deploy_str_eq(&found->value,
                             &payload->raw[NGX_DEPLOY_GITHUB_AFTER].value))
    {
        memcpy(head, found,
               (NGX_DEPLOY_GITHUB_FOUND_URL - NGX_DEPLOY_GITHUB_FOUND_ID + 1)
               * sizeof(ngx_deploy_raw_t));
    }

    return ngx_deploy_github_finish(payload);
}
