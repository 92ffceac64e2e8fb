
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_retry.h"
#include "ngx_deploy_refresh.h"


#define NGX_DEPLOY_RETRY_AFTER  5000         /* ms, how much it lengthens */

#define NGX_DEPLOY_RETRY_QUEUE_BASE  2000    /* ms */
#define NGX_DEPLOY_RETRY_QUEUE_MIN   20000
#define NGX_DEPLOY_RETRY_QUEUE_MAX   300000


int64_t
ngx_deploy_retry_next(ngx_deploy_retry_t *retry,
    ngx_deploy_retry_bucket_t *bucket, ngx_deploy_reply_class_e class,
    int64_t after, int64_t left, unsigned random)
{
    int64_t   delay;
    unsigned  cost, throttled;

    throttled = 0;

    switch (class) {

    case NGX_DEPLOY_REPLY_THROTTLED:
        throttled = 1;
        break;

    case NGX_DEPLOY_REPLY_TRANSIENT:
        break;

    case NGX_DEPLOY_REPLY_CREDENTIALS:
        if (retry->credentials) {
            return -1;
        }

        break;

    case NGX_DEPLOY_REPLY_SKEW:
        if (retry->skew) {
            return -1;
        }

        break;

    default:
        return -1;
    }

    if (retry->attempts == 0 || retry->attempts >= NGX_DEPLOY_RETRY_ATTEMPTS) {
        return -1;
    }

    cost = throttled ? NGX_DEPLOY_RETRY_THROTTLED : NGX_DEPLOY_RETRY_OTHER;

    if (bucket->spent + cost > NGX_DEPLOY_RETRY_BUCKET) {
        return -1;
    }

    delay = ngx_deploy_retry_delay(retry->attempts, throttled, random);

    if (after > delay) {
        delay = (after - delay > NGX_DEPLOY_RETRY_AFTER)
                ? delay + NGX_DEPLOY_RETRY_AFTER : after;
    }

    if (delay >= left) {
        return -1;
    }

    bucket->spent += cost;
    retry->cost = cost;

    if (class == NGX_DEPLOY_REPLY_CREDENTIALS) {
        retry->credentials = 1;

    } else if (class == NGX_DEPLOY_REPLY_SKEW) {
        retry->skew = 1;
    }

    return delay;
}


int64_t
ngx_deploy_retry_queue(int64_t attempts, int64_t waited,
    ngx_deploy_reply_class_e class, int64_t after, unsigned random)
{
    int64_t  max, delay;

    max = waited / 15;

    if (max < NGX_DEPLOY_RETRY_QUEUE_MIN) {
        max = NGX_DEPLOY_RETRY_QUEUE_MIN;

    } else if (max > NGX_DEPLOY_RETRY_QUEUE_MAX) {
        max = NGX_DEPLOY_RETRY_QUEUE_MAX;
    }

    if (class == NGX_DEPLOY_REPLY_CAPACITY) {

        /* other builds have to end first */

        delay = max / 2 + max / 2 * random / 65536;

    } else {
        delay = NGX_DEPLOY_RETRY_QUEUE_BASE
                << ((attempts < 10) ? attempts - 1 : 9);

        delay = 1 + ((delay < max) ? delay : max) * random / 65536;
    }

    return (after > delay) ? after : delay;
}


void
ngx_deploy_retry_succeeded(ngx_deploy_retry_t *retry,
    ngx_deploy_retry_bucket_t *bucket)
{
    unsigned  back;

    back = retry->cost ? retry->cost : 1;

    bucket->spent -= (bucket->spent < back) ? bucket->spent : back;
}


unsigned
ngx_deploy_retry_skew(int64_t *offset, int64_t used, int64_t now,
    int64_t date, unsigned refused)
{
    int64_t   ahead, wrong;
    unsigned  learn;

    ahead = date - now;
    wrong = ahead - used;

    learn = refused && (wrong >= NGX_DEPLOY_RETRY_SKEW
                        || wrong <= -NGX_DEPLOY_RETRY_SKEW);

    if (learn || *offset) {
        *offset = (ahead < NGX_DEPLOY_RETRY_SKEW
                   && ahead > -NGX_DEPLOY_RETRY_SKEW)
                  ? 0 : ahead;
    }

    return learn;
}
