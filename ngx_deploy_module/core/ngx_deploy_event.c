
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_event.h"


#define NGX_DEPLOY_EVENT_MAX_PATHS  1000      /* in an answer */


typedef struct {
    ngx_deploy_str_t      word;
    unsigned              on;
} ngx_deploy_on_t;


static unsigned ngx_deploy_event_on_push(const ngx_deploy_event_t *event);
static unsigned ngx_deploy_event_by(const ngx_deploy_event_t *event,
    const char *const *provider);
static unsigned ngx_deploy_event_on_command(const ngx_deploy_event_t *event);
static void ngx_deploy_event_json_flag(ngx_deploy_json_out_t *out,
    const char *key, int flag);
static void ngx_deploy_event_json_paths(ngx_deploy_json_out_t *out,
    const ngx_deploy_event_t *event);


static const ngx_deploy_str_t  ngx_deploy_fact_names[NGX_DEPLOY_FACTS] = {
    ngx_deploy_string("provider"),
    ngx_deploy_string("event"),
    ngx_deploy_string("action"),
    ngx_deploy_string("repo"),
    ngx_deploy_string("branch"),
    ngx_deploy_string("source_branch"),
    ngx_deploy_string("tag"),
    ngx_deploy_string("commit"),
    ngx_deploy_string("sender"),
    ngx_deploy_string("number"),
    ngx_deploy_string("title"),
    ngx_deploy_string("url"),
    ngx_deploy_string("message"),
    ngx_deploy_string("command"),
    ngx_deploy_string("target"),
    ngx_deploy_string("text"),
    ngx_deploy_string("user"),
    ngx_deploy_string("channel"),
    ngx_deploy_string("team"),
    ngx_deploy_string("project"),
    ngx_deploy_string("status"),
    ngx_deploy_string("phase"),
    ngx_deploy_string("build_id")
};


/* in the order in which an event is best described */

static const ngx_deploy_on_t  ngx_deploy_ons[] = {
    { ngx_deploy_string("merge"), NGX_DEPLOY_ON_MERGE },
    { ngx_deploy_string("push"), NGX_DEPLOY_ON_PUSH },
    { ngx_deploy_string("tag"), NGX_DEPLOY_ON_TAG },
    { ngx_deploy_string("release"), NGX_DEPLOY_ON_RELEASE },
    { ngx_deploy_string("pull_request"), NGX_DEPLOY_ON_PULL_REQUEST },
    { ngx_deploy_string("delete"), NGX_DEPLOY_ON_DELETE },
    { ngx_deploy_string("command"), NGX_DEPLOY_ON_COMMAND },
    { ngx_deploy_string("build"), NGX_DEPLOY_ON_BUILD },
    { ngx_deploy_string("any"), NGX_DEPLOY_ON_ANY },
    { ngx_deploy_null_string, 0 }
};


/* these tell of a deleted ref by a push only */

static const char *const  ngx_deploy_deleting_pushers[] = {
    "bitbucket", "bitbucket-server", "gitlab", "azure-devops", NULL
};


/* and these of a new tag by its creation only */

static const char *const  ngx_deploy_creating_pushers[] = { "gogs", NULL };


void
ngx_deploy_event_init(ngx_deploy_event_t *event)
{
    memset(event, 0, sizeof(ngx_deploy_event_t));

    event->merged = -1;
    event->created = -1;
    event->deleted = -1;
    event->forced = -1;
    event->paths_complete = -1;
    event->duration = -1;
}


const ngx_deploy_str_t *
ngx_deploy_fact_name(ngx_deploy_fact_e fact)
{
    return &ngx_deploy_fact_names[fact];
}


int
ngx_deploy_fact_find(const ngx_deploy_str_t *name)
{
    int  i;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        if (ngx_deploy_str_eq(name, &ngx_deploy_fact_names[i])) {
            return i;
        }
    }

    return -1;
}


ngx_deploy_str_t
ngx_deploy_event_status(const ngx_deploy_event_t *event)
{
    if (event->of_phase) {
        return (ngx_deploy_str_t) ngx_deploy_string("in_progress");
    }

    return event->facts[NGX_DEPLOY_STATUS];
}


unsigned
ngx_deploy_on_find(const ngx_deploy_str_t *word)
{
    const ngx_deploy_on_t  *on;

    for (on = ngx_deploy_ons; on->on; on++) {
        if (ngx_deploy_str_eq(word, &on->word)) {
            return on->on;
        }
    }

    return 0;
}


unsigned
ngx_deploy_event_on(const ngx_deploy_event_t *event)
{
    const ngx_deploy_str_t  *word, *action, *provider;

    word = &event->facts[NGX_DEPLOY_EVENT];
    action = &event->facts[NGX_DEPLOY_ACTION];
    provider = &event->facts[NGX_DEPLOY_PROVIDER];

    /* these words are anyone's */

    if (ngx_deploy_str_is(provider, "standard")) {
        return NGX_DEPLOY_ON_ANY;
    }

    if (ngx_deploy_str_is(word, "push")) {
        return NGX_DEPLOY_ON_ANY | ngx_deploy_event_on_push(event);
    }

    if (ngx_deploy_str_is(word, "pull_request")) {

        if (ngx_deploy_str_is(action, "merged") && event->merged == 1) {
            return NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_MERGE;
        }

        if (ngx_deploy_str_is(action, "opened")
            || ngx_deploy_str_is(action, "reopened")
            || ngx_deploy_str_is(action, "updated"))
        {
            return NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_PULL_REQUEST;
        }

        return NGX_DEPLOY_ON_ANY;
    }

    if (ngx_deploy_str_is(word, "release")) {

        if (ngx_deploy_str_is(action, "published")
            || (ngx_deploy_str_is(action, "created")
                && ngx_deploy_str_is(provider, "gitlab")))
        {
            return NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_RELEASE;
        }

        return NGX_DEPLOY_ON_ANY;
    }

    if (ngx_deploy_str_is(word, "create")) {

        if (event->facts[NGX_DEPLOY_TAG].data != NULL
            && ngx_deploy_event_by(event, ngx_deploy_creating_pushers))
        {
            return NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_TAG;
        }

        return NGX_DEPLOY_ON_ANY;
    }
    /* the word of an event may be as it was sent: only some mean it */

    if (ngx_deploy_str_is(word, "delete")) {
        return ngx_deploy_event_by(event, ngx_deploy_deleting_pushers)
               ? NGX_DEPLOY_ON_ANY : NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_DELETE;
    }

    if (ngx_deploy_str_is(provider, "slack")) {
        return NGX_DEPLOY_ON_ANY | ngx_deploy_event_on_command(event);
    }

    if ((ngx_deploy_str_is(provider, "aws")
         && ngx_deploy_str_starts(word, "codebuild_"))
        || (ngx_deploy_str_is(provider, "build")
            && ngx_deploy_str_is(word, "build_report")))
    {
        return NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_BUILD;
    }

    return NGX_DEPLOY_ON_ANY;
}


static unsigned
ngx_deploy_event_on_push(const ngx_deploy_event_t *event)
{
    unsigned  on;

    if (event->deleted == 1) {
        return ngx_deploy_event_by(event, ngx_deploy_deleting_pushers)
               ? NGX_DEPLOY_ON_DELETE : 0;
    }

    on = 0;

    if (event->facts[NGX_DEPLOY_BRANCH].data != NULL) {
        on |= NGX_DEPLOY_ON_PUSH;
    }

    if (event->facts[NGX_DEPLOY_TAG].data != NULL) {
        on |= NGX_DEPLOY_ON_TAG;
    }

    return on;
}


/* 1 for an event of one of the providers */

static unsigned
ngx_deploy_event_by(const ngx_deploy_event_t *event,
    const char *const *provider)
{
    for ( /* void */ ; *provider; provider++) {
        if (ngx_deploy_str_is(&event->facts[NGX_DEPLOY_PROVIDER], *provider)) {
            return 1;
        }
    }

    return 0;
}


/* "help" and the like are no targets, they start nothing */

static unsigned
ngx_deploy_event_on_command(const ngx_deploy_event_t *event)
{
    if (ngx_deploy_str_is(&event->facts[NGX_DEPLOY_EVENT], "slack_command")
        && (event->facts[NGX_DEPLOY_TARGET].data != NULL
            || event->facts[NGX_DEPLOY_TEXT].data == NULL))
    {
        return NGX_DEPLOY_ON_COMMAND;
    }

    return 0;
}


const char *
ngx_deploy_event_on_name(const ngx_deploy_event_t *event)
{
    unsigned                bits;
    const ngx_deploy_on_t  *on;

    bits = ngx_deploy_event_on(event);

    for (on = ngx_deploy_ons; on->on; on++) {
        if (bits & on->on) {
            return (const char *) on->word.data;
        }
    }

    return "any";
}


void
ngx_deploy_event_json(const ngx_deploy_event_t *event,
    ngx_deploy_json_out_t *out)
{
    int                      i;
    int64_t                  number;
    const char              *name;
    const ngx_deploy_str_t  *fact;

    ngx_deploy_json_out_object(out, NULL);

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {

        fact = &event->facts[i];
        name = (const char *) ngx_deploy_fact_names[i].data;

        if (i == NGX_DEPLOY_MESSAGE) {

            /* long, and nobody's key: the flags stand in its place */

            ngx_deploy_event_json_flag(out, "merged", event->merged);
            ngx_deploy_event_json_flag(out, "created", event->created);
            ngx_deploy_event_json_flag(out, "deleted", event->deleted);
            ngx_deploy_event_json_flag(out, "forced", event->forced);

            ngx_deploy_event_json_paths(out, event);

            continue;
        }

        number = -1;

        if (i == NGX_DEPLOY_NUMBER && fact->data != NULL) {
            number = ngx_deploy_atoi64(fact->data, fact->len);
        }

        if (number >= 0) {
            ngx_deploy_json_out_int(out, name, number);

        } else {
            ngx_deploy_json_out_str(out, name, fact);
        }
    }

    ngx_deploy_json_out_close(out, '}');
}


static void
ngx_deploy_event_json_flag(ngx_deploy_json_out_t *out, const char *key,
    int flag)
{
    if (flag != -1) {
        ngx_deploy_json_out_bool(out, key, flag);
    }
}


static void
ngx_deploy_event_json_paths(ngx_deploy_json_out_t *out,
    const ngx_deploy_event_t *event)
{
    int     complete;
    size_t  i, n;

    if (event->paths_complete == -1) {
        return;
    }

    n = event->npaths;
    complete = event->paths_complete;

    if (n > NGX_DEPLOY_EVENT_MAX_PATHS) {
        n = NGX_DEPLOY_EVENT_MAX_PATHS;
        complete = 0;
    }

    if (n || complete) {
        ngx_deploy_json_out_array(out, "paths");

        for (i = 0; i < n; i++) {
            ngx_deploy_json_out_str(out, NULL, &event->paths[i]);
        }

        ngx_deploy_json_out_close(out, ']');
    }

    ngx_deploy_json_out_bool(out, "paths_complete", complete);
}
