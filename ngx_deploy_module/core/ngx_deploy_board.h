
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_BOARD_H_INCLUDED_
#define _NGX_DEPLOY_BOARD_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_build.h"


/*
 * The builds of late and what is to be told of them where: a table of fixed
 * size in memory that processes share.  It has no pointers, and a record that
 * was torn by the death of a process is taken for none.  The table is the
 * queue, too: a target is behind until the version of the build that it shows
 * is the newest one, so that what came in between is merged and the last
 * state is never lost.
 *
 * All functions are called under a lock of the caller.  Times are his
 * milliseconds, of a clock that is not set back.
 */

#define NGX_DEPLOY_BOARD_SLOTS     256
#define NGX_DEPLOY_BOARD_TARGETS   4        /* of a build */
#define NGX_DEPLOY_BOARD_CHANNELS  64       /* whose pace is known */
#define NGX_DEPLOY_BOARD_MAX_ID    383
#define NGX_DEPLOY_BOARD_MAX_NAME  47       /* of a channel, a ts */
#define NGX_DEPLOY_BOARD_MAX_DATA  12288    /* of a dump */
#define NGX_DEPLOY_BOARD_MAX_TEXT  16384    /* of a record */

#define NGX_DEPLOY_BOARD_ABSENT    1
#define NGX_DEPLOY_BOARD_OLD       2

#define NGX_DEPLOY_BOARD_PACE      1000     /* ms between two messages */
#define NGX_DEPLOY_BOARD_PATIENCE  21600000 /* ms: what fails so long is over */


typedef struct ngx_deploy_board_s  ngx_deploy_board_t;


/* something to be told: the caller has a lease for it */

typedef struct {
    unsigned                    slot;
    unsigned                    target;
    uint32_t                    claim;      /* the number of the lease */
    uint32_t                    version;    /* of the build */
    int                         phase;      /* index of a phase, -1: none */
    ngx_deploy_str_t            id;         /* it is known by */
    ngx_deploy_str_t            channel;    /* empty: of the webhook */
    ngx_deploy_str_t            ts;         /* absent: a new message */
    ngx_deploy_build_t          build;
} ngx_deploy_board_work_t;


typedef enum {
    NGX_DEPLOY_BOARD_DONE = 0,
    NGX_DEPLOY_BOARD_AGAIN,                 /* later */
    NGX_DEPLOY_BOARD_LOST,                  /* the message is gone: anew */
    NGX_DEPLOY_BOARD_REFUSED                /* never */
} ngx_deploy_board_result_e;


/* a build as a text, with all that has been and is to be told of it */

typedef struct {
    ngx_deploy_str_t            id;
    int64_t                     revision;
    int64_t                     base;       /* the one that is kept */
    int64_t                     origin;     /* the table that wrote it */
    int64_t                     owner;      /* read: the one that tells */
    unsigned                    behind;     /* something is to be told */
    ngx_deploy_build_status_e   status;
    ngx_deploy_str_t            data;
} ngx_deploy_board_record_t;


/* the size of a table, in bytes */
size_t ngx_deploy_board_size(void);

/* makes an empty table of zeroed memory, or 1 when it was one before */
unsigned ngx_deploy_board_init(ngx_deploy_board_t *board);

/*
 * What is kept elsewhere, too, in the store that survives the memory, may
 * make way when it is wanted back later.  origin is the name of this table
 * there, unless it has one.
 */
void ngx_deploy_board_keep(ngx_deploy_board_t *board, unsigned kept,
    int64_t origin);

/* the name, 0: nothing is kept elsewhere */
int64_t ngx_deploy_board_origin(ngx_deploy_board_t *board);

/*
 * Reads a build by its id.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or
 * NGX_DEPLOY_DECLINED when it is not there; texts are copied to the pool.
 */
int ngx_deploy_board_get(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, ngx_deploy_build_t *build);

/*
 * The builds of late, those that were written last first, at most max; of n
 * projects alone unless n is 0.  Returns their number; a torn one and one
 * that there is no memory for is left out.
 */
size_t ngx_deploy_board_list(ngx_deploy_board_t *board,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *projects, size_t n,
    ngx_deploy_build_t *builds, size_t max);

/*
 * Writes a build under an id, its own or another text for one that has none:
 * a new version, which all targets that follow the build are to show.  Of a
 * build that is too large the texts of phases are left out.  When the table
 * is full, an old build that nothing is to be told of makes way, then one
 * that is not at its end.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or
 * NGX_DEPLOY_DECLINED: there is no room, or the id is too long.
 */
int ngx_deploy_board_put(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, const ngx_deploy_build_t *build,
    int64_t now);

/*
 * The newest version of a build is to be told in a channel; one that follows
 * is told of later ones, too.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED: there
 * is no such build, the channel's name is too long, or it has too many
 * targets.
 */
int ngx_deploy_board_want(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id, const ngx_deploy_str_t *channel,
    unsigned follows, int64_t now);

/*
 * Leases what is to be told next: final states first, one message each
 * NGX_DEPLOY_BOARD_PACE for a channel, a message before its details.
 * NGX_DEPLOY_OK; NGX_DEPLOY_ERROR: memory is short; NGX_DEPLOY_DECLINED:
 * nothing now, in *next ms there may be, -1: there is nothing at all.
 */
int ngx_deploy_board_claim(ngx_deploy_board_t *board,
    ngx_deploy_pool_t *pool, ngx_deploy_board_work_t *work, int64_t lease,
    int64_t now, int64_t *next);

/*
 * Ends a lease.  ts: of the message that was written, kept for updates,
 * absent: the one that there was.  after: with AGAIN the ms that the channel
 * has to be left alone, 0: not told; delay: ms to the next try of this
 * target, longer the longer it has been failing.  What has failed for
 * NGX_DEPLOY_BOARD_PATIENCE is given up: NGX_DEPLOY_ERROR;
 * NGX_DEPLOY_DECLINED: the lease was over; else NGX_DEPLOY_OK.
 */
int ngx_deploy_board_done(ngx_deploy_board_t *board,
    const ngx_deploy_board_work_t *work, ngx_deploy_board_result_e result,
    const ngx_deploy_str_t *ts, int64_t after, int64_t delay, int64_t now);


/*
 * ngx_deploy_board_record.c: builds as texts, to be kept and read back.  Each
 * change of a build makes a new revision.  skew is what times of the wall's
 * clock are ahead of those of the caller, in ms.
 */

/*
 * Writes the record of a build that is in the table; somebody else who looks
 * for one to be saved does not find it for the next ms of busy.
 * NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED: it is not there,
 * or is kept as it is.
 */
int ngx_deploy_board_save(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *id, int64_t skew, int64_t busy, int64_t now,
    ngx_deploy_board_record_t *record);

/* finds one that is not saved in its last revision, as above */
int ngx_deploy_board_unsaved(ngx_deploy_board_t *board,
    ngx_deploy_pool_t *pool, int64_t now, ngx_deploy_str_t *id);

/*
 * A revision is kept; owner is the table that tells what is behind, 0: none.
 * 0 when what is kept is newer than what is here: it has to be read.
 */
unsigned ngx_deploy_board_saved(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id, int64_t revision, int64_t owner);

/* a save failed: it is looked for again */
void ngx_deploy_board_failed(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id);

/*
 * Writes the record of a build that is not in the table, with the messages
 * that are to be told of it: NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or
 * NGX_DEPLOY_DECLINED: it is too large.
 */
int ngx_deploy_board_compose(ngx_deploy_board_t *board,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *id,
    const ngx_deploy_build_t *build, const ngx_deploy_str_t *channels,
    size_t n, unsigned follows, ngx_deploy_board_record_t *record);

/*
 * Reads a record back that is kept.  What is in the table already stays, but
 * for what another table has changed since, or, with always, for whatever the
 * record has that is not known here.  Targets that follow where the caller's
 * do not, or the other way round, are left out.  For a new one those up to
 * the rank max make way: 1 those with nothing to be told, 3 all that are kept
 * elsewhere.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED: there
 * is no room, or it is no record.
 */
int ngx_deploy_board_fill(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_board_record_t *record, unsigned always,
    unsigned follows, unsigned max, int64_t skew, int64_t now);

/* how many records with something to be told there is room for */
size_t ngx_deploy_board_free(ngx_deploy_board_t *board, int64_t now);

/*
 * Whether a record that is to be told by this table, or nobody, has to be
 * read: NGX_DEPLOY_BOARD_ABSENT from the table, or NGX_DEPLOY_BOARD_OLD, as
 * another table has written it or was to tell it; else 0
 */
unsigned ngx_deploy_board_misses(ngx_deploy_board_t *board,
    const ngx_deploy_str_t *id, int64_t origin);

/* 1 when it is time, once in so many ms, whoever asks */
unsigned ngx_deploy_board_beat(ngx_deploy_board_t *board, int64_t interval,
    int64_t now);

/* the build of a record's data: OK, ERROR, or DECLINED: it is none */
int ngx_deploy_board_read(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *data, ngx_deploy_build_t *build);

/*
 * ngx_deploy_board_watch.c: the next build, from *slot on, that is under way
 * and was not touched since before; its id, which is in the table, and the
 * slot after it.  NGX_DEPLOY_OK, or NGX_DEPLOY_DECLINED: there is none.
 */
int ngx_deploy_board_silent(ngx_deploy_board_t *board, unsigned *slot,
    int64_t before, ngx_deploy_str_t *id);

/*
 * Adds what is told of a build that is known, as ngx_deploy_build_merge()
 * does; its end is told wherever something was told of it.  NGX_DEPLOY_OK
 * with the *build that it is then, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED:
 * nothing is new, or it is not known.
 */
int ngx_deploy_board_told(ngx_deploy_board_t *board, ngx_deploy_pool_t *pool,
    const ngx_deploy_build_t *told, ngx_deploy_build_t *build, int64_t now);


#endif /* _NGX_DEPLOY_BOARD_H_INCLUDED_ */
