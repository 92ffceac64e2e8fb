
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_watch.h"
#include "ngx_deploy_tap.h"


/* what a reply tells of builds can be written down and read back */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
fuzz_build(void *data, const ngx_deploy_build_t *build)
{
    unsigned *n = data;

    ngx_deploy_str_t     dump;
    ngx_deploy_build_t   known;

    fuzz_check(build->id.len != 0);
    fuzz_check(build->nphases <= NGX_DEPLOY_BUILD_MAX_PHASES);
    fuzz_check(build->status < NGX_DEPLOY_BUILD_STATUSES);
    fuzz_check(build->told || build->message.len);

    ngx_deploy_build_init(&known);

    known.project = tap_str("api");
    known.status = NGX_DEPLOY_BUILD_STARTED;

    (void) ngx_deploy_build_merge(&known, build);

    fuzz_check(known.status >= NGX_DEPLOY_BUILD_STARTED);
    fuzz_check(ngx_deploy_build_dump(&known, tap_pool(), &dump)
               == NGX_DEPLOY_OK);

    (*n)++;

    return NGX_DEPLOY_OK;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc;
    unsigned           n;
    const char        *reason;
    ngx_deploy_str_t   text;

    n = 0;
    reason = NULL;
    text = tap_copy(data, size);

    rc = ngx_deploy_watch_reply(tap_pool(), text.data, text.len, fuzz_build,
                                &n, &reason);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check((rc == NGX_DEPLOY_DECLINED) == (reason != NULL));
    fuzz_check(rc == NGX_DEPLOY_OK || n == 0);

    tap_pool_reset();

    return 0;
}
