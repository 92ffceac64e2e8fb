
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_page.h"


#define NGX_DEPLOY_PAGE_MAX  2048


/* what follows the address of a repository; NULL: there is no such page */

typedef struct {
    const char           *provider;
    const char           *marker;      /* in front of the last name of repo */
    const char           *branch;
    const char           *tag;
    const char           *commit;
    unsigned              senders;     /* are found at the root */
} ngx_deploy_page_sender_t;


static size_t ngx_deploy_page_find(const ngx_deploy_str_t *url,
    const ngx_deploy_str_t *repo, const char *marker, size_t *root);
static int ngx_deploy_page_join(ngx_deploy_pool_t *pool,
    const ngx_deploy_str_t *base, const char *path,
    const ngx_deploy_str_t *name, ngx_deploy_str_t *url);
static unsigned ngx_deploy_page_plain(u_char ch);


static const ngx_deploy_page_sender_t  ngx_deploy_page_senders[] = {

    { "github", NULL, "/tree/", "/releases/tag/", "/commit/", 1 },

    { "gitlab", NULL, "/-/tree/", "/-/tags/", "/-/commit/", 1 },

    { "bitbucket", NULL, "/branch/", "/commits/tag/", "/commits/", 0 },

    { "bitbucket-server", "/repos/", "/browse?at=refs/heads/",
      "/browse?at=refs/tags/", "/commits/", 0 },

    { "gitea", NULL, "/src/branch/", "/src/tag/", "/commit/", 1 },

    { "forgejo", NULL, "/src/branch/", "/src/tag/", "/commit/", 1 },

    { "gogs", NULL, "/src/", "/src/", "/commit/", 1 },

    { "azure-devops", "/_git/", "?version=GB", "?version=GT", "/commit/", 0 },

    { NULL, NULL, NULL, NULL, NULL, 0 }
};


int
ngx_deploy_page(ngx_deploy_pool_t *pool, const ngx_deploy_event_t *event,
    ngx_deploy_page_e page, ngx_deploy_str_t *url)
{
    size_t                           end, root;
    const char                      *path;
    ngx_deploy_str_t                 base;
    const ngx_deploy_str_t          *facts, *name;
    const ngx_deploy_page_sender_t  *sender;

    url->len = 0;
    url->data = NULL;

    facts = event->facts;

    for (sender = ngx_deploy_page_senders; sender->provider; sender++) {
        if (ngx_deploy_str_is(&facts[NGX_DEPLOY_PROVIDER], sender->provider)) {
            break;
        }
    }

    if (sender->provider == NULL) {
        return NGX_DEPLOY_OK;
    }

    end = ngx_deploy_page_find(&facts[NGX_DEPLOY_URL],
                               &facts[NGX_DEPLOY_REPO], sender->marker,
                               &root);
    if (end == 0) {
        return NGX_DEPLOY_OK;
    }

    base.len = end;
    base.data = facts[NGX_DEPLOY_URL].data;
    name = NULL;

    switch (page) {

    case NGX_DEPLOY_PAGE_BRANCH:
        path = sender->branch;
        name = &facts[NGX_DEPLOY_BRANCH];
        break;

    case NGX_DEPLOY_PAGE_TAG:
        path = sender->tag;
        name = &facts[NGX_DEPLOY_TAG];
        break;

    case NGX_DEPLOY_PAGE_COMMIT:
        path = sender->commit;
        name = &facts[NGX_DEPLOY_COMMIT];
        break;

    case NGX_DEPLOY_PAGE_SENDER:

        if (!sender->senders) {
            return NGX_DEPLOY_OK;
        }

        path = "/";
        name = &facts[NGX_DEPLOY_SENDER];
        base.len = root;
        break;

    default: /* NGX_DEPLOY_PAGE_REPO */
        *url = base;
        return NGX_DEPLOY_OK;
    }

    if (name->len == 0) {
        return NGX_DEPLOY_OK;
    }

    return ngx_deploy_page_join(pool, &base, path, name, url);
}


/*
 * The length of the address of the repository in the address of one of its
 * pages, 0 when it is not found: "https://host/acme/api" of
 * "https://host/acme/api/pull/1".  *root is that of what is in front of it.
 */

static size_t
ngx_deploy_page_find(const ngx_deploy_str_t *url,
    const ngx_deploy_str_t *repo, const char *marker, size_t *root)
{
    size_t         i, len, before;
    const u_char  *name;

    if (repo->len == 0
        || (!ngx_deploy_str_starts(url, "https://")
            && !ngx_deploy_str_starts(url, "http://")))
    {
        return 0;
    }

    name = repo->data;
    len = repo->len;

    if (marker) {
        for (i = 0; i < repo->len; i++) {
            if (repo->data[i] == '/') {
                name = repo->data + i + 1;
                len = repo->len - i - 1;
            }
        }

    } else {
        marker = "/";
    }

    before = strlen(marker);

    /* after the host, which a repository may be named as */

    for (i = sizeof("https://") - 1; i < url->len && url->data[i] != '/'; i++)
    {
        /* void */
    }

    for ( /* void */ ; i < url->len && before + len <= url->len - i; i++) {

        if (memcmp(url->data + i, marker, before) == 0
            && memcmp(url->data + i + before, name, len) == 0
            && (i + before + len == url->len
                || strchr("/?#", url->data[i + before + len])))
        {
            *root = i;

            return len ? i + before + len : 0;
        }
    }

    return 0;
}


static int
ngx_deploy_page_join(ngx_deploy_pool_t *pool, const ngx_deploy_str_t *base,
    const char *path, const ngx_deploy_str_t *name, ngx_deploy_str_t *url)
{
    size_t         i;
    u_char        *p;
    static u_char  hex[] = "0123456789ABCDEF";

    /* longer ones are no links for people */

    if (base->len + strlen(path) + 3 * name->len > NGX_DEPLOY_PAGE_MAX) {
        return NGX_DEPLOY_OK;
    }

    p = ngx_deploy_palloc(pool, base->len + strlen(path) + 3 * name->len);
    if (p == NULL) {
        return NGX_DEPLOY_ERROR;
    }

    url->data = p;

    memcpy(p, base->data, base->len);
    p += base->len;

    memcpy(p, path, strlen(path));
    p += strlen(path);

    for (i = 0; i < name->len; i++) {

        if (ngx_deploy_page_plain(name->data[i])) {
            *p++ = name->data[i];
            continue;
        }

        *p++ = '%';
        *p++ = hex[name->data[i] >> 4];
        *p++ = hex[name->data[i] & 0xf];
    }

    url->len = p - url->data;

    return NGX_DEPLOY_OK;
}


static unsigned
ngx_deploy_page_plain(u_char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
           || (ch >= '0' && ch <= '9')
           || (ch != '\0' && strchr("-._~/", ch) != NULL);
}
