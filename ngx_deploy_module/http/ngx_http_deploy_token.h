
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_TOKEN_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_TOKEN_H_INCLUDED_


#include "ngx_http_deploy.h"


/*
 * The tokens of builds: each build that is started gets one, to report to a
 * location with "deploy_verify build" about itself.
 */

struct ngx_http_deploy_tokens_s {
    ngx_deploy_build_key_t        key;           /* of the worker */
    ngx_str_t                     url;           /* of the first location */
    ngx_array_t                   locations;     /* that take them */
    u_char                       *file;          /* of the first directive */
    ngx_uint_t                    line;
};


/* "build [url=URL]": NGX_CONF_OK or NGX_CONF_ERROR */
char *ngx_http_deploy_token_verify(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_deploy_verifier_t *v);

/*
 * Notes a location that was merged, if it takes such tokens; own is 1 when
 * deploy_verify is written in it.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_token_location(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_uint_t own);

/* checks what needs all of the configuration: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_token_init(ngx_conf_t *cf);

/*
 * Reads the key, or makes it, in a worker that starts.  Without a key builds
 * get no token, and none is accepted.
 */
void ngx_http_deploy_token_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);

/* where builds of the request are to report to, NULL: they get no token */
ngx_str_t *ngx_http_deploy_token_url(ngx_http_request_t *r);

/*
 * The body of StartBuild as it is sent, with the token of the build: NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_token_seal(ngx_pool_t *pool, ngx_str_t *project,
    ngx_str_t *id, ngx_str_t *body, ngx_str_t *sealed);

/*
 * Compares a report with the build whose token was shown, and which the store
 * has told of: NGX_OK, also where none was shown, or NGX_DECLINED.
 */
ngx_int_t ngx_http_deploy_token_check(ngx_http_deploy_ctx_t *ctx);

/* refuses it: what the request is to be finalized with */
ngx_int_t ngx_http_deploy_token_refuse(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_TOKEN_H_INCLUDED_ */
