
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_ini.h"
#include "ngx_deploy_tap.h"


/*
 * A line with the profile, then the text.  A value lies inside the text, is
 * of one line and has no blanks at its ends.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_get(const ngx_deploy_str_t *text, unsigned config,
    const ngx_deploy_str_t *profile, const char *key)
{
    unsigned          section;
    ngx_deploy_str_t  value;

    section = 2;
    value = ngx_deploy_ini_get(text, config, profile, key, &section);

    fuzz_check(section < 2);

    if (value.data == NULL) {
        fuzz_check(value.len == 0);
        return;
    }

    fuzz_check(section == 1);
    fuzz_check(value.data >= text->data
               && value.data + value.len <= text->data + text->len);
    fuzz_check(value.len == 0 || memchr(value.data, '\n', value.len) == NULL);

    if (value.len) {
        fuzz_check(value.data[0] != ' ' && value.data[0] != '\t');
        fuzz_check(value.data[value.len - 1] != ' '
                   && value.data[value.len - 1] != '\t');
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned           config, section;
    const uint8_t     *p;
    ngx_deploy_str_t   profile, text, value;

    p = size ? memchr(data, '\n', size) : NULL;

    if (p == NULL) {
        return 0;
    }

    profile = tap_copy(data, p - data);
    text = tap_copy(p + 1, size - (p + 1 - data));

    for (config = 0; config < 2; config++) {
        fuzz_get(&text, config, &profile, "aws_access_key_id");
        fuzz_get(&text, config, &profile, "region");
        fuzz_get(&text, config, &profile, "");
    }

    /* what has no profile has no value */

    value = ngx_deploy_ini_get(&text, 0, &profile, "region", &section);
    fuzz_check(section || value.data == NULL);

    tap_pool_reset();

    return 0;
}
