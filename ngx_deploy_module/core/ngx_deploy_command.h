
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_COMMAND_H_INCLUDED_
#define _NGX_DEPLOY_COMMAND_H_INCLUDED_


#include "ngx_deploy_core.h"


/* what follows a slash command (DESIGN, section 7) */

#define NGX_DEPLOY_COMMAND_MAX_TEXT    4000    /* bytes */
#define NGX_DEPLOY_COMMAND_MAX_TARGET  128
#define NGX_DEPLOY_COMMAND_MAX_REF     255
#define NGX_DEPLOY_COMMAND_MAX_ID      512


typedef enum {
    NGX_DEPLOY_COMMAND_HELP = 0,     /* also when there is no word at all */
    NGX_DEPLOY_COMMAND_TARGET,       /* TARGET [REF] */
    NGX_DEPLOY_COMMAND_STATUS,       /* status [TARGET] */
    NGX_DEPLOY_COMMAND_STOP,         /* stop BUILD */
    NGX_DEPLOY_COMMAND_WHY           /* why DELIVERY */
} ngx_deploy_command_e;


typedef struct {
    ngx_deploy_command_e  verb;
    ngx_deploy_str_t      target;
    ngx_deploy_str_t      ref;       /* a branch, a tag, a commit */
    ngx_deploy_str_t      build;     /* project:uuid */
    ngx_deploy_str_t      delivery;
} ngx_deploy_command_t;


/*
 * Parses the text of a command.  What Slack made of the words is undone:
 * "&amp;", "&lt;", "&gt;" are characters; "<#C1|general>" is "#general",
 * "<@U1|bob>" is "@bob", "<https://a.b/|a.b>" is "a.b".  Verbs are of either
 * case.  Absent words have no data, all are copied to the pool.
 *
 * NGX_DEPLOY_OK; NGX_DEPLOY_ERROR; NGX_DEPLOY_DECLINED with a static *reason,
 * a sentence for the user.
 */
int ngx_deploy_command_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, ngx_deploy_command_t *command,
    const char **reason);

/*
 * Checks the id of a build: the name of a project, ":", and a UUID, of which
 * it only takes letters, digits and "-".  NGX_DEPLOY_OK or
 * NGX_DEPLOY_DECLINED; project is the part in front of ":".
 */
int ngx_deploy_command_build(const ngx_deploy_str_t *id,
    ngx_deploy_str_t *project);

/* the sentences of "help", markup of Slack */
const char *ngx_deploy_command_help(void);


#endif /* _NGX_DEPLOY_COMMAND_H_INCLUDED_ */
