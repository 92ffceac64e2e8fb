
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_RESPONSE_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_RESPONSE_H_INCLUDED_


#include "ngx_http_deploy_dispatch.h"
#include "ngx_deploy_slack.h"


/*
 * What a user of Slack is told after the answer: a message to the
 * response_url of the command or the button.  The URL comes with the request
 * and is a secret: it is checked before it is kept, and never logged.
 */

#define NGX_HTTP_DEPLOY_RESPONSE_TIME  1800     /* seconds it is good for */
#define NGX_HTTP_DEPLOY_RESPONSE_MAX   4        /* builds that are told of */


/* keeps the URL of a request, if it is one of Slack's */
void ngx_http_deploy_response_take(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *url);

/*
 * Sends a text, to the user alone or, when in_channel is set, to all, by the
 * transport of a server.  Everything is copied; nobody waits for it.  An
 * empty url, and one that is good no longer at the time until, are no error.
 */
void ngx_http_deploy_response(ngx_http_deploy_srv_conf_t *dscf,
    ngx_str_t *url, time_t until, ngx_deploy_slack_text_t *text,
    ngx_uint_t in_channel);

/*
 * The result of a dispatch that nobody waits for any more: tells the user who
 * asked for it, if there is one
 */
void ngx_http_deploy_response_build(ngx_http_deploy_dispatch_t *d);


#endif /* _NGX_HTTP_DEPLOY_RESPONSE_H_INCLUDED_ */
