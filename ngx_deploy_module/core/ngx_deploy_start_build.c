
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_json_out.h"


#define NGX_DEPLOY_START_BUILD_MAX   2147483647
#define NGX_DEPLOY_START_BUILD_SIZE  1024        /* of most bodies */


typedef enum {
    NGX_DEPLOY_MEMBER_TEXT = 0,
    NGX_DEPLOY_MEMBER_WORD,         /* an enum, unknown words pass */
    NGX_DEPLOY_MEMBER_BOOL,
    NGX_DEPLOY_MEMBER_INTEGER
} ngx_deploy_member_type_e;


typedef struct {
    const char                *name;
    ngx_deploy_member_type_e   type;
    int64_t                    min;
    int64_t                    max;
    const char                *reason;
} ngx_deploy_member_t;


static const ngx_deploy_member_t *ngx_deploy_member_find(
    const ngx_deploy_str_t *name);
static int ngx_deploy_member_check(const ngx_deploy_member_t *member,
    const ngx_deploy_str_t *value, int64_t *n);
static int ngx_deploy_member_bool(const ngx_deploy_str_t *value);
static int ngx_deploy_start_build_env(ngx_deploy_json_out_t *out,
    const ngx_deploy_start_build_t *start, const char **reason);
static void ngx_deploy_start_build_variable(ngx_deploy_json_out_t *out,
    const ngx_deploy_env_t *env);
static void ngx_deploy_start_build_value(ngx_deploy_json_out_t *out,
    const char *key, const ngx_deploy_str_t *value);
static int ngx_deploy_start_build_override(ngx_deploy_json_out_t *out,
    const ngx_deploy_start_build_t *start, size_t i, const char **reason);


static const char  ngx_deploy_member_word[] = "must be a word";
static const char  ngx_deploy_member_text[] = "must not be empty";
static const char  ngx_deploy_member_boolean[] =
    "must be \"true\", \"false\", \"on\" or \"off\"";
static const char  ngx_deploy_member_integer[] =
    "must be an integer from 0 to 2147483647";


/* the scalar members of StartBuild (API 2016-10-06) that have no other way */

static const ngx_deploy_member_t  ngx_deploy_members[] = {

    { "buildspecOverride", NGX_DEPLOY_MEMBER_TEXT,
      0, 0, NULL },

    { "sourceTypeOverride", NGX_DEPLOY_MEMBER_WORD,
      0, 0, ngx_deploy_member_word },

    { "sourceLocationOverride", NGX_DEPLOY_MEMBER_TEXT,
      0, 0, NULL },

    { "gitCloneDepthOverride", NGX_DEPLOY_MEMBER_INTEGER,
      0, NGX_DEPLOY_START_BUILD_MAX, ngx_deploy_member_integer },

    { "insecureSslOverride", NGX_DEPLOY_MEMBER_BOOL,
      0, 0, ngx_deploy_member_boolean },

    { "reportBuildStatusOverride", NGX_DEPLOY_MEMBER_BOOL,
      0, 0, ngx_deploy_member_boolean },

    { "environmentTypeOverride", NGX_DEPLOY_MEMBER_WORD,
      0, 0, ngx_deploy_member_word },

    { "imageOverride", NGX_DEPLOY_MEMBER_TEXT,
      1, 0, ngx_deploy_member_text },

    { "computeTypeOverride", NGX_DEPLOY_MEMBER_WORD,
      0, 0, ngx_deploy_member_word },

    { "certificateOverride", NGX_DEPLOY_MEMBER_TEXT,
      0, 0, NULL },

    { "serviceRoleOverride", NGX_DEPLOY_MEMBER_TEXT,
      1, 0, ngx_deploy_member_text },

    { "privilegedModeOverride", NGX_DEPLOY_MEMBER_BOOL,
      0, 0, ngx_deploy_member_boolean },

    { "timeoutInMinutesOverride", NGX_DEPLOY_MEMBER_INTEGER,
      5, 2160, "must be an integer from 5 to 2160" },

    { "queuedTimeoutInMinutesOverride", NGX_DEPLOY_MEMBER_INTEGER,
      5, 480, "must be an integer from 5 to 480" },

    { "encryptionKeyOverride", NGX_DEPLOY_MEMBER_TEXT,
      1, 0, ngx_deploy_member_text },

    { "imagePullCredentialsTypeOverride", NGX_DEPLOY_MEMBER_WORD,
      0, 0, ngx_deploy_member_word },

    { "autoRetryLimitOverride", NGX_DEPLOY_MEMBER_INTEGER,
      0, NGX_DEPLOY_START_BUILD_MAX, ngx_deploy_member_integer },

    { "hostKernelOverride", NGX_DEPLOY_MEMBER_WORD,
      0, 0, ngx_deploy_member_word },

    { "debugSessionEnabled", NGX_DEPLOY_MEMBER_BOOL,
      0, 0, ngx_deploy_member_boolean },

    { NULL, NGX_DEPLOY_MEMBER_TEXT, 0, 0, NULL }
};


int
ngx_deploy_codebuild_override(const ngx_deploy_str_t *name,
    const ngx_deploy_str_t *value, const char **reason)
{
    int64_t                     n;
    const ngx_deploy_member_t  *member;

    member = ngx_deploy_member_find(name);

    if (member == NULL) {
        *reason = "is not a scalar member of StartBuild";
        return NGX_DEPLOY_DECLINED;
    }

    if (value->data == NULL) {
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_member_check(member, value, &n) != NGX_DEPLOY_OK) {
        *reason = member->reason;
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


static const ngx_deploy_member_t *
ngx_deploy_member_find(const ngx_deploy_str_t *name)
{
    const ngx_deploy_member_t  *member;

    for (member = ngx_deploy_members; member->name; member++) {

        if (ngx_deploy_str_is(name, member->name)) {
            return member;
        }
    }

    return NULL;
}


/* *n is the value of an integer or a boolean */

static int
ngx_deploy_member_check(const ngx_deploy_member_t *member,
    const ngx_deploy_str_t *value, int64_t *n)
{
    size_t  i;
    u_char  c;

    *n = 0;

    switch (member->type) {

    case NGX_DEPLOY_MEMBER_INTEGER:
        *n = ngx_deploy_atoi64(value->data, value->len);

        if (*n < member->min || *n > member->max) {
            return NGX_DEPLOY_DECLINED;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_MEMBER_BOOL:
        *n = ngx_deploy_member_bool(value);

        return (*n < 0) ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK;

    case NGX_DEPLOY_MEMBER_WORD:

        for (i = 0; i < value->len; i++) {
            c = value->data[i];

            if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
                && (c < '0' || c > '9') && c != '_' && c != '-')
            {
                return NGX_DEPLOY_DECLINED;
            }
        }

        return (i == 0 || i > 255) ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK;

    default: /* NGX_DEPLOY_MEMBER_TEXT */

        if (value->len < (size_t) member->min) {
            return NGX_DEPLOY_DECLINED;
        }

        return NGX_DEPLOY_OK;
    }
}


static int
ngx_deploy_member_bool(const ngx_deploy_str_t *value)
{
    if (ngx_deploy_str_is(value, "true") || ngx_deploy_str_is(value, "on")) {
        return 1;
    }

    if (ngx_deploy_str_is(value, "false") || ngx_deploy_str_is(value, "off")) {
        return 0;
    }

    return -1;
}


int
ngx_deploy_codebuild_env_name(const ngx_deploy_str_t *name,
    const char **reason)
{
    size_t  i;
    u_char  c;

    if (name->len == 0) {
        *reason = "must not be empty";
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
            || (i && c >= '0' && c <= '9'))
        {
            continue;
        }

        *reason = "must consist of letters, digits and \"_\","
                  " and not begin with a digit";
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_str_starts(name, "CODEBUILD_")) {
        *reason = "begins with \"CODEBUILD_\", which is reserved";
        return NGX_DEPLOY_DECLINED;
    }

    return NGX_DEPLOY_OK;
}


const char *
ngx_deploy_codebuild_env_type(const ngx_deploy_str_t *word)
{
    if (word == NULL || ngx_deploy_str_is(word, "plaintext")) {
        return "PLAINTEXT";
    }

    if (ngx_deploy_str_is(word, "parameter_store")) {
        return "PARAMETER_STORE";
    }

    return ngx_deploy_str_is(word, "secrets_manager") ? "SECRETS_MANAGER"
                                                      : NULL;
}


ngx_deploy_str_t
ngx_deploy_codebuild_version(const ngx_deploy_event_t *event)
{
    const ngx_deploy_str_t  *commit;

    static const ngx_deploy_str_t  none = ngx_deploy_null_string;

    if (event->deleted == 1) {
        return none;
    }

    commit = &event->facts[NGX_DEPLOY_COMMIT];

    if (commit->len == 40 || commit->len == 64) {
        return *commit;
    }

    return event->facts[NGX_DEPLOY_BRANCH].len
           ? event->facts[NGX_DEPLOY_BRANCH] : event->facts[NGX_DEPLOY_TAG];
}


int
ngx_deploy_codebuild_start_build(const ngx_deploy_start_build_t *start,
    ngx_deploy_pool_t *pool, ngx_deploy_str_t *body, const char **reason)
{
    size_t                 i;
    ngx_deploy_json_out_t  out;

    *reason = NULL;

    if (ngx_deploy_codebuild_project_name(&start->project) != NGX_DEPLOY_OK) {
        *reason = "is not a name of a project";
        return NGX_DEPLOY_DECLINED;
    }

    /* the order is part of the contract: equal input, equal bytes */

    ngx_deploy_json_out_begin(&out, pool, NGX_DEPLOY_START_BUILD_SIZE);
    ngx_deploy_json_out_object(&out, NULL);
    ngx_deploy_json_out_str(&out, "projectName", &start->project);

    if (start->source_version.len) {
        ngx_deploy_json_out_str(&out, "sourceVersion",
                                &start->source_version);
    }

    if (start->nenv
        && ngx_deploy_start_build_env(&out, start, reason) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; i < start->noverrides; i++) {

        if (ngx_deploy_start_build_override(&out, start, i, reason)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_DECLINED;
        }
    }

    if (start->idempotency_token.len) {
        ngx_deploy_json_out_str(&out, "idempotencyToken",
                                &start->idempotency_token);
    }

    ngx_deploy_json_out_close(&out, '}');

    return ngx_deploy_json_out_end(&out, body);
}


static int
ngx_deploy_start_build_env(ngx_deploy_json_out_t *out,
    const ngx_deploy_start_build_t *start, const char **reason)
{
    size_t                   i, j;
    const ngx_deploy_env_t  *env, *last;

    ngx_deploy_json_out_array(out, "environmentVariablesOverride");

    for (i = 0; i < start->nenv; i++) {
        env = &start->env[i];

        if (ngx_deploy_codebuild_env_name(&env->name, reason)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_DECLINED;
        }

        for (j = 0; j < i; j++) {
            if (ngx_deploy_str_eq(&start->env[j].name, &env->name)) {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        /* stands where it is given first, with what it is given last */

        last = env;

        for (j = i + 1; j < start->nenv; j++) {
            if (ngx_deploy_str_eq(&start->env[j].name, &env->name)) {
                last = &start->env[j];
            }
        }

        ngx_deploy_start_build_variable(out, last);
    }

    ngx_deploy_json_out_close(out, ']');

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_start_build_variable(ngx_deploy_json_out_t *out,
    const ngx_deploy_env_t *env)
{
    ngx_deploy_json_out_object(out, NULL);
    ngx_deploy_json_out_str(out, "name", &env->name);
    ngx_deploy_start_build_value(out, "value", &env->value);

    if (env->type) {
        ngx_deploy_json_out_text(out, "type", env->type);
    }

    ngx_deploy_json_out_close(out, '}');
}


/* required, but may be empty */

static void
ngx_deploy_start_build_value(ngx_deploy_json_out_t *out, const char *key,
    const ngx_deploy_str_t *value)
{
    static const ngx_deploy_str_t  empty = ngx_deploy_string("");

    ngx_deploy_json_out_str(out, key, value->data ? value : &empty);
}


/* stands where it is given first, too */

static int
ngx_deploy_start_build_override(ngx_deploy_json_out_t *out,
    const ngx_deploy_start_build_t *start, size_t i, const char **reason)
{
    size_t                        j;
    int64_t                       n, last;
    ngx_deploy_str_t              value;
    const ngx_deploy_member_t    *member;
    const ngx_deploy_override_t  *override;

    last = 0;
    value = start->overrides[i].value;

    member = ngx_deploy_member_find(&start->overrides[i].member);

    if (member == NULL) {
        *reason = "is not a scalar member of StartBuild";
        return NGX_DEPLOY_DECLINED;
    }

    for (j = 0; j < start->noverrides; j++) {
        override = &start->overrides[j];

        if (!ngx_deploy_str_eq(&override->member,
                               &start->overrides[i].member))
        {
            continue;
        }

        if (j < i) {
            return NGX_DEPLOY_OK;
        }

        if (ngx_deploy_member_check(member, &override->value, &n)
            != NGX_DEPLOY_OK)
        {
            *reason = member->reason;
            return NGX_DEPLOY_DECLINED;
        }

        value = override->value;
        last = n;
    }

    switch (member->type) {

    case NGX_DEPLOY_MEMBER_INTEGER:
        ngx_deploy_json_out_int(out, member->name, last);
        break;

    case NGX_DEPLOY_MEMBER_BOOL:
        ngx_deploy_json_out_bool(out, member->name, last);
        break;

    default:
        ngx_deploy_start_build_value(out, member->name, &value);
        break;
    }

    return NGX_DEPLOY_OK;
}
