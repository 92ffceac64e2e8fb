
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SLACK_TEXT_H_INCLUDED_
#define _NGX_DEPLOY_SLACK_TEXT_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * Texts of Slack's markup (mrkdwn) with words of strangers in it.  Lengths
 * are those of JavaScript, UTF-16 units, which are never less than
 * characters; an entity, a link or a character is taken whole or not at all.
 */

typedef struct {
    u_char               *data;
    size_t                len;       /* bytes */
    size_t                chars;     /* UTF-16 units */
    size_t                max;       /* of them */
    unsigned              cut;       /* something did not fit */
} ngx_deploy_slack_text_t;


/* line feeds are kept, else the text is one line */
#define NGX_DEPLOY_SLACK_LINES   0x01

/* between backticks, where nothing but a backtick means anything */
#define NGX_DEPLOY_SLACK_CODE    0x02

/* in a link, where "|" ends the address */
#define NGX_DEPLOY_SLACK_LABEL   0x04


/* an empty text for max units.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_slack_text(ngx_deploy_slack_text_t *text,
    ngx_deploy_pool_t *pool, size_t max);

/*
 * Appends markup of our own, whole.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED
 * when it does not fit.
 */
int ngx_deploy_slack_markup(ngx_deploy_slack_text_t *text,
    const char *markup);

/*
 * Appends words of strangers, so that they show as they are: "&", "<" and
 * ">" become entities; as "*", "_", "~" and "`" cannot be escaped, where they
 * might format they become characters that look alike; control characters
 * become spaces; what turns the direction of writing, and what is no UTF-8,
 * become U+FFFD.  More than max units are cut and end in U+2026.
 */
void ngx_deploy_slack_put(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *s, size_t max, unsigned flags);

/* the same in between backticks, nothing for an empty s */
void ngx_deploy_slack_code(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *s, size_t max);

/*
 * Appends a link; the label alone when url is not http or https, has bytes
 * that no link may have, or does not fit.
 */
void ngx_deploy_slack_link(ngx_deploy_slack_text_t *text,
    const ngx_deploy_str_t *url, const ngx_deploy_str_t *label, size_t max);


#endif /* _NGX_DEPLOY_SLACK_TEXT_H_INCLUDED_ */
