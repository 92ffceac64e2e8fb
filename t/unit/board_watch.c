
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_board_t  *board;


static void
put(const char *id, ngx_deploy_build_status_e status, int64_t now)
{
    ngx_deploy_str_t    s;
    ngx_deploy_build_t  build;

    s = tap_str(id);

    ngx_deploy_build_init(&build);

    build.project = tap_str("api");
    build.id = s;
    build.status = status;
    build.region = tap_str("us-east-1");
    build.endpoint = tap_str("https://codebuild/");
    build.credentials = tap_str("profile=a");

    is_int(ngx_deploy_board_put(board, tap_pool(), &s, &build, now),
           NGX_DEPLOY_OK, "%s at %d", id, (int) now);
}


static void
silent(int64_t before, const char *want)
{
    char              got[256];
    size_t            len;
    unsigned          slot;
    ngx_deploy_str_t  id;

    slot = 0;
    len = 0;

    while (ngx_deploy_board_silent(board, &slot, before, &id)
           == NGX_DEPLOY_OK)
    {
        len += snprintf(got + len, sizeof(got) - len, "%.*s ", (int) id.len,
                        (char *) id.data);
    }

    got[len] = '\0';

    ok(strcmp(got, want) == 0, "silent since %d: %s", (int) before, got);
    is_int(slot, NGX_DEPLOY_BOARD_SLOTS, "all slots were looked at");
}


static void
told(const char *id, ngx_deploy_build_status_e status, int want,
    ngx_deploy_build_t *build)
{
    ngx_deploy_build_t  t;

    ngx_deploy_build_init(&t);

    t.id = tap_str(id);
    t.status = status;
    t.told = 1;
    t.finished = 99;
    t.phases[0].name = tap_str("build");
    t.phases[0].status = status;
    t.phases[0].duration = 3;
    t.nphases = 1;

    is_int(ngx_deploy_board_told(board, tap_pool(), &t, build, 5000), want,
           "%s is told as %d", id, status);
}


int
main(void)
{
    int64_t                  next;
    ngx_deploy_str_t         id, channel;
    ngx_deploy_build_t       build;
    ngx_deploy_board_work_t  work;

    board = calloc(1, ngx_deploy_board_size());
    if (board == NULL) {
        return 1;
    }

    (void) ngx_deploy_board_init(board);

    silent(10000, "");

    put("api:1", NGX_DEPLOY_BUILD_STARTED, 1000);
    put("api:2", NGX_DEPLOY_BUILD_IN_PROGRESS, 2000);
    put("api:3", NGX_DEPLOY_BUILD_SUCCEEDED, 1000);
    put("api:4", NGX_DEPLOY_BUILD_QUEUED, 1000);
    put("api:5", NGX_DEPLOY_BUILD_REJECTED, 1000);

    silent(999, "");
    silent(1000, "api:1 ");
    silent(2000, "api:1 api:2 ");

    id = tap_str("api:1");
    is_int(ngx_deploy_board_get(board, tap_pool(), &id, &build),
           NGX_DEPLOY_OK, "a build");
    is_str(build.region, "us-east-1", "its region");
    is_str(build.endpoint, "https://codebuild/", "its endpoint");
    is_str(build.credentials, "profile=a", "its credentials");

    /* a channel that does not follow, and has its message */

    channel = tap_str("");
    is_int(ngx_deploy_board_want(board, &id, &channel, 0, 1000),
           NGX_DEPLOY_OK, "a message");
    is_int(ngx_deploy_board_claim(board, tap_pool(), &work, 1000, 1000,
                                  &next),
           NGX_DEPLOY_OK, "it is sent");
    is_int(ngx_deploy_board_done(board, &work, NGX_DEPLOY_BOARD_DONE,
                                 &channel, 0, 0, 1000),
           NGX_DEPLOY_OK, "it is there");

    told("api:9", NGX_DEPLOY_BUILD_FAILED, NGX_DEPLOY_DECLINED, &build);
    told("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS, NGX_DEPLOY_OK, &build);
    told("api:1", NGX_DEPLOY_BUILD_IN_PROGRESS, NGX_DEPLOY_DECLINED, &build);

    is_int(ngx_deploy_board_claim(board, tap_pool(), &work, 1000, 9000,
                                  &next),
           NGX_DEPLOY_DECLINED, "no message in between");

    told("api:1", NGX_DEPLOY_BUILD_FAILED, NGX_DEPLOY_OK, &build);

    is_int(build.status, NGX_DEPLOY_BUILD_FAILED, "its status");
    is_int(build.told, 1, "told by AWS");
    is_int(build.finished, 99, "its end");
    is_int(build.nphases, 1, "its phases");
    is_str(build.region, "us-east-1", "its region stays");

    is_int(ngx_deploy_board_claim(board, tap_pool(), &work, 1000, 9000,
                                  &next),
           NGX_DEPLOY_OK, "a message of the end");
    is_int(work.build.status, NGX_DEPLOY_BUILD_FAILED, "its status");

    silent(10000, "api:2 ");

    tap_pool_limit(0);
    told("api:2", NGX_DEPLOY_BUILD_FAILED, NGX_DEPLOY_ERROR, &build);
    tap_pool_limit(-1);

    free(board);

    return plan_done();
}
