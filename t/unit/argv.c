
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_argv.h"
#include "ngx_deploy_tap.h"


/* words joined by "|", or a reason */

static void
test_split(const char *text, const char *want)
{
    int                i, rc;
    char             **argv, got[2048];
    size_t             n;
    const char        *reason;
    ngx_deploy_str_t   s;

    s = tap_copy(text, strlen(text));
    n = 0;
    got[0] = '\0';

    rc = ngx_deploy_argv_split(tap_pool(), &s, &argv, &reason);

    if (rc == NGX_DEPLOY_OK) {

        for (i = 0; argv[i]; i++) {
            n += snprintf(got + n, sizeof(got) - n, "%s%s", i ? "|" : "",
                          argv[i]);
        }

        is_str(tap_str(got), want, "%s", text);
        return;
    }

    is_int(rc, NGX_DEPLOY_DECLINED, "%s", text);
    is_str(tap_str(reason), want, "reason");
}


int
main(void)
{
    long               i;
    char             **argv, buf[256];
    const char        *reason;
    ngx_deploy_str_t   s;

    test_split("a", "a");
    test_split("  a \t b  ", "a|b");
    test_split("a 'b c' \"d e\"", "a|b c|d e");
    test_split("a'b'\"c\"d", "abcd");
    test_split("'' \"\"", "|");
    test_split("'a\\b' \"a\\b\" a\\b", "a\\b|a\\b|ab");
    test_split("\"a\\\"b\" \"a\\\\\" a\\ b", "a\"b|a\\|a b");
    test_split("'a\"b' \"a'b\"", "a\"b|a'b");
    test_split("$HOME `x` ; | * ~", "$HOME|`x`|;|||*|~");

    test_split("", "is empty");
    test_split("   ", "is empty");
    test_split("a 'b", "has a quote or a backslash without an end");
    test_split("a \"b", "has a quote or a backslash without an end");
    test_split("a \"b\\\"", "has a quote or a backslash without an end");
    test_split("a\\", "has a quote or a backslash without an end");

    for (i = 0; i < 65; i++) {
        buf[2 * i] = 'x';
        buf[2 * i + 1] = ' ';
    }

    s = tap_copy(buf, 128);
    is_int(ngx_deploy_argv_split(tap_pool(), &s, &argv, &reason),
           NGX_DEPLOY_OK, "64 words");
    ok(argv[63] && argv[64] == NULL, "and an end");

    s = tap_copy(buf, 129);
    is_int(ngx_deploy_argv_split(tap_pool(), &s, &argv, &reason),
           NGX_DEPLOY_DECLINED, "65 words");

    s = tap_copy("a\0b", 3);
    is_int(ngx_deploy_argv_split(tap_pool(), &s, &argv, &reason),
           NGX_DEPLOY_DECLINED, "NUL");

    s = tap_str("a b");

    for (i = 0; i < 2; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_argv_split(tap_pool(), &s, &argv, &reason),
               NGX_DEPLOY_ERROR, "no memory after %ld", i);
    }

    return plan_done();
}
