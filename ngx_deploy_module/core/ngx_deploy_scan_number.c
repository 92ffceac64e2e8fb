
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_scan_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static const u_char *ngx_deploy_scan_number_end(ngx_deploy_scan_t *scan,
    const u_char *data, size_t len, const u_char *p);
static ngx_deploy_scan_type_e ngx_deploy_scan_number_type(const u_char *p,
    size_t len);
static int ngx_deploy_scan_int64(const u_char *p, size_t len);
static int ngx_deploy_scan_overflow(const u_char *p, size_t len);


const u_char *
ngx_deploy_scan_number(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    const u_char  *last;

    last = p;

    while (last < end
           && ((*last >= '0' && *last <= '9') || *last == '.'
               || (*last | 0x20) == 'e' || *last == '-' || *last == '+'))
    {
        last++;
    }

    if (last != end && scan->len == 0) {
        return ngx_deploy_scan_number_end(scan, p, last - p, last);
    }

    /* more of it may come with the next buffer */

    if (scan->state != NGX_DEPLOY_SCAN_IN_NUMBER) {
        scan->state = NGX_DEPLOY_SCAN_IN_NUMBER;
        scan->is_key = 0;
        scan->keep = 1;
        scan->cut = 0;
        scan->limit = NGX_DEPLOY_SCAN_MAX_NUMBER;
    }

    if ((size_t) (last - p) > scan->limit - scan->len) {
        return ngx_deploy_scan_limit(scan, last, "number too long");
    }

    p = ngx_deploy_scan_collect(scan, p, last - p, last);

    if (p == NULL || p == end) {
        return p;
    }

    return ngx_deploy_scan_number_end(scan, scan->buf, scan->len, p);
}


static const u_char *
ngx_deploy_scan_number_end(ngx_deploy_scan_t *scan, const u_char *data,
    size_t len, const u_char *p)
{
    ngx_deploy_str_t               value;
    ngx_deploy_scan_type_e         type;
    const ngx_deploy_scan_node_t  *node;

    if (len > NGX_DEPLOY_SCAN_MAX_NUMBER) {
        return ngx_deploy_scan_limit(scan, p, "number too long");
    }

    type = ngx_deploy_scan_number_type(data, len);

    if (type == NGX_DEPLOY_SCAN_INTEGER) {
        if (ngx_deploy_scan_int64(data, len) != NGX_DEPLOY_OK) {
            return ngx_deploy_scan_fail(scan, p, "integer out of range");
        }

    } else if (type == NGX_DEPLOY_SCAN_REAL) {
        if (ngx_deploy_scan_overflow(data, len)) {
            return ngx_deploy_scan_fail(scan, p, "number out of range");
        }

    } else {
        return ngx_deploy_scan_fail(scan, p, "invalid number");
    }

    scan->state = NGX_DEPLOY_SCAN_AT_COMMA;

    node = scan->node;

    if (node == NULL || node->fact == 0) {
        return p;
    }

    value.len = len;
    value.data = (u_char *) data;

    return ngx_deploy_scan_call(scan, node, type, &value, p);
}


/* zero when it is no number */

static ngx_deploy_scan_type_e
ngx_deploy_scan_number_type(const u_char *p, size_t len)
{
    const u_char            *end, *first;
    ngx_deploy_scan_type_e   type;

    end = p + len;
    type = NGX_DEPLOY_SCAN_INTEGER;

    if (p < end && *p == '-') {
        p++;
    }

    first = p;

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    if (p == first || (*first == '0' && p - first > 1)) {
        return 0;
    }

    if (p < end && *p == '.') {
        type = NGX_DEPLOY_SCAN_REAL;
        first = ++p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == first) {
            return 0;
        }
    }

    if (p < end && (*p | 0x20) == 'e') {
        type = NGX_DEPLOY_SCAN_REAL;
        p++;

        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }

        first = p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }

        if (p == first) {
            return 0;
        }
    }

    return (p == end) ? type : 0;
}


/* NGX_DEPLOY_OK when the integer fits, it has no leading zeros */

static int
ngx_deploy_scan_int64(const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  n, max;

    max = INT64_MAX;

    if (*p == '-') {
        p++;
        len--;
        max++;
    }

    if (len < 19) {
        return NGX_DEPLOY_OK;
    }

    if (len > 19) {
        return NGX_DEPLOY_DECLINED;
    }

    n = 0;

    for (i = 0; i < len; i++) {
        n = n * 10 + (p[i] - '0');
    }

    return (n <= max) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


/*
 * 1 when a real does not fit a double.  strtod() gets the digits without
 * their point, whose character depends on the locale, and the exponent
 * lowered by the number of the digits after it.
 */

static int
ngx_deploy_scan_overflow(const u_char *p, size_t len)
{
    int            minus;
    long           exponent, fraction;
    char           text[NGX_DEPLOY_SCAN_MAX_NUMBER + 32], *dst;
    double         value;
    const u_char  *end, *point;

    end = p + len;
    point = NULL;
    dst = text;

    if (*p == '-') {
        p++;
    }

    while (p < end && (*p | 0x20) != 'e') {

        if (*p == '.') {
            point = p;

        } else {
            *dst++ = (char) *p;
        }

        p++;
    }

    fraction = point ? p - point - 1 : 0;

    if (p == end && dst - text - fraction <= 300) {
        return 0;
    }

    minus = 0;
    exponent = 0;

    if (p < end) {
        p++;

        if (*p == '+' || *p == '-') {
            minus = (*p++ == '-');
        }

        /* a larger one makes no difference: the digits are 1024 at most */

        while (p < end && exponent < 100000) {
            exponent = exponent * 10 + (*p++ - '0');
        }
    }

    exponent = (minus ? -exponent : exponent) - fraction;

    (void) snprintf(dst, 32, "e%ld", exponent);

    errno = 0;
    value = strtod(text, NULL);

    return value == HUGE_VAL && errno == ERANGE;
}
