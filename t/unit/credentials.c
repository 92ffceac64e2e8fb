
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


/* what the files give: the key id, or why there is none */

static ngx_deploy_credentials_t
test_file(const char *credentials, const char *config, const char *profile,
    int want, const char *what)
{
    int                       rc;
    const char               *reason;
    ngx_deploy_work_files_t   files;
    ngx_deploy_credentials_t  result;

    test_write(test_credentials, credentials);
    test_write(test_config, config);

    memset(&files, 0, sizeof(ngx_deploy_work_files_t));

    files.credentials = test_credentials;
    files.config = test_config;
    files.profile = profile;
    reason = NULL;

    rc = ngx_deploy_work_credentials_file(tap_pool(), &files, &result,
                                          &reason);

    is_int(rc, want, "%s", what);

    if (rc == NGX_DEPLOY_OK) {
        is_str(result.access_key_id, what, "key id %s", what);

    } else {
        ok(reason && strcmp(reason, what) == 0, "reason: %s (%s)", what,
           reason ? reason : "none");
        is_str(result.access_key_id, NULL, "no key id");
    }

    return result;
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
              NGX_DEPLOY_ERROR, "the profile has aws_access_key_id,"
              " but no aws_secret_access_key");
    test_file("[default]\naws_secret_access_key=s5\n", NULL, NULL,
              NGX_DEPLOY_ERROR, "the profile has aws_secret_access_key,"
              " but no aws_access_key_id");
    test_file("[default]\naws_access_key_id=A B\naws_secret_access_key=s\n",
              NULL, NULL, NGX_DEPLOY_ERROR, "a key of the profile is too long"
              " or holds a character that no key has");
    test_file("[default]\naws_access_key_id=A\naws_secret_access_key=s\n"
              "aws_session_token=a\rb\n", NULL, NULL, NGX_DEPLOY_ERROR,
              "a key of the profile is too long"
              " or holds a character that no key has");
}


static void
test_profiles(void)
{
    test_file(NULL, NULL, NULL, NGX_DEPLOY_DECLINED, "no credentials");
    test_file("", "", "default", NGX_DEPLOY_DECLINED, "no credentials");
    test_file(NULL, "[default]\nregion=us-east-1\n", NULL,
              NGX_DEPLOY_DECLINED, "no credentials");
    test_file("[default]\naws_access_key_id=A\naws_secret_access_key=s\n",
              "[default]\n", "p1", NGX_DEPLOY_ERROR,
              "the AWS profile does not exist");
    test_file(NULL, "[profile p1]\nregion=x\n", "p1", NGX_DEPLOY_DECLINED,
              "no credentials");

    test_file(NULL, "[profile p1]\nrole_arn=arn\nsource_profile=default\n",
              "p1", NGX_DEPLOY_DECLINED,
              "role_arn of the profile is not supported yet");
    test_file(NULL, "[default]\ncredential_process=/bin/x\n", NULL,
              NGX_DEPLOY_DECLINED,
              "credential_process of the profile is not supported yet");
    test_file("[default]\nsource_profile=x\n", NULL, NULL,
              NGX_DEPLOY_DECLINED,
              "source_profile of the profile is not supported yet");
    test_file(NULL, "[default]\nsso_session=x\nsso_account_id=1\n", NULL,
              NGX_DEPLOY_DECLINED, "sso_session of the profile is not"
              " supported");

    /* keys beside a role are not to be used without it, others are */

    test_file("[default]\naws_access_key_id=A\naws_secret_access_key=s\n",
              "[default]\nrole_arn=arn\nsource_profile=default\n", NULL,
              NGX_DEPLOY_DECLINED,
              "role_arn of the profile is not supported yet");
    test_file("[default]\naws_access_key_id=AKIA6\naws_secret_access_key=s\n",
              "[default]\ncredential_process=/bin/x\n", NULL, NGX_DEPLOY_OK,
              "AKIA6");
}


static void
test_path(const char *path, unsigned implicit, int want, const char *what)
{
    int                       rc;
    const char               *reason;
    ngx_deploy_work_files_t   files;
    ngx_deploy_credentials_t  result;

    memset(&files, 0, sizeof(ngx_deploy_work_files_t));

    files.credentials = path;
    files.implicit = implicit;
    reason = NULL;

    rc = ngx_deploy_work_credentials_file(tap_pool(), &files, &result,
                                          &reason);

    is_int(rc, want, "%s", path ? path : "no path");
    ok(reason && strcmp(reason, what) == 0, "reason: %s (%s)", what,
       reason ? reason : "none");
}


static void
test_paths(void)
{
    FILE  *f;

    test_path(NULL, 0, NGX_DEPLOY_DECLINED, "no credentials");
    test_path("", 0, NGX_DEPLOY_DECLINED, "no credentials");
    test_path("/dev/null", 0, NGX_DEPLOY_DECLINED, "no credentials");
    test_path("/dev/null/x", 0, NGX_DEPLOY_DECLINED, "no credentials");
    test_path("/dev/zero", 0, NGX_DEPLOY_ERROR,
              "a file of the AWS profiles is not a regular file");
    test_path(test_dir, 0, NGX_DEPLOY_ERROR,
              "a file of the AWS profiles is not a regular file");

    (void) unlink(test_credentials);

    if (mkfifo(test_credentials, 0600) == 0) {
        test_path(test_credentials, 0, NGX_DEPLOY_ERROR,
                  "a file of the AWS profiles is not a regular file");
    }

    (void) unlink(test_credentials);
    (void) symlink(test_credentials, test_credentials);
    test_path(test_credentials, 1, NGX_DEPLOY_ERROR,
              "a file of the AWS profiles cannot be opened");

    test_write(test_credentials, "[default]\nregion=x\n");

    if (geteuid() != 0) {
        (void) chmod(test_credentials, 0);
        test_path(test_credentials, 0, NGX_DEPLOY_ERROR,
                  "a file of the AWS profiles cannot be opened");
        test_path(test_credentials, 1, NGX_DEPLOY_DECLINED, "no credentials");
        (void) chmod(test_credentials, 0600);
    }

    is_int(truncate(test_credentials, NGX_DEPLOY_WORK_MAX_FILE), 0, "1 MB");
    test_path(test_credentials, 0, NGX_DEPLOY_DECLINED, "no credentials");

    f = fopen(test_credentials, "a");

    if (f) {
        (void) fputc('#', f);
        (void) fclose(f);
    }

    test_path(test_credentials, 0, NGX_DEPLOY_ERROR,
              "a file of the AWS profiles is over 1 MB");
}


static void
test_memory(void)
{
    long                      i;
    const char               *reason;
    ngx_deploy_work_files_t   files;
    ngx_deploy_credentials_t  result;

    test_write(test_credentials, "[default]\naws_access_key_id=A\n"
               "aws_secret_access_key=s\naws_session_token=t\n");

    memset(&files, 0, sizeof(ngx_deploy_work_files_t));
    files.credentials = test_credentials;

    for (i = 0; i < 3; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_work_credentials_file(tap_pool(), &files, &result,
                                                &reason),
               NGX_DEPLOY_ERROR, "no memory after %ld", i);
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
    test_memory();

    (void) unlink(test_credentials);
    (void) unlink(test_config);
    (void) rmdir(test_dir);

    return plan_done();
}
