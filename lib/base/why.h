/*
 * why: the file in which failures are kept for `isosocksctl why`: a head and a ring of records of
 * one size, in the byte order of the machine. Processes of one user write it at the same time and
 * without locks: a reader believes nothing in it. The format and nothing else.
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

#include <stdint.h>

#define WHY_FILE    "isosocks-why" /* in $XDG_RUNTIME_DIR */
#define WHY_MAGIC   0x31796877u	   /* "why1" */
#define WHY_RECORDS 128

/* The number of the record written last; its place is that number modulo WHY_RECORDS. */
struct why_head {
	uint32_t magic;
	uint32_t number;
};

struct why_record {
	uint32_t magic;
	uint32_t number;
	uint64_t time; /* seconds since 1970 */
	uint32_t process;
	int32_t error; /* errno */
	uint16_t port;
	uint8_t stage;	/* enum isosocks_stage */
	uint8_t method; /* 0xff: none was agreed on */
	uint8_t code;
	uint8_t zero[3];
	char host[256];	       /* these end with a NUL, cut where they are longer */
	char application[104]; /* the end of the executable's path */
	char keys[120];	       /* names, between blanks; never a value */
};

#endif
