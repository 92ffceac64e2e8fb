
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


#define FLAGS  "merged=-1 created=-1 deleted=-1 forced=-1 complete=-1\n"

#define FORM(more)                                                            \
    "token=x&team_id=T1&team_domain=acme&channel_id=C1&channel_name=ops&"     \
    "user_id=U1&user_name=ann&command=%2Fdeploy&text=" more                   \
    "&api_app_id=A1&is_enterprise_install=false&"                             \
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1%2F2&"          \
    "trigger_id=13.37.aa"

#define WHO    "user=U1 channel=C1 team=T1 "

#define CLICK                                                                 \
    "{'type':'block_actions','user':{'id':'U1','username':'ann'},"            \
    "'team':{'id':'T1'},'channel':{'id':'C1','name':'ops'},"                  \
    "'container':{'type':'message','message_ts':'1.2','channel_id':'C2'},"    \
    "'message':{'ts':'1.3','thread_ts':'1.1'},'trigger_id':'13.37.bb',"       \
    "'response_url':'https://hooks.slack.com/actions/1',"                     \
    "'actions':[{'action_id':'stop','block_id':'b1','value':'api:1'},"        \
    "{'action_id':'go','block_id':'b2','value':'api:2'}]}"


typedef struct {
    const char            *name;
    const char            *body;         /* JSON with ' for ", or a form */
    unsigned               form;
    const char            *want;         /* the event, or the reason */
} test_t;


static const test_t  tests[] = {

    /* commands */

    { "a command", FORM("api+release%2F2"), 1,
      "slack slack_command by ann command=/deploy target=api "
      "text=api release/2 " WHO FLAGS },
    { "blanks", FORM("++%09api%0A"), 1,
      "slack slack_command by ann command=/deploy target=api text=api " WHO
      FLAGS },
    { "nothing", FORM(""), 1,
      "slack slack_command by ann command=/deploy " WHO FLAGS },
    { "nothing but blanks", FORM("+%0d+"), 1,
      "slack slack_command by ann command=/deploy " WHO FLAGS },
    { "help", FORM("help"), 1,
      "slack slack_command by ann command=/deploy text=help " WHO FLAGS },
    { "Status", FORM("Status+api"), 1,
      "slack slack_command by ann command=/deploy text=Status api " WHO
      FLAGS },
    { "stop", FORM("stop+api:1"), 1,
      "slack slack_command by ann command=/deploy text=stop api:1 " WHO
      FLAGS },
    { "why", FORM("why"), 1,
      "slack slack_command by ann command=/deploy text=why " WHO FLAGS },
    { "a target that begins like one", FORM("helper"), 1,
      "slack slack_command by ann command=/deploy target=helper text=helper "
      WHO FLAGS },
    { "no name", "command=%2Fd&user_id=U1&text=a", 1,
      "slack slack_command by U1 command=/d target=a text=a user=U1 " FLAGS },

    { "no user", "command=%2Fdeploy&text=a", 1, "user_id is missing" },
    { "no command", "user_id=U1&text=a", 1,
      "neither a payload nor a command" },
    { "two texts", FORM("api&text=web"), 1, "field given twice" },
    { "two users", FORM("api&user_id=U2"), 1, "field given twice" },
    { "not in UTF-8", FORM("%ff"), 1, "a field is not in UTF-8" },
    { "JSON as a form",
      "{\"a\":\"&command=%2Fdeploy&user_id=U1&text=api&\"}", 1,
      "the form does not begin with a name" },

    /* everything else of it is dropped */

    { "ssl_check", "ssl_check=1&token=x&command=%2Fdeploy&user_id=U1", 1,
      "slack slack_ssl_check " FLAGS },
    { "ssl_check behind", FORM("api&ssl_check=1"), 1,
      "slack slack_ssl_check " FLAGS },
    { "no ssl_check", FORM("api&ssl_check=0"), 1,
      "slack slack_command by ann command=/deploy target=api text=api " WHO
      FLAGS },

    /* interactions */

    { "a click", "payload=" CLICK, 1,
      "slack slack_block_actions stop by U1 " WHO FLAGS },
    { "a click in a view",
      "payload={'type':'block_actions','user':{'id':'U1'},'team':null,"
      "'actions':[]}", 1, "slack slack_block_actions by U1 user=U1 " FLAGS },
    { "a selection",
      "payload={'actions':[{'selected_option':{'value':'v'},'action_id':'s'}],"
      "'type':'block_actions','container':{'channel_id':'C2'}}", 1,
      "slack slack_block_actions s channel=C2 " FLAGS },
    { "a shortcut",
      "payload={'type':'shortcut','callback_id':'deploy','user':{'id':'U1'}}",
      1, "slack slack_shortcut deploy by U1 user=U1 " FLAGS },
    { "a view", "payload={'type':'view_submission','user':{'id':'U1'},"
      "'view':{'callback_id':'x'}}", 1,
      "slack slack_view_submission by U1 user=U1 " FLAGS },

    { "a payload and a command", "payload={'type':'x'}&command=%2Fd", 1,
      "both a payload and a command" },
    { "two payloads", "payload={'type':'x'}&payload={}", 1,
      "field given twice" },
    { "an empty payload", "payload=", 1, "unexpected end" },
    { "a list", "payload=[]", 1, "the body is not an object" },

    /* events */

    { "a challenge",
      "{'token':'x','challenge':'3eZb','type':'url_verification'}", 0,
      "slack slack_url_verification " FLAGS },
    { "a mention",
      "{'type':'event_callback','team_id':'T1','event_id':'Ev1','event':"
      "{'type':'app_mention','user':'U1','text':'<@U2> api','ts':'1.2',"
      "'channel':'C1'},'authorizations':[{'user_id':'U3'}]}", 0,
      "slack slack_event_callback app_mention by U1 text=<@U2> api " WHO
      FLAGS },
    { "a user of another kind",
      "{'type':'event_callback','event':{'type':'user_change',"
      "'user':{'id':'U1'}}}", 0,
      "slack slack_event_callback user_change " FLAGS },

    { "no type", "{'challenge':'x'}", 0, "type is missing" },
    { "a type that is no word", "{'type':'a b'}", 0, "type is malformed" },
    { "a command in JSON", "{'type':'command','command':'/deploy'}", 0,
      "type is malformed" },
    { "a list of types", "{'type':['x']}", 0, "type is not a string" },

    { NULL, NULL, 0, NULL }
};


static void
test_table(void)
{
    const test_t      *t;
    tap_header_t       headers[2];
    ngx_deploy_str_t   body;

    headers[0] = (tap_header_t) { "x-slack-signature", "v0=1" };
    headers[1] = (tap_header_t) { NULL, NULL };

    for (t = tests; t->name != NULL; t++) {

        body = unquote(t->body);

        is_str(tap_str(run("slack", headers, body, body.len, t->form)),
               t->want, "%s", t->name);
        is_str(tap_str(run("hmac", headers, body, 1, t->form)), t->want,
               "%s, byte by byte", t->name);
    }
}


static int
request_of(const char *scheme, const char *text, unsigned form,
    ngx_deploy_slack_request_t *slack, ngx_deploy_str_t *delivery)
{
    size_t                 n;
    const char            *reason;
    tap_header_t           none;
    ngx_deploy_str_t       body;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    none.name = NULL;
    body = unquote(text);

    if (create(&payload, scheme, &none, form, &reason) != NGX_DEPLOY_OK
        || ngx_deploy_payload_feed(payload, body.data, body.len)
           != NGX_DEPLOY_OK
        || ngx_deploy_payload_end(payload, &events, &n) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    *delivery = *ngx_deploy_payload_delivery(payload);

    return ngx_deploy_payload_slack(payload, slack);
}


static void
test_request(void)
{
    ngx_deploy_str_t            id;
    ngx_deploy_slack_request_t  slack;

    is_int(request_of("slack", FORM("api"), 1, &slack, &id), NGX_DEPLOY_OK,
           "a command");
    is_str(id, "13.37.aa", "its id");
    is_str(slack.trigger_id, "13.37.aa", "trigger_id");
    is_str(slack.response_url, "https://hooks.slack.com/commands/1/2",
           "response_url");
    ok(slack.action_id.data == NULL && slack.value.data == NULL
       && slack.message_ts.data == NULL && slack.challenge.data == NULL,
       "nothing else");

    is_int(request_of("slack", "payload=" CLICK, 1, &slack, &id),
           NGX_DEPLOY_OK, "a click");
    is_str(id, "13.37.bb", "its id");
    is_str(slack.response_url, "https://hooks.slack.com/actions/1",
           "response_url");
    is_str(slack.action_id, "stop", "action_id of the first action");
    is_str(slack.block_id, "b1", "block_id");
    is_str(slack.value, "api:1", "value");
    is_str(slack.message_ts, "1.2", "ts of the message");
    is_str(slack.thread_ts, "1.1", "ts of its thread");

    is_int(request_of("slack", "{'type':'block_actions','message':{'ts':'1.3'}"
                      ",'actions':[{'selected_option':{'value':'v'}},"
                      "{'value':'w','action_id':'x'}]}",
                      0, &slack, &id), NGX_DEPLOY_OK, "a selection");
    is_str(slack.value, "v", "its value");
    is_str(slack.message_ts, "1.3", "ts of its message");
    ok(slack.action_id.data == NULL, "not that of the second action");

    is_int(request_of("slack", "{'type':'url_verification','challenge':'3e'}",
                      0, &slack, &id), NGX_DEPLOY_OK, "a challenge");
    is_str(slack.challenge, "3e", "its text");

    is_int(request_of("slack", "{'type':'event_callback','event_id':'Ev1',"
                      "'event':{'ts':'1.4'}}", 0, &slack, &id),
           NGX_DEPLOY_OK, "an event");
    is_str(id, "Ev1", "its id");
    is_str(slack.message_ts, "1.4", "its ts");

    is_int(request_of("build", "project=a&build_id=b", 1, &slack, &id),
           NGX_DEPLOY_DECLINED, "no request of Slack");
}


static void
test_memory(void)
{
    long               i;
    size_t             k;
    const char        *got;
    tap_header_t       none;
    ngx_deploy_str_t   body;

    static const char *const  forms[] = { FORM("api"), "payload=" CLICK };

    none.name = NULL;

    for (k = 0; k < 2; k++) {

        body = unquote(forms[k]);

        for (i = 0; i < 1000; i++) {
            tap_pool_limit(i);
            got = run("slack", &none, body, body.len, 1);
            tap_pool_limit(-1);

            if (strcmp(got, "error") != 0) {
                break;
            }
        }

        ok(i > 5 && i < 1000 && strncmp(got, "slack slack_", 12) == 0,
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
    test_request();
    test_memory();

    return plan_done();
}
