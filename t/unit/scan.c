
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_scan.h"
#include "ngx_deploy_tap.h"


typedef struct {
    size_t    len;
    unsigned  stop;              /* the fact the handler stops at */
    char      text[65536];
} test_log_t;


/* want is what the handler got, or the reason of a refusal after a "!" */

typedef struct {
    const char  *text;
    const char  *want;
} test_doc_t;


static int test_handler(ngx_deploy_scan_t *scan, void *data, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int test_feed(ngx_deploy_scan_t *scan, const char *text, size_t len,
    size_t cut);
static void test_one(const char *text, size_t len, const char *want,
    int limited, const char *name);
static void test_documents(void);
static void test_limits(void);
static void test_many_keys(void);
static void test_handler_code(void);
static void test_offset(void);
static void test_memory(void);


static const ngx_deploy_scan_path_t  test_paths[] = {
    { "ref", 1, 16, 0 },
    { "n", 2, 0, 0 },
    { "title", 3, 4, 1 },
    { "repo", 4, 0, 1 },
    { "repo.name", 5, 100, 0 },
    { "commits[].added[]", 6, 100, 0 },
    { "commits[]", 7, 0, 0 },
    { "commits[].id", 8, 100, 0 },
    { "[]", 9, 10, 0 },
    { "[].x", 10, 10, 0 },
    { "m[][]", 11, 10, 0 },
    { "\xc3\xa9\"", 12, 10, 0 },
    { "a.b.c", 13, 10, 0 },
    ngx_deploy_scan_null_path
};


static const ngx_deploy_scan_path_t  test_root[] = {
    { "", 1, 0, 0 },
    ngx_deploy_scan_null_path
};


static const test_doc_t  test_docs[] = {

    { "{}", "" },
    { " \t\r\n{ \n} \n", "" },
    { "{\"ref\":\"main\"}", "1:main " },
    { "{\"ref\":\"\"}", "1: " },
    { "{ \"ref\" : \"main\" , \"n\" : 12 }", "1:main 2=12 " },
    { "{\n                    \"n\":\n                    1\n}", "2=1 " },
    { "{\"x\":\"a\",\"y\":{\"ref\":\"no\"},\"ref\":\"yes\"}", "1:yes " },
    { "{\"n\":true}", "2true " },
    { "{\"n\":false}", "2false " },
    { "{\"n\":null}", "2null " },
    { "{\"n\":-1.5e+3}", "2~-1.5e+3 " },
    { "{\"n\":-0}", "2=-0 " },
    { "{\"n\":0.0}", "2~0.0 " },
    { "{\"n\":9223372036854775807}", "2=9223372036854775807 " },
    { "{\"n\":-9223372036854775808}", "2=-9223372036854775808 " },
    { "{\"n\":1e308}", "2~1e308 " },
    { "{\"n\":1.00000000000000000000e308}", "2~1.00000000000000000000e308 " },
    { "{\"n\":0.00001e312}", "2~0.00001e312 " },
    { "{\"n\":1e-999999999999999999999}", "2~1e-999999999999999999999 " },
    { "{\"n\":0e999999999999999999999}", "2~0e999999999999999999999 " },
    { "{\"n\":{}}", "2{ 2} " },
    { "{\"n\":[]}", "2[ 2] " },
    { "{\"n\":[1,{\"n\":2}]}", "2[ 2] " },
    { "{\"title\":\"abcd\"}", "3:abcd " },
    { "{\"title\":\"abcdefghijklmnopqrstuvwxyz\"}", "3:abcd " },
    { "{\"title\":\"abc\xc3\xa9\"}", "3:abc " },
    { "{\"title\":\"ab\\u00e9\xe2\x82\xac\"}", "3:ab\xc3\xa9 " },
    { "{\"title\":\"a\\ud83d\\ude00bc\"}", "3:a " },
    { "{\"title\":\"\\ud83d\\ude00bc\"}", "3:\xf0\x9f\x98\x80 " },
    { "{\"repo\":{\"name\":\"x\",\"id\":7}}", "4{ 5:x 4} " },
    { "{\"repo\":[{\"name\":\"x\"}]}", "4[ 4] " },
    { "{\"repo\":\"long\"}", "4: " },
    { "{\"commits\":[{\"id\":\"1\",\"added\":[\"a\",\"b\"]},{\"id\":\"2\"}]}",
      "7{ 8:1 6:a 6:b 7} 7{ 8:2 7} " },
    { "{\"commits\":[[{\"id\":\"1\"}],5,{\"id\":6}]}",
      "7[ 7] 7=5 7{ 8=6 7} " },
    { "{\"commits\":{\"id\":\"1\",\"added\":[\"a\"]}}", "" },
    { "[]", "" },
    { "[1,\"a\",[2],{\"x\":\"y\",\"ref\":\"no\"},null]",
      "9=1 9:a 9[ 9] 9{ 10:y 9} 9null " },
    { "[[],[ ],{},{ }]", "9[ 9] 9[ 9] 9{ 9} 9{ 9} " },
    { "{\"m\":[[1],[],[2,[3]],4]}", "11=1 11=2 11[ 11] " },
    { "{\"\\u0072\\u0065f\":\"x\"}", "1:x " },
    { "{\"\xc3\xa9\\\"\":\"x\"}", "12:x " },
    { "{\"\\u00E9\\u0022\":\"x\"}", "12:x " },
    { "{\"a\":{\"b\":{\"c\":\"x\",\"d\":1}}}", "13:x " },
    { "{\"a\":{\"c\":{\"b\":1}},\"b\":{\"c\":1},\"c\":1}", "" },
    { "{\"\":1,\"r\":2,\"re\":3,\"reff\":4,\"rex\":5}", "" },
    { "{\"ref\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "1:\"\\/\b\f\n\r\t " },
    { "{\"ref\":\"\\u0001\\u007f\\u07ff\\uffff\"}",
      "1:\x01\x7f\xdf\xbf\xef\xbf\xbf " },
    { "{\"ref\":\"\\uDBFF\\uDFFF\"}", "1:\xf4\x8f\xbf\xbf " },
    { "{\"ref\":\"\x7f\xc2\x80\xed\x9f\xbf\"}",
      "1:\x7f\xc2\x80\xed\x9f\xbf " },
    { "{\"z\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80 and so on\"}",
      "" },
    { "{\"a\":{\"a\":{\"a\":1},\"b\":1},\"b\":{\"a\":1}}", "" },
    { "[{\"x\":1},{\"x\":1}]", "9{ 10=1 9} 9{ 10=1 9} " },

    { "", "!unexpected end" },
    { " \n", "!unexpected end" },
    { "{", "!unexpected end" },
    { "[1", "!unexpected end" },
    { "[tru", "!unexpected end" },
    { "[\"a", "!unexpected end" },
    { "[\"a\\", "!unexpected end" },
    { "[\"\xc3", "!unexpected end" },
    { "{\"a\"", "!unexpected end" },
    { "{\"a\":", "!unexpected end" },
    { "{\"a\":1,", "!unexpected end" },
    { "\"ref\"", "!object or array expected" },
    { "1", "!object or array expected" },
    { "null", "!object or array expected" },
    { "]", "!object or array expected" },
    { "\xef\xbb\xbf{}", "!object or array expected" },
    { "{} {}", "!bytes after the document" },
    { "[]]", "!bytes after the document" },
    { "{}x", "!bytes after the document" },
    { "{1:2}", "!key expected" },
    { "{\"a\":1,}", "!key expected" },
    { "{,}", "!key expected" },
    { "{]", "!key expected" },
    { "{'a':1}", "!key expected" },
    { "{\"a\" 1}", "!colon expected" },
    { "{\"a\"}", "!colon expected" },
    { "{\"a\":}", "!value expected" },
    { "{\"a\":]", "!value expected" },
    { "[1,]", "!value expected" },
    { "[,1]", "!value expected" },
    { "[}", "!value expected" },
    { "[+1]", "!value expected" },
    { "[.5]", "!value expected" },
    { "[NaN]", "!value expected" },
    { "[/**/]", "!value expected" },
    { "[\v]", "!value expected" },
    { "[\xc2\xa0]", "!value expected" },
    { "[1 2]", "!comma or end expected" },
    { "[1}", "!comma or end expected" },
    { "{\"a\":1]", "!comma or end expected" },
    { "[truee]", "!comma or end expected" },
    { "[\"a\"\"b\"]", "!comma or end expected" },
    { "[True]", "!value expected" },
    { "[trub]", "!invalid literal" },
    { "[fals]", "!invalid literal" },
    { "[nul\"]", "!invalid literal" },
    { "[01]", "!invalid number" },
    { "[-]", "!invalid number" },
    { "[-a]", "!invalid number" },
    { "[--1]", "!invalid number" },
    { "[1-2]", "!invalid number" },
    { "[1.]", "!invalid number" },
    { "[1.e1]", "!invalid number" },
    { "[1e]", "!invalid number" },
    { "[1e+]", "!invalid number" },
    { "[1.2.3]", "!invalid number" },
    { "[-00]", "!invalid number" },
    { "[9223372036854775808]", "!integer out of range" },
    { "[-9223372036854775809]", "!integer out of range" },
    { "[99999999999999999999]", "!integer out of range" },
    { "[1e309]", "!number out of range" },
    { "[-1.0E+400]", "!number out of range" },
    { "[1.8e308]", "!number out of range" },
    { "[0.00001e314]", "!number out of range" },
    { "[1e99999999999999999999999999]", "!number out of range" },
    { "[\"a\nb\"]", "!control character" },
    { "[\"\x1f\"]", "!control character" },
    { "{\"a\tb\":1}", "!control character" },
    { "[\"\\x\"]", "!invalid escape" },
    { "[\"\\u12g4\"]", "!invalid escape" },
    { "[\"\\u12\"]", "!invalid escape" },
    { "[\"\\'\"]", "!invalid escape" },
    { "{\"\\q\":1}", "!invalid escape" },
    { "[\"\\u0000\"]", "!NUL in a string" },
    { "{\"\\u0000\":1}", "!NUL in a string" },
    { "[\"\\ud800\"]", "!lone surrogate" },
    { "[\"\\udc00\"]", "!lone surrogate" },
    { "[\"\\ud800x\"]", "!lone surrogate" },
    { "[\"\\ud800\\n\"]", "!lone surrogate" },
    { "[\"\\ud800\\u0041\"]", "!lone surrogate" },
    { "[\"\\ud800\\ud800\"]", "!lone surrogate" },
    { "[\"\x80\"]", "!invalid UTF-8" },
    { "[\"\xc0\xaf\"]", "!invalid UTF-8" },
    { "[\"\xc3(\"]", "!invalid UTF-8" },
    { "[\"\xc3\"]", "!invalid UTF-8" },
    { "[\"\xe0\x9f\xbf\"]", "!invalid UTF-8" },
    { "[\"\xed\xa0\x80\"]", "!invalid UTF-8" },
    { "[\"\xe2\x82\"]", "!invalid UTF-8" },
    { "[\"\xf0\x8f\xbf\xbf\"]", "!invalid UTF-8" },
    { "[\"\xf4\x90\x80\x80\"]", "!invalid UTF-8" },
    { "[\"\xf5\x80\x80\x80\"]", "!invalid UTF-8" },
    { "{\"\xff\":1}", "!invalid UTF-8" },
    { "{\"a\":1,\"a\":1}", "!duplicate key" },
    { "{\"a\":1,\"\\u0061\":1}", "!duplicate key" },
    { "{\"\":1,\"\":1}", "!duplicate key" },
    { "{\"a\":{\"b\":1},\"c\":[{}],\"a\":1}", "!duplicate key" },
    { "{\"x\":{\"y\":{\"k\":1,\"l\":2,\"k\":3}}}", "!duplicate key" },
    { "{\"a long key of many bytes\":1,\"a long key of many bytes\":1}",
      "!duplicate key" },
    { "{\"ref\":\"12345678901234567\"}", "!string too long" },
    { "{\"ref\":\"1234567890123456\\n\"}", "!string too long" },
    { NULL, NULL }
};


static ngx_deploy_scan_table_t  *test_table;
static test_log_t                test_log;


static int
test_handler(ngx_deploy_scan_t *scan, void *data, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    test_log_t  *log;

    static const char  *marks[] = {
        "", ":", "=", "~", "true", "false", "null", "{", "}", "[", "]"
    };

    log = data;

    if (fact == log->stop) {
        ngx_deploy_scan_set_reason(scan, "stopped");
        return -77;
    }

    if (log->len > sizeof(log->text) - 256) {
        return NGX_DEPLOY_ERROR;
    }

    log->len += sprintf(log->text + log->len, "%u%s", fact, marks[type]);

    if (value != NULL) {
        memcpy(log->text + log->len, value->data, value->len);
        log->len += value->len;
    }

    log->text[log->len++] = ' ';
    log->text[log->len] = '\0';

    return NGX_DEPLOY_OK;
}


/* cut is the size of the first piece, 0: no pieces, above len: single bytes */

static int
test_feed(ngx_deploy_scan_t *scan, const char *text, size_t len, size_t cut)
{
    int               rc;
    size_t            n, offset;
    ngx_deploy_str_t  piece;

    for (offset = 0; offset < len; offset += n) {

        n = (offset == 0 && cut && cut < len) ? cut : len - offset;

        if (cut > len) {
            n = 1;
        }

        piece = tap_copy(text + offset, n);

        rc = ngx_deploy_scan_feed(scan, piece.data, n);

        /* what the scan kept must not be the caller's bytes */

        memset(piece.data, 0xff, n);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    return ngx_deploy_scan_end(scan);
}


static void
test_one(const char *text, size_t len, const char *want, int limited,
    const char *name)
{
    int                 rc, pass;
    size_t              cut, step;
    const char         *reason;
    ngx_deploy_scan_t  *scan;

    pass = 1;
    step = 1 + len / 500;

    for (cut = 0; cut <= len + step; cut += step) {

        test_log.len = 0;
        test_log.text[0] = '\0';

        scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                      &test_log, cut);
        if (scan == NULL) {
            pass = 0;
            break;
        }

        rc = test_feed(scan, text, len, cut);
        reason = ngx_deploy_scan_reason(scan);

        if (*want == '!') {
            pass &= (rc == NGX_DEPLOY_DECLINED && reason != NULL
                     && strcmp(reason, want + 1) == 0
                     && ngx_deploy_scan_limited(scan) == limited
                     && ngx_deploy_scan_end(scan) == rc
                     && ngx_deploy_scan_feed(scan, (u_char *) "[", 1) == rc);

        } else {
            pass &= (rc == NGX_DEPLOY_OK && reason == NULL
                     && !ngx_deploy_scan_limited(scan)
                     && ngx_deploy_scan_offset(scan) == len
                     && strcmp(test_log.text, want) == 0);
        }

        if (!pass) {
            printf("# cut %zu: %d \"%s\" %s\n", cut, rc,
                   reason ? reason : "", test_log.text);
            break;
        }
    }

    ok(pass, "scan %s", name);

    /* the tables compiled before are gone, too */

    tap_pool_reset();
    test_table = ngx_deploy_scan_compile(tap_pool(), test_paths);
}


static void
test_documents(void)
{
    char               name[32];
    const test_doc_t  *doc;

    for (doc = test_docs; doc->text != NULL; doc++) {
        snprintf(name, sizeof(name), "document %d", (int) (doc - test_docs));

        test_one(doc->text, strlen(doc->text), doc->want,
                 strcmp(doc->want, "!string too long") == 0, name);
    }

    test_one("[\"a\0b\"]", 7, "!control character", 0, "NUL in a string");
    test_one("[1\0]", 4, "!comma or end expected", 0, "NUL after a number");
    test_one("{\0}", 3, "!key expected", 0, "NUL for a key");
    test_one("[]\0", 3, "!bytes after the document", 0, "NUL at the end");
}


static void
test_limits(void)
{
    char    *text;
    size_t   n;

    text = malloc(200000);
    if (text == NULL) {
        return;
    }

    n = NGX_DEPLOY_SCAN_MAX_DEPTH - 1;
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', n);
    memset(text + 5 + n, ']', n);
    memcpy(text + 5 + 2 * n, "}", 1);
    test_one(text, 2 * n + 6, "", 0, "as deep as may be");

    memset(text + 5, '[', n + 1);
    test_one(text, n + 6, "!too deep", 1, "too deep");

    memcpy(text, "{\"n\":", 5);
    memset(text + 5, '1', NGX_DEPLOY_SCAN_MAX_NUMBER);
    memcpy(text + 5, "0.", 2);
    memcpy(text + 5 + NGX_DEPLOY_SCAN_MAX_NUMBER, "}", 2);
    snprintf(text + 100000, 2000, "2~%.*s ", NGX_DEPLOY_SCAN_MAX_NUMBER,
             text + 5);
    test_one(text, 6 + NGX_DEPLOY_SCAN_MAX_NUMBER, text + 100000, 0,
             "as long a number as may be");

    memcpy(text + 5 + NGX_DEPLOY_SCAN_MAX_NUMBER, "1}", 3);
    test_one(text, 7 + NGX_DEPLOY_SCAN_MAX_NUMBER, "!number too long", 1,
             "too long a number");

    memcpy(text, "[", 1);
    memset(text + 1, '9', 400);
    memcpy(text + 401, ".0]", 4);
    test_one(text, 404, "!number out of range", 0, "400 digits");

    memcpy(text + 401, ".0e-300]", 9);
    snprintf(text + 100000, 2000, "9~%.*s ", 407, text + 1);
    test_one(text, 409, text + 100000, 0, "400 digits, lowered");

    n = NGX_DEPLOY_SCAN_MAX_KEY;
    memcpy(text, "{\"", 2);
    memset(text + 2, 'k', n + 1);
    memcpy(text + 2 + n, "\":1}", 5);
    test_one(text, n + 6, "", 0, "as long a key as may be");

    memcpy(text + 2 + n, "k\":1}", 6);
    test_one(text, n + 7, "!key too long", 1, "too long a key");

    memcpy(text, "{\"title\":\"", 10);
    memset(text + 10, 'x', 50000);
    memcpy(text + 50010, "\\n\"}", 5);
    test_one(text, 50014, "3:xxxx ", 0, "a long string that is cut");

    free(text);
}


/*
 * An object of n keys, of which each but the last holds one of m keys, then
 * the key number again; one that is not there when again is n.
 */

static int
scan_object(size_t n, size_t m, size_t again)
{
    int                 rc;
    char                text[128];
    size_t              i, j, len;
    ngx_deploy_scan_t  *scan;

    scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                  &test_log, n * 1000 + again);
    if (scan == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_scan_feed(scan, (u_char *) "{", 1);

    for (i = 0; i < n; i++) {
        len = sprintf(text, "\"outer %zu\":{", i);
        rc |= ngx_deploy_scan_feed(scan, (u_char *) text, len);

        for (j = 0; i + 1 < n && j < m; j++) {
            len = sprintf(text, "%s\"outer %zu\":0", j ? "," : "", j);
            rc |= ngx_deploy_scan_feed(scan, (u_char *) text, len);
        }

        rc |= ngx_deploy_scan_feed(scan, (u_char *) "},", 2);
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    len = sprintf(text, "\"outer %zu\":0}", again);

    return ngx_deploy_scan_feed(scan, (u_char *) text, len);
}


static void
test_large_objects(void)
{
    int     wrong;
    size_t  i, j, again;

    static const size_t  sizes[] = { 1, 7, 8, 9, 127, 128, 129, 130, 300, 700 };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {

        for (j = 0; j < 2; j++) {
            wrong = 0;

            for (again = 0; again <= sizes[i];
                 again += (sizes[i] > 150 && again + 40 < sizes[i]) ? 37 : 1)
            {
                wrong += scan_object(sizes[i], j * 140, again)
                         != ((again < sizes[i]) ? NGX_DEPLOY_DECLINED
                                                : NGX_DEPLOY_OK);
                tap_pool_reset();
                test_table = ngx_deploy_scan_compile(tap_pool(), test_paths);
            }

            is_int(wrong, 0, "each key of %zu again, %zu in each", sizes[i],
                   j * 140);
        }
    }
}


static void
test_many_keys(void)
{
    int                 rc;
    char                key[64];
    size_t              i, n;
    ngx_deploy_scan_t  *scan;

    /* closed objects are forgotten */

    scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                  &test_log, 1);
    if (scan == NULL) {
        ok(0, "no memory");
        return;
    }

    test_log.len = 0;

    rc = ngx_deploy_scan_feed(scan, (u_char *) "{\"z\":[", 6);

    for (i = 0; i < 100000 && rc == NGX_DEPLOY_OK; i++) {
        rc = ngx_deploy_scan_feed(scan, (u_char *) "{\"a\":1,\"b\":2},", 14);
    }

    is_int(rc, NGX_DEPLOY_OK, "200000 keys in closed objects");

    (void) ngx_deploy_scan_feed(scan, (u_char *) "0],\"z\"", 6);
    ok(ngx_deploy_scan_reason(scan) != NULL
       && strcmp(ngx_deploy_scan_reason(scan), "duplicate key") == 0,
       "the outer object's are not");

    /* open ones are counted */

    scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                  &test_log, 2);
    if (scan == NULL) {
        ok(0, "no memory");
        return;
    }

    rc = ngx_deploy_scan_feed(scan, (u_char *) "{", 1);

    for (i = 0; i < NGX_DEPLOY_SCAN_MAX_KEYS && rc == NGX_DEPLOY_OK; i++) {
        n = sprintf(key, "\"key %zu\":%zu,", i, i);
        rc = ngx_deploy_scan_feed(scan, (u_char *) key, n);
    }

    is_int(rc, NGX_DEPLOY_OK, "as many keys as may be");

    rc = ngx_deploy_scan_feed(scan, (u_char *) "\"x\"", 3);
    is_int(rc, NGX_DEPLOY_DECLINED, "too many keys");
    is_int(ngx_deploy_scan_limited(scan), 1, "too many keys, a limit");

    tap_pool_reset();
    test_table = ngx_deploy_scan_compile(tap_pool(), test_paths);
}


static void
test_handler_code(void)
{
    int                       rc, pass;
    size_t                    cut, len;
    const char               *text;
    ngx_deploy_scan_t        *scan;
    ngx_deploy_scan_table_t  *table;

    text = "{\"ref\":\"x\",\"repo\":{\"name\":\"y\"},\"n\":1}";
    len = strlen(text);

    for (test_log.stop = 1; test_log.stop < 6; test_log.stop++) {

        if (test_log.stop == 3) {
            continue;
        }

        pass = 1;

        for (cut = 0; cut <= len + 1; cut++) {

            scan = ngx_deploy_scan_create(tap_pool(), test_table,
                                          test_handler, &test_log, cut);
            if (scan == NULL) {
                pass = 0;
                break;
            }

            test_log.len = 0;

            rc = test_feed(scan, text, len, cut);

            pass &= (rc == -77 && ngx_deploy_scan_end(scan) == -77
                     && strcmp(ngx_deploy_scan_reason(scan), "stopped") == 0);
        }

        ok(pass, "the handler stops at %u", test_log.stop);
    }

    test_log.stop = 0;
    test_log.len = 0;

    table = ngx_deploy_scan_compile(tap_pool(), test_root);
    scan = ngx_deploy_scan_create(tap_pool(), table, test_handler, &test_log,
                                  0);

    is_int(test_feed(scan, "{\"a\":[{}]}", 10, 11), NGX_DEPLOY_OK, "root");
    is_str(tap_str(test_log.text), "1{ 1} ", "root alone");
}


static void
test_offset(void)
{
    ngx_deploy_scan_t  *scan;

    scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                  &test_log, 0);

    (void) ngx_deploy_scan_feed(scan, (u_char *) "[1, ", 4);
    is_int(ngx_deploy_scan_offset(scan), 4, "offset so far");

    is_int(ngx_deploy_scan_feed(scan, (u_char *) "2, x", 4),
           NGX_DEPLOY_DECLINED, "refused");
    is_int(ngx_deploy_scan_offset(scan), 7, "offset of the error");

    scan = ngx_deploy_scan_create(tap_pool(), test_table, test_handler,
                                  &test_log, 0);

    is_int(ngx_deploy_scan_feed(scan, NULL, 0), NGX_DEPLOY_OK, "no bytes");
    is_int(ngx_deploy_scan_end(scan), NGX_DEPLOY_DECLINED, "no document");
    is_int(ngx_deploy_scan_offset(scan), 0, "offset of nothing");
}


static void
test_memory(void)
{
    int                       rc, pass;
    long                      n;
    const char               *text;
    ngx_deploy_scan_t        *scan;
    ngx_deploy_scan_table_t  *table;

    text = "{\"r\\u0065f\":\"\\n\",\"n\":1}";
    pass = 1;

    for (n = 0; n < 200; n++) {

        tap_pool_limit(n);

        test_log.len = 0;

        table = ngx_deploy_scan_compile(tap_pool(), test_paths);
        if (table == NULL) {
            continue;
        }

        scan = ngx_deploy_scan_create(tap_pool(), table, test_handler,
                                      &test_log, 0);
        if (scan == NULL) {
            continue;
        }

        rc = test_feed(scan, text, strlen(text), 0);

        if (rc == NGX_DEPLOY_OK) {
            break;
        }

        pass &= (rc == NGX_DEPLOY_ERROR
                 && ngx_deploy_scan_reason(scan) != NULL);
    }

    tap_pool_limit(-1);

    ok(pass && n > 3 && n < 200, "each allocation may fail");
}


int
main(void)
{
    test_table = ngx_deploy_scan_compile(tap_pool(), test_paths);
    if (test_table == NULL) {
        return 1;
    }

    test_documents();
    test_limits();
    test_large_objects();
    test_many_keys();
    test_handler_code();
    test_offset();
    test_memory();

    return plan_done();
}
