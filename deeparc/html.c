/* The page: its frame, its style, and all that is not a chart. */
#include "deeparc/html.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Colours are variables, so that dark mode and print redefine a dozen lines and charts follow. In pieces, because C
   promises no string longer than 4095 bytes. */
static const char *const style[] = {
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1c2230;--soft:#5f6b7e;--line:#e1e5ec;"
    "--grid:#eceff4;--tint:#eef3fc;--frame:#e8336d;--s0:#2f6fdb;--s1:#e0742c;--s2:#16966f;--s3:#b3468f;--s4:#7d62d6;"
    "--s5:#77808e}\n"
    "@media(prefers-color-scheme:dark){:root{--page:#11141a;--card:#1a1f28;--ink:#e6eaf2;--soft:#98a3b5;"
    "--line:#2d3542;--grid:#262d39;--tint:#1f2a3f;--frame:#ff5f90;--s0:#6aa5ff;--s1:#f59a5b;--s2:#3fc79a;"
    "--s3:#e07fc0;--s4:#a78ff5;--s5:#98a3b5}}\n",
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif;"
    "-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "main{max-width:1120px;margin:0 auto;padding:40px 20px 60px}header{margin:0 4px 28px}\n"
    "h1{font-size:30px;line-height:1.2;letter-spacing:-.02em;margin:0 0 6px}"
    "header p{margin:0;color:var(--soft);font-size:16px}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:22px 26px;"
    "margin:0 0 20px}\n"
    "h2{font-size:19px;letter-spacing:-.01em;margin:0 0 12px}p{margin:0 0 14px;max-width:75ch}"
    "section>:last-child{margin-bottom:0}\n"
    "pre{margin:0 0 14px;padding:10px 14px;background:var(--page);border:1px solid var(--line);border-radius:8px;"
    "font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "footer{margin:24px 4px 0;color:var(--soft);font-size:13px}\n",
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 16px}\n"
    ".figures div{background:var(--tint);border-radius:10px;padding:14px 16px}"
    ".figures b{display:block;font-size:25px;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums}"
    ".figures span{display:block}.figures small{color:var(--soft)}\n"
    ".scroll{overflow-x:auto;margin:0 0 16px}table{border-collapse:collapse;width:100%;font-size:14px;"
    "font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--soft);padding:0 0 6px}\n"
    "th,td{text-align:left;padding:7px 12px;border-bottom:1px solid var(--line);vertical-align:top}"
    "th{font-weight:600;color:var(--soft);font-size:13px}td{overflow-wrap:break-word}"
    "tbody tr:last-child td{border-bottom:0}\n"
    ".n{text-align:right;white-space:nowrap}tr.em td{font-weight:650;background:var(--tint)}\n",
    ".columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:8px 28px}\n"
    "figure{margin:0 0 18px;min-width:0}figcaption{font-weight:600;margin:0 0 6px}"
    "svg{display:block;width:100%;height:auto;overflow:visible}svg text{fill:var(--soft);font-size:12px;"
    "font-variant-numeric:tabular-nums}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:13px;color:var(--soft);margin:0 0 4px}\n"
    ".legend i{display:inline-block;width:18px;margin-right:6px;vertical-align:middle;border-top:3px solid var(--c)}"
    ".legend i.dash{border-top-style:dashed}\n"
    ".s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}"
    ".s4{--c:var(--s4)}.s5{--c:var(--s5)}\n"
    ".curve{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".dash .curve{stroke-dasharray:6 5}.band{fill:var(--c);opacity:.15}\n"
    ".dot{fill:var(--c);stroke:var(--card);stroke-width:1.5}.spot{fill:var(--c);opacity:0}"
    ".spot:hover{opacity:1}\n"
    ".grid{stroke:var(--grid);fill:none}.axis{stroke:var(--soft);fill:none;opacity:.6}"
    ".bound{fill:none;stroke:var(--frame);stroke-width:2}svg text.bound{stroke:none;fill:var(--frame);"
    "font-weight:600}.map text{font-size:11px}\n",
    ".bars{display:grid;grid-template-columns:auto 1fr;gap:6px 14px;align-items:center;font-size:14px}"
    ".bars div{display:flex;align-items:center;gap:8px;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".bars i{height:18px;border-radius:0 5px 5px 0;background:var(--c);min-width:2px}\n"
    ".chain{display:flex;flex-wrap:wrap;gap:10px 6px;align-items:flex-end}.chain>div{display:flex;flex-wrap:wrap;"
    "gap:6px;position:relative;padding:8px 0}.chain .unit{display:flex;flex-direction:column;justify-content:center;"
    "min-height:44px}.chain>.module{border:2px solid var(--frame);border-radius:10px;padding:14px 8px 6px}\n"
    ".chain em{position:absolute;top:-9px;left:10px;padding:0 5px;background:var(--card);color:var(--frame);"
    "font-size:12px;line-height:1.4;font-weight:600;font-style:normal}\n"
    ".unit{background:var(--tint);border:1px solid var(--line);border-radius:7px;padding:3px 9px;font-size:13px;"
    "line-height:1.35;text-align:center}.unit small{display:block;color:var(--soft);font-size:11px}\n"
    ".unit.gone{background:none;border-style:dashed;color:var(--soft);text-decoration:line-through}"
    ".unit.trained{background:var(--s2);border-color:var(--s2);color:#fff}.unit.trained small{color:#fff}\n"
    "@media(prefers-color-scheme:dark){.unit.trained,.unit.trained small{color:#0d1f18}}\n"
    "@media print{:root{--page:#fff;--line:#ccd}main{padding:0;max-width:none}"
    "section{border:0;padding:0 0 8px;border-radius:0}figure,tr,.figures div{break-inside:avoid}"
    "h2{break-after:avoid}}\n"
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

void da_html_figure_end(da_text *page) { da_text_append(page, "</figure>\n"); }

void da_html_paragraph(da_text *page, const char *text) {
    element(page, "p", text);
    da_text_append(page, "\n");
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
        if (!cell || !*cell) continue;
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
