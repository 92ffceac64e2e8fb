
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
 * "[default]" ("[profile default]" wins), 0 for the credentials file.  The
 * value points into text.  *section is set to 1 when the profile exists.
 */
ngx_deploy_str_t ngx_deploy_ini_get(const ngx_deploy_str_t *text,
    unsigned config, const ngx_deploy_str_t *profile, const char *key,
    unsigned *section);


#endif /* _NGX_DEPLOY_INI_H_INCLUDED_ */
