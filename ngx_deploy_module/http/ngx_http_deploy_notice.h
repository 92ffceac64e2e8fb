
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_NOTICE_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_NOTICE_H_INCLUDED_


#include "ngx_http_deploy_notify.h"
#include "ngx_http_deploy_store.h"


/*
 * A build that is being started: what is known of it, and the channels where
 * it is to be told that it was started, or that it was not.  The request may
 * be gone by then, so its rules are asked before.  response_url is where the
 * user who asked for it is told, once; it is a secret.
 */

typedef struct {
    ngx_deploy_build_t            build;
    ngx_deploy_build_t            told;           /* with its result */
    ngx_str_t                     key;            /* if it gets no id */
    ngx_array_t                   started;        /* ngx_str_t */
    ngx_array_t                   rejected;
    ngx_str_t                     response_url;   /* empty: nobody asked */
    time_t                        response_until; /* it is good */
} ngx_http_deploy_notice_t;


/*
 * What is to be told of a build that a request starts, with copies of all
 * texts in the pool; *notice is NULL when nothing ever is.  NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_notice_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index, ngx_pool_t *pool, ngx_http_deploy_notice_t **notice);

/* the build was started, or was not, by the reply of CodeBuild */
void ngx_http_deploy_notice_tell(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_reply_t *reply, ngx_uint_t started);

/*
 * The notice as a text for the store, but for response_url, and back, *notice
 * being NULL when the text is none.  NGX_OK, text->data is not set when there
 * is too much to be told, or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_notice_dump(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_str_t *text);
ngx_int_t ngx_http_deploy_notice_load(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *response, ngx_http_deploy_notice_t **notice);

/*
 * The record that is stored along with the result of a build, its texts in
 * the pool; that of a build that was not started is known by the key and the
 * suffix.  NGX_OK, NGX_DECLINED: it is too large, or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_notice_record(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_reply_t *reply, ngx_uint_t started,
    ngx_str_t *suffix, ngx_deploy_store_record_t *record);

/* it was stored, known being the one that there was, or NULL: it is told */
void ngx_http_deploy_notice_kept(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_store_record_t *record,
    ngx_deploy_store_record_t *known);


#endif /* _NGX_HTTP_DEPLOY_NOTICE_H_INCLUDED_ */
