
/*
 * Copyright (C) ngx_deploy_module authors
 */


#ifndef _NGX_DEPLOY_HTML_WRITER_H_INCLUDED_
#define _NGX_DEPLOY_HTML_WRITER_H_INCLUDED_


#include "ngx_deploy_html.h"
#include "ngx_deploy_text.h"


/* what the files of the pages share */

typedef struct {
    ngx_deploy_text_t                text;
    ngx_deploy_json_t               *json;
    const ngx_deploy_html_view_t    *view;
} ngx_deploy_html_t;


/* ngx_deploy_html.c */

/* markup of our own */
void ngx_deploy_html_put(ngx_deploy_html_t *h, const char *s);

/* words of strangers, apart from the direction of the text around them */
void ngx_deploy_html_str(ngx_deploy_html_t *h, const ngx_deploy_str_t *s);

/* a text or number that is a member, a dash when it is absent */
void ngx_deploy_html_member(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key);
void ngx_deploy_html_number(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key);

/* a time of the document, to the second */
void ngx_deploy_html_time(ngx_deploy_html_t *h, ngx_deploy_json_t *json,
    const char *key);

/* milliseconds, for people: "1.2 s", "3 min 20 s", "2 d 4 h" */
void ngx_deploy_html_span(ngx_deploy_html_t *h, int64_t msec);

/* a word of a status in its colour */
void ngx_deploy_html_badge(ngx_deploy_html_t *h, const ngx_deploy_str_t *s);

/* <a ..> of an address, if it is one of the web: 1, and </a> is to follow */
unsigned ngx_deploy_html_link(ngx_deploy_html_t *h,
    const ngx_deploy_str_t *url);

/* <a ..> of a page of ours, "?delivery=ID", 1 as above, 0 without a value */
unsigned ngx_deploy_html_page_link(ngx_deploy_html_t *h, const char *name,
    const ngx_deploy_str_t *value);

/* a section with its heading, to be closed by "</section>\n" */
void ngx_deploy_html_section(ngx_deploy_html_t *h, const char *id,
    const char *title);

/*
 * A table: its caption, the names of its columns to the NULL; rows are between
 * "<tr>" and "</tr>\n", it is closed by "</tbody></table>\n"
 */
void ngx_deploy_html_table(ngx_deploy_html_t *h, const char *caption,
    const char *const *columns);

void ngx_deploy_html_row(ngx_deploy_html_t *h);

/* a cell of a column, to be closed */
void ngx_deploy_html_cell(ngx_deploy_html_t *h, const char *column);
void ngx_deploy_html_cell_end(ngx_deploy_html_t *h);

/* a whole cell with a member */
void ngx_deploy_html_cell_member(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key);
void ngx_deploy_html_cell_number(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key);
void ngx_deploy_html_cell_time(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key);
void ngx_deploy_html_cell_badge(ngx_deploy_html_t *h, const char *column,
    ngx_deploy_json_t *json, const char *key);

/* the cell that names its row, to be closed by "</th>" */
void ngx_deploy_html_head(ngx_deploy_html_t *h);

/* what was built: project and number, linked, and what became of it */
void ngx_deploy_html_build(ngx_deploy_html_t *h, ngx_deploy_json_t *build);

/* 1 when an array has nothing in it, or is none */
unsigned ngx_deploy_html_empty(ngx_deploy_json_t *array);

/* ngx_deploy_html_list.c, ngx_deploy_html_counters.c: the overview */

void ngx_deploy_html_filter(ngx_deploy_html_t *h);
void ngx_deploy_html_deliveries(ngx_deploy_html_t *h);
void ngx_deploy_html_projects(ngx_deploy_html_t *h);
void ngx_deploy_html_numbers(ngx_deploy_html_t *h);
void ngx_deploy_html_queue(ngx_deploy_html_t *h);
void ngx_deploy_html_credentials(ngx_deploy_html_t *h);
void ngx_deploy_html_counters(ngx_deploy_html_t *h);

/* ngx_deploy_html_delivery.c: all of a delivery */

void ngx_deploy_html_delivery(ngx_deploy_html_t *h,
    ngx_deploy_json_t *delivery);


#endif /* _NGX_DEPLOY_HTML_WRITER_H_INCLUDED_ */
