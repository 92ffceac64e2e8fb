
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack_text.h"


#define NGX_DEPLOY_SLACK_MAX_URL   2000
#define NGX_DEPLOY_SLACK_ELLIPSIS  "\xe2\x80\xa6"       /* U+2026 */
#define NGX_DEPLOY_SLACK_UNKNOWN   "\xef\xbf\xbd"       /* U+FFFD */


/* a character of a stranger: what is appended for how many of his bytes */

typedef struct {
    const char           *data;
    size_t                len;
    size_t                units;
    size_t                taken;
} ngx_deploy_slack_char_t;


static void ngx_deploy_slack_char(ngx_deploy_slack_char_t *ch,
    const u_char *p, size_t len, u_char prev, unsigned flags);
static const char *ngx_deploy_slack_ascii(const u_char *p, size_t len,
    u_char prev, unsigned flags);
static void ngx_deploy_slack_append(ngx_deploy_slack_text_t *text,
    const char *p, size_t len, size_t units);
static unsigned ngx_deploy_slack_word(u_char ch);
static size_t ngx_deploy_slack_units(const char *p, size_t len);
static int ngx_deploy_slack_url(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *url);


int
ngx_deploy_slack_text(ngx_deploy_slack_text_t *text, ngx_deploy_pool_t *pool,
    size_t max)
{
    /* a unit takes three bytes at most */

    text->data = ngx_deploy_palloc(pool, 3 * max);
    if (text->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    text->len = 0;
    text->chars = 0;
    text->max = max;
    text->cut = 0;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_slack_markup(ngx_deploy_slack_text_t *text, const char *markup)
{
    size_t  len, units;

    len = strlen(markup);
    units = ngx_deploy_slack_units(markup, len);

    if (units > text->max - text->chars) {
        text->cut = 1;
        return NGX_DEPLOY_DECLINED;
    }

    ngx_deploy_slack_append(text, markup, len, units);

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_slack_put(ngx_deploy_slack_text_t *text, const ngx_deploy_str_t *s,
    size_t max, unsigned flags)
{
    size_t                   i;
    u_char                   prev;
    ngx_deploy_slack_char_t  ch;
    ngx_deploy_slack_text_t  fits;

    if (max > text->max - text->chars) {
        max = text->max - text->chars;
    }

    max += text->chars;
    fits = *text;
    prev = ' ';

    for (i = 0; i < s->len; i += ch.taken) {

        ngx_deploy_slack_char(&ch, s->data + i, s->len - i, prev, flags);

        if (ch.units > max - text->chars) {

            /* fits leaves room for the ellipsis, if there is any room */

            *text = fits;
            text->cut = 1;

            if (text->chars < max) {
                ngx_deploy_slack_append(text, NGX_DEPLOY_SLACK_ELLIPSIS,
                                    sizeof(NGX_DEPLOY_SLACK_ELLIPSIS) - 1, 1);
            }

            return;
        }

        ngx_deploy_slack_append(text, ch.data, ch.len, ch.units);

        if (text->chars < max) {
            fits = *text;
        }

        prev = s->data[i + ch.taken - 1];
    }
}


static void
ngx_deploy_slack_char(ngx_deploy_slack_char_t *ch, const u_char *p,
    size_t len, u_char prev, unsigned flags)
{
    size_t  n;

    if (p[0] < 0x80) {
        ch->data = ngx_deploy_slack_ascii(p, len, prev, flags);
        ch->taken = 1;

        if (ch->data) {
            ch->len = strlen(ch->data);
            ch->units = ngx_deploy_slack_units(ch->data, ch->len);

        } else {
            ch->data = (const char *) p;
            ch->len = 1;
            ch->units = 1;
        }

        return;
    }

    n = (p[0] >= 0xf0) ? 4 : (p[0] >= 0xe0) ? 3 : 2;

    if (n > len || !ngx_deploy_utf8_valid(p, n)) {
        ch->taken = 1;

    } else if (ngx_deploy_utf8_hidden(p, n)) {
        ch->taken = n;

    } else {
        ch->data = (const char *) p;
        ch->len = n;
        ch->units = (n == 4) ? 2 : 1;
        ch->taken = n;
        return;
    }

    ch->data = NGX_DEPLOY_SLACK_UNKNOWN;
    ch->len = sizeof(NGX_DEPLOY_SLACK_UNKNOWN) - 1;
    ch->units = 1;
}


/* what stands for an ASCII character, NULL: itself */

static const char *
ngx_deploy_slack_ascii(const u_char *p, size_t len, u_char prev,
    unsigned flags)
{
    switch (p[0]) {

    case '&':
        return "&amp;";

    case '<':
        return "&lt;";

    case '>':
        return "&gt;";

    case '`':
        return "\xcb\x8b";                      /* U+02CB */

    case '|':
        return (flags & NGX_DEPLOY_SLACK_LABEL) ? "\xc2\xa6" : NULL;

    case '\n':
        return (flags & NGX_DEPLOY_SLACK_LINES) ? NULL : " ";

    case '\r':
        return (len > 1 && p[1] == '\n') ? "" : " ";

    case '*':
    case '_':
    case '~':
        break;

    default:
        return (p[0] < 0x20 || p[0] == 0x7f) ? " " : NULL;
    }

    /* inside of a word they do not format */

    if ((flags & NGX_DEPLOY_SLACK_CODE)
        || (ngx_deploy_slack_word(prev)
            && len > 1 && ngx_deploy_slack_word(p[1])))
    {
        return NULL;
    }

    return (p[0] == '*') ? "\xe2\x88\x97"       /* U+2217 */
           : (p[0] == '_') ? "\xcb\x8d"         /* U+02CD */
           : "\xe2\x88\xbc";                    /* U+223C */
}


static void
ngx_deploy_slack_append(ngx_deploy_slack_text_t *text, const char *p,
    size_t len, size_t units)
{
    memcpy(text->data + text->len, p, len);

    text->len += len;
    text->chars += units;
}


static unsigned
ngx_deploy_slack_word(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9') || ch >= 0x80;
}


/* of well-formed UTF-8 */

static size_t
ngx_deploy_slack_units(const char *p, size_t len)
{
    size_t  i, units;
    u_char  ch;

    units = 0;

    for (i = 0; i < len; i++) {
        ch = (u_char) p[i];

        if ((ch & 0xc0) != 0x80) {
            units += (ch >= 0xf0) ? 2 : 1;
        }
    }

    return units;
}


void
ngx_deploy_slack_code(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *s, size_t max)
{
    if (s->len == 0) {
        return;
    }

    if (text->max - text->chars < 3) {
        text->cut = 1;
        return;
    }

    ngx_deploy_slack_append(text, "`", 1, 1);

    text->max--;
    ngx_deploy_slack_put(text, s, max, NGX_DEPLOY_SLACK_CODE);
    text->max++;

    ngx_deploy_slack_append(text, "`", 1, 1);
}


void
ngx_deploy_slack_link(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *url, const ngx_deploy_str_t *label, size_t max)
{
    ngx_deploy_slack_text_t  saved;

    saved = *text;

    /* a link without a label would show the address */

    if (label->len
        && ngx_deploy_slack_url(text, url) == NGX_DEPLOY_OK
        && text->max - text->chars >= 2)
    {
        text->max--;
        ngx_deploy_slack_put(text, label, max, NGX_DEPLOY_SLACK_LABEL);
        text->max++;

        ngx_deploy_slack_append(text, ">", 1, 1);
        return;
    }

    *text = saved;

    ngx_deploy_slack_put(text, label, max, 0);
}


static int
ngx_deploy_slack_url(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *url)
{
    size_t  i, units;

    if (url->len > NGX_DEPLOY_SLACK_MAX_URL
        || (!ngx_deploy_str_starts(url, "https://")
            && !ngx_deploy_str_starts(url, "http://")))
    {
        return NGX_DEPLOY_DECLINED;
    }

    units = url->len;

    for (i = 0; i < url->len; i++) {

        if (url->data[i] <= ' ' || url->data[i] >= 0x7f
            || strchr("<>|`\"\\", url->data[i]))
        {
            return NGX_DEPLOY_DECLINED;
        }

        if (url->data[i] == '&') {
            units += sizeof("amp;") - 1;
        }
    }

    if (units + 2 > text->max - text->chars) {
        return NGX_DEPLOY_DECLINED;
    }

    ngx_deploy_slack_append(text, "<", 1, 1);

    for (i = 0; i < url->len; i++) {

        if (url->data[i] == '&') {
            ngx_deploy_slack_append(text, "&amp;", 5, 5);

        } else {
            ngx_deploy_slack_append(text, (const char *) &url->data[i], 1, 1);
        }
    }

    ngx_deploy_slack_append(text, "|", 1, 1);

    return NGX_DEPLOY_OK;
}
