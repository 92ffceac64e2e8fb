
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_region.h"
#include "ngx_deploy_tool_aws.h"
#include "ngx_deploy_tool_http.h"
#include "ngx_deploy_url.h"


typedef struct {
    ngx_deploy_tool_aws_t       aws;
    const char                 *version;
    const char                 *endpoint;
    const char                 *token;
    ngx_deploy_tool_list_t      env;
    ngx_deploy_tool_list_t      overrides;
    unsigned                    dry_run;
    ngx_deploy_tool_request_t   request;
    ngx_deploy_start_build_t    start;
} ngx_deploy_tool_start_t;


static int ngx_deploy_tool_start_make(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static int ngx_deploy_tool_start_env(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static int ngx_deploy_tool_start_overrides(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static int ngx_deploy_tool_start_pair(ngx_deploy_tool_t *tool,
    const char *option, const char *text, ngx_deploy_str_t *name,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_start_url(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static int ngx_deploy_tool_start_sign(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static int ngx_deploy_tool_start_headers(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start, const ngx_deploy_credentials_t *c);
static int ngx_deploy_tool_start_post(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start);
static void ngx_deploy_tool_start_skew(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_reply_t *reply);


static const char  ngx_deploy_tool_start_usage[] =
    "usage: ngx-deploy start [OPTION]... PROJECT\n"
    "\n"
    "Starts a build of AWS CodeBuild, with the credentials that the module\n"
    "would find, and prints its id and its page.\n"
    "\n"
    "  --source-version V   a commit, branch or tag\n"
    "  --env NAME=VALUE     an environment variable\n"
    "  --override M=VALUE   a member of StartBuild, as\n"
    "                       timeoutInMinutesOverride\n"
    "  --token TOKEN        idempotencyToken, else a random one\n"
    "  --endpoint URL       instead of that of the region\n"
    NGX_DEPLOY_TOOL_AWS_USAGE
    "  --dry-run            print the request, send nothing\n"
    "  --json               print JSON\n"
    "\n"
    "Exit status: 0 started, 2 refused by AWS, 3 not sent, 4 try again\n"
    "later.\n";


int
ngx_deploy_tool_start(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    int                       rc;
    ngx_deploy_tool_list_t    args;
    ngx_deploy_tool_start_t   start;

    const ngx_deploy_tool_option_t  options[] = {
        NGX_DEPLOY_TOOL_AWS_OPTIONS(start.aws),
        { "source-version", 0, NGX_DEPLOY_TOOL_TEXT, &start.version },
        { "env", 0, NGX_DEPLOY_TOOL_LIST, &start.env },
        { "override", 0, NGX_DEPLOY_TOOL_LIST, &start.overrides },
        { "token", 0, NGX_DEPLOY_TOOL_TEXT, &start.token },
        { "endpoint", 0, NGX_DEPLOY_TOOL_TEXT, &start.endpoint },
        { "dry-run", 0, NGX_DEPLOY_TOOL_FLAG, &start.dry_run },
        { NULL, 0, NGX_DEPLOY_TOOL_FLAG, NULL }
    };

    memset(&start, 0, sizeof(ngx_deploy_tool_start_t));
    memset(&args, 0, sizeof(ngx_deploy_tool_list_t));

    start.aws.timeout = 20;

    tool->usage = ngx_deploy_tool_start_usage;

    rc = ngx_deploy_tool_options(tool, options, argc, argv, &args, 1, 1);

    if (rc == NGX_DEPLOY_DECLINED) {
        return NGX_DEPLOY_TOOL_YES;
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_TOOL_FAILED;
    }

    start.start.project = ngx_deploy_tool_str(args.elts[0]);

    if (ngx_deploy_tool_aws(tool, &start.aws) != NGX_DEPLOY_OK
        || ngx_deploy_tool_start_make(tool, &start) != NGX_DEPLOY_OK)
    {
        rc = NGX_DEPLOY_TOOL_FAILED;

    } else if (start.dry_run) {
        printf("%.*s\n", (int) start.request.body.len,
               start.request.body.data);
        rc = NGX_DEPLOY_TOOL_YES;

    } else if (ngx_deploy_tool_start_url(tool, &start) != NGX_DEPLOY_OK
               || ngx_deploy_tool_start_sign(tool, &start) != NGX_DEPLOY_OK)
    {
        rc = NGX_DEPLOY_TOOL_FAILED;

    } else {
        rc = ngx_deploy_tool_start_post(tool, &start);
    }

    ngx_deploy_json_free(start.aws.links);

    return rc;
}


static int
ngx_deploy_tool_start_make(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    const char                *reason;
    ngx_deploy_start_build_t  *build;

    build = &start->start;

    if (ngx_deploy_codebuild_project_name(&build->project) != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "invalid project name \"%s\"",
                                     (char *) build->project.data);
    }

    build->source_version = ngx_deploy_tool_str(start->version);
    build->idempotency_token = ngx_deploy_tool_str(start->token ? start->token
                                          : ngx_deploy_tool_random(tool, 16));

    if (ngx_deploy_tool_start_env(tool, start) != NGX_DEPLOY_OK
        || ngx_deploy_tool_start_overrides(tool, start) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    switch (ngx_deploy_codebuild_start_build(build, &tool->pool,
                                             &start->request.body, &reason))
    {
    case NGX_DEPLOY_OK:
        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_DECLINED:
        return ngx_deploy_tool_error(tool, "%s", reason);

    default:
        ngx_deploy_tool_no_memory();
    }
}


static int
ngx_deploy_tool_start_env(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    size_t             i;
    const char        *reason;
    ngx_deploy_env_t  *env;

    env = ngx_deploy_tool_alloc(tool, (start->env.n + 1)
                                      * sizeof(ngx_deploy_env_t));

    start->start.env = env;
    start->start.nenv = start->env.n;

    for (i = 0; i < start->env.n; i++) {

        env[i].type = "PLAINTEXT";

        if (ngx_deploy_tool_start_pair(tool, "env", start->env.elts[i],
                                       &env[i].name, &env[i].value)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        if (ngx_deploy_codebuild_env_name(&env[i].name, &reason)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(tool, "\"--env %s\" %s",
                                         start->env.elts[i], reason);
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_start_overrides(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    size_t                  i;
    const char             *reason;
    ngx_deploy_override_t  *override;

    override = ngx_deploy_tool_alloc(tool, (start->overrides.n + 1)
                                           * sizeof(ngx_deploy_override_t));

    start->start.overrides = override;
    start->start.noverrides = start->overrides.n;

    for (i = 0; i < start->overrides.n; i++) {

        if (ngx_deploy_tool_start_pair(tool, "override",
                                       start->overrides.elts[i],
                                       &override[i].member,
                                       &override[i].value)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        if (ngx_deploy_codebuild_override(&override[i].member,
                                          &override[i].value, &reason)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(tool, "\"--override %s\" %s",
                                         start->overrides.elts[i], reason);
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_start_pair(ngx_deploy_tool_t *tool, const char *option,
    const char *text, ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    const char  *equals;

    equals = strchr(text, '=');

    if (equals == NULL) {
        return ngx_deploy_tool_error(tool, "\"--%s %s\" is not \"name=value\"",
                                     option, text);
    }

    name->data = (u_char *) text;
    name->len = equals - text;

    *value = ngx_deploy_tool_str(equals + 1);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_start_url(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    unsigned            flags;
    const char         *reason;
    const char *const  *env;
    ngx_deploy_url_t    url;
    ngx_deploy_str_t    s, host;

    env = start->aws.work.env;

    if (start->aws.region == NULL || start->aws.region[0] == '\0') {
        return ngx_deploy_tool_error(tool, "no region, set \"--region\" or "
                                     "AWS_REGION");
    }

    if (start->endpoint == NULL) {
        start->endpoint = env[NGX_DEPLOY_WORK_ENDPOINT_CODEBUILD];
    }

    if (start->endpoint == NULL || start->endpoint[0] == '\0') {

        flags = 0;

        if (env[NGX_DEPLOY_WORK_USE_FIPS]
            && strcasecmp(env[NGX_DEPLOY_WORK_USE_FIPS], "true") == 0)
        {
            flags |= NGX_DEPLOY_REGION_FIPS;
        }

        if (env[NGX_DEPLOY_WORK_USE_DUALSTACK]
            && strcasecmp(env[NGX_DEPLOY_WORK_USE_DUALSTACK], "true") == 0)
        {
            flags |= NGX_DEPLOY_REGION_DUALSTACK;
        }

        s = ngx_deploy_tool_str(start->aws.region);

        if (ngx_deploy_region_host(&tool->pool, "codebuild", &s, flags, &host)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(tool, "CodeBuild has no such endpoint"
                                         " in the region \"%s\"",
                                         start->aws.region);
        }

        start->endpoint = ngx_deploy_tool_printf(tool, "https://%.*s",
                                                 (int) host.len,
                                                 (char *) host.data);
    }

    s = ngx_deploy_tool_str(start->endpoint);

    if (ngx_deploy_url_parse(&s, &url, &reason) != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "endpoint \"%s\" %s",
                                     start->endpoint, reason);
    }

    if (url.target.len > 1) {
        return ngx_deploy_tool_error(tool, "endpoint \"%s\" has a path",
                                     start->endpoint);
    }

    start->request.url = ngx_deploy_tool_printf(tool, "%s%s", start->endpoint,
                                                url.target.len ? "" : "/");
    start->request.ca_file = env[NGX_DEPLOY_WORK_CA_BUNDLE];
    start->request.timeout = start->aws.work.limit / 1000;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_start_sign(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    int                     rc;
    size_t                  i;
    ngx_deploy_str_t        kind, reason;
    ngx_deploy_json_t      *link;
    ngx_deploy_work_set_t   set;

    rc = ngx_deploy_tool_aws_find(tool, &start->aws, &set);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_tool_start_headers(tool, start, &set.credentials);
        ngx_deploy_work_wipe(&set);

        return rc;
    }

    for (i = 0; (link = ngx_deploy_json_at(start->aws.links, i)) != NULL; i++)
    {
        kind = ngx_deploy_json_get_str(link, "kind");
        reason = ngx_deploy_json_get_str(link, "reason");

        (void) ngx_deploy_tool_error(tool, "no credentials, %.*s: %.*s",
                                     (int) kind.len, (char *) kind.data,
                                     (int) reason.len, (char *) reason.data);
    }

    return NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_tool_start_headers(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start, const ngx_deploy_credentials_t *c)
{
    size_t                       i, n;
    u_char                       date[NGX_DEPLOY_SIGV4_DATE_LEN];
    const char                  *reason;
    ngx_deploy_str_t             s;
    ngx_deploy_url_t             url;
    ngx_deploy_header_t          h[6];
    ngx_deploy_sigv4_key_t       key;
    ngx_deploy_sigv4_request_t   request;

    static const ngx_deploy_header_t  headers[] = {
        { ngx_deploy_string("Content-Type"),
          ngx_deploy_string("application/x-amz-json-1.1") },
        { ngx_deploy_string("X-Amz-Target"),
          ngx_deploy_string("CodeBuild_20161006.StartBuild") },
        { ngx_deploy_string("X-Amz-Date"), ngx_deploy_null_string },
        { ngx_deploy_string("Host"), ngx_deploy_null_string },
        { ngx_deploy_string("X-Amz-Security-Token"), ngx_deploy_null_string },
        { ngx_deploy_string("Authorization"), ngx_deploy_null_string }
    };

    s = ngx_deploy_tool_str(start->request.url);

    (void) ngx_deploy_url_parse(&s, &url, &reason);

    ngx_deploy_sigv4_date(date, start->aws.work.now);

    memcpy(h, headers, sizeof(headers));

    h[2].value.data = date;
    h[2].value.len = NGX_DEPLOY_SIGV4_DATE_LEN;
    h[3].value = url.authority;
    h[4].value = c->session_token;

    n = c->session_token.len ? 5 : 4;

    memset(&key, 0, sizeof(ngx_deploy_sigv4_key_t));
    memset(&request, 0, sizeof(ngx_deploy_sigv4_request_t));

    request.method = ngx_deploy_tool_str("POST");
    request.path = ngx_deploy_tool_str("/");
    request.headers = h;
    request.nheaders = n;
    request.body = start->request.body;
    request.region = ngx_deploy_tool_str(start->aws.region);
    request.service = ngx_deploy_tool_str("codebuild");

    if (ngx_deploy_sigv4_authorization(&tool->pool, &request, c, &key, date,
                                       &h[5].value)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_tool_error(tool, "cannot sign");
    }

    h[n] = h[5];

    for (i = 0; i <= n; i++) {
        ngx_deploy_tool_push(tool, &start->request.headers,
                             ngx_deploy_tool_printf(tool, "%.*s: %.*s",
                                                 (int) h[i].name.len,
                                                 (char *) h[i].name.data,
                                                 (int) h[i].value.len,
                                                 (char *) h[i].value.data));
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_start_post(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_start_t *start)
{
    ngx_deploy_json_t        *json;
    ngx_deploy_reply_t        result;
    ngx_deploy_tool_reply_t   reply;

    if (ngx_deploy_tool_post(tool, &start->request, &reply) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_TOOL_LATER;
    }

    if (ngx_deploy_codebuild_reply(&tool->pool, reply.status,
                                   &reply.error_type, reply.body.data,
                                   reply.body.len, 1, &result)
        != NGX_DEPLOY_OK)
    {
        ngx_deploy_tool_no_memory();
    }

    if (result.class == NGX_DEPLOY_REPLY_STARTED) {

        json = ngx_deploy_json_object();

        (void) ngx_deploy_json_set(json, "status",
                                   ngx_deploy_json_text("started"));
        (void) ngx_deploy_json_set_str(json, "project", &start->start.project);
        (void) ngx_deploy_json_set_str(json, "id", &result.id);
        (void) ngx_deploy_json_set_str(json, "url", &result.url);

        if (tool->json) {
            ngx_deploy_tool_print(tool, json);
            return NGX_DEPLOY_TOOL_YES;
        }

        ngx_deploy_tool_put_member(stdout, "started ", json, "id", "\n");
        ngx_deploy_tool_put_member(stdout, "", json, "url", "\n");

        ngx_deploy_json_free(json);

        return NGX_DEPLOY_TOOL_YES;
    }

    (void) ngx_deploy_tool_error(tool, "%u %.*s%s%.*s", reply.status,
                                 (int) result.error.len,
                                 (char *) result.error.data,
                                 result.message.len ? ": " : "",
                                 (int) result.message.len,
                                 (char *) result.message.data);

    switch (result.class) {

    case NGX_DEPLOY_REPLY_SKEW:
        ngx_deploy_tool_start_skew(tool, &reply);
        return NGX_DEPLOY_TOOL_REFUSED;

    case NGX_DEPLOY_REPLY_REFUSED:
    case NGX_DEPLOY_REPLY_CREDENTIALS:
        return NGX_DEPLOY_TOOL_REFUSED;

    default:
        return NGX_DEPLOY_TOOL_LATER;
    }
}


static void
ngx_deploy_tool_start_skew(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_reply_t *reply)
{
    time_t  now;

    now = time(NULL);

    if (reply->date) {
        (void) ngx_deploy_tool_error(tool, "the clock here is %lld seconds "
                                     "%s that of AWS",
                                     (long long) (now > reply->date
                                                  ? now - reply->date
                                                  : reply->date - now),
                                     now > reply->date ? "ahead of"
                                                       : "behind");
    }
}
