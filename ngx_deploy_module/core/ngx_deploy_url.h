
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_URL_H_INCLUDED_
#define _NGX_DEPLOY_URL_H_INCLUDED_


#include "ngx_deploy_core.h"


#define NGX_DEPLOY_URL_MAX  4096


/* the parts of a URL, all of them inside of its text */

typedef struct {
    unsigned              https;      /* 0: http */
    ngx_deploy_str_t      host;       /* without the port, "[::1]" */
    ngx_deploy_str_t      authority;  /* as Host is sent: a default port is
                                         left out */
    ngx_deploy_str_t      target;     /* path and query, absent if neither */
} ngx_deploy_url_t;


/*
 * Takes apart the URL of a service: https, or http to the loopback (the
 * numbers of 127.0.0.0/8, "[::1]", "localhost"), as nothing else is protected
 * from who is on the way.  User names and fragments are refused, as is what
 * is not printable ASCII, and more than NGX_DEPLOY_URL_MAX bytes.
 *
 * NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED with a static *reason that continues
 * a sentence about the URL: "has no host"
 */
int ngx_deploy_url_parse(const ngx_deploy_str_t *text, ngx_deploy_url_t *url,
    const char **reason);


#endif /* _NGX_DEPLOY_URL_H_INCLUDED_ */
