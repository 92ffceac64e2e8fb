
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define NGX_DEPLOY_STORE_CHECK_TIME  400     /* ms */
#define NGX_DEPLOY_STORE_MAX_VALUE   (4 * 1024 * 1024)


static int ngx_deploy_store_make(ngx_deploy_store_t *store);
static int ngx_deploy_store_connect(ngx_deploy_store_t *store);
static int ngx_deploy_store_identify(ngx_deploy_store_t *store,
    int64_t *version);
static int ngx_deploy_store_journal(ngx_deploy_store_t *store);
static int ngx_deploy_store_migrate(ngx_deploy_store_t *store);
static int ngx_deploy_store_check(ngx_deploy_store_t *store);
static int ngx_deploy_store_texts(ngx_deploy_store_t *store,
    const char *const *texts);
static int ngx_deploy_store_number(ngx_deploy_store_t *store,
    const char *text, int64_t *n);
static int ngx_deploy_store_busy(void *data, int n);
static int ngx_deploy_store_progress(void *data);


/* of each connection */

static const char *const  ngx_deploy_store_settings[] = {
    "PRAGMA synchronous = FULL",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA mmap_size = 0",
    "PRAGMA cell_size_check = ON",
    "PRAGMA journal_size_limit = 67108864",
    NULL
};


/* the steps from each version of the schema to the next */

static const char *const  ngx_deploy_store_steps[] = {

    "PRAGMA application_id = 1852073328;"                     /* "ndep" */

    "CREATE TABLE deliveries ("
    " id INTEGER PRIMARY KEY,"
    " location TEXT NOT NULL,"
    " identity TEXT NOT NULL,"
    " scheme TEXT NOT NULL,"
    " server TEXT,"
    " provider TEXT,"
    " delivery TEXT,"                       /* the sender's id */
    " received INTEGER NOT NULL,"
    " events TEXT,"
    " rules TEXT,"
    " UNIQUE (location, identity));"

    "CREATE INDEX deliveries_delivery ON deliveries (delivery);"
    "CREATE INDEX deliveries_received ON deliveries (received);"

    "CREATE TABLE builds ("
    " id INTEGER PRIMARY KEY,"
    " delivery INTEGER NOT NULL,"
    " event INTEGER NOT NULL,"
    " run INTEGER NOT NULL,"
    " paths_unknown INTEGER NOT NULL,"
    " state INTEGER NOT NULL,"              /* queued, starting, .. */
    " fence INTEGER NOT NULL,"
    " since INTEGER NOT NULL,"
    " due INTEGER NOT NULL,"
    " waited INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " unknown INTEGER NOT NULL,"
    " owner TEXT,"
    " project TEXT NOT NULL,"
    " region TEXT NOT NULL,"
    " endpoint TEXT,"
    " role TEXT,"
    " credentials TEXT,"
    " token TEXT NOT NULL,"
    " error TEXT,"
    " message TEXT,"
    " build TEXT,"                          /* CodeBuild's id */
    " arn TEXT,"
    " url TEXT,"
    " number INTEGER,"
    " body TEXT NOT NULL);"

    "CREATE INDEX builds_delivery ON builds (delivery);"
    "CREATE INDEX builds_build ON builds (build) WHERE build IS NOT NULL;"
    "CREATE INDEX builds_due ON builds (due) WHERE state < 2;"
    "CREATE INDEX builds_since ON builds (since) WHERE state < 2;"

    "CREATE TABLE attempts ("
    " build INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " duration INTEGER,"
    " status INTEGER,"                      /* of HTTP */
    " error TEXT,"
    " message TEXT,"
    " PRIMARY KEY (build, n)) WITHOUT ROWID;"

    /* what is told of builds, whoever started them */

    "CREATE TABLE runs ("
    " build TEXT PRIMARY KEY,"
    " project TEXT,"
    " status TEXT,"
    " phase TEXT,"
    " message TEXT,"
    " url TEXT,"
    " updated INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE INDEX runs_updated ON runs (updated);"

    "CREATE TABLE phases ("
    " build TEXT NOT NULL,"
    " phase TEXT NOT NULL,"
    " status TEXT,"
    " message TEXT,"
    " at INTEGER NOT NULL,"
    " duration INTEGER NOT NULL,"
    " PRIMARY KEY (build, phase)) WITHOUT ROWID;"

    "CREATE TABLE messages ("
    " build TEXT NOT NULL,"
    " channel TEXT NOT NULL,"
    " ts TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " PRIMARY KEY (build, channel)) WITHOUT ROWID;"

    "CREATE INDEX messages_at ON messages (at);"

    "PRAGMA user_version = 1",

    /* records of builds as a whole instead of their parts, never filled */

    "DROP TABLE messages;"
    "DROP TABLE phases;"
    "DROP TABLE runs;"

    "ALTER TABLE builds ADD COLUMN notice TEXT;"
    "ALTER TABLE builds ADD COLUMN response TEXT;"

    "CREATE INDEX builds_token ON builds (token);"

    "CREATE TABLE records ("
    " id INTEGER PRIMARY KEY,"
    " build TEXT NOT NULL UNIQUE,"
    " revision INTEGER NOT NULL,"
    " origin INTEGER NOT NULL,"
    " owner INTEGER NOT NULL,"
    " behind INTEGER NOT NULL,"
    " status TEXT NOT NULL,"
    " final INTEGER NOT NULL,"
    " updated INTEGER NOT NULL,"
    " data TEXT NOT NULL);"

    "CREATE INDEX records_updated ON records (updated) WHERE behind = 0;"
    "CREATE INDEX records_behind ON records (updated) WHERE behind != 0;"

    /* tables of builds in memories that share the store */

    "CREATE TABLE boards ("
    " id INTEGER PRIMARY KEY,"
    " seen INTEGER NOT NULL);"

    "PRAGMA user_version = 2"
};


int
ngx_deploy_store_open(ngx_deploy_store_t *store)
{
    int64_t    version;
    unsigned   i;

    if ((!store->existing && ngx_deploy_store_make(store) != NGX_DEPLOY_OK)
        || ngx_deploy_store_connect(store) != NGX_DEPLOY_OK
        || ngx_deploy_store_identify(store, &version) != NGX_DEPLOY_OK
        || (store->existing && version < NGX_DEPLOY_STORE_VERSION
            && ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR, "is of an older "
                                     "version, nginx has to open it first", 0)
               != NGX_DEPLOY_OK)
        || ngx_deploy_store_journal(store) != NGX_DEPLOY_OK
        || ngx_deploy_store_texts(store, ngx_deploy_store_settings)
           != NGX_DEPLOY_OK
        || (version < NGX_DEPLOY_STORE_VERSION
            && ngx_deploy_store_migrate(store) != NGX_DEPLOY_OK)
        || ngx_deploy_store_check(store) != NGX_DEPLOY_OK)
    {
        goto failed;
    }

    /* the tables are what they should be */

    for (i = 0; i < NGX_DEPLOY_SQL_STATEMENTS; i++) {
        if (ngx_deploy_store_statement(store, i) == NULL) {
            goto failed;
        }
    }

    return NGX_DEPLOY_OK;

failed:

    ngx_deploy_store_close(store);

    return NGX_DEPLOY_ERROR;
}


void
ngx_deploy_store_close(ngx_deploy_store_t *store)
{
    size_t  i;

    for (i = 0; i < NGX_DEPLOY_SQL_STATEMENTS; i++) {
        (void) sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }

    (void) sqlite3_close(store->db);
    store->db = NULL;
}


/*
 * SQLite would make a file that everybody can read; bodies of StartBuild
 * are in it
 */

static int
ngx_deploy_store_make(ngx_deploy_store_t *store)
{
    int          fd, dir, rc;
    struct stat  st;

    fd = open(store->file, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1 && errno != EEXIST) {
        return ngx_deploy_store_fail(store,
                                     (errno == ENOSPC) ? NGX_DEPLOY_AGAIN
                                                       : NGX_DEPLOY_ERROR,
                                     "cannot be created", errno);
    }

    if (fd == -1) {
        if (stat(store->file, &st) == -1) {
            return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                         "cannot be opened", errno);
        }

        if (!S_ISREG(st.st_mode)) {
            return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                         "is not a regular file", 0);
        }

        return NGX_DEPLOY_OK;
    }

    (void) close(fd);

    /* its name is to be durable, too */

    dir = open(store->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    rc = (dir == -1) ? -1 : fsync(dir);

    if (rc == -1) {
        (void) ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                     "failed: the directory was not synced",
                                     errno);
    }

    if (dir != -1) {
        (void) close(dir);
    }

    return (rc == -1) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_connect(ngx_deploy_store_t *store)
{
    int  rc, on;

    rc = sqlite3_open_v2(store->file, &store->db,
                         SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX
                         |SQLITE_OPEN_PRIVATECACHE, NULL);

    if (store->db == NULL) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_AGAIN,
                                     "is not usable, out of memory", 0);
    }

    if (rc != SQLITE_OK) {
        return ngx_deploy_store_failed(store, rc);
    }

    if (sqlite3_db_readonly(store->db, "main")) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                     "cannot be written", EACCES);
    }

    (void) sqlite3_extended_result_codes(store->db, 1);

    (void) sqlite3_busy_handler(store->db, ngx_deploy_store_busy, store);
    sqlite3_progress_handler(store->db, 10000, ngx_deploy_store_progress,
                             store);

    (void) sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH,
                         NGX_DEPLOY_STORE_MAX_VALUE);
    (void) sqlite3_limit(store->db, SQLITE_LIMIT_ATTACHED, 0);

    /* a file that is not ours runs nothing */

    on = 0;

    (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, &on);
    (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
                             &on);
    (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0,
                             &on);
    (void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, &on);

    return NGX_DEPLOY_OK;
}


/* nothing is written to a file that is not known to be ours */

static int
ngx_deploy_store_identify(ngx_deploy_store_t *store, int64_t *version)
{
    char     text[128];
    int64_t  application, objects;

    static const char *const  begin[] = { "BEGIN", NULL };
    static const char *const  end[] = { "COMMIT", NULL };

    /* another process may be making it right now */

    if (ngx_deploy_store_texts(store, begin) != NGX_DEPLOY_OK
        || ngx_deploy_store_number(store, "PRAGMA application_id",
                                   &application)
           != NGX_DEPLOY_OK
        || ngx_deploy_store_number(store, "PRAGMA user_version", version)
           != NGX_DEPLOY_OK
        || ngx_deploy_store_number(store,
                                   "SELECT count(*) FROM sqlite_master",
                                   &objects)
           != NGX_DEPLOY_OK
        || ngx_deploy_store_texts(store, end) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (application == 0 && *version == 0 && objects == 0) {
        return NGX_DEPLOY_OK;
    }

    if (application != NGX_DEPLOY_STORE_APPLICATION || *version <= 0) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                     "belongs to another program", 0);
    }

    if (*version > NGX_DEPLOY_STORE_VERSION) {
        (void) snprintf(text, sizeof(text), "is of a newer version of the "
                        "module: schema %lld, this one knows %d",
                        (long long) *version, NGX_DEPLOY_STORE_VERSION);

        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR, text, 0);
    }

    return NGX_DEPLOY_OK;
}


/*
 * The change of the mode does not wait where it could be a deadlock, as with
 * another process that has just made the file
 */

static int
ngx_deploy_store_journal(ngx_deploy_store_t *store)
{
    int            rc, n;
    sqlite3_stmt  *st;

    for (n = 0; /* void */ ; n++) {

        rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1,
                                &st, NULL);

        if (rc == SQLITE_OK) {
            rc = sqlite3_step(st);
        }

        if (rc == SQLITE_ROW) {
            rc = (sqlite3_column_bytes(st, 0) == 3
                  && memcmp(sqlite3_column_text(st, 0), "wal", 3) == 0)
                 ? SQLITE_OK : SQLITE_IOERR_SHMOPEN;
        }

        (void) sqlite3_finalize(st);

        if ((rc & 0xff) != SQLITE_BUSY || !ngx_deploy_store_busy(store, n)) {
            break;
        }
    }

    if (rc == SQLITE_IOERR_SHMOPEN) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR,
                                     "cannot be used on this file system: "
                                     "no shared memory", 0);
    }

    return (rc == SQLITE_OK) ? NGX_DEPLOY_OK
                             : ngx_deploy_store_failed(store, rc);
}


static int
ngx_deploy_store_migrate(ngx_deploy_store_t *store)
{
    int      rc;
    int64_t  version;

    static const char *const  begin[] = { "BEGIN IMMEDIATE", NULL };
    static const char *const  end[] = { "COMMIT", NULL };

    if (ngx_deploy_store_texts(store, begin) != NGX_DEPLOY_OK
        || ngx_deploy_store_number(store, "PRAGMA user_version", &version)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    /* another process may have been faster */

    for ( /* void */ ; version < NGX_DEPLOY_STORE_VERSION; version++) {

        rc = sqlite3_exec(store->db, ngx_deploy_store_steps[version], NULL,
                          NULL, NULL);

        if (rc != SQLITE_OK) {
            return ngx_deploy_store_failed(store, rc);
        }
    }

    return ngx_deploy_store_texts(store, end);
}


/* the structure of the file, as far as there is time */

static int
ngx_deploy_store_check(ngx_deploy_store_t *store)
{
    int            rc;
    char           text[256];
    sqlite3_stmt  *st;

    store->deadline = ngx_deploy_store_clock() + NGX_DEPLOY_STORE_CHECK_TIME;

    text[0] = '\0';

    rc = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &st,
                            NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
    }

    if (rc == SQLITE_ROW) {
        (void) snprintf(text, sizeof(text), "is corrupt: %s",
                        (const char *) sqlite3_column_text(st, 0));
        rc = SQLITE_OK;
    }

    (void) sqlite3_finalize(st);

    if (rc == SQLITE_INTERRUPT
        && ngx_deploy_store_clock() >= store->deadline)
    {
        rc = SQLITE_OK;
        text[0] = '\0';
    }

    store->deadline = 0;

    if (rc != SQLITE_OK) {
        return ngx_deploy_store_failed(store, rc);
    }

    if (text[0] && strcmp(text, "is corrupt: ok") != 0) {
        return ngx_deploy_store_fail(store, NGX_DEPLOY_ERROR, text, 0);
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_store_moved(ngx_deploy_store_t *store)
{
    int  moved;

    moved = 0;

    (void) sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED,
                                &moved);

    return moved;
}


static int
ngx_deploy_store_texts(ngx_deploy_store_t *store, const char *const *texts)
{
    int  rc;

    for ( /* void */ ; *texts; texts++) {
        rc = sqlite3_exec(store->db, *texts, NULL, NULL, NULL);

        if (rc != SQLITE_OK) {
            return ngx_deploy_store_failed(store, rc);
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_store_number(ngx_deploy_store_t *store, const char *text,
    int64_t *n)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(store->db, text, -1, &st, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st);
    }

    if (rc == SQLITE_ROW) {
        *n = sqlite3_column_int64(st, 0);
    }

    (void) sqlite3_finalize(st);

    return (rc == SQLITE_ROW) ? NGX_DEPLOY_OK
                              : ngx_deploy_store_failed(store, rc);
}


/* called when somebody else has the lock: 0 gives up */

static int
ngx_deploy_store_busy(void *data, int n)
{
    ngx_deploy_store_t *store = data;

    int64_t          now;
    struct timespec  ts;

    now = ngx_deploy_store_clock();

    if (n == 0) {
        store->waiting = now;
    }

    if ((store->stop && *store->stop) || now - store->waiting >= store->busy) {
        return 0;
    }

    ts.tv_sec = 0;
    ts.tv_nsec = ((n < 10) ? 1 : 5) * 1000000;

    (void) nanosleep(&ts, NULL);

    return 1;
}


static int
ngx_deploy_store_progress(void *data)
{
    ngx_deploy_store_t *store = data;

    return (store->stop && *store->stop)
           || (store->deadline
               && ngx_deploy_store_clock() >= store->deadline);
}


int64_t
ngx_deploy_store_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
