
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_message.h"


typedef struct {
    ngx_deploy_pool_t          *pool;
    ngx_deploy_tool_message_t  *message;
    ngx_deploy_str_t            rest;
    unsigned                    curl;       /* lines begin with "> " */
    const char                 *reason;
} ngx_deploy_tool_saved_t;


static unsigned ngx_deploy_tool_saved_curl(const ngx_deploy_str_t *text);
static unsigned ngx_deploy_tool_saved_line(ngx_deploy_tool_saved_t *saved,
    ngx_deploy_str_t *line);
static int ngx_deploy_tool_saved_first(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *line);
static int ngx_deploy_tool_saved_header(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *line);
static int ngx_deploy_tool_saved_url(ngx_deploy_tool_saved_t *saved,
    ngx_deploy_str_t value);
static int ngx_deploy_tool_saved_add(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *name, const ngx_deploy_str_t *value);
static int ngx_deploy_tool_saved_body(ngx_deploy_tool_saved_t *saved);
static unsigned ngx_deploy_tool_saved_token(const ngx_deploy_str_t *s);
static ngx_deploy_str_t ngx_deploy_tool_saved_trim(ngx_deploy_str_t s);
static int ngx_deploy_tool_saved_error(ngx_deploy_tool_saved_t *saved,
    const char *reason);


int
ngx_deploy_tool_message(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    ngx_deploy_tool_message_t *message, const char **reason)
{
    int                      rc;
    unsigned                 first;
    ngx_deploy_str_t         line;
    ngx_deploy_tool_saved_t  saved;

    memset(message, 0, sizeof(ngx_deploy_tool_message_t));
    memset(&saved, 0, sizeof(ngx_deploy_tool_saved_t));

    message->headers = ngx_deploy_pcalloc(pool, NGX_DEPLOY_TOOL_MAX_HEADERS
                                                * sizeof(ngx_deploy_header_t));
    if (message->headers == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    saved.pool = pool;
    saved.message = message;
    saved.rest = *text;
    saved.curl = ngx_deploy_tool_saved_curl(text);

    first = 1;
    rc = NGX_DEPLOY_OK;

    while (rc == NGX_DEPLOY_OK && ngx_deploy_tool_saved_line(&saved, &line)) {

        if (line.len == 0) {

            /* of what curl prints, the headers of an answer follow */

            if (saved.curl) {
                break;
            }

            rc = ngx_deploy_tool_saved_body(&saved);
            break;
        }

        rc = first ? ngx_deploy_tool_saved_first(&saved, &line)
                   : ngx_deploy_tool_saved_header(&saved, &line);
        first = 0;
    }

    if (rc == NGX_DEPLOY_OK && message->nheaders == 0) {
        rc = ngx_deploy_tool_saved_error(&saved, "there are no headers");
    }

    *reason = saved.reason;

    return rc;
}


/* 1 when a line begins with "> ", before the first empty one */

static unsigned
ngx_deploy_tool_saved_curl(const ngx_deploy_str_t *text)
{
    u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    while (p < last && *p != '\n' && *p != '\r') {

        if (last - p > 2 && p[0] == '>' && p[1] == ' ') {
            return 1;
        }

        p = memchr(p, '\n', last - p);

        if (p == NULL) {
            break;
        }

        p++;
    }

    return 0;
}


static unsigned
ngx_deploy_tool_saved_line(ngx_deploy_tool_saved_t *saved,
    ngx_deploy_str_t *line)
{
    size_t   n;
    u_char  *p;

    while (saved->rest.len) {

        p = memchr(saved->rest.data, '\n', saved->rest.len);

        line->data = saved->rest.data;
        line->len = p ? (size_t) (p - line->data) : saved->rest.len;

        n = line->len + (p != NULL);

        saved->rest.data += n;
        saved->rest.len -= n;
        saved->message->line++;

        if (line->len && line->data[line->len - 1] == '\r') {
            line->len--;
        }

        if (!saved->curl) {
            return 1;
        }

        if (line->len && line->data[0] == '>') {
            n = (line->len > 1 && line->data[1] == ' ') ? 2 : 1;

            line->data += n;
            line->len -= n;

            return 1;
        }
    }

    return 0;
}


/* POST /path HTTP/1.1, or a header already */

static int
ngx_deploy_tool_saved_first(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *line)
{
    u_char            *p, *last;
    ngx_deploy_str_t   method, target;

    last = line->data + line->len;

    method.data = line->data;

    for (p = line->data; p < last && *p >= 'A' && *p <= 'Z'; p++) { /* void */ }

    method.len = p - method.data;

    if (method.len == 0 || p == last || *p != ' ') {
        return ngx_deploy_tool_saved_header(saved, line);
    }

    target.data = ++p;

    while (p < last && *p != ' ') { p++; }

    target.len = p - target.data;

    if (target.len == 0 || target.data[0] != '/') {
        return ngx_deploy_tool_saved_error(saved,
                                           "the request line has no path");
    }

    saved->message->method = method;
    saved->message->target = target;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_saved_header(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *line)
{
    u_char            *colon;
    ngx_deploy_str_t   name, value;

    colon = memchr(line->data, ':', line->len);

    if (colon == NULL || colon == line->data) {
        return ngx_deploy_tool_saved_error(saved, "not a header");
    }

    name.data = line->data;
    name.len = colon - line->data;

    value.data = colon + 1;
    value.len = line->data + line->len - value.data;
    value = ngx_deploy_tool_saved_trim(value);

    if (ngx_deploy_str_is_nocase(&name, "request method")) {
        saved->message->method = value;
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_str_is_nocase(&name, "request url")) {
        return ngx_deploy_tool_saved_url(saved, value);
    }

    if (!ngx_deploy_tool_saved_token(&name)) {
        return ngx_deploy_tool_saved_error(saved, "not a header");
    }

    return ngx_deploy_tool_saved_add(saved, &name, &value);
}


/* https://host/path as a target and a header */

static int
ngx_deploy_tool_saved_url(ngx_deploy_tool_saved_t *saved,
    ngx_deploy_str_t value)
{
    size_t             i, n;
    ngx_deploy_str_t   host;

    static const ngx_deploy_str_t  name = ngx_deploy_string("host");
    static ngx_deploy_str_t        slash = ngx_deploy_string("/");

    n = ngx_deploy_str_starts(&value, "https://") ? 8
        : ngx_deploy_str_starts(&value, "http://") ? 7 : 0;

    if (n == 0) {
        return ngx_deploy_tool_saved_error(saved, "not a URL");
    }

    for (i = n; i < value.len && value.data[i] != '/'; i++) { /* void */ }

    host.data = value.data + n;
    host.len = i - n;

    saved->message->target = slash;

    if (i < value.len) {
        saved->message->target.data = value.data + i;
        saved->message->target.len = value.len - i;
    }

    return ngx_deploy_tool_saved_add(saved, &name, &host);
}


static int
ngx_deploy_tool_saved_add(ngx_deploy_tool_saved_t *saved,
    const ngx_deploy_str_t *name, const ngx_deploy_str_t *value)
{
    size_t                      i;
    ngx_deploy_header_t        *header;
    ngx_deploy_tool_message_t  *message;

    message = saved->message;

    if (message->nheaders == NGX_DEPLOY_TOOL_MAX_HEADERS) {
        return ngx_deploy_tool_saved_error(saved, "too many headers");
    }

    header = &message->headers[message->nheaders];

    if (ngx_deploy_pstrdup(saved->pool, &header->name, name->data, name->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] >= 'A' && name->data[i] <= 'Z') {
            header->name.data[i] |= 0x20;
        }
    }

    header->value = *value;
    message->nheaders++;

    return NGX_DEPLOY_OK;
}


/* an editor may have put a newline behind it */

static int
ngx_deploy_tool_saved_body(ngx_deploy_tool_saved_t *saved)
{
    size_t                      more;
    int64_t                     n;
    u_char                     *p;
    ngx_deploy_str_t            value;
    ngx_deploy_tool_message_t  *message;

    static const ngx_deploy_str_t  length =
                                        ngx_deploy_string("content-length");
    static const ngx_deploy_str_t  encoding =
                                        ngx_deploy_string("transfer-encoding");

    message = saved->message;

    if (saved->rest.len == 0) {
        return NGX_DEPLOY_OK;
    }

    message->body = saved->rest;
    memset(&value, 0, sizeof(ngx_deploy_str_t));

    if (ngx_deploy_tool_message_header(message, &encoding, &value)) {
        return ngx_deploy_tool_saved_error(saved, "a chunked body is not "
                                           "read, save it as a file");
    }

    if (ngx_deploy_tool_message_header(message, &length, &value) == 0) {
        return NGX_DEPLOY_OK;
    }

    n = ngx_deploy_atoi64(value.data, value.len);

    if (n < 0) {
        return ngx_deploy_tool_saved_error(saved,
                                           "Content-Length is not a number");
    }

    if ((uint64_t) n > message->body.len) {
        return ngx_deploy_tool_saved_error(saved, "the body is shorter than "
                                           "Content-Length");
    }

    more = message->body.len - (size_t) n;
    p = message->body.data + n;

    if (more > 2
        || (more == 1 && p[0] != '\n')
        || (more == 2 && (p[0] != '\r' || p[1] != '\n')))
    {
        return ngx_deploy_tool_saved_error(saved, "the body is longer than "
                                           "Content-Length");
    }

    message->body.len = (size_t) n;

    return NGX_DEPLOY_OK;
}


/* RFC 9110, 5.6.2 */

static unsigned
ngx_deploy_tool_saved_token(const ngx_deploy_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= 0x20 || s->data[i] >= 0x7f
            || strchr("\"(),/:;<=>?@[\\]{}", s->data[i]))
        {
            return 0;
        }
    }

    return s->len != 0;
}


static ngx_deploy_str_t
ngx_deploy_tool_saved_trim(ngx_deploy_str_t s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


static int
ngx_deploy_tool_saved_error(ngx_deploy_tool_saved_t *saved, const char *reason)
{
    saved->reason = reason;

    return NGX_DEPLOY_DECLINED;
}


unsigned
ngx_deploy_tool_message_header(void *data, const ngx_deploy_str_t *name,
    ngx_deploy_str_t *value)
{
    ngx_deploy_tool_message_t *message = data;

    size_t    i;
    unsigned  n;

    for (i = 0, n = 0; i < message->nheaders; i++) {

        if (ngx_deploy_str_eq(&message->headers[i].name, name) && n++ == 0) {
            *value = message->headers[i].value;
        }
    }

    return n;
}
