# elsewhere.py WAY [ARGS]: sockets that the policy lets go to another machine, where far.py serves them. Each way says what
# of the socket has come along: what differs from the same without isosocks is a fault.
import fcntl, os, select, signal, socket, struct, sys, threading
from socket import SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP

PRINTER = ("192.168.1.20", 631)
OPTIONS = [(SOL_SOCKET, socket.SO_KEEPALIVE, 1), (SOL_SOCKET, socket.SO_RCVBUF, 50000), (SOL_SOCKET, socket.SO_PRIORITY, 3),
           (SOL_SOCKET, socket.SO_REUSEADDR, 1), (SOL_SOCKET, socket.SO_BROADCAST, 1), (IPPROTO_IP, socket.IP_TTL, 33),
           (IPPROTO_IP, socket.IP_TOS, 16), (SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 7)),
           (SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 9, 0)), (IPPROTO_IP, 10, 2)]
STREAM = [(IPPROTO_TCP, socket.TCP_NODELAY, 1), (IPPROTO_TCP, socket.TCP_KEEPIDLE, 77), (IPPROTO_TCP, 18, 4321),
          (IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")]
# One instruction: at most 512 bytes of a packet are kept.
FILTER = struct.pack("HBBI", 6, 0, 0, 512)

attached = []

def told(s, options):
    return [s.getsockopt(level, name, 16).rstrip(b"\0") for level, name, _ in options]

def equip(s, options):
    import ctypes
    for level, name, value in options:
        s.setsockopt(level, name, value)
    room = ctypes.create_string_buffer(FILTER)
    try:  # of a stream some kernels let root alone
        s.setsockopt(SOL_SOCKET, 26, struct.pack("HxxxxxxP", 1, ctypes.addressof(room)))
        attached.append(s.fileno())
    except PermissionError:
        pass
    fcntl.fcntl(s, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(s, fcntl.F_SETSIG if hasattr(fcntl, "F_SETSIG") else 10, signal.SIGUSR1)

def has_filter(s):
    import ctypes
    room, count = ctypes.create_string_buffer(8), ctypes.c_uint(1)
    ctypes.CDLL(None).getsockopt(s.fileno(), SOL_SOCKET, 26, room, ctypes.byref(count))
    return room.raw == FILTER

def compare(s, before, options):
    after = told(s, options)
    for row, was, now in zip(options, before, after):
        if was != now:
            print("option", row[:2], was, now)
    print("owner", fcntl.fcntl(s, fcntl.F_GETOWN) == os.getpid(), fcntl.fcntl(s, 11) == signal.SIGUSR1)
    print("flags", fcntl.fcntl(s, fcntl.F_GETFD), fcntl.fcntl(s, fcntl.F_GETFL) & os.O_NONBLOCK != 0)

def prepared(kind, options):
    s = socket.socket(socket.AF_INET, kind)
    equip(s, options)
    s.bind(("198.51.100.2", 0))
    other = os.dup(s.fileno())
    os.set_inheritable(other, True)
    e = select.epoll()
    e.register(s, select.EPOLLIN)
    e.register(other, select.EPOLLIN)
    s.setblocking(False)
    return s, other, e, told(s, options), s.getsockname()

def wait(e, *fds):
    seen = set()
    while seen != set(fds):
        seen |= {fd for fd, event in e.poll(20) if event & select.EPOLLIN}
    print("epoll saw both")

def finish(s, other, name, before, options, text):
    compare(s, before, options)
    print("filter", has_filter(s) == (s.fileno() in attached))
    print("name kept", s.getsockname() == name, text.split()[1:] == [name[0], str(name[1])])
    print("same", os.fstat(other).st_ino == os.fstat(s.fileno()).st_ino, fcntl.fcntl(other, fcntl.F_GETFD))

def stream():
    s, other, e, before, name = prepared(socket.SOCK_STREAM, OPTIONS + STREAM)
    s.connect_ex(PRINTER)
    wait(e, s.fileno(), other)
    finish(s, other, name, before, OPTIONS + STREAM, s.recv(99).decode())

def datagram():
    s, other, e, before, name = prepared(socket.SOCK_DGRAM, OPTIONS)
    near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near.bind(("127.0.0.1", 0))
    s.sendto(b"home", near.getsockname())
    print("home", near.recv(9))
    s.sendto(b"printer", PRINTER)
    wait(e, s.fileno(), other)
    finish(s, other, name, before, OPTIONS, s.recv(99).decode())
    for where in ("203.0.113.7", 631), ("192.168.1.20", 632):
        try:
            print(s.sendto(b"elsewhere", where))
        except OSError as error:
            print(error.strerror)
    s.sendto(b"home", near.getsockname())
    print("home", near.recv(9))

def waiter():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 0))
    ways = {"recvfrom": lambda: s.recvfrom(99), "recv": lambda: (s.recv(99), PRINTER),
            "recvmsg": lambda: (lambda m: (m[0], m[3]))(s.recvmsg(99)), "read": lambda: (os.read(s.fileno(), 99), PRINTER)}
    got, state = [], []
    def wait_there():
        state.append(open("/proc/thread-self/syscall"))
        got.append(ways[sys.argv[2]]())
    thread = threading.Thread(target=wait_there, daemon=True)
    thread.start()
    numbers = {"x86_64": (45, 45, 47, 0), "aarch64": (207, 207, 212, 63)}[os.uname().machine]
    number = numbers[("recvfrom", "recv", "recvmsg", "read").index(sys.argv[2])]
    while not state or state[0].seek(0) or state[0].read().split()[0] != str(number):
        pass
    s.sendto(b"printer", PRINTER)
    thread.join(20)
    print("got", got[0][0].decode().split()[0], got[0][1])

def child():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    pid = os.fork()
    if pid == 0:
        s.sendto(b"printer", PRINTER)
        print(s.recv(99).decode().split()[0], flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    s.sendto(b"printer", PRINTER)
    print(s.recv(99).decode().split()[0])

globals()[sys.argv[1]]()
