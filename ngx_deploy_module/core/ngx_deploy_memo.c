
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_memo.h"


#define NGX_DEPLOY_MEMO_TEXTS  5
#define NGX_DEPLOY_MEMO_HEAD   13
#define NGX_DEPLOY_MEMO_TEXT   255


size_t
ngx_deploy_memo_write(u_char *dst, size_t size, const ngx_deploy_memo_t *memo)
{
    size_t                   i, len[NGX_DEPLOY_MEMO_TEXTS], total;
    u_char                  *p;
    uint64_t                 number;
    const ngx_deploy_str_t  *text[NGX_DEPLOY_MEMO_TEXTS];

    text[0] = &memo->project;
    text[1] = &memo->id;
    text[2] = &memo->error;
    text[3] = &memo->message;
    text[4] = &memo->reason;

    total = NGX_DEPLOY_MEMO_HEAD + NGX_DEPLOY_MEMO_TEXTS;

    for (i = 0; i < NGX_DEPLOY_MEMO_TEXTS; i++) {
        len[i] = ngx_deploy_utf8_cut(text[i]->data, text[i]->len,
                                     NGX_DEPLOY_MEMO_TEXT);
        total += len[i];
    }

    if (total > size) {
        return 0;
    }

    p = dst;

    *p++ = (u_char) memo->state;
    *p++ = (u_char) (memo->event >> 8);
    *p++ = (u_char) memo->event;
    *p++ = (u_char) (memo->retry_after >> 8);
    *p++ = (u_char) memo->retry_after;

    number = (uint64_t) memo->number;

    for (i = 0; i < 8; i++) {
        *p++ = (u_char) (number >> (8 * i));
    }

    for (i = 0; i < NGX_DEPLOY_MEMO_TEXTS; i++) {
        *p++ = (u_char) len[i];

        if (len[i]) {
            memcpy(p, text[i]->data, len[i]);
            p += len[i];
        }
    }

    return total;
}


size_t
ngx_deploy_memo_read(const u_char *p, size_t size, ngx_deploy_memo_t *memo)
{
    size_t             i, len;
    uint64_t           number;
    const u_char      *start, *last;
    ngx_deploy_str_t  *text[NGX_DEPLOY_MEMO_TEXTS];

    text[0] = &memo->project;
    text[1] = &memo->id;
    text[2] = &memo->error;
    text[3] = &memo->message;
    text[4] = &memo->reason;

    if (size < NGX_DEPLOY_MEMO_HEAD) {
        return 0;
    }

    start = p;
    last = p + size;

    memo->state = p[0];
    memo->event = ((unsigned) p[1] << 8) | p[2];
    memo->retry_after = ((unsigned) p[3] << 8) | p[4];

    number = 0;

    for (i = 0; i < 8; i++) {
        number |= (uint64_t) p[5 + i] << (8 * i);
    }

    memo->number = (int64_t) number;

    p += NGX_DEPLOY_MEMO_HEAD;

    for (i = 0; i < NGX_DEPLOY_MEMO_TEXTS; i++) {

        if (p == last) {
            return 0;
        }

        len = *p++;

        if (len > (size_t) (last - p)) {
            return 0;
        }

        text[i]->len = len;
        text[i]->data = len ? (u_char *) p : NULL;

        p += len;
    }

    return p - start;
}
