
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_SNS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_SNS_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_sns.h"


typedef struct ngx_http_deploy_certificate_s  ngx_http_deploy_certificate_t;
typedef struct ngx_http_deploy_confirm_s  ngx_http_deploy_confirm_t;

/* the message of SNS that a request is: ctx->sns */

struct ngx_http_deploy_sns_s {
    ngx_deploy_sns_t                message;
    ngx_deploy_signature_t         *sig;         /* of the headers */
    ngx_http_deploy_ctx_t          *ctx;

    ngx_queue_t                     queue;       /* of a certificate */
    ngx_http_deploy_confirm_t      *confirm;     /* while it is under way */
    unsigned                        waiting:1;   /* in the queue */
};


/* ngx_http_deploy_sns.c */

/*
 * The headers of a request are those of a message of SNS: readies ctx->sns
 * for its body.  NGX_OK, NGX_ERROR: memory, or NGX_DECLINED: the body is too
 * large.
 */
ngx_int_t ngx_http_deploy_sns_begin(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_signature_t *sig);

/*
 * The body is there: sets ctx->verdict and returns NGX_OK; or NGX_AGAIN: the
 * request waits for a certificate and ngx_http_deploy_gate_resume() will be
 * called.
 */
ngx_int_t ngx_http_deploy_sns_verdict(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the certificate is there, or NULL: it was not to be had */
void ngx_http_deploy_sns_verify(ngx_http_deploy_sns_t *sns,
    const ngx_deploy_sns_certificate_t *certificate);

/* why a message was refused, for the log, or NULL */
const char *ngx_http_deploy_sns_reason(ngx_http_deploy_ctx_t *ctx);

/* 1 for a verified message that is about the subscription itself */
ngx_uint_t ngx_http_deploy_sns_handshake(ngx_http_deploy_ctx_t *ctx);

/*
 * For the content handler: confirms a subscription.  NGX_AGAIN: the request
 * waits, it will be finalized; or what it is to be finalized with.
 */
ngx_int_t ngx_http_deploy_sns_confirm(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the request goes away */
void ngx_http_deploy_sns_cleanup(ngx_http_deploy_ctx_t *ctx);


/* ngx_http_deploy_certificate.c: those of this worker, by their URLs */

/*
 * The certificate at a URL, which has passed the rules: valid now, or NULL,
 * then *fetch is the one to be waited for, or NULL as well: too many are
 * fetched, or memory is short.
 */
const ngx_deploy_sns_certificate_t *ngx_http_deploy_certificate_get(
    ngx_http_request_t *r, ngx_str_t *url,
    ngx_http_deploy_certificate_t **fetch);

/*
 * ngx_http_deploy_sns_verify() and ngx_http_deploy_gate_resume() will be
 * called for the message, unless it leaves the queue before
 */
void ngx_http_deploy_certificate_wait(ngx_http_deploy_certificate_t *fetch,
    ngx_http_deploy_sns_t *sns);

/* at the exit of the worker */
void ngx_http_deploy_certificate_free(void);


#endif /* _NGX_HTTP_DEPLOY_SNS_H_INCLUDED_ */
