
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SCAN_STATE_H_INCLUDED_
#define _NGX_DEPLOY_SCAN_STATE_H_INCLUDED_


#include "ngx_deploy_scan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


/* private to ngx_deploy_scan*.c */


#define NGX_DEPLOY_SCAN_ONES   0x0101010101010101ULL
#define NGX_DEPLOY_SCAN_HIGHS  0x8080808080808080ULL


typedef struct ngx_deploy_scan_node_s  ngx_deploy_scan_node_t;

struct ngx_deploy_scan_node_s {
    ngx_deploy_str_t         key;
    uint64_t                 filter;     /* which children there may be */
    ngx_deploy_scan_node_t  *children;
    ngx_deploy_scan_node_t  *next;
    ngx_deploy_scan_node_t  *element;
    size_t                   max;
    unsigned                 cut;
    unsigned                 fact;       /* zero: nothing wanted here */
};


struct ngx_deploy_scan_table_s {
    ngx_deploy_scan_node_t   root;
};


/* what the next byte belongs to */

typedef enum {
    NGX_DEPLOY_SCAN_AT_ROOT = 0,
    NGX_DEPLOY_SCAN_AT_FIRST_KEY,
    NGX_DEPLOY_SCAN_AT_KEY,
    NGX_DEPLOY_SCAN_AT_COLON,
    NGX_DEPLOY_SCAN_AT_FIRST_VALUE,
    NGX_DEPLOY_SCAN_AT_VALUE,
    NGX_DEPLOY_SCAN_AT_COMMA,
    NGX_DEPLOY_SCAN_IN_STRING,
    NGX_DEPLOY_SCAN_IN_NUMBER,
    NGX_DEPLOY_SCAN_IN_LITERAL,
    NGX_DEPLOY_SCAN_AT_END
} ngx_deploy_scan_state_e;


/* the same inside of a string */

typedef enum {
    NGX_DEPLOY_SCAN_TEXT = 0,
    NGX_DEPLOY_SCAN_UTF8,
    NGX_DEPLOY_SCAN_ESCAPE,
    NGX_DEPLOY_SCAN_HEX,
    NGX_DEPLOY_SCAN_LOW_ESCAPE,
    NGX_DEPLOY_SCAN_LOW_U
} ngx_deploy_scan_part_e;


typedef struct {
    const ngx_deploy_scan_node_t  *node;
    uint64_t                       seed;     /* of the key hashes */
    size_t                         mark;     /* keys of outer objects */
    unsigned                       array;
} ngx_deploy_scan_frame_t;


struct ngx_deploy_scan_s {
    ngx_deploy_pool_t             *pool;
    ngx_deploy_scan_pt             handler;
    void                          *data;
    const char                    *reason;

    const ngx_deploy_scan_node_t  *node;     /* of the value to come */
    const u_char                  *pos;      /* where the scan has ended */
    size_t                         offset;
    int                            rc;
    unsigned                       limited;

    ngx_deploy_scan_state_e        state;
    unsigned                       depth;

    /* a token that is cut by the end of a buffer or has escapes */

    ngx_deploy_scan_part_e         part;
    unsigned                       is_key;
    unsigned                       keep;
    unsigned                       cut;
    unsigned                       digits;
    unsigned                       code;
    unsigned                       surrogate;
    unsigned                       rest;     /* bytes of a UTF-8 sequence */
    u_char                         low;
    u_char                         high;
    ngx_deploy_scan_type_e         literal;
    const char                    *text;     /* the rest of a literal */
    size_t                         limit;
    size_t                         len;
    size_t                         size;
    u_char                        *buf;

    /*
     * The keys of the open objects: a stack of hashes, of which a part is
     * compared at once, and a set of hashes for those of large objects
     */

    uint64_t                       secret[2];
    uint64_t                       serial;
    uint64_t                      *keys;
    uint16_t                      *tags;
    size_t                         nkeys;
    size_t                         keys_size;
    uint64_t                      *set;
    size_t                         set_used;
    size_t                         set_size;

    ngx_deploy_scan_frame_t        frames[NGX_DEPLOY_SCAN_MAX_DEPTH];
};


const u_char *ngx_deploy_scan_fail(ngx_deploy_scan_t *scan, const u_char *p,
    const char *reason);
const u_char *ngx_deploy_scan_limit(ngx_deploy_scan_t *scan, const u_char *p,
    const char *reason);
const u_char *ngx_deploy_scan_no_memory(ngx_deploy_scan_t *scan,
    const u_char *p);

/* the handler's answer, for a node that has a fact */
const u_char *ngx_deploy_scan_call(ngx_deploy_scan_t *scan,
    const ngx_deploy_scan_node_t *node, ngx_deploy_scan_type_e type,
    ngx_deploy_str_t *value, const u_char *p);

/* a whole key or string value, p goes on behind it */
const u_char *ngx_deploy_scan_key(ngx_deploy_scan_t *scan,
    const u_char *data, size_t len, const u_char *p);
const u_char *ngx_deploy_scan_value(ngx_deploy_scan_t *scan,
    const u_char *data, size_t len, const u_char *p);

/* a string with escapes or in pieces, begun at the byte after its quote */
void ngx_deploy_scan_string_begin(ngx_deploy_scan_t *scan, unsigned is_key);
const u_char *ngx_deploy_scan_string(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);

/* adds to the token being collected, p is where it goes on */
const u_char *ngx_deploy_scan_collect(ngx_deploy_scan_t *scan,
    const u_char *data, size_t len, const u_char *p);

/* a whole number, or its next characters after it was cut */
const u_char *ngx_deploy_scan_number(ngx_deploy_scan_t *scan,
    const u_char *p, const u_char *end);

void ngx_deploy_scan_seed(ngx_deploy_scan_t *scan, uint64_t seed);
void ngx_deploy_scan_frame_seed(ngx_deploy_scan_t *scan,
    ngx_deploy_scan_frame_t *frame);


/* the first byte that is not printable ASCII or is a quote or a backslash */

static inline const u_char *
ngx_deploy_scan_plain(const u_char *p, const u_char *end)
{
    uint64_t  x, quote, slash;

#if defined(__SSE2__)
    int       mask;
    __m128i   v, m;

    while (end - p >= 16) {
        v = _mm_loadu_si128((const __m128i *) p);

        /* the comparison is signed: it finds 0x80 and above, too */

        m = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                         _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')),
                                      _mm_cmpeq_epi8(v,
                                                     _mm_set1_epi8('\\'))));
        mask = _mm_movemask_epi8(m);

        if (mask) {
            return p + __builtin_ctz((unsigned) mask);
        }

        p += 16;
    }
#endif

    while (end - p >= 8) {
        memcpy(&x, p, 8);

        quote = x ^ (NGX_DEPLOY_SCAN_ONES * '"');
        slash = x ^ (NGX_DEPLOY_SCAN_ONES * '\\');

        if ((x | (x - NGX_DEPLOY_SCAN_ONES * 0x20)
             | (quote - NGX_DEPLOY_SCAN_ONES)
             | (slash - NGX_DEPLOY_SCAN_ONES)) & NGX_DEPLOY_SCAN_HIGHS)
        {
            break;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


static inline const u_char *
ngx_deploy_scan_space(const u_char *p, const u_char *end)
{
#if defined(__SSE2__)
    int  mask;
#endif

    while (p < end && *p <= ' ') {

        if (*p != ' ' && *p != '\n' && *p != '\r' && *p != '\t') {
            break;
        }

        p++;

#if defined(__SSE2__)

        /* an indent */

        if (end - p >= 16 && *p == ' ') {
            mask = _mm_movemask_epi8(_mm_cmpeq_epi8(
                                       _mm_loadu_si128((const __m128i *) p),
                                       _mm_set1_epi8(' ')));

            p += __builtin_ctz(~(unsigned) mask);
        }
#endif
    }

    return p;
}


#endif /* _NGX_DEPLOY_SCAN_STATE_H_INCLUDED_ */
