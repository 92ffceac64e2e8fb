
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_command.h"
#include "ngx_deploy_payload.h"
#include "ngx_deploy_slack.h"
#include "ngx_deploy_tap.h"


/*
 * Deliveries of all senders.  The first byte chooses the event header, its
 * upper bits a form and a lack of memory, the second one how the body is cut.
 * Whatever the pieces, the events are the same, and no more is on= than the
 * event says.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }

#define FUZZ_FORM    0x40
#define FUZZ_MEMORY  0x80


typedef struct {
    const char            *scheme;
    const char            *header;
    const char            *event;        /* its value */
    const char            *id;           /* of Bitbucket */
} fuzz_sender_t;


/* the corpus counts on the order */

static const fuzz_sender_t  fuzz_senders[] = {
    { "github", "x-github-event", "push", NULL },
    { "github", "x-github-event", "pull_request", NULL },
    { "github", "x-github-event", "create", NULL },
    { "github", "x-github-event", "delete", NULL },
    { "github", "x-github-event", "release", NULL },
    { "github", "x-github-event", "ping", NULL },
    { "github", "x-github-event", "deployment", NULL },
    { "github", "x-github-event", "deployment_status", NULL },
    { "github", "x-github-event", "check_run", NULL },
    { "github", "x-github-event", "workflow_run", NULL },
    { "github", "x-github-event", "merge_group", NULL },
    { "github", "x-github-event", "pull_request_review", NULL },
    { "github", "x-github-event", "star", NULL },
    { "token", "x-github-event", "push", NULL },
    { "bitbucket", "x-event-key", "repo:push", NULL },
    { "bitbucket", "x-event-key", "pullrequest:created", NULL },
    { "bitbucket", "x-event-key", "pullrequest:fulfilled", NULL },
    { "bitbucket", "x-event-key", "pullrequest:comment_created", NULL },
    { "bitbucket", "x-event-key", "repo:fork", "{1}" },
    { "bitbucket", "x-event-key", "repo:refs_changed", NULL },
    { "bitbucket", "x-event-key", "pr:opened", NULL },
    { "bitbucket", "x-event-key", "pr:merged", NULL },
    { "bitbucket", "x-event-key", "pr:comment:added", NULL },
    { "bitbucket", "x-event-key", "diagnostics:ping", NULL },
    { "bitbucket", "x-event-key", "mirror:repo_synchronized", NULL },
    { "bitbucket", NULL, NULL, NULL },
    { NULL, "x-event-key", "repo:push", NULL },
    { "hmac", NULL, NULL, NULL },
    { "gitea", "x-gitea-event", "push", NULL },
    { "gitea", "x-gitea-event", "pull_request", NULL },
    { "gitea", "x-gitea-event", "create", NULL },
    { "gitea", "x-gitea-event", "delete", NULL },
    { "gitea", "x-gitea-event", "release", NULL },
    { "gitea", "x-gitea-event", "", NULL },
    { "gitea", "x-gitea-event", "pull_request_approved", NULL },
    { "forgejo", "x-forgejo-event", "push", NULL },
    { "hmac", "x-forgejo-event", "pull_request", NULL },
    { "gogs", "x-gogs-event", "push", NULL },
    { "gogs", "x-gogs-event", "pull_request", NULL },
    { "gogs", "x-gogs-event", "create", NULL },
    { "gogs", "x-gogs-event", "issues", NULL },
    { "azure", NULL, NULL, NULL },
    { "gitlab", "x-gitlab-event", "Push Hook", NULL },
    { "gitlab", "x-gitlab-event", "Tag Push Hook", NULL },
    { "gitlab", "x-gitlab-event", "Merge Request Hook", NULL },
    { "gitlab", "x-gitlab-event", "Release Hook", NULL },
    { "gitlab", "x-gitlab-event", "Deployment Hook", NULL },
    { "gitlab", "x-gitlab-event", "Pipeline Hook", NULL },
    { "gitlab", "x-gitlab-event", "Job Hook", NULL },
    { "gitlab", "x-gitlab-event", "System Hook", NULL },
    { "token", "x-gitlab-event", "Note Hook", NULL },
    { "sns", "x-amz-sns-message-type", "Notification", NULL },
    { "sns", NULL, NULL, NULL },
    { "token", "x-amz-sns-message-type", "SubscriptionConfirmation", NULL },
    { "slack", NULL, NULL, NULL },
    { "build", NULL, NULL, NULL }
};

#define FUZZ_SENDERS  (sizeof(fuzz_senders) / sizeof(fuzz_senders[0]))


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* for the tables, which outlive one input */

static void *
fuzz_alloc(void *data, size_t size)
{
    void         **block;
    static void   *blocks;

    (void) data;

    block = malloc(sizeof(void *) * 2 + size);
    if (block == NULL) {
        return NULL;
    }

    block[0] = blocks;
    blocks = block;

    return block + 2;
}


static void
fuzz_event(const ngx_deploy_event_t *event)
{
    size_t                   i, min;
    unsigned                 on;
    const ngx_deploy_str_t  *a, *b;

    on = ngx_deploy_event_on(event);

    fuzz_check(on & NGX_DEPLOY_ON_ANY);
    fuzz_check(event->facts[NGX_DEPLOY_PROVIDER].len);

    /* some kinds of Gitea have no name */

    fuzz_check(event->facts[NGX_DEPLOY_EVENT].len
               || ngx_deploy_str_is(&event->facts[NGX_DEPLOY_PROVIDER],
                                    "gitea"));

    if (on & NGX_DEPLOY_ON_MERGE) {
        fuzz_check(event->merged == 1);
    }

    if (on & (NGX_DEPLOY_ON_PUSH | NGX_DEPLOY_ON_TAG)) {
        fuzz_check(event->deleted != 1);
        fuzz_check(event->facts[NGX_DEPLOY_BRANCH].len
                   || event->facts[NGX_DEPLOY_TAG].len);
    }

    if (on & NGX_DEPLOY_ON_COMMAND) {
        fuzz_check(event->facts[NGX_DEPLOY_COMMAND].len);
        fuzz_check(event->facts[NGX_DEPLOY_USER].len);
    }

    if (on & NGX_DEPLOY_ON_BUILD) {
        fuzz_check(event->facts[NGX_DEPLOY_PROJECT].len);
        fuzz_check(event->facts[NGX_DEPLOY_BUILD_ID].len);
    }

    if (event->of_phase) {
        fuzz_check(event->facts[NGX_DEPLOY_PHASE].len);
    }

    fuzz_check(event->duration >= -1);

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        a = &event->facts[i];

        fuzz_check((a->data == NULL) == (a->len == 0));
        fuzz_check(a->data == NULL
                   || ngx_deploy_utf8_valid(a->data, a->len));
    }

    fuzz_check(event->npaths <= NGX_DEPLOY_PAYLOAD_MAX_PATHS);

    for (i = 1; i < event->npaths; i++) {
        a = &event->paths[i - 1];
        b = &event->paths[i];
        min = a->len < b->len ? a->len : b->len;

        fuzz_check(memcmp(a->data, b->data, min) < 0
                   || (memcmp(a->data, b->data, min) == 0
                       && a->len < b->len));
    }
}


/* what an answer to Slack needs, which strangers can press buttons for */

static void
fuzz_slack(ngx_deploy_payload_t *payload)
{
    size_t                       i;
    const char                  *reason;
    ngx_deploy_str_t             project, *s[4];
    ngx_deploy_slack_request_t   slack;

    if (ngx_deploy_payload_slack(payload, &slack) != NGX_DEPLOY_OK) {
        return;
    }

    s[0] = &slack.response_url;
    s[1] = &slack.trigger_id;
    s[2] = &slack.action_id;
    s[3] = &slack.value;

    for (i = 0; i < 4; i++) {
        fuzz_check(ngx_deploy_utf8_valid(s[i]->data, s[i]->len));
    }

    if (ngx_deploy_command_build(&slack.value, &project) == NGX_DEPLOY_OK) {
        fuzz_check(project.len && project.len + 1 < slack.value.len);
    }

    if (ngx_deploy_slack_response_url(&slack.response_url, &reason)
        == NGX_DEPLOY_OK)
    {
        fuzz_check(ngx_deploy_str_starts(&slack.response_url,
                                         "https://hooks.slack"));
    }
}


/* the events as a text, absent when the payload was refused */

static int
fuzz_run(const fuzz_sender_t *sender, unsigned form, size_t piece,
    ngx_deploy_senders_t *senders, const uint8_t *data, size_t size,
    ngx_deploy_str_t *text)
{
    int                     rc;
    size_t                  i, n, len;
    const char             *reason;
    tap_header_t            headers[4];
    ngx_deploy_str_t        part;
    ngx_deploy_json_t      *json;
    ngx_deploy_json_out_t   out;
    ngx_deploy_event_t     *events;
    ngx_deploy_payload_t   *payload;
    ngx_deploy_delivery_t   delivery;

    text->data = NULL;
    text->len = 0;

    headers[0] = (tap_header_t) { sender->header ? sender->header : "x-none",
                                  sender->event };
    headers[1] = (tap_header_t) { "x-hook-uuid", sender->id };
    headers[2] = (tap_header_t) { "x-request-id", sender->id };
    headers[3] = (tap_header_t) { NULL, NULL };

    delivery.scheme = sender->scheme;
    delivery.get_header = tap_get_header;
    delivery.data = headers;
    delivery.form = form;
    delivery.seed = 1;

    reason = NULL;

    rc = ngx_deploy_payload_create(&payload, tap_pool(), senders, &delivery,
                                   &reason);
    if (rc != NGX_DEPLOY_OK) {
        fuzz_check(rc == NGX_DEPLOY_ERROR || reason != NULL);
        return rc;
    }

    for (i = 0; i < size && rc == NGX_DEPLOY_OK; i += len) {
        len = (piece && piece < size - i) ? piece : size - i;

        part = tap_copy(data + i, len);
        rc = ngx_deploy_payload_feed(payload, part.data, len);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_payload_end(payload, &events, &n);
    }

    if (rc != NGX_DEPLOY_OK) {
        fuzz_check(rc == NGX_DEPLOY_ERROR || rc == NGX_DEPLOY_DECLINED);
        fuzz_check(rc == NGX_DEPLOY_ERROR
                   || ngx_deploy_payload_reason(payload) != NULL);
        fuzz_check(ngx_deploy_payload_offset(payload) <= size);
        fuzz_check(ngx_deploy_payload_end(payload, &events, &n) == rc);
        return rc;
    }

    fuzz_check(n <= NGX_DEPLOY_PAYLOAD_MAX_EVENTS);
    fuzz_slack(payload);

    tap_pool_limit(-1);

    ngx_deploy_json_out_begin(&out, tap_pool(), 16);
    ngx_deploy_json_out_array(&out, NULL);

    for (i = 0; i < n; i++) {
        fuzz_event(&events[i]);
        ngx_deploy_event_json(&events[i], &out);
    }

    ngx_deploy_json_out_close(&out, ']');
    fuzz_check(ngx_deploy_json_out_end(&out, text) == NGX_DEPLOY_OK);

    json = ngx_deploy_json_parse(text->data, text->len, text->len, &reason);
    fuzz_check(json != NULL);
    ngx_deploy_json_free(json);

    return NGX_DEPLOY_OK;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                           rc, again;
    unsigned                      form;
    ngx_deploy_str_t              one, two;
    const fuzz_sender_t          *sender;
    static ngx_deploy_pool_t      pool = { fuzz_alloc, NULL };
    static ngx_deploy_senders_t  *senders;

    if (size < 2) {
        return 0;
    }

    sender = &fuzz_senders[(data[0] & 0x3f) % FUZZ_SENDERS];
    form = (data[0] & FUZZ_FORM) ? 1 : 0;

    if (senders == NULL) {
        senders = ngx_deploy_senders_create(&pool);
        fuzz_check(senders != NULL);
    }

    if (data[0] & FUZZ_MEMORY) {
        tap_pool_limit(data[1]);

        (void) fuzz_run(sender, form, 0, senders, data + 2, size - 2, &one);

        tap_pool_limit(-1);

    } else {
        rc = fuzz_run(sender, form, 0, senders, data + 2, size - 2, &one);
        again = fuzz_run(sender, form, data[1], senders, data + 2, size - 2,
                         &two);

        fuzz_check(rc != NGX_DEPLOY_ERROR);
        fuzz_check(rc == again);
        fuzz_check(ngx_deploy_str_eq(&one, &two));
    }

    tap_pool_reset();

    return 0;
}
