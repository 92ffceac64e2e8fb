
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdlib.h>

#include "ngx_deploy_work_store_sql.h"


/* the builds of one project in the making, in order of time */

typedef struct {
    ngx_deploy_store_numbers_t   *numbers;
    int64_t                      *leads;
    int64_t                      *restores;
    size_t                        nleads;
    size_t                        nrestores;
} ngx_deploy_store_tally_t;


static int ngx_deploy_store_tally(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, ngx_deploy_store_tally_t *tally,
    sqlite3_stmt *st);
static int ngx_deploy_store_tally_project(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, ngx_deploy_store_tally_t *tally,
    const ngx_deploy_str_t *project);
static void ngx_deploy_store_tally_end(ngx_deploy_store_tally_t *tally);
static int64_t ngx_deploy_store_median(int64_t *n, size_t len);
static int ngx_deploy_store_compare(const void *a, const void *b);


int
ngx_deploy_store_numbers(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op)
{
    int                        rc;
    sqlite3_stmt              *st;
    ngx_deploy_store_tally_t   tally;

    memset(&tally, 0, sizeof(ngx_deploy_store_tally_t));

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_STATUS_NUMBERS);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, NGX_DEPLOY_STORE_MAX_LOOK);
    rc |= sqlite3_bind_int64(st, 2, store->now
                                    - NGX_DEPLOY_STORE_DAYS * 86400000LL);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc == NGX_DEPLOY_DECLINED) {
            ngx_deploy_store_tally_end(&tally);
            return NGX_DEPLOY_OK;
        }

        if (rc == NGX_DEPLOY_OK) {
            rc = ngx_deploy_store_tally(store, op, &tally, st);
        }

        if (rc == NGX_DEPLOY_DECLINED) {
            ngx_deploy_store_tally_end(&tally);
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_OK;
        }

        if (rc != NGX_DEPLOY_OK) {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }
    }
}


/* NGX_DEPLOY_DECLINED: there are too many projects */

static int
ngx_deploy_store_tally(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, ngx_deploy_store_tally_t *tally,
    sqlite3_stmt *st)
{
    int                           rc;
    int64_t                       final;
    ngx_deploy_str_t              project, status;
    ngx_deploy_store_numbers_t   *n;

    /* of SQLite, until the next step */

    project.data = (u_char *) sqlite3_column_text(st, 0);
    project.len = sqlite3_column_bytes(st, 0);
    status.data = (u_char *) sqlite3_column_text(st, 1);
    status.len = sqlite3_column_bytes(st, 1);

    if (project.data == NULL || status.data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_tally_project(store, op, tally, &project);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    n = tally->numbers;
    final = sqlite3_column_int64(st, 2);

    if (!ngx_deploy_str_is(&status, "succeeded")) {
        n->failures++;

        if (n->failing == 0) {
            n->failing = final;
        }

        return NGX_DEPLOY_OK;
    }

    n->deployments++;

    if (ngx_deploy_store_grow(store, &tally->leads, tally->nleads,
                              sizeof(int64_t))
        != NGX_DEPLOY_OK
        || ngx_deploy_store_grow(store, &tally->restores, tally->nrestores,
                                 sizeof(int64_t))
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    tally->leads[tally->nleads++] = final - sqlite3_column_int64(st, 3);

    if (n->failing) {
        tally->restores[tally->nrestores++] = final - n->failing;
        n->failing = 0;
    }

    return NGX_DEPLOY_OK;
}


/* rows of a project follow each other */

static int
ngx_deploy_store_tally_project(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op, ngx_deploy_store_tally_t *tally,
    const ngx_deploy_str_t *project)
{
    ngx_deploy_store_numbers_t  *n;

    if (tally->numbers
        && ngx_deploy_str_eq(&tally->numbers->project, project))
    {
        return NGX_DEPLOY_OK;
    }

    if (op->nnumbers == NGX_DEPLOY_STORE_MAX_SHOWN) {
        return NGX_DEPLOY_DECLINED;
    }

    ngx_deploy_store_tally_end(tally);

    if (ngx_deploy_store_grow(store, &op->numbers, op->nnumbers,
                              sizeof(ngx_deploy_store_numbers_t))
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    n = &op->numbers[op->nnumbers];

    memset(n, 0, sizeof(ngx_deploy_store_numbers_t));

    if (ngx_deploy_pstrdup(store->pool, &n->project, project->data,
                           project->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    op->nnumbers++;
    tally->numbers = n;

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_store_tally_end(ngx_deploy_store_tally_t *tally)
{
    if (tally->numbers == NULL) {
        return;
    }

    tally->numbers->lead = ngx_deploy_store_median(tally->leads,
                                                   tally->nleads);
    tally->numbers->restore = ngx_deploy_store_median(tally->restores,
                                                      tally->nrestores);
    tally->numbers->restored = (int64_t) tally->nrestores;

    tally->nleads = 0;
    tally->nrestores = 0;
}


static int64_t
ngx_deploy_store_median(int64_t *n, size_t len)
{
    int64_t  median;

    if (len == 0) {
        return -1;
    }

    qsort(n, len, sizeof(int64_t), ngx_deploy_store_compare);

    median = (len % 2) ? n[len / 2]
                       : n[len / 2 - 1] / 2 + n[len / 2] / 2;

    /* the clock went back */

    return (median < 0) ? 0 : median;
}


static int
ngx_deploy_store_compare(const void *a, const void *b)
{
    const int64_t  *x, *y;

    x = a;
    y = b;

    return (*x > *y) - (*x < *y);
}
