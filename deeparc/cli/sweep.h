/* Between the commands of a sweep.
 *
 *     sweep plan      DIR/plan.txt            a line a run: "deeparc sweep run --dir DIR --id 3f... --depth 14 ..."
 *     sweep run       DIR/runs/ID.json        the result, whole or not there: what tells a finished run
 *                     DIR/runs/ID.csv         its matrix of similarities, for other thresholds
 *                     DIR/runs/ID.partial     what was trained so far, gone when the run is done
 *     sweep collect   one CSV, one page       of all results that the plan asks for
 *
 * A run's ID is a hash of its settings, so a line that is run again finds its result, or what is left of its training,
 * whoever ran it before; and another setting is another run. Runs share nothing else: they may go in any order, at the
 * same time, on any number of machines that see DIR.
 */
#ifndef DA_DEEPARC_CLI_SWEEP_H
#define DA_DEEPARC_CLI_SWEEP_H

#include "deeparc/cli/cli.h"
#include "deeparc/sweep_table.h"

/* Of the line of a `sweep run`, which c has parsed: its ID, the network it trains ("resnet14x0.5"), its thresholds. */
da_status sweep_id(const cli *c, char id[DA_SWEEP_ID]);
void      sweep_network(const cli *c, char name[DA_SWEEP_NAME]);

/* An option that says where or how to compute and not what: the result is the same for any value. */
bool      sweep_is_place(const char *option);

/* The processor and the system, as far as the system tells. */
void      sweep_machine(char *text, size_t size);

#endif
