
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>


typedef struct {
    const char               *name;
    ngx_deploy_scheme_type_e  type;
    ngx_deploy_str_t          header;
    ngx_deploy_str_t          prefix;
    ngx_deploy_str_t          time_header;
} ngx_deploy_scheme_t;


static int ngx_deploy_secret_init(ngx_deploy_verifier_t *verifier,
    EVP_MAC *mac, ngx_deploy_secret_t *secret, const u_char *p, size_t len);
static ngx_deploy_verify_e ngx_deploy_signature_timestamp(
    ngx_deploy_signature_t *sig, ngx_deploy_get_header_pt get, void *data,
    time_t now);
static ngx_deploy_verify_e ngx_deploy_signature_claim(
    ngx_deploy_signature_t *sig, ngx_deploy_str_t *value);
static ngx_deploy_verify_e ngx_deploy_signature_macs(
    ngx_deploy_signature_t *sig);
static void ngx_deploy_trim(ngx_deploy_str_t *s);


static const ngx_deploy_scheme_t  ngx_deploy_schemes[] = {

    { "github", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_string("x-hub-signature-256"),
      ngx_deploy_string("sha256="), ngx_deploy_null_string },

    /* Cloud and Data Center: the SHA-1 header's name, a SHA-256 value */

    { "bitbucket", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_string("x-hub-signature"),
      ngx_deploy_string("sha256="), ngx_deploy_null_string },

    { "slack", NGX_DEPLOY_SCHEME_SLACK,
      ngx_deploy_string("x-slack-signature"),
      ngx_deploy_string("v0="),
      ngx_deploy_string("x-slack-request-timestamp") },

    { "token", NGX_DEPLOY_SCHEME_TOKEN,
      ngx_deploy_string("authorization"),
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "hmac", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { NULL, 0, ngx_deploy_null_string, ngx_deploy_null_string,
      ngx_deploy_null_string }
};


static const char  *ngx_deploy_verify_names[] = {
    "success",
    "missing",
    "empty",
    "doubled",
    "malformed",
    "stale",
    "mismatch",
    "error"
};


int
ngx_deploy_verifier_init(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name)
{
    const ngx_deploy_scheme_t  *scheme;

    memset(verifier, 0, sizeof(ngx_deploy_verifier_t));

    for (scheme = ngx_deploy_schemes; scheme->name; scheme++) {

        if (!ngx_deploy_str_is(name, scheme->name)) {
            continue;
        }

        verifier->name = scheme->name;
        verifier->type = scheme->type;
        verifier->header = scheme->header;
        verifier->prefix = scheme->prefix;
        verifier->time_header = scheme->time_header;
        verifier->algorithm = "SHA256";
        verifier->size = 32;
        verifier->tolerance = NGX_DEPLOY_TOLERANCE;
        verifier->bearer = (scheme->type == NGX_DEPLOY_SCHEME_TOKEN);

        return NGX_DEPLOY_OK;
    }

    return NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_verifier_algorithm(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name)
{
    if (ngx_deploy_str_is(name, "sha256")) {
        verifier->algorithm = "SHA256";
        verifier->size = 32;

    } else if (ngx_deploy_str_is(name, "sha512")) {
        verifier->algorithm = "SHA512";
        verifier->size = 64;

    } else if (ngx_deploy_str_is(name, "sha1")) {
        verifier->algorithm = "SHA1";
        verifier->size = 20;

    } else {
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_verifier_secrets(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text, size_t *shortest,
    const char **reason)
{
    int            rc;
    size_t         len;
    EVP_MAC       *mac;
    unsigned       line;
    const u_char  *p, *end, *next;

    static const u_char  bom[] = { 0xef, 0xbb, 0xbf };

    *shortest = (size_t) -1;

    if (text->len >= sizeof(bom) && memcmp(text->data, bom, sizeof(bom)) == 0) {
        *reason = "begins with a byte order mark";
        return NGX_DEPLOY_DECLINED;
    }

    if (text->len && memchr(text->data, '\0', text->len) != NULL) {
        *reason = "holds a NUL byte";
        return NGX_DEPLOY_DECLINED;
    }

    verifier->secrets = ngx_deploy_pcalloc(pool, NGX_DEPLOY_MAX_SECRETS
                                                 * sizeof(ngx_deploy_secret_t));
    if (verifier->secrets == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (mac == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    rc = NGX_DEPLOY_OK;
    p = text->data;
    end = p + text->len;

    for (line = 1; p < end; line++, p = next) {

        next = memchr(p, '\n', end - p);
        len = (next ? next : end) - p;
        next = next ? next + 1 : end;

        if (len && p[len - 1] == '\r') {
            len--;
        }

        if (len == 0 || *p == '#') {
            continue;
        }

        if (verifier->nsecrets == NGX_DEPLOY_MAX_SECRETS) {
            *reason = "holds more than 16 secrets";
            rc = NGX_DEPLOY_DECLINED;
            break;
        }

        verifier->secrets[verifier->nsecrets].line = line;

        rc = ngx_deploy_secret_init(verifier, mac,
                                    &verifier->secrets[verifier->nsecrets],
                                    p, len);
        if (rc != NGX_DEPLOY_OK) {
            break;
        }

        verifier->nsecrets++;

        if (len < *shortest) {
            *shortest = len;
        }
    }

    EVP_MAC_free(mac);

    if (rc == NGX_DEPLOY_OK && verifier->nsecrets == 0) {
        *reason = "holds no secret";
        rc = NGX_DEPLOY_DECLINED;
    }

    return rc;
}


static int
ngx_deploy_secret_init(ngx_deploy_verifier_t *verifier, EVP_MAC *mac,
    ngx_deploy_secret_t *secret, const u_char *p, size_t len)
{
    OSSL_PARAM  params[2];

    if (verifier->type == NGX_DEPLOY_SCHEME_TOKEN) {

        /* digests are compared, so that no length is to be learnt */

        if (EVP_Digest(p, len, secret->digest, NULL, EVP_sha256(), NULL) != 1) {
            ERR_clear_error();
            return NGX_DEPLOY_ERROR;
        }

        return NGX_DEPLOY_OK;
    }

    secret->mac = EVP_MAC_CTX_new(mac);
    if (secret->mac == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) verifier->algorithm,
                                                 0);
    params[1] = OSSL_PARAM_construct_end();

    if (EVP_MAC_init(secret->mac, p, len, params) != 1) {
        ERR_clear_error();
        EVP_MAC_CTX_free(secret->mac);
        secret->mac = NULL;
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_verifier_free(ngx_deploy_verifier_t *verifier)
{
    size_t  i;

    for (i = 0; i < verifier->nsecrets; i++) {
        EVP_MAC_CTX_free(verifier->secrets[i].mac);
        verifier->secrets[i].mac = NULL;
        OPENSSL_cleanse(verifier->secrets[i].digest, 32);
    }

    verifier->nsecrets = 0;
}


ngx_deploy_verify_e
ngx_deploy_signature_begin(ngx_deploy_signature_t *sig,
    const ngx_deploy_verifier_t *verifier, ngx_deploy_get_header_pt get,
    void *data, time_t now)
{
    unsigned             n;
    ngx_deploy_str_t     value;
    ngx_deploy_verify_e  rc;

    static const char  bearer[] = "bearer ";

    memset(sig, 0, sizeof(ngx_deploy_signature_t));

    sig->verifier = verifier;

    n = get(data, &verifier->header, &value);

    if (n == 0) {
        return NGX_DEPLOY_VERIFY_MISSING;
    }

    if (n > 1) {
        return NGX_DEPLOY_VERIFY_DOUBLED;
    }

    ngx_deploy_trim(&value);

    if (value.len == 0) {
        return NGX_DEPLOY_VERIFY_EMPTY;
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_TOKEN) {

        if (verifier->bearer) {
            if (value.len < sizeof(bearer)
                || strncasecmp((char *) value.data, bearer,
                               sizeof(bearer) - 1) != 0)
            {
                return NGX_DEPLOY_VERIFY_MALFORMED;
            }

            value.data += sizeof(bearer) - 1;
            value.len -= sizeof(bearer) - 1;
        }

        if (EVP_Digest(value.data, value.len, sig->claim, NULL, EVP_sha256(),
                       NULL)
            != 1)
        {
            ERR_clear_error();
            return NGX_DEPLOY_VERIFY_ERROR;
        }

        return NGX_DEPLOY_VERIFY_SUCCESS;
    }

    rc = ngx_deploy_signature_claim(sig, &value);
    if (rc != NGX_DEPLOY_VERIFY_SUCCESS) {
        return rc;
    }

    if (verifier->time_header.len) {
        rc = ngx_deploy_signature_timestamp(sig, get, data, now);
        if (rc != NGX_DEPLOY_VERIFY_SUCCESS) {
            return rc;
        }
    }

    return ngx_deploy_signature_macs(sig);
}


static ngx_deploy_verify_e
ngx_deploy_signature_timestamp(ngx_deploy_signature_t *sig,
    ngx_deploy_get_header_pt get, void *data, time_t now)
{
    int64_t   t;
    unsigned  n;

    n = get(data, &sig->verifier->time_header, &sig->timestamp);

    if (n == 0) {
        return NGX_DEPLOY_VERIFY_MISSING;
    }

    if (n > 1) {
        return NGX_DEPLOY_VERIFY_DOUBLED;
    }

    ngx_deploy_trim(&sig->timestamp);

    t = ngx_deploy_atoi64(sig->timestamp.data, sig->timestamp.len);

    if (t < 0) {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    if (t < (int64_t) now - sig->verifier->tolerance
        || t > (int64_t) now + sig->verifier->tolerance)
    {
        return NGX_DEPLOY_VERIFY_STALE;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


static ngx_deploy_verify_e
ngx_deploy_signature_claim(ngx_deploy_signature_t *sig,
    ngx_deploy_str_t *value)
{
    int                           rc;
    size_t                        size;
    const ngx_deploy_str_t       *prefix;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;
    prefix = &verifier->prefix;

    if (prefix->len) {
        if (value->len < prefix->len
            || memcmp(value->data, prefix->data, prefix->len) != 0)
        {
            return NGX_DEPLOY_VERIFY_MALFORMED;
        }

        value->data += prefix->len;
        value->len -= prefix->len;
    }

    if (verifier->base64) {
        size = sizeof(sig->claim);

        rc = ngx_deploy_base64_decode(sig->claim, &size, value->data,
                                      value->len);

        if (rc == NGX_DEPLOY_OK && size != verifier->size) {
            rc = NGX_DEPLOY_DECLINED;
        }

    } else {
        rc = ngx_deploy_hex_decode(sig->claim, verifier->size, value->data,
                                   value->len);
    }

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_VERIFY_SUCCESS
                                 : NGX_DEPLOY_VERIFY_MALFORMED;
}


static ngx_deploy_verify_e
ngx_deploy_signature_macs(ngx_deploy_signature_t *sig)
{
    size_t                        i;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;

    for (i = 0; i < verifier->nsecrets; i++) {

        sig->macs[i] = EVP_MAC_CTX_dup(verifier->secrets[i].mac);

        if (sig->macs[i] == NULL) {
            ERR_clear_error();
            return NGX_DEPLOY_VERIFY_ERROR;
        }
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_SLACK) {
        ngx_deploy_signature_update(sig, (u_char *) "v0:", 3);
        ngx_deploy_signature_update(sig, sig->timestamp.data,
                                    sig->timestamp.len);
        ngx_deploy_signature_update(sig, (u_char *) ":", 1);
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


void
ngx_deploy_signature_update(ngx_deploy_signature_t *sig, const u_char *p,
    size_t len)
{
    size_t  i;

    if (len == 0) {
        return;
    }

    for (i = 0; i < sig->verifier->nsecrets; i++) {

        if (sig->macs[i] == NULL) {
            continue;
        }

        if (EVP_MAC_update(sig->macs[i], p, len) != 1) {
            ERR_clear_error();
            sig->failed = 1;
        }
    }
}


ngx_deploy_verify_e
ngx_deploy_signature_end(ngx_deploy_signature_t *sig, unsigned *line)
{
    size_t                        i, len, size;
    u_char                        digest[NGX_DEPLOY_MAX_DIGEST];
    const u_char                 *p;
    ngx_deploy_verify_e           verdict;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;
    verdict = NGX_DEPLOY_VERIFY_MISMATCH;

    if (sig->failed) {
        return NGX_DEPLOY_VERIFY_ERROR;
    }

    for (i = 0; i < verifier->nsecrets; i++) {

        if (verifier->type == NGX_DEPLOY_SCHEME_TOKEN) {
            p = verifier->secrets[i].digest;
            size = 32;

        } else {
            p = digest;
            size = verifier->size;

            if (sig->macs[i] == NULL
                || EVP_MAC_final(sig->macs[i], digest, &len, sizeof(digest))
                   != 1
                || len != size)
            {
                ERR_clear_error();
                return NGX_DEPLOY_VERIFY_ERROR;
            }
        }

        /* all secrets are tried whichever matches */

        if (CRYPTO_memcmp(p, sig->claim, size) == 0
            && verdict != NGX_DEPLOY_VERIFY_SUCCESS)
        {
            verdict = NGX_DEPLOY_VERIFY_SUCCESS;
            *line = verifier->secrets[i].line;
        }
    }

    OPENSSL_cleanse(digest, sizeof(digest));

    return verdict;
}


void
ngx_deploy_signature_free(ngx_deploy_signature_t *sig)
{
    size_t  i;

    for (i = 0; i < NGX_DEPLOY_MAX_SECRETS; i++) {
        if (sig->macs[i]) {
            EVP_MAC_CTX_free(sig->macs[i]);
            sig->macs[i] = NULL;
        }
    }
}


const char *
ngx_deploy_verify_name(ngx_deploy_verify_e verdict)
{
    return ngx_deploy_verify_names[verdict];
}


static void
ngx_deploy_trim(ngx_deploy_str_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }

    while (s->len
           && (s->data[s->len - 1] == ' ' || s->data[s->len - 1] == '\t'))
    {
        s->len--;
    }
}
