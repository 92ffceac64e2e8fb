
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_board_table.h"
#include "ngx_deploy_json.h"


static int ngx_deploy_board_record(ngx_deploy_board_t *board,
    ngx_deploy_board_slot_t *slot, ngx_deploy_pool_t *pool, int64_t skew,
    ngx_deploy_board_record_t *record);
static ngx_deploy_json_t *ngx_deploy_board_record_target(
    ngx_deploy_board_target_t *target, int64_t skew);
static int ngx_deploy_board_record_text(ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *json, ngx_deploy_board_slot_t *slot,
    ngx_deploy_str_t *text);
static int ngx_deploy_board_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_board_record_t *record, unsigned follows, int64_t skew,
    int64_t now, ngx_deploy_board_slot_t **slot);
static void ngx_deploy_board_parse_target(ngx_deploy_board_slot_t *slot,
    ngx_deploy_json_t *json, unsigned follows, int64_t skew, int64_t now);
static uint32_t ngx_deploy_board_parse_number(ngx_deploy_json_t *json,
    const char *name);
static void ngx_deploy_board_copy_slot(ngx_deploy_board_slot_t *dst,
    ngx_deploy_board_slot_t *src);
static int ngx_deploy_board_merge(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_slot_t *other, ngx_deploy_pool_t *pool, int64_t now);
static unsigned ngx_deploy_board_merge_target(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_target_t *other, int64_t now);
static unsigned ngx_deploy_board_untouched(ngx_deploy_board_slot_t *slot);


void
ngx_deploy_board_keep(ngx_deploy_board_t *board, unsigned kept,
    int64_t origin)
{
    board->kept = kept;

    if (board->origin == 0) {
        board->origin = origin;
    }
}


int64_t
ngx_deploy_board_origin(ngx_deploy_board_t *board)
{
    return board->kept ? board->origin : 0;
}


int
ngx_deploy_board_save(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, int64_t skew, int64_t busy, int64_t now,
    ngx_deploy_board_record_t *record)
{
    ngx_deploy_board_slot_t  *slot;

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL || slot->revision == slot->saved) {
        return NGX_DEPLOY_DECLINED;
    }

    slot->saving = now + busy;

    return ngx_deploy_board_record(board, slot, pool, skew, record);
}


int
ngx_deploy_board_unsaved(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    int64_t now, ngx_deploy_str_t *id)
{
    unsigned                  i;
    ngx_deploy_board_slot_t  *slot;

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        slot = &board->slots[i];

        if (slot->used && slot->revision != slot->saved
            && slot->saving <= now)
        {
            return ngx_deploy_pstrdup(pool, id, (u_char *) slot->id,
                                      strlen(slot->id));
        }
    }

    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_board_record(ngx_deploy_board_t *board,
    ngx_deploy_board_slot_t *slot, ngx_deploy_pool_t *pool, int64_t skew,
    ngx_deploy_board_record_t *record)
{
    int                         rc;
    unsigned                    i;
    ngx_deploy_json_t          *json, *targets;
    ngx_deploy_board_target_t  *target;

    memset(record, 0, sizeof(ngx_deploy_board_record_t));

    record->revision = slot->revision;
    record->base = slot->saved;
    record->origin = board->origin;
    record->status = slot->status;

    json = ngx_deploy_json_object();
    targets = ngx_deploy_json_array();

    rc = ngx_deploy_json_set(json, "version",
                             ngx_deploy_json_int(slot->version));

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        target = &slot->targets[i];

        if (!target->used) {
            continue;
        }

        record->behind |= ngx_deploy_board_behind(slot, target);

        rc |= ngx_deploy_json_append(targets,
                          ngx_deploy_board_record_target(target, skew));
    }

    rc |= ngx_deploy_json_set(json, "targets", targets);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_board_record_text(pool, json, slot, &record->data);
    }

    ngx_deploy_json_free(json);

    if (rc != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_pstrdup(pool, &record->id, (u_char *) slot->id,
                              strlen(slot->id));
}


static ngx_deploy_json_t *
ngx_deploy_board_record_target(ngx_deploy_board_target_t *target,
    int64_t skew)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_object();

    rc = ngx_deploy_json_set(json, "channel",
                             ngx_deploy_json_text(target->channel));
    rc |= ngx_deploy_json_set(json, "ts", ngx_deploy_json_text(target->ts));
    rc |= ngx_deploy_json_set(json, "follows",
                              ngx_deploy_json_bool(target->follows));
    rc |= ngx_deploy_json_set(json, "wanted",
                              ngx_deploy_json_int(target->wanted));
    rc |= ngx_deploy_json_set(json, "shown",
                              ngx_deploy_json_int(target->shown));
    rc |= ngx_deploy_json_set(json, "details",
                              ngx_deploy_json_int(target->details));

    if (target->failing) {
        rc |= ngx_deploy_json_set(json, "failing",
                                  ngx_deploy_json_int(target->failing
                                                      + skew));
    }

    return ngx_deploy_json_done(json, rc);
}


/* the build is JSON already, so it is put in as it is */

static int
ngx_deploy_board_record_text(ngx_deploy_pool_t *pool, ngx_deploy_json_t *json,
    ngx_deploy_board_slot_t *slot, ngx_deploy_str_t *text)
{
    u_char            *p;
    ngx_deploy_str_t   head;

    static const ngx_deploy_str_t  name = ngx_deploy_string(",\"build\":");

    if (ngx_deploy_json_dump(json, pool, &head) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    text->len = head.len + name.len + slot->len;
    text->data = ngx_deploy_palloc(pool, text->len);

    if (text->data == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = text->data;

    memcpy(p, head.data, head.len - 1);
    p += head.len - 1;

    memcpy(p, name.data, name.len);
    p += name.len;

    memcpy(p, slot->data, slot->len);
    p += slot->len;

    *p = '}';

    return NGX_DEPLOY_OK;
}


unsigned
ngx_deploy_board_saved(ngx_deploy_board_t *board, const ngx_deploy_str_t *id,
    int64_t revision, int64_t owner)
{
    ngx_deploy_board_slot_t  *slot;

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL) {
        return 1;
    }

    if (revision > slot->revision) {
        return 0;
    }

    if (revision > slot->saved) {
        slot->saved = revision;
        slot->foreign = (owner != 0 && owner != board->origin);
    }

    /* a change that came meanwhile is saved by who made it */

    if (slot->saved == slot->revision) {
        slot->saving = 0;
    }

    return 1;
}


void
ngx_deploy_board_failed(ngx_deploy_board_t *board, const ngx_deploy_str_t *id)
{
    ngx_deploy_board_slot_t  *slot;

    slot = ngx_deploy_board_find(board, id);

    if (slot) {
        slot->saving = 0;
    }
}


int
ngx_deploy_board_compose(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, const ngx_deploy_build_t *build,
    const ngx_deploy_str_t *channels, size_t n, unsigned follows,
    ngx_deploy_board_record_t *record)
{
    int                         rc;
    size_t                      i;
    ngx_deploy_str_t            dump;
    ngx_deploy_board_slot_t    *slot;
    ngx_deploy_board_target_t  *target;

    slot = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_board_slot_t));
    if (slot == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    if (id->len == 0
        || ngx_deploy_board_name(slot->id, sizeof(slot->id), id)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_board_dump(pool, build, &dump);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_board_write(slot, build, &dump, 0);

    for (i = 0; i < n; i++) {
        target = ngx_deploy_board_target(slot, &channels[i], 0);

        if (target) {
            target->follows = follows;
            target->wanted = slot->version;
        }
    }

    return ngx_deploy_board_record(board, slot, pool, 0, record);
}


int
ngx_deploy_board_fill(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_board_record_t *record, unsigned always,
    unsigned follows, unsigned max, int64_t skew, int64_t now)
{
    int                       rc;
    unsigned                  foreign;
    ngx_deploy_board_slot_t  *slot, *other;

    foreign = (record->owner != 0 && record->owner != board->origin);

    slot = ngx_deploy_board_find(board, &record->id);

    if (slot && !always
        && record->revision <= ((record->origin == board->origin)
                                ? slot->revision : slot->saved))
    {
        slot->foreign = foreign;
        return NGX_DEPLOY_OK;
    }

    rc = ngx_deploy_board_parse(pool, record, follows, skew, now, &other);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (slot == NULL) {
        slot = ngx_deploy_board_room(board, &record->id, max, now);

        if (slot == NULL) {
            return NGX_DEPLOY_DECLINED;
        }

        ngx_deploy_board_copy_slot(slot, other);
        slot->foreign = foreign;

        return NGX_DEPLOY_OK;
    }

    if (!always && ngx_deploy_board_untouched(slot)) {
        ngx_deploy_board_copy_slot(slot, other);
        slot->foreign = foreign;

        return NGX_DEPLOY_OK;
    }

    /* what is known here goes on from what is known there */

    if (!always) {
        slot->foreign = foreign;

        slot->saved = record->revision;

        if (slot->revision <= record->revision) {
            slot->revision = record->revision + 1;
        }
    }

    return ngx_deploy_board_merge(slot, other, pool, now);
}


static int
ngx_deploy_board_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_board_record_t *record, unsigned follows, int64_t skew,
    int64_t now, ngx_deploy_board_slot_t **slot)
{
    int                       rc;
    size_t                    i;
    const char               *reason;
    ngx_deploy_str_t          dump;
    ngx_deploy_json_t        *json, *targets, *target;
    ngx_deploy_build_t       *build;
    ngx_deploy_board_slot_t  *s;

    s = ngx_deploy_pcalloc(pool, sizeof(ngx_deploy_board_slot_t));
    build = ngx_deploy_palloc(pool, sizeof(ngx_deploy_build_t));

    if (s == NULL || build == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    *slot = s;

    rc = ngx_deploy_board_read(pool, &record->data, build);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    if (record->id.len == 0
        || ngx_deploy_board_name(s->id, sizeof(s->id), &record->id)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_DECLINED;
    }

    rc = ngx_deploy_board_dump(pool, build, &dump);

    if (rc != NGX_DEPLOY_OK) {
        return rc;
    }

    ngx_deploy_board_write(s, build, &dump, now);

    json = ngx_deploy_json_parse(record->data.data, record->data.len,
                                 NGX_DEPLOY_BOARD_MAX_TEXT, &reason);
    if (json == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    s->used = 1;
    s->version = ngx_deploy_board_parse_number(json, "version");
    s->revision = record->revision;
    s->saved = record->revision;

    targets = ngx_deploy_json_get(json, "targets");

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        target = ngx_deploy_json_at(targets, i);

        ngx_deploy_board_parse_target(s, target, follows, skew, now);
    }

    ngx_deploy_json_free(json);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_board_parse_target(ngx_deploy_board_slot_t *slot,
    ngx_deploy_json_t *json, unsigned follows, int64_t skew, int64_t now)
{
    int64_t                     failing;
    ngx_deploy_str_t            channel, ts;
    ngx_deploy_board_target_t  *target;

    channel = ngx_deploy_json_get_str(json, "channel");
    ts = ngx_deploy_json_get_str(json, "ts");

    if (channel.data == NULL
        || ngx_deploy_json_get_bool(json, "follows", -1) != (int) follows)
    {
        return;
    }

    target = ngx_deploy_board_target(slot, &channel, now);

    if (target == NULL) {
        return;
    }

    target->follows = follows;
    target->wanted = ngx_deploy_board_parse_number(json, "wanted");
    target->shown = ngx_deploy_board_parse_number(json, "shown");
    target->details = ngx_deploy_board_parse_number(json, "details");

    (void) ngx_deploy_board_name(target->ts, sizeof(target->ts), &ts);

    if (target->wanted > slot->version) {
        target->wanted = slot->version;
    }

    failing = ngx_deploy_json_get_int(json, "failing", 0);

    if (failing > 0) {

        /* before the machine was started it is negative */

        failing -= skew;
        target->failing = (failing != 0 && failing <= now) ? failing : now;
    }
}


static uint32_t
ngx_deploy_board_parse_number(ngx_deploy_json_t *json, const char *name)
{
    int64_t  n;

    n = ngx_deploy_json_get_int(json, name, 0);

    return (n > 0 && n < UINT32_MAX) ? (uint32_t) n : 0;
}


int
ngx_deploy_board_read(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *data,
    ngx_deploy_build_t *build)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_json_t  *json, *object;

    json = ngx_deploy_json_parse(data->data, data->len,
                                 NGX_DEPLOY_BOARD_MAX_TEXT, &reason);
    if (json == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    object = ngx_deploy_json_get(json, "build");

    rc = object ? ngx_deploy_build_of_json(build, pool, object)
                : NGX_DEPLOY_DECLINED;

    ngx_deploy_json_free(json);

    return rc;
}


static void
ngx_deploy_board_copy_slot(ngx_deploy_board_slot_t *dst,
    ngx_deploy_board_slot_t *src)
{
    /* as when it is written: torn in between the sum does not fit */

    memcpy(dst, src, offsetof(ngx_deploy_board_slot_t, data));
    memcpy(dst->data, src->data, src->len);
}


/* 1 when nothing is lost with what is here */

static unsigned
ngx_deploy_board_untouched(ngx_deploy_board_slot_t *slot)
{
    unsigned  i;

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        if (slot->targets[i].used && slot->targets[i].claim) {
            return 0;
        }
    }

    return slot->revision == slot->saved;
}


static int
ngx_deploy_board_merge(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_slot_t *other, ngx_deploy_pool_t *pool, int64_t now)
{
    int                  rc;
    unsigned             i, changed;
    ngx_deploy_str_t     dump;
    ngx_deploy_build_t  *build, *more;

    build = ngx_deploy_palloc(pool, 2 * sizeof(ngx_deploy_build_t));
    if (build == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    more = build + 1;

    rc = ngx_deploy_board_load(slot, pool, build);

    if (rc == NGX_DEPLOY_DECLINED) {

        /* it was torn */

        ngx_deploy_board_copy_slot(slot, other);
        return NGX_DEPLOY_OK;
    }

    if (rc != NGX_DEPLOY_OK
        || ngx_deploy_board_load(other, pool, more) != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    if (ngx_deploy_build_merge(build, more) == NGX_DEPLOY_OK) {
        rc = ngx_deploy_board_dump(pool, build, &dump);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        ngx_deploy_board_write(slot, build, &dump, now);
    }

    changed = 0;

    for (i = 0; i < NGX_DEPLOY_BOARD_TARGETS; i++) {
        if (other->targets[i].used) {
            changed |= ngx_deploy_board_merge_target(slot, &other->targets[i],
                                                     now);
        }
    }

    slot->revision += changed;

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_board_merge_target(ngx_deploy_board_slot_t *slot,
    ngx_deploy_board_target_t *other, int64_t now)
{
    unsigned                    changed;
    ngx_deploy_str_t            channel;
    ngx_deploy_board_target_t  *target;

    channel.len = strlen(other->channel);
    channel.data = (u_char *) other->channel;

    target = ngx_deploy_board_target(slot, &channel, now);

    if (target == NULL) {
        return 0;
    }

    changed = 0;

    if (target->ts[0] == '\0' && other->ts[0] != '\0') {
        memcpy(target->ts, other->ts, sizeof(target->ts));
        target->details |= other->details;
        changed = 1;
    }

    if (target->wanted == 0 && other->wanted) {
        target->follows = other->follows;
        target->wanted = slot->version;
        changed = 1;
    }

    return changed;
}


size_t
ngx_deploy_board_free(ngx_deploy_board_t *board, int64_t now)
{
    size_t    n;
    unsigned  i;

    n = 0;

    for (i = 0; i < NGX_DEPLOY_BOARD_SLOTS; i++) {
        n += !board->slots[i].used
             || ngx_deploy_board_rank(board, &board->slots[i], now) <= 1;
    }

    return n;
}


unsigned
ngx_deploy_board_misses(ngx_deploy_board_t *board, const ngx_deploy_str_t *id,
    int64_t origin)
{
    ngx_deploy_board_slot_t  *slot;

    slot = ngx_deploy_board_find(board, id);

    if (slot == NULL) {
        return NGX_DEPLOY_BOARD_ABSENT;
    }

    return (slot->foreign || origin != board->origin)
           ? NGX_DEPLOY_BOARD_OLD : 0;
}


unsigned
ngx_deploy_board_beat(ngx_deploy_board_t *board, int64_t interval,
    int64_t now)
{
    if (board->beat > now) {
        return 0;
    }

    board->beat = now + interval;

    return 1;
}
