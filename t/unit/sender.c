
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_deliver.h"


/* which sender it is: by scheme, headers and body */

typedef struct {
    const char            *name;
    const char            *scheme;
    tap_header_t           headers[4];
    const char            *body;
    unsigned               form;
    const char            *want;         /* how it begins, or the reason */
} test_t;


#define PING  "{'zen':'z','hook_id':1}"
#define FORK  "{'repository':{'full_name':'a/b','slug':'d'," \
              "'project':{'key':'c'}}}"

#define UNTOLD  "the sender cannot be told from headers or body"


static const test_t  tests[] = {

    { "no event header", "github", {{ NULL, NULL }}, PING, 0,
      "no X-GitHub-Event header" },

    { "no header", "token", {{ NULL, NULL }}, PING, 0, UNTOLD },

    { "no scheme", NULL, {{ NULL, NULL }}, PING, 0, UNTOLD },

    { "an empty body", "azure", {{ NULL, NULL }}, "{}", 0, UNTOLD },

    { "a form of nobody", "token", {{ NULL, NULL }}, "payload=%7B%7D", 1,
      "neither project nor build_id" },

    { "GitHub's header comes first", "hmac",
      {{ "x-event-key", "repo:fork" }, { "x-github-event", "ping" }},
      PING, 0, "github ping" },

    { "the scheme decides", "bitbucket",
      {{ "x-event-key", "repo:fork" }, { "x-github-event", "ping" }},
      FORK, 0, "bitbucket repo:fork a/b" },

    { "X-Request-Id", "bitbucket",
      {{ "x-event-key", "repo:fork" }, { "x-request-id", "id" }},
      FORK, 0, "bitbucket-server repo:fork c/d" },

    { "X-Hook-UUID", "bitbucket",
      {{ "x-event-key", "repo:fork" }, { "x-request-id", "id" },
       { "x-hook-uuid", "{1}" }},
      FORK, 0, "bitbucket repo:fork a/b" },

    { "the Cloud without a key", "bitbucket",
      {{ "x-hook-uuid", "{1}" }}, FORK, 0, "no X-Event-Key header" },

    { "a form of Bitbucket", "bitbucket",
      {{ "x-event-key", "repo:push" }}, FORK, 1, "the sender sends no forms" },

    { "a doubled header", "github",
      {{ "x-github-event", "ping" }, { "x-github-event", "ping" }}, PING, 0,
      "the event header is doubled" },

    { "a doubled header of another", "github",
      {{ "x-github-event", "ping" }, { "x-event-key", "repo:fork" },
       { "x-event-key", "repo:push" }}, PING, 0, "github ping" },

    { "Standard Webhooks", "hmac", {{ "webhook-id", "msg_1" }},
      "{'timestamp':'t','type':'invoice.paid','data':{'type':1}}", 0,
      "standard invoice.paid merged=-1 created=-1 deleted=-1 forced=-1 "
      "complete=-1\n" },

    { "a type that is none", "hmac", {{ "webhook-id", "msg_1" }},
      "{'type':1}", 0, UNTOLD },

    { NULL, NULL, {{ NULL, NULL }}, NULL, 0, NULL }
};


static void
test_told(void)
{
    size_t              piece;
    const char         *got;
    tap_header_t        headers[4];
    const test_t       *t;
    ngx_deploy_str_t    body;

    for (t = tests; t->name; t++) {
        memcpy(headers, t->headers, sizeof(headers));
        body = unquote(t->body);

        for (piece = body.len; piece; piece = (piece == 1) ? 0 : 1) {

            got = run(t->scheme, headers, body, piece, t->form);

            if (strncmp(got, t->want, strlen(t->want)) == 0) {
                ok(1, "%s", t->name);

            } else {
                is_str(tap_str(got), t->want, "%s", t->name);
            }
        }
    }
}


static void
test_word(void)
{
    ngx_deploy_str_t     ping;
    const char *const   *word;
    static tap_header_t  headers[] = {
        { "x-github-event", NULL },
        { NULL, NULL }
    };

    static const char *const  words[] = {
        "", "Push", "pu sh", "push\n", "p\xc3\xa9",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        NULL
    };

    ping = unquote(PING);

    for (word = words; *word; word++) {
        headers[0].value = *word;

        is_str(tap_str(run("github", headers, ping, 99, 0)),
               "the event header is malformed", "a malformed header");
    }
}


static void
test_delivery(void)
{
    size_t                 n;
    const char            *reason;
    ngx_deploy_str_t       body;
    ngx_deploy_event_t    *events;
    ngx_deploy_payload_t  *payload;

    static tap_header_t  github[] = {
        { "x-github-event", "ping" },
        { "x-github-delivery", "72d3162e-cc78" },
        { NULL, NULL }
    };

    static tap_header_t  standard[] = {
        { "webhook-id", "msg_1" },
        { NULL, NULL }
    };

    is_int(create(&payload, "github", github, 0, &reason), NGX_DEPLOY_OK,
           "a payload");
    is_str(*ngx_deploy_payload_delivery(payload), "72d3162e-cc78",
           "the delivery");
    is_str(*ngx_deploy_payload_provider(payload), "github", "the provider");

    github[1].value = "a b";
    (void) create(&payload, "github", github, 0, &reason);
    is_str(*ngx_deploy_payload_delivery(payload), NULL, "a strange delivery");

    is_int(create(&payload, "hmac", standard, 0, &reason), NGX_DEPLOY_OK,
           "a payload that tells its sender later");
    is_str(*ngx_deploy_payload_delivery(payload), NULL, "no delivery yet");
    is_str(*ngx_deploy_payload_provider(payload), NULL, "no provider yet");

    body = unquote("{'type':'a'}");
    (void) ngx_deploy_payload_feed(payload, body.data, body.len);
    is_int(ngx_deploy_payload_end(payload, &events, &n), NGX_DEPLOY_OK,
           "its end");

    is_str(*ngx_deploy_payload_delivery(payload), "msg_1", "the delivery");
    is_str(*ngx_deploy_payload_provider(payload), "standard", "the provider");
}


/* a body without a header, to the last allocation */

static void
test_memory(void)
{
    long                 i;
    const char          *got;
    ngx_deploy_str_t     body;
    static tap_header_t  headers[] = {
        { "webhook-id", "msg_1" },
        { NULL, NULL }
    };

    body = unquote("{'type':'a'}");

    for (i = 0; i < 100; i++) {
        tap_pool_limit(i);
        got = run("hmac", headers, body, body.len, 0);
        tap_pool_limit(-1);

        if (strcmp(got, "error") != 0) {
            break;
        }
    }

    ok(i > 5 && i < 100 && strncmp(got, "standard a", 10) == 0,
       "every allocation that fails is an error");

    for (i = 0; i < 10000; i++) {
        tap_pool_limit(i);
        senders = ngx_deploy_senders_create(tap_pool());
        tap_pool_limit(-1);

        if (senders != NULL) {
            break;
        }
    }

    ok(i > 100 && i < 10000, "the tables, likewise");
}


int
main(void)
{
    senders = ngx_deploy_senders_create(tap_pool());
    if (senders == NULL) {
        return 1;
    }

    test_told();
    test_word();
    test_delivery();
    test_memory();

    return plan_done();
}
