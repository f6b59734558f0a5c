/*
 * nameserver: a nameserver in the lab that writes down what it is asked, the witness of the tests
 * in which nobody may be asked.
 */
#ifndef SUPPORT_NAMESERVER_H
#define SUPPORT_NAMESERVER_H

/* Starts it on 127.0.0.1:53 and makes it the machine's. The lab is open. */
void nameserver_open(void);

/* What it was asked since the last time, a line each; free it. */
char *nameserver_queries(void);

/* Fails the test, with the queries, if it was asked since the last time. */
void nameserver_assert_unasked(void);

#endif
