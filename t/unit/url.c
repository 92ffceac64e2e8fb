
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_url.h"
#include "ngx_deploy_tap.h"


static void
test_url(const char *text, unsigned https, const char *host,
    const char *authority, const char *target)
{
    const char        *reason;
    ngx_deploy_str_t   s;
    ngx_deploy_url_t   url;

    s = tap_copy(text, strlen(text));
    reason = NULL;

    is_int(ngx_deploy_url_parse(&s, &url, &reason), NGX_DEPLOY_OK, "%s", text);
    is_int(url.https, https, "%s: https", text);
    is_str(url.host, host, "%s: host", text);
    is_str(url.authority, authority, "%s: authority", text);
    is_str(url.target, target, "%s: target", text);
}


static void
test_refused(const char *text, const char *want)
{
    const char        *reason;
    ngx_deploy_str_t   s;
    ngx_deploy_url_t   url;

    s = tap_copy(text, strlen(text));
    reason = "none";

    is_int(ngx_deploy_url_parse(&s, &url, &reason), NGX_DEPLOY_DECLINED,
           "%.60s refused", text);
    ok(strstr(reason, want) != NULL, "%.60s: %s", text, reason);
}


int
main(void)
{
    char  text[NGX_DEPLOY_URL_MAX + 2];

    test_url("https://a.example", 1, "a.example", "a.example", NULL);
    test_url("https://a.example/", 1, "a.example", "a.example", "/");
    test_url("https://a.example:443/x", 1, "a.example", "a.example", "/x");
    test_url("https://a.example:80", 1, "a.example", "a.example:80", NULL);
    test_url("https://a.example:0443", 1, "a.example", "a.example", NULL);
    test_url("https://a.example?q=/", 1, "a.example", "a.example", "?q=/");
    test_url("https://A-b.1/p%20/?a=b&c=d:e@f", 1, "A-b.1", "A-b.1",
             "/p%20/?a=b&c=d:e@f");
    test_url("https://[2001:db8::1]:8443/", 1, "[2001:db8::1]",
             "[2001:db8::1]:8443", "/");
    test_url("https://10.0.0.1", 1, "10.0.0.1", "10.0.0.1", NULL);

    test_url("http://127.0.0.1", 0, "127.0.0.1", "127.0.0.1", NULL);
    test_url("http://127.255.0.9:80/", 0, "127.255.0.9", "127.255.0.9", "/");
    test_url("http://localhost:9000", 0, "localhost", "localhost:9000", NULL);
    test_url("http://[::1]:443", 0, "[::1]", "[::1]:443", NULL);

    test_refused("", "begin with");
    test_refused("https:/a", "begin with");
    test_refused("HTTPS://a", "begin with");
    test_refused("ftp://a", "begin with");
    test_refused("https://", "no host");
    test_refused("https:///", "no host");
    test_refused("https://:443", "no host");
    test_refused("https://?", "no host");
    test_refused("https://a:0", "invalid port");
    test_refused("https://a:65536", "invalid port");
    test_refused("https://a:", "invalid port");
    test_refused("https://a:9999999999999999999", "invalid port");
    test_refused("https://user@a/", "invalid host");
    test_refused("https://a:b@c/", "invalid host");
    test_refused("https://a b/", "invalid host");
    test_refused("https://a..b/", "invalid host");
    test_refused("https://.a/", "invalid host");
    test_refused("https://a\\b/", "invalid host");
    test_refused("https://a#b", "invalid host");
    test_refused("https://[::1", "invalid host");
    test_refused("https://[]", "invalid host");
    test_refused("https://[v6.a]", "invalid host");
    test_refused("https://a$b/", "invalid host");
    test_refused("https://a/b#c", "character");
    test_refused("https://a/b c", "character");
    test_refused("https://a/b\r\nX: y", "character");
    test_refused("https://a/\xc3\xa4", "character");
    test_refused("https://a/\\", "character");

    test_refused("http://a.example", "loopback");
    test_refused("http://127.1", "loopback");
    test_refused("http://127.0.0.256", "loopback");
    test_refused("http://127.0.0.1.2", "loopback");
    test_refused("http://127.0.0.1.example", "loopback");
    test_refused("http://127.0.0", "loopback");
    test_refused("http://localhost.example", "loopback");
    test_refused("http://[::2]", "loopback");
    test_refused("http://169.254.169.254/", "loopback");

    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "https://a/", 10);

    test_refused(text, "too long");

    text[NGX_DEPLOY_URL_MAX] = '\0';

    test_url(text, 1, "a", "a", text + 9);

    return plan_done();
}
