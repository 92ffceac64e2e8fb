
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SNS_H_INCLUDED_
#define _NGX_DEPLOY_SNS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_scan.h"
#include "ngx_deploy_signature.h"


/*
 * Messages of Amazon SNS over HTTP (providers.md, section 11.2): the
 * signature is in the body and covers some of its members, so the body has
 * to be read before it is verified.  That is done in a stream, and nothing of
 * it counts before ngx_deploy_sns_verify().
 */

#define NGX_DEPLOY_SNS_MAX_BODY         (1024 * 1024)
#define NGX_DEPLOY_SNS_MAX_MESSAGE      (256 * 1024)    /* decoded */
#define NGX_DEPLOY_SNS_MAX_URL          2048
#define NGX_DEPLOY_SNS_MAX_CERTIFICATE  16384


typedef enum {
    NGX_DEPLOY_SNS_NOTIFICATION = 0,
    NGX_DEPLOY_SNS_SUBSCRIPTION,         /* to be confirmed */
    NGX_DEPLOY_SNS_UNSUBSCRIPTION
} ngx_deploy_sns_type_e;


/* the members of an envelope */

typedef enum {
    NGX_DEPLOY_SNS_TYPE = 0,
    NGX_DEPLOY_SNS_MESSAGE_ID,
    NGX_DEPLOY_SNS_TOPIC,
    NGX_DEPLOY_SNS_MESSAGE,
    NGX_DEPLOY_SNS_SUBJECT,
    NGX_DEPLOY_SNS_TIMESTAMP,
    NGX_DEPLOY_SNS_TOKEN,
    NGX_DEPLOY_SNS_SUBSCRIBE_URL,
    NGX_DEPLOY_SNS_VERSION,
    NGX_DEPLOY_SNS_SIGNATURE,
    NGX_DEPLOY_SNS_CERTIFICATE_URL,

    NGX_DEPLOY_SNS_NMEMBERS
} ngx_deploy_sns_member_e;


typedef struct {
    ngx_deploy_pool_t        *pool;
    ngx_deploy_scan_t        *scan;
    size_t                    received;

    /* why it was refused: static, for the log */
    const char               *reason;

    /* set by ngx_deploy_sns_check() */
    ngx_deploy_sns_type_e     type;
    ngx_deploy_str_t          members[NGX_DEPLOY_SNS_NMEMBERS];
    ngx_deploy_str_t          certificate;   /* path of its URL */
    ngx_deploy_str_t          subscribe;     /* path and query of its URL */
    ngx_deploy_str_t          signature;     /* decoded */
} ngx_deploy_sns_t;


/* a certificate that signs messages */

typedef struct {
    void                     *key;           /* EVP_PKEY */
    int64_t                   not_before;    /* Unix time */
    int64_t                   not_after;
} ngx_deploy_sns_certificate_t;


/* the table of members, once per configuration; NULL: memory */
ngx_deploy_scan_table_t *ngx_deploy_sns_table(ngx_deploy_pool_t *pool);

/* begins a body; seed is nobody's guess.  NGX_DEPLOY_OK or _ERROR */
int ngx_deploy_sns_begin(ngx_deploy_sns_t *sns, ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_table_t *table, uint64_t seed);

/*
 * The next bytes of the body: NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with
 * sns->reason: no JSON object, a member doubled or of a wrong type, too
 * large; NGX_DEPLOY_ERROR: memory
 */
int ngx_deploy_sns_feed(ngx_deploy_sns_t *sns, const u_char *p, size_t len);

/*
 * The end of the body: all that can be told without the certificate.  type is
 * the value of x-amz-sns-message-type, now is Unix time.
 *
 * NGX_DEPLOY_VERIFY_SUCCESS    the signature decides; the certificate's URL
 *                              is one of SNS and so is, of a subscription,
 *                              the one that confirms it
 * NGX_DEPLOY_VERIFY_TOPIC      not a topic of the verifier
 * NGX_DEPLOY_VERIFY_STALE      not of the verifier's time
 * NGX_DEPLOY_VERIFY_MALFORMED  with sns->reason
 * NGX_DEPLOY_VERIFY_ERROR      memory
 */
ngx_deploy_verify_e ngx_deploy_sns_check(ngx_deploy_sns_t *sns,
    const ngx_deploy_verifier_t *verifier, const ngx_deploy_str_t *type,
    time_t now);

/*
 * NGX_DEPLOY_VERIFY_SUCCESS: the certificate's key made the signature.
 * NGX_DEPLOY_VERIFY_CERTIFICATE: it is not valid at this time.
 * NGX_DEPLOY_VERIFY_MISMATCH; NGX_DEPLOY_VERIFY_ERROR: OpenSSL.
 */
ngx_deploy_verify_e ngx_deploy_sns_verify(ngx_deploy_sns_t *sns,
    const ngx_deploy_sns_certificate_t *certificate, time_t now);

/*
 * Reads a certificate in PEM, the first one of the text: an RSA key of 2048
 * to 8192 bits, issued for a name of SNS, which is "sns" or begins with
 * "sns." or "sns-" below amazonaws.com or amazonaws.com.cn.  Who vouches for
 * it is TLS, as SNS serves no more than this one of the chain.
 * NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with a static *reason.
 */
int ngx_deploy_sns_certificate(ngx_deploy_sns_certificate_t *certificate,
    const u_char *p, size_t len, const char **reason);

/* 1 while it is valid, now is Unix time */
unsigned ngx_deploy_sns_certificate_valid(
    const ngx_deploy_sns_certificate_t *certificate, time_t now);

void ngx_deploy_sns_certificate_free(
    ngx_deploy_sns_certificate_t *certificate);


#endif /* _NGX_DEPLOY_SNS_H_INCLUDED_ */
