
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_aws.h"


static void ngx_deploy_tool_credentials_text(ngx_deploy_tool_aws_t *aws,
    ngx_deploy_work_set_t *set, int rc);
static void ngx_deploy_tool_credentials_json(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_aws_t *aws, ngx_deploy_work_set_t *set, int rc);


static const char  ngx_deploy_tool_credentials_usage[] =
    "usage: ngx-deploy credentials [OPTION]...\n"
    "\n"
    "Looks for AWS credentials where the module does, with the environment of\n"
    "this shell and the files that this user may read. Tells their source and\n"
    "when they expire, or why each source has none.\n"
    "\n"
    NGX_DEPLOY_TOOL_AWS_USAGE
    "  --json               print JSON\n"
    "\n"
    "Exit status: 0 found, 1 nowhere configured, 2 configured but not to be\n"
    "had, 3 wrong usage.\n";


int
ngx_deploy_tool_credentials(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    int                       rc, code;
    ngx_deploy_tool_aws_t     aws;
    ngx_deploy_tool_list_t    args;
    ngx_deploy_work_set_t     set;

    const ngx_deploy_tool_option_t  options[] = {
        NGX_DEPLOY_TOOL_AWS_OPTIONS(aws),
        { NULL, 0, NGX_DEPLOY_TOOL_FLAG, NULL }
    };

    memset(&aws, 0, sizeof(ngx_deploy_tool_aws_t));
    memset(&args, 0, sizeof(ngx_deploy_tool_list_t));

    aws.timeout = 20;

    tool->usage = ngx_deploy_tool_credentials_usage;

    rc = ngx_deploy_tool_options(tool, options, argc, argv, &args, 0, 0);

    if (rc == NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_TOOL_YES;
    }

    if (rc != NGX_DEPLOY_OK || ngx_deploy_tool_aws(tool, &aws) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_TOOL_FAILED;
    }

    rc = ngx_deploy_tool_aws_find(tool, &aws, &set);

    switch (rc) {

    case NGX_DEPLOY_OK:
        code = NGX_DEPLOY_TOOL_YES;
        break;

    case NGX_DEPLOY_DECLINED:
        code = NGX_DEPLOY_TOOL_NO;
        break;

    default:
        code = NGX_DEPLOY_TOOL_REFUSED;
    }

    ngx_deploy_work_wipe(&set);

    if (tool->json) {
        ngx_deploy_tool_credentials_json(tool, &aws, &set, rc);

    } else {
        ngx_deploy_tool_credentials_text(&aws, &set, rc);
    }

    ngx_deploy_json_free(aws.links);

    return code;
}


static void
ngx_deploy_tool_credentials_text(ngx_deploy_tool_aws_t *aws,
    ngx_deploy_work_set_t *set, int rc)
{
    char                text[64];
    size_t              i;
    int64_t             left;
    time_t              expires;
    struct tm           tm;
    ngx_deploy_json_t  *link;

    for (i = 0; (link = ngx_deploy_json_at(aws->links, i)) != NULL; i++) {
        ngx_deploy_tool_put_member(stdout, "", link, "kind", ": ");
        ngx_deploy_tool_put_member(stdout, "", link, "reason", "\n");
    }

    if (rc != NGX_DEPLOY_OK) {
        printf("%s\n", (rc == NGX_DEPLOY_DECLINED) ? "no credentials"
                                                   : "failed");
        return;
    }

    printf("%s: found, ", ngx_deploy_work_kind_name(set->kind));
    ngx_deploy_tool_put(stdout, &set->source);
    fputc('\n', stdout);

    if (set->expires == 0) {
        printf("they do not expire\n");
        return;
    }

    expires = set->expires;
    left = set->expires - aws->work.now;

    (void) gmtime_r(&expires, &tm);
    (void) strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);

    printf("%s at %s, ", left < 0 ? "expired" : "expire", text);

    left = (left < 0) ? -left : left;

    if (left >= 7200) {
        printf("%lld hours", (long long) left / 3600);

    } else if (left >= 120) {
        printf("%lld minutes", (long long) left / 60);

    } else {
        printf("%lld seconds", (long long) left);
    }

    printf(" %s\n", set->expires < aws->work.now ? "ago" : "from now");
}


static void
ngx_deploy_tool_credentials_json(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_aws_t *aws, ngx_deploy_work_set_t *set, int rc)
{
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    (void) ngx_deploy_json_set(json, "status", ngx_deploy_json_text(
                                   rc == NGX_DEPLOY_OK ? "found"
                                   : rc == NGX_DEPLOY_DECLINED ? "none"
                                                               : "failed"));

    if (rc == NGX_DEPLOY_OK) {
        (void) ngx_deploy_json_set(json, "kind", ngx_deploy_json_text(
                                       ngx_deploy_work_kind_name(set->kind)));
        (void) ngx_deploy_json_set_str(json, "source", &set->source);

        if (set->expires) {
            (void) ngx_deploy_json_set(json, "expires",
                                       ngx_deploy_json_int(set->expires));
        }

    } else {
        (void) ngx_deploy_json_set(json, "retry",
                                   ngx_deploy_json_bool(set->retry));
    }

    (void) ngx_deploy_json_set(json, "links", aws->links);
    aws->links = NULL;

    ngx_deploy_tool_print(tool, json);
}
