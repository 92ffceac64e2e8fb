
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define HASH   "1234567890abcdef1234567890abcdef12345678"
#define OTHER  "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define THIRD  "fedcbafedcbafedcbafedcbafedcbafedcbafedc"
#define ZERO   "0000000000000000000000000000000000000000"

#define DISAGREES  "the body does not agree with the event header"

#define PROJECT  "'project':{'name':'api','path_with_namespace':'acme/b/api'}"
#define USER     "'user':{'name':'Ann','username':'ann'}"
#define PUSHER   "'user_name':'Ann','user_username':'ann'"

#define COMMITS                                                               \
    "{'id':'" OTHER "','message':'Old','url':'o','added':['b'],"              \
    "'modified':[],'removed':[]},"                                            \
    "{'id':'" HASH "','message':'Fix\\nit','url':'u','added':['a'],"          \
    "'modified':['b'],'removed':[]}"

#define PUSH(kind, ref, before, after, checkout, more)                        \
    "{'object_kind':'" kind "','event_name':'" kind "','ref':'" ref "',"      \
    "'before':'" before "','after':'" after "','checkout_sha':" checkout ","  \
    more PUSHER "," PROJECT "}"

#define MERGE(action, state, more)                                            \
    "{'object_kind':'merge_request','event_type':'merge_request'," USER ","   \
    PROJECT ",'object_attributes':{'id':99,'iid':7,'title':'T','url':'u',"    \
    "'source_branch':'f/x','target_branch':'main','state':'" state "',"       \
    more "'last_commit':{'id':'" HASH "','message':'M'}" action "}}"

#define FLAGS    "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n"
#define REQUEST  "acme/b/api branch=main source=f/x "
#define DETAILS  "by ann number=7 title=T url=u message=M "
#define OPEN     "merged=0 created=-1 deleted=-1 forced=-1 complete=0\n"
#define CLOSED   "merged=1 created=-1 deleted=-1 forced=-1 complete=0\n"


typedef struct {
    const char            *name;
    const char            *header;
    const char            *body;         /* with ' for " */
    const char            *want;         /* the event, or the reason */
} test_t;


static const test_t  tests[] = {

    /* pushes */

    { "push", "Push Hook",
      PUSH("push", "refs/heads/a/b", OTHER, HASH, "'" HASH "'",
           "'commits':[" COMMITS "],'total_commits_count':2,"),
      "gitlab push updated acme/b/api branch=a/b commit=" HASH " by ann "
      "title=Fix url=u message=Fix\nit merged=-1 created=0 deleted=0 "
      "forced=-1 a b complete=1\n" },

    { "more commits than listed", "Push Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "'" HASH "'",
           "'commits':[" COMMITS "],'total_commits_count':21,"),
      "gitlab push updated acme/b/api branch=m commit=" HASH " by ann "
      "title=Fix url=u message=Fix\nit merged=-1 created=0 deleted=0 "
      "forced=-1 a b complete=0\n" },

    { "no number of commits", "Push Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "'" HASH "'",
           "'commits':[" COMMITS "],"),
      "gitlab push updated acme/b/api branch=m commit=" HASH " by ann "
      "title=Fix url=u message=Fix\nit merged=-1 created=0 deleted=0 "
      "forced=-1 a b complete=0\n" },

    { "a path that is none", "Push Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "'" HASH "'",
           "'commits':[{'id':'" OTHER "','added':['a',1],'modified':[],"
           "'removed':[]}],'total_commits_count':1,"),
      "gitlab push updated acme/b/api branch=m commit=" HASH " by ann "
      "merged=-1 created=0 deleted=0 forced=-1 a complete=0\n" },

    { "a list that is null", "Push Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "'" HASH "'",
           "'commits':[{'added':['a'],'modified':[],'removed':null}],"
           "'total_commits_count':1,"),
      "gitlab push updated acme/b/api branch=m commit=" HASH " by ann "
      "merged=-1 created=0 deleted=0 forced=-1 a complete=0\n" },

    { "a new branch", "Push Hook",
      PUSH("push", "refs/heads/m", ZERO, HASH, "'" HASH "'",
           "'commits':[],'total_commits_count':0,"),
      "gitlab push created acme/b/api branch=m commit=" HASH " by ann "
      "merged=-1 created=1 deleted=0 forced=-1 complete=0\n" },

    { "a deleted branch", "Push Hook",
      PUSH("push", "refs/heads/m", OTHER, ZERO, "null", "'commits':[],"),
      "gitlab push deleted acme/b/api branch=m by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "a hash of SHA-256", "Push Hook",
      PUSH("push", "refs/heads/m", ZERO "000000000000000000000000",
           HASH "123456789012345678901234", "null", "'commits':[],"),
      "gitlab push created acme/b/api branch=m commit=" HASH
      "123456789012345678901234 by ann merged=-1 created=1 deleted=0 "
      "forced=-1 complete=0\n" },

    { "a deleted branch that never was", "Push Hook",
      PUSH("push", "refs/heads/m", ZERO, ZERO, "null", ""),
      "gitlab push deleted acme/b/api branch=m by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    /* one commit is not what changed since the last tag */

    { "an annotated tag", "Tag Push Hook",
      PUSH("tag_push", "refs/tags/v1", ZERO, OTHER, "'" HASH "'",
           "'message':'Notes','commits':[" COMMITS "],"
           "'total_commits_count':2,"),
      "gitlab push created acme/b/api tag=v1 commit=" HASH " by ann title=Fix "
      "url=u message=Notes merged=-1 created=1 deleted=0 forced=-1 a b "
      "complete=0\n" },

    { "a deleted tag", "Tag Push Hook",
      PUSH("tag_push", "refs/tags/v1", HASH, ZERO, "null", ""),
      "gitlab push deleted acme/b/api tag=v1 by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "of a system hook", "System Hook",
      "{'event_name':'push','before':'" OTHER "','after':'" HASH "',"
      "'ref':'refs/heads/m','user_name':'Ann'," PROJECT "}",
      "gitlab push updated acme/b/api branch=m commit=" HASH " by Ann "
      "merged=-1 created=0 deleted=0 forced=-1 complete=0\n" },

    { "without a header", NULL,
      PUSH("push", "refs/heads/m", OTHER, ZERO, "null", ""),
      "gitlab push deleted acme/b/api branch=m by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    /* merge requests */

    { "opened", "Merge Request Hook", MERGE(",'action':'open'", "opened", ""),
      "gitlab pull_request opened " REQUEST "commit=" HASH " " DETAILS OPEN },

    { "reopened", "Merge Request Hook",
      MERGE(",'action':'reopen'", "opened", ""),
      "gitlab pull_request reopened " REQUEST "commit=" HASH " " DETAILS
      OPEN },

    { "new commits", "Merge Request Hook",
      MERGE(",'action':'update'", "opened", "'oldrev':'" OTHER "',"),
      "gitlab pull_request updated " REQUEST "commit=" HASH " " DETAILS
      OPEN },

    { "a new title", "Merge Request Hook",
      MERGE(",'action':'update'", "opened", "'oldrev':null,"),
      "gitlab pull_request edited " REQUEST "commit=" HASH " " DETAILS OPEN },

    { "merged", "Merge Request Hook",
      MERGE(",'action':'merge'", "merged",
            "'merge_commit_sha':'" OTHER "','squash_commit_sha':'" THIRD
            "',"),
      "gitlab pull_request merged " REQUEST "commit=" OTHER " " DETAILS
      CLOSED },

    { "squashed", "Merge Request Hook",
      MERGE(",'action':'merge'", "merged",
            "'merge_commit_sha':null,'squash_commit_sha':'" THIRD "',"),
      "gitlab pull_request merged " REQUEST "commit=" THIRD " " DETAILS
      CLOSED },

    { "fast-forward", "Merge Request Hook",
      MERGE(",'action':'merge'", "merged",
            "'merge_commit_sha':null,'squash_commit_sha':null,"),
      "gitlab pull_request merged " REQUEST "commit=" HASH " " DETAILS
      CLOSED },

    { "merged while the state lags", "Merge Request Hook",
      MERGE(",'action':'merge'", "opened", ""),
      "gitlab pull_request merged " REQUEST "commit=" HASH " " DETAILS
      CLOSED },

    { "closed, whatever the state", "Merge Request Hook",
      MERGE(",'action':'close'", "merged", "'merge_commit_sha':'" OTHER "',"),
      "gitlab pull_request closed " REQUEST "commit=" HASH " " DETAILS OPEN },

    { "approved after the merge", "Merge Request Hook",
      MERGE(",'action':'approved'", "merged",
            "'merge_commit_sha':'" OTHER "',"),
      "gitlab pull_request approved " REQUEST "commit=" OTHER " " DETAILS
      CLOSED },

    { "a system hook without an action", "System Hook",
      MERGE("", "merged", ""),
      "gitlab pull_request " REQUEST "commit=" HASH " " DETAILS CLOSED },

    { "an action of no meaning", "Merge Request Hook",
      MERGE(",'action':'merged'", "merged", ""),
      "gitlab pull_request " REQUEST "commit=" HASH " " DETAILS CLOSED },

    { "another one", "Merge Request Hook",
      MERGE(",'action':'opened'", "opened", ""),
      "gitlab pull_request " REQUEST "commit=" HASH " " DETAILS OPEN },

    /* others */

    { "release", "Release Hook",
      "{'object_kind':'release','action':'create','tag':'v1','name':'One',"
      "'description':'Notes','url':'u','commit':{'id':'" HASH "'}," PROJECT
      "}",
      "gitlab release created acme/b/api tag=v1 commit=" HASH
      " message=Notes " FLAGS },

    { "a changed release", "Release Hook",
      "{'object_kind':'release','action':'update','tag':'v1'," PROJECT "}",
      "gitlab release updated acme/b/api tag=v1 " FLAGS },

    { "a deleted release", "Release Hook",
      "{'object_kind':'release','action':'delete','tag':'v1'," PROJECT "}",
      "gitlab release deleted acme/b/api tag=v1 " FLAGS },

    { "a release that GitLab does not know", "Release Hook",
      "{'object_kind':'release','action':'created','tag':'v1'," PROJECT "}",
      "gitlab release acme/b/api tag=v1 " FLAGS },

    { "deployment", "Deployment Hook",
      "{'object_kind':'deployment','status':'success','ref':'main',"
      "'short_sha':'12345678','commit_title':'Fix','commit_url':"
      "'https://h/acme/b/api/-/commit/" HASH "'," USER "," PROJECT "}",
      "gitlab deployment success acme/b/api branch=main commit=" HASH
      " by ann message=Fix " FLAGS },

    { "deployment of a short hash", "Deployment Hook",
      "{'object_kind':'deployment','status':'running','commit_url':'x',"
      "'short_sha':'12345678'," USER "}",
      "gitlab deployment running commit=12345678 by ann " FLAGS },

    { "pipeline", "Pipeline Hook",
      "{'object_kind':'pipeline','object_attributes':{'status':'failed',"
      "'ref':'main','tag':false,'sha':'" HASH "'}," USER "," PROJECT "}",
      "gitlab pipeline failed acme/b/api branch=main commit=" HASH
      " by ann " FLAGS },

    { "pipeline of a tag", "Pipeline Hook",
      "{'object_kind':'pipeline','object_attributes':{'status':'success',"
      "'ref':'v1','tag':true,'sha':'" HASH "'}," USER "," PROJECT "}",
      "gitlab pipeline success acme/b/api tag=v1 commit=" HASH " by ann "
      FLAGS },

    { "job", "Job Hook",
      "{'object_kind':'build','ref':'main','tag':false,'sha':'" HASH "',"
      "'build_status':'success','user':{'name':'Ann'}," PROJECT "}",
      "gitlab build success acme/b/api branch=main commit=" HASH " by Ann "
      FLAGS },

    { "note", "Confidential Note Hook",
      "{'object_kind':'note','object_attributes':{'note':'N'}," USER ","
      PROJECT "}",
      "gitlab note acme/b/api by ann " FLAGS },

    { "issue", "Issue Hook",
      "{'object_kind':'issue','object_attributes':{'action':'close'}," USER
      "," PROJECT "}",
      "gitlab issue close acme/b/api by ann " FLAGS },

    { "work item", "Issue Hook",
      "{'object_kind':'work_item','object_attributes':{'action':'open'},"
      USER "," PROJECT "}",
      "gitlab work_item open acme/b/api by ann " FLAGS },

    { "a member of a group", "Member Hook",
      "{'event_name':'user_add_to_group','user_username':'bob'}",
      "gitlab user_add_to_group " FLAGS },

    { "system", "System Hook",
      "{'event_name':'user_create','username':'bob','name':'Bob'}",
      "gitlab user_create " FLAGS },

    /* custom templates */

    { "a template", "Push Hook", "{'text':'Ann pushed','ref':[1]}",
      "gitlab push " FLAGS },

    { "a template with a kind", "Push Hook",
      "{'object_kind':'push','text':'Ann pushed'}", "gitlab push " FLAGS },

    { "a template with a kind of its own", "Merge Request Hook",
      "{'object_kind':'My Kind'}", "gitlab merge_request " FLAGS },

    { "a template of everything", "System Hook", "{}",
      "gitlab system " FLAGS },

    { "a template without a header", NULL, "{}",
      "no X-Gitlab-Event, no object_kind" },

    /* the header is not signed */

    { "a push as a note", "Note Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "null", ""), DISAGREES },
    { "a push as a tag", "Tag Push Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "null", ""), DISAGREES },
    { "a push as an issue", "Issue Hook",
      PUSH("push", "refs/heads/m", OTHER, HASH, "null", ""), DISAGREES },
    { "an issue as a release", "Release Hook", "{'object_kind':'issue'}",
      DISAGREES },
    { "a merge request as a push", "Push Hook", MERGE("", "merged", ""),
      DISAGREES },
    { "no word", "Push_Hook!", "{}", "the event header is malformed" },
    { "an empty header", "", "{}", "the event header is malformed" },
    { "a long header",
      "Very Very Very Very Very Very Very Very Very Very Very Long Push Hook",
      "{}", "the event header is malformed" },

    /* of a wrong type */

    { "ref is an object", "Push Hook",
      "{'object_kind':'push','ref':{'a':1}}", "ref is not a string" },
    { "checkout_sha is a number", "Push Hook",
      "{'object_kind':'push','checkout_sha':1}",
      "checkout_sha is not a string" },
    { "the repository is a list", "Note Hook",
      "{'object_kind':'note','project':{'path_with_namespace':[]}}",
      "project.path_with_namespace is not a string" },
    { "the action is a flag", "Merge Request Hook",
      "{'object_kind':'merge_request','object_attributes':{'action':true}}",
      "the action is not a string" },
    { "the tag of a release is a flag", "Release Hook",
      "{'object_kind':'release','tag':false}", "tag is not a string" },
    { "a list", "Push Hook", "[]", "the body is not an object" },

    { NULL, NULL, NULL, NULL }
};


static void
test_table(void)
{
    const test_t     *t;
    tap_header_t      headers[2];
    ngx_deploy_str_t  body;

    headers[0].name = "x-gitlab-event";
    headers[1].name = NULL;

    for (t = tests; t->name != NULL; t++) {
        headers[0].value = t->header;

        body = unquote(t->body);

        is_str(tap_str(run("gitlab", headers, body, body.len, 0)), t->want,
               "%s", t->name);
        is_str(tap_str(run("gitlab", headers, body, 1, 0)), t->want,
               "%s, byte by byte", t->name);

        if (t->header != NULL) {
            is_str(tap_str(run("token", headers, body, 7, 0)), t->want,
                   "%s, told by its header", t->name);
        }
    }
}


static void
test_delivery(void)
{
    size_t                 i;
    const char            *reason;
    ngx_deploy_payload_t  *payload;

    static tap_header_t  headers[] = {
        { "x-gitlab-event", "Push Hook" },
        { "x-gitlab-event-uuid", "uuid" },
        { "webhook-id", NULL },
        { "idempotency-key", NULL },
        { NULL, NULL }
    };

    static const char *const  wants[] = { "uuid", "id", "key" };

    for (i = 0; i < 3; i++) {
        headers[2].value = i > 0 ? "id" : NULL;
        headers[3].value = i > 1 ? "key" : NULL;

        ok(create(&payload, "gitlab", headers, 0, &reason) == NGX_DEPLOY_OK,
           "headers of a delivery");
        is_str(*ngx_deploy_payload_delivery(payload), wants[i],
               "the id of a delivery");
        is_str(*ngx_deploy_payload_provider(payload), "gitlab", "provider");
    }

    ok(create(&payload, "gitlab", headers, 1, &reason) == NGX_DEPLOY_DECLINED,
       "no form");
    is_str(tap_str(reason), "the sender sends no forms", "its reason");

    headers[1] = headers[0];

    ok(create(&payload, "gitlab", headers, 0, &reason) == NGX_DEPLOY_DECLINED,
       "the event header twice");
    is_str(tap_str(reason), "the event header is doubled", "its reason");
}


static void
test_memory(void)
{
    long               i;
    const char        *got;
    ngx_deploy_str_t   body;

    static tap_header_t  headers[] = {
        { "x-gitlab-event", "Push Hook" },
        { NULL, NULL }
    };

    body = unquote(PUSH("push", "refs/heads/m", OTHER, HASH, "null",
                        "'commits':[" COMMITS "],"));

    for (i = 0; i < 1000; i++) {
        tap_pool_limit(i);
        got = run("gitlab", headers, body, body.len, 0);
        tap_pool_limit(-1);

        if (strcmp(got, "error") != 0) {
            break;
        }
    }

    ok(i > 5 && i < 1000 && strncmp(got, "gitlab push", 11) == 0,
       "every allocation that fails is an error");
}


int
main(void)
{
    all_facts = 1;

    senders = ngx_deploy_senders_create(tap_pool());
    if (senders == NULL) {
        return 1;
    }

    test_table();
    test_delivery();
    test_memory();

    return plan_done();
}
