
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ngx_deploy_tool.h"
#include "ngx_deploy_work_store.h"


#define NGX_DEPLOY_TOOL_QUEUE_BUSY  5000      /* ms */


typedef struct {
    const char                   *dir;
    const char                   *what;      /* "list", "retry", "drop" */
    const char                   *which;     /* a delivery or a row */
    int64_t                       max;
    unsigned                      all;
    int64_t                       now;       /* ms */
    ngx_deploy_store_t           *store;
    ngx_deploy_store_delivery_t  *delivery;
} ngx_deploy_tool_queue_t;


static int ngx_deploy_tool_queue_user(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static int ngx_deploy_tool_queue_do(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static int ngx_deploy_tool_queue_run(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q, ngx_deploy_store_op_t *op);
static int ngx_deploy_tool_queue_list(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static int ngx_deploy_tool_queue_find(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static int ngx_deploy_tool_queue_retry(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static int ngx_deploy_tool_queue_drop(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q);
static unsigned ngx_deploy_tool_queue_active(
    const ngx_deploy_store_build_t *build);
static void ngx_deploy_tool_queue_put(ngx_deploy_tool_queue_t *q,
    const ngx_deploy_store_delivery_t *d);
static void ngx_deploy_tool_queue_put_build(ngx_deploy_tool_queue_t *q,
    const ngx_deploy_store_build_t *build);
static ngx_deploy_json_t *ngx_deploy_tool_queue_json(
    ngx_deploy_tool_queue_t *q, const ngx_deploy_store_delivery_t *d);
static void ngx_deploy_tool_queue_done(ngx_deploy_tool_t *tool,
    const char *done, unsigned n, const char *rest, unsigned others);


static const char *const  ngx_deploy_tool_queue_states[] = {
    "queued", "starting", "started", "failed"
};


static const char  ngx_deploy_tool_queue_usage[] =
    "usage: ngx-deploy queue [OPTION]... DIRECTORY [list]\n"
    "       ngx-deploy queue [OPTION]... DIRECTORY retry DELIVERY|ROW\n"
    "       ngx-deploy queue [OPTION]... DIRECTORY drop DELIVERY|ROW\n"
    "\n"
    "Lists the builds that wait in the DIRECTORY of deploy_store, queues once\n"
    "more those of a delivery that are done or have failed, or gives up those\n"
    "that wait. nginx may be running. root becomes the user of the store.\n"
    "\n"
    "  --all                list what is done, too\n"
    "  --max N              list at most so many deliveries, 100 by default\n"
    "  --json               print JSON\n"
    "\n"
    "Exit status: 0 done, 1 there is none, 3 failed, 4 the store is busy.\n";


int
ngx_deploy_tool_queue(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    int                       rc;
    ngx_deploy_tool_list_t    args;
    ngx_deploy_tool_queue_t   q;

    const ngx_deploy_tool_option_t  options[] = {
        { "all", 0, NGX_DEPLOY_TOOL_FLAG, &q.all },
        { "max", 0, NGX_DEPLOY_TOOL_NUMBER, &q.max },
        { NULL, 0, NGX_DEPLOY_TOOL_FLAG, NULL }
    };

    memset(&q, 0, sizeof(ngx_deploy_tool_queue_t));
    memset(&args, 0, sizeof(ngx_deploy_tool_list_t));

    q.max = 100;

    tool->usage = ngx_deploy_tool_queue_usage;

    rc = ngx_deploy_tool_options(tool, options, argc, argv, &args, 1, 3);

    if (rc == NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_TOOL_YES;
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_TOOL_FAILED;
    }

    q.dir = args.elts[0];
    q.what = (args.n > 1) ? args.elts[1] : "list";
    q.which = (args.n > 2) ? args.elts[2] : NULL;
    q.now = (int64_t) time(NULL) * 1000;

    if (q.max == 0 || q.max > NGX_DEPLOY_STORE_MAX_LIST) {
        q.max = NGX_DEPLOY_STORE_MAX_LIST;
    }

    if (ngx_deploy_tool_queue_user(tool, &q) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_TOOL_FAILED;
    }

    q.store = ngx_deploy_store_create(q.dir, NGX_DEPLOY_TOOL_QUEUE_BUSY, NULL);
    if (q.store == NULL) {
        ngx_deploy_tool_no_memory();
    }

    ngx_deploy_store_existing(q.store);

    rc = ngx_deploy_tool_queue_do(tool, &q);

    ngx_deploy_store_destroy(q.store);

    return rc;
}


/* files that SQLite makes beside the store have to be those of the workers */

static int
ngx_deploy_tool_queue_user(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q)
{
    char           *file;
    struct stat     st;
    struct passwd  *pw;

    file = ngx_deploy_tool_printf(tool, "%s/" NGX_DEPLOY_STORE_FILE, q->dir);

    if (stat(file, &st) == -1) {
        return ngx_deploy_tool_error(tool, "%s: %s", file, strerror(errno));
    }

    if (st.st_uid == geteuid()) {
        return NGX_DEPLOY_OK;
    }

    if (geteuid() != 0) {
        pw = getpwuid(st.st_uid);

        return ngx_deploy_tool_error(tool, "%s: it belongs to the user %s, "
                                     "run this as that user", file,
                                     pw ? pw->pw_name
                                        : ngx_deploy_tool_printf(tool, "%u",
                                                    (unsigned) st.st_uid));
    }

    if (setgroups(0, NULL) == -1 || setgid(st.st_gid) == -1
        || setuid(st.st_uid) == -1)
    {
        return ngx_deploy_tool_error(tool, "cannot become the user %u of %s: "
                                     "%s", (unsigned) st.st_uid, file,
                                     strerror(errno));
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_queue_do(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q)
{
    int  rc;

    if (strcmp(q->what, "list") == 0) {

        if (q->which == NULL) {
            return ngx_deploy_tool_queue_list(tool, q);
        }

    } else if (strcmp(q->what, "retry") == 0
               || strcmp(q->what, "drop") == 0)
    {
        if (q->which) {
            rc = ngx_deploy_tool_queue_find(tool, q);

            return (rc != NGX_DEPLOY_TOOL_YES) ? rc
                   : (q->what[0] == 'r') ? ngx_deploy_tool_queue_retry(tool, q)
                                         : ngx_deploy_tool_queue_drop(tool, q);
        }

        (void) ngx_deploy_tool_error(tool, "%s of which delivery?", q->what);
        return NGX_DEPLOY_TOOL_FAILED;
    }

    (void) ngx_deploy_tool_error(tool, "\"%s\" is none of \"list\", "
                                 "\"retry DELIVERY\", \"drop DELIVERY\"",
                                 q->which ? q->which : q->what);

    return NGX_DEPLOY_TOOL_FAILED;
}


/* an exit code, NGX_DEPLOY_TOOL_NO when there is none */

static int
ngx_deploy_tool_queue_run(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q,
    ngx_deploy_store_op_t *op)
{
    int  rc;

    rc = ngx_deploy_store_run(q->store, &tool->pool, op, q->now);

    if (rc != NGX_DEPLOY_OK) {
        (void) ngx_deploy_tool_error(tool, "store %s",
                                     ngx_deploy_store_error(q->store));

        return (rc == NGX_DEPLOY_AGAIN) ? NGX_DEPLOY_TOOL_LATER
                                        : NGX_DEPLOY_TOOL_FAILED;
    }

    if (op->rc == NGX_DEPLOY_ERROR) {
        (void) ngx_deploy_tool_error(tool, "the store did not take it");
        return NGX_DEPLOY_TOOL_FAILED;
    }

    return (op->rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_TOOL_YES
                                     : NGX_DEPLOY_TOOL_NO;
}


static int
ngx_deploy_tool_queue_list(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q)
{
    int                           rc;
    size_t                        i, n;
    int64_t                       active;
    unsigned                      waits;
    ngx_deploy_json_t            *json, *list;
    ngx_deploy_store_op_t         op;
    ngx_deploy_store_delivery_t  *d;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_FIND;
    op.u.find.max = q->all ? (size_t) q->max : NGX_DEPLOY_STORE_MAX_LIST;

    rc = ngx_deploy_tool_queue_run(tool, q, &op);

    if (rc == NGX_DEPLOY_TOOL_FAILED || rc == NGX_DEPLOY_TOOL_LATER) {
        return rc;
    }

    list = ngx_deploy_json_array();
    active = 0;
    rc = NGX_DEPLOY_TOOL_NO;

    for (i = 0; i < op.u.find.n; i++) {
        d = &op.u.find.deliveries[i];

        for (n = 0, waits = 0; n < d->nbuilds; n++) {
            waits += ngx_deploy_tool_queue_active(&d->builds[n]);
        }

        active += waits;

        if ((waits == 0 && !q->all) || q->max-- <= 0) {
            continue;
        }

        rc = NGX_DEPLOY_TOOL_YES;

        if (tool->json) {
            (void) ngx_deploy_json_append(list,
                                          ngx_deploy_tool_queue_json(q, d));

        } else {
            ngx_deploy_tool_queue_put(q, d);
        }
    }

    if (tool->json) {
        json = ngx_deploy_json_object();

        (void) ngx_deploy_json_set(json, "waiting",
                                   ngx_deploy_json_int(op.u.find.active));
        (void) ngx_deploy_json_set(json, "deliveries", list);
        ngx_deploy_tool_print(tool, json);

        return rc;
    }

    ngx_deploy_json_free(list);

    printf("%lld build%s waiting", (long long) op.u.find.active,
           op.u.find.active == 1 ? "" : "s");

    if (op.u.find.active > active) {
        printf(", %lld of older deliveries",
               (long long) (op.u.find.active - active));
    }

    fputc('\n', stdout);

    return rc;
}


/* the id of the sender, or else a row */

static int
ngx_deploy_tool_queue_find(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q)
{
    int                     rc;
    int64_t                 row;
    ngx_deploy_str_t        id;
    ngx_deploy_store_op_t   op;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    id = ngx_deploy_tool_str(q->which);
    row = ngx_deploy_atoi64(id.data, id.len);

    op.type = NGX_DEPLOY_STORE_FIND;
    op.u.find.id = id;
    op.u.find.max = 1;

    rc = ngx_deploy_tool_queue_run(tool, q, &op);

    if (rc == NGX_DEPLOY_TOOL_NO && row > 0) {
        op.u.find.row = row;
        rc = ngx_deploy_tool_queue_run(tool, q, &op);
    }

    if (rc == NGX_DEPLOY_TOOL_NO) {
        (void) ngx_deploy_tool_error(tool, "there is no delivery \"%s\"",
                                     q->which);
    }

    q->delivery = op.u.find.deliveries;

    return rc;
}


static int
ngx_deploy_tool_queue_retry(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_queue_t *q)
{
    int                     rc;
    int64_t                 row;
    ngx_deploy_store_op_t   op;

    row = q->delivery->row;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_FIND;
    op.u.find.id = q->delivery->id;
    op.u.find.max = 1;

    /* deliveries are known by the ids of their senders, of two the newest */

    rc = q->delivery->id.len ? ngx_deploy_tool_queue_run(tool, q, &op)
                             : NGX_DEPLOY_TOOL_NO;

    if (rc == NGX_DEPLOY_TOOL_FAILED || rc == NGX_DEPLOY_TOOL_LATER) {
        return rc;
    }

    if (rc == NGX_DEPLOY_TOOL_NO || op.u.find.deliveries[0].row != row) {
        (void) ngx_deploy_tool_error(tool, "delivery %lld %s",
                                     (long long) row,
                                     rc == NGX_DEPLOY_TOOL_NO
                                     ? "has no id of its sender"
                                     : "has the id of a newer one");
        return NGX_DEPLOY_TOOL_FAILED;
    }

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_REDELIVER;
    op.u.redeliver.id = q->delivery->id;

    rc = ngx_deploy_tool_queue_run(tool, q, &op);

    if (rc == NGX_DEPLOY_TOOL_NO) {
        (void) ngx_deploy_tool_error(tool, "delivery \"%s\" has no builds",
                                     q->which);
    }

    if (rc != NGX_DEPLOY_TOOL_YES) {
        return rc;
    }

    ngx_deploy_tool_queue_done(tool, "queued", op.u.redeliver.queued,
                               "waiting already",
                               op.u.redeliver.delivery->nbuilds
                               - op.u.redeliver.queued);

    return NGX_DEPLOY_TOOL_YES;
}


static int
ngx_deploy_tool_queue_drop(ngx_deploy_tool_t *tool, ngx_deploy_tool_queue_t *q)
{
    int                     rc;
    ngx_deploy_store_op_t   op;

    memset(&op, 0, sizeof(ngx_deploy_store_op_t));

    op.type = NGX_DEPLOY_STORE_DROP;
    op.u.drop.row = q->delivery->row;
    op.u.drop.message = ngx_deploy_tool_str("dropped by the operator");

    rc = ngx_deploy_tool_queue_run(tool, q, &op);

    if (rc != NGX_DEPLOY_TOOL_YES) {
        return rc;
    }

    ngx_deploy_tool_queue_done(tool, "dropped", op.u.drop.dropped,
                               "just being started", op.u.drop.starting);

    return op.u.drop.dropped ? NGX_DEPLOY_TOOL_YES : NGX_DEPLOY_TOOL_NO;
}


static void
ngx_deploy_tool_queue_done(ngx_deploy_tool_t *tool, const char *done,
    unsigned n, const char *rest, unsigned others)
{
    ngx_deploy_json_t  *json;

    if (tool->json) {
        json = ngx_deploy_json_object();

        (void) ngx_deploy_json_set(json, done, ngx_deploy_json_int(n));
        (void) ngx_deploy_json_set(json, "others",
                                   ngx_deploy_json_int(others));
        ngx_deploy_tool_print(tool, json);
        return;
    }

    printf("%u build%s %s", n, n == 1 ? "" : "s", done);

    if (others) {
        printf(", %u %s", others, rest);
    }

    fputc('\n', stdout);
}


static unsigned
ngx_deploy_tool_queue_active(const ngx_deploy_store_build_t *build)
{
    return build->state == NGX_DEPLOY_STORE_QUEUED
           || build->state == NGX_DEPLOY_STORE_STARTING;
}


static void
ngx_deploy_tool_queue_put(ngx_deploy_tool_queue_t *q,
    const ngx_deploy_store_delivery_t *d)
{
    char       text[64];
    size_t     i;
    time_t     received;
    struct tm  tm;

    received = d->received / 1000;

    (void) gmtime_r(&received, &tm);
    (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);

    printf("%lld", (long long) d->row);

    if (d->id.len) {
        printf(", delivery ");
        ngx_deploy_tool_put(stdout, &d->id);
    }

    printf(", ");
    ngx_deploy_tool_put(stdout, &d->provider);
    printf(" to ");
    ngx_deploy_tool_put(stdout, &d->location);
    printf(", %s\n", text);

    for (i = 0; i < d->nbuilds; i++) {
        if (q->all || ngx_deploy_tool_queue_active(&d->builds[i])) {
            ngx_deploy_tool_queue_put_build(q, &d->builds[i]);
        }
    }
}


static void
ngx_deploy_tool_queue_put_build(ngx_deploy_tool_queue_t *q,
    const ngx_deploy_store_build_t *build)
{
    int64_t  due;

    printf("  ");
    ngx_deploy_tool_put(stdout, &build->project);
    printf(": %s, %lld attempt%s", ngx_deploy_tool_queue_states[build->state],
           (long long) build->attempts, build->attempts == 1 ? "" : "s");

    if (build->state == NGX_DEPLOY_STORE_QUEUED) {
        due = (build->due - q->now) / 1000;

        if (due > 0) {
            printf(", the next in %lld s", (long long) due);

        } else {
            printf(", the next is due");
        }
    }

    if (build->id.len) {
        printf(", ");
        ngx_deploy_tool_put(stdout, &build->id);
    }

    if (build->error.len) {
        printf(", ");
        ngx_deploy_tool_put(stdout, &build->error);
    }

    if (build->message.len) {
        printf(": ");
        ngx_deploy_tool_put(stdout, &build->message);
    }

    fputc('\n', stdout);
}


static ngx_deploy_json_t *
ngx_deploy_tool_queue_json(ngx_deploy_tool_queue_t *q,
    const ngx_deploy_store_delivery_t *d)
{
    size_t                           i;
    ngx_deploy_json_t               *json, *builds, *one;
    const ngx_deploy_store_build_t  *b;

    json = ngx_deploy_json_object();
    builds = ngx_deploy_json_array();

    (void) ngx_deploy_json_set(json, "row", ngx_deploy_json_int(d->row));
    (void) ngx_deploy_json_set_str(json, "delivery", &d->id);
    (void) ngx_deploy_json_set_str(json, "provider", &d->provider);
    (void) ngx_deploy_json_set_str(json, "location", &d->location);
    (void) ngx_deploy_json_set(json, "received",
                               ngx_deploy_json_int(d->received / 1000));

    for (i = 0; i < d->nbuilds; i++) {
        b = &d->builds[i];

        if (!q->all && !ngx_deploy_tool_queue_active(b)) {
            continue;
        }

        one = ngx_deploy_json_object();

        (void) ngx_deploy_json_set_str(one, "project", &b->project);
        (void) ngx_deploy_json_set(one, "state", ngx_deploy_json_text(
                                   ngx_deploy_tool_queue_states[b->state]));
        (void) ngx_deploy_json_set(one, "run", ngx_deploy_json_int(b->run));
        (void) ngx_deploy_json_set(one, "attempts",
                                   ngx_deploy_json_int(b->attempts));

        if (b->due) {
            (void) ngx_deploy_json_set(one, "due",
                                       ngx_deploy_json_int(b->due / 1000));
        }

        (void) ngx_deploy_json_set_str(one, "id", &b->id);
        (void) ngx_deploy_json_set_str(one, "error", &b->error);
        (void) ngx_deploy_json_set_str(one, "message", &b->message);
        (void) ngx_deploy_json_append(builds, one);
    }

    (void) ngx_deploy_json_set(json, "builds", builds);

    return json;
}
