
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_command.h"
#include "ngx_deploy_tap.h"


/*
 * Whatever is typed, what comes out may go to rules, to CodeBuild, to logs.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_word(const ngx_deploy_str_t *word, size_t max, const char *not)
{
    size_t  i;

    if (word->data == NULL) {
        fuzz_check(word->len == 0);
        return;
    }

    fuzz_check(word->len && word->len <= max);
    fuzz_check(ngx_deploy_utf8_valid(word->data, word->len));

    for (i = 0; i < word->len; i++) {
        fuzz_check(word->data[i] > ' ' && word->data[i] != 0x7f);
        fuzz_check(strchr(not, word->data[i]) == NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                    rc;
    const char            *reason;
    ngx_deploy_str_t       text, project;
    ngx_deploy_command_t   command;

    reason = NULL;
    text = tap_copy(data, size);

    rc = ngx_deploy_command_parse(tap_pool(), &text, &command, &reason);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);

    if (rc == NGX_DEPLOY_DECLINED) {
        fuzz_check(reason != NULL);
        tap_pool_reset();
        return 0;
    }

    fuzz_word(&command.target, NGX_DEPLOY_COMMAND_MAX_TARGET,
              "<>&|`*$\\\"'~^:?[]{}()!@#;,");
    fuzz_word(&command.ref, NGX_DEPLOY_COMMAND_MAX_REF, "~^:?*[\\");
    fuzz_word(&command.build, NGX_DEPLOY_COMMAND_MAX_ID, "<>&|`*$\\\"'/.");
    fuzz_word(&command.delivery, NGX_DEPLOY_COMMAND_MAX_ID, "");

    fuzz_check(command.ref.data == NULL || command.ref.data[0] != '-');
    fuzz_check((command.verb == NGX_DEPLOY_COMMAND_STOP)
               == (command.build.data != NULL));
    fuzz_check((command.verb == NGX_DEPLOY_COMMAND_WHY)
               == (command.delivery.data != NULL));
    fuzz_check(command.verb != NGX_DEPLOY_COMMAND_TARGET
               || command.target.data != NULL);
    fuzz_check(command.ref.data == NULL
               || command.verb == NGX_DEPLOY_COMMAND_TARGET);

    if (command.build.data) {
        fuzz_check(ngx_deploy_command_build(&command.build, &project)
                   == NGX_DEPLOY_OK);
        fuzz_check(project.len && command.build.data[project.len] == ':');
    }

    tap_pool_reset();

    return 0;
}
