
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_rule.h"
#include "ngx_deploy_tap.h"


/*
 * A line with the pattern, then the text.  The glob gives what a plain
 * backtracking matcher gives, where that one ends in a bounded number of
 * steps; as a condition the line has patterns that lie inside of it.
 */


#define FUZZ_STEPS  20000


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


typedef struct {
    const u_char  *end;
    const u_char  *last;
    unsigned       steps;
} fuzz_glob_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* 1, 0, or -1 when there are too many steps */

static int
fuzz_glob(fuzz_glob_t *g, const u_char *p, const u_char *s)
{
    int       rc;
    unsigned  deep;

    if (++g->steps > FUZZ_STEPS) {
        return -1;
    }

    if (p == g->end) {
        return s == g->last;
    }

    if (*p == '*') {

        for (deep = 0; p < g->end && *p == '*'; p++) {
            deep++;
        }

        for ( ;; ) {
            rc = fuzz_glob(g, p, s);

            if (rc != 0) {
                return rc;
            }

            if (s == g->last || (*s == '/' && deep == 1)) {
                return 0;
            }

            s++;
        }
    }

    if (s == g->last) {
        return 0;
    }

    if (*p == '?') {

        if (*s == '/') {
            return 0;
        }

        for (s++; s < g->last && (*s & 0xc0) == 0x80; s++) { /* void */ }

        return fuzz_glob(g, p + 1, s);
    }

    return (*p == *s) ? fuzz_glob(g, p + 1, s + 1) : 0;
}


static int
fuzz_regex(void *data, void *regex, const ngx_deploy_str_t *s)
{
    (void) data;
    (void) regex;

    return (s->len & 1) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


static int
fuzz_value(void *data, void *value, ngx_deploy_str_t *s)
{
    (void) data;
    (void) value;

    *s = tap_str("1");

    return NGX_DEPLOY_OK;
}


static void
fuzz_condition(const ngx_deploy_str_t *line, const ngx_deploy_str_t *text)
{
    int                      rc;
    size_t                   i;
    const char              *reason;
    ngx_deploy_match_t       match;
    ngx_deploy_event_t       event;
    ngx_deploy_pattern_t    *pattern;
    ngx_deploy_condition_t   c;

    static const ngx_deploy_matcher_t  matcher = {
        fuzz_regex, fuzz_value, NULL
    };

    reason = NULL;
    rc = ngx_deploy_condition_parse(&c, tap_pool(), line, &reason);

    if (rc != NGX_DEPLOY_OK) {
        fuzz_check(rc == NGX_DEPLOY_DECLINED && reason != NULL);
        return;
    }

    fuzz_check(c.npatterns <= NGX_DEPLOY_MAX_ALTERNATIVES);
    fuzz_check((c.type != NGX_DEPLOY_KEY_ON) == (c.on == 0));

    for (i = 0; i < c.npatterns; i++) {
        pattern = &c.patterns[i];

        fuzz_check(pattern->text.len
                   && pattern->text.len <= NGX_DEPLOY_MAX_PATTERN);
        fuzz_check(pattern->text.data >= c.want.data
                   && pattern->text.data + pattern->text.len
                      <= c.want.data + c.want.len);
    }

    ngx_deploy_event_init(&event);

    for (i = 0; i < NGX_DEPLOY_FACTS; i++) {
        event.facts[i] = *text;
    }

    event.paths = (ngx_deploy_str_t *) text;
    event.npaths = 1;
    event.paths_complete = 1;

    rc = ngx_deploy_conditions_match(&c, 1, &event, &matcher, &match);

    fuzz_check(rc == NGX_DEPLOY_OK || rc == NGX_DEPLOY_DECLINED);
    fuzz_check((rc == NGX_DEPLOY_OK) == (match.failed == NULL));

    /* of a told fact the negation is the contrary */

    c.negate = !c.negate;
    fuzz_check(ngx_deploy_conditions_match(&c, 1, &event, &matcher, &match)
               != rc);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                rc;
    fuzz_glob_t        g;
    const uint8_t     *p;
    ngx_deploy_str_t   line, text;

    p = size ? memchr(data, '\n', size) : NULL;

    if (p == NULL) {
        return 0;
    }

    line = tap_copy(data, p - data);
    text = tap_copy(p + 1, size - (p + 1 - data));

    /* the matcher's "?" ends where the next character begins */

    if (line.len <= NGX_DEPLOY_MAX_PATTERN
        && ngx_deploy_utf8_valid(line.data, line.len)
        && ngx_deploy_utf8_valid(text.data, text.len))
    {
        g.end = line.data + line.len;
        g.last = text.data + text.len;
        g.steps = 0;

        rc = fuzz_glob(&g, line.data, text.data);

        fuzz_check(rc == -1 || rc == ngx_deploy_glob_match(&line, &text));

    } else {
        (void) ngx_deploy_glob_match(&line, &text);
    }

    fuzz_condition(&line, &text);

    tap_pool_reset();

    return 0;
}
