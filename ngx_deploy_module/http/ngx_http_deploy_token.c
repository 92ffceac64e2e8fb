
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_token.h"
#include "ngx_http_deploy_recall.h"
#include "ngx_deploy_work_key.h"


#define NGX_HTTP_DEPLOY_TOKEN_GRACE  600000     /* ms, after the end */


/* a location that takes tokens */

typedef struct {
    ngx_http_deploy_loc_conf_t   *dlcf;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
} ngx_http_deploy_token_place_t;


static ngx_http_deploy_tokens_t *ngx_http_deploy_token_conf(ngx_conf_t *cf);
static ngx_uint_t ngx_http_deploy_token_taken(
    ngx_http_deploy_loc_conf_t *dlcf);
static ngx_int_t ngx_http_deploy_token_derive(ngx_conf_t *cf,
    ngx_http_deploy_token_place_t *place, ngx_str_t *url);
static ngx_str_t *ngx_http_deploy_token_name(ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_http_deploy_token_plain(ngx_str_t *s, const char *more);
static ngx_http_conf_addr_t *ngx_http_deploy_token_listen(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_uint_t ngx_http_deploy_token_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf);
static in_port_t ngx_http_deploy_token_port(ngx_http_conf_addr_t *addr);
static ngx_deploy_verify_e ngx_http_deploy_token_verdict(
    ngx_http_deploy_ctx_t *ctx);


/* of the worker */

static ngx_deploy_build_key_t  *ngx_http_deploy_token_key;
static ngx_deploy_build_key_t   ngx_http_deploy_token_none;


char *
ngx_http_deploy_token_verify(ngx_conf_t *cf, ngx_http_deploy_loc_conf_t *dlcf,
    ngx_deploy_verifier_t *v)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    const char                *reason;
    ngx_deploy_url_t           url;
    ngx_deploy_verifier_t     *others;
    ngx_http_deploy_tokens_t  *tokens;

    value = cf->args->elts;
    others = dlcf->verify->elts;

    for (i = 0; i < dlcf->verify->nelts - 1; i++) {
        if (others[i].type == NGX_DEPLOY_SCHEME_BUILD) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"deploy_verify build\" is duplicate");
            return NGX_CONF_ERROR;
        }
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strchr(value[i].data, '=') == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"deploy_verify build\" takes no file: \"%V\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "url=", 4) != 0
            || dlcf->token_url.len)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"deploy_verify build\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        dlcf->token_url.len = value[i].len - 4;
        dlcf->token_url.data = value[i].data + 4;

        if (ngx_deploy_url_parse(&dlcf->token_url, &url, &reason)
            != NGX_DEPLOY_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "URL \"%V\" %s",
                               &dlcf->token_url, reason);
            return NGX_CONF_ERROR;
        }
    }

    tokens = ngx_http_deploy_token_conf(cf);
    if (tokens == NULL) {
        return NGX_CONF_ERROR;
    }

    v->key = &tokens->key;

    return NGX_CONF_OK;
}


static ngx_http_deploy_tokens_t *
ngx_http_deploy_token_conf(ngx_conf_t *cf)
{
    ngx_http_deploy_tokens_t     *tokens;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    if (dmcf->tokens) {
        return dmcf->tokens;
    }

    tokens = ngx_pcalloc(cf->pool, sizeof(ngx_http_deploy_tokens_t));
    if (tokens == NULL) {
        return NULL;
    }

    if (ngx_array_init(&tokens->locations, cf->pool, 4,
                       sizeof(ngx_http_deploy_token_place_t))
        != NGX_OK)
    {
        return NULL;
    }

    tokens->file = cf->conf_file->file.name.data;
    tokens->line = cf->conf_file->line;

    dmcf->tokens = tokens;

    return tokens;
}


ngx_int_t
ngx_http_deploy_token_location(ngx_conf_t *cf,
    ngx_http_deploy_loc_conf_t *dlcf, ngx_uint_t own)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_deploy_main_conf_t    *dmcf;
    ngx_http_deploy_token_place_t  *place;

    if (!ngx_http_deploy_token_taken(dlcf)) {
        return NGX_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!dlcf->handler) {

        /* another handler knows nothing of builds */

        if (own && clcf->name.len) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"deploy_verify build\" in %s:%ui needs "
                          "\"deploy_receive\" or \"deploy_build\" in the "
                          "location \"%V\"",
                          dlcf->verify_file, dlcf->verify_line, &clcf->name);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (clcf->noname) {
        return NGX_OK;
    }

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);

    place = ngx_array_push(&dmcf->tokens->locations);
    if (place == NULL) {
        return NGX_ERROR;
    }

    place->dlcf = dlcf;
    place->clcf = clcf;
    place->cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_deploy_token_taken(ngx_http_deploy_loc_conf_t *dlcf)
{
    ngx_uint_t              i;
    ngx_deploy_verifier_t  *v;

    if (dlcf->verify == NULL) {
        return 0;
    }

    v = dlcf->verify->elts;

    for (i = 0; i < dlcf->verify->nelts; i++) {
        if (v[i].type == NGX_DEPLOY_SCHEME_BUILD) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_deploy_token_init(ngx_conf_t *cf)
{
    ngx_uint_t                      i;
    ngx_http_deploy_tokens_t       *tokens;
    ngx_http_deploy_srv_conf_t     *dscf;
    ngx_http_deploy_main_conf_t    *dmcf;
    ngx_http_deploy_token_place_t  *place;

    dmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_deploy_module);
    tokens = dmcf->tokens;

    if (tokens == NULL) {
        return NGX_OK;
    }

    if (dmcf->store == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"deploy_verify build\" in %s:%ui needs "
                      "\"deploy_store\"", tokens->file, tokens->line);
        return NGX_ERROR;
    }

    place = tokens->locations.elts;

    for (i = 0; i < tokens->locations.nelts; i++) {

        dscf = place[i].cscf->ctx->srv_conf[ngx_http_deploy_module.ctx_index];

        if (dscf->token_url.len) {
            continue;
        }

        if (place[i].dlcf->token_url.len) {
            dscf->token_url = place[i].dlcf->token_url;

        } else if (ngx_http_deploy_token_derive(cf, &place[i],
                                                &dscf->token_url)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (tokens->url.len == 0) {
            tokens->url = dscf->token_url;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_token_derive(ngx_conf_t *cf,
    ngx_http_deploy_token_place_t *place, ngx_str_t *url)
{
    u_char                *p;
    in_port_t              port;
    ngx_str_t             *name, *path;
    const char            *reason;
    ngx_uint_t             ssl;
    ngx_deploy_url_t       parts;
    ngx_http_conf_addr_t  *addr;

    name = ngx_http_deploy_token_name(place->cscf);
    path = &place->clcf->name;

    if (name == NULL) {
        reason = "the server has no \"server_name\" without wildcards";
        goto failed;
    }

    if (path->len == 0 || path->data[0] != '/'
#if (NGX_PCRE)
        || place->clcf->regex
#endif
        || !ngx_http_deploy_token_plain(path, "/_~"))
    {
        reason = "the location is not a plain path";
        goto failed;
    }

    addr = ngx_http_deploy_token_listen(cf, place->cscf);

    if (addr == NULL) {
        reason = "the server listens on no port";
        goto failed;
    }

    ssl = addr->opt.ssl;
    port = ngx_http_deploy_token_port(addr);

    p = ngx_pnalloc(cf->pool, sizeof("https://:65535") + name->len
                              + path->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_sprintf(p, ssl ? "https://%V" : "http://%V", name);

    if (port != (ssl ? 443 : 80)) {
        p = ngx_sprintf(p, ":%ui", (ngx_uint_t) port);
    }

    p = ngx_cpymem(p, path->data, path->len);

    url->len = p - url->data;

    if (ngx_deploy_url_parse(url, &parts, &reason) == NGX_DEPLOY_OK) {
        return NGX_OK;
    }

    if (!ssl) {
        reason = "the server does not listen with \"ssl\"";
    }

failed:

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"deploy_verify build\" in %s:%ui needs \"url=\", as builds "
                  "cannot be told where to report to: %s",
                  place->dlcf->verify_file, place->dlcf->verify_line, reason);

    return NGX_ERROR;
}


static ngx_str_t *
ngx_http_deploy_token_name(ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t               i;
    ngx_http_server_name_t  *sn;

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        if (sn[i].name.len && sn[i].name.data[0] != '.'
#if (NGX_PCRE)
            && sn[i].regex == NULL
#endif
            && ngx_http_deploy_token_plain(&sn[i].name, ""))
        {
            return &sn[i].name;
        }
    }

    return NULL;
}


/* letters, digits, "-", "." and more */

static ngx_uint_t
ngx_http_deploy_token_plain(ngx_str_t *s, const char *more)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || c == '-' || c == '.'
            || (c && ngx_strchr(more, c) != NULL))
        {
            continue;
        }

        return 0;
    }

    return 1;
}


/* with "ssl" rather than without, on the default port rather than another */

static ngx_http_conf_addr_t *
ngx_http_deploy_token_listen(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    in_port_t                   port;
    ngx_uint_t                  i, n, rank, best;
    ngx_http_conf_addr_t       *addr, *found;
    ngx_http_conf_port_t       *ports;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NULL;
    }

    ports = cmcf->ports->elts;
    found = NULL;
    best = 0;

    for (i = 0; i < cmcf->ports->nelts; i++) {

        addr = ports[i].addrs.elts;

        for (n = 0; n < ports[i].addrs.nelts; n++) {

            port = ngx_http_deploy_token_port(&addr[n]);

            if (port == 0 || !ngx_http_deploy_token_has(&addr[n], cscf)) {
                continue;
            }

            rank = 1 + 2 * addr[n].opt.ssl
                   + (port == (addr[n].opt.ssl ? 443 : 80));

            if (rank > best) {
                best = rank;
                found = &addr[n];
            }
        }
    }

    return found;
}


static ngx_uint_t
ngx_http_deploy_token_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **servers;

    servers = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        if (servers[i] == cscf) {
            return 1;
        }
    }

    return 0;
}


/* 0 of a socket in the file system */

static in_port_t
ngx_http_deploy_token_port(ngx_http_conf_addr_t *addr)
{
#if (NGX_HAVE_UNIX_DOMAIN)
    if (addr->opt.sockaddr->sa_family == AF_UNIX) {
        return 0;
    }
#endif

    return ngx_inet_get_port(addr->opt.sockaddr);
}


void
ngx_http_deploy_token_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    int          err;
    char        *path;
    const char  *reason;

    path = (char *) dmcf->store->path->name.data;

    ngx_http_deploy_token_key = &dmcf->tokens->key;

    if (ngx_deploy_work_key(path, ngx_http_deploy_token_key, &reason, &err)
        == NGX_DEPLOY_OK)
    {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, cycle->log, err,
                  "deploy key \"%s/" NGX_DEPLOY_WORK_KEY_FILE "\" %s: builds "
                  "get no token, \"deploy_verify build\" refuses everything",
                  path, reason);
}


ngx_str_t *
ngx_http_deploy_token_url(ngx_http_request_t *r)
{
    ngx_http_deploy_srv_conf_t   *dscf;
    ngx_http_deploy_main_conf_t  *dmcf;

    dmcf = ngx_http_get_module_main_conf(r, ngx_http_deploy_module);
    dscf = ngx_http_get_module_srv_conf(r, ngx_http_deploy_module);

    if (dmcf->tokens == NULL || dmcf->tokens->url.len == 0) {
        return NULL;
    }

    return dscf->token_url.len ? &dscf->token_url : &dmcf->tokens->url;
}


ngx_int_t
ngx_http_deploy_token_seal(ngx_pool_t *pool, ngx_str_t *project, ngx_str_t *id,
    ngx_str_t *body, ngx_str_t *sealed)
{
    ngx_deploy_pool_t        dpool;
    ngx_deploy_build_key_t  *key;

    dpool = ngx_http_deploy_pool(pool);

    /* there may be builds of another configuration in the store */

    key = ngx_http_deploy_token_key ? ngx_http_deploy_token_key
                                    : &ngx_http_deploy_token_none;

    return (ngx_deploy_build_token_seal(&dpool, key, project, id, body, sealed)
            == NGX_DEPLOY_OK) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_deploy_token_check(ngx_http_deploy_ctx_t *ctx)
{
    if (ctx->reporter) {
        ctx->verdict = ngx_http_deploy_token_verdict(ctx);

        if (ctx->verdict != NGX_DEPLOY_VERIFY_SUCCESS) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_token_refuse(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                    none, *about;
    ngx_uint_t                   later;
    ngx_http_deploy_known_t     *known;
    ngx_http_deploy_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    /* the answer of StartBuild may come yet */

    known = ctx->known;

    later = (ctx->verdict == NGX_DEPLOY_VERIFY_UNKNOWN && known
             && (known->state == NGX_DEPLOY_STORE_QUEUED
                 || known->state == NGX_DEPLOY_STORE_STARTING));

    ctx->result = later ? "failed" : "refused";
    ctx->event = ctx->nevents ? ctx->events : NULL;

    ngx_str_null(&none);
    about = ctx->event ? &ctx->event->facts[NGX_DEPLOY_BUILD_ID] : &none;

    ngx_log_error(dlcf->log_level, r->connection->log, 0,
                  "deploy refused: signature %s, scheme \"build\", the token "
                  "is that of build \"%V\" of \"%V\", the report about \"%V\"",
                  ngx_deploy_verify_name(ctx->verdict),
                  (known && known->id.len) ? &known->id : &ctx->reporter->id,
                  &ctx->reporter->project, about);

    if (!later) {
        return ngx_http_deploy_answer_text(r, NGX_HTTP_FORBIDDEN, "refused",
                                           NULL);
    }

    return ngx_http_deploy_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                       "failed",
                                       "the build is not known yet");
}


static ngx_deploy_verify_e
ngx_http_deploy_token_verdict(ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                *project;
    ngx_deploy_str_t         *facts;
    ngx_http_deploy_known_t  *known;

    known = ctx->known;
    project = &ctx->reporter->project;

    if (known == NULL) {
        return NGX_DEPLOY_VERIFY_UNKNOWN;
    }

    /* a report is one event, but nothing hangs on that */

    if (ctx->nevents != 1) {
        return NGX_DEPLOY_VERIFY_OTHER;
    }

    facts = ctx->events[0].facts;

    if (!ngx_deploy_str_eq(&facts[NGX_DEPLOY_PROJECT], project)
        || !ngx_deploy_str_eq(&known->project, project))
    {
        return NGX_DEPLOY_VERIFY_OTHER;
    }

    if (known->id.len == 0) {
        return NGX_DEPLOY_VERIFY_UNKNOWN;
    }

    if (!ngx_deploy_str_eq(&facts[NGX_DEPLOY_BUILD_ID], &known->id)) {
        return NGX_DEPLOY_VERIFY_OTHER;
    }

    if (known->final
        && ngx_http_deploy_store_now() - known->final
           > NGX_HTTP_DEPLOY_TOKEN_GRACE)
    {
        return NGX_DEPLOY_VERIFY_EXPIRED;
    }

    return NGX_DEPLOY_VERIFY_SUCCESS;
}
