
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_argv.h"


static const u_char *ngx_deploy_argv_word(const u_char *p, const u_char *last,
    char **dst);


int
ngx_deploy_argv_split(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    char ***argv, const char **reason)
{
    char          *d, **words;
    size_t         n;
    const u_char  *p, *last;

    if (text->len && memchr(text->data, '\0', text->len)) {
        *reason = "holds NUL";
        return NGX_DEPLOY_DECLINED;
    }

    words = ngx_deploy_palloc(pool, (NGX_DEPLOY_ARGV_MAX + 1)
                                    * sizeof(char *));
    if (words == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    /* a word and its NUL are not longer than the word and what ends it */

    d = ngx_deploy_palloc(pool, text->len + 1);
    if (d == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    n = 0;
    p = text->data;
    last = p + text->len;

    for ( ;; ) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (p == last) {
            break;
        }

        if (n == NGX_DEPLOY_ARGV_MAX) {
            *reason = "has too many words";
            return NGX_DEPLOY_DECLINED;
        }

        words[n++] = d;

        p = ngx_deploy_argv_word(p, last, &d);

        if (p == NULL) {
            *reason = "has a quote or a backslash without an end";
            return NGX_DEPLOY_DECLINED;
        }
    }

    if (n == 0) {
        *reason = "is empty";
        return NGX_DEPLOY_DECLINED;
    }

    words[n] = NULL;
    *argv = words;

    return NGX_DEPLOY_OK;
}


/* the end of the word, or NULL */

static const u_char *
ngx_deploy_argv_word(const u_char *p, const u_char *last, char **dst)
{
    char    *d;
    u_char   quote;

    d = *dst;
    quote = 0;

    for ( /* void */ ; p < last; p++) {

        if (quote == 0 && (*p == ' ' || *p == '\t')) {
            break;
        }

        if (quote && *p == quote) {
            quote = 0;
            continue;
        }

        if (quote == 0 && (*p == '"' || *p == '\'')) {
            quote = *p;
            continue;
        }

        if (*p == '\\' && quote != '\'') {

            if (last - p == 1) {
                return NULL;
            }

            if (quote == 0 || p[1] == '"' || p[1] == '\\') {
                p++;
            }
        }

        *d++ = (char) *p;
    }

    if (quote) {
        return NULL;
    }

    *d++ = '\0';
    *dst = d;

    return p;
}
