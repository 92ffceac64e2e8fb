
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_command.h"
#include "ngx_http_deploy_task.h"

#include "ngx_deploy_command.h"
#include "ngx_deploy_slack.h"


#define NGX_HTTP_DEPLOY_MAX_SAID   200     /* units of a message of AWS */
#define NGX_HTTP_DEPLOY_MAX_RETRY  64      /* characters of its reason */


static ngx_int_t ngx_http_deploy_command_handshake(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_command_retry(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);
static void ngx_http_deploy_command_ref(ngx_deploy_event_t *event,
    ngx_str_t *ref);
static ngx_int_t ngx_http_deploy_command_say(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, const char *text);


ngx_int_t
ngx_http_deploy_command(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx)
{
    int                    rc;
    const char            *reason;
    ngx_str_t             *word, text;
    ngx_deploy_pool_t      pool;
    ngx_deploy_event_t    *event;
    ngx_deploy_command_t   command;

    if (ctx->nevents != 1
        || !ngx_deploy_str_is(&ctx->provider, "slack"))
    {
        return NGX_DECLINED;
    }

    event = ctx->events;
    word = &event->facts[NGX_DEPLOY_EVENT];

    if (!ngx_deploy_str_is(word, "slack_command")) {
        ngx_http_deploy_command_retry(r, ctx);

        rc = ngx_http_deploy_command_click(r, ctx);

        return (rc == NGX_DECLINED)
               ? ngx_http_deploy_command_handshake(r, ctx) : rc;
    }

    ctx->event = event;
    ctx->command = 1;

    pool = ngx_http_deploy_pool(r->pool);
    text = event->facts[NGX_DEPLOY_TEXT];
    reason = NULL;

    rc = ngx_deploy_command_parse(&pool, &text, &command, &reason);

    if (rc == NGX_DEPLOY_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_DEPLOY_OK) {
        return ngx_http_deploy_command_say(r, ctx, reason);
    }

    switch (command.verb) {

    case NGX_DEPLOY_COMMAND_TARGET:
        event->facts[NGX_DEPLOY_TARGET] = command.target;
        ngx_http_deploy_command_ref(event, &command.ref);
        return NGX_DECLINED;

    case NGX_DEPLOY_COMMAND_HELP:
        return ngx_http_deploy_command_say(r, ctx, ngx_deploy_command_help());

    case NGX_DEPLOY_COMMAND_STATUS:
        return ngx_http_deploy_command_status(r, ctx, &command.target);

    case NGX_DEPLOY_COMMAND_STOP:
        return ngx_http_deploy_command_stop(r, ctx, &command.build);

    default: /* NGX_DEPLOY_COMMAND_WHY */
        return ngx_http_deploy_command_why(r, ctx, &command.delivery);
    }
}


static ngx_int_t
ngx_http_deploy_command_handshake(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t  *word;

    word = &ctx->events->facts[NGX_DEPLOY_EVENT];

    if (ngx_deploy_str_is(word, "slack_ssl_check")) {
        ctx->result = "ignored";
        return ngx_http_deploy_answer_body(r, NULL);
    }

    if (ngx_deploy_str_is(word, "slack_url_verification")
        && ctx->challenge.len)
    {
        ctx->result = "ignored";
        return ngx_http_deploy_answer_challenge(r, &ctx->challenge);
    }

    return NGX_DECLINED;
}


/* an event that Slack sends again is a duplicate where it started a build */

static void
ngx_http_deploy_command_retry(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    size_t      i;
    int64_t     n;
    ngx_str_t   value, reason;

    static ngx_str_t  num = ngx_string("x-slack-retry-num");
    static ngx_str_t  why = ngx_string("x-slack-retry-reason");

    if (ngx_http_deploy_get_header(r, &num, &value) == 0) {
        return;
    }

    n = ngx_deploy_atoi64(value.data, value.len);

    if (ngx_http_deploy_get_header(r, &why, &reason) == 0) {
        ngx_str_set(&reason, "none");
    }

    /* headers are not signed */

    for (i = 0; i < reason.len; i++) {
        if ((reason.data[i] < 'a' || reason.data[i] > 'z')
            && reason.data[i] != '_')
        {
            break;
        }
    }

    if (i != reason.len || i > NGX_HTTP_DEPLOY_MAX_RETRY) {
        ngx_str_set(&reason, "unknown");
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "deploy event \"%V\" of Slack comes again: retry %L, reason "
                  "\"%V\"", &ctx->delivery, n, &reason);
}


/* a hash is a commit, anything else goes for a branch, in rules as well */

static void
ngx_http_deploy_command_ref(ngx_deploy_event_t *event, ngx_str_t *ref)
{
    size_t  i;
    u_char  ch;

    if (ref->len == 0) {
        return;
    }

    for (i = 0; i < ref->len; i++) {
        ch = ref->data[i] | 0x20;

        if ((ref->data[i] < '0' || ref->data[i] > '9')
            && (ch < 'a' || ch > 'f'))
        {
            break;
        }
    }

    if (i == ref->len && (i == 40 || i == 64)) {
        event->facts[NGX_DEPLOY_COMMIT] = *ref;

    } else {
        event->facts[NGX_DEPLOY_BRANCH] = *ref;
    }
}


static ngx_int_t
ngx_http_deploy_command_say(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    const char *words)
{
    ngx_deploy_pool_t        pool;
    ngx_deploy_slack_text_t  text;

    pool = ngx_http_deploy_pool(r->pool);
    ctx->result = "ignored";

    if (ngx_deploy_slack_text(&text, &pool, NGX_DEPLOY_SLACK_MAX_MESSAGE)
        != NGX_DEPLOY_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_deploy_slack_markup(&text, words);

    return ngx_http_deploy_command_send(r, &text, 0);
}


ngx_int_t
ngx_http_deploy_command_answer(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_uint_t                i, started, later;
    ngx_str_t                *target;
    ngx_deploy_pool_t         pool;
    ngx_http_deploy_build_t  *build;
    ngx_deploy_slack_text_t   text;

    if (ctx->task) {
        return ngx_http_deploy_task_answer(r, ctx);
    }

    if (ctx->click) {
        return ngx_http_deploy_answer_body(r, NULL);
    }

    if (ctx->slow) {
        return ngx_http_deploy_command_say(r, ctx, ctx->response_url.len
                               ? "This takes longer, the result follows."
                               : "This takes longer than you can be told of.");
    }

    pool = ngx_http_deploy_pool(r->pool);

    if (ngx_deploy_slack_text(&text, &pool, NGX_DEPLOY_SLACK_MAX_MESSAGE)
        != NGX_DEPLOY_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    target = &ctx->events->facts[NGX_DEPLOY_TARGET];

    if (ctx->builds.nelts == 0) {
        (void) ngx_deploy_slack_markup(&text, "There is no deployment ");
        ngx_deploy_slack_code(&text, target, NGX_DEPLOY_SLACK_MAX_FALLBACK);
        (void) ngx_deploy_slack_markup(&text, " here that you may start.");

        return ngx_http_deploy_command_send(r, &text, 0);
    }

    build = ctx->builds.elts;
    started = 0;
    later = 0;

    for (i = 0; i < ctx->builds.nelts; i++) {

        if (i) {
            (void) ngx_deploy_slack_markup(&text, "\n");
        }

        ngx_http_deploy_command_build(&text, &build[i]);

        started += (build[i].state == NGX_HTTP_DEPLOY_BUILD_STARTED);
        later += (build[i].later
                  || build[i].state == NGX_HTTP_DEPLOY_BUILD_QUEUED);
    }

    if (later && ctx->response_url.len) {
        (void) ngx_deploy_slack_markup(&text, "\nThe result follows.");
    }

    return ngx_http_deploy_command_send(r, &text,
                                        started == ctx->builds.nelts);
}


void
ngx_http_deploy_command_build(ngx_deploy_slack_text_t *text,
    ngx_http_deploy_build_t *build)
{
    ngx_str_t                       said;
    const char                     *words;
    ngx_deploy_build_status_e       status;
    const ngx_deploy_slack_state_t *state;

    status = NGX_DEPLOY_BUILD_REJECTED;
    words = NULL;

    switch (build->state) {

    case NGX_HTTP_DEPLOY_BUILD_STARTED:
        status = NGX_DEPLOY_BUILD_STARTED;
        break;

    case NGX_HTTP_DEPLOY_BUILD_DRY_RUN:
        status = NGX_DEPLOY_BUILD_QUEUED;
        words = "would be started: this is a dry run";
        break;

    case NGX_HTTP_DEPLOY_BUILD_TIMEDOUT:
        status = NGX_DEPLOY_BUILD_QUEUED;
        words = build->later
                ? "may be started yet: CodeBuild has not answered so far"
                : "may have been started: CodeBuild did not answer";
        break;

    case NGX_HTTP_DEPLOY_BUILD_QUEUED:
    case NGX_HTTP_DEPLOY_BUILD_STARTING:
        status = NGX_DEPLOY_BUILD_QUEUED;
        break;

    default:

        if (build->later) {
            status = NGX_DEPLOY_BUILD_QUEUED;
        }
    }

    state = ngx_deploy_slack_state(status);

    (void) ngx_deploy_slack_markup(text, state->icon);
    (void) ngx_deploy_slack_markup(text, " *");
    ngx_deploy_slack_link(text, &build->reply.url, &build->project,
                          NGX_DEPLOY_SLACK_MAX_FALLBACK);
    (void) ngx_deploy_slack_markup(text, "* ");
    (void) ngx_deploy_slack_markup(text, words ? words : state->words);

    if (status == NGX_DEPLOY_BUILD_STARTED || words) {
        return;
    }

    said = build->reply.message.len ? build->reply.message
                                    : build->reply.error;

    if (said.len == 0 && build->reply.reason) {
        said.len = ngx_strlen(build->reply.reason);
        said.data = (u_char *) build->reply.reason;
    }

    if (said.len) {
        (void) ngx_deploy_slack_markup(text, ": ");
        ngx_deploy_slack_put(text, &said, NGX_HTTP_DEPLOY_MAX_SAID, 0);
    }
}


ngx_int_t
ngx_http_deploy_command_send(ngx_http_request_t *r,
    ngx_deploy_slack_text_t *text, ngx_uint_t in_channel)
{
    ngx_str_t          body;
    ngx_deploy_pool_t  pool;

    pool = ngx_http_deploy_pool(r->pool);

    if (ngx_deploy_slack_response(&pool, text,
                                  in_channel ? NGX_DEPLOY_SLACK_IN_CHANNEL : 0,
                                  &body)
        != NGX_DEPLOY_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_deploy_answer_body(r, &body);
}


void
ngx_http_deploy_command_location(ngx_http_deploy_main_conf_t *dmcf,
    ngx_http_deploy_loc_conf_t *dlcf)
{
    ngx_uint_t               i, slack;
    ngx_deploy_verifier_t   *verifier;
    ngx_http_deploy_rule_t  *rule;
    ngx_deploy_condition_t  *on;

    if (dlcf->rules == NULL) {
        return;
    }

    slack = dlcf->off;
    verifier = dlcf->verify ? dlcf->verify->elts : NULL;

    for (i = 0; verifier && i < dlcf->verify->nelts; i++) {
        slack |= (ngx_strcmp(verifier[i].name, "slack") == 0);
    }

    rule = dlcf->rules->elts;

    for (i = 0; slack && i < dlcf->rules->nelts; i++) {
        on = rule[i].conditions.elts;

        if (((on->on & (NGX_DEPLOY_ON_COMMAND|NGX_DEPLOY_ON_ANY)) != 0)
            != on->negate)
        {
            dmcf->commands = 1;
        }
    }
}
