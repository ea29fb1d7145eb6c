"""Checks a proof that a record is in a ledger, with nothing but Python's own library.

    python3 verify_proof.py PROOF RECORD KEY

PROOF is what `switchtower ledger prove` prints, RECORD the file of its `--record-out`, KEY the line of
`switchtower ledger key`, kept from a day on which nobody had a reason to change anything.
Sources: RFC 9162 (2.1.3.2), RFC 8032 (5.1), https://c2sp.org/tlog-proof, https://c2sp.org/signed-note.
"""

import base64
import hashlib
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    return P - x if x & 1 != sign else x


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, P - 2, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, P - 2, P)
    return x % P, y % P


def times(number, point):
    result = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point_of(encoded):
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if y >= P:
        raise ValueError("no point of the curve")
    return recover_x(y, sign), y


def signed(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(digest, "little") % L
    left = times(s, (recover_x(BASE_Y, 0), BASE_Y))
    return left == add(point_of(signature[:32]), times(h, point_of(public)))


def main(proof, record, key):
    name, key_id, packed = key.strip().split("+", 2)
    packed = base64.b64decode(packed)
    if hashlib.sha256(name.encode() + b"\n" + packed).digest()[:4].hex() != key_id or packed[0] != 1:
        sys.exit("the key is not written as one")

    lines, checkpoint = proof.split("\n\n", 1)
    head, index, *path = lines.split("\n")
    if head != "c2sp.org/tlog-proof@v1":
        sys.exit("this is no proof of that kind")
    index = int(index.removeprefix("index "))

    text, signatures = checkpoint.rsplit("\n\n", 1)
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    for line in signatures.splitlines():
        _, signer, packed_signature = line.split(" ")
        bytes_ = base64.b64decode(packed_signature)
        if signer == name and bytes_[:4].hex() == key_id and signed(packed[1:], text.encode(), bytes_[4:]):
            break
    else:
        sys.exit("the checkpoint is not signed by that key")

    here, last = index, size - 1
    node = hashlib.sha256(b"\x00" + record).digest()
    for step in map(base64.b64decode, path):
        if last == 0:
            sys.exit("the proof is too long")
        if here & 1 or here == last:
            node = hashlib.sha256(b"\x01" + step + node).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + step).digest()
        here, last = here >> 1, last >> 1
    if index >= size or last or node != root:
        sys.exit("the record is not the one of the proof")
    print(f"record {index} is in {origin} of {size} records, as its owner signed")


if __name__ == "__main__":
    main(open(sys.argv[1], encoding="utf-8").read(), open(sys.argv[2], "rb").read(), sys.argv[3])
