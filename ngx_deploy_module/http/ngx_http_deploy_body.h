
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_BODY_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_BODY_H_INCLUDED_


#include "ngx_http_deploy.h"


/*
 * A pass over the body of a request, which was read before: in memory or in
 * a file, here or, when it is large, in a thread.  feed() and end() get data
 * and may be in the thread: they call core/ and work/ only.
 */

#define NGX_HTTP_DEPLOY_LARGE_BODY  (1024 * 1024)


typedef struct ngx_http_deploy_body_s   ngx_http_deploy_body_t;
typedef struct ngx_http_deploy_piece_s  ngx_http_deploy_piece_t;

struct ngx_http_deploy_body_s {

    /* given by the caller */
    ngx_int_t                (*feed)(void *data, u_char *p, size_t len);
    ngx_int_t                (*end)(void *data);   /* NULL: nothing to do */
    void                     (*done)(ngx_http_request_t *r, void *data,
                                  ngx_int_t rc);
    void                      *data;

    /* inner state */
    ngx_http_request_t        *request;
    ngx_http_deploy_piece_t   *pieces;
    ngx_uint_t                 npieces;
    u_char                    *buf;
    ngx_int_t                  rc;
    ngx_err_t                  err;
    unsigned                   complete:1;
};


/* the bytes of the body of a request, read before */
off_t ngx_http_deploy_body_size(ngx_http_request_t *r);

/*
 * Begins a pass over the body of a main request.  body lives as long as the
 * request.  NGX_AGAIN: a thread does it, which holds the request, and done()
 * will be called with the result, unless the request is terminated; it has
 * to set the handlers of the request.  NGX_BUSY: too many large bodies are
 * under way.  Else the result: NGX_OK, NGX_ERROR or what feed() or end()
 * returned.
 */
ngx_int_t ngx_http_deploy_body_pass(ngx_http_request_t *r,
    ngx_http_deploy_body_t *body);


#endif /* _NGX_HTTP_DEPLOY_BODY_H_INCLUDED_ */
