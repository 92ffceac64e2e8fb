
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_json.h"
#include "ngx_deploy_json_out.h"

#include <stdlib.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rand.h>


#define NGX_DEPLOY_JSON_MAX_DEPTH  32
#define NGX_DEPLOY_JSON_SIZE       1024           /* of most texts */
#define NGX_DEPLOY_JSON_NUMBER     64             /* of a real */


static const char *ngx_deploy_json_depth(const u_char *p, size_t len);
static const char *ngx_deploy_json_reason(const json_error_t *error);
static json_t *ngx_deploy_json_repair(const u_char *p, size_t len);
static void ngx_deploy_json_write(ngx_deploy_json_out_t *out, json_t *json);
static void ngx_deploy_json_write_members(ngx_deploy_json_out_t *out,
    json_t *json);
static void ngx_deploy_json_write_other(ngx_deploy_json_out_t *out,
    json_t *json);


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
    ngx_deploy_str_t *text)
{
    ngx_deploy_json_out_t  out;

    ngx_deploy_json_out_begin(&out, pool, NGX_DEPLOY_JSON_SIZE);
    ngx_deploy_json_write(&out, json);

    return ngx_deploy_json_out_end(&out, text);
}


/* the value of a member whose name was written, or an element */

static void
ngx_deploy_json_write(ngx_deploy_json_out_t *out, json_t *json)
{
    size_t            i;
    ngx_deploy_str_t  text;

    if (json == NULL) {
        out->rc = NGX_DEPLOY_ERROR;
        return;
    }

    switch (json_typeof(json)) {

    case JSON_STRING:
        text = ngx_deploy_json_get_str(json, NULL);
        ngx_deploy_json_out_str(out, NULL, &text);
        break;

    case JSON_INTEGER:
        ngx_deploy_json_out_int(out, NULL, json_integer_value(json));
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        ngx_deploy_json_out_bool(out, NULL, json_is_true(json));
        break;

    case JSON_OBJECT:
        ngx_deploy_json_write_members(out, json);
        break;

    case JSON_ARRAY:
        ngx_deploy_json_out_array(out, NULL);

        for (i = 0; i < json_array_size(json); i++) {
            ngx_deploy_json_write(out, json_array_get(json, i));
        }

        ngx_deploy_json_out_close(out, ']');
        break;

    default: /* JSON_REAL, JSON_NULL */
        ngx_deploy_json_write_other(out, json);
        break;
    }
}


static void
ngx_deploy_json_write_members(ngx_deploy_json_out_t *out, json_t *json)
{
    void              *iter;
    ngx_deploy_str_t   name;

    ngx_deploy_json_out_object(out, NULL);

    for (iter = json_object_iter(json);
         iter != NULL;
         iter = json_object_iter_next(json, iter))
    {
        name.data = (u_char *) json_object_iter_key(iter);
        name.len = strlen((char *) name.data);

        ngx_deploy_json_out_name(out, &name);
        ngx_deploy_json_write(out, json_object_iter_value(iter));
    }

    ngx_deploy_json_out_close(out, '}');
}


static void
ngx_deploy_json_write_other(ngx_deploy_json_out_t *out, json_t *json)
{
    char              buf[NGX_DEPLOY_JSON_NUMBER];
    ngx_deploy_str_t  text;

    text.data = (u_char *) buf;
    text.len = json_dumpb(json, buf, NGX_DEPLOY_JSON_NUMBER, JSON_ENCODE_ANY);

    if (text.len == 0 || text.len > NGX_DEPLOY_JSON_NUMBER) {
        out->rc = NGX_DEPLOY_ERROR;
        return;
    }

    ngx_deploy_json_out_raw(out, NULL, &text);
}
