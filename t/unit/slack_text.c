
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack_text.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_slack_text_t  text;


static ngx_deploy_str_t
got(void)
{
    ngx_deploy_str_t  s;

    s.len = text.len;
    s.data = text.data;

    return s;
}


static void
begin(size_t max)
{
    if (ngx_deploy_slack_text(&text, tap_pool(), max) != NGX_DEPLOY_OK) {
        printf("Bail out! no memory\n");
        exit(1);
    }
}


static void
test_put(const char *s, size_t max, unsigned flags, const char *want,
    size_t chars)
{
    ngx_deploy_str_t  copy;

    copy = tap_copy(s, strlen(s));

    begin(max);
    ngx_deploy_slack_put(&text, &copy, 1000, flags);

    is_str(got(), want, "%s in %u", want, (unsigned) max);
    is_int(text.chars, chars, "%u units", (unsigned) chars);
}


static void
test_escapes(void)
{
    test_put("", 100, 0, "", 0);
    test_put("plain", 100, 0, "plain", 5);
    test_put("a<b>&c", 100, 0, "a&lt;b&gt;&amp;c", 16);
    test_put("<!channel> <@U1>", 100, 0, "&lt;!channel&gt; &lt;@U1&gt;", 28);
    test_put("<https://evil|click>", 100, 0, "&lt;https://evil|click&gt;", 26);
    test_put("&amp;", 100, 0, "&amp;amp;", 9);

    test_put("*b* _i_ ~s~", 100, 0,
             "\xe2\x88\x97" "b\xe2\x88\x97 \xcb\x8d" "i\xcb\x8d "
             "\xe2\x88\xbc" "s\xe2\x88\xbc", 11);
    test_put("a*b snake_case 1~2", 100, 0, "a*b snake_case 1~2", 18);
    test_put("__init__", 100, 0, "\xcb\x8d\xcb\x8dinit\xcb\x8d\xcb\x8d", 8);
    test_put("`id`", 100, 0, "\xcb\x8bid\xcb\x8b", 4);
    test_put("\xc3\xa9_\xc3\xa9", 100, 0, "\xc3\xa9_\xc3\xa9", 3);

    test_put("*a* _b_ `c`", 100, NGX_DEPLOY_SLACK_CODE,
             "*a* _b_ \xcb\x8b" "c\xcb\x8b", 11);
    test_put("a|b", 100, NGX_DEPLOY_SLACK_LABEL, "a\xc2\xa6" "b", 3);

    test_put("a\nb\r\nc\rd\te\x7f\x01", 100, 0, "a b c d e  ", 11);
    test_put("a\nb\r\nc\rd\te", 100, NGX_DEPLOY_SLACK_LINES,
             "a\nb\nc d e", 9);
    test_put("a\r", 100, 0, "a ", 2);
    test_put("\r\n", 100, 0, " ", 1);

    /* bidirectional override, isolate, mark; C1; line separator; BOM */

    test_put("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\x8f\xd8\x9c", 100, 0,
             "a\xef\xbf\xbd" "b\xef\xbf\xbd" "c\xef\xbf\xbd\xef\xbf\xbd",
             7);
    test_put("\xc2\x85\xc2\xa0\xe2\x80\xa8\xef\xbb\xbf", 100, 0,
             "\xef\xbf\xbd\xc2\xa0\xef\xbf\xbd\xef\xbf\xbd", 4);

    /* not UTF-8: each byte */

    test_put("\xff" "a\xc3", 100, 0, "\xef\xbf\xbd" "a\xef\xbf\xbd", 3);
    test_put("\xe2\x82", 100, 0, "\xef\xbf\xbd\xef\xbf\xbd", 2);
    test_put("\xc3<", 100, 0, "\xef\xbf\xbd&lt;", 5);
    test_put("\xf0\x9f\x9a\x80", 100, 0, "\xf0\x9f\x9a\x80", 2);
}


static void
test_cut(void)
{
    ngx_deploy_str_t  s;

    test_put("abcdef", 6, 0, "abcdef", 6);
    test_put("abcdef", 5, 0, "abcd\xe2\x80\xa6", 5);
    test_put("abcdef", 1, 0, "\xe2\x80\xa6", 1);
    test_put("abcdef", 0, 0, "", 0);

    /* an entity whole or not at all */

    test_put("ab<", 6, 0, "ab&lt;", 6);
    test_put("ab<", 5, 0, "ab\xe2\x80\xa6", 3);
    test_put("ab<c", 6, 0, "ab\xe2\x80\xa6", 3);
    test_put("<<", 7, 0, "&lt;\xe2\x80\xa6", 5);
    test_put("&", 4, 0, "\xe2\x80\xa6", 1);

    /* a character of two units */

    test_put("a\xf0\x9f\x9a\x80", 3, 0, "a\xf0\x9f\x9a\x80", 3);
    test_put("a\xf0\x9f\x9a\x80", 2, 0, "a\xe2\x80\xa6", 2);
    test_put("\xf0\x9f\x9a\x80" "ab", 3, 0, "\xf0\x9f\x9a\x80\xe2\x80\xa6", 3);

    begin(100);
    s = tap_str("abcdef");
    ngx_deploy_slack_put(&text, &s, 4, 0);
    is_str(got(), "abc\xe2\x80\xa6", "a limit of its own");
    is_int(text.cut, 1, "cut");
    ngx_deploy_slack_put(&text, &s, 6, 0);
    is_str(got(), "abc\xe2\x80\xa6" "abcdef", "it goes on");

    begin(5);
    is_int(ngx_deploy_slack_markup(&text, "*a*"), NGX_DEPLOY_OK, "markup");
    is_int(ngx_deploy_slack_markup(&text, "*b*"), NGX_DEPLOY_DECLINED,
           "no room");
    is_str(got(), "*a*", "not in part");
    is_int(text.cut, 1, "cut");
    is_int(ngx_deploy_slack_markup(&text, "\xe2\x80\xa2 "), NGX_DEPLOY_OK,
           "two characters");
    is_int(text.chars, 5, "five in all");

    tap_pool_limit(0);
    is_int(ngx_deploy_slack_text(&text, tap_pool(), 10), NGX_DEPLOY_ERROR,
           "no memory");
    tap_pool_limit(-1);
}


static void
test_code(const char *s, size_t max, const char *want)
{
    ngx_deploy_str_t  copy;

    copy = tap_copy(s, strlen(s));

    begin(max);
    ngx_deploy_slack_code(&text, &copy, 20);

    is_str(got(), want, "code of \"%s\" in %u", s, (unsigned) max);
}


static void
test_link(const char *url, const char *label, size_t max, const char *want)
{
    ngx_deploy_str_t  u, l;

    u = tap_copy(url, strlen(url));
    l = tap_copy(label, strlen(label));

    begin(max);
    ngx_deploy_slack_link(&text, &u, &l, 20);

    is_str(got(), want, "link %s", want);
}


static void
test_links(void)
{
    test_code("main", 100, "`main`");
    test_code("", 100, "");
    test_code("a`*<", 100, "`a\xcb\x8b*&lt;`");
    test_code("abcdef", 6, "`abc\xe2\x80\xa6`");
    test_code("abcdef", 3, "`\xe2\x80\xa6`");
    test_code("a", 3, "`a`");
    test_code("a", 2, "");
    test_code("aaaaaaaaaaaaaaaaaaaaaaa", 100,
              "`aaaaaaaaaaaaaaaaaaa\xe2\x80\xa6`");

    test_link("https://h/p?a=1&b=2", "x", 100,
              "<https://h/p?a=1&amp;b=2|x>");
    test_link("http://h/", "a|b>", 100, "<http://h/|a\xc2\xa6" "b&gt;>");
    test_link("http://h/", "abcdef", 15, "<http://h/|ab\xe2\x80\xa6>");
    test_link("http://h/", "abcdef", 13, "<http://h/|\xe2\x80\xa6>");
    test_link("http://h/", "abcdef", 12, "abcdef");
    test_link("http://h/", "", 100, "");
    test_link("", "a", 100, "a");
    test_link("javascript:alert(1)", "a", 100, "a");
    test_link("https://h/>", "a", 100, "a");
    test_link("https://h/|b", "a|b", 100, "a|b");
    test_link("https://h/ b", "a", 100, "a");
    test_link("https://h/\n", "a", 100, "a");
    test_link("https://h/\xc3\xa9", "a", 100, "a");
    test_link("https://h/\"`", "a", 100, "a");
    test_link("HTTPS://h/", "a", 100, "a");
    test_link("https://h/&&&&&&&&&&", "abc", 40, "abc");
}


static void
test_long(void)
{
    char  url[2100];

    memset(url, 'a', sizeof(url));
    memcpy(url, "https://", 8);

    url[2000] = '\0';
    test_link(url, "a", 1000, "a");

    begin(3000);
    ngx_deploy_slack_link(&text, &(ngx_deploy_str_t) { 2000, (u_char *) url },
                          &(ngx_deploy_str_t) ngx_deploy_string("a"), 10);
    is_int(text.chars, 2004, "the longest address");

    begin(3000);
    ngx_deploy_slack_link(&text, &(ngx_deploy_str_t) { 2001, (u_char *) url },
                          &(ngx_deploy_str_t) ngx_deploy_string("a"), 10);
    is_int(text.chars, 1, "too long an address");
}


int
main(void)
{
    test_escapes();
    test_cut();
    test_links();
    test_long();

    return plan_done();
}
