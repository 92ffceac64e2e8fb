
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_REPLAY_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_REPLAY_H_INCLUDED_


#include "ngx_http_deploy_dispatch.h"
#include "ngx_http_deploy_zone.h"


/*
 * A delivery that is the only one of its identity.  It belongs to the
 * builds that were dispatched, not to the request, and is settled when the
 * last of them has its result: remembered if all were started, else
 * forgotten, so that the sender can try again.
 */

struct ngx_http_deploy_claim_s {
    ngx_pool_t                *pool;
    ngx_http_deploy_place_t    place;
    ngx_uint_t                 pending;      /* builds and the matching */
    ngx_str_t                  memos[NGX_HTTP_DEPLOY_MAX_BUILDS];
    unsigned                   failed:1;
    unsigned                   settled:1;
};


/*
 * Claims the delivery of a request before its first build: NGX_OK, also when
 * it is claimed already; NGX_DONE: it was started before; NGX_BUSY: it is
 * under way; NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_replay_claim(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the matching is over: builds without a dispatch have their result */
void ngx_http_deploy_replay_matched(ngx_http_deploy_ctx_t *ctx,
    ngx_int_t rc);

/* a build has its result */
void ngx_http_deploy_replay_done(ngx_http_deploy_dispatch_t *d);

/* the request is answered before its builds have their results */
void ngx_http_deploy_replay_timeout(ngx_http_deploy_ctx_t *ctx);

/* finds the builds of a delivery that was started before: NGX_OK, ERROR */
ngx_int_t ngx_http_deploy_replay_builds(ngx_http_deploy_ctx_t *ctx);

/* waits for the end of a delivery that another request dispatches */
void ngx_http_deploy_replay_join(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_REPLAY_H_INCLUDED_ */
