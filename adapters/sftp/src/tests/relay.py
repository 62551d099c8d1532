"""Stands between sshd and its sftp-server, and lets a connection die, or an answer get lost, where a test wants it.

What it is to do stands in the file `mood` beside it: `well`; `refuse` and `fail` (every change is answered with "permission denied"
or "failure"); `break-before` and `break-after` (the connection dies before the last rename of a unit is handed on, or before its
answer is); `silent` (that answer is swallowed); `full` (there is no room); `before N`, `after N` (the same for request number N
since this mood began, whatever it is; so far they are counted in the file `count`). Where `plain` comes after it, the server has no extensions.
"""
import os, signal, socket, struct, subprocess, sys, threading

home = sys.argv[1]
VERSION, OPEN, MKDIR, RENAME, EXTENDED, STATUS, EXTENDED_REPLY = 2, 3, 14, 18, 200, 101, 201
listener = int(open(f"{home}/sshd.pid").read())
mood = open(f"{home}/mood").read().split()
server = subprocess.Popen(["/usr/lib/openssh/sftp-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
out, marked, room = threading.Lock(), set(), set()


def die():
    """Kills the sshd of this session, so that its client sees the connection tear."""
    pid = os.getppid()
    while pid > 1:
        stat = open(f"/proc/{pid}/stat").read()
        name, parent = stat[stat.index("(") + 1 : stat.rindex(")")], int(stat[stat.rindex(")") + 2 :].split()[1])
        if name == "sshd" and pid != listener:
            os.kill(pid, signal.SIGKILL)
            break
        pid = parent
    os._exit(1)


def packet(stream):
    head = stream.read(4)
    if len(head) < 4:
        return None
    body = stream.read(struct.unpack(">I", head)[0])
    return body


def send(stream, body):
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def text(body, at):
    length = struct.unpack(">I", body[at : at + 4])[0]
    return body[at + 4 : at + 4 + length].decode(), at + 4 + length


def answers():
    while (body := packet(server.stdout)) is not None:
        if body[0] == VERSION and "plain" in mood:
            body = body[:5]
        number = body[1:5]
        if number in marked:
            if mood[0] == "silent":
                socket.create_connection(("127.0.0.1", int(open(f"{home}/reached").read()))).close()
                continue
            die()
        if number in room and body[0] == EXTENDED_REPLY:
            body = body[: 5 + 32] + b"\0" * 8 + body[5 + 40 :]
        with out:
            send(sys.stdout.buffer, body)
    os._exit(0)


def changes(body):
    return body[0] in (MKDIR, RENAME) or (body[0] == OPEN and struct.unpack(">I", body[text(body, 5)[1] :][:4])[0] & 2)


def decides(body):
    """Whether this is the rename that publishes a unit."""
    if body[0] != RENAME:
        return False
    old, at = text(body, 5)
    new, _ = text(body, at)
    return "/.rohrpost/" not in new and (new.endswith(".meta.json") or os.path.isdir(old))


threading.Thread(target=answers, daemon=True).start()
count = int(open(f"{home}/count").read())
while (body := packet(sys.stdin.buffer)) is not None:
    count += 1
    with open(f"{home}/count", "w") as file:
        file.write(str(count))
    here = mood[0] in ("break-before", "break-after", "silent") and decides(body)
    here = here or (mood[0] in ("before", "after") and count == int(mood[1]))
    if here and mood[0] in ("break-before", "before"):
        die()
    if here:
        marked.add(body[1:5])
    if body[0] == EXTENDED and mood[0] == "full" and text(body, 5)[0].startswith("statvfs"):
        room.add(body[1:5])
    if mood[0] in ("refuse", "fail") and changes(body):
        code = 3 if mood[0] == "refuse" else 4
        with out:
            send(sys.stdout.buffer, bytes([STATUS]) + body[1:5] + struct.pack(">III", code, 0, 0))
    else:
        send(server.stdin, body)
os._exit(0)
