/* The heat map as a file: --png, --svg. */
#include "deeparc/cli/matrix.h"

#include "core/file.h"
#include "deeparc/present/chart.h"

static da_status save_png(const char *path, const da_heatmap_chart *chart) {
    da_bitmap bitmap = { 0 };
    da_text file = { 0 };
    DA_TRY(da_chart_heatmap_bitmap(&bitmap, chart));
    da_status status = da_bitmap_png(&bitmap, &file);
    if (status == DA_OK) status = da_file_save(path, file.bytes, file.length);
    da_text_free(&file);
    da_bitmap_free(&bitmap);
    return status;
}

static da_status save_svg(const char *path, const da_heatmap_chart *chart) {
    da_text file = { 0 };
    da_chart_heatmap_svg(&file, chart);
    da_status status = da_text_status(&file);
    if (status == DA_OK) status = da_file_save(path, file.bytes, file.length);
    da_text_free(&file);
    return status;
}

da_status matrix_save_pictures(cli *c, const da_heatmap_chart *chart) {
    const char *png = cli_text(c, "png"), *svg = cli_text(c, "svg");
    if (png) cli_aside(c, save_png(png, chart));
    return svg ? save_svg(svg, chart) : DA_OK;
}
