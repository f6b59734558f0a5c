/*
 * executable: what the kernel will run for a file: links followed, and a script's interpreter
 * instead of the script. It is what /proc/self/exe shows then, and what [application] match= is
 * compared with. One thread.
 */
#ifndef WRAPPERS_EXECUTABLE_H
#define WRAPPERS_EXECUTABLE_H

/* A regular file, for reading, without waiting; or -errno: -EACCES for what no file is that the
 * kernel would run. */
int executable_open(const char *path);

/* Where links lead, of a file that is no script. Free it. */
char *executable_follow_links(const char *path);

/* Free it. The path itself, made absolute, where the file cannot be read. */
char *executable_resolve(const char *path);

#endif
