
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"

#include "ngx_deploy_work_arena.h"


static void
test_alloc(void)
{
    u_char                   *p[1000];
    size_t                    i, n, bad;
    ngx_deploy_pool_t         pool;
    ngx_deploy_work_arena_t   arena;

    ngx_deploy_work_arena_init(&arena, 16 * 1024 * 1024);
    pool = ngx_deploy_work_arena_pool(&arena);

    /* a sanitizer sees what overlaps or is too short */

    for (i = 0, bad = 0; i < 1000; i++) {

        n = (i % 7 == 0) ? 5000 + i : i;

        p[i] = ngx_deploy_palloc(&pool, n);

        if (p[i] == NULL || (uintptr_t) p[i] % 16 != 0) {
            bad++;
            continue;
        }

        memset(p[i], (int) (i & 0xff), n);
    }

    is_int(bad, 0, "memory is there and aligned");

    for (i = 1; i < 1000; i++) {
        n = (i % 7 == 0) ? 5000 + i : i;

        if (p[i][0] != (i & 0xff) || p[i][n - 1] != (i & 0xff)) {
            bad++;
        }
    }

    is_int(bad, 0, "nothing overlaps");
    is_int(arena.exceeded, 0, "within the limit");

    ngx_deploy_work_arena_free(&arena);
}


static void
test_limit(void)
{
    size_t                    n;
    ngx_deploy_pool_t         pool;
    ngx_deploy_work_arena_t   arena;

    ngx_deploy_work_arena_init(&arena, 100000);
    pool = ngx_deploy_work_arena_pool(&arena);

    ok(ngx_deploy_palloc(&pool, 100001) == NULL, "more than the limit");
    is_int(arena.exceeded, 1, "it is told");
    ok(ngx_deploy_palloc(&pool, (size_t) -1) == NULL, "all there is");

    ok(ngx_deploy_palloc(&pool, 50000) != NULL, "half of it");
    ok(ngx_deploy_palloc(&pool, 50000) == NULL, "the other half");

    for (n = 0; ngx_deploy_palloc(&pool, 1000) != NULL; n++) { /* void */ }

    ok(n >= 30 && n <= 50, "small ones up to the limit, %u", (unsigned) n);

    ngx_deploy_work_arena_free(&arena);

    ngx_deploy_work_arena_init(&arena, 0);
    pool = ngx_deploy_work_arena_pool(&arena);

    ok(ngx_deploy_palloc(&pool, 1) == NULL, "nothing is allowed");

    ngx_deploy_work_arena_free(&arena);
}


int
main(void)
{
    test_alloc();
    test_limit();

    return plan_done();
}
