
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


/*
 * A record as it may be in a store that somebody wrote into: it is read, or
 * is none.  What was read is written and read back as it is, added to a build
 * that is known, and told.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


#define NOW  1000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_deploy_board_t *
fuzz_board(void)
{
    ngx_deploy_board_t  *board;

    board = calloc(1, ngx_deploy_board_size());

    fuzz_check(board != NULL);

    (void) ngx_deploy_board_init(board);
    ngx_deploy_board_keep(board, 1, 1);

    return board;
}


static void
fuzz_empty(ngx_deploy_board_t *board)
{
    memset(board, 0, ngx_deploy_board_size());

    (void) ngx_deploy_board_init(board);
    ngx_deploy_board_keep(board, 1, 1);
}


/* all that is to be told, which ends */

static void
fuzz_tell(ngx_deploy_board_t *board)
{
    int                       rc;
    int64_t                   now, next;
    unsigned                  n;
    ngx_deploy_str_t          ts;
    ngx_deploy_board_work_t   work;

    ts = tap_str("1700000000.000001");

    for (n = 0, now = NOW; n < 400; n++) {

        rc = ngx_deploy_board_claim(board, tap_pool(), &work, 1000, now,
                                    &next);

        if (rc == NGX_DEPLOY_DECLINED && next == -1) {
            return;
        }

        fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);

        if (rc == NGX_DEPLOY_OK) {
            fuzz_check(work.phase < (int) work.build.nphases);
            fuzz_check(ngx_deploy_board_done(board, &work,
                                             NGX_DEPLOY_BOARD_DONE, &ts, 0, 0,
                                             now)
                       == NGX_DEPLOY_OK);
            continue;
        }

        now += next;
    }

    fuzz_check(0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                         rc;
    ngx_deploy_str_t            id, channel;
    ngx_deploy_build_t          build;
    ngx_deploy_board_record_t   record, again;

    static ngx_deploy_board_t  *board;

    if (board == NULL) {
        board = fuzz_board();
    }

    fuzz_empty(board);

    id = tap_str("api:1");
    channel = tap_str("C1");

    memset(&record, 0, sizeof(ngx_deploy_board_record_t));

    record.id = id;
    record.revision = 5;
    record.data = tap_copy(data, size);

    rc = ngx_deploy_board_fill(board, tap_pool(), &record, 0, size & 1, 1, 0,
                               NOW);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);

    if (rc == NGX_DEPLOY_OK) {

        fuzz_check(ngx_deploy_board_get(board, tap_pool(), &id, &build)
                   == NGX_DEPLOY_OK);
        fuzz_check(ngx_deploy_board_want(board, &id, &channel, size & 1, NOW)
                   == NGX_DEPLOY_OK
                   || ngx_deploy_board_save(board, tap_pool(), &id, 0, 1, NOW,
                                            &again)
                      == NGX_DEPLOY_DECLINED);

        fuzz_tell(board);

        /* written and read it is the same */

        if (ngx_deploy_board_save(board, tap_pool(), &id, 0, 1, NOW, &record)
            == NGX_DEPLOY_OK)
        {
            fuzz_check(!record.behind);
            fuzz_empty(board);
            fuzz_check(ngx_deploy_board_fill(board, tap_pool(), &record, 0,
                                             size & 1, 1, 0, NOW)
                       == NGX_DEPLOY_OK);
            fuzz_check(ngx_deploy_board_put(board, tap_pool(), &id, &build,
                                            NOW)
                       == NGX_DEPLOY_OK);
            fuzz_check(ngx_deploy_board_save(board, tap_pool(), &id, 0, 1,
                                             NOW, &again)
                       == NGX_DEPLOY_OK);
            fuzz_check(again.status == record.status);
        }
    }

    /* added to what is known */

    fuzz_empty(board);

    ngx_deploy_build_init(&build);
    build.project = tap_str("api");
    build.status = NGX_DEPLOY_BUILD_FAILED;

    fuzz_check(ngx_deploy_board_put(board, tap_pool(), &id, &build, NOW)
               == NGX_DEPLOY_OK);

    record.data = tap_copy(data, size);

    rc = ngx_deploy_board_fill(board, tap_pool(), &record, 1, size & 1, 1, 0,
                               NOW);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check(ngx_deploy_board_get(board, tap_pool(), &id, &build)
               == NGX_DEPLOY_OK);
    fuzz_check(ngx_deploy_build_final(build.status));

    fuzz_tell(board);

    tap_pool_reset();

    return 0;
}
