
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_MEDIA_H_INCLUDED_
#define _NGX_DEPLOY_MEDIA_H_INCLUDED_


#include "ngx_deploy_core.h"


#define NGX_DEPLOY_MEDIA_MAX  256      /* of a Content-Type */


typedef enum {
    NGX_DEPLOY_MEDIA_OTHER = 0,
    NGX_DEPLOY_MEDIA_JSON,             /* application/json */
    NGX_DEPLOY_MEDIA_FORM,             /* application/x-www-form-urlencoded */
    NGX_DEPLOY_MEDIA_TEXT              /* text/plain */
} ngx_deploy_media_e;


/*
 * What a value of Content-Type stands for (RFC 9110, 8.3).  The only
 * parameter taken is charset=utf-8; with another one, or over
 * NGX_DEPLOY_MEDIA_MAX bytes, the type is NGX_DEPLOY_MEDIA_OTHER.  Whoever
 * verifies a body and whoever parses it has to ask here, so that both read
 * the same.
 */
ngx_deploy_media_e ngx_deploy_media_type(const ngx_deploy_str_t *value);


/* what deploy_status may answer with */

typedef enum {
    NGX_DEPLOY_MEDIA_AS_JSON = 0,
    NGX_DEPLOY_MEDIA_AS_HTML,
    NGX_DEPLOY_MEDIA_AS_PROMETHEUS,    /* text/plain */
    NGX_DEPLOY_MEDIA_AS_OPENMETRICS
} ngx_deploy_media_as_e;


/*
 * What a value of Accept likes best (RFC 9110, 12.5.1), the first one of
 * several; JSON when it is absent or likes none of them.
 */
ngx_deploy_media_as_e ngx_deploy_media_accept(const ngx_deploy_str_t *value);


#endif /* _NGX_DEPLOY_MEDIA_H_INCLUDED_ */
