
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_BUILD_TOKEN_H_INCLUDED_
#define _NGX_DEPLOY_BUILD_TOKEN_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * What a build is given to report with: its project, the idempotencyToken it
 * was started with, and a MAC of both:
 *
 *     deploy1.PROJECT.TOKEN.MAC
 *
 * It is made of these alone, so that StartBuild has the same bytes whenever
 * it is sent again.  All digits are hexadecimal.
 */

#define NGX_DEPLOY_BUILD_TOKEN_ENV   "DEPLOY_TOKEN"
#define NGX_DEPLOY_BUILD_TOKEN_URL   "DEPLOY_URL"

/* what the variable has until the body of StartBuild is sent */
#define NGX_DEPLOY_BUILD_TOKEN_MASK  "***"

#define NGX_DEPLOY_BUILD_TOKEN_KEY   32      /* bytes of a key */
#define NGX_DEPLOY_BUILD_TOKEN_MAC   32
#define NGX_DEPLOY_BUILD_TOKEN_ID    64      /* digits of an idempotencyToken */


typedef struct {
    u_char              data[NGX_DEPLOY_BUILD_TOKEN_KEY];
    unsigned            set;                 /* 0: there is none */
} ngx_deploy_build_key_t;


/* what a token claims, parts of its text */

typedef struct {
    ngx_deploy_str_t    project;
    ngx_deploy_str_t    id;                  /* idempotencyToken */
    u_char              mac[NGX_DEPLOY_BUILD_TOKEN_MAC];
} ngx_deploy_build_claim_t;


/*
 * The token of a build, in memory of the pool.  NGX_DEPLOY_OK,
 * NGX_DEPLOY_DECLINED when there is no key or project or id are none, or
 * NGX_DEPLOY_ERROR.
 */
int ngx_deploy_build_token(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_key_t *key, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *id, ngx_deploy_str_t *token);

/*
 * Takes a text apart that is said to be a token; nothing is verified.
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_build_token_read(const ngx_deploy_str_t *text,
    ngx_deploy_build_claim_t *claim);

/*
 * Verifies the MAC of a claim, in constant time.  NGX_DEPLOY_OK,
 * NGX_DEPLOY_DECLINED, or NGX_DEPLOY_ERROR, also when there is no key.
 */
int ngx_deploy_build_token_verify(const ngx_deploy_build_key_t *key,
    const ngx_deploy_build_claim_t *claim);

/*
 * The body of ngx_deploy_codebuild_start_build() as it is to be sent: where
 * the variable DEPLOY_TOKEN has the mask for a value it gets the token, and
 * is taken out when there is no key.  Any other body is left as it is.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_build_token_seal(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_key_t *key, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *body,
    ngx_deploy_str_t *sealed);


#endif /* _NGX_DEPLOY_BUILD_TOKEN_H_INCLUDED_ */
