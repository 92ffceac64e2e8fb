
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_deploy_tap_verify.h"


/* published by GitHub */

#define HELLO   "Hello, World!"
#define SECRET  "It's a Secret to Everybody"
#define DIGEST  "757107ea0eb2509fc211221cce984b8a"                            \
                "37570b6d7586c22c46f4379c8b043e17"


/* one verdict for one value of the header */

static void
github(const char *value, ngx_deploy_verify_e want, const char *name)
{
    ngx_deploy_verifier_t  v;

    make(&v, "github");
    load(&v, SECRET);
    header("x-hub-signature-256", value);
    is_verdict(&v, HELLO, want, name);
    ngx_deploy_verifier_free(&v);
}


static void
test_github(void)
{
    size_t                 step;
    unsigned               line;
    ngx_deploy_verifier_t  v;

    is_int(make(&v, "github"), NGX_DEPLOY_OK, "github");
    load(&v, SECRET);
    header("x-hub-signature-256", "sha256=" DIGEST);

    for (step = 1; step < sizeof(HELLO) + 1; step++) {
        is_int(verify(&v, HELLO, step, &line), NGX_DEPLOY_VERIFY_SUCCESS,
               "pieces of %zu", step);
        is_int(line, 1, "line");
    }

    is_verdict(&v, "Hello World!", NGX_DEPLOY_VERIFY_MISMATCH, "other body");
    is_verdict(&v, "", NGX_DEPLOY_VERIFY_MISMATCH, "no body");

    headers.n = 0;
    header("x-hub-signature", "sha256=" DIGEST);
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_MISSING, "other header");

    header("x-hub-signature-256", "sha256=" DIGEST);
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_SUCCESS, "both headers");

    header("x-hub-signature-256", "sha256=" DIGEST);
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_DOUBLED, "twice the same");

    ngx_deploy_verifier_free(&v);
    ngx_deploy_verifier_free(&v);
}


static void
test_values(void)
{
    github(" \tsha256=" DIGEST "\t ", NGX_DEPLOY_VERIFY_SUCCESS, "blanks");
    github("sha256="
           "757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17",
           NGX_DEPLOY_VERIFY_SUCCESS, "upper case");

    github("", NGX_DEPLOY_VERIFY_EMPTY, "empty");
    github(" \t", NGX_DEPLOY_VERIFY_EMPTY, "blanks only");
    github("sha256=", NGX_DEPLOY_VERIFY_MALFORMED, "prefix only");
    github("sha256", NGX_DEPLOY_VERIFY_MALFORMED, "half a prefix");
    github(DIGEST, NGX_DEPLOY_VERIFY_MALFORMED, "no prefix");
    github("SHA256=" DIGEST, NGX_DEPLOY_VERIFY_MALFORMED, "other prefix");
    github("sha1=" DIGEST, NGX_DEPLOY_VERIFY_MALFORMED, "sha1");
    github("sha256=sha256=" DIGEST, NGX_DEPLOY_VERIFY_MALFORMED, "twice");
    github("sha256=" DIGEST "0", NGX_DEPLOY_VERIFY_MALFORMED, "too long");
    github("sha256=" DIGEST "00", NGX_DEPLOY_VERIFY_MALFORMED, "a byte more");
    github("sha256=7571", NGX_DEPLOY_VERIFY_MALFORMED, "cut");
    github("sha256=" DIGEST ",sha256=" DIGEST, NGX_DEPLOY_VERIFY_MALFORMED,
           "a list");
    github("sha256=g57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b"
           "043e17", NGX_DEPLOY_VERIFY_MALFORMED, "no digit");
    github("sha256= 57107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b"
           "043e17", NGX_DEPLOY_VERIFY_MALFORMED, "inner blank");
    github("sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b"
           "043e17", NGX_DEPLOY_VERIFY_MISMATCH, "first digit");
    github("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b"
           "043e18", NGX_DEPLOY_VERIFY_MISMATCH, "last digit");
    github("sha256=00000000000000000000000000000000000000000000000000000000000"
           "00000", NGX_DEPLOY_VERIFY_MISMATCH, "zeroes");
}


static void
test_secrets(void)
{
    int                     i, n;
    char                    many[1024];
    unsigned                line;
    ngx_deploy_secrets_t    report;
    ngx_deploy_verifier_t   v;

    static const char  rotated[] = "# new\n\nthe new secret 01\r\n#old\n"
                                   SECRET "\r\n\n";

    /* rotation: the line that matched is told */

    make(&v, "github");
    is_int(secrets(&v, rotated, sizeof(rotated) - 1, &report),
           NGX_DEPLOY_OK, "a file");
    is_int(v.nsecrets, 2, "two secrets");
    is_int(report.weak, 0, "long enough");

    header("x-hub-signature-256", "sha256=" DIGEST);
    is_int(verify(&v, HELLO, 100, &line), NGX_DEPLOY_VERIFY_SUCCESS, "old");
    is_int(line, 5, "its line");

    headers.n = 0;
    header("x-hub-signature-256",
           "sha256=dc5b91aed0c8d2d1a9ba66b5a5e2f3a3fba8bdbb51e7a3cd5b8dcfe1db46"
           "3e6b");
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_MISMATCH, "none of them");
    ngx_deploy_verifier_free(&v);

    /* nothing but CR LF is taken off, "#" is a comment in column one only */

    make(&v, "token");
    load(&v, " a b \t\n #c\nd#e\r\r\nlast");
    is_int(v.nsecrets, 4, "four secrets");

    header("authorization", "Bearer  #c");
    is_int(verify(&v, "", 1, &line), NGX_DEPLOY_VERIFY_SUCCESS, "\" #c\"");
    is_int(line, 2, "line 2");

    headers.n = 0;
    header("authorization", "Bearer d#e\r");
    is_int(verify(&v, "", 1, &line), NGX_DEPLOY_VERIFY_SUCCESS, "one CR stays");

    headers.n = 0;
    header("authorization", "Bearer last");
    is_int(verify(&v, "", 1, &line), NGX_DEPLOY_VERIFY_SUCCESS, "no newline");
    is_int(line, 4, "line 4");
    ngx_deploy_verifier_free(&v);

    /* the same secret twice: the first line */

    make(&v, "token");
    load(&v, "same\nsame\n");
    header("authorization", "Bearer same");
    is_int(verify(&v, "", 1, &line), NGX_DEPLOY_VERIFY_SUCCESS, "twice");
    is_int(line, 1, "the first");
    ngx_deploy_verifier_free(&v);

    /* refused */

    make(&v, "github");
    is_int(secrets(&v, "", 0, &report), NGX_DEPLOY_DECLINED,
           "empty file");
    is_str(tap_str(report.reason), "holds no secret", "reason");

    make(&v, "github");
    is_int(secrets(&v, "\n\r\n# no\n", 8, &report),
           NGX_DEPLOY_DECLINED, "comments only");
    is_str(tap_str(report.reason), "holds no secret", "reason");

    make(&v, "github");
    is_int(secrets(&v, "\xef\xbb\xbfsecret\n", 10, &report),
           NGX_DEPLOY_DECLINED, "byte order mark");
    is_str(tap_str(report.reason), "begins with a byte order mark", "reason");

    make(&v, "github");
    is_int(secrets(&v, "sec\0ret\n", 8, &report),
           NGX_DEPLOY_DECLINED, "NUL");
    is_str(tap_str(report.reason), "holds a NUL byte", "reason");

    for (n = 0, i = 0; i < NGX_DEPLOY_MAX_SECRETS + 1; i++) {
        n += sprintf(many + n, "secret %d\n", i);
    }

    make(&v, "github");
    is_int(secrets(&v, many, n, &report), NGX_DEPLOY_DECLINED,
           "17 secrets");
    is_str(tap_str(report.reason), "holds more than 16 secrets", "reason");
    ngx_deploy_verifier_free(&v);

    make(&v, "github");
    is_int(secrets(&v, many, n - 10, &report), NGX_DEPLOY_OK,
           "16 secrets");
    is_int(v.nsecrets, NGX_DEPLOY_MAX_SECRETS, "all of them");
    ngx_deploy_verifier_free(&v);

    make(&v, "github");
    tap_pool_limit(0);
    is_int(secrets(&v, "secret", 6, &report), NGX_DEPLOY_ERROR,
           "no memory");
    tap_pool_limit(-1);
    ngx_deploy_verifier_free(&v);
}


static void
slack(const char *timestamp, time_t tolerance, ngx_deploy_verify_e want,
    const char *name)
{
    int                    n;
    char                   base[256], value[128];
    u_char                 digest[32];
    unsigned               len;
    ngx_deploy_verifier_t  v;

    n = sprintf(base, "v0:%s:%s", timestamp ? timestamp : "", "a=b&c=d");
    HMAC(EVP_sha256(), "slack secret 0123", 17, (u_char *) base, n, digest,
         &len);

    memcpy(value, "v0=", 3);
    *ngx_deploy_hex_encode((u_char *) value + 3, digest, 32) = '\0';

    make(&v, "slack");
    load(&v, "slack secret 0123\n");

    if (tolerance) {
        v.tolerance = tolerance;
    }

    header("x-slack-signature", value);

    if (timestamp) {
        header("x-slack-request-timestamp", timestamp);
    }

    is_verdict(&v, "a=b&c=d", want, name);
    is_verdict(&v, "a=b&c=e",
               want == NGX_DEPLOY_VERIFY_SUCCESS ? NGX_DEPLOY_VERIFY_MISMATCH
                                                 : want, name);

    ngx_deploy_verifier_free(&v);
}


static void
test_slack(void)
{
    ngx_deploy_verifier_t  v;

    slack("1700000000", 0, NGX_DEPLOY_VERIFY_SUCCESS, "now");
    slack("1699999700", 0, NGX_DEPLOY_VERIFY_SUCCESS, "300 s ago");
    slack("1699999699", 0, NGX_DEPLOY_VERIFY_STALE, "301 s ago");
    slack("1700000300", 0, NGX_DEPLOY_VERIFY_SUCCESS, "in 300 s");
    slack("1700000301", 0, NGX_DEPLOY_VERIFY_STALE, "in 301 s");
    slack("1699999990", 9, NGX_DEPLOY_VERIFY_STALE, "tolerance=9");
    slack("1699999991", 9, NGX_DEPLOY_VERIFY_SUCCESS, "tolerance=9");
    slack("0", 0, NGX_DEPLOY_VERIFY_STALE, "zero");
    slack("999999999999999999", 0, NGX_DEPLOY_VERIFY_STALE, "far away");
    slack("1700000000000", 0, NGX_DEPLOY_VERIFY_STALE, "milliseconds");
    slack("9999999999999999999", 0, NGX_DEPLOY_VERIFY_MALFORMED, "overflow");
    slack("-1700000000", 0, NGX_DEPLOY_VERIFY_MALFORMED, "negative");
    slack("+1700000000", 0, NGX_DEPLOY_VERIFY_MALFORMED, "plus");
    slack("1700000000.5", 0, NGX_DEPLOY_VERIFY_MALFORMED, "a fraction");
    slack("0x6553f100", 0, NGX_DEPLOY_VERIFY_MALFORMED, "hexadecimal");
    slack("", 0, NGX_DEPLOY_VERIFY_MALFORMED, "an empty timestamp");
    slack(NULL, 0, NGX_DEPLOY_VERIFY_MISSING, "no timestamp");

    make(&v, "slack");
    load(&v, "slack secret 0123\n");
    header("x-slack-signature", "v0=" DIGEST);
    header("x-slack-request-timestamp", "1700000000");
    header("x-slack-request-timestamp", "1700000001");
    is_verdict(&v, "", NGX_DEPLOY_VERIFY_DOUBLED, "two timestamps");

    headers.n = 0;
    header("x-slack-signature", "v1=" DIGEST);
    header("x-slack-request-timestamp", "1700000000");
    is_verdict(&v, "", NGX_DEPLOY_VERIFY_MALFORMED, "v1");
    ngx_deploy_verifier_free(&v);
}


static void
token(const char *name, unsigned bearer, const char *value,
    ngx_deploy_verify_e want)
{
    ngx_deploy_verifier_t  v;

    make(&v, "token");

    if (!bearer) {
        v.header = tap_str(name);
        v.bearer = 0;
    }

    load(&v, "one\nBearer two\n");
    header(name, value);
    is_verdict(&v, "any body", want, value);
    ngx_deploy_verifier_free(&v);
}


static void
test_token(void)
{
    token("authorization", 1, "Bearer one", NGX_DEPLOY_VERIFY_SUCCESS);
    token("authorization", 1, "bEARER one ", NGX_DEPLOY_VERIFY_SUCCESS);
    token("authorization", 1, "Bearer Bearer two", NGX_DEPLOY_VERIFY_SUCCESS);
    token("authorization", 1, "Bearer two", NGX_DEPLOY_VERIFY_MISMATCH);
    token("authorization", 1, "Bearer oNe", NGX_DEPLOY_VERIFY_MISMATCH);
    token("authorization", 1, "Bearer on", NGX_DEPLOY_VERIFY_MISMATCH);
    token("authorization", 1, "Bearer onee", NGX_DEPLOY_VERIFY_MISMATCH);
    token("authorization", 1, "Bearer", NGX_DEPLOY_VERIFY_MALFORMED);
    token("authorization", 1, "Basic one", NGX_DEPLOY_VERIFY_MALFORMED);
    token("authorization", 1, "one", NGX_DEPLOY_VERIFY_MALFORMED);
    token("authorization", 1, "", NGX_DEPLOY_VERIFY_EMPTY);
    token("x-key", 1, "one", NGX_DEPLOY_VERIFY_MISSING);

    token("x-key", 0, "one", NGX_DEPLOY_VERIFY_SUCCESS);
    token("x-key", 0, "Bearer two", NGX_DEPLOY_VERIFY_SUCCESS);
    token("x-key", 0, "Bearer one", NGX_DEPLOY_VERIFY_MISMATCH);
    token("x-key", 0, "", NGX_DEPLOY_VERIFY_EMPTY);
}


static void
hmac(const char *algorithm, const EVP_MD *md, unsigned base64,
    const char *prefix)
{
    char                   value[256], name[64];
    size_t                 n;
    u_char                 digest[64];
    unsigned               len;
    ngx_deploy_str_t       s;
    ngx_deploy_verifier_t  v;

    snprintf(name, sizeof(name), "%s, %s, \"%s\"", algorithm,
             base64 ? "base64" : "hex", prefix);

    HMAC(md, "partner secret 01", 17, (u_char *) "{}", 2, digest, &len);

    n = sprintf(value, "%s", prefix);

    if (base64) {
        EVP_EncodeBlock((u_char *) value + n, digest, len);

    } else {
        *ngx_deploy_hex_encode((u_char *) value + n, digest, len) = '\0';
    }

    make(&v, "hmac");
    s = tap_str(algorithm);
    is_int(ngx_deploy_verifier_algorithm(&v, &s), NGX_DEPLOY_OK, "%s", name);

    v.header = tap_str("x-signature");
    v.prefix = tap_str(prefix);
    v.base64 = base64;
    load(&v, "another secret 01\npartner secret 01");

    header("x-signature", value);
    is_verdict(&v, "{}", NGX_DEPLOY_VERIFY_SUCCESS, name);
    is_verdict(&v, "{ }", NGX_DEPLOY_VERIFY_MISMATCH, name);

    value[strlen(value) - 1] = '\0';
    is_verdict(&v, "{}", NGX_DEPLOY_VERIFY_MALFORMED, name);

    headers.values[0] = "dG9vIHNob3J0";
    is_verdict(&v, "{}", NGX_DEPLOY_VERIFY_MALFORMED, name);

    ngx_deploy_verifier_free(&v);
}


static void
test_hmac(void)
{
    unsigned               i;
    ngx_deploy_str_t       s;
    ngx_deploy_verifier_t  v;

    static const char  *unknown[] = { "", "md5", "SHA256", "sha-256",
                                      "sha2566" };

    for (i = 0; i < 2; i++) {
        hmac("sha1", EVP_sha1(), i, "");
        hmac("sha256", EVP_sha256(), i, "");
        hmac("sha512", EVP_sha512(), i, "");
        hmac("sha1", EVP_sha1(), i, "sha1=");
        hmac("sha256", EVP_sha256(), i, "v1,");
        hmac("sha512", EVP_sha512(), i, "sha512=");
    }

    make(&v, "hmac");

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        s = tap_str(unknown[i]);
        is_int(ngx_deploy_verifier_algorithm(&v, &s), NGX_DEPLOY_DECLINED,
               "algorithm \"%s\"", unknown[i]);
    }
}


static void
test_schemes(void)
{
    unsigned               i;
    ngx_deploy_verifier_t  v;

    static const char  *names[] = { "github", "bitbucket", "slack", "token",
                                    "hmac" };
    static const char  *unknown[] = { "", "git", "githubs", "GitHub", "off" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        is_int(make(&v, names[i]), NGX_DEPLOY_OK, "scheme %s", names[i]);
        is_str(tap_str(v.name), names[i], "name %s", names[i]);
        is_int(v.tolerance, 300, "tolerance of %s", names[i]);
    }

    for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        is_int(make(&v, unknown[i]), NGX_DEPLOY_DECLINED, "scheme \"%s\"",
               unknown[i]);
    }

    make(&v, "bitbucket");
    load(&v, SECRET);
    header("x-hub-signature", "sha256=" DIGEST);
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_SUCCESS, "bitbucket");
    ngx_deploy_verifier_free(&v);

    is_str(tap_str(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_SUCCESS)),
           "success", "the first word");
    is_str(tap_str(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_ERROR)),
           "error", "the last word");
}


/* begun and never ended: the client went away */

static void
test_abandoned(void)
{
    ngx_deploy_verify_e     verdict;
    ngx_deploy_verifier_t   v;
    ngx_deploy_signature_t  sig, other;

    make(&v, "github");
    load(&v, SECRET "\nanother one of 16+\n");
    header("x-hub-signature-256", "sha256=" DIGEST);

    verdict = ngx_deploy_signature_begin(&sig, &v, get_header, &headers, NOW);
    is_int(verdict, NGX_DEPLOY_VERIFY_SUCCESS, "begun");

    /* two requests at once do not touch each other */

    ngx_deploy_signature_begin(&other, &v, get_header, &headers, NOW);
    ngx_deploy_signature_update(&sig, (u_char *) "other", 5);
    ngx_deploy_signature_update(&other, (u_char *) HELLO, sizeof(HELLO) - 1);
    ngx_deploy_signature_free(&sig);

    is_int(ngx_deploy_signature_end(&other, &v.secrets[1].line),
           NGX_DEPLOY_VERIFY_SUCCESS, "the other one");
    ngx_deploy_signature_free(&other);

    /* without a MAC it fails closed */

    ngx_deploy_signature_begin(&sig, &v, get_header, &headers, NOW);
    ngx_deploy_signature_free(&sig);
    is_int(ngx_deploy_signature_end(&sig, &v.secrets[1].line),
           NGX_DEPLOY_VERIFY_ERROR, "freed");

    /* the secrets are gone: so is success */

    ngx_deploy_verifier_free(&v);
    is_verdict(&v, HELLO, NGX_DEPLOY_VERIFY_MISMATCH, "no secrets");
}


int
main(void)
{
    test_schemes();
    test_github();
    test_values();
    test_secrets();
    test_slack();
    test_token();
    test_hmac();
    test_abandoned();

    return plan_done();
}
