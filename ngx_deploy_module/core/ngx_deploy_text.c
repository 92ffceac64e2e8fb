
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_text.h"


#define NGX_DEPLOY_TEXT_FIRST    4096
#define NGX_DEPLOY_TEXT_UNKNOWN  "\xef\xbf\xbd"      /* U+FFFD */
#define NGX_DEPLOY_TEXT_LATEST   253402300799999LL   /* the end of 9999 */


/* what stands for a character, NULL: itself */

typedef const char *(*ngx_deploy_text_escape_pt)(u_char ch);


static void ngx_deploy_text_escape(ngx_deploy_text_t *text,
    const ngx_deploy_str_t *s, ngx_deploy_text_escape_pt escape);
static const char *ngx_deploy_text_escape_html(u_char ch);
static const char *ngx_deploy_text_escape_label(u_char ch);
static void ngx_deploy_text_digits(ngx_deploy_text_t *text, unsigned n,
    unsigned digits);


void
ngx_deploy_text_init(ngx_deploy_text_t *text, ngx_deploy_pool_t *pool)
{
    memset(text, 0, sizeof(ngx_deploy_text_t));

    text->pool = pool;
}


void
ngx_deploy_text_add(ngx_deploy_text_t *text, const u_char *p, size_t len)
{
    size_t   size;
    u_char  *data;

    if (text->failed || len == 0) {
        return;
    }

    if (len > text->size - text->len) {

        size = text->size ? text->size : NGX_DEPLOY_TEXT_FIRST;

        while (size - text->len < len) {
            size *= 2;
        }

        data = ngx_deploy_palloc(text->pool, size);
        if (data == NULL) {
            text->failed = 1;
            return;
        }

        if (text->len) {
            memcpy(data, text->data, text->len);
        }

        text->data = data;
        text->size = size;
    }

    memcpy(text->data + text->len, p, len);
    text->len += len;
}


void
ngx_deploy_text_put(ngx_deploy_text_t *text, const char *s)
{
    ngx_deploy_text_add(text, (const u_char *) s, strlen(s));
}


void
ngx_deploy_text_int(ngx_deploy_text_t *text, int64_t n)
{
    u_char     buf[20], *p;
    uint64_t   u;

    p = buf + sizeof(buf);
    u = (n < 0) ? -(uint64_t) n : (uint64_t) n;

    do {
        *--p = (u_char) ('0' + u % 10);
        u /= 10;
    } while (u);

    if (n < 0) {
        *--p = '-';
    }

    ngx_deploy_text_add(text, p, buf + sizeof(buf) - p);
}


void
ngx_deploy_text_msec(ngx_deploy_text_t *text, int64_t msec)
{
    unsigned  rest, digits;

    if (msec < 0) {
        ngx_deploy_text_put(text, "-");
        msec = -msec;
    }

    ngx_deploy_text_int(text, msec / 1000);

    rest = (unsigned) (msec % 1000);

    if (rest == 0) {
        return;
    }

    for (digits = 3; rest % 10 == 0; digits--) {
        rest /= 10;
    }

    ngx_deploy_text_put(text, ".");
    ngx_deploy_text_digits(text, rest, digits);
}


/* the calendar is that of Hinnant's civil_from_days, in integers */

void
ngx_deploy_text_time(ngx_deploy_text_t *text, int64_t msec, unsigned fraction)
{
    int64_t   days;
    unsigned  sec, era, doe, yoe, doy, mp, day, month, year;

    if (msec < 0) {
        msec = 0;
    }

    if (msec > NGX_DEPLOY_TEXT_LATEST) {
        msec = NGX_DEPLOY_TEXT_LATEST;
    }

    days = msec / 86400000;
    sec = (unsigned) (msec / 1000 % 86400);

    days += 719468;             /* since 0000-03-01 */

    era = (unsigned) (days / 146097);
    doe = (unsigned) (days % 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    day = doy - (153 * mp + 2) / 5 + 1;
    month = (mp < 10) ? mp + 3 : mp - 9;
    year = yoe + era * 400 + (month <= 2);

    ngx_deploy_text_digits(text, year, 4);
    ngx_deploy_text_put(text, "-");
    ngx_deploy_text_digits(text, month, 2);
    ngx_deploy_text_put(text, "-");
    ngx_deploy_text_digits(text, day, 2);
    ngx_deploy_text_put(text, "T");
    ngx_deploy_text_digits(text, sec / 3600, 2);
    ngx_deploy_text_put(text, ":");
    ngx_deploy_text_digits(text, sec / 60 % 60, 2);
    ngx_deploy_text_put(text, ":");
    ngx_deploy_text_digits(text, sec % 60, 2);

    if (fraction) {
        ngx_deploy_text_put(text, ".");
        ngx_deploy_text_digits(text, (unsigned) (msec % 1000), 3);
    }

    ngx_deploy_text_put(text, "Z");
}


static void
ngx_deploy_text_digits(ngx_deploy_text_t *text, unsigned n, unsigned digits)
{
    u_char    buf[8];
    unsigned  i;

    for (i = digits; i; i--) {
        buf[i - 1] = (u_char) ('0' + n % 10);
        n /= 10;
    }

    ngx_deploy_text_add(text, buf, digits);
}


void
ngx_deploy_text_html(ngx_deploy_text_t *text, const ngx_deploy_str_t *s)
{
    ngx_deploy_text_escape(text, s, ngx_deploy_text_escape_html);
}


void
ngx_deploy_text_label(ngx_deploy_text_t *text, const ngx_deploy_str_t *s)
{
    ngx_deploy_text_escape(text, s, ngx_deploy_text_escape_label);
}


static void
ngx_deploy_text_escape(ngx_deploy_text_t *text, const ngx_deploy_str_t *s,
    ngx_deploy_text_escape_pt escape)
{
    size_t       n;
    u_char      *p, *last;
    const char  *as;

    p = s->data;
    last = p + s->len;

    while (p < last) {

        if (*p < 0x80) {
            as = escape(*p);

            if (as) {
                ngx_deploy_text_put(text, as);

            } else {
                ngx_deploy_text_add(text, p, 1);
            }

            p++;
            continue;
        }

        n = (*p >= 0xf0) ? 4 : (*p >= 0xe0) ? 3 : 2;

        if (n > (size_t) (last - p) || !ngx_deploy_utf8_valid(p, n)) {
            ngx_deploy_text_put(text, NGX_DEPLOY_TEXT_UNKNOWN);
            p++;
            continue;
        }

        if (ngx_deploy_utf8_hidden(p, n)) {
            ngx_deploy_text_put(text, NGX_DEPLOY_TEXT_UNKNOWN);

        } else {
            ngx_deploy_text_add(text, p, n);
        }

        p += n;
    }
}


static const char *
ngx_deploy_text_escape_html(u_char ch)
{
    switch (ch) {

    case '&':
        return "&amp;";

    case '<':
        return "&lt;";

    case '>':
        return "&gt;";

    case '"':
        return "&quot;";

    case '\'':
        return "&#39;";

    case '\t':
    case '\n':
    case '\r':
        return " ";
    }

    return (ch < 0x20 || ch == 0x7f) ? NGX_DEPLOY_TEXT_UNKNOWN : NULL;
}


static const char *
ngx_deploy_text_escape_label(u_char ch)
{
    switch (ch) {

    case '\\':
        return "\\\\";

    case '"':
        return "\\\"";

    case '\n':
        return "\\n";
    }

    return (ch < 0x20 || ch == 0x7f) ? NGX_DEPLOY_TEXT_UNKNOWN : NULL;
}


void
ngx_deploy_text_uri(ngx_deploy_text_t *text, const ngx_deploy_str_t *s)
{
    size_t         i;
    u_char         ch, buf[3];
    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < s->len; i++) {

        ch = s->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9')
            || (ch != '\0' && strchr("-._~", ch) != NULL))
        {
            ngx_deploy_text_add(text, &ch, 1);
            continue;
        }

        buf[0] = '%';
        buf[1] = hex[ch >> 4];
        buf[2] = hex[ch & 0xf];

        ngx_deploy_text_add(text, buf, 3);
    }
}


int
ngx_deploy_text_end(ngx_deploy_text_t *text, ngx_deploy_str_t *s)
{
    if (text->failed) {
        return NGX_DEPLOY_ERROR;
    }

    s->data = text->data ? text->data : (u_char *) "";
    s->len = text->len;

    return NGX_DEPLOY_OK;
}
