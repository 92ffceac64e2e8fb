
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define HASH   "1234567890abcdef1234567890abcdef12345678"
#define OTHER  "abcdefabcdefabcdefabcdefabcdefabcdefabcd"
#define ZERO   "0000000000000000000000000000000000000000"

#define DISAGREES  "the body does not agree with the event header"

#define REPO  "'repository':{'full_name':'acme/api'},'sender':{'login':'ann'}"
#define BREPO "'repository':{'full_name':'acme/api'}," \
              "'actor':{'nickname':'ann','display_name':'Ann'}"
#define SREPO "'repository':{'slug':'api','project':{'key':'ACME'}}"
#define ACTOR "'actor':{'name':'ann'}"

#define PUSH(ref, after, flags, commits)                                      \
    "{'ref':" ref ",'before':'" OTHER "','after':" after "," flags            \
    "'commits':" commits ",'head_commit':{'id':'" HASH                        \
    "','message':'Fix\\r\\nit','url':'u'}," REPO "}"

#define PULL(action, merged)                                                  \
    "{'action':'" action "','number':7,'pull_request':{'title':'T',"          \
    "'html_url':'u','merged':" merged ",'merge_commit_sha':'" OTHER "',"      \
    "'base':{'ref':'main'},'head':{'ref':'f/x','sha':'" HASH "'}}," REPO "}"

#define BPULL(state)                                                          \
    "{'pullrequest':{'id':3,'title':'T','state':" state ",'links':{'html':"   \
    "{'href':'u'}},'destination':{'branch':{'name':'main'}},'source':"        \
    "{'branch':{'name':'f/x'},'commit':{'hash':'123456789abc'}},"             \
    "'merge_commit':{'hash':'abcdefabcdef'}}," BREPO "}"

#define SPULL(key, state)                                                     \
    "{" key ACTOR ",'pullRequest':{'id':4,'title':'T','state':'" state "',"   \
    "'fromRef':{'displayId':'f/x','latestCommit':'" HASH "'},"                \
    "'toRef':{'displayId':'main'," SREPO "},'links':{'self':[{'href':'u'},"   \
    "{'href':'v'}]},'properties':{'mergeCommit':{'id':'" OTHER "'}}}}"


/* github, bitbucket: the headers of the events; bodies with ' for " */

typedef struct {
    const char            *name;
    const char            *github;
    const char            *key;
    const char            *body;
    const char            *want;         /* the events, or the reason */
} test_t;


static const test_t  tests[] = {

    /* GitHub */

    { "push", "push", NULL,
      PUSH("'refs/heads/a/b'", "'" HASH "'", "'forced':false,",
           "[{'added':['b','a'],'modified':[],'removed':['b']}]"),
      "github push updated acme/api branch=a/b commit=" HASH " by ann "
      "title=Fix url=u merged=-1 created=-1 deleted=-1 forced=0 a b "
      "complete=1\n" },

    { "a push that does not tell of force", "push", NULL,
      PUSH("'refs/heads/a/b'", "'" HASH "'", "'deleted':false,",
           "[{'added':['b','a'],'modified':[],'removed':['b']}]"),
      "github push updated acme/api branch=a/b commit=" HASH " by ann "
      "title=Fix url=u merged=-1 created=-1 deleted=0 forced=-1 a b "
      "complete=0\n" },

    { "push of an annotated tag", "push", NULL,
      PUSH("'refs/tags/v1'", "'" OTHER "'", "'created':true,", "[]"),
      "github push created acme/api tag=v1 commit=" HASH " by ann title=Fix "
      "url=u merged=-1 created=1 deleted=-1 forced=-1 complete=0\n" },

    { "forced push", "push", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "'forced':true,",
           "[{'added':['a'],'modified':[],'removed':[]}]"),
      "github push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=u merged=-1 created=-1 deleted=-1 forced=1 a complete=0\n" },

    { "commits without lists", "push", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "'forced':false,",
           "[{'added':['a']}]"),
      "github push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=u merged=-1 created=-1 deleted=-1 forced=0 a complete=0\n" },

    { "a path that is none", "push", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "'forced':false,",
           "[{'added':['a',1],'modified':[],'removed':[]}]"),
      "github push updated acme/api branch=m commit=" HASH " by ann title=Fix "
      "url=u merged=-1 created=-1 deleted=-1 forced=0 a complete=0\n" },

    { "a deleting push", "push", NULL,
      PUSH("'refs/heads/m'", "'" ZERO "'", "'deleted':true,", "[]"),
      "github push deleted acme/api branch=m by ann merged=-1 created=-1 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "zeros without a flag", "push", NULL,
      PUSH("'refs/heads/m'", "'" ZERO "'", "'deleted':false,", "[]"),
      "github push deleted acme/api branch=m by ann merged=-1 created=-1 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "neither branch nor tag", "push", NULL,
      PUSH("'refs/notes/x'", "'" HASH "'", "", "[]"),
      "github push updated acme/api commit=" HASH " by ann title=Fix url=u "
      "merged=-1 created=-1 deleted=-1 forced=-1 complete=0\n" },

    { "an old payload", "push", NULL,
      "{'repository':{'owner':{'name':'acme'},'name':'api'},"
      "'pusher':{'name':'bob'},'sender':null,'after':'" HASH "',"
      "'before':'" ZERO "','ref':'refs/heads/m'}",
      "github push created acme/api branch=m commit=" HASH " by bob merged=-1 "
      "created=-1 deleted=-1 forced=-1 complete=0\n" },

    { "merge", "pull_request", NULL, PULL("closed", "true"),
      "github pull_request merged acme/api branch=main source=f/x "
      "commit=" OTHER " by ann number=7 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "closed without a merge", "pull_request", NULL,
      PULL("closed", "false"),
      "github pull_request closed acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "merged says a text", "pull_request", NULL, PULL("closed", "'true'"),
      "github pull_request closed acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "new commits", "pull_request", NULL, PULL("synchronize", "false"),
      "github pull_request updated acme/api branch=main source=f/x "
      "commit=" HASH " by ann number=7 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "an action of no meaning", "pull_request", NULL,
      PULL("merged", "true"),
      "github pull_request acme/api branch=main source=f/x "
      "commit=" OTHER " by ann number=7 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "create", "create", NULL,
      "{'ref':'f/x','ref_type':'branch','master_branch':'main'," REPO "}",
      "github create created acme/api branch=f/x by ann merged=-1 created=1 "
      "deleted=0 forced=-1 complete=-1\n" },

    { "delete", "delete", NULL,
      "{'ref':'v1','ref_type':'tag'," REPO "}",
      "github delete deleted acme/api tag=v1 by ann merged=-1 created=0 "
      "deleted=1 forced=-1 complete=-1\n" },

    { "release", "release", NULL,
      "{'action':'published','release':{'tag_name':'v1','body':null}," REPO
      "}",
      "github release published acme/api tag=v1 by ann merged=-1 created=-1 "
      "deleted=-1 forced=-1 complete=-1\n" },

    { "deployment of a branch", "deployment", NULL,
      "{'deployment':{'ref':'main','sha':'" HASH "'}," REPO "}",
      "github deployment acme/api branch=main commit=" HASH " by ann "
      "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { "deployment of a hash", "deployment", NULL,
      "{'deployment':{'ref':'" HASH "','sha':'" HASH "'}," REPO "}",
      "github deployment acme/api commit=" HASH " by ann merged=-1 "
      "created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { "check run", "check_run", NULL,
      "{'action':'completed','check_run':{'head_sha':'" HASH "',"
      "'check_suite':{'head_branch':'main'}}," REPO "}",
      "github check_run completed acme/api branch=main commit=" HASH " by ann "
      "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { "merge group", "merge_group", NULL,
      "{'action':'checks_requested','merge_group':{'head_sha':'" HASH "',"
      "'base_ref':'refs/heads/main'}," REPO "}",
      "github merge_group checks_requested acme/api branch=main "
      "commit=" HASH " by ann merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=0\n" },

    { "ping", "ping", NULL, "{'zen':'z','hook_id':1}",
      "github ping merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { "an unknown event", "star-2.x:y", NULL,
      "{'action':'created','ref':{'a':1}," REPO "}",
      "github star-2.x:y created acme/api by ann merged=-1 created=-1 "
      "deleted=-1 forced=-1 complete=-1\n" },

    /* the header is not signed */

    { "a push as a ping", "ping", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "", "[]"), DISAGREES },
    { "a push with a ping in it", "ping", NULL,
      "{'zen':'z','hook_id':1,'ref':'r','after':'" HASH "'}", DISAGREES },
    { "a push as something unknown", "star", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "", "[]"), DISAGREES },
    { "a pull request as a push", "push", NULL, PULL("closed", "true"),
      DISAGREES },
    { "a pull request as a review", "pull_request_review", NULL,
      PULL("closed", "true"), DISAGREES },
    { "a push as a pull request", "pull_request", NULL,
      PUSH("'refs/heads/m'", "'" HASH "'", "", "[]"), DISAGREES },
    { "a creation as a deletion", "delete", NULL,
      "{'ref':'v1','ref_type':'tag','master_branch':'m'}", DISAGREES },
    { "a deletion as a creation", "create", NULL,
      "{'ref':'v1','ref_type':'tag'}", DISAGREES },
    { "a status as a deployment", "deployment", NULL,
      "{'deployment':{'ref':'m'},'deployment_status':{}}", DISAGREES },
    { "a push without a ref", "push", NULL,
      PUSH("null", "'" HASH "'", "", "[]"), DISAGREES },
    { "an empty object", "push", NULL, "{}", DISAGREES },
    { "an empty ping", "ping", NULL, "{}", DISAGREES },

    /* of a wrong type */

    { "ref is an object", "push", NULL,
      PUSH("{'a':1}", "'" HASH "'", "", "[]"), "ref is not a string" },
    { "after is a number", "push", NULL,
      PUSH("'refs/heads/m'", "1", "", "[]"), "after is not a string" },
    { "full_name is a list", "star", NULL,
      "{'repository':{'full_name':['a']}}",
      "repository.full_name is not a string" },
    { "a list", "push", NULL, "[]", "the body is not an object" },
    { "a text", "push", NULL, "'a'", "object or array expected" },

    { "a number that is none", "pull_request", NULL,
      "{'action':'opened','number':1.5,'pull_request':{}}",
      "github pull_request opened merged=0 created=-1 deleted=-1 forced=-1 "
      "complete=0\n" },

    /* Bitbucket Cloud */

    { "three changes", NULL, "repo:push",
      "{'actor':{'username':'bob','display_name':'Bob'},'push':{'changes':["
      "{'forced':true,'closed':false,'created':false,'old':{'type':'branch',"
      "'name':'m'},'new':{'type':'branch','name':'m','target':{'hash':'" HASH
      "','message':'A\\nB','links':{'html':{'href':'u'}}}}},"
      "{'new':null,'old':{'type':'tag','name':'v1'}},"
      "{'old':null,'new':{'target':{'hash':'" HASH "'},'name':'v2',"
      "'type':'annotated_tag'}}]},"
      "'repository':{'full_name':'acme/api'}}",
      "bitbucket push updated acme/api branch=m commit=" HASH " by bob "
      "title=A url=u merged=-1 created=0 deleted=0 forced=1 complete=0\n"
      "bitbucket push deleted acme/api tag=v1 by bob merged=-1 created=-1 "
      "deleted=1 forced=-1 complete=-1\n"
      "bitbucket push created acme/api tag=v2 commit=" HASH " by bob "
      "merged=-1 created=-1 deleted=-1 forced=-1 complete=0\n" },

    { "no change", NULL, "repo:push", "{'push':{'changes':[]}," BREPO "}",
      "" },

    { "merge", NULL, "pullrequest:fulfilled", BPULL("'MERGED'"),
      "bitbucket pull_request merged acme/api branch=main source=f/x "
      "commit=abcdefabcdef by ann number=3 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a new pull request", NULL, "pullrequest:created", BPULL("'OPEN'"),
      "bitbucket pull_request opened acme/api branch=main source=f/x "
      "commit=123456789abc by ann number=3 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "a comment after the merge", NULL, "pullrequest:comment_created",
      BPULL("'MERGED'"),
      "bitbucket pull_request_comment comment_created acme/api branch=main "
      "source=f/x commit=abcdefabcdef by ann number=3 merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "fork", NULL, "repo:fork", "{" BREPO "}",
      "bitbucket repo:fork acme/api by ann merged=-1 created=-1 deleted=-1 "
      "forced=-1 complete=-1\n" },

    { "an open pull request as a merge", NULL, "pullrequest:fulfilled",
      BPULL("'OPEN'"), DISAGREES },
    { "a merge without a state", NULL, "pullrequest:fulfilled",
      BPULL("null"), DISAGREES },
    { "a pull request as a push", NULL, "repo:push", BPULL("'OPEN'"),
      DISAGREES },
    { "a push as a fork", NULL, "repo:fork", "{'push':{'changes':[]}}",
      DISAGREES },
    { "changes are no list", NULL, "repo:push", "{'push':{'changes':{}}}",
      DISAGREES },
    { "a change is no object", NULL, "repo:push", "{'push':{'changes':[1]}}",
      "push.changes[] is not an object" },
    { "a change of nothing", NULL, "repo:push", "{'push':{'changes':[{}]}}",
      "a change without a ref" },
    { "a hash that is a number", NULL, "repo:push",
      "{'push':{'changes':[{'new':{'name':'m','type':'branch','target':"
      "{'hash':1}}}]}}", "new.target.hash is not a string" },

    /* Bitbucket Server */

    { "two changes", NULL, "repo:refs_changed",
      "{'eventKey':'repo:refs_changed'," SREPO "," ACTOR ",'changes':["
      "{'ref':{'id':'refs/heads/m','displayId':'x','type':'TAG'},"
      "'fromHash':'" ZERO "','toHash':'" HASH "','type':'ADD'},"
      "{'refId':'refs/tags/v1','fromHash':'" HASH "','toHash':'" ZERO "',"
      "'type':'DELETE'}],'toCommit':{'id':'" HASH "','message':'M'}}",
      "bitbucket-server push created ACME/api branch=m commit=" HASH
      " by ann merged=-1 created=1 deleted=0 forced=-1 complete=0\n"
      "bitbucket-server push deleted ACME/api tag=v1 by ann merged=-1 "
      "created=0 deleted=1 forced=-1 complete=-1\n" },

    { "a push without a header", NULL, NULL,
      "{'changes':[{'ref':{'displayId':'v1','type':'TAG'},'toHash':'" HASH
      "'}],'eventKey':'repo:refs_changed'," SREPO "," ACTOR "}",
      "bitbucket-server push created ACME/api tag=v1 commit=" HASH " by ann "
      "merged=-1 created=1 deleted=0 forced=-1 complete=0\n" },

    { "merge", NULL, "pr:merged", SPULL("'eventKey':'pr:merged',", "MERGED"),
      "bitbucket-server pull_request merged ACME/api branch=main source=f/x "
      "commit=" OTHER " by ann number=4 title=T url=u merged=1 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "new commits", NULL, "pr:from_ref_updated", SPULL("", "OPEN"),
      "bitbucket-server pull_request updated ACME/api branch=main source=f/x "
      "commit=" HASH " by ann number=4 title=T url=u merged=0 created=-1 "
      "deleted=-1 forced=-1 complete=0\n" },

    { "ping", NULL, "diagnostics:ping", "{'test':true}",
      "bitbucket-server ping merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "a mirror", NULL, "mirror:repo_synchronized",
      "{'eventKey':'mirror:repo_synchronized','changes':[1]," SREPO "}",
      "bitbucket-server mirror:repo_synchronized ACME/api merged=-1 "
      "created=-1 deleted=-1 forced=-1 complete=-1\n" },

    { "an open pull request as a merge", NULL, "pr:merged",
      SPULL("", "OPEN"), DISAGREES },
    { "two keys", NULL, "pr:opened",
      SPULL("'eventKey':'pr:merged',", "MERGED"), DISAGREES },
    { "a push as a mirror", NULL, "mirror:repo_synchronized",
      "{'changes':[]}", DISAGREES },
    { "a push as a ping", NULL, "diagnostics:ping",
      "{'test':true,'changes':[]}", DISAGREES },
    { "no key at all", NULL, NULL, "{'changes':[]}",
      "no X-Event-Key, no eventKey" },
    { "a malformed key", NULL, NULL, "{'eventKey':'A b'}",
      "eventKey is malformed" },

    { NULL, NULL, NULL, NULL, NULL }
};


static void
test_table(void)
{
    const char        *scheme, *got;
    const test_t      *t;
    ngx_deploy_str_t   body;
    tap_header_t       headers[] = {
        { "x-github-event", NULL },
        { "x-event-key", NULL },
        { NULL, NULL }
    };

    for (t = tests; t->name; t++) {
        headers[0].value = t->github;
        headers[1].value = t->key;

        scheme = t->github ? "github" : "bitbucket";
        body = unquote(t->body);

        is_str(tap_str(run(scheme, headers, body, body.len, 0)), t->want,
               "%s %s", scheme, t->name);

        got = run(scheme, headers, body, 1, 0);
        is_str(tap_str(got), t->want, "%s %s, byte by byte", scheme, t->name);
    }
}


static void
test_form(void)
{
    static tap_header_t  headers[] = {
        { "x-github-event", "ping" },
        { NULL, NULL }
    };
    static const char  want[] =
        "github ping a/b merged=-1 created=-1 deleted=-1 forced=-1 "
        "complete=-1\n";
    static const char  body[] =
        "payload=%7B%22zen%22:+%22z%22,%22hook_id%22:1,%22repository%22:"
        "{%22full_name%22:%22a%2Fb%22}}&x=1";
    static const char  evil[] =
        "{\"message\":\"&payload=%7B%22zen%22:+%22z%22,%22hook_id%22:1}\"}";

    is_str(tap_str(run("github", headers, tap_str(evil), 999, 1)),
           "the form does not begin with \"payload=\"",
           "a delivery in JSON is no form");
    is_str(tap_str(run("github", headers, tap_str(body), 999, 1)), want,
           "a form");
    is_str(tap_str(run("github", headers, tap_str(body), 1, 1)), want,
           "a form, byte by byte");

    ok(strchr(run("github", headers, tap_str("payload=%7"), 9, 1), '=')
       == NULL, "a form that is cut");
    ok(strchr(run("github", headers, tap_str("payload=%7B"), 9, 1), '=')
       == NULL, "a document that is cut");
    is_str(tap_str(run("github", headers, tap_str("other=%7B%7D"), 9, 1)),
           "the form does not begin with \"payload=\"", "no payload");
    ok(strchr(run("github", headers, tap_str("payload=%7Bx%7D"), 9, 1), '=')
       == NULL, "a payload that is no JSON");
}


/* count times an element between begin and end */

static ngx_deploy_str_t
repeat(const char *begin, const char *fmt, unsigned count, const char *end)
{
    char              *text, *p;
    unsigned           i;
    ngx_deploy_str_t   s;

    text = malloc(strlen(begin) + count * (strlen(fmt) + 10) + strlen(end)
                  + 1);
    if (text == NULL) {
        exit(1);
    }

    p = text + sprintf(text, "%s", begin);

    for (i = 0; i < count; i++) {
        if (i) {
            *p++ = ',';
        }

        p += sprintf(p, fmt, i);
    }

    strcpy(p, end);

    s = unquote(text);
    free(text);

    return s;
}


static ngx_deploy_event_t *
events_of(const char *github, const char *key, ngx_deploy_str_t body,
    size_t *n, const char **reason)
{
    int                    rc;
    tap_header_t           headers[3];
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    headers[0] = (tap_header_t) { "x-github-event", github };
    headers[1] = (tap_header_t) { "x-event-key", key };
    headers[2] = (tap_header_t) { NULL, NULL };

    *n = 0;

    if (create(&payload, NULL, headers, 0, reason) != NGX_DEPLOY_OK) {
        return NULL;
    }

    (void) ngx_deploy_payload_feed(payload, body.data, body.len);

    rc = ngx_deploy_payload_end(payload, &events, n);

    *reason = ngx_deploy_payload_reason(payload);

    return (rc == NGX_DEPLOY_OK) ? events : NULL;
}


static void
test_limits(void)
{
    size_t               n;
    const char          *reason;
    ngx_deploy_str_t     body;
    ngx_deploy_event_t  *events;

    static const char  changes[] = "{'push':{'changes':[";
    static const char  change[] =
        "{'new':null,'old':{'name':'b%u','type':'branch'}}";
    static const char  commits[] =
        "{'ref':'refs/heads/m','before':'" OTHER "','after':'" HASH "',"
        "'forced':false,'commits':[";
    static const char  added[] =
        "{'ref':'refs/heads/m','before':'" OTHER "','after':'" HASH "',"
        "'forced':false,'commits':[{'modified':[],'removed':[],'added':[";

    body = repeat(changes, change, 1024, "]}}");
    events = events_of(NULL, "repo:push", body, &n, &reason);
    ok(events != NULL && n == 1024, "as many refs as allowed");
    is_str(events[1023].facts[NGX_DEPLOY_BRANCH], "b1023", "the last one");

    body = repeat(changes, change, 1025, "]}}");
    (void) events_of(NULL, "repo:push", body, &n, &reason);
    is_str(tap_str(reason), "too many refs", "a ref more");

    body = repeat(commits, "{'added':['f%u'],'modified':['x'],'removed':[]}",
                  2047, "]}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL && events->npaths == 2048
       && events->paths_complete == 1, "2,047 commits");

    body = repeat(commits, "{'added':['f%u'],'modified':['x'],'removed':[]}",
                  2048, "]}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL && events->npaths == 2049
       && events->paths_complete == 0, "a commit more: not all are listed");

    body = repeat(added, "'f%u'", 32768, "]}]}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL && events->npaths == 32768
       && events->paths_complete == 1, "as many paths as allowed");

    body = repeat(added, "'f%u'", 32769, "]}]}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL && events->npaths == 32768
       && events->paths_complete == 0, "a path more");

    body = repeat("{'before':null,'after':'" HASH "','ref':'refs/heads/", "%u",
                  1000, "'}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL && n == 1, "a long ref");

    body = repeat("{'before':null,'after':'" HASH "','ref':'refs/heads/", "%u",
                  1300, "'}");
    (void) events_of("push", NULL, body, &n, &reason);
    is_str(tap_str(reason), "ref too long", "too long a ref");

    body = repeat("{'before':null,'after':'" HASH "','ref':'refs/heads/m',"
                  "'head_commit':{'message':'a", "\xc3\xa9", 40000, "'}}");
    events = events_of("push", NULL, body, &n, &reason);
    ok(events != NULL
       && events->facts[NGX_DEPLOY_MESSAGE].len
          <= NGX_DEPLOY_PAYLOAD_MAX_TEXT
       && events->facts[NGX_DEPLOY_MESSAGE].len
          > NGX_DEPLOY_PAYLOAD_MAX_TEXT - 4
       && ngx_deploy_utf8_valid(events->facts[NGX_DEPLOY_MESSAGE].data,
                                events->facts[NGX_DEPLOY_MESSAGE].len),
       "a long message is cut");
}


static void
test_memory(void)
{
    long                            i;
    const char                     *got;
    ngx_deploy_str_t                body;

    static tap_header_t  headers[] = {
        { "x-github-event", "push" },
        { NULL, NULL }
    };

    body = unquote(PUSH("'refs/heads/m'", "'" HASH "'", "",
                        "[{'added':['b','a'],'modified':[],'removed':[]}]"));

    for (i = 0; i < 1000; i++) {
        tap_pool_limit(i);
        got = run("github", headers, body, body.len, 0);
        tap_pool_limit(-1);

        if (strcmp(got, "error") != 0) {
            break;
        }
    }

    ok(i > 5 && i < 1000 && strncmp(got, "github push", 11) == 0,
       "every allocation that fails is an error");
}


int
main(void)
{
    senders = ngx_deploy_senders_create(tap_pool());
    if (senders == NULL) {
        return 1;
    }

    test_table();
    test_form();
    test_limits();
    test_memory();

    return plan_done();
}
