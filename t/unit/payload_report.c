
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define BUILD  "build build_report api "
#define FLAGS  "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n"
#define ID     "api:12345678-1234-4234-8234-123456789012"
#define ARN    "arn:aws:codebuild:us-east-1:123456789012:build/" ID

#define WORDS                                                                 \
    "status is none of started, in_progress, succeeded, failed, stopped, "    \
    "timed_out, fault, rejected"

#define SECONDS  "duration is not a number of seconds"


typedef struct {
    const char            *name;
    const char            *body;         /* JSON with ' for " */
    const char            *form;
    const char            *want;         /* the event, or the reason */
} test_t;


/* NULL: there is no such body */

static const test_t  tests[] = {

    { "everything",
      "{'project':'api','build_id':'" ID "','phase':'PRE_BUILD',"
      "'status':'IN_PROGRESS','message':'Tests\\nrun','duration':42,"
      "'url':'https://example.com/#log'}",
      "project=api&build_id=" ID "&phase=PRE_BUILD&status=IN_PROGRESS&"
      "message=Tests%0Arun&duration=42&url=https://example.com/%23log",
      BUILD "url=https://example.com/#log message=Tests\nrun project=api "
      "status=in_progress phase=pre_build build_id=" ID " seconds=42 "
      FLAGS },

    { "as little as possible", "{'build_id':'b:1','project':'api'}",
      "project=api&build_id=b%3A1",
      BUILD "project=api build_id=b:1 " FLAGS },

    { "an ARN", "{'project':'api','build_id':'" ARN "'}",
      "project=api&build_id=" ARN, BUILD "project=api build_id=" ID " "
      FLAGS },

    { "other fields",
      "{'project':'api','build_id':'1','x':{'status':1},'number':7}",
      "x=1&project=api&x=2&build_id=1&&number=7",
      BUILD "project=api build_id=1 " FLAGS },

    { "empty fields",
      "{'project':'api','build_id':'1','phase':'','status':'','message':'',"
      "'duration':'','url':''}",
      "project=api&build_id=1&phase=&status=&message&duration=&url=",
      BUILD "project=api build_id=1 " FLAGS },

    { "fields of null",
      "{'project':'api','build_id':'1','phase':null,'status':null,"
      "'message':null,'duration':null,'url':null}", NULL,
      BUILD "project=api build_id=1 " FLAGS },

    { "a part of a second",
      "{'project':'api','build_id':'1','duration':3.75}",
      "project=api&build_id=1&duration=3.75",
      BUILD "project=api build_id=1 seconds=3 " FLAGS },

    { "seconds as a text",
      "{'project':'api','build_id':'1','duration':'0'}", NULL,
      BUILD "project=api build_id=1 seconds=0 " FLAGS },

    /* words */

    { "started", "{'project':'api','build_id':'1','status':'Started'}",
      "project=api&build_id=1&status=Started",
      BUILD "project=api status=started build_id=1 " FLAGS },
    { "succeeded", "{'project':'api','build_id':'1','status':'SUCCEEDED'}",
      NULL, BUILD "project=api status=succeeded build_id=1 " FLAGS },
    { "failed", "{'project':'api','build_id':'1','status':'failed'}",
      NULL, BUILD "project=api status=failed build_id=1 " FLAGS },
    { "stopped", "{'project':'api','build_id':'1','status':'STOPPED'}",
      NULL, BUILD "project=api status=stopped build_id=1 " FLAGS },
    { "timed_out", "{'project':'api','build_id':'1','status':'TIMED_OUT'}",
      NULL, BUILD "project=api status=timed_out build_id=1 " FLAGS },
    { "fault", "{'project':'api','build_id':'1','status':'FAULT'}",
      NULL, BUILD "project=api status=fault build_id=1 " FLAGS },
    { "rejected", "{'project':'api','build_id':'1','status':'rejected'}",
      NULL, BUILD "project=api status=rejected build_id=1 " FLAGS },

    { "CodeBuild's word for a phase",
      "{'project':'api','build_id':'1','status':'CLIENT_ERROR'}", NULL,
      BUILD "project=api status=failed build_id=1 " FLAGS },

    /* whose word it is */

    { "a phase that succeeded",
      "{'project':'api','build_id':'1','status':'succeeded','phase':'x-1'}",
      "project=api&build_id=1&status=succeeded&phase=X-1",
      BUILD "project=api status=succeeded phase=x-1 build_id=1 of_phase "
      FLAGS },
    { "the last one",
      "{'project':'api','build_id':'1','status':'succeeded',"
      "'phase':'POST_BUILD'}",
      "project=api&build_id=1&status=succeeded&phase=post_build",
      BUILD "project=api status=succeeded phase=post_build build_id=1 "
      FLAGS },
    { "a phase that failed",
      "{'project':'api','build_id':'1','status':'failed','phase':'build'}",
      NULL, BUILD "project=api status=failed phase=build build_id=1 " FLAGS },
    { "a phase and no status",
      "{'project':'api','build_id':'1','phase':'build'}", NULL,
      BUILD "project=api phase=build build_id=1 " FLAGS },

    { "a word of nobody", "{'project':'api','build_id':'1','status':'done'}",
      "project=api&build_id=1&status=done", WORDS },
    { "a word of ours", "{'project':'api','build_id':'1','status':'queued'}",
      "project=api&build_id=1&status=queued", WORDS },
    { "half a word", "{'project':'api','build_id':'1','status':'fail'}",
      "project=api&build_id=1&status=fail", WORDS },
    { "a phase of two words",
      "{'project':'api','build_id':'1','phase':'pre build'}",
      "project=api&build_id=1&phase=pre+build", "phase is not a word" },

    /* refused */

    { "no project", "{'build_id':'1','status':'failed'}",
      "build_id=1&status=failed", "project is missing" },
    { "an empty project", "{'project':'','build_id':'1'}",
      "project=&build_id=1", "project is missing" },
    { "no build_id", "{'project':'api','status':'failed'}",
      "project=api&status=failed", "build_id is missing" },
    { "an ARN without an id",
      "{'project':'api','build_id':'arn:aws:codebuild:a:1:build/'}",
      "project=api&build_id=arn:aws:codebuild:a:1:build/",
      "build_id is missing" },

    { "build_id is a number", "{'project':'api','build_id':1}", NULL,
      "build_id is not a string" },
    { "status is a flag", "{'project':'api','build_id':'1','status':true}",
      NULL, "status is not a string" },
    { "phase is an object", "{'project':'api','build_id':'1','phase':{}}",
      NULL, "phase is not a string" },

    { "minus a second", "{'project':'api','build_id':'1','duration':-1}",
      "project=api&build_id=1&duration=-1", SECONDS },
    { "seconds with a unit",
      "{'project':'api','build_id':'1','duration':'5s'}",
      "project=api&build_id=1&duration=5s", SECONDS },
    { "seconds with an exponent",
      "{'project':'api','build_id':'1','duration':1e3}",
      "project=api&build_id=1&duration=1e3", SECONDS },
    { "half a fraction", "{'project':'api','build_id':'1','duration':'5.'}",
      "project=api&build_id=1&duration=5.", SECONDS },
    { "too many seconds",
      "{'project':'api','build_id':'1','duration':10000000000}",
      "project=api&build_id=1&duration=10000000000", SECONDS },
    { "a flag of a duration",
      "{'project':'api','build_id':'1','duration':false}", NULL, SECONDS },

    { "a script for a URL",
      "{'project':'api','build_id':'1','url':'javascript:alert(1)'}",
      "project=api&build_id=1&url=javascript:alert(1)", "url is not a URL" },
    { "a URL with a blank",
      "{'project':'api','build_id':'1','url':'https://a b'}",
      "project=api&build_id=1&url=https://a+b", "url is not a URL" },
    { "a URL with a line feed",
      "{'project':'api','build_id':'1','url':'https://a\\nb'}",
      "project=api&build_id=1&url=https://a%0Ab", "url is not a URL" },

    { "a field twice", "{'project':'api','build_id':'1','build_id':'2'}",
      NULL, "duplicate key" },
    { "a field twice in a form", NULL, "project=api&build_id=1&project=b",
      "field given twice" },
    { "a field twice, encoded", NULL, "project=api&build_id=1&pro%6Aect=b",
      "field given twice" },
    { "not in UTF-8", NULL, "project=api&build_id=1&message=%ff",
      "a field is not in UTF-8" },
    { "a NUL", NULL, "project=api&build_id=1&message=%00", "NUL in a form" },
    { "cut", NULL, "project=api&build_id=1&message=%4", "unexpected end" },
    { "nothing", "{}", NULL, "neither project nor build_id" },
    { "nothing in a form", NULL, "", "neither project nor build_id" },
    { "no name at first", NULL, "&project=api&build_id=1",
      "the form does not begin with a name" },

    /* no signature covers the content type */

    { "JSON as a form", NULL,
      "{\"message\":\"&project=api&build_id=1&status=succeeded&\"}",
      "the form does not begin with a name" },
    { "JSON and blanks as a form", NULL,
      " {\"message\":\"&project=api&build_id=1&status=succeeded&\"}",
      "the form does not begin with a name" },
    { "a list", "[]", NULL, "the body is not an object" },

    { NULL, NULL, NULL, NULL }
};


static void
test_table(void)
{
    const test_t      *t;
    tap_header_t       none;
    ngx_deploy_str_t   body;

    none.name = NULL;

    for (t = tests; t->name != NULL; t++) {

        if (t->body != NULL) {
            body = unquote(t->body);

            is_str(tap_str(run("build", &none, body, body.len + 1, 0)),
                   t->want, "%s", t->name);
            is_str(tap_str(run("build", &none, body, 1, 0)), t->want,
                   "%s, byte by byte", t->name);
        }

        if (t->form != NULL) {
            body = tap_str(t->form);

            is_str(tap_str(run("build", &none, body, body.len + 1, 1)),
                   t->want, "%s, a form", t->name);
            is_str(tap_str(run("token", &none, body, 1, 1)), t->want,
                   "%s, a form byte by byte", t->name);
        }
    }
}


/* a report that nothing but its body tells */

static void
test_told(void)
{
    tap_header_t       none;
    ngx_deploy_str_t   body;

    none.name = NULL;

    body = unquote("{'status':'failed','build_id':'1','project':'api'}");

    is_str(tap_str(run("token", &none, body, 9, 0)),
           BUILD "project=api status=failed build_id=1 " FLAGS,
           "told by its body");

    body = unquote("{'status':'failed','project':'api'}");

    is_str(tap_str(run("token", &none, body, 9, 0)), "build_id is missing",
           "told without its build");

    body = unquote("{'build_id':'1'}");

    is_str(tap_str(run(NULL, &none, body, 9, 0)), "project is missing",
           "told without its project");

    body = unquote("{'project':'api'}");

    is_str(tap_str(run(NULL, &none, body, 9, 0)),
           "the sender cannot be told from headers or body", "a project only");

    body = unquote("{'project':{},'build_id':7}");

    is_str(tap_str(run(NULL, &none, body, 9, 0)),
           "the sender cannot be told from headers or body",
           "a job of GitLab without its header");
}


/* what is more than a message may have is cut, between characters */

static void
test_long(void)
{
    char              *text, *p;
    size_t             i, n;
    const char        *reason;
    tap_header_t       none;
    ngx_deploy_str_t   body, *message;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    none.name = NULL;

    text = malloc(1024 * 1024);
    if (text == NULL) {
        exit(1);
    }

    p = text + sprintf(text, "project=api&build_id=1&message=a");

    for (i = 0; i < 100000; i++) {
        p += sprintf(p, "%%C3%%A9");
    }

    body = tap_copy(text, p - text);

    ok(create(&payload, "build", &none, 1, &reason) == NGX_DEPLOY_OK
       && ngx_deploy_payload_feed(payload, body.data, body.len)
          == NGX_DEPLOY_OK
       && ngx_deploy_payload_end(payload, &events, &n) == NGX_DEPLOY_OK,
       "a long message");

    message = &events[0].facts[NGX_DEPLOY_MESSAGE];

    is_int(message->len, NGX_DEPLOY_PAYLOAD_MAX_TEXT - 1, "its length");
    ok(ngx_deploy_utf8_valid(message->data, message->len),
       "cut between characters");

    p = text + sprintf(text, "project=");
    memset(p, 'p', NGX_DEPLOY_PAYLOAD_MAX_NAME + 1);
    p += NGX_DEPLOY_PAYLOAD_MAX_NAME + 1;
    p += sprintf(p, "&build_id=1");

    is_str(tap_str(run("build", &none, tap_copy(text, p - text), 1000, 1)),
           "project too long", "a long name");

    free(text);
}


static void
test_memory(void)
{
    long               i;
    unsigned           form;
    const char        *got;
    tap_header_t       none;
    ngx_deploy_str_t   body;

    none.name = NULL;

    for (form = 0; form < 2; form++) {

        body = form ? tap_str(tests[0].form) : unquote(tests[0].body);

        for (i = 0; i < 1000; i++) {
            tap_pool_limit(i);
            got = run("build", &none, body, body.len, form);
            tap_pool_limit(-1);

            if (strcmp(got, "error") != 0) {
                break;
            }
        }

        ok(i > 5 && i < 1000 && strncmp(got, BUILD, sizeof(BUILD) - 1) == 0,
           "every allocation that fails is an error");
    }
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
    test_told();
    test_long();
    test_memory();

    return plan_done();
}
