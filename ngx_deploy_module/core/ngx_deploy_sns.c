
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_credentials.h"
#include "ngx_deploy_sns.h"


#define NGX_DEPLOY_SNS_ROOT    1
#define NGX_DEPLOY_SNS_MEMBER  2      /* the fact of the first member */


static int ngx_deploy_sns_value(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_sns_refuse(ngx_deploy_sns_t *sns, const char *reason);
static int ngx_deploy_sns_members(ngx_deploy_sns_t *sns,
    const ngx_deploy_str_t *type);
static int ngx_deploy_sns_signature(ngx_deploy_sns_t *sns);
static int ngx_deploy_sns_urls(ngx_deploy_sns_t *sns);
static int ngx_deploy_sns_url(const ngx_deploy_str_t *url,
    ngx_deploy_str_t *target);
static unsigned ngx_deploy_sns_certificate_path(const ngx_deploy_str_t *path);
static unsigned ngx_deploy_sns_visible(const ngx_deploy_str_t *s, size_t max);


/* the order is that of ngx_deploy_sns_member_e */

static const ngx_deploy_scan_path_t  ngx_deploy_sns_paths[] = {
    { "", NGX_DEPLOY_SNS_ROOT, 0, 1 },
    { "Type", NGX_DEPLOY_SNS_MEMBER, 64, 0 },
    { "MessageId", NGX_DEPLOY_SNS_MEMBER + 1, NGX_DEPLOY_MAX_ID, 0 },
    { "TopicArn", NGX_DEPLOY_SNS_MEMBER + 2, 1024, 0 },
    { "Message", NGX_DEPLOY_SNS_MEMBER + 3, NGX_DEPLOY_SNS_MAX_MESSAGE, 0 },
    { "Subject", NGX_DEPLOY_SNS_MEMBER + 4, 1024, 0 },
    { "Timestamp", NGX_DEPLOY_SNS_MEMBER + 5, 64, 0 },
    { "Token", NGX_DEPLOY_SNS_MEMBER + 6, NGX_DEPLOY_SNS_MAX_URL, 0 },
    { "SubscribeURL", NGX_DEPLOY_SNS_MEMBER + 7, NGX_DEPLOY_SNS_MAX_URL, 0 },
    { "SignatureVersion", NGX_DEPLOY_SNS_MEMBER + 8, 64, 0 },
    { "Signature", NGX_DEPLOY_SNS_MEMBER + 9, 2048, 0 },
    { "SigningCertURL", NGX_DEPLOY_SNS_MEMBER + 10, NGX_DEPLOY_SNS_MAX_URL,
      0 },

    ngx_deploy_scan_null_path
};


ngx_deploy_scan_table_t *
ngx_deploy_sns_table(ngx_deploy_pool_t *pool)
{
    return ngx_deploy_scan_compile(pool, ngx_deploy_sns_paths);
}


int
ngx_deploy_sns_begin(ngx_deploy_sns_t *sns, ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_table_t *table, uint64_t seed)
{
    memset(sns, 0, sizeof(ngx_deploy_sns_t));

    sns->pool = pool;
    sns->scan = ngx_deploy_scan_create(pool, table, ngx_deploy_sns_value, sns,
                                       seed);

    return sns->scan ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_sns_feed(ngx_deploy_sns_t *sns, const u_char *p, size_t len)
{
    int  rc;

    if (sns->reason) {
        return NGX_DEPLOY_DECLINED;
    }

    if (len > NGX_DEPLOY_SNS_MAX_BODY - sns->received) {
        return ngx_deploy_sns_refuse(sns, "the body is too large");
    }

    sns->received += len;

    rc = ngx_deploy_scan_feed(sns->scan, p, len);

    if (rc == NGX_DEPLOY_DECLINED) {
        sns->reason = ngx_deploy_scan_reason(sns->scan);
    }

    return rc;
}


static int
ngx_deploy_sns_value(ngx_deploy_scan_t *scan, void *data, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_sns_t  *sns = data;

    const char        *reason;
    ngx_deploy_str_t  *member;

    if (fact == NGX_DEPLOY_SNS_ROOT) {

        if (type == NGX_DEPLOY_SCAN_OBJECT
            || type == NGX_DEPLOY_SCAN_OBJECT_END)
        {
            return NGX_DEPLOY_OK;
        }

        reason = "the body is not an object";

    } else if (type == NGX_DEPLOY_SCAN_STRING) {
        member = &sns->members[fact - NGX_DEPLOY_SNS_MEMBER];

        return ngx_deploy_pstrdup(sns->pool, member, value->data, value->len);

    } else if (type == NGX_DEPLOY_SCAN_NULL) {
        return NGX_DEPLOY_OK;

    } else {
        reason = "a member is not a string";
    }

    ngx_deploy_scan_set_reason(scan, reason);

    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_sns_refuse(ngx_deploy_sns_t *sns, const char *reason)
{
    sns->reason = reason;

    return NGX_DEPLOY_DECLINED;
}


ngx_deploy_verify_e
ngx_deploy_sns_check(ngx_deploy_sns_t *sns,
    const ngx_deploy_verifier_t *verifier, const ngx_deploy_str_t *type,
    time_t now)
{
    int                rc;
    int64_t            t;
    ngx_deploy_str_t  *m;

    m = sns->members;

    rc = sns->reason ? NGX_DEPLOY_DECLINED : ngx_deploy_scan_end(sns->scan);

    if (rc == NGX_DEPLOY_DECLINED && sns->reason == NULL) {
        sns->reason = ngx_deploy_scan_reason(sns->scan);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_sns_members(sns, type);
    }

    if (rc != NGX_DEPLOY_OK) {
        goto refused;
    }

    if (!ngx_deploy_verifier_has_topic(verifier, &m[NGX_DEPLOY_SNS_TOPIC])) {
        return NGX_DEPLOY_VERIFY_TOPIC;
    }

    rc = ngx_deploy_credentials_time(&m[NGX_DEPLOY_SNS_TIMESTAMP], &t);

    if (rc != NGX_DEPLOY_OK) {
        sns->reason = "the timestamp is malformed";
        goto refused;
    }

    rc = ngx_deploy_sns_signature(sns);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_sns_urls(sns);
    }

    if (rc != NGX_DEPLOY_OK) {
        goto refused;
    }

    if (verifier->tolerance
        && (t < (int64_t) now - verifier->tolerance
            || t > (int64_t) now + verifier->tolerance))
    {
        return NGX_DEPLOY_VERIFY_STALE;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;

refused:

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_VERIFY_MALFORMED
                                       : NGX_DEPLOY_VERIFY_ERROR;
}


/*
 * What has to be there.  The signed text is made of lines, so that none but
 * the message and its subject may hold a newline, or else its parts could be
 * told apart in another way.
 */

static int
ngx_deploy_sns_members(ngx_deploy_sns_t *sns, const ngx_deploy_str_t *type)
{
    ngx_deploy_str_t  *m;

    m = sns->members;

    if (ngx_deploy_str_is(&m[NGX_DEPLOY_SNS_TYPE], "Notification")) {
        sns->type = NGX_DEPLOY_SNS_NOTIFICATION;

    } else if (ngx_deploy_str_is(&m[NGX_DEPLOY_SNS_TYPE],
                                 "SubscriptionConfirmation"))
    {
        sns->type = NGX_DEPLOY_SNS_SUBSCRIPTION;

    } else if (ngx_deploy_str_is(&m[NGX_DEPLOY_SNS_TYPE],
                                 "UnsubscribeConfirmation"))
    {
        sns->type = NGX_DEPLOY_SNS_UNSUBSCRIPTION;

    } else {
        return ngx_deploy_sns_refuse(sns, "not a message of SNS");
    }

    if (!ngx_deploy_str_eq(&m[NGX_DEPLOY_SNS_TYPE], type)) {
        return ngx_deploy_sns_refuse(sns, "the type is not that of the header");
    }

    if (m[NGX_DEPLOY_SNS_MESSAGE].data == NULL) {
        return ngx_deploy_sns_refuse(sns, "no message");
    }

    if (!ngx_deploy_sns_visible(&m[NGX_DEPLOY_SNS_MESSAGE_ID],
                                NGX_DEPLOY_MAX_ID))
    {
        return ngx_deploy_sns_refuse(sns, "the message id is malformed");
    }

    if (sns->type != NGX_DEPLOY_SNS_NOTIFICATION
        && !ngx_deploy_sns_visible(&m[NGX_DEPLOY_SNS_TOKEN],
                                   NGX_DEPLOY_SNS_MAX_URL))
    {
        return ngx_deploy_sns_refuse(sns, "the token is malformed");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_sns_signature(ngx_deploy_sns_t *sns)
{
    ngx_deploy_str_t  *signature, *version;

    version = &sns->members[NGX_DEPLOY_SNS_VERSION];
    signature = &sns->members[NGX_DEPLOY_SNS_SIGNATURE];

    if (!ngx_deploy_str_is(version, "1") && !ngx_deploy_str_is(version, "2")) {
        return ngx_deploy_sns_refuse(sns, "unknown version of the signature");
    }

    if (signature->len == 0) {
        return ngx_deploy_sns_refuse(sns, "no signature");
    }

    sns->signature.len = signature->len;
    sns->signature.data = ngx_deploy_palloc(sns->pool, signature->len);

    if (sns->signature.data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (ngx_deploy_base64_decode(sns->signature.data, &sns->signature.len,
                                 signature->data, signature->len)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_sns_refuse(sns, "the signature is not base64");
    }

    return NGX_DEPLOY_OK;
}


/* nothing may be called before this holds */

static int
ngx_deploy_sns_urls(ngx_deploy_sns_t *sns)
{
    ngx_deploy_str_t  *m;

    m = sns->members;

    if (ngx_deploy_sns_url(&m[NGX_DEPLOY_SNS_CERTIFICATE_URL],
                           &sns->certificate)
        != NGX_DEPLOY_OK
        || !ngx_deploy_sns_certificate_path(&sns->certificate))
    {
        return ngx_deploy_sns_refuse(sns, "the certificate is not at SNS");
    }

    if (sns->type == NGX_DEPLOY_SNS_NOTIFICATION) {
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_sns_url(&m[NGX_DEPLOY_SNS_SUBSCRIBE_URL], &sns->subscribe)
        != NGX_DEPLOY_OK
        || !ngx_deploy_str_starts(&sns->subscribe,
                                  "/?Action=ConfirmSubscription&"))
    {
        return ngx_deploy_sns_refuse(sns, "the subscription is not at SNS");
    }

    return NGX_DEPLOY_OK;
}


/*
 * https://sns.REGION.amazonaws.com/... or .com.cn, the host matched whole:
 * there is no port, no user and no other end of the name
 */

static int
ngx_deploy_sns_url(const ngx_deploy_str_t *url, ngx_deploy_str_t *target)
{
    u_char            *p, *last;
    ngx_deploy_str_t   domain;

    static const char  begin[] = "https://sns.";

    if (!ngx_deploy_sns_visible(url, NGX_DEPLOY_SNS_MAX_URL)
        || !ngx_deploy_str_starts(url, begin)
        || memchr(url->data, '#', url->len) != NULL)
    {
        return NGX_DEPLOY_DECLINED;
    }

    p = url->data + sizeof(begin) - 1;
    last = url->data + url->len;

    domain.data = p;

    while (p < last && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
                        || (*p == '-' && p != domain.data)))
    {
        p++;
    }

    if (p == domain.data || p - domain.data > 63) {
        return NGX_DEPLOY_DECLINED;
    }

    domain.data = p;

    while (p < last && *p != '/') { p++; }

    domain.len = p - domain.data;

    if (!ngx_deploy_str_is(&domain, ".amazonaws.com")
        && !ngx_deploy_str_is(&domain, ".amazonaws.com.cn"))
    {
        return NGX_DEPLOY_DECLINED;
    }

    target->data = p;
    target->len = last - p;

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_sns_certificate_path(const ngx_deploy_str_t *path)
{
    size_t   i;
    u_char  *p;

    static const char  begin[] = "/SimpleNotificationService-";
    static const char  end[] = ".pem";

    if (path->len != sizeof(begin) - 1 + 32 + sizeof(end) - 1
        || !ngx_deploy_str_starts(path, begin))
    {
        return 0;
    }

    p = path->data + sizeof(begin) - 1;

    for (i = 0; i < 32; i++, p++) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z')
              || (*p >= 'A' && *p <= 'Z')))
        {
            return 0;
        }
    }

    return memcmp(p, end, sizeof(end) - 1) == 0;
}


/* 1 to max printable ASCII characters without blanks */

static unsigned
ngx_deploy_sns_visible(const ngx_deploy_str_t *s, size_t max)
{
    size_t  i;

    if (s->len == 0 || s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= 0x20 || s->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
