
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_refresh.h"


#define NGX_DEPLOY_REFRESH_WINDOW     300       /* seconds */
#define NGX_DEPLOY_REFRESH_MAX_DELAY  60000     /* ms */
#define NGX_DEPLOY_RETRY_MAX_DELAY    20000

#define ngx_deploy_refresh_part(n, random)                                    \
    ((n) * (int64_t) ((random) & 0xffff) / 0x10000)


int64_t
ngx_deploy_refresh_time(int64_t obtained, int64_t expires, unsigned random)
{
    int64_t  window;

    if (expires == 0) {
        return 0;
    }

    if (expires <= obtained) {
        return expires;
    }

    window = (expires - obtained) / 4;

    if (window > NGX_DEPLOY_REFRESH_WINDOW) {
        window = NGX_DEPLOY_REFRESH_WINDOW;
    }

    return expires - window - ngx_deploy_refresh_part(window, random);
}


int64_t
ngx_deploy_refresh_extend(int64_t expires, int64_t now, unsigned random)
{
    int64_t  extended;

    if (expires == 0) {
        return 0;
    }

    extended = now + NGX_DEPLOY_REFRESH_WINDOW
               + ngx_deploy_refresh_part(NGX_DEPLOY_REFRESH_WINDOW, random);

    return expires > extended ? expires : extended;
}


unsigned
ngx_deploy_refresh_delay(unsigned failures, unsigned random)
{
    unsigned  max;

    max = (failures > 6) ? NGX_DEPLOY_REFRESH_MAX_DELAY
                         : 1000u << (failures ? failures - 1 : 0);

    return max / 2 + (unsigned) ngx_deploy_refresh_part(max / 2, random);
}


unsigned
ngx_deploy_retry_delay(unsigned attempt, unsigned throttled, unsigned random)
{
    unsigned  max;

    max = throttled ? 1000 : 50;

    if (attempt > 1) {
        max = (attempt > 9) ? NGX_DEPLOY_RETRY_MAX_DELAY
                            : max << (attempt - 1);
    }

    if (max > NGX_DEPLOY_RETRY_MAX_DELAY) {
        max = NGX_DEPLOY_RETRY_MAX_DELAY;
    }

    return (unsigned) ngx_deploy_refresh_part(max, random);
}
