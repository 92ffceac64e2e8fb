
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_WATCH_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_WATCH_H_INCLUDED_


#include "ngx_http_deploy_call.h"
#include "ngx_http_deploy_notify.h"


/*
 * Builds that nobody has reported of for some time are asked for, so that
 * their messages come to an end, too.  No rule is asked about it.
 */

/* for a worker that starts: one of them watches */
void ngx_http_deploy_watch_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf);


#endif /* _NGX_HTTP_DEPLOY_WATCH_H_INCLUDED_ */
