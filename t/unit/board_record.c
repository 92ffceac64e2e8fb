
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


#define NOW   1000000
#define SKEW  5000000
#define ME    7
#define OTHER 9


static ngx_deploy_board_t         *board;
static ngx_deploy_build_t          build;
static ngx_deploy_board_work_t     work;
static ngx_deploy_board_record_t   record;
static int64_t                     next;


static ngx_deploy_board_t *
new_board(int64_t origin)
{
    ngx_deploy_board_t  *b;

    b = calloc(1, ngx_deploy_board_size());

    if (b == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    (void) ngx_deploy_board_init(b);
    ngx_deploy_board_keep(b, 1, origin);

    return b;
}


/* all that was known is gone */

static void
restart(int64_t origin)
{
    free(board);
    board = new_board(origin);
}


static int
put(const char *id, ngx_deploy_build_status_e status)
{
    ngx_deploy_str_t  s;

    s = tap_str(id);

    if (ngx_deploy_board_get(board, tap_pool(), &s, &build)
        != NGX_DEPLOY_OK)
    {
        ngx_deploy_build_init(&build);
        build.project = tap_str("api");
        build.event.facts[NGX_DEPLOY_EVENT] = tap_str("push");
    }

    build.status = status;

    return ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW);
}


static int
want(const char *id, const char *channel)
{
    ngx_deploy_str_t  s, c;

    s = tap_str(id);
    c = tap_str(channel);

    return ngx_deploy_board_want(board, &s, &c, 1, NOW);
}


static int
save(const char *id)
{
    ngx_deploy_str_t  s;

    s = tap_str(id);

    return ngx_deploy_board_save(board, tap_pool(), &s, SKEW, 10000, NOW,
                                 &record);
}


static int
fill(int64_t owner, unsigned always, unsigned max)
{
    record.owner = owner;

    return ngx_deploy_board_fill(board, tap_pool(), &record, always, 1, max,
                                 SKEW, NOW);
}


static int
claim(int64_t now)
{
    return ngx_deploy_board_claim(board, tap_pool(), &work, 60000, now, &next);
}


static int
done(ngx_deploy_board_result_e result, const char *ts, int64_t now)
{
    ngx_deploy_str_t  s;

    s = tap_str(ts);

    return ngx_deploy_board_done(board, &work, result, &s, 0, 500, now);
}


static ngx_deploy_build_status_e
status(const char *id)
{
    ngx_deploy_str_t  s;

    s = tap_str(id);

    return (ngx_deploy_board_get(board, tap_pool(), &s, &build)
            == NGX_DEPLOY_OK) ? build.status : NGX_DEPLOY_BUILD_UNKNOWN;
}


/* a message that was sent, then a restart, then its update */

static void
test_restart(void)
{
    ngx_deploy_str_t  s;

    restart(ME);
    is_int(ngx_deploy_board_origin(board), ME, "the name of the table");
    ngx_deploy_board_keep(board, 1, OTHER);
    is_int(ngx_deploy_board_origin(board), ME, "stays");

    is_int(save("api:1"), NGX_DEPLOY_DECLINED, "no build");

    put("api:1", NGX_DEPLOY_BUILD_STARTED);
    want("api:1", "C1");
    claim(NOW);
    done(NGX_DEPLOY_BOARD_DONE, "1.1", NOW);

    is_int(save("api:1"), NGX_DEPLOY_OK, "a record");
    is_str(record.id, "api:1", "of the build");
    is_int(record.behind, 0, "with nothing to tell");
    is_int(record.base, 0, "not kept before");
    is_int(record.origin, ME, "origin");

    put("api:1", NGX_DEPLOY_BUILD_FAILED);
    claim(NOW + 2000);
    done(NGX_DEPLOY_BOARD_AGAIN, NULL, NOW + 2000);

    is_int(save("api:1"), NGX_DEPLOY_OK, "a record of it");
    is_int(record.behind, 1, "something is to be told");
    is_int(record.status, NGX_DEPLOY_BUILD_FAILED, "its status");

    s = tap_str("api:1");
    is_int(ngx_deploy_board_saved(board, &s, record.revision, ME), 1, "kept");
    is_int(save("api:1"), NGX_DEPLOY_DECLINED, "kept as it is");

    restart(OTHER);
    is_int(fill(ME, 0, 1), NGX_DEPLOY_OK, "read back");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_FAILED, "its status");
    is_int(claim(NOW), NGX_DEPLOY_DECLINED, "another table tells it");
    is_int(fill(OTHER, 0, 1), NGX_DEPLOY_OK, "read again");
    is_int(claim(NOW), NGX_DEPLOY_OK, "now this one does");
    is_str(work.ts, "1.1", "the same message");
    is_str(work.id, "api:1", "known by");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW);
    is_int(claim(NOW + 5000), NGX_DEPLOY_DECLINED, "no more");

    is_int(save("api:1"), NGX_DEPLOY_OK, "a record of that");
    is_int(record.base, record.revision - 1, "follows the other one");

    /* what has been failing goes on failing */

    restart(ME);
    put("api:1", NGX_DEPLOY_BUILD_FAILED);
    want("api:1", "C1");
    claim(NOW);
    done(NGX_DEPLOY_BOARD_AGAIN, NULL, NOW);
    save("api:1");
    restart(OTHER);
    record.owner = OTHER;
    is_int(ngx_deploy_board_fill(board, tap_pool(), &record, 0, 1, 1,
                                 SKEW + NOW - 5, 5), NGX_DEPLOY_OK,
           "with another clock");
    claim(5);
    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL,
                4 + NGX_DEPLOY_BOARD_PATIENCE), NGX_DEPLOY_OK,
           "it is not given up too early");
    claim(400000 + NGX_DEPLOY_BOARD_PATIENCE);
    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL,
                400000 + NGX_DEPLOY_BOARD_PATIENCE), NGX_DEPLOY_ERROR,
           "but at the same time");
}


/* what another nginx has changed */

static void
test_merge(void)
{
    ngx_deploy_str_t           s;
    ngx_deploy_board_t        *here;
    ngx_deploy_board_record_t  mine;

    restart(ME);
    put("api:1", NGX_DEPLOY_BUILD_STARTED);
    want("api:1", "C1");
    save("api:1");

    s = tap_str("api:1");
    ngx_deploy_board_saved(board, &s, record.revision, ME);
    mine = record;
    here = board;

    /* the other one tells it */

    board = new_board(OTHER);
    fill(OTHER, 0, 1);
    claim(NOW);
    done(NGX_DEPLOY_BOARD_DONE, "1.1", NOW);
    put("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS);
    save("api:1");
    is_int(record.base, mine.revision, "based on the first one");

    free(board);
    board = here;

    is_int(ngx_deploy_board_misses(board, &s, OTHER), NGX_DEPLOY_BOARD_OLD,
           "it has to be read");
    is_int(ngx_deploy_board_misses(board, &s, ME), 0, "not one of its own");
    is_int(fill(ME, 0, 1), NGX_DEPLOY_OK, "read");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_IN_PROGRESS, "the new status");
    is_int(claim(NOW), NGX_DEPLOY_OK, "told here");
    is_str(work.ts, "1.1", "in the message of the other");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW);

    /* an older one tells nothing */

    mine.owner = ME;
    is_int(ngx_deploy_board_fill(board, tap_pool(), &mine, 0, 1, 1, SKEW,
                                 NOW), NGX_DEPLOY_OK, "an old one");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_IN_PROGRESS, "is not taken");

    /* both have changed it */

    save("api:1");
    ngx_deploy_board_saved(board, &s, record.revision, ME);
    here = board;

    board = new_board(OTHER);
    fill(0, 0, 1);
    want("api:1", "C2");
    put("api:1", NGX_DEPLOY_BUILD_SUCCEEDED);
    save("api:1");
    free(board);
    board = here;

    ngx_deploy_board_get(board, tap_pool(), &s, &build);
    build.nphases = 1;
    build.phases[0].name = tap_str("build");
    build.phases[0].status = NGX_DEPLOY_BUILD_SUCCEEDED;
    ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW);

    is_int(fill(0, 0, 1), NGX_DEPLOY_OK, "both have changed");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_SUCCEEDED, "the last status");
    is_int(build.nphases, 1, "and the phase");

    is_int(claim(NOW + 9000), NGX_DEPLOY_OK, "an update");
    is_str(work.channel, "C1", "here");
    is_str(work.ts, "1.1", "of the message");
    is_int(claim(NOW + 9000), NGX_DEPLOY_OK, "and a message");
    is_str(work.channel, "C2", "there");

    is_int(save("api:1"), NGX_DEPLOY_OK, "to be saved");
    ok(record.revision > record.base, "over the other");

    is_int(ngx_deploy_board_saved(board, &s, 1000000, ME), 0,
           "what is kept is newer: to be read");
    s = tap_str("none");
    is_int(ngx_deploy_board_saved(board, &s, 1, ME), 1, "of no build");
}


/* composed without a table, added to what a report was faster with */

static void
test_compose(void)
{
    ngx_deploy_str_t  s, channels[2];
    static char       name[NGX_DEPLOY_BOARD_MAX_DATA + 1];

    restart(ME);

    s = tap_str("api:1");
    channels[0] = tap_str("C1");
    channels[1] = tap_str("C2");

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.id = s;
    build.status = NGX_DEPLOY_BUILD_STARTED;
    build.event.facts[NGX_DEPLOY_EVENT] = tap_str("push");
    build.delivery = tap_str("d");
    build.started = 5;
    build.upstream.project = tap_str("up");
    build.chain = tap_str("up,");
    build.depth = 1;

    is_int(ngx_deploy_board_compose(board, tap_pool(), &s, &build, channels,
                                    2, 1, &record), NGX_DEPLOY_OK, "composed");
    is_int(record.behind, 1, "to be told");
    is_int(record.revision, 1, "the first revision");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_UNKNOWN, "not in the table");

    /* a report came first */

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.id = s;
    build.status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    build.started = 9;
    ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW);

    is_int(fill(ME, 0, 3), NGX_DEPLOY_OK, "an old revision");
    ngx_deploy_board_get(board, tap_pool(), &s, &build);
    is_str(build.delivery, NULL, "tells nothing");
    is_int(fill(ME, 1, 3), NGX_DEPLOY_OK, "but always");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_IN_PROGRESS, "no step back");
    is_str(build.delivery, "d", "the delivery");
    is_str(build.event.facts[NGX_DEPLOY_EVENT], "push", "the event");
    is_str(build.upstream.project, "up", "the build above");
    is_str(build.chain, "up,", "the chain");
    is_int(build.started, 5, "the earlier time");
    is_int(claim(NOW), NGX_DEPLOY_OK, "a message");
    is_int(work.build.status, NGX_DEPLOY_BUILD_IN_PROGRESS, "as it is now");
    is_int(claim(NOW), NGX_DEPLOY_OK, "another channel");

    is_int(ngx_deploy_board_read(tap_pool(), &record.data, &build),
           NGX_DEPLOY_OK, "read by itself");
    is_str(build.delivery, "d", "the delivery");
    record.data.len--;
    is_int(ngx_deploy_board_read(tap_pool(), &record.data, &build),
           NGX_DEPLOY_DECLINED, "no JSON");
    s = tap_str("{\"targets\":[]}");
    is_int(ngx_deploy_board_read(tap_pool(), &s, &build),
           NGX_DEPLOY_DECLINED, "no build");

    memset(name, 'x', sizeof(name) - 1);
    build.url = tap_str(name);
    s = tap_str("api:1");
    is_int(ngx_deploy_board_compose(board, tap_pool(), &s, &build, channels,
                                    2, 1, &record), NGX_DEPLOY_DECLINED,
           "too large");
    build.url.len = 0;
    s.len = 0;
    is_int(ngx_deploy_board_compose(board, tap_pool(), &s, &build, channels,
                                    2, 1, &record), NGX_DEPLOY_DECLINED,
           "no id");
}


/* a table that is full */

static void
test_full(void)
{
    char              id[NGX_DEPLOY_BOARD_SLOTS][8];
    unsigned          i;
    ngx_deploy_str_t  s;

    restart(ME);
    put("new:1", NGX_DEPLOY_BUILD_FAILED);
    want("new:1", "C1");
    save("new:1");

    restart(ME);
    is_int(ngx_deploy_board_free(board, NOW), NGX_DEPLOY_BOARD_SLOTS,
           "all are free");

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        snprintf(id[i], sizeof(id[i]), "b:%u", i);
        put(id[i], NGX_DEPLOY_BUILD_FAILED);
        want(id[i], "C1");
    }

    is_int(ngx_deploy_board_free(board, NOW), 0, "none is free");
    is_int(fill(ME, 0, 3), NGX_DEPLOY_DECLINED, "nothing is kept: no room");
    is_int(put("new:2", NGX_DEPLOY_BUILD_FAILED), NGX_DEPLOY_DECLINED,
           "for a new one, either");

    is_int(ngx_deploy_board_unsaved(board, tap_pool(), NOW, &s),
           NGX_DEPLOY_OK, "one to be saved");
    is_str(s, "b:0", "the first one");

    {
        ngx_deploy_board_record_t  saved;

        is_int(ngx_deploy_board_save(board, tap_pool(), &s, SKEW, 10000, NOW,
                                     &saved), NGX_DEPLOY_OK, "it is");
        is_int(ngx_deploy_board_unsaved(board, tap_pool(), NOW, &s),
               NGX_DEPLOY_OK, "another one");
        is_str(s, "b:1", "while it is");
        is_int(ngx_deploy_board_unsaved(board, tap_pool(), NOW + 10000, &s),
               NGX_DEPLOY_OK, "if that takes too long");
        is_str(s, "b:0", "the same");

        ngx_deploy_board_failed(board, &s);
        ngx_deploy_board_unsaved(board, tap_pool(), NOW, &s);
        is_str(s, "b:0", "or if it failed");

        ngx_deploy_board_saved(board, &s, saved.revision, ME);
    }

    is_int(ngx_deploy_board_free(board, NOW), 0, "it is to be told");
    is_int(fill(ME, 0, 1), NGX_DEPLOY_DECLINED, "and does not make way");
    is_int(fill(ME, 0, 3), NGX_DEPLOY_OK, "but for what is in need");
    is_int(status("b:0"), NGX_DEPLOY_BUILD_UNKNOWN, "which it has");
    s = tap_str("b:0");
    is_int(ngx_deploy_board_misses(board, &s, ME), NGX_DEPLOY_BOARD_ABSENT,
           "it has to be read");

    /* a message under way keeps its place */

    claim(NOW);
    s = work.id;
    (void) ngx_deploy_board_save(board, tap_pool(), &s, SKEW, 10000, NOW,
                                 &record);
    ngx_deploy_board_saved(board, &s, record.revision, ME);
    put("new:3", NGX_DEPLOY_BUILD_FAILED);
    is_int(ngx_deploy_board_misses(board, &s, ME), 0, "a message under way");

    /* the beat of all who share the table */

    is_int(ngx_deploy_board_beat(board, 3000, NOW), 1, "a beat");
    is_int(ngx_deploy_board_beat(board, 3000, NOW + 2999), 0, "not yet");
    is_int(ngx_deploy_board_beat(board, 3000, NOW + 3000), 1, "the next one");
}


/* what is not as it was written */

static void
test_foreign(void)
{
    int   rc;
    long  i;

    static const struct {
        const char  *name;
        const char  *data;
        int          rc;
        int          claims;
    } tests[] = {
        { "no JSON", "{", NGX_DEPLOY_DECLINED, 0 },
        { "no build", "{\"version\":1}", NGX_DEPLOY_DECLINED, 0 },
        { "no project", "{\"build\":{}}", NGX_DEPLOY_DECLINED, 0 },
        { "a build", "{\"build\":{\"project\":\"a\"}}", NGX_DEPLOY_OK, 0 },
        { "no list", "{\"build\":{\"project\":\"a\"},\"targets\":{}}",
          NGX_DEPLOY_OK, 0 },
        { "no target", "{\"build\":{\"project\":\"a\"},\"targets\":[1,{}]}",
          NGX_DEPLOY_OK, 0 },
        { "of the future", "{\"version\":1,\"build\":{\"project\":\"a\"},"
          "\"targets\":[{\"channel\":\"C1\",\"follows\":true,"
          "\"wanted\":99999999999,\"shown\":-1}]}", NGX_DEPLOY_OK, 0 },
        { "ahead", "{\"version\":1,\"build\":{\"project\":\"a\"},"
          "\"targets\":[{\"channel\":\"C1\",\"follows\":true,"
          "\"wanted\":7}]}", NGX_DEPLOY_OK, 1 },
        { "of a webhook", "{\"version\":1,\"build\":{\"project\":\"a\"},"
          "\"targets\":[{\"channel\":\"\",\"follows\":false,"
          "\"wanted\":1}]}", NGX_DEPLOY_OK, 0 },
        { "too long a name", "{\"version\":1,\"build\":{\"project\":\"a\"},"
          "\"targets\":[{\"channel\":\"C123456789012345678901234567890123"
          "45678901234567890\",\"follows\":true,\"wanted\":1}]}",
          NGX_DEPLOY_OK, 0 },
        { "failing ahead", "{\"version\":1,\"build\":{\"project\":\"a\"},"
          "\"targets\":[{\"channel\":\"C1\",\"follows\":true,\"wanted\":1,"
          "\"failing\":999999999999999}]}", NGX_DEPLOY_OK, 1 },
    };

    for (i = 0; i < (long) (sizeof(tests) / sizeof(tests[0])); i++) {
        restart(ME);

        memset(&record, 0, sizeof(record));
        record.id = tap_str("a:1");
        record.revision = 1;
        record.data = tap_str(tests[i].data);

        is_int(fill(0, 0, 1), tests[i].rc, "%s", tests[i].name);
        is_int(claim(NOW) == NGX_DEPLOY_OK, tests[i].claims, "told");
    }

    /* memory is short at every step */

    restart(ME);
    put("api:1", NGX_DEPLOY_BUILD_FAILED);
    want("api:1", "C1");

    for (i = 0, rc = NGX_DEPLOY_ERROR; i < 50 && rc != NGX_DEPLOY_OK; i++) {
        tap_pool_limit(i);
        rc = save("api:1");
        tap_pool_limit(-1);
    }

    is_int(rc, NGX_DEPLOY_OK, "saved at last");

    restart(OTHER);
    put("api:1", NGX_DEPLOY_BUILD_STARTED);

    for (i = 0, rc = NGX_DEPLOY_ERROR; i < 99 && rc != NGX_DEPLOY_OK; i++) {
        tap_pool_limit(i);
        rc = fill(0, 1, 1);
        tap_pool_limit(-1);
    }

    is_int(rc, NGX_DEPLOY_OK, "filled at last");
    is_int(status("api:1"), NGX_DEPLOY_BUILD_FAILED, "its status");
}


int
main(void)
{
    ngx_deploy_json_init();

    test_restart();
    test_merge();
    test_compose();
    test_full();
    test_foreign();

    free(board);

    return plan_done();
}
