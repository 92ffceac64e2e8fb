
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_SEND_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_SEND_H_INCLUDED_


#include "ngx_deploy_signature.h"
#include "ngx_deploy_tool_answer.h"


/* what "send" is told to do, and what it makes of that */

typedef struct {
    const char                 *scheme;
    const char                 *file;        /* of secrets */
    const char                 *payload;     /* file, NULL: fields */
    const char                 *event_word;
    const char                 *id;
    int64_t                     line;        /* of the secret */
    int64_t                     time;
    int64_t                     timeout;
    unsigned                    form;
    unsigned                    dry_run;
    ngx_deploy_tool_list_t      params;
    ngx_deploy_tool_list_t      fields;
    ngx_deploy_tool_list_t      headers;

    ngx_deploy_verifier_t       verifier;
    size_t                      index;       /* of the secret */
    ngx_deploy_str_t            text;        /* of the file of secrets */
    ngx_deploy_str_t            secret;

    const char                 *type;        /* of the content */
    unsigned                    made;        /* the body is not the file's */
    ngx_deploy_str_t            document;    /* JSON, absent: there is none */
    size_t                      signature;   /* index of its header */
    ngx_deploy_tool_request_t   request;
    const char                 *reason;
} ngx_deploy_tool_send_t;


/*
 * Reads the secrets of a file into a verifier, as the module does it.
 * NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR: told on stderr.
 */
int ngx_deploy_tool_secrets(ngx_deploy_tool_t *tool,
    ngx_deploy_verifier_t *verifier, const char *file,
    ngx_deploy_str_t *text);

/* makes the body and its type: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR, told */
int ngx_deploy_tool_send_body(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);

/* prints the request as a command for a shell, or as JSON; an exit code */
int ngx_deploy_tool_send_show(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);


#endif /* _NGX_DEPLOY_TOOL_SEND_H_INCLUDED_ */
