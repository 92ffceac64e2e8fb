
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_form.h"
#include "ngx_deploy_tap.h"


/*
 * A form in pieces gives what it gives at once, and what a plain decoder of
 * whole forms gives; one of several names wanted gives what it gives alone.
 * The first byte of the input is the size of a piece.
 */


typedef struct {
    size_t   len;
    u_char  *data;
} fuzz_value_t;


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


static fuzz_value_t  *fuzz_last;


static int
fuzz_handler(void *data, const u_char *p, size_t len)
{
    fuzz_value_t  *value;

    value = data;

    fuzz_check(len != 0);

    memcpy(value->data + value->len, p, len);
    value->len += len;

    return NGX_DEPLOY_OK;
}


/* the names wanted: of the last one the value */

static const char *const  fuzz_names[] = { "q", "payload", "p", NULL };


static int
fuzz_names_handler(void *data, const u_char *p, size_t len)
{
    ngx_deploy_form_t  *form;

    form = data;

    fuzz_check(form->current < 3);
    fuzz_check(form->found & (1U << form->current));

    return (form->current == 2) ? fuzz_handler(fuzz_last, p, len)
                                : NGX_DEPLOY_OK;
}


static int
fuzz_form(ngx_deploy_form_t *form, fuzz_value_t *value, unsigned names,
    size_t piece, const uint8_t *data, size_t size)
{
    int               rc;
    size_t            n, offset;
    ngx_deploy_str_t  copy;

    value->len = 0;
    value->data = tap_alloc(NULL, size + 1);
    fuzz_check(value->data != NULL);

    if (names) {
        fuzz_last = value;
        ngx_deploy_form_init_names(form, fuzz_names, fuzz_names_handler, form);

    } else {
        ngx_deploy_form_init(form, "p", fuzz_handler, value);
    }

    for (offset = 0; offset < size; offset += n) {
        n = (piece && piece < size - offset) ? piece : size - offset;

        copy = tap_copy(data + offset, n);

        rc = ngx_deploy_form_feed(form, copy.data, n);

        if (rc != NGX_DEPLOY_OK) {
            fuzz_check(ngx_deploy_form_end(form) == rc);
            return rc;
        }
    }

    return ngx_deploy_form_end(form);
}


/* the decoded length of a part of a form, or -1 */

static ssize_t
fuzz_decode(u_char *dst, const u_char *p, const u_char *end)
{
    u_char  *start;

    for (start = dst; p < end; p++, dst++) {

        *dst = (*p == '+') ? ' ' : *p;

        if (*p == '%') {

            if (end - p < 3
                || ngx_deploy_hex_decode(dst, 1, p + 1, 2) != NGX_DEPLOY_OK)
            {
                return -1;
            }

            p += 2;
        }

        if (*dst == '\0') {
            return -1;
        }
    }

    return dst - start;
}


static int
fuzz_plain(fuzz_value_t *value, const u_char *p, size_t size)
{
    u_char        *text;
    ssize_t        n;
    unsigned       fields, found;
    const u_char  *end, *next, *last;

    text = tap_alloc(NULL, size + 1);
    fuzz_check(text != NULL);

    fields = 0;
    found = 0;

    for (end = p + size; p < end; p = next + 1) {

        next = memchr(p, '&', end - p);
        if (next == NULL) {
            next = end;
        }

        if (next == p) {
            continue;
        }

        last = memchr(p, '=', next - p);
        if (last == NULL) {
            last = next;
        }

        n = fuzz_decode(text, p, last);

        if (n < 0 || n > NGX_DEPLOY_FORM_MAX_NAME
            || ++fields > NGX_DEPLOY_FORM_MAX_FIELDS)
        {
            return NGX_DEPLOY_DECLINED;
        }

        if (n == 1 && text[0] == 'p') {

            if (found++) {
                return NGX_DEPLOY_DECLINED;
            }
        }

        n = fuzz_decode(text + 1, last + (last < next), next);

        if (n < 0) {
            return NGX_DEPLOY_DECLINED;
        }

        if (found == 1) {
            value->data = text + 1;
            value->len = n;
            found = 2;
            text = tap_alloc(NULL, size + 1);
            fuzz_check(text != NULL);
        }
    }

    return found ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


static void
fuzz_same(const fuzz_value_t *one, const fuzz_value_t *two)
{
    fuzz_check(one->len == two->len);
    fuzz_check(one->len == 0 || memcmp(one->data, two->data, one->len) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc, again;
    fuzz_value_t       whole, pieces, plain, names;
    ngx_deploy_form_t  form;

    if (size == 0) {
        return 0;
    }

    memset(&plain, 0, sizeof(fuzz_value_t));

    rc = fuzz_form(&form, &whole, 0, 0, data + 1, size - 1);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check((rc == NGX_DEPLOY_OK) == (form.reason == NULL));

    fuzz_check(fuzz_form(&form, &pieces, 0, data[0] + 1, data + 1, size - 1)
               == rc);
    fuzz_check(fuzz_plain(&plain, data + 1, size - 1) == rc);

    if (rc == NGX_DEPLOY_OK) {
        fuzz_same(&whole, &pieces);
        fuzz_same(&whole, &plain);
    }

    again = fuzz_form(&form, &names, 1, 0, data + 1, size - 1);

    fuzz_check(fuzz_form(&form, &pieces, 1, data[0] + 1, data + 1, size - 1)
               == again);

    /* of another name given twice the name alone knows nothing */

    if (again == NGX_DEPLOY_OK) {
        fuzz_same(&names, &pieces);
        fuzz_check((rc == NGX_DEPLOY_OK) == ((form.found & 4) != 0));
    }

    if (again == NGX_DEPLOY_OK && rc == NGX_DEPLOY_OK) {
        fuzz_same(&names, &whole);
    }

    tap_pool_reset();

    return 0;
}
