/* main.c - the program begins; everything is a command of cli/.
 * SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>

#include "cli/cli.h"

enum { KEEP_FREE_BYTES = 8 << 20, OWN_MAPPING_BYTES = 1 << 20 };

int main(int argc, char *argv[]) {
    /* SQLite frees its page copies at each commit; glibc would give them back to the kernel and
     * fault them in again: six per cent of the CPU of a stored webhook call. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet */
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_FREE_BYTES);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the same */
    (void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
    return cli_main(argc, argv);
}
