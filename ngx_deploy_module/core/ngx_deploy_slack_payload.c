
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/*
 * Requests of Slack (providers.md, section 10.1): a command is a form, a
 * click is JSON in the form's field "payload", an event is JSON alone
 */

enum {
    NGX_DEPLOY_SLACK_TYPE = NGX_DEPLOY_SENDER_ROOT + 1,

    /* the fields of a command, in the order of their names */

    NGX_DEPLOY_SLACK_COMMAND,
    NGX_DEPLOY_SLACK_TEXT,
    NGX_DEPLOY_SLACK_USER_ID,
    NGX_DEPLOY_SLACK_USER_NAME,
    NGX_DEPLOY_SLACK_CHANNEL_ID,
    NGX_DEPLOY_SLACK_TEAM_ID,
    NGX_DEPLOY_SLACK_RESPONSE_URL,
    NGX_DEPLOY_SLACK_TRIGGER_ID,
    NGX_DEPLOY_SLACK_SSL_CHECK,

    NGX_DEPLOY_SLACK_USER,
    NGX_DEPLOY_SLACK_CHANNEL,
    NGX_DEPLOY_SLACK_TEAM,
    NGX_DEPLOY_SLACK_CALLBACK,
    NGX_DEPLOY_SLACK_CONTAINER_CHANNEL,
    NGX_DEPLOY_SLACK_CONTAINER_TS,
    NGX_DEPLOY_SLACK_MESSAGE_TS,
    NGX_DEPLOY_SLACK_THREAD_TS,

    NGX_DEPLOY_SLACK_ACTIONS,
    NGX_DEPLOY_SLACK_ACTION_ID,
    NGX_DEPLOY_SLACK_BLOCK_ID,
    NGX_DEPLOY_SLACK_VALUE,
    NGX_DEPLOY_SLACK_SELECTED,

    NGX_DEPLOY_SLACK_CHALLENGE,
    NGX_DEPLOY_SLACK_EVENT_ID,
    NGX_DEPLOY_SLACK_EVENT_TYPE,
    NGX_DEPLOY_SLACK_EVENT_USER,
    NGX_DEPLOY_SLACK_EVENT_CHANNEL,
    NGX_DEPLOY_SLACK_EVENT_TEXT,
    NGX_DEPLOY_SLACK_EVENT_TS
};


static int ngx_deploy_slack_value(ngx_deploy_payload_t *payload,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_slack_finish(ngx_deploy_payload_t *payload);
static int ngx_deploy_slack_command(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static void ngx_deploy_slack_target(ngx_deploy_event_t *event);
static int ngx_deploy_slack_json(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_slack_interaction(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);
static int ngx_deploy_slack_callback(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


static const ngx_deploy_scan_path_t  ngx_deploy_slack_paths[] = {
    { "", NGX_DEPLOY_SENDER_ROOT, NGX_DEPLOY_SENDER_NODE },

    { "type", NGX_DEPLOY_SLACK_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "response_url", NGX_DEPLOY_SLACK_RESPONSE_URL, NGX_DEPLOY_SENDER_NAME },
    { "trigger_id", NGX_DEPLOY_SLACK_TRIGGER_ID, NGX_DEPLOY_SENDER_NAME },

    { "user.id", NGX_DEPLOY_SLACK_USER, NGX_DEPLOY_SENDER_NAME },
    { "channel.id", NGX_DEPLOY_SLACK_CHANNEL, NGX_DEPLOY_SENDER_NAME },
    { "team.id", NGX_DEPLOY_SLACK_TEAM, NGX_DEPLOY_SENDER_NAME },
    { "callback_id", NGX_DEPLOY_SLACK_CALLBACK, NGX_DEPLOY_SENDER_NAME },
    { "container.channel_id", NGX_DEPLOY_SLACK_CONTAINER_CHANNEL,
      NGX_DEPLOY_SENDER_NAME },
    { "container.message_ts", NGX_DEPLOY_SLACK_CONTAINER_TS,
      NGX_DEPLOY_SENDER_NAME },
    { "message.ts", NGX_DEPLOY_SLACK_MESSAGE_TS, NGX_DEPLOY_SENDER_NAME },
    { "message.thread_ts", NGX_DEPLOY_SLACK_THREAD_TS,
      NGX_DEPLOY_SENDER_NAME },

    { "actions[]", NGX_DEPLOY_SLACK_ACTIONS, NGX_DEPLOY_SENDER_NODE },
    { "actions[].action_id", NGX_DEPLOY_SLACK_ACTION_ID,
      NGX_DEPLOY_SENDER_NAME },
    { "actions[].block_id", NGX_DEPLOY_SLACK_BLOCK_ID,
      NGX_DEPLOY_SENDER_NAME },
    { "actions[].value", NGX_DEPLOY_SLACK_VALUE, NGX_DEPLOY_SENDER_NAME },
    { "actions[].selected_option.value", NGX_DEPLOY_SLACK_SELECTED,
      NGX_DEPLOY_SENDER_NAME },

    { "challenge", NGX_DEPLOY_SLACK_CHALLENGE, NGX_DEPLOY_SENDER_NAME },
    { "event_id", NGX_DEPLOY_SLACK_EVENT_ID, NGX_DEPLOY_SENDER_NAME },
    { "team_id", NGX_DEPLOY_SLACK_TEAM_ID, NGX_DEPLOY_SENDER_NAME },
    { "event.type", NGX_DEPLOY_SLACK_EVENT_TYPE, NGX_DEPLOY_SENDER_NAME },
    { "event.user", NGX_DEPLOY_SLACK_EVENT_USER, NGX_DEPLOY_SENDER_NAME },
    { "event.channel", NGX_DEPLOY_SLACK_EVENT_CHANNEL,
      NGX_DEPLOY_SENDER_NAME },
    { "event.text", NGX_DEPLOY_SLACK_EVENT_TEXT, NGX_DEPLOY_SENDER_TEXT },
    { "event.ts", NGX_DEPLOY_SLACK_EVENT_TS, NGX_DEPLOY_SENDER_NAME },

    ngx_deploy_scan_null_path
};


/* the document first, then in the order of the facts */

static const char *const  ngx_deploy_slack_fields[] = {
    NGX_DEPLOY_SENDER_DOCUMENT, "command", "text", "user_id", "user_name",
    "channel_id", "team_id", "response_url", "trigger_id", "ssl_check", NULL
};


const ngx_deploy_sender_t  ngx_deploy_slack = {
    ngx_deploy_string("slack"),
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    { ngx_deploy_null_string, ngx_deploy_null_string },
    NULL,
    ngx_deploy_slack_fields,
    ngx_deploy_slack_paths,
    NULL,
    NULL,
    ngx_deploy_slack_value,
    ngx_deploy_slack_finish,
    NULL
};


static int
ngx_deploy_slack_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    if (fact == NGX_DEPLOY_SLACK_ACTIONS) {
        payload->commits += (type != NGX_DEPLOY_SCAN_OBJECT_END);
        return NGX_DEPLOY_OK;
    }

    /* of the first action alone */

    if (fact > NGX_DEPLOY_SLACK_ACTIONS && fact <= NGX_DEPLOY_SLACK_SELECTED
        && payload->commits > 1)
    {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_sender_keep(payload, fact, type, value);
}


static int
ngx_deploy_slack_finish(ngx_deploy_payload_t *payload)
{
    int                  rc;
    unsigned             command;
    ngx_deploy_str_t     check;
    ngx_deploy_event_t  *event;

    rc = ngx_deploy_sender_event(payload, &event);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    check = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_SSL_CHECK);

    if (ngx_deploy_str_is(&check, "1")) {
        event->facts[NGX_DEPLOY_EVENT] =
                       (ngx_deploy_str_t) ngx_deploy_string("slack_ssl_check");
        return NGX_DEPLOY_OK;
    }

    command = ngx_deploy_sender_has(payload, NGX_DEPLOY_SLACK_COMMAND);

    if (payload->document) {

        if (command) {
            return ngx_deploy_sender_decline(payload,
                                             "both a payload and a command");
        }

        return ngx_deploy_slack_json(payload, event);
    }

    if (!command) {
        return ngx_deploy_sender_decline(payload,
                                         "neither a payload nor a command");
    }

    return ngx_deploy_slack_command(payload, event);
}


static int
ngx_deploy_slack_command(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    size_t             i;
    ngx_deploy_str_t   id, *sender;

    static const struct {
        ngx_deploy_fact_e   fact;
        unsigned            field;
    } facts[] = {
        { NGX_DEPLOY_COMMAND, NGX_DEPLOY_SLACK_COMMAND },
        { NGX_DEPLOY_TEXT, NGX_DEPLOY_SLACK_TEXT },
        { NGX_DEPLOY_USER, NGX_DEPLOY_SLACK_USER_ID },
        { NGX_DEPLOY_SENDER, NGX_DEPLOY_SLACK_USER_NAME },
        { NGX_DEPLOY_CHANNEL, NGX_DEPLOY_SLACK_CHANNEL_ID },
        { NGX_DEPLOY_TEAM, NGX_DEPLOY_SLACK_TEAM_ID }
    };

    event->facts[NGX_DEPLOY_EVENT] =
                         (ngx_deploy_str_t) ngx_deploy_string("slack_command");

    for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        event->facts[facts[i].fact] = ngx_deploy_sender_text(payload,
                                                             facts[i].field);
    }

    if (event->facts[NGX_DEPLOY_USER].data == NULL) {
        return ngx_deploy_sender_decline(payload, "user_id is missing");
    }

    sender = &event->facts[NGX_DEPLOY_SENDER];

    if (sender->data == NULL) {
        *sender = event->facts[NGX_DEPLOY_USER];
    }

    ngx_deploy_slack_target(event);

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_TRIGGER_ID);

    return ngx_deploy_sender_delivery(payload, &id);
}


/* the first word of the text, blanks around which are of no meaning */

static void
ngx_deploy_slack_target(ngx_deploy_event_t *event)
{
    size_t             i;
    ngx_deploy_str_t  *text, target;

    static const char *const  words[] = { "help", "status", "stop", "why" };

    text = &event->facts[NGX_DEPLOY_TEXT];

    while (text->len && text->data[0] <= ' ') {
        text->data++;
        text->len--;
    }

    while (text->len && text->data[text->len - 1] <= ' ') {
        text->len--;
    }

    if (text->len == 0) {
        *text = (ngx_deploy_str_t) ngx_deploy_null_string;
        return;
    }

    target.data = text->data;

    for (i = 0; i < text->len && text->data[i] > ' '; i++) { /* void */ }

    target.len = i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (ngx_deploy_str_is_nocase(&target, words[i])) {
            return;
        }
    }

    event->facts[NGX_DEPLOY_TARGET] = target;
}


static int
ngx_deploy_slack_json(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    int                rc;
    ngx_deploy_str_t   type, *word;

    static const u_char  prefix[] = "slack_";

    rc = ngx_deploy_sender_name(payload, NGX_DEPLOY_SLACK_TYPE, "type", &type);
    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (type.data == NULL) {
        return ngx_deploy_sender_decline(payload, "type is missing");
    }

    /* a command is a form: no JSON passes for one */

    if (!ngx_deploy_sender_word(&type) || ngx_deploy_str_is(&type, "command"))
    {
        return ngx_deploy_sender_decline(payload, "type is malformed");
    }

    word = &event->facts[NGX_DEPLOY_EVENT];

    word->len = sizeof(prefix) - 1 + type.len;

    word->data = ngx_deploy_palloc(payload->pool, word->len);
    if (word->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    memcpy(word->data, prefix, sizeof(prefix) - 1);
    memcpy(word->data + sizeof(prefix) - 1, type.data, type.len);

    if (ngx_deploy_str_is(&type, "event_callback")) {
        return ngx_deploy_slack_callback(payload, event);
    }

    return ngx_deploy_slack_interaction(payload, event);
}


static int
ngx_deploy_slack_interaction(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t   id, *action, *channel, *user;

    action = &event->facts[NGX_DEPLOY_ACTION];
    channel = &event->facts[NGX_DEPLOY_CHANNEL];
    user = &event->facts[NGX_DEPLOY_USER];

    *action = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_ACTION_ID);

    if (action->data == NULL) {
        *action = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_CALLBACK);
    }

    *channel = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_CHANNEL);

    if (channel->data == NULL) {
        *channel = ngx_deploy_sender_text(payload,
                                          NGX_DEPLOY_SLACK_CONTAINER_CHANNEL);
    }

    *user = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_USER);

    event->facts[NGX_DEPLOY_SENDER] = *user;
    event->facts[NGX_DEPLOY_TEAM] =
                         ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_TEAM);

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_TRIGGER_ID);

    return ngx_deploy_sender_delivery(payload, &id);
}


static int
ngx_deploy_slack_callback(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_str_t   id, *user;

    user = &event->facts[NGX_DEPLOY_USER];

    *user = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_EVENT_USER);

    event->facts[NGX_DEPLOY_SENDER] = *user;
    event->facts[NGX_DEPLOY_ACTION] =
                  ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_EVENT_TYPE);
    event->facts[NGX_DEPLOY_TEXT] =
                  ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_EVENT_TEXT);
    event->facts[NGX_DEPLOY_CHANNEL] =
               ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_EVENT_CHANNEL);
    event->facts[NGX_DEPLOY_TEAM] =
                     ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_TEAM_ID);

    id = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_EVENT_ID);

    return ngx_deploy_sender_delivery(payload, &id);
}


int
ngx_deploy_payload_slack(ngx_deploy_payload_t *payload,
    ngx_deploy_slack_request_t *slack)
{
    memset(slack, 0, sizeof(ngx_deploy_slack_request_t));

    if (payload->sender != &ngx_deploy_slack) {
        return NGX_DEPLOY_DECLINED;
    }

    slack->response_url = ngx_deploy_sender_text(payload,
                                               NGX_DEPLOY_SLACK_RESPONSE_URL);
    slack->trigger_id = ngx_deploy_sender_text(payload,
                                               NGX_DEPLOY_SLACK_TRIGGER_ID);
    slack->challenge = ngx_deploy_sender_text(payload,
                                              NGX_DEPLOY_SLACK_CHALLENGE);

    slack->action_id = ngx_deploy_sender_text(payload,
                                              NGX_DEPLOY_SLACK_ACTION_ID);
    slack->block_id = ngx_deploy_sender_text(payload,
                                             NGX_DEPLOY_SLACK_BLOCK_ID);
    slack->value = ngx_deploy_sender_text(payload, NGX_DEPLOY_SLACK_VALUE);

    if (slack->value.data == NULL) {
        slack->value = ngx_deploy_sender_text(payload,
                                              NGX_DEPLOY_SLACK_SELECTED);
    }

    slack->message_ts = ngx_deploy_sender_text(payload,
                                               NGX_DEPLOY_SLACK_CONTAINER_TS);

    if (slack->message_ts.data == NULL) {
        slack->message_ts = ngx_deploy_sender_text(payload,
                                                 NGX_DEPLOY_SLACK_MESSAGE_TS);
    }

    if (slack->message_ts.data == NULL) {
        slack->message_ts = ngx_deploy_sender_text(payload,
                                                   NGX_DEPLOY_SLACK_EVENT_TS);
    }

    slack->thread_ts = ngx_deploy_sender_text(payload,
                                              NGX_DEPLOY_SLACK_THREAD_TS);

    return NGX_DEPLOY_OK;
}
