"""Makes and verifies attestations of distributions (PEP 740), with PyPI's own library.

Standard input is one line, a JSON object:

    files      [{"name", "sha256", "path"}]: distributions, and the files of their attestations
    token      to sign: the job's OpenID Connect token of the audience `sigstore`; without it, to verify
    publisher  the identity to verify against, as PyPI describes a publisher; none for any
    trust      a file with a Sigstore client trust config; none for the public instance

Standard output is one JSON object a line and file, as soon as the file is done: `name`, and of its attestation
`log_index`, `identity`, `repository` and `workflow`; or `error` and `kind`, which is `outage` if the services did not
answer, `unverified` if the attestation does not verify, else `failed`. After an error nothing further is signed. An
attestation has been verified when it is written.
"""

import json
import os
import re
import sys

import requests
from cryptography.x509 import SubjectAlternativeName
from pypi_attestations import (
    Attestation,
    Distribution,
    GitHubPublisher,
    GitLabPublisher,
    VerificationError,
)
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext
from sigstore.verify import Verifier, policy

# In seconds, for an answer of the certificate authority or the log
PATIENCE = 30
# Extensions of Fulcio's certificates (https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md)
REPOSITORY = "1.3.6.1.4.1.57264.1.12"
BUILD_CONFIG = "1.3.6.1.4.1.57264.1.18"
PUBLISHERS = {"GitHub": GitHubPublisher, "GitLab": GitLabPublisher}


def with_timeouts():
    """Makes every request end; the libraries would wait forever."""
    send = requests.adapters.HTTPAdapter.send

    def within(self, request, **options):
        options["timeout"] = PATIENCE
        return send(self, request, **options)

    requests.adapters.HTTPAdapter.send = within


def chain(error):
    """An error and what caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_outage(error):
    """Whether a service did not answer, or said that it cannot. The client of the repository with the instance's keys
    has errors of its own."""
    response = getattr(error, "response", None)
    if isinstance(response, requests.Response):
        return response.status_code >= 500 or response.status_code == 429
    is_silence = isinstance(error, (requests.ConnectionError, requests.Timeout))
    return is_silence or type(error).__name__ in ("DownloadError", "MaxRetryError")


def described(error):
    """What went wrong, and of which kind it is."""
    causes = list(chain(error))
    kind = "unverified" if isinstance(error, VerificationError) else "failed"
    if any(is_outage(cause) for cause in causes):
        kind = "outage"
    words = []
    for cause in causes:
        response = getattr(cause, "response", None)
        # The library shows a whole extension where its text would do.
        text = re.sub(r" \(<Extension\(.*\)>\)", "", str(cause)) or type(cause).__name__
        if isinstance(response, requests.Response):
            text = f"HTTP {response.status_code} {response.text[:300]}".strip()
        if not any(text in word for word in words):
            words.append(text)
    return {"kind": kind, "error": ": ".join(words)}


def facts(attestation):
    """What an attestation says of its log entry and its signer."""
    certificate = attestation.to_bundle().signing_certificate
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    claims = attestation.certificate_claims
    return {
        "log_index": int(attestation.verification_material.transparency_entries[0]["logIndex"]),
        "identity": next((str(name.value) for name in names), ""),
        "repository": claims.get(REPOSITORY),
        "workflow": claims.get(BUILD_CONFIG),
    }


def write(path, text):
    """Writes a file whole or not at all."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def trust(path, offline):
    """The trust config in a file, or that of the public instance."""
    if path is None:
        return ClientTrustConfig.production(offline=offline)
    with open(path, encoding="utf-8") as file:
        return ClientTrustConfig.from_json(file.read())


def main():
    # What starts this keeps standard input open, to end it together with itself.
    request = json.loads(sys.stdin.readline())
    with_timeouts()
    token = request.get("token")
    try:
        config = trust(request.get("trust"), offline=token is None)
        root = config.trusted_root
    except Exception as error:
        print(json.dumps({"name": request["files"][0]["name"], **described(error)}))
        return
    # PyPI reads entries of the log's first version.
    config.force_tlog_version = 1
    Verifier.production = classmethod(lambda cls, *, offline=False: cls(trusted_root=root))
    publisher = request.get("publisher")
    identity = PUBLISHERS[publisher["kind"]](**publisher) if publisher else policy.UnsafeNoOp()

    signer = None
    for file in request["files"]:
        reply = {"name": file["name"]}
        try:
            distribution = Distribution(name=file["name"], digest=file["sha256"])
            if token is None:
                with open(file["path"], encoding="utf-8") as read:
                    attestation = Attestation.model_validate_json(read.read())
            else:
                # One key and one certificate, which is valid for ten minutes, for all files.
                signer = signer or Signer(IdentityToken(token), SigningContext.from_trust_config(config))
                attestation = Attestation.sign(signer, distribution)
            reply.update(facts(attestation))
            attestation.verify(identity, distribution, offline=True)
            if token is not None:
                write(file["path"], attestation.model_dump_json())
        except Exception as error:
            reply.update(described(error))
        print(json.dumps(reply), flush=True)
        if token is not None and "error" in reply:
            return


main()
