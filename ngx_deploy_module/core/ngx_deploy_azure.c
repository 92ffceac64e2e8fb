
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/* service hooks of Azure DevOps (providers.md, section 7) */

enum {
    NGX_DEPLOY_AZURE_ID = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_AZURE_TYPE,
    NGX_DEPLOY_AZURE_PUBLISHER,

    NGX_DEPLOY_AZURE_PROJECT,
    NGX_DEPLOY_AZURE_REPO,

    NGX_DEPLOY_AZURE_PUSHED_BY,
    NGX_DEPLOY_AZURE_PUSHED_BY_NAME,
    NGX_DEPLOY_AZURE_COMMIT,
    NGX_DEPLOY_AZURE_COMMIT_ID,
    NGX_DEPLOY_AZURE_COMMENT,
    NGX_DEPLOY_AZURE_UPDATES,
    NGX_DEPLOY_AZURE_UPDATE,

    /* of one ref */

    NGX_DEPLOY_AZURE_REF,
    NGX_DEPLOY_AZURE_OLD,
    NGX_DEPLOY_AZURE_NEW,

    NGX_DEPLOY_AZURE_PR_ID,
    NGX_DEPLOY_AZURE_PR_STATUS,
    NGX_DEPLOY_AZURE_PR_MERGE_STATUS,
    NGX_DEPLOY_AZURE_PR_TITLE,
    NGX_DEPLOY_AZURE_PR_URL,
    NGX_DEPLOY_AZURE_PR_TARGET,
    NGX_DEPLOY_AZURE_PR_SOURCE,
    NGX_DEPLOY_AZURE_PR_HASH,
    NGX_DEPLOY_AZURE_PR_MERGE_HASH,
    NGX_DEPLOY_AZURE_CREATED_BY,
    NGX_DEPLOY_AZURE_CREATED_BY_NAME,
    NGX_DEPLOY_AZURE_CLOSED_BY,
    NGX_DEPLOY_AZURE_CLOSED_BY_NAME
};


static unsigned ngx_deploy_azure_claims(ngx_deploy_payload_t *payload);
static int ngx_deploy_azure_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_azure_update(ngx_deploy_payload_t *payload);
static int ngx_deploy_azure_finish(ngx_deploy_payload_t *payload);
static void ngx_deploy_azure_push(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_azure_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_azure_pull_refs(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_azure_pull_action(ngx_deploy_event_t *event,
    const ngx_deploy_str_t *type, const ngx_deploy_str_t *status);
static ngx_deploy_str_t ngx_deploy_azure_user(ngx_deploy_payload_t *payload,
    unsigned fact);


static const ngx_deploy_scan_path_t  ngx_deploy_azure_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "id", NGX_DEPLOY_AZURE_ID, NGX_DEPLOY_SENDER_NAME },
    { "eventType", NGX_DEPLOY_AZURE_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "publisherId", NGX_DEPLOY_AZURE_PUBLISHER, NGX_DEPLOY_SENDER_NAME },

    { "resource.repository.project.name", NGX_DEPLOY_AZURE_PROJECT,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.repository.name", NGX_DEPLOY_AZURE_REPO,
      NGX_DEPLOY_SENDER_NAME },

    { "resource.pushedBy.uniqueName", NGX_DEPLOY_AZURE_PUSHED_BY,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.pushedBy.displayName", NGX_DEPLOY_AZURE_PUSHED_BY_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.commits[]", NGX_DEPLOY_AZURE_COMMIT, NGX_DEPLOY_SENDER_NODE },
    { "resource.commits[].commitId", NGX_DEPLOY_AZURE_COMMIT_ID,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.commits[].comment", NGX_DEPLOY_AZURE_COMMENT,
      NGX_DEPLOY_SENDER_TEXT },
    { "resource.refUpdates", NGX_DEPLOY_AZURE_UPDATES,
      NGX_DEPLOY_SENDER_NODE },
    { "resource.refUpdates[]", NGX_DEPLOY_AZURE_UPDATE,
      NGX_DEPLOY_SENDER_NODE },
    { "resource.refUpdates[].name", NGX_DEPLOY_AZURE_REF,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.refUpdates[].oldObjectId", NGX_DEPLOY_AZURE_OLD,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.refUpdates[].newObjectId", NGX_DEPLOY_AZURE_NEW,
      NGX_DEPLOY_SENDER_NAME },

    { "resource.pullRequestId", NGX_DEPLOY_AZURE_PR_ID,
      NGX_DEPLOY_SENDER_NODE },
    { "resource.status", NGX_DEPLOY_AZURE_PR_STATUS, NGX_DEPLOY_SENDER_NAME },
    { "resource.mergeStatus", NGX_DEPLOY_AZURE_PR_MERGE_STATUS,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.title", NGX_DEPLOY_AZURE_PR_TITLE, NGX_DEPLOY_SENDER_TEXT },
    { "resource._links.web.href", NGX_DEPLOY_AZURE_PR_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "resource.targetRefName", NGX_DEPLOY_AZURE_PR_TARGET,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.sourceRefName", NGX_DEPLOY_AZURE_PR_SOURCE,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.lastMergeSourceCommit.commitId", NGX_DEPLOY_AZURE_PR_HASH,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.lastMergeCommit.commitId", NGX_DEPLOY_AZURE_PR_MERGE_HASH,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.createdBy.uniqueName", NGX_DEPLOY_AZURE_CREATED_BY,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.createdBy.displayName", NGX_DEPLOY_AZURE_CREATED_BY_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.closedBy.uniqueName", NGX_DEPLOY_AZURE_CLOSED_BY,
      NGX_DEPLOY_SENDER_NAME },
    { "resource.closedBy.displayName", NGX_DEPLOY_AZURE_CLOSED_BY_NAME,
      NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_azure = {
    ngx_deploy_string("azure-devops"),
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    { ngx_deploy_null_string, ngx_deploy_null_string },
    NULL,
    NULL,
    ngx_deploy_azure_paths,
    NULL,
    NULL,
    ngx_deploy_azure_value,
    ngx_deploy_azure_finish,
    ngx_deploy_azure_claims
};


static unsigned
ngx_deploy_azure_claims(ngx_deploy_payload_t *payload)
{
    return ngx_deploy_sender_has(payload, NGX_DEPLOY_AZURE_TYPE)
           && ngx_deploy_sender_has(payload, NGX_DEPLOY_AZURE_PUBLISHER);
}


static int
ngx_deploy_azure_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    switch (fact) {

    case NGX_DEPLOY_AZURE_COMMIT:
        if (type != NGX_DEPLOY_SCAN_OBJECT_END) {
            payload->commits++;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_AZURE_COMMIT_ID:
    case NGX_DEPLOY_AZURE_COMMENT:
        if (payload->commits > 1) {
            return NGX_DEPLOY_OK;
        }

        break;

    case NGX_DEPLOY_AZURE_UPDATE:
        switch (type) {

        case NGX_DEPLOY_SCAN_OBJECT:
            ngx_deploy_sender_clear(payload, NGX_DEPLOY_AZURE_REF,
                                    NGX_DEPLOY_AZURE_NEW);
            return NGX_DEPLOY_OK;

        case NGX_DEPLOY_SCAN_OBJECT_END:
            return ngx_deploy_azure_update(payload);

        default:
            return ngx_deploy_sender_decline(payload,
                                    "resource.refUpdates[] is not an object");
        }
    }

    return ngx_deploy_sender_keep(payload, fact, type, value);
}


static int
ngx_deploy_azure_update(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_str_t     ref, old, *action;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AZURE_REF,
                                "refUpdates[].name", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_AZURE_OLD,
                                "refUpdates[].oldObjectId", &old);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_AZURE_NEW,
                                "refUpdates[].newObjectId",
                                &event->facts[NGX_DEPLOY_COMMIT]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_ref(event, &ref);

    event->created = (old.data == NULL);
    event->deleted = (event->facts[NGX_DEPLOY_COMMIT].data == NULL);

    action = &event->facts[NGX_DEPLOY_ACTION];

    if (event->deleted) {
        event->created = 0;
        *action = (ngx_deploy_str_t) ngx_deploy_string("deleted");
        return NGX_DEPLOY_OK;
    }

    event->paths_complete = 0;

    if (event->created) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_azure_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    size_t               i;
    unsigned             push, pull;
    ngx_deploy_str_t     id, type, name, project, repo;
    ngx_deploy_event_t  *event;

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_ID);

    if (ngx_deploy_sender_delivery(payload, &id) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AZURE_TYPE, "eventType",
                                &type);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    push = ngx_deploy_str_is(&type, "git.push");

    pull = ngx_deploy_str_is(&type, "git.pullrequest.created")
           || ngx_deploy_str_is(&type, "git.pullrequest.updated")
           || ngx_deploy_str_is(&type, "git.pullrequest.merged");

    if (push) {
        type = (ngx_deploy_str_t) ngx_deploy_string("push");

    } else {
        payload->nevents = 0;
    }

    /* a hook may be set to leave out what happened: nothing can be built */

    if (!push
        || payload->raw[NGX_DEPLOY_AZURE_UPDATES].type
           != NGX_DEPLOY_SCAN_ARRAY)
    {
        rc = ngx_deploy_sender_event(payload, &event);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    name = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_REPO);
    project = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_PROJECT);

    rc = ngx_deploy_sender_join(payload, &project, &name, &repo);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    for (i = 0; i < payload->nevents; i++) {
        event = &payload->events[i];

        event->facts[NGX_DEPLOY_EVENT] = type;
        event->facts[NGX_DEPLOY_REPO] = repo;

        if (push) {
            ngx_deploy_azure_push(payload, event);
        }
    }

    return pull ? ngx_deploy_azure_pull(payload, payload->events)
                : NGX_DEPLOY_OK;
}


/* the commits are those of all refs: the first is of the ref it is head of */

static void
ngx_deploy_azure_push(ngx_deploy_payload_t *payload, ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  id;

    event->facts[NGX_DEPLOY_SENDER] =
                    ngx_deploy_azure_user(payload, NGX_DEPLOY_AZURE_PUSHED_BY);

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_COMMIT_ID);

    if (id.data != NULL
        && ngx_deploy_str_eq(&id, &event->facts[NGX_DEPLOY_COMMIT]))
    {
        event->facts[NGX_DEPLOY_MESSAGE] =
                     ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_COMMENT);
    }
}


static int
ngx_deploy_azure_pull(ngx_deploy_payload_t *payload, ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   type, status, merge, *sender;

    type = event->facts[NGX_DEPLOY_EVENT];
    status = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_PR_STATUS);
    merge = ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_PR_MERGE_STATUS);

    event->merged = ngx_deploy_str_is(&status, "completed")
                    && ngx_deploy_str_is(&merge, "succeeded");
    event->paths_complete = 0;

    ngx_deploy_azure_pull_action(event, &type, &status);

    rc = ngx_deploy_azure_pull_refs(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    sender = &event->facts[NGX_DEPLOY_SENDER];
    *sender = ngx_deploy_azure_user(payload, NGX_DEPLOY_AZURE_CLOSED_BY);

    if (sender->data == NULL) {
        *sender = ngx_deploy_azure_user(payload, NGX_DEPLOY_AZURE_CREATED_BY);
    }

    event->facts[NGX_DEPLOY_EVENT] =
                          (ngx_deploy_str_t) ngx_deploy_string("pull_request");
    event->facts[NGX_DEPLOY_NUMBER] =
                     ngx_deploy_sender_number(payload, NGX_DEPLOY_AZURE_PR_ID);
    event->facts[NGX_DEPLOY_TITLE] =
                    ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_PR_TITLE);
    event->facts[NGX_DEPLOY_URL] =
                    ngx_deploy_sender_text(payload, NGX_DEPLOY_AZURE_PR_URL);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_azure_pull_refs(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref, merge, *commit, *branch, *source;

    commit = &event->facts[NGX_DEPLOY_COMMIT];
    branch = &event->facts[NGX_DEPLOY_BRANCH];
    source = &event->facts[NGX_DEPLOY_SOURCE_BRANCH];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AZURE_PR_SOURCE,
                                "resource.sourceRefName", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_ref(event, &ref);

    *source = *branch;
    *branch = (ngx_deploy_str_t) ngx_deploy_null_string;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_AZURE_PR_TARGET,
                                "resource.targetRefName", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_sender_ref(event, &ref);

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_AZURE_PR_HASH,
                                "resource.lastMergeSourceCommit.commitId",
                                commit);
    if (rc != NGX_DEPLOY_OK || event->merged == 0) {
        return rc;
    }

    /* while it is open this is a test merge */

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_AZURE_PR_MERGE_HASH,
                                "resource.lastMergeCommit.commitId", &merge);

    if (rc == NGX_DEPLOY_OK && merge.data != NULL) {
        *commit = merge;
    }

    return rc;
}


/*
 * "Merged" comes for each merge that was tried, the test merges of an open
 * pull request too.  When one is completed, both "merged" and "updated" come:
 * only the first is the merge, the other keeps the word of its status.
 */

static void
ngx_deploy_azure_pull_action(ngx_deploy_event_t *event,
    const ngx_deploy_str_t *type, const ngx_deploy_str_t *status)
{
    ngx_deploy_str_t  *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    if (ngx_deploy_str_is(type, "git.pullrequest.merged")) {

        if (event->merged) {
            *action = (ngx_deploy_str_t) ngx_deploy_string("merged");
        }

    } else if (ngx_deploy_str_is(status, "active")) {

        if (ngx_deploy_str_is(type, "git.pullrequest.created")) {
            *action = (ngx_deploy_str_t) ngx_deploy_string("opened");

        } else {
            *action = (ngx_deploy_str_t) ngx_deploy_string("updated");
        }

    } else if (ngx_deploy_str_is(status, "abandoned")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("closed");

    } else if (ngx_deploy_str_is(status, "completed")) {
        *action = *status;
    }
}


/* the name to log in with, else that for people, which is the next fact */

static ngx_deploy_str_t
ngx_deploy_azure_user(ngx_deploy_payload_t *payload, unsigned fact)
{
    ngx_deploy_str_t  user;

    user = ngx_deploy_sender_text(payload, fact);

    return user.data ? user : ngx_deploy_sender_text(payload, fact + 1);
}
