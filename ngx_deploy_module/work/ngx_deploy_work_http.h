
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_HTTP_H_INCLUDED_
#define _NGX_DEPLOY_WORK_HTTP_H_INCLUDED_


#include "ngx_deploy_work_chain.h"


/* one bounded request by libcurl; no redirects, no cookies, HTTP/1.1 */

typedef struct {
    const char               *method;     /* "GET", "PUT", "POST" */
    const char               *url;
    const char               *headers[8]; /* "Name: value", NULL at the end */
    const ngx_deploy_str_t   *body;       /* NULL: none */
    unsigned                  connect;    /* ms */
    unsigned                  total;      /* ms, with connect */
    unsigned                  direct;     /* by no proxy */
} ngx_deploy_work_request_t;


typedef enum {
    NGX_DEPLOY_WORK_HTTP_TIMEOUT = 1,
    NGX_DEPLOY_WORK_HTTP_UNREACHABLE,     /* refused, no route, no name */
    NGX_DEPLOY_WORK_HTTP_BROKEN           /* cut, too long, TLS, not HTTP */
} ngx_deploy_work_fault_e;


typedef struct {
    unsigned                  status;
    ngx_deploy_str_t          body;
    time_t                    date;       /* of the Date header, or 0 */

    ngx_deploy_work_fault_e   fault;
    char                      text[160];  /* of a fault, for people */
} ngx_deploy_work_reply_t;


/*
 * Sends a request and waits.  ctx->http is made at its first use and keeps
 * connections for the next.
 *
 * NGX_DEPLOY_OK        *reply has status, body (at most
 *                      NGX_DEPLOY_CREDENTIALS_MAX_REPLY bytes) and date
 * NGX_DEPLOY_DECLINED  there is no whole reply: fault and text tell why
 * NGX_DEPLOY_ERROR     a reason is set: time limit, stop flag, memory
 */
int ngx_deploy_work_http(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_request_t *request, ngx_deploy_work_reply_t *reply);

void ngx_deploy_work_http_free(ngx_deploy_work_ctx_t *ctx);


#endif /* _NGX_DEPLOY_WORK_HTTP_H_INCLUDED_ */
