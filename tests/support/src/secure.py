"""An HTTPS server that takes uploads from clients with a certificate only, and a proxy that asks for a user, until the
standard input ends. The authority, the server's certificate and the client's are made in the current folder.

With hosts as arguments it is the server of all of them instead, lists a project for whoever signs in, asks for no
certificate, and the proxy takes everybody there whatever host is asked for."""

import base64
import datetime
import http.server
import ipaddress
import json
import os
import socket
import ssl
import sys
import threading
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOG = open("log", "a", buffering=1)
HOSTS = sys.argv[1:]


def certificate(name, issuer=None):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] + [x509.DNSName(host) for host in HOSTS]
            ),
            critical=False,
        )
    )
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    with open(f"{name}.pem", "wb") as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
        if issuer:
            file.write(key.private_bytes(serialization.Encoding.PEM, *form))
    return made, key


class Index(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = self.path == "/_/oidc/audience"
        self.answer(200 if found else 404, {"audience": "corp"} if found else {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/_/oidc/"):
            token = {"token": "made-for-" + json.loads(body)["token"]}
            self.answer(200, {"success": True, **token} if self.path.endswith("mint-token") else {})
            return
        name = body.split(b'filename="')[1].split(b'"')[0].decode()
        self.note("POST", name)
        self.answer(200, {})

    def note(self, *words):
        print(*words, self.connection.getpeercert()["subject"][0][0][1], file=LOG)

    def answer(self, status, content):
        if self.path.startswith("/_/oidc/"):
            self.note(self.path.rsplit("/", 1)[1])
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Elsewhere(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        signed_in = self.note("GET")
        page = {"meta": {"api-version": "1.0"}, "name": "demo", "files": []}
        self.answer(200 if signed_in else 401, page if signed_in else {})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200 if self.note("POST") else 403, {})

    def note(self, method):
        authorization = self.headers.get("Authorization", "")
        login = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        user = urllib.parse.quote(login.split(":")[0]) or "-"
        print(method, self.headers["Host"], self.path, user, file=LOG)
        return bool(authorization)

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_CONNECT(self):
        if HOSTS:
            self.connect("127.0.0.1", index.server_port)
            return
        wanted = "Basic " + base64.b64encode(b"pia:let-me-pass").decode()
        admitted = self.headers.get("Proxy-Authorization") == wanted
        print("CONNECT", "admitted" if admitted else "turned away", file=LOG)
        if not admitted:
            self.send_response(407)
            self.end_headers()
            return
        self.connect(*self.path.split(":"))

    def connect(self, host, port):
        server = socket.create_connection((host, int(port)))
        self.send_response(200)
        self.end_headers()
        thread = threading.Thread(target=pump, args=(server, self.connection))
        thread.start()
        pump(self.connection, server)
        thread.join()
        self.close_connection = True

    def log_message(self, *_):
        pass


def pump(source, target):
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


authority = certificate("authority")
certificate("server", authority)
certificate("client", authority)
index = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere if HOSTS else Index)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("server.pem")
context.load_verify_locations("authority.pem")
context.verify_mode = ssl.CERT_NONE if HOSTS else ssl.CERT_REQUIRED
index.socket = context.wrap_socket(index.socket, server_side=True)
proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
for server in index, proxy:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"Serving on {index.server_port} {proxy.server_port}", flush=True)
while os.read(0, 4096):
    pass
os._exit(0)
