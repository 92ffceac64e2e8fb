
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_credentials.h"
#include "ngx_deploy_scan.h"


#define NGX_DEPLOY_CREDENTIALS_LAST_TIME  253402300799     /* of 9999 */


typedef enum {
    NGX_DEPLOY_CREDENTIALS_ID = 1,
    NGX_DEPLOY_CREDENTIALS_SECRET,
    NGX_DEPLOY_CREDENTIALS_TOKEN,
    NGX_DEPLOY_CREDENTIALS_EXPIRES,
    NGX_DEPLOY_CREDENTIALS_CODE,
    NGX_DEPLOY_CREDENTIALS_MESSAGE,
    NGX_DEPLOY_CREDENTIALS_VERSION,
    NGX_DEPLOY_CREDENTIALS_NFACTS
} ngx_deploy_credentials_fact_e;


typedef struct {
    ngx_deploy_pool_t     *pool;
    ngx_deploy_str_t       facts[NGX_DEPLOY_CREDENTIALS_NFACTS];
    int64_t                expires;
} ngx_deploy_credentials_scan_t;


#define ngx_deploy_credentials_keys(path, token)                              \
    { path "AccessKeyId", NGX_DEPLOY_CREDENTIALS_ID,                          \
      NGX_DEPLOY_SIGV4_MAX_KEY_ID, 0 },                                       \
    { path "SecretAccessKey", NGX_DEPLOY_CREDENTIALS_SECRET,                  \
      NGX_DEPLOY_SIGV4_MAX_SECRET, 0 },                                       \
    { path token, NGX_DEPLOY_CREDENTIALS_TOKEN,                               \
      NGX_DEPLOY_CREDENTIALS_MAX_TOKEN, 0 },                                  \
    { path "Expiration", NGX_DEPLOY_CREDENTIALS_EXPIRES, 64, 0 }

#define ngx_deploy_credentials_errors(code, message)                          \
    { code, NGX_DEPLOY_CREDENTIALS_CODE,                                      \
      NGX_DEPLOY_CREDENTIALS_MAX_CODE + 1, 1 },                               \
    { message, NGX_DEPLOY_CREDENTIALS_MESSAGE,                                \
      NGX_DEPLOY_CREDENTIALS_MAX_MESSAGE, 1 }


static int ngx_deploy_credentials_fact(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_credentials_scan(ngx_deploy_credentials_scan_t *ctx,
    ngx_deploy_credentials_kind_e kind, const ngx_deploy_str_t *text,
    const char **reason);
static const char *ngx_deploy_credentials_missing(
    const ngx_deploy_credentials_scan_t *ctx,
    ngx_deploy_credentials_kind_e kind);
static int ngx_deploy_credentials_printable(const ngx_deploy_str_t *s,
    size_t max);
static int64_t ngx_deploy_credentials_days(int64_t year, int64_t month,
    int64_t day);
static int ngx_deploy_credentials_zone(const u_char *p, const u_char *last,
    int64_t *offset);


static const ngx_deploy_scan_path_t  ngx_deploy_credentials_imds[] = {
    ngx_deploy_credentials_keys("", "Token"),
    ngx_deploy_credentials_errors("Code", "Message"),
    ngx_deploy_scan_null_path
};


static const ngx_deploy_scan_path_t  ngx_deploy_credentials_container[] = {
    ngx_deploy_credentials_keys("", "Token"),
    ngx_deploy_credentials_errors("code", "message"),
    ngx_deploy_scan_null_path
};


static const ngx_deploy_scan_path_t  ngx_deploy_credentials_process[] = {
    ngx_deploy_credentials_keys("", "SessionToken"),
    { "Version", NGX_DEPLOY_CREDENTIALS_VERSION, 16, 1 },
    ngx_deploy_scan_null_path
};


static const ngx_deploy_scan_path_t  ngx_deploy_credentials_sts[] = {
    ngx_deploy_credentials_keys("AssumeRoleResponse.AssumeRoleResult"
                                ".Credentials.", "SessionToken"),
    ngx_deploy_credentials_keys("AssumeRoleWithWebIdentityResponse"
                                ".AssumeRoleWithWebIdentityResult"
                                ".Credentials.", "SessionToken"),
    ngx_deploy_credentials_errors("Error.Code", "Error.Message"),
    ngx_deploy_scan_null_path
};


static const ngx_deploy_scan_path_t  *ngx_deploy_credentials_tables[] = {
    ngx_deploy_credentials_imds,
    ngx_deploy_credentials_container,
    ngx_deploy_credentials_process,
    ngx_deploy_credentials_sts
};


int
ngx_deploy_credentials_check(const ngx_deploy_credentials_t *credentials,
    const char **reason)
{
    const ngx_deploy_str_t  *id, *secret, *token;

    id = &credentials->access_key_id;
    secret = &credentials->secret_access_key;
    token = &credentials->session_token;

    if (id->len == 0) {
        *reason = "there is no access key id";
        return NGX_DEPLOY_DECLINED;
    }

    if (secret->len == 0) {
        *reason = "there is no secret access key";
        return NGX_DEPLOY_DECLINED;
    }

    if (!ngx_deploy_credentials_printable(id, NGX_DEPLOY_SIGV4_MAX_KEY_ID)
        || !ngx_deploy_credentials_printable(secret,
                                             NGX_DEPLOY_SIGV4_MAX_SECRET)
        || !ngx_deploy_credentials_printable(token,
                                             NGX_DEPLOY_CREDENTIALS_MAX_TOKEN))
    {
        *reason = "a key is too long or holds a character that no key has";
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_credentials_read(ngx_deploy_pool_t *pool,
    ngx_deploy_credentials_kind_e kind, const ngx_deploy_str_t *text,
    ngx_deploy_credentials_reply_t *reply, const char **reason)
{
    int                            rc;
    const char                    *missing;
    const ngx_deploy_str_t        *code, *message;
    ngx_deploy_credentials_scan_t  ctx;

    memset(&ctx, 0, sizeof(ngx_deploy_credentials_scan_t));
    memset(reply, 0, sizeof(ngx_deploy_credentials_reply_t));

    ctx.pool = pool;

    rc = ngx_deploy_credentials_scan(&ctx, kind, text, reason);

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_DEPLOY_ERROR;
    }

    code = &ctx.facts[NGX_DEPLOY_CREDENTIALS_CODE];
    message = &ctx.facts[NGX_DEPLOY_CREDENTIALS_MESSAGE];

    if (kind == NGX_DEPLOY_CREDENTIALS_IMDS
        && ngx_deploy_str_is(code, "Success"))
    {
        code = &ctx.facts[0];

    } else if (code->len && rc == NGX_DEPLOY_OK) {
        *reason = "an error instead of credentials";
        rc = NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_credentials_error(pool, code, message, reply)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    missing = ngx_deploy_credentials_missing(&ctx, kind);

    if (missing) {
        *reason = missing;
        return NGX_DEPLOY_DECLINED;
    }

    reply->credentials.access_key_id = ctx.facts[NGX_DEPLOY_CREDENTIALS_ID];
    reply->credentials.secret_access_key
                                   = ctx.facts[NGX_DEPLOY_CREDENTIALS_SECRET];
    reply->credentials.session_token = ctx.facts[NGX_DEPLOY_CREDENTIALS_TOKEN];
    reply->expires = ctx.expires;

    return ngx_deploy_credentials_check(&reply->credentials, reason);
}


static int
ngx_deploy_credentials_scan(ngx_deploy_credentials_scan_t *ctx,
    ngx_deploy_credentials_kind_e kind, const ngx_deploy_str_t *text,
    const char **reason)
{
    int                       rc;
    ngx_deploy_scan_t        *scan;
    ngx_deploy_scan_table_t  *table;

    if (text->len > NGX_DEPLOY_CREDENTIALS_MAX_REPLY) {
        *reason = "too long";
        return NGX_DEPLOY_DECLINED;
    }

    table = ngx_deploy_scan_compile(ctx->pool,
                                    ngx_deploy_credentials_tables[kind]);
    if (table == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    scan = ngx_deploy_scan_create(ctx->pool, table,
                                  ngx_deploy_credentials_fact, ctx,
                                  (uintptr_t) ctx->pool->data ^ text->len);
    if (scan == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = NGX_DEPLOY_OK;

    if (text->len) {
        rc = ngx_deploy_scan_feed(scan, text->data, text->len);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_scan_end(scan);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        *reason = ngx_deploy_scan_reason(scan);
    }

    return rc;
}


static int
ngx_deploy_credentials_fact(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_credentials_scan_t *ctx = data;

    int       rc;
    unsigned  number;

    if (type == NGX_DEPLOY_SCAN_NULL) {
        return NGX_DEPLOY_OK;
    }

    number = (type == NGX_DEPLOY_SCAN_INTEGER || type == NGX_DEPLOY_SCAN_REAL);

    if (fact == NGX_DEPLOY_CREDENTIALS_EXPIRES) {

        if (number) {
            rc = ngx_deploy_credentials_number(value, &ctx->expires);

        } else if (type == NGX_DEPLOY_SCAN_STRING) {
            rc = ngx_deploy_credentials_time(value, &ctx->expires);

        } else {
            rc = NGX_DEPLOY_DECLINED;
        }

        if (rc != NGX_DEPLOY_OK) {
            ngx_deploy_scan_set_reason(scan, "Expiration is not a time");
        }

        return rc;
    }

    if (fact == NGX_DEPLOY_CREDENTIALS_VERSION) {

        if (type == NGX_DEPLOY_SCAN_INTEGER) {
            return ngx_deploy_pstrdup(ctx->pool, &ctx->facts[fact],
                                      value->data, value->len);
        }

        ngx_deploy_scan_set_reason(scan, "Version is not the number 1");

        return NGX_DEPLOY_DECLINED;
    }

    if (type == NGX_DEPLOY_SCAN_STRING) {
        return ngx_deploy_pstrdup(ctx->pool, &ctx->facts[fact], value->data,
                                  value->len);
    }

    /* a message that is no text is nobody's harm */

    if (fact == NGX_DEPLOY_CREDENTIALS_MESSAGE) {
        return NGX_DEPLOY_OK;
    }

    ngx_deploy_scan_set_reason(scan, "a member is not a string");

    return NGX_DEPLOY_DECLINED;
}


static const char *
ngx_deploy_credentials_missing(const ngx_deploy_credentials_scan_t *ctx,
    ngx_deploy_credentials_kind_e kind)
{
    if (kind == NGX_DEPLOY_CREDENTIALS_PROCESS) {
        return ngx_deploy_str_is(&ctx->facts[NGX_DEPLOY_CREDENTIALS_VERSION],
                                 "1")
               ? NULL : "Version is not the number 1";
    }

    if (ctx->facts[NGX_DEPLOY_CREDENTIALS_ID].len
        && ctx->facts[NGX_DEPLOY_CREDENTIALS_SECRET].len)
    {
        if (ctx->facts[NGX_DEPLOY_CREDENTIALS_TOKEN].len == 0) {
            return "there is no session token";
        }

        if (ctx->expires == 0) {
            return "there is no Expiration";
        }
    }

    return NULL;
}


int
ngx_deploy_credentials_error(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *code, const ngx_deploy_str_t *message,
    ngx_deploy_credentials_reply_t *reply)
{
    size_t  i, n;
    u_char  c;

    for (i = 0; i < code->len; i++) {
        c = code->data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-')
        {
            break;
        }
    }

    if (i && i == code->len && i <= NGX_DEPLOY_CREDENTIALS_MAX_CODE
        && ngx_deploy_pstrdup(pool, &reply->code, code->data, i)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    n = (message->len < NGX_DEPLOY_CREDENTIALS_MAX_MESSAGE)
        ? message->len : NGX_DEPLOY_CREDENTIALS_MAX_MESSAGE;

    if (n == 0) {
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_pstrdup(pool, &reply->message, message->data, n)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (reply->message.data[i] < ' ' || reply->message.data[i] >= 0x7f) {
            reply->message.data[i] = '?';
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_credentials_time(const ngx_deploy_str_t *text, int64_t *time)
{
    size_t         i;
    int64_t        year, month, day, hour, minute, second, offset, t;
    const u_char  *p, *last;

    static const u_char  form[] = "0000-00-00T00:00:00";
    static const u_char  days[] = { 31, 29, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31 };

    if (text->len < sizeof(form) - 1) {
        return NGX_DEPLOY_DECLINED;
    }

    p = text->data;
    last = p + text->len;

    for (i = 0; i < sizeof(form) - 1; i++) {
        if (form[i] == '0' ? (p[i] < '0' || p[i] > '9')
                           : (p[i] != form[i] && (form[i] != 'T'
                              || (p[i] != 't' && p[i] != ' '))))
        {
            return NGX_DEPLOY_DECLINED;
        }
    }

    year = ngx_deploy_atoi64(p, 4);
    month = ngx_deploy_atoi64(p + 5, 2);
    day = ngx_deploy_atoi64(p + 8, 2);
    hour = ngx_deploy_atoi64(p + 11, 2);
    minute = ngx_deploy_atoi64(p + 14, 2);
    second = ngx_deploy_atoi64(p + 17, 2);

    if (month < 1 || month > 12 || day < 1 || day > days[month - 1]
        || (month == 2 && day == 29
            && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
        || hour > 23 || minute > 59 || second > 60
        || ngx_deploy_credentials_zone(p + sizeof(form) - 1, last, &offset)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_DECLINED;
    }

    t = ngx_deploy_credentials_days(year, month, day) * 86400
        + hour * 3600 + minute * 60 + second - offset;

    if (t < 1 || t > NGX_DEPLOY_CREDENTIALS_LAST_TIME) {
        return NGX_DEPLOY_DECLINED;
    }

    *time = t;

    return NGX_DEPLOY_OK;
}


/* since 1970; years begin in March, eras of 400 years in the year 0 */

static int64_t
ngx_deploy_credentials_days(int64_t year, int64_t month, int64_t day)
{
    int64_t  y, m;

    y = (month > 2) ? year : year - 1;
    m = (month > 2) ? month - 3 : month + 9;

    if (y < 0) {
        return -719469;
    }

    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
           - 719468;
}


/* a fraction, then "Z" or an offset, in seconds, with or without a colon */

static int
ngx_deploy_credentials_zone(const u_char *p, const u_char *last,
    int64_t *offset)
{
    size_t   n;
    int64_t  hour, minute;

    if (p < last && *p == '.') {
        n = 0;

        for (p++; p < last && *p >= '0' && *p <= '9'; p++) {
            n++;
        }

        if (n == 0) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    *offset = 0;

    if (last - p == 1 && (*p == 'Z' || *p == 'z')) {
        return NGX_DEPLOY_OK;
    }

    if ((last - p != 5 && (last - p != 6 || p[3] != ':'))
        || (*p != '+' && *p != '-'))
    {
        return NGX_DEPLOY_DECLINED;
    }

    hour = ngx_deploy_atoi64(p + 1, 2);
    minute = ngx_deploy_atoi64(last - 2, 2);

    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        return NGX_DEPLOY_DECLINED;
    }

    *offset = (hour * 3600 + minute * 60) * (*p == '-' ? -1 : 1);

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_credentials_number(const ngx_deploy_str_t *text, int64_t *time)
{
    int            scale, digits;
    int64_t        n, e;
    unsigned       point, sign;
    const u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    n = 0;
    scale = 0;
    digits = 0;
    point = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.' && !point) {
            point = 1;
            continue;
        }

        if (*p < '0' || *p > '9') {
            break;
        }

        /* more digits than these are of a fraction or of no time */

        if (digits < 17) {
            n = n * 10 + (*p - '0');
            digits += (n != 0);
            scale -= point;

        } else {
            scale += !point;
        }
    }

    if (p == text->data) {
        return NGX_DEPLOY_DECLINED;
    }

    if (p < last) {

        if (*p != 'e' && *p != 'E') {
            return NGX_DEPLOY_DECLINED;
        }

        p++;
        sign = (p < last && *p == '-');

        if (p < last && (*p == '-' || *p == '+')) {
            p++;
        }

        e = ngx_deploy_atoi64(p, last - p);

        if (e < 0 || e > 1000) {
            return NGX_DEPLOY_DECLINED;
        }

        scale += sign ? -e : e;
    }

    for ( /* void */ ; scale < 0 && n; scale++) {
        n /= 10;
    }

    for ( /* void */ ; scale > 0 && n; scale--) {

        if (n > NGX_DEPLOY_CREDENTIALS_LAST_TIME) {
            return NGX_DEPLOY_DECLINED;
        }

        n *= 10;
    }

    if (n == 0 || n > NGX_DEPLOY_CREDENTIALS_LAST_TIME) {
        return NGX_DEPLOY_DECLINED;
    }

    *time = n;

    return NGX_DEPLOY_OK;
}


/* up to max printable ASCII characters without a blank */

static int
ngx_deploy_credentials_printable(const ngx_deploy_str_t *s, size_t max)
{
    size_t  i;

    if (s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {

        if (s->data[i] <= ' ' || s->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
