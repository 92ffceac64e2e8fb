
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_accept.h"
#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_recall.h"
#include "ngx_http_deploy_body.h"
#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_sns.h"


#define NGX_HTTP_DEPLOY_DRAIN_SIZE  (1024 * 1024)


static ngx_int_t ngx_http_deploy_gate(ngx_http_request_t *r);
static ngx_int_t ngx_http_deploy_gate_headers(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_gate_body(ngx_http_request_t *r);
static void ngx_http_deploy_gate_hashed(ngx_http_request_t *r, void *data,
    ngx_int_t rc);
static void ngx_http_deploy_gate_pass(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_gate_verdict(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_gate_macs(ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_gate_update(void *data, u_char *p,
    size_t len);
static ngx_int_t ngx_http_deploy_gate_busy(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_gate_refuse(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx);
static ngx_int_t ngx_http_deploy_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static void ngx_http_deploy_ctx_cleanup(void *data);


static ngx_http_request_body_filter_pt  ngx_http_next_request_body_filter;


/*
 * PRECONTENT, as "satisfy any" cannot bypass it.  The handler is entered
 * again when the body is there; whatever runs after it sees the body whole.
 */

static ngx_int_t
ngx_http_deploy_gate(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_deploy_ctx_t       *ctx;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (dlcf->verify == NULL) {
        return NGX_DECLINED;
    }

    if (r != r->main) {

        if (ngx_http_deploy_outbound_of(r)) {
            return NGX_DECLINED;
        }

        ngx_log_error(dlcf->log_level, r->connection->log, 0,
                      "deploy refused subrequest: nothing was verified");
        return NGX_HTTP_FORBIDDEN;
    }

    if (dlcf->handler && r->method != NGX_HTTP_POST) {
        return NGX_DECLINED;        /* the content handler answers 405 */
    }

    ctx = ngx_http_deploy_make_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->busy) {
        return ngx_http_deploy_gate_busy(r, dlcf, ctx);
    }

    if (ctx->verified) {
        return (ctx->verdict == NGX_DEPLOY_VERIFY_SUCCESS)
               ? NGX_DECLINED
               : ngx_http_deploy_gate_refuse(r, dlcf, ctx);
    }

    if (!ctx->checked) {
        rc = ngx_http_deploy_gate_headers(r, dlcf, ctx);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->checked = 1;

        if (rc == NGX_DECLINED) {
            ctx->verified = 1;

            if (ngx_http_deploy_ssl_check_asked(r, ctx)) {
                ctx->ssl_check = 1;
                goto read;
            }

#if (NGX_HTTP_V2)

            /* an answer before the end of the body becomes a reset stream */

            if (r->stream
                && r->headers_in.content_length_n <= NGX_HTTP_DEPLOY_DRAIN_SIZE
                && r->request_body == NULL)
            {
                goto read;
            }
#endif

            return ngx_http_deploy_gate_refuse(r, dlcf, ctx);
        }
    }

read:

    ctx->hashed = (r->request_body == NULL && !ctx->verified);
    ctx->reading = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_deploy_gate_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ctx->reading = 0;
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


/* NGX_DECLINED: a refusal that needs no body */

static ngx_int_t
ngx_http_deploy_gate_headers(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_deploy_verify_e     verdict;
    ngx_deploy_verifier_t  *verifiers;

    verifiers = dlcf->verify->elts;

    ctx->sigs = ngx_pcalloc(r->pool, dlcf->verify->nelts
                                     * sizeof(ngx_deploy_signature_t));
    if (ctx->sigs == NULL) {
        return NGX_ERROR;
    }

    ctx->verdict = NGX_DEPLOY_VERIFY_MISSING;

    for (i = 0; i < dlcf->verify->nelts; i++) {

        verdict = ngx_deploy_signature_begin(&ctx->sigs[ctx->nsigs],
                                             &verifiers[i],
                                             ngx_http_deploy_get_header, r,
                                             ngx_time());

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS
            && verifiers[i].type == NGX_DEPLOY_SCHEME_SNS)
        {
            rc = ngx_http_deploy_sns_begin(r, ctx, &ctx->sigs[ctx->nsigs]);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_DECLINED) {
                verdict = NGX_DEPLOY_VERIFY_MALFORMED;
            }
        }

        /* behind another handler nobody knows what is reported */

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS
            && verifiers[i].type == NGX_DEPLOY_SCHEME_BUILD && !dlcf->handler)
        {
            verdict = NGX_DEPLOY_VERIFY_UNKNOWN;
        }

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
            ctx->nsigs++;
            continue;
        }

        ngx_deploy_signature_free(&ctx->sigs[ctx->nsigs]);

        /* nobody knows whether this one would have held */

        if (verdict == NGX_DEPLOY_VERIFY_ERROR) {
            ctx->verdict = verdict;
            ctx->verifier = &verifiers[i];

            return NGX_DECLINED;
        }

        /* of several schemes the one that was tried tells more */

        if (ctx->verifier == NULL
            || ctx->verdict == NGX_DEPLOY_VERIFY_MISSING)
        {
            ctx->verdict = verdict;
            ctx->verifier = &verifiers[i];
        }
    }

    return ctx->nsigs ? NGX_OK : NGX_DECLINED;
}


unsigned
ngx_http_deploy_get_header(void *data, const ngx_deploy_str_t *name,
    ngx_deploy_str_t *value)
{
    ngx_http_request_t *r = data;

    unsigned          n;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    n = 0;
    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len != name->len
            || ngx_memcmp(header[i].lowcase_key, name->data, name->len) != 0)
        {
            continue;
        }

        if (n++ == 0) {
            value->len = header[i].value.len;
            value->data = header[i].value.data;
        }
    }

    return n;
}


static void
ngx_http_deploy_gate_body(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_http_deploy_ctx_t   *ctx;
    ngx_http_deploy_body_t  *body;

    ctx = ngx_http_deploy_get_ctx(r);

    ctx->reading = 0;

    r->preserve_body = 1;

    rc = NGX_OK;

    /* the body was read by another before the filter could see it */

    if (!ctx->hashed && !ctx->verified) {

        body = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_body_t));

        if (body) {
            body->feed = ngx_http_deploy_gate_update;
            body->done = ngx_http_deploy_gate_hashed;
            body->data = ctx;

            rc = ngx_http_deploy_body_pass(r, body);

        } else {
            rc = NGX_ERROR;
        }
    }

    if (rc != NGX_AGAIN) {
        ngx_http_deploy_gate_hashed(r, ctx, rc);
    }
}


static void
ngx_http_deploy_gate_hashed(ngx_http_request_t *r, void *data, ngx_int_t rc)
{
    ngx_http_deploy_ctx_t *ctx = data;

    if (!ctx->verified) {
        ctx->verdict = NGX_DEPLOY_VERIFY_ERROR;
        ctx->verifier = ctx->sigs[0].verifier;
        ctx->busy = (rc == NGX_BUSY);

        if (rc == NGX_OK && ngx_http_deploy_gate_verdict(r, ctx) == NGX_AGAIN)
        {
            return;
        }
    }

    ngx_http_deploy_gate_pass(r, ctx);
}


static void
ngx_http_deploy_gate_pass(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ctx->verified = 1;

    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


void
ngx_http_deploy_gate_resume(ngx_http_deploy_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_set_log_request(c->log, r);

    ngx_http_deploy_gate_pass(r, ctx);

    ngx_http_run_posted_requests(c);
}


/* NGX_AGAIN: the signature needs a certificate, which is on its way */

static ngx_int_t
ngx_http_deploy_gate_verdict(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_gate_macs(ctx);

    return (ctx->sns && ctx->verdict != NGX_DEPLOY_VERIFY_SUCCESS)
           ? ngx_http_deploy_sns_verdict(r, ctx) : NGX_OK;
}


static void
ngx_http_deploy_gate_macs(ngx_http_deploy_ctx_t *ctx)
{
    unsigned             line;
    ngx_uint_t           i;
    ngx_deploy_verify_e  verdict;

    for (i = 0; i < ctx->nsigs; i++) {

        line = 0;
        verdict = ngx_deploy_signature_end(&ctx->sigs[i], &line);

        if (i == 0
            || verdict == NGX_DEPLOY_VERIFY_SUCCESS
            || verdict == NGX_DEPLOY_VERIFY_ERROR)
        {
            ctx->verdict = verdict;
            ctx->verifier = ctx->sigs[i].verifier;
            ctx->secret = line;
        }

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
            ctx->id = ctx->sigs[i].id;
            ctx->payload = ctx->sigs[i].is_form;

            if (ctx->verifier->type == NGX_DEPLOY_SCHEME_BUILD) {
                ctx->reporter = &ctx->sigs[i].build;
                ctx->token = ctx->reporter->id;
            }

            break;
        }
    }

    for (i = 0; i < ctx->nsigs; i++) {
        ngx_deploy_signature_free(&ctx->sigs[i]);
    }
}


static ngx_int_t
ngx_http_deploy_gate_update(void *data, u_char *p, size_t len)
{
    ngx_http_deploy_ctx_t *ctx = data;

    ngx_uint_t  i;

    for (i = 0; i < ctx->nsigs; i++) {
        ngx_deploy_signature_update(&ctx->sigs[i], p, len);
    }

    if (ctx->sns) {
        (void) ngx_deploy_sns_feed(&ctx->sns->message, p, len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_gate_busy(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx)
{
    if (!dlcf->handler) {
        return (ngx_http_deploy_retry_after(r, NGX_HTTP_DEPLOY_RETRY_AFTER)
                == NGX_OK)
               ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_ERROR;
    }

    ngx_http_finalize_request(r, ngx_http_deploy_answer_busy(r, ctx));

    return NGX_DONE;
}


static ngx_int_t
ngx_http_deploy_gate_refuse(ngx_http_request_t *r,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_ctx_t *ctx)
{
    ngx_int_t    rc;
    ngx_uint_t   level, later;
    const char  *reason, *text;

    /* the sender may try again when it is no fault of its own */

    text = NULL;

    if (ctx->verdict == NGX_DEPLOY_VERIFY_CERTIFICATE) {
        text = "the signing certificate was not to be had";

    } else if (ctx->verdict == NGX_DEPLOY_VERIFY_ERROR
               && (ctx->verifier->type != NGX_DEPLOY_SCHEME_BUILD
                   || ctx->verifier->key->set))
    {
        /* without a key no token was given: another try is of no use */

        text = "the signature could not be checked";
    }

    later = (text != NULL);

    if (ctx->ssl_check && ngx_http_deploy_ssl_check(r) == NGX_OK) {
        ctx->result = "ignored";
        ngx_http_finalize_request(r, ngx_http_deploy_answer_body(r, NULL));

        return NGX_DONE;
    }

    if (!ctx->logged) {
        ctx->logged = 1;
        ctx->result = later ? "failed" : "refused";

        level = dlcf->log_level;

        if (later || ctx->verdict == NGX_DEPLOY_VERIFY_ERROR) {
            level = NGX_LOG_ERR;
        }

        reason = ngx_http_deploy_sns_reason(ctx);

        ngx_log_error(level, r->connection->log, 0,
                      "deploy refused: signature %s, scheme \"%s\", "
                      "header \"%V\"%s%s",
                      ngx_deploy_verify_name(ctx->verdict),
                      ctx->verifier->name, &ctx->verifier->header,
                      reason ? ": " : "", reason ? reason : "");
    }

    if (!dlcf->handler) {
        return later ? NGX_HTTP_SERVICE_UNAVAILABLE : NGX_HTTP_FORBIDDEN;
    }

    rc = later ? ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                             "failed", text)
               : ngx_http_deploy_answer_text(r, NGX_HTTP_FORBIDDEN, "refused",
                                             NULL);

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}


static ngx_int_t
ngx_http_deploy_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t            *cl;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_deploy_module);

    if (ctx && ctx->hashed && ctx->reading && r == r->main) {

        for (cl = in; cl; cl = cl->next) {
            if (ngx_buf_in_memory(cl->buf)) {
                ngx_http_deploy_gate_update(ctx, cl->buf->pos,
                                            cl->buf->last - cl->buf->pos);
            }
        }
    }

    return ngx_http_next_request_body_filter(r, in);
}


ngx_http_deploy_ctx_t *
ngx_http_deploy_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_deploy_ctx_t  *ctx;

    if (r != r->main) {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_deploy_module);

    if (ctx || !(r->internal || r->filter_finalize || r->error_page)) {
        return ctx;
    }

    /* an internal redirect or a named location wiped the contexts */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_deploy_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r, ctx, ngx_http_deploy_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_deploy_ctx_t *
ngx_http_deploy_make_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_deploy_ctx_t  *ctx;

    ctx = ngx_http_deploy_get_ctx(r);

    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_deploy_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_deploy_ctx_t));

    ctx->request = r;

    cln->handler = ngx_http_deploy_ctx_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_deploy_module);

    return ctx;
}


static void
ngx_http_deploy_ctx_cleanup(void *data)
{
    ngx_http_deploy_ctx_t *ctx = data;

    ngx_uint_t                i;
    ngx_http_deploy_build_t  *build;

    for (i = 0; i < ctx->nsigs; i++) {
        ngx_deploy_signature_free(&ctx->sigs[i]);
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_deploy_sns_cleanup(ctx);

    if (ctx->recall) {
        ngx_http_deploy_recall_detach(ctx);
    }

    ngx_http_deploy_keep_detach(ctx);

    /* a build goes on without its client */

    if (ctx->accept) {
        ngx_http_deploy_accept_detach(ctx);
    }

    if (ctx->task) {
        ngx_http_deploy_task_detach(ctx);
    }

    build = ctx->builds.elts;

    for (i = 0; i < ctx->builds.nelts; i++) {

        if (build[i].dispatch && !build[i].dispatch->begun) {
            ngx_destroy_pool(build[i].dispatch->pool);

        } else if (build[i].dispatch) {
            build[i].dispatch->waiter = NULL;
        }
    }
}


ngx_int_t
ngx_http_deploy_gate_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_deploy_gate;

    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_http_deploy_body_filter;

    return NGX_OK;
}
