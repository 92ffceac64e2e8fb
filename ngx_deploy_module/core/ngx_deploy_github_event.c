
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_github.h"


static void ngx_deploy_github_push_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_github_pull_action(ngx_deploy_event_t *event);


int
ngx_deploy_github_push(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref, before, after, head;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_REF, "ref", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_BEFORE, "before",
                                &before);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_AFTER, "after",
                                &after);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_HEAD_ID,
                                "head_commit.id", &head);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_ref(event, &ref);

    if (ngx_deploy_github_itself(payload)) {
        event->created = ngx_deploy_sender_flag(payload,
                                                NGX_DEPLOY_GITHUB_CREATED);
        event->deleted = ngx_deploy_sender_flag(payload,
                                                NGX_DEPLOY_GITHUB_DELETED);
        event->forced = ngx_deploy_sender_flag(payload,
                                               NGX_DEPLOY_GITHUB_FORCED);

    } else {

        /* the zeros tell, and nobody of a forced push */

        event->created = (before.data == NULL);
        event->deleted = 0;
    }

    /* without a commit afterwards nothing is left to build */

    if (after.data == NULL) {
        event->deleted = 1;
    }

    if (event->deleted == 1) {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("deleted");
        return NGX_DEPLOY_OK;
    }

    if (event->created == 1
        || (event->created == -1 && before.data == NULL))
    {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("updated");
    }

    /* of an annotated tag "after" is the tag object */

    event->facts[NGX_DEPLOY_COMMIT] = (head.data != NULL) ? head : after;

    event->facts[NGX_DEPLOY_MESSAGE] =
               ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_HEAD_MESSAGE);
    event->facts[NGX_DEPLOY_TITLE] =
               ngx_deploy_sender_line(&event->facts[NGX_DEPLOY_MESSAGE]);
    event->facts[NGX_DEPLOY_URL] =
               ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_HEAD_URL);

    ngx_deploy_github_push_paths(payload, event);

    return NGX_DEPLOY_OK;
}


/*
 * The list is what changed only when it has all commits, with their three
 * lists, and when none went away, as a forced push makes them.  GitHub always
 * tells of force; who does not is Gitea, whose signature is GitHub's, too: it
 * cuts the commits to a few and in newer releases tells how many there were;
 * of a new branch it looks at ten at most.
 */

static void
ngx_deploy_github_push_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               complete;
    ngx_deploy_str_t  total;

    ngx_deploy_sender_paths(payload, event);

    if (ngx_deploy_github_itself(payload)) {
        complete = (payload->commits < NGX_DEPLOY_GITHUB_MAX_COMMITS
                    && event->forced == 0);

    } else {
        total = ngx_deploy_sender_number(payload, NGX_DEPLOY_GITHUB_TOTAL);

        complete = (total.data != NULL
                    && ngx_deploy_atoi64(total.data, total.len)
                       <= (int64_t) payload->commits
                    && event->created == 0);
    }

    event->paths_complete = (complete
                             && payload->commits > 0
                             && payload->lists == payload->commits * 3
                             && !payload->set.truncated);
}


int
ngx_deploy_github_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  merge, *commit, *number;

    commit = &event->facts[NGX_DEPLOY_COMMIT];
    number = &event->facts[NGX_DEPLOY_NUMBER];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_PR_BASE,
                                "pull_request.base.ref",
                                &event->facts[NGX_DEPLOY_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_PR_HEAD,
                                "pull_request.head.ref",
                                &event->facts[NGX_DEPLOY_SOURCE_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_PR_SHA,
                                "pull_request.head.sha", commit);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->paths_complete = 0;
    event->merged = ngx_deploy_sender_flag(payload,
                                           NGX_DEPLOY_GITHUB_PR_MERGED);

    *number = ngx_deploy_sender_number(payload, NGX_DEPLOY_GITHUB_NUMBER);

    if (number->data == NULL) {
        *number = ngx_deploy_sender_number(payload,
                                           NGX_DEPLOY_GITHUB_PR_NUMBER);
    }

    /* before the merge this is a test merge, or stale */

    if (event->merged == 1) {
        rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_PR_MERGE_SHA,
                                    "pull_request.merge_commit_sha", &merge);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        if (merge.data != NULL) {
            *commit = merge;
        }
    }

    if (!ngx_deploy_str_is(&payload->word, "pull_request")) {
        return NGX_DEPLOY_OK;
    }

    if (event->merged == -1) {
        event->merged = 0;
    }

    event->facts[NGX_DEPLOY_TITLE] =
                   ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_PR_TITLE);
    event->facts[NGX_DEPLOY_URL] =
                   ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_PR_URL);

    ngx_deploy_github_pull_action(event);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_github_pull_action(ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    if (ngx_deploy_str_is(action, "synchronize")
        || ngx_deploy_str_is(action, "synchronized"))
    {
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");

    } else if (ngx_deploy_str_is(action, "closed") && event->merged == 1) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("merged");

    } else if (ngx_deploy_str_is(action, "merged")) {

        /* nobody's word: it must not pass for a merge */

        *action = (ngx_deploy_str_t) ngx_deploy_null_string;
    }
}


/* create and delete: the ref has no prefix, but in some releases of Gogs */

int
ngx_deploy_github_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref, type;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_REF, "ref", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_REF_TYPE,
                                "ref_type", &type);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (!ngx_deploy_github_itself(payload)
        && ngx_deploy_str_starts(&ref, "refs/"))
    {
        ngx_deploy_sender_ref(event, &ref);

    } else if (ngx_deploy_str_is(&type, "branch")) {
        event->facts[NGX_DEPLOY_BRANCH] = ref;

    } else if (ngx_deploy_str_is(&type, "tag")) {
        event->facts[NGX_DEPLOY_TAG] = ref;
    }

    event->created = ngx_deploy_str_is(&payload->word, "create");
    event->deleted = !event->created;

    if (event->created) {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        event->facts[NGX_DEPLOY_ACTION] =
                               (ngx_deploy_str_t) ngx_deploy_string("deleted");
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_SHA, "sha",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


int
ngx_deploy_github_release(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    event->facts[NGX_DEPLOY_MESSAGE] =
               ngx_deploy_sender_text(payload, NGX_DEPLOY_GITHUB_RELEASE_BODY);

    return ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_RELEASE_TAG,
                                  "release.tag_name",
                                  &event->facts[NGX_DEPLOY_TAG]);
}


int
ngx_deploy_github_ping(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    (void) payload;

    event->facts[NGX_DEPLOY_ACTION] =
                                     (ngx_deploy_str_t) ngx_deploy_null_string;

    return NGX_DEPLOY_OK;
}


/* the ref is a branch, a tag or the hash itself */

int
ngx_deploy_github_deployment(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    u_char            hash[32];
    ngx_deploy_str_t  ref;

    if (ngx_deploy_str_is(&payload->word, "deployment")
        && ngx_deploy_sender_has(payload, NGX_DEPLOY_GITHUB_DEPLOYMENT_STATUS))
    {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_DEPLOYMENT_REF,
                                "deployment.ref", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ref.data != NULL
        && ngx_deploy_hex_decode(hash, 20, ref.data, ref.len) != NGX_DEPLOY_OK
        && ngx_deploy_hex_decode(hash, 32, ref.data, ref.len) != NGX_DEPLOY_OK)
    {
        event->facts[NGX_DEPLOY_BRANCH] = ref;
    }

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_DEPLOYMENT_SHA,
                                  "deployment.sha",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}


int
ngx_deploy_github_group(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_GITHUB_GROUP_REF,
                                "merge_group.base_ref", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_ref(event, &ref);

    event->paths_complete = 0;

    return ngx_deploy_sender_hash(payload, NGX_DEPLOY_GITHUB_GROUP_SHA,
                                  "merge_group.head_sha",
                                  &event->facts[NGX_DEPLOY_COMMIT]);
}
