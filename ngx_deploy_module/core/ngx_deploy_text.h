
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TEXT_H_INCLUDED_
#define _NGX_DEPLOY_TEXT_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * A text that grows in memory of a pool.  Writers need no check: what goes
 * wrong is told by ngx_deploy_text_end().
 */

typedef struct {
    ngx_deploy_pool_t    *pool;
    u_char               *data;
    size_t                len;
    size_t                size;
    unsigned              failed;
} ngx_deploy_text_t;


void ngx_deploy_text_init(ngx_deploy_text_t *text, ngx_deploy_pool_t *pool);

/* appends len bytes; text of our own; decimal */
void ngx_deploy_text_add(ngx_deploy_text_t *text, const u_char *p,
    size_t len);
void ngx_deploy_text_put(ngx_deploy_text_t *text, const char *s);
void ngx_deploy_text_int(ngx_deploy_text_t *text, int64_t n);

/* milliseconds as seconds, without trailing zeros: "0.25", "3" */
void ngx_deploy_text_msec(ngx_deploy_text_t *text, int64_t msec);

/*
 * Milliseconds since the epoch as RFC 3339 has it, in UTC, with or without
 * those: "2026-11-25T03:10:00.125Z"; years 1970 to 9999
 */
void ngx_deploy_text_time(ngx_deploy_text_t *text, int64_t msec,
    unsigned fraction);

/*
 * Words of strangers for HTML, in text and in quoted attributes: the five
 * characters that mean something become references (HTML, 13.1.2.3),
 * controls, what is hidden and what is no UTF-8 become U+FFFD, white space
 * a space.
 */
void ngx_deploy_text_html(ngx_deploy_text_t *text, const ngx_deploy_str_t *s);

/* the same as a component of a URI, in percents (RFC 3986, 2.3) */
void ngx_deploy_text_uri(ngx_deploy_text_t *text, const ngx_deploy_str_t *s);

/*
 * A value of a label in the text format of Prometheus, without its quotes:
 * backslash, quote and line feed are escaped, as above
 */
void ngx_deploy_text_label(ngx_deploy_text_t *text,
    const ngx_deploy_str_t *s);

/* the text: NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR when memory was short */
int ngx_deploy_text_end(ngx_deploy_text_t *text, ngx_deploy_str_t *s);


#endif /* _NGX_DEPLOY_TEXT_H_INCLUDED_ */
