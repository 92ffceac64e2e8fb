
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_SECRET_H_INCLUDED_
#define _NGX_DEPLOY_WORK_SECRET_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * Reads a file of secrets: a regular file of 1 to NGX_DEPLOY_MAX_SECRET_FILE
 * bytes that not everybody may read.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with
 * a static *reason, which continues a sentence about the file, and *err, an
 * errno or 0; NGX_DEPLOY_ERROR: memory.  Wipe the text after use.
 */
int ngx_deploy_work_secret(ngx_deploy_pool_t *pool, const char *path,
    ngx_deploy_str_t *text, const char **reason, int *err);


#endif /* _NGX_DEPLOY_WORK_SECRET_H_INCLUDED_ */
