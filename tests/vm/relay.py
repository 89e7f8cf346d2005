"""`relay.py PORT`: qemu starts one for each connection of the guest to its source, and talks through a pipe."""

from __future__ import annotations

import os
import socket
import sys
import threading


def _out(server: socket.socket) -> None:
    while data := os.read(0, 65536):
        server.sendall(data)
    server.shutdown(socket.SHUT_WR)


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as server:
        server.settimeout(None)
        threading.Thread(target=_out, args=(server,), daemon=True).start()
        while data := server.recv(65536):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]
    os._exit(0)  # the thread may still read


if __name__ == "__main__":
    main()
