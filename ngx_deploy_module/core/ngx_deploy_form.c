
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_form.h"


#define NGX_DEPLOY_FORM_BUFFER  1024


typedef enum {
    NGX_DEPLOY_FORM_AT_NAME = 0,
    NGX_DEPLOY_FORM_AT_VALUE
} ngx_deploy_form_state_e;


/* form->hex: the first digit is to come, or it is known */

#define NGX_DEPLOY_FORM_HEX        1
#define NGX_DEPLOY_FORM_HEX_DIGIT  0x10


static const u_char *ngx_deploy_form_name(ngx_deploy_form_t *form,
    const u_char *p, const u_char *end);
static const u_char *ngx_deploy_form_value(ngx_deploy_form_t *form,
    const u_char *p, const u_char *end);
static int ngx_deploy_form_digit(u_char ch);
static int ngx_deploy_form_escape(ngx_deploy_form_t *form, u_char ch,
    u_char *out);
static int ngx_deploy_form_name_end(ngx_deploy_form_t *form);
static int ngx_deploy_form_refuse(ngx_deploy_form_t *form,
    const char *reason);


void
ngx_deploy_form_init(ngx_deploy_form_t *form, const char *field,
    ngx_deploy_form_pt handler, void *data)
{
    ngx_deploy_form_init_names(form, NULL, handler, data);

    form->name_only[0] = field;
    form->names = form->name_only;
}


void
ngx_deploy_form_init_names(ngx_deploy_form_t *form, const char *const *names,
    ngx_deploy_form_pt handler, void *data)
{
    /* the name is written before it is read */

    memset(form, 0, offsetof(ngx_deploy_form_t, name));

    form->names = names;
    form->handler = handler;
    form->data = data;
    form->rc = NGX_DEPLOY_OK;
    form->state = NGX_DEPLOY_FORM_AT_NAME;
}


int
ngx_deploy_form_feed(ngx_deploy_form_t *form, const u_char *p, size_t len)
{
    const u_char  *end;

    if (form->rc != NGX_DEPLOY_OK || len == 0) {
        return form->rc;
    }

    end = p + len;

    while (p != NULL && p < end) {

        if (form->state == NGX_DEPLOY_FORM_AT_NAME) {
            p = ngx_deploy_form_name(form, p, end);

        } else {
            p = ngx_deploy_form_value(form, p, end);
        }
    }

    return form->rc;
}


int
ngx_deploy_form_end(ngx_deploy_form_t *form)
{
    if (form->rc != NGX_DEPLOY_OK) {
        return form->rc;
    }

    if (form->hex) {
        return ngx_deploy_form_refuse(form, "unexpected end");
    }

    if (form->state == NGX_DEPLOY_FORM_AT_NAME && form->len
        && ngx_deploy_form_name_end(form) != NGX_DEPLOY_OK)
    {
        return form->rc;
    }

    if (form->names == form->name_only && !form->found) {
        return ngx_deploy_form_refuse(form, "field missing");
    }

    return NGX_DEPLOY_OK;
}


static const u_char *
ngx_deploy_form_name(ngx_deploy_form_t *form, const u_char *p,
    const u_char *end)
{
    u_char  ch;

    for ( /* void */ ; p < end; p++) {
        ch = *p;

        if (form->hex) {
            if (ngx_deploy_form_escape(form, ch, &ch) != NGX_DEPLOY_OK) {
                return NULL;
            }

            if (form->hex) {
                continue;
            }

        } else if (ch == '%') {
            form->hex = NGX_DEPLOY_FORM_HEX;
            continue;

        } else if (ch == '=') {
            return ngx_deploy_form_name_end(form) == NGX_DEPLOY_OK ? p + 1
                                                                   : NULL;

        } else if (ch == '&') {

            /* "&&" holds no field, "&name&" one without a value */

            if (form->len) {
                return ngx_deploy_form_name_end(form) == NGX_DEPLOY_OK ? p
                                                                       : NULL;
            }

            continue;

        } else if (ch == '+') {
            ch = ' ';

        } else if (ch == '\0') {
            (void) ngx_deploy_form_refuse(form, "NUL in a form");
            return NULL;
        }

        if (form->len == NGX_DEPLOY_FORM_MAX_NAME) {
            (void) ngx_deploy_form_refuse(form, "field name too long");
            return NULL;
        }

        form->name[form->len++] = ch;
    }

    return p;
}


static const u_char *
ngx_deploy_form_value(ngx_deploy_form_t *form, const u_char *p,
    const u_char *end)
{
    int     hi, lo;
    u_char  ch, buf[NGX_DEPLOY_FORM_BUFFER];
    size_t  n;

    n = 0;

    while (p < end && n < NGX_DEPLOY_FORM_BUFFER) {
        ch = *p++;

        if (form->hex) {
            if (ngx_deploy_form_escape(form, ch, &ch) != NGX_DEPLOY_OK) {
                return NULL;
            }

            if (form->hex) {
                continue;
            }

        } else if (ch == '%') {

            if (end - p < 2) {
                form->hex = NGX_DEPLOY_FORM_HEX;
                continue;
            }

            hi = ngx_deploy_form_digit(p[0]);
            lo = ngx_deploy_form_digit(p[1]);

            if (hi < 0 || lo < 0 || (hi | lo) == 0) {
                (void) ngx_deploy_form_refuse(form, (hi | lo) == 0
                                                    ? "NUL in a form"
                                                    : "invalid escape");
                return NULL;
            }

            ch = (u_char) (hi << 4 | lo);
            p += 2;

        } else if (ch == '&') {
            form->state = NGX_DEPLOY_FORM_AT_NAME;
            form->len = 0;
            break;

        } else if (ch == '+') {
            ch = ' ';

        } else if (ch == '\0') {
            (void) ngx_deploy_form_refuse(form, "NUL in a form");
            return NULL;
        }

        buf[n++] = ch;
    }

    if (form->wanted && n) {
        form->rc = form->handler(form->data, buf, n);

        if (form->rc != NGX_DEPLOY_OK) {
            return NULL;
        }
    }

    return p;
}


/* without branches: an encoded JSON text has digits and letters at random */

static inline int
ngx_deploy_form_digit(u_char ch)
{
    unsigned  digit, letter;

    digit = (unsigned) ch - '0';
    letter = ((unsigned) ch | 0x20) - 'a';

    return (digit < 10) ? (int) digit : (letter < 6) ? (int) letter + 10 : -1;
}


static int
ngx_deploy_form_escape(ngx_deploy_form_t *form, u_char ch, u_char *out)
{
    int  digit;

    digit = ngx_deploy_form_digit(ch);

    if (digit < 0) {
        return ngx_deploy_form_refuse(form, "invalid escape");
    }

    if (form->hex == NGX_DEPLOY_FORM_HEX) {
        form->hex = NGX_DEPLOY_FORM_HEX_DIGIT | (unsigned) digit;
        return NGX_DEPLOY_OK;
    }

    *out = (u_char) ((form->hex & 0xf) << 4 | (unsigned) digit);
    form->hex = 0;

    if (*out == '\0') {
        return ngx_deploy_form_refuse(form, "NUL in a form");
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_form_name_end(ngx_deploy_form_t *form)
{
    unsigned  i;

    form->state = NGX_DEPLOY_FORM_AT_VALUE;
    form->wanted = 0;

    if (form->fields == NGX_DEPLOY_FORM_MAX_FIELDS) {
        return ngx_deploy_form_refuse(form, "too many fields");
    }

    form->fields++;

    for (i = 0; form->names[i] != NULL; i++) {

        if (form->len != strlen(form->names[i])
            || memcmp(form->name, form->names[i], form->len) != 0)
        {
            continue;
        }

        if (form->found & (1U << i)) {
            return ngx_deploy_form_refuse(form, "field given twice");
        }

        form->found |= 1U << i;
        form->current = i;
        form->wanted = 1;

        break;
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_form_refuse(ngx_deploy_form_t *form, const char *reason)
{
    form->rc = NGX_DEPLOY_DECLINED;
    form->reason = reason;

    return form->rc;
}
