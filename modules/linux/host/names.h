/* SPDX-License-Identifier: MIT
 * The linux module's host half: what its files offer each other. */
#ifndef LINUX_HOST_NAMES_H
#define LINUX_HOST_NAMES_H

#include <microcosm-host.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "../names.h"

#define PATH_BYTES NAMES_PATH_MAX

/* ---- directories.c: directories that guests have, by device and inode ---- */

/* Keeps a descriptor of the directory at the place, which stays the caller's: guests may start paths
 * there. Its index, or -errno; -ENOTDIR where what was seen of it (type, inode, device, mount) says so. */
long directory_keep(const struct mch_place *place, const struct statx *seen);
/* The caller's working directory, for as long as the caller needs it: a descriptor to be closed. */
int directory_current(struct mch_place *place);
/* The same of a directory that guests have; dev and ino 0: the working directory. -EACCES where it was not
 * given to them. */
int directory_start(const struct names_at *at, struct mch_place *place);
/* The caller's umask and working directory, in the process's word. */
unsigned process_umask(void);
unsigned process_set_umask(unsigned mask);
int process_set_directory(const struct mch_place *place);

/* A name for fd, relative to the directory returned: it leads to the file itself. */
int own_fd_name(int fd, char *name, size_t size);
/* The working directory of who has that word, as text: its length, or -errno. */
long directory_text(uint64_t word, char *to, size_t size);
/* Where fd is now in a tree that is mounted; its length, or -errno, -ENOENT when it is deleted. */
long path_of(int fd, char *to, size_t size);

/* ---- names.c ---- */

/* Copies what a guest says; path gets a terminator. -EFAULT, -ENAMETOOLONG. */
long at_fetch(struct names_at *to, const struct names_at *shared);
/* mch_tree_open in a tree that is mounted, by descriptors alone; start -1 for an absolute path. */
int open_below(int start, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
/* Opens in the world's tree, from at's start: an own descriptor, close-on-exec, or -errno. */
int name_open(const struct names_at *at, uint64_t flags, uint64_t mode, uint64_t resolve, uint32_t *part);

/* The directory that the last part of at's path lies in, and that part, slashes after it included. */
int name_parent(const struct names_at *at, struct mch_place *place, const char **last);
/* The kinds of change to the name `last` of a directory; and what mounts would say to it. */
enum change { MAKES, REPLACES };
long may_change(const struct mch_place *parent, const char *last, enum change change);
/* r, the result of a call that was to change fd or what it is of; noted where that is read-only. */
long changed(int fd, long r);
/* An O_PATH descriptor of what the caller's descriptor is open on, to change what belongs to its owner. A
 * file that was inherited may be the user's own: -EPERM. Where no mount says so, -EROFS. */
int held_to_change(int number);

/* ---- proc.c: what is in /proc, of trees that are mounted ---- */

bool proc_is(int fd);
/* Whether a path that starts at this descriptor (-1: the root) has to be left to proc_open. */
bool proc_begins(int start);
/* The same where it led to this device, or to -errno. */
bool proc_concerns(uint64_t dev);
bool proc_misses(int start, const char *path, int error);
/* As openat2. -ENODATA: it is the caller's descriptor *own; where own is NULL, that is -EACCES, or with
 * O_PATH a descriptor that says little. */
int proc_open(int start, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve, int *own);
/* The text of a link there, as its bytes, in PATH_BYTES of room; -ENODATA: it is an ordinary one, or none of /proc. */
long proc_readlink(int fd, char *to, size_t size);
/* The same of the caller's own /proc/self/exe; -ENODATA where path is not just that. */
long proc_readlink_exe(const char *path, char *to, size_t size);

#endif
