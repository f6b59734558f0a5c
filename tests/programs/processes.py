# The address that the parent resolved is the children's too: by fork, and in a program of its own.
import os, socket, subprocess, sys

FETCH = """
import socket, sys
s = socket.create_connection((sys.argv[1], 80))
s.sendall(b"GET /page HTTP/1.0\\r\\n\\r\\n")
print(s.makefile("rb").read().split(b"\\r\\n\\r\\n", 1)[1].decode(), end="", flush=True)
"""
address = socket.getaddrinfo(os.environ["HOST"], 80, socket.AF_INET)[0][4][0]
child = os.fork()
if child == 0:
    sys.argv = ["fetch", address]
    exec(FETCH)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.wait()[1])
sys.exit(subprocess.run([sys.executable, "-c", FETCH, address]).returncode or status)
