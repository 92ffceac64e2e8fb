
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_command.h"
#include "ngx_deploy_tap.h"


#define ID  "api-prod:0c5c3d6e-1f5a-4c1b-9d38-5a1b7c2d3e4f"


static ngx_deploy_command_t  command;
static const char           *reason;


static int
parse(const char *text)
{
    ngx_deploy_str_t  s;

    reason = NULL;
    s = tap_copy(text, strlen(text));

    return ngx_deploy_command_parse(tap_pool(), &s, &command, &reason);
}


static void
test_parse(const char *text, ngx_deploy_command_e verb, const char *first,
    const char *second)
{
    ngx_deploy_str_t  s;

    is_int(parse(text), NGX_DEPLOY_OK, "\"%s\"", text);
    is_int(command.verb, verb, "its verb");

    s = command.target;

    if (verb == NGX_DEPLOY_COMMAND_STOP) {
        s = command.build;
    }

    if (verb == NGX_DEPLOY_COMMAND_WHY) {
        s = command.delivery;
    }

    is_str(s, first, "its word");
    is_str(command.ref, second, "its ref");
}


static void
test_bad(const char *text, const char *word)
{
    is_int(parse(text), NGX_DEPLOY_DECLINED, "bad: \"%s\"", text);
    ok(reason && strstr(reason, word), "because of \"%s\"", word);
}


static void
test_verbs(void)
{
    test_parse("", NGX_DEPLOY_COMMAND_HELP, NULL, NULL);
    test_parse(" \t\r\n", NGX_DEPLOY_COMMAND_HELP, NULL, NULL);
    test_parse("help", NGX_DEPLOY_COMMAND_HELP, NULL, NULL);
    test_parse("Help stop", NGX_DEPLOY_COMMAND_HELP, NULL, NULL);

    test_parse("status", NGX_DEPLOY_COMMAND_STATUS, NULL, NULL);
    test_parse("Status  api", NGX_DEPLOY_COMMAND_STATUS, "api", NULL);

    test_parse("stop " ID, NGX_DEPLOY_COMMAND_STOP, ID, NULL);
    test_parse("why 72d3162e-cc78", NGX_DEPLOY_COMMAND_WHY, "72d3162e-cc78",
               NULL);

    test_parse("api", NGX_DEPLOY_COMMAND_TARGET, "api", NULL);
    test_parse("  api\xc2\xa0  main ", NGX_DEPLOY_COMMAND_TARGET, "api",
               "main");
    test_parse("api-1.x/y_z release/1.0", NGX_DEPLOY_COMMAND_TARGET,
               "api-1.x/y_z", "release/1.0");
    test_parse("stopper", NGX_DEPLOY_COMMAND_TARGET, "stopper", NULL);
    test_parse("helpx status", NGX_DEPLOY_COMMAND_TARGET, "helpx", "status");

    test_bad("help a b", "help");
    test_bad("status a b", "status");
    test_bad("stop", "Which build");
    test_bad("stop a b", "one build");
    test_bad("why", "Which delivery");
    test_bad("why a b", "one delivery");
    test_bad("api main now", "Too many words");
    test_bad("api main now or never", "Too many words");
}


static void
test_words(void)
{
    char  text[NGX_DEPLOY_COMMAND_MAX_TEXT + 2];

    test_bad("-api", "no name of a target");
    test_bad("a$(id)", "no name of a target");
    test_bad("a`id`", "no name of a target");
    test_bad("\xc3\xa9", "no name of a target");
    test_bad("status *", "no name of a target");
    test_bad("&lt;!channel&gt;", "no name of a target");

    test_bad("api -x", "no branch");
    test_bad("api --upload-pack=x", "no branch");
    test_bad("api a..b", "no branch");
    test_bad("api a~1", "no branch");
    test_bad("api a^", "no branch");
    test_bad("api a:b", "no branch");
    test_bad("api a?", "no branch");
    test_bad("api a*", "no branch");
    test_bad("api a[b", "no branch");
    test_bad("api a\\b", "no branch");
    test_bad("api /a", "no branch");
    test_bad("api a/", "no branch");
    test_bad("api a//b", "no branch");
    test_bad("api a/.b", "no branch");
    test_bad("api .a", "no branch");
    test_bad("api a.", "no branch");
    test_bad("api a.lock", "no branch");
    test_bad("api @", "no branch");
    test_bad("api a@{1}", "no branch");
    test_bad("api a\x01", "no branch");
    test_bad("api a\x7f", "no branch");

    test_parse("api a@b", NGX_DEPLOY_COMMAND_TARGET, "api", "a@b");
    test_parse("api \xc3\xa9t\xc3\xa9", NGX_DEPLOY_COMMAND_TARGET, "api",
               "\xc3\xa9t\xc3\xa9");
    test_parse("api v1.0", NGX_DEPLOY_COMMAND_TARGET, "api", "v1.0");
    test_parse("api lock", NGX_DEPLOY_COMMAND_TARGET, "api", "lock");

    test_bad("stop api-prod", "no id of a build");
    test_bad("stop :1", "no id of a build");
    test_bad("stop api-prod:", "no id of a build");
    test_bad("stop api-prod:1:2", "no id of a build");
    test_bad("stop api/prod:1", "no id of a build");
    test_bad("why \xc3\xa9", "no id of a delivery");

    test_bad("\xff", "UTF-8");

    memset(text, 'a', sizeof(text));
    text[NGX_DEPLOY_COMMAND_MAX_TEXT + 1] = '\0';
    test_bad(text, "too long");

    text[NGX_DEPLOY_COMMAND_MAX_TARGET + 1] = '\0';
    test_bad(text, "too long");

    text[NGX_DEPLOY_COMMAND_MAX_TARGET] = '\0';
    is_int(parse(text), NGX_DEPLOY_OK, "the longest target");

    memset(text, 'a', sizeof(text));
    memcpy(text, "api ", 4);
    text[4 + NGX_DEPLOY_COMMAND_MAX_REF + 1] = '\0';
    test_bad(text, "too long");

    text[4 + NGX_DEPLOY_COMMAND_MAX_REF] = '\0';
    is_int(parse(text), NGX_DEPLOY_OK, "the longest ref");

    memset(text, 'a', sizeof(text));
    memcpy(text, "why ", 4);
    text[4 + NGX_DEPLOY_COMMAND_MAX_ID + 1] = '\0';
    test_bad(text, "no id of a delivery");

    memcpy(text, "stop aa:", 8);
    text[8 + 65] = '\0';
    test_bad(text, "no id of a build");

    text[8 + 64] = '\0';
    is_int(parse(text), NGX_DEPLOY_OK, "the longest id");
}


/* what Slack makes of words is undone */

static void
test_slack(void)
{
    test_parse("api a&amp;b", NGX_DEPLOY_COMMAND_TARGET, "api", "a&b");
    test_parse("api a&amp;lt;b", NGX_DEPLOY_COMMAND_TARGET, "api", "a&lt;b");
    test_parse("api a&lt;b&gt;c", NGX_DEPLOY_COMMAND_TARGET, "api", "a<b>c");
    test_parse("api a&b", NGX_DEPLOY_COMMAND_TARGET, "api", "a&b");
    test_parse("api a&am", NGX_DEPLOY_COMMAND_TARGET, "api", "a&am");

    test_parse("<http://api.io|api.io> main", NGX_DEPLOY_COMMAND_TARGET,
               "api.io", "main");
    test_parse("api <#C1|general>", NGX_DEPLOY_COMMAND_TARGET, "api",
               "#general");
    test_parse("api <#C1>", NGX_DEPLOY_COMMAND_TARGET, "api", "#C1");
    test_parse("api <@U1|bob>", NGX_DEPLOY_COMMAND_TARGET, "api", "@bob");
    test_parse("api <@U1>", NGX_DEPLOY_COMMAND_TARGET, "api", "@U1");
    test_parse("api <!here>", NGX_DEPLOY_COMMAND_TARGET, "api", "@here");
    test_parse("api <!subteam^S1|@ops>", NGX_DEPLOY_COMMAND_TARGET, "api",
               "@ops");
    test_parse("api <mailto:a@b.c|a@b.c>", NGX_DEPLOY_COMMAND_TARGET, "api",
               "a@b.c");
    test_parse("api <x|a&amp;b>", NGX_DEPLOY_COMMAND_TARGET, "api", "a&b");

    test_bad("<@U1>", "no name of a target");
    test_bad("<https://evil/|>", "no name of a target");
    test_bad("<", "no name of a target");
    test_bad("<>", "no name of a target");
    test_bad("<<x>", "no name of a target");
    test_bad("a<b", "no name of a target");
    test_bad("<@>", "no name of a target");
    test_bad("<|>", "no name of a target");

    tap_pool_limit(0);
    is_int(ngx_deploy_command_parse(tap_pool(),
                     &(ngx_deploy_str_t) ngx_deploy_string("api"), &command,
                     &reason),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);

    ok(strstr(ngx_deploy_command_help(), "stop BUILD"), "help");
}


int
main(void)
{
    test_verbs();
    test_words();
    test_slack();

    return plan_done();
}
