
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_STS_H_INCLUDED_
#define _NGX_DEPLOY_STS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_credentials.h"


/* AWS STS, version 2011-06-15 (aws.md, 3.5) */

#define NGX_DEPLOY_STS_CONTENT_TYPE                                           \
    "application/x-www-form-urlencoded; charset=utf-8"


typedef struct {
    ngx_deploy_str_t          role;           /* ARN */
    ngx_deploy_str_t          session_name;
    ngx_deploy_str_t          external_id;    /* absent: none */
    ngx_deploy_str_t          token;          /* of a web identity, or absent */
    unsigned                  duration;       /* seconds, 0: not sent */
} ngx_deploy_sts_request_t;


typedef enum {
    NGX_DEPLOY_STS_OK = 0,
    NGX_DEPLOY_STS_REFUSED,         /* for good */
    NGX_DEPLOY_STS_TRANSIENT,       /* 5xx, not what STS writes: retry */
    NGX_DEPLOY_STS_THROTTLED,       /* retry, throttling class */
    NGX_DEPLOY_STS_TOKEN,           /* the web identity token is too old */
    NGX_DEPLOY_STS_SKEW             /* a signature's time: look at Date */
} ngx_deploy_sts_class_e;


typedef struct {
    ngx_deploy_sts_class_e           class;
    ngx_deploy_credentials_reply_t   reply;
    const char                      *reason;   /* static, NULL with a code */
} ngx_deploy_sts_result_t;


/*
 * The host and the signing region of STS.  legacy asks for the global
 * endpoint in the regions that had it before there were regional ones
 * (AWS_STS_REGIONAL_ENDPOINTS); flags as of ngx_deploy_region_host().
 * NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED: no such host.
 */
int ngx_deploy_sts_host(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *region, unsigned flags, unsigned legacy,
    ngx_deploy_str_t *host, ngx_deploy_str_t *signing);

/*
 * The body of AssumeRoleWithWebIdentity when there is a token, else of
 * AssumeRole.  NGX_DEPLOY_OK; NGX_DEPLOY_ERROR: memory; NGX_DEPLOY_DECLINED
 * with a static *reason: a value is not what STS takes.
 */
int ngx_deploy_sts_body(ngx_deploy_pool_t *pool,
    const ngx_deploy_sts_request_t *request, ngx_deploy_str_t *body,
    const char **reason);

/*
 * Reads a reply, JSON or XML.  Classes go by the code of an error, by status
 * where none is known (aws.md, 3.5 and 4.1).  result->reply has the code and
 * the message of an error, the latter is left out where STS quotes what was
 * signed.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_sts_reply(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *text, ngx_deploy_sts_result_t *result);


#endif /* _NGX_DEPLOY_STS_H_INCLUDED_ */
