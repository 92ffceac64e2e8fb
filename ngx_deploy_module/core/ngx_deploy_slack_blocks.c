
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack.h"
#include "ngx_deploy_slack_writer.h"
#include "ngx_deploy_command.h"
#include "ngx_deploy_page.h"

#include <stdio.h>


#define NGX_DEPLOY_SLACK_COMMIT  10     /* characters of a hash */


static void ngx_deploy_slack_fallback(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_facts(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_paged(ngx_deploy_slack_writer_t *w,
    const char *name, ngx_deploy_page_e page, const ngx_deploy_str_t *label);
static void ngx_deploy_slack_request(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_cause(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_times(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_field(ngx_deploy_slack_writer_t *w,
    const char *name);
static void ngx_deploy_slack_field_end(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_said(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_phases(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_downstream(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_context(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_section(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_buttons(ngx_deploy_slack_writer_t *w);
static void ngx_deploy_slack_confirm(ngx_deploy_slack_writer_t *w,
    ngx_deploy_json_t *button);
static ngx_deploy_json_t *ngx_deploy_slack_object(
    ngx_deploy_slack_writer_t *w, const char *type, ngx_deploy_json_t *text);
static ngx_deploy_json_t *ngx_deploy_slack_plain(
    ngx_deploy_slack_writer_t *w, const char *text);


ngx_deploy_json_t *
ngx_deploy_slack_attachment(ngx_deploy_slack_writer_t *w, unsigned buttons)
{
    const char         *color;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();
    color = ngx_deploy_slack_state(w->build->status)->color;

    w->rc |= ngx_deploy_json_set(json, "color", ngx_deploy_json_text(color));

    ngx_deploy_slack_fallback(w);
    w->rc |= ngx_deploy_json_set(json, "fallback", ngx_deploy_slack_string(w));

    w->blocks = ngx_deploy_json_array();

    ngx_deploy_slack_facts(w);
    ngx_deploy_slack_said(w);
    ngx_deploy_slack_phases(w);
    ngx_deploy_slack_downstream(w);
    ngx_deploy_slack_context(w);

    if (buttons) {
        ngx_deploy_slack_buttons(w);
    }

    w->rc |= ngx_deploy_json_set(json, "blocks", w->blocks);

    return json;
}


/* for readers that show nothing else: "api-prod failed, acme/api" */

static void
ngx_deploy_slack_fallback(ngx_deploy_slack_writer_t *w)
{
    const char              *words;
    const ngx_deploy_str_t  *repo;

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_FALLBACK);

    ngx_deploy_slack_put(&w->text, &w->build->project,
                         NGX_DEPLOY_SLACK_MAX_NAME, 0);

    words = ngx_deploy_slack_state(w->build->status)->words;

    (void) ngx_deploy_slack_markup(&w->text, " ");
    (void) ngx_deploy_slack_markup(&w->text, words);

    repo = &w->build->event.facts[NGX_DEPLOY_REPO];

    if (repo->len) {
        (void) ngx_deploy_slack_markup(&w->text, ", ");
        ngx_deploy_slack_put(&w->text, repo, NGX_DEPLOY_SLACK_MAX_NAME, 0);
    }
}


/* at most ten fields are allowed, these are eight */

static void
ngx_deploy_slack_facts(ngx_deploy_slack_writer_t *w)
{
    ngx_deploy_str_t         commit;
    ngx_deploy_json_t       *json;
    const ngx_deploy_str_t  *facts;

    facts = w->build->event.facts;
    w->fields = ngx_deploy_json_array();

    ngx_deploy_slack_paged(w, "Repository", NGX_DEPLOY_PAGE_REPO,
                           &facts[NGX_DEPLOY_REPO]);

    if (facts[NGX_DEPLOY_BRANCH].len) {
        ngx_deploy_slack_paged(w, "Branch", NGX_DEPLOY_PAGE_BRANCH,
                               &facts[NGX_DEPLOY_BRANCH]);

    } else {
        ngx_deploy_slack_paged(w, "Tag", NGX_DEPLOY_PAGE_TAG,
                               &facts[NGX_DEPLOY_TAG]);
    }

    commit = facts[NGX_DEPLOY_COMMIT];

    if (commit.len > NGX_DEPLOY_SLACK_COMMIT) {
        commit.len = NGX_DEPLOY_SLACK_COMMIT;
    }

    ngx_deploy_slack_paged(w, "Commit", NGX_DEPLOY_PAGE_COMMIT, &commit);

    /* of a command it is the one who started it */

    if (!ngx_deploy_str_is(&facts[NGX_DEPLOY_PROVIDER], "slack")) {
        ngx_deploy_slack_paged(w, "Author", NGX_DEPLOY_PAGE_SENDER,
                               &facts[NGX_DEPLOY_SENDER]);
    }

    ngx_deploy_slack_request(w);
    ngx_deploy_slack_cause(w);
    ngx_deploy_slack_times(w);

    if (ngx_deploy_json_at(w->fields, 0) == NULL) {
        ngx_deploy_json_free(w->fields);
        return;
    }

    json = ngx_deploy_json_object();
    w->rc |= ngx_deploy_json_set(json, "type",
                                 ngx_deploy_json_text("section"));
    w->rc |= ngx_deploy_json_set(json, "fields", w->fields);
    w->rc |= ngx_deploy_json_append(w->blocks, json);
}


static void
ngx_deploy_slack_paged(ngx_deploy_slack_writer_t *w, const char *name,
    ngx_deploy_page_e page, const ngx_deploy_str_t *label)
{
    ngx_deploy_str_t  url;

    if (label->len == 0) {
        return;
    }

    w->rc |= ngx_deploy_page(w->pool, &w->build->event, page, &url);

    ngx_deploy_slack_field(w, name);
    ngx_deploy_slack_link(&w->text, &url, label, NGX_DEPLOY_SLACK_MAX_NAME);
    ngx_deploy_slack_field_end(w);
}


/* the pull request, or what the pushed commit says */

static void
ngx_deploy_slack_request(ngx_deploy_slack_writer_t *w)
{
    u_char                   buf[NGX_DEPLOY_SLACK_MAX_NAME];
    ngx_deploy_str_t         label;
    const ngx_deploy_str_t  *number, *title, *url;

    number = &w->build->event.facts[NGX_DEPLOY_NUMBER];
    title = &w->build->event.facts[NGX_DEPLOY_TITLE];
    url = &w->build->event.facts[NGX_DEPLOY_URL];

    if (number->len == 0) {

        if (title->len) {
            ngx_deploy_slack_field(w, "Title");
            ngx_deploy_slack_link(&w->text, url, title,
                                  NGX_DEPLOY_SLACK_MAX_NAME);
            ngx_deploy_slack_field_end(w);
        }

        return;
    }

    label.len = snprintf((char *) buf, sizeof(buf), "#%.*s",
                         (int) (number->len < 20 ? number->len : 20),
                         (char *) number->data);
    label.data = buf;

    ngx_deploy_slack_field(w, "Pull request");
    ngx_deploy_slack_link(&w->text, url, &label, NGX_DEPLOY_SLACK_MAX_NAME);

    if (title->len) {
        (void) ngx_deploy_slack_markup(&w->text, " ");
        ngx_deploy_slack_put(&w->text, title, NGX_DEPLOY_SLACK_MAX_NAME, 0);
    }

    ngx_deploy_slack_field_end(w);
}


/* what started the build: an event, a user's command, another build */

static void
ngx_deploy_slack_cause(ngx_deploy_slack_writer_t *w)
{
    char                            words[32], *p;
    const ngx_deploy_str_t         *user;
    const ngx_deploy_build_link_t  *upstream;

    upstream = &w->build->upstream;
    user = &w->build->event.facts[NGX_DEPLOY_USER];

    if (upstream->project.len) {
        ngx_deploy_slack_field(w, "Started by");
        (void) ngx_deploy_slack_markup(&w->text, "build of ");
        ngx_deploy_slack_link(&w->text, &upstream->url, &upstream->project,
                              NGX_DEPLOY_SLACK_MAX_NAME);
        ngx_deploy_slack_field_end(w);
        return;
    }

    if (w->build->event.facts[NGX_DEPLOY_EVENT].len == 0) {
        return;
    }

    (void) snprintf(words, sizeof(words), "%s",
                    ngx_deploy_event_on_name(&w->build->event));

    for (p = words; *p; p++) {
        if (*p == '_') {
            *p = ' ';
        }
    }

    ngx_deploy_slack_field(w, "Started by");
    (void) ngx_deploy_slack_markup(&w->text, words);

    /* Slack shows the name of a user whose id it is given */

    if (ngx_deploy_slack_user(user) == NGX_DEPLOY_OK) {
        (void) ngx_deploy_slack_markup(&w->text,
                       (ngx_deploy_event_on(&w->build->event)
                        & NGX_DEPLOY_ON_COMMAND) ? " of <@" : ", again by <@");
        ngx_deploy_slack_put(&w->text, user, NGX_DEPLOY_SLACK_MAX_NAME, 0);
        (void) ngx_deploy_slack_markup(&w->text, ">");
    }

    ngx_deploy_slack_field_end(w);
}


static void
ngx_deploy_slack_times(ngx_deploy_slack_writer_t *w)
{
    char                       buf[32];
    ngx_deploy_str_t           label;
    const ngx_deploy_build_t  *build;

    build = w->build;

    if (build->number >= 0) {
        label.len = snprintf(buf, sizeof(buf), "#%lld",
                             (long long) build->number);
        label.data = (u_char *) buf;

        ngx_deploy_slack_field(w, "Build");
        ngx_deploy_slack_link(&w->text, &build->url, &label,
                              NGX_DEPLOY_SLACK_MAX_NAME);
        ngx_deploy_slack_field_end(w);
    }

    if (build->started >= 0 && build->finished >= build->started) {
        ngx_deploy_slack_field(w, "Duration");
        ngx_deploy_slack_duration(&w->text, build->finished - build->started);
        ngx_deploy_slack_field_end(w);
    }
}


static void
ngx_deploy_slack_field(ngx_deploy_slack_writer_t *w, const char *name)
{
    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_FIELD);

    (void) ngx_deploy_slack_markup(&w->text, "*");
    (void) ngx_deploy_slack_markup(&w->text, name);
    (void) ngx_deploy_slack_markup(&w->text, "*\n");
}


static void
ngx_deploy_slack_field_end(ngx_deploy_slack_writer_t *w)
{
    w->rc |= ngx_deploy_json_append(w->fields,
                                    ngx_deploy_slack_object(w, "mrkdwn",
                                               ngx_deploy_slack_string(w)));
}


/* why it failed: as the phase has said, or else the build */

static void
ngx_deploy_slack_said(ngx_deploy_slack_writer_t *w)
{
    size_t                           i;
    const ngx_deploy_str_t          *said;
    const ngx_deploy_build_phase_t  *phase;

    said = &w->build->message;

    for (i = 0; i < w->build->nphases; i++) {
        phase = &w->build->phases[i];

        if (phase->status > NGX_DEPLOY_BUILD_SUCCEEDED && phase->message.len) {
            said = &phase->message;
            break;
        }
    }

    if (said->len == 0) {
        return;
    }

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_TEXT);
    ngx_deploy_slack_output(&w->text, said);
    ngx_deploy_slack_section(w);
}


void
ngx_deploy_slack_output(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *output)
{
    (void) ngx_deploy_slack_markup(text, "```");
    ngx_deploy_slack_put(text, output, NGX_DEPLOY_SLACK_MAX_OUTPUT,
                         NGX_DEPLOY_SLACK_CODE|NGX_DEPLOY_SLACK_LINES);
    (void) ngx_deploy_slack_markup(text, "```");
}


static void
ngx_deploy_slack_phases(ngx_deploy_slack_writer_t *w)
{
    size_t                           i;
    const ngx_deploy_build_phase_t  *phase;

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_TEXT);

    for (i = 0; i < w->build->nphases; i++) {
        phase = &w->build->phases[i];

        if (i) {
            (void) ngx_deploy_slack_markup(&w->text, "\n");
        }

        ngx_deploy_slack_phase(&w->text, phase);

        /* what is said at the end has a place of its own */

        if (phase->message.len && phase == ngx_deploy_slack_place(w->build)
            && !ngx_deploy_build_final(phase->status))
        {
            (void) ngx_deploy_slack_markup(&w->text, " ");
            ngx_deploy_slack_put(&w->text, &phase->message,
                                 NGX_DEPLOY_SLACK_MAX_DOING, 0);
        }
    }

    if (w->text.len) {
        ngx_deploy_slack_section(w);
    }
}


/* a line fits whole: 24 of them take less than a text object may have */

void
ngx_deploy_slack_phase(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_phase_t *phase)
{
    (void) ngx_deploy_slack_markup(text,
                                   ngx_deploy_slack_state(phase->status)->icon);
    (void) ngx_deploy_slack_markup(text, " ");
    ngx_deploy_slack_code(text, &phase->name, 40);

    if (phase->duration >= 0) {
        (void) ngx_deploy_slack_markup(text, " ");
        ngx_deploy_slack_duration(text, phase->duration);
    }
}


static void
ngx_deploy_slack_downstream(ngx_deploy_slack_writer_t *w)
{
    size_t                          i;
    const ngx_deploy_build_link_t  *down;
    const ngx_deploy_slack_state_t *state;

    if (w->build->ndownstream == 0) {
        return;
    }

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_TEXT);
    (void) ngx_deploy_slack_markup(&w->text, "*Downstream*");

    for (i = 0; i < w->build->ndownstream; i++) {
        down = &w->build->downstream[i];
        state = ngx_deploy_slack_state(down->status);

        (void) ngx_deploy_slack_markup(&w->text, "\n");
        (void) ngx_deploy_slack_markup(&w->text, state->icon);
        (void) ngx_deploy_slack_markup(&w->text, " ");
        ngx_deploy_slack_link(&w->text, &down->url, &down->project, 80);
        (void) ngx_deploy_slack_markup(&w->text, " ");
        (void) ngx_deploy_slack_markup(&w->text, state->words);
    }

    ngx_deploy_slack_section(w);
}


static void
ngx_deploy_slack_context(ngx_deploy_slack_writer_t *w)
{
    ngx_deploy_json_t              *json, *elements;
    const ngx_deploy_build_t       *build;
    static const ngx_deploy_str_t   log = ngx_deploy_string("Log");

    build = w->build;

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_TEXT);

    if (build->log.len) {
        ngx_deploy_slack_link(&w->text, &build->log, &log, log.len);
    }

    if (build->id.len) {
        (void) ngx_deploy_slack_markup(&w->text, w->text.len ? " | " : "");
        ngx_deploy_slack_code(&w->text, &build->id,
                              NGX_DEPLOY_SLACK_MAX_NAME);
    }

    if (build->delivery.len) {
        (void) ngx_deploy_slack_markup(&w->text,
                                       w->text.len ? " | delivery "
                                                   : "delivery ");
        ngx_deploy_slack_code(&w->text, &build->delivery,
                              NGX_DEPLOY_SLACK_MAX_NAME);
    }

    if (w->text.len == 0) {
        return;
    }

    elements = ngx_deploy_json_array();
    w->rc |= ngx_deploy_json_append(elements,
                                    ngx_deploy_slack_object(w, "mrkdwn",
                                               ngx_deploy_slack_string(w)));

    json = ngx_deploy_json_object();
    w->rc |= ngx_deploy_json_set(json, "type",
                                 ngx_deploy_json_text("context"));
    w->rc |= ngx_deploy_json_set(json, "elements", elements);
    w->rc |= ngx_deploy_json_append(w->blocks, json);
}


static void
ngx_deploy_slack_section(ngx_deploy_slack_writer_t *w)
{
    ngx_deploy_json_t  *text;

    text = ngx_deploy_slack_object(w, "mrkdwn", ngx_deploy_slack_string(w));

    w->rc |= ngx_deploy_json_append(w->blocks,
                                    ngx_deploy_slack_object(w, "section",
                                                            text));
}


/* what a pressed button sends is the id of the build and nothing else */

static void
ngx_deploy_slack_buttons(ngx_deploy_slack_writer_t *w)
{
    unsigned            final;
    ngx_deploy_str_t    project;
    ngx_deploy_json_t  *json, *elements, *button;

    final = ngx_deploy_build_final(w->build->status);

    /* an id that "stop" takes, too */

    if (ngx_deploy_command_build(&w->build->id, &project) != NGX_DEPLOY_OK
        || w->build->status == NGX_DEPLOY_BUILD_SUCCEEDED)
    {
        return;
    }

    button = ngx_deploy_slack_object(w, "button",
                          ngx_deploy_slack_plain(w, final ? "Retry" : "Stop"));

    w->rc |= ngx_deploy_json_set(button, "action_id",
                           ngx_deploy_json_text(final ? NGX_DEPLOY_SLACK_RETRY
                                                      : NGX_DEPLOY_SLACK_STOP));
    w->rc |= ngx_deploy_json_set_str(button, "value", &w->build->id);

    if (!final) {
        w->rc |= ngx_deploy_json_set(button, "style",
                                     ngx_deploy_json_text("danger"));
        ngx_deploy_slack_confirm(w, button);
    }

    elements = ngx_deploy_json_array();
    w->rc |= ngx_deploy_json_append(elements, button);

    json = ngx_deploy_json_object();
    w->rc |= ngx_deploy_json_set(json, "type",
                                 ngx_deploy_json_text("actions"));
    w->rc |= ngx_deploy_json_set(json, "elements", elements);
    w->rc |= ngx_deploy_json_append(w->blocks, json);
}


static void
ngx_deploy_slack_confirm(ngx_deploy_slack_writer_t *w,
    ngx_deploy_json_t *button)
{
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    w->rc |= ngx_deploy_json_set(json, "title",
                             ngx_deploy_slack_plain(w, "Stop this build?"));
    w->rc |= ngx_deploy_json_set(json, "text",
                             ngx_deploy_slack_plain(w, "What it has done by"
                                                    " then stays done."));
    w->rc |= ngx_deploy_json_set(json, "confirm",
                             ngx_deploy_slack_plain(w, "Stop it"));
    w->rc |= ngx_deploy_json_set(json, "deny",
                             ngx_deploy_slack_plain(w, "Let it run"));
    w->rc |= ngx_deploy_json_set(json, "style",
                             ngx_deploy_json_text("danger"));

    w->rc |= ngx_deploy_json_set(button, "confirm", json);
}


/* verbatim: "@here" and "#channel" of strangers stay what they are */

static ngx_deploy_json_t *
ngx_deploy_slack_object(ngx_deploy_slack_writer_t *w, const char *type,
    ngx_deploy_json_t *text)
{
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    w->rc |= ngx_deploy_json_set(json, "type", ngx_deploy_json_text(type));
    w->rc |= ngx_deploy_json_set(json, "text", text);

    if (strcmp(type, "mrkdwn") == 0) {
        w->rc |= ngx_deploy_json_set(json, "verbatim",
                                     ngx_deploy_json_bool(1));
    }

    return json;
}


/* words of our own */

static ngx_deploy_json_t *
ngx_deploy_slack_plain(ngx_deploy_slack_writer_t *w, const char *text)
{
    return ngx_deploy_slack_object(w, "plain_text", ngx_deploy_json_text(text));
}
