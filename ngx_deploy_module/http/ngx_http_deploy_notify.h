
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_NOTIFY_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_NOTIFY_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_build.h"


/* deploy_slack: where messages go */

struct ngx_http_deploy_slack_s {
    ngx_str_t                     channel;        /* the default, or empty */
    ngx_msec_t                    watch;          /* 0: off */
    ngx_str_t                     authorization;  /* empty: a webhook */
    ngx_str_t                     webhook;        /* URLs */
    ngx_str_t                     post;
    ngx_str_t                     update;
    ngx_str_t                     endpoint;       /* empty: Slack's hosts */
    u_char                       *file;
    ngx_uint_t                    line;
};


/* a line of deploy_notify */

struct ngx_http_deploy_notify_s {
    ngx_str_t                     channel;        /* empty: the default */
    ngx_array_t                   conditions;     /* that of "on" first */
    u_char                       *directive;
    u_char                       *file;
    ngx_uint_t                    line;
};


/* setters of directives */

char *ngx_http_deploy_slack(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_deploy_notify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * A line of deploy_notify, or of "notify" in deploy_project, for a list that
 * is NGX_CONF_UNSET_PTR before the first one: NGX_CONF_OK or an error.
 */
char *ngx_http_deploy_notify_line(ngx_conf_t *cf, ngx_array_t **list);

/*
 * Checks what needs all of the configuration and declares the memory of
 * builds, if there is any use of it: NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_notify_init(ngx_conf_t *cf);

/*
 * The channels of those lines of the project, or else of the location, that
 * match an event of a build, each once: NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_notify_channels(ngx_http_request_t *r,
    ngx_deploy_event_t *event, ngx_array_t *channels);


/* ngx_http_deploy_board.c: the memory of builds, and what is told of them */

/* adds the shared memory: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_board_add(ngx_conf_t *cf);

/* for a worker that starts */
void ngx_http_deploy_board_init_process(ngx_cycle_t *cycle);

/*
 * Writes a build under its id, or another key, and asks for messages in
 * channels.  NGX_OK or NGX_ERROR, which has been logged.
 */
ngx_int_t ngx_http_deploy_board_write(ngx_pool_t *pool, ngx_str_t *key,
    ngx_deploy_build_t *build, ngx_array_t *channels);

/*
 * Reads a build by its id, with its texts in the pool: NGX_OK, NGX_ERROR, or
 * NGX_DECLINED when it is not known.
 */
ngx_int_t ngx_http_deploy_board_find(ngx_pool_t *pool, ngx_str_t *id,
    ngx_deploy_build_t *build);

/*
 * The builds of late, the newest first, at most max; of some projects unless
 * that is NULL.  Returns their number.
 */
ngx_uint_t ngx_http_deploy_board_recent(ngx_pool_t *pool,
    ngx_array_t *projects, ngx_deploy_build_t *builds, ngx_uint_t max);

/*
 * Adds a report to the build that it is about, which is made if it is not
 * known.  *changed is 0 when the report says nothing new, *before the status
 * that there was; the texts of the build are in the pool.  NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_board_report(ngx_pool_t *pool,
    ngx_str_t *project, ngx_deploy_build_report_t *report,
    ngx_deploy_build_t *build, ngx_uint_t *changed, ngx_uint_t *before);

/* the build is a downstream one of another, which is told with it */
void ngx_http_deploy_board_link(ngx_str_t *upstream,
    ngx_deploy_build_t *build);

/* asks for messages about a build that is known */
void ngx_http_deploy_board_want(ngx_str_t *key, ngx_array_t *channels);


/* ngx_http_deploy_report.c: what is told of a build, and what comes next */

/*
 * Notes an event of a build, before the rules: gives it the facts of what
 * started the build, sets ctx->upstream and, when it is late and must start
 * nothing, ctx->stale.  Other events are let alone.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_report(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_event_t *event);

/*
 * Looks at a build that is to be started after ctx->upstream: NGX_OK, or
 * NGX_DONE when its result is known, being started before or refused.
 */
ngx_int_t ngx_http_deploy_report_next(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *next);

/* what a build has from the one before it: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_report_chain(ngx_deploy_build_t *build,
    ngx_deploy_build_t *upstream, ngx_pool_t *pool);


/* ngx_http_deploy_chain.c: rules with "on=build" */

/* notes a rule that was parsed: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_chain_add(ngx_conf_t *cf,
    ngx_http_deploy_rule_t *rule);

/* refuses rules that would start builds in a circle: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_chain_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_DEPLOY_NOTIFY_H_INCLUDED_ */
