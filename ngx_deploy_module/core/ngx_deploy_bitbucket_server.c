
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/* Bitbucket Server and Data Center (providers.md, section 4) */

enum {
    NGX_DEPLOY_STASH_KEY = NGX_DEPLOY_SENDER_ROOT + 1,
    NGX_DEPLOY_STASH_TEST,
    NGX_DEPLOY_STASH_PROJECT,
    NGX_DEPLOY_STASH_SLUG,
    NGX_DEPLOY_STASH_ACTOR,
    NGX_DEPLOY_STASH_TO_ID,
    NGX_DEPLOY_STASH_TO_MESSAGE,
    NGX_DEPLOY_STASH_COMMIT_ID,
    NGX_DEPLOY_STASH_COMMIT_MESSAGE,
    NGX_DEPLOY_STASH_CHANGES,
    NGX_DEPLOY_STASH_CHANGE,

    /* of one change */

    NGX_DEPLOY_STASH_REF_ID,
    NGX_DEPLOY_STASH_REF_NAME,
    NGX_DEPLOY_STASH_REF_TYPE,
    NGX_DEPLOY_STASH_REFID,
    NGX_DEPLOY_STASH_FROM,
    NGX_DEPLOY_STASH_TO,
    NGX_DEPLOY_STASH_TYPE,

    NGX_DEPLOY_STASH_PR,
    NGX_DEPLOY_STASH_PR_ID,
    NGX_DEPLOY_STASH_PR_TITLE,
    NGX_DEPLOY_STASH_PR_STATE,
    NGX_DEPLOY_STASH_PR_URL,
    NGX_DEPLOY_STASH_PR_PROJECT,
    NGX_DEPLOY_STASH_PR_SLUG,
    NGX_DEPLOY_STASH_PR_TARGET,
    NGX_DEPLOY_STASH_PR_SOURCE,
    NGX_DEPLOY_STASH_PR_HASH,
    NGX_DEPLOY_STASH_PR_MERGE_HASH
};

#define NGX_DEPLOY_STASH_CHANGE_FIRST  NGX_DEPLOY_STASH_REF_ID
#define NGX_DEPLOY_STASH_CHANGE_LAST   NGX_DEPLOY_STASH_TYPE


static int ngx_deploy_stash_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_stash_change(ngx_deploy_payload_t *payload);
static int ngx_deploy_stash_change_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_stash_change_flags(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event, unsigned gone, unsigned fresh);
static int ngx_deploy_stash_finish(ngx_deploy_payload_t *payload);
static int ngx_deploy_stash_word(ngx_deploy_payload_t *payload);
static int ngx_deploy_stash_push(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *repo, const ngx_deploy_str_t *sender);
static int ngx_deploy_stash_repo(ngx_deploy_payload_t *payload,
    unsigned pull, ngx_deploy_str_t *repo);
static int ngx_deploy_stash_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_stash_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_stash_words(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


static const ngx_deploy_scan_path_t  ngx_deploy_stash_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "eventKey", NGX_DEPLOY_STASH_KEY, NGX_DEPLOY_SENDER_NAME },
    { "test", NGX_DEPLOY_STASH_TEST, NGX_DEPLOY_SENDER_NODE },
    { "repository.project.key", NGX_DEPLOY_STASH_PROJECT,
      NGX_DEPLOY_SENDER_NAME },
    { "repository.slug", NGX_DEPLOY_STASH_SLUG, NGX_DEPLOY_SENDER_NAME },
    { "actor.name", NGX_DEPLOY_STASH_ACTOR, NGX_DEPLOY_SENDER_NAME },
    { "toCommit.id", NGX_DEPLOY_STASH_TO_ID, NGX_DEPLOY_SENDER_NAME },
    { "toCommit.message", NGX_DEPLOY_STASH_TO_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },
    { "commits[].id", NGX_DEPLOY_STASH_COMMIT_ID, NGX_DEPLOY_SENDER_NAME },
    { "commits[].message", NGX_DEPLOY_STASH_COMMIT_MESSAGE,
      NGX_DEPLOY_SENDER_TEXT },

    { "changes", NGX_DEPLOY_STASH_CHANGES, NGX_DEPLOY_SENDER_NODE },
    { "changes[]", NGX_DEPLOY_STASH_CHANGE, NGX_DEPLOY_SENDER_NODE },
    { "changes[].ref.id", NGX_DEPLOY_STASH_REF_ID, NGX_DEPLOY_SENDER_NAME },
    { "changes[].ref.displayId", NGX_DEPLOY_STASH_REF_NAME,
      NGX_DEPLOY_SENDER_NAME },
    { "changes[].ref.type", NGX_DEPLOY_STASH_REF_TYPE,
      NGX_DEPLOY_SENDER_NAME },
    { "changes[].refId", NGX_DEPLOY_STASH_REFID, NGX_DEPLOY_SENDER_NAME },
    { "changes[].fromHash", NGX_DEPLOY_STASH_FROM, NGX_DEPLOY_SENDER_NAME },
    { "changes[].toHash", NGX_DEPLOY_STASH_TO, NGX_DEPLOY_SENDER_NAME },
    { "changes[].type", NGX_DEPLOY_STASH_TYPE, NGX_DEPLOY_SENDER_NAME },

    { "pullRequest", NGX_DEPLOY_STASH_PR, NGX_DEPLOY_SENDER_NODE },
    { "pullRequest.id", NGX_DEPLOY_STASH_PR_ID, NGX_DEPLOY_SENDER_NODE },
    { "pullRequest.title", NGX_DEPLOY_STASH_PR_TITLE,
      NGX_DEPLOY_SENDER_TEXT },
    { "pullRequest.state", NGX_DEPLOY_STASH_PR_STATE,
      NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.links.self[].href", NGX_DEPLOY_STASH_PR_URL,
      NGX_DEPLOY_SENDER_TEXT },
    { "pullRequest.toRef.repository.project.key",
      NGX_DEPLOY_STASH_PR_PROJECT, NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.toRef.repository.slug", NGX_DEPLOY_STASH_PR_SLUG,
      NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.toRef.displayId", NGX_DEPLOY_STASH_PR_TARGET,
      NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.fromRef.displayId", NGX_DEPLOY_STASH_PR_SOURCE,
      NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.fromRef.latestCommit", NGX_DEPLOY_STASH_PR_HASH,
      NGX_DEPLOY_SENDER_NAME },
    { "pullRequest.properties.mergeCommit.id",
      NGX_DEPLOY_STASH_PR_MERGE_HASH, NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


const ngx_deploy_sender_t  ngx_deploy_bitbucket_server = {
    ngx_deploy_string("bitbucket-server"),
    ngx_deploy_string("x-event-key"),
    ngx_deploy_null_string,
    { ngx_deploy_string("x-request-id"), ngx_deploy_null_string },
    NULL,
    NULL,
    ngx_deploy_stash_paths,
    NULL,
    NULL,                           /* may be told by the eventKey alone */
    ngx_deploy_stash_value,
    ngx_deploy_stash_finish,
    NULL
};


static int
ngx_deploy_stash_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    if (fact != NGX_DEPLOY_STASH_CHANGE) {
        return ngx_deploy_sender_keep(payload, fact, type, value);
    }

    /* a mirror's report has a list of that name, too */

    if (payload->word.data != NULL
        && !ngx_deploy_str_is(&payload->word, "repo:refs_changed"))
    {
        return NGX_DEPLOY_OK;
    }

    switch (type) {

    case NGX_DEPLOY_SCAN_OBJECT:
        ngx_deploy_sender_clear(payload, NGX_DEPLOY_STASH_CHANGE_FIRST,
                                NGX_DEPLOY_STASH_CHANGE_LAST);
        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_SCAN_OBJECT_END:
        return ngx_deploy_stash_change(payload);

    default:
        return ngx_deploy_sender_decline(payload,
                                         "changes[] is not an object");
    }
}


static int
ngx_deploy_stash_change(ngx_deploy_payload_t *payload)
{
    int                  rc;
    ngx_deploy_str_t     from, *to;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_stash_change_ref(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_STASH_FROM, "fromHash",
                                &from);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    to = &event->facts[NGX_DEPLOY_COMMIT];

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_STASH_TO, "toHash", to);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_stash_change_flags(payload, event, to->data == NULL,
                                       from.data == NULL);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (event->deleted == 1) {
        *to = (ngx_deploy_str_t) ngx_deploy_null_string;

    } else {
        event->paths_complete = 0;
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_stash_change_ref(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  ref, type;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_REF_ID, "ref.id",
                                &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ref.data == NULL) {
        rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_REFID, "refId",
                                    &ref);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    if (ref.data != NULL) {
        ngx_deploy_sender_ref(event, &ref);
        return NGX_DEPLOY_OK;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_REF_NAME,
                                "ref.displayId", &ref);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    type = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_REF_TYPE);

    if (ref.data == NULL || type.data == NULL) {
        return ngx_deploy_sender_decline(payload, "a change without a ref");
    }

    if (ngx_deploy_str_is(&type, "BRANCH")) {
        event->facts[NGX_DEPLOY_BRANCH] = ref;

    } else if (ngx_deploy_str_is(&type, "TAG")) {
        event->facts[NGX_DEPLOY_TAG] = ref;
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_stash_change_flags(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event, unsigned gone, unsigned fresh)
{
    int               rc;
    ngx_deploy_str_t  type, *action;

    action = &event->facts[NGX_DEPLOY_ACTION];

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_TYPE,
                                "the type of a change", &type);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (gone || ngx_deploy_str_is(&type, "DELETE")) {
        event->deleted = 1;
        event->created = 0;
        *action = (ngx_deploy_str_t) ngx_deploy_string("deleted");

        return NGX_DEPLOY_OK;
    }

    event->deleted = 0;

    if (ngx_deploy_str_is(&type, "ADD") || (type.data == NULL && fresh)) {
        event->created = 1;
        *action = (ngx_deploy_str_t) ngx_deploy_string("created");

    } else {
        event->created = 0;
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_stash_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    unsigned             pull;
    ngx_deploy_str_t     repo, sender;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_stash_word(payload);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    pull = ngx_deploy_str_starts(&payload->word, "pr:");

    rc = ngx_deploy_stash_repo(payload, pull, &repo);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    sender = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_ACTOR);

    if (ngx_deploy_str_is(&payload->word, "repo:refs_changed")) {
        return ngx_deploy_stash_push(payload, &repo, &sender);
    }

    /* changes were taken for a push while the key was not known */

    payload->nevents = 0;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_EVENT] = payload->word;
    event->facts[NGX_DEPLOY_REPO] = repo;
    event->facts[NGX_DEPLOY_SENDER] = sender;

    if (ngx_deploy_str_is(&payload->word, "diagnostics:ping")) {
        event->facts[NGX_DEPLOY_EVENT] =
                                  (ngx_deploy_str_t) ngx_deploy_string("ping");
    }

    if (pull) {
        return ngx_deploy_stash_pull(payload, event);
    }

    return NGX_DEPLOY_OK;
}


/*
 * The key of the header, else of the body; the header is not signed, so
 * it has to agree with the body's, and both with what is there
 */

static int
ngx_deploy_stash_word(ngx_deploy_payload_t *payload)
{
    int               rc;
    unsigned          changes, pull, ping;
    ngx_deploy_str_t  key, *word;

    word = &payload->word;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_KEY, "eventKey",
                                &key);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (word->data == NULL) {

        if (key.data == NULL) {
            return ngx_deploy_sender_decline(payload,
                                        "no X-Event-Key, no eventKey");
        }

        if (!ngx_deploy_sender_word(&key)) {
            return ngx_deploy_sender_decline(payload,
                                             "eventKey is malformed");
        }

        *word = key;

    } else if (key.data != NULL && !ngx_deploy_str_eq(word, &key)) {
        return ngx_deploy_sender_decline(payload,
                                         NGX_DEPLOY_SENDER_DISAGREES);
    }

    changes = payload->raw[NGX_DEPLOY_STASH_CHANGES].type
              == NGX_DEPLOY_SCAN_ARRAY;
    pull = ngx_deploy_sender_object(payload, NGX_DEPLOY_STASH_PR);
    ping = ngx_deploy_sender_flag(payload, NGX_DEPLOY_STASH_TEST) == 1;

    if (ngx_deploy_str_starts(word, "pr:")) {
        rc = pull && !changes;

    } else if (ngx_deploy_str_is(word, "repo:refs_changed")) {
        rc = changes && !pull;

    } else if (ngx_deploy_str_is(word, "diagnostics:ping")) {
        rc = ping && !changes && !pull;

    } else {

        /* without a key in the body nothing else tells it from a push */

        rc = !pull && (!changes || key.data != NULL);
    }

    return rc ? NGX_DEPLOY_OK
              : ngx_deploy_sender_decline(payload,
                                          NGX_DEPLOY_SENDER_DISAGREES);
}


static int
ngx_deploy_stash_push(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *repo, const ngx_deploy_str_t *sender)
{
    size_t               i;
    ngx_deploy_str_t     to, to_message, id, message;
    ngx_deploy_event_t  *event;

    to = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_TO_ID);
    to_message = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_TO_MESSAGE);
    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_COMMIT_ID);
    message = ngx_deploy_sender_text(payload,
                                     NGX_DEPLOY_STASH_COMMIT_MESSAGE);

    for (i = 0; i < payload->nevents; i++) {
        event = &payload->events[i];

        event->facts[NGX_DEPLOY_EVENT] =
                                  (ngx_deploy_str_t) ngx_deploy_string("push");
        event->facts[NGX_DEPLOY_REPO] = *repo;
        event->facts[NGX_DEPLOY_SENDER] = *sender;

        if (event->facts[NGX_DEPLOY_COMMIT].data == NULL) {
            continue;
        }

        if (ngx_deploy_str_eq(&event->facts[NGX_DEPLOY_COMMIT], &to)) {
            event->facts[NGX_DEPLOY_MESSAGE] = to_message;

        } else if (ngx_deploy_str_eq(&event->facts[NGX_DEPLOY_COMMIT], &id)) {
            event->facts[NGX_DEPLOY_MESSAGE] = message;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_stash_repo(ngx_deploy_payload_t *payload, unsigned pull,
    ngx_deploy_str_t *repo)
{
    int               rc;
    ngx_deploy_str_t  project, slug;

    rc = ngx_deploy_sender_name(payload,
                                pull ? NGX_DEPLOY_STASH_PR_PROJECT
                                     : NGX_DEPLOY_STASH_PROJECT,
                                "repository.project.key", &project);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload,
                                pull ? NGX_DEPLOY_STASH_PR_SLUG
                                     : NGX_DEPLOY_STASH_SLUG,
                                "repository.slug", &slug);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    return ngx_deploy_sender_join(payload, &project, &slug, repo);
}


static int
ngx_deploy_stash_pull(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int  rc;

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_PR_TARGET,
                                "pullRequest.toRef.displayId",
                                &event->facts[NGX_DEPLOY_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_STASH_PR_SOURCE,
                                "pullRequest.fromRef.displayId",
                                &event->facts[NGX_DEPLOY_SOURCE_BRANCH]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_STASH_PR_HASH,
                                "pullRequest.fromRef.latestCommit",
                                &event->facts[NGX_DEPLOY_COMMIT]);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    event->facts[NGX_DEPLOY_NUMBER] =
                     ngx_deploy_sender_number(payload, NGX_DEPLOY_STASH_PR_ID);

    event->paths_complete = 0;

    rc = ngx_deploy_stash_merged(payload, event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_stash_words(payload, event);

    if (ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT], "pull_request")) {
        event->facts[NGX_DEPLOY_TITLE] =
                    ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_PR_TITLE);
        event->facts[NGX_DEPLOY_URL] =
                    ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_PR_URL);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_stash_merged(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int               rc;
    ngx_deploy_str_t  state, hash;

    state = ngx_deploy_sender_text(payload, NGX_DEPLOY_STASH_PR_STATE);

    event->merged = ngx_deploy_str_is(&state, "MERGED");

    if (!event->merged) {

        if (ngx_deploy_str_is(&payload->word, "pr:merged")) {
            return ngx_deploy_sender_decline(payload,
                                             NGX_DEPLOY_SENDER_DISAGREES);
        }

        return NGX_DEPLOY_OK;
    }

    rc = ngx_deploy_sender_hash(payload, NGX_DEPLOY_STASH_PR_MERGE_HASH,
                                "pullRequest.properties.mergeCommit.id",
                                &hash);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (hash.data != NULL) {
        event->facts[NGX_DEPLOY_COMMIT] = hash;
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_stash_words(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t  *word, *action;

    word = &event->facts[NGX_DEPLOY_EVENT];
    action = &event->facts[NGX_DEPLOY_ACTION];

    *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request");

    action->data = payload->word.data + sizeof("pr:") - 1;
    action->len = payload->word.len - (sizeof("pr:") - 1);

    if (ngx_deploy_str_is(action, "from_ref_updated")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("updated");

    } else if (ngx_deploy_str_is(action, "modified")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("edited");

    } else if (ngx_deploy_str_is(action, "declined")) {
        *action = (ngx_deploy_str_t) ngx_deploy_string("closed");

    } else if (ngx_deploy_str_starts(action, "comment:")) {
        *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request_comment");

    } else if (ngx_deploy_str_starts(action, "reviewer:")) {
        *word = (ngx_deploy_str_t) ngx_deploy_string("pull_request_review");

    } else if (ngx_deploy_str_is(action, "updated") || action->len == 0) {

        /* no words of Bitbucket's */

        *action = (ngx_deploy_str_t) ngx_deploy_null_string;
    }
}
