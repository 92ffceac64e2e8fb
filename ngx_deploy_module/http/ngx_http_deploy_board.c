
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_keep.h"

#include <openssl/err.h>
#include <openssl/rand.h>


typedef struct {
    ngx_deploy_board_t            *board;
    ngx_slab_pool_t               *shpool;
    unsigned                       kept:1;         /* there is a store */
} ngx_http_deploy_board_ctx_t;


/* a downstream build, while the one above it is read */

typedef struct {
    ngx_str_t                      upstream;
    ngx_deploy_build_link_t        link;
} ngx_http_deploy_board_link_t;


static ngx_int_t ngx_http_deploy_board_init_zone(ngx_shm_zone_t *zone,
    void *data);
static ngx_int_t ngx_http_deploy_board_keep(
    ngx_http_deploy_board_ctx_t *ctx);
static ngx_http_deploy_board_link_t *ngx_http_deploy_board_link_copy(
    ngx_pool_t *pool, ngx_str_t *upstream, ngx_deploy_build_t *build);
static void ngx_http_deploy_board_linked(void *data);

/* of the worker */

static struct {
    ngx_http_deploy_main_conf_t   *dmcf;
    ngx_http_deploy_board_ctx_t   *ctx;
} ngx_http_deploy_board;


static ngx_str_t  ngx_http_deploy_board_zone =
    ngx_string("ngx_http_deploy_board");


ngx_int_t
ngx_http_deploy_board_add(ngx_conf_t *cf)
{
    size_t                        size;
    ngx_shm_zone_t               *zone;
    ngx_http_deploy_board_ctx_t  *ctx;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    /* the slab pool takes some of it for its pages */

    size = ngx_deploy_board_size();
    size += size / 64 + 32 * ngx_pagesize;

    zone = ngx_shared_memory_add(cf, &ngx_http_deploy_board_zone, size,
                                 &ngx_http_deploy_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ctx = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_board_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->kept = (dmcf->store != NULL);

    zone->init = ngx_http_deploy_board_init_zone;
    zone->data = ctx;

    dmcf->board = zone;

    return NGX_OK;
}


/* what was told before a reload is told no more after it */

static ngx_int_t
ngx_http_deploy_board_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_http_deploy_board_ctx_t *old = data;

    ngx_http_deploy_board_ctx_t  *ctx;

    ctx = zone->data;
    ctx->shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (old) {
        ctx->board = old->board;
        return ngx_http_deploy_board_keep(ctx);
    }

    if (zone->shm.exists) {
        ctx->board = ctx->shpool->data;
        return ngx_http_deploy_board_keep(ctx);
    }

    ctx->board = ngx_slab_calloc(ctx->shpool, ngx_deploy_board_size());
    if (ctx->board == NULL) {
        return NGX_ERROR;
    }

    ctx->shpool->data = ctx->board;

    (void) ngx_deploy_board_init(ctx->board);

    return ngx_http_deploy_board_keep(ctx);
}


/* those who share the store know the table by a number that no other has */

static ngx_int_t
ngx_http_deploy_board_keep(ngx_http_deploy_board_ctx_t *ctx)
{
    int64_t  origin;

    if (RAND_bytes((u_char *) &origin, sizeof(int64_t)) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    origin = (origin & INT64_MAX) | 1;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    ngx_deploy_board_keep(ctx->board, ctx->kept, origin);

    ngx_shmtx_unlock(&ctx->shpool->mutex);

    return NGX_OK;
}


void
ngx_http_deploy_board_init_process(ngx_cycle_t *cycle)
{
    ngx_http_conf_ctx_t         *ctx;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    ctx = (ngx_http_conf_ctx_t *)
              ngx_get_conf(cycle->conf_ctx, ngx_http_module);

    cmcf = ctx->main_conf[ngx_http_core_module.ctx_index];

    if (cmcf->servers.nelts == 0) {
        return;
    }

    /* all servers have a transport then: that of the first one is used */

    cscfp = cmcf->servers.elts;

    ngx_http_deploy_board.dmcf =
                       ctx->main_conf[ngx_http_deploy_module.ctx_index];
    ngx_http_deploy_board.ctx = ngx_http_deploy_board.dmcf->board->data;

    ngx_http_deploy_tell_init_process(cycle, ngx_http_deploy_board.dmcf,
               cscfp[0]->ctx->srv_conf[ngx_http_deploy_module.ctx_index]);
}


ngx_int_t
ngx_http_deploy_board_write(ngx_pool_t *pool, ngx_str_t *key,
    ngx_deploy_build_t *build, ngx_array_t *channels)
{
    int                  rc;
    ngx_deploy_pool_t    dpool;
    ngx_deploy_board_t  *board;

    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_put(board, &dpool, key, build,
                              ngx_current_msec);

    ngx_http_deploy_board_unlock();

    if (rc != NGX_DEPLOY_OK) {
        ngx_log_error(NGX_LOG_ERR, pool->log, 0,
                      "deploy cannot remember build \"%V\": %s", key,
                      (rc == NGX_DEPLOY_DECLINED)
                      ? "too many are to be told of" : "no memory");
        return NGX_ERROR;
    }

    ngx_http_deploy_board_want(key, channels);

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_board_find(ngx_pool_t *pool, ngx_str_t *id,
    ngx_deploy_build_t *build)
{
    int                  rc;
    ngx_deploy_pool_t    dpool;
    ngx_deploy_board_t  *board;

    if (ngx_http_deploy_board.ctx == NULL) {
        return NGX_DECLINED;
    }

    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_get(board, &dpool, id, build);

    ngx_http_deploy_board_unlock();

    return (rc == NGX_DEPLOY_OK) ? NGX_OK
                                 : (rc == NGX_DEPLOY_DECLINED) ? NGX_DECLINED
                                                               : NGX_ERROR;
}


ngx_uint_t
ngx_http_deploy_board_recent(ngx_pool_t *pool, ngx_array_t *projects,
    ngx_deploy_build_t *builds, ngx_uint_t max)
{
    ngx_uint_t           n;
    ngx_deploy_pool_t    dpool;
    ngx_deploy_board_t  *board;

    if (ngx_http_deploy_board.ctx == NULL) {
        return 0;
    }

    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    n = ngx_deploy_board_list(board, &dpool,
                              projects ? projects->elts : NULL,
                              projects ? projects->nelts : 0, builds, max);

    ngx_http_deploy_board_unlock();

    return n;
}


ngx_int_t
ngx_http_deploy_board_report(ngx_pool_t *pool, ngx_str_t *project,
    ngx_deploy_build_report_t *report, ngx_deploy_build_t *build,
    ngx_uint_t *changed, ngx_uint_t *before)
{
    int                  rc;
    ngx_deploy_pool_t    dpool;
    ngx_deploy_board_t  *board;

    dpool = ngx_http_deploy_pool(pool);
    *changed = 0;

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_get(board, &dpool, &report->id, build);

    if (rc == NGX_DEPLOY_DECLINED) {
        ngx_deploy_build_init(build);
        build->project = *project;
        build->id = report->id;
        rc = NGX_DEPLOY_OK;
    }

    *before = build->status;

    if (rc == NGX_DEPLOY_OK
        && ngx_deploy_build_report(build, report) == NGX_DEPLOY_OK)
    {
        *changed = 1;
        rc = ngx_deploy_board_put(board, &dpool, &report->id, build,
                                  ngx_current_msec);
    }

    ngx_http_deploy_board_unlock();

    if (rc != NGX_DEPLOY_OK) {
        ngx_log_error(NGX_LOG_ERR, pool->log, 0,
                      "deploy cannot remember build \"%V\": %s", &report->id,
                      (rc == NGX_DEPLOY_DECLINED)
                      ? "too many are to be told of" : "no memory");
    }

    return (rc == NGX_DEPLOY_ERROR) ? NGX_ERROR : NGX_OK;
}


void
ngx_http_deploy_board_link(ngx_str_t *upstream, ngx_deploy_build_t *build)
{
    ngx_pool_t                    *pool;
    ngx_http_deploy_board_link_t  *link;

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    link = ngx_http_deploy_board_link_copy(pool, upstream, build);

    if (link == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    /* it may have made way for others */

    if (ngx_http_deploy_board.dmcf->store
        && ngx_http_deploy_keep_read(pool, upstream, 0, 3,
                                     ngx_http_deploy_board_linked, link)
           == NGX_OK)
    {
        return;
    }

    ngx_http_deploy_board_linked(link);
    ngx_destroy_pool(pool);
}


static ngx_http_deploy_board_link_t *
ngx_http_deploy_board_link_copy(ngx_pool_t *pool, ngx_str_t *upstream,
    ngx_deploy_build_t *build)
{
    ngx_http_deploy_board_link_t  *link;

    link = ngx_pcalloc(pool, sizeof(ngx_http_deploy_board_link_t));
    if (link == NULL) {
        return NULL;
    }

    link->link.status = build->status;

    if (ngx_http_deploy_copy(pool, &link->upstream, upstream) != NGX_OK
        || ngx_http_deploy_copy(pool, &link->link.project, &build->project)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &link->link.id, &build->id) != NGX_OK
        || ngx_http_deploy_copy(pool, &link->link.url, &build->url)
           != NGX_OK)
    {
        return NULL;
    }

    return link;
}


static void
ngx_http_deploy_board_linked(void *data)
{
    ngx_http_deploy_board_link_t *link = data;

    int                  rc;
    ngx_pool_t          *pool;
    ngx_deploy_pool_t    dpool;
    ngx_deploy_build_t  *up;
    ngx_deploy_board_t  *board;

    pool = ngx_create_pool(8192, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    dpool = ngx_http_deploy_pool(pool);

    up = ngx_palloc(pool, sizeof(ngx_deploy_build_t));
    if (up == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_get(board, &dpool, &link->upstream, up);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_build_downstream(up, &link->link);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_board_put(board, &dpool, &link->upstream, up,
                                  ngx_current_msec);
    }

    ngx_http_deploy_board_unlock();

    if (rc == NGX_DEPLOY_OK) {
        ngx_http_deploy_keep(&link->upstream, NULL);
        ngx_http_deploy_tell_soon();
    }

    ngx_destroy_pool(pool);
}


ngx_deploy_board_t *
ngx_http_deploy_board_lock(void)
{
    ngx_http_deploy_board_ctx_t  *ctx;

    ctx = ngx_http_deploy_board.ctx;

    ngx_shmtx_lock(&ctx->shpool->mutex);

    return ctx->board;
}


void
ngx_http_deploy_board_unlock(void)
{
    ngx_shmtx_unlock(&ngx_http_deploy_board.ctx->shpool->mutex);
}


void
ngx_http_deploy_board_stored(ngx_deploy_board_record_t *from,
    ngx_deploy_store_record_t *to)
{
    ngx_memzero(to, sizeof(ngx_deploy_store_record_t));

    to->build = from->id;
    to->revision = from->revision;
    to->origin = from->origin;
    to->behind = from->behind;
    to->data = from->data;

    to->status.data = (u_char *) ngx_deploy_build_status_name(from->status);
    to->status.len = ngx_strlen(to->status.data);

    if (ngx_deploy_build_final(from->status)) {
        to->final = ngx_http_deploy_store_now();
    }
}


ngx_uint_t
ngx_http_deploy_board_follows(void)
{
    ngx_http_deploy_slack_t  *slack;

    slack = ngx_http_deploy_board.dmcf->slack;

    return slack && slack->authorization.len;
}


ngx_int_t
ngx_http_deploy_board_fill(ngx_pool_t *pool,
    ngx_deploy_store_record_t *record, ngx_uint_t always, ngx_uint_t max)
{
    int                         rc;
    ngx_deploy_pool_t           dpool;
    ngx_deploy_board_t         *board;
    ngx_deploy_board_record_t   r;

    if (record->data.data == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&r, sizeof(ngx_deploy_board_record_t));

    r.id = record->build;
    r.revision = record->revision;
    r.origin = record->origin;
    r.owner = record->owner;
    r.data = record->data;

    dpool = ngx_http_deploy_pool(pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_fill(board, &dpool, &r, always,
                               ngx_http_deploy_board_follows(), max,
                               ngx_http_deploy_board_skew(),
                               ngx_current_msec);

    ngx_http_deploy_board_unlock();

    if (rc == NGX_DEPLOY_OK) {
        ngx_http_deploy_tell_soon();
        return NGX_OK;
    }

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DECLINED : NGX_ERROR;
}


void
ngx_http_deploy_board_want(ngx_str_t *key, ngx_array_t *channels)
{
    ngx_str_t           *channel;
    ngx_uint_t           i, follows;
    ngx_deploy_board_t  *board;

    follows = ngx_http_deploy_board_follows();
    channel = channels->elts;

    board = ngx_http_deploy_board_lock();

    for (i = 0; i < channels->nelts; i++) {
        (void) ngx_deploy_board_want(board, key, &channel[i], follows,
                                     ngx_current_msec);
    }

    ngx_http_deploy_board_unlock();

    /* a known build has something new even if no channel was asked for */

    ngx_http_deploy_tell_soon();
}
