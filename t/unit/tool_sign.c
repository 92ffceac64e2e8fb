
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_sender.h"
#include "ngx_deploy_tap.h"


#define SECRET  "It's a Secret to Everybody"
#define KEY     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


static void
sign(const char *scheme, const char *param, const char *secret,
    const char *id, const char *time, const char *body, const char *want)
{
    const char             *reason;
    ngx_deploy_str_t        s, i, t, b, value;
    ngx_deploy_secrets_t    report;
    ngx_deploy_verifier_t   v;

    s = tap_str(scheme);
    is_int(ngx_deploy_verifier_init(&v, &s), NGX_DEPLOY_OK, "%s", scheme);

    for ( /* void */ ; param; param = strchr(param, ' ')) {
        param += (*param == ' ');

        s = tap_copy(param, strcspn(param, " "));
        is_int(ngx_deploy_verifier_param(&v, tap_pool(), &s, &reason),
               NGX_DEPLOY_OK, "%s, %s", scheme, param);
    }

    s = tap_copy(secret, strlen(secret));
    is_int(ngx_deploy_verifier_secrets(&v, tap_pool(), &s, &report),
           NGX_DEPLOY_OK, "%s, secret", scheme);

    i = tap_copy(id, strlen(id));
    t = tap_copy(time, strlen(time));
    b = tap_copy(body, strlen(body));

    is_int(ngx_deploy_tool_sign(tap_pool(), &v, 0, &s, &i, &t, &b, &value),
           NGX_DEPLOY_OK, "%s, signed", scheme);
    is_str(value, want, "%s, value", scheme);

    ngx_deploy_verifier_free(&v);
}


/* published vectors of providers.md, section 12, and of our own */

static void
test_sign(void)
{
    sign("github", NULL, SECRET, "", "", "Hello, World!",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b04"
         "3e17");
    sign("bitbucket", NULL, SECRET, "", "", "Hello World!",
         "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e1332"
         "63c9");
    sign("gitea", NULL, SECRET, "", "", "Hello, World!",
         "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    sign("hmac", "header=X-S encoding=base64 prefix=s=", "secret", "", "",
         "data", "s=GywWt1vSqHDBFBU8zaW8/KYzFLxyL6Fg1pDeEzzLuds=");
    sign("standard", NULL, KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
         "{\"test\": 2432232314}",
         "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    sign("gitlab", NULL, KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
         "{\"test\": 2432232314}",
         "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    sign("gitlab", NULL, SECRET, "", "", "x", SECRET);
    sign("token", NULL, SECRET, "", "", "x", "Bearer " SECRET);
    sign("token", "header=X-T", SECRET, "", "", "x", SECRET);
    sign("azure", NULL, "Aladdin:open sesame", "", "", "x",
         "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    sign("slack", NULL, "8f742231b10e8888abcd99yyyzzz85a5", "", "1531420618",
         "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testtea"
         "mnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user"
         "_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https"
         "%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96r"
         "GlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887"
         "a14d10d2c447fce8b6703c",
         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
         );
}


static void
event(const char *scheme, const char *text, const char *want)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_str_t    s, event;
    ngx_deploy_json_t  *json;

    reason = NULL;
    s = tap_copy(text, strlen(text));

    json = ngx_deploy_json_parse(s.data, s.len, 65536, &reason);

    rc = ngx_deploy_tool_event(scheme, json, &event, &reason);

    if (rc == NGX_DEPLOY_OK) {
        is_str(event, want, "%s, %s", scheme, text);

    } else {
        ok(want && strcmp(want, "?") == 0 && reason, "%s, %s", scheme, text);
    }

    ngx_deploy_json_free(json);
}


static void
test_event(void)
{
    event("github", "{\"zen\":\"x\",\"hook_id\":1}", "ping");
    event("github", "{\"ref\":\"refs/heads/a\",\"commits\":[]}", "push");
    event("github", "{\"ref\":\"a\",\"ref_type\":\"tag\","
                    "\"master_branch\":\"m\"}", "create");
    event("github", "{\"ref\":\"a\",\"ref_type\":\"tag\"}", "delete");
    event("github", "{\"pull_request\":{}}", "pull_request");
    event("github", "{\"pull_request\":{},\"review\":{}}",
          "pull_request_review");
    event("github", "{\"deployment\":{},\"deployment_status\":{}}",
          "deployment_status");
    event("github", "{\"release\":{}}", "release");
    event("github", "{\"state\":\"success\",\"branches\":[]}", "status");
    event("github", "{\"a\":1}", "?");
    event("github", "{", "?");
    event("gitea", "{\"ref\":\"a\",\"ref_type\":\"tag\",\"sha\":\"1\"}",
          "create");
    event("forgejo", "{\"ref\":\"a\",\"ref_type\":\"tag\","
                     "\"pusher_type\":\"user\"}", "delete");
    event("gogs", "{\"ref\":\"a\",\"ref_type\":\"tag\","
                  "\"default_branch\":\"m\"}", "create");
    event("gogs", "{\"ref\":\"a\",\"ref_type\":\"tag\"}", "?");
    event("gogs", "{\"pull_request\":{},\"review\":{}}", "?");
    event("gogs", "{\"pull_request\":{}}", "pull_request");
    event("gitlab", "{\"object_kind\":\"tag_push\"}", "Tag Push Hook");
    event("gitlab", "{\"event_name\":\"project_create\"}", "System Hook");
    event("gitlab", "{\"object_kind\":\"other\"}", "?");
    event("bitbucket", "{\"push\":{}}", "repo:push");
    event("bitbucket", "{\"pullrequest\":{\"state\":\"MERGED\"}}",
          "pullrequest:fulfilled");
    event("bitbucket", "{\"pullrequest\":{\"state\":\"OPEN\"}}", "?");
    event("bitbucket", "{\"eventKey\":\"pr:merged\"}", "pr:merged");
    event("bitbucket", "{\"fork\":{}}", "repo:fork");
    event("bitbucket", "{\"test\":true}", "diagnostics:ping");
    event("azure", "{\"a\":1}", NULL);
    event("slack", "{", NULL);
}


static void
test_form(void)
{
    u_char           *p, buf[64];
    ngx_deploy_str_t  name, value, got;

    name = tap_copy("a b", 3);
    value = tap_copy("x=\xc3\xa9&+~%\n-._*", 13);

    p = ngx_deploy_tool_form(buf, &name, &value);

    got.data = buf;
    got.len = p - buf;

    is_str(got, "a+b=x%3D%C3%A9%26%2B%7E%25%0A-._*", "form");
}


int
main(void)
{
    ngx_deploy_json_init();

    test_sign();
    test_event();
    test_form();

    return plan_done();
}
