
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_response.h"


/* Slack takes five messages, and one whose reply is lost may have come */

#define NGX_HTTP_DEPLOY_RESPONSE_TRIES  4
#define NGX_HTTP_DEPLOY_RESPONSE_WAIT   30     /* seconds, between two */


typedef struct {
    void                         *fake[3];     /* the event's ident must */
    ngx_int_t                     ident;       /* be as in a connection */

    ngx_pool_t                   *pool;
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_str_t                     url;
    ngx_str_t                     body;
    time_t                        until;
    ngx_uint_t                    tries;
    ngx_deploy_header_t           header;
    ngx_http_deploy_outbound_t   *out;
    ngx_event_t                   event;
} ngx_http_deploy_response_t;


static ngx_int_t ngx_http_deploy_response_url(
    ngx_http_deploy_response_t *response, ngx_str_t *url);
static ngx_int_t ngx_http_deploy_response_send(
    ngx_http_deploy_response_t *response);
static void ngx_http_deploy_response_event(ngx_event_t *ev);
static void ngx_http_deploy_response_sent(ngx_http_deploy_outbound_t *out);
static ngx_uint_t ngx_http_deploy_response_again(
    ngx_http_deploy_response_t *response, ngx_http_deploy_outbound_t *out,
    ngx_deploy_slack_reply_t *reply);


void
ngx_http_deploy_response_take(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *url)
{
    const char                  *reason;
    ngx_http_deploy_loc_conf_t  *dlcf;

    if (url->len == 0) {
        return;
    }

    if (ngx_deploy_slack_response_url(url, &reason) == NGX_DEPLOY_OK) {
        ctx->response_url = *url;
        return;
    }

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    ngx_log_error(dlcf->log_level, r->connection->log, 0,
                  "deploy ignores the response_url of a request: %s", reason);
}


void
ngx_http_deploy_response(ngx_http_deploy_srv_conf_t *dscf, ngx_str_t *url,
    time_t until, ngx_deploy_slack_text_t *text, ngx_uint_t in_channel)
{
    unsigned                     flags;
    ngx_pool_t                  *pool;
    ngx_deploy_pool_t            dpool;
    ngx_http_deploy_response_t  *response;

    if (url->len == 0 || ngx_time() >= until) {
        return;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    response = ngx_pcalloc(pool, sizeof(ngx_http_deploy_response_t));
    if (response == NULL) {
        goto failed;
    }

    response->ident = -1;
    response->pool = pool;
    response->dscf = dscf;
    response->until = until;
    response->event.handler = ngx_http_deploy_response_event;
    response->event.data = response;
    response->event.log = ngx_cycle->log;

    dpool = ngx_http_deploy_pool(pool);

    /* the message that has the button stays */

    flags = in_channel ? NGX_DEPLOY_SLACK_IN_CHANNEL : 0;

    if (ngx_deploy_slack_of_message(url)) {
        flags |= NGX_DEPLOY_SLACK_KEEP;
    }

    if (ngx_http_deploy_response_url(response, url) != NGX_OK
        || ngx_deploy_slack_response(&dpool, text, flags, &response->body)
           != NGX_DEPLOY_OK)
    {
        goto failed;
    }

    /* not from the handler of the request that is being answered */

    ngx_post_event(&response->event, &ngx_posted_events);

    return;

failed:

    ngx_destroy_pool(pool);
}


/* "endpoint" of deploy_slack stands for the host here, too */

static ngx_int_t
ngx_http_deploy_response_url(ngx_http_deploy_response_t *response,
    ngx_str_t *url)
{
    const char                   *reason;
    ngx_str_t                    *endpoint;
    ngx_deploy_url_t              parts;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = response->dscf->ctx->main_conf[ngx_http_deploy_module.ctx_index];

    if (dmcf->slack == NULL || dmcf->slack->endpoint.len == 0) {
        return ngx_http_deploy_copy(response->pool, &response->url, url);
    }

    if (ngx_deploy_url_parse(url, &parts, &reason) != NGX_DEPLOY_OK) {
        return NGX_ERROR;
    }

    endpoint = &dmcf->slack->endpoint;

    response->url.len = endpoint->len + parts.target.len;
    response->url.data = ngx_pnalloc(response->pool, response->url.len);

    if (response->url.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(response->url.data, "%V%V", endpoint, &parts.target);

    return NGX_OK;
}


static void
ngx_http_deploy_response_event(ngx_event_t *ev)
{
    ngx_http_deploy_response_t  *response;

    response = ev->data;

    if (ngx_http_deploy_response_send(response) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "deploy did not tell a user of Slack: out of memory or "
                      "connections");

        ngx_destroy_pool(response->pool);
    }
}


static ngx_int_t
ngx_http_deploy_response_send(ngx_http_deploy_response_t *response)
{
    ngx_http_deploy_outbound_t  *out;

    static ngx_deploy_header_t  type = {
        ngx_deploy_string("Content-Type"),
        ngx_deploy_string("application/json; charset=utf-8")
    };

    out = ngx_pcalloc(response->pool, sizeof(ngx_http_deploy_outbound_t));
    if (out == NULL) {
        return NGX_ERROR;
    }

    response->header = type;
    response->tries++;

    out->pool = response->pool;
    out->log = ngx_cycle->log;
    out->dscf = response->dscf;
    out->method = NGX_HTTP_POST;
    out->url = response->url;
    out->headers = &response->header;
    out->nheaders = 1;
    out->body = response->body;
    out->max = NGX_DEPLOY_SLACK_MAX_REPLY;
    out->handler = ngx_http_deploy_response_sent;
    out->data = response;

    return ngx_http_deploy_outbound(out);
}


static void
ngx_http_deploy_response_sent(ngx_http_deploy_outbound_t *out)
{
    ngx_deploy_pool_t            pool;
    ngx_deploy_slack_reply_t     reply;
    ngx_http_deploy_response_t  *response;

    response = out->data;
    pool = ngx_http_deploy_pool(response->pool);

    if (ngx_deploy_slack_reply(&pool, NGX_DEPLOY_SLACK_WEBHOOK, out->status,
                               out->retry_after, out->reply.data,
                               out->reply.len, out->whole, &reply)
        != NGX_DEPLOY_OK)
    {
        ngx_destroy_pool(response->pool);
        return;
    }

    if (reply.class == NGX_DEPLOY_SLACK_DONE) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "deploy told a user of Slack what became of a command");

    } else if (ngx_http_deploy_response_again(response, out, &reply)) {
        return;

    } else {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "deploy did not tell a user of Slack what became of a "
                      "command: status %ui, %s%s%V",
                      out->status, reply.reason, reply.error.len ? ", " : "",
                      &reply.error);
    }

    ngx_destroy_pool(response->pool);
}


/* what may have come is not sent again */

static ngx_uint_t
ngx_http_deploy_response_again(ngx_http_deploy_response_t *response,
    ngx_http_deploy_outbound_t *out, ngx_deploy_slack_reply_t *reply)
{
    int64_t  delay;

    if (reply->class != NGX_DEPLOY_SLACK_AGAIN
        || (out->status == 0 && out->sent)
        || response->tries == NGX_HTTP_DEPLOY_RESPONSE_TRIES
        || ngx_exiting)
    {
        return 0;
    }

    delay = (int64_t) 1 << (response->tries - 1);

    if (reply->retry_after > delay) {
        delay = reply->retry_after;
    }

    /* a worker that quits waits for it */

    if (delay > NGX_HTTP_DEPLOY_RESPONSE_WAIT
        || ngx_time() + delay >= response->until)
    {
        return 0;
    }

    ngx_add_timer(&response->event, (ngx_msec_t) delay * 1000);

    return 1;
}


void
ngx_http_deploy_response_build(ngx_http_deploy_dispatch_t *d)
{
    ngx_deploy_pool_t          pool;
    ngx_http_deploy_build_t    build;
    ngx_deploy_slack_text_t    text;
    ngx_http_deploy_notice_t  *notice;

    notice = d->notice;

    if (notice == NULL || notice->response_url.len == 0) {
        return;
    }

    pool = ngx_http_deploy_pool(d->pool);

    if (ngx_deploy_slack_text(&text, &pool, NGX_DEPLOY_SLACK_MAX_MESSAGE)
        != NGX_DEPLOY_OK)
    {
        return;
    }

    ngx_memzero(&build, sizeof(ngx_http_deploy_build_t));

    build.project = d->call.project;
    build.state = d->state;
    build.reply = d->call.reply;

    ngx_http_deploy_command_build(&text, &build);

    ngx_http_deploy_response(d->call.dscf, &notice->response_url,
                             notice->response_until, &text,
                             d->state == NGX_HTTP_DEPLOY_BUILD_STARTED
                             && !ngx_deploy_slack_of_message(
                                                  &notice->response_url));

    /* once is enough */

    notice->response_url.len = 0;
}
