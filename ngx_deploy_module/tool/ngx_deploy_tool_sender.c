
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_sender.h"


/* a payload that has both members (or the first alone) is of that event */

typedef struct {
    const char  *member;
    const char  *second;
    const char  *event;            /* NULL: of several events, not told */
} ngx_deploy_tool_told_t;


typedef struct {
    const char  *kind;
    const char  *hook;
} ngx_deploy_tool_hook_t;


static int ngx_deploy_tool_told(const ngx_deploy_tool_told_t *told,
    ngx_deploy_json_t *json, ngx_deploy_str_t *event);
static int ngx_deploy_tool_told_gitlab(ngx_deploy_json_t *json,
    ngx_deploy_str_t *event);
static int ngx_deploy_tool_told_bitbucket(ngx_deploy_json_t *json,
    ngx_deploy_str_t *event);
static unsigned ngx_deploy_tool_is_server(const ngx_deploy_str_t *event);


static const ngx_deploy_tool_sender_t  ngx_deploy_tool_senders[] = {

    { "github",
      { "x-github-event" }, { "x-github-delivery" }, { NULL }, NULL },

    { "gitea",
      { "x-gitea-event", "x-gitea-event-type", "x-gogs-event",
        "x-github-event" },
      { "x-gitea-delivery", "x-gogs-delivery", "x-github-delivery" },
      { "x-gogs-signature" }, "x-hub-signature-256" },

    { "forgejo",
      { "x-forgejo-event", "x-forgejo-event-type", "x-gitea-event",
        "x-gogs-event", "x-github-event" },
      { "x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery",
        "x-github-delivery" },
      { "x-gitea-signature", "x-gogs-signature" }, "x-hub-signature-256" },

    { "gogs",
      { "x-gogs-event", "x-github-event" },
      { "x-gogs-delivery", "x-github-delivery" }, { NULL }, NULL },

    { "bitbucket",
      { "x-event-key" }, { "x-request-uuid" }, { NULL }, NULL },

    { "bitbucket-server",
      { "x-event-key" }, { "x-request-id" }, { NULL }, NULL },

    { "gitlab",
      { "x-gitlab-event" }, { "x-gitlab-event-uuid", "idempotency-key" },
      { NULL }, NULL },

    { NULL, { NULL }, { NULL }, { NULL }, NULL }
};


static const ngx_deploy_tool_told_t  ngx_deploy_tool_github[] = {
    { "zen", "hook_id", "ping" },
    { "merge_group", NULL, "merge_group" },
    { "workflow_job", NULL, "workflow_job" },
    { "workflow_run", NULL, "workflow_run" },
    { "check_run", NULL, "check_run" },
    { "check_suite", NULL, "check_suite" },
    { "deployment_status", NULL, "deployment_status" },
    { "deployment", NULL, "deployment" },
    { "pull_request", "review", "pull_request_review" },
    { "pull_request", "comment", "pull_request_review_comment" },
    { "pull_request", "thread", "pull_request_review_thread" },
    { "pull_request", NULL, "pull_request" },
    { "issue", "comment", "issue_comment" },
    { "issue", NULL, "issues" },
    { "release", NULL, "release" },
    { "ref_type", "master_branch", "create" },
    { "ref_type", NULL, "delete" },
    { "ref", "commits", "push" },
    { "ref", "inputs", "workflow_dispatch" },
    { "client_payload", NULL, "repository_dispatch" },
    { "comment", NULL, "commit_comment" },
    { "forkee", NULL, "fork" },
    { "starred_at", NULL, "star" },
    { "state", "branches", "status" },
    { NULL, NULL, NULL }
};


/* reviews have several events, and not all say what became of a ref */

static const ngx_deploy_tool_told_t  ngx_deploy_tool_gitea[] = {
    { "review", NULL, NULL },
    { "issue", "comment", "issue_comment" },
    { "pull_request", NULL, "pull_request" },
    { "issue", NULL, "issues" },
    { "release", NULL, "release" },
    { "ref_type", "pusher_type", "delete" },
    { "ref_type", "sha", "create" },
    { "ref_type", "default_branch", "create" },
    { "ref_type", NULL, NULL },
    { "ref", "commits", "push" },
    { "forkee", NULL, "fork" },
    { NULL, NULL, NULL }
};


static const ngx_deploy_tool_hook_t  ngx_deploy_tool_hooks[] = {
    { "push", "Push Hook" },
    { "tag_push", "Tag Push Hook" },
    { "merge_request", "Merge Request Hook" },
    { "release", "Release Hook" },
    { "deployment", "Deployment Hook" },
    { "pipeline", "Pipeline Hook" },
    { "build", "Job Hook" },
    { "job", "Job Hook" },
    { "note", "Note Hook" },
    { "issue", "Issue Hook" },
    { "wiki_page", "Wiki Page Hook" },
    { "feature_flag", "Feature Flag Hook" },
    { NULL, NULL }
};


const ngx_deploy_tool_sender_t *
ngx_deploy_tool_sender(const char *scheme, const ngx_deploy_str_t *event)
{
    const ngx_deploy_tool_sender_t  *sender;

    if (strcmp(scheme, "bitbucket") == 0 && event
        && ngx_deploy_tool_is_server(event))
    {
        scheme = "bitbucket-server";
    }

    for (sender = ngx_deploy_tool_senders; sender->scheme; sender++) {
        if (strcmp(sender->scheme, scheme) == 0) {
            return sender;
        }
    }

    return NULL;
}


int
ngx_deploy_tool_event(const char *scheme, ngx_deploy_json_t *json,
    ngx_deploy_str_t *event, const char **reason)
{
    int  rc;

    event->len = 0;
    event->data = NULL;

    if (ngx_deploy_tool_sender(scheme, NULL) == NULL) {
        return NGX_DEPLOY_OK;
    }

    *reason = "the payload does not tell its event";

    if (json == NULL) {
        rc = NGX_DEPLOY_DECLINED;

    } else if (strcmp(scheme, "github") == 0) {
        rc = ngx_deploy_tool_told(ngx_deploy_tool_github, json, event);

    } else if (strcmp(scheme, "gitlab") == 0) {
        rc = ngx_deploy_tool_told_gitlab(json, event);

    } else if (strcmp(scheme, "bitbucket") == 0) {
        rc = ngx_deploy_tool_told_bitbucket(json, event);

    } else {
        rc = ngx_deploy_tool_told(ngx_deploy_tool_gitea, json, event);
    }

    return rc;
}


static int
ngx_deploy_tool_told(const ngx_deploy_tool_told_t *told,
    ngx_deploy_json_t *json, ngx_deploy_str_t *event)
{
    for ( /* void */ ; told->member; told++) {

        if (ngx_deploy_json_get(json, told->member) == NULL
            || (told->second
                && ngx_deploy_json_get(json, told->second) == NULL))
        {
            continue;
        }

        if (told->event == NULL) {
            return NGX_DEPLOY_DECLINED;
        }

        event->data = (u_char *) told->event;
        event->len = strlen(told->event);

        return NGX_DEPLOY_OK;
    }

    return NGX_DEPLOY_DECLINED;
}


const char *
ngx_deploy_tool_gitlab_hook(const ngx_deploy_str_t *kind)
{
    const ngx_deploy_tool_hook_t  *hook;

    for (hook = ngx_deploy_tool_hooks; hook->kind; hook++) {
        if (ngx_deploy_str_is(kind, hook->kind)) {
            return hook->hook;
        }
    }

    return NULL;
}


/* hooks of the system have an event_name, some an object_kind, too */

static int
ngx_deploy_tool_told_gitlab(ngx_deploy_json_t *json, ngx_deploy_str_t *event)
{
    const char        *hook;
    ngx_deploy_str_t   kind;

    kind = ngx_deploy_json_get_str(json, "object_kind");

    hook = kind.data ? ngx_deploy_tool_gitlab_hook(&kind)
           : ngx_deploy_json_get(json, "event_name") ? "System Hook" : NULL;

    if (hook == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    event->data = (u_char *) hook;
    event->len = strlen(hook);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_told_bitbucket(ngx_deploy_json_t *json,
    ngx_deploy_str_t *event)
{
    const char         *key;
    ngx_deploy_str_t    state;
    ngx_deploy_json_t  *pull;

    *event = ngx_deploy_json_get_str(json, "eventKey");

    if (event->len) {
        return NGX_DEPLOY_OK;
    }

    key = NULL;
    pull = ngx_deploy_json_get(json, "pullrequest");

    if (ngx_deploy_json_get(json, "push")) {
        key = "repo:push";

    } else if (pull && ngx_deploy_json_get(json, "comment")) {
        key = "pullrequest:comment_created";

    } else if (pull && ngx_deploy_json_get(json, "approval")) {
        key = "pullrequest:approved";

    } else if (pull) {
        state = ngx_deploy_json_get_str(pull, "state");

        key = ngx_deploy_str_is(&state, "MERGED") ? "pullrequest:fulfilled"
              : ngx_deploy_str_is(&state, "DECLINED") ? "pullrequest:rejected"
              : NULL;

    } else if (ngx_deploy_json_get(json, "fork")) {
        key = "repo:fork";

    } else if (ngx_deploy_json_get(json, "changes")) {
        key = "repo:refs_changed";

    } else if (ngx_deploy_json_get_bool(json, "test", 0)) {
        key = "diagnostics:ping";
    }

    if (key == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    event->data = (u_char *) key;
    event->len = strlen(key);

    return NGX_DEPLOY_OK;
}


/* keys that Bitbucket Cloud has not */

static unsigned
ngx_deploy_tool_is_server(const ngx_deploy_str_t *event)
{
    return ngx_deploy_str_starts(event, "pr:")
           || ngx_deploy_str_starts(event, "mirror:")
           || ngx_deploy_str_starts(event, "diagnostics:")
           || ngx_deploy_str_starts(event, "project:")
           || ngx_deploy_str_is(event, "repo:refs_changed")
           || ngx_deploy_str_is(event, "repo:modified")
           || ngx_deploy_str_is(event, "repo:forked");
}


u_char *
ngx_deploy_tool_form(u_char *p, const ngx_deploy_str_t *name,
    const ngx_deploy_str_t *value)
{
    u_char                   c;
    size_t                   i, n;
    const ngx_deploy_str_t  *s;

    static const u_char  hex[] = "0123456789ABCDEF";

    for (n = 0; n < 2; n++) {
        s = n ? value : name;

        for (i = 0; i < s->len; i++) {
            c = s->data[i];

            if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a'
                                           && (c | 0x20) <= 'z')
                || c == '-' || c == '.' || c == '_' || c == '*')
            {
                *p++ = c;

            } else if (c == ' ') {
                *p++ = '+';

            } else {
                *p++ = '%';
                *p++ = hex[c >> 4];
                *p++ = hex[c & 0xf];
            }
        }

        if (n == 0) {
            *p++ = '=';
        }
    }

    return p;
}
