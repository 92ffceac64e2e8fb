
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_PAGE_H_INCLUDED_
#define _NGX_DEPLOY_PAGE_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"


/* the pages of a sender that people are shown */

typedef enum {
    NGX_DEPLOY_PAGE_REPO = 0,
    NGX_DEPLOY_PAGE_BRANCH,
    NGX_DEPLOY_PAGE_TAG,
    NGX_DEPLOY_PAGE_COMMIT,
    NGX_DEPLOY_PAGE_SENDER
} ngx_deploy_page_e;


/*
 * The address of a page of the event's repository, made from the address
 * that the event has, as each sender forms its own.  *url is absent when the
 * event does not have what is needed, or the sender has no such page.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_page(ngx_deploy_pool_t *pool, const ngx_deploy_event_t *event,
    ngx_deploy_page_e page, ngx_deploy_str_t *url);


#endif /* _NGX_DEPLOY_PAGE_H_INCLUDED_ */
