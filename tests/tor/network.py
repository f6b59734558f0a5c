#!/usr/bin/env python3
"""
network.py [--folder DIR] [--] [COMMAND ...]

A whole Tor network on loopback: a directory authority, five relays (all of them exits), a client,
onion services, a name server for the exits and the servers they connect to. It is meant for a
network namespace of its own, where nothing can leave; elsewhere it refuses to start.

When the network takes streams the onion addresses are printed as one line of JSON; then COMMAND runs
and its end is the network's; without one SIGTERM or SIGINT ends it.

    127.0.0.1:9050   SOCKS, ExtendedErrors          127.0.0.1:80   HTTP, also on 127.0.0.2 and ::1
    127.0.0.1:9060   SOCKS                          127.0.0.1:7    says back what it is sent
    127.0.0.1:9070   SOCKS, OnionTrafficOnly        127.0.0.1:1    nobody, ever
    127.0.0.1:9051   the client's control port
"""
import argparse
import base64
import json
import os
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time

RELAYS = 5
AUTHORITY_OR, AUTHORITY_DIR, DNS_PORT = 5000, 7000, 5353
SOCKS_EXTENDED, CONTROL, SOCKS_PLAIN, SOCKS_ONION = 9050, 9051, 9060, 9070
BOOT_LIMIT = 300  # seconds; it takes 15, more where others are at work

# RFC 7748 §6.1: Bob's key pair, which AUTH takes, and a private key of nobody whom it knows.
BOB_PRIVATE = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
OTHER_PRIVATE = 32 * "58"

# What the exits' name server knows. Everything else does not exist.
NAMES = {
    "www.tornet.test": (["127.0.0.1"], []),
    "two.tornet.test": (["127.0.0.2"], []),
    "six.tornet.test": ([], ["::1"]),
    "both.tornet.test": (["127.0.0.1"], ["::1"]),
    "mapped.tornet.test": (["198.51.100.10"], []),
    "distant.tornet.test": ([], ["2001:db8::10"]),
    "noroute.tornet.test": (["127.255.255.255"], []),
    **{f"n{i}.tornet.test": (["127.0.0.1"], []) for i in range(1, 10)},
}
POINTERS = {"7.100.51.198.in-addr.arpa": "ptr.tornet.test"}


class Failure(Exception):
    pass


# ---- the servers ----


class Http(socketserver.StreamRequestHandler):
    """Says who was asked, and what for: GET /path of Host www becomes "www/path"."""

    def handle(self):
        asked, host = self.rfile.readline().split(), b""
        while (line := self.rfile.readline().strip()):
            if line.lower().startswith(b"host:"):
                host = line[5:].strip()
        if len(asked) == 3:
            text = b"this is %s%s\n" % (host, asked[1])
            head = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            self.wfile.write(head % len(text) + text)


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Dns(socketserver.BaseRequestHandler):
    """RFC 1035 §4.1, one question at a time, no compression but of the name asked for."""

    A, PTR, AAAA, NXDOMAIN = 1, 12, 28, 3

    def handle(self):
        query, sock = self.request
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii").lower())
            at += 1 + query[at]
        question = query[12 : at + 5]
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        records = self.records(".".join(labels), kind)
        code = self.NXDOMAIN if records is None else 0
        answer = b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
            for data in records or []
        )
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records or []), 0, 0)
        sock.sendto(head + question + answer, self.client_address)

    def records(self, name, kind):
        if name in POINTERS:
            labels = POINTERS[name].split(".")
            data = b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"
            return [data] if kind == self.PTR else []
        if name not in NAMES:
            return None
        four, six = NAMES[name]
        if kind == self.A:
            return [socket.inet_aton(x) for x in four]
        return [socket.inet_pton(socket.AF_INET6, x) for x in six] if kind == self.AAAA else []


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 256


class Server6(Server):
    address_family = socket.AF_INET6


class DnsServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


def start_servers():
    for server in (
        Server(("127.0.0.1", 80), Http),
        Server(("127.0.0.2", 80), Http),
        Server6(("::1", 80), Http),
        Server(("127.0.0.1", 7), Echo),
        DnsServer(("127.0.0.1", DNS_PORT), Dns),
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()


# ---- one tor ----


class Tor:
    """One tor and its control connection, which tells what has happened; no sleeps."""

    def __init__(self, net, name, lines):
        self.net, self.name = net, name
        self.folder = os.path.join(net.folder, name)
        self.lines = lines
        os.makedirs(os.path.join(self.folder, "keys"), mode=0o700, exist_ok=True)
        os.chmod(self.folder, 0o700)

    def write(self):
        text = [
            "TestingTorNetwork 1",
            f"DataDirectory {self.folder}",
            f"ControlSocket {self.folder}/control",
            f"Log notice file {self.folder}/log",
            "CookieAuthentication 0",
            "AssumeReachable 1",
            "OutboundBindAddress 127.0.0.1",
            "ConfluxEnabled 0",
            # After a hundred circuits tor thinks 50 ms enough for one, which a busy machine is not.
            "LearnCircuitBuildTimeout 0",
            "CircuitBuildTimeout 20",
            "DisableDebuggerAttachment 0",
            "ShutdownWaitLength 0",
            *self.net.authority_line,
            *self.lines,
        ]
        with open(self.path("torrc"), "w") as out:
            out.write("\n".join(text) + "\n")
        open(self.path("defaults"), "w").close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def argv(self, *more):
        return ["tor", "-f", self.path("torrc"), "--defaults-torrc", self.path("defaults"), *more]

    def start(self):
        self.write()
        self.process = subprocess.Popen(
            self.argv("--quiet"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.net.running.append(self)

    def open_control(self, *events):
        """tor makes the socket some time after its start and tells nobody: ask until it is there."""
        while True:
            self.control = socket.socket(socket.AF_UNIX)
            try:
                self.control.connect(self.path("control"))
                break
            except OSError:
                self.control.close()
            if self.process.poll() is not None:
                raise Failure(f"{self.name} has ended; see {self.path('log')}")
            self.net.left()
            time.sleep(0.02)
        self.buffer, self.events = b"", []
        self.command("AUTHENTICATE")
        if events:
            self.command("SETEVENTS " + " ".join(events))

    def line(self):
        while b"\r\n" not in self.buffer:
            self.control.settimeout(self.net.left())
            try:
                got = self.control.recv(65536)
            except TimeoutError:
                raise Failure(f"{self.name} says nothing more; see {self.path('log')}") from None
            if not got:
                raise Failure(f"{self.name} has ended; see {self.path('log')}")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("utf-8", "replace")

    def command(self, text):
        self.control.sendall(text.encode() + b"\r\n")
        answer = []
        while True:
            line = self.line()
            if line.startswith("650"):
                self.events.append(line)
                continue
            answer.append(line)
            if line[:3].isdigit() and line[3:4] == " ":
                break
        if not answer[-1].startswith("250"):
            raise Failure(f"{self.name}: {text.split()[0]}: {answer[-1]}")
        return answer

    def wait(self, *parts):
        """The first event from now on, or not looked at yet, that has all these parts."""
        while True:
            line = self.events.pop(0) if self.events else self.line()
            if all(part in line for part in parts):
                return line


# ---- the network ----


class Network:
    def __init__(self, folder):
        self.folder, self.running, self.authority_line = folder, [], []
        self.deadline = time.monotonic() + BOOT_LIMIT

    def left(self):
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Failure(f"no network after {BOOT_LIMIT} s; the logs are in {self.folder}")
        return left

    def relay(self, name, port, *more):
        return Tor(
            self,
            name,
            [
                f"Nickname {name}",
                "Address 127.0.0.1",
                f"ORPort 127.0.0.1:{port}",
                "SocksPort 0",
                "ExitRelay 1",
                "IPv6Exit 1",
                "ExitPolicyRejectPrivate 0",
                # 127/8 alone would make it no exit in the eyes of clients.
                "ExitPolicy reject *:25",
                "ExitPolicy accept *:*",
                f"ServerDNSResolvConfFile {self.folder}/resolv.conf",
                "ServerDNSDetectHijacking 0",
                "ServerDNSAllowBrokenConfig 1",
                "ServerDNSTestAddresses",
                "ContactInfo none",
                *more,
            ],
        )

    def make_authority(self):
        authority = self.relay(
            "authority",
            AUTHORITY_OR,
            f"DirPort 127.0.0.1:{AUTHORITY_DIR}",
            "AuthoritativeDirectory 1",
            "V3AuthoritativeDirectory 1",
            # The first vote must hold every relay, and then nothing may change during a test: the
            # vote is called when all are there, by TestingV3AuthVotingStartOffset.
            "TestingV3AuthInitialVotingInterval 1800",
            "TestingV3AuthInitialVoteDelay 2",
            "TestingV3AuthInitialDistDelay 2",
            "V3AuthVotingInterval 1800",
            "V3AuthVoteDelay 2",
            "V3AuthDistDelay 2",
            "V3AuthNIntervalsValid 100",
            "TestingDirAuthVoteExit *",
            "TestingDirAuthVoteGuard *",
            "TestingDirAuthVoteHSDir *",
            "TestingMinExitFlagThreshold 0",
            "AuthDirMaxServersPerAddr 0",
            "ConsensusParams cc_alg=0",
        )
        keys = authority.path("keys/")
        run = lambda argv, **more: subprocess.run(
            argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more
        ).stdout
        run(
            ["tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12"]
            + ["-a", f"127.0.0.1:{AUTHORITY_DIR}", "-i", keys + "authority_identity_key"]
            + ["-s", keys + "authority_signing_key", "-c", keys + "authority_certificate"],
            input="of no secret\n",
        )
        with open(keys + "authority_certificate") as text:
            (identity,) = (x.split()[1] for x in text if x.startswith("fingerprint "))
        # Without its own line an authority does not start; that line needs its fingerprint.
        self.authority_line = [f"DirAuthority x 127.0.0.1:1 {'F' * 40}"]
        authority.write()
        run(authority.argv("--list-fingerprint", "--hush"))
        with open(authority.path("fingerprint")) as text:
            fingerprint = text.read().split()[1]
        self.authority_line = [
            f"DirAuthority authority orport={AUTHORITY_OR} no-v2 v3ident={identity} "
            f"127.0.0.1:{AUTHORITY_DIR} {fingerprint}"
        ]
        return authority

    def boot_relays(self):
        authority = self.make_authority()
        relays = [self.relay(f"relay{i}", AUTHORITY_OR + i) for i in range(1, RELAYS + 1)]
        for tor in (authority, *relays):
            tor.start()
        authority.open_control("NEWDESC", "NEWCONSENSUS")
        for tor in relays:
            tor.open_control("NEWCONSENSUS")
        self.wait_for_descriptors(authority)
        # Votes are cast four seconds before the consensus becomes valid.
        authority.command(f"SETCONF TestingV3AuthVotingStartOffset={(int(time.time()) + 6) % 1800}")
        authority.wait("650", "NEWCONSENSUS")
        # A relay that asked too early asks again only much later, but for this.
        for tor in relays:
            tor.command("SIGNAL HUP")
        for tor in relays:
            tor.wait("650", "NEWCONSENSUS")

    @staticmethod
    def wait_for_descriptors(authority):
        while True:
            known = authority.command("GETINFO desc/all-recent")
            if sum(x.startswith("router ") for x in known) == RELAYS + 1:
                return
            authority.wait("650", "NEWDESC")

    def boot_client(self):
        client = Tor(
            self,
            "client",
            [
                f"SocksPort 127.0.0.1:{SOCKS_EXTENDED} ExtendedErrors",
                f"SocksPort 127.0.0.1:{SOCKS_PLAIN}",
                f"SocksPort 127.0.0.1:{SOCKS_ONION} OnionTrafficOnly ExtendedErrors",
                f"ControlPort 127.0.0.1:{CONTROL}",
                "MapAddress 198.51.100.10 127.0.0.1",
                "ClientUseIPv6 1",
                *self.layers(),
            ],
        )
        services = Tor(self, "services", ["SocksPort 0", *self.layers()])
        for tor in (client, services):
            tor.start()
        for tor in (client, services):
            tor.open_control("STATUS_CLIENT", "HS_DESC")
        onions = self.add_onions(services)
        for tor in (client, services):
            ready = tor.command("GETINFO status/bootstrap-phase")
            if "PROGRESS=100" not in ready[0]:
                tor.wait("BOOTSTRAP", "PROGRESS=100")
        self.publish(services, onions)
        return onions

    def layers(self):
        """
        In a network this small tor's own choice of hops was seen to take the guard for the rendezvous
        point, and nothing else: three hops A-B-A, which B refuses, again and again until the stream
        times out. So each hop before the last has relays of its own.
        """

        def relays(*numbers):
            found = []
            for number in numbers:
                with open(os.path.join(self.folder, f"relay{number}", "fingerprint")) as text:
                    found.append(text.read().split()[1])
            return ",".join(found)

        return [
            f"EntryNodes {relays(1)}",
            f"HSLayer2Nodes {relays(2, 3)}",
            f"HSLayer3Nodes {relays(4, 5)}",
        ]

    @staticmethod
    def add_onions(services):
        def add(more, flags="DiscardPK"):
            answer = services.command(f"ADD_ONION NEW:ED25519-V3 Flags={flags} {more}")
            return answer[0].split("=", 1)[1]

        public = base64.b32encode(bytes.fromhex(BOB_PUBLIC)).decode().rstrip("=")
        onions = {
            "offline": add("Port=80,127.0.0.1:80"),
            # 81 has nobody behind it, 82 is not served.
            "open": add("Port=80,127.0.0.1:80 Port=7,127.0.0.1:7 Port=81,127.0.0.1:1"),
            "auth": add(f"Port=80,127.0.0.1:80 ClientAuthV3={public}", "V3Auth,DiscardPK"),
            "ghost": add("Port=80,127.0.0.1:80"),
        }
        # Taken back before there is a network that could be told of it.
        services.command(f"DEL_ONION {onions['offline']}")
        return onions

    @staticmethod
    def publish(services, onions):
        """Every HSDir must have them, for a client asks one of its own choice."""
        waiting, asked = {onions["open"], onions["auth"], onions["ghost"]}, {}
        while waiting:
            line = services.wait("650 HS_DESC")
            _, _, action, onion, _, directory, *_ = line.split() + [""]
            if action == "UPLOAD":
                asked.setdefault(onion, set()).add(directory)
            elif action == "UPLOADED":
                asked.setdefault(onion, set()).discard(directory)
                if not asked[onion]:
                    waiting.discard(onion)
        services.command(f"DEL_ONION {onions['ghost']}")

    def boot(self):
        with open(os.path.join(self.folder, "resolv.conf"), "w") as out:
            out.write(f"nameserver 127.0.0.1:{DNS_PORT}\n")
        start_servers()
        self.boot_relays()
        onions = self.boot_client()
        key = lambda text: base64.b64encode(bytes.fromhex(text)).decode()
        return {
            **{name: f"{onion}.onion" for name, onion in onions.items()},
            "key": key(BOB_PRIVATE),
            "other_key": key(OTHER_PRIVATE),
        }

    def stop(self):
        for tor in self.running:
            tor.process.terminate()
        for tor in self.running:
            try:
                tor.process.wait(5)
            except subprocess.TimeoutExpired:
                tor.process.kill()


def refuse_to_leak():
    """Only where loopback is all there is."""
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    if others:
        raise Failure(
            f"this machine has {', '.join(others)}; start it in a network namespace: "
            "make tor-network"
        )


def end(*_):
    raise SystemExit(0)


def main():
    parser = argparse.ArgumentParser(description="a Tor network on loopback")
    parser.add_argument("--folder", help="where its files go; by default a new one, removed at the end")
    parser.add_argument("command", nargs="*", help="runs in the network; its end is the network's")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    folder = options.folder or tempfile.mkdtemp(prefix="isosocks-tor-")
    os.makedirs(folder, exist_ok=True)
    network, failed = Network(folder), False
    try:
        refuse_to_leak()
        print(json.dumps(network.boot()), flush=True)
        if options.command:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return subprocess.run(options.command).returncode
        while True:
            signal.pause()
    except (Failure, OSError, subprocess.CalledProcessError) as error:
        print(f"network.py: {error}", file=sys.stderr)
        failed = True
        return 1
    finally:
        network.stop()
        if not options.folder and not failed:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
