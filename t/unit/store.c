
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap_store.h"
#include "ngx_deploy_store_v1.h"

#include <sqlite3.h>
#include <sys/stat.h>


static ngx_deploy_store_t  *store;


/* begins with an empty store */

static void
test_begin(void)
{
    ngx_deploy_store_destroy(store);
    store_clean();
    store = store_open(1000);
}


static void
test_accept(void)
{
    struct stat                st;
    ngx_deploy_store_op_t      op, again;
    ngx_deploy_store_build_t  *b;

    test_begin();

    op = store_delivery("i1", 2, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_NEW, "new");
    is_int(op.u.accept.nknown, 0, "nothing known");

    b = op.u.accept.delivery->builds;
    ok(b[0].row > 0 && b[1].row > 0 && b[0].row != b[1].row, "rows");
    is_int(b[1].fence, 1, "fence");
    is_int(b[1].state, NGX_DEPLOY_STORE_STARTING, "starting");
    is_int(b[0].delivery, op.u.accept.delivery->row, "row of the delivery");

    ok(stat(store_path("deploy.db"), &st) == 0
       && (st.st_mode & 0777) == 0600, "for nobody else");

    again = store_delivery("i1", 2, STORE_NOW + 1);
    is_int(store_run(store, &again, STORE_NOW + 1), NGX_DEPLOY_OK, "again");
    is_int(again.u.accept.outcome, NGX_DEPLOY_STORE_DUPLICATE, "duplicate");
    is_int(again.u.accept.delivery->row, op.u.accept.delivery->row,
           "its row");
    is_int(again.u.accept.delivery->builds[0].row, 0, "no lease");
    is_int(again.u.accept.nknown, 2, "known builds");
    is_str(again.u.accept.known[0].project, "api0", "project");
    is_str(again.u.accept.known[0].region, "us-east-1", "region");
    is_str(again.u.accept.known[0].endpoint, "http://127.0.0.1:1",
           "endpoint");
    is_str(again.u.accept.known[0].role, NULL, "no role");
    is_str(again.u.accept.known[0].token, STORE_TOKEN, "token");
    is_str(again.u.accept.known[0].body, NULL, "no body");
    is_int(again.u.accept.known[0].paths_unknown, 1, "paths");
    is_int(again.u.accept.known[1].paths_unknown, 0, "paths of the other");
    is_int(again.u.accept.known[1].state, NGX_DEPLOY_STORE_STARTING, "state");
    is_int(again.u.accept.known[1].number, -1, "no number");
    is_int(again.u.accept.known[1].due, STORE_NOW + STORE_LEASE, "due");

    /* the same identity in another location is another delivery */

    again = store_delivery("i1", 1, STORE_NOW);
    again.u.accept.delivery->location = tap_str("/other");
    is_int(store_run(store, &again, STORE_NOW), NGX_DEPLOY_OK, "location");
    is_int(again.u.accept.outcome, NGX_DEPLOY_STORE_NEW, "is new");
}


/* all in one transaction, one of them bad */

static void
test_batch(void)
{
    size_t                        i;
    ngx_deploy_store_op_t         ops[5];
    ngx_deploy_store_delivery_t  *d;

    static const char *const  names[] = { "b1", "b2", "b3", "b1", "b4" };

    test_begin();

    for (i = 0; i < 5; i++) {
        ops[i] = store_delivery(names[i], 1, STORE_NOW);
        ops[i].u.accept.delivery->id = tap_str(names[i]);
        ops[i].next = (i < 4) ? &ops[i + 1] : NULL;
    }

    /* NOT NULL fails at the builds, when the delivery is inserted */

    memset(&ops[2].u.accept.delivery->builds[0].region, 0,
           sizeof(ngx_deploy_str_t));

    is_int(ngx_deploy_store_run(store, tap_pool(), ops, STORE_NOW),
           NGX_DEPLOY_OK, "batch");

    is_int(ops[0].rc, NGX_DEPLOY_OK, "first");
    is_int(ops[1].rc, NGX_DEPLOY_OK, "second");
    is_int(ops[2].rc, NGX_DEPLOY_ERROR, "bad one");
    is_int(ops[3].rc, NGX_DEPLOY_OK, "twice");
    is_int(ops[3].u.accept.outcome, NGX_DEPLOY_STORE_DUPLICATE,
           "a duplicate of the same batch");
    is_int(ops[4].rc, NGX_DEPLOY_OK, "last");

    ok(store_get(store, "b2") != NULL, "the second is there");
    ok(store_get(store, "b3") == NULL, "nothing of the bad one");

    d = store_get(store, "b4");
    ok(d != NULL && d->nbuilds == 1, "the last is there");

    if (d) {
        is_str(d->identity, "b4", "identity");
        is_str(d->location, "/hook", "location");
        is_str(d->scheme, "github", "scheme");
        is_str(d->server, "localhost", "server");
        is_str(d->provider, "github", "provider");
        is_str(d->events, "[{\"repo\":\"acme/api\"}]", "events");
        is_str(d->rules, "[]", "rules");
        is_int(d->received, STORE_NOW, "received");
    }

    /* a value that SQLite does not take */

    ops[0] = store_delivery("b5", 1, STORE_NOW);
    ops[0].u.accept.delivery->builds[0].body.len = 5000000;
    ops[0].u.accept.delivery->builds[0].body.data = calloc(1, 5000000);

    is_int(store_run(store, &ops[0], STORE_NOW), NGX_DEPLOY_ERROR, "5 MB");

    free(ops[0].u.accept.delivery->builds[0].body.data);

    is_int(ngx_deploy_store_run(store, tap_pool(), NULL, STORE_NOW),
           NGX_DEPLOY_OK, "no operation at all");
}


static void
test_started(void)
{
    ngx_deploy_store_op_t         op, res;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_delivery_t  *d;

    test_begin();

    op = store_delivery("s1", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW + 300), NGX_DEPLOY_OK, "started");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_STARTED, "state");

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW + 400), NGX_DEPLOY_OK,
           "told twice");

    res.u.result.build.id = tap_str("api0:2");
    is_int(store_run(store, &res, STORE_NOW + 400), NGX_DEPLOY_DECLINED,
           "another build");
    is_str(res.u.result.id, "api0:1", "the first one stays");

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_FAILED);
    is_int(store_run(store, &res, STORE_NOW + 500), NGX_DEPLOY_DECLINED,
           "failed after it was started");

    op = store_delivery("s1", 1, STORE_NOW + 1000);
    is_int(store_run(store, &op, STORE_NOW + 1000), NGX_DEPLOY_OK, "again");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_DUPLICATE, "duplicate");
    b = op.u.accept.known;
    is_str(b->id, "api0:1", "id");
    is_str(b->arn, "arn:1", "arn");
    is_str(b->url, "https://url/1", "url");
    is_int(b->number, 7, "number");
    is_int(b->attempts, 1, "attempts");
    is_int(b->due, 0, "never due");
    is_int(b->since, STORE_NOW + 300, "since");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 1000000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 0, "nothing to take");
    is_int(op.u.take.next, -1, "nothing to come");

    /* by the id of the build */

    op = store_find(NULL);
    op.u.find.build = tap_str("api0:1");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "find by build");
    d = op.u.find.deliveries;
    is_str(d->identity, "s1", "the delivery");

    op = store_find(NULL);
    op.u.find.row = d->row;
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "find by row");
    is_str(op.u.find.deliveries->identity, "s1", "the delivery");

    op = store_find(NULL);
    op.u.find.row = d->row + 1;
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_DECLINED, "none");

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_RESULT;
    op.u.result.build.row = 12345;
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_DECLINED,
           "result of no build");
}


/* the mark of a delivery may be on a build of another row */

static void
test_found(void)
{
    ngx_deploy_store_op_t      op, res;
    ngx_deploy_store_build_t  *b;

    test_begin();

    op = store_delivery("f1", 2, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(&b[0], NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "started");

    res = store_result(&b[1], NGX_DEPLOY_STORE_RESULT_STARTED);
    res.u.result.asked = 1;
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_DECLINED,
           "the build is that of the other");
    is_str(res.u.result.id, NULL, "and nothing is recorded");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_STARTING, "starting still");

    res.u.result.build.id = tap_str("api1:3");
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "found");
}


static void
test_retry(void)
{
    ngx_deploy_store_op_t         op, res;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_delivery_t  *d;

    test_begin();

    op = store_delivery("r1", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    is_int(store_run(store, &res, STORE_NOW + 500), NGX_DEPLOY_OK, "retry");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_QUEUED, "queued");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 2499), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 0, "too early");
    is_int(op.u.take.next, 1, "due in a millisecond");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 2500), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "due");
    is_int(op.u.take.next, STORE_LEASE, "the end of the lease is next");

    d = op.u.take.deliveries;
    is_str(d->identity, "r1", "identity");
    is_str(d->id, "guid-1", "id");
    is_int(d->nbuilds, 1, "one build");

    is_str(d->builds->body, STORE_BODY, "body");
    is_str(d->builds->error, "ThrottlingException", "error");
    is_str(d->builds->message, "Rate exceeded", "message");
    is_int(d->builds->fence, 2, "fence");
    is_int(d->builds->attempts, 1, "attempts");
    is_int(d->builds->waited, 2500, "waited");
    is_int(d->builds->unknown, 0, "nothing unknown");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 2600), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 0, "it is leased");

    /* the one who lost the lease is not listened to, unless it started */

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    is_int(store_run(store, &res, STORE_NOW + 2700), NGX_DEPLOY_DECLINED,
           "an old fence");

    b = d->builds;
    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RELEASE);
    res.u.result.delay = 0;
    is_int(store_run(store, &res, STORE_NOW + 3000), NGX_DEPLOY_OK,
           "release");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 3000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "at once");
    b = op.u.take.deliveries->builds;
    is_int(b->attempts, 1, "which was no attempt");
    is_str(b->error, "ThrottlingException", "the last error stays");

    /* until an hour has been waited */

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.delay = 3600000 - 3000 - 100;
    is_int(store_run(store, &res, STORE_NOW + 3100), NGX_DEPLOY_OK, "retry");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_QUEUED, "queued");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 3600000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "the last one");
    b = op.u.take.deliveries->builds;

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    is_int(store_run(store, &res, STORE_NOW + 3600000), NGX_DEPLOY_OK,
           "retry");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_FAILED, "over");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 7200000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 0, "given up");

    /* an attempt that succeeded after all */

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW + 7200000), NGX_DEPLOY_OK,
           "started");
    d = store_get(store, "guid-1");
    is_int(d->builds->state, NGX_DEPLOY_STORE_STARTED, "recorded");
    is_int(d->builds->attempts, 4, "attempts");
    is_str(d->builds->error, NULL, "no error any more");
}


/* the sender sends it again */

static void
test_again(void)
{
    size_t                     i;
    ngx_deploy_store_op_t      op, res;
    ngx_deploy_store_build_t  *b;

    test_begin();

    op = store_delivery("a1", 3, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(&b[0], NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "started");

    for (i = 1; i < 3; i++) {
        res = store_result(&b[i], NGX_DEPLOY_STORE_RESULT_FAILED);
        res.u.result.unknown = 1;
        is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "failed");
        is_int(res.u.result.state, NGX_DEPLOY_STORE_FAILED, "for good");
    }

    /* api1 is tried again, api2 is not asked for any more, api9 is new */

    op = store_delivery("a1", 3, STORE_NOW + 5000);
    b = op.u.accept.delivery->builds;
    b[1].region = tap_str("eu-west-1");
    b[1].body = tap_str("{}");
    b[2].project = tap_str("api9");
    op.u.accept.delivery->rules = tap_str("[1]");

    is_int(store_run(store, &op, STORE_NOW + 5000), NGX_DEPLOY_OK, "again");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_AGAIN, "outcome");
    is_int(b[0].row, 0, "the started one is not started again");
    ok(b[1].row > 0 && b[2].row > 0, "the others are");
    is_int(b[1].fence, 2, "fence");
    is_int(b[1].unknown, STORE_NOW, "what is not known of it");
    is_int(b[2].fence, 1, "fence of the new one");
    is_int(op.u.accept.nknown, 2, "known");

    for (i = 0; i < op.u.accept.nknown; i++) {
        ok(op.u.accept.known[i].project.data[3] != '1', "not the leased one");
    }

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 5000 + STORE_LEASE),
           NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 2, "both, when the leases are over");
    is_str(op.u.take.deliveries->builds->body, "{}", "the new body");
    is_str(op.u.take.deliveries->builds->region, "eu-west-1",
           "the new region");
    is_str(op.u.take.deliveries->rules, "[1]", "the new rules");

    op = store_delivery("a1", 3, STORE_NOW + 6000);
    is_int(store_run(store, &op, STORE_NOW + 6000), NGX_DEPLOY_OK, "again");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_AGAIN,
           "api2 has failed still");

    /* what had no build may have one now */

    op = store_delivery("a2", 0, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "ignored");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_NEW, "new");

    op = store_delivery("a2", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "not ignored");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_AGAIN, "again");
    ok(op.u.accept.delivery->builds->row > 0, "leased");

    op = store_delivery("a2", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "and again");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_DUPLICATE, "duplicate");
}


static void
test_take(void)
{
    size_t                     i;
    int64_t                    due;
    ngx_deploy_store_op_t      op, res;
    ngx_deploy_store_build_t  *b;

    test_begin();

    op = store_delivery("t1", 5, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    for (i = 1; i < 5; i++) {
        res = store_result(&b[i], NGX_DEPLOY_STORE_RESULT_RETRY);
        res.u.result.delay = 1000 * (5 - i);
        res.u.result.unknown = (i == 2);
        is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "retry");
    }

    op = store_take(2);
    is_int(store_run(store, &op, STORE_NOW + 60000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 2, "no more than asked for");
    is_str(op.u.take.deliveries[0].builds->project, "api4", "first due");
    is_str(op.u.take.deliveries[1].builds->project, "api3", "second");
    is_int(op.u.take.next, 0, "more is due");
    due = op.u.take.deliveries[0].builds->waited;
    is_int(due, 1000, "what was planned counts, not the time until now");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 60000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 3, "the others");
    is_int(op.u.take.deliveries[0].builds->unknown, STORE_NOW,
           "the one whose outcome is unknown");
    is_int(op.u.take.deliveries[1].builds->unknown, 0, "the one that is not");

    /* the one whose worker died */

    b = op.u.take.deliveries[2].builds;
    is_str(b->project, "api0", "lease over");
    is_int(b->unknown, STORE_NOW, "nobody knows what became of it");
    is_int(b->fence, 2, "fence");

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.asked = 1;
    is_int(store_run(store, &res, STORE_NOW + 60000), NGX_DEPLOY_OK,
           "looked up");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 62000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "again");
    is_int(op.u.take.deliveries[0].builds->unknown, 0, "now it is known");

    op = store_find(NULL);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "find");
    is_int(op.u.find.active, 5, "active builds");
}


static void
test_clock(void)
{
    ngx_deploy_store_op_t      op, res;
    ngx_deploy_store_build_t  *b;

    test_begin();

    op = store_delivery("c1", 2, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(&b[0], NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.unknown = 1;
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "retry");

    /* an hour back: planned times keep their distance */

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW - 3600000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 0, "nothing is due earlier");
    is_int(op.u.take.next, 2000, "nor later");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW - 3600000 + 2000), NGX_DEPLOY_OK,
           "take");
    is_int(op.u.take.n, 1, "due");
    is_int(op.u.take.deliveries->builds->unknown, 1,
           "an unknown outcome is taken as old");
    is_int(op.u.take.next, STORE_LEASE - 2000, "the other one's lease");

    /* back again within an attempt */

    res = store_result(op.u.take.deliveries->builds,
                       NGX_DEPLOY_STORE_RESULT_RETRY);
    is_int(store_run(store, &res, STORE_NOW - 7200000), NGX_DEPLOY_OK,
           "retry");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW - 7200000 + 2000), NGX_DEPLOY_OK,
           "take");
    is_int(op.u.take.n, 1, "no stall");
    b = op.u.take.deliveries->builds;
    is_int(b->waited, 2000 + STORE_LEASE + 2000,
           "an attempt counts its lease at most");

    /* a year on: due, but not given up */

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    is_int(store_run(store, &res, STORE_NOW + 365LL * 86400000),
           NGX_DEPLOY_OK, "retry");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_QUEUED, "queued");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 365LL * 86400000),
           NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "the other one");
    is_int(op.u.take.deliveries->builds->waited, STORE_LEASE,
           "which waited no longer than planned");

    /* a few seconds, as of a process that waited for the lock, are no jump */

    test_begin();

    op = store_delivery("c2", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW - 10000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.next, 10000 + STORE_LEASE, "no jump");
}


static void
test_redeliver(void)
{
    ngx_deploy_store_op_t         op, res;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_delivery_t  *d;

    test_begin();

    op = store_delivery("o1", 2, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    res = store_result(&b[0], NGX_DEPLOY_STORE_RESULT_STARTED);
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "started");

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_REDELIVER;
    op.u.redeliver.id = tap_str("nothing");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_DECLINED, "unknown");
    ok(op.u.redeliver.delivery == NULL, "no delivery");

    op.u.redeliver.id = tap_str("guid-1");
    is_int(store_run(store, &op, STORE_NOW + 1000), NGX_DEPLOY_OK,
           "redeliver");
    is_int(op.u.redeliver.queued, 1, "the one that is not under way");
    d = op.u.redeliver.delivery;
    is_int(d->nbuilds, 2, "builds");
    is_int(d->builds[0].run, 2, "second run");
    is_int(d->builds[0].state, NGX_DEPLOY_STORE_QUEUED, "queued");
    is_str(d->builds[0].id, NULL, "no build yet");
    is_int(d->builds[1].state, NGX_DEPLOY_STORE_STARTING, "the other");

    op = store_take(10);
    is_int(store_run(store, &op, STORE_NOW + 1000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "due");
    b = op.u.take.deliveries->builds;
    ok(b->token.len == 64
       && memcmp(b->token.data, STORE_TOKEN, 64) != 0, "a token of its own");
    ok(b->body.len == sizeof(STORE_BODY) - 1
       && memcmp(b->body.data + b->body.len - 66, b->token.data, 64) == 0,
       "that is in the body");

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_FAILED);
    is_int(store_run(store, &res, STORE_NOW + 1000), NGX_DEPLOY_OK, "failed");

    /* the sender may send again: one run of it was started */

    op = store_delivery("o1", 2, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW + 2000), NGX_DEPLOY_OK, "again");
    is_int(op.u.accept.outcome, NGX_DEPLOY_STORE_DUPLICATE, "duplicate");
    is_int(op.u.accept.nknown, 2, "of two builds");
    is_int(op.u.accept.known[0].run, 1, "the run that was started");

    d = store_get(store, "guid-1");
    is_int(d->nbuilds, 3, "history has all runs");

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_REDELIVER;
    op.u.redeliver.id = tap_str("guid-1");
    is_int(store_run(store, &op, STORE_NOW + 3000), NGX_DEPLOY_OK,
           "redeliver");
    is_int(op.u.redeliver.delivery->builds[0].run, 3, "third run");

    op = store_delivery("o2", 0, STORE_NOW);
    op.u.accept.delivery->id = tap_str("guid-2");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "ignored");

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_REDELIVER;
    op.u.redeliver.id = tap_str("guid-2");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_DECLINED,
           "nothing to build");
    ok(op.u.redeliver.delivery != NULL, "but a delivery");
}


/* a record of a table, the base being what it has read */

static ngx_deploy_store_op_t
test_save(const char *build, int64_t origin, int64_t revision, int64_t base,
    const char *status, unsigned behind, int64_t now)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(op));

    op.type = NGX_DEPLOY_STORE_SAVE;
    op.u.save.record.build = tap_str(build);
    op.u.save.record.origin = origin;
    op.u.save.record.revision = revision;
    op.u.save.record.status = tap_str(status);
    op.u.save.record.final = (strcmp(status, "started") == 0) ? 0 : now;
    op.u.save.record.behind = behind;
    op.u.save.record.data = tap_str(behind ? "{\"behind\":1}" : "{}");
    op.u.save.base = base;

    (void) store_run(store, &op, now);

    return op;
}


static ngx_deploy_store_op_t
test_recall(const char *build, int64_t origin, unsigned take, int64_t now)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(op));

    op.type = NGX_DEPLOY_STORE_RECALL;
    op.u.recall.record.build = tap_str(build);
    op.u.recall.record.origin = origin;
    op.u.recall.take = take;

    is_int(store_run(store, &op, now), NGX_DEPLOY_OK, "recall %s",
           build ? build : "nothing");

    return op;
}


/* the number of what one table may tell */

static int
test_behind(int64_t origin, size_t max, int64_t now)
{
    ngx_deploy_store_op_t  op;

    memset(&op, 0, sizeof(op));

    op.type = NGX_DEPLOY_STORE_BEHIND;
    op.u.behind.origin = origin;
    op.u.behind.max = max;

    is_int(store_run(store, &op, now), NGX_DEPLOY_OK, "behind");

    return (int) op.u.behind.n;
}


static void
test_records(void)
{
    ngx_deploy_store_op_t  op;

    test_begin();

    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, NULL, "nothing is known");

    op = test_save("api0:1", 7, 2, 0, "started", 1, STORE_NOW);
    is_int(op.rc, NGX_DEPLOY_OK, "a record");
    is_int(op.u.save.record.owner, 7, "told by its table");
    ok(op.u.save.known == NULL, "kept");

    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, "{\"behind\":1}", "its data");
    is_str(op.u.recall.record.status, "started", "status");
    is_int(op.u.recall.record.revision, 2, "revision");
    is_int(op.u.recall.record.origin, 7, "origin");
    is_int(op.u.recall.record.owner, 7, "owner");
    is_int(op.u.recall.record.behind, 1, "behind");
    is_int(op.u.recall.record.final, 0, "not final");

    /* commits in another order than that of the changes */

    op = test_save("api0:1", 7, 5, 0, "failed", 0, STORE_NOW + 5);
    is_int(op.rc, NGX_DEPLOY_OK, "a later revision");
    is_int(op.u.save.record.owner, 0, "there is nothing to tell");
    op = test_save("api0:1", 7, 4, 0, "started", 1, STORE_NOW + 6);
    is_int(op.rc, NGX_DEPLOY_OK, "an earlier one");
    ok(op.u.save.known != NULL, "is not kept");
    is_int(op.u.save.known->revision, 5, "but the later one");
    op = test_save("api0:1", 7, 5, 0, "started", 1, STORE_NOW + 7);
    ok(op.u.save.known != NULL, "nor the same once more");

    op = test_save("api0:1", 7, 6, 0, "failed", 0, STORE_NOW + 9);
    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.status, "failed", "the last status");
    is_int(op.u.recall.record.final, STORE_NOW + 5, "since it was told");

    /* another table */

    op = test_save("api0:1", 8, 9, 0, "succeeded", 0, STORE_NOW + 10);
    is_int(op.rc, NGX_DEPLOY_DECLINED, "of another table that has not read");
    is_int(op.u.save.known->revision, 6, "what it does not know");
    is_str(op.u.save.known->data, "{}", "its data");
    op = test_save("api0:1", 8, 7, 6, "succeeded", 0, STORE_NOW + 10);
    is_int(op.rc, NGX_DEPLOY_OK, "of one that has");
    op = test_save("api0:1", 7, 7, 0, "failed", 0, STORE_NOW + 11);
    is_int(op.rc, NGX_DEPLOY_DECLINED, "now the first one has to");

    op = test_save("api0:1", 7, 8, 7, "started", 0, STORE_NOW + 11);
    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_int(op.u.recall.record.final, 0, "final no more");
}


/* the builds that were heard of between two times, as a text */

static void
silent(int64_t after, int64_t before, size_t max, const char *want)
{
    char                    got[64];
    size_t                  i, len;
    ngx_deploy_store_op_t   op;

    memset(&op, 0, sizeof(op));

    op.type = NGX_DEPLOY_STORE_SILENT;
    op.u.silent.after = STORE_NOW + after;
    op.u.silent.before = STORE_NOW + before;
    op.u.silent.max = max;

    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "silent");

    for (i = 0, len = 0; i < op.u.silent.n; i++) {
        len += (size_t) snprintf(got + len, sizeof(got) - len, "%.*s ",
                                 (int) op.u.silent.builds[i].len,
                                 (char *) op.u.silent.builds[i].data);
    }

    got[len] = '\0';

    ok(strcmp(got, want) == 0, "silent: %s", got);
}


static void
test_silent(void)
{
    test_begin();

    silent(-10, 10, 10, "");

    test_save("b", 7, 1, 0, "in_progress", 0, STORE_NOW + 2);
    test_save("a", 7, 1, 0, "started", 0, STORE_NOW + 1);
    test_save("c", 7, 1, 0, "failed", 0, STORE_NOW + 1);
    test_save("d", 7, 1, 0, "started", 1, STORE_NOW + 1);
    test_save("e", 7, 1, 0, "queued", 0, STORE_NOW + 1);

    silent(-10, 10, 10, "a b ");
    silent(-10, 10, 1, "a ");
    silent(-10, 2, 10, "a ");
    silent(1, 10, 10, "b ");
    silent(2, 10, 10, "");
}


static void
test_owners(void)
{
    ngx_deploy_store_op_t  op;

    test_begin();

    is_int(test_behind(7, 10, STORE_NOW), 0, "nothing is behind");

    test_save("a", 7, 1, 0, "started", 1, STORE_NOW);
    test_save("b", 7, 1, 0, "failed", 1, STORE_NOW + 1);
    test_save("c", 7, 1, 0, "failed", 0, STORE_NOW + 2);

    is_int(test_behind(7, 10, STORE_NOW + 3), 2, "it has two to tell");
    is_int(test_behind(7, 1, STORE_NOW + 3), 1, "no more than asked for");
    is_int(test_behind(8, 10, STORE_NOW + 3), 0, "another one has none");

    op = test_recall("a", 8, 1, STORE_NOW + 4);
    is_int(op.u.recall.record.owner, 7, "nor does it get any");

    /* what another table changes is told by who has begun */

    op = test_save("a", 8, 2, 1, "failed", 1, STORE_NOW + 5);
    is_int(op.rc, NGX_DEPLOY_OK, "a change");
    is_int(op.u.save.record.owner, 7, "is told by the first one");
    op = test_save("b", 8, 2, 1, "failed", 0, STORE_NOW + 5);
    is_int(op.u.save.record.owner, 7, "which says when it is told");
    is_int(test_behind(7, 10, STORE_NOW + 6), 2, "it has two");

    op = test_save("b", 7, 3, 2, "failed", 0, STORE_NOW + 7);
    is_int(op.u.save.record.owner, 0, "told");
    is_int(test_behind(7, 10, STORE_NOW + 8), 1, "it has one");
    op = test_save("b", 8, 4, 3, "failed", 1, STORE_NOW + 9);
    is_int(op.u.save.record.owner, 8, "the next change is another's");
    is_int(test_behind(8, 10, STORE_NOW + 9), 1, "it has one");

    /* the first one is heard of no more */

    is_int(test_behind(8, 10, STORE_NOW + 8 + NGX_DEPLOY_STORE_SILENCE), 2,
           "after a silence");
    op = test_recall("a", 8, 1, STORE_NOW + 8 + NGX_DEPLOY_STORE_SILENCE);
    is_int(op.u.recall.record.owner, 8, "it is taken over");
    is_int(test_behind(7, 10, STORE_NOW + 9 + NGX_DEPLOY_STORE_SILENCE), 0,
           "for good");

    /* the clock went back by hours */

    is_int(test_behind(9, 10, STORE_NOW - 7200000), 2, "of the future");

    /* memory of the pool is short */

    tap_pool_limit(0);
    op = test_save("d", 7, 1, 0, "started", 1, STORE_NOW);
    is_int(op.rc, NGX_DEPLOY_ERROR, "no memory to save");
    tap_pool_limit(1);
    op = test_save("a", 7, 9, 0, "started", 1, STORE_NOW);
    is_int(op.rc, NGX_DEPLOY_ERROR, "to read what there is");
    tap_pool_limit(-1);
    op = test_recall("d", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, NULL, "nothing was saved");
}


/* the record of a result is committed with it, once */

static void
test_results(void)
{
    ngx_deploy_store_op_t         op, res;
    ngx_deploy_store_build_t     *b;
    ngx_deploy_store_record_t     record;
    ngx_deploy_store_delivery_t  *d;

    test_begin();

    op = store_delivery("q1", 2, STORE_NOW);
    op.u.accept.delivery->builds[0].notice = tap_str("{\"n\":0}");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");
    b = op.u.accept.delivery->builds;

    memset(&record, 0, sizeof(record));

    record.build = tap_str("api0:1");
    record.origin = 7;
    record.revision = 1;
    record.behind = 1;
    record.status = tap_str("started");
    record.data = tap_str("{}");

    res = store_result(b, NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.record = &record;
    is_int(store_run(store, &res, STORE_NOW), NGX_DEPLOY_OK, "retry");
    is_int(res.u.result.first, 0, "no end");
    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, NULL, "no record");

    op = store_take(1);
    is_int(store_run(store, &op, STORE_NOW + 2000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "one is due");
    is_str(op.u.take.deliveries->builds->notice, "{\"n\":0}", "its notice");
    res = store_result(op.u.take.deliveries->builds,
                       NGX_DEPLOY_STORE_RESULT_STARTED);
    res.u.result.record = &record;
    is_int(store_run(store, &res, STORE_NOW + 3000), NGX_DEPLOY_OK, "result");
    is_int(res.u.result.first, 1, "the first one");
    ok(res.u.result.known == NULL, "nothing was known");
    is_int(store_run(store, &res, STORE_NOW + 3000), NGX_DEPLOY_OK, "again");
    is_int(res.u.result.first, 0, "not the first one");

    op = test_recall("api0:1", 0, 0, STORE_NOW + 3000);
    is_str(op.u.recall.record.data, "{}", "a record");
    is_int(op.u.recall.record.owner, 7, "told by its table");

    /* given up: another record, which is there already */

    record.build = tap_str("api0:1");
    record.origin = 8;
    res = store_result(b + 1, NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.record = &record;
    res.u.result.retry = 0;
    is_int(store_run(store, &res, STORE_NOW + 3000), NGX_DEPLOY_OK, "result");
    is_int(res.u.result.state, NGX_DEPLOY_STORE_FAILED, "given up");
    is_int(res.u.result.first, 1, "the first one");
    ok(res.u.result.known != NULL, "but a record was known");
    is_int(res.u.result.known->origin, 7, "which stays");

    /* the build that a token started */

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_RECALL;
    op.u.recall.token = tap_str("nobody's");
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "recall");
    ok(op.u.recall.build == NULL, "a token of nobody");
    op.u.recall.token = tap_str(STORE_TOKEN);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "recall");
    is_int(op.u.recall.build->row, b[1].row, "the newest with the token");
    is_int(op.u.recall.build->final, 0, "nothing is told of it");
    is_str(op.u.recall.record.data, NULL, "no record was asked for");

    test_save("api0:1", 7, 2, 1, "failed", 0, STORE_NOW + 4000);
    d = store_get(store, "guid-1");
    is_str(d->builds->status, "failed", "in the history");
    is_int(d->builds->final, STORE_NOW + 4000, "since then");
    is_str(d->builds->record, "{}", "with its data");
    is_str(d->builds->notice, NULL, "without the notice");

    /* a new run tells the same */

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_REDELIVER;
    op.u.redeliver.id = tap_str("guid-1");
    is_int(store_run(store, &op, STORE_NOW + 5000), NGX_DEPLOY_OK,
           "redeliver");
    op = store_take(2);
    is_int(store_run(store, &op, STORE_NOW + 5000), NGX_DEPLOY_OK, "take");
    is_str(op.u.take.deliveries->builds->notice, "{\"n\":0}", "its notice");
}


/* a file of the first version, as it was made then */

static void
test_migrate(void)
{
    sqlite3                      *db;
    ngx_deploy_store_op_t         op;
    ngx_deploy_store_delivery_t  *d;

    test_begin();
    ngx_deploy_store_destroy(store);

    is_int(sqlite3_open_v2(store_path("deploy.db"), &db,
                           SQLITE_OPEN_READWRITE|SQLITE_OPEN_CREATE, NULL),
           SQLITE_OK, "open");
    is_int(sqlite3_exec(db, store_v1, NULL, NULL, NULL), SQLITE_OK,
           "version 1: %s", sqlite3_errmsg(db));
    (void) sqlite3_close(db);

    store = store_open(1000);

    d = store_get(store, "old-1");

    if (!ok(d != NULL, "a delivery")) {
        return;
    }

    is_str(d->identity, "i1", "its identity");
    is_int(d->nbuilds, 2, "its builds");
    is_str(d->builds[0].id, "api0:1", "one was started");
    is_int(d->builds[0].number, 7, "its number");
    is_int(d->builds[1].state, NGX_DEPLOY_STORE_QUEUED, "one is queued");
    is_str(d->builds[1].error, "ThrottlingException", "its error");

    op = store_take(5);
    is_int(store_run(store, &op, STORE_NOW + 2000), NGX_DEPLOY_OK, "take");
    is_int(op.u.take.n, 1, "it is due");
    is_str(op.u.take.deliveries->builds->body, STORE_BODY, "its body");
    is_str(op.u.take.deliveries->builds->notice, NULL, "no notice");
    is_int(op.u.take.deliveries->builds->attempts, 1, "attempts");

    op = test_save("api0:1", 7, 1, 0, "failed", 0, STORE_NOW);
    is_int(op.rc, NGX_DEPLOY_OK, "a record");

    /* opened again it is of the version it has become */

    ngx_deploy_store_destroy(store);
    store = store_open(1000);
    d = store_get(store, "old-1");
    is_str(d->builds[0].status, "failed", "opened again");
}


static void
test_prune(void)
{
    char                       id[16];
    size_t                     i;
    ngx_deploy_store_op_t      op, res;
    ngx_deploy_store_build_t  *b;

    test_begin();

    for (i = 0; i < 10; i++) {
        (void) snprintf(id, sizeof(id), "d%d", (int) i);

        op = store_delivery("", i > 3, STORE_NOW + 1000 * i);
        op.u.accept.delivery->identity = tap_copy(id, strlen(id));
        op.u.accept.delivery->id = op.u.accept.delivery->identity;
        is_int(store_run(store, &op, STORE_NOW + 1000 * i), NGX_DEPLOY_OK,
               "accept");

        b = op.u.accept.delivery->builds;

        if (i > 4) {
            res = store_result(b, NGX_DEPLOY_STORE_RESULT_STARTED);
            is_int(store_run(store, &res, STORE_NOW + 1000 * i),
                   NGX_DEPLOY_OK, "started");
        }
    }

    (void) test_save("api0:1", 7, 1, 0, "failed", 0, STORE_NOW);
    (void) test_save("api0:2", 7, 1, 0, "failed", 0, STORE_NOW + 9000);
    (void) test_save("api0:3", 7, 1, 0, "failed", 1, STORE_NOW);

    memset(&op, 0, sizeof(op));
    op.type = NGX_DEPLOY_STORE_PRUNE;
    op.u.prune.keep = 60000;
    op.u.prune.max = 100;
    is_int(store_run(store, &op, STORE_NOW + 60000), NGX_DEPLOY_OK, "prune");
    is_int(op.u.prune.n, 0, "nothing is old");

    op.u.prune.max = 2;
    is_int(store_run(store, &op, STORE_NOW + 67001), NGX_DEPLOY_OK, "prune");
    is_int(op.u.prune.n, 2, "no more than asked for");

    op.u.prune.max = 100;
    is_int(store_run(store, &op, STORE_NOW + 67001), NGX_DEPLOY_OK, "prune");
    is_int(op.u.prune.n, 5, "the others");

    ok(store_get(store, "d3") == NULL, "an ignored one is gone");
    ok(store_get(store, "d7") == NULL, "a started one is gone");
    ok(store_get(store, "d4") != NULL, "what is under way stays");
    ok(store_get(store, "d8") != NULL, "what is new stays");

    op = test_recall("api0:1", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, NULL, "a record is gone");
    op = test_recall("api0:2", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, "{}", "a newer one stays");
    op = test_recall("api0:3", 0, 0, STORE_NOW);
    is_str(op.u.recall.record.data, "{\"behind\":1}",
           "so does what is to be told");

    op = store_find(NULL);
    op.u.find.max = 2;
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "list");
    is_int(op.u.find.n, 2, "no more than asked for");
    is_str(op.u.find.deliveries[0].identity, "d9", "the newest");
    is_str(op.u.find.deliveries[1].identity, "d8", "then the next");
    is_int(op.u.find.active, 1, "active");
}


static void
test_attempts(void)
{
    int                     rc;
    char                   *long_text;
    sqlite3                *db;
    sqlite3_stmt           *st;
    ngx_deploy_store_op_t   op, res;

    test_begin();

    op = store_delivery("n1", 1, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");

    long_text = calloc(1, 5001);

    if (long_text == NULL) {
        return;
    }

    memset(long_text, 'x', 5000);

    res = store_result(op.u.accept.delivery->builds,
                       NGX_DEPLOY_STORE_RESULT_RETRY);
    res.u.result.build.message = tap_str(long_text);
    res.u.result.status = 503;
    res.u.result.duration = 42;
    is_int(store_run(store, &res, STORE_NOW + 42), NGX_DEPLOY_OK, "retry");

    free(long_text);

    ngx_deploy_store_destroy(store);
    store = NULL;

    /* what others may read */

    rc = sqlite3_open_v2(store_path("deploy.db"), &db, SQLITE_OPEN_READWRITE,
                         NULL);
    is_int(rc, SQLITE_OK, "open");
    rc = sqlite3_prepare_v2(db, "SELECT n, at, duration, status, error,"
                            " length(message) FROM attempts", -1, &st, NULL);
    is_int(rc, SQLITE_OK, "prepare");
    is_int(sqlite3_step(st), SQLITE_ROW, "an attempt");
    is_int(sqlite3_column_int(st, 0), 1, "first");
    is_int(sqlite3_column_int64(st, 1), STORE_NOW + 42, "time");
    is_int(sqlite3_column_int(st, 2), 42, "duration");
    is_int(sqlite3_column_int(st, 3), 503, "status");
    ok(strcmp((const char *) sqlite3_column_text(st, 4),
              "ThrottlingException") == 0, "error");
    is_int(sqlite3_column_int(st, 5), NGX_DEPLOY_STORE_MAX_MESSAGE,
           "the message is cut");
    is_int(sqlite3_step(st), SQLITE_DONE, "the only one");
    (void) sqlite3_finalize(st);

    /* the planner takes the indices */

    rc = sqlite3_prepare_v2(db, "EXPLAIN QUERY PLAN SELECT id FROM builds"
                            " WHERE state < 2 AND due <= 5"
                            " ORDER BY due LIMIT 5", -1, &st, NULL);
    is_int(rc, SQLITE_OK, "explain");
    is_int(sqlite3_step(st), SQLITE_ROW, "plan");
    ok(strstr((const char *) sqlite3_column_text(st, 3), "builds_due")
       != NULL, "%s", (const char *) sqlite3_column_text(st, 3));
    (void) sqlite3_finalize(st);
    (void) sqlite3_close(db);
}


/* memory of the pool is short at every step: nothing is leased unseen */

static void
test_memory(void)
{
    int                           rc;
    long                          i;
    ngx_deploy_store_op_t         op, take;
    ngx_deploy_store_delivery_t  *d;

    test_begin();

    op = store_delivery("m1", 3, STORE_NOW);
    is_int(store_run(store, &op, STORE_NOW), NGX_DEPLOY_OK, "accept");

    for (i = 0; i < 200; i++) {
        take = store_take(10);

        tap_pool_limit(i);
        rc = store_run(store, &take, STORE_NOW + STORE_LEASE);
        tap_pool_limit(-1);

        if (rc == NGX_DEPLOY_OK) {
            break;
        }

        d = store_get(store, "guid-1");

        if (rc != NGX_DEPLOY_ERROR || d->builds[0].fence != 1
            || d->builds[2].fence != 1)
        {
            break;
        }
    }

    ok(rc == NGX_DEPLOY_OK && i > 10, "no memory for %ld times", i);
    is_int(take.u.take.n, 3, "then all are taken");
    is_int(take.u.take.deliveries[2].builds->fence, 2, "once");
}


int
main(void)
{
    store_mkdir();

    test_accept();
    test_batch();
    test_started();
    test_found();
    test_retry();
    test_again();
    test_take();
    test_clock();
    test_redeliver();
    test_records();
    test_owners();
    test_silent();
    test_results();
    test_migrate();
    test_prune();
    test_attempts();
    test_memory();

    ngx_deploy_store_destroy(store);
    store_rmdir();

    return plan_done();
}
