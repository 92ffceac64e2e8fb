
/*
 * Copyright (C) ngx_deploy_module authors
 */


/*
 * vectors DIR: the signature vectors of DIR/vectors.json have to give their
 * verdict, however the body is cut
 */


#include <jansson.h>

#include "ngx_deploy_sns.h"
#include "ngx_deploy_tap.h"


#define MAX_BODY  (32 * 1024 * 1024)


typedef struct {
    const char  *name;       /* of vectors.json */
    const char  *scheme;     /* of deploy_verify */
    unsigned     valid;
    unsigned     refused;
} scheme_t;


static scheme_t  schemes[] = {
    { "github", "github", 0, 0 },
    { "bitbucket", "bitbucket", 0, 0 },
    { "bitbucket-server", "bitbucket", 0, 0 },
    { "slack", "slack", 0, 0 },
    { "generic", "hmac", 0, 0 },
    { "api-key", "token", 0, 0 },
    { "gitea", "gitea", 0, 0 },
    { "forgejo", "forgejo", 0, 0 },
    { "gogs", "gogs", 0, 0 },
    { "gitlab-token", "gitlab", 0, 0 },
    { "gitlab-signing", "gitlab", 0, 0 },
    { "standard-webhooks", "standard", 0, 0 },
    { "basic", "azure", 0, 0 },
    { "sns", "sns", 0, 0 },
    { NULL, NULL, 0, 0 }
};


static const char *
text(json_t *object, const char *name)
{
    const char  *s;

    s = json_string_value(json_object_get(object, name));

    return s ? s : "";
}


static ngx_deploy_str_t
value(json_t *string)
{
    return tap_copy(json_string_value(string), json_string_length(string));
}


/* data is the array of [name, value] */

static unsigned
get_header(void *data, const ngx_deploy_str_t *name, ngx_deploy_str_t *v)
{
    size_t     i;
    json_t    *header, *s;
    unsigned   n;

    n = 0;

    json_array_foreach((json_t *) data, i, header) {
        s = json_array_get(header, 0);

        if (json_string_length(s) == name->len
            && strncasecmp(json_string_value(s), (char *) name->data,
                           name->len)
               == 0
            && n++ == 0)
        {
            *v = value(json_array_get(header, 1));
        }
    }

    return n;
}


static ngx_deploy_str_t
get_body(json_t *vector)
{
    size_t             count, size;
    json_t            *repeat, *s;
    ngx_deploy_str_t   body;

    s = json_object_get(vector, "body");

    if (s) {
        return value(s);
    }

    s = json_object_get(vector, "body_base64");

    if (s) {
        size = json_string_length(s);
        body = tap_copy(json_string_value(s), size);

        if (ngx_deploy_base64_decode(body.data, &size,
                                     (const u_char *) json_string_value(s),
                                     size)
            != NGX_DEPLOY_OK)
        {
            printf("Bail out! body_base64\n");
            exit(1);
        }

        return tap_copy(body.data, size);
    }

    repeat = json_object_get(vector, "body_repeat");
    count = (size_t) json_integer_value(json_object_get(repeat, "count"));
    s = json_object_get(repeat, "byte");

    if (repeat == NULL || count > MAX_BODY || s == NULL) {
        printf("Bail out! no body\n");
        exit(1);
    }

    body.len = count;
    body.data = ngx_deploy_palloc(tap_pool(), count);

    if (body.data == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memset(body.data, json_is_string(s) ? json_string_value(s)[0]
                                        : (int) json_integer_value(s), count);

    return body;
}


/* the file as an operator would write it, NGX_DEPLOY_DECLINED: refused */

static int
get_secrets(ngx_deploy_verifier_t *v, json_t *vector, const char **reason)
{
    int                    rc;
    size_t                 i, len;
    json_t                *s;
    u_char                *p;
    ngx_deploy_str_t       file;
    ngx_deploy_secrets_t   report;

    len = 0;

    json_array_foreach(json_object_get(vector, "secrets"), i, s) {
        len += json_string_length(s) + 1;
    }

    file.len = len;
    file.data = ngx_deploy_palloc(tap_pool(), len);
    p = file.data;

    json_array_foreach(json_object_get(vector, "secrets"), i, s) {
        memcpy(p, json_string_value(s), json_string_length(s));
        p += json_string_length(s);
        *p++ = '\n';
    }

    rc = ngx_deploy_verifier_secrets(v, tap_pool(), &file, &report);

    *reason = report.reason ? report.reason : "";

    return rc;
}


static void
set_params(ngx_deploy_verifier_t *v, json_t *vector)
{
    json_t            *params;
    ngx_deploy_str_t   s;

    params = json_object_get(vector, "params");

    if (params == NULL) {
        return;
    }

    if (*text(params, "header")) {
        s = value(json_object_get(params, "header"));

        if (ngx_deploy_verifier_header(v, tap_pool(), &s) != NGX_DEPLOY_OK) {
            printf("# unknown header %s\n", text(params, "header"));
        }
    }

    if (json_object_get(params, "prefix")) {
        v->prefix = value(json_object_get(params, "prefix"));
    }

    v->base64 = (strcmp(text(params, "encoding"), "base64") == 0);

    s = tap_str(text(params, "algorithm"));

    if (s.len && ngx_deploy_verifier_algorithm(v, &s) != NGX_DEPLOY_OK) {
        printf("# unknown algorithm %s\n", s.data);
    }
}


static ngx_deploy_verify_e
verify(const ngx_deploy_verifier_t *v, json_t *headers, ngx_deploy_str_t body,
    size_t step, time_t now)
{
    size_t                  n;
    unsigned                line;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_signature_t  sig;

    line = 0;

    verdict = ngx_deploy_signature_begin(&sig, v, get_header, headers, now);

    if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {

        for ( /* void */ ; body.len; body.len -= n, body.data += n) {
            n = (step < body.len) ? step : body.len;
            ngx_deploy_signature_update(&sig, body.data, n);
        }

        verdict = ngx_deploy_signature_end(&sig, &line);
    }

    ngx_deploy_signature_free(&sig);

    return verdict;
}


/* no time is given: one when the certificate is valid */

static ngx_deploy_verify_e
verify_sns(json_t *vector, json_t *headers, ngx_deploy_str_t body, size_t step)
{
    size_t                         n;
    json_t                        *params;
    const char                    *reason;
    ngx_deploy_sns_t               sns;
    ngx_deploy_str_t               s, topic;
    ngx_deploy_verify_e            verdict;
    ngx_deploy_verifier_t          v;
    ngx_deploy_signature_t         sig;
    ngx_deploy_sns_certificate_t   certificate;

    params = json_object_get(vector, "params");

    s = tap_str("sns");
    ngx_deploy_verifier_init(&v, &s);

    topic = value(json_object_get(params, "expected_topic_arn"));
    ngx_deploy_verifier_topics(&v, tap_pool(), &topic, &reason);

    verdict = ngx_deploy_signature_begin(&sig, &v, get_header, headers, 0);

    if (verdict != NGX_DEPLOY_VERIFY_SUCCESS) {
        return verdict;
    }

    ngx_deploy_sns_begin(&sns, tap_pool(), ngx_deploy_sns_table(tap_pool()),
                         1);

    for ( /* void */ ; body.len; body.len -= n, body.data += n) {
        n = (step < body.len) ? step : body.len;
        ngx_deploy_sns_feed(&sns, body.data, n);
    }

    verdict = ngx_deploy_sns_check(&sns, &v, &sig.value, 0);

    if (verdict != NGX_DEPLOY_VERIFY_SUCCESS) {
        return verdict;
    }

    s = value(json_object_get(params, "certificate_pem"));

    if (ngx_deploy_sns_certificate(&certificate, s.data, s.len, &reason)
        != NGX_DEPLOY_OK)
    {
        printf("# the certificate %s\n", reason);
        return NGX_DEPLOY_VERIFY_CERTIFICATE;
    }

    verdict = ngx_deploy_sns_verify(&sns, &certificate,
                                    certificate.not_before);

    ngx_deploy_sns_certificate_free(&certificate);

    return verdict;
}


static void
run_sns(json_t *vector, scheme_t *scheme)
{
    size_t               i;
    json_t              *headers;
    unsigned             valid, same;
    ngx_deploy_str_t     body;
    ngx_deploy_verify_e  verdict;

    static const size_t  steps[] = { 1024, 61, 1 };

    body = get_body(vector);
    headers = json_object_get(vector, "headers");
    valid = json_is_true(json_object_get(vector, "valid"));

    verdict = verify_sns(vector, headers, body, body.len);
    same = 1;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        same &= (verify_sns(vector, headers, body, steps[i]) == verdict);
    }

    ok(same && (verdict == NGX_DEPLOY_VERIFY_SUCCESS) == valid, "%s: %s",
       text(vector, "id"), ngx_deploy_verify_name(verdict));

    scheme->valid += valid;
    scheme->refused += !valid;

    tap_pool_reset();
}


static void
run(json_t *vector, scheme_t *scheme)
{
    int                     rc;
    size_t                  i;
    time_t                  now;
    json_t                 *headers;
    unsigned                valid, same;
    const char             *reason;
    ngx_deploy_str_t        s, body;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_verifier_t   v;

    static const size_t  steps[] = { (size_t) -1, 1024, 61, 1 };

    valid = json_is_true(json_object_get(vector, "valid"));
    now = (time_t) json_integer_value(json_object_get(vector, "now"));

    s = tap_str(scheme->scheme);
    ngx_deploy_verifier_init(&v, &s);
    set_params(&v, vector);

    rc = get_secrets(&v, vector, &reason);

    if (rc != NGX_DEPLOY_OK) {
        ok(!valid && rc == NGX_DEPLOY_DECLINED, "%s: the file %s",
           text(vector, "id"), reason);
        goto done;
    }

    body = get_body(vector);
    headers = json_object_get(vector, "headers");

    verdict = verify(&v, headers, body, steps[0], now);
    same = 1;

    for (i = 1; i < sizeof(steps) / sizeof(steps[0]); i++) {
        same &= (verify(&v, headers, body, steps[i], now) == verdict);
    }

    if (!ok(same && (verdict == NGX_DEPLOY_VERIFY_SUCCESS) == valid,
            "%s: %s", text(vector, "id"), ngx_deploy_verify_name(verdict)))
    {
        printf("#   %s, %s: %s\n", valid ? "valid" : "not valid",
               text(vector, "strength"), text(vector, "why"));
    }

done:

    scheme->valid += valid;
    scheme->refused += !valid;

    ngx_deploy_verifier_free(&v);
    tap_pool_reset();
}


static void
report(void)
{
    unsigned   done;
    scheme_t  *s;

    done = 0;

    for (s = schemes; s->name; s++) {

        if (s->valid + s->refused) {
            printf("# %s: %u valid, %u refused\n", s->name, s->valid,
                   s->refused);
        }

        done += s->valid + s->refused;
    }

    printf("# %u vectors\n", done);
}


int
main(int argc, char **argv)
{
    char          file[4096];
    size_t        i;
    json_t       *root, *vector;
    scheme_t     *s;
    json_error_t  error;

    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }

    snprintf(file, sizeof(file), "%s/vectors.json", argv[1]);

    root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        printf("Bail out! %s: %s\n", file, error.text);
        return 1;
    }

    json_array_foreach(json_object_get(root, "vectors"), i, vector) {

        for (s = schemes; s->name; s++) {
            if (strcmp(s->name, text(vector, "scheme")) == 0) {
                break;
            }
        }

        if (s->name == NULL) {
            ok(0, "%s: scheme \"%s\"", text(vector, "id"),
               text(vector, "scheme"));

        } else if (strcmp(s->name, "sns") == 0) {
            run_sns(vector, s);

        } else {
            run(vector, s);
        }
    }

    is_int(i, json_integer_value(json_object_get(root, "count")),
           "all vectors");

    json_decref(root);
    report();

    return plan_done();
}
