
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_JSON_H_INCLUDED_
#define _NGX_DEPLOY_JSON_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * The only door to jansson, for small documents: AWS replies, StartBuild
 * bodies, answers.  Texts are UTF-8; bytes that are not are replaced by
 * U+FFFD when written.  Setters steal the value they are given, also when
 * they fail, and fail on a NULL value, so a tree can be built without a
 * check at each step and checked once at the end.
 */

typedef struct json_t  ngx_deploy_json_t;


/* once per process, before the first use: seeds jansson's hash */
void ngx_deploy_json_init(void);

/*
 * Parses a document, an object or an array, of at most max bytes, duplicates
 * and NUL refused, depth at most 32.  Returns a new tree to be freed, or NULL
 * with a static *reason.
 */
ngx_deploy_json_t *ngx_deploy_json_parse(const u_char *p, size_t len,
    size_t max, const char **reason);

void ngx_deploy_json_free(ngx_deploy_json_t *json);

/*
 * The end of what was made: json, or NULL, having freed it, when rc, to which
 * the results of all steps were added, is not NGX_DEPLOY_OK.
 */
ngx_deploy_json_t *ngx_deploy_json_done(ngx_deploy_json_t *json, int rc);

ngx_deploy_json_t *ngx_deploy_json_object(void);
ngx_deploy_json_t *ngx_deploy_json_array(void);
ngx_deploy_json_t *ngx_deploy_json_str(const ngx_deploy_str_t *s);
ngx_deploy_json_t *ngx_deploy_json_text(const char *s);
ngx_deploy_json_t *ngx_deploy_json_int(int64_t n);
ngx_deploy_json_t *ngx_deploy_json_bool(int n);

/* NGX_DEPLOY_OK or NGX_DEPLOY_ERROR, value is taken over in any case */
int ngx_deploy_json_set(ngx_deploy_json_t *object, const char *key,
    ngx_deploy_json_t *value);
int ngx_deploy_json_append(ngx_deploy_json_t *array, ngx_deploy_json_t *value);

/* sets a text member unless s is absent */
int ngx_deploy_json_set_str(ngx_deploy_json_t *object, const char *key,
    const ngx_deploy_str_t *s);

/* a borrowed member, NULL when it is absent or null or json no object */
ngx_deploy_json_t *ngx_deploy_json_get(ngx_deploy_json_t *json,
    const char *key);

/* a borrowed text, absent when it is no string; of json when key is NULL */
ngx_deploy_str_t ngx_deploy_json_get_str(ngx_deploy_json_t *json,
    const char *key);

/* an integer member, a real is cut towards zero; dflt when absent */
int64_t ngx_deploy_json_get_int(ngx_deploy_json_t *json, const char *key,
    int64_t dflt);

/* 1 or 0 of a boolean member, else dflt */
int ngx_deploy_json_get_bool(ngx_deploy_json_t *json, const char *key,
    int dflt);

/* the borrowed element i of an array, NULL after the last one */
ngx_deploy_json_t *ngx_deploy_json_at(ngx_deploy_json_t *array, size_t i);

/*
 * Writes json in one line, members in the order they were set, into memory
 * of the pool.  NGX_DEPLOY_OK or NGX_DEPLOY_ERROR.  json is not freed.
 */
int ngx_deploy_json_dump(ngx_deploy_json_t *json, ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *out);


#endif /* _NGX_DEPLOY_JSON_H_INCLUDED_ */
