
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_DELIVER_H_INCLUDED_
#define _NGX_DEPLOY_DELIVER_H_INCLUDED_


#include "ngx_deploy_payload.h"
#include "ngx_deploy_tap.h"


/*
 * What the tests of senders share.  main() sets senders; run() gives the
 * events of a delivery as a text, or the reason why there are none.  With
 * all_facts set the text has what few senders tell, too.
 */


static ngx_deploy_senders_t  *senders;
static unsigned               all_facts;


static tap_unused ngx_deploy_str_t
unquote(const char *text)
{
    size_t            i;
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == '\'') {
            s.data[i] = '"';
        }
    }

    return s;
}


static tap_unused char *
print_str(char *p, const char *prefix, const ngx_deploy_str_t *s)
{
    if (s->data == NULL) {
        return p;
    }

    return p + sprintf(p, "%s%.*s ", prefix, (int) s->len, s->data);
}


static tap_unused char *
print_event(char *p, const ngx_deploy_event_t *event)
{
    size_t                   i;
    const ngx_deploy_str_t  *f;

    f = event->facts;

    p = print_str(p, "", &f[NGX_DEPLOY_PROVIDER]);
    p = print_str(p, "", &f[NGX_DEPLOY_EVENT]);
    p = print_str(p, "", &f[NGX_DEPLOY_ACTION]);
    p = print_str(p, "", &f[NGX_DEPLOY_REPO]);
    p = print_str(p, "branch=", &f[NGX_DEPLOY_BRANCH]);
    p = print_str(p, "source=", &f[NGX_DEPLOY_SOURCE_BRANCH]);
    p = print_str(p, "tag=", &f[NGX_DEPLOY_TAG]);
    p = print_str(p, "commit=", &f[NGX_DEPLOY_COMMIT]);
    p = print_str(p, "by ", &f[NGX_DEPLOY_SENDER]);
    p = print_str(p, "number=", &f[NGX_DEPLOY_NUMBER]);
    p = print_str(p, "title=", &f[NGX_DEPLOY_TITLE]);
    p = print_str(p, "url=", &f[NGX_DEPLOY_URL]);

    for (i = NGX_DEPLOY_MESSAGE; all_facts && i < NGX_DEPLOY_FACTS; i++) {
        p += sprintf(p, f[i].data ? "%s=" : "",
                     ngx_deploy_fact_name(i)->data);
        p = print_str(p, "", &f[i]);
    }

    if (all_facts) {
        p = print_str(p, "log=", &event->log);
    }

    if (event->of_phase) {
        p += sprintf(p, "of_phase ");
    }

    if (event->duration != -1) {
        p += sprintf(p, "seconds=%d ", (int) event->duration);
    }

    p += sprintf(p, "merged=%d created=%d deleted=%d forced=%d ",
                 event->merged, event->created, event->deleted,
                 event->forced);

    for (i = 0; i < event->npaths; i++) {
        p = print_str(p, "", &event->paths[i]);
    }

    return p + sprintf(p, "complete=%d\n", event->paths_complete);
}


static tap_unused int
create(ngx_deploy_payload_t **payload, const char *scheme,
    tap_header_t *headers, unsigned form, const char **reason)
{
    ngx_deploy_delivery_t  delivery;

    delivery.scheme = scheme;
    delivery.get_header = tap_get_header;
    delivery.data = headers;
    delivery.form = form;
    delivery.seed = 1;

    return ngx_deploy_payload_create(payload, tap_pool(), senders, &delivery,
                                     reason);
}


static tap_unused const char *
run(const char *scheme, tap_header_t *headers, ngx_deploy_str_t body,
    size_t piece, unsigned form)
{
    int                    rc;
    char                  *p;
    size_t                 i, n, len;
    const char            *reason;
    static char            text[262144];
    ngx_deploy_str_t       part;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    rc = create(&payload, scheme, headers, form, &reason);

    if (rc == NGX_DEPLOY_DECLINED) {
        return reason;
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return "error";
    }

    for (i = 0; i < body.len && rc == NGX_DEPLOY_OK; i += len) {
        len = (piece < body.len - i) ? piece : body.len - i;

        part = tap_copy(body.data + i, len);
        rc = ngx_deploy_payload_feed(payload, part.data, len);
    }

    rc = ngx_deploy_payload_end(payload, &events, &n);

    if (rc == NGX_DEPLOY_DECLINED) {
        return ngx_deploy_payload_reason(payload);
    }

    if (rc == NGX_DEPLOY_ERROR) {
        return "error";
    }

    p = text;
    *p = '\0';

    for (i = 0; i < n; i++) {
        p = print_event(p, &events[i]);
    }

    return text;
}


#endif /* _NGX_DEPLOY_DELIVER_H_INCLUDED_ */
