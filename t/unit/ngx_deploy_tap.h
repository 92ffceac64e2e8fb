
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_TAP_H_INCLUDED_
#define _NGX_DEPLOY_TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_deploy_core.h"


/*
 * A test is one C file: ok(), is_str() and is_int() print TAP, main() ends
 * with "return plan_done();".  Memory of tap_pool() is malloc()'ed block by
 * block, so that a sanitizer sees an overrun of any of them.
 */

typedef struct tap_block_s  tap_block_t;

struct tap_block_s {
    tap_block_t  *next;
    void         *p;
};


/* the headers of a request, ended by a NULL name; value NULL: absent */

typedef struct {
    const char   *name;
    const char   *value;
} tap_header_t;


static unsigned      tap_tests;
static unsigned      tap_failed;
static tap_block_t  *tap_blocks;
static long          tap_alloc_left = -1;


#define tap_unused  __attribute__((unused))
#define tap_format(m, n)  __attribute__((unused, format(printf, m, n)))


#define ok(cond, ...)                                                         \
    tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, ...)                                                \
    tap_is_int((long long) (got), (long long) (want), __FILE__, __LINE__,     \
               __VA_ARGS__)

/* want is a C string, NULL for a value that is absent */

#define is_str(got, want, ...)                                                \
    tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)


static tap_unused void
tap_result(int pass, const char *file, int line, const char *fmt, va_list args)
{
    printf("%sok %u - ", pass ? "" : "not ", ++tap_tests);
    vprintf(fmt, args);
    printf("\n");

    if (!pass) {
        tap_failed++;
        printf("#   failed at %s line %d\n", file, line);
    }
}


/* the bytes of a text as a comment line, control characters escaped */

static tap_unused void
tap_print_str(const char *name, const ngx_deploy_str_t *s)
{
    size_t  i;

    printf("#   %s: ", name);

    if (s->data == NULL) {
        printf("(absent)\n");
        return;
    }

    printf("\"");

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20 || s->data[i] == 0x7f) {
            printf("\\x%02x", s->data[i]);

        } else {
            putchar(s->data[i]);
        }
    }

    printf("\"\n");
}


static tap_format(4, 5) int
tap_ok(int pass, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_result(pass, file, line, fmt, args);
    va_end(args);

    return pass;
}


static tap_format(5, 6) int
tap_is_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_result(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#   got: %lld, want: %lld\n", got, want);
    }

    return got == want;
}


static tap_format(5, 6) int
tap_is_str(ngx_deploy_str_t got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
    int               pass;
    va_list           args;
    ngx_deploy_str_t  w;

    w.data = (u_char *) want;
    w.len = (want == NULL) ? 0 : strlen(want);

    if (got.data == NULL || want == NULL) {
        pass = (got.data == NULL && want == NULL);

    } else {
        pass = (got.len == w.len
                && (w.len == 0 || memcmp(got.data, want, w.len) == 0));
    }

    va_start(args, fmt);
    tap_result(pass, file, line, fmt, args);
    va_end(args);

    if (!pass) {
        tap_print_str("got ", &got);
        tap_print_str("want", &w);
    }

    return pass;
}


/* a C string as a value, NULL: absent */

static tap_unused ngx_deploy_str_t
tap_str(const char *text)
{
    ngx_deploy_str_t  s;

    s.data = (u_char *) text;
    s.len = (text == NULL) ? 0 : strlen(text);

    return s;
}


static tap_unused void *
tap_alloc(void *data, size_t size)
{
    tap_block_t  *block;

    (void) data;

    if (tap_alloc_left == 0) {
        return NULL;
    }

    if (tap_alloc_left > 0) {
        tap_alloc_left--;
    }

    block = malloc(sizeof(tap_block_t));
    if (block == NULL) {
        return NULL;
    }

    block->p = malloc(size);
    if (block->p == NULL) {
        free(block);
        return NULL;
    }

    memset(block->p, 0xa5, size);

    block->next = tap_blocks;
    tap_blocks = block;

    return block->p;
}


static tap_unused ngx_deploy_pool_t *
tap_pool(void)
{
    static ngx_deploy_pool_t  pool = { tap_alloc, NULL };

    return &pool;
}


/* the pool gives n more blocks, then NULL; -1: no limit */

static tap_unused void
tap_pool_limit(long n)
{
    tap_alloc_left = n;
}


/* frees all blocks of the pool; plan_done() does it too */

static tap_unused void
tap_pool_reset(void)
{
    tap_block_t  *block;

    while (tap_blocks != NULL) {
        block = tap_blocks;
        tap_blocks = block->next;

        free(block->p);
        free(block);
    }
}


/*
 * A copy of len bytes in a malloc()'ed block of just that size, in the pool:
 * input for functions that must not read past its end.
 */

static tap_unused ngx_deploy_str_t
tap_copy(const void *p, size_t len)
{
    long              left;
    ngx_deploy_str_t  s;

    left = tap_alloc_left;
    tap_alloc_left = -1;

    s.len = len;
    s.data = tap_alloc(NULL, len);

    tap_alloc_left = left;

    if (s.data == NULL) {
        printf("Bail out! no memory\n");
        exit(1);
    }

    if (len) {
        memcpy(s.data, p, len);
    }

    return s;
}


/* an ngx_deploy_get_header_pt, data are the headers */

static tap_unused unsigned
tap_get_header(void *data, const ngx_deploy_str_t *name,
    ngx_deploy_str_t *value)
{
    unsigned       n;
    tap_header_t  *header;

    n = 0;

    for (header = data; header->name; header++) {
        if (header->value != NULL
            && ngx_deploy_str_is(name, header->name)
            && n++ == 0)
        {
            *value = tap_copy(header->value, strlen(header->value));
        }
    }

    return n;
}


static tap_unused int
plan_done(void)
{
    tap_pool_reset();

    printf("1..%u\n", tap_tests);

    if (tap_failed) {
        printf("# %u of %u tests failed\n", tap_failed, tap_tests);
    }

    fflush(stdout);

    return (tap_failed || tap_tests == 0) ? 1 : 0;
}


#endif /* _NGX_DEPLOY_TAP_H_INCLUDED_ */
