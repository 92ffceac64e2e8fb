
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"
#include "ngx_deploy_ini.h"


/* the texts of NGX_DEPLOY_WORK_FILE_... */

#define NGX_DEPLOY_WORK_CREDENTIALS_FILE  0
#define NGX_DEPLOY_WORK_CONFIG            1


static int ngx_deploy_work_files(ngx_deploy_work_ctx_t *ctx);
static int ngx_deploy_work_file(ngx_deploy_work_ctx_t *ctx, unsigned config);
static const char *ngx_deploy_work_profile_name(ngx_deploy_work_ctx_t *ctx);
static int ngx_deploy_work_profile_exists(ngx_deploy_work_ctx_t *ctx,
    const char *profile);
static int ngx_deploy_work_profile_found(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_keys(ngx_deploy_work_ctx_t *ctx,
    const char *profile, unsigned config, ngx_deploy_work_found_t *found);
static ngx_deploy_str_t ngx_deploy_work_profile_get(
    ngx_deploy_work_ctx_t *ctx, const char *profile, unsigned config,
    const char *key);
static ngx_deploy_str_t ngx_deploy_work_profile_both(
    ngx_deploy_work_ctx_t *ctx, const char *profile, const char *key);


static const char *const  ngx_deploy_work_unsupported[] = {
    "role_arn", "web_identity_token_file", "sso_session", "sso_account_id",
    "login_session", "credential_process", NULL
};


int
ngx_deploy_work_profile(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    int          rc;
    const char  *profile;

    rc = ngx_deploy_work_files(ctx);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    profile = ngx_deploy_work_profile_name(ctx);

    if (!ngx_deploy_work_profile_exists(ctx, profile)) {
        (void) ngx_deploy_work_fail(ctx, 0, "no profile \"%s\" in \"%s\" and"
                                    " \"%s\"", profile, ctx->files.paths[0],
                                    ctx->files.paths[1]);

        return strcmp(profile, "default") == 0 ? NGX_DEPLOY_DECLINED
                                               : NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_work_profile_found(ctx, profile, found);

    if (rc == NGX_DEPLOY_DECLINED) {
        (void) ngx_deploy_work_fail(ctx, 0, "no credentials in the profile"
                                    " \"%s\"", profile);
    }

    return rc;
}


ngx_deploy_str_t
ngx_deploy_work_profile_value(ngx_deploy_work_ctx_t *ctx, const char *key)
{
    ngx_deploy_str_t  none;

    if (ngx_deploy_work_files(ctx) != NGX_DEPLOY_OK) {
        memset(&none, 0, sizeof(ngx_deploy_str_t));
        return none;
    }

    return ngx_deploy_work_profile_both(ctx, ngx_deploy_work_profile_name(ctx),
                                        key);
}


static const char *
ngx_deploy_work_profile_name(ngx_deploy_work_ctx_t *ctx)
{
    const char  *name;

    name = ctx->source->profile;

    if (name == NULL || name[0] == '\0') {
        name = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_AWS_PROFILE);
    }

    return name ? name : "default";
}


static int
ngx_deploy_work_files(ngx_deploy_work_ctx_t *ctx)
{
    int       rc;
    unsigned  config;

    if (ctx->files.loaded) {
        return NGX_DEPLOY_OK;
    }

    for (config = 0; config < 2; config++) {
        rc = ngx_deploy_work_file(ctx, config);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    ctx->files.loaded = 1;

    return NGX_DEPLOY_OK;
}


/* a file that is missing gives an empty text */

static int
ngx_deploy_work_file(ngx_deploy_work_ctx_t *ctx, unsigned config)
{
    int          rc;
    char        *path;
    unsigned     implicit;
    const char  *name, *home;

    name = ngx_deploy_work_env(ctx, config
                               ? NGX_DEPLOY_WORK_CONFIG_FILE
                               : NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE);
    home = ngx_deploy_work_env(ctx, NGX_DEPLOY_WORK_HOME);

    implicit = (name == NULL);

    if (name) {
        path = ngx_deploy_work_printf(ctx, "%s", name);

    } else {
        path = ngx_deploy_work_printf(ctx, "%s/.aws/%s", home ? home : "",
                                      config ? "config" : "credentials");
    }

    if (path == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    ctx->files.paths[config] = path;

    if (implicit && home == NULL) {
        return NGX_DEPLOY_OK;
    }

    /* the worker's user has no business in the home of root: implicit */

    rc = ngx_deploy_work_read(ctx, path, NGX_DEPLOY_WORK_MAX_FILE, implicit,
                              &ctx->files.texts[config]);

    return rc == NGX_DEPLOY_DECLINED ? NGX_DEPLOY_OK : rc;
}


static int
ngx_deploy_work_profile_exists(ngx_deploy_work_ctx_t *ctx,
    const char *profile)
{
    unsigned          config, section, exists;
    ngx_deploy_str_t  name;

    name.data = (u_char *) profile;
    name.len = strlen(profile);

    exists = 0;

    for (config = 0; config < 2; config++) {
        (void) ngx_deploy_ini_get(&ctx->files.texts[config], config, &name,
                                  "region", &section);
        exists |= section;
    }

    return exists;
}


static int
ngx_deploy_work_profile_found(ngx_deploy_work_ctx_t *ctx, const char *profile,
    ngx_deploy_work_found_t *found)
{
    int                rc;
    const char *const  *key;

    /* the role before all others: keys beside it are those of its source */

    for (key = ngx_deploy_work_unsupported; *key; key++) {

        if (ngx_deploy_work_profile_both(ctx, profile, *key).len == 0) {
            continue;
        }

        if (key != ngx_deploy_work_unsupported) {
            rc = ngx_deploy_work_profile_keys(ctx, profile, 0, found);

            if (rc != NGX_DEPLOY_DECLINED) {
                return rc;
            }
        }

        return ngx_deploy_work_fail(ctx, 0, "%s of the profile \"%s\" is not"
                                    " supported yet", *key, profile);
    }

    rc = ngx_deploy_work_profile_keys(ctx, profile,
                                      NGX_DEPLOY_WORK_CREDENTIALS_FILE, found);

    if (rc == NGX_DEPLOY_DECLINED) {
        rc = ngx_deploy_work_profile_keys(ctx, profile,
                                          NGX_DEPLOY_WORK_CONFIG, found);
    }

    return rc;
}


/* a set of keys is never mixed from both files */

static int
ngx_deploy_work_profile_keys(ngx_deploy_work_ctx_t *ctx, const char *profile,
    unsigned config, ngx_deploy_work_found_t *found)
{
    char                      *source;
    const char                *reason;
    ngx_deploy_credentials_t   keys;

    keys.access_key_id = ngx_deploy_work_profile_get(ctx, profile, config,
                                                     "aws_access_key_id");
    keys.secret_access_key = ngx_deploy_work_profile_get(ctx, profile, config,
                                                     "aws_secret_access_key");
    keys.session_token = ngx_deploy_work_profile_get(ctx, profile, config,
                                                     "aws_session_token");

    if (keys.access_key_id.len == 0 && keys.secret_access_key.len == 0) {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_credentials_check(&keys, &reason) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_fail(ctx, 0, "profile \"%s\" of \"%s\": %s",
                                    profile, ctx->files.paths[config], reason);
    }

    source = ngx_deploy_work_printf(ctx, "profile \"%s\"", profile);

    if (source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    found->source.data = (u_char *) source;
    found->source.len = strlen(source);

    found->credentials = keys;

    return NGX_DEPLOY_OK;
}


static ngx_deploy_str_t
ngx_deploy_work_profile_get(ngx_deploy_work_ctx_t *ctx, const char *profile,
    unsigned config, const char *key)
{
    unsigned          section;
    ngx_deploy_str_t  name;

    name.data = (u_char *) profile;
    name.len = strlen(profile);

    return ngx_deploy_ini_get(&ctx->files.texts[config], config, &name, key,
                              &section);
}


/* of a key in both files that of the credentials file stands */

static ngx_deploy_str_t
ngx_deploy_work_profile_both(ngx_deploy_work_ctx_t *ctx, const char *profile,
    const char *key)
{
    ngx_deploy_str_t  value;

    value = ngx_deploy_work_profile_get(ctx, profile,
                                        NGX_DEPLOY_WORK_CREDENTIALS_FILE, key);

    if (value.len == 0) {
        value = ngx_deploy_work_profile_get(ctx, profile,
                                            NGX_DEPLOY_WORK_CONFIG, key);
    }

    return value;
}
