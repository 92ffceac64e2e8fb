
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_tap.h"


/*
 * Two bytes of status, one of flags, a line with the type of the error, then
 * the body.  What is handed on is safe for logs and headers whatever came.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               i;
    unsigned             status, whole;
    const uint8_t       *p;
    ngx_deploy_str_t     type, body;
    ngx_deploy_reply_t   reply;

    if (size < 3) {
        return 0;
    }

    status = (data[0] << 8 | data[1]) % 700;
    whole = data[2] & 1;

    data += 3;
    size -= 3;

    p = size ? memchr(data, '\n', size) : NULL;

    type.len = 0;
    type.data = NULL;

    if (p) {
        type = tap_copy(data, p - data);
        size -= p + 1 - data;
        data = p + 1;
    }

    body = tap_copy(data, size);

    fuzz_check(ngx_deploy_codebuild_reply(tap_pool(), status, &type,
                                          body.data, body.len, whole, &reply)
               == NGX_DEPLOY_OK);

    if (reply.class == NGX_DEPLOY_REPLY_STARTED) {
        fuzz_check(status == 200 && whole && reply.id.len);
        fuzz_check(reply.reason == NULL && reply.error.data == NULL);
        fuzz_check(reply.number >= -1);

    } else {
        fuzz_check(reply.id.data == NULL && reply.reason != NULL);
        fuzz_check((reply.error.data != NULL) == (status >= 400));
        fuzz_check(reply.class <= NGX_DEPLOY_REPLY_TRANSIENT);
    }

    fuzz_check(status < 500 || reply.class != NGX_DEPLOY_REPLY_REFUSED);

    for (i = 0; i < reply.url.len; i++) {
        fuzz_check(reply.url.data[i] > ' ' && reply.url.data[i] < 0x7f);
    }

    for (i = 0; i < reply.error.len; i++) {
        fuzz_check(strchr("_.-", reply.error.data[i])
                   || (reply.error.data[i] | 0x20) >= '0');
        fuzz_check(reply.error.data[i] > ' ' && reply.error.data[i] < 0x7f);
    }

    fuzz_check(reply.error.len <= 128 && reply.message.len <= 1024);
    fuzz_check(reply.message.len == 0
               || ngx_deploy_utf8_valid(reply.message.data,
                                        reply.message.len));

    for (i = 0; i < reply.message.len; i++) {
        fuzz_check(reply.message.data[i] >= ' '
                   && reply.message.data[i] != 0x7f);
    }

    tap_pool_reset();

    return 0;
}
