
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_response.h"
#include "ngx_deploy_slack.h"


static ngx_int_t ngx_http_deploy_notify_on(ngx_deploy_condition_t *on,
    ngx_deploy_event_t *event);
static ngx_int_t ngx_http_deploy_notify_push(ngx_array_t *channels,
    ngx_str_t *channel);
static ngx_int_t ngx_http_deploy_notice_event(ngx_deploy_event_t *dst,
    ngx_deploy_event_t *src, ngx_pool_t *pool);


char *
ngx_http_deploy_notify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_loc_conf_t *dlcf = conf;

    return ngx_http_deploy_notify_line(cf, &dlcf->notify);
}


char *
ngx_http_deploy_notify_line(ngx_conf_t *cf, ngx_array_t **list)
{
    ngx_str_t                    *value;
    ngx_uint_t                    i, n;
    ngx_http_deploy_notify_t     *notify, *copy;
    ngx_http_deploy_main_conf_t  *dmcf;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {

        if (*list != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        *list = NULL;

        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "slack") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown target \"%V\" of \"%V\"",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (*list == NULL) {
        return "is duplicate";
    }

    if (*list == NGX_CONF_UNSET_PTR) {
        *list = ngx_array_create(cf->pool, 2,
                                 sizeof(ngx_http_deploy_notify_t));
        if (*list == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    notify = ngx_array_push(*list);
    if (notify == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(notify, sizeof(ngx_http_deploy_notify_t));

    notify->directive = value[0].data;
    notify->file = cf->conf_file->file.name.data;
    notify->line = cf->conf_file->line;

    /* here "channel" is where to, not a condition */

    for (i = 2, n = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "channel=", 8) != 0) {
            value[n++] = value[i];
            continue;
        }

        if (notify->channel.len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is duplicate", &value[i]);
            return NGX_CONF_ERROR;
        }

        notify->channel.len = value[i].len - 8;
        notify->channel.data = value[i].data + 8;

        if (ngx_deploy_slack_channel(&notify->channel) != NGX_DEPLOY_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is no id of a channel, which is like "
                               "\"C024BE91L\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_deploy_conditions(cf, &notify->conditions, &value[2], n - 2,
                                   NGX_DEPLOY_ON_ANY)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* all of them in one place, to be checked at the end */

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    copy = ngx_array_push(&dmcf->notifies);
    if (copy == NULL) {
        return NGX_CONF_ERROR;
    }

    *copy = *notify;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_deploy_notify_init(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    const char                   *reason;
    ngx_http_deploy_notify_t     *notify;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);
    notify = dmcf->notifies.elts;

    for (i = 0; i < dmcf->notifies.nelts; i++) {

        if (dmcf->slack == NULL) {
            reason = "needs \"deploy_slack\"";

        } else if (dmcf->slack->authorization.len == 0) {
            reason = notify[i].channel.len
                     ? "has a \"channel\", but a webhook has one of its own"
                     : NULL;

        } else {
            reason = (notify[i].channel.len == 0
                      && dmcf->slack->channel.len == 0)
                     ? "needs a \"channel\", here or in \"deploy_slack\""
                     : NULL;
        }

        if (reason) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%s slack\" %s in %s:%ui",
                          notify[i].directive, reason, notify[i].file,
                          notify[i].line);
            return NGX_ERROR;
        }
    }

    if (dmcf->slack && dmcf->notifies.nelts == 0 && !dmcf->commands) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"deploy_slack\" in %s:%ui is not used: there is no "
                      "\"deploy_notify\"",
                      dmcf->slack->file, dmcf->slack->line);
    }

    if (dmcf->chains && ngx_http_deploy_chain_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return (dmcf->notifies.nelts || dmcf->chains || dmcf->commands
            || dmcf->store)
           ? ngx_http_deploy_board_add(cf) : NGX_OK;
}


ngx_int_t
ngx_http_deploy_notify_channels(ngx_http_request_t *r,
    ngx_deploy_event_t *event, ngx_array_t *channels)
{
    ngx_uint_t                    i;
    ngx_array_t                  *list;
    ngx_deploy_match_t            match;
    ngx_deploy_matcher_t          matcher;
    ngx_deploy_condition_t       *c;
    ngx_http_deploy_notify_t     *notify;
    ngx_http_deploy_project_t    *project;
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);
    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    project = ngx_http_deploy_find_project(dmcf,
                                         &event->facts[NGX_DEPLOY_PROJECT]);

    list = (project && project->notify != NGX_CONF_UNSET_PTR)
           ? project->notify : dlcf->notify;

    if (list == NULL) {
        return NGX_OK;
    }

    matcher = ngx_http_deploy_matcher(r);
    notify = list->elts;

    for (i = 0; i < list->nelts; i++) {
        c = notify[i].conditions.elts;

        if (!ngx_http_deploy_notify_on(c, event)
            || ngx_deploy_conditions_match(c + 1,
                                           notify[i].conditions.nelts - 1,
                                           event, &matcher, &match)
               != NGX_DEPLOY_OK)
        {
            continue;
        }

        if (ngx_http_deploy_notify_push(channels, notify[i].channel.len
                                                  ? &notify[i].channel
                                                  : &dmcf->slack->channel)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "on" is what started the build, and each event of it is one of a build */

static ngx_int_t
ngx_http_deploy_notify_on(ngx_deploy_condition_t *on,
    ngx_deploy_event_t *event)
{
    ngx_uint_t  holds;

    holds = ((ngx_deploy_event_on(event) | NGX_DEPLOY_ON_BUILD) & on->on) != 0;

    return holds != on->negate;
}


static ngx_int_t
ngx_http_deploy_notify_push(ngx_array_t *channels, ngx_str_t *channel)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = channels->elts;

    for (i = 0; i < channels->nelts; i++) {
        if (ngx_deploy_str_eq(&name[i], channel)) {
            return NGX_OK;
        }
    }

    name = ngx_array_push(channels);
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = *channel;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_notice_create(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index, ngx_pool_t *pool, ngx_http_deploy_notice_t **notice)
{
    ngx_deploy_event_t            event, *cause;
    ngx_http_deploy_notice_t     *n;
    ngx_http_deploy_main_conf_t  *dmcf;

    *notice = NULL;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);

    if (dmcf->notifies.nelts == 0 && !dmcf->chains && !dmcf->commands) {
        return NGX_OK;
    }

    n = ngx_pcalloc(pool, sizeof(ngx_http_deploy_notice_t));
    if (n == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_build_init(&n->build);

    cause = ctx->event;

    if (ctx->upstream && ctx->upstream->event.facts[NGX_DEPLOY_EVENT].len) {
        cause = &ctx->upstream->event;
    }

    if (ngx_array_init(&n->started, pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&n->rejected, pool, 2, sizeof(ngx_str_t)) != NGX_OK
        || ngx_http_deploy_notice_event(&n->build.event, cause, pool)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &n->build.project, &build->project)
           != NGX_OK
        || ngx_http_deploy_copy(pool, &n->build.delivery, &ctx->delivery)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->upstream) {

        if (ngx_http_deploy_report_chain(&n->build, ctx->upstream, pool)
            != NGX_OK
            || ngx_http_deploy_copy(pool, &n->build.delivery,
                                    &ctx->upstream->delivery)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* no more messages than Slack takes */

    if (index < NGX_HTTP_DEPLOY_RESPONSE_MAX) {

        if (ngx_http_deploy_copy(pool, &n->response_url, &ctx->response_url)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        n->response_until = ngx_time() + NGX_HTTP_DEPLOY_RESPONSE_TIME;
    }

    /* what has no id is known by what it would have been */

    n->key.len = build->project.len + 1 + ctx->identity.len + 1
                 + NGX_INT_T_LEN;
    n->key.data = ngx_pnalloc(pool, n->key.len);

    if (n->key.data == NULL) {
        return NGX_ERROR;
    }

    n->key.len = ngx_sprintf(n->key.data, "%V!%V!%ui", &build->project,
                             &ctx->identity, index)
                 - n->key.data;

    event = n->build.event;
    event.facts[NGX_DEPLOY_PROJECT] = build->project;

    /* the event may be of a phase of another build */

    event.of_phase = 0;
    ngx_str_null(&event.facts[NGX_DEPLOY_PHASE]);

    ngx_str_set(&event.facts[NGX_DEPLOY_STATUS], "started");

    if (ngx_http_deploy_notify_channels(r, &event, &n->started) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&event.facts[NGX_DEPLOY_STATUS], "rejected");

    if (ngx_http_deploy_notify_channels(r, &event, &n->rejected) != NGX_OK) {
        return NGX_ERROR;
    }

    *notice = n;

    return NGX_OK;
}


/* the facts, and those of the flags that tell a merge or a deletion */

static ngx_int_t
ngx_http_deploy_notice_event(ngx_deploy_event_t *dst,
    ngx_deploy_event_t *src, ngx_pool_t *pool)
{
    ngx_uint_t  i;

    ngx_deploy_event_init(dst);

    dst->merged = src->merged;
    dst->deleted = src->deleted;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {

        if (src->facts[i].data == NULL) {
            continue;
        }

        if (ngx_http_deploy_copy(pool, &dst->facts[i], &src->facts[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_deploy_notice_tell(ngx_http_deploy_notice_t *notice,
    ngx_pool_t *pool, ngx_deploy_reply_t *reply, ngx_uint_t started)
{
    ngx_str_t           *key;
    ngx_deploy_build_t  *build;

    build = &notice->build;

    if (started) {
        build->status = NGX_DEPLOY_BUILD_STARTED;
        build->id = reply->id;
        build->number = reply->number;
        build->url = reply->url;
        build->started = ngx_time();
        key = &build->id;

    } else {
        build->status = NGX_DEPLOY_BUILD_REJECTED;
        build->message = reply->message;
        key = &notice->key;

        if (build->message.len == 0) {
            build->message = reply->error;
        }

        if (build->message.len == 0 && reply->reason) {
            build->message.len = ngx_strlen(reply->reason);
            build->message.data = (u_char *) reply->reason;
        }
    }

    (void) ngx_http_deploy_board_write(pool, key, build,
                                       started ? &notice->started
                                               : &notice->rejected);

    if (build->upstream.id.len) {
        ngx_http_deploy_board_link(pool, &build->upstream.id, build);
    }
}
