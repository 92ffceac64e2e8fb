
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_REFRESH_H_INCLUDED_
#define _NGX_DEPLOY_REFRESH_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * When temporary credentials are to be fetched again (aws.md, 3.7 and 3.8).
 * Times are Unix times, random is any number of 0 to 65535: workers that
 * began together do not all ask together.
 */


/*
 * When to begin in the background: five minutes before expires, as the SDK
 * for JavaScript does, or the last quarter of a shorter life, and up to as
 * much again earlier by random.  0 when expires is 0, never later than
 * expires, not before obtained.
 */
int64_t ngx_deploy_refresh_time(int64_t obtained, int64_t expires,
    unsigned random);

/*
 * The new expiry of a set with static stability that expired, or could not
 * be fetched again: 5 to 10 minutes from now, if that is later.
 */
int64_t ngx_deploy_refresh_extend(int64_t expires, int64_t now,
    unsigned random);

/*
 * Milliseconds to wait after failures, 1 or more, in a row: up to 1 s, 2 s,
 * 4 s, ..., at most a minute, not below half of that.
 */
unsigned ngx_deploy_refresh_delay(unsigned failures, unsigned random);

/*
 * Milliseconds before the retry of a call within it, attempt being 1 for the
 * first retry: full jitter up to 50 ms, 100 ms, ..., from 1 s after
 * throttling, at most 20 s (aws.md, 4.2, the rules of 2026).
 */
unsigned ngx_deploy_retry_delay(unsigned attempt, unsigned throttled,
    unsigned random);


#endif /* _NGX_DEPLOY_REFRESH_H_INCLUDED_ */
