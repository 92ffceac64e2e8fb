
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_PAYLOAD_H_INCLUDED_
#define _NGX_DEPLOY_PAYLOAD_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"


/* from the body of a verified delivery to its events */

#define NGX_DEPLOY_PAYLOAD_MAX_EVENTS  1024      /* refs in one push */
#define NGX_DEPLOY_PAYLOAD_MAX_PATHS   32768     /* then: incomplete */
#define NGX_DEPLOY_PAYLOAD_PATHS_SIZE  (8 * 1024 * 1024)  /* the same */
#define NGX_DEPLOY_PAYLOAD_MAX_NAME    4096      /* refs, names, hashes */
#define NGX_DEPLOY_PAYLOAD_MAX_TEXT    65536     /* messages, titles: cut */


/* compiled tables of all senders, made once per configuration */
typedef struct ngx_deploy_senders_s  ngx_deploy_senders_t;

typedef struct ngx_deploy_payload_s  ngx_deploy_payload_t;


/*
 * How a delivery came.  Its headers are not covered by most signatures, so
 * nothing but the kind is taken from them and the body has to agree.
 */

typedef struct {
    /* of deploy_verify, that was satisfied; NULL where none is known */
    const char                *scheme;

    ngx_deploy_get_header_pt   get_header;
    void                      *data;          /* for get_header */

    unsigned                   form;          /* a form, else JSON */
    uint64_t                   seed;          /* nobody's guess */
} ngx_deploy_delivery_t;


/* what a request of Slack has besides its event; absent where it has not */

typedef struct {
    ngx_deploy_str_t           challenge;     /* of url_verification */
    ngx_deploy_str_t           response_url;  /* anybody's text */
    ngx_deploy_str_t           trigger_id;

    /* of the first of its actions: value also of an option selected */
    ngx_deploy_str_t           action_id;
    ngx_deploy_str_t           block_id;
    ngx_deploy_str_t           value;

    /* the message that it is about, in the event's channel */
    ngx_deploy_str_t           message_ts;
    ngx_deploy_str_t           thread_ts;
} ngx_deploy_slack_request_t;


/* NULL when memory is short */
ngx_deploy_senders_t *ngx_deploy_senders_create(ngx_deploy_pool_t *pool);

/*
 * A new payload.  Some schemes have one sender; else it is told from the
 * headers (providers.md, 1.3), and where they are silent from the body.
 * NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with *reason: a kind that cannot be
 * told; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_payload_create(ngx_deploy_payload_t **payload,
    ngx_deploy_pool_t *pool, const ngx_deploy_senders_t *senders,
    const ngx_deploy_delivery_t *delivery, const char **reason);

/* the next bytes of the body; codes as ngx_deploy_payload_end() */
int ngx_deploy_payload_feed(ngx_deploy_payload_t *payload, const u_char *p,
    size_t len);

/*
 * The end of the body.  NGX_DEPLOY_OK: *events and *n are set, n may be 0
 * (an empty push); NGX_DEPLOY_DECLINED: not parseable, over a limit, or the
 * body does not agree with the header; NGX_DEPLOY_ERROR: memory.
 */
int ngx_deploy_payload_end(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t **events, size_t *n);

/* a static text for people, set with NGX_DEPLOY_DECLINED */
const char *ngx_deploy_payload_reason(ngx_deploy_payload_t *payload);

/* bytes accepted so far, for the log */
size_t ngx_deploy_payload_offset(ngx_deploy_payload_t *payload);

/*
 * The sender: "github", "bitbucket", "bitbucket-server", ...; absent while
 * only the rest of the body can tell
 */
const ngx_deploy_str_t *ngx_deploy_payload_provider(
    ngx_deploy_payload_t *payload);

/*
 * The sender's delivery id, for display: absent unless it is 1 to 128
 * visible ASCII characters.  Some senders have it in the body, then it is
 * there after the end.
 */
const ngx_deploy_str_t *ngx_deploy_payload_delivery(
    ngx_deploy_payload_t *payload);

/*
 * After the end: what an answer to Slack needs; the texts live as long as the
 * pool.  NGX_DEPLOY_DECLINED when the sender is not Slack.
 */
int ngx_deploy_payload_slack(ngx_deploy_payload_t *payload,
    ngx_deploy_slack_request_t *slack);


#endif /* _NGX_DEPLOY_PAYLOAD_H_INCLUDED_ */
