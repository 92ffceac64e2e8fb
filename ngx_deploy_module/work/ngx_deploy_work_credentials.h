
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_
#define _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_sigv4.h"


/* credentials from files; blocks, so it runs in a thread (aws.md, 3.3) */

#define NGX_DEPLOY_WORK_MAX_FILE   1048576
#define NGX_DEPLOY_WORK_MAX_TOKEN  16384


typedef struct {
    const char           *credentials;   /* a path, NULL for none */
    const char           *config;        /* a path, NULL for none */
    const char           *profile;       /* NULL or empty: "default" */

    /*
     * The paths are made from HOME, nobody named them: one that may not be
     * read is as good as missing.
     */
    unsigned              implicit;
} ngx_deploy_work_files_t;


/*
 * Reads the static keys of a profile from the shared credentials file and,
 * where that has none, from the shared config file.  A set of keys is never
 * mixed from both.  Files are read anew at each call; one that is missing is
 * skipped; each may have NGX_DEPLOY_WORK_MAX_FILE bytes and must be a regular
 * file or the null device.
 *
 * pool         for the texts of *credentials, whose session_token is absent
 *              for long-term keys
 * *reason      static, set unless NGX_DEPLOY_OK is returned
 *
 * NGX_DEPLOY_OK
 * NGX_DEPLOY_DECLINED  "no credentials": nothing is configured here, or what
 *              is configured is not supported yet, as *reason says; a role
 *              wins over static keys of its profile, as in the SDKs
 * NGX_DEPLOY_ERROR  a file cannot be read, the named profile is missing, half
 *              of a pair of keys, characters that cannot be, memory
 */
int ngx_deploy_work_credentials_file(ngx_deploy_pool_t *pool,
    const ngx_deploy_work_files_t *files,
    ngx_deploy_credentials_t *credentials, const char **reason);


#endif /* _NGX_DEPLOY_WORK_CREDENTIALS_H_INCLUDED_ */
