
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_http.h"

#include <openssl/crypto.h>


typedef struct {
    const char  *name;
    int        (*link)(ngx_deploy_work_ctx_t *ctx,
                       ngx_deploy_work_found_t *found);
} ngx_deploy_work_link_t;


static int ngx_deploy_work_walk(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_fresh(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_found_t *found);
static int ngx_deploy_work_role(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_copy(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_found_t *found, ngx_deploy_work_set_t *set);


const char *const  ngx_deploy_work_env_names[NGX_DEPLOY_WORK_NENV] = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",

    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",

    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",

    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",

    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_EC2_METADATA_V1_DISABLED",
    "AWS_METADATA_SERVICE_TIMEOUT",
    "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
    "AWS_EC2_INSTANCE_PROFILE_NAME",

    "AWS_REGION",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_CODEBUILD",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_CA_BUNDLE"
};


/* in the order of ngx_deploy_work_kind_e, which is that of the chain */

static const ngx_deploy_work_link_t  ngx_deploy_work_links[] = {
    { "chain", ngx_deploy_work_walk },
    { "environment", ngx_deploy_work_environment },
    { "web_identity", ngx_deploy_work_web_identity },
    { "profile", ngx_deploy_work_profile },
    { "container", ngx_deploy_work_container },
    { "imds", ngx_deploy_work_imds }
};


const char *
ngx_deploy_work_kind_name(ngx_deploy_work_kind_e kind)
{
    return ngx_deploy_work_links[kind].name;
}


int
ngx_deploy_work_kind(const ngx_deploy_str_t *name)
{
    int  kind;

    for (kind = NGX_DEPLOY_WORK_IMDS; kind >= 0; kind--) {

        if (ngx_deploy_str_is(name, ngx_deploy_work_links[kind].name)) {
            break;
        }
    }

    return kind;
}


int
ngx_deploy_work_credentials(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_source_t *source, ngx_deploy_work_set_t *set)
{
    int                      rc;
    ngx_deploy_work_ctx_t    ctx;
    ngx_deploy_work_found_t  found;

    memset(set, 0, sizeof(ngx_deploy_work_set_t));
    memset(&ctx, 0, sizeof(ngx_deploy_work_ctx_t));
    memset(&found, 0, sizeof(ngx_deploy_work_found_t));

    ctx.source = source;
    ctx.set = set;
    ctx.started = ngx_deploy_work_ms();

    ngx_deploy_work_pool_init(&ctx);

    set->kind = source->kind;

    rc = ngx_deploy_work_links[source->kind].link(&ctx, &found);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_fresh(&ctx, &found);
    }

    if (rc == NGX_DEPLOY_OK && source->role && source->role[0]) {
        rc = ngx_deploy_work_role(&ctx, &found);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_copy(pool, &found, set);

        if (rc != NGX_DEPLOY_OK) {
            (void) ngx_deploy_work_fail(&ctx, 1, "out of memory");
        }
    }

    ngx_deploy_work_http_free(&ctx);
    ngx_deploy_work_pool_wipe(&ctx);

    return rc;
}


static int
ngx_deploy_work_walk(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    int          rc, kind;
    unsigned     retry;
    const char  *looked;

    retry = 0;
    looked = NULL;

    for (kind = NGX_DEPLOY_WORK_ENVIRONMENT; kind <= NGX_DEPLOY_WORK_IMDS;
         kind++)
    {
        ctx->set->kind = kind;

        rc = ngx_deploy_work_links[kind].link(ctx, found);

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }

        retry |= ctx->set->retry;

        looked = ngx_deploy_work_printf(ctx, "%s%s%s", looked ? looked : "",
                                        looked ? "; " : "", ctx->set->reason);
        if (looked == NULL) {
            return ngx_deploy_work_fail(ctx, 1, "out of memory");
        }
    }

    ctx->set->kind = NGX_DEPLOY_WORK_CHAIN;

    (void) ngx_deploy_work_fail(ctx, retry, "no credentials: %s", looked);

    return NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_work_environment(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    unsigned                   i;
    const char                *name, *reason;
    ngx_deploy_str_t           time, *values[3];
    ngx_deploy_credentials_t  *credentials;

    credentials = &found->credentials;

    values[NGX_DEPLOY_WORK_ACCESS_KEY_ID] = &credentials->access_key_id;
    values[NGX_DEPLOY_WORK_SECRET_ACCESS_KEY]
                                           = &credentials->secret_access_key;
    values[NGX_DEPLOY_WORK_SESSION_TOKEN] = &credentials->session_token;

    for (i = 0; i < 3; i++) {
        name = ngx_deploy_work_env(ctx, i);

        if (name) {
            values[i]->data = (u_char *) name;
            values[i]->len = strlen(name);
        }
    }

    if (credentials->access_key_id.len == 0
        && credentials->secret_access_key.len == 0)
    {
        (void) ngx_deploy_work_fail(ctx, 0, "no AWS_ACCESS_KEY_ID");
        return NGX_DEPLOY_DECLINED;
    }

    if (credentials->access_key_id.len == 0
        || credentials->secret_access_key.len == 0)
    {
        return ngx_deploy_work_fail(ctx, 0, "AWS_ACCESS_KEY_ID and"
                                    " AWS_SECRET_ACCESS_KEY must both be set");
    }

    if (ngx_deploy_credentials_check(credentials, &reason) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0, "environment: %s", reason);
    }

    found->source.data = (u_char *) "environment";
    found->source.len = sizeof("environment") - 1;

    name = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_CREDENTIAL_EXPIRATION);

    if (name == NULL) {
        return NGX_DEPLOY_OK;
    }

    time.data = (u_char *) name;
    time.len = strlen(name);

    if (ngx_deploy_credentials_time(&time, &found->expires) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0,
                                  "AWS_CREDENTIAL_EXPIRATION is not a time");
    }

    /* the environment cannot change */

    if (found->expires <= ngx_deploy_work_now(ctx)) {
        return ngx_deploy_work_fail(ctx, 0, "the credentials of the"
                                    " environment expired at %s", name);
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_work_web_identity(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    ngx_deploy_work_role_t  role;

    memset(&role, 0, sizeof(ngx_deploy_work_role_t));

    role.token_file = ngx_deploy_work_env(ctx,
                                      NGX_DEPLOY_WORK_WEB_IDENTITY_TOKEN_FILE);
    role.arn = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_ROLE_ARN);
    role.session_name = ngx_deploy_work_env(ctx,
                                            NGX_DEPLOY_WORK_ROLE_SESSION_NAME);

    if (role.token_file == NULL) {
        (void) ngx_deploy_work_fail(ctx, 0, "no AWS_WEB_IDENTITY_TOKEN_FILE");
        return NGX_DEPLOY_DECLINED;
    }

    if (role.arn == NULL) {
        return ngx_deploy_work_fail(ctx, 0, "AWS_WEB_IDENTITY_TOKEN_FILE is"
                                    " set, but not AWS_ROLE_ARN");
    }

    return ngx_deploy_work_assume_role(ctx, &role, NULL, found);
}


/* IMDS alone gives expired ones on purpose */

static int
ngx_deploy_work_fresh(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_found_t *found)
{
    if (found->expires == 0 || found->stable
        || found->expires > ngx_deploy_work_now(ctx))
    {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_work_fail(ctx, 1, "%.*s: the credentials have expired"
                                " already", (int) found->source.len,
                                (char *) found->source.data);
}


static int
ngx_deploy_work_role(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    ngx_deploy_work_role_t  role;

    memset(&role, 0, sizeof(ngx_deploy_work_role_t));

    role.arn = ctx->source->role;
    role.external_id = ctx->source->external_id;
    role.session_name = ctx->source->session_name;
    role.duration = ctx->source->duration;

    if (ngx_deploy_work_assume_role(ctx, &role, found, found)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_work_fresh(ctx, found);
}


const char *
ngx_deploy_work_env(ngx_deploy_work_ctx_t *ctx, ngx_deploy_work_env_e name)
{
    const char  *value;

    value = ctx->source->env[name];

    return (value && value[0]) ? value : NULL;
}


static int
ngx_deploy_work_copy(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_found_t *found, ngx_deploy_work_set_t *set)
{
    const ngx_deploy_credentials_t  *from;

    from = &found->credentials;

    if (ngx_deploy_pstrdup(pool, &set->source, found->source.data,
                           found->source.len) != NGX_DEPLOY_OK
        || ngx_deploy_pstrdup(pool, &set->credentials.access_key_id,
                              from->access_key_id.data,
                              from->access_key_id.len)
           != NGX_DEPLOY_OK
        || (from->session_token.len
            && ngx_deploy_pstrdup(pool, &set->credentials.session_token,
                                  from->session_token.data,
                                  from->session_token.len)
               != NGX_DEPLOY_OK)
        || ngx_deploy_pstrdup(pool, &set->credentials.secret_access_key,
                              from->secret_access_key.data,
                              from->secret_access_key.len)
           != NGX_DEPLOY_OK)
    {
        ngx_deploy_work_wipe(set);
        return NGX_DEPLOY_ERROR;
    }

    set->expires = found->expires;
    set->stable = found->stable;

    set->reason[0] = '\0';
    set->retry = 0;

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_work_wipe(ngx_deploy_work_set_t *set)
{
    ngx_deploy_credentials_t  *credentials;

    credentials = &set->credentials;

    if (credentials->access_key_id.len) {
        OPENSSL_cleanse(credentials->access_key_id.data,
                        credentials->access_key_id.len);
    }

    if (credentials->secret_access_key.len) {
        OPENSSL_cleanse(credentials->secret_access_key.data,
                        credentials->secret_access_key.len);
    }

    if (credentials->session_token.len) {
        OPENSSL_cleanse(credentials->session_token.data,
                        credentials->session_token.len);
    }

    memset(credentials, 0, sizeof(ngx_deploy_credentials_t));
}
