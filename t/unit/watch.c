
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_watch.h"
#include "ngx_deploy_tap.h"


#define ID    "api:11111111-1111-4111-8111-111111111111"
#define LINK  "https://console.aws.amazon.com/cloudwatch/home#x"


static struct {
    unsigned              n;
    unsigned              max;          /* then it fails, 0: never */
    ngx_deploy_build_t    build;        /* the last one, its texts copied */
} seen;


static void
copy(ngx_deploy_str_t *s)
{
    if (s->data) {
        *s = tap_copy(s->data, s->len);
    }
}


static int
note(void *data, const ngx_deploy_build_t *build)
{
    size_t               i;
    ngx_deploy_build_t  *b;

    is_int(data == &seen, 1, "data");

    b = &seen.build;
    *b = *build;

    copy(&b->id);
    copy(&b->project);
    copy(&b->log);
    copy(&b->message);

    for (i = 0; i < b->nphases; i++) {
        copy(&b->phases[i].name);
        copy(&b->phases[i].message);
    }

    return (++seen.n == seen.max) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static void
reply(const char *text, int want, unsigned n, const char *name)
{
    const char        *reason;
    ngx_deploy_str_t   s;

    s = tap_copy(text, strlen(text));

    reason = NULL;
    seen.n = 0;
    ngx_deploy_build_init(&seen.build);

    is_int(ngx_deploy_watch_reply(tap_pool(), s.data, s.len, note, &seen,
                                  &reason),
           want, "%s", name);
    is_int(seen.n, n, "%s: builds", name);
    is_int(reason != NULL, want == NGX_DEPLOY_DECLINED, "%s: reason", name);
}


/* the status of a build with these members */

static void
status(const char *members, ngx_deploy_build_status_e want, const char *name)
{
    char  text[512];

    snprintf(text, sizeof(text), "{\"builds\":[{\"id\":\"" ID "\",%s}]}",
             members);

    reply(text, NGX_DEPLOY_OK, 1, name);
    is_int(seen.build.status, want, "%s: status", name);
    is_int(seen.build.told, 1, "%s: told", name);
}


static void
test_body(void)
{
    ngx_deploy_str_t  ids[2], body;

    ids[0] = tap_str(ID);
    ids[1] = tap_str("web:2");

    is_int(ngx_deploy_watch_body(tap_pool(), ids, 2, &body), NGX_DEPLOY_OK,
           "a body");
    is_str(body, "{\"ids\":[\"" ID "\",\"web:2\"]}", "its text");

    tap_pool_limit(0);
    is_int(ngx_deploy_watch_body(tap_pool(), ids, 2, &body),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


static void
test_builds(void)
{
    ngx_deploy_build_t  *b;

    static const char  text[] =
        "{\"builds\":[{\"id\":\"" ID "\",\"projectName\":\"api\","
        "\"buildNumber\":7,\"startTime\":1556905683.568,"
        "\"endTime\":1556905699.1,\"currentPhase\":\"COMPLETED\","
        "\"buildStatus\":\"FAILED\",\"buildComplete\":true,\"phases\":["
        "{\"phaseType\":\"SUBMITTED\",\"phaseStatus\":\"SUCCEEDED\","
        "\"durationInSeconds\":0},"
        "{\"phaseType\":\"PRE_BUILD\",\"phaseStatus\":\"CLIENT_ERROR\","
        "\"durationInSeconds\":12,\"contexts\":[{\"statusCode\":\"\","
        "\"message\":\"\"},{\"statusCode\":\"COMMAND_EXECUTION_ERROR\","
        "\"message\":\"make: exit status 2\"}]},"
        "{\"phaseType\":\"FINALIZING\"},{\"phaseType\":\"COMPLETED\"},{}],"
        "\"logs\":{\"streamName\":\"s\",\"deepLink\":\"" LINK "\"}}],"
        "\"buildsNotFound\":[]}";

    reply(text, NGX_DEPLOY_OK, 1, "a build");

    b = &seen.build;

    is_str(b->id, ID, "id");
    is_str(b->project, "api", "project");
    is_int(b->number, 7, "number");
    is_int(b->status, NGX_DEPLOY_BUILD_FAILED, "status");
    is_int(b->started, 1556905683, "started");
    is_int(b->finished, 1556905699, "finished");
    is_str(b->log, LINK, "log");
    is_int(b->nphases, 3, "phases");
    is_str(b->phases[0].name, "submitted", "the first one");
    is_int(b->phases[0].duration, 0, "its duration");
    is_str(b->phases[1].name, "pre_build", "the second one");
    is_int(b->phases[1].status, NGX_DEPLOY_BUILD_FAILED, "its status");
    is_int(b->phases[1].duration, 12, "its duration");
    is_str(b->phases[1].message, "make: exit status 2", "what is said of it");
    is_int(b->phases[2].status, NGX_DEPLOY_BUILD_IN_PROGRESS,
           "one that goes on");
    is_int(b->phases[2].duration, -1, "without a duration");

    status("\"buildStatus\":\"IN_PROGRESS\",\"currentPhase\":\"BUILD\"",
           NGX_DEPLOY_BUILD_IN_PROGRESS, "in progress");
    status("\"buildStatus\":\"IN_PROGRESS\",\"currentPhase\":\"QUEUED\"",
           NGX_DEPLOY_BUILD_STARTED, "queued");
    status("\"buildStatus\":\"IN_PROGRESS\"", NGX_DEPLOY_BUILD_IN_PROGRESS,
           "no phase");
    status("\"buildStatus\":\"TIMED_OUT\"", NGX_DEPLOY_BUILD_TIMED_OUT,
           "timed out");
    status("\"buildStatus\":\"SUCCEEDED\"", NGX_DEPLOY_BUILD_SUCCEEDED,
           "succeeded");
    status("\"buildStatus\":\"NEW_WORD\"", NGX_DEPLOY_BUILD_UNKNOWN,
           "another word");
    status("\"buildStatus\":7", NGX_DEPLOY_BUILD_UNKNOWN, "no word");

    status("\"logs\":{\"deepLink\":\"" LINK "\"}", NGX_DEPLOY_BUILD_UNKNOWN,
           "no stream");
    is_str(seen.build.log, NULL, "no stream: no log");
}


static void
test_others(void)
{
    reply("{\"builds\":[],\"buildsNotFound\":[\"api:1\",7,\"" ID "\"]}",
          NGX_DEPLOY_OK, 2, "builds that are gone");
    is_str(seen.build.id, ID, "its id");
    is_int(seen.build.status, NGX_DEPLOY_BUILD_FAULT, "its status");
    is_int(seen.build.told, 0, "AWS does not tell it");
    is_str(seen.build.message, "CodeBuild does not know this build any more",
           "words");

    reply("{\"builds\":[{},{\"id\":\"\"},{\"id\":1},3,null]}", NGX_DEPLOY_OK,
          0, "without an id");
    reply("{\"builds\":[]}", NGX_DEPLOY_OK, 0, "none");
    reply("{\"builds\":{}}", NGX_DEPLOY_OK, 0, "no list");
    reply("{\"buildsNotFound\":[\"api:1\"]}", NGX_DEPLOY_DECLINED, 0,
          "no builds");
    reply("[]", NGX_DEPLOY_DECLINED, 0, "no object");
    reply("{\"builds\":[{\"id\":\"api:1\"}", NGX_DEPLOY_DECLINED, 0, "cut");
    reply("", NGX_DEPLOY_DECLINED, 0, "empty");

    seen.max = 1;
    reply("{\"builds\":[{\"id\":\"api:1\"},{\"id\":\"api:2\"}]}",
          NGX_DEPLOY_ERROR, 1, "the caller gives up");
    reply("{\"builds\":[],\"buildsNotFound\":[\"api:1\",\"api:2\"]}",
          NGX_DEPLOY_ERROR, 1, "and here");
    seen.max = 0;

    tap_pool_limit(0);
    reply("{\"builds\":[]}", NGX_DEPLOY_ERROR, 0, "no memory");
    tap_pool_limit(1);
    reply("{\"builds\":[{\"id\":\"a\",\"phases\":[{\"phaseType\":\"X\"}]}]}",
          NGX_DEPLOY_ERROR, 0, "no memory for a phase");
    tap_pool_limit(-1);
}


int
main(void)
{
    test_body();
    test_builds();
    test_others();

    return plan_done();
}
