/* What becomes of a call. The environment says which calls go wrong:
 *
 *   PULIH_FAULT_PREFIX  absolute paths, ':' between them: only calls on what is at or below one of them count
 *   PULIH_FAULT_OPS     names of calls that count, ',' between them; "write" (the default) is every call that changes
 *                       something, "data" what gives bytes to an open file,
 *                       "sync" is fsync and fdatasync, "read" is read, pread and what reads the
 *                       attributes of an open file
 *   PULIH_FAULT_AT      n, from 1; 0 or unset: nothing goes wrong
 *   PULIH_FAULT_ACTION  kill         SIGKILL instead of the call
 *                       torn         a write writes half, then SIGKILL
 *                       eio          the call fails once with EIO
 *                       dead         this and every later call that counts fails with EIO
 *                       full         this and every later call that needs space fails with ENOSPC
 *                       short        a write writes half, the next one fails with EIO
 *                       short-always every write from n on writes half
 *                       lie          a write says that it wrote, and did not
 *                       interrupt    SIGINT is sent to the process, then the call goes its way
 *   PULIH_FAULT_LOG     a file that gets a line "n call path" for every call that counts; of rename and link the
 *                       path is the new name, and the old one follows */
#ifndef PULIH_TESTS_FAULTS_VERDICT_H
#define PULIH_TESTS_FAULTS_VERDICT_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

enum kind { CREATE, WRITE, META, SYNC, CLOSE, READ };
enum verdict { PASS, FAIL, HALF, LIE };

/* Count a call and say what becomes of it. With FAIL, errno is set. */
enum verdict verdict_of_fd(const char *call, enum kind kind, int fd);
enum verdict verdict_of_name(const char *call, enum kind kind, int folder, const char *name);
/* A new name for something that has one. */
enum verdict verdict_of_move(const char *call, int from, const char *old, int to, const char *new);
/* Bytes to write of a write of `size` bytes. */
size_t verdict_cut(enum verdict verdict, size_t size);
/* A write is done: a torn one ends the process. */
void verdict_after_write(enum verdict verdict);

#pragma GCC visibility pop

#endif
