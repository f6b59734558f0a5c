/** The address that the parent resolved is its child's too. Usage: Children HOST PROGRAM PORT; each child of PROGRAM ADDRESS PORT. */
import java.net.InetAddress;
import java.net.Inet4Address;

class Children {
    static void run(String[] command, boolean clear) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        if (clear)
            builder.environment().clear();
        int status = builder.start().waitFor();
        if (status != 0)
            System.exit(status);
    }

    public static void main(String[] argument) throws Exception {
        for (InetAddress address : InetAddress.getAllByName(argument[0])) {
            if (!(address instanceof Inet4Address))
                continue;
            String[] command = { argument[1], address.getHostAddress(), argument[2] };
            run(command, false);
            run(command, true);
            return;
        }
    }
}
