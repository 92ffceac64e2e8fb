
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sts.h"
#include "ngx_deploy_region.h"
#include "ngx_deploy_tap.h"


#define FIPS  NGX_DEPLOY_REGION_FIPS
#define DUAL  NGX_DEPLOY_REGION_DUALSTACK

#define ROLE  "arn:aws:iam::123456789012:role/a"


static void
test_host(const char *region, unsigned flags, unsigned legacy,
    const char *want, const char *signing)
{
    int               rc;
    ngx_deploy_str_t  s, host, region_signed;

    s = tap_copy(region, strlen(region));

    rc = ngx_deploy_sts_host(tap_pool(), &s, flags, legacy, &host,
                             &region_signed);

    is_int(rc, want ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "%s %u %u", region,
           flags, legacy);

    if (want) {
        is_str(host, want, "host %s", want);
        is_str(region_signed, signing, "signed for %s", signing);
    }
}


static void
test_hosts(void)
{
    test_host("us-east-1", 0, 0, "sts.us-east-1.amazonaws.com", "us-east-1");
    test_host("eu-west-3", 0, 0, "sts.eu-west-3.amazonaws.com", "eu-west-3");
    test_host("eu-west-3", FIPS, 0, "sts-fips.eu-west-3.amazonaws.com",
              "eu-west-3");
    test_host("eu-west-3", DUAL, 0, "sts.eu-west-3.api.aws", "eu-west-3");
    test_host("eu-west-3", FIPS|DUAL, 0, "sts-fips.eu-west-3.api.aws",
              "eu-west-3");
    test_host("cn-north-1", 0, 0, "sts.cn-north-1.amazonaws.com.cn",
              "cn-north-1");
    test_host("cn-north-1", DUAL, 0,
              "sts.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1");
    test_host("us-gov-west-1", 0, 0, "sts.us-gov-west-1.amazonaws.com",
              "us-gov-west-1");
    test_host("us-gov-west-1", FIPS, 0, "sts.us-gov-west-1.amazonaws.com",
              "us-gov-west-1");
    test_host("eusc-de-east-1", 0, 0, "sts.eusc-de-east-1.amazonaws.eu",
              "eusc-de-east-1");
    test_host("eusc-de-east-1", DUAL, 0, NULL, NULL);
    test_host("us-iso-east-1", 0, 0, "sts.us-iso-east-1.c2s.ic.gov",
              "us-iso-east-1");

    /* the global endpoint */

    test_host("aws-global", 0, 0, "sts.amazonaws.com", "us-east-1");
    test_host("eu-west-3", 0, 1, "sts.amazonaws.com", "us-east-1");
    test_host("us-east-1", 0, 1, "sts.amazonaws.com", "us-east-1");
    test_host("eu-west-3", FIPS, 1, "sts-fips.eu-west-3.amazonaws.com",
              "eu-west-3");
    test_host("eu-south-1", 0, 1, "sts.eu-south-1.amazonaws.com",
              "eu-south-1");
    test_host("cn-north-1", 0, 1, "sts.cn-north-1.amazonaws.com.cn",
              "cn-north-1");

    test_host("", 0, 0, NULL, NULL);
    test_host("us-east-1.example.com/", 0, 0, NULL, NULL);
    test_host("useast1", 0, 1, NULL, NULL);
}


static void
test_body(const char *role, const char *name, const char *external,
    const char *token, unsigned duration, const char *want)
{
    int                        rc;
    const char                *reason;
    ngx_deploy_str_t           body;
    ngx_deploy_sts_request_t   request;

    memset(&request, 0, sizeof(ngx_deploy_sts_request_t));

    request.role = tap_str(role);
    request.session_name = tap_str(name);
    request.external_id = tap_str(external);
    request.token = tap_str(token);
    request.duration = duration;

    reason = NULL;

    rc = ngx_deploy_sts_body(tap_pool(), &request, &body, &reason);

    if (want[0] == 'A') {
        is_int(rc, NGX_DEPLOY_OK, "body");
        is_str(body, want, "%s", want);
        return;
    }

    is_int(rc, NGX_DEPLOY_DECLINED, "no body");
    ok(reason && strncmp(reason, want, strlen(want)) == 0, "%s (%s)", want,
       reason ? reason : "none");
}


static void
test_bodies(void)
{
    char  buf[21000];

    test_body(ROLE, "gw", NULL, NULL, 0,
              "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam"
              "%3A%3A123456789012%3Arole%2Fa&RoleSessionName=gw");
    test_body(ROLE, "a_+=,.@-Z9", "e:/=,+@_.-", NULL, 43200,
              "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam"
              "%3A%3A123456789012%3Arole%2Fa"
              "&RoleSessionName=a_%2B%3D%2C.%40-Z9"
              "&ExternalId=e%3A%2F%3D%2C%2B%40_.-&DurationSeconds=43200");
    test_body(ROLE, "gw", NULL, "e.y-J~_/", 900,
              "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
              "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa"
              "&RoleSessionName=gw&WebIdentityToken=e.y-J~_%2F"
              "&DurationSeconds=900");

    test_body("arn:aws:iam::1:ro/a", "gw", NULL, NULL, 0, "the role");
    test_body("nra:aws:iam::123456789012:role/a", "gw", NULL, NULL, 0,
              "the role");
    test_body(ROLE "\n", "gw", NULL, NULL, 0, "the role");
    test_body(ROLE " ", "gw", NULL, NULL, 0, "the role");
    test_body(ROLE "&x", "gw", NULL, NULL, 0, "the role");
    test_body(ROLE, NULL, NULL, NULL, 0, "the session name");
    test_body(ROLE, "g", NULL, NULL, 0, "the session name");
    test_body(ROLE, "g:w", NULL, NULL, 0, "the session name");
    test_body(ROLE, "gw", "e", NULL, 0, "the external id");
    test_body(ROLE, "gw", "e e", NULL, 0, "the external id");
    test_body(ROLE, "gw", NULL, "abc", 0, "the web identity token");
    test_body(ROLE, "gw", NULL, NULL, 899, "the duration");
    test_body(ROLE, "gw", NULL, NULL, 43201, "the duration");

    memset(buf, 'x', sizeof(buf));
    buf[65] = '\0';
    test_body(ROLE, buf, NULL, NULL, 0, "the session name");
    buf[65] = 'x';
    buf[1225] = '\0';
    test_body(ROLE, "gw", buf, NULL, 0, "the external id");
    buf[1225] = 'x';
    buf[20001] = '\0';
    test_body(ROLE, "gw", NULL, buf, 0, "the web identity token");
    memcpy(buf, "arn:", 4);
    buf[2049] = '\0';
    test_body(buf, "gw", NULL, NULL, 0, "the role");
}


static ngx_deploy_sts_result_t
test_reply(unsigned status, const char *text, ngx_deploy_sts_class_e class)
{
    ngx_deploy_str_t         s;
    ngx_deploy_sts_result_t  result;

    s = tap_copy(text, strlen(text));

    is_int(ngx_deploy_sts_reply(tap_pool(), status, &s, &result),
           NGX_DEPLOY_OK, "%u %.60s", status, text);
    is_int(result.class, class, "class");

    if (class != NGX_DEPLOY_STS_OK) {
        is_str(result.reply.credentials.secret_access_key, NULL, "no secret");
        ok(result.reply.code.len || result.reason, "a code or a reason");
    }

    return result;
}


static void
test_error(unsigned status, const char *code, ngx_deploy_sts_class_e class)
{
    char                     buf[256];
    ngx_deploy_sts_result_t  result;

    (void) snprintf(buf, sizeof(buf), "{\"Error\":{\"Type\":\"Sender\","
                    "\"Code\":\"%s\",\"Message\":\"m\"}}", code);

    result = test_reply(status, buf, class);
    is_str(result.reply.code, code, "code");

    (void) snprintf(buf, sizeof(buf), "<ErrorResponse><Error><Code>%s</Code>"
                    "<Message>m</Message></Error></ErrorResponse>", code);

    result = test_reply(status, buf, class);
    is_str(result.reply.code, code, "code");
    is_str(result.reply.message, class == NGX_DEPLOY_STS_SKEW ? NULL : "m",
           "message");
}


#define XML(token, until)                                                     \
    "\n<AssumeRoleResponse xmlns=\"x\">\n<AssumeRoleResult>"                  \
    "<AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials>"            \
    "<AccessKeyId>ASIA1</AccessKeyId>\n"                                     \
    "<SecretAccessKey>s/+=</SecretAccessKey>"                                 \
    "<SessionToken>" token "</SessionToken><Expiration>" until                \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"

#define UNTIL  "2026-11-22T23:00:00Z"


static void
test_replies(void)
{
    ngx_deploy_sts_result_t  r;

    r = test_reply(200, "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{"
                   "\"Credentials\":{\"AccessKeyId\":\"ASIA1\","
                   "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\","
                   "\"Expiration\":1.79E9}}}}", NGX_DEPLOY_STS_OK);
    is_int(r.reply.expires, 1790000000, "expires");

    r = test_reply(200, XML("t==&amp;&lt;&gt;&quot;&apos;&x", UNTIL),
                   NGX_DEPLOY_STS_OK);
    is_str(r.reply.credentials.access_key_id, "ASIA1", "key id");
    is_str(r.reply.credentials.secret_access_key, "s/+=", "secret");
    is_str(r.reply.credentials.session_token, "t==&<>\"'&x", "token");
    is_int(r.reply.expires, 1795388400, "expires");

    /* not whole, or not what STS writes */

    r = test_reply(200, XML("", UNTIL), NGX_DEPLOY_STS_TRANSIENT);
    is_str(tap_str(r.reason), "there is no session token", "no token");
    r = test_reply(200, XML("t", "soon"), NGX_DEPLOY_STS_TRANSIENT);
    is_str(tap_str(r.reason), "Expiration is not a time", "no time");
    r = test_reply(200, XML("<t>", UNTIL), NGX_DEPLOY_STS_TRANSIENT);
    r = test_reply(200, XML("t\n", UNTIL), NGX_DEPLOY_STS_TRANSIENT);
    r = test_reply(200, "<html>", NGX_DEPLOY_STS_TRANSIENT);
    is_str(tap_str(r.reason), "no credentials in the XML", "HTML");
    test_reply(200, "<Credentials><AccessKeyId>", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(200, "</Credentials><Credentials></Credentials>",
               NGX_DEPLOY_STS_TRANSIENT);
    test_reply(200, "<", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(200, "", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(200, "{}", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(201, XML("t", UNTIL), NGX_DEPLOY_STS_REFUSED);

    test_reply(500, "", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(502, "<html>", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(503, "{}", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(504, "x", NGX_DEPLOY_STS_TRANSIENT);
    test_reply(429, "", NGX_DEPLOY_STS_THROTTLED);
    test_reply(508, "", NGX_DEPLOY_STS_REFUSED);
    test_reply(403, "", NGX_DEPLOY_STS_REFUSED);
    test_reply(302, "", NGX_DEPLOY_STS_REFUSED);

    test_error(403, "AccessDenied", NGX_DEPLOY_STS_REFUSED);
    test_error(400, "ValidationError", NGX_DEPLOY_STS_REFUSED);
    test_error(403, "ExpiredToken", NGX_DEPLOY_STS_REFUSED);
    test_error(400, "IDPCommunicationError", NGX_DEPLOY_STS_TRANSIENT);
    test_error(400, "Throttling", NGX_DEPLOY_STS_THROTTLED);
    test_error(400, "ExpiredTokenException", NGX_DEPLOY_STS_TOKEN);
    test_error(400, "InvalidIdentityToken", NGX_DEPLOY_STS_TOKEN);
    test_error(403, "SignatureDoesNotMatch", NGX_DEPLOY_STS_SKEW);
    test_error(500, "InternalFailure", NGX_DEPLOY_STS_TRANSIENT);
    test_error(400, "InternalFailure", NGX_DEPLOY_STS_REFUSED);

    /* the error of a 200 is an error */

    test_reply(200, "{\"Error\":{\"Code\":\"AccessDenied\"}}",
               NGX_DEPLOY_STS_TRANSIENT);
}


static void
test_memory(void)
{
    long                     i;
    ngx_deploy_str_t         s;
    ngx_deploy_sts_result_t  result;

    s = tap_str(XML("t", UNTIL));

    for (i = 0; i < 3; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_sts_reply(tap_pool(), 200, &s, &result),
               NGX_DEPLOY_ERROR, "no memory after %ld", i);
    }

    s = tap_str("<Error><Code>c</Code><Message>m</Message></Error>");

    for (i = 0; i < 4; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_sts_reply(tap_pool(), 400, &s, &result),
               NGX_DEPLOY_ERROR, "no memory after %ld", i);
    }

    tap_pool_limit(-1);
}


int
main(void)
{
    test_hosts();
    test_bodies();
    test_replies();
    test_memory();

    return plan_done();
}
