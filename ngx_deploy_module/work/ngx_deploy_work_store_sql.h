
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_STORE_SQL_H_INCLUDED_
#define _NGX_DEPLOY_WORK_STORE_SQL_H_INCLUDED_


#include <sqlite3.h>

#include "ngx_deploy_work_store.h"


/* private to the store's files: the handle, its statements, their values */

#define NGX_DEPLOY_STORE_APPLICATION  0x6e646570    /* "ndep" */

/*
 * ms that a time of another process may be ahead of an operation, which may
 * have waited for the lock, before the clock is said to have gone back
 */
#define NGX_DEPLOY_STORE_SKEW         15000


typedef enum {
    NGX_DEPLOY_SQL_BEGIN = 0,
    NGX_DEPLOY_SQL_BEGIN_WRITE,
    NGX_DEPLOY_SQL_COMMIT,
    NGX_DEPLOY_SQL_ROLLBACK,
    NGX_DEPLOY_SQL_SAVEPOINT,
    NGX_DEPLOY_SQL_SAVEPOINT_RELEASE,
    NGX_DEPLOY_SQL_SAVEPOINT_ROLLBACK,

    NGX_DEPLOY_SQL_DELIVERY_INSERT,
    NGX_DEPLOY_SQL_DELIVERY_UPDATE,
    NGX_DEPLOY_SQL_DELIVERY_BY_IDENTITY,
    NGX_DEPLOY_SQL_DELIVERY_BY_ROW,
    NGX_DEPLOY_SQL_DELIVERY_BY_ID,
    NGX_DEPLOY_SQL_DELIVERY_AGAIN,
    NGX_DEPLOY_SQL_DELIVERY_BY_BUILD,
    NGX_DEPLOY_SQL_DELIVERY_NEWEST,

    NGX_DEPLOY_SQL_BUILD_INSERT,
    NGX_DEPLOY_SQL_BUILD_RENEW,
    NGX_DEPLOY_SQL_BUILD_BY_ROW,
    NGX_DEPLOY_SQL_BUILD_BY_ID,
    NGX_DEPLOY_SQL_BUILD_BY_TOKEN,
    NGX_DEPLOY_SQL_BUILD_STATE,
    NGX_DEPLOY_SQL_BUILDS_OF,
    NGX_DEPLOY_SQL_BUILD_STARTED,
    NGX_DEPLOY_SQL_BUILD_RESULT,
    NGX_DEPLOY_SQL_ATTEMPT_INSERT,

    NGX_DEPLOY_SQL_AHEAD,
    NGX_DEPLOY_SQL_REBASE,
    NGX_DEPLOY_SQL_DUE,
    NGX_DEPLOY_SQL_NEXT,
    NGX_DEPLOY_SQL_LEASE,
    NGX_DEPLOY_SQL_ACTIVE,

    NGX_DEPLOY_SQL_RECORD_GET,
    NGX_DEPLOY_SQL_RECORD_PUT,
    NGX_DEPLOY_SQL_RECORD_OWN,
    NGX_DEPLOY_SQL_BOARD_LIVES,
    NGX_DEPLOY_SQL_BOARD_BEAT,
    NGX_DEPLOY_SQL_BOARDS_DELETE,
    NGX_DEPLOY_SQL_ANY_BEHIND,
    NGX_DEPLOY_SQL_BEHIND,
    NGX_DEPLOY_SQL_SILENT,

    NGX_DEPLOY_SQL_OLD,
    NGX_DEPLOY_SQL_ATTEMPTS_DELETE,
    NGX_DEPLOY_SQL_BUILDS_DELETE,
    NGX_DEPLOY_SQL_DELIVERY_DELETE,
    NGX_DEPLOY_SQL_RECORDS_DELETE,

    NGX_DEPLOY_SQL_STATUS_BUILDS,
    NGX_DEPLOY_SQL_STATUS_RULES,
    NGX_DEPLOY_SQL_STATUS_COUNT,
    NGX_DEPLOY_SQL_STATUS_PROJECTS,
    NGX_DEPLOY_SQL_STATUS_QUEUE,
    NGX_DEPLOY_SQL_ATTEMPTS_OF,
    NGX_DEPLOY_SQL_STATUS_NUMBERS,

    NGX_DEPLOY_SQL_STATEMENTS         /* their number */
} ngx_deploy_sql_e;


struct ngx_deploy_store_s {
    sqlite3                        *db;
    sqlite3_stmt                   *statements[NGX_DEPLOY_SQL_STATEMENTS];

    char                           *path;        /* of the directory */
    char                           *file;
    unsigned                        busy;
    unsigned                        existing;    /* not to be made */
    const volatile sig_atomic_t    *stop;

    /* of the run */
    ngx_deploy_pool_t              *pool;
    int64_t                         now;
    unsigned                        writing;
    int                             rc;          /* AGAIN or ERROR: it failed */

    int64_t                         waiting;     /* since, for a lock */
    int64_t                         deadline;    /* of a check, 0: none */

    char                            error[512];
};


/* ngx_deploy_work_store.c */

/*
 * The run fails: rc is NGX_DEPLOY_AGAIN or NGX_DEPLOY_ERROR, text may be
 * followed by that of errno.  Always NGX_DEPLOY_ERROR.
 */
int ngx_deploy_store_fail(ngx_deploy_store_t *store, int rc, const char *text,
    int err);

/*
 * What a failed call of SQLite means: the values of the operation do not
 * suit, which leaves the run alone, or the run fails.  Always
 * NGX_DEPLOY_ERROR.
 */
int ngx_deploy_store_failed(ngx_deploy_store_t *store, int rc);

/* ms of a clock that does not jump */
int64_t ngx_deploy_store_clock(void);

/* ngx_deploy_work_store_open.c */

/* opens the file: NGX_DEPLOY_OK or, the run having failed, NGX_DEPLOY_ERROR */
int ngx_deploy_store_open(ngx_deploy_store_t *store);
void ngx_deploy_store_close(ngx_deploy_store_t *store);

/* 1 when the file that is open is not the one of that name any more */
int ngx_deploy_store_moved(ngx_deploy_store_t *store);

/* ngx_deploy_work_store_sql.c */

/* a statement, reset, or NULL when the run has failed */
sqlite3_stmt *ngx_deploy_store_statement(ngx_deploy_store_t *store,
    ngx_deploy_sql_e n);

/* binds a text, NULL when it is absent */
int ngx_deploy_store_bind(sqlite3_stmt *st, int n, const ngx_deploy_str_t *s);

/*
 * NGX_DEPLOY_OK: a row; NGX_DEPLOY_DECLINED: no more, the statement is reset;
 * NGX_DEPLOY_ERROR.  bound is not 0 when a value could not be bound.
 */
int ngx_deploy_store_step(ngx_deploy_store_t *store, sqlite3_stmt *st,
    int bound);

/* runs a statement without values: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_store_exec(ngx_deploy_store_t *store, ngx_deploy_sql_e n);

/* copies the text of a column, absent when it is NULL */
int ngx_deploy_store_column(ngx_deploy_store_t *store, sqlite3_stmt *st,
    int n, ngx_deploy_str_t *s);

/* all columns of a delivery or a build */
int ngx_deploy_store_read_delivery(ngx_deploy_store_t *store,
    sqlite3_stmt *st, ngx_deploy_store_delivery_t *d);
int ngx_deploy_store_read_build(ngx_deploy_store_t *store, sqlite3_stmt *st,
    ngx_deploy_store_build_t *b);

/*
 * An array that grows: room for one element more of size bytes in *elts,
 * which has n of them.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_store_grow(ngx_deploy_store_t *store, void *elts, size_t n,
    size_t size);

/* all builds of a delivery, of all runs, without bodies and notices */
int ngx_deploy_store_builds_of(ngx_deploy_store_t *store,
    ngx_deploy_store_delivery_t *d);

/* one build, with body and notice, and its delivery: OK, DECLINED, ERROR */
int ngx_deploy_store_delivery_of(ngx_deploy_store_t *store, int64_t build,
    ngx_deploy_store_delivery_t *d);

/* the operations */

int ngx_deploy_store_accept(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op);
int ngx_deploy_store_redeliver(ngx_deploy_store_t *store,
    ngx_deploy_store_redeliver_t *op);
int ngx_deploy_store_result(ngx_deploy_store_t *store,
    ngx_deploy_store_started_t *op);
int ngx_deploy_store_take(ngx_deploy_store_t *store,
    ngx_deploy_store_take_t *op);
int ngx_deploy_store_find(ngx_deploy_store_t *store,
    ngx_deploy_store_find_t *op);
int ngx_deploy_store_save(ngx_deploy_store_t *store,
    ngx_deploy_store_save_t *op);
int ngx_deploy_store_recall(ngx_deploy_store_t *store,
    ngx_deploy_store_recall_t *op);
int ngx_deploy_store_behind(ngx_deploy_store_t *store,
    ngx_deploy_store_behind_t *op);
int ngx_deploy_store_silent(ngx_deploy_store_t *store,
    ngx_deploy_store_silent_t *op);
int ngx_deploy_store_prune(ngx_deploy_store_t *store,
    ngx_deploy_store_prune_t *op);
int ngx_deploy_store_drop(ngx_deploy_store_t *store,
    ngx_deploy_store_drop_t *op);
int ngx_deploy_store_status(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op);

/* ngx_deploy_work_store_numbers.c: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_store_numbers(ngx_deploy_store_t *store,
    ngx_deploy_store_status_t *op);

/* ngx_deploy_work_store_history.c: the deliveries of a statement's rows */
int ngx_deploy_store_deliveries(ngx_deploy_store_t *store, sqlite3_stmt *st,
    int bound, ngx_deploy_store_find_t *op);

/* 1 when something is due, or the clock went back, 0, or NGX_DEPLOY_ERROR */
int ngx_deploy_store_due(ngx_deploy_store_t *store);

/* 1 when a record is behind, 0, or NGX_DEPLOY_ERROR */
int ngx_deploy_store_any_behind(ngx_deploy_store_t *store);


#endif /* _NGX_DEPLOY_WORK_STORE_SQL_H_INCLUDED_ */
