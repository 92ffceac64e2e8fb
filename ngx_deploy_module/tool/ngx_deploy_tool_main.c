
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <signal.h>

#include "ngx_deploy_tool.h"
#include "ngx_deploy_work.h"


typedef struct {
    const char  *name;
    const char  *about;
    int        (*run)(ngx_deploy_tool_t *tool, int argc, char **argv);
} ngx_deploy_tool_command_t;


static int ngx_deploy_tool_run(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_command_t *command, int argc, char **argv);
static void ngx_deploy_tool_usage(FILE *out);


static const ngx_deploy_tool_command_t  ngx_deploy_tool_commands[] = {

    { "send", "sign a payload as its sender would, and post it",
      ngx_deploy_tool_send },

    { "verify", "tell whether a saved request is verified",
      ngx_deploy_tool_verify },

    { "explain", "tell what would become of a saved request",
      ngx_deploy_tool_explain },

    { "credentials", "tell where AWS credentials are found",
      ngx_deploy_tool_credentials },

    { "start", "start a build",
      ngx_deploy_tool_start },

    { "queue", "list builds that wait, try or drop them",
      ngx_deploy_tool_queue },

    { NULL, NULL, NULL }
};


int
main(int argc, char **argv)
{
    int                               rc;
    ngx_deploy_tool_t                 tool;
    const ngx_deploy_tool_command_t  *command;

    memset(&tool, 0, sizeof(ngx_deploy_tool_t));

    if (argc > 1 && (strcmp(argv[1], "--help") == 0
                     || strcmp(argv[1], "-h") == 0
                     || strcmp(argv[1], "help") == 0))
    {
        ngx_deploy_tool_usage(stdout);
        return NGX_DEPLOY_TOOL_YES;
    }

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf(NGX_DEPLOY_TOOL_NAME " " NGX_DEPLOY_TOOL_VERSION "\n");
        return NGX_DEPLOY_TOOL_YES;
    }

    if (argc < 2) {
        ngx_deploy_tool_usage(stderr);
        return NGX_DEPLOY_TOOL_FAILED;
    }

    for (command = ngx_deploy_tool_commands; command->name; command++) {

        if (strcmp(command->name, argv[1]) == 0) {
            rc = ngx_deploy_tool_run(&tool, command, argc - 2, argv + 2);

            if (fflush(stdout) != 0 || ferror(stdout)) {
                (void) ngx_deploy_tool_error(&tool, "cannot write");
                return NGX_DEPLOY_TOOL_FAILED;
            }

            return rc;
        }
    }

    (void) ngx_deploy_tool_error(&tool, "there is no command \"%s\", see \""
                                 NGX_DEPLOY_TOOL_NAME " --help\"", argv[1]);

    return NGX_DEPLOY_TOOL_FAILED;
}


static int
ngx_deploy_tool_run(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_command_t *command, int argc, char **argv)
{
    int  rc;

    tool->command = command->name;

    ngx_deploy_work_arena_init(&tool->arena, NGX_DEPLOY_TOOL_MEMORY);
    tool->pool = ngx_deploy_work_arena_pool(&tool->arena);

    (void) signal(SIGPIPE, SIG_IGN);

    ngx_deploy_json_init();

    if (ngx_deploy_work_init() != NGX_DEPLOY_OK) {
        ngx_deploy_tool_no_memory();
    }

    rc = command->run(tool, argc, argv);

    ngx_deploy_work_exit();
    ngx_deploy_work_arena_free(&tool->arena);

    return rc;
}


static void
ngx_deploy_tool_usage(FILE *out)
{
    const ngx_deploy_tool_command_t  *command;

    fprintf(out, "usage: " NGX_DEPLOY_TOOL_NAME " COMMAND [OPTION]... "
                 "[WORD]...\n\ncommands:\n");

    for (command = ngx_deploy_tool_commands; command->name; command++) {
        fprintf(out, "  %-12s %s\n", command->name, command->about);
    }

    fprintf(out, "\n\"" NGX_DEPLOY_TOOL_NAME " COMMAND --help\" tells of one, "
                 "the manual page " NGX_DEPLOY_TOOL_NAME "(1) of all.\n");
}
