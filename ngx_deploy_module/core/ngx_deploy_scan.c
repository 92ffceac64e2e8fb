
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_scan_state.h"


static const u_char *ngx_deploy_scan_run(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_at_key(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_at_value(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_at_comma(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_open(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_close(ngx_deploy_scan_t *scan,
    const u_char *p);
static const u_char *ngx_deploy_scan_literal(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_scan_quote(const u_char *p,
    const u_char *end);


ngx_deploy_scan_t *
ngx_deploy_scan_create(ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_table_t *table, ngx_deploy_scan_pt handler,
    void *data, uint64_t seed)
{
    ngx_deploy_scan_t  *scan;

    scan = ngx_deploy_palloc(pool, sizeof(ngx_deploy_scan_t));
    if (scan == NULL) {
        return NULL;
    }

    /* a frame is set when it is opened */

    memset(scan, 0, offsetof(ngx_deploy_scan_t, frames));

    scan->pool = pool;
    scan->node = &table->root;
    scan->handler = handler;
    scan->data = data;

    ngx_deploy_scan_seed(scan, seed);

    return scan;
}


int
ngx_deploy_scan_feed(ngx_deploy_scan_t *scan, const u_char *p, size_t len)
{
    if (scan->rc != NGX_DEPLOY_OK || len == 0) {
        return scan->rc;
    }

    if (ngx_deploy_scan_run(scan, p, p + len) == NULL) {
        scan->offset += scan->pos - p;
        return scan->rc;
    }

    scan->offset += len;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_scan_end(ngx_deploy_scan_t *scan)
{
    if (scan->rc == NGX_DEPLOY_OK && scan->state != NGX_DEPLOY_SCAN_AT_END) {
        (void) ngx_deploy_scan_fail(scan, NULL, "unexpected end");
    }

    return scan->rc;
}


const char *
ngx_deploy_scan_reason(ngx_deploy_scan_t *scan)
{
    return scan->reason;
}


void
ngx_deploy_scan_set_reason(ngx_deploy_scan_t *scan, const char *reason)
{
    scan->reason = reason;
}


size_t
ngx_deploy_scan_offset(ngx_deploy_scan_t *scan)
{
    return scan->offset;
}


int
ngx_deploy_scan_limited(ngx_deploy_scan_t *scan)
{
    return scan->limited;
}


const u_char *
ngx_deploy_scan_fail(ngx_deploy_scan_t *scan, const u_char *p,
    const char *reason)
{
    scan->rc = NGX_DEPLOY_DECLINED;
    scan->pos = p;
    scan->reason = reason;

    return NULL;
}


const u_char *
ngx_deploy_scan_limit(ngx_deploy_scan_t *scan, const u_char *p,
    const char *reason)
{
    scan->limited = 1;

    return ngx_deploy_scan_fail(scan, p, reason);
}


const u_char *
ngx_deploy_scan_no_memory(ngx_deploy_scan_t *scan, const u_char *p)
{
    (void) ngx_deploy_scan_fail(scan, p, "out of memory");

    scan->rc = NGX_DEPLOY_ERROR;

    return NULL;
}


static const u_char *
ngx_deploy_scan_run(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    while (p != NULL && p < end) {

        switch (scan->state) {

        case NGX_DEPLOY_SCAN_AT_FIRST_KEY:
        case NGX_DEPLOY_SCAN_AT_KEY:
            p = ngx_deploy_scan_at_key(scan, p, end);

            if (p == NULL || scan->state != NGX_DEPLOY_SCAN_AT_COLON) {
                break;
            }

            /* fall through */

        case NGX_DEPLOY_SCAN_AT_COLON:
            p = ngx_deploy_scan_space(p, end);

            if (p == end) {
                break;
            }

            if (*p != ':') {
                return ngx_deploy_scan_fail(scan, p, "colon expected");
            }

            p++;
            scan->state = NGX_DEPLOY_SCAN_AT_VALUE;

            /* fall through */

        case NGX_DEPLOY_SCAN_AT_ROOT:
        case NGX_DEPLOY_SCAN_AT_FIRST_VALUE:
        case NGX_DEPLOY_SCAN_AT_VALUE:
            p = ngx_deploy_scan_at_value(scan, p, end);

            if (p == NULL || scan->state != NGX_DEPLOY_SCAN_AT_COMMA) {
                break;
            }

            /* fall through */

        case NGX_DEPLOY_SCAN_AT_COMMA:
            p = ngx_deploy_scan_at_comma(scan, p, end);
            break;

        case NGX_DEPLOY_SCAN_IN_STRING:
            p = ngx_deploy_scan_string(scan, p, end);
            break;

        case NGX_DEPLOY_SCAN_IN_NUMBER:
            p = ngx_deploy_scan_number(scan, p, end);
            break;

        case NGX_DEPLOY_SCAN_IN_LITERAL:
            p = ngx_deploy_scan_literal(scan, p, end);
            break;

        case NGX_DEPLOY_SCAN_AT_END:
            p = ngx_deploy_scan_space(p, end);

            if (p < end) {
                return ngx_deploy_scan_fail(scan, p,
                                            "bytes after the document");
            }

            break;
        }
    }

    return p;
}


static inline const u_char *
ngx_deploy_scan_at_key(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    const u_char  *last;

    p = ngx_deploy_scan_space(p, end);

    if (p == end) {
        return p;
    }

    if (*p == '"') {
        p++;
        last = ngx_deploy_scan_quote(p, end);

        if (last == NULL) {
            ngx_deploy_scan_string_begin(scan, 1);
            return p;
        }

        return ngx_deploy_scan_key(scan, p, last - p, last + 1);
    }

    if (*p == '}' && scan->state == NGX_DEPLOY_SCAN_AT_FIRST_KEY) {
        return ngx_deploy_scan_close(scan, p);
    }

    return ngx_deploy_scan_fail(scan, p, "key expected");
}


static inline const u_char *
ngx_deploy_scan_at_value(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    const u_char  *last;

    p = ngx_deploy_scan_space(p, end);

    if (p == end) {
        return p;
    }

    if (*p == '{' || *p == '[') {
        return ngx_deploy_scan_open(scan, p);
    }

    if (scan->state == NGX_DEPLOY_SCAN_AT_ROOT) {
        return ngx_deploy_scan_fail(scan, p, "object or array expected");
    }

    switch (*p) {

    case '"':
        p++;
        last = ngx_deploy_scan_quote(p, end);

        if (last == NULL) {
            ngx_deploy_scan_string_begin(scan, 0);
            return p;
        }

        return ngx_deploy_scan_value(scan, p, last - p, last + 1);

    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        scan->len = 0;
        return ngx_deploy_scan_number(scan, p, end);

    case 't':
        scan->text = "true";
        scan->literal = NGX_DEPLOY_SCAN_TRUE;
        break;

    case 'f':
        scan->text = "false";
        scan->literal = NGX_DEPLOY_SCAN_FALSE;
        break;

    case 'n':
        scan->text = "null";
        scan->literal = NGX_DEPLOY_SCAN_NULL;
        break;

    case ']':
        if (scan->state == NGX_DEPLOY_SCAN_AT_FIRST_VALUE) {
            return ngx_deploy_scan_close(scan, p);
        }

        /* fall through */

    default:
        return ngx_deploy_scan_fail(scan, p, "value expected");
    }

    return ngx_deploy_scan_literal(scan, p, end);
}


static inline const u_char *
ngx_deploy_scan_at_comma(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    ngx_deploy_scan_frame_t  *frame;

    p = ngx_deploy_scan_space(p, end);

    if (p == end) {
        return p;
    }

    frame = &scan->frames[scan->depth - 1];

    if (*p == ',') {

        if (frame->array) {
            scan->node = frame->node ? frame->node->element : NULL;
            scan->state = NGX_DEPLOY_SCAN_AT_VALUE;

        } else {
            scan->state = NGX_DEPLOY_SCAN_AT_KEY;
        }

        return p + 1;
    }

    if (*p == (frame->array ? ']' : '}')) {
        return ngx_deploy_scan_close(scan, p);
    }

    return ngx_deploy_scan_fail(scan, p, "comma or end expected");
}


static const u_char *
ngx_deploy_scan_open(ngx_deploy_scan_t *scan, const u_char *p)
{
    ngx_deploy_scan_frame_t       *frame;
    const ngx_deploy_scan_node_t  *node;

    if (scan->depth == NGX_DEPLOY_SCAN_MAX_DEPTH) {
        return ngx_deploy_scan_limit(scan, p, "too deep");
    }

    node = scan->node;

    frame = &scan->frames[scan->depth++];
    frame->node = node;
    frame->mark = scan->nkeys;
    frame->array = (*p == '[');

    if (frame->array) {
        scan->node = node ? node->element : NULL;
        scan->state = NGX_DEPLOY_SCAN_AT_FIRST_VALUE;

    } else {
        ngx_deploy_scan_frame_seed(scan, frame);
        scan->state = NGX_DEPLOY_SCAN_AT_FIRST_KEY;
    }

    if (node == NULL || node->fact == 0) {
        return p + 1;
    }

    return ngx_deploy_scan_call(scan, node,
                                frame->array ? NGX_DEPLOY_SCAN_ARRAY
                                             : NGX_DEPLOY_SCAN_OBJECT,
                                NULL, p + 1);
}


static const u_char *
ngx_deploy_scan_close(ngx_deploy_scan_t *scan, const u_char *p)
{
    ngx_deploy_scan_frame_t  *frame;

    frame = &scan->frames[--scan->depth];

    scan->nkeys = frame->mark;
    scan->state = scan->depth ? NGX_DEPLOY_SCAN_AT_COMMA
                              : NGX_DEPLOY_SCAN_AT_END;

    if (frame->node == NULL || frame->node->fact == 0) {
        return p + 1;
    }

    return ngx_deploy_scan_call(scan, frame->node,
                                frame->array ? NGX_DEPLOY_SCAN_ARRAY_END
                                             : NGX_DEPLOY_SCAN_OBJECT_END,
                                NULL, p + 1);
}


static const u_char *
ngx_deploy_scan_literal(ngx_deploy_scan_t *scan, const u_char *p,
    const u_char *end)
{
    const char  *text;

    text = scan->text;

    while (p < end && *text != '\0') {

        if (*p != (u_char) *text) {
            return ngx_deploy_scan_fail(scan, p, "invalid literal");
        }

        p++;
        text++;
    }

    if (*text != '\0') {
        scan->text = text;
        scan->state = NGX_DEPLOY_SCAN_IN_LITERAL;
        return p;
    }

    scan->state = NGX_DEPLOY_SCAN_AT_COMMA;

    if (scan->node == NULL || scan->node->fact == 0) {
        return p;
    }

    return ngx_deploy_scan_call(scan, scan->node, scan->literal, NULL, p);
}


/*
 * The closing quote of a string that can be used where it lies; NULL when it
 * has escapes, is wrong or goes on in the next buffer.
 */

static inline const u_char *
ngx_deploy_scan_quote(const u_char *p, const u_char *end)
{
    size_t  n;

    for ( ;; ) {
        p = ngx_deploy_scan_plain(p, end);

        if (p == end) {
            return NULL;
        }

        if (*p == '"') {
            return p;
        }

        do {
            n = ngx_deploy_utf8_sequence(p, end);
            if (n == 0) {
                return NULL;
            }

            p += n;

        } while (p < end && *p >= 0x80);
    }
}


const u_char *
ngx_deploy_scan_call(ngx_deploy_scan_t *scan,
    const ngx_deploy_scan_node_t *node, ngx_deploy_scan_type_e type,
    ngx_deploy_str_t *value, const u_char *p)
{
    int  rc;

    rc = scan->handler(scan, scan->data, node->fact, type, value);

    if (rc != NGX_DEPLOY_OK) {
        scan->rc = rc;
        scan->pos = p;
        return NULL;
    }

    return p;
}
