
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_slack_text.h"


/* Slack shows an error to its users after three seconds */

#define NGX_HTTP_DEPLOY_COMMAND_WAIT  2000     /* ms */


/*
 * Looks at a request of Slack before the rules do: handshakes, what is no
 * target, buttons, and mistakes are answered.  NGX_DECLINED: it is for the
 * rules; NGX_AGAIN: the request has to wait; else what a content handler
 * returns.
 */
ngx_int_t ngx_http_deploy_command(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* ngx_http_deploy_ssl_check.c: Slack looks at the certificate, unsigned */

/* 1 when a request that was refused by its headers may be one */
ngx_uint_t ngx_http_deploy_ssl_check_asked(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* reads its body, nothing else of which is looked at: NGX_OK: it is one */
ngx_int_t ngx_http_deploy_ssl_check(ngx_http_request_t *r);

/* ngx_http_deploy_command.c */

/* answers a command whose builds have their results, in words */
ngx_int_t ngx_http_deploy_command_answer(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* answers with a text, to the user alone or to the channel */
ngx_int_t ngx_http_deploy_command_send(ngx_http_request_t *r,
    ngx_deploy_slack_text_t *text, ngx_uint_t in_channel);

/* ngx_http_deploy_task.c: the task of a request that waits no longer */
void ngx_http_deploy_task_timeout(ngx_http_deploy_ctx_t *ctx);

/* and of one that goes away */
void ngx_http_deploy_task_detach(ngx_http_deploy_ctx_t *ctx);

/* ngx_http_deploy_command.c */

/* appends a line that tells what became of a build */
void ngx_http_deploy_command_build(ngx_deploy_slack_text_t *text,
    ngx_http_deploy_build_t *build);

/* when the configuration is whole: whether a location takes commands */
void ngx_http_deploy_command_location(ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_loc_conf_t *dlcf);


#endif /* _NGX_HTTP_DEPLOY_COMMAND_H_INCLUDED_ */
