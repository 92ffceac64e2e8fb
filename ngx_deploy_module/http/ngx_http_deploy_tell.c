
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_outbound.h"
#include "ngx_deploy_slack.h"


#define NGX_HTTP_DEPLOY_TELL_LEASE  90000     /* ms, longer than any call */
#define NGX_HTTP_DEPLOY_TELL_SWEEP  5000      /* ms: what others left */
#define NGX_HTTP_DEPLOY_TELL_SENDS  8         /* at once, of a worker */
#define NGX_HTTP_DEPLOY_TELL_RETRY  1000      /* ms, the shortest delay */


/* a message under way */

typedef struct {
    ngx_pool_t                    *pool;
    ngx_deploy_board_work_t        work;
    ngx_http_deploy_outbound_t     out;
    ngx_deploy_header_t            headers[2];
} ngx_http_deploy_tell_t;


static void ngx_http_deploy_tell_event(ngx_event_t *ev);
static void ngx_http_deploy_tell_run(void);
static ngx_int_t ngx_http_deploy_tell_next(int64_t *next);
static ngx_int_t ngx_http_deploy_tell_send(ngx_http_deploy_tell_t *send);
static ngx_int_t ngx_http_deploy_tell_body(ngx_http_deploy_tell_t *send);
static void ngx_http_deploy_tell_sent(ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_tell_done(ngx_http_deploy_tell_t *send,
    ngx_deploy_slack_reply_t *reply);
static void ngx_http_deploy_tell_log(ngx_http_deploy_tell_t *send,
    ngx_deploy_slack_reply_t *reply, int rc);


/* of the worker */

static struct {
    ngx_http_deploy_main_conf_t   *dmcf;
    ngx_http_deploy_srv_conf_t    *dscf;
    ngx_event_t                    event;
    ngx_uint_t                     sends;
} ngx_http_deploy_teller;


/* the logs of events want one */

static ngx_connection_t  ngx_http_deploy_tell_connection;


void
ngx_http_deploy_tell_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_srv_conf_t *dscf)
{
    ngx_event_t  *ev;

    ngx_http_deploy_teller.dmcf = dmcf;
    ngx_http_deploy_teller.dscf = dscf;

    ngx_http_deploy_tell_connection.fd = (ngx_socket_t) -1;

    ev = &ngx_http_deploy_teller.event;

    ev->handler = ngx_http_deploy_tell_event;
    ev->data = &ngx_http_deploy_tell_connection;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_DEPLOY_TELL_SWEEP);
}


void
ngx_http_deploy_tell_soon(void)
{
    ngx_post_event(&ngx_http_deploy_teller.event, &ngx_posted_events);
}


static void
ngx_http_deploy_tell_event(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    ngx_http_deploy_tell_run();
}


static void
ngx_http_deploy_tell_run(void)
{
    int64_t     next;
    ngx_int_t   rc;
    ngx_msec_t  timer;

    if (ngx_http_deploy_teller.dmcf->slack == NULL) {
        return;
    }

    do {
        next = -1;

        rc = (ngx_http_deploy_teller.sends < NGX_HTTP_DEPLOY_TELL_SENDS)
             ? ngx_http_deploy_tell_next(&next) : NGX_DECLINED;

    } while (rc == NGX_OK);

    timer = NGX_HTTP_DEPLOY_TELL_SWEEP;

    if (next != -1 && next < (int64_t) timer) {
        timer = next;
    }

    if (!ngx_http_deploy_teller.event.timer_set) {
        ngx_add_timer(&ngx_http_deploy_teller.event, timer);
    }
}


/* NGX_OK: a message is under way, or its try is over */

static ngx_int_t
ngx_http_deploy_tell_next(int64_t *next)
{
    int                      rc;
    ngx_pool_t              *pool;
    ngx_deploy_pool_t        dpool;
    ngx_deploy_board_t      *board;
    ngx_http_deploy_tell_t  *send;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    send = ngx_pcalloc(pool, sizeof(ngx_http_deploy_tell_t));
    if (send == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    send->pool = pool;
    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_claim(board, &dpool, &send->work,
                                NGX_HTTP_DEPLOY_TELL_LEASE,
                                ngx_current_msec, next);

    ngx_http_deploy_board_unlock();

    if (rc != NGX_DEPLOY_OK) {
        ngx_destroy_pool(pool);
        return NGX_DECLINED;
    }

    ngx_http_deploy_teller.sends++;

    if (ngx_http_deploy_tell_send(send) != NGX_OK) {
        ngx_http_deploy_tell_sent(&send->out);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_tell_send(ngx_http_deploy_tell_t *send)
{
    ngx_http_deploy_slack_t     *slack;
    ngx_http_deploy_outbound_t  *out;

    static ngx_deploy_str_t  type = ngx_deploy_string("Content-Type");
    static ngx_deploy_str_t  auth = ngx_deploy_string("Authorization");
    static ngx_deploy_str_t  json =
                         ngx_deploy_string("application/json; charset=utf-8");

    slack = ngx_http_deploy_teller.dmcf->slack;
    out = &send->out;

    out->pool = send->pool;
    out->log = ngx_cycle->log;
    out->dscf = ngx_http_deploy_teller.dscf;
    out->method = NGX_HTTP_POST;
    out->headers = send->headers;
    out->nheaders = 1;
    out->max = NGX_DEPLOY_SLACK_MAX_REPLY;
    out->handler = ngx_http_deploy_tell_sent;
    out->data = send;

    send->headers[0].name = type;
    send->headers[0].value = json;

    if (slack->authorization.len) {
        send->headers[1].name = auth;
        send->headers[1].value = slack->authorization;
        out->nheaders = 2;

        out->url = (send->work.ts.len && send->work.phase == -1)
                   ? slack->update : slack->post;

    } else {
        out->url = slack->webhook;
    }

    if (ngx_http_deploy_tell_body(send) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_outbound(out);
}


static ngx_int_t
ngx_http_deploy_tell_body(ngx_http_deploy_tell_t *send)
{
    int                         rc;
    ngx_deploy_pool_t           pool;
    ngx_deploy_board_work_t    *work;
    ngx_deploy_slack_target_t   target;

    ngx_memzero(&target, sizeof(ngx_deploy_slack_target_t));

    pool = ngx_http_deploy_pool(send->pool);
    work = &send->work;

    if (work->channel.len) {
        target.channel = work->channel;
    }

    target.buttons = ngx_http_deploy_teller.dmcf->commands;

    if (work->phase >= 0) {
        target.thread = work->ts;

        rc = ngx_deploy_slack_detail(&pool, &target,
                                     &work->build.phases[work->phase],
                                     &send->out.body);

    } else {
        target.ts = work->ts;

        rc = ngx_deploy_slack_message(&pool, &target, &work->build,
                                      &send->out.body);
    }

    return (rc == NGX_DEPLOY_OK) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_deploy_tell_sent(ngx_http_deploy_outbound_t *out)
{
    ngx_deploy_pool_t              pool;
    ngx_deploy_slack_reply_t       reply;
    ngx_http_deploy_tell_t  *send;

    /* also of one that could not be sent, whose result is all zeros */

    send = (ngx_http_deploy_tell_t *) ((u_char *) out
                          - offsetof(ngx_http_deploy_tell_t, out));

    pool = ngx_http_deploy_pool(send->pool);

    if (ngx_deploy_slack_reply(&pool,
                               send->work.channel.len
                               ? NGX_DEPLOY_SLACK_API
                               : NGX_DEPLOY_SLACK_WEBHOOK,
                               out->status, out->retry_after, out->reply.data,
                               out->reply.len, out->whole, &reply)
        != NGX_DEPLOY_OK)
    {
        reply.class = NGX_DEPLOY_SLACK_AGAIN;
        reply.reason = "no memory";
    }

    ngx_http_deploy_tell_done(send, &reply);

    ngx_http_deploy_teller.sends--;

    ngx_destroy_pool(send->pool);

    ngx_http_deploy_tell_soon();
}


static void
ngx_http_deploy_tell_done(ngx_http_deploy_tell_t *send,
    ngx_deploy_slack_reply_t *reply)
{
    int                  rc;
    int64_t              after, delay;
    ngx_deploy_board_t  *board;

    static ngx_deploy_board_result_e  results[] = {
        NGX_DEPLOY_BOARD_DONE,
        NGX_DEPLOY_BOARD_AGAIN,
        NGX_DEPLOY_BOARD_LOST,
        NGX_DEPLOY_BOARD_REFUSED
    };

    after = (reply->retry_after > 0) ? reply->retry_after * 1000 : 0;
    delay = NGX_HTTP_DEPLOY_TELL_RETRY
            + ngx_random() % NGX_HTTP_DEPLOY_TELL_RETRY;

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_done(board, &send->work,
                               results[reply->class], &reply->ts, after,
                               delay, ngx_current_msec);

    ngx_http_deploy_board_unlock();

    ngx_http_deploy_tell_log(send, reply, rc);

    ngx_http_deploy_keep(&send->work.id, NULL);
}


static void
ngx_http_deploy_tell_log(ngx_http_deploy_tell_t *send,
    ngx_deploy_slack_reply_t *reply, int rc)
{
    ngx_str_t            *name;
    ngx_uint_t            level;
    const char           *status;
    ngx_deploy_build_t   *build;

    build = &send->work.build;
    name = build->id.len ? &build->id : &build->project;
    status = ngx_deploy_build_status_name(build->status);

    ngx_http_deploy_count_message(reply->class == NGX_DEPLOY_SLACK_DONE);

    if (reply->class == NGX_DEPLOY_SLACK_DONE) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "deploy told Slack that build \"%V\" is %s, "
                      "channel \"%V\"", name, status, &send->work.channel);
        return;
    }

    level = (reply->class == NGX_DEPLOY_SLACK_REFUSED
             || rc == NGX_DEPLOY_ERROR)
            ? NGX_LOG_ERR : NGX_LOG_WARN;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "deploy did not tell Slack that build \"%V\" is %s, "
                  "channel \"%V\": status %ui, %s%s%V%s",
                  name, status, &send->work.channel, send->out.status,
                  reply->reason, reply->error.len ? ", " : "", &reply->error,
                  (level == NGX_LOG_ERR) ? ", given up" : "");
}
