
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_sts.h"
#include "ngx_deploy_tap.h"


/*
 * One byte of the source, then its text; for a reply of STS, JSON or XML, a
 * byte of status before that.  Keys that are accepted are fit for headers,
 * errors for logs.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_printable(const ngx_deploy_str_t *s, size_t max, u_char first)
{
    size_t  i;

    fuzz_check(s->len <= max);

    for (i = 0; i < s->len; i++) {
        fuzz_check(s->data[i] >= first && s->data[i] < 0x7f);
    }
}


static void
fuzz_reply(const ngx_deploy_credentials_reply_t *reply, int found,
    int temporary)
{
    const ngx_deploy_credentials_t  *c;

    c = &reply->credentials;

    fuzz_printable(&reply->code, NGX_DEPLOY_CREDENTIALS_MAX_CODE, '-');
    fuzz_printable(&reply->message, NGX_DEPLOY_CREDENTIALS_MAX_MESSAGE, ' ');

    if (!found) {
        return;
    }

    fuzz_check(reply->code.len == 0);
    fuzz_check(c->access_key_id.len && c->secret_access_key.len);
    fuzz_printable(&c->access_key_id, NGX_DEPLOY_SIGV4_MAX_KEY_ID, '!');
    fuzz_printable(&c->secret_access_key, NGX_DEPLOY_SIGV4_MAX_SECRET, '!');
    fuzz_printable(&c->session_token, NGX_DEPLOY_CREDENTIALS_MAX_TOKEN, '!');
    fuzz_check(reply->expires >= 0 && reply->expires <= 253402300799);

    if (temporary) {
        fuzz_check(c->session_token.len && reply->expires);
    }
}


static void
fuzz_sts(const uint8_t *data, size_t size)
{
    unsigned                 status;
    ngx_deploy_str_t         text;
    ngx_deploy_sts_result_t  result;

    if (size == 0) {
        return;
    }

    status = (data[0] == 0) ? 200 : data[0] * 4;
    text = tap_copy(data + 1, size - 1);

    fuzz_check(ngx_deploy_sts_reply(tap_pool(), status, &text, &result)
               == NGX_DEPLOY_OK);

    if (result.class == NGX_DEPLOY_STS_OK) {
        fuzz_check(status == 200);

    } else {
        fuzz_check(result.reply.credentials.secret_access_key.data == NULL);
        fuzz_check(result.reply.code.len || result.reason);
    }

    fuzz_check(result.class <= NGX_DEPLOY_STS_SKEW);

    fuzz_reply(&result.reply, result.class == NGX_DEPLOY_STS_OK, 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                              rc;
    unsigned                         kind;
    const char                      *reason;
    ngx_deploy_str_t                 text;
    ngx_deploy_credentials_reply_t   reply;

    if (size == 0) {
        return 0;
    }

    kind = data[0] % 4;

    if (kind == NGX_DEPLOY_CREDENTIALS_STS) {
        fuzz_sts(data + 1, size - 1);

    } else {
        text = tap_copy(data + 1, size - 1);
        reason = NULL;

        rc = ngx_deploy_credentials_read(tap_pool(), kind, &text, &reply,
                                         &reason);

        fuzz_check(rc == NGX_DEPLOY_OK
                   || (rc == NGX_DEPLOY_DECLINED && reason));

        fuzz_reply(&reply, rc == NGX_DEPLOY_OK,
                   kind != NGX_DEPLOY_CREDENTIALS_PROCESS);
    }

    tap_pool_reset();

    return 0;
}
