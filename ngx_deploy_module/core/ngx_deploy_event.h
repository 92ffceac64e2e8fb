
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_EVENT_H_INCLUDED_
#define _NGX_DEPLOY_EVENT_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_json_out.h"


/* one event, whatever its source: webhook, Slack command, build report */

typedef enum {
    NGX_DEPLOY_PROVIDER = 0,
    NGX_DEPLOY_EVENT,
    NGX_DEPLOY_ACTION,
    NGX_DEPLOY_REPO,
    NGX_DEPLOY_BRANCH,             /* the target branch of a pull request */
    NGX_DEPLOY_SOURCE_BRANCH,
    NGX_DEPLOY_TAG,
    NGX_DEPLOY_COMMIT,
    NGX_DEPLOY_SENDER,
    NGX_DEPLOY_NUMBER,             /* decimal text */
    NGX_DEPLOY_TITLE,
    NGX_DEPLOY_URL,
    NGX_DEPLOY_MESSAGE,
    NGX_DEPLOY_COMMAND,
    NGX_DEPLOY_TARGET,
    NGX_DEPLOY_TEXT,
    NGX_DEPLOY_USER,
    NGX_DEPLOY_CHANNEL,
    NGX_DEPLOY_TEAM,
    NGX_DEPLOY_PROJECT,
    NGX_DEPLOY_STATUS,
    NGX_DEPLOY_PHASE,
    NGX_DEPLOY_BUILD_ID,
    NGX_DEPLOY_FACTS               /* the number of facts */
} ngx_deploy_fact_e;


/* flags: 1 and 0 as told, -1 when the sender does not tell */

typedef struct {
    ngx_deploy_str_t      facts[NGX_DEPLOY_FACTS];

    int                   merged;
    int                   created;
    int                   deleted;
    int                   forced;

    /* distinct changed paths, sorted bytewise */
    ngx_deploy_str_t     *paths;
    size_t                npaths;
    int                   paths_complete;  /* -1: the event has no paths */

    /* 1: the status is that of the phase, the build itself goes on */
    unsigned              of_phase;
    int64_t               duration;        /* seconds, -1: not told */
    ngx_deploy_str_t      log;             /* the URL of a build's log */
} ngx_deploy_event_t;


#define NGX_DEPLOY_ON_MERGE         0x0001
#define NGX_DEPLOY_ON_PUSH          0x0002
#define NGX_DEPLOY_ON_TAG           0x0004
#define NGX_DEPLOY_ON_RELEASE       0x0008
#define NGX_DEPLOY_ON_PULL_REQUEST  0x0010
#define NGX_DEPLOY_ON_DELETE        0x0020
#define NGX_DEPLOY_ON_COMMAND       0x0040
#define NGX_DEPLOY_ON_BUILD         0x0080
#define NGX_DEPLOY_ON_ANY           0x8000


/* all facts absent, all flags and the duration -1 */
void ngx_deploy_event_init(ngx_deploy_event_t *event);

/* the name of a fact as in answers, variables and conditions: "repo" */
const ngx_deploy_str_t *ngx_deploy_fact_name(ngx_deploy_fact_e fact);

/* the fact of a name, or -1 */
int ngx_deploy_fact_find(const ngx_deploy_str_t *name);

/* the status of the build that the event is about, absent when not told */
ngx_deploy_str_t ngx_deploy_event_status(const ngx_deploy_event_t *event);

/* the NGX_DEPLOY_ON_... bit of a word of on=, or 0 */
unsigned ngx_deploy_on_find(const ngx_deploy_str_t *word);

/*
 * The NGX_DEPLOY_ON_... bits that the event satisfies, NGX_DEPLOY_ON_ANY
 * always among them (DESIGN, sections 2.2 and 10: "Events").
 */
unsigned ngx_deploy_event_on(const ngx_deploy_event_t *event);

/* the word of on= that describes the event best, for people: "merge" */
const char *ngx_deploy_event_on_name(const ngx_deploy_event_t *event);

/*
 * Writes the event as an object of the "events" array of answers: members
 * absent in the payload are left out.
 */
void ngx_deploy_event_json(const ngx_deploy_event_t *event,
    ngx_deploy_json_out_t *out);

/*
 * The event of an index of such an "events" array, without its message and
 * its paths; all texts are copied to the pool.  NGX_DEPLOY_OK,
 * NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED: there is none.
 */
int ngx_deploy_event_load(ngx_deploy_event_t *event, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *events, size_t index);


#endif /* _NGX_DEPLOY_EVENT_H_INCLUDED_ */
