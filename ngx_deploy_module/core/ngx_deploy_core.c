
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_core.h"


static int ngx_deploy_hex_digit(u_char ch);
static int ngx_deploy_base64_digit(u_char ch);


void *
ngx_deploy_palloc(ngx_deploy_pool_t *pool, size_t size)
{
    return pool->alloc(pool->data, size ? size : 1);
}


void *
ngx_deploy_pcalloc(ngx_deploy_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_deploy_palloc(pool, size);
    if (p == NULL) {
        return NULL;
    }

    memset(p, 0, size);

    return p;
}


int
ngx_deploy_pstrdup(ngx_deploy_pool_t *pool, ngx_deploy_str_t *dst,
    const u_char *data, size_t len)
{
    u_char  *p;

    p = ngx_deploy_palloc(pool, len);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (len) {
        memcpy(p, data, len);
    }

    dst->len = len;
    dst->data = p;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_str_eq(const ngx_deploy_str_t *a, const ngx_deploy_str_t *b)
{
    if (a->len != b->len) {
        return 0;
    }

    return a->len == 0 || memcmp(a->data, b->data, a->len) == 0;
}


int
ngx_deploy_str_is(const ngx_deploy_str_t *s, const char *text)
{
    size_t  len;

    len = strlen(text);

    return s->len == len && (len == 0 || memcmp(s->data, text, len) == 0);
}


int
ngx_deploy_str_starts(const ngx_deploy_str_t *s, const char *text)
{
    size_t  len;

    len = strlen(text);

    return s->len >= len && (len == 0 || memcmp(s->data, text, len) == 0);
}


int
ngx_deploy_str_is_nocase(const ngx_deploy_str_t *s, const char *text)
{
    size_t  i;
    u_char  ch;

    if (s->len != strlen(text)) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if (ch >= 'A' && ch <= 'Z') {
            ch |= 0x20;
        }

        if (ch != (u_char) text[i]) {
            return 0;
        }
    }

    return 1;
}


int64_t
ngx_deploy_atoi64(const u_char *p, size_t len)
{
    size_t   i;
    int64_t  n;

    if (len == 0 || len > 18) {
        return -1;
    }

    n = 0;

    for (i = 0; i < len; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return -1;
        }

        n = n * 10 + (p[i] - '0');
    }

    return n;
}


static int
ngx_deploy_hex_digit(u_char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }

    return -1;
}


int64_t
ngx_deploy_parse_time(const u_char *p, size_t len)
{
    size_t         n;
    int64_t        total, value, scale;
    const char    *unit;
    const u_char  *last;

    static const char     units[] = "yMwdhms";
    static const int64_t  scales[] = {
        31536000, 2592000, 604800, 86400, 3600, 60, 1
    };

    last = p + len;
    unit = units;
    total = 0;

    do {
        if (unit == NULL) {
            return -1;
        }

        for (n = 0; p + n < last && p[n] >= '0' && p[n] <= '9'; n++) {
            /* void */
        }

        value = ngx_deploy_atoi64(p, n);
        p += n;

        scale = 1;

        if (p < last && *p != ' ') {
            unit = *p ? strchr(unit, *p) : NULL;

            if (unit == NULL) {
                return -1;
            }

            scale = scales[unit - units];
            unit++;
            p++;

        } else {
            unit = NULL;
        }

        if (value < 0 || value > (INT32_MAX - total) / scale) {
            return -1;
        }

        total += value * scale;

        while (p < last && *p == ' ') { p++; }

    } while (p < last);

    return total;
}


int
ngx_deploy_hex_decode(u_char *dst, size_t size, const u_char *p, size_t len)
{
    int     hi, lo;
    size_t  i;

    if (len % 2 != 0 || len / 2 != size) {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < size; i++) {
        hi = ngx_deploy_hex_digit(p[2 * i]);
        lo = ngx_deploy_hex_digit(p[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return NGX_DEPLOY_DECLINED;
        }

        dst[i] = (u_char) (hi << 4 | lo);
    }

    return NGX_DEPLOY_OK;
}


u_char *
ngx_deploy_hex_encode(u_char *dst, const u_char *p, size_t len)
{
    size_t         i;
    static u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *dst++ = hex[p[i] >> 4];
        *dst++ = hex[p[i] & 0xf];
    }

    return dst;
}


static int
ngx_deploy_base64_digit(u_char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return ch - 'A';
    }

    if (ch >= 'a' && ch <= 'z') {
        return ch - 'a' + 26;
    }

    if (ch >= '0' && ch <= '9') {
        return ch - '0' + 52;
    }

    if (ch == '+') {
        return 62;
    }

    if (ch == '/') {
        return 63;
    }

    return -1;
}


int
ngx_deploy_base64_decode(u_char *dst, size_t *size, const u_char *p,
    size_t len)
{
    int       d;
    size_t    i, n, pad;
    uint32_t  bits;

    if (len % 4 != 0) {
        return NGX_DEPLOY_DECLINED;
    }

    pad = 0;

    while (pad < 2 && pad < len && p[len - 1 - pad] == '=') {
        pad++;
    }

    n = len / 4 * 3 - pad;

    if (n > *size) {
        return NGX_DEPLOY_DECLINED;
    }

    bits = 0;

    for (i = 0; i < len - pad; i++) {
        d = ngx_deploy_base64_digit(p[i]);
        if (d < 0) {
            return NGX_DEPLOY_DECLINED;
        }

        bits = (bits << 6 | (uint32_t) d) & 0xffffff;

        if (i % 4 == 3) {
            *dst++ = (u_char) (bits >> 16);
            *dst++ = (u_char) (bits >> 8);
            *dst++ = (u_char) bits;
        }
    }

    if (pad == 1) {
        if (bits & 0x3) {
            return NGX_DEPLOY_DECLINED;
        }

        *dst++ = (u_char) (bits >> 10);
        *dst++ = (u_char) (bits >> 2);
    }

    if (pad == 2) {
        if (bits & 0xf) {
            return NGX_DEPLOY_DECLINED;
        }

        *dst++ = (u_char) (bits >> 4);
    }

    *size = n;

    return NGX_DEPLOY_OK;
}


size_t
ngx_deploy_utf8_sequence(const u_char *p, const u_char *end)
{
    size_t  len;

    if (*p < 0xc2 || *p > 0xf4) {
        return 0;
    }

    len = (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3 : 2;

    if ((size_t) (end - p) < len || (p[1] & 0xc0) != 0x80) {
        return 0;
    }

    /* long forms, surrogates, above U+10FFFF */

    if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f)
        || (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
    {
        return 0;
    }

    if ((len > 2 && (p[2] & 0xc0) != 0x80)
        || (len > 3 && (p[3] & 0xc0) != 0x80))
    {
        return 0;
    }

    return len;
}


int
ngx_deploy_utf8_valid(const u_char *p, size_t len)
{
    u_char         ch, lo, hi;
    unsigned       n;
    uint64_t       word;
    const u_char  *end;

    if (len == 0) {
        return 1;
    }

    end = p + len;

    while (p < end) {

        if (end - p >= 8) {
            memcpy(&word, p, 8);

            if ((word & 0x8080808080808080ULL) == 0) {
                p += 8;
                continue;
            }
        }

        ch = *p++;

        if (ch < 0x80) {
            continue;
        }

        if (ch < 0xc2 || ch > 0xf4) {
            return 0;
        }

        /* the second byte rules out long forms, surrogates, > U+10FFFF */

        lo = (ch == 0xe0) ? 0xa0 : (ch == 0xf0) ? 0x90 : 0x80;
        hi = (ch == 0xed) ? 0x9f : (ch == 0xf4) ? 0x8f : 0xbf;

        for (n = (ch >= 0xf0) ? 3 : (ch >= 0xe0) ? 2 : 1; n; n--) {

            if (p == end || *p < lo || *p > hi) {
                return 0;
            }

            p++;
            lo = 0x80;
            hi = 0xbf;
        }
    }

    return 1;
}


size_t
ngx_deploy_utf8_cut(const u_char *p, size_t len, size_t max)
{
    size_t  n, i;

    if (len <= max) {
        return len;
    }

    n = max;

    /* at most three bytes back, also when the text is not UTF-8 */

    for (i = 0; i < 3 && n && (p[n] & 0xc0) == 0x80; i++) {
        n--;
    }

    return n;
}


unsigned
ngx_deploy_utf8_hidden(const u_char *p, size_t n)
{
    uint32_t  c;

    if (n == 2) {
        return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
    }

    if (n != 3) {
        return 0;
    }

    c = (uint32_t) (p[0] & 0x0f) << 12 | (uint32_t) (p[1] & 0x3f) << 6
        | (p[2] & 0x3f);

    return (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)
           || c == 0x200e || c == 0x200f || c == 0xfeff;
}
