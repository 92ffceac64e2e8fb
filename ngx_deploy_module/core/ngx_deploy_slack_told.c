
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_slack_told.h"
#include "ngx_deploy_slack_writer.h"

#include <stdio.h>


#define NGX_DEPLOY_SLACK_TOLD_HASH   10     /* characters of a commit */
#define NGX_DEPLOY_SLACK_TOLD_NAME   100    /* units of a name */
#define NGX_DEPLOY_SLACK_TOLD_VALUE  80     /* of a condition's values */
#define NGX_DEPLOY_SLACK_TOLD_LINE   1400   /* all of a line, for sure */


static void ngx_deploy_slack_told_event(ngx_deploy_slack_text_t *text,
    const ngx_deploy_event_t *event);
static void ngx_deploy_slack_told_age(ngx_deploy_slack_text_t *text,
    int64_t age);
static int ngx_deploy_slack_why_events(ngx_deploy_slack_text_t *text,
    ngx_deploy_pool_t *pool, const ngx_deploy_slack_delivery_t *delivery);
static void ngx_deploy_slack_why_build(ngx_deploy_slack_text_t *text,
    const ngx_deploy_slack_kept_t *kept);
static void ngx_deploy_slack_why_rules(ngx_deploy_slack_text_t *text,
    const ngx_deploy_slack_delivery_t *delivery);
static void ngx_deploy_slack_why_rule(ngx_deploy_slack_text_t *text,
    ngx_deploy_json_t *rule, unsigned several);


int
ngx_deploy_slack_status(ngx_deploy_slack_text_t *text,
    const ngx_deploy_build_t *build, int64_t now)
{
    int64_t                  since;
    const ngx_deploy_str_t  *user, *who;

    if (text->max - text->chars < NGX_DEPLOY_SLACK_TOLD_LINE) {
        return NGX_DEPLOY_DECLINED;
    }

    ngx_deploy_slack_state_of(text, build);
    ngx_deploy_slack_told_event(text, &build->event);

    user = &build->event.facts[NGX_DEPLOY_USER];
    who = &build->event.facts[NGX_DEPLOY_SENDER];

    if (ngx_deploy_slack_user(user) == NGX_DEPLOY_OK) {
        (void) ngx_deploy_slack_markup(text, ", by <@");
        ngx_deploy_slack_put(text, user, NGX_DEPLOY_SLACK_TOLD_NAME, 0);
        (void) ngx_deploy_slack_markup(text, ">");

    } else if (who->len) {
        (void) ngx_deploy_slack_markup(text, ", by ");
        ngx_deploy_slack_put(text, who, NGX_DEPLOY_SLACK_TOLD_NAME, 0);
    }

    since = (build->finished >= 0) ? build->finished : build->started;

    if (since >= 0) {
        (void) ngx_deploy_slack_markup(text, ", ");
        ngx_deploy_slack_told_age(text, now - since);
    }

    if (build->id.len && !ngx_deploy_build_final(build->status)) {
        (void) ngx_deploy_slack_markup(text, ", ");
        ngx_deploy_slack_code(text, &build->id, NGX_DEPLOY_SLACK_MAX_NAME);
    }

    return NGX_DEPLOY_OK;
}


/* " of acme/api, `main`, `0123456789`" */

static void
ngx_deploy_slack_told_event(ngx_deploy_slack_text_t *text,
    const ngx_deploy_event_t *event)
{
    const char        *comma;
    ngx_deploy_str_t   ref, commit;

    comma = ": ";
    ref = event->facts[NGX_DEPLOY_BRANCH];

    if (ref.len == 0) {
        ref = event->facts[NGX_DEPLOY_TAG];
    }

    commit = event->facts[NGX_DEPLOY_COMMIT];

    if (commit.len > NGX_DEPLOY_SLACK_TOLD_HASH) {
        commit.len = NGX_DEPLOY_SLACK_TOLD_HASH;
    }

    if (event->facts[NGX_DEPLOY_REPO].len) {
        (void) ngx_deploy_slack_markup(text, comma);
        ngx_deploy_slack_put(text, &event->facts[NGX_DEPLOY_REPO],
                             NGX_DEPLOY_SLACK_TOLD_NAME, 0);
        comma = ", ";
    }

    if (ref.len) {
        (void) ngx_deploy_slack_markup(text, comma);
        ngx_deploy_slack_code(text, &ref, NGX_DEPLOY_SLACK_TOLD_NAME);
        comma = ", ";
    }

    if (commit.len) {
        (void) ngx_deploy_slack_markup(text, comma);
        ngx_deploy_slack_code(text, &commit, NGX_DEPLOY_SLACK_TOLD_NAME);
    }
}


static void
ngx_deploy_slack_told_age(ngx_deploy_slack_text_t *text, int64_t age)
{
    char  buf[32];

    if (age < 0) {
        age = 0;
    }

    if (age < 172800) {
        ngx_deploy_slack_duration(text, age);

    } else {
        (void) snprintf(buf, sizeof(buf), "%lld days",
                        (long long) (age / 86400));
        (void) ngx_deploy_slack_markup(text, buf);
    }

    (void) ngx_deploy_slack_markup(text, " ago");
}


int
ngx_deploy_slack_why(ngx_deploy_slack_text_t *text, ngx_deploy_pool_t *pool,
    const ngx_deploy_slack_delivery_t *delivery, int64_t now)
{
    size_t  i;

    (void) ngx_deploy_slack_markup(text, "Delivery ");
    ngx_deploy_slack_code(text, &delivery->id, NGX_DEPLOY_SLACK_MAX_NAME);
    (void) ngx_deploy_slack_markup(text, " of ");
    ngx_deploy_slack_put(text, &delivery->provider,
                         NGX_DEPLOY_SLACK_TOLD_NAME, 0);
    (void) ngx_deploy_slack_markup(text, ", ");
    ngx_deploy_slack_told_age(text, now - delivery->received);
    (void) ngx_deploy_slack_markup(text, ", accepted at ");
    ngx_deploy_slack_code(text, &delivery->location,
                          NGX_DEPLOY_SLACK_TOLD_NAME);
    (void) ngx_deploy_slack_markup(text, " by ");
    ngx_deploy_slack_code(text, &delivery->scheme,
                          NGX_DEPLOY_SLACK_TOLD_NAME);

    if (ngx_deploy_slack_why_events(text, pool, delivery) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    for (i = 0; i < delivery->nbuilds; i++) {
        ngx_deploy_slack_why_build(text, &delivery->builds[i]);
    }

    if (delivery->nbuilds == 0) {
        (void) ngx_deploy_slack_markup(text, "\nIt started nothing.");
    }

    ngx_deploy_slack_why_rules(text, delivery);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_slack_why_events(ngx_deploy_slack_text_t *text,
    ngx_deploy_pool_t *pool, const ngx_deploy_slack_delivery_t *delivery)
{
    int                      rc;
    size_t                   i;
    const ngx_deploy_str_t  *word, *sender;
    ngx_deploy_event_t       event;

    for (i = 0; i < NGX_DEPLOY_SLACK_TOLD_EVENTS; i++) {

        rc = ngx_deploy_event_load(&event, pool, &delivery->events, i);

        if (rc == NGX_DEPLOY_ERROR) {
            return rc;
        }

        if (rc != NGX_DEPLOY_OK) {
            break;
        }

        word = &event.facts[NGX_DEPLOY_EVENT];
        sender = &event.facts[NGX_DEPLOY_SENDER];

        (void) ngx_deploy_slack_markup(text, "\nEvent ");
        ngx_deploy_slack_code(text, word, NGX_DEPLOY_SLACK_TOLD_NAME);

        if (event.facts[NGX_DEPLOY_ACTION].len) {
            (void) ngx_deploy_slack_markup(text, " ");
            ngx_deploy_slack_code(text, &event.facts[NGX_DEPLOY_ACTION],
                                  NGX_DEPLOY_SLACK_TOLD_NAME);
        }

        ngx_deploy_slack_told_event(text, &event);

        if (sender->len) {
            (void) ngx_deploy_slack_markup(text, ", by ");
            ngx_deploy_slack_put(text, sender, NGX_DEPLOY_SLACK_TOLD_NAME, 0);
        }
    }

    if (i == 0) {
        (void) ngx_deploy_slack_markup(text, "\nThere was no event in it.");
    }

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_slack_why_build(ngx_deploy_slack_text_t *text,
    const ngx_deploy_slack_kept_t *kept)
{
    char                     buf[64];
    const ngx_deploy_str_t  *message;

    if (text->max - text->chars < NGX_DEPLOY_SLACK_TOLD_LINE) {
        return;
    }

    (void) ngx_deploy_slack_markup(text, "\n");
    ngx_deploy_slack_state_of(text, &kept->build);

    if (kept->build.id.len) {
        (void) ngx_deploy_slack_markup(text, ", ");
        ngx_deploy_slack_code(text, &kept->build.id,
                              NGX_DEPLOY_SLACK_MAX_NAME);
        return;
    }

    if (kept->attempts > 1) {
        (void) snprintf(buf, sizeof(buf), " after %lld attempts",
                        (long long) kept->attempts);
        (void) ngx_deploy_slack_markup(text, buf);
    }

    message = &kept->build.message;

    if (kept->error.len) {
        (void) ngx_deploy_slack_markup(text, ": ");
        ngx_deploy_slack_put(text, &kept->error, NGX_DEPLOY_SLACK_TOLD_NAME,
                             0);
    }

    if (message->len) {
        (void) ngx_deploy_slack_markup(text, ": ");
        ngx_deploy_slack_put(text, message, NGX_DEPLOY_SLACK_MAX_NAME, 0);
    }
}


static void
ngx_deploy_slack_why_rules(ngx_deploy_slack_text_t *text,
    const ngx_deploy_slack_delivery_t *delivery)
{
    size_t              i;
    unsigned            several;
    const char         *reason;
    ngx_deploy_json_t  *rules, *rule;

    rules = ngx_deploy_json_parse(delivery->rules.data, delivery->rules.len,
                                  NGX_DEPLOY_SLACK_TOLD_JSON, &reason);
    several = 0;

    for (i = 0; /* void */ ; i++) {
        rule = ngx_deploy_json_at(rules, i);

        /* those that matched come last */

        if (rule == NULL || ngx_deploy_json_get(rule, "failed") == NULL) {
            break;
        }

        several |= (ngx_deploy_json_get_int(rule, "event", 0) > 0);
    }

    if (i) {
        (void) ngx_deploy_slack_markup(text, "\nRules that did not match:");
    }

    for (i = 0; /* void */ ; i++) {
        rule = ngx_deploy_json_at(rules, i);

        if (rule == NULL || ngx_deploy_json_get(rule, "failed") == NULL) {
            break;
        }

        if (i == NGX_DEPLOY_SLACK_TOLD_RULES
            || text->max - text->chars < NGX_DEPLOY_SLACK_TOLD_LINE / 2)
        {
            (void) ngx_deploy_slack_markup(text, "\nand more");
            break;
        }

        ngx_deploy_slack_why_rule(text, rule, several);
    }

    ngx_deploy_json_free(rules);
}


/* "`api-docs`, line 12: `branch` is `dev`, it wants `main`" */

static void
ngx_deploy_slack_why_rule(ngx_deploy_slack_text_t *text,
    ngx_deploy_json_t *rule, unsigned several)
{
    char              buf[64];
    unsigned          negate;
    ngx_deploy_str_t  project, failed, want, got;

    project = ngx_deploy_json_get_str(rule, "project");
    failed = ngx_deploy_json_get_str(rule, "failed");
    want = ngx_deploy_json_get_str(rule, "want");
    got = ngx_deploy_json_get_str(rule, "got");

    negate = (want.data == NULL);

    if (negate) {
        want = ngx_deploy_json_get_str(rule, "want_not");
    }

    (void) ngx_deploy_slack_markup(text, "\n");
    ngx_deploy_slack_code(text, &project, NGX_DEPLOY_SLACK_TOLD_VALUE);

    (void) snprintf(buf, sizeof(buf), ", line %lld",
                    (long long) ngx_deploy_json_get_int(rule, "line", 0));
    (void) ngx_deploy_slack_markup(text, buf);

    if (several) {
        (void) snprintf(buf, sizeof(buf), ", event %lld",
                    (long long) ngx_deploy_json_get_int(rule, "event", 0) + 1);
        (void) ngx_deploy_slack_markup(text, buf);
    }

    (void) ngx_deploy_slack_markup(text, ": ");
    ngx_deploy_slack_code(text, &failed, NGX_DEPLOY_SLACK_TOLD_VALUE);

    if (got.len) {
        (void) ngx_deploy_slack_markup(text, " is ");
        ngx_deploy_slack_code(text, &got, NGX_DEPLOY_SLACK_TOLD_VALUE);

    } else {
        (void) ngx_deploy_slack_markup(text, got.data ? " is empty"
                                                      : " is not known");
    }

    (void) ngx_deploy_slack_markup(text, negate ? ", it wants anything but "
                                                : ", it wants ");
    ngx_deploy_slack_code(text, &want, NGX_DEPLOY_SLACK_TOLD_VALUE);
}
