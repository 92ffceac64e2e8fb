
/*
 * Copyright (C) ngx_deploy_module authors
 */


#include "ngx_deploy_tool_conf.h"
#include "ngx_deploy_tap.h"


static char  out[65536];


/* an include of "x" has one directive, of "self" it includes itself */

static int
include(ngx_deploy_tool_conf_t *conf, const ngx_deploy_tool_directive_t *d,
    ngx_deploy_tool_directive_t ***last)
{
    ngx_deploy_str_t  text;

    text = tap_str(ngx_deploy_str_is(&d->args[1], "self") ? "include self;"
                                                          : "in x;\n");

    return ngx_deploy_tool_conf_parse(conf, "included", &text, last);
}


/* directives as words joined by "|", ended by the line, blocks in "{}" */

static char *
print(char *p, const ngx_deploy_tool_directive_t *d)
{
    size_t  i;

    for ( /* void */ ; d; d = d->next) {

        for (i = 0; i < d->nargs; i++) {
            p += sprintf(p, "%s%.*s", i ? "|" : "", (int) d->args[i].len,
                         d->args[i].data);
        }

        p += sprintf(p, ":%u", d->line);

        if (d->is_block) {
            p += sprintf(p, "{");
            p = print(p, d->block);
            p += sprintf(p, "}");
        }

        p += sprintf(p, d->next ? " " : "");
    }

    return p;
}


static void
parse(const char *text, const char *want)
{
    int                            rc;
    ngx_deploy_str_t               s;
    ngx_deploy_tool_conf_t         conf;
    ngx_deploy_tool_directive_t   *first, **last;

    memset(&conf, 0, sizeof(ngx_deploy_tool_conf_t));

    conf.pool = tap_pool();
    conf.include = include;

    first = NULL;
    last = &first;

    s = tap_copy(text, strlen(text));
    rc = ngx_deploy_tool_conf_parse(&conf, "file", &s, &last);

    out[0] = '\0';

    if (rc == NGX_DEPLOY_OK) {
        print(out, first);

    } else {
        sprintf(out, "%d %s:%u %s", rc, conf.file, conf.line, conf.reason);
    }

    is_str(tap_str(out), want, "%s", text);
}


static void
test_words(void)
{
    parse("", "");
    parse("# nothing\n", "");
    parse("a;", "a:1");
    parse("a b  c\t d;\ne;", "a|b|c|d:1 e:2");
    parse("a\n b\n;\n", "a|b:3");
    parse("a 'b c' \"d e\";", "a|b c|d e:1");
    parse("a b#c; # d\ne;", "a|b#c:1 e:2");
    parse("a \"b;{}#\";", "a|b;{}#:1");
    parse("a 'it\\'s' \"x\\ty\" z\\;w;", "a|it's|x\ty|z\\;w:1");
    parse("a \"\\d+\\.\\w\";", "a|\\d+\\.\\w:1");
    parse("a ${b}c $d;", "a|${b}c|$d:1");
    parse("a ~^/x(?<y>[a-z]+)$;", "a|~^/x(?<y>[a-z]+)$:1");
    parse("a '';", "a|:1");
    parse("a b\r\n c;\r\n", "a|b|c:2");
    parse("if ($a = \"b\") { c; }", "if|($a|=|b|):1{c:1}");
    parse("deploy_build api repo=acme/api\n    branch=main;",
          "deploy_build|api|repo=acme/api|branch=main:2");
}


static void
test_blocks(void)
{
    parse("a { b; c d { } }", "a:1{b:1 c|d:1{}}");
    parse("map $a $b {\n default 0;\n \"~x{2}\" 1;\n}\nz;",
          "map|$a|$b:1{default|0:2 ~x{2}|1:3} z:5");
    parse("a{b;}c{}", "a:1{b:1} c:1{}");
    parse("include x; y;", "in|x:1 y:1");
    parse("a { include x; }", "a:1{in|x:1}");
    parse("content_by_lua_block {\n if a == '}' then -- }\n x = {1} \n}\n b;",
          "content_by_lua_block:1{} b:5");
}


static void
test_errors(void)
{
    char  text[1024];

    parse("a", "-5 file:1 unexpected end of file, \";\" or \"}\" is missing");
    parse("a {", "-5 file:1 unexpected end of file, \";\" or \"}\" is missing");
    parse("a;\n}", "-5 file:2 unexpected \"}\"");
    parse("a { b }", "-5 file:1 unexpected \"}\"");
    parse(";", "-5 file:1 unexpected \";\"");
    parse("{", "-5 file:1 unexpected \"{\"");
    parse("a \"b", "-5 file:1 a quote is not closed");
    parse("a \"b\\", "-5 file:1 a quote is not closed");
    parse("a \"b\"c;", "-5 file:1 a word begins right behind a quote");
    parse("include self;", "-5 included:1 too many nested includes");
    parse("a_by_lua_block { '", "-5 file:1 a block of Lua is not closed");

    memset(text, 0, sizeof(text));
    memset(text, '{', 200);
    for (char *p = text; *p; p += 2) {
        p[0] = 'a';
    }
    parse(text, "-5 file:1 too many nested blocks");
}


int
main(void)
{
    test_words();
    test_blocks();
    test_errors();

    return plan_done();
}
