"""A proxy that answers every RESOLVE and RESOLVE_PTR with the bytes of its argument (hex): ATYP and what follows, but for the port."""
import socket
import sys

answer = bytes.fromhex(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0), backlog=16)
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    with client, client.makefile("rb") as stream:
        greeting = stream.read(2)
        if len(greeting) < 2:
            continue
        methods = stream.read(greeting[1])
        method = 0 if 0 in methods else 2
        client.sendall(bytes([5, method]))
        if method == 2:
            stream.read(1)
            stream.read(stream.read(1)[0])
            stream.read(stream.read(1)[0])
            client.sendall(b"\1\0")
        head = stream.read(4)
        if len(head) == 4 and head[1] in (0xF0, 0xF1):
            client.sendall(b"\5\0\0" + answer + b"\0\0")
            stream.read(1)
        else:
            client.sendall(b"\5\2\0\1\0\0\0\0\0\0")
