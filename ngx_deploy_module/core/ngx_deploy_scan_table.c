
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_scan_state.h"


#define NGX_DEPLOY_SCAN_SET_SIZE   256
#define NGX_DEPLOY_SCAN_KEYS_SIZE  128
#define NGX_DEPLOY_SCAN_SMALL      128       /* keys of an object */


static ngx_deploy_scan_node_t *ngx_deploy_scan_child(ngx_deploy_pool_t *pool,
    ngx_deploy_scan_node_t *node, const char *key, size_t len);
static int ngx_deploy_scan_key_add(ngx_deploy_scan_t *scan, size_t mark,
    uint64_t hash);
static unsigned ngx_deploy_scan_tagged(ngx_deploy_scan_t *scan, size_t mark,
    uint64_t hash);
static int ngx_deploy_scan_set_add(ngx_deploy_scan_t *scan, uint64_t hash);
static int ngx_deploy_scan_set_object(ngx_deploy_scan_t *scan, size_t mark);
static int ngx_deploy_scan_keys_grow(ngx_deploy_scan_t *scan);
static int ngx_deploy_scan_set_rebuild(ngx_deploy_scan_t *scan);


ngx_deploy_scan_table_t *
ngx_deploy_scan_compile(ngx_deploy_pool_t *pool,
    const ngx_deploy_scan_path_t *paths)
{
    ngx_deploy_scan_table_t  *table;

    table = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_scan_table_t));
    if (table == NULL) {
        return NULL;
    }

    if (ngx_deploy_scan_extend(pool, table, paths) != NGX_DEPLOY_OK) {
        return NULL;
    }

    return table;
}


int
ngx_deploy_scan_extend(ngx_deploy_pool_t *pool, ngx_deploy_scan_table_t *table,
    const ngx_deploy_scan_path_t *paths)
{
    size_t                         len;
    const char                    *p;
    ngx_deploy_scan_node_t        *node;
    const ngx_deploy_scan_path_t  *path;

    for (path = paths; path->path != NULL; path++) {

        node = &table->root;
        p = path->path;

        while (*p != '\0') {

            if (p[0] == '[' && p[1] == ']') {
                node = ngx_deploy_scan_child(pool, node, NULL, 0);
                p += 2;

            } else {
                len = strcspn(p, ".[");
                node = ngx_deploy_scan_child(pool, node, p, len);
                p += len;
            }

            if (node == NULL) {
                return NGX_DEPLOY_ERROR;
            }

            if (*p == '.') {
                p++;
            }
        }

        node->fact = path->fact;
        node->max = path->max;
        node->cut = path->cut;
    }

    return NGX_DEPLOY_OK;
}


/* the letters that tell keys of one object apart best: the ends */

static inline uint64_t
ngx_deploy_scan_filter(const u_char *p, size_t len)
{
    if (len == 0) {
        return 1;
    }

    return 1ULL << ((len * 7 + p[0] * 3 + p[len - 1]) & 63);
}


/* finds or adds a member, or the element of an array when key is NULL */

static ngx_deploy_scan_node_t *
ngx_deploy_scan_child(ngx_deploy_pool_t *pool, ngx_deploy_scan_node_t *node,
    const char *key, size_t len)
{
    ngx_deploy_scan_node_t  *child;

    if (key == NULL) {
        if (node->element == NULL) {
            node->element = ngx_deploy_pcalloc(pool,
                                               sizeof(ngx_deploy_scan_node_t));
        }

        return node->element;
    }

    for (child = node->children; child != NULL; child = child->next) {
        if (child->key.len == len && memcmp(child->key.data, key, len) == 0) {
            return child;
        }
    }

    child = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_scan_node_t));
    if (child == NULL) {
        return NULL;
    }

    if (ngx_deploy_pstrdup(pool, &child->key, (const u_char *) key, len)
        != NGX_DEPLOY_OK)
    {
        return NULL;
    }

    child->next = node->children;
    node->children = child;
    node->filter |= ngx_deploy_scan_filter(child->key.data, len);

    return child;
}


/* both halves of the 128-bit product, folded */

static inline uint64_t
ngx_deploy_scan_mix(uint64_t a, uint64_t b)
{
#if defined(__SIZEOF_INT128__)
    unsigned __int128  n;

    n = (unsigned __int128) a * b;

    return (uint64_t) n ^ (uint64_t) (n >> 64);

#else
    uint64_t  al, ah, bl, bh, middle, carry;

    al = (uint32_t) a;
    ah = a >> 32;
    bl = (uint32_t) b;
    bh = b >> 32;

    middle = (al * bl >> 32) + (uint32_t) (ah * bl);
    carry = middle >> 32;
    middle = (uint32_t) middle + al * bh;
    carry += (ah * bl >> 32) + (middle >> 32);

    return (a * b) ^ (ah * bh + carry);
#endif
}


void
ngx_deploy_scan_seed(ngx_deploy_scan_t *scan, uint64_t seed)
{
    unsigned  i;

    /* no constant of the hash is known, so no product can be made zero */

    for (i = 0; i < 2; i++) {
        seed += 0x9e3779b97f4a7c15ULL;
        seed = ngx_deploy_scan_mix(seed ^ 0xd1b54a32d192ed03ULL,
                                   0xa0761d6478bd642fULL ^ seed >> 29)
               + seed;
        scan->secret[i] = seed | 1;
    }
}


void
ngx_deploy_scan_frame_seed(ngx_deploy_scan_t *scan,
    ngx_deploy_scan_frame_t *frame)
{
    frame->seed = ngx_deploy_scan_mix(scan->secret[0] + ++scan->serial,
                                      scan->secret[1]);
}


static inline uint64_t
ngx_deploy_scan_hash(ngx_deploy_scan_t *scan, uint64_t seed, const u_char *p,
    size_t len)
{
    size_t    n;
    uint32_t  c, d;
    uint64_t  a, b;

    n = len;

    while (n > 16) {
        memcpy(&a, p, 8);
        memcpy(&b, p + 8, 8);

        seed = ngx_deploy_scan_mix(a ^ scan->secret[0], b ^ seed);

        p += 16;
        n -= 16;
    }

    /* the loads overlap, with the length they tell all the bytes */

    if (n >= 8) {
        memcpy(&a, p, 8);
        memcpy(&b, p + n - 8, 8);

    } else if (n >= 4) {
        memcpy(&c, p, 4);
        memcpy(&d, p + n - 4, 4);
        a = c;
        b = d;

    } else if (n > 0) {
        a = (uint64_t) p[0] << 16 | (uint64_t) p[n >> 1] << 8 | p[n - 1];
        b = 0;

    } else {
        a = 0;
        b = 0;
    }

    a = ngx_deploy_scan_mix(a ^ scan->secret[0], b ^ seed);

    return ngx_deploy_scan_mix(a ^ len, scan->secret[1]);
}


const u_char *
ngx_deploy_scan_key(ngx_deploy_scan_t *scan, const u_char *data, size_t len,
    const u_char *p)
{
    int                            rc;
    ngx_deploy_scan_frame_t       *frame;
    const ngx_deploy_scan_node_t  *node;

    if (len > NGX_DEPLOY_SCAN_MAX_KEY) {
        return ngx_deploy_scan_limit(scan, p, "key too long");
    }

    frame = &scan->frames[scan->depth - 1];

    rc = ngx_deploy_scan_key_add(scan, frame->mark,
                                 ngx_deploy_scan_hash(scan, frame->seed, data,
                                                      len));

    if (rc != NGX_DEPLOY_OK) {

        if (rc == NGX_DEPLOY_DECLINED) {
            return ngx_deploy_scan_fail(scan, p, "duplicate key");
        }

        if (rc == NGX_DEPLOY_AGAIN) {
            return ngx_deploy_scan_limit(scan, p, "too many keys");
        }

        return ngx_deploy_scan_no_memory(scan, p);
    }

    scan->state = NGX_DEPLOY_SCAN_AT_COLON;
    scan->node = NULL;

    node = frame->node;

    if (node == NULL || !(node->filter & ngx_deploy_scan_filter(data, len))) {
        return p;
    }

    for (node = node->children; node != NULL; node = node->next) {

        if (node->key.len == len
            && (len == 0 || memcmp(node->key.data, data, len) == 0))
        {
            scan->node = node;
            break;
        }
    }

    return p;
}


/* NGX_DEPLOY_DECLINED for a duplicate, NGX_DEPLOY_AGAIN for too many */

static int
ngx_deploy_scan_key_add(ngx_deploy_scan_t *scan, size_t mark, uint64_t hash)
{
    int     rc;
    size_t  n;

    /* an empty slot of the set is zero */

    hash += (hash == 0);

    n = scan->nkeys - mark;

    if (n >= NGX_DEPLOY_SCAN_SMALL) {

        if (n == NGX_DEPLOY_SCAN_SMALL
            && ngx_deploy_scan_set_object(scan, mark) != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        rc = ngx_deploy_scan_set_add(scan, hash);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

    } else if (ngx_deploy_scan_tagged(scan, mark, hash)) {
        return NGX_DEPLOY_DECLINED;
    }

    if (scan->nkeys == scan->keys_size) {

        if (scan->nkeys == NGX_DEPLOY_SCAN_MAX_KEYS) {
            return NGX_DEPLOY_AGAIN;
        }

        if (ngx_deploy_scan_keys_grow(scan) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }
    }

    scan->tags[scan->nkeys] = (uint16_t) (hash >> 48);
    scan->keys[scan->nkeys++] = hash;

    return NGX_DEPLOY_OK;
}


/*
 * Whether the object whose keys begin at mark has the key.  Eight tags are
 * compared at a time, in memory that ends with eight more.
 */

static inline unsigned
ngx_deploy_scan_tagged(ngx_deploy_scan_t *scan, size_t mark, uint64_t hash)
{
    size_t   i;

#if defined(__SSE2__)
    int      same;
    __m128i  tag;

    same = 0;
    tag = _mm_set1_epi16((short) (hash >> 48));

    /* what is behind the last one may be the same, too */

    for (i = mark; i < scan->nkeys; i += 8) {
        same |= _mm_movemask_epi8(_mm_cmpeq_epi16(tag,
                          _mm_loadu_si128((const __m128i *) &scan->tags[i])));
    }

    if (!same) {
        return 0;
    }
#endif

    for (i = mark; i < scan->nkeys; i++) {
        if (scan->keys[i] == hash) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_deploy_scan_set_add(ngx_deploy_scan_t *scan, uint64_t hash)
{
    size_t  i;

    if (ngx_deploy_scan_set_rebuild(scan) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    for (i = hash & (scan->set_size - 1);
         scan->set[i] != 0;
         i = (i + 1) & (scan->set_size - 1))
    {
        if (scan->set[i] == hash) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    scan->set[i] = hash;
    scan->set_used++;

    return NGX_DEPLOY_OK;
}


/* an object that became large; a rebuilt set may have its keys already */

static int
ngx_deploy_scan_set_object(ngx_deploy_scan_t *scan, size_t mark)
{
    size_t  i;

    for (i = mark; i < scan->nkeys; i++) {
        if (ngx_deploy_scan_set_add(scan, scan->keys[i]) == NGX_DEPLOY_ERROR) {
            return NGX_DEPLOY_ERROR;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_scan_keys_grow(ngx_deploy_scan_t *scan)
{
    size_t     size;
    uint16_t  *tags;
    uint64_t  *keys;

    size = scan->keys_size ? scan->keys_size * 2 : NGX_DEPLOY_SCAN_KEYS_SIZE;

    keys = ngx_deploy_palloc(scan->pool, size * sizeof(uint64_t));
    tags = ngx_deploy_pcalloc(scan->pool, (size + 8) * sizeof(uint16_t));

    if (keys == NULL || tags == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (scan->nkeys) {
        memcpy(keys, scan->keys, scan->nkeys * sizeof(uint64_t));
        memcpy(tags, scan->tags, scan->nkeys * sizeof(uint16_t));
    }

    scan->keys = keys;
    scan->tags = tags;
    scan->keys_size = size;

    return NGX_DEPLOY_OK;
}


/* drops the keys of closed objects, grows when the open ones fill a quarter */

static int
ngx_deploy_scan_set_rebuild(ngx_deploy_scan_t *scan)
{
    size_t     i, n, size;
    uint64_t  *set;

    if (scan->set_used * 2 < scan->set_size) {
        return NGX_DEPLOY_OK;
    }

    size = scan->set_size ? scan->set_size : NGX_DEPLOY_SCAN_SET_SIZE;

    while (scan->nkeys * 4 > size) {
        size *= 2;
    }

    if (size != scan->set_size) {
        set = ngx_deploy_palloc(scan->pool, size * sizeof(uint64_t));
        if (set == NULL) {
            return NGX_DEPLOY_ERROR;
        }

        scan->set = set;
        scan->set_size = size;
    }

    memset(scan->set, 0, size * sizeof(uint64_t));

    for (n = 0; n < scan->nkeys; n++) {
        i = scan->keys[n] & (size - 1);

        while (scan->set[i] != 0) {
            i = (i + 1) & (size - 1);
        }

        scan->set[i] = scan->keys[n];
    }

    scan->set_used = scan->nkeys;

    return NGX_DEPLOY_OK;
}
