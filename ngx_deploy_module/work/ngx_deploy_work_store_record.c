
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"


static int ngx_deploy_store_record_get(ngx_deploy_store_t *store,
    const ngx_deploy_str_t *build, ngx_deploy_store_record_t *record);
static int ngx_deploy_store_record_put(ngx_deploy_store_t *store,
    ngx_deploy_store_record_t *record);
static int ngx_deploy_store_record_take(ngx_deploy_store_t *store,
    ngx_deploy_store_record_t *record, int64_t origin);
static int ngx_deploy_store_board_lives(ngx_deploy_store_t *store,
    int64_t board);
static int ngx_deploy_store_recall_build(ngx_deploy_store_t *store,
    ngx_deploy_store_recall_t *op);
static int ngx_deploy_store_board_beat(ngx_deploy_store_t *store,
    int64_t board);


int
ngx_deploy_store_save(ngx_deploy_store_t *store, ngx_deploy_store_save_t *op)
{
    int                         rc;
    ngx_deploy_store_record_t  *known, *record;

    op->known = NULL;

    record = &op->record;

    known = ngx_deploy_palloc(store->pool, sizeof(ngx_deploy_store_record_t));
    if (known == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_record_get(store, &record->build, known);

    if (rc == NGX_DEPLOY_ERROR) {
        return rc;
    }

    record->owner = record->behind ? record->origin : 0;

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_store_record_put(store, record);
    }

    if (known->origin == record->origin) {

        if (known->revision >= record->revision) {
            op->known = known;
            record->owner = known->owner;
            return NGX_DEPLOY_OK;
        }

    } else if (known->revision != op->base) {
        op->known = known;
        return NGX_DEPLOY_DECLINED;
    }

    /* another one is at it and is to see the change */

    if (known->behind && known->owner && known->owner != record->origin) {

        rc = ngx_deploy_store_board_lives(store, known->owner);

        if (rc == NGX_DEPLOY_ERROR) {
            return rc;
        }

        if (rc == NGX_DEPLOY_OK) {
            record->owner = known->owner;
            record->behind = 1;
        }
    }

    return ngx_deploy_store_record_put(store, record);
}


/* NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED: there is none, or NGX_DEPLOY_ERROR */

static int
ngx_deploy_store_record_get(ngx_deploy_store_t *store,
    const ngx_deploy_str_t *build, ngx_deploy_store_record_t *record)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(record, 0, sizeof(ngx_deploy_store_record_t));

    record->build = *build;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_RECORD_GET);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st,
                               ngx_deploy_store_bind(st, 1, build));

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    record->revision = sqlite3_column_int64(st, 0);
    record->origin = sqlite3_column_int64(st, 1);
    record->owner = sqlite3_column_int64(st, 2);
    record->behind = sqlite3_column_int(st, 3) != 0;
    record->final = sqlite3_column_int64(st, 5);

    rc = ngx_deploy_store_column(store, st, 4, &record->status);
    rc |= ngx_deploy_store_column(store, st, 6, &record->data);

    (void) sqlite3_reset(st);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_store_record_put(ngx_deploy_store_t *store,
    ngx_deploy_store_record_t *record)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_RECORD_PUT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &record->build);
    rc |= sqlite3_bind_int64(st, 2, record->revision);
    rc |= sqlite3_bind_int64(st, 3, record->origin);
    rc |= sqlite3_bind_int64(st, 4, record->owner);
    rc |= sqlite3_bind_int(st, 5, record->behind != 0);
    rc |= ngx_deploy_store_bind(st, 6, &record->status);
    rc |= sqlite3_bind_int64(st, 7, record->final);
    rc |= sqlite3_bind_int64(st, 8, store->now);
    rc |= ngx_deploy_store_bind(st, 9, &record->data);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    return (record->owner == record->origin)
           ? ngx_deploy_store_board_beat(store, record->owner)
           : NGX_DEPLOY_OK;
}


/* something is to be told: by the table of origin, if it is nobody's */

static int
ngx_deploy_store_record_take(ngx_deploy_store_t *store,
    ngx_deploy_store_record_t *record, int64_t origin)
{
    int            rc;
    sqlite3_stmt  *st;

    if (record->owner == origin) {
        return NGX_DEPLOY_OK;
    }

    if (record->owner) {
        rc = ngx_deploy_store_board_lives(store, record->owner);

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_RECORD_OWN);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    record->owner = origin;

    rc = ngx_deploy_store_bind(st, 1, &record->build);
    rc |= sqlite3_bind_int64(st, 2, origin);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_store_board_beat(store, origin);
}


/*
 * NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED: it is silent, or NGX_DEPLOY_ERROR; a
 * time ahead of the clock tells nothing
 */

static int
ngx_deploy_store_board_lives(ngx_deploy_store_t *store, int64_t board)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BOARD_LIVES);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, board);
    rc |= sqlite3_bind_int64(st, 2, store->now - NGX_DEPLOY_STORE_SILENCE);
    rc |= sqlite3_bind_int64(st, 3, store->now + NGX_DEPLOY_STORE_SKEW);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc == NGX_DEPLOY_OK) {
        (void) sqlite3_reset(st);
    }

    return rc;
}


int
ngx_deploy_store_recall(ngx_deploy_store_t *store,
    ngx_deploy_store_recall_t *op)
{
    int               rc;
    int64_t           origin;
    ngx_deploy_str_t  build;

    op->build = NULL;

    build = op->record.build;
    origin = op->record.origin;

    rc = ngx_deploy_store_record_get(store, &build, &op->record);

    if (rc == NGX_DEPLOY_OK && op->take && op->record.behind) {
        rc = ngx_deploy_store_record_take(store, &op->record, origin);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return rc;
    }

    return op->token.data ? ngx_deploy_store_recall_build(store, op)
                          : NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_recall_build(ngx_deploy_store_t *store,
    ngx_deploy_store_recall_t *op)
{
    int                        rc;
    sqlite3_stmt              *st;
    ngx_deploy_store_build_t  *b;

    b = ngx_deploy_palloc(store->pool, sizeof(ngx_deploy_store_build_t));
    if (b == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_BY_TOKEN);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st,
                               ngx_deploy_store_bind(st, 1, &op->token));

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_store_read_build(store, st, b);
        (void) sqlite3_reset(st);

        op->build = b;
    }

    return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
}


int
ngx_deploy_store_any_behind(ngx_deploy_store_t *store)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ANY_BEHIND);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st, 0);

    if (rc == NGX_DEPLOY_OK) {
        (void) sqlite3_reset(st);
        return 1;
    }

    return (rc == NGX_DEPLOY_DECLINED) ? 0 : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_store_behind(ngx_deploy_store_t *store,
    ngx_deploy_store_behind_t *op)
{
    int            rc;
    size_t         max;
    sqlite3_stmt  *st;

    op->records = NULL;
    op->n = 0;

    if (!store->writing) {
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_store_board_beat(store, op->origin) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    max = (op->max < NGX_DEPLOY_STORE_MAX_LIST) ? op->max
                                                : NGX_DEPLOY_STORE_MAX_LIST;

    op->records = ngx_deploy_pcalloc(store->pool, max
                                     * sizeof(ngx_deploy_store_record_t));
    if (op->records == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BEHIND);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, op->origin);
    rc |= sqlite3_bind_int64(st, 2, store->now - NGX_DEPLOY_STORE_SILENCE);
    rc |= sqlite3_bind_int64(st, 3, store->now + NGX_DEPLOY_STORE_SKEW);
    rc |= sqlite3_bind_int64(st, 4, max);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        op->records[op->n].origin = sqlite3_column_int64(st, 1);

        rc = ngx_deploy_store_column(store, st, 0,
                                     &op->records[op->n++].build);

        if (rc != NGX_DEPLOY_OK) {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }
    }
}


int
ngx_deploy_store_silent(ngx_deploy_store_t *store,
    ngx_deploy_store_silent_t *op)
{
    int            rc;
    size_t         max;
    sqlite3_stmt  *st;

    op->n = 0;

    max = (op->max < NGX_DEPLOY_STORE_MAX_LIST) ? op->max
                                                : NGX_DEPLOY_STORE_MAX_LIST;

    op->builds = ngx_deploy_pcalloc(store->pool,
                                    max * sizeof(ngx_deploy_str_t));
    if (op->builds == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_SILENT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, op->after);
    rc |= sqlite3_bind_int64(st, 2, op->before);
    rc |= sqlite3_bind_int64(st, 3, max);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        if (ngx_deploy_store_column(store, st, 0, &op->builds[op->n++])
            != NGX_DEPLOY_OK)
        {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }
    }
}


static int
ngx_deploy_store_board_beat(ngx_deploy_store_t *store, int64_t board)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BOARD_BEAT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, board);
    rc |= sqlite3_bind_int64(st, 2, store->now);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}
