
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_credentials.h"
#include "ngx_deploy_tap.h"


#define IMDS       NGX_DEPLOY_CREDENTIALS_IMDS
#define CONTAINER  NGX_DEPLOY_CREDENTIALS_CONTAINER
#define PROCESS    NGX_DEPLOY_CREDENTIALS_PROCESS
#define STS        NGX_DEPLOY_CREDENTIALS_STS


static void
test_time(const char *text, int64_t want)
{
    int64_t           time;
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));
    time = -1;

    is_int(ngx_deploy_credentials_time(&s, &time),
           want < 0 ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK, "time %s", text);
    is_int(time, want, "value of %s", text);
}


static void
test_times(void)
{
    test_time("2026-11-22T23:00:00Z", 1795388400);
    test_time("2026-11-22t23:00:00z", 1795388400);
    test_time("2026-11-22 23:00:00Z", 1795388400);
    test_time("2026-11-22T23:00:00.123456789Z", 1795388400);
    test_time("2026-11-22T23:00:00+00:00", 1795388400);
    test_time("2026-11-23T00:30:00+01:30", 1795388400);
    test_time("2026-11-22T17:30:00-0530", 1795388400);
    test_time("1970-01-01T00:00:01Z", 1);
    test_time("2000-02-29T12:00:00Z", 951825600);
    test_time("2024-02-29T00:00:00Z", 1709164800);
    test_time("9999-12-31T23:59:59Z", 253402300799);
    test_time("2016-12-31T23:59:60Z", 1483228800);

    test_time("1970-01-01T00:00:00Z", -1);
    test_time("1969-12-31T23:59:59Z", -1);
    test_time("0000-01-01T00:00:00Z", -1);
    test_time("2100-02-29T00:00:00Z", -1);
    test_time("2025-02-29T00:00:00Z", -1);
    test_time("2026-04-31T00:00:00Z", -1);
    test_time("2026-13-01T00:00:00Z", -1);
    test_time("2026-00-01T00:00:00Z", -1);
    test_time("2026-01-00T00:00:00Z", -1);
    test_time("2026-11-22T24:00:00Z", -1);
    test_time("2026-11-22T23:60:00Z", -1);
    test_time("2026-11-22T23:00:61Z", -1);
    test_time("2026-11-22T23:00:00", -1);
    test_time("2026-11-22T23:00:00.Z", -1);
    test_time("2026-11-22T23:00:00Z ", -1);
    test_time("2026-11-22T23:00:00+24:00", -1);
    test_time("2026-11-22T23:00:00+1:00", -1);
    test_time("2026-11-22T23:00:00+0x:00", -1);
    test_time("2026-11-22T23:00:00+01-00", -1);
    test_time("2026/11/22T23:00:00Z", -1);
    test_time("20261122T230000Z", -1);
    test_time("", -1);
}


static void
test_number(const char *text, int64_t want)
{
    int64_t           time;
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));
    time = -1;

    is_int(ngx_deploy_credentials_number(&s, &time),
           want < 0 ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK, "number %s", text);
    is_int(time, want, "value of %s", text);
}


static void
test_numbers(void)
{
    test_number("1.79E9", 1790000000);
    test_number("1.795388400E9", 1795388400);
    test_number("1.795388400123E9", 1795388400);
    test_number("1.7953884E+09", 1795388400);
    test_number("1795388400", 1795388400);
    test_number("1795388400.999", 1795388400);
    test_number("17953884000e-1", 1795388400);
    test_number("17953884000000000000000000000e-19", 1795388400);
    test_number("0.00000000000000000001795388400e29", 1795388400);
    test_number("1795388400.00000000000000000000000001", 1795388400);
    test_number("253402300799", 253402300799);

    test_number("253402300800", -1);
    test_number("1e12", -1);
    test_number("1e999", -1);
    test_number("1e1001", -1);
    test_number("1e99999999999999999999", -1);
    test_number("9999999999999999999999", -1);
    test_number("0", -1);
    test_number("0.5", -1);
    test_number("1e-999", -1);
    test_number("-1", -1);
    test_number("1e", -1);
    test_number("1x", -1);
    test_number("x", -1);
    test_number("", -1);
}


/* id is the key that is wanted, or NULL, then reason begins the reason */

static ngx_deploy_credentials_reply_t
test_read(ngx_deploy_credentials_kind_e kind, const char *text,
    const char *id, const char *reason)
{
    int                              rc;
    const char                      *got;
    ngx_deploy_str_t                 s;
    ngx_deploy_credentials_reply_t   reply;

    s = tap_copy(text, strlen(text));
    got = "none";

    rc = ngx_deploy_credentials_read(tap_pool(), kind, &s, &reply, &got);

    is_int(rc, id ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "%s", text);

    if (id) {
        is_str(reply.credentials.access_key_id, id, "key id");

    } else {
        ok(strncmp(got, reason, strlen(reason)) == 0, "reason %s: %s",
           reason, got);
    }

    return reply;
}


#define KEYS   "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s/+=\","
#define UNTIL  "\"Expiration\":\"2026-11-22T23:00:00Z\""


static void
test_sources(void)
{
    ngx_deploy_credentials_reply_t  r;

    r = test_read(IMDS, "{\"Code\":\"Success\",\"LastUpdated\":1,\"Type\":[{}],"
                  KEYS "\"Token\":\"t==\"," UNTIL "}", "ASIA1", NULL);
    is_str(r.credentials.secret_access_key, "s/+=", "secret");
    is_str(r.credentials.session_token, "t==", "token");
    is_int(r.expires, 1795388400, "expires");
    is_str(r.code, NULL, "no code");

    r = test_read(IMDS, "{\"Code\":\"Failed\",\"Message\":\"m\"," KEYS
                  "\"Token\":\"t\"," UNTIL "}", NULL, "an error instead");
    is_str(r.code, "Failed", "code");
    is_str(r.message, "m", "message");
    is_str(r.credentials.secret_access_key, NULL, "no secret");

    r = test_read(CONTAINER, "{" KEYS "\"Token\":\"t\",\"AccountId\":\"1\","
                  UNTIL "}", "ASIA1", NULL);
    is_int(r.expires, 1795388400, "expires");

    r = test_read(CONTAINER, "{\"code\":\"c.1-x_\",\"message\":\"m\"}", NULL,
                  "an error instead");
    is_str(r.code, "c.1-x_", "code");

    /* its members have other names */

    test_read(CONTAINER, "{\"Code\":\"c\",\"Message\":\"m\"}", NULL,
              "there is no access key id");

    r = test_read(PROCESS, "{\"Version\":1," KEYS "\"Token\":\"t\"}",
                  "ASIA1", NULL);
    is_str(r.credentials.session_token, NULL, "SessionToken is its name");
    is_int(r.expires, 0, "never expires");

    r = test_read(PROCESS, "{" KEYS "\"Version\":1,\"SessionToken\":\"t\","
                  UNTIL "}", "ASIA1", NULL);
    is_str(r.credentials.session_token, "t", "SessionToken");
    is_int(r.expires, 1795388400, "expires");

    r = test_read(STS, "{\"AssumeRoleResponse\":{\"AssumeRoleResult\":{"
                  "\"Credentials\":{" KEYS "\"SessionToken\":\"t\","
                  "\"Expiration\":1.79E9}}}}", "ASIA1", NULL);
    is_int(r.expires, 1790000000, "expires");

    test_read(STS, "{\"AssumeRoleWithWebIdentityResponse\":{"
              "\"AssumeRoleWithWebIdentityResult\":{\"Credentials\":{" KEYS
              "\"SessionToken\":\"t\",\"Expiration\":1790000000}}}}",
              "ASIA1", NULL);

    r = test_read(STS, "{\"Error\":{\"Code\":\"AccessDenied\","
                  "\"Message\":null,\"Type\":\"Sender\"}}", NULL,
                  "an error instead");
    is_str(r.code, "AccessDenied", "code");
    is_str(r.message, NULL, "no message");
}


static void
test_faults(void)
{
    char                             buf[1200];
    ngx_deploy_credentials_reply_t   r;

    test_read(PROCESS, "", NULL, "");
    test_read(PROCESS, "{", NULL, "");
    test_read(PROCESS, "{} {}", NULL, "");
    test_read(PROCESS, "null", NULL, "");
    test_read(PROCESS, "{\"a\":1,\"a\":2}", NULL, "duplicate key");
    test_read(PROCESS, "{}", NULL, "Version is not the number 1");
    test_read(PROCESS, "{\"Version\":2," KEYS "\"x\":0}", NULL, "Version");
    test_read(PROCESS, "{\"Version\":1.0," KEYS "\"x\":0}", NULL, "Version");
    test_read(PROCESS, "{\"Version\":\"1\"," KEYS "\"x\":0}", NULL, "Version");
    test_read(PROCESS, "{\"Version\":true," KEYS "\"x\":0}", NULL, "Version");
    test_read(PROCESS, "{\"Version\":1}", NULL, "there is no access key id");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\"}", NULL,
              "there is no secret access key");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":\"\","
              "\"SecretAccessKey\":\"s\"}", NULL, "there is no access key id");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":1}", NULL,
              "a member is not a string");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":{}}", NULL,
              "a member is not a string");
    test_read(PROCESS, "{\"Version\":1," KEYS "\"Expiration\":\"\"}", NULL,
              "Expiration is not a time");
    test_read(PROCESS, "{\"Version\":1," KEYS "\"Expiration\":true}", NULL,
              "Expiration is not a time");
    test_read(PROCESS, "{\"Version\":1," KEYS "\"Expiration\":-5}", NULL,
              "Expiration is not a time");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A B\","
              "\"SecretAccessKey\":\"s\"}", NULL, "a key is too long");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\","
              "\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\\r\\nx: y\"}",
              NULL, "a key is too long");
    test_read(PROCESS, "{\"Version\":1,\"AccessKeyId\":\"A\\u00e9\","
              "\"SecretAccessKey\":\"s\"}", NULL, "a key is too long");

    test_read(IMDS, "{\"Code\":\"Success\"," KEYS UNTIL "}", NULL,
              "there is no session token");
    test_read(IMDS, "{\"Code\":\"Success\"," KEYS "\"Token\":\"t\"}", NULL,
              "there is no Expiration");
    test_read(STS, "{\"AccessKeyId\":\"A\"}", NULL,
              "there is no access key id");

    /* what strangers write is made fit for a log */

    r = test_read(CONTAINER, "{\"code\":\"a b\",\"message\":\"a\\u0000\\n"
                  "\\u00e9z\"}", NULL, "");
    r = test_read(CONTAINER, "{\"code\":\"a b\",\"message\":\"a\\n"
                  "\\u00e9z\"}", NULL, "an error instead");
    is_str(r.code, NULL, "no code");
    is_str(r.message, "a???z", "message");

    memset(buf, 'x', sizeof(buf));
    memcpy(buf, "{\"message\":\"", 12);
    memcpy(buf + 700, "\",\"code\":\"", 10);
    memcpy(buf + sizeof(buf) - 3, "\"}", 3);

    r = test_read(CONTAINER, buf, NULL, "an error instead");
    is_int(r.message.len, 256, "a long message is cut");
    is_str(r.code, NULL, "a long code is none");

    memcpy(buf, "{\"AccessKeyId\":\"", 16);
    test_read(CONTAINER, buf, NULL, "");
}


static void
test_memory(void)
{
    long                             i;
    const char                      *reason;
    ngx_deploy_str_t                 s;
    ngx_deploy_credentials_reply_t   reply;

    s = tap_str("{\"Version\":1," KEYS "\"SessionToken\":\"t\"," UNTIL "}");

    for (i = 0; i < 100; i++) {
        tap_pool_limit(i);

        if (ngx_deploy_credentials_read(tap_pool(), PROCESS, &s, &reply,
                                        &reason)
            != NGX_DEPLOY_ERROR)
        {
            break;
        }
    }

    tap_pool_limit(-1);

    ok(i > 4 && i < 100, "no memory after 0 to %ld blocks", i - 1);
}


int
main(void)
{
    test_times();
    test_numbers();
    test_sources();
    test_faults();
    test_memory();

    return plan_done();
}
