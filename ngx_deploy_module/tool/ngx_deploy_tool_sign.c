
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "ngx_deploy_tool_sender.h"


static int ngx_deploy_tool_sign_mac(const ngx_deploy_verifier_t *verifier,
    size_t index, const ngx_deploy_str_t *id, const ngx_deploy_str_t *time,
    const ngx_deploy_str_t *body, u_char digest[NGX_DEPLOY_MAX_DIGEST]);
static int ngx_deploy_tool_sign_secret(ngx_deploy_pool_t *pool,
    const ngx_deploy_verifier_t *verifier, const ngx_deploy_str_t *secret,
    ngx_deploy_str_t *value);


int
ngx_deploy_tool_sign(ngx_deploy_pool_t *pool,
    const ngx_deploy_verifier_t *verifier, size_t index,
    const ngx_deploy_str_t *secret, const ngx_deploy_str_t *id,
    const ngx_deploy_str_t *time, const ngx_deploy_str_t *body,
    ngx_deploy_str_t *value)
{
    u_char  *p, digest[NGX_DEPLOY_MAX_DIGEST];

    if (verifier->secrets[index].mac == NULL) {
        return ngx_deploy_tool_sign_secret(pool, verifier, secret, value);
    }

    if (ngx_deploy_tool_sign_mac(verifier, index, id, time, body, digest)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    /* base64 of OpenSSL ends with a NUL, it is shorter than hexadecimal */

    p = ngx_deploy_palloc(pool, verifier->prefix.len + 2 * verifier->size + 4);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    value->data = p;

    if (verifier->prefix.len) {
        memcpy(p, verifier->prefix.data, verifier->prefix.len);
        p += verifier->prefix.len;
    }

    if (verifier->base64) {
        p += EVP_EncodeBlock(p, digest, (int) verifier->size);

    } else {
        p = ngx_deploy_hex_encode(p, digest, verifier->size);
    }

    value->len = p - value->data;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_sign_mac(const ngx_deploy_verifier_t *verifier, size_t index,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *time,
    const ngx_deploy_str_t *body, u_char digest[NGX_DEPLOY_MAX_DIGEST])
{
    int            ok;
    size_t         len;
    EVP_MAC_CTX   *mac;

    mac = EVP_MAC_CTX_dup(verifier->secrets[index].mac);
    if (mac == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    ok = 1;

    if (verifier->type == NGX_DEPLOY_SCHEME_SLACK) {
        ok = EVP_MAC_update(mac, (u_char *) "v0:", 3) == 1
             && EVP_MAC_update(mac, time->data, time->len) == 1
             && EVP_MAC_update(mac, (u_char *) ":", 1) == 1;

    } else if (verifier->type == NGX_DEPLOY_SCHEME_STANDARD) {
        ok = EVP_MAC_update(mac, id->data, id->len) == 1
             && EVP_MAC_update(mac, (u_char *) ".", 1) == 1
             && EVP_MAC_update(mac, time->data, time->len) == 1
             && EVP_MAC_update(mac, (u_char *) ".", 1) == 1;
    }

    ok = ok
         && (body->len == 0 || EVP_MAC_update(mac, body->data, body->len) == 1)
         && EVP_MAC_final(mac, digest, &len, NGX_DEPLOY_MAX_DIGEST) == 1
         && len == verifier->size;

    EVP_MAC_CTX_free(mac);
    ERR_clear_error();

    return ok ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


/* the secret itself is what is sent */

static int
ngx_deploy_tool_sign_secret(ngx_deploy_pool_t *pool,
    const ngx_deploy_verifier_t *verifier, const ngx_deploy_str_t *secret,
    ngx_deploy_str_t *value)
{
    size_t       len;
    u_char      *p;
    const char  *scheme;

    scheme = (verifier->type == NGX_DEPLOY_SCHEME_BASIC) ? "Basic "
             : verifier->bearer ? "Bearer " : "";

    len = strlen(scheme);

    p = ngx_deploy_palloc(pool, len + 2 * secret->len + 4);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    value->data = p;

    memcpy(p, scheme, len);
    p += len;

    if (verifier->type == NGX_DEPLOY_SCHEME_BASIC) {
        p += EVP_EncodeBlock(p, secret->data, (int) secret->len);

    } else {
        memcpy(p, secret->data, secret->len);
        p += secret->len;
    }

    value->len = p - value->data;

    return NGX_DEPLOY_OK;
}
