
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdio.h>
#include <sys/stat.h>

#include "ngx_deploy_work_store_sql.h"
#include "ngx_deploy_json.h"


#define NGX_DEPLOY_STORE_MAX_ATTEMPTS  100      /* of one delivery */


static int ngx_deploy_store_status_find(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op);
static int ngx_deploy_store_status_rules(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op);
static int ngx_deploy_store_status_state(const ngx_deploy_str_t *word);
static int ngx_deploy_store_status_count(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op);
static int ngx_deploy_store_status_builds(ngx_deploy_store_t *store,
    ngx_deploy_sql_e n, ngx_deploy_store_build_t **builds, size_t *nbuilds);
static int ngx_deploy_store_status_attempts(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, int64_t delivery);
static int64_t ngx_deploy_store_status_size(ngx_deploy_store_t *store);


int
ngx_deploy_store_status(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op)
{
    int     rc;
    size_t  i;

    op->find.n = 0;
    op->nprojects = 0;
    op->nqueue = 0;
    op->nnumbers = 0;
    op->nattempts = 0;

    op->size = ngx_deploy_store_status_size(store);

    if (ngx_deploy_store_status_count(store, op) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    if (op->find.max == 0) {
        return NGX_DEPLOY_OK;
    }

    rc = (op->project.data == NULL && op->status.data == NULL)
         ? ngx_deploy_store_find(store, &op->find)
         : (ngx_deploy_str_is(&op->status, "ignored")
            || ngx_deploy_str_is(&op->status, "dry_run"))
               ? ngx_deploy_store_status_rules(store, op)
               : ngx_deploy_store_status_find(store, op);

    if (rc == NGX_DEPLOY_ERROR
        || ngx_deploy_store_status_builds(store,
                                          NGX_DEPLOY_SQL_STATUS_PROJECTS,
                                          &op->projects, &op->nprojects)
           != NGX_DEPLOY_OK
        || ngx_deploy_store_status_builds(store, NGX_DEPLOY_SQL_STATUS_QUEUE,
                                          &op->queue, &op->nqueue)
           != NGX_DEPLOY_OK
        || (!op->details
            && ngx_deploy_store_numbers(store, op) != NGX_DEPLOY_OK))
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; op->details && i < op->find.n; i++) {
        if (ngx_deploy_store_status_attempts(store, op,
                                             op->find.deliveries[i].row)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_status_find(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op)
{
    int            rc, state;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_STATUS_BUILDS);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, NGX_DEPLOY_STORE_MAX_LOOK);
    rc |= ngx_deploy_store_bind(st, 2, &op->project);

    /* a number that is no state lets the word of a report decide */

    state = ngx_deploy_store_status_state(&op->status);

    rc |= op->status.data ? sqlite3_bind_int64(st, 3, state)
                          : sqlite3_bind_null(st, 3);
    rc |= ngx_deploy_store_bind(st, 4, &op->status);
    rc |= sqlite3_bind_int64(st, 5, (int64_t) op->find.max);

    return ngx_deploy_store_deliveries(store, st, rc, &op->find);
}


/* what has no builds has rules, whose texts name projects */

static int
ngx_deploy_store_status_rules(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op)
{
    int                 rc;
    sqlite3_stmt       *st;
    ngx_deploy_str_t    text;
    ngx_deploy_json_t  *json;

    memset(&text, 0, sizeof(ngx_deploy_str_t));

    if (op->project.data) {
        json = ngx_deploy_json_object();

        rc = ngx_deploy_json_set_str(json, "project", &op->project);
        rc |= ngx_deploy_json_dump(json, store->pool, &text);

        ngx_deploy_json_free(json);

        if (rc != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }

        /* a member is looked for, not an object */

        text.data++;
        text.len -= 2;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_STATUS_RULES);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, NGX_DEPLOY_STORE_MAX_LOOK);
    rc |= ngx_deploy_store_bind(st, 2, &text);
    rc |= sqlite3_bind_int64(st, 3, ngx_deploy_str_is(&op->status, "dry_run"));
    rc |= sqlite3_bind_int64(st, 5, (int64_t) op->find.max);

    return ngx_deploy_store_deliveries(store, st, rc, &op->find);
}


static int
ngx_deploy_store_status_state(const ngx_deploy_str_t *word)
{
    return ngx_deploy_str_is(word, "queued") ? NGX_DEPLOY_STORE_QUEUED
           : ngx_deploy_str_is(word, "starting") ? NGX_DEPLOY_STORE_STARTING
           : ngx_deploy_str_is(word, "started") ? NGX_DEPLOY_STORE_STARTED
           : ngx_deploy_str_is(word, "failed") ? NGX_DEPLOY_STORE_FAILED : -1;
}


static int
ngx_deploy_store_status_count(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op)
{
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_STATUS_COUNT);

    if (st == NULL
        || ngx_deploy_store_step(store, st,
                                 sqlite3_bind_int64(st, 1, store->now))
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    op->queued = sqlite3_column_int64(st, 0);
    op->starting = sqlite3_column_int64(st, 1);
    op->oldest = sqlite3_column_int64(st, 2);

    if (op->oldest < 0) {
        op->oldest = 0;
    }

    (void) sqlite3_reset(st);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_status_builds(ngx_deploy_store_t *store, ngx_deploy_sql_e n,
    ngx_deploy_store_build_t **builds, size_t *nbuilds)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, n);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, NGX_DEPLOY_STORE_MAX_LOOK);
    rc |= sqlite3_bind_int64(st, 2, NGX_DEPLOY_STORE_MAX_SHOWN);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        if (ngx_deploy_store_grow(store, builds, *nbuilds,
                                  sizeof(ngx_deploy_store_build_t))
            != NGX_DEPLOY_OK
            || ngx_deploy_store_read_build(store, st, &(*builds)[*nbuilds])
               != NGX_DEPLOY_OK)
        {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }

        (*nbuilds)++;
    }
}


static int
ngx_deploy_store_status_attempts(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, int64_t delivery)
{
    int                          rc;
    sqlite3_stmt                *st;
    ngx_deploy_store_attempt_t  *a;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_ATTEMPTS_OF);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, delivery);
    rc |= sqlite3_bind_int64(st, 2, NGX_DEPLOY_STORE_MAX_ATTEMPTS);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        rc = ngx_deploy_store_grow(store, &op->attempts, op->nattempts,
                                   sizeof(ngx_deploy_store_attempt_t));

        if (rc == NGX_DEPLOY_OK) {
            a = &op->attempts[op->nattempts++];

            a->build = sqlite3_column_int64(st, 0);
            a->n = sqlite3_column_int64(st, 1);
            a->at = sqlite3_column_int64(st, 2);
            a->duration = sqlite3_column_int64(st, 3);
            a->status = sqlite3_column_int64(st, 4);

            rc = ngx_deploy_store_column(store, st, 5, &a->error);
            rc |= ngx_deploy_store_column(store, st, 6, &a->message);
        }

        if (rc != NGX_DEPLOY_OK) {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }
    }
}


/* the database and its log; what is not there has no size */

static int64_t
ngx_deploy_store_status_size(ngx_deploy_store_t *store)
{
    char         name[4096];
    int64_t      size;
    struct stat  st;

    size = 0;

    if (stat(store->file, &st) == 0) {
        size += st.st_size;
    }

    if (snprintf(name, sizeof(name), "%s-wal", store->file)
        < (int) sizeof(name)
        && stat(name, &st) == 0)
    {
        size += st.st_size;
    }

    return size;
}
