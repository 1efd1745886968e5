"""A Sigstore instance on loopback: a certificate authority (Fulcio), a certificate transparency log, and a
transparency log (Rekor, version 1) with proofs that verify.

Usage: sigstore.py FOLDER. It runs until its standard input ends.

Writes `trust.json`, the instance's client trust config, into the folder once it listens, and appends one line for each
entry to `log.jsonl`. Obeys `mode.json`, which it reads for every request:

    fulcio, rekor   an HTTP status to fail with
    times           how often [default: always]
    claims          claims of the certificate that are to differ from the identity's
    expired         whether certificates have expired when they are issued
"""

import base64
import hashlib
import json
import os
import struct
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

ORIGIN = "rekor.test - 1"
ARC = "1.3.6.1.4.1.57264.1."
SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def b64(data):
    return base64.b64encode(data).decode()


def der(public_key):
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def canonical(value):
    """JSON as RFC 8785 has it, for values of ASCII strings and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def length(size):
    """A length in DER."""
    if size < 128:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def utf8_string(text):
    data = text.encode()
    return b"\x0c" + length(len(data)) + data


def root_of(leaves):
    """The root of a Merkle tree (RFC 6962, section 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def proof_of(leaves, at):
    """The path from a leaf to the root (RFC 6962, section 2.1.1)."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if at < split:
        return [*proof_of(leaves[:split], at), root_of(leaves[split:])]
    return [*proof_of(leaves[split:], at - split), root_of(leaves[:split])]


def claims_of(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def extensions(claims):
    """The values of Fulcio's extensions, by the last number of their identifier, and the subject's URI."""
    if claims["iss"] == "https://gitlab.com":
        base = "https://gitlab.com/"
        workflow = signer = "https://" + claims["ci_config_ref_uri"]
        repository, digest, ref = base + claims["project_path"], claims["sha"], claims.get("ref_path", "")
    else:
        base = "https://github.com/"
        workflow = base + claims["workflow_ref"]
        signer = base + claims["job_workflow_ref"]
        repository, digest, ref = base + claims["repository"], claims["sha"], claims["ref"]
    values = {
        8: claims["iss"],
        9: signer,
        10: digest,
        11: "github-hosted",
        12: repository,
        13: digest,
        14: ref,
        18: workflow,
        19: digest,
        22: claims.get("repository_visibility", "public"),
    }
    return values, signer


class Instance:
    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.leaves = []
        self.failures = 0
        self.authority = ec.generate_private_key(ec.SECP384R1())
        self.transparency = ec.generate_private_key(ec.SECP256R1())
        self.log = ec.generate_private_key(ec.SECP256R1())
        self.began = datetime.now(timezone.utc) - timedelta(days=1)
        self.name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"),
                x509.NameAttribute(NameOID.COMMON_NAME, "sigstore"),
            ]
        )
        public = self.authority.public_key()
        root = x509.CertificateBuilder().subject_name(self.name).issuer_name(self.name)
        root = root.public_key(public).serial_number(x509.random_serial_number())
        root = root.not_valid_before(self.began).not_valid_after(self.began + timedelta(days=3650))
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        root = root.add_extension(self.usage(certificates=True), critical=True)
        root = root.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        self.root = root.sign(self.authority, hashes.SHA384())

    @staticmethod
    def usage(certificates):
        return x509.KeyUsage(
            digital_signature=not certificates,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=certificates,
            crl_sign=certificates,
            encipher_only=False,
            decipher_only=False,
        )

    def mode(self):
        try:
            return json.loads((self.folder / "mode.json").read_text())
        except FileNotFoundError:
            return {}

    def key_id(self, key):
        return hashlib.sha256(der(key.public_key())).digest()

    def trust(self, url):
        valid = {"start": self.began.strftime("%Y-%m-%dT%H:%M:%SZ")}

        def log(key):
            return {
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": b64(der(key.public_key())),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid,
                },
                "logId": {"keyId": b64(self.key_id(key))},
            }

        root = b64(self.root.public_bytes(serialization.Encoding.DER))
        authority = {
            "subject": {"organization": "test", "commonName": "sigstore"},
            "uri": url,
            "certChain": {"certificates": [{"rawBytes": root}]},
            "validFor": valid,
        }
        service = {"url": url, "majorApiVersion": 1, "validFor": valid, "operator": "test"}
        media = "application/vnd.dev.sigstore."
        return {
            "mediaType": media + "clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": media + "trustedroot+json;version=0.1",
                "tlogs": [log(self.log)],
                "certificateAuthorities": [authority],
                "ctlogs": [log(self.transparency)],
                "timestampAuthorities": [],
            },
            "signingConfig": {
                "mediaType": media + "signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [],
                "tsaConfig": {"selector": "ANY"},
            },
        }

    def sct_list(self, precertificate):
        """The extension with a timestamp of the transparency log (RFC 6962, section 3.3)."""
        now = int(time.time() * 1000)
        tbs = precertificate.tbs_precertificate_bytes
        issuer = hashlib.sha256(der(self.authority.public_key())).digest()
        entry = issuer + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, now, 1) + entry + b"\0\0"
        signature = self.transparency.sign(signed, ec.ECDSA(hashes.SHA256()))
        sct = b"\0" + self.key_id(self.transparency) + struct.pack("!Q", now) + b"\0\0"
        sct += b"\4\3" + struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!H", len(sct)) + sct
        listed = struct.pack("!H", len(listed)) + listed
        return x509.UnrecognizedExtension(SCT_LIST, b"\x04" + length(len(listed)) + listed)

    def certificate(self, request, token, mode):
        csr = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"]))
        claims = claims_of(token)
        if claims["aud"] != "sigstore":
            raise ValueError("the token is for another audience")
        values, subject = extensions({**claims, **mode.get("claims", {})})
        now = datetime.now(timezone.utc)
        until = now - timedelta(seconds=5) if mode.get("expired") else now + timedelta(minutes=10)
        leaf = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(self.name)
        leaf = leaf.public_key(csr.public_key()).serial_number(x509.random_serial_number())
        leaf = leaf.not_valid_before(now - timedelta(minutes=1)).not_valid_after(until)
        leaf = leaf.add_extension(self.usage(certificates=False), critical=True)
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        keys = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key())
        leaf = leaf.add_extension(keys, critical=False)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(subject)])
        leaf = leaf.add_extension(names, critical=True)
        for number, value in values.items():
            extension = x509.UnrecognizedExtension(ObjectIdentifier(f"{ARC}{number}"), utf8_string(value))
            leaf = leaf.add_extension(extension, critical=False)
        # What the log signs has no timestamps yet, but otherwise the same bytes: hence one serial number for both.
        draft = leaf.add_extension(x509.UnrecognizedExtension(SCT_LIST, b"\x04\0"), critical=False)
        draft = draft.sign(self.authority, hashes.SHA384())
        final = leaf.add_extension(self.sct_list(draft), critical=False).sign(self.authority, hashes.SHA384())
        chain = [each.public_bytes(serialization.Encoding.PEM).decode() for each in (final, self.root)]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}

    def enter(self, proposed):
        """An entry of the kind `dsse`, version 0.0.1, which names the statement's hash and not the statement."""
        content = proposed["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        payload = base64.b64decode(envelope["payload"])
        [signature], [verifier] = envelope["signatures"], content["verifiers"]

        def digest(data):
            return {"algorithm": "sha256", "value": hashlib.sha256(data).hexdigest()}

        spec = {
            "envelopeHash": digest(content["envelope"].encode()),
            "payloadHash": digest(payload),
            "signatures": [{"signature": signature["sig"], "verifier": verifier}],
        }
        body = canonical({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        with self.lock:
            self.leaves.append(body)
            leaves = list(self.leaves)
            with open(self.folder / "log.jsonl", "a", encoding="utf-8") as file:
                subject = json.loads(payload)["subject"][0]
                file.write(json.dumps({**subject, "verifier": hashlib.sha256(verifier.encode()).hexdigest()}) + "\n")
        at, root = len(leaves) - 1, root_of(leaves)
        note = f"{ORIGIN}\n{len(leaves)}\n{b64(root)}\n"
        signed = self.log.sign(note.encode(), ec.ECDSA(hashes.SHA256()))
        checkpoint = f"{note}\n\u2014 rekor.test {b64(self.key_id(self.log)[:4] + signed)}\n"
        entry = {
            "body": b64(body),
            "integratedTime": int(time.time()),
            "logID": self.key_id(self.log).hex(),
            "logIndex": at,
        }
        promise = self.log.sign(canonical(entry), ec.ECDSA(hashes.SHA256()))
        entry["verification"] = {
            "signedEntryTimestamp": b64(promise),
            "inclusionProof": {
                "logIndex": at,
                "rootHash": root.hex(),
                "treeSize": len(leaves),
                "hashes": [each.hex() for each in proof_of(leaves, at)],
                "checkpoint": checkpoint,
            },
        }
        return {hashlib.sha256(body).hexdigest(): entry}


def handler(instance):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            mode = instance.mode()
            service = "fulcio" if self.path == "/api/v2/signingCert" else "rekor"
            if mode.get(service) and instance.failures < mode.get("times", instance.failures + 1):
                instance.failures += 1
                return self.reply(mode[service], {"message": f"{service} is told to fail"})
            if service == "fulcio":
                token = self.headers["Authorization"].removeprefix("Bearer ")
                return self.reply(200, instance.certificate(request, token, mode))
            return self.reply(201, instance.enter(request))

        def reply(self, status, value):
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def end_with_the_test():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    threading.Thread(target=end_with_the_test, daemon=True).start()
    folder = Path(sys.argv[1])
    instance = Instance(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(instance))
    trust = instance.trust(f"http://127.0.0.1:{server.server_port}")
    (folder / "trust.json.new").write_text(json.dumps(trust))
    (folder / "trust.json.new").rename(folder / "trust.json")
    server.serve_forever()


main()
