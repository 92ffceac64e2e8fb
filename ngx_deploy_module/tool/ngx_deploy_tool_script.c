
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdarg.h>
#include <unistd.h>

#include "ngx_deploy_tool_explain.h"


#define NGX_DEPLOY_TOOL_MAX_DEPTH  16      /* of variables in variables */


typedef struct {
    const char   *name;
    int         (*get)(ngx_deploy_tool_explain_t *explain,
                       ngx_deploy_str_t *value);
} ngx_deploy_tool_variable_t;


static int ngx_deploy_tool_variable(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static unsigned ngx_deploy_tool_set(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static unsigned ngx_deploy_tool_group(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static const ngx_deploy_tool_directive_t *ngx_deploy_tool_find_map(
    ngx_deploy_tool_explain_t *explain, const ngx_deploy_str_t *name);
static int ngx_deploy_tool_map(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *map, ngx_deploy_str_t *value);
static int ngx_deploy_tool_map_find(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *map, const ngx_deploy_str_t *source,
    const ngx_deploy_tool_directive_t **found);
static int ngx_deploy_tool_map_regex(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, const ngx_deploy_str_t *source);
static int ngx_deploy_tool_deploy(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static int ngx_deploy_tool_prefix(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static void ngx_deploy_tool_argument(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);
static int ngx_deploy_tool_uri_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_request_uri_value(
    ngx_deploy_tool_explain_t *explain, ngx_deploy_str_t *value);
static int ngx_deploy_tool_args_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_is_args_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_method_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_host_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_server_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_iso8601_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_local_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_msec_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_hostname_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_verify_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_secret_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_provider_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_delivery_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_project_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);
static int ngx_deploy_tool_empty_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value);


static const ngx_deploy_tool_variable_t  ngx_deploy_tool_variables[] = {
    { "uri", ngx_deploy_tool_uri_value },
    { "document_uri", ngx_deploy_tool_uri_value },
    { "request_uri", ngx_deploy_tool_request_uri_value },
    { "args", ngx_deploy_tool_args_value },
    { "query_string", ngx_deploy_tool_args_value },
    { "is_args", ngx_deploy_tool_is_args_value },
    { "request_method", ngx_deploy_tool_method_value },
    { "host", ngx_deploy_tool_host_value },
    { "server_name", ngx_deploy_tool_server_value },
    { "time_iso8601", ngx_deploy_tool_iso8601_value },
    { "time_local", ngx_deploy_tool_local_value },
    { "msec", ngx_deploy_tool_msec_value },
    { "hostname", ngx_deploy_tool_hostname_value },
    { "deploy_verify", ngx_deploy_tool_verify_value },
    { "deploy_verify_secret", ngx_deploy_tool_secret_value },
    { "deploy_provider", ngx_deploy_tool_provider_value },
    { "deploy_delivery", ngx_deploy_tool_delivery_value },
    { "deploy_project", ngx_deploy_tool_project_value },
    { "deploy_status", ngx_deploy_tool_empty_value },
    { NULL, NULL }
};


/* "$name", "${name}", "$1"; what is no variable is copied */

int
ngx_deploy_tool_value(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *text, ngx_deploy_str_t *value)
{
    int                rc;
    char              *part;
    size_t             i, start, brace;
    ngx_deploy_str_t   name, one;

    rc = NGX_DEPLOY_OK;
    part = ngx_deploy_tool_alloc(explain->tool, 1);

    for (i = 0; i < text->len; /* void */ ) {

        start = i;

        while (i < text->len && text->data[i] != '$') { i++; }

        one.data = text->data + start;
        one.len = i - start;

        if (i < text->len && i == start) {
            brace = (i + 1 < text->len && text->data[i + 1] == '{');
            i += 1 + brace;

            name.data = text->data + i;

            while (i < text->len
                   && (text->data[i] == '_'
                       || (text->data[i] >= '0' && text->data[i] <= '9')
                       || ((text->data[i] | 0x20) >= 'a'
                           && (text->data[i] | 0x20) <= 'z')))
            {
                i++;

                /* a group has one digit */

                if (name.data[0] >= '0' && name.data[0] <= '9') {
                    break;
                }
            }

            name.len = text->data + i - name.data;
            i += (brace && i < text->len && text->data[i] == '}');

            one.data = text->data + start;
            one.len = i - start;

            if (name.len
                && ngx_deploy_tool_variable(explain, &name, &one)
                   != NGX_DEPLOY_OK)
            {
                rc = NGX_DEPLOY_DECLINED;
                one.data = text->data + start;
                one.len = i - start;
            }
        }

        part = ngx_deploy_tool_printf(explain->tool, "%s%.*s", part,
                                      (int) one.len,
                                      one.len ? (char *) one.data : "");
    }

    *value = ngx_deploy_tool_str(part);

    return rc;
}


static int
ngx_deploy_tool_variable(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    int                                 rc;
    const ngx_deploy_tool_variable_t   *v;
    const ngx_deploy_tool_directive_t  *map;

    value->data = (u_char *) "";
    value->len = 0;

    if (ngx_deploy_tool_set(explain, name, value)
        || ngx_deploy_tool_group(explain, name, value))
    {
        return NGX_DEPLOY_OK;
    }

    map = ngx_deploy_tool_find_map(explain, name);
    rc = NGX_DEPLOY_DECLINED;

    if (map) {

        if (explain->depth < NGX_DEPLOY_TOOL_MAX_DEPTH) {
            explain->depth++;
            rc = ngx_deploy_tool_map(explain, map, value);
            explain->depth--;
        }

        goto done;
    }

    for (v = ngx_deploy_tool_variables; v->name; v++) {
        if (ngx_deploy_str_is(name, v->name)) {
            return v->get(explain, value);
        }
    }

    rc = ngx_deploy_tool_deploy(explain, name, value);

    if (rc != NGX_DEPLOY_OK) {
        rc = ngx_deploy_tool_prefix(explain, name, value);
    }

done:

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_tool_unknown(explain, "$%.*s", (int) name->len,
                                (char *) name->data);
    }

    return rc;
}


/* --set name=value */

static unsigned
ngx_deploy_tool_set(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    size_t       i;
    const char  *set;

    for (i = 0; i < explain->sets.n; i++) {
        set = explain->sets.elts[i];
        set += (*set == '$');

        if (strncmp(set, (char *) name->data, name->len) == 0
            && set[name->len] == '=')
        {
            *value = ngx_deploy_tool_str(set + name->len + 1);
            return 1;
        }
    }

    return 0;
}


static unsigned
ngx_deploy_tool_group(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    size_t  i;

    if (name->data[0] >= '0' && name->data[0] <= '9') {
        i = name->data[0] - '0';

        if (i < explain->ncaptures) {
            *value = explain->captures[i].value;
        }

        return 1;
    }

    for (i = 0; i < NGX_DEPLOY_TOOL_MAX_CAPTURES; i++) {

        if (explain->captures[i].name.data
            && ngx_deploy_str_eq(&explain->captures[i].name, name))
        {
            *value = explain->captures[i].value;
            return 1;
        }
    }

    return 0;
}


static const ngx_deploy_tool_directive_t *
ngx_deploy_tool_find_map(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name)
{
    const ngx_deploy_str_t             *arg;
    const ngx_deploy_tool_directive_t  *d;

    for (d = ngx_deploy_tool_conf_find(explain->http->block, "map");
         d;
         d = ngx_deploy_tool_conf_find(d->next, "map"))
    {
        arg = &d->args[d->nargs - 1];

        if (d->is_block && d->nargs == 3 && arg->len == name->len + 1
            && arg->data[0] == '$'
            && memcmp(arg->data + 1, name->data, name->len) == 0)
        {
            return d;
        }
    }

    return NULL;
}


static int
ngx_deploy_tool_map(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *map, ngx_deploy_str_t *value)
{
    ngx_deploy_str_t                    source;
    const ngx_deploy_tool_directive_t  *d;

    if (ngx_deploy_tool_value(explain, &map->args[1], &source)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_tool_map_find(explain, map, &source, &d) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_DECLINED;
    }

    if (d == NULL) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_tool_value(explain, &d->args[1], value);
}


/* a text, of either case, then the first regex, then "default" */

static int
ngx_deploy_tool_map_find(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *map, const ngx_deploy_str_t *source,
    const ngx_deploy_tool_directive_t **found)
{
    int                                 rc;
    unsigned                            escaped;
    ngx_deploy_str_t                    key;
    const ngx_deploy_tool_directive_t  *d, *dflt;

    dflt = NULL;

    for (d = map->block; d; d = d->next) {

        key = d->args[0];

        if (ngx_deploy_str_is(&key, "hostnames")) {
            return NGX_DEPLOY_DECLINED;
        }

        if (d->nargs != 2) {
            continue;
        }

        if (ngx_deploy_str_is(&key, "default")) {
            dflt = d;
            continue;
        }

        escaped = (key.len && key.data[0] == '\\');

        key.data += escaped;
        key.len -= escaped;

        if ((escaped || key.len == 0 || key.data[0] != '~')
            && key.len == source->len
            && strncasecmp((char *) key.data, (char *) source->data, key.len)
               == 0)
        {
            *found = d;
            return NGX_DEPLOY_OK;
        }
    }

    for (d = map->block; d; d = d->next) {

        if (d->nargs != 2 || d->args[0].len == 0
            || d->args[0].data[0] != '~')
        {
            continue;
        }

        rc = ngx_deploy_tool_map_regex(explain, d, source);

        if (rc == NGX_DEPLOY_OK) {
            *found = d;
            return NGX_DEPLOY_OK;
        }

        if (rc == NGX_DEPLOY_ERROR) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    *found = dflt;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_map_regex(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, const ngx_deploy_str_t *source)
{
    unsigned                  caseless;
    const char               *reason;
    ngx_deploy_str_t          pattern;
    ngx_deploy_tool_regex_t  *regex;

    caseless = (d->args[0].len > 1 && d->args[0].data[1] == '*');

    pattern.data = d->args[0].data + 1 + caseless;
    pattern.len = d->args[0].len - 1 - caseless;

    if (ngx_deploy_tool_regex(explain->tool, &pattern, caseless, 0, &regex,
                              &reason)
        != NGX_DEPLOY_OK)
    {
        ngx_deploy_tool_unknown(explain, "%s:%u: %s", d->file, d->line,
                                reason);
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_tool_regex_match(explain, regex, source);
}


/* facts of the event in hand; others begin with the same word */

static int
ngx_deploy_tool_deploy(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    int                fact;
    ngx_deploy_str_t   s;

    if (!ngx_deploy_str_starts(name, "deploy_")) {
        return NGX_DEPLOY_DECLINED;
    }

    s.data = name->data + 7;
    s.len = name->len - 7;

    fact = ngx_deploy_fact_find(&s);

    if (fact == -1) {
        return NGX_DEPLOY_DECLINED;
    }

    if (explain->event && explain->event->facts[fact].data) {
        *value = explain->event->facts[fact];
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_prefix(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    size_t             i;
    char              *header;
    ngx_deploy_str_t   s;

    if (ngx_deploy_str_starts(name, "arg_")) {
        ngx_deploy_tool_argument(explain, name, value);
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_str_starts(name, "http_")) {
        s.data = name->data + 5;
        s.len = name->len - 5;

    } else if (ngx_deploy_str_is(name, "content_type")
               || ngx_deploy_str_is(name, "content_length"))
    {
        s = *name;

    } else {
        return NGX_DEPLOY_DECLINED;
    }

    header = ngx_deploy_tool_cstring(explain->tool, &s);

    for (i = 0; header[i]; i++) {
        if (header[i] == '_') {
            header[i] = '-';
        }
    }

    s = ngx_deploy_tool_str(header);

    (void) ngx_deploy_tool_message_header(&explain->message, &s, value);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_argument(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    u_char  *p, *end, *last;
    size_t   len;

    len = name->len - 4;

    p = explain->place.args.data;
    last = p + explain->place.args.len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = memchr(p, '&', last - p);
        end = end ? end : last;

        if ((size_t) (end - p) > len && p[len] == '='
            && strncasecmp((char *) p, (char *) name->data + 4, len) == 0)
        {
            value->data = p + len + 1;
            value->len = end - value->data;
            return;
        }
    }
}


static int
ngx_deploy_tool_uri_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->place.uri;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_request_uri_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->message.target;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_args_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->place.args;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_is_args_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = ngx_deploy_tool_str(explain->place.args.len ? "?" : "");

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_method_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->message.method;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_host_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    if (explain->host.len == 0) {
        return ngx_deploy_tool_server_value(explain, value);
    }

    *value = explain->host;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_server_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    const ngx_deploy_tool_directive_t  *d;

    d = ngx_deploy_tool_conf_find(explain->place.levels[1]->block,
                                  "server_name");
    if (d && d->nargs > 1) {
        *value = d->args[1];
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_iso8601_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    char       text[64];
    size_t     len;
    struct tm  tm;

    (void) localtime_r(&explain->now, &tm);

    /* "+0100" as "+01:00" */

    len = strftime(text, sizeof(text) - 1, "%Y-%m-%dT%H:%M:%S%z", &tm);

    memmove(text + len - 1, text + len - 2, 3);
    text[len - 2] = ':';

    *value = ngx_deploy_tool_str(ngx_deploy_tool_printf(explain->tool, "%s",
                                                        text));
    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_local_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    char       text[64];
    struct tm  tm;

    (void) localtime_r(&explain->now, &tm);
    (void) strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S %z", &tm);

    *value = ngx_deploy_tool_str(ngx_deploy_tool_printf(explain->tool, "%s",
                                                        text));
    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_msec_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = ngx_deploy_tool_str(ngx_deploy_tool_printf(explain->tool,
                                             "%lld.000",
                                             (long long) explain->now));
    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_hostname_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    char  name[256];

    if (gethostname(name, sizeof(name)) == -1) {
        return NGX_DEPLOY_DECLINED;
    }

    name[sizeof(name) - 1] = '\0';

    *value = ngx_deploy_tool_str(ngx_deploy_tool_printf(explain->tool, "%s",
                                                        name));
    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_verify_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = ngx_deploy_tool_str(explain->off ? "NONE" : "SUCCESS");

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_secret_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    if (explain->secret) {
        *value = ngx_deploy_tool_str(ngx_deploy_tool_printf(explain->tool,
                                                 "%u", explain->secret));
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_provider_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->provider;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_delivery_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    *value = explain->delivery;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_project_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    if (explain->project) {
        *value = *explain->project;

    } else if (explain->event) {
        *value = explain->event->facts[NGX_DEPLOY_PROJECT];
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_empty_value(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_str_t *value)
{
    (void) explain;

    *value = ngx_deploy_tool_str("");

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_tool_unknown(ngx_deploy_tool_explain_t *explain, const char *fmt,
    ...)
{
    char     text[512];
    size_t   i;
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    for (i = 0; i < explain->unknown.n; i++) {
        if (strcmp(explain->unknown.elts[i], text) == 0) {
            return;
        }
    }

    ngx_deploy_tool_push(explain->tool, &explain->unknown,
                         ngx_deploy_tool_printf(explain->tool, "%s", text));
}
