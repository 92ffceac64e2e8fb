
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_METRICS_H_INCLUDED_
#define _NGX_DEPLOY_METRICS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_signature.h"


/*
 * The counters of deploy_zone: numbers alone, no pointers, so that they may
 * lie in shared memory, where each is added to by itself.  Their number is
 * fixed, whatever is sent.
 */

#define NGX_DEPLOY_METRICS_PROVIDERS  11     /* "other" is the last one */
#define NGX_DEPLOY_METRICS_VERDICTS   (NGX_DEPLOY_VERIFY_ERROR + 2)
#define NGX_DEPLOY_METRICS_BUCKETS    12     /* the last one is +Inf */
#define NGX_DEPLOY_METRICS_SECRETS    64
#define NGX_DEPLOY_METRICS_NAME       64     /* bytes of a name, cut */
#define NGX_DEPLOY_METRICS_SCHEME     16


typedef unsigned long  ngx_deploy_count_t;


/* what became of deliveries: the words of $deploy_status, and none of them */

typedef enum {
    NGX_DEPLOY_METRICS_STARTED = 0,
    NGX_DEPLOY_METRICS_QUEUED,
    NGX_DEPLOY_METRICS_IGNORED,
    NGX_DEPLOY_METRICS_DUPLICATE,
    NGX_DEPLOY_METRICS_DRY_RUN,
    NGX_DEPLOY_METRICS_REFUSED,
    NGX_DEPLOY_METRICS_FAILED,
    NGX_DEPLOY_METRICS_NONE,                 /* handshakes, proxied ones */
    NGX_DEPLOY_METRICS_STATUSES
} ngx_deploy_metrics_status_e;


/* what became of builds; a build that is queued becomes something else yet */

typedef enum {
    NGX_DEPLOY_METRICS_BUILD_STARTED = 0,
    NGX_DEPLOY_METRICS_BUILD_QUEUED,
    NGX_DEPLOY_METRICS_BUILD_REFUSED,        /* for good */
    NGX_DEPLOY_METRICS_BUILD_FAILED,         /* not reached, given up */
    NGX_DEPLOY_METRICS_BUILDS
} ngx_deploy_metrics_build_e;


typedef struct {
    ngx_deploy_count_t      buckets[NGX_DEPLOY_METRICS_BUCKETS];
    ngx_deploy_count_t      sum;             /* milliseconds */
} ngx_deploy_histogram_t;


/* a line of a secret file that matched, and when it last did */

typedef struct {
    ngx_deploy_count_t      key;             /* of all of it; 0: free */
    ngx_deploy_count_t      named;           /* the texts are there */
    ngx_deploy_count_t      count;
    ngx_deploy_count_t      used;            /* Unix time */
    ngx_deploy_count_t      line;
    char                    server[NGX_DEPLOY_METRICS_NAME];
    char                    location[NGX_DEPLOY_METRICS_NAME];
    char                    scheme[NGX_DEPLOY_METRICS_SCHEME];
} ngx_deploy_secret_use_t;


typedef struct {
    ngx_deploy_count_t      since;           /* Unix time */
    ngx_deploy_count_t      requests[NGX_DEPLOY_METRICS_PROVIDERS]
                                    [NGX_DEPLOY_METRICS_VERDICTS];
    ngx_deploy_count_t      deliveries[NGX_DEPLOY_METRICS_STATUSES];
    ngx_deploy_count_t      events[2];       /* unmatched, matched */
    ngx_deploy_count_t      builds[NGX_DEPLOY_METRICS_BUILDS];
    ngx_deploy_count_t      retries;
    ngx_deploy_count_t      messages[2];     /* failed, sent */

    ngx_deploy_histogram_t  answer;
    ngx_deploy_histogram_t  start_build;

    ngx_deploy_secret_use_t secrets[NGX_DEPLOY_METRICS_SECRETS];
} ngx_deploy_metrics_t;


/* the credentials of one source, as the worker that answers has them */

typedef struct {
    ngx_deploy_str_t        source;          /* as configured: "chain" */
    ngx_deploy_str_t        role;            /* may be absent */
    ngx_deploy_str_t        found;           /* where; absent: nowhere yet */
    ngx_deploy_str_t        reason;          /* of the last failure */
    int64_t                 expires;         /* Unix time, 0: never */
    unsigned                valid;
} ngx_deploy_credential_t;


/* what is no counter but is looked up when it is asked for */

typedef struct {
    ngx_deploy_str_t          nginx;         /* its version */
    unsigned                  shared;        /* counters, by deploy_zone */
    int                       store;         /* -1: none, 0: it fails, 1 */
    int64_t                   queued;
    int64_t                   starting;
    int64_t                   oldest;        /* ms since the oldest of them */
    int64_t                   size;          /* bytes */
    ngx_deploy_credential_t  *credentials;
    size_t                    ncredentials;
} ngx_deploy_gauges_t;


/* the index of a provider's word, or of a scheme's, in requests */
unsigned ngx_deploy_metrics_provider(const ngx_deploy_str_t *provider,
    const char *scheme);

/* the index of a word of $deploy_status, which may be NULL */
ngx_deploy_metrics_status_e ngx_deploy_metrics_status(const char *result);

/* the bucket of so many milliseconds */
unsigned ngx_deploy_metrics_bucket(int64_t msec);

/* the key of a line of secrets, never 0: FNV-1a of all of it */
ngx_deploy_count_t ngx_deploy_metrics_key(const ngx_deploy_str_t *server,
    const ngx_deploy_str_t *location, const char *scheme, unsigned line);

/* the names of what is counted, for the writers; NULL after the last one */
const char *ngx_deploy_metrics_provider_name(unsigned i);
const char *ngx_deploy_metrics_verdict_name(unsigned i);
const char *ngx_deploy_metrics_status_name(unsigned i);
const char *ngx_deploy_metrics_build_name(unsigned i);

/* the upper bound of a bucket in ms, -1: there is none */
int64_t ngx_deploy_metrics_bound(unsigned i);

/*
 * The "counters" and the "credentials" of deploy_status; zeros are left out
 * of lists.  NULL when memory is short.
 */
ngx_deploy_json_t *ngx_deploy_metrics_json(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics, const ngx_deploy_gauges_t *gauges);
ngx_deploy_json_t *ngx_deploy_credentials_json(ngx_deploy_pool_t *pool,
    const ngx_deploy_gauges_t *gauges);

/*
 * All of it in the text format of Prometheus, version 0.0.4, or in that of
 * OpenMetrics 1.0.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_metrics_text(ngx_deploy_pool_t *pool,
    const ngx_deploy_metrics_t *metrics, const ngx_deploy_gauges_t *gauges,
    unsigned open, ngx_deploy_str_t *out);


#endif /* _NGX_DEPLOY_METRICS_H_INCLUDED_ */
