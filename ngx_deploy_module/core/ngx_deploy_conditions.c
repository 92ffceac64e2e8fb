
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_rule.h"


int
ngx_deploy_conditions_parse(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *texts, size_t n, unsigned dflt,
    ngx_deploy_condition_t **conditions, size_t *nconditions, size_t *bad,
    const char **reason)
{
    int                      rc;
    size_t                   i;
    unsigned                 on;
    ngx_deploy_condition_t  *c, one;

    c = ngx_deploy_palloc(pool, (n + 1) * sizeof(ngx_deploy_condition_t));
    if (c == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    *conditions = c;

    ngx_deploy_condition_default(c);
    c->on = dflt;

    on = 0;

    for (i = 0; i < n; i++) {

        *reason = "is invalid";
        *bad = i;

        rc = ngx_deploy_condition_parse(&one, pool, &texts[i], reason);

        if (rc != NGX_DEPLOY_OK) {
            return rc;
        }

        if (one.type != NGX_DEPLOY_KEY_ON) {
            *++c = one;
            continue;
        }

        if (on++) {
            *reason = "is duplicate";
            return NGX_DEPLOY_DECLINED;
        }

        **conditions = one;
    }

    *nconditions = c + 1 - *conditions;

    return NGX_DEPLOY_OK;
}
