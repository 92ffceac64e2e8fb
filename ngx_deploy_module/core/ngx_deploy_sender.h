
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_SENDER_H_INCLUDED_
#define _NGX_DEPLOY_SENDER_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"
#include "ngx_deploy_form.h"
#include "ngx_deploy_payload.h"
#include "ngx_deploy_scan.h"


/*
 * What the senders share, private to core/ngx_deploy_payload.c and the
 * files of the senders.  A sender is a name, its headers, a table of paths
 * and some functions: the keys of JSON come in any order, so values are kept
 * as they come and all is decided at the end.
 */

#define NGX_DEPLOY_SENDER_MAX_RAW   80
#define NGX_DEPLOY_SENDER_MAX_WORD  64      /* of the event's header */

/* the root of the body: fact 1 of every table, checked for all senders */
#define NGX_DEPLOY_SENDER_ROOT      1

/*
 * Longer names are noticed, not cut: a row of a table asks for some bytes
 * more than are allowed, whatever the UTF-8 border
 */
#define NGX_DEPLOY_SENDER_NAME  NGX_DEPLOY_PAYLOAD_MAX_NAME + 4, 1
#define NGX_DEPLOY_SENDER_TEXT  NGX_DEPLOY_PAYLOAD_MAX_TEXT, 1
#define NGX_DEPLOY_SENDER_NODE  0, 1


#define NGX_DEPLOY_SENDER_DOCUMENT  "payload"      /* a field of forms */


#define NGX_DEPLOY_SENDER_DISAGREES                                           \
    "the body does not agree with the event header"


/* a value as it came, type is 0 while it did not */

typedef struct {
    unsigned                  type;
    ngx_deploy_str_t          value;
} ngx_deploy_raw_t;


/* a set of distinct paths */

typedef struct {
    ngx_deploy_str_t         *elts;
    size_t                    n;
    size_t                    nalloc;
    size_t                    size;         /* of all paths, in bytes */
    uint32_t                 *slots;        /* index of an element plus one */
    size_t                    nslots;       /* a power of two */
    unsigned                  truncated;
} ngx_deploy_path_set_t;


typedef struct {
    ngx_deploy_str_t                 name;

    /* headers, lower case or absent */
    ngx_deploy_str_t                 event;
    ngx_deploy_str_t                 event_type;  /* when event is empty */
    ngx_deploy_str_t                 ids[3];      /* the first that is there */

    /* why there must be an event's header, NULL: the body may tell */
    const char                      *eventless;

    /*
     * The fields of forms, ended by NULL, or NULL where no forms are sent: i
     * is the value of fact NGX_DEPLOY_SENDER_ROOT + 1 + i.  The first may be
     * NGX_DEPLOY_SENDER_DOCUMENT, the JSON text; if it is the only one, the
     * form has to begin with it.
     */
    const char *const               *fields;

    const ngx_deploy_scan_path_t    *paths;
    const ngx_deploy_scan_path_t    *more;        /* paths, or NULL */

    /*
     * sets payload->kind from payload->word, or makes that a word first; NULL
     * where the body tells
     */
    void  (*kind)(ngx_deploy_payload_t *payload);

    /* a value of the table */
    int   (*value)(ngx_deploy_payload_t *payload, unsigned fact,
        ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);

    /* makes the events */
    int   (*finish)(ngx_deploy_payload_t *payload);

    /* of senders without a header: 1 when the values are of their kind */
    unsigned  (*claims)(ngx_deploy_payload_t *payload);
} ngx_deploy_sender_t;


struct ngx_deploy_payload_s {
    ngx_deploy_pool_t                *pool;
    const ngx_deploy_sender_t        *sender;
    const ngx_deploy_senders_t       *senders;
    ngx_deploy_scan_t                *scan;
    uint64_t                          seed;

    int                               rc;
    const char                       *reason;
    size_t                            received;

    ngx_deploy_str_t                  delivery;
    ngx_deploy_str_t                  word;     /* absent: not in a header */
    unsigned                          kind;     /* the sender's own number */

    /* of one of the senders that only the body tells, while none is told */
    ngx_deploy_payload_t             *parts;

    ngx_deploy_event_t               *events;
    size_t                            nevents;
    size_t                            nalloc;

    ngx_deploy_path_set_t             set;
    size_t                            commits;
    size_t                            lists;
    size_t                            timed;    /* durations in seconds */
    int64_t                           seconds;

    unsigned                          is_form;
    unsigned                          document; /* at the end: JSON is there */
    ngx_deploy_form_t                 form;
    ngx_deploy_raw_t                  raw[NGX_DEPLOY_SENDER_MAX_RAW];
};


#define NGX_DEPLOY_SENDERS       11
#define NGX_DEPLOY_BODY_SENDERS  4

struct ngx_deploy_senders_s {
    ngx_deploy_scan_table_t          *tables[NGX_DEPLOY_SENDERS];

    /* of each fact of the body's table: the facts of the senders */
    u_char                          (*facts)[NGX_DEPLOY_BODY_SENDERS];
};


extern const ngx_deploy_sender_t  ngx_deploy_body;
extern const ngx_deploy_sender_t  ngx_deploy_github;
extern const ngx_deploy_sender_t  ngx_deploy_gitea;
extern const ngx_deploy_sender_t  ngx_deploy_forgejo;
extern const ngx_deploy_sender_t  ngx_deploy_gogs;
extern const ngx_deploy_sender_t  ngx_deploy_bitbucket;
extern const ngx_deploy_sender_t  ngx_deploy_bitbucket_server;
extern const ngx_deploy_sender_t  ngx_deploy_azure;
extern const ngx_deploy_sender_t  ngx_deploy_gitlab;
extern const ngx_deploy_sender_t  ngx_deploy_aws;
extern const ngx_deploy_sender_t  ngx_deploy_slack;
extern const ngx_deploy_sender_t  ngx_deploy_report;
extern const ngx_deploy_sender_t  ngx_deploy_standard;

/* the fields of who sends a form with nothing but the JSON text */
extern const char *const  ngx_deploy_sender_document[];


/* the sender that scheme and headers tell, ngx_deploy_body for none */
const ngx_deploy_sender_t *ngx_deploy_sender_told(
    const ngx_deploy_delivery_t *delivery);

/* event and id of the delivery from the headers that the sender has */
int ngx_deploy_sender_headers(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_t *delivery);

/* sets the id of the delivery, when it can be shown */
int ngx_deploy_sender_delivery(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *id);

/* the body's table of paths and senders->facts, NULL when memory is short */
ngx_deploy_scan_table_t *ngx_deploy_body_compile(ngx_deploy_pool_t *pool,
    ngx_deploy_senders_t *senders);

/* the parts of a payload that only the body tells */
int ngx_deploy_body_create(ngx_deploy_payload_t *payload,
    const ngx_deploy_delivery_t *delivery);


/*
 * Forms: the next bytes as they are, which must not be JSON in disguise; the
 * next bytes of the value of a field; the end, when all values are known
 */
int ngx_deploy_sender_form_begin(ngx_deploy_payload_t *payload,
    const u_char *p, size_t len);
int ngx_deploy_sender_form_value(ngx_deploy_payload_t *payload,
    const u_char *p, size_t len);
int ngx_deploy_sender_form_end(ngx_deploy_payload_t *payload);


/* gives the payload its reason, always NGX_DEPLOY_DECLINED */
int ngx_deploy_sender_decline(ngx_deploy_payload_t *payload,
    const char *reason);

/* 1 for what may be the word of an event: [a-z0-9_:.-]{1,64} */
unsigned ngx_deploy_sender_word(const ngx_deploy_str_t *word);

/* keeps a value until the end, the first one of an array */
int ngx_deploy_sender_keep(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_scan_type_e type, ngx_deploy_str_t *value);

/* forgets the values of facts first to last */
void ngx_deploy_sender_clear(ngx_deploy_payload_t *payload, unsigned first,
    unsigned last);

/* 1 when the value is there and not null */
unsigned ngx_deploy_sender_has(ngx_deploy_payload_t *payload, unsigned fact);

/* 1 when the value is an object */
unsigned ngx_deploy_sender_object(ngx_deploy_payload_t *payload,
    unsigned fact);

/*
 * An essential text: absent when missing, null or empty; of a wrong type or
 * too long: NGX_DEPLOY_DECLINED
 */
#define ngx_deploy_sender_name(payload, fact, member, s)                      \
    ngx_deploy_sender_string(payload, fact, s, member " is not a string",     \
                             member " too long")

int ngx_deploy_sender_string(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *s, const char *mistyped, const char *oversized);

/* the same, absent when it is a zero hash */
#define ngx_deploy_sender_hash(payload, fact, member, s)                      \
    ngx_deploy_sender_commit(payload, fact, s, member " is not a string",     \
                             member " too long")

int ngx_deploy_sender_commit(ngx_deploy_payload_t *payload, unsigned fact,
    ngx_deploy_str_t *s, const char *mistyped, const char *oversized);

/* what may be missing: absent also when of a wrong type */
ngx_deploy_str_t ngx_deploy_sender_text(ngx_deploy_payload_t *payload,
    unsigned fact);

/* the decimal text of an integer above or equal to zero, else absent */
ngx_deploy_str_t ngx_deploy_sender_number(ngx_deploy_payload_t *payload,
    unsigned fact);

/*
 * A number of seconds, at most ten digits, a fraction is dropped: a number
 * or a string of JSON or the field of a form, else -1
 */
int64_t ngx_deploy_sender_seconds(ngx_deploy_payload_t *payload,
    unsigned fact);

/* 1, 0 or -1 */
int ngx_deploy_sender_flag(ngx_deploy_payload_t *payload, unsigned fact);

/* 1 for 40 or 64 zeros */
unsigned ngx_deploy_sender_zero(const ngx_deploy_str_t *hash);

/* the first line of a text, absent when it is empty */
ngx_deploy_str_t ngx_deploy_sender_line(const ngx_deploy_str_t *text);

/* makes a text that was kept lower case (ASCII), in place */
void ngx_deploy_sender_lower(ngx_deploy_str_t *text);

/*
 * The word of a status as in conditions, "timed_out", from a word of either
 * case, also of CodeBuild's for a phase.  NGX_DEPLOY_OK or
 * NGX_DEPLOY_DECLINED, the word is absent then.
 */
int ngx_deploy_sender_status(const ngx_deploy_str_t *sent,
    ngx_deploy_str_t *word);

/* the id of a build, "project:uuid", from an ARN of it or from itself */
void ngx_deploy_sender_build_id(ngx_deploy_str_t *id);

/* sets branch or tag from a full ref; others are neither */
void ngx_deploy_sender_ref(ngx_deploy_event_t *event,
    const ngx_deploy_str_t *ref);

/* the joined text "a/b", absent when one of both is */
int ngx_deploy_sender_join(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *a, const ngx_deploy_str_t *b,
    ngx_deploy_str_t *s);

/* a new event of the payload, initialized, its provider set */
int ngx_deploy_sender_event(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t **event);

/* adds a changed path; the set is truncated when it cannot take it */
int ngx_deploy_sender_path(ngx_deploy_payload_t *payload,
    const ngx_deploy_str_t *path);

/* gives the paths, sorted, to an event */
void ngx_deploy_sender_paths(ngx_deploy_payload_t *payload,
    ngx_deploy_event_t *event);


#endif /* _NGX_DEPLOY_SENDER_H_INCLUDED_ */
