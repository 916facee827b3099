"""Shows that the fault tests can fail:  python -m tests.resilience.sabotage    --only stock for some of it.

Each sabotage is one small change to a copy of the repository, with the run that has to notice it. A run that does not
is a test that tests nothing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

COPIED = ("app", "resolvers", "dataloaders", "migrations", "tests", "docker")
FILES = ("pyproject.toml", "schema.graphql", "requirements.txt")
SHOWN_LENGTH = 110
_SIMULATION = ("-m", "tests.resilience.simulate", "--seeds", "600", "--stop")


@dataclass(frozen=True, slots=True)
class Sabotage:
    """One change: in the file, `old`, which is there once, becomes `new`. run: what has to fail, and `says` in it."""

    name: str
    file: str
    old: str
    new: str
    run: tuple[str, ...]
    says: str


def simulated(name: str, file: str, old: str, new: str, says: str) -> Sabotage:
    """A sabotage that the simulation has to notice."""
    return Sabotage(name, file, old, new, _SIMULATION, says)


def killed(name: str, window: str, file: str, old: str, new: str, says: str) -> Sabotage:
    """A sabotage that a window of the kill -9 matrix has to notice."""
    run = ("-m", "tests.resilience.kill_matrix", "--rounds", "3", "--only", window)
    return Sabotage(name, file, old, new, run, says)


def tested(name: str, test: str, file: str, old: str, new: str, says: str) -> Sabotage:
    """A sabotage that a test has to notice."""
    return Sabotage(name, file, old, new, ("-m", "pytest", f"tests/resilience/{test}", "-x"), says)


SABOTAGES = (
    simulated(
        "each call of a charge has a key of its own",
        "app/payments/stripe_gateway.py",
        'options: Any = {"idempotency_key": str(attempt.id)}',
        'options: Any = {"idempotency_key": __import__("uuid").uuid4().hex}',
        "I4: attempt",
    ),
    simulated(
        "the price is not compared with what the buyer accepted",
        "app/checkout/place_order.py",
        "        check_payable(priced, request)\n",
        "",
        "its buyer accepted",
    ),
    simulated(
        "a paid order's units stay held",
        "app/checkout/settle_payment.py",
        "            await tx.stock.sell(settled.order_id, now=now)\n",
        "",
        "I5: order",
    ),
    simulated(
        "a failed order's units stay held",
        "app/checkout/settle_payment.py",
        "            await tx.stock.release(settled.order_id, now=now)\n",
        "",
        "I5: order",
    ),
    simulated(
        "a canceled order's units do not come back",
        "app/checkout/cancel_order.py",
        "        await tx.stock.take_back(order.id, now=now)\n",
        "",
        "I5: order",
    ),
    simulated(
        "an outcome is recorded without the lock of the cart",
        "app/checkout/settle_payment.py",
        "    await tx.carts.hold(found.cart_id)\n",
        "",
        "is saved under its cart's lock",
    ),
    simulated(
        "money for what the buyer gave up is kept",
        "app/checkout/settle_payment.py",
        '                await refund_the_rest(tx, settled, reason="canceled by the buyer", now=now)\n',
        "                pass\n",
        "and was charged",
    ),
    simulated(
        "a buyer whose payment is delayed is not told",
        "app/checkout/notices.py",
        "                return PaymentDelayed(self._summary(order))\n",
        "                return None\n",
        "I9: order",
    ),
    simulated(
        "on-call is not told of a delayed payment",
        "app/checkout/settle_payment.py",
        "            telemetry.PAYMENTS_DELAYED.inc()\n",
        "",
        "on-call was told of",
    ),
    killed(
        "a window that no process comes by",
        "check_answered",
        "app/checkout/check_payments.py",
        "        reached(FaultPoint.CHECK_ANSWERED)\n",
        "",
        "never came to check_answered",
    ),
    killed(
        "the jobs of a killed worker are nobody's",
        "job_claimed",
        "app/jobs/queue.py",
        "heartbeat_timeout=self._lease",
        "heartbeat_timeout=self._lease * 1_000",
        "TimeoutError",
    ),
    killed(
        "transitions of attempts are not logged",
        "order_committed",
        "migrations/versions/0007_add_state_log.py",
        " AFTER INSERT OR UPDATE OF {column} ON {table}",
        " AFTER INSERT ON {table}",
        "the log ends with",
    ),
    tested(
        "a silent provider is taken for a refusal",
        "test_fault_kinds.py",
        "app/checkout/place_order.py",
        "return await self.settle.unanswered(attempt.id, sent_at=sent_at)",
        "return await self.settle(attempt.id, PaymentOutcome(AttemptState.FAILED, None, attempt.amount))",
        "test_a_failure_that_stays_has_the_payment_queued",
    ),
    tested(
        "units are held whether or not there are any",
        "test_crowds.py",
        "app/inventory/repository.py",
        "            if quantity > available:\n",
        "            if False:\n",
        "test_500_buyers",
    ),
    tested(
        "the breaker never opens",
        "test_outage.py",
        "app/core/breaker.py",
        "THRESHOLD = 3\n",
        "THRESHOLD = 1_000\n",
        "test_a_queue_is_told_of",
    ),
    tested(
        "the worker asks the provider as fast as it can",
        "test_outage.py",
        "app/bootstrap.py",
        "WORKER_REDIS_SECONDS,\n        paced=True,",
        "WORKER_REDIS_SECONDS,\n        paced=False,",
        "rate <= PACE_PER_SECOND",
    ),
)


def sabotage(this: Sabotage) -> str | None:
    """Try one; returns None where it was noticed, or why it was not."""
    with tempfile.TemporaryDirectory(prefix="cartograph-sabotage-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        for each in COPIED:
            shutil.copytree(REPOSITORY / each, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
        for each in FILES:
            shutil.copy(REPOSITORY / each, folder)
        path = folder / this.file
        text = path.read_text()
        if text.count(this.old) != 1:
            return f"{this.file} holds {this.old!r} {text.count(this.old)} times: bring the sabotage up to date"
        path.write_text(text.replace(this.old, this.new))
        done = subprocess.run([sys.executable, *this.run], cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    if done.returncode == 0:
        return "nothing failed"
    if this.says not in output:
        return f"it failed without saying {this.says!r}: {output.strip().splitlines()[-1][:SHOWN_LENGTH]}"
    return None


def try_all(chosen: Sequence[Sabotage]) -> int:
    """Try each; exit code 1 where one was not noticed."""
    unnoticed = 0
    for this in chosen:
        reason = sabotage(this)
        unnoticed += reason is not None
        print(f"{'noticed' if reason is None else 'MISSED '}  {this.name}: {reason or this.says}", flush=True)
    print(f"{len(chosen)} sabotages, {unnoticed} not noticed")
    return 1 if unnoticed else 0


def main() -> int:
    """Exit code 1 where a sabotage was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.sabotage", description=__doc__)
    parser.add_argument("--only", default="", help="sabotages with this in their name")
    options = parser.parse_args()
    chosen = [each for each in SABOTAGES if options.only in each.name]
    if not chosen:
        parser.error(f"no sabotage is called {options.only!r}")
    return try_all(chosen)


if __name__ == "__main__":
    sys.exit(main())
