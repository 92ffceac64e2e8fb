
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/*
 * Deliveries that are forms: the JSON text of the document goes to the scan,
 * all other values are kept as if they were strings of JSON
 */

#define NGX_DEPLOY_SENDER_FIELD_MIN  64      /* bytes allocated at first */


static size_t ngx_deploy_sender_field_size(size_t len);
static int ngx_deploy_sender_field(ngx_deploy_payload_t *payload,
    ngx_deploy_raw_t *raw, const u_char *p, size_t len);


const char *const  ngx_deploy_sender_document[] = {
    NGX_DEPLOY_SENDER_DOCUMENT, NULL
};


/*
 * No signature covers the content type: a delivery in JSON whose commit
 * message holds "&payload=..." must not be taken for a form.
 */

int
ngx_deploy_sender_form_begin(ngx_deploy_payload_t *payload, const u_char *p,
    size_t len)
{
    size_t  i, n;

    static const char  begin[] = NGX_DEPLOY_SENDER_DOCUMENT "=";

    n = payload->received;

    if (payload->sender->fields[1] != NULL) {

        if (n == 0 && len && (p[0] < 'a' || p[0] > 'z')) {
            payload->form.reason = "the form does not begin with a name";
            return NGX_DEPLOY_DECLINED;
        }

        return NGX_DEPLOY_OK;
    }

    for (i = 0; i < len && n < sizeof(begin) - 1; i++, n++) {
        if (p[i] != (u_char) begin[n]) {
            payload->form.reason = "the form does not begin with \"payload=\"";
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sender_form_value(ngx_deploy_payload_t *payload, const u_char *p,
    size_t len)
{
    unsigned           field;
    ngx_deploy_raw_t  *raw;

    field = payload->form.current;
    raw = &payload->raw[NGX_DEPLOY_SENDER_ROOT + 1 + field];

    if (raw->value.len > NGX_DEPLOY_PAYLOAD_MAX_TEXT) {

        /* it is cut at the end */

        return NGX_DEPLOY_OK;
    }

    if (len > NGX_DEPLOY_PAYLOAD_MAX_TEXT + 1 - raw->value.len) {
        len = NGX_DEPLOY_PAYLOAD_MAX_TEXT + 1 - raw->value.len;
    }

    return ngx_deploy_sender_field(payload, raw, p, len);
}


/* the room that is allocated for len bytes */

static size_t
ngx_deploy_sender_field_size(size_t len)
{
    size_t  size;

    if (len == 0) {
        return 0;
    }

    for (size = NGX_DEPLOY_SENDER_FIELD_MIN; size < len; size *= 2) {
        /* void */
    }

    return size;
}


static int
ngx_deploy_sender_field(ngx_deploy_payload_t *payload, ngx_deploy_raw_t *raw,
    const u_char *p, size_t len)
{
    size_t   size;
    u_char  *data;

    size = ngx_deploy_sender_field_size(raw->value.len + len);

    if (size != ngx_deploy_sender_field_size(raw->value.len)) {

        data = ngx_deploy_palloc(payload->pool, size);
        if (data == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        if (raw->value.len) {
            memcpy(data, raw->value.data, raw->value.len);
        }

        raw->value.data = data;
    }

    memcpy(raw->value.data + raw->value.len, p, len);

    raw->value.len += len;
    raw->type = NGX_DEPLOY_SCAN_STRING;

    return NGX_DEPLOY_OK;
}


/* what a scan would have made of the values */

int
ngx_deploy_sender_form_end(ngx_deploy_payload_t *payload)
{
    unsigned           i;
    ngx_deploy_str_t  *value;

    for (i = 0; payload->sender->fields[i] != NULL; i++) {

        value = &payload->raw[NGX_DEPLOY_SENDER_ROOT + 1 + i].value;

        if (value->len > NGX_DEPLOY_PAYLOAD_MAX_TEXT) {
            value->len = ngx_deploy_utf8_cut(value->data, value->len,
                                             NGX_DEPLOY_PAYLOAD_MAX_TEXT);
        }

        if (value->len && !ngx_deploy_utf8_valid(value->data, value->len)) {
            return ngx_deploy_sender_decline(payload,
                                             "a field is not in UTF-8");
        }
    }

    return NGX_DEPLOY_OK;
}
