
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_HTTP_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_HTTP_H_INCLUDED_


#include "ngx_deploy_tool.h"


#define NGX_DEPLOY_TOOL_MAX_REPLY  (4 * 1024 * 1024)


typedef struct {
    const char              *url;
    ngx_deploy_tool_list_t   headers;      /* "Name: value" */
    ngx_deploy_str_t         body;
    const char              *ca_file;      /* NULL: the system's */
    unsigned                 insecure;     /* no check of a certificate */
    unsigned                 timeout;      /* seconds for everything */
} ngx_deploy_tool_request_t;


typedef struct {
    unsigned                 status;
    ngx_deploy_str_t         body;
    ngx_deploy_str_t         error_type;   /* x-amzn-ErrorType */
    time_t                   date;         /* of the Date header, or 0 */
} ngx_deploy_tool_reply_t;


/*
 * Posts a request, follows no redirect.  NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR:
 * there is no whole reply, told on stderr.
 */
int ngx_deploy_tool_post(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_request_t *request, ngx_deploy_tool_reply_t *reply);


#endif /* _NGX_DEPLOY_TOOL_HTTP_H_INCLUDED_ */
