
/*
 * Copyright (C) ngx_deploy_module authors
 */


/*
 * sigv4 FOLDER: runs FOLDER/sigv4/{v4,legacy,codebuild}, AWS's own signing
 * cases and ours, byte for byte, and prints TAP.  FOLDER may be the one that
 * is named sigv4, too.
 */


#define _GNU_SOURCE

#include "ngx_deploy_json.h"
#include "ngx_deploy_sigv4.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>


#define TEST_MAX_FILE  65536


typedef struct {
    char                        dir[2048];
    char                        name[256];
    unsigned                    legacy;
    unsigned                    sign_body;
    unsigned                    omit_token;
    u_char                      date[NGX_DEPLOY_SIGV4_DATE_LEN];
    u_char                      hash[64];
    ngx_deploy_str_t            text;
    ngx_deploy_header_t         headers[NGX_DEPLOY_SIGV4_MAX_HEADERS];
    ngx_deploy_credentials_t    credentials;
    ngx_deploy_sigv4_request_t  request;
    ngx_deploy_json_t          *context;
} test_case_t;


typedef struct test_block_s  test_block_t;

struct test_block_s {
    test_block_t               *next;
    void                       *p;
};


static void *test_alloc(void *data, size_t size);
static void test_free(void);
static ngx_deploy_str_t test_file(test_case_t *tc, const char *name,
    const char *suffix);
static void test_context(test_case_t *tc);
static void test_request(test_case_t *tc);
static ngx_deploy_str_t test_line(ngx_deploy_str_t *text);
static void test_header(test_case_t *tc, const char *name,
    ngx_deploy_str_t value);
static int test_case(test_case_t *tc);
static int test_is(test_case_t *tc, const char *what, ngx_deploy_str_t got,
    ngx_deploy_str_t want);
static int test_cmp(const void *one, const void *two);
static int test_folder(const char *root, const char *folder, int *n);


static test_block_t      *test_blocks;
static ngx_deploy_pool_t  test_pool = { test_alloc, NULL };


static void *
test_alloc(void *data, size_t size)
{
    test_block_t  *block;

    (void) data;

    block = malloc(sizeof(test_block_t));

    if (block == NULL || (block->p = malloc(size ? size : 1)) == NULL) {
        printf("Bail out! out of memory\n");
        exit(1);
    }

    block->next = test_blocks;
    test_blocks = block;

    return block->p;
}


static void
test_free(void)
{
    test_block_t  *block;

    while (test_blocks) {
        block = test_blocks;
        test_blocks = block->next;

        free(block->p);
        free(block);
    }
}


static ngx_deploy_str_t
test_file(test_case_t *tc, const char *name, const char *suffix)
{
    FILE              *f;
    char               path[4096];
    ngx_deploy_str_t   s;

    if (tc->legacy) {
        snprintf(path, sizeof(path), "%s/%s/%s.%s", tc->dir, tc->name,
                 tc->name, suffix);

    } else {
        snprintf(path, sizeof(path), "%s/%s/%s", tc->dir, tc->name, name);
    }

    f = fopen(path, "rb");

    if (f == NULL) {
        printf("Bail out! %s cannot be opened\n", path);
        exit(1);
    }

    s.data = test_alloc(NULL, TEST_MAX_FILE);
    s.len = fread(s.data, 1, TEST_MAX_FILE, f);

    fclose(f);

    return s;
}


static void
test_context(test_case_t *tc)
{
    size_t              i, n;
    const char         *reason;
    ngx_deploy_str_t    text, time;
    ngx_deploy_json_t  *json, *keys;

    text = test_file(tc, "context.json", "");
    json = ngx_deploy_json_parse(text.data, text.len, TEST_MAX_FILE, &reason);

    if (json == NULL) {
        printf("Bail out! %s: context.json: %s\n", tc->name, reason);
        exit(1);
    }

    ngx_deploy_json_free(tc->context);
    tc->context = json;

    keys = ngx_deploy_json_get(json, "credentials");

    tc->credentials.access_key_id = ngx_deploy_json_get_str(keys,
                                                            "access_key_id");
    tc->credentials.secret_access_key = ngx_deploy_json_get_str(keys,
                                                        "secret_access_key");
    tc->credentials.session_token = ngx_deploy_json_get_str(keys, "token");
    tc->request.region = ngx_deploy_json_get_str(json, "region");
    tc->request.service = ngx_deploy_json_get_str(json, "service");

    /* booleans are told by their text, "true" */

#define test_flag(name)                                                       \
    (ngx_deploy_json_get(json, name)                                          \
     && ngx_deploy_json_dump(ngx_deploy_json_get(json, name), &test_pool,     \
                             &text)                                           \
        == NGX_DEPLOY_OK                                                      \
     && ngx_deploy_str_is(&text, "true"))

    tc->request.normalize = test_flag("normalize");
    tc->sign_body = test_flag("sign_body");
    tc->omit_token = test_flag("omit_session_token");

    /* 2015-08-30T12:36:00Z without what separates */

    time = ngx_deploy_json_get_str(json, "timestamp");
    n = 0;

    for (i = 0; i < time.len && n < NGX_DEPLOY_SIGV4_DATE_LEN; i++) {
        if (time.data[i] != '-' && time.data[i] != ':') {
            tc->date[n++] = time.data[i];
        }
    }
}


static ngx_deploy_str_t
test_line(ngx_deploy_str_t *text)
{
    u_char            *p;
    size_t             n;
    ngx_deploy_str_t   line;

    p = memchr(text->data, '\n', text->len);
    n = p ? (size_t) (p - text->data) : text->len;

    line.data = text->data;
    line.len = n;

    text->data += p ? n + 1 : n;
    text->len -= p ? n + 1 : n;

    return line;
}


static void
test_request(test_case_t *tc)
{
    u_char               *p;
    ngx_deploy_str_t      text, line;
    ngx_deploy_header_t  *header;

    text = tc->text;
    line = test_line(&text);
    header = NULL;

    p = memchr(line.data, ' ', line.len);

    tc->request.method.data = line.data;
    tc->request.method.len = p - line.data;
    tc->request.path.data = p + 1;

    /* a path may hold a blank: the version is what follows the last one */

    tc->request.path.len = line.data + line.len - sizeof(" HTTP/1.1") + 1
                           - tc->request.path.data;

    p = memchr(tc->request.path.data, '?', tc->request.path.len);

    if (p) {
        tc->request.query.data = p + 1;
        tc->request.query.len = tc->request.path.data + tc->request.path.len
                                - p - 1;
        tc->request.path.len = p - tc->request.path.data;
    }

    while (text.len) {
        line = test_line(&text);

        if (line.len == 0) {
            tc->request.body = text;
            break;
        }

        if (line.data[0] == ' ' && header) {

            /* goes on: the line feed is as good as a space */

            line.data[-1] = ' ';
            header->value.len += line.len + 1;
            continue;
        }

        p = memchr(line.data, ':', line.len);

        header = &tc->headers[tc->request.nheaders++];
        header->name.data = line.data;
        header->name.len = p - line.data;
        header->value.data = p + 1;
        header->value.len = line.data + line.len - p - 1;
    }
}


static void
test_header(test_case_t *tc, const char *name, ngx_deploy_str_t value)
{
    size_t                i;
    ngx_deploy_header_t  *header;

    for (i = 0; i < tc->request.nheaders; i++) {
        if (ngx_deploy_str_is_nocase(&tc->headers[i].name, name)) {
            return;
        }
    }

    header = &tc->headers[tc->request.nheaders++];
    header->name.data = (u_char *) name;
    header->name.len = strlen(name);
    header->value = value;
}


static int
test_case(test_case_t *tc)
{
    int                      fails;
    u_char                  *p;
    ngx_deploy_str_t         got, want, canonical;
    ngx_deploy_sigv4_key_t   key;

    memset(&key, 0, sizeof(ngx_deploy_sigv4_key_t));

    got.data = tc->date;
    got.len = NGX_DEPLOY_SIGV4_DATE_LEN;
    test_header(tc, "x-amz-date", got);

    if (tc->credentials.session_token.len && !tc->omit_token) {
        test_header(tc, "x-amz-security-token", tc->credentials.session_token);
    }

    canonical = test_file(tc, "header-canonical-request.txt", "creq");

    if (tc->sign_body) {

        /* the hash is that of the last line, which is compared anyway */

        memcpy(tc->hash, canonical.data + canonical.len - 64, 64);
        got.data = tc->hash;
        got.len = 64;
        test_header(tc, "x-amz-content-sha256", got);
    }

    fails = 0;

    if (ngx_deploy_sigv4_canonical(&test_pool, &tc->request, &got)
        != NGX_DEPLOY_OK
        || test_is(tc, "canonical request", got, canonical))
    {
        fails++;
    }

    want = test_file(tc, "header-string-to-sign.txt", "sts");

    if (ngx_deploy_sigv4_string_to_sign(&test_pool, &tc->request, tc->date,
                                        &got)
        != NGX_DEPLOY_OK
        || test_is(tc, "string to sign", got, want))
    {
        fails++;
    }

    if (ngx_deploy_sigv4_authorization(&test_pool, &tc->request,
                                       &tc->credentials, &key, tc->date, &got)
        != NGX_DEPLOY_OK)
    {
        return fails + 1;
    }

    if (tc->legacy) {
        return fails + test_is(tc, "authorization", got,
                               test_file(tc, "", "authz"));
    }

    want = test_file(tc, "header-signed-request.txt", "");

    p = memmem(want.data, want.len, "\nAuthorization:", 15);

    if (p == NULL) {
        return fails + 1;
    }

    want.len -= p + 15 - want.data;
    want.data = p + 15;
    want = test_line(&want);

    /* the suite writes a blank after the colon, our own cases do not */

    while (want.len && want.data[0] == ' ') {
        want.data++;
        want.len--;
    }

    fails += test_is(tc, "authorization", got, want);

    got.data += got.len - 64;
    got.len = 64;

    return fails + test_is(tc, "signature", got,
                           test_file(tc, "header-signature.txt", ""));
}


static int
test_is(test_case_t *tc, const char *what, ngx_deploy_str_t got,
    ngx_deploy_str_t want)
{
    if (ngx_deploy_str_eq(&got, &want)) {
        return 0;
    }

    printf("# %s: %s\n# got:\n%.*s\n# want:\n%.*s\n", tc->name, what,
           (int) got.len, (char *) got.data, (int) want.len,
           (char *) want.data);

    return 1;
}


static int
test_cmp(const void *one, const void *two)
{
    return strcmp(*(char *const *) one, *(char *const *) two);
}


/* the number of failures; *n is that of the cases so far */

static int
test_folder(const char *root, const char *folder, int *n)
{
    int             fails;
    DIR            *dir;
    char           *names[256], path[1024];
    size_t          i, nnames;
    test_case_t    *tc;
    struct dirent  *entry;

    snprintf(path, sizeof(path), "%s/%s", root, folder);

    dir = opendir(path);

    if (dir == NULL) {
        printf("Bail out! %s cannot be opened\n", path);
        exit(1);
    }

    fails = 0;
    nnames = 0;

    while ((entry = readdir(dir)) != NULL && nnames < 256) {
        if (entry->d_name[0] != '.') {
            names[nnames] = test_alloc(NULL, strlen(entry->d_name) + 1);
            strcpy(names[nnames++], entry->d_name);
        }
    }

    closedir(dir);

    qsort(names, nnames, sizeof(char *), test_cmp);

    for (i = 0; i < nnames; i++) {
        tc = test_alloc(NULL, sizeof(test_case_t));
        memset(tc, 0, sizeof(test_case_t));
        tc->request.headers = tc->headers;

        if (strcmp(folder, "legacy") == 0) {

            /* these share the keys and the time of the others */

            snprintf(tc->dir, sizeof(tc->dir), "%s/v4", root);
            snprintf(tc->name, sizeof(tc->name), "get-vanilla");
            test_context(tc);
            tc->legacy = 1;
        }

        snprintf(tc->dir, sizeof(tc->dir), "%s", path);
        snprintf(tc->name, sizeof(tc->name), "%s", names[i]);

        if (!tc->legacy) {
            test_context(tc);
        }

        tc->text = test_file(tc, "request.txt", "req");
        test_request(tc);

        if (test_case(tc)) {
            fails++;
            printf("not ");
        }

        printf("ok %d - %s/%s\n", ++*n, folder, names[i]);

        ngx_deploy_json_free(tc->context);
    }

    return fails;
}


int
main(int argc, char **argv)
{
    int          n, fails;
    DIR         *dir;
    char         path[900];
    const char  *root;

    if (argc != 2) {
        fprintf(stderr, "usage: sigv4 FOLDER\n");
        return 2;
    }

    snprintf(path, sizeof(path), "%s/sigv4", argv[1]);

    root = argv[1];
    dir = opendir(path);

    if (dir) {
        root = path;
        closedir(dir);
    }

    n = 0;
    fails = test_folder(root, "v4", &n);
    fails += test_folder(root, "legacy", &n);
    fails += test_folder(root, "codebuild", &n);

    printf("1..%d\n", n);

    test_free();

    return (fails || n == 0) ? 1 : 0;
}
