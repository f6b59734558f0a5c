# far.py: the printer of elsewhere.py at port 631, which says to everybody who he is, and a SOCKS5 proxy at port 1080 that
# says so in every target's place. Any address.
import socket, threading

def greet(s, peer):
    s.sendall(f"hello {peer[0]} {peer[1]}\n".encode())
    s.recv(1)

def proxy(s, peer):
    s.recv(99)
    s.sendall(b"\5\0")
    s.recv(300)
    s.sendall(b"\5\0\0\1" + bytes(6))
    greet(s, peer)

def serve(listener, how):
    while True:
        threading.Thread(target=how, args=listener.accept(), daemon=True).start()

for port, how in (631, greet), (1080, proxy):
    threading.Thread(target=serve, args=(socket.create_server(("", port)), how), daemon=True).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO: the answer comes from where the question went
u.bind(("", 631))
print("ready", flush=True)
while True:
    text, control, _, peer = u.recvmsg(99, 99)
    info = bytearray(control[0][2])
    info[4:8] = info[8:12]
    u.sendmsg([f"{text.decode()} {peer[0]} {peer[1]}".encode()], [(0, 8, bytes(4) + bytes(info[4:8]) + bytes(4))], 0, peer)
