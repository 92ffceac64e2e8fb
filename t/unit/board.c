
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


#define NOW  1000000


static ngx_deploy_board_t       *board;
static ngx_deploy_build_t        build;
static ngx_deploy_board_work_t   work;
static int64_t                   next;

static const ngx_deploy_str_t    none;


static void
begin(void)
{
    free(board);

    board = calloc(1, ngx_deploy_board_size());

    if (board == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    (void) ngx_deploy_board_init(board);
}


static int
put(const char *id, ngx_deploy_build_status_e status, int64_t now)
{
    ngx_deploy_str_t  s;

    s = tap_str(id);

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.status = status;

    return ngx_deploy_board_put(board, tap_pool(), &s, &build, now);
}


static int
want(const char *id, const char *channel, unsigned follows)
{
    ngx_deploy_str_t  s, c;

    s = tap_str(id);
    c = tap_str(channel);

    return ngx_deploy_board_want(board, &s, &c, follows, NOW);
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


static void
test_get(void)
{
    char              id[NGX_DEPLOY_BOARD_MAX_ID + 2];
    ngx_deploy_str_t  s;

    begin();
    is_int(ngx_deploy_board_init(board), 1, "made before");

    s = tap_str("api:1");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build),
           NGX_DEPLOY_DECLINED, "nothing is there");

    is_int(put("api:1", NGX_DEPLOY_BUILD_STARTED, NOW), NGX_DEPLOY_OK, "put");
    is_int(put("api:12", NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_OK, "put");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build), NGX_DEPLOY_OK,
           "found");
    is_int(build.status, NGX_DEPLOY_BUILD_STARTED, "its status");

    put("api:1", NGX_DEPLOY_BUILD_SUCCEEDED, NOW);
    ngx_deploy_board_get(board, tap_pool(), &s, &build);
    is_int(build.status, NGX_DEPLOY_BUILD_SUCCEEDED, "its new status");

    is_int(put("", NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_DECLINED,
           "no id");

    memset(id, 'a', sizeof(id));
    id[NGX_DEPLOY_BOARD_MAX_ID + 1] = '\0';
    is_int(put(id, NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_DECLINED,
           "too long an id");
    id[NGX_DEPLOY_BOARD_MAX_ID] = '\0';
    is_int(put(id, NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_OK,
           "the longest id");
    s = tap_str(id);
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build), NGX_DEPLOY_OK,
           "found");

    tap_pool_limit(0);
    is_int(put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_ERROR,
           "no memory to put");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build),
           NGX_DEPLOY_ERROR, "to get");
    tap_pool_limit(-1);
}


/* one message that follows a build, and its details */

static void
test_follow(void)
{
    ngx_deploy_str_t  s;

    begin();
    put("api:1", NGX_DEPLOY_BUILD_STARTED, NOW);

    is_int(claim(NOW), NGX_DEPLOY_DECLINED, "nothing is to be told");
    is_int(next, -1, "nor will be");

    is_int(want("api:2", "C1", 1), NGX_DEPLOY_DECLINED, "no such build");
    is_int(want("api:1", "C1", 1), NGX_DEPLOY_OK, "a channel");

    is_int(claim(NOW), NGX_DEPLOY_OK, "to be told");
    is_str(work.channel, "C1", "in the channel");
    is_str(work.ts, NULL, "anew");
    is_int(work.phase, -1, "all of it");
    is_int(work.build.status, NGX_DEPLOY_BUILD_STARTED, "its status");

    is_int(claim(NOW), NGX_DEPLOY_DECLINED, "somebody is at it");
    is_int(next, 60000, "until then");

    /* while it is told the build goes on, twice */

    put("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS, NOW);
    put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);

    is_int(done(NGX_DEPLOY_BOARD_DONE, "1.000001", NOW + 100), NGX_DEPLOY_OK,
           "told");
    is_int(done(NGX_DEPLOY_BOARD_DONE, "1.000002", NOW + 100),
           NGX_DEPLOY_DECLINED, "not twice");

    is_int(claim(NOW + 100), NGX_DEPLOY_DECLINED, "one message a second");
    is_int(next, 900, "then");
    is_int(claim(NOW + 1000), NGX_DEPLOY_OK, "an update");
    is_str(work.ts, "1.000001", "of the message");
    is_int(work.build.status, NGX_DEPLOY_BUILD_FAILED, "the last state");

    is_int(done(NGX_DEPLOY_BOARD_DONE, NULL, NOW + 1000), NGX_DEPLOY_OK,
           "told");
    is_int(claim(NOW + 9000), NGX_DEPLOY_DECLINED, "no more");
    is_int(next, -1, "at all");

    /* what a phase says follows in its thread */

    s = tap_str("api:1");
    ngx_deploy_board_get(board, tap_pool(), &s, &build);
    build.nphases = 2;
    build.phases[0].name = tap_str("install");
    build.phases[0].status = NGX_DEPLOY_BUILD_IN_PROGRESS;
    build.phases[0].message = tap_str("not at its end");
    build.phases[1].name = tap_str("build");
    build.phases[1].status = NGX_DEPLOY_BUILD_FAILED;
    build.phases[1].message = tap_str("3 failed");
    ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW);

    is_int(claim(NOW + 9000), NGX_DEPLOY_OK, "an update");
    is_int(work.phase, -1, "first");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW + 9000);

    is_int(claim(NOW + 10000), NGX_DEPLOY_OK, "a detail");
    is_int(work.phase, 1, "of the phase");
    is_str(work.ts, "1.000001", "in the thread");
    done(NGX_DEPLOY_BOARD_DONE, "1.000009", NOW + 10000);

    is_int(claim(NOW + 20000), NGX_DEPLOY_DECLINED, "no more");

    ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW);
    claim(NOW + 20000);
    is_str(work.ts, "1.000001", "the message stays the same");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW + 20000);
    is_int(claim(NOW + 30000), NGX_DEPLOY_DECLINED, "a detail is told once");
}


/* a message for each time that it is wanted */

static void
test_webhook(void)
{
    begin();
    put("api:1", NGX_DEPLOY_BUILD_STARTED, NOW);
    want("api:1", "", 0);

    is_int(claim(NOW), NGX_DEPLOY_OK, "to be told");
    is_str(work.channel, "", "by the webhook");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW);

    put("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS, NOW);
    is_int(claim(NOW + 5000), NGX_DEPLOY_DECLINED, "does not follow");

    want("api:1", "", 0);
    put("api:1", NGX_DEPLOY_BUILD_SUCCEEDED, NOW);
    want("api:1", "", 0);
    is_int(claim(NOW + 5000), NGX_DEPLOY_OK, "wanted twice");
    is_int(work.build.status, NGX_DEPLOY_BUILD_SUCCEEDED, "the last state");
    is_str(work.ts, NULL, "a new message");
    done(NGX_DEPLOY_BOARD_DONE, NULL, NOW + 5000);
    is_int(claim(NOW + 9000), NGX_DEPLOY_DECLINED, "is told once");
}


static void
test_order(void)
{
    begin();

    put("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS, NOW);
    put("api:2", NGX_DEPLOY_BUILD_FAILED, NOW);
    want("api:1", "C1", 1);
    want("api:2", "C1", 1);
    want("api:1", "C2", 1);

    is_int(claim(NOW), NGX_DEPLOY_OK, "three are behind");
    is_int(work.build.status, NGX_DEPLOY_BUILD_FAILED, "the end first");

    is_int(claim(NOW), NGX_DEPLOY_OK, "another channel");
    is_str(work.channel, "C2", "at once");

    is_int(claim(NOW), NGX_DEPLOY_DECLINED, "the same channel");
    is_int(next, 1000, "later");
    is_int(claim(NOW + 1000), NGX_DEPLOY_OK, "then");
    is_str(work.channel, "C1", "there");

    is_int(want("api:1", "C3", 1), NGX_DEPLOY_OK, "a third channel");
    is_int(want("api:1", "C4", 1), NGX_DEPLOY_OK, "a fourth one");
    is_int(want("api:1", "C5", 1), NGX_DEPLOY_DECLINED, "too many");
    is_int(want("api:1", "C1", 1), NGX_DEPLOY_OK, "known ones are none");
    is_int(want("api:1",
                "Cxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 1),
           NGX_DEPLOY_DECLINED, "too long a name");
}


static void
test_failures(void)
{
    ngx_deploy_board_work_t  late;

    begin();
    put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);
    want("api:1", "C1", 1);

    claim(NOW);
    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL, NOW + 1000), NGX_DEPLOY_OK,
           "it failed");
    is_int(claim(NOW + 1000), NGX_DEPLOY_DECLINED, "not at once");
    is_int(next, 500, "after a while");

    is_int(claim(NOW + 1500), NGX_DEPLOY_OK, "again");
    is_int(ngx_deploy_board_done(board, &work, NGX_DEPLOY_BOARD_AGAIN, &none,
                                 7000, 0, NOW + 1500), NGX_DEPLOY_OK,
           "told to wait");

    put("api:2", NGX_DEPLOY_BUILD_STARTED, NOW);
    want("api:2", "C1", 1);
    want("api:2", "C2", 1);
    is_int(claim(NOW + 1500), NGX_DEPLOY_OK, "another channel");
    is_str(work.channel, "C2", "does not wait");
    done(NGX_DEPLOY_BOARD_REFUSED, NULL, NOW + 1500);
    is_int(claim(NOW + 1500), NGX_DEPLOY_DECLINED, "this one does");
    is_int(next, 7000, "so long");

    is_int(claim(NOW + 8500), NGX_DEPLOY_OK, "then");
    is_str(work.channel, "C1", "there");
    is_int(work.build.status, NGX_DEPLOY_BUILD_FAILED, "the final one first");
    done(NGX_DEPLOY_BOARD_DONE, "1.1", NOW + 8500);

    /* a lease that was over */

    claim(NOW + 9500);
    late = work;
    is_int(claim(NOW + 9500 + 60000), NGX_DEPLOY_OK, "a lease is over");
    done(NGX_DEPLOY_BOARD_DONE, "2.2", NOW + 69500);
    is_int(ngx_deploy_board_done(board, &late, NGX_DEPLOY_BOARD_DONE, &none, 0,
                                 0, NOW + 69500), NGX_DEPLOY_DECLINED,
           "it is nobody's");

    /* the message is gone */

    put("api:2", NGX_DEPLOY_BUILD_SUCCEEDED, NOW);
    claim(NOW + 80000);
    is_str(work.ts, "2.2", "an update");
    is_int(done(NGX_DEPLOY_BOARD_LOST, NULL, NOW + 80000), NGX_DEPLOY_OK,
           "of what is gone");
    claim(NOW + 81000);
    is_str(work.ts, NULL, "becomes a new message");
    is_int(work.build.status, NGX_DEPLOY_BUILD_SUCCEEDED, "of the same");

    /* six hours */

    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL, NOW + 81000), NGX_DEPLOY_OK,
           "it fails");
    claim(NOW + 81000 + NGX_DEPLOY_BOARD_PATIENCE - 1);
    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL,
                NOW + 81000 + NGX_DEPLOY_BOARD_PATIENCE - 1), NGX_DEPLOY_OK,
           "for long");
    is_int(claim(NOW + 81000 + NGX_DEPLOY_BOARD_PATIENCE),
           NGX_DEPLOY_DECLINED, "then the delay is longer");
    is_int(next, 300499, "five minutes");
    claim(NOW + 400000 + NGX_DEPLOY_BOARD_PATIENCE);
    is_int(done(NGX_DEPLOY_BOARD_AGAIN, NULL,
                NOW + 400000 + NGX_DEPLOY_BOARD_PATIENCE), NGX_DEPLOY_ERROR,
           "for too long");
    is_int(claim(NOW + 900000 + NGX_DEPLOY_BOARD_PATIENCE),
           NGX_DEPLOY_DECLINED, "given up");

    put("api:2", NGX_DEPLOY_BUILD_SUCCEEDED, NOW);
    is_int(claim(NOW + 900000 + NGX_DEPLOY_BOARD_PATIENCE),
           NGX_DEPLOY_DECLINED, "for good");

    begin();
    put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);
    want("api:1", "C1", 1);
    claim(NOW);
    is_int(done(NGX_DEPLOY_BOARD_LOST, NULL, NOW), NGX_DEPLOY_OK,
           "nothing to lose");
    is_int(claim(NOW + 5000), NGX_DEPLOY_DECLINED, "is a refusal");

    begin();
    put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);
    want("api:1", "C1", 1);
    tap_pool_limit(1);
    is_int(claim(NOW), NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
    is_int(claim(NOW), NGX_DEPLOY_OK, "later there is");
}


static void
test_room(void)
{
    char              id[NGX_DEPLOY_BOARD_SLOTS + 1][8];
    unsigned          i;
    ngx_deploy_str_t  s;

    /* all at their ends, with something to be told, but for two */

    begin();

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        snprintf(id[i], sizeof(id[i]), "b:%u", i);
        put(id[i], (i == 7) ? NGX_DEPLOY_BUILD_IN_PROGRESS
                            : NGX_DEPLOY_BUILD_FAILED, NOW + i);

        if (i != 9) {
            want(id[i], "C1", 1);
        }
    }

    is_int(put("new:1", NGX_DEPLOY_BUILD_STARTED, NOW), NGX_DEPLOY_OK,
           "a full table");
    s = tap_str("b:9");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build),
           NGX_DEPLOY_DECLINED, "the one that was told makes way");

    want("new:1", "C1", 1);
    is_int(put("new:2", NGX_DEPLOY_BUILD_FAILED, NOW + 999), NGX_DEPLOY_OK,
           "another one");
    s = tap_str("new:1");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build),
           NGX_DEPLOY_DECLINED, "the oldest that is not at its end");
    want("new:2", "C1", 1);

    is_int(put("new:3", NGX_DEPLOY_BUILD_FAILED, NOW + 999), NGX_DEPLOY_OK,
           "and another one");
    s = tap_str("b:7");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build),
           NGX_DEPLOY_DECLINED, "the last of these");
    want("new:3", "C1", 1);

    is_int(put("new:4", NGX_DEPLOY_BUILD_FAILED, NOW + 999),
           NGX_DEPLOY_DECLINED, "results are not dropped");
    s = tap_str("b:0");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build), NGX_DEPLOY_OK,
           "not the oldest one");

    /* the pace of more channels than are known */

    begin();

    for (i = 0; i < NGX_DEPLOY_BOARD_CHANNELS + 10; i++) {
        snprintf(id[i], sizeof(id[i]), "C%u", i);
        put(id[i], NGX_DEPLOY_BUILD_FAILED, NOW);
        want(id[i], id[i], 1);
        is_int(claim(NOW + i), NGX_DEPLOY_OK, "channel %u", i);
        is_str(work.channel, id[i], "its name");
        done(NGX_DEPLOY_BOARD_DONE, "1.1", NOW + i);
    }
}


static void
test_large(void)
{
    unsigned          i;
    static char       text[NGX_DEPLOY_BUILD_MAX_TEXT + 1];
    static char       name[NGX_DEPLOY_BOARD_MAX_DATA + 1];
    ngx_deploy_str_t  s;

    begin();
    memset(text, 'x', sizeof(text) - 1);
    memset(name, 'x', sizeof(name) - 1);

    s = tap_str("api:1");

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.status = NGX_DEPLOY_BUILD_FAILED;
    build.nphases = NGX_DEPLOY_BUILD_MAX_PHASES;

    for (i = 0; i < build.nphases; i++) {
        build.phases[i].name = tap_str("build");
        build.phases[i].message = tap_str(text);
    }

    is_int(ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW),
           NGX_DEPLOY_OK, "many texts");
    is_int(build.phases[0].message.len, NGX_DEPLOY_BUILD_MAX_TEXT,
           "the caller's stay");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build), NGX_DEPLOY_OK,
           "kept");
    is_int(build.nphases, NGX_DEPLOY_BUILD_MAX_PHASES, "all phases");
    is_int(build.phases[0].message.len, 0, "without their texts");

    build.url = tap_str(name);
    is_int(ngx_deploy_board_put(board, tap_pool(), &s, &build, NOW),
           NGX_DEPLOY_DECLINED, "too large");
    is_int(ngx_deploy_board_get(board, tap_pool(), &s, &build), NGX_DEPLOY_OK,
           "the old one stays");
}


/* each bit of a slot flipped: it is there, or it is not */

static void
test_torn(void)
{
    u_char            *p;
    size_t             i;
    unsigned           lost;
    ngx_deploy_str_t   s;

    s = tap_str("api:1");
    lost = 0;

    begin();
    put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);

    /* the bytes of the only dump in the table */

    p = (u_char *) board;

    for (i = 0; memcmp(p + i, "{\"project", 9) != 0; i++) {
        /* void */
    }

    for (p += i, i = 0; p[i] != '\0'; i++) {
        p[i] ^= 0x01;

        if (ngx_deploy_board_get(board, tap_pool(), &s, &build)
            == NGX_DEPLOY_DECLINED)
        {
            lost++;
        }

        begin();
        put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW);

        for (p = (u_char *) board; memcmp(p, "{\"project", 9) != 0; p++) {
            /* void */
        }
    }

    is_int(lost, i, "a torn build is none");

    want("api:1", "C1", 1);
    p[0] ^= 0x01;
    is_int(claim(NOW), NGX_DEPLOY_DECLINED, "and is not told");
    is_int(put("api:1", NGX_DEPLOY_BUILD_FAILED, NOW), NGX_DEPLOY_OK,
           "its place is free");
}


static void
test_list(void)
{
    size_t                     n;
    ngx_deploy_str_t           projects[2];
    static ngx_deploy_build_t  list[4];

    begin();

    is_int(ngx_deploy_board_list(board, tap_pool(), NULL, 0, list, 4), 0,
           "an empty table");

    put("api:1", NGX_DEPLOY_BUILD_STARTED, NOW);
    put("api-x:1", NGX_DEPLOY_BUILD_FAILED, NOW + 1);
    put("api!2!0", NGX_DEPLOY_BUILD_REJECTED, NOW + 2);
    put("web:1", NGX_DEPLOY_BUILD_STOPPED, NOW + 3);
    put("api:1", NGX_DEPLOY_BUILD_SUCCEEDED, NOW + 4);

    n = ngx_deploy_board_list(board, tap_pool(), NULL, 0, list, 4);

    is_int(n, 4, "all of them");
    is_int(list[0].status, NGX_DEPLOY_BUILD_SUCCEEDED, "the newest first");
    is_int(list[3].status, NGX_DEPLOY_BUILD_FAILED, "the oldest last");

    is_int(ngx_deploy_board_list(board, tap_pool(), NULL, 0, list, 2), 2,
           "the newest ones");

    projects[0] = tap_str("web");
    projects[1] = tap_str("api");

    n = ngx_deploy_board_list(board, tap_pool(), &projects[1], 1, list, 4);

    is_int(n, 2, "of a project");
    is_int(list[0].status, NGX_DEPLOY_BUILD_SUCCEEDED, "with an id");
    is_int(list[1].status, NGX_DEPLOY_BUILD_REJECTED, "and without");

    is_int(ngx_deploy_board_list(board, tap_pool(), projects, 2, list, 4), 3,
           "of two projects");

    projects[0] = tap_str("ap");
    is_int(ngx_deploy_board_list(board, tap_pool(), projects, 1, list, 4), 0,
           "of none");
}


int
main(void)
{
    ngx_deploy_json_init();

    test_get();
    test_list();
    test_follow();
    test_webhook();
    test_order();
    test_failures();
    test_room();
    test_large();
    test_torn();

    free(board);

    return plan_done();
}
