
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_credentials.h"
#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_thread.h"
#include "ngx_deploy_refresh.h"
#include "ngx_deploy_work.h"
#include "ngx_deploy_work_arena.h"


#define NGX_HTTP_DEPLOY_FETCH_LIMIT   15000      /* ms for one fetch */
#define NGX_HTTP_DEPLOY_FETCH_PAUSE   1000       /* ms after one that failed */
#define NGX_HTTP_DEPLOY_FETCH_MEMORY  (256 * 1024)
#define NGX_HTTP_DEPLOY_REFUSED       10000      /* ms, no use to fetch again */
#define NGX_HTTP_DEPLOY_KEYS          8
#define NGX_HTTP_DEPLOY_FOUND         256        /* bytes of a source */


/* one fetch, what a thread works on */

typedef struct {
    ngx_deploy_work_source_t      source;
    ngx_deploy_work_arena_t       arena;
    ngx_deploy_work_set_t         result;
    int                           rc;
    time_t                        started;
    ngx_http_deploy_set_t        *set;
} ngx_http_deploy_fetch_t;


typedef struct {
    ngx_str_t                     region;
    ngx_deploy_sigv4_key_t        key;
} ngx_http_deploy_key_t;


struct ngx_http_deploy_set_s {
    void                         *fake[3];     /* the event's ident must */
    ngx_int_t                     ident;       /* be as in a connection */

    ngx_queue_t                   queue;
    ngx_pool_t                   *pool;        /* of the description */
    ngx_http_deploy_source_t      source;
    ngx_deploy_work_source_t      work;        /* the same for work/ */

    ngx_deploy_credentials_t      credentials;
    u_char                       *data;        /* their memory, or NULL */
    size_t                        len;
    int64_t                       expires;     /* Unix time, 0: never */
    ngx_uint_t                    generation;
    ngx_http_deploy_key_t         keys[NGX_HTTP_DEPLOY_KEYS];
    ngx_uint_t                    nkeys;

    ngx_http_deploy_fetch_t      *fetch;       /* while it is under way */
    ngx_event_t                   event;       /* the next one */
    ngx_queue_t                   waiters;

    ngx_uint_t                    failures;    /* in a row */
    ngx_msec_t                    failed;      /* the last one */
    ngx_msec_t                    same;        /* nothing new came then */
    char                          reason[NGX_DEPLOY_WORK_MAX_REASON];
    char                          found[NGX_HTTP_DEPLOY_FOUND];

    unsigned                      stable:1;    /* of use when expired */
    unsigned                      refused:1;   /* by AWS: fetch first */
    unsigned                      useless:1;   /* same is set */
    unsigned                      hopeless:1;  /* failed, not for a moment */
    unsigned                      lost:1;      /* expiry has been logged */
};


static ngx_int_t ngx_http_deploy_set_describe(ngx_http_deploy_set_t *set,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_source_t *source);
static ngx_int_t ngx_http_deploy_set_copy(ngx_http_deploy_set_t *set,
    ngx_str_t *dst, ngx_str_t *src, const char **text);
static ngx_uint_t ngx_http_deploy_set_valid(ngx_http_deploy_set_t *set);
static ngx_msec_int_t ngx_http_deploy_set_pause(ngx_http_deploy_set_t *set);
static void ngx_http_deploy_set_wait(ngx_http_deploy_set_t *set,
    ngx_http_deploy_wait_t *wait);
static void ngx_http_deploy_set_wake(ngx_http_deploy_set_t *set);
static void ngx_http_deploy_set_fetch(ngx_http_deploy_set_t *set);
static ngx_int_t ngx_http_deploy_set_post(ngx_http_deploy_set_t *set);
static void ngx_http_deploy_set_run(void *data);
static void ngx_http_deploy_set_done(ngx_http_deploy_job_t *job);
static ngx_int_t ngx_http_deploy_set_take(ngx_http_deploy_set_t *set,
    ngx_http_deploy_fetch_t *fetch);
static void ngx_http_deploy_set_failed(ngx_http_deploy_set_t *set,
    const char *reason);
static void ngx_http_deploy_set_event(ngx_event_t *ev);
static void ngx_http_deploy_set_wipe(ngx_http_deploy_set_t *set);
static void ngx_http_deploy_fetch_free(ngx_http_deploy_fetch_t *fetch);

#define ngx_http_deploy_random16()  ((unsigned) ngx_random() & 0xffff)


/* the worker's, not the configuration's */

static ngx_queue_t  ngx_http_deploy_sets;
static ngx_uint_t   ngx_http_deploy_curl;      /* libcurl is in use */


void
ngx_http_deploy_credentials_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    ngx_uint_t                 i;
    ngx_http_deploy_set_t     *set;
    ngx_http_deploy_source_t  *source;

    ngx_queue_init(&ngx_http_deploy_sets);

    if (!dmcf->threads) {
        return;
    }

    if (ngx_deploy_work_init() != NGX_DEPLOY_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "deploy cannot use libcurl");
    }

    ngx_http_deploy_curl = 1;

    source = dmcf->sources.elts;

    for (i = 0; i < dmcf->sources.nelts; i++) {
        set = ngx_http_deploy_credentials(dmcf, &source[i]);

        if (set) {
            ngx_http_deploy_set_fetch(set);
        }
    }
}


void
ngx_http_deploy_credentials_exit_process(void)
{
    ngx_queue_t            *q;
    ngx_http_deploy_set_t  *set;

    if (ngx_http_deploy_sets.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_http_deploy_sets)) {

        q = ngx_queue_head(&ngx_http_deploy_sets);
        ngx_queue_remove(q);

        set = ngx_queue_data(q, ngx_http_deploy_set_t, queue);

        /* no thread is at work any more */

        if (set->fetch) {
            ngx_http_deploy_fetch_free(set->fetch);
        }

        if (set->event.timer_set) {
            ngx_del_timer(&set->event);
        }

        ngx_http_deploy_set_wipe(set);
        ngx_destroy_pool(set->pool);
    }

    if (ngx_http_deploy_curl) {
        ngx_deploy_work_exit();
    }
}


ngx_uint_t
ngx_http_deploy_same_source(ngx_http_deploy_source_t *a,
    ngx_http_deploy_source_t *b)
{
    return a->kind == b->kind
           && ngx_deploy_str_eq(&a->profile, &b->profile)
           && ngx_deploy_str_eq(&a->role, &b->role)
           && ngx_deploy_str_eq(&a->external_id, &b->external_id)
           && ngx_deploy_str_eq(&a->session_name, &b->session_name)
           && ngx_deploy_str_eq(&a->region, &b->region);
}


ngx_http_deploy_source_t *
ngx_http_deploy_set_source(ngx_http_deploy_set_t *set)
{
    return &set->source;
}


ngx_http_deploy_set_t *
ngx_http_deploy_credentials(ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_source_t *source)
{
    ngx_pool_t             *pool;
    ngx_queue_t            *q;
    ngx_http_deploy_set_t  *set;

    for (q = ngx_queue_head(&ngx_http_deploy_sets);
         q != ngx_queue_sentinel(&ngx_http_deploy_sets);
         q = ngx_queue_next(q))
    {
        set = ngx_queue_data(q, ngx_http_deploy_set_t, queue);

        if (ngx_http_deploy_same_source(&set->source, source)) {
            return set;
        }
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    set = ngx_pcalloc(pool, sizeof(ngx_http_deploy_set_t));

    if (set == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    set->pool = pool;

    if (ngx_http_deploy_set_describe(set, dmcf, source) != NGX_OK) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ngx_queue_init(&set->waiters);

    /* an old worker does not stay for it */

    set->ident = -1;
    set->event.handler = ngx_http_deploy_set_event;
    set->event.data = set;
    set->event.log = ngx_cycle->log;
    set->event.cancelable = 1;

    ngx_queue_insert_tail(&ngx_http_deploy_sets, &set->queue);

    return set;
}


/* copies: with "master_process off" a worker outlives its configuration */

static ngx_int_t
ngx_http_deploy_set_describe(ngx_http_deploy_set_t *set,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_source_t *source)
{
    ngx_str_t                  from, to;
    ngx_uint_t                 i;
    ngx_deploy_work_source_t  *work;

    work = &set->work;

    for (i = 0; i < NGX_DEPLOY_WORK_NENV; i++) {

        from.data = (u_char *) dmcf->aws[i];
        from.len = from.data ? ngx_strlen(from.data) : 0;

        if (ngx_http_deploy_set_copy(set, &to, &from, &work->env[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    set->source.kind = source->kind;

    work->kind = source->kind;
    work->limit = NGX_HTTP_DEPLOY_FETCH_LIMIT;
    work->stop = &ngx_terminate;

    if (ngx_http_deploy_set_copy(set, &set->source.profile, &source->profile,
                                 &work->profile)
        != NGX_OK
        || ngx_http_deploy_set_copy(set, &set->source.role, &source->role,
                                    &work->role)
           != NGX_OK
        || ngx_http_deploy_set_copy(set, &set->source.external_id,
                                    &source->external_id, &work->external_id)
           != NGX_OK
        || ngx_http_deploy_set_copy(set, &set->source.session_name,
                                    &source->session_name,
                                    &work->session_name)
           != NGX_OK
        || ngx_http_deploy_set_copy(set, &set->source.region, &source->region,
                                    &work->region)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_set_copy(ngx_http_deploy_set_t *set, ngx_str_t *dst,
    ngx_str_t *src, const char **text)
{
    ngx_str_null(dst);
    *text = NULL;

    if (src->len == 0) {
        return NGX_OK;
    }

    dst->data = ngx_pnalloc(set->pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(dst->data, src->data, src->len);
    dst->data[src->len] = '\0';
    dst->len = src->len;

    *text = (char *) dst->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_credentials_get(ngx_http_deploy_set_t *set,
    ngx_http_deploy_wait_t *wait, ngx_deploy_credentials_t **credentials)
{
    if (ngx_http_deploy_set_valid(set)) {
        *credentials = &set->credentials;
        return NGX_OK;
    }

    /* what failed a moment ago would do so again */

    if (set->fetch == NULL && set->hopeless
        && ngx_http_deploy_set_pause(set) > 0)
    {
        return NGX_DECLINED;
    }

    ngx_http_deploy_set_wait(set, wait);

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_deploy_credentials_refused(ngx_http_deploy_set_t *set,
    ngx_uint_t generation, ngx_http_deploy_wait_t *wait)
{
    if (set->generation != generation) {
        return NGX_OK;
    }

    if (set->fetch == NULL
        && ((set->hopeless && ngx_http_deploy_set_pause(set) > 0)
            || (set->useless
                && (ngx_msec_t) (ngx_current_msec - set->same)
                   < NGX_HTTP_DEPLOY_REFUSED)))
    {
        return NGX_DECLINED;
    }

    set->refused = 1;

    ngx_http_deploy_set_wait(set, wait);

    return NGX_AGAIN;
}


const char *
ngx_http_deploy_credentials_reason(ngx_http_deploy_set_t *set)
{
    return set->failures ? set->reason : "their source has not answered yet";
}


ngx_int_t
ngx_http_deploy_credentials_list(ngx_pool_t *pool, ngx_array_t *list)
{
    ngx_queue_t              *q;
    ngx_http_deploy_set_t    *set;
    ngx_deploy_credential_t  *c;

    for (q = ngx_queue_head(&ngx_http_deploy_sets);
         q != ngx_queue_sentinel(&ngx_http_deploy_sets);
         q = ngx_queue_next(q))
    {
        set = ngx_queue_data(q, ngx_http_deploy_set_t, queue);

        c = ngx_array_push(list);
        if (c == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(c, sizeof(ngx_deploy_credential_t));

        if (ngx_http_deploy_aws_source_text(pool, &set->source, &c->source)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        c->role = set->source.role;
        c->found.data = (u_char *) set->found;
        c->found.len = ngx_strlen(set->found);
        c->expires = set->data ? set->expires : 0;

        c->valid = (set->data && !set->refused
                    && (set->expires == 0 || set->stable
                        || set->expires > ngx_time()));

        if (set->failures) {
            c->reason.data = (u_char *) set->reason;
            c->reason.len = ngx_strlen(set->reason);
        }
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_deploy_credentials_generation(ngx_http_deploy_set_t *set)
{
    return set->generation;
}


/* static stability: expired ones are used when there are no others */

static ngx_uint_t
ngx_http_deploy_set_valid(ngx_http_deploy_set_t *set)
{
    if (set->data == NULL || set->refused) {
        return 0;
    }

    if (set->expires == 0 || set->expires > ngx_time()) {
        return 1;
    }

    if (!set->stable) {
        return 0;
    }

    set->expires = ngx_deploy_refresh_extend(set->expires, ngx_time(),
                                             ngx_http_deploy_random16());

    if (set->fetch == NULL && !set->event.timer_set) {
        ngx_http_deploy_set_fetch(set);
    }

    return 1;
}


/* milliseconds until a fetch may follow one that failed */

static ngx_msec_int_t
ngx_http_deploy_set_pause(ngx_http_deploy_set_t *set)
{
    if (set->failures == 0) {
        return 0;
    }

    return (ngx_msec_int_t) (set->failed + NGX_HTTP_DEPLOY_FETCH_PAUSE
                             - ngx_current_msec);
}


/* somebody waits: what would be fetched later is fetched as soon as may be */

static void
ngx_http_deploy_set_wait(ngx_http_deploy_set_t *set,
    ngx_http_deploy_wait_t *wait)
{
    ngx_msec_int_t  pause;

    wait->waiting = 1;
    ngx_queue_insert_tail(&set->waiters, &wait->queue);

    if (set->fetch) {
        return;
    }

    pause = ngx_http_deploy_set_pause(set);

    if (pause <= 0) {
        ngx_http_deploy_set_fetch(set);
        return;
    }

    if (set->event.timer_set) {
        ngx_del_timer(&set->event);
    }

    ngx_add_timer(&set->event, (ngx_msec_t) pause);
}


void
ngx_http_deploy_credentials_cancel(ngx_http_deploy_wait_t *wait)
{
    if (wait->waiting) {
        wait->waiting = 0;
        ngx_queue_remove(&wait->queue);
    }
}


static void
ngx_http_deploy_set_wake(ngx_http_deploy_set_t *set)
{
    ngx_queue_t             *q, waiters;
    ngx_http_deploy_wait_t  *wait;

    if (ngx_queue_empty(&set->waiters)) {
        return;
    }

    /* those that will wait from now on are left for the next time */

    ngx_queue_init(&waiters);
    ngx_queue_add(&waiters, &set->waiters);
    ngx_queue_init(&set->waiters);

    while (!ngx_queue_empty(&waiters)) {

        q = ngx_queue_head(&waiters);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_http_deploy_wait_t, queue);
        wait->waiting = 0;
        wait->handler(wait->data);
    }
}


static void
ngx_http_deploy_set_event(ngx_event_t *ev)
{
    ngx_http_deploy_set_t  *set;

    set = ev->data;

    if (ngx_exiting && ngx_queue_empty(&set->waiters)) {
        return;
    }

    ngx_http_deploy_set_fetch(set);
}


static void
ngx_http_deploy_set_fetch(ngx_http_deploy_set_t *set)
{
    if (set->event.timer_set) {
        ngx_del_timer(&set->event);
    }

    if (ngx_http_deploy_set_post(set) != NGX_OK) {
        ngx_http_deploy_set_failed(set, "too many jobs, or out of memory");
    }
}


static ngx_int_t
ngx_http_deploy_set_post(ngx_http_deploy_set_t *set)
{
    ngx_http_deploy_job_t    *job;
    ngx_http_deploy_fetch_t  *fetch;

    job = ngx_http_deploy_job_create(ngx_cycle->log);
    if (job == NULL) {
        return NGX_ERROR;
    }

    fetch = ngx_pcalloc(job->pool, sizeof(ngx_http_deploy_fetch_t));
    if (fetch == NULL) {
        ngx_destroy_pool(job->pool);
        return NGX_ERROR;
    }

    ngx_deploy_work_arena_init(&fetch->arena, NGX_HTTP_DEPLOY_FETCH_MEMORY);

    fetch->set = set;
    fetch->started = ngx_time();
    fetch->source = set->work;
    fetch->source.now = fetch->started;

    job->run = ngx_http_deploy_set_run;
    job->done = ngx_http_deploy_set_done;
    job->data = fetch;

    if (ngx_http_deploy_job_post(job) != NGX_OK) {
        return NGX_ERROR;
    }

    set->fetch = fetch;

    return NGX_OK;
}


/* in a thread */

static void
ngx_http_deploy_set_run(void *data)
{
    ngx_http_deploy_fetch_t *fetch = data;

    ngx_deploy_pool_t  pool;

    pool = ngx_deploy_work_arena_pool(&fetch->arena);

    fetch->rc = ngx_deploy_work_credentials(&pool, &fetch->source,
                                            &fetch->result);
}


static void
ngx_http_deploy_set_done(ngx_http_deploy_job_t *job)
{
    const char               *reason;
    ngx_http_deploy_set_t    *set;
    ngx_http_deploy_fetch_t  *fetch;

    fetch = job->data;
    set = fetch->set;

    set->fetch = NULL;
    reason = NULL;

    if (fetch->rc != NGX_DEPLOY_OK) {
        set->hopeless = (fetch->rc == NGX_DEPLOY_DECLINED
                         || !fetch->result.retry);
        reason = fetch->result.reason;

    } else if (fetch->result.expires && !fetch->result.stable
               && fetch->result.expires <= ngx_time())
    {
        set->hopeless = 1;
        reason = "they have expired already, or the clock is wrong";

    } else if (ngx_http_deploy_set_take(set, fetch) != NGX_OK) {
        set->hopeless = 0;
        reason = "out of memory";
    }

    if (reason) {
        ngx_http_deploy_set_failed(set, reason);
    }

    ngx_http_deploy_fetch_free(fetch);

    /* others wait on, as long as they can */

    if (reason == NULL || set->hopeless) {
        ngx_http_deploy_set_wake(set);
    }
}


static ngx_int_t
ngx_http_deploy_set_take(ngx_http_deploy_set_t *set,
    ngx_http_deploy_fetch_t *fetch)
{
    time_t                     now;
    size_t                     len;
    u_char                    *p, *data;
    int64_t                    next;
    ngx_uint_t                 same, level;
    ngx_deploy_work_set_t     *result;
    ngx_deploy_credentials_t  *new, *old;

    result = &fetch->result;
    new = &result->credentials;
    old = &set->credentials;

    same = set->data
           && ngx_deploy_str_eq(&new->access_key_id, &old->access_key_id)
           && ngx_deploy_str_eq(&new->secret_access_key,
                                &old->secret_access_key)
           && ngx_deploy_str_eq(&new->session_token, &old->session_token);

    if (!same) {
        len = new->access_key_id.len + new->secret_access_key.len
              + new->session_token.len;

        data = ngx_alloc(len, ngx_cycle->log);
        if (data == NULL) {
            return NGX_ERROR;
        }

        ngx_http_deploy_set_wipe(set);

        set->data = data;
        set->len = len;
        set->generation++;

        p = data;

        old->access_key_id.data = p;
        old->access_key_id.len = new->access_key_id.len;
        p = ngx_cpymem(p, new->access_key_id.data, new->access_key_id.len);

        old->secret_access_key.data = p;
        old->secret_access_key.len = new->secret_access_key.len;
        p = ngx_cpymem(p, new->secret_access_key.data,
                       new->secret_access_key.len);

        old->session_token.data = p;
        old->session_token.len = new->session_token.len;
        ngx_memcpy(p, new->session_token.data, new->session_token.len);
    }

    len = ngx_min(result->source.len, NGX_HTTP_DEPLOY_FOUND - 1);

    ngx_memcpy(set->found, result->source.data, len);
    set->found[len] = '\0';

    now = ngx_time();

    set->useless = same;
    set->same = ngx_current_msec;
    set->stable = result->stable;
    set->expires = result->expires;

    level = (set->failures || (set->generation == 1 && !same))
            ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    if (set->expires == 0) {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "deploy credentials of %V%s, they do not expire",
                      &result->source, same ? ", the same" : "");

    } else if (set->expires <= now) {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "deploy credentials of %V%s, they have expired, but are "
                      "used", &result->source, same ? ", the same" : "");

        set->expires = ngx_deploy_refresh_extend(set->expires, now,
                                                 ngx_http_deploy_random16());

    } else {
        ngx_log_error(level, ngx_cycle->log, 0,
                      "deploy credentials of %V%s, they expire in %L s",
                      &result->source, same ? ", the same" : "",
                      set->expires - now);
    }

    set->failures = 0;
    set->refused = 0;
    set->hopeless = 0;
    set->lost = 0;

    next = ngx_deploy_refresh_time(fetch->started, set->expires,
                                   ngx_http_deploy_random16());

    if (next) {
        ngx_add_timer(&set->event,
                      (next > now) ? (ngx_msec_t) (next - now) * 1000
                                   : NGX_HTTP_DEPLOY_FETCH_PAUSE);
    }

    return NGX_OK;
}


/* the old set is as good as before; a streak of failures is told once */

static void
ngx_http_deploy_set_failed(ngx_http_deploy_set_t *set, const char *reason)
{
    ngx_msec_t  delay;
    ngx_uint_t  level, valid;

    set->refused = 0;
    set->failed = ngx_current_msec;
    set->failures++;

    ngx_cpystrn((u_char *) set->reason, (u_char *) reason,
                sizeof(set->reason));

    delay = ngx_deploy_refresh_delay(set->failures,
                                     ngx_http_deploy_random16());

    if (!ngx_queue_empty(&set->waiters)) {
        delay = ngx_min(delay, NGX_HTTP_DEPLOY_FETCH_PAUSE);
    }

    ngx_add_timer(&set->event, delay);

    valid = ngx_http_deploy_set_valid(set);

    level = NGX_LOG_INFO;

    if (!valid && !set->lost) {
        set->lost = 1;
        level = NGX_LOG_ERR;

    } else if (set->failures == 1) {
        level = NGX_LOG_WARN;
    }

    ngx_log_error(level, ngx_cycle->log, 0,
                  "deploy credentials: %s%s", set->reason,
                  valid ? ", the old ones are used" : "");
}


ngx_deploy_sigv4_key_t *
ngx_http_deploy_credentials_key(ngx_http_deploy_set_t *set, ngx_str_t *region)
{
    ngx_uint_t              i;
    ngx_http_deploy_key_t  *key;

    for (i = 0; i < set->nkeys; i++) {

        key = &set->keys[i];

        if (key->region.len == region->len
            && ngx_strncmp(key->region.data, region->data, region->len) == 0)
        {
            return &key->key;
        }
    }

    /* over a handful of regions the last slot is made anew each time */

    if (set->nkeys == NGX_HTTP_DEPLOY_KEYS) {
        return &set->keys[NGX_HTTP_DEPLOY_KEYS - 1].key;
    }

    key = &set->keys[set->nkeys];

    key->region.data = ngx_pstrdup(set->pool, region);

    if (key->region.data) {
        key->region.len = region->len;
        set->nkeys++;
    }

    return &key->key;
}


static void
ngx_http_deploy_set_wipe(ngx_http_deploy_set_t *set)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_DEPLOY_KEYS; i++) {
        ngx_explicit_memzero(&set->keys[i].key,
                             sizeof(ngx_deploy_sigv4_key_t));
    }

    if (set->data) {
        ngx_explicit_memzero(set->data, set->len);
        ngx_free(set->data);
        set->data = NULL;
    }

    ngx_memzero(&set->credentials, sizeof(ngx_deploy_credentials_t));
}


static void
ngx_http_deploy_fetch_free(ngx_http_deploy_fetch_t *fetch)
{
    ngx_deploy_work_wipe(&fetch->result);
    ngx_deploy_work_arena_free(&fetch->arena);
}
