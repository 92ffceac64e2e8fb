
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"


#define NGX_DEPLOY_STORE_MAX_SILENCE  86400000      /* ms, then forgotten */

static int ngx_deploy_store_forget(ngx_deploy_store_t *store,
    ngx_deploy_sql_e n, int64_t value, int64_t max);


int
ngx_deploy_store_find(ngx_deploy_store_t *store, ngx_deploy_store_find_t *op)
{
    int                rc;
    sqlite3_stmt      *st;
    ngx_deploy_sql_e   n;

    n = op->row ? NGX_DEPLOY_SQL_DELIVERY_BY_ROW
        : op->id.data ? NGX_DEPLOY_SQL_DELIVERY_BY_ID
        : op->build.data ? NGX_DEPLOY_SQL_DELIVERY_BY_BUILD
                         : NGX_DEPLOY_SQL_DELIVERY_NEWEST;

    st = ngx_deploy_store_statement(store, n);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = 0;

    if (op->row) {
        rc = sqlite3_bind_int64(st, 1, op->row);

    } else {
        if (op->id.data) {
            rc = ngx_deploy_store_bind(st, 1, &op->id);

        } else if (op->build.data) {
            rc = ngx_deploy_store_bind(st, 1, &op->build);
        }

        rc |= sqlite3_bind_int64(st, 2,
                                 (op->max < NGX_DEPLOY_STORE_MAX_LIST)
                                 ? op->max : NGX_DEPLOY_STORE_MAX_LIST);
    }

    if (ngx_deploy_store_deliveries(store, st, rc, op) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ACTIVE);

    if (st == NULL || ngx_deploy_store_step(store, st, 0) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    op->active = sqlite3_column_int64(st, 0);

    (void) sqlite3_reset(st);

    return op->n ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_store_deliveries(ngx_deploy_store_t *store, sqlite3_stmt *st,
    int bound, ngx_deploy_store_find_t *op)
{
    size_t  i;

    op->deliveries = NULL;
    op->n = 0;

    for ( ;; ) {
        bound = ngx_deploy_store_step(store, st, bound);

        if (bound == NGX_DEPLOY_DECLINED) {
            break;
        }

        if (bound != NGX_DEPLOY_OK
            || ngx_deploy_store_grow(store, &op->deliveries, op->n,
                                     sizeof(ngx_deploy_store_delivery_t))
               != NGX_DEPLOY_OK
            || ngx_deploy_store_read_delivery(store, st,
                                              &op->deliveries[op->n])
               != NGX_DEPLOY_OK)
        {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }

        op->n++;
    }

    for (i = 0; i < op->n; i++) {
        if (ngx_deploy_store_builds_of(store, &op->deliveries[i])
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_prune(ngx_deploy_store_t *store,
    ngx_deploy_store_prune_t *op)
{
    int            rc;
    size_t         i, max;
    int64_t       *rows, before;
    sqlite3_stmt  *st;

    op->n = 0;

    before = store->now - op->keep;
    max = (op->max < NGX_DEPLOY_STORE_MAX_LIST) ? op->max
                                                : NGX_DEPLOY_STORE_MAX_LIST;

    rows = ngx_deploy_palloc(store->pool, max * sizeof(int64_t));
    if (rows == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_OLD);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, before);
    rc |= sqlite3_bind_int64(st, 2, max);

    while ((rc = ngx_deploy_store_step(store, st, rc)) == NGX_DEPLOY_OK) {
        rows[op->n++] = sqlite3_column_int64(st, 0);
    }

    if (rc != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < op->n && rc == NGX_DEPLOY_OK; i++) {
        rc = ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_ATTEMPTS_DELETE,
                                     rows[i], 0);
        rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_BUILDS_DELETE,
                                      rows[i], 0);
        rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_DELIVERY_DELETE,
                                      rows[i], 0);
    }

    rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_RECORDS_DELETE,
                                  before, max);
    rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_BOARDS_DELETE,
                                  store->now - NGX_DEPLOY_STORE_MAX_SILENCE,
                                  0);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_store_forget(ngx_deploy_store_t *store, ngx_deploy_sql_e n,
    int64_t value, int64_t max)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, n);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, value);

    if (max) {
        rc |= sqlite3_bind_int64(st, 2, max);
    }

    rc = ngx_deploy_store_step(store, st, rc);

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}
