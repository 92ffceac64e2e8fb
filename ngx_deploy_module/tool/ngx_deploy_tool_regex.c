
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>

#include "ngx_deploy_tool_explain.h"


struct ngx_deploy_tool_regex_s {
    pcre2_code        *code;
    pcre2_match_data  *match;
    unsigned           anchored;
};


static pcre2_code *ngx_deploy_tool_regex_compile(
    pcre2_general_context *general, const ngx_deploy_str_t *pattern,
    unsigned caseless, int *error);
static void ngx_deploy_tool_regex_names(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_regex_t *regex);
static void *ngx_deploy_tool_regex_malloc(PCRE2_SIZE size, void *data);
static void ngx_deploy_tool_regex_free(void *p, void *data);


/*
 * Anchored by the text as in the module: as written first, "a)(b" is no regex
 * but "(?:a)(b)" is
 */

int
ngx_deploy_tool_regex(ngx_deploy_tool_t *tool, const ngx_deploy_str_t *pattern,
    unsigned caseless, unsigned anchored, ngx_deploy_tool_regex_t **regex,
    const char **reason)
{
    int                       error;
    char                     *text;
    ngx_deploy_str_t          whole;
    pcre2_general_context    *general;
    ngx_deploy_tool_regex_t  *re;

    re = ngx_deploy_tool_alloc(tool, sizeof(ngx_deploy_tool_regex_t));

    general = pcre2_general_context_create(ngx_deploy_tool_regex_malloc,
                                           ngx_deploy_tool_regex_free, tool);
    if (general == NULL) {
        ngx_deploy_tool_no_memory();
    }

    re->anchored = anchored;
    re->code = ngx_deploy_tool_regex_compile(general, pattern, caseless,
                                             &error);

    if (re->code && anchored) {
        text = ngx_deploy_tool_printf(tool, "\\A(?:%.*s)\\z",
                                      (int) pattern->len,
                                      (char *) pattern->data);
        whole = ngx_deploy_tool_str(text);

        re->code = ngx_deploy_tool_regex_compile(general, &whole, caseless,
                                                 &error);
    }

    if (re->code == NULL) {
        text = ngx_deploy_tool_alloc(tool, 256);
        (void) pcre2_get_error_message(error, (PCRE2_UCHAR *) text, 256);

        *reason = text;
        return NGX_DEPLOY_DECLINED;
    }

    re->match = pcre2_match_data_create_from_pattern(re->code, general);
    if (re->match == NULL) {
        ngx_deploy_tool_no_memory();
    }

    *regex = re;

    return NGX_DEPLOY_OK;
}


static pcre2_code *
ngx_deploy_tool_regex_compile(pcre2_general_context *general,
    const ngx_deploy_str_t *pattern, unsigned caseless, int *error)
{
    pcre2_code             *code;
    PCRE2_SIZE              offset;
    pcre2_compile_context  *compile;

    compile = pcre2_compile_context_create(general);
    if (compile == NULL) {
        ngx_deploy_tool_no_memory();
    }

    code = pcre2_compile(pattern->data, pattern->len,
                         caseless ? PCRE2_CASELESS : 0, error, &offset,
                         compile);

    pcre2_compile_context_free(compile);

    return code;
}


int
ngx_deploy_tool_regex_match(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_regex_t *regex, const ngx_deploy_str_t *s)
{
    int                         rc, i;
    PCRE2_SIZE                 *vector;
    ngx_deploy_tool_capture_t  *capture;

    rc = pcre2_match(regex->code, s->data ? s->data : (u_char *) "", s->len, 0,
                     0, regex->match, NULL);

    if (rc == PCRE2_ERROR_NOMATCH) {
        return NGX_DEPLOY_DECLINED;
    }

    if (rc < 0) {
        return NGX_DEPLOY_ERROR;
    }

    vector = pcre2_get_ovector_pointer(regex->match);

    if (regex->anchored && (vector[0] != 0 || vector[1] != s->len)) {
        return NGX_DEPLOY_DECLINED;
    }

    /* without groups those of the match before are kept, as in nginx */

    if (pcre2_get_ovector_count(regex->match) == 1) {
        return NGX_DEPLOY_OK;
    }

    memset(explain->captures, 0, sizeof(explain->captures));

    for (i = 0; i < rc && i < NGX_DEPLOY_TOOL_MAX_CAPTURES; i++) {

        if (vector[2 * i] == PCRE2_UNSET) {
            continue;
        }

        capture = &explain->captures[i];

        capture->value.data = s->data + vector[2 * i];
        capture->value.len = vector[2 * i + 1] - vector[2 * i];
    }

    explain->ncaptures = i;

    ngx_deploy_tool_regex_names(explain, regex);

    return NGX_DEPLOY_OK;
}


static void
ngx_deploy_tool_regex_names(ngx_deploy_tool_explain_t *explain,
    ngx_deploy_tool_regex_t *regex)
{
    unsigned           group;
    uint32_t           n, size;
    PCRE2_SPTR         table;
    ngx_deploy_str_t  *name;

    n = 0;
    size = 0;
    table = NULL;

    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &n);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);

    for ( /* void */ ; n; n--, table += size) {
        group = (table[0] << 8) | table[1];

        if (group < NGX_DEPLOY_TOOL_MAX_CAPTURES) {
            name = &explain->captures[group].name;
            name->data = (u_char *) table + 2;
            name->len = strlen((char *) name->data);
        }
    }
}


static void *
ngx_deploy_tool_regex_malloc(PCRE2_SIZE size, void *data)
{
    ngx_deploy_tool_t *tool = data;

    return ngx_deploy_palloc(&tool->pool, size);
}


/* all goes with the pool */

static void
ngx_deploy_tool_regex_free(void *p, void *data)
{
    (void) p;
    (void) data;
}
