
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_DISPATCH_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_DISPATCH_H_INCLUDED_


#include "ngx_http_deploy_call.h"
#include "ngx_http_deploy_notice.h"


/*
 * A StartBuild; once it has begun it belongs to no client's request.  One
 * that is stored is never given up before the store knows of its result.
 */

typedef struct ngx_http_deploy_stored_s  ngx_http_deploy_stored_t;

struct ngx_http_deploy_dispatch_s {
    ngx_pool_t                     *pool;
    ngx_http_deploy_ctx_t          *waiter;      /* NULL: it has gone */
    ngx_uint_t                      index;       /* of the build in it */
    ngx_uint_t                      event;       /* the same, its event's */
    ngx_http_deploy_claim_t        *claim;       /* NULL: it is stored */
    ngx_http_deploy_stored_t       *stored;      /* NULL: it is not */
    ngx_str_t                       token;       /* idempotencyToken */
    ngx_http_deploy_call_t          call;
    ngx_http_deploy_notice_t       *notice;      /* NULL: nobody is told */
    ngx_http_deploy_build_state_e   state;
    ngx_msec_t                      at;          /* it began */
    unsigned                        begun:1;
};


/*
 * Begins a dispatch whose strings are in d->pool, which it owns from now
 * on.  The result is told to d->waiter, if that is still there, and logged.
 */
void ngx_http_deploy_dispatch(ngx_http_deploy_dispatch_t *d);

/*
 * Tells the result, logs it, records it in the store, and ends the dispatch:
 * d->call has the reply, however it came.
 */
void ngx_http_deploy_dispatch_done(ngx_http_deploy_dispatch_t *d);

/*
 * ngx_http_deploy_handler.c: a build of the request has its result, copied
 * from the dispatch: answers when it is the last one.
 */
void ngx_http_deploy_wake(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_dispatch_t *d);

/* all builds have their results: answers a request that waits */
void ngx_http_deploy_finish(ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_DISPATCH_H_INCLUDED_ */
