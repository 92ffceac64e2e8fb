
/*
 * Copyright (C) ngx_deploy_module authors
 */


/* standard, and gitlab with its two kinds of tokens */


#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ngx_deploy_tap_verify.h"


#define KEY     "0123456789abcdef01234567"
#define KEY64   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
#define OTHER   "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItMg=="
#define ID      "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj"
#define BODY    "{\"type\":\"ping\"}"

/* published with the specification's libraries */

#define PUBLISHED_SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PUBLISHED_ID      "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define PUBLISHED_MAC     "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


static char  entry[64];


/* the entry for id, time and body under KEY */

static const char *
sign(const char *id, const char *timestamp, const char *body)
{
    char      text[2048];
    int       n;
    u_char    raw[32];
    unsigned  len;

    n = snprintf(text, sizeof(text), "%s.%s.%s", id, timestamp, body);

    HMAC(EVP_sha256(), KEY, strlen(KEY), (u_char *) text, n, raw, &len);

    memcpy(entry, "v1,", 3);
    EVP_EncodeBlock((u_char *) entry + 3, raw, 32);

    return entry;
}


/* one verdict for the values of the three headers, NULL: not there */

static void
standard(const char *id, const char *timestamp, const char *signature,
    ngx_deploy_verify_e want, const char *name)
{
    ngx_deploy_verifier_t  v;

    make(&v, "standard");
    load(&v, OTHER "\nwhsec_" KEY64 "\n");

    if (id) {
        header("webhook-id", id);
    }

    if (timestamp) {
        header("webhook-timestamp", timestamp);
    }

    if (signature) {
        header("webhook-signature", signature);
    }

    is_verdict(&v, BODY, want, name);

    if (want == NGX_DEPLOY_VERIFY_SUCCESS) {
        is_str(signed_id, id, "%s: id", name);
    }

    ngx_deploy_verifier_free(&v);
}


static void
test_standard(void)
{
    size_t                 step;
    unsigned               line;
    const char            *good;
    ngx_deploy_verifier_t  v;

    good = sign(ID, "1700000000", BODY);

    make(&v, "standard");
    load(&v, OTHER "\n" KEY64 "\n");
    header("webhook-id", ID);
    header("webhook-timestamp", "1700000000");
    header("webhook-signature", good);

    for (step = 1; step < sizeof(BODY) + 1; step++) {
        is_int(verify(&v, BODY, step, &line), NGX_DEPLOY_VERIFY_SUCCESS,
               "pieces of %zu", step);
        is_int(line, 2, "line");
        is_str(signed_id, ID, "id");
    }

    is_verdict(&v, BODY " ", NGX_DEPLOY_VERIFY_MISMATCH, "another body");
    is_verdict(&v, "", NGX_DEPLOY_VERIFY_MISMATCH, "no body");

    headers.values[0] = ID "x";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISMATCH, "the id is signed");

    headers.values[0] = ID;
    headers.values[1] = "1700000001";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISMATCH, "the time is signed");
    ngx_deploy_verifier_free(&v);

    make(&v, "standard");
    v.tolerance = 100000000;
    load(&v, PUBLISHED_SECRET "\n");
    header("webhook-id", PUBLISHED_ID);
    header("webhook-timestamp", "1614265330");
    header("webhook-signature", PUBLISHED_MAC);
    is_verdict(&v, "{\"test\": 2432232314}", NGX_DEPLOY_VERIFY_SUCCESS,
               "published");
    ngx_deploy_verifier_free(&v);
}


static void
test_headers(void)
{
    char         id[NGX_DEPLOY_MAX_ID + 2];
    unsigned     i;
    const char  *good;

    static const char  *ids[] = { "a.b", ".", "a b", "a\tb", "a\x7f",
                                  "\xc3\xa9", "a\x01" };

    good = sign(ID, "1700000000", BODY);

    standard(ID, "1700000000", good, NGX_DEPLOY_VERIFY_SUCCESS, "good");
    standard(NULL, "1700000000", good, NGX_DEPLOY_VERIFY_MISSING, "no id");
    standard(ID, NULL, good, NGX_DEPLOY_VERIFY_MISSING, "no time");
    standard(ID, "1700000000", NULL, NGX_DEPLOY_VERIFY_MISSING,
             "no signature");
    standard("", "1700000000", good, NGX_DEPLOY_VERIFY_EMPTY, "empty id");
    standard(ID, "", good, NGX_DEPLOY_VERIFY_MALFORMED, "empty time");
    standard(ID, "1700000000", "", NGX_DEPLOY_VERIFY_EMPTY,
             "empty signature");
    standard(ID, "+1700000000", good, NGX_DEPLOY_VERIFY_MALFORMED, "+");
    standard(ID, "1700000000.0", good, NGX_DEPLOY_VERIFY_MALFORMED, ".0");

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        standard(ids[i], "1700000000", sign(ids[i], "1700000000", BODY),
                 NGX_DEPLOY_VERIFY_MALFORMED, "a bad id");
    }

    memset(id, 'x', sizeof(id));
    id[NGX_DEPLOY_MAX_ID] = '\0';
    standard(id, "1700000000", sign(id, "1700000000", BODY),
             NGX_DEPLOY_VERIFY_SUCCESS, "a long id");
    id[NGX_DEPLOY_MAX_ID] = 'x';
    id[NGX_DEPLOY_MAX_ID + 1] = '\0';
    standard(id, "1700000000", sign(id, "1700000000", BODY),
             NGX_DEPLOY_VERIFY_MALFORMED, "too long an id");

    /* five minutes both ways */

    standard(ID, "1699999700", sign(ID, "1699999700", BODY),
             NGX_DEPLOY_VERIFY_SUCCESS, "300 s ago");
    standard(ID, "1699999699", sign(ID, "1699999699", BODY),
             NGX_DEPLOY_VERIFY_STALE, "301 s ago");
    standard(ID, "1700000300", sign(ID, "1700000300", BODY),
             NGX_DEPLOY_VERIFY_SUCCESS, "in 300 s");
    standard(ID, "1700000301", sign(ID, "1700000301", BODY),
             NGX_DEPLOY_VERIFY_STALE, "in 301 s");
}


/* the good entry at one place of n */

static char *
list(char *text, unsigned n, unsigned place)
{
    char      *p;
    unsigned   i;

    p = text;

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s%s", i ? " " : "",
                     (i == place) ? entry : PUBLISHED_MAC);
    }

    return text;
}


static void
test_lists(void)
{
    char      text[2048];
    unsigned  i;

    static const unsigned  places[] = { 0, 7, 15 };

    sign(ID, "1700000000", BODY);

    for (i = 0; i < 3; i++) {
        standard(ID, "1700000000", list(text, 16, places[i]),
                 NGX_DEPLOY_VERIFY_SUCCESS, "one of 16");
    }

    standard(ID, "1700000000", list(text, 16, 16), NGX_DEPLOY_VERIFY_MISMATCH,
             "none of 16");
    standard(ID, "1700000000", list(text, 17, 0), NGX_DEPLOY_VERIFY_MALFORMED,
             "17");

    /* other versions count, and are skipped; so is what is none */

    snprintf(text, sizeof(text), "  v2,AAAA v1a,%s v1 v1, x %.20s %s  v1,%s",
             entry + 3, entry, entry, entry + 4);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_SUCCESS, "among others");

    snprintf(text, sizeof(text), "v1a,%s v2,%s V1,%s v1;%s", entry + 3,
             entry + 3, entry + 3, entry + 3);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED,
             "other versions");

    snprintf(text, sizeof(text), "%s\t%s", entry, entry);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED, "a tab");

    snprintf(text, sizeof(text), "%s,%s", entry, entry);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED, "a comma");

    /* 43 characters and a "=" */

    snprintf(text, sizeof(text), "%.46s", entry);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED,
             "no padding");

    snprintf(text, sizeof(text), "%s=", entry);
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED,
             "more padding");

    snprintf(text, sizeof(text), "%s", entry);
    text[45] = (text[45] == 'Z') ? 'b' : text[45] + 1;
    standard(ID, "1700000000", text, NGX_DEPLOY_VERIFY_MALFORMED,
             "not canonical");
}


static void
test_names(void)
{
    unsigned               i;
    ngx_deploy_str_t       name;
    ngx_deploy_verifier_t  v;

    static const char  *names[] = { "", "svix", "-signature", "signature",
                                    "svix-signatures", "svix_signature" };

    make(&v, "standard");
    name = tap_str("Svix-Signature");
    is_int(ngx_deploy_verifier_header(&v, tap_pool(), &name), NGX_DEPLOY_OK,
           "svix");
    is_str(v.header, "svix-signature", "signature");
    is_str(v.id_header, "svix-id", "id");
    is_str(v.time_header, "svix-timestamp", "timestamp");

    load(&v, KEY64 "\n");
    header("svix-id", ID);
    header("svix-timestamp", "1700000000");
    header("svix-signature", sign(ID, "1700000000", BODY));
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_SUCCESS, "svix");

    headers.names[0] = "webhook-id";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISSING, "a mixture");
    ngx_deploy_verifier_free(&v);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        make(&v, "standard");
        name = tap_str(names[i]);
        is_int(ngx_deploy_verifier_header(&v, tap_pool(), &name),
               NGX_DEPLOY_DECLINED, "header=%s", names[i]);
    }

    make(&v, "github");
    name = tap_str("x-signature");
    is_int(ngx_deploy_verifier_header(&v, tap_pool(), &name),
           NGX_DEPLOY_DECLINED, "github has its own");

    make(&v, "standard");
    tap_pool_limit(0);
    name = tap_str("svix-signature");
    is_int(ngx_deploy_verifier_header(&v, tap_pool(), &name),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(1);
    is_int(ngx_deploy_verifier_header(&v, tap_pool(), &name),
           NGX_DEPLOY_ERROR, "no more memory");
    tap_pool_limit(-1);
}


static void
file(const char *scheme, const char *text, int want, unsigned line,
    unsigned weak, const char *reason)
{
    ngx_deploy_secrets_t   report;
    ngx_deploy_verifier_t  v;

    make(&v, scheme);
    is_int(secrets(&v, text, strlen(text), &report), want, "%s, \"%.*s\"",
           scheme, (int) strcspn(text, "\n"), text);
    is_int(report.line, line, "line");
    is_int(report.weak, weak, "weak");
    is_str(tap_str(report.reason), reason, "reason");
    ngx_deploy_verifier_free(&v);
}


static void
test_keys(void)
{
    unsigned               line;
    ngx_deploy_verifier_t  v;

    file("standard", "whsec_" KEY64 "\n", NGX_DEPLOY_OK, 0, 0, NULL);
    file("standard", KEY64 "\n\n" OTHER, NGX_DEPLOY_OK, 0, 0, NULL);
    file("standard", "# a\n" OTHER "\nwhsec_MDEy\n", NGX_DEPLOY_OK, 0, 3,
         NULL);
    file("standard", "\nwhsec_\n", NGX_DEPLOY_DECLINED, 2, 0,
         "is an empty key");
    file("standard", OTHER "\nwhsec_a\n", NGX_DEPLOY_DECLINED, 2, 0,
         "is not base64");
    file("standard", "whsec_" KEY64 " \n", NGX_DEPLOY_DECLINED, 1, 0,
         "is not base64");
    file("standard", "whsec_-_EyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\n",
         NGX_DEPLOY_DECLINED, 1, 0, "is not base64");
    file("standard", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3OR==\n",
         NGX_DEPLOY_DECLINED, 1, 0, "is not base64");
    file("standard", "whsec_====\n", NGX_DEPLOY_DECLINED, 1, 0,
         "is not base64");
    file("standard", "WHSEC_" KEY64 "\n", NGX_DEPLOY_DECLINED, 1, 0,
         "is not base64");

    /* without the padding it is the same key */

    make(&v, "standard");
    load(&v, "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItMg\n" OTHER "\n" KEY64);
    header("webhook-id", ID);
    header("webhook-timestamp", "1700000000");
    header("webhook-signature", sign(ID, "1700000000", BODY));
    is_int(verify(&v, BODY, 5, &line), NGX_DEPLOY_VERIFY_SUCCESS, "the third");
    is_int(line, 3, "its line");
    ngx_deploy_verifier_free(&v);

    make(&v, "standard");
    tap_pool_limit(1);
    is_int(secrets(&v, KEY64, strlen(KEY64), &(ngx_deploy_secrets_t) { 0 }),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
    ngx_deploy_verifier_free(&v);
}


static void
test_gitlab(void)
{
    unsigned               line;
    const char            *good;
    ngx_deploy_secrets_t   report;
    ngx_deploy_verifier_t  v;

    static const char  both[] = "# of 2026\nplain-token-0123456789\n"
                                "whsec_" KEY64 "\nanother-token-01234567\n";

    good = sign(ID, "1700000000", BODY);

    /* the secret token; id and time come with every request since 19 */

    make(&v, "gitlab");
    load(&v, "plain-token-0123456789\n");
    header("x-gitlab-token", "plain-token-0123456789");
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_SUCCESS, "token");

    header("webhook-id", ID);
    header("webhook-timestamp", "1600000000");
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_SUCCESS, "token of GitLab 19");
    is_str(signed_id, NULL, "nothing is signed");

    header("webhook-signature", good);
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_SUCCESS, "a signature unasked for");

    headers.values[0] = "plain-token-012345678";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISMATCH, "another token");

    headers.values[0] = "";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_EMPTY, "an empty token");

    headers.names[0] = "x-other";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISSING, "no token");
    ngx_deploy_verifier_free(&v);

    /* one signing token, and tokens do not count any more */

    make(&v, "gitlab");
    is_int(secrets(&v, both, sizeof(both) - 1, &report), NGX_DEPLOY_OK,
           "both in one file");
    is_int(v.nsecrets, 1, "one counts");
    is_int(report.unused, 2, "the token does not");
    is_str(tap_str(v.name), "gitlab", "still gitlab");

    header("x-gitlab-token", "plain-token-0123456789");
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISSING, "a right token alone");

    header("webhook-id", ID);
    header("webhook-timestamp", "1700000000");
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISSING, "token, id and time");

    header("webhook-signature", PUBLISHED_MAC);
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_MISMATCH, "a wrong signature");

    headers.values[3] = "";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_EMPTY, "an empty signature");

    headers.values[3] = good;
    is_int(verify(&v, BODY, 5, &line), NGX_DEPLOY_VERIFY_SUCCESS, "signed");
    is_int(line, 3, "its line");
    is_str(signed_id, ID, "its id");

    headers.values[0] = "wrong";
    is_verdict(&v, BODY, NGX_DEPLOY_VERIFY_SUCCESS, "a wrong token beside");
    ngx_deploy_verifier_free(&v);

    file("gitlab", "plain\nwhsec_?\n", NGX_DEPLOY_DECLINED, 2, 0,
         "is not base64");
    file("gitlab", "plain\n", NGX_DEPLOY_OK, 0, 1, NULL);
}


int
main(void)
{
    test_standard();
    test_headers();
    test_lists();
    test_names();
    test_keys();
    test_gitlab();

    return plan_done();
}
