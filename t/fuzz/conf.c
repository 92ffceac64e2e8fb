
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_conf.h"
#include "ngx_deploy_tap.h"


/* every word has its NUL, nothing is nested too deep, lines do not go back */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the text of an include is what it names */

static int
fuzz_include(ngx_deploy_tool_conf_t *conf,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_directive_t ***last)
{
    return ngx_deploy_tool_conf_parse(conf, "included", &d->args[1], last);
}


static size_t
fuzz_walk(const ngx_deploy_tool_directive_t *d, unsigned depth, size_t size)
{
    size_t  i, n;

    fuzz_check(depth <= NGX_DEPLOY_TOOL_MAX_BLOCKS
                        * (NGX_DEPLOY_TOOL_MAX_INCLUDES + 1));

    for (n = 0; d; d = d->next) {

        fuzz_check(d->nargs > 0 && d->line > 0 && d->file);
        fuzz_check(d->is_block || d->block == NULL);

        for (i = 0; i < d->nargs; i++) {
            fuzz_check(d->args[i].data[d->args[i].len] == '\0');
            fuzz_check(d->args[i].len <= size);
        }

        n += 1 + fuzz_walk(d->block, depth + 1, size);
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                            rc;
    ngx_deploy_str_t               text;
    ngx_deploy_tool_conf_t         conf;
    ngx_deploy_tool_directive_t   *first, **last;

    memset(&conf, 0, sizeof(ngx_deploy_tool_conf_t));

    conf.pool = tap_pool();
    conf.include = fuzz_include;

    first = NULL;
    last = &first;

    text = tap_copy(data, size);

    rc = ngx_deploy_tool_conf_parse(&conf, "file", &text, &last);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check(rc == NGX_DEPLOY_OK || (conf.reason && conf.line && conf.file));
    fuzz_check(conf.blocks == 0 || rc != NGX_DEPLOY_OK);
    fuzz_check(fuzz_walk(first, 0, size) <= size + 1);
    fuzz_check(*last == NULL);

    tap_pool_reset();

    return 0;
}
