
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_CREDENTIALS_H_INCLUDED_
#define _NGX_DEPLOY_CREDENTIALS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_sigv4.h"


/* what the sources of AWS credentials write (aws.md, section 3) */

#define NGX_DEPLOY_CREDENTIALS_MAX_TOKEN    16384
#define NGX_DEPLOY_CREDENTIALS_MAX_REPLY    65536
#define NGX_DEPLOY_CREDENTIALS_MAX_CODE     64
#define NGX_DEPLOY_CREDENTIALS_MAX_MESSAGE  256


typedef enum {
    NGX_DEPLOY_CREDENTIALS_IMDS = 0,    /* Token and Expiration, Code */
    NGX_DEPLOY_CREDENTIALS_CONTAINER,   /* Token and Expiration */
    NGX_DEPLOY_CREDENTIALS_PROCESS,     /* Version, SessionToken */
    NGX_DEPLOY_CREDENTIALS_STS          /* AssumeRole...Response */
} ngx_deploy_credentials_kind_e;


typedef struct {
    ngx_deploy_credentials_t   credentials;
    int64_t                    expires;   /* Unix time, 0: not told */

    /* of an error: printable ASCII, absent when there is none */
    ngx_deploy_str_t           code;
    ngx_deploy_str_t           message;
} ngx_deploy_credentials_reply_t;


/*
 * Checks that both keys are there, that the id and the token, which stand in
 * headers, and the secret are of printable ASCII without blanks and not too
 * long.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED with a static *reason.
 */
int ngx_deploy_credentials_check(const ngx_deploy_credentials_t *credentials,
    const char **reason);

/*
 * RFC 3339, "2026-11-22T23:00:00Z", also with a fraction, which is dropped,
 * or an offset, as Unix time from 1970 to 9999.
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_credentials_time(const ngx_deploy_str_t *text, int64_t *time);

/*
 * A JSON number, not negative, as whole seconds: STS writes 1.79E9.
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED: not a number, beyond the year 9999.
 */
int ngx_deploy_credentials_number(const ngx_deploy_str_t *text,
    int64_t *time);

/*
 * Reads the JSON of a source, of at most NGX_DEPLOY_CREDENTIALS_MAX_REPLY
 * bytes.  Members of no meaning are skipped, null is as good as absent.
 * *reply holds an error's code and message, if there are, whatever is
 * returned.
 *
 * NGX_DEPLOY_OK        credentials that pass the check
 * NGX_DEPLOY_DECLINED  with a static *reason
 * NGX_DEPLOY_ERROR     memory
 */
int ngx_deploy_credentials_read(ngx_deploy_pool_t *pool,
    ngx_deploy_credentials_kind_e kind, const ngx_deploy_str_t *text,
    ngx_deploy_credentials_reply_t *reply, const char **reason);

/*
 * A code (letters, digits, "_", "." and "-") and a message of strangers made
 * fit for a log: cut, what is no printable ASCII became "?".  A code of other
 * characters is left out.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_credentials_error(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *code, const ngx_deploy_str_t *message,
    ngx_deploy_credentials_reply_t *reply);


#endif /* _NGX_DEPLOY_CREDENTIALS_H_INCLUDED_ */
