
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_CODEBUILD_H_INCLUDED_
#define _NGX_DEPLOY_CODEBUILD_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"
#include "ngx_deploy_json.h"


/* CodeBuild's API 2016-10-06: bodies, replies, names (aws.md, section 1) */

#define NGX_DEPLOY_CODEBUILD_MAX_REPLY  262144
#define NGX_DEPLOY_CODEBUILD_MAX_BODY   262144


typedef struct {
    ngx_deploy_str_t      name;
    ngx_deploy_str_t      value;
    const char           *type;         /* "PLAINTEXT", ... of the API */
} ngx_deploy_env_t;


typedef struct {
    ngx_deploy_str_t      member;       /* "timeoutInMinutesOverride" */
    ngx_deploy_str_t      value;        /* as text */
} ngx_deploy_override_t;


typedef struct {
    ngx_deploy_str_t        project;
    ngx_deploy_str_t        source_version;     /* absent: the default */
    ngx_deploy_str_t        idempotency_token;  /* absent in a dry run */
    ngx_deploy_env_t       *env;
    size_t                  nenv;
    ngx_deploy_override_t  *overrides;
    size_t                  noverrides;
} ngx_deploy_start_build_t;


/*
 * Checks a name of a project: [A-Za-z0-9][A-Za-z0-9_-]{1,254}.
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_codebuild_project_name(const ngx_deploy_str_t *name);

/*
 * Checks an override: a scalar "...Override" member of StartBuild (also
 * debugSessionEnabled), and a value that suits its type and range.
 * source_version, environment and token have ways of their own.  An absent
 * value, not known before a request, is not checked.  Booleans are "true",
 * "false", "on", "off"; words of enums are passed through.
 * NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED with a static *reason.
 */
int ngx_deploy_codebuild_override(const ngx_deploy_str_t *member,
    const ngx_deploy_str_t *value, const char **reason);

/*
 * Checks the name of an environment variable: [A-Za-z_][A-Za-z0-9_]*, not
 * CODEBUILD_...  NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED with *reason.
 */
int ngx_deploy_codebuild_env_name(const ngx_deploy_str_t *name,
    const char **reason);

/*
 * The API's word for the type of an environment variable: "plaintext" (also
 * for NULL), "parameter_store", "secrets_manager"; NULL for any other
 */
const char *ngx_deploy_codebuild_env_type(const ngx_deploy_str_t *word);

/*
 * The source version of a build for an event: its commit; where it is missing
 * or short, which CodeBuild does not take, the branch or else the tag, unless
 * that is gone; absent when there is none
 */
ngx_deploy_str_t ngx_deploy_codebuild_version(
    const ngx_deploy_event_t *event);

/*
 * The body of StartBuild in memory of the pool, the same bytes for the same
 * input: projectName, sourceVersion, environment, overrides,
 * idempotencyToken.  Of a variable or an override given twice the last value
 * stands.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR when memory is short, or
 * NGX_DEPLOY_DECLINED with a static *reason when a name or a value does not
 * suit.
 */
int ngx_deploy_codebuild_start_build(const ngx_deploy_start_build_t *start,
    ngx_deploy_pool_t *pool, ngx_deploy_str_t *body, const char **reason);

/*
 * The token of a dispatch: hex SHA-256, 64 characters, of the provider, the
 * identity of the delivery, the index of the event in it, project and region
 * (DESIGN, section 5).  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_codebuild_token(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *provider, const ngx_deploy_str_t *identity,
    size_t index, const ngx_deploy_str_t *project,
    const ngx_deploy_str_t *region, ngx_deploy_str_t *token);


typedef enum {
    NGX_DEPLOY_REPLY_STARTED = 0,
    NGX_DEPLOY_REPLY_REFUSED,       /* for good: no such project, denied */
    NGX_DEPLOY_REPLY_THROTTLED,     /* retry, throttling class */
    NGX_DEPLOY_REPLY_CAPACITY,      /* account or queue limit: retry slowly */
    NGX_DEPLOY_REPLY_CREDENTIALS,   /* expired or unknown: refetch once */
    NGX_DEPLOY_REPLY_SKEW,          /* a signature's time: look at Date */
    NGX_DEPLOY_REPLY_TRANSIENT      /* 5xx, truncated, not JSON: retry */
} ngx_deploy_reply_class_e;


typedef struct {
    ngx_deploy_reply_class_e  class;
    ngx_deploy_str_t          id;           /* project:uuid */
    ngx_deploy_str_t          arn;
    int64_t                   number;       /* -1 when absent */
    ngx_deploy_str_t          url;          /* the console's page */
    ngx_deploy_str_t          error;        /* "ResourceNotFoundException" */
    ngx_deploy_str_t          message;      /* cut to 1,024 bytes, UTF-8 */
    const char               *reason;       /* static: why it is no success */
} ngx_deploy_reply_t;


/*
 * Reads a reply of StartBuild.  error_type is x-amzn-ErrorType, may be
 * absent; whole is 0 when the body was cut (connection closed early, over
 * the limit).  A 200 without build.id is NGX_DEPLOY_REPLY_TRANSIENT.
 * Classes go by the error code, by status for 5xx and where no code is known
 * (aws.md, 1.3 and 4.1); error is "UnknownError" when a 4xx or 5xx tells
 * none that is made of letters, digits, "_", "." and "-".
 * All texts are copied to the pool.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_codebuild_reply(ngx_deploy_pool_t *pool, unsigned status,
    const ngx_deploy_str_t *error_type, const u_char *body, size_t len,
    unsigned whole, ngx_deploy_reply_t *reply);

/* the body of StopBuild: NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_stop_build_body(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, ngx_deploy_str_t *body);

/*
 * The buildStatus of a reply of StopBuild, "STOPPED", or an empty text; it is
 * copied to the pool.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_stop_build_status(ngx_deploy_pool_t *pool, const u_char *body,
    size_t len, ngx_deploy_str_t *status);

/*
 * The id, the ARN and the number (or -1) of a reply that has all of build as
 * CodeBuild writes it, without a tree; NGX_DEPLOY_DECLINED for any other.
 */
int ngx_deploy_codebuild_scan(ngx_deploy_pool_t *pool, const u_char *p,
    size_t len, ngx_deploy_str_t *id, ngx_deploy_str_t *arn, int64_t *number);


#endif /* _NGX_DEPLOY_CODEBUILD_H_INCLUDED_ */
