
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_argv.h"
#include "ngx_deploy_tap.h"


/* the words of a command are not longer than the command */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc;
    char             **argv;
    size_t             n, len;
    const char        *reason;
    ngx_deploy_str_t   text;

    text = tap_copy(data, size);
    reason = NULL;

    rc = ngx_deploy_argv_split(tap_pool(), &text, &argv, &reason);

    if (rc == NGX_DEPLOY_OK) {
        len = 0;

        for (n = 0; argv[n]; n++) {
            len += strlen(argv[n]) + 1;
        }

        fuzz_check(n >= 1 && n <= NGX_DEPLOY_ARGV_MAX);
        fuzz_check(len <= size + 1);

    } else {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && reason);
    }

    tap_pool_reset();

    return 0;
}
