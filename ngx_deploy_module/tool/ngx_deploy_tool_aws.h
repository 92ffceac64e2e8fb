
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_AWS_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_AWS_H_INCLUDED_


#include "ngx_deploy_tool.h"
#include "ngx_deploy_work_credentials.h"


/* what both of "credentials" and "start" take of their options */

typedef struct {
    const char                *source;        /* of deploy_credentials */
    const char                *profile;
    const char                *role;
    const char                *external_id;
    const char                *session_name;
    const char                *region;        /* NULL: AWS_REGION */
    int64_t                    timeout;       /* seconds */

    ngx_deploy_work_source_t   work;
    ngx_deploy_json_t         *links;         /* looked at in vain */
} ngx_deploy_tool_aws_t;


#define NGX_DEPLOY_TOOL_AWS_OPTIONS(aws)                                      \
    { "source", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).source },                     \
    { "profile", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).profile },                   \
    { "role", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).role },                         \
    { "external-id", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).external_id },           \
    { "session-name", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).session_name },         \
    { "region", 0, NGX_DEPLOY_TOOL_TEXT, &(aws).region },                     \
    { "timeout", 0, NGX_DEPLOY_TOOL_NUMBER, &(aws).timeout }

#define NGX_DEPLOY_TOOL_AWS_USAGE                                             \
    "  --source KIND        as deploy_credentials: environment, profile,\n"   \
    "                       web_identity, container, imds, chain\n"           \
    "  --profile NAME       instead of AWS_PROFILE\n"                         \
    "  --role ARN           a role to be assumed with what is found\n"        \
    "  --external-id ID     of the role\n"                                    \
    "  --session-name NAME  of the role, ngx_deploy by default\n"             \
    "  --region REGION      instead of AWS_REGION\n"                          \
    "  --timeout SECONDS    the longest wait, 20 by default\n"


/*
 * Takes the environment and the options together: NGX_DEPLOY_OK, or
 * NGX_DEPLOY_ERROR, told on stderr
 */
int ngx_deploy_tool_aws(ngx_deploy_tool_t *tool, ngx_deploy_tool_aws_t *aws);

/*
 * Walks the chain link by link; aws->links gets an object with "kind" and
 * "reason" for each that has none.  Codes of ngx_deploy_work_credentials().
 */
int ngx_deploy_tool_aws_find(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_aws_t *aws, ngx_deploy_work_set_t *set);


#endif /* _NGX_DEPLOY_TOOL_AWS_H_INCLUDED_ */
