
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_explain.h"


/* how well a server_name fits */

typedef enum {
    NGX_DEPLOY_TOOL_NAME_NONE = 0,
    NGX_DEPLOY_TOOL_NAME_REGEX,
    NGX_DEPLOY_TOOL_NAME_TAIL,           /* www.* */
    NGX_DEPLOY_TOOL_NAME_HEAD,           /* *.example.com */
    NGX_DEPLOY_TOOL_NAME_EXACT
} ngx_deploy_tool_fit_e;


typedef struct {
    const ngx_deploy_tool_directive_t  *d;
    const char                         *modifier;   /* "", "=", "^~", ... */
    ngx_deploy_str_t                    name;
} ngx_deploy_tool_location_t;


static int ngx_deploy_tool_server(ngx_deploy_tool_explain_t *explain);
static unsigned ngx_deploy_tool_listens(
    const ngx_deploy_tool_directive_t *server, int64_t port,
    unsigned *is_default);
static int64_t ngx_deploy_tool_port(const ngx_deploy_str_t *address);
static int ngx_deploy_tool_names(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *server, ngx_deploy_tool_fit_e *fit,
    size_t *len);
static int ngx_deploy_tool_name(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, const ngx_deploy_str_t *name,
    ngx_deploy_tool_fit_e *fit);
static unsigned ngx_deploy_tool_ends(const ngx_deploy_str_t *s,
    const u_char *p, size_t len);
static int ngx_deploy_tool_find_location(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *first);
static int ngx_deploy_tool_find_regex(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *first);
static unsigned ngx_deploy_tool_is_location(
    const ngx_deploy_tool_directive_t *d,
    ngx_deploy_tool_location_t *location);
static int ngx_deploy_tool_enter(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d);


int
ngx_deploy_tool_locate(ngx_deploy_tool_explain_t *explain)
{
    const ngx_deploy_tool_directive_t  *server;

    explain->place.n = 0;

    if (ngx_deploy_tool_enter(explain, explain->http) != NGX_DEPLOY_OK
        || ngx_deploy_tool_server(explain) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    server = explain->place.levels[explain->place.n - 1];

    return (ngx_deploy_tool_find_location(explain, server->block)
            == NGX_DEPLOY_ERROR) ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


/* the best name of those that listen there, else the default, else the first */

static int
ngx_deploy_tool_server(ngx_deploy_tool_explain_t *explain)
{
    size_t                              len, best_len;
    int64_t                             port;
    unsigned                            is_default, has_default;
    ngx_deploy_tool_fit_e               fit, best_fit;
    const ngx_deploy_tool_directive_t  *d, *best;

    best = NULL;
    best_fit = NGX_DEPLOY_TOOL_NAME_NONE;
    best_len = 0;
    has_default = 0;
    port = explain->port;

    for (d = ngx_deploy_tool_conf_find(explain->http->block, "server");
         d;
         d = ngx_deploy_tool_conf_find(d->next, "server"))
    {
        if (!d->is_block || !ngx_deploy_tool_listens(d, port, &is_default)) {
            continue;
        }

        if (ngx_deploy_tool_names(explain, d, &fit, &len) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }

        if (fit > best_fit
            || (fit == best_fit && fit > NGX_DEPLOY_TOOL_NAME_REGEX
                && len > best_len)
            || best == NULL
            || (best_fit == NGX_DEPLOY_TOOL_NAME_NONE && is_default
                && !has_default))
        {
            best = d;
            best_fit = fit;
            best_len = len;
        }

        has_default |= is_default;
    }

    if (best == NULL && port) {
        return ngx_deploy_tool_error(explain->tool, "%s: no server listens on"
                                     " port %lld", explain->file,
                                     (long long) port);
    }

    if (best == NULL) {
        return ngx_deploy_tool_error(explain->tool, "%s: no server in it",
                                     explain->file);
    }

    return ngx_deploy_tool_enter(explain, best);
}


/* port 0 is any; without "listen" it is 80 */

static unsigned
ngx_deploy_tool_listens(const ngx_deploy_tool_directive_t *server,
    int64_t port, unsigned *is_default)
{
    size_t                              i;
    unsigned                            found;
    const ngx_deploy_tool_directive_t  *d;

    *is_default = 0;

    d = ngx_deploy_tool_conf_find(server->block, "listen");

    if (d == NULL) {
        return port == 0 || port == 80;
    }

    for (found = 0; d; d = ngx_deploy_tool_conf_find(d->next, "listen")) {

        if (d->nargs < 2
            || (port && ngx_deploy_tool_port(&d->args[1]) != port))
        {
            continue;
        }

        found = 1;

        for (i = 2; i < d->nargs; i++) {
            *is_default |= ngx_deploy_str_is(&d->args[i], "default_server")
                           || ngx_deploy_str_is(&d->args[i], "default");
        }
    }

    return found;
}


/* "8080", "127.0.0.1:8080", "[::]:8080", "localhost"; -1: of no port */

static int64_t
ngx_deploy_tool_port(const ngx_deploy_str_t *address)
{
    u_char   *p, *last;
    int64_t   port;

    if (ngx_deploy_str_starts(address, "unix:")) {
        return -1;
    }

    last = address->data + address->len;

    for (p = last; p > address->data && p[-1] != ':' && p[-1] != ']'; p--) {
        /* void */
    }

    port = ngx_deploy_atoi64(p, last - p);

    if (p == address->data || p[-1] == ':') {
        return (port == -1) ? 80 : port;
    }

    return 80;
}


static int
ngx_deploy_tool_names(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *server, ngx_deploy_tool_fit_e *fit,
    size_t *len)
{
    size_t                              i;
    ngx_deploy_tool_fit_e               one;
    const ngx_deploy_tool_directive_t  *d;

    *fit = NGX_DEPLOY_TOOL_NAME_NONE;
    *len = 0;

    for (d = ngx_deploy_tool_conf_find(server->block, "server_name");
         d && explain->host.len;
         d = ngx_deploy_tool_conf_find(d->next, "server_name"))
    {
        for (i = 1; i < d->nargs; i++) {

            if (ngx_deploy_tool_name(explain, d, &d->args[i], &one)
                != NGX_DEPLOY_OK)
            {
                return NGX_DEPLOY_ERROR;
            }

            if (one > *fit || (one == *fit && d->args[i].len > *len)) {
                *fit = one;
                *len = d->args[i].len;
            }
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_name(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, const ngx_deploy_str_t *name,
    ngx_deploy_tool_fit_e *fit)
{
    size_t                    n;
    const char               *reason;
    ngx_deploy_str_t         *host, pattern;
    ngx_deploy_tool_regex_t  *regex;

    host = &explain->host;
    *fit = NGX_DEPLOY_TOOL_NAME_NONE;

    if (name->len && name->data[0] == '~') {

        pattern.data = name->data + 1;
        pattern.len = name->len - 1;

        if (ngx_deploy_tool_regex(explain->tool, &pattern, 1, 0, &regex,
                                  &reason)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(explain->tool, "%s:%u: %s", d->file,
                                         d->line, reason);
        }

        if (ngx_deploy_tool_regex_match(explain, regex, host)
            == NGX_DEPLOY_OK)
        {
            *fit = NGX_DEPLOY_TOOL_NAME_REGEX;
        }

        return NGX_DEPLOY_OK;
    }

    n = name->len;

    if (n == host->len
        && strncasecmp((char *) name->data, (char *) host->data, n) == 0)
    {
        *fit = NGX_DEPLOY_TOOL_NAME_EXACT;

    } else if (n > 1 && name->data[0] == '.') {

        /* of itself and all below it */

        if (n - 1 == host->len && ngx_deploy_tool_ends(host, name->data + 1,
                                                       n - 1))
        {
            *fit = NGX_DEPLOY_TOOL_NAME_EXACT;

        } else if (ngx_deploy_tool_ends(host, name->data, n)) {
            *fit = NGX_DEPLOY_TOOL_NAME_HEAD;
        }

    } else if (n > 2 && name->data[0] == '*' && name->data[1] == '.') {

        if (host->len > n - 1
            && ngx_deploy_tool_ends(host, name->data + 1, n - 1))
        {
            *fit = NGX_DEPLOY_TOOL_NAME_HEAD;
        }

    } else if (n > 2 && name->data[n - 1] == '*' && name->data[n - 2] == '.') {

        if (host->len > n - 1
            && strncasecmp((char *) host->data, (char *) name->data, n - 1)
               == 0)
        {
            *fit = NGX_DEPLOY_TOOL_NAME_TAIL;
        }
    }

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_tool_ends(const ngx_deploy_str_t *s, const u_char *p, size_t len)
{
    return s->len >= len
           && strncasecmp((char *) s->data + s->len - len, (char *) p, len)
              == 0;
}


/*
 * As nginx: an exact location, else the longest prefix and what is in it,
 * else the first regex, unless the prefix has "^~".  NGX_DEPLOY_OK: exact or
 * by a regex; NGX_DEPLOY_DECLINED: a prefix or nothing.
 */

static int
ngx_deploy_tool_find_location(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *first)
{
    int                                 rc;
    size_t                              level;
    ngx_deploy_str_t                   *uri;
    ngx_deploy_tool_location_t          location, best;
    const ngx_deploy_tool_directive_t  *d;

    uri = &explain->place.uri;
    level = explain->place.n;

    memset(&best, 0, sizeof(ngx_deploy_tool_location_t));

    for (d = first; d; d = d->next) {

        if (!ngx_deploy_tool_is_location(d, &location)
            || location.modifier[0] == '~')
        {
            continue;
        }

        if (location.modifier[0] == '=') {

            if (ngx_deploy_str_eq(&location.name, uri)) {
                rc = ngx_deploy_tool_enter(explain, d);
                return rc;
            }

            continue;
        }

        if (location.name.len <= uri->len
            && memcmp(uri->data, location.name.data, location.name.len) == 0
            && (best.d == NULL || location.name.len > best.name.len))
        {
            best = location;
        }
    }

    if (best.d) {

        if (ngx_deploy_tool_enter(explain, best.d) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }

        rc = ngx_deploy_tool_find_location(explain, best.d->block);

        if (rc != NGX_DEPLOY_DECLINED || best.modifier[0] == '^') {
            return rc;
        }
    }

    rc = NGX_DEPLOY_DECLINED;

    for (d = first; d && rc == NGX_DEPLOY_DECLINED; d = d->next) {

        if (ngx_deploy_tool_is_location(d, &location)
            && location.modifier[0] == '~')
        {
            rc = ngx_deploy_tool_find_regex(explain, d);

            if (rc == NGX_DEPLOY_OK) {
                explain->place.n = level;

                if (ngx_deploy_tool_enter(explain, d) != NGX_DEPLOY_OK
                    || ngx_deploy_tool_find_location(explain, d->block)
                       == NGX_DEPLOY_ERROR)
                {
                    rc = NGX_DEPLOY_ERROR;
                }
            }
        }
    }

    return rc;
}


static int
ngx_deploy_tool_find_regex(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d)
{
    const char                  *reason;
    ngx_deploy_tool_regex_t     *regex;
    ngx_deploy_tool_location_t   location;

    (void) ngx_deploy_tool_is_location(d, &location);

    if (ngx_deploy_tool_regex(explain->tool, &location.name,
                              location.modifier[1] == '*', 0, &regex, &reason)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_tool_error(explain->tool, "%s:%u: %s", d->file,
                                     d->line, reason);
    }

    return (ngx_deploy_tool_regex_match(explain, regex, &explain->place.uri)
            == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


/* the modifier may stand with the name in one word */

static unsigned
ngx_deploy_tool_is_location(const ngx_deploy_tool_directive_t *d,
    ngx_deploy_tool_location_t *location)
{
    size_t             i;
    ngx_deploy_str_t   word;

    static const char *const  modifiers[] = { "=", "^~", "~*", "~", NULL };

    if (!d->is_block || !ngx_deploy_str_is(&d->args[0], "location")
        || d->nargs < 2 || d->nargs > 3)
    {
        return 0;
    }

    word = d->args[1];

    if (word.len && word.data[0] == '@') {
        return 0;
    }

    location->d = d;
    location->modifier = "";
    location->name = word;

    for (i = 0; modifiers[i]; i++) {

        if (!ngx_deploy_str_starts(&word, modifiers[i])) {
            continue;
        }

        location->modifier = modifiers[i];
        location->name.data += strlen(modifiers[i]);
        location->name.len -= strlen(modifiers[i]);
        break;
    }

    if (d->nargs == 3) {
        location->name = d->args[2];
    }

    return 1;
}


static int
ngx_deploy_tool_enter(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d)
{
    if (explain->place.n == NGX_DEPLOY_TOOL_MAX_LEVELS) {
        return ngx_deploy_tool_error(explain->tool, "%s:%u: too many nested "
                                     "locations", d->file, d->line);
    }

    explain->place.levels[explain->place.n++] = d;

    return NGX_DEPLOY_OK;
}


const ngx_deploy_tool_directive_t *
ngx_deploy_tool_inherited(const ngx_deploy_tool_place_t *place,
    const char *name)
{
    size_t                              i;
    const ngx_deploy_tool_directive_t  *d;

    for (i = place->n; i; i--) {
        d = ngx_deploy_tool_conf_find(place->levels[i - 1]->block, name);

        if (d) {
            return d;
        }
    }

    return NULL;
}
