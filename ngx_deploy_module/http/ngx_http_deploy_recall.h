
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_RECALL_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_RECALL_H_INCLUDED_


#include "ngx_http_deploy_store.h"


/*
 * Between parsing a delivery and matching it: what the store knows of the
 * builds that the delivery is about comes into the memory of builds, and into
 * the request what it knows of the build whose token was shown.
 */

/* the build that was started with ctx->token; its texts are the request's */

struct ngx_http_deploy_known_s {
    ngx_str_t                     project;
    ngx_str_t                     id;         /* absent: not known yet */
    ngx_deploy_store_state_e      state;
    ngx_deploy_build_status_e     status;     /* by reports, or UNKNOWN */
    int64_t                       final;      /* ms of the wall's clock, or 0 */
};


/*
 * NGX_OK: there was nothing to ask; NGX_AGAIN: ngx_http_deploy_recalled()
 * will be called, or the request goes away before; NGX_BUSY: the store takes
 * no more; NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_recall(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the request goes away */
void ngx_http_deploy_recall_detach(ngx_http_deploy_ctx_t *ctx);

/*
 * ngx_http_deploy_handler.c: goes on with the request.  NGX_OK: ctx->known is
 * set if there is a build with the token; NGX_BUSY: the store did not answer
 * in time, or cannot; NGX_ERROR.
 */
void ngx_http_deploy_recalled(ngx_http_deploy_ctx_t *ctx, ngx_int_t rc);


#endif /* _NGX_HTTP_DEPLOY_RECALL_H_INCLUDED_ */
