
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_ARGV_H_INCLUDED_
#define _NGX_DEPLOY_ARGV_H_INCLUDED_


#include "ngx_deploy_core.h"


#define NGX_DEPLOY_ARGV_MAX  64


/*
 * Splits a command as a POSIX shell splits words, without expanding anything:
 * blanks separate, '...' is literal, in "..." and outside of quotes a
 * backslash takes the next character as it is (in "..." before " and \ only).
 * *argv, in memory of the pool, ends with NULL and has 1 to
 * NGX_DEPLOY_ARGV_MAX words.
 *
 * NGX_DEPLOY_OK, NGX_DEPLOY_ERROR: memory, or NGX_DEPLOY_DECLINED with a
 * static *reason: no word, too many, a quote that is not closed, NUL
 */
int ngx_deploy_argv_split(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *text, char ***argv, const char **reason);


#endif /* _NGX_DEPLOY_ARGV_H_INCLUDED_ */
