
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack.h"
#include "ngx_deploy_slack_check.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_build_t         build;
static ngx_deploy_slack_target_t  target;
static ngx_deploy_str_t           body;


/* a text in the body, written as it is there */

#define has(text, what)    found(1, text, what)
#define hasnt(text, what)  found(0, text, what)


static void
found(int want, const char *text, const char *what)
{
    size_t  i, len;

    len = strlen(text);

    for (i = 0; i + len <= body.len; i++) {
        if (memcmp(body.data + i, text, len) == 0) {
            break;
        }
    }

    if (!ok((i + len <= body.len) == want, "%s", what)) {
        tap_print_str("body", &body);
    }
}


static void
phase(const char *name, ngx_deploy_build_status_e status, int64_t duration,
    const char *message)
{
    ngx_deploy_build_phase_t  *p;

    p = &build.phases[build.nphases++];

    p->name = tap_str(name);
    p->status = status;
    p->duration = duration;
    p->message = tap_str(message);
}


static void
merge(void)
{
    ngx_deploy_build_init(&build);
    memset(&target, 0, sizeof(ngx_deploy_slack_target_t));

    build.project = tap_str("api-prod");
    build.id = tap_str("api-prod:1");
    build.number = 17;
    build.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    build.url = tap_str("https://console/b?x=1&y=2");
    build.delivery = tap_str("72d3162e");
    build.started = 1000;

    build.event.facts[NGX_DEPLOY_PROVIDER] = tap_str("github");
    build.event.facts[NGX_DEPLOY_EVENT] = tap_str("pull_request");
    build.event.facts[NGX_DEPLOY_ACTION] = tap_str("merged");
    build.event.facts[NGX_DEPLOY_REPO] = tap_str("acme/api");
    build.event.facts[NGX_DEPLOY_BRANCH] = tap_str("main");
    build.event.facts[NGX_DEPLOY_COMMIT] =
        tap_str("9a4e0c1b2d3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b");
    build.event.facts[NGX_DEPLOY_SENDER] = tap_str("alice");
    build.event.facts[NGX_DEPLOY_NUMBER] = tap_str("42");
    build.event.facts[NGX_DEPLOY_TITLE] = tap_str("Fix it");
    build.event.facts[NGX_DEPLOY_URL] =
        tap_str("https://github.com/acme/api/pull/42");
    build.event.merged = 1;
}


static void
write_message(const char *what)
{
    const char  *wrong;

    is_int(ngx_deploy_slack_message(tap_pool(), &target, &build, &body),
           NGX_DEPLOY_OK, "%s", what);

    wrong = slack_body(&body);
    ok(wrong == NULL, "%s: %s", what, wrong ? wrong : "valid");
}


static void
test_progress(void)
{
    merge();
    phase("install", NGX_DEPLOY_BUILD_SUCCEEDED, 12, NULL);
    phase("pre_build", NGX_DEPLOY_BUILD_IN_PROGRESS, -1, NULL);

    target.channel = tap_str("C0DEPLOYS");
    target.buttons = 1;

    write_message("in progress");

    has("{\"channel\":\"C0DEPLOYS\",\"unfurl_links\":false,"
        "\"unfurl_media\":false,\"text\":\":hourglass_flowing_sand: "
        "*<https://console/b?x=1&amp;y=2|api-prod>* is in progress in "
        "`pre_build`: acme/api, `main`\",\"attachments\":[{"
        "\"color\":\"#3aa3e3\",", "headline and colour");
    has("\"fallback\":\"api-prod is in progress, acme/api\"", "fallback");
    has("*Repository*\\n<https://github.com/acme/api|acme/api>", "repo");
    has("*Branch*\\n<https://github.com/acme/api/tree/main|main>", "branch");
    has("*Commit*\\n<https://github.com/acme/api/commit/9a4e0c1b2d3f4a5b6c7d"
        "8e9f0a1b2c3d4e5f6a7b|9a4e0c1b2d>", "commit");
    has("*Author*\\n<https://github.com/alice|alice>", "author");
    has("*Pull request*\\n<https://github.com/acme/api/pull/42|#42> Fix it",
        "pull request");
    has("*Started by*\\nmerge\"", "cause");
    has("*Build*\\n<https://console/b?x=1&amp;y=2|#17>", "number");
    has(":white_check_mark: `install` 12 s\\n:hourglass_flowing_sand: "
        "`pre_build`\"", "phases");
    has("`api-prod:1` | delivery `72d3162e`", "ids");
    hasnt("*Duration*", "no duration yet");
    hasnt("*Downstream*", "no downstream builds");

    has("{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","
        "\"text\":\"Stop\"},\"action_id\":\"deploy_stop\","
        "\"value\":\"api-prod:1\",\"style\":\"danger\",\"confirm\":{",
        "stop button");
    hasnt("Retry", "no retry button");

    phase("pre_build", NGX_DEPLOY_BUILD_IN_PROGRESS, -1, "wait for <db>");
    write_message("a phase at work");
    has(":hourglass_flowing_sand: `pre_build` wait for &lt;db&gt;\"",
        "what it does");

    target.ts = tap_str("1700000000.000100");
    write_message("an update");
    has("{\"channel\":\"C0DEPLOYS\",\"ts\":\"1700000000.000100\",\"text\":",
        "ts");

    target.buttons = 0;
    write_message("nobody listens");
    hasnt("\"button\"", "no buttons");

    target.channel = tap_str(NULL);
    target.ts = tap_str(NULL);
    write_message("webhook");
    hasnt("\"channel\"", "no channel");
}


static void
test_end(void)
{
    ngx_deploy_build_link_t  link;

    merge();
    build.status = NGX_DEPLOY_BUILD_FAILED;
    build.finished = 1000 + 3 * 60 + 5;
    build.log = tap_str("https://log/stream");
    phase("build", NGX_DEPLOY_BUILD_FAILED, 61,
          "2 of 9 tests failed\nFAIL <x>");
    target.buttons = 1;

    memset(&link, 0, sizeof(ngx_deploy_build_link_t));
    link.project = tap_str("api-smoke");
    link.url = tap_str("https://console/c");
    link.status = NGX_DEPLOY_BUILD_STARTED;
    ngx_deploy_build_downstream(&build, &link);

    write_message("failed");
    has(":x: *<https://console/b?x=1&amp;y=2|api-prod>* failed in `build`",
        "headline");
    has("\"color\":\"#e01e5a\"", "red");
    has("*Duration*\\n3 min 5 s", "duration");
    has(":x: `build` 1 min 1 s", "phase");
    has("```2 of 9 tests failed\\nFAIL &lt;x&gt;```", "what the phase says");
    has("<https://log/stream|Log> | `api-prod:1`", "log");
    has("*Downstream*\\n:rocket: <https://console/c|api-smoke> started",
        "downstream");
    has("\"action_id\":\"deploy_retry\",\"value\":\"api-prod:1\"}", "retry");
    hasnt("deploy_stop", "no stop");

    phase("post_build", NGX_DEPLOY_BUILD_FAILED, -1, NULL);
    write_message("the phase after it");
    has("* failed in `build`: ", "where it failed first");
    has(":x: `post_build`\"", "the phase after it");

    build.message = tap_str("COMMAND_EXECUTION_ERROR");
    write_message("with a message");
    has("```2 of 9 tests failed\\n", "what the phase says first");
    hasnt("COMMAND_EXECUTION_ERROR", "message of the build");
    build.phases[0].message = tap_str(NULL);
    write_message("with that alone");
    has("```COMMAND_EXECUTION_ERROR```", "message of the build");

    build.status = NGX_DEPLOY_BUILD_SUCCEEDED;
    build.finished = 1000 + 3600 * 2 + 60;
    write_message("succeeded");
    has("* succeeded: acme/api", "headline");
    has("#2eb886", "green");
    has("*Duration*\\n2 h 1 min", "hours");
    hasnt("\"button\"", "no button");

    build.status = NGX_DEPLOY_BUILD_REJECTED;
    build.id = tap_str(NULL);
    build.number = -1;
    write_message("rejected");
    has("* was not started: acme/api", "headline");
    hasnt("\"button\"", "no button without an id");
    hasnt("*Build*", "no number");
}


static void
test_causes(void)
{
    merge();
    build.event.facts[NGX_DEPLOY_EVENT] = tap_str("push");
    build.event.facts[NGX_DEPLOY_BRANCH] = tap_str(NULL);
    build.event.facts[NGX_DEPLOY_TAG] = tap_str("v1.0");
    build.event.facts[NGX_DEPLOY_NUMBER] = tap_str(NULL);
    build.event.facts[NGX_DEPLOY_URL] =
        tap_str("https://github.com/acme/api/commit/9a4e");
    write_message("tag");
    has("*Tag*\\n<https://github.com/acme/api/releases/tag/v1.0|v1.0>", "tag");
    has("*Started by*\\ntag\"", "cause");
    has("*Title*\\n<https://github.com/acme/api/commit/9a4e|Fix it>",
        "title");
    has(": acme/api, `v1.0`\"", "headline");

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.status = NGX_DEPLOY_BUILD_STARTED;
    build.event.facts[NGX_DEPLOY_PROVIDER] = tap_str("slack");
    build.event.facts[NGX_DEPLOY_EVENT] = tap_str("slack_command");
    build.event.facts[NGX_DEPLOY_USER] = tap_str("U024BE7LH");
    write_message("command");
    has("*Started by*\\ncommand of <@U024BE7LH>", "user");
    has(":rocket: *api* started\"", "headline");

    build.event.facts[NGX_DEPLOY_USER] = tap_str("U1><!channel");
    write_message("no user's id");
    has("*Started by*\\ncommand\"", "not shown");
    hasnt("channel", "no mention");

    build.upstream.project = tap_str("base");
    build.upstream.url = tap_str("https://console/a");
    write_message("chain");
    has("*Started by*\\nbuild of <https://console/a|base>", "upstream");

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    write_message("nothing is known");
    has("\"text\":\":grey_question: *api* is unknown\"", "headline");
    has("\"blocks\":[]", "no blocks");
}


/* words of strangers in each place, too long as well */

static void
test_strangers(void)
{
    int                  i;
    static char          text[5000];
    ngx_deploy_str_t     s;
    static const u_char  evil[] =
        "<!channel> <@U1> <https://evil|click> @here & *b* `c` |\xf0\x9f\x9a"
        "\x80\xe2\x80\xae\x01\n```x```\xff";

    for (i = 0; i + sizeof(evil) < sizeof(text); i += sizeof(evil) - 1) {
        memcpy(text + i, evil, sizeof(evil) - 1);
    }

    s.data = (u_char *) text;
    s.len = i;

    merge();

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        build.event.facts[i] = s;
    }

    build.project = s;
    build.id = s;
    build.url = s;
    build.log = s;
    build.message = s;
    build.delivery = s;
    build.status = NGX_DEPLOY_BUILD_FAILED;
    target.buttons = 1;

    for (i = 0; i < NGX_DEPLOY_BUILD_MAX_PHASES; i++) {
        phase(text, NGX_DEPLOY_BUILD_FAILED, INT64_MAX, text);
    }

    for (i = 0; i < NGX_DEPLOY_BUILD_MAX_DOWN; i++) {
        build.downstream[build.ndownstream].project = s;
        build.downstream[build.ndownstream].status =
                                                NGX_DEPLOY_BUILD_IN_PROGRESS;
        build.downstream[build.ndownstream++].url =
            (i % 2) ? s : tap_str("https://console/x?a&b");
    }

    write_message("all of it");
    hasnt("<!channel", "no channel");
    hasnt("<@U1", "no user");
    hasnt("<https://evil", "no link");
    hasnt("\"button\"", "no id of a build");

    merge();
    build.event.facts[NGX_DEPLOY_PROVIDER] = tap_str("github");
    build.event.facts[NGX_DEPLOY_BRANCH] = tap_str("a|b>`c`");
    write_message("a branch");
    has("/tree/a%7Cb%3E%60c%60|a\xc2\xa6" "b&gt;\xcb\x8b" "c\xcb\x8b>",
        "in its link");
}


static void
test_memory(void)
{
    int   rc;
    long  left;

    merge();
    phase("build", NGX_DEPLOY_BUILD_FAILED, 1, "x");

    for (left = 0; left < 30; left++) {
        tap_pool_limit(left);
        rc = ngx_deploy_slack_message(tap_pool(), &target, &build, &body);
        tap_pool_limit(-1);

        if (rc == NGX_DEPLOY_OK) {
            break;
        }

        is_int(rc, NGX_DEPLOY_ERROR, "%ld blocks of memory", left);
    }

    ok(left > 1 && left < 30, "enough memory");
}


static void
test_detail(void)
{
    const char                *wrong;
    ngx_deploy_build_phase_t   p;

    memset(&p, 0, sizeof(ngx_deploy_build_phase_t));
    p.name = tap_str("build");
    p.status = NGX_DEPLOY_BUILD_FAILED;
    p.duration = 3;
    p.message = tap_str("<x>\n```");

    memset(&target, 0, sizeof(ngx_deploy_slack_target_t));
    target.channel = tap_str("C1");
    target.thread = tap_str("1.2");

    is_int(ngx_deploy_slack_detail(tap_pool(), &target, &p, &body),
           NGX_DEPLOY_OK, "detail");
    has("{\"channel\":\"C1\",\"thread_ts\":\"1.2\",\"unfurl_links\":false,"
        "\"unfurl_media\":false,\"text\":\":x: `build` 3 s\\n```&lt;x&gt;\\n"
        "\xcb\x8b\xcb\x8b\xcb\x8b```\"}", "its body");

    wrong = slack_body(&body);
    ok(wrong == NULL, "%s", wrong ? wrong : "valid");

    tap_pool_limit(0);
    is_int(ngx_deploy_slack_detail(tap_pool(), &target, &p, &body),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


static void
test_response(void)
{
    ngx_deploy_slack_text_t  text;

    if (ngx_deploy_slack_text(&text, tap_pool(), 100) != NGX_DEPLOY_OK) {
        ok(0, "memory");
        return;
    }

    is_int(ngx_deploy_slack_response(tap_pool(), &text, 0, &body),
           NGX_DEPLOY_OK, "empty");
    is_str(body, "{\"response_type\":\"ephemeral\",\"text\":\" \"}", "a space");

    (void) ngx_deploy_slack_markup(&text, "*started* \"x\"");

    is_int(ngx_deploy_slack_response(tap_pool(), &text,
                                     NGX_DEPLOY_SLACK_IN_CHANNEL, &body),
           NGX_DEPLOY_OK, "to all");
    is_str(body, "{\"response_type\":\"in_channel\",\"text\":\"*started* "
           "\\\"x\\\"\"}", "its body");

    is_int(ngx_deploy_slack_response(tap_pool(), &text, NGX_DEPLOY_SLACK_KEEP,
                                     &body),
           NGX_DEPLOY_OK, "beside a message");
    is_str(body, "{\"response_type\":\"ephemeral\",\"text\":\"*started* "
           "\\\"x\\\"\",\"replace_original\":false}", "its body");
}


static ngx_deploy_slack_reply_t  reply;


static void
test_reply(ngx_deploy_slack_service_e service, unsigned status,
    int64_t retry, const char *text, ngx_deploy_slack_class_e class,
    const char *error)
{
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));

    is_int(ngx_deploy_slack_reply(tap_pool(), service, status, retry, s.data,
                                  s.len, 1, &reply),
           NGX_DEPLOY_OK, "reply %u %s", status, text);
    is_int(reply.class, class, "its class");
    is_str(reply.error, error, "its error");
    ok((reply.class == NGX_DEPLOY_SLACK_DONE) == (reply.reason == NULL),
       "a reason if it is not done");
}


static void
test_replies(void)
{
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1503435956.000247\","
               "\"message\":{\"text\":\"x\"}}", NGX_DEPLOY_SLACK_DONE, NULL);
    is_str(reply.channel, "C1", "channel");
    is_str(reply.ts, "1503435956.000247", "ts");

    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "{\"ok\":true,\"ts\":1.5}",
               NGX_DEPLOY_SLACK_DONE, NULL);
    is_str(reply.ts, NULL, "a number is no ts");

    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":false,\"error\":\"channel_not_found\"}",
               NGX_DEPLOY_SLACK_REFUSED, "channel_not_found");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":false,\"error\":\"message_not_found\"}",
               NGX_DEPLOY_SLACK_LOST, "message_not_found");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":false,\"error\":\"ratelimited\"}",
               NGX_DEPLOY_SLACK_AGAIN, "ratelimited");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":false,\"error\":\"fatal_error\"}",
               NGX_DEPLOY_SLACK_AGAIN, "fatal_error");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "{\"ok\":false}",
               NGX_DEPLOY_SLACK_REFUSED, "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "{\"ok\":1}",
               NGX_DEPLOY_SLACK_REFUSED, "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1,
               "{\"ok\":false,\"error\":\"<b> x\"}",
               NGX_DEPLOY_SLACK_REFUSED, "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "{\"ok\":false,\"error\":"
               "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
               "aaaaa\"}", NGX_DEPLOY_SLACK_REFUSED, "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "<html>",
               NGX_DEPLOY_SLACK_AGAIN, NULL);
    test_reply(NGX_DEPLOY_SLACK_API, 200, -1, "", NGX_DEPLOY_SLACK_AGAIN,
               NULL);

    test_reply(NGX_DEPLOY_SLACK_API, 429, 7,
               "{\"ok\":false,\"error\":\"ratelimited\"}",
               NGX_DEPLOY_SLACK_AGAIN, NULL);
    is_int(reply.retry_after, 7, "Retry-After");
    test_reply(NGX_DEPLOY_SLACK_API, 429, -1, "", NGX_DEPLOY_SLACK_AGAIN,
               NULL);
    is_int(reply.retry_after, -1, "none");
    test_reply(NGX_DEPLOY_SLACK_API, 503, 999999999999, "",
               NGX_DEPLOY_SLACK_AGAIN, NULL);
    is_int(reply.retry_after, 3600, "too long a time");

    test_reply(NGX_DEPLOY_SLACK_API, 0, -1, "", NGX_DEPLOY_SLACK_AGAIN,
               NULL);
    test_reply(NGX_DEPLOY_SLACK_API, 500, -1, "", NGX_DEPLOY_SLACK_AGAIN,
               NULL);
    test_reply(NGX_DEPLOY_SLACK_API, 408, -1, "", NGX_DEPLOY_SLACK_AGAIN,
               NULL);
    test_reply(NGX_DEPLOY_SLACK_API, 302, -1, "", NGX_DEPLOY_SLACK_REFUSED,
               "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_API, 403, -1,
               "{\"ok\":false,\"error\":\"ratelimited\"}",
               NGX_DEPLOY_SLACK_REFUSED, "ratelimited");

    test_reply(NGX_DEPLOY_SLACK_WEBHOOK, 200, -1, "ok",
               NGX_DEPLOY_SLACK_DONE, NULL);
    test_reply(NGX_DEPLOY_SLACK_WEBHOOK, 200, -1, "",
               NGX_DEPLOY_SLACK_DONE, NULL);
    test_reply(NGX_DEPLOY_SLACK_WEBHOOK, 410, -1, "channel_is_archived",
               NGX_DEPLOY_SLACK_REFUSED, "channel_is_archived");
    test_reply(NGX_DEPLOY_SLACK_WEBHOOK, 404, -1, "no_service\n",
               NGX_DEPLOY_SLACK_REFUSED, "unknown_error");
    test_reply(NGX_DEPLOY_SLACK_WEBHOOK, 500, -1, "rollup_error",
               NGX_DEPLOY_SLACK_AGAIN, NULL);

    is_int(ngx_deploy_slack_reply(tap_pool(), NGX_DEPLOY_SLACK_API, 200,
                                  -1, (u_char *) "{\"ok\":true}", 11, 0,
                                  &reply), NGX_DEPLOY_OK, "cut");
    is_int(reply.class, NGX_DEPLOY_SLACK_AGAIN, "again");

    tap_pool_limit(0);
    is_int(ngx_deploy_slack_reply(tap_pool(), NGX_DEPLOY_SLACK_API, 200,
                                  -1, (u_char *) "{\"ok\":false}", 12, 1,
                                  &reply), NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


static void
test_url(const char *text, int want)
{
    const char        *reason;
    ngx_deploy_str_t   s;

    s = tap_copy(text, strlen(text));

    is_int(ngx_deploy_slack_response_url(&s, &reason), want, "%s", text);
}


static void
test_urls(void)
{
    char              text[600];
    unsigned          i;
    const char *const good[] = {
        "https://hooks.slack.com/commands/T1/2/aB3_-x",
        "https://hooks.slack.com/actions/T1/2/abc",
        "https://hooks.slack-gov.com/commands/T1/2/abc",
        "https://hooks.slack-gov.com/actions/T1/2/abc",
        NULL
    };
    const char *const bad[] = {
        "", "https://", "https://hooks.slack.com", "https://hooks.slack.com/",
        "https://hooks.slack.com/commands/",
        "http://hooks.slack.com/commands/T1",
        "HTTPS://hooks.slack.com/commands/T1",
        "https://HOOKS.slack.com/commands/T1",
        "https://hooks.slack.com:443/commands/T1",
        "https://hooks.slack.com:8443/commands/T1",
        "https://x@hooks.slack.com/commands/T1",
        "https://hooks.slack.com@evil/commands/T1",
        "https://hooks.slack.com.evil/commands/T1",
        "https://evil-hooks.slack.com/commands/T1",
        "https://evil/hooks.slack.com/commands/T1",
        "https://169.254.169.254/commands/T1",
        "https://hooks.slack.com/services/T1/B1/x",
        "https://hooks.slack.com/commands/../services/x",
        "https://hooks.slack.com/commands/%2e%2e/x",
        "https://hooks.slack.com/commands/T1?x=1",
        "https://hooks.slack.com/commands/T1#x",
        "https://hooks.slack.com/commands/T1 x",
        "https://hooks.slack.com/commands/T1\r\nX: y",
        "https://hooks.slack.com\\commands/T1",
        " https://hooks.slack.com/commands/T1",
        NULL
    };

    for (i = 0; good[i]; i++) {
        test_url(good[i], NGX_DEPLOY_OK);
    }

    for (i = 0; bad[i]; i++) {
        test_url(bad[i], NGX_DEPLOY_DECLINED);
    }

    memset(text, 'a', sizeof(text));
    memcpy(text, "https://hooks.slack.com/commands/", 33);
    text[513] = '\0';
    test_url(text, NGX_DEPLOY_DECLINED);

    text[512] = '\0';
    test_url(text, NGX_DEPLOY_OK);
}


static void
test_ids(void)
{
    unsigned          i;
    ngx_deploy_str_t  s;

    static const struct {
        const char   *id;
        int           channel;
        int           user;
    } ids[] = {
        { "C0DEPLOYS", NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED },
        { "D1", NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED },
        { "G1", NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED },
        { "U024BE7LH", NGX_DEPLOY_DECLINED, NGX_DEPLOY_OK },
        { "W1", NGX_DEPLOY_DECLINED, NGX_DEPLOY_OK },
        { "#general", NGX_DEPLOY_DECLINED, NGX_DEPLOY_DECLINED },
        { "C", NGX_DEPLOY_DECLINED, NGX_DEPLOY_DECLINED },
        { "C1a", NGX_DEPLOY_DECLINED, NGX_DEPLOY_DECLINED },
        { "U1>", NGX_DEPLOY_DECLINED, NGX_DEPLOY_DECLINED },
        { "", NGX_DEPLOY_DECLINED, NGX_DEPLOY_DECLINED },
        { "C11111111111111111111111111111111", NGX_DEPLOY_DECLINED,
          NGX_DEPLOY_DECLINED },
    };

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        s = tap_str(ids[i].id);
        is_int(ngx_deploy_slack_channel(&s), ids[i].channel, "channel %s",
               ids[i].id);
        is_int(ngx_deploy_slack_user(&s), ids[i].user, "user %s", ids[i].id);
    }

    s.len = 2;
    s.data = (u_char *) "\0" "1";
    is_int(ngx_deploy_slack_channel(&s), NGX_DEPLOY_DECLINED, "NUL");
}


int
main(void)
{
    ngx_deploy_json_init();

    test_progress();
    test_end();
    test_causes();
    test_strangers();
    test_memory();
    test_detail();
    test_response();
    test_replies();
    test_urls();
    test_ids();

    return plan_done();
}
