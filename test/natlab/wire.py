"""A wire between pairs of network interfaces that delays, loses, repeats, reorders and throttles frames.

Orders come as one JSON object a line on stdin, each is answered by one on stdout: {"id", "op", ...}.
  join  name, left, right         carries frames between these interfaces from now on, at once and unharmed
  set   name, from, impairment    how frames fare that enter at "left" or "right"
  read  name, from                counts since the wire was joined
Ends when stdin does. Started by wire.ts, which says what an impairment is. The tc netem of kernels that lack it.
"""

import heapq
import json
import os
import random
import selectors
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET = 263
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4
PACKET_IGNORE_OUTGOING = 23
MAX_FRAME = 65536
BURST = 64
NONE = {"delayMs": 0, "jitterMs": 0, "lossPct": 0, "duplicatePct": 0, "reorderPct": 0, "reorderMs": 0, "kbps": 0, "queueMs": 200, "seed": 1}


def is_neighbours(frame):
    """ARP and IPv6 neighbour discovery, which a wire to a provider does not have: they are neither harmed nor delayed."""
    kind = frame[12:14]
    return kind == b"\x08\x06" or (kind == b"\x86\xdd" and frame[20] == 58 and len(frame) > 54 and 133 <= frame[54] <= 137)


def open_interface(name):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.bind((name, 0))
    end.setblocking(False)
    return end


class Direction:
    """Frames that enter at one interface and leave at the other."""

    def __init__(self, out):
        self.out = out
        self.free_at = 0.0  # when a throttled wire has sent what it holds
        self.last_due = 0.0
        self.counts = {"passed": 0, "lost": 0, "overflowed": 0, "repeated": 0, "reordered": 0}
        self.set({})

    def set(self, impairment):
        self.how = {**NONE, **impairment}
        self.random = random.Random(self.how["seed"])
        self.clean = not any(self.how[key] for key in ("delayMs", "jitterMs", "lossPct", "duplicatePct", "reorderPct", "kbps"))

    def happens(self, key):
        percent = self.how[key]
        return percent > 0 and self.random.random() * 100 < percent

    def due(self, size, now):
        """When the frame leaves; None when there is no room for it."""
        start = now
        if self.how["kbps"] > 0:
            start = max(now, self.free_at)
            if start - now > self.how["queueMs"] / 1000:
                return None
            start += size * 8 / (self.how["kbps"] * 1000)
            self.free_at = start
        due = start + (self.how["delayMs"] + self.random.random() * self.how["jitterMs"]) / 1000
        if self.happens("reorderPct"):
            self.counts["reordered"] += 1
            return due + self.how["reorderMs"] / 1000
        # Jitter alone keeps the order, as queues do.
        self.last_due = max(due, self.last_due)
        return self.last_due

    def send(self, frame):
        try:
            self.out.send(frame)
            self.counts["passed"] += 1
        except OSError:  # the other end is gone or down
            self.counts["lost"] += 1


class Wires:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.wires = {}
        self.waiting = []
        self.order = 0

    def join(self, name, left, right):
        ends = {"left": open_interface(left), "right": open_interface(right)}
        wire = {"left": Direction(ends["right"]), "right": Direction(ends["left"])}
        self.wires[name] = wire
        for side, end in ends.items():
            self.selector.register(end, selectors.EVENT_READ, wire[side])

    def carry(self, end, direction, now):
        for _ in range(BURST):
            try:
                frame, address = end.recvfrom(MAX_FRAME)
            except BlockingIOError:
                return
            except OSError:  # the interface is gone or down; it may come back
                return
            if address[2] == PACKET_OUTGOING:
                continue
            if is_neighbours(frame) or (direction.clean and now >= direction.last_due):
                direction.send(frame)
                continue
            if direction.happens("lossPct"):
                direction.counts["lost"] += 1
                continue
            repeated = direction.happens("duplicatePct")
            direction.counts["repeated"] += repeated
            for _ in range(2 if repeated else 1):
                due = direction.due(len(frame), now)
                if due is None:
                    direction.counts["overflowed"] += 1
                    continue
                self.order += 1
                heapq.heappush(self.waiting, (due, self.order, direction, frame))

    def deliver(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, _, direction, frame = heapq.heappop(self.waiting)
            direction.send(frame)

    def obey(self, order):
        op, name = order["op"], order["name"]
        if op == "join":
            self.join(name, order["left"], order["right"])
        elif op == "set":
            self.wires[name][order["from"]].set(order["impairment"])
        elif op == "read":
            return {"counts": self.wires[name][order["from"]].counts}
        return {}

    def listen(self):
        """Orders that have come. False at the end of stdin."""
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return False
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        for line in lines:
            order = json.loads(line)
            try:
                answer = self.obey(order)
            except (OSError, KeyError) as error:
                answer = {"error": str(error)}
            sys.stdout.write(json.dumps({"id": order["id"], **answer}) + "\n")
            sys.stdout.flush()
        return True

    def run(self):
        self.rest = b""
        self.selector.register(0, selectors.EVENT_READ, None)
        while True:
            wait = None
            if self.waiting:
                wait = max(0, self.waiting[0][0] - time.monotonic())
            events = self.selector.select(wait)
            now = time.monotonic()
            for key, _ in events:
                if key.data is not None:
                    self.carry(key.fileobj, key.data, now)
                elif not self.listen():
                    return
            self.deliver()


Wires().run()
