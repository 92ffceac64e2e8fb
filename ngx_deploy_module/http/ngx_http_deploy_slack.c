
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_notify.h"
#include "ngx_http_deploy_outbound.h"
#include "ngx_deploy_slack.h"


#define NGX_HTTP_DEPLOY_SLACK_WATCH  600000     /* ms */


static ngx_int_t ngx_http_deploy_slack_watch(ngx_http_deploy_slack_t *slack,
    ngx_str_t *value);
static ngx_int_t ngx_http_deploy_slack_secret(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *secret);
static ngx_int_t ngx_http_deploy_slack_token(ngx_conf_t *cf,
    ngx_http_deploy_slack_t *slack, ngx_str_t *file, ngx_str_t *endpoint);
static ngx_int_t ngx_http_deploy_slack_webhook(ngx_conf_t *cf,
    ngx_http_deploy_slack_t *slack, ngx_str_t *file, ngx_str_t *endpoint);
static ngx_int_t ngx_http_deploy_slack_join(ngx_conf_t *cf, ngx_str_t *url,
    ngx_str_t *endpoint, ngx_str_t *path);


char *
ngx_http_deploy_slack(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_main_conf_t *dmcf = conf;

    char                     *rv;
    ngx_str_t                *value, token, webhook, endpoint;
    ngx_uint_t                i;
    ngx_http_deploy_slack_t  *slack;

    if (dmcf->slack) {
        return "is duplicate";
    }

    slack = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_slack_t));
    if (slack == NULL) {
        return NGX_CONF_ERROR;
    }

    slack->watch = NGX_HTTP_DEPLOY_SLACK_WATCH;

    ngx_str_null(&token);
    ngx_str_null(&webhook);
    ngx_str_null(&endpoint);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "token_file=", 11) == 0) {
            token.len = value[i].len - 11;
            token.data = value[i].data + 11;
            continue;
        }

        if (ngx_strncmp(value[i].data, "webhook_file=", 13) == 0) {
            webhook.len = value[i].len - 13;
            webhook.data = value[i].data + 13;
            continue;
        }

        if (ngx_strncmp(value[i].data, "channel=", 8) == 0) {
            slack->channel.len = value[i].len - 8;
            slack->channel.data = value[i].data + 8;

            if (ngx_deploy_slack_channel(&slack->channel) != NGX_DEPLOY_OK) {
                goto channel;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "watch=", 6) == 0) {

            if (ngx_http_deploy_slack_watch(slack, &value[i]) != NGX_OK) {
                goto invalid;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "endpoint=", 9) == 0) {
            endpoint.len = value[i].len - 9;
            endpoint.data = value[i].data + 9;

            rv = ngx_http_deploy_check_endpoint(&endpoint);

            if (rv != NGX_CONF_OK) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "endpoint \"%V\" %s",
                                   &endpoint, rv);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        goto invalid;
    }

    if ((token.len == 0) == (webhook.len == 0)) {
        return "needs either \"token_file=\" or \"webhook_file=\"";
    }

    if (webhook.len && slack->channel.len) {
        return "with \"webhook_file=\" has no \"channel=\", "
               "a webhook has a channel of its own";
    }

    if (token.len
        ? ngx_http_deploy_slack_token(cf, slack, &token, &endpoint) != NGX_OK
        : ngx_http_deploy_slack_webhook(cf, slack, &webhook, &endpoint)
          != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    slack->endpoint = endpoint;
    slack->file = cf->conf_file->file.name.data;
    slack->line = cf->conf_file->line;

    dmcf->slack = slack;

    ngx_http_deploy_outbound_use(cf);

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"deploy_slack\"",
                       &value[i]);

    return NGX_CONF_ERROR;

channel:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is no id of a channel, which is like "
                       "\"C024BE91L\"", &value[i]);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_deploy_slack_watch(ngx_http_deploy_slack_t *slack, ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  s;

    s.len = value->len - 6;
    s.data = value->data + 6;

    if (s.len == 3 && ngx_strncmp(s.data, "off", 3) == 0) {
        slack->watch = 0;
        return NGX_OK;
    }

    n = ngx_parse_time(&s, 0);

    if (n == NGX_ERROR || n == 0) {
        return NGX_ERROR;
    }

    slack->watch = n;

    return NGX_OK;
}


/* the first line that is no comment: the others are of no use */

static ngx_int_t
ngx_http_deploy_slack_secret(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *secret)
{
    unsigned     line;
    ngx_str_t    text, rest, first;
    ngx_uint_t   i;
    const char  *reason;

    if (ngx_http_deploy_read_secrets(cf, file, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rest = text;
    line = 0;
    reason = NULL;

    if (ngx_deploy_secret_next(&rest, &first, &line)) {

        for (i = 0; i < first.len; i++) {
            if (first.data[i] <= ' ' || first.data[i] >= 0x7f) {
                reason = "has a character that is not allowed";
            }
        }

    } else {
        reason = "is empty";
    }

    if (reason) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "secret file \"%V\" %s",
                           file, reason);
        goto failed;
    }

    secret->len = first.len;
    secret->data = ngx_pstrdup(cf->pool, &first);

    if (secret->data == NULL) {
        goto failed;
    }

    ngx_explicit_memzero(text.data, text.len);

    return NGX_OK;

failed:

    ngx_explicit_memzero(text.data, text.len);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_deploy_slack_token(ngx_conf_t *cf, ngx_http_deploy_slack_t *slack,
    ngx_str_t *file, ngx_str_t *endpoint)
{
    ngx_str_t  token;

    static ngx_str_t  host = ngx_string("https://slack.com");
    static ngx_str_t  post = ngx_string("/api/chat.postMessage");
    static ngx_str_t  update = ngx_string("/api/chat.update");

    if (ngx_http_deploy_slack_secret(cf, file, &token) != NGX_OK) {
        return NGX_ERROR;
    }

    slack->authorization.len = sizeof("Bearer ") - 1 + token.len;
    slack->authorization.data = ngx_pnalloc(cf->pool,
                                            slack->authorization.len);
    if (slack->authorization.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(slack->authorization.data, "Bearer %V", &token);

    if (endpoint->len == 0) {
        endpoint = &host;
    }

    if (ngx_http_deploy_slack_join(cf, &slack->post, endpoint, &post)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_deploy_slack_join(cf, &slack->update, endpoint, &update);
}


static ngx_int_t
ngx_http_deploy_slack_webhook(ngx_conf_t *cf, ngx_http_deploy_slack_t *slack,
    ngx_str_t *file, ngx_str_t *endpoint)
{
    const char        *reason;
    ngx_deploy_url_t   parts;

    if (ngx_http_deploy_slack_secret(cf, file, &slack->webhook) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the URL is a secret, it is not said */

    if (ngx_deploy_url_parse(&slack->webhook, &parts, &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the URL in \"%V\" %s", file, reason);
        return NGX_ERROR;
    }

    if (endpoint->len == 0) {
        return NGX_OK;
    }

    return ngx_http_deploy_slack_join(cf, &slack->webhook, endpoint,
                                      &parts.target);
}


static ngx_int_t
ngx_http_deploy_slack_join(ngx_conf_t *cf, ngx_str_t *url,
    ngx_str_t *endpoint, ngx_str_t *path)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, endpoint->len + path->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->len = endpoint->len + path->len;
    url->data = p;

    p = ngx_cpymem(p, endpoint->data, endpoint->len);
    ngx_memcpy(p, path->data, path->len);

    return NGX_OK;
}
