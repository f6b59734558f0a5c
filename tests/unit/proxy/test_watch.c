#include "proxy/watch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

struct end {
	struct watch watch;
	struct end *other; /* stopped when this one is told */
	guint32 events;
	guint times;
};

static void on_ready(void *data, guint32 events)
{
	struct end *end = data;

	end->times++;
	end->events = events;
	if (end->other)
		watch_stop(&end->other->watch);
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		continue;
}

Test(proxy_watch, tells_what_it_was_asked_for_until_it_is_stopped)
{
	struct end end = { .times = 0 };
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	watch_init(&end.watch, fds[0], on_ready, &end);
	cr_assert(watch_set(&end.watch, EPOLLIN));
	turn();
	cr_assert_eq(end.times, 0);
	cr_assert_eq(write(fds[1], "x", 1), 1);
	while (end.times == 0)
		g_main_context_iteration(NULL, TRUE);
	cr_assert_eq(end.events, EPOLLIN);
	watch_stop(&end.watch);
	end.times = 0;
	g_main_context_iteration(NULL, FALSE);
	cr_assert_eq(end.times, 0);
}

/* Both are ready when the kernel is asked; whoever comes first stops the other, which may be freed.
 */
Test(proxy_watch, tells_nothing_of_one_that_another_one_stopped)
{
	struct end ends[2] = { { .other = &ends[1] }, { .other = &ends[0] } };
	int fds[2][2];

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pipe2(fds[i], O_CLOEXEC), 0);
		cr_assert_eq(write(fds[i][1], "x", 1), 1);
		watch_init(&ends[i].watch, fds[i][0], on_ready, &ends[i]);
		cr_assert(watch_set(&ends[i].watch, EPOLLIN));
	}
	while (ends[0].times + ends[1].times == 0)
		g_main_context_iteration(NULL, TRUE);
	cr_assert_eq(ends[0].times + ends[1].times, 1);
}
