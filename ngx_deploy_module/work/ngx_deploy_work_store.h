
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_WORK_STORE_H_INCLUDED_
#define _NGX_DEPLOY_WORK_STORE_H_INCLUDED_


#include <signal.h>

#include "ngx_deploy_core.h"


/*
 * The durable store (DESIGN, section 6): SQLite in the file "deploy.db" of a
 * directory, WAL, synchronous=FULL.  It blocks, so it runs in a thread.
 *
 * A handle is one connection, used by one thread at a time.  It opens the
 * file when it is first used and again after a failure.  What is to be done
 * comes as a list of operations that are committed in one transaction: an
 * operation that fails leaves nothing behind and does not touch the others.
 *
 * Times are wall-clock milliseconds since the epoch, given by the caller.
 * The clock may jump: leases and next tries are kept with the time they were
 * made at, and a time that is ahead of the clock moves them along with it.
 */

#define NGX_DEPLOY_STORE_FILE     "deploy.db"
#define NGX_DEPLOY_STORE_VERSION  2

/* longest message of an attempt, longest list of a find or a take */
#define NGX_DEPLOY_STORE_MAX_MESSAGE  1024
#define NGX_DEPLOY_STORE_MAX_LIST     1000

/* ms after which a table that was not heard of is taken for gone */
#define NGX_DEPLOY_STORE_SILENCE      10000


typedef struct ngx_deploy_store_s  ngx_deploy_store_t;


typedef enum {
    NGX_DEPLOY_STORE_QUEUED = 0,     /* to be tried when it is due */
    NGX_DEPLOY_STORE_STARTING,       /* leased, until it is due */
    NGX_DEPLOY_STORE_STARTED,
    NGX_DEPLOY_STORE_FAILED          /* refused, or given up */
} ngx_deploy_store_state_e;


/* a build that was asked for, and what became of it */

typedef struct {
    int64_t                       row;
    int64_t                       delivery;     /* row of its delivery */
    int64_t                       event;        /* index in the delivery */
    int64_t                       run;          /* 1, more when redelivered */

    ngx_deploy_str_t              project;
    ngx_deploy_str_t              region;
    ngx_deploy_str_t              endpoint;     /* empty: the region's */
    ngx_deploy_str_t              role;
    ngx_deploy_str_t              credentials;
    ngx_deploy_str_t              token;        /* idempotencyToken */
    ngx_deploy_str_t              body;         /* of StartBuild */
    ngx_deploy_str_t              notice;       /* what is to be told */
    ngx_deploy_str_t              response;     /* a URL, until it is final */
    unsigned                      paths_unknown;

    ngx_deploy_store_state_e      state;
    int64_t                       fence;        /* of the newest lease */
    int64_t                       since;        /* of the state */
    int64_t                       due;          /* 0 when it is final */
    int64_t                       waited;       /* ms, all tries */
    int64_t                       attempts;     /* that have a result */

    /*
     * the time of the first attempt whose outcome is not known and was not
     * looked up since, 0 when there is none, 1 when that was long ago
     */
    int64_t                       unknown;

    ngx_deploy_str_t              error;        /* of the last attempt */
    ngx_deploy_str_t              message;

    ngx_deploy_str_t              id;           /* project:uuid */
    ngx_deploy_str_t              arn;
    ngx_deploy_str_t              url;
    int64_t                       number;       /* -1: not known */

    ngx_deploy_str_t              status;       /* by reports, or absent */
    int64_t                       final;        /* since when it is, or 0 */
    ngx_deploy_str_t              record;       /* its data, the same */
} ngx_deploy_store_build_t;


typedef struct {
    int64_t                       row;
    ngx_deploy_str_t              identity;     /* unique in its location */
    ngx_deploy_str_t              location;
    ngx_deploy_str_t              scheme;
    ngx_deploy_str_t              server;
    ngx_deploy_str_t              provider;
    ngx_deploy_str_t              id;           /* the sender's */
    int64_t                       received;
    ngx_deploy_str_t              events;       /* JSON, "events" of answers */
    ngx_deploy_str_t              rules;        /* JSON, "rules" of answers */

    ngx_deploy_store_build_t     *builds;
    size_t                        nbuilds;
} ngx_deploy_store_delivery_t;


/*
 * What is known of a build and told of it, whoever started it: a record of a
 * table of builds in the memory of an nginx (core/ngx_deploy_board.h), of
 * which the store is the memory that lasts.  Several tables may share it.
 */

typedef struct {
    ngx_deploy_str_t              build;        /* its id, or another text */
    int64_t                       revision;     /* grows with each change */
    int64_t                       origin;       /* the table that wrote it */
    int64_t                       owner;        /* that tells, 0: none */
    unsigned                      behind;       /* something is to be told */
    ngx_deploy_str_t              status;       /* of the build, a word */
    int64_t                       final;        /* since when, 0: it is not */
    ngx_deploy_str_t              data;         /* absent: none */
} ngx_deploy_store_record_t;


typedef enum {
    NGX_DEPLOY_STORE_ACCEPT = 0,
    NGX_DEPLOY_STORE_RESULT,
    NGX_DEPLOY_STORE_TAKE,
    NGX_DEPLOY_STORE_REDELIVER,
    NGX_DEPLOY_STORE_FIND,
    NGX_DEPLOY_STORE_SAVE,
    NGX_DEPLOY_STORE_RECALL,
    NGX_DEPLOY_STORE_BEHIND,
    NGX_DEPLOY_STORE_SILENT,
    NGX_DEPLOY_STORE_PRUNE,
    NGX_DEPLOY_STORE_STATUS,
    NGX_DEPLOY_STORE_DROP
} ngx_deploy_store_op_e;


/*
 * Accepts a delivery and leases its builds to the caller.
 *
 * in   delivery  everything but row; its builds with what is asked for
 *      expires   ms of CLOCK_MONOTONIC after which it is not done any more,
 *                as nobody waits for it, 0: none
 * out  outcome   NEW: all builds are leased
 *                AGAIN: known, but with no build or with failed ones: failed
 *                builds are leased anew with what is asked for now, so are
 *                builds that the delivery did not have
 *                DUPLICATE: known, nothing is leased
 *      delivery  row; row, fence, unknown of the leased builds, row 0 in the
 *                others
 *      known     all builds of the delivery that were there and are not
 *                leased, of the newest runs, unless it is NEW
 *
 * OK, DECLINED when it came too late, or ERROR.
 */

typedef enum {
    NGX_DEPLOY_STORE_NEW = 0,
    NGX_DEPLOY_STORE_AGAIN,
    NGX_DEPLOY_STORE_DUPLICATE
} ngx_deploy_store_outcome_e;


typedef struct {
    ngx_deploy_store_delivery_t  *delivery;
    ngx_deploy_str_t              owner;
    int64_t                       lease;        /* ms */
    int64_t                       expires;

    ngx_deploy_store_outcome_e    outcome;
    ngx_deploy_store_build_t     *known;
    size_t                        nknown;
} ngx_deploy_store_accept_t;


/*
 * Records the result of an attempt.
 *
 * in   build     row, fence; started: id, arn, url, number; others: error,
 *                message (cut)
 *      kind      STARTED; FAILED, for good; RETRY after delay, or FAILED when
 *                retry ms have been waited; RELEASE: there was no attempt
 *      unknown   the outcome is not known: the service may have started it
 *      asked     earlier unknown outcomes were looked up, there was no build
 *      status    of HTTP, duration in ms
 *      record    kept as with a save when the build has become STARTED or
 *                FAILED, unless there is one; may be NULL
 * out  state     that the build is in now
 *      first     it was not in that state before
 *      known     the record that there was, or NULL
 *
 * DECLINED: the lease is somebody else's by now, or the build is final, or
 * there is none: nothing is changed.  A build that was started is recorded
 * whoever has the lease; when another build was before, DECLINED, and id is
 * that other one.
 */

typedef enum {
    NGX_DEPLOY_STORE_RESULT_STARTED = 0,
    NGX_DEPLOY_STORE_RESULT_FAILED,
    NGX_DEPLOY_STORE_RESULT_RETRY,
    NGX_DEPLOY_STORE_RESULT_RELEASE
} ngx_deploy_store_result_e;


typedef struct {
    ngx_deploy_store_build_t      build;
    ngx_deploy_store_result_e     kind;
    unsigned                      unknown;
    unsigned                      asked;
    unsigned                      status;
    int64_t                       duration;
    int64_t                       delay;        /* ms */
    int64_t                       retry;        /* ms */
    ngx_deploy_store_record_t    *record;

    ngx_deploy_store_state_e      state;
    unsigned                      first;
    ngx_deploy_store_record_t    *known;
    ngx_deploy_str_t              id;
} ngx_deploy_store_started_t;


/*
 * Leases builds that are due: queued ones, and those whose lease is over.
 *
 * A build that was leased twice without a result may be what ended the workers:
 * it is taken alone, and each time it is leased for twice as long, up to five
 * minutes.
 *
 * in   owner, lease in ms, max (1 to NGX_DEPLOY_STORE_MAX_LIST)
 *      busy   other builds that were taken are under way
 * out  deliveries, one for each build and with that build alone
 *      next   ms until the next one is due, -1 when there is none
 *      alone  the first one is of that kind: nothing is to be taken until it
 *             has a result, or it was not taken as others are under way
 *
 * OK or ERROR.
 */

typedef struct {
    ngx_deploy_str_t              owner;
    int64_t                       lease;
    size_t                        max;
    unsigned                      busy;

    ngx_deploy_store_delivery_t  *deliveries;
    size_t                        n;
    int64_t                       next;
    unsigned                      alone;
} ngx_deploy_store_take_t;


/*
 * Queues the builds of a stored delivery again, as new runs with new tokens,
 * due at once.  Builds that are queued or starting stay as they are.
 *
 * in   id        of the sender; of several with it the newest that has builds,
 *                one of a sender before reports of builds, which share it
 * out  delivery  with its builds, the new ones queued
 *
 * DECLINED: there is no such delivery, or it has no builds (then delivery is
 * set).
 */

typedef struct {
    ngx_deploy_str_t              id;

    ngx_deploy_store_delivery_t  *delivery;
    unsigned                      queued;
} ngx_deploy_store_redeliver_t;


/*
 * Reads deliveries, the newest first, with the builds of all runs.
 *
 * in   row       of a delivery, or 0
 *      id        the sender's, or absent
 *      build     the id of a build, or absent
 *                without all three: the newest deliveries
 *      max       1 to NGX_DEPLOY_STORE_MAX_LIST
 * out  deliveries, n
 *      active    builds in the store that are queued or starting
 *
 * DECLINED: there is none.
 */

typedef struct {
    int64_t                       row;
    ngx_deploy_str_t              id;
    ngx_deploy_str_t              build;
    size_t                        max;

    ngx_deploy_store_delivery_t  *deliveries;
    size_t                        n;
    int64_t                       active;
} ngx_deploy_store_find_t;


/*
 * Keeps a record, under these rules: what one table wrote is written over by
 * its later revisions only, whatever the order they come in; what another
 * one wrote is, when it was read before.  As long as something is to be told
 * one table does that: the one that began, until it is silent.
 *
 * in   record    all but owner; final is kept when it was final before
 *      base      the revision that was read or kept last, 0: none
 * out  record    owner
 *      known     what there is instead, if it was not kept: OK, a later
 *                revision; DECLINED, what another table has written meanwhile
 *
 * OK, DECLINED, or ERROR.
 */

typedef struct {
    ngx_deploy_store_record_t     record;
    int64_t                       base;

    ngx_deploy_store_record_t    *known;
} ngx_deploy_store_save_t;


/*
 * Reads the record of a build, and the build that was started with a token.
 *
 * in   record    build: its id
 *      take      the caller wants to tell what is to be told, if nobody else
 *                does: then record.origin is the caller's table
 *      token     idempotencyToken, or absent
 * out  record    data is absent when there is none
 *      build     the newest one with the token, or NULL; without its body
 *
 * OK or ERROR.
 */

typedef struct {
    ngx_deploy_store_record_t     record;
    unsigned                      take;
    ngx_deploy_str_t              token;

    ngx_deploy_store_build_t     *build;
} ngx_deploy_store_recall_t;


/*
 * Lists what is to be told by a table, or by none that lives, that which was
 * changed the longest time ago first; tells others that the table lives.
 *
 * in   origin    of the table
 *      max       1 to NGX_DEPLOY_STORE_MAX_LIST
 * out  records   their builds and origins alone
 *      n
 *
 * OK or ERROR.
 */

typedef struct {
    int64_t                       origin;
    size_t                        max;

    ngx_deploy_store_record_t    *records;
    size_t                        n;
} ngx_deploy_store_behind_t;


/*
 * Lists builds that have been started and have not ended, with nothing to be
 * told, that were heard of last between two times; the oldest first.
 *
 * in   after, before
 *      max       1 to NGX_DEPLOY_STORE_MAX_LIST
 * out  builds    their ids
 *      n
 *
 * OK or ERROR.
 */

typedef struct {
    int64_t                       after;
    int64_t                       before;
    size_t                        max;

    ngx_deploy_str_t             *builds;
    size_t                        n;
} ngx_deploy_store_silent_t;


/*
 * Forgets what is older than keep ms, never a build that is queued or
 * starting, nor what is to be told; at most max deliveries.
 *
 * out  n         the number of deliveries that are gone
 *
 * OK or ERROR.
 */

typedef struct {
    int64_t                       keep;
    size_t                        max;

    size_t                        n;
} ngx_deploy_store_prune_t;


/*
 * Reads what deploy_status shows.
 *
 * in   find      as above, with the two below only the first max
 *      project   deliveries with a build of it, or absent
 *      status    "queued", "starting", "started", "failed" of a build, or the
 *                word of a report; "ignored" and "dry_run": with no builds,
 *                and of a project the rules of it; or absent.  Deliveries are
 *                looked for among the newest NGX_DEPLOY_STORE_MAX_LOOK
 *      details   attempts are read, too
 *                without find.max: nothing but the numbers
 * out  find
 *      projects  the newest build of each, among the newest
 *                NGX_DEPLOY_STORE_MAX_LOOK, at most NGX_DEPLOY_STORE_MAX_SHOWN,
 *                and in place of its body the sender's id of its delivery
 *      queue     the same of builds that are queued or starting, by due
 *      numbers   of each project, unless details are asked for, of the builds
 *                that have ended in the last NGX_DEPLOY_STORE_DAYS, among as
 *                many of the newest records
 *      queued, starting   builds in these states
 *      oldest    ms that the oldest of them waits
 *      size      bytes of the files
 *      attempts  of all builds that were found, in order
 *
 * OK, also when there are no deliveries, or ERROR.
 */

#define NGX_DEPLOY_STORE_MAX_LOOK   10000
#define NGX_DEPLOY_STORE_MAX_SHOWN  100
#define NGX_DEPLOY_STORE_DAYS       30


typedef struct {
    int64_t                       build;        /* its row */
    int64_t                       n;
    int64_t                       at;
    int64_t                       duration;     /* ms */
    int64_t                       status;       /* of HTTP, or 0 */
    ngx_deploy_str_t              error;
    ngx_deploy_str_t              message;
} ngx_deploy_store_attempt_t;


/*
 * What builds of a project have ended as: "succeeded", or "failed",
 * "timed_out" and "fault"; those that were stopped do not count.
 */

typedef struct {
    ngx_deploy_str_t              project;
    int64_t                       deployments;  /* that succeeded */
    int64_t                       failures;
    int64_t                       lead;         /* median ms from delivery to
                                                   success, -1: none */
    int64_t                       restore;      /* median ms from a failure to
                                                   the next success, -1 */
    int64_t                       restored;     /* how often */
    int64_t                       failing;      /* since when, 0: it is not */
} ngx_deploy_store_numbers_t;


typedef struct {
    ngx_deploy_store_find_t       find;
    ngx_deploy_str_t              project;
    ngx_deploy_str_t              status;
    unsigned                      details;

    ngx_deploy_store_build_t     *projects;
    size_t                        nprojects;
    ngx_deploy_store_build_t     *queue;
    size_t                        nqueue;
    ngx_deploy_store_numbers_t   *numbers;
    size_t                        nnumbers;
    int64_t                       queued;
    int64_t                       starting;
    int64_t                       oldest;
    int64_t                       size;
    ngx_deploy_store_attempt_t   *attempts;
    size_t                        nattempts;
} ngx_deploy_store_status_t;


/*
 * Gives up the builds of a delivery that are queued: they have failed, and
 * nobody is told.  What is just being started is let alone.
 *
 * in   row       of the delivery
 *      message   why, for the history
 * out  dropped   the number of builds
 *      starting  the number of those that are let alone
 *
 * OK, DECLINED: there is no such delivery, or ERROR.
 */

typedef struct {
    int64_t                       row;
    ngx_deploy_str_t              message;

    unsigned                      dropped;
    unsigned                      starting;
} ngx_deploy_store_drop_t;


typedef struct ngx_deploy_store_op_s  ngx_deploy_store_op_t;

struct ngx_deploy_store_op_s {
    ngx_deploy_store_op_e             type;
    int                               rc;        /* the result */
    void                             *data;      /* the caller's */
    ngx_deploy_store_op_t            *next;

    union {
        ngx_deploy_store_accept_t     accept;
        ngx_deploy_store_started_t    result;
        ngx_deploy_store_take_t       take;
        ngx_deploy_store_redeliver_t  redeliver;
        ngx_deploy_store_find_t       find;
        ngx_deploy_store_save_t       save;
        ngx_deploy_store_recall_t     recall;
        ngx_deploy_store_behind_t     behind;
        ngx_deploy_store_silent_t     silent;
        ngx_deploy_store_prune_t      prune;
        ngx_deploy_store_status_t     status;
        ngx_deploy_store_drop_t       drop;
    } u;
};


/*
 * Makes a handle; nothing is opened yet.
 *
 * path     the directory, it must exist and belong to the user
 * busy     ms, the longest wait for others that hold the file's lock
 * stop     ends a wait and a long operation when it is not zero; may be NULL
 *
 * NULL when memory is short.
 */
ngx_deploy_store_t *ngx_deploy_store_create(const char *path, unsigned busy,
    const volatile sig_atomic_t *stop);

/*
 * From now on the file has to be there and of NGX_DEPLOY_STORE_VERSION: it is
 * neither made nor migrated
 */
void ngx_deploy_store_existing(ngx_deploy_store_t *store);

/* closes the file; store may be NULL */
void ngx_deploy_store_destroy(ngx_deploy_store_t *store);

/*
 * Opens the file if need be, makes or migrates it, and does all operations of
 * a list in one transaction.  Results are in memory of the pool.
 *
 * NGX_DEPLOY_OK     it is committed and synced: op->rc tells of each one
 * NGX_DEPLOY_AGAIN  nothing is committed, a later try may do: the file is
 *                   locked, the disk is full, memory is short
 * NGX_DEPLOY_ERROR  nothing is committed, somebody has to look: the file is
 *                   corrupt, foreign, newer, read-only, or failed to be
 *                   written; the handle has closed it
 *
 * After AGAIN and ERROR each op->rc is NGX_DEPLOY_ERROR, and the reason is
 * in ngx_deploy_store_error().
 */
int ngx_deploy_store_run(ngx_deploy_store_t *store, ngx_deploy_pool_t *pool,
    ngx_deploy_store_op_t *ops, int64_t now);

/* why the last run failed, a text that holds no value of an operation */
const char *ngx_deploy_store_error(ngx_deploy_store_t *store);


#endif /* _NGX_DEPLOY_WORK_STORE_H_INCLUDED_ */
