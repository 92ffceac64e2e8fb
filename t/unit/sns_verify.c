
/*
 * Copyright (C) ngx_deploy_module authors
 */


/* messages of SNS: signatures and certificates, made here */


#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "ngx_deploy_tap_sns.h"


#define DAY  86400


static EVP_PKEY                      *key, *other;
static ngx_deploy_sns_certificate_t   certificate;


/* PEM of a certificate; name or san may be NULL */

static ngx_deploy_str_t
pem(EVP_PKEY *pkey, const char *name, const char *san, time_t from, time_t to)
{
    BIO               *bio;
    long               len;
    char              *p;
    X509              *x509;
    X509_NAME         *subject;
    ASN1_INTEGER      *serial;
    X509_EXTENSION    *ext;
    ngx_deploy_str_t   s;

    x509 = X509_new();
    X509_set_version(x509, 2);

    serial = X509_get_serialNumber(x509);
    ASN1_INTEGER_set(serial, 1);

    ASN1_TIME_set(X509_getm_notBefore(x509), from);
    ASN1_TIME_set(X509_getm_notAfter(x509), to);

    subject = X509_get_subject_name(x509);

    if (name) {
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   (const u_char *) name, -1, -1, 0);
    }

    X509_set_issuer_name(x509, subject);
    X509_set_pubkey(x509, pkey);

    if (san) {
        ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
        X509_add_ext(x509, ext, -1);
        X509_EXTENSION_free(ext);
    }

    X509_sign(x509, pkey, EVP_sha256());

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x509);
    len = BIO_get_mem_data(bio, &p);

    s = tap_copy(p, len);

    BIO_free(bio);
    X509_free(x509);

    return s;
}


static void
is_certificate(ngx_deploy_str_t text, const char *want, const char *name)
{
    const char                    *reason;
    ngx_deploy_sns_certificate_t   c;

    reason = NULL;

    is_int(ngx_deploy_sns_certificate(&c, text.data, text.len, &reason),
           want ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK, "%s", name);
    is_str(tap_str(reason), want, "%s: reason", name);
    is_int(c.key != NULL, want == NULL, "%s: key", name);

    ngx_deploy_sns_certificate_free(&c);
    ngx_deploy_sns_certificate_free(&c);
}


static void
test_names(void)
{
    unsigned  i;

    static const char  *good[] = {
        "sns.amazonaws.com", "sns-us-gov-west-1.amazonaws.com",
        "sns-signing.me-south-1.amazonaws.com",
        "sns.af-south-1.amazonaws.com", "sns-cn-north-1.amazonaws.com.cn"
    };

    static const char  *bad[] = {
        "amazonaws.com", "sns", "sns.", "xsns.amazonaws.com",
        "snsamazonaws.com", "sns.amazonaws.com.example.com",
        "sns.example.com", "sns.xamazonaws.com", "SNS.amazonaws.com",
        "sns.*.amazonaws.com", "sqs.amazonaws.com", "sns.amazonaws.com.cn.",
        "sns/.amazonaws.com"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_certificate(pem(key, good[i], NULL, NOW - DAY, NOW + DAY), NULL,
                       good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_certificate(pem(key, bad[i], NULL, NOW - DAY, NOW + DAY),
                       "is not issued for SNS", bad[i]);
    }

    is_certificate(pem(key, NULL, NULL, NOW - DAY, NOW + DAY),
                   "is not issued for SNS", "no name");
    is_certificate(pem(key, "x", "DNS:a.example.com,DNS:sns.amazonaws.com",
                       NOW - DAY, NOW + DAY), NULL, "an alternative name");
    is_certificate(pem(key, "sns.amazonaws.com", "DNS:a.example.com",
                       NOW - DAY, NOW + DAY), "is not issued for SNS",
                   "other alternative names");
    is_certificate(pem(key, "sns.amazonaws.com", "email:sns.amazonaws.com@a.b",
                       NOW - DAY, NOW + DAY), "is not issued for SNS",
                   "an address");
}


static void
test_certificates(void)
{
    size_t             i;
    EVP_PKEY          *small, *ec;
    ngx_deploy_str_t   s, cut;

    small = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");

    is_certificate(pem(small, "sns.amazonaws.com", NULL, NOW, NOW + DAY),
                   "has a key of another size", "1024 bits");
    is_certificate(pem(ec, "sns.amazonaws.com", NULL, NOW, NOW + DAY),
                   "has no RSA key", "EC");

    EVP_PKEY_free(small);
    EVP_PKEY_free(ec);

    is_certificate(tap_copy("", 0), "is empty or too large", "empty");
    is_certificate(tap_copy("<html>", 6), "is not a certificate in PEM",
                   "HTML");

    s = pem(key, "sns.amazonaws.com", NULL, NOW, NOW + DAY);

    for (i = 1; i < s.len - 1; i += 37) {
        cut = tap_copy(s.data, i);
        is_certificate(cut, "is not a certificate in PEM", "cut");
    }

    cut = tap_copy(s.data, s.len);
    cut.data[200] = '?';
    is_certificate(cut, "is not a certificate in PEM", "damaged");

    s.data = ngx_deploy_palloc(tap_pool(), NGX_DEPLOY_SNS_MAX_CERTIFICATE + 1);
    s.len = NGX_DEPLOY_SNS_MAX_CERTIFICATE + 1;
    memset(s.data, 'a', s.len);
    is_certificate(s, "is empty or too large", "too large");
}


static void
test_times(void)
{
    const char                    *reason;
    ngx_deploy_str_t               s;
    ngx_deploy_sns_certificate_t   c;

    s = pem(key, "sns.amazonaws.com", NULL, NOW - DAY, NOW + 3000L * DAY);
    ngx_deploy_sns_certificate(&c, s.data, s.len, &reason);

    is_int(c.not_before, NOW - DAY, "not before");
    is_int(c.not_after, NOW + 3000L * DAY, "not after");

    is_int(ngx_deploy_sns_certificate_valid(&c, NOW - DAY - 1), 0, "before");
    is_int(ngx_deploy_sns_certificate_valid(&c, NOW - DAY), 1, "the first");
    is_int(ngx_deploy_sns_certificate_valid(&c, NOW + 3000L * DAY), 1,
           "the last");
    is_int(ngx_deploy_sns_certificate_valid(&c, NOW + 3000L * DAY + 1), 0,
           "after");

    ngx_deploy_sns_certificate_free(&c);
    is_int(ngx_deploy_sns_certificate_valid(&c, NOW), 0, "freed");
}


/* signs text for the message, in base64 */

static void
sign(message_t *m, EVP_PKEY *pkey, const char *version, const char *text)
{
    size_t      len;
    u_char      raw[512];
    EVP_MD_CTX *md;

    static char  base64[1024];

    md = EVP_MD_CTX_new();
    len = sizeof(raw);

    EVP_DigestSignInit(md, NULL, *version == '1' ? EVP_sha1() : EVP_sha256(),
                       NULL, pkey);
    EVP_DigestSign(md, raw, &len, (const u_char *) text, strlen(text));
    EVP_MD_CTX_free(md);

    EVP_EncodeBlock((u_char *) base64, raw, len);

    m->version = version;
    m->signature = base64;
}


static void
is_verified(const message_t *m, ngx_deploy_verify_e want, const char *name)
{
    size_t            step;
    ngx_deploy_sns_t  sns;

    static const size_t  steps[] = { 1, 100000 };

    for (step = 0; step < 2; step++) {

        is_int(check(&sns, envelope(m), steps[step], m->type),
               NGX_DEPLOY_VERIFY_SUCCESS, "%s: checked", name);
        is_int(ngx_deploy_sns_verify(&sns, &certificate, NOW), want,
               "%s: verified", name);
    }
}


#define SIGNED  "Message\nHello\nMessageId\n"                                 \
                "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf321\n"
#define REST    "Timestamp\n2023-11-14T22:13:20.000Z\nTopicArn\n" TOPIC       \
                "\nType\nNotification\n"


static void
test_notifications(void)
{
    unsigned    i;
    message_t   m, changed;

    static const char  *versions[] = { "1", "2" };

    for (i = 0; i < 2; i++) {
        m = notification();
        sign(&m, key, versions[i], SIGNED REST);
        is_verified(&m, NGX_DEPLOY_VERIFY_SUCCESS, "good");

        changed = m;
        changed.version = versions[1 - i];
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "other version");

        changed = m;
        changed.message = "Hello!";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "message");

        changed = m;
        changed.id = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf322";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "id");

        changed = m;
        changed.timestamp = "2023-11-14T22:13:21.000Z";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "timestamp");

        changed = m;
        changed.subject = "";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "an empty subject");

        /* these are not signed */

        changed = m;
        changed.token = "x";
        changed.subscribe = "y";
        is_verified(&changed, NGX_DEPLOY_VERIFY_SUCCESS, "not signed");

        sign(&m, other, versions[i], SIGNED REST);
        is_verified(&m, NGX_DEPLOY_VERIFY_MISMATCH, "another key");

        m = notification();
        m.subject = "S";
        sign(&m, key, versions[i], SIGNED "Subject\nS\n" REST);
        is_verified(&m, NGX_DEPLOY_VERIFY_SUCCESS, "a subject");

        changed = m;
        changed.subject = NULL;
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "no subject");

        changed.message = "Hello\\nMessageId\\n"
                          "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf321";
        changed.id = "S";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "shifted");
    }

    m.signature = "AAAA";
    is_verified(&m, NGX_DEPLOY_VERIFY_MISMATCH, "three bytes");

    /* what was signed is decoded */

    m = notification();
    m.message = "{\\\"a\\\":\\\"\\u00e9\\ud83d\\ude00\\/\\\"}\\n";
    sign(&m, key, "2",
         "Message\n{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80/\"}\n\nMessageId\n"
         "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf321\n" REST);
    is_verified(&m, NGX_DEPLOY_VERIFY_SUCCESS, "escapes");

    /* the last line ends, too */

    m = notification();
    sign(&m, key, "2", SIGNED "Timestamp\n2023-11-14T22:13:20.000Z\nTopicArn\n"
         TOPIC "\nType\nNotification");
    is_verified(&m, NGX_DEPLOY_VERIFY_MISMATCH, "no last newline");
}


static void
test_subscriptions(void)
{
    unsigned   i;
    char       text[1024];
    message_t  m, changed;

    static const char  *types[] = { "SubscriptionConfirmation",
                                    "UnsubscribeConfirmation" };

    for (i = 0; i < 2; i++) {
        m = subscription();
        m.type = types[i];

        snprintf(text, sizeof(text), "Message\nYou have chosen to subscribe\n"
                 "MessageId\nid-1\nSubscribeURL\n%s\nTimestamp\n"
                 "2023-11-14T22:13:20.000Z\nToken\n2336412f37\nTopicArn\n"
                 TOPIC "\nType\n%s\n", m.subscribe, types[i]);

        sign(&m, key, "1", text);
        is_verified(&m, NGX_DEPLOY_VERIFY_SUCCESS, types[i]);

        changed = m;
        changed.token = "2336412f38";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "token");

        changed = m;
        changed.type = types[1 - i];
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "other type");

        changed = m;
        changed.subscribe = "https://sns.eu-west-1.amazonaws.com/?Action="
                            "ConfirmSubscription&Token=1";
        is_verified(&changed, NGX_DEPLOY_VERIFY_MISMATCH, "other URL");

        changed = m;
        changed.subject = "S";
        is_verified(&changed, NGX_DEPLOY_VERIFY_SUCCESS,
                    "a subject is not signed");
    }
}


static void
test_validity(void)
{
    message_t         m;
    ngx_deploy_sns_t  sns;

    m = notification();
    sign(&m, key, "2", SIGNED REST);
    check(&sns, envelope(&m), 100, m.type);

    is_int(ngx_deploy_sns_verify(&sns, &certificate, NOW),
           NGX_DEPLOY_VERIFY_SUCCESS, "now");
    is_int(ngx_deploy_sns_verify(&sns, &certificate, NOW + DAY + 1),
           NGX_DEPLOY_VERIFY_CERTIFICATE, "expired");
    is_int(ngx_deploy_sns_verify(&sns, &certificate, NOW - DAY - 1),
           NGX_DEPLOY_VERIFY_CERTIFICATE, "not yet valid");
}


int
main(void)
{
    const char        *reason;
    ngx_deploy_str_t   s;

    key = EVP_RSA_gen(2048);
    other = EVP_RSA_gen(2048);

    if (key == NULL || other == NULL) {
        printf("Bail out! no key\n");
        return 1;
    }

    s = pem(key, "sns.amazonaws.com", NULL, NOW - DAY, NOW + DAY);

    is_int(ngx_deploy_sns_certificate(&certificate, s.data, s.len, &reason),
           NGX_DEPLOY_OK, "a certificate");

    test_names();
    test_certificates();
    test_times();
    test_notifications();
    test_subscriptions();
    test_validity();

    ngx_deploy_sns_certificate_free(&certificate);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);

    return plan_done();
}
