
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <curl/curl.h>

#include "ngx_deploy_tool_http.h"


typedef struct {
    CURL                     *easy;
    struct curl_slist        *headers;
    ngx_deploy_tool_t        *tool;
    ngx_deploy_tool_reply_t  *reply;
    size_t                    size;
    unsigned                  overflow;
    char                      error[CURL_ERROR_SIZE];
} ngx_deploy_tool_transfer_t;


static void ngx_deploy_tool_post_setup(ngx_deploy_tool_transfer_t *t,
    const ngx_deploy_tool_request_t *request);
static void ngx_deploy_tool_post_header(ngx_deploy_tool_transfer_t *t,
    const char *header);
static size_t ngx_deploy_tool_post_write(char *p, size_t size, size_t n,
    void *data);
static void ngx_deploy_tool_post_done(ngx_deploy_tool_transfer_t *t);


int
ngx_deploy_tool_post(ngx_deploy_tool_t *tool,
    const ngx_deploy_tool_request_t *request, ngx_deploy_tool_reply_t *reply)
{
    CURLcode                    code;
    ngx_deploy_tool_transfer_t  t;

    memset(reply, 0, sizeof(ngx_deploy_tool_reply_t));
    memset(&t, 0, sizeof(ngx_deploy_tool_transfer_t));

    t.tool = tool;
    t.reply = reply;
    t.size = 65536;

    reply->body.data = ngx_deploy_tool_alloc(tool, t.size);

    t.easy = curl_easy_init();

    if (t.easy == NULL) {
        ngx_deploy_tool_no_memory();
    }

    ngx_deploy_tool_post_setup(&t, request);

    code = curl_easy_perform(t.easy);

    if (code == CURLE_OK) {
        ngx_deploy_tool_post_done(&t);

    } else {
        (void) ngx_deploy_tool_error(tool, "%s: %s", request->url,
                                     t.overflow ? "the answer is too long"
                                     : t.error[0] ? t.error
                                     : curl_easy_strerror(code));
    }

    curl_easy_cleanup(t.easy);
    curl_slist_free_all(t.headers);

    return (code == CURLE_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


static void
ngx_deploy_tool_post_setup(ngx_deploy_tool_transfer_t *t,
    const ngx_deploy_tool_request_t *request)
{
    CURL    *easy;
    size_t   i;

    easy = t->easy;

    for (i = 0; i < request->headers.n; i++) {
        ngx_deploy_tool_post_header(t, request->headers.elts[i]);
    }

    /* of its own accord libcurl would send these */

    ngx_deploy_tool_post_header(t, "Accept:");
    ngx_deploy_tool_post_header(t, "Expect:");

    if (curl_easy_setopt(easy, CURLOPT_URL, request->url)
        || curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        || curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1)
        || curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L)
        || curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers)
        || curl_easy_setopt(easy, CURLOPT_USERAGENT,
                            NGX_DEPLOY_TOOL_NAME "/" NGX_DEPLOY_TOOL_VERSION)
        || curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error)
        || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                            ngx_deploy_tool_post_write)
        || curl_easy_setopt(easy, CURLOPT_WRITEDATA, t)
        || curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long) request->timeout)
        || curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) request->body.len)
        || curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                            request->body.len ? (char *) request->body.data
                                              : ""))
    {
        ngx_deploy_tool_no_memory();
    }

    if (request->ca_file
        && curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file))
    {
        ngx_deploy_tool_no_memory();
    }

    if (request->insecure
        && (curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L)
            || curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L)))
    {
        ngx_deploy_tool_no_memory();
    }
}


static void
ngx_deploy_tool_post_header(ngx_deploy_tool_transfer_t *t, const char *header)
{
    struct curl_slist  *list;

    list = curl_slist_append(t->headers, header);

    if (list == NULL) {
        ngx_deploy_tool_no_memory();
    }

    t->headers = list;
}


static size_t
ngx_deploy_tool_post_write(char *p, size_t size, size_t n, void *data)
{
    ngx_deploy_tool_transfer_t *t = data;

    u_char            *new;
    ngx_deploy_str_t  *body;

    body = &t->reply->body;
    size *= n;

    if (size > NGX_DEPLOY_TOOL_MAX_REPLY - body->len) {
        t->overflow = 1;
        return 0;
    }

    if (size > t->size - body->len) {
        t->size = 2 * t->size + size;

        new = ngx_deploy_tool_alloc(t->tool, t->size);
        memcpy(new, body->data, body->len);
        body->data = new;
    }

    memcpy(body->data + body->len, p, size);
    body->len += size;

    return size;
}


static void
ngx_deploy_tool_post_done(ngx_deploy_tool_transfer_t *t)
{
    long                      status;
    ngx_deploy_str_t          value;
    struct curl_header       *header;
    ngx_deploy_tool_reply_t  *reply;

    reply = t->reply;
    status = 0;

    (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);

    reply->status = (unsigned) status;

    if (curl_easy_header(t->easy, "Date", 0, CURLH_HEADER, -1, &header)
        == CURLHE_OK)
    {
        reply->date = curl_getdate(header->value, NULL);

        if (reply->date == -1) {
            reply->date = 0;
        }
    }

    if (curl_easy_header(t->easy, "x-amzn-ErrorType", 0, CURLH_HEADER, -1,
                         &header)
        == CURLHE_OK)
    {
        value = ngx_deploy_tool_str(header->value);

        reply->error_type.len = value.len;
        reply->error_type.data = (u_char *)
                                 ngx_deploy_tool_cstring(t->tool, &value);
    }
}
