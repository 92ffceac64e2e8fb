
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_store.h"
#include "ngx_http_deploy_retry.h"
#include "ngx_http_deploy_thread.h"
#include "ngx_deploy_work_arena.h"


#define NGX_HTTP_DEPLOY_STORE_QUEUE   10000       /* operations */
#define NGX_HTTP_DEPLOY_STORE_BATCH   256
#define NGX_HTTP_DEPLOY_STORE_BUSY    3000        /* ms, others' lock */
#define NGX_HTTP_DEPLOY_STORE_AGAIN   1000        /* ms */
#define NGX_HTTP_DEPLOY_STORE_MEMORY  (64 * 1024 * 1024)
#define NGX_HTTP_DEPLOY_STORE_REMIND  60          /* s, a failure that lasts */


typedef struct {
    ngx_deploy_store_t        *store;
    ngx_deploy_store_op_t     *ops;
    int64_t                    now;
    int                        rc;
    ngx_deploy_work_arena_t    arena;
} ngx_http_deploy_store_batch_t;


static char *ngx_http_deploy_store_parameter(ngx_conf_t *cf,
    ngx_http_deploy_store_conf_t *store, ngx_str_t *value);
static void ngx_http_deploy_store_flush(ngx_event_t *ev);
static ngx_http_deploy_job_t *ngx_http_deploy_store_batch(void);
static void ngx_http_deploy_store_run(void *data);
static void ngx_http_deploy_store_done(ngx_http_deploy_job_t *job);
static void ngx_http_deploy_store_log(int rc, const char *error);
static void ngx_http_deploy_store_later(ngx_event_t *ev);


/* of the worker */

static ngx_deploy_store_t            *ngx_http_deploy_store_handle;
static ngx_http_deploy_store_conf_t  *ngx_http_deploy_store_conf;
static ngx_log_t                     *ngx_http_deploy_store_errors;
static ngx_queue_t                    ngx_http_deploy_store_queue;
static ngx_queue_t                    ngx_http_deploy_store_failed;
static ngx_uint_t                     ngx_http_deploy_store_nqueue;
static ngx_http_deploy_job_t         *ngx_http_deploy_store_job;
static ngx_event_t                    ngx_http_deploy_store_event;
static ngx_event_t                    ngx_http_deploy_store_timer;
static ngx_connection_t               ngx_http_deploy_store_ident;

/* what was logged last, so that a failure that lasts does not fill the log */

static u_char                         ngx_http_deploy_store_text[256];
static time_t                         ngx_http_deploy_store_logged;


char *
ngx_http_deploy_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_main_conf_t *dmcf = conf;

    char                          *rv;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_deploy_store_conf_t  *store;

    if (dmcf->store) {
        return "is duplicate";
    }

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_store_conf_t));
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    store->path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (store->path == NULL) {
        return NGX_CONF_ERROR;
    }

    store->retry = 6 * 3600 * 1000;
    store->keep = 90 * 86400;

    value = cf->args->elts;

    store->path->name = value[1];

    if (value[1].len > 1 && value[1].data[value[1].len - 1] == '/') {
        store->path->name.len--;
    }

    if (ngx_conf_full_name(cf->cycle, &store->path->name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    store->path->conf_file = cf->conf_file->file.name.data;
    store->path->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_deploy_store_parameter(cf, store, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    /* nginx makes the directory, for the user of the workers */

    if (ngx_add_path(cf, &store->path) == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    dmcf->store = store;
    dmcf->threads = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_deploy_store_parameter(ngx_conf_t *cf,
    ngx_http_deploy_store_conf_t *store, ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "retry=", 6) == 0) {
        s.len = value->len - 6;
        s.data = value->data + 6;

        n = ngx_parse_time(&s, 0);

        if (n != NGX_ERROR && n > 0) {
            store->retry = n;
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(value->data, "keep=", 5) == 0) {
        s.len = value->len - 5;
        s.data = value->data + 5;

        n = ngx_parse_time(&s, 1);

        if (n != NGX_ERROR && n > 0) {
            store->keep = n;
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(value->data, "thread_pool=", 12) == 0) {
        s.len = value->len - 12;
        s.data = value->data + 12;

        if (s.len) {
            store->threads = ngx_thread_pool_add(cf, &s);

            return store->threads ? NGX_CONF_OK : NGX_CONF_ERROR;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                       value);

    return NGX_CONF_ERROR;
}


void
ngx_http_deploy_store_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_http_deploy_store_conf = dmcf->store;
    ngx_http_deploy_store_errors = cycle->log;

    ngx_queue_init(&ngx_http_deploy_store_queue);
    ngx_queue_init(&ngx_http_deploy_store_failed);

    /* nothing is opened before the first job */

    ngx_http_deploy_store_handle = ngx_deploy_store_create(
                                    (char *) dmcf->store->path->name.data,
                                    NGX_HTTP_DEPLOY_STORE_BUSY,
                                    &ngx_terminate);

    ngx_http_deploy_store_ident.fd = (ngx_socket_t) -1;

    ngx_http_deploy_store_event.handler = ngx_http_deploy_store_flush;
    ngx_http_deploy_store_event.data = &ngx_http_deploy_store_ident;
    ngx_http_deploy_store_event.log = cycle->log;

    ngx_http_deploy_store_timer.handler = ngx_http_deploy_store_later;
    ngx_http_deploy_store_timer.data = &ngx_http_deploy_store_ident;
    ngx_http_deploy_store_timer.log = cycle->log;
    ngx_http_deploy_store_timer.cancelable = 1;
}


void
ngx_http_deploy_store_exit_process(void)
{
    ngx_http_deploy_store_batch_t  *batch;

    /* of a worker that terminates the job has ended without being told */

    if (ngx_http_deploy_store_job) {
        batch = ngx_http_deploy_store_job->data;

        ngx_deploy_work_arena_free(&batch->arena);
        ngx_destroy_pool(ngx_http_deploy_store_job->pool);
        ngx_http_deploy_store_job = NULL;
    }

    ngx_deploy_store_destroy(ngx_http_deploy_store_handle);
    ngx_http_deploy_store_handle = NULL;
}


ngx_int_t
ngx_http_deploy_store_post(ngx_http_deploy_store_op_t *op)
{
    if (ngx_http_deploy_store_handle == NULL
        || ngx_http_deploy_store_nqueue >= NGX_HTTP_DEPLOY_STORE_QUEUE)
    {
        return NGX_BUSY;
    }

    ngx_queue_insert_tail(&ngx_http_deploy_store_queue, &op->queue);
    ngx_http_deploy_store_nqueue++;

    /* what comes in the same turn of the loop comes along */

    if (ngx_http_deploy_store_job == NULL) {
        ngx_post_event(&ngx_http_deploy_store_event, &ngx_posted_events);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_store_again(ngx_http_deploy_store_op_t *op)
{
    if (ngx_exiting) {
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&ngx_http_deploy_store_failed, &op->queue);

    if (!ngx_http_deploy_store_timer.timer_set) {
        ngx_add_timer(&ngx_http_deploy_store_timer,
                      NGX_HTTP_DEPLOY_STORE_AGAIN);
    }

    return NGX_OK;
}


int64_t
ngx_http_deploy_store_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


static void
ngx_http_deploy_store_later(ngx_event_t *ev)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ngx_http_deploy_store_failed)) {
        q = ngx_queue_head(&ngx_http_deploy_store_failed);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_http_deploy_store_queue, q);
        ngx_http_deploy_store_nqueue++;
    }

    if (ngx_http_deploy_store_job == NULL) {
        ngx_http_deploy_store_flush(&ngx_http_deploy_store_event);
    }
}


static void
ngx_http_deploy_store_flush(ngx_event_t *ev)
{
    ngx_queue_t                 *q;
    ngx_queue_t                  failed;
    ngx_http_deploy_job_t       *job;
    ngx_http_deploy_store_op_t  *op;

    if (ngx_http_deploy_store_job
        || ngx_queue_empty(&ngx_http_deploy_store_queue))
    {
        return;
    }

    job = ngx_http_deploy_store_batch();

    if (job && ngx_http_deploy_job_post(job) == NGX_OK) {
        ngx_http_deploy_store_job = job;
        return;
    }

    /* handlers may post: those are not to be told at once */

    ngx_queue_init(&failed);
    ngx_queue_add(&failed, &ngx_http_deploy_store_queue);
    ngx_queue_init(&ngx_http_deploy_store_queue);
    ngx_http_deploy_store_nqueue = 0;

    while (!ngx_queue_empty(&failed)) {
        q = ngx_queue_head(&failed);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_http_deploy_store_op_t, queue);
        op->op.rc = NGX_DEPLOY_ERROR;
        op->handler(op);
    }
}


/* the operations stay in the queue until the job is posted */

static ngx_http_deploy_job_t *
ngx_http_deploy_store_batch(void)
{
    ngx_uint_t                      n;
    ngx_queue_t                    *q;
    ngx_http_deploy_job_t          *job;
    ngx_deploy_store_op_t         **last;
    ngx_http_deploy_store_op_t     *op;
    ngx_http_deploy_store_batch_t  *batch;

    job = ngx_http_deploy_job_create(ngx_http_deploy_store_errors);
    if (job == NULL) {
        return NULL;
    }

    batch = ngx_pcalloc(job->pool, sizeof(ngx_http_deploy_store_batch_t));
    if (batch == NULL) {
        ngx_destroy_pool(job->pool);
        return NULL;
    }

    job->run = ngx_http_deploy_store_run;
    job->done = ngx_http_deploy_store_done;
    job->data = batch;
    job->threads = ngx_http_deploy_store_conf->threads;

    batch->store = ngx_http_deploy_store_handle;
    batch->now = ngx_http_deploy_store_now();

    ngx_deploy_work_arena_init(&batch->arena, NGX_HTTP_DEPLOY_STORE_MEMORY);

    last = &batch->ops;
    n = 0;

    for (q = ngx_queue_head(&ngx_http_deploy_store_queue);
         q != ngx_queue_sentinel(&ngx_http_deploy_store_queue);
         q = ngx_queue_next(q))
    {
        if (n++ == NGX_HTTP_DEPLOY_STORE_BATCH) {
            break;
        }

        op = ngx_queue_data(q, ngx_http_deploy_store_op_t, queue);

        op->op.data = op;
        op->op.next = NULL;
        *last = &op->op;
        last = &op->op.next;
    }

    return job;
}


/* in a thread */

static void
ngx_http_deploy_store_run(void *data)
{
    ngx_http_deploy_store_batch_t *batch = data;

    ngx_deploy_pool_t  pool;

    pool = ngx_deploy_work_arena_pool(&batch->arena);

    batch->rc = ngx_deploy_store_run(batch->store, &pool, batch->ops,
                                     batch->now);
}


static void
ngx_http_deploy_store_done(ngx_http_deploy_job_t *job)
{
    ngx_deploy_store_op_t          *next;
    ngx_http_deploy_store_op_t     *op;
    ngx_http_deploy_store_batch_t  *batch;

    batch = job->data;

    ngx_http_deploy_store_log(batch->rc,
                              ngx_deploy_store_error(batch->store));

    for (next = batch->ops; next; /* void */) {
        op = next->data;
        next = next->next;

        ngx_queue_remove(&op->queue);
        ngx_http_deploy_store_nqueue--;

        op->handler(op);
    }

    ngx_deploy_work_arena_free(&batch->arena);

    ngx_http_deploy_store_job = NULL;

    if (!ngx_queue_empty(&ngx_http_deploy_store_queue)) {
        ngx_http_deploy_store_flush(&ngx_http_deploy_store_event);
    }
}


/* a failure once, then as a reminder, and its end */

static void
ngx_http_deploy_store_log(int rc, const char *error)
{
    u_char  *text;

    text = ngx_http_deploy_store_text;

    if (rc == NGX_DEPLOY_OK) {

        if (text[0]) {
            ngx_log_error(NGX_LOG_NOTICE, ngx_http_deploy_store_errors, 0,
                          "deploy store works again");
            text[0] = '\0';
        }

        return;
    }

    if (ngx_strncmp(text, error, sizeof(ngx_http_deploy_store_text) - 1) == 0
        && ngx_time() - ngx_http_deploy_store_logged
           < NGX_HTTP_DEPLOY_STORE_REMIND)
    {
        return;
    }

    (void) ngx_cpystrn(text, (u_char *) error,
                       sizeof(ngx_http_deploy_store_text));
    ngx_http_deploy_store_logged = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_http_deploy_store_errors, 0,
                  "deploy store %s%s", error,
                  (rc == NGX_DEPLOY_AGAIN) ? "" : ", it needs an operator");
}
