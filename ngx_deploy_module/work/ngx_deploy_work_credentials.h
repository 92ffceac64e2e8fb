
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_
#define _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_sigv4.h"

#include <signal.h>


/*
 * The chain of AWS credentials (aws.md, section 3), for a thread: it reads
 * files, asks endpoints, may run a program.  It keeps nothing between calls.
 */

#define NGX_DEPLOY_WORK_MAX_FILE    1048576     /* of a shared file */
#define NGX_DEPLOY_WORK_MAX_REASON  512


/* the links of the chain, in its order */

typedef enum {
    NGX_DEPLOY_WORK_CHAIN = 0,          /* all of them */
    NGX_DEPLOY_WORK_ENVIRONMENT,
    NGX_DEPLOY_WORK_WEB_IDENTITY,
    NGX_DEPLOY_WORK_PROFILE,
    NGX_DEPLOY_WORK_CONTAINER,
    NGX_DEPLOY_WORK_IMDS
} ngx_deploy_work_kind_e;


/* the variables of the environment that are looked at */

typedef enum {
    NGX_DEPLOY_WORK_ACCESS_KEY_ID = 0,
    NGX_DEPLOY_WORK_SECRET_ACCESS_KEY,
    NGX_DEPLOY_WORK_SESSION_TOKEN,
    NGX_DEPLOY_WORK_CREDENTIAL_EXPIRATION,

    NGX_DEPLOY_WORK_WEB_IDENTITY_TOKEN_FILE,
    NGX_DEPLOY_WORK_ROLE_ARN,
    NGX_DEPLOY_WORK_ROLE_SESSION_NAME,

    NGX_DEPLOY_WORK_AWS_PROFILE,
    NGX_DEPLOY_WORK_CONFIG_FILE,
    NGX_DEPLOY_WORK_SHARED_CREDENTIALS_FILE,
    NGX_DEPLOY_WORK_HOME,

    NGX_DEPLOY_WORK_CONTAINER_RELATIVE_URI,
    NGX_DEPLOY_WORK_CONTAINER_FULL_URI,
    NGX_DEPLOY_WORK_CONTAINER_TOKEN_FILE,
    NGX_DEPLOY_WORK_CONTAINER_TOKEN,

    NGX_DEPLOY_WORK_METADATA_DISABLED,
    NGX_DEPLOY_WORK_METADATA_ENDPOINT,
    NGX_DEPLOY_WORK_METADATA_ENDPOINT_MODE,
    NGX_DEPLOY_WORK_METADATA_V1_DISABLED,
    NGX_DEPLOY_WORK_METADATA_TIMEOUT,
    NGX_DEPLOY_WORK_METADATA_ATTEMPTS,
    NGX_DEPLOY_WORK_INSTANCE_PROFILE_NAME,

    NGX_DEPLOY_WORK_REGION,
    NGX_DEPLOY_WORK_ENDPOINT_STS,
    NGX_DEPLOY_WORK_ENDPOINT_CODEBUILD,     /* for the glue, not used here */
    NGX_DEPLOY_WORK_STS_REGIONAL,
    NGX_DEPLOY_WORK_USE_FIPS,
    NGX_DEPLOY_WORK_USE_DUALSTACK,
    NGX_DEPLOY_WORK_CA_BUNDLE,

    NGX_DEPLOY_WORK_NENV
} ngx_deploy_work_env_e;


/* their names, "AWS_ACCESS_KEY_ID", ..., in the order above */
extern const char *const  ngx_deploy_work_env_names[NGX_DEPLOY_WORK_NENV];


/*
 * What to look for and how.  All strings end with NUL and are the caller's
 * for the time of the call; NULL and "" are "not set".
 */

typedef struct {
    ngx_deploy_work_kind_e         kind;   /* one link alone, or the chain */

    /* values of the variables: the master's, workers have none of them */
    const char                    *env[NGX_DEPLOY_WORK_NENV];

    const char                    *profile;     /* instead of AWS_PROFILE */
    const char                    *region;      /* of STS, for AWS_REGION */

    /* a role to be assumed with what was found */
    const char                    *role;           /* its ARN */
    const char                    *external_id;
    const char                    *session_name;   /* "ngx_deploy" */
    unsigned                       duration;       /* seconds, 0: AWS's */

    time_t                         now;     /* Unix time */
    unsigned                       limit;   /* ms for everything */
    const volatile sig_atomic_t   *stop;    /* NULL, or ends it once set */
} ngx_deploy_work_source_t;


typedef struct {
    ngx_deploy_credentials_t       credentials;
    int64_t                        expires;    /* Unix time, 0: never */

    ngx_deploy_work_kind_e         kind;       /* the link that had them */
    ngx_deploy_str_t               source;     /* for people, no secret */

    /* static stability: use them on when they expired, ask again later */
    unsigned                       stable;

    /* of a failure: whether a later try may help, and a text, no secret */
    unsigned                       retry;
    char                           reason[NGX_DEPLOY_WORK_MAX_REASON];
} ngx_deploy_work_set_t;


/* "environment", "web_identity", ... of a link; "chain" */
const char *ngx_deploy_work_kind_name(ngx_deploy_work_kind_e kind);

/* the link or the chain of such a name; -1 for any other */
int ngx_deploy_work_kind(const ngx_deploy_str_t *name);

/*
 * Walks the chain, environment, web identity, profile, container, IMDS, and
 * assumes source->role on top.  A link that is configured but fails ends the
 * chain, as in botocore.  Credentials and set->source are copied to pool, all
 * else that was secret on the way is wiped.  Wipe them after use.
 *
 * NGX_DEPLOY_OK        *set is filled; one with stable set may have expired
 * NGX_DEPLOY_DECLINED  nothing is configured: set->reason tells where it was
 *                      looked for
 * NGX_DEPLOY_ERROR     set->reason names the file, variable, address, status
 *                      and AWS error code; also for the time limit, the stop
 *                      flag and memory
 */
int ngx_deploy_work_credentials(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_source_t *source, ngx_deploy_work_set_t *set);

/* overwrites the keys and the token of a set, which becomes empty */
void ngx_deploy_work_wipe(ngx_deploy_work_set_t *set);


#endif /* _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_ */
