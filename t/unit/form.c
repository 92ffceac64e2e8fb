
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_form.h"
#include "ngx_deploy_tap.h"


typedef struct {
    size_t  len;
    int     rc;
    u_char  data[8192];
} test_value_t;


typedef struct {
    const char  *text;
    const char  *want;
    const char  *reason;
} test_form_t;


static int test_handler(void *data, const u_char *p, size_t len);
static void test_one(const char *text, size_t len, const char *want,
    const char *reason);
static void test_limits(void);
static void test_handler_code(void);


static const test_form_t  test_forms[] = {

    { "payload=x", "x", NULL },
    { "payload=", "", NULL },
    { "payload", "", NULL },
    { "a=1&payload", "", NULL },
    { "payload&a", "", NULL },
    { "payload=a+b%20c", "a b c", NULL },
    { "payload=%7B%22a%22%3a%22%C3%A9%22%7d", "{\"a\":\"\xc3\xa9\"}", NULL },
    { "payload=a=b", "a=b", NULL },
    { "payload=a;b=c", "a;b=c", NULL },
    { "payload=%26%3D%2B%25", "&=+%", NULL },
    { "&&payload=x&&", "x", NULL },
    { "=&==&payload=x", "x", NULL },
    { "pay%6Coad=x", "x", NULL },
    { "a=payload&payload=x&b=%70", "x", NULL },
    { "payloads=1&payloa=2&payload=3", "3", NULL },
    { "a+b=c&payload=1", "1", NULL },
    { "", NULL, "field missing" },
    { "&", NULL, "field missing" },
    { "a=payload", NULL, "field missing" },
    { "Payload=1", NULL, "field missing" },
    { "payload=1&payload=2", NULL, "field given twice" },
    { "payload=1&p%61yload", NULL, "field given twice" },
    { "payload&payload&a", NULL, "field given twice" },
    { "payload=%", NULL, "unexpected end" },
    { "payload=%4", NULL, "unexpected end" },
    { "payload=1&a%", NULL, "unexpected end" },
    { "payload=%4&a=1", NULL, "invalid escape" },
    { "payload=%zz", NULL, "invalid escape" },
    { "payload=%%41", NULL, "invalid escape" },
    { "payload=1&a=%0g", NULL, "invalid escape" },
    { "payload=1&%g0=", NULL, "invalid escape" },
    { "payload=%u0041", NULL, "invalid escape" },
    { "payload=%00", NULL, "NUL in a form" },
    { "payload=1&%00=1", NULL, "NUL in a form" },
    { "payload=1&b=%00", NULL, "NUL in a form" },
    { NULL, NULL, NULL }
};


static int
test_handler(void *data, const u_char *p, size_t len)
{
    test_value_t  *value;

    value = data;

    if (len > sizeof(value->data) - value->len) {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(value->data + value->len, p, len);
    value->len += len;

    return value->rc;
}


/* at once, in two pieces of all sizes, byte by byte */

static void
test_one(const char *text, size_t len, const char *want, const char *reason)
{
    int                rc, pass;
    size_t             cut, n, offset;
    test_value_t       value;
    ngx_deploy_str_t   piece;
    ngx_deploy_form_t  form;

    pass = 1;

    for (cut = 0; cut <= len + 1; cut++) {

        value.len = 0;
        value.rc = NGX_DEPLOY_OK;

        ngx_deploy_form_init(&form, "payload", test_handler, &value);

        rc = NGX_DEPLOY_OK;

        for (offset = 0; offset < len && rc == NGX_DEPLOY_OK; offset += n) {

            n = (offset == 0 && cut && cut < len) ? cut : len - offset;

            if (cut > len) {
                n = 1;
            }

            piece = tap_copy(text + offset, n);
            rc = ngx_deploy_form_feed(&form, piece.data, n);
        }

        if (rc == NGX_DEPLOY_OK) {
            rc = ngx_deploy_form_end(&form);
        }

        if (reason != NULL) {
            pass &= (rc == NGX_DEPLOY_DECLINED && form.reason != NULL
                     && strcmp(form.reason, reason) == 0
                     && ngx_deploy_form_feed(&form, (u_char *) "a", 1) == rc
                     && ngx_deploy_form_end(&form) == rc);
            continue;
        }

        pass &= (rc == NGX_DEPLOY_OK && form.reason == NULL
                 && value.len == strlen(want)
                 && memcmp(value.data, want, value.len) == 0);
    }

    ok(pass, "form \"%.40s\"", text);
}


static void
test_limits(void)
{
    size_t  i, n;
    char    text[8192], want[4096];

    memset(text, 'n', NGX_DEPLOY_FORM_MAX_NAME);
    strcpy(text + NGX_DEPLOY_FORM_MAX_NAME, "=1&payload=2");
    test_one(text, strlen(text), "2", NULL);

    memset(text, 'n', NGX_DEPLOY_FORM_MAX_NAME + 1);
    strcpy(text + NGX_DEPLOY_FORM_MAX_NAME + 1, "=1&payload=2");
    test_one(text, strlen(text), NULL, "field name too long");

    for (n = 0, i = 0; i < NGX_DEPLOY_FORM_MAX_FIELDS - 1; i++) {
        n += sprintf(text + n, "a&");
    }

    n += sprintf(text + n, "payload=1");
    test_one(text, n, "1", NULL);

    n += sprintf(text + n, "&b");
    test_one(text, n, NULL, "too many fields");

    /* more than the parser decodes at once */

    n = sprintf(text, "payload=");

    for (i = 0; i < 2100; i++) {
        n += sprintf(text + n, "%%%02x", (unsigned) ('a' + i % 26));
        want[i] = (char) ('a' + i % 26);
    }

    want[i] = '\0';
    test_one(text, n, want, NULL);

    test_one("payload=a\0b", 11, NULL, "NUL in a form");
    test_one("pay\0load=a", 10, NULL, "NUL in a form");
}


/* "a=1|b=2": what came of fields a and b, else the reason */

static const char *const  test_wanted[] = { "a", "b", "cc", NULL };


typedef struct {
    ngx_deploy_form_t  form;
    size_t             len[3];
    char               values[3][64];
} test_names_t;


static int
test_names_handler(void *data, const u_char *p, size_t len)
{
    unsigned       i;
    test_names_t  *names;

    names = data;
    i = names->form.current;

    if (i > 2 || len >= sizeof(names->values[0]) - names->len[i]) {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(names->values[i] + names->len[i], p, len);
    names->len[i] += len;

    return NGX_DEPLOY_OK;
}


static void
test_names_of(const char *text, uint32_t found, const char *a, const char *b,
    const char *cc, const char *reason)
{
    int                rc, pass;
    size_t             size, n, offset, len;
    test_names_t       names;
    ngx_deploy_str_t   piece;

    pass = 1;
    len = strlen(text);

    for (size = 1; size <= len + 1; size++) {

        memset(&names, 0, sizeof(test_names_t));
        ngx_deploy_form_init_names(&names.form, test_wanted,
                                   test_names_handler, &names);

        rc = NGX_DEPLOY_OK;

        for (offset = 0; offset < len && rc == NGX_DEPLOY_OK; offset += n) {
            n = (size < len - offset) ? size : len - offset;
            piece = tap_copy(text + offset, n);
            rc = ngx_deploy_form_feed(&names.form, piece.data, n);
        }

        if (rc == NGX_DEPLOY_OK) {
            rc = ngx_deploy_form_end(&names.form);
        }

        if (reason != NULL) {
            pass &= (rc == NGX_DEPLOY_DECLINED
                     && strcmp(names.form.reason, reason) == 0);
            continue;
        }

        pass &= (rc == NGX_DEPLOY_OK
                 && names.form.found == found
                 && strcmp(names.values[0], a) == 0
                 && strcmp(names.values[1], b) == 0
                 && strcmp(names.values[2], cc) == 0);
    }

    ok(pass, "names of \"%s\"", text);
}


static void
test_names(void)
{
    test_names_of("a=1&b=2&cc=3", 7, "1", "2", "3", NULL);
    test_names_of("cc=%41+x&x=y&a=1", 5, "1", "", "A x", NULL);
    test_names_of("b=a%26a%3D1&c=3", 2, "", "a&a=1", "", NULL);
    test_names_of("a&b=", 3, "", "", "", NULL);
    test_names_of("x=1", 0, "", "", "", NULL);
    test_names_of("", 0, "", "", "", NULL);
    test_names_of("x=1&x=2&a=3", 1, "3", "", "", NULL);
    test_names_of("a=1&b=2&a=3", 0, NULL, NULL, NULL, "field given twice");
    test_names_of("cc=1&%63c", 0, NULL, NULL, NULL, "field given twice");
    test_names_of("a=1&b=%4", 0, NULL, NULL, NULL, "unexpected end");
}


static void
test_handler_code(void)
{
    test_value_t       value;
    ngx_deploy_form_t  form;

    value.len = 0;
    value.rc = NGX_DEPLOY_AGAIN;

    ngx_deploy_form_init(&form, "payload", test_handler, &value);

    is_int(ngx_deploy_form_feed(&form, (u_char *) "a=1&payload=", 12),
           NGX_DEPLOY_OK, "the handler is not called for nothing");
    is_int(ngx_deploy_form_feed(&form, (u_char *) "xyz&b", 5),
           NGX_DEPLOY_AGAIN, "the handler's code");
    is_int(ngx_deploy_form_feed(&form, (u_char *) "b", 1), NGX_DEPLOY_AGAIN,
           "is repeated");
    is_int(ngx_deploy_form_end(&form), NGX_DEPLOY_AGAIN, "at the end, too");
    ok(form.reason == NULL, "without a reason of the form's");
    is_int(value.len, 3, "the value until then");
}


int
main(void)
{
    const test_form_t  *test;

    for (test = test_forms; test->text != NULL; test++) {
        test_one(test->text, strlen(test->text), test->want, test->reason);
        tap_pool_reset();
    }

    test_names();
    test_limits();
    test_handler_code();

    return plan_done();
}
