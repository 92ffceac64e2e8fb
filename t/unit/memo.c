
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"

#include "ngx_deploy_memo.h"


static ngx_deploy_str_t
str(const char *text)
{
    ngx_deploy_str_t  s;

    s.data = (u_char *) text;
    s.len = text ? strlen(text) : 0;

    return s;
}


static ngx_deploy_memo_t
memo(const char *project)
{
    ngx_deploy_memo_t  m;

    m.state = 3;
    m.event = 1023;
    m.retry_after = 40000;
    m.number = 0x123456789abcdef;
    m.project = str(project);
    m.id = str("api:1234");
    m.error = str(NULL);
    m.message = str("M");
    m.reason = str("why");

    return m;
}


static void
test_same(void)
{
    size_t              n, read;
    u_char              buf[200];
    ngx_deploy_memo_t   m, got;

    m = memo("api");

    n = ngx_deploy_memo_write(buf, sizeof(buf), &m);

    is_int(n, 13 + 5 + 3 + 8 + 1 + 3, "size");

    read = ngx_deploy_memo_read(buf, n, &got);

    is_int(read, n, "all is read");
    is_int(got.state, 3, "state");
    is_int(got.event, 1023, "event");
    is_int(got.retry_after, 40000, "retry_after");
    ok(got.number == 0x123456789abcdef, "number");
    is_str(got.project, "api", "project");
    is_str(got.id, "api:1234", "id");
    is_str(got.error, NULL, "an absent text");
    is_str(got.message, "M", "message");
    is_str(got.reason, "why", "reason");

    m.number = -1;
    n = ngx_deploy_memo_write(buf, sizeof(buf), &m);
    (void) ngx_deploy_memo_read(buf, n, &got);
    is_int(got.number, -1, "no number");
}


static void
test_bounds(void)
{
    char                long_text[400];
    size_t              i, n, bad;
    u_char             *p;
    u_char              buf[400];
    ngx_deploy_memo_t   m, got;

    m = memo("api");

    for (i = 0, bad = 0; i < 33; i++) {
        p = malloc(i + 1);
        bad += (ngx_deploy_memo_write(p, i, &m) != 0);
        free(p);
    }

    is_int(bad, 0, "what does not fit is not written");

    n = ngx_deploy_memo_write(buf, sizeof(buf), &m);

    for (i = 0, bad = 0; i < n; i++) {
        p = malloc(i + 1);
        memcpy(p, buf, i);
        bad += (ngx_deploy_memo_read(p, i, &got) != 0);
        free(p);
    }

    is_int(bad, 0, "what is cut is no memo");

    /* any bytes at all */

    srand(1);

    for (n = 0, bad = 0; n < 10000; n++) {

        size_t  size = rand() % 300;

        p = malloc(size + 1);

        for (i = 0; i < size; i++) {
            p[i] = rand() & 0xff;
        }

        if (ngx_deploy_memo_read(p, size, &got) > size) {
            bad++;
        }

        free(p);
    }

    is_int(bad, 0, "random bytes");

    memset(long_text, 'x', sizeof(long_text));
    long_text[254] = '\xc3';
    long_text[255] = '\xa4';
    long_text[399] = '\0';

    m = memo(long_text);
    n = ngx_deploy_memo_write(buf, sizeof(buf), &m);
    (void) ngx_deploy_memo_read(buf, n, &got);

    is_int(got.project.len, 254, "a long text is cut, no character is");
}


int
main(void)
{
    test_same();
    test_bounds();

    return plan_done();
}
