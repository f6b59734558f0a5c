/* A page by libevent: many buffered sockets in one loop. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 50

static unsigned left = MANY;
static struct event_base *base;

static void finish(struct bufferevent *b, short what, void *first)
{
	if (what & BEV_EVENT_CONNECTED) {
		bufferevent_write(b, "GET /page HTTP/1.0\r\n\r\n", 22);
		return;
	}
	if (what & BEV_EVENT_ERROR)
		fprintf(stderr, "%s\n", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	struct evbuffer *in = bufferevent_get_input(b);
	const char *all = (const char *)evbuffer_pullup(in, -1);
	const size_t length = evbuffer_get_length(in);
	const char *body = all ? memmem(all, length, "\r\n\r\n", 4) : NULL;
	if (first && body)
		fwrite(body + 4, 1, length - (size_t)(body + 4 - all), stdout);
	bufferevent_free(b);
	if (--left == 0)
		event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	struct event_config *config = event_config_new();

	for (int i = 1; i < argc; i++)
		event_config_avoid_method(config, argv[i]);
	base = event_base_new_with_config(config);
	if (!base || getaddrinfo(getenv("HOST"), "80", &hints, &list) != 0)
		return 1;
	for (unsigned i = 0; i < MANY; i++) {
		struct bufferevent *b = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
		bufferevent_setcb(b, NULL, NULL, finish, i == 0 ? b : NULL);
		bufferevent_enable(b, EV_READ | EV_WRITE);
		if (bufferevent_socket_connect(b, list->ai_addr, (int)list->ai_addrlen) < 0)
			return 1;
	}
	event_base_dispatch(base);
	return left != 0;
}
