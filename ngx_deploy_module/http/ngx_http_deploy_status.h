
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_


#include "ngx_http_deploy_store.h"
#include "ngx_deploy_media.h"
#include "ngx_deploy_metrics.h"


/* the setter of deploy_status */
char *ngx_http_deploy_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ngx_http_deploy_status_json.c: what is shown, as a tree */

/*
 * All of it; op is NULL without a store and after a failure of it.  NULL when
 * memory is short.
 */
ngx_deploy_json_t *ngx_http_deploy_status_json(ngx_pool_t *pool,
    ngx_deploy_store_status_t *op, ngx_deploy_metrics_t *metrics,
    ngx_deploy_gauges_t *gauges);

/* {"status":..,"delivery":..,"builds":[..]} of a delivery that is redone */
ngx_deploy_json_t *ngx_http_deploy_status_redelivered_json(ngx_pool_t *pool,
    ngx_deploy_store_redeliver_t *redeliver);


#endif /* _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_ */
