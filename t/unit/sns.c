
/*
 * Copyright (C) ngx_deploy_module authors
 */


/* messages of SNS: what is told of them without a certificate */


#include "ngx_deploy_tap_sns.h"
#include "ngx_deploy_tap_verify.h"


static ngx_deploy_sns_t  sns;


/* reason: NULL for none */

static void
is_check(const message_t *m, ngx_deploy_verify_e want, const char *reason,
    const char *name)
{
    is_int(check(&sns, envelope(m), 100, m->type ? m->type : "Notification"),
           want, "%s", name);
    is_str(tap_str(sns.reason), reason, "%s: reason", name);
    tap_pool_reset();
}


static void
refused(const message_t *m, const char *reason, const char *name)
{
    is_check(m, NGX_DEPLOY_VERIFY_MALFORMED, reason, name);
}


static void
test_good(void)
{
    size_t     step;
    message_t  m;

    m = notification();
    m.message = "{\\\"a\\\":\\\"\\u00e9\\ud83d\\ude00\\\"}\\n";
    m.subject = "S";

    for (step = 1; step < 40; step++) {
        is_int(check(&sns, envelope(&m), step, "Notification"),
               NGX_DEPLOY_VERIFY_SUCCESS, "pieces of %zu", step);
    }

    is_int(sns.type, NGX_DEPLOY_SNS_NOTIFICATION, "type");
    is_str(sns.members[NGX_DEPLOY_SNS_MESSAGE],
           "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\"}\n", "message");
    is_str(sns.members[NGX_DEPLOY_SNS_SUBJECT], "S", "subject");
    is_str(sns.members[NGX_DEPLOY_SNS_MESSAGE_ID],
           "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf321", "id");
    is_str(sns.certificate, PEM, "path of the certificate");
    is_int(sns.signature.len, 3, "signature");
    is_str(sns.subscribe, NULL, "nothing to confirm");

    m = subscription();
    is_int(check(&sns, envelope(&m), 7, m.type), NGX_DEPLOY_VERIFY_SUCCESS,
           "subscription");
    is_int(sns.type, NGX_DEPLOY_SNS_SUBSCRIPTION, "type");
    is_str(sns.subscribe, "/?Action=ConfirmSubscription&TopicArn=" TOPIC
           "&Token=2336412f37", "what confirms it");

    m.type = "UnsubscribeConfirmation";
    is_int(check(&sns, envelope(&m), 7, m.type), NGX_DEPLOY_VERIFY_SUCCESS,
           "unsubscription");
    is_int(sns.type, NGX_DEPLOY_SNS_UNSUBSCRIPTION, "type");

    tap_pool_reset();
}


static void
body(const char *text, const char *reason)
{
    is_int(check(&sns, tap_str(text), 10, "Notification"),
           NGX_DEPLOY_VERIFY_MALFORMED, "\"%.30s\"", text);
    is_str(tap_str(sns.reason), reason, "\"%.30s\": reason", text);
    tap_pool_reset();
}


static void
test_bodies(void)
{
    char              *big;
    ngx_deploy_str_t   s;

    body("", "unexpected end");
    body("{", "unexpected end");
    body("{}", "not a message of SNS");
    body("[]", "the body is not an object");
    body("\"Notification\"", "object or array expected");
    body("null", "object or array expected");
    body("{}x", "bytes after the document");
    body("{\"Type\":1}", "a member is not a string");
    body("{\"Type\":{\"Type\":\"Notification\"}}", "a member is not a string");
    body("{\"Message\":[]}", "a member is not a string");
    body("{\"Type\":null}", "not a message of SNS");
    body("{\"Type\":\"Notification\",\"Type\":\"Notification\"}",
         "duplicate key");
    body("{\"Type\":\"Notification\",\"\\u0054ype\":\"x\"}", "duplicate key");
    body("{\"Message\":\"\\u0000\"}", "NUL in a string");
    body("{\"Message\":\"\xff\"}", "invalid UTF-8");

    /* a message of the largest size, and one byte more */

    big = malloc(NGX_DEPLOY_SNS_MAX_BODY + 1);
    if (big == NULL) {
        exit(1);
    }

    memset(big, 'a', NGX_DEPLOY_SNS_MAX_BODY + 1);
    memcpy(big, "{\"Message\":\"", 12);
    memcpy(big + 12 + NGX_DEPLOY_SNS_MAX_MESSAGE, "\"}", 2);

    s.data = (u_char *) big;
    s.len = 12 + NGX_DEPLOY_SNS_MAX_MESSAGE + 2;
    is_int(check(&sns, s, 4096, "Notification"), NGX_DEPLOY_VERIFY_MALFORMED,
           "256 KB");
    is_str(tap_str(sns.reason), "not a message of SNS", "taken");
    is_int(sns.members[NGX_DEPLOY_SNS_MESSAGE].len,
           NGX_DEPLOY_SNS_MAX_MESSAGE, "whole");
    tap_pool_reset();

    memcpy(big + 12 + NGX_DEPLOY_SNS_MAX_MESSAGE, "a\"}", 3);
    s.len++;
    is_int(check(&sns, s, 4096, "Notification"), NGX_DEPLOY_VERIFY_MALFORMED,
           "a byte more");
    is_str(tap_str(sns.reason), "string too long", "not taken");
    tap_pool_reset();

    /* blanks do not count as a message, but as a body */

    memset(big, ' ', NGX_DEPLOY_SNS_MAX_BODY + 1);
    s.len = NGX_DEPLOY_SNS_MAX_BODY;
    check(&sns, s, 65536, "Notification");
    is_str(tap_str(sns.reason), "unexpected end", "1 MB");
    s.len++;
    check(&sns, s, 65536, "Notification");
    is_str(tap_str(sns.reason), "the body is too large", "over 1 MB");
    tap_pool_reset();

    free(big);
}


static void
test_members(void)
{
    message_t  m;

    m = notification();
    is_int(check(&sns, envelope(&m), 50, "SubscriptionConfirmation"),
           NGX_DEPLOY_VERIFY_MALFORMED, "another header");
    is_str(tap_str(sns.reason), "the type is not that of the header",
           "reason");

    m.type = "notification";
    refused(&m, "not a message of SNS", "type in lower case");
    m.type = "Notification\\n";
    refused(&m, "not a message of SNS", "a newline in the type");
    m.type = NULL;
    refused(&m, "not a message of SNS", "no type");

    m = notification();
    m.message = NULL;
    refused(&m, "no message", "no message");
    m.message = "";
    is_check(&m, NGX_DEPLOY_VERIFY_SUCCESS, NULL, "an empty message");

    m = notification();
    m.id = NULL;
    refused(&m, "the message id is malformed", "no id");
    m.id = "";
    refused(&m, "the message id is malformed", "an empty id");
    m.id = "a\\nTimestamp";
    refused(&m, "the message id is malformed", "a newline in the id");
    m.id = "a b";
    refused(&m, "the message id is malformed", "a blank in the id");

    m = notification();
    m.topic = NULL;
    is_check(&m, NGX_DEPLOY_VERIFY_TOPIC, NULL, "no topic");
    m.topic = TOPIC "s";
    is_check(&m, NGX_DEPLOY_VERIFY_TOPIC, NULL, "another topic");
    m.topic = TOPIC "\\n";
    is_check(&m, NGX_DEPLOY_VERIFY_TOPIC, NULL, "a newline in the topic");
    m.certificate = "https://example.com/";
    is_check(&m, NGX_DEPLOY_VERIFY_TOPIC, NULL, "the topic comes first");

    m = notification();
    m.version = NULL;
    refused(&m, "unknown version of the signature", "no version");
    m.version = "3";
    refused(&m, "unknown version of the signature", "version 3");
    m.version = "1";
    is_check(&m, NGX_DEPLOY_VERIFY_SUCCESS, NULL, "version 1");

    m.signature = NULL;
    refused(&m, "no signature", "no signature");
    m.signature = "";
    refused(&m, "no signature", "an empty signature");
    m.signature = "AAA";
    refused(&m, "the signature is not base64", "base64 cut");

    m = subscription();
    m.token = NULL;
    refused(&m, "the token is malformed", "no token");
    m.token = "a\\nb";
    refused(&m, "the token is malformed", "a newline in the token");
}


static void
test_time(void)
{
    unsigned   i;
    message_t  m;

    static const struct {
        const char           *text;
        ngx_deploy_verify_e   want;
    } times[] = {
        { "2023-11-14T22:13:20Z", NGX_DEPLOY_VERIFY_SUCCESS },
        { "2023-11-14T21:13:20.000Z", NGX_DEPLOY_VERIFY_SUCCESS },
        { "2023-11-14T21:13:19.999Z", NGX_DEPLOY_VERIFY_STALE },
        { "2023-11-14T23:13:20.000Z", NGX_DEPLOY_VERIFY_SUCCESS },
        { "2023-11-14T23:13:21.000Z", NGX_DEPLOY_VERIFY_STALE },
        { "2022-11-14T22:13:20.000Z", NGX_DEPLOY_VERIFY_STALE },
        { "2023-11-14", NGX_DEPLOY_VERIFY_MALFORMED },
        { "1700000000", NGX_DEPLOY_VERIFY_MALFORMED },
        { "2023-11-14T22:13:20.000Z\\n", NGX_DEPLOY_VERIFY_MALFORMED },
        { "", NGX_DEPLOY_VERIFY_MALFORMED },
        { NULL, NGX_DEPLOY_VERIFY_MALFORMED }
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        m = notification();
        m.timestamp = times[i].text;
        is_check(&m, times[i].want,
                 times[i].want == NGX_DEPLOY_VERIFY_MALFORMED
                 ? "the timestamp is malformed" : NULL,
                 m.timestamp ? m.timestamp : "no timestamp");
    }

    tolerance = 0;
    m = notification();
    m.timestamp = "1999-11-14T22:13:20.000Z";
    is_check(&m, NGX_DEPLOY_VERIFY_SUCCESS, NULL, "any time");
    m.timestamp = "2099-11-14T22:13:20.000Z";
    is_check(&m, NGX_DEPLOY_VERIFY_SUCCESS, NULL, "any time");
    m.timestamp = "yesterday";
    refused(&m, "the timestamp is malformed", "no time");
    tolerance = 3600;
}


static void
test_certificate_urls(void)
{
    unsigned   i;
    message_t  m;

    static const char  *good[] = {
        HOST PEM,
        "https://sns.eu-west-1.amazonaws.com" PEM,
        "https://sns.us-gov-west-1.amazonaws.com" PEM,
        "https://sns.cn-north-1.amazonaws.com.cn" PEM
    };

    static const char  *bad[] = {
        "",
        "http://sns.us-east-1.amazonaws.com" PEM,
        "HTTPS://sns.us-east-1.amazonaws.com" PEM,
        "https:sns.us-east-1.amazonaws.com" PEM,
        " https://sns.us-east-1.amazonaws.com" PEM,
        "https://sns.us-east-1.amazonaws.com:443" PEM,
        "https://u@sns.us-east-1.amazonaws.com" PEM,
        "https://sns.us-east-1.amazonaws.com@example.com" PEM,
        "https://sns.us-east-1.amazonaws.com.example.com" PEM,
        "https://sns.us-east-1.amazonaws.com.cn.example.com" PEM,
        "https://sns.us-east-1.amazonaws.com.cn." PEM,
        "https://sns.us-east-1.amazonaws.com." PEM,
        "https://sns.us-east-1.amazonaws.co" PEM,
        "https://sns.us-east-1.amazonaws.org" PEM,
        "https://sns.us-east-1.amazonaws.com.eu" PEM,
        "https://sns.amazonaws.com" PEM,
        "https://sns..amazonaws.com" PEM,
        "https://sns.-a.amazonaws.com" PEM,
        "https://sns.a.b.amazonaws.com" PEM,
        "https://sns.US-EAST-1.amazonaws.com" PEM,
        "https://sns.us_east_1.amazonaws.com" PEM,
        "https://xsns.us-east-1.amazonaws.com" PEM,
        "https://sqs.us-east-1.amazonaws.com" PEM,
        "https://sns.evil.com/.amazonaws.com" PEM,
        "https://sns.evil.com\\\\.amazonaws.com" PEM,
        "https://sns.evil%2ecom.amazonaws.com" PEM,
        "https://example.com/#https://sns.us-east-1.amazonaws.com" PEM,
        "https://169.254.169.254" PEM,
        HOST,
        HOST "/",
        HOST "/" PEM,
        HOST "//SimpleNotificationService-0123456789abcdef0123456789abcdef.pem",
        HOST "/a/../SimpleNotificationService-0123456789abcdef0123456789abcdef"
        ".pem",
        HOST "/SimpleNotificationService-0123456789abcdef0123456789abcde.pem",
        HOST "/SimpleNotificationService-0123456789abcdef0123456789abcdef0.pem",
        HOST "/SimpleNotificationService-0123456789abcdef0123456789abcd/f.pem",
        HOST "/SimpleNotificationService-0123456789abcdef0123456789abcd-f.pem",
        HOST "/simplenotificationservice-0123456789abcdef0123456789abcdef.pem",
        HOST "/SimpleNotificationService-0123456789abcdef0123456789abcdef.PEM",
        HOST PEM "?a=b",
        HOST PEM "#a",
        HOST PEM "/",
        HOST PEM " ",
        HOST PEM "\\n",
        HOST PEM "\\u0001"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        m = notification();
        m.certificate = good[i];
        is_check(&m, NGX_DEPLOY_VERIFY_SUCCESS, NULL, good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        m = notification();
        m.certificate = bad[i];
        refused(&m, "the certificate is not at SNS", bad[i]);
    }

    m.certificate = NULL;
    refused(&m, "the certificate is not at SNS", "no URL");
}


static void
test_subscribe_urls(void)
{
    unsigned   i;
    message_t  m;

    static const char  *bad[] = {
        "http://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&T=1",
        "https://sns.us-east-1.amazonaws.com:1/?Action=ConfirmSubscription&T=",
        "https://a@sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&T=",
        "https://sns.us-east-1.amazonaws.com.x/?Action=ConfirmSubscription&T=",
        "https://example.com/?Action=ConfirmSubscription&Token=1",
        HOST,
        HOST "/",
        HOST "/?Action=Unsubscribe&SubscriptionArn=a",
        HOST "/?Action=ConfirmSubscription",
        HOST "/x?Action=ConfirmSubscription&Token=1",
        HOST "?Action=ConfirmSubscription&Token=1",
        HOST "/?Action=ConfirmSubscription&Token=1#a",
        HOST "/?Action=ConfirmSubscription&Token=1 HTTP/1.1",
        HOST "/?Action=ConfirmSubscription&Token=1\\r\\nHost: a",
        ""
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        m = subscription();
        m.subscribe = bad[i];
        refused(&m, "the subscription is not at SNS", bad[i]);
    }

    m.subscribe = NULL;
    refused(&m, "the subscription is not at SNS", "no URL");
}


static void
test_headers(void)
{
    ngx_deploy_verifier_t   *v;
    ngx_deploy_signature_t   sig;

    v = topics("arn:aws:sns:eu-west-1:123456789012:a," TOPIC);
    is_int(v->ntopics, 2, "two topics");

    headers.n = 0;
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_MISSING, "no type");

    header("x-amz-sns-message-type", "Notification");
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_MISSING, "no topic");

    header("x-amz-sns-topic-arn", TOPIC "s");
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_TOPIC, "another topic");

    headers.values[1] = TOPIC;
    is_int(ngx_deploy_signature_begin(&sig, v, get_header, &headers, NOW),
           NGX_DEPLOY_VERIFY_SUCCESS, "an allowed topic");
    is_str(sig.value, "Notification", "the type");
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_MISMATCH, "never success");

    header("x-amz-sns-topic-arn", TOPIC);
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_DOUBLED, "two topics");

    headers.n = 0;
    header("x-amz-sns-message-type", "");
    header("x-amz-sns-topic-arn", TOPIC);
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_EMPTY, "an empty type");

    header("x-amz-sns-message-type", "Notification");
    is_verdict(v, "{}", NGX_DEPLOY_VERIFY_DOUBLED, "two types");

    tap_pool_reset();
}


static void
test_topics(void)
{
    int                     n;
    char                    many[2048];
    unsigned                i;
    const char             *reason;
    ngx_deploy_str_t        s;
    ngx_deploy_verifier_t   v;

    static const char  *bad[] = {
        "", ",", TOPIC ",", "," TOPIC, TOPIC ",," TOPIC, "builds",
        "arn:aws:sqs:us-east-1:123456789012:builds",
        "arn:aws:sns:us-east-1:123456789012",
        "arn:aws:sns:us-east-1:123456789012:",
        "arn:aws:sns::123456789012:builds",
        "arn:aws:sns:us-east-1::builds",
        "ARN:aws:sns:us-east-1:123456789012:builds",
        TOPIC ":c9135db0-26c4-47ec-8998-413945fb5a96",
        TOPIC " ", "* "
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        make(&v, "sns");
        s = tap_copy(bad[i], strlen(bad[i]));
        is_int(ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason),
               NGX_DEPLOY_DECLINED, "topics \"%s\"", bad[i]);
        is_str(tap_str(reason), "is not a list of ARNs of topics", "reason");
    }

    for (n = 0, i = 0; i <= NGX_DEPLOY_MAX_TOPICS; i++) {
        n += sprintf(many + n, "%sarn:aws:sns:a:1:%u", i ? "," : "", i);
    }

    make(&v, "sns");
    s = tap_copy(many, n);
    is_int(ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason),
           NGX_DEPLOY_DECLINED, "33 topics");
    is_str(tap_str(reason), "has more than 32 topics", "reason");

    s.len -= sizeof(",arn:aws:sns:a:1:32") - 1;
    is_int(ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason),
           NGX_DEPLOY_OK, "32 topics");
    is_int(v.ntopics, 32, "all of them");

    tap_pool_limit(0);
    is_int(ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
    tap_pool_reset();
}


/* no allocation that fails makes it pass */

static void
test_memory(void)
{
    long                      n;
    message_t                 m;
    ngx_deploy_str_t          text, type;
    ngx_deploy_verify_e       verdict;
    ngx_deploy_verifier_t    *v;
    ngx_deploy_scan_table_t  *table;

    m = subscription();
    text = envelope(&m);
    type = tap_str(m.type);
    table = ngx_deploy_sns_table(tap_pool());
    v = topics(TOPIC);

    for (n = 0; n < 100; n++) {
        tap_pool_limit(n);

        if (ngx_deploy_sns_begin(&sns, tap_pool(), table, 1)
            != NGX_DEPLOY_OK)
        {
            continue;
        }

        ngx_deploy_sns_feed(&sns, text.data, text.len);
        verdict = ngx_deploy_sns_check(&sns, v, &type, NOW);

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
            break;
        }

        is_int(verdict, NGX_DEPLOY_VERIFY_ERROR, "%ld allocations", n);
    }

    tap_pool_limit(-1);
    ok(n > 5 && n < 100, "enough with %ld", n);
    tap_pool_reset();
}


int
main(void)
{
    test_good();
    test_bodies();
    test_members();
    test_time();
    test_certificate_urls();
    test_subscribe_urls();
    test_headers();
    test_topics();
    test_memory();

    return plan_done();
}
