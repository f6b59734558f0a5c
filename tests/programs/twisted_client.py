import os, sys
from twisted.internet import defer, endpoints, protocol, reactor


class Fetch(protocol.Protocol):
    def connectionMade(self):
        self.text = b""
        self.transport.write(b"GET /page HTTP/1.0\r\n\r\n")

    def dataReceived(self, data):
        self.text += data

    def connectionLost(self, reason):
        self.done.callback(self.text.split(b"\r\n\r\n", 1)[1].decode())


def fetch():
    client = Fetch()
    client.done = defer.Deferred()
    endpoint = endpoints.HostnameEndpoint(reactor, os.environ["HOST"], 80)
    return endpoints.connectProtocol(endpoint, client).addCallback(lambda client: client.done)


def finish(results):
    for good, result in results:
        if not good:
            sys.stderr.write(str(result.value) + "\n")
    if results[0][0]:
        print(results[0][1], end="")
    reactor.stop()


defer.DeferredList([fetch() for i in range(20)], consumeErrors=True).addCallback(finish)
reactor.run()
