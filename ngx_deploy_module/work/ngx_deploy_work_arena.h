
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_ARENA_H_INCLUDED_
#define _NGX_DEPLOY_WORK_ARENA_H_INCLUDED_


#include "ngx_deploy_core.h"


/* memory of core/ for threads, where there is no nginx pool */

typedef struct ngx_deploy_work_block_s  ngx_deploy_work_block_t;

typedef struct {
    ngx_deploy_work_block_t  *blocks;
    u_char                   *pos;       /* free in the first of them */
    u_char                   *last;
    size_t                    left;      /* bytes that may be taken yet */
    unsigned                  exceeded;  /* more was wanted than allowed */
} ngx_deploy_work_arena_t;


/* an empty arena that takes at most limit bytes of the system */
void ngx_deploy_work_arena_init(ngx_deploy_work_arena_t *arena, size_t limit);

/* its allocator, valid as long as the arena */
ngx_deploy_pool_t ngx_deploy_work_arena_pool(ngx_deploy_work_arena_t *arena);

/* frees all that was allocated; the arena must not be used any more */
void ngx_deploy_work_arena_free(ngx_deploy_work_arena_t *arena);


#endif /* _NGX_DEPLOY_WORK_ARENA_H_INCLUDED_ */
