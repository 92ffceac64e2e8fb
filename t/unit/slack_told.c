
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_slack.h"
#include "ngx_deploy_slack_told.h"
#include "ngx_deploy_tap.h"


/* the words of "status", "why" and "stop", and what they are made of */

#define NOW  1700000000

#define COMMIT  "0123456789abcdef0123456789abcdef01234567"


static ngx_deploy_slack_text_t  text;


static ngx_deploy_str_t
result(void)
{
    ngx_deploy_str_t  s;

    s.len = text.len;
    s.data = text.data;

    return s;
}


static void
begin(size_t max)
{
    if (ngx_deploy_slack_text(&text, tap_pool(), max) != NGX_DEPLOY_OK) {
        printf("Bail out! no memory\n");
        exit(1);
    }
}


static void
test_status(void)
{
    static ngx_deploy_build_t  build;

    ngx_deploy_build_init(&build);
    begin(NGX_DEPLOY_SLACK_MAX_TOLD);

    build.project = tap_str("api");
    build.status = NGX_DEPLOY_BUILD_QUEUED;

    is_int(ngx_deploy_slack_status(&text, &build, NOW), NGX_DEPLOY_OK,
           "little is known");
    is_str(result(), ":hourglass: *api* waits to be started", "its line");

    build.id = tap_str("api:1");
    build.url = tap_str("https://a.b/c");
    build.status = NGX_DEPLOY_BUILD_STARTED;
    build.started = NOW - 65;
    build.event.facts[NGX_DEPLOY_REPO] = tap_str("acme/api");
    build.event.facts[NGX_DEPLOY_TAG] = tap_str("v1`<!here>");
    build.event.facts[NGX_DEPLOY_COMMIT] = tap_str(COMMIT);
    build.event.facts[NGX_DEPLOY_SENDER] = tap_str("<@U1>");

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_status(&text, &build, NOW), NGX_DEPLOY_OK,
           "much is known");
    is_str(result(), ":rocket: *<https://a.b/c|api>* started: acme/api, "
           "`v1\xcb\x8b&lt;!here&gt;`, `0123456789`, by &lt;@U1&gt;, "
           "1 min 5 s ago, `api:1`", "its line");

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.status = NGX_DEPLOY_BUILD_FAILED;
    build.finished = NOW - 3 * 86400;
    build.event.facts[NGX_DEPLOY_USER] = tap_str("U1");

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_status(&text, &build, NOW), NGX_DEPLOY_OK,
           "an end");
    is_str(result(), ":x: *api* failed, by <@U1>, 3 days ago", "its line");

    begin(1000);
    is_int(ngx_deploy_slack_status(&text, &build, NOW), NGX_DEPLOY_DECLINED,
           "no room");
    is_int(text.len, 0, "nothing is appended");

    build.finished = NOW + 10;
    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    (void) ngx_deploy_slack_status(&text, &build, NOW);
    is_str(result(), ":x: *api* failed, by <@U1>, 0 s ago", "another clock");
}


static void
test_why(void)
{
    ngx_deploy_slack_delivery_t     d;
    static ngx_deploy_slack_kept_t  kept[2];

    memset(&d, 0, sizeof(ngx_deploy_slack_delivery_t));
    memset(kept, 0, sizeof(kept));

    d.id = tap_str("1-2");
    d.provider = tap_str("github");
    d.scheme = tap_str("github");
    d.location = tap_str("/hooks");
    d.received = NOW - 5;

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_why(&text, tap_pool(), &d, NOW), NGX_DEPLOY_OK,
           "nothing in it");
    is_str(result(), "Delivery `1-2` of github, 5 s ago, accepted at `/hooks`"
           " by `github`\nThere was no event in it.\nIt started nothing.",
           "its words");

    d.events = tap_str("[{\"event\":\"push\",\"action\":\"updated\","
                       "\"repo\":\"a/b\",\"branch\":\"dev\","
                       "\"sender\":\"ann\"},{\"event\":\"push\"}]");
    d.rules = tap_str("[{\"project\":\"x\",\"line\":12,\"event\":0,"
                      "\"failed\":\"branch\",\"want\":\"main\","
                      "\"got\":\"dev\"},"
                      "{\"project\":\"y\",\"line\":13,\"event\":1,"
                      "\"failed\":\"tag\",\"want_not\":\"v*\"},"
                      "{\"project\":\"z\",\"line\":14,\"event\":1,"
                      "\"failed\":\"if\",\"want\":\"$x\",\"got\":\"\"}]");
    d.builds = kept;
    d.nbuilds = 2;

    ngx_deploy_build_init(&kept[0].build);
    kept[0].build.project = tap_str("p");
    kept[0].build.id = tap_str("p:1");
    kept[0].build.status = NGX_DEPLOY_BUILD_SUCCEEDED;

    ngx_deploy_build_init(&kept[1].build);
    kept[1].build.project = tap_str("q");
    kept[1].build.status = NGX_DEPLOY_BUILD_QUEUED;
    kept[1].build.message = tap_str("slow <down>");
    kept[1].error = tap_str("ThrottlingException");
    kept[1].attempts = 3;

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_why(&text, tap_pool(), &d, NOW), NGX_DEPLOY_OK,
           "all in it");
    is_str(result(), "Delivery `1-2` of github, 5 s ago, accepted at `/hooks`"
           " by `github`\n"
           "Event `push` `updated`: a/b, `dev`, by ann\n"
           "Event `push`\n"
           ":white_check_mark: *p* succeeded, `p:1`\n"
           ":hourglass: *q* waits to be started after 3 attempts:"
           " ThrottlingException: slow &lt;down&gt;\n"
           "Rules that did not match:\n"
           "`x`, line 12, event 1: `branch` is `dev`, it wants `main`\n"
           "`y`, line 13, event 2: `tag` is not known, it wants anything but"
           " `v*`\n"
           "`z`, line 14, event 2: `if` is empty, it wants `$x`",
           "its words");

    d.events = tap_str("[");
    d.rules = tap_str("{}");
    d.nbuilds = 0;

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_why(&text, tap_pool(), &d, NOW), NGX_DEPLOY_OK,
           "what is no JSON");
}


static void
test_many_rules(void)
{
    size_t                       n;
    unsigned                     i;
    static char                  rules[8192];
    ngx_deploy_slack_delivery_t  d;

    n = snprintf(rules, sizeof(rules), "[");

    for (i = 0; i < 60; i++) {
        n += snprintf(rules + n, sizeof(rules) - n, "%s{\"project\":\"p%u\","
                      "\"failed\":\"tag\",\"want\":\"v\"}", i ? "," : "", i);
    }

    (void) snprintf(rules + n, sizeof(rules) - n, "]");

    memset(&d, 0, sizeof(ngx_deploy_slack_delivery_t));

    d.id = tap_str("1");
    d.rules = tap_str(rules);

    begin(NGX_DEPLOY_SLACK_MAX_TOLD);
    is_int(ngx_deploy_slack_why(&text, tap_pool(), &d, NOW), NGX_DEPLOY_OK,
           "many rules");
    ok(text.len > 8 && memcmp(text.data + text.len - 8, "and more", 8) == 0,
       "are cut");
}


static void
test_load(void)
{
    ngx_deploy_str_t    s;
    ngx_deploy_event_t  event;

    s = tap_str("[{},{\"event\":\"push\",\"number\":7,\"merged\":true,"
                "\"deleted\":false,\"branch\":\"\",\"paths\":[\"a\"],"
                "\"paths_complete\":true,\"repo\":1}]");

    is_int(ngx_deploy_event_load(&event, tap_pool(), &s, 0), NGX_DEPLOY_OK,
           "an empty event");
    ok(event.facts[NGX_DEPLOY_EVENT].data == NULL && event.merged == -1
       && event.paths_complete == -1 && event.duration == -1,
       "nothing is known");

    is_int(ngx_deploy_event_load(&event, tap_pool(), &s, 1), NGX_DEPLOY_OK,
           "an event");
    is_str(event.facts[NGX_DEPLOY_EVENT], "push", "a text");
    is_str(event.facts[NGX_DEPLOY_NUMBER], "7", "a number");
    ok(event.facts[NGX_DEPLOY_BRANCH].data != NULL
       && event.facts[NGX_DEPLOY_BRANCH].len == 0, "an empty text");
    ok(event.facts[NGX_DEPLOY_REPO].data == NULL, "what is no text");
    is_int(event.merged, 1, "true");
    is_int(event.deleted, 0, "false");
    is_int(event.created, -1, "not told");
    is_int(event.paths_complete, 0, "paths are not read");

    is_int(ngx_deploy_event_load(&event, tap_pool(), &s, 2),
           NGX_DEPLOY_DECLINED, "no such event");

    s = tap_str("[{]");
    is_int(ngx_deploy_event_load(&event, tap_pool(), &s, 0),
           NGX_DEPLOY_DECLINED, "no JSON");
}


static void
test_stop(void)
{
    ngx_deploy_str_t  id, body, status;

    id = tap_str("api:1-2");

    is_int(ngx_deploy_stop_build_body(tap_pool(), &id, &body), NGX_DEPLOY_OK,
           "the body of StopBuild");
    is_str(body, "{\"id\":\"api:1-2\"}", "its text");

    body = tap_str("{\"build\":{\"id\":\"api:1-2\","
                   "\"buildStatus\":\"STOPPED\"}}");
    is_int(ngx_deploy_stop_build_status(tap_pool(), body.data, body.len,
                                        &status),
           NGX_DEPLOY_OK, "its reply");
    is_str(status, "STOPPED", "the status");

    body = tap_str("{\"build\":[]}");
    is_int(ngx_deploy_stop_build_status(tap_pool(), body.data, body.len,
                                        &status),
           NGX_DEPLOY_OK, "another reply");
    is_int(status.len, 0, "no status");
}


static void
test_url(void)
{
    ngx_deploy_str_t  s;

    s = tap_str("https://hooks.slack.com/actions/T1/x");
    is_int(ngx_deploy_slack_of_message(&s), 1, "of a button");

    s = tap_str("https://hooks.slack-gov.com/actions/T1/x");
    is_int(ngx_deploy_slack_of_message(&s), 1, "of a button of GovSlack");

    s = tap_str("https://hooks.slack.com/commands/T1/x");
    is_int(ngx_deploy_slack_of_message(&s), 0, "of a command");
}


int
main(void)
{
    ngx_deploy_json_init();

    test_status();
    test_why();
    test_many_rules();
    test_load();
    test_stop();
    test_url();

    return plan_done();
}
