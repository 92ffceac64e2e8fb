
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_


#include "ngx_http_deploy.h"


/* the setter of deploy_status: the history in the store, and an action */
char *ngx_http_deploy_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_HTTP_DEPLOY_STATUS_H_INCLUDED_ */
