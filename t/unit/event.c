
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_event.h"
#include "ngx_deploy_tap.h"


typedef struct {
    const char            *provider;
    const char            *event;
    const char            *action;
    const char            *branch;
    const char            *tag;
    int                    merged;
    int                    deleted;
    unsigned               on;
    const char            *name;
} test_on_t;


static const test_on_t  ons[] = {
    { "github", "pull_request", "merged", "main", NULL, 1, -1,
      NGX_DEPLOY_ON_MERGE, "merge" },
    { "github", "pull_request", "merged", "main", NULL, 0, -1, 0, "any" },
    { "github", "pull_request", "closed", "main", NULL, 1, -1, 0, "any" },
    { "github", "pull_request", "opened", "main", NULL, 0, -1,
      NGX_DEPLOY_ON_PULL_REQUEST, "pull_request" },
    { "github", "pull_request", "reopened", "main", NULL, 0, -1,
      NGX_DEPLOY_ON_PULL_REQUEST, "pull_request" },
    { "github", "pull_request", "updated", "main", NULL, 0, -1,
      NGX_DEPLOY_ON_PULL_REQUEST, "pull_request" },
    { "github", "pull_request", "edited", "main", NULL, 0, -1, 0, "any" },
    { "github", "pull_request", NULL, "main", NULL, 1, -1, 0, "any" },
    { "github", "pull_request_review", "merged", "main", NULL, 1, -1, 0,
      "any" },
    { "github", "push", "updated", "main", NULL, -1, 0, NGX_DEPLOY_ON_PUSH,
      "push" },
    { "bitbucket", "push", "updated", "main", NULL, -1, -1,
      NGX_DEPLOY_ON_PUSH, "push" },
    { "github", "push", "created", NULL, "v1", -1, 0, NGX_DEPLOY_ON_TAG,
      "tag" },
    { "github", "push", "updated", NULL, NULL, -1, 0, 0, "any" },
    { "github", "push", "deleted", "main", NULL, -1, 1, 0, "any" },
    { "bitbucket", "push", "deleted", "main", NULL, -1, 1,
      NGX_DEPLOY_ON_DELETE, "delete" },
    { "bitbucket-server", "push", "deleted", NULL, "v1", -1, 1,
      NGX_DEPLOY_ON_DELETE, "delete" },
    { "github", "delete", "deleted", "main", NULL, -1, 1,
      NGX_DEPLOY_ON_DELETE, "delete" },
    { "github", "create", "created", "main", NULL, -1, 0, 0, "any" },
    { "github", "create", "created", NULL, "v1", -1, 0, 0, "any" },
    { "gitea", "create", "created", NULL, "v1", -1, 0, 0, "any" },
    { "gogs", "create", "created", NULL, "v1", -1, 0, NGX_DEPLOY_ON_TAG,
      "tag" },
    { "gogs", "create", "created", "main", NULL, -1, 0, 0, "any" },
    { "gitea", "push", "deleted", NULL, "v1", -1, 1, 0, "any" },
    { "azure-devops", "push", "deleted", "main", NULL, -1, 1,
      NGX_DEPLOY_ON_DELETE, "delete" },
    { "azure-devops", "pull_request", "completed", "main", NULL, 1, -1, 0,
      "any" },
    { "github", "release", "published", NULL, "v1", -1, -1,
      NGX_DEPLOY_ON_RELEASE, "release" },
    { "github", "release", "released", NULL, "v1", -1, -1, 0, "any" },
    { "github", "release", "created", NULL, "v1", -1, -1, 0, "any" },
    { "gitlab", "release", "created", NULL, "v1", -1, -1,
      NGX_DEPLOY_ON_RELEASE, "release" },
    { "slack", "slack_command", NULL, NULL, NULL, -1, -1,
      NGX_DEPLOY_ON_COMMAND, "command" },
    { "aws", "codebuild_state", NULL, NULL, NULL, -1, -1,
      NGX_DEPLOY_ON_BUILD, "build" },
    { "build", "build_report", NULL, NULL, NULL, -1, -1,
      NGX_DEPLOY_ON_BUILD, "build" },
    { "gitlab", "build", "success", "main", NULL, -1, -1, 0, "any" },
    { "github", "codebuild_state", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "github", "build_report", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "github", "slack_command", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "slack", "slack_block_actions", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "aws", "sns_Notification", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "gitlab", "delete", NULL, "main", NULL, -1, -1, 0, "any" },
    { "gitlab", "push", "deleted", "main", NULL, -1, 1,
      NGX_DEPLOY_ON_DELETE, "delete" },
    { "github", "ping", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "standard", "delete", NULL, NULL, NULL, -1, -1, 0, "any" },
    { "standard", "slack_command", NULL, NULL, NULL, -1, -1, 0, "any" },
    { NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL }
};


static void
test_on(void)
{
    const test_on_t     *t;
    ngx_deploy_str_t     word;
    ngx_deploy_event_t   event;

    for (t = ons; t->event; t++) {
        ngx_deploy_event_init(&event);

        event.facts[NGX_DEPLOY_PROVIDER] = tap_str(t->provider);
        event.facts[NGX_DEPLOY_EVENT] = tap_str(t->event);
        event.facts[NGX_DEPLOY_ACTION] = tap_str(t->action);
        event.facts[NGX_DEPLOY_BRANCH] = tap_str(t->branch);
        event.facts[NGX_DEPLOY_TAG] = tap_str(t->tag);
        event.merged = t->merged;
        event.deleted = t->deleted;

        is_int(ngx_deploy_event_on(&event), t->on | NGX_DEPLOY_ON_ANY,
               "on of %s %s %s", t->provider, t->event,
               t->action ? t->action : "");
        is_str(tap_str(ngx_deploy_event_on_name(&event)), t->name,
               "its name");
    }

    ngx_deploy_event_init(&event);

    is_int(ngx_deploy_event_on(&event), NGX_DEPLOY_ON_ANY, "on of nothing");

    event.facts[NGX_DEPLOY_PROVIDER] = tap_str("slack");
    event.facts[NGX_DEPLOY_EVENT] = tap_str("slack_command");
    event.facts[NGX_DEPLOY_TEXT] = tap_str("help");

    is_int(ngx_deploy_event_on(&event), NGX_DEPLOY_ON_ANY,
           "on of a command without a target");

    event.facts[NGX_DEPLOY_TEXT] = tap_str("api main");
    event.facts[NGX_DEPLOY_TARGET] = tap_str("api");

    is_int(ngx_deploy_event_on(&event),
           NGX_DEPLOY_ON_ANY | NGX_DEPLOY_ON_COMMAND,
           "on of a command with a target");

    word = tap_str("delete");
    is_int(ngx_deploy_on_find(&word), NGX_DEPLOY_ON_DELETE, "a word of on");

    word = tap_str("Delete");
    is_int(ngx_deploy_on_find(&word), 0, "no word of on");

    word = tap_str("");
    is_int(ngx_deploy_on_find(&word), 0, "an empty word");
}


static void
test_status(void)
{
    ngx_deploy_event_t  event;

    ngx_deploy_event_init(&event);

    ok(ngx_deploy_event_status(&event).data == NULL, "no status");

    event.facts[NGX_DEPLOY_STATUS] = tap_str("succeeded");
    is_str(ngx_deploy_event_status(&event), "succeeded", "of a build");

    event.of_phase = 1;
    is_str(ngx_deploy_event_status(&event), "in_progress", "of a phase");
}


static void
test_facts(void)
{
    int               i;
    ngx_deploy_str_t  name;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        is_int(ngx_deploy_fact_find(ngx_deploy_fact_name(i)), i,
               "the name of fact %d is found", i);
    }

    is_str(*ngx_deploy_fact_name(NGX_DEPLOY_SOURCE_BRANCH), "source_branch",
           "a name in the middle");
    is_str(*ngx_deploy_fact_name(NGX_DEPLOY_BUILD_ID), "build_id",
           "the last name");

    name = tap_str("branches");
    is_int(ngx_deploy_fact_find(&name), -1, "an unknown name");
}


static void
test_json_is(const ngx_deploy_event_t *event, const char *want,
    const char *name)
{
    ngx_deploy_str_t       text = ngx_deploy_null_string;
    ngx_deploy_json_out_t  out;

    ngx_deploy_json_out_begin(&out, tap_pool(), 16);
    ngx_deploy_event_json(event, &out);

    is_int(ngx_deploy_json_out_end(&out, &text), NGX_DEPLOY_OK,
           "%s: is written", name);
    is_str(text, want, "%s: its text", name);
}


static void
test_json(void)
{
    int                  i;
    ngx_deploy_str_t     paths[2] = { ngx_deploy_string("a.c"),
                                      ngx_deploy_string("docs/b.md") };
    ngx_deploy_event_t   event;

    ngx_deploy_event_init(&event);
    test_json_is(&event, "{}", "an empty event");

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        event.facts[i] = *ngx_deploy_fact_name(i);
    }

    event.facts[NGX_DEPLOY_NUMBER] = tap_str("7");
    event.merged = 1;
    event.created = 0;
    event.deleted = 0;
    event.forced = 1;
    event.paths = paths;
    event.npaths = 2;
    event.paths_complete = 1;

    test_json_is(&event,
                 "{\"provider\":\"provider\",\"event\":\"event\","
                 "\"action\":\"action\",\"repo\":\"repo\","
                 "\"branch\":\"branch\",\"source_branch\":\"source_branch\","
                 "\"tag\":\"tag\",\"commit\":\"commit\","
                 "\"sender\":\"sender\",\"number\":7,\"title\":\"title\","
                 "\"url\":\"url\",\"merged\":true,\"created\":false,"
                 "\"deleted\":false,\"forced\":true,"
                 "\"paths\":[\"a.c\",\"docs/b.md\"],\"paths_complete\":true,"
                 "\"command\":\"command\",\"target\":\"target\","
                 "\"text\":\"text\",\"user\":\"user\","
                 "\"channel\":\"channel\",\"team\":\"team\","
                 "\"project\":\"project\",\"status\":\"status\","
                 "\"phase\":\"phase\",\"build_id\":\"build_id\"}",
                 "all members");

    ngx_deploy_event_init(&event);
    event.paths_complete = 0;
    test_json_is(&event, "{\"paths_complete\":false}", "unknown paths");

    event.paths = paths;
    event.npaths = 1;
    test_json_is(&event, "{\"paths\":[\"a.c\"],\"paths_complete\":false}",
                 "some paths");

    event.npaths = 0;
    event.paths_complete = 1;
    test_json_is(&event, "{\"paths\":[],\"paths_complete\":true}",
                 "no paths");
}


static void
test_json_paths(void)
{
    size_t               i, n;
    ngx_deploy_str_t     paths[1001], text;
    ngx_deploy_json_out_t  out;
    ngx_deploy_event_t   event;

    for (i = 0; i < 1001; i++) {
        paths[i] = tap_str("a");
    }

    ngx_deploy_event_init(&event);

    event.paths = paths;
    event.npaths = 1001;
    event.paths_complete = 1;

    text = tap_str("");

    ngx_deploy_json_out_begin(&out, tap_pool(), 16);
    ngx_deploy_event_json(&event, &out);
    (void) ngx_deploy_json_out_end(&out, &text);

    for (i = 0, n = 0; i + 2 < text.len; i++) {
        n += (memcmp(text.data + i, "\"a\"", 3) == 0);
    }

    is_int(n, 1000, "paths of an answer are bounded");
    ok(text.len > 23
       && memcmp(text.data + text.len - 23, "\"paths_complete\":false}", 23)
          == 0,
       "then they are not complete");
}


int
main(void)
{
    test_on();
    test_status();
    test_facts();
    test_json();
    test_json_paths();

    return plan_done();
}
