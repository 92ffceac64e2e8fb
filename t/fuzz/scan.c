
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <jansson.h>

#include "ngx_deploy_scan.h"
#include "ngx_deploy_tap.h"


/*
 * The scan against jansson: both accept or both refuse, and the values on
 * the paths of the table are the same, in the same order.  The first two
 * bytes of the input choose how the rest is cut into pieces.
 */


typedef struct {
    size_t   len;
    size_t   size;
    u_char  *data;
} fuzz_log_t;


typedef struct {
    fuzz_log_t   log;
    unsigned     depth;
    unsigned     deepest;
    unsigned     long_string;
} fuzz_walk_t;


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


static const ngx_deploy_scan_path_t  fuzz_paths[] = {
    { "", 1, 0, 0 },
    { "[]", 2, 40, 0 },
    { "[][]", 3, 0, 1 },
    { "[].a", 4, 1, 1 },
    { "a", 5, 9, 1 },
    { "a.b", 6, 2, 1 },
    { "a.b.a", 7, 100, 0 },
    { "a[]", 8, 5, 1 },
    { "a[].b", 9, 20, 0 },
    { "a[].b[]", 10, 3, 1 },
    { "b", 11, 65536, 1 },
    { "ref", 12, 16, 0 },
    { "repository.full_name", 13, 64, 0 },
    { "commits[].added[]", 14, 64, 1 },
    { "\xc3\xa9", 15, 64, 1 },
    { "number", 16, 0, 0 },
    ngx_deploy_scan_null_path
};


static void
fuzz_add(fuzz_log_t *log, unsigned fact, ngx_deploy_scan_type_e type,
    const void *data, size_t len)
{
    u_char    *p;
    uint32_t   head[3];

    if (log->size - log->len < sizeof(head) + len) {
        log->size = log->size * 2 + sizeof(head) + len;

        p = realloc(log->data, log->size);
        if (p == NULL) {
            abort();
        }

        log->data = p;
    }

    head[0] = fact;
    head[1] = type;
    head[2] = (uint32_t) len;

    memcpy(log->data + log->len, head, sizeof(head));
    log->len += sizeof(head);

    if (len) {
        memcpy(log->data + log->len, data, len);
        log->len += len;
    }
}


static int
fuzz_handler(ngx_deploy_scan_t *scan, void *data, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    char         text[NGX_DEPLOY_SCAN_MAX_NUMBER + 1];
    double       real;
    int64_t      integer;
    fuzz_log_t  *log;

    log = data;

    fuzz_check(ngx_deploy_scan_reason(scan) == NULL);

    switch (type) {

    case NGX_DEPLOY_SCAN_STRING:
        fuzz_check(value->data != NULL);
        fuzz_check(ngx_deploy_utf8_valid(value->data, value->len));

        fuzz_add(log, fact, type, value->data, value->len);
        break;

    case NGX_DEPLOY_SCAN_INTEGER:
    case NGX_DEPLOY_SCAN_REAL:
        fuzz_check(value->len < sizeof(text));

        memcpy(text, value->data, value->len);
        text[value->len] = '\0';

        if (type == NGX_DEPLOY_SCAN_INTEGER) {
            integer = strtoll(text, NULL, 10);
            fuzz_add(log, fact, type, &integer, sizeof(integer));

        } else {
            real = strtod(text, NULL);
            fuzz_add(log, fact, type, &real, sizeof(real));
        }

        break;

    default:
        fuzz_check(value == NULL);
        fuzz_add(log, fact, type, NULL, 0);
    }

    return NGX_DEPLOY_OK;
}


static const ngx_deploy_scan_path_t *
fuzz_find(const char *name)
{
    const ngx_deploy_scan_path_t  *path;

    for (path = fuzz_paths; name != NULL && path->path != NULL; path++) {
        if (strcmp(path->path, name) == 0) {
            return path;
        }
    }

    return NULL;
}


static void
fuzz_walk_string(fuzz_walk_t *walk, json_t *json,
    const ngx_deploy_scan_path_t *path)
{
    size_t       len;
    const char  *p;

    p = json_string_value(json);
    len = json_string_length(json);

    if (len > path->max) {

        if (!path->cut) {
            walk->long_string = 1;
        }

        len = path->max;

        while (len && ((u_char) p[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_STRING, p, len);
}


static void
fuzz_walk_scalar(fuzz_walk_t *walk, json_t *json,
    const ngx_deploy_scan_path_t *path)
{
    double   real;
    int64_t  integer;

    if (path == NULL) {
        return;
    }

    switch (json_typeof(json)) {

    case JSON_STRING:
        fuzz_walk_string(walk, json, path);
        break;

    case JSON_INTEGER:
        integer = json_integer_value(json);
        fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_INTEGER, &integer,
                 sizeof(integer));
        break;

    case JSON_REAL:
        real = json_real_value(json);
        fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_REAL, &real,
                 sizeof(real));
        break;

    case JSON_TRUE:
        fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_TRUE, NULL, 0);
        break;

    case JSON_FALSE:
        fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_FALSE, NULL, 0);
        break;

    default:
        fuzz_add(&walk->log, path->fact, NGX_DEPLOY_SCAN_NULL, NULL, 0);
    }
}


/* name is NULL where no path of the table leads to */

static void
fuzz_walk(fuzz_walk_t *walk, json_t *json, const char *name)
{
    int                            array;
    char                           text[256], *child;
    size_t                         i;
    json_t                        *value;
    const char                    *key;
    const ngx_deploy_scan_path_t  *path;

    path = fuzz_find(name);
    array = json_is_array(json);

    if (!array && !json_is_object(json)) {
        fuzz_walk_scalar(walk, json, path);
        return;
    }

    if (++walk->depth > walk->deepest) {
        walk->deepest = walk->depth;
    }

    if (path != NULL) {
        fuzz_add(&walk->log, path->fact,
                 array ? NGX_DEPLOY_SCAN_ARRAY : NGX_DEPLOY_SCAN_OBJECT,
                 NULL, 0);
    }

    if (array) {
        child = NULL;

        if (name != NULL && strlen(name) < 128) {
            snprintf(text, sizeof(text), "%s[]", name);
            child = text;
        }

        json_array_foreach(json, i, value) {
            fuzz_walk(walk, value, child);
        }

    } else {
        json_object_foreach(json, key, value) {
            child = NULL;

            if (name != NULL && *key != '\0' && strlen(name) < 100
                && strlen(key) < 100 && strpbrk(key, ".[]") == NULL)
            {
                snprintf(text, sizeof(text), "%s%s%s", name,
                         *name ? "." : "", key);
                child = text;
            }

            fuzz_walk(walk, value, child);
        }
    }

    if (path != NULL) {
        fuzz_add(&walk->log, path->fact,
                 array ? NGX_DEPLOY_SCAN_ARRAY_END
                       : NGX_DEPLOY_SCAN_OBJECT_END,
                 NULL, 0);
    }

    walk->depth--;
}


/* each piece lies in a block of its own size, so that over-reads are seen */

static int
fuzz_feed(ngx_deploy_scan_t *scan, unsigned cut, const uint8_t *data,
    size_t size)
{
    int               rc;
    size_t            n, offset;
    ngx_deploy_str_t  piece;

    for (offset = 0; offset < size; offset += n) {

        if (cut < 256) {
            n = cut ? cut : size;

        } else {
            cut = (cut * 25173 + 13849) & 0xffff;
            cut |= 0x100;
            n = (cut >> 9) % 41;
        }

        if (n > size - offset) {
            n = size - offset;
        }

        piece = tap_copy(data + offset, n);

        rc = ngx_deploy_scan_feed(scan, piece.data, n);

        fuzz_check(ngx_deploy_scan_offset(scan) <= offset + n);

        if (rc != NGX_DEPLOY_OK) {
            fuzz_check(ngx_deploy_scan_feed(scan, data, 1) == rc);
            fuzz_check(ngx_deploy_scan_end(scan) == rc);
            return rc;
        }

        fuzz_check(ngx_deploy_scan_offset(scan) == offset + n);
    }

    return ngx_deploy_scan_end(scan);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                       rc;
    json_t                   *json;
    unsigned                  cut;
    fuzz_log_t                log;
    fuzz_walk_t               walk;
    json_error_t              error;
    ngx_deploy_scan_t        *scan;
    ngx_deploy_scan_table_t  *table;

    if (size < 2) {
        return 0;
    }

    cut = data[0];

    if (data[1] & 1) {
        cut |= 0x100 | (data[1] & 0xfe) << 8;
    }

    data += 2;
    size -= 2;

    memset(&log, 0, sizeof(fuzz_log_t));
    memset(&walk, 0, sizeof(fuzz_walk_t));

    table = ngx_deploy_scan_compile(tap_pool(), fuzz_paths);
    fuzz_check(table != NULL);

    scan = ngx_deploy_scan_create(tap_pool(), table, fuzz_handler, &log, cut);
    fuzz_check(scan != NULL);

    rc = fuzz_feed(scan, cut, data, size);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check((rc == NGX_DEPLOY_OK)
               == (ngx_deploy_scan_reason(scan) == NULL));

    /* jansson overlooks one NUL after a number or a literal: "[1\0]" */

    if (size && memchr(data, '\0', size) != NULL) {
        fuzz_check(rc == NGX_DEPLOY_DECLINED);
        goto done;
    }

    json = json_loadb((const char *) data, size, JSON_REJECT_DUPLICATES,
                      &error);

    if (json != NULL) {
        fuzz_walk(&walk, json, "");
        json_decref(json);

        if (ngx_deploy_scan_limited(scan)) {
            fuzz_check(walk.deepest > NGX_DEPLOY_SCAN_MAX_DEPTH
                       || walk.long_string
                       || size > NGX_DEPLOY_SCAN_MAX_NUMBER);

        } else {
            fuzz_check(rc == NGX_DEPLOY_OK);
            fuzz_check(!walk.long_string);
            fuzz_check(log.len == walk.log.len);
            fuzz_check(log.len == 0
                       || memcmp(log.data, walk.log.data, log.len) == 0);
        }

    } else {
        fuzz_check(rc == NGX_DEPLOY_DECLINED);
    }

done:

    free(log.data);
    free(walk.log.data);
    tap_pool_reset();

    return 0;
}
