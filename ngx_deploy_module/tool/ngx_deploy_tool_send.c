
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <openssl/crypto.h>

#include "ngx_deploy_tool_send.h"
#include "ngx_deploy_tool_sender.h"


static int ngx_deploy_tool_send_secret(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static int ngx_deploy_tool_send_verifier(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static int ngx_deploy_tool_send_event(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static int ngx_deploy_tool_send_sign(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);
static void ngx_deploy_tool_send_signature(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send, const ngx_deploy_str_t *value);
static void ngx_deploy_tool_send_header(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send, const ngx_deploy_str_t *name,
    const char *value);
static int ngx_deploy_tool_send_post(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send);


static const char  ngx_deploy_tool_send_usage[] =
    "usage: ngx-deploy send SCHEME --secret-file FILE [OPTION]... URL "
    "[PAYLOAD]\n"
    "\n"
    "Signs PAYLOAD (a file, or - for standard input) as SCHEME of\n"
    "deploy_verify wants it: github, gitlab, bitbucket, gitea, forgejo,\n"
    "gogs, azure, slack, standard, token, hmac. Posts it to URL and prints\n"
    "the answer.\n"
    "\n"
    "  --secret-file FILE   the file of deploy_verify\n"
    "  --line N             sign with the secret of that line, not the first\n"
    "  -p, --param N=V      a parameter of deploy_verify: header=,\n"
    "                       algorithm=, encoding=, prefix=\n"
    "  --event WORD         the event, when the payload does not tell it\n"
    "  --delivery ID        the id of the delivery, else a random one\n"
    "  --time SECONDS       the Unix time that is signed, else now\n"
    "  --form               send the JSON in the field \"payload\" of a form\n"
    "  -F, --field N=V      a field of a form; with slack instead of the one\n"
    "                       that a command has by default\n"
    "  -H, --header 'N: V'  one more header\n"
    "  -k, --insecure       do not check the certificate of the server\n"
    "  --cacert FILE        check it with these\n"
    "  --timeout SECONDS    the longest wait, 30 by default\n"
    "  --dry-run            print a curl command, send nothing\n"
    "  --json               print the answer as it came\n"
    "\n"
    "Exit status: 0 answered with 2xx, 1 failed, 2 refused, 3 not sent,\n"
    "4 try again later.\n";


int
ngx_deploy_tool_send(ngx_deploy_tool_t *tool, int argc, char **argv)
{
    int                       rc;
    ngx_deploy_tool_send_t    send;
    ngx_deploy_tool_list_t    args;

    const ngx_deploy_tool_option_t  options[] = {
        { "secret-file", 0, NGX_DEPLOY_TOOL_TEXT, &send.file },
        { "line", 0, NGX_DEPLOY_TOOL_NUMBER, &send.line },
        { "param", 'p', NGX_DEPLOY_TOOL_LIST, &send.params },
        { "event", 0, NGX_DEPLOY_TOOL_TEXT, &send.event_word },
        { "delivery", 0, NGX_DEPLOY_TOOL_TEXT, &send.id },
        { "time", 0, NGX_DEPLOY_TOOL_NUMBER, &send.time },
        { "form", 0, NGX_DEPLOY_TOOL_FLAG, &send.form },
        { "field", 'F', NGX_DEPLOY_TOOL_LIST, &send.fields },
        { "header", 'H', NGX_DEPLOY_TOOL_LIST, &send.headers },
        { "insecure", 'k', NGX_DEPLOY_TOOL_FLAG, &send.request.insecure },
        { "cacert", 0, NGX_DEPLOY_TOOL_TEXT, &send.request.ca_file },
        { "timeout", 0, NGX_DEPLOY_TOOL_NUMBER, &send.timeout },
        { "dry-run", 0, NGX_DEPLOY_TOOL_FLAG, &send.dry_run },
        { NULL, 0, NGX_DEPLOY_TOOL_FLAG, NULL }
    };

    memset(&send, 0, sizeof(ngx_deploy_tool_send_t));
    memset(&args, 0, sizeof(ngx_deploy_tool_list_t));

    send.time = time(NULL);
    send.timeout = 30;

    tool->usage = ngx_deploy_tool_send_usage;

    rc = ngx_deploy_tool_options(tool, options, argc, argv, &args, 2, 3);

    if (rc != NGX_DEPLOY_OK) {
        return (rc == NGX_DEPLOY_DECLINED) ? NGX_DEPLOY_TOOL_YES
                                           : NGX_DEPLOY_TOOL_FAILED;
    }

    send.scheme = args.elts[0];
    send.request.url = args.elts[1];
    send.payload = (args.n == 3) ? args.elts[2] : NULL;
    send.request.timeout = (send.timeout < 86400) ? send.timeout : 86400;

    if (ngx_deploy_tool_send_secret(tool, &send) != NGX_DEPLOY_OK
        || ngx_deploy_tool_send_body(tool, &send) != NGX_DEPLOY_OK
        || ngx_deploy_tool_send_event(tool, &send) != NGX_DEPLOY_OK
        || ngx_deploy_tool_send_sign(tool, &send) != NGX_DEPLOY_OK)
    {
        rc = NGX_DEPLOY_TOOL_FAILED;

    } else {
        rc = send.dry_run ? ngx_deploy_tool_send_show(tool, &send)
                          : ngx_deploy_tool_send_post(tool, &send);
    }

    ngx_deploy_verifier_free(&send.verifier);
    OPENSSL_cleanse(send.text.data, send.text.len);

    return rc;
}


/* the same checks as those of the module */

static int
ngx_deploy_tool_send_secret(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    unsigned                line;
    ngx_deploy_str_t        rest;
    ngx_deploy_verifier_t  *v;

    if (send->file == NULL) {
        return ngx_deploy_tool_error(tool, "\"--secret-file\" is missing");
    }

    if (ngx_deploy_tool_send_verifier(tool, send) != NGX_DEPLOY_OK
        || ngx_deploy_tool_secrets(tool, &send->verifier, send->file,
                                   &send->text)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    v = &send->verifier;

    if (send->line) {

        while (send->index < v->nsecrets
               && v->secrets[send->index].line != send->line)
        {
            send->index++;
        }

        if (send->index == v->nsecrets) {
            return ngx_deploy_tool_error(tool, "%s, line %lld is not a secret"
                                         " of \"%s\"", send->file,
                                         (long long) send->line,
                                         send->scheme);
        }
    }

    send->line = v->secrets[send->index].line;

    line = 0;
    rest = send->text;

    while (ngx_deploy_secret_next(&rest, &send->secret, &line)
           && line != send->line)
    {
        /* void */
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_send_verifier(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    size_t                  i;
    const char             *reason;
    ngx_deploy_str_t        s;
    ngx_deploy_verifier_t  *v;

    v = &send->verifier;
    s = ngx_deploy_tool_str(send->scheme);

    if (ngx_deploy_verifier_init(v, &s) != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "unknown scheme \"%s\"",
                                     send->scheme);
    }

    if (v->type == NGX_DEPLOY_SCHEME_SNS || v->type == NGX_DEPLOY_SCHEME_BUILD)
    {
        return ngx_deploy_tool_error(tool, "nobody but %s can sign for \"%s\"",
                                     (v->type == NGX_DEPLOY_SCHEME_SNS)
                                     ? "SNS" : "the module", v->name);
    }

    for (i = 0; i < send->params.n; i++) {
        s = ngx_deploy_tool_str(send->params.elts[i]);

        if (ngx_deploy_verifier_param(v, &tool->pool, &s, &reason)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(tool, "invalid parameter \"%s\" of "
                                         "\"%s\"", send->params.elts[i],
                                         send->scheme);
        }
    }

    if (v->header.len == 0) {
        return ngx_deploy_tool_error(tool, "\"%s\" needs \"--param header=\"",
                                     send->scheme);
    }

    return NGX_DEPLOY_OK;
}


/* the word of the event: as given, or as the payload tells */

static int
ngx_deploy_tool_send_event(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_str_t    event;
    ngx_deploy_json_t  *json;

    if (send->event_word) {

        if (ngx_deploy_tool_sender(send->scheme, NULL) == NULL) {
            return ngx_deploy_tool_error(tool, "\"%s\" has no header for "
                                         "\"--event\", see \"--header\"",
                                         send->scheme);
        }

        event = ngx_deploy_tool_str(send->event_word);

        if (strcmp(send->scheme, "gitlab") == 0
            && ngx_deploy_tool_gitlab_hook(&event))
        {
            send->event_word = ngx_deploy_tool_gitlab_hook(&event);
        }

        return NGX_DEPLOY_OK;
    }

    reason = NULL;
    json = NULL;

    if (send->document.len) {
        json = ngx_deploy_json_parse(send->document.data, send->document.len,
                                     NGX_DEPLOY_TOOL_MAX_FILE, &reason);
    }

    rc = ngx_deploy_tool_event(send->scheme, json, &event,
                               reason ? &send->reason : &reason);

    if (rc == NGX_DEPLOY_OK && event.data) {
        send->event_word = ngx_deploy_tool_cstring(tool, &event);
    }

    ngx_deploy_json_free(json);

    if (rc != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "%s: %s, say it with \"--event\"",
                                     send->payload ? send->payload : "form",
                                     reason);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_send_sign(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    size_t                           i;
    char                            *time;
    ngx_deploy_str_t                 s, id, now, value;
    ngx_deploy_verifier_t           *v;
    const ngx_deploy_tool_sender_t  *sender;

    v = &send->verifier;

    if (send->id == NULL) {
        send->id = ngx_deploy_tool_random(tool, 16);
    }

    time = ngx_deploy_tool_printf(tool, "%lld", (long long) send->time);

    id = ngx_deploy_tool_str(send->id);
    now = ngx_deploy_tool_str(time);

    s = ngx_deploy_tool_str("content-type");
    ngx_deploy_tool_send_header(tool, send, &s, send->type);

    s = ngx_deploy_tool_str(send->event_word);
    sender = ngx_deploy_tool_sender(send->scheme, s.data ? &s : NULL);

    for (i = 0; sender && sender->events[i] && send->event_word; i++) {
        s = ngx_deploy_tool_str(sender->events[i]);
        ngx_deploy_tool_send_header(tool, send, &s, send->event_word);
    }

    for (i = 0; sender && sender->ids[i]; i++) {
        s = ngx_deploy_tool_str(sender->ids[i]);
        ngx_deploy_tool_send_header(tool, send, &s, send->id);
    }

    if (v->id_header.len) {
        ngx_deploy_tool_send_header(tool, send, &v->id_header, send->id);
    }

    if (v->time_header.len) {
        ngx_deploy_tool_send_header(tool, send, &v->time_header, time);
    }

    /* whatever the content type: of Gitea and its kin the JSON is signed */

    s = (v->type == NGX_DEPLOY_SCHEME_PAYLOAD) ? send->document
                                               : send->request.body;

    if (ngx_deploy_tool_sign(&tool->pool, v, send->index, &send->secret, &id,
                             &now, &s, &value)
        != NGX_DEPLOY_OK)
    {
        return ngx_deploy_tool_error(tool, "cannot sign");
    }

    ngx_deploy_tool_send_signature(tool, send, &value);

    for (i = 0; i < send->headers.n; i++) {
        ngx_deploy_tool_push(tool, &send->request.headers,
                             send->headers.elts[i]);
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_send_signature(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send, const ngx_deploy_str_t *value)
{
    char                            *text;
    size_t                           i;
    ngx_deploy_str_t                 s;
    const ngx_deploy_tool_sender_t  *sender;

    sender = ngx_deploy_tool_sender(send->scheme, NULL);
    text = ngx_deploy_tool_cstring(tool, value);

    send->signature = send->request.headers.n;

    ngx_deploy_tool_send_header(tool, send, &send->verifier.header, text);

    for (i = 0; sender && sender->digests[i]; i++) {
        s = ngx_deploy_tool_str(sender->digests[i]);
        ngx_deploy_tool_send_header(tool, send, &s, text);
    }

    if (sender && sender->prefixed) {
        s = ngx_deploy_tool_str(sender->prefixed);
        text = ngx_deploy_tool_printf(tool, "sha256=%s", text);
        ngx_deploy_tool_send_header(tool, send, &s, text);
    }
}


static void
ngx_deploy_tool_send_header(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send, const ngx_deploy_str_t *name,
    const char *value)
{
    ngx_deploy_tool_push(tool, &send->request.headers,
                         ngx_deploy_tool_printf(tool, "%.*s: %s",
                                                (int) name->len,
                                                (char *) name->data, value));
}


static int
ngx_deploy_tool_send_post(ngx_deploy_tool_t *tool,
    ngx_deploy_tool_send_t *send)
{
    ngx_deploy_tool_reply_t  reply;

    if (ngx_deploy_tool_post(tool, &send->request, &reply) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_TOOL_FAILED;
    }

    return ngx_deploy_tool_answer(tool, &reply);
}
