
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_build.h"
#include "ngx_deploy_sender.h"


/* values of those who report builds */


int64_t
ngx_deploy_sender_seconds(ngx_deploy_payload_t *payload, unsigned fact)
{
    size_t             n;
    u_char            *p, *last;
    ngx_deploy_raw_t  *raw;

    raw = &payload->raw[fact];

    if (raw->type != NGX_DEPLOY_SCAN_INTEGER
        && raw->type != NGX_DEPLOY_SCAN_REAL
        && raw->type != NGX_DEPLOY_SCAN_STRING)
    {
        return -1;
    }

    p = raw->value.data;
    last = p + raw->value.len;

    while (p < last && *p >= '0' && *p <= '9') { p++; }

    n = p - raw->value.data;

    if (n > 10) {
        return -1;
    }

    if (last - p > 1 && *p == '.') {
        for (p++; p < last && *p >= '0' && *p <= '9'; p++) { /* void */ }
    }

    return (p == last) ? ngx_deploy_atoi64(raw->value.data, n) : -1;
}


void
ngx_deploy_sender_lower(ngx_deploy_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] >= 'A' && text->data[i] <= 'Z') {
            text->data[i] |= 0x20;
        }
    }
}


int
ngx_deploy_sender_status(const ngx_deploy_str_t *sent, ngx_deploy_str_t *word)
{
    const char                 *name;
    ngx_deploy_build_status_e   status;

    status = ngx_deploy_build_status_find(sent);

    if (ngx_deploy_str_is_nocase(sent, "client_error")) {
        status = NGX_DEPLOY_BUILD_FAILED;
    }

    /* what is queued is known here alone, nobody reports it */

    if (status < NGX_DEPLOY_BUILD_STARTED) {
        word->len = 0;
        word->data = NULL;

        return NGX_DEPLOY_DECLINED;
    }

    name = ngx_deploy_build_status_name(status);

    word->len = strlen(name);
    word->data = (u_char *) name;

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_sender_build_id(ngx_deploy_str_t *id)
{
    size_t  i;

    static const char  mark[] = ":build/";

    if (!ngx_deploy_str_starts(id, "arn:")) {
        return;
    }

    for (i = sizeof(mark) - 1; i <= id->len; i++) {

        if (memcmp(id->data + i - (sizeof(mark) - 1), mark, sizeof(mark) - 1)
            != 0)
        {
            continue;
        }

        id->data += i;
        id->len -= i;

        if (id->len == 0) {
            id->data = NULL;
        }

        return;
    }
}
