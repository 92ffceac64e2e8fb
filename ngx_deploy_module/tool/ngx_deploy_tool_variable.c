
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <unistd.h>

#include "ngx_deploy_tool_explain.h"


typedef struct {
    const char   *name;
    int         (*get)(ngx_deploy_tool_explain_t *explain,
                       ngx_deploy_str_t *value);
} ngx_deploy_tool_variable_t;


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


int
ngx_deploy_tool_builtin(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value)
{
    const ngx_deploy_tool_variable_t  *v;

    for (v = ngx_deploy_tool_variables; v->name; v++) {
        if (ngx_deploy_str_is(name, v->name)) {
            return v->get(explain, value);
        }
    }

    if (ngx_deploy_tool_deploy(explain, name, value) == NGX_DEPLOY_OK) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_tool_prefix(explain, name, value);
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
