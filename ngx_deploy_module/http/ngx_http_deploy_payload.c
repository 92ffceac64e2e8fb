
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_body.h"
#include "ngx_http_deploy_response.h"

#include "ngx_deploy_identity.h"
#include "ngx_deploy_work_arena.h"


/* the facts of a large body; for most of what they are made of are limits */

#define NGX_HTTP_DEPLOY_FACTS_SIZE  (16 * 1024 * 1024)


/* the parts that a thread uses have no memory of nginx */

typedef struct {
    ngx_http_deploy_body_t       body;
    ngx_http_deploy_ctx_t       *ctx;
    ngx_deploy_work_arena_t      arena;
    ngx_deploy_pool_t            pool;
    ngx_deploy_payload_t        *payload;
    ngx_deploy_event_t          *events;
    size_t                       nevents;
    ngx_deploy_identity_t        identity;
    u_char                       hex[NGX_DEPLOY_IDENTITY_LEN];
    unsigned                     identify:1;
} ngx_http_deploy_parse_t;


static ngx_int_t ngx_http_deploy_parse_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_parse_t *parse);
static ngx_int_t ngx_http_deploy_parse_large(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_parse_t *parse);
static ngx_int_t ngx_http_deploy_parse_feed(void *data, u_char *p, size_t len);
static ngx_int_t ngx_http_deploy_parse_end(void *data);
static void ngx_http_deploy_parse_done(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static ngx_int_t ngx_http_deploy_parse_result(ngx_http_deploy_parse_t *parse,
    ngx_int_t rc);
static void ngx_http_deploy_parse_cleanup(void *data);
static ngx_int_t ngx_http_deploy_identity_begin(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_identity_t *identity);
static ngx_int_t ngx_http_deploy_identity_feed(void *data, u_char *p,
    size_t len);
static ngx_int_t ngx_http_deploy_identity_set(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, u_char *hex);


ngx_int_t
ngx_http_deploy_parse(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_int_t                 rc;
    ngx_http_deploy_parse_t  *parse;

    parse = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_parse_t));
    if (parse == NULL) {
        return NGX_ERROR;
    }

    parse->ctx = ctx;
    parse->pool = ngx_http_deploy_pool(r->pool);

    if (ngx_http_deploy_body_size(r) > NGX_HTTP_DEPLOY_LARGE_BODY
        && ngx_http_deploy_parse_large(r, ctx, parse) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_deploy_parse_create(r, ctx, parse);

    if (rc != NGX_OK) {
        return rc;
    }

    parse->body.feed = ngx_http_deploy_parse_feed;
    parse->body.end = ngx_http_deploy_parse_end;
    parse->body.done = ngx_http_deploy_parse_done;
    parse->body.data = parse;

    rc = ngx_http_deploy_body_pass(r, &parse->body);

    if (rc == NGX_AGAIN || rc == NGX_BUSY) {
        return rc;
    }

    return ngx_http_deploy_parse_result(parse, rc);
}


static ngx_int_t
ngx_http_deploy_parse_create(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_parse_t *parse)
{
    int                           rc;
    ngx_deploy_delivery_t         delivery;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    delivery.scheme = ctx->verifier ? ctx->verifier->name : NULL;
    delivery.get_header = ngx_http_deploy_get_header;
    delivery.data = r;
    delivery.form = ctx->form;
    delivery.seed = ((uint64_t) ngx_random() << 32) ^ (uintptr_t) r
                    ^ (uint64_t) ngx_random();

    rc = ngx_deploy_payload_create(&parse->payload, &parse->pool,
                                   dmcf->senders, &delivery, &ctx->reason);

    switch (rc) {

    case NGX_DEPLOY_OK:
        return NGX_OK;

    case NGX_DEPLOY_DECLINED:
        return NGX_DECLINED;

    default:
        return NGX_ERROR;
    }
}


/*
 * The facts of a large body and its identity, which a small one is read for
 * again if it is wanted, are found in one pass.
 */

static ngx_int_t
ngx_http_deploy_parse_large(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_parse_t *parse)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_work_arena_init(&parse->arena, NGX_HTTP_DEPLOY_FACTS_SIZE);

    cln->handler = ngx_http_deploy_parse_cleanup;
    cln->data = parse;

    parse->pool = ngx_deploy_work_arena_pool(&parse->arena);

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (ctx->id.len
        || (dmcf->store == NULL && (dlcf->dry_run || dlcf->rules == NULL)))
    {
        return NGX_OK;
    }

    parse->identify = 1;

    return ngx_http_deploy_identity_begin(r, ctx, &parse->identity);
}


static ngx_int_t
ngx_http_deploy_parse_feed(void *data, u_char *p, size_t len)
{
    ngx_http_deploy_parse_t *parse = data;

    int  rc;

    rc = ngx_deploy_payload_feed(parse->payload, p, len);

    if (rc == NGX_DEPLOY_OK && parse->identify
        && ngx_deploy_identity_update(&parse->identity, p, len)
           != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_int_t
ngx_http_deploy_parse_end(void *data)
{
    ngx_http_deploy_parse_t *parse = data;

    int  rc;

    rc = ngx_deploy_payload_end(parse->payload, &parse->events,
                                &parse->nevents);

    if (rc == NGX_DEPLOY_OK && parse->identify) {
        rc = ngx_deploy_identity_end(&parse->identity, parse->hex);
    }

    return rc;
}


static void
ngx_http_deploy_parse_done(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_deploy_parse_t *parse = data;

    ngx_http_deploy_parsed(r, parse->ctx,
                           ngx_http_deploy_parse_result(parse, rc));
}


static ngx_int_t
ngx_http_deploy_parse_result(ngx_http_deploy_parse_t *parse, ngx_int_t rc)
{
    ngx_http_deploy_ctx_t       *ctx;
    ngx_deploy_slack_request_t   slack;

    ctx = parse->ctx;

    ctx->provider = *ngx_deploy_payload_provider(parse->payload);
    ctx->delivery = *ngx_deploy_payload_delivery(parse->payload);

    /* in a message of SNS there may be an event that has an id of its own */

    if (ctx->id.len && (ctx->sns == NULL || ctx->delivery.len == 0)) {
        ctx->delivery = ctx->id;
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        ctx->reason = ngx_deploy_payload_reason(parse->payload);
        return NGX_DECLINED;
    }

    if (rc != NGX_DEPLOY_OK) {

        if (parse->arena.exceeded) {
            ctx->reason = "too many facts in one delivery";
            return NGX_DECLINED;
        }

        return NGX_ERROR;
    }

    ctx->events = parse->events;
    ctx->nevents = parse->nevents;

    if (ngx_deploy_payload_slack(parse->payload, &slack) == NGX_DEPLOY_OK) {
        ctx->challenge = slack.challenge;
        ctx->value = slack.value;
        ngx_http_deploy_response_take(ctx->request, ctx, &slack.response_url);
    }

    return parse->identify ? ngx_http_deploy_identity_set(parse->body.request,
                                                          ctx, parse->hex)
                           : NGX_OK;
}


static void
ngx_http_deploy_parse_cleanup(void *data)
{
    ngx_http_deploy_parse_t *parse = data;

    ngx_deploy_identity_free(&parse->identity);
    ngx_deploy_work_arena_free(&parse->arena);
}


ngx_int_t
ngx_http_deploy_identity(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    u_char                   hex[NGX_DEPLOY_IDENTITY_LEN];
    ngx_int_t                rc;
    ngx_deploy_identity_t    identity;
    ngx_http_deploy_body_t  *body;

    if (ctx->identity.len) {
        return NGX_OK;
    }

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_body_t));
    if (body == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_deploy_identity_begin(r, ctx, &identity) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->id.len) {
        rc = ngx_deploy_identity_update(&identity, ctx->id.data, ctx->id.len);

    } else {

        /* a large body has its identity already */

        body->feed = ngx_http_deploy_identity_feed;
        body->data = &identity;

        rc = ngx_http_deploy_body_pass(r, body);
    }

    if (rc == NGX_OK
        && ngx_deploy_identity_end(&identity, hex) != NGX_DEPLOY_OK)
    {
        rc = NGX_ERROR;
    }

    ngx_deploy_identity_free(&identity);

    return (rc == NGX_OK) ? ngx_http_deploy_identity_set(r, ctx, hex)
                          : NGX_ERROR;
}


static ngx_int_t
ngx_http_deploy_identity_begin(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_deploy_identity_t *identity)
{
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    return (ngx_deploy_identity_begin(identity,
                                      ctx->verifier ? ctx->verifier->name
                                                    : "off",
                                      &dlcf->name,
                                      ctx->payload && ctx->id.len == 0)
            == NGX_DEPLOY_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_deploy_identity_feed(void *data, u_char *p, size_t len)
{
    return ngx_deploy_identity_update(data, p, len);
}


static ngx_int_t
ngx_http_deploy_identity_set(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    u_char *hex)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_DEPLOY_IDENTITY_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, hex, NGX_DEPLOY_IDENTITY_LEN);

    ctx->identity.len = NGX_DEPLOY_IDENTITY_LEN;
    ctx->identity.data = p;

    return NGX_OK;
}
