"""Real servers on loopback ports for notifications: mail (aiosmtpd) with TLS and login, HTTP(S), and servers that misbehave."""
import asyncio
import datetime
import email
import email.policy
import ipaddress
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A certificate authority of the office's own; `file` is what a configuration names as ca_file."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {name}")])
        certificate = self._sign(self.name, self.key.public_key(), [(x509.BasicConstraints(ca=True, path_length=None), True)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, public_key, extensions, days=30):
        now = datetime.datetime.utcnow()
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=60))
        builder = builder.not_valid_after(now + datetime.timedelta(days=days))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def context(self, host="127.0.0.1", days=30):
        """The TLS of a server that says it is `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        certificate = self._sign(x509.Name([]), key.public_key(), [(x509.SubjectAlternativeName([name]), True)], days)
        path = self.folder / f"server-{x509.random_serial_number()}.pem"
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
                         + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


class MailServer:
    """`messages` are the parsed mails in the order they came, each with .recipient and .login; `refused` addresses get a 550."""

    def __init__(self, starttls=None, tls=None, user=None, password=None, port=0):
        self.messages, self.refused, self.tries = [], set(), []
        self.user, self.password = user, password
        self.options = {"tls_context": starttls, "require_starttls": starttls is not None, "auth_required": user is not None,
                        "authenticator": self.authenticate if user else None, "auth_require_tls": starttls is not None}
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: SMTP(self, hostname="localhost", loop=self.loop, **self.options), "127.0.0.1", port, ssl=tls))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def authenticate(self, server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (self.user.encode(), self.password.encode())
        self.tries.append((mechanism, good))
        return AuthResult(success=good, handled=False, auth_data=data.login if good else None)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 5.1.1 no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message.recipients, message.sender, message.raw = envelope.rcpt_tos, envelope.mail_from, envelope.content
        message.encrypted = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
        message.login = session.auth_data
        self.messages.append(message)
        return "250 taken"

    def close(self):
        self.loop.call_soon_threadsafe(self.server.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


class BadServer:
    """Accepts connections and lets `behaviour(connection)` play; what it holds open is closed at the end."""

    def __init__(self, behaviour):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.behaviour = [], behaviour
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.play, args=(connection,), daemon=True).start()

    def play(self, connection):
        try:
            self.behaviour(connection)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


def hang(connection):
    """Says nothing, ever."""


def drop(connection):
    connection.close()


def smtp_until(word, answer):
    """Speaks SMTP in the open up to a command that begins with `word`; then sends `answer` and says no more, or closes where it is None."""

    def play(connection):
        lines = connection.makefile("rb")
        connection.sendall(b"220 localhost\r\n")
        for line in lines:
            if line.upper().startswith(word):
                if answer is None:
                    connection.shutdown(socket.SHUT_RDWR)
                else:
                    connection.sendall(answer)
                    lines.read()
                return
            connection.sendall(b"354 go on\r\n" if line.upper().startswith(b"DATA") else b"250 OK\r\n")

    return play


def smtp_cut_in_data(connection):
    """Takes a few lines of the message and is gone."""
    lines = connection.makefile("rb")
    connection.sendall(b"220 localhost\r\n")
    for line in lines:
        if line.upper().startswith(b"DATA"):
            connection.sendall(b"354 go on\r\n")
            for _ in range(3):
                lines.readline()
            connection.shutdown(socket.SHUT_RDWR)
            return
        connection.sendall(b"250 OK\r\n")


def smtp_endless(connection):
    """A greeting that never ends."""
    while True:
        connection.sendall(b"220-" + b"x" * 500 + b"\r\n")


def http_endless(connection):
    """An answer that never ends."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def http_endless_headers(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: " + b"x" * 4000 + b"\r\n")


class WebServer:
    """`requests` are what came, each with .method, .path, .headers, .body; answers `status`, with `location` where that is set."""

    def __init__(self, tls=None, port=0):
        self.requests, self.status, self.location, self.closed = [], 200, None, False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.method = self.command
                owner.requests.append(self)
                self.send_response(owner.status)
                if owner.location:
                    self.send_header("Location", owner.location)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"OK")

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        if not self.closed:
            self.closed = True
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


def closed_port():
    """A port at which nobody listens; it was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
