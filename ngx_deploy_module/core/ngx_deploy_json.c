
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rand.h>


#define NGX_DEPLOY_JSON_MAX_DEPTH  32
#define NGX_DEPLOY_JSON_BUFFER     4096


typedef struct {
    u_char   *pos;
    u_char   *last;
} ngx_deploy_json_writer_t;


static const char *ngx_deploy_json_depth(const u_char *p, size_t len);
static const char *ngx_deploy_json_reason(const json_error_t *error);
static json_t *ngx_deploy_json_repair(const u_char *p, size_t len);
static int ngx_deploy_json_write(ngx_deploy_json_writer_t *w, json_t *json,
    unsigned depth);
static int ngx_deploy_json_write_members(ngx_deploy_json_writer_t *w,
    json_t *json, unsigned depth);
static int ngx_deploy_json_write_text(ngx_deploy_json_writer_t *w,
    const char *text, size_t len);
static int ngx_deploy_json_write_raw(ngx_deploy_json_writer_t *w,
    const char *text, size_t len);


void
ngx_deploy_json_init(void)
{
    size_t  seed;

    /* with zero jansson takes a seed of its own */

    if (RAND_bytes((u_char *) &seed, sizeof(size_t)) != 1) {
        ERR_clear_error();
        seed = 0;
    }

    json_object_seed(seed);
}


ngx_deploy_json_t *
ngx_deploy_json_parse(const u_char *p, size_t len, size_t max,
    const char **reason)
{
    json_t        *json;
    json_error_t   error;

    if (len == 0 || p == NULL) {
        *reason = "empty";
        return NULL;
    }

    if (len > max) {
        *reason = "too long";
        return NULL;
    }

    /* jansson's own limit of depth is 2,048 and it recurses */

    *reason = ngx_deploy_json_depth(p, len);

    if (*reason) {
        return NULL;
    }

    json = json_loadb((const char *) p, len, JSON_REJECT_DUPLICATES, &error);

    if (json == NULL) {
        *reason = ngx_deploy_json_reason(&error);
    }

    return json;
}


static const char *
ngx_deploy_json_depth(const u_char *p, size_t len)
{
    size_t         depth;
    unsigned       quoted;
    const u_char  *last;

    depth = 0;
    quoted = 0;

    for (last = p + len; p < last; p++) {

        if (quoted) {

            if (*p == '"') {
                quoted = 0;

            } else if (*p == '\\' && ++p == last) {
                break;
            }

            continue;
        }

        switch (*p) {

        case '"':
            quoted = 1;
            break;

        case '[':
        case '{':
            if (++depth > NGX_DEPLOY_JSON_MAX_DEPTH) {
                return "nested too deeply";
            }

            break;

        case ']':
        case '}':
            if (depth) {
                depth--;
            }

            break;

        default:
            break;
        }
    }

    return NULL;
}


static const char *
ngx_deploy_json_reason(const json_error_t *error)
{
    switch (json_error_code(error)) {

    case json_error_out_of_memory:
        return "out of memory";

    case json_error_duplicate_key:
        return "duplicate key";

    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "NUL character";

    case json_error_invalid_utf8:
        return "invalid UTF-8";

    case json_error_premature_end_of_input:
        return "JSON is cut short";

    case json_error_numeric_overflow:
        return "number is too big";

    default:
        return "not JSON";
    }
}


void
ngx_deploy_json_free(ngx_deploy_json_t *json)
{
    json_decref(json);
}


ngx_deploy_json_t *
ngx_deploy_json_done(ngx_deploy_json_t *json, int rc)
{
    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NULL;
    }

    return json;
}


ngx_deploy_json_t *
ngx_deploy_json_object(void)
{
    return json_object();
}


ngx_deploy_json_t *
ngx_deploy_json_array(void)
{
    return json_array();
}


ngx_deploy_json_t *
ngx_deploy_json_str(const ngx_deploy_str_t *s)
{
    if (s->len == 0) {
        return json_stringn_nocheck("", 0);
    }

    if (!ngx_deploy_utf8_valid(s->data, s->len)) {
        return ngx_deploy_json_repair(s->data, s->len);
    }

    return json_stringn_nocheck((const char *) s->data, s->len);
}


ngx_deploy_json_t *
ngx_deploy_json_text(const char *s)
{
    ngx_deploy_str_t  text;

    if (s == NULL) {
        return NULL;
    }

    text.len = strlen(s);
    text.data = (u_char *) s;

    return ngx_deploy_json_str(&text);
}


/* a copy in which each byte of no sequence became U+FFFD */

static json_t *
ngx_deploy_json_repair(const u_char *p, size_t len)
{
    size_t   n;
    u_char  *buf, *d;
    json_t  *json;

    if (len > SIZE_MAX / 3) {
        return NULL;
    }

    buf = malloc(len * 3);
    if (buf == NULL) {
        return NULL;
    }

    d = buf;

    while (len) {
        n = (*p < 0x80) ? 1 : ngx_deploy_utf8_sequence(p, p + len);

        if (n) {
            memcpy(d, p, n);
            d += n;

        } else {
            memcpy(d, "\xef\xbf\xbd", 3);
            d += 3;
            n = 1;
        }

        p += n;
        len -= n;
    }

    json = json_stringn_nocheck((char *) buf, d - buf);

    free(buf);

    return json;
}


ngx_deploy_json_t *
ngx_deploy_json_int(int64_t n)
{
    return json_integer(n);
}


ngx_deploy_json_t *
ngx_deploy_json_bool(int n)
{
    return json_boolean(n);
}


int
ngx_deploy_json_set(ngx_deploy_json_t *object, const char *key,
    ngx_deploy_json_t *value)
{
    /* json_object_set_new() takes value over when it fails, too */

    if (json_object_set_new(object, key, value) != 0) {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_json_append(ngx_deploy_json_t *array, ngx_deploy_json_t *value)
{
    if (json_array_append_new(array, value) != 0) {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_json_set_str(ngx_deploy_json_t *object, const char *key,
    const ngx_deploy_str_t *s)
{
    if (s->data == NULL) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_json_set(object, key, ngx_deploy_json_str(s));
}


ngx_deploy_json_t *
ngx_deploy_json_get(ngx_deploy_json_t *json, const char *key)
{
    json_t  *value;

    value = json_object_get(json, key);

    if (value == NULL || json_is_null(value)) {
        return NULL;
    }

    return value;
}


ngx_deploy_str_t
ngx_deploy_json_get_str(ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_str_t  s;

    if (key) {
        json = json_object_get(json, key);
    }

    if (!json_is_string(json)) {
        s.len = 0;
        s.data = NULL;

        return s;
    }

    s.len = json_string_length(json);
    s.data = (u_char *) json_string_value(json);

    return s;
}


int64_t
ngx_deploy_json_get_int(ngx_deploy_json_t *json, const char *key,
    int64_t dflt)
{
    double   d;
    json_t  *value;

    value = json_object_get(json, key);

    if (json_is_integer(value)) {
        return json_integer_value(value);
    }

    if (json_is_real(value)) {
        d = json_real_value(value);

        /* beyond these a double does not convert */

        if (d > -9.2e18 && d < 9.2e18) {
            return (int64_t) d;
        }
    }

    return dflt;
}


int
ngx_deploy_json_get_bool(ngx_deploy_json_t *json, const char *key, int dflt)
{
    json_t  *value;

    value = json_object_get(json, key);

    return json_is_boolean(value) ? json_is_true(value) : dflt;
}


ngx_deploy_json_t *
ngx_deploy_json_at(ngx_deploy_json_t *array, size_t i)
{
    return json_array_get(array, i);
}


int
ngx_deploy_json_dump(ngx_deploy_json_t *json, ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *out)
{
    char                      buf[NGX_DEPLOY_JSON_BUFFER];
    size_t                    n, size, flags;
    ngx_deploy_json_writer_t  w;

    /* what is small and plain is written ten times faster than by jansson */

    w.pos = (u_char *) buf;
    w.last = w.pos + NGX_DEPLOY_JSON_BUFFER;

    if (ngx_deploy_json_write(&w, json, 0) == NGX_DEPLOY_OK) {
        return ngx_deploy_pstrdup(pool, out, (u_char *) buf,
                                  w.pos - (u_char *) buf);
    }

    flags = JSON_COMPACT|JSON_ENCODE_ANY;

    /* the size that is needed is returned even when the room is smaller */

    n = json_dumpb(json, buf, NGX_DEPLOY_JSON_BUFFER, flags);

    if (n == 0) {
        return NGX_DEPLOY_ERROR;
    }

    if (n <= NGX_DEPLOY_JSON_BUFFER) {
        return ngx_deploy_pstrdup(pool, out, (u_char *) buf, n);
    }

    size = n;

    out->data = ngx_deploy_palloc(pool, size);
    if (out->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    n = json_dumpb(json, (char *) out->data, size, flags);

    if (n != size) {
        return NGX_DEPLOY_ERROR;
    }

    out->len = n;

    return NGX_DEPLOY_OK;
}


/* NGX_DEPLOY_DECLINED: too long for the buffer, or left to jansson */

static int
ngx_deploy_json_write(ngx_deploy_json_writer_t *w, json_t *json,
    unsigned depth)
{
    int     n;
    char    buf[32];
    size_t  i;

    if (json == NULL || depth > NGX_DEPLOY_JSON_MAX_DEPTH) {
        return NGX_DEPLOY_DECLINED;
    }

    switch (json_typeof(json)) {

    case JSON_STRING:
        return ngx_deploy_json_write_text(w, json_string_value(json),
                                          json_string_length(json));

    case JSON_INTEGER:
        n = snprintf(buf, sizeof(buf), "%" JSON_INTEGER_FORMAT,
                     json_integer_value(json));

        return ngx_deploy_json_write_raw(w, buf, n);

    case JSON_TRUE:
        return ngx_deploy_json_write_raw(w, "true", 4);

    case JSON_FALSE:
        return ngx_deploy_json_write_raw(w, "false", 5);

    case JSON_OBJECT:
        return ngx_deploy_json_write_members(w, json, depth);

    case JSON_ARRAY:
        if (ngx_deploy_json_write_raw(w, "[", 1) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_DECLINED;
        }

        for (i = 0; i < json_array_size(json); i++) {
            if ((i && ngx_deploy_json_write_raw(w, ",", 1) != NGX_DEPLOY_OK)
                || ngx_deploy_json_write(w, json_array_get(json, i),
                                         depth + 1)
                   != NGX_DEPLOY_OK)
            {
                return NGX_DEPLOY_DECLINED;
            }
        }

        return ngx_deploy_json_write_raw(w, "]", 1);

    default:
        return NGX_DEPLOY_DECLINED;
    }
}


static int
ngx_deploy_json_write_members(ngx_deploy_json_writer_t *w, json_t *json,
    unsigned depth)
{
    void        *iter;
    const char  *key, *before;

    before = "{";
    iter = json_object_iter(json);

    if (iter == NULL) {
        return ngx_deploy_json_write_raw(w, "{}", 2);
    }

    do {
        key = json_object_iter_key(iter);

        if (ngx_deploy_json_write_raw(w, before, 1) != NGX_DEPLOY_OK
            || ngx_deploy_json_write_text(w, key, strlen(key))
               != NGX_DEPLOY_OK
            || ngx_deploy_json_write_raw(w, ":", 1) != NGX_DEPLOY_OK
            || ngx_deploy_json_write(w, json_object_iter_value(iter),
                                     depth + 1)
               != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_DECLINED;
        }

        before = ",";
        iter = json_object_iter_next(json, iter);

    } while (iter != NULL);

    return ngx_deploy_json_write_raw(w, "}", 1);
}


static int
ngx_deploy_json_write_text(ngx_deploy_json_writer_t *w, const char *text,
    size_t len)
{
    size_t  i;
    u_char  ch;

    /* each byte may need a second one, and there are the quotes */

    if (len > NGX_DEPLOY_JSON_BUFFER
        || (size_t) (w->last - w->pos) < 2 * len + 2)
    {
        return NGX_DEPLOY_DECLINED;
    }

    *w->pos++ = '"';

    for (i = 0; i < len; i++) {
        ch = (u_char) text[i];

        if (ch == '"' || ch == '\\') {
            *w->pos++ = '\\';

        } else if (ch == '\n') {
            *w->pos++ = '\\';
            ch = 'n';

        } else if (ch < 0x20) {
            return NGX_DEPLOY_DECLINED;
        }

        *w->pos++ = ch;
    }

    *w->pos++ = '"';

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_json_write_raw(ngx_deploy_json_writer_t *w, const char *text,
    size_t len)
{
    if ((size_t) (w->last - w->pos) < len) {
        return NGX_DEPLOY_DECLINED;
    }

    memcpy(w->pos, text, len);
    w->pos += len;

    return NGX_DEPLOY_OK;
}
