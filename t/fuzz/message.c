
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_message.h"
#include "ngx_deploy_tap.h"


/* what is found is a part of what was saved, and names are lower case */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_inside(const ngx_deploy_str_t *s, const ngx_deploy_str_t *text)
{
    if (s->len) {
        fuzz_check(s->data >= text->data
                   && s->data + s->len <= text->data + text->len);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                         rc;
    size_t                      i, k;
    const char                 *reason;
    ngx_deploy_str_t            text, value;
    ngx_deploy_tool_message_t   m;

    text = tap_copy(data, size);
    reason = NULL;

    rc = ngx_deploy_tool_message(tap_pool(), &text, &m, &reason);

    if (rc == NGX_DEPLOY_OK) {

        fuzz_inside(&m.method, &text);
        fuzz_inside(&m.body, &text);

        fuzz_check(m.nheaders > 0);

        for (i = 0; i < m.nheaders; i++) {

            fuzz_inside(&m.headers[i].value, &text);

            fuzz_check(ngx_deploy_tool_message_header(&m, &m.headers[i].name,
                                                      &value));

            for (k = 0; k < m.headers[i].name.len; k++) {
                fuzz_check(m.headers[i].name.data[k] < 'A'
                           || m.headers[i].name.data[k] > 'Z');
            }
        }

    } else {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && reason);
    }

    tap_pool_reset();

    return 0;
}
