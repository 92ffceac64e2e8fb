
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SCAN_H_INCLUDED_
#define _NGX_DEPLOY_SCAN_H_INCLUDED_


#include "ngx_deploy_core.h"


/*
 * A streaming extractor: one pass over a JSON text that arrives in pieces of
 * any size, strictly validated (RFC 8259, UTF-8, no duplicate keys, no NUL),
 * the values on the paths of a table handed to a callback, all others only
 * checked.  It accepts and refuses what jansson does with
 * JSON_REJECT_DUPLICATES, but for its own limits (scan->limited is set) and
 * a raw NUL, which jansson overlooks after a number or a literal.
 */

#define NGX_DEPLOY_SCAN_MAX_DEPTH   64       /* open arrays and objects */
#define NGX_DEPLOY_SCAN_MAX_KEYS    65536    /* keys in all open objects */
#define NGX_DEPLOY_SCAN_MAX_KEY     65536    /* bytes of one key */
#define NGX_DEPLOY_SCAN_MAX_NUMBER  1024     /* characters of one number */


typedef enum {
    NGX_DEPLOY_SCAN_STRING = 1,
    NGX_DEPLOY_SCAN_INTEGER,              /* value: the text of the number */
    NGX_DEPLOY_SCAN_REAL,                 /* value: the text of the number */
    NGX_DEPLOY_SCAN_TRUE,
    NGX_DEPLOY_SCAN_FALSE,
    NGX_DEPLOY_SCAN_NULL,
    NGX_DEPLOY_SCAN_OBJECT,               /* an object begins */
    NGX_DEPLOY_SCAN_OBJECT_END,
    NGX_DEPLOY_SCAN_ARRAY,
    NGX_DEPLOY_SCAN_ARRAY_END
} ngx_deploy_scan_type_e;


/*
 * One row of a table: a path of keys joined by ".", "[]" after a key stands
 * for each element of an array: "commits[].added[]", "changes[].ref.id".
 * "" is the root, "[]" an element of a root array.  A row may name an inner
 * node as well as its children.  fact is the caller's number, above zero.
 * max is the longest string wanted, in bytes after decoding; longer ones are
 * cut on a UTF-8 border when cut is 1, else end the scan with a limit error.
 */

typedef struct {
    const char           *path;
    unsigned              fact;
    size_t                max;
    unsigned              cut;
} ngx_deploy_scan_path_t;

#define ngx_deploy_scan_null_path  { NULL, 0, 0, 0 }


typedef struct ngx_deploy_scan_table_s  ngx_deploy_scan_table_t;
typedef struct ngx_deploy_scan_s  ngx_deploy_scan_t;


/*
 * Called for every value whose path is in the table, in document order.
 * value is the decoded string or the number's text, valid during the call
 * only, NULL for other types.  NGX_DEPLOY_OK goes on; anything else ends the
 * scan with that code, the handler having set scan->reason.
 */
typedef int (*ngx_deploy_scan_pt)(ngx_deploy_scan_t *scan, void *data,
    unsigned fact, ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);


/*
 * Compiles a table, ended by ngx_deploy_scan_null_path, once at
 * configuration time; the result is read-only and lives as long as the pool.
 * NULL when memory is short.
 */
ngx_deploy_scan_table_t *ngx_deploy_scan_compile(ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_path_t *paths);

/*
 * Adds the paths of another table, before the first scan.  NGX_DEPLOY_OK or
 * NGX_DEPLOY_ERROR.
 */
int ngx_deploy_scan_extend(ngx_deploy_pool_t *pool,
    ngx_deploy_scan_table_t *table, const ngx_deploy_scan_path_t *paths);

/*
 * A new scan.  Memory comes from the pool, bounded whatever the input; seed
 * makes the key hashes unpredictable.  NULL when memory is short.
 */
ngx_deploy_scan_t *ngx_deploy_scan_create(ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_table_t *table, ngx_deploy_scan_pt handler,
    void *data, uint64_t seed);

/*
 * The next bytes of the text.  NGX_DEPLOY_OK: so far well-formed;
 * NGX_DEPLOY_DECLINED: refused, see ngx_deploy_scan_reason();
 * NGX_DEPLOY_ERROR: memory; or the handler's code.  After anything but
 * NGX_DEPLOY_OK the scan is over and repeats its answer.
 */
int ngx_deploy_scan_feed(ngx_deploy_scan_t *scan, const u_char *p, size_t len);

/* the end of the text: NGX_DEPLOY_OK only after one whole document */
int ngx_deploy_scan_end(ngx_deploy_scan_t *scan);

/* a static text for people: "duplicate key", ... ; NULL while all is well */
const char *ngx_deploy_scan_reason(ngx_deploy_scan_t *scan);

/* for handlers: the reason to be given with the code they return */
void ngx_deploy_scan_set_reason(ngx_deploy_scan_t *scan, const char *reason);

/* bytes accepted so far: where the error is */
size_t ngx_deploy_scan_offset(ngx_deploy_scan_t *scan);

/* 1 when the text was refused by one of the limits above or a row's max */
int ngx_deploy_scan_limited(ngx_deploy_scan_t *scan);


#endif /* _NGX_DEPLOY_SCAN_H_INCLUDED_ */
