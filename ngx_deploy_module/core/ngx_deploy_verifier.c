
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>


typedef struct {
    const char                *name;
    ngx_deploy_scheme_type_e   type;
    ngx_deploy_str_t           header;
    ngx_deploy_str_t           prefix;
    ngx_deploy_str_t           id_header;
    ngx_deploy_str_t           time_header;
} ngx_deploy_scheme_t;


static const ngx_deploy_scheme_t  ngx_deploy_schemes[] = {

    { "github", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_string("x-hub-signature-256"),
      ngx_deploy_string("sha256="),
      ngx_deploy_null_string, ngx_deploy_null_string },

    /* the secret token; with a signing token it is as "standard" */

    { "gitlab", NGX_DEPLOY_SCHEME_TOKEN,
      ngx_deploy_string("x-gitlab-token"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    /* Cloud and Data Center: the SHA-1 header's name, a SHA-256 value */

    { "bitbucket", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_string("x-hub-signature"),
      ngx_deploy_string("sha256="),
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "gitea", NGX_DEPLOY_SCHEME_PAYLOAD,
      ngx_deploy_string("x-gitea-signature"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "forgejo", NGX_DEPLOY_SCHEME_PAYLOAD,
      ngx_deploy_string("x-forgejo-signature"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "gogs", NGX_DEPLOY_SCHEME_PAYLOAD,
      ngx_deploy_string("x-gogs-signature"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "azure", NGX_DEPLOY_SCHEME_BASIC,
      ngx_deploy_string("authorization"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "slack", NGX_DEPLOY_SCHEME_SLACK,
      ngx_deploy_string("x-slack-signature"),
      ngx_deploy_string("v0="),
      ngx_deploy_null_string,
      ngx_deploy_string("x-slack-request-timestamp") },

    { "standard", NGX_DEPLOY_SCHEME_STANDARD,
      ngx_deploy_string("webhook-signature"),
      ngx_deploy_string("v1,"),
      ngx_deploy_string("webhook-id"),
      ngx_deploy_string("webhook-timestamp") },

    { "sns", NGX_DEPLOY_SCHEME_SNS,
      ngx_deploy_string("x-amz-sns-message-type"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "token", NGX_DEPLOY_SCHEME_TOKEN,
      ngx_deploy_string("authorization"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "build", NGX_DEPLOY_SCHEME_BUILD,
      ngx_deploy_string("authorization"),
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { "hmac", NGX_DEPLOY_SCHEME_HMAC,
      ngx_deploy_null_string,
      ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string },

    { NULL, 0, ngx_deploy_null_string, ngx_deploy_null_string,
      ngx_deploy_null_string, ngx_deploy_null_string }
};


static unsigned ngx_deploy_verifier_named(const ngx_deploy_str_t *text,
    const char *name, ngx_deploy_str_t *value);
static int ngx_deploy_verifier_family(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool);
static int ngx_deploy_verifier_join(ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *dst, const ngx_deploy_str_t *family, const char *end);
static unsigned ngx_deploy_verifier_topic(const ngx_deploy_str_t *topic);


int
ngx_deploy_verifier_init(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name)
{
    const ngx_deploy_scheme_t  *scheme;

    memset(verifier, 0, sizeof(ngx_deploy_verifier_t));

    for (scheme = ngx_deploy_schemes; scheme->name; scheme++) {

        if (!ngx_deploy_str_is(name, scheme->name)) {
            continue;
        }

        verifier->name = scheme->name;
        verifier->type = scheme->type;
        verifier->header = scheme->header;
        verifier->prefix = scheme->prefix;
        verifier->id_header = scheme->id_header;
        verifier->time_header = scheme->time_header;
        verifier->algorithm = "SHA256";
        verifier->size = 32;
        verifier->base64 = (scheme->type == NGX_DEPLOY_SCHEME_STANDARD);
        verifier->bearer = (ngx_deploy_str_is(name, "token")
                            || scheme->type == NGX_DEPLOY_SCHEME_BUILD);
        verifier->tolerance = NGX_DEPLOY_TOLERANCE;

        /* it may deliver late, and a late 403 would lose the message */

        if (scheme->type == NGX_DEPLOY_SCHEME_SNS) {
            verifier->tolerance = 0;
        }

        return NGX_DEPLOY_OK;
    }

    return NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_verifier_param(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text, const char **reason)
{
    int64_t            n;
    unsigned           hmac;
    ngx_deploy_str_t   value;

    *reason = NULL;

    hmac = (strcmp(verifier->name, "hmac") == 0);

    if (verifier->type == NGX_DEPLOY_SCHEME_SNS
        && ngx_deploy_verifier_named(text, "topic=", &value))
    {
        return ngx_deploy_verifier_topics(verifier, pool, &value, reason);
    }

    if (ngx_deploy_verifier_named(text, "header=", &value)) {
        return ngx_deploy_verifier_header(verifier, pool, &value);
    }

    if (hmac && ngx_deploy_verifier_named(text, "algorithm=", &value)) {
        return ngx_deploy_verifier_algorithm(verifier, &value);
    }

    if (hmac && ngx_deploy_verifier_named(text, "encoding=", &value)) {

        if (!ngx_deploy_str_is(&value, "base64")
            && !ngx_deploy_str_is(&value, "hex"))
        {
            return NGX_DEPLOY_DECLINED;
        }

        verifier->base64 = ngx_deploy_str_is(&value, "base64");

        return NGX_DEPLOY_OK;
    }

    if (hmac && ngx_deploy_verifier_named(text, "prefix=", &value)) {
        verifier->prefix = value;
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_verifier_named(text, "tolerance=", &value)) {

        n = ngx_deploy_parse_time(value.data, value.len);

        if (n > 0) {
            verifier->tolerance = n;
            return NGX_DEPLOY_OK;
        }
    }

    return NGX_DEPLOY_DECLINED;
}


static unsigned
ngx_deploy_verifier_named(const ngx_deploy_str_t *text, const char *name,
    ngx_deploy_str_t *value)
{
    size_t  len;

    if (!ngx_deploy_str_starts(text, name)) {
        return 0;
    }

    len = strlen(name);

    value->data = text->data + len;
    value->len = text->len - len;

    return 1;
}


int
ngx_deploy_verifier_algorithm(ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *name)
{
    if (ngx_deploy_str_is(name, "sha256")) {
        verifier->algorithm = "SHA256";
        verifier->size = 32;

    } else if (ngx_deploy_str_is(name, "sha512")) {
        verifier->algorithm = "SHA512";
        verifier->size = 64;

    } else if (ngx_deploy_str_is(name, "sha1")) {
        verifier->algorithm = "SHA1";
        verifier->size = 20;

    } else {
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_verifier_header(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *name)
{
    size_t  i;

    if (name->len == 0
        || (strcmp(verifier->name, "token") != 0
            && strcmp(verifier->name, "hmac") != 0
            && strcmp(verifier->name, "standard") != 0))
    {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_pstrdup(pool, &verifier->header, name->data, name->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] >= 'A' && name->data[i] <= 'Z') {
            verifier->header.data[i] |= 0x20;
        }
    }

    if (verifier->type == NGX_DEPLOY_SCHEME_STANDARD) {
        return ngx_deploy_verifier_family(verifier, pool);
    }

    verifier->bearer = (verifier->type == NGX_DEPLOY_SCHEME_TOKEN
                        && ngx_deploy_str_is(&verifier->header,
                                             "authorization"));
    return NGX_DEPLOY_OK;
}


/* "svix-signature" goes with "svix-id" and "svix-timestamp" */

static int
ngx_deploy_verifier_family(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool)
{
    ngx_deploy_str_t  family;

    static const char  end[] = "-signature";

    family = verifier->header;

    if (family.len < sizeof(end)
        || memcmp(family.data + family.len - (sizeof(end) - 1), end,
                  sizeof(end) - 1)
           != 0)
    {
        return NGX_DEPLOY_DECLINED;
    }

    family.len -= sizeof(end) - 1;

    if (ngx_deploy_verifier_join(pool, &verifier->id_header, &family, "-id")
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_verifier_join(pool, &verifier->time_header, &family,
                                    "-timestamp");
}


static int
ngx_deploy_verifier_join(ngx_deploy_pool_t *pool, ngx_deploy_str_t *dst,
    const ngx_deploy_str_t *family, const char *end)
{
    size_t  len;

    len = strlen(end);

    dst->data = ngx_deploy_palloc(pool, family->len + len);
    if (dst->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(dst->data, family->data, family->len);
    memcpy(dst->data + family->len, end, len);

    dst->len = family->len + len;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_verifier_topics(ngx_deploy_verifier_t *verifier,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *list, const char **reason)
{
    u_char            *p, *last;
    ngx_deploy_str_t  *topic;

    verifier->ntopics = 0;
    verifier->topics = ngx_deploy_palloc(pool, NGX_DEPLOY_MAX_TOPICS
                                               * sizeof(ngx_deploy_str_t));
    if (verifier->topics == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = list->data;
    last = p + list->len;

    do {
        if (verifier->ntopics == NGX_DEPLOY_MAX_TOPICS) {
            *reason = "has more than 32 topics";
            return NGX_DEPLOY_DECLINED;
        }

        topic = &verifier->topics[verifier->ntopics++];
        topic->data = p;

        while (p < last && *p != ',') { p++; }

        topic->len = p - topic->data;

        if (!ngx_deploy_verifier_topic(topic)) {
            *reason = "is not a list of ARNs of topics";
            return NGX_DEPLOY_DECLINED;
        }

    } while (p++ < last);

    return NGX_DEPLOY_OK;
}


/* arn:aws:sns:us-east-1:123456789012:builds */

static unsigned
ngx_deploy_verifier_topic(const ngx_deploy_str_t *topic)
{
    u_char            *p, *last;
    unsigned           n;
    ngx_deploy_str_t   part;

    p = topic->data;
    last = p + topic->len;

    for (n = 0; n < 6; n++) {

        part.data = p;

        while (p < last && *p > 0x20 && *p < 0x7f && *p != ':') { p++; }

        part.len = p - part.data;

        if (part.len == 0
            || (n == 0 && !ngx_deploy_str_is(&part, "arn"))
            || (n == 2 && !ngx_deploy_str_is(&part, "sns"))
            || (n < 5 && (p == last || *p++ != ':')))
        {
            return 0;
        }
    }

    return p == last;
}


unsigned
ngx_deploy_verifier_has_topic(const ngx_deploy_verifier_t *verifier,
    const ngx_deploy_str_t *topic)
{
    size_t  i;

    for (i = 0; i < verifier->ntopics; i++) {
        if (ngx_deploy_str_eq(topic, &verifier->topics[i])) {
            return 1;
        }
    }

    return 0;
}


unsigned
ngx_deploy_verifier_unused(const ngx_deploy_verifier_t *verifiers, size_t n,
    size_t i)
{
    size_t  k;

    if (verifiers[i].type != NGX_DEPLOY_SCHEME_TOKEN
        || strcmp(verifiers[i].name, "gitlab") != 0)
    {
        return 0;
    }

    for (k = 0; k < n; k++) {
        if (verifiers[k].type == NGX_DEPLOY_SCHEME_STANDARD
            && strcmp(verifiers[k].name, "gitlab") == 0)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_deploy_verifier_free(ngx_deploy_verifier_t *verifier)
{
    size_t  i;

    for (i = 0; i < verifier->nsecrets; i++) {
        EVP_MAC_CTX_free(verifier->secrets[i].mac);
        verifier->secrets[i].mac = NULL;
        OPENSSL_cleanse(verifier->secrets[i].digest, 32);
    }

    verifier->nsecrets = 0;
}
