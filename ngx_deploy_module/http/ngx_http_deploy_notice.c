
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_notice.h"
#include "ngx_http_deploy_response.h"


static ngx_int_t ngx_http_deploy_notice_event(ngx_deploy_event_t *dst,
    ngx_deploy_event_t *src, ngx_pool_t *pool);
static ngx_deploy_json_t *ngx_http_deploy_notice_list(ngx_array_t *channels);
static ngx_int_t ngx_http_deploy_notice_read(ngx_pool_t *pool,
    ngx_deploy_json_t *json, ngx_http_deploy_notice_t *notice);
static ngx_int_t ngx_http_deploy_notice_channels(ngx_pool_t *pool,
    ngx_deploy_json_t *json, const char *name, ngx_array_t *channels);
static void ngx_http_deploy_notice_told(ngx_http_deploy_notice_t *notice,
    ngx_deploy_reply_t *reply, ngx_uint_t started);


ngx_int_t
ngx_http_deploy_notice_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index, ngx_pool_t *pool, ngx_http_deploy_notice_t **notice)
{
    ngx_deploy_event_t            event, *cause;
    ngx_http_deploy_notice_t     *n;
    ngx_http_deploy_main_conf_t  *dmcf;

    *notice = NULL;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (dmcf->notifies.nelts == 0 && !dmcf->chains && !dmcf->commands) {
        return NGX_OK;
    }

    n = ngx_pcalloc(pool, sizeof(ngx_http_deploy_notice_t));
    if (n == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_build_init(&n->build);

    cause = ctx->event;

    if (ctx->upstream && ctx->upstream->event.facts[NGX_DEPLOY_EVENT].len) {
        cause = &ctx->upstream->event;
    }

    if (ngx_array_init(&n->started, pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&n->rejected, pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_deploy_notice_event(&n->build.event, cause, pool)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &n->build.project, &build->project)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &n->build.delivery, &ctx->delivery)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->upstream) {

        if (ngx_http_deploy_report_chain(&n->build, ctx->upstream, pool)
            != NGX_OK
            || ngx_http_deploy_copy(pool, &n->build.delivery,
                                    &ctx->upstream->delivery)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* no more messages than Slack takes */

    if (index < NGX_HTTP_DEPLOY_RESPONSE_MAX) {

        if (ngx_http_deploy_copy(pool, &n->response_url, &ctx->response_url)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n->response_until = ngx_time() + NGX_HTTP_DEPLOY_RESPONSE_TIME;
    }

    /* what has no id is known by what it would have been */

    n->key.len = build->project.len + 1 + ctx->identity.len + 1
                 + NGX_INT_T_LEN;
    n->key.data = ngx_pnalloc(pool, n->key.len);

    if (n->key.data == NULL) {
        return NGX_ERROR;
    }

    n->key.len = ngx_sprintf(n->key.data, "%V!%V!%ui", &build->project,
                             &ctx->identity, index)
                 - n->key.data;

    event = n->build.event;
    event.facts[NGX_DEPLOY_PROJECT] = build->project;

    /* the event may be of a phase of another build */

    event.of_phase = 0;
    ngx_str_null(&event.facts[NGX_DEPLOY_PHASE]);

    ngx_str_set(&event.facts[NGX_DEPLOY_STATUS], "started");

    if (ngx_http_deploy_notify_channels(r, &event, &n->started) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&event.facts[NGX_DEPLOY_STATUS], "rejected");

    if (ngx_http_deploy_notify_channels(r, &event, &n->rejected) != NGX_OK) {
        return NGX_ERROR;
    }

    *notice = n;

    return NGX_OK;
}


/* the facts, and those of the flags that tell a merge or a deletion */

static ngx_int_t
ngx_http_deploy_notice_event(ngx_deploy_event_t *dst,
    ngx_deploy_event_t *src, ngx_pool_t *pool)
{
    ngx_uint_t  i;

    ngx_deploy_event_init(dst);

    dst->merged = src->merged;
    dst->deleted = src->deleted;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {

        if (src->facts[i].data == NULL) {
            continue;
        }

        if (ngx_http_deploy_copy(pool, &dst->facts[i], &src->facts[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_notice_dump(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_str_t *text)
{
    int                 rc;
    u_char             *p;
    ngx_str_t           head, build;
    ngx_deploy_json_t  *json;
    ngx_deploy_pool_t   dpool;

    dpool = ngx_http_deploy_pool(pool);

    if (ngx_deploy_build_dump(&notice->build, &dpool, &build)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    /* the memory of builds has no room for it, either */

    if (build.len > NGX_DEPLOY_BOARD_MAX_DATA) {
        return NGX_OK;
    }

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(json, "key", &notice->key);
    rc |= ngx_deploy_json_set(json, "started",
                              ngx_http_deploy_notice_list(&notice->started));
    rc |= ngx_deploy_json_set(json, "rejected",
                              ngx_http_deploy_notice_list(&notice->rejected));

    if (notice->response_url.len) {
        rc |= ngx_deploy_json_set(json, "response_until",
                              ngx_deploy_json_int(notice->response_until));
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, &dpool, &head);
    }

    ngx_deploy_json_free(json);

    if (rc != NGX_DEPLOY_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, head.len + sizeof(",\"build\":}") + build.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    head.len--;

    text->data = p;
    text->len = ngx_sprintf(p, "%V,\"build\":%V}", &head, &build) - p;

    return NGX_OK;
}


static ngx_deploy_json_t *
ngx_http_deploy_notice_list(ngx_array_t *channels)
{
    ngx_str_t          *channel;
    ngx_uint_t          i;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_array();
    channel = channels->elts;

    for (i = 0; i < channels->nelts; i++) {
        if (ngx_deploy_json_append(json, ngx_deploy_json_str(&channel[i]))
            != NGX_DEPLOY_OK)
        {
            ngx_deploy_json_free(json);
            return NULL;
        }
    }

    return json;
}


ngx_int_t
ngx_http_deploy_notice_load(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *response, ngx_http_deploy_notice_t **notice)
{
    ngx_int_t                  rc;
    const char                *reason;
    ngx_deploy_json_t         *json;
    ngx_http_deploy_notice_t  *n;

    *notice = NULL;

    if (text->len == 0) {
        return NGX_OK;
    }

    n = ngx_pcalloc(pool, sizeof(ngx_http_deploy_notice_t));
    if (n == NULL) {
        return NGX_ERROR;
    }

    json = ngx_deploy_json_parse(text->data, text->len,
                                 NGX_DEPLOY_BUILD_MAX_DUMP, &reason);

    rc = json ? ngx_http_deploy_notice_read(pool, json, n) : NGX_DECLINED;

    ngx_deploy_json_free(json);

    if (rc == NGX_OK) {
        rc = ngx_http_deploy_copy(pool, &n->response_url, response);
    }

    if (rc == NGX_OK) {
        *notice = n;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_deploy_notice_read(ngx_pool_t *pool, ngx_deploy_json_t *json,
    ngx_http_deploy_notice_t *notice)
{
    int                 rc;
    ngx_str_t           key;
    ngx_deploy_pool_t   dpool;
    ngx_deploy_json_t  *build;

    dpool = ngx_http_deploy_pool(pool);

    key = ngx_deploy_json_get_str(json, "key");
    build = ngx_deploy_json_get(json, "build");

    if (key.len == 0 || build == NULL) {
        return NGX_DECLINED;
    }

    notice->response_until = (time_t) ngx_deploy_json_get_int(json,
                                                        "response_until", 0);

    rc = ngx_deploy_build_of_json(&notice->build, &dpool, build);

    if (rc == NGX_DEPLOY_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc != NGX_DEPLOY_OK
        || ngx_http_deploy_copy(pool, &notice->key, &key) != NGX_OK
        || ngx_http_deploy_notice_channels(pool, json, "started",
                                           &notice->started)
           != NGX_OK
        || ngx_http_deploy_notice_channels(pool, json, "rejected",
                                           &notice->rejected)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_notice_channels(ngx_pool_t *pool, ngx_deploy_json_t *json,
    const char *name, ngx_array_t *channels)
{
    ngx_str_t           text, *channel;
    ngx_uint_t          i;
    ngx_deploy_json_t  *list, *item;

    if (ngx_array_init(channels, pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    list = ngx_deploy_json_get(json, name);

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {

        item = ngx_deploy_json_at(list, i);
        if (item == NULL) {
            break;
        }

        channel = ngx_array_push(channels);
        if (channel == NULL) {
            return NGX_ERROR;
        }

        /* the empty name is that of the webhook */

        ngx_str_set(channel, "");
        text = ngx_deploy_json_get_str(item, NULL);

        if (ngx_http_deploy_copy(pool, channel, &text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what is known of the build now */

static void
ngx_http_deploy_notice_told(ngx_http_deploy_notice_t *notice,
    ngx_deploy_reply_t *reply, ngx_uint_t started)
{
    ngx_deploy_build_t  *build;

    notice->told = notice->build;

    build = &notice->told;

    if (started) {
        build->status = NGX_DEPLOY_BUILD_STARTED;
        build->id = reply->id;
        build->number = reply->number;
        build->url = reply->url;
        build->started = ngx_time();
        return;
    }

    build->status = NGX_DEPLOY_BUILD_REJECTED;
    build->message = reply->message;

    if (build->message.len == 0) {
        build->message = reply->error;
    }

    if (build->message.len == 0 && reply->reason) {
        build->message.len = ngx_strlen(reply->reason);
        build->message.data = (u_char *) reply->reason;
    }
}


void
ngx_http_deploy_notice_tell(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_reply_t *reply, ngx_uint_t started)
{
    ngx_str_t           *key;
    ngx_deploy_build_t  *build;

    ngx_http_deploy_notice_told(notice, reply, started);

    build = &notice->told;
    key = started ? &build->id : &notice->key;

    if (ngx_http_deploy_board_write(pool, key, build,
                                    started ? &notice->started
                                            : &notice->rejected)
        == NGX_OK)
    {
        ngx_http_deploy_keep(key, NULL);
    }

    if (build->upstream.id.len) {
        ngx_http_deploy_board_link(&build->upstream.id, build);
    }
}


ngx_int_t
ngx_http_deploy_notice_record(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_reply_t *reply, ngx_uint_t started,
    ngx_str_t *suffix, ngx_deploy_store_record_t *record)
{
    int                         rc;
    ngx_str_t                   key;
    ngx_array_t                *channels;
    ngx_deploy_pool_t           dpool;
    ngx_deploy_board_t         *board;
    ngx_deploy_board_record_t   r;

    ngx_http_deploy_notice_told(notice, reply, started);

    channels = started ? &notice->started : &notice->rejected;
    key = notice->told.id;

    if (!started) {
        key.len = notice->key.len + suffix->len;
        key.data = ngx_pnalloc(pool, key.len);

        if (key.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(key.data, "%V%V", &notice->key, suffix);
    }

    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_compose(board, &dpool, &key, &notice->told,
                                  channels->elts, channels->nelts,
                                  ngx_http_deploy_board_follows(), &r);

    ngx_http_deploy_board_unlock();

    if (rc == NGX_DEPLOY_OK) {
        ngx_http_deploy_board_stored(&r, record);
        return NGX_OK;
    }

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DECLINED : NGX_ERROR;
}


void
ngx_http_deploy_notice_kept(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_store_record_t *record,
    ngx_deploy_store_record_t *known)
{
    ngx_deploy_build_t  *build;

    build = &notice->told;

    /* a report was faster, and its record may have made way */

    if (known) {
        (void) ngx_http_deploy_board_fill(pool, known, 0, 3);
    }

    record->owner = record->behind ? record->origin : 0;

    if (ngx_http_deploy_board_fill(pool, record, 1, 3) == NGX_OK) {
        ngx_http_deploy_keep(&record->build, NULL);
    }

    if (build->upstream.id.len) {
        ngx_http_deploy_board_link(&build->upstream.id, build);
    }
}
