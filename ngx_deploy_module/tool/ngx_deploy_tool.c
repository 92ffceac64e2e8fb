
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include <openssl/rand.h>

#include "ngx_deploy_tool.h"


static const ngx_deploy_tool_option_t *ngx_deploy_tool_find(
    const ngx_deploy_tool_option_t *options, const char *word, size_t len);
static int ngx_deploy_tool_option(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_option_t *option, const char *word,
    const char *value);
static int ngx_deploy_tool_answered(ngx_deploy_tool_t *tool,
    const char *word);


int
ngx_deploy_tool_options(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_option_t *options, int argc, char **argv,
    ngx_deploy_tool_list_t *args, size_t min, size_t max)
{
    int                              i;
    size_t                           len;
    char                            *value;
    unsigned                         words;
    const ngx_deploy_tool_option_t  *option;

    words = 0;

    for (i = 0; i < argc; i++) {

        if (words || argv[i][0] != '-' || argv[i][1] == '\0') {
            ngx_deploy_tool_push(tool, args, argv[i]);
            continue;
        }

        if (strcmp(argv[i], "--") == 0) {
            words = 1;
            continue;
        }

        if (ngx_deploy_tool_answered(tool, argv[i])) {
            return NGX_DEPLOY_DECLINED;
        }

        if (strcmp(argv[i], "--json") == 0) {
            tool->json = 1;
            continue;
        }

        len = strcspn(argv[i], "=");

        option = ngx_deploy_tool_find(options, argv[i], len);

        if (option == NULL) {
            return ngx_deploy_tool_error(tool, "there is no option \"%.*s\"",
                                         (int) len, argv[i]);
        }

        value = argv[i][len] ? argv[i] + len + 1 : NULL;

        if (option->type == NGX_DEPLOY_TOOL_FLAG) {

            if (value) {
                return ngx_deploy_tool_error(tool, "\"%.*s\" takes no value",
                                             (int) len, argv[i]);
            }

            *(unsigned *) option->value = 1;
            continue;
        }

        if (value == NULL && ++i < argc) {
            value = argv[i];
        }

        if (ngx_deploy_tool_option(tool, option, option->name, value)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    if (args->n < min || args->n > max) {
        return ngx_deploy_tool_error(tool, "%s, see \"" NGX_DEPLOY_TOOL_NAME
                                     " %s --help\"",
                                     args->n < min ? "something is missing"
                                                   : "too many words",
                                     tool->command);
    }

    return NGX_DEPLOY_OK;
}


static int
ngx_deploy_tool_answered(ngx_deploy_tool_t *tool, const char *word)
{
    if (strcmp(word, "--version") == 0) {
        printf(NGX_DEPLOY_TOOL_NAME " " NGX_DEPLOY_TOOL_VERSION "\n");
        return 1;
    }

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        printf("%s", tool->usage);
        return 1;
    }

    return 0;
}


static const ngx_deploy_tool_option_t *
ngx_deploy_tool_find(const ngx_deploy_tool_option_t *options,
    const char *word, size_t len)
{
    for ( /* void */ ; options->name; options++) {

        if (word[1] == '-') {

            if (strlen(options->name) == len - 2
                && memcmp(options->name, word + 2, len - 2) == 0)
            {
                return options;
            }

        } else if (options->letter && word[1] == options->letter && len == 2) {
            return options;
        }
    }

    return NULL;
}


static int
ngx_deploy_tool_option(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_option_t *option, const char *word,
    const char *value)
{
    int64_t       n;
    const char  **text;

    if (value == NULL) {
        return ngx_deploy_tool_error(tool, "\"--%s\" needs a value", word);
    }

    switch (option->type) {

    case NGX_DEPLOY_TOOL_LIST:
        ngx_deploy_tool_push(tool, option->value, value);
        return NGX_DEPLOY_OK;

    case NGX_DEPLOY_TOOL_NUMBER:
        n = ngx_deploy_atoi64((u_char *) value, strlen(value));

        if (n < 0) {
            return ngx_deploy_tool_error(tool, "\"--%s %s\" is not a number",
                                         word, value);
        }

        *(int64_t *) option->value = n;
        return NGX_DEPLOY_OK;

    default:
        text = option->value;

        if (*text) {
            return ngx_deploy_tool_error(tool, "\"--%s\" is given twice",
                                         word);
        }

        *text = value;
        return NGX_DEPLOY_OK;
    }
}


int
ngx_deploy_tool_error(ngx_deploy_tool_t *tool, const char *fmt, ...)
{
    char              text[4096];
    va_list           args;
    ngx_deploy_str_t  s;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    fprintf(stderr, NGX_DEPLOY_TOOL_NAME "%s%s: ",
            tool->command ? " " : "", tool->command ? tool->command : "");

    s.data = (u_char *) text;
    s.len = strlen(text);

    ngx_deploy_tool_put(stderr, &s);
    fputc('\n', stderr);

    return NGX_DEPLOY_ERROR;
}


void
ngx_deploy_tool_no_memory(void)
{
    fprintf(stderr, NGX_DEPLOY_TOOL_NAME ": out of memory\n");
    exit(NGX_DEPLOY_TOOL_FAILED);
}


ngx_deploy_json_t *
ngx_deploy_tool_json(const ngx_deploy_str_t *text)
{
    const char         *reason;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(text->data, text->len, text->len, &reason);
    if (json == NULL) {
        ngx_deploy_tool_no_memory();
    }

    return json;
}


void *
ngx_deploy_tool_alloc(ngx_deploy_tool_t *tool, size_t size)
{
    void  *p;

    p = ngx_deploy_pcalloc(&tool->pool, size);
    if (p == NULL) {
        ngx_deploy_tool_no_memory();
    }

    return p;
}


char *
ngx_deploy_tool_cstring(ngx_deploy_tool_t *tool, const ngx_deploy_str_t *s)
{
    char  *p;

    p = ngx_deploy_tool_alloc(tool, s->len + 1);

    if (s->len) {
        memcpy(p, s->data, s->len);
    }

    return p;
}


char *
ngx_deploy_tool_printf(ngx_deploy_tool_t *tool, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0) {
        ngx_deploy_tool_no_memory();
    }

    p = ngx_deploy_tool_alloc(tool, (size_t) n + 1);

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    return p;
}


void
ngx_deploy_tool_push(ngx_deploy_tool_t *tool, ngx_deploy_tool_list_t *list,
    const char *text)
{
    const char  **elts;

    /* room is doubled at each power of two, a NULL always follows */

    if ((list->n & (list->n + 1)) == 0) {

        elts = ngx_deploy_tool_alloc(tool, 2 * (list->n + 1)
                                           * sizeof(char *));
        if (list->n) {
            memcpy(elts, list->elts, list->n * sizeof(char *));
        }

        list->elts = elts;
    }

    list->elts[list->n++] = text;
    list->elts[list->n] = NULL;
}


ngx_deploy_str_t
ngx_deploy_tool_str(const char *text)
{
    ngx_deploy_str_t  s;

    s.data = (u_char *) text;
    s.len = text ? strlen(text) : 0;

    return s;
}


int
ngx_deploy_tool_read(ngx_deploy_tool_t *tool, const char *path,
    ngx_deploy_str_t *text)
{
    FILE    *f;
    size_t   n, size;
    u_char  *p, *data;

    f = (strcmp(path, "-") == 0) ? stdin : fopen(path, "re");

    if (f == NULL) {
        return ngx_deploy_tool_error(tool, "%s: %s", path, strerror(errno));
    }

    text->len = 0;
    size = 65536;
    data = ngx_deploy_tool_alloc(tool, size);

    for ( ;; ) {
        n = fread(data + text->len, 1, size - 1 - text->len, f);
        text->len += n;

        if (n == 0 || text->len > NGX_DEPLOY_TOOL_MAX_FILE) {
            break;
        }

        if (text->len == size - 1) {
            p = ngx_deploy_tool_alloc(tool, 2 * size);
            memcpy(p, data, text->len);
            data = p;
            size *= 2;
        }
    }

    n = ferror(f) ? errno : 0;

    if (f != stdin) {
        (void) fclose(f);
    }

    if (n) {
        return ngx_deploy_tool_error(tool, "%s: %s", path,
                                     strerror((int) n));
    }

    if (text->len > NGX_DEPLOY_TOOL_MAX_FILE) {
        return ngx_deploy_tool_error(tool, "%s: over 64 megabytes", path);
    }

    data[text->len] = '\0';
    text->data = data;

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_tool_put(FILE *out, const ngx_deploy_str_t *s)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        /* U+0080 to U+009F are control characters, too */

        if (c < 0x20 || c == 0x7f
            || (c >= 0x80 && c < 0xa0 && i && s->data[i - 1] == 0xc2))
        {
            fprintf(out, "\\x%02x", c);
            continue;
        }

        fputc(c, out);
    }
}


void
ngx_deploy_tool_put_member(FILE *out, const char *before,
    ngx_deploy_json_t *json, const char *key, const char *after)
{
    ngx_deploy_str_t  s;

    s = ngx_deploy_json_get_str(json, key);

    if (s.data == NULL) {
        return;
    }

    fputs(before, out);
    ngx_deploy_tool_put(out, &s);
    fputs(after, out);
}


void
ngx_deploy_tool_print(ngx_deploy_tool_t *tool, ngx_deploy_json_t *json)
{
    ngx_deploy_str_t  text;

    if (json == NULL
        || ngx_deploy_json_dump(json, &tool->pool, &text) != NGX_DEPLOY_OK)
    {
        ngx_deploy_tool_no_memory();
    }

    ngx_deploy_json_free(json);

    printf("%.*s\n", (int) text.len, text.data);
}


char *
ngx_deploy_tool_random(ngx_deploy_tool_t *tool, size_t n)
{
    char    *p, *start;
    size_t   i;
    u_char   bytes[32];

    if (RAND_bytes(bytes, (int) n) != 1) {
        ngx_deploy_tool_no_memory();
    }

    /* RFC 9562, 5.4 */

    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;

    start = ngx_deploy_tool_alloc(tool, 2 * n + 5);

    for (i = 0, p = start; i < n; i++) {

        if (n == 16 && (i == 4 || i == 6 || i == 8 || i == 10)) {
            *p++ = '-';
        }

        p = (char *) ngx_deploy_hex_encode((u_char *) p, &bytes[i], 1);
    }

    return start;
}
