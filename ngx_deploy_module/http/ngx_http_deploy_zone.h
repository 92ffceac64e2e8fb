
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_ZONE_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_ZONE_H_INCLUDED_


#include "ngx_http_deploy.h"


/*
 * The memory of recent deliveries: a table of fixed slots without pointers,
 * in shared memory with deploy_zone, else of the worker's own.  A worker
 * that is killed while it writes leaves at worst a slot that is lost.
 */

#define NGX_HTTP_DEPLOY_ZONE_DATA  984       /* bytes of one delivery */
#define NGX_HTTP_DEPLOY_ZONE_KEY   16


typedef enum {
    NGX_HTTP_DEPLOY_ZONE_FREE = 0,
    NGX_HTTP_DEPLOY_ZONE_PENDING,            /* its dispatch is under way */
    NGX_HTTP_DEPLOY_ZONE_STARTED,
    NGX_HTTP_DEPLOY_ZONE_FAILED              /* may be claimed again */
} ngx_http_deploy_zone_state_e;


/* an identity in the table, and who claimed it */

typedef struct ngx_http_deploy_place_s  ngx_http_deploy_place_t;

struct ngx_http_deploy_place_s {
    u_char      key[NGX_HTTP_DEPLOY_ZONE_KEY];
    uint64_t    owner;
};


/* directive */
char *ngx_http_deploy_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* finds or makes the table of a worker that starts: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_zone_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);

/*
 * Claims an identity for so many seconds: NGX_OK, or NGX_ERROR when OpenSSL
 * fails.  *state is FREE: it is the caller's now; PENDING or STARTED: it is
 * somebody's.  place is set in each case.
 */
ngx_int_t ngx_http_deploy_zone_claim(ngx_str_t *identity, time_t lease,
    ngx_http_deploy_place_t *place, ngx_http_deploy_zone_state_e *state);

/*
 * What became of an identity, whoever owns it: FREE when it is not known.
 * data has room for NGX_HTTP_DEPLOY_ZONE_DATA bytes.
 */
ngx_http_deploy_zone_state_e ngx_http_deploy_zone_look(
    ngx_http_deploy_place_t *place, u_char *data, size_t *len);

/*
 * Gives a claim its end, remembered for so many seconds; does nothing when
 * the slot is another's by now.
 */
void ngx_http_deploy_zone_settle(ngx_http_deploy_place_t *place,
    ngx_http_deploy_zone_state_e state, const u_char *data, size_t len,
    time_t remember);


#endif /* _NGX_HTTP_DEPLOY_ZONE_H_INCLUDED_ */
