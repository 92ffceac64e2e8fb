
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TAP_SNS_H_INCLUDED_
#define _NGX_DEPLOY_TAP_SNS_H_INCLUDED_


#include "ngx_deploy_sns.h"
#include "ngx_deploy_tap.h"


/* a message as texts, NULL: a member that is not there */

#ifndef NOW
#define NOW     1700000000
#endif

#define TOPIC  "arn:aws:sns:us-east-1:123456789012:builds"
#define HOST   "https://sns.us-east-1.amazonaws.com"
#define PEM    "/SimpleNotificationService-0123456789abcdef0123456789ABCDEF.pem"


static time_t  tolerance = 3600;


typedef struct {
    const char  *type;
    const char  *id;
    const char  *topic;
    const char  *message;        /* between the quotes of JSON */
    const char  *subject;
    const char  *timestamp;
    const char  *token;
    const char  *subscribe;
    const char  *version;
    const char  *signature;
    const char  *certificate;
} message_t;


static tap_unused message_t
notification(void)
{
    message_t  m = { "Notification", "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf321",
                     TOPIC, "Hello", NULL, "2023-11-14T22:13:20.000Z", NULL,
                     NULL, "2", "AAAA", HOST PEM };

    return m;
}


static tap_unused message_t
subscription(void)
{
    message_t  m = { "SubscriptionConfirmation", "id-1", TOPIC,
                     "You have chosen to subscribe", NULL,
                     "2023-11-14T22:13:20.000Z", "2336412f37",
                     HOST "/?Action=ConfirmSubscription&TopicArn=" TOPIC
                     "&Token=2336412f37", "2", "AAAA", HOST PEM };

    return m;
}


static tap_unused size_t
member(char *p, const char *name, const char *value)
{
    return value ? (size_t) sprintf(p, "%s\n  \"%s\" : \"%s\"",
                                    p[-1] == '{' ? "" : ",", name, value) : 0;
}


/* as SNS writes it, in a buffer that is used again */

static tap_unused ngx_deploy_str_t
envelope(const message_t *m)
{
    char  *p;

    static char  text[8192];

    p = text;
    p += sprintf(p, "{");
    p += member(p, "Type", m->type);
    p += member(p, "MessageId", m->id);
    p += member(p, "TopicArn", m->topic);
    p += member(p, "Message", m->message);
    p += member(p, "Subject", m->subject);
    p += member(p, "Timestamp", m->timestamp);
    p += member(p, "Token", m->token);
    p += member(p, "SubscribeURL", m->subscribe);
    p += member(p, "SignatureVersion", m->version);
    p += member(p, "Signature", m->signature);
    p += member(p, "SigningCertURL", m->certificate);
    p += sprintf(p, ",\n  \"UnsubscribeURL\" : \"https://example.com/\"\n}");

    return tap_str(text);
}


static tap_unused ngx_deploy_verifier_t *
topics(const char *list)
{
    const char        *reason;
    ngx_deploy_str_t   s;

    static ngx_deploy_verifier_t  v;

    s = tap_str("sns");
    ngx_deploy_verifier_init(&v, &s);

    s = tap_str(list);
    v.tolerance = tolerance;

    if (ngx_deploy_verifier_topics(&v, tap_pool(), &s, &reason)
        != NGX_DEPLOY_OK)
    {
        printf("Bail out! topics: %s\n", reason);
        exit(1);
    }

    return &v;
}


/* feeds a text in pieces and checks it */

static tap_unused ngx_deploy_verify_e
check(ngx_deploy_sns_t *sns, ngx_deploy_str_t text, size_t step,
    const char *type)
{
    size_t                    n;
    ngx_deploy_str_t          s, t;
    ngx_deploy_scan_table_t  *table;

    table = ngx_deploy_sns_table(tap_pool());

    if (ngx_deploy_sns_begin(sns, tap_pool(), table, 12345) != NGX_DEPLOY_OK) {
        printf("Bail out! memory\n");
        exit(1);
    }

    for ( /* void */ ; text.len; text.data += n, text.len -= n) {
        n = (step < text.len) ? step : text.len;
        s = tap_copy(text.data, n);

        if (ngx_deploy_sns_feed(sns, s.data, s.len) != NGX_DEPLOY_OK) {
            break;
        }
    }

    t = tap_str(type);

    return ngx_deploy_sns_check(sns, topics(TOPIC), &t, NOW);
}


#endif /* _NGX_DEPLOY_TAP_SNS_H_INCLUDED_ */
