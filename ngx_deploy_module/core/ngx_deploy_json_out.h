
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_JSON_OUT_H_INCLUDED_
#define _NGX_DEPLOY_JSON_OUT_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * JSON (RFC 8259) that is written: answers, what the store keeps, trees.  The
 * text grows in memory of a pool, in one line, members in the order they are
 * written.  Bytes that are no UTF-8 become U+FFFD.  There is no check at each
 * step: what fails makes ngx_deploy_json_out_end() fail.  A key is a member's
 * name, of plain characters; NULL for an element of an array or for the whole.
 */

typedef struct {
    ngx_deploy_pool_t   pool;
    u_char             *start;
    u_char             *pos;
    u_char             *last;
    int                 rc;
} ngx_deploy_json_out_t;


/* begins a text with room for size bytes, at least 1; the pool is copied */
void ngx_deploy_json_out_begin(ngx_deploy_json_out_t *out,
    const ngx_deploy_pool_t *pool, size_t size);

/*
 * The text, which is not terminated: NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR when
 * memory ran out.
 */
int ngx_deploy_json_out_end(ngx_deploy_json_out_t *out,
    ngx_deploy_str_t *text);

/* begin an object or an array */
void ngx_deploy_json_out_object(ngx_deploy_json_out_t *out, const char *key);
void ngx_deploy_json_out_array(ngx_deploy_json_out_t *out, const char *key);

/* end what was begun, bracket is "}" or "]" */
void ngx_deploy_json_out_close(ngx_deploy_json_out_t *out, u_char bracket);

/* the name of a member, any text; its value follows, with a NULL key */
void ngx_deploy_json_out_name(ngx_deploy_json_out_t *out,
    const ngx_deploy_str_t *name);

/* a text; the second writes nothing when s is absent */
void ngx_deploy_json_out_text(ngx_deploy_json_out_t *out, const char *key,
    const char *s);
void ngx_deploy_json_out_str(ngx_deploy_json_out_t *out, const char *key,
    const ngx_deploy_str_t *s);

void ngx_deploy_json_out_int(ngx_deploy_json_out_t *out, const char *key,
    int64_t n);
void ngx_deploy_json_out_bool(ngx_deploy_json_out_t *out, const char *key,
    int n);

/* a value that is JSON already */
void ngx_deploy_json_out_raw(ngx_deploy_json_out_t *out, const char *key,
    const ngx_deploy_str_t *json);


#endif /* _NGX_DEPLOY_JSON_OUT_H_INCLUDED_ */
