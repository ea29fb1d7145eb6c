"""Gives tokens as Google and Entra ID do, and takes them as their models do.

What the gateway signs is checked by google-auth and PyJWT. Everything that a client of a flow needs is written into the
folder that is the first argument, before it listens.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google.auth.jwt
import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

folder = pathlib.Path(sys.argv[1])
lock = threading.Lock()
issued = {}
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
RESOURCE = "https://cognitiveservices.azure.com"
PLATFORM_SECRET = "the platform's own secret of 32 bytes"


def key_and_certificate(name):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem, certificate


google_pem, google_certificate = key_and_certificate("service-account")
azure_pem, azure_certificate = key_and_certificate("application")
GOOGLE_CERTIFICATES = {"key-1": google_certificate.public_bytes(serialization.Encoding.PEM).decode()}
THUMBPRINT = (
    base64.urlsafe_b64encode(hashlib.sha256(azure_certificate.public_bytes(serialization.Encoding.DER)).digest())
    .decode()
    .rstrip("=")
)


def platform_token(audience):
    now = datetime.datetime.now(datetime.timezone.utc)
    claims = {"aud": audience, "sub": "workload", "exp": now + datetime.timedelta(minutes=5)}
    return jwt.encode(claims, PLATFORM_SECRET, algorithm="HS256")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def issue(self, flow, field="access_token", **more):
        with lock:
            number = issued[flow] = issued.get(flow, 0) + 1
        self.answer(200, {field: f"{flow}-{number}", "token_type": "Bearer", **more})

    def refuse(self, error):
        self.answer(401, {"error": "invalid_client", "error_description": str(error)})

    @property
    def here(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/issued":
            return self.answer(200, issued)
        if url.path == "/computeMetadata/v1/instance/service-accounts/default/token":
            if self.headers.get("metadata-flavor") != "Google":
                return self.refuse("no metadata-flavor")
            return self.issue("google-metadata", expires_in=3599)
        if url.path == "/metadata/identity/oauth2/token":
            if self.headers.get("metadata") != "true" or query.get("resource") != RESOURCE:
                return self.refuse("not as a machine asks")
            return self.issue("azure-managed", expires_in="86399")
        if url.path == "/subject":
            if self.headers.get("x-platform") != "yes":
                return self.refuse("no header of the platform")
            return self.answer(200, {"id_token": platform_token("//iam.googleapis.com/pool")})
        self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        path = urllib.parse.urlsplit(self.path).path
        try:
            if path.endswith("/token") or path == "/sts":
                return self.give(path, dict(urllib.parse.parse_qsl(body.decode())))
            if path == "/impersonate":
                return self.impersonate(json.loads(body))
        except Exception as error:
            return self.refuse(error)
        self.take(path, json.loads(body))

    def give(self, path, form):
        if path == "/google/token" and form["grant_type"].endswith("jwt-bearer"):
            claims = google.auth.jwt.decode(
                form["assertion"], certs=GOOGLE_CERTIFICATES, audience=f"{self.here}/google/token"
            )
            assert claims["iss"] == "gateway@project.example" and claims["scope"] == SCOPE, claims
            assert claims["exp"] - claims["iat"] <= 3600, claims
            return self.issue("google-account", expires_in=3600)
        if path == "/google/token" and form["grant_type"] == "refresh_token":
            assert form["refresh_token"] == "refresh" and form["client_secret"] == "user-secret", form
            return self.issue("google-user", expires_in=3600)
        if path == "/sts":
            assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange", form
            jwt.decode(form["subject_token"], PLATFORM_SECRET, algorithms=["HS256"], audience=form["audience"])
            return self.issue("google-federated", expires_in=3600)
        tenant_path = "/tenant/oauth2/v2.0/token"
        assert path == tenant_path and form["client_id"] == "client", (path, form)
        assert form["scope"] == f"{RESOURCE}/.default" and form["grant_type"] == "client_credentials", form
        if "client_secret" in form:
            assert form["client_secret"] == "entra-secret", "AADSTS7000215: invalid client secret"
            return self.issue("azure-secret", expires_in=3599)
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", form
        assertion = form["client_assertion"]
        header = jwt.get_unverified_header(assertion)
        if header["alg"] == "PS256":
            assert header["x5t#S256"] == THUMBPRINT, header
            claims = jwt.decode(
                assertion, azure_certificate.public_key(), algorithms=["PS256"], audience=f"{self.here}{tenant_path}",
                options={"require": ["exp", "nbf", "iat", "jti", "iss", "sub"]},
            )
            assert claims["iss"] == claims["sub"] == "client", claims
            return self.issue("azure-certificate", expires_in=3599)
        jwt.decode(assertion, PLATFORM_SECRET, algorithms=["HS256"], audience="api://AzureADTokenExchange")
        return self.issue("azure-workload", expires_in=3599)

    def impersonate(self, body):
        assert self.headers["authorization"].startswith("Bearer google-federated-") and body["scope"] == [SCOPE], body
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        self.issue("google-impersonated", "accessToken", expireTime=until.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def take(self, path, body):
        """A model: it says with which token it was asked."""
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        flow, _, number = token.rpartition("-")
        if body_says(body) == "revoke" or not number.isdigit() or int(number) > issued.get(flow, 0):
            return self.answer(401, {"error": {"code": 401, "message": f"not {token}", "status": "UNAUTHENTICATED"}})
        if path.endswith(":generateContent"):
            content = {"role": "model", "parts": [{"text": token}]}
            candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
            return self.answer(200, {"candidates": candidates, "modelVersion": path})
        message = {"role": "assistant", "content": token}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        self.answer(200, {"id": "c", "object": "chat.completion", "created": 1, "model": path, "choices": choices})


def body_says(body):
    turns = body.get("messages") or body.get("contents")
    return json.dumps(turns[-1]) if "revoke" not in json.dumps(turns[-1]) else "revoke"


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
port = server.server_address[1]
here = f"http://127.0.0.1:{port}"


def write(name, value):
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


external = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/pool",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": f"{here}/sts",
}
write("account.json", {
    "type": "service_account", "client_email": "gateway@project.example", "private_key": google_pem,
    "private_key_id": "key-1", "token_uri": f"{here}/google/token",
})
write("user.json", {
    "type": "authorized_user", "client_id": "id", "client_secret": "user-secret", "refresh_token": "refresh",
    "token_uri": f"{here}/google/token",
})
write("subject.jwt", platform_token("//iam.googleapis.com/pool"))
write("federated.json", {**external, "credential_source": {"file": "subject.jwt"}})
write("impersonated.json", {
    **external,
    "credential_source": {
        "url": f"{here}/subject", "headers": {"x-platform": "yes"},
        "format": {"type": "json", "subject_token_field_name": "id_token"},
    },
    "service_account_impersonation_url": f"{here}/impersonate",
})
write("secret", "entra-secret")
write("wrong-secret", "not-the-secret")
write("certificate.pem", azure_pem + azure_certificate.public_bytes(serialization.Encoding.PEM).decode())
write("workload.jwt", platform_token("api://AzureADTokenExchange"))
print(f"listening on {here}", flush=True)
server.serve_forever()
