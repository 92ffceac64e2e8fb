
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_zone.h"
#include "ngx_http_deploy_metrics.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>


#define NGX_HTTP_DEPLOY_ZONE_VERSION  2      /* of the layout */
#define NGX_HTTP_DEPLOY_ZONE_WAYS     8
#define NGX_HTTP_DEPLOY_ZONE_LOCAL    (256 * 1024)


typedef struct {
    u_char        key[NGX_HTTP_DEPLOY_ZONE_KEY];
    uint64_t      owner;
    int64_t       expires;                   /* milliseconds */
    uint32_t      state;
    uint32_t      len;
    u_char        data[NGX_HTTP_DEPLOY_ZONE_DATA];
} ngx_http_deploy_slot_t;


typedef struct {
    uint32_t               version;
    uint32_t               nsets;
    u_char                 secret[32];
    ngx_deploy_metrics_t   metrics;
} ngx_http_deploy_table_t;


static ngx_int_t ngx_http_deploy_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_deploy_zone_table(ngx_http_deploy_table_t *table,
    size_t size);
static int64_t ngx_http_deploy_zone_now(void);
static void ngx_http_deploy_zone_lock(void);
static void ngx_http_deploy_zone_unlock(void);
static ngx_http_deploy_slot_t *ngx_http_deploy_zone_set(u_char *key);
static ngx_http_deploy_slot_t *ngx_http_deploy_zone_find_locked(u_char *key);
static ngx_http_deploy_slot_t *ngx_http_deploy_zone_victim_locked(u_char *key);


static ngx_http_deploy_table_t  *ngx_http_deploy_table;
static ngx_slab_pool_t          *ngx_http_deploy_shpool;


char *
ngx_http_deploy_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_deploy_main_conf_t *dmcf = conf;

    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, name, s;

    value = cf->args->elts;

    if (dmcf->zone) {
        return "is duplicate";
    }

    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        goto invalid;
    }

    name.data = value[1].data;
    name.len = p - name.data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        goto invalid;
    }

    if (size < (ssize_t) (16 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "zone \"%V\" is too small",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    dmcf->zone = ngx_shared_memory_add(cf, &name, size,
                                       &ngx_http_deploy_module);
    if (dmcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    dmcf->zone->init = ngx_http_deploy_zone_init;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone \"%V\", "
                       "it should be NAME:SIZE", &value[1]);
    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_deploy_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                    size;
    ngx_slab_pool_t          *shpool;
    ngx_http_deploy_table_t  *table;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    table = shpool->data;

    /* of the cycle before, or of a system that remaps; not of a new layout */

    if ((data || shm_zone->shm.exists) && table
        && table->version == NGX_HTTP_DEPLOY_ZONE_VERSION)
    {
        shm_zone->data = table;
        return NGX_OK;
    }

    if (table) {
        ngx_slab_free(shpool, table);
        shpool->data = NULL;
    }

    size = shpool->pfree * ngx_pagesize;

    table = ngx_slab_calloc(shpool, size);
    if (table == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_deploy_zone_table(table, size) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool->data = table;
    shm_zone->data = table;

    return NGX_OK;
}


static ngx_int_t
ngx_http_deploy_zone_table(ngx_http_deploy_table_t *table, size_t size)
{
    table->version = NGX_HTTP_DEPLOY_ZONE_VERSION;
    table->nsets = (size - sizeof(ngx_http_deploy_table_t))
                   / (NGX_HTTP_DEPLOY_ZONE_WAYS
                      * sizeof(ngx_http_deploy_slot_t));
    table->metrics.since = ngx_time();

    /* nobody outside knows which deliveries share a set */

    if (RAND_bytes(table->secret, sizeof(table->secret)) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_deploy_zone_init_process(ngx_cycle_t *cycle,
    ngx_http_deploy_main_conf_t *dmcf)
{
    if (dmcf->zone) {
        ngx_http_deploy_table = dmcf->zone->data;
        ngx_http_deploy_shpool = (ngx_slab_pool_t *) dmcf->zone->shm.addr;

        ngx_http_deploy_metrics_init_process(&ngx_http_deploy_table->metrics,
                                             1);
        return NGX_OK;
    }

    ngx_http_deploy_shpool = NULL;
    ngx_http_deploy_table = ngx_pcalloc(cycle->pool,
                                        NGX_HTTP_DEPLOY_ZONE_LOCAL);
    if (ngx_http_deploy_table == NULL) {
        return NGX_ERROR;
    }

    ngx_http_deploy_metrics_init_process(&ngx_http_deploy_table->metrics, 0);

    return ngx_http_deploy_zone_table(ngx_http_deploy_table,
                                      NGX_HTTP_DEPLOY_ZONE_LOCAL);
}


static int64_t
ngx_http_deploy_zone_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


/* the lock of the slab pool is the one that the master takes from the dead */

static void
ngx_http_deploy_zone_lock(void)
{
    if (ngx_http_deploy_shpool) {
        ngx_shmtx_lock(&ngx_http_deploy_shpool->mutex);
    }
}


static void
ngx_http_deploy_zone_unlock(void)
{
    if (ngx_http_deploy_shpool) {
        ngx_shmtx_unlock(&ngx_http_deploy_shpool->mutex);
    }
}


ngx_int_t
ngx_http_deploy_zone_claim(ngx_str_t *identity, time_t lease,
    ngx_http_deploy_place_t *place, ngx_http_deploy_zone_state_e *state)
{
    u_char                   digest[EVP_MAX_MD_SIZE], text[32 + 64];
    ngx_http_deploy_slot_t  *slot;

    ngx_memcpy(text, ngx_http_deploy_table->secret, 32);
    ngx_memcpy(text + 32, identity->data, 64);

    if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL)
        != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    ngx_memcpy(place->key, digest, NGX_HTTP_DEPLOY_ZONE_KEY);

    place->owner = ((uint64_t) ngx_random() << 32) ^ (uint64_t) ngx_random()
                   ^ ((uint64_t) ngx_pid << 16);

    ngx_http_deploy_zone_lock();

    slot = ngx_http_deploy_zone_find_locked(place->key);

    if (slot && slot->state != NGX_HTTP_DEPLOY_ZONE_FAILED) {
        *state = slot->state;

    } else {

        if (slot == NULL) {
            slot = ngx_http_deploy_zone_victim_locked(place->key);
        }

        /* no state before the rest of the slot is written */

        slot->state = NGX_HTTP_DEPLOY_ZONE_FREE;
        ngx_memory_barrier();

        ngx_memcpy(slot->key, place->key, NGX_HTTP_DEPLOY_ZONE_KEY);
        slot->owner = place->owner;
        slot->expires = ngx_http_deploy_zone_now() + lease * 1000;
        slot->len = 0;

        ngx_memory_barrier();
        slot->state = NGX_HTTP_DEPLOY_ZONE_PENDING;

        *state = NGX_HTTP_DEPLOY_ZONE_FREE;
    }

    ngx_http_deploy_zone_unlock();

    return NGX_OK;
}


static ngx_http_deploy_slot_t *
ngx_http_deploy_zone_set(u_char *key)
{
    uint64_t                 hash;
    ngx_http_deploy_slot_t  *slot;

    ngx_memcpy(&hash, key, sizeof(uint64_t));

    slot = (ngx_http_deploy_slot_t *) (ngx_http_deploy_table + 1);

    return slot + (hash % ngx_http_deploy_table->nsets)
                  * NGX_HTTP_DEPLOY_ZONE_WAYS;
}


static ngx_http_deploy_slot_t *
ngx_http_deploy_zone_find_locked(u_char *key)
{
    int64_t                  now;
    ngx_uint_t               i;
    ngx_http_deploy_slot_t  *slot;

    now = ngx_http_deploy_zone_now();

    slot = ngx_http_deploy_zone_set(key);

    for (i = 0; i < NGX_HTTP_DEPLOY_ZONE_WAYS; i++) {
        if (slot[i].state != NGX_HTTP_DEPLOY_ZONE_FREE
            && slot[i].expires > now
            && ngx_memcmp(slot[i].key, key, NGX_HTTP_DEPLOY_ZONE_KEY) == 0)
        {
            return &slot[i];
        }
    }

    return NULL;
}


/* what is free or over, else what ends first, a claim under way last */

static ngx_http_deploy_slot_t *
ngx_http_deploy_zone_victim_locked(u_char *key)
{
    int64_t                  now, order, least;
    ngx_uint_t               i;
    ngx_http_deploy_slot_t  *slot, *victim;

    slot = ngx_http_deploy_zone_set(key);
    victim = slot;
    least = INT64_MAX;
    now = ngx_http_deploy_zone_now();

    for (i = 0; i < NGX_HTTP_DEPLOY_ZONE_WAYS; i++) {

        if (slot[i].state == NGX_HTTP_DEPLOY_ZONE_FREE
            || slot[i].state == NGX_HTTP_DEPLOY_ZONE_FAILED
            || slot[i].expires <= now)
        {
            return &slot[i];
        }

        order = slot[i].expires;

        if (slot[i].state == NGX_HTTP_DEPLOY_ZONE_PENDING) {
            order += INT32_MAX;
        }

        if (order < least) {
            least = order;
            victim = &slot[i];
        }
    }

    return victim;
}


ngx_http_deploy_zone_state_e
ngx_http_deploy_zone_look(ngx_http_deploy_place_t *place, u_char *data,
    size_t *len)
{
    ngx_http_deploy_slot_t        *slot;
    ngx_http_deploy_zone_state_e   state;

    *len = 0;
    state = NGX_HTTP_DEPLOY_ZONE_FREE;

    ngx_http_deploy_zone_lock();

    slot = ngx_http_deploy_zone_find_locked(place->key);

    if (slot) {
        state = slot->state;
        *len = ngx_min(slot->len, NGX_HTTP_DEPLOY_ZONE_DATA);
        ngx_memcpy(data, slot->data, *len);
    }

    ngx_http_deploy_zone_unlock();

    return state;
}


void
ngx_http_deploy_zone_settle(ngx_http_deploy_place_t *place,
    ngx_http_deploy_zone_state_e state, const u_char *data, size_t len,
    time_t remember)
{
    ngx_http_deploy_slot_t  *slot;

    ngx_http_deploy_zone_lock();

    slot = ngx_http_deploy_zone_find_locked(place->key);

    if (slot && slot->owner == place->owner) {

        slot->state = NGX_HTTP_DEPLOY_ZONE_FREE;
        ngx_memory_barrier();

        ngx_memcpy(slot->data, data, len);
        slot->len = len;
        slot->expires = ngx_http_deploy_zone_now() + remember * 1000;

        ngx_memory_barrier();
        slot->state = state;
    }

    ngx_http_deploy_zone_unlock();
}
