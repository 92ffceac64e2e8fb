
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_credentials.h"
#include "ngx_deploy_media.h"
#include "ngx_deploy_tool_explain.h"


static int ngx_deploy_tool_explained(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_result_t *result, int argc, char **argv);
static int ngx_deploy_tool_explain_request(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);
static int ngx_deploy_tool_explain_host(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);
static int ngx_deploy_tool_explain_uri(ngx_deploy_tool_explain_t *explain);
static void ngx_deploy_tool_explain_dots(ngx_deploy_str_t *uri);
static int ngx_deploy_tool_explain_run(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);
static int ngx_deploy_tool_explain_events(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);
static const char *ngx_deploy_tool_explain_type(
    ngx_deploy_tool_explain_t *explain);
static void ngx_deploy_tool_explain_refuse(ngx_deploy_tool_result_t *result,
    const char *reason);
static void ngx_deploy_tool_explain_notes(ngx_deploy_tool_explain_t *explain);
static const ngx_deploy_tool_directive_t *ngx_deploy_tool_explain_token(
    const ngx_deploy_tool_directive_t *d);


#define NGX_DEPLOY_TOOL_EXPLAIN_OPTIONS                                       \
    "\n"                                                                      \
    "REQUEST is a file with the request line, the headers and the body, or\n" \
    "with the headers alone (as HTTP, curl -v or GitHub show them), and then\n"\
    "BODY is a file with the body.\n"                                         \
    "\n"                                                                      \
    "  -c, --conf FILE      the configuration, /etc/nginx/nginx.conf by\n"    \
    "                       default\n"                                        \
    "  --uri URI            the path, when REQUEST does not tell it\n"        \
    "  --host NAME          the server, instead of the header Host\n"         \
    "  --port N             the port that the server listens on\n"            \
    "  --at TIME            judge as at that time, Unix seconds or\n"         \
    "                       2026-01-02T03:04:05Z\n"                           \
    "  --set NAME=VALUE     the value of a variable of another module\n"      \
    "  --json               print JSON\n"


static const char  ngx_deploy_tool_verify_usage[] =
    "usage: ngx-deploy verify [OPTION]... REQUEST [BODY]\n"
    "\n"
    "Tells whether nginx takes the signature of a saved request, and which\n"
    "line of which file it was made with.\n"
    NGX_DEPLOY_TOOL_EXPLAIN_OPTIONS
    "\n"
    "Exit status: 0 verified, 1 nothing is verified there, 2 refused, 3 not\n"
    "to be told.\n";


static const char  ngx_deploy_tool_explain_usage[] =
    "usage: ngx-deploy explain [OPTION]... REQUEST [BODY]\n"
    "\n"
    "Tells what nginx would make of a saved request: the verdict, the events,\n"
    "the first failing condition of each rule, the requests to CodeBuild.\n"
    NGX_DEPLOY_TOOL_EXPLAIN_OPTIONS
    "\n"
    "Exit status: 0 would start builds, 1 ignored, or not all of them could\n"
    "be started, 2 refused, 3 not to be told.\n";


int
ngx_deploy_tool_verify(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    ngx_deploy_tool_result_t  result;

    memset(&result, 0, sizeof(ngx_deploy_tool_result_t));

    result.verify = 1;
    tool->usage = ngx_deploy_tool_verify_usage;

    return ngx_deploy_tool_explained(tool, &result, argc, argv);
}


int
ngx_deploy_tool_explain(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    ngx_deploy_tool_result_t  result;

    memset(&result, 0, sizeof(ngx_deploy_tool_result_t));

    tool->usage = ngx_deploy_tool_explain_usage;

    return ngx_deploy_tool_explained(tool, &result, argc, argv);
}


static int
ngx_deploy_tool_explained(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_result_t *result, int argc, char **argv)
{
    int                         rc;
    ngx_deploy_tool_list_t      args;
    ngx_deploy_tool_explain_t  *explain;

    explain = ngx_deploy_tool_alloc(tool, sizeof(ngx_deploy_tool_explain_t));

    const ngx_deploy_tool_option_t  options[] = {
        { "conf", 'c', NGX_DEPLOY_TOOL_TEXT, &explain->file },
        { "uri", 0, NGX_DEPLOY_TOOL_TEXT, &result->uri },
        { "host", 0, NGX_DEPLOY_TOOL_TEXT, &result->host },
        { "port", 0, NGX_DEPLOY_TOOL_NUMBER, &explain->port },
        { "at", 0, NGX_DEPLOY_TOOL_TEXT, &result->at },
        { "set", 0, NGX_DEPLOY_TOOL_LIST, &explain->sets },
        { NULL, 0, NGX_DEPLOY_TOOL_FLAG, NULL }
    };

    memset(&args, 0, sizeof(ngx_deploy_tool_list_t));

    rc = ngx_deploy_tool_options(tool, options, argc, argv, &args, 1, 2);

    if (rc != NGX_DEPLOY_OK) {
        return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_TOOL_YES
                                           : NGX_DEPLOY_TOOL_FAILED;
    }

    explain->tool = tool;

    if (explain->file == NULL) {
        explain->file = "/etc/nginx/nginx.conf";
    }

    result->request = args.elts[0];
    result->body = (args.n == 2) ? args.elts[1] : NULL;

    result->events = ngx_deploy_json_array();
    result->builds = ngx_deploy_json_array();
    result->rules = ngx_deploy_json_array();

    if (result->events == NULL || result->builds == NULL
        || result->rules == NULL)
    {
        ngx_deploy_tool_no_memory();
    }

    if (ngx_deploy_tool_explain_request(explain, result) != NGX_DEPLOY_OK
        || ngx_deploy_tool_explain_host(explain, result) != NGX_DEPLOY_OK
        || ngx_deploy_tool_load(explain) != NGX_DEPLOY_OK
        || ngx_deploy_tool_locate(explain) != NGX_DEPLOY_OK
        || ngx_deploy_tool_explain_run(explain, result) != NGX_DEPLOY_OK)
    {
        result->code = NGX_DEPLOY_TOOL_FAILED;

    } else if (tool->json) {
        ngx_deploy_tool_explain_json(explain, result);

    } else {
        ngx_deploy_tool_explain_text(explain, result);
    }

    ngx_deploy_tool_gate_free(explain);

    ngx_deploy_json_free(result->events);
    ngx_deploy_json_free(result->builds);
    ngx_deploy_json_free(result->rules);

    return result->code;
}


static int
ngx_deploy_tool_explain_request(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    int                         rc;
    const char                 *reason;
    ngx_deploy_str_t            text;
    ngx_deploy_tool_t          *tool;
    ngx_deploy_tool_message_t  *message;

    tool = explain->tool;
    message = &explain->message;

    if (ngx_deploy_tool_read(tool, result->request, &text) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    rc = ngx_deploy_tool_message(&tool->pool, &text, message, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        ngx_deploy_tool_no_memory();
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "%s:%u: %s", result->request,
                                     message->line, reason);
    }

    if (result->body && message->body.len) {
        return ngx_deploy_tool_error(tool, "%s: it has a body already",
                                     result->request);
    }

    if (result->body
        && ngx_deploy_tool_read(tool, result->body, &message->body)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (message->body.data == NULL) {
        message->body.data = (u_char *) "";
    }

    if (result->uri) {
        message->target = ngx_deploy_tool_str(result->uri);
    }

    if (message->target.len == 0) {
        return ngx_deploy_tool_error(tool, "%s: there is no request line, say "
                                     "the path with \"--uri\"",
                                     result->request);
    }

    if (message->method.len == 0) {
        message->method = ngx_deploy_tool_str("POST");
    }

    return ngx_deploy_tool_explain_uri(explain);
}


static int
ngx_deploy_tool_explain_host(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    u_char            *p;
    int64_t            at;
    ngx_deploy_str_t   s;

    static const ngx_deploy_str_t  name = ngx_deploy_string("host");

    explain->now = time(NULL);

    if (result->at) {
        s = ngx_deploy_tool_str(result->at);

        at = ngx_deploy_atoi64(s.data, s.len);

        if (at < 0 && ngx_deploy_credentials_time(&s, &at) != NGX_DEPLOY_OK) {
            return ngx_deploy_tool_error(explain->tool, "\"--at %s\" is not a "
                                         "time", result->at);
        }

        explain->now = at;
    }

    if (result->host) {
        explain->host = ngx_deploy_tool_str(result->host);

    } else {
        (void) ngx_deploy_tool_message_header(&explain->message, &name,
                                              &explain->host);
    }

    /* without the port, which need not be the one that nginx listens on */

    s = explain->host;

    if (s.len && s.data[s.len - 1] != ']') {
        p = s.data + s.len;

        while (p > s.data && p[-1] >= '0' && p[-1] <= '9') { p--; }

        if (p > s.data + 1 && p[-1] == ':') {
            explain->host.len = p - 1 - s.data;
        }
    }

    if (explain->host.len
        && explain->host.data[explain->host.len - 1] == '.')
    {
        explain->host.len--;
    }

    return NGX_DEPLOY_OK;
}


/* as nginx: the part before "?", decoded, slashes merged, dots resolved */

static int
ngx_deploy_tool_explain_uri(ngx_deploy_tool_explain_t *explain)
{
    u_char            *p, *dst, *last;
    ngx_deploy_str_t  *uri;

    p = explain->message.target.data;
    last = p + explain->message.target.len;

    uri = &explain->place.uri;

    uri->data = ngx_deploy_tool_alloc(explain->tool, last - p + 1);
    explain->place.args = ngx_deploy_tool_str("");

    for (dst = uri->data; p < last && *p != '?' && *p != '#'; p++) {

        if (*p != '%') {
            *dst++ = *p;
            continue;
        }

        if (last - p < 3
            || ngx_deploy_hex_decode(dst, 1, p + 1, 2) != NGX_DEPLOY_OK
            || *dst == '\0')
        {
            return ngx_deploy_tool_error(explain->tool,
                                         "the path is not well encoded");
        }

        dst++;
        p += 2;
    }

    uri->len = dst - uri->data;

    if (p < last && *p == '?') {
        explain->place.args.data = p + 1;
        explain->place.args.len = last - p - 1;
    }

    if (uri->len == 0 || uri->data[0] != '/') {
        return ngx_deploy_tool_error(explain->tool,
                                     "the path does not begin with \"/\"");
    }

    ngx_deploy_tool_explain_dots(uri);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_explain_dots(ngx_deploy_str_t *uri)
{
    size_t   len;
    u_char  *p, *dst, *last, *end;

    p = uri->data;
    dst = p;
    last = p + uri->len;

    while (p < last) {

        /* p is at a slash, the segment behind it ends at another one */

        while (p + 1 < last && p[1] == '/') { p++; }

        for (end = p + 1; end < last && *end != '/'; end++) { /* void */ }

        len = end - (p + 1);

        if (len == 2 && p[1] == '.' && p[2] == '.') {

            while (dst > uri->data && *--dst != '/') { /* void */ }

        } else if (len != 1 || p[1] != '.') {
            memmove(dst, p, len + 1);
            dst += len + 1;
            p = end;
            continue;
        }

        p = end;

        if (p == last) {
            *dst++ = '/';
        }
    }

    uri->len = dst - uri->data;
}


static int
ngx_deploy_tool_explain_run(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    const ngx_deploy_tool_directive_t  *d;

    ngx_deploy_tool_explain_notes(explain);

    if (ngx_deploy_tool_gate(explain) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    d = explain->place.levels[explain->place.n - 1];

    if (explain->verdict != NGX_DEPLOY_VERIFY_SUCCESS) {

        if (explain->skipped) {
            return ngx_deploy_tool_error(explain->tool, "%s:%u: the verdict "
                                         "of \"%s\" is not to be had here",
                                         d->file, d->line,
                                         explain->unknown.elts[
                                                     explain->unknown.n - 1]);
        }

        ngx_deploy_tool_explain_refuse(result, "signature");
        return NGX_DEPLOY_OK;
    }

    result->status = explain->off ? "not verified" : "verified";

    if (result->verify) {
        result->code = explain->off ? NGX_DEPLOY_TOOL_NO : NGX_DEPLOY_TOOL_YES;
        return NGX_DEPLOY_OK;
    }

    if (!ngx_deploy_tool_conf_find(d->block, "deploy_build")
        && !ngx_deploy_tool_conf_find(d->block, "deploy_receive"))
    {
        result->code = NGX_DEPLOY_TOOL_NO;
        result->reason = "no \"deploy_build\" in this location";
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_tool_explain_events(explain, result);
}


static int
ngx_deploy_tool_explain_events(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result)
{
    int                     rc;
    size_t                  i;
    const char             *reason;
    ngx_deploy_str_t        text;
    ngx_deploy_json_t      *build;
    ngx_deploy_json_out_t   out;

    reason = ngx_deploy_tool_explain_type(explain);

    if (reason) {
        ngx_deploy_tool_explain_refuse(result, reason);
        return NGX_DEPLOY_OK;
    }

    rc = ngx_deploy_tool_payload(explain, &reason);

    if (rc != NGX_DEPLOY_OK) {
        ngx_deploy_tool_explain_refuse(result, reason);
        return NGX_DEPLOY_OK;
    }

    for (i = 0; i < explain->nevents; i++) {
        ngx_deploy_json_out_begin(&out, &explain->tool->pool, 1024);
        ngx_deploy_event_json(&explain->events[i], &out);

        if (ngx_deploy_json_out_end(&out, &text) != NGX_DEPLOY_OK
            || ngx_deploy_json_append(result->events,
                                      ngx_deploy_tool_json(&text))
               != NGX_DEPLOY_OK)
        {
            ngx_deploy_tool_no_memory();
        }
    }

    if (ngx_deploy_tool_rules(explain, result->builds, result->rules)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    result->status = "ignored";
    result->code = NGX_DEPLOY_TOOL_NO;

    for (i = 0; (build = ngx_deploy_json_at(result->builds, i)) != NULL; i++) {

        /* the worst decides */

        if (ngx_deploy_json_get(build, "request") == NULL) {
            result->status = "failed";
            result->code = NGX_DEPLOY_TOOL_NO;
            break;
        }

        result->status = "dry_run";
        result->code = NGX_DEPLOY_TOOL_YES;
    }

    return NGX_DEPLOY_OK;
}


/* what is parsed has to be what was verified */

static const char *
ngx_deploy_tool_explain_type(ngx_deploy_tool_explain_t *explain)
{
    ngx_deploy_str_t    value;
    ngx_deploy_media_e  media;

    static const ngx_deploy_str_t  type = ngx_deploy_string("content-type");
    static const ngx_deploy_str_t  encoding =
                                         ngx_deploy_string("content-encoding");

    if (!ngx_deploy_str_is(&explain->message.method, "POST")) {
        return "method is not POST";
    }

    if (ngx_deploy_tool_message_header(&explain->message, &encoding, &value)
        && !ngx_deploy_str_is_nocase(&value, "identity"))
    {
        return "unsupported content encoding";
    }

    if (ngx_deploy_tool_message_header(&explain->message, &type, &value)
        != 1)
    {
        return "there is not one Content-Type";
    }

    media = ngx_deploy_media_type(&value);

    if (explain->off || explain->verifiers[explain->verifier].type
                        != NGX_DEPLOY_SCHEME_PAYLOAD)
    {
        explain->form = (media == NGX_DEPLOY_MEDIA_FORM);
    }

    return (media == NGX_DEPLOY_MEDIA_JSON || media == NGX_DEPLOY_MEDIA_FORM)
           ? NULL : "unsupported content type";
}


static void
ngx_deploy_tool_explain_refuse(ngx_deploy_tool_result_t *result,
    const char *reason)
{
    result->status = "refused";
    result->reason = reason;
    result->code = NGX_DEPLOY_TOOL_REFUSED;
}


/* what else decides on such a request */

static void
ngx_deploy_tool_explain_notes(ngx_deploy_tool_explain_t *explain)
{
    size_t                              i, n;
    const ngx_deploy_tool_directive_t  *d;

    static const char *const  names[] = {
        "return", "rewrite", "if", "set", "limit_except", "allow", "deny",
        "auth_basic", "auth_request", "auth_jwt", "limit_req", "limit_conn",
        "internal", "error_page", "client_max_body_size", NULL
    };

    for (i = 0; i < explain->place.n; i++) {

        for (n = 0; names[n]; n++) {
            d = ngx_deploy_tool_conf_find(explain->place.levels[i]->block,
                                          names[n]);
            if (d) {
                ngx_deploy_tool_unknown(explain, "\"%s\" in %s:%u", names[n],
                                        d->file, d->line);
            }
        }
    }

    d = ngx_deploy_tool_explain_token(explain->http->block);

    if (d) {
        ngx_deploy_tool_unknown(explain, "DEPLOY_URL and DEPLOY_TOKEN, which "
                                "\"deploy_verify build\" in %s:%u gives builds",
                                d->file, d->line);
    }
}


static const ngx_deploy_tool_directive_t *
ngx_deploy_tool_explain_token(const ngx_deploy_tool_directive_t *d)
{
    const ngx_deploy_tool_directive_t  *found;

    for ( /* void */ ; d; d = d->next) {

        if (d->nargs > 1 && ngx_deploy_str_is(&d->args[0], "deploy_verify")
            && ngx_deploy_str_is(&d->args[1], "build"))
        {
            return d;
        }

        found = ngx_deploy_tool_explain_token(d->block);

        if (found) {
            return found;
        }
    }

    return NULL;
}
