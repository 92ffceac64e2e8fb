
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_H_INCLUDED_


#include <stdio.h>

#include "ngx_deploy_core.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_work_arena.h"


/* ngx-deploy, the operator's command line tool over core/ and work/ */

#define NGX_DEPLOY_TOOL_NAME      "ngx-deploy"
#define NGX_DEPLOY_TOOL_VERSION   "0.1.0"

#define NGX_DEPLOY_TOOL_MEMORY    (1024 * 1024 * 1024)
#define NGX_DEPLOY_TOOL_MAX_FILE  (64 * 1024 * 1024)


/* exit codes, see ngx-deploy.1 */

#define NGX_DEPLOY_TOOL_YES       0
#define NGX_DEPLOY_TOOL_NO        1      /* ignored, failed, nothing there */
#define NGX_DEPLOY_TOOL_REFUSED   2
#define NGX_DEPLOY_TOOL_FAILED    3      /* the tool could not do its work */
#define NGX_DEPLOY_TOOL_LATER     4      /* another try may do */


typedef struct {
    const char               *command;     /* "send" */
    const char               *usage;
    ngx_deploy_work_arena_t   arena;
    ngx_deploy_pool_t         pool;
    unsigned                  json;
} ngx_deploy_tool_t;


typedef struct {
    const char              **elts;
    size_t                    n;
} ngx_deploy_tool_list_t;


typedef enum {
    NGX_DEPLOY_TOOL_FLAG = 0,    /* unsigned */
    NGX_DEPLOY_TOOL_TEXT,        /* const char *, given once */
    NGX_DEPLOY_TOOL_LIST,        /* ngx_deploy_tool_list_t */
    NGX_DEPLOY_TOOL_NUMBER       /* int64_t, not negative */
} ngx_deploy_tool_type_e;


/* an option, the list of them ends with a NULL name */

typedef struct {
    const char               *name;        /* without "--" */
    char                      letter;      /* or 0 */
    ngx_deploy_tool_type_e    type;
    void                     *value;
} ngx_deploy_tool_option_t;


/* the subcommands; argv[0] is the first word after the name */

int ngx_deploy_tool_send(ngx_deploy_tool_t *tool, int argc, char **argv);
int ngx_deploy_tool_verify(ngx_deploy_tool_t *tool, int argc, char **argv);
int ngx_deploy_tool_explain(ngx_deploy_tool_t *tool, int argc, char **argv);
int ngx_deploy_tool_credentials(ngx_deploy_tool_t *tool, int argc,
    char **argv);
int ngx_deploy_tool_start(ngx_deploy_tool_t *tool, int argc, char **argv);
int ngx_deploy_tool_queue(ngx_deploy_tool_t *tool, int argc, char **argv);


/*
 * Reads options, which may stand behind other words, into their values, and
 * the other words into args, which must be min to max.  --help and --version
 * are answered here.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: answered, exit with
 * 0; NGX_DEPLOY_ERROR: told on stderr.
 */
int ngx_deploy_tool_options(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_option_t *options, int argc, char **argv,
    ngx_deploy_tool_list_t *args, size_t min, size_t max);

/* one line on stderr; always NGX_DEPLOY_ERROR */
int ngx_deploy_tool_error(ngx_deploy_tool_t *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* memory of the pool, a copy, a formatted text; memory that is short exits */
void *ngx_deploy_tool_alloc(ngx_deploy_tool_t *tool, size_t size);
char *ngx_deploy_tool_cstring(ngx_deploy_tool_t *tool,
    const ngx_deploy_str_t *s);
char *ngx_deploy_tool_printf(ngx_deploy_tool_t *tool, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void ngx_deploy_tool_no_memory(void) __attribute__((noreturn));

/* the tree of JSON that was written here, to be freed */
ngx_deploy_json_t *ngx_deploy_tool_json(const ngx_deploy_str_t *text);

void ngx_deploy_tool_push(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_list_t *list, const char *text);

/* a C string as a value, absent for NULL */
ngx_deploy_str_t ngx_deploy_tool_str(const char *text);

/*
 * Reads a file, "-" is standard input; a NUL follows the text.
 * NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR: told on stderr.
 */
int ngx_deploy_tool_read(ngx_deploy_tool_t *tool, const char *path,
    ngx_deploy_str_t *text);

/*
 * Prints a stranger's text: control characters, which a terminal would obey,
 * as "\x1b"
 */
void ngx_deploy_tool_put(FILE *out, const ngx_deploy_str_t *s);

/* the same for a text of JSON, nothing when it is absent */
void ngx_deploy_tool_put_member(FILE *out, const char *before,
    ngx_deploy_json_t *json, const char *key, const char *after);

/* prints json in a line and frees it */
void ngx_deploy_tool_print(ngx_deploy_tool_t *tool, ngx_deploy_json_t *json);

/* n random bytes as hexadecimal, in the form of a UUID when n is 16 */
char *ngx_deploy_tool_random(ngx_deploy_tool_t *tool, size_t n);


#endif /* _NGX_DEPLOY_TOOL_H_INCLUDED_ */
