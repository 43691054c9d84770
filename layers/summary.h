/* A model as a table: what `deeparc summary` prints. */
#ifndef DA_LAYERS_SUMMARY_H
#define DA_LAYERS_SUMMARY_H

#include "layers/model.h"

DA_C_BEGIN

/* One line a unit - name, kind, output shape, parameters, multiply-adds, activation bytes, "frozen", "partly" or
   nothing - and totals. The text is the caller's to da_free. */
da_status da_model_summary(const da_model *model, char **text);

DA_C_END

#endif
