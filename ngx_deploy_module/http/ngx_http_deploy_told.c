
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_task.h"


#define NGX_HTTP_DEPLOY_TOLD_BUILDS      15     /* of "status" */
#define NGX_HTTP_DEPLOY_TOLD_DELIVERIES  100    /* that it looks at */


static ngx_http_deploy_task_t *ngx_http_deploy_told_task(
    ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx, ngx_int_t *rc);
static ngx_int_t ngx_http_deploy_status_projects(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task,
    ngx_str_t *target);
static void ngx_http_deploy_status_found(ngx_http_deploy_task_t *task);
static ngx_int_t ngx_http_deploy_status_show(ngx_http_deploy_task_t *task,
    ngx_deploy_store_delivery_t *deliveries, size_t n);
static ngx_uint_t ngx_http_deploy_status_wanted(ngx_http_deploy_task_t *task,
    ngx_str_t *project);
static ngx_uint_t ngx_http_deploy_status_shown(ngx_deploy_build_t *builds,
    ngx_uint_t n, ngx_deploy_store_delivery_t *delivery,
    ngx_deploy_store_build_t *b);
static void ngx_http_deploy_why_found(ngx_http_deploy_task_t *task);
static ngx_deploy_store_delivery_t *ngx_http_deploy_why_choose(
    ngx_deploy_store_find_t *find);
static ngx_int_t ngx_http_deploy_why_show(ngx_http_deploy_task_t *task,
    ngx_deploy_store_delivery_t *d);


/* a task of a user who may start something here; NULL: *rc is the answer */

static ngx_http_deploy_task_t *
ngx_http_deploy_told_task(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_int_t *rc)
{
    ngx_http_deploy_task_t    *task;
    ngx_http_deploy_permit_t   permit;

    ngx_memzero(&permit, sizeof(ngx_http_deploy_permit_t));

    permit.who = 1;

    task = ngx_http_deploy_task_create(r, ctx);

    if (task == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    ctx->task = task;

    switch (ngx_http_deploy_permit(r, ctx, &permit)) {

    case NGX_OK:
        return task;

    case NGX_DECLINED:
        ngx_http_deploy_task_say(task, "There is nothing here that you may "
                                 "start, so there is nothing to tell you.");
        *rc = ngx_http_deploy_command_answer(r, ctx);
        return NULL;

    default:
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }
}


ngx_int_t
ngx_http_deploy_command_status(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *target)
{
    ngx_int_t                     rc;
    ngx_http_deploy_task_t       *task;
    ngx_http_deploy_main_conf_t  *dmcf;

    task = ngx_http_deploy_told_task(r, ctx, &rc);

    if (task == NULL) {
        return rc;
    }

    if (target->len
        && ngx_http_deploy_status_projects(r, ctx, task, target) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (dmcf->store) {
        task->op.op.u.find.max = NGX_HTTP_DEPLOY_TOLD_DELIVERIES;

        if (ngx_http_deploy_task_find(task, ngx_http_deploy_status_found)
            == NGX_OK)
        {
            return ngx_http_deploy_task_wait(ctx, task);
        }
    }

    if (ngx_http_deploy_status_show(task, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_command_answer(r, ctx);
}


/* what a target stands for, to this user, or a project itself */

static ngx_int_t
ngx_http_deploy_status_projects(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_task_t *task,
    ngx_str_t *target)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i;
    ngx_http_deploy_permit_t   permit;

    task->projects = ngx_array_create(task->pool, 4, sizeof(ngx_str_t));
    if (task->projects == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&permit, sizeof(ngx_http_deploy_permit_t));

    permit.who = 1;
    permit.target = target;
    permit.projects = task->projects;

    if (ngx_http_deploy_permit(r, ctx, &permit) == NGX_ERROR) {
        return NGX_ERROR;
    }

    name = ngx_array_push(task->projects);
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = *target;

    name = task->projects->elts;

    for (i = 0; i < task->projects->nelts; i++) {
        if (ngx_http_deploy_copy(task->pool, &name[i], &name[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
ngx_http_deploy_status_found(ngx_http_deploy_task_t *task)
{
    ngx_deploy_store_find_t  *find;

    find = &task->op.op.u.find;

    (void) ngx_http_deploy_status_show(task, find->deliveries,
                                       (task->op.op.rc == NGX_DEPLOY_OK)
                                       ? find->n : 0);

    if (task->op.op.rc == NGX_DEPLOY_ERROR) {
        ngx_http_deploy_task_say(task, "\nThe store cannot be read: older "
                                 "builds are missing.");
    }

    ngx_http_deploy_task_done(task);
}


/* the board knows the newest ones best, the store has all the others */

static ngx_int_t
ngx_http_deploy_status_show(ngx_http_deploy_task_t *task,
    ngx_deploy_store_delivery_t *deliveries, size_t n)
{
    size_t                       i, k;
    ngx_uint_t                   nbuilds;
    ngx_deploy_build_t          *builds;
    ngx_deploy_store_build_t    *b;
    ngx_deploy_store_delivery_t *d;

    builds = ngx_palloc(task->pool, NGX_HTTP_DEPLOY_TOLD_BUILDS
                                    * sizeof(ngx_deploy_build_t));
    if (builds == NULL) {
        return NGX_ERROR;
    }

    nbuilds = ngx_http_deploy_board_recent(task->pool, task->projects, builds,
                                           NGX_HTTP_DEPLOY_TOLD_BUILDS);

    for (i = 0; i < n; i++) {
        d = &deliveries[i];

        for (k = d->nbuilds; k; k--) {
            b = &d->builds[k - 1];

            if (nbuilds == NGX_HTTP_DEPLOY_TOLD_BUILDS
                || !ngx_http_deploy_status_wanted(task, &b->project)
                || ngx_http_deploy_status_shown(builds, nbuilds, d, b))
            {
                continue;
            }

            if (ngx_http_deploy_task_stored(task->pool, d, b,
                                            &builds[nbuilds])
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            nbuilds++;
        }
    }

    if (nbuilds == 0) {
        ngx_http_deploy_task_say(task, task->projects
                                       ? "No such build is known."
                                       : "No build is known.");
    }

    for (i = 0; i < nbuilds; i++) {

        if (i) {
            ngx_http_deploy_task_say(task, "\n");
        }

        if (ngx_deploy_slack_status(&task->text, &builds[i], ngx_time())
            != NGX_DEPLOY_OK)
        {
            ngx_http_deploy_task_say(task, "and older ones");
            break;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_deploy_status_wanted(ngx_http_deploy_task_t *task,
    ngx_str_t *project)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (task->projects == NULL) {
        return 1;
    }

    name = task->projects->elts;

    for (i = 0; i < task->projects->nelts; i++) {
        if (ngx_deploy_str_eq(&name[i], project)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_deploy_status_shown(ngx_deploy_build_t *builds, ngx_uint_t n,
    ngx_deploy_store_delivery_t *delivery, ngx_deploy_store_build_t *b)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (b->id.len) {
            if (ngx_deploy_str_eq(&builds[i].id, &b->id)) {
                return 1;
            }

            continue;
        }

        /* one that was not started has no id */

        if (builds[i].id.len == 0
            && ngx_deploy_str_eq(&builds[i].project, &b->project)
            && ngx_deploy_str_eq(&builds[i].delivery, &delivery->id))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_deploy_command_why(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_str_t *delivery)
{
    ngx_int_t                     rc;
    ngx_http_deploy_task_t       *task;
    ngx_deploy_store_find_t      *find;
    ngx_http_deploy_main_conf_t  *dmcf;

    task = ngx_http_deploy_told_task(r, ctx, &rc);

    if (task == NULL) {
        return rc;
    }

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (dmcf->store == NULL) {
        ngx_http_deploy_task_say(task, "Nothing is kept of deliveries here: "
                                 "the configuration has no `deploy_store`.");
        return ngx_http_deploy_command_answer(r, ctx);
    }

    /* reports of builds have the id of the delivery that started them */

    find = &task->op.op.u.find;
    find->max = NGX_HTTP_DEPLOY_TOLD_DELIVERIES;

    if (ngx_http_deploy_copy(task->pool, &find->id, delivery) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_deploy_task_find(task, ngx_http_deploy_why_found) == NGX_OK) {
        return ngx_http_deploy_task_wait(ctx, task);
    }

    ngx_http_deploy_task_say(task, "Too much waits for the store, ask again "
                             "later.");

    return ngx_http_deploy_command_answer(r, ctx);
}


static void
ngx_http_deploy_why_found(ngx_http_deploy_task_t *task)
{
    ngx_deploy_store_find_t  *find;

    find = &task->op.op.u.find;

    if (task->op.op.rc == NGX_DEPLOY_OK) {

        if (ngx_http_deploy_why_show(task, ngx_http_deploy_why_choose(find))
            != NGX_OK)
        {
            ngx_http_deploy_task_say(task, "Memory is short, ask again "
                                     "later.");
        }

    } else if (task->op.op.rc == NGX_DEPLOY_DECLINED) {
        ngx_http_deploy_task_say(task, "There is no delivery ");
        ngx_deploy_slack_code(&task->text, &find->id,
                              NGX_DEPLOY_SLACK_MAX_FALLBACK);
        ngx_http_deploy_task_say(task, " in the store: it did not come, was "
                                 "refused, or is older than what is kept.");

    } else {
        ngx_http_deploy_task_say(task, "The store cannot be read, the log "
                                 "has the reason.");
    }

    ngx_http_deploy_task_done(task);
}


static ngx_deploy_store_delivery_t *
ngx_http_deploy_why_choose(ngx_deploy_store_find_t *find)
{
    size_t                        i;
    ngx_deploy_store_delivery_t  *d, *best;

    d = find->deliveries;
    best = d;

    for (i = 0; i < find->n; i++) {

        if (!ngx_deploy_str_is(&d[i].provider, "build")
            && !ngx_deploy_str_is(&d[i].provider, "aws"))
        {
            return &d[i];
        }

        if (d[i].nbuilds && best->nbuilds == 0) {
            best = &d[i];
        }
    }

    return best;
}


static ngx_int_t
ngx_http_deploy_why_show(ngx_http_deploy_task_t *task,
    ngx_deploy_store_delivery_t *d)
{
    size_t                        i;
    ngx_deploy_pool_t             pool;
    ngx_deploy_slack_kept_t      *kept;
    ngx_deploy_slack_delivery_t   told;

    ngx_memzero(&told, sizeof(ngx_deploy_slack_delivery_t));

    pool = ngx_http_deploy_pool(task->pool);

    told.id = d->id;
    told.provider = d->provider;
    told.scheme = d->scheme;
    told.location = d->location;
    told.received = d->received / 1000;
    told.events = d->events;
    told.rules = d->rules;
    told.nbuilds = ngx_min(d->nbuilds, NGX_HTTP_DEPLOY_MAX_BUILDS);

    kept = ngx_pcalloc(task->pool, told.nbuilds
                                   * sizeof(ngx_deploy_slack_kept_t) + 1);
    if (kept == NULL) {
        return NGX_ERROR;
    }

    told.builds = kept;

    for (i = 0; i < told.nbuilds; i++) {
        kept[i].error = d->builds[i].error;
        kept[i].attempts = d->builds[i].attempts;

        if (ngx_http_deploy_task_stored(task->pool, d, &d->builds[i],
                                        &kept[i].build)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return (ngx_deploy_slack_why(&task->text, &pool, &told, ngx_time())
            == NGX_DEPLOY_OK) ? NGX_OK : NGX_ERROR;
}
