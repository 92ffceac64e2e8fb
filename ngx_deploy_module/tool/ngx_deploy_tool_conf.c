
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_conf.h"


#define NGX_DEPLOY_TOOL_CONF_WORDS  4096     /* of one directive */


/* what a word ended with, or a whole file */

typedef enum {
    NGX_DEPLOY_TOOL_WORD = 0,
    NGX_DEPLOY_TOOL_SEMICOLON,
    NGX_DEPLOY_TOOL_OPEN,
    NGX_DEPLOY_TOOL_CLOSE,
    NGX_DEPLOY_TOOL_END
} ngx_deploy_tool_token_e;


typedef struct {
    ngx_deploy_tool_conf_t      *conf;
    const char                  *file;
    const u_char                *p;
    const u_char                *last;
    unsigned                     line;
    unsigned                     quoted;      /* the word before was */
    ngx_deploy_str_t             word;
    ngx_deploy_str_t            *words;       /* of the directive */
    size_t                       nwords;
    size_t                       nalloc;
} ngx_deploy_tool_reader_t;


static int ngx_deploy_tool_block(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_directive_t ***last);
static int ngx_deploy_tool_directive(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_token_e token, ngx_deploy_tool_directive_t ***last);
static int ngx_deploy_tool_include(ngx_deploy_tool_reader_t *r,
    const ngx_deploy_tool_directive_t *d,
    ngx_deploy_tool_directive_t ***last);
static int ngx_deploy_tool_token(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_token_e *token);
static int ngx_deploy_tool_quoted(ngx_deploy_tool_reader_t *r);
static int ngx_deploy_tool_bare(ngx_deploy_tool_reader_t *r);
static int ngx_deploy_tool_word(ngx_deploy_tool_reader_t *r,
    const u_char *start, const u_char *end);
static int ngx_deploy_tool_push_word(ngx_deploy_tool_reader_t *r);
static int ngx_deploy_tool_lua(ngx_deploy_tool_reader_t *r);
static int ngx_deploy_tool_conf_error(ngx_deploy_tool_reader_t *r,
    const char *reason);


int
ngx_deploy_tool_conf_parse(ngx_deploy_tool_conf_t *conf, const char *file,
    const ngx_deploy_str_t *text, ngx_deploy_tool_directive_t ***last)
{
    int                        rc;
    unsigned                   blocks;
    ngx_deploy_tool_reader_t   r;

    memset(&r, 0, sizeof(ngx_deploy_tool_reader_t));

    r.conf = conf;
    r.file = file;
    r.p = text->data;
    r.last = text->data + text->len;
    r.line = 1;

    /* a file has to close what it opens */

    blocks = conf->blocks;
    conf->blocks = 0;

    rc = ngx_deploy_tool_block(&r, last);

    conf->blocks = blocks;

    return rc;
}


static int
ngx_deploy_tool_block(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_directive_t ***last)
{
    int                      rc;
    ngx_deploy_tool_token_e  token;

    for ( ;; ) {

        rc = ngx_deploy_tool_token(r, &token);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        switch (token) {

        case NGX_DEPLOY_TOOL_WORD:
            rc = ngx_deploy_tool_push_word(r);
            break;

        case NGX_DEPLOY_TOOL_SEMICOLON:
        case NGX_DEPLOY_TOOL_OPEN:
            rc = ngx_deploy_tool_directive(r, token, last);
            break;

        case NGX_DEPLOY_TOOL_CLOSE:
            return (r->nwords == 0 && r->conf->blocks)
                   ? NGX_DEPLOY_OK
                   : ngx_deploy_tool_conf_error(r, "unexpected \"}\"");

        default:
            return (r->nwords == 0 && r->conf->blocks == 0)
                   ? NGX_DEPLOY_OK
                   : ngx_deploy_tool_conf_error(r, "unexpected end of file, "
                                                "\";\" or \"}\" is missing");
        }

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }
}


static int
ngx_deploy_tool_directive(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_token_e token, ngx_deploy_tool_directive_t ***last)
{
    int                            rc;
    ngx_deploy_str_t              *name;
    ngx_deploy_tool_directive_t   *d, **first;

    if (r->nwords == 0) {
        return ngx_deploy_tool_conf_error(r,
                                     token == NGX_DEPLOY_TOOL_OPEN
                                     ? "unexpected \"{\"" : "unexpected \";\"");
    }

    d = ngx_deploy_pcalloc(r->conf->pool, sizeof(ngx_deploy_tool_directive_t));
    if (d == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    d->args = r->words;
    d->nargs = r->nwords;
    d->file = r->file;
    d->line = r->line;

    r->words = NULL;
    r->nwords = 0;
    r->nalloc = 0;

    name = &d->args[0];

    if (token == NGX_DEPLOY_TOOL_SEMICOLON
        && ngx_deploy_str_is(name, "include") && d->nargs == 2)
    {
        return ngx_deploy_tool_include(r, d, last);
    }

    **last = d;
    *last = &d->next;

    if (token == NGX_DEPLOY_TOOL_SEMICOLON) {
        return NGX_DEPLOY_OK;
    }

    d->is_block = 1;

    if (name->len > 13
        && memcmp(name->data + name->len - 13, "_by_lua_block", 13) == 0)
    {
        return ngx_deploy_tool_lua(r);
    }

    if (r->conf->blocks == NGX_DEPLOY_TOOL_MAX_BLOCKS) {
        return ngx_deploy_tool_conf_error(r, "too many nested blocks");
    }

    first = &d->block;

    r->conf->blocks++;
    rc = ngx_deploy_tool_block(r, &first);
    r->conf->blocks--;

    return rc;
}


static int
ngx_deploy_tool_include(ngx_deploy_tool_reader_t *r,
    const ngx_deploy_tool_directive_t *d, ngx_deploy_tool_directive_t ***last)
{
    int                      rc;
    ngx_deploy_tool_conf_t  *conf;

    conf = r->conf;

    if (conf->includes == NGX_DEPLOY_TOOL_MAX_INCLUDES) {
        return ngx_deploy_tool_conf_error(r, "too many nested includes");
    }

    conf->includes++;
    rc = conf->include(conf, d, last);
    conf->includes--;

    return rc;
}


static int
ngx_deploy_tool_token(ngx_deploy_tool_reader_t *r,
    ngx_deploy_tool_token_e *token)
{
    u_char  c;

    for ( /* void */ ; r->p < r->last; r->p++) {
        c = *r->p;

        if (c == '\n') {
            r->line++;
        }

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            r->quoted = 0;
            continue;
        }

        if (c == '#' && !r->quoted) {
            while (r->p + 1 < r->last && r->p[1] != '\n') { r->p++; }
            continue;
        }

        break;
    }

    if (r->p == r->last) {
        *token = NGX_DEPLOY_TOOL_END;
        return NGX_DEPLOY_OK;
    }

    c = *r->p;

    if (c == ';' || c == '{') {
        *token = (c == ';') ? NGX_DEPLOY_TOOL_SEMICOLON : NGX_DEPLOY_TOOL_OPEN;
        r->quoted = 0;
        r->p++;
        return NGX_DEPLOY_OK;
    }

    /* a quoted word ends with its quote, only "if ($a = "b")" goes on */

    if (r->quoted && c != ')') {
        return ngx_deploy_tool_conf_error(r, "a word begins right behind a "
                                          "quote");
    }

    r->quoted = 0;

    if (c == '}') {
        *token = NGX_DEPLOY_TOOL_CLOSE;
        r->p++;
        return NGX_DEPLOY_OK;
    }

    *token = NGX_DEPLOY_TOOL_WORD;

    return (c == '"' || c == '\'') ? ngx_deploy_tool_quoted(r)
                                   : ngx_deploy_tool_bare(r);
}


static int
ngx_deploy_tool_quoted(ngx_deploy_tool_reader_t *r)
{
    u_char         quote;
    const u_char  *start;

    quote = *r->p++;
    start = r->p;

    for ( /* void */ ; r->p < r->last && *r->p != quote; r->p++) {

        if (*r->p == '\\' && r->p + 1 < r->last) {
            r->p++;
        }

        r->line += (*r->p == '\n');
    }

    if (r->p == r->last) {
        return ngx_deploy_tool_conf_error(r, "a quote is not closed");
    }

    r->p++;
    r->quoted = 1;

    return ngx_deploy_tool_word(r, start, r->p - 1);
}


/* "${" opens no block */

static int
ngx_deploy_tool_bare(ngx_deploy_tool_reader_t *r)
{
    u_char         c;
    unsigned       variable;
    const u_char  *start;

    start = r->p;
    variable = 0;

    for ( /* void */ ; r->p < r->last; r->p++) {
        c = *r->p;

        if (c == '{' && variable) {
            variable = 0;
            continue;
        }

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';'
            || c == '{')
        {
            break;
        }

        variable = (c == '$');

        if (c == '\\' && r->p + 1 < r->last) {
            r->p++;
            r->line += (*r->p == '\n');
        }
    }

    return ngx_deploy_tool_word(r, start, r->p);
}


/* escapes are undone as nginx does it */

static int
ngx_deploy_tool_word(ngx_deploy_tool_reader_t *r, const u_char *start,
    const u_char *end)
{
    u_char        *dst;
    const u_char  *p, *escape;

    static const u_char  escapes[] = "\"'\\trn";
    static const u_char  values[] = "\"'\\\t\r\n";

    if (end - start > NGX_DEPLOY_TOOL_MAX_WORD) {
        return ngx_deploy_tool_conf_error(r, "too long a word");
    }

    dst = ngx_deploy_palloc(r->conf->pool, end - start + 1);
    if (dst == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    r->word.data = dst;

    for (p = start; p < end; p++) {

        if (*p == '\\' && p + 1 < end) {
            escape = memchr(escapes, p[1], sizeof(escapes) - 1);

            if (escape) {
                *dst++ = values[escape - escapes];
                p++;
                continue;
            }
        }

        *dst++ = *p;
    }

    *dst = '\0';

    r->word.len = dst - r->word.data;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_push_word(ngx_deploy_tool_reader_t *r)
{
    size_t             n;
    ngx_deploy_str_t  *words;

    if (r->nwords == NGX_DEPLOY_TOOL_CONF_WORDS) {
        return ngx_deploy_tool_conf_error(r, "too many words in a directive");
    }

    if (r->nwords == r->nalloc) {
        n = r->nalloc ? 2 * r->nalloc : 4;

        words = ngx_deploy_palloc(r->conf->pool, n * sizeof(ngx_deploy_str_t));
        if (words == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        if (r->nwords) {
            memcpy(words, r->words, r->nwords * sizeof(ngx_deploy_str_t));
        }

        r->words = words;
        r->nalloc = n;
    }

    r->words[r->nwords++] = r->word;

    return NGX_DEPLOY_OK;
}


/* skipped: braces are counted outside of quotes and comments */

static int
ngx_deploy_tool_lua(ngx_deploy_tool_reader_t *r)
{
    u_char    c, quote;
    unsigned  depth;

    depth = 1;

    for ( /* void */ ; r->p < r->last; r->p++) {
        c = *r->p;

        if (c == '-' && r->p + 1 < r->last && r->p[1] == '-') {
            while (r->p + 1 < r->last && r->p[1] != '\n') { r->p++; }

        } else if (c == '"' || c == '\'') {
            quote = c;

            for (r->p++; r->p < r->last && *r->p != quote; r->p++) {
                r->line += (*r->p == '\n');
                r->p += (*r->p == '\\' && r->p + 1 < r->last);
            }

            if (r->p == r->last) {
                break;
            }

        } else if (c == '\n') {
            r->line++;

        } else if (c == '{') {
            depth++;

        } else if (c == '}' && --depth == 0) {
            r->p++;
            return NGX_DEPLOY_OK;
        }
    }

    return ngx_deploy_tool_conf_error(r, "a block of Lua is not closed");
}


static int
ngx_deploy_tool_conf_error(ngx_deploy_tool_reader_t *r, const char *reason)
{
    r->conf->reason = reason;
    r->conf->file = r->file;
    r->conf->line = r->line;

    return NGX_DEPLOY_DECLINED;
}


const ngx_deploy_tool_directive_t *
ngx_deploy_tool_conf_find(const ngx_deploy_tool_directive_t *d,
    const char *name)
{
    for ( /* void */ ; d; d = d->next) {
        if (ngx_deploy_str_is(&d->args[0], name)) {
            return d;
        }
    }

    return NULL;
}
