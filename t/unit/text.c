
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_text.h"
#include "ngx_deploy_tap.h"


typedef void (*escape_pt)(ngx_deploy_text_t *text, const ngx_deploy_str_t *s);


static ngx_deploy_str_t
end(ngx_deploy_text_t *text)
{
    ngx_deploy_str_t  s;

    if (ngx_deploy_text_end(text, &s) != NGX_DEPLOY_OK) {
        s.len = 0;
        s.data = NULL;
    }

    return s;
}


static ngx_deploy_str_t
escape(escape_pt put, const char *s, size_t len)
{
    ngx_deploy_str_t   in;
    ngx_deploy_text_t  text;

    in = tap_copy(s, len);

    ngx_deploy_text_init(&text, tap_pool());
    put(&text, &in);

    return end(&text);
}


static void
test_escape(escape_pt put, const char *in, const char *want, const char *name)
{
    is_str(escape(put, in, strlen(in)), want, "%s", name);
}


static void
test_html(void)
{
    escape_pt  put;

    put = ngx_deploy_text_html;

    test_escape(put, "", "", "html: nothing");
    test_escape(put, "release/1.0", "release/1.0", "html: a branch");
    test_escape(put, "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;", "html: a script");
    test_escape(put, "\"onmouseover='x'", "&quot;onmouseover=&#39;x&#39;",
                "html: quotes");
    test_escape(put, "&lt;", "&amp;lt;", "html: a reference");
    test_escape(put, "a\nb\tc\rd", "a b c d", "html: white space");
    test_escape(put, "a\x1b[31mb\x7f", "a\xef\xbf\xbd[31mb\xef\xbf\xbd",
                "html: controls");
    test_escape(put, "a\xc2\x85z", "a\xef\xbf\xbdz", "html: a C1 control");
    test_escape(put, "a\xe2\x80\xae" "z", "a\xef\xbf\xbdz",
                "html: an override of direction");
    test_escape(put, "a\xe2\x81\xa6z", "a\xef\xbf\xbdz", "html: an isolate");
    test_escape(put, "a\xd8\x9cz", "a\xef\xbf\xbdz",
                "html: the mark of Arabic letters");
    test_escape(put, "caf\xc3\xa9 \xf0\x9f\x9a\x80", "caf\xc3\xa9 "
                "\xf0\x9f\x9a\x80", "html: UTF-8");
    test_escape(put, "a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd",
                "html: no UTF-8");
    test_escape(put, "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
                "html: a surrogate");

    is_str(escape(put, "a\0b", 3), "a\xef\xbf\xbd" "b", "html: NUL");
}


static void
test_others(void)
{
    test_escape(ngx_deploy_text_label, "/a\"b\\c\nd", "/a\\\"b\\\\c\\nd",
                "label: escaped");
    test_escape(ngx_deploy_text_label, "<&'>", "<&'>", "label: not escaped");
    test_escape(ngx_deploy_text_label, "a\rb\xff", "a\xef\xbf\xbd" "b"
                "\xef\xbf\xbd", "label: replaced");

    test_escape(ngx_deploy_text_uri, "a-Z_0.9~", "a-Z_0.9~", "uri: plain");
    test_escape(ngx_deploy_text_uri, "a b/c?d&e=f#\"<\xc3\xa9",
                "a%20b%2Fc%3Fd%26e%3Df%23%22%3C%C3%A9", "uri: escaped");
}


static void
test_numbers(void)
{
    size_t             i;
    ngx_deploy_text_t  text;

    static const struct {
        int64_t      n;
        const char  *want, *msec;
    } numbers[] = {
        { 0, "0", "0" },
        { 7, "7", "0.007" },
        { 250, "250", "0.25" },
        { 1000, "1000", "1" },
        { 90100, "90100", "90.1" },
        { -1500, "-1500", "-1.5" },
        { INT64_MAX, "9223372036854775807", "9223372036854775.807" },
        { INT64_MIN, "-9223372036854775808", NULL }
    };

    static const struct {
        int64_t      msec;
        const char  *want;
    } times[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 951782400000LL, "2000-02-29T00:00:00.000Z" },
        { 951868799999LL, "2000-02-29T23:59:59.999Z" },
        { 1709251199001LL, "2024-02-29T23:59:59.001Z" },
        { 1735689600000LL, "2025-01-01T00:00:00.000Z" },
        { 1764032461125LL, "2025-11-25T01:01:01.125Z" },
        { 4107542400000LL, "2100-03-01T00:00:00.000Z" },
        { -1, "1970-01-01T00:00:00.000Z" },
        { INT64_MAX, "9999-12-31T23:59:59.999Z" }
    };

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {

        ngx_deploy_text_init(&text, tap_pool());
        ngx_deploy_text_int(&text, numbers[i].n);
        is_str(end(&text), numbers[i].want, "number %s", numbers[i].want);

        if (numbers[i].msec) {
            ngx_deploy_text_init(&text, tap_pool());
            ngx_deploy_text_msec(&text, numbers[i].n);
            is_str(end(&text), numbers[i].msec, "seconds %s",
                   numbers[i].msec);
        }
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ngx_deploy_text_init(&text, tap_pool());
        ngx_deploy_text_time(&text, times[i].msec, 1);
        is_str(end(&text), times[i].want, "time %s", times[i].want);
    }

    ngx_deploy_text_init(&text, tap_pool());
    ngx_deploy_text_time(&text, 1764032461125LL, 0);
    is_str(end(&text), "2025-11-25T01:01:01Z", "time without milliseconds");
}


static void
test_growth(void)
{
    size_t             i, n;
    ngx_deploy_str_t   s;
    ngx_deploy_text_t  text;

    ngx_deploy_text_init(&text, tap_pool());
    is_str(end(&text), "", "an empty text");

    for (i = 0, n = 0; i < 2000; i++) {
        ngx_deploy_text_put(&text, "0123456789");
        n += 10;
    }

    s = end(&text);

    is_int(s.len, n, "a long text");
    ok(memcmp(s.data + n - 10, "0123456789", 10) == 0, "to its end");

    tap_alloc_left = 1;

    ngx_deploy_text_init(&text, tap_pool());

    for (i = 0; i < 2000; i++) {
        ngx_deploy_text_put(&text, "0123456789");
    }

    ok(ngx_deploy_text_end(&text, &s) == NGX_DEPLOY_ERROR, "memory is short");

    tap_alloc_left = -1;
}


int
main(void)
{
    test_html();
    test_others();
    test_numbers();
    test_growth();

    return plan_done();
}
