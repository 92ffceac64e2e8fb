
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_http.h"
#include "ngx_deploy_url.h"


/* instance metadata of EC2, version 2 and, where that is refused, 1 */

#define NGX_DEPLOY_WORK_IMDS_V4        "http://169.254.169.254"
#define NGX_DEPLOY_WORK_IMDS_V6        "http://[fd00:ec2::254]"
#define NGX_DEPLOY_WORK_IMDS_PATH      "/latest/meta-data/iam/"

#define NGX_DEPLOY_WORK_IMDS_TTL       "21600"   /* seconds */
#define NGX_DEPLOY_WORK_IMDS_TIMEOUT   1         /* seconds */
#define NGX_DEPLOY_WORK_IMDS_ATTEMPTS  1
#define NGX_DEPLOY_WORK_IMDS_MAX_NAME  128


typedef struct {
    const char               *base;
    unsigned                  timeout;     /* ms, of each request */
    unsigned                  attempts;    /* of each request */

    const char               *token;       /* a header, NULL: version 1 */
    unsigned                  renewed;
    unsigned                  silent;      /* no answer to the PUT */

    const char               *path;        /* of the last request */
    ngx_deploy_work_reply_t   reply;
} ngx_deploy_work_imds_t;


static int ngx_deploy_work_imds_setup(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds);
static const char *ngx_deploy_work_imds_base(ngx_deploy_work_ctx_t *ctx);
static unsigned ngx_deploy_work_imds_number(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e env, const char *key, unsigned dflt);
static int ngx_deploy_work_imds_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds);
static int ngx_deploy_work_imds_v1(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds);
static int ngx_deploy_work_imds_fetch(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_imds_role(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *tree, const char **role);
static int ngx_deploy_work_imds_get(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *tree, const char *name);
static int ngx_deploy_work_imds_send(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *method, const char *header);
static int ngx_deploy_work_imds_read(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *role,
    ngx_deploy_work_found_t *found);


/* the first has an account id, too; older ones know the second alone */

static const char *const  ngx_deploy_work_imds_trees[] = {
    "security-credentials-extended/",
    "security-credentials/"
};


int
ngx_deploy_work_imds(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    int                     rc;
    ngx_deploy_work_imds_t  imds;

    memset(&imds, 0, sizeof(ngx_deploy_work_imds_t));

    rc = ngx_deploy_work_imds_setup(ctx, &imds);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_imds_token(ctx, &imds);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_imds_fetch(ctx, &imds, found);
    }

    if (rc != NGX_DEPLOY_OK) {
        (void) ngx_deploy_work_blame(ctx, imds.path ? "IMDS %s%s" : "IMDS",
                                     imds.base, imds.path);
    }

    return rc;
}


static int
ngx_deploy_work_imds_setup(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds)
{
    if (ngx_deploy_work_true(ctx, NGX_DEPLOY_WORK_METADATA_DISABLED,
                             "disable_ec2_metadata"))
    {
        (void) ngx_deploy_work_fail(ctx, 0, "AWS_EC2_METADATA_DISABLED");
        return NGX_DEPLOY_DECLINED;
    }

    imds->timeout = 1000 * ngx_deploy_work_imds_number(ctx,
                                            NGX_DEPLOY_WORK_METADATA_TIMEOUT,
                                            "metadata_service_timeout",
                                            NGX_DEPLOY_WORK_IMDS_TIMEOUT);
    imds->attempts = ngx_deploy_work_imds_number(ctx,
                                            NGX_DEPLOY_WORK_METADATA_ATTEMPTS,
                                            "metadata_service_num_attempts",
                                            NGX_DEPLOY_WORK_IMDS_ATTEMPTS);

    imds->base = ngx_deploy_work_imds_base(ctx);

    return imds->base ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static const char *
ngx_deploy_work_imds_base(ngx_deploy_work_ctx_t *ctx)
{
    char              *base;
    size_t             len;
    const char        *url, *mode, *reason;
    ngx_deploy_str_t   text;
    ngx_deploy_url_t   parts;

    url = ngx_deploy_work_setting(ctx, NGX_DEPLOY_WORK_METADATA_ENDPOINT,
                                  "ec2_metadata_service_endpoint");

    if (url == NULL) {
        mode = ngx_deploy_work_setting(ctx,
                                       NGX_DEPLOY_WORK_METADATA_ENDPOINT_MODE,
                                       "ec2_metadata_service_endpoint_mode");

        if (mode == NULL || strcasecmp(mode, "ipv4") == 0) {
            return NGX_DEPLOY_WORK_IMDS_V4;
        }

        if (strcasecmp(mode, "ipv6") == 0) {
            return NGX_DEPLOY_WORK_IMDS_V6;
        }

        (void) ngx_deploy_work_fail(ctx, 0, "AWS_EC2_METADATA_SERVICE_ENDPOINT"
                                    "_MODE is neither IPv4 nor IPv6");
        return NULL;
    }

    /* http to any host: it is asked as if it were https */

    len = (strncmp(url, "http://", 7) == 0) ? 7 : 0;

    base = ngx_deploy_work_printf(ctx, "%s%s", len ? "https://" : "",
                                  url + len);

    if (base == NULL) {
        (void) ngx_deploy_work_fail(ctx, 1, "out of memory");
        return NULL;
    }

    text = ngx_deploy_work_str(base);

    if (ngx_deploy_url_parse(&text, &parts, &reason) != NGX_DEPLOY_OK) {
        (void) ngx_deploy_work_fail(ctx, 0, "AWS_EC2_METADATA_SERVICE_ENDPOINT"
                                    " %s", reason);
        return NULL;
    }

    if (parts.target.len && !ngx_deploy_str_is(&parts.target, "/")) {
        (void) ngx_deploy_work_fail(ctx, 0, "AWS_EC2_METADATA_SERVICE_ENDPOINT"
                                    " has a path");
        return NULL;
    }

    base = ngx_deploy_work_printf(ctx, "%.*s",
                                  (int) (strlen(url) - parts.target.len), url);

    if (base == NULL) {
        (void) ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return base;
}


/* of seconds or attempts, 1 to 10 */

static unsigned
ngx_deploy_work_imds_number(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e env, const char *key, unsigned dflt)
{
    int64_t            n;
    const char        *value;
    ngx_deploy_str_t   text;

    value = ngx_deploy_work_setting(ctx, env, key);

    if (value == NULL) {
        return dflt;
    }

    text = ngx_deploy_work_str(value);
    n = ngx_deploy_atoi64(text.data, text.len);

    return (n < 1 || n > 10) ? dflt : (unsigned) n;
}


static int
ngx_deploy_work_imds_token(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds)
{
    int                rc;
    size_t             i;
    ngx_deploy_str_t  *body;

    imds->token = NULL;
    imds->path = "/latest/api/token";

    rc = ngx_deploy_work_imds_send(ctx, imds, "PUT",
                                   "X-aws-ec2-metadata-token-ttl-seconds: "
                                   NGX_DEPLOY_WORK_IMDS_TTL);

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_DEPLOY_ERROR;
    }

    if (rc == NGX_DEPLOY_DECLINED) {

        switch (imds->reply.fault) {

        case NGX_DEPLOY_WORK_HTTP_TIMEOUT:
            imds->silent = 1;
            return ngx_deploy_work_imds_v1(ctx, imds);

        case NGX_DEPLOY_WORK_HTTP_UNREACHABLE:
            (void) ngx_deploy_work_fail(ctx, 1, "%s", imds->reply.text);
            return NGX_DEPLOY_DECLINED;

        default:
            return ngx_deploy_work_fail(ctx, 1, "%s", imds->reply.text);
        }
    }

    if (imds->reply.status == 403 || imds->reply.status == 404
        || imds->reply.status == 405)
    {
        return ngx_deploy_work_imds_v1(ctx, imds);
    }

    if (imds->reply.status != 200) {
        return ngx_deploy_work_fail(ctx, 1, "status %u", imds->reply.status);
    }

    body = &imds->reply.body;

    while (body->len && body->data[body->len - 1] <= ' ') {
        body->len--;
    }

    for (i = 0; i < body->len; i++) {

        if (body->data[i] <= ' ' || body->data[i] >= 0x7f) {
            break;
        }
    }

    if (i == 0 || i < body->len || i > 1024) {
        return ngx_deploy_work_fail(ctx, 1, "the answer is not a token");
    }

    imds->token = ngx_deploy_work_printf(ctx,
                                         "X-aws-ec2-metadata-token: %.*s",
                                         (int) body->len, (char *) body->data);

    if (imds->token == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}


/* whether to go on without a token */

static int
ngx_deploy_work_imds_v1(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds)
{
    if (!ngx_deploy_work_true(ctx, NGX_DEPLOY_WORK_METADATA_V1_DISABLED,
                              "ec2_metadata_v1_disabled"))
    {
        return NGX_DEPLOY_OK;
    }

    if (imds->silent) {
        (void) ngx_deploy_work_fail(ctx, 1, "no answer, and version 1 is"
                                    " disabled");

    } else {
        (void) ngx_deploy_work_fail(ctx, 1, "status %u, and version 1 is"
                                    " disabled", imds->reply.status);
    }

    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_work_imds_fetch(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, ngx_deploy_work_found_t *found)
{
    int          rc;
    unsigned     i;
    const char  *tree, *role, *name;

    name = ngx_deploy_work_setting(ctx, NGX_DEPLOY_WORK_INSTANCE_PROFILE_NAME,
                                   "ec2_instance_profile_name");

    for (i = 0; i < 2; i++) {
        tree = ngx_deploy_work_imds_trees[i];
        role = name;

        if (role == NULL) {
            rc = ngx_deploy_work_imds_role(ctx, imds, tree, &role);

            if (rc != NGX_DEPLOY_OK) {
                return rc;
            }

            if (role == NULL) {
                continue;
            }
        }

        rc = ngx_deploy_work_imds_get(ctx, imds, tree, role);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        if (imds->reply.status == 200) {
            return ngx_deploy_work_imds_read(ctx, imds, role, found);
        }
    }

    if (name) {
        return ngx_deploy_work_fail(ctx, 1, "there is no role \"%s\"", name);
    }

    (void) ngx_deploy_work_fail(ctx, 1, "no role is attached to the instance");

    return NGX_DEPLOY_DECLINED;
}


/* *role is NULL when there is no such tree or no role */

static int
ngx_deploy_work_imds_role(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *tree, const char **role)
{
    int                rc;
    size_t             n;
    u_char             c;
    ngx_deploy_str_t   name;

    rc = ngx_deploy_work_imds_get(ctx, imds, tree, "");

    if (rc != NGX_DEPLOY_OK || imds->reply.status != 200) {
        *role = NULL;
        return rc;
    }

    name = imds->reply.body;

    while (name.len && name.data[name.len - 1] <= ' ') {
        name.len--;
    }

    /* it becomes a part of a URL */

    for (n = 0; n < name.len; n++) {
        c = name.data[n];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
            && (c < '0' || c > '9')
            && (c == '\0' || strchr("+=,.@_-", c) == NULL))
        {
            break;
        }
    }

    if (n == 0 || n < name.len || n > NGX_DEPLOY_WORK_IMDS_MAX_NAME) {
        return ngx_deploy_work_fail(ctx, 1, "the answer is not the name of"
                                    " a role");
    }

    *role = ngx_deploy_work_cstring(ctx, &name);

    if (*role == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}


/* NGX_DEPLOY_OK with the status 200 or 404 */

static int
ngx_deploy_work_imds_get(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *tree, const char *name)
{
    int          rc;
    const char  *path;

    path = ngx_deploy_work_printf(ctx, NGX_DEPLOY_WORK_IMDS_PATH "%s%s", tree,
                                  name);

    if (path == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    imds->path = path;

    rc = ngx_deploy_work_imds_send(ctx, imds, "GET", imds->token);

    if (rc == NGX_DEPLOY_OK && imds->reply.status == 401 && imds->token
        && !imds->renewed)
    {
        imds->renewed = 1;

        rc = ngx_deploy_work_imds_token(ctx, imds);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        imds->path = path;

        rc = ngx_deploy_work_imds_send(ctx, imds, "GET", imds->token);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        (void) ngx_deploy_work_fail(ctx, 1, "%s", imds->reply.text);

        return (imds->silent && imds->reply.fault
                                != NGX_DEPLOY_WORK_HTTP_BROKEN)
               ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_ERROR;
    }

    if (rc != NGX_DEPLOY_OK || imds->reply.status == 200
        || imds->reply.status == 404)
    {
        return rc;
    }

    if (imds->reply.status == 401 && imds->silent) {
        return ngx_deploy_work_fail(ctx, 1, "version 2 is obligatory, but the"
                                    " token does not arrive: is the hop limit"
                                    " of the instance too low for a"
                                    " container?");
    }

    (void) ngx_deploy_work_fail(ctx, 1, "status %u", imds->reply.status);

    return (imds->reply.status == 403) ? NGX_DEPLOY_DECLINED
                                       : NGX_DEPLOY_ERROR;
}


/* no proxy, for none is between an instance and its metadata */

static int
ngx_deploy_work_imds_send(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *method, const char *header)
{
    int                         rc;
    char                       *url;
    unsigned                    attempt;
    ngx_deploy_str_t            empty;
    ngx_deploy_work_request_t   request;

    url = ngx_deploy_work_printf(ctx, "%s%s", imds->base, imds->path);

    if (url == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    memset(&request, 0, sizeof(ngx_deploy_work_request_t));

    empty = ngx_deploy_work_str("");

    request.method = method;
    request.url = url;
    request.body = (method[0] == 'P') ? &empty : NULL;
    request.connect = imds->timeout;
    request.total = imds->timeout;
    request.direct = 1;
    request.headers[0] = header;

    for (attempt = 1; /* void */ ; attempt++) {

        rc = ngx_deploy_work_http(ctx, &request, &imds->reply);

        if (rc == NGX_DEPLOY_ERROR || attempt >= imds->attempts
            || (rc == NGX_DEPLOY_OK && imds->reply.status < 500))
        {
            return rc;
        }
    }
}


static int
ngx_deploy_work_imds_read(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_imds_t *imds, const char *role,
    ngx_deploy_work_found_t *found)
{
    int                              rc;
    char                            *source;
    const char                      *reason;
    ngx_deploy_credentials_reply_t   result;

    rc = ngx_deploy_credentials_read(&ctx->pool, NGX_DEPLOY_CREDENTIALS_IMDS,
                                     &imds->reply.body, &result, &reason);

    source = ngx_deploy_work_printf(ctx, "imds role %s", role);

    if (rc == NGX_DEPLOY_ERROR || source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_work_fail_reply(ctx, imds->reply.status, &result,
                                   reason);
        return NGX_DEPLOY_ERROR;
    }

    found->credentials = result.credentials;
    found->expires = result.expires;
    found->stable = 1;
    found->source = ngx_deploy_work_str(source);

    return NGX_DEPLOY_OK;
}
