
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


static void
test_refused(const char *text, size_t len, size_t max, const char *want)
{
    const char         *reason;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *json;

    reason = NULL;
    s = tap_copy(text, len);
    json = ngx_deploy_json_parse(s.data, s.len, max, &reason);

    ok(json == NULL && reason && strcmp(reason, want) == 0,
       "refused: %s (%s)", want, reason ? reason : "none");

    ngx_deploy_json_free(json);
}


static ngx_deploy_str_t
test_dump(ngx_deploy_json_t *json)
{
    ngx_deploy_str_t  s;

    s.len = 0;
    s.data = NULL;

    is_int(ngx_deploy_json_dump(json, tap_pool(), &s), NGX_DEPLOY_OK, "dump");
    ngx_deploy_json_free(json);

    return s;
}


static void
test_parse(void)
{
    char                text[128];
    const char         *reason;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *json, *build;

    s = tap_str("{\"build\":{\"id\":\"p:1\",\"n\":7,\"r\":1.79E9,\"f\":-2.5,"
                "\"b\":true,\"z\":null,\"e\":\"\"},\"s\":\"[[\\\"{\"}");

    json = ngx_deploy_json_parse(s.data, s.len, 4096, &reason);
    build = ngx_deploy_json_get(json, "build");

    ok(build != NULL, "a member");
    is_str(ngx_deploy_json_get_str(build, "id"), "p:1", "a text");
    is_str(ngx_deploy_json_get_str(build, "e"), "", "an empty text");
    is_str(ngx_deploy_json_get_str(build, "n"), NULL, "a number is no text");
    is_str(ngx_deploy_json_get_str(build, "no"), NULL, "no text");
    is_str(ngx_deploy_json_get_str(ngx_deploy_json_get(build, "id"), NULL),
           "p:1", "a text itself");
    is_int(ngx_deploy_json_get_int(build, "n", -1), 7, "an integer");
    is_int(ngx_deploy_json_get_int(build, "r", -1), 1790000000, "a real");
    is_int(ngx_deploy_json_get_int(build, "f", -1), -2, "a real is cut");
    is_int(ngx_deploy_json_get_int(build, "id", -1), -1, "a text is none");
    ok(ngx_deploy_json_get(build, "z") == NULL, "null is absent");
    ok(ngx_deploy_json_get(NULL, "z") == NULL, "of NULL all is absent");
    is_str(ngx_deploy_json_get_str(NULL, NULL), NULL, "no text of NULL");
    is_int(ngx_deploy_json_get_int(NULL, "n", 3), 3, "no integer of NULL");

    ngx_deploy_json_free(json);

    s = tap_str("{\"n\":1e300}");
    json = ngx_deploy_json_parse(s.data, s.len, 4096, &reason);
    is_int(ngx_deploy_json_get_int(json, "n", -1), -1, "a huge real");
    ngx_deploy_json_free(json);

    memset(text, '[', 64);
    memset(text + 64, ']', 64);

    json = ngx_deploy_json_parse((u_char *) text + 32, 64, 4096, &reason);
    ok(json != NULL, "32 levels");
    ngx_deploy_json_free(json);

    test_refused(text + 31, 66, 4096, "nested too deeply");
    test_refused("\"[", 2, 4096, "JSON is cut short");
    test_refused("\"\\", 2, 4096, "not JSON");
    test_refused("[1]", 3, 2, "too long");
    test_refused("", 0, 2, "empty");
    test_refused("<html>", 6, 4096, "not JSON");
    test_refused("[1] 2", 5, 4096, "not JSON");
    test_refused("{\"a\":1", 6, 4096, "JSON is cut short");
    test_refused("{\"a\":1,\"a\":2}", 13, 4096, "duplicate key");
    test_refused("[\"\\u0000\"]", 10, 4096, "NUL character");
    test_refused("[\"\xff\"]", 5, 4096, "invalid UTF-8");
    test_refused("[1e999]", 7, 4096, "number is too big");
}


static void
test_write(void)
{
    size_t              i;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *json, *list;

    json = ngx_deploy_json_object();
    list = ngx_deploy_json_array();

    s = tap_str("a\"b\\\n\x1f/\xc3\xa9");

    is_int(ngx_deploy_json_set_str(json, "zz", &s), NGX_DEPLOY_OK, "text");
    is_int(ngx_deploy_json_set(json, "a", list), NGX_DEPLOY_OK, "array");
    ngx_deploy_json_append(list, ngx_deploy_json_int(-9));
    ngx_deploy_json_append(list, ngx_deploy_json_bool(1));
    ngx_deploy_json_append(list, ngx_deploy_json_bool(0));
    ngx_deploy_json_set(json, "m", ngx_deploy_json_text("first"));
    ngx_deploy_json_set(json, "b", ngx_deploy_json_object());
    ngx_deploy_json_set(json, "m", ngx_deploy_json_text("last"));

    s.data = NULL;
    is_int(ngx_deploy_json_set_str(json, "none", &s), NGX_DEPLOY_OK,
           "an absent text");

    is_int(ngx_deploy_json_set(json, "x", NULL), NGX_DEPLOY_ERROR, "NULL");
    is_int(ngx_deploy_json_append(list, NULL), NGX_DEPLOY_ERROR, "NULL");
    is_int(ngx_deploy_json_set(NULL, "x", ngx_deploy_json_int(1)),
           NGX_DEPLOY_ERROR, "no object, the value is freed");
    is_int(ngx_deploy_json_append(json, ngx_deploy_json_int(1)),
           NGX_DEPLOY_ERROR, "no array, the value is freed");
    ok(ngx_deploy_json_text(NULL) == NULL, "no text");

    is_str(test_dump(json),
           "{\"zz\":\"a\\\"b\\\\\\n\\u001F/\xc3\xa9\",\"a\":[-9,true,false],"
           "\"m\":\"last\",\"b\":{}}", "in the order set");

    s = tap_copy("a\xff\xc3(\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80z", 14);
    is_str(test_dump(ngx_deploy_json_str(&s)),
           "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
           "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
           "\xef\xbf\xbd\xef\xbf\xbdz\"", "what is not UTF-8 is replaced");

    s = tap_copy("a\0b", 3);
    is_str(test_dump(ngx_deploy_json_str(&s)), "\"a\\u0000b\"", "NUL");

    s = tap_copy("\xf0\x9f\x9a\x80", 4);
    is_str(test_dump(ngx_deploy_json_str(&s)), "\"\xf0\x9f\x9a\x80\"",
           "four bytes");

    /* around the size of the buffer */

    for (i = 4090; i < 4100; i++) {
        s.data = ngx_deploy_palloc(tap_pool(), i);
        s.len = i;
        memset(s.data, 'x', i);
        s = test_dump(ngx_deploy_json_str(&s));
        is_int(s.len, i + 2, "%d bytes", (int) i);
    }

    json = ngx_deploy_json_int(1);
    tap_pool_limit(0);
    is_int(ngx_deploy_json_dump(json, tap_pool(), &s), NGX_DEPLOY_ERROR,
           "no memory");
    tap_pool_limit(-1);
    ngx_deploy_json_free(json);
}


int
main(void)
{
    ngx_deploy_json_init();

    test_parse();
    test_write();

    return plan_done();
}
