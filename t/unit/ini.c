
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_ini.h"
#include "ngx_deploy_tap.h"


static void
test_get(const char *text, unsigned config, const char *profile,
    const char *key, const char *want, unsigned exists)
{
    unsigned          section;
    ngx_deploy_str_t  s, name;

    s = tap_copy(text, strlen(text));
    name = tap_str(profile);
    section = 7;

    is_str(ngx_deploy_ini_get(&s, config, &name, key, &section), want,
           "%s of [%s]", key, profile);
    is_int(section, exists, "[%s] exists: %u", profile, exists);
}


static void
test_credentials(void)
{
    static const char  text[] =
        "\xef\xbb\xbf# a comment\n"
        "before = any section\n"
        "[default]\n"
        "aws_access_key_id = AKID1\n"
        "  aws_secret_access_key = nested\n"
        "\taws_secret_access_key = nested\n"
        "#aws_secret_access_key = comment\n"
        ";aws_secret_access_key = comment\n"
        "aws_secret_access_key=a+b/c=#;d  # a comment\n"
        "\n"
        "[ other ]   ; a comment\r\n"
        "AWS_ACCESS_KEY_ID\t=\tAKID2\t; a comment\r\n"
        "empty =\r\n"
        "hash = #\r\n"
        "no value\r\n"
        "= no key\r\n"
        "[\"with blank\"]\n"
        "k = 1\n"
        "[with 'quote]\n"
        "k = 2\n"
        "[profile other]\n"
        "k = 3\n"
        "[broken\n"
        "k = 4\n"
        "[other]\n"
        "k = 5\n"
        "k = 6";

    test_get(text, 0, "default", "aws_access_key_id", "AKID1", 1);
    test_get(text, 0, "default", "aws_secret_access_key", "a+b/c=#;d", 1);
    test_get(text, 0, "default", "k", NULL, 1);
    test_get(text, 0, "default", "before", NULL, 1);
    test_get(text, 0, "other", "aws_access_key_id", "AKID2", 1);
    test_get(text, 0, "other", "empty", "", 1);
    test_get(text, 0, "other", "hash", "", 1);
    test_get(text, 0, "other", "no value", NULL, 1);
    test_get(text, 0, "other", "k", "6", 1);
    test_get(text, 0, "with blank", "k", "1", 1);
    test_get(text, 0, "with 'quote", "k", "2", 1);
    test_get(text, 0, "profile other", "k", "3", 1);
    test_get(text, 0, "broken", "k", NULL, 0);
    test_get(text, 0, "Default", "k", NULL, 0);
    test_get(text, 0, "defaul", "k", NULL, 0);
    test_get(text, 0, "", "before", NULL, 0);

    test_get("", 0, "default", "k", NULL, 0);
    test_get("[]\nk=1", 0, "", "k", NULL, 0);
    test_get("[default]", 0, "default", "k", NULL, 1);
    test_get("\n\r\n[default]\r\nk=1\r", 0, "default", "k", "1", 1);
}


static void
test_config(void)
{
    static const char  text[] =
        "[default]\n"
        "region = us-east-1\n"
        "output = json\n"
        "[profile  'a b']\n"
        "region = us-west-2\n"
        "[plain]\n"
        "region = no\n"
        "[profilex]\n"
        "region = no\n"
        "[profile]\n"
        "region = no\n"
        "[sso-session a b]\n"
        "region = no\n"
        "[services default]\n"
        "region = no\n";

    static const char  both[] =
        "[profile default]\n"
        "region = one\n"
        "[default]\n"
        "region = two\n"
        "output = json\n";

    test_get(text, 1, "default", "region", "us-east-1", 1);
    test_get(text, 1, "a b", "region", "us-west-2", 1);
    test_get(text, 1, "plain", "region", NULL, 0);
    test_get(text, 1, "x", "region", NULL, 0);
    test_get(text, 1, "profilex", "region", NULL, 0);
    test_get(text, 1, "profile", "region", NULL, 0);

    test_get(both, 1, "default", "region", "one", 1);
    test_get(both, 1, "default", "output", NULL, 1);
    test_get(both, 0, "default", "region", "two", 1);
}


int
main(void)
{
    test_credentials();
    test_config();

    return plan_done();
}
