
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_RETRY_H_INCLUDED_
#define _NGX_DEPLOY_RETRY_H_INCLUDED_


#include "ngx_deploy_codebuild.h"


/*
 * Whether, when and at which time of the clock a call is made again: the
 * standard mode of the SDKs, by its rules of 2026 (aws.md, section 4).
 */

#define NGX_DEPLOY_RETRY_ATTEMPTS    3
#define NGX_DEPLOY_RETRY_BUCKET      500
#define NGX_DEPLOY_RETRY_THROTTLED   5       /* what a retry costs */
#define NGX_DEPLOY_RETRY_OTHER       14
#define NGX_DEPLOY_RETRY_SKEW        240     /* seconds */


/* the tokens of an endpoint, shared by the calls to it; zero it first */

typedef struct {
    unsigned    spent;
} ngx_deploy_retry_bucket_t;


/* one call with its repetitions; zero it first */

typedef struct {
    unsigned    attempts;         /* made so far */
    unsigned    cost;             /* of the last retry, 0: there was none */
    unsigned    credentials:1;    /* retried with other ones */
    unsigned    skew:1;           /* retried at another time */
} ngx_deploy_retry_t;


/*
 * Milliseconds before an attempt that follows one that failed, or -1 for
 * none.  Throttled and transient failures are retried, and once each of the
 * two that the caller has done something about: other credentials, another
 * time.  Tokens are taken from the bucket for it.
 *
 * after   what the service asks for in x-amz-retry-after or Retry-After,
 *         milliseconds, -1: nothing; it lengthens the delay by at most 5 s
 * left    milliseconds that the call has left, a longer delay means none
 * random  any number of 0 to 65535
 */
int64_t ngx_deploy_retry_next(ngx_deploy_retry_t *retry,
    ngx_deploy_retry_bucket_t *bucket, ngx_deploy_reply_class_e class,
    int64_t after, int64_t left, unsigned random);

/*
 * Milliseconds before a build in the queue of the store is tried again: full
 * jitter, at most 2 s after the first attempt, at most 20 s as long as it
 * has waited for less than five minutes, then more and more, up to five
 * minutes.
 *
 * attempts  made so far, 1 or more
 * waited    ms since it was accepted
 * after     what the service asks for, milliseconds, -1: nothing
 * random    any number of 0 to 65535
 */
int64_t ngx_deploy_retry_queue(int64_t attempts, int64_t waited,
    ngx_deploy_reply_class_e class, int64_t after, unsigned random);

/* a call succeeded: tokens go back into the bucket */
void ngx_deploy_retry_succeeded(ngx_deploy_retry_t *retry,
    ngx_deploy_retry_bucket_t *bucket);

/*
 * Learns from the Date of a reply that can be trusted how far the clock of
 * the service is ahead of ours.
 *
 * offset   in seconds, what to add to our clock when signing; set when a
 *          signature was refused and the clocks are NGX_DEPLOY_RETRY_SKEW or
 *          more apart, pulled back by whatever reply comes later
 * used     the offset that the request was signed with
 * now      our clock, Unix time
 * date     the reply's Date
 * refused  the reply is of NGX_DEPLOY_REPLY_SKEW
 *
 * 1: signing anew may help; 0: the time was right, the secret is not, or
 * nothing was refused.
 */
unsigned ngx_deploy_retry_skew(int64_t *offset, int64_t used, int64_t now,
    int64_t date, unsigned refused);


#endif /* _NGX_DEPLOY_RETRY_H_INCLUDED_ */
