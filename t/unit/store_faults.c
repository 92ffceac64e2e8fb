
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>


/* accepts a delivery of that identity: what the run returns */

static int
test_accept_one(ngx_deploy_store_t *store, const char *identity)
{
    ngx_deploy_store_op_t  op;

    op = store_delivery(identity, 1, STORE_NOW);
    op.u.accept.delivery->id = tap_str(identity);

    return store_run(store, &op, STORE_NOW);
}


/* a store that is to be refused with a reason, every time it is tried */

static void
test_refused(const char *what, const char *reason)
{
    int                  i;
    ngx_deploy_store_t  *store;

    store = store_open(100);

    for (i = 0; i < 2; i++) {
        is_int(test_accept_one(store, "x"), NGX_DEPLOY_ERROR, "%s: refused",
               what);
        ok(strstr(ngx_deploy_store_error(store), reason) != NULL,
           "%s: %s", what, ngx_deploy_store_error(store));
        ok(strstr(ngx_deploy_store_error(store), "deploy.db") != NULL,
           "%s: names the file", what);
    }

    ngx_deploy_store_destroy(store);
}


static void
test_sql(const char *sql)
{
    sqlite3  *db;

    if (sqlite3_open(store_path("deploy.db"), &db) != SQLITE_OK
        || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
    {
        printf("Bail out! %s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }

    (void) sqlite3_close(db);
}


static void
test_write_file(const char *name, const void *p, size_t size)
{
    FILE  *f;

    f = fopen(store_path(name), "w");

    if (f == NULL || fwrite(p, 1, size, f) != size || fclose(f) != 0) {
        printf("Bail out! %s cannot be written\n", name);
        exit(1);
    }
}


static u_char *
test_read_file(const char *name, size_t *size)
{
    FILE    *f;
    u_char  *p;

    p = malloc(1 << 22);
    f = fopen(store_path(name), "r");

    if (f == NULL || p == NULL) {
        printf("Bail out! %s cannot be read\n", name);
        exit(1);
    }

    *size = fread(p, 1, 1 << 22, f);

    (void) fclose(f);

    return p;
}


static void
test_foreign(void)
{
    u_char               zeros[8192];
    ngx_deploy_store_t  *store;

    store_clean();
    test_sql("CREATE TABLE other (a); INSERT INTO other VALUES (1)");
    test_refused("foreign", "belongs to another program");

    store_clean();
    test_sql("PRAGMA application_id = 5; CREATE TABLE other (a)");
    test_refused("of an application", "belongs to another program");
    ok(access(store_path("deploy.db-wal"), F_OK) == -1, "left as it was");

    store_clean();
    store = store_open(100);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "a store");
    ngx_deploy_store_destroy(store);
    test_sql("PRAGMA user_version = 3");
    test_refused("future", "is of a newer version of the module: schema 3,"
                 " this one knows 2");
    test_sql("PRAGMA user_version = 2");

    store = store_open(100);
    ok(store_get(store, "x") != NULL, "nothing was touched");
    ngx_deploy_store_destroy(store);

    test_sql("DROP TABLE builds");
    test_refused("a table is missing", "no such table");

    store_clean();
    test_write_file("deploy.db", "this is not a database, not at all\n", 35);
    test_refused("text", "is corrupt: file is not a database");

    memset(zeros, 0, sizeof(zeros));
    test_write_file("deploy.db", zeros, sizeof(zeros));
    test_refused("zeros", "is corrupt: file is not a database");

    store_clean();
    test_write_file("deploy.db", "", 0);
    store = store_open(100);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "empty is new");
    ngx_deploy_store_destroy(store);

    store_clean();
    (void) mkdir(store_path("deploy.db"), 0700);
    test_refused("directory", "is not a regular file");
    (void) rmdir(store_path("deploy.db"));

    if (mkfifo(store_path("deploy.db"), 0600) == 0) {
        test_refused("FIFO", "is not a regular file");
    }

    store_clean();
    (void) rmdir(store_dir);
    test_refused("no directory", "cannot be created (2: No such file");
    (void) mkdir(store_dir, 0700);
}


/* runs a test in a process of its own, as another user if it may */

static void
test_child(const char *what, void (*run)(void), int drop)
{
    int    status;
    pid_t  pid;

    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        if (drop && geteuid() == 0
            && (setgid(65534) == -1 || setuid(65534) == -1))
        {
            _exit(2);
        }

        run();
        fflush(stdout);
        _exit(0);
    }

    status = -1;
    (void) waitpid(pid, &status, 0);

    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", what);
}


#define test_expect(cond, text)                                               \
    if (!(cond)) {                                                            \
        printf("#   line %d: %s\n", __LINE__, text);                          \
        fflush(stdout);                                                       \
        _exit(1);                                                             \
    }


static void
test_run_readonly(void)
{
    ngx_deploy_store_t  *store;

    store = store_open(100);

    test_expect(test_accept_one(store, "y") == NGX_DEPLOY_ERROR,
                "is to be refused");
    test_expect(strstr(ngx_deploy_store_error(store), "Permission denied"),
                ngx_deploy_store_error(store));

    ngx_deploy_store_destroy(store);
}


static void
test_readonly(void)
{
    ngx_deploy_store_t  *store;

    store_clean();
    (void) chmod(store_dir, 0555);
    test_child("directory that is read-only", test_run_readonly, 1);
    (void) chmod(store_dir, 0700);

    store = store_open(100);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "a store");
    ngx_deploy_store_destroy(store);

    (void) chmod(store_dir, 0555);
    (void) chmod(store_path("deploy.db"), 0444);
    test_child("file that is read-only", test_run_readonly, 1);
    (void) chmod(store_dir, 0700);
    (void) chmod(store_path("deploy.db"), 0600);
}


/* a limit of the size of files: no file of the store may grow beyond it */

static void
test_run_limit(void)
{
    int                   i, rc;
    char                  id[16];
    struct rlimit         limit;
    ngx_deploy_store_t   *store;

    limit.rlim_cur = 1000000;
    limit.rlim_max = RLIM_INFINITY;

    (void) signal(SIGXFSZ, SIG_IGN);
    (void) setrlimit(RLIMIT_FSIZE, &limit);

    store = store_open(100);
    rc = NGX_DEPLOY_OK;

    for (i = 0; i < 10000 && rc == NGX_DEPLOY_OK; i++) {
        (void) snprintf(id, sizeof(id), "l%d", i);
        rc = test_accept_one(store, id);
    }

    test_expect(rc == NGX_DEPLOY_ERROR || rc == NGX_DEPLOY_AGAIN,
                "the limit is met");
    test_expect(i > 10, "but not at once");

    limit.rlim_cur = RLIM_INFINITY;
    (void) setrlimit(RLIMIT_FSIZE, &limit);

    /* what was refused is not there, what was accepted is */

    test_expect(store_get(store, id) == NULL, "nothing of the refused one");

    (void) snprintf(id, sizeof(id), "l%d", i - 2);
    test_expect(store_get(store, id) != NULL, "the last one accepted");

    (void) snprintf(id, sizeof(id), "l%d", i - 1);
    test_expect(test_accept_one(store, id) == NGX_DEPLOY_OK, "room again");

    ngx_deploy_store_destroy(store);
    tap_pool_reset();
}


static void
test_full(void)
{
    int                   i, n, rc, fd;
    char                  id[16];
    ngx_deploy_store_t   *store;

    static char  buf[65536];

    store_clean();
    test_child("a limit of the size of files", test_run_limit, 0);
    store_clean();

    if (mount("none", store_dir, "tmpfs", 0, "size=1m") == -1) {
        ok(1, "disk full # skip no tmpfs");
        return;
    }

    store = store_open(100);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "a store");

    /* filled by somebody else */

    fd = open(store_path("ballast"), O_WRONLY|O_CREAT, 0600);

    while (write(fd, buf, sizeof(buf)) > 0) { /* void */ }
    (void) close(fd);

    rc = NGX_DEPLOY_OK;

    for (n = 0; n < 1000 && rc == NGX_DEPLOY_OK; n++) {
        (void) snprintf(id, sizeof(id), "f%d", n);
        rc = test_accept_one(store, id);
    }

    is_int(rc, NGX_DEPLOY_AGAIN, "full after %d", n);
    ok(strstr(ngx_deploy_store_error(store), "the disk is full") != NULL,
       "%s", ngx_deploy_store_error(store));

    ok(store_get(store, "x") != NULL, "what is there can be read");

    /* a worker that starts now */

    ngx_deploy_store_destroy(store);
    store = store_open(100);
    ok(test_accept_one(store, id) != NGX_DEPLOY_OK, "full for all: %s",
       ngx_deploy_store_error(store));

    (void) unlink(store_path("ballast"));
    is_int(test_accept_one(store, id), NGX_DEPLOY_OK, "room again");

    for (i = 0; i < n; i++) {
        (void) snprintf(id, sizeof(id), "f%d", i);

        if (store_get(store, id) == NULL) {
            break;
        }
    }

    is_int(i, n, "all accepted ones are there");

    ngx_deploy_store_destroy(store);
    store_clean();

    /* from the start: no room for the file itself */

    fd = open(store_path("ballast"), O_WRONLY|O_CREAT, 0600);

    while (write(fd, buf, sizeof(buf)) > 0) { /* void */ }
    while (write(fd, buf, 1) > 0) { /* void */ }
    (void) close(fd);

    store = store_open(100);
    ok(test_accept_one(store, "x") != NGX_DEPLOY_OK, "no room to begin: %s",
       ngx_deploy_store_error(store));
    (void) unlink(store_path("ballast"));
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "then there is");
    ngx_deploy_store_destroy(store);

    store_clean();
    (void) umount(store_dir);
}


/* the lock is held by a child until its pipe is closed */

static pid_t
test_lock(int *fd)
{
    char      ch;
    int       up[2], down[2];
    pid_t     pid;
    sqlite3  *db;

    if (pipe(up) == -1 || pipe(down) == -1) {
        exit(1);
    }

    pid = fork();

    if (pid == 0) {
        (void) close(down[1]);

        if (sqlite3_open(store_path("deploy.db"), &db) != SQLITE_OK
            || sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL)
               != SQLITE_OK
            || write(up[1], "x", 1) != 1)
        {
            _exit(1);
        }

        _exit(read(down[0], &ch, 1) == 0 ? 0 : 1);
    }

    (void) close(up[1]);
    (void) close(down[0]);

    if (read(up[0], &ch, 1) != 1) {
        printf("Bail out! no lock\n");
        exit(1);
    }

    (void) close(up[0]);

    *fd = down[1];

    return pid;
}


static double
test_seconds(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


static volatile sig_atomic_t  test_stop;


static void
test_locked(void)
{
    int                     fd;
    pid_t                   pid;
    double                  start;
    ngx_deploy_store_t     *store;
    ngx_deploy_store_op_t   op;

    store_clean();
    store = ngx_deploy_store_create(store_dir, 200, &test_stop);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "a store");

    pid = test_lock(&fd);

    start = test_seconds();
    is_int(test_accept_one(store, "y"), NGX_DEPLOY_AGAIN, "locked");
    ok(test_seconds() - start >= 0.2, "after the wait");
    ok(test_seconds() - start < 2, "which is bounded");
    ok(strstr(ngx_deploy_store_error(store), "is locked by another process")
       != NULL, "%s", ngx_deploy_store_error(store));

    ok(store_get(store, "x") != NULL, "readers do not wait");

    op = store_take(5);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK,
           "nor those who find nothing to take");

    test_stop = 1;
    start = test_seconds();
    is_int(test_accept_one(store, "y"), NGX_DEPLOY_AGAIN, "told to stop");
    ok(test_seconds() - start < 0.2, "at once");
    test_stop = 0;

    (void) close(fd);
    (void) waitpid(pid, NULL, 0);

    is_int(test_accept_one(store, "y"), NGX_DEPLOY_OK, "free");

    ngx_deploy_store_destroy(store);
}


static void
test_moved(void)
{
    char                 old[400];
    ngx_deploy_store_t  *store;

    store_clean();
    store = store_open(100);
    is_int(test_accept_one(store, "x"), NGX_DEPLOY_OK, "a store");

    (void) snprintf(old, sizeof(old), "%s", store_path("old.db"));
    (void) rename(store_path("deploy.db"), old);

    is_int(test_accept_one(store, "y"), NGX_DEPLOY_ERROR, "moved");
    ok(strstr(ngx_deploy_store_error(store), "was removed or replaced")
       != NULL, "%s", ngx_deploy_store_error(store));

    is_int(test_accept_one(store, "y"), NGX_DEPLOY_OK, "a new one");
    ok(store_get(store, "x") == NULL, "is empty");

    store_clean();
    test_write_file("deploy.db", "", 0);

    is_int(test_accept_one(store, "z"), NGX_DEPLOY_ERROR, "replaced");
    is_int(test_accept_one(store, "z"), NGX_DEPLOY_OK, "a new one");

    ngx_deploy_store_destroy(store);
}


#define TEST_RACERS      4
#define TEST_DELIVERIES  100


/* everybody accepts the same deliveries, from the making of the file on */

static void
test_race(void)
{
    int                     i, n, news, rc, status, fds[2];
    char                    id[16], ch;
    pid_t                   pids[TEST_RACERS];
    ngx_deploy_store_t     *store;
    ngx_deploy_store_op_t   op;

    store_clean();

    if (pipe(fds) == -1) {
        exit(1);
    }

    for (n = 0; n < TEST_RACERS; n++) {
        pids[n] = fork();

        if (pids[n] == 0) {
            store = store_open(20000);
            rc = 0;

            for (i = 0; i < TEST_DELIVERIES; i++) {
                (void) snprintf(id, sizeof(id), "r%d", i);
                op = store_delivery(id, 1, STORE_NOW);

                if (store_run(store, &op, STORE_NOW) != NGX_DEPLOY_OK) {
                    printf("# %s\n", ngx_deploy_store_error(store));
                    fflush(stdout);
                    rc = 1;
                    break;
                }

                if (op.u.accept.outcome == NGX_DEPLOY_STORE_NEW
                    && write(fds[1], "x", 1) != 1)
                {
                    rc = 1;
                }
            }

            ngx_deploy_store_destroy(store);
            tap_pool_reset();
            _exit(rc);
        }
    }

    for (n = 0; n < TEST_RACERS; n++) {
        status = -1;
        (void) waitpid(pids[n], &status, 0);
        is_int(status, 0, "racer %d", n);
    }

    (void) close(fds[1]);

    for (news = 0; read(fds[0], &ch, 1) == 1; news++) { /* void */ }

    (void) close(fds[0]);

    is_int(news, TEST_DELIVERIES, "each one is new once");

    /* and everybody takes: each build is leased once */

    if (pipe(fds) == -1) {
        exit(1);
    }

    for (n = 0; n < TEST_RACERS; n++) {
        pids[n] = fork();

        if (pids[n] == 0) {
            store = store_open(20000);

            do {
                op = store_take(3);
                rc = store_run(store, &op, STORE_NOW + STORE_LEASE);

                for (i = 0; rc == NGX_DEPLOY_OK && i < (int) op.u.take.n; i++)
                {
                    rc = (write(fds[1], "x", 1) == 1) ? NGX_DEPLOY_OK : 1;
                }

            } while (rc == NGX_DEPLOY_OK && op.u.take.n);

            ngx_deploy_store_destroy(store);
            tap_pool_reset();
            _exit(rc == NGX_DEPLOY_OK ? 0 : 1);
        }
    }

    for (n = 0; n < TEST_RACERS; n++) {
        status = -1;
        (void) waitpid(pids[n], &status, 0);
        is_int(status, 0, "taker %d", n);
    }

    (void) close(fds[1]);

    for (news = 0; read(fds[0], &ch, 1) == 1; news++) { /* void */ }

    (void) close(fds[0]);

    is_int(news, TEST_DELIVERIES, "each one is leased once");
}


/* a worker that is killed at any time: what it was told is there, whole */

static void
test_kill(void)
{
    int                           i, n, rc, told, fds[2];
    char                          id[16];
    pid_t                         pid;
    struct timespec               ts;
    ngx_deploy_store_t           *store;
    ngx_deploy_store_op_t         ops[3];
    ngx_deploy_store_delivery_t  *d;

    store_clean();
    told = 0;

    for (n = 0; n < 15; n++) {

        if (pipe(fds) == -1) {
            exit(1);
        }

        pid = fork();

        if (pid == 0) {
            store = store_open(5000);

            for (i = told; /* void */ ; i++) {
                ops[0] = store_delivery("", 2, STORE_NOW);
                (void) snprintf(id, sizeof(id), "k%d", i);
                ops[0].u.accept.delivery->identity = tap_copy(id, strlen(id));
                ops[0].u.accept.delivery->id =
                                       ops[0].u.accept.delivery->identity;

                rc = store_run(store, &ops[0], STORE_NOW);

                if (rc != NGX_DEPLOY_OK || write(fds[1], &i, sizeof(int)) < 0)
                {
                    _exit(1);
                }

                /* with a checkpoint under way now and then */

                if (i % 7 == 6) {
                    ngx_deploy_store_destroy(store);
                    store = store_open(5000);
                }

                tap_pool_reset();
            }
        }

        (void) close(fds[1]);

        for (i = 0; i <= n; i++) {
            told += (read(fds[0], &rc, sizeof(int)) == sizeof(int));
        }

        ts.tv_sec = 0;
        ts.tv_nsec = n * 70000;
        (void) nanosleep(&ts, NULL);

        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);

        while (read(fds[0], &rc, sizeof(int)) == sizeof(int)) {
            told++;
        }

        (void) close(fds[0]);
    }

    store = store_open(5000);

    for (i = 0; i < told; i++) {
        (void) snprintf(id, sizeof(id), "k%d", i);
        d = store_get(store, id);

        if (d == NULL || d->nbuilds != 2) {
            break;
        }
    }

    ok(told > 10, "%d told", told);
    is_int(i, told, "all of them are there, with their builds");

    ops[0] = store_find(NULL);
    is_int(store_run(store, &ops[0], STORE_NOW), NGX_DEPLOY_OK, "find");

    for (i = 0; i < (int) ops[0].u.find.n; i++) {
        if (ops[0].u.find.deliveries[i].nbuilds != 2) {
            break;
        }
    }

    is_int(i, ops[0].u.find.n, "nothing is there by half");

    ngx_deploy_store_destroy(store);
}


/* all operations over a file that may be anything: how many have failed */

static int
test_anything(void)
{
    int                     rc, failed;
    ngx_deploy_store_t     *store;
    ngx_deploy_store_op_t   ops[4];

    store = store_open(100);

    ops[0] = store_delivery("new", 2, STORE_NOW);
    ops[1] = store_take(100);
    ops[2] = store_find(NULL);
    memset(&ops[3], 0, sizeof(ops[3]));
    ops[3].type = NGX_DEPLOY_STORE_PRUNE;
    ops[3].u.prune.max = 100;
    ops[3].next = NULL;

    ops[0].next = &ops[1];
    ops[1].next = &ops[2];
    ops[2].next = &ops[3];

    rc = ngx_deploy_store_run(store, tap_pool(), ops,
                              STORE_NOW + 100 * STORE_LEASE);

    failed = (rc != NGX_DEPLOY_OK);

    if (failed && ngx_deploy_store_error(store)[0] == '\0') {
        failed = 1000;
    }

    ngx_deploy_store_destroy(store);
    tap_pool_reset();

    return failed;
}


static void
test_corrupt(void)
{
    int                  i, tried, failed, untold;
    char                 id[16];
    u_char              *whole, *p;
    size_t               size, page, at, left;
    ngx_deploy_store_t  *store;

    store_clean();
    store = store_open(100);

    for (i = 0; i < 100; i++) {
        (void) snprintf(id, sizeof(id), "c%d", i);
        (void) test_accept_one(store, id);
    }

    ngx_deploy_store_destroy(store);

    whole = test_read_file("deploy.db", &size);
    p = malloc(size);

    ok(p != NULL && size > 20 * 4096, "%d pages", (int) (size / 4096));

    tried = failed = untold = 0;

    /* the header of the file, of each page, cell pointers */

    for (page = 0; p && page < size; page += 4096) {

        for (at = 0; at < (page ? 12 : 116); at += (page ? 1 : 2)) {

            memcpy(p, whole, size);
            p[page + at] ^= (at % 3 == 0) ? 0xff : (at % 3 == 1) ? 0x01 : 0x80;

            store_clean();
            test_write_file("deploy.db", p, size);

            i = test_anything();

            tried++;
            failed += (i == 1);
            untold += (i > 1);
        }
    }

    ok(failed > tried / 2, "%d of %d were found out", failed, tried);
    is_int(untold, 0, "each time with a reason");

    /* cut anywhere; SQLite takes one byte for none */

    tried = failed = 0;

    for (left = 2; p && left < size; left += 2531) {
        store_clean();
        test_write_file("deploy.db", whole, left);
        failed += test_anything();
        tried++;
    }

    is_int(failed, tried, "cut anywhere");

    /* and it was the file alone */

    store_clean();
    test_write_file("deploy.db", whole, size);
    is_int(test_anything(), 0, "the file as it was");

    free(whole);
    free(p);
}


/* the log of a worker that was killed, damaged: what is before is there */

static void
test_corrupt_wal(void)
{
    int                           i, n, bad;
    char                          id[16];
    pid_t                         pid;
    u_char                       *db, *wal, *p;
    size_t                        size, len, at;
    ngx_deploy_store_t           *store;

    store_clean();
    fflush(stdout);

    pid = fork();

    if (pid == 0) {
        store = store_open(100);

        for (i = 0; i < 20; i++) {
            (void) snprintf(id, sizeof(id), "w%d", i);
            (void) test_accept_one(store, id);
        }

        (void) kill(getpid(), SIGKILL);
    }

    (void) waitpid(pid, NULL, 0);

    db = test_read_file("deploy.db", &size);
    wal = test_read_file("deploy.db-wal", &len);
    p = malloc(len);

    ok(p != NULL && len > 20 * 4120, "a log");

    bad = 0;
    n = 0;

    for (at = 0; p && at < len; at += 997) {
        memcpy(p, wal, len);
        p[at] ^= 0x55;

        store_clean();
        test_write_file("deploy.db", db, size);
        test_write_file("deploy.db-wal", p, len);

        store = store_open(100);

        for (i = 0; i < 20; i++) {
            (void) snprintf(id, sizeof(id), "w%d", i);

            if (store_get(store, id) == NULL) {
                break;
            }
        }

        n += i;

        /* a prefix: nothing comes after what is missing */

        for ( /* void */ ; i < 20; i++) {
            (void) snprintf(id, sizeof(id), "w%d", i);
            bad += (store_get(store, id) != NULL);
        }

        ngx_deploy_store_destroy(store);
        tap_pool_reset();
    }

    ok(n > 20, "%d of the records were recovered", n);
    is_int(bad, 0, "in order");

    free(db);
    free(wal);
    free(p);
}


int
main(void)
{
    store_mkdir();

    test_foreign();
    test_readonly();
    test_full();
    test_locked();
    test_moved();
    test_race();
    test_kill();
    test_corrupt();
    test_corrupt_wal();

    store_rmdir();

    return plan_done();
}
