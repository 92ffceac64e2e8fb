
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SLACK_WRITER_H_INCLUDED_
#define _NGX_DEPLOY_SLACK_WRITER_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_json.h"
#include "ngx_deploy_slack.h"


/* what core/ngx_deploy_slack_message.c, _blocks.c and _told.c share */

#define NGX_DEPLOY_SLACK_MAX_NAME    200    /* units of a value */
#define NGX_DEPLOY_SLACK_MAX_OUTPUT  1500   /* of what a script says */
#define NGX_DEPLOY_SLACK_MAX_DOING   100    /* ... while it is at it */


/* a message in the making: one text after another in the same room */

typedef struct {
    ngx_deploy_pool_t           *pool;
    const ngx_deploy_build_t    *build;
    ngx_deploy_slack_text_t      text;
    ngx_deploy_json_t           *blocks;
    ngx_deploy_json_t           *fields;
    int                          rc;
} ngx_deploy_slack_writer_t;


/* begins a text of at most max units, NGX_DEPLOY_SLACK_MAX_TEXT or less */
void ngx_deploy_slack_clear(ngx_deploy_slack_writer_t *w, size_t max);

/* the text as a value; a space when it is empty, which Slack refuses */
ngx_deploy_json_t *ngx_deploy_slack_string(ngx_deploy_slack_writer_t *w);

/* the attachment with all of the build; NULL or w->rc: memory is short */
ngx_deploy_json_t *ngx_deploy_slack_attachment(ngx_deploy_slack_writer_t *w,
    unsigned buttons);

/* the phase where the build is, or where it went wrong first; NULL: none */
const ngx_deploy_build_phase_t *ngx_deploy_slack_place(
    const ngx_deploy_build_t *build);

/* appends ":x: *api-prod* failed in `build`" */
void ngx_deploy_slack_state_of(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_t *build);

/* appends a line of a phase: icon, name, duration */
void ngx_deploy_slack_phase(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_phase_t *phase);

/* appends what a script said, as a block of code */
void ngx_deploy_slack_output(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *output);


#endif /* _NGX_DEPLOY_SLACK_WRITER_H_INCLUDED_ */
