
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_url.h"
#include "ngx_deploy_tap.h"


/*
 * The parts of a URL that is taken lie in its text, one after the other, and
 * have nothing that could end a header or a line of a request.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_part(const ngx_deploy_str_t *text, const ngx_deploy_str_t *part)
{
    size_t  i;

    fuzz_check(part->data >= text->data
               && part->data + part->len <= text->data + text->len);

    for (i = 0; i < part->len; i++) {
        fuzz_check(part->data[i] > ' ' && part->data[i] < 0x7f
                   && part->data[i] != '#' && part->data[i] != '\\');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char        *reason;
    ngx_deploy_str_t   text;
    ngx_deploy_url_t   url;

    text.len = size;
    text.data = (u_char *) data;
    reason = NULL;

    if (ngx_deploy_url_parse(&text, &url, &reason) != NGX_DEPLOY_OK) {
        fuzz_check(reason != NULL);
        return 0;
    }

    fuzz_part(&text, &url.host);
    fuzz_part(&text, &url.authority);

    fuzz_check(url.host.len != 0);
    fuzz_check(url.host.data == url.authority.data);
    fuzz_check(url.host.len <= url.authority.len);
    fuzz_check(memchr(url.authority.data, '@', url.authority.len) == NULL);

    if (url.target.data) {
        fuzz_part(&text, &url.target);
        fuzz_check(url.target.data >= url.authority.data + url.authority.len);
        fuzz_check(url.target.data + url.target.len == text.data + text.len);
    }

    return 0;
}
