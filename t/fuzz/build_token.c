
/*
 * Copyright (C) ngx_deploy_module authors
 */


#define _GNU_SOURCE

#include "ngx_deploy_build_token.h"
#include "ngx_deploy_codebuild.h"
#include "ngx_deploy_tap.h"


/*
 * A text that is taken for a token has a name of a project and an id that
 * could have been minted, and another MAC than ours unless it was.  A body
 * that is sealed holds no mask, and without a key no token.
 */


#define fuzz_check(cond)                                                      \
    if (!(cond)) {                                                            \
        fprintf(stderr, "%s line %d: " #cond "\n", __FILE__, __LINE__);       \
        abort();                                                              \
    }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const ngx_deploy_build_key_t  fuzz_key = { { 1, 2, 3 }, 1 };
static const ngx_deploy_build_key_t  fuzz_none;


static void
fuzz_seal(const ngx_deploy_build_claim_t *claim, const ngx_deploy_str_t *body)
{
    ngx_deploy_str_t  sealed, bare;

    fuzz_check(ngx_deploy_build_token_seal(tap_pool(), &fuzz_key,
                                           &claim->project, &claim->id, body,
                                           &sealed)
               == NGX_DEPLOY_OK);
    fuzz_check(ngx_deploy_build_token_seal(tap_pool(), &fuzz_none,
                                           &claim->project, &claim->id, body,
                                           &bare)
               == NGX_DEPLOY_OK);
    fuzz_check(sealed.len >= body->len && bare.len <= body->len);
    fuzz_check((sealed.len > body->len) == (bare.len < body->len));
    fuzz_check((sealed.data == body->data) == (bare.data == body->data));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                        rc;
    ngx_deploy_str_t           text, token;
    ngx_deploy_build_claim_t   claim;

    text = tap_copy(data, size);

    if (ngx_deploy_build_token_read(&text, &claim) != NGX_DEPLOY_OK) {
        claim.project = tap_str("api");
        claim.id = tap_str("0123456789abcdef0123456789abcdef"
                           "0123456789abcdef0123456789abcdef");
        fuzz_seal(&claim, &text);
        tap_pool_reset();

        return 0;
    }

    fuzz_check(ngx_deploy_codebuild_project_name(&claim.project)
               == NGX_DEPLOY_OK);
    fuzz_check(claim.id.len == NGX_DEPLOY_BUILD_TOKEN_ID);

    rc = ngx_deploy_build_token_verify(&fuzz_key, &claim);

    fuzz_check(ngx_deploy_build_token(tap_pool(), &fuzz_key, &claim.project,
                                      &claim.id, &token)
               == NGX_DEPLOY_OK);
    fuzz_check(token.len == text.len);
    fuzz_check(memcmp(token.data, text.data, token.len - 64) == 0);
    fuzz_check((strncasecmp((char *) token.data, (char *) text.data,
                            token.len) == 0)
               == (rc == NGX_DEPLOY_OK));

    fuzz_check(ngx_deploy_build_token_read(&token, &claim) == NGX_DEPLOY_OK
               && ngx_deploy_build_token_verify(&fuzz_key, &claim)
                  == NGX_DEPLOY_OK);

    tap_pool_reset();

    return 0;
}
