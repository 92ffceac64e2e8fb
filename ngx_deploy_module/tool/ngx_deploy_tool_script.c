
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdarg.h>

#include "ngx_deploy_tool_explain.h"


#define NGX_DEPLOY_TOOL_MAX_DEPTH  16      /* of variables in variables */


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

    rc = ngx_deploy_tool_builtin(explain, name, value);

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
