
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_credentials.h"
#include "ngx_deploy_ini.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>


typedef struct {
    const char           *key;
    const char           *reason;
} ngx_deploy_work_unsupported_t;


/* the texts of both files and the profile that is looked for in them */

typedef struct {
    ngx_deploy_str_t      texts[2];      /* credentials, config */
    ngx_deploy_str_t      profile;
} ngx_deploy_work_profile_t;


static int ngx_deploy_work_read(const char *path, unsigned implicit,
    ngx_deploy_str_t *text, const char **reason);
static int ngx_deploy_work_open(const char *path, unsigned implicit,
    const char **reason);
static int ngx_deploy_work_null_device(const struct stat *st);
static void ngx_deploy_work_wipe(ngx_deploy_str_t *text);
static int ngx_deploy_work_profile(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_profile_t *profile,
    ngx_deploy_credentials_t *credentials, const char **reason);
static int ngx_deploy_work_keys(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_profile_t *profile, unsigned config,
    ngx_deploy_credentials_t *credentials, const char **reason);
static ngx_deploy_str_t ngx_deploy_work_get(
    const ngx_deploy_work_profile_t *profile, unsigned config,
    const char *key);
static int ngx_deploy_work_printable(const ngx_deploy_str_t *s, size_t max);


/* in the order the SDKs look, the role before all others */

static const ngx_deploy_work_unsupported_t  ngx_deploy_work_unsupported[] = {

    { "role_arn",
      "role_arn of the profile is not supported yet" },

    { "web_identity_token_file",
      "web_identity_token_file of the profile is not supported yet" },

    { "sso_session",
      "sso_session of the profile is not supported" },

    { "sso_account_id",
      "sso_account_id of the profile is not supported" },

    { "login_session",
      "login_session of the profile is not supported" },

    { "credential_process",
      "credential_process of the profile is not supported yet" },

    { "source_profile",
      "source_profile of the profile is not supported yet" },

    { "credential_source",
      "credential_source of the profile is not supported yet" },

    { NULL, NULL }
};


int
ngx_deploy_work_credentials_file(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_files_t *files,
    ngx_deploy_credentials_t *credentials, const char **reason)
{
    int                         rc;
    const char                 *name;
    ngx_deploy_work_profile_t   profile;

    memset(&profile, 0, sizeof(ngx_deploy_work_profile_t));
    memset(credentials, 0, sizeof(ngx_deploy_credentials_t));

    name = (files->profile && files->profile[0]) ? files->profile : "default";

    profile.profile.data = (u_char *) name;
    profile.profile.len = strlen(name);

    rc = ngx_deploy_work_read(files->credentials, files->implicit,
                              &profile.texts[0], reason);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_read(files->config, files->implicit,
                                  &profile.texts[1], reason);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_work_profile(pool, &profile, credentials, reason);
    }

    ngx_deploy_work_wipe(&profile.texts[0]);
    ngx_deploy_work_wipe(&profile.texts[1]);

    return rc;
}


/* a file that is missing gives an empty text */

static int
ngx_deploy_work_read(const char *path, unsigned implicit,
    ngx_deploy_str_t *text, const char **reason)
{
    int       fd;
    ssize_t   n;

    if (path == NULL || path[0] == '\0') {
        return NGX_DEPLOY_OK;
    }

    fd = ngx_deploy_work_open(path, implicit, reason);

    if (fd == NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_OK;
    }

    if (fd < 0) {
        return NGX_DEPLOY_ERROR;
    }

    /* one byte more tells a file that is too long */

    text->data = malloc(NGX_DEPLOY_WORK_MAX_FILE + 1);

    if (text->data == NULL) {
        *reason = "out of memory";
        (void) close(fd);
        return NGX_DEPLOY_ERROR;
    }

    while (text->len <= NGX_DEPLOY_WORK_MAX_FILE) {
        n = read(fd, text->data + text->len,
                 NGX_DEPLOY_WORK_MAX_FILE + 1 - text->len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            *reason = "reading a file of the AWS profiles failed";
            (void) close(fd);
            return NGX_DEPLOY_ERROR;
        }

        if (n == 0) {
            break;
        }

        text->len += n;
    }

    (void) close(fd);

    if (text->len > NGX_DEPLOY_WORK_MAX_FILE) {
        *reason = "a file of the AWS profiles is over 1 MB";
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


/* a descriptor, NGX_DEPLOY_DECLINED or, with *reason, NGX_DEPLOY_ERROR */

static int
ngx_deploy_work_open(const char *path, unsigned implicit, const char **reason)
{
    int          fd;
    struct stat  st;

    /* of a FIFO neither this nor a read would ever return */

    do {
        fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_NOCTTY);
    } while (fd == -1 && errno == EINTR);

    if (fd == -1) {

        if (errno == ENOENT || errno == ENOTDIR
            || (implicit && (errno == EACCES || errno == EPERM)))
        {
            return NGX_DEPLOY_DECLINED;
        }

        *reason = "a file of the AWS profiles cannot be opened";
        return NGX_DEPLOY_ERROR;
    }

    if (fstat(fd, &st) == -1
        || (!S_ISREG(st.st_mode) && !ngx_deploy_work_null_device(&st)))
    {
        (void) close(fd);
        *reason = "a file of the AWS profiles is not a regular file";
        return NGX_DEPLOY_ERROR;
    }

    return fd;
}


/* AWS_CONFIG_FILE=/dev/null is the common way to say "none" */

static int
ngx_deploy_work_null_device(const struct stat *st)
{
    struct stat  null;

    return S_ISCHR(st->st_mode) && stat("/dev/null", &null) == 0
           && S_ISCHR(null.st_mode) && null.st_rdev == st->st_rdev;
}


static void
ngx_deploy_work_wipe(ngx_deploy_str_t *text)
{
    if (text->data) {
        OPENSSL_cleanse(text->data, text->len);
        free(text->data);
    }
}


static int
ngx_deploy_work_profile(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_profile_t *profile,
    ngx_deploy_credentials_t *credentials, const char **reason)
{
    int                                   rc;
    unsigned                              config, exists, sections;
    const ngx_deploy_work_unsupported_t  *u;

    exists = 0;

    for (config = 0; config < 2; config++) {
        (void) ngx_deploy_ini_get(&profile->texts[config], config,
                                  &profile->profile, "region", &sections);
        exists |= sections;
    }

    if (!exists) {

        if (ngx_deploy_str_is(&profile->profile, "default")) {
            *reason = "no credentials";
            return NGX_DEPLOY_DECLINED;
        }

        *reason = "the AWS profile does not exist";
        return NGX_DEPLOY_ERROR;
    }

    for (u = ngx_deploy_work_unsupported; u->key; u++) {

        for (config = 0; config < 2; config++) {

            if (ngx_deploy_work_get(profile, config, u->key).len) {
                *reason = u->reason;
                goto found;
            }
        }
    }

found:

    /* keys beside a role are those of its source: they have other rights */

    if (u->key && u == ngx_deploy_work_unsupported) {
        return NGX_DEPLOY_DECLINED;
    }

    for (config = 0; config < 2; config++) {
        rc = ngx_deploy_work_keys(pool, profile, config, credentials, reason);

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }

    if (u->key == NULL) {
        *reason = "no credentials";
    }

    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_work_keys(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_profile_t *profile, unsigned config,
    ngx_deploy_credentials_t *credentials, const char **reason)
{
    ngx_deploy_str_t  id, secret, token;

    id = ngx_deploy_work_get(profile, config, "aws_access_key_id");
    secret = ngx_deploy_work_get(profile, config, "aws_secret_access_key");
    token = ngx_deploy_work_get(profile, config, "aws_session_token");

    if (id.len == 0 && secret.len == 0) {
        return NGX_DEPLOY_DECLINED;
    }

    if (secret.len == 0) {
        *reason = "the profile has aws_access_key_id,"
                  " but no aws_secret_access_key";
        return NGX_DEPLOY_ERROR;
    }

    if (id.len == 0) {
        *reason = "the profile has aws_secret_access_key,"
                  " but no aws_access_key_id";
        return NGX_DEPLOY_ERROR;
    }

    /* the id and the token go into headers */

    if (!ngx_deploy_work_printable(&id, NGX_DEPLOY_SIGV4_MAX_KEY_ID)
        || !ngx_deploy_work_printable(&secret, NGX_DEPLOY_SIGV4_MAX_SECRET)
        || (token.len
            && !ngx_deploy_work_printable(&token, NGX_DEPLOY_WORK_MAX_TOKEN)))
    {
        *reason = "a key of the profile is too long or holds a character"
                  " that no key has";
        return NGX_DEPLOY_ERROR;
    }

    if (ngx_deploy_pstrdup(pool, &credentials->access_key_id, id.data, id.len)
        != NGX_DEPLOY_OK
        || ngx_deploy_pstrdup(pool, &credentials->secret_access_key,
                              secret.data, secret.len)
           != NGX_DEPLOY_OK
        || (token.len
            && ngx_deploy_pstrdup(pool, &credentials->session_token,
                                  token.data, token.len)
               != NGX_DEPLOY_OK))
    {
        *reason = "out of memory";
        return NGX_DEPLOY_ERROR;
    }

    return NGX_DEPLOY_OK;
}


static ngx_deploy_str_t
ngx_deploy_work_get(const ngx_deploy_work_profile_t *profile, unsigned config,
    const char *key)
{
    unsigned  section;

    return ngx_deploy_ini_get(&profile->texts[config], config,
                              &profile->profile, key, &section);
}


static int
ngx_deploy_work_printable(const ngx_deploy_str_t *s, size_t max)
{
    size_t  i;

    if (s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {

        if (s->data[i] <= ' ' || s->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}
