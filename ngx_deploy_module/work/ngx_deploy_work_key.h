
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_KEY_H_INCLUDED_
#define _NGX_DEPLOY_WORK_KEY_H_INCLUDED_


#include "ngx_deploy_build_token.h"


#define NGX_DEPLOY_WORK_KEY_FILE  "deploy.key"


/*
 * Reads the key of the tokens of builds from the file "deploy.key" of a
 * directory, which is made, of random bytes and durable, when it is missing.
 * Of several processes that make it at once one wins, and all read its key.
 * It is not taken from a file that is not regular, not the user's own, not
 * of mode 0600, or not of the key's size.
 *
 * NGX_DEPLOY_OK; NGX_DEPLOY_ERROR: there is no key, *reason is a static text
 * that continues a sentence about the file, *err an errno or 0.
 */
int ngx_deploy_work_key(const char *path, ngx_deploy_build_key_t *key,
    const char **reason, int *err);


#endif /* _NGX_DEPLOY_WORK_KEY_H_INCLUDED_ */
