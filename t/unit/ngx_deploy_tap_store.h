
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TAP_STORE_H_INCLUDED_
#define _NGX_DEPLOY_TAP_STORE_H_INCLUDED_


#include <dirent.h>
#include <unistd.h>

#include "ngx_deploy_tap.h"
#include "ngx_deploy_work_store.h"


/* what the tests of the store share: a directory, operations with texts */

#define STORE_NOW    1700000000000LL
#define STORE_LEASE  13000
#define STORE_TOKEN                                                           \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define STORE_BODY                                                            \
    "{\"projectName\":\"api\",\"idempotencyToken\":\"" STORE_TOKEN "\"}"


static char  store_dir[64];


static tap_unused void
store_mkdir(void)
{
    /* memory, where there is some: none of the tests is about the disk */

    (void) snprintf(store_dir, sizeof(store_dir),
                    "%s/ngx_deploy_store_XXXXXX",
                    (access("/dev/shm", W_OK) == 0) ? "/dev/shm" : "/tmp");

    if (mkdtemp(store_dir) == NULL) {
        printf("Bail out! no temporary directory\n");
        exit(1);
    }
}


static tap_unused const char *
store_path(const char *name)
{
    static char  path[400];

    (void) snprintf(path, sizeof(path), "%s/%s", store_dir, name);

    return path;
}


/* the files, not the directory */

static tap_unused void
store_clean(void)
{
    DIR            *d;
    struct dirent  *e;

    d = opendir(store_dir);

    while (d && (e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            (void) unlink(store_path(e->d_name));
        }
    }

    if (d) {
        (void) closedir(d);
    }
}


static tap_unused void
store_rmdir(void)
{
    store_clean();
    (void) rmdir(store_dir);
}


static tap_unused ngx_deploy_store_t *
store_open(unsigned busy)
{
    ngx_deploy_store_t  *store;

    store = ngx_deploy_store_create(store_dir, busy, NULL);

    if (store == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    return store;
}


/* a delivery with n builds of projects "api0", "api1", .. */

static tap_unused ngx_deploy_store_op_t
store_delivery(const char *identity, size_t n, int64_t now)
{
    size_t                        i;
    char                          name[16];
    ngx_deploy_store_op_t         op;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_delivery_t  *d;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    d = tap_alloc(NULL, sizeof(ngx_deploy_store_delivery_t));
    b = tap_alloc(NULL, (n + 1) * sizeof(ngx_deploy_store_build_t));

    if (d == NULL || b == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    memset(d, 0, sizeof(ngx_deploy_store_delivery_t));
    memset(b, 0, (n + 1) * sizeof(ngx_deploy_store_build_t));

    d->identity = tap_str(identity);
    d->location = tap_str("/hook");
    d->scheme = tap_str("github");
    d->server = tap_str("localhost");
    d->provider = tap_str("github");
    d->id = tap_str("guid-1");
    d->received = now;
    d->events = tap_str("[{\"repo\":\"acme/api\"}]");
    d->rules = tap_str("[]");
    d->builds = b;
    d->nbuilds = n;

    for (i = 0; i < n; i++) {
        (void) snprintf(name, sizeof(name), "api%d", (int) i);

        b[i].project = tap_copy(name, strlen(name));
        b[i].region = tap_str("us-east-1");
        b[i].endpoint = tap_str("http://127.0.0.1:1");
        b[i].token = tap_str(STORE_TOKEN);
        b[i].body = tap_str(STORE_BODY);
        b[i].paths_unknown = (i == 0);
        b[i].number = -1;
    }

    op.type = NGX_DEPLOY_STORE_ACCEPT;
    op.u.accept.delivery = d;
    op.u.accept.owner = tap_str("worker");
    op.u.accept.lease = STORE_LEASE;

    return op;
}


static tap_unused ngx_deploy_store_op_t
store_result(ngx_deploy_store_build_t *b, ngx_deploy_store_result_e kind)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_RESULT;
    op.u.result.build.row = b->row;
    op.u.result.build.fence = b->fence;
    op.u.result.build.number = -1;
    op.u.result.kind = kind;
    op.u.result.delay = 2000;
    op.u.result.retry = 3600000;

    if (kind == NGX_DEPLOY_STORE_RESULT_STARTED) {
        op.u.result.build.id = tap_str("api0:1");
        op.u.result.build.arn = tap_str("arn:1");
        op.u.result.build.url = tap_str("https://url/1");
        op.u.result.build.number = 7;

    } else {
        op.u.result.build.error = tap_str("ThrottlingException");
        op.u.result.build.message = tap_str("Rate exceeded");
    }

    return op;
}


static tap_unused ngx_deploy_store_op_t
store_take(size_t max)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_TAKE;
    op.u.take.owner = tap_str("taker");
    op.u.take.lease = STORE_LEASE;
    op.u.take.max = max;

    return op;
}


static tap_unused ngx_deploy_store_op_t
store_find(const char *id)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_FIND;
    op.u.find.id = tap_str(id);
    op.u.find.max = 100;

    return op;
}


/* one operation by itself: its result, or that of the run */

static tap_unused int
store_run(ngx_deploy_store_t *store, ngx_deploy_store_op_t *op, int64_t now)
{
    int  rc;

    op->next = NULL;
    op->rc = 99;

    rc = ngx_deploy_store_run(store, tap_pool(), op, now);

    return (rc == NGX_DEPLOY_OK) ? op->rc : rc;
}


/* the delivery of an id as it is in the store, or NULL */

static tap_unused ngx_deploy_store_delivery_t *
store_get(ngx_deploy_store_t *store, const char *id)
{
    ngx_deploy_store_op_t  op;

    op = store_find(id);

    if (store_run(store, &op, STORE_NOW) != NGX_DEPLOY_OK) {
        return NULL;
    }

    return op.u.find.deliveries;
}


#endif /* _NGX_DEPLOY_TAP_STORE_H_INCLUDED_ */
