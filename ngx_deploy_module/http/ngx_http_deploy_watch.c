
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_watch.h"
#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_keep.h"
#include "ngx_deploy_watch.h"


#define NGX_HTTP_DEPLOY_WATCH_TICK      30000      /* ms, the longest */
#define NGX_HTTP_DEPLOY_WATCH_PATIENCE  15000      /* ms, of a call */
#define NGX_HTTP_DEPLOY_WATCH_BACKOFF   3600000    /* ms, the longest */
#define NGX_HTTP_DEPLOY_WATCH_LOOK      64         /* builds at a time */
#define NGX_HTTP_DEPLOY_WATCH_AGE       172800000  /* ms, no build is older */


/* what was asked lately, by slots of the board */

typedef struct {
    uint32_t                      id;          /* its sum */
    ngx_uint_t                    failed;      /* times */
    ngx_msec_t                    next;        /* not before */
} ngx_http_deploy_watched_t;


typedef struct {
    ngx_uint_t                    slot;
    ngx_str_t                     id;
    ngx_str_t                     project;
    ngx_str_t                     region;
    ngx_str_t                     endpoint;
    ngx_str_t                     credentials;
} ngx_http_deploy_watch_build_t;


typedef struct {
    ngx_http_deploy_call_t        call;
    ngx_deploy_str_t              ids[NGX_DEPLOY_WATCH_MAX];
    ngx_uint_t                    slots[NGX_DEPLOY_WATCH_MAX];
    ngx_uint_t                    n;
} ngx_http_deploy_watch_t;


static void ngx_http_deploy_watch_timer(ngx_event_t *ev);
static void ngx_http_deploy_watch_store(void);
static void ngx_http_deploy_watch_stored(ngx_http_deploy_store_op_t *op);
static ngx_int_t ngx_http_deploy_watch_look(ngx_pool_t *pool,
    ngx_array_t *builds);
static ngx_int_t ngx_http_deploy_watch_add(ngx_pool_t *pool,
    ngx_array_t *builds, ngx_uint_t slot, ngx_deploy_build_t *build);
static ngx_int_t ngx_http_deploy_watch_ask(ngx_pool_t *pool,
    ngx_array_t *builds);
static ngx_http_deploy_set_t *ngx_http_deploy_watch_set(
    ngx_http_deploy_watch_build_t *build);
static int ngx_http_deploy_watch_read(ngx_deploy_pool_t *pool,
    unsigned status, const ngx_deploy_str_t *error_type, const u_char *body,
    size_t len, unsigned whole, ngx_deploy_reply_t *reply);
static int ngx_http_deploy_watch_told(void *data,
    const ngx_deploy_build_t *told);
static void ngx_http_deploy_watch_done(ngx_http_deploy_call_t *call);


/* of the worker */

static struct {
    ngx_http_deploy_main_conf_t  *dmcf;
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_event_t                   event;
    ngx_msec_t                    tick;
    ngx_uint_t                    busy;
    ngx_uint_t                    reading;     /* op is the store's */
    ngx_msec_t                    read;        /* not before */
    ngx_http_deploy_store_op_t    op;
    ngx_http_deploy_watched_t     slots[NGX_DEPLOY_BOARD_SLOTS];
} ngx_http_deploy_watch;

static ngx_connection_t  ngx_http_deploy_watch_ident;


void
ngx_http_deploy_watch_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_event_t                 *ev;
    ngx_http_conf_ctx_t         *ctx;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;

    ctx = (ngx_http_conf_ctx_t *)
              ngx_get_conf(cycle->conf_ctx, ngx_http_module);

    cmcf = ctx->main_conf[ngx_http_core_module.ctx_index];

    if (ngx_worker != 0 || dmcf->slack->watch == 0
        || cmcf->servers.nelts == 0)
    {
        return;
    }

    /* all servers have a transport, as for Slack */

    cscfp = cmcf->servers.elts;

    ngx_http_deploy_watch.dmcf = dmcf;
    ngx_http_deploy_watch.dscf =
               cscfp[0]->ctx->srv_conf[ngx_http_deploy_module.ctx_index];
    ngx_http_deploy_watch.tick = ngx_min(dmcf->slack->watch / 4 + 1,
                                         NGX_HTTP_DEPLOY_WATCH_TICK);

    ngx_http_deploy_watch.read = ngx_current_msec;

    ngx_http_deploy_watch_ident.fd = (ngx_socket_t) -1;

    ev = &ngx_http_deploy_watch.event;

    ev->handler = ngx_http_deploy_watch_timer;
    ev->data = &ngx_http_deploy_watch_ident;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, ngx_http_deploy_watch.tick);
}


static void
ngx_http_deploy_watch_timer(ngx_event_t *ev)
{
    ngx_pool_t   *pool;
    ngx_array_t   builds;

    if (ngx_exiting || ngx_http_deploy_watch.busy) {
        return;
    }

    ngx_http_deploy_watch_store();

    pool = ngx_create_pool(4096, ngx_cycle->log);

    if (pool) {

        if (ngx_array_init(&builds, pool, 4,
                           sizeof(ngx_http_deploy_watch_build_t))
            == NGX_OK
            && ngx_http_deploy_watch_look(pool, &builds) == NGX_OK
            && builds.nelts
            && ngx_http_deploy_watch_ask(pool, &builds) == NGX_OK)
        {
            ngx_http_deploy_watch.busy = 1;
            return;
        }

        ngx_destroy_pool(pool);
    }

    ngx_add_timer(ev, ngx_http_deploy_watch.tick);
}


/* after a restart, or when others took their places, they are in the store */

static void
ngx_http_deploy_watch_store(void)
{
    ngx_msec_t                   watch;
    ngx_deploy_store_silent_t   *silent;
    ngx_http_deploy_store_op_t  *op;

    if (ngx_http_deploy_watch.dmcf->store == NULL
        || ngx_http_deploy_watch.reading
        || (ngx_msec_int_t) (ngx_http_deploy_watch.read - ngx_current_msec)
           > 0)
    {
        return;
    }

    watch = ngx_http_deploy_watch.dmcf->slack->watch;
    op = &ngx_http_deploy_watch.op;
    silent = &op->op.u.silent;

    op->op.type = NGX_DEPLOY_STORE_SILENT;
    op->handler = ngx_http_deploy_watch_stored;

    silent->before = ngx_http_deploy_store_now() - (int64_t) watch;
    silent->after = silent->before - NGX_HTTP_DEPLOY_WATCH_AGE;
    silent->max = NGX_HTTP_DEPLOY_WATCH_LOOK;

    ngx_http_deploy_watch.read = ngx_current_msec + watch;

    if (ngx_http_deploy_store_post(op) == NGX_OK) {
        ngx_http_deploy_watch.reading = 1;
    }
}


/* what has ended makes way for them */

static void
ngx_http_deploy_watch_stored(ngx_http_deploy_store_op_t *op)
{
    size_t                      i;
    ngx_pool_t                 *pool;
    ngx_deploy_store_silent_t  *silent;

    ngx_http_deploy_watch.reading = 0;

    if (op->op.rc != NGX_DEPLOY_OK || ngx_exiting) {
        return;
    }

    silent = &op->op.u.silent;

    for (i = 0; i < silent->n; i++) {

        pool = ngx_create_pool(1024, ngx_cycle->log);
        if (pool == NULL) {
            return;
        }

        if (ngx_http_deploy_keep_read(pool, &silent->builds[i], 0, 0, NULL,
                                      NULL)
            != NGX_OK)
        {
            ngx_destroy_pool(pool);
        }
    }
}


/* builds that are due to be asked for */

static ngx_int_t
ngx_http_deploy_watch_look(ngx_pool_t *pool, ngx_array_t *builds)
{
    int                         rc;
    uint32_t                    sum;
    unsigned                    slot;
    ngx_str_t                   id;
    ngx_msec_t                  watch;
    ngx_uint_t                  n;
    ngx_deploy_pool_t           dpool;
    ngx_deploy_board_t         *board;
    ngx_deploy_build_t         *build;
    ngx_http_deploy_watched_t  *w;

    build = ngx_palloc(pool, sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return NGX_ERROR;
    }

    dpool = ngx_http_deploy_pool(pool);
    watch = ngx_http_deploy_watch.dmcf->slack->watch;
    rc = NGX_DEPLOY_OK;
    slot = 0;
    n = 0;

    board = ngx_http_deploy_board_lock();

    while (rc != NGX_DEPLOY_ERROR && n < NGX_HTTP_DEPLOY_WATCH_LOOK
           && ngx_deploy_board_silent(board, &slot,
                                      (int64_t) ngx_current_msec
                                      - (int64_t) watch, &id)
              == NGX_DEPLOY_OK)
    {
        w = &ngx_http_deploy_watch.slots[slot - 1];
        sum = ngx_crc32_short(id.data, id.len);

        if (w->id != sum) {
            w->id = sum;
            w->failed = 0;

        } else if ((ngx_msec_int_t) (w->next - ngx_current_msec) > 0) {
            continue;
        }

        w->next = ngx_current_msec + watch;
        n++;

        rc = ngx_deploy_board_get(board, &dpool, &id, build);

        if (rc == NGX_DEPLOY_OK && build->region.len
            && ngx_deploy_str_eq(&build->id, &id)
            && ngx_http_deploy_watch_add(pool, builds, slot - 1, build)
               != NGX_OK)
        {
            rc = NGX_DEPLOY_ERROR;
        }
    }

    ngx_http_deploy_board_unlock();

    return (rc == NGX_DEPLOY_ERROR) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_deploy_watch_add(ngx_pool_t *pool, ngx_array_t *builds,
    ngx_uint_t slot, ngx_deploy_build_t *build)
{
    ngx_http_deploy_watch_build_t  *b;

    b = ngx_array_push(builds);
    if (b == NULL) {
        return NGX_ERROR;
    }

    /* the texts are copies in the pool already */

    b->slot = slot;
    b->id = build->id;
    b->project = build->project;
    b->region = build->region;
    b->endpoint = build->endpoint;
    b->credentials = build->credentials;

    return NGX_OK;
}


/* the first one, and those that are asked for in the same way */

static ngx_int_t
ngx_http_deploy_watch_ask(ngx_pool_t *pool, ngx_array_t *builds)
{
    ngx_uint_t                      i;
    ngx_deploy_pool_t               dpool;
    ngx_http_deploy_set_t          *set;
    ngx_http_deploy_call_t         *call;
    ngx_http_deploy_watch_t        *w;
    ngx_http_deploy_watch_build_t  *b;

    w = ngx_pcalloc(pool, sizeof(ngx_http_deploy_watch_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    b = builds->elts;

    set = ngx_http_deploy_watch_set(&b[0]);
    if (set == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < builds->nelts; i++) {

        if (w->n < NGX_DEPLOY_WATCH_MAX
            && ngx_deploy_str_eq(&b[i].region, &b[0].region)
            && ngx_deploy_str_eq(&b[i].endpoint, &b[0].endpoint)
            && ngx_http_deploy_watch_set(&b[i]) == set)
        {
            w->slots[w->n] = b[i].slot;
            w->ids[w->n++] = b[i].id;
            continue;
        }

        /* the next time */

        ngx_http_deploy_watch.slots[b[i].slot].next = ngx_current_msec;
    }

    dpool = ngx_http_deploy_pool(pool);
    call = &w->call;

    call->pool = pool;
    call->log = ngx_cycle->log;
    call->dscf = ngx_http_deploy_watch.dscf;
    ngx_str_set(&call->operation, "BatchGetBuilds");
    call->project = b[0].project;
    call->set = set;
    call->region = b[0].region;
    call->url = b[0].endpoint;
    call->deadline = ngx_current_msec + NGX_HTTP_DEPLOY_WATCH_PATIENCE;
    call->read = ngx_http_deploy_watch_read;
    call->handler = ngx_http_deploy_watch_done;
    call->data = w;

    if (ngx_deploy_watch_body(&dpool, w->ids, w->n, &call->body)
        != NGX_DEPLOY_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_deploy_call(call);

    return NGX_OK;
}


static ngx_http_deploy_set_t *
ngx_http_deploy_watch_set(ngx_http_deploy_watch_build_t *build)
{
    ngx_http_deploy_source_t      source;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_deploy_watch.dmcf;

    ngx_http_deploy_aws_stored_source(dmcf, &build->project,
                                      &build->credentials, &build->region,
                                      &source);

    return ngx_http_deploy_credentials(dmcf, &source);
}


static int
ngx_http_deploy_watch_read(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, const u_char *body, size_t len,
    unsigned whole, ngx_deploy_reply_t *reply)
{
    int                      rc;
    ngx_http_deploy_call_t  *call;

    if (status != 200 || !whole) {
        return ngx_deploy_codebuild_reply(pool, status, error_type, body, len,
                                          whole, reply);
    }

    call = (ngx_http_deploy_call_t *)
               ((u_char *) reply - offsetof(ngx_http_deploy_call_t, reply));

    reply->number = -1;

    rc = ngx_deploy_watch_reply(pool, body, len, ngx_http_deploy_watch_told,
                                call->data, &reply->reason);

    reply->class = (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_REPLY_STARTED
                                         : NGX_DEPLOY_REPLY_TRANSIENT;

    return (rc == NGX_DEPLOY_ERROR) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static int
ngx_http_deploy_watch_told(void *data, const ngx_deploy_build_t *told)
{
    ngx_http_deploy_watch_t *w = data;

    int                  rc;
    ngx_array_t          none;
    ngx_deploy_pool_t    pool;
    ngx_deploy_board_t  *board;
    ngx_deploy_build_t  *build;

    build = ngx_palloc(w->call.pool, sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    pool = ngx_http_deploy_pool(w->call.pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_told(board, &pool, told, build, ngx_current_msec);

    ngx_http_deploy_board_unlock();

    if (rc != NGX_DEPLOY_OK) {
        return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
    }

    /* no channel is asked for, those that there are have something new */

    ngx_memzero(&none, sizeof(ngx_array_t));

    ngx_http_deploy_board_want(&build->id, &none);
    ngx_http_deploy_keep(&build->id, NULL);

    if (build->upstream.id.len) {
        ngx_http_deploy_board_link(&build->upstream.id, build);
    }

    if (ngx_deploy_build_final(build->status)) {
        ngx_log_error(NGX_LOG_NOTICE, w->call.log, 0,
                      "deploy asked for build \"%V\", which nobody had "
                      "reported the end of: it is %s",
                      &build->id,
                      ngx_deploy_build_status_name(build->status));
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_http_deploy_watch_done(ngx_http_deploy_call_t *call)
{
    ngx_uint_t                  i;
    ngx_msec_t                  delay;
    ngx_http_deploy_watch_t    *w;
    ngx_http_deploy_watched_t  *slot;

    w = call->data;

    for (i = 0; i < w->n; i++) {
        slot = &ngx_http_deploy_watch.slots[w->slots[i]];

        delay = ngx_http_deploy_watch.dmcf->slack->watch;

        if (call->reply.class == NGX_DEPLOY_REPLY_STARTED) {
            slot->failed = 0;

        } else {
            slot->failed += (slot->failed < 10);
            delay = (ngx_msec_t) ngx_min((uint64_t) delay << slot->failed,
                             ngx_max(delay, NGX_HTTP_DEPLOY_WATCH_BACKOFF));
        }

        slot->next = ngx_current_msec + delay;
    }

    if (call->reply.class != NGX_DEPLOY_REPLY_STARTED) {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "deploy cannot ask for \"%V\" and %ui other builds "
                      "that nobody reports of: %s%s%V",
                      &w->ids[0], w->n - 1,
                      call->reply.reason ? call->reply.reason : "",
                      call->reply.reason && call->reply.error.len ? ", " : "",
                      &call->reply.error);
    }

    ngx_http_deploy_watch.busy = 0;

    ngx_destroy_pool(call->pool);

    if (!ngx_exiting) {
        ngx_add_timer(&ngx_http_deploy_watch.event,
                      ngx_http_deploy_watch.tick);
    }
}
