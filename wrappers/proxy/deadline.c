#include "deadline.h"

struct deadlines {
	GQueue running;
	gint64 span; /* microseconds */
	GSource *timer;
};

struct timer {
	GSource source;
	struct deadlines *queue;
};

static struct deadline *first(const struct deadlines *queue)
{
	return g_queue_peek_head((GQueue *)&queue->running);
}

static void set_timer(struct deadlines *queue)
{
	const struct deadline *next = first(queue);

	g_source_set_ready_time(queue->timer, next && queue->span > 0 ? next->at : -1);
}

static void come_due(struct deadline *deadline)
{
	deadline_stop(deadline);
	deadline->due(deadline->owner);
}

static gboolean on_time(GSource *source, GSourceFunc callback, gpointer data)
{
	struct deadlines *queue = ((struct timer *)source)->queue;
	gint64 now = g_source_get_time(source);

	(void)callback;
	(void)data;
	for (struct deadline *next; (next = first(queue)) && next->at <= now;)
		come_due(next);
	set_timer(queue);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = { .dispatch = on_time };

struct deadlines *deadlines_new(gint64 milliseconds)
{
	struct deadlines *queue = g_new0(struct deadlines, 1);

	g_queue_init(&queue->running);
	queue->span = milliseconds * 1000;
	queue->timer = g_source_new(&timer_funcs, sizeof(struct timer));
	((struct timer *)queue->timer)->queue = queue;
	g_source_attach(queue->timer, NULL);
	return queue;
}

void deadlines_free(struct deadlines *queue)
{
	if (!queue)
		return;
	g_source_destroy(queue->timer);
	g_source_unref(queue->timer);
	g_free(queue);
}

void deadline_start(struct deadline *deadline, struct deadlines *queue, void (*due)(void *owner),
		    void *owner)
{
	deadline_stop(deadline);
	*deadline = (struct deadline){
		.link.data = deadline,
		.at = g_get_monotonic_time() + queue->span,
		.queue = queue,
		.due = due,
		.owner = owner,
	};
	g_queue_push_tail_link(&queue->running, &deadline->link);
	if (first(queue) == deadline)
		set_timer(queue);
}

/* The timer is left as it is: too early costs one look, and nearly every deadline is stopped. */
void deadline_stop(struct deadline *deadline)
{
	if (!deadline_is_running(deadline))
		return;
	g_queue_unlink(&deadline->queue->running, &deadline->link);
	deadline->link.data = NULL;
}

gboolean deadline_is_running(const struct deadline *deadline)
{
	return deadline->link.data != NULL;
}

gboolean deadlines_hurry(struct deadlines *queue)
{
	struct deadline *next = first(queue);

	if (next)
		come_due(next);
	return next != NULL;
}
