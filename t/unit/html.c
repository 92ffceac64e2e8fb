
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_html.h"
#include "ngx_deploy_tap.h"


#define BRANCH  "feature/<script>alert(1)</script>\\\" onload='x' "           \
                "\\u0007\\u202e\\u2066\\u061c&amp;"

#define SHOWN   "feature/&lt;script&gt;alert(1)&lt;/script&gt;&quot; "        \
                "onload=&#39;x&#39; \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"     \
                "\xef\xbf\xbd&amp;amp;"

#define HEAD    "{\"version\":\"0.1.0\",\"nginx\":\"1.22.1\","                \
                "\"store\":{\"works\":true,\"queued\":1,\"starting\":0,"      \
                "\"oldest_ms\":90000,\"size_bytes\":4096},"

#define TAIL    "\"credentials\":[{\"source\":\"chain\",\"valid\":true,"      \
                "\"found\":\"the environment\"}],"                            \
                "\"counters\":{\"scope\":\"worker\","                         \
                "\"since\":\"2026-11-25T01:00:00Z\","                         \
                "\"deliveries\":{\"started\":7},"                             \
                "\"requests\":[{\"provider\":\"github\","                     \
                "\"verify\":\"mismatch\",\"count\":3}],"                      \
                "\"answer\":{\"count\":4,\"sum_ms\":200,\"buckets\":"         \
                "{\"0.005\":1,\"0.05\":3,\"0.1\":4,\"0.25\":4,\"+Inf\":4}},"  \
                "\"secrets\":[{\"server\":\"\",\"location\":\"/hook\","       \
                "\"scheme\":\"github\",\"line\":2,\"count\":5,"               \
                "\"last_used\":\"2026-11-25T01:00:00Z\"}]}}"

#define BUILD   "{\"project\":\"api\",\"status\":\"failed\",\"event\":0,"     \
                "\"run\":1,\"since\":\"2026-11-25T01:00:01.000Z\","           \
                "\"after_ms\":1250,\"attempts\":2,"                           \
                "\"error\":\"AccessDenied\",\"message\":\"<b>no</b>\","       \
                "\"url\":\"javascript:alert(1)\",\"tries\":["                 \
                "{\"n\":1,\"at\":\"2026-11-25T01:00:00.000Z\",\"ms\":300,"    \
                "\"error\":\"Throttled\"},"                                   \
                "{\"n\":2,\"at\":\"2026-11-25T01:00:01.000Z\",\"ms\":90,"     \
                "\"status\":400,\"error\":\"AccessDenied\"}]}"

#define RULES   "[{\"project\":\"api\",\"line\":7,\"event\":0,"               \
                "\"failed\":\"branch\",\"want\":\"main\",\"got\":\"dev\"},"   \
                "{\"project\":\"web\",\"line\":8,\"event\":0,"                \
                "\"failed\":\"branch\",\"want_not\":\"dev\",\"got\":\"dev\"},"\
                "{\"project\":\"doc\",\"line\":9,\"event\":0,"                \
                "\"failed\":\"tag\",\"want\":\"v*\"},"                        \
                "{\"project\":\"all\",\"line\":10,\"event\":0,"               \
                "\"matched\":true}]"

#define DELIVERY  "{\"delivery\":\"a b&c\",\"status\":\"failed\","            \
                  "\"received\":\"2026-11-25T01:00:00.000Z\","                \
                  "\"provider\":\"github\",\"scheme\":\"github\","            \
                  "\"location\":\"/hook\",\"events\":[{\"event\":\"push\","   \
                  "\"repo\":\"acme/api\",\"branch\":\"" BRANCH "\","          \
                  "\"url\":\"https://example.com/?a=1&b=\\\"2\\\"\","         \
                  "\"forced\":false,\"paths\":[\"a.c\",\"<i>\"],"             \
                  "\"paths_complete\":false}],"                               \
                  "\"builds\":[" BUILD "],\"rules\":" RULES "}"


static ngx_deploy_html_view_t  view;
static char                   *page;


static void
make(const char *text)
{
    const char         *reason;
    ngx_deploy_str_t    out;
    ngx_deploy_json_t  *json;

    free(page);
    page = NULL;

    json = ngx_deploy_json_parse((u_char *) text, strlen(text), 65536,
                                 &reason);

    ok(json != NULL, "a document");

    if (ngx_deploy_html_page(tap_pool(), json, &view, &out)
        == NGX_DEPLOY_OK)
    {
        page = malloc(out.len + 1);
        memcpy(page, out.data, out.len);
        page[out.len] = '\0';
    }

    ngx_deploy_json_free(json);
}


static void
has(const char *text)
{
    ok(page && strstr(page, text) != NULL, "has %s", text);
}


static void
has_not(const char *text)
{
    ok(page && strstr(page, text) == NULL, "has no %s", text);
}


static void
test_overview(void)
{
    view.action = tap_str("");

    make(HEAD "\"active\":1,\"filter\":{\"limit\":50,\"project\":"
         "\"\\\"><script>\",\"status\":\"timed_out\"},"
         "\"deliveries\":[" DELIVERY "],\"projects\":["
         "{\"project\":\"api\",\"status\":\"started\",\"number\":12,"
         "\"url\":\"https://console.aws/?x=1&y=2\",\"delivery\":\"1/2\","
         "\"since\":\"2026-11-25T01:00:00.000Z\","
         "\"build_status\":\"in_progress\"}],\"queue\":["
         "{\"project\":\"web\",\"status\":\"queued\",\"attempts\":3,"
         "\"due\":\"2026-11-25T01:00:09.000Z\",\"error\":\"Throttled\"}],"
         TAIL);

    has("<!DOCTYPE html>");
    has(SHOWN);
    has_not("<script");
    has_not("javascript:");
    has_not("\xe2\x80\xae");
    has("href=\"?delivery=a%20b%26c\"");
    has("href=\"?delivery=1%2F2\"");
    has("href=\"https://console.aws/?x=1&amp;y=2\"");
    has("value=\"&quot;&gt;&lt;script&gt;\"");
    has("<option value=\"timed_out\" selected>");
    has("<span class=\"badge bad\">failed</span>");
    has("<span class=\"badge wait\">in progress</span>");
    has("1 queued, 0 being started, the oldest waits for 1 min 30 s");
    has("the environment");
    has("of the worker that answers alone");
    has("data-label=\"Half within\"><div>50 ms</div>");
    has("data-label=\"95% within\"><div>100 ms</div>");
    has("data-label=\"Took\"><div>1.2 s</div>");
    has("never");

    make(HEAD "\"active\":0,\"filter\":{\"limit\":50},\"deliveries\":[],"
         "\"projects\":[],\"queue\":[]," TAIL);

    has("There are none.");
    has("Nothing is waiting.");

    make("{\"store\":{\"works\":false}," TAIL);

    has("The store does not work");
    has_not("id=\"deliveries\"");

    make("{" TAIL);

    has("There is no <code>deploy_store</code>");
    has("id=\"counters\"");
    has_not("id=\"queue\"");

    make("{}");
    has("Nothing needs any.");
    has("</html>");
}


static void
test_delivery(void)
{
    view.action = tap_str("/deploys/redeliver");

    make(HEAD "\"filter\":{\"delivery\":\"a b&c\"},\"deliveries\":["
         DELIVERY "]," TAIL);

    has("<h1>Delivery <bdi>a b&amp;c</bdi></h1>");
    has(SHOWN);
    has_not("<script");
    has_not("javascript:");
    has_not("<i>");
    has_not("<b>");
    has("href=\"https://example.com/?a=1&amp;b=&quot;2&quot;\"");
    has("line 7</th>");
    has("<code><bdi>branch</bdi></code> is <code><bdi>dev</bdi></code>, the "
        "rule wants <code><bdi>main</bdi></code>");
    has("the rule wants anything but <code><bdi>dev</bdi></code>");
    has("<code><bdi>tag</bdi></code> is not told by the event, the rule wants "
        "<code><bdi>v*</bdi></code>");
    has("all conditions hold");
    has("the list is not complete");
    has("Attempts at <bdi>api</bdi>, run 1");
    has("no answer");
    has("<form method=\"post\" "
        "action=\"/deploys/redeliver?delivery=a%20b%26c\">");

    view.action = tap_str("");

    make(HEAD "\"filter\":{\"delivery\":\"a b&c\"},\"deliveries\":["
         DELIVERY "]," TAIL);

    has_not("<form");

    make(HEAD "\"filter\":{\"delivery\":\"x\"},\"deliveries\":[]," TAIL);

    has("No such delivery");

    make(HEAD "\"filter\":{\"build\":\"x\"},\"deliveries\":[{\"delivery\":"
         "\"1\",\"status\":\"ignored\",\"events\":[{\"event\":\"ping\"}],"
         "\"builds\":[],\"rules\":" RULES "}]," TAIL);

    has("Nothing was started: no rule of its location matched.");
}


static void
test_policy(void)
{
    ngx_deploy_str_t  policy;

    ok(ngx_deploy_html_policy(tap_pool(), &policy) == NGX_DEPLOY_OK,
       "a policy");
    ok(ngx_deploy_str_starts(&policy, "default-src 'none'; "
                             "style-src 'sha256-"), "which allows nothing");
    is_int(policy.data[policy.len], 0, "as a header's value");
}


static void
test_memory(void)
{
    long                n;
    const char         *reason;
    ngx_deploy_str_t    out;
    ngx_deploy_json_t  *json;

    static const char  text[] = HEAD "\"filter\":{},\"deliveries\":["
                                DELIVERY "]," TAIL;

    json = ngx_deploy_json_parse((u_char *) text, sizeof(text) - 1, 65536,
                                 &reason);

    for (n = 0; n < 50; n++) {
        tap_alloc_left = n;

        if (ngx_deploy_html_page(tap_pool(), json, &view, &out)
            == NGX_DEPLOY_OK)
        {
            break;
        }
    }

    ok(n > 0 && n < 50, "memory that is short is told");

    tap_alloc_left = -1;

    ngx_deploy_json_free(json);
}


int
main(void)
{
    view.now = 1764032461000LL;

    test_overview();
    test_delivery();
    test_policy();
    test_memory();

    free(page);

    return plan_done();
}
