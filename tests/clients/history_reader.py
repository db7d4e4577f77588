"""Reads packed history and the stream behind it straight from Redis: history_reader.py REDIS_SOCKET [FROM]

Prints "ID INDEX SHA256" of each certificate, oldest first, from the id FROM on. All that is needed to read blocks (redis/README.md, "P:block") is here:
python3-zstandard if it is there, else the command zstd.
"""
import hashlib
import socket
import struct
import subprocess
import sys

try:
    import zstandard
except ImportError:
    zstandard = None

PREFIX = "{certstream}"
VERBATIM, PRECERTIFICATE, CHAIN, HAS_TEXT = 1, 2, 12, 16


class Redis:
    """As much of RESP as these commands need."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def command(self, *words):
        words = [word if isinstance(word, bytes) else word.encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, text = line[:1], line[1:-2]
        if kind == b"-":
            sys.exit(text.decode())
        if kind == b"$":
            return None if text == b"-1" else self.file.read(int(text) + 2)[:-2]
        if kind == b"*":
            return None if text == b"-1" else [self.reply() for _ in range(int(text))]
        return int(text) if kind == b":" else text


def unpack(frame, raw_size):
    if zstandard:
        raw = zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw_size)
    else:
        raw = subprocess.run(["zstd", "-dcq"], input=frame, stdout=subprocess.PIPE, check=True).stdout
    if len(raw) != raw_size:
        raise ValueError("a frame is damaged")
    return raw


class Numbers:
    """Reads LEB128 and runs of bytes off the front of what it is given."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed(self, base):
        folded = self.number()
        return (base + (folded >> 1 ^ -(folded & 1))) % 2**64

    def take(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def vector(self):
        return self.take(self.number())


class Block:
    FIXED = struct.Struct(">4sHIIII6QQIIH")

    def __init__(self, data):
        fixed = self.FIXED.unpack_from(data)
        mark, self.format, frames, earlier, self.count, self.records = fixed[:6]
        if mark != b"CTHB" or self.format != 1:
            raise ValueError("a block of another format")
        self.first, self.last, self.generation = fixed[6:8], fixed[8:10], fixed[10:12]
        self.ordinal, rows_raw, rows_size = fixed[12:15]
        at = self.FIXED.size
        directory = [struct.unpack_from(">III", data, at + 12 * i) for i in range(frames)]
        at += 12 * frames
        self.earlier = [struct.unpack_from(">QQ", data, at + 16 * i) for i in range(earlier)]
        at += 16 * earlier
        if hashlib.sha256(data[:at]).digest()[:8] != data[at : at + 8]:
            raise ValueError("a head is damaged")
        at += 8
        self.rows = unpack(data[at : at + rows_size], rows_raw)
        at += rows_size
        self.frames = []
        for records, raw_size, size in directory:
            self.frames.append((records, raw_size, data[at : at + size]))
            at += size
        self.cached = None

    def all_records(self):
        """The certificates, and the fields of entries that are kept as they are."""
        if self.cached is None:
            self.cached = []
            for count, raw_size, frame in self.frames:
                raw = Numbers(unpack(frame, raw_size))
                sizes = [raw.number() for _ in range(count)]
                self.cached += [raw.take(size) for size in sizes]
        return self.cached

    def entries(self):
        """(id, flags, index, place) of each, where place is (None or an earlier block, number)."""
        rows = Numbers(self.rows)
        columns = [Numbers(rows.vector()) for _ in range(14)]
        ids, flags, blocks, records, source_numbers, indexes = columns[4:10]
        (ms, sequence), next_record, next_index = (self.first[0], None), 0, {}
        for _ in range(self.count):
            later, number = ids.number(), ids.number()
            ms, sequence = ms + later, number if later or sequence is None else sequence + 1 + number
            flag, block = flags.take(1)[0], blocks.number()
            if block == 0:
                place, next_record = (None, next_record), next_record + 1
            else:
                place = (None if block == 1 else self.earlier[block - 2], records.number())
            index = None
            if not flag & VERBATIM:
                source = source_numbers.number()
                index = indexes.signed(next_index.get(source, 0))
                next_index[source] = (index + 1) % 2**64
            yield (ms, sequence), flag, index, place


def text_of(entry_id):
    return "%d-%d" % entry_id


def fields_of(record):
    numbers, fields = Numbers(record), {}
    while numbers.at < len(record):
        name = numbers.vector()
        fields[name] = numbers.vector()
    return fields


def show(entry_id, index, der):
    print(entry_id, index, hashlib.sha256(der).hexdigest())


def show_block(redis, blocks, last, first):
    if last not in blocks:
        blocks[last] = Block(redis.command("GET", PREFIX + ":block:" + last))
    for entry_id, flags, index, (earlier, number) in blocks[last].entries():
        if entry_id < first:
            continue
        named = last if earlier is None else text_of(earlier)
        if named not in blocks:
            blocks[named] = Block(redis.command("GET", PREFIX + ":block:" + named))
        record = blocks[named].all_records()[number]
        if not flags & VERBATIM:
            show(text_of(entry_id), index, record)
        elif b"der" in fields_of(record):
            show(text_of(entry_id), int(fields_of(record)[b"index"]), fields_of(record)[b"der"])


def main(path, since="0-0"):
    redis, blocks = Redis(path), {}
    first = tuple(int(number) for number in since.split("-"))
    at = since
    while True:
        redis.command("MULTI")
        redis.command("XRANGE", PREFIX + ":history", at, "+", "COUNT", "1")
        redis.command("XRANGE", PREFIX + ":stream", at, "+", "COUNT", "100")
        index, plain = redis.command("EXEC")
        if index:
            last = index[0][0].decode()
            show_block(redis, blocks, last, first)
            at = "(" + last
            continue
        for entry_id, words in plain:
            fields = dict(zip(words[::2], words[1::2]))
            if b"der" in fields:
                show(entry_id.decode(), int(fields[b"index"]), fields[b"der"])
        if not plain:
            break
        at = "(" + plain[-1][0].decode()


main(*sys.argv[1:])
