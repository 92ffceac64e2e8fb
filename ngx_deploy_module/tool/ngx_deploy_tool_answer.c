
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_answer.h"


static int ngx_deploy_tool_answer_code(unsigned status);
static void ngx_deploy_tool_put_event(ngx_deploy_json_t *event, size_t i);
static void ngx_deploy_tool_put_rule(ngx_deploy_json_t *rule);
static void ngx_deploy_tool_put_line(ngx_deploy_json_t *json);
static void ngx_deploy_tool_put_text(ngx_deploy_json_t *json);


int
ngx_deploy_tool_answer(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_reply_t *reply)
{
    const char         *reason;
    ngx_deploy_json_t  *json;

    if (tool->json) {
        fwrite(reply->body.data, 1, reply->body.len, stdout);

        if (reply->body.len && reply->body.data[reply->body.len - 1] != '\n') {
            fputc('\n', stdout);
        }

        return ngx_deploy_tool_answer_code(reply->status);
    }

    json = ngx_deploy_json_parse(reply->body.data, reply->body.len,
                                 NGX_DEPLOY_TOOL_MAX_REPLY, &reason);

    printf("%u", reply->status);

    if (json == NULL) {
        printf("%s\n", reply->body.len ? ", the answer is not JSON" : "");
        return ngx_deploy_tool_answer_code(reply->status);
    }

    ngx_deploy_tool_put_member(stdout, " ", json, "status", "");
    ngx_deploy_tool_put_member(stdout, ": ", json, "reason", "");
    ngx_deploy_tool_put_member(stdout, ", delivery ", json, "delivery", "");
    ngx_deploy_tool_put_member(stdout, " challenge ", json, "challenge", "");

    fputc('\n', stdout);

    ngx_deploy_tool_put_text(json);
    ngx_deploy_tool_put_events(ngx_deploy_json_get(json, "events"));
    ngx_deploy_tool_put_builds(tool, ngx_deploy_json_get(json, "builds"));
    ngx_deploy_tool_put_rules(ngx_deploy_json_get(json, "rules"));

    ngx_deploy_json_free(json);

    return ngx_deploy_tool_answer_code(reply->status);
}


static int
ngx_deploy_tool_answer_code(unsigned status)
{
    if (status >= 200 && status < 300) {
        return NGX_DEPLOY_TOOL_YES;
    }

    switch (status) {

    case 403:
        return NGX_DEPLOY_TOOL_REFUSED;

    case 429:
    case 503:
    case 504:
        return NGX_DEPLOY_TOOL_LATER;

    default:
        return NGX_DEPLOY_TOOL_NO;
    }
}


/* of a message to Slack: it has blocks in attachments, or a plain text */

static void
ngx_deploy_tool_put_text(ngx_deploy_json_t *json)
{
    size_t              i, n;
    ngx_deploy_json_t  *attachment, *block;

    ngx_deploy_tool_put_member(stdout, "", json, "text", "\n");

    for (i = 0; /* void */ ; i++) {
        attachment = ngx_deploy_json_at(ngx_deploy_json_get(json,
                                                            "attachments"),
                                        i);
        if (attachment == NULL) {
            break;
        }

        for (n = 0; /* void */ ; n++) {
            block = ngx_deploy_json_at(ngx_deploy_json_get(attachment,
                                                           "blocks"),
                                       n);
            if (block == NULL) {
                break;
            }

            ngx_deploy_tool_put_member(stdout, "  ",
                                       ngx_deploy_json_get(block, "text"),
                                       "text", "\n");
        }
    }
}


void
ngx_deploy_tool_put_events(ngx_deploy_json_t *events)
{
    size_t              i;
    ngx_deploy_json_t  *event;

    if (events && ngx_deploy_json_at(events, 0) == NULL) {
        printf("no event in it\n");
    }

    for (i = 0; /* void */ ; i++) {
        event = ngx_deploy_json_at(events, i);
        if (event == NULL) {
            break;
        }

        ngx_deploy_tool_put_event(event, i);
    }
}


static void
ngx_deploy_tool_put_event(ngx_deploy_json_t *event, size_t i)
{
    size_t              n;
    ngx_deploy_json_t  *paths;

    printf("event %zu:", i);

    ngx_deploy_tool_put_member(stdout, " ", event, "provider", "");
    ngx_deploy_tool_put_member(stdout, " ", event, "event", "");
    ngx_deploy_tool_put_member(stdout, " ", event, "action", "");
    ngx_deploy_tool_put_member(stdout, ", repo ", event, "repo", "");
    ngx_deploy_tool_put_member(stdout, ", branch ", event, "branch", "");
    ngx_deploy_tool_put_member(stdout, " from ", event, "source_branch", "");
    ngx_deploy_tool_put_member(stdout, ", tag ", event, "tag", "");
    ngx_deploy_tool_put_member(stdout, ", commit ", event, "commit", "");
    ngx_deploy_tool_put_member(stdout, ", by ", event, "sender", "");
    ngx_deploy_tool_put_member(stdout, ", command ", event, "command", "");
    ngx_deploy_tool_put_member(stdout, " ", event, "text", "");
    ngx_deploy_tool_put_member(stdout, ", user ", event, "user", "");
    ngx_deploy_tool_put_member(stdout, ", project ", event, "project", "");
    ngx_deploy_tool_put_member(stdout, ", phase ", event, "phase", "");
    ngx_deploy_tool_put_member(stdout, ", status ", event, "status", "");
    ngx_deploy_tool_put_member(stdout, ", build ", event, "build_id", "");

    paths = ngx_deploy_json_get(event, "paths");

    if (paths) {
        for (n = 0; ngx_deploy_json_at(paths, n); n++) { /* void */ }

        printf(", %zu path%s%s", n, n == 1 ? "" : "s",
               ngx_deploy_json_get_bool(event, "paths_complete", 0)
               ? "" : " (not all)");
    }

    fputc('\n', stdout);
}


void
ngx_deploy_tool_put_rules(ngx_deploy_json_t *rules)
{
    size_t              i;
    ngx_deploy_json_t  *rule;

    for (i = 0; /* void */ ; i++) {
        rule = ngx_deploy_json_at(rules, i);
        if (rule == NULL) {
            break;
        }

        ngx_deploy_tool_put_rule(rule);
    }
}


static void
ngx_deploy_tool_put_rule(ngx_deploy_json_t *rule)
{
    int64_t            event;
    unsigned           want, got;
    ngx_deploy_str_t   failed;

    event = ngx_deploy_json_get_int(rule, "event", 0);

    ngx_deploy_tool_put_member(stdout, "rule ", rule, "project", "");
    ngx_deploy_tool_put_line(rule);

    if (event) {
        printf(", event %lld", (long long) event);
    }

    want = (ngx_deploy_json_get(rule, "want") != NULL);
    got = (ngx_deploy_json_get(rule, "got") != NULL);

    failed = ngx_deploy_json_get_str(rule, "failed");

    ngx_deploy_tool_put_member(stdout, ": wants ", rule, "failed",
                               want ? "=" : "!=");
    ngx_deploy_tool_put_member(stdout, "", rule, want ? "want" : "want_not",
                               "");

    if (got) {
        ngx_deploy_tool_put_member(stdout, ", it is \"", rule, "got", "\"");

    } else if (ngx_deploy_str_is(&failed, "path")) {
        printf(", no changed path is like that");

    } else {
        printf(", the event has none");
    }

    if (ngx_deploy_json_get_bool(rule, "paths_unknown", 0)) {
        printf(" (not all paths are known)");
    }

    fputc('\n', stdout);
}


/* ", file:line", an answer of the module has no file */

static void
ngx_deploy_tool_put_line(ngx_deploy_json_t *json)
{
    int64_t  line;

    line = ngx_deploy_json_get_int(json, "line", 0);

    if (line == 0) {
        return;
    }

    if (ngx_deploy_json_get(json, "file")) {
        ngx_deploy_tool_put_member(stdout, ", ", json, "file", "");
        printf(":%lld", (long long) line);
        return;
    }

    printf(", line %lld", (long long) line);
}


void
ngx_deploy_tool_put_builds(ngx_deploy_tool_t *tool, ngx_deploy_json_t *builds)
{
    size_t              i;
    ngx_deploy_str_t    text;
    ngx_deploy_json_t  *build, *request;

    for (i = 0; /* void */ ; i++) {
        build = ngx_deploy_json_at(builds, i);
        if (build == NULL) {
            break;
        }

        ngx_deploy_tool_put_member(stdout, "build ", build, "project", "");
        ngx_deploy_tool_put_line(build);
        ngx_deploy_tool_put_member(stdout, ": ", build, "status", "");
        ngx_deploy_tool_put_member(stdout, ", ", build, "id", "");
        ngx_deploy_tool_put_member(stdout, ", ", build, "error", "");
        ngx_deploy_tool_put_member(stdout, ", ", build, "message", "");
        ngx_deploy_tool_put_member(stdout, ", ", build, "reason", "");
        fputc('\n', stdout);

        ngx_deploy_tool_put_member(stdout, "  ", build, "url", "\n");

        request = ngx_deploy_json_get(build, "request");

        if (request == NULL) {
            continue;
        }

        if (ngx_deploy_json_dump(request, &tool->pool, &text)
            != NGX_DEPLOY_OK)
        {
            ngx_deploy_tool_no_memory();
        }

        printf("  StartBuild ");
        ngx_deploy_tool_put(stdout, &text);
        fputc('\n', stdout);
    }
}
