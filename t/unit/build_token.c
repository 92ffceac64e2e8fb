
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build_token.h"
#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_tap_verify.h"


#define ID    "000102030405060708090a0b0c0d0e0f"                              \
              "101112131415161718191a1b1c1d1e1f"

/*
 * printf 'ngx_deploy_module token of a build\napi-prod\n'ID
 *     | openssl dgst -sha256 -mac hmac -macopt hexkey:000102..1f
 */

#define MAC   "32b7d935d04b7ae6553000da41aba118"                              \
              "45d4614ccce31c00ed29d3ef8b3049ea"
#define TEXT  "deploy1.api-prod." ID "." MAC

#define MASKED                                                                \
    "{\"name\":\"DEPLOY_TOKEN\",\"value\":\"***\",\"type\":\"PLAINTEXT\"}"
#define OTHER                                                                 \
    "{\"name\":\"A\",\"value\":\"1\",\"type\":\"PLAINTEXT\"}"


static ngx_deploy_build_key_t  key;
static ngx_deploy_build_key_t  none;


static ngx_deploy_str_t
mint(const char *project, const char *id, int want, const char *name)
{
    ngx_deploy_str_t  p, i, token;

    memset(&token, 0, sizeof(ngx_deploy_str_t));

    p = tap_copy(project, strlen(project));
    i = tap_copy(id, strlen(id));

    is_int(ngx_deploy_build_token(tap_pool(), &key, &p, &i, &token), want,
           "%s", name);

    return token;
}


static void
test_mint(void)
{
    ngx_deploy_str_t  p, i, token;

    is_str(mint("api-prod", ID, NGX_DEPLOY_OK, "a token"), TEXT, "its text");
    is_str(mint("api-prod", ID, NGX_DEPLOY_OK, "again"), TEXT, "the same");

    mint("", ID, NGX_DEPLOY_DECLINED, "no project");
    mint("a.b", ID, NGX_DEPLOY_DECLINED, "no name of a project");
    mint("a\nb", ID, NGX_DEPLOY_DECLINED, "a line feed in it");
    mint("api", "", NGX_DEPLOY_DECLINED, "no id");
    mint("api", ID "0", NGX_DEPLOY_DECLINED, "an id that is too long");
    mint("api", "G00102030405060708090a0b0c0d0e0f"
                "101112131415161718191a1b1c1d1e1f", NGX_DEPLOY_DECLINED,
         "an id that has other digits");

    p = tap_str("api-prod");
    i = tap_str(ID);

    is_int(ngx_deploy_build_token(tap_pool(), &none, &p, &i, &token),
           NGX_DEPLOY_DECLINED, "no key");

    tap_pool_limit(0);
    is_int(ngx_deploy_build_token(tap_pool(), &key, &p, &i, &token),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


/* OK: read and verified, AGAIN: read alone */

static void
is_read(const char *text, size_t len, int want, const char *name)
{
    int                        rc;
    ngx_deploy_str_t           s;
    ngx_deploy_build_claim_t   claim;

    s = tap_copy(text, len);

    rc = ngx_deploy_build_token_read(&s, &claim);

    if (rc == NGX_DEPLOY_OK
        && ngx_deploy_build_token_verify(&key, &claim) != NGX_DEPLOY_OK)
    {
        rc = NGX_DEPLOY_AGAIN;
    }

    is_int(rc, want, "%s", name);
}


static void
test_read(void)
{
    char                       text[512];
    size_t                     i, len;
    ngx_deploy_str_t           s, token;
    ngx_deploy_build_key_t     other;
    ngx_deploy_build_claim_t   claim;

    s = tap_copy(TEXT, sizeof(TEXT) - 1);

    is_int(ngx_deploy_build_token_read(&s, &claim), NGX_DEPLOY_OK, "read");
    is_str(claim.project, "api-prod", "project");
    is_str(claim.id, ID, "id");
    is_int(ngx_deploy_build_token_verify(&key, &claim), NGX_DEPLOY_OK,
           "verified");
    is_int(ngx_deploy_build_token_verify(&none, &claim), NGX_DEPLOY_ERROR,
           "no key");

    other = key;
    other.data[31] ^= 1;

    is_int(ngx_deploy_build_token_verify(&other, &claim),
           NGX_DEPLOY_DECLINED, "another key");

    /* no byte of it can be another one */

    len = sizeof(TEXT) - 1;

    for (i = 0; i < len; i++) {
        memcpy(text, TEXT, len);
        text[i] ^= 1;

        s = tap_copy(text, len);

        ok(ngx_deploy_build_token_read(&s, &claim) != NGX_DEPLOY_OK
           || ngx_deploy_build_token_verify(&key, &claim)
              == NGX_DEPLOY_DECLINED,
           "byte %zu", i);
    }

    for (i = 0; i < len; i++) {
        s = tap_copy(TEXT, i);

        if (ngx_deploy_build_token_read(&s, &claim) == NGX_DEPLOY_OK) {
            ok(0, "cut to %zu", i);
        }
    }

    is_read(TEXT, len, NGX_DEPLOY_OK, "as it is");
    is_read("", 0, NGX_DEPLOY_DECLINED, "nothing");
    is_read(TEXT "0", len + 1, NGX_DEPLOY_DECLINED, "a digit more");
    is_read(" " TEXT, len + 1, NGX_DEPLOY_DECLINED, "a blank before");
    is_read("deploy2.api-prod." ID "." MAC, len, NGX_DEPLOY_DECLINED,
            "another version");
    is_read("deploy1.." ID "." MAC, len - 8, NGX_DEPLOY_DECLINED,
            "no project");
    is_read("deploy1.api.prod." ID "." MAC, len, NGX_DEPLOY_DECLINED,
            "a dot in the project");
    is_read("deploy1.api-prod." ID ":" MAC, len, NGX_DEPLOY_DECLINED,
            "no dot");
    is_read("deploy1.api-test." ID "." MAC, len, NGX_DEPLOY_AGAIN,
            "another project");
    is_read("deploy1.api-prod." MAC "." MAC, len, NGX_DEPLOY_AGAIN,
            "another build");

    /* the longest one */

    memset(text, 'p', 255);
    text[255] = '\0';

    token = mint(text, ID, NGX_DEPLOY_OK, "a long name");
    is_read((char *) token.data, token.len, NGX_DEPLOY_OK, "is read");

    token.data[sizeof("deploy1.") - 1] = '-';
    is_read((char *) token.data, token.len, NGX_DEPLOY_DECLINED, "no name");

    memset(text, 'p', 256);
    memcpy(text, "deploy1.", 8);
    memcpy(text + 264, "." ID "." MAC, 2 + 64 + 64);
    memset(text + 8, 'p', 256);
    is_read(text, 264 + 2 + 64 + 64, NGX_DEPLOY_DECLINED,
            "a name that is too long");
}


static void
is_sealed(const char *body, const char *want, const ngx_deploy_build_key_t *k,
    const char *name)
{
    ngx_deploy_str_t  project, id, s, sealed;

    project = tap_str("api-prod");
    id = tap_str(ID);
    s = tap_copy(body, strlen(body));

    is_int(ngx_deploy_build_token_seal(tap_pool(), k, &project, &id, &s,
                                       &sealed),
           NGX_DEPLOY_OK, "%s", name);
    is_str(sealed, want, "%s: body", name);
}


static void
test_seal(void)
{
    size_t                     i;
    const char                *reason;
    ngx_deploy_env_t           env[3];
    ngx_deploy_str_t           body, sealed;
    ngx_deploy_json_t         *json;
    ngx_deploy_start_build_t   start;

    static const char *const   values[] = {
        "a", "***", MASKED
    };

    /* the body as it is written */

    memset(&start, 0, sizeof(ngx_deploy_start_build_t));

    for (i = 0; i < 3; i++) {
        env[i].name = tap_str((i == 1) ? NGX_DEPLOY_BUILD_TOKEN_ENV : "OTHER");
        env[i].value = tap_str(values[i]);
        env[i].type = "PLAINTEXT";
    }

    env[0].name = tap_str("FIRST");

    start.project = tap_str("api-prod");
    start.source_version = tap_str(MASKED);
    start.idempotency_token = tap_str(ID);
    start.env = env;
    start.nenv = 3;

    is_int(ngx_deploy_codebuild_start_build(&start, tap_pool(), &body,
                                            &reason),
           NGX_DEPLOY_OK, "a body");

    is_int(ngx_deploy_build_token_seal(tap_pool(), &key, &start.project,
                                       &start.idempotency_token, &body,
                                       &sealed),
           NGX_DEPLOY_OK, "sealed");

    json = ngx_deploy_json_parse(sealed.data, sealed.len, 65536, &reason);

    is_str(ngx_deploy_json_get_str(json, "sourceVersion"), MASKED,
           "a text like it");

    for (i = 0; i < 3; i++) {
        is_str(ngx_deploy_json_get_str(
                   ngx_deploy_json_at(
                       ngx_deploy_json_get(json,
                                           "environmentVariablesOverride"),
                       i), "value"),
               (i == 1) ? TEXT : values[i], "value %zu", i);
    }

    ngx_deploy_json_free(json);

    /* places */

    is_sealed("[" MASKED "]",
              "[{\"name\":\"DEPLOY_TOKEN\",\"value\":\"" TEXT "\","
              "\"type\":\"PLAINTEXT\"}]", &key, "alone");

    is_sealed("[" MASKED "]", "[]", &none, "alone, no key");
    is_sealed("[" MASKED "," OTHER "]", "[" OTHER "]", &none, "first");
    is_sealed("[" OTHER "," MASKED "]", "[" OTHER "]", &none, "last");
    is_sealed("[" OTHER "," MASKED "," OTHER "]", "[" OTHER "," OTHER "]",
              &none, "between");
    is_sealed(MASKED, "", &none, "nothing else");

    /* another value or type is the operator's */

    is_sealed("[{\"name\":\"DEPLOY_TOKEN\",\"value\":\"mine\","
              "\"type\":\"PLAINTEXT\"}]",
              "[{\"name\":\"DEPLOY_TOKEN\",\"value\":\"mine\","
              "\"type\":\"PLAINTEXT\"}]", &key, "another value");
    is_sealed("[{\"name\":\"DEPLOY_TOKEN\",\"value\":\"***\","
              "\"type\":\"PARAMETER_STORE\"}]",
              "[{\"name\":\"DEPLOY_TOKEN\",\"value\":\"***\","
              "\"type\":\"PARAMETER_STORE\"}]", &key, "another type");

    is_sealed("", "", &key, "empty");
    is_sealed("{{{{", "{{{{", &key, "short");

    body = tap_str("[" MASKED "]");

    for (i = 0; i < 2; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_build_token_seal(tap_pool(), &key, &start.project,
                                           &start.idempotency_token, &body,
                                           &sealed),
               NGX_DEPLOY_ERROR, "memory ends, %zu", i);
        tap_pool_limit(-1);
    }
}


/* the scheme of a gate */

static void
build(const char *value, ngx_deploy_build_key_t *k, ngx_deploy_verify_e want,
    const char *name)
{
    unsigned               line;
    ngx_deploy_verifier_t  v;

    is_int(make(&v, "build"), NGX_DEPLOY_OK, "%s", name);

    v.key = k;

    if (value) {
        header("authorization", value);
    }

    is_int(verify(&v, "a body", 3, &line), want, "%s: %s", name,
           ngx_deploy_verify_name(want));
    is_int(line, 0, "%s: no line", name);

    ngx_deploy_verifier_free(&v);
}


static void
test_scheme(void)
{
    unsigned               line;
    ngx_deploy_str_t       s;
    ngx_deploy_verifier_t  v;

    build("Bearer " TEXT, &key, NGX_DEPLOY_VERIFY_SUCCESS, "a token");
    build("bearer " TEXT " ", &key, NGX_DEPLOY_VERIFY_SUCCESS, "blanks");
    build(NULL, &key, NGX_DEPLOY_VERIFY_MISSING, "none");
    build("", &key, NGX_DEPLOY_VERIFY_EMPTY, "empty");
    build("Bearer", &key, NGX_DEPLOY_VERIFY_MALFORMED, "no value");
    build("Bearer  " TEXT, &key, NGX_DEPLOY_VERIFY_MALFORMED, "two blanks");
    build(TEXT, &key, NGX_DEPLOY_VERIFY_MALFORMED, "no Bearer");
    build("Basic " TEXT, &key, NGX_DEPLOY_VERIFY_MALFORMED, "Basic");
    build("Bearer secret", &key, NGX_DEPLOY_VERIFY_MALFORMED, "a secret");
    build("Bearer deploy1.api-test." ID "." MAC, &key,
          NGX_DEPLOY_VERIFY_MISMATCH, "another project");
    build("Bearer " TEXT, &none, NGX_DEPLOY_VERIFY_ERROR, "no key");
    build("Bearer " TEXT, NULL, NGX_DEPLOY_VERIFY_ERROR, "no place of a key");

    make(&v, "build");
    v.key = &key;
    header("authorization", "Bearer " TEXT);
    header("authorization", "Bearer " TEXT);
    is_int(verify(&v, "", 1, &line), NGX_DEPLOY_VERIFY_DOUBLED, "doubled");

    s = tap_str("X-Token");
    is_int(ngx_deploy_verifier_header(&v, tap_pool(), &s),
           NGX_DEPLOY_DECLINED, "it has a header of its own");
    ngx_deploy_verifier_free(&v);

    ok(strcmp(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_OTHER), "other") == 0
       && strcmp(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_EXPIRED),
                 "expired") == 0
       && strcmp(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_UNKNOWN),
                 "unknown") == 0
       && strcmp(ngx_deploy_verify_name(NGX_DEPLOY_VERIFY_ERROR),
                 "error") == 0, "words");
}


int
main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(key.data); i++) {
        key.data[i] = i;
    }

    key.set = 1;

    test_mint();
    test_read();
    test_seal();
    test_scheme();

    return plan_done();
}
