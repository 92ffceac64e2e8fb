
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_scan_state.h"


static const u_char *ngx_deploy_scan_part(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_escape(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_hex(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_code(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_utf8_begin(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_utf8_next(ngx_deploy_scan_t *scan,
    const u_char *p);


void
ngx_deploy_scan_string_begin(ngx_deploy_scan_t *scan, unsigned is_key)
{
    const ngx_deploy_scan_node_t  *node;

    node = scan->node;

    scan->state = NGX_DEPLOY_SCAN_IN_STRING;
    scan->part = NGX_DEPLOY_SCAN_TEXT;
    scan->is_key = is_key;
    scan->surrogate = 0;
    scan->len = 0;

    if (is_key) {
        scan->keep = 1;
        scan->cut = 0;
        scan->limit = NGX_DEPLOY_SCAN_MAX_KEY;
        return;
    }

    scan->keep = (node != NULL && node->fact != 0);

    if (scan->keep) {
        scan->cut = node->cut;

        /* one byte more tells where the border of a sequence is */

        scan->limit = node->max + (node->cut && node->max < SIZE_MAX);
    }
}


const u_char *
ngx_deploy_scan_string(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    const u_char  *last;

    while (p != NULL && p < end) {

        if (scan->part != NGX_DEPLOY_SCAN_TEXT) {
            p = ngx_deploy_scan_part(scan, p);
            continue;
        }

        last = ngx_deploy_scan_plain(p, end);

        if (last != p) {
            p = ngx_deploy_scan_collect(scan, p, last - p, last);
            continue;
        }

        if (*p == '"') {
            if (scan->is_key) {
                return ngx_deploy_scan_key(scan, scan->buf, scan->len, p + 1);
            }

            return ngx_deploy_scan_value(scan, scan->buf, scan->len, p + 1);
        }

        if (*p == '\\') {
            scan->part = NGX_DEPLOY_SCAN_ESCAPE;
            p++;
            continue;
        }

        if (*p < 0x20) {
            return ngx_deploy_scan_fail(scan, p, "control character");
        }

        p = ngx_deploy_scan_utf8_begin(scan, p, end);
    }

    return p;
}


static const u_char *
ngx_deploy_scan_part(ngx_deploy_scan_t *scan, const u_char *p)
{
    switch (scan->part) {

    case NGX_DEPLOY_SCAN_UTF8:
        return ngx_deploy_scan_utf8_next(scan, p);

    case NGX_DEPLOY_SCAN_ESCAPE:
        return ngx_deploy_scan_escape(scan, p);

    case NGX_DEPLOY_SCAN_HEX:
        return ngx_deploy_scan_hex(scan, p);

    case NGX_DEPLOY_SCAN_LOW_ESCAPE:
        if (*p != '\\') {
            return ngx_deploy_scan_fail(scan, p, "lone surrogate");
        }

        scan->part = NGX_DEPLOY_SCAN_LOW_U;
        return p + 1;

    case NGX_DEPLOY_SCAN_LOW_U:
        if (*p != 'u') {
            return ngx_deploy_scan_fail(scan, p, "lone surrogate");
        }

        scan->part = NGX_DEPLOY_SCAN_HEX;
        scan->digits = 0;
        scan->code = 0;
        return p + 1;

    default: /* NGX_DEPLOY_SCAN_TEXT */
        return ngx_deploy_scan_fail(scan, p, "invalid string");
    }
}


static const u_char *
ngx_deploy_scan_escape(ngx_deploy_scan_t *scan, const u_char *p)
{
    u_char  ch;

    scan->part = NGX_DEPLOY_SCAN_TEXT;

    switch (*p) {

    case '"':
    case '\\':
    case '/':
        ch = *p;
        break;

    case 'b':
        ch = '\b';
        break;

    case 'f':
        ch = '\f';
        break;

    case 'n':
        ch = '\n';
        break;

    case 'r':
        ch = '\r';
        break;

    case 't':
        ch = '\t';
        break;

    case 'u':
        scan->part = NGX_DEPLOY_SCAN_HEX;
        scan->digits = 0;
        scan->code = 0;
        return p + 1;

    default:
        return ngx_deploy_scan_fail(scan, p, "invalid escape");
    }

    return ngx_deploy_scan_collect(scan, &ch, 1, p + 1);
}


static const u_char *
ngx_deploy_scan_hex(ngx_deploy_scan_t *scan, const u_char *p)
{
    u_char  ch;

    ch = *p;

    if (ch >= '0' && ch <= '9') {
        ch -= '0';

    } else {
        ch |= 0x20;

        if (ch < 'a' || ch > 'f') {
            return ngx_deploy_scan_fail(scan, p, "invalid escape");
        }

        ch = ch - 'a' + 10;
    }

    scan->code = scan->code << 4 | ch;

    if (++scan->digits < 4) {
        return p + 1;
    }

    return ngx_deploy_scan_code(scan, p);
}


static const u_char *
ngx_deploy_scan_code(ngx_deploy_scan_t *scan, const u_char *p)
{
    size_t    len;
    u_char    text[4];
    unsigned  code;

    code = scan->code;

    if (scan->surrogate) {

        if (code < 0xdc00 || code > 0xdfff) {
            return ngx_deploy_scan_fail(scan, p, "lone surrogate");
        }

        code = 0x10000 + ((scan->surrogate - 0xd800) << 10) + (code - 0xdc00);
        scan->surrogate = 0;

    } else if (code >= 0xd800 && code <= 0xdbff) {
        scan->surrogate = code;
        scan->part = NGX_DEPLOY_SCAN_LOW_ESCAPE;
        return p + 1;

    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return ngx_deploy_scan_fail(scan, p, "lone surrogate");

    } else if (code == 0) {
        return ngx_deploy_scan_fail(scan, p, "NUL in a string");
    }

    scan->part = NGX_DEPLOY_SCAN_TEXT;

    len = 0;

    if (code < 0x80) {
        text[len++] = (u_char) code;

    } else if (code < 0x800) {
        text[len++] = (u_char) (0xc0 | code >> 6);
        text[len++] = (u_char) (0x80 | (code & 0x3f));

    } else if (code < 0x10000) {
        text[len++] = (u_char) (0xe0 | code >> 12);
        text[len++] = (u_char) (0x80 | (code >> 6 & 0x3f));
        text[len++] = (u_char) (0x80 | (code & 0x3f));

    } else {
        text[len++] = (u_char) (0xf0 | code >> 18);
        text[len++] = (u_char) (0x80 | (code >> 12 & 0x3f));
        text[len++] = (u_char) (0x80 | (code >> 6 & 0x3f));
        text[len++] = (u_char) (0x80 | (code & 0x3f));
    }

    return ngx_deploy_scan_collect(scan, text, len, p + 1);
}


static const u_char *
ngx_deploy_scan_utf8_begin(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    size_t  len;
    u_char  ch;

    len = ngx_deploy_utf8_sequence(p, end);

    if (len) {
        return ngx_deploy_scan_collect(scan, p, len, p + len);
    }

    /* cut by the end of the buffer or wrong, the bytes to come will tell */

    ch = *p;

    if (ch < 0xc2 || ch > 0xf4) {
        return ngx_deploy_scan_fail(scan, p, "invalid UTF-8");
    }

    scan->part = NGX_DEPLOY_SCAN_UTF8;
    scan->rest = (ch >= 0xf0) ? 3 : (ch >= 0xe0) ? 2 : 1;
    scan->low = (ch == 0xe0) ? 0xa0 : (ch == 0xf0) ? 0x90 : 0x80;
    scan->high = (ch == 0xed) ? 0x9f : (ch == 0xf4) ? 0x8f : 0xbf;

    return ngx_deploy_scan_collect(scan, p, 1, p + 1);
}


static const u_char *
ngx_deploy_scan_utf8_next(ngx_deploy_scan_t *scan, const u_char *p)
{
    if (*p < scan->low || *p > scan->high) {
        return ngx_deploy_scan_fail(scan, p, "invalid UTF-8");
    }

    scan->low = 0x80;
    scan->high = 0xbf;

    if (--scan->rest == 0) {
        scan->part = NGX_DEPLOY_SCAN_TEXT;
    }

    return ngx_deploy_scan_collect(scan, p, 1, p + 1);
}


const u_char *
ngx_deploy_scan_value(ngx_deploy_scan_t *scan, const u_char *data, size_t len,
    const u_char *p)
{
    ngx_deploy_str_t               value;
    const ngx_deploy_scan_node_t  *node;

    node = scan->node;

    scan->state = NGX_DEPLOY_SCAN_AT_COMMA;

    if (node == NULL || node->fact == 0) {
        return p;
    }

    if (len > node->max) {

        if (!node->cut) {
            return ngx_deploy_scan_limit(scan, p, "string too long");
        }

        len = ngx_deploy_utf8_cut(data, len, node->max);
    }

    value.len = len;
    value.data = (u_char *) (data ? data : (const u_char *) "");

    return ngx_deploy_scan_call(scan, node, NGX_DEPLOY_SCAN_STRING, &value, p);
}


const u_char *
ngx_deploy_scan_collect(ngx_deploy_scan_t *scan, const u_char *data,
    size_t len, const u_char *p)
{
    size_t   size;
    u_char  *buf;

    if (!scan->keep) {
        return p;
    }

    if (len > scan->limit - scan->len) {

        if (!scan->cut) {
            return ngx_deploy_scan_limit(scan, p,
                                         scan->is_key ? "key too long"
                                                      : "string too long");
        }

        len = scan->limit - scan->len;
    }

    if (len > scan->size - scan->len) {
        size = scan->size ? scan->size * 2 : 256;

        while (len > size - scan->len) {
            size *= 2;
        }

        buf = ngx_deploy_palloc(scan->pool, size);
        if (buf == NULL) {
            return ngx_deploy_scan_no_memory(scan, p);
        }

        if (scan->len) {
            memcpy(buf, scan->buf, scan->len);
        }

        scan->buf = buf;
        scan->size = size;
    }

    if (len) {
        memcpy(scan->buf + scan->len, data, len);
        scan->len += len;
    }

    return p;
}
