/* The page: its frame, its style, and all that is not a chart. */
#include "deeparc/present/html.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Colours are variables, so that dark mode and print redefine a dozen lines and charts follow. In pieces, because C
   promises no string longer than 4095 bytes. */
static const char *const style[] = {
    /* Colours that stay apart for the colour-blind, 4.5:1 and more against the page as text. */
    ":root{color-scheme:light dark;--page:#fff;--ink:#1b1f26;--soft:#59616e;--line:#d5dae1;--grid:#e9ecf0;"
    "--tint:#f3f5f8;--s0:#0b62b8;--s1:#c14a00;--s2:#007a64;--s3:#a03c7c;--s4:#836600;--s5:#5f6775}\n"
    "@media screen and (prefers-color-scheme:dark){:root{--page:#15171b;--ink:#e7e9ed;--soft:#a4acb8;--line:#3a404a;"
    "--grid:#2a2e36;--tint:#20242b;--s0:#74b6f5;--s1:#f59a63;--s2:#52c7a8;--s3:#e79ccb;--s4:#dbc055;--s5:#a4acb8}}\n",
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;"
    "counter-reset:figure;-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "main{max-width:1060px;margin:0 auto;padding:56px 24px 64px}header{margin:0 0 44px}\n"
    "h1,h2{font-family:\"Iowan Old Style\",\"Palatino Linotype\",Palatino,Georgia,\"DejaVu Serif\",serif;"
    "font-weight:600;line-height:1.2;text-wrap:balance}h1{font-size:36px;letter-spacing:-.01em;margin:0 0 10px}"
    "header p{color:var(--soft);font-size:18px;margin:0}\n"
    "section{border-top:1px solid var(--line);padding:30px 0 0;margin:0 0 44px}h2{font-size:25px;margin:0 0 14px}"
    "p{margin:0 0 18px;max-width:70ch}section>:last-child{margin-bottom:0}\n"
    "pre{margin:0 0 18px;padding:12px 16px;background:var(--tint);font:13px/1.6 ui-monospace,Menlo,Consolas,"
    "\"DejaVu Sans Mono\",monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "details{margin:0 0 10px}summary{cursor:pointer;font-size:14px;overflow-wrap:anywhere}"
    "details>pre{margin:10px 0 0}header+.note{margin-top:-34px;margin-bottom:34px}\n"
    "footer{border-top:1px solid var(--line);padding:14px 0 0;color:var(--soft);font-size:13px}\n",
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:22px 32px;margin:0 0 34px}\n"
    ".figures div{border-top:3px solid var(--ink);padding:10px 0 0}"
    ".figures b{display:block;font-size:30px;font-weight:600;line-height:1.25;letter-spacing:-.015em;"
    "font-variant-numeric:tabular-nums}.figures span{display:block;line-height:1.35}"
    ".figures small{display:block;color:var(--soft);font-size:13px;line-height:1.4;margin:3px 0 0}\n"
    ".scroll{overflow-x:auto;margin:0 0 26px}table{border-collapse:collapse;min-width:100%;font-size:14px;"
    "line-height:1.4;font-variant-numeric:tabular-nums;border-bottom:1.5px solid var(--ink)}"
    "caption{text-align:left;color:var(--soft);font-size:14px;padding:0 0 8px;max-width:calc(100vw - 32px)}\n"
    "th,td{text-align:left;padding:5px 18px 5px 0;border-top:1px solid var(--line);vertical-align:top}"
    "th{font-weight:600;border-top:1.5px solid var(--ink);vertical-align:bottom}"
    "td:first-child{min-width:8em}td:last-child,th:last-child{padding-right:4px}"
    "thead+tbody tr:first-child td{border-top:1px solid var(--ink)}\n"
    ".n{text-align:right}td.n{white-space:nowrap}tr.em td{font-weight:600;background:var(--tint)}\n",
    ".columns{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:10px 44px}\n"
    "figure{margin:0 0 34px;min-width:0}figure>.scroll{margin:0}figcaption{font-weight:600;line-height:1.4;"
    "margin:0 0 6px;max-width:70ch}figcaption::before{counter-increment:figure;content:\"Figure \" counter(figure) "
    "\"  \";color:var(--soft);font-weight:400}"
    ".note{color:var(--soft);font-size:13px;line-height:1.55;margin:8px 0 20px;max-width:100ch}"
    "figure>.note{margin-bottom:0}\n"
    "svg{display:block;width:100%;height:auto;overflow:visible}svg text{fill:var(--soft);font-size:12px;"
    "font-variant-numeric:tabular-nums}@media(max-width:560px){svg.plot text{font-size:15px}}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px;line-height:1.5;color:var(--soft);margin:0 0 4px}"
    ".legend b{font-weight:400;color:var(--ink);flex-basis:100%}\n"
    ".legend i{display:inline-block;width:22px;margin-right:6px;vertical-align:middle;border-top:2.5px solid var(--c)}"
    ".legend i.dash{border-top-style:dashed}.legend i.scatter{width:9px;height:9px;border:0;border-radius:50%;"
    "background:var(--c)}\n"
    ".s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}"
    ".s4{--c:var(--s4)}.s5{--c:var(--s5)}\n",
    ".curve{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".dash .curve{stroke-dasharray:5 5}.band{fill:var(--c);opacity:.16}\n"
    ".dot{fill:var(--c);stroke:var(--page);stroke-width:1.5}.spot{fill:var(--c);opacity:0}"
    ".spot:hover{opacity:1}.dot:hover{stroke:var(--ink)}\n"
    ".grid{stroke:var(--grid);fill:none}.axis{stroke:var(--soft);fill:none}.stage{stroke:var(--soft);fill:none;"
    "stroke-dasharray:2 3}\n"
    /* Frames of modules stand on every colour of the scale: dark lines with a light rim. */
    ".halo{fill:none;stroke:#fff;stroke-width:4.5}.bound{fill:none;stroke:#111;stroke-width:2}"
    ".side{fill:none;stroke:var(--ink);stroke-width:1.5}svg text.bound{stroke:none;fill:var(--ink);font-weight:600}"
    ".cells rect:hover{stroke:#111;stroke-width:3;paint-order:stroke}\n"
    ".strip{fill:var(--s5);opacity:.75}.strong .strip{fill:var(--s0);opacity:1}.single{fill:none;"
    "stroke:var(--soft);stroke-width:1}.strip:hover,.single:hover{stroke:var(--ink);stroke-width:2}"
    "svg .strong text{fill:var(--ink);font-weight:600}svg text.in{fill:var(--page)!important;font-weight:600;"
    "font-size:11px;pointer-events:none}\n",
    ".pictures{display:flex;flex-wrap:wrap;gap:14px 16px;margin:0 0 8px}.pictures div{width:92px;font-size:12px;"
    "line-height:1.35;color:var(--soft)}.pictures img{display:block;width:92px;height:auto;margin:0 0 4px;"
    "image-rendering:pixelated;border:3px solid var(--s2)}.pictures .wrong img{border-color:var(--s1)}\n"
    ".bars{display:grid;grid-template-columns:auto 1fr;gap:6px 14px;align-items:center;font-size:14px}"
    ".bars div{display:flex;align-items:center;gap:8px;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".bars i{height:16px;background:var(--c);min-width:2px}\n"
    ".chain{display:flex;flex-wrap:wrap;gap:20px 14px;padding:10px 0 0 15px}.chain>div{display:flex;flex-wrap:wrap;"
    "gap:8px 14px;position:relative;padding:10px 0}.chain>.module{border:1.5px solid var(--ink);padding:10px}\n"
    ".chain em{position:absolute;top:-10px;left:8px;padding:0 5px;background:var(--page);font-size:12px;"
    "line-height:1.5;font-weight:600;font-style:normal}\n"
    ".chain>div+div::before,.chain .unit+.unit::before{content:\"\";position:absolute;left:-14px;top:50%;width:13px;"
    "border-top:1.5px solid var(--soft)}.chain>.module::before,.chain>.module+div::before{left:-15.5px}\n"
    ".unit{position:relative;background:var(--tint);border:1px solid var(--line);padding:4px 9px;font-size:13px;"
    "line-height:1.4;text-align:center}.unit small{display:block;color:var(--soft);font-size:11px}\n"
    ".unit.stage{border-left:4px solid var(--soft)}"
    ".unit.gone{background:none;border-style:dashed;color:var(--soft);text-decoration:line-through}"
    ".unit.trained{background:var(--s2);border-color:var(--s2);color:var(--page)}"
    ".unit.trained small{color:var(--page)}\n"
    "@media(max-width:560px){main{padding:30px 16px 40px}header{margin:0 0 30px}h1{font-size:28px}h2{font-size:22px}"
    "header p{font-size:16px}section{margin:0 0 32px;padding-top:22px}header+.note{margin-top:-20px}}\n"
    "@media print{@page{margin:16mm 14mm}body{font-size:10.5pt}main{padding:0;max-width:none}h1{font-size:22pt}"
    "h2{font-size:15pt}h2,h2+p,figcaption,caption{break-after:avoid}p{break-inside:avoid}section{margin:0 0 18pt}"
    ".figures{grid-template-columns:repeat(4,1fr);gap:12px 20px}.figures b{font-size:17pt}"
    ".columns{grid-template-columns:1fr 1fr;gap:8px 24px}.scroll{overflow:visible}table{font-size:8.5pt}"
    "th,td{padding:3px 9px 3px 0}td:not(.n){overflow-wrap:anywhere}"
    "svg.plot text{font-size:16px}pre{font-size:7.5pt;padding:8px 10px}"
    "figure,tr,.figures div,pre{break-inside:avoid}svg.map{max-width:150mm!important}}\n"
};

/* <tag>escaped</tag>, or nothing for NULL. */
static void element(da_text *page, const char *tag, const char *content) {
    if (!content) return;
    da_text_printf(page, "<%s>", tag);
    da_text_html(page, content);
    da_text_printf(page, "</%s>", tag);
}

void da_html_begin(da_text *page, const char *title, const char *subtitle) {
    da_text_append(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    element(page, "title", title);
    da_text_append(page, "\n<style>\n");
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) da_text_append(page, style[i]);
    da_text_append(page, "</style>\n</head>\n<body>\n<main>\n<header>");
    element(page, "h1", title);
    element(page, "p", subtitle);
    da_text_append(page, "</header>\n");
}

void da_html_end(da_text *page, const char *footer) {
    element(page, "footer", footer);
    da_text_append(page, "\n</main>\n</body>\n</html>\n");
}

void da_html_section_begin(da_text *page, const char *heading) {
    da_text_append(page, "<section>\n");
    element(page, "h2", heading);
    da_text_append(page, "\n");
}

void da_html_section_end(da_text *page) { da_text_append(page, "</section>\n"); }

void da_html_details_begin(da_text *page, const char *summary) {
    da_text_append(page, "<details>");
    element(page, "summary", summary);
    da_text_append(page, "\n");
}

void da_html_details_end(da_text *page) { da_text_append(page, "</details>\n"); }

void da_html_columns_begin(da_text *page) { da_text_append(page, "<div class=\"columns\">\n"); }
void da_html_columns_end(da_text *page)   { da_text_append(page, "</div>\n"); }

void da_html_length(da_text *page, const char *attribute, double value) {
    da_text_printf(page, " %s=\"", attribute);
    da_text_fixed(page, value, 1);
    da_text_append(page, "\"");
}

void da_html_figure_begin(da_text *page, const char *title) {
    da_text_append(page, "<figure>\n");
    element(page, "figcaption", title);
    da_text_append(page, "\n");
}

void da_html_figure_end(da_text *page, const char *note) {
    if (note) da_html_note(page, note);
    da_text_append(page, "</figure>\n");
}

void da_html_paragraph(da_text *page, const char *text) {
    element(page, "p", text);
    da_text_append(page, "\n");
}

void da_html_note(da_text *page, const char *text) {
    da_text_append(page, "<p class=\"note\">");
    da_text_html(page, text);
    da_text_append(page, "</p>\n");
}

void da_html_code(da_text *page, const char *text) {
    element(page, "pre", text);
    da_text_append(page, "\n");
}

void da_html_figures(da_text *page, const da_figure *figures, int count) {
    da_text_append(page, "<div class=\"figures\">\n");
    for (int i = 0; i < count; i++) {
        da_text_append(page, "<div>");
        element(page, "b", figures[i].value);
        element(page, "span", figures[i].label);
        element(page, "small", figures[i].note);
        da_text_append(page, "</div>\n");
    }
    da_text_append(page, "</div>\n");
}

void da_html_pictures(da_text *page, const char *title, const da_picture *pictures, int count, const char *note) {
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    da_html_figure_begin(page, title);
    da_text_append(page, "<div class=\"pictures\">\n");
    for (int i = 0; i < count; i++) {
        const char *png = pictures[i].png;
        if (png[strspn(png, base64)] != 0) { /* it could end the attribute, and be more than a picture */
            if (page->status == DA_OK) page->status = DA_ERROR_FORMAT;
            return;
        }
        da_text_append(page, pictures[i].wrong ? "<div class=\"wrong\">" : "<div>");
        da_text_append(page, "<img alt=\"\" src=\"data:image/png;base64,");
        da_text_append(page, png);
        da_text_append(page, "\">");
        da_text_html(page, pictures[i].caption);
        da_text_append(page, "</div>\n");
    }
    da_text_append(page, "</div>\n");
    da_html_figure_end(page, note);
}

/* "272,474", "-0.4", "99.2 %", "8.4 s", "1e-3"; not "9f86d081", "16x28x28". */
static bool is_number(const char *cell) {
    if (*cell == '+' || *cell == '-') cell++;
    if (*cell == '.') cell++;
    if (!isdigit((unsigned char)*cell)) return false;
    const char *unit = cell + strspn(cell, "0123456789.,");
    return *unit == ' ' || strlen(unit) <= 3;
}

/* A column is set flush right when it holds numbers and empty cells only. */
static bool is_number_column(int columns, int rows, const char *const *cells, int column) {
    bool any = false;
    for (int r = 0; r < rows; r++) {
        const char *cell = cells[(int64_t)r * columns + column];
        if (!cell || !cell[strspn(cell, " ")]) continue;
        if (!is_number(cell)) return false;
        any = true;
    }
    return any;
}

static void table_cell(da_text *page, const char *tag, const char *cell, bool number) {
    da_text_printf(page, "<%s%s>", tag, number ? " class=\"n\"" : "");
    da_text_html(page, cell);
    da_text_printf(page, "</%s>", tag);
}

void da_html_table(da_text *page, const char *caption, int columns, const char *const *header, int rows,
                   const char *const *cells, int emphasis) {
    uint64_t numbers = 0; /* bit c: column c holds numbers; columns beyond the 64th do without */
    for (int c = 0; c < columns && c < 64; c++) numbers |= (uint64_t)is_number_column(columns, rows, cells, c) << c;
    da_text_append(page, "<div class=\"scroll\"><table>");
    element(page, "caption", caption);
    da_text_append(page, "\n<thead><tr>");
    for (int c = 0; c < columns; c++) table_cell(page, "th", header[c], c < 64 && numbers >> c & 1);
    da_text_append(page, "</tr></thead>\n<tbody>\n");
    for (int r = 0; r < rows; r++) {
        da_text_append(page, r == emphasis ? "<tr class=\"em\">" : "<tr>");
        for (int c = 0; c < columns; c++)
            table_cell(page, "td", cells[(int64_t)r * columns + c], c < 64 && numbers >> c & 1);
        da_text_append(page, "</tr>\n");
    }
    da_text_append(page, "</tbody></table></div>\n");
}
