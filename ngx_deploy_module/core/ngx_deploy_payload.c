
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


static const ngx_deploy_sender_t *const
    ngx_deploy_payload_senders[NGX_DEPLOY_SENDERS] =
{
    &ngx_deploy_body,
    &ngx_deploy_github,
    &ngx_deploy_gitea,
    &ngx_deploy_forgejo,
    &ngx_deploy_gogs,
    &ngx_deploy_bitbucket,
    &ngx_deploy_bitbucket_server,
    &ngx_deploy_gitlab,
    &ngx_deploy_aws,
    &ngx_deploy_slack,
    &ngx_deploy_report
};


static int ngx_deploy_payload_value(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static unsigned ngx_deploy_payload_document(
    const ngx_deploy_payload_t *payload);
static int ngx_deploy_payload_form(void *data, const u_char *p, size_t len);
static int ngx_deploy_payload_scanned(ngx_deploy_payload_t *payload, int rc);


ngx_deploy_senders_t *
ngx_deploy_senders_create(ngx_deploy_pool_t *pool)
{
    size_t                      i;
    ngx_deploy_senders_t       *senders;
    const ngx_deploy_sender_t  *sender;

    senders = ngx_deploy_palloc(pool, sizeof(ngx_deploy_senders_t));
    if (senders == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_DEPLOY_SENDERS; i++) {

        sender = ngx_deploy_payload_senders[i];

        senders->tables[i] = (sender == &ngx_deploy_body)
                             ? ngx_deploy_body_compile(pool, senders)
                             : ngx_deploy_scan_compile(pool, sender->paths);

        if (senders->tables[i] == NULL) {
            return NULL;
        }

        if (sender->more != NULL
            && ngx_deploy_scan_extend(pool, senders->tables[i], sender->more)
               != NGX_DEPLOY_OK)
        {
            return NULL;
        }
    }

    return senders;
}


int
ngx_deploy_payload_create(ngx_deploy_payload_t **out, ngx_deploy_pool_t *pool,
    const ngx_deploy_senders_t *senders, const ngx_deploy_delivery_t *delivery,
    const char **reason)
{
    int                         rc;
    size_t                      i;
    ngx_deploy_payload_t       *payload;
    const ngx_deploy_sender_t  *sender;

    sender = ngx_deploy_sender_told(delivery);

    if (delivery->form && sender->fields == NULL) {
        *reason = "the sender sends no forms";
        return NGX_DEPLOY_DECLINED;
    }

    payload = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_payload_t));
    if (payload == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    payload->pool = pool;
    payload->sender = sender;
    payload->senders = senders;
    payload->seed = delivery->seed;
    payload->is_form = delivery->form;

    rc = (sender == &ngx_deploy_body)
         ? ngx_deploy_body_create(payload, delivery)
         : ngx_deploy_sender_headers(payload, delivery);

    if (rc != NGX_DEPLOY_OK) {
        *reason = payload->reason;
        return rc;
    }

    if (sender->kind) {
        sender->kind(payload);
    }

    if (payload->word.data != NULL
        && !ngx_deploy_sender_word(&payload->word))
    {
        *reason = "the event header is malformed";
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; ngx_deploy_payload_senders[i] != sender; i++) { /* void */ }

    payload->scan = ngx_deploy_scan_create(pool, senders->tables[i],
                                           ngx_deploy_payload_value, payload,
                                           payload->seed);
    if (payload->scan == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (payload->is_form && sender->fields[1] == NULL) {
        ngx_deploy_form_init(&payload->form, sender->fields[0],
                             ngx_deploy_payload_form, payload);

    } else if (payload->is_form) {
        ngx_deploy_form_init_names(&payload->form, sender->fields,
                                   ngx_deploy_payload_form, payload);
    }

    *out = payload;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_payload_feed(ngx_deploy_payload_t *payload, const u_char *p,
    size_t len)
{
    int  rc;

    if (payload->rc != NGX_DEPLOY_OK) {
        return payload->rc;
    }

    if (!payload->is_form) {
        rc = ngx_deploy_scan_feed(payload->scan, p, len);

        return ngx_deploy_payload_scanned(payload, rc);
    }

    rc = ngx_deploy_sender_form_begin(payload, p, len);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_form_feed(&payload->form, p, len);
    }

    if (rc == NGX_DEPLOY_OK) {
        payload->received += len;

    } else if (payload->rc == NGX_DEPLOY_OK) {
        payload->rc = rc;
        payload->reason = payload->form.reason;
    }

    return payload->rc;
}


/* 1 when there is a JSON text, in a field of a form or as the whole */

static unsigned
ngx_deploy_payload_document(const ngx_deploy_payload_t *payload)
{
    return !payload->is_form
           || ((payload->form.found & 1)
               && strcmp(payload->sender->fields[0],
                         NGX_DEPLOY_SENDER_DOCUMENT)
                  == 0);
}


/* a decoded piece of one of the form's fields */

static int
ngx_deploy_payload_form(void *data, const u_char *p, size_t len)
{
    ngx_deploy_payload_t  *payload = data;

    if (payload->form.current != 0 || !ngx_deploy_payload_document(payload)) {
        payload->rc = ngx_deploy_sender_form_value(payload, p, len);

        return payload->rc;
    }

    return ngx_deploy_payload_scanned(payload,
                                ngx_deploy_scan_feed(payload->scan, p, len));
}


static int
ngx_deploy_payload_scanned(ngx_deploy_payload_t *payload, int rc)
{
    if (rc != NGX_DEPLOY_OK) {
        payload->rc = rc;
        payload->reason = ngx_deploy_scan_reason(payload->scan);
    }

    return rc;
}


static int
ngx_deploy_payload_value(ngx_deploy_scan_t *scan, void *data, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    int                    rc;
    ngx_deploy_payload_t  *payload = data;

    if (fact == NGX_DEPLOY_SENDER_ROOT) {

        if (type == NGX_DEPLOY_SCAN_OBJECT
            || type == NGX_DEPLOY_SCAN_OBJECT_END)
        {
            return NGX_DEPLOY_OK;
        }

        rc = ngx_deploy_sender_decline(payload, "the body is not an object");

    } else {
        rc = payload->sender->value(payload, fact, type, value);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        ngx_deploy_scan_set_reason(scan, payload->reason);
    }

    return rc;
}


int
ngx_deploy_payload_end(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t **events, size_t *n)
{
    int  rc;

    if (payload->rc != NGX_DEPLOY_OK) {
        return payload->rc;
    }

    if (payload->is_form) {
        rc = ngx_deploy_form_end(&payload->form);

        if (payload->rc != NGX_DEPLOY_OK) {
            return payload->rc;
        }

        if (rc != NGX_DEPLOY_OK) {
            payload->rc = rc;
            payload->reason = payload->form.reason;
            return rc;
        }

        rc = ngx_deploy_sender_form_end(payload);
        if (rc != NGX_DEPLOY_OK) {
            payload->rc = rc;
            return rc;
        }
    }

    payload->document = ngx_deploy_payload_document(payload);

    if (payload->document) {
        rc = ngx_deploy_payload_scanned(payload,
                                        ngx_deploy_scan_end(payload->scan));
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }
    }

    rc = payload->sender->finish(payload);

    if (rc != NGX_DEPLOY_OK) {
        payload->rc = rc;
        return rc;
    }

    *events = payload->events;
    *n = payload->nevents;

    return NGX_DEPLOY_OK;
}


const char *
ngx_deploy_payload_reason(ngx_deploy_payload_t *payload)
{
    return payload->reason;
}


size_t
ngx_deploy_payload_offset(ngx_deploy_payload_t *payload)
{
    return payload->is_form ? payload->received
                            : ngx_deploy_scan_offset(payload->scan);
}


const ngx_deploy_str_t *
ngx_deploy_payload_provider(ngx_deploy_payload_t *payload)
{
    return &payload->sender->name;
}


const ngx_deploy_str_t *
ngx_deploy_payload_delivery(ngx_deploy_payload_t *payload)
{
    return &payload->delivery;
}
