"""Stands in for the programs of a stack: `python stand_in.py serve|worker|migrate|seed|emulator|explorer …`.

It keeps the agreement between launcher and programs and nothing more: the API is ready when the migration's table is
there, the seed fills it once, the emulator listens. STAND_IN_FAULT makes one of them misbehave; the API shows its
environment on /environment and counts the seeded rows on /rows.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def sql(statement: str) -> list[list[object]]:
    import asyncio

    import asyncpg  # half a second without byte code, and only some need it

    async def ask() -> list[list[object]]:
        connection = await asyncpg.connect(os.environ["DATABASE_URL"], timeout=2)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = 200, "ok"
        try:
            if self.path == "/readyz" and os.environ.get("STAND_IN_FAULT", "").startswith("migrate"):
                raise RuntimeError("the schema is old")
            if self.path == "/environment":
                body = json.dumps(dict(os.environ))
            elif self.path in ("/readyz", "/rows"):
                body = str(sql("SELECT count(*) FROM stand_in")[0][0])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not ready
            status, body = 503, repr(error)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


def main() -> None:
    command, fault = sys.argv[1], os.environ.get("STAND_IN_FAULT", "")
    signal.signal(signal.SIGTERM, lambda *_: stop(command))
    if fault == f"{command} fails":
        sys.exit(f"{command} could not do its work")
    if command in ("serve", "emulator"):
        port = int(sys.argv[sys.argv.index("--port") + 1])
        Server(("127.0.0.1", port), Api).serve_forever()
    elif command == "worker":
        if fault == "worker fails later":
            time.sleep(1)
            sys.exit("worker lost its way")
        print("working", flush=True)
        while True:
            time.sleep(60)
    elif command == "migrate":
        if fault == "migrate hangs":
            time.sleep(1000)
        sql("CREATE TABLE IF NOT EXISTS stand_in (id int)")
    elif command == "seed":
        sql("INSERT INTO stand_in SELECT 1 WHERE NOT EXISTS (SELECT FROM stand_in)")


def stop(command: str) -> None:
    # One line each, so that a test can see who was asked first.
    with (Path(os.environ["CARTOGRAPH_DATA_DIR"]) / "stopped").open("a", encoding="utf-8") as file:
        file.write(f"{command}\n")
    os._exit(0)


if __name__ == "__main__":
    main()
