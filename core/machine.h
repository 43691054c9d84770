/* What the machine has, where POSIX has no word for it. */
#ifndef DA_CORE_MACHINE_H
#define DA_CORE_MACHINE_H

#include <stdint.h>

int     da_machine_processors(void); /* that are switched on; at least 1 */
int     da_machine_usable(void);     /* those of them that this process may run on; at least 1 */
int64_t da_machine_peak_bytes(void); /* the largest resident set that this process has had */

#endif
