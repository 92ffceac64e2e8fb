
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy.h"


#define NGX_HTTP_DEPLOY_RESOLV_CONF  "/etc/resolv.conf"


static char *ngx_http_deploy_transport_directive(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_int_t ngx_http_deploy_transport_server(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_core_srv_conf_t *cscf);
static void **ngx_http_deploy_transport_create(ngx_conf_t *cf);
static ngx_int_t ngx_http_deploy_transport_merge(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, void **loc_conf);
static ngx_int_t ngx_http_deploy_transport_texts(ngx_conf_t *cf,
    ngx_array_t *all, ngx_array_t *texts);
static ngx_int_t ngx_http_deploy_transport_built_in(ngx_conf_t *cf,
    ngx_array_t *all, const char *name, const char *text);
static ngx_int_t ngx_http_deploy_transport_system(ngx_conf_t *cf,
    ngx_array_t *all, ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_deploy_transport_name_servers(ngx_conf_t *cf,
    ngx_str_t *text);


/*
 * What a service call needs besides its URL.  Nothing of it is inherited
 * from the server, whose proxy_set_header or proxy_set_body would change
 * what was signed.
 */

static const char  *ngx_http_deploy_built_in[][2] = {
    { "access_log", "access_log off;" },
    { "proxy_pass", "proxy_pass $deploy_transport_url;" },
    { "proxy_set_header Host",
      "proxy_set_header Host $deploy_transport_host;" },
    { "proxy_set_header Connection", "proxy_set_header Connection close;" },
    { "proxy_set_header User-Agent",
      "proxy_set_header User-Agent ngx_deploy_module;" },
    { "proxy_http_version", "proxy_http_version 1.1;" },
    { "proxy_connect_timeout", "proxy_connect_timeout 5s;" },
    { "proxy_send_timeout", "proxy_send_timeout 10s;" },
    { "proxy_read_timeout", "proxy_read_timeout 30s;" },
    { "proxy_next_upstream", "proxy_next_upstream error timeout;" },
    { "proxy_next_upstream_tries", "proxy_next_upstream_tries 3;" },
    { "proxy_buffer_size", "proxy_buffer_size 16k;" },
    { "proxy_buffers", "proxy_buffers 8 16k;" },
    { "proxy_max_temp_file_size", "proxy_max_temp_file_size 0;" },
    { "proxy_intercept_errors", "proxy_intercept_errors off;" },
    { "proxy_ssl_server_name", "proxy_ssl_server_name on;" },
    { "proxy_ssl_name", "proxy_ssl_name $deploy_transport_name;" },
    { "proxy_ssl_protocols", "proxy_ssl_protocols TLSv1.2 TLSv1.3;" },
    { "proxy_ssl_verify", "proxy_ssl_verify on;" },
    { "proxy_ssl_verify_depth", "proxy_ssl_verify_depth 5;" },
    { NULL, NULL }
};


static const char  *ngx_http_deploy_ca_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",    /* Debian, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",      /* Fedora, RHEL, Amazon */
    "/etc/ssl/ca-bundle.pem",                /* SUSE */
    "/etc/ssl/cert.pem",                     /* BSD */
    NULL
};


/* no body of ours may be replaced, no reply kept, nothing sent elsewhere */

static const char  *ngx_http_deploy_refused[] = {
    "proxy_set_body", "proxy_pass", "proxy_pass_request_body",
    "proxy_pass_request_headers", "proxy_method", "proxy_redirect",
    "proxy_store", "proxy_store_access", "proxy_intercept_errors", NULL
};


char *
ngx_http_deploy_transport(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_conf_t                    save;
    ngx_array_t                 **transport;
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_http_deploy_main_conf_t  *dmcf;

    if (cf->cmd_type == NGX_HTTP_MAIN_CONF) {
        dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);
        transport = &dmcf->transport;

    } else {
        dscf = conf;
        transport = &dscf->transport;
    }

    if (*transport) {
        return "is duplicate";
    }

    *transport = ngx_array_create(cf->pool, 8, sizeof(ngx_http_deploy_text_t));
    if (*transport == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_deploy_transport_directive;
    cf->handler_conf = (char *) *transport;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


/* kept as text: the location it is for is made after the last server */

static char *
ngx_http_deploy_transport_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    size_t                   len;
    u_char                  *p, *s;
    ngx_str_t               *value;
    const char             **name;
    ngx_uint_t               i, n;
    ngx_array_t             *texts;
    ngx_http_deploy_text_t  *text;

    texts = (ngx_array_t *) conf;
    value = cf->args->elts;

    for (name = ngx_http_deploy_refused; *name; name++) {
        if (ngx_strcmp(value[0].data, *name) == 0) {
            goto refused;
        }
    }

    if (ngx_strncmp(value[0].data, "proxy_cache", 11) == 0) {
        goto refused;
    }

    if (ngx_strncmp(value[0].data, "proxy_", 6) != 0
        && ngx_strncmp(value[0].data, "resolver", 8) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a proxy_* or resolver directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    /* a repetition is signed anew, counted, and none of nginx's */

    if (ngx_strcmp(value[0].data, "proxy_next_upstream") == 0) {

        for (i = 1; i < cf->args->nelts; i++) {
            if (ngx_strcmp(value[i].data, "non_idempotent") == 0) {
                value = &value[i];
                goto refused;
            }
        }
    }

    text = ngx_array_push(texts);
    if (text == NULL) {
        return NGX_CONF_ERROR;
    }

    /* headers are one by one */

    text->name = value[0];

    if (cf->args->nelts == 3
        && ngx_strcmp(value[0].data, "proxy_set_header") == 0)
    {
        text->name.len = value[0].len + 1 + value[1].len;
        text->name.data = ngx_pnalloc(cf->pool, text->name.len + 1);
        if (text->name.data == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_sprintf(text->name.data, "%V %V%Z", &value[0], &value[1]);
    }

    for (len = 2, i = 0; i < cf->args->nelts; i++) {
        len += 2 * value[i].len + 3;
    }

    s = ngx_pnalloc(cf->pool, len);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    for (p = s, i = 0; i < cf->args->nelts; i++) {
        *p++ = '"';

        for (n = 0; n < value[i].len; n++) {
            if (value[i].data[n] == '"' || value[i].data[n] == '\\') {
                *p++ = '\\';
            }

            *p++ = value[i].data[n];
        }

        *p++ = '"';
        *p++ = ' ';
    }

    *p++ = ';';

    text->text.data = s;
    text->text.len = p - s;
    text->file = cf->conf_file->file.name.data;
    text->line = cf->conf_file->line;

    return NGX_CONF_OK;

refused:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" is not allowed in \"deploy_transport\"", value);
    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_deploy_transport_init(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_http_core_srv_conf_t    **cscfp;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_http_deploy_main_conf_t  *dmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        dscf = cscfp[i]->ctx->srv_conf[ngx_http_deploy_module.ctx_index];

        if (!dscf->used) {
            continue;
        }

        if (ngx_http_deploy_transport_server(cf, dmcf, cscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_transport_server(ngx_conf_t *cf,
    ngx_http_deploy_main_conf_t *dmcf, ngx_http_core_srv_conf_t *cscf)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_conf_t                   save;
    ngx_array_t                  all;
    ngx_http_conf_ctx_t          ctx;
    ngx_http_deploy_text_t      *text;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_deploy_srv_conf_t  *dscf;

    dscf = cscf->ctx->srv_conf[ngx_http_deploy_module.ctx_index];

    if (ngx_array_init(&all, cf->temp_pool, 32, sizeof(ngx_http_deploy_text_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; ngx_http_deploy_built_in[i][0]; i++) {
        if (ngx_http_deploy_transport_built_in(cf, &all,
                                               ngx_http_deploy_built_in[i][0],
                                               ngx_http_deploy_built_in[i][1])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_deploy_transport_system(cf, &all, cscf) != NGX_OK
        || ngx_http_deploy_transport_texts(cf, &all, dmcf->transport) != NGX_OK
        || ngx_http_deploy_transport_texts(cf, &all, dscf->transport)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    dscf->ctx = cscf->ctx;
    dscf->loc_conf = ngx_http_deploy_transport_create(cf);

    if (dscf->loc_conf == NULL) {
        return NGX_ERROR;
    }

    ctx.main_conf = cscf->ctx->main_conf;
    ctx.srv_conf = cscf->ctx->srv_conf;
    ctx.loc_conf = dscf->loc_conf;

    clcf = ctx.loc_conf[ngx_http_core_module.ctx_index];
    clcf->loc_conf = dscf->loc_conf;
    ngx_str_set(&clcf->name, "deploy_transport");
    clcf->noname = 1;

    save = *cf;
    cf->ctx = &ctx;
    cf->module_type = NGX_HTTP_MODULE;
    cf->cmd_type = NGX_HTTP_LOC_CONF;

    rc = NGX_OK;
    text = all.elts;

    for (i = 0; i < all.nelts && rc == NGX_OK; i++) {
        if (text[i].text.len) {
            rc = ngx_http_deploy_parse_text(cf, &text[i]);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_deploy_transport_merge(cf, cscf, dscf->loc_conf);
    }

    *cf = save;

    return rc;
}


static void **
ngx_http_deploy_transport_create(ngx_conf_t *cf)
{
    void               **loc_conf;
    ngx_uint_t           m, index;
    ngx_http_module_t   *module;

    loc_conf = ngx_pcalloc(cf->pool, sizeof(void *) * ngx_http_max_module);
    if (loc_conf == NULL) {
        return NULL;
    }

    for (m = 0; cf->cycle->modules[m]; m++) {

        if (cf->cycle->modules[m]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = cf->cycle->modules[m]->ctx;
        index = cf->cycle->modules[m]->ctx_index;

        if (module->create_loc_conf == NULL) {
            continue;
        }

        loc_conf[index] = module->create_loc_conf(cf);

        if (loc_conf[index] == NULL) {
            return NULL;
        }
    }

    return loc_conf;
}


static ngx_int_t
ngx_http_deploy_transport_merge(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, void **loc_conf)
{
    char                       *rv;
    void                      **parent;
    ngx_uint_t                  m, index;
    ngx_http_module_t          *module;
    ngx_http_core_loc_conf_t   *from, *to;

    parent = ngx_http_deploy_transport_create(cf);
    if (parent == NULL) {
        return NGX_ERROR;
    }

    /* all that the server gives */

    from = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];
    to = parent[ngx_http_core_module.ctx_index];

    to->resolver = from->resolver;
    to->resolver_timeout = from->resolver_timeout;
    to->error_log = from->error_log;

    for (m = 0; cf->cycle->modules[m]; m++) {

        if (cf->cycle->modules[m]->type != NGX_HTTP_MODULE) {
            continue;
        }

        module = cf->cycle->modules[m]->ctx;
        index = cf->cycle->modules[m]->ctx_index;

        if (module->merge_loc_conf == NULL) {
            continue;
        }

        rv = module->merge_loc_conf(cf, parent[index], loc_conf[index]);

        if (rv != NGX_CONF_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"deploy_transport\" of server in %s:%ui %s",
                          cscf->file_name, cscf->line,
                          rv == NGX_CONF_ERROR ? "failed" : rv);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_transport_built_in(ngx_conf_t *cf, ngx_array_t *all,
    const char *name, const char *text)
{
    ngx_http_deploy_text_t  *t;

    t = ngx_array_push(all);
    if (t == NULL) {
        return NGX_ERROR;
    }

    t->name.data = (u_char *) name;
    t->name.len = ngx_strlen(name);
    t->text.data = (u_char *) text;
    t->text.len = ngx_strlen(text);
    t->file = (u_char *) "(built-in deploy_transport)";
    t->line = all->nelts;

    return NGX_OK;
}


/* a directive takes the place of all of its name that came before */

static ngx_int_t
ngx_http_deploy_transport_texts(ngx_conf_t *cf, ngx_array_t *all,
    ngx_array_t *texts)
{
    ngx_uint_t               i, j, n;
    ngx_http_deploy_text_t  *from, *to;

    if (texts == NULL) {
        return NGX_OK;
    }

    n = all->nelts;
    from = texts->elts;

    for (i = 0; i < texts->nelts; i++) {

        to = all->elts;

        for (j = 0; j < n; j++) {
            if (to[j].name.len == from[i].name.len
                && ngx_strncasecmp(to[j].name.data, from[i].name.data,
                                   to[j].name.len)
                   == 0)
            {
                to[j].text.len = 0;
            }
        }

        to = ngx_array_push(all);
        if (to == NULL) {
            return NGX_ERROR;
        }

        *to = from[i];
    }

    return NGX_OK;
}


/* what the system gives: its CA bundle and, for want of ours, a resolver */

static ngx_int_t
ngx_http_deploy_transport_system(ngx_conf_t *cf, ngx_array_t *all,
    ngx_http_core_srv_conf_t *cscf)
{
    u_char                     *p;
    ngx_str_t                   text;
    const char                **ca;
    ngx_file_info_t             fi;
    ngx_http_core_loc_conf_t   *clcf;

    for (ca = ngx_http_deploy_ca_bundles; *ca; ca++) {

        if (ngx_file_info(*ca, &fi) == NGX_FILE_ERROR) {
            continue;
        }

        text.len = sizeof("proxy_ssl_trusted_certificate ;") + ngx_strlen(*ca);

        p = ngx_pnalloc(cf->pool, text.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(p, "proxy_ssl_trusted_certificate %s;%Z", *ca);

        if (ngx_http_deploy_transport_built_in(cf, all,
                                               "proxy_ssl_trusted_certificate",
                                               (char *) p)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        break;
    }

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        return NGX_OK;
    }

    if (ngx_http_deploy_transport_name_servers(cf, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_deploy_transport_built_in(cf, all, "resolver",
                                              (char *) text.data);
}


/* the system's name servers as a directive, resolv.conf(5) */

static ngx_int_t
ngx_http_deploy_transport_name_servers(ngx_conf_t *cf, ngx_str_t *text)
{
    FILE        *f;
    char        *s, *name, *rest, line[512];
    u_char      *p, *last;
    ngx_uint_t   n;

    p = ngx_pnalloc(cf->pool, 1024);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    last = p + 1000;

    p = ngx_cpymem(p, "resolver", sizeof("resolver") - 1);
    n = 0;

    f = fopen(NGX_HTTP_DEPLOY_RESOLV_CONF, "re");

    while (f && n < 3 && fgets(line, sizeof(line), f)) {

        s = strtok_r(line, " \t\r\n", &rest);

        if (s == NULL || ngx_strcmp(s, "nameserver") != 0) {
            continue;
        }

        name = strtok_r(NULL, " \t\r\n", &rest);

        /* a link-local address with a scope is none for nginx */

        if (name == NULL || strchr(name, '%') || ngx_strlen(name) > 64) {
            continue;
        }

        p = ngx_slprintf(p, last, strchr(name, ':') ? " [%s]" : " %s", name);
        n++;
    }

    if (f) {
        fclose(f);
    }

    if (n == 0) {
        p = ngx_slprintf(p, last, " 127.0.0.1");
    }

    *p++ = ';';
    *p = '\0';

    text->len = p - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_parse_text(ngx_conf_t *cf, ngx_http_deploy_text_t *text)
{
    u_char           *p;
    ngx_buf_t         b;
    ngx_conf_file_t   conf_file;

    p = ngx_pnalloc(cf->pool, text->text.len + 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&b, sizeof(ngx_buf_t));
    ngx_memzero(&conf_file, sizeof(ngx_conf_file_t));

    b.start = p;
    b.pos = p;
    b.last = ngx_cpymem(p, text->text.data, text->text.len);
    *b.last++ = '}';
    b.end = b.last;
    b.temporary = 1;

    /* a block of a file that has been read to its end */

    conf_file.file.fd = (ngx_fd_t) 0;
    conf_file.file.name.data = text->file;
    conf_file.file.name.len = ngx_strlen(text->file);
    conf_file.file.offset = 0;
    conf_file.file.log = cf->log;
    conf_file.buffer = &b;
    conf_file.line = text->line;

    cf->conf_file = &conf_file;

    return (ngx_conf_parse(cf, NULL) == NGX_CONF_OK) ? NGX_OK : NGX_ERROR;
}
