
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_url.h"


static const char *ngx_deploy_url_authority(ngx_deploy_url_t *url, u_char *p,
    u_char *last);
static unsigned ngx_deploy_url_host(const ngx_deploy_str_t *host);
static unsigned ngx_deploy_url_loopback(const ngx_deploy_str_t *host);


int
ngx_deploy_url_parse(const ngx_deploy_str_t *text, ngx_deploy_url_t *url,
    const char **reason)
{
    u_char  *p, *last, *start;

    memset(url, 0, sizeof(ngx_deploy_url_t));

    if (text->len > NGX_DEPLOY_URL_MAX) {
        *reason = "is too long";
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_str_starts(text, "https://")) {
        url->https = 1;
        start = text->data + sizeof("https://") - 1;

    } else if (ngx_deploy_str_starts(text, "http://")) {
        start = text->data + sizeof("http://") - 1;

    } else {
        *reason = "must begin with \"https://\"";
        return NGX_DEPLOY_DECLINED;
    }

    last = text->data + text->len;

    for (p = start; p < last && *p != '/' && *p != '?'; p++) { /* void */ }

    *reason = ngx_deploy_url_authority(url, start, p);

    if (*reason) {
        return NGX_DEPLOY_DECLINED;
    }

    if (!url->https && !ngx_deploy_url_loopback(&url->host)) {
        *reason = "must be https, http is for the loopback only";
        return NGX_DEPLOY_DECLINED;
    }

    if (p == last) {
        return NGX_DEPLOY_OK;
    }

    url->target.data = p;
    url->target.len = last - p;

    for ( /* void */ ; p < last; p++) {

        if (*p <= ' ' || *p >= 0x7f || *p == '#' || *p == '\\') {
            *reason = "has a character that no path may have";
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


/* HOST or HOST:PORT; NULL or what is wrong */

static const char *
ngx_deploy_url_authority(ngx_deploy_url_t *url, u_char *p, u_char *last)
{
    u_char            *colon;
    int64_t            port;
    ngx_deploy_str_t   digits;

    colon = last;

    while (colon > p && colon[-1] >= '0' && colon[-1] <= '9') { colon--; }

    if (colon > p && colon[-1] == ':') {
        colon--;

        digits.data = colon + 1;
        digits.len = last - digits.data;

        port = ngx_deploy_atoi64(digits.data, digits.len);

        if (port < 1 || port > 65535) {
            return "has an invalid port";
        }

    } else {
        colon = last;
        port = 0;
    }

    url->host.data = p;
    url->host.len = colon - p;

    if (url->host.len == 0) {
        return "has no host";
    }

    if (!ngx_deploy_url_host(&url->host)) {
        return "has an invalid host";
    }

    /* a port that needs not be there is not signed, and not sent */

    url->authority = url->host;

    if (port && port != (url->https ? 443 : 80)) {
        url->authority.len = last - p;
    }

    return NULL;
}


/* a name, an address, or one of IPv6 in brackets */

static unsigned
ngx_deploy_url_host(const ngx_deploy_str_t *host)
{
    size_t    i;
    u_char    c, *p;
    unsigned  v6;

    p = host->data;
    v6 = (p[0] == '[');

    if (v6 && (host->len < 4 || p[host->len - 1] != ']')) {
        return 0;
    }

    for (i = v6; i < host->len - v6; i++) {
        c = p[i];

        if (v6) {
            if (c == ':' || c == '.' || (c >= '0' && c <= '9')
                || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            {
                continue;
            }

            return 0;
        }

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '_')
        {
            continue;
        }

        /* labels are not empty */

        if (c != '.' || i == 0 || p[i - 1] == '.') {
            return 0;
        }
    }

    return 1;
}


static unsigned
ngx_deploy_url_loopback(const ngx_deploy_str_t *host)
{
    u_char    *p, *dot, *last;
    int64_t    n;
    unsigned   i;

    if (ngx_deploy_str_is(host, "[::1]")
        || ngx_deploy_str_is(host, "localhost"))
    {
        return 1;
    }

    if (!ngx_deploy_str_starts(host, "127.")) {
        return 0;
    }

    /* "127.1" would be a name for a resolver */

    p = host->data;
    last = p + host->len;

    for (i = 0; i < 4; i++) {

        dot = memchr(p, '.', last - p);

        if ((dot == NULL) != (i == 3)) {
            return 0;
        }

        n = ngx_deploy_atoi64(p, (dot ? dot : last) - p);

        if (n < 0 || n > 255) {
            return 0;
        }

        if (dot) {
            p = dot + 1;
        }
    }

    return 1;
}
