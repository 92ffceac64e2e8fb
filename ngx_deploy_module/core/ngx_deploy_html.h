
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_HTML_H_INCLUDED_
#define _NGX_DEPLOY_HTML_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_json.h"


/*
 * The pages of deploy_status: one document each, without scripts and without
 * anything from elsewhere.  All that is shown comes from the JSON, so that
 * both say the same.
 */

typedef struct {
    ngx_deploy_str_t      action;    /* URI to redeliver, absent: there is
                                        none */
    int64_t               now;       /* ms since the epoch */
} ngx_deploy_html_view_t;


/*
 * The page of a document of deploy_status: that of a delivery when it was
 * asked for one, else the overview.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.
 */
int ngx_deploy_html_page(ngx_deploy_pool_t *pool, ngx_deploy_json_t *json,
    const ngx_deploy_html_view_t *view, ngx_deploy_str_t *out);

/*
 * The value of Content-Security-Policy (CSP, level 3) that lets the pages have
 * their style, by its hash, and their forms.  NGX_DEPLOY_OK or
 * NGX_DEPLOY_ERROR.
 */
int ngx_deploy_html_policy(ngx_deploy_pool_t *pool, ngx_deploy_str_t *out);


#endif /* _NGX_DEPLOY_HTML_H_INCLUDED_ */
