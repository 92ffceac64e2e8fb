
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build_token.h"
#include "ngx_deploy_codebuild.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


/* as ngx_deploy_codebuild_start_build() writes the variable */

#define NGX_DEPLOY_BUILD_TOKEN_BEFORE                                         \
    "{\"name\":\"" NGX_DEPLOY_BUILD_TOKEN_ENV "\",\"value\":\""


static int ngx_deploy_build_token_mac(const ngx_deploy_build_key_t *key,
    const ngx_deploy_str_t *project, const ngx_deploy_str_t *id,
    u_char mac[NGX_DEPLOY_BUILD_TOKEN_MAC]);
static unsigned ngx_deploy_build_token_id(const ngx_deploy_str_t *id);
static u_char *ngx_deploy_build_token_find(const ngx_deploy_str_t *body);
static u_char *ngx_deploy_build_token_copy(u_char *dst, const void *p,
    size_t len);


static const char  ngx_deploy_build_token_version[] = "deploy1.";

static const char  ngx_deploy_build_token_element[] =
    NGX_DEPLOY_BUILD_TOKEN_BEFORE NGX_DEPLOY_BUILD_TOKEN_MASK
    "\",\"type\":\"PLAINTEXT\"}";


int
ngx_deploy_build_token(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_key_t *key, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *id, ngx_deploy_str_t *token)
{
    size_t   len;
    u_char  *p, mac[NGX_DEPLOY_BUILD_TOKEN_MAC];

    if (!key->set
        || ngx_deploy_codebuild_project_name(project) != NGX_DEPLOY_OK
        || !ngx_deploy_build_token_id(id))
    {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_build_token_mac(key, project, id, mac) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    len = sizeof(ngx_deploy_build_token_version) - 1 + project->len + 1
          + id->len + 1 + 2 * sizeof(mac);

    p = ngx_deploy_palloc(pool, len);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    token->len = len;
    token->data = p;

    p = ngx_deploy_build_token_copy(p, ngx_deploy_build_token_version,
                                 sizeof(ngx_deploy_build_token_version) - 1);
    p = ngx_deploy_build_token_copy(p, project->data, project->len);
    *p++ = '.';
    p = ngx_deploy_build_token_copy(p, id->data, id->len);
    *p++ = '.';
    (void) ngx_deploy_hex_encode(p, mac, sizeof(mac));

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_build_token_read(const ngx_deploy_str_t *text,
    ngx_deploy_build_claim_t *claim)
{
    size_t   len;
    u_char  *p, *last;

    if (!ngx_deploy_str_starts(text, ngx_deploy_build_token_version)) {
        return NGX_DEPLOY_DECLINED;
    }

    len = 1 + NGX_DEPLOY_BUILD_TOKEN_ID + 1 + 2 * NGX_DEPLOY_BUILD_TOKEN_MAC;

    p = text->data + sizeof(ngx_deploy_build_token_version) - 1;
    last = text->data + text->len;

    if ((size_t) (last - p) <= len) {
        return NGX_DEPLOY_DECLINED;
    }

    /* but for the project each part has its length */

    claim->project.len = last - p - len;
    claim->project.data = p;

    p += claim->project.len;

    claim->id.len = NGX_DEPLOY_BUILD_TOKEN_ID;
    claim->id.data = p + 1;

    if (*p != '.'
        || p[1 + NGX_DEPLOY_BUILD_TOKEN_ID] != '.'
        || ngx_deploy_codebuild_project_name(&claim->project)
           != NGX_DEPLOY_OK
        || !ngx_deploy_build_token_id(&claim->id))
    {
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_hex_decode(claim->mac, sizeof(claim->mac),
                                 p + 1 + NGX_DEPLOY_BUILD_TOKEN_ID + 1,
                                 2 * sizeof(claim->mac));
}


int
ngx_deploy_build_token_verify(const ngx_deploy_build_key_t *key,
    const ngx_deploy_build_claim_t *claim)
{
    int     rc;
    u_char  mac[NGX_DEPLOY_BUILD_TOKEN_MAC];

    if (!key->set
        || ngx_deploy_build_token_mac(key, &claim->project, &claim->id, mac)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    rc = CRYPTO_memcmp(mac, claim->mac, sizeof(mac));

    OPENSSL_cleanse(mac, sizeof(mac));

    return rc ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK;
}


/* neither a name of a project nor an id has a line feed */

static int
ngx_deploy_build_token_mac(const ngx_deploy_build_key_t *key,
    const ngx_deploy_str_t *project, const ngx_deploy_str_t *id,
    u_char mac[NGX_DEPLOY_BUILD_TOKEN_MAC])
{
    u_char    *p;
    unsigned   size;
    u_char     text[512];

    static const char  domain[] = "ngx_deploy_module token of a build\n";

    if (sizeof(domain) + project->len + id->len + 1 > sizeof(text)) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_build_token_copy(text, domain, sizeof(domain) - 1);
    p = ngx_deploy_build_token_copy(p, project->data, project->len);
    *p++ = '\n';
    p = ngx_deploy_build_token_copy(p, id->data, id->len);

    if (HMAC(EVP_sha256(), key->data, sizeof(key->data), text, p - text, mac,
             &size)
        == NULL)
    {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_build_token_id(const ngx_deploy_str_t *id)
{
    size_t  i;

    for (i = 0; i < id->len; i++) {
        if ((id->data[i] < '0' || id->data[i] > '9')
            && (id->data[i] < 'a' || id->data[i] > 'f'))
        {
            return 0;
        }
    }

    return id->len == NGX_DEPLOY_BUILD_TOKEN_ID;
}


int
ngx_deploy_build_token_seal(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_key_t *key, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *body,
    ngx_deploy_str_t *sealed)
{
    int                rc;
    u_char            *p, *start, *end, *last;
    ngx_deploy_str_t   token;

    *sealed = *body;

    start = ngx_deploy_build_token_find(body);

    if (start == NULL) {
        return NGX_DEPLOY_OK;
    }

    end = start + sizeof(ngx_deploy_build_token_element) - 1;
    last = body->data + body->len;

    rc = ngx_deploy_build_token(pool, key, project, id, &token);

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_DEPLOY_ERROR;
    }

    if (rc == NGX_DEPLOY_OK) {
        start += sizeof(NGX_DEPLOY_BUILD_TOKEN_BEFORE) - 1;
        end = start + sizeof(NGX_DEPLOY_BUILD_TOKEN_MASK) - 1;

    } else {
        token.len = 0;
        token.data = (u_char *) "";

        if (end < last && *end == ',') {
            end++;

        } else if (start > body->data && start[-1] == ',') {
            start--;
        }
    }

    sealed->len = body->len - (end - start) + token.len;

    sealed->data = ngx_deploy_palloc(pool, sealed->len);
    if (sealed->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_build_token_copy(sealed->data, body->data,
                                    start - body->data);
    p = ngx_deploy_build_token_copy(p, token.data, token.len);
    (void) ngx_deploy_build_token_copy(p, end, last - end);

    return NGX_DEPLOY_OK;
}


/* in a value the quotes would be escaped: what is found is the variable */

static u_char *
ngx_deploy_build_token_find(const ngx_deploy_str_t *body)
{
    size_t   len;
    u_char  *p, *last;

    len = sizeof(ngx_deploy_build_token_element) - 1;

    if (body->len < len) {
        return NULL;
    }

    last = body->data + body->len - len;

    for (p = body->data; p <= last; p++) {

        p = memchr(p, '{', last - p + 1);

        if (p == NULL) {
            return NULL;
        }

        if (memcmp(p, ngx_deploy_build_token_element, len) == 0) {
            return p;
        }
    }

    return NULL;
}


static u_char *
ngx_deploy_build_token_copy(u_char *dst, const void *p, size_t len)
{
    memcpy(dst, p, len);

    return dst + len;
}
