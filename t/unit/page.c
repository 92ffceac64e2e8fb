
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_page.h"
#include "ngx_deploy_tap.h"


static ngx_deploy_event_t  event;


static void
set(const char *provider, const char *repo, const char *url)
{
    ngx_deploy_event_init(&event);

    event.facts[NGX_DEPLOY_PROVIDER] = tap_str(provider);
    event.facts[NGX_DEPLOY_REPO] = tap_copy(repo, strlen(repo));
    event.facts[NGX_DEPLOY_URL] = tap_copy(url, strlen(url));
    event.facts[NGX_DEPLOY_BRANCH] = tap_str("release/1.0");
    event.facts[NGX_DEPLOY_TAG] = tap_str("v1");
    event.facts[NGX_DEPLOY_COMMIT] = tap_str("abc123");
    event.facts[NGX_DEPLOY_SENDER] = tap_str("alice");
}


static void
test_page(ngx_deploy_page_e page, const char *want)
{
    ngx_deploy_str_t  url;

    if (ngx_deploy_page(tap_pool(), &event, page, &url) != NGX_DEPLOY_OK) {
        ok(0, "no error");
    }

    is_str(url, want, "%s, page %d: %s", event.facts[NGX_DEPLOY_PROVIDER].data,
           page, want ? want : "none");
}


static void
test_pages(const char *repo, const char *branch, const char *tag,
    const char *commit, const char *sender)
{
    test_page(NGX_DEPLOY_PAGE_REPO, repo);
    test_page(NGX_DEPLOY_PAGE_BRANCH, branch);
    test_page(NGX_DEPLOY_PAGE_TAG, tag);
    test_page(NGX_DEPLOY_PAGE_COMMIT, commit);
    test_page(NGX_DEPLOY_PAGE_SENDER, sender);
}


static void
test_senders(void)
{
    set("github", "acme/api", "https://github.com/acme/api/pull/42");
    test_pages("https://github.com/acme/api",
               "https://github.com/acme/api/tree/release/1.0",
               "https://github.com/acme/api/releases/tag/v1",
               "https://github.com/acme/api/commit/abc123",
               "https://github.com/alice");

    set("gitlab", "group/sub/api",
        "http://gitlab.lan/group/sub/api/-/merge_requests/1");
    test_pages("http://gitlab.lan/group/sub/api",
               "http://gitlab.lan/group/sub/api/-/tree/release/1.0",
               "http://gitlab.lan/group/sub/api/-/tags/v1",
               "http://gitlab.lan/group/sub/api/-/commit/abc123",
               "http://gitlab.lan/alice");

    set("bitbucket", "acme/api",
        "https://bitbucket.org/acme/api/pull-requests/2");
    test_pages("https://bitbucket.org/acme/api",
               "https://bitbucket.org/acme/api/branch/release/1.0",
               "https://bitbucket.org/acme/api/commits/tag/v1",
               "https://bitbucket.org/acme/api/commits/abc123", NULL);

    set("bitbucket-server", "~alice/api",
        "http://host:7990/bb/users/alice/repos/api/pull-requests/2");
    test_pages("http://host:7990/bb/users/alice/repos/api",
               "http://host:7990/bb/users/alice/repos/api"
               "/browse?at=refs/heads/release/1.0",
               "http://host:7990/bb/users/alice/repos/api"
               "/browse?at=refs/tags/v1",
               "http://host:7990/bb/users/alice/repos/api/commits/abc123",
               NULL);

    set("gitea", "acme/api", "http://localhost:3000/git/acme/api/pulls/2");
    test_pages("http://localhost:3000/git/acme/api",
               "http://localhost:3000/git/acme/api/src/branch/release/1.0",
               "http://localhost:3000/git/acme/api/src/tag/v1",
               "http://localhost:3000/git/acme/api/commit/abc123",
               "http://localhost:3000/git/alice");

    set("azure-devops", "web/api",
        "https://dev.azure.com/acme/web/_git/api/pullrequest/1");
    test_pages("https://dev.azure.com/acme/web/_git/api",
               "https://dev.azure.com/acme/web/_git/api"
               "?version=GBrelease/1.0",
               "https://dev.azure.com/acme/web/_git/api?version=GTv1",
               "https://dev.azure.com/acme/web/_git/api/commit/abc123",
               NULL);
}


static void
test_names(void)
{
    set("github", "acme/api", "https://github.com/acme/api");
    test_page(NGX_DEPLOY_PAGE_REPO, "https://github.com/acme/api");

    event.facts[NGX_DEPLOY_BRANCH] = tap_str("a#b?c&d <|>\xc3\xa9%");
    test_page(NGX_DEPLOY_PAGE_BRANCH, "https://github.com/acme/api/tree/"
              "a%23b%3Fc%26d%20%3C%7C%3E%C3%A9%25");

    event.facts[NGX_DEPLOY_BRANCH] = tap_str(NULL);
    test_page(NGX_DEPLOY_PAGE_BRANCH, NULL);

    set("github", "github.com/api", "https://github.com/github.com/api/pull");
    test_page(NGX_DEPLOY_PAGE_REPO, "https://github.com/github.com/api");
}


static void
test_none(void)
{
    char              name[1000];
    ngx_deploy_str_t  url;

    set("github", "acme/api", "https://github.com/acme/api-evil/pull/1");
    test_pages(NULL, NULL, NULL, NULL, NULL);

    set("github", "acme/api", "https://acme/api");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("github", "acme/api", "javascript://x/acme/api");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("github", "acme/api", "https://github.com/acme/ap");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("github", "", "https://github.com/acme/api");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("github", "acme/api", "");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("bitbucket-server", "A/", "http://host/projects/A/repos//x");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("aws", "acme/api", "https://github.com/acme/api");
    test_page(NGX_DEPLOY_PAGE_REPO, NULL);

    set("github", "acme/api", "https://github.com/acme/api");
    memset(name, '#', sizeof(name));
    event.facts[NGX_DEPLOY_BRANCH].data = (u_char *) name;
    event.facts[NGX_DEPLOY_BRANCH].len = sizeof(name);
    test_page(NGX_DEPLOY_PAGE_BRANCH, NULL);

    tap_pool_limit(0);
    is_int(ngx_deploy_page(tap_pool(), &event, NGX_DEPLOY_PAGE_COMMIT, &url),
           NGX_DEPLOY_ERROR, "no memory");
    tap_pool_limit(-1);
}


int
main(void)
{
    test_senders();
    test_names();
    test_none();

    return plan_done();
}
