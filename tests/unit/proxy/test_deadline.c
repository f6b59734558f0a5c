#include "proxy/deadline.h"

#include <criterion/criterion.h>

struct owner {
	struct deadline deadline;
	guint times;
};

static void on_due(void *data)
{
	struct owner *owner = data;
	owner->times++;
}

Test(proxy_deadline, comes_once_in_the_order_of_beginning)
{
	struct deadlines *queue = deadlines_new(1);
	struct owner owners[3] = { { .times = 0 } };

	for (guint i = 0; i < G_N_ELEMENTS(owners); i++)
		deadline_start(&owners[i].deadline, queue, on_due, &owners[i]);
	deadline_start(&owners[0].deadline, queue, on_due, &owners[0]); /* now the last one */
	deadline_stop(&owners[1].deadline);
	while (owners[0].times == 0)
		g_main_context_iteration(NULL, TRUE);
	cr_assert_eq(owners[2].times, 1);
	cr_assert_eq(owners[1].times, 0);
	cr_assert_not(deadline_is_running(&owners[0].deadline));
	cr_assert_not(deadlines_hurry(queue));
	deadlines_free(queue);
}

Test(proxy_deadline, never_comes_by_itself_without_a_span)
{
	struct deadlines *queue = deadlines_new(0);
	struct owner owners[2] = { { .times = 0 } };

	deadline_start(&owners[0].deadline, queue, on_due, &owners[0]);
	deadline_start(&owners[1].deadline, queue, on_due, &owners[1]);
	while (g_main_context_iteration(NULL, FALSE))
		continue;
	cr_assert_eq(owners[0].times, 0);
	cr_assert(deadlines_hurry(queue));
	cr_assert_eq(owners[0].times, 1);
	cr_assert_eq(owners[1].times, 0);
	deadline_stop(&owners[1].deadline);
	deadlines_free(queue);
}
