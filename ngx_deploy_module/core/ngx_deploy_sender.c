
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <stdlib.h>

#include "ngx_deploy_sender.h"


#define NGX_DEPLOY_SENDER_PROBES  128


static uint64_t ngx_deploy_sender_path_hash(uint64_t seed,
    const ngx_deploy_str_t *path);
static int ngx_deploy_sender_path_grow(ngx_deploy_payload_t *payload);
static uint32_t *ngx_deploy_sender_path_slot(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *path);
static int ngx_deploy_sender_path_cmp(const void *one, const void *two);


int
ngx_deploy_sender_decline(ngx_deploy_payload_t *payload, const char *reason)
{
    payload->reason = reason;

    return NGX_DEPLOY_DECLINED;
}


unsigned
ngx_deploy_sender_word(const ngx_deploy_str_t *word)
{
    u_char  c;
    size_t  i;

    if (word->len == 0 || word->len > NGX_DEPLOY_SENDER_MAX_WORD) {
        return 0;
    }

    for (i = 0; i < word->len; i++) {
        c = word->data[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && c != '_' && c != ':' && c != '.' && c != '-')
        {
            return 0;
        }
    }

    return 1;
}


int
ngx_deploy_sender_keep(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    ngx_deploy_raw_t  *raw;

    raw = &payload->raw[fact];

    if (raw->type
        || type == NGX_DEPLOY_SCAN_OBJECT_END
        || type == NGX_DEPLOY_SCAN_ARRAY_END)
    {
        return NGX_DEPLOY_OK;
    }

    raw->type = type;

    if (value == NULL) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_pstrdup(payload->pool, &raw->value, value->data,
                              value->len);
}


void
ngx_deploy_sender_clear(ngx_deploy_payload_t *payload, unsigned first,
    unsigned last)
{
    memset(&payload->raw[first], 0,
           (last - first + 1) * sizeof(ngx_deploy_raw_t));
}


unsigned
ngx_deploy_sender_has(ngx_deploy_payload_t *payload, unsigned fact)
{
    unsigned  type;

    type = payload->raw[fact].type;

    return type != 0 && type != NGX_DEPLOY_SCAN_NULL;
}


unsigned
ngx_deploy_sender_object(ngx_deploy_payload_t *payload, unsigned fact)
{
    return payload->raw[fact].type == NGX_DEPLOY_SCAN_OBJECT;
}


int
ngx_deploy_sender_string(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *s, const char *mistyped, const char *oversized)
{
    ngx_deploy_raw_t  *raw;

    s->len = 0;
    s->data = NULL;

    if (!ngx_deploy_sender_has(payload, fact)) {
        return NGX_DEPLOY_OK;
    }

    raw = &payload->raw[fact];

    if (raw->type != NGX_DEPLOY_SCAN_STRING) {
        return ngx_deploy_sender_decline(payload, mistyped);
    }

    if (raw->value.len > NGX_DEPLOY_PAYLOAD_MAX_NAME) {
        return ngx_deploy_sender_decline(payload, oversized);
    }

    if (raw->value.len) {
        *s = raw->value;
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sender_commit(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *s, const char *mistyped, const char *oversized)
{
    int  rc;

    rc = ngx_deploy_sender_string(payload, fact, s, mistyped, oversized);

    if (rc == NGX_DEPLOY_OK && ngx_deploy_sender_zero(s)) {
        s->len = 0;
        s->data = NULL;
    }

    return rc;
}


ngx_deploy_str_t
ngx_deploy_sender_text(ngx_deploy_payload_t *payload, unsigned fact)
{
    ngx_deploy_raw_t  *raw;
    ngx_deploy_str_t   s = ngx_deploy_null_string;

    raw = &payload->raw[fact];

    if (raw->type == NGX_DEPLOY_SCAN_STRING && raw->value.len) {
        s = raw->value;
    }

    return s;
}


ngx_deploy_str_t
ngx_deploy_sender_number(ngx_deploy_payload_t *payload, unsigned fact)
{
    ngx_deploy_raw_t  *raw;
    ngx_deploy_str_t   s = ngx_deploy_null_string;

    raw = &payload->raw[fact];

    if (raw->type == NGX_DEPLOY_SCAN_INTEGER
        && ngx_deploy_atoi64(raw->value.data, raw->value.len) >= 0)
    {
        s = raw->value;
    }

    return s;
}


int
ngx_deploy_sender_flag(ngx_deploy_payload_t *payload, unsigned fact)
{
    switch (payload->raw[fact].type) {

    case NGX_DEPLOY_SCAN_TRUE:
        return 1;

    case NGX_DEPLOY_SCAN_FALSE:
        return 0;

    default:
        return -1;
    }
}


unsigned
ngx_deploy_sender_zero(const ngx_deploy_str_t *hash)
{
    size_t  i;

    if (hash->len != 40 && hash->len != 64) {
        return 0;
    }

    for (i = 0; i < hash->len; i++) {
        if (hash->data[i] != '0') {
            return 0;
        }
    }

    return 1;
}


ngx_deploy_str_t
ngx_deploy_sender_line(const ngx_deploy_str_t *text)
{
    u_char            *lf;
    ngx_deploy_str_t   s = ngx_deploy_null_string;

    if (text->len == 0) {
        return s;
    }

    s = *text;

    lf = memchr(s.data, '\n', s.len);
    if (lf != NULL) {
        s.len = lf - s.data;
    }

    if (s.len && s.data[s.len - 1] == '\r') {
        s.len--;
    }

    if (s.len == 0) {
        s.data = NULL;
    }

    return s;
}


void
ngx_deploy_sender_ref(ngx_deploy_event_t *event, const ngx_deploy_str_t *ref)
{
    size_t             prefix;
    ngx_deploy_str_t  *fact;

    if (ngx_deploy_str_starts(ref, "refs/heads/")) {
        prefix = sizeof("refs/heads/") - 1;
        fact = &event->facts[NGX_DEPLOY_BRANCH];

    } else if (ngx_deploy_str_starts(ref, "refs/tags/")) {
        prefix = sizeof("refs/tags/") - 1;
        fact = &event->facts[NGX_DEPLOY_TAG];

    } else {
        return;
    }

    if (ref->len > prefix) {
        fact->data = ref->data + prefix;
        fact->len = ref->len - prefix;
    }
}


int
ngx_deploy_sender_join(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *a, const ngx_deploy_str_t *b, ngx_deploy_str_t *s)
{
    s->len = 0;
    s->data = NULL;

    if (a->len == 0 || b->len == 0) {
        return NGX_DEPLOY_OK;
    }

    s->data = ngx_deploy_palloc(payload->pool, a->len + 1 + b->len);
    if (s->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    s->len = a->len + 1 + b->len;

    memcpy(s->data, a->data, a->len);
    s->data[a->len] = '/';
    memcpy(s->data + a->len + 1, b->data, b->len);

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sender_event(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t **event)
{
    size_t               n;
    ngx_deploy_event_t  *events;

    if (payload->nevents == NGX_DEPLOY_PAYLOAD_MAX_EVENTS) {
        return ngx_deploy_sender_decline(payload, "too many refs");
    }

    if (payload->nevents == payload->nalloc) {
        n = payload->nalloc ? payload->nalloc * 2 : 1;

        events = ngx_deploy_palloc(payload->pool,
                                   n * sizeof(ngx_deploy_event_t));
        if (events == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        if (payload->nevents) {
            memcpy(events, payload->events,
                   payload->nevents * sizeof(ngx_deploy_event_t));
        }

        payload->events = events;
        payload->nalloc = n;
    }

    *event = &payload->events[payload->nevents++];

    ngx_deploy_event_init(*event);
    (*event)->facts[NGX_DEPLOY_PROVIDER] = payload->sender->name;

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sender_path(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *path)
{
    uint32_t               *slot;
    ngx_deploy_path_set_t  *set;

    set = &payload->set;

    if (path->len == 0 || path->len > NGX_DEPLOY_PAYLOAD_MAX_NAME) {
        set->truncated = 1;
        return NGX_DEPLOY_OK;
    }

    if (set->n == set->nalloc
        && set->n < NGX_DEPLOY_PAYLOAD_MAX_PATHS
        && ngx_deploy_sender_path_grow(payload) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    slot = ngx_deploy_sender_path_slot(payload, path);

    if (slot == NULL) {
        set->truncated = 1;
        return NGX_DEPLOY_OK;
    }

    if (*slot) {
        return NGX_DEPLOY_OK;
    }

    if (set->n == NGX_DEPLOY_PAYLOAD_MAX_PATHS
        || path->len > NGX_DEPLOY_PAYLOAD_PATHS_SIZE - set->size)
    {
        set->truncated = 1;
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_pstrdup(payload->pool, &set->elts[set->n], path->data,
                           path->len)
        != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    *slot = (uint32_t) ++set->n;
    set->size += path->len;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_sender_path_grow(ngx_deploy_payload_t *payload)
{
    size_t                  i, n, old;
    uint32_t               *slot;
    ngx_deploy_str_t       *elts;
    ngx_deploy_path_set_t  *set;

    set = &payload->set;

    n = set->nalloc ? set->nalloc * 2 : 16;

    elts = ngx_deploy_palloc(payload->pool, n * sizeof(ngx_deploy_str_t));
    if (elts == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    set->slots = ngx_deploy_pcalloc(payload->pool, n * 2 * sizeof(uint32_t));
    if (set->slots == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    old = set->n;

    if (old) {
        memcpy(elts, set->elts, old * sizeof(ngx_deploy_str_t));
    }

    set->elts = elts;
    set->nalloc = n;
    set->nslots = n * 2;

    for (i = 0, set->n = 0; i < old; i++) {

        slot = ngx_deploy_sender_path_slot(payload, &elts[i]);

        if (slot == NULL) {
            set->truncated = 1;
            continue;
        }

        elts[set->n] = elts[i];
        *slot = (uint32_t) ++set->n;
    }

    return NGX_DEPLOY_OK;
}


/*
 * The slot of a path or an empty one for it.  The number of probes is
 * bounded, so that paths made to collide cost no time; what finds no place
 * makes the set incomplete.
 */

static uint32_t *
ngx_deploy_sender_path_slot(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *path)
{
    size_t                  i, k;
    uint64_t                hash;
    ngx_deploy_path_set_t  *set;

    set = &payload->set;

    hash = ngx_deploy_sender_path_hash(payload->seed, path);

    for (i = 0; i < NGX_DEPLOY_SENDER_PROBES; i++) {

        k = (hash + i * (i + 1) / 2) & (set->nslots - 1);

        if (set->slots[k] == 0
            || ngx_deploy_str_eq(&set->elts[set->slots[k] - 1], path))
        {
            return &set->slots[k];
        }
    }

    return NULL;
}


static uint64_t
ngx_deploy_sender_path_hash(uint64_t seed, const ngx_deploy_str_t *path)
{
    size_t    i;
    uint64_t  hash;

    hash = seed ^ 0xcbf29ce484222325ULL;

    for (i = 0; i < path->len; i++) {
        hash = (hash ^ path->data[i]) * 0x100000001b3ULL;
    }

    return hash ^ (hash >> 32);
}


void
ngx_deploy_sender_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event)
{
    ngx_deploy_path_set_t  *set;

    set = &payload->set;

    if (set->n > 1) {
        qsort(set->elts, set->n, sizeof(ngx_deploy_str_t),
              ngx_deploy_sender_path_cmp);
    }

    event->paths = set->n ? set->elts : NULL;
    event->npaths = set->n;
}


static int
ngx_deploy_sender_path_cmp(const void *one, const void *two)
{
    int                      rc;
    size_t                   len;
    const ngx_deploy_str_t  *a, *b;

    a = one;
    b = two;

    len = a->len < b->len ? a->len : b->len;

    rc = memcmp(a->data, b->data, len);

    if (rc) {
        return rc;
    }

    return (a->len > b->len) - (a->len < b->len);
}
