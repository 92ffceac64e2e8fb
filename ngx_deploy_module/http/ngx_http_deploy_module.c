
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_aws.h"
#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_keep.h"
#include "ngx_http_deploy_metrics.h"
#include "ngx_http_deploy_outbound.h"
#include "ngx_http_deploy_retry.h"
#include "ngx_http_deploy_sns.h"
#include "ngx_http_deploy_status.h"
#include "ngx_http_deploy_thread.h"
#include "ngx_http_deploy_token.h"
#include "ngx_http_deploy_watch.h"
#include "ngx_http_deploy_zone.h"


static void *ngx_http_deploy_alloc(void *data, size_t size);
static ngx_int_t ngx_http_deploy_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_deploy_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_deploy_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_deploy_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_deploy_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_deploy_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_deploy_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_deploy_check_loc_conf(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *conf);
static void ngx_http_deploy_check_return(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *conf);
static ngx_int_t ngx_http_deploy_init_process(ngx_cycle_t *cycle);
static void ngx_http_deploy_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_deploy_log_levels[] = {
    { ngx_string("debug"), NGX_LOG_DEBUG },
    { ngx_string("info"), NGX_LOG_INFO },
    { ngx_string("notice"), NGX_LOG_NOTICE },
    { ngx_string("warn"), NGX_LOG_WARN },
    { ngx_string("error"), NGX_LOG_ERR },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_deploy_commands[] = {

    { ngx_string("deploy_verify"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_deploy_verify,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_build"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_deploy_build,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_receive"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_deploy_receive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_notify"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_deploy_notify,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_slack"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_deploy_slack,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_project"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_deploy_project,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_region"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_deploy_region,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_deploy_loc_conf_t, region),
      NULL },

    { ngx_string("deploy_endpoint"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_deploy_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_deploy_loc_conf_t, endpoint),
      NULL },

    { ngx_string("deploy_credentials"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_deploy_credentials_source,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_transport"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_http_deploy_transport,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_deploy_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_deploy_loc_conf_t, timeout),
      NULL },

    { ngx_string("deploy_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_deploy_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_deploy_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("deploy_dry_run"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_deploy_loc_conf_t, dry_run),
      NULL },

    { ngx_string("deploy_log_level"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_deploy_loc_conf_t, log_level),
      &ngx_http_deploy_log_levels },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_deploy_module_ctx = {
    ngx_http_deploy_preconfiguration,      /* preconfiguration */
    ngx_http_deploy_postconfiguration,     /* postconfiguration */

    ngx_http_deploy_create_main_conf,      /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_deploy_create_srv_conf,       /* create server configuration */
    ngx_http_deploy_merge_srv_conf,        /* merge server configuration */

    ngx_http_deploy_create_loc_conf,       /* create location configuration */
    ngx_http_deploy_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_deploy_module = {
    NGX_MODULE_V1,
    &ngx_http_deploy_module_ctx,           /* module context */
    ngx_http_deploy_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_deploy_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_deploy_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_deploy_pool_t
ngx_http_deploy_pool(ngx_pool_t *pool)
{
    ngx_deploy_pool_t  dpool;

    dpool.alloc = ngx_http_deploy_alloc;
    dpool.data = pool;

    return dpool;
}


static void *
ngx_http_deploy_alloc(void *data, size_t size)
{
    return ngx_palloc(data, size);
}


static ngx_int_t
ngx_http_deploy_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_deploy_add_variables(cf);
}


static ngx_int_t
ngx_http_deploy_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (ngx_http_deploy_check_variables(cf) != NGX_OK
        || ngx_http_deploy_thread_init(cf) != NGX_OK
        || ngx_http_deploy_notify_init(cf) != NGX_OK
        || ngx_http_deploy_token_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* loaded and not used, it stays out of the way of every request */

    if ((dmcf->used || dmcf->threads)
        && (ngx_http_deploy_gate_init(cf) != NGX_OK
            || ngx_http_deploy_outbound_init(cf) != NGX_OK
            || ngx_http_deploy_metrics_init(cf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (dmcf->used) {
        ngx_deploy_json_init();
    }

    return ngx_http_deploy_transport_init(cf);
}


static void *
ngx_http_deploy_create_main_conf(ngx_conf_t *cf)
{
    ngx_deploy_pool_t             pool;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_main_conf_t));
    if (dmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&dmcf->projects, cf->pool, 4,
                       sizeof(ngx_http_deploy_project_t))
        != NGX_OK
        || ngx_array_init(&dmcf->sources, cf->pool, 4,
                          sizeof(ngx_http_deploy_source_t))
           != NGX_OK
        || ngx_array_init(&dmcf->uses, cf->pool, 4,
                          sizeof(ngx_http_deploy_use_t))
           != NGX_OK
        || ngx_array_init(&dmcf->rules, cf->pool, 4,
                          sizeof(ngx_http_deploy_rule_t))
           != NGX_OK
        || ngx_array_init(&dmcf->notifies, cf->pool, 4,
                          sizeof(ngx_http_deploy_notify_t))
           != NGX_OK)
    {
        return NULL;
    }

    pool = ngx_http_deploy_pool(cf->pool);

    dmcf->senders = ngx_deploy_senders_create(&pool);
    if (dmcf->senders == NULL) {
        return NULL;
    }

    if (ngx_http_deploy_aws_environment(cf, dmcf) != NGX_OK) {
        return NULL;
    }

    return dmcf;
}


static void *
ngx_http_deploy_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_srv_conf_t));
}


static char *
ngx_http_deploy_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_deploy_srv_conf_t *prev = parent;
    ngx_http_deploy_srv_conf_t *conf = child;

    if (prev->used) {
        conf->used = 1;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_deploy_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_deploy_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->sns_endpoint = { 0, NULL };
     *     conf->token_url = { 0, NULL };
     *     conf->rules = NULL;
     *     conf->region = { 0, NULL };
     *     conf->endpoint = { 0, NULL };
     *     conf->handler = 0;
     */

    conf->verify = NGX_CONF_UNSET_PTR;
    conf->notify = NGX_CONF_UNSET_PTR;
    conf->off = NGX_CONF_UNSET;
    conf->credentials = NGX_CONF_UNSET_PTR;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->dry_run = NGX_CONF_UNSET;
    conf->log_level = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_deploy_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_deploy_loc_conf_t *prev = parent;
    ngx_http_deploy_loc_conf_t *conf = child;

    ngx_uint_t                    own;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    own = (conf->verify != NGX_CONF_UNSET_PTR);

    if (!own) {
        conf->verify_file = prev->verify_file;
        conf->verify_line = prev->verify_line;
        conf->sns_endpoint = prev->sns_endpoint;
        conf->token_url = prev->token_url;
    }

    ngx_conf_merge_ptr_value(conf->verify, prev->verify, NULL);
    ngx_conf_merge_ptr_value(conf->notify, prev->notify, NULL);
    ngx_conf_merge_value(conf->off, prev->off, 0);
    ngx_conf_merge_str_value(conf->region, prev->region, "");
    ngx_conf_merge_str_value(conf->endpoint, prev->endpoint, "");
    ngx_conf_merge_ptr_value(conf->credentials, prev->credentials, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 8000);
    ngx_conf_merge_value(conf->dry_run, prev->dry_run, 0);
    ngx_conf_merge_uint_value(conf->log_level, prev->log_level,
                              NGX_LOG_NOTICE);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* "if" and "limit_except" are the same location for a client */

    if (clcf->noname && !conf->handler && prev->handler) {
        conf->handler = prev->handler;
        conf->rules = prev->rules;
        conf->file = prev->file;
        conf->line = prev->line;
        conf->name = prev->name;

        if (clcf->handler == NULL) {
            clcf->handler = ngx_http_deploy_handler;
        }
    }

    if (conf->verify || conf->handler) {
        dmcf->threads = 1;
    }

    ngx_http_deploy_command_location(dmcf, conf);

    /* bodies of webhooks belong in memory; the default is two pages */

    if ((conf->verify || conf->handler)
        && clcf->client_body_buffer_size == (size_t) 2 * ngx_pagesize)
    {
        clcf->client_body_buffer_size = NGX_HTTP_DEPLOY_BODY_BUFFER;
    }

    if (conf->verify) {
        ngx_http_deploy_check_return(cf, conf);
    }

    if (ngx_http_deploy_token_location(cf, conf, own) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_deploy_check_loc_conf(cf, conf);
}


static char *
ngx_http_deploy_check_loc_conf(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *conf)
{
    if (!conf->handler) {
        return NGX_CONF_OK;
    }

    if (conf->verify == NULL && !conf->off) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "no \"deploy_verify\" for the location \"%V\" in %s:%ui, "
                      "write \"deploy_verify off\" to accept anything",
                      &conf->name, conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    return (ngx_http_deploy_aws_location(cf, conf) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * The rewrite phase is over before anything is verified: an answer from it
 * makes the gate an ornament.  Only the first code is looked at, a "return"
 * under an "if" is none of our business.
 */

static void
ngx_http_deploy_check_return(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *conf)
{
    ngx_uint_t                 i;
    ngx_array_t              **codes;
    ngx_module_t              *module;
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    ctx = cf->ctx;
    module = NULL;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_rewrite_module")
            == 0)
        {
            module = cf->cycle->modules[i];
            break;
        }
    }

    if (module == NULL) {
        return;
    }

    /* codes come first in the configuration of the rewrite module */

    codes = ctx->loc_conf[module->ctx_index];

    if (codes == NULL || *codes == NULL || *codes == NGX_CONF_UNSET_PTR
        || (*codes)->nelts == 0
        || *(ngx_http_script_code_pt *) (*codes)->elts
           != ngx_http_script_return_code)
    {
        return;
    }

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"return\" answers in the location \"%V\" before "
                  "\"deploy_verify\" in %s:%ui is looked at",
                  &clcf->name, conf->verify_file, conf->verify_line);
}


static ngx_int_t
ngx_http_deploy_init_process(ngx_cycle_t *cycle)
{
    ngx_http_conf_ctx_t          *ctx;
    ngx_http_deploy_main_conf_t  *dmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    ctx = (ngx_http_conf_ctx_t *)
              ngx_get_conf(cycle->conf_ctx, ngx_http_module);

    if (ctx == NULL) {
        return NGX_OK;
    }

    dmcf = ctx->main_conf[ngx_http_deploy_module.ctx_index];

    if (dmcf->threads) {
        ngx_http_deploy_thread_init_process(cycle);
    }

    ngx_http_deploy_credentials_init_process(cycle, dmcf);

    if ((dmcf->used || dmcf->threads)
        && ngx_http_deploy_zone_init_process(cycle, dmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (dmcf->board) {
        ngx_http_deploy_board_init_process(cycle);
    }

    if (dmcf->board && dmcf->slack) {
        ngx_http_deploy_watch_init_process(cycle, dmcf);
    }

    if (dmcf->store) {
        ngx_http_deploy_store_init_process(cycle, dmcf);
        ngx_http_deploy_retry_init_process(cycle, dmcf);
        ngx_http_deploy_keep_init_process(cycle, dmcf);
    }

    if (dmcf->tokens) {
        ngx_http_deploy_token_init_process(cycle, dmcf);
    }

    return NGX_OK;
}


static void
ngx_http_deploy_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_deploy_store_exit_process();
    ngx_http_deploy_credentials_exit_process();
    ngx_http_deploy_certificate_free();
}
