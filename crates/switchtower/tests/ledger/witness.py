"""A witness (https://c2sp.org/tlog-witness) that trusts nobody: it checks the log's signature and that the log only grew, with
arithmetic of its own, and signs (https://c2sp.org/tlog-cosignature).

    python3 witness.py GUIDES LOG_KEY PORT_FILE

GUIDES is the folder of verify_proof.py, whose curve it uses. It prints its own key, then a line for each checkpoint.
"""

import base64
import hashlib
import http.server
import os
import sys

sys.path.insert(0, sys.argv[1])
import verify_proof as curve

NAME = "witness.example"
SEED = hashlib.sha256(b"a witness of tests").digest()
BASE = (curve.recover_x(curve.BASE_Y, 0), curve.BASE_Y)


def encoded(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def scalar():
    digest = bytearray(hashlib.sha512(SEED).digest())
    digest[0] &= 248
    digest[31] = digest[31] & 127 | 64
    return int.from_bytes(digest[:32], "little"), bytes(digest[32:])


SECRET, PREFIX = scalar()
PUBLIC = encoded(curve.times(SECRET, BASE))
KEY_ID = hashlib.sha256(NAME.encode() + b"\n\x04" + PUBLIC).digest()[:4]


def signature(message):
    number = int.from_bytes(hashlib.sha512(PREFIX + message).digest(), "little") % curve.L
    point = encoded(curve.times(number, BASE))
    digest = int.from_bytes(hashlib.sha512(point + PUBLIC + message).digest(), "little") % curve.L
    return point + ((number + digest * SECRET) % curve.L).to_bytes(32, "little")


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def grew(old, old_root, new, new_root, path):
    """RFC 9162, 2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if old & (old - 1) == 0:
        path = [old_root] + path
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    if not path:
        return False
    before = after = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node(step, before), node(step, after)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            after = node(after, step)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


class Witness(http.server.BaseHTTPRequestHandler):
    known = (0, None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        status, answer = self.judged(body) if self.path == "/log/add-checkpoint" else (404, "")
        self.send_response(status)
        answer = answer.encode()
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def judged(self, body):
        head, checkpoint = body.split("\n\n", 1)
        old, *path = head.split("\n")
        old = int(old.removeprefix("old "))
        path = [base64.b64decode(step) for step in path]
        text, signatures = checkpoint.rsplit("\n\n", 1)
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        size, root = int(size), base64.b64decode(root)
        name, key_id, packed = sys.argv[2].strip().split("+", 2)
        for line in signatures.splitlines():
            _, signer, packed_signature = line.split(" ")
            bytes_ = base64.b64decode(packed_signature)
            if signer == name and bytes_[:4].hex() == key_id:
                if curve.signed(base64.b64decode(packed)[1:], text.encode(), bytes_[4:]):
                    break
        else:
            return 403, ""
        known, known_root = Witness.known
        if old != known:
            return 409, f"{known}\n"
        if size < old or (old and not grew(old, known_root, size, root, path)):
            return 422, ""
        Witness.known = (size, root)
        time = 1_795_000_000
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        line = base64.b64encode(KEY_ID + time.to_bytes(8, "big") + signature(message)).decode()
        print(f"{origin} {old} {size}", flush=True)
        return 200, f"\u2014 {NAME} {line}\n"

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Witness)
print(f"{NAME}+{KEY_ID.hex()}+{base64.b64encode(bytes([4]) + PUBLIC).decode()}", flush=True)
with open(sys.argv[3] + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_port))
os.rename(sys.argv[3] + ".new", sys.argv[3])
server.serve_forever()
