
/*
 * Copyright (C) ngx_deploy_module authors
 */


/* gitea, forgejo, gogs: the JSON is signed, in forms, too; azure */


#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_deploy_media.h"
#include "ngx_deploy_tap_verify.h"


#define SECRET  "a secret of gitea"
#define JSON    "{\"ref\":\"refs/heads/a+b&c\"}"
#define FORM    "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fa%2Bb%26c%22%7D"
#define TYPE    "application/x-www-form-urlencoded"


static char  digest[65];


static void
mac(const char *secret, const char *body)
{
    u_char    raw[32];
    unsigned  len;

    HMAC(EVP_sha256(), secret, strlen(secret), (const u_char *) body,
         strlen(body), raw, &len);

    *ngx_deploy_hex_encode((u_char *) digest, raw, 32) = '\0';
}


static void
form(const char *type, const char *body, ngx_deploy_verify_e want,
    const char *name)
{
    ngx_deploy_verifier_t  v;

    make(&v, "gitea");
    load(&v, SECRET "\n");
    header("x-gitea-signature", digest);

    if (type) {
        header("content-type", type);
    }

    is_verdict(&v, body, want, name);
    ngx_deploy_verifier_free(&v);
}


static void
test_names(void)
{
    char                   name[64];
    unsigned               i;
    ngx_deploy_verifier_t  v;

    static const char  *names[] = { "gitea", "forgejo", "gogs" };

    mac(SECRET, JSON);

    for (i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "x-%s-signature", names[i]);

        make(&v, names[i]);
        load(&v, SECRET "\n");

        header(name, digest);
        is_verdict(&v, JSON, NGX_DEPLOY_VERIFY_SUCCESS, names[i]);
        is_int(signed_form, 0, "%s: not a form", names[i]);
        is_str(signed_id, NULL, "%s: no id is signed", names[i]);
        is_verdict(&v, JSON " ", NGX_DEPLOY_VERIFY_MISMATCH, names[i]);

        /* what Gitea sends beside it, and what it sends without a secret */

        headers.n = 0;
        header("x-hub-signature-256", digest);
        is_verdict(&v, JSON, NGX_DEPLOY_VERIFY_MISSING, names[i]);

        header(name, "");
        is_verdict(&v, JSON, NGX_DEPLOY_VERIFY_EMPTY, names[i]);

        headers.n = 0;
        header(name, "sha256=");
        is_verdict(&v, JSON, NGX_DEPLOY_VERIFY_MALFORMED, names[i]);

        ngx_deploy_verifier_free(&v);
    }
}


static void
test_forms(void)
{
    size_t                 i, step;
    unsigned               line;
    ngx_deploy_verifier_t  v;

    static const char  *others[] = {
        FORM "&", "payload=%7b%22ref%22:%22refs/heads/a%2bb%26c%22%7d"
    };

    mac(SECRET, JSON);

    make(&v, "gogs");
    load(&v, SECRET "\n");
    header("x-gogs-signature", digest);
    header("content-type", TYPE);

    for (step = 1; step < sizeof(FORM) + 1; step++) {
        is_int(verify(&v, FORM, step, &line), NGX_DEPLOY_VERIFY_SUCCESS,
               "pieces of %zu", step);
        is_int(signed_form, 1, "a form");
    }

    ngx_deploy_verifier_free(&v);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        form(TYPE, others[i], NGX_DEPLOY_VERIFY_SUCCESS, others[i]);
    }

    form("APPLICATION/X-WWW-FORM-URLENCODED; charset=UTF-8", FORM,
         NGX_DEPLOY_VERIFY_SUCCESS, "charset");

    /* what is not said to be a form is taken as it is */

    form(NULL, FORM, NGX_DEPLOY_VERIFY_MISMATCH, "no type");
    form("application/json", FORM, NGX_DEPLOY_VERIFY_MISMATCH, "JSON");
    form(TYPE "; charset=utf-16", FORM, NGX_DEPLOY_VERIFY_MISMATCH, "utf-16");
    form("application/json", JSON, NGX_DEPLOY_VERIFY_SUCCESS, "JSON");
    form(NULL, JSON, NGX_DEPLOY_VERIFY_SUCCESS, "no type");

    /* nothing but the payload, and that once */

    form(TYPE, JSON, NGX_DEPLOY_VERIFY_MALFORMED, "JSON as a form");
    form(TYPE, "", NGX_DEPLOY_VERIFY_MALFORMED, "empty");
    form(TYPE, FORM "&a=b", NGX_DEPLOY_VERIFY_MALFORMED, "a field more");
    form(TYPE, "a=b&" FORM, NGX_DEPLOY_VERIFY_MALFORMED, "a field before");
    form(TYPE, FORM "&" FORM, NGX_DEPLOY_VERIFY_MALFORMED, "twice");
    form(TYPE, FORM "%", NGX_DEPLOY_VERIFY_MALFORMED, "cut");
    form(TYPE, FORM "%00", NGX_DEPLOY_VERIFY_MALFORMED, "NUL");
    form(TYPE, "payload=", NGX_DEPLOY_VERIFY_MISMATCH, "no payload");
    form(TYPE, FORM "x", NGX_DEPLOY_VERIFY_MISMATCH, "a byte more");

    /* GitHub's rule, the opposite, does not hold */

    mac(SECRET, FORM);
    form(TYPE, FORM, NGX_DEPLOY_VERIFY_MISMATCH, "the form was signed");

    make(&v, "gitea");
    load(&v, SECRET "\n");
    header("x-gitea-signature", digest);
    header("content-type", TYPE);
    header("content-type", "application/json");
    is_verdict(&v, FORM, NGX_DEPLOY_VERIFY_DOUBLED, "two content types");
    ngx_deploy_verifier_free(&v);
}


static void
azure(const char *value, ngx_deploy_verify_e want, unsigned line,
    const char *name)
{
    unsigned               got;
    ngx_deploy_verifier_t  v;

    make(&v, "azure");
    load(&v, "hook:pass:word-0123456789\n:no-user-0123456789\n");
    header("authorization", value);

    is_int(verify(&v, "any body", 3, &got), want, "azure: %s", name);
    is_int(got, line, "azure: %s, line", name);
    ngx_deploy_verifier_free(&v);
}


static void
pair(const char *text, ngx_deploy_verify_e want, unsigned line)
{
    char  value[1024];

    memcpy(value, "Basic ", 6);
    EVP_EncodeBlock((u_char *) value + 6, (const u_char *) text, strlen(text));

    azure(value, want, line, text);
}


static void
test_azure(void)
{
    char  big[600];

    pair("hook:pass:word-0123456789", NGX_DEPLOY_VERIFY_SUCCESS, 1);
    pair(":no-user-0123456789", NGX_DEPLOY_VERIFY_SUCCESS, 2);

    pair("hook:pass:word-012345678", NGX_DEPLOY_VERIFY_MISMATCH, 0);
    pair("hook:pass:word-01234567899", NGX_DEPLOY_VERIFY_MISMATCH, 0);
    pair("Hook:pass:word-0123456789", NGX_DEPLOY_VERIFY_MISMATCH, 0);
    pair("hook:", NGX_DEPLOY_VERIFY_MISMATCH, 0);
    pair(":", NGX_DEPLOY_VERIFY_MISMATCH, 0);
    pair("hook", NGX_DEPLOY_VERIFY_MALFORMED, 0);

    memset(big, ':', sizeof(big) - 1);
    big[NGX_DEPLOY_MAX_PAIR] = '\0';
    pair(big, NGX_DEPLOY_VERIFY_MISMATCH, 0);
    big[NGX_DEPLOY_MAX_PAIR] = ':';
    big[sizeof(big) - 1] = '\0';
    pair(big, NGX_DEPLOY_VERIFY_MALFORMED, 0);

    azure("bASIC aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ==",
          NGX_DEPLOY_VERIFY_SUCCESS, 1, "any case");
    azure("Basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ",
          NGX_DEPLOY_VERIFY_MALFORMED, 0, "no padding");
    azure("Basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OR==",
          NGX_DEPLOY_VERIFY_MALFORMED, 0, "not canonical");
    azure("Basic aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ== ",
          NGX_DEPLOY_VERIFY_SUCCESS, 1, "a blank");
    azure("Basic  aG9vazpwYXNzOndvcmQtMDEyMzQ1Njc4OQ==",
          NGX_DEPLOY_VERIFY_MALFORMED, 0, "two blanks");
    azure("Basic hook:pass:word-0123456789", NGX_DEPLOY_VERIFY_MALFORMED, 0,
          "clear text");
    azure("Basic", NGX_DEPLOY_VERIFY_MALFORMED, 0, "nothing");
    azure("Bearer hook:pass:word-0123456789", NGX_DEPLOY_VERIFY_MALFORMED, 0,
          "bearer");
    azure("", NGX_DEPLOY_VERIFY_EMPTY, 0, "empty");
}


static void
file(const char *text, int want, unsigned line, const char *reason)
{
    ngx_deploy_secrets_t   report;
    ngx_deploy_verifier_t  v;

    make(&v, "azure");
    is_int(secrets(&v, text, strlen(text), &report), want, "file \"%.*s\"",
           (int) strcspn(text, "\n"), text);
    is_int(report.line, line, "line");
    is_str(tap_str(report.reason), reason, "reason");
    ngx_deploy_verifier_free(&v);
}


static void
test_pairs(void)
{
    char                   big[NGX_DEPLOY_MAX_PAIR + 2];
    ngx_deploy_secrets_t   report;
    ngx_deploy_verifier_t  v;

    file("u:p\n", NGX_DEPLOY_OK, 0, NULL);
    file("# no\n\nu:p\nuser\n", NGX_DEPLOY_DECLINED, 4,
         "is not \"user:password\"");
    file("user:\n", NGX_DEPLOY_DECLINED, 1, "is not \"user:password\"");

    memset(big, 'a', sizeof(big));
    big[1] = ':';
    big[sizeof(big) - 1] = '\0';
    file(big, NGX_DEPLOY_DECLINED, 1, "is over 512 bytes long");
    big[sizeof(big) - 2] = '\0';
    file(big, NGX_DEPLOY_OK, 0, NULL);

    /* it is the password that has to be long */

    make(&v, "azure");
    secrets(&v, "a:0123456789abcdef\nlong-long-user:0123456789abcde\n", 49,
            &report);
    is_int(report.weak, 2, "weak");
    is_int(report.min, 16, "bytes");
    ngx_deploy_verifier_free(&v);
}


static void
media(const char *value, ngx_deploy_media_e want)
{
    ngx_deploy_str_t  s;

    s = tap_copy(value, strlen(value));
    is_int(ngx_deploy_media_type(&s), want, "media \"%.40s\"", value);
}


static void
test_media(void)
{
    char  big[NGX_DEPLOY_MEDIA_MAX + 2];

    media("application/json", NGX_DEPLOY_MEDIA_JSON);
    media("Application/JSON", NGX_DEPLOY_MEDIA_JSON);
    media("application/json;charset=UTF-8", NGX_DEPLOY_MEDIA_JSON);
    media("application/json; charset=\"utf-8\"", NGX_DEPLOY_MEDIA_JSON);
    media("application/json ;", NGX_DEPLOY_MEDIA_JSON);
    media(TYPE, NGX_DEPLOY_MEDIA_FORM);
    media(TYPE "; charset=utf-8", NGX_DEPLOY_MEDIA_FORM);
    media("text/plain; charset=UTF-8", NGX_DEPLOY_MEDIA_TEXT);

    media("", NGX_DEPLOY_MEDIA_OTHER);
    media(";", NGX_DEPLOY_MEDIA_OTHER);
    media("application/jso", NGX_DEPLOY_MEDIA_OTHER);
    media("application/jsonp", NGX_DEPLOY_MEDIA_OTHER);
    media("application/json, text/plain", NGX_DEPLOY_MEDIA_OTHER);
    media("application/json; charset=utf-16", NGX_DEPLOY_MEDIA_OTHER);
    media("application/json; charset=utf-8; a=b", NGX_DEPLOY_MEDIA_OTHER);
    media("application/json\tx", NGX_DEPLOY_MEDIA_OTHER);
    media("multipart/form-data; boundary=x", NGX_DEPLOY_MEDIA_OTHER);

    memset(big, ' ', sizeof(big));
    memcpy(big, "text/plain", 10);
    big[NGX_DEPLOY_MEDIA_MAX] = '\0';
    media(big, NGX_DEPLOY_MEDIA_TEXT);
    big[NGX_DEPLOY_MEDIA_MAX] = ' ';
    big[NGX_DEPLOY_MEDIA_MAX + 1] = '\0';
    media(big, NGX_DEPLOY_MEDIA_OTHER);
}


int
main(void)
{
    test_names();
    test_forms();
    test_azure();
    test_pairs();
    test_media();

    return plan_done();
}
