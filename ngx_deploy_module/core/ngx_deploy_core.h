
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_CORE_H_INCLUDED_
#define _NGX_DEPLOY_CORE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <sys/types.h>


#define NGX_DEPLOY_OK         0
#define NGX_DEPLOY_ERROR     -1    /* out of memory or a broken invariant */
#define NGX_DEPLOY_AGAIN     -2    /* more input or a later try is needed */
#define NGX_DEPLOY_DECLINED  -5    /* a clean "no": see the reason */


/* ngx_str_t where there is nginx; data is NULL where a value is absent */

#ifdef NGX_DEPLOY_STR_T

typedef NGX_DEPLOY_STR_T  ngx_deploy_str_t;

#else

typedef struct {
    size_t    len;
    u_char   *data;
} ngx_deploy_str_t;

#endif


#define ngx_deploy_string(s)  { sizeof(s) - 1, (u_char *) s }
#define ngx_deploy_null_string  { 0, NULL }


/*
 * The caller's memory: an nginx pool in the module, an arena elsewhere.
 * Nothing is freed one by one, all goes with the pool.
 */

typedef struct {
    void     *(*alloc)(void *data, size_t size);
    void     *data;
} ngx_deploy_pool_t;


/*
 * How often the request of data carries a header, its first value in *value;
 * name is lower case
 */
typedef unsigned (*ngx_deploy_get_header_pt)(void *data,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);


/* size bytes aligned for any type, or NULL when memory is short */
void *ngx_deploy_palloc(ngx_deploy_pool_t *pool, size_t size);

/* the same, zeroed */
void *ngx_deploy_pcalloc(ngx_deploy_pool_t *pool, size_t size);

/* copies len bytes of data; an empty copy has a non-NULL data.
 * NGX_DEPLOY_OK or NGX_DEPLOY_ERROR */
int ngx_deploy_pstrdup(ngx_deploy_pool_t *pool, ngx_deploy_str_t *dst,
    const u_char *data, size_t len);


/* 1 when a holds exactly the same bytes as b, both may be absent */
int ngx_deploy_str_eq(const ngx_deploy_str_t *a, const ngx_deploy_str_t *b);

/* 1 when s holds exactly the bytes of the C string text */
int ngx_deploy_str_is(const ngx_deploy_str_t *s, const char *text);

/* 1 when s begins with the C string text */
int ngx_deploy_str_starts(const ngx_deploy_str_t *s, const char *text);

/* ASCII case-insensitive comparison of s and a lower-case C string */
int ngx_deploy_str_is_nocase(const ngx_deploy_str_t *s, const char *text);

/*
 * Strict decimal: digits only, at least one, at most 18.
 * Returns the value or -1.
 */
int64_t ngx_deploy_atoi64(const u_char *p, size_t len);

/*
 * A time of nginx.conf in seconds: "90", "5m", "1h 30m"; the units y, M, w, d,
 * h, m, s go down, a number without one comes last.  At most 2^31 - 1.
 * Returns the value or -1.
 */
int64_t ngx_deploy_parse_time(const u_char *p, size_t len);

/*
 * Hexadecimal of either case, 2 * size digits exactly (RFC 4648, 8).
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_hex_decode(u_char *dst, size_t size, const u_char *p,
    size_t len);

/* lower-case hexadecimal, writes 2 * len bytes, returns the end */
u_char *ngx_deploy_hex_encode(u_char *dst, const u_char *p, size_t len);

/*
 * Standard base64 (RFC 4648, 4), padded, canonical (unused bits are zero),
 * no white space.  *size is the room in dst on entry, the length on return.
 * NGX_DEPLOY_OK or NGX_DEPLOY_DECLINED.
 */
int ngx_deploy_base64_decode(u_char *dst, size_t *size, const u_char *p,
    size_t len);

/*
 * The length, 2 to 4, of the well-formed UTF-8 sequence (RFC 3629) of more than
 * a byte that p begins with, or zero; p is before end.
 */
size_t ngx_deploy_utf8_sequence(const u_char *p, const u_char *end);

/* 1 when the bytes are well-formed UTF-8 (RFC 3629) */
int ngx_deploy_utf8_valid(const u_char *p, size_t len);

/* the largest n <= max that does not cut a UTF-8 sequence of p in two */
size_t ngx_deploy_utf8_cut(const u_char *p, size_t len, size_t max);

/*
 * 1 when a well-formed sequence of n bytes, 2 to 4, is one that is not seen
 * but changes what is: C1 controls, separators of lines, what turns the
 * direction of writing (Unicode, UAX #9)
 */
unsigned ngx_deploy_utf8_hidden(const u_char *p, size_t n);


#endif /* _NGX_DEPLOY_CORE_H_INCLUDED_ */
