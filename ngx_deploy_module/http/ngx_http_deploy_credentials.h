
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_CREDENTIALS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_CREDENTIALS_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_metrics.h"


/*
 * The AWS credentials of a worker: a set for each source, fetched by a
 * thread and renewed in the background.  Sets are made for sources of the
 * configuration alone and live as long as the worker.
 */

struct ngx_http_deploy_source_s {
    ngx_deploy_work_kind_e       kind;
    ngx_str_t                    profile;      /* or empty */
    ngx_str_t                    role;         /* an ARN, or empty */
    ngx_str_t                    external_id;
    ngx_str_t                    session_name;
    ngx_str_t                    region;       /* of STS, or empty */
};


typedef struct ngx_http_deploy_set_s  ngx_http_deploy_set_t;


/* who waits for a set; zero it first */

typedef struct {
    ngx_queue_t                  queue;
    void                       (*handler)(void *data);
    void                        *data;
    unsigned                     waiting:1;
} ngx_http_deploy_wait_t;


/* 1 when two sources give the same set */
ngx_uint_t ngx_http_deploy_same_source(ngx_http_deploy_source_t *a,
    ngx_http_deploy_source_t *b);

/* the source of a set, which lives as long */
ngx_http_deploy_source_t *ngx_http_deploy_set_source(
    ngx_http_deploy_set_t *set);

/* the set of a source, perhaps an empty one; NULL when memory is short */
ngx_http_deploy_set_t *ngx_http_deploy_credentials(
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_source_t *source);

/*
 * Takes the credentials of a set that is valid, which costs nothing, or
 * waits for them.
 *
 * NGX_OK        *credentials is valid until the event loop is returned to
 * NGX_AGAIN     the handler of the waiter will be called once, unless it is
 *               cancelled: then try again
 * NGX_DECLINED  there are none
 */
ngx_int_t ngx_http_deploy_credentials_get(ngx_http_deploy_set_t *set,
    ngx_http_deploy_wait_t *wait, ngx_deploy_credentials_t **credentials);

/* why there are none, or why those there are could not be renewed */
const char *ngx_http_deploy_credentials_reason(ngx_http_deploy_set_t *set);

/*
 * AWS refused the credentials of a generation of the set: they are fetched
 * once for all who say so.
 *
 * NGX_OK        there are others by now
 * NGX_AGAIN     as above, then look at the generation
 * NGX_DECLINED  there are none, or they were the same a moment ago
 */
ngx_int_t ngx_http_deploy_credentials_refused(ngx_http_deploy_set_t *set,
    ngx_uint_t generation, ngx_http_deploy_wait_t *wait);

/* changes when the set gets other credentials */
ngx_uint_t ngx_http_deploy_credentials_generation(ngx_http_deploy_set_t *set);

void ngx_http_deploy_credentials_cancel(ngx_http_deploy_wait_t *wait);

/* the day's signing key of the set for a region, forgotten with the set */
ngx_deploy_sigv4_key_t *ngx_http_deploy_credentials_key(
    ngx_http_deploy_set_t *set, ngx_str_t *region);

/*
 * Adds what is known of each set, no secret, to a list of
 * ngx_deploy_credential_t; texts live until the event loop is returned to.
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_credentials_list(ngx_pool_t *pool,
    ngx_array_t *list);

/* begins to fetch what the configuration names */
void ngx_http_deploy_credentials_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);

/* wipes all sets */
void ngx_http_deploy_credentials_exit_process(void);


#endif /* _NGX_HTTP_DEPLOY_CREDENTIALS_H_INCLUDED_ */
