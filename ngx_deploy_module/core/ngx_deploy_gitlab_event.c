
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_gitlab.h"


static void ngx_deploy_gitlab_push_commit(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_gitlab_push_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_gitlab_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_gitlab_merge_commit(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_gitlab_action(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_event_t *event);
static int ngx_deploy_gitlab_ref(ngx_deploy_payload_t *payload, unsigned fact,
    unsigned tag, ngx_deploy_event_t *event);


int
ngx_deploy_gitlab_push(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref, before, after, checkout, *commit;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITLAB_REF, "ref", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_BEFORE, "before",
                                &before);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_AFTER, "after",
                                &after);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_CHECKOUT,
                                "checkout_sha", &checkout);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ref.data == NULL
        || !ngx_deploy_sender_has(payload, NGX_DEPLOY_GITLAB_BEFORE)
        || !ngx_deploy_sender_has(payload, NGX_DEPLOY_GITLAB_AFTER))
    {
        /* a custom template */

        return NGX_DEPLOY_OK;
    }

    ngx_deploy_sender_ref(event, &ref);

    event->created = (before.data == NULL);
    event->deleted = (after.data == NULL);

    if (event->deleted) {
        event->created = 0;
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("deleted");
        return NGX_DEPLOY_OK;
    }

    if (event->created) {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("updated");
    }

    /* of an annotated tag "after" is the tag object */

    commit = &event->facts[NGX_DEPLOY_COMMIT];
    *commit = (checkout.data != NULL) ? checkout : after;

    ngx_deploy_gitlab_push_commit(payload, event);
    ngx_deploy_gitlab_push_paths(payload, event);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_gitlab_push_commit(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  id, text, *message;

    message = &event->facts[NGX_DEPLOY_MESSAGE];

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_COMMIT_ID);

    if (id.data != NULL
        && ngx_deploy_str_eq(&id, &event->facts[NGX_DEPLOY_COMMIT]))
    {
        *message = ngx_deploy_sender_text(payload,
                                          NGX_DEPLOY_GITLAB_COMMIT_MESSAGE);
        event->facts[NGX_DEPLOY_TITLE] = ngx_deploy_sender_line(message);
        event->facts[NGX_DEPLOY_URL] =
                 ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_COMMIT_URL);
    }

    /* of an annotated tag */

    text = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_MESSAGE);

    if (text.data != NULL) {
        *message = text;
    }
}


/*
 * The newest twenty commits are listed, their number is told.  Of a tag it is
 * the one commit, of a new branch what the default branch has not: neither is
 * what changed.
 */

static void
ngx_deploy_gitlab_push_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  total;

    ngx_deploy_sender_paths(payload, event);

    total = ngx_deploy_sender_number(payload, NGX_DEPLOY_GITLAB_TOTAL);

    event->paths_complete = (event->facts[NGX_DEPLOY_BRANCH].data != NULL
                             && !event->created
                             && payload->commits > 0
                             && total.data != NULL
                             && ngx_deploy_atoi64(total.data, total.len)
                                == (int64_t) payload->commits
                             && payload->lists == payload->commits * 3
                             && !payload->set.truncated);
}


int
ngx_deploy_gitlab_merge_request(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int  rc;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITLAB_ATTR_TARGET,
                                "object_attributes.target_branch",
                                &event->facts[NGX_DEPLOY_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITLAB_ATTR_SOURCE,
                                "object_attributes.source_branch",
                                &event->facts[NGX_DEPLOY_SOURCE_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_ATTR_COMMIT,
                                "object_attributes.last_commit.id",
                                &event->facts[NGX_DEPLOY_COMMIT]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->paths_complete = 0;

    event->facts[NGX_DEPLOY_NUMBER] =
                ngx_deploy_sender_number(payload, NGX_DEPLOY_GITLAB_ATTR_IID);
    event->facts[NGX_DEPLOY_TITLE] =
                ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_ATTR_TITLE);
    event->facts[NGX_DEPLOY_URL] =
                ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_ATTR_URL);
    event->facts[NGX_DEPLOY_MESSAGE] =
              ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_ATTR_MESSAGE);

    return ngx_deploy_gitlab_merged(payload, event);
}


/* the state disagrees at times: it counts where the action says nothing */

static int
ngx_deploy_gitlab_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   sent, state, *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    rc = ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_ATTR_ACTION,
                                  event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    sent = *action;
    event->merged = 0;

    if (ngx_deploy_str_is(&sent, "merge")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("merged");
        event->merged = 1;

    } else if (ngx_deploy_str_is(&sent, "open")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("opened");

    } else if (ngx_deploy_str_is(&sent, "reopen")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("reopened");

    } else if (ngx_deploy_str_is(&sent, "close")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("closed");

    } else {
        state = ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_ATTR_STATE);
        event->merged = ngx_deploy_str_is(&state, "merged");
    }

    if (ngx_deploy_str_is(&sent, "update")) {

        /* new commits, or only the title, the labels, ... */

        if (ngx_deploy_sender_has(payload, NGX_DEPLOY_GITLAB_ATTR_OLDREV)) {
            *action = (ngx_deploy_str_t) ngx_deploy_string("updated");

        } else {
            *action = (ngx_deploy_str_t) ngx_deploy_string("edited");
        }
    }

    return event->merged ? ngx_deploy_gitlab_merge_commit(payload, event)
                         : NGX_DEPLOY_OK;
}


/* a fast-forward makes no commit: the last one of the source is the head */

static int
ngx_deploy_gitlab_merge_commit(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  merge, squash;

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_ATTR_MERGE_SHA,
                                "object_attributes.merge_commit_sha", &merge);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_ATTR_SQUASH_SHA,
                                "object_attributes.squash_commit_sha",
                                &squash);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (merge.data != NULL) {
        event->facts[NGX_DEPLOY_COMMIT] = merge;

    } else if (squash.data != NULL) {
        event->facts[NGX_DEPLOY_COMMIT] = squash;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_gitlab_release(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   sent, *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    rc = ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_ACTION, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    sent = *action;

    if (ngx_deploy_str_is(&sent, "create")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("created");

    } else if (ngx_deploy_str_is(&sent, "update")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");

    } else if (ngx_deploy_str_is(&sent, "delete")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("deleted");
    }

    event->facts[NGX_DEPLOY_MESSAGE] =
               ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_DESCRIPTION);

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITLAB_TAG, "tag",
                                &event->facts[NGX_DEPLOY_TAG]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_RELEASE_COMMIT,
                                  "commit.id",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


/* the hash is told whole only as the end of a URL */

int
ngx_deploy_gitlab_deployment(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    size_t             n;
    u_char             hash[32];
    ngx_deploy_str_t  *commit;

    rc = ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_STATUS, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_gitlab_ref(payload, NGX_DEPLOY_GITLAB_REF, 0, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_MESSAGE] =
           ngx_deploy_sender_text(payload, NGX_DEPLOY_GITLAB_DEPLOYMENT_TITLE);

    commit = &event->facts[NGX_DEPLOY_COMMIT];

    *commit = ngx_deploy_sender_text(payload,
                                     NGX_DEPLOY_GITLAB_DEPLOYMENT_URL);

    for (n = commit->len; n && commit->data[n - 1] != '/'; n--) { /* void */ }

    if (n) {
        commit->data += n;
        commit->len -= n;
    }

    if (ngx_deploy_hex_decode(hash, 20, commit->data, commit->len)
        == NGX_DEPLOY_OK
        || ngx_deploy_hex_decode(hash, 32, commit->data, commit->len)
           == NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_SHORT_SHA,
                                  "short_sha", commit);
}


int
ngx_deploy_gitlab_pipeline(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int  rc, tag;

    rc = ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_ATTR_STATUS,
                                  event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    tag = ngx_deploy_sender_flag(payload, NGX_DEPLOY_GITLAB_ATTR_TAG);

    rc = ngx_deploy_gitlab_ref(payload, NGX_DEPLOY_GITLAB_ATTR_REF, tag == 1,
                               event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_ATTR_SHA,
                                  "object_attributes.sha",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


int
ngx_deploy_gitlab_build(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int  rc, tag;

    rc = ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_BUILD_STATUS,
                                  event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    tag = ngx_deploy_sender_flag(payload, NGX_DEPLOY_GITLAB_TAG);

    rc = ngx_deploy_gitlab_ref(payload, NGX_DEPLOY_GITLAB_REF, tag == 1,
                               event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITLAB_SHA, "sha",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


int
ngx_deploy_gitlab_note(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    return ngx_deploy_gitlab_action(payload, NGX_DEPLOY_GITLAB_ATTR_ACTION,
                                    event);
}


/* the word as sent; not one of ours, which must not pass for theirs */

static int
ngx_deploy_gitlab_action(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t  *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    rc = ngx_deploy_sender_name(payload, fact, "the action", action);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ngx_deploy_str_is(action, "merged")
        || ngx_deploy_str_is(action, "opened")
        || ngx_deploy_str_is(action, "reopened")
        || ngx_deploy_str_is(action, "updated")
        || ngx_deploy_str_is(action, "published")
        || (ngx_deploy_str_is(action, "created")
            && fact == NGX_DEPLOY_GITLAB_ACTION))
    {
        *action = (ngx_deploy_str_t) ngx_deploy_null_string;
    }

    return NGX_DEPLOY_OK;
}


/* a bare name */

static int
ngx_deploy_gitlab_ref(ngx_deploy_payload_t *payload, unsigned fact,
    unsigned tag, ngx_deploy_event_t *event)
{
    return ngx_deploy_sender_name(payload, fact, "ref",
                                  &event->facts[tag ? NGX_DEPLOY_TAG
                                                    : NGX_DEPLOY_BRANCH]);
}
