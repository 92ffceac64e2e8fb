
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SIGNATURE_H_INCLUDED_
#define _NGX_DEPLOY_SIGNATURE_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_build_token.h"
#include "ngx_deploy_form.h"


/*
 * Signatures of webhooks (providers.md, section 1.2): first the headers are
 * checked, which needs no body, then the body goes through a MAC per secret
 * as it arrives, then the verdict.
 */

#define NGX_DEPLOY_MAX_DIGEST        64
#define NGX_DEPLOY_MAX_SECRETS       16      /* of one deploy_verify */
#define NGX_DEPLOY_MAX_CLAIMS        16      /* signatures in one header */
#define NGX_DEPLOY_MAX_ID            256     /* bytes of a signed id */
#define NGX_DEPLOY_MAX_PAIR          512     /* bytes of "user:password" */
#define NGX_DEPLOY_SECRET_MIN        16      /* shorter ones are warned of */
#define NGX_DEPLOY_KEY_MIN           24      /* the same, after whsec_ */
#define NGX_DEPLOY_MAX_SECRET_FILE   65536
#define NGX_DEPLOY_TOLERANCE         300     /* seconds */
#define NGX_DEPLOY_MAX_TOPICS        32


typedef enum {
    NGX_DEPLOY_SCHEME_HMAC = 0,      /* a MAC over the body */
    NGX_DEPLOY_SCHEME_PAYLOAD,       /* a MAC over the JSON, in forms, too */
    NGX_DEPLOY_SCHEME_SLACK,         /* a MAC over "v0:timestamp:body" */
    NGX_DEPLOY_SCHEME_STANDARD,      /* MACs over "id.timestamp.body" */
    NGX_DEPLOY_SCHEME_TOKEN,         /* the secret itself in a header */
    NGX_DEPLOY_SCHEME_BASIC,         /* "user:password" in Authorization */
    NGX_DEPLOY_SCHEME_BUILD,         /* see ngx_deploy_build_token.h */
    NGX_DEPLOY_SCHEME_SNS            /* in the body, see ngx_deploy_sns.h */
} ngx_deploy_scheme_type_e;


typedef struct {
    void                     *mac;   /* keyed EVP_MAC_CTX, never updated */
    u_char                    digest[32];    /* no MAC: SHA-256 of it */
    unsigned                  line;
} ngx_deploy_secret_t;


typedef struct {
    const char               *name;          /* "github" */
    ngx_deploy_scheme_type_e  type;
    ngx_deploy_str_t          header;        /* lower case, as all names */
    ngx_deploy_str_t          prefix;        /* "sha256=" */
    ngx_deploy_str_t          id_header;     /* absent: no id is signed */
    ngx_deploy_str_t          time_header;   /* absent: no time is signed */
    const char               *algorithm;     /* OpenSSL's digest name */
    size_t                    size;          /* bytes of the digest */
    unsigned                  base64;        /* else hexadecimal */
    unsigned                  bearer;        /* "Bearer " is taken off */
    time_t                    tolerance;     /* seconds, both ways; "sns":
                                                0 is any time */

    ngx_deploy_secret_t      *secrets;
    size_t                    nsecrets;
    ngx_deploy_build_key_t   *key;           /* "build": of all its builds */
    ngx_deploy_str_t         *topics;        /* "sns": ARNs */
    size_t                    ntopics;
} ngx_deploy_verifier_t;


/* what is to be said of a file of secrets, lines begin with 1 */

typedef struct {
    const char               *reason;        /* static, with DECLINED */
    unsigned                  line;          /* of it; 0: the whole file */
    unsigned                  weak;          /* of a short secret, or 0 */
    size_t                    min;           /* bytes it should have */
    unsigned                  unused;        /* of an unused token, or 0 */
} ngx_deploy_secrets_t;


/* why a request was refused: the words of $deploy_verify */

typedef enum {
    NGX_DEPLOY_VERIFY_SUCCESS = 0,
    NGX_DEPLOY_VERIFY_MISSING,
    NGX_DEPLOY_VERIFY_EMPTY,
    NGX_DEPLOY_VERIFY_DOUBLED,
    NGX_DEPLOY_VERIFY_MALFORMED,
    NGX_DEPLOY_VERIFY_STALE,
    NGX_DEPLOY_VERIFY_MISMATCH,
    NGX_DEPLOY_VERIFY_TOPIC,         /* of SNS, that is not allowed */
    NGX_DEPLOY_VERIFY_CERTIFICATE,   /* of SNS, was not to be had */
    NGX_DEPLOY_VERIFY_OTHER,         /* the token is another build's */
    NGX_DEPLOY_VERIFY_EXPIRED,       /* ... of one that ended long ago */
    NGX_DEPLOY_VERIFY_UNKNOWN,       /* ... whose build is not known yet */
    NGX_DEPLOY_VERIFY_ERROR          /* memory, OpenSSL: fails closed */
} ngx_deploy_verify_e;


/* the state of one request under one verifier */

typedef struct {
    const ngx_deploy_verifier_t  *verifier;
    ngx_deploy_str_t              value;         /* of the header */
    ngx_deploy_str_t              id;            /* the header's text */
    ngx_deploy_str_t              timestamp;     /* the header's text */
    size_t                        nclaims;
    ngx_deploy_build_claim_t      build;         /* of "build" */
    void                         *macs[NGX_DEPLOY_MAX_SECRETS];
    unsigned                      is_form;       /* its payload is signed */
    unsigned                      failed;

    /* claims of the digest's size, one after the other */
    u_char                        claims[NGX_DEPLOY_MAX_CLAIMS * 32];
    ngx_deploy_form_t             form;
} ngx_deploy_signature_t;


/*
 * Sets the defaults of a scheme: "github", "gitlab", ... (providers.md,
 * section 1.1).  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED for an unknown name.
 */
int ngx_deploy_verifier_init(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name);

/* sha256, sha512, sha1: NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED */
int ngx_deploy_verifier_algorithm(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name);

/*
 * The header of "token", "hmac" and "standard"; with the last one its name
 * ends in "-signature", and "-id" and "-timestamp" stand for that in the
 * names of the others.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: not such a name,
 * or the scheme has a header of its own; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_verifier_header(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *name);

/*
 * A parameter of deploy_verify, "name=value", that suits the scheme: header,
 * algorithm, encoding, prefix, tolerance, topic.  The text is kept.
 * NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: there is no such one, or its value does
 * not suit, *reason is a static text that continues a sentence about it, or
 * NULL; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_verifier_param(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    const char **reason);

/*
 * The secrets of a file's text, one a line; blank lines and those beginning
 * with "#" are skipped, CR LF is taken off, nothing else.  Must be called
 * last, when the algorithm is known.  "gitlab" becomes a scheme of signatures
 * when a line begins with "whsec_", and plain tokens are unused then.
 * NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: see report; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_verifier_secrets(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    ngx_deploy_secrets_t *report);

/*
 * The topics of "sns": ARNs separated by commas.  NGX_DEPLOY_OK;
 * NGX_DEPLOY_DECLINED with a static *reason; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_verifier_topics(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *list,
    const char **reason);

/* 1 when topic is one of those of the verifier */
unsigned ngx_deploy_verifier_has_topic(const ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *topic);

/*
 * The next line of a file's text with a secret, 0 at the end; *line counts
 * all lines, it is 0 before the first call.
 */
unsigned ngx_deploy_secret_next(ngx_deploy_str_t *rest,
    ngx_deploy_str_t *secret, unsigned *line);

/*
 * 1 when the one of index i has tokens of GitLab that do not count, as another
 * one has a signing token: a right token must not rescue a request without a
 * signature
 */
unsigned ngx_deploy_verifier_unused(const ngx_deploy_verifier_t *verifiers,
    size_t n, size_t i);

/* frees what OpenSSL holds for the secrets */
void ngx_deploy_verifier_free(ngx_deploy_verifier_t *verifier);

/*
 * Checks the headers of a request and readies the MACs.  now is Unix time.
 * NGX_DEPLOY_VERIFY_SUCCESS: the body decides (or, for a token, it already
 * matched); the values of the headers have to live as long as sig.  Whatever
 * the result, ngx_deploy_signature_free() may be called.  Of "sns" the headers
 * alone are checked: the body is for ngx_deploy_sns_feed(), and the verdict of
 * ngx_deploy_signature_end() is never success.
 */
ngx_deploy_verify_e ngx_deploy_signature_begin(ngx_deploy_signature_t *sig,
    const ngx_deploy_verifier_t *verifier, ngx_deploy_get_header_pt get,
    void *data, time_t now);

/* the next bytes of the body */
void ngx_deploy_signature_update(ngx_deploy_signature_t *sig,
    const u_char *p, size_t len);

/*
 * The verdict, in constant time over all secrets and claims.  *line is set to
 * the line of the secret that matched, where there is a file.  With
 * NGX_DEPLOY_VERIFY_SUCCESS sig->id is the signed id of the delivery or absent,
 * sig->build what the token of "build" claims, and sig->is_form tells that the
 * payload of a form was signed, not the form.
 */
ngx_deploy_verify_e ngx_deploy_signature_end(ngx_deploy_signature_t *sig,
    unsigned *line);

void ngx_deploy_signature_free(ngx_deploy_signature_t *sig);

/* "missing", "doubled", ... */
const char *ngx_deploy_verify_name(ngx_deploy_verify_e verdict);


#endif /* _NGX_DEPLOY_SIGNATURE_H_INCLUDED_ */
