
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_tap.h"


#define TEST_ARN  "arn:aws:codebuild:us-west-2:123456789012:build/my-web:1a-2B"


static ngx_deploy_reply_t
test_reply(unsigned status, const char *type, const char *body,
    unsigned whole)
{
    ngx_deploy_str_t    s, error_type;
    ngx_deploy_reply_t  reply;

    s = tap_copy(body, strlen(body));
    error_type = tap_str(type);

    is_int(ngx_deploy_codebuild_reply(tap_pool(), status, &error_type, s.data,
                                      s.len, whole, &reply),
           NGX_DEPLOY_OK, "%u %s", status, body);

    return reply;
}


static void
test_class(unsigned status, const char *type, const char *body,
    ngx_deploy_reply_class_e class, const char *error, const char *reason)
{
    ngx_deploy_reply_t  reply;

    reply = test_reply(status, type, body, 1);

    is_int(reply.class, class, "class of %u %s", status, body);
    is_str(reply.error, error, "error of %u %s", status, body);
    ok(reason == NULL
       || (reply.reason && strcmp(reply.reason, reason) == 0),
       "reason %s (%s)", reason ? reason : "any",
       reply.reason ? reply.reason : "none");
}


static void
test_started(void)
{
    ngx_deploy_reply_t  reply;

    reply = test_reply(200, NULL, "{\"build\":{\"id\":\"my-web:1a-2B\","
                       "\"arn\":\"" TEST_ARN "\",\"buildNumber\":7.0}}", 1);

    is_int(reply.class, NGX_DEPLOY_REPLY_STARTED, "started");
    is_str(reply.id, "my-web:1a-2B", "id");
    is_str(reply.arn, TEST_ARN, "arn");
    is_int(reply.number, 7, "number");
    is_str(reply.url, "https://us-west-2.console.aws.amazon.com/codesuite/"
           "codebuild/123456789012/projects/my-web/build/my-web%3A1a-2B/"
           "?region=us-west-2", "url");
    is_str(reply.error, NULL, "no error");
    ok(reply.reason == NULL, "no reason");

    reply = test_reply(200, NULL, "{\"build\":{\"id\":\"p:1\"}}", 1);
    is_int(reply.class, NGX_DEPLOY_REPLY_STARTED, "started");
    is_int(reply.number, -1, "no number");
    is_str(reply.arn, NULL, "no arn");
    is_str(reply.url, NULL, "no url");

    reply = test_reply(200, NULL, "{\"build\":{\"id\":\"p:1\",\"arn\":"
                       "\"arn:aws-cn:codebuild:cn-north-1:123456789012:build/"
                       "p_1:uu\"}}", 1);
    is_str(reply.url, "https://cn-north-1.console.amazonaws.cn/codesuite/"
           "codebuild/123456789012/projects/p_1/build/p_1%3Auu/"
           "?region=cn-north-1", "url in China");

    reply = test_reply(200, NULL, "{\"build\":{\"id\":\"p:1\",\"arn\":"
                       "\"arn:aws-us-gov:codebuild:us-gov-west-1:123456789012"
                       ":build/p1:uu\"}}", 1);
    is_str(reply.url, "https://console.amazonaws-us-gov.com/codesuite/"
           "codebuild/123456789012/projects/p1/build/p1%3Auu/"
           "?region=us-gov-west-1", "url in GovCloud");
}


static void
test_urls(void)
{
    size_t              i;
    char                body[512];
    ngx_deploy_reply_t  reply;

    static const char *arns[] = {
        "arn:aws",
        "arn:aws:codebuild:us-west-2:123456789012:build/my-web",
        TEST_ARN ":x",
        "arn:aws-iso:codebuild:us-iso-east-1:123456789012:build/my-web:1a",
        "arn:aws:s3:us-west-2:123456789012:build/my-web:1a",
        "arn:aws:codebuild:evil.example/:123456789012:build/my-web:1a",
        "arn:aws:codebuild:us-west-2:12345678901:build/my-web:1a",
        "arn:aws:codebuild:us-west-2:1234567890ab:build/my-web:1a",
        "arn:aws:codebuild:us-west-2:123456789012:build/my/web:1a",
        "arn:aws:codebuild:us-west-2:123456789012:project/my-web:1a",
        "arn:aws:codebuild:us-west-2:123456789012:build/my-web:",
        "arn:aws:codebuild:us-west-2:123456789012:build/my-web:1?a"
    };

    for (i = 0; i < sizeof(arns) / sizeof(char *); i++) {
        snprintf(body, sizeof(body),
                 "{\"build\":{\"id\":\"p:1\",\"arn\":\"%s\"}}", arns[i]);
        reply = test_reply(200, NULL, body, 1);
        is_str(reply.arn, arns[i], "arn %s", arns[i]);
        is_str(reply.url, NULL, "no url of it");
    }
}


static void
test_not_started(void)
{
    ngx_deploy_reply_t  reply;

    test_class(200, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, NULL, "empty");
    test_class(200, NULL, "{}", NGX_DEPLOY_REPLY_TRANSIENT, NULL,
               "reply has no build.id");
    test_class(200, NULL, "[]", NGX_DEPLOY_REPLY_TRANSIENT, NULL,
               "reply has no build.id");
    test_class(200, NULL, "{\"build\":null}", NGX_DEPLOY_REPLY_TRANSIENT,
               NULL, "reply has no build.id");
    test_class(200, NULL, "{\"build\":{\"id\":\"\"}}",
               NGX_DEPLOY_REPLY_TRANSIENT, NULL, "reply has no build.id");
    test_class(200, NULL, "{\"build\":{\"id\":\"a\\nb\"}}",
               NGX_DEPLOY_REPLY_TRANSIENT, NULL, "reply has no build.id");
    test_class(200, NULL, "{\"build\":{\"id\":7}}",
               NGX_DEPLOY_REPLY_TRANSIENT, NULL, "reply has no build.id");
    test_class(200, NULL, "{\"build\":{\"id\":\"p:1\"}",
               NGX_DEPLOY_REPLY_TRANSIENT, NULL, "JSON is cut short");
    test_class(200, NULL, "<html>", NGX_DEPLOY_REPLY_TRANSIENT, NULL,
               "not JSON");
    test_class(204, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, NULL, "HTTP 2xx");
    test_class(101, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, NULL, "HTTP 1xx");
    test_class(0, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, NULL,
               "no HTTP status");
    test_class(302, NULL, "", NGX_DEPLOY_REPLY_REFUSED, NULL, "redirect");

    reply = test_reply(200, NULL, "{\"build\":{\"id\":\"p:1\"}}", 0);
    is_int(reply.class, NGX_DEPLOY_REPLY_TRANSIENT, "not whole");
    is_str(reply.id, NULL, "no id");

    reply = test_reply(400, NULL, "{\"__type\":\"AccessDenied\"}", 0);
    is_int(reply.class, NGX_DEPLOY_REPLY_TRANSIENT, "an error, not whole");
    is_str(reply.error, "UnknownError", "of unknown code");

    reply = test_reply(400, "AccessDenied", "{\"__ty", 0);
    is_int(reply.class, NGX_DEPLOY_REPLY_REFUSED, "known from its header");
}


static void
test_errors(void)
{
    test_class(400, NULL, "{\"__type\":\"ResourceNotFoundException\"}",
               NGX_DEPLOY_REPLY_REFUSED, "ResourceNotFoundException",
               "refused");
    test_class(400, NULL, "{\"__type\":\"com.amazonaws.codebuild#Throttling"
               "Exception\"}", NGX_DEPLOY_REPLY_THROTTLED,
               "ThrottlingException", "throttled");
    test_class(400, "AccessDeniedException:http://x/#y",
               "{\"__type\":\"ThrottlingException\"}",
               NGX_DEPLOY_REPLY_REFUSED, "AccessDeniedException", NULL);
    test_class(400, "", "{\"code\":\"ExpiredTokenException\",\"__type\":\"X\"}",
               NGX_DEPLOY_REPLY_CREDENTIALS, "ExpiredTokenException", NULL);
    test_class(400, NULL, "{\"code\":400,\"__type\":\"UnrecognizedClient"
               "Exception\"}", NGX_DEPLOY_REPLY_CREDENTIALS,
               "UnrecognizedClientException", NULL);
    test_class(400, NULL, "{\"__type\":\"AccountLimitExceededException\"}",
               NGX_DEPLOY_REPLY_CAPACITY, "AccountLimitExceededException",
               NULL);
    test_class(400, "InvalidSignatureException", "", NGX_DEPLOY_REPLY_SKEW,
               "InvalidSignatureException", NULL);
    test_class(403, "SignatureDoesNotMatch", "", NGX_DEPLOY_REPLY_SKEW,
               "SignatureDoesNotMatch", NULL);
    test_class(400, "RequestTimeout", "", NGX_DEPLOY_REPLY_TRANSIENT,
               "RequestTimeout", NULL);
    test_class(400, "InternalFailure", "", NGX_DEPLOY_REPLY_REFUSED,
               "InternalFailure", NULL);
    test_class(429, NULL, "", NGX_DEPLOY_REPLY_THROTTLED, "UnknownError",
               "HTTP 429");
    test_class(408, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, "UnknownError",
               "HTTP 408");
    test_class(500, "AccessDenied", "", NGX_DEPLOY_REPLY_TRANSIENT,
               "AccessDenied", "HTTP 500");
    test_class(503, "SlowDown", "", NGX_DEPLOY_REPLY_THROTTLED, "SlowDown",
               "throttled");
    test_class(503, NULL, "<html>", NGX_DEPLOY_REPLY_TRANSIENT,
               "UnknownError", "HTTP 503");
    test_class(599, NULL, "", NGX_DEPLOY_REPLY_TRANSIENT, "UnknownError",
               "HTTP 5xx");
    test_class(403, NULL, "<html>", NGX_DEPLOY_REPLY_REFUSED, "UnknownError",
               "HTTP 403");
    test_class(418, NULL, "{}", NGX_DEPLOY_REPLY_REFUSED, "UnknownError",
               "HTTP 4xx");
    test_class(400, "a b", "{\"__type\":\"#:\"}", NGX_DEPLOY_REPLY_REFUSED,
               "UnknownError", "HTTP 400");
}


static void
test_messages(void)
{
    char                body[1200];
    ngx_deploy_reply_t  reply;

    reply = test_reply(400, "X", "{\"message\":null}", 1);
    is_str(reply.message, NULL, "no message");

    reply = test_reply(400, "X", "{\"Message\":\"a\\r\\n\\u007fb\\t\"}", 1);
    is_str(reply.message, "a   b ", "no control character in it");

    memset(body, 'x', sizeof(body));
    memcpy(body, "{\"message\":\"", 12);
    memcpy(body + 12 + 1022, "\xe2\x82\xac\"}", 6);

    reply = test_reply(400, "X", body, 1);
    is_int(reply.message.len, 1022, "it is cut before a character");

    memcpy(body + 12 + 1021, "\xe2\x82\xac\"}", 6);
    reply = test_reply(400, "X", body, 1);
    is_int(reply.message.len, 1024, "it is not cut");
}


static void
test_names(void)
{
    char              text[300];
    const char       *reason;
    ngx_deploy_str_t  s;

#define test_project(t)                                                       \
    (s = tap_str(t), ngx_deploy_codebuild_project_name(&s) == NGX_DEPLOY_OK)

    ok(test_project("a1"), "the shortest project");
    ok(test_project("Deploy_web-1"), "a project");
    ok(!test_project("a"), "too short");
    ok(!test_project(""), "empty");
    ok(!test_project("-ab"), "begins with a dash");
    ok(!test_project("a/b"), "a slash");
    ok(!test_project("a\xc3\xa9"), "not ASCII");

    memset(text, 'p', sizeof(text));
    text[255] = '\0';
    ok(test_project(text), "255 characters");
    text[255] = 'p';
    text[256] = '\0';
    ok(!test_project(text), "256 characters");

#define test_env(t)                                                           \
    (s = tap_str(t), reason = NULL,                                           \
     ngx_deploy_codebuild_env_name(&s, &reason) == NGX_DEPLOY_OK)

    ok(test_env("DEPLOYED_BY2"), "a variable");
    ok(test_env("_"), "an underscore");
    ok(test_env("CODEBUILD"), "not the prefix");
    ok(!test_env("CODEBUILD_X") && reason, "reserved");
    ok(!test_env("2A") && reason, "begins with a digit");
    ok(!test_env("A=B") && reason, "an equal sign");
    ok(!test_env("") && reason, "empty");
}


static ngx_deploy_str_t
test_token(const char *provider, const char *identity, size_t index,
    const char *project, const char *region)
{
    ngx_deploy_str_t  a, b, c, d, token;

    a = tap_str(provider);
    b = tap_str(identity);
    c = tap_str(project);
    d = tap_str(region);

    is_int(ngx_deploy_codebuild_token(tap_pool(), &a, &b, index, &c, &d,
                                      &token),
           NGX_DEPLOY_OK, "token");
    is_int(token.len, 64, "64 characters");

    return token;
}


static void
test_tokens(void)
{
    ngx_deploy_str_t  one, two;

    /* SHA-256 of "6:github2:id1:03:web9:us-east-1" */

    one = test_token("github", "id", 0, "web", "us-east-1");
    is_str(one, "7cd7ed4b599870ee018c0c74045ca2ce"
           "25712407172d0fa929e431acfe1ef838", "the token stays as it is");

    two = test_token("github", "id", 0, "web", "us-east-1");
    ok(ngx_deploy_str_eq(&one, &two), "the same again");

    two = test_token("github", "id", 1, "web", "us-east-1");
    ok(!ngx_deploy_str_eq(&one, &two), "another event");

    two = test_token("github", "id", 0, "web", "us-east-2");
    ok(!ngx_deploy_str_eq(&one, &two), "another region");

    two = test_token("githubi", "d", 0, "web", "us-east-1");
    ok(!ngx_deploy_str_eq(&one, &two), "other borders");
}


static void
test_override(const char *member, const char *value, const char *want)
{
    int               rc;
    const char       *reason;
    ngx_deploy_str_t  m, v;

    m = tap_str(member);
    v = tap_str(value);
    reason = NULL;

    rc = ngx_deploy_codebuild_override(&m, &v, &reason);

    is_int(rc, want ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK, "%s %s", member,
           value ? value : "(absent)");

    if (want) {
        ok(reason && strcmp(reason, want) == 0, "%s (%s)", want,
           reason ? reason : "none");
    }
}


static void
test_overrides(void)
{
    size_t  i;

    static const char  scalar[] = "is not a scalar member of StartBuild";
    static const char  minutes[] = "must be an integer from 5 to 2160";

    static const char *others[] = {
        "projectName", "sourceVersion", "idempotencyToken",
        "environmentVariablesOverride", "sourceAuthOverride",
        "gitSubmodulesConfigOverride", "secondarySourcesOverride",
        "secondarySourcesVersionOverride", "artifactsOverride",
        "secondaryArtifactsOverride", "buildStatusConfigOverride",
        "cacheOverride", "logsConfigOverride", "registryCredentialOverride",
        "fleetOverride", "timeoutinminutesoverride", "", "Override"
    };

    for (i = 0; i < sizeof(others) / sizeof(char *); i++) {
        test_override(others[i], "1", scalar);
    }

    test_override("timeoutInMinutesOverride", "5", NULL);
    test_override("timeoutInMinutesOverride", "2160", NULL);
    test_override("timeoutInMinutesOverride", "2161", minutes);
    test_override("timeoutInMinutesOverride", "4", minutes);
    test_override("timeoutInMinutesOverride", "30m", minutes);
    test_override("timeoutInMinutesOverride", "", minutes);
    test_override("timeoutInMinutesOverride", NULL, NULL);
    test_override("queuedTimeoutInMinutesOverride", "481",
                  "must be an integer from 5 to 480");
    test_override("gitCloneDepthOverride", "0", NULL);
    test_override("gitCloneDepthOverride", "-1",
                  "must be an integer from 0 to 2147483647");
    test_override("autoRetryLimitOverride", "2", NULL);
    test_override("autoRetryLimitOverride", "9999999999999999999999",
                  "must be an integer from 0 to 2147483647");
    test_override("privilegedModeOverride", "on", NULL);
    test_override("debugSessionEnabled", "false", NULL);
    test_override("debugSessionEnabled", "yes",
                  "must be \"true\", \"false\", \"on\" or \"off\"");
    test_override("computeTypeOverride", "BUILD_GENERAL9_HUGE", NULL);
    test_override("computeTypeOverride", "BUILD GENERAL", "must be a word");
    test_override("computeTypeOverride", "", "must be a word");
    test_override("imageOverride", "", "must not be empty");
    test_override("imageOverride", "aws/codebuild/standard:7.0", NULL);
    test_override("certificateOverride", "", NULL);
}


static void
test_body(ngx_deploy_start_build_t *start, const char *want,
    const char *want_reason)
{
    const char         *reason;
    ngx_deploy_str_t    s;

    s.len = 0;
    s.data = NULL;

    is_int(ngx_deploy_codebuild_start_build(start, tap_pool(), &s, &reason),
           want ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED, "the result");

    is_str(s, want, "body");

    if (want_reason) {
        ok(reason && strcmp(reason, want_reason) == 0, "%s (%s)", want_reason,
           reason ? reason : "none");
    }
}


static void
test_bodies(void)
{
    ngx_deploy_start_build_t  start;

    static ngx_deploy_env_t  env[] = {
        { ngx_deploy_string("A"), ngx_deploy_string("1"), "PLAINTEXT" },
        { ngx_deploy_string("B"), ngx_deploy_null_string, NULL },
        { ngx_deploy_string("A"), ngx_deploy_string("h\xc3\xa9\xff"),
          "PARAMETER_STORE" },
        { ngx_deploy_string("CODEBUILD_X"), ngx_deploy_string("1"), NULL }
    };

    static ngx_deploy_override_t  overrides[] = {
        { ngx_deploy_string("timeoutInMinutesOverride"),
          ngx_deploy_string("30") },
        { ngx_deploy_string("privilegedModeOverride"),
          ngx_deploy_string("off") },
        { ngx_deploy_string("imageOverride"), ngx_deploy_string("a:1") },
        { ngx_deploy_string("timeoutInMinutesOverride"),
          ngx_deploy_string("0040") },
        { ngx_deploy_string("debugSessionEnabled"),
          ngx_deploy_string("maybe") }
    };

    memset(&start, 0, sizeof(ngx_deploy_start_build_t));

    test_body(&start, NULL, "is not a name of a project");

    start.project = tap_str("deploy-web");
    test_body(&start, "{\"projectName\":\"deploy-web\"}", NULL);

    start.source_version = tap_str("refs/heads/main^{01}");
    start.idempotency_token = tap_str("d2f0");
    start.env = env;
    start.nenv = 3;
    start.overrides = overrides;
    start.noverrides = 4;

    test_body(&start, "{\"projectName\":\"deploy-web\","
              "\"sourceVersion\":\"refs/heads/main^{01}\","
              "\"environmentVariablesOverride\":[{\"name\":\"A\","
              "\"value\":\"h\xc3\xa9\xef\xbf\xbd\","
              "\"type\":\"PARAMETER_STORE\"},"
              "{\"name\":\"B\",\"value\":\"\"}],"
              "\"timeoutInMinutesOverride\":40,"
              "\"privilegedModeOverride\":false,"
              "\"imageOverride\":\"a:1\",\"idempotencyToken\":\"d2f0\"}",
              NULL);

    start.noverrides = 5;
    test_body(&start, NULL, "must be \"true\", \"false\", \"on\" or \"off\"");

    start.noverrides = 0;
    start.nenv = 4;
    test_body(&start, NULL, "begins with \"CODEBUILD_\", which is reserved");
}


static void
test_memory(void)
{
    size_t              i;
    ngx_deploy_str_t    s;
    ngx_deploy_reply_t  reply;

    s = tap_str("{\"build\":{\"id\":\"p:1\",\"arn\":\"" TEST_ARN "\"}}");

    for (i = 0; i < 3; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_codebuild_reply(tap_pool(), 200, NULL, s.data,
                                          s.len, 1, &reply),
               NGX_DEPLOY_ERROR, "no memory after %d", (int) i);
    }

    s = tap_str("{\"__type\":\"X\",\"message\":\"y\"}");

    for (i = 0; i < 2; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_codebuild_reply(tap_pool(), 400, NULL, s.data,
                                          s.len, 1, &reply),
               NGX_DEPLOY_ERROR, "no memory after %d", (int) i);
    }

    tap_pool_limit(-1);
}


static void
test_version(void)
{
    ngx_deploy_str_t    word;
    ngx_deploy_event_t  e;

    ngx_deploy_event_init(&e);
    is_str(ngx_deploy_codebuild_version(&e), NULL, "version of nothing");

    e.facts[NGX_DEPLOY_TAG] = tap_str("v1");
    is_str(ngx_deploy_codebuild_version(&e), "v1", "a tag");

    e.facts[NGX_DEPLOY_BRANCH] = tap_str("main");
    is_str(ngx_deploy_codebuild_version(&e), "main", "a branch");

    e.facts[NGX_DEPLOY_COMMIT] = tap_str("0123456789ab");
    is_str(ngx_deploy_codebuild_version(&e), "main", "a short commit");

    e.facts[NGX_DEPLOY_COMMIT] =
                          tap_str("0123456789012345678901234567890123456789");
    is_str(ngx_deploy_codebuild_version(&e),
           "0123456789012345678901234567890123456789", "a commit");

    e.deleted = 1;
    is_str(ngx_deploy_codebuild_version(&e), NULL, "what is gone");

    is_str(tap_str(ngx_deploy_codebuild_env_type(NULL)), "PLAINTEXT", "type");
    word = tap_str("secrets_manager");
    is_str(tap_str(ngx_deploy_codebuild_env_type(&word)), "SECRETS_MANAGER",
           "type of secrets");
    word = tap_str("PLAINTEXT");
    is_str(tap_str(ngx_deploy_codebuild_env_type(&word)), NULL, "no type");
}


int
main(void)
{
    test_started();
    test_urls();
    test_not_started();
    test_errors();
    test_messages();
    test_names();
    test_tokens();
    test_overrides();
    test_bodies();
    test_memory();
    test_version();

    return plan_done();
}
