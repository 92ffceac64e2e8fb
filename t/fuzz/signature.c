
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include "ngx_deploy_signature.h"
#include "ngx_deploy_tap.h"


/*
 * A byte for the scheme, then lines with the values of the headers of
 * signature, time, id and content type, then the secrets, which are the body,
 * too.  Nothing is accepted unless the claim is
 * the MAC, and of a token the very secret.
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
    ngx_deploy_str_t              id;
    ngx_deploy_str_t              type;
} fuzz_headers_t;


static const char  *fuzz_schemes[] = {
    "github", "bitbucket", "slack", "token", "hmac", "hmac", "hmac", "token",
    "gitlab", "gitea", "forgejo", "gogs", "azure", "standard", "standard",
    "gitlab"
};


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static unsigned
fuzz_header(void *data, const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    fuzz_headers_t *h = data;

    if (name == &h->verifier->header) {
        *value = h->value;

    } else if (name == &h->verifier->time_header) {
        *value = h->timestamp;

    } else if (name == &h->verifier->id_header) {
        *value = h->id;

    } else {
        *value = h->type;
    }

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

    static const char  *algorithms[] = { "sha256", "sha512", "sha1" };

    s = tap_str(fuzz_schemes[scheme % 16]);
    fuzz_check(ngx_deploy_verifier_init(v, &s) == NGX_DEPLOY_OK);

    s = tap_str("X-Signature");

    switch (scheme % 16) {

    case 7:
        fuzz_check(ngx_deploy_verifier_header(v, tap_pool(), &s)
                   == NGX_DEPLOY_OK);
        break;

    case 4:
    case 5:
    case 6:
        fuzz_check(ngx_deploy_verifier_header(v, tap_pool(), &s)
                   == NGX_DEPLOY_OK);

        s = tap_str(algorithms[scheme % 16 - 4]);
        fuzz_check(ngx_deploy_verifier_algorithm(v, &s) == NGX_DEPLOY_OK);

        v->prefix = tap_str((scheme & 32) ? "v1," : "");
        v->base64 = (scheme & 16) != 0;
        break;

    case 14:
        s = tap_str("Svix-Signature");
        fuzz_check(ngx_deploy_verifier_header(v, tap_pool(), &s)
                   == NGX_DEPLOY_OK);
    }
}


/* the secret itself has to be somewhere in the file */

static void
fuzz_accepted(fuzz_headers_t *h, const ngx_deploy_str_t *secrets)
{
    size_t  size;
    u_char  pair[NGX_DEPLOY_MAX_PAIR];

    /* a MAC is not to be found by chance */

    fuzz_check(h->verifier->type == NGX_DEPLOY_SCHEME_TOKEN
               || h->verifier->type == NGX_DEPLOY_SCHEME_BASIC);

    while (h->value.len
           && strchr(" \t", h->value.data[h->value.len - 1]) != NULL)
    {
        h->value.len--;
    }

    while (h->value.len && strchr(" \t", h->value.data[0]) != NULL) {
        h->value.data++;
        h->value.len--;
    }

    if (h->verifier->type == NGX_DEPLOY_SCHEME_BASIC) {
        size = sizeof(pair);
        fuzz_check(h->value.len > 6);
        fuzz_check(ngx_deploy_base64_decode(pair, &size, h->value.data + 6,
                                            h->value.len - 6)
                   == NGX_DEPLOY_OK);
        fuzz_check(memmem(secrets->data, secrets->len, pair, size) != NULL);
        fuzz_check(size && memchr(pair, ':', size) != NULL
                   && pair[size - 1] != '\n');
        return;
    }

    if (h->verifier->bearer) {
        fuzz_check(h->value.len > 7);
        h->value.data += 7;
        h->value.len -= 7;
    }

    fuzz_check(h->value.len
               && memmem(secrets->data, secrets->len, h->value.data,
                         h->value.len)
                  != NULL);
}


static void
fuzz_verify(fuzz_headers_t *h, const ngx_deploy_str_t *secrets)
{
    size_t                  half;
    unsigned                line;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_signature_t  sig;

    line = 0;
    half = secrets->len / 2;

    verdict = ngx_deploy_signature_begin(&sig, h->verifier, fuzz_header, h,
                                         FUZZ_NOW);

    fuzz_check(verdict != NGX_DEPLOY_VERIFY_MISSING
               && verdict != NGX_DEPLOY_VERIFY_DOUBLED
               && verdict != NGX_DEPLOY_VERIFY_ERROR);

    if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {

        fuzz_check(sig.nclaims && sig.nclaims <= NGX_DEPLOY_MAX_CLAIMS);
        fuzz_check(h->verifier->id_header.len == 0
                   || (sig.id.len && sig.id.len <= NGX_DEPLOY_MAX_ID
                       && memchr(sig.id.data, '.', sig.id.len) == NULL));

        ngx_deploy_signature_update(&sig, secrets->data, half);
        ngx_deploy_signature_update(&sig, secrets->data + half,
                                    secrets->len - half);

        verdict = ngx_deploy_signature_end(&sig, &line);

        fuzz_check(verdict == NGX_DEPLOY_VERIFY_SUCCESS
                   || verdict == NGX_DEPLOY_VERIFY_MISMATCH
                   || (verdict == NGX_DEPLOY_VERIFY_MALFORMED && sig.is_form));
        fuzz_check((verdict == NGX_DEPLOY_VERIFY_SUCCESS) == (line != 0));

        if (line) {
            fuzz_accepted(h, secrets);
        }
    }

    fuzz_check(ngx_deploy_verify_name(verdict) != NULL);

    ngx_deploy_signature_free(&sig);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc;
    fuzz_headers_t          h;
    ngx_deploy_str_t        text;
    ngx_deploy_secrets_t    report;
    ngx_deploy_verifier_t   v;

    if (size == 0) {
        return 0;
    }

    fuzz_verifier(&v, *data++);
    size--;

    h.verifier = &v;
    h.value = fuzz_line(&data, &size);
    h.timestamp = fuzz_line(&data, &size);
    h.id = fuzz_line(&data, &size);
    h.type = fuzz_line(&data, &size);
    text = tap_copy(data, size);

    rc = ngx_deploy_verifier_secrets(&v, tap_pool(), &text, &report);

    if (rc == NGX_DEPLOY_OK) {
        fuzz_check(v.nsecrets && v.nsecrets <= NGX_DEPLOY_MAX_SECRETS);
        fuzz_check(report.line == 0 && report.reason == NULL);
        fuzz_check(report.unused == 0
                   || v.type == NGX_DEPLOY_SCHEME_STANDARD);

        fuzz_verify(&h, &text);

    } else {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && report.reason != NULL);
    }

    ngx_deploy_verifier_free(&v);
    tap_pool_reset();

    return 0;
}
