
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define HASH   "1234567890abcdef1234567890abcdef12345678"
#define OTHER  "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define ZERO   "0000000000000000000000000000000000000000"

#define DISAGREES  "the body does not agree with the event header"

#define REPO  "'repository':{'full_name':'acme/api'},'sender':{'login':'ann'}"

#define COMMIT(id, message, path)                                             \
    "{'id':'" id "','message':'" message "','url':'" message "/u',"           \
    "'added':['" path "'],'removed':[],'modified':[]}"

#define PUSH(ref, before, after, rest)                                        \
    "{'ref':'" ref "','before':'" before "','after':'" after "'," rest REPO   \
    "}"

#define PULL(action, merged, rest)                                            \
    "{'action':'" action "','number':7,'pull_request':{'title':'T',"          \
    "'html_url':'u','merged':" merged ",'merge_commit_sha':'" OTHER "',"      \
    "'base':{'ref':'main'},'head':{'ref':'f/x','sha':'" HASH "'}},"           \
    "'review':" rest "," REPO "}"

/* Gogs: no hash at all */

#define GPULL(action, merged)                                                 \
    "{'action':'" action "','number':2,'pull_request':{'title':'T',"          \
    "'html_url':'u','head_branch':'f','base_branch':'master'," merged         \
    "'number':2}," REPO "}"


typedef struct {
    const char            *name;
    const char            *sender;
    const char            *event;
    const char            *type;         /* the header of the exact kind */
    const char            *body;
    const char            *want;         /* the events, or the reason */
} test_t;


static const test_t  tests[] = {

    { "push", "gitea", "push", "push",
      PUSH("refs/heads/a/b", OTHER, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "," COMMIT(OTHER, "X", "a")
           "],'total_commits':2,'head_commit':" COMMIT(HASH, "Fix", "b") ","),
      "gitea push updated acme/api branch=a/b commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 a b complete=1\n" },

    { "a push of more than is listed", "gitea", "push", "push",
      PUSH("refs/heads/m", OTHER, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "],'total_commits':2,"),
      "gitea push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 b complete=0\n" },

    { "a push that has no total", "forgejo", "push", "push",
      PUSH("refs/heads/m", OTHER, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "],"),
      "forgejo push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 b complete=0\n" },

    { "a total that is none", "gitea", "push", "push",
      PUSH("refs/heads/m", OTHER, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "],'total_commits':-1,"),
      "gitea push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 b complete=0\n" },

    { "a new branch: ten commits at most are looked at", "gitea", "push",
      "push",
      PUSH("refs/heads/m", ZERO, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "],'total_commits':1,"),
      "gitea push created acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=1 deleted=0 forced=-1 b complete=0\n" },

    { "lists that are not told", "gitea", "push", "push",
      PUSH("refs/heads/m", OTHER, HASH,
           "'commits':[{'id':'" HASH "','added':['a'],'removed':null,"
           "'modified':null}],'total_commits':1,"),
      "gitea push updated acme/api branch=m commit=" HASH " by ann "
      "merged=-1 created=0 deleted=0 forced=-1 a complete=0\n" },

    { "commits without an end", "gogs", "push", NULL,
      PUSH("refs/heads/m", OTHER, HASH,
           "'commits':[" COMMIT(OTHER, "X", "a") "," COMMIT(HASH, "Fix", "b")
           "],'head_commit':null,"),
      "gogs push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 a b complete=0\n" },

    { "commits before the hash", "gogs", "push", NULL,
      "{'commits':[" COMMIT(HASH, "Fix", "b") "," COMMIT(OTHER, "X", "a")
      "],'after':'" HASH "','before':'" OTHER "','ref':'refs/heads/m'," REPO
      "}",
      "gogs push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 a b complete=0\n" },

    { "no commit has the hash", "gogs", "push", NULL,
      "{'commits':[" COMMIT(OTHER, "X", "a") "],'after':'" HASH "',"
      "'before':'" OTHER "','ref':'refs/heads/m'," REPO "}",
      "gogs push updated acme/api branch=m commit=" HASH " by ann merged=-1 "
      "created=0 deleted=0 forced=-1 a complete=0\n" },

    { "an annotated tag: the commit is not the hash", "gitea", "push", "push",
      PUSH("refs/tags/v1", ZERO, OTHER,
           "'commits':[],'total_commits':0,'head_commit':"
           COMMIT(HASH, "Fix", "b") ","),
      "gitea push created acme/api tag=v1 commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=1 deleted=0 forced=-1 complete=0\n" },

    { "a tag is gone", "gitea", "push", "push",
      PUSH("refs/tags/v1", HASH, ZERO, "'commits':null,'head_commit':null,"),
      "gitea push deleted acme/api tag=v1 by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "flags of GitHub's mean nothing", "gitea", "push", "push",
      PUSH("refs/heads/m", OTHER, HASH,
           "'created':true,'deleted':true,'forced':true,"),
      "gitea push updated acme/api branch=m commit=" HASH " by ann merged=-1 "
      "created=0 deleted=0 forced=-1 complete=0\n" },

    { "the test button", "gitea", "push", "push",
      PUSH("refs/heads/m", HASH, HASH,
           "'commits':[" COMMIT(HASH, "Fix", "b") "],"),
      "gitea push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=Fix/u merged=-1 created=0 deleted=0 forced=-1 b complete=0\n" },

    { "names of the pusher", "gogs", "push", NULL,
      "{'ref':'refs/heads/m','before':'" OTHER "','after':'" HASH "',"
      "'repository':{'full_name':'acme/api'},'pusher':{'username':'bob'}}",
      "gogs push updated acme/api branch=m commit=" HASH " by bob merged=-1 "
      "created=0 deleted=0 forced=-1 complete=0\n" },

    { "another name of the sender", "gogs", "issues", NULL,
      "{'action':'opened','number':1,'issue':{},'sender':{'username':'bob'}}",
      "gogs issues opened by bob merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "a new tag", "gogs", "create", NULL,
      "{'ref':'v1','ref_type':'tag','sha':'" HASH "','default_branch':'m',"
      REPO "}",
      "gogs create created acme/api tag=v1 commit=" HASH " by ann merged=-1 "
      "created=1 deleted=0 forced=-1 complete=-1\n" },

    { "a new branch", "gitea", "create", "create",
      "{'ref':'f/x','ref_type':'branch','sha':'" HASH "'," REPO "}",
      "gitea create created acme/api branch=f/x commit=" HASH " by ann "
      "merged=-1 created=1 deleted=0 forced=-1 complete=-1\n" },

    { "a deleted branch", "gitea", "delete", "delete",
      "{'ref':'f/x','ref_type':'branch','pusher_type':'user'," REPO "}",
      "gitea delete deleted acme/api branch=f/x by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "a ref with a prefix", "gogs", "delete", NULL,
      "{'ref':'refs/heads/f/x','ref_type':'branch'," REPO "}",
      "gogs delete deleted acme/api branch=f/x by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "merge", "gitea", "pull_request", "pull_request",
      PULL("closed", "true", "null"),
      "gitea pull_request merged acme/api branch=main source=f/x "
      "commit=" OTHER " by ann number=7 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "closed without a merge", "forgejo", "pull_request", "pull_request",
      PULL("closed", "false", "null"),
      "forgejo pull_request closed acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "new commits", "gitea", "pull_request", "pull_request_sync",
      PULL("synchronized", "false", "null"),
      "gitea pull_request updated acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a label", "gitea", "pull_request", "pull_request_label",
      PULL("label_updated", "false", "null"),
      "gitea pull_request label_updated acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a review", "gitea", "pull_request_approved",
      "pull_request_review_approved",
      PULL("reviewed", "false", "{'type':'a','content':'b'}"),
      "gitea pull_request_approved reviewed acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 merged=0 created=-1 deleted=-1 "
      "forced=-1 complete=0\n" },

    { "a comment on a pull request", "gitea", "issue_comment",
      "pull_request_comment",
      "{'action':'created','issue':{'number':7},'comment':{},'is_pull':true,"
      "'pull_request':{'base':{'ref':'main'}}," REPO "}",
      "gitea issue_comment created acme/api by ann merged=-1 created=-1 "
      "deleted=-1 forced=-1 complete=-1\n" },

    { "merge", "gogs", "pull_request", NULL,
      GPULL("closed", "'merged':true,'merged_commit_id':'" HASH "',"),
      "gogs pull_request merged acme/api branch=master source=f "
      "commit=" HASH " by ann number=2 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "opened", "gogs", "pull_request", NULL,
      GPULL("opened", "'merged':false,'merged_commit_id':null,"),
      "gogs pull_request opened acme/api branch=master source=f by ann "
      "number=2 title=T url=u merged=0 created=-1 deleted=-1 forced=-1 "
      "complete=0\n" },

    { "release", "gitea", "release", "release",
      "{'action':'published','release':{'tag_name':'v1','body':'B'}," REPO
      "}",
      "gitea release published acme/api tag=v1 by ann merged=-1 created=-1 "
      "deleted=-1 forced=-1 complete=-1\n" },

    { "an event without a name", "gitea", "", "package",
      "{'action':'created','package':{}," REPO "}",
      "gitea package created acme/api by ann merged=-1 created=-1 deleted=-1 "
      "forced=-1 complete=-1\n" },

    { "an event without any name", "gitea", "", NULL,
      "{'action':'created'," REPO "}",
      "gitea created acme/api by ann merged=-1 created=-1 deleted=-1 "
      "forced=-1 complete=-1\n" },

    { "a type without a name", "forgejo", "", "",
      "{'action':'created'," REPO "}",
      "forgejo created acme/api by ann merged=-1 created=-1 deleted=-1 "
      "forced=-1 complete=-1\n" },

    /* the headers are not signed */

    { "a push without a name", "gitea", "", "package",
      PUSH("refs/heads/m", OTHER, HASH, ""), DISAGREES },
    { "a review as a pull request", "gitea", "pull_request", "pull_request",
      PULL("closed", "true", "{'type':'a','content':'b'}"), DISAGREES },
    { "a merge as a review", "gitea", "pull_request_approved", NULL,
      PULL("closed", "true", "null"), DISAGREES },
    { "a creation as a deletion", "gitea", "delete", "delete",
      "{'ref':'v1','ref_type':'tag','sha':'" HASH "'}", DISAGREES },
    { "a deletion as a creation", "gogs", "create", NULL,
      "{'ref':'v1','ref_type':'tag','pusher_type':'user'}", DISAGREES },
    { "a push as a star", "gogs", "star", NULL,
      PUSH("refs/heads/m", OTHER, HASH, ""), DISAGREES },

    { "a hash that is none", "gitea", "create", "create",
      "{'ref':'v1','ref_type':'tag','sha':1}", "sha is not a string" },
    { "a malformed type", "gitea", "", "Pack age", "{}",
      "the event header is malformed" },

    { NULL, NULL, NULL, NULL, NULL, NULL }
};


static void
set_headers(tap_header_t *headers, char (*names)[64], const test_t *t)
{
    snprintf(names[0], 64, "x-%s-event", t->sender);
    snprintf(names[1], 64, "x-%s-event-type", t->sender);

    headers[0] = (tap_header_t) { names[0], t->event };
    headers[1] = (tap_header_t) { names[1], t->type };

    /* all of them have GitHub's, too */

    headers[2] = (tap_header_t) { "x-github-event", t->event };
    headers[3] = (tap_header_t) { NULL, NULL };
}


static ngx_deploy_str_t
encode(ngx_deploy_str_t body)
{
    char              *form, *p;
    size_t             i;
    ngx_deploy_str_t   s;

    form = malloc(sizeof("payload=") + body.len * 3);
    if (form == NULL) {
        exit(1);
    }

    p = form + sprintf(form, "payload=");

    for (i = 0; i < body.len; i++) {
        p += sprintf(p, "%%%02X", body.data[i]);
    }

    s = tap_copy(form, p - form);
    free(form);

    return s;
}


static void
test_table(void)
{
    char               names[2][64];
    tap_header_t       headers[4];
    const test_t      *t;
    ngx_deploy_str_t   body;

    for (t = tests; t->name; t++) {
        set_headers(headers, names, t);

        body = unquote(t->body);

        is_str(tap_str(run(t->sender, headers, body, body.len, 0)), t->want,
               "%s %s", t->sender, t->name);
        is_str(tap_str(run("hmac", headers, body, 1, 0)), t->want,
               "%s %s, told from headers, byte by byte", t->sender, t->name);

        body = encode(body);

        is_str(tap_str(run(t->sender, headers, body, 5, 1)), t->want,
               "%s %s, as a form", t->sender, t->name);
    }
}


/* their headers contain those of the others: the order of the tests */

static void
test_told(void)
{
    unsigned             i;
    char                 want[64];
    const char          *got;
    ngx_deploy_str_t     body;
    static const char   *senders[] = { "forgejo", "gitea", "gogs", "github" };

    static tap_header_t  headers[] = {
        { "x-github-event", "push" },
        { "x-gogs-event", "push" },
        { "x-gitea-event", "push" },
        { "x-forgejo-event", "push" },
        { "x-github-delivery", "1" },
        { "x-gogs-delivery", "2" },
        { "x-gitea-delivery", "3" },
        { "x-forgejo-delivery", "4" },
        { NULL, NULL }
    };

    body = unquote(PUSH("refs/heads/m", OTHER, HASH, ""));

    for (i = 0; i < 4; i++) {
        snprintf(want, sizeof(want), "%s push", senders[i]);
        got = run("token", headers, body, body.len, 0);

        ok(strncmp(got, want, strlen(want)) == 0, "%s", want);

        got = run(senders[0], headers, body, body.len, 0);

        ok(strncmp(got, i ? "no X-Forgejo-Event header" : "forgejo push", 12)
           == 0, "the scheme wants its own header");

        headers[3 - i].value = NULL;
    }
}


static void
test_delivery(void)
{
    const char            *reason;
    ngx_deploy_payload_t  *payload;

    static tap_header_t  headers[] = {
        { "x-github-event", "push" },
        { "x-gitea-event", "push" },
        { "x-github-delivery", "1" },
        { "x-gitea-delivery", "f6266f16-1bf3" },
        { NULL, NULL }
    };

    is_int(create(&payload, "token", headers, 0, &reason), NGX_DEPLOY_OK,
           "a payload");
    is_str(*ngx_deploy_payload_provider(payload), "gitea", "the provider");
    is_str(*ngx_deploy_payload_delivery(payload), "f6266f16-1bf3",
           "the delivery");
}


int
main(void)
{
    senders = ngx_deploy_senders_create(tap_pool());
    if (senders == NULL) {
        return 1;
    }

    test_table();
    test_told();
    test_delivery();

    return plan_done();
}
