
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"


static int ngx_deploy_store_status_rank(const ngx_deploy_str_t *status);
static int ngx_deploy_store_report_run(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op);
static int ngx_deploy_store_report_phase(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op);
static int ngx_deploy_store_phases(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op);
static int ngx_deploy_store_report_delivery(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op);
static int ngx_deploy_store_forget(ngx_deploy_store_t *store,
    ngx_deploy_sql_e n, int64_t value, int64_t max);


int
ngx_deploy_store_find(ngx_deploy_store_t *store, ngx_deploy_store_find_t *op)
{
    int                rc;
    size_t             i;
    sqlite3_stmt      *st;
    ngx_deploy_sql_e   n;

    op->deliveries = NULL;
    op->n = 0;

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

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc == NGX_DEPLOY_DECLINED) {
            break;
        }

        if (rc != NGX_DEPLOY_OK
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

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ACTIVE);

    if (st == NULL || ngx_deploy_store_step(store, st, 0) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    op->active = sqlite3_column_int64(st, 0);

    (void) sqlite3_reset(st);

    return op->n ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_store_report(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op)
{
    op->changed = 0;
    op->delivery = NULL;
    op->phases = NULL;
    op->nphases = 0;

    if (ngx_deploy_store_report_run(store, op) != NGX_DEPLOY_OK
        || (op->phase.data
            && ngx_deploy_store_report_phase(store, op) != NGX_DEPLOY_OK)
        || ngx_deploy_store_phases(store, op) != NGX_DEPLOY_OK
        || ngx_deploy_store_report_delivery(store, op) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


/* a status gives way to those of a higher rank, a final one to none */

static int
ngx_deploy_store_status_rank(const ngx_deploy_str_t *status)
{
    if (status->data == NULL) {
        return 0;
    }

    if (ngx_deploy_str_is(status, "started")) {
        return 1;
    }

    return ngx_deploy_str_is(status, "in_progress") ? 2 : 3;
}


static int
ngx_deploy_store_report_run(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(&op->before, 0, sizeof(ngx_deploy_str_t));

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_RUN_GET);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st,
                               ngx_deploy_store_bind(st, 1, &op->build));

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_store_column(store, st, 0, &op->before);
        (void) sqlite3_reset(st);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return rc;
    }

    if (ngx_deploy_store_status_rank(&op->status)
        > ngx_deploy_store_status_rank(&op->before))
    {
        op->changed = 1;

    } else {
        op->status = op->before;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_RUN_PUT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->build);
    rc |= ngx_deploy_store_bind(st, 2, &op->project);
    rc |= ngx_deploy_store_bind(st, 3, &op->status);
    rc |= ngx_deploy_store_bind(st, 4, &op->phase);
    rc |= ngx_deploy_store_bind(st, 5, &op->message);
    rc |= ngx_deploy_store_bind(st, 6, &op->url);
    rc |= sqlite3_bind_int64(st, 7, store->now);

    rc = ngx_deploy_store_step(store, st, rc);

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_store_report_phase(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op)
{
    int                rc;
    sqlite3_stmt      *st;
    ngx_deploy_str_t   before;

    memset(&before, 0, sizeof(ngx_deploy_str_t));

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_PHASE_GET);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->build);
    rc |= ngx_deploy_store_bind(st, 2, &op->phase);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_store_column(store, st, 0, &before);
        (void) sqlite3_reset(st);

    } else if (rc == NGX_DEPLOY_DECLINED) {
        op->changed = 1;
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return rc;
    }

    if (op->phase_status.data
        && !ngx_deploy_str_eq(&before, &op->phase_status))
    {
        op->changed = 1;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_PHASE_PUT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->build);
    rc |= ngx_deploy_store_bind(st, 2, &op->phase);
    rc |= ngx_deploy_store_bind(st, 3, &op->phase_status);
    rc |= ngx_deploy_store_bind(st, 4, &op->message);
    rc |= sqlite3_bind_int64(st, 5, store->now);
    rc |= sqlite3_bind_int64(st, 6, op->duration);

    rc = ngx_deploy_store_step(store, st, rc);

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_store_phases(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op)
{
    int                        rc;
    sqlite3_stmt              *st;
    ngx_deploy_store_phase_t  *phase;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_PHASES);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->build);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        rc = ngx_deploy_store_grow(store, &op->phases, op->nphases,
                                   sizeof(ngx_deploy_store_phase_t));

        if (rc == NGX_DEPLOY_OK) {
            phase = &op->phases[op->nphases++];

            phase->at = sqlite3_column_int64(st, 3);
            phase->duration = sqlite3_column_int64(st, 4);

            rc = ngx_deploy_store_column(store, st, 0, &phase->name);
            rc |= ngx_deploy_store_column(store, st, 1, &phase->status);
            rc |= ngx_deploy_store_column(store, st, 2, &phase->message);
        }

        if (rc != NGX_DEPLOY_OK) {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }
    }
}


static int
ngx_deploy_store_report_delivery(ngx_deploy_store_t *store,
    ngx_deploy_store_report_t *op)
{
    int            rc;
    int64_t        row;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_BY_ID);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st,
                               ngx_deploy_store_bind(st, 1, &op->build));

    if (rc != NGX_DEPLOY_OK) {
        return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
    }

    row = sqlite3_column_int64(st, 0);

    (void) sqlite3_reset(st);

    op->delivery = ngx_deploy_palloc(store->pool,
                                     sizeof(ngx_deploy_store_delivery_t));
    if (op->delivery == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_store_delivery_of(store, row, op->delivery);
}


int
ngx_deploy_store_message(ngx_deploy_store_t *store,
    ngx_deploy_store_message_t *op)
{
    int            rc;
    sqlite3_stmt  *st;

    if (op->ts.data) {
        st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_MESSAGE_PUT);
        if (st == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        rc = ngx_deploy_store_bind(st, 1, &op->build);
        rc |= ngx_deploy_store_bind(st, 2, &op->channel);
        rc |= ngx_deploy_store_bind(st, 3, &op->ts);
        rc |= sqlite3_bind_int64(st, 4, store->now);

        if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
            return NGX_DEPLOY_ERROR;
        }

        if (sqlite3_changes(store->db)) {
            return NGX_DEPLOY_OK;
        }
    }

    memset(&op->ts, 0, sizeof(ngx_deploy_str_t));

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_MESSAGE_GET);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->build);
    rc |= ngx_deploy_store_bind(st, 2, &op->channel);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc != NGX_DEPLOY_OK) {
        return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
    }

    rc = ngx_deploy_store_column(store, st, 0, &op->ts);

    (void) sqlite3_reset(st);

    return rc;
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

    rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_PHASES_DELETE, before,
                                  max);
    rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_RUNS_DELETE, before,
                                  max);
    rc |= ngx_deploy_store_forget(store, NGX_DEPLOY_SQL_MESSAGES_DELETE,
                                  before, max);

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
