
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_media.h"


static ngx_deploy_str_t ngx_deploy_media_cut(ngx_deploy_str_t *s, u_char ch);
static int ngx_deploy_media_quality(ngx_deploy_str_t *params);


static const struct {
    const char          *name;
    ngx_deploy_media_e   media;
} ngx_deploy_media_types[] = {
    { "application/json", NGX_DEPLOY_MEDIA_JSON },
    { "application/x-www-form-urlencoded", NGX_DEPLOY_MEDIA_FORM },
    { "text/plain", NGX_DEPLOY_MEDIA_TEXT }
};


static const struct {
    const char             *name;
    ngx_deploy_media_as_e   as;
} ngx_deploy_media_ranges[] = {
    { "application/json", NGX_DEPLOY_MEDIA_AS_JSON },
    { "application/*", NGX_DEPLOY_MEDIA_AS_JSON },
    { "*/*", NGX_DEPLOY_MEDIA_AS_JSON },
    { "text/html", NGX_DEPLOY_MEDIA_AS_HTML },
    { "text/*", NGX_DEPLOY_MEDIA_AS_HTML },
    { "text/plain", NGX_DEPLOY_MEDIA_AS_PROMETHEUS },
    { "application/openmetrics-text", NGX_DEPLOY_MEDIA_AS_OPENMETRICS }
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


ngx_deploy_media_as_e
ngx_deploy_media_accept(const ngx_deploy_str_t *value)
{
    int                    q, best;
    size_t                 i, n;
    ngx_deploy_str_t       rest, range, name;
    ngx_deploy_media_as_e  as;

    as = NGX_DEPLOY_MEDIA_AS_JSON;
    best = 0;

    rest = *value;
    n = sizeof(ngx_deploy_media_ranges) / sizeof(ngx_deploy_media_ranges[0]);

    while (rest.len) {

        range = ngx_deploy_media_cut(&rest, ',');
        name = ngx_deploy_media_cut(&range, ';');
        q = ngx_deploy_media_quality(&range);

        if (q <= best) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (ngx_deploy_str_is_nocase(&name,
                                         ngx_deploy_media_ranges[i].name))
            {
                as = ngx_deploy_media_ranges[i].as;
                best = q;
                break;
            }
        }
    }

    return as;
}


/* takes off what is in front of ch, without blanks around it */

static ngx_deploy_str_t
ngx_deploy_media_cut(ngx_deploy_str_t *s, u_char ch)
{
    u_char            *p;
    ngx_deploy_str_t   part;

    part = *s;

    p = s->len ? memchr(s->data, ch, s->len) : NULL;

    if (p) {
        part.len = p - s->data;
        s->len -= part.len + 1;
        s->data = p + 1;

    } else {
        s->data += s->len;
        s->len = 0;
    }

    while (part.len && (part.data[0] == ' ' || part.data[0] == '\t')) {
        part.data++;
        part.len--;
    }

    while (part.len && (part.data[part.len - 1] == ' '
                        || part.data[part.len - 1] == '\t'))
    {
        part.len--;
    }

    return part;
}


/* in thousandths, 1000 if there is none, 0 if it is no number */

static int
ngx_deploy_media_quality(ngx_deploy_str_t *params)
{
    int               q, scale;
    size_t            i;
    ngx_deploy_str_t  s;

    while (params->len) {

        s = ngx_deploy_media_cut(params, ';');

        if (s.len < 3 || (s.data[0] | 0x20) != 'q' || s.data[1] != '=') {
            continue;
        }

        if (s.data[2] == '1') {
            return 1000;
        }

        if (s.data[2] != '0' || s.len > 7 || (s.len > 3 && s.data[3] != '.')) {
            return 0;
        }

        for (q = 0, scale = 100, i = 4; i < s.len; i++, scale /= 10) {

            if (s.data[i] < '0' || s.data[i] > '9') {
                return 0;
            }

            q += (s.data[i] - '0') * scale;
        }

        return q;
    }

    return 1000;
}
