
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"
#include "ngx_deploy_work_credentials.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


static char  test_dir[] = "/tmp/ngx_deploy_credentials_XXXXXX";
static char  test_credentials[128];
static char  test_config[128];


static void
test_write(const char *path, const char *text)
{
    FILE  *f;

    (void) unlink(path);

    if (text == NULL) {
        return;
    }

    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0) {
        printf("Bail out! %s cannot be written\n", path);
        exit(1);
    }
}


/* the source of a call that looks at the files alone */

static ngx_deploy_work_source_t
test_source(const char *profile)
{
    ngx_deploy_work_source_t  source;

    memset(&source, 0, sizeof(ngx_deploy_work_source_t));

    source.kind = NGX_DEPLOY_WORK_PROFILE;
    source.env[NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE] = test_credentials;
    source.env[NGX_DEPLOY_WORK_CONFIG_FILE] = test_config;
    source.profile = profile;
    source.now = 1700000000;
    source.limit = 5000;

    return source;
}


/* what a source gives: the key id, or a reason that begins with that */

static ngx_deploy_work_set_t
test_set(const ngx_deploy_work_source_t *source, int want, const char *what)
{
    int                    rc;
    ngx_deploy_work_set_t  set;

    rc = ngx_deploy_work_credentials(tap_pool(), source, &set);

    is_int(rc, want, "%s", what);

    if (rc == NGX_DEPLOY_OK) {
        is_str(set.credentials.access_key_id, what, "key id %s", what);

    } else {
        ok(strncmp(set.reason, what, strlen(what)) == 0, "reason: %s (%s)",
           what, set.reason);
        is_str(set.credentials.access_key_id, NULL, "no key id");
    }

    return set;
}


static ngx_deploy_credentials_t
test_file(const char *credentials, const char *config, const char *profile,
    int want, const char *what)
{
    ngx_deploy_work_source_t  source;

    test_write(test_credentials, credentials);
    test_write(test_config, config);

    source = test_source(profile);

    return test_set(&source, want, what).credentials;
}


static void
test_keys(void)
{
    ngx_deploy_credentials_t  c;

    c = test_file("[default]\naws_access_key_id=AKIA1\n"
                  "aws_secret_access_key = s/1+=\n", NULL, NULL,
                  NGX_DEPLOY_OK, "AKIA1");
    is_str(c.secret_access_key, "s/1+=", "secret");
    is_str(c.session_token, NULL, "no token");

    c = test_file(NULL, "[profile a b]\naws_access_key_id=ASIA1\n"
                  "aws_secret_access_key=s\naws_session_token=t==\n", "a b",
                  NGX_DEPLOY_OK, "ASIA1");
    is_str(c.session_token, "t==", "token");

    /* a set is of one file: the token is not that of the other */

    c = test_file("[p1]\naws_access_key_id=AKIA2\naws_secret_access_key=s2\n",
                  "[profile p1]\naws_access_key_id=ASIA3\n"
                  "aws_secret_access_key=s3\naws_session_token=t3\n", "p1",
                  NGX_DEPLOY_OK, "AKIA2");
    is_str(c.secret_access_key, "s2", "secret of the credentials file");
    is_str(c.session_token, NULL, "no token of the config file");

    c = test_file("[default]\nregion=x\naws_access_key_id=\n",
                  "[default]\naws_access_key_id=AKIA4\n"
                  "aws_secret_access_key=s4\naws_session_token=\n", "",
                  NGX_DEPLOY_OK, "AKIA4");
    is_str(c.session_token, NULL, "an empty token is none");

    test_file("[default]\naws_access_key_id=AKIA5\n",
              "[default]\naws_secret_access_key=s5\n", NULL,
              NGX_DEPLOY_ERROR, "profile \"default\" of");
    test_file("[default]\naws_secret_access_key=s5\n", NULL, NULL,
              NGX_DEPLOY_ERROR, "profile \"default\" of");
    test_file("[default]\naws_access_key_id=A B\naws_secret_access_key=s\n",
              NULL, NULL, NGX_DEPLOY_ERROR, "profile \"default\" of");
    test_file("[default]\naws_access_key_id=A\naws_secret_access_key=s\n"
              "aws_session_token=a\rb\n", NULL, NULL, NGX_DEPLOY_ERROR,
              "profile \"default\" of");
}


static void
test_profiles(void)
{
    test_file(NULL, NULL, NULL, NGX_DEPLOY_DECLINED,
              "no profile \"default\" in \"/tmp/");
    test_file("", "", "default", NGX_DEPLOY_DECLINED,
              "no profile \"default\" in \"/tmp/");
    test_file(NULL, "[default]\nregion=us-east-1\n", NULL,
              NGX_DEPLOY_DECLINED, "no credentials in the profile");
    test_file("[default]\naws_access_key_id=A\naws_secret_access_key=s\n",
              "[default]\n", "p1", NGX_DEPLOY_ERROR, "no profile \"p1\" in");
    test_file(NULL, "[profile p1]\nregion=x\n", "p1", NGX_DEPLOY_DECLINED,
              "no credentials in the profile \"p1\"");
}


/* the credentials file of a path that somebody named, or of HOME */

static void
test_path(const char *path, const char *home, int want, const char *what)
{
    ngx_deploy_work_source_t  source;

    source = test_source(NULL);

    source.env[NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE] = path;
    source.env[NGX_DEPLOY_WORK_CONFIG_FILE] = "/dev/null";
    source.env[NGX_DEPLOY_WORK_HOME] = home;

    test_set(&source, want, what);
}


static void
test_paths(void)
{
    int   i;
    char  path[256];

    static const char  text[] = "[default]\naws_access_key_id=AKIAHOME\n"
                                "aws_secret_access_key=s\n";

    test_path(NULL, NULL, NGX_DEPLOY_DECLINED,
              "no profile \"default\" in \"/.aws/credentials\" and");
    test_path("", "", NGX_DEPLOY_DECLINED, "no profile \"default\" in");
    test_path("/dev/null", NULL, NGX_DEPLOY_DECLINED,
              "no profile \"default\" in \"/dev/null\" and \"/dev/null\"");
    test_path("/dev/null/x", NULL, NGX_DEPLOY_DECLINED, "no profile");
    test_path("/dev/zero", NULL, NGX_DEPLOY_ERROR,
              "\"/dev/zero\" is not a regular file");
    test_path(test_dir, NULL, NGX_DEPLOY_ERROR, "\"/tmp/ngx_deploy");

    (void) unlink(test_credentials);

    if (mkfifo(test_credentials, 0600) == 0) {
        test_path(test_credentials, NULL, NGX_DEPLOY_ERROR,
                  "\"/tmp/ngx_deploy");
    }

    (void) unlink(test_credentials);
    (void) symlink(test_credentials, test_credentials);
    test_path(test_credentials, NULL, NGX_DEPLOY_ERROR, "\"/tmp/ngx_deploy");

    /* HOME is for the file that is not named */

    snprintf(path, sizeof(path), "%s/.aws", test_dir);
    (void) mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/.aws/credentials", test_dir);
    test_write(path, text);

    test_path(NULL, test_dir, NGX_DEPLOY_OK, "AKIAHOME");
    test_path("/dev/null", test_dir, NGX_DEPLOY_DECLINED, "no profile");

    if (geteuid() != 0) {
        (void) chmod(path, 0);
        test_path(path, NULL, NGX_DEPLOY_ERROR, "\"/tmp/ngx_deploy");
        test_path(NULL, test_dir, NGX_DEPLOY_DECLINED, "no profile");
    }

    (void) unlink(path);
    snprintf(path, sizeof(path), "%s/.aws", test_dir);
    (void) rmdir(path);

    test_write(test_credentials, "[default]\nregion=x\n");

    for (i = 0; i < 2; i++) {
        is_int(truncate(test_credentials, NGX_DEPLOY_WORK_MAX_FILE + i), 0,
               "1 MB");
        test_path(test_credentials, NULL,
                  i ? NGX_DEPLOY_ERROR : NGX_DEPLOY_DECLINED,
                  i ? "\"/tmp/ngx_deploy" : "no credentials in the profile");
    }
}


static void
test_environment(void)
{
    ngx_deploy_work_set_t     set;
    ngx_deploy_work_source_t  source;

    memset(&source, 0, sizeof(ngx_deploy_work_source_t));

    source.kind = NGX_DEPLOY_WORK_ENVIRONMENT;
    source.now = 1700000000;
    source.limit = 1000;

    set = test_set(&source, NGX_DEPLOY_DECLINED,
                   "no AWS_ACCESS_KEY_ID");
    is_int(set.retry, 0, "no use to try again");

    source.env[NGX_DEPLOY_WORK_ACCESS_KEY_ID] = "AKIAENV";
    source.env[NGX_DEPLOY_WORK_SECRET_ACCESS_KEY] = "";
    test_set(&source, NGX_DEPLOY_ERROR, "AWS_ACCESS_KEY_ID and"
             " AWS_SECRET_ACCESS_KEY must both be set");

    source.env[NGX_DEPLOY_WORK_SECRET_ACCESS_KEY] = "s";
    set = test_set(&source, NGX_DEPLOY_OK, "AKIAENV");
    is_str(set.credentials.secret_access_key, "s", "secret");
    is_str(set.credentials.session_token, NULL, "no token");
    is_str(set.source, "environment", "source");
    is_int(set.kind, NGX_DEPLOY_WORK_ENVIRONMENT, "kind");
    is_int(set.expires, 0, "never expires");

    source.env[NGX_DEPLOY_WORK_SESSION_TOKEN] = "t";
    source.env[NGX_DEPLOY_WORK_CREDENTIAL_EXPIRATION] = "2023-11-14T22:13:30Z";
    set = test_set(&source, NGX_DEPLOY_OK, "AKIAENV");
    is_str(set.credentials.session_token, "t", "token");
    is_int(set.expires, 1700000010, "expires");

    ngx_deploy_work_wipe(&set);
    is_str(set.credentials.secret_access_key, NULL, "wiped");

    source.now = 1700000010;
    test_set(&source, NGX_DEPLOY_ERROR, "the credentials of the environment"
             " expired at 2023-11-14T22:13:30Z");

    source.env[NGX_DEPLOY_WORK_CREDENTIAL_EXPIRATION] = "tomorrow";
    test_set(&source, NGX_DEPLOY_ERROR,
             "AWS_CREDENTIAL_EXPIRATION is not a time");

    source.env[NGX_DEPLOY_WORK_SESSION_TOKEN] = "t\nx: y";
    test_set(&source, NGX_DEPLOY_ERROR, "environment: a key is too long");
}


static void
test_kinds(void)
{
    int               kind;
    ngx_deploy_str_t  name;

    for (kind = NGX_DEPLOY_WORK_CHAIN; kind <= NGX_DEPLOY_WORK_IMDS; kind++) {
        name = tap_str(ngx_deploy_work_kind_name(kind));
        is_int(ngx_deploy_work_kind(&name), kind, "%s", (char *) name.data);
    }

    name = tap_str("web-identity");
    is_int(ngx_deploy_work_kind(&name), -1, "no such kind");
}


static void
test_memory(void)
{
    long                      i;
    ngx_deploy_work_set_t     set;
    ngx_deploy_work_source_t  source;

    test_write(test_credentials, "[default]\naws_access_key_id=A\n"
               "aws_secret_access_key=s\naws_session_token=t\n");

    source = test_source(NULL);

    for (i = 0; i < 4; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_work_credentials(tap_pool(), &source, &set),
               NGX_DEPLOY_ERROR, "no memory after %ld", i);
        is_str(tap_str(set.reason), "out of memory", "reason");
    }

    tap_pool_limit(-1);
}


int
main(void)
{
    if (mkdtemp(test_dir) == NULL) {
        printf("Bail out! no temporary directory\n");
        return 1;
    }

    snprintf(test_credentials, sizeof(test_credentials), "%s/credentials",
             test_dir);
    snprintf(test_config, sizeof(test_config), "%s/config", test_dir);

    test_keys();
    test_profiles();
    test_paths();
    test_environment();
    test_kinds();
    test_memory();

    (void) unlink(test_credentials);
    (void) unlink(test_config);
    (void) rmdir(test_dir);

    return plan_done();
}
