
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_ACCEPT_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_ACCEPT_H_INCLUDED_


#include "ngx_http_deploy_dispatch.h"
#include "ngx_http_deploy_store.h"


/*
 * A delivery on its way into the store.  Its builds are begun when it is
 * committed, whether the client waits for that or not.
 */

/*
 * Stores a delivery that was matched, with what fired.  Without any build
 * nobody waits for it, otherwise ctx->pending counts it.  NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_accept(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the request goes away */
void ngx_http_deploy_accept_detach(ngx_http_deploy_ctx_t *ctx);

/* the request waits no longer: its builds get states, then the same */
void ngx_http_deploy_accept_timeout(ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_ACCEPT_H_INCLUDED_ */
