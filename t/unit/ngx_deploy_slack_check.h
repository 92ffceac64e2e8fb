
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SLACK_CHECK_H_INCLUDED_
#define _NGX_DEPLOY_SLACK_CHECK_H_INCLUDED_


#include "ngx_deploy_json.h"
#include "ngx_deploy_tap.h"


/*
 * What any message has to be, whoever's words are in it: Slack's limits, no
 * "<", ">" or "&" but in links of ours and in entities.  The functions give
 * NULL or what is wrong.
 */


static tap_unused size_t
slack_units(const ngx_deploy_str_t *s)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < s->len; i++) {
        n += (s->data[i] & 0xc0) != 0x80;
        n += s->data[i] >= 0xf0;
    }

    return n;
}


/* the length of "<https://...|...>" or "<@U...>", or 0 */

static tap_unused size_t
slack_link(const u_char *p, size_t len)
{
    size_t         i;
    const u_char  *end, *bar;

    end = memchr(p, '>', len);

    if (end == NULL) {
        return 0;
    }

    len = end + 1 - p;

    if (len > 3 && p[1] == '@') {
        for (i = 2; i < len - 1; i++) {
            if ((p[i] < 'A' || p[i] > 'Z') && (p[i] < '0' || p[i] > '9')) {
                return 0;
            }
        }

        return len;
    }

    bar = memchr(p, '|', len);

    if (bar == NULL || bar + 1 == end || memchr(p + 1, '<', len - 1)
        || memchr(bar + 1, '|', end - bar - 1)
        || (strncmp((char *) p, "<http://", 8) != 0
            && strncmp((char *) p, "<https://", 9) != 0))
    {
        return 0;
    }

    for (i = 1; p + i < bar; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f) {
            return 0;
        }
    }

    return len;
}


static tap_unused const char *
slack_text(const ngx_deploy_str_t *s, size_t max)
{
    size_t         i, n;
    const u_char  *p;

    if (s->data == NULL || s->len == 0) {
        return "no text";
    }

    if (!ngx_deploy_utf8_valid(s->data, s->len)) {
        return "not UTF-8";
    }

    if (slack_units(s) > max) {
        return "too long";
    }

    for (i = 0; i < s->len; i++) {
        p = s->data + i;

        if (*p == '<') {
            n = slack_link(p, s->len - i);

            if (n == 0) {
                return "\"<\"";
            }

            /* entities are entities in links, too */

            for (n = n - 1; n; n--, i++) {
                if (s->data[i] == '&'
                    && strncmp((char *) s->data + i, "&amp;", 5) != 0
                    && strncmp((char *) s->data + i, "&lt;", 4) != 0
                    && strncmp((char *) s->data + i, "&gt;", 4) != 0)
                {
                    return "\"&\" in a link";
                }
            }

            continue;
        }

        if (*p == '>') {
            return "\">\"";
        }

        if (*p == '&' && (s->len - i < 5 || memcmp(p, "&amp;", 5) != 0)
            && (s->len - i < 4 || (memcmp(p, "&lt;", 4) != 0
                                   && memcmp(p, "&gt;", 4) != 0)))
        {
            return "\"&\"";
        }

        if (*p < ' ' && *p != '\n') {
            return "control character";
        }
    }

    return NULL;
}


static tap_unused const char *
slack_object(ngx_deploy_json_t *json, const char *type, size_t max)
{
    ngx_deploy_str_t  s;

    s = ngx_deploy_json_get_str(json, "type");

    if (!ngx_deploy_str_is(&s, type)) {
        return "type of a text";
    }

    if (strcmp(type, "mrkdwn") == 0
        && !ngx_deploy_json_get_bool(json, "verbatim", 0))
    {
        return "not verbatim";
    }

    s = ngx_deploy_json_get_str(json, "text");

    return slack_text(&s, max);
}


static tap_unused const char *
slack_button(ngx_deploy_json_t *json)
{
    const char         *wrong;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *confirm;

    s = ngx_deploy_json_get_str(json, "type");

    if (!ngx_deploy_str_is(&s, "button")) {
        return "no button";
    }

    s = ngx_deploy_json_get_str(json, "value");

    if (s.len == 0 || slack_units(&s) > 2000) {
        return "value of a button";
    }

    s = ngx_deploy_json_get_str(json, "action_id");

    if (s.len == 0 || s.len > 255) {
        return "action_id";
    }

    wrong = slack_object(ngx_deploy_json_get(json, "text"), "plain_text", 75);
    confirm = ngx_deploy_json_get(json, "confirm");

    if (wrong == NULL && confirm) {
        wrong = slack_object(ngx_deploy_json_get(confirm, "title"),
                             "plain_text", 100);
    }

    if (wrong == NULL && confirm) {
        wrong = slack_object(ngx_deploy_json_get(confirm, "text"),
                             "plain_text", 300);
    }

    if (wrong == NULL && confirm) {
        wrong = slack_object(ngx_deploy_json_get(confirm, "confirm"),
                             "plain_text", 30);
    }

    if (wrong == NULL && confirm) {
        wrong = slack_object(ngx_deploy_json_get(confirm, "deny"),
                             "plain_text", 30);
    }

    return wrong;
}


static tap_unused const char *
slack_block(ngx_deploy_json_t *json)
{
    size_t              i, max;
    const char         *wrong;
    ngx_deploy_str_t    type;
    ngx_deploy_json_t  *list, *item;

    type = ngx_deploy_json_get_str(json, "type");
    wrong = NULL;

    if (ngx_deploy_str_is(&type, "section")) {

        if (ngx_deploy_json_get(json, "text")) {
            wrong = slack_object(ngx_deploy_json_get(json, "text"), "mrkdwn",
                                 3000);
        }

        list = ngx_deploy_json_get(json, "fields");
        max = 10;

        if (list == NULL && ngx_deploy_json_get(json, "text") == NULL) {
            return "empty section";
        }

    } else {
        list = ngx_deploy_json_get(json, "elements");
        max = ngx_deploy_str_is(&type, "context") ? 10 : 25;

        if (ngx_deploy_json_at(list, 0) == NULL) {
            return "no elements";
        }
    }

    for (i = 0; wrong == NULL; i++) {
        item = ngx_deploy_json_at(list, i);

        if (item == NULL) {
            return NULL;
        }

        if (i == max) {
            return "too many of them";
        }

        if (ngx_deploy_str_is(&type, "actions")) {
            wrong = slack_button(item);

        } else {
            wrong = slack_object(item, "mrkdwn",
                                 ngx_deploy_str_is(&type, "context") ? 3000
                                                                     : 2000);
        }
    }

    return wrong;
}


static tap_unused const char *
slack_body(const ngx_deploy_str_t *body)
{
    size_t              i;
    const char         *wrong, *reason;
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *json, *item, *block;

    json = ngx_deploy_json_parse(body->data, body->len, 262144, &reason);

    if (json == NULL) {
        return reason;
    }

    s = ngx_deploy_json_get_str(json, "text");
    wrong = slack_text(&s, 4000);

    item = ngx_deploy_json_at(ngx_deploy_json_get(json, "attachments"), 0);

    if (wrong == NULL && item) {
        s = ngx_deploy_json_get_str(item, "fallback");
        wrong = slack_text(&s, 3000);

        s = ngx_deploy_json_get_str(item, "color");

        if (s.len != 7 || s.data[0] != '#') {
            wrong = "color";
        }
    }

    for (i = 0; wrong == NULL; i++) {
        block = ngx_deploy_json_at(ngx_deploy_json_get(item, "blocks"), i);

        if (block == NULL) {
            break;
        }

        wrong = (i == 50) ? "too many blocks" : slack_block(block);
    }

    ngx_deploy_json_free(json);

    return wrong;
}


#endif /* _NGX_DEPLOY_SLACK_CHECK_H_INCLUDED_ */
