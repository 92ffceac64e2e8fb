
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_region.h"

#include <stdio.h>
#include <openssl/err.h>
#include <openssl/sha.h>


#define NGX_DEPLOY_CODEBUILD_MAX_CODE     128
#define NGX_DEPLOY_CODEBUILD_MAX_ID       512
#define NGX_DEPLOY_CODEBUILD_MAX_ARN      1024
#define NGX_DEPLOY_CODEBUILD_MAX_MESSAGE  1024


typedef struct {
    const char                *code;
    ngx_deploy_reply_class_e   class;
} ngx_deploy_codebuild_code_t;


typedef struct {
    unsigned                   status;
    const char                *text;
} ngx_deploy_codebuild_status_t;


static int ngx_deploy_codebuild_started(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *arn, int64_t number,
    ngx_deploy_reply_t *reply);
static int ngx_deploy_codebuild_printable(const ngx_deploy_str_t *s,
    size_t max);
static int ngx_deploy_codebuild_url(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *arn, ngx_deploy_str_t *url);
static int ngx_deploy_codebuild_error(ngx_deploy_pool_t *pool,
    unsigned status, const ngx_deploy_str_t *error_type,
    ngx_deploy_json_t *json, ngx_deploy_reply_t *reply);
static unsigned ngx_deploy_codebuild_code(ngx_deploy_str_t *code);
static void ngx_deploy_codebuild_classify(unsigned status,
    ngx_deploy_reply_t *reply);
static int ngx_deploy_codebuild_message(ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *message, ngx_deploy_reply_t *reply);
static const char *ngx_deploy_codebuild_status(unsigned status);


static const ngx_deploy_codebuild_code_t  ngx_deploy_codebuild_codes[] = {

    { "AccountLimitExceededException", NGX_DEPLOY_REPLY_CAPACITY },

    { "Throttling", NGX_DEPLOY_REPLY_THROTTLED },
    { "ThrottlingException", NGX_DEPLOY_REPLY_THROTTLED },
    { "ThrottledException", NGX_DEPLOY_REPLY_THROTTLED },
    { "RequestThrottledException", NGX_DEPLOY_REPLY_THROTTLED },
    { "TooManyRequestsException", NGX_DEPLOY_REPLY_THROTTLED },
    { "ProvisionedThroughputExceededException", NGX_DEPLOY_REPLY_THROTTLED },
    { "TransactionInProgressException", NGX_DEPLOY_REPLY_THROTTLED },
    { "RequestLimitExceeded", NGX_DEPLOY_REPLY_THROTTLED },
    { "BandwidthLimitExceeded", NGX_DEPLOY_REPLY_THROTTLED },
    { "LimitExceededException", NGX_DEPLOY_REPLY_THROTTLED },
    { "RequestThrottled", NGX_DEPLOY_REPLY_THROTTLED },
    { "SlowDown", NGX_DEPLOY_REPLY_THROTTLED },
    { "PriorRequestNotComplete", NGX_DEPLOY_REPLY_THROTTLED },
    { "EC2ThrottledException", NGX_DEPLOY_REPLY_THROTTLED },

    { "ExpiredTokenException", NGX_DEPLOY_REPLY_CREDENTIALS },
    { "UnrecognizedClientException", NGX_DEPLOY_REPLY_CREDENTIALS },

    { "RequestTimeTooSkewed", NGX_DEPLOY_REPLY_SKEW },
    { "RequestExpired", NGX_DEPLOY_REPLY_SKEW },
    { "RequestInTheFuture", NGX_DEPLOY_REPLY_SKEW },
    { "InvalidSignatureException", NGX_DEPLOY_REPLY_SKEW },
    { "SignatureDoesNotMatch", NGX_DEPLOY_REPLY_SKEW },
    { "AuthFailure", NGX_DEPLOY_REPLY_SKEW },

    { "RequestTimeout", NGX_DEPLOY_REPLY_TRANSIENT },
    { "RequestTimeoutException", NGX_DEPLOY_REPLY_TRANSIENT },

    { NULL, NGX_DEPLOY_REPLY_REFUSED }
};


static const ngx_deploy_codebuild_status_t
    ngx_deploy_codebuild_statuses[] = {

    { 400, "HTTP 400" },
    { 401, "HTTP 401" },
    { 403, "HTTP 403" },
    { 404, "HTTP 404" },
    { 405, "HTTP 405" },
    { 407, "HTTP 407" },
    { 408, "HTTP 408" },
    { 411, "HTTP 411" },
    { 413, "HTTP 413" },
    { 414, "HTTP 414" },
    { 415, "HTTP 415" },
    { 421, "HTTP 421" },
    { 429, "HTTP 429" },
    { 431, "HTTP 431" },
    { 500, "HTTP 500" },
    { 501, "HTTP 501" },
    { 502, "HTTP 502" },
    { 503, "HTTP 503" },
    { 504, "HTTP 504" },
    { 505, "HTTP 505" },
    { 507, "HTTP 507" },
    { 508, "HTTP 508" },
    { 509, "HTTP 509" },
    { 511, "HTTP 511" },
    { 0, NULL }
};


int
ngx_deploy_codebuild_project_name(const ngx_deploy_str_t *name)
{
    size_t  i;
    u_char  c;

    if (name->len < 2 || name->len > 255) {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9'))
        {
            continue;
        }

        if (i == 0 || (c != '-' && c != '_')) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_codebuild_token(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *provider, const ngx_deploy_str_t *identity,
    size_t index, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *region, ngx_deploy_str_t *token)
{
    int                      n;
    char                     number[24];
    size_t                   i, len;
    u_char                  *p, *buf, hash[32];
    ngx_deploy_str_t         decimal;
    const ngx_deploy_str_t  *parts[5];

    n = snprintf(number, sizeof(number), "%zu", index);

    decimal.len = n;
    decimal.data = (u_char *) number;

    parts[0] = provider;
    parts[1] = identity;
    parts[2] = &decimal;
    parts[3] = project;
    parts[4] = region;

    len = 1;

    for (i = 0; i < 5; i++) {

        if (parts[i]->len > SIZE_MAX / 8) {
            return NGX_DEPLOY_ERROR;
        }

        len += parts[i]->len + sizeof(number);
    }

    buf = ngx_deploy_palloc(pool, len);
    if (buf == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = buf;

    /* lengths in front: no two lists of parts give the same text */

    for (i = 0; i < 5; i++) {
        p += snprintf((char *) p, sizeof(number), "%zu:", parts[i]->len);

        if (parts[i]->len) {
            memcpy(p, parts[i]->data, parts[i]->len);
            p += parts[i]->len;
        }
    }

    if (SHA256(buf, p - buf, hash) == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    token->data = ngx_deploy_palloc(pool, 64);
    if (token->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    ngx_deploy_hex_encode(token->data, hash, 32);
    token->len = 64;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_codebuild_reply(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, const u_char *body, size_t len,
    unsigned whole, ngx_deploy_reply_t *reply)
{
    int                 rc;
    int64_t             number;
    const char         *reason;
    ngx_deploy_str_t    id, arn;
    ngx_deploy_json_t  *json, *build;

    memset(reply, 0, sizeof(ngx_deploy_reply_t));

    reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
    reply->number = -1;

    json = NULL;
    reason = "reply is cut short";

    /* the tree costs more than all the rest of a dispatch */

    if (whole && status == 200) {
        rc = ngx_deploy_codebuild_scan(pool, body, len, &id, &arn, &number);

        if (rc == NGX_DEPLOY_OK) {
            return ngx_deploy_codebuild_started(pool, &id, &arn, number,
                                                reply);
        }

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    if (whole) {
        json = ngx_deploy_json_parse(body, len,
                                     NGX_DEPLOY_CODEBUILD_MAX_REPLY, &reason);
    }

    rc = NGX_DEPLOY_OK;

    if (status == 200) {

        if (json == NULL) {
            reply->reason = reason;

        } else {
            build = ngx_deploy_json_get(json, "build");
            id = ngx_deploy_json_get_str(build, "id");
            arn = ngx_deploy_json_get_str(build, "arn");
            number = ngx_deploy_json_get_int(build, "buildNumber", -1);

            rc = ngx_deploy_codebuild_started(pool, &id, &arn, number, reply);
        }

    } else if (status < 300) {
        reply->reason = ngx_deploy_codebuild_status(status);

    } else if (status < 400) {
        reply->class = NGX_DEPLOY_REPLY_REFUSED;
        reply->reason = "redirect";

    } else {
        rc = ngx_deploy_codebuild_error(pool, status, error_type, json, reply);

        /* what was cut off may have told a reason to try again */

        if (rc == NGX_DEPLOY_OK && !whole && reply->error.data == NULL
            && reply->class == NGX_DEPLOY_REPLY_REFUSED)
        {
            reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
            reply->reason = reason;
        }

        if (rc == NGX_DEPLOY_OK && reply->error.data == NULL) {
            rc = ngx_deploy_pstrdup(pool, &reply->error,
                                    (u_char *) "UnknownError",
                                    sizeof("UnknownError") - 1);
        }
    }

    ngx_deploy_json_free(json);

    return rc;
}


static int
ngx_deploy_codebuild_started(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *arn, int64_t number,
    ngx_deploy_reply_t *reply)
{
    if (!ngx_deploy_codebuild_printable(id, NGX_DEPLOY_CODEBUILD_MAX_ID)) {
        reply->reason = "reply has no build.id";
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_pstrdup(pool, &reply->id, id->data, id->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    reply->number = (number < 0) ? -1 : number;

    if (ngx_deploy_codebuild_printable(arn, NGX_DEPLOY_CODEBUILD_MAX_ARN)) {

        if (ngx_deploy_pstrdup(pool, &reply->arn, arn->data, arn->len)
            != NGX_DEPLOY_OK
            || ngx_deploy_codebuild_url(pool, &reply->arn, &reply->url)
               == NGX_DEPLOY_ERROR)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    reply->class = NGX_DEPLOY_REPLY_STARTED;

    return NGX_DEPLOY_OK;
}


/* these go to logs, variables and links */

static int
ngx_deploy_codebuild_printable(const ngx_deploy_str_t *s, size_t max)
{
    size_t  i;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {

        if (s->data[i] <= ' ' || s->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* arn:PARTITION:codebuild:REGION:ACCOUNT:build/PROJECT:UUID */

static int
ngx_deploy_codebuild_url(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *arn,
    ngx_deploy_str_t *url)
{
    int                n;
    char               host[96], buf[1024];
    size_t             i;
    u_char            *p, *last, *colon;
    ngx_deploy_str_t   parts[7], project;

    p = arn->data;
    last = p + arn->len;

    for (i = 0; i < 7; i++) {
        colon = memchr(p, ':', last - p);

        /* the seventh is the last, and none but that ends the text */

        if ((colon == NULL) != (i == 6)) {
            return NGX_DEPLOY_DECLINED;
        }

        parts[i].data = p;
        parts[i].len = (colon ? colon : last) - p;

        if (colon) {
            p = colon + 1;
        }
    }

    project = parts[5];

    if (!ngx_deploy_str_is(&parts[0], "arn")
        || !ngx_deploy_str_is(&parts[2], "codebuild")
        || ngx_deploy_region_check(&parts[3]) != NGX_DEPLOY_OK
        || parts[4].len != 12
        || ngx_deploy_atoi64(parts[4].data, parts[4].len) < 0
        || !ngx_deploy_str_starts(&project, "build/"))
    {
        return NGX_DEPLOY_DECLINED;
    }

    project.data += sizeof("build/") - 1;
    project.len -= sizeof("build/") - 1;

    /* of the characters of a project's name, none needs an escape */

    if (ngx_deploy_codebuild_project_name(&project) != NGX_DEPLOY_OK
        || ngx_deploy_codebuild_project_name(&parts[6]) != NGX_DEPLOY_OK
        || parts[6].len > 64)
    {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_str_is(&parts[1], "aws")) {
        snprintf(host, sizeof(host), "%.*s.console.aws.amazon.com",
                 (int) parts[3].len, (char *) parts[3].data);

    } else if (ngx_deploy_str_is(&parts[1], "aws-cn")) {
        snprintf(host, sizeof(host), "%.*s.console.amazonaws.cn",
                 (int) parts[3].len, (char *) parts[3].data);

    } else if (ngx_deploy_str_is(&parts[1], "aws-us-gov")) {
        snprintf(host, sizeof(host), "console.amazonaws-us-gov.com");

    } else {
        return NGX_DEPLOY_DECLINED;
    }

    n = snprintf(buf, sizeof(buf), "https://%s/codesuite/codebuild/%.*s"
                 "/projects/%.*s/build/%.*s%%3A%.*s/?region=%.*s", host,
                 (int) parts[4].len, (char *) parts[4].data,
                 (int) project.len, (char *) project.data,
                 (int) project.len, (char *) project.data,
                 (int) parts[6].len, (char *) parts[6].data,
                 (int) parts[3].len, (char *) parts[3].data);

    return ngx_deploy_pstrdup(pool, url, (u_char *) buf, n);
}


static int
ngx_deploy_codebuild_error(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, ngx_deploy_json_t *json,
    ngx_deploy_reply_t *reply)
{
    ngx_deploy_str_t  code, message;

    code.len = 0;
    code.data = NULL;

    if (error_type) {
        code = *error_type;
    }

    if (!ngx_deploy_codebuild_code(&code)) {
        code = ngx_deploy_json_get_str(json, "code");

        if (!ngx_deploy_codebuild_code(&code)) {
            code = ngx_deploy_json_get_str(json, "__type");

            if (!ngx_deploy_codebuild_code(&code)) {
                code.data = NULL;
            }
        }
    }

    if (code.data
        && ngx_deploy_pstrdup(pool, &reply->error, code.data, code.len)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    ngx_deploy_codebuild_classify(status, reply);

    message = ngx_deploy_json_get_str(json, "message");

    if (message.data == NULL) {
        message = ngx_deploy_json_get_str(json, "Message");
    }

    if (message.data == NULL) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_codebuild_message(pool, &message, reply);
}


/* takes off "com.amazonaws.codebuild#" and ":http://..."; 1 when it is one */

static unsigned
ngx_deploy_codebuild_code(ngx_deploy_str_t *code)
{
    size_t   i;
    u_char  *p, c;

    if (code->len == 0) {
        return 0;
    }

    p = memchr(code->data, ':', code->len);

    if (p) {
        code->len = p - code->data;
    }

    for (i = code->len; i; i--) {

        if (code->data[i - 1] == '#') {
            code->data += i;
            code->len -= i;
            break;
        }
    }

    if (code->len == 0 || code->len > NGX_DEPLOY_CODEBUILD_MAX_CODE) {
        return 0;
    }

    for (i = 0; i < code->len; i++) {
        c = code->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-')
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_deploy_codebuild_classify(unsigned status, ngx_deploy_reply_t *reply)
{
    const ngx_deploy_codebuild_code_t  *code;

    static const char *reasons[] = {
        NULL,
        "refused",
        "throttled",
        "limit of the account",
        "credentials refused",
        "signature refused",
        "failed for now"
    };

    code = ngx_deploy_codebuild_codes;

    if (reply->error.data) {
        while (code->code && !ngx_deploy_str_is(&reply->error, code->code)) {
            code++;
        }

        reply->class = code->class;
        reply->reason = reasons[code->class];

    } else {
        reply->class = NGX_DEPLOY_REPLY_REFUSED;
        reply->reason = ngx_deploy_codebuild_status(status);
    }

    /* of a 5xx no code is believed but those that ask to slow down */

    if (status >= 500) {

        if (reply->class != NGX_DEPLOY_REPLY_THROTTLED
            && reply->class != NGX_DEPLOY_REPLY_CAPACITY)
        {
            reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
            reply->reason = ngx_deploy_codebuild_status(status);
        }

    } else if (reply->class == NGX_DEPLOY_REPLY_REFUSED) {

        if (status == 429) {
            reply->class = NGX_DEPLOY_REPLY_THROTTLED;
            reply->reason = ngx_deploy_codebuild_status(status);

        } else if (status == 408) {
            reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
            reply->reason = ngx_deploy_codebuild_status(status);
        }
    }
}


static int
ngx_deploy_codebuild_message(ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *message, ngx_deploy_reply_t *reply)
{
    size_t   i, n;
    u_char  *p;

    n = ngx_deploy_utf8_cut(message->data, message->len,
                            NGX_DEPLOY_CODEBUILD_MAX_MESSAGE);

    if (ngx_deploy_pstrdup(pool, &reply->message, message->data, n)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    p = reply->message.data;

    for (i = 0; i < n; i++) {

        if (p[i] < ' ' || p[i] == 0x7f) {
            p[i] = ' ';
        }
    }

    return NGX_DEPLOY_OK;
}


static const char *
ngx_deploy_codebuild_status(unsigned status)
{
    const ngx_deploy_codebuild_status_t  *s;

    for (s = ngx_deploy_codebuild_statuses; s->text; s++) {

        if (s->status == status) {
            return s->text;
        }
    }

    switch (status / 100) {

    case 1:
        return "HTTP 1xx";

    case 2:
        return "HTTP 2xx";

    case 4:
        return "HTTP 4xx";

    case 5:
        return "HTTP 5xx";

    default:
        return "no HTTP status";
    }
}
