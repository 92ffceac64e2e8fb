
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_rule.h"
#include "ngx_deploy_tap.h"


/* stands for a regex: the text itself, "error" is a match limit */

static int
match_regex(void *data, void *regex, const ngx_deploy_str_t *s)
{
    ngx_deploy_str_t *text = regex;

    (*(unsigned *) data)++;

    if (ngx_deploy_str_is(text, "error")) {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_str_eq(text, s) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;
}


static int
match_value(void *data, void *value, ngx_deploy_str_t *s)
{
    (void) data;

    if (value == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    *s = tap_str(value);

    return NGX_DEPLOY_OK;
}


static unsigned              calls;
static ngx_deploy_matcher_t  matcher = { match_regex, match_value, &calls };


static void
glob(const char *pattern, const char *text, int want)
{
    ngx_deploy_str_t  p, s;

    p = tap_copy(pattern, strlen(pattern));
    s = tap_copy(text, strlen(text));

    is_int(ngx_deploy_glob_match(&p, &s), want, "\"%.40s\" %s \"%.40s\"",
           pattern, want ? "matches" : "does not match", text);
}


static void
test_glob(void)
{
    glob("main", "main", 1);
    glob("main", "mai", 0);
    glob("main", "main2", 0);
    glob("main", "Main", 0);
    glob("", "", 1);
    glob("", "a", 0);

    glob("*", "", 1);
    glob("*", "main", 1);
    glob("*", "a/b", 0);
    glob("*", "/", 0);
    glob("release/*", "release/1.0", 1);
    glob("release/*", "release/", 1);
    glob("release/*", "release/1/0", 0);
    glob("release/*", "release", 0);
    glob("release/*", "prerelease/1", 0);
    glob("*/x", "a/x", 1);
    glob("*/x", "a/b/x", 0);
    glob("*.c", ".c", 1);
    glob("*a*b*", "xaxbx", 1);
    glob("*a*b*", "xbxax", 0);
    glob("a*a", "a", 0);

    glob("**", "", 1);
    glob("**", "a/b/c", 1);
    glob("docs/**", "docs/a/b.md", 1);
    glob("docs/**", "docs/", 1);
    glob("docs/**", "docs", 0);
    glob("docs/**", "src/docs/a", 0);
    glob("**/x", "a/b/x", 1);
    glob("**/x", "/x", 1);
    glob("**/x", "x", 0);
    glob("a/**/b", "a//b", 1);
    glob("a/**/b", "a/x/y/b", 1);
    glob("a/**/b", "a/b", 0);
    glob("a***b", "a/x/b", 1);
    glob("***", "a/b", 1);
    glob("*?*", "a", 1);
    glob("*?*", "", 0);

    glob("?", "a", 1);
    glob("?", "", 0);
    glob("?", "ab", 0);
    glob("?", "/", 0);
    glob("v?.?", "v1.2", 1);
    glob("v?.?", "v1.20", 0);

    glob("[a]", "a", 0);
    glob("[a]", "[a]", 1);
    glob("\\*", "*", 0);
    glob("\\*", "\\x", 1);
    glob("{a,b}", "a", 0);
}


/* a character is one "?", whatever its length in UTF-8 */

static void
test_glob_utf8(void)
{
    glob("?", "\xc3\xa9", 1);
    glob("??", "\xc3\xa9", 0);
    glob("?", "\xe2\x82\xac", 1);
    glob("??", "\xe2\x82\xac", 0);
    glob("???", "\xe2\x82\xac", 0);
    glob("?", "\xf0\x9f\x9a\x80", 1);
    glob("????", "\xf0\x9f\x9a\x80", 0);
    glob("??", "\xc3\xa9\xf0\x9f\x9a\x80", 1);
    glob("a?b", "a\xe2\x82\xac" "b", 1);
    glob("a?b", "a\xe2\x82\xac\xe2\x82\xac" "b", 0);
    glob("*?", "\xe2\x82\xac", 1);
    glob("?*", "\xe2\x82\xac" "x", 1);
    glob("**?/", "\xe2\x82\xac/", 1);
    glob("\xc3\xa9*", "\xc3\xa9t\xc3\xa9", 1);
    glob("*\xa9", "\xc3\xa9", 1);
}


/* as many states as the pattern has, whatever the text */

static void
test_glob_time(void)
{
    size_t             i, n;
    clock_t            start;
    double             seconds;
    ngx_deploy_str_t   p, s;
    u_char            *text;

    n = 16384;
    text = ngx_deploy_palloc(tap_pool(), n);
    memset(text, 'a', n);

    s.data = text;
    s.len = n;

    p.len = NGX_DEPLOY_MAX_PATTERN;
    p.data = ngx_deploy_palloc(tap_pool(), p.len + 1);

    start = clock();

    memset(p.data, '*', p.len);
    p.data[p.len - 1] = 'b';
    is_int(ngx_deploy_glob_match(&p, &s), 0, "***...b");

    for (i = 0; i < p.len; i++) {
        p.data[i] = (i & 1) ? 'a' : '*';
    }

    p.data[p.len - 1] = 'b';
    is_int(ngx_deploy_glob_match(&p, &s), 0, "*a*a*a...*b");

    p.data[p.len - 1] = 'a';
    is_int(ngx_deploy_glob_match(&p, &s), 1, "*a*a*a...*a");

    memset(p.data, '?', p.len);
    memset(p.data, '*', p.len / 2);
    is_int(ngx_deploy_glob_match(&p, &s), 1, "***...???");

    seconds = (double) (clock() - start) / CLOCKS_PER_SEC;
    ok(seconds < 5, "in %.3f s", seconds);

    p.len = NGX_DEPLOY_MAX_PATTERN + 1;
    memset(p.data, '*', p.len);
    is_int(ngx_deploy_glob_match(&p, &s), 0, "too long a pattern");
}


static int
parse(ngx_deploy_condition_t *c, const char *text, const char **reason)
{
    size_t            i;
    int               rc;
    ngx_deploy_str_t  s;

    s = tap_copy(text, strlen(text));
    *reason = NULL;

    rc = ngx_deploy_condition_parse(c, tap_pool(), &s, reason);

    if (rc == NGX_DEPLOY_OK) {
        for (i = 0; i < c->npatterns; i++) {
            c->patterns[i].regex = &c->patterns[i].text;
        }
    }

    return rc;
}


static void
refused(const char *text, const char *want)
{
    const char              *reason;
    ngx_deploy_condition_t   c;

    is_int(parse(&c, text, &reason), NGX_DEPLOY_DECLINED, "%.40s", text);
    is_str(tap_str(reason), want, "%.40s", text);
}


/* the alternatives as "exact|glob*|~regex|~*caseless" */

static void
patterns(const char *text, const char *want)
{
    char                     got[512];
    size_t                   i, n;
    const char              *reason;
    ngx_deploy_pattern_t    *p;
    ngx_deploy_condition_t   c;

    static const char  *marks[] = { "=", "", "~" };

    if (parse(&c, text, &reason) != NGX_DEPLOY_OK) {
        ok(0, "%s: %s", text, reason);
        return;
    }

    for (n = 0, i = 0; i < c.npatterns; i++) {
        p = &c.patterns[i];
        n += snprintf(got + n, sizeof(got) - n, "%s%s%s%.*s", i ? "|" : "",
                      marks[p->type], p->caseless ? "*" : "",
                      (int) p->text.len, p->text.data);
    }

    is_str(tap_str(got), want, "%s", text);
}


static void
test_parse(void)
{
    char                     text[1024];
    size_t                   i;
    const char              *reason;
    ngx_deploy_condition_t   c;

    static const char  *keys[] = {
        "provider", "event", "action", "repo", "branch", "source_branch",
        "tag", "sender", "title", "message", "target", "command", "user",
        "channel", "team", "project", "status", "phase"
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        sprintf(text, "%s!=x", keys[i]);
        is_int(parse(&c, text, &reason), NGX_DEPLOY_OK, "%s", text);
        is_int(c.type, NGX_DEPLOY_KEY_FACT, "%s is a fact", keys[i]);
        is_int(c.negate, 1, "negated");
        is_str(c.key, keys[i], "key");
        is_str(c.want, "x", "want");
        is_str(*ngx_deploy_fact_name(c.fact), keys[i], "fact");
    }

    is_int(parse(&c, "branch=a=b", &reason), NGX_DEPLOY_OK, "branch=a=b");
    is_str(c.want, "a=b", "the first \"=\" counts");
    is_int(c.negate, 0, "not negated");

    is_int(parse(&c, "branch=!x", &reason), NGX_DEPLOY_OK, "branch=!x");
    is_int(c.negate, 0, "not negated");

    is_int(parse(&c, "if=$ok", &reason), NGX_DEPLOY_OK, "if=$ok");
    is_int(c.type, NGX_DEPLOY_KEY_IF, "if");
    is_str(c.want, "$ok", "its variable");

    is_int(parse(&c, "path=docs/**", &reason), NGX_DEPLOY_OK, "path");
    is_int(c.type, NGX_DEPLOY_KEY_PATH, "its type");

    is_int(parse(&c, "on=push,tag", &reason), NGX_DEPLOY_OK, "on");
    is_int(c.on, NGX_DEPLOY_ON_PUSH | NGX_DEPLOY_ON_TAG, "two bits");

    ngx_deploy_condition_default(&c);
    is_int(c.on, NGX_DEPLOY_ON_MERGE, "the default");
    is_str(c.key, "on", "its key");
    is_str(c.want, "merge", "its value");

    refused("", "is not \"key=value\"");
    refused("branch", "is not \"key=value\"");
    refused("=main", "is not \"key=value\"");
    refused("branch=", "has an empty value");
    refused("branch!=", "has an empty value");
    refused("!=main", "is unknown");
    refused("brunch=main", "is unknown");
    refused("Branch=main", "is unknown");
    refused("commit=1", "is unknown");
    refused("number=1", "is unknown");
    refused("branch =x", "is unknown");
    refused("if=ok", "takes a variable");
    refused("branch=a,", "has an empty alternative");
    refused("branch=,a", "has an empty alternative");
    refused("branch=a,,b", "has an empty alternative");
    refused("branch=~", "has an empty alternative");
    refused("branch=~*", "has an empty alternative");

    refused("on=pull", "is none of merge, push, tag, release, pull_request, "
                       "delete, command, build, any");
    is_int(parse(&c, "on=push,", &reason), NGX_DEPLOY_DECLINED, "on=push,");
    is_int(parse(&c, "on=*", &reason), NGX_DEPLOY_DECLINED, "on=*");

    memset(text, 'a', sizeof(text));
    memcpy(text, "branch=", 7);
    text[7 + NGX_DEPLOY_MAX_PATTERN] = '\0';
    is_int(parse(&c, text, &reason), NGX_DEPLOY_OK, "512 bytes");
    text[7 + NGX_DEPLOY_MAX_PATTERN] = 'a';
    text[7 + NGX_DEPLOY_MAX_PATTERN + 1] = '\0';
    refused(text, "has too long an alternative");

    for (i = 0; i < NGX_DEPLOY_MAX_ALTERNATIVES; i++) {
        memcpy(text + 7 + 2 * i, "a,", 2);
    }

    text[7 + 2 * i - 1] = '\0';
    is_int(parse(&c, text, &reason), NGX_DEPLOY_OK, "64 alternatives");
    is_int(c.npatterns, NGX_DEPLOY_MAX_ALTERNATIVES, "all of them");
    memcpy(text + 7 + 2 * i - 1, ",a", 3);
    refused(text, "has too many alternatives");

    tap_pool_limit(0);
    is_int(parse(&c, "branch=a", &reason), NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


static void
test_patterns(void)
{
    patterns("branch=main", "=main");
    patterns("branch=main,dev", "=main|=dev");
    patterns("branch=main,release/*,v?", "=main|release/*|v?");
    patterns("branch=~a.c", "~a.c");
    patterns("branch=~*a.c", "~*a.c");
    patterns("branch=~a,~*b,c*,d", "~a|~*b|c*|=d");
    patterns("branch=a~b", "=a~b");

    /* a comma of a regex is no separator */

    patterns("branch=~a{1,2},b", "~a{1,2}|=b");
    patterns("branch=~(a,b),c", "~(a,b)|=c");
    patterns("branch=~((a,b),c),d", "~((a,b),c)|=d");
    patterns("branch=~[a,b],c", "~[a,b]|=c");
    patterns("branch=~[(,],b", "~[(,]|=b");
    patterns("branch=~a\\,b,c", "~a\\,b|=c");
    patterns("branch=~a\\(,c", "~a\\(|=c");
    patterns("branch=~a),b", "~a)|=b");
    patterns("branch=~a\\", "~a\\");
    patterns("branch=~(a,b", "~(a,b");

    /* elsewhere it is */

    patterns("branch=(a,b)", "=(a|=b)");
    patterns("branch=a\\,b", "=a\\|=b");
}


/* conditions and the key of the one that fails, NULL: all hold */

static void
match(const ngx_deploy_event_t *event, const char *failed,
    const char *c1, const char *c2, const char *name)
{
    int                      rc;
    size_t                   n;
    const char              *reason;
    ngx_deploy_match_t       m;
    ngx_deploy_condition_t   c[2];

    n = 0;

    if (parse(&c[n++], c1, &reason) != NGX_DEPLOY_OK
        || (c2 && parse(&c[n++], c2, &reason) != NGX_DEPLOY_OK))
    {
        ok(0, "%s: %s", name, reason);
        return;
    }

    rc = ngx_deploy_conditions_match(c, n, event, &matcher, &m);

    is_int(rc, failed ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK, "%s: %s %s", name,
           c1, c2 ? c2 : "");
    is_str(m.failed ? m.failed->key : tap_str(NULL), failed, "%s: failed",
           name);
}


/* a status is that of the build, with phase= that of the phase */

static void
test_phase(void)
{
    ngx_deploy_event_t  e;

    ngx_deploy_event_init(&e);
    e.facts[NGX_DEPLOY_STATUS] = tap_str("succeeded");
    e.facts[NGX_DEPLOY_PHASE] = tap_str("install");

    match(&e, NULL, "status=succeeded", NULL, "a build");
    match(&e, NULL, "status=succeeded", "phase=install", "a build");

    e.of_phase = 1;

    match(&e, "status", "status=succeeded", NULL, "a phase");
    match(&e, NULL, "status!=succeeded", NULL, "a phase");
    match(&e, NULL, "status=in_progress", NULL, "a phase");
    match(&e, NULL, "status=succeeded", "phase=install", "a phase");
    match(&e, NULL, "phase!=build", "status=succeeded", "a phase");
    match(&e, "phase", "status=succeeded", "phase=build", "another phase");
}


static void
test_facts(void)
{
    ngx_deploy_match_t      m;
    ngx_deploy_event_t      e;
    ngx_deploy_condition_t  c[2];
    const char             *reason;

    ngx_deploy_event_init(&e);
    e.facts[NGX_DEPLOY_EVENT] = tap_str("push");
    e.facts[NGX_DEPLOY_BRANCH] = tap_str("main");
    e.facts[NGX_DEPLOY_REPO] = tap_str("acme/api");
    e.facts[NGX_DEPLOY_TITLE] = tap_str("");

    match(&e, NULL, "branch=main", "repo=acme/api", "both");
    match(&e, NULL, "branch=dev,main", NULL, "the second");
    match(&e, NULL, "branch=m*", "repo=acme/*", "globs");
    match(&e, NULL, "branch=~x,~main", NULL, "a regex");
    match(&e, "branch", "branch=dev", "repo=x", "the first that fails");
    match(&e, "repo", "branch=main", "repo=acme", "the second fails");
    match(&e, "branch", "branch=~x,y,z*", NULL, "none of three");

    match(&e, NULL, "branch!=dev", NULL, "negated");
    match(&e, "branch", "branch!=main", NULL, "negated");
    match(&e, "branch", "branch!=dev,m*", NULL, "negated list");
    match(&e, NULL, "branch!=dev,x*,~y", NULL, "negated list");

    /* not told: neither; empty: told */

    match(&e, "tag", "tag=v1", NULL, "missing");
    match(&e, "tag", "tag!=v1", NULL, "missing, negated");
    match(&e, "tag", "tag=*", NULL, "missing, any");
    match(&e, "tag", "tag!=**", NULL, "missing, not any");
    match(&e, NULL, "title=*", NULL, "empty, any");
    match(&e, NULL, "title!=x", NULL, "empty, negated");
    match(&e, "title", "title=?*", NULL, "empty, some");

    /* a match limit refuses, negated too */

    match(&e, "branch", "branch=~error,main", NULL, "limit");
    match(&e, "branch", "branch!=~error", NULL, "limit, negated");

    /* what was found is told */

    parse(&c[0], "branch=dev", &reason);
    ngx_deploy_conditions_match(c, 1, &e, &matcher, &m);
    is_str(m.got, "main", "got");
    ok(m.failed == &c[0], "failed");

    parse(&c[0], "tag=dev", &reason);
    ngx_deploy_conditions_match(c, 1, &e, &matcher, &m);
    is_str(m.got, NULL, "got nothing");

    parse(&c[0], "on=tag", &reason);
    ngx_deploy_conditions_match(c, 1, &e, &matcher, &m);
    is_str(m.got, "push", "got push");

    is_int(ngx_deploy_conditions_match(c, 0, &e, &matcher, &m), NGX_DEPLOY_OK,
           "no condition");

    /* a regex behind a match is not run */

    parse(&c[0], "branch=main,~x", &reason);
    calls = 0;
    ngx_deploy_conditions_match(c, 1, &e, &matcher, &m);
    is_int(calls, 0, "no regex");
}


static void
test_on(void)
{
    ngx_deploy_event_t  e;

    ngx_deploy_event_init(&e);
    e.facts[NGX_DEPLOY_EVENT] = tap_str("pull_request");
    e.facts[NGX_DEPLOY_ACTION] = tap_str("merged");
    e.merged = 1;

    match(&e, NULL, "on=merge", NULL, "merged");
    match(&e, NULL, "on=any", NULL, "merged");
    match(&e, NULL, "on=tag,merge", NULL, "merged");
    match(&e, "on", "on=push", NULL, "merged");
    match(&e, "on", "on=pull_request", NULL, "merged");
    match(&e, "on", "on!=merge", NULL, "merged");
    match(&e, NULL, "on!=push,tag", NULL, "merged");

    e.facts[NGX_DEPLOY_ACTION] = tap_str("opened");
    e.merged = 0;
    match(&e, NULL, "on=pull_request", NULL, "opened");
    match(&e, "on", "on=merge", NULL, "opened");

    ngx_deploy_event_init(&e);
    match(&e, NULL, "on=any", NULL, "nothing told");
    match(&e, "on", "on=merge,push,tag,delete", NULL, "nothing told");
}


static void
test_if(void)
{
    unsigned                i, want;
    const char             *reason;
    ngx_deploy_match_t      m;
    ngx_deploy_event_t      e;
    ngx_deploy_condition_t  c;

    static char  *values[] = { "", "0", "1", "00", "no", " " };

    ngx_deploy_event_init(&e);

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {

        want = (i > 1) ? NGX_DEPLOY_OK : NGX_DEPLOY_DECLINED;

        parse(&c, "if=$v", &reason);
        c.value = values[i];
        is_int(ngx_deploy_conditions_match(&c, 1, &e, &matcher, &m),
               (int) want, "if, \"%s\"", values[i]);

        c.negate = 1;
        is_int(ngx_deploy_conditions_match(&c, 1, &e, &matcher, &m),
               want == NGX_DEPLOY_OK ? NGX_DEPLOY_DECLINED : NGX_DEPLOY_OK,
               "if!=, \"%s\"", values[i]);
    }

    c.value = NULL;
    is_int(ngx_deploy_conditions_match(&c, 1, &e, &matcher, &m),
           NGX_DEPLOY_DECLINED, "no value: it does not hold");
}


static void
paths(const ngx_deploy_event_t *e, const char *text, int want,
    unsigned unknown, const char *got)
{
    const char              *reason;
    ngx_deploy_match_t       m;
    ngx_deploy_condition_t   c;

    if (parse(&c, text, &reason) != NGX_DEPLOY_OK) {
        ok(0, "%s: %s", text, reason);
        return;
    }

    is_int(ngx_deploy_conditions_match(&c, 1, e, &matcher, &m), want, "%s",
           text);
    is_int(m.paths_unknown, unknown, "%s: unknown", text);
    is_str(m.got, got, "%s: got", text);
}


static void
test_paths(void)
{
    ngx_deploy_str_t    list[2];
    ngx_deploy_event_t  e;

    ngx_deploy_event_init(&e);

    list[0] = tap_str("README.md");
    list[1] = tap_str("docs/a/b.md");

    e.paths = list;
    e.npaths = 2;
    e.paths_complete = 1;

    paths(&e, "path=docs/**", NGX_DEPLOY_OK, 0, "docs/a/b.md");
    paths(&e, "path=docs/*", NGX_DEPLOY_DECLINED, 0, "README.md");
    paths(&e, "path=src/**,README.md", NGX_DEPLOY_OK, 0, "README.md");
    paths(&e, "path!=docs/**", NGX_DEPLOY_DECLINED, 0, "docs/a/b.md");
    paths(&e, "path!=src/**", NGX_DEPLOY_OK, 0, NULL);
    paths(&e, "path=~error", NGX_DEPLOY_DECLINED, 0, NULL);

    e.npaths = 0;
    paths(&e, "path=**", NGX_DEPLOY_DECLINED, 0, NULL);
    paths(&e, "path!=**", NGX_DEPLOY_OK, 0, NULL);

    /* incomplete or none at all: both hold */

    e.npaths = 2;
    e.paths_complete = 0;
    paths(&e, "path=src/**", NGX_DEPLOY_OK, 1, NULL);
    paths(&e, "path!=docs/**", NGX_DEPLOY_OK, 1, NULL);

    e.npaths = 0;
    e.paths = NULL;
    e.paths_complete = -1;
    paths(&e, "path=src/**", NGX_DEPLOY_OK, 1, NULL);
    paths(&e, "path!=src/**", NGX_DEPLOY_OK, 1, NULL);
}


/* the keys of a list, or the reason and the index of what is wrong */

static void
list(const char *text, const char *want)
{
    int                      rc;
    char                     got[256], *p;
    size_t                   i, n, bad;
    const char              *reason;
    ngx_deploy_str_t         texts[8];
    ngx_deploy_condition_t  *c;

    for (n = 0; *text; n++) {
        texts[n] = tap_copy(text, strcspn(text, " "));
        text += texts[n].len;
        text += (*text == ' ');
    }

    rc = ngx_deploy_conditions_parse(tap_pool(), texts, n, NGX_DEPLOY_ON_BUILD,
                                     &c, &n, &bad, &reason);
    p = got;
    *p = '\0';

    if (rc == NGX_DEPLOY_OK) {

        for (i = 0; i < n; i++) {
            p += sprintf(p, "%s%.*s", i ? " " : "", (int) c[i].key.len,
                         c[i].key.data);
        }

        sprintf(p, " %x", c[0].on);

    } else {
        sprintf(p, "%zu %s", bad, reason);
    }

    is_str(tap_str(got), want, "list");
}


static void
test_list(void)
{
    list("", "on 80");
    list("repo=a branch=b", "on repo branch 80");
    list("repo=a on=push branch=b", "on repo branch 2");
    list("on=push repo=a on=tag", "2 is duplicate");
    list("repo=a branch", "1 is not \"key=value\"");
}


int
main(void)
{
    test_glob();
    test_glob_utf8();
    test_glob_time();
    test_parse();
    test_patterns();
    test_facts();
    test_phase();
    test_on();
    test_if();
    test_paths();
    test_list();

    return plan_done();
}
