
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_MESSAGE_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_MESSAGE_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_sigv4.h"


/* a request that was saved, as a text */

#define NGX_DEPLOY_TOOL_MAX_HEADERS  256


typedef struct {
    ngx_deploy_str_t      method;     /* absent: there is no such line */
    ngx_deploy_str_t      target;     /* absent as well */
    ngx_deploy_header_t  *headers;    /* names are lower case */
    size_t                nheaders;
    ngx_deploy_str_t      body;       /* absent: the text has none */

    unsigned              line;       /* of an error */
} ngx_deploy_tool_message_t;


/*
 * Reads a request line, which may be missing, headers, and behind an empty
 * line the body: as HTTP sends it, as curl -v prints it (the lines that begin
 * with "> ", without a body), as GitHub shows it ("Request URL: ...").  With
 * Content-Length one end of a line behind the body is left out.
 *
 * NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with a static *reason and
 * message->line; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_tool_message(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_tool_message_t *message,
    const char **reason);

/* an ngx_deploy_get_header_pt, data is the message */
unsigned ngx_deploy_tool_message_header(void *data,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);


#endif /* _NGX_DEPLOY_TOOL_MESSAGE_H_INCLUDED_ */
