
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_REGION_H_INCLUDED_
#define _NGX_DEPLOY_REGION_H_INCLUDED_


#include "ngx_deploy_core.h"


/* names of AWS services in regions of all partitions (aws.md, 1.4, 3.5) */

#define NGX_DEPLOY_REGION_FIPS       0x01
#define NGX_DEPLOY_REGION_DUALSTACK  0x02


/* NGX_DEPLOY_OK for what may be a region, "us-east-1"; NGX_DEPLOY_DECLINED */
int ngx_deploy_region_check(const ngx_deploy_str_t *region);

/*
 * The host of a service in a region, "codebuild.us-east-1.amazonaws.com";
 * flags choose its FIPS and dual stack variants, where the partition has no
 * name of its own for one NGX_DEPLOY_DECLINED is returned.
 * NGX_DEPLOY_OK, NGX_DEPLOY_ERROR or, for what cannot be a region,
 * NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_region_host(ngx_deploy_pool_t *pool, const char *service,
    const ngx_deploy_str_t *region, unsigned flags, ngx_deploy_str_t *host);


#endif /* _NGX_DEPLOY_REGION_H_INCLUDED_ */
