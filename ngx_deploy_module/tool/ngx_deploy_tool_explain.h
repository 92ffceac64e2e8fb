
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TOOL_EXPLAIN_H_INCLUDED_
#define _NGX_DEPLOY_TOOL_EXPLAIN_H_INCLUDED_


#include "ngx_deploy_payload.h"
#include "ngx_deploy_rule.h"
#include "ngx_deploy_signature.h"
#include "ngx_deploy_tool.h"
#include "ngx_deploy_tool_conf.h"
#include "ngx_deploy_tool_message.h"


#define NGX_DEPLOY_TOOL_MAX_LEVELS    32
#define NGX_DEPLOY_TOOL_MAX_CAPTURES  100
#define NGX_DEPLOY_TOOL_MAX_VERIFY    32


/* where a request goes: blocks from "http" down to a location */

typedef struct {
    const ngx_deploy_tool_directive_t  *levels[NGX_DEPLOY_TOOL_MAX_LEVELS];
    size_t                              n;
    ngx_deploy_str_t                    uri;     /* normalized */
    ngx_deploy_str_t                    args;
} ngx_deploy_tool_place_t;


typedef struct {
    ngx_deploy_str_t                    name;    /* of a group, or absent */
    ngx_deploy_str_t                    value;
} ngx_deploy_tool_capture_t;


/* "verify" and "explain" of one request */

typedef struct {
    ngx_deploy_tool_t                  *tool;
    const char                         *file;    /* nginx.conf */
    const char                         *dir;     /* its directory */
    const ngx_deploy_tool_directive_t  *main;
    const ngx_deploy_tool_directive_t  *http;
    ngx_deploy_tool_message_t           message;
    ngx_deploy_str_t                    host;
    int64_t                             port;    /* 0: not known */
    ngx_deploy_tool_list_t              sets;    /* "name=value" */
    time_t                              now;
    ngx_deploy_tool_place_t             place;

    /* the verdict */
    ngx_deploy_verifier_t               verifiers[NGX_DEPLOY_TOOL_MAX_VERIFY];
    const char                         *files[NGX_DEPLOY_TOOL_MAX_VERIFY];
    size_t                              nverifiers;
    unsigned                            off;     /* deploy_verify off */
    unsigned                            skipped; /* verifiers, not evaluated */
    ngx_deploy_verify_e                 verdict;
    size_t                              verifier;
    unsigned                            secret;  /* line of it */
    ngx_deploy_str_t                    id;      /* that was signed */
    unsigned                            form;

    /* the delivery */
    ngx_deploy_str_t                    provider;
    ngx_deploy_str_t                    delivery;
    ngx_deploy_event_t                 *events;
    size_t                              nevents;
    const ngx_deploy_event_t           *event;   /* in hand */
    const ngx_deploy_str_t             *project; /* of the build in hand */

    ngx_deploy_tool_capture_t           captures[NGX_DEPLOY_TOOL_MAX_CAPTURES];
    size_t                              ncaptures;
    unsigned                            depth;   /* of variables */
    ngx_deploy_tool_list_t              unknown; /* what is not evaluated */
} ngx_deploy_tool_explain_t;


/* what is asked for, and what came of it */

typedef struct {
    unsigned            verify;       /* stop after the verdict */
    const char         *host;
    const char         *uri;
    const char         *at;
    const char         *request;      /* files */
    const char         *body;

    const char         *status;       /* "dry_run", "ignored", "refused" */
    const char         *reason;
    int                 code;
    ngx_deploy_json_t  *events;
    ngx_deploy_json_t  *builds;
    ngx_deploy_json_t  *rules;
} ngx_deploy_tool_result_t;


typedef struct ngx_deploy_tool_regex_s  ngx_deploy_tool_regex_t;


/* reads and parses a file with its includes: NGX_DEPLOY_OK or ERROR, told */
int ngx_deploy_tool_load(ngx_deploy_tool_explain_t *explain);

/* finds server and location of the request: NGX_DEPLOY_OK or ERROR, told */
int ngx_deploy_tool_locate(ngx_deploy_tool_explain_t *explain);

/*
 * The first directive of a name in the innermost level that has one; those
 * beside it are found by ngx_deploy_tool_conf_find()
 */
const ngx_deploy_tool_directive_t *ngx_deploy_tool_inherited(
    const ngx_deploy_tool_place_t *place, const char *name);

/* checks the signature: NGX_DEPLOY_OK with a verdict, or ERROR, told */
int ngx_deploy_tool_gate(ngx_deploy_tool_explain_t *explain);

/* frees the verifiers */
void ngx_deploy_tool_gate_free(ngx_deploy_tool_explain_t *explain);

/*
 * Parses the payload of a request that was verified.  NGX_DEPLOY_OK;
 * NGX_DEPLOY_DECLINED with *reason: the module would refuse it.
 */
int ngx_deploy_tool_payload(ngx_deploy_tool_explain_t *explain,
    const char **reason);

/*
 * Tries all rules with all events.  Appends to the arrays what an answer has
 * in "builds" and "rules".  NGX_DEPLOY_OK, or NGX_DEPLOY_ERROR: told.
 */
int ngx_deploy_tool_rules(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_json_t *builds, ngx_deploy_json_t *rules);

/* the body of StartBuild; NULL with *reason when a value does not suit */
ngx_deploy_json_t *ngx_deploy_tool_start_body(
    ngx_deploy_tool_explain_t *explain, const ngx_deploy_str_t *project,
    const char **reason);

/*
 * A text with its variables.  NGX_DEPLOY_DECLINED: one of them is not
 * evaluated, it stands in the value as it is and is noted.
 */
int ngx_deploy_tool_value(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *text, ngx_deploy_str_t *value);

/*
 * A variable of a request, of the time or of the module by its name;
 * NGX_DEPLOY_DECLINED: there is no such one
 */
int ngx_deploy_tool_builtin(ngx_deploy_tool_explain_t *explain,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *value);

/* notes once what is not evaluated */
void ngx_deploy_tool_unknown(ngx_deploy_tool_explain_t *explain,
    const char *fmt, ...) __attribute__((format(printf, 2, 3)));


/* prints the result; that as JSON takes over what is in it */
void ngx_deploy_tool_explain_text(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);
void ngx_deploy_tool_explain_json(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_result_t *result);


/*
 * PCRE2, with the options of nginx.  NGX_DEPLOY_OK; NGX_DEPLOY_DECLINED with
 * a *reason in memory of the pool.
 */
int ngx_deploy_tool_regex(ngx_deploy_tool_t *tool,
    const ngx_deploy_str_t *pattern, unsigned caseless, unsigned anchored,
    ngx_deploy_tool_regex_t **regex, const char **reason);

/*
 * NGX_DEPLOY_OK, the groups are explain->captures; NGX_DEPLOY_DECLINED;
 * NGX_DEPLOY_ERROR: at a limit.
 */
int ngx_deploy_tool_regex_match(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_regex_t *regex, const ngx_deploy_str_t *s);


#endif /* _NGX_DEPLOY_TOOL_EXPLAIN_H_INCLUDED_ */
