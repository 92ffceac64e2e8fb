
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_lookup.h"


#define NGX_DEPLOY_LOOKUP_PAGES  10


static int ngx_deploy_lookup_list(ngx_deploy_pool_t *pool,
    ngx_deploy_lookup_t *l, ngx_deploy_json_t *json,
    ngx_deploy_reply_t *reply);
static int ngx_deploy_lookup_builds(ngx_deploy_pool_t *pool,
    ngx_deploy_lookup_t *l, ngx_deploy_json_t *json,
    ngx_deploy_reply_t *reply);
static int ngx_deploy_lookup_match(ngx_deploy_lookup_t *l,
    ngx_deploy_json_t *build);
static ngx_deploy_str_t ngx_deploy_lookup_mark(ngx_deploy_json_t *env);
static int ngx_deploy_lookup_found(ngx_deploy_pool_t *pool,
    ngx_deploy_json_t *build, ngx_deploy_reply_t *reply);


int
ngx_deploy_lookup_body(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const ngx_deploy_str_t *body)
{
    int                 rc;
    const char         *reason;
    ngx_deploy_str_t    mark, version;
    ngx_deploy_json_t  *json;

    json = ngx_deploy_json_parse(body->data, body->len,
                                 NGX_DEPLOY_CODEBUILD_MAX_BODY, &reason);
    if (json == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    mark = ngx_deploy_lookup_mark(
                   ngx_deploy_json_get(json, "environmentVariablesOverride"));
    version = ngx_deploy_json_get_str(json, "sourceVersion");

    rc = NGX_DEPLOY_DECLINED;

    if (mark.len) {
        rc = ngx_deploy_pstrdup(pool, &l->mark, mark.data, mark.len);

        if (rc == NGX_DEPLOY_OK && version.len) {
            rc = ngx_deploy_pstrdup(pool, &l->version, version.data,
                                    version.len);
        }
    }

    ngx_deploy_json_free(json);

    return rc;
}


int
ngx_deploy_lookup_next(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const char **operation, ngx_deploy_str_t *body)
{
    int                 rc;
    size_t              i;
    ngx_deploy_json_t  *json, *ids;

    if (l->done || (l->listed && l->next == l->n && l->token.len == 0)) {
        return NGX_DEPLOY_DECLINED;
    }

    json = ngx_deploy_json_object();

    if (!l->listed || l->next == l->n) {
        *operation = "ListBuildsForProject";

        rc = ngx_deploy_json_set_str(json, "projectName", &l->project);

        if (l->token.len) {
            rc |= ngx_deploy_json_set_str(json, "nextToken", &l->token);
        }

    } else {
        *operation = "BatchGetBuilds";

        ids = ngx_deploy_json_array();
        rc = NGX_DEPLOY_OK;

        for (i = l->next;
             i < l->n && i < l->next + NGX_DEPLOY_LOOKUP_BATCH;
             i++)
        {
            rc |= ngx_deploy_json_append(ids, ngx_deploy_json_str(&l->ids[i]));
        }

        rc |= ngx_deploy_json_set(json, "ids", ids);
    }

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, pool, body);
    }

    ngx_deploy_json_free(json);

    return (rc == NGX_DEPLOY_OK) ? NGX_DEPLOY_OK : NGX_DEPLOY_ERROR;
}


int
ngx_deploy_lookup_reply(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    const u_char *p, size_t len, ngx_deploy_reply_t *reply)
{
    int                 rc;
    ngx_deploy_json_t  *json;

    memset(reply, 0, sizeof(ngx_deploy_reply_t));

    reply->class = NGX_DEPLOY_REPLY_TRANSIENT;
    reply->number = -1;

    json = ngx_deploy_json_parse(p, len, NGX_DEPLOY_CODEBUILD_MAX_REPLY,
                                 &reply->reason);
    if (json == NULL) {
        return NGX_DEPLOY_DECLINED;
    }

    rc = (!l->listed || l->next == l->n)
         ? ngx_deploy_lookup_list(pool, l, json, reply)
         : ngx_deploy_lookup_builds(pool, l, json, reply);

    ngx_deploy_json_free(json);

    return rc;
}


static int
ngx_deploy_lookup_list(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    ngx_deploy_json_t *json, ngx_deploy_reply_t *reply)
{
    ngx_deploy_str_t    s;
    ngx_deploy_json_t  *ids, *id;

    ids = ngx_deploy_json_get(json, "ids");

    if (ids == NULL) {
        reply->reason = "reply has no ids";
        return NGX_DEPLOY_DECLINED;
    }

    l->n = 0;
    l->next = 0;

    while (l->n < NGX_DEPLOY_LOOKUP_IDS
           && (id = ngx_deploy_json_at(ids, l->n)) != NULL)
    {
        s = ngx_deploy_json_get_str(id, NULL);

        if (s.len == 0) {
            reply->reason = "reply has an id that is none";
            return NGX_DEPLOY_DECLINED;
        }

        if (ngx_deploy_pstrdup(pool, &l->ids[l->n++], s.data, s.len)
            != NGX_DEPLOY_OK)
        {
            return NGX_DEPLOY_ERROR;
        }
    }

    s = ngx_deploy_json_get_str(json, "nextToken");

    if (s.len == 0 || ++l->pages == NGX_DEPLOY_LOOKUP_PAGES) {
        memset(&l->token, 0, sizeof(ngx_deploy_str_t));

    } else if (ngx_deploy_pstrdup(pool, &l->token, s.data, s.len)
               != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    l->listed = 1;

    return NGX_DEPLOY_AGAIN;
}


static int
ngx_deploy_lookup_builds(ngx_deploy_pool_t *pool, ngx_deploy_lookup_t *l,
    ngx_deploy_json_t *json, ngx_deploy_reply_t *reply)
{
    size_t              i;
    int64_t             start;
    ngx_deploy_json_t  *builds, *build;

    builds = ngx_deploy_json_get(json, "builds");

    if (builds == NULL) {
        reply->reason = "reply has no builds";
        return NGX_DEPLOY_DECLINED;
    }

    for (i = 0; (build = ngx_deploy_json_at(builds, i)) != NULL; i++) {

        start = ngx_deploy_json_get_int(build, "startTime", 0);

        if (start && start < l->since - NGX_DEPLOY_LOOKUP_SKEW) {

            /* the others of the list are older still */

            l->done = 1;
            continue;
        }

        if (ngx_deploy_lookup_match(l, build)) {
            return ngx_deploy_lookup_found(pool, build, reply);
        }
    }

    l->next += NGX_DEPLOY_LOOKUP_BATCH;

    if (l->next > l->n) {
        l->next = l->n;
    }

    return NGX_DEPLOY_AGAIN;
}


static int
ngx_deploy_lookup_match(ngx_deploy_lookup_t *l, ngx_deploy_json_t *build)
{
    size_t              i;
    ngx_deploy_str_t    id, mark, version;
    ngx_deploy_json_t  *env;

    env = ngx_deploy_json_get(build, "environment");
    mark = ngx_deploy_lookup_mark(ngx_deploy_json_get(env,
                                                     "environmentVariables"));

    if (!ngx_deploy_str_eq(&mark, &l->mark)) {
        return 0;
    }

    version = ngx_deploy_json_get_str(build, "sourceVersion");

    if (l->version.len && !ngx_deploy_str_eq(&version, &l->version)) {
        return 0;
    }

    id = ngx_deploy_json_get_str(build, "id");

    for (i = 0; i < l->nothers; i++) {
        if (ngx_deploy_str_eq(&id, &l->others[i])) {
            return 0;
        }
    }

    return 1;
}


/* the value of DEPLOY_DELIVERY in a list of variables */

static ngx_deploy_str_t
ngx_deploy_lookup_mark(ngx_deploy_json_t *env)
{
    size_t              i;
    ngx_deploy_str_t    name, value;
    ngx_deploy_json_t  *var;

    memset(&value, 0, sizeof(ngx_deploy_str_t));

    for (i = 0; env && (var = ngx_deploy_json_at(env, i)) != NULL; i++) {

        name = ngx_deploy_json_get_str(var, "name");

        if (ngx_deploy_str_is(&name, NGX_DEPLOY_LOOKUP_MARK)) {
            value = ngx_deploy_json_get_str(var, "value");
        }
    }

    return value;
}


/* the build as a reply of StartBuild has it */

static int
ngx_deploy_lookup_found(ngx_deploy_pool_t *pool, ngx_deploy_json_t *build,
    ngx_deploy_reply_t *reply)
{
    int                 rc;
    ngx_deploy_str_t    id, arn, text, none;
    ngx_deploy_json_t  *json, *found;

    id = ngx_deploy_json_get_str(build, "id");
    arn = ngx_deploy_json_get_str(build, "arn");

    found = ngx_deploy_json_object();

    rc = ngx_deploy_json_set_str(found, "id", &id);
    rc |= ngx_deploy_json_set_str(found, "arn", &arn);
    rc |= ngx_deploy_json_set(found, "buildNumber",
                              ngx_deploy_json_int(
                                  ngx_deploy_json_get_int(build,
                                                          "buildNumber", -1)));
    json = ngx_deploy_json_object();

    rc |= ngx_deploy_json_set(json, "build", found);

    if (rc == NGX_DEPLOY_OK) {
        rc = ngx_deploy_json_dump(json, pool, &text);
    }

    ngx_deploy_json_free(json);

    memset(&none, 0, sizeof(ngx_deploy_str_t));

    if (rc != NGX_DEPLOY_OK
        || ngx_deploy_codebuild_reply(pool, 200, &none, text.data, text.len,
                                      1, reply)
           != NGX_DEPLOY_OK)
    {
        return NGX_DEPLOY_ERROR;
    }

    return (reply->class == NGX_DEPLOY_REPLY_STARTED) ? NGX_DEPLOY_OK
                                                      : NGX_DEPLOY_DECLINED;
}


int
ngx_deploy_lookup_other(ngx_deploy_lookup_t *l, const ngx_deploy_str_t *id)
{
    if (l->nothers == NGX_DEPLOY_LOOKUP_OTHERS) {
        return NGX_DEPLOY_DECLINED;
    }

    l->others[l->nothers++] = *id;

    memset(&l->token, 0, sizeof(ngx_deploy_str_t));

    l->n = 0;
    l->next = 0;
    l->pages = 0;
    l->listed = 0;
    l->done = 0;

    return NGX_DEPLOY_OK;
}
