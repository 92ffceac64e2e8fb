
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include "ngx_deploy_sns.h"
#include "ngx_deploy_tap.h"


/*
 * A byte for what it is: a list of topics, a certificate, or the body of a
 * message, cut in pieces by the byte.  A message that passes has its URLs at
 * SNS, told in another way here, and no signature.
 */


#define FUZZ_NOW    1700000000
#define FUZZ_TOPIC  "arn:aws:sns:us-east-1:123456789012:builds"


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* an RSA key whose signatures are not to be found by chance */

static const char  fuzz_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICrDCCAZQCAQEwDQYJKoZIhvcNAQELBQAwHDEaMBgGA1UEAwwRc25zLmFtYXpv\n"
    "bmF3cy5jb20wHhcNMjAwMTAxMDAwMDAwWhcNNDAwMTAxMDAwMDAwWjAcMRowGAYD\n"
    "VQQDDBFzbnMuYW1hem9uYXdzLmNvbTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC\n"
    "AQoCggEBAJ3A5SGSPGdb4QFW/7JjDckhnzMuR1EG7J4Ap3av3ItTyZeSQFO67jwX\n"
    "9JFyF8I7iRGwIp3N7T40KNUxdXCSVUjtIi+pe/wyVYhpQQZnDVSjEXXO8tUGm1V3\n"
    "olfCGT8AewvEiLtRJwe1X+Yso91a7vzvvUwK0eLRCp3YO27ZgSuDcRuB6XSAeppv\n"
    "TH0utnbaLswUAlCV4omNQdCZOKNpxUyHzTr/BkWb95oEY9VUYBTTCJST04DuZUPW\n"
    "1Q6vIUi4BAez9KeiTM92hpN+dpM4x33rqN+FiWh/cOB+tT3zbdnOG5ewRi4NhyZS\n"
    "FaKpwor1Ev/13VVnE/c1mTS2L2ll4ZcCAwEAATANBgkqhkiG9w0BAQsFAAOCAQEA\n"
    "JILPsBTxGviBRpq2oORBRRIGDjxpyCgU5XTdJH2OAuATypIR4UbVQcmpyXmWWMH1\n"
    "g1/UoxMYt8gdwJwyQknLciWkcRyY8riTsV8ltgiuVKXx21FhGVASmi+8qs5WtWIt\n"
    "LljYlHurBmVqDtkJAa9g3J/UpLQagjiMz5ir+r0GjPm9R82HSEqx3XK2XII2Xqa3\n"
    "0mQj07FCjxR5SCLMLRtiA/2xVyY82C9sPjzL9Y7edZn8uH1Dw5hoJAyG6eMR2xVD\n"
    "oJTf8KydMQQtIt4UnALxoGio1ILAH+7Dvc+BvRzmnVmptz6s4JwHnFQx/NUS+LN9\n"
    "FT0Pk0M4uDNtnnJ+AnKT/A==\n"
    "-----END CERTIFICATE-----\n";


static void
fuzz_topics(ngx_deploy_str_t text)
{
    int                     rc;
    size_t                  i;
    const char             *reason;
    ngx_deploy_str_t        s;
    ngx_deploy_verifier_t   v;

    s = tap_str("sns");
    ngx_deploy_verifier_init(&v, &s);

    reason = NULL;
    rc = ngx_deploy_verifier_topics(&v, tap_pool(), &text, &reason);

    if (rc != NGX_DEPLOY_OK) {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && reason != NULL);
        return;
    }

    fuzz_check(v.ntopics && v.ntopics <= NGX_DEPLOY_MAX_TOPICS);

    for (i = 0; i < v.ntopics; i++) {
        fuzz_check(ngx_deploy_str_starts(&v.topics[i], "arn:"));
        fuzz_check(memchr(v.topics[i].data, ',', v.topics[i].len) == NULL);
        fuzz_check(ngx_deploy_verifier_has_topic(&v, &v.topics[i]));
    }
}


static void
fuzz_certificate(ngx_deploy_str_t text)
{
    int                            rc;
    const char                    *reason;
    ngx_deploy_sns_certificate_t   certificate;

    reason = NULL;
    rc = ngx_deploy_sns_certificate(&certificate, text.data, text.len,
                                    &reason);

    fuzz_check((rc == NGX_DEPLOY_OK) == (reason == NULL));
    fuzz_check((rc == NGX_DEPLOY_OK) == (certificate.key != NULL));

    ngx_deploy_sns_certificate_free(&certificate);
}


/* https, a host of four or five names below amazonaws.com, and the rest */

static void
fuzz_url(const ngx_deploy_str_t *url, const ngx_deploy_str_t *target)
{
    char      host[256], *p, *save;
    size_t    len;
    unsigned  n;

    static const char  *names[] = { "sns", NULL, "amazonaws", "com", "cn" };

    fuzz_check(url->len > 8 && memcmp(url->data, "https://", 8) == 0);

    len = url->len - 8 - target->len;
    fuzz_check(len < sizeof(host) && target->data == url->data + 8 + len);

    memcpy(host, url->data + 8, len);
    host[len] = '\0';

    fuzz_check(strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len);
    fuzz_check(strstr(host, "..") == NULL && host[len - 1] != '.');

    for (n = 0, p = strtok_r(host, ".", &save);
         p;
         n++, p = strtok_r(NULL, ".", &save))
    {
        fuzz_check(n < 5);
        fuzz_check(names[n] == NULL || strcmp(p, names[n]) == 0);
    }

    fuzz_check(n >= 4);
    fuzz_check(target->len && target->data[0] == '/');
}


static void
fuzz_message(ngx_deploy_str_t text, unsigned step)
{
    size_t                        n, i;
    const char                   *reason;
    ngx_deploy_str_t              s, type;
    ngx_deploy_sns_t              sns;
    ngx_deploy_verify_e           verdict;
    ngx_deploy_verifier_t         v;

    static ngx_deploy_scan_table_t       *table;
    static ngx_deploy_sns_certificate_t   certificate;

    if (certificate.key == NULL) {
        fuzz_check(ngx_deploy_sns_certificate(&certificate,
                                              (const u_char *) fuzz_pem,
                                              sizeof(fuzz_pem) - 1, &reason)
                   == NGX_DEPLOY_OK);
    }

    s = tap_str("sns");
    ngx_deploy_verifier_init(&v, &s);
    v.tolerance = 3600;
    s = tap_str(FUZZ_TOPIC);
    ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason);

    table = ngx_deploy_sns_table(tap_pool());
    fuzz_check(ngx_deploy_sns_begin(&sns, tap_pool(), table, 1)
               == NGX_DEPLOY_OK);

    for (i = 0; i < text.len; i += n) {
        n = (step < text.len - i) ? step : text.len - i;
        s = tap_copy(text.data + i, n);
        (void) ngx_deploy_sns_feed(&sns, s.data, s.len);
    }

    type = tap_str("SubscriptionConfirmation");

    if (memmem(text.data, text.len, "\"Notification\"", 14)) {
        type = tap_str("Notification");
    }

    verdict = ngx_deploy_sns_check(&sns, &v, &type, FUZZ_NOW);

    fuzz_check((verdict == NGX_DEPLOY_VERIFY_MALFORMED)
               == (sns.reason != NULL));

    if (verdict != NGX_DEPLOY_VERIFY_SUCCESS) {
        fuzz_check(verdict == NGX_DEPLOY_VERIFY_MALFORMED
                   || verdict == NGX_DEPLOY_VERIFY_TOPIC
                   || verdict == NGX_DEPLOY_VERIFY_STALE);
        return;
    }

    fuzz_check(ngx_deploy_str_is(&sns.members[NGX_DEPLOY_SNS_TOPIC],
                                 FUZZ_TOPIC));

    fuzz_url(&sns.members[NGX_DEPLOY_SNS_CERTIFICATE_URL], &sns.certificate);

    if (sns.type != NGX_DEPLOY_SNS_NOTIFICATION) {
        fuzz_url(&sns.members[NGX_DEPLOY_SNS_SUBSCRIBE_URL], &sns.subscribe);
    }

    fuzz_check(ngx_deploy_sns_verify(&sns, &certificate, FUZZ_NOW)
               == NGX_DEPLOY_VERIFY_MISMATCH);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned          what;
    ngx_deploy_str_t  text;

    if (size == 0) {
        return 0;
    }

    what = *data;
    text = tap_copy(data + 1, size - 1);

    if (what == 't') {
        fuzz_topics(text);

    } else if (what == 'c') {
        fuzz_certificate(text);

    } else {
        fuzz_message(text, what + 1);
    }

    tap_pool_reset();

    return 0;
}
