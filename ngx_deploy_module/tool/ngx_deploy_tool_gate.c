
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <openssl/crypto.h>

#include "ngx_deploy_tool_explain.h"
#include "ngx_deploy_tool_send.h"


static int ngx_deploy_tool_gate_verifier(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d);
static int ngx_deploy_tool_gate_secrets(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_verifier_t *v);
static void ngx_deploy_tool_gate_verdict(ngx_deploy_tool_explain_t *explain);


int
ngx_deploy_tool_gate(ngx_deploy_tool_explain_t *explain)
{
    const ngx_deploy_tool_directive_t  *d;

    explain->verdict = NGX_DEPLOY_VERIFY_SUCCESS;

    d = ngx_deploy_tool_inherited(&explain->place, "deploy_verify");

    if (d == NULL) {
        explain->off = 1;
        return NGX_DEPLOY_OK;
    }

    for ( /* void */ ; d; d = ngx_deploy_tool_conf_find(d->next,
                                                        "deploy_verify"))
    {
        if (d->nargs == 2 && ngx_deploy_str_is(&d->args[1], "off")) {
            explain->off = 1;
            return NGX_DEPLOY_OK;
        }

        if (ngx_deploy_tool_gate_verifier(explain, d) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }
    }

    ngx_deploy_tool_gate_verdict(explain);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_gate_verifier(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d)
{
    size_t                  i;
    const char             *reason;
    ngx_deploy_tool_t      *tool;
    ngx_deploy_verifier_t  *v;

    tool = explain->tool;

    if (d->nargs < 2 || explain->nverifiers == NGX_DEPLOY_TOOL_MAX_VERIFY) {
        return ngx_deploy_tool_error(tool, "%s:%u: invalid \"deploy_verify\"",
                                     d->file, d->line);
    }

    v = &explain->verifiers[explain->nverifiers];

    if (ngx_deploy_verifier_init(v, &d->args[1]) != NGX_DEPLOY_OK) {
        return ngx_deploy_tool_error(tool, "%s:%u: unknown scheme \"%s\"",
                                     d->file, d->line,
                                     (char *) d->args[1].data);
    }

    /* a certificate of SNS, keys of tokens in the store of the module */

    if (v->type == NGX_DEPLOY_SCHEME_SNS
        || v->type == NGX_DEPLOY_SCHEME_BUILD)
    {
        explain->skipped = 1;
        ngx_deploy_tool_unknown(explain, "deploy_verify %s",
                                (char *) d->args[1].data);
        return NGX_DEPLOY_OK;
    }

    for (i = 3; i < d->nargs; i++) {

        if (ngx_deploy_verifier_param(v, &tool->pool, &d->args[i], &reason)
            != NGX_DEPLOY_OK)
        {
            return ngx_deploy_tool_error(tool, "%s:%u: invalid parameter "
                                         "\"%s\" of \"deploy_verify %s\"",
                                         d->file, d->line,
                                         (char *) d->args[i].data, v->name);
        }
    }

    if (d->nargs < 3 || v->header.len == 0) {
        return ngx_deploy_tool_error(tool, "%s:%u: \"deploy_verify %s\" needs "
                                     "%s", d->file, d->line, v->name,
                                     d->nargs < 3 ? "a file of secrets"
                                                  : "\"header=\"");
    }

    return ngx_deploy_tool_gate_secrets(explain, d, v);
}


static int
ngx_deploy_tool_gate_secrets(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_verifier_t *v)
{
    int                rc;
    const char        *file;
    ngx_deploy_str_t   text;

    file = (char *) d->args[2].data;

    if (file[0] != '/') {
        file = ngx_deploy_tool_printf(explain->tool, "%s/%s", explain->dir,
                                      file);
    }

    explain->files[explain->nverifiers++] = file;

    memset(&text, 0, sizeof(ngx_deploy_str_t));

    rc = ngx_deploy_tool_secrets(explain->tool, v, file, &text);

    OPENSSL_cleanse(text.data, text.len);

    return rc;
}


void
ngx_deploy_tool_gate_free(ngx_deploy_tool_explain_t *explain)
{
    size_t  i;

    for (i = 0; i < explain->nverifiers; i++) {
        ngx_deploy_verifier_free(&explain->verifiers[i]);
    }
}


/* the first one that is satisfied, else the one that was tried */

static void
ngx_deploy_tool_gate_verdict(ngx_deploy_tool_explain_t *explain)
{
    size_t                   i;
    unsigned                 line, tried;
    ngx_deploy_str_t        *body;
    ngx_deploy_verify_e      verdict;
    ngx_deploy_signature_t   sig;

    body = &explain->message.body;
    tried = 0;

    explain->verdict = NGX_DEPLOY_VERIFY_MISSING;

    for (i = 0; i < explain->nverifiers; i++) {

        if (ngx_deploy_verifier_unused(explain->verifiers,
                                       explain->nverifiers, i))
        {
            continue;
        }

        line = 0;

        verdict = ngx_deploy_signature_begin(&sig, &explain->verifiers[i],
                                             ngx_deploy_tool_message_header,
                                             &explain->message, explain->now);

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
            ngx_deploy_signature_update(&sig, body->data, body->len);
            verdict = ngx_deploy_signature_end(&sig, &line);
        }

        ngx_deploy_signature_free(&sig);

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS
            || (!tried && verdict != NGX_DEPLOY_VERIFY_MISSING))
        {
            explain->verdict = verdict;
            explain->verifier = i;
            tried = 1;
        }

        if (verdict == NGX_DEPLOY_VERIFY_SUCCESS) {
            explain->secret = line;
            explain->id = sig.id;
            explain->form = sig.is_form;
            return;
        }
    }
}
