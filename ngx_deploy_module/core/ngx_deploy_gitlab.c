
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_gitlab.h"


typedef struct {
    ngx_deploy_str_t      kind;          /* as sent */
    ngx_deploy_str_t      word;
    unsigned              strict;        /* its header is no other's */
    int                 (*event)(ngx_deploy_payload_t *payload,
                                 ngx_deploy_event_t *event);
} ngx_deploy_gitlab_kind_t;


static void ngx_deploy_gitlab_header(ngx_deploy_payload_t *payload);
static int ngx_deploy_gitlab_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_gitlab_finish(ngx_deploy_payload_t *payload);
static unsigned ngx_deploy_gitlab_kind(const ngx_deploy_str_t *kind);
static int ngx_deploy_gitlab_common(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


static const ngx_deploy_scan_path_t  ngx_deploy_gitlab_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "object_kind", NGX_DEPLOY_GITLAB_KIND, NGX_DEPLOY_SENDER_NAME },
    { "event_name", NGX_DEPLOY_GITLAB_NAME, NGX_DEPLOY_SENDER_NAME },
    { "project.path_with_namespace", NGX_DEPLOY_GITLAB_REPO,
      NGX_DEPLOY_SENDER_NAME },
    { "user.username", NGX_DEPLOY_GITLAB_USERNAME, NGX_DEPLOY_SENDER_NAME },
    { "user.name", NGX_DEPLOY_GITLAB_USER, NGX_DEPLOY_SENDER_NAME },

    { "user_username", NGX_DEPLOY_GITLAB_PUSHER, NGX_DEPLOY_SENDER_NAME },
    { "user_name", NGX_DEPLOY_GITLAB_PUSHER_NAME, NGX_DEPLOY_SENDER_NAME },
    { "ref", NGX_DEPLOY_GITLAB_REF, NGX_DEPLOY_SENDER_NAME },
    { "before", NGX_DEPLOY_GITLAB_BEFORE, NGX_DEPLOY_SENDER_NAME },
    { "after", NGX_DEPLOY_GITLAB_AFTER, NGX_DEPLOY_SENDER_NAME },
    { "checkout_sha", NGX_DEPLOY_GITLAB_CHECKOUT, NGX_DEPLOY_SENDER_NAME },
    { "message", NGX_DEPLOY_GITLAB_MESSAGE, NGX_DEPLOY_SENDER_TEXT },
    { "total_commits_count", NGX_DEPLOY_GITLAB_TOTAL, NGX_DEPLOY_SENDER_NODE },
    { "commits[]", NGX_DEPLOY_GITLAB_COMMIT, NGX_DEPLOY_SENDER_NODE },
    { "commits[].id", NGX_DEPLOY_GITLAB_COMMIT_ID, NGX_DEPLOY_SENDER_NAME },
    { "commits[].message", NGX_DEPLOY_GITLAB_COMMIT_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "commits[].url", NGX_DEPLOY_GITLAB_COMMIT_URL, NGX_DEPLOY_SENDER_TEXT },
    { "commits[].added", NGX_DEPLOY_GITLAB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].modified", NGX_DEPLOY_GITLAB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].removed", NGX_DEPLOY_GITLAB_LIST, NGX_DEPLOY_SENDER_NODE },
    { "commits[].added[]", NGX_DEPLOY_GITLAB_PATH, NGX_DEPLOY_SENDER_NAME },
    { "commits[].modified[]", NGX_DEPLOY_GITLAB_PATH,
      NGX_DEPLOY_SENDER_NAME },
    { "commits[].removed[]", NGX_DEPLOY_GITLAB_PATH, NGX_DEPLOY_SENDER_NAME },

    { "action", NGX_DEPLOY_GITLAB_ACTION, NGX_DEPLOY_SENDER_NAME },
    { "tag", NGX_DEPLOY_GITLAB_TAG, NGX_DEPLOY_SENDER_NAME },
    { "description", NGX_DEPLOY_GITLAB_DESCRIPTION, NGX_DEPLOY_SENDER_TEXT },
    { "commit.id", NGX_DEPLOY_GITLAB_RELEASE_COMMIT, NGX_DEPLOY_SENDER_NAME },
    { "status", NGX_DEPLOY_GITLAB_STATUS, NGX_DEPLOY_SENDER_NAME },
    { "commit_url", NGX_DEPLOY_GITLAB_DEPLOYMENT_URL, NGX_DEPLOY_SENDER_NAME },
    { "short_sha", NGX_DEPLOY_GITLAB_SHORT_SHA, NGX_DEPLOY_SENDER_NAME },
    { "commit_title", NGX_DEPLOY_GITLAB_DEPLOYMENT_TITLE,
      NGX_DEPLOY_SENDER_TEXT },
    { "build_status", NGX_DEPLOY_GITLAB_BUILD_STATUS, NGX_DEPLOY_SENDER_NAME },
    { "sha", NGX_DEPLOY_GITLAB_SHA, NGX_DEPLOY_SENDER_NAME },

    { "object_attributes.action", NGX_DEPLOY_GITLAB_ATTR_ACTION,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.status", NGX_DEPLOY_GITLAB_ATTR_STATUS,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.ref", NGX_DEPLOY_GITLAB_ATTR_REF,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.tag", NGX_DEPLOY_GITLAB_ATTR_TAG,
      NGX_DEPLOY_SENDER_NODE },
    { "object_attributes.sha", NGX_DEPLOY_GITLAB_ATTR_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.oldrev", NGX_DEPLOY_GITLAB_ATTR_OLDREV,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.state", NGX_DEPLOY_GITLAB_ATTR_STATE,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.iid", NGX_DEPLOY_GITLAB_ATTR_IID,
      NGX_DEPLOY_SENDER_NODE },
    { "object_attributes.title", NGX_DEPLOY_GITLAB_ATTR_TITLE,
      NGX_DEPLOY_SENDER_TEXT },
    { "object_attributes.url", NGX_DEPLOY_GITLAB_ATTR_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "object_attributes.source_branch", NGX_DEPLOY_GITLAB_ATTR_SOURCE,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.target_branch", NGX_DEPLOY_GITLAB_ATTR_TARGET,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.last_commit.id", NGX_DEPLOY_GITLAB_ATTR_COMMIT,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.last_commit.message", NGX_DEPLOY_GITLAB_ATTR_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "object_attributes.merge_commit_sha", NGX_DEPLOY_GITLAB_ATTR_MERGE_SHA,
      NGX_DEPLOY_SENDER_NAME },
    { "object_attributes.squash_commit_sha", NGX_DEPLOY_GITLAB_ATTR_SQUASH_SHA,
      NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


/*
 * The header of an issue is also that of work items, and that of a system
 * hook says nothing
 */

static const ngx_deploy_gitlab_kind_t  ngx_deploy_gitlab_kinds[] = {
    { ngx_deploy_null_string, ngx_deploy_null_string, 0,
      ngx_deploy_gitlab_note },

    { ngx_deploy_string("push"), ngx_deploy_string("push"), 1,
      ngx_deploy_gitlab_push },

    { ngx_deploy_string("tag_push"), ngx_deploy_string("push"), 1,
      ngx_deploy_gitlab_push },

    { ngx_deploy_string("merge_request"), ngx_deploy_string("pull_request"),
      1, ngx_deploy_gitlab_merge_request },

    { ngx_deploy_string("release"), ngx_deploy_string("release"), 1,
      ngx_deploy_gitlab_release },

    { ngx_deploy_string("deployment"), ngx_deploy_string("deployment"), 1,
      ngx_deploy_gitlab_deployment },

    { ngx_deploy_string("pipeline"), ngx_deploy_string("pipeline"), 1,
      ngx_deploy_gitlab_pipeline },

    { ngx_deploy_string("build"), ngx_deploy_string("build"), 1,
      ngx_deploy_gitlab_build },

    { ngx_deploy_string("note"), ngx_deploy_string("note"), 1,
      ngx_deploy_gitlab_note }
};

#define NGX_DEPLOY_GITLAB_NKINDS                                              \
    (sizeof(ngx_deploy_gitlab_kinds) / sizeof(ngx_deploy_gitlab_kinds[0]))


const ngx_deploy_sender_t  ngx_deploy_gitlab = {
    ngx_deploy_string("gitlab"),
    ngx_deploy_string("x-gitlab-event"),
    ngx_deploy_null_string,
    { ngx_deploy_string("idempotency-key"), ngx_deploy_string("webhook-id"),
      ngx_deploy_string("x-gitlab-event-uuid") },
    NULL,
    NULL,
    ngx_deploy_gitlab_paths,
    NULL,
    ngx_deploy_gitlab_header,
    ngx_deploy_gitlab_value,
    ngx_deploy_gitlab_finish,
    NULL
};


/*
 * "Merge Request Hook" becomes "merge_request", the kind that the body has
 * to have; the header may be missing, as the body says all
 */

static void
ngx_deploy_gitlab_header(ngx_deploy_payload_t *payload)
{
    size_t             i;
    ngx_deploy_str_t  *word;

    word = &payload->word;

    if (word->data == NULL) {
        return;
    }

    if (word->len > sizeof(" Hook") - 1
        && memcmp(word->data + word->len - (sizeof(" Hook") - 1), " Hook",
                  sizeof(" Hook") - 1)
           == 0)
    {
        word->len -= sizeof(" Hook") - 1;
    }

    ngx_deploy_sender_lower(word);

    for (i = 0; i < word->len; i++) {
        if (word->data[i] == ' ') {
            word->data[i] = '_';
        }
    }

    if (ngx_deploy_str_starts(word, "confidential_")) {
        word->data += sizeof("confidential_") - 1;
        word->len -= sizeof("confidential_") - 1;
    }

    if (ngx_deploy_str_is(word, "job")) {
        *word = (ngx_deploy_str_t) ngx_deploy_string("build");
    }
}


static int
ngx_deploy_gitlab_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    switch (fact) {

    case NGX_DEPLOY_GITLAB_COMMIT:
        if (type == NGX_DEPLOY_SCAN_OBJECT_END) {
            return NGX_DEPLOY_OK;
        }

        /* the last one is the head */

        ngx_deploy_sender_clear(payload, NGX_DEPLOY_GITLAB_COMMIT_ID,
                                NGX_DEPLOY_GITLAB_COMMIT_URL);
        payload->commits++;

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_GITLAB_LIST:
        if (type == NGX_DEPLOY_SCAN_ARRAY) {
            payload->lists++;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_GITLAB_PATH:
        if (type != NGX_DEPLOY_SCAN_STRING) {
            payload->set.truncated = 1;
            return NGX_DEPLOY_OK;
        }

        return ngx_deploy_sender_path(payload, value);

    default:
        return ngx_deploy_sender_keep(payload, fact, type, value);
    }
}


static int
ngx_deploy_gitlab_finish(ngx_deploy_payload_t *payload)
{
    int                              rc;
    unsigned                         header;
    ngx_deploy_str_t                 word;
    ngx_deploy_event_t              *event;
    const ngx_deploy_gitlab_kind_t  *kind;

    word = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_KIND);

    if (word.data == NULL) {
        word = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_NAME);
    }

    /* a custom template makes any document of an event */

    if (word.data == NULL || !ngx_deploy_sender_word(&word)) {

        if (payload->word.data == NULL) {
            return ngx_deploy_sender_decline(payload,
                                       "no X-Gitlab-Event, no object_kind");
        }

        rc = ngx_deploy_sender_event(payload, &event);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        event->facts[NGX_DEPLOY_EVENT] = payload->word;

        return NGX_DEPLOY_OK;
    }

    payload->kind = ngx_deploy_gitlab_kind(&word);
    kind = &ngx_deploy_gitlab_kinds[payload->kind];

    header = ngx_deploy_gitlab_kind(&payload->word);

    if (payload->word.data != NULL
        && !ngx_deploy_str_is(&payload->word, "system")
        && header != payload->kind
        && (kind->strict || ngx_deploy_gitlab_kinds[header].strict))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_EVENT] = kind->word.data ? kind->word : word;

    rc = ngx_deploy_gitlab_common(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return kind->event(payload, event);
}


/* others are of kind 0, no error */

static unsigned
ngx_deploy_gitlab_kind(const ngx_deploy_str_t *kind)
{
    unsigned  i;

    for (i = NGX_DEPLOY_GITLAB_NKINDS - 1; i > 0; i--) {
        if (ngx_deploy_str_eq(kind, &ngx_deploy_gitlab_kinds[i].kind)) {
            break;
        }
    }

    return i;
}


static int
ngx_deploy_gitlab_common(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    unsigned           push;
    ngx_deploy_str_t  *sender;

    sender = &event->facts[NGX_DEPLOY_SENDER];

    /* elsewhere user_username is somebody that something is done to */

    push = ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT], "push");

    *sender = ngx_deploy_sender_text(payload,
                                     push ? NGX_DEPLOY_GITLAB_PUSHER
                                          : NGX_DEPLOY_GITLAB_USERNAME);

    if (sender->data == NULL) {
        *sender = ngx_deploy_sender_text(payload,
                                         push ? NGX_DEPLOY_GITLAB_PUSHER_NAME
                                              : NGX_DEPLOY_GITLAB_USER);
    }

    return ngx_deploy_sender_name(payload, NGX_DEPLOY_GITLAB_REPO,
                                  "project.path_with_namespace",
                                  &event->facts[NGX_DEPLOY_REPO]);
}
