
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_message.h"
#include "ngx_deploy_tap.h"


static void
message(const char *text, const char *want)
{
    int                         rc;
    char                        out[4096], *p;
    size_t                      i;
    const char                 *reason;
    ngx_deploy_str_t            s;
    ngx_deploy_tool_message_t   m;

    s = tap_copy(text, strlen(text));
    reason = NULL;

    rc = ngx_deploy_tool_message(tap_pool(), &s, &m, &reason);

    p = out;

    if (rc == NGX_DEPLOY_OK) {
        p += sprintf(p, "%.*s %.*s", (int) m.method.len, m.method.data,
                     (int) m.target.len, m.target.data);

        for (i = 0; i < m.nheaders; i++) {
            p += sprintf(p, "|%.*s=%.*s", (int) m.headers[i].name.len,
                         m.headers[i].name.data,
                         (int) m.headers[i].value.len,
                         m.headers[i].value.data);
        }

        if (m.body.data) {
            p += sprintf(p, "|%.*s", (int) m.body.len, m.body.data);
        }

    } else {
        sprintf(p, "%d %u %s", rc, m.line, reason);
    }

    is_str(tap_str(out), want, "%s", text);
}


static void
test_http(void)
{
    message("POST /a?b HTTP/1.1\r\nHost: x\r\nX-A:  b c \r\n\r\n{}",
            "POST /a?b|host=x|x-a=b c|{}");
    message("POST /a\nHost: x\n\n{}\n", "POST /a|host=x|{}\n");
    message("Host: x\nX:\n", " |host=x|x=");
    message("POST /a\nA: b\nContent-Length: 2\n\n{}\n",
            "POST /a|a=b|content-length=2|{}");
    message("POST /a\nContent-Length: 2\n\n{}\r\n",
            "POST /a|content-length=2|{}");
    message("POST /a\nContent-Length: 0\n\n",
            "POST /a|content-length=0");
    message("A: b\n\n\nx", " |a=b|\nx");
}


static void
test_shown(void)
{
    message("* Connected to x\n> POST /a HTTP/2\n> Host: x\n> X-A: b\n>\n"
            "} [5 bytes data]\n< HTTP/1.1 200 OK\n< X-B: c\n",
            "POST /a|host=x|x-a=b");
    message("Request URL: https://example.com/hooks/github\n"
            "Request method: POST\nX-GitHub-Event: push\n",
            "POST /hooks/github|host=example.com|x-github-event=push");
    message("Request URL: http://example.com:8080\nA: b",
            " /|host=example.com:8080|a=b");
}


static void
test_errors(void)
{
    message("", "-5 0 there are no headers");
    message("POST /a HTTP/1.1\n\n", "-5 2 there are no headers");
    message("POST http://x/ HTTP/1.1\nA: b", "-5 1 the request line has no "
            "path");
    message("POST /a\nfolded\n", "-5 2 not a header");
    message("POST /a\nA: b\n c: d\n", "-5 3 not a header");
    message(": x\n", "-5 1 not a header");
    message("Request URL: x\n", "-5 1 not a URL");
    message("A: b\nContent-Length: 3\n\n{}", "-5 3 the body is shorter than "
            "Content-Length");
    message("A: b\nContent-Length: 1\n\n{}", "-5 3 the body is longer than "
            "Content-Length");
    message("A: b\nContent-Length: x\n\n{}", "-5 3 Content-Length is not a "
            "number");
    message("A: b\nTransfer-Encoding: chunked\n\n{}", "-5 3 a chunked body is "
            "not read, save it as a file");
}


static void
test_many(void)
{
    unsigned  i;
    char      text[4096], *p;

    for (i = 0, p = text; i < NGX_DEPLOY_TOOL_MAX_HEADERS + 1; i++) {
        p += sprintf(p, "A: b\n");
    }

    message(text, "-5 257 too many headers");
}


int
main(void)
{
    test_http();
    test_shown();
    test_errors();
    test_many();

    return plan_done();
}
