
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_claim.h"
#include "ngx_deploy_media.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>


static ngx_deploy_verify_e ngx_deploy_signature_signed(
    ngx_deploy_signature_t *sig, ngx_deploy_get_header_pt get, void *data,
    time_t now);
static ngx_deploy_verify_e ngx_deploy_signature_payload(
    ngx_deploy_signature_t *sig, ngx_deploy_get_header_pt get, void *data);
static ngx_deploy_verify_e ngx_deploy_signature_topic(
    ngx_deploy_signature_t *sig, ngx_deploy_get_header_pt get, void *data);
static ngx_deploy_verify_e ngx_deploy_signature_macs(
    ngx_deploy_signature_t *sig);
static int ngx_deploy_signature_mac(void *data, const u_char *p, size_t len);
static ngx_deploy_verify_e ngx_deploy_signature_build(
    const ngx_deploy_signature_t *sig);
static unsigned ngx_deploy_signature_match(ngx_deploy_signature_t *sig,
    const u_char *digest);
static unsigned ngx_deploy_signature_secret(
    const ngx_deploy_verifier_t *verifier);


static const char  *ngx_deploy_verify_names[] = {
    "success",
    "missing",
    "empty",
    "doubled",
    "malformed",
    "stale",
    "mismatch",
    "topic",
    "certificate",
    "other",
    "expired",
    "unknown",
    "error"
};


ngx_deploy_verify_e
ngx_deploy_signature_begin(ngx_deploy_signature_t *sig,
    const ngx_deploy_verifier_t *verifier, ngx_deploy_get_header_pt get,
    void *data, time_t now)
{
    ngx_deploy_str_t     value;
    ngx_deploy_verify_e  rc;

    /* the rest is written before it is read */

    memset(sig, 0, offsetof(ngx_deploy_signature_t, claims));

    sig->verifier = verifier;

    rc = ngx_deploy_claim_header(&verifier->header, get, data, &sig->value);

    if (rc == NGX_DEPLOY_VERIFY_SUCCESS) {
        value = sig->value;
        rc = ngx_deploy_claim_value(sig, &value);
    }

    if (rc == NGX_DEPLOY_VERIFY_SUCCESS) {
        rc = ngx_deploy_signature_signed(sig, get, data, now);
    }

    return (rc == NGX_DEPLOY_VERIFY_SUCCESS) ? ngx_deploy_signature_macs(sig)
                                             : rc;
}


/* what is signed besides the body, and how much of that is */

static ngx_deploy_verify_e
ngx_deploy_signature_signed(ngx_deploy_signature_t *sig,
    ngx_deploy_get_header_pt get, void *data, time_t now)
{
    ngx_deploy_verify_e           rc;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;

    if (verifier->type == NGX_DEPLOY_SCHEME_PAYLOAD) {
        return ngx_deploy_signature_payload(sig, get, data);
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_SNS) {
        return ngx_deploy_signature_topic(sig, get, data);
    }

    if (verifier->id_header.len) {

        rc = ngx_deploy_claim_header(&verifier->id_header, get, data,
                                     &sig->id);
        if (rc == NGX_DEPLOY_VERIFY_SUCCESS) {
            rc = ngx_deploy_claim_id(sig);
        }

        if (rc != NGX_DEPLOY_VERIFY_SUCCESS) {
            return rc;
        }
    }

    if (verifier->time_header.len) {

        rc = ngx_deploy_claim_header(&verifier->time_header, get, data,
                                     &sig->timestamp);
        if (rc == NGX_DEPLOY_VERIFY_SUCCESS) {
            rc = ngx_deploy_claim_timestamp(sig, now);
        }

        return rc;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


/*
 * The content type is not signed: whatever it says, nothing is accepted but
 * what the MAC covers, and sig->is_form tells what that was
 */

static ngx_deploy_verify_e
ngx_deploy_signature_payload(ngx_deploy_signature_t *sig,
    ngx_deploy_get_header_pt get, void *data)
{
    ngx_deploy_str_t     value;
    ngx_deploy_verify_e  rc;

    static const ngx_deploy_str_t  name = ngx_deploy_string("content-type");

    rc = ngx_deploy_claim_header(&name, get, data, &value);

    if (rc == NGX_DEPLOY_VERIFY_DOUBLED) {
        return rc;
    }

    if (rc == NGX_DEPLOY_VERIFY_SUCCESS
        && ngx_deploy_media_type(&value) == NGX_DEPLOY_MEDIA_FORM)
    {
        sig->is_form = 1;
        ngx_deploy_form_init(&sig->form, "payload", ngx_deploy_signature_mac,
                             sig);
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


/* the one in the body counts, but most strangers can be told so */

static ngx_deploy_verify_e
ngx_deploy_signature_topic(ngx_deploy_signature_t *sig,
    ngx_deploy_get_header_pt get, void *data)
{
    ngx_deploy_str_t     value;
    ngx_deploy_verify_e  rc;

    static const ngx_deploy_str_t  name =
                                   ngx_deploy_string("x-amz-sns-topic-arn");

    rc = ngx_deploy_claim_header(&name, get, data, &value);

    if (rc != NGX_DEPLOY_VERIFY_SUCCESS) {
        return rc;
    }

    return ngx_deploy_verifier_has_topic(sig->verifier, &value)
           ? NGX_DEPLOY_VERIFY_SUCCESS : NGX_DEPLOY_VERIFY_TOPIC;
}


static ngx_deploy_verify_e
ngx_deploy_signature_macs(ngx_deploy_signature_t *sig)
{
    size_t                        i;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;

    if (ngx_deploy_signature_secret(verifier)) {
        return NGX_DEPLOY_VERIFY_SUCCESS;
    }

    for (i = 0; i < verifier->nsecrets; i++) {

        sig->macs[i] = EVP_MAC_CTX_dup(verifier->secrets[i].mac);

        if (sig->macs[i] == NULL) {
            ERR_clear_error();
            return NGX_DEPLOY_VERIFY_ERROR;
        }
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_SLACK) {
        ngx_deploy_signature_mac(sig, (u_char *) "v0:", 3);
        ngx_deploy_signature_mac(sig, sig->timestamp.data, sig->timestamp.len);
        ngx_deploy_signature_mac(sig, (u_char *) ":", 1);

    } else if (verifier->type == NGX_DEPLOY_SCHEME_STANDARD) {
        ngx_deploy_signature_mac(sig, sig->id.data, sig->id.len);
        ngx_deploy_signature_mac(sig, (u_char *) ".", 1);
        ngx_deploy_signature_mac(sig, sig->timestamp.data, sig->timestamp.len);
        ngx_deploy_signature_mac(sig, (u_char *) ".", 1);
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}


void
ngx_deploy_signature_update(ngx_deploy_signature_t *sig, const u_char *p,
    size_t len)
{
    if (len == 0) {
        return;
    }

    if (sig->is_form) {
        (void) ngx_deploy_form_feed(&sig->form, p, len);
        return;
    }

    (void) ngx_deploy_signature_mac(sig, p, len);
}


static int
ngx_deploy_signature_mac(void *data, const u_char *p, size_t len)
{
    ngx_deploy_signature_t  *sig = data;

    size_t  i;

    for (i = 0; i < sig->verifier->nsecrets; i++) {

        if (sig->macs[i] == NULL) {
            continue;
        }

        if (EVP_MAC_update(sig->macs[i], p, len) != 1) {
            ERR_clear_error();
            sig->failed = 1;
        }
    }

    return NGX_DEPLOY_OK;
}


ngx_deploy_verify_e
ngx_deploy_signature_end(ngx_deploy_signature_t *sig, unsigned *line)
{
    size_t                        i, len;
    u_char                        digest[NGX_DEPLOY_MAX_DIGEST];
    const u_char                 *p;
    ngx_deploy_verify_e           verdict;
    const ngx_deploy_verifier_t  *verifier;

    verifier = sig->verifier;
    verdict = NGX_DEPLOY_VERIFY_MISMATCH;

    if (sig->failed) {
        return NGX_DEPLOY_VERIFY_ERROR;
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_BUILD) {
        return ngx_deploy_signature_build(sig);
    }

    /* a field beside the payload would be one that nobody signed */

    if (sig->is_form
        && (ngx_deploy_form_end(&sig->form) != NGX_DEPLOY_OK
            || sig->form.fields != 1))
    {
        return NGX_DEPLOY_VERIFY_MALFORMED;
    }

    for (i = 0; i < verifier->nsecrets; i++) {

        if (ngx_deploy_signature_secret(verifier)) {
            p = verifier->secrets[i].digest;

        } else {
            p = digest;

            if (sig->macs[i] == NULL
                || EVP_MAC_final(sig->macs[i], digest, &len, sizeof(digest))
                   != 1
                || len != verifier->size)
            {
                ERR_clear_error();
                return NGX_DEPLOY_VERIFY_ERROR;
            }
        }

        /* all secrets are tried whichever matches */

        if (ngx_deploy_signature_match(sig, p)
            && verdict != NGX_DEPLOY_VERIFY_SUCCESS)
        {
            verdict = NGX_DEPLOY_VERIFY_SUCCESS;
            *line = verifier->secrets[i].line;
        }
    }

    OPENSSL_cleanse(digest, sizeof(digest));

    return verdict;
}


static ngx_deploy_verify_e
ngx_deploy_signature_build(const ngx_deploy_signature_t *sig)
{
    if (sig->verifier->key == NULL) {
        return NGX_DEPLOY_VERIFY_ERROR;
    }

    switch (ngx_deploy_build_token_verify(sig->verifier->key, &sig->build)) {

    case NGX_DEPLOY_OK:
        return NGX_DEPLOY_VERIFY_SUCCESS;

    case NGX_DEPLOY_DECLINED:
        return NGX_DEPLOY_VERIFY_MISMATCH;

    default:
        return NGX_DEPLOY_VERIFY_ERROR;
    }
}


/* all claims are compared whichever matches */

static unsigned
ngx_deploy_signature_match(ngx_deploy_signature_t *sig, const u_char *digest)
{
    size_t    i, size;
    unsigned  match;

    match = 0;
    size = sig->verifier->size;

    for (i = 0; i < sig->nclaims; i++) {
        match |= (CRYPTO_memcmp(digest, sig->claims + i * size, size) == 0);
    }

    return match;
}


/* 1 when the secret itself is sent, nothing is signed */

static unsigned
ngx_deploy_signature_secret(const ngx_deploy_verifier_t *verifier)
{
    return verifier->type == NGX_DEPLOY_SCHEME_TOKEN
           || verifier->type == NGX_DEPLOY_SCHEME_BASIC;
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
