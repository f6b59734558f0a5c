#include "proxy/pipes.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Who leaves bytes in all of them leaves none to others; what is given back full is not used again.
 */
Test(proxy_pipes, are_a_handful_and_never_hand_on_another_ones_bytes)
{
	struct pipe *taken[64];
	guint count = 0;
	char bytes[8];
	int from[2], to[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, from), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, to), 0);
	while (count < G_N_ELEMENTS(taken) && (taken[count] = pipes_take()))
		count++;
	cr_assert_lt(count, G_N_ELEMENTS(taken));
	cr_assert_gt(count, 0);
	cr_assert_eq(write(from[1], "secret", 6), 6);
	cr_assert_eq(pipe_fill(taken[0], from[0]), 6);
	cr_assert_eq(pipe_fill(taken[0], from[0]), -EAGAIN);
	for (guint i = 0; i < count; i++)
		pipes_give(taken[i]);
	cr_assert_eq(write(from[1], "mine", 4), 4);
	for (guint i = 0; i < count; i++)
		taken[i] = pipes_take();
	for (guint i = 0; i < count; i++)
		cr_assert_eq(taken[i]->length, 0);
	cr_assert_eq(pipe_fill(taken[count - 1], from[0]), 4);
	cr_assert_eq(pipe_empty(taken[count - 1], to[0]), 4);
	cr_assert_eq(recv(to[1], bytes, sizeof(bytes), MSG_DONTWAIT), 4);
	cr_assert_arr_eq(bytes, "mine", 4);
	close(from[1]);
	cr_assert_eq(pipe_fill(taken[0], from[0]), 0);
	for (guint i = 0; i < count; i++)
		pipes_give(taken[i]);
}
