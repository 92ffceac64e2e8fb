
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_dispatch.h"


#define NGX_HTTP_DEPLOY_KEEP_BUSY   10000    /* ms, a save by somebody else */
#define NGX_HTTP_DEPLOY_KEEP_SWEEP  2000     /* ms */
#define NGX_HTTP_DEPLOY_KEEP_BEAT   3000     /* ms, of all workers */
#define NGX_HTTP_DEPLOY_KEEP_MAX    32       /* saves of a sweep */
#define NGX_HTTP_DEPLOY_KEEP_TRIES  5        /* against another nginx */
#define NGX_HTTP_DEPLOY_KEEP_LIST   1000


struct ngx_http_deploy_keep_s {
    ngx_pool_t                   *pool;
    ngx_http_deploy_ctx_t        *waiter;    /* NULL: nobody, or it has gone */
    ngx_http_deploy_keep_t       *next;      /* of the same request */
    ngx_uint_t                    tries;
    ngx_deploy_board_record_t     record;
    ngx_http_deploy_store_op_t    op;
};


/* a record that is read from the store, for whom it may concern */

typedef struct {
    ngx_pool_t                   *pool;
    ngx_uint_t                    max;       /* who makes way for it */
    ngx_http_deploy_keep_pt       handler;
    void                         *data;
    ngx_http_deploy_store_op_t    op;
} ngx_http_deploy_keep_read_t;


static ngx_http_deploy_keep_t *ngx_http_deploy_keep_create(void);
static ngx_int_t ngx_http_deploy_keep_post(ngx_http_deploy_keep_t *keep);
static void ngx_http_deploy_keep_saved(ngx_http_deploy_store_op_t *op);
static ngx_int_t ngx_http_deploy_keep_meet(ngx_http_deploy_keep_t *keep,
    ngx_deploy_store_save_t *save, int rc);
static void ngx_http_deploy_keep_end(ngx_http_deploy_keep_t *keep,
    ngx_int_t rc);
static void ngx_http_deploy_keep_failed(ngx_str_t *key);
static void ngx_http_deploy_keep_done(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_keep_handler(ngx_event_t *ev);
static void ngx_http_deploy_keep_sweep(void);
static void ngx_http_deploy_keep_ask(void);
static void ngx_http_deploy_keep_behind(ngx_http_deploy_store_op_t *op);
static void ngx_http_deploy_keep_take(ngx_str_t *key, int64_t origin);


/* of the worker */

static ngx_http_deploy_main_conf_t  *ngx_http_deploy_keep_conf;
static ngx_http_deploy_store_op_t    ngx_http_deploy_keep_op;
static ngx_uint_t                    ngx_http_deploy_keep_asking;
static ngx_event_t                   ngx_http_deploy_keep_event;
static ngx_connection_t              ngx_http_deploy_keep_ident;


void
ngx_http_deploy_keep_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_event_t  *ev;

    ngx_http_deploy_keep_conf = dmcf;
    ngx_http_deploy_keep_ident.fd = (ngx_socket_t) -1;

    ev = &ngx_http_deploy_keep_event;

    ev->handler = ngx_http_deploy_keep_handler;
    ev->data = &ngx_http_deploy_keep_ident;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, ngx_random() % 300);
}


void
ngx_http_deploy_keep(ngx_str_t *key, ngx_http_deploy_ctx_t *waiter)
{
    ngx_int_t                rc;
    ngx_http_deploy_keep_t  *keep;

    if (ngx_http_deploy_keep_conf == NULL) {
        return;
    }

    rc = NGX_ERROR;
    keep = ngx_http_deploy_keep_create();

    if (keep) {
        rc = ngx_http_deploy_copy(keep->pool, &keep->record.id, key);

        if (rc == NGX_OK) {
            rc = ngx_http_deploy_keep_post(keep);
        }

        if (rc != NGX_OK) {
            ngx_destroy_pool(keep->pool);
        }
    }

    if (rc == NGX_ERROR) {
        ngx_http_deploy_keep_failed(key);

        if (waiter) {
            waiter->unsaved = 1;
        }
    }

    if (rc == NGX_OK && waiter) {
        keep->waiter = waiter;
        keep->next = waiter->keep;
        waiter->keep = keep;
        waiter->pending++;
    }
}


static ngx_http_deploy_keep_t *
ngx_http_deploy_keep_create(void)
{
    ngx_pool_t              *pool;
    ngx_http_deploy_keep_t  *keep;

    pool = ngx_create_pool(8192, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    keep = ngx_pcalloc(pool, sizeof(ngx_http_deploy_keep_t));
    if (keep == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    keep->pool = pool;
    keep->op.op.type = NGX_DEPLOY_STORE_SAVE;
    keep->op.handler = ngx_http_deploy_keep_saved;
    keep->op.data = keep;

    return keep;
}


/* NGX_OK, NGX_DONE: there is nothing to save, or NGX_ERROR */

static ngx_int_t
ngx_http_deploy_keep_post(ngx_http_deploy_keep_t *keep)
{
    int                       rc;
    ngx_str_t                 key;
    ngx_deploy_pool_t         pool;
    ngx_deploy_board_t       *board;
    ngx_deploy_store_save_t  *save;

    key = keep->record.id;
    pool = ngx_http_deploy_pool(keep->pool);

    board = ngx_http_deploy_board_lock();

    rc = ngx_deploy_board_save(board, &pool, &key,
                               ngx_http_deploy_board_skew(),
                               NGX_HTTP_DEPLOY_KEEP_BUSY, ngx_current_msec,
                               &keep->record);

    ngx_http_deploy_board_unlock();

    if (rc == NGX_DEPLOY_DECLINED) {

        /* what has made way was kept, too */

        return NGX_DONE;
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_ERROR;
    }

    save = &keep->op.op.u.save;

    ngx_http_deploy_board_stored(&keep->record, &save->record);
    save->base = keep->record.base;

    return (ngx_http_deploy_store_post(&keep->op) == NGX_OK) ? NGX_OK
                                                            : NGX_ERROR;
}


static void
ngx_http_deploy_keep_saved(ngx_http_deploy_store_op_t *op)
{
    ngx_int_t                rc;
    ngx_http_deploy_keep_t  *keep;

    keep = op->data;

    if (op->op.rc == NGX_DEPLOY_ERROR) {
        ngx_http_deploy_keep_failed(&keep->record.id);
        ngx_http_deploy_keep_end(keep, NGX_ERROR);
        return;
    }

    rc = ngx_http_deploy_keep_meet(keep, &op->op.u.save, op->op.rc);

    if (rc == NGX_AGAIN && keep->tries++ < NGX_HTTP_DEPLOY_KEEP_TRIES) {

        rc = ngx_http_deploy_keep_post(keep);

        if (rc == NGX_OK) {
            return;
        }
    }

    if (rc == NGX_AGAIN || rc == NGX_ERROR) {
        ngx_http_deploy_keep_failed(&keep->record.id);
        ngx_http_deploy_keep_end(keep, NGX_ERROR);
        return;
    }

    ngx_http_deploy_keep_end(keep, NGX_OK);
}


/*
 * NGX_OK: it is kept, or a later revision is; NGX_AGAIN: what the store has
 * from elsewhere was added here, which is to be saved now; NGX_ERROR
 */

static ngx_int_t
ngx_http_deploy_keep_meet(ngx_http_deploy_keep_t *keep,
    ngx_deploy_store_save_t *save, int rc)
{
    unsigned             known;
    ngx_deploy_board_t  *board;

    if (rc == NGX_DEPLOY_OK) {
        board = ngx_http_deploy_board_lock();

        known = ngx_deploy_board_saved(board, &save->record.build,
                                       save->known ? save->known->revision
                                                   : save->record.revision,
                                       save->record.owner);

        ngx_http_deploy_board_unlock();

        if (known || save->known == NULL) {
            return NGX_OK;
        }
    }

    return (ngx_http_deploy_board_fill(keep->pool, save->known, 0, 3)
            == NGX_OK) ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_http_deploy_keep_end(ngx_http_deploy_keep_t *keep, ngx_int_t rc)
{
    ngx_http_deploy_ctx_t    *ctx;
    ngx_http_deploy_keep_t  **next;

    ctx = keep->waiter;

    if (ctx) {

        for (next = &ctx->keep; *next != keep; next = &(*next)->next) {
            /* void */
        }

        *next = keep->next;

        if (rc != NGX_OK) {
            ctx->unsaved = 1;
        }

        if (--ctx->pending == 0 && ctx->waiting) {
            ngx_http_deploy_finish(ctx);
        }
    }

    ngx_destroy_pool(keep->pool);
}


void
ngx_http_deploy_keep_detach(ngx_http_deploy_ctx_t *ctx)
{
    ngx_http_deploy_keep_t  *keep;

    for (keep = ctx->keep; keep; keep = keep->next) {
        keep->waiter = NULL;
    }

    ctx->keep = NULL;
}


/* the next sweep finds it */

static void
ngx_http_deploy_keep_failed(ngx_str_t *key)
{
    ngx_deploy_board_t  *board;

    board = ngx_http_deploy_board_lock();

    ngx_deploy_board_failed(board, key);

    ngx_http_deploy_board_unlock();
}


ngx_int_t
ngx_http_deploy_keep_read(ngx_pool_t *pool, ngx_str_t *key, int64_t origin,
    ngx_uint_t max, ngx_http_deploy_keep_pt handler, void *data)
{
    ngx_http_deploy_keep_read_t  *read;
    ngx_deploy_store_recall_t    *recall;

    read = ngx_pcalloc(pool, sizeof(ngx_http_deploy_keep_read_t));
    if (read == NULL) {
        return NGX_ERROR;
    }

    read->pool = pool;
    read->max = max;
    read->handler = handler;
    read->data = data;

    read->op.op.type = NGX_DEPLOY_STORE_RECALL;
    read->op.handler = ngx_http_deploy_keep_done;
    read->op.data = read;

    recall = &read->op.op.u.recall;

    recall->record.origin = origin;
    recall->take = (origin != 0);

    if (ngx_http_deploy_copy(pool, &recall->record.build, key) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ngx_http_deploy_store_post(&read->op) == NGX_OK) ? NGX_OK
                                                            : NGX_ERROR;
}


static void
ngx_http_deploy_keep_done(ngx_http_deploy_store_op_t *op)
{
    ngx_http_deploy_keep_read_t  *read;

    read = op->data;

    if (op->op.rc == NGX_DEPLOY_OK) {
        (void) ngx_http_deploy_board_fill(read->pool, &op->op.u.recall.record,
                                          0, read->max);
    }

    if (read->handler) {
        read->handler(read->data);
    }

    ngx_destroy_pool(read->pool);
}


static void
ngx_http_deploy_keep_handler(ngx_event_t *ev)
{
    if (ngx_exiting) {
        return;
    }

    ngx_http_deploy_keep_sweep();

    if (ngx_http_deploy_keep_conf->slack) {
        ngx_http_deploy_keep_ask();
    }

    ngx_add_timer(ev, NGX_HTTP_DEPLOY_KEEP_SWEEP);
}


/* what could not be saved, or was not by a worker that died */

static void
ngx_http_deploy_keep_sweep(void)
{
    int                      rc;
    ngx_uint_t               n;
    ngx_deploy_pool_t        pool;
    ngx_deploy_board_t      *board;
    ngx_http_deploy_keep_t  *keep;

    for (n = 0; n < NGX_HTTP_DEPLOY_KEEP_MAX; n++) {

        keep = ngx_http_deploy_keep_create();
        if (keep == NULL) {
            return;
        }

        pool = ngx_http_deploy_pool(keep->pool);

        board = ngx_http_deploy_board_lock();

        rc = ngx_deploy_board_unsaved(board, &pool, ngx_current_msec,
                                      &keep->record.id);

        ngx_http_deploy_board_unlock();

        if (rc != NGX_DEPLOY_OK
            || ngx_http_deploy_keep_post(keep) != NGX_OK)
        {
            ngx_destroy_pool(keep->pool);
            return;
        }
    }
}


/* one of the workers asks for what nobody tells, and says that we live */

static void
ngx_http_deploy_keep_ask(void)
{
    unsigned                     due;
    ngx_deploy_board_t          *board;
    ngx_http_deploy_store_op_t  *op;

    if (ngx_http_deploy_keep_asking) {
        return;
    }

    op = &ngx_http_deploy_keep_op;

    board = ngx_http_deploy_board_lock();

    due = ngx_deploy_board_beat(board, NGX_HTTP_DEPLOY_KEEP_BEAT,
                                ngx_current_msec);
    op->op.u.behind.origin = ngx_deploy_board_origin(board);

    ngx_http_deploy_board_unlock();

    if (!due) {
        return;
    }

    op->op.type = NGX_DEPLOY_STORE_BEHIND;
    op->op.u.behind.max = NGX_HTTP_DEPLOY_KEEP_LIST;
    op->handler = ngx_http_deploy_keep_behind;

    if (ngx_http_deploy_store_post(op) == NGX_OK) {
        ngx_http_deploy_keep_asking = 1;
    }
}


static void
ngx_http_deploy_keep_behind(ngx_http_deploy_store_op_t *op)
{
    size_t                      i, room;
    unsigned                    misses;
    ngx_deploy_board_t         *board;
    ngx_deploy_store_record_t  *record;
    ngx_deploy_store_behind_t  *behind;

    ngx_http_deploy_keep_asking = 0;

    if (op->op.rc != NGX_DEPLOY_OK || ngx_exiting) {
        return;
    }

    behind = &op->op.u.behind;
    room = 0;

    for (i = 0; i < behind->n; i++) {
        record = &behind->records[i];

        board = ngx_http_deploy_board_lock();

        if (i == 0) {
            room = ngx_deploy_board_free(board, ngx_current_msec);
        }

        misses = ngx_deploy_board_misses(board, &record->build,
                                         record->origin);

        ngx_http_deploy_board_unlock();

        if (misses == NGX_DEPLOY_BOARD_ABSENT) {

            if (room == 0) {
                continue;
            }

            room--;
        }

        if (misses) {
            ngx_http_deploy_keep_take(&record->build, behind->origin);
        }
    }
}


static void
ngx_http_deploy_keep_take(ngx_str_t *key, int64_t origin)
{
    ngx_pool_t  *pool;

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    if (ngx_http_deploy_keep_read(pool, key, origin, 1, NULL, NULL)
        != NGX_OK)
    {
        ngx_destroy_pool(pool);
    }
}
