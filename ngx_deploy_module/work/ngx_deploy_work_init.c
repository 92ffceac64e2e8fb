
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work.h"

#include <malloc.h>
#include <stdlib.h>
#include <curl/curl.h>
#include <openssl/crypto.h>


static void ngx_deploy_work_curl_free(void *p);
static void *ngx_deploy_work_curl_realloc(void *p, size_t size);


/* requests and replies hold keys and tokens, libcurl does not wipe them */

int
ngx_deploy_work_init(void)
{
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc,
                             ngx_deploy_work_curl_free,
                             ngx_deploy_work_curl_realloc, strdup, calloc)
        != CURLE_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_work_exit(void)
{
    curl_global_cleanup();
}


static void
ngx_deploy_work_curl_free(void *p)
{
    if (p) {
        OPENSSL_cleanse(p, malloc_usable_size(p));
        free(p);
    }
}


static void *
ngx_deploy_work_curl_realloc(void *p, size_t size)
{
    void    *new;
    size_t   n;

    if (p == NULL) {
        return malloc(size);
    }

    if (size == 0) {
        ngx_deploy_work_curl_free(p);
        return NULL;
    }

    new = malloc(size);
    if (new == NULL) {
        return NULL;
    }

    n = malloc_usable_size(p);

    memcpy(new, p, n < size ? n : size);

    ngx_deploy_work_curl_free(p);

    return new;
}
