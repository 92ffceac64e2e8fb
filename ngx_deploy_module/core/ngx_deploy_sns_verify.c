
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sns.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>


#define NGX_DEPLOY_SNS_MIN_BITS  2048
#define NGX_DEPLOY_SNS_MAX_BITS  8192


static unsigned ngx_deploy_sns_no_memory(void);
static int ngx_deploy_sns_text(ngx_deploy_sns_t *sns, EVP_MD_CTX *md);
static const char *ngx_deploy_sns_read(
    ngx_deploy_sns_certificate_t *certificate, X509 *x509);
static unsigned ngx_deploy_sns_issued(X509 *x509);
static unsigned ngx_deploy_sns_common_name(X509 *x509);
static unsigned ngx_deploy_sns_name(const ASN1_STRING *name);
static int ngx_deploy_sns_time(const ASN1_TIME *time, int64_t *t);


/* what is signed, in this order: a line of the name, a line of the value */

static const struct {
    const char               *name;
    ngx_deploy_sns_member_e   member;
    unsigned                  types;     /* of message, bits */
} ngx_deploy_sns_signed[] = {
    { "Message\n", NGX_DEPLOY_SNS_MESSAGE, 7 },
    { "MessageId\n", NGX_DEPLOY_SNS_MESSAGE_ID, 7 },
    { "Subject\n", NGX_DEPLOY_SNS_SUBJECT, 1 },
    { "SubscribeURL\n", NGX_DEPLOY_SNS_SUBSCRIBE_URL, 6 },
    { "Timestamp\n", NGX_DEPLOY_SNS_TIMESTAMP, 7 },
    { "Token\n", NGX_DEPLOY_SNS_TOKEN, 6 },
    { "TopicArn\n", NGX_DEPLOY_SNS_TOPIC, 7 },
    { "Type\n", NGX_DEPLOY_SNS_TYPE, 7 }
};


ngx_deploy_verify_e
ngx_deploy_sns_verify(ngx_deploy_sns_t *sns,
    const ngx_deploy_sns_certificate_t *certificate, time_t now)
{
    int                  rc;
    EVP_MD_CTX          *md;
    const EVP_MD        *digest;
    ngx_deploy_verify_e  verdict;

    if (!ngx_deploy_sns_certificate_valid(certificate, now)) {
        return NGX_DEPLOY_VERIFY_CERTIFICATE;
    }

    md = EVP_MD_CTX_new();
    if (md == NULL) {
        ERR_clear_error();
        return NGX_DEPLOY_VERIFY_ERROR;
    }

    verdict = NGX_DEPLOY_VERIFY_ERROR;

    digest = ngx_deploy_str_is(&sns->members[NGX_DEPLOY_SNS_VERSION], "2")
             ? EVP_sha256() : EVP_sha1();

    /* the padding is that of PKCS #1, 1.5, by default */

    if (EVP_DigestVerifyInit(md, NULL, digest, NULL, certificate->key) == 1
        && ngx_deploy_sns_text(sns, md) == NGX_DEPLOY_OK)
    {
        ERR_clear_error();

        rc = EVP_DigestVerifyFinal(md, sns->signature.data,
                                   sns->signature.len);

        /* a signature of another length is an error for OpenSSL */

        if (rc == 1) {
            verdict = NGX_DEPLOY_VERIFY_SUCCESS;

        } else if (!ngx_deploy_sns_no_memory()) {
            verdict = NGX_DEPLOY_VERIFY_MISMATCH;
        }
    }

    ERR_clear_error();
    EVP_MD_CTX_free(md);

    return verdict;
}


/* the result alone is that of a wrong signature, which OpenSSL explains */

static unsigned
ngx_deploy_sns_no_memory(void)
{
    unsigned long  error;

    if (ERR_peek_error() == 0) {
        return 1;
    }

    while ((error = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_deploy_sns_text(ngx_deploy_sns_t *sns, EVP_MD_CTX *md)
{
    size_t                   i, n;
    const char              *name;
    const ngx_deploy_str_t  *value;

    n = sizeof(ngx_deploy_sns_signed) / sizeof(ngx_deploy_sns_signed[0]);

    for (i = 0; i < n; i++) {

        name = ngx_deploy_sns_signed[i].name;
        value = &sns->members[ngx_deploy_sns_signed[i].member];

        if (!(ngx_deploy_sns_signed[i].types & (1u << sns->type))
            || value->data == NULL)
        {
            continue;
        }

        if (EVP_DigestVerifyUpdate(md, name, strlen(name)) != 1
            || EVP_DigestVerifyUpdate(md, value->data, value->len) != 1
            || EVP_DigestVerifyUpdate(md, "\n", 1) != 1)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sns_certificate(ngx_deploy_sns_certificate_t *certificate,
    const u_char *p, size_t len, const char **reason)
{
    BIO   *bio;
    X509  *x509;

    memset(certificate, 0, sizeof(ngx_deploy_sns_certificate_t));

    if (len == 0 || len > NGX_DEPLOY_SNS_MAX_CERTIFICATE) {
        *reason = "is empty or too large";
        return NGX_DEPLOY_DECLINED;
    }

    x509 = NULL;
    bio = BIO_new_mem_buf(p, (int) len);

    if (bio) {
        x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }

    *reason = x509 ? ngx_deploy_sns_read(certificate, x509)
                   : "is not a certificate in PEM";

    X509_free(x509);
    ERR_clear_error();

    if (*reason) {
        ngx_deploy_sns_certificate_free(certificate);
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


static const char *
ngx_deploy_sns_read(ngx_deploy_sns_certificate_t *certificate, X509 *x509)
{
    int  bits;

    if (!ngx_deploy_sns_issued(x509)) {
        return "is not issued for SNS";
    }

    certificate->key = X509_get_pubkey(x509);

    if (certificate->key == NULL
        || EVP_PKEY_get_base_id(certificate->key) != EVP_PKEY_RSA)
    {
        return "has no RSA key";
    }

    bits = EVP_PKEY_get_bits(certificate->key);

    if (bits < NGX_DEPLOY_SNS_MIN_BITS || bits > NGX_DEPLOY_SNS_MAX_BITS) {
        return "has a key of another size";
    }

    if (ngx_deploy_sns_time(X509_get0_notBefore(x509),
                            &certificate->not_before)
        != NGX_DEPLOY_OK
        || ngx_deploy_sns_time(X509_get0_notAfter(x509),
                               &certificate->not_after)
           != NGX_DEPLOY_OK)
    {
        return "has a malformed time";
    }

    return NULL;
}


/* the names of regions differ, see the header; without any, CN is the name */

static unsigned
ngx_deploy_sns_issued(X509 *x509)
{
    int                  i;
    unsigned             issued;
    GENERAL_NAMES       *names;
    const GENERAL_NAME  *name;

    names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);

    if (names == NULL) {
        return ngx_deploy_sns_common_name(x509);
    }

    issued = 0;

    for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            issued |= ngx_deploy_sns_name(name->d.dNSName);
        }
    }

    GENERAL_NAMES_free(names);

    return issued;
}


static unsigned
ngx_deploy_sns_common_name(X509 *x509)
{
    int               i;
    X509_NAME        *subject;
    X509_NAME_ENTRY  *entry;

    subject = X509_get_subject_name(x509);
    i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (i < 0) {
        return 0;
    }

    entry = X509_NAME_get_entry(subject, i);

    return ngx_deploy_sns_name(X509_NAME_ENTRY_get_data(entry));
}


static unsigned
ngx_deploy_sns_name(const ASN1_STRING *name)
{
    size_t             i, n, len;
    const u_char      *p;
    ngx_deploy_str_t   end;

    static const char  *domains[] = { ".amazonaws.com", ".amazonaws.com.cn" };

    p = ASN1_STRING_get0_data(name);
    len = ASN1_STRING_length(name);

    if (len < 4 || memcmp(p, "sns", 3) != 0 || (p[3] != '.' && p[3] != '-')) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9')
              || p[i] == '-' || p[i] == '.'))
        {
            return 0;
        }
    }

    for (i = 0; i < 2; i++) {
        n = strlen(domains[i]);

        if (len < n) {
            continue;
        }

        end.data = (u_char *) p + len - n;
        end.len = n;

        if (ngx_deploy_str_is(&end, domains[i])) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_deploy_sns_time(const ASN1_TIME *time, int64_t *t)
{
    int         days, seconds, rc;
    ASN1_TIME  *epoch;

    epoch = ASN1_TIME_set(NULL, 0);
    if (epoch == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ASN1_TIME_diff(&days, &seconds, epoch, time);

    ASN1_TIME_free(epoch);

    if (rc != 1) {
        return NGX_DEPLOY_ERROR;
    }

    *t = (int64_t) days * 86400 + seconds;

    return NGX_DEPLOY_OK;
}


unsigned
ngx_deploy_sns_certificate_valid(
    const ngx_deploy_sns_certificate_t *certificate, time_t now)
{
    return certificate->key != NULL
           && (int64_t) now >= certificate->not_before
           && (int64_t) now <= certificate->not_after;
}


void
ngx_deploy_sns_certificate_free(ngx_deploy_sns_certificate_t *certificate)
{
    EVP_PKEY_free(certificate->key);
    certificate->key = NULL;
}
