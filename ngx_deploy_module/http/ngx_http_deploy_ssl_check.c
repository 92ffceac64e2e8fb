
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_http_deploy_body.h"
#include "ngx_http_deploy_command.h"

#include "ngx_deploy_form.h"
#include "ngx_deploy_media.h"


/*
 * From time to time Slack looks at the certificate with a form that has
 * "ssl_check=1" and may not be signed.  It gets an empty answer, whatever
 * else is in it (DESIGN, section 10).
 */

#define NGX_HTTP_DEPLOY_SSL_CHECK_SIZE  4096


typedef struct {
    ngx_deploy_form_t    form;
    size_t               len;
    ngx_uint_t           one;
} ngx_http_deploy_ssl_check_t;


static ngx_int_t ngx_http_deploy_ssl_check_feed(void *data, u_char *p,
    size_t len);
static int ngx_http_deploy_ssl_check_value(void *data, const u_char *p,
    size_t len);


ngx_uint_t
ngx_http_deploy_ssl_check_asked(ngx_http_request_t *r,
    ngx_http_deploy_ctx_t *ctx)
{
    ngx_str_t                    value;
    ngx_uint_t                   i;
    ngx_deploy_verifier_t       *verifier;
    ngx_http_deploy_loc_conf_t  *dlcf;

    static ngx_str_t  signature = ngx_string("x-slack-signature");
    static ngx_str_t  content_type = ngx_string("content-type");

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_deploy_module);

    if (!dlcf->handler
        || ctx->verdict != NGX_DEPLOY_VERIFY_MISSING
        || r->headers_in.content_length_n < 0
        || r->headers_in.content_length_n > NGX_HTTP_DEPLOY_SSL_CHECK_SIZE
        || ngx_http_deploy_get_header(r, &signature, &value) != 0
        || ngx_http_deploy_get_header(r, &content_type, &value) != 1
        || ngx_deploy_media_type(&value) != NGX_DEPLOY_MEDIA_FORM)
    {
        return 0;
    }

    verifier = dlcf->verify->elts;

    for (i = 0; i < dlcf->verify->nelts; i++) {
        if (ngx_strcmp(verifier[i].name, "slack") == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_deploy_ssl_check(ngx_http_request_t *r)
{
    ngx_http_deploy_body_t       *body;
    ngx_http_deploy_ssl_check_t  *check;

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_body_t));
    if (body == NULL) {
        return NGX_ERROR;
    }

    check = ngx_pcalloc(r->pool, sizeof(ngx_http_deploy_ssl_check_t));
    if (check == NULL) {
        return NGX_ERROR;
    }

    ngx_deploy_form_init(&check->form, "ssl_check",
                         ngx_http_deploy_ssl_check_value, check);

    body->feed = ngx_http_deploy_ssl_check_feed;
    body->data = check;

    if (ngx_http_deploy_body_pass(r, body) != NGX_OK
        || ngx_deploy_form_end(&check->form) != NGX_DEPLOY_OK)
    {
        return NGX_DECLINED;
    }

    return (check->len == 1 && check->one) ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_deploy_ssl_check_feed(void *data, u_char *p, size_t len)
{
    ngx_http_deploy_ssl_check_t *check = data;

    return (ngx_deploy_form_feed(&check->form, p, len) == NGX_DEPLOY_OK)
           ? NGX_OK : NGX_DECLINED;
}


static int
ngx_http_deploy_ssl_check_value(void *data, const u_char *p, size_t len)
{
    ngx_http_deploy_ssl_check_t *check = data;

    check->len += len;
    check->one |= (len == 1 && *p == '1');

    return NGX_DEPLOY_OK;
}
