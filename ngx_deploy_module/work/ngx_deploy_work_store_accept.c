
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"
#include "ngx_deploy_codebuild.h"


static int ngx_deploy_store_accept_known(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op);
static int ngx_deploy_store_accept_again(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op, ngx_deploy_store_delivery_t *old);
static size_t ngx_deploy_store_newest(ngx_deploy_store_delivery_t *d,
    unsigned best);
static int ngx_deploy_store_insert_build(ngx_deploy_store_t *store,
    ngx_deploy_store_build_t *b, const ngx_deploy_str_t *owner);
static int ngx_deploy_store_renew(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op, ngx_deploy_store_build_t *b);
static int ngx_deploy_store_run_again(ngx_deploy_store_t *store,
    ngx_deploy_store_build_t *b);


/* the insert that tells duplicates is the one that accepts */

int
ngx_deploy_store_accept(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op)
{
    int                           rc;
    size_t                        i;
    sqlite3_stmt                 *st;
    ngx_deploy_store_delivery_t  *d;

    d = op->delivery;

    op->known = NULL;
    op->nknown = 0;

    if (op->expires && ngx_deploy_store_clock() > op->expires) {
        return NGX_DEPLOY_DECLINED;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DELIVERY_INSERT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &d->location);
    rc |= ngx_deploy_store_bind(st, 2, &d->identity);
    rc |= ngx_deploy_store_bind(st, 3, &d->scheme);
    rc |= ngx_deploy_store_bind(st, 4, &d->server);
    rc |= ngx_deploy_store_bind(st, 5, &d->provider);
    rc |= ngx_deploy_store_bind(st, 6, &d->id);
    rc |= sqlite3_bind_int64(st, 7, d->received);
    rc |= ngx_deploy_store_bind(st, 8, &d->events);
    rc |= ngx_deploy_store_bind(st, 9, &d->rules);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    if (sqlite3_changes(store->db) == 0) {
        return ngx_deploy_store_accept_known(store, op);
    }

    op->outcome = NGX_DEPLOY_STORE_NEW;
    d->row = sqlite3_last_insert_rowid(store->db);

    for (i = 0; i < d->nbuilds; i++) {
        d->builds[i].delivery = d->row;
        d->builds[i].run = 1;
        d->builds[i].state = NGX_DEPLOY_STORE_STARTING;
        d->builds[i].due = store->now + op->lease;

        if (ngx_deploy_store_insert_build(store, &d->builds[i], &op->owner)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_accept_known(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op)
{
    int                           rc;
    size_t                        i, n, failed;
    sqlite3_stmt                 *st;
    ngx_deploy_store_delivery_t   old;

    st = ngx_deploy_store_statement(store,
                                    NGX_DEPLOY_SQL_DELIVERY_BY_IDENTITY);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->delivery->location);
    rc |= ngx_deploy_store_bind(st, 2, &op->delivery->identity);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    memset(&old, 0, sizeof(ngx_deploy_store_delivery_t));

    old.row = sqlite3_column_int64(st, 0);
    op->delivery->row = old.row;

    (void) sqlite3_reset(st);

    if (ngx_deploy_store_builds_of(store, &old) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    n = ngx_deploy_store_newest(&old, 1);
    failed = 0;

    for (i = 0; i < n; i++) {
        failed += (old.builds[i].state == NGX_DEPLOY_STORE_FAILED);
    }

    for (i = 0; i < op->delivery->nbuilds; i++) {
        op->delivery->builds[i].row = 0;
    }

    op->known = old.builds;
    op->nknown = n;

    if (n && failed == 0) {
        op->outcome = NGX_DEPLOY_STORE_DUPLICATE;
        return NGX_DEPLOY_OK;
    }

    op->outcome = NGX_DEPLOY_STORE_AGAIN;
    old.nbuilds = n;

    return ngx_deploy_store_accept_again(store, op, &old);
}


/* after a failure: what was started stays, all else is done as it is now */

static int
ngx_deploy_store_accept_again(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op, ngx_deploy_store_delivery_t *old)
{
    int                           rc;
    size_t                        i, n;
    sqlite3_stmt                 *st;
    ngx_deploy_store_build_t     *b, *known;
    ngx_deploy_store_delivery_t  *d;

    d = op->delivery;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DELIVERY_UPDATE);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, d->row);
    rc |= ngx_deploy_store_bind(st, 2, &d->events);
    rc |= ngx_deploy_store_bind(st, 3, &d->rules);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < d->nbuilds; i++) {
        b = &d->builds[i];

        b->delivery = d->row;
        b->state = NGX_DEPLOY_STORE_STARTING;
        b->due = store->now + op->lease;
        b->run = 1;

        known = NULL;

        for (n = 0; n < old->nbuilds; n++) {
            if (old->builds[n].event == b->event
                && ngx_deploy_str_eq(&old->builds[n].project, &b->project))
            {
                known = &old->builds[n];
                break;
            }
        }

        if (known == NULL) {
            rc = ngx_deploy_store_insert_build(store, b, &op->owner);

        } else if (known->state == NGX_DEPLOY_STORE_FAILED) {
            b->row = known->row;
            b->run = known->run;
            rc = ngx_deploy_store_renew(store, op, b);

            /* the last of the list takes its place */

            *known = old->builds[--old->nbuilds];

        } else {
            rc = NGX_DEPLOY_OK;
        }

        if (rc != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }
    }

    op->nknown = old->nbuilds;

    return NGX_DEPLOY_OK;
}


/*
 * Keeps the newest run of every build, or the newest that did not fail, if
 * there is one; returns their number
 */

static size_t
ngx_deploy_store_newest(ngx_deploy_store_delivery_t *d, unsigned best)
{
    size_t                     i, j, n;
    ngx_deploy_store_build_t  *b;

    b = d->builds;
    n = 0;

    for (i = 0; i < d->nbuilds; i++) {

        for (j = 0; j < n; j++) {
            if (b[j].event == b[i].event
                && ngx_deploy_str_eq(&b[j].project, &b[i].project))
            {
                break;
            }
        }

        /* rows are in order of time */

        if (j == n) {
            b[n++] = b[i];

        } else if (!best || b[i].state != NGX_DEPLOY_STORE_FAILED
                   || b[j].state == NGX_DEPLOY_STORE_FAILED)
        {
            b[j] = b[i];
        }
    }

    return n;
}


static int
ngx_deploy_store_insert_build(ngx_deploy_store_t *store,
    ngx_deploy_store_build_t *b, const ngx_deploy_str_t *owner)
{
    int            rc;
    sqlite3_stmt  *st;

    b->fence = (b->state == NGX_DEPLOY_STORE_STARTING);
    b->since = store->now;
    b->unknown = 0;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_INSERT);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = sqlite3_bind_int64(st, 1, b->delivery);
    rc |= sqlite3_bind_int64(st, 2, b->event);
    rc |= sqlite3_bind_int64(st, 3, b->run);
    rc |= sqlite3_bind_int(st, 4, b->paths_unknown != 0);
    rc |= sqlite3_bind_int(st, 5, b->state);
    rc |= sqlite3_bind_int64(st, 6, b->fence);
    rc |= sqlite3_bind_int64(st, 7, b->since);
    rc |= sqlite3_bind_int64(st, 8, b->due);
    rc |= ngx_deploy_store_bind(st, 9, owner);
    rc |= ngx_deploy_store_bind(st, 10, &b->project);
    rc |= ngx_deploy_store_bind(st, 11, &b->region);
    rc |= ngx_deploy_store_bind(st, 12, &b->endpoint);
    rc |= ngx_deploy_store_bind(st, 13, &b->role);
    rc |= ngx_deploy_store_bind(st, 14, &b->credentials);
    rc |= ngx_deploy_store_bind(st, 15, &b->token);
    rc |= ngx_deploy_store_bind(st, 16, &b->body);
    rc |= ngx_deploy_store_bind(st, 17, &b->notice);
    rc |= ngx_deploy_store_bind(st, 18, &b->response);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_ERROR;
    }

    b->row = sqlite3_last_insert_rowid(store->db);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_renew(ngx_deploy_store_t *store,
    ngx_deploy_store_accept_t *op, ngx_deploy_store_build_t *b)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_BUILD_RENEW);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    b->since = store->now;

    rc = sqlite3_bind_int64(st, 1, b->row);
    rc |= sqlite3_bind_int64(st, 2, b->since);
    rc |= sqlite3_bind_int64(st, 3, b->due);
    rc |= ngx_deploy_store_bind(st, 4, &op->owner);
    rc |= sqlite3_bind_int(st, 5, b->paths_unknown != 0);
    rc |= ngx_deploy_store_bind(st, 6, &b->region);
    rc |= ngx_deploy_store_bind(st, 7, &b->endpoint);
    rc |= ngx_deploy_store_bind(st, 8, &b->role);
    rc |= ngx_deploy_store_bind(st, 9, &b->credentials);
    rc |= ngx_deploy_store_bind(st, 10, &b->token);
    rc |= ngx_deploy_store_bind(st, 11, &b->body);
    rc |= ngx_deploy_store_bind(st, 12, &b->notice);
    rc |= ngx_deploy_store_bind(st, 13, &b->response);

    if (ngx_deploy_store_step(store, st, rc) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    b->fence = sqlite3_column_int64(st, 0);
    b->unknown = sqlite3_column_int64(st, 1);

    (void) sqlite3_reset(st);

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_redeliver(ngx_deploy_store_t *store,
    ngx_deploy_store_redeliver_t *op)
{
    int                           rc;
    size_t                        i, n;
    sqlite3_stmt                 *st;
    ngx_deploy_store_delivery_t  *d;

    op->delivery = NULL;
    op->queued = 0;

    d = ngx_deploy_palloc(store->pool, sizeof(ngx_deploy_store_delivery_t));
    if (d == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    st = ngx_deploy_store_statement(store, NGX_DEPLOY_SQL_DELIVERY_AGAIN);
    if (st == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_store_bind(st, 1, &op->id);

    rc = ngx_deploy_store_step(store, st, rc);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_store_read_delivery(store, st, d);

    (void) sqlite3_reset(st);

    if (rc != NGX_DEPLOY_OK
        || ngx_deploy_store_builds_of(store, d) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    op->delivery = d;

    n = ngx_deploy_store_newest(d, 0);

    for (i = 0; i < n; i++) {

        if (d->builds[i].state == NGX_DEPLOY_STORE_QUEUED
            || d->builds[i].state == NGX_DEPLOY_STORE_STARTING)
        {
            continue;
        }

        if (ngx_deploy_store_run_again(store, &d->builds[i])
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        op->queued++;
    }

    d->nbuilds = n;

    return n ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


/* a new row with the same body but for the token, which is as long */

static int
ngx_deploy_store_run_again(ngx_deploy_store_t *store,
    ngx_deploy_store_build_t *b)
{
    size_t                        i;
    ngx_deploy_str_t              token;
    ngx_deploy_store_build_t      again;
    ngx_deploy_store_delivery_t   d;

    static const ngx_deploy_str_t  word = ngx_deploy_string("redeliver");

    if (ngx_deploy_store_delivery_of(store, b->row, &d) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    again = *d.builds;

    if (ngx_deploy_codebuild_token(store->pool, &word, &again.token,
                                   again.run, &again.project, &again.region,
                                   &token)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (again.token.len != token.len) {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; /* void */ ; i++) {

        if (i + token.len > again.body.len) {
            return NGX_DEPLOY_ERROR;
        }

        if (memcmp(again.body.data + i, again.token.data, token.len) == 0) {
            memcpy(again.body.data + i, token.data, token.len);
            break;
        }
    }

    again.token = token;
    again.run++;
    again.state = NGX_DEPLOY_STORE_QUEUED;
    again.due = store->now;
    again.waited = 0;
    again.attempts = 0;
    again.number = -1;

    memset(&again.error, 0, sizeof(ngx_deploy_str_t));
    memset(&again.message, 0, sizeof(ngx_deploy_str_t));
    memset(&again.id, 0, sizeof(ngx_deploy_str_t));
    memset(&again.arn, 0, sizeof(ngx_deploy_str_t));
    memset(&again.url, 0, sizeof(ngx_deploy_str_t));
    memset(&again.status, 0, sizeof(ngx_deploy_str_t));
    memset(&again.record, 0, sizeof(ngx_deploy_str_t));

    *b = again;

    return ngx_deploy_store_insert_build(store, b, &again.error);
}
