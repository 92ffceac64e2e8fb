
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_CHAIN_H_INCLUDED_
#define _NGX_DEPLOY_WORK_CHAIN_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_credentials.h"
#include "ngx_deploy_work.h"
#include "ngx_deploy_work_credentials.h"


/* what the links of the chain share; for work/ only */

#define NGX_DEPLOY_WORK_MAX_TOKEN_FILE  20000


typedef struct ngx_deploy_work_block_s  ngx_deploy_work_block_t;
typedef struct ngx_deploy_work_http_s  ngx_deploy_work_http_t;


/* the shared files, read once per call */

typedef struct {
    unsigned                         loaded;
    ngx_deploy_str_t                 texts[2];   /* credentials, config */
    char                            *paths[2];   /* for reasons */
} ngx_deploy_work_files_t;


/* one call of ngx_deploy_work_credentials() */

typedef struct {
    const ngx_deploy_work_source_t  *source;
    ngx_deploy_work_set_t           *set;        /* for reason and retry */

    ngx_deploy_pool_t                pool;       /* wiped at the end */
    ngx_deploy_work_block_t         *blocks;

    int64_t                          started;    /* ms, monotonic */
    ngx_deploy_work_http_t          *http;
    ngx_deploy_work_files_t          files;
} ngx_deploy_work_ctx_t;


typedef struct {
    ngx_deploy_credentials_t         credentials;
    int64_t                          expires;
    unsigned                         stable;
    ngx_deploy_str_t                 source;
} ngx_deploy_work_found_t;


/*
 * The links.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED: not configured, go on;
 * NGX_DEPLOY_ERROR: ends the chain, set->reason is made.  All memory is of
 * ctx->pool.
 */
int ngx_deploy_work_environment(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
int ngx_deploy_work_web_identity(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
int ngx_deploy_work_profile(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
int ngx_deploy_work_container(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);
int ngx_deploy_work_imds(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_found_t *found);

/* a role, strings may be NULL or empty but for arn */

typedef struct {
    const char                      *arn;
    const char                      *external_id;
    const char                      *session_name;
    const char                      *token_file;   /* of a web identity */
    unsigned                         duration;     /* seconds, 0: AWS's */
} ngx_deploy_work_role_t;


/*
 * AssumeRole with the credentials of base, or, when the role has a token
 * file, AssumeRoleWithWebIdentity; *found may be *base.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_work_assume_role(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_role_t *role, const ngx_deploy_work_found_t *base,
    ngx_deploy_work_found_t *found);

/*
 * Runs the command of a credential_process; found->source is left alone.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_work_process(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_str_t *command, ngx_deploy_work_found_t *found);


/* a variable of source->env, NULL when it is not set or empty */
const char *ngx_deploy_work_env(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e name);

/* reads the shared files; NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_work_files(ngx_deploy_work_ctx_t *ctx);

/* a value of the chosen profile, absent without files or with an error */
ngx_deploy_str_t ngx_deploy_work_profile_value(ngx_deploy_work_ctx_t *ctx,
    const char *key);

/* a variable or else a value of the chosen profile; NULL when neither */
const char *ngx_deploy_work_setting(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e name, const char *key);

/* 1 when that is "true" */
unsigned ngx_deploy_work_true(ngx_deploy_work_ctx_t *ctx,
    ngx_deploy_work_env_e name, const char *key);


/* memory of a call, overwritten when it is freed */
void ngx_deploy_work_pool_init(ngx_deploy_work_ctx_t *ctx);
void ngx_deploy_work_pool_wipe(ngx_deploy_work_ctx_t *ctx);

/* ms of a clock that is never set */
int64_t ngx_deploy_work_ms(void);

/* Unix time: source->now and what has passed since */
time_t ngx_deploy_work_now(ngx_deploy_work_ctx_t *ctx);

/* ms that are left of source->limit, 0 when none or when told to stop */
int64_t ngx_deploy_work_left(ngx_deploy_work_ctx_t *ctx);

/* NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR with a reason: no time is left for it */
int ngx_deploy_work_sleep(ngx_deploy_work_ctx_t *ctx, int64_t ms);

/* set->reason and set->retry; returns NGX_DEPLOY_ERROR */
int ngx_deploy_work_fail(ngx_deploy_work_ctx_t *ctx, unsigned retry,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* puts "what: " in front of the reason; returns NGX_DEPLOY_ERROR */
int ngx_deploy_work_blame(ngx_deploy_work_ctx_t *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* the same for a reply that is no success: its status, code, message */
void ngx_deploy_work_fail_reply(ngx_deploy_work_ctx_t *ctx, unsigned status,
    const ngx_deploy_credentials_reply_t *reply, const char *reason);

/* a C string as a value, absent for NULL */
ngx_deploy_str_t ngx_deploy_work_str(const char *text);

/* 1 when a secret of 8 bytes or more is a part of text */
unsigned ngx_deploy_work_holds(const ngx_deploy_str_t *text,
    const ngx_deploy_str_t *secret);

/* 0 to 65535 */
unsigned ngx_deploy_work_random(void);

/* a text with NUL in ctx->pool, NULL when memory is short */
char *ngx_deploy_work_printf(ngx_deploy_work_ctx_t *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *ngx_deploy_work_cstring(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_str_t *s);

/*
 * Reads a regular file, or the null device, of at most max bytes.
 * NGX_DEPLOY_DECLINED: it is not there, or implicit is set and it may not be
 * read.  NGX_DEPLOY_ERROR has a reason.
 */
int ngx_deploy_work_read(ngx_deploy_work_ctx_t *ctx, const char *path,
    size_t max, unsigned implicit, ngx_deploy_str_t *text);


#endif /* _NGX_DEPLOY_WORK_CHAIN_H_INCLUDED_ */
