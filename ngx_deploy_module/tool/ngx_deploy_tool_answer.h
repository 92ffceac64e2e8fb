
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_ANSWER_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_ANSWER_H_INCLUDED_


#include "ngx_deploy_tool_http.h"


/*
 * Prints an answer of the module in words, or as it came, and tells the exit
 * code: NGX_DEPLOY_TOOL_YES for 2xx, NGX_DEPLOY_TOOL_REFUSED for 403,
 * NGX_DEPLOY_TOOL_LATER for 429, 503 and 504, else NGX_DEPLOY_TOOL_NO
 */
int ngx_deploy_tool_answer(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_reply_t *reply);

/* a line for each event: "event 0: push of acme/api, branch main, ..." */
void ngx_deploy_tool_put_events(ngx_deploy_json_t *events);

/* a line for each of "rules" of answers: its first failing condition */
void ngx_deploy_tool_put_rules(ngx_deploy_json_t *rules);

/* lines for the builds of an answer, with the request where there is one */
void ngx_deploy_tool_put_builds(ngx_deploy_tool_t *tool,
    ngx_deploy_json_t *builds);


#endif /* _NGX_DEPLOY_TOOL_ANSWER_H_INCLUDED_ */
