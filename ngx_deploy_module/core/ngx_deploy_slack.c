
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack.h"
#include "ngx_deploy_json.h"


#define NGX_DEPLOY_SLACK_MAX_ERROR  64
#define NGX_DEPLOY_SLACK_MAX_WAIT   3600    /* seconds of Retry-After */
#define NGX_DEPLOY_SLACK_MAX_PATH   512


typedef struct {
    const char                *error;
    ngx_deploy_slack_class_e   class;
} ngx_deploy_slack_error_t;


static int ngx_deploy_slack_reply_api(ngx_deploy_pool_t *pool,
    const u_char *body, size_t len, ngx_deploy_slack_reply_t *reply);
static int ngx_deploy_slack_reply_text(ngx_deploy_pool_t *pool,
    const u_char *body, size_t len, ngx_deploy_slack_reply_t *reply);
static int ngx_deploy_slack_reply_error(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *error, ngx_deploy_slack_reply_t *reply);
static int ngx_deploy_slack_id(const ngx_deploy_str_t *id,
    const char *kinds);


/* all others are for good */

static const ngx_deploy_slack_error_t  ngx_deploy_slack_errors[] = {
    { "ratelimited", NGX_DEPLOY_SLACK_AGAIN },
    { "rate_limited", NGX_DEPLOY_SLACK_AGAIN },
    { "message_limit_exceeded", NGX_DEPLOY_SLACK_AGAIN },
    { "internal_error", NGX_DEPLOY_SLACK_AGAIN },
    { "fatal_error", NGX_DEPLOY_SLACK_AGAIN },
    { "service_unavailable", NGX_DEPLOY_SLACK_AGAIN },
    { "request_timeout", NGX_DEPLOY_SLACK_AGAIN },
    { "team_added_to_org", NGX_DEPLOY_SLACK_AGAIN },
    { "message_not_found", NGX_DEPLOY_SLACK_LOST },
    { "cant_update_message", NGX_DEPLOY_SLACK_LOST },
    { "edit_window_closed", NGX_DEPLOY_SLACK_LOST },
    { "thread_not_found", NGX_DEPLOY_SLACK_LOST },
    { NULL, NGX_DEPLOY_SLACK_REFUSED }
};


int
ngx_deploy_slack_reply(ngx_deploy_pool_t *pool,
    ngx_deploy_slack_service_e service, unsigned status,
    int64_t retry_after, const u_char *body, size_t len, unsigned whole,
    ngx_deploy_slack_reply_t *reply)
{
    memset(reply, 0, sizeof(ngx_deploy_slack_reply_t));

    reply->class = NGX_DEPLOY_SLACK_AGAIN;
    reply->retry_after = (retry_after > NGX_DEPLOY_SLACK_MAX_WAIT)
                         ? NGX_DEPLOY_SLACK_MAX_WAIT : retry_after;

    if (status == 0) {
        reply->reason = "no reply";
        return NGX_DEPLOY_OK;
    }

    if (status == 429) {
        reply->reason = "too many messages";
        return NGX_DEPLOY_OK;
    }

    if (status == 408 || status >= 500) {
        reply->reason = "Slack is in trouble";
        return NGX_DEPLOY_OK;
    }

    if (status != 200) {
        reply->class = NGX_DEPLOY_SLACK_REFUSED;
        reply->reason = "refused by Slack";

        return ngx_deploy_slack_reply_text(pool, body, whole ? len : 0,
                                           reply);
    }

    /* the body of a webhook's success is "ok", of a command's it is empty */

    if (service == NGX_DEPLOY_SLACK_WEBHOOK) {
        reply->class = NGX_DEPLOY_SLACK_DONE;
        return NGX_DEPLOY_OK;
    }

    if (!whole) {
        reply->reason = "reply is cut short";
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_slack_reply_api(pool, body, len, reply);
}


/* failures have status 200, too */

static int
ngx_deploy_slack_reply_api(ngx_deploy_pool_t *pool, const u_char *body,
    size_t len, ngx_deploy_slack_reply_t *reply)
{
    int                 rc;
    ngx_deploy_str_t    channel, ts, error;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(body, len, NGX_DEPLOY_SLACK_MAX_REPLY,
                                 &reply->reason);
    if (json == NULL) {
        return NGX_DEPLOY_OK;
    }

    if (!ngx_deploy_json_get_bool(json, "ok", 0)) {
        error = ngx_deploy_json_get_str(json, "error");
        rc = ngx_deploy_slack_reply_error(pool, &error, reply);

        ngx_deploy_json_free(json);

        return rc;
    }

    reply->class = NGX_DEPLOY_SLACK_DONE;

    channel = ngx_deploy_json_get_str(json, "channel");
    ts = ngx_deploy_json_get_str(json, "ts");
    rc = NGX_DEPLOY_OK;

    if (channel.data != NULL) {
        rc |= ngx_deploy_pstrdup(pool, &reply->channel, channel.data,
                                 channel.len);
    }

    if (ts.data != NULL) {
        rc |= ngx_deploy_pstrdup(pool, &reply->ts, ts.data, ts.len);
    }

    ngx_deploy_json_free(json);

    return rc;
}


/* "channel_is_archived" alone, or an error of the API as JSON */

static int
ngx_deploy_slack_reply_text(ngx_deploy_pool_t *pool, const u_char *body,
    size_t len, ngx_deploy_slack_reply_t *reply)
{
    const char         *reason;
    ngx_deploy_str_t    error;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(body, len, NGX_DEPLOY_SLACK_MAX_REPLY,
                                 &reason);
    error.len = len;
    error.data = (u_char *) body;

    if (json) {
        error = ngx_deploy_json_get_str(json, "error");
    }

    if (ngx_deploy_slack_reply_error(pool, &error, reply) != NGX_DEPLOY_OK) {
        ngx_deploy_json_free(json);
        return NGX_DEPLOY_ERROR;
    }

    ngx_deploy_json_free(json);

    /* the status has decided */

    reply->class = NGX_DEPLOY_SLACK_REFUSED;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_slack_reply_error(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *error, ngx_deploy_slack_reply_t *reply)
{
    size_t                           i;
    u_char                           ch;
    const ngx_deploy_slack_error_t  *known;
    static const ngx_deploy_str_t    unknown =
                                         ngx_deploy_string("unknown_error");

    for (i = 0; i < error->len && i <= NGX_DEPLOY_SLACK_MAX_ERROR; i++) {
        ch = error->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && (ch == '\0' || strchr("_.:-", ch) == NULL))
        {
            break;
        }
    }

    if (i == 0 || i != error->len || i > NGX_DEPLOY_SLACK_MAX_ERROR) {
        error = &unknown;
    }

    for (known = ngx_deploy_slack_errors; known->error; known++) {
        if (ngx_deploy_str_is(error, known->error)) {
            break;
        }
    }

    reply->class = known->class;
    reply->reason = (known->class == NGX_DEPLOY_SLACK_LOST)
                    ? "the message is gone"
                    : (known->class == NGX_DEPLOY_SLACK_AGAIN)
                      ? "Slack is in trouble" : "refused by Slack";

    return ngx_deploy_pstrdup(pool, &reply->error, error->data, error->len);
}


int
ngx_deploy_slack_response_url(const ngx_deploy_str_t *url,
    const char **reason)
{
    size_t                          i, len;
    u_char                          ch;
    const char *const              *root;
    static const char *const        roots[] = {
        "https://hooks.slack.com/commands/",
        "https://hooks.slack.com/actions/",
        "https://hooks.slack-gov.com/commands/",
        "https://hooks.slack-gov.com/actions/",
        NULL
    };

    for (root = roots; *root; root++) {
        if (ngx_deploy_str_starts(url, *root)) {
            break;
        }
    }

    if (*root == NULL) {
        *reason = "not a response_url of Slack";
        return NGX_DEPLOY_DECLINED;
    }

    len = strlen(*root);

    if (url->len == len || url->len > NGX_DEPLOY_SLACK_MAX_PATH) {
        *reason = "response_url of a wrong length";
        return NGX_DEPLOY_DECLINED;
    }

    for (i = len; i < url->len; i++) {
        ch = url->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z')
            && (ch < '0' || ch > '9') && ch != '/' && ch != '-' && ch != '_')
        {
            *reason = "invalid character in response_url";
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


unsigned
ngx_deploy_slack_of_message(const ngx_deploy_str_t *url)
{
    return ngx_deploy_str_starts(url, "https://hooks.slack.com/actions/")
           || ngx_deploy_str_starts(url,
                                    "https://hooks.slack-gov.com/actions/");
}


int
ngx_deploy_slack_channel(const ngx_deploy_str_t *id)
{
    return ngx_deploy_slack_id(id, "CDG");
}


int
ngx_deploy_slack_user(const ngx_deploy_str_t *id)
{
    return ngx_deploy_slack_id(id, "UW");
}


static int
ngx_deploy_slack_id(const ngx_deploy_str_t *id, const char *kinds)
{
    size_t  i;
    u_char  ch;

    if (id->len < 2 || id->len > 32 || id->data[0] == '\0'
        || strchr(kinds, id->data[0]) == NULL)
    {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 1; i < id->len; i++) {
        ch = id->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < '0' || ch > '9')) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}
