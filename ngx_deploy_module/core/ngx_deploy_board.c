
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board_table.h"


#define NGX_DEPLOY_BOARD_MAGIC      0x6e646272
#define NGX_DEPLOY_BOARD_MAX_DELAY  300000


static unsigned ngx_deploy_board_of(const char *id,
    const ngx_deploy_str_t *projects, size_t n);
static uint32_t ngx_deploy_board_detailed(const ngx_deploy_build_t *build);
static uint32_t ngx_deploy_board_sum(const u_char *p, size_t len);
static unsigned ngx_deploy_board_is(const char *name,
    const ngx_deploy_str_t *s);
static int64_t ngx_deploy_board_wait(ngx_deploy_board_t *board,
    ngx_deploy_board_target_t *target, int64_t now);
static ngx_deploy_board_channel_t *ngx_deploy_board_channel(
    ngx_deploy_board_t *board, const char *name);
static void ngx_deploy_board_pause(ngx_deploy_board_t *board,
    const char *name, int64_t next);
static int ngx_deploy_board_lease(ngx_deploy_board_t *board,
    ngx_deploy_pool_t *pool, unsigned slot, unsigned target,
    ngx_deploy_board_work_t *work, int64_t lease, int64_t now);
static int ngx_deploy_board_copy(ngx_deploy_pool_t *pool,
    ngx_deploy_str_t *dst, const char *src);


size_t
ngx_deploy_board_size(void)
{
    return sizeof(ngx_deploy_board_t);
}


unsigned
ngx_deploy_board_init(ngx_deploy_board_t *board)
{
    if (board->magic == NGX_DEPLOY_BOARD_MAGIC) {
        return 1;
    }

    board->magic = NGX_DEPLOY_BOARD_MAGIC;

    return 0;
}


int
ngx_deploy_board_get(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, ngx_deploy_build_t *build)
{
    ngx_deploy_board_slot_t  *slot;

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    return ngx_deploy_board_load(slot, pool, build);
}


size_t
ngx_deploy_board_list(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *projects, size_t n, ngx_deploy_build_t *builds,
    size_t max)
{
    size_t                    found;
    u_char                    seen[NGX_DEPLOY_BOARD_SLOTS];
    unsigned                  i, newest;
    ngx_deploy_board_slot_t  *slot;

    memset(seen, 0, sizeof(seen));

    for (found = 0; found < max; /* void */ ) {

        newest = NGX_DEPLOY_BOARD_SLOTS;

        for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
            slot = &board->slots[i];

            if (!seen[i] && slot->used
                && ngx_deploy_board_of(slot->id, projects, n)
                && (newest == NGX_DEPLOY_BOARD_SLOTS
                    || slot->touched > board->slots[newest].touched))
            {
                newest = i;
            }
        }

        if (newest == NGX_DEPLOY_BOARD_SLOTS) {
            break;
        }

        seen[newest] = 1;

        if (ngx_deploy_board_load(&board->slots[newest], pool, &builds[found])
            == NGX_DEPLOY_OK)
        {
            found++;
        }
    }

    return found;
}


/* an id begins with its project and ":", another key with "!" */

static unsigned
ngx_deploy_board_of(const char *id, const ngx_deploy_str_t *projects,
    size_t n)
{
    size_t  i, len;

    if (n == 0) {
        return 1;
    }

    len = strcspn(id, ":!");

    for (i = 0; i < n; i++) {
        if (projects[i].len == len
            && memcmp(id, projects[i].data, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


int
ngx_deploy_board_put(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, const ngx_deploy_build_t *build, int64_t now)
{
    int                       rc;
    ngx_deploy_str_t          dump;
    ngx_deploy_board_slot_t  *slot;

    if (id->len == 0 || id->len > NGX_DEPLOY_BOARD_MAX_ID) {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_board_dump(pool, build, &dump);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL) {
        slot = ngx_deploy_board_room(board, id, board->kept ? 3 : 2, now);

        if (slot == NULL) {
            return NGX_DEPLOY_DECLINED;
        }
    }

    ngx_deploy_board_write(slot, build, &dump, now);

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_board_write(ngx_deploy_board_slot_t *slot,
    const ngx_deploy_build_t *build, const ngx_deploy_str_t *dump, int64_t now)
{
    unsigned                    i;
    ngx_deploy_board_target_t  *target;

    slot->version++;
    slot->revision++;
    slot->status = build->status;
    slot->detailed = ngx_deploy_board_detailed(build);
    slot->touched = now;

    /* torn in between the sum does not fit */

    slot->len = (uint32_t) dump->len;
    memcpy(slot->data, dump->data, dump->len);
    slot->sum = ngx_deploy_board_sum(slot->data, slot->len);

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        target = &slot->targets[i];

        if (target->used && target->follows && target->wanted) {
            target->wanted = slot->version;
        }
    }
}


int
ngx_deploy_board_want(ngx_deploy_board_t *board, const ngx_deploy_str_t *id,
    const ngx_deploy_str_t *channel, unsigned follows, int64_t now)
{
    ngx_deploy_board_slot_t    *slot;
    ngx_deploy_board_target_t  *target;

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    target = ngx_deploy_board_target(slot, channel, now);

    if (target == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    if (target->follows != follows || target->wanted != slot->version) {
        target->follows = follows;
        target->wanted = slot->version;
        slot->revision++;
    }

    return NGX_DEPLOY_OK;
}


ngx_deploy_board_target_t *
ngx_deploy_board_target(ngx_deploy_board_slot_t *slot,
    const ngx_deploy_str_t *channel, int64_t now)
{
    unsigned                    i;
    ngx_deploy_board_target_t  *target, *room;

    room = NULL;

    if (channel->len > NGX_DEPLOY_BOARD_MAX_NAME) {
        return NULL;
    }

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        target = &slot->targets[i];

        if (!target->used) {
            room = room ? room : target;
            continue;
        }

        if (ngx_deploy_board_is(target->channel, channel)) {
            return target;
        }
    }

    if (room == NULL) {
        return NULL;
    }

    memset(room, 0, sizeof(ngx_deploy_board_target_t));
    (void) ngx_deploy_board_name(room->channel, sizeof(room->channel),
                                 channel);
    room->due = now;
    room->used = 1;

    return room;
}


ngx_deploy_board_slot_t *
ngx_deploy_board_find(ngx_deploy_board_t *board, const ngx_deploy_str_t *id)
{
    unsigned                  i;
    ngx_deploy_board_slot_t  *slot;

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        slot = &board->slots[i];

        if (slot->used && ngx_deploy_board_is(slot->id, id)) {
            return slot;
        }
    }

    return NULL;
}


ngx_deploy_board_slot_t *
ngx_deploy_board_room(ngx_deploy_board_t *board, const ngx_deploy_str_t *id,
    unsigned max, int64_t now)
{
    unsigned                  i, rank, lowest;
    ngx_deploy_board_slot_t  *slot, *room;

    room = NULL;
    lowest = max + 1;

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        slot = &board->slots[i];

        if (!slot->used) {
            room = slot;
            break;
        }

        rank = ngx_deploy_board_rank(board, slot, now);

        if (rank < lowest
            || (rank == lowest && room && slot->touched < room->touched))
        {
            room = slot;
            lowest = rank;
        }
    }

    if (room) {
        memset(room, 0, offsetof(ngx_deploy_board_slot_t, data));
        (void) ngx_deploy_board_name(room->id, sizeof(room->id), id);
        room->used = 1;
    }

    return room;
}


unsigned
ngx_deploy_board_rank(ngx_deploy_board_t *board,
    ngx_deploy_board_slot_t *slot, int64_t now)
{
    unsigned                    i, final, behind;
    ngx_deploy_board_target_t  *target;

    if (board->kept && slot->revision != slot->saved) {
        return 4;
    }

    final = ngx_deploy_build_final(slot->status);
    behind = 0;

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        target = &slot->targets[i];

        /* a message under way, whose ts is to come */

        if (target->used && target->claim && target->leased > now) {
            return 4;
        }

        if (!slot->foreign && ngx_deploy_board_behind(slot, target)) {
            behind = 1;
        }
    }

    return behind ? (final ? 3 : 2) : (final ? 0 : 1);
}


int
ngx_deploy_board_dump(ngx_deploy_pool_t *pool,
    const ngx_deploy_build_t *build, ngx_deploy_str_t *dump)
{
    size_t               i;
    ngx_deploy_build_t  *less;

    if (ngx_deploy_build_dump(build, pool, dump) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    if (dump->len <= NGX_DEPLOY_BOARD_MAX_DATA) {
        return NGX_DEPLOY_OK;
    }

    less = ngx_deploy_palloc(pool, sizeof(ngx_deploy_build_t));
    if (less == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    *less = *build;

    for (i = 0; i < less->nphases; i++) {
        less->phases[i].message.len = 0;
    }

    if (ngx_deploy_build_dump(less, pool, dump) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    return (dump->len <= NGX_DEPLOY_BOARD_MAX_DATA) ? NGX_DEPLOY_OK
                                                    : NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_board_load(ngx_deploy_board_slot_t *slot, ngx_deploy_pool_t *pool,
    ngx_deploy_build_t *build)
{
    int               rc;
    ngx_deploy_str_t  dump;

    rc = NGX_DEPLOY_DECLINED;

    if (slot->len <= NGX_DEPLOY_BOARD_MAX_DATA
        && slot->sum == ngx_deploy_board_sum(slot->data, slot->len))
    {
        dump.len = slot->len;
        dump.data = slot->data;

        rc = ngx_deploy_build_load(build, pool, &dump);
    }

    if (rc == NGX_DEPLOY_DECLINED) {
        slot->used = 0;
    }

    return rc;
}


static uint32_t
ngx_deploy_board_detailed(const ngx_deploy_build_t *build)
{
    size_t    i;
    uint32_t  bits;

    bits = 0;

    for (i = 0; i < build->nphases; i++) {
        if (build->phases[i].message.len
            && ngx_deploy_build_final(build->phases[i].status))
        {
            bits |= (uint32_t) 1 << i;
        }
    }

    return bits;
}


/* FNV-1a */

static uint32_t
ngx_deploy_board_sum(const u_char *p, size_t len)
{
    size_t    i;
    uint32_t  sum;

    sum = 2166136261;

    for (i = 0; i < len; i++) {
        sum = (sum ^ p[i]) * 16777619;
    }

    return sum;
}


int
ngx_deploy_board_name(char *dst, size_t size, const ngx_deploy_str_t *name)
{
    if (name->len >= size) {
        return NGX_DEPLOY_DECLINED;
    }

    if (name->len) {
        memcpy(dst, name->data, name->len);
    }

    dst[name->len] = '\0';

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_board_is(const char *name, const ngx_deploy_str_t *s)
{
    return name[s->len] == '\0'
           && (s->len == 0 || memcmp(name, s->data, s->len) == 0);
}


unsigned
ngx_deploy_board_behind(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_target_t *target)
{
    if (!target->used || target->wanted == 0) {
        return 0;
    }

    return target->shown != target->wanted
           || (target->follows && target->ts[0] != '\0'
               && (slot->detailed & ~target->details));
}


int
ngx_deploy_board_claim(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    ngx_deploy_board_work_t *work, int64_t lease, int64_t now, int64_t *next)
{
    int                         rc;
    int64_t                     wait;
    unsigned                    i, k, slots, found, final;
    ngx_deploy_board_slot_t    *slot;
    ngx_deploy_board_target_t  *target;

    for ( ;; ) {

        *next = -1;
        slots = NGX_DEPLOY_BOARD_SLOTS;
        found = 0;

        for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
            slot = &board->slots[i];

            if (!slot->used || slot->foreign) {
                continue;
            }

            final = ngx_deploy_build_final(slot->status);

            for (k = 0; k < NGX_DEPLOY_BOARD_TARGETS; k++) {
                target = &slot->targets[k];

                if (!ngx_deploy_board_behind(slot, target)) {
                    continue;
                }

                wait = ngx_deploy_board_wait(board, target, now);

                if (wait > 0) {
                    *next = (*next == -1 || wait < *next) ? wait : *next;
                    continue;
                }

                if (slots == NGX_DEPLOY_BOARD_SLOTS
                    || (final && !ngx_deploy_build_final(
                                                board->slots[slots].status)))
                {
                    slots = i;
                    found = k;
                }
            }
        }

        if (slots == NGX_DEPLOY_BOARD_SLOTS) {
            return NGX_DEPLOY_DECLINED;
        }

        rc = ngx_deploy_board_lease(board, pool, slots, found, work, lease,
                                    now);

        /* a torn one is gone now */

        if (rc != NGX_DEPLOY_DECLINED) {
            return rc;
        }
    }
}


/* ms until a target may be told something */

static int64_t
ngx_deploy_board_wait(ngx_deploy_board_t *board,
    ngx_deploy_board_target_t *target, int64_t now)
{
    int64_t                      at;
    ngx_deploy_board_channel_t  *channel;

    at = (target->leased > target->due) ? target->leased : target->due;

    channel = ngx_deploy_board_channel(board, target->channel);

    if (channel && channel->next > at) {
        at = channel->next;
    }

    return (at > now) ? at - now : 0;
}


static ngx_deploy_board_channel_t *
ngx_deploy_board_channel(ngx_deploy_board_t *board, const char *name)
{
    unsigned                     i;
    ngx_deploy_board_channel_t  *channel;

    for (i = 0; i < NGX_DEPLOY_BOARD_CHANNELS; i++) {
        channel = &board->channels[i];

        if (channel->next && strcmp(channel->name, name) == 0) {
            return channel;
        }
    }

    return NULL;
}


/* no message to the channel before that; the longest idle one is forgotten */

static void
ngx_deploy_board_pause(ngx_deploy_board_t *board, const char *name,
    int64_t next)
{
    unsigned                     i;
    ngx_deploy_board_channel_t  *channel;

    channel = ngx_deploy_board_channel(board, name);

    if (channel == NULL) {
        channel = &board->channels[0];

        for (i = 1; i < NGX_DEPLOY_BOARD_CHANNELS; i++) {
            if (board->channels[i].next < channel->next) {
                channel = &board->channels[i];
            }
        }

        memset(channel, 0, sizeof(ngx_deploy_board_channel_t));
        memcpy(channel->name, name, strlen(name));
    }

    channel->next = next;
}


static int
ngx_deploy_board_lease(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    unsigned slot, unsigned target, ngx_deploy_board_work_t *work,
    int64_t lease, int64_t now)
{
    int                         rc;
    uint32_t                    details;
    ngx_deploy_board_slot_t    *s;
    ngx_deploy_board_target_t  *t;

    s = &board->slots[slot];
    t = &s->targets[target];

    memset(work, 0, sizeof(ngx_deploy_board_work_t));

    rc = ngx_deploy_board_load(s, pool, &work->build);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (ngx_deploy_board_copy(pool, &work->id, s->id) != NGX_DEPLOY_OK
        || ngx_deploy_board_copy(pool, &work->channel, t->channel)
           != NGX_DEPLOY_OK
        || (t->ts[0] != '\0'
            && ngx_deploy_board_copy(pool, &work->ts, t->ts)
               != NGX_DEPLOY_OK))
    {
        return NGX_DEPLOY_ERROR;
    }

    work->slot = slot;
    work->target = target;
    work->version = t->wanted;
    work->phase = -1;

    if (t->shown == t->wanted) {
        details = s->detailed & ~t->details;

        for (work->phase = 0; !(details & 1); work->phase++) {
            details >>= 1;
        }

        if ((size_t) work->phase >= work->build.nphases) {
            s->detailed = 0;
            return NGX_DEPLOY_DECLINED;
        }
    }

    work->claim = ++board->claims;

    t->claim = work->claim;
    t->leased = now + lease;

    ngx_deploy_board_pause(board, t->channel, now + NGX_DEPLOY_BOARD_PACE);

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_board_copy(ngx_deploy_pool_t *pool, ngx_deploy_str_t *dst,
    const char *src)
{
    return ngx_deploy_pstrdup(pool, dst, (const u_char *) src, strlen(src));
}


int
ngx_deploy_board_done(ngx_deploy_board_t *board,
    const ngx_deploy_board_work_t *work, ngx_deploy_board_result_e result,
    const ngx_deploy_str_t *ts, int64_t after, int64_t delay, int64_t now)
{
    int64_t                     longer;
    ngx_deploy_board_slot_t    *slot;
    ngx_deploy_board_target_t  *target;

    slot = &board->slots[work->slot];
    target = &slot->targets[work->target];

    if (!slot->used || !target->used || target->claim != work->claim) {
        return NGX_DEPLOY_DECLINED;
    }

    target->claim = 0;
    target->leased = 0;

    /* when it is tried again is nothing to keep, since when it fails is */

    if (result != NGX_DEPLOY_BOARD_AGAIN || target->failing == 0
        || now - target->failing >= NGX_DEPLOY_BOARD_PATIENCE)
    {
        slot->revision++;
    }

    if (result == NGX_DEPLOY_BOARD_DONE) {

        if (work->phase >= 0) {
            target->details |= (uint32_t) 1 << work->phase;

        } else {
            target->shown = work->version;

            if (ts->data) {
                (void) ngx_deploy_board_name(target->ts, sizeof(target->ts),
                                             ts);
            }
        }

        target->failing = 0;

        return NGX_DEPLOY_OK;
    }

    if (result == NGX_DEPLOY_BOARD_LOST && work->phase == -1
        && target->ts[0] != '\0')
    {
        target->ts[0] = '\0';
        target->shown = 0;
        return NGX_DEPLOY_OK;
    }

    if (target->failing == 0) {
        target->failing = now;
    }

    if (result == NGX_DEPLOY_BOARD_AGAIN
        && now - target->failing < NGX_DEPLOY_BOARD_PATIENCE)
    {
        /* as long again as it has been failing */

        longer = now - target->failing;

        if (longer > NGX_DEPLOY_BOARD_MAX_DELAY) {
            longer = NGX_DEPLOY_BOARD_MAX_DELAY;
        }

        target->due = now + delay + longer;

        if (after) {
            ngx_deploy_board_pause(board, target->channel, now + after);
        }

        return NGX_DEPLOY_OK;
    }

    /* details alone are given up, or all of the target */

    if (work->phase >= 0) {
        target->details |= (uint32_t) 1 << work->phase;

    } else {
        target->wanted = 0;
    }

    target->failing = 0;

    return (result == NGX_DEPLOY_BOARD_AGAIN) ? NGX_DEPLOY_ERROR
                                              : NGX_DEPLOY_OK;
}
