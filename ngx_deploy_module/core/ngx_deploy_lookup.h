
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_LOOKUP_H_INCLUDED_
#define _NGX_DEPLOY_LOOKUP_H_INCLUDED_


#include "ngx_deploy_codebuild.h"


/*
 * Looks for the build of a StartBuild whose outcome is not known, when its
 * idempotencyToken is no longer valid (DESIGN, section 10): the newest builds
 * of the project are listed and read, some at a time, until one has our mark
 * or they are older than the attempt.
 */

#define NGX_DEPLOY_LOOKUP_MARK   "DEPLOY_DELIVERY"
#define NGX_DEPLOY_LOOKUP_IDS    100     /* of a list */
#define NGX_DEPLOY_LOOKUP_BATCH  10      /* read at once */
#define NGX_DEPLOY_LOOKUP_OTHERS 16      /* builds that are not the one */
#define NGX_DEPLOY_LOOKUP_SKEW   60      /* seconds, of the clocks */


typedef struct {

    /* what is looked for, given by the caller */
    ngx_deploy_str_t   project;
    ngx_deploy_str_t   mark;            /* value of DEPLOY_DELIVERY */
    ngx_deploy_str_t   version;         /* sourceVersion, may be absent */
    int64_t            since;           /* Unix time, 0: any */

    /* inner state */
    ngx_deploy_str_t   others[NGX_DEPLOY_LOOKUP_OTHERS];
    size_t             nothers;
    ngx_deploy_str_t   ids[NGX_DEPLOY_LOOKUP_IDS];
    size_t             n;
    size_t             next;            /* the first that was not read */
    unsigned           pages;
    ngx_deploy_str_t   token;           /* nextToken */
    unsigned           listed:1;
    unsigned           done:1;
} ngx_deploy_lookup_t;


/*
 * Takes mark and version from the body of StartBuild that was sent.
 * NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED when it has no mark, NGX_DEPLOY_ERROR.
 */
int ngx_deploy_lookup_body(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const ngx_deploy_str_t *body);

/*
 * The next call to be made: a static *operation and its body.
 * NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED: there is no such build, or
 * NGX_DEPLOY_ERROR.
 */
int ngx_deploy_lookup_next(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const char **operation, ngx_deploy_str_t *body);

/*
 * The whole reply, status 200, to the last call.  NGX_DEPLOY_OK: the build
 * was found, *reply is as of StartBuild.  NGX_DEPLOY_AGAIN: one more call is
 * to be made.  NGX_DEPLOY_DECLINED: not the reply that it should be, with a
 * static reply->reason.  NGX_DEPLOY_ERROR.
 */
int ngx_deploy_lookup_reply(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const u_char *p, size_t len, ngx_deploy_reply_t *reply);

/*
 * The build that was found is somebody else's: begins anew without it.  Its
 * id has to live as long as the lookup.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED
 * after too many of them.
 */
int ngx_deploy_lookup_other(ngx_deploy_lookup_t *l,
    const ngx_deploy_str_t *id);


#endif /* _NGX_DEPLOY_LOOKUP_H_INCLUDED_ */
