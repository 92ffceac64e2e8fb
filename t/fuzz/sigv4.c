
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sigv4.h"
#include "ngx_deploy_tap.h"


/*
 * Lines: the path, the query, headers as "name:value", the rest is the body.
 * The canonical request has as many lines as it must have, so no input can
 * add one, and to make a query canonical twice changes nothing.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_deploy_str_t
fuzz_line(ngx_deploy_str_t *text)
{
    u_char            *p;
    ngx_deploy_str_t   line;

    p = text->len ? memchr(text->data, '\n', text->len) : NULL;

    if (p == NULL) {
        line = tap_copy(text->data, text->len);
        text->len = 0;
        return line;
    }

    line = tap_copy(text->data, p - text->data);
    text->len -= p + 1 - text->data;
    text->data = p + 1;

    return line;
}


/* the query's line of a canonical request */

static ngx_deploy_str_t
fuzz_query(ngx_deploy_str_t canonical)
{
    (void) fuzz_line(&canonical);
    (void) fuzz_line(&canonical);

    return fuzz_line(&canonical);
}


static unsigned
fuzz_headers(ngx_deploy_header_t *headers, ngx_deploy_str_t *text)
{
    u_char            *p;
    unsigned           n;
    ngx_deploy_str_t   line;

    for (n = 0; n < NGX_DEPLOY_SIGV4_MAX_HEADERS && text->len; n++) {
        line = fuzz_line(text);
        p = line.len ? memchr(line.data, ':', line.len) : NULL;

        if (p == NULL) {
            break;
        }

        headers[n].name = tap_copy(line.data, p - line.data);
        headers[n].value = tap_copy(p + 1, line.data + line.len - p - 1);
    }

    return n;
}


static void
fuzz_canonical(ngx_deploy_sigv4_request_t *request)
{
    size_t            i, n, lines;
    ngx_deploy_str_t  s, again;

    if (ngx_deploy_sigv4_canonical(tap_pool(), request, &s) != NGX_DEPLOY_OK) {
        return;
    }

    /* method, path, query, blank, signed headers; the last has no feed */

    lines = 0;
    n = 0;

    for (i = 0; i < s.len; i++) {
        lines += (s.data[i] == '\n');
        n += (i && s.data[i] == '\n' && s.data[i - 1] == '\n');
    }

    fuzz_check(lines >= 5 && lines <= 5 + request->nheaders);
    fuzz_check(n <= 3);

    request->query = fuzz_query(s);

    /* the bound of a query's length may be passed by its canonical form */

    if (ngx_deploy_sigv4_canonical(tap_pool(), request, &again)
        == NGX_DEPLOY_OK)
    {
        fuzz_check(ngx_deploy_str_eq(&s, &again));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_deploy_str_t            text, query, value;
    ngx_deploy_header_t         headers[NGX_DEPLOY_SIGV4_MAX_HEADERS];
    ngx_deploy_sigv4_key_t      key;
    ngx_deploy_credentials_t    credentials;
    ngx_deploy_sigv4_request_t  request;

    text.data = (u_char *) data;
    text.len = size;

    memset(&request, 0, sizeof(ngx_deploy_sigv4_request_t));
    memset(&credentials, 0, sizeof(ngx_deploy_credentials_t));
    memset(&key, 0, sizeof(ngx_deploy_sigv4_key_t));

    request.method = tap_str("POST");
    request.path = fuzz_line(&text);
    query = fuzz_line(&text);
    request.headers = headers;
    request.nheaders = fuzz_headers(headers, &text);
    request.body = tap_copy(text.data, text.len);
    request.region = tap_str("us-east-1");
    request.service = tap_str("codebuild");

    for (request.normalize = 0; request.normalize < 2; request.normalize++) {
        request.query = query;
        fuzz_canonical(&request);
    }

    credentials.access_key_id = request.path;
    credentials.secret_access_key = query;

    if (ngx_deploy_sigv4_authorization(tap_pool(), &request, &credentials,
                                       &key, (u_char *) "20260102T030405Z",
                                       &value)
        == NGX_DEPLOY_OK)
    {
        fuzz_check(memchr(value.data, '\n', value.len) == NULL);
        fuzz_check(value.len > 64 && value.data[value.len - 65] == '=');
    }

    tap_pool_reset();

    return 0;
}
