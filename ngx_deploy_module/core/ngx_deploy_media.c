
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_media.h"


static const struct {
    const char          *name;
    ngx_deploy_media_e   media;
} ngx_deploy_media_types[] = {
    { "application/json", NGX_DEPLOY_MEDIA_JSON },
    { "application/x-www-form-urlencoded", NGX_DEPLOY_MEDIA_FORM },
    { "text/plain", NGX_DEPLOY_MEDIA_TEXT }
};


ngx_deploy_media_e
ngx_deploy_media_type(const ngx_deploy_str_t *value)
{
    u_char            *p, *last;
    size_t             i, n;
    ngx_deploy_str_t   s;

    if (value->len == 0 || value->len > NGX_DEPLOY_MEDIA_MAX) {
        return NGX_DEPLOY_MEDIA_OTHER;
    }

    p = value->data;
    last = p + value->len;

    while (p < last && *p != ';' && *p != ' ') { p++; }

    s.data = value->data;
    s.len = p - value->data;

    n = sizeof(ngx_deploy_media_types) / sizeof(ngx_deploy_media_types[0]);

    for (i = 0; i < n; i++) {
        if (ngx_deploy_str_is_nocase(&s, ngx_deploy_media_types[i].name)) {
            break;
        }
    }

    if (i == n) {
        return NGX_DEPLOY_MEDIA_OTHER;
    }

    while (p < last && (*p == ' ' || *p == ';')) { p++; }

    s.data = p;
    s.len = last - p;

    if (s.len
        && !ngx_deploy_str_is_nocase(&s, "charset=utf-8")
        && !ngx_deploy_str_is_nocase(&s, "charset=\"utf-8\""))
    {
        return NGX_DEPLOY_MEDIA_OTHER;
    }

    return ngx_deploy_media_types[i].media;
}
