
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define HASH   "1234567890abcdef1234567890abcdef12345678"
#define OTHER  "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define ZERO   "0000000000000000000000000000000000000000"

#define UNTOLD  "the sender cannot be told from headers or body"

#define EVENT(type, resource)                                                 \
    "{'id':'03c164c2-8912','eventType':'" type "','publisherId':'tfs',"       \
    "'resource':" resource "}"

#define REPO  "'repository':{'name':'api','project':{'name':'Acme'}}"

#define UPDATE(ref, old, new)                                                 \
    "{'name':'" ref "','oldObjectId':'" old "','newObjectId':'" new "'}"

#define PUSH(updates)                                                         \
    EVENT("git.push", "{'commits':[{'commitId':'" HASH "','comment':"         \
          "'Fix\\r\\nit'},{'commitId':'" OTHER "','comment':'X'}],"           \
          "'refUpdates':" updates "," REPO ",'pushedBy':{'displayName':'Ann'" \
          ",'uniqueName':'Windows Live ID\\\\ann'}}")

#define PULL(type, status, merge, rest)                                       \
    EVENT("git.pullrequest." type, "{" REPO ",'pullRequestId':5,'status':"    \
          status ",'mergeStatus':'" merge "','title':'T','sourceRefName':"    \
          "'refs/heads/f/x','targetRefName':'refs/heads/main',"               \
          "'lastMergeSourceCommit':{'commitId':'" HASH "'},"                  \
          "'lastMergeCommit':{'commitId':'" OTHER "'},'_links':{'web':"       \
          "{'href':'u'}},'createdBy':{'uniqueName':'ann'," rest "}")


typedef struct {
    const char            *name;
    const char            *body;
    const char            *want;         /* the events, or the reason */
} test_t;


static const test_t  tests[] = {

    { "push", PUSH("[" UPDATE("refs/heads/a/b", OTHER, HASH) "]"),
      "azure-devops push updated Acme/api branch=a/b commit=" HASH " by "
      "Windows Live ID\\ann merged=-1 created=0 deleted=0 forced=-1 "
      "complete=0\n" },

    { "several refs", PUSH("[" UPDATE("refs/heads/m", ZERO, HASH) ","
                           UPDATE("refs/tags/v1", OTHER, ZERO) ","
                           UPDATE("refs/tags/v2", ZERO, OTHER) ","
                           UPDATE("refs/notes/x", HASH, OTHER) "]"),
      "azure-devops push created Acme/api branch=m commit=" HASH " by "
      "Windows Live ID\\ann merged=-1 created=1 deleted=0 forced=-1 "
      "complete=0\n"
      "azure-devops push deleted Acme/api tag=v1 by "
      "Windows Live ID\\ann merged=-1 created=0 deleted=1 forced=-1 "
      "complete=-1\n"
      "azure-devops push created Acme/api tag=v2 commit=" OTHER " by "
      "Windows Live ID\\ann merged=-1 created=1 deleted=0 forced=-1 "
      "complete=0\n"
      "azure-devops push updated Acme/api commit=" OTHER " by "
      "Windows Live ID\\ann merged=-1 created=0 deleted=0 forced=-1 "
      "complete=0\n" },

    { "no ref", PUSH("[]"), "" },

    { "nothing told of a push", EVENT("git.push", "{'pushId':1," REPO "}"),
      "azure-devops push Acme/api merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "no resource", EVENT("git.push", "null"),
      "azure-devops push merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "opened", PULL("created", "'active'", "succeeded", "'displayName':'A'}"),
      "azure-devops pull_request opened Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "updated", PULL("updated", "'active'", "conflicts", "'a':1}"),
      "azure-devops pull_request updated Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "merge", PULL("merged", "'completed'", "succeeded", "'a':1},"
                    "'closedBy':{'displayName':'Bob'}"),
      "azure-devops pull_request merged Acme/api branch=main source=f/x "
      "commit=" OTHER " by Bob number=5 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a merge was tried", PULL("merged", "'active'", "succeeded", "'a':1}"),
      "azure-devops pull_request Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a merge that failed",
      PULL("merged", "'completed'", "conflicts", "'a':1}"),
      "azure-devops pull_request Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "the other delivery of a merge",
      PULL("updated", "'completed'", "succeeded", "'a':1}"),
      "azure-devops pull_request completed Acme/api branch=main source=f/x "
      "commit=" OTHER " by ann number=5 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "closed without a merge",
      PULL("updated", "'abandoned'", "notSet", "'a':1}"),
      "azure-devops pull_request closed Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a status of no meaning",
      PULL("updated", "'merged'", "succeeded", "'a':1}"),
      "azure-devops pull_request Acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=5 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "nothing told of a pull request",
      EVENT("git.pullrequest.created", "{}"),
      "azure-devops pull_request merged=0 created=-1 deleted=-1 forced=-1 "
      "complete=0\n" },

    { "a build", EVENT("build.complete", "{'status':'succeeded'}"),
      "azure-devops build.complete merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "an unknown event with refs",
      EVENT("git.branch.locked", "{'refUpdates':["
            UPDATE("refs/heads/m", ZERO, HASH) "]," REPO "}"),
      "azure-devops git.branch.locked Acme/api merged=-1 created=-1 "
      "deleted=-1 forced=-1 complete=-1\n" },

    { "a type that is none", "{'eventType':1,'publisherId':'tfs'}",
      "eventType is not a string" },
    { "no publisher", "{'eventType':'git.push','resource':{}}", UNTOLD },
    { "a ref that is none", PUSH("[1]"),
      "resource.refUpdates[] is not an object" },
    { "a name that is none", PUSH("[{'name':1}]"),
      "refUpdates[].name is not a string" },
    { "a hash that is none", PUSH("[{'newObjectId':{}}]"),
      "refUpdates[].newObjectId is not a string" },
    { "a branch that is none",
      EVENT("git.pullrequest.created", "{'targetRefName':1}"),
      "resource.targetRefName is not a string" },

    /* what is wrong for Azure is nothing to others */

    { "refs of somebody else",
      "{'type':'a','resource':{'refUpdates':[1]}}",
      "standard a merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { NULL, NULL, NULL }
};


static tap_header_t  none[] = {{ NULL, NULL }};


static void
test_table(void)
{
    const test_t      *t;
    ngx_deploy_str_t   body;

    for (t = tests; t->name; t++) {
        body = unquote(t->body);

        is_str(tap_str(run("azure", none, body, body.len, 0)), t->want, "%s",
               t->name);
        is_str(tap_str(run("token", none, body, 1, 0)), t->want,
               "%s, told by itself, byte by byte", t->name);
    }
}


static void
test_message(void)
{
    size_t                 n;
    const char            *reason;
    ngx_deploy_str_t       body;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    body = unquote(PUSH("[" UPDATE("refs/heads/m", ZERO, HASH) ","
                        UPDATE("refs/heads/n", ZERO, OTHER) "]"));

    is_int(create(&payload, "azure", none, 0, &reason), NGX_DEPLOY_OK,
           "a payload");

    (void) ngx_deploy_payload_feed(payload, body.data, body.len);

    is_int(ngx_deploy_payload_end(payload, &events, &n), NGX_DEPLOY_OK,
           "its end");
    is_int(n, 2, "its events");

    is_str(events[0].facts[NGX_DEPLOY_MESSAGE], "Fix\r\nit",
           "the message of the first commit");
    is_str(events[1].facts[NGX_DEPLOY_MESSAGE], NULL, "but not for others");

    is_str(*ngx_deploy_payload_delivery(payload), "03c164c2-8912",
           "the delivery");
    is_str(*ngx_deploy_payload_provider(payload), "azure-devops",
           "the provider");
}


static void
test_limits(void)
{
    char              *text, *p;
    unsigned           i, n;
    const char        *got;
    ngx_deploy_str_t   body;

    text = malloc(1200 * 128);
    if (text == NULL) {
        exit(1);
    }

    for (n = 1024; n <= 1025; n++) {
        p = text + sprintf(text, "{'eventType':'git.push','publisherId':'a',"
                           "'resource':{'refUpdates':[");

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s{'name':'refs/notes/n%u'}", i ? "," : "", i);
        }

        sprintf(p, "]}}");

        body = unquote(text);
        got = run("azure", none, body, body.len, 0);

        if (n == 1024) {
            ok(strncmp(got, "azure-devops push deleted", 25) == 0,
               "as many refs as allowed");

        } else {
            is_str(tap_str(got), "too many refs", "a ref more");
        }
    }

    free(text);
}


int
main(void)
{
    senders = ngx_deploy_senders_create(tap_pool());
    if (senders == NULL) {
        return 1;
    }

    test_table();
    test_message();
    test_limits();

    return plan_done();
}
