
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_json_out.h"

#include <inttypes.h>


static size_t  left;


static void *
limited(void *data, size_t size)
{
    ngx_deploy_pool_t  *pool = data;

    return (left-- == 0) ? NULL : ngx_deploy_palloc(pool, size);
}


static void
document(ngx_deploy_json_out_t *out)
{
    ngx_deploy_str_t  s, absent = ngx_deploy_null_string;

    ngx_deploy_json_out_object(out, NULL);
    ngx_deploy_json_out_text(out, "text", "a \"b\" \\ /");
    ngx_deploy_json_out_str(out, "absent", &absent);

    s = tap_str("");
    ngx_deploy_json_out_str(out, "empty", &s);
    ngx_deploy_json_out_int(out, "min", INT64_MIN);
    ngx_deploy_json_out_bool(out, "yes", 1);
    ngx_deploy_json_out_bool(out, "no", 0);

    ngx_deploy_json_out_array(out, "array");
    ngx_deploy_json_out_int(out, NULL, 1);
    ngx_deploy_json_out_object(out, NULL);
    ngx_deploy_json_out_close(out, '}');
    ngx_deploy_json_out_array(out, NULL);
    ngx_deploy_json_out_close(out, ']');
    ngx_deploy_json_out_close(out, ']');

    s = tap_str("{\"a\":[1,2]}");
    ngx_deploy_json_out_raw(out, "raw", &s);
    ngx_deploy_json_out_close(out, '}');
}


static void
test_document(void)
{
    size_t                 size;
    ngx_deploy_str_t       text;
    ngx_deploy_json_out_t  out;

    static const char  want[] =
        "{\"text\":\"a \\\"b\\\" \\\\ /\",\"empty\":\"\","
        "\"min\":-9223372036854775808,\"yes\":true,\"no\":false,"
        "\"array\":[1,{},[]],\"raw\":{\"a\":[1,2]}}";

    for (size = 1; size < sizeof(want) + 20; size += 9) {
        ngx_deploy_json_out_begin(&out, tap_pool(), size);
        document(&out);

        is_int(ngx_deploy_json_out_end(&out, &text), NGX_DEPLOY_OK,
               "room for %zu", size);
        is_str(text, want, "the text, begun with %zu", size);
    }
}


/* every byte, and what jansson reads of it */

static void
test_bytes(void)
{
    size_t                  i;
    u_char                  bytes[3];
    const char             *reason;
    ngx_deploy_str_t        s, got, text;
    ngx_deploy_json_t      *json;
    ngx_deploy_json_out_t   out;

    for (i = 1; i < 256; i++) {
        bytes[0] = 'a';
        bytes[1] = i;
        bytes[2] = 'b';

        s.data = bytes;
        s.len = 3;

        ngx_deploy_json_out_begin(&out, tap_pool(), 1);
        ngx_deploy_json_out_array(&out, NULL);
        ngx_deploy_json_out_str(&out, NULL, &s);
        ngx_deploy_json_out_close(&out, ']');
        (void) ngx_deploy_json_out_end(&out, &text);

        json = ngx_deploy_json_parse(text.data, text.len, 64, &reason);
        got = ngx_deploy_json_get_str(ngx_deploy_json_at(json, 0), NULL);

        if (i < 0x80) {
            ok(ngx_deploy_str_eq(&got, &s), "byte %zu is as it was", i);

        } else {
            is_str(got, "a\xef\xbf\xbd" "b", "byte %zu is replaced", i);
        }

        ngx_deploy_json_free(json);
    }
}


static void
test_text(const char *from, const char *to, const char *name)
{
    ngx_deploy_str_t       s, text;
    ngx_deploy_json_out_t  out;

    s = tap_str(from);

    ngx_deploy_json_out_begin(&out, tap_pool(), 1);
    ngx_deploy_json_out_str(&out, NULL, &s);
    (void) ngx_deploy_json_out_end(&out, &text);

    is_str(text, to, "%s", name);
}


static void
test_name(void)
{
    ngx_deploy_str_t       name, text;
    ngx_deploy_json_out_t  out;

    name = tap_str("a\"b");

    ngx_deploy_json_out_begin(&out, tap_pool(), 1);
    ngx_deploy_json_out_object(&out, NULL);
    ngx_deploy_json_out_name(&out, &name);
    ngx_deploy_json_out_int(&out, NULL, 1);
    ngx_deploy_json_out_name(&out, &name);
    ngx_deploy_json_out_text(&out, NULL, "c");
    ngx_deploy_json_out_close(&out, '}');
    (void) ngx_deploy_json_out_end(&out, &text);

    is_str(text, "{\"a\\\"b\":1,\"a\\\"b\":\"c\"}", "names of any text");
}


static void
test_texts(void)
{
    test_text("\b\t\n\f\r\x01\x1f\x7f",
              "\"\\b\\t\\n\\f\\r\\u0001\\u001F\x7f\"", "controls");
    test_name();

    test_text("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
              "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "UTF-8");
    test_text("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "a sequence cut");
    test_text("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
              "a surrogate");
    test_text("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "a long form");
    test_text("\xf4\x90\x80\x80",
              "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
              "above U+10FFFF");
}


static void
test_memory(void)
{
    size_t                  n;
    ngx_deploy_str_t        text;
    ngx_deploy_pool_t       pool;
    ngx_deploy_json_out_t   out;

    pool.alloc = limited;
    pool.data = tap_pool();

    for (n = 0; n < 20; n++) {
        left = n;

        ngx_deploy_json_out_begin(&out, &pool, 1);
        document(&out);

        if (ngx_deploy_json_out_end(&out, &text) == NGX_DEPLOY_OK) {
            break;
        }
    }

    ok(n > 3 && n < 20, "memory that is short: %zu times", n);
}


int
main(void)
{
    test_document();
    test_bytes();
    test_texts();
    test_memory();

    return plan_done();
}
