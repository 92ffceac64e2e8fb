
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_thread.h"


/*
 * The queue of the pool itself stays unbounded, so that the core can always
 * post the tasks that end its threads.
 */

#define NGX_HTTP_DEPLOY_MAX_JOBS      512

#define NGX_HTTP_DEPLOY_JOB_INTERVAL  60000


static ngx_int_t ngx_http_deploy_thread_check_event(ngx_conf_t *cf);
static void ngx_http_deploy_job_run(void *data, ngx_log_t *log);
static void ngx_http_deploy_job_done(ngx_event_t *ev);
static void ngx_http_deploy_job_timer(ngx_event_t *ev);


static ngx_str_t  ngx_http_deploy_thread_name = ngx_string("deploy");

static ngx_thread_pool_t  *ngx_http_deploy_threads;
static ngx_uint_t          ngx_http_deploy_njobs;
static ngx_event_t         ngx_http_deploy_jobs_event;
static ngx_connection_t    ngx_http_deploy_jobs_ident;


ngx_int_t
ngx_http_deploy_thread_init(ngx_conf_t *cf)
{
    ngx_int_t                     rc;
    ngx_conf_t                    save;
    ngx_http_deploy_text_t        text;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (!dmcf->threads) {
        return NGX_OK;
    }

    if (ngx_http_deploy_thread_check_event(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_thread_pool_get(cf->cycle, &ngx_http_deploy_thread_name)) {
        return NGX_OK;
    }

    ngx_str_set(&text.text, "thread_pool deploy threads=16;");
    text.file = (u_char *) "(built-in thread_pool)";
    text.line = 1;

    save = *cf;
    cf->ctx = cf->cycle->conf_ctx;
    cf->module_type = NGX_CORE_MODULE;
    cf->cmd_type = NGX_MAIN_CONF;

    rc = ngx_http_deploy_parse_text(cf, &text);

    *cf = save;

    return rc;
}


/* a worker would not even start: better to be told by "nginx -t" */

static ngx_int_t
ngx_http_deploy_thread_check_event(ngx_conf_t *cf)
{
    ngx_uint_t           i;
    ngx_event_conf_t    *ecf;
    ngx_event_module_t  *module;

    if (ngx_get_conf(cf->cycle->conf_ctx, ngx_events_module) == NULL) {
        return NGX_OK;      /* "events" comes later */
    }

    ecf = ngx_event_get_conf(cf->cycle->conf_ctx, ngx_event_core_module);

    for (i = 0; cf->cycle->modules[i]; i++) {

        if (cf->cycle->modules[i]->type != NGX_EVENT_MODULE
            || cf->cycle->modules[i]->ctx_index != ecf->use)
        {
            continue;
        }

        module = cf->cycle->modules[i]->ctx;

        if (module->actions.notify == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "the deploy module needs threads, which the event "
                          "method \"%V\" cannot be used with", module->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_deploy_thread_init_process(ngx_cycle_t *cycle)
{
    ngx_http_deploy_threads = ngx_thread_pool_get(cycle,
                                              &ngx_http_deploy_thread_name);

    ngx_http_deploy_jobs_ident.fd = (ngx_socket_t) -1;
    ngx_http_deploy_jobs_event.handler = ngx_http_deploy_job_timer;
    ngx_http_deploy_jobs_event.data = &ngx_http_deploy_jobs_ident;
    ngx_http_deploy_jobs_event.log = cycle->log;
}


ngx_http_deploy_job_t *
ngx_http_deploy_job_create(ngx_log_t *log)
{
    ngx_pool_t             *pool;
    ngx_http_deploy_job_t  *job;

    pool = ngx_create_pool(1024, log);
    if (pool == NULL) {
        return NULL;
    }

    job = ngx_pcalloc(pool, sizeof(ngx_http_deploy_job_t));
    if (job == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    job->pool = pool;
    job->log = log;

    return job;
}


ngx_int_t
ngx_http_deploy_job_post(ngx_http_deploy_job_t *job)
{
    ngx_thread_pool_t  *threads;

    threads = job->threads ? job->threads : ngx_http_deploy_threads;

    job->task.handler = ngx_http_deploy_job_run;
    job->task.ctx = job;
    job->task.event.handler = ngx_http_deploy_job_done;
    job->task.event.data = job;
    job->task.event.log = job->log;

    if (ngx_http_deploy_njobs >= NGX_HTTP_DEPLOY_MAX_JOBS
        || ngx_thread_task_post(threads, &job->task) != NGX_OK)
    {
        ngx_destroy_pool(job->pool);
        return NGX_ERROR;
    }

    /* only a timer keeps a worker that was told to quit */

    if (ngx_http_deploy_njobs++ == 0) {
        ngx_add_timer(&ngx_http_deploy_jobs_event,
                      NGX_HTTP_DEPLOY_JOB_INTERVAL);
    }

    return NGX_OK;
}


/* in a thread */

static void
ngx_http_deploy_job_run(void *data, ngx_log_t *log)
{
    ngx_http_deploy_job_t *job = data;

    /* the exit of the worker waits for the whole queue */

    if (ngx_terminate) {
        return;
    }

    job->run(job->data);
    job->ran = 1;
}


static void
ngx_http_deploy_job_done(ngx_event_t *ev)
{
    ngx_http_deploy_job_t  *job;

    job = ev->data;

    if (--ngx_http_deploy_njobs == 0) {
        ngx_del_timer(&ngx_http_deploy_jobs_event);
    }

    if (job->ran) {
        job->done(job);
    }

    ngx_destroy_pool(job->pool);
}


static void
ngx_http_deploy_job_timer(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_DEPLOY_JOB_INTERVAL);
}
