
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>


#define NGX_DEPLOY_WHSEC      "whsec_"
#define NGX_DEPLOY_WHSEC_LEN  (sizeof(NGX_DEPLOY_WHSEC) - 1)


static void ngx_deploy_secret_gitlab(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *text);
static int ngx_deploy_secret_add(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, EVP_MAC *mac, const ngx_deploy_str_t *text,
    unsigned line, ngx_deploy_secrets_t *report);
static int ngx_deploy_secret_pair(ngx_deploy_secret_t *secret,
    const ngx_deploy_str_t *text, ngx_deploy_secrets_t *report);
static int ngx_deploy_secret_key(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, EVP_MAC *mac, ngx_deploy_secret_t *secret,
    const ngx_deploy_str_t *text, ngx_deploy_secrets_t *report);
static int ngx_deploy_secret_mac(ngx_deploy_verifier_t *verifier,
    EVP_MAC *mac, ngx_deploy_secret_t *secret, const u_char *p, size_t len);
static int ngx_deploy_secret_digest(ngx_deploy_secret_t *secret,
    const ngx_deploy_str_t *text);
static void ngx_deploy_secret_weigh(ngx_deploy_secrets_t *report,
    ngx_deploy_secret_t *secret, size_t len, size_t min);


int
ngx_deploy_verifier_secrets(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    ngx_deploy_secrets_t *report)
{
    int                rc;
    EVP_MAC           *mac;
    unsigned           line;
    ngx_deploy_str_t   rest, secret;

    static const u_char  bom[] = { 0xef, 0xbb, 0xbf };

    memset(report, 0, sizeof(ngx_deploy_secrets_t));

    if (text->len >= sizeof(bom) && memcmp(text->data, bom, sizeof(bom)) == 0) {
        report->reason = "begins with a byte order mark";
        return NGX_DEPLOY_DECLINED;
    }

    if (text->len && memchr(text->data, '\0', text->len) != NULL) {
        report->reason = "holds a NUL byte";
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

    if (strcmp(verifier->name, "gitlab") == 0) {
        ngx_deploy_secret_gitlab(verifier, text);
    }

    rc = NGX_DEPLOY_OK;
    rest = *text;
    line = 0;

    while (rc == NGX_DEPLOY_OK
           && ngx_deploy_secret_next(&rest, &secret, &line))
    {
        rc = ngx_deploy_secret_add(verifier, pool, mac, &secret, line, report);
    }

    EVP_MAC_free(mac);

    if (rc == NGX_DEPLOY_OK && verifier->nsecrets == 0) {
        report->reason = "holds no secret";
        rc = NGX_DEPLOY_DECLINED;
    }

    return rc;
}


unsigned
ngx_deploy_secret_next(ngx_deploy_str_t *rest, ngx_deploy_str_t *secret,
    unsigned *line)
{
    size_t   len;
    u_char  *p;

    while (rest->len) {

        (*line)++;

        secret->data = rest->data;

        p = memchr(rest->data, '\n', rest->len);

        secret->len = p ? (size_t) (p - rest->data) : rest->len;
        len = secret->len + (p != NULL);

        rest->data += len;
        rest->len -= len;

        if (secret->len && secret->data[secret->len - 1] == '\r') {
            secret->len--;
        }

        if (secret->len && secret->data[0] != '#') {
            return 1;
        }
    }

    return 0;
}


/*
 * A signing token makes the signature obligatory: a right X-Gitlab-Token must
 * not rescue a request without one (providers.md, section 5)
 */

static void
ngx_deploy_secret_gitlab(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *text)
{
    unsigned               line;
    ngx_deploy_str_t       rest, secret;
    ngx_deploy_verifier_t  standard;

    static const ngx_deploy_str_t  name = ngx_deploy_string("standard");

    line = 0;
    rest = *text;

    while (ngx_deploy_secret_next(&rest, &secret, &line)) {

        if (!ngx_deploy_str_starts(&secret, NGX_DEPLOY_WHSEC)) {
            continue;
        }

        (void) ngx_deploy_verifier_init(&standard, &name);

        verifier->type = standard.type;
        verifier->header = standard.header;
        verifier->prefix = standard.prefix;
        verifier->id_header = standard.id_header;
        verifier->time_header = standard.time_header;
        verifier->base64 = standard.base64;

        break;
    }
}


static int
ngx_deploy_secret_add(ngx_deploy_verifier_t *verifier, ngx_deploy_pool_t *pool,
    EVP_MAC *mac, const ngx_deploy_str_t *text, unsigned line,
    ngx_deploy_secrets_t *report)
{
    int                   rc;
    ngx_deploy_secret_t  *secret;

    report->line = line;

    if (verifier->type == NGX_DEPLOY_SCHEME_STANDARD
        && strcmp(verifier->name, "gitlab") == 0
        && !ngx_deploy_str_starts(text, NGX_DEPLOY_WHSEC))
    {
        if (report->unused == 0) {
            report->unused = line;
        }

        report->line = 0;

        return NGX_DEPLOY_OK;
    }

    if (verifier->nsecrets == NGX_DEPLOY_MAX_SECRETS) {
        report->line = 0;
        report->reason = "holds more than 16 secrets";
        return NGX_DEPLOY_DECLINED;
    }

    secret = &verifier->secrets[verifier->nsecrets];
    secret->line = line;

    switch (verifier->type) {

    case NGX_DEPLOY_SCHEME_STANDARD:
        rc = ngx_deploy_secret_key(verifier, pool, mac, secret, text, report);
        break;

    case NGX_DEPLOY_SCHEME_BASIC:
        rc = ngx_deploy_secret_pair(secret, text, report);
        break;

    case NGX_DEPLOY_SCHEME_TOKEN:
        rc = ngx_deploy_secret_digest(secret, text);
        ngx_deploy_secret_weigh(report, secret, text->len,
                                NGX_DEPLOY_SECRET_MIN);
        break;

    default:
        rc = ngx_deploy_secret_mac(verifier, mac, secret, text->data,
                                   text->len);
        ngx_deploy_secret_weigh(report, secret, text->len,
                                NGX_DEPLOY_SECRET_MIN);
    }

    if (rc == NGX_DEPLOY_OK) {
        verifier->nsecrets++;
        report->line = 0;
    }

    return rc;
}


/* of "user:password" the password is the secret, it may hold colons */

static int
ngx_deploy_secret_pair(ngx_deploy_secret_t *secret,
    const ngx_deploy_str_t *text, ngx_deploy_secrets_t *report)
{
    u_char  *p, *last;

    last = text->data + text->len;
    p = memchr(text->data, ':', text->len);

    if (p == NULL || p + 1 == last) {
        report->reason = "is not \"user:password\"";
        return NGX_DEPLOY_DECLINED;
    }

    if (text->len > NGX_DEPLOY_MAX_PAIR) {
        report->reason = "is over 512 bytes long";
        return NGX_DEPLOY_DECLINED;
    }

    ngx_deploy_secret_weigh(report, secret, last - (p + 1),
                            NGX_DEPLOY_SECRET_MIN);

    return ngx_deploy_secret_digest(secret, text);
}


/* the key is what the base64 stands for; padding may be missing */

static int
ngx_deploy_secret_key(ngx_deploy_verifier_t *verifier, ngx_deploy_pool_t *pool,
    EVP_MAC *mac, ngx_deploy_secret_t *secret, const ngx_deploy_str_t *text,
    ngx_deploy_secrets_t *report)
{
    int                rc;
    u_char            *p;
    size_t             len, room, size;
    ngx_deploy_str_t   key;

    key = *text;

    if (ngx_deploy_str_starts(&key, NGX_DEPLOY_WHSEC)) {
        key.data += NGX_DEPLOY_WHSEC_LEN;
        key.len -= NGX_DEPLOY_WHSEC_LEN;
    }

    /* the text with its padding, then the key */

    room = key.len + 3;

    p = ngx_deploy_palloc(pool, 2 * room);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(p, key.data, key.len);

    for (len = key.len; len % 4; len++) {
        p[len] = '=';
    }

    size = room;
    rc = ngx_deploy_base64_decode(p + room, &size, p, len);

    if (rc != NGX_DEPLOY_OK) {
        report->reason = "is not base64";

    } else if (size == 0) {
        report->reason = "is an empty key";
        rc = NGX_DEPLOY_DECLINED;

    } else {
        ngx_deploy_secret_weigh(report, secret, size, NGX_DEPLOY_KEY_MIN);
        rc = ngx_deploy_secret_mac(verifier, mac, secret, p + room, size);
    }

    OPENSSL_cleanse(p, 2 * room);

    return rc;
}


static int
ngx_deploy_secret_mac(ngx_deploy_verifier_t *verifier, EVP_MAC *mac,
    ngx_deploy_secret_t *secret, const u_char *p, size_t len)
{
    OSSL_PARAM  params[2];

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


/* digests are compared, so that no length is to be learnt */

static int
ngx_deploy_secret_digest(ngx_deploy_secret_t *secret,
    const ngx_deploy_str_t *text)
{
    if (EVP_Digest(text->data, text->len, secret->digest, NULL, EVP_sha256(),
                   NULL)
        != 1)
    {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_secret_weigh(ngx_deploy_secrets_t *report,
    ngx_deploy_secret_t *secret, size_t len, size_t min)
{
    if (len < min && report->weak == 0) {
        report->weak = secret->line;
        report->min = min;
    }
}
