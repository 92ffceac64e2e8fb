
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_http.h"
#include "ngx_deploy_region.h"
#include "ngx_deploy_retry.h"
#include "ngx_deploy_sts.h"
#include "ngx_deploy_url.h"

#include <stdlib.h>


#define NGX_DEPLOY_WORK_STS_CONNECT  5000      /* ms */
#define NGX_DEPLOY_WORK_STS_TOTAL    10000


typedef struct {
    const ngx_deploy_work_role_t   *role;
    const ngx_deploy_work_found_t  *base;        /* NULL: web identity */

    const char                     *url;
    ngx_deploy_str_t                host;
    ngx_deploy_str_t                signing;     /* region */

    ngx_deploy_sts_request_t        request;
    ngx_deploy_sts_result_t         result;
    ngx_deploy_work_reply_t         reply;

    int64_t                         offset;      /* of AWS's clock, seconds */
} ngx_deploy_work_sts_t;


static int ngx_deploy_work_sts_endpoint(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts);
static int ngx_deploy_work_sts_override(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, const char *url);
static int ngx_deploy_work_sts_attempts(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts);
static int ngx_deploy_work_sts_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts);
static int ngx_deploy_work_sts_class(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, ngx_deploy_reply_class_e *class);
static int ngx_deploy_work_sts_call(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts);
static int ngx_deploy_work_sts_sign(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, const ngx_deploy_str_t *body,
    ngx_deploy_work_request_t *request);
static int ngx_deploy_work_sts_failed(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts);


int
ngx_deploy_work_assume_role(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_role_t *role, const ngx_deploy_work_found_t *base,
    ngx_deploy_work_found_t *found)
{
    int                     rc;
    char                   *source;
    ngx_deploy_work_sts_t   sts;

    memset(&sts, 0, sizeof(ngx_deploy_work_sts_t));

    sts.role = role;
    sts.base = role->token_file ? NULL : base;

    sts.request.role = ngx_deploy_work_str(role->arn);
    sts.request.session_name = ngx_deploy_work_str(role->session_name);
    sts.request.duration = role->duration;

    if (sts.request.session_name.len == 0) {
        sts.request.session_name = ngx_deploy_work_str("ngx_deploy");
    }

    if (sts.base) {
        sts.request.external_id = ngx_deploy_work_str(role->external_id);
        source = ngx_deploy_work_printf(ctx, "role %s with %.*s", role->arn,
                                        (int) base->source.len,
                                        (char *) base->source.data);

    } else {
        source = ngx_deploy_work_printf(ctx, "role %s with web identity"
                                        " \"%s\"", role->arn,
                                        role->token_file);
    }

    if (source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    rc = ngx_deploy_work_sts_endpoint(ctx, &sts);

    if (rc == NGX_DEPLOY_OK && sts.base == NULL) {
        rc = ngx_deploy_work_sts_token(ctx, &sts);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_sts_attempts(ctx, &sts);
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_blame(ctx, "assuming role \"%s\"", role->arn);
    }

    found->credentials = sts.result.reply.credentials;
    found->expires = sts.result.reply.expires;
    found->stable = 0;
    found->source = ngx_deploy_work_str(source);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_sts_endpoint(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts)
{
    int                rc;
    unsigned           flags, legacy;
    const char        *region, *url;
    ngx_deploy_str_t   name;

    region = ctx->source->region;

    if (region == NULL || region[0] == '\0') {
        region = ngx_deploy_work_setting(ctx, NGX_DEPLOY_WORK_REGION,
                                         "region");
    }

    if (region == NULL) {
        return ngx_deploy_work_fail(ctx, 0, "no region for STS");
    }

    name = ngx_deploy_work_str(region);

    url = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_ENDPOINT_STS);

    if (url) {
        sts->signing = name;
        return ngx_deploy_work_sts_override(ctx, sts, url);
    }

    flags = 0;

    if (ngx_deploy_work_true(ctx, NGX_DEPLOY_WORK_USE_FIPS,
                             "use_fips_endpoint"))
    {
        flags |= NGX_DEPLOY_REGION_FIPS;
    }

    if (ngx_deploy_work_true(ctx, NGX_DEPLOY_WORK_USE_DUALSTACK,
                             "use_dualstack_endpoint"))
    {
        flags |= NGX_DEPLOY_REGION_DUALSTACK;
    }

    url = ngx_deploy_work_setting(ctx, NGX_DEPLOY_WORK_STS_REGIONAL,
                                  "sts_regional_endpoints");
    legacy = (url && strcmp(url, "legacy") == 0);

    rc = ngx_deploy_sts_host(&ctx->pool, &name, flags, legacy, &sts->host,
                             &sts->signing);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_work_fail(ctx, 0, "STS has no such endpoint in the"
                                    " region \"%s\"", region);
    }

    if (rc == NGX_DEPLOY_OK) {
        sts->url = ngx_deploy_work_printf(ctx, "https://%.*s/",
                                          (int) sts->host.len,
                                          (char *) sts->host.data);
    }

    if (sts->url == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_sts_override(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, const char *url)
{
    const char        *reason;
    ngx_deploy_str_t   text;
    ngx_deploy_url_t   parts;

    text = ngx_deploy_work_str(url);

    if (ngx_deploy_url_parse(&text, &parts, &reason) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0, "AWS_ENDPOINT_URL_STS %s", reason);
    }

    if (parts.target.len && !ngx_deploy_str_is(&parts.target, "/")) {
        return ngx_deploy_work_fail(ctx, 0, "AWS_ENDPOINT_URL_STS has a path");
    }

    sts->host = parts.authority;
    sts->url = url;

    return NGX_DEPLOY_OK;
}


/* anew at each fetch, as it is replaced about once an hour */

static int
ngx_deploy_work_sts_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts)
{
    int                rc;
    size_t             i;
    const char        *path;
    ngx_deploy_str_t  *token;

    path = sts->role->token_file;
    token = &sts->request.token;

    rc = ngx_deploy_work_read(ctx, path, NGX_DEPLOY_WORK_MAX_TOKEN_FILE, 0,
                              token);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_work_fail(ctx, 1, "\"%s\" does not exist", path);
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    while (token->len && token->data[token->len - 1] <= ' ') {
        token->len--;
    }

    for (i = 0; i < token->len; i++) {

        if (token->data[i] <= ' ' || token->data[i] >= 0x7f) {
            break;
        }
    }

    if (i < token->len || i == 0) {
        return ngx_deploy_work_fail(ctx, 1, "\"%s\" holds no token", path);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_sts_attempts(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts)
{
    int                         rc;
    int64_t                     delay;
    ngx_deploy_retry_t          retry;
    ngx_deploy_reply_class_e    class;
    ngx_deploy_retry_bucket_t   bucket;

    memset(&retry, 0, sizeof(ngx_deploy_retry_t));
    memset(&bucket, 0, sizeof(ngx_deploy_retry_bucket_t));

    for ( ;; ) {
        rc = ngx_deploy_work_sts_call(ctx, sts);

        if (rc != NGX_DEPLOY_OK || sts->result.class == NGX_DEPLOY_STS_OK) {
            return rc;
        }

        retry.attempts++;

        rc = ngx_deploy_work_sts_class(ctx, sts, &class);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        delay = ngx_deploy_retry_next(&retry, &bucket, class, -1,
                                      ngx_deploy_work_left(ctx),
                                      ngx_deploy_work_random());

        if (delay < 0 || ngx_deploy_work_sleep(ctx, delay) != NGX_DEPLOY_OK) {
            return ngx_deploy_work_sts_failed(ctx, sts);
        }
    }
}


/*
 * A token or a time that was refused is worth a retry when it is another
 * one now.  NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR with a reason.
 */

static int
ngx_deploy_work_sts_class(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, ngx_deploy_reply_class_e *class)
{
    int                rc;
    ngx_deploy_str_t   token;

    *class = NGX_DEPLOY_REPLY_REFUSED;

    switch (sts->result.class) {

    case NGX_DEPLOY_STS_TRANSIENT:
        *class = NGX_DEPLOY_REPLY_TRANSIENT;
        break;

    case NGX_DEPLOY_STS_THROTTLED:
        *class = NGX_DEPLOY_REPLY_THROTTLED;
        break;

    case NGX_DEPLOY_STS_TOKEN:
        if (sts->base) {
            break;
        }

        token = sts->request.token;

        rc = ngx_deploy_work_sts_token(ctx, sts);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        if (!ngx_deploy_str_eq(&token, &sts->request.token)) {
            *class = NGX_DEPLOY_REPLY_CREDENTIALS;
        }

        break;

    case NGX_DEPLOY_STS_SKEW:
        if (sts->base && sts->reply.date
            && ngx_deploy_retry_skew(&sts->offset, sts->offset,
                                     ngx_deploy_work_now(ctx),
                                     sts->reply.date, 1))
        {
            *class = NGX_DEPLOY_REPLY_SKEW;
        }

        break;

    default:
        break;
    }

    return NGX_DEPLOY_OK;
}


/* NGX_DEPLOY_OK: sts->result tells; NGX_DEPLOY_ERROR has a reason */

static int
ngx_deploy_work_sts_call(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts)
{
    int                         rc;
    const char                 *reason;
    ngx_deploy_str_t            body;
    ngx_deploy_work_request_t   request;

    rc = ngx_deploy_sts_body(&ctx->pool, &sts->request, &body, &reason);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_work_fail(ctx, 0, "%s", reason);
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    memset(&request, 0, sizeof(ngx_deploy_work_request_t));

    request.method = "POST";
    request.url = sts->url;
    request.body = &body;
    request.connect = NGX_DEPLOY_WORK_STS_CONNECT;
    request.total = NGX_DEPLOY_WORK_STS_TOTAL;

    /* an http endpoint is on the loopback */

    request.direct = (strncmp(sts->url, "http:", 5) == 0);

    request.headers[0] = "Accept: application/json";
    request.headers[1] = "Content-Type: " NGX_DEPLOY_STS_CONTENT_TYPE;

    if (sts->base) {
        rc = ngx_deploy_work_sts_sign(ctx, sts, &body, &request);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    rc = ngx_deploy_work_http(ctx, &request, &sts->reply);

    if (rc == NGX_DEPLOY_DECLINED) {
        memset(&sts->result, 0, sizeof(ngx_deploy_sts_result_t));

        sts->reply.status = 0;
        sts->result.class = NGX_DEPLOY_STS_TRANSIENT;
        sts->result.reason = sts->reply.text;

        return NGX_DEPLOY_OK;
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_blame(ctx, "POST %s", sts->url);
    }

    if (ngx_deploy_sts_reply(&ctx->pool, sts->reply.status, &sts->reply.body,
                             &sts->result)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_sts_sign(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts, const ngx_deploy_str_t *body,
    ngx_deploy_work_request_t *request)
{
    int                               rc;
    u_char                            date[NGX_DEPLOY_SIGV4_DATE_LEN];
    ngx_deploy_str_t                  value;
    ngx_deploy_header_t               headers[4];
    ngx_deploy_sigv4_key_t           *key;
    ngx_deploy_sigv4_request_t        sign;
    const ngx_deploy_credentials_t   *credentials;

    credentials = &sts->base->credentials;

    ngx_deploy_sigv4_date(date, ngx_deploy_work_now(ctx) + sts->offset);

    headers[0].name = ngx_deploy_work_str("content-type");
    headers[0].value = ngx_deploy_work_str(NGX_DEPLOY_STS_CONTENT_TYPE);
    headers[1].name = ngx_deploy_work_str("host");
    headers[1].value = sts->host;
    headers[2].name = ngx_deploy_work_str("x-amz-date");
    headers[2].value.data = date;
    headers[2].value.len = NGX_DEPLOY_SIGV4_DATE_LEN;
    headers[3].name = ngx_deploy_work_str("x-amz-security-token");
    headers[3].value = credentials->session_token;

    memset(&sign, 0, sizeof(ngx_deploy_sigv4_request_t));

    sign.method = ngx_deploy_work_str("POST");
    sign.path = ngx_deploy_work_str("/");
    sign.headers = headers;
    sign.nheaders = credentials->session_token.len ? 4 : 3;
    sign.body = *body;
    sign.region = sts->signing;
    sign.service = ngx_deploy_work_str("sts");

    /* the pool's memory is wiped */

    key = ngx_deploy_pcalloc(&ctx->pool, sizeof(ngx_deploy_sigv4_key_t));
    if (key == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    rc = ngx_deploy_sigv4_authorization(&ctx->pool, &sign, credentials, key,
                                        date, &value);

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 1, "signing failed");
    }

    request->headers[2] = ngx_deploy_work_printf(ctx, "Host: %.*s",
                                                 (int) sts->host.len,
                                                 (char *) sts->host.data);
    request->headers[3] = ngx_deploy_work_printf(ctx, "X-Amz-Date: %.*s",
                                                 NGX_DEPLOY_SIGV4_DATE_LEN,
                                                 (char *) date);
    request->headers[4] = ngx_deploy_work_printf(ctx, "Authorization: %.*s",
                                                 (int) value.len,
                                                 (char *) value.data);

    rc = (request->headers[2] && request->headers[3] && request->headers[4]);

    if (credentials->session_token.len) {
        request->headers[5] = ngx_deploy_work_printf(ctx,
                                      "X-Amz-Security-Token: %.*s",
                                      (int) credentials->session_token.len,
                                      (char *) credentials->session_token.data);

        rc = rc && request->headers[5];
    }

    return rc ? NGX_DEPLOY_OK : ngx_deploy_work_fail(ctx, 1, "out of memory");
}


static int
ngx_deploy_work_sts_failed(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_sts_t *sts)
{
    ngx_deploy_str_t                *message;
    const ngx_deploy_credentials_t  *base;

    if (sts->reply.status == 0) {
        (void) ngx_deploy_work_fail(ctx, 1, "%s", sts->result.reason);

    } else {
        message = &sts->result.reply.message;
        base = sts->base ? &sts->base->credentials : NULL;

        if (ngx_deploy_work_holds(message, &sts->request.token)
            || (base && (ngx_deploy_work_holds(message, &base->session_token)
                         || ngx_deploy_work_holds(message,
                                                  &base->secret_access_key))))
        {
            message->len = 0;
        }

        ngx_deploy_work_fail_reply(ctx, sts->reply.status, &sts->result.reply,
                                   sts->result.reason);
    }

    return ngx_deploy_work_blame(ctx, "POST %s", sts->url);
}
