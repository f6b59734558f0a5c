import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;

/** Leak tcp|udp|name|child: one packet by Java's own means. */
class Leak {
	public static void main(String[] arguments) {
		try {
			attempt(arguments[0]);
			System.out.println("done");
		} catch (Exception e) {
			System.out.println(e);
		}
	}

	private static void attempt(String way) throws Exception {
		switch (way) {
		case "tcp" -> new Socket().connect(new InetSocketAddress("203.0.113.7", 80), 1000);
		case "udp" -> new DatagramSocket().send(new DatagramPacket(new byte[4], 4,
			new InetSocketAddress("203.0.113.7", 4242)));
		case "name" -> InetAddress.getByName("leak.example.test");
		default -> {
			ProcessBuilder child = new ProcessBuilder("./plain", "udp").inheritIO();
			child.environment().clear();
			child.start().waitFor();
		}
		}
	}
}
