
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board_table.h"


int
ngx_deploy_board_silent(ngx_deploy_board_t *board, unsigned *slot,
    int64_t before, ngx_deploy_str_t *id)
{
    ngx_deploy_board_slot_t  *s;

    while (*slot < NGX_DEPLOY_BOARD_SLOTS) {

        s = &board->slots[(*slot)++];

        if (s->used && s->touched <= before
            && (s->status == NGX_DEPLOY_BUILD_STARTED
                || s->status == NGX_DEPLOY_BUILD_IN_PROGRESS))
        {
            id->data = (u_char *) s->id;
            id->len = strnlen(s->id, sizeof(s->id) - 1);

            return NGX_DEPLOY_OK;
        }
    }

    return NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_board_told(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_build_t *told, ngx_deploy_build_t *build, int64_t now)
{
    int                         rc;
    unsigned                    i;
    ngx_deploy_board_slot_t    *slot;
    ngx_deploy_board_target_t  *target;

    rc = ngx_deploy_board_get(board, pool, &told->id, build);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ngx_deploy_build_merge(build, told) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_board_put(board, pool, &told->id, build, now);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    /* those that do not follow get a new message at the end */

    slot = ngx_deploy_board_find(board, &told->id);

    for (i = 0;
         slot && i < NGX_DEPLOY_BOARD_TARGETS
         && ngx_deploy_build_final(build->status);
         i++)
    {
        target = &slot->targets[i];

        if (target->used && target->wanted) {
            target->wanted = slot->version;
        }
    }

    return NGX_DEPLOY_OK;
}
