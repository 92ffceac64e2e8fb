
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_MEMO_H_INCLUDED_
#define _NGX_DEPLOY_MEMO_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * What is remembered of a build of a delivery, in few bytes of a table that
 * other processes write to: whatever they hold, reading them is safe.
 */

typedef struct {
    unsigned              state;         /* the caller's, up to 255 */
    unsigned              event;         /* its index, up to 65535 */
    unsigned              retry_after;   /* seconds, up to 65535 */
    int64_t               number;        /* of the build, or -1 */
    ngx_deploy_str_t      project;       /* texts are cut to 255 bytes */
    ngx_deploy_str_t      id;
    ngx_deploy_str_t      error;
    ngx_deploy_str_t      message;
    ngx_deploy_str_t      reason;
} ngx_deploy_memo_t;


/* writes a memo to at most size bytes: their number, 0 if it does not fit */
size_t ngx_deploy_memo_write(u_char *dst, size_t size,
    const ngx_deploy_memo_t *memo);

/*
 * Reads the memo at p, which has size bytes; its texts, absent when empty,
 * point into them.  The number of bytes read, 0 for what is no memo.
 */
size_t ngx_deploy_memo_read(const u_char *p, size_t size,
    ngx_deploy_memo_t *memo);


#endif /* _NGX_DEPLOY_MEMO_H_INCLUDED_ */
