
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdlib.h>

#include "ngx_deploy_work_arena.h"


#define NGX_DEPLOY_WORK_ARENA_BLOCK  16384
#define NGX_DEPLOY_WORK_ARENA_ALIGN  16


struct ngx_deploy_work_block_s {
    ngx_deploy_work_block_t  *next;
    void                     *padding;   /* what follows is aligned */
};


static void *ngx_deploy_work_arena_alloc(void *data, size_t size);
static ngx_deploy_work_block_t *ngx_deploy_work_arena_block(
    ngx_deploy_work_arena_t *arena, size_t size);


void
ngx_deploy_work_arena_init(ngx_deploy_work_arena_t *arena, size_t limit)
{
    memset(arena, 0, sizeof(ngx_deploy_work_arena_t));

    arena->left = limit;
}


ngx_deploy_pool_t
ngx_deploy_work_arena_pool(ngx_deploy_work_arena_t *arena)
{
    ngx_deploy_pool_t  pool;

    pool.alloc = ngx_deploy_work_arena_alloc;
    pool.data = arena;

    return pool;
}


static void *
ngx_deploy_work_arena_alloc(void *data, size_t size)
{
    ngx_deploy_work_arena_t *arena = data;

    u_char                   *p;
    ngx_deploy_work_block_t  *block;

    if (size > arena->left) {
        arena->exceeded = 1;
        return NULL;
    }

    size = (size + NGX_DEPLOY_WORK_ARENA_ALIGN - 1)
           & ~(size_t) (NGX_DEPLOY_WORK_ARENA_ALIGN - 1);

    /* what is large has a block of its own, behind the one in use */

    if (size > NGX_DEPLOY_WORK_ARENA_BLOCK / 4) {
        block = ngx_deploy_work_arena_block(arena, size);

        return block ? block + 1 : NULL;
    }

    if ((size_t) (arena->last - arena->pos) < size) {

        block = ngx_deploy_work_arena_block(arena,
                                            NGX_DEPLOY_WORK_ARENA_BLOCK);
        if (block == NULL) {
            return NULL;
        }

        arena->pos = (u_char *) (block + 1);
        arena->last = arena->pos + NGX_DEPLOY_WORK_ARENA_BLOCK;
    }

    p = arena->pos;
    arena->pos += size;

    return p;
}


static ngx_deploy_work_block_t *
ngx_deploy_work_arena_block(ngx_deploy_work_arena_t *arena, size_t size)
{
    ngx_deploy_work_block_t  *block;

    size += sizeof(ngx_deploy_work_block_t);

    if (size > arena->left) {
        arena->exceeded = 1;
        return NULL;
    }

    block = malloc(size);
    if (block == NULL) {
        return NULL;
    }

    arena->left -= size;

    block->next = arena->blocks;
    arena->blocks = block;

    return block;
}


void
ngx_deploy_work_arena_free(ngx_deploy_work_arena_t *arena)
{
    ngx_deploy_work_block_t  *block, *next;

    for (block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
}
