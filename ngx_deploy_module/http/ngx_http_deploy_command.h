
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_


#include "ngx_http_deploy.h"


/* Slack shows an error to its users after three seconds */

#define NGX_HTTP_DEPLOY_COMMAND_WAIT  2000     /* ms */


/*
 * Looks at a request of Slack before the rules do: handshakes, what is no
 * target, and mistakes are answered.  NGX_DECLINED: it is for the rules;
 * else what a content handler returns.
 */
ngx_int_t ngx_http_deploy_command(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* answers a command whose builds have their results, in words */
ngx_int_t ngx_http_deploy_command_answer(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_ */
