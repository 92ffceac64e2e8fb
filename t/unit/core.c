
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_core.h"
#include "ngx_deploy_tap.h"


static void test_memory(void);
static void test_compare(void);
static void test_atoi64(void);
static void test_hex(void);
static void test_base64(void);
static void test_utf8(void);
static void test_utf8_cut(void);


static void
test_memory(void)
{
    size_t             i;
    u_char            *p;
    ngx_deploy_str_t   s;

    p = ngx_deploy_palloc(tap_pool(), 0);
    ok(p != NULL, "palloc of nothing");

    p = ngx_deploy_pcalloc(tap_pool(), 100);
    ok(p != NULL, "pcalloc");

    for (i = 0; p != NULL && i < 100 && p[i] == 0; i++) { /* void */ }

    is_int(i, 100, "pcalloc zeroes");

    is_int(ngx_deploy_pstrdup(tap_pool(), &s, (u_char *) "abc", 3),
           NGX_DEPLOY_OK, "pstrdup");
    is_str(s, "abc", "pstrdup copies");

    is_int(ngx_deploy_pstrdup(tap_pool(), &s, NULL, 0), NGX_DEPLOY_OK,
           "pstrdup of nothing");
    is_str(s, "", "an empty copy is not absent");

    tap_pool_limit(0);

    ok(ngx_deploy_palloc(tap_pool(), 8) == NULL, "palloc, no memory");
    ok(ngx_deploy_pcalloc(tap_pool(), 8) == NULL, "pcalloc, no memory");
    is_int(ngx_deploy_pstrdup(tap_pool(), &s, (u_char *) "abc", 3),
           NGX_DEPLOY_ERROR, "pstrdup, no memory");

    tap_pool_limit(-1);
}


static void
test_compare(void)
{
    ngx_deploy_str_t  a, b, absent;

    absent = tap_str(NULL);

    a = tap_copy("abc", 3);
    b = tap_copy("abc", 3);
    ok(ngx_deploy_str_eq(&a, &b), "eq");

    b = tap_copy("abd", 3);
    ok(!ngx_deploy_str_eq(&a, &b), "eq, another byte");

    b = tap_copy("ab", 2);
    ok(!ngx_deploy_str_eq(&a, &b), "eq, another length");
    ok(!ngx_deploy_str_eq(&a, &absent), "eq, one absent");
    ok(ngx_deploy_str_eq(&absent, &absent), "eq, both absent");

    ok(ngx_deploy_str_is(&a, "abc"), "is");
    ok(!ngx_deploy_str_is(&a, "ab"), "is, shorter");
    ok(!ngx_deploy_str_is(&a, "abcd"), "is, longer");
    ok(!ngx_deploy_str_is(&a, "ABC"), "is, another case");
    ok(!ngx_deploy_str_is(&absent, "a"), "is, absent");

    b = tap_copy("a\0c", 3);
    ok(!ngx_deploy_str_is(&b, "a"), "is, a NUL inside");

    ok(ngx_deploy_str_starts(&a, "ab"), "starts");
    ok(ngx_deploy_str_starts(&a, "abc"), "starts, all of it");
    ok(ngx_deploy_str_starts(&a, ""), "starts with nothing");
    ok(!ngx_deploy_str_starts(&a, "abcd"), "starts, longer");
    ok(!ngx_deploy_str_starts(&a, "b"), "starts, another byte");
    ok(!ngx_deploy_str_starts(&absent, "a"), "starts, absent");

    b = tap_copy("aBC", 3);
    ok(ngx_deploy_str_is_nocase(&b, "abc"), "nocase");
    ok(ngx_deploy_str_is_nocase(&a, "abc"), "nocase, lower");
    ok(!ngx_deploy_str_is_nocase(&a, "abcd"), "nocase, longer");
    ok(!ngx_deploy_str_is_nocase(&absent, "a"), "nocase, absent");

    b = tap_copy("@[", 2);
    ok(!ngx_deploy_str_is_nocase(&b, "`{"), "nocase, letters only");
}


static void
test_atoi64(void)
{
    unsigned          i;
    ngx_deploy_str_t  s;

    static const struct {
        const char  *text;
        int64_t      want;
    } tests[] = {
        { "0", 0 },
        { "7", 7 },
        { "007", 7 },
        { "1234567890", 1234567890 },
        { "999999999999999999", 999999999999999999 },
        { "000000000000000001", 1 },
        { "1000000000000000000", -1 },
        { "", -1 },
        { "-1", -1 },
        { "+1", -1 },
        { " 1", -1 },
        { "1 ", -1 },
        { "0x1", -1 },
        { "1/", -1 },
        { "1:", -1 },
        { NULL, 0 }
    };

    for (i = 0; tests[i].text != NULL; i++) {
        s = tap_copy(tests[i].text, strlen(tests[i].text));

        is_int(ngx_deploy_atoi64(s.data, s.len), tests[i].want, "atoi64 \"%s\"",
               tests[i].text);
    }
}


static void
test_hex(void)
{
    u_char            out[16], *end;
    unsigned          i;
    ngx_deploy_str_t  s;

    static const char  *bad[] = {
        "0001", "000102ff0", "000102fff", "000102f", "000102fg", "g00102ff",
        "0001 2ff", "000102f/", "000102f:", "000102f@", "000102f`", "", NULL
    };

    s = tap_copy("000aFFfe", 8);

    is_int(ngx_deploy_hex_decode(out, 4, s.data, s.len), NGX_DEPLOY_OK,
           "hex decode");
    ok(memcmp(out, "\x00\x0a\xff\xfe", 4) == 0, "hex decode, either case");

    is_int(ngx_deploy_hex_decode(out, 0, s.data, 0), NGX_DEPLOY_OK,
           "hex decode of nothing");

    for (i = 0; bad[i] != NULL; i++) {
        s = tap_copy(bad[i], strlen(bad[i]));

        is_int(ngx_deploy_hex_decode(out, 4, s.data, s.len),
               NGX_DEPLOY_DECLINED, "hex decode \"%s\"", bad[i]);
    }

    end = ngx_deploy_hex_encode(out, (u_char *) "\x00\xa5\xff", 3);
    is_int(end - out, 6, "hex encode, length");
    ok(memcmp(out, "00a5ff", 6) == 0, "hex encode");
}


static void
test_base64(void)
{
    size_t            size;
    u_char            out[16];
    unsigned          i;
    ngx_deploy_str_t  s, got;

    static const struct {
        const char  *text;
        const char  *want;
    } tests[] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" },
        { "+/+/", "\xfb\xff\xbf" },
        { "Zh==", NULL },
        { "Zm9=", NULL },
        { "Zg=", NULL },
        { "Zg", NULL },
        { "Zg===", NULL },
        { "====", NULL },
        { "Z===", NULL },
        { "Zg==Zg==", NULL },
        { "Z=g=", NULL },
        { "Zm9v\n", NULL },
        { " m9v", NULL },
        { "-_-_", NULL },
        { NULL, NULL }
    };

    for (i = 0; tests[i].text != NULL; i++) {
        s = tap_copy(tests[i].text, strlen(tests[i].text));
        size = sizeof(out);

        got.data = NULL;
        got.len = 0;

        if (ngx_deploy_base64_decode(out, &size, s.data, s.len)
            == NGX_DEPLOY_OK)
        {
            got.data = out;
            got.len = size;
        }

        is_str(got, tests[i].want, "base64, %u", i);
    }

    size = 5;
    is_int(ngx_deploy_base64_decode(out, &size, (u_char *) "Zm9vYmFy", 8),
           NGX_DEPLOY_DECLINED, "base64, no room");

    size = 5;
    is_int(ngx_deploy_base64_decode(out, &size, (u_char *) "Zm9vYmE=", 8),
           NGX_DEPLOY_OK, "base64, just room");
}


static void
test_utf8(void)
{
    unsigned          i;
    ngx_deploy_str_t  s;

    static const struct {
        const char  *text;
        int          want;
    } tests[] = {
        { "", 1 },
        { "plain ASCII of more than sixteen bytes", 1 },
        { "\x7f", 1 },
        { "\xc2\x80\xdf\xbf", 1 },
        { "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 1 },
        { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 1 },
        { "12345678\xc3\xa9" "12345678", 1 },
        { "\x80", 0 },
        { "\xbf", 0 },
        { "\xc0\xaf", 0 },
        { "\xc1\xbf", 0 },
        { "\xc3", 0 },
        { "\xc3(", 0 },
        { "\xe0\x9f\xbf", 0 },
        { "\xed\xa0\x80", 0 },
        { "\xed\xbf\xbf", 0 },
        { "\xe2\x82", 0 },
        { "\xe2\x82(", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf4\x90\x80\x80", 0 },
        { "\xf5\x80\x80\x80", 0 },
        { "\xf0\x9f\x98", 0 },
        { "\xf0\x9f\x98\xc0", 0 },
        { "\xff", 0 },
        { "123456789012345\xc3", 0 },
        { NULL, 0 }
    };

    for (i = 0; tests[i].text != NULL; i++) {
        s = tap_copy(tests[i].text, strlen(tests[i].text));

        is_int(ngx_deploy_utf8_valid(s.data, s.len), tests[i].want,
               "utf8 valid, %u", i);
    }
}


static void
test_utf8_cut(void)
{
    unsigned          i;
    ngx_deploy_str_t  s;

    static const struct {
        const char  *text;
        size_t       max;
        size_t       want;
    } tests[] = {
        { "abc", 3, 3 },
        { "abc", 9, 3 },
        { "abc", 2, 2 },
        { "abc", 0, 0 },
        { "", 0, 0 },
        { "a\xc3\xa9z", 1, 1 },
        { "a\xc3\xa9z", 2, 1 },
        { "a\xc3\xa9z", 3, 3 },
        { "\xe2\x82\xac", 0, 0 },
        { "\xe2\x82\xac", 1, 0 },
        { "\xe2\x82\xac", 2, 0 },
        { "a\xf0\x9f\x98\x80", 4, 1 },
        { "a\xf0\x9f\x98\x80", 5, 5 },
        { "\x80\x80\x80\x80\x80\x80", 5, 2 },
        { NULL, 0, 0 }
    };

    for (i = 0; tests[i].text != NULL; i++) {
        s = tap_copy(tests[i].text, strlen(tests[i].text));

        is_int(ngx_deploy_utf8_cut(s.data, s.len, tests[i].max), tests[i].want,
               "utf8 cut, %u", i);
    }
}


static void
test_parse_time(void)
{
    unsigned          i;
    ngx_deploy_str_t  s;

    static struct {
        const char  *text;
        int64_t      want;
    } tests[] = {
        { "90", 90 },
        { "0", 0 },
        { "5m", 300 },
        { "1h 30m", 5400 },
        { "1h30m", 5400 },
        { "1h 30", 3630 },
        { "1y1M1w1d1h1m1s", 34822861 },
        { "2147483647", 2147483647 },
        { "2147483648", -1 },
        { "69y", -1 },
        { "99999999999999999999", -1 },
        { "", -1 },
        { "m", -1 },
        { "5x", -1 },
        { "1m 1h", -1 },
        { "1m1m", -1 },
        { "1 1", -1 },
        { "1 1m", -1 },
        { "-1", -1 },
        { "1.5h", -1 },
        { NULL, 0 }
    };

    for (i = 0; tests[i].text != NULL; i++) {
        s = tap_copy(tests[i].text, strlen(tests[i].text));

        is_int(ngx_deploy_parse_time(s.data, s.len), tests[i].want,
               "time \"%s\"", tests[i].text);
    }

    s = tap_copy("5\0", 2);
    is_int(ngx_deploy_parse_time(s.data, s.len), -1, "time with a NUL");
}


int
main(void)
{
    test_memory();
    test_compare();
    test_atoi64();
    test_parse_time();
    test_hex();
    test_base64();
    test_utf8();
    test_utf8_cut();

    return plan_done();
}
