
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_TASK_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_TASK_H_INCLUDED_


#include "ngx_http_deploy_response.h"
#include "ngx_http_deploy_store.h"
#include "ngx_deploy_slack_told.h"


/*
 * A command of Slack that needs the store or a call.  The request waits for
 * it, but no longer than its user may: then the result goes to the
 * response_url.
 */

typedef struct ngx_http_deploy_task_s  ngx_http_deploy_task_t;

typedef void (*ngx_http_deploy_task_pt)(ngx_http_deploy_task_t *task);

struct ngx_http_deploy_task_s {
    ngx_pool_t                   *pool;
    ngx_http_deploy_ctx_t        *waiter;      /* NULL: it has gone */
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_str_t                     response_url;
    time_t                        until;
    ngx_deploy_slack_text_t       text;        /* the result */

    ngx_http_deploy_store_op_t    op;
    ngx_http_deploy_task_pt       found;       /* op has its result */
    ngx_uint_t                    tries;
    ngx_http_deploy_call_t        call;

    ngx_str_t                     build;       /* that it is about */
    ngx_str_t                     project;
    ngx_str_t                     user;
    ngx_str_t                     status;      /* in the reply of StopBuild */
    ngx_deploy_build_t           *known;       /* NULL: nothing is */
    ngx_array_t                  *projects;    /* of status; NULL: all */
    unsigned                      again:1;     /* retry, not stop */
    unsigned                      busy:1;      /* op or call is under way */
};


/* what a user may do, see ngx_http_deploy_permit() */

typedef struct {
    ngx_deploy_event_t           *cause;       /* of a build, or NULL */
    ngx_str_t                    *target;      /* NULL: the cause's */
    ngx_str_t                    *project;     /* to be yielded, or NULL */
    ngx_array_t                  *projects;    /* gets what rules yield */
    unsigned                      who:1;       /* no matter of what event */
} ngx_http_deploy_permit_t;


/* ngx_http_deploy_permit.c */

/*
 * NGX_OK when a rule of the location would let the user of the request start
 * the project by a command, for what started a build of it; NGX_DECLINED, or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_permit(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_permit_t *permit);


/* ngx_http_deploy_task.c */

/* a task of a request, which does not wait for it yet; NULL: memory */
ngx_http_deploy_task_t *ngx_http_deploy_task_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* appends words of our own to the result */
void ngx_http_deploy_task_say(ngx_http_deploy_task_t *task,
    const char *words);

/* the request waits from now on: NGX_AGAIN */
ngx_int_t ngx_http_deploy_task_wait(ngx_http_deploy_ctx_t *ctx,
    ngx_http_deploy_task_t *task);

/*
 * Asks the store for deliveries, task->op.op.u.find being set; found() gets
 * the result.  NGX_OK, or NGX_DECLINED: it cannot be asked.
 */
ngx_int_t ngx_http_deploy_task_find(ngx_http_deploy_task_t *task,
    ngx_http_deploy_task_pt found);

/* tells the result to whoever there is, and frees the task */
void ngx_http_deploy_task_done(ngx_http_deploy_task_t *task);

/*
 * Answers a request with the result of its task, which is freed: what a
 * content handler returns.  Of a button it goes to the response_url.
 */
ngx_int_t ngx_http_deploy_task_answer(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* what is known of a build that was stored: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_task_stored(ngx_pool_t *pool,
    ngx_deploy_store_delivery_t *delivery, ngx_deploy_store_build_t *b,
    ngx_deploy_build_t *build);


/* ngx_http_deploy_told.c: status, why; codes of content handlers, NGX_AGAIN */

ngx_int_t ngx_http_deploy_command_status(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *target);
ngx_int_t ngx_http_deploy_command_why(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *delivery);


/* ngx_http_deploy_stop.c: stop, buttons; the same codes */

ngx_int_t ngx_http_deploy_command_stop(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_str_t *build);

/* NGX_DECLINED: it is no button of ours */
ngx_int_t ngx_http_deploy_command_click(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);


#endif /* _NGX_HTTP_DEPLOY_TASK_H_INCLUDED_ */
