
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_send.h"
#include "ngx_deploy_tool_sender.h"
#include "ngx_deploy_work_secret.h"


#define NGX_DEPLOY_TOOL_JSON  "application/json"
#define NGX_DEPLOY_TOOL_FORM  "application/x-www-form-urlencoded"


static int ngx_deploy_tool_send_file(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static void ngx_deploy_tool_send_document(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static unsigned ngx_deploy_tool_send_plain(ngx_deploy_tool_send_t *send);
static int ngx_deploy_tool_send_fields(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static unsigned ngx_deploy_tool_send_given(ngx_deploy_tool_send_t *send,
    const char *field);
static void ngx_deploy_tool_send_quote(const char *text);


/* what a slash command has; no response_url: nobody listens there */

static const char *const  ngx_deploy_tool_slack_fields[] = {
    "token=",
    "team_id=T00000000",
    "team_domain=example",
    "channel_id=C00000000",
    "channel_name=deploys",
    "user_id=U00000000",
    "user_name=operator",
    "command=/deploy",
    "text=",
    "api_app_id=A00000000",
    "is_enterprise_install=false",
    NULL
};


int
ngx_deploy_tool_secrets(ngx_deploy_tool_t *tool,
    ngx_deploy_verifier_t *verifier, const char *file, ngx_deploy_str_t *text)
{
    int                    rc, err;
    const char            *reason;
    ngx_deploy_secrets_t   report;

    rc = ngx_deploy_work_secret(&tool->pool, file, text, &reason, &err);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_tool_error(tool, "secret file \"%s\" %s%s%s", file,
                                     reason, err ? ": " : "",
                                     err ? strerror(err) : "");
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_verifier_secrets(verifier, &tool->pool, text, &report);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        ngx_deploy_tool_no_memory();
    }

    if (rc != NGX_DEPLOY_OK && report.line) {
        return ngx_deploy_tool_error(tool, "secret file \"%s\", line %u %s",
                                     file, report.line, report.reason);
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "secret file \"%s\" %s", file,
                                     report.reason);
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_tool_send_body(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    unsigned  slack;

    slack = (strcmp(send->scheme, "slack") == 0);

    if (send->payload && send->fields.n) {
        return ngx_deploy_tool_error(tool, "either \"--field\" or a payload");
    }

    if (send->payload) {
        return ngx_deploy_tool_send_file(tool, send);
    }

    if (send->fields.n == 0 && !slack) {
        return ngx_deploy_tool_error(tool, "the payload is missing");
    }

    if (send->form || send->verifier.type == NGX_DEPLOY_SCHEME_PAYLOAD) {
        return ngx_deploy_tool_error(tool, "\"--form\" and \"%s\" need a "
                                     "payload", send->scheme);
    }

    return ngx_deploy_tool_send_fields(tool, send);
}


static int
ngx_deploy_tool_send_file(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    u_char  *p, *last;

    if (ngx_deploy_tool_read(tool, send->payload, &send->request.body)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    p = send->request.body.data;
    last = p + send->request.body.len;

    while (p < last && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n')) {
        p++;
    }

    /* what is no JSON is the text of a form already */

    if (p == last || (*p != '{' && *p != '[')) {

        if (send->form || send->verifier.type == NGX_DEPLOY_SCHEME_PAYLOAD) {
            return ngx_deploy_tool_error(tool, "%s: not JSON", send->payload);
        }

        send->type = NGX_DEPLOY_TOOL_FORM;

        return NGX_DEPLOY_OK;
    }

    send->document = send->request.body;
    send->type = NGX_DEPLOY_TOOL_JSON;

    if (send->form || (strcmp(send->scheme, "slack") == 0
                       && !ngx_deploy_tool_send_plain(send)))
    {
        ngx_deploy_tool_send_document(tool, send);
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_send_document(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    ngx_deploy_str_t  *body;

    static const ngx_deploy_str_t  name = ngx_deploy_string("payload");

    body = &send->request.body;

    body->data = ngx_deploy_tool_alloc(tool, 3 * (name.len + body->len) + 2);
    body->len = ngx_deploy_tool_form(body->data, &name, &send->document)
                - body->data;

    send->type = NGX_DEPLOY_TOOL_FORM;
    send->made = 1;
}


/* of Slack's JSON the events come as they are, interactions in forms */

static unsigned
ngx_deploy_tool_send_plain(ngx_deploy_tool_send_t *send)
{
    unsigned            plain;
    const char         *reason;
    ngx_deploy_str_t    type;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(send->document.data, send->document.len,
                                 NGX_DEPLOY_TOOL_MAX_FILE, &reason);

    type = ngx_deploy_json_get_str(json, "type");

    plain = (json == NULL
             || ngx_deploy_str_is(&type, "url_verification")
             || ngx_deploy_str_is(&type, "event_callback"));

    ngx_deploy_json_free(json);

    return plain;
}


static int
ngx_deploy_tool_send_fields(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    size_t                   i, size;
    u_char                  *p;
    const char              *equals;
    ngx_deploy_str_t         name, value;
    ngx_deploy_tool_list_t   all;

    memset(&all, 0, sizeof(ngx_deploy_tool_list_t));

    for (i = 0;
         strcmp(send->scheme, "slack") == 0 && ngx_deploy_tool_slack_fields[i];
         i++)
    {
        if (!ngx_deploy_tool_send_given(send, ngx_deploy_tool_slack_fields[i]))
        {
            ngx_deploy_tool_push(tool, &all, ngx_deploy_tool_slack_fields[i]);
        }
    }

    if (all.n && !ngx_deploy_tool_send_given(send, "trigger_id=")) {
        ngx_deploy_tool_push(tool, &all,
                             ngx_deploy_tool_printf(tool, "trigger_id=%s",
                                           ngx_deploy_tool_random(tool, 16)));
    }

    for (i = 0; i < send->fields.n; i++) {
        ngx_deploy_tool_push(tool, &all, send->fields.elts[i]);
    }

    for (i = 0, size = 1; i < all.n; i++) {
        size += 3 * strlen(all.elts[i]) + 2;
    }

    p = ngx_deploy_tool_alloc(tool, size);

    send->request.body.data = p;

    for (i = 0; i < all.n; i++) {

        equals = strchr(all.elts[i], '=');

        if (equals == NULL || equals == all.elts[i]) {
            return ngx_deploy_tool_error(tool, "\"--field %s\" is not "
                                         "\"name=value\"", all.elts[i]);
        }

        name.data = (u_char *) all.elts[i];
        name.len = equals - all.elts[i];
        value = ngx_deploy_tool_str(equals + 1);

        if (i) {
            *p++ = '&';
        }

        p = ngx_deploy_tool_form(p, &name, &value);
    }

    send->request.body.len = p - send->request.body.data;
    send->type = NGX_DEPLOY_TOOL_FORM;
    send->made = 1;

    return NGX_DEPLOY_OK;
}


/* 1 when a field of the same name was given */

static unsigned
ngx_deploy_tool_send_given(ngx_deploy_tool_send_t *send, const char *field)
{
    size_t  i, len;

    len = strcspn(field, "=") + 1;

    for (i = 0; i < send->fields.n; i++) {
        if (strncmp(send->fields.elts[i], field, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * A header that is the secret itself is not printed: the shell takes it from
 * the file
 */

int
ngx_deploy_tool_send_show(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    size_t                  i;
    unsigned                secret;
    ngx_deploy_str_t        text;
    ngx_deploy_json_t      *json, *headers;
    ngx_deploy_verifier_t  *v;

    v = &send->verifier;
    secret = (v->secrets[send->index].mac == NULL);

    if (tool->json) {
        json = ngx_deploy_json_object();
        headers = ngx_deploy_json_array();

        for (i = 0; i < send->request.headers.n; i++) {

            if (secret && i == send->signature) {
                continue;
            }

            text = ngx_deploy_tool_str(send->request.headers.elts[i]);
            (void) ngx_deploy_json_append(headers, ngx_deploy_json_str(&text));
        }

        text = ngx_deploy_tool_str(send->request.url);

        (void) ngx_deploy_json_set_str(json, "url", &text);
        (void) ngx_deploy_json_set(json, "headers", headers);
        (void) ngx_deploy_json_set_str(json, "body", &send->request.body);

        ngx_deploy_tool_print(tool, json);

        return NGX_DEPLOY_TOOL_YES;
    }

    printf("curl -i");

    if (send->request.insecure) {
        printf(" -k");
    }

    for (i = 0; i < send->request.headers.n; i++) {

        printf(" \\\n    ");

        if (!secret || i != send->signature) {
            printf("-H ");
            ngx_deploy_tool_send_quote(send->request.headers.elts[i]);
            continue;
        }

        if (v->type == NGX_DEPLOY_SCHEME_BASIC) {
            printf("-u ");

        } else {
            printf("-H %.*s:\\ %s", (int) v->header.len, v->header.data,
                   v->bearer ? "Bearer\\ " : "");
        }

        printf("\"$(sed -n %lldp ", (long long) send->line);
        ngx_deploy_tool_send_quote(send->file);
        printf(" | tr -d '\\r')\"");
    }

    printf(" \\\n    --data-binary ");

    if (send->made) {
        ngx_deploy_tool_send_quote(ngx_deploy_tool_cstring(tool,
                                                      &send->request.body));

    } else {
        printf("@");
        ngx_deploy_tool_send_quote(send->payload);
    }

    printf(" \\\n    ");
    ngx_deploy_tool_send_quote(send->request.url);
    fputc('\n', stdout);

    return NGX_DEPLOY_TOOL_YES;
}


static void
ngx_deploy_tool_send_quote(const char *text)
{
    fputc('\'', stdout);

    for ( /* void */ ; *text; text++) {

        if (*text == '\'') {
            printf("'\\''");

        } else {
            fputc(*text, stdout);
        }
    }

    fputc('\'', stdout);
}
