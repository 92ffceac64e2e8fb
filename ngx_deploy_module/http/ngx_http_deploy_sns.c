
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_sns.h"
#include "ngx_http_deploy_body.h"
#include "ngx_http_deploy_outbound.h"


#define NGX_HTTP_DEPLOY_SNS_MAX_REPLY  65536


/*
 * A message takes memory of the request, a thread must not: a body that was
 * read before, so that its length is known, is refused if it is for a thread
 */

#if (NGX_DEPLOY_SNS_MAX_BODY > NGX_HTTP_DEPLOY_LARGE_BODY)
#error "a message of SNS may get into a thread"
#endif


/* a subscription that is being confirmed; it belongs to no client's request */

struct ngx_http_deploy_confirm_s {
    ngx_http_deploy_sns_t          *waiter;      /* NULL: it has gone */
    ngx_str_t                       topic;
    ngx_http_deploy_outbound_t      out;
};


static ngx_int_t ngx_http_deploy_sns_target(ngx_http_request_t *r,
    ngx_pool_t *pool, ngx_deploy_str_t *url, ngx_deploy_str_t *target,
    ngx_str_t *dst);
static void ngx_http_deploy_sns_wait(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_event_handler_pt handler);
static void ngx_http_deploy_sns_wait_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_deploy_sns_event(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_sns_call(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_sns_confirmed(ngx_http_deploy_outbound_t *out);
static void ngx_http_deploy_sns_confirm_timer(ngx_event_t *ev);
static void ngx_http_deploy_sns_finish(ngx_http_deploy_ctx_t *ctx,
    ngx_uint_t confirmed);


ngx_int_t
ngx_http_deploy_sns_begin(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_signature_t *sig)
{
    uint64_t                      seed;
    ngx_deploy_pool_t            *pool;
    ngx_http_deploy_sns_t        *sns;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (r->headers_in.content_length_n > NGX_DEPLOY_SNS_MAX_BODY) {
        return NGX_DECLINED;
    }

    sns = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_sns_t));
    pool = ngx_palloc(r->pool, sizeof(ngx_deploy_pool_t));

    if (sns == NULL || pool == NULL) {
        return NGX_ERROR;
    }

    *pool = ngx_http_deploy_pool(r->pool);

    seed = ((uint64_t) ngx_random() << 32) ^ (uintptr_t) r
           ^ (uint64_t) ngx_random();

    if (ngx_deploy_sns_begin(&sns->message, pool, dmcf->sns, seed)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    sns->sig = sig;
    sns->ctx = ctx;

    ctx->sns = sns;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_sns_verdict(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                            url;
    ngx_deploy_sns_t                    *message;
    ngx_deploy_verify_e                  verdict;
    ngx_http_deploy_sns_t               *sns;
    ngx_http_deploy_certificate_t       *fetch;
    const ngx_deploy_sns_certificate_t  *certificate;

    sns = ctx->sns;
    message = &sns->message;

    ctx->verifier = sns->sig->verifier;
    ctx->verdict = NGX_DEPLOY_VERIFY_ERROR;

    verdict = ngx_deploy_sns_check(message, ctx->verifier, &sns->sig->value,
                                   ngx_time());

    if (verdict != NGX_DEPLOY_VERIFY_SUCCESS) {
        ctx->verdict = verdict;
        return NGX_OK;
    }

    if (ngx_http_deploy_sns_target(r, r->pool,
                       &message->members[NGX_DEPLOY_SNS_CERTIFICATE_URL],
                       &message->certificate, &url)
        != NGX_OK)
    {
        return NGX_OK;
    }

    certificate = ngx_http_deploy_certificate_get(r, &url, &fetch);

    if (fetch == NULL) {
        ngx_http_deploy_sns_verify(sns, certificate);
        return NGX_OK;
    }

    ngx_http_deploy_certificate_wait(fetch, sns);

    sns->waiting = 1;

    ngx_http_deploy_sns_wait(r, ctx, ngx_http_deploy_sns_wait_timer);

    return NGX_AGAIN;
}


/* where to call: endpoint= stands for scheme, host and port */

static ngx_int_t
ngx_http_deploy_sns_target(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_deploy_str_t *url, ngx_deploy_str_t *target, ngx_str_t *dst)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (dlcf->sns_endpoint.len == 0) {
        *dst = *url;
        return NGX_OK;
    }

    dst->data = ngx_pnalloc(pool, dlcf->sns_endpoint.len + target->len);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    dst->len = ngx_sprintf(dst->data, "%V%V", &dlcf->sns_endpoint, target)
               - dst->data;

    return NGX_OK;
}


/* the client's leaving touches nothing; the timer delays a graceful exit */

static void
ngx_http_deploy_sns_wait(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_event_handler_pt handler)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    ctx->timer.handler = handler;
    ctx->timer.data = r->connection;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, dlcf->timeout);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


static void
ngx_http_deploy_sns_wait_timer(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_deploy_ctx_t  *ctx;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_deploy_get_ctx(r->main);

    ngx_queue_remove(&ctx->sns->queue);
    ctx->sns->waiting = 0;

    ngx_http_deploy_sns_verify(ctx->sns, NULL);
    ngx_http_deploy_gate_resume(ctx);
}


void
ngx_http_deploy_sns_verify(ngx_http_deploy_sns_t *sns,
    const ngx_deploy_sns_certificate_t *certificate)
{
    ngx_http_deploy_ctx_t  *ctx;

    ctx = sns->ctx;

    ctx->verdict = certificate ? ngx_deploy_sns_verify(&sns->message,
                                                       certificate,
                                                       ngx_time())
                               : NGX_DEPLOY_VERIFY_CERTIFICATE;

    if (ctx->verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
        ctx->id = sns->message.members[NGX_DEPLOY_SNS_MESSAGE_ID];
    }
}


const char *
ngx_http_deploy_sns_reason(ngx_http_deploy_ctx_t *ctx)
{
    return ctx->sns ? ctx->sns->message.reason : NULL;
}


ngx_uint_t
ngx_http_deploy_sns_handshake(ngx_http_deploy_ctx_t *ctx)
{
    return ctx->sns
           && ctx->verifier == ctx->sns->sig->verifier
           && ctx->verdict == NGX_DEPLOY_VERIFY_SUCCESS
           && ctx->sns->message.type != NGX_DEPLOY_SNS_NOTIFICATION;
}


ngx_int_t
ngx_http_deploy_sns_confirm(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_deploy_str_t            *topic;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    topic = &ctx->sns->message.members[NGX_DEPLOY_SNS_TOPIC];

    if (ngx_http_deploy_sns_event(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->sns->message.type == NGX_DEPLOY_SNS_UNSUBSCRIPTION) {
        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "deploy is not subscribed to \"%V\" any more", topic);

        return ngx_http_deploy_answer(r, ctx);
    }

    if (dlcf->dry_run) {
        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "deploy dry run: the subscription to \"%V\" is not "
                      "confirmed", topic);

        return ngx_http_deploy_answer(r, ctx);
    }

    if (ngx_http_deploy_sns_call(r, ctx) != NGX_OK) {
        ctx->result = "failed";

        return ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "failed",
                                           "out of memory or connections");
    }

    ngx_http_deploy_sns_wait(r, ctx, ngx_http_deploy_sns_confirm_timer);

    return NGX_AGAIN;
}


/* an event that no rule is asked about, as it is no news of anything */

static ngx_int_t
ngx_http_deploy_sns_event(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_deploy_str_t    *type, *word;
    ngx_deploy_event_t  *event;

    event = ngx_palloc(r->pool, sizeof(ngx_deploy_event_t));
    if (event == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_event_init(event);

    type = &ctx->sns->message.members[NGX_DEPLOY_SNS_TYPE];
    word = &event->facts[NGX_DEPLOY_EVENT];

    word->data = ngx_pnalloc(r->pool, sizeof("sns_") + type->len);
    if (word->data == NULL) {
        return NGX_ERROR;
    }

    word->len = ngx_sprintf(word->data, "sns_%V", type) - word->data;

    ngx_str_set(&ctx->provider, "aws");

    event->facts[NGX_DEPLOY_PROVIDER] = ctx->provider;

    ctx->delivery = ctx->id;
    ctx->events = event;
    ctx->nevents = 1;
    ctx->event = event;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_sns_call(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_pool_t                  *pool;
    ngx_deploy_str_t            *topic;
    ngx_deploy_sns_t            *message;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_deploy_confirm_t   *confirm;
    ngx_http_deploy_outbound_t  *out;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    message = &ctx->sns->message;
    topic = &message->members[NGX_DEPLOY_SNS_TOPIC];

    pool = ngx_create_pool(4096, clcf->error_log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    confirm = ngx_pcalloc(pool, sizeof(ngx_http_deploy_confirm_t));
    if (confirm == NULL) {
        goto failed;
    }

    confirm->topic.len = topic->len;
    confirm->topic.data = ngx_pstrdup(pool, topic);
    if (confirm->topic.data == NULL) {
        goto failed;
    }

    out = &confirm->out;

    if (ngx_http_deploy_sns_target(r, pool,
                           &message->members[NGX_DEPLOY_SNS_SUBSCRIBE_URL],
                           &message->subscribe, &out->url)
        != NGX_OK)
    {
        goto failed;
    }

    /* the message goes with its request */

    out->url.data = ngx_pstrdup(pool, &out->url);
    if (out->url.data == NULL) {
        goto failed;
    }

    out->pool = pool;
    out->log = clcf->error_log;
    out->dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);
    out->method = NGX_HTTP_GET;
    out->max = NGX_HTTP_DEPLOY_SNS_MAX_REPLY;
    out->handler = ngx_http_deploy_sns_confirmed;
    out->data = confirm;

    if (ngx_http_deploy_outbound(out) != NGX_OK) {
        goto failed;
    }

    confirm->waiter = ctx->sns;
    ctx->sns->confirm = confirm;

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


static void
ngx_http_deploy_sns_confirmed(ngx_http_deploy_outbound_t *out)
{
    ngx_uint_t                  confirmed;
    ngx_http_deploy_sns_t      *sns;
    ngx_http_deploy_confirm_t  *confirm;

    confirm = out->data;
    sns = confirm->waiter;

    confirmed = (out->status == NGX_HTTP_OK);

    if (confirmed) {
        ngx_log_error(NGX_LOG_NOTICE, out->log, 0,
                      "deploy confirmed the subscription to \"%V\"",
                      &confirm->topic);

    } else {
        ngx_log_error(NGX_LOG_ERR, out->log, 0,
                      "deploy did not confirm the subscription to \"%V\": "
                      "status %ui%s", &confirm->topic, out->status,
                      out->timedout ? ", SNS did not answer in time" : "");
    }

    ngx_destroy_pool(out->pool);

    if (sns) {
        sns->confirm = NULL;
        ngx_http_deploy_sns_finish(sns->ctx, confirmed);
    }
}


static void
ngx_http_deploy_sns_confirm_timer(ngx_event_t *ev)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_deploy_ctx_t  *ctx;

    c = ev->data;
    r = c->data;
    ctx = ngx_http_deploy_get_ctx(r->main);

    /* it goes on, its result is logged */

    ctx->sns->confirm->waiter = NULL;
    ctx->sns->confirm = NULL;

    ngx_http_deploy_sns_finish(ctx, 0);
}


static void
ngx_http_deploy_sns_finish(ngx_http_deploy_ctx_t *ctx, ngx_uint_t confirmed)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_set_log_request(c->log, r);

    if (confirmed) {
        rc = ngx_http_deploy_answer(r, ctx);

    } else {
        ctx->result = "failed";
        rc = ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                         "failed",
                                         "the subscription is not confirmed");
    }

    ngx_http_finalize_request(r, rc);

    ngx_http_run_posted_requests(c);
}


void
ngx_http_deploy_sns_cleanup(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_sns_t  *sns;

    sns = ctx->sns;

    if (sns == NULL) {
        return;
    }

    if (sns->waiting) {
        ngx_queue_remove(&sns->queue);
        sns->waiting = 0;
    }

    if (sns->confirm) {
        sns->confirm->waiter = NULL;
        sns->confirm = NULL;
    }
}
