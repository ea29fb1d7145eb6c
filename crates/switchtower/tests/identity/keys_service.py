"""Lends keys as AWS does, and takes requests that are signed with them as Bedrock does.

Signatures are checked by botocore, which signs the same request once more. Everything that a source needs is written into
the folder that is the first argument, before it listens.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

folder = pathlib.Path(sys.argv[1])
lock = threading.Lock()
keys = {"AKIDPROFILE": Credentials("AKIDPROFILE", "secret/of+profile"), "AKIDGIVEN": Credentials("AKIDGIVEN", "secret/of+given")}
REGION = "eu-central-1"


def until():
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)


def lend(source):
    """New keys, which are known by their source."""
    with lock:
        name = f"ASIA{source}{sum(key.startswith('ASIA' + source) for key in keys) + 1}"
        keys[name] = Credentials(name, f"secret/of+{name}", f"session-of-{name}")
        return keys[name]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, text, kind="application/json"):
        text = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def metadata(self, source):
        lent = lend(source)
        self.answer(200, json.dumps({
            "AccessKeyId": lent.access_key, "SecretAccessKey": lent.secret_key, "Token": lent.token,
            "Expiration": until().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }))

    def do_PUT(self):
        if self.path == "/latest/api/token" and int(self.headers["x-aws-ec2-metadata-token-ttl-seconds"]) > 0:
            return self.answer(200, "instance-token", "text/plain")
        self.answer(404, "")

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        roles = "/latest/meta-data/iam/security-credentials/"
        if url.path.startswith(roles):
            if self.headers.get("x-aws-ec2-metadata-token") != "instance-token":
                return self.answer(401, "")
            return self.answer(200, "our-role", "text/plain") if url.path == roles else self.metadata("INSTANCE")
        if url.path == "/container":
            if self.headers.get("authorization") != "container-token":
                return self.answer(401, "")
            return self.metadata("CONTAINER")
        if url.path == "/federation/credentials":
            query = dict(urllib.parse.parse_qsl(url.query))
            if self.headers.get("x-amz-sso_bearer_token") != "signed-in" or query != {"role_name": "dev", "account_id": "123"}:
                return self.answer(401, "{}")
            lent = lend("SSO")
            return self.answer(200, json.dumps({"roleCredentials": {
                "accessKeyId": lent.access_key, "secretAccessKey": lent.secret_key, "sessionToken": lent.token,
                "expiration": int(until().timestamp() * 1000),
            }}))
        self.answer(404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            wanted = {
                "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::123:role/ours",
                "RoleSessionName": "switchtower", "WebIdentityToken": "web-token",
            }
            if form != wanted:
                return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", "text/xml")
            lent = lend("WEB")
            return self.answer(200, (
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                f"<AccessKeyId>{lent.access_key}</AccessKeyId><SecretAccessKey>{lent.secret_key}</SecretAccessKey>"
                f"<SessionToken>{lent.token}</SessionToken><Expiration>{until().strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration>"
                "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
            ), "text/xml")
        refused = self.unsigned(body)
        if refused:
            return self.answer(403, json.dumps({"message": refused}))
        message = {"role": "assistant", "content": [{"text": self.key}]}
        usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
        self.answer(200, json.dumps({"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}))

    def unsigned(self, body):
        """Why a request is not signed as botocore would sign it."""
        scheme, _, rest = self.headers.get("authorization", "").partition(" ")
        said = dict(field.strip().split("=", 1) for field in rest.split(",")) if rest else {}
        if scheme != "AWS4-HMAC-SHA256":
            return "no signature"
        self.key, day, region, service, _ = said["Credential"].split("/")
        lent = keys.get(self.key)
        if lent is None or (region, service) != (REGION, "bedrock"):
            return f"not of {region}, {service}"
        if lent.token != self.headers.get("x-amz-security-token"):
            return "not with the token of the session"
        stamp = self.headers["x-amz-date"]
        age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%S%z")
        if abs(age.total_seconds()) > 300 or not stamp.startswith(day):
            return "not of this time"
        signed = {name: self.headers[name] for name in said["SignedHeaders"].split(";")}
        request = AWSRequest("POST", f"http://{self.headers['host']}{self.path}", headers=signed, data=body)
        request.context["timestamp"] = stamp
        signer = SigV4Auth(lent, service, region)
        again = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return None if again == said["Signature"] else "another signature"


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
cache = folder / ".aws" / "sso" / "cache"
cache.mkdir(parents=True)
signed_in = {"accessToken": "signed-in", "expiresAt": until().strftime("%Y-%m-%dT%H:%M:%SZ")}
(cache / f"{hashlib.sha1(b'acme').hexdigest()}.json").write_text(json.dumps(signed_in))
(folder / ".aws" / "config").write_text(
    "[profile team]\nregion = eu-central-1\n[profile sso]\nsso_session = acme\nsso_account_id = 123\nsso_role_name = dev\n"
    "[sso-session acme]\nsso_region = eu-central-1\nsso_start_url = https://acme.example/start\n"
)
(folder / ".aws" / "credentials").write_text(
    "[team]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret/of+profile\n"
)
(folder / "web-token").write_text("web-token\n")
print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
