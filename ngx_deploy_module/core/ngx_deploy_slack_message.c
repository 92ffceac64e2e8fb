
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack.h"
#include "ngx_deploy_slack_writer.h"

#include <stdio.h>


static int ngx_deploy_slack_begin(ngx_deploy_slack_writer_t *w,
    ngx_deploy_pool_t *pool, const ngx_deploy_build_t *build);
static int ngx_deploy_slack_end(ngx_deploy_slack_writer_t *w,
    ngx_deploy_json_t *json, ngx_deploy_str_t *body);
static ngx_deploy_json_t *ngx_deploy_slack_envelope(
    ngx_deploy_slack_writer_t *w, const ngx_deploy_slack_target_t *target);
static void ngx_deploy_slack_headline(ngx_deploy_slack_writer_t *w);


static const ngx_deploy_slack_state_t
    ngx_deploy_slack_states[NGX_DEPLOY_BUILD_STATUSES] = {
    { "#9e9e9e", ":grey_question:", "is unknown" },
    { "#9e9e9e", ":hourglass:", "waits to be started" },
    { "#3aa3e3", ":rocket:", "started" },
    { "#3aa3e3", ":hourglass_flowing_sand:", "is in progress" },
    { "#2eb886", ":white_check_mark:", "succeeded" },
    { "#e01e5a", ":x:", "failed" },
    { "#9e9e9e", ":octagonal_sign:", "was stopped" },
    { "#daa038", ":alarm_clock:", "timed out" },
    { "#e01e5a", ":boom:", "ended in a fault" },
    { "#e01e5a", ":no_entry:", "was not started" }
};


const ngx_deploy_slack_state_t *
ngx_deploy_slack_state(ngx_deploy_build_status_e status)
{
    return &ngx_deploy_slack_states[status];
}


int
ngx_deploy_slack_message(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_target_t *target, const ngx_deploy_build_t *build,
    ngx_deploy_str_t *body)
{
    ngx_deploy_json_t          *json, *attachments;
    ngx_deploy_slack_writer_t   w;

    if (ngx_deploy_slack_begin(&w, pool, build) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    json = ngx_deploy_slack_envelope(&w, target);

    ngx_deploy_slack_headline(&w);
    w.rc |= ngx_deploy_json_set(json, "text", ngx_deploy_slack_string(&w));

    attachments = ngx_deploy_json_array();
    w.rc |= ngx_deploy_json_append(attachments,
                            ngx_deploy_slack_attachment(&w, target->buttons));
    w.rc |= ngx_deploy_json_set(json, "attachments", attachments);

    return ngx_deploy_slack_end(&w, json, body);
}


int
ngx_deploy_slack_detail(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_target_t *target,
    const ngx_deploy_build_phase_t *phase, ngx_deploy_str_t *body)
{
    ngx_deploy_json_t          *json;
    ngx_deploy_slack_writer_t   w;

    if (ngx_deploy_slack_begin(&w, pool, NULL) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    json = ngx_deploy_slack_envelope(&w, target);

    ngx_deploy_slack_clear(&w, NGX_DEPLOY_SLACK_MAX_MESSAGE);
    ngx_deploy_slack_phase(&w.text, phase);

    if (phase->message.len) {
        (void) ngx_deploy_slack_markup(&w.text, "\n");
        ngx_deploy_slack_output(&w.text, &phase->message);
    }

    w.rc |= ngx_deploy_json_set(json, "text", ngx_deploy_slack_string(&w));

    return ngx_deploy_slack_end(&w, json, body);
}


int
ngx_deploy_slack_response(ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_text_t *text, unsigned flags,
    ngx_deploy_str_t *body)
{
    const char                 *type;
    ngx_deploy_json_t          *json;
    ngx_deploy_slack_writer_t   w;

    memset(&w, 0, sizeof(ngx_deploy_slack_writer_t));

    w.pool = pool;
    w.text = *text;

    type = (flags & NGX_DEPLOY_SLACK_IN_CHANNEL) ? "in_channel" : "ephemeral";

    json = ngx_deploy_json_object();

    w.rc = ngx_deploy_json_set(json, "response_type",
                               ngx_deploy_json_text(type));
    w.rc |= ngx_deploy_json_set(json, "text", ngx_deploy_slack_string(&w));

    if (flags & NGX_DEPLOY_SLACK_KEEP) {
        w.rc |= ngx_deploy_json_set(json, "replace_original",
                                    ngx_deploy_json_bool(0));
    }

    return ngx_deploy_slack_end(&w, json, body);
}


static int
ngx_deploy_slack_begin(ngx_deploy_slack_writer_t *w, ngx_deploy_pool_t *pool,
    const ngx_deploy_build_t *build)
{
    memset(w, 0, sizeof(ngx_deploy_slack_writer_t));

    w->pool = pool;
    w->build = build;
    w->rc = NGX_DEPLOY_OK;

    return ngx_deploy_slack_text(&w->text, pool, NGX_DEPLOY_SLACK_MAX_TEXT);
}


static int
ngx_deploy_slack_end(ngx_deploy_slack_writer_t *w, ngx_deploy_json_t *json,
    ngx_deploy_str_t *body)
{
    int  rc;

    rc = w->rc;

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, w->pool, body);
    }

    ngx_deploy_json_free(json);

    return rc == NGX_DEPLOY_OK ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


void
ngx_deploy_slack_clear(ngx_deploy_slack_writer_t *w, size_t max)
{
    w->text.len = 0;
    w->text.chars = 0;
    w->text.max = max;
    w->text.cut = 0;
}


ngx_deploy_json_t *
ngx_deploy_slack_string(ngx_deploy_slack_writer_t *w)
{
    ngx_deploy_str_t  s;

    if (w->text.len == 0) {
        return ngx_deploy_json_text(" ");
    }

    s.len = w->text.len;
    s.data = w->text.data;

    return ngx_deploy_json_str(&s);
}


static ngx_deploy_json_t *
ngx_deploy_slack_envelope(ngx_deploy_slack_writer_t *w,
    const ngx_deploy_slack_target_t *target)
{
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    w->rc |= ngx_deploy_json_set_str(json, "channel", &target->channel);
    w->rc |= ngx_deploy_json_set_str(json, "ts", &target->ts);
    w->rc |= ngx_deploy_json_set_str(json, "thread_ts", &target->thread);

    if (target->ts.data == NULL) {
        w->rc |= ngx_deploy_json_set(json, "unfurl_links",
                                     ngx_deploy_json_bool(0));
        w->rc |= ngx_deploy_json_set(json, "unfurl_media",
                                     ngx_deploy_json_bool(0));
    }

    return json;
}


/* ":x: *api-prod* failed in `build`: acme/api, `main`" */

static void
ngx_deploy_slack_headline(ngx_deploy_slack_writer_t *w)
{
    const ngx_deploy_str_t    *repo, *ref;
    ngx_deploy_slack_text_t   *text;
    const ngx_deploy_build_t  *build;

    text = &w->text;
    build = w->build;

    ngx_deploy_slack_clear(w, NGX_DEPLOY_SLACK_MAX_MESSAGE);
    ngx_deploy_slack_state_of(text, build);

    repo = &build->event.facts[NGX_DEPLOY_REPO];
    ref = &build->event.facts[NGX_DEPLOY_BRANCH];

    if (ref->len == 0) {
        ref = &build->event.facts[NGX_DEPLOY_TAG];
    }

    if (repo->len) {
        (void) ngx_deploy_slack_markup(text, ": ");
        ngx_deploy_slack_put(text, repo, NGX_DEPLOY_SLACK_MAX_NAME, 0);
    }

    if (ref->len) {
        (void) ngx_deploy_slack_markup(text, repo->len ? ", " : ": ");
        ngx_deploy_slack_code(text, ref, NGX_DEPLOY_SLACK_MAX_NAME);
    }
}


void
ngx_deploy_slack_state_of(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_t *build)
{
    const ngx_deploy_slack_state_t  *state;
    const ngx_deploy_build_phase_t  *phase;

    state = ngx_deploy_slack_state(build->status);

    (void) ngx_deploy_slack_markup(text, state->icon);
    (void) ngx_deploy_slack_markup(text, " *");
    ngx_deploy_slack_link(text, &build->url, &build->project,
                          NGX_DEPLOY_SLACK_MAX_NAME);
    (void) ngx_deploy_slack_markup(text, "* ");
    (void) ngx_deploy_slack_markup(text, state->words);

    phase = ngx_deploy_slack_place(build);

    if (phase) {
        (void) ngx_deploy_slack_markup(text, " in ");
        ngx_deploy_slack_code(text, &phase->name, NGX_DEPLOY_SLACK_MAX_NAME);
    }
}


const ngx_deploy_build_phase_t *
ngx_deploy_slack_place(const ngx_deploy_build_t *build)
{
    size_t                           i;
    const ngx_deploy_build_phase_t  *phase;

    if (build->status == NGX_DEPLOY_BUILD_SUCCEEDED) {
        return NULL;
    }

    phase = NULL;

    for (i = 0; i < build->nphases; i++) {

        if (build->phases[i].status == build->status) {
            phase = &build->phases[i];

            /* those after it fail because of it */

            if (ngx_deploy_build_final(build->status)) {
                break;
            }
        }
    }

    return phase;
}


void
ngx_deploy_slack_duration(ngx_deploy_slack_text_t *text, int64_t seconds)
{
    char  buf[64];

    if (seconds < 60) {
        (void) snprintf(buf, sizeof(buf), "%d s", (int) seconds);

    } else if (seconds < 3600) {
        (void) snprintf(buf, sizeof(buf), "%d min %d s",
                        (int) (seconds / 60), (int) (seconds % 60));

    } else {
        (void) snprintf(buf, sizeof(buf), "%lld h %d min",
                        (long long) (seconds / 3600),
                        (int) (seconds / 60 % 60));
    }

    (void) ngx_deploy_slack_markup(text, buf);
}
