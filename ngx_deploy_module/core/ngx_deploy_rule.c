
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_rule.h"


static int ngx_deploy_condition_key(ngx_deploy_condition_t *condition,
    const char **reason);
static int ngx_deploy_condition_patterns(ngx_deploy_condition_t *condition,
    ngx_deploy_pool_t *pool, const char **reason);
static size_t ngx_deploy_pattern_end(const u_char *p, size_t len);
static int ngx_deploy_pattern_parse(ngx_deploy_pattern_t *pattern,
    u_char *p, size_t len, const char **reason);
static int ngx_deploy_condition_on(ngx_deploy_condition_t *condition,
    const char **reason);
static int ngx_deploy_condition_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_event_t *event, const ngx_deploy_matcher_t *matcher,
    ngx_deploy_match_t *match);
static int ngx_deploy_patterns_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_str_t *s, const ngx_deploy_matcher_t *matcher);
static int ngx_deploy_paths_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_event_t *event, const ngx_deploy_matcher_t *matcher,
    ngx_deploy_match_t *match);
static unsigned ngx_deploy_glob_step(const ngx_deploy_str_t *pattern,
    const u_char *from, u_char *to, const ngx_deploy_str_t *s, size_t i);


static const ngx_deploy_fact_e  ngx_deploy_condition_facts[] = {
    NGX_DEPLOY_PROVIDER, NGX_DEPLOY_EVENT, NGX_DEPLOY_ACTION, NGX_DEPLOY_REPO,
    NGX_DEPLOY_BRANCH, NGX_DEPLOY_SOURCE_BRANCH, NGX_DEPLOY_TAG,
    NGX_DEPLOY_SENDER, NGX_DEPLOY_TITLE, NGX_DEPLOY_MESSAGE,
    NGX_DEPLOY_TARGET, NGX_DEPLOY_COMMAND, NGX_DEPLOY_USER,
    NGX_DEPLOY_CHANNEL, NGX_DEPLOY_TEAM, NGX_DEPLOY_PROJECT,
    NGX_DEPLOY_STATUS, NGX_DEPLOY_PHASE
};


int
ngx_deploy_condition_parse(ngx_deploy_condition_t *condition,
    ngx_deploy_pool_t *pool, const ngx_deploy_str_t *text,
    const char **reason)
{
    u_char  *eq;

    memset(condition, 0, sizeof(ngx_deploy_condition_t));

    eq = text->len ? memchr(text->data, '=', text->len) : NULL;

    if (eq == NULL || eq == text->data) {
        *reason = "is not \"key=value\"";
        return NGX_DEPLOY_DECLINED;
    }

    condition->key.data = text->data;
    condition->key.len = eq - text->data;

    condition->want.data = eq + 1;
    condition->want.len = text->len - (eq + 1 - text->data);

    if (eq[-1] == '!') {
        condition->negate = 1;
        condition->key.len--;
    }

    if (condition->want.len == 0) {
        *reason = "has an empty value";
        return NGX_DEPLOY_DECLINED;
    }

    if (ngx_deploy_condition_key(condition, reason) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_DECLINED;
    }

    switch (condition->type) {

    case NGX_DEPLOY_KEY_IF:
        if (condition->want.data[0] != '$') {
            *reason = "takes a variable";
            return NGX_DEPLOY_DECLINED;
        }

        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_KEY_ON:
        return ngx_deploy_condition_on(condition, reason);

    default:
        return ngx_deploy_condition_patterns(condition, pool, reason);
    }
}


void
ngx_deploy_condition_default(ngx_deploy_condition_t *condition)
{
    static ngx_deploy_str_t  key = ngx_deploy_string("on");
    static ngx_deploy_str_t  want = ngx_deploy_string("merge");

    memset(condition, 0, sizeof(ngx_deploy_condition_t));

    condition->type = NGX_DEPLOY_KEY_ON;
    condition->key = key;
    condition->want = want;
    condition->on = NGX_DEPLOY_ON_MERGE;
}


static int
ngx_deploy_condition_key(ngx_deploy_condition_t *condition,
    const char **reason)
{
    int     fact;
    size_t  i, n;

    if (ngx_deploy_str_is(&condition->key, "on")) {
        condition->type = NGX_DEPLOY_KEY_ON;
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_str_is(&condition->key, "path")) {
        condition->type = NGX_DEPLOY_KEY_PATH;
        return NGX_DEPLOY_OK;
    }

    if (ngx_deploy_str_is(&condition->key, "if")) {
        condition->type = NGX_DEPLOY_KEY_IF;
        return NGX_DEPLOY_OK;
    }

    fact = ngx_deploy_fact_find(&condition->key);

    n = sizeof(ngx_deploy_condition_facts) / sizeof(ngx_deploy_fact_e);

    for (i = 0; i < n; i++) {
        if (fact == (int) ngx_deploy_condition_facts[i]) {
            condition->type = NGX_DEPLOY_KEY_FACT;
            condition->fact = ngx_deploy_condition_facts[i];
            return NGX_DEPLOY_OK;
        }
    }

    *reason = "is unknown";
    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_condition_patterns(ngx_deploy_condition_t *condition,
    ngx_deploy_pool_t *pool, const char **reason)
{
    int                    rc;
    size_t                 len, n;
    u_char                *p, *end;
    ngx_deploy_pattern_t  *pattern;

    p = condition->want.data;
    end = p + condition->want.len;

    for (n = 1, p = condition->want.data; p < end; p++) {
        n += (*p == ',');
    }

    if (n > NGX_DEPLOY_MAX_ALTERNATIVES) {
        *reason = "has too many alternatives";
        return NGX_DEPLOY_DECLINED;
    }

    condition->patterns = ngx_deploy_pcalloc(pool,
                                             n * sizeof(ngx_deploy_pattern_t));
    if (condition->patterns == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    p = condition->want.data;

    for ( ;; ) {
        pattern = &condition->patterns[condition->npatterns++];

        len = ngx_deploy_pattern_end(p, end - p);

        rc = ngx_deploy_pattern_parse(pattern, p, len, reason);
        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        p += len;

        if (p == end) {
            return NGX_DEPLOY_OK;
        }

        p++;
    }
}


/* a comma inside of brackets of a regex is no separator */

static size_t
ngx_deploy_pattern_end(const u_char *p, size_t len)
{
    size_t    i;
    unsigned  regex, depth, class;

    regex = (len && *p == '~');
    depth = 0;
    class = 0;

    for (i = 0; i < len; i++) {

        if (p[i] == ',' && depth == 0 && !class) {
            return i;
        }

        if (!regex) {
            continue;
        }

        switch (p[i]) {

        case '\\':
            i++;
            break;

        case '[':
            class = 1;
            break;

        case ']':
            class = 0;
            break;

        case '(':
        case '{':
            depth += !class;
            break;

        case ')':
        case '}':
            depth -= (!class && depth);
            break;
        }
    }

    return len;
}


static int
ngx_deploy_pattern_parse(ngx_deploy_pattern_t *pattern, u_char *p, size_t len,
    const char **reason)
{
    if (len && *p == '~') {
        pattern->type = NGX_DEPLOY_PATTERN_REGEX;
        p++;
        len--;

        if (len && *p == '*') {
            pattern->caseless = 1;
            p++;
            len--;
        }

    } else if (len
               && (memchr(p, '*', len) != NULL || memchr(p, '?', len) != NULL))
    {
        pattern->type = NGX_DEPLOY_PATTERN_GLOB;
    }

    if (len == 0) {
        *reason = "has an empty alternative";
        return NGX_DEPLOY_DECLINED;
    }

    if (len > NGX_DEPLOY_MAX_PATTERN) {
        *reason = "has too long an alternative";
        return NGX_DEPLOY_DECLINED;
    }

    pattern->text.data = p;
    pattern->text.len = len;

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_condition_on(ngx_deploy_condition_t *condition, const char **reason)
{
    u_char            *p, *end, *comma;
    unsigned           bit;
    ngx_deploy_str_t   word;

    p = condition->want.data;
    end = p + condition->want.len;

    for ( ;; ) {
        comma = memchr(p, ',', end - p);

        word.data = p;
        word.len = (comma ? comma : end) - p;

        bit = ngx_deploy_on_find(&word);

        if (bit == 0) {
            *reason = "is none of merge, push, tag, release, pull_request, "
                      "delete, command, build, any";
            return NGX_DEPLOY_DECLINED;
        }

        condition->on |= bit;

        if (comma == NULL) {
            return NGX_DEPLOY_OK;
        }

        p = comma + 1;
    }
}


int
ngx_deploy_conditions_match(const ngx_deploy_condition_t *conditions, size_t n,
    const ngx_deploy_event_t *event, const ngx_deploy_matcher_t *matcher,
    ngx_deploy_match_t *match)
{
    size_t  i;

    memset(match, 0, sizeof(ngx_deploy_match_t));

    for (i = 0; i < n; i++) {
        match->phase |= (conditions[i].type == NGX_DEPLOY_KEY_FACT
                         && conditions[i].fact == NGX_DEPLOY_PHASE);
    }

    for (i = 0; i < n; i++) {
        if (ngx_deploy_condition_match(&conditions[i], event, matcher, match)
            != NGX_DEPLOY_OK)
        {
            match->failed = &conditions[i];
            return NGX_DEPLOY_DECLINED;
        }
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_condition_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_event_t *event, const ngx_deploy_matcher_t *matcher,
    ngx_deploy_match_t *match)
{
    int               rc;
    unsigned          holds;
    const char       *name;
    ngx_deploy_str_t  s;

    switch (condition->type) {

    case NGX_DEPLOY_KEY_ON:
        name = ngx_deploy_event_on_name(event);
        match->got.data = (u_char *) name;
        match->got.len = strlen(name);

        holds = (ngx_deploy_event_on(event) & condition->on) != 0;
        break;

    case NGX_DEPLOY_KEY_PATH:
        return ngx_deploy_paths_match(condition, event, matcher, match);

    case NGX_DEPLOY_KEY_IF:
        if (matcher->value(matcher->data, condition->value, &s)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }

        match->got = s;
        holds = (s.len && !(s.len == 1 && s.data[0] == '0'));
        break;

    default: /* NGX_DEPLOY_KEY_FACT */
        s = event->facts[condition->fact];

        if (condition->fact == NGX_DEPLOY_STATUS && !match->phase) {
            s = ngx_deploy_event_status(event);
        }

        match->got = s;

        /* a fact that is not told satisfies neither "=" nor "!=" */

        if (s.data == NULL) {
            return NGX_DEPLOY_DECLINED;
        }

        rc = ngx_deploy_patterns_match(condition, &s, matcher);

        if (rc == NGX_DEPLOY_ERROR) {
            return rc;
        }

        holds = (rc == NGX_DEPLOY_OK);
    }

    return (holds != condition->negate) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_patterns_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_str_t *s, const ngx_deploy_matcher_t *matcher)
{
    int                          rc;
    size_t                       i;
    const ngx_deploy_pattern_t  *pattern;

    for (i = 0; i < condition->npatterns; i++) {

        pattern = &condition->patterns[i];

        switch (pattern->type) {

        case NGX_DEPLOY_PATTERN_EXACT:
            if (ngx_deploy_str_eq(&pattern->text, s)) {
                return NGX_DEPLOY_OK;
            }

            break;

        case NGX_DEPLOY_PATTERN_GLOB:
            if (ngx_deploy_glob_match(&pattern->text, s)) {
                return NGX_DEPLOY_OK;
            }

            break;

        default: /* NGX_DEPLOY_PATTERN_REGEX */
            rc = matcher->regex(matcher->data, pattern->regex, s);

            if (rc != NGX_DEPLOY_DECLINED) {
                return rc;
            }
        }
    }

    return NGX_DEPLOY_DECLINED;
}


static int
ngx_deploy_paths_match(const ngx_deploy_condition_t *condition,
    const ngx_deploy_event_t *event, const ngx_deploy_matcher_t *matcher,
    ngx_deploy_match_t *match)
{
    int       rc;
    size_t    i;
    unsigned  holds;

    /* a deployment too many beats one forgotten */

    if (event->paths_complete != 1) {
        match->paths_unknown = 1;
        return NGX_DEPLOY_OK;
    }

    holds = 0;

    for (i = 0; i < event->npaths; i++) {

        rc = ngx_deploy_patterns_match(condition, &event->paths[i], matcher);

        if (rc == NGX_DEPLOY_ERROR) {
            return rc;
        }

        if (rc == NGX_DEPLOY_OK) {
            match->got = event->paths[i];
            holds = 1;
            break;
        }
    }

    if (holds != condition->negate) {
        return NGX_DEPLOY_OK;
    }

    if (!holds && event->npaths) {
        match->got = event->paths[0];
    }

    return NGX_DEPLOY_DECLINED;
}


/*
 * The states are positions in the pattern; all of them are carried along
 * the string at once, so that no pattern can take exponential time.
 */

int
ngx_deploy_glob_match(const ngx_deploy_str_t *pattern,
    const ngx_deploy_str_t *s)
{
    size_t   i, j, m;
    u_char  *from, *to, *swap;
    u_char   states[2][NGX_DEPLOY_MAX_PATTERN + 1];

    m = pattern->len;

    if (m > NGX_DEPLOY_MAX_PATTERN) {
        return 0;
    }

    from = states[0];
    to = states[1];

    memset(from, 0, m + 1);
    from[0] = 1;

    for (i = 0; /* void */ ; i++) {

        /* a run of stars may match nothing */

        for (j = 0; j < m; j++) {
            if (from[j] && pattern->data[j] == '*') {
                from[j + 1] = 1;
            }
        }

        if (i == s->len) {
            return from[m];
        }

        memset(to, 0, m + 1);

        if (!ngx_deploy_glob_step(pattern, from, to, s, i)) {
            return 0;
        }

        swap = from;
        from = to;
        to = swap;
    }
}


static unsigned
ngx_deploy_glob_step(const ngx_deploy_str_t *pattern, const u_char *from,
    u_char *to, const ngx_deploy_str_t *s, size_t i)
{
    size_t     j, m;
    u_char     c;
    unsigned   any, inside;
    u_char    *p;

    p = pattern->data;
    m = pattern->len;
    c = s->data[i];

    /* "?" is one character: it stays until the last byte of it */

    inside = (i + 1 < s->len && (s->data[i + 1] & 0xc0) == 0x80);

    any = 0;

    for (j = 0; j < m; j++) {

        if (!from[j]) {
            continue;
        }

        if (p[j] == '*') {

            if (c == '/'
                && !(j + 1 < m && p[j + 1] == '*')
                && !(j && p[j - 1] == '*'))
            {
                continue;
            }

            to[j] = 1;

        } else if (p[j] == '?') {

            if (c == '/') {
                continue;
            }

            to[inside ? j : j + 1] = 1;

        } else if (p[j] == c) {
            to[j + 1] = 1;

        } else {
            continue;
        }

        any = 1;
    }

    return any;
}
