
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"


/* what is in the row of a build when its result comes */

typedef struct {
    ngx_deploy_store_state_e   state;
    int64_t                    fence;
    int64_t                    since;
    int64_t                    due;
    int64_t                    waited;
    int64_t                    unknown;
    int64_t                    attempts;
    ngx_deploy_str_t           id;
} ngx_deploy_store_row_t;


static int ngx_deploy_store_row(ngx_deploy_store_t *store, int64_t row,
    ngx_deploy_store_row_t *r);
static int ngx_deploy_store_result_started(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r);
static int ngx_deploy_store_result_other(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r);
static int ngx_deploy_store_result_record(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op);
static int ngx_deploy_store_attempt(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r,
    ngx_deploy_str_t *message);
static int ngx_deploy_store_rebase(ngx_deploy_store_t *store);
static int ngx_deploy_store_select(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op, int64_t *rows);
static int ngx_deploy_store_lease(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op, int64_t row);
static int ngx_deploy_store_next(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op);


int
ngx_deploy_store_result(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op)
{
    int                     rc;
    ngx_deploy_store_row_t  r;

    memset(&op->id, 0, sizeof(ngx_deploy_str_t));

    rc = ngx_deploy_store_row(store, op->build.row, &r);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    op->state = r.state;
    op->first = 0;
    op->known = NULL;

    if (op->kind == NGX_DEPLOY_STORE_RESULT_STARTED) {
        return ngx_deploy_store_result_started(store, op, &r);
    }

    if (r.state != NGX_DEPLOY_STORE_STARTING || r.fence != op->build.fence) {
        op->id = r.id;
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_store_result_other(store, op, &r);
}


static int
ngx_deploy_store_row(ngx_deploy_store_t *store, int64_t row,
    ngx_deploy_store_row_t *r)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_STATE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st, sqlite3_bind_int64(st, 1, row));

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    r->state = sqlite3_column_int(st, 0);
    r->fence = sqlite3_column_int64(st, 1);
    r->since = sqlite3_column_int64(st, 2);
    r->due = sqlite3_column_int64(st, 3);
    r->waited = sqlite3_column_int64(st, 4);
    r->unknown = sqlite3_column_int64(st, 5);
    r->attempts = sqlite3_column_int64(st, 6);

    rc = ngx_deploy_store_column(store, st, 7, &r->id);

    (void) sqlite3_reset(st);

    return rc;
}


/* a fact, whoever has the lease by now */

static int
ngx_deploy_store_result_started(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r)
{
    int                        rc;
    sqlite3_stmt              *st;
    ngx_deploy_str_t           none;
    ngx_deploy_store_build_t  *b;

    b = &op->build;

    if (r->state == NGX_DEPLOY_STORE_STARTED) {
        op->id = r->id;

        return ngx_deploy_str_eq(&r->id, &b->id) ? NGX_DEPLOY_OK
                                                 : NGX_DEPLOY_DECLINED;
    }

    /* found by its mark, but it is the build of another row */

    if (op->asked) {
        st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_BY_ID);
        if (st == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        rc = ngx_deploy_store_step(store, st,
                                   ngx_deploy_store_bind(st, 1, &b->id));
        if (rc == NGX_DEPLOY_OK) {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_DECLINED;
        }

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_STARTED);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, b->row);
    rc |= sqlite3_bind_int64(st, 2, store->now);
    rc |= ngx_deploy_store_bind(st, 3, &b->id);
    rc |= ngx_deploy_store_bind(st, 4, &b->arn);
    rc |= ngx_deploy_store_bind(st, 5, &b->url);
    rc |= (b->number < 0) ? sqlite3_bind_null(st, 6)
                          : sqlite3_bind_int64(st, 6, b->number);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    op->state = NGX_DEPLOY_STORE_STARTED;

    memset(&none, 0, sizeof(ngx_deploy_str_t));

    if (ngx_deploy_store_attempt(store, op, r, &none) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_store_result_record(store, op);
}


/* what is to be told of the result is committed with it */

static int
ngx_deploy_store_result_record(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op)
{
    int                       rc;
    ngx_deploy_store_save_t   save;

    op->first = 1;

    if (op->record == NULL) {
        return NGX_DEPLOY_OK;
    }

    memset(&save, 0, sizeof(ngx_deploy_store_save_t));

    save.record = *op->record;

    rc = ngx_deploy_store_save(store, &save);

    /* one that is there already comes from an early report */

    op->known = save.known;

    return (rc == NGX_DEPLOY_ERROR) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_result_other(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r)
{
    int                rc;
    int64_t            spent, due;
    unsigned           attempt;
    sqlite3_stmt      *st;
    ngx_deploy_str_t   message;

    /* of a time that jumped no more counts than the lease */

    spent = store->now - r->since;

    if (spent < 0 || spent > r->due - r->since) {
        spent = r->due - r->since;
    }

    r->waited += spent;

    if (op->asked) {
        r->unknown = 0;
    }

    if (op->unknown && r->unknown == 0) {
        r->unknown = r->since;
    }

    if (r->unknown && store->now < r->since - NGX_DEPLOY_STORE_SKEW) {
        r->unknown = 1;
    }

    attempt = (op->kind != NGX_DEPLOY_STORE_RESULT_RELEASE);

    if (op->kind == NGX_DEPLOY_STORE_RESULT_FAILED
        || (op->kind == NGX_DEPLOY_STORE_RESULT_RETRY
            && r->waited >= op->retry))
    {
        op->state = NGX_DEPLOY_STORE_FAILED;
        due = 0;

    } else {
        op->state = NGX_DEPLOY_STORE_QUEUED;
        due = store->now + op->delay;
    }

    message = op->build.message;
    message.len = ngx_deploy_utf8_cut(message.data, message.len,
                                      NGX_DEPLOY_STORE_MAX_MESSAGE);

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_RESULT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, op->build.row);
    rc |= sqlite3_bind_int(st, 2, op->state);
    rc |= sqlite3_bind_int64(st, 3, store->now);
    rc |= sqlite3_bind_int64(st, 4, due);
    rc |= sqlite3_bind_int64(st, 5, r->waited);
    rc |= sqlite3_bind_int64(st, 6, r->unknown);
    rc |= sqlite3_bind_int(st, 7, attempt);
    rc |= ngx_deploy_store_bind(st, 8, &op->build.error);
    rc |= ngx_deploy_store_bind(st, 9, &message);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    if (attempt
        && ngx_deploy_store_attempt(store, op, r, &message) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return (op->state == NGX_DEPLOY_STORE_FAILED)
           ? ngx_deploy_store_result_record(store, op) : NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_attempt(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op, ngx_deploy_store_row_t *r,
    ngx_deploy_str_t *message)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ATTEMPT_INSERT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, op->build.row);
    rc |= sqlite3_bind_int64(st, 2, r->attempts + 1);
    rc |= sqlite3_bind_int64(st, 3, store->now);
    rc |= sqlite3_bind_int64(st, 4, op->duration);
    rc |= sqlite3_bind_int(st, 5, op->status);
    rc |= ngx_deploy_store_bind(st, 6, &op->build.error);
    rc |= ngx_deploy_store_bind(st, 7, message);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_due(ngx_deploy_store_t *store)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DUE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, store->now);
    rc |= sqlite3_bind_int(st, 2, 1);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc == NGX_DEPLOY_DECLINED) {
        st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_AHEAD);
        if (st == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        rc = ngx_deploy_store_step(store, st,
                                   sqlite3_bind_int64(st, 1, store->now
                                                   + NGX_DEPLOY_STORE_SKEW));
    }

    if (rc == NGX_DEPLOY_OK) {
        (void) sqlite3_reset(st);
        return 1;
    }

    return (rc == NGX_DEPLOY_DECLINED) ? 0 : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_store_take(ngx_deploy_store_t *store, ngx_deploy_store_take_t *op)
{
    size_t    i, n;
    int64_t  *rows;

    op->deliveries = NULL;
    op->n = 0;
    op->alone = 0;

    if (!store->writing) {
        return ngx_deploy_store_next(store, op);
    }

    n = (op->max < NGX_DEPLOY_STORE_MAX_LIST) ? op->max
                                              : NGX_DEPLOY_STORE_MAX_LIST;

    rows = ngx_deploy_palloc(store->pool, n * sizeof(int64_t));
    if (rows == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    op->max = n;

    if (ngx_deploy_store_rebase(store) != NGX_DEPLOY_OK
        || ngx_deploy_store_select(store, op, rows) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (op->n) {
        op->deliveries = ngx_deploy_palloc(store->pool, op->n
                                     * sizeof(ngx_deploy_store_delivery_t));
        if (op->deliveries == NULL) {
            return NGX_DEPLOY_ERROR;
        }
    }

    for (i = 0; i < op->n; i++) {
        if (ngx_deploy_store_lease(store, op, rows[i]) != NGX_DEPLOY_OK
            || ngx_deploy_store_delivery_of(store, rows[i],
                                            &op->deliveries[i])
               != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    return ngx_deploy_store_next(store, op);
}


/*
 * The clock went back: what was planned keeps its distance, and an attempt
 * under way counts as one that was long ago
 */

static int
ngx_deploy_store_rebase(ngx_deploy_store_t *store)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_REBASE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, store->now);
    rc |= sqlite3_bind_int64(st, 2, store->now + NGX_DEPLOY_STORE_SKEW);

    rc = ngx_deploy_store_step(store, st, rc);

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


/* up to one that may end this worker: it waits until the others are done */

static int
ngx_deploy_store_select(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op, int64_t *rows)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DUE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, store->now);
    rc |= sqlite3_bind_int64(st, 2, op->max);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        if (sqlite3_column_int(st, 1)) {
            op->alone = (op->n == 0);

            if (op->alone && !op->busy) {
                rows[op->n++] = sqlite3_column_int64(st, 0);
            }

            (void) sqlite3_reset(st);

            return NGX_DEPLOY_OK;
        }

        rows[op->n++] = sqlite3_column_int64(st, 0);
    }
}


static int
ngx_deploy_store_lease(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op, int64_t row)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_LEASE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, row);
    rc |= sqlite3_bind_int64(st, 2, store->now);
    rc |= sqlite3_bind_int64(st, 3, op->lease);
    rc |= ngx_deploy_store_bind(st, 4, &op->owner);

    rc = ngx_deploy_store_step(store, st, rc);

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_store_next(ngx_deploy_store_t *store, ngx_deploy_store_take_t *op)
{
    int            rc;
    sqlite3_stmt  *st;

    op->next = -1;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_NEXT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st, 0);

    if (rc == NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_OK;
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    op->next = sqlite3_column_int64(st, 0) - store->now;

    if (op->next < 0) {
        op->next = 0;
    }

    (void) sqlite3_reset(st);

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_drop(ngx_deploy_store_t *store, ngx_deploy_store_drop_t *op)
{
    int                           rc;
    size_t                        i;
    sqlite3_stmt                 *st;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_delivery_t   d;

    static const ngx_deploy_str_t  error = ngx_deploy_string("Dropped");

    op->dropped = 0;
    op->starting = 0;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DELIVERY_BY_ROW);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st, sqlite3_bind_int64(st, 1, op->row));

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_store_read_delivery(store, st, &d);

    (void) sqlite3_reset(st);

    if (rc != NGX_DEPLOY_OK
        || ngx_deploy_store_builds_of(store, &d) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < d.nbuilds; i++) {

        b = &d.builds[i];
        op->starting += (b->state == NGX_DEPLOY_STORE_STARTING);

        if (b->state != NGX_DEPLOY_STORE_QUEUED) {
            continue;
        }

        st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_RESULT);
        if (st == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        rc = sqlite3_bind_int64(st, 1, b->row);
        rc |= sqlite3_bind_int(st, 2, NGX_DEPLOY_STORE_FAILED);
        rc |= sqlite3_bind_int64(st, 3, store->now);
        rc |= sqlite3_bind_int64(st, 4, 0);
        rc |= sqlite3_bind_int64(st, 5, b->waited);
        rc |= sqlite3_bind_int64(st, 6, b->unknown);
        rc |= sqlite3_bind_int(st, 7, 0);
        rc |= ngx_deploy_store_bind(st, 8, &error);
        rc |= ngx_deploy_store_bind(st, 9, &op->message);

        if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
            return NGX_DEPLOY_ERROR;
        }

        op->dropped++;
    }

    return NGX_DEPLOY_OK;
}
