
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_KEEP_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_KEEP_H_INCLUDED_


#include "ngx_http_deploy_board.h"


/*
 * The memory of builds is kept in the store: each change of a record is
 * saved there, and what is to be told comes back from there, after a restart
 * or when there is room again.  Without a store all this does nothing.
 *
 * Several nginx may share a store: of a build with something to be told one
 * of them sends the messages, which says every few seconds that it lives.
 */

typedef void (*ngx_http_deploy_keep_pt)(void *data);


void ngx_http_deploy_keep_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);

/*
 * Saves the record of a build that was changed.  A request that waits, or
 * NULL, counts it in ctx->pending, ctx->unsaved is set when it failed.
 */
void ngx_http_deploy_keep(ngx_str_t *key, ngx_http_deploy_ctx_t *waiter);

/* the request goes away, or waits no longer */
void ngx_http_deploy_keep_detach(ngx_http_deploy_ctx_t *ctx);

/*
 * Reads a record from the store into the memory of builds, where what has a
 * rank up to max makes way for it, and calls the handler, which may be NULL.
 * With an origin the messages are sent from here if nobody else does that.
 * NGX_OK, the pool is destroyed after that, or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_keep_read(ngx_pool_t *pool, ngx_str_t *key,
    int64_t origin, ngx_uint_t max, ngx_http_deploy_keep_pt handler,
    void *data);


#endif /* _NGX_HTTP_DEPLOY_KEEP_H_INCLUDED_ */
