/* The threads behind parallel loops: a team of POSIX threads that share out the chunks of one loop at a time.
 *
 *     caller   open the loop ── chunks 0 1 2 3 ── 7, helping ── close it ── wait for those who joined
 *     worker   wait ── join, if it is open ── chunks 4 5 6 ── leave ── wait
 *
 * A thread begins with the same part of every loop, so that it meets the images that its own caches hold from the loop
 * before, and then helps the others: nobody is idle while a chunk is left.
 *
 * Who waits spins for a tenth of a millisecond, which bridges the gap between two loops of a step, and then sleeps, so
 * that an idle processor is given back. A loop too short to wake sleepers is shared by those awake. The caller waits for
 * nobody who has not joined: a worker that the system runs elsewhere just now costs nothing but its help.
 * (OpenMP's barriers wait for everybody, spinning for milliseconds: beside one other busy program that made a training
 * step ten times as long.)
 */
#ifndef DA_CORE_TEAM_H
#define DA_CORE_TEAM_H

#include "core/parallel.h"

/* Runs the chunks on at most `threads` threads, the caller being worker 0; returns when all are done. The first call
   starts threads, which then live as long as the process; where the system gives none, fewer work. wake: threads that
   sleep are woken. False, and nothing is done, while another thread's loop runs. Not to be called from a chunk. */
bool dai_team_run(int threads, int64_t chunks, bool wake, da_chunk_body *body, void *context);

#endif
