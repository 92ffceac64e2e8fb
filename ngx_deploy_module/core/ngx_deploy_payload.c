
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


#define NGX_DEPLOY_PAYLOAD_MAX_DELIVERY  128


static const ngx_deploy_sender_t *const  ngx_deploy_payload_senders[] = {
    &ngx_deploy_github,
    &ngx_deploy_bitbucket,
    &ngx_deploy_bitbucket_server
};

#define NGX_DEPLOY_PAYLOAD_NSENDERS                                           \
    (sizeof(ngx_deploy_payload_senders) / sizeof(ngx_deploy_payload_senders[0]))


struct ngx_deploy_senders_s {
    ngx_deploy_scan_table_t  *tables[NGX_DEPLOY_PAYLOAD_NSENDERS];
};


static int ngx_deploy_payload_sender(const char *scheme,
    const ngx_deploy_delivery_headers_t *headers);
static const ngx_deploy_sender_t *ngx_deploy_payload_bitbucket(
    const ngx_deploy_delivery_headers_t *headers);
static int ngx_deploy_payload_headers(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_headers_t *headers);
static unsigned ngx_deploy_payload_visible(const ngx_deploy_str_t *id);
static int ngx_deploy_payload_value(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_payload_begin(ngx_deploy_payload_t *payload,
    const u_char *p, size_t len);
static int ngx_deploy_payload_form(void *data, const u_char *p, size_t len);
static int ngx_deploy_payload_scanned(ngx_deploy_payload_t *payload, int rc);


ngx_deploy_senders_t *
ngx_deploy_senders_create(ngx_deploy_pool_t *pool)
{
    size_t                 i;
    ngx_deploy_senders_t  *senders;

    senders = ngx_deploy_palloc(pool, sizeof(ngx_deploy_senders_t));
    if (senders == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_DEPLOY_PAYLOAD_NSENDERS; i++) {

        senders->tables[i] =
            ngx_deploy_scan_compile(pool,
                                    ngx_deploy_payload_senders[i]->paths);
        if (senders->tables[i] == NULL) {
            return NULL;
        }
    }

    return senders;
}


int
ngx_deploy_payload_create(ngx_deploy_payload_t **out, ngx_deploy_pool_t *pool,
    const ngx_deploy_senders_t *senders, const char *scheme,
    const ngx_deploy_delivery_headers_t *headers, unsigned form, uint64_t seed,
    const char **reason)
{
    int                    i, rc;
    ngx_deploy_payload_t  *payload;

    i = ngx_deploy_payload_sender(scheme, headers);

    if (i == -1) {
        *reason = "the sender cannot be told from the headers";
        return NGX_DEPLOY_DECLINED;
    }

    payload = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_payload_t));
    if (payload == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    payload->pool = pool;
    payload->sender = ngx_deploy_payload_senders[i];
    payload->seed = seed;
    payload->is_form = form;

    if (form && !payload->sender->form) {
        *reason = "the sender sends no forms";
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_payload_headers(payload, headers);

    if (rc == NGX_DEPLOY_OK) {
        rc = payload->sender->kind(payload);
    }

    if (rc != NGX_DEPLOY_OK) {
        *reason = payload->reason;
        return rc;
    }

    payload->scan = ngx_deploy_scan_create(pool, senders->tables[i],
                                           ngx_deploy_payload_value, payload,
                                           seed);
    if (payload->scan == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (form) {
        ngx_deploy_form_init(&payload->form, "payload",
                             ngx_deploy_payload_form, payload);
    }

    *out = payload;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_payload_sender(const char *scheme,
    const ngx_deploy_delivery_headers_t *headers)
{
    size_t                      i;
    const ngx_deploy_sender_t  *sender;

    if (scheme != NULL && strcmp(scheme, "github") == 0) {
        sender = &ngx_deploy_github;

    } else if (scheme != NULL && strcmp(scheme, "bitbucket") == 0) {
        sender = ngx_deploy_payload_bitbucket(headers);

    } else if (headers->github_event.data != NULL) {
        sender = &ngx_deploy_github;

    } else if (headers->event_key.data != NULL) {
        sender = ngx_deploy_payload_bitbucket(headers);

    } else {
        return -1;
    }

    for (i = 0; i < NGX_DEPLOY_PAYLOAD_NSENDERS; i++) {
        if (ngx_deploy_payload_senders[i] == sender) {
            return (int) i;
        }
    }

    return -1;
}


/*
 * X-Request-Id comes last as proxies add it to requests of anyone; a key
 * that both have says nothing, but what is taken from its body is the same
 */

static const ngx_deploy_sender_t *
ngx_deploy_payload_bitbucket(const ngx_deploy_delivery_headers_t *headers)
{
    const char *const        *prefix;
    const ngx_deploy_str_t   *key;

    static const char *const  cloud[] = {
        "pullrequest:", "repo:push", "issue:", NULL
    };

    static const char *const  server[] = {
        "pr:", "repo:refs_changed", "repo:comment:", "repo:modified",
        "repo:forked", "diagnostics:", "mirror:", "project:", NULL
    };

    if (headers->hook_uuid.data != NULL || headers->request_uuid.data != NULL)
    {
        return &ngx_deploy_bitbucket;
    }

    key = &headers->event_key;

    for (prefix = cloud; key->data != NULL && *prefix; prefix++) {
        if (ngx_deploy_str_starts(key, *prefix)) {
            return &ngx_deploy_bitbucket;
        }
    }

    for (prefix = server; key->data != NULL && *prefix; prefix++) {
        if (ngx_deploy_str_starts(key, *prefix)) {
            return &ngx_deploy_bitbucket_server;
        }
    }

    /* without a key the body of a server still has its eventKey */

    if (key->data == NULL || headers->request_id.data != NULL) {
        return &ngx_deploy_bitbucket_server;
    }

    return &ngx_deploy_bitbucket;
}


static int
ngx_deploy_payload_headers(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_headers_t *headers)
{
    const ngx_deploy_str_t  *word, *id;

    if (payload->sender == &ngx_deploy_github) {
        word = &headers->github_event;
        id = &headers->github_delivery;

    } else {
        word = &headers->event_key;
        id = (payload->sender == &ngx_deploy_bitbucket)
             ? &headers->request_uuid : &headers->request_id;
    }

    if (word->data != NULL) {

        if (!ngx_deploy_sender_word(word)) {
            return ngx_deploy_sender_decline(payload,
                                             "the event header is malformed");
        }

        if (ngx_deploy_pstrdup(payload->pool, &payload->word, word->data,
                               word->len)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    if (!ngx_deploy_payload_visible(id)) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_pstrdup(payload->pool, &payload->delivery, id->data,
                              id->len);
}


static unsigned
ngx_deploy_payload_visible(const ngx_deploy_str_t *id)
{
    size_t  i;

    if (id->data == NULL || id->len == 0
        || id->len > NGX_DEPLOY_PAYLOAD_MAX_DELIVERY)
    {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        if (id->data[i] <= 0x20 || id->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
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

    rc = ngx_deploy_payload_begin(payload, p, len);

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


/*
 * No signature covers the content type: a delivery in JSON whose commit
 * message holds "&payload=..." must not be taken for a form.
 */

static int
ngx_deploy_payload_begin(ngx_deploy_payload_t *payload, const u_char *p,
    size_t len)
{
    size_t  i, n;

    static const char  begin[] = "payload=";

    n = payload->received;

    for (i = 0; i < len && n < sizeof(begin) - 1; i++, n++) {
        if (p[i] != (u_char) begin[n]) {
            payload->form.reason = "the form does not begin with \"payload=\"";
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


/* a decoded piece of the form's field */

static int
ngx_deploy_payload_form(void *data, const u_char *p, size_t len)
{
    ngx_deploy_payload_t  *payload = data;

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
    }

    rc = ngx_deploy_payload_scanned(payload,
                                    ngx_deploy_scan_end(payload->scan));
    if (rc != NGX_DEPLOY_OK) {
        return rc;
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
