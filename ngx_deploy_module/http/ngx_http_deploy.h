
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_HTTP_DEPLOY_H_INCLUDED_
#define _NGX_HTTP_DEPLOY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* core/ has no nginx type, but one layout of strings with it */

#define NGX_DEPLOY_STR_T  ngx_str_t

#include "ngx_deploy_core.h"
#include "ngx_deploy_build.h"
#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_event.h"
#include "ngx_deploy_payload.h"
#include "ngx_deploy_rule.h"
#include "ngx_deploy_scan.h"
#include "ngx_deploy_signature.h"
#include "ngx_deploy_sigv4.h"
#include "ngx_deploy_url.h"
#include "ngx_deploy_work_credentials.h"


#if !(NGX_THREADS)
#error "ngx_deploy_module needs nginx configured --with-threads"
#endif

#if !(NGX_HTTP_SSL)
#error "ngx_deploy_module needs nginx configured --with-http_ssl_module"
#endif

#if !(NGX_PCRE)
#error "ngx_deploy_module needs nginx configured with PCRE"
#endif


#define NGX_HTTP_DEPLOY_MAX_BUILDS   64       /* of one delivery */
#define NGX_HTTP_DEPLOY_BODY_BUFFER  (128 * 1024)
#define NGX_HTTP_DEPLOY_RETRY_AFTER  10      /* seconds */


typedef struct {
    ngx_str_t                   name;
    ngx_http_complex_value_t    value;
    const char                 *type;
} ngx_http_deploy_env_t;


typedef struct ngx_http_deploy_source_s  ngx_http_deploy_source_t;


typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   region;
    ngx_str_t                   endpoint;
    ngx_http_deploy_source_t   *credentials; /* NULL: the location's */
    ngx_str_t                   role;
    ngx_str_t                   external_id;
    ngx_str_t                   session_name;
    ngx_http_complex_value_t   *source_version;
    ngx_array_t                 env;         /* ngx_http_deploy_env_t */
    ngx_array_t                 overrides;   /* ngx_deploy_override_t */
    ngx_array_t                *notify;      /* of its own, or unset */
} ngx_http_deploy_project_t;


typedef struct {
    ngx_str_t                   text;        /* PROJECT as written */
    ngx_http_complex_value_t    project;
    ngx_array_t                 conditions;  /* ngx_deploy_condition_t */
    u_char                     *file;
    ngx_uint_t                  line;
} ngx_http_deploy_rule_t;


/* variables that were first used in a value of ours, by their indices */

typedef struct {
    ngx_uint_t                  first;
    ngx_uint_t                  last;        /* the one after */
    u_char                     *file;
    ngx_uint_t                  line;
} ngx_http_deploy_use_t;


/* a directive, of a deploy_transport block or built in, parsed later */

typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   text;        /* to its semicolon */
    u_char                     *file;
    ngx_uint_t                  line;
} ngx_http_deploy_text_t;


typedef struct ngx_http_deploy_slack_s   ngx_http_deploy_slack_t;
typedef struct ngx_http_deploy_notify_s  ngx_http_deploy_notify_t;
typedef struct ngx_http_deploy_store_conf_s  ngx_http_deploy_store_conf_t;
typedef struct ngx_http_deploy_tokens_s      ngx_http_deploy_tokens_t;
typedef struct ngx_http_deploy_dispatch_s    ngx_http_deploy_dispatch_t;
typedef struct ngx_http_deploy_outbound_s    ngx_http_deploy_outbound_t;
typedef struct ngx_http_deploy_accept_s      ngx_http_deploy_accept_t;


typedef struct {
    ngx_array_t                 projects;    /* ngx_http_deploy_project_t */
    ngx_array_t                 uses;        /* ngx_http_deploy_use_t */
    ngx_deploy_senders_t       *senders;
    ngx_deploy_scan_table_t    *sns;         /* NULL: no deploy_verify sns */
    ngx_array_t                *transport;   /* ngx_http_deploy_text_t */
    ngx_str_t                   region;      /* of the environment */
    ngx_str_t                   endpoint;    /* of the environment */

    /* AWS_... of the master, in the order of ngx_deploy_work_env_names */
    char                       *aws[NGX_DEPLOY_WORK_NENV];
    unsigned                    variant;     /* NGX_DEPLOY_REGION_... */
    ngx_array_t                 sources;     /* ngx_http_deploy_source_t */

    ngx_array_t                 rules;       /* ngx_http_deploy_rule_t, all */
    ngx_array_t                 notifies;    /* ngx_http_deploy_notify_t */
    ngx_http_deploy_slack_t    *slack;       /* NULL: no deploy_slack */
    ngx_shm_zone_t             *board;       /* NULL: nothing is told */
    ngx_http_deploy_store_conf_t  *store;
    ngx_http_deploy_tokens_t   *tokens;      /* NULL: no deploy_verify build */

    unsigned                    used:1;      /* a location has the handler */
    unsigned                    threads:1;   /* something may post jobs */
    unsigned                    chains:1;    /* a rule has "on=build" */
    unsigned                    commands:1;  /* a rule takes them of Slack,
                                                its location buttons, too */

    ngx_shm_zone_t             *zone;
} ngx_http_deploy_main_conf_t;


typedef struct {
    ngx_array_t                *transport;   /* ngx_http_deploy_text_t */
    void                      **loc_conf;    /* the anonymous location */
    ngx_http_conf_ctx_t        *ctx;
    ngx_str_t                   token_url;   /* where its builds report to */
    unsigned                    used:1;      /* something calls services */
} ngx_http_deploy_srv_conf_t;


typedef struct {
    ngx_array_t                *verify;      /* ngx_deploy_verifier_t */
    ngx_flag_t                  off;         /* deploy_verify off */
    ngx_str_t                   sns_endpoint;    /* deploy_verify sns */
    ngx_str_t                   token_url;   /* deploy_verify build */
    u_char                     *verify_file; /* where it is written */
    ngx_uint_t                  verify_line;
    ngx_array_t                *rules;       /* ngx_http_deploy_rule_t */
    ngx_array_t                *notify;      /* ngx_http_deploy_notify_t */
    ngx_flag_t                  handler;
    u_char                     *file;        /* of the handler's directive */
    ngx_uint_t                  line;

    ngx_str_t                   region;
    ngx_str_t                   endpoint;
    ngx_http_deploy_source_t   *credentials; /* NULL: the chain */
    ngx_msec_t                  timeout;
    ngx_flag_t                  dry_run;
    ngx_uint_t                  log_level;

    ngx_str_t                   name;        /* of the location */
} ngx_http_deploy_loc_conf_t;


typedef struct ngx_http_deploy_sns_s  ngx_http_deploy_sns_t;
typedef struct ngx_http_deploy_dispatch_s  ngx_http_deploy_dispatch_t;
typedef struct ngx_http_deploy_claim_s     ngx_http_deploy_claim_t;
typedef struct ngx_http_deploy_outbound_s  ngx_http_deploy_outbound_t;
typedef struct ngx_http_deploy_recall_s    ngx_http_deploy_recall_t;
typedef struct ngx_http_deploy_known_s     ngx_http_deploy_known_t;
typedef struct ngx_http_deploy_keep_s      ngx_http_deploy_keep_t;


typedef enum {
    NGX_HTTP_DEPLOY_BUILD_NEW = 0,
    NGX_HTTP_DEPLOY_BUILD_STARTED,
    NGX_HTTP_DEPLOY_BUILD_REFUSED,       /* for good */
    NGX_HTTP_DEPLOY_BUILD_UNREACHED,     /* a later try may do */
    NGX_HTTP_DEPLOY_BUILD_TIMEDOUT,      /* CodeBuild had the request */
    NGX_HTTP_DEPLOY_BUILD_QUEUED,        /* in the store, to be tried again */
    NGX_HTTP_DEPLOY_BUILD_STARTING,      /* by somebody else, it is joined */
    NGX_HTTP_DEPLOY_BUILD_DRY_RUN
} ngx_http_deploy_build_state_e;


/* one build of a request: what was asked for and what became of it */

typedef struct {
    ngx_str_t                       project;
    ngx_uint_t                      event;       /* its index */
    ngx_http_deploy_rule_t         *rule;        /* NULL: it is not of one */
    ngx_http_deploy_build_state_e   state;
    unsigned                        paths_unknown:1;
    unsigned                        later:1;     /* nobody waits, it goes on */

    ngx_str_t                       request;     /* body of StartBuild */
    ngx_str_t                       token;       /* idempotencyToken */
    ngx_http_deploy_dispatch_t     *dispatch;    /* until it has a result */
    ngx_deploy_reply_t              reply;
    ngx_uint_t                      retry_after; /* seconds */
} ngx_http_deploy_build_t;


/* the first condition of a rule that did not hold for an event */

typedef struct {
    ngx_http_deploy_rule_t         *rule;
    ngx_uint_t                      event;
    ngx_deploy_match_t              match;
} ngx_http_deploy_miss_t;


/*
 * The context outlives internal redirects, which wipe r->ctx: it is found
 * again by its pool cleanup.
 */

typedef struct {
    ngx_http_request_t             *request;
    ngx_deploy_signature_t         *sigs;
    ngx_uint_t                      nsigs;
    ngx_deploy_verify_e             verdict;
    const ngx_deploy_verifier_t    *verifier;    /* that was satisfied */
    ngx_uint_t                      secret;      /* its line */
    ngx_str_t                       id;          /* signed, or absent */
    ngx_http_deploy_sns_t          *sns;         /* NULL: not of SNS */
    ngx_deploy_build_claim_t       *reporter;    /* the build whose token was
                                                    shown, or NULL */

    ngx_str_t                       provider;
    ngx_str_t                       delivery;
    ngx_deploy_event_t             *events;
    size_t                          nevents;
    ngx_deploy_event_t             *event;       /* the variables' */
    ngx_str_t                      *project;     /* under evaluation */

    ngx_str_t                       identity;    /* hex, once it is needed */
    ngx_http_deploy_claim_t        *claim;       /* while pending */
    struct ngx_http_deploy_place_s *place;       /* of the same delivery */
    ngx_str_t                       joined;      /* its first project */
    ngx_msec_t                      deadline;    /* of a delivery joined */
    ngx_array_t                     builds;      /* ngx_http_deploy_build_t */
    ngx_array_t                     misses;      /* ngx_http_deploy_miss_t */
    ngx_http_deploy_accept_t       *accept;      /* while it is stored */
    ngx_uint_t                      pending;
    ngx_event_t                     timer;
    const char                     *result;      /* $deploy_status */
    const char                     *reason;      /* of a refused payload */
    struct ngx_http_deploy_body_s  *body;        /* read by a thread */

    ngx_str_t                       token;       /* the reporter's id */
    ngx_http_deploy_recall_t       *recall;      /* while the store is asked */
    ngx_http_deploy_known_t        *known;       /* the build of token */
    ngx_http_deploy_keep_t         *keep;        /* reports being stored */

    ngx_deploy_build_t             *upstream;    /* the event is about it */
    ngx_str_t                       challenge;   /* of Slack, to be echoed */
    ngx_str_t                       response_url;  /* of Slack, checked */
    ngx_str_t                       value;       /* of a button of Slack */
    struct ngx_http_deploy_task_s  *task;        /* of a command */

    unsigned                        command:1;   /* of Slack, so is answered */
    unsigned                        click:1;     /* a button, no answer */
    unsigned                        slow:1;      /* its task is not done */
    unsigned                        ssl_check:1; /* unsigned, may be one */
    unsigned                        stale:1;     /* the event comes late */
    unsigned                        unsaved:1;   /* a report was not stored */
    unsigned                        checked:1;   /* headers were */
    unsigned                        hashed:1;    /* by the body filter */
    unsigned                        verified:1;  /* there is a verdict */
    unsigned                        reading:1;
    unsigned                        payload:1;   /* of a form was signed */
    unsigned                        form:1;      /* not JSON */
    unsigned                        busy:1;      /* no thread is free */
    unsigned                        duplicate:1; /* started before */
    unsigned                        waiting:1;   /* for builds */
    unsigned                        logged:1;
} ngx_http_deploy_ctx_t;


/* ngx_http_deploy_module.c */

extern ngx_module_t  ngx_http_deploy_module;

/* the allocator of core/ over an nginx pool */
ngx_deploy_pool_t ngx_http_deploy_pool(ngx_pool_t *pool);

/* ngx_http_deploy_verify.c, _conf.c, _project.c: setters of directives */

char *ngx_http_deploy_verify(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_deploy_build(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_deploy_receive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_deploy_project(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/*
 * Reads a file of secrets, whose name is made a full one, and says what is
 * wrong with it: NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_read_secrets(ngx_conf_t *cf, ngx_str_t *file,
    ngx_deploy_str_t *text);

/*
 * Parses n conditions into an array that it makes, that of "on" always being
 * the first one, with the bits dflt where none is written: NGX_CONF_OK, or
 * NGX_CONF_ERROR after it has said why.
 */
char *ngx_http_deploy_conditions(ngx_conf_t *cf, ngx_array_t *conditions,
    ngx_str_t *value, ngx_uint_t n, ngx_uint_t dflt);

/* ngx_http_deploy_transport.c */

char *ngx_http_deploy_transport(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Parses a directive of ours in the context that cf is in; errors name the
 * text's own file and line.  Leaves cf->conf_file changed.
 */
ngx_int_t ngx_http_deploy_parse_text(ngx_conf_t *cf,
    ngx_http_deploy_text_t *text);

/* makes the anonymous location of every server that dispatches */
ngx_int_t ngx_http_deploy_transport_init(ngx_conf_t *cf);

/* ngx_http_deploy_gate.c */

ngx_int_t ngx_http_deploy_gate_init(ngx_conf_t *cf);

/*
 * The context of a request, also after an internal redirect; NULL when
 * there is none or, in a subrequest, always.
 */
ngx_http_deploy_ctx_t *ngx_http_deploy_get_ctx(ngx_http_request_t *r);

/* the same, made when missing; NULL when memory is short */
ngx_http_deploy_ctx_t *ngx_http_deploy_make_ctx(ngx_http_request_t *r);

/*
 * There is a verdict for a request whose signature had to wait: runs its
 * phases.  From the event loop only, and the request may be gone after it.
 */
void ngx_http_deploy_gate_resume(ngx_http_deploy_ctx_t *ctx);

/*
 * How often the request carries a header, its first value in *value; name
 * is lower case.  data is the request.
 */
unsigned ngx_http_deploy_get_header(void *data, const ngx_deploy_str_t *name,
    ngx_deploy_str_t *value);

/* ngx_http_deploy_handler.c: the content handler */

ngx_int_t ngx_http_deploy_handler(ngx_http_request_t *r);

/* begins what was prepared, by way of the store: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_begin(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* answers a request that waited, from an event of ours */
void ngx_http_deploy_finish(ngx_http_deploy_ctx_t *ctx);

/* goes on when the body is parsed, with a code of ngx_http_deploy_parse() */
void ngx_http_deploy_parsed(ngx_http_request_t *r, ngx_http_deploy_ctx_t *ctx,
    ngx_int_t rc);

/* ngx_http_deploy_payload.c */

/*
 * Finds the events of a delivery in its body.  NGX_AGAIN: in a thread,
 * ngx_http_deploy_parsed() will be called; NGX_BUSY: see
 * ngx_http_deploy_body_pass(); NGX_DECLINED: ctx->reason tells why not;
 * else NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_deploy_parse(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* sets ctx->identity: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_identity(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the longest wait for CodeBuild, shorter when it is a command */
ngx_msec_t ngx_http_deploy_patience(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* ngx_http_deploy_match.c */

/*
 * Matches all events of a delivery with the rules of its location and
 * prepares what fires; what did not is noted in ctx->misses.  NGX_OK or
 * NGX_ERROR, or NGX_DONE and NGX_BUSY of ngx_http_deploy_replay_claim(),
 * when there are no builds.
 */
ngx_int_t ngx_http_deploy_match_events(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/*
 * Variables that a rule makes nginx evaluate belong to one event: those that
 * were known before, NULL when memory is short, and an end to all others
 */
u_char *ngx_http_deploy_variables_known(ngx_http_request_t *r);
void ngx_http_deploy_variables_forget(ngx_http_request_t *r, u_char *known);

/* what the rule engine needs of a request */
ngx_deploy_matcher_t ngx_http_deploy_matcher(ngx_http_request_t *r);

/* ngx_http_deploy_build.c */

/*
 * Prepares the build of a rule for an event: the body of StartBuild is made
 * and kept in a dispatch, which is not begun, or in a dry run as it is.
 * NGX_OK, NGX_ERROR, or a code of ngx_http_deploy_replay_claim().
 */
ngx_int_t ngx_http_deploy_start(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx, ngx_http_deploy_build_t *build,
    ngx_uint_t index);

/* copies a string; dst->data stays as it is when src is empty */
ngx_int_t ngx_http_deploy_copy(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);

/* the project of a deploy_project block, or NULL */
ngx_http_deploy_project_t *ngx_http_deploy_find_project(
    ngx_http_deploy_main_conf_t *dmcf, ngx_str_t *name);

/* ngx_http_deploy_answer.c */

/* answers and returns what a content handler returns */
ngx_int_t ngx_http_deploy_answer(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* the elements of "rules", of at most max misses */
void ngx_http_deploy_answer_rules(ngx_http_deploy_ctx_t *ctx, ngx_uint_t max,
    ngx_deploy_json_out_t *out);

/* and the rules that matched, for the history */
void ngx_http_deploy_answer_matched(ngx_http_deploy_ctx_t *ctx,
    ngx_deploy_json_out_t *out);

/* json is freed; returns what the request is to be finalized with */
ngx_int_t ngx_http_deploy_send(ngx_http_request_t *r, ngx_uint_t code,
    ngx_deploy_json_t *json);

/*
 * {"status":S,"reason":R} with a status code; reason may be NULL; with 503
 * there is a Retry-After
 */
ngx_int_t ngx_http_deploy_answer_text(ngx_http_request_t *r,
    ngx_uint_t code, const char *status, const char *reason);

/* 503 with Retry-After: too many large bodies are under way */
ngx_int_t ngx_http_deploy_answer_busy(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx);

/* adds the header: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_retry_after(ngx_http_request_t *r,
    ngx_uint_t seconds);

/* answers with a line of JSON, or, text being NULL, with nothing */
ngx_int_t ngx_http_deploy_answer_body(ngx_http_request_t *r, ngx_str_t *text);

/* answers {"challenge":C} */
ngx_int_t ngx_http_deploy_answer_challenge(ngx_http_request_t *r,
    ngx_str_t *challenge);

/* ngx_http_deploy_variables.c */

ngx_int_t ngx_http_deploy_add_variables(ngx_conf_t *cf);

/* compiles a text with variables; NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_deploy_compile(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value);

/* names file and line of unknown variables, which nginx would not */
ngx_int_t ngx_http_deploy_check_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_DEPLOY_H_INCLUDED_ */
