
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


/*
 * Deliveries that have no header to tell the sender.  One scan looks for the
 * paths of all senders that are possible, each of them keeps what it knows in
 * a payload of its own, a part; at the end the first that finds its kind
 * there makes the events.
 */


static const ngx_deploy_sender_t *const
    ngx_deploy_body_senders[NGX_DEPLOY_BODY_SENDERS] =
{
    &ngx_deploy_azure,
    &ngx_deploy_aws,
    &ngx_deploy_report,
    &ngx_deploy_standard
};


static int ngx_deploy_body_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);
static int ngx_deploy_body_finish(ngx_deploy_payload_t *payload);


const ngx_deploy_sender_t  ngx_deploy_body = {
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    ngx_deploy_null_string,
    { ngx_deploy_null_string, ngx_deploy_null_string },
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    ngx_deploy_body_value,
    ngx_deploy_body_finish,
    NULL
};


ngx_deploy_scan_table_t *
ngx_deploy_body_compile(ngx_deploy_pool_t *pool, ngx_deploy_senders_t *senders)
{
    size_t                         i, k, n, max;
    ngx_deploy_scan_path_t        *paths;
    const ngx_deploy_scan_path_t  *path;

    max = 1;

    for (i = 0; i < NGX_DEPLOY_BODY_SENDERS; i++) {
        path = ngx_deploy_body_senders[i]->paths;

        while (path->path != NULL) {
            path++;
            max++;
        }
    }

    paths = ngx_deploy_pcalloc(pool, max * sizeof(ngx_deploy_scan_path_t));
    if (paths == NULL) {
        return NULL;
    }

    senders->facts = ngx_deploy_pcalloc(pool, max * NGX_DEPLOY_BODY_SENDERS);
    if (senders->facts == NULL) {
        return NULL;
    }

    /* the root is first in every table: fact 1 stays what it is */

    n = 0;

    for (i = 0; i < NGX_DEPLOY_BODY_SENDERS; i++) {
        path = ngx_deploy_body_senders[i]->paths;

        for ( /* void */ ; path->path != NULL; path++) {

            for (k = 0; k < n; k++) {
                if (strcmp(paths[k].path, path->path) == 0) {
                    break;
                }
            }

            if (k == n) {
                paths[n] = *path;
                paths[n].fact = k + 1;
                n++;

            } else if (paths[k].max < path->max) {
                paths[k].max = path->max;
            }

            senders->facts[k + 1][i] = path->fact;
        }
    }

    return ngx_deploy_scan_compile(pool, paths);
}


int
ngx_deploy_body_create(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_t *delivery)
{
    int                    rc;
    size_t                 i;
    ngx_deploy_payload_t  *part;

    payload->parts = ngx_deploy_pcalloc(payload->pool,
                                        NGX_DEPLOY_BODY_SENDERS
                                        * sizeof(ngx_deploy_payload_t));
    if (payload->parts == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < NGX_DEPLOY_BODY_SENDERS; i++) {
        part = &payload->parts[i];

        part->pool = payload->pool;
        part->sender = ngx_deploy_body_senders[i];
        part->senders = payload->senders;
        part->seed = payload->seed;

        rc = ngx_deploy_sender_headers(part, delivery);

        if (rc != NGX_DEPLOY_OK) {
            payload->reason = part->reason;
            return rc;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_body_value(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value)
{
    size_t                 i;
    unsigned               own;
    ngx_deploy_payload_t  *part;

    for (i = 0; i < NGX_DEPLOY_BODY_SENDERS; i++) {
        part = &payload->parts[i];
        own = payload->senders->facts[fact][i];

        if (own == 0 || part->rc != NGX_DEPLOY_OK) {
            continue;
        }

        /* what is wrong for one sender may be right for another */

        part->rc = part->sender->value(part, own, type, value);

        if (part->rc == NGX_DEPLOY_ERROR) {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_body_finish(ngx_deploy_payload_t *payload)
{
    int                    rc;
    size_t                 i;
    ngx_deploy_payload_t  *part;

    for (i = 0; i < NGX_DEPLOY_BODY_SENDERS; i++) {
        part = &payload->parts[i];

        if (!part->sender->claims(part)) {
            continue;
        }

        rc = part->rc ? part->rc : part->sender->finish(part);

        payload->sender = part->sender;
        payload->delivery = part->delivery;
        payload->reason = part->reason;
        payload->events = part->events;
        payload->nevents = part->nevents;

        return rc;
    }

    return ngx_deploy_sender_decline(payload,
                                     "the sender cannot be told from headers "
                                     "or body");
}
