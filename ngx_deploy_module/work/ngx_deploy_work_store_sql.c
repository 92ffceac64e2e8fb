
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"


#define NGX_DEPLOY_SQL_DELIVERY                                               \
    "SELECT d.id, d.identity, d.location, d.scheme, d.server, d.provider,"    \
    " d.delivery, d.received, d.events, d.rules FROM deliveries d"

/* what may be long comes last: NULL where it is not wanted */

#define NGX_DEPLOY_SQL_BUILD(record, long)                                    \
    "SELECT b.id, b.delivery, b.event, b.run, b.paths_unknown, b.state,"      \
    " b.fence, b.since, b.due, b.waited, b.attempts, b.unknown, b.number,"    \
    " ifnull(r.final, 0), b.project, b.region, b.endpoint, b.role,"           \
    " b.credentials, b.token, b.error, b.message, b.build, b.arn, b.url,"     \
    " r.status, " record ", " long                                            \
    " FROM builds b LEFT JOIN records r ON r.build = b.build"

#define NGX_DEPLOY_SQL_DELIVERY_OF                                            \
    "(SELECT d.delivery FROM deliveries d WHERE d.id = b.delivery), NULL"


/* numbers of states are those of ngx_deploy_store_state_e */

static const char *const  ngx_deploy_sql[NGX_DEPLOY_SQL_STATEMENTS] = {

    [NGX_DEPLOY_SQL_BEGIN] = "BEGIN",
    [NGX_DEPLOY_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [NGX_DEPLOY_SQL_COMMIT] = "COMMIT",
    [NGX_DEPLOY_SQL_ROLLBACK] = "ROLLBACK",
    [NGX_DEPLOY_SQL_SAVEPOINT] = "SAVEPOINT op",
    [NGX_DEPLOY_SQL_SAVEPOINT_RELEASE] = "RELEASE op",
    [NGX_DEPLOY_SQL_SAVEPOINT_ROLLBACK] = "ROLLBACK TO op",

    [NGX_DEPLOY_SQL_DELIVERY_INSERT] =
        "INSERT INTO deliveries (location, identity, scheme, server,"
        " provider, delivery, received, events, rules)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT (location, identity) DO NOTHING",

    [NGX_DEPLOY_SQL_DELIVERY_UPDATE] =
        "UPDATE deliveries SET events = ?2, rules = ?3 WHERE id = ?1",

    [NGX_DEPLOY_SQL_DELIVERY_BY_IDENTITY] =
        "SELECT id FROM deliveries WHERE location = ?1 AND identity = ?2",

    [NGX_DEPLOY_SQL_DELIVERY_BY_ROW] =
        NGX_DEPLOY_SQL_DELIVERY " WHERE d.id = ?1",

    [NGX_DEPLOY_SQL_DELIVERY_BY_ID] =
        NGX_DEPLOY_SQL_DELIVERY " WHERE d.delivery = ?1"
        " ORDER BY d.id DESC LIMIT ?2",

    /* a report of a build has the id of the delivery that started the build */

    [NGX_DEPLOY_SQL_DELIVERY_AGAIN] =
        NGX_DEPLOY_SQL_DELIVERY " WHERE d.delivery = ?1"
        " ORDER BY EXISTS (SELECT 1 FROM builds b WHERE b.delivery = d.id)"
        " DESC, d.provider IN ('aws', 'build'), d.id DESC LIMIT 1",

    [NGX_DEPLOY_SQL_DELIVERY_BY_BUILD] =
        NGX_DEPLOY_SQL_DELIVERY " WHERE d.id IN"
        " (SELECT b.delivery FROM builds b WHERE b.build = ?1)"
        " ORDER BY d.id DESC LIMIT ?2",

    [NGX_DEPLOY_SQL_DELIVERY_NEWEST] =
        NGX_DEPLOY_SQL_DELIVERY " ORDER BY d.id DESC LIMIT ?2",

    [NGX_DEPLOY_SQL_BUILD_INSERT] =
        "INSERT INTO builds (delivery, event, run, paths_unknown, state,"
        " fence, since, due, waited, attempts, unknown, owner, project,"
        " region, endpoint, role, credentials, token, body, notice,"
        " response) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, ?9, ?10,"
        " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",

    [NGX_DEPLOY_SQL_BUILD_RENEW] =
        "UPDATE builds SET state = 1, fence = fence + 1, since = ?2,"
        " due = ?3, waited = 0, owner = ?4, error = NULL, message = NULL,"
        " paths_unknown = ?5, region = ?6, endpoint = ?7, role = ?8,"
        " credentials = ?9, token = ?10, body = ?11, notice = ?12,"
        " response = ?13"
        " WHERE id = ?1 RETURNING fence, unknown",

    [NGX_DEPLOY_SQL_BUILD_BY_ROW] =
        NGX_DEPLOY_SQL_BUILD("NULL", "b.body, b.notice, b.response")
        " WHERE b.id = ?1",

    [NGX_DEPLOY_SQL_BUILD_BY_ID] =
        "SELECT id FROM builds WHERE build = ?1 ORDER BY id DESC LIMIT 1",

    [NGX_DEPLOY_SQL_BUILD_BY_TOKEN] =
        NGX_DEPLOY_SQL_BUILD("r.data", "NULL, NULL, NULL")
        " WHERE b.token = ?1 ORDER BY b.id DESC LIMIT 1",

    [NGX_DEPLOY_SQL_BUILD_STATE] =
        "SELECT state, fence, since, due, waited, unknown, attempts, build"
        " FROM builds WHERE id = ?1",

    [NGX_DEPLOY_SQL_BUILDS_OF] =
        NGX_DEPLOY_SQL_BUILD("r.data", "NULL, NULL, NULL")
        " WHERE b.delivery = ?1 ORDER BY b.id",

    [NGX_DEPLOY_SQL_BUILD_STARTED] =
        "UPDATE builds SET state = 2, since = ?2, due = 0, owner = NULL,"
        " unknown = 0, attempts = attempts + 1, error = NULL,"
        " message = NULL, build = ?3, arn = ?4, url = ?5, number = ?6,"
        " response = NULL"
        " WHERE id = ?1",

    [NGX_DEPLOY_SQL_BUILD_RESULT] =
        "UPDATE builds SET state = ?2, since = ?3, due = ?4, owner = NULL,"
        " waited = ?5, unknown = ?6, attempts = attempts + ?7,"
        " error = ifnull(?8, error), message = ifnull(?9, message),"
        " response = iif(?2 = 3, NULL, response)"
        " WHERE id = ?1",

    [NGX_DEPLOY_SQL_ATTEMPT_INSERT] =
        "INSERT INTO attempts (build, n, at, duration, status, error,"
        " message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",

    [NGX_DEPLOY_SQL_AHEAD] =
        "SELECT 1 FROM builds WHERE state < 2 AND since > ?1 LIMIT 1",

    [NGX_DEPLOY_SQL_REBASE] =
        "UPDATE builds SET due = ?1 + max(due - since, 0), since = ?1,"
        " unknown = (unknown != 0 OR state = 1)"
        " WHERE state < 2 AND since > ?2",

    [NGX_DEPLOY_SQL_DUE] =
        "SELECT id, state = 1 AND fence - attempts > 1 FROM builds"
        " WHERE state < 2 AND due <= ?1 ORDER BY due LIMIT ?2",

    [NGX_DEPLOY_SQL_NEXT] =
        "SELECT due FROM builds WHERE state < 2 ORDER BY due LIMIT 1",

    /*
     * Of a lease that was lost it is not known what became of the attempt;
     * one that is lost again and again gets longer, up to five minutes
     */

    [NGX_DEPLOY_SQL_LEASE] =
        "UPDATE builds SET waited = waited + max(due - since, 0),"
        " unknown = CASE WHEN unknown = 0 AND state = 1 THEN since"
        " ELSE unknown END, state = 1, fence = fence + 1, since = ?2,"
        " due = ?2 + CASE WHEN state = 1 THEN"
        " min(?3 << max(min(fence - attempts - 1, 9), 0), max(?3, 300000))"
        " ELSE ?3 END, owner = ?4 WHERE id = ?1",

    [NGX_DEPLOY_SQL_ACTIVE] =
        "SELECT count(*) FROM builds WHERE state < 2",

    [NGX_DEPLOY_SQL_RECORD_GET] =
        "SELECT revision, origin, owner, behind, status, final, data"
        " FROM records WHERE build = ?1",

    [NGX_DEPLOY_SQL_RECORD_PUT] =
        "INSERT INTO records (build, revision, origin, owner, behind, status,"
        " final, updated, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT (build) DO UPDATE SET revision = excluded.revision,"
        " origin = excluded.origin, owner = excluded.owner,"
        " behind = excluded.behind, status = excluded.status,"
        " final = CASE WHEN excluded.final != 0 AND final != 0 THEN final"
        " ELSE excluded.final END,"
        " updated = excluded.updated, data = excluded.data",

    [NGX_DEPLOY_SQL_RECORD_OWN] =
        "UPDATE records SET owner = ?2 WHERE build = ?1",

    [NGX_DEPLOY_SQL_BOARD_LIVES] =
        "SELECT 1 FROM boards WHERE id = ?1 AND seen > ?2 AND seen <= ?3",

    [NGX_DEPLOY_SQL_BOARD_BEAT] =
        "INSERT INTO boards (id, seen) VALUES (?1, ?2)"
        " ON CONFLICT (id) DO UPDATE SET seen = excluded.seen",

    [NGX_DEPLOY_SQL_BOARDS_DELETE] =
        "DELETE FROM boards WHERE seen < ?1",

    [NGX_DEPLOY_SQL_ANY_BEHIND] =
        "SELECT 1 FROM records WHERE behind != 0 LIMIT 1",

    [NGX_DEPLOY_SQL_BEHIND] =
        "SELECT build, origin FROM records WHERE behind != 0"
        " AND (owner IN (0, ?1) OR owner NOT IN"
        " (SELECT id FROM boards WHERE seen > ?2 AND seen <= ?3))"
        " ORDER BY updated LIMIT ?4",

    [NGX_DEPLOY_SQL_SILENT] =
        "SELECT build FROM records WHERE behind = 0"
        " AND updated > ?1 AND updated < ?2"
        " AND status IN ('started', 'in_progress')"
        " ORDER BY updated LIMIT ?3",

    [NGX_DEPLOY_SQL_OLD] =
        "SELECT d.id FROM deliveries d WHERE d.received < ?1"
        " AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.delivery = d.id"
        " AND (b.state < 2 OR b.since >= ?1)) ORDER BY d.received LIMIT ?2",

    [NGX_DEPLOY_SQL_ATTEMPTS_DELETE] =
        "DELETE FROM attempts WHERE build IN"
        " (SELECT id FROM builds WHERE delivery = ?1)",

    [NGX_DEPLOY_SQL_BUILDS_DELETE] =
        "DELETE FROM builds WHERE delivery = ?1",

    [NGX_DEPLOY_SQL_DELIVERY_DELETE] =
        "DELETE FROM deliveries WHERE id = ?1",

    [NGX_DEPLOY_SQL_RECORDS_DELETE] =
        "DELETE FROM records WHERE id IN (SELECT id FROM records"
        " WHERE updated < ?1 AND behind = 0 ORDER BY updated LIMIT ?2)",

    [NGX_DEPLOY_SQL_STATUS_BUILDS] =
        NGX_DEPLOY_SQL_DELIVERY
        " WHERE d.id IN (SELECT l.id FROM deliveries l"
        " ORDER BY l.id DESC LIMIT ?1)"
        " AND EXISTS (SELECT 1 FROM builds b"
        " LEFT JOIN records r ON r.build = b.build WHERE b.delivery = d.id"
        " AND (?2 IS NULL OR b.project = ?2)"
        " AND (?3 IS NULL OR b.state = ?3 OR r.status = ?4))"
        " ORDER BY d.id DESC LIMIT ?5",

    [NGX_DEPLOY_SQL_STATUS_RULES] =
        NGX_DEPLOY_SQL_DELIVERY
        " WHERE d.id IN (SELECT l.id FROM deliveries l"
        " ORDER BY l.id DESC LIMIT ?1)"
        " AND (?2 IS NULL OR instr(d.rules, ?2))"
        " AND (substr(d.identity, 1, 8) = 'dry_run:') = ?3"
        " AND NOT EXISTS (SELECT 1 FROM builds b WHERE b.delivery = d.id)"
        " ORDER BY d.id DESC LIMIT ?5",

    [NGX_DEPLOY_SQL_STATUS_COUNT] =
        "SELECT ifnull(sum(state = 0), 0), ifnull(sum(state = 1), 0),"
        " max(waited + ?1 - since) FROM builds WHERE state < 2",

    [NGX_DEPLOY_SQL_STATUS_PROJECTS] =
        NGX_DEPLOY_SQL_BUILD("NULL", NGX_DEPLOY_SQL_DELIVERY_OF)
        " WHERE b.id IN (SELECT max(l.id) FROM"
        " (SELECT id, project FROM builds ORDER BY id DESC LIMIT ?1) l"
        " GROUP BY l.project) ORDER BY b.project LIMIT ?2",

    [NGX_DEPLOY_SQL_STATUS_QUEUE] =
        NGX_DEPLOY_SQL_BUILD("NULL", NGX_DEPLOY_SQL_DELIVERY_OF)
        " WHERE b.state < 2 AND ?1 ORDER BY b.due LIMIT ?2",

    [NGX_DEPLOY_SQL_ATTEMPTS_OF] =
        "SELECT a.build, a.n, a.at, a.duration, a.status, a.error, a.message"
        " FROM attempts a JOIN builds b ON b.id = a.build"
        " WHERE b.delivery = ?1 ORDER BY a.build, a.n LIMIT ?2",

    [NGX_DEPLOY_SQL_STATUS_NUMBERS] =
        "SELECT b.project, r.status, r.final, d.received FROM"
        " (SELECT build, status, final FROM records ORDER BY id DESC"
        " LIMIT ?1) r JOIN builds b ON b.build = r.build"
        " JOIN deliveries d ON d.id = b.delivery WHERE r.final >= ?2"
        " AND r.status IN ('succeeded', 'failed', 'timed_out', 'fault')"
        " ORDER BY b.project, r.final"
};


sqlite3_stmt *
ngx_deploy_store_statement(ngx_deploy_store_t *store, ngx_deploy_sql_e n)
{
    int            rc;
    sqlite3_stmt  *st;

    st = store->statements[n];

    if (st == NULL) {
        rc = sqlite3_prepare_v3(store->db, ngx_deploy_sql[n], -1,
                                SQLITE_PREPARE_PERSISTENT,
                                &store->statements[n], NULL);
        if (rc != SQLITE_OK) {
            (void) ngx_deploy_store_failed(store, rc);
            return NULL;
        }

        return store->statements[n];
    }

    (void) sqlite3_reset(st);
    (void) sqlite3_clear_bindings(st);

    return st;
}


int
ngx_deploy_store_bind(sqlite3_stmt *st, int n, const ngx_deploy_str_t *s)
{
    if (s->data == NULL) {
        return sqlite3_bind_null(st, n);
    }

    return sqlite3_bind_text64(st, n, (const char *) s->data, s->len,
                               SQLITE_STATIC, SQLITE_UTF8);
}


int
ngx_deploy_store_step(ngx_deploy_store_t *store, sqlite3_stmt *st, int bound)
{
    int  rc;

    rc = bound ? SQLITE_TOOBIG : sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        return NGX_DEPLOY_OK;
    }

    if (rc == SQLITE_DONE) {
        (void) sqlite3_reset(st);
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_store_failed(store, rc);

    (void) sqlite3_reset(st);

    return rc;
}


int
ngx_deploy_store_exec(ngx_deploy_store_t *store, ngx_deploy_sql_e n)
{
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, n);

    if (st == NULL
        || ngx_deploy_store_step(store, st, 0) != NGX_DEPLOY_DECLINED)
    {
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_column(ngx_deploy_store_t *store, sqlite3_stmt *st, int n,
    ngx_deploy_str_t *s)
{
    const u_char  *p;

    s->len = 0;
    s->data = NULL;

    if (sqlite3_column_type(st, n) == SQLITE_NULL) {
        return NGX_DEPLOY_OK;
    }

    p = sqlite3_column_text(st, n);

    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_pstrdup(store->pool, s, p, sqlite3_column_bytes(st, n));
}


int
ngx_deploy_store_read_delivery(ngx_deploy_store_t *store, sqlite3_stmt *st,
    ngx_deploy_store_delivery_t *d)
{
    int  rc;

    memset(d, 0, sizeof(ngx_deploy_store_delivery_t));

    d->row = sqlite3_column_int64(st, 0);
    d->received = sqlite3_column_int64(st, 7);

    rc = ngx_deploy_store_column(store, st, 1, &d->identity);
    rc |= ngx_deploy_store_column(store, st, 2, &d->location);
    rc |= ngx_deploy_store_column(store, st, 3, &d->scheme);
    rc |= ngx_deploy_store_column(store, st, 4, &d->server);
    rc |= ngx_deploy_store_column(store, st, 5, &d->provider);
    rc |= ngx_deploy_store_column(store, st, 6, &d->id);
    rc |= ngx_deploy_store_column(store, st, 8, &d->events);
    rc |= ngx_deploy_store_column(store, st, 9, &d->rules);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_store_read_build(ngx_deploy_store_t *store, sqlite3_stmt *st,
    ngx_deploy_store_build_t *b)
{
    int                rc;
    size_t             i;
    ngx_deploy_str_t  *texts[] = {
        &b->project, &b->region, &b->endpoint, &b->role, &b->credentials,
        &b->token, &b->error, &b->message, &b->id, &b->arn, &b->url,
        &b->status, &b->record, &b->body, &b->notice, &b->response
    };

    memset(b, 0, sizeof(ngx_deploy_store_build_t));

    b->row = sqlite3_column_int64(st, 0);
    b->delivery = sqlite3_column_int64(st, 1);
    b->event = sqlite3_column_int64(st, 2);
    b->run = sqlite3_column_int64(st, 3);
    b->paths_unknown = sqlite3_column_int(st, 4) != 0;
    b->state = sqlite3_column_int(st, 5);
    b->fence = sqlite3_column_int64(st, 6);
    b->since = sqlite3_column_int64(st, 7);
    b->due = sqlite3_column_int64(st, 8);
    b->waited = sqlite3_column_int64(st, 9);
    b->attempts = sqlite3_column_int64(st, 10);
    b->unknown = sqlite3_column_int64(st, 11);
    b->number = (sqlite3_column_type(st, 12) == SQLITE_NULL)
                ? -1 : sqlite3_column_int64(st, 12);
    b->final = sqlite3_column_int64(st, 13);

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc |= ngx_deploy_store_column(store, st, 14 + (int) i, texts[i]);
    }

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_store_grow(ngx_deploy_store_t *store, void *elts, size_t n,
    size_t size)
{
    void  *old, *p;

    /* room for 4, then twice as much each time */

    if (n && (n < 4 || (n & (n - 1)) != 0)) {
        return NGX_DEPLOY_OK;
    }

    p = ngx_deploy_palloc(store->pool, (n ? 2 * n : 4) * size);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (n) {
        memcpy(&old, elts, sizeof(void *));
        memcpy(p, old, n * size);
    }

    memcpy(elts, &p, sizeof(void *));

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_builds_of(ngx_deploy_store_t *store,
    ngx_deploy_store_delivery_t *d)
{
    int            rc;
    sqlite3_stmt  *st;

    d->builds = NULL;
    d->nbuilds = 0;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILDS_OF);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, d->row);

    for ( ;; ) {
        rc = ngx_deploy_store_step(store, st, rc);

        if (rc != NGX_DEPLOY_OK) {
            return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_OK : rc;
        }

        if (ngx_deploy_store_grow(store, &d->builds, d->nbuilds,
                                  sizeof(ngx_deploy_store_build_t))
            != NGX_DEPLOY_OK
            || ngx_deploy_store_read_build(store, st, &d->builds[d->nbuilds])
               != NGX_DEPLOY_OK)
        {
            (void) sqlite3_reset(st);
            return NGX_DEPLOY_ERROR;
        }

        d->nbuilds++;
    }
}


int
ngx_deploy_store_delivery_of(ngx_deploy_store_t *store, int64_t build,
    ngx_deploy_store_delivery_t *d)
{
    int                        rc;
    sqlite3_stmt              *st;
    ngx_deploy_store_build_t  *b;

    b = ngx_deploy_palloc(store->pool, sizeof(ngx_deploy_store_build_t));
    if (b == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_BY_ROW);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st, sqlite3_bind_int64(st, 1, build));

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_store_read_build(store, st, b);
        (void) sqlite3_reset(st);
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DELIVERY_BY_ROW);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_step(store, st,
                               sqlite3_bind_int64(st, 1, b->delivery));

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_store_read_delivery(store, st, d);
        (void) sqlite3_reset(st);
    }

    d->builds = b;
    d->nbuilds = 1;

    return rc;
}
