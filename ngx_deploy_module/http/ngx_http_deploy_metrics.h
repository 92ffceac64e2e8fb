
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_METRICS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_METRICS_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_metrics.h"


/*
 * Counters, of all workers with deploy_zone, else of each one.  Nothing is
 * locked: each is an atomic addition, and nothing where the module is not
 * used.
 */

/* counts requests in the log phase, if there is a use of it */
ngx_int_t ngx_http_deploy_metrics_init(ngx_conf_t *cf);

/* where a worker that starts has to count */
void ngx_http_deploy_metrics_init_process(ngx_deploy_metrics_t *metrics,
    ngx_uint_t shared);

/* the counters, NULL when the module is not used; *shared: of all workers */
ngx_deploy_metrics_t *ngx_http_deploy_metrics(ngx_uint_t *shared);

/* an event that went through the rules of its location */
void ngx_http_deploy_count_event(ngx_uint_t matched);

/* what became of a build, and of an attempt at one that was queued */
void ngx_http_deploy_count_build(ngx_deploy_metrics_build_e build);
void ngx_http_deploy_count_retry(void);

/* a StartBuild with all its repetitions */
void ngx_http_deploy_count_start_build(ngx_msec_t msec);

/* a message of Slack */
void ngx_http_deploy_count_message(ngx_uint_t sent);


#endif /* _NGX_HTTP_DEPLOY_METRICS_H_INCLUDED_ */
