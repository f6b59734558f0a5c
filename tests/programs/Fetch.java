import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

/** Each way by which Java connects: blocking, with a time limit, a selector, and HttpClient. */
public class Fetch {
	static final byte[] REQUEST = "GET /page HTTP/1.0\r\n\r\n".getBytes();

	static String body(byte[] all) {
		return new String(all, StandardCharsets.UTF_8).split("\r\n\r\n", 2)[1];
	}

	static String bySocket(InetSocketAddress to, int limit) throws IOException {
		try (Socket socket = new Socket()) {
			socket.connect(to, limit);
			socket.getOutputStream().write(REQUEST);
			return body(socket.getInputStream().readAllBytes());
		}
	}

	static String bySelector(InetSocketAddress to) throws IOException {
		Selector selector = Selector.open();
		SocketChannel channel = SocketChannel.open();
		ByteArrayOutputStream all = new ByteArrayOutputStream();
		ByteBuffer buffer = ByteBuffer.allocate(4096);

		channel.configureBlocking(false);
		channel.register(selector, SelectionKey.OP_CONNECT);
		channel.connect(to);
		while (true) {
			selector.select();
			for (SelectionKey key : selector.selectedKeys()) {
				if (key.isConnectable() && channel.finishConnect()) {
					channel.write(ByteBuffer.wrap(REQUEST));
					key.interestOps(SelectionKey.OP_READ);
				} else if (key.isReadable()) {
					buffer.clear();
					if (channel.read(buffer) < 0)
						return body(all.toByteArray());
					all.write(buffer.array(), 0, buffer.position());
				}
			}
			selector.selectedKeys().clear();
		}
	}

	static String byClient(String host) throws Exception {
		HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + host + "/page")).build();
		return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
	}

	public static void main(String[] arguments) throws Exception {
		String host = System.getenv("HOST");
		InetSocketAddress to = new InetSocketAddress(host, 80);
		Set<String> pages = new HashSet<>(
			List.of(bySocket(to, 0)));

		pages.add(bySocket(to, 20000));
		pages.add(bySelector(to));
		pages.add(byClient(host));
		if (pages.size() != 1)
			throw new IOException(pages.toString());
		System.out.print(pages.iterator().next());
	}
}
