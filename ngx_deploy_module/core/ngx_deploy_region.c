
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_region.h"

#include <stdio.h>


typedef struct {
    const char  *prefix;
    const char  *suffix;
    const char  *dualstack;
    unsigned     fips;
} ngx_deploy_region_partition_t;


/* the first prefix that fits decides */

static const ngx_deploy_region_partition_t  ngx_deploy_region_partitions[] = {

    { "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", 1 },
    { "eusc-", "amazonaws.eu", NULL, 0 },
    { "us-iso-", "c2s.ic.gov", NULL, 1 },
    { "us-isob-", "sc2s.sgov.gov", NULL, 1 },
    { "eu-isoe-", "cloud.adc-e.uk", NULL, 1 },
    { "us-isof-", "csp.hci.ic.gov", NULL, 1 },
    { "", "amazonaws.com", "api.aws", 1 }
};


int
ngx_deploy_region_check(const ngx_deploy_str_t *region)
{
    size_t    i;
    u_char    c;
    unsigned  dashes;

    if (region->len == 0 || region->len > 32 || region->data[0] == '-'
        || region->data[region->len - 1] == '-')
    {
        return NGX_DEPLOY_DECLINED;
    }

    dashes = 0;

    for (i = 0; i < region->len; i++) {
        c = region->data[i];

        if (c == '-') {
            dashes++;
            continue;
        }

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return (dashes < 2) ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK;
}


int
ngx_deploy_region_host(ngx_deploy_pool_t *pool, const char *service,
    const ngx_deploy_str_t *region, unsigned flags, ngx_deploy_str_t *host)
{
    int                                   n;
    char                                  buf[128];
    const char                           *suffix;
    const ngx_deploy_region_partition_t  *partition;

    if (ngx_deploy_region_check(region) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_DECLINED;
    }

    partition = ngx_deploy_region_partitions;

    while (!ngx_deploy_str_starts(region, partition->prefix)) {
        partition++;
    }

    suffix = (flags & NGX_DEPLOY_REGION_DUALSTACK) ? partition->dualstack
                                                   : partition->suffix;

    if (suffix == NULL
        || ((flags & NGX_DEPLOY_REGION_FIPS) && !partition->fips))
    {
        return NGX_DEPLOY_DECLINED;
    }

    n = snprintf(buf, sizeof(buf), "%s%s.%.*s.%s", service,
                 (flags & NGX_DEPLOY_REGION_FIPS) ? "-fips" : "",
                 (int) region->len, (char *) region->data, suffix);

    if (n < 0 || (size_t) n >= sizeof(buf)) {
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_pstrdup(pool, host, (u_char *) buf, n);
}
