
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


static int ngx_deploy_store_begin(ngx_deploy_store_t *store,
    ngx_deploy_store_op_t *ops);
static int ngx_deploy_store_writes(ngx_deploy_store_op_t *op);
static void ngx_deploy_store_each(ngx_deploy_store_t *store,
    ngx_deploy_store_op_t *op);
static int ngx_deploy_store_do(ngx_deploy_store_t *store,
    ngx_deploy_store_op_t *op);
static int ngx_deploy_store_commit(ngx_deploy_store_t *store);
static void ngx_deploy_store_rollback(ngx_deploy_store_t *store);


ngx_deploy_store_t *
ngx_deploy_store_create(const char *path, unsigned busy,
    const volatile sig_atomic_t *stop)
{
    size_t               len;
    ngx_deploy_store_t  *store;

    len = strlen(path);

    store = calloc(1, sizeof(ngx_deploy_store_t));
    if (store == NULL) {
        return NULL;
    }

    store->path = malloc(len + 1);
    store->file = malloc(len + sizeof("/" NGX_DEPLOY_STORE_FILE));

    if (store->path == NULL || store->file == NULL) {
        ngx_deploy_store_destroy(store);
        return NULL;
    }

    memcpy(store->path, path, len + 1);
    memcpy(store->file, path, len);
    memcpy(store->file + len, "/" NGX_DEPLOY_STORE_FILE,
           sizeof("/" NGX_DEPLOY_STORE_FILE));

    store->busy = busy;
    store->stop = stop;

    return store;
}


void
ngx_deploy_store_existing(ngx_deploy_store_t *store)
{
    store->existing = 1;
}


void
ngx_deploy_store_destroy(ngx_deploy_store_t *store)
{
    if (store == NULL) {
        return;
    }

    ngx_deploy_store_close(store);

    free(store->path);
    free(store->file);
    free(store);
}


int
ngx_deploy_store_run(ngx_deploy_store_t *store, ngx_deploy_pool_t *pool,
    ngx_deploy_store_op_t *ops, int64_t now)
{
    ngx_deploy_store_op_t  *op;

    store->pool = pool;
    store->now = now;
    store->rc = NGX_DEPLOY_OK;
    store->waiting = 0;

    if (store->db == NULL && ngx_deploy_store_open(store) != NGX_DEPLOY_OK) {
        goto failed;
    }

    if (ngx_deploy_store_begin(store, ops) != NGX_DEPLOY_OK) {
        goto failed;
    }

    for (op = ops; op; op = op->next) {
        ngx_deploy_store_each(store, op);

        if (store->rc != NGX_DEPLOY_OK) {
            goto failed;
        }
    }

    if (ngx_deploy_store_commit(store) != NGX_DEPLOY_OK) {
        goto failed;
    }

    return NGX_DEPLOY_OK;

failed:

    if (store->db) {
        ngx_deploy_store_rollback(store);
    }

    if (store->rc == NGX_DEPLOY_ERROR) {
        ngx_deploy_store_close(store);
    }

    for (op = ops; op; op = op->next) {
        op->rc = NGX_DEPLOY_ERROR;
    }

    return store->rc;
}


const char *
ngx_deploy_store_error(ngx_deploy_store_t *store)
{
    return store->error;
}


static int
ngx_deploy_store_begin(ngx_deploy_store_t *store, ngx_deploy_store_op_t *ops)
{
    int                     due;
    ngx_deploy_store_op_t  *op;

    store->writing = 0;

    for (op = ops; op; op = op->next) {

        if (op->type != NGX_DEPLOY_STORE_TAKE
            && op->type != NGX_DEPLOY_STORE_BEHIND)
        {
            store->writing |= ngx_deploy_store_writes(op);
            continue;
        }

        /* with nothing to take or to tell nobody is kept from writing */

        if (!store->writing) {
            due = (op->type == NGX_DEPLOY_STORE_TAKE)
                  ? ngx_deploy_store_due(store)
                  : ngx_deploy_store_any_behind(store);

            if (due == NGX_DEPLOY_ERROR) {
                return NGX_DEPLOY_ERROR;
            }

            store->writing |= due;
        }
    }

    return ngx_deploy_store_exec(store,
                                 store->writing ? NGX_DEPLOY_SQL_BEGIN_WRITE
                                                : NGX_DEPLOY_SQL_BEGIN);
}


static int
ngx_deploy_store_writes(ngx_deploy_store_op_t *op)
{
    return op->type != NGX_DEPLOY_STORE_FIND
           && op->type != NGX_DEPLOY_STORE_STATUS
           && op->type != NGX_DEPLOY_STORE_SILENT
           && (op->type != NGX_DEPLOY_STORE_RECALL || op->u.recall.take);
}


/* what fails by itself is undone alone */

static void
ngx_deploy_store_each(ngx_deploy_store_t *store, ngx_deploy_store_op_t *op)
{
    if (!store->writing || !ngx_deploy_store_writes(op)) {
        op->rc = ngx_deploy_store_do(store, op);
        return;
    }

    if (ngx_deploy_store_exec(store, NGX_DEPLOY_SQL_SAVEPOINT)
        != NGX_DEPLOY_OK)
    {
        return;
    }

    op->rc = ngx_deploy_store_do(store, op);

    if (store->rc != NGX_DEPLOY_OK) {
        return;
    }

    if (op->rc == NGX_DEPLOY_ERROR
        && ngx_deploy_store_exec(store, NGX_DEPLOY_SQL_SAVEPOINT_ROLLBACK)
           != NGX_DEPLOY_OK)
    {
        return;
    }

    (void) ngx_deploy_store_exec(store, NGX_DEPLOY_SQL_SAVEPOINT_RELEASE);
}


static int
ngx_deploy_store_do(ngx_deploy_store_t *store, ngx_deploy_store_op_t *op)
{
    switch (op->type) {

    case NGX_DEPLOY_STORE_ACCEPT:
        return ngx_deploy_store_accept(store, &op->u.accept);

    case NGX_DEPLOY_STORE_RESULT:
        return ngx_deploy_store_result(store, &op->u.result);

    case NGX_DEPLOY_STORE_TAKE:
        return ngx_deploy_store_take(store, &op->u.take);

    case NGX_DEPLOY_STORE_REDELIVER:
        return ngx_deploy_store_redeliver(store, &op->u.redeliver);

    case NGX_DEPLOY_STORE_FIND:
        return ngx_deploy_store_find(store, &op->u.find);

    case NGX_DEPLOY_STORE_SAVE:
        return ngx_deploy_store_save(store, &op->u.save);

    case NGX_DEPLOY_STORE_RECALL:
        return ngx_deploy_store_recall(store, &op->u.recall);

    case NGX_DEPLOY_STORE_BEHIND:
        return ngx_deploy_store_behind(store, &op->u.behind);

    case NGX_DEPLOY_STORE_SILENT:
        return ngx_deploy_store_silent(store, &op->u.silent);

    case NGX_DEPLOY_STORE_STATUS:
        return ngx_deploy_store_status(store, &op->u.status);

    case NGX_DEPLOY_STORE_PRUNE:
        return ngx_deploy_store_prune(store, &op->u.prune);

    default: /* NGX_DEPLOY_STORE_DROP */
        return ngx_deploy_store_drop(store, &op->u.drop);
    }
}


/* what is written to a file that was removed would be told as durable */

static int
ngx_deploy_store_commit(ngx_deploy_store_t *store)
{
    if (ngx_deploy_store_moved(store)) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                     "was removed or replaced", 0);
    }

    return ngx_deploy_store_exec(store, NGX_DEPLOY_SQL_COMMIT);
}


/* many failures have rolled back already */

static void
ngx_deploy_store_rollback(ngx_deploy_store_t *store)
{
    size_t         i;
    sqlite3_stmt  *st;

    for (i = 0; i < NGX_DEPLOY_SQL_STATEMENTS; i++) {
        if (store->statements[i]) {
            (void) sqlite3_reset(store->statements[i]);
        }
    }

    if (sqlite3_get_autocommit(store->db)) {
        return;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ROLLBACK);

    if (st == NULL || sqlite3_step(st) != SQLITE_DONE) {

        /* closing does it as well */

        store->rc = NGX_DEPLOY_ERROR;
    }

    if (st) {
        (void) sqlite3_reset(st);
    }
}


int
ngx_deploy_store_fail(ngx_deploy_store_t *store, int rc, const char *text,
    int err)
{
    /* the first reason stands */

    if (store->rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    store->rc = rc;

    if (err == 0) {
        (void) snprintf(store->error, sizeof(store->error), "\"%s\" %s",
                        store->file, text);
        return NGX_DEPLOY_ERROR;
    }

    errno = err;

    (void) snprintf(store->error, sizeof(store->error), "\"%s\" %s (%d: %m)",
                    store->file, text, err);

    return NGX_DEPLOY_ERROR;
}


int
ngx_deploy_store_failed(ngx_deploy_store_t *store, int rc)
{
    int   err;
    char  text[160];

    switch (rc & 0xff) {

    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return NGX_DEPLOY_ERROR;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN,
                                     "is locked by another process", 0);

    case SQLITE_FULL:
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN,
                                     "cannot grow, the disk is full", 0);

    case SQLITE_NOMEM:
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN,
                                     "is not usable, out of memory", 0);

    case SQLITE_INTERRUPT:
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN,
                                     "is being closed", 0);

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        (void) snprintf(text, sizeof(text), "is corrupt: %s",
                        sqlite3_errmsg(store->db));
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR, text, 0);
    }

    /*
     * What was not synced is in the journal as if it were committed, and only
     * this connection knows better: it writes over it, a new one would not
     */

    if (rc == SQLITE_IOERR_FSYNC) {
        (void) snprintf(text, sizeof(text), "cannot be synced: %s",
                        sqlite3_errmsg(store->db));
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN, text, 0);
    }

    err = sqlite3_system_errno(store->db);

    (void) snprintf(text, sizeof(text), "failed: %s, code %d",
                    sqlite3_errmsg(store->db), rc);

    return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR, text,
                                 ((rc & 0xff) == SQLITE_IOERR
                                  || (rc & 0xff) == SQLITE_CANTOPEN)
                                 ? err : 0);
}
