
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SIGNATURE_H_INCLUDED_
#define _NGX_DEPLOY_SIGNATURE_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * Signatures of webhooks (providers.md, section 1.2): first the headers are
 * checked, which needs no body, then the body goes through a MAC per secret
 * as it arrives, then the verdict.
 */

#define NGX_DEPLOY_MAX_DIGEST        64
#define NGX_DEPLOY_MAX_SECRETS       16      /* of one deploy_verify */
#define NGX_DEPLOY_SECRET_MIN        16      /* shorter ones are warned of */
#define NGX_DEPLOY_MAX_SECRET_FILE   65536
#define NGX_DEPLOY_TOLERANCE         300     /* seconds */


typedef enum {
    NGX_DEPLOY_SCHEME_HMAC = 0,      /* a MAC over the body */
    NGX_DEPLOY_SCHEME_SLACK,         /* a MAC over "v0:timestamp:body" */
    NGX_DEPLOY_SCHEME_TOKEN          /* the secret itself in a header */
} ngx_deploy_scheme_type_e;


typedef struct {
    void                     *mac;   /* keyed EVP_MAC_CTX, never updated */
    u_char                    digest[32];    /* token: SHA-256 of it */
    unsigned                  line;
} ngx_deploy_secret_t;


typedef struct {
    const char               *name;          /* "github" */
    ngx_deploy_scheme_type_e  type;
    ngx_deploy_str_t          header;        /* lower case */
    ngx_deploy_str_t          prefix;        /* "sha256=" */
    ngx_deploy_str_t          time_header;   /* lower case or absent */
    const char               *algorithm;     /* OpenSSL's digest name */
    size_t                    size;          /* bytes of the digest */
    unsigned                  base64;        /* else hexadecimal */
    unsigned                  bearer;        /* "Bearer " is taken off */
    time_t                    tolerance;     /* seconds, both ways */

    ngx_deploy_secret_t      *secrets;
    size_t                    nsecrets;
} ngx_deploy_verifier_t;


/* why a request was refused: the words of $deploy_verify */

typedef enum {
    NGX_DEPLOY_VERIFY_SUCCESS = 0,
    NGX_DEPLOY_VERIFY_MISSING,
    NGX_DEPLOY_VERIFY_EMPTY,
    NGX_DEPLOY_VERIFY_DOUBLED,
    NGX_DEPLOY_VERIFY_MALFORMED,
    NGX_DEPLOY_VERIFY_STALE,
    NGX_DEPLOY_VERIFY_MISMATCH,
    NGX_DEPLOY_VERIFY_ERROR          /* memory, OpenSSL: fails closed */
} ngx_deploy_verify_e;


/* the state of one request under one verifier */

typedef struct {
    const ngx_deploy_verifier_t  *verifier;
    ngx_deploy_str_t              timestamp;     /* the header's text */
    u_char                        claim[NGX_DEPLOY_MAX_DIGEST];
    void                         *macs[NGX_DEPLOY_MAX_SECRETS];
    unsigned                      failed;
} ngx_deploy_signature_t;


/*
 * Sets the defaults of a scheme: "github", "bitbucket", "slack", "token",
 * "hmac".  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED for an unknown name.
 */
int ngx_deploy_verifier_init(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name);

/* sha256, sha512, sha1: NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED */
int ngx_deploy_verifier_algorithm(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name);

/*
 * The secrets of a file's text, one a line; blank lines and those beginning
 * with "#" are skipped, CR LF is taken off, nothing else.  Must be called
 * last, when the algorithm is known.  *shortest is the length of the
 * shortest secret.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with a static *reason:
 * empty, too many, a byte order mark, a NUL; NGX_DEPLOY_ERROR.
 */
int ngx_deploy_verifier_secrets(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text, size_t *shortest,
    const char **reason);

/* frees what OpenSSL holds for the secrets */
void ngx_deploy_verifier_free(ngx_deploy_verifier_t *verifier);

/*
 * Checks the headers of a request and readies the MACs.  now is Unix time.
 * NGX_DEPLOY_VERIFY_SUCCESS: the body decides (or, for a token, it already
 * matched).  Whatever the result, ngx_deploy_signature_free() may be called.
 */
ngx_deploy_verify_e ngx_deploy_signature_begin(ngx_deploy_signature_t *sig,
    const ngx_deploy_verifier_t *verifier, ngx_deploy_get_header_pt get,
    void *data, time_t now);

/* the next bytes of the body */
void ngx_deploy_signature_update(ngx_deploy_signature_t *sig,
    const u_char *p, size_t len);

/*
 * The verdict, in constant time over all secrets.  *line is set to the line
 * of the secret that matched.
 */
ngx_deploy_verify_e ngx_deploy_signature_end(ngx_deploy_signature_t *sig,
    unsigned *line);

void ngx_deploy_signature_free(ngx_deploy_signature_t *sig);

/* "missing", "doubled", ... */
const char *ngx_deploy_verify_name(ngx_deploy_verify_e verdict);


#endif /* _NGX_DEPLOY_SIGNATURE_H_INCLUDED_ */
