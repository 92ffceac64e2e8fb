
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WATCH_H_INCLUDED_
#define _NGX_DEPLOY_WATCH_H_INCLUDED_


#include "ngx_deploy_build.h"
#include "ngx_deploy_codebuild.h"


/*
 * Asks CodeBuild for builds that nobody reports of (aws.md, 1.5 and 1.10).
 * 100 ids are allowed in a call, but their builds would be hundreds of
 * kilobytes.
 */

#define NGX_DEPLOY_WATCH_MAX  20


/*
 * Called for each build of a reply with what AWS itself tells of it: id,
 * status, times, log, phases.  One that AWS does not know any more is a fault
 * that AWS does not tell, with words.  The texts live as long as the call.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
typedef int (*ngx_deploy_watch_pt)(void *data,
    const ngx_deploy_build_t *build);


/* the body of BatchGetBuilds: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_watch_body(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *ids,
    size_t n, ngx_deploy_str_t *body);

/*
 * Reads a whole reply, status 200.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: it is
 * none, with a static *reason, and nothing was called; NGX_DEPLOY_ERROR.
 */
int ngx_deploy_watch_reply(ngx_deploy_pool_t *pool, const u_char *p,
    size_t len, ngx_deploy_watch_pt handler, void *data, const char **reason);


#endif /* _NGX_DEPLOY_WATCH_H_INCLUDED_ */
