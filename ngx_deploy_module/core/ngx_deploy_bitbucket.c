
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/* Bitbucket Cloud (providers.md, section 3) */

enum {
    NGX_DEPLOY_BITBUCKET_REPO = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_BITBUCKET_NICKNAME,
    NGX_DEPLOY_BITBUCKET_USERNAME,
    NGX_DEPLOY_BITBUCKET_DISPLAY_NAME,

    NGX_DEPLOY_BITBUCKET_PUSH,
    NGX_DEPLOY_BITBUCKET_CHANGES,
    NGX_DEPLOY_BITBUCKET_CHANGE,

    /* of one change */

    NGX_DEPLOY_BITBUCKET_CREATED,
    NGX_DEPLOY_BITBUCKET_CLOSED,
    NGX_DEPLOY_BITBUCKET_FORCED,
    NGX_DEPLOY_BITBUCKET_OLD,
    NGX_DEPLOY_BITBUCKET_OLD_NAME,
    NGX_DEPLOY_BITBUCKET_OLD_TYPE,
    NGX_DEPLOY_BITBUCKET_NEW,
    NGX_DEPLOY_BITBUCKET_NEW_NAME,
    NGX_DEPLOY_BITBUCKET_NEW_TYPE,
    NGX_DEPLOY_BITBUCKET_HASH,
    NGX_DEPLOY_BITBUCKET_MESSAGE,
    NGX_DEPLOY_BITBUCKET_URL,

    NGX_DEPLOY_BITBUCKET_PR,
    NGX_DEPLOY_BITBUCKET_PR_ID,
    NGX_DEPLOY_BITBUCKET_PR_TITLE,
    NGX_DEPLOY_BITBUCKET_PR_STATE,
    NGX_DEPLOY_BITBUCKET_PR_URL,
    NGX_DEPLOY_BITBUCKET_PR_TARGET,
    NGX_DEPLOY_BITBUCKET_PR_SOURCE,
    NGX_DEPLOY_BITBUCKET_PR_HASH,
    NGX_DEPLOY_BITBUCKET_PR_MERGE_HASH
};

#define NGX_DEPLOY_BITBUCKET_CHANGE_FIRST  NGX_DEPLOY_BITBUCKET_CREATED
#define NGX_DEPLOY_BITBUCKET_CHANGE_LAST   NGX_DEPLOY_BITBUCKET_URL


#define NGX_DEPLOY_BITBUCKET_IS_OTHER  0
#define NGX_DEPLOY_BITBUCKET_IS_PUSH   1
#define NGX_DEPLOY_BITBUCKET_IS_PULL   2


static void ngx_deploy_bitbucket_kind(ngx_deploy_payload_t *payload);
static int ngx_deploy_bitbucket_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_bitbucket_change(ngx_deploy_payload_t *payload);
static int ngx_deploy_bitbucket_change_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_bitbucket_change_flags(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_bitbucket_finish(ngx_deploy_payload_t *payload);
static int ngx_deploy_bitbucket_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_bitbucket_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_bitbucket_words(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


static const ngx_deploy_scan_path_t  ngx_deploy_bitbucket_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "repository.full_name", NGX_DEPLOY_BITBUCKET_REPO,
      NGX_DEPLOY_SENDER_NAME },
    { "actor.nickname", NGX_DEPLOY_BITBUCKET_NICKNAME,
      NGX_DEPLOY_SENDER_NAME },
    { "actor.username", NGX_DEPLOY_BITBUCKET_USERNAME,
      NGX_DEPLOY_SENDER_NAME },
    { "actor.display_name", NGX_DEPLOY_BITBUCKET_DISPLAY_NAME,
      NGX_DEPLOY_SENDER_NAME },

    { "push", NGX_DEPLOY_BITBUCKET_PUSH, NGX_DEPLOY_SENDER_NODE },
    { "push.changes", NGX_DEPLOY_BITBUCKET_CHANGES, NGX_DEPLOY_SENDER_NODE },
    { "push.changes[]", NGX_DEPLOY_BITBUCKET_CHANGE, NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].created", NGX_DEPLOY_BITBUCKET_CREATED,
      NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].closed", NGX_DEPLOY_BITBUCKET_CLOSED,
      NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].forced", NGX_DEPLOY_BITBUCKET_FORCED,
      NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].old", NGX_DEPLOY_BITBUCKET_OLD,
      NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].old.name", NGX_DEPLOY_BITBUCKET_OLD_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "push.changes[].old.type", NGX_DEPLOY_BITBUCKET_OLD_TYPE,
      NGX_DEPLOY_SENDER_NAME },
    { "push.changes[].new", NGX_DEPLOY_BITBUCKET_NEW,
      NGX_DEPLOY_SENDER_NODE },
    { "push.changes[].new.name", NGX_DEPLOY_BITBUCKET_NEW_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "push.changes[].new.type", NGX_DEPLOY_BITBUCKET_NEW_TYPE,
      NGX_DEPLOY_SENDER_NAME },
    { "push.changes[].new.target.hash", NGX_DEPLOY_BITBUCKET_HASH,
      NGX_DEPLOY_SENDER_NAME },
    { "push.changes[].new.target.message", NGX_DEPLOY_BITBUCKET_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "push.changes[].new.target.links.html.href", NGX_DEPLOY_BITBUCKET_URL,
      NGX_DEPLOY_SENDER_TEXT },

    { "pullrequest", NGX_DEPLOY_BITBUCKET_PR, NGX_DEPLOY_SENDER_NODE },
    { "pullrequest.id", NGX_DEPLOY_BITBUCKET_PR_ID, NGX_DEPLOY_SENDER_NODE },
    { "pullrequest.title", NGX_DEPLOY_BITBUCKET_PR_TITLE,
      NGX_DEPLOY_SENDER_TEXT },
    { "pullrequest.state", NGX_DEPLOY_BITBUCKET_PR_STATE,
      NGX_DEPLOY_SENDER_NAME },
    { "pullrequest.links.html.href", NGX_DEPLOY_BITBUCKET_PR_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "pullrequest.destination.branch.name", NGX_DEPLOY_BITBUCKET_PR_TARGET,
      NGX_DEPLOY_SENDER_NAME },
    { "pullrequest.source.branch.name", NGX_DEPLOY_BITBUCKET_PR_SOURCE,
      NGX_DEPLOY_SENDER_NAME },
    { "pullrequest.source.commit.hash", NGX_DEPLOY_BITBUCKET_PR_HASH,
      NGX_DEPLOY_SENDER_NAME },
    { "pullrequest.merge_commit.hash", NGX_DEPLOY_BITBUCKET_PR_MERGE_HASH,
      NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_bitbucket = {
    ngx_deploy_string("bitbucket"),
    ngx_deploy_string("x-event-key"),
    ngx_deploy_null_string,
    { ngx_deploy_string("x-request-uuid"), ngx_deploy_null_string },
    "no X-Event-Key header",
    NULL,
    ngx_deploy_bitbucket_paths,
    NULL,
    ngx_deploy_bitbucket_kind,
    ngx_deploy_bitbucket_value,
    ngx_deploy_bitbucket_finish,
    NULL
};


static void
ngx_deploy_bitbucket_kind(ngx_deploy_payload_t *payload)
{
    if (ngx_deploy_str_is(&payload->word, "repo:push")) {
        payload->kind = NGX_DEPLOY_BITBUCKET_IS_PUSH;

    } else if (ngx_deploy_str_starts(&payload->word, "pullrequest:")) {
        payload->kind = NGX_DEPLOY_BITBUCKET_IS_PULL;
    }
}


static int
ngx_deploy_bitbucket_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    if (fact != NGX_DEPLOY_BITBUCKET_CHANGE
        || payload->kind != NGX_DEPLOY_BITBUCKET_IS_PUSH)
    {
        return ngx_deploy_sender_keep(payload, fact, type, value);
    }

    switch (type) {

    case NGX_DEPLOY_SCAN_OBJECT:
        ngx_deploy_sender_clear(payload, NGX_DEPLOY_BITBUCKET_CHANGE_FIRST,
                                NGX_DEPLOY_BITBUCKET_CHANGE_LAST);
        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_SCAN_OBJECT_END:
        return ngx_deploy_bitbucket_change(payload);

    default:
        return ngx_deploy_sender_decline(payload,
                                         "push.changes[] is not an object");
    }
}


static int
ngx_deploy_bitbucket_change(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_bitbucket_change_ref(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_bitbucket_change_flags(payload, event);

    if (event->deleted == 1) {
        return NGX_DEPLOY_OK;
    }

    event->paths_complete = 0;

    event->facts[NGX_DEPLOY_MESSAGE] =
                 ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_MESSAGE);
    event->facts[NGX_DEPLOY_TITLE] =
                 ngx_deploy_sender_line(&event->facts[NGX_DEPLOY_MESSAGE]);
    event->facts[NGX_DEPLOY_URL] =
                 ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_URL);

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_BITBUCKET_HASH,
                                  "new.target.hash",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


static int
ngx_deploy_bitbucket_change_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  name, type;

    if (ngx_deploy_sender_object(payload, NGX_DEPLOY_BITBUCKET_NEW)) {
        rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_BITBUCKET_NEW_NAME,
                                    "new.name", &name);
        type = ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_NEW_TYPE);

    } else {
        rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_BITBUCKET_OLD_NAME,
                                    "old.name", &name);
        type = ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_OLD_TYPE);
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (name.data == NULL || type.data == NULL) {
        return ngx_deploy_sender_decline(payload, "a change without a ref");
    }

    if (ngx_deploy_str_is(&type, "tag")
        || ngx_deploy_str_is(&type, "annotated_tag"))
    {
        event->facts[NGX_DEPLOY_TAG] = name;

    } else if (ngx_deploy_str_is(&type, "branch")
               || ngx_deploy_str_is(&type, "named_branch")
               || ngx_deploy_str_is(&type, "bookmark"))
    {
        event->facts[NGX_DEPLOY_BRANCH] = name;
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_bitbucket_change_flags(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    event->forced = ngx_deploy_sender_flag(payload,
                                           NGX_DEPLOY_BITBUCKET_FORCED);
    event->created = ngx_deploy_sender_flag(payload,
                                            NGX_DEPLOY_BITBUCKET_CREATED);
    event->deleted = ngx_deploy_sender_flag(payload,
                                            NGX_DEPLOY_BITBUCKET_CLOSED);

    if (!ngx_deploy_sender_object(payload, NGX_DEPLOY_BITBUCKET_NEW)) {
        event->deleted = 1;
    }

    if (event->deleted == 1) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("deleted");

    } else if (event->created == 1
               || (event->created == -1
                   && !ngx_deploy_sender_object(payload,
                                                NGX_DEPLOY_BITBUCKET_OLD)))
    {
        *action = (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");
    }
}


static int
ngx_deploy_bitbucket_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    size_t               i;
    unsigned             shape;
    ngx_deploy_str_t     repo, sender;
    ngx_deploy_event_t  *event;

    shape = ngx_deploy_sender_has(payload, NGX_DEPLOY_BITBUCKET_PUSH)
                * NGX_DEPLOY_BITBUCKET_IS_PUSH
            | ngx_deploy_sender_has(payload, NGX_DEPLOY_BITBUCKET_PR)
                * NGX_DEPLOY_BITBUCKET_IS_PULL;

    if (shape != payload->kind
        || (shape == NGX_DEPLOY_BITBUCKET_IS_PUSH
            && payload->raw[NGX_DEPLOY_BITBUCKET_CHANGES].type
               != NGX_DEPLOY_SCAN_ARRAY))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_BITBUCKET_REPO,
                                "repository.full_name", &repo);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    sender = ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_NICKNAME);

    if (sender.data == NULL) {
        sender = ngx_deploy_sender_text(payload,
                                        NGX_DEPLOY_BITBUCKET_USERNAME);
    }

    if (sender.data == NULL) {
        sender = ngx_deploy_sender_text(payload,
                                        NGX_DEPLOY_BITBUCKET_DISPLAY_NAME);
    }

    if (shape != NGX_DEPLOY_BITBUCKET_IS_PUSH) {
        rc = ngx_deploy_sender_event(payload, &event);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        event->facts[NGX_DEPLOY_EVENT] = payload->word;
    }

    for (i = 0; i < payload->nevents; i++) {
        event = &payload->events[i];

        event->facts[NGX_DEPLOY_REPO] = repo;
        event->facts[NGX_DEPLOY_SENDER] = sender;

        if (shape == NGX_DEPLOY_BITBUCKET_IS_PUSH) {
            event->facts[NGX_DEPLOY_EVENT] =
                                  (ngx_deploy_str_t) ngx_deploy_string("push");
        }
    }

    if (shape == NGX_DEPLOY_BITBUCKET_IS_PULL) {
        return ngx_deploy_bitbucket_pull(payload, payload->events);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_bitbucket_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int  rc;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_BITBUCKET_PR_TARGET,
                                "pullrequest.destination.branch.name",
                                &event->facts[NGX_DEPLOY_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_BITBUCKET_PR_SOURCE,
                                "pullrequest.source.branch.name",
                                &event->facts[NGX_DEPLOY_SOURCE_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_BITBUCKET_PR_HASH,
                                "pullrequest.source.commit.hash",
                                &event->facts[NGX_DEPLOY_COMMIT]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_NUMBER] =
                 ngx_deploy_sender_number(payload, NGX_DEPLOY_BITBUCKET_PR_ID);

    event->paths_complete = 0;

    rc = ngx_deploy_bitbucket_merged(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_bitbucket_words(payload, event);

    if (ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT], "pull_request")) {
        event->facts[NGX_DEPLOY_TITLE] =
                ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_PR_TITLE);
        event->facts[NGX_DEPLOY_URL] =
                ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_PR_URL);
    }

    return NGX_DEPLOY_OK;
}


/*
 * The key decides, as documented samples of new pull requests have a merge
 * commit; but the key is not signed: the state has to allow a merge
 */

static int
ngx_deploy_bitbucket_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  state, hash;

    state = ngx_deploy_sender_text(payload, NGX_DEPLOY_BITBUCKET_PR_STATE);

    event->merged = ngx_deploy_str_is(&payload->word, "pullrequest:fulfilled");

    if (event->merged) {

        if (state.data == NULL
            || ngx_deploy_str_is(&state, "OPEN")
            || ngx_deploy_str_is(&state, "DRAFT")
            || ngx_deploy_str_is(&state, "QUEUED")
            || ngx_deploy_str_is(&state, "DECLINED")
            || ngx_deploy_str_is(&state, "SUPERSEDED"))
        {
            return ngx_deploy_sender_decline(payload,
                                             NGX_DEPLOY_SENDER_DISAGREES);
        }

    } else {
        event->merged = ngx_deploy_str_is(&state, "MERGED");
    }

    if (!event->merged) {
        return NGX_DEPLOY_OK;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_BITBUCKET_PR_MERGE_HASH,
                                "pullrequest.merge_commit.hash", &hash);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (hash.data != NULL) {
        event->facts[NGX_DEPLOY_COMMIT] = hash;
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_bitbucket_words(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  *word, *action;

    word = &event->facts[NGX_DEPLOY_EVENT];
    action = &event->facts[NGX_DEPLOY_ACTION];

    *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request");

    action->data = payload->word.data + sizeof("pullrequest:") - 1;
    action->len = payload->word.len - (sizeof("pullrequest:") - 1);

    if (ngx_deploy_str_is(action, "created")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("opened");

    } else if (ngx_deploy_str_is(action, "fulfilled")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("merged");

    } else if (ngx_deploy_str_is(action, "rejected")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("closed");

    } else if (ngx_deploy_str_starts(action, "comment_")) {
        *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request_comment");

    } else if (ngx_deploy_str_is(action, "approved")
               || ngx_deploy_str_is(action, "unapproved")
               || ngx_deploy_str_starts(action, "changes_request_"))
    {
        *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request_review");

    } else if (ngx_deploy_str_is(action, "merged")
               || ngx_deploy_str_is(action, "opened")
               || action->len == 0)
    {
        /* no words of Bitbucket's */

        *action = (ngx_deploy_str_t) ngx_deploy_null_string;
    }
}
