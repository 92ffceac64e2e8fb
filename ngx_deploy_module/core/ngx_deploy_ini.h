
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_INI_H_INCLUDED_
#define _NGX_DEPLOY_INI_H_INCLUDED_


#include "ngx_deploy_core.h"


/* the shared config and credentials files of AWS (SDK reference guide) */

/*
 * The value of key in the section of a profile, absent when there is none.
 * config is 1 for the config file, whose sections are "[profile NAME]" and
 * "[default]" ("[profile default]" hides it), 0 for the credentials file,
 * "[NAME]".  Names may be quoted.  key is lower-case, keys in text are of any
 * case; of a key given twice, also in two sections of one profile, the last
 * value stands.  Comments and indented lines are skipped; a value ends before
 * a blank and "#" or ";", it may be empty.  The value points into text.
 * *section is 1 when the profile exists, otherwise 0.
 */
ngx_deploy_str_t ngx_deploy_ini_get(const ngx_deploy_str_t *text,
    unsigned config, const ngx_deploy_str_t *profile, const char *key,
    unsigned *section);


#endif /* _NGX_DEPLOY_INI_H_INCLUDED_ */
