
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_json_out.h"

#include <stdio.h>


static int ngx_deploy_json_out_room(ngx_deploy_json_out_t *out, size_t n);
static int ngx_deploy_json_out_key(ngx_deploy_json_out_t *out,
    const char *key, size_t n);
static size_t ngx_deploy_json_out_extra(u_char c);
static u_char *ngx_deploy_json_out_copy(u_char *d, const u_char *p,
    const u_char *last);
static u_char *ngx_deploy_json_out_byte(u_char *d, u_char c);


void
ngx_deploy_json_out_begin(ngx_deploy_json_out_t *out,
    const ngx_deploy_pool_t *pool, size_t size)
{
    out->pool = *pool;
    out->rc = NGX_DEPLOY_OK;
    out->pos = NULL;
    out->last = NULL;

    out->start = ngx_deploy_palloc(&out->pool, size);
    if (out->start == NULL) {
        out->rc = NGX_DEPLOY_ERROR;
        return;
    }

    out->pos = out->start;
    out->last = out->start + size;
}


int
ngx_deploy_json_out_end(ngx_deploy_json_out_t *out, ngx_deploy_str_t *text)
{
    if (out->rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    text->data = out->start;
    text->len = out->pos - out->start;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_json_out_room(ngx_deploy_json_out_t *out, size_t n)
{
    size_t   used, size;
    u_char  *p;

    if ((size_t) (out->last - out->pos) >= n) {
        return NGX_DEPLOY_OK;
    }

    used = out->pos - out->start;
    size = 2 * (out->last - out->start);

    if (size < used + n) {
        size = used + n;
    }

    p = (out->rc == NGX_DEPLOY_OK) ? ngx_deploy_palloc(&out->pool, size) : NULL;

    if (p == NULL) {
        out->rc = NGX_DEPLOY_ERROR;
        return NGX_DEPLOY_ERROR;
    }

    memcpy(p, out->start, used);

    out->start = p;
    out->pos = p + used;
    out->last = p + size;

    return NGX_DEPLOY_OK;
}


/* a comma where one is due, the key, and room for n bytes after it */

static int
ngx_deploy_json_out_key(ngx_deploy_json_out_t *out, const char *key, size_t n)
{
    size_t  len;

    len = key ? strlen(key) : 0;

    if (ngx_deploy_json_out_room(out, len + n + 4) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    if (out->pos > out->start && out->pos[-1] != '{' && out->pos[-1] != '['
        && out->pos[-1] != ':')
    {
        *out->pos++ = ',';
    }

    if (key) {
        *out->pos++ = '"';
        memcpy(out->pos, key, len);
        out->pos += len;
        *out->pos++ = '"';
        *out->pos++ = ':';
    }

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_json_out_object(ngx_deploy_json_out_t *out, const char *key)
{
    if (ngx_deploy_json_out_key(out, key, 1) == NGX_DEPLOY_OK) {
        *out->pos++ = '{';
    }
}


void
ngx_deploy_json_out_array(ngx_deploy_json_out_t *out, const char *key)
{
    if (ngx_deploy_json_out_key(out, key, 1) == NGX_DEPLOY_OK) {
        *out->pos++ = '[';
    }
}


void
ngx_deploy_json_out_close(ngx_deploy_json_out_t *out, u_char bracket)
{
    if (ngx_deploy_json_out_room(out, 1) == NGX_DEPLOY_OK) {
        *out->pos++ = bracket;
    }
}


void
ngx_deploy_json_out_name(ngx_deploy_json_out_t *out,
    const ngx_deploy_str_t *name)
{
    ngx_deploy_json_out_str(out, NULL, name);
    ngx_deploy_json_out_close(out, ':');
}


void
ngx_deploy_json_out_text(ngx_deploy_json_out_t *out, const char *key,
    const char *s)
{
    ngx_deploy_str_t  text;

    text.len = strlen(s);
    text.data = (u_char *) s;

    ngx_deploy_json_out_str(out, key, &text);
}


void
ngx_deploy_json_out_str(ngx_deploy_json_out_t *out, const char *key,
    const ngx_deploy_str_t *s)
{
    size_t         size;
    const u_char  *p, *last;

    if (s->data == NULL) {
        return;
    }

    last = s->data + s->len;
    size = s->len;

    for (p = s->data; p < last; p++) {
        size += ngx_deploy_json_out_extra(*p);
    }

    if (ngx_deploy_json_out_key(out, key, size + 2) != NGX_DEPLOY_OK) {
        return;
    }

    *out->pos++ = '"';

    if (size == s->len) {
        memcpy(out->pos, s->data, size);
        out->pos += size;

    } else {
        out->pos = ngx_deploy_json_out_copy(out->pos, s->data, last);
    }

    *out->pos++ = '"';
}


/* the most that is written for a byte, besides itself */

static inline size_t
ngx_deploy_json_out_extra(u_char c)
{
    if (c >= 0x80) {
        return 2;
    }

    return (c < 0x20) ? 5 : (c == '"' || c == '\\');
}


static u_char *
ngx_deploy_json_out_copy(u_char *d, const u_char *p, const u_char *last)
{
    size_t  n;

    while (p < last) {

        if (*p < 0x80) {

            if (*p < 0x20 || *p == '"' || *p == '\\') {
                d = ngx_deploy_json_out_byte(d, *p++);

            } else {
                *d++ = *p++;
            }

            continue;
        }

        n = ngx_deploy_utf8_sequence(p, last);

        if (n == 0) {
            memcpy(d, "\xef\xbf\xbd", 3);
            d += 3;
            p++;
            continue;
        }

        memcpy(d, p, n);
        d += n;
        p += n;
    }

    return d;
}


static u_char *
ngx_deploy_json_out_byte(u_char *d, u_char c)
{
    static const u_char  hex[] = "0123456789ABCDEF";

    *d++ = '\\';

    switch (c) {

    case '\b':
        *d++ = 'b';
        break;

    case '\t':
        *d++ = 't';
        break;

    case '\n':
        *d++ = 'n';
        break;

    case '\f':
        *d++ = 'f';
        break;

    case '\r':
        *d++ = 'r';
        break;

    case '"':
    case '\\':
        *d++ = c;
        break;

    default:
        memcpy(d, "u00", 3);
        d += 3;
        *d++ = hex[c >> 4];
        *d++ = hex[c & 0xf];
        break;
    }

    return d;
}


void
ngx_deploy_json_out_int(ngx_deploy_json_out_t *out, const char *key, int64_t n)
{
    char              buf[sizeof("-9223372036854775808")];
    ngx_deploy_str_t  text;

    text.len = snprintf(buf, sizeof(buf), "%lld", (long long) n);
    text.data = (u_char *) buf;

    ngx_deploy_json_out_raw(out, key, &text);
}


void
ngx_deploy_json_out_bool(ngx_deploy_json_out_t *out, const char *key, int n)
{
    ngx_deploy_str_t  word;

    static u_char  yes[] = "true", no[] = "false";

    word.data = n ? yes : no;
    word.len = n ? 4 : 5;

    ngx_deploy_json_out_raw(out, key, &word);
}


void
ngx_deploy_json_out_raw(ngx_deploy_json_out_t *out, const char *key,
    const ngx_deploy_str_t *json)
{
    if (ngx_deploy_json_out_key(out, key, json->len) != NGX_DEPLOY_OK) {
        return;
    }

    memcpy(out->pos, json->data, json->len);
    out->pos += json->len;
}
