
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SIGV4_H_INCLUDED_
#define _NGX_DEPLOY_SIGV4_H_INCLUDED_


#include "ngx_deploy_core.h"


/* AWS Signature Version 4, header signing (AWS General Reference) */

#define NGX_DEPLOY_SIGV4_DATE_LEN  16      /* 20260102T030405Z */
#define NGX_DEPLOY_SIGV4_MAX_HEADERS  32
#define NGX_DEPLOY_SIGV4_MAX_KEY_ID   128     /* of an access key id */
#define NGX_DEPLOY_SIGV4_MAX_SECRET   512     /* of a secret access key */
#define NGX_DEPLOY_SIGV4_MAX_TEXT     65536   /* of a path, query, value */


typedef struct {
    ngx_deploy_str_t      access_key_id;
    ngx_deploy_str_t      secret_access_key;
    ngx_deploy_str_t      session_token;      /* absent for long-term keys */
} ngx_deploy_credentials_t;


typedef struct {
    ngx_deploy_str_t      name;
    ngx_deploy_str_t      value;
} ngx_deploy_header_t;


/* the day's signing key, kept by the caller over requests; zero it first */

typedef struct {
    u_char                key[32];
    u_char                id[32];     /* SHA-256 of what it was made from */
} ngx_deploy_sigv4_key_t;


typedef struct {
    ngx_deploy_str_t      method;
    ngx_deploy_str_t      path;           /* as sent, "/" when empty */
    ngx_deploy_str_t      query;          /* without "?", as sent */
    ngx_deploy_header_t  *headers;        /* all are signed, x-amz-date too */
    size_t                nheaders;
    ngx_deploy_str_t      body;

    ngx_deploy_str_t      region;
    ngx_deploy_str_t      service;
    unsigned              normalize;      /* dot segments and "//" in path */
} ngx_deploy_sigv4_request_t;


/*
 * now, Unix time, in UTC: "YYYYMMDDThhmmssZ", no terminating NUL.  Times
 * before 1970 and after 9999 become the first and the last of the range.
 */
void ngx_deploy_sigv4_date(u_char dst[NGX_DEPLOY_SIGV4_DATE_LEN], time_t now);

/*
 * The canonical request and the string to sign, for tests and debugging.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR: memory, OpenSSL, more or longer texts
 * than the limits above, CR, LF or NUL in a header's value, a method, name,
 * region or service that is empty or not of printable ASCII.
 */
int ngx_deploy_sigv4_canonical(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request, ngx_deploy_str_t *canonical);
int ngx_deploy_sigv4_string_to_sign(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    const u_char date[NGX_DEPLOY_SIGV4_DATE_LEN], ngx_deploy_str_t *string);

/*
 * The value of the Authorization header.  date is that of x-amz-date; key
 * is made anew when credentials, day, region or service differ from what it
 * was made for.  A session token is signed if the caller has put it among
 * the headers.  The last 64 bytes of the value are the signature.
 * NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR as above or for credentials that are
 * empty, too long or, the key id, not of printable ASCII.
 */
int ngx_deploy_sigv4_authorization(ngx_deploy_pool_t *pool,
    const ngx_deploy_sigv4_request_t *request,
    const ngx_deploy_credentials_t *credentials, ngx_deploy_sigv4_key_t *key,
    const u_char date[NGX_DEPLOY_SIGV4_DATE_LEN], ngx_deploy_str_t *value);


#endif /* _NGX_DEPLOY_SIGV4_H_INCLUDED_ */
