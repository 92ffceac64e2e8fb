
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_BOARD_TABLE_H_INCLUDED_
#define _NGX_DEPLOY_BOARD_TABLE_H_INCLUDED_


#include "ngx_deploy_board.h"


/* private to the files of the board: the table itself */

typedef struct {
    char                         channel[NGX_DEPLOY_BOARD_MAX_NAME + 1];
    char                         ts[NGX_DEPLOY_BOARD_MAX_NAME + 1];
    uint32_t                     used;
    uint32_t                     follows;
    uint32_t                     wanted;     /* the version to be shown */
    uint32_t                     shown;
    uint32_t                     details;    /* bits: phases that were told */
    uint32_t                     claim;
    int64_t                      leased;     /* until then */
    int64_t                      due;        /* not before */
    int64_t                      failing;    /* since when, 0: it is not */
} ngx_deploy_board_target_t;


typedef struct {
    char                         id[NGX_DEPLOY_BOARD_MAX_ID + 1];
    uint32_t                     used;
    uint32_t                     version;
    uint32_t                     status;
    uint32_t                     detailed;   /* bits: phases with details */
    uint32_t                     len;
    uint32_t                     sum;        /* of data */
    uint32_t                     foreign;    /* another table tells it */
    int64_t                      touched;
    int64_t                      revision;   /* grows with each change */
    int64_t                      saved;      /* the one that is kept */
    int64_t                      saving;     /* until then, by somebody */
    ngx_deploy_board_target_t    targets[NGX_DEPLOY_BOARD_TARGETS];
    u_char                       data[NGX_DEPLOY_BOARD_MAX_DATA];
} ngx_deploy_board_slot_t;


typedef struct {
    char                         name[NGX_DEPLOY_BOARD_MAX_NAME + 1];
    int64_t                      next;       /* no message before */
} ngx_deploy_board_channel_t;


struct ngx_deploy_board_s {
    uint32_t                     magic;
    uint32_t                     claims;
    uint32_t                     kept;       /* there is a store */
    int64_t                      origin;     /* the name of the table in it */
    int64_t                      beat;       /* when it is to be heard of */
    ngx_deploy_board_channel_t   channels[NGX_DEPLOY_BOARD_CHANNELS];
    ngx_deploy_board_slot_t      slots[NGX_DEPLOY_BOARD_SLOTS];
};


/* the slot of a build, or NULL */
ngx_deploy_board_slot_t *ngx_deploy_board_find(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id);

/*
 * What is missed least: 0 a build at its end, 1 another one, 2 and 3 the same
 * with something to be told, 4 what must not be lost at this time
 */
unsigned ngx_deploy_board_rank(ngx_deploy_board_t *board,
    ngx_deploy_board_slot_t *slot, int64_t now);

/*
 * A new slot with an id, which has been checked: a free one, or the oldest of
 * those of the lowest rank, at most max; NULL: there is none
 */
ngx_deploy_board_slot_t *ngx_deploy_board_room(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id, unsigned max, int64_t now);

/*
 * The dump of a build that fits into a slot: NGX_DEPLOY_OK, NGX_DEPLOY_ERROR,
 * or NGX_DEPLOY_DECLINED: it is too large.
 */
int ngx_deploy_board_dump(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_t *build, ngx_deploy_str_t *dump);

/* writes a build with its dump */
void ngx_deploy_board_write(ngx_deploy_board_slot_t *slot,
    const ngx_deploy_build_t *build, const ngx_deploy_str_t *dump,
    int64_t now);

/*
 * Reads it: NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED: it was
 * torn, the slot is free.
 */
int ngx_deploy_board_load(ngx_deploy_board_slot_t *slot,
    ngx_deploy_pool_t *pool, ngx_deploy_build_t *build);

/* the target of a channel, made when there is none; NULL: no room for it */
ngx_deploy_board_target_t *ngx_deploy_board_target(
    ngx_deploy_board_slot_t *slot, const ngx_deploy_str_t *channel,
    int64_t now);

/* copies a name into room of size bytes: NGX_DEPLOY_OK or DECLINED */
int ngx_deploy_board_name(char *dst, size_t size,
    const ngx_deploy_str_t *name);

/* 1 when a target does not show all that it should */
unsigned ngx_deploy_board_behind(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_target_t *target);


#endif /* _NGX_DEPLOY_BOARD_TABLE_H_INCLUDED_ */
