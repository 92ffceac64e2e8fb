
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_BUILD_H_INCLUDED_
#define _NGX_DEPLOY_BUILD_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"
#include "ngx_deploy_json.h"


/*
 * What is known of a build, from its start to its end: gathered from the
 * reply of StartBuild, reports of the build script, events of AWS.
 */

#define NGX_DEPLOY_BUILD_MAX_PHASES  24
#define NGX_DEPLOY_BUILD_MAX_DOWN    16
#define NGX_DEPLOY_BUILD_MAX_TEXT    1024    /* bytes of a message, a title */
#define NGX_DEPLOY_BUILD_MAX_DUMP    65536


/* in the order in which a build may go through them */

typedef enum {
    NGX_DEPLOY_BUILD_UNKNOWN = 0,
    NGX_DEPLOY_BUILD_QUEUED,       /* accepted, StartBuild is to come */
    NGX_DEPLOY_BUILD_STARTED,
    NGX_DEPLOY_BUILD_IN_PROGRESS,
    NGX_DEPLOY_BUILD_SUCCEEDED,    /* this and all below are final */
    NGX_DEPLOY_BUILD_FAILED,
    NGX_DEPLOY_BUILD_STOPPED,
    NGX_DEPLOY_BUILD_TIMED_OUT,
    NGX_DEPLOY_BUILD_FAULT,
    NGX_DEPLOY_BUILD_REJECTED,     /* StartBuild was refused */
    NGX_DEPLOY_BUILD_STATUSES
} ngx_deploy_build_status_e;


#define ngx_deploy_build_final(status)                                        \
    ((status) >= NGX_DEPLOY_BUILD_SUCCEEDED)


typedef struct {
    ngx_deploy_str_t            name;       /* "pre_build", "DOWNLOAD_SOURCE" */
    ngx_deploy_build_status_e   status;
    int64_t                     duration;   /* seconds, -1: not known */
    ngx_deploy_str_t            message;
} ngx_deploy_build_phase_t;


/* another build of the same chain */

typedef struct {
    ngx_deploy_str_t            project;
    ngx_deploy_str_t            id;
    ngx_deploy_str_t            url;
    ngx_deploy_build_status_e   status;
} ngx_deploy_build_link_t;


typedef struct {
    ngx_deploy_str_t            project;
    ngx_deploy_str_t            id;         /* project:uuid, absent: none yet */
    int64_t                     number;     /* -1: not known */
    ngx_deploy_build_status_e   status;
    unsigned                    told;       /* AWS itself told the status */
    ngx_deploy_str_t            url;        /* the page of the build */
    ngx_deploy_str_t            log;        /* of its log */
    ngx_deploy_str_t            message;    /* what is said of the status */
    int64_t                     started;    /* Unix seconds, -1: not known */
    int64_t                     finished;
    ngx_deploy_str_t            delivery;
    ngx_deploy_event_t          event;      /* what started it */
    unsigned                    depth;      /* builds above it */
    ngx_deploy_str_t            chain;      /* their projects: "a,b," */
    ngx_deploy_str_t            region;     /* where CodeBuild is asked for */
    ngx_deploy_str_t            endpoint;   /* it, absent: not known */
    ngx_deploy_str_t            credentials;
    ngx_deploy_build_link_t     upstream;   /* project absent: none */
    ngx_deploy_build_link_t     downstream[NGX_DEPLOY_BUILD_MAX_DOWN];
    size_t                      ndownstream;
    ngx_deploy_build_phase_t    phases[NGX_DEPLOY_BUILD_MAX_PHASES];
    size_t                      nphases;
} ngx_deploy_build_t;


/* one report: phase.name absent: of the build as a whole */

typedef struct {
    ngx_deploy_str_t            id;
    int64_t                     number;
    ngx_deploy_build_status_e   status;     /* of the build */
    unsigned                    told;       /* by AWS, not by a script */
    ngx_deploy_str_t            url;
    ngx_deploy_str_t            log;
    ngx_deploy_str_t            message;
    int64_t                     time;       /* Unix seconds */
    ngx_deploy_build_phase_t    phase;
} ngx_deploy_build_report_t;


/* all absent, numbers and times -1 */
void ngx_deploy_build_init(ngx_deploy_build_t *build);
void ngx_deploy_build_report_init(ngx_deploy_build_report_t *report);

/* the word of a status as in conditions: "timed_out"; "" when not known */
const char *ngx_deploy_build_status_name(ngx_deploy_build_status_e status);

/* the status of a word, of either case (AWS: "TIMED_OUT"), or UNKNOWN */
ngx_deploy_build_status_e ngx_deploy_build_status_find(
    const ngx_deploy_str_t *word);

/*
 * Adds a report to what is known.  Reports come in any order and more than
 * once: an earlier state never follows a later one, a final state is never
 * left, but for another final one when only a script told the first and AWS
 * tells the second.  Texts are not copied.  NGX_DEPLOY_OK: something is new;
 * NGX_DEPLOY_DECLINED: nothing is, or it is about another build.
 */
int ngx_deploy_build_report(ngx_deploy_build_t *build,
    const ngx_deploy_build_report_t *report);

/*
 * Adds a downstream build or gives it its new status, under the same rules.
 * NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED: nothing is new or the list is full.
 */
int ngx_deploy_build_downstream(ngx_deploy_build_t *build,
    const ngx_deploy_build_link_t *link);

/*
 * Adds all that is known elsewhere of the same build: absent facts are taken
 * over, a status, phases and downstream builds under the rules of reports.
 * Texts are not copied.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED: nothing is
 * new.
 */
int ngx_deploy_build_merge(ngx_deploy_build_t *build,
    const ngx_deploy_build_t *other);

/*
 * The build as one line of JSON, and back: the event without its message and
 * its paths.  ngx_deploy_build_load() copies all texts to the pool.
 * NGX_DEPLOY_OK, NGX_DEPLOY_ERROR or, for what is no dump,
 * NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_build_dump(const ngx_deploy_build_t *build,
    ngx_deploy_pool_t *pool, ngx_deploy_str_t *out);
int ngx_deploy_build_load(ngx_deploy_build_t *build, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text);

/* the same of a dump that is part of a document */
int ngx_deploy_build_of_json(ngx_deploy_build_t *build,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);


#endif /* _NGX_DEPLOY_BUILD_H_INCLUDED_ */
