
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tap.h"

#include "ngx_deploy_identity.h"


static ngx_deploy_str_t
identity(const char *scheme, const char *location, const char *body,
    size_t piece, unsigned form)
{
    size_t                    n, len;
    ngx_deploy_str_t          name;
    ngx_deploy_identity_t     id;
    static ngx_deploy_str_t   hex;
    static u_char             buf[NGX_DEPLOY_IDENTITY_LEN];

    name.data = (u_char *) location;
    name.len = strlen(location);

    hex.len = 0;
    hex.data = NULL;

    if (ngx_deploy_identity_begin(&id, scheme, &name, form) != NGX_DEPLOY_OK) {
        return hex;
    }

    for (len = strlen(body); len; len -= n, body += n) {

        n = len < piece ? len : piece;

        if (ngx_deploy_identity_update(&id, (u_char *) body, n)
            != NGX_DEPLOY_OK)
        {
            ngx_deploy_identity_free(&id);
            return hex;
        }
    }

    if (ngx_deploy_identity_end(&id, buf) == NGX_DEPLOY_OK) {
        hex.len = sizeof(buf);
        hex.data = buf;
    }

    ngx_deploy_identity_free(&id);
    ngx_deploy_identity_free(&id);

    return hex;
}


int
main(void)
{
    ngx_deploy_str_t  hex;

    /* printf 'github\0/hook\0{"a":1}' | sha256sum */

    static const char  want[] = "bd7bac9e795e00df3eb8c646190429e9"
                                "98dda052f4bdca58b067693b327c5ea8";

    hex = identity("github", "/hook", "{\"a\":1}", 100, 0);
    is_str(hex, want, "in one piece");

    hex = identity("github", "/hook", "{\"a\":1}", 1, 0);
    is_str(hex, want, "in many");

    hex = identity("gitlab", "/hook", "{\"a\":1}", 100, 0);
    ok(hex.len == 64 && memcmp(hex.data, want, 64) != 0, "another scheme");

    hex = identity("github", "/hook2", "{\"a\":1}", 100, 0);
    ok(hex.len == 64 && memcmp(hex.data, want, 64) != 0, "another location");

    hex = identity("github", "/hook", "{\"a\":2}", 100, 0);
    ok(hex.len == 64 && memcmp(hex.data, want, 64) != 0, "another body");

    hex = identity("github", "", "", 100, 0);
    ok(hex.len == 64, "nothing");

    hex = identity("github", "/hook", "payload=%7b%22a%22%3A1%7D", 100, 1);
    is_str(hex, want, "a form");

    hex = identity("github", "/hook", "payload=%7B%22a%22:1}", 1, 1);
    is_str(hex, want, "the same form in other bytes");

    hex = identity("github", "/hook", "payload=%7", 100, 1);
    ok(hex.len == 64, "a form that ends early is for others to refuse");

    hex = identity("github", "/hook", "payload=%zz", 100, 1);
    ok(hex.len == 0, "no form");

    return plan_done();
}
