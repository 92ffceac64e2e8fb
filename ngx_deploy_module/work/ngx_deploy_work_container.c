
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_http.h"
#include "ngx_deploy_url.h"


/* of ECS; EKS Pod Identity gives a whole URI */

#define NGX_DEPLOY_WORK_CONTAINER_HOST      "http://169.254.170.2"

#define NGX_DEPLOY_WORK_CONTAINER_TOTAL     2000      /* ms */
#define NGX_DEPLOY_WORK_CONTAINER_PAUSE     1000
#define NGX_DEPLOY_WORK_CONTAINER_ATTEMPTS  3


static int ngx_deploy_work_container_url(ngx_deploy_work_ctx_t *ctx,
    const char **url);
static int ngx_deploy_work_container_allowed(const char *url,
    const char **reason);
static int ngx_deploy_work_container_try(ngx_deploy_work_ctx_t *ctx,
    const char *url, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_container_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_str_t *token);


/* hosts that may be asked over http besides the loopback */

static const char *const  ngx_deploy_work_container_hosts[] = {
    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", NULL
};


int
ngx_deploy_work_container(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    int          rc;
    char        *source;
    unsigned     attempt;
    const char  *url;

    url = NULL;

    rc = ngx_deploy_work_container_url(ctx, &url);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    for (attempt = 1; /* void */ ; attempt++) {

        rc = ngx_deploy_work_container_try(ctx, url, found);

        if (rc == NGX_DEPLOY_OK) {
            break;
        }

        if (rc == NGX_DEPLOY_ERROR
            || attempt == NGX_DEPLOY_WORK_CONTAINER_ATTEMPTS
            || ngx_deploy_work_left(ctx) <= NGX_DEPLOY_WORK_CONTAINER_PAUSE
            || ngx_deploy_work_sleep(ctx, NGX_DEPLOY_WORK_CONTAINER_PAUSE)
               != NGX_DEPLOY_OK)
        {
            return ngx_deploy_work_blame(ctx, "container: GET %.*s",
                                         (int) strcspn(url, "?"), url);
        }
    }

    source = ngx_deploy_work_printf(ctx, "container %.*s",
                                    (int) strcspn(url, "?"), url);

    if (source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    found->source = ngx_deploy_work_str(source);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_container_url(ngx_deploy_work_ctx_t *ctx, const char **url)
{
    const char  *path, *reason;

    path = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_CONTAINER_RELATIVE_URI);

    if (path) {

        /* anything else might go on with the name of the host */

        if (path[0] != '/') {
            return ngx_deploy_work_fail(ctx, 0, "AWS_CONTAINER_CREDENTIALS_"
                                        "RELATIVE_URI does not begin with"
                                        " \"/\"");
        }

        *url = ngx_deploy_work_printf(ctx, NGX_DEPLOY_WORK_CONTAINER_HOST
                                      "%s", path);

        if (*url == NULL) {
            return ngx_deploy_work_fail(ctx, 1, "out of memory");
        }

    } else {
        *url = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_CONTAINER_FULL_URI);

        if (*url == NULL) {
            (void) ngx_deploy_work_fail(ctx, 0, "no AWS_CONTAINER_CREDENTIALS"
                                        "_RELATIVE_URI or _FULL_URI");
            return NGX_DEPLOY_DECLINED;
        }
    }

    if (ngx_deploy_work_container_allowed(*url, &reason) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0, "AWS_CONTAINER_CREDENTIALS_%s_URI"
                                    " %s", path ? "RELATIVE" : "FULL", reason);
    }

    return NGX_DEPLOY_OK;
}


/* https, or http to the loopback or an address of AWS's own */

static int
ngx_deploy_work_container_allowed(const char *url, const char **reason)
{
    char               buf[NGX_DEPLOY_URL_MAX + 2];
    size_t             len;
    const char        *name, *const *host;
    ngx_deploy_str_t   text;
    ngx_deploy_url_t   parts;

    text = ngx_deploy_work_str(url);

    if (ngx_deploy_url_parse(&text, &parts, &name) == NGX_DEPLOY_OK) {
        return NGX_DEPLOY_OK;
    }

    *reason = name;

    /* as of https, so that all but the host is checked */

    len = sizeof("http://") - 1;

    if (strncmp(url, "http://", len) != 0
        || text.len > NGX_DEPLOY_URL_MAX - 1)
    {
        return NGX_DEPLOY_DECLINED;
    }

    memcpy(buf, "https://", len + 1);
    memcpy(buf + len + 1, url + len, text.len - len);

    text.data = (u_char *) buf;
    text.len++;

    if (ngx_deploy_url_parse(&text, &parts, reason) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_DECLINED;
    }

    for (host = ngx_deploy_work_container_hosts; *host; host++) {

        if (ngx_deploy_str_is(&parts.host, *host)) {
            return NGX_DEPLOY_OK;
        }
    }

    *reason = "is not https, nor is its host the loopback or one of AWS's"
              " 169.254.170.2, 169.254.170.23, [fd00:ec2::23]";

    return NGX_DEPLOY_DECLINED;
}


/* NGX_DEPLOY_DECLINED with a reason: another try may help */

static int
ngx_deploy_work_container_try(ngx_deploy_work_ctx_t *ctx, const char *url,
    ngx_deploy_work_found_t *found)
{
    int                              rc;
    const char                      *reason;
    ngx_deploy_str_t                 token;
    ngx_deploy_work_reply_t          reply;
    ngx_deploy_work_request_t        request;
    ngx_deploy_credentials_reply_t   result;

    rc = ngx_deploy_work_container_token(ctx, &token);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    memset(&request, 0, sizeof(ngx_deploy_work_request_t));

    request.method = "GET";
    request.url = url;
    request.connect = NGX_DEPLOY_WORK_CONTAINER_TOTAL;
    request.total = NGX_DEPLOY_WORK_CONTAINER_TOTAL;
    request.direct = 1;

    request.headers[0] = "Accept: application/json";

    if (token.len) {
        request.headers[1] = ngx_deploy_work_printf(ctx, "Authorization: %.*s",
                                                    (int) token.len,
                                                    (char *) token.data);
        if (request.headers[1] == NULL) {
            return ngx_deploy_work_fail(ctx, 1, "out of memory");
        }
    }

    rc = ngx_deploy_work_http(ctx, &request, &reply);

    if (rc == NGX_DEPLOY_DECLINED) {
        (void) ngx_deploy_work_fail(ctx, 1, "%s", reply.text);
        return NGX_DEPLOY_DECLINED;
    }

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    rc = ngx_deploy_credentials_read(&ctx->pool,
                                     NGX_DEPLOY_CREDENTIALS_CONTAINER,
                                     &reply.body, &result, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    if (rc == NGX_DEPLOY_OK && reply.status == 200) {
        found->credentials = result.credentials;
        found->expires = result.expires;

        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_work_holds(&result.message, &token)) {
        result.message.len = 0;
    }

    ngx_deploy_work_fail_reply(ctx, reply.status, &result, reason);

    return NGX_DEPLOY_DECLINED;
}


/* anew at each try, as EKS replaces it; absent when there is none */

static int
ngx_deploy_work_container_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_str_t *token)
{
    int          rc;
    size_t       i;
    const char  *path, *value;

    memset(token, 0, sizeof(ngx_deploy_str_t));

    path = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_CONTAINER_TOKEN_FILE);
    value = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_CONTAINER_TOKEN);

    if (path) {
        rc = ngx_deploy_work_read(ctx, path, NGX_DEPLOY_WORK_MAX_TOKEN_FILE, 0,
                                  token);

        if (rc == NGX_DEPLOY_DECLINED) {
            (void) ngx_deploy_work_fail(ctx, 1, "\"%s\" does not exist", path);
            return NGX_DEPLOY_DECLINED;
        }

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        if (token->len == 0) {
            (void) ngx_deploy_work_fail(ctx, 1, "\"%s\" is empty", path);
            return NGX_DEPLOY_DECLINED;
        }

    } else if (value) {
        *token = ngx_deploy_work_str(value);
    }

    /* the SDKs refuse a line feed at the end, too */

    for (i = 0; i < token->len; i++) {

        if (token->data[i] < ' ' || token->data[i] >= 0x7f) {
            return ngx_deploy_work_fail(ctx, 1, "the token of \"%s\" holds a"
                                        " line feed or another character that"
                                        " no header can have",
                                        path ? path : "AWS_CONTAINER_"
                                                      "AUTHORIZATION_TOKEN");
        }
    }

    return NGX_DEPLOY_OK;
}
