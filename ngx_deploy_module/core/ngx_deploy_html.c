
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include <openssl/err.h>
#include <openssl/evp.h>

#include "ngx_deploy_html_writer.h"


static void ngx_deploy_html_begin(ngx_deploy_html_t *h, unsigned one);
static void ngx_deploy_html_overview(ngx_deploy_html_t *h);


static const char  ngx_deploy_html_style[] =

    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b2330;--mute:#566174;"
    "--line:#d5dbe5;--card:#f5f7fa;--link:#0b57d0;--ok:#0d6635;"
    "--bad:#b3261e;--wait:#7d4d00}\n"

    "@media (prefers-color-scheme:dark){:root{--bg:#12161d;--fg:#e4e8ef;"
    "--mute:#a2adbf;--line:#343d4b;--card:#1a202a;--link:#8ab4f8;"
    "--ok:#6fd39b;--bad:#ff9a92;--wait:#f3c16b}}\n"

    "*{box-sizing:border-box}\n"

    "body{margin:0;background:var(--bg);color:var(--fg);"
    "font:1rem/1.5 system-ui,sans-serif}\n"

    "header,main,footer{max-width:84rem;margin:0 auto;padding:0 1rem}\n"
    "h1{font-size:1.5rem;margin:1rem 0 .25rem;overflow-wrap:anywhere}\n"
    "h2{font-size:1.2rem;margin:2rem 0 .5rem}\n"
    "h3{font-size:1rem;margin:1.25rem 0 .25rem}\n"
    "p{margin:.25rem 0}\n"
    "a{color:var(--link)}\n"
    "a:focus-visible,button:focus-visible,input:focus-visible,"
    "select:focus-visible{outline:3px solid var(--link);"
    "outline-offset:2px}\n"
    "nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;"
    "margin:.5rem 0;padding:0}\n"
    ".mute{color:var(--mute)}\n"
    ".note{background:var(--card);border-left:.25rem solid var(--line);"
    "margin:.75rem 0;padding:.5rem .75rem}\n"

    "table{border-collapse:collapse;width:100%}\n"
    "caption{color:var(--mute);padding:.25rem 0;text-align:left}\n"
    "th,td{border-bottom:1px solid var(--line);overflow-wrap:anywhere;"
    "padding:.4rem .75rem .4rem 0;text-align:left;vertical-align:top}\n"
    "th[scope=col]{color:var(--mute);font-size:.85rem;overflow-wrap:normal}\n"
    "th[scope=row]{font-weight:600}\n"
    ".cards td div{min-width:7rem}\n"
    "td ul{list-style:none;margin:0;padding:0}\n"
    "td,dd{font-variant-numeric:tabular-nums}\n"
    "time{white-space:nowrap}\n"
    "code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}\n"

    ".badge{border:1px solid;border-radius:1rem;display:inline-block;"
    "font-size:.85rem;line-height:1.35;padding:0 .55rem;"
    "white-space:nowrap}\n"
    ".ok{color:var(--ok)}.bad{color:var(--bad)}.wait{color:var(--wait)}\n"

    "dl{display:grid;gap:.15rem 1rem;"
    "grid-template-columns:minmax(7rem,max-content) 1fr;margin:.5rem 0}\n"
    "dt{color:var(--mute)}dd{margin:0;overflow-wrap:anywhere}\n"

    "form{align-items:end;display:flex;flex-wrap:wrap;gap:.75rem;"
    "margin:.75rem 0}\n"
    "label{display:block;font-size:.85rem}\n"
    "input,select,button{background:var(--bg);border:1px solid var(--mute);"
    "border-radius:.35rem;color:inherit;display:block;font:inherit;"
    "max-width:100%;min-height:2.5rem;padding:.3rem .6rem}\n"
    "button{background:var(--card);cursor:pointer}\n"
    ".grid{display:grid;gap:0 2rem;"
    "grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr))}\n"
    "footer{color:var(--mute);font-size:.85rem;margin-top:2rem;"
    "padding-bottom:2rem}\n"

    /* a row becomes a card, its cells have the names of their columns */

    "@media (max-width:68rem){.cards,.cards caption,.cards tbody,.cards tr,"
    ".cards td,.cards th[scope=row]{display:block}\n"
    ".cards thead{clip-path:inset(50%);height:1px;overflow:hidden;"
    "position:absolute;width:1px}\n"
    ".cards tr{background:var(--card);border:1px solid var(--line);"
    "border-radius:.5rem;margin:.5rem 0;padding:.4rem .75rem}\n"
    ".cards td,.cards th[scope=row]{border:0;padding:.15rem 0}\n"
    ".cards td{display:grid;gap:.5rem;grid-template-columns:7rem 1fr}\n"
    ".cards td::before{color:var(--mute);content:attr(data-label);"
    "font-size:.85rem}\n"
    ".cards td div{min-width:0}}\n";


static const char *const  ngx_deploy_html_good[] = {
    "started", "succeeded", "sent", "valid", "matched", "success", NULL
};

static const char *const  ngx_deploy_html_bad[] = {
    "failed", "fault", "timed_out", "stopped", "refused", "rejected", "none",
    NULL
};

static const char *const  ngx_deploy_html_waiting[] = {
    "queued", "starting", "in_progress", "dry_run", NULL
};


int
ngx_deploy_html_page(ngx_deploy_pool_t *pool, ngx_deploy_json_t *json,
    const ngx_deploy_html_view_t *view, ngx_deploy_str_t *out)
{
    size_t              i;
    unsigned            one;
    ngx_deploy_html_t   h;
    ngx_deploy_json_t  *filter, *deliveries, *delivery;

    ngx_deploy_text_init(&h.text, pool);

    h.json = json;
    h.view = view;

    filter = ngx_deploy_json_get(json, "filter");
    deliveries = ngx_deploy_json_get(json, "deliveries");

    one = ngx_deploy_json_get(filter, "delivery")
          || ngx_deploy_json_get(filter, "build");

    ngx_deploy_html_begin(&h, one);

    if (one) {
        for (i = 0; /* void */ ; i++) {
            delivery = ngx_deploy_json_at(deliveries, i);

            if (delivery == NULL) {
                break;
            }

            ngx_deploy_html_delivery(&h, delivery);
        }

        if (i == 0) {
            ngx_deploy_html_put(&h, "<h1>No such delivery</h1>\n"
                                "<p>It was never here, or is older than "
                                "what the store keeps.</p>\n");
        }

    } else {
        ngx_deploy_html_overview(&h);
    }

    ngx_deploy_html_put(&h, "</main>\n<footer><p>ngx_deploy_module ");
    ngx_deploy_html_member(&h, json, "version");
    ngx_deploy_html_put(&h, ", nginx ");
    ngx_deploy_html_member(&h, json, "nginx");
    ngx_deploy_html_put(&h, ". All times are in UTC, it is ");
    ngx_deploy_text_time(&h.text, view->now, 0);
    ngx_deploy_html_put(&h, ".</p></footer>\n</body>\n</html>\n");

    return ngx_deploy_text_end(&h.text, out);
}


static void
ngx_deploy_html_begin(ngx_deploy_html_t *h, unsigned one)
{
    ngx_deploy_html_put(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                        "<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" "
                        "content=\"width=device-width, initial-scale=1\">\n");
    ngx_deploy_html_put(h, one ? "<title>Delivery</title>\n"
                               : "<title>Deployments</title>\n");
    ngx_deploy_html_put(h, "<style>");
    ngx_deploy_html_put(h, ngx_deploy_html_style);
    ngx_deploy_html_put(h, "</style>\n</head>\n<body>\n");

    if (one) {
        ngx_deploy_html_put(h, "<header><nav aria-label=\"Pages\"><ul>"
                            "<li><a href=\"?\">All deployments</a></li></ul>"
                            "</nav></header>\n<main>\n");
        return;
    }

    ngx_deploy_html_put(h, "<header><h1>Deployments</h1>\n"
                        "<nav aria-label=\"Sections\"><ul>"
                        "<li><a href=\"#deliveries\">Deliveries</a></li>"
                        "<li><a href=\"#projects\">Projects</a></li>"
                        "<li><a href=\"#numbers\">Numbers</a></li>"
                        "<li><a href=\"#queue\">Queue</a></li>"
                        "<li><a href=\"#credentials\">Credentials</a></li>"
                        "<li><a href=\"#counters\">Counters</a></li>"
                        "</ul></nav></header>\n<main>\n");
}


static void
ngx_deploy_html_overview(ngx_deploy_html_t *h)
{
    ngx_deploy_json_t  *store;

    store = ngx_deploy_json_get(h->json, "store");

    if (store == NULL) {
        ngx_deploy_html_put(h, "<p class=\"note\">There is no "
                            "<code>deploy_store</code>: deliveries, builds "
                            "and a queue are not kept, only what is counted "
                            "is shown.</p>\n");

    } else if (!ngx_deploy_json_get_bool(store, "works", 0)) {
        ngx_deploy_html_put(h, "<p class=\"note\" role=\"alert\">"
                            "<strong class=\"bad\">The store does not work"
                            "</strong>: deliveries with builds are not "
                            "accepted. The error log tells why.</p>\n");

    } else {
        ngx_deploy_html_filter(h);
        ngx_deploy_html_deliveries(h);
        ngx_deploy_html_projects(h);
        ngx_deploy_html_numbers(h);
        ngx_deploy_html_queue(h);
    }

    ngx_deploy_html_credentials(h);
    ngx_deploy_html_counters(h);
}


int
ngx_deploy_html_policy(ngx_deploy_pool_t *pool, ngx_deploy_str_t *out)
{
    u_char             digest[EVP_MAX_MD_SIZE], hash[4 * 11 + 1];
    unsigned           len;
    ngx_deploy_text_t  text;

    if (EVP_Digest(ngx_deploy_html_style, sizeof(ngx_deploy_html_style) - 1,
                   digest, &len, EVP_sha256(), NULL)
        != 1)
    {
        ERR_clear_error();
        return NGX_DEPLOY_ERROR;
    }

    (void) EVP_EncodeBlock(hash, digest, (int) len);

    ngx_deploy_text_init(&text, pool);

    ngx_deploy_text_put(&text, "default-src 'none'; style-src 'sha256-");
    ngx_deploy_text_put(&text, (char *) hash);
    ngx_deploy_text_put(&text, "'; form-action 'self'; base-uri 'none'; "
                        "frame-ancestors 'none'");

    /* a header's value ends with a NUL */

    ngx_deploy_text_add(&text, (u_char *) "", 1);

    if (ngx_deploy_text_end(&text, out) != NGX_DEPLOY_OK) {
        return NGX_DEPLOY_ERROR;
    }

    out->len--;

    return NGX_DEPLOY_OK;
}


void
ngx_deploy_html_put(ngx_deploy_html_t *h, const char *s)
{
    ngx_deploy_text_put(&h->text, s);
}


void
ngx_deploy_html_str(ngx_deploy_html_t *h, const ngx_deploy_str_t *s)
{
    ngx_deploy_html_put(h, "<bdi>");
    ngx_deploy_text_html(&h->text, s);
    ngx_deploy_html_put(h, "</bdi>");
}


void
ngx_deploy_html_member(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key)
{
    ngx_deploy_str_t  s;

    s = ngx_deploy_json_get_str(json, key);

    if (s.len) {
        ngx_deploy_html_str(h, &s);

    } else {
        ngx_deploy_html_put(h, "<span class=\"mute\">&ndash;</span>");
    }
}


void
ngx_deploy_html_number(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key)
{
    ngx_deploy_text_int(&h->text, ngx_deploy_json_get_int(json, key, 0));
}


/* "2026-11-25T03:10:00.125Z" and without milliseconds */

void
ngx_deploy_html_time(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key)
{
    ngx_deploy_str_t  s, part;

    s = ngx_deploy_json_get_str(json, key);

    if (s.len < 20) {
        ngx_deploy_html_member(h, json, key);
        return;
    }

    ngx_deploy_html_put(h, "<time datetime=\"");
    ngx_deploy_text_html(&h->text, &s);
    ngx_deploy_html_put(h, "\">");

    part.data = s.data;
    part.len = 10;
    ngx_deploy_text_html(&h->text, &part);

    ngx_deploy_html_put(h, " ");

    part.data = s.data + 11;
    part.len = 8;
    ngx_deploy_text_html(&h->text, &part);

    ngx_deploy_html_put(h, "</time>");
}


void
ngx_deploy_html_span(ngx_deploy_html_t *h, int64_t msec)
{
    size_t   i;
    int64_t  sec;

    static const struct {
        int64_t      unit, rest;
        const char  *name, *second;
    } units[] = {
        { 86400, 3600, " d", " h" },
        { 3600, 60, " h", " min" },
        { 60, 1, " min", " s" }
    };

    sec = msec / 1000;

    for (i = 0; i < 3; i++) {

        if (sec < units[i].unit) {
            continue;
        }

        ngx_deploy_text_int(&h->text, sec / units[i].unit);
        ngx_deploy_html_put(h, units[i].name);

        sec = sec % units[i].unit / units[i].rest;

        if (sec) {
            ngx_deploy_html_put(h, " ");
            ngx_deploy_text_int(&h->text, sec);
            ngx_deploy_html_put(h, units[i].second);
        }

        return;
    }

    if (msec < 1000) {
        ngx_deploy_text_int(&h->text, msec);
        ngx_deploy_html_put(h, " ms");
        return;
    }

    ngx_deploy_text_msec(&h->text, msec / 100 * 100);
    ngx_deploy_html_put(h, " s");
}


void
ngx_deploy_html_badge(ngx_deploy_html_t *h, const ngx_deploy_str_t *s)
{
    size_t              i, n;
    const char         *class;
    ngx_deploy_str_t    word, rest;
    const char *const  *w;

    static const struct {
        const char *const  *words;
        const char         *class;
    } classes[] = {
        { ngx_deploy_html_good, " ok" },
        { ngx_deploy_html_bad, " bad" },
        { ngx_deploy_html_waiting, " wait" }
    };

    class = "";

    for (i = 0; i < 3; i++) {
        for (w = classes[i].words; *w; w++) {
            if (ngx_deploy_str_is(s, *w)) {
                class = classes[i].class;
            }
        }
    }

    ngx_deploy_html_put(h, "<span class=\"badge");
    ngx_deploy_html_put(h, class);
    ngx_deploy_html_put(h, "\">");

    /* "timed_out" is for programs */

    rest = *s;

    for (n = 0; n < s->len; n++) {
        if (s->data[n] == '_') {
            word.data = rest.data;
            word.len = s->data + n - rest.data;

            ngx_deploy_text_html(&h->text, &word);
            ngx_deploy_html_put(h, " ");

            rest.data = s->data + n + 1;
            rest.len = s->len - n - 1;
        }
    }

    ngx_deploy_text_html(&h->text, &rest);
    ngx_deploy_html_put(h, "</span>");
}


unsigned
ngx_deploy_html_link(ngx_deploy_html_t *h, const ngx_deploy_str_t *url)
{
    if (!ngx_deploy_str_starts(url, "https://")
        && !ngx_deploy_str_starts(url, "http://"))
    {
        return 0;
    }

    ngx_deploy_html_put(h, "<a rel=\"noreferrer\" href=\"");
    ngx_deploy_text_html(&h->text, url);
    ngx_deploy_html_put(h, "\">");

    return 1;
}


unsigned
ngx_deploy_html_page_link(ngx_deploy_html_t *h, const char *name,
    const ngx_deploy_str_t *value)
{
    if (value->len == 0) {
        return 0;
    }

    ngx_deploy_html_put(h, "<a href=\"?");
    ngx_deploy_html_put(h, name);
    ngx_deploy_html_put(h, "=");
    ngx_deploy_text_uri(&h->text, value);
    ngx_deploy_html_put(h, "\">");

    return 1;
}


void
ngx_deploy_html_section(ngx_deploy_html_t *h, const char *id,
    const char *title)
{
    ngx_deploy_html_put(h, "<section aria-labelledby=\"");
    ngx_deploy_html_put(h, id);
    ngx_deploy_html_put(h, "\">\n<h2 id=\"");
    ngx_deploy_html_put(h, id);
    ngx_deploy_html_put(h, "\">");
    ngx_deploy_html_put(h, title);
    ngx_deploy_html_put(h, "</h2>\n");
}


/* roles: what is displayed as blocks would be no table to a screen reader */

void
ngx_deploy_html_table(ngx_deploy_html_t *h, const char *caption,
    const char *const *columns)
{
    size_t  n;

    for (n = 0; columns[n]; n++) { /* void */ }

    /* few columns have room on any screen */

    ngx_deploy_html_put(h, (n > 3) ? "<table role=\"table\" class=\"cards\">"
                                   : "<table role=\"table\">");
    ngx_deploy_html_put(h, "\n<caption>");
    ngx_deploy_html_put(h, caption);
    ngx_deploy_html_put(h, "</caption>\n<thead role=\"rowgroup\">"
                        "<tr role=\"row\">");

    for ( /* void */ ; *columns; columns++) {
        ngx_deploy_html_put(h, "<th role=\"columnheader\" scope=\"col\">");
        ngx_deploy_html_put(h, *columns);
        ngx_deploy_html_put(h, "</th>");
    }

    ngx_deploy_html_put(h, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}


void
ngx_deploy_html_row(ngx_deploy_html_t *h)
{
    ngx_deploy_html_put(h, "<tr role=\"row\">");
}


/* in a card a cell is a grid, its content has to be one item of it */

void
ngx_deploy_html_cell(ngx_deploy_html_t *h, const char *column)
{
    ngx_deploy_html_put(h, "<td role=\"cell\" data-label=\"");
    ngx_deploy_html_put(h, column);
    ngx_deploy_html_put(h, "\"><div>");
}


void
ngx_deploy_html_cell_end(ngx_deploy_html_t *h)
{
    ngx_deploy_html_put(h, "</div></td>");
}


void
ngx_deploy_html_cell_member(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_html_cell(h, column);
    ngx_deploy_html_member(h, json, key);
    ngx_deploy_html_cell_end(h);
}


void
ngx_deploy_html_cell_number(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_html_cell(h, column);
    ngx_deploy_html_number(h, json, key);
    ngx_deploy_html_cell_end(h);
}


void
ngx_deploy_html_cell_time(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_html_cell(h, column);
    ngx_deploy_html_time(h, json, key);
    ngx_deploy_html_cell_end(h);
}


void
ngx_deploy_html_cell_badge(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key)
{
    ngx_deploy_str_t  s;

    s = ngx_deploy_json_get_str(json, key);

    ngx_deploy_html_cell(h, column);
    ngx_deploy_html_badge(h, &s);
    ngx_deploy_html_cell_end(h);
}


void
ngx_deploy_html_head(ngx_deploy_html_t *h)
{
    ngx_deploy_html_put(h, "<th role=\"rowheader\" scope=\"row\">");
}


void
ngx_deploy_html_build(ngx_deploy_html_t *h, ngx_deploy_json_t *build)
{
    unsigned          linked;
    ngx_deploy_str_t  url, status;

    url = ngx_deploy_json_get_str(build, "url");
    linked = ngx_deploy_html_link(h, &url);

    ngx_deploy_html_member(h, build, "project");

    if (ngx_deploy_json_get(build, "number")) {
        ngx_deploy_html_put(h, " #");
        ngx_deploy_html_number(h, build, "number");
    }

    ngx_deploy_html_put(h, linked ? "</a> " : " ");

    status = ngx_deploy_json_get_str(build, "build_status");

    if (status.len == 0) {
        status = ngx_deploy_json_get_str(build, "status");
    }

    ngx_deploy_html_badge(h, &status);
}


unsigned
ngx_deploy_html_empty(ngx_deploy_json_t *array)
{
    return ngx_deploy_json_at(array, 0) == NULL;
}
