/* A page by libuv: many sockets in one loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MANY 50

struct fetch {
	uv_tcp_t socket;
	uv_connect_t connect;
	uv_write_t write;
	char text[4096];
	size_t length;
};

static struct fetch all[MANY];
static int status;

static void lend(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
	struct fetch *f = (struct fetch *)handle;

	(void)size;
	*ret = uv_buf_init(f->text + f->length, (unsigned)(sizeof(f->text) - 1 - f->length));
}

static void take(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	struct fetch *f = (struct fetch *)stream;

	(void)buffer;
	if (length >= 0) { /* 0: nothing just now */
		f->length += (size_t)length;
		return;
	}
	const char *body = strstr(f->text, "\r\n\r\n");
	if (f == all && body)
		fputs(body + 4, stdout);
	uv_close((uv_handle_t *)stream, NULL);
}

static void begin(uv_connect_t *connect, int error)
{
	struct fetch *f = (struct fetch *)connect->handle;
	static char request[] = "GET /page HTTP/1.0\r\n\r\n";
	const uv_buf_t text = uv_buf_init(request, sizeof(request) - 1);

	if (error) {
		fprintf(stderr, "%s\n", uv_strerror(error));
		status = 1;
		uv_close((uv_handle_t *)&f->socket, NULL);
		return;
	}
	uv_write(&f->write, (uv_stream_t *)&f->socket, &text, 1, NULL);
	uv_read_start((uv_stream_t *)&f->socket, lend, take);
}

static void resolved(uv_getaddrinfo_t *question, int error, struct addrinfo *list)
{
	(void)question;
	if (error) {
		fprintf(stderr, "%s\n", uv_strerror(error));
		status = 1;
		return;
	}
	for (unsigned i = 0; i < MANY; i++) {
		uv_tcp_init(uv_default_loop(), &all[i].socket);
		uv_tcp_connect(&all[i].connect, &all[i].socket, list->ai_addr, begin);
	}
	uv_freeaddrinfo(list);
}

int main(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	uv_getaddrinfo_t question;

	uv_getaddrinfo(uv_default_loop(), &question, resolved, getenv("HOST"), "80", &hints);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return status;
}
