
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include "ngx_deploy_signature.h"
#include "ngx_deploy_tap.h"


/*
 * A byte for the scheme, then lines with the values of the signature's and
 * the timestamp's header, then the secrets.  Nothing is accepted unless the
 * claim is the MAC, and of a token the very secret.
 */


#define FUZZ_NOW  1700000000


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


typedef struct {
    const ngx_deploy_verifier_t  *verifier;
    ngx_deploy_str_t              value;
    ngx_deploy_str_t              timestamp;
} fuzz_headers_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static unsigned
fuzz_header(void *data, const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    fuzz_headers_t *h = data;

    *value = (name == &h->verifier->header) ? h->value : h->timestamp;

    return 1;
}


static ngx_deploy_str_t
fuzz_line(const uint8_t **data, size_t *size)
{
    size_t             len;
    const uint8_t     *p;
    ngx_deploy_str_t   s;

    p = *size ? memchr(*data, '\n', *size) : NULL;
    len = p ? (size_t) (p - *data) : *size;

    s = tap_copy(*data, len);

    len += (p != NULL);
    *data += len;
    *size -= len;

    return s;
}


static void
fuzz_verifier(ngx_deploy_verifier_t *v, unsigned scheme)
{
    ngx_deploy_str_t  s;

    static const char  *schemes[] = { "github", "bitbucket", "slack", "token",
                                      "hmac", "hmac", "hmac", "token" };
    static const char  *algorithms[] = { "sha256", "sha512", "sha1" };

    s = tap_str(schemes[scheme % 8]);
    fuzz_check(ngx_deploy_verifier_init(v, &s) == NGX_DEPLOY_OK);

    if (scheme % 8 == 7) {
        v->header = tap_str("x-key");
        v->bearer = 0;
    }

    if (v->header.len == 0) {
        s = tap_str(algorithms[scheme % 8 - 4]);
        fuzz_check(ngx_deploy_verifier_algorithm(v, &s) == NGX_DEPLOY_OK);

        v->header = tap_str("x-signature");
        v->prefix = tap_str((scheme & 16) ? "v1," : "");
        v->base64 = (scheme & 8) != 0;
    }
}


static void
fuzz_verify(fuzz_headers_t *h, const ngx_deploy_str_t *secrets)
{
    unsigned                line;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_signature_t  sig;

    line = 0;

    verdict = ngx_deploy_signature_begin(&sig, h->verifier, fuzz_header, h,
                                         FUZZ_NOW);

    fuzz_check(verdict != NGX_DEPLOY_VERIFY_MISSING
               && verdict != NGX_DEPLOY_VERIFY_DOUBLED
               && verdict != NGX_DEPLOY_VERIFY_ERROR);

    if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
        ngx_deploy_signature_update(&sig, secrets->data, secrets->len / 2);
        ngx_deploy_signature_update(&sig, secrets->data + secrets->len / 2,
                                    secrets->len - secrets->len / 2);

        verdict = ngx_deploy_signature_end(&sig, &line);

        fuzz_check(verdict == NGX_DEPLOY_VERIFY_SUCCESS
                   || verdict == NGX_DEPLOY_VERIFY_MISMATCH);
        fuzz_check((verdict == NGX_DEPLOY_VERIFY_SUCCESS) == (line != 0));

        /* a MAC is not to be found by chance */

        fuzz_check(line == 0
                   || h->verifier->type == NGX_DEPLOY_SCHEME_TOKEN);

        if (line && !h->verifier->bearer) {
            fuzz_check(memmem(secrets->data, secrets->len, h->value.data,
                              h->value.len)
                       || strchr(" \t", h->value.data[0])
                       || strchr(" \t", h->value.data[h->value.len - 1]));
        }
    }

    fuzz_check(ngx_deploy_verify_name(verdict) != NULL);

    ngx_deploy_signature_free(&sig);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc;
    size_t                  shortest;
    const char             *reason;
    fuzz_headers_t          h;
    ngx_deploy_str_t        text;
    ngx_deploy_verifier_t   v;

    if (size == 0) {
        return 0;
    }

    fuzz_verifier(&v, *data++);
    size--;

    h.verifier = &v;
    h.value = fuzz_line(&data, &size);
    h.timestamp = fuzz_line(&data, &size);
    text = tap_copy(data, size);

    reason = NULL;
    rc = ngx_deploy_verifier_secrets(&v, tap_pool(), &text, &shortest,
                                     &reason);

    if (rc == NGX_DEPLOY_OK) {
        fuzz_check(v.nsecrets && v.nsecrets <= NGX_DEPLOY_MAX_SECRETS);
        fuzz_check(shortest && shortest <= size);

        fuzz_verify(&h, &text);

    } else {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && reason != NULL);
    }

    ngx_deploy_verifier_free(&v);
    tap_pool_reset();

    return 0;
}
