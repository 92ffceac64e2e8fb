
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_identity.h"

#include <openssl/err.h>
#include <openssl/evp.h>


static int ngx_deploy_identity_digest(void *data, const u_char *p, size_t len);


int
ngx_deploy_identity_begin(ngx_deploy_identity_t *identity, const char *scheme,
    const ngx_deploy_str_t *location, unsigned form)
{
    EVP_MD_CTX  *md;

    identity->md = NULL;
    identity->is_form = form;

    if (form) {
        ngx_deploy_form_init(&identity->form, "payload",
                             ngx_deploy_identity_digest, identity);
    }

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1
        || EVP_DigestUpdate(md, scheme, strlen(scheme) + 1) != 1
        || EVP_DigestUpdate(md, location->data, location->len) != 1
        || EVP_DigestUpdate(md, "", 1) != 1)
    {
        EVP_MD_CTX_free(md);
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    identity->md = md;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_identity_update(ngx_deploy_identity_t *identity, const u_char *p,
    size_t len)
{
    return identity->is_form ? ngx_deploy_form_feed(&identity->form, p, len)
                             : ngx_deploy_identity_digest(identity, p, len);
}


static int
ngx_deploy_identity_digest(void *data, const u_char *p, size_t len)
{
    ngx_deploy_identity_t *identity = data;

    if (EVP_DigestUpdate(identity->md, p, len) != 1) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_identity_end(ngx_deploy_identity_t *identity,
    u_char hex[NGX_DEPLOY_IDENTITY_LEN])
{
    u_char  digest[NGX_DEPLOY_IDENTITY_LEN / 2];

    if (EVP_DigestFinal_ex(identity->md, digest, NULL) != 1) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    ngx_deploy_hex_encode(hex, digest, sizeof(digest));

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_identity_free(ngx_deploy_identity_t *identity)
{
    EVP_MD_CTX_free(identity->md);

    identity->md = NULL;
}
