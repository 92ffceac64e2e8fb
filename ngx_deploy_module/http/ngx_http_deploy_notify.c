
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_response.h"
#include "ngx_deploy_slack.h"


static ngx_int_t ngx_http_deploy_notify_on(ngx_deploy_condition_t *on,
    ngx_deploy_event_t *event);
static ngx_int_t ngx_http_deploy_notify_push(ngx_array_t *channels,
    ngx_str_t *channel);


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
