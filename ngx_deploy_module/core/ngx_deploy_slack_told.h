
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SLACK_TOLD_H_INCLUDED_
#define _NGX_DEPLOY_SLACK_TOLD_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_build.h"
#include "ngx_deploy_slack_text.h"


/* the words of "status" and "why" */

#define NGX_DEPLOY_SLACK_MAX_TOLD     3900   /* units, 4000 are shown well */
#define NGX_DEPLOY_SLACK_TOLD_EVENTS  3      /* of a delivery */
#define NGX_DEPLOY_SLACK_TOLD_RULES   20
#define NGX_DEPLOY_SLACK_TOLD_JSON    262144 /* bytes of its events, rules */


/* a build as the store keeps it: what it was asked for is in its delivery */

typedef struct {
    ngx_deploy_build_t         build;
    ngx_deploy_str_t           error;        /* "AccessDeniedException" */
    int64_t                    attempts;
} ngx_deploy_slack_kept_t;


typedef struct {
    ngx_deploy_str_t           id;
    ngx_deploy_str_t           provider;
    ngx_deploy_str_t           scheme;
    ngx_deploy_str_t           location;
    int64_t                    received;     /* Unix seconds */
    ngx_deploy_str_t           events;       /* JSON, as in answers */
    ngx_deploy_str_t           rules;
    ngx_deploy_slack_kept_t   *builds;
    size_t                     nbuilds;
} ngx_deploy_slack_delivery_t;


/*
 * Appends a line on a build: its icon, project, state and place, what started
 * it and who, how long ago, now being in Unix seconds, and, if it has not
 * ended, its id for "stop".  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED when there
 * may be no room for it, and nothing was appended.
 */
int ngx_deploy_slack_status(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_t *build, int64_t now);

/*
 * Appends what became of a delivery: its events, its builds, and the first
 * condition that failed of each rule.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_slack_why(ngx_deploy_slack_text_t *text,
    ngx_deploy_pool_t *pool, const ngx_deploy_slack_delivery_t *delivery,
    int64_t now);


#endif /* _NGX_DEPLOY_SLACK_TOLD_H_INCLUDED_ */
