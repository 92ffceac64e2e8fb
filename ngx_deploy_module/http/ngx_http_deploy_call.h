
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_CALL_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_CALL_H_INCLUDED_


#include "ngx_http_deploy_credentials.h"
#include "ngx_http_deploy_outbound.h"
#include "ngx_deploy_retry.h"


/*
 * A call of CodeBuild's API: signed, read, and repeated by the rules of
 * ngx_deploy_retry.h, each time with the same body and signed anew.  It waits
 * for credentials when there are none that are valid.
 */

typedef struct ngx_http_deploy_call_s      ngx_http_deploy_call_t;
typedef struct ngx_http_deploy_endpoint_s  ngx_http_deploy_endpoint_t;

typedef void (*ngx_http_deploy_call_pt)(ngx_http_deploy_call_t *call);

/*
 * Makes the body that is sent of the call's own, the same each time, for what
 * nothing else is to hold.  NGX_OK or NGX_ERROR.
 */

typedef ngx_int_t (*ngx_http_deploy_call_seal_pt)(
    ngx_http_deploy_call_t *call, ngx_str_t *body);

/* ngx_deploy_codebuild_reply() is one */

typedef int (*ngx_http_deploy_call_read_pt)(ngx_deploy_pool_t *pool,
    unsigned status, const ngx_deploy_str_t *error_type, const u_char *body,
    size_t len, unsigned whole, ngx_deploy_reply_t *reply);


struct ngx_http_deploy_call_s {
    void                           *fake[3];     /* the event's ident must */
    ngx_int_t                       ident;       /* be as in a connection */

    /* given by the caller; all of it has to live until the handler is called */
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;
    ngx_http_deploy_srv_conf_t     *dscf;
    ngx_str_t                       operation;   /* "StartBuild" */
    ngx_str_t                       project;     /* for the log */
    ngx_str_t                       delivery;    /* for the log, or empty */
    ngx_http_deploy_set_t          *set;         /* of credentials */
    ngx_str_t                       region;
    ngx_str_t                       url;         /* "https://HOST/" */
    ngx_str_t                       body;
    ngx_msec_t                      deadline;    /* for retries, waiting */
    ngx_http_deploy_call_seal_pt    seal;        /* NULL: body is sent as is */
    ngx_http_deploy_call_read_pt    read;
    ngx_http_deploy_call_pt         handler;
    void                           *data;

    /* the result; reply.class is NGX_DEPLOY_REPLY_STARTED of any success */
    ngx_deploy_reply_t              reply;
    ngx_uint_t                      retry_after; /* seconds, 0: not told */
    ngx_uint_t                      status;      /* of the last, or 0 */
    unsigned                        timedout:1;  /* without any reply */
    unsigned                        unknown:1;   /* of some attempt it is not
                                                    known what it came to */

    /* inner state */
    ngx_http_deploy_outbound_t     *out;         /* while it is under way */
    ngx_http_deploy_endpoint_t     *endpoint;
    ngx_deploy_retry_t              retry;
    int64_t                         offset;      /* signed with, seconds */
    ngx_uint_t                      generation;  /* of the credentials */
    ngx_http_deploy_wait_t          wait;        /* for others */
    unsigned                        refused:1;   /* it is for others */
    ngx_event_t                     event;
};


/*
 * Begins a call: the handler will be called exactly once, from the event
 * loop and never from here; until then the caller may look at the reason of
 * reply for what the last attempt came to.
 */
void ngx_http_deploy_call(ngx_http_deploy_call_t *call);

/* 1 when CodeBuild has the whole request of an attempt under way */
ngx_uint_t ngx_http_deploy_call_sent(ngx_http_deploy_call_t *call);


#endif /* _NGX_HTTP_DEPLOY_CALL_H_INCLUDED_ */
