
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_claim.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>


static ngx_deploy_verify_e ngx_deploy_claim_token(ngx_deploy_signature_t *sig,
    ngx_deploy_str_t *value);
static ngx_deploy_verify_e ngx_deploy_claim_build(ngx_deploy_signature_t *sig,
    ngx_deploy_str_t *value);
static ngx_deploy_verify_e ngx_deploy_claim_pair(ngx_deploy_signature_t *sig,
    ngx_deploy_str_t *value);
static ngx_deploy_verify_e ngx_deploy_claim_list(ngx_deploy_signature_t *sig,
    const ngx_deploy_str_t *value);
static ngx_deploy_verify_e ngx_deploy_claim_mac(ngx_deploy_signature_t *sig,
    const ngx_deploy_str_t *value);
static int ngx_deploy_claim_scheme(ngx_deploy_str_t *value, const char *scheme);
static ngx_deploy_verify_e ngx_deploy_claim_digest(ngx_deploy_signature_t *sig,
    const u_char *p, size_t len);


ngx_deploy_verify_e
ngx_deploy_claim_header(const ngx_deploy_str_t *name,
    ngx_deploy_get_header_pt get, void *data, ngx_deploy_str_t *value)
{
    unsigned  n;

    n = get(data, name, value);

    if (n == 0) {
        return NGX_DEPLOY_VERIFY_MISSING;
    }

    if (n > 1) {
        return NGX_DEPLOY_VERIFY_DOUBLED;
    }

    while (value->len && (value->data[0] == ' ' || value->data[0] == '\t')) {
        value->data++;
        value->len--;
    }

    while (value->len
           && (value->data[value->len - 1] == ' '
               || value->data[value->len - 1] == '\t'))
    {
        value->len--;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


ngx_deploy_verify_e
ngx_deploy_claim_value(ngx_deploy_signature_t *sig, ngx_deploy_str_t *value)
{
    if (value->len == 0) {
        return NGX_DEPLOY_VERIFY_EMPTY;
    }

    switch (sig->verifier->type) {

    case NGX_DEPLOY_SCHEME_TOKEN:
        return ngx_deploy_claim_token(sig, value);

    case NGX_DEPLOY_SCHEME_BUILD:
        return ngx_deploy_claim_build(sig, value);

    case NGX_DEPLOY_SCHEME_BASIC:
        return ngx_deploy_claim_pair(sig, value);

    case NGX_DEPLOY_SCHEME_STANDARD:
        return ngx_deploy_claim_list(sig, value);

    case NGX_DEPLOY_SCHEME_SNS:
        return NGX_DEPLOY_VERIFY_SUCCESS;       /* it is in the body */

    default:
        return ngx_deploy_claim_mac(sig, value);
    }
}


static ngx_deploy_verify_e
ngx_deploy_claim_token(ngx_deploy_signature_t *sig, ngx_deploy_str_t *value)
{
    if (sig->verifier->bearer
        && ngx_deploy_claim_scheme(value, "bearer ") != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    return ngx_deploy_claim_digest(sig, value->data, value->len);
}


static ngx_deploy_verify_e
ngx_deploy_claim_build(ngx_deploy_signature_t *sig, ngx_deploy_str_t *value)
{
    if (ngx_deploy_claim_scheme(value, "bearer ") != NGX_DEPLOY_OK
        || ngx_deploy_build_token_read(value, &sig->build) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


static ngx_deploy_verify_e
ngx_deploy_claim_pair(ngx_deploy_signature_t *sig, ngx_deploy_str_t *value)
{
    size_t               size;
    u_char               pair[NGX_DEPLOY_MAX_PAIR];
    ngx_deploy_verify_e  rc;

    size = sizeof(pair);

    if (ngx_deploy_claim_scheme(value, "basic ") != NGX_DEPLOY_OK
        || ngx_deploy_base64_decode(pair, &size, value->data, value->len)
           != NGX_DEPLOY_OK
        || memchr(pair, ':', size) == NULL)
    {
        OPENSSL_cleanse(pair, sizeof(pair));
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    rc = ngx_deploy_claim_digest(sig, pair, size);

    OPENSSL_cleanse(pair, sizeof(pair));

    return rc;
}


/* entries of other versions, and what is none, are not there for us */

static ngx_deploy_verify_e
ngx_deploy_claim_list(ngx_deploy_signature_t *sig,
    const ngx_deploy_str_t *value)
{
    size_t             i, n;
    ngx_deploy_str_t   entry;

    n = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] != ' ' && (i == 0 || value->data[i - 1] == ' ')) {
            n++;
        }
    }

    if (n > NGX_DEPLOY_MAX_CLAIMS) {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    for (i = 0; i < value->len; i += entry.len + 1) {

        entry.data = value->data + i;
        entry.len = 0;

        while (i + entry.len < value->len && entry.data[entry.len] != ' ') {
            entry.len++;
        }

        (void) ngx_deploy_claim_mac(sig, &entry);
    }

    return sig->nclaims ? NGX_DEPLOY_VERIFY_SUCCESS
                        : NGX_DEPLOY_VERIFY_MALFORMED;
}


static ngx_deploy_verify_e
ngx_deploy_claim_mac(ngx_deploy_signature_t *sig,
    const ngx_deploy_str_t *value)
{
    int                           rc;
    size_t                        len, size;
    u_char                        digest[NGX_DEPLOY_MAX_DIGEST];
    const u_char                 *p;
    const ngx_deploy_str_t       *prefix;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;
    prefix = &verifier->prefix;

    if (prefix->len
        && (value->len < prefix->len
            || memcmp(value->data, prefix->data, prefix->len) != 0))
    {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    p = value->data + prefix->len;
    len = value->len - prefix->len;
    size = sizeof(digest);

    if (verifier->base64) {
        rc = ngx_deploy_base64_decode(digest, &size, p, len);

        if (rc == NGX_DEPLOY_OK && size != verifier->size) {
            rc = NGX_DEPLOY_DECLINED;
        }

    } else {
        rc = ngx_deploy_hex_decode(digest, verifier->size, p, len);
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    memcpy(sig->claims + sig->nclaims * verifier->size, digest,
           verifier->size);
    sig->nclaims++;

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


/* takes the scheme of Authorization off, something has to follow */

static int
ngx_deploy_claim_scheme(ngx_deploy_str_t *value, const char *scheme)
{
    size_t  len;

    len = strlen(scheme);

    if (value->len <= len
        || strncasecmp((char *) value->data, scheme, len) != 0)
    {
        return NGX_DEPLOY_DECLINED;
    }

    value->data += len;
    value->len -= len;

    return NGX_DEPLOY_OK;
}


/* digests are compared, so that no length is to be learnt */

static ngx_deploy_verify_e
ngx_deploy_claim_digest(ngx_deploy_signature_t *sig, const u_char *p,
    size_t len)
{
    if (EVP_Digest(p, len, sig->claims, NULL, EVP_sha256(), NULL) != 1) {
        ERR_clear_error();
        return NGX_DEPLOY_VERIFY_ERROR;
    }

    sig->nclaims = 1;

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


ngx_deploy_verify_e
ngx_deploy_claim_timestamp(ngx_deploy_signature_t *sig, time_t now)
{
    int64_t  t;

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


ngx_deploy_verify_e
ngx_deploy_claim_id(ngx_deploy_signature_t *sig)
{
    size_t   i;
    u_char  *p;

    if (sig->id.len == 0) {
        return NGX_DEPLOY_VERIFY_EMPTY;
    }

    if (sig->id.len > NGX_DEPLOY_MAX_ID) {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    p = sig->id.data;

    for (i = 0; i < sig->id.len; i++) {
        if (p[i] <= 0x20 || p[i] >= 0x7f || p[i] == '.') {
            return NGX_DEPLOY_VERIFY_MALFORMED;
        }
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}
