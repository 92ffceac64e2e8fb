
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_build_t         build;
static ngx_deploy_build_report_t  report;


static int
tell(const char *status, unsigned told)
{
    ngx_deploy_str_t  word;

    word = tap_str(status);

    ngx_deploy_build_report_init(&report);
    report.status = ngx_deploy_build_status_find(&word);
    report.told = told;

    return ngx_deploy_build_report(&build, &report);
}


static int
tell_phase(const char *name, const char *status, int64_t duration,
    const char *message, unsigned told)
{
    ngx_deploy_str_t  word;

    word = tap_str(status);

    ngx_deploy_build_report_init(&report);
    report.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    report.told = told;
    report.phase.name = tap_str(name);
    report.phase.status = ngx_deploy_build_status_find(&word);
    report.phase.duration = duration;
    report.phase.message = tap_str(message);

    return ngx_deploy_build_report(&build, &report);
}


static void
test_words(void)
{
    unsigned           i;
    ngx_deploy_str_t   word;
    const char *const  unknown[] = { "", "success", "failed ", "in progress",
                                     "timed-out", NULL };

    for (i = NGX_DEPLOY_BUILD_QUEUED; i < NGX_DEPLOY_BUILD_STATUSES; i++) {
        word = tap_str(ngx_deploy_build_status_name(i));
        is_int(ngx_deploy_build_status_find(&word), i, "status %s",
               ngx_deploy_build_status_name(i));
    }

    word = tap_str("TIMED_OUT");
    is_int(ngx_deploy_build_status_find(&word), NGX_DEPLOY_BUILD_TIMED_OUT,
           "a word of AWS");

    for (i = 0; unknown[i]; i++) {
        word = tap_str(unknown[i]);
        is_int(ngx_deploy_build_status_find(&word), NGX_DEPLOY_BUILD_UNKNOWN,
               "no status: \"%s\"", unknown[i]);
    }

    ok(!ngx_deploy_build_final(NGX_DEPLOY_BUILD_IN_PROGRESS)
       && ngx_deploy_build_final(NGX_DEPLOY_BUILD_SUCCEEDED)
       && ngx_deploy_build_final(NGX_DEPLOY_BUILD_REJECTED), "final");
}


/* every order of three reports ends in the one that counts */

static void
test_order(void)
{
    unsigned           i, j, k;
    const char *const  words[] = { "started", "in_progress", "failed" };

    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            for (k = 0; k < 3; k++) {
                if (i == j || j == k || i == k) {
                    continue;
                }

                ngx_deploy_build_init(&build);

                is_int(tell(words[i], 0), NGX_DEPLOY_OK, "%s is new",
                       words[i]);
                tell(words[j], 0);
                tell(words[k], 0);

                is_int(build.status, NGX_DEPLOY_BUILD_FAILED, "%s, %s, %s",
                       words[i], words[j], words[k]);
                is_int(tell(words[k], 0), NGX_DEPLOY_DECLINED, "repeated");
            }
        }
    }
}


static void
test_final(void)
{
    ngx_deploy_build_init(&build);

    tell("succeeded", 0);
    is_int(tell("failed", 0), NGX_DEPLOY_DECLINED, "two words of scripts");
    is_int(build.status, NGX_DEPLOY_BUILD_SUCCEEDED, "the first one stays");

    is_int(tell("in_progress", 1), NGX_DEPLOY_DECLINED, "AWS is late");
    is_int(build.status, NGX_DEPLOY_BUILD_SUCCEEDED, "still final");

    is_int(tell("failed", 1), NGX_DEPLOY_OK, "AWS tells the end");
    is_int(build.status, NGX_DEPLOY_BUILD_FAILED, "it is true");

    is_int(tell("succeeded", 1), NGX_DEPLOY_DECLINED, "AWS contradicts");
    is_int(tell("succeeded", 0), NGX_DEPLOY_DECLINED, "a script contradicts");
    is_int(build.status, NGX_DEPLOY_BUILD_FAILED, "the first word of AWS");

    ngx_deploy_build_init(&build);

    tell("failed", 0);
    tell("failed", 1);
    is_int(tell("succeeded", 1), NGX_DEPLOY_DECLINED, "confirmed by AWS");

    is_int(tell("", 0), NGX_DEPLOY_DECLINED, "no status");
    is_int(build.status, NGX_DEPLOY_BUILD_FAILED, "is none");
}


static void
test_facts(void)
{
    ngx_deploy_build_init(&build);

    ngx_deploy_build_report_init(&report);
    report.id = tap_str("api:1");
    report.status = NGX_DEPLOY_BUILD_STARTED;
    report.number = 7;
    report.url = tap_str("https://page");
    report.log = tap_str("https://log/null");
    report.time = 1000;

    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_OK, "start");
    is_str(build.id, "api:1", "id");
    is_int(build.number, 7, "number");
    is_int(build.started, 1000, "started");
    is_int(build.finished, -1, "not finished");

    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_DECLINED,
           "the same again");

    report.id = tap_str("api:2");
    report.status = NGX_DEPLOY_BUILD_FAILED;
    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_DECLINED,
           "of another build");
    is_int(build.status, NGX_DEPLOY_BUILD_STARTED, "not taken");

    report.id = tap_str("api:1");
    report.url = tap_str("https://other");
    report.log = tap_str("https://log/stream");
    report.message = tap_str("exit code 1");
    report.time = 1100;
    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_OK, "end");

    is_str(build.url, "https://page", "the first page stays");
    is_str(build.log, "https://log/null", "of a script: the first log, too");
    is_str(build.message, "exit code 1", "message");
    is_int(build.finished, 1100, "finished");

    report.told = 1;
    report.message = tap_str("COMMAND_EXECUTION_ERROR");
    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_OK, "AWS");
    is_str(build.log, "https://log/stream", "AWS knows the log");
    is_str(build.message, "exit code 1", "the first message stays");

    report.time = 1200;
    report.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    report.message = tap_str("late");
    is_int(ngx_deploy_build_report(&build, &report), NGX_DEPLOY_DECLINED,
           "a late report");
    is_str(build.message, "exit code 1", "says nothing");
    is_int(build.started, 1000, "started");
    is_int(build.finished, 1100, "finished");
}


static void
test_message(void)
{
    char  text[NGX_DEPLOY_BUILD_MAX_TEXT + 2];

    ngx_deploy_build_init(&build);
    ngx_deploy_build_report_init(&report);

    /* U+20AC lies across the limit */

    memset(text, 'x', sizeof(text));
    memcpy(text + NGX_DEPLOY_BUILD_MAX_TEXT - 1, "\xe2\x82\xac", 3);

    report.status = NGX_DEPLOY_BUILD_FAILED;
    report.message.data = (u_char *) text;
    report.message.len = sizeof(text);

    ngx_deploy_build_report(&build, &report);
    is_int(build.message.len, NGX_DEPLOY_BUILD_MAX_TEXT - 1, "cut");

    is_int(tell("failed", 0), NGX_DEPLOY_DECLINED, "no message");
    is_int(build.message.len, NGX_DEPLOY_BUILD_MAX_TEXT - 1, "is none");

    ngx_deploy_build_init(&build);
    ngx_deploy_build_report_init(&report);
    report.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    report.message = tap_str("fine so far");
    ngx_deploy_build_report(&build, &report);
    tell("failed", 0);
    is_str(build.message, NULL, "not of the new status");
}


static void
test_phases(void)
{
    char      name[NGX_DEPLOY_BUILD_MAX_PHASES + 1][8];
    unsigned  i;

    ngx_deploy_build_init(&build);

    is_int(tell_phase("install", "in_progress", -1, NULL, 0), NGX_DEPLOY_OK,
           "install begins");
    is_int(build.status, NGX_DEPLOY_BUILD_IN_PROGRESS, "in progress");
    is_int(tell_phase("install", "in_progress", -1, NULL, 0),
           NGX_DEPLOY_DECLINED, "again");
    is_int(tell_phase("INSTALL", "SUCCEEDED", 12, NULL, 1), NGX_DEPLOY_OK,
           "ends");
    is_int(build.nphases, 1, "one phase");
    is_str(build.phases[0].name, "install", "its first name");
    is_int(build.phases[0].status, NGX_DEPLOY_BUILD_SUCCEEDED, "status");
    is_int(build.phases[0].duration, 12, "duration");

    is_int(tell_phase("install", "in_progress", 13, NULL, 0),
           NGX_DEPLOY_DECLINED, "late");
    is_int(build.phases[0].duration, 12, "the first duration");

    is_int(tell_phase("build", "failed", 0, "3 tests failed", 0),
           NGX_DEPLOY_OK, "build fails");
    is_int(build.nphases, 2, "two phases");
    is_int(build.phases[1].duration, 0, "in no time");
    is_str(build.phases[1].message, "3 tests failed", "message");
    is_int(tell_phase("build", "in_progress", -1, "testing", 0),
           NGX_DEPLOY_DECLINED, "a late message");
    is_str(build.phases[1].message, "3 tests failed", "is not taken");
    is_int(tell_phase("build", "FAILED", -1, "exit status 1", 1),
           NGX_DEPLOY_DECLINED, "AWS's word");
    is_str(build.phases[1].message, "3 tests failed", "neither");
    is_str(build.message, NULL, "the build has none");

    tell_phase("post_build", "in_progress", -1, "waiting", 0);
    is_str(build.phases[2].message, "waiting", "what it does");
    tell_phase("post_build", "in_progress", -1, "testing", 0);
    is_str(build.phases[2].message, "testing", "what it does then");
    is_int(tell_phase("post_build", "succeeded", 9, NULL, 0), NGX_DEPLOY_OK,
           "ends");
    is_str(build.phases[2].message, NULL, "does it no more");
    tell_phase("post_build", "in_progress", -1, "still waiting", 0);
    is_str(build.phases[2].message, NULL, "nor when that comes late");
    tell_phase("post_build", "", -1, "a word", 0);
    is_str(build.phases[2].message, "a word", "said of no status");

    ngx_deploy_build_init(&build);

    for (i = 0; i <= NGX_DEPLOY_BUILD_MAX_PHASES; i++) {
        snprintf(name[i], sizeof(name[i]), "p%u", i);
        tell_phase(name[i], "in_progress", -1, NULL, 0);
    }

    is_int(build.nphases, NGX_DEPLOY_BUILD_MAX_PHASES, "the list is full");
    is_int(tell_phase("p0", "succeeded", 1, NULL, 0), NGX_DEPLOY_OK,
           "known phases go on");
}


static void
test_downstream(void)
{
    char                     id[NGX_DEPLOY_BUILD_MAX_DOWN + 1][8];
    unsigned                 i;
    ngx_deploy_build_link_t  link;

    ngx_deploy_build_init(&build);
    memset(&link, 0, sizeof(ngx_deploy_build_link_t));

    link.project = tap_str("smoke");
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_OK, "new");

    link.id = tap_str("smoke:1");
    link.url = tap_str("https://page");
    link.status = NGX_DEPLOY_BUILD_STARTED;
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_OK,
           "has its id");
    is_int(build.ndownstream, 1, "the same one");
    is_str(build.downstream[0].id, "smoke:1", "id");
    is_str(build.downstream[0].url, "https://page", "url");
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_DECLINED,
           "repeated");

    link.status = NGX_DEPLOY_BUILD_FAILED;
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_OK, "ends");
    link.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_DECLINED,
           "late");
    is_int(build.downstream[0].status, NGX_DEPLOY_BUILD_FAILED, "final");

    link.id = tap_str("smoke:2");
    is_int(ngx_deploy_build_downstream(&build, &link), NGX_DEPLOY_OK,
           "a second one");
    is_int(build.ndownstream, 2, "is another");

    for (i = 2; i <= NGX_DEPLOY_BUILD_MAX_DOWN; i++) {
        snprintf(id[i], sizeof(id[i]), "s:%u", i);
        link.id = tap_str(id[i]);
        is_int(ngx_deploy_build_downstream(&build, &link),
               (i < NGX_DEPLOY_BUILD_MAX_DOWN) ? NGX_DEPLOY_OK
                                               : NGX_DEPLOY_DECLINED,
               "downstream %u", i);
    }
}


static void
fill(void)
{
    ngx_deploy_build_link_t  link;

    ngx_deploy_build_init(&build);

    build.project = tap_str("api");
    build.delivery = tap_str("d1");
    build.depth = 2;
    build.event.facts[NGX_DEPLOY_EVENT] = tap_str("pull_request");
    build.event.facts[NGX_DEPLOY_ACTION] = tap_str("merged");
    build.event.facts[NGX_DEPLOY_NUMBER] = tap_str("42");
    build.event.facts[NGX_DEPLOY_MESSAGE] = tap_str("left out");
    build.event.merged = 1;
    build.upstream.project = tap_str("base");
    build.upstream.status = NGX_DEPLOY_BUILD_SUCCEEDED;

    tell_phase("build", "failed", 3, "\xe2\x82\xac \"quoted\"\n", 1);
    tell("failed", 1);
    build.id = tap_str("api:1");
    build.number = 9;
    build.started = 5;
    build.finished = 8;

    memset(&link, 0, sizeof(ngx_deploy_build_link_t));
    link.project = tap_str("smoke");
    ngx_deploy_build_downstream(&build, &link);
}


static void
test_dump(void)
{
    int                 rc;
    long                left;
    unsigned            i;
    ngx_deploy_str_t    text, again, copy;
    ngx_deploy_build_t  other;
    const char *const   bad[] = { "", "x", "[]", "{}", "{\"project\":1}",
                                  "{\"project\":\"\"}", "{\"id\":\"a:1\"}",
                                  NULL };

    fill();

    is_int(ngx_deploy_build_dump(&build, tap_pool(), &text), NGX_DEPLOY_OK,
           "dumped");

    copy = tap_copy(text.data, text.len);

    is_int(ngx_deploy_build_load(&other, tap_pool(), &copy), NGX_DEPLOY_OK,
           "loaded");
    memset(copy.data, 0, copy.len);

    is_int(ngx_deploy_build_dump(&other, tap_pool(), &again), NGX_DEPLOY_OK,
           "dumped again");
    ok(ngx_deploy_str_eq(&text, &again), "the same");

    is_str(other.project, "api", "project");
    is_str(other.delivery, "d1", "delivery");
    is_int(other.status, NGX_DEPLOY_BUILD_FAILED, "status");
    is_int(other.told, 1, "told");
    is_int(other.depth, 2, "depth");
    is_int(other.number, 9, "number");
    is_int(other.started, 5, "started");
    is_int(other.finished, 8, "finished");
    is_str(other.url, NULL, "no page");
    is_str(other.event.facts[NGX_DEPLOY_NUMBER], "42", "number of the event");
    is_str(other.event.facts[NGX_DEPLOY_MESSAGE], NULL, "no message");
    is_int(other.event.merged, 1, "merged");
    is_int(other.event.deleted, -1, "deleted");
    is_int(ngx_deploy_event_on(&other.event) & NGX_DEPLOY_ON_MERGE,
           NGX_DEPLOY_ON_MERGE, "a merge");
    is_str(other.upstream.project, "base", "upstream");
    is_int(other.ndownstream, 1, "downstream");
    is_str(other.downstream[0].id, NULL, "without an id");
    is_int(other.nphases, 1, "phases");
    is_int(other.phases[0].duration, 3, "duration");
    is_str(other.phases[0].message, "\xe2\x82\xac \"quoted\"\n", "message");

    for (i = 0; bad[i]; i++) {
        copy = tap_copy(bad[i], strlen(bad[i]));
        is_int(ngx_deploy_build_load(&other, tap_pool(), &copy),
               NGX_DEPLOY_DECLINED, "no dump: %s", bad[i]);
    }

    copy = tap_str("{\"project\":\"a\",\"depth\":-5,\"phases\":[1],"
                   "\"downstream\":{},\"event\":[],\"told\":1}");
    is_int(ngx_deploy_build_load(&other, tap_pool(), &copy), NGX_DEPLOY_OK,
           "odd");
    is_int(other.depth, 1000, "depth: the deepest");
    is_int(other.nphases, 1, "a phase without a name");
    is_int(other.ndownstream, 0, "no list");
    is_int(other.told, 0, "no boolean");

    /* memory runs out at each place */

    for (left = 0; left < 100; left++) {
        tap_pool_limit(left);
        rc = ngx_deploy_build_load(&other, tap_pool(), &text);
        tap_pool_limit(-1);

        if (rc == NGX_DEPLOY_OK) {
            break;
        }

        is_int(rc, NGX_DEPLOY_ERROR, "%ld blocks", left);
    }

    ok(left > 5 && left < 100, "enough blocks");

    tap_pool_limit(0);
    is_int(ngx_deploy_build_dump(&build, tap_pool(), &again),
           NGX_DEPLOY_ERROR, "no block to dump to");
    tap_pool_limit(-1);
}


int
main(void)
{
    ngx_deploy_json_init();

    test_words();
    test_order();
    test_final();
    test_facts();
    test_message();
    test_phases();
    test_downstream();
    test_dump();

    return plan_done();
}
