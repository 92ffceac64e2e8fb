
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <glob.h>

#include "ngx_deploy_tool_explain.h"


static int ngx_deploy_tool_load_include(ngx_deploy_tool_conf_t *conf,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_directive_t ***last);
static int ngx_deploy_tool_load_file(ngx_deploy_tool_conf_t *conf,
    const char *file, ngx_deploy_tool_directive_t ***last);


int
ngx_deploy_tool_load(ngx_deploy_tool_explain_t *explain)
{
    int                           rc;
    char                         *slash;
    ngx_deploy_str_t              s;
    ngx_deploy_tool_conf_t        conf;
    ngx_deploy_tool_directive_t  *main, **last;

    memset(&conf, 0, sizeof(ngx_deploy_tool_conf_t));

    conf.pool = &explain->tool->pool;
    conf.include = ngx_deploy_tool_load_include;
    conf.data = explain;

    /* includes and files of secrets are relative to its directory */

    s = ngx_deploy_tool_str(explain->file);
    slash = strrchr(explain->file, '/');

    s.len = slash ? (size_t) (slash - explain->file) : 1;

    explain->dir = slash ? ngx_deploy_tool_cstring(explain->tool, &s) : ".";

    main = NULL;
    last = &main;

    rc = ngx_deploy_tool_load_file(&conf, explain->file, &last);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_tool_error(explain->tool, "%s:%u: %s", conf.file,
                                     conf.line, conf.reason);
    }

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    explain->main = main;
    explain->http = ngx_deploy_tool_conf_find(main, "http");

    if (explain->http == NULL || !explain->http->is_block) {
        return ngx_deploy_tool_error(explain->tool, "%s: there is no \"http\" "
                                     "block", explain->file);
    }

    return NGX_DEPLOY_OK;
}


/* a name without "*" has to be there, as nginx wants it */

static int
ngx_deploy_tool_load_include(ngx_deploy_tool_conf_t *conf,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_directive_t ***last)
{
    int                         rc;
    char                       *name;
    glob_t                      gl;
    size_t                      i;
    ngx_deploy_tool_explain_t  *explain;

    explain = conf->data;
    name = ngx_deploy_tool_cstring(explain->tool, &d->args[1]);

    if (name[0] != '/') {
        name = ngx_deploy_tool_printf(explain->tool, "%s/%s", explain->dir,
                                      name);
    }

    if (strpbrk(name, "*?[") == NULL) {
        return ngx_deploy_tool_load_file(conf, name, last);
    }

    if (glob(name, GLOB_NOMAGIC, NULL, &gl) != 0) {
        return NGX_DEPLOY_OK;
    }

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < gl.gl_pathc && rc == NGX_DEPLOY_OK; i++) {
        name = ngx_deploy_tool_printf(explain->tool, "%s", gl.gl_pathv[i]);
        rc = ngx_deploy_tool_load_file(conf, name, last);
    }

    globfree(&gl);

    return rc;
}


static int
ngx_deploy_tool_load_file(ngx_deploy_tool_conf_t *conf, const char *file,
    ngx_deploy_tool_directive_t ***last)
{
    ngx_deploy_str_t            text;
    ngx_deploy_tool_explain_t  *explain;

    explain = conf->data;

    if (ngx_deploy_tool_read(explain->tool, file, &text) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_tool_conf_parse(conf, file, &text, last);
}
