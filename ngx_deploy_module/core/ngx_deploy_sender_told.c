
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sender.h"


#define NGX_DEPLOY_TOLD_MAX_DELIVERY  128


typedef struct {
    const char                  *name;
    const ngx_deploy_sender_t   *sender;
} ngx_deploy_told_t;


static const ngx_deploy_sender_t *ngx_deploy_told_bitbucket(
    const ngx_deploy_delivery_t *delivery);
static unsigned ngx_deploy_told_header(const ngx_deploy_delivery_t *delivery,
    const char *name, ngx_deploy_str_t *value);


/*
 * Schemes of one sender; with all others the headers tell.  The header of an
 * API destination of EventBridge may be that of Azure's scheme.
 */

static const ngx_deploy_told_t  ngx_deploy_told_schemes[] = {
    { "github", &ngx_deploy_github },
    { "gitea", &ngx_deploy_gitea },
    { "forgejo", &ngx_deploy_forgejo },
    { "gogs", &ngx_deploy_gogs },
    { "bitbucket", &ngx_deploy_bitbucket },
    { "gitlab", &ngx_deploy_gitlab },
    { "slack", &ngx_deploy_slack },
    { "sns", &ngx_deploy_aws },
    { "build", &ngx_deploy_report },
    { "azure", &ngx_deploy_body },
    { NULL, NULL }
};


/* in this order: some senders have the headers of others, too */

static const ngx_deploy_told_t  ngx_deploy_told_headers[] = {
    { "x-forgejo-event", &ngx_deploy_forgejo },
    { "x-gitea-event", &ngx_deploy_gitea },
    { "x-gogs-event", &ngx_deploy_gogs },
    { "x-gitlab-event", &ngx_deploy_gitlab },
    { "x-github-event", &ngx_deploy_github },
    { "x-event-key", &ngx_deploy_bitbucket },
    { "x-amz-sns-message-type", &ngx_deploy_aws },
    { "x-slack-signature", &ngx_deploy_slack },
    { NULL, NULL }
};


const ngx_deploy_sender_t *
ngx_deploy_sender_told(const ngx_deploy_delivery_t *delivery)
{
    ngx_deploy_str_t            value;
    const ngx_deploy_told_t    *told;
    const ngx_deploy_sender_t  *sender;

    sender = NULL;

    for (told = ngx_deploy_told_schemes;
         told->name != NULL && delivery->scheme != NULL;
         told++)
    {
        if (strcmp(told->name, delivery->scheme) == 0) {
            sender = told->sender;
            break;
        }
    }

    for (told = ngx_deploy_told_headers;
         told->name != NULL && sender == NULL;
         told++)
    {
        if (ngx_deploy_told_header(delivery, told->name, &value)) {
            sender = told->sender;
        }
    }

    /* the only form that has no header of its sender is a report */

    if (sender == NULL || sender == &ngx_deploy_body) {
        return delivery->form ? &ngx_deploy_report : &ngx_deploy_body;
    }

    if (sender == &ngx_deploy_bitbucket) {
        return ngx_deploy_told_bitbucket(delivery);
    }

    return sender;
}


/*
 * X-Request-Id comes last as proxies add it to requests of anyone; a key
 * that both have says nothing, but what is taken from its body is the same
 */

static const ngx_deploy_sender_t *
ngx_deploy_told_bitbucket(const ngx_deploy_delivery_t *delivery)
{
    unsigned                  keyed;
    ngx_deploy_str_t          key, value;
    const char *const        *prefix;

    static const char *const  cloud[] = {
        "pullrequest:", "repo:push", "issue:", NULL
    };

    static const char *const  server[] = {
        "pr:", "repo:refs_changed", "repo:comment:", "repo:modified",
        "repo:forked", "diagnostics:", "mirror:", "project:", NULL
    };

    if (ngx_deploy_told_header(delivery, "x-hook-uuid", &value)
        || ngx_deploy_told_header(delivery, "x-request-uuid", &value))
    {
        return &ngx_deploy_bitbucket;
    }

    keyed = ngx_deploy_told_header(delivery, "x-event-key", &key);

    for (prefix = cloud; keyed && *prefix; prefix++) {
        if (ngx_deploy_str_starts(&key, *prefix)) {
            return &ngx_deploy_bitbucket;
        }
    }

    for (prefix = server; keyed && *prefix; prefix++) {
        if (ngx_deploy_str_starts(&key, *prefix)) {
            return &ngx_deploy_bitbucket_server;
        }
    }

    /* without a key the body of a server still has its eventKey */

    if (!keyed || ngx_deploy_told_header(delivery, "x-request-id", &value)) {
        return &ngx_deploy_bitbucket_server;
    }

    return &ngx_deploy_bitbucket;
}


static unsigned
ngx_deploy_told_header(const ngx_deploy_delivery_t *delivery,
    const char *name, ngx_deploy_str_t *value)
{
    ngx_deploy_str_t  s;

    s.len = strlen(name);
    s.data = (u_char *) name;

    return delivery->get_header(delivery->data, &s, value);
}


int
ngx_deploy_sender_headers(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_t *delivery)
{
    unsigned                    i, n;
    ngx_deploy_str_t            word, id;
    const ngx_deploy_sender_t  *sender;

    sender = payload->sender;
    n = 0;

    if (sender->event.data != NULL) {
        n = delivery->get_header(delivery->data, &sender->event, &word);
    }

    if (n == 0 && sender->eventless) {
        return ngx_deploy_sender_decline(payload, sender->eventless);
    }

    if (n > 1) {
        return ngx_deploy_sender_decline(payload,
                                         "the event header is doubled");
    }

    /* some kinds have no name there, and none at all in older releases */

    if (n == 1 && word.len == 0 && sender->event_type.data != NULL) {
        n = delivery->get_header(delivery->data, &sender->event_type, &word)
            && word.len;
    }

    if (n) {

        if (word.len > NGX_DEPLOY_SENDER_MAX_WORD) {
            return ngx_deploy_sender_decline(payload,
                                             "the event header is malformed");
        }

        if (ngx_deploy_pstrdup(payload->pool, &payload->word, word.data,
                               word.len)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    for (i = 0; i < 3 && sender->ids[i].data != NULL; i++) {

        if (delivery->get_header(delivery->data, &sender->ids[i], &id)) {
            return ngx_deploy_sender_delivery(payload, &id);
        }
    }

    return NGX_DEPLOY_OK;
}


int
ngx_deploy_sender_delivery(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *id)
{
    size_t  i;

    if (id->len == 0 || id->len > NGX_DEPLOY_TOLD_MAX_DELIVERY) {
        return NGX_DEPLOY_OK;
    }

    for (i = 0; i < id->len; i++) {
        if (id->data[i] <= 0x20 || id->data[i] >= 0x7f) {
            return NGX_DEPLOY_OK;
        }
    }

    return ngx_deploy_pstrdup(payload->pool, &payload->delivery, id->data,
                              id->len);
}
