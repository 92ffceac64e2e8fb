
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SLACK_H_INCLUDED_
#define _NGX_DEPLOY_SLACK_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_build.h"
#include "ngx_deploy_slack_text.h"


/*
 * What is sent to Slack and what comes back.  Limits are those of Slack, in
 * UTF-16 units, or lower where more would be no help to a reader.
 */

#define NGX_DEPLOY_SLACK_MAX_TEXT      3000     /* a text object */
#define NGX_DEPLOY_SLACK_MAX_FIELD     2000     /* a field of a section */
#define NGX_DEPLOY_SLACK_MAX_MESSAGE   3000     /* the text of a message */
#define NGX_DEPLOY_SLACK_MAX_FALLBACK  500
#define NGX_DEPLOY_SLACK_MAX_REPLY     65536    /* bytes */

#define NGX_DEPLOY_SLACK_STOP   "deploy_stop"   /* action_id of a button */
#define NGX_DEPLOY_SLACK_RETRY  "deploy_retry"


/* where a message goes */

typedef struct {
    ngx_deploy_str_t      channel;   /* absent: the one of the webhook */
    ngx_deploy_str_t      ts;        /* the message to replace, absent: none */
    ngx_deploy_str_t      thread;    /* ts of the message that is replied to */
    unsigned              buttons;   /* somebody listens to them */
} ngx_deploy_slack_target_t;


/*
 * The body of chat.postMessage, of chat.update when target has a ts, or of an
 * incoming webhook when it has no channel: all that is known of the build.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_slack_message(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_target_t *target, const ngx_deploy_build_t *build,
    ngx_deploy_str_t *body);

/* the same for what a phase says, to be a reply in the build's thread */
int ngx_deploy_slack_detail(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_target_t *target,
    const ngx_deploy_build_phase_t *phase, ngx_deploy_str_t *body);

/*
 * The answer to a command, or a later one to a response_url: to the user
 * alone, or to all; beside the message that has the button.  An empty text is
 * not sent: a space stands for it.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */

#define NGX_DEPLOY_SLACK_IN_CHANNEL  0x01
#define NGX_DEPLOY_SLACK_KEEP        0x02

int ngx_deploy_slack_response(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_text_t *text, unsigned flags,
    ngx_deploy_str_t *body);

/* how a status looks to people: "#2eb886", ":white_check_mark:", "succeeded" */

typedef struct {
    const char               *color;
    const char               *icon;
    const char               *words;
} ngx_deploy_slack_state_t;


const ngx_deploy_slack_state_t *ngx_deploy_slack_state(
    ngx_deploy_build_status_e status);

/* appends "12 s", "3 min 5 s", "1 h 0 min" */
void ngx_deploy_slack_duration(ngx_deploy_slack_text_t *text,
    int64_t seconds);


/* whose reply it is */

typedef enum {
    NGX_DEPLOY_SLACK_API = 0,        /* chat.postMessage, chat.update */
    NGX_DEPLOY_SLACK_WEBHOOK         /* an incoming webhook, a response_url */
} ngx_deploy_slack_service_e;


typedef enum {
    NGX_DEPLOY_SLACK_DONE = 0,
    NGX_DEPLOY_SLACK_AGAIN,          /* later, not before retry_after */
    NGX_DEPLOY_SLACK_LOST,           /* no message to update: send a new one */
    NGX_DEPLOY_SLACK_REFUSED         /* for good */
} ngx_deploy_slack_class_e;


typedef struct {
    ngx_deploy_slack_class_e  class;
    int64_t                   retry_after;   /* seconds, -1: not told */
    ngx_deploy_str_t          channel;       /* the id */
    ngx_deploy_str_t          ts;            /* a text, as it came */
    ngx_deploy_str_t          error;         /* "channel_not_found" */
    const char               *reason;        /* static: why it is not done */
} ngx_deploy_slack_reply_t;


/*
 * Reads a reply.  status 0: there is none; retry_after is the header in
 * seconds, or -1; whole is 0 when the body was cut.  Texts are copied to the
 * pool; error is of [a-z0-9_.:-] and not longer than 64, else
 * "unknown_error".
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_slack_reply(ngx_deploy_pool_t *pool,
    ngx_deploy_slack_service_e service, unsigned status,
    int64_t retry_after, const u_char *body, size_t len, unsigned whole,
    ngx_deploy_slack_reply_t *reply);


/*
 * Checks a response_url, which comes with a request: https, the host
 * hooks.slack.com or hooks.slack-gov.com, no user, no port, a path under
 * /commands/ or /actions/ of letters, digits, "/", "-", "_".
 * NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED with a static *reason.
 */
int ngx_deploy_slack_response_url(const ngx_deploy_str_t *url,
    const char **reason);

/* 1 when a response_url, which was checked, is of a button of a message */
unsigned ngx_deploy_slack_of_message(const ngx_deploy_str_t *url);

/* checks the id of a channel: C, D or G, then [A-Z0-9]{1,31} */
int ngx_deploy_slack_channel(const ngx_deploy_str_t *id);

/* checks the id of a user: U or W, then [A-Z0-9]{1,31} */
int ngx_deploy_slack_user(const ngx_deploy_str_t *id);


#endif /* _NGX_DEPLOY_SLACK_H_INCLUDED_ */
