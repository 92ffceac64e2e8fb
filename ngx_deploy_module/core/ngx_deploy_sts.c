
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sts.h"
#include "ngx_deploy_region.h"

#include <stdio.h>


#define NGX_DEPLOY_STS_GLOBAL  "sts.amazonaws.com"


typedef struct {
    const char              *code;
    ngx_deploy_sts_class_e   class;
} ngx_deploy_sts_code_t;


static const char *ngx_deploy_sts_check(
    const ngx_deploy_sts_request_t *request);
static int ngx_deploy_sts_chars(const ngx_deploy_str_t *s, const char *others);
static u_char *ngx_deploy_sts_param(u_char *p, const char *name,
    const ngx_deploy_str_t *value);
static void ngx_deploy_sts_classify(unsigned status,
    ngx_deploy_sts_result_t *result);
static int ngx_deploy_sts_xml(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_sts_result_t *result);
static ngx_deploy_str_t ngx_deploy_sts_element(const ngx_deploy_str_t *text,
    const char *name);
static int ngx_deploy_sts_text(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, const char *name, ngx_deploy_str_t *value);
static u_char *ngx_deploy_sts_find(const u_char *p, const u_char *last,
    const char *what);


/* those that AWS_STS_REGIONAL_ENDPOINTS=legacy is about */

static const char *const  ngx_deploy_sts_legacy[] = {
    "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
    "aws-global", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
    "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2",
    "us-west-1", "us-west-2", NULL
};


static const ngx_deploy_sts_code_t  ngx_deploy_sts_codes[] = {

    { "Throttling", NGX_DEPLOY_STS_THROTTLED },
    { "ThrottlingException", NGX_DEPLOY_STS_THROTTLED },
    { "ThrottledException", NGX_DEPLOY_STS_THROTTLED },
    { "RequestThrottledException", NGX_DEPLOY_STS_THROTTLED },
    { "RequestThrottled", NGX_DEPLOY_STS_THROTTLED },
    { "TooManyRequestsException", NGX_DEPLOY_STS_THROTTLED },
    { "RequestLimitExceeded", NGX_DEPLOY_STS_THROTTLED },
    { "BandwidthLimitExceeded", NGX_DEPLOY_STS_THROTTLED },
    { "LimitExceededException", NGX_DEPLOY_STS_THROTTLED },
    { "SlowDown", NGX_DEPLOY_STS_THROTTLED },
    { "PriorRequestNotComplete", NGX_DEPLOY_STS_THROTTLED },

    { "IDPCommunicationError", NGX_DEPLOY_STS_TRANSIENT },
    { "RequestTimeout", NGX_DEPLOY_STS_TRANSIENT },
    { "RequestTimeoutException", NGX_DEPLOY_STS_TRANSIENT },

    { "ExpiredTokenException", NGX_DEPLOY_STS_TOKEN },
    { "InvalidIdentityToken", NGX_DEPLOY_STS_TOKEN },

    { "RequestTimeTooSkewed", NGX_DEPLOY_STS_SKEW },
    { "RequestExpired", NGX_DEPLOY_STS_SKEW },
    { "RequestInTheFuture", NGX_DEPLOY_STS_SKEW },
    { "InvalidSignatureException", NGX_DEPLOY_STS_SKEW },
    { "SignatureDoesNotMatch", NGX_DEPLOY_STS_SKEW },
    { "AuthFailure", NGX_DEPLOY_STS_SKEW },

    { NULL, NGX_DEPLOY_STS_REFUSED }
};


int
ngx_deploy_sts_host(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *region,
    unsigned flags, unsigned legacy, ngx_deploy_str_t *host,
    ngx_deploy_str_t *signing)
{
    unsigned  global, i;

    global = ngx_deploy_str_is(region, "aws-global");

    if (legacy && flags == 0) {

        for (i = 0; ngx_deploy_sts_legacy[i]; i++) {
            global |= ngx_deploy_str_is(region, ngx_deploy_sts_legacy[i]);
        }
    }

    if (global) {
        signing->data = (u_char *) "us-east-1";
        signing->len = sizeof("us-east-1") - 1;

        return ngx_deploy_pstrdup(pool, host,
                                  (u_char *) NGX_DEPLOY_STS_GLOBAL,
                                  sizeof(NGX_DEPLOY_STS_GLOBAL) - 1);
    }

    *signing = *region;

    /* of this partition all hosts are FIPS hosts */

    if (ngx_deploy_str_starts(region, "us-gov-")
        && flags == NGX_DEPLOY_REGION_FIPS)
    {
        flags = 0;
    }

    return ngx_deploy_region_host(pool, "sts", region, flags, host);
}


int
ngx_deploy_sts_body(ngx_deploy_pool_t *pool,
    const ngx_deploy_sts_request_t *request, ngx_deploy_str_t *body,
    const char **reason)
{
    int                n;
    char               buf[16];
    size_t             len;
    u_char            *p;
    ngx_deploy_str_t   action, version, duration;

    *reason = ngx_deploy_sts_check(request);

    if (*reason) {
        return NGX_DEPLOY_DECLINED;
    }

    action.data = (u_char *) (request->token.len ? "AssumeRoleWithWebIdentity"
                                                 : "AssumeRole");
    action.len = strlen((char *) action.data);

    version.data = (u_char *) "2011-06-15";
    version.len = sizeof("2011-06-15") - 1;

    n = snprintf(buf, sizeof(buf), "%u", request->duration);

    duration.data = (u_char *) buf;
    duration.len = request->duration ? n : 0;

    len = sizeof("Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                 "&RoleArn=&RoleSessionName=&WebIdentityToken=&ExternalId="
                 "&DurationSeconds=4294967295")
          + 3 * (request->role.len + request->session_name.len
                 + request->token.len + request->external_id.len);

    body->data = ngx_deploy_palloc(pool, len);
    if (body->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = ngx_deploy_sts_param(body->data, "Action", &action);
    p = ngx_deploy_sts_param(p, "&Version", &version);
    p = ngx_deploy_sts_param(p, "&RoleArn", &request->role);
    p = ngx_deploy_sts_param(p, "&RoleSessionName", &request->session_name);
    p = ngx_deploy_sts_param(p, "&WebIdentityToken", &request->token);
    p = ngx_deploy_sts_param(p, "&ExternalId", &request->external_id);
    p = ngx_deploy_sts_param(p, "&DurationSeconds", &duration);

    body->len = p - body->data;

    return NGX_DEPLOY_OK;
}


static const char *
ngx_deploy_sts_check(const ngx_deploy_sts_request_t *request)
{
    if (request->role.len < 20 || request->role.len > 2048
        || !ngx_deploy_str_starts(&request->role, "arn:")
        || !ngx_deploy_sts_chars(&request->role, "+=,.@-_:/"))
    {
        return "the role is not an ARN";
    }

    if (request->session_name.len < 2 || request->session_name.len > 64
        || !ngx_deploy_sts_chars(&request->session_name, "+=,.@-_"))
    {
        return "the session name is not of 2 to 64 letters, digits and"
               " \"_+=,.@-\"";
    }

    if (request->external_id.len
        && (request->external_id.len < 2 || request->external_id.len > 1224
            || !ngx_deploy_sts_chars(&request->external_id, "+=,.@:/-_")))
    {
        return "the external id is not of 2 to 1224 letters, digits and"
               " \"_+=,.@:/-\"";
    }

    if (request->token.len
        && (request->token.len < 4 || request->token.len > 20000))
    {
        return "the web identity token is not of 4 to 20000 bytes";
    }

    if (request->duration
        && (request->duration < 900 || request->duration > 43200))
    {
        return "the duration is not of 900 to 43200 seconds";
    }

    return NULL;
}


static int
ngx_deploy_sts_chars(const ngx_deploy_str_t *s, const char *others)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9')
            && (c == '\0' || strchr(others, c) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* a value that is absent is not sent */

static u_char *
ngx_deploy_sts_param(u_char *p, const char *name,
    const ngx_deploy_str_t *value)
{
    size_t  i;
    u_char  c;

    static const u_char  hex[] = "0123456789ABCDEF";

    if (value->len == 0) {
        return p;
    }

    while (*name) {
        *p++ = (u_char) *name++;
    }

    *p++ = '=';

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
            || c == '~')
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


int
ngx_deploy_sts_reply(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *text, ngx_deploy_sts_result_t *result)
{
    int     rc;
    size_t  i;

    memset(result, 0, sizeof(ngx_deploy_sts_result_t));

    for (i = 0; i < text->len && text->data[i] <= ' '; i++) { /* void */ }

    if (i < text->len && text->data[i] == '<') {
        rc = ngx_deploy_sts_xml(pool, text, result);

    } else {
        rc = ngx_deploy_credentials_read(pool, NGX_DEPLOY_CREDENTIALS_STS,
                                         text, &result->reply,
                                         &result->reason);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_DEPLOY_ERROR;
    }

    if (status == 200 && rc == NGX_DEPLOY_OK) {
        result->class = NGX_DEPLOY_STS_OK;
        return NGX_DEPLOY_OK;
    }

    memset(&result->reply.credentials, 0, sizeof(ngx_deploy_credentials_t));
    result->reply.expires = 0;

    if (status != 200) {
        result->reason = "an error of no known form";
    }

    ngx_deploy_sts_classify(status, result);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_sts_classify(unsigned status, ngx_deploy_sts_result_t *result)
{
    ngx_deploy_str_t             *code;
    const ngx_deploy_sts_code_t  *known;

    code = &result->reply.code;

    if (code->len) {
        result->reason = NULL;
    }

    for (known = ngx_deploy_sts_codes; known->code; known++) {

        if (ngx_deploy_str_is(code, known->code)) {
            break;
        }
    }

    result->class = known->class;

    if (known->code == NULL
        && (status == 200 || status == 500 || status == 502 || status == 503
            || status == 504))
    {
        result->class = NGX_DEPLOY_STS_TRANSIENT;
    }

    if (known->code == NULL && status == 429) {
        result->class = NGX_DEPLOY_STS_THROTTLED;
    }

    /* such a message may quote the canonical request with its token */

    if (result->class == NGX_DEPLOY_STS_SKEW) {
        memset(&result->reply.message, 0, sizeof(ngx_deploy_str_t));
    }
}


/* not a parser: it finds the elements that STS writes */

static int
ngx_deploy_sts_xml(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    ngx_deploy_sts_result_t *result)
{
    ngx_deploy_str_t           part, code, message, expires;
    ngx_deploy_credentials_t  *credentials;

    part = ngx_deploy_sts_element(text, "Error");

    if (part.data) {
        memset(&code, 0, sizeof(ngx_deploy_str_t));
        memset(&message, 0, sizeof(ngx_deploy_str_t));

        if (ngx_deploy_sts_text(pool, &part, "Code", &code)
            == NGX_DEPLOY_ERROR
            || ngx_deploy_sts_text(pool, &part, "Message", &message)
               == NGX_DEPLOY_ERROR)
        {
            return NGX_DEPLOY_ERROR;
        }

        result->reason = "an error instead of credentials";

        return ngx_deploy_credentials_error(pool, &code, &message,
                                            &result->reply)
               == NGX_DEPLOY_OK ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_ERROR;
    }

    result->reason = "no credentials in the XML";

    part = ngx_deploy_sts_element(text, "Credentials");

    if (part.data == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    credentials = &result->reply.credentials;

    if (ngx_deploy_sts_text(pool, &part, "AccessKeyId",
                            &credentials->access_key_id) == NGX_DEPLOY_ERROR
        || ngx_deploy_sts_text(pool, &part, "SecretAccessKey",
                               &credentials->secret_access_key)
           == NGX_DEPLOY_ERROR
        || ngx_deploy_sts_text(pool, &part, "SessionToken",
                               &credentials->session_token)
           == NGX_DEPLOY_ERROR)
    {
        return NGX_DEPLOY_ERROR;
    }

    expires = ngx_deploy_sts_element(&part, "Expiration");

    if (expires.len == 0
        || ngx_deploy_credentials_time(&expires, &result->reply.expires)
           != NGX_DEPLOY_OK)
    {
        result->reason = "Expiration is not a time";
        return NGX_DEPLOY_DECLINED;
    }

    if (credentials->session_token.len == 0) {
        result->reason = "there is no session token";
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_credentials_check(credentials, &result->reason);
}


/* what is between <name> and </name>, absent when they are not there */

static ngx_deploy_str_t
ngx_deploy_sts_element(const ngx_deploy_str_t *text, const char *name)
{
    char               tag[64];
    u_char            *p, *q, *last;
    ngx_deploy_str_t   element;

    memset(&element, 0, sizeof(ngx_deploy_str_t));

    last = text->data + text->len;

    (void) snprintf(tag, sizeof(tag), "<%s>", name);

    p = ngx_deploy_sts_find(text->data, last, tag);

    if (p == NULL) {
        return element;
    }

    p += strlen(tag);

    (void) snprintf(tag, sizeof(tag), "</%s>", name);

    q = ngx_deploy_sts_find(p, last, tag);

    if (q) {
        element.data = p;
        element.len = q - p;
    }

    return element;
}


/* NGX_DEPLOY_DECLINED: it is not there, or is no plain text */

static int
ngx_deploy_sts_text(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    const char *name, ngx_deploy_str_t *value)
{
    u_char            *p, *d, *last;
    unsigned           i;
    ngx_deploy_str_t   element, rest;

    static const char *const  entities[] = { "&amp;", "&lt;", "&gt;",
                                             "&quot;", "&apos;" };
    static const u_char  chars[] = "&<>\"'";

    element = ngx_deploy_sts_element(text, name);

    if (element.data == NULL
        || (element.len && memchr(element.data, '<', element.len)))
    {
        return NGX_DEPLOY_DECLINED;
    }

    d = ngx_deploy_palloc(pool, element.len);
    if (d == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    value->data = d;

    p = element.data;
    last = p + element.len;

    while (p < last) {
        rest.data = p;
        rest.len = last - p;

        for (i = 0; i < 5; i++) {
            if (ngx_deploy_str_starts(&rest, entities[i])) {
                break;
            }
        }

        if (i < 5) {
            *d++ = chars[i];
            p += strlen(entities[i]);

        } else {
            *d++ = *p++;
        }
    }

    value->len = d - value->data;

    return NGX_DEPLOY_OK;
}


static u_char *
ngx_deploy_sts_find(const u_char *p, const u_char *last, const char *what)
{
    size_t  len;

    len = strlen(what);

    while (p && (size_t) (last - p) >= len) {
        p = memchr(p, what[0], last - p - len + 1);

        if (p == NULL) {
            break;
        }

        if (memcmp(p, what, len) == 0) {
            return (u_char *) p;
        }

        p++;
    }

    return NULL;
}
