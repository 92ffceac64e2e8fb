
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_CONF_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_CONF_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * nginx's configuration as a tree of directives, which are not looked into:
 * words, quotes, escapes, comments, blocks, and includes by the caller
 */

#define NGX_DEPLOY_TOOL_MAX_BLOCKS    64       /* nested */
#define NGX_DEPLOY_TOOL_MAX_INCLUDES  32       /* nested */
#define NGX_DEPLOY_TOOL_MAX_WORD      65536


typedef struct ngx_deploy_tool_directive_s  ngx_deploy_tool_directive_t;

struct ngx_deploy_tool_directive_s {
    ngx_deploy_str_t              *args;       /* the name is the first */
    size_t                         nargs;
    const char                    *file;
    unsigned                       line;       /* as nginx tells: the end */
    unsigned                       is_block;
    ngx_deploy_tool_directive_t   *block;      /* the first in it, or NULL */
    ngx_deploy_tool_directive_t   *next;
};


typedef struct ngx_deploy_tool_conf_s  ngx_deploy_tool_conf_t;

struct ngx_deploy_tool_conf_s {
    ngx_deploy_pool_t             *pool;

    /*
     * parses the files of an "include" by ngx_deploy_tool_conf_parse(), their
     * directives follow last; codes as there
     */
    int                          (*include)(ngx_deploy_tool_conf_t *conf,
                                     const ngx_deploy_tool_directive_t *d,
                                     ngx_deploy_tool_directive_t ***last);
    void                          *data;

    unsigned                       blocks;
    unsigned                       includes;

    /* of an error */
    const char                    *reason;
    const char                    *file;
    unsigned                       line;
};


/*
 * Parses the text of a file.  *last is where the first directive is to be
 * put, and then where the next one is.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED
 * with conf->reason, file and line; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_tool_conf_parse(ngx_deploy_tool_conf_t *conf,
    const char *file, const ngx_deploy_str_t *text,
    ngx_deploy_tool_directive_t ***last);

/* the next directive of that name from d on, or NULL */
const ngx_deploy_tool_directive_t *ngx_deploy_tool_conf_find(
    const ngx_deploy_tool_directive_t *d, const char *name);


#endif /* _NGX_DEPLOY_TOOL_CONF_H_INCLUDED_ */
