
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TAP_VERIFY_H_INCLUDED_
#define _NGX_DEPLOY_TAP_VERIFY_H_INCLUDED_


#include "ngx_deploy_signature.h"
#include "ngx_deploy_tap.h"


/*
 * One verifier and one request at a time: make(), load() the secrets,
 * header() for each header, is_verdict()
 */

#define MAX_HEADERS  8

#ifndef NOW
#define NOW     1700000000
#endif


typedef struct {
    const char   *names[MAX_HEADERS];
    const char   *values[MAX_HEADERS];
    unsigned      n;
} headers_t;


static headers_t         headers;
static ngx_deploy_str_t  signed_id;     /* of the last success */
static unsigned          signed_form;


static tap_unused void
header(const char *name, const char *value)
{
    headers.names[headers.n] = name;
    headers.values[headers.n++] = value;
}


static tap_unused unsigned
get_header(void *data, const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    unsigned   i, n;
    headers_t *h = data;

    for (n = 0, i = 0; i < h->n; i++) {
        if (ngx_deploy_str_is(name, h->names[i]) && n++ == 0) {
            *value = tap_copy(h->values[i], strlen(h->values[i]));
        }
    }

    return n;
}


static tap_unused int
make(ngx_deploy_verifier_t *v, const char *scheme)
{
    ngx_deploy_str_t  s;

    s = tap_str(scheme);
    headers.n = 0;

    return ngx_deploy_verifier_init(v, &s);
}


static tap_unused int
secrets(ngx_deploy_verifier_t *v, const char *text, size_t len,
    ngx_deploy_secrets_t *report)
{
    ngx_deploy_str_t  s;

    s = tap_copy(text, len);

    return ngx_deploy_verifier_secrets(v, tap_pool(), &s, report);
}


static tap_unused void
load(ngx_deploy_verifier_t *v, const char *text)
{
    ngx_deploy_secrets_t  report;

    if (secrets(v, text, strlen(text), &report) != NGX_DEPLOY_OK) {
        printf("Bail out! %s\n", report.reason);
        exit(1);
    }
}


/* the whole of it, the body in pieces of step bytes */

static tap_unused ngx_deploy_verify_e
verify(ngx_deploy_verifier_t *v, const char *body, size_t step, unsigned *line)
{
    size_t                  n, len;
    ngx_deploy_str_t        s;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_signature_t  sig;

    *line = 0;

    verdict = ngx_deploy_signature_begin(&sig, v, get_header, &headers, NOW);

    if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {

        for (len = strlen(body); len; len -= n, body += n) {
            n = (step < len) ? step : len;
            s = tap_copy(body, n);

            ngx_deploy_signature_update(&sig, s.data, s.len);
            ngx_deploy_signature_update(&sig, NULL, 0);
        }

        verdict = ngx_deploy_signature_end(&sig, line);
    }

    signed_id = sig.id;
    signed_form = sig.is_form;

    ngx_deploy_signature_free(&sig);
    ngx_deploy_signature_free(&sig);

    return verdict;
}


static tap_unused void
is_verdict(ngx_deploy_verifier_t *v, const char *body,
    ngx_deploy_verify_e want, const char *name)
{
    unsigned             line;
    ngx_deploy_verify_e  got;

    got = verify(v, body, 7, &line);

    is_int(got, want, "%s: %s", name, ngx_deploy_verify_name(want));
    is_int(line != 0, want == NGX_DEPLOY_VERIFY_SUCCESS, "%s: line", name);
}


#endif /* _NGX_DEPLOY_TAP_VERIFY_H_INCLUDED_ */
