
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_THREAD_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_THREAD_H_INCLUDED_


#include "ngx_http_deploy.h"


/*
 * Work that may block, done by a thread of the module's own pool.  A worker
 * that is told to quit waits for its jobs.  One that has to terminate waits
 * only for those that run: what work/ does should stop soon after
 * ngx_terminate was set, jobs that are queued are not run, and done() is
 * called for none of them.  In exit_process no job runs any more.
 *
 * A request owns no job: done() finds it, if it is still there, by a pointer
 * that a cleanup of the request clears.
 */

typedef struct ngx_http_deploy_job_s  ngx_http_deploy_job_t;

struct ngx_http_deploy_job_s {

    /* given by the caller */
    void               (*run)(void *data);   /* in a thread: core/, work/ */
    void               (*done)(ngx_http_deploy_job_t *job);  /* event loop */
    void                *data;
    ngx_thread_pool_t   *threads;            /* NULL: the module's own */

    ngx_pool_t          *pool;               /* destroyed after done() */
    ngx_log_t           *log;

    /* inner state */
    ngx_thread_task_t    task;
    unsigned             ran:1;
};


/*
 * A job in a pool of its own, which is not for use by the thread: nothing of
 * nginx is.  The log has to live as long as the worker.  NULL when memory is
 * short.
 */
ngx_http_deploy_job_t *ngx_http_deploy_job_create(ngx_log_t *log);

/*
 * Hands a job over.  NGX_OK: done() will be called exactly once, from the
 * event loop and never from here, unless the worker terminates before.
 * NGX_ERROR: it will not, the pool is destroyed; too many are waiting.
 */
ngx_int_t ngx_http_deploy_job_post(ngx_http_deploy_job_t *job);

/*
 * Declares the thread pool "deploy", unless the operator did, when
 * dmcf->threads says that something may post jobs.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_thread_init(ngx_conf_t *cf);

/* remembers the pool in a worker that starts */
void ngx_http_deploy_thread_init_process(ngx_cycle_t *cycle);


#endif /* _NGX_HTTP_DEPLOY_THREAD_H_INCLUDED_ */
