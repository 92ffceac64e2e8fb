
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack.h"
#include "ngx_deploy_slack_check.h"
#include "ngx_deploy_slack_told.h"
#include "ngx_deploy_tap.h"


/*
 * Lines of a stranger in each place of a message, a text cut anywhere, a
 * reply, what is kept of a delivery.  The first byte chooses, the second one is
 * the length of a text.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


#define fuzz_valid(call)                                                      \
    {                                                                         \
        const char  *wrong = (call);                                          \
                                                                              \
        if (wrong) {                                                          \
            fprintf(stderr, "%s line %d: %s\n", __FILE__, __LINE__, wrong);   \
            abort();                                                          \
        }                                                                     \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the next line of the input */

static ngx_deploy_str_t
fuzz_line(const uint8_t **data, size_t *size)
{
    size_t            n;
    const uint8_t    *end;
    ngx_deploy_str_t  line;

    if (*size == 0) {
        line.len = 0;
        line.data = NULL;
        return line;
    }

    end = memchr(*data, '\n', *size);
    n = end ? (size_t) (end - *data) : *size;

    line = tap_copy(*data, n);

    n += (end != NULL);
    *data += n;
    *size -= n;

    return line;
}


static void
fuzz_text(unsigned max, unsigned flags, const uint8_t *data, size_t size)
{
    size_t                   i;
    ngx_deploy_str_t         s, url, label;
    ngx_deploy_slack_text_t  text;

    fuzz_check(ngx_deploy_slack_text(&text, tap_pool(), max)
               == NGX_DEPLOY_OK);

    url = fuzz_line(&data, &size);
    label = fuzz_line(&data, &size);

    if (flags & 0x10) {
        ngx_deploy_slack_link(&text, &url, &label, max / 2);
    }

    if (flags & 0x20) {
        ngx_deploy_slack_code(&text, &label, max / 3);
    }

    s = tap_copy(data, size);
    ngx_deploy_slack_put(&text, &s, max, flags & 0x07);

    if (flags & 0x40) {
        (void) ngx_deploy_slack_markup(&text, "x");
    }

    s.len = text.len;
    s.data = text.data;

    fuzz_check(text.chars <= max && text.len <= 3 * max);
    fuzz_check(slack_units(&s) == text.chars);

    if (s.len) {
        fuzz_valid(slack_text(&s, max));
    }

    if (!(flags & 0x30)) {
        for (i = 0; i < s.len; i++) {
            fuzz_check(s.data[i] != '<' && s.data[i] != '>'
                       && s.data[i] != '`');
        }
    }
}


static void
fuzz_message(unsigned status, const uint8_t *data, size_t size)
{
    unsigned                   i;
    ngx_deploy_str_t           body;
    ngx_deploy_build_t         build;
    ngx_deploy_slack_text_t    text;
    ngx_deploy_slack_target_t  target;

    ngx_deploy_build_init(&build);
    memset(&target, 0, sizeof(ngx_deploy_slack_target_t));

    build.status = status % NGX_DEPLOY_BUILD_STATUSES;
    build.project = fuzz_line(&data, &size);
    build.id = fuzz_line(&data, &size);
    build.url = fuzz_line(&data, &size);
    build.log = fuzz_line(&data, &size);
    build.number = size;
    build.started = status;
    build.finished = size;
    build.event.facts[NGX_DEPLOY_PROVIDER] = tap_str("github");

    for (i = NGX_DEPLOY_EVENT; i < NGX_DEPLOY_FACTS; i++) {
        build.event.facts[i] = fuzz_line(&data, &size);
    }

    build.upstream.project = fuzz_line(&data, &size);
    build.upstream.url = fuzz_line(&data, &size);

    while (size && build.nphases < NGX_DEPLOY_BUILD_MAX_PHASES) {
        build.phases[build.nphases].name = fuzz_line(&data, &size);
        build.phases[build.nphases].status = build.status;
        build.phases[build.nphases].duration = size;
        build.phases[build.nphases++].message = fuzz_line(&data, &size);
    }

    while (size && build.ndownstream < NGX_DEPLOY_BUILD_MAX_DOWN) {
        build.downstream[build.ndownstream].project = fuzz_line(&data, &size);
        build.downstream[build.ndownstream++].url = fuzz_line(&data, &size);
    }

    fuzz_check(ngx_deploy_slack_text(&text, tap_pool(),
                                     NGX_DEPLOY_SLACK_MAX_TOLD)
               == NGX_DEPLOY_OK);
    fuzz_check(ngx_deploy_slack_status(&text, &build, status)
               == NGX_DEPLOY_OK);

    body.len = text.len;
    body.data = text.data;

    fuzz_valid(slack_text(&body, NGX_DEPLOY_SLACK_MAX_TOLD));

    build.message = tap_copy(data, size);
    target.buttons = 1;

    fuzz_check(ngx_deploy_slack_message(tap_pool(), &target, &build, &body)
               == NGX_DEPLOY_OK);
    fuzz_valid(slack_body(&body));

    if (build.nphases) {
        fuzz_check(ngx_deploy_slack_detail(tap_pool(), &target,
                                           &build.phases[0], &body)
                   == NGX_DEPLOY_OK);
        fuzz_valid(slack_body(&body));
    }
}


static void
fuzz_reply(unsigned status, unsigned service, const uint8_t *data,
    size_t size)
{
    size_t                    i;
    int64_t                   after;
    const char               *reason;
    ngx_deploy_str_t          body;
    ngx_deploy_slack_reply_t  reply;

    after = (int64_t) service * status - 1;
    body = tap_copy(data, size);

    fuzz_check(ngx_deploy_slack_reply(tap_pool(), service & 1, status * 8,
                                      after, body.data, body.len, 1, &reply)
               == NGX_DEPLOY_OK);

    fuzz_check(reply.retry_after >= -1 && reply.retry_after <= 3600);
    fuzz_check((reply.class == NGX_DEPLOY_SLACK_DONE)
               == (reply.reason == NULL));
    fuzz_check(reply.error.len <= 64);

    for (i = 0; i < reply.error.len; i++) {
        fuzz_check(reply.error.data[i] > ' ' && reply.error.data[i] < 0x7f);
    }

    if (ngx_deploy_slack_response_url(&body, &reason) == NGX_DEPLOY_OK) {
        fuzz_check(ngx_deploy_str_starts(&body, "https://hooks.slack"));
    }
}


/* what is kept of a delivery: lines, then its events, its rules */

static void
fuzz_why(const uint8_t *data, size_t size)
{
    ngx_deploy_str_t             s;
    ngx_deploy_slack_text_t      text;
    ngx_deploy_slack_kept_t      kept;
    ngx_deploy_slack_delivery_t  d;

    memset(&d, 0, sizeof(ngx_deploy_slack_delivery_t));
    memset(&kept, 0, sizeof(ngx_deploy_slack_kept_t));
    ngx_deploy_build_init(&kept.build);

    d.id = fuzz_line(&data, &size);
    d.provider = fuzz_line(&data, &size);
    d.location = fuzz_line(&data, &size);
    d.scheme = d.provider;
    d.events = fuzz_line(&data, &size);

    kept.build.project = fuzz_line(&data, &size);
    kept.build.message = fuzz_line(&data, &size);
    kept.error = fuzz_line(&data, &size);
    kept.attempts = size;

    d.builds = &kept;
    d.nbuilds = size & 1;
    d.rules = tap_copy(data, size);

    fuzz_check(ngx_deploy_slack_text(&text, tap_pool(),
                                     NGX_DEPLOY_SLACK_MAX_TOLD)
               == NGX_DEPLOY_OK);
    fuzz_check(ngx_deploy_slack_why(&text, tap_pool(), &d, 1700000000)
               == NGX_DEPLOY_OK);

    s.len = text.len;
    s.data = text.data;

    fuzz_valid(slack_text(&s, NGX_DEPLOY_SLACK_MAX_TOLD));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }

    switch (data[0] % 4) {

    case 3:
        fuzz_why(data + 3, size - 3);
        break;

    case 0:
        fuzz_text(data[1], data[2], data + 3, size - 3);
        break;

    case 1:
        fuzz_message(data[1], data + 3, size - 3);
        break;

    default:
        fuzz_reply(data[1], data[2], data + 3, size - 3);
        break;
    }

    tap_pool_reset();

    return 0;
}
