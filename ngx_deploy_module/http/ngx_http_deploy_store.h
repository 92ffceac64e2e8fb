
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_STORE_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_STORE_H_INCLUDED_


#include "ngx_http_deploy.h"
#include "ngx_deploy_work_store.h"


/*
 * The store of a worker (DESIGN, section 6): operations that arrive while
 * a job runs make up the next one, which commits them all at once.
 */

struct ngx_http_deploy_store_conf_s {
    ngx_path_t                  *path;
    ngx_msec_t                   retry;
    time_t                       keep;
    ngx_thread_pool_t           *threads;    /* NULL: the module's own */
};


typedef struct ngx_http_deploy_store_op_s  ngx_http_deploy_store_op_t;

typedef void (*ngx_http_deploy_store_pt)(ngx_http_deploy_store_op_t *op);

struct ngx_http_deploy_store_op_s {
    ngx_deploy_store_op_t        op;         /* its data is not the caller's */
    ngx_http_deploy_store_pt     handler;
    void                        *data;
    ngx_queue_t                  queue;
};


/* the setter of deploy_store */
char *ngx_http_deploy_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

void ngx_http_deploy_store_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);
void ngx_http_deploy_store_exit_process(void);

/*
 * Queues an operation, which has to live until its handler is called, once,
 * from the event loop and never from here, unless the worker terminates
 * before.  op->op.rc is the result; results in memory are there as long as
 * the handler runs.  NGX_OK, or NGX_BUSY when too many are queued.
 */
ngx_int_t ngx_http_deploy_store_post(ngx_http_deploy_store_op_t *op);

/*
 * Queues an operation that failed, NGX_DEPLOY_ERROR, once more, in a second.
 * NGX_OK, or NGX_DECLINED in a worker that quits.
 */
ngx_int_t ngx_http_deploy_store_again(ngx_http_deploy_store_op_t *op);

/* wall-clock milliseconds */
int64_t ngx_http_deploy_store_now(void);


#endif /* _NGX_HTTP_DEPLOY_STORE_H_INCLUDED_ */
