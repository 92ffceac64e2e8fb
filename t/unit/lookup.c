
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"
#include "ngx_deploy_lookup.h"


#define MARK  "feedfacefeedface"


static ngx_deploy_lookup_t  lookup;
static ngx_deploy_reply_t   reply;


static void
test_begin(const char *body, int want)
{
    ngx_deploy_str_t  s;

    memset(&lookup, 0, sizeof(ngx_deploy_lookup_t));

    lookup.project = tap_str("api");
    lookup.since = 1000;

    s = tap_copy(body, strlen(body));

    is_int(ngx_deploy_lookup_body(tap_pool(), &lookup, &s), want, "body");
}


/* the next call is to be want, or none when it is NULL */

static void
test_next(const char *operation, const char *want)
{
    int                rc;
    const char        *op;
    ngx_deploy_str_t   body;

    op = NULL;

    rc = ngx_deploy_lookup_next(tap_pool(), &lookup, &op, &body);

    if (operation == NULL) {
        is_int(rc, NGX_DEPLOY_DECLINED, "no call any more");
        return;
    }

    is_int(rc, NGX_DEPLOY_OK, "%s", operation);
    ok(op && strcmp(op, operation) == 0, "operation %s", op);
    is_str(body, want, "its body");
}


static void
test_reply(const char *text, int want)
{
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));

    is_int(ngx_deploy_lookup_reply(tap_pool(), &lookup, s.data, s.len,
                                   &reply),
           want, "reply %.60s", text);
}


#define BODY                                                                  \
    "{\"projectName\":\"api\",\"sourceVersion\":\"abc\","                     \
    "\"environmentVariablesOverride\":[{\"name\":\"A\",\"value\":\"b\"},"     \
    "{\"name\":\"DEPLOY_DELIVERY\",\"value\":\"" MARK "\"}]}"

#define BUILD(id, start, version, mark)                                       \
    "{\"id\":\"" id "\",\"arn\":\"arn:aws:codebuild:us-east-1:123456789012:"  \
    "build/" id "\",\"buildNumber\":7,\"startTime\":" start ",\"sourceVersi"  \
    "on\":\"" version "\",\"environment\":{\"environmentVariables\":["        \
    "{\"name\":\"DEPLOY_DELIVERY\",\"value\":\"" mark "\"}]}}"


static void
test_found(void)
{
    test_begin(BODY, NGX_DEPLOY_OK);
    is_str(lookup.mark, MARK, "mark");
    is_str(lookup.version, "abc", "version");

    test_next("ListBuildsForProject", "{\"projectName\":\"api\"}");
    test_reply("{\"ids\":[\"api:3\",\"api:2\",\"api:u1\"]}",
               NGX_DEPLOY_AGAIN);
    test_next("BatchGetBuilds", "{\"ids\":[\"api:3\",\"api:2\",\"api:u1\"]}");
    test_reply("{\"builds\":[" BUILD("api:3", "1500.25", "abc", "other") ","
               BUILD("api:2", "1400", "other", MARK) ","
               BUILD("api:u1", "1001.5", "abc", MARK) "]}", NGX_DEPLOY_OK);

    is_int(reply.class, NGX_DEPLOY_REPLY_STARTED, "started");
    is_str(reply.id, "api:u1", "id");
    is_int(reply.number, 7, "number");
    ok(reply.arn.len > 0 && reply.url.len > 0, "arn and url");

    /* it belongs to somebody else */

    is_int(ngx_deploy_lookup_other(&lookup, &reply.id), NGX_DEPLOY_OK,
           "another one");
    test_next("ListBuildsForProject", "{\"projectName\":\"api\"}");
    test_reply("{\"ids\":[\"api:u1\"]}", NGX_DEPLOY_AGAIN);
    test_next("BatchGetBuilds", "{\"ids\":[\"api:u1\"]}");
    test_reply("{\"builds\":[" BUILD("api:u1", "1001.5", "abc", MARK) "]}",
               NGX_DEPLOY_AGAIN);
    test_next(NULL, NULL);

    while (ngx_deploy_lookup_other(&lookup, &reply.id) == NGX_DEPLOY_OK) {
        /* void */
    }

    is_int(lookup.nothers, NGX_DEPLOY_LOOKUP_OTHERS, "not for ever");
}


static void
test_pages(void)
{
    char      text[4096], *p;
    unsigned  i;

    test_begin(BODY, NGX_DEPLOY_OK);

    p = text + sprintf(text, "{\"ids\":[");

    for (i = 0; i < 12; i++) {
        p += sprintf(p, "%s\"api:%u\"", i ? "," : "", 100 - i);
    }

    (void) sprintf(p, "],\"nextToken\":\"t1\"}");

    test_next("ListBuildsForProject", "{\"projectName\":\"api\"}");
    test_reply(text, NGX_DEPLOY_AGAIN);
    test_next("BatchGetBuilds", "{\"ids\":[\"api:100\",\"api:99\",\"api:98\","
              "\"api:97\",\"api:96\",\"api:95\",\"api:94\",\"api:93\","
              "\"api:92\",\"api:91\"]}");
    test_reply("{\"builds\":[" BUILD("api:92", "2000", "abc", "x") "]}",
               NGX_DEPLOY_AGAIN);
    test_next("BatchGetBuilds", "{\"ids\":[\"api:90\",\"api:89\"]}");
    test_reply("{\"builds\":[],\"buildsNotFound\":[\"api:90\"]}",
               NGX_DEPLOY_AGAIN);
    test_next("ListBuildsForProject",
              "{\"projectName\":\"api\",\"nextToken\":\"t1\"}");
    test_reply("{\"ids\":[\"api:9\",\"api:8\"],\"nextToken\":\"t2\"}",
               NGX_DEPLOY_AGAIN);
    test_next("BatchGetBuilds", "{\"ids\":[\"api:9\",\"api:8\"]}");

    /* one of them is older than the attempt by more than the clocks differ */

    test_reply("{\"builds\":[" BUILD("api:8", "939", "abc", MARK) ","
               BUILD("api:9", "2000", "abc", "x") "]}", NGX_DEPLOY_AGAIN);
    test_next(NULL, NULL);

    /* a service that never comes to an end */

    test_begin(BODY, NGX_DEPLOY_OK);

    for (i = 0; i < 10; i++) {
        test_reply("{\"ids\":[],\"nextToken\":\"t\"}", NGX_DEPLOY_AGAIN);
    }

    test_next(NULL, NULL);

    test_begin(BODY, NGX_DEPLOY_OK);
    test_reply("{\"ids\":[]}", NGX_DEPLOY_AGAIN);
    test_next(NULL, NULL);
}


static void
test_bad(void)
{
    test_begin("{\"projectName\":\"api\"}", NGX_DEPLOY_DECLINED);
    test_begin("{\"environmentVariablesOverride\":[{\"name\":\"B\"}]}",
               NGX_DEPLOY_DECLINED);
    test_begin("no body", NGX_DEPLOY_DECLINED);

    test_begin(BODY, NGX_DEPLOY_OK);
    test_reply("{}", NGX_DEPLOY_DECLINED);
    ok(reply.reason && strcmp(reply.reason, "reply has no ids") == 0,
       "reason");
    test_reply("{\"ids\":[1]}", NGX_DEPLOY_DECLINED);
    ok(reply.reason && strcmp(reply.reason, "reply has an id that is none")
       == 0, "reason");
    test_reply("{\"ids\":", NGX_DEPLOY_DECLINED);
    ok(reply.reason != NULL, "reason");

    test_reply("{\"ids\":[\"api:u1\"]}", NGX_DEPLOY_AGAIN);
    test_reply("{\"ids\":[\"api:u1\"]}", NGX_DEPLOY_DECLINED);
    ok(reply.reason && strcmp(reply.reason, "reply has no builds") == 0,
       "reason");

    /* without an id it is no build */

    test_reply("{\"builds\":[{\"sourceVersion\":\"abc\",\"environment\":{"
               "\"environmentVariables\":[{\"name\":\"DEPLOY_DELIVERY\","
               "\"value\":\"" MARK "\"}]}}]}", NGX_DEPLOY_DECLINED);
    ok(reply.reason != NULL, "reason");
}


static void
test_memory(void)
{
    long               i;
    const char        *op;
    ngx_deploy_str_t   body;

    test_begin(BODY, NGX_DEPLOY_OK);
    body = tap_copy(BODY, sizeof(BODY) - 1);

    tap_pool_limit(0);
    is_int(ngx_deploy_lookup_body(tap_pool(), &lookup, &body),
           NGX_DEPLOY_ERROR, "no memory for the body");
    is_int(ngx_deploy_lookup_next(tap_pool(), &lookup, &op, &body),
           NGX_DEPLOY_ERROR, "for a call");
    test_reply("{\"ids\":[\"api:u1\"]}", NGX_DEPLOY_ERROR);
    tap_pool_limit(-1);

    test_reply("{\"ids\":[\"api:u1\"]}", NGX_DEPLOY_AGAIN);

    for (i = 0; i < 2; i++) {
        tap_pool_limit(i);
        test_reply("{\"builds\":[" BUILD("api:u1", "1001", "abc", MARK) "]}",
                   NGX_DEPLOY_ERROR);
    }

    tap_pool_limit(-1);
}


int
main(void)
{
    ngx_deploy_json_init();

    test_found();
    test_pages();
    test_bad();
    test_memory();

    return plan_done();
}
