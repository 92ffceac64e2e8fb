
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sigv4.h"

#include <stdlib.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>


#define NGX_DEPLOY_SIGV4_ALGORITHM  "AWS4-HMAC-SHA256"
#define NGX_DEPLOY_SIGV4_TERMINATOR  "aws4_request"

#define ngx_deploy_sigv4_literal(p, s)                                        \
    ngx_deploy_sigv4_copy(p, (u_char *) s, sizeof(s) - 1)


typedef struct {
    ngx_deploy_str_t      text;
    ngx_deploy_str_t      signed_headers;      /* inside text */
} ngx_deploy_sigv4_canonical_t;


typedef struct {
    ngx_deploy_str_t      name;
    ngx_deploy_str_t      value;
} ngx_deploy_sigv4_param_t;


static int ngx_deploy_sigv4_check(const ngx_deploy_sigv4_request_t *request);
static int ngx_deploy_sigv4_build(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    ngx_deploy_sigv4_canonical_t *canonical);
static u_char *ngx_deploy_sigv4_path(u_char *p,
    const ngx_deploy_sigv4_request_t *request);
static u_char *ngx_deploy_sigv4_query(u_char *p, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *query);
static int ngx_deploy_sigv4_param_cmp(const void *one, const void *two);
static int ngx_deploy_sigv4_str_cmp(const ngx_deploy_str_t *one,
    const ngx_deploy_str_t *two);
static u_char *ngx_deploy_sigv4_headers(u_char *p,
    const ngx_deploy_sigv4_request_t *request,
    ngx_deploy_sigv4_canonical_t *canonical);
static int ngx_deploy_sigv4_header_cmp(const ngx_deploy_header_t *one,
    const ngx_deploy_header_t *two);
static u_char *ngx_deploy_sigv4_name(u_char *p, const ngx_deploy_str_t *name);
static u_char *ngx_deploy_sigv4_value(u_char *p, const ngx_deploy_str_t *s);
static int ngx_deploy_sigv4_string(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request, const u_char *date,
    const ngx_deploy_str_t *canonical, ngx_deploy_str_t *string);
static u_char *ngx_deploy_sigv4_scope(u_char *p,
    const ngx_deploy_sigv4_request_t *request, const u_char *date);
static int ngx_deploy_sigv4_key(ngx_deploy_sigv4_key_t *key,
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, const u_char *date);
static int ngx_deploy_sigv4_derive(u_char dst[32],
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, const u_char *date);
static int ngx_deploy_sigv4_hmac(u_char dst[32], const u_char *key,
    size_t key_len, const u_char *p, size_t len);
static int ngx_deploy_sigv4_hash(u_char dst[32], const u_char *p, size_t len);
static int ngx_deploy_sigv4_token(const ngx_deploy_str_t *s, size_t max);
static u_char *ngx_deploy_sigv4_encode(u_char *p, const u_char *s, size_t len,
    unsigned query);
static u_char *ngx_deploy_sigv4_digits(u_char *p, unsigned value, unsigned n);
static u_char *ngx_deploy_sigv4_copy(u_char *p, const u_char *s, size_t len);
static u_char ngx_deploy_sigv4_lower(u_char c);


void
ngx_deploy_sigv4_date(u_char dst[NGX_DEPLOY_SIGV4_DATE_LEN], time_t now)
{
    u_char    *p;
    int64_t    t, days, era, doe, yoe, doy, month, year;
    unsigned   sec;

    /* the years 1970 to 9999: more does not fit in the format */

    t = now;

    if (t < 0) {
        t = 0;

    } else if (t > 253402300799) {
        t = 253402300799;
    }

    sec = t % 86400;

    /* years begin in March, eras of 400 years in the year 0 */

    days = t / 86400 + 719468;
    era = days / 146097;
    doe = days % 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    month = (5 * doy + 2) / 153;
    year = yoe + era * 400 + (month >= 10);

    p = ngx_deploy_sigv4_digits(dst, year, 4);
    p = ngx_deploy_sigv4_digits(p, month < 10 ? month + 3 : month - 9, 2);
    p = ngx_deploy_sigv4_digits(p, doy - (153 * month + 2) / 5 + 1, 2);

    *p++ = 'T';

    p = ngx_deploy_sigv4_digits(p, sec / 3600, 2);
    p = ngx_deploy_sigv4_digits(p, sec / 60 % 60, 2);
    p = ngx_deploy_sigv4_digits(p, sec % 60, 2);

    *p = 'Z';
}


int
ngx_deploy_sigv4_canonical(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request, ngx_deploy_str_t *canonical)
{
    ngx_deploy_sigv4_canonical_t  built;

    if (ngx_deploy_sigv4_build(pool, request, &built) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    *canonical = built.text;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sigv4_string_to_sign(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    const u_char date[NGX_DEPLOY_SIGV4_DATE_LEN], ngx_deploy_str_t *string)
{
    ngx_deploy_sigv4_canonical_t  built;

    if (ngx_deploy_sigv4_build(pool, request, &built) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_sigv4_string(pool, request, date, &built.text, string);
}


int
ngx_deploy_sigv4_authorization(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, ngx_deploy_sigv4_key_t *key,
    const u_char date[NGX_DEPLOY_SIGV4_DATE_LEN], ngx_deploy_str_t *value)
{
    size_t                         len;
    u_char                        *p, mac[32];
    ngx_deploy_str_t               string;
    ngx_deploy_sigv4_canonical_t   built;

    /* the id stands in a header: nothing in it may end that */

    if (ngx_deploy_sigv4_token(&credentials->access_key_id,
                               NGX_DEPLOY_SIGV4_MAX_KEY_ID)
        != NGX_DEPLOY_OK
        || credentials->secret_access_key.len == 0
        || credentials->secret_access_key.len > NGX_DEPLOY_SIGV4_MAX_SECRET)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (ngx_deploy_sigv4_build(pool, request, &built) != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_string(pool, request, date, &built.text, &string)
           != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_key(key, request, credentials, date)
           != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_hmac(mac, key->key, 32, string.data, string.len)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    len = sizeof(NGX_DEPLOY_SIGV4_ALGORITHM " Credential=/") - 1
          + credentials->access_key_id.len
          + sizeof("YYYYMMDD///" NGX_DEPLOY_SIGV4_TERMINATOR) - 1
          + request->region.len + request->service.len
          + sizeof(", SignedHeaders=") - 1 + built.signed_headers.len
          + sizeof(", Signature=") - 1 + 64;

    value->data = ngx_deploy_palloc(pool, len);
    if (value->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_sigv4_literal(value->data,
                                 NGX_DEPLOY_SIGV4_ALGORITHM " Credential=");
    p = ngx_deploy_sigv4_copy(p, credentials->access_key_id.data,
                              credentials->access_key_id.len);
    *p++ = '/';
    p = ngx_deploy_sigv4_scope(p, request, date);
    p = ngx_deploy_sigv4_literal(p, ", SignedHeaders=");
    p = ngx_deploy_sigv4_copy(p, built.signed_headers.data,
                              built.signed_headers.len);
    p = ngx_deploy_sigv4_literal(p, ", Signature=");
    p = ngx_deploy_hex_encode(p, mac, 32);

    value->len = p - value->data;

    return NGX_DEPLOY_OK;
}


/* bounds what is multiplied and summed, keeps lines from being forged */

static int
ngx_deploy_sigv4_check(const ngx_deploy_sigv4_request_t *request)
{
    size_t                      i, j;
    const ngx_deploy_header_t  *header;

    if (request->nheaders > NGX_DEPLOY_SIGV4_MAX_HEADERS
        || request->path.len > NGX_DEPLOY_SIGV4_MAX_TEXT
        || request->query.len > NGX_DEPLOY_SIGV4_MAX_TEXT
        || ngx_deploy_sigv4_token(&request->method, 32) != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_token(&request->region, 64) != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_token(&request->service, 64) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < request->nheaders; i++) {
        header = &request->headers[i];

        if (ngx_deploy_sigv4_token(&header->name, 256) != NGX_DEPLOY_OK
            || header->value.len > NGX_DEPLOY_SIGV4_MAX_TEXT)
        {
            return NGX_DEPLOY_ERROR;
        }

        for (j = 0; j < header->value.len; j++) {

            if (header->value.data[j] == '\n' || header->value.data[j] == '\r'
                || header->value.data[j] == '\0')
            {
                return NGX_DEPLOY_ERROR;
            }
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_sigv4_build(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    ngx_deploy_sigv4_canonical_t *canonical)
{
    size_t   i, len;
    u_char  *p, hash[32];

    if (ngx_deploy_sigv4_check(request) != NGX_DEPLOY_OK
        || ngx_deploy_sigv4_hash(hash, request->body.data, request->body.len)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    /* a query's parameter without "=" gets one: 4 bytes for 1 at most */

    len = request->method.len + 1 + 3 * request->path.len + 2
          + 4 * request->query.len + 2 + 2 + 64;

    for (i = 0; i < request->nheaders; i++) {
        len += 2 * request->headers[i].name.len + 3
               + request->headers[i].value.len;
    }

    canonical->text.data = ngx_deploy_palloc(pool, len);
    if (canonical->text.data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_sigv4_copy(canonical->text.data, request->method.data,
                              request->method.len);
    *p++ = '\n';

    p = ngx_deploy_sigv4_path(p, request);
    *p++ = '\n';

    p = ngx_deploy_sigv4_query(p, pool, &request->query);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    *p++ = '\n';

    p = ngx_deploy_sigv4_headers(p, request, canonical);
    *p++ = '\n';

    p = ngx_deploy_hex_encode(p, hash, 32);

    canonical->text.len = p - canonical->text.data;

    return NGX_DEPLOY_OK;
}


static u_char *
ngx_deploy_sigv4_path(u_char *p, const ngx_deploy_sigv4_request_t *request)
{
    size_t         n;
    u_char        *start;
    const u_char  *s, *next, *last;

    if (request->path.len == 0) {
        *p++ = '/';
        return p;
    }

    s = request->path.data;
    last = s + request->path.len;

    if (!request->normalize) {
        return ngx_deploy_sigv4_encode(p, s, last - s, 0);
    }

    start = p;
    *p++ = '/';

    for ( /* void */ ; s < last; s = next + 1) {

        next = memchr(s, '/', last - s);

        if (next == NULL) {
            next = last;
        }

        n = next - s;

        if (n == 0 || (n == 1 && s[0] == '.')) {
            continue;
        }

        if (n == 2 && s[0] == '.' && s[1] == '.') {

            /* an encoded segment holds no "/" */

            if (p - start > 1) {
                for (p--; p[-1] != '/'; p--) { /* void */ }
            }

            continue;
        }

        p = ngx_deploy_sigv4_encode(p, s, n, 0);
        *p++ = '/';
    }

    if (p - start > 1 && last[-1] != '/') {
        p--;
    }

    return p;
}


static u_char *
ngx_deploy_sigv4_query(u_char *p, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *query)
{
    size_t                     i, n, len;
    u_char                    *d, *buf;
    const u_char              *s, *eq, *next, *last;
    ngx_deploy_sigv4_param_t  *params;

    if (query->len == 0) {
        return p;
    }

    n = 1;

    for (i = 0; i < query->len; i++) {
        n += (query->data[i] == '&');
    }

    params = ngx_deploy_palloc(pool, n * sizeof(ngx_deploy_sigv4_param_t));
    if (params == NULL) {
        return NULL;
    }

    buf = ngx_deploy_palloc(pool, 3 * query->len);
    if (buf == NULL) {
        return NULL;
    }

    n = 0;
    d = buf;
    last = query->data + query->len;

    for (s = query->data; s < last; s = next + 1) {

        next = memchr(s, '&', last - s);

        if (next == NULL) {
            next = last;
        }

        if (next == s) {
            continue;
        }

        eq = memchr(s, '=', next - s);
        len = (eq ? eq : next) - s;

        params[n].name.data = d;
        d = ngx_deploy_sigv4_encode(d, s, len, 1);
        params[n].name.len = d - params[n].name.data;

        params[n].value.data = d;

        if (eq) {
            d = ngx_deploy_sigv4_encode(d, eq + 1, next - eq - 1, 1);
        }

        params[n].value.len = d - params[n].value.data;

        n++;
    }

    qsort(params, n, sizeof(ngx_deploy_sigv4_param_t),
          ngx_deploy_sigv4_param_cmp);

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = '&';
        }

        p = ngx_deploy_sigv4_copy(p, params[i].name.data, params[i].name.len);
        *p++ = '=';
        p = ngx_deploy_sigv4_copy(p, params[i].value.data,
                                  params[i].value.len);
    }

    return p;
}


static int
ngx_deploy_sigv4_param_cmp(const void *one, const void *two)
{
    int                              rc;
    const ngx_deploy_sigv4_param_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_deploy_sigv4_str_cmp(&a->name, &b->name);

    return rc ? rc : ngx_deploy_sigv4_str_cmp(&a->value, &b->value);
}


static int
ngx_deploy_sigv4_str_cmp(const ngx_deploy_str_t *one,
    const ngx_deploy_str_t *two)
{
    int     rc;
    size_t  n;

    n = (one->len < two->len) ? one->len : two->len;

    rc = n ? memcmp(one->data, two->data, n) : 0;

    if (rc) {
        return rc;
    }

    return (one->len > two->len) - (one->len < two->len);
}


static u_char *
ngx_deploy_sigv4_headers(u_char *p, const ngx_deploy_sigv4_request_t *request,
    ngx_deploy_sigv4_canonical_t *canonical)
{
    size_t                      i, j;
    const ngx_deploy_header_t  *header, *sorted[NGX_DEPLOY_SIGV4_MAX_HEADERS];

    /* a stable sort: values of one name keep their order */

    for (i = 0; i < request->nheaders; i++) {
        header = &request->headers[i];

        for (j = i; j; j--) {

            if (ngx_deploy_sigv4_header_cmp(sorted[j - 1], header) <= 0) {
                break;
            }

            sorted[j] = sorted[j - 1];
        }

        sorted[j] = header;
    }

    for (i = 0; i < request->nheaders; i++) {

        if (i && ngx_deploy_sigv4_header_cmp(sorted[i - 1], sorted[i]) == 0) {

            /* the line feed of the line before */

            p[-1] = ',';

        } else {
            p = ngx_deploy_sigv4_name(p, &sorted[i]->name);
            *p++ = ':';
        }

        p = ngx_deploy_sigv4_value(p, &sorted[i]->value);
        *p++ = '\n';
    }

    *p++ = '\n';

    canonical->signed_headers.data = p;

    for (i = 0; i < request->nheaders; i++) {

        if (i && ngx_deploy_sigv4_header_cmp(sorted[i - 1], sorted[i]) == 0) {
            continue;
        }

        if (i) {
            *p++ = ';';
        }

        p = ngx_deploy_sigv4_name(p, &sorted[i]->name);
    }

    canonical->signed_headers.len = p - canonical->signed_headers.data;

    return p;
}


static int
ngx_deploy_sigv4_header_cmp(const ngx_deploy_header_t *one,
    const ngx_deploy_header_t *two)
{
    size_t  i;
    u_char  a, b;

    for (i = 0; i < one->name.len && i < two->name.len; i++) {
        a = ngx_deploy_sigv4_lower(one->name.data[i]);
        b = ngx_deploy_sigv4_lower(two->name.data[i]);

        if (a != b) {
            return a - b;
        }
    }

    return (one->name.len > two->name.len) - (one->name.len < two->name.len);
}


static u_char *
ngx_deploy_sigv4_name(u_char *p, const ngx_deploy_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        *p++ = ngx_deploy_sigv4_lower(name->data[i]);
    }

    return p;
}


/* without blanks at both ends, runs of them inside are one space */

static u_char *
ngx_deploy_sigv4_value(u_char *p, const ngx_deploy_str_t *s)
{
    size_t    i;
    u_char   *start;
    unsigned  blank;

    start = p;
    blank = 0;

    for (i = 0; i < s->len; i++) {

        if (s->data[i] == ' ' || s->data[i] == '\t') {
            blank = 1;
            continue;
        }

        if (blank && p != start) {
            *p++ = ' ';
        }

        blank = 0;
        *p++ = s->data[i];
    }

    return p;
}


static int
ngx_deploy_sigv4_string(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request, const u_char *date,
    const ngx_deploy_str_t *canonical, ngx_deploy_str_t *string)
{
    size_t   len;
    u_char  *p, hash[32];

    if (ngx_deploy_sigv4_hash(hash, canonical->data, canonical->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    len = sizeof(NGX_DEPLOY_SIGV4_ALGORITHM) + NGX_DEPLOY_SIGV4_DATE_LEN + 1
          + sizeof("YYYYMMDD///" NGX_DEPLOY_SIGV4_TERMINATOR)
          + request->region.len + request->service.len + 64;

    string->data = ngx_deploy_palloc(pool, len);
    if (string->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_sigv4_literal(string->data,
                                 NGX_DEPLOY_SIGV4_ALGORITHM "\n");
    p = ngx_deploy_sigv4_copy(p, date, NGX_DEPLOY_SIGV4_DATE_LEN);
    *p++ = '\n';
    p = ngx_deploy_sigv4_scope(p, request, date);
    *p++ = '\n';
    p = ngx_deploy_hex_encode(p, hash, 32);

    string->len = p - string->data;

    return NGX_DEPLOY_OK;
}


static u_char *
ngx_deploy_sigv4_scope(u_char *p, const ngx_deploy_sigv4_request_t *request,
    const u_char *date)
{
    p = ngx_deploy_sigv4_copy(p, date, 8);
    *p++ = '/';
    p = ngx_deploy_sigv4_copy(p, request->region.data, request->region.len);
    *p++ = '/';
    p = ngx_deploy_sigv4_copy(p, request->service.data, request->service.len);

    return ngx_deploy_sigv4_literal(p, "/" NGX_DEPLOY_SIGV4_TERMINATOR);
}


/* a key is of one day, so it follows the date that is signed, not a clock */

static int
ngx_deploy_sigv4_key(ngx_deploy_sigv4_key_t *key,
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, const u_char *date)
{
    int      rc;
    u_char  *p, id[32];
    u_char   buf[NGX_DEPLOY_SIGV4_MAX_KEY_ID + NGX_DEPLOY_SIGV4_MAX_SECRET
                 + 8 + 64 + 64 + 4];

    /* none but the secret, which is last, may hold a line feed */

    p = ngx_deploy_sigv4_copy(buf, credentials->access_key_id.data,
                              credentials->access_key_id.len);
    *p++ = '\n';
    p = ngx_deploy_sigv4_copy(p, date, 8);
    *p++ = '\n';
    p = ngx_deploy_sigv4_copy(p, request->region.data, request->region.len);
    *p++ = '\n';
    p = ngx_deploy_sigv4_copy(p, request->service.data, request->service.len);
    *p++ = '\n';
    p = ngx_deploy_sigv4_copy(p, credentials->secret_access_key.data,
                              credentials->secret_access_key.len);

    rc = ngx_deploy_sigv4_hash(id, buf, p - buf);

    OPENSSL_cleanse(buf, p - buf);

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    if (CRYPTO_memcmp(id, key->id, 32) == 0) {
        return NGX_DEPLOY_OK;
    }

    OPENSSL_cleanse(key, sizeof(ngx_deploy_sigv4_key_t));

    if (ngx_deploy_sigv4_derive(key->key, request, credentials, date)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(key->id, id, 32);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_sigv4_derive(u_char dst[32],
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, const u_char *date)
{
    int      rc;
    u_char  *p, one[32], two[32];
    u_char   secret[4 + NGX_DEPLOY_SIGV4_MAX_SECRET];

    rc = NGX_DEPLOY_ERROR;

    p = ngx_deploy_sigv4_literal(secret, "AWS4");
    p = ngx_deploy_sigv4_copy(p, credentials->secret_access_key.data,
                              credentials->secret_access_key.len);

    if (ngx_deploy_sigv4_hmac(one, secret, p - secret, date, 8)
        == NGX_DEPLOY_OK
        && ngx_deploy_sigv4_hmac(two, one, 32, request->region.data,
                                 request->region.len)
           == NGX_DEPLOY_OK
        && ngx_deploy_sigv4_hmac(one, two, 32, request->service.data,
                                 request->service.len)
           == NGX_DEPLOY_OK)
    {
        rc = ngx_deploy_sigv4_hmac(dst, one, 32,
                                   (u_char *) NGX_DEPLOY_SIGV4_TERMINATOR,
                                   sizeof(NGX_DEPLOY_SIGV4_TERMINATOR) - 1);
    }

    OPENSSL_cleanse(secret, p - secret);
    OPENSSL_cleanse(one, 32);
    OPENSSL_cleanse(two, 32);

    return rc;
}


static int
ngx_deploy_sigv4_hmac(u_char dst[32], const u_char *key, size_t key_len,
    const u_char *p, size_t len)
{
    unsigned  size;

    if (HMAC(EVP_sha256(), key, key_len, p, len, dst, &size) == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_sigv4_hash(u_char dst[32], const u_char *p, size_t len)
{
    /* SHA256() is not to be given a NULL */

    if (len == 0) {
        p = (u_char *) "";
    }

    if (SHA256(p, len, dst) == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


/* 1 to max printable ASCII characters without a blank */

static int
ngx_deploy_sigv4_token(const ngx_deploy_str_t *s, size_t max)
{
    size_t  i;

    if (s->len == 0 || s->len > max) {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < s->len; i++) {

        if (s->data[i] <= ' ' || s->data[i] >= 0x7f) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


/* a query comes encoded, in whatever way, a path is encoded once more */

static u_char *
ngx_deploy_sigv4_encode(u_char *p, const u_char *s, size_t len,
    unsigned query)
{
    size_t  i;
    u_char  c;

    static const u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < len; i++) {
        c = s[i];

        if (c == '%' && query && len - i > 2
            && ngx_deploy_hex_decode(&c, 1, &s[i + 1], 2) == NGX_DEPLOY_OK)
        {
            i += 2;
        }

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
            || c == '~' || (c == '/' && !query))
        {
            *p++ = c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 0x0f];
    }

    return p;
}


static u_char *
ngx_deploy_sigv4_digits(u_char *p, unsigned value, unsigned n)
{
    unsigned  i;

    for (i = n; i; i--) {
        p[i - 1] = '0' + value % 10;
        value /= 10;
    }

    return p + n;
}


static u_char *
ngx_deploy_sigv4_copy(u_char *p, const u_char *s, size_t len)
{
    if (len) {
        memcpy(p, s, len);
    }

    return p + len;
}


static u_char
ngx_deploy_sigv4_lower(u_char c)
{
    return (c >= 'A' && c <= 'Z') ? (c | 0x20) : c;
}
