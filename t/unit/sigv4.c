
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sigv4.h"
#include "ngx_deploy_tap.h"


#define TEST_SECRET  "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


static ngx_deploy_header_t  test_headers[] = {
    { ngx_deploy_string("X-Amz-Target"),
      ngx_deploy_string("CodeBuild_20161006.StartBuild") },
    { ngx_deploy_string("Host"),
      ngx_deploy_string("codebuild.us-east-1.amazonaws.com") },
    { ngx_deploy_string("X-Amz-Date"),
      ngx_deploy_string("20260102T030405Z") },
    { ngx_deploy_string("Content-Type"),
      ngx_deploy_string("  application/x-amz-json-1.1\t") }
};


static ngx_deploy_sigv4_request_t  test_request = {
    ngx_deploy_string("POST"),
    ngx_deploy_string("/"),
    ngx_deploy_null_string,
    test_headers, 4,
    ngx_deploy_string("{\"projectName\":\"deploy-web\"}"),
    ngx_deploy_string("us-east-1"),
    ngx_deploy_string("codebuild"),
    1
};


static ngx_deploy_credentials_t  test_credentials = {
    ngx_deploy_string("AKIDEXAMPLE"),
    ngx_deploy_string(TEST_SECRET),
    ngx_deploy_null_string
};


static const u_char  test_time[] = "20260102T030405Z";


static void
test_date(time_t now, const char *want)
{
    ngx_deploy_str_t  s;

    s.data = ngx_deploy_palloc(tap_pool(), NGX_DEPLOY_SIGV4_DATE_LEN);
    s.len = NGX_DEPLOY_SIGV4_DATE_LEN;

    ngx_deploy_sigv4_date(s.data, now);

    is_str(s, want, "date %lld", (long long) now);
}


static void
test_dates(void)
{
    time_t      t;
    char        buf[32];
    u_char      date[NGX_DEPLOY_SIGV4_DATE_LEN];
    unsigned    bad;
    struct tm   tm;

    test_date(0, "19700101T000000Z");
    test_date(-5, "19700101T000000Z");
    test_date(1767323045, "20260102T030405Z");
    test_date(951782399, "20000228T235959Z");
    test_date(951782400, "20000229T000000Z");
    test_date(4107542400, "21000301T000000Z");
    test_date(253402300799, "99991231T235959Z");
    test_date(253402300800, "99991231T235959Z");

    bad = 0;

    for (t = 0; t < 16725225600; t += 43201) {
        gmtime_r(&t, &tm);
        strftime(buf, sizeof(buf), "%Y%m%dT%H%M%SZ", &tm);
        ngx_deploy_sigv4_date(date, t);
        bad += (memcmp(buf, date, NGX_DEPLOY_SIGV4_DATE_LEN) != 0);
    }

    is_int(bad, 0, "as the C library has it, to the year 2500");
}


static void
test_worked(void)
{
    u_char                      hex[64];
    ngx_deploy_str_t            s;
    ngx_deploy_sigv4_key_t      key, kept;
    ngx_deploy_credentials_t    other;
    ngx_deploy_sigv4_request_t  request;

    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &test_request, &s), 0,
           "canonical request");
    is_str(s, "POST\n/\n\n"
           "content-type:application/x-amz-json-1.1\n"
           "host:codebuild.us-east-1.amazonaws.com\n"
           "x-amz-date:20260102T030405Z\n"
           "x-amz-target:CodeBuild_20161006.StartBuild\n\n"
           "content-type;host;x-amz-date;x-amz-target\n"
           "498d1d1c503cb7b038a4f79aae6a974af441fe898e862688184aae0a40fe48b7",
           "canonical request");

    is_int(ngx_deploy_sigv4_string_to_sign(tap_pool(), &test_request,
                                           test_time, &s),
           0, "string to sign");
    is_str(s, "AWS4-HMAC-SHA256\n20260102T030405Z\n"
           "20260102/us-east-1/codebuild/aws4_request\n"
           "804dce5eb6aa2a0703f4aee2391e16126967b5f1023d4081fd2741117de14b6f",
           "string to sign");

    memset(&key, 0, sizeof(ngx_deploy_sigv4_key_t));

    is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                          &test_credentials, &key, test_time,
                                          &s),
           0, "authorization");
    is_str(s, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/"
           "codebuild/aws4_request, SignedHeaders=content-type;host;x-amz-date"
           ";x-amz-target, Signature="
           "7911f8a03e42e04c96feb653d16badd41e6b0d8c45a7d642755df51522e8f8a8",
           "authorization");

    s.data = hex;
    s.len = 64;
    ngx_deploy_hex_encode(hex, key.key, 32);
    is_str(s, "0eb7094a164568ee1e364c73f5c4d205"
           "feb949fc45a0c4ec00b53fc68959e9fe", "signing key");

    /* a key is used as long as it is of the same, then made anew */

    kept = key;
    key.key[0] ^= 1;
    ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                   &test_credentials, &key, test_time, &s);
    ok(key.key[0] == (kept.key[0] ^ 1), "the key is kept");

    request = test_request;
    request.region = tap_str("eu-west-1");
    ngx_deploy_sigv4_authorization(tap_pool(), &request, &test_credentials,
                                   &key, test_time, &s);
    ok(memcmp(kept.id, key.id, 32) != 0, "another region");

    ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                   &test_credentials, &key, test_time, &s);
    ok(memcmp(&kept, &key, sizeof(key)) == 0, "back again");

    ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                   &test_credentials, &key,
                                   (u_char *) "20260103T000000Z", &s);
    ok(memcmp(kept.id, key.id, 32) != 0, "another day");

    other = test_credentials;
    other.secret_access_key = tap_str("another");
    key = kept;
    ngx_deploy_sigv4_authorization(tap_pool(), &test_request, &other, &key,
                                   test_time, &s);
    ok(memcmp(kept.key, key.key, 32) != 0, "another secret");

    /* a check value that AWS published */

    request.region = tap_str("us-east-1");
    request.service = tap_str("iam");
    ngx_deploy_sigv4_authorization(tap_pool(), &request, &test_credentials,
                                   &key, (u_char *) "20120215T000000Z", &s);
    s.data = hex;
    s.len = 64;
    ngx_deploy_hex_encode(hex, key.key, 32);
    is_str(s, "f4780e2d9f65fa895f9c67b32ce1baf0"
           "b0d8a43505a000a1a9e090d414db404d", "published signing key");
}


static void
test_line(const char *path, const char *query, unsigned normalize,
    const char *want)
{
    u_char                      *p;
    ngx_deploy_str_t             s;
    ngx_deploy_sigv4_request_t   request;

    request = test_request;
    request.path = tap_str(path);
    request.query = tap_str(query);
    request.normalize = normalize;

    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), 0, "%s?%s",
           path, query);

    /* the second and the third line */

    p = memchr(s.data, '\n', s.len);
    s.len -= p + 1 - s.data;
    s.data = p + 1;
    p = memchr(s.data, '\n', s.len);
    p = memchr(p + 1, '\n', s.len - (p + 1 - s.data));
    s.len = p - s.data;

    is_str(s, want, "%s?%s is %s", path, query, want);
}


static void
test_uri(void)
{
    test_line("", "", 0, "/\n");
    test_line("", "", 1, "/\n");
    test_line("/", "", 1, "/\n");
    test_line("//a//", "", 0, "//a//\n");
    test_line("//a//", "", 1, "/a/\n");
    test_line("/a/./b/../c", "", 1, "/a/c\n");
    test_line("/a/../../..", "", 1, "/\n");
    test_line("/..", "", 1, "/\n");
    test_line("/a/b/..", "", 1, "/a\n");
    test_line("/a/b/../", "", 1, "/a/\n");
    test_line("a", "", 1, "/a\n");
    test_line("/a%20b c", "", 1, "/a%2520b%20c\n");
    test_line("/\xe1\x88\xb4", "", 0, "/%E1%88%B4\n");
    test_line("/", "b=2&a=3&a=1&c", 0, "/\na=1&a=3&b=2&c=");
    test_line("/", "a%2fb=%7E+%zz&&=x&%", 0,
              "/\n=x&%25=&a%2Fb=~%2B%25zz");
    test_line("/", "p-3=1&p=2", 0, "/\np=2&p-3=1");
    test_line("/", "a==b", 0, "/\na=%3Db");
}


static void
test_limits(void)
{
    size_t                      i;
    ngx_deploy_str_t            s;
    ngx_deploy_header_t         headers[33];
    ngx_deploy_sigv4_key_t      key;
    ngx_deploy_credentials_t    credentials;
    ngx_deploy_sigv4_request_t  request;

    request = test_request;
    request.headers = headers;

    for (i = 0; i < 33; i++) {
        headers[i].name = tap_str("x");
        headers[i].value = tap_str(i & 1 ? " b  c" : "a");
    }

    request.nheaders = 3;
    ngx_deploy_sigv4_canonical(tap_pool(), &request, &s);
    s.data += sizeof("POST\n/\n\n") - 1;
    s.len = sizeof("x:a,b c,a\n\nx\n") - 1;
    is_str(s, "x:a,b c,a\n\nx\n", "values of one name are joined");

    request.nheaders = 32;
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), 0,
           "32 headers");
    request.nheaders = 33;
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), -1,
           "33 headers");

    request.nheaders = 0;
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), 0,
           "no header");

    request.nheaders = 1;
    headers[0].value = tap_str("a\nhost:b");
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), -1,
           "a line feed in a value");

    request = test_request;
    request.path.data = NULL;
    request.path.len = 0;
    request.body = request.path;
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), 0,
           "absent path and body");

    request = test_request;
    request.region = tap_str("us east");
    is_int(ngx_deploy_sigv4_canonical(tap_pool(), &request, &s), -1,
           "a blank in a region");

    memset(&key, 0, sizeof(ngx_deploy_sigv4_key_t));
    credentials = test_credentials;
    credentials.access_key_id = tap_str("AK\r\nX: y");
    is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                          &credentials, &key, test_time, &s),
           -1, "a line feed in a key id");

    credentials = test_credentials;
    credentials.secret_access_key.len = 0;
    is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                          &credentials, &key, test_time, &s),
           -1, "no secret");

    credentials.secret_access_key.len = NGX_DEPLOY_SIGV4_MAX_SECRET;
    credentials.secret_access_key.data = ngx_deploy_pcalloc(tap_pool(),
                                               NGX_DEPLOY_SIGV4_MAX_SECRET);
    is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                          &credentials, &key, test_time, &s),
           0, "the longest secret");

    credentials.secret_access_key.len++;
    is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                          &credentials, &key, test_time, &s),
           -1, "a longer one");

    for (i = 0; i < 3; i++) {
        tap_pool_limit(i);
        is_int(ngx_deploy_sigv4_authorization(tap_pool(), &test_request,
                                              &test_credentials, &key,
                                              test_time, &s),
               -1, "no memory after %d", (int) i);
    }

    tap_pool_limit(-1);
}


int
main(void)
{
    test_dates();
    test_worked();
    test_uri();
    test_limits();

    return plan_done();
}
