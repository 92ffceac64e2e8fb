
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_work_http.h"

#include <curl/curl.h>


#define NGX_DEPLOY_WORK_HTTP_TICK  100    /* ms between looks at the flag */


struct ngx_deploy_work_http_s {
    CURLM                    *multi;
};


typedef struct {
    ngx_deploy_work_ctx_t    *ctx;
    CURL                     *easy;
    struct curl_slist        *headers;
    ngx_deploy_work_reply_t  *reply;
    unsigned                  overflow;
    char                      error[CURL_ERROR_SIZE];
} ngx_deploy_work_transfer_t;


static int ngx_deploy_work_http_create(ngx_deploy_work_ctx_t *ctx);
static int ngx_deploy_work_http_setup(ngx_deploy_work_transfer_t *t,
    const ngx_deploy_work_request_t *request, int64_t left);
static int ngx_deploy_work_http_header(ngx_deploy_work_transfer_t *t,
    const char *header);
static int ngx_deploy_work_http_options(ngx_deploy_work_transfer_t *t,
    const ngx_deploy_work_request_t *request);
static int ngx_deploy_work_http_run(ngx_deploy_work_transfer_t *t);
static size_t ngx_deploy_work_http_write(char *p, size_t size, size_t n,
    void *data);
static int ngx_deploy_work_http_done(ngx_deploy_work_transfer_t *t,
    CURLcode code);
static ngx_deploy_work_fault_e ngx_deploy_work_http_fault(CURLcode code);


int
ngx_deploy_work_http(ngx_deploy_work_ctx_t *ctx,
    const ngx_deploy_work_request_t *request, ngx_deploy_work_reply_t *reply)
{
    int                         rc;
    int64_t                     left;
    ngx_deploy_work_transfer_t  t;

    memset(reply, 0, sizeof(ngx_deploy_work_reply_t));
    memset(&t, 0, sizeof(ngx_deploy_work_transfer_t));

    left = ngx_deploy_work_left(ctx);

    if (left == 0) {
        return ngx_deploy_work_fail(ctx, 1, "no time is left");
    }

    t.ctx = ctx;
    t.reply = reply;

    reply->body.data = ngx_deploy_palloc(&ctx->pool,
                                         NGX_DEPLOY_CREDENTIALS_MAX_REPLY);

    if (reply->body.data == NULL
        || ngx_deploy_work_http_create(ctx) != NGX_DEPLOY_OK
        || ngx_deploy_work_http_setup(&t, request, left) != NGX_DEPLOY_OK)
    {
        rc = ngx_deploy_work_fail(ctx, 1, "out of memory");

    } else {
        rc = ngx_deploy_work_http_run(&t);
    }

    if (t.easy) {
        (void) curl_multi_remove_handle(ctx->http->multi, t.easy);
        curl_easy_cleanup(t.easy);
    }

    curl_slist_free_all(t.headers);

    return rc;
}


static int
ngx_deploy_work_http_create(ngx_deploy_work_ctx_t *ctx)
{
    ngx_deploy_work_http_t  *http;

    if (ctx->http) {
        return NGX_DEPLOY_OK;
    }

    http = ngx_deploy_palloc(&ctx->pool, sizeof(ngx_deploy_work_http_t));
    if (http == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    http->multi = curl_multi_init();

    if (http->multi == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    ctx->http = http;

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_work_http_free(ngx_deploy_work_ctx_t *ctx)
{
    if (ctx->http) {
        (void) curl_multi_cleanup(ctx->http->multi);
        ctx->http = NULL;
    }
}


static int
ngx_deploy_work_http_setup(ngx_deploy_work_transfer_t *t,
    const ngx_deploy_work_request_t *request, int64_t left)
{
    long                total;
    const char *const  *header;

    t->easy = curl_easy_init();

    if (t->easy == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    for (header = request->headers; *header; header++) {

        if (ngx_deploy_work_http_header(t, *header) != NGX_DEPLOY_OK) {
            return NGX_DEPLOY_ERROR;
        }
    }

    /* of its own accord libcurl would send these */

    if (ngx_deploy_work_http_header(t, "Expect:") != NGX_DEPLOY_OK
        || (request->body && request->body->len == 0
            && ngx_deploy_work_http_header(t, "Content-Type:")
               != NGX_DEPLOY_OK))
    {
        return NGX_DEPLOY_ERROR;
    }

    total = (request->total < left) ? request->total : left;

    if (curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers)
        || curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) request->connect)
        || curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, total))
    {
        return NGX_DEPLOY_ERROR;
    }

    return ngx_deploy_work_http_options(t, request);
}


static int
ngx_deploy_work_http_header(ngx_deploy_work_transfer_t *t, const char *header)
{
    struct curl_slist  *list;

    list = curl_slist_append(t->headers, header);

    if (list == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    t->headers = list;

    return NGX_DEPLOY_OK;
}


/* redirects, cookies, .netrc and HTTP/0.9 are off by default */

static int
ngx_deploy_work_http_options(ngx_deploy_work_transfer_t *t,
    const ngx_deploy_work_request_t *request)
{
    CURL        *easy;
    unsigned     failed;
    const char  *bundle;

    easy = t->easy;
    bundle = ngx_deploy_work_env(t->ctx, NGX_DEPLOY_WORK_CA_BUNDLE);

    failed = curl_easy_setopt(easy, CURLOPT_URL, request->url)
             || curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method)
             || curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")
             || curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                                 (long) CURL_HTTP_VERSION_1_1)
             || curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L)
             || curl_easy_setopt(easy, CURLOPT_USERAGENT, "ngx_deploy_module")
             || curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error)
             || curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                                 ngx_deploy_work_http_write)
             || curl_easy_setopt(easy, CURLOPT_WRITEDATA, t)

             /* in a thread: no signals, no wait for a name server */

             || curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L)
             || curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L)

             /* with a directory the certificates are not kept in memory */

             || curl_easy_setopt(easy, CURLOPT_CAPATH, NULL)
             || curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                                 (long) CURL_SSLVERSION_TLSv1_2);

    if (bundle) {
        failed = failed || curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
    }

    if (request->direct) {
        failed = failed || curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }

    if (request->body) {
        failed = failed
                 || curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE,
                                     (long) request->body->len)
                 || curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                     request->body->len
                                     ? (char *) request->body->data : "");
    }

    return failed ? NGX_DEPLOY_ERROR : NGX_DEPLOY_OK;
}


/* curl_easy_perform() would look at the flag once in a second only */

static int
ngx_deploy_work_http_run(ngx_deploy_work_transfer_t *t)
{
    int         running, n;
    CURLM      *multi;
    CURLMsg    *msg;
    CURLMcode   rc;

    multi = t->ctx->http->multi;

    rc = curl_multi_add_handle(multi, t->easy);

    while (rc == CURLM_OK) {
        rc = curl_multi_perform(multi, &running);

        if (rc != CURLM_OK || running == 0) {
            break;
        }

        if (ngx_deploy_work_left(t->ctx) == 0) {
            return ngx_deploy_work_fail(t->ctx, 1, "no time is left");
        }

        rc = curl_multi_poll(multi, NULL, 0, NGX_DEPLOY_WORK_HTTP_TICK, NULL);
    }

    if (rc == CURLM_OK) {

        while ((msg = curl_multi_info_read(multi, &n)) != NULL) {

            if (msg->msg == CURLMSG_DONE && msg->easy_handle == t->easy) {
                return ngx_deploy_work_http_done(t, msg->data.result);
            }
        }
    }

    return ngx_deploy_work_fail(t->ctx, 1, "libcurl failed: %s",
                                curl_multi_strerror(rc));
}


static size_t
ngx_deploy_work_http_write(char *p, size_t size, size_t n, void *data)
{
    ngx_deploy_work_transfer_t *t = data;

    ngx_deploy_str_t  *body;

    body = &t->reply->body;
    size *= n;

    if (size > NGX_DEPLOY_CREDENTIALS_MAX_REPLY - body->len) {
        t->overflow = 1;
        return 0;
    }

    memcpy(body->data + body->len, p, size);
    body->len += size;

    return size;
}


static int
ngx_deploy_work_http_done(ngx_deploy_work_transfer_t *t, CURLcode code)
{
    long                      status;
    char                     *p;
    const char               *text;
    struct curl_header       *date;
    ngx_deploy_work_reply_t  *reply;

    reply = t->reply;

    if (code == CURLE_OK) {
        status = 0;

        (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);

        reply->status = (unsigned) status;

        if (curl_easy_header(t->easy, "Date", 0, CURLH_HEADER, -1, &date)
            == CURLHE_OK)
        {
            reply->date = curl_getdate(date->value, NULL);

            if (reply->date == -1) {
                reply->date = 0;
            }
        }

        return NGX_DEPLOY_OK;
    }

    reply->fault = ngx_deploy_work_http_fault(code);

    text = t->error[0] ? t->error : curl_easy_strerror(code);

    if (t->overflow) {
        text = "the answer is too long";
    }

    if (strlen(text) >= sizeof(reply->text)) {
        t->error[sizeof(reply->text) - 1] = '\0';
    }

    memcpy(reply->text, text, strlen(text) + 1);

    for (p = reply->text; *p; p++) {
        if (*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }

    return NGX_DEPLOY_DECLINED;
}


static ngx_deploy_work_fault_e
ngx_deploy_work_http_fault(CURLcode code)
{
    switch (code) {

    case CURLE_OPERATION_TIMEDOUT:
        return NGX_DEPLOY_WORK_HTTP_TIMEOUT;

    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return NGX_DEPLOY_WORK_HTTP_UNREACHABLE;

    default:
        return NGX_DEPLOY_WORK_HTTP_BROKEN;
    }
}
