
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_AWS_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_AWS_H_INCLUDED_


#include "ngx_http_deploy_credentials.h"


/* what the configuration and the environment say of AWS */

/* reads the master's environment; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_aws_environment(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf);

/* setters of directives */
char *ngx_http_deploy_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_deploy_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_deploy_credentials_source(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Checks scheme, host and port of an endpoint, of AWS or not, and takes off
 * the slash at the end: NGX_CONF_OK or an error text.
 */
char *ngx_http_deploy_check_endpoint(ngx_str_t *url);

/*
 * "region", "endpoint", "credentials" and "role" of deploy_project.
 * NGX_OK, NGX_ERROR or, for any other member, NGX_DECLINED.
 */
ngx_int_t ngx_http_deploy_aws_member(ngx_conf_t *cf,
    ngx_http_deploy_project_t *project);

/* checks a location and notes what its rules need; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_aws_location(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf);

/* the region of a project, which may be NULL, in a location; or empty */
ngx_str_t *ngx_http_deploy_aws_region(ngx_http_deploy_loc_conf_t *dlcf,
    ngx_http_deploy_project_t *project);

/*
 * The URL of CodeBuild for a project, which may be NULL, in a location, in
 * memory of the pool.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_aws_url(ngx_pool_t *pool,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_http_deploy_project_t *project, ngx_str_t *url);

/* the source of its credentials; the texts are those of the configuration */
void ngx_http_deploy_aws_source(ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_http_deploy_project_t *project,
    ngx_http_deploy_source_t *source);

/*
 * A source as it is written in the configuration, "chain" or "profile=NAME";
 * its role is not in it.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_aws_source_text(ngx_pool_t *pool,
    ngx_http_deploy_source_t *source, ngx_str_t *text);

/*
 * The source of such a text, for a build that was stored: the role is the
 * one that the project has now.  What cannot be told is the chain.
 */
void ngx_http_deploy_aws_stored_source(ngx_http_deploy_main_conf_t *dmcf,
    ngx_str_t *project, ngx_str_t *text, ngx_str_t *region,
    ngx_http_deploy_source_t *source);


#endif /* _NGX_HTTP_DEPLOY_AWS_H_INCLUDED_ */
