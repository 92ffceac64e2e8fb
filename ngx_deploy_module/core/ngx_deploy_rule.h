
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_RULE_H_INCLUDED_
#define _NGX_DEPLOY_RULE_H_INCLUDED_


#include "ngx_deploy_core.h"
#include "ngx_deploy_event.h"


/* conditions of deploy_build and deploy_notify (DESIGN, section 2.2) */

#define NGX_DEPLOY_MAX_ALTERNATIVES  64
#define NGX_DEPLOY_MAX_PATTERN       512


typedef enum {
    NGX_DEPLOY_PATTERN_EXACT = 0,
    NGX_DEPLOY_PATTERN_GLOB,
    NGX_DEPLOY_PATTERN_REGEX
} ngx_deploy_pattern_type_e;


typedef struct {
    ngx_deploy_pattern_type_e  type;
    ngx_deploy_str_t           text;     /* of a regex: without "~", "~*" */
    unsigned                   caseless;
    void                      *regex;    /* the caller's */
} ngx_deploy_pattern_t;


typedef enum {
    NGX_DEPLOY_KEY_ON = 0,
    NGX_DEPLOY_KEY_FACT,
    NGX_DEPLOY_KEY_PATH,
    NGX_DEPLOY_KEY_IF
} ngx_deploy_key_e;


typedef struct {
    ngx_deploy_key_e           type;
    ngx_deploy_fact_e          fact;
    unsigned                   on;       /* NGX_DEPLOY_ON_... bits */
    unsigned                   negate;
    ngx_deploy_str_t           key;
    ngx_deploy_str_t           want;     /* as written, without the key */
    ngx_deploy_pattern_t      *patterns;
    size_t                     npatterns;
    void                      *value;    /* if=: the caller's */
} ngx_deploy_condition_t;


/*
 * What the caller brings: regex() matches a whole string,
 * NGX_DEPLOY_OK, NGX_DEPLOY_DECLINED or, at a match limit,
 * NGX_DEPLOY_ERROR; value() gives the text of an if= condition.
 */

typedef struct {
    int   (*regex)(void *data, void *regex, const ngx_deploy_str_t *s);
    int   (*value)(void *data, void *value, ngx_deploy_str_t *s);
    void   *data;
} ngx_deploy_matcher_t;


typedef struct {
    const ngx_deploy_condition_t  *failed;
    ngx_deploy_str_t               got;      /* absent: not in the payload */
    unsigned                       paths_unknown;
    unsigned                       phase;    /* the rule is about phases */
} ngx_deploy_match_t;


/*
 * Parses "key=value" or "key!=value".  Regexes are left for the caller to
 * compile.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or NGX_DEPLOY_DECLINED with a
 * static *reason.
 */
int ngx_deploy_condition_parse(ngx_deploy_condition_t *condition,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    const char **reason);

/*
 * The conditions of a rule.  "on" is the first to be tested wherever it is
 * written, dflt are its bits where it is not.  Regexes and the values of "if"
 * are left for the caller to compile.  NGX_DEPLOY_OK, NGX_DEPLOY_ERROR, or
 * NGX_DEPLOY_DECLINED with a static *reason about the text of index *bad.
 */
int ngx_deploy_conditions_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *texts, size_t n, unsigned dflt,
    ngx_deploy_condition_t **conditions, size_t *nconditions, size_t *bad,
    const char **reason);

/* the condition that stands where none of on= is written */
void ngx_deploy_condition_default(ngx_deploy_condition_t *condition);

/*
 * Matches the conditions in order.  status= is of the build, in a rule that
 * has phase= of the phase.  NGX_DEPLOY_OK: all hold;
 * NGX_DEPLOY_DECLINED: match->failed is the first that does not.
 */
int ngx_deploy_conditions_match(const ngx_deploy_condition_t *conditions,
    size_t n, const ngx_deploy_event_t *event,
    const ngx_deploy_matcher_t *matcher, ngx_deploy_match_t *match);

/*
 * "*" stops at "/", "**" does not, "?" is one character but "/"; the whole
 * string has to match.  Time is bounded by the product of the lengths.
 * Returns 1 or 0.
 */
int ngx_deploy_glob_match(const ngx_deploy_str_t *pattern,
    const ngx_deploy_str_t *s);


#endif /* _NGX_DEPLOY_RULE_H_INCLUDED_ */
