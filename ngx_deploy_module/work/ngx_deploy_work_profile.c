
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_chain.h"
#include "ngx_deploy_ini.h"


/* the texts of ngx_deploy_work_files_t */

#define NGX_DEPLOY_WORK_CREDENTIALS_FILE  0
#define NGX_DEPLOY_WORK_CONFIG            1

#define NGX_DEPLOY_WORK_PROFILE_DEPTH     8


/* the profiles on the way from that which was chosen to a source */

typedef struct {
    const char    *names[NGX_DEPLOY_WORK_PROFILE_DEPTH];
    unsigned       n;
} ngx_deploy_work_way_t;


static const char *ngx_deploy_work_profile_name(ngx_deploy_work_ctx_t *ctx);
static int ngx_deploy_work_profile_resolve(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_role(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_duration(ngx_deploy_work_ctx_t *ctx,
    const char *profile, unsigned *duration);
static int ngx_deploy_work_profile_source(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_next(ngx_deploy_work_ctx_t *ctx,
    const char *profile, const char *source, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_link(ngx_deploy_work_ctx_t *ctx,
    const char *name, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_process(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_keys(ngx_deploy_work_ctx_t *ctx,
    const char *profile, unsigned config, ngx_deploy_work_found_t *found);
static int ngx_deploy_work_profile_static(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_found_t *found);
static ngx_deploy_str_t ngx_deploy_work_profile_get(
    ngx_deploy_work_ctx_t *ctx, const char *profile, unsigned config,
    const char *key);
static ngx_deploy_str_t ngx_deploy_work_profile_both(
    ngx_deploy_work_ctx_t *ctx, const char *profile, const char *key);
static int ngx_deploy_work_profile_text(ngx_deploy_work_ctx_t *ctx,
    const char *profile, const char *key, const char **value);


static const char *const  ngx_deploy_work_unsupported[] = {
    "sso_session", "sso_account_id", "login_session", NULL
};


int
ngx_deploy_work_profile(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found)
{
    int                     rc;
    const char             *profile;
    ngx_deploy_work_way_t   way;

    if (ngx_deploy_work_files(ctx) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    memset(&way, 0, sizeof(ngx_deploy_work_way_t));

    profile = ngx_deploy_work_profile_name(ctx);

    rc = ngx_deploy_work_profile_resolve(ctx, profile, &way, found);

    /* whatever it is, the files can be changed */

    ctx->set->retry = 1;

    if (rc == NGX_DEPLOY_AGAIN) {
        return (strcmp(profile, "default") == 0) ? NGX_DEPLOY_DECLINED
                                                 : NGX_DEPLOY_ERROR;
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        (void) ngx_deploy_work_fail(ctx, 1, "no credentials in the profile"
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


/* NGX_DEPLOY_AGAIN with a reason: there is no such profile */

static int
ngx_deploy_work_profile_resolve(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found)
{
    int                 rc;
    unsigned            config, section, exists;
    ngx_deploy_str_t    name;
    const char *const  *key;

    name = ngx_deploy_work_str(profile);
    exists = 0;

    for (config = 0; config < 2; config++) {
        (void) ngx_deploy_ini_get(&ctx->files.texts[config], config, &name,
                                  "region", &section);
        exists |= section;
    }

    if (!exists) {
        (void) ngx_deploy_work_fail(ctx, 1, "no profile \"%s\" in \"%s\" and"
                                    " \"%s\"", profile, ctx->files.paths[0],
                                    ctx->files.paths[1]);
        return NGX_DEPLOY_AGAIN;
    }

    /*
     * Keys beside a role are those of its source, they have other rights; of
     * a profile that is a source they are what is looked for.
     */

    if (way->n) {
        rc = ngx_deploy_work_profile_static(ctx, profile, found);

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    rc = ngx_deploy_work_profile_role(ctx, profile, way, found);

    if (rc != NGX_DEPLOY_DECLINED) {
        return rc;
    }

    for (key = ngx_deploy_work_unsupported; *key; key++) {

        if (ngx_deploy_work_profile_both(ctx, profile, *key).len) {
            return ngx_deploy_work_fail(ctx, 1, "%s of the profile \"%s\" is"
                                        " not supported", *key, profile);
        }
    }

    /* the order of botocore */

    rc = ngx_deploy_work_profile_keys(ctx, profile,
                                      NGX_DEPLOY_WORK_CREDENTIALS_FILE, found);

    if (rc == NGX_DEPLOY_DECLINED) {
        rc = ngx_deploy_work_profile_process(ctx, profile, found);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        rc = ngx_deploy_work_profile_keys(ctx, profile,
                                          NGX_DEPLOY_WORK_CONFIG, found);
    }

    return rc;
}


/* NGX_DEPLOY_DECLINED: the profile has no role */

static int
ngx_deploy_work_profile_role(ngx_deploy_work_ctx_t *ctx, const char *profile,
    ngx_deploy_work_way_t *way, ngx_deploy_work_found_t *found)
{
    int                       rc;
    ngx_deploy_work_role_t    role;
    ngx_deploy_work_found_t   base;

    memset(&role, 0, sizeof(ngx_deploy_work_role_t));
    memset(&base, 0, sizeof(ngx_deploy_work_found_t));

    if (ngx_deploy_work_profile_text(ctx, profile, "role_arn", &role.arn)
        != NGX_DEPLOY_OK
        || ngx_deploy_work_profile_text(ctx, profile, "external_id",
                                        &role.external_id)
           != NGX_DEPLOY_OK
        || ngx_deploy_work_profile_text(ctx, profile, "role_session_name",
                                        &role.session_name)
           != NGX_DEPLOY_OK
        || ngx_deploy_work_profile_text(ctx, profile,
                                        "web_identity_token_file",
                                        &role.token_file)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (role.arn == NULL) {

        if (role.token_file) {
            return ngx_deploy_work_fail(ctx, 1, "the profile \"%s\" has"
                                        " web_identity_token_file, but no"
                                        " role_arn", profile);
        }

        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_work_profile_duration(ctx, profile, &role.duration);

    if (rc == NGX_DEPLOY_OK && role.token_file == NULL) {
        rc = ngx_deploy_work_profile_source(ctx, profile, way, &base);
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    if (ngx_deploy_work_assume_role(ctx, &role, &base, found)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_work_blame(ctx, "profile \"%s\"", profile);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_profile_duration(ngx_deploy_work_ctx_t *ctx,
    const char *profile, unsigned *duration)
{
    int64_t           n;
    ngx_deploy_str_t  text;

    if (ngx_deploy_work_profile_both(ctx, profile, "mfa_serial").len) {
        return ngx_deploy_work_fail(ctx, 1, "the profile \"%s\" has"
                                    " mfa_serial, which needs a person",
                                    profile);
    }

    text = ngx_deploy_work_profile_both(ctx, profile, "duration_seconds");

    if (text.len == 0) {
        return NGX_DEPLOY_OK;
    }

    n = ngx_deploy_atoi64(text.data, text.len);

    if (n < 900 || n > 43200) {
        return ngx_deploy_work_fail(ctx, 1, "duration_seconds of the profile"
                                    " \"%s\" is not a number of 900 to 43200",
                                    profile);
    }

    *duration = (unsigned) n;

    return NGX_DEPLOY_OK;
}


/* the credentials that may assume the role of the profile */

static int
ngx_deploy_work_profile_source(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found)
{
    int          rc;
    const char  *source, *link;

    if (ngx_deploy_work_profile_text(ctx, profile, "source_profile", &source)
        != NGX_DEPLOY_OK
        || ngx_deploy_work_profile_text(ctx, profile, "credential_source",
                                        &link)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if ((source == NULL) == (link == NULL)) {
        return ngx_deploy_work_fail(ctx, 1, "the profile \"%s\" has role_arn"
                                    " and %s of source_profile and"
                                    " credential_source", profile,
                                    source ? "both" : "neither");
    }

    if (source) {
        return ngx_deploy_work_profile_next(ctx, profile, source, way, found);
    }

    rc = ngx_deploy_work_profile_link(ctx, link, found);

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_work_blame(ctx, "credential_source of the profile"
                                     " \"%s\"", profile);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_profile_next(ngx_deploy_work_ctx_t *ctx, const char *profile,
    const char *source, ngx_deploy_work_way_t *way,
    ngx_deploy_work_found_t *found)
{
    int       rc;
    unsigned  i;

    /* a profile may name itself for its own keys */

    if (strcmp(source, profile) == 0) {
        rc = ngx_deploy_work_profile_static(ctx, source, found);

    } else {
        way->names[way->n++] = profile;

        for (i = 0; i < way->n; i++) {

            if (strcmp(source, way->names[i]) == 0) {
                return ngx_deploy_work_fail(ctx, 1, "source_profile of the"
                                            " profile \"%s\" leads back to"
                                            " \"%s\"", profile, source);
            }
        }

        if (way->n == NGX_DEPLOY_WORK_PROFILE_DEPTH) {
            return ngx_deploy_work_fail(ctx, 1, "over %u profiles lead to"
                                        " \"%s\"", way->n, source);
        }

        rc = ngx_deploy_work_profile_resolve(ctx, source, way, found);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_work_fail(ctx, 1, "source_profile of the profile"
                                    " \"%s\": no credentials in the profile"
                                    " \"%s\"", profile, source);
    }

    return rc;
}


static int
ngx_deploy_work_profile_link(ngx_deploy_work_ctx_t *ctx, const char *name,
    ngx_deploy_work_found_t *found)
{
    if (strcmp(name, "Environment") == 0) {
        return ngx_deploy_work_environment(ctx, found);
    }

    if (strcmp(name, "EcsContainer") == 0) {
        return ngx_deploy_work_container(ctx, found);
    }

    if (strcmp(name, "Ec2InstanceMetadata") == 0) {
        return ngx_deploy_work_imds(ctx, found);
    }

    return ngx_deploy_work_fail(ctx, 1, "\"%s\" is none of Environment,"
                                " EcsContainer, Ec2InstanceMetadata", name);
}


static int
ngx_deploy_work_profile_process(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_found_t *found)
{
    char              *source;
    ngx_deploy_str_t   command;

    command = ngx_deploy_work_profile_both(ctx, profile, "credential_process");

    if (command.len == 0) {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_work_process(ctx, &command, found) != NGX_DEPLOY_OK) {
        return ngx_deploy_work_blame(ctx, "credential_process of the profile"
                                     " \"%s\"", profile);
    }

    source = ngx_deploy_work_printf(ctx, "process of profile \"%s\"", profile);

    if (source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    found->source = ngx_deploy_work_str(source);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_work_profile_static(ngx_deploy_work_ctx_t *ctx,
    const char *profile, ngx_deploy_work_found_t *found)
{
    int  rc;

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
        return ngx_deploy_work_fail(ctx, 1, "profile \"%s\" of \"%s\": %s",
                                    profile, ctx->files.paths[config], reason);
    }

    source = ngx_deploy_work_printf(ctx, "profile \"%s\"", profile);

    if (source == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    found->source = ngx_deploy_work_str(source);
    found->credentials = keys;

    return NGX_DEPLOY_OK;
}


static ngx_deploy_str_t
ngx_deploy_work_profile_get(ngx_deploy_work_ctx_t *ctx, const char *profile,
    unsigned config, const char *key)
{
    unsigned          section;
    ngx_deploy_str_t  name;

    name = ngx_deploy_work_str(profile);

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


/* a value with NUL, or NULL; NGX_DEPLOY_ERROR: memory */

static int
ngx_deploy_work_profile_text(ngx_deploy_work_ctx_t *ctx, const char *profile,
    const char *key, const char **value)
{
    ngx_deploy_str_t  text;

    text = ngx_deploy_work_profile_both(ctx, profile, key);

    if (text.len == 0) {
        *value = NULL;
        return NGX_DEPLOY_OK;
    }

    *value = ngx_deploy_work_cstring(ctx, &text);

    if (*value == NULL) {
        return ngx_deploy_work_fail(ctx, 1, "out of memory");
    }

    return NGX_DEPLOY_OK;
}
