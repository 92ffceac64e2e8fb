
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_event.h"
#include "ngx_deploy_json.h"

#include <stdio.h>


#define NGX_DEPLOY_EVENT_MAX_LOAD  1048576     /* bytes of the array */


static int ngx_deploy_event_load_number(ngx_deploy_event_t *event,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json);


int
ngx_deploy_event_load(ngx_deploy_event_t *event, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *events, size_t index)
{
    int                 i, rc;
    const char         *reason, *name;
    ngx_deploy_str_t    value;
    ngx_deploy_json_t  *array, *json;

    ngx_deploy_event_init(event);

    array = ngx_deploy_json_parse(events->data, events->len,
                                  NGX_DEPLOY_EVENT_MAX_LOAD, &reason);
    json = ngx_deploy_json_at(array, index);

    if (json == NULL) {
        ngx_deploy_json_free(array);
        return NGX_DEPLOY_DECLINED;
    }

    rc = NGX_DEPLOY_OK;

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        name = (const char *) ngx_deploy_fact_name(i)->data;
        value = ngx_deploy_json_get_str(json, name);

        if (value.data) {
            rc |= ngx_deploy_pstrdup(pool, &event->facts[i], value.data,
                                     value.len);
        }
    }

    rc |= ngx_deploy_event_load_number(event, pool, json);

    event->merged = ngx_deploy_json_get_bool(json, "merged", -1);
    event->created = ngx_deploy_json_get_bool(json, "created", -1);
    event->deleted = ngx_deploy_json_get_bool(json, "deleted", -1);
    event->forced = ngx_deploy_json_get_bool(json, "forced", -1);

    /* they are not read, so they are not all known */

    if (ngx_deploy_json_get(json, "paths_complete")) {
        event->paths_complete = 0;
    }

    ngx_deploy_json_free(array);

    return rc == NGX_DEPLOY_OK ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static int
ngx_deploy_event_load_number(ngx_deploy_event_t *event,
    ngx_deploy_pool_t *pool, ngx_deploy_json_t *json)
{
    int      len;
    char     buf[32];
    int64_t  number;

    number = ngx_deploy_json_get_int(json, "number", -1);

    if (number < 0) {
        return NGX_DEPLOY_OK;
    }

    len = snprintf(buf, sizeof(buf), "%lld", (long long) number);

    return ngx_deploy_pstrdup(pool, &event->facts[NGX_DEPLOY_NUMBER],
                              (u_char *) buf, len);
}
