
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_RETRY_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_RETRY_H_INCLUDED_


#include "ngx_http_deploy_dispatch.h"
#include "ngx_http_deploy_store.h"


/*
 * The queue in the store: each worker takes builds that are due, under a
 * lease, and dispatches them again.
 */

/* of a dispatch that is leased */

struct ngx_http_deploy_stored_s {
    int64_t                       row;
    int64_t                       fence;
    int64_t                       unknown;   /* as in the store */
    int64_t                       waited;
    int64_t                       attempts;
    ngx_msec_t                    begun;
    ngx_http_deploy_store_op_t    op;
    ngx_deploy_store_record_t     record;    /* if the result is the last */
    void                         *lookup;    /* while there is one */
    unsigned                      asked:1;   /* looked up, there is none */
    unsigned                      found:1;   /* looked up, there is one */
    unsigned                      taken:1;   /* by the timer */
    unsigned                      waited_for:1;  /* a request told it */
};


void ngx_http_deploy_retry_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);

/* the name of this worker in the store */
ngx_str_t *ngx_http_deploy_retry_owner(void);

/*
 * Begins the dispatch of a build that is leased: at once, or after a lookup
 * when an earlier attempt may have started it long ago.  NGX_OK, or NGX_ERROR
 * and d is the caller's still.
 */
ngx_int_t ngx_http_deploy_retry_begin(ngx_http_deploy_dispatch_t *d,
    ngx_deploy_store_build_t *b);

/* records the result of a dispatch that is leased and frees it */
void ngx_http_deploy_retry_result(ngx_http_deploy_dispatch_t *d);

/* records that a leased build has been refused before any dispatch */
void ngx_http_deploy_retry_refused(ngx_deploy_store_build_t *b,
    const char *reason);

/* something becomes due in msec */
void ngx_http_deploy_retry_soon(ngx_msec_t msec);

/* ngx_http_deploy_lookup.c */

/*
 * Looks for the build of a leased dispatch and then goes on with it: NGX_OK,
 * or NGX_ERROR and d is the caller's still.
 */
ngx_int_t ngx_http_deploy_lookup(ngx_http_deploy_dispatch_t *d);

/*
 * The build that was found is that of another row: looks on.  NGX_OK, or
 * NGX_ERROR, d is the caller's.
 */
ngx_int_t ngx_http_deploy_lookup_on(ngx_http_deploy_dispatch_t *d);

/* the build that was found is the one: tells and logs it */
void ngx_http_deploy_lookup_done(ngx_http_deploy_dispatch_t *d);


#endif /* _NGX_HTTP_DEPLOY_RETRY_H_INCLUDED_ */
