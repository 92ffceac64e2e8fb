
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define HASH   "1234567890abcdef1234567890abcdef12345678"
#define ID     "api:12345678-1234-4234-8234-123456789012"
#define ARN    "arn:aws:codebuild:us-east-1:123456789012:build/" ID

#define DISAGREES  "the body does not agree with the event header"
#define MAX        262144      /* bytes of a message */
#define UNTOLD     "the sender cannot be told from headers or body"

#define EVENT(type, detail)                                                   \
    "{'version':'0','id':'12344321','detail-type':'" type "',"                \
    "'source':'aws.codebuild','account':'1','detail':{" detail "}}"

#define STATE(status, phase, more, info)                                      \
    EVENT("CodeBuild Build State Change",                                     \
          "'build-status':'" status "','project-name':'api','build-id':'"     \
          ARN "','current-phase':'" phase "'," more                           \
          "'version':'1','additional-information':{'initiator':'ann',"        \
          "'build-number':4.0," info "'logs':{'deep-link':'https://l/#a'}}")

#define PHASE(phase, status, context)                                         \
    EVENT("CodeBuild Build Phase Change",                                     \
          "'completed-phase':'" phase "','completed-phase-status':'" status   \
          "','completed-phase-context':'" context "',"                        \
          "'completed-phase-duration-seconds':4.0,'project-name':'api',"      \
          "'build-id':'" ARN "','additional-information':{'initiator':"       \
          "'ann','build-complete':false}")

#define PHASES                                                                \
    "'phases':[{'phase-type':'SUBMITTED','phase-status':'SUCCEEDED',"         \
    "'phase-context':[],'duration-in-seconds':0},"                            \
    "{'phase-type':'BUILD','phase-status':'FAILED','phase-context':[': ',"    \
    "'COMMAND_EXECUTION_ERROR: exit status 1','b'],"                          \
    "'duration-in-seconds':61.0},"                                            \
    "{'phase-type':'POST_BUILD','phase-status':'FAILED','phase-context':"     \
    "['later'],'duration-in-seconds':3},{'phase-type':'COMPLETED'}],"

#define MESSAGE(type, message)                                                \
    "{'Type':'" type "','MessageId':'id-1','TopicArn':'arn:aws:sns:a:1:t',"   \
    "'Subject':'S','Message':'" message "','Timestamp':'t',"                  \
    "'SignatureVersion':'1','Signature':'x','SigningCertURL':'u'}"

#define FLAGS  "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n"
#define BUILD  "project=api "
#define ANN    "by ann "
#define LOG    "log=https://l/#a "


typedef struct {
    const char            *name;
    const char            *type;         /* X-Amz-Sns-Message-Type */
    const char            *body;         /* with ' for " */
    const char            *want;         /* the event, or the reason */
} test_t;


static const test_t  tests[] = {

    /* states */

    { "begun", NULL, STATE("IN_PROGRESS", "SUBMITTED", "", ""),
      "aws codebuild_state IN_PROGRESS api " ANN BUILD "status=in_progress "
      "phase=submitted build_id=" ID " " LOG FLAGS },

    { "succeeded", NULL,
      STATE("SUCCEEDED", "COMPLETED", "'current-phase-context':'[: ]',",
            "'source-version':'refs/heads/a/b^{" HASH "}',"),
      "aws codebuild_state SUCCEEDED api branch=a/b commit=" HASH " " ANN BUILD
      "status=succeeded phase=completed build_id=" ID " " LOG FLAGS },

    { "failed", NULL,
      STATE("FAILED", "COMPLETED", "'current-phase-context':'[]',", PHASES),
      "aws codebuild_state FAILED api " ANN
      "message=COMMAND_EXECUTION_ERROR: exit status 1 " BUILD
      "status=failed phase=completed build_id=" ID " " LOG "seconds=64 "
      FLAGS },

    { "failed, told by the phase alone", NULL,
      STATE("FAILED", "QUEUED", "'current-phase-context':'[X: y]',", ""),
      "aws codebuild_state FAILED api " ANN "message=X: y " BUILD
      "status=failed phase=queued build_id=" ID " " LOG FLAGS },

    { "stopped", NULL,
      STATE("STOPPED", "COMPLETED", "", "'source-version':'refs/tags/v1',"),
      "aws codebuild_state STOPPED api tag=v1 " ANN BUILD
      "status=stopped phase=completed build_id=" ID " " LOG FLAGS },

    { "out of time", NULL,
      STATE("TIMED_OUT", "COMPLETED", "", "'source-version':'" HASH "',"),
      "aws codebuild_state TIMED_OUT api commit=" HASH " " ANN BUILD
      "status=timed_out phase=completed build_id=" ID " " LOG FLAGS },

    { "at fault", NULL,
      STATE("FAULT", "COMPLETED", "", "'source-version':'pr/7',"),
      "aws codebuild_state FAULT api commit=pr/7 " ANN BUILD
      "status=fault phase=completed build_id=" ID " " LOG FLAGS },

    { "a state to come", NULL,
      STATE("NAPPING", "COMPLETED", "", "'source-version':'m^{1234}',"),
      "aws codebuild_state NAPPING api commit=m^{1234} " ANN BUILD
      "phase=completed build_id=" ID " " LOG FLAGS },

    { "no additional information", NULL,
      EVENT("CodeBuild Build State Change",
            "'build-status':'FAILED','project-name':'api','build-id':'" ID
            "'"),
      "aws codebuild_state FAILED api project=api status=failed build_id="
      ID " " FLAGS },

    /* phases: what ended is not the build */

    { "a phase", NULL, PHASE("DOWNLOAD_SOURCE", "SUCCEEDED", "[: ]"),
      "aws codebuild_phase SUCCEEDED api by ann " BUILD "status=succeeded "
      "phase=download_source build_id=" ID " of_phase seconds=4 " FLAGS },

    { "a phase that failed", NULL, PHASE("BUILD", "FAILED", "[A: b]"),
      "aws codebuild_phase FAILED api by ann message=A: b " BUILD
      "status=failed phase=build build_id=" ID " of_phase seconds=4 " FLAGS },

    { "an error of the client", NULL, PHASE("QUEUED", "CLIENT_ERROR", "[]"),
      "aws codebuild_phase CLIENT_ERROR api by ann " BUILD "status=failed "
      "phase=queued build_id=" ID " of_phase seconds=4 " FLAGS },

    { "the last phase", NULL, PHASE("COMPLETED", "SUCCEEDED", "[]"),
      "aws codebuild_phase SUCCEEDED api by ann " BUILD "status=succeeded "
      "phase=completed build_id=" ID " of_phase seconds=4 " FLAGS },

    /* what is missing */

    { "no status", NULL,
      EVENT("CodeBuild Build State Change",
            "'project-name':'api','build-id':'" ARN "'"),
      "detail.build-status is missing" },
    { "no project", NULL,
      EVENT("CodeBuild Build State Change",
            "'build-status':'FAILED','build-id':'" ARN "'"),
      "detail.project-name is missing" },
    { "no build", NULL,
      EVENT("CodeBuild Build State Change",
            "'build-status':'FAILED','project-name':'api','build-id':null"),
      "detail.build-id is missing" },
    { "no phase", NULL,
      EVENT("CodeBuild Build Phase Change",
            "'project-name':'api','build-id':'" ARN "'"),
      "detail.completed-phase is missing" },
    { "a status that is a list", NULL,
      EVENT("CodeBuild Build State Change", "'build-status':[]"),
      "detail.build-status is not a string" },

    { "another service", NULL,
      "{'id':'i','detail-type':'CodeBuild Build State Change',"
      "'source':'aws.ecs','detail':{'build-status':'SUCCEEDED'}}",
      "aws eventbridge " FLAGS },
    { "another event", NULL, EVENT("CodeBuild Webhook", ""),
      "aws eventbridge " FLAGS },
    { "no detail", NULL,
      "{'detail-type':'CodeBuild Build State Change',"
      "'source':'aws.codebuild','detail':[]}", UNTOLD },

    /* messages of SNS */

    { "a message", "Notification", MESSAGE("Notification", "Hello"),
      "aws sns_Notification message=Hello " FLAGS },
    { "a confirmation", "SubscriptionConfirmation",
      MESSAGE("SubscriptionConfirmation", "visit"),
      "aws sns_SubscriptionConfirmation message=visit " FLAGS },
    { "its opposite", NULL, MESSAGE("UnsubscribeConfirmation", ""),
      "aws sns_UnsubscribeConfirmation " FLAGS },
    { "a type to come", NULL, MESSAGE("Letter", ""), "Type is unknown" },

    { "a message of anyone", "Notification",
      MESSAGE("Notification", "{\\'source\\':\\'x\\'}"),
      "aws sns_Notification message={\"source\":\"x\"} " FLAGS },
    { "a message that is no JSON", "Notification",
      MESSAGE("Notification", "{\\'source\\':}"),
      "aws sns_Notification message={\"source\":} " FLAGS },
    { "a list", NULL, MESSAGE("Notification", "[]"),
      "aws sns_Notification message=[] " FLAGS },

    { "the header of another", "Notification",
      MESSAGE("SubscriptionConfirmation", ""), DISAGREES },
    { "a raw delivery", "Notification",
      STATE("IN_PROGRESS", "SUBMITTED", "", ""),
      "aws codebuild_state IN_PROGRESS api " ANN BUILD "status=in_progress "
      "phase=submitted build_id=" ID " " LOG FLAGS },
    { "a raw confirmation", "SubscriptionConfirmation",
      STATE("IN_PROGRESS", "SUBMITTED", "", ""), DISAGREES },
    { "neither", "Notification", "{'a':1}",
      "neither a message of SNS nor an event of AWS" },

    /* what is around a message is not signed */

    { "an event around a message", "Notification",
      "{'source':'aws.codebuild','detail-type':'CodeBuild Build State Change',"
      "'detail':{'build-status':'SUCCEEDED','project-name':'api',"
      "'build-id':'1'},'Type':'Notification','MessageId':'i',"
      "'TopicArn':'t','Message':'m'}",
      "aws sns_Notification message=m " FLAGS },

    { NULL, NULL, NULL, NULL }
};


static void
test_table(void)
{
    const test_t      *t;
    tap_header_t       headers[2];
    ngx_deploy_str_t   body;

    headers[0].name = "x-amz-sns-message-type";
    headers[1].name = NULL;

    for (t = tests; t->name != NULL; t++) {
        headers[0].value = t->type;

        body = unquote(t->body);

        is_str(tap_str(run("token", headers, body, body.len, 0)), t->want,
               "%s", t->name);
        is_str(tap_str(run("hmac", headers, body, 1, 0)), t->want,
               "%s, byte by byte", t->name);
    }
}


/* "text" as a string of JSON */

static ngx_deploy_str_t
message(const char *text)
{
    char              *p, *start;
    size_t             i;
    ngx_deploy_str_t   s;

    start = malloc(strlen(text) * 2 + 1024);
    if (start == NULL) {
        exit(1);
    }

    p = start + sprintf(start, "{\"Type\":\"Notification\",\"MessageId\":"
                        "\"id-1\",\"TopicArn\":\"t\",\"Message\":\"");

    for (i = 0; text[i] != '\0'; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            *p++ = '\\';
        }

        *p++ = text[i];
    }

    p += sprintf(p, "\"}");

    s = tap_copy(start, p - start);
    free(start);

    return s;
}


static const char *
message_run(const char *text, size_t piece)
{
    tap_header_t  none;

    none.name = NULL;

    return run("sns", &none, message(text), piece, 0);
}


static ngx_deploy_str_t
delivery_of(ngx_deploy_str_t body)
{
    size_t                 n;
    const char            *reason;
    tap_header_t           headers[2];
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    headers[0] = (tap_header_t) { "x-amz-sns-message-id", "of-header" };
    headers[1] = (tap_header_t) { NULL, NULL };

    if (create(&payload, "token", headers, 0, &reason) != NGX_DEPLOY_OK
        || ngx_deploy_payload_feed(payload, body.data, body.len)
           != NGX_DEPLOY_OK
        || ngx_deploy_payload_end(payload, &events, &n) != NGX_DEPLOY_OK)
    {
        return tap_str("refused");
    }

    is_str(*ngx_deploy_payload_provider(payload), "aws", "provider");

    return *ngx_deploy_payload_delivery(payload);
}


static void
test_message(void)
{
    char               text[8192];
    const char        *want;
    ngx_deploy_str_t   event;

    event = unquote(STATE("FAILED", "COMPLETED", "", PHASES));
    snprintf(text, sizeof(text), "%.*s", (int) event.len, event.data);

    want = "aws codebuild_state FAILED api " ANN
           "message=COMMAND_EXECUTION_ERROR: exit status 1 " BUILD
           "status=failed phase=completed build_id=" ID " " LOG "seconds=64 "
           FLAGS;

    is_str(tap_str(message_run(text, 99999)), want, "an event in a message");
    is_str(tap_str(message_run(text, 1)), want, "byte by byte");

    is_str(delivery_of(message(text)), "12344321", "its id");
    is_str(delivery_of(event), "12344321", "the id of an event");
    is_str(delivery_of(message("Hello")), "id-1", "the id of a message");

    /* what is no event of CodeBuild is a message */

    is_str(tap_str(message_run("{\"id\":\"i\",\"source\":\"aws.ecs\","
                               "\"detail-type\":\"x\",\"detail\":{}}", 99)),
           "aws sns_Notification message={\"id\":\"i\",\"source\":\"aws.ecs\","
           "\"detail-type\":\"x\",\"detail\":{}} " FLAGS,
           "an event of another service");

    event = unquote(EVENT("CodeBuild Build State Change", ""));
    snprintf(text, sizeof(text), "%.*s", (int) event.len, event.data);

    ok(strncmp(message_run(text, 99), "aws sns_Notification ", 21) == 0,
       "an event that lacks something");

    /* a message in a message */

    event = message("{\"a\":1}");
    snprintf(text, sizeof(text), "%.*s", (int) event.len, event.data);

    ok(strncmp(message_run(text, 99), "aws sns_Notification message={\"Type\"",
               36) == 0, "a message in a message");
}


/* the event and the length of its message */

static const char *
long_message(const char *text, size_t *len)
{
    size_t                 n;
    const char            *reason;
    tap_header_t           none;
    ngx_deploy_str_t       body;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    none.name = NULL;
    body = message(text);

    if (create(&payload, "sns", &none, 0, &reason) != NGX_DEPLOY_OK
        || ngx_deploy_payload_feed(payload, body.data, body.len)
           != NGX_DEPLOY_OK
        || ngx_deploy_payload_end(payload, &events, &n) != NGX_DEPLOY_OK)
    {
        return "refused";
    }

    *len = events[0].facts[NGX_DEPLOY_MESSAGE].len;

    return (char *) events[0].facts[NGX_DEPLOY_EVENT].data;
}


static void
test_long(void)
{
    char              *text;
    size_t             len;
    ngx_deploy_str_t   event;

    text = malloc(MAX + 16);
    if (text == NULL) {
        exit(1);
    }

    event = unquote(STATE("STOPPED", "COMPLETED", "", ""));

    memset(text, ' ', MAX + 1);
    memcpy(text, event.data, event.len);

    text[MAX] = '\0';
    is_str(tap_str(long_message(text, &len)), "codebuild_state",
           "as long a message as there is");

    text[MAX] = ' ';
    text[MAX + 1] = '\0';
    is_str(tap_str(long_message(text, &len)), "sns_Notification",
           "a longer one");
    is_int(len, NGX_DEPLOY_PAYLOAD_MAX_TEXT, "is cut");

    free(text);
}


static void
test_memory(void)
{
    long               i;
    char               text[8192];
    const char        *got;
    ngx_deploy_str_t   event;

    event = unquote(STATE("FAILED", "COMPLETED", "", PHASES));
    snprintf(text, sizeof(text), "%.*s", (int) event.len, event.data);

    for (i = 0; i < 1000; i++) {
        event = message(text);

        tap_pool_limit(i);
        got = message_run(text, 99999);
        tap_pool_limit(-1);

        if (strcmp(got, "error") != 0) {
            break;
        }
    }

    ok(i > 5 && i < 1000 && strncmp(got, "aws codebuild_state", 19) == 0,
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
    test_message();
    test_long();
    test_memory();

    return plan_done();
}
