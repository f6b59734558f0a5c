/*
 * control: a Tor's control port, the witness of the tests that have one: with which username and
 * password a stream came, and which circuit it took. One connection for a test, which hears of all
 * streams from then on.
 */
#ifndef SUPPORT_CONTROL_H
#define SUPPORT_CONTROL_H

/* Connects to 127.0.0.1:port, without a password, and asks for STREAM events. */
void control_open(unsigned port);

/* Says this, and fails the test unless it is taken; for commands whose answer is one line. */
void control_command(const char *text);

/*
 * The event that tells of the next new stream with this in it, such as " host:80 " (CONNECT and
 * RESOLVE both); free it. Events that come before it are forgotten.
 */
char *control_new_stream(const char *part);

/* The circuit that this new stream was connected on; fails the test when it was not. */
unsigned control_circuit(const char *new_stream);

#endif
