
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_BOARD_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_BOARD_H_INCLUDED_


#include "ngx_http_deploy_notify.h"
#include "ngx_http_deploy_store.h"
#include "ngx_deploy_board.h"


/* what the memory of builds and the store have to do with each other */

/* ms that the wall's clock is ahead of that of the board */
#define ngx_http_deploy_board_skew()                                          \
    (ngx_http_deploy_store_now() - (int64_t) ngx_current_msec)


/* the table, locked: nothing that takes long until it is unlocked */
ngx_deploy_board_t *ngx_http_deploy_board_lock(void);
void ngx_http_deploy_board_unlock(void);

/* a record of the board as one of the store, with the texts of the first */
void ngx_http_deploy_board_stored(ngx_deploy_board_record_t *from,
    ngx_deploy_store_record_t *to);

/* 1 when messages follow builds, 0 when each one is a new one */
ngx_uint_t ngx_http_deploy_board_follows(void);

/*
 * ngx_deploy_board_fill() of a record of the store, if it is there at all:
 * NGX_OK, NGX_DECLINED or NGX_ERROR.  What is behind gets told.
 */
ngx_int_t ngx_http_deploy_board_fill(ngx_pool_t *pool,
    ngx_deploy_store_record_t *record, ngx_uint_t always, ngx_uint_t max);


/* ngx_http_deploy_tell.c: what there is to be told is told to Slack */

void ngx_http_deploy_tell_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_srv_conf_t *dscf);

/* there may be something new */
void ngx_http_deploy_tell_soon(void);


#endif /* _NGX_HTTP_DEPLOY_BOARD_H_INCLUDED_ */
